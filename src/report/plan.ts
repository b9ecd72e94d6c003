// `tbit plan` as text, as JSON, and as a sequence of commands.
import { Bytes, columns, hex, plural } from '../base/index.ts'
import { coverage, DRAM_BASE, type Handler, heldAgainst } from '../machine/rmm/index.ts'
import { type Cost, type CostTable, type Counterpart, defaultCosts, type Elsewhere, Emitter, NS_ATTRS, placement, type Placement, type PlanResult, type PlanSpec, type Sink, sumCounts } from '../plan/index.ts'
import { bullet } from './wrap.ts'

/** What the RIM part of a report says. */
export interface RimReport {
  readonly algo: 'sha256' | 'sha512'
  readonly sha256: string | null
  readonly sha512: string | null
  readonly extensions: number
  /** Seconds the chain takes on this machine, measured on a short piece of it; null when it was computed. */
  readonly expectedSeconds: number | null
  /** The boot REC is included. */
  readonly withRec: boolean
  /** Why there is no value, or null. */
  readonly missing: string | null
  /** What is uncertain about the value, or null. */
  readonly note: string | null
}

const thousands = (n: number): string => String(Math.round(n)).replace(/\B(?=(\d{3})+(?!\d))/g, ',')
const few = (n: number): string => (Number.isInteger(n) ? String(n) : n.toFixed(n < 100 ? 2 : 1).replace(/\.?0+$/, ''))
const units = (c: Cost): string => (c.low === c.high ? short(c.mid) : `${short(c.low)}-${short(c.high)}`)
const short = (n: number): string => (n >= 1e9 ? `${few(n / 1e9)} G` : n >= 1e6 ? `${few(n / 1e6)} M` : n >= 1e4 ? `${few(n / 1e3)} k` : few(n))
const seconds = (ns: number): string => (ns >= 1e9 ? `${few(ns / 1e9)} s` : ns >= 1e6 ? `${few(ns / 1e6)} ms` : `${few(ns / 1e3)} us`)
const counts = (c: Readonly<Record<string, number>>): string => Object.entries(c).filter(([, n]) => n > 0).map(([k, n]) => (n === 1 ? k : `${thousands(n)} ${k}`)).join(', ') || 'nothing'

function leaves(r: PlanResult): string {
  const parts = (['1G', '2M', '4K'] as const).filter((b) => r.blocks[b] > 0).map((b) => `${thousands(r.blocks[b])} x ${b}`)
  return parts.join(' + ') || 'none'
}

const dma = (r: PlanResult): string => {
  const steady = r.dma.steady === 'never' ? 'never' : 'until touched'
  return r.dma.window === 0 ? steady : `${steady}; ${r.dma.windows === 2 ? 'twice' : 'once'} ${Bytes.format(r.dma.window)}`
}

/** One table: the strategies, the T=0 side, the counterparts. */
export function planText(rs: readonly PlanResult[], e: Elsewhere, costs: CostTable, rim: RimReport | null): string {
  const first = rs[0]
  if (first === undefined) return ''
  const s = first.spec
  const out: string[] = []
  const images = s.images.length === 0 ? 'no image' : s.images.map((i) => `${i.name}@${hex(i.addr)} (${Bytes.human(i.size)})`).join(', ')
  out.push(`${Bytes.human(s.ramSize)} of RAM at ${hex(s.ramBase)}, host pages ${s.page}, IPA ${s.geo.s2sz} bits (start level ${s.geo.start}, ${plural(s.geo.num, 'root table')}), ${plural(s.vcpus, 'vCPU')}, ${images}`)
  out.push('')
  const rows: string[][] = [['plan', 'commands', 'tables (peak)', 'maps', 'cost', 'share a page', 'take it back', 'T=1 DMA faults', '1G blocks']]
  for (const r of rs) {
    const c = r.conversion
    rows.push([
      `${r.spec.strategy}, RMI ${r.spec.generation}`, thousands(r.total), `${Bytes.human(r.tableBytes)} (${Bytes.human(r.peakTableBytes)})`, leaves(r), units(r.cost),
      c === null ? '-' : units(c.toShared), c === null ? '-' : units(c.toPrivate), dma(r), r.oneGig
    ])
  }
  const steps = (c: Readonly<Record<string, number>>): string => plural(sumCounts(c), 'step')
  for (const t of e.t0) rows.push([t.name, plural(t.entries, 'entry', 'entries'), '-', '-', 'no figure', steps(t.toShared), steps(t.toPrivate), `T=0: ${t.faultKind}`, '-'])
  for (const c of e.counterparts) rows.push([c.name, thousands(sumCounts(c.commands)), '-', '-', c.cost === null ? 'no figure' : 'own scale', steps(c.toShared), steps(c.toPrivate), 'until accepted', 'no'])
  out.push(columns(rows))
  out.push('')
  out.push(`cost: in units of one ${costs.unit}. Relative units, a reconstruction from what the code does, not a measurement${costs.replaced.length > 0 ? `; replaced by the cost file: ${costs.replaced.join(', ')}` : '; --costs FILE replaces any of them'}.`)
  if (costs.unitNs !== null) out.push(`time at ${costs.unitNs} ns a unit (from the cost file): ${rs.map((r) => `${r.spec.strategy} ${seconds(r.cost.mid * (costs.unitNs ?? 0))}`).join(', ')}`)
  out.push('T=1 DMA faults: after the plan is done, and for how much memory for a moment while one page is shared (breaking up its block) and, for lazy, taken back (folding).')
  out.push('')
  for (const r of rs) {
    out.push(`${r.spec.strategy}, RMI ${r.spec.generation}: ${counts(r.commands)}`)
    if (r.faults > 0) out.push(`  ${thousands(r.faults)} ${r.faults === 1 ? 'touch' : 'touches'} of the guest fault`)
    if (r.conversion !== null) out.push(`  share a page: ${counts(r.conversion.commandsToShared)}; take it back: ${counts(r.conversion.commandsToPrivate)}`)
  }
  for (const t of e.t0) out.push(`${t.name}: share a page: ${counts(t.toShared)}; take it back: ${counts(t.toPrivate)}; ${t.fault}; needs: ${t.needs}`)
  for (const c of e.counterparts) out.push(...counterpart(c))
  if (rim !== null) out.push('', rimText(rim))
  return `${out.join('\n')}\n`
}

