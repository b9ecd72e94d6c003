// RMI 2.0: ranges instead of single granules, blocks mapped directly, work that may be continued. Two firmwares share
// this model and differ in named rules: TF-RMM main 9a7f8ef4 (22 July 2026), against which sequences were recorded, and
// the specification (2.0 beta). Source of the order of checks: the recordings, and TF-RMM's
// runtime/rmi/{rtt.c,rtt_map.c,rtt_unmap.c,granule.c,realm.c}.
import { Granule, RealmState, Rmi, rttError } from './codes.ts'
import { PAGE } from './common.ts'
import { rmmMemoryDefaults } from './defaults.ts'
import { DRAIN, hasPa, isDevice, isUnassignedProtected, Kind, KIND_MASK, paOf, type Table, XN } from './entry.ts'
import { aligned, ENTRIES, ipaEnd, levelSize, MIN_BLOCK_LEVEL, PAGE_LEVEL } from './geometry.ts'
import type { GranuleArray } from './granules.ts'
import {
  type AddrDesc,
  addBlock,
  incomplete,
  LIST_MOST,
  type MapOperation,
  MemRequest,
  type OutputKind,
  type UnmapOperation
} from './operations.ts'
import type { RecCreateParams } from './rec.ts'
import { rimData } from './rim.ts'
import { nsDescriptorValid } from './rmi1.ts'
import type { Realm, RmmConfig } from './state.ts'
import { RmmVdev } from './vdev.ts'

export const firmwares2 = ['tf-rmm-9a7f8ef4', 'spec-2.0'] as const
export type Firmware2 = (typeof firmwares2)[number]

/** What the two firmwares of generation 2.0 decide differently. */
export interface Rules2 {
  /**
   * GRANULE_RANGE_(UN)DELEGATE moves exactly one granule a call (recorded); else a run within one tracking region
   * (specification).
   */
  readonly oneGranuleRanges: boolean
  /** A walk to a level above the start level runs into an assertion (recorded); else it is ERROR_INPUT. */
  readonly assertsStartLevel: boolean
  /**
   * RTT_DATA_MAP waits for the lock of a data granule while it holds the leaf table: naming that table hangs
   * (recorded).
   */
  readonly locksDataUnderTable: boolean
}

export const rules2: Readonly<Record<Firmware2, Rules2>> = {
  'tf-rmm-9a7f8ef4': { oneGranuleRanges: true, assertsStartLevel: true, locksDataUnderTable: true },
  'spec-2.0': { oneGranuleRanges: false, assertsStartLevel: false, locksDataUnderTable: false }
}

export interface Rmm2Config extends RmmConfig {
  /** Default: the recorded one. */
  readonly firmware?: Firmware2
  /** Where ranges are runs, one call stays within one tracking region (2 MiB or 1 GiB; default 1 GiB). */
  readonly trackingRegion?: number
}

type Sweep = 'data' | 'unprot' | 'dev'
const sweepCommand = { data: 'RTT_DATA_UNMAP', unprot: 'RTT_UNPROT_UNMAP', dev: 'RTT_DEV_UNMAP' } as const

/** A map command in progress: what its blocks have in common. */
interface Mapping {
  readonly r: Realm
  readonly level: number
  readonly expected: 'delegated' | 'undelegated'
}

/** The word of a block that yielded; it never leaves the model. */
const YIELDED = -1

/** The RMM with the range commands. */
export class Rmm2 extends RmmVdev {
  readonly firmware: Firmware2
  readonly rules2: Rules2
  private readonly trackingRegion: number

  constructor(readonly config2: Partial<Rmm2Config> = {}) {
    super('2.0', { ...rmmMemoryDefaults, ...config2 })
    this.firmware = config2.firmware ?? 'tf-rmm-9a7f8ef4'
    this.rules2 = rules2[this.firmware]
    if (this.firmware === 'spec-2.0') this.notOwner = Rmi.ERROR_INPUT
    this.trackingRegion = config2.trackingRegion ?? 2 ** 30
  }

