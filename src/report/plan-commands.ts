// The plan as a sequence of commands, in the lines that `tbit conform rmm` replays.
import { Bytes, hex, PAGE_SIZE, plural } from '../base/index.ts'
import { DRAM_BASE, levelSize, REC_AUX_COUNT } from '../machine/rmm/index.ts'
import {
  Emitter,
  firmwareProfiles,
  imagePages,
  measuredFlags,
  NS_ATTRS,
  placement,
  type Placement,
  type PlanSpec,
  type Sink
} from '../plan/index.ts'

/** Lines that are written at once. */
const BATCH = 4096

/** A granule by its number: `g17`. */
const g = (pa: number): string => `g${(pa - DRAM_BASE) / PAGE_SIZE}`

/** What the first lines say to a reader: where the plan puts what. */
function remarks(spec: PlanSpec, place: Placement): string[] {
  const out = [
    `# tbit plan: ${spec.strategy}, RMI ${spec.generation}` +
      `${spec.generation === '1.x' ? '' : ` (${spec.firmware})`}, ${Bytes.human(spec.ramSize)} of RAM at ` +
      `${hex(spec.ramBase)}, host pages ${spec.page}`,
    `# gN is granule N: host address ${hex(DRAM_BASE)} + N * ${PAGE_SIZE}. Guest memory is at ` +
      `${g(place.data + spec.ramBase)} upwards, the files at ${g(place.src)} upwards:`
  ]
  let src = place.src
  for (const i of spec.images) {
    out.push(
      `#   ${i.name} -> ${g(src)} (${plural(imagePages(i), 'granule')}, the last one filled with ` +
        `zeros), IPA ${hex(i.addr)}`
    )
    src += imagePages(i) * PAGE_SIZE
  }
  out.push('# A RIM read after this differs from `tbit plan --rim` where the files are not in place.')
  return out
}

/** What the machine has to be for the commands to succeed. */
function machineLines(spec: PlanSpec, place: Placement): string[] {
  const { lpa2, sve, sveVl, pmu, pmuCtrs, bps, wps } = spec.measured
  const asked = [
    ...(lpa2 ? ['lpa2'] : []),
    ...(bps > 16 ? [`bps=${bps}`] : []),
    ...(wps > 16 ? [`wps=${wps}`] : []),
    ...(sve ? [`sve_vl=${sveVl}`] : []),
    ...(pmu ? [`pmu=${pmuCtrs}`] : [])
  ]
  return [
    `GENERATION ${spec.generation}`,
    ...(spec.generation === '2.0' ? [`FIRMWARE ${spec.firmware}`] : []),
    ...(asked.length > 0 ? [`FEATURES ${asked.join(' ')}`] : []),
    `MEMORY ${(place.end - DRAM_BASE) / PAGE_SIZE}`
  ]
}

/** The measured parameters of REALM_CREATE that are not what they are by default. */
function realmParameters(spec: PlanSpec): string {
  const { sve, sveVl, pmu, pmuCtrs, bps, wps } = spec.measured
  const flags = measuredFlags(spec.measured)
  return (
    `${flags === 0 ? '' : ` flags=${flags}`}${sve ? ` sve_vl=${sveVl}` : ''}` +
    `${pmu ? ` pmu_num_ctrs=${pmuCtrs}` : ''}${bps === 1 ? '' : ` bps=${bps}`}${wps === 1 ? '' : ` wps=${wps}`}`
  )
}

/** A command a line. The names are those of the RMI: what the two generations call differently is decided here. */
class Lines implements Sink {
  private lines: string[] = []
  private readonly v1: boolean
  constructor(
    private readonly spec: PlanSpec,
    private readonly write: (text: string) => void
  ) {
    this.v1 = spec.generation === '1.x'
  }

  note(...lines: readonly string[]): void {
    this.lines.push(...lines)
  }
  flush(): void {
    if (this.lines.length > 0) this.write(`${this.lines.join('\n')}\n`)
    this.lines = []
  }
  private put(cmd: string, status = 'SUCCESS'): void {
    this.lines.push(`${cmd} => ${status}`)
    if (this.lines.length >= BATCH) this.flush()
  }