function counterpart(c: Counterpart): string[] {
  return [
    `${c.name}: ${counts(c.commands)}${c.cost === null ? '' : `; ${units({ low: c.cost[0], mid: c.cost[0], high: c.cost[1] })} units (${c.scale})`}`,
    `  share a page: ${counts(c.toShared)}; take it back: ${counts(c.toPrivate)}`,
    `  T=1 DMA: ${c.t1}; blocks: ${c.blocks}`
  ]
}

function rimText(r: RimReport): string {
  const lines: string[] = []
  const what = r.withRec ? 'with the boot REC' : 'before the first REC_CREATE (--entry PC adds the boot REC)'
  if (r.sha256 !== null) lines.push(`RIM sha256 ${r.sha256}`)
  if (r.sha512 !== null) lines.push(`RIM sha512 ${r.sha512}`)
  if (r.missing !== null) lines.push(`RIM: ${r.missing}`)
  lines.push(`  ${plural(r.extensions, 'extension')}, ${what}`)
  if (r.note !== null) lines.push(`  ${r.note}`)
  return lines.join('\n')
}

const costJson = (c: Cost) => ({ low: c.low, mid: c.mid, high: c.high })

function planObject(r: PlanResult): Record<string, unknown> {
  return {
    strategy: r.spec.strategy, rmi: r.spec.generation, commands: r.commands, total_commands: r.total, table_bytes: r.tableBytes, table_bytes_peak: r.peakTableBytes, tables: r.tableBytes / 4096,
    cost_units: r.cost.mid, cost_units_range: [r.cost.low, r.cost.high], blocks: r.blocks, faults: r.faults, rim_extensions: r.extensions,
    conversion: r.conversion === null ? null : {
      to_shared: { commands: r.conversion.commandsToShared, cost_units: costJson(r.conversion.toShared) }, to_private: { commands: r.conversion.commandsToPrivate, cost_units: costJson(r.conversion.toPrivate) }
    },
    t1_dma: { faults: r.dma.steady, window_bytes: r.dma.window, windows_per_conversion: r.dma.windows }, one_gig_blocks: r.oneGig
  }
}

/** `--format json`: the chosen plan's fields on top, all plans side by side in `plans`. */
export function planJson(chosen: PlanResult, rs: readonly PlanResult[], e: Elsewhere, costs: CostTable, rim: RimReport): string {
  const s = chosen.spec
  return `${JSON.stringify({
    format: 1, ...planObject(chosen), rim: rim[rim.algo], rim_algorithm: rim.algo, rims: { sha256: rim.sha256, sha512: rim.sha512 }, rim_extensions: rim.extensions, rim_includes_rec: rim.withRec,
    rim_expected_seconds: rim.expectedSeconds, rim_missing: rim.missing, rim_note: rim.note,
    cost_scale: { unit: costs.unit, unit_ns: costs.unitNs, kind: costs.replaced.length > 0 ? 'relative units, partly replaced' : 'relative units, reconstruction', replaced: costs.replaced },
    ...(costs.unitNs === null ? {} : { time_ns: chosen.cost.mid * costs.unitNs }),
    guest: { ram_base: s.ramBase, ram_size: s.ramSize, page: s.page, ipa_bits: s.geo.s2sz, start_level: s.geo.start, root_tables: s.geo.num, vcpus: s.vcpus, images: s.images.map((i) => ({ name: i.name, addr: i.addr, size: i.size })) },
    plans: rs.map(planObject), t0: e.t0, counterparts: e.counterparts
  }, null, 2)}\n`
}