  clone(): Rmm2 {
    const c = new Rmm2(this.config2)
    c.restore(this)
    return c
  }

  restore(o: Rmm2): void {
    this.copyFrom(o)
  }

  // ---- granules

  /** GRANULE_RANGE_DELEGATE(base, top): x1 = where it got to. */
  granuleRangeDelegate(base: number, top: number): number {
    return this.moveRange(base, top, Granule.NS, Granule.DELEGATED)
  }

  /** GRANULE_RANGE_UNDELEGATE(base, top): x1 = where it got to; the granules are zeroed. */
  granuleRangeUndelegate(base: number, top: number): number {
    return this.moveRange(base, top, Granule.DELEGATED, Granule.NS)
  }

  private moveRange(base: number, top: number, from: number, to: number): number {
    this.noOutputs()
    this.x1 = base
    if (!aligned(base, PAGE) || !aligned(top, PAGE) || top <= base) return Rmi.ERROR_INPUT
    const [array, memory]: [GranuleArray, boolean] = this.dram.index(base) >= 0 ? [this.dram, true] : [this.dev, false]
    const state = (pa: number): number => {
      const i = array.index(pa)
      return i < 0 || (memory && this.foreign.size > 0 && this.foreign.has(pa)) ? -1 : array.at(i)
    }
    let at = base
    let end = base + PAGE
    if (!this.rules2.oneGranuleRanges) {
      end = Math.min(top, base - (base % this.trackingRegion) + this.trackingRegion)
      while (at < end && state(at) === to) at += PAGE
    }
    while (at < end && state(at) === from) {
      if (memory && to === Granule.NS) this.content.zero(at)
      array.set(array.index(at), to)
      if (to === Granule.NS) this.toNsPas(at)
      else this.toRealmPas(at)
      at += PAGE
    }
    if (at === base) return Rmi.ERROR_INPUT
    this.x1 = at
    return Rmi.SUCCESS
  }

  // ---- Realms and RECs

  /** REALM_TERMINATE(rd): no REC runs; the Realm is a ZOMBIE then, which REALM_DESTROY needs. */
  realmTerminate(rd: number): number {
    this.noOutputs()
    const r = this.realm(rd)
    if (r === undefined) return Rmi.ERROR_INPUT
    for (const rec of this.recs.values()) if (rec.realm === r && rec.running) return Rmi.ERROR_REALM
    r.state = RealmState.ZOMBIE
    return Rmi.SUCCESS
  }

  /**
   * REC_CREATE(rd, rec, params): INCOMPLETE with the memory it wants; where `aux` is given, the host's part is carried
   * out too.
   */
  override recCreate(rd: number, rec: number, p: RecCreateParams): number {
    return this.recCreate2(rd, rec, p)
  }

  /** REC_DESTROY(rec): INCOMPLETE with memory to reclaim; `whole` carries the host's part out too. */
  override recDestroy(rec: number, whole = true): number {
    return this.recDestroy2(rec, whole)
  }

  // ---- tables

  /**
   * RTT_INIT_RIPAS(rd, base, top): also through mapped entries; measures nothing (see rim.ts). x1 = where it got to
   * within one table.
   */
  rttInitRipas(rd: number, base: number, top: number): number {
    this.noOutputs()
    if (top <= base) return Rmi.ERROR_INPUT
    const r = this.realm(rd)
    if (r === undefined) return Rmi.ERROR_INPUT
    if (!aligned(base, PAGE) || !aligned(top, PAGE) || base < 0 || !this.inPar(r, base) || !this.inPar(r, top - PAGE))
      return Rmi.ERROR_INPUT
    if (r.state !== RealmState.NEW) return Rmi.ERROR_REALM
    this.walk(r, base, PAGE_LEVEL)
    const level = this.wLevel
    const size = levelSize(level)
    if (!aligned(base, size)) return rttError(level)
    const t = this.wTable
    if ((t.kind[this.wIndex] as number) & DRAIN) return Rmi.BUSY
    let at = base
    for (let i = this.wIndex; i < ENTRIES && at + size <= top; i++) {
      const e = t.kind[i] as number
      const kind = e & KIND_MASK
      if (e & DRAIN) break
      if (kind === Kind.UNASSIGNED_EMPTY) t.kind[i] = Kind.UNASSIGNED_RAM | (e & XN)
      else if (kind === Kind.ASSIGNED_EMPTY) t.kind[i] = Kind.ASSIGNED_RAM | (e & XN)
      else if (kind !== Kind.UNASSIGNED_RAM && kind !== Kind.ASSIGNED_RAM) break
      at += size
    }
    if (at === base) return rttError(level)
    this.x1 = at
    return Rmi.SUCCESS
  }

