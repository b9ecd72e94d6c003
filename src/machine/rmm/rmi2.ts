// RMI 2.0: ranges instead of single granules, blocks mapped directly. Source: reference arm-cca.md section 9 and TF-RMM main
// (9a7f8ef4): runtime/rmi/rtt.c, rtt_map.c, rtt_unmap.c, granule.c for the order of the checks and for what partial progress means.
// Not modelled: INCOMPLETE with OP_CONTINUE and OP_CANCEL (an operation here never yields to an interrupt), lists of addresses the
// RMM writes back, and the device's own checks in RTT_DEV_MAP (there is no VDEV).
import { Granule, RealmState, Rmi, rttError } from './codes.ts'
import { RmmCommon } from './common.ts'
import { hasPa, isDevice, isUnassignedProtected, Kind, KIND_MASK, paOf, XN } from './entry.ts'
import { aligned, ENTRIES, ipaEnd, levelSize, MIN_BLOCK_LEVEL, PAGE_LEVEL } from './geometry.ts'
import type { GranuleArray } from './granules.ts'
import { rimData } from './rim.ts'
import { nsDescriptorValid } from './rmi1.ts'
import { rmmMemoryDefaults } from './defaults.ts'
import type { Realm, RmmConfig } from './state.ts'

const PAGE = 4096

/** An address range descriptor: `count` blocks of one level from `pa` upwards. */
export interface AddrDesc {
  readonly pa: number
  readonly level: number
  readonly count: number
}

export interface Rmm2Config extends RmmConfig {
  /** A range command works within one tracking region per call (2 MiB or 1 GiB in TF-RMM; default 1 GiB). */
  readonly trackingRegion?: number
}

type Sweep = 'data' | 'unprot' | 'dev'

/** The RMM with the range commands. */
export class Rmm2 extends RmmCommon {
  private readonly trackingRegion: number

  constructor(readonly config2: Partial<Rmm2Config> = {}) {
    super('2.0', { ...rmmMemoryDefaults, ...config2 })
    this.trackingRegion = config2.trackingRegion ?? 2 ** 30
  }

  clone(): Rmm2 {
    const c = new Rmm2(this.config2)
    c.copyFrom(this)
    return c
  }

  restore(o: Rmm2): void { this.copyFrom(o) }

  // ---- granules

  /** GRANULE_RANGE_DELEGATE(base, top): x1 = where it got to: past granules that are DELEGATED already and one run of NS ones. */
  granuleRangeDelegate(base: number, top: number): number { return this.moveRange(base, top, Granule.NS, Granule.DELEGATED) }

  /** GRANULE_RANGE_UNDELEGATE(base, top): x1 = where it got to; the granules are zeroed. */
  granuleRangeUndelegate(base: number, top: number): number { return this.moveRange(base, top, Granule.DELEGATED, Granule.NS) }

  private moveRange(base: number, top: number, from: number, to: number): number {
    this.noOutputs()
    this.x1 = base
    if (!aligned(base, PAGE) || !aligned(top, PAGE) || top <= base) return Rmi.ERROR_INPUT
    const end = Math.min(top, base - (base % this.trackingRegion) + this.trackingRegion)
    const [array, memory]: [GranuleArray, boolean] = this.dram.index(base) >= 0 ? [this.dram, true] : [this.dev, false]
    const state = (pa: number): number => {
      const i = array.index(pa)
      return i < 0 ? -1 : array.at(i)
    }
    let at = base
    while (at < end && state(at) === to && !(to === Granule.NS && this.foreign.has(at))) at += PAGE
    let moved = false
    while (at < end && state(at) === from && !(memory && this.foreign.size > 0 && this.foreign.has(at))) {
      if (memory && to === Granule.NS) this.content.zero(at)
      array.set(array.index(at), to)
      if (to === Granule.NS) this.toNsPas(at)
      else this.toRealmPas(at)
      moved = true
      at += PAGE
    }
    if (at === base && !moved) return Rmi.ERROR_INPUT
    this.x1 = at
    return Rmi.SUCCESS
  }

  // ---- tables

  /** RTT_CREATE(rd, rtt, ipa, level): as in 1.x, but the table's granule is looked at after the walk. */
  rttCreate(rd: number, rtt: number, ipa: number, level: number): number {
    this.noOutputs()
    const r = this.realm(rd)
    if (r === undefined) return Rmi.ERROR_INPUT
    if (!this.structureArgs(r, ipa, level)) return Rmi.ERROR_INPUT
    if (!this.paInReach(rtt)) return Rmi.ERROR_INPUT
    this.walk(r, ipa, level - 1)
    if (this.wLevel < level - 1) return rttError(this.wLevel)
    if (this.granule(rtt) !== Granule.DELEGATED) return Rmi.ERROR_INPUT
    if (this.wTable.kind[this.wIndex] === Kind.TABLE) return rttError(level - 1)
    this.unfold(r, rtt, ipa, level)
    return Rmi.SUCCESS
  }