  delegate(pa: number): void {
    this.put(`GRANULE_DELEGATE ${g(pa)}`)
  }
  undelegate(pa: number): void {
    this.put(`GRANULE_UNDELEGATE ${g(pa)}`)
  }
  rangeDelegate(base: number, top: number): void {
    this.put(`GRANULE_RANGE_DELEGATE ${g(base)} ${g(top)}`)
  }
  rangeUndelegate(base: number, top: number): void {
    this.put(`GRANULE_RANGE_UNDELEGATE ${g(base)} ${g(top)}`)
  }
  realmCreate(rd: number, rtt: number): void {
    const { s2sz, start, num } = this.spec.geo
    this.put(
      `REALM_CREATE ${g(rd)} s2sz=${s2sz} start=${start} num=${num} rtt=${g(rtt)} ` +
        `algo=0 vmid=1${realmParameters(this.spec)}`
    )
  }
  realmActivate(rd: number): void {
    this.put(`REALM_ACTIVATE ${g(rd)}`)
  }
  recCreate(rd: number, rec: number, aux: number, runnable: boolean): void {
    const flags = `flags=${runnable ? 1 : 0}`
    if (firmwareProfiles[this.spec.firmware].donates) {
      this.put(`REC_CREATE ${g(rd)} ${g(rec)} ${flags}`, 'INCOMPLETE')
      this.put(`OP_MEM_DONATE h ${g(aux)}/3*${REC_AUX_COUNT}`, 'INCOMPLETE')
      this.put('OP_CONTINUE h')
    } else this.put(`REC_CREATE ${g(rd)} ${g(rec)} aux=${g(aux)} ${flags}`)
  }
  readEntry(rd: number, ipa: number, level: number): void {
    this.put(`RTT_READ_ENTRY ${g(rd)} ${hex(ipa)} ${level}`)
  }
  recEnter(rec: number, action: Parameters<Sink['recEnter']>[1]): void {
    if (action?.op === 'touch') this.note(`REALM_ABORT ${hex(action.ipa)} ${action.level} 1`)
    if (action?.op === 'ripas')
      this.note(`REALM_SET ${hex(action.ipa)} ${hex(action.ipa + PAGE_SIZE)} ${action.ram ? 1 : 0} 1`)
    this.put(`REC_ENTER ${g(rec)} resume=1`)
  }
  rttCreate(rd: number, rtt: number, ipa: number, level: number): void {
    this.put(`RTT_CREATE ${g(rd)} ${g(rtt)} ${hex(ipa)} ${level}`)
  }
  rttFold(rd: number, ipa: number, level: number): void {
    this.put(`RTT_FOLD ${g(rd)} ${hex(ipa)} ${level}`)
  }
  initRipas(rd: number, base: number, top: number): void {
    this.put(`RTT_INIT_RIPAS ${g(rd)} ${hex(base)} ${hex(top)}`)
  }
  setRipas(rd: number, rec: number, base: number, top: number): void {
    this.put(`RTT_SET_RIPAS ${g(rd)} ${g(rec)} ${hex(base)} ${hex(top)}`)
  }
  dataCreate(rd: number, data: number, ipa: number, src: number): void {
    this.put(`${this.v1 ? 'DATA_CREATE' : 'RTT_DATA_MAP_INIT'} ${g(rd)} ${g(data)} ${hex(ipa)} ${g(src)} 1`)
  }
  dataCreateUnknown(rd: number, data: number, ipa: number): void {
    this.put(`DATA_CREATE_UNKNOWN ${g(rd)} ${g(data)} ${hex(ipa)}`)
  }
  dataDestroy(rd: number, ipa: number): void {
    this.put(`DATA_DESTROY ${g(rd)} ${hex(ipa)}`)
  }
  dataMap(rd: number, base: number, top: number, pa: number, level: number): void {
    const blocks = (top - base) / levelSize(level)
    this.put(`RTT_DATA_MAP ${g(rd)} ${hex(base)} ${hex(top)} ${g(pa)}/${level}*${blocks}`)
  }
  dataUnmap(rd: number, base: number, top: number): void {
    this.put(`RTT_DATA_UNMAP ${g(rd)} ${hex(base)} ${hex(top)}`)
  }
  mapUnprotected(rd: number, ipa: number, pa: number): void {
    this.put(
      this.v1
        ? `RTT_MAP_UNPROTECTED ${g(rd)} ${hex(ipa)} 3 ${hex(pa + NS_ATTRS)}`
        : `RTT_UNPROT_MAP ${g(rd)} ${hex(ipa)} ${hex(ipa + PAGE_SIZE)} ${hex(NS_ATTRS)} ${g(pa)}/3*1`
    )
  }
  unmapUnprotected(rd: number, ipa: number): void {
    this.put(
      this.v1
        ? `RTT_UNMAP_UNPROTECTED ${g(rd)} ${hex(ipa)} 3`
        : `RTT_UNPROT_UNMAP ${g(rd)} ${hex(ipa)} ${hex(ipa + PAGE_SIZE)}`
    )
  }
}

/** The plan as lines that `tbit conform rmm` replays; `write` gets pieces of text. */
export function emitPlan(spec: PlanSpec, tables: number, write: (text: string) => void): void {
  const place = placement(spec, tables)
  const lines = new Lines(spec, write)
  lines.note(...remarks(spec, place), ...machineLines(spec, place))
  new Emitter(spec, place, lines).run()
  lines.flush()
}