  // ---- mapping

  /** Checks of the three range-map commands; the mapping, or the word to return. */
  private mapArgs(
    rd: number,
    base: number,
    top: number,
    oaddr: readonly AddrDesc[],
    expected: Mapping['expected']
  ): Mapping | number {
    const r = this.realm(rd)
    if (r === undefined) return Rmi.ERROR_INPUT
    if (r.state !== RealmState.NEW && r.state !== RealmState.ACTIVE) return Rmi.ERROR_REALM
    if (top <= base) return Rmi.ERROR_INPUT
    // An empty list and an empty descriptor are refused, wherever the descriptor stands.
    const first = oaddr[0]
    if (first === undefined || oaddr.some((d) => d.count === 0)) return Rmi.ERROR_INPUT
    if ((first.state ?? expected) !== expected) return Rmi.ERROR_INPUT
    const level = first.level
    if (!Number.isInteger(level) || level < MIN_BLOCK_LEVEL || level > PAGE_LEVEL) return Rmi.ERROR_INPUT
    const size = levelSize(level)
    const end = ipaEnd(r.geo)
    if (base < 0 || base >= end || !aligned(base, size) || top - PAGE >= end || !aligned(top, PAGE))
      return Rmi.ERROR_INPUT
    if ((this.inPar(r, base) && this.inPar(r, top - PAGE)) !== (expected === 'delegated')) return Rmi.ERROR_INPUT
    if (top - base < size) return rttError(level)
    return { r, level, expected }
  }

  /** The walk of a map command; a word when it cannot map there. */
  private walkToMap(m: Mapping, base: number): number {
    if (m.level < m.r.geo.start) {
      return this.rules2.assertsStartLevel
        ? this.stops(
            'assertion',
            `the walk starts at level ${m.r.geo.start}, below the level asked for`,
            Rmi.ERROR_INPUT
          )
        : Rmi.ERROR_INPUT
    }
    this.walk(m.r, base, m.level)
    return this.wLevel === m.level ? Rmi.SUCCESS : rttError(this.wLevel)
  }

  /**
   * The loop of the three range-map commands over one leaf table; x1 = top of what is mapped. Progress is SUCCESS
   * whatever ended it.
   */
  private mapRange(
    m: Mapping,
    base: number,
    top: number,
    oaddr: readonly AddrDesc[],
    one: (index: number, pa: number, at: number) => number
  ): number {
    const size = levelSize(m.level)
    let at = base
    let status: number = Rmi.SUCCESS
    let d = 0
    let used = 0
    for (let i = this.wIndex; i < ENTRIES; i++) {
      if (this.interrupted()) break
      const desc = oaddr[d]
      if (desc === undefined || (desc.state ?? m.expected) !== m.expected) {
        status = Rmi.ERROR_INPUT
        break
      }
      if (desc.level !== m.level || at + size > top) {
        status = rttError(m.level)
        break
      }
      const pa = desc.pa + used * size
      if (!aligned(pa, size) || !this.paInReach(pa + size - PAGE)) {
        status = Rmi.ERROR_INPUT
        break
      }
      status = one(i, pa, at)
      if (status === YIELDED) return incomplete(MemRequest.NONE)
      if (status !== Rmi.SUCCESS) break
      at += size
      if (++used >= desc.count) {
        d++
        used = 0
      }
    }
    if (at === base && status !== Rmi.SUCCESS) return status
    this.x1 = at
    return Rmi.SUCCESS
  }