/** `--coverage`: what is modelled, and how well its rules are known. */
export function coverageText(): string {
  const out: string[] = []
  for (const i of coverage) {
    const part = i.commands.filter((c) => c.modelled === 'part')
    const modelled = i.commands.filter((c) => c.modelled !== 'no')
    const names = (lead: string, of: readonly Handler[]): void => { if (of.length > 0) out.push(bullet(`  ${lead}: `, of.map((c) => c.name).sort().join(' '))) }
    out.push(`${i.side} ${i.generation}: ${modelled.length} of ${i.commands.length} commands modelled${part.length > 0 ? `, ${part.length} in part` : ''}`)
    if (i.side === 'RMI') out.push(`  firmware: ${heldAgainst[i.generation]}`)
    names('recorded', modelled.filter((c) => c.held === 'recorded'))
    names('read    ', modelled.filter((c) => c.held === 'read'))
    for (const c of part) out.push(bullet('  in part: ', `${c.name}: ${c.note ?? ''}`))
    const notes = new Map<string, Handler[]>()
    for (const c of i.commands) if (c.modelled === 'no') notes.set(c.note ?? '', [...(notes.get(c.note ?? '') ?? []), c])
    for (const [note, of] of notes) out.push(bullet('  no: ', `${note}: ${of.map((c) => c.name).sort().join(' ')}`))
  }
  out.push('recorded: held against sequences recorded from the firmware; read: as its source', 'has it, not seen running here')
  return `${out.join('\n')}\n`
}

export function coverageJson(): string {
  return `${JSON.stringify({
    format: 1,
    coverage: coverage.map((i) => ({
      generation: i.generation, side: i.side, total: i.commands.length, modelled: i.commands.filter((c) => c.modelled !== 'no').length,
      ...(i.side === 'RMI' ? { firmware: heldAgainst[i.generation] } : {}),
      commands: i.commands.map((c) => ({ name: c.name, modelled: c.modelled, held: c.held, ...(c.note === undefined ? {} : { note: c.note }) }))
    }))
  }, null, 2)}\n`
}

/** The cost table with its reasons. */
export function costTableText(): string {
  return `${columns([['key', 'units', 'why'], ...Object.entries(defaultCosts).map(([k, r]) => [k, r.cost[0] === r.cost[1] ? few(r.cost[0]) : `${few(r.cost[0])}-${few(r.cost[1])}`, r.why])])}\n`
}

/** The same as json. */
export function costTableJson(): string {
  return `${JSON.stringify({ format: 1, unit: 'SMC round trip', costs: Object.entries(defaultCosts).map(([key, r]) => ({ key, low: r.cost[0], high: r.cost[1], why: r.why })) }, null, 2)}\n`
}

