// The plan performed on the RMM model, command by command: the slow twin of count.ts, and the proof that the firmware
// would accept it.
import { ensure, hex, PAGE_SIZE } from '../base/index.ts'
import {
  type Content,
  DEV_BASE,
  DRAM_BASE,
  hash,
  levelSize,
  REC_AUX_COUNT,
  Rmm1,
  Rmm2,
  type RmmObserver,
  statusName,
  toHex
} from '../machine/rmm/index.ts'
import { Counter } from './count.ts'
import { Emitter, NS_ATTRS, type Placement, placement, type Sink } from './emit.ts'
import { firmwareProfiles } from './profiles.ts'
import { measuredFlags, type PlanSpec } from './spec.ts'
import { Tally } from './tally.ts'

export interface Simulation {
  readonly tally: Tally
  readonly rmm: Rmm1 | Rmm2
  /** The Realm's descriptor granule. */
  readonly rd: number
  readonly rim: string | null
  /** Tables at the end, roots included. */
  readonly tables: number
  /** The first command the model refused, or null. */
  readonly refused: string | null
  /** Where a guest granule's memory is. */
  readonly pa: (ipa: number) => number
}

/** Image bytes for DATA_CREATE; everything else is zero. */
class ImageContent implements Content {
  private digests = new Map<number, Uint8Array>()
  private current: Uint8Array | null = null

  constructor(private readonly spec: PlanSpec) {}

  /** Says which page the next copy copies. */
  next(image: number, page: number): void {
    const read = this.spec.images[image]?.read
    const page4K = new Uint8Array(PAGE_SIZE)
    if (read !== undefined) page4K.set(read(page * PAGE_SIZE, PAGE_SIZE))
    this.current = page4K
  }

  copy(): void {}
  zero(): void {}
  own(): void {}
  digest(_granule: number, algo: number): Uint8Array {
    this.digests.clear()
    return hash(algo, ensure(this.current, 'the page being measured'))
  }
}

interface SimulateOptions {
  readonly measure?: boolean
  /** 0: SHA-256, 1: SHA-512. */
  readonly algo?: number
  readonly observer?: RmmObserver
}

/** Calls the RMM model for each command, and counts what it took. */
class Calls implements Sink {
  readonly tally = new Tally()
  readonly rmm: Rmm1 | Rmm2
  /** The first command that the firmware refused, in words. */
  refused: string | null = null
  rimBeforeRec: string | null = null
  private readonly v1: Rmm1 | null
  private readonly v2: Rmm2 | null
  private readonly content: ImageContent
  /** The page of the run and of the parameters: the last granule of all. */
  private readonly run: number

  constructor(
    private readonly spec: PlanSpec,
    private readonly place: Placement,
    private readonly options: SimulateOptions
  ) {
    this.content = new ImageContent(spec)
    const { lpa2, sve, sveVl, pmu, pmuCtrs } = spec.measured
    const granules = (place.end - DRAM_BASE) / PAGE_SIZE
    const config = {
      features: { lpa2, bps: 64, wps: 64, sve, sveVl, pmu, pmuCtrs },
      dram: { base: DRAM_BASE, granules },
      dev: { base: DEV_BASE, granules: 0 },
      content: this.content,
      measure: options.measure ?? false,
      ...(options.observer === undefined ? {} : { observer: options.observer })
    }
    const { model } = firmwareProfiles[spec.firmware]
    this.v2 = model === null ? null : new Rmm2({ ...config, firmware: model })
    this.v1 = this.v2 === null ? new Rmm1(config) : null
    this.rmm = this.v1 ?? ensure(this.v2, 'an RMM')
    this.run = DRAM_BASE + (granules - 1) * PAGE_SIZE
  }

  /** `want`: the call came as far as it was to. */
  private done(name: string, word: number, args: readonly number[], want = true): void {
    this.tally.add(name)
    if ((word !== 0 || !want) && this.refused === null)
      this.refused = `${name} ${args.map(hex).join(' ')}: ${word === 0 ? 'stopped early' : statusName(word)}`
  }
  private one(): Rmm1 {
    return ensure(this.v1, 'RMI 1.x')
  }
  private two(): Rmm2 {
    return ensure(this.v2, 'RMI 2.0')
  }
  private realm(): NonNullable<ReturnType<Rmm1['realm']>> {
    return ensure(this.rmm.realm(this.place.rd), 'the realm')
  }