  /**
   * RTT_DATA_MAP(rd, base, top, oaddr): zeroed memory, RIPAS unchanged, pages or blocks of level 1 to 3, one leaf table
   * per call.
   */
  rttDataMap(rd: number, base: number, top: number, oaddr: readonly AddrDesc[]): number {
    this.noOutputs()
    const m = this.mapArgs(rd, base, top, oaddr, 'delegated')
    if (typeof m === 'number') return m
    const walked = this.walkToMap(m, base)
    if (walked !== Rmi.SUCCESS) return walked
    return this.mapRange(m, base, top, oaddr, (i, pa, at) => {
      const t = this.wTable
      const e = t.kind[i] as number
      const kind = e & KIND_MASK
      if (kind >= Kind.ASSIGNED_EMPTY && kind <= Kind.ASSIGNED_DESTROYED)
        return paOf(t)[i] === pa ? Rmi.SUCCESS : rttError(m.level)
      if (!isUnassignedProtected(e)) return rttError(m.level)
      if (e & DRAIN) return Rmi.BUSY
      return this.startMap('RTT_DATA_MAP', t, i, pa, at, base)
    })
  }

  /** RTT_DEV_MAP(rd, vdev, base, top, oaddr): device memory within the address ranges of one of the Realm's VDEVs. */
  rttDevMap(rd: number, vdevPa: number, base: number, top: number, oaddr: readonly AddrDesc[]): number {
    this.noOutputs()
    const m = this.mapArgs(rd, base, top, oaddr, 'delegated')
    if (typeof m === 'number') return m
    const vdev = this.vdev(vdevPa)
    if (vdev === undefined || vdev.rd !== rd) return Rmi.ERROR_INPUT
    const walked = this.walkToMap(m, base)
    if (walked !== Rmi.SUCCESS) return walked
    const size = levelSize(m.level)
    return this.mapRange(m, base, top, oaddr, (i, pa, at) => {
      if (!vdev.ranges.some((a) => pa >= a.base && pa + size <= a.top)) return Rmi.ERROR_INPUT
      const t = this.wTable
      const e = t.kind[i] as number
      const kind = e & KIND_MASK
      if (kind !== Kind.UNASSIGNED_EMPTY && kind !== Kind.UNASSIGNED_DESTROYED) return rttError(m.level)
      if (e & DRAIN) return Rmi.BUSY
      return this.startMap('RTT_DEV_MAP', t, i, pa, at, base)
    })
  }

  /** Marks an entry and takes its granules one by one; the table keeps the reference the mapping will have. */
  private startMap(
    command: MapOperation['command'],
    table: Table,
    index: number,
    pa: number,
    ipa: number,
    base: number
  ): number {
    table.kind[index] = (table.kind[index] as number) | DRAIN
    table.refcount++
    const op: MapOperation = {
      kind: 'map',
      command,
      handle: 0,
      expects: 'continue',
      table,
      index,
      pa,
      ipa,
      base,
      done: 0,
      rollback: false
    }
    const status = this.drainMap(op)
    if (status !== YIELDED) return status
    const handle = this.newHandle()
    this.operations.set(handle, { ...op, handle })
    this.x1 = handle
    return YIELDED
  }

