// RMI 1.x: one granule a command. Source: reference arm-cca.md section 4 (TF-RMM v0.8.0, exact for its answers).
import { ensure } from '../../base/index.ts'
import { Granule, REC_AUX_COUNT, RealmState, Rmi, rttError } from './codes.ts'
import { PAGE } from './common.ts'
import { isDevice, isUnassignedProtected, Kind, KIND_MASK, paOf, XN } from './entry.ts'
import { aligned, ENTRIES, ipaEnd, levelSize, MIN_BLOCK_LEVEL, MIN_DEV_BLOCK_LEVEL, PAGE_LEVEL } from './geometry.ts'
import { rimData, rimRipas } from './rim.ts'
import { rmmMemoryDefaults } from './defaults.ts'
import type { Realm, RmmConfig } from './state.ts'
import { RmmVdev } from './vdev.ts'

/** Attributes the host may give an unprotected mapping: MemAttr[4:2] and S2AP[7:6]. */
const NS_MEMATTR = 0x1c
const NS_MEMATTR_RESERVED = 0x10
const NS_ATTRS = 0xdc

/** The RMM with the classic commands. */
export class Rmm1 extends RmmVdev {
  constructor(config: Partial<RmmConfig> = {}) {
    super('1.x', { ...rmmMemoryDefaults, ...config })
  }

  /** An independent copy, content included when it is the RMM's own. */
  clone(): Rmm1 {
    const c = new Rmm1(this.config)
    c.copyFrom(this)
    return c
  }

  /** Makes this model's state that of `o`. */
  restore(o: Rmm1): void {
    this.copyFrom(o)
  }

  /** GRANULE_DELEGATE(pa): NS becomes DELEGATED, its content stays; EL3 refuses memory of another world. */
  granuleDelegate(pa: number): number {
    this.noOutputs()
    const i = this.dram.index(pa)
    if (i >= 0) {
      if (this.dram.at(i) !== Granule.NS || (this.foreign.size > 0 && this.foreign.has(pa))) return Rmi.ERROR_INPUT
      this.dram.set(i, Granule.DELEGATED)
      this.toRealmPas(pa)
      return Rmi.SUCCESS
    }
    const d = this.dev.index(pa)
    if (d < 0 || this.dev.at(d) !== Granule.NS) return Rmi.ERROR_INPUT
    this.dev.set(d, Granule.DELEGATED)
    this.toRealmPas(pa)
    return Rmi.SUCCESS
  }

  /** GRANULE_UNDELEGATE(pa): DELEGATED becomes NS, zeroed. */
  granuleUndelegate(pa: number): number {
    this.noOutputs()
    const i = this.dram.index(pa)
    if (i >= 0) {
      if (this.dram.at(i) !== Granule.DELEGATED) return Rmi.ERROR_INPUT
      this.content.zero(pa)
      this.dram.set(i, Granule.NS)
      this.toNsPas(pa)
      return Rmi.SUCCESS
    }
    const d = this.dev.index(pa)
    if (d < 0 || this.dev.at(d) !== Granule.DELEGATED) return Rmi.ERROR_INPUT
    this.dev.set(d, Granule.NS)
    this.toNsPas(pa)
    return Rmi.SUCCESS
  }