/** The plan as lines that `tbit conform rmm` replays; `write` gets pieces of text. */
export function emitPlan(spec: PlanSpec, tables: number, write: (text: string) => void): void {
  const place: Placement = placement(spec, tables)
  let lines: string[] = []
  const flush = (): void => {
    if (lines.length > 0) write(`${lines.join('\n')}\n`)
    lines = []
  }
  const g = (pa: number): string => `g${(pa - DRAM_BASE) / 4096}`
  const put = (cmd: string): void => {
    lines.push(`${cmd} => SUCCESS`)
    if (lines.length >= 4096) flush()
  }
  const note = (text: string): void => { lines.push(text) }
  note(`# tbit plan: ${spec.strategy}, RMI ${spec.generation}, ${Bytes.human(spec.ramSize)} of RAM at ${hex(spec.ramBase)}, host pages ${spec.page}`)
  note(`# gN is granule N: host address ${hex(DRAM_BASE)} + N * 4096. Guest memory is at ${g(place.data + spec.ramBase)} upwards, the files at ${g(place.src)} upwards:`)
  let src = place.src
  for (const i of spec.images) {
    note(`#   ${i.name} -> ${g(src)} (${plural(Math.ceil(i.size / 4096), 'granule')}, the last one filled with zeros), IPA ${hex(i.addr)}`)
    src += Math.ceil(i.size / 4096) * 4096
  }
  note('# A RIM read after this differs from `tbit plan --rim` where the files are not in place.')
  note(`GENERATION ${spec.generation}`)
  if (spec.generation === '2.0') note('FIRMWARE spec-2.0')
  note(`MEMORY ${(place.end - DRAM_BASE) / 4096}`)
  const sink: Sink = {
    delegate: (pa) => { put(`GRANULE_DELEGATE ${g(pa)}`) },
    undelegate: (pa) => { put(`GRANULE_UNDELEGATE ${g(pa)}`) },
    rangeDelegate: (b, t) => { put(`GRANULE_RANGE_DELEGATE ${g(b)} ${g(t)}`) },
    rangeUndelegate: (b, t) => { put(`GRANULE_RANGE_UNDELEGATE ${g(b)} ${g(t)}`) },
    realmCreate: (rd, rtt) => { put(`REALM_CREATE ${g(rd)} s2sz=${spec.geo.s2sz} start=${spec.geo.start} num=${spec.geo.num} rtt=${g(rtt)} algo=0 vmid=1`) },
    realmActivate: (rd) => { put(`REALM_ACTIVATE ${g(rd)}`) },
    recCreate: (rd, rec, aux, runnable) => { put(`REC_CREATE ${g(rd)} ${g(rec)} aux=${g(aux)} flags=${runnable ? 1 : 0}`) },
    recEnter: (rec, a) => {
      if (a !== null) note(a.op === 'touch' ? `REALM_ABORT ${hex(a.ipa)} ${a.level} 1` : `REALM_SET ${hex(a.ipa)} ${hex(a.ipa + 4096)} ${a.ram ? 1 : 0} 1`)
      put(`REC_ENTER ${g(rec)} resume=1`)
    },
    rttCreate: (rd, rtt, ipa, level) => { put(`RTT_CREATE ${g(rd)} ${g(rtt)} ${hex(ipa)} ${level}`) },
    rttFold: (rd, ipa, level) => { put(`RTT_FOLD ${g(rd)} ${hex(ipa)} ${level}`) },
    initRipas: (rd, b, t) => { put(`RTT_INIT_RIPAS ${g(rd)} ${hex(b)} ${hex(t)}`) },
    setRipas: (rd, rec, b, t) => { put(`RTT_SET_RIPAS ${g(rd)} ${g(rec)} ${hex(b)} ${hex(t)}`) },
    dataCreate: (rd, data, ipa, from) => { put(`${spec.generation === '1.x' ? 'DATA_CREATE' : 'RTT_DATA_MAP_INIT'} ${g(rd)} ${g(data)} ${hex(ipa)} ${g(from)} 1`) },
    dataCreateUnknown: (rd, data, ipa) => { put(`DATA_CREATE_UNKNOWN ${g(rd)} ${g(data)} ${hex(ipa)}`) },
    dataDestroy: (rd, ipa) => { put(`DATA_DESTROY ${g(rd)} ${hex(ipa)}`) },
    dataMap: (rd, b, t, pa, level) => { put(`RTT_DATA_MAP ${g(rd)} ${hex(b)} ${hex(t)} ${g(pa)}/${level}*${(t - b) / (4096 * 512 ** (3 - level))}`) },
    dataUnmap: (rd, b, t) => { put(`RTT_DATA_UNMAP ${g(rd)} ${hex(b)} ${hex(t)}`) },
    mapUnprotected: (rd, ipa, pa) => { put(spec.generation === '1.x' ? `RTT_MAP_UNPROTECTED ${g(rd)} ${hex(ipa)} 3 ${hex(pa + NS_ATTRS)}` : `RTT_UNPROT_MAP ${g(rd)} ${hex(ipa)} ${hex(ipa + 4096)} ${hex(NS_ATTRS)} ${g(pa)}/3*1`) },
    unmapUnprotected: (rd, ipa) => { put(spec.generation === '1.x' ? `RTT_UNMAP_UNPROTECTED ${g(rd)} ${hex(ipa)} 3` : `RTT_UNPROT_UNMAP ${g(rd)} ${hex(ipa)} ${hex(ipa + 4096)}`) }
  }
  new Emitter(spec, place, sink).run()
  flush()
}

/** What `plan` can write: a plan, what is modelled, the costs in force. */
export const planFormats = {
  text: { plan: (_chosen: PlanResult, rs: readonly PlanResult[], e: Elsewhere, costs: CostTable, rim: RimReport): string => planText(rs, e, costs, rim), coverage: coverageText, costs: costTableText },
  json: { plan: planJson, coverage: coverageJson, costs: costTableJson }
} as const satisfies Record<string, { plan(chosen: PlanResult, rs: readonly PlanResult[], e: Elsewhere, costs: CostTable, rim: RimReport): string; coverage(): string; costs(): string }>