  /** The part of a mapping that may yield: SUCCESS when the entry is assigned, an error when all has been put back. */
  private drainMap(op: MapOperation): number {
    const size = levelSize(op.table.level)
    const [from, to]: readonly [number, number] =
      op.command === 'RTT_DATA_MAP' ? [Granule.DELEGATED, Granule.DATA] : [Granule.DELEGATED, Granule.MAPPED]
    const data = op.command === 'RTT_DATA_MAP'
    const put = (pa: number, state: number): void => {
      if (data) this.setGranule(pa, state)
      else this.dev.set(this.dev.index(pa), state)
    }
    while (!op.rollback && op.done < size) {
      if (this.interrupted()) return YIELDED
      const pa = op.pa + op.done
      if (data && this.rules2.locksDataUnderTable && pa === op.table.granule) {
        this.stops('self-deadlock', 'waits for the lock of the leaf table, which it holds', Rmi.ERROR_INPUT)
        op.rollback = true
      } else if ((data ? this.granule(pa) : this.devGranule(pa)) !== from) op.rollback = true
      else {
        if (data) this.content.zero(pa)
        put(pa, to)
        op.done += PAGE
      }
    }
    const t = op.table
    const e = (t.kind[op.index] as number) & ~DRAIN
    if (op.rollback) {
      while (op.done > 0) {
        if (this.interrupted()) return YIELDED
        op.done -= PAGE
        put(op.pa + op.done, from)
      }
      t.kind[op.index] = e
      t.refcount--
      return Rmi.ERROR_INPUT
    }
    const kind = e & KIND_MASK
    t.kind[op.index] = data
      ? (kind + Kind.ASSIGNED_EMPTY) | (e & XN)
      : (kind === Kind.UNASSIGNED_EMPTY ? Kind.ASSIGNED_DEV_EMPTY : Kind.ASSIGNED_DEV_DESTROYED) | XN
    paOf(t)[op.index] = op.pa
    return Rmi.SUCCESS
  }

  /** RTT_DATA_MAP_INIT(rd, data, ipa, src, flags): DATA_CREATE of 1.x by another name. */
  rttDataMapInit(rd: number, data: number, ipa: number, src: number, flags: number): number {
    this.noOutputs()
    if (flags !== 0 && flags !== 1) return Rmi.ERROR_INPUT
    if (this.granule(src) !== Granule.NS) return Rmi.ERROR_INPUT
    const r = this.realm(rd)
    if (r === undefined || data === rd) return Rmi.ERROR_INPUT
    if (r.state !== RealmState.NEW) return Rmi.ERROR_REALM
    if (ipa < 0 || !this.inPar(r, ipa) || !aligned(ipa, PAGE)) return Rmi.ERROR_INPUT
    if (!this.paInReach(data)) return Rmi.ERROR_INPUT
    this.walk(r, ipa, PAGE_LEVEL)
    if (this.wLevel !== PAGE_LEVEL) return rttError(this.wLevel)
    const t = this.wTable
    const e = t.kind[this.wIndex] as number
    if (!isUnassignedProtected(e)) return rttError(PAGE_LEVEL)
    if (e & DRAIN) return Rmi.BUSY
    if (data === t.granule || this.granule(data) !== Granule.DELEGATED) return Rmi.ERROR_INPUT
    if (!this.nsReadable(src)) return Rmi.ERROR_INPUT
    this.content.copy(data, src)
    r.extensions++
    if (r.rim !== null)
      r.rim = rimData(r.params.algo, r.rim, ipa, flags, flags === 1 ? this.content.digest(data, r.params.algo) : null)
    t.kind[this.wIndex] = Kind.ASSIGNED_RAM | (e & XN)
    paOf(t)[this.wIndex] = data
    t.refcount++
    this.setGranule(data, Granule.DATA)
    return Rmi.SUCCESS
  }