  /**
   * RTT_INIT_RIPAS(rd, base, top): before activation; x1 = where it got to within one table. Each entry extends the
   * RIM, those that were RAM already too.
   */
  rttInitRipas(rd: number, base: number, top: number): number {
    this.noOutputs()
    if (top <= base) return Rmi.ERROR_INPUT
    const r = this.realm(rd)
    if (r === undefined) return Rmi.ERROR_INPUT
    if (!aligned(base, PAGE) || !aligned(top, PAGE) || !this.inPar(r, base) || !this.inPar(r, top - PAGE) || base < 0)
      return Rmi.ERROR_INPUT
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
      else if (kind !== Kind.UNASSIGNED_RAM) break
      this.measureRipas(r, at, at + size)
      at += size
    }
    if (at === base) return rttError(level)
    this.x1 = at
    return Rmi.SUCCESS
  }

  private measureRipas(r: Realm, base: number, top: number): void {
    if (!this.rules.ripasMeasured) return
    r.extensions++
    if (r.rim !== null) r.rim = rimRipas(r.params.algo, r.rim, base, top)
  }

  /**
   * DATA_CREATE(rd, data, ipa, src, flags): copies, measures, maps as RAM whatever the RIPAS was; before activation.
   */
  dataCreate(rd: number, data: number, ipa: number, src: number, flags: number): number {
    this.noOutputs()
    if (flags !== 0 && flags !== 1) return Rmi.ERROR_INPUT
    if (this.granule(src) !== Granule.NS) return Rmi.ERROR_INPUT
    const r = this.realm(rd)
    if (this.granule(data) !== Granule.DELEGATED || r === undefined) return Rmi.ERROR_INPUT
    if (r.state !== RealmState.NEW) return Rmi.ERROR_REALM
    const status = this.dataSlot(r, data, ipa)
    if (status !== Rmi.SUCCESS) return status
    if (!this.nsReadable(src)) return Rmi.ERROR_INPUT
    this.content.copy(data, src)
    r.extensions++
    if (r.rim !== null)
      r.rim = rimData(r.params.algo, r.rim, ipa, flags, flags === 1 ? this.content.digest(data, r.params.algo) : null)
    this.assign(data, Kind.ASSIGNED_RAM)
    return Rmi.SUCCESS
  }

  /** DATA_CREATE_UNKNOWN(rd, data, ipa): a zeroed granule, RIPAS unchanged, nothing measured; also after activation. */
  dataCreateUnknown(rd: number, data: number, ipa: number): number {
    this.noOutputs()
    const r = this.realm(rd)
    if (this.granule(data) !== Granule.DELEGATED || r === undefined) return Rmi.ERROR_INPUT
    const status = this.dataSlot(r, data, ipa)
    if (status !== Rmi.SUCCESS) return status
    this.content.zero(data)
    this.assign(data, (((this.wTable.kind[this.wIndex] as number) & KIND_MASK) + Kind.ASSIGNED_EMPTY) as Kind)
    return Rmi.SUCCESS
  }

  /** Checks of both DATA_CREATE commands on the address and the entry; leaves the walk at the free entry. */
  private dataSlot(r: Realm, data: number, ipa: number): number {
    if (!this.inPar(r, ipa) || ipa < 0 || !aligned(ipa, PAGE)) return Rmi.ERROR_INPUT
    if (!this.paInReach(data)) return Rmi.ERROR_INPUT
    this.walk(r, ipa, PAGE_LEVEL)
    if (this.wLevel !== PAGE_LEVEL) return rttError(this.wLevel)
    if (!isUnassignedProtected(this.wTable.kind[this.wIndex] as number)) return rttError(PAGE_LEVEL)
    return Rmi.SUCCESS
  }

  private assign(data: number, kind: Kind): void {
    const t = this.wTable
    t.kind[this.wIndex] = kind | ((t.kind[this.wIndex] as number) & XN)
    paOf(t)[this.wIndex] = data
    t.refcount++
    this.setGranule(data, Granule.DATA)
  }

  /**
   * DATA_DESTROY(rd, ipa): x1 = the granule, x2 = top. RAM becomes DESTROYED, EMPTY stays EMPTY. A block must be
   * unfolded first.
   */
  dataDestroy(rd: number, ipa: number): number {
    this.noOutputs()
    const r = this.realm(rd)
    if (r === undefined) return Rmi.ERROR_INPUT
    if (!this.inPar(r, ipa) || ipa < 0 || !aligned(ipa, PAGE)) return Rmi.ERROR_INPUT
    this.walk(r, ipa, PAGE_LEVEL)
    const t = this.wTable
    const e = t.kind[this.wIndex] as number
    if (this.wLevel !== PAGE_LEVEL) {
      this.x2 = this.skipNonLive(ipa)
      return rttError(this.wLevel)
    }
    const kind = e & KIND_MASK
    // A device entry trips an assertion in v0.8.0; the answer that stands in for it is "not a data mapping".
    if (kind < Kind.ASSIGNED_EMPTY || isDevice(e) || kind > Kind.ASSIGNED_DEV_DEV) {
      this.x2 = this.skipNonLive(ipa)
      return isDevice(e)
        ? this.stops('assertion', 'DATA_DESTROY of a device entry', rttError(PAGE_LEVEL))
        : rttError(PAGE_LEVEL)
    }
    const data = paOf(t)[this.wIndex] as number
    if (kind === Kind.ASSIGNED_RAM) {
      t.kind[this.wIndex] = Kind.UNASSIGNED_DESTROYED // permissions are reset
      this.observer?.tlbi?.(rd, ipa, PAGE)
    } else
      t.kind[this.wIndex] =
        (kind === Kind.ASSIGNED_EMPTY ? Kind.UNASSIGNED_EMPTY : Kind.UNASSIGNED_DESTROYED) | (e & XN)
    t.refcount--
    this.setGranule(data, Granule.DELEGATED)
    this.x1 = data
    this.x2 = this.skipNonLive(ipa)
    return Rmi.SUCCESS
  }

  /**
   * v0.8.0 lets a level above the start level pass its argument check and runs into an assertion in the walk; the
   * specified answer is ERROR_INPUT.
   */
  private aboveStart(r: Realm, ipa: number, level: number): number {
    const passes =
      Number.isInteger(level) &&
      level >= MIN_BLOCK_LEVEL &&
      level < r.geo.start &&
      ipa >= 0 &&
      ipa < ipaEnd(r.geo) &&
      aligned(ipa, levelSize(level)) &&
      !this.inPar(r, ipa)
    return passes
      ? this.stops('assertion', `the walk starts at level ${r.geo.start}, below the level asked for`, Rmi.ERROR_INPUT)
      : Rmi.ERROR_INPUT
  }

  /**
   * RTT_MAP_UNPROTECTED(rd, ipa, level, desc): the host maps its own memory; which granule state the address has is the
   * GPT's business at access time.
   */
  rttMapUnprotected(rd: number, ipa: number, level: number, desc: number): number {
    this.noOutputs()
    const r = this.realm(rd)
    if (r === undefined) return Rmi.ERROR_INPUT
    if (!this.entryArgs(r, ipa, level, MIN_BLOCK_LEVEL))
      return nsDescriptorValid(desc, level) ? this.aboveStart(r, ipa, level) : Rmi.ERROR_INPUT
    if (!nsDescriptorValid(desc, level)) return Rmi.ERROR_INPUT
    if (this.inPar(r, ipa)) return Rmi.ERROR_INPUT
    this.walk(r, ipa, level)
    if (this.wLevel !== level) return rttError(this.wLevel)
    if (this.wTable.kind[this.wIndex] !== Kind.UNASSIGNED_NS) return rttError(level)
    this.wTable.kind[this.wIndex] = Kind.ASSIGNED_NS
    paOf(this.wTable)[this.wIndex] = desc
    return Rmi.SUCCESS
  }

  /** RTT_UNMAP_UNPROTECTED(rd, ipa, level): x1 = top. */
  rttUnmapUnprotected(rd: number, ipa: number, level: number): number {
    this.noOutputs()
    const r = this.realm(rd)
    if (r === undefined) return Rmi.ERROR_INPUT
    if (!this.entryArgs(r, ipa, level, MIN_BLOCK_LEVEL)) return this.aboveStart(r, ipa, level)
    if (this.inPar(r, ipa)) return Rmi.ERROR_INPUT
    this.walk(r, ipa, level)
    if (this.wLevel !== level || this.wTable.kind[this.wIndex] !== Kind.ASSIGNED_NS) {
      this.x1 = this.skipNonLive(ipa)
      return rttError(this.wLevel)
    }
    this.wTable.kind[this.wIndex] = Kind.UNASSIGNED_NS
    this.observer?.tlbi?.(rd, ipa, levelSize(level))
    this.x1 = this.skipNonLive(ipa)
    return Rmi.SUCCESS
  }

  /** DEV_MEM_MAP(rd, ipa, level, pa): one or 512 delegated device granules. */
  devMemMap(rd: number, ipa: number, level: number, pa: number): number {
    this.noOutputs()
    if (!Number.isInteger(level) || level < MIN_DEV_BLOCK_LEVEL || level > PAGE_LEVEL) return Rmi.ERROR_INPUT
    const r = this.realm(rd)
    if (r === undefined) return Rmi.ERROR_INPUT
    const n = level === PAGE_LEVEL ? 1 : ENTRIES
    if (!aligned(pa, levelSize(level))) return Rmi.ERROR_INPUT
    for (let i = 0; i < n; i++) if (this.devGranule(pa + i * PAGE) !== Granule.DELEGATED) return Rmi.ERROR_INPUT
    if (!this.inPar(r, ipa) || ipa < 0 || !aligned(ipa, levelSize(level))) return Rmi.ERROR_INPUT
    this.walk(r, ipa, level)
    if (this.wLevel !== level) return rttError(this.wLevel)
    const t = this.wTable
    const kind = (t.kind[this.wIndex] as number) & KIND_MASK
    if (kind !== Kind.UNASSIGNED_EMPTY && kind !== Kind.UNASSIGNED_DESTROYED) return rttError(level)
    t.kind[this.wIndex] = (kind === Kind.UNASSIGNED_EMPTY ? Kind.ASSIGNED_DEV_EMPTY : Kind.ASSIGNED_DEV_DESTROYED) | XN
    paOf(t)[this.wIndex] = pa
    t.refcount++
    for (let i = 0; i < n; i++) this.dev.set(this.dev.index(pa + i * PAGE), Granule.MAPPED)
    return Rmi.SUCCESS
  }

  /** DEV_MEM_UNMAP(rd, ipa, level): x1 = address, x2 = top. The entry keeps the device permissions. */
  devMemUnmap(rd: number, ipa: number, level: number): number {
    this.noOutputs()
    if (!Number.isInteger(level) || level < MIN_DEV_BLOCK_LEVEL || level > PAGE_LEVEL) return Rmi.ERROR_INPUT
    const r = this.realm(rd)
    if (r === undefined) return Rmi.ERROR_INPUT
    if (!this.inPar(r, ipa) || ipa < 0 || !aligned(ipa, levelSize(level))) return Rmi.ERROR_INPUT
    this.walk(r, ipa, level)
    const t = this.wTable
    const e = t.kind[this.wIndex] as number
    if (this.wLevel !== level || !isDevice(e)) {
      this.x2 = this.skipNonLive(ipa)
      return rttError(this.wLevel)
    }
    const pa = paOf(t)[this.wIndex] as number
    t.kind[this.wIndex] =
      ((e & KIND_MASK) === Kind.ASSIGNED_DEV_EMPTY ? Kind.UNASSIGNED_EMPTY : Kind.UNASSIGNED_DESTROYED) | XN
    if ((e & KIND_MASK) === Kind.ASSIGNED_DEV_DEV) this.observer?.tlbi?.(rd, ipa, levelSize(level))
    t.refcount--
    const n = level === PAGE_LEVEL ? 1 : ENTRIES
    for (let i = 0; i < n; i++) this.dev.set(this.dev.index(pa + i * PAGE), Granule.DELEGATED)
    this.x1 = pa
    this.x2 = this.skipNonLive(ipa)
    return Rmi.SUCCESS
  }

  /** REC_AUX_COUNT(rd): x1 = auxiliary granules a REC needs. */
  recAuxCount(rd: number): number {
    this.noOutputs()
    if (this.realm(rd) === undefined) return Rmi.ERROR_INPUT
    this.x1 = REC_AUX_COUNT
    return Rmi.SUCCESS
  }

  /**
   * VDEV_MAP(rd, vdev, ipa, level, pa), after v0.8.0: DEV_MEM_MAP for a VDEV of the Realm, which cannot be unlocked
   * while it has mappings.
   */
  vdevMap(rd: number, vdevPa: number, ipa: number, level: number, pa: number): number {
    const v = this.vdev(vdevPa)
    if (v === undefined || v.rd !== rd) {
      this.noOutputs()
      return Rmi.ERROR_INPUT
    }
    const word = this.devMemMap(rd, ipa, level, pa)
    if (word === Rmi.SUCCESS) v.maps++
    return word
  }

  /** VDEV_UNMAP(rd, vdev, ipa, level), after v0.8.0: x1 = address, x2 = top. */
  vdevUnmap(rd: number, vdevPa: number, ipa: number, level: number): number {
    const v = this.vdev(vdevPa)
    if (v === undefined || v.rd !== rd) {
      this.noOutputs()
      return Rmi.ERROR_INPUT
    }
    const word = this.devMemUnmap(rd, ipa, level)
    if (word === Rmi.SUCCESS) v.maps = Math.max(0, v.maps - 1)
    return word
  }

  /** RTT_DEV_MEM_VALIDATE(rd, rec, base, top): x1 = where it got to. */
  rttDevMemValidate(rd: number, rec: number, base: number, top: number): number {
    return this.devValidate(rd, rec, base, top)
  }

  /**
   * VDEV_VALIDATE_MAPPING(rd, rec, pdev, vdev, base, top), after v0.8.0: the same, and the VDEV is one of this PDEV.
   */
  vdevValidateMapping(rd: number, recPa: number, pdevPa: number, vdevPa: number, base: number, top: number): number {
    this.noOutputs()
    const r = this.realm(rd)
    const rec = this.rec(recPa)
    if (r === undefined || rec === undefined) return Rmi.ERROR_INPUT
    if (rec.running || rec.realm !== r) return Rmi.ERROR_REC
    const v = this.vdev(vdevPa)
    if (this.pdev(pdevPa) === undefined || v === undefined) return Rmi.ERROR_INPUT
    return v.pdev === pdevPa ? this.devValidate(rd, recPa, base, top) : Rmi.ERROR_DEVICE
  }

  /** The Realm at `rd`, which must exist. @throws Error */
  mustRealm(rd: number): Realm {
    return ensure(this.realm(rd), 'a realm at this RD')
  }
}

/**
 * What the host may pass as an unprotected descriptor: an address of the level below 2^48, MemAttr without the reserved
 * value, S2AP.
 */
export function nsDescriptorValid(desc: number, level: number): boolean {
  if (desc < 0 || desc >= 2 ** 48) return false
  const low = desc % PAGE
  if ((low & ~NS_ATTRS) !== 0) return false
  if ((low & NS_MEMATTR) === NS_MEMATTR_RESERVED) return false
  return aligned(desc - low, levelSize(level))
}