  delegate(pa: number): void {
    this.done('GRANULE_DELEGATE', this.one().granuleDelegate(pa), [pa])
  }
  undelegate(pa: number): void {
    this.done('GRANULE_UNDELEGATE', this.one().granuleUndelegate(pa), [pa])
  }
  rangeDelegate(base: number, top: number): void {
    const word = this.two().granuleRangeDelegate(base, top)
    this.done('GRANULE_RANGE_DELEGATE', word, [base, top], this.rmm.x1 === top)
    this.tally.addWork('delegated granule', (top - base) / PAGE_SIZE)
  }
  rangeUndelegate(base: number, top: number): void {
    const word = this.two().granuleRangeUndelegate(base, top)
    this.done('GRANULE_RANGE_UNDELEGATE', word, [base, top], this.rmm.x1 === top)
    this.tally.addWork('undelegated granule', (top - base) / PAGE_SIZE)
  }
  realmCreate(rd: number, rtt: number): void {
    const { geo, measured } = this.spec
    const flags = measuredFlags(measured)
    const algo = this.options.algo ?? 0
    const word = this.rmm.realmCreate(rd, { params: this.run, geo, rttBase: rtt, algo, vmid: 1, flags, ...measured })
    this.done('REALM_CREATE', word, [rd])
  }
  realmActivate(rd: number): void {
    this.done('REALM_ACTIVATE', this.rmm.realmActivate(rd), [rd])
  }
  recCreate(rd: number, rec: number, aux: number, runnable: boolean): void {
    const { rim } = this.realm()
    if (this.rimBeforeRec === null && rim !== null) this.rimBeforeRec = toHex(rim)
    const pages = Array.from({ length: REC_AUX_COUNT }, (_, i) => aux + i * PAGE_SIZE)
    const word = this.rmm.recCreate(rd, rec, { params: this.run, aux: pages, flags: runnable ? 1 : 0 })
    this.done('REC_CREATE', word, [rd, rec])
    if (this.v2 !== null) this.tally.add('OP_MEM_DONATE').add('OP_CONTINUE')
  }
  recEnter(rec: number, a: Parameters<Sink['recEnter']>[1]): void {
    const action =
      a === null
        ? undefined
        : a.op === 'touch'
          ? ({ op: 'abort', ipa: a.ipa, level: a.level, write: true } as const)
          : ({ op: 'ripas_set', base: a.ipa, top: a.ipa + PAGE_SIZE, ripas: a.ram ? 1 : 0, destroyed: true } as const)
    const { rmm } = this
    const word = rmm.recEnter(rec, { run: this.run, resume: true, ...(action === undefined ? {} : { action }) })
    const { esr, ripas } = rmm.exit
    this.done('REC_ENTER', word, [rec], a === null || (a.op === 'touch' ? esr !== undefined : ripas !== undefined))
    if (a?.op === 'touch') this.tally.faults++
  }
  rttCreate(rd: number, rtt: number, ipa: number, level: number): void {
    const e = this.rmm.entryAt(this.realm(), ipa)
    const word = (this.v1 ?? this.two()).rttCreate(rd, rtt, ipa, level)
    this.done('RTT_CREATE', word, [rd, rtt, ipa, level])
    if (e !== null && (e.entry & 0xf) === 4) this.tally.addWork('TLBI')
    this.tally.take()
  }
  rttFold(rd: number, ipa: number, level: number): void {
    this.done('RTT_FOLD', this.rmm.rttFold(rd, ipa, level), [rd, ipa, level])
    this.tally.give()
  }
  readEntry(rd: number, ipa: number, level: number): void {
    this.done('RTT_READ_ENTRY', this.rmm.rttReadEntry(rd, ipa, level), [rd, ipa, level])
  }
  initRipas(rd: number, base: number, top: number): void {
    const before = this.realm().extensions
    const word = (this.v1 ?? this.two()).rttInitRipas(rd, base, top)
    this.done('RTT_INIT_RIPAS', word, [rd, base, top], this.rmm.x1 === top)
    this.tally.addWork('measured RIPAS entry', this.realm().extensions - before)
  }
  setRipas(rd: number, rec: number, base: number, top: number): void {
    const { value } = ensure(this.rmm.rec(rec), 'the REC').ripas
    this.done('RTT_SET_RIPAS', this.rmm.rttSetRipas(rd, rec, base, top), [rd, rec, base, top], this.rmm.x1 === top)
    if (value === 0) this.tally.addWork('TLBI')
  }
  dataCreate(rd: number, data: number, ipa: number, src: number, image: number, page: number): void {
    this.content.next(image, page)
    const args = [rd, data, ipa, src]
    if (this.v1 !== null) this.done('DATA_CREATE', this.v1.dataCreate(rd, data, ipa, src, 1), args)
    else this.done('RTT_DATA_MAP_INIT', this.two().rttDataMapInit(rd, data, ipa, src, 1), args)
    this.tally.addWork('measured granule')
  }
  dataCreateUnknown(rd: number, data: number, ipa: number): void {
    this.done('DATA_CREATE_UNKNOWN', this.one().dataCreateUnknown(rd, data, ipa), [rd, data, ipa])
  }
  dataDestroy(rd: number, ipa: number): void {
    this.done('DATA_DESTROY', this.one().dataDestroy(rd, ipa), [rd, ipa])
  }
  dataMap(rd: number, base: number, top: number, pa: number, level: number): void {
    const word = this.two().rttDataMap(rd, base, top, [{ pa, level, count: (top - base) / levelSize(level) }])
    this.done('RTT_DATA_MAP', word, [rd, base, top, pa, level], this.rmm.x1 === top)
    this.tally.addWork('mapped granule', (top - base) / PAGE_SIZE)
  }
  dataUnmap(rd: number, base: number, top: number): void {
    this.done('RTT_DATA_UNMAP', this.two().rttDataUnmap(rd, base, top), [rd, base, top], this.rmm.x1 === top)
  }
  mapUnprotected(rd: number, ipa: number, pa: number): void {
    const args = [rd, ipa, pa]
    const range = [{ pa, level: 3, count: 1 }]
    if (this.v1 !== null) this.done('RTT_MAP_UNPROTECTED', this.v1.rttMapUnprotected(rd, ipa, 3, pa + NS_ATTRS), args)
    else this.done('RTT_UNPROT_MAP', this.two().rttUnprotMap(rd, ipa, ipa + PAGE_SIZE, NS_ATTRS, range), args)
  }
  unmapUnprotected(rd: number, ipa: number): void {
    if (this.v1 !== null) this.done('RTT_UNMAP_UNPROTECTED', this.v1.rttUnmapUnprotected(rd, ipa, 3), [rd, ipa])
    else this.done('RTT_UNPROT_UNMAP', this.two().rttUnprotUnmap(rd, ipa, ipa + PAGE_SIZE), [rd, ipa])
  }
}

/** Runs a plan. `measure` computes the RIM (SHA-256 or SHA-512 by `algo`). */
export function simulate(spec: PlanSpec, options: SimulateOptions = {}): Simulation {
  const counter = new Counter(spec)
  counter.run()
  const place = placement(spec, counter.tally.peakTables)
  const calls = new Calls(spec, place, options)
  const { tally, rmm } = calls
  tally.take(spec.geo.num)
  new Emitter(spec, place, calls).run()
  const r = rmm.realm(place.rd)
  let tables = 0
  if (r !== undefined) {
    rmm.eachTable(r, () => {
      tables++
    })
    Object.assign(tally.blocks, rmm.blocks(r))
    tally.extensions = r.extensions
  }
  const { rimBeforeRec: rim, refused } = calls
  return { tally, rmm, rd: place.rd, rim, tables, refused, pa: (ipa) => place.data + ipa }
}