  /**
   * RTT_UNPROT_MAP(rd, base, top, attrs, oaddr): host memory in the unprotected half; `attrs` as in a 1.x descriptor's
   * low bits.
   */
  rttUnprotMap(rd: number, base: number, top: number, attrs: number, oaddr: readonly AddrDesc[]): number {
    this.noOutputs()
    const m = this.mapArgs(rd, base, top, oaddr, 'undelegated')
    if (typeof m === 'number') return m
    const walked = this.walkToMap(m, base)
    if (walked !== Rmi.SUCCESS) return walked
    return this.mapRange(m, base, top, oaddr, (i, pa) => {
      const desc = pa + attrs
      if (!nsDescriptorValid(desc, m.level)) return Rmi.ERROR_INPUT
      const t = this.wTable
      if (t.kind[i] === Kind.ASSIGNED_NS && paOf(t)[i] === desc) return Rmi.SUCCESS
      if (t.kind[i] !== Kind.UNASSIGNED_NS) return rttError(m.level)
      t.kind[i] = Kind.ASSIGNED_NS
      paOf(t)[i] = desc
      return Rmi.SUCCESS
    })
  }

  /** RTT_DEV_VALIDATE(rd, rec, base, top): x1 = where it got to. */
  rttDevValidate(rd: number, rec: number, base: number, top: number): number {
    return this.devValidate(rd, rec, base, top)
  }

  // ---- unmapping

  /**
   * RTT_DATA_UNMAP(rd, base, top, output): x1 = where the sweep of one table ended; pages or blocks, as the table has
   * them.
   */
  rttDataUnmap(rd: number, base: number, top: number, output: OutputKind = { type: 'none' }): number {
    return this.unmapRange(rd, base, top, 'data', output)
  }
  /** RTT_UNPROT_UNMAP(rd, base, top, output): x1 = where the sweep of one table ended. */
  rttUnprotUnmap(rd: number, base: number, top: number, output: OutputKind = { type: 'none' }): number {
    return this.unmapRange(rd, base, top, 'unprot', output)
  }
  /** RTT_DEV_UNMAP(rd, base, top, output): x1 = where the sweep of one table ended. */
  rttDevUnmap(rd: number, base: number, top: number, output: OutputKind = { type: 'none' }): number {
    return this.unmapRange(rd, base, top, 'dev', output)
  }

  private unmapRange(rd: number, base: number, top: number, what: Sweep, output: OutputKind): number {
    this.noOutputs()
    const r = this.realm(rd)
    if (r === undefined) return Rmi.ERROR_INPUT
    if (!aligned(base, PAGE) || !aligned(top, PAGE) || top <= base || base < 0) return Rmi.ERROR_INPUT
    if (base >= ipaEnd(r.geo) || top > ipaEnd(r.geo)) return Rmi.ERROR_INPUT
    const par = what !== 'unprot'
    if (this.inPar(r, base) !== par || this.inPar(r, top - PAGE) !== par) return Rmi.ERROR_INPUT
    if (output.type === 'list' && output.count === 0) return Rmi.ERROR_INPUT
    this.walk(r, base, PAGE_LEVEL)
    const level = this.wLevel
    const size = levelSize(level)
    if (!aligned(base, size)) return rttError(level)
    const t = this.wTable
    const most = output.type === 'single' ? 1 : output.type === 'list' ? Math.min(output.count, LIST_MOST) : LIST_MOST
    const freed: AddrDesc[] = []
    const entries: number[] = []
    let tlbi = 0
    let at = base
    for (let i = this.wIndex; i < ENTRIES; i++) {
      const e = t.kind[i] as number
      const kind = e & KIND_MASK
      const mine =
        !hasPa(e) ||
        (what === 'data'
          ? kind >= Kind.ASSIGNED_EMPTY && kind <= Kind.ASSIGNED_DESTROYED
          : what === 'dev'
            ? isDevice(e)
            : kind === Kind.ASSIGNED_NS)
      if (!mine || at + size > top) {
        if (i === this.wIndex) return rttError(level)
        break
      }
      if (hasPa(e)) {
        const pa = paOf(t)[i] as number
        if (!addBlock(freed, pa - (pa % PAGE), level, most)) break
        if (kind === Kind.ASSIGNED_NS) t.refcount++ // until the TLB is invalidated
        if (kind === Kind.ASSIGNED_NS || kind === Kind.ASSIGNED_RAM || kind === Kind.ASSIGNED_DEV_DEV) {
          this.observer?.tlbi?.(rd, at, size)
          tlbi++
        }
        t.kind[i] = unmapped(e) | DRAIN
        entries.push(i)
      }
      at += size
    }
    const op: UnmapOperation = {
      kind: 'unmap',
      command: sweepCommand[what],
      handle: 0,
      expects: 'continue',
      table: t,
      entries,
      freed,
      tlbi,
      done: 0,
      top: at,
      output
    }
    if (this.drainUnmap(op)) return this.unmapAnswer(op)
    const handle = this.newHandle()
    this.operations.set(handle, { ...op, handle })
    this.x1 = handle
    return incomplete(MemRequest.NONE)
  }

