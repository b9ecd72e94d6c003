// The plan performed on the RMM model, command by command: the slow twin of count.ts, and the proof that the firmware would accept it.
import { ensure, hex, PAGE_SIZE } from '../base/index.ts'
import { type Content, DEV_BASE, DRAM_BASE, ENTRIES, hash, Rmm1, Rmm2, type RmmObserver, statusName, toHex } from '../machine/rmm/index.ts'
import { Counter } from './count.ts'
import { Emitter, NS_ATTRS, placement, type Sink } from './emit.ts'
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

/** Runs a plan. `measure` computes the RIM (SHA-256 or SHA-512 by `algo`). */
export function simulate(spec: PlanSpec, options: { readonly measure?: boolean; readonly algo?: number; readonly observer?: RmmObserver; readonly stopAt?: number } = {}): Simulation {
  const counter = new Counter(spec)
  counter.run()
  const place = placement(spec, counter.tally.peakTables)
  const content = new ImageContent(spec)
  const config = {
    features: { lpa2: spec.measured.lpa2, bps: 64, wps: 64, sve: spec.measured.sve, sveVl: spec.measured.sveVl, pmu: spec.measured.pmu, pmuCtrs: spec.measured.pmuCtrs },
    dram: { base: DRAM_BASE, granules: (place.end - DRAM_BASE) / PAGE_SIZE }, dev: { base: DEV_BASE, granules: 0 }, content, measure: options.measure ?? false,
    ...(options.observer === undefined ? {} : { observer: options.observer })
  }
  const { model } = firmwareProfiles[spec.firmware]
  const v2 = model === null ? null : new Rmm2({ ...config, firmware: model })
  const v1 = v2 === null ? new Rmm1(config) : null
  const m = v1 ?? ensure(v2, 'an RMM')
  const t = new Tally()
  let refused: string | null = null
  const done = (name: string, word: number, args: readonly number[], want = true): void => {
    t.add(name)
    if ((word !== 0 || !want) && refused === null) refused = `${name} ${args.map(hex).join(' ')}: ${word === 0 ? 'stopped early' : statusName(word)}`
  }
  const run = config.dram.base + (config.dram.granules - 1) * PAGE_SIZE
  const one = (): Rmm1 => ensure(v1, 'RMI 1.x')
  const two = (): Rmm2 => ensure(v2, 'RMI 2.0')
  let rimBeforeRec: string | null = null
  const realm = () => ensure(m.realm(place.rd), 'the realm')
  const sink: Sink = {
    delegate: (pa) => { done('GRANULE_DELEGATE', one().granuleDelegate(pa), [pa]) },
    undelegate: (pa) => { done('GRANULE_UNDELEGATE', one().granuleUndelegate(pa), [pa]) },
    rangeDelegate: (b, top) => {
      done('GRANULE_RANGE_DELEGATE', two().granuleRangeDelegate(b, top), [b, top], m.x1 === top)
      t.addWork('delegated granule', (top - b) / PAGE_SIZE)
    },
    rangeUndelegate: (b, top) => {
      done('GRANULE_RANGE_UNDELEGATE', two().granuleRangeUndelegate(b, top), [b, top], m.x1 === top)
      t.addWork('undelegated granule', (top - b) / PAGE_SIZE)
    },
    realmCreate: (rd, rtt) => { done('REALM_CREATE', m.realmCreate(rd, { params: run, geo: spec.geo, rttBase: rtt, algo: options.algo ?? 0, vmid: 1, flags: measuredFlags(spec.measured), ...spec.measured }), [rd]) },
    realmActivate: (rd) => { done('REALM_ACTIVATE', m.realmActivate(rd), [rd]) },
    recCreate: (rd, rec, aux, runnable) => {
      const r = realm()
      if (rimBeforeRec === null && r.rim !== null) rimBeforeRec = toHex(r.rim)
      done('REC_CREATE', m.recCreate(rd, rec, { params: run, aux: Array.from({ length: 16 }, (_, i) => aux + i * PAGE_SIZE), flags: runnable ? 1 : 0 }), [rd, rec])
      if (v2 !== null) t.add('OP_MEM_DONATE').add('OP_CONTINUE')
    },
    recEnter: (rec, a) => {
      const action = a === null ? undefined : a.op === 'touch' ? ({ op: 'abort', ipa: a.ipa, level: a.level, write: true } as const) : ({ op: 'ripas_set', base: a.ipa, top: a.ipa + PAGE_SIZE, ripas: a.ram ? 1 : 0, destroyed: true } as const)
      const word = m.recEnter(rec, { run, resume: true, ...(action === undefined ? {} : { action }) })
      done('REC_ENTER', word, [rec], a === null || (a.op === 'touch' ? m.exit.esr !== undefined : m.exit.ripas !== undefined))
      if (a?.op === 'touch') t.faults++
    },
    rttCreate: (rd, rtt, ipa, level) => {
      const e = m.entryAt(realm(), ipa)
      done('RTT_CREATE', v1 !== null ? v1.rttCreate(rd, rtt, ipa, level) : two().rttCreate(rd, rtt, ipa, level), [rd, rtt, ipa, level])
      if (e !== null && (e.entry & 0xf) === 4) t.addWork('TLBI')
      t.take()
    },
    rttFold: (rd, ipa, level) => {
      done('RTT_FOLD', m.rttFold(rd, ipa, level), [rd, ipa, level])
      t.give()
    },
    readEntry: (rd, ipa, level) => { done('RTT_READ_ENTRY', m.rttReadEntry(rd, ipa, level), [rd, ipa, level]) },
    initRipas: (rd, b, top) => {
      const before = realm().extensions
      done('RTT_INIT_RIPAS', v1 !== null ? v1.rttInitRipas(rd, b, top) : two().rttInitRipas(rd, b, top), [rd, b, top], m.x1 === top)
      t.addWork('measured RIPAS entry', realm().extensions - before)
    },
    setRipas: (rd, rec, b, top) => {
      const value = ensure(m.rec(rec), 'the REC').ripas.value
      done('RTT_SET_RIPAS', m.rttSetRipas(rd, rec, b, top), [rd, rec, b, top], m.x1 === top)
      if (value === 0) t.addWork('TLBI')
    },
    dataCreate: (rd, data, ipa, src, image, page) => {
      content.next(image, page)
      if (v1 !== null) done('DATA_CREATE', v1.dataCreate(rd, data, ipa, src, 1), [rd, data, ipa, src])
      else done('RTT_DATA_MAP_INIT', two().rttDataMapInit(rd, data, ipa, src, 1), [rd, data, ipa, src])
      t.addWork('measured granule')
    },
    dataCreateUnknown: (rd, data, ipa) => { done('DATA_CREATE_UNKNOWN', one().dataCreateUnknown(rd, data, ipa), [rd, data, ipa]) },
    dataDestroy: (rd, ipa) => { done('DATA_DESTROY', one().dataDestroy(rd, ipa), [rd, ipa]) },
    dataMap: (rd, b, top, pa, level) => {
      const size = PAGE_SIZE * ENTRIES ** (3 - level)
      done('RTT_DATA_MAP', two().rttDataMap(rd, b, top, [{ pa, level, count: (top - b) / size }]), [rd, b, top, pa, level], m.x1 === top)
      t.addWork('mapped granule', (top - b) / PAGE_SIZE)
    },
    dataUnmap: (rd, b, top) => { done('RTT_DATA_UNMAP', two().rttDataUnmap(rd, b, top), [rd, b, top], m.x1 === top) },
    mapUnprotected: (rd, ipa, pa) => {
      if (v1 !== null) done('RTT_MAP_UNPROTECTED', v1.rttMapUnprotected(rd, ipa, 3, pa + NS_ATTRS), [rd, ipa, pa])
      else done('RTT_UNPROT_MAP', two().rttUnprotMap(rd, ipa, ipa + PAGE_SIZE, NS_ATTRS, [{ pa, level: 3, count: 1 }]), [rd, ipa, pa])
    },
    unmapUnprotected: (rd, ipa) => {
      if (v1 !== null) done('RTT_UNMAP_UNPROTECTED', v1.rttUnmapUnprotected(rd, ipa, 3), [rd, ipa])
      else done('RTT_UNPROT_UNMAP', two().rttUnprotUnmap(rd, ipa, ipa + PAGE_SIZE), [rd, ipa])
    }
  }
  t.take(spec.geo.num)
  new Emitter(spec, place, sink).run()
  const r = m.realm(place.rd)
  let tables = 0
  if (r !== undefined) {
    m.eachTable(r, () => { tables++ })
    Object.assign(t.blocks, m.blocks(r))
    t.extensions = r.extensions
  }
  return { tally: t, rmm: m, rd: place.rd, rim: rimBeforeRec, tables, refused, pa: (ipa) => place.data + ipa }
}