  /** RTT_INIT_RIPAS(rd, base, top): also through mapped entries; measures nothing (see rim.ts). x1 = where it got to within one table. */
  rttInitRipas(rd: number, base: number, top: number): number {
    this.noOutputs()
    if (top <= base) return Rmi.ERROR_INPUT
    const r = this.realm(rd)
    if (r === undefined) return Rmi.ERROR_INPUT
    if (!aligned(base, PAGE) || !aligned(top, PAGE) || base < 0 || !this.inPar(r, base) || !this.inPar(r, top - PAGE)) return Rmi.ERROR_INPUT
    if (r.state !== RealmState.NEW) return Rmi.ERROR_REALM
    this.walk(r, base, PAGE_LEVEL)
    const level = this.wLevel
    const size = levelSize(level)
    if (!aligned(base, size)) return rttError(level)
    const t = this.wTable
    let at = base
    for (let i = this.wIndex; i < ENTRIES && at + size <= top; i++) {
      const e = t.kind[i] as number
      const kind = e & KIND_MASK
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

  /** Checks of the three range-map commands; the realm, or the word to return. */
  private mapArgs(rd: number, base: number, top: number, oaddr: readonly AddrDesc[], par: boolean): Realm | number {
    const r = this.realm(rd)
    if (r === undefined) return Rmi.ERROR_INPUT
    if (r.state !== RealmState.NEW && r.state !== RealmState.ACTIVE) return Rmi.ERROR_REALM
    if (top <= base) return Rmi.ERROR_INPUT
    const first = oaddr[0]
    if (first === undefined) return Rmi.ERROR_INPUT
    const level = first.level
    if (!Number.isInteger(level) || level < MIN_BLOCK_LEVEL || level > PAGE_LEVEL) return Rmi.ERROR_INPUT
    const size = levelSize(level)
    const end = ipaEnd(r.geo)
    if (base < 0 || base >= end || !aligned(base, size) || top - PAGE >= end || !aligned(top, PAGE)) return Rmi.ERROR_INPUT
    if ((this.inPar(r, base) && this.inPar(r, top - PAGE)) !== par) return Rmi.ERROR_INPUT
    if (top - base < size) return rttError(level)
    // v0.8's walk asserts that it starts at or below the start level; main has the same walk, so a coarser level is refused here.
    if (level < r.geo.start) return Rmi.ERROR_INPUT
    return r
  }

  /** The loop of the three range-map commands over one leaf table; x1 = top of what is mapped. */
  private mapRange(r: Realm, base: number, top: number, oaddr: readonly AddrDesc[], one: (index: number, pa: number, level: number) => number): number {
    const level = (oaddr[0] as AddrDesc).level
    const size = levelSize(level)
    this.walk(r, base, level)
    if (this.wLevel !== level) return rttError(this.wLevel)
    let at = base
    let status: number = Rmi.SUCCESS
    let d = 0
    let used = 0
    for (let i = this.wIndex; i < ENTRIES; i++) {
      const desc = oaddr[d]
      if (desc === undefined) { status = Rmi.ERROR_INPUT; break }
      if (desc.level !== level || at + size > top) { status = rttError(level); break }
      const pa = desc.pa + used * size
      if (!aligned(pa, size) || !this.paInReach(pa + size - PAGE)) { status = Rmi.ERROR_INPUT; break }
      status = one(i, pa, level)
      if (status !== Rmi.SUCCESS) break
      at += size
      if (++used >= desc.count) { d++; used = 0 }
    }
    if (at === base) return status
    this.x1 = at
    return Rmi.SUCCESS
  }

  /** RTT_DATA_MAP(rd, base, top, oaddr): zeroed memory, RIPAS unchanged, pages or blocks of level 1 to 3, one leaf table per call. */
  rttDataMap(rd: number, base: number, top: number, oaddr: readonly AddrDesc[]): number {
    this.noOutputs()
    const r = this.mapArgs(rd, base, top, oaddr, true)
    if (typeof r === 'number') return r
    return this.mapRange(r, base, top, oaddr, (i, pa, level) => {
      const t = this.wTable
      const e = t.kind[i] as number
      const kind = e & KIND_MASK
      if (kind >= Kind.ASSIGNED_EMPTY && kind <= Kind.ASSIGNED_DESTROYED) return paOf(t)[i] === pa ? Rmi.SUCCESS : rttError(level)
      if (!isUnassignedProtected(e)) return rttError(level)
      const n = levelSize(level) / PAGE
      for (let g = 0; g < n; g++) if (this.granule(pa + g * PAGE) !== Granule.DELEGATED) return Rmi.ERROR_INPUT
      for (let g = 0; g < n; g++) {
        this.content.zero(pa + g * PAGE)
        this.setGranule(pa + g * PAGE, Granule.DATA)
      }
      t.kind[i] = (kind + Kind.ASSIGNED_EMPTY) | (e & XN)
      paOf(t)[i] = pa
      t.refcount++
      return Rmi.SUCCESS
    })
  }

  /** RTT_DATA_MAP_INIT(rd, data, ipa, src, flags): DATA_CREATE of 1.x with the data granule looked at last. */
  rttDataMapInit(rd: number, data: number, ipa: number, src: number, flags: number): number {
    this.noOutputs()
    if (flags !== 0 && flags !== 1) return Rmi.ERROR_INPUT
    if (this.granule(src) !== Granule.NS) return Rmi.ERROR_INPUT
    const r = this.realm(rd)
    if (r === undefined) return Rmi.ERROR_INPUT
    if (r.state !== RealmState.NEW) return Rmi.ERROR_REALM
    if (ipa < 0 || !this.inPar(r, ipa) || !aligned(ipa, PAGE)) return Rmi.ERROR_INPUT
    if (!this.paInReach(data)) return Rmi.ERROR_INPUT
    this.walk(r, ipa, PAGE_LEVEL)
    if (this.wLevel !== PAGE_LEVEL) return rttError(this.wLevel)
    const t = this.wTable
    const e = t.kind[this.wIndex] as number
    if (!isUnassignedProtected(e)) return rttError(PAGE_LEVEL)
    if (this.granule(data) !== Granule.DELEGATED) return Rmi.ERROR_INPUT
    if (!this.nsReadable(src)) return Rmi.ERROR_INPUT
    this.content.copy(data, src)
    r.extensions++
    if (r.rim !== null) r.rim = rimData(r.params.algo, r.rim, ipa, flags, flags === 1 ? this.content.digest(data, r.params.algo) : null)
    t.kind[this.wIndex] = Kind.ASSIGNED_RAM | (e & XN)
    paOf(t)[this.wIndex] = data
    t.refcount++
    this.setGranule(data, Granule.DATA)
    return Rmi.SUCCESS
  }

  /** RTT_UNPROT_MAP(rd, base, top, attrs, oaddr): host memory in the unprotected half; `attrs` as in a 1.x descriptor's low bits. */
  rttUnprotMap(rd: number, base: number, top: number, attrs: number, oaddr: readonly AddrDesc[]): number {
    this.noOutputs()
    const r = this.mapArgs(rd, base, top, oaddr, false)
    if (typeof r === 'number') return r
    return this.mapRange(r, base, top, oaddr, (i, pa, level) => {
      const desc = pa + attrs
      if (!nsDescriptorValid(desc, level)) return Rmi.ERROR_INPUT
      const t = this.wTable
      if (t.kind[i] === Kind.ASSIGNED_NS && paOf(t)[i] === desc) return Rmi.SUCCESS
      if (t.kind[i] !== Kind.UNASSIGNED_NS) return rttError(level)
      t.kind[i] = Kind.ASSIGNED_NS
      paOf(t)[i] = desc
      return Rmi.SUCCESS
    })
  }

  /** RTT_DEV_MAP(rd, base, top, oaddr): device memory; which device owns it is not checked here. */
  rttDevMap(rd: number, base: number, top: number, oaddr: readonly AddrDesc[]): number {
    this.noOutputs()
    const r = this.mapArgs(rd, base, top, oaddr, true)
    if (typeof r === 'number') return r
    return this.mapRange(r, base, top, oaddr, (i, pa, level) => {
      const t = this.wTable
      const kind = (t.kind[i] as number) & KIND_MASK
      if (kind !== Kind.UNASSIGNED_EMPTY && kind !== Kind.UNASSIGNED_DESTROYED) return rttError(level)
      const n = levelSize(level) / PAGE
      for (let g = 0; g < n; g++) if (this.devGranule(pa + g * PAGE) !== Granule.DELEGATED) return Rmi.ERROR_INPUT
      for (let g = 0; g < n; g++) this.dev.set(this.dev.index(pa + g * PAGE), Granule.MAPPED)
      t.kind[i] = (kind === Kind.UNASSIGNED_EMPTY ? Kind.ASSIGNED_DEV_EMPTY : Kind.ASSIGNED_DEV_DESTROYED) | XN
      paOf(t)[i] = pa
      t.refcount++
      return Rmi.SUCCESS
    })
  }

  /** RTT_DEV_VALIDATE(rd, rec, base, top): x1 = where it got to. */
  rttDevValidate(rd: number, rec: number, base: number, top: number): number { return this.devValidate(rd, rec, base, top) }

  // ---- unmapping

  /** RTT_DATA_UNMAP(rd, base, top): x1 = where the sweep of one table ended; pages or blocks, as the table has them. */
  rttDataUnmap(rd: number, base: number, top: number): number { return this.unmapRange(rd, base, top, 'data') }
  /** RTT_UNPROT_UNMAP(rd, base, top): x1 = where the sweep of one table ended. */
  rttUnprotUnmap(rd: number, base: number, top: number): number { return this.unmapRange(rd, base, top, 'unprot') }
  /** RTT_DEV_UNMAP(rd, base, top): x1 = where the sweep of one table ended. */
  rttDevUnmap(rd: number, base: number, top: number): number { return this.unmapRange(rd, base, top, 'dev') }

  private unmapRange(rd: number, base: number, top: number, what: Sweep): number {
    this.noOutputs()
    const r = this.realm(rd)
    if (r === undefined) return Rmi.ERROR_INPUT
    if (!aligned(base, PAGE) || !aligned(top, PAGE) || top <= base || base < 0) return Rmi.ERROR_INPUT
    if (base >= ipaEnd(r.geo) || top > ipaEnd(r.geo)) return Rmi.ERROR_INPUT
    const par = what !== 'unprot'
    if (this.inPar(r, base) !== par || this.inPar(r, top - PAGE) !== par) return Rmi.ERROR_INPUT
    this.walk(r, base, PAGE_LEVEL)
    const level = this.wLevel
    const size = levelSize(level)
    if (!aligned(base, size)) return rttError(level)
    const t = this.wTable
    let at = base
    for (let i = this.wIndex; i < ENTRIES; i++) {
      const e = t.kind[i] as number
      const kind = e & KIND_MASK
      const first = i === this.wIndex
      const mine = !hasPa(e) || (what === 'data' ? kind >= Kind.ASSIGNED_EMPTY && kind <= Kind.ASSIGNED_DESTROYED : what === 'dev' ? isDevice(e) : kind === Kind.ASSIGNED_NS)
      if (!mine || at + size > top) {
        if (first) return rttError(level)
        break
      }
      if (hasPa(e)) this.release(r, t.kind, i, e, paOf(t)[i] as number, level, at)
      if (hasPa(e) && what !== 'unprot') t.refcount--
      at += size
    }
    this.x1 = at
    return Rmi.SUCCESS
  }

  private release(r: Realm, kinds: Uint8Array, i: number, e: number, pa: number, level: number, ipa: number): void {
    const kind = e & KIND_MASK
    const n = levelSize(level) / PAGE
    switch (kind) {
      case Kind.ASSIGNED_NS: kinds[i] = Kind.UNASSIGNED_NS; break
      case Kind.ASSIGNED_RAM: kinds[i] = Kind.UNASSIGNED_DESTROYED; break
      case Kind.ASSIGNED_EMPTY: kinds[i] = Kind.UNASSIGNED_EMPTY | (e & XN); break
      case Kind.ASSIGNED_DESTROYED: kinds[i] = Kind.UNASSIGNED_DESTROYED | (e & XN); break
      case Kind.ASSIGNED_DEV_EMPTY: kinds[i] = Kind.UNASSIGNED_EMPTY | XN; break
      default: kinds[i] = Kind.UNASSIGNED_DESTROYED | XN
    }
    if (kind === Kind.ASSIGNED_NS || kind === Kind.ASSIGNED_RAM || kind === Kind.ASSIGNED_DEV_DEV) this.observer?.tlbi?.(r.rd, ipa, levelSize(level))
    if (kind === Kind.ASSIGNED_NS) return
    for (let g = 0; g < n; g++) {
      if (isDevice(e)) this.dev.set(this.dev.index(pa + g * PAGE), Granule.DELEGATED)
      else this.setGranule(pa + g * PAGE, Granule.DELEGATED)
    }
  }
}