  /**
   * The part of an unmapping that may yield: invalidates, gives the granules back, takes the marks away. False when it
   * yielded.
   */
  private drainUnmap(op: UnmapOperation): boolean {
    const yields = this.interruptIn !== Number.POSITIVE_INFINITY
    // The invalidation pass looks for an interrupt at every entry of the table, again from the first after a yield.
    if (yields) for (let i = 0; i < ENTRIES; i++) if (this.interrupted()) return false
    if (op.command !== 'RTT_UNPROT_UNMAP') {
      let n = 0
      for (const d of op.freed) {
        for (let g = 0; g < (d.count * levelSize(d.level)) / PAGE; g++) {
          if (n++ < op.done) continue
          if (yields && this.interrupted()) return false
          const pa = d.pa + g * PAGE
          if (op.command === 'RTT_DEV_UNMAP') this.dev.set(this.dev.index(pa), Granule.DELEGATED)
          else this.setGranule(pa, Granule.DELEGATED)
          op.done++
        }
      }
    }
    for (const i of op.entries) {
      op.table.kind[i] = (op.table.kind[i] as number) & ~DRAIN
      op.table.refcount--
    }
    return true
  }

  private unmapAnswer(op: UnmapOperation): number {
    this.x1 = op.top
    const d = op.freed[0]
    if (op.output.type === 'single' && d !== undefined) this.x2 = descriptorWord(d)
    if (op.output.type === 'list') {
      this.list = op.freed
      this.x3 = op.freed.length
    }
    return Rmi.SUCCESS
  }

  protected override resume(op: MapOperation | UnmapOperation): number {
    if (op.kind === 'unmap') return this.drainUnmap(op) ? this.unmapAnswer(op) : incomplete(MemRequest.NONE)
    const status = this.drainMap(op)
    if (status === YIELDED) return incomplete(MemRequest.NONE)
    // What the first call had mapped before this block stays mapped: progress, and SUCCESS.
    if (status !== Rmi.SUCCESS && op.ipa === op.base) return status
    this.x1 = status === Rmi.SUCCESS ? op.ipa + levelSize(op.table.level) : op.ipa
    return Rmi.SUCCESS
  }
}

/**
 * The unassigned form of an entry that loses its address. RAM and validated device memory are DESTROYED, RAM with its
 * permissions reset.
 */
function unmapped(e: number): number {
  switch (e & KIND_MASK) {
    case Kind.ASSIGNED_NS:
      return Kind.UNASSIGNED_NS
    case Kind.ASSIGNED_RAM:
      return Kind.UNASSIGNED_DESTROYED
    case Kind.ASSIGNED_EMPTY:
      return Kind.UNASSIGNED_EMPTY | (e & XN)
    case Kind.ASSIGNED_DESTROYED:
      return Kind.UNASSIGNED_DESTROYED | (e & XN)
    case Kind.ASSIGNED_DEV_EMPTY:
      return Kind.UNASSIGNED_EMPTY | XN
    default:
      return Kind.UNASSIGNED_DESTROYED | XN
  }
}

/**
 * RmiAddrRangeDesc4KB as a register holds it, without the state bit (63), which a number cannot say beside an address.
 */
export const descriptorWord = (d: AddrDesc): number => d.pa + d.count * 4 + (PAGE_LEVEL - d.level)
