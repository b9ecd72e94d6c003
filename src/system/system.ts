// Machine, kernel and devices put together: what a scene is made of, with one function for each operation of the language. The
// functions run under the checker (every access a step) and on a running system (at once).
import { ensure, PAGE_SIZE, pieces } from '../base/index.ts'
import { act, choose, Layout, type PropertyName, type Store } from '../step/index.ts'
import {
  ByteContent, CLASS, classOf, type Content, type DeviceConfig, HW, label, type Label, LabelContent, LOST_WORD, Machine, type MachineConfig, type MmioConfig, MIXED_WORD, noContent, type Platform, PTE, SECRET_WORD, TDI, tdiNames, TeeContent, Words, wordOf, ZERO_WORD
} from '../machine/index.ts'
import {
  type AdminOp, accepted_flag, adminOperations, aliasAccess, ATTR, boot_accepted, boot_converts, conversionsMayFail, type Device, DIR, DMA_MAPPING_ERROR, dma_alloc_attrs, dma_alloc_pages, dma_direct_mmap_alias, dma_free_attrs, dma_free_pages, dma_map_phys, dma_map_resource, dma_set_mask,
  dma_sync_single, dma_unmap_phys, dma_unmap_resource, dma_to_phys, iommu_iova_to_phys, Kernel, type KernelParts, type Revision, set_memory_decrypted, set_memory_encrypted, swiotlb_find_pool, TAG, tsmCores, unknownAttribute
} from '../kernel/index.ts'
import { type CoherentObject, errno, isErr, isObject, isUnset, type MappingObject, Objects, type ResourceObject, type TbitObject, wordValue } from './values.ts'

/** What watches a system: properties under the checker, the log of a run. All calls happen within a step. */
export interface Watcher {
  cpuWrite?(st: Store, addr: number, len: number, word: number): void
  cpuRead?(st: Store, addr: number, len: number, got: Label, user: boolean): void
  mapped?(st: Store, id: number, m: MappingObject): void
  /** `as`: the mapping with the direction and attributes that the call was told. */
  unmapped?(st: Store, id: number, m: MappingObject, as: MappingObject): void
  synced?(st: Store, id: number, m: MappingObject, forCpu: boolean, as: MappingObject): void
  allocated?(st: Store, addr: number, len: number, zeroed: boolean): void
  freed?(st: Store, id: number, o: TbitObject): void
  deviceRead?(st: Store, dev: number, id: number, o: TbitObject, phys: number, at: number, len: number, got: Label, outcome: string): void
  deviceWrote?(st: Store, dev: number, id: number, o: TbitObject, phys: number, at: number, len: number, word: number, outcome: string): void
  explicitConversion?(st: Store, addr: number, len: number, shared: boolean): void
  hostWrote?(st: Store, addr: number, len: number, word: number, id: number | null): void
  pageForgotten?(st: Store, addr: number, len: number): void
}

export interface SystemOptions {
  readonly platform: Platform
  readonly revision: Revision
  readonly config: MachineConfig
  readonly devices: readonly DeviceConfig[]
  readonly mmios?: readonly MmioConfig[]
  /** Bytes for a running system, labels (default) for the checker, both for one run of a test. */
  readonly content?: 'labels' | 'bytes' | 'both' | 'none'
  readonly parts?: KernelParts
}

/** [bus address, length, kernel-made alias is shared, object for watchers] of what a device may be told to use. */
interface Target { readonly handle: number; readonly size: number; readonly id: number; readonly o: MappingObject | ResourceObject | CoherentObject }

/** The direction and attributes that an unmap, sync or free is told; null: those of the making. */
export interface Ending { readonly dir: number | null; readonly attrs: number | null }
const AS_MADE: Ending = { dir: null, attrs: null }

/** What the kernel has an address of: what a map or a conversion is asked for. */
const kernelMemory = (o: TbitObject): boolean => o.kind === 'page' || o.kind === 'buffer' || o.kind === 'coherent' || o.kind === 'pages'
/** What the CPU reads and writes. */
const cpuMemory = (o: TbitObject): boolean => kernelMemory(o) || o.kind === 'usermap'

export class System {
  /** Rows of the platform that requests have met, for the coverage line. */
  readonly rowsMet = new Set<string>()
  readonly layout = new Layout()
  readonly words = new Words()
  readonly objects = new Objects()
  readonly machine: Machine
  readonly kernel: Kernel
  readonly content: Content
  /** The labels of memory; null when only bytes move. */
  readonly labels: LabelContent | null
  watcher: Watcher = {}

  constructor(readonly options: SystemOptions) {
    const c = options.content ?? 'labels'
    this.labels = c === 'bytes' || c === 'none' ? null : new LabelContent(this.layout)
    const bytes = c === 'labels' || c === 'none' ? null : new ByteContent(this.words)
    this.content = c === 'none' ? noContent : bytes === null ? ensure(this.labels, 'labels') : this.labels === null ? bytes : new TeeContent(bytes, this.labels, this.words)
    this.machine = new Machine(this.layout, options.platform, options.config, options.devices, options.mmios ?? [], this.words, this.content)
    this.kernel = new Kernel(this.layout, this.machine, options.revision, options.devices, options.parts ?? {})
  }

  /** State before boot: everything private, nothing shared, devices as configured. */
  reset(st: Store): void {
    this.kernel.boot(st)
    for (const d of this.kernel.devices) {
      if (!this.kernel.accepts) continue
      // Of a device that nobody can accept the flag stays as initialisation left it.
      if (!d.config.tdisp && this.kernel.rev.acceptedAtInit) boot_accepted(this.kernel, st, d.index)
      if (!d.config.accepted) continue
      this.machine.tdi.set(st, TDI.run, d.index)
      this.kernel.f.tsm_state.set(st, tsmCores[this.kernel.rev.accept].accepted, d.index)
      boot_accepted(this.kernel, st, d.index)
    }
  }

  /** Boot: pools are converted. Under `conversions may_fail` each may fail, and then the revision's rule for that holds. */
  boot(): number {
    const k = this.kernel
    const may = conversionsMayFail(k)
    for (const mem of k.mems) {
      if (!boot_converts(k, mem)) continue
      const { pfn, n } = mem.pages
      const how = may ? choose(`boot: set_memory_decrypted(${mem.name}) may fail`, 3) : 0
      act(`boot:${mem.index}:${how}`, () => (how === 0 ? `boot: ${mem.name} shared` : `boot: converting ${mem.name} failed`), (st) => {
        if (how === 0) k.bootShare(st, pfn, n)
        else {
          // At the hypercall: the realm's mapping stays invalid, TDX has changed its page table already (linux-dma-direct section 6).
          if (how === 2 && k.platform.conversion === 'rsi') this.machine.setPte(st, pfn, n, PTE.invalid_shr)
          if (how === 2 && k.platform.conversion === 'mapgpa') this.machine.setPte(st, pfn, n, PTE.shr)
          if (k.rev.decryptFailure === 'unusable') k.f.pool_unusable.set(st, 1, mem.index)
        }
        return 0
      }, { results: [0], silent: true })
    }
    k.atomic.boot()
    return 0
  }

  private device(i: number): Device { return this.kernel.device(i) }
  private absent(dev: number): number { return act(`present:${dev}`, (r) => (r ? 'device present' : 'device is gone'), (st) => this.kernel.f.present.get(st, dev), { results: [0, 1], silent: true }) === 0 ? errno.ENODEV : 0 }

  /** The range of an object in guest physical memory. */
  range(v: number): { phys: number; size: number } {
    const o = this.objects.get(v)
    switch (o.kind) {
      case 'sg': return this.range(this.objects.value(o.segments[0] as MappingObject))
      case 'mapping': return { phys: o.bounce >= 0 ? o.bounce : o.phys, size: o.size }
      default: return { phys: o.phys, size: o.size }
    }
  }

  // --- memory ---------------------------------------------------------------------------------------------------------------

  alloc_page(high: boolean): number {
    const pfn = this.kernel.pages.alloc_pages(0, { high, tag: TAG.page, zero: true, why: 'the test' })
    if (pfn < 0) return errno.ENOMEM
    this.note(`allocated:${pfn}`, (st) => this.watcher.allocated?.(st, pfn * PAGE_SIZE, PAGE_SIZE, true))
    return this.objects.value({ kind: 'page', phys: pfn * PAGE_SIZE, size: PAGE_SIZE })
  }

  free_page(p: number): number {
    if (!isObject(p)) return 0
    const o = this.objects.get(p)
    if (o.kind !== 'page') return errno.EINVAL
    this.kernel.pages.free_pages(this.range(p).phys / PAGE_SIZE, 0, 'free_page')
    this.note(`forgotten:${this.objects.id(p)}`, (st) => { this.watcher.pageForgotten?.(st, this.range(p).phys, PAGE_SIZE); this.watcher.freed?.(st, this.objects.id(p), o) })
    return 0
  }

  kmalloc(size: number): number {
    const at = this.kernel.slab.kmalloc(size)
    if (at < 0) return errno.ENOMEM
    this.note(`allocated:${at}:${size}`, (st) => this.watcher.allocated?.(st, at, size, false))
    return this.objects.value({ kind: 'buffer', phys: at, size })
  }

  kfree(b: number): number {
    if (!isObject(b)) return 0
    if (this.objects.get(b).kind !== 'buffer') return errno.EINVAL
    const { phys, size } = this.range(b)
    this.kernel.slab.kfree(phys, size)
    this.note(`forgotten:${this.objects.id(b)}`, (st) => this.watcher.pageForgotten?.(st, phys, size))
    return 0
  }

  private note(key: string, fn: (st: Store) => void): void { act(`note:${key}`, () => 'note', (st) => { fn(st); return 0 }, { silent: true, results: [0] }) }

  /** The device sends T=1 now: in RUN, or passed through to private memory alone. */
  running(st: Store, dev: number): boolean { return this.machine.tdi.get(st, dev) === TDI.run || this.options.devices[dev]?.private_only === true }

  /** Class of data written to an object by the CPU: a buffer made for an accepted device, or of a device that runs now, takes that device's data. */
  private writtenClass(st: Store, o: TbitObject, word: number): number {
    if (o.kind === 'coherent' || o.kind === 'pages' || o.kind === 'usermap') return o.accepted || this.running(st, o.dev) ? CLASS.accepted : CLASS.plain
    return word === SECRET_WORD ? CLASS.secret : CLASS.plain
  }

  fill(x: number, word: number, tryIt: boolean): number {
    if (!isObject(x)) return isErr(x) ? x : errno.EINVAL
    const o = this.objects.get(x)
    if (!cpuMemory(o)) return errno.EINVAL
    const m = this.machine
    const { phys, size } = this.range(x)
    const r = act(`fill:${this.objects.id(x)}:${word}`, (v) => `CPU writes ${this.words.name(word)} to 0x${phys.toString(16)}${v === 0 ? '' : v === 1 ? ': aborted' : ': through the wrong key'}`, (st) => {
      const a = this.cpu(st, o, phys, size, true)
      if (a === 'invalid' || a === 'abort') return 1
      m.content.fill(st, phys, size, a === 'cipher' ? label(MIXED_WORD, CLASS.plain) : label(word, this.writtenClass(st, o, word)))
      this.watcher.cpuWrite?.(st, phys, size, word)
      return 0
    }, { results: [0, 1] })
    if (r === 1) return this.cpuAbort(o, 'write', tryIt)
    return 0
  }

  read(x: number, tryIt: boolean): number {
    if (!isObject(x)) return isErr(x) ? x : errno.EINVAL
    const o = this.objects.get(x)
    if (!cpuMemory(o)) return errno.EINVAL
    const { phys, size } = this.range(x)
    const r = act(`read:${this.objects.id(x)}`, (v) => (v < 0 ? 'CPU read aborted' : `CPU reads ${this.words.name(v)} from 0x${phys.toString(16)}`), (st) => {
      const a = this.cpu(st, o, phys, size, false)
      if (a === 'invalid' || a === 'abort') return -1
      const got = a === 'cipher' ? label(4, CLASS.plain) : this.content.read(st, phys, size)
      this.watcher.cpuRead?.(st, phys, size, got, o.kind === 'usermap')
      return wordOf(got)
    })
    if (r < 0) return this.cpuAbort(o, 'read', tryIt)
    return wordValue(r)
  }

  private cpu(st: Store, o: TbitObject, phys: number, size: number, write: boolean): 'ok' | 'cipher' | 'abort' | 'invalid' {
    if (o.kind === 'usermap') return aliasAccess(this.machine, st, phys, o.alias, write)
    if ((o.kind === 'coherent' || o.kind === 'pages') && o.buffer.cookie) return 'abort'
    if ((o.kind === 'coherent' || o.kind === 'pages') && o.buffer.alias !== null) return aliasAccess(this.machine, st, phys, o.buffer.alias, write)
    return this.machine.cpuAccess(st, phys, size, write)
  }

  private cpuAbort(o: TbitObject, what: string, tryIt: boolean): number {
    if (tryIt) return errno.EFAULT
    if (o.kind === 'usermap') {
      this.finding('fault', 'dma_mmap', `user ${what} through the ${o.alias} alias`, `user space ${what}s through a mapping that the kernel made with the ${o.alias} alias, and the access is aborted`)
      return errno.EFAULT
    }
    this.kernel.crash(`cpu_${what}`, 'cpu access aborted', `the kernel ${what}s memory whose mapping is invalid or of the wrong alias`)
  }

  private finding(property: PropertyName, site: string, decision: string, summary: string): void {
    act(`finding:${property}:${site}:${decision}`, () => summary, (st) => { st.finding({ property, site, decision, summary }); return 0 }, { silent: true, results: [0] })
  }

  set_memory(x: number, shared: boolean): number {
    if (!isObject(x)) return isErr(x) ? x : errno.EINVAL
    if (!kernelMemory(this.objects.get(x))) return errno.EINVAL
    const { phys, size } = this.range(x)
    const first = Math.floor(phys / PAGE_SIZE)
    const n = Math.floor((phys + size - 1) / PAGE_SIZE) - first + 1
    // The test means the memory to be shared until it is private again: on the way back, and after a failure, that is not yet so.
    this.note(`explicit:${phys}:${size}`, (st) => this.watcher.explicitConversion?.(st, phys, size, true))
    if (shared) return set_memory_decrypted(this.kernel, first * PAGE_SIZE, n)
    const rc = set_memory_encrypted(this.kernel, first * PAGE_SIZE, n)
    if (rc === 0) this.note(`explicit_end:${phys}:${size}`, (st) => this.watcher.explicitConversion?.(st, phys, size, false))
    return rc
  }

  // --- streaming DMA --------------------------------------------------------------------------------------------------------

  /** A DMA API call begins: what the kernel believes of the device now fixes the class of the data (or lets the host see it). */
  private begin(name: string, dev: Device, ranges: ReadonlyArray<{ phys: number; size: number }>, dir: number, attrs: number, describe: string): boolean {
    const toDevice = dir !== DIR.FROM_DEVICE
    const cc = (attrs & ATTR.CC_SHARED) !== 0
    return act(`begin:${name}:${dev.index}:${ranges.map((r) => `${r.phys}+${r.size}`).join()}:${dir}:${attrs}`, () => describe, (st) => {
      // A device passed through to private memory alone is not the host's, whatever the kernel believes.
      const accepted = this.believed(st, dev.index) || dev.config.private_only
      for (const r of ranges) {
        if (cc || (toDevice && !accepted)) this.content.reclass(st, r.phys, r.size, () => CLASS.plain, 'plain')
        else if (toDevice && accepted) this.content.reclass(st, r.phys, r.size, () => CLASS.accepted, 'acc')
      }
      return accepted ? 1 : 0
    }, { results: [0, 1] }) === 1
  }

  /**
   * The rest of a call that began with the belief `accepted`. When the kernel reads the flag as clear before it has decided, the call is one for an
   * unaccepted device from that step on, as if it had begun then; never the other way. `body` is told by the box it gets.
   */
  private deciding<T>(dev: Device, accepted: boolean, ranges: ReadonlyArray<{ phys: number; size: number }>, dir: number, body: (call: { accepted: boolean }) => T): T {
    const call = { accepted }
    const k = this.kernel
    k.call = !accepted ? null : { denied: () => {
      if (!call.accepted) return
      call.accepted = false
      if (dir === DIR.FROM_DEVICE || ranges.length === 0) return
      act(`denied:${dev.index}:${ranges.map((r) => `${r.phys}+${r.size}`).join()}`, () => `the call is one for ${dev.name} at T=0`, (st) => {
        for (const r of ranges) this.content.reclass(st, r.phys, r.size, () => CLASS.plain, 'plain')
        return 0
      }, { silent: true, results: [0] })
    } }
    try {
      return body(call)
    } finally {
      k.call = null
    }
  }

  /** The flag as it is, outside of any step. */
  believed(st: Store, dev: number): boolean { return accepted_flag(this.kernel, st, dev) }

  dma_map_single(cpu: number, devIndex: number, x: number, dir: number, attrs: number): number {
    if (!isObject(x)) return isErr(x) ? x : errno.EINVAL
    if (!kernelMemory(this.objects.get(x))) return errno.EINVAL
    const gone = this.absent(devIndex)
    if (gone) return gone
    const dev = this.device(devIndex)
    const { phys, size } = this.range(x)
    if (unknownAttribute(dev, attrs)) { this.declassify(dev, [{ phys, size }], attrs); return errno.EOPNOTSUPP }
    const accepted = this.begin('map', dev, [{ phys, size }], dir, attrs, `dma_map_single(${dev.name}, 0x${phys.toString(16)}, ${size})`)
    return this.deciding(dev, accepted, [{ phys, size }], dir, (call) => {
      const addr = dma_map_phys(dev, cpu, phys, size, dir, attrs)
      if (addr === DMA_MAPPING_ERROR) return this.mapFailed(dev, phys, size, attrs)
      return this.mapping(dev, addr, phys, size, dir, attrs, call.accepted)
    })
  }

  private declassify(dev: Device, ranges: ReadonlyArray<{ phys: number; size: number }>, attrs: number): void {
    if ((attrs & ATTR.CC_SHARED) === 0) return
    this.note(`declassify:${dev.index}:${ranges.map((r) => r.phys).join()}`, (st) => { for (const r of ranges) this.content.reclass(st, r.phys, r.size, () => CLASS.plain, 'plain') })
  }

  private makeMapping(dev: Device, addr: number, phys: number, size: number, dir: number, attrs: number, accepted: boolean): MappingObject {
    const back = dev.config.iommu ? iommu_iova_to_phys(dev, addr) : dma_to_phys(dev, addr)
    const bounce = swiotlb_find_pool(dev, back) !== null ? back : -1
    return { kind: 'mapping', dev: dev.index, handle: addr, phys, size, dir, attrs, bounce, accepted }
  }

  private mapping(dev: Device, addr: number, phys: number, size: number, dir: number, attrs: number, accepted: boolean): number {
    const o = this.makeMapping(dev, addr, phys, size, dir, attrs, accepted)
    const v = this.objects.value(o)
    this.note(`mapped:${this.objects.id(v)}`, (st) => this.watcher.mapped?.(st, this.objects.id(v), o))
    return v
  }

  /** Why it failed has been said by the kernel function (event `failed`); here the request is added for whoever judges it. */
  private mapFailed(dev: Device, phys: number, size: number, attrs: number): number {
    this.note(`mapfailed:${dev.index}:${phys}:${size}:${attrs}`, (st) => this.request?.(st, { dev: dev.index, phys, size, attrs, alloc: false }))
    return errno.EIO
  }
  /** Judges a refused request; set by the checker. */
  request: ((st: Store, r: { dev: number; phys: number; size: number; attrs: number; alloc: boolean }) => void) | null = null

  // An unmap, sync or free is told a device like the making; a test may give another one than that, and then the kernel asks that one.
  private told(dev: number | undefined, o: { readonly dev: number }): Device { return this.device(dev ?? o.dev) }

  dma_unmap_single(h: number, dev?: number, end: Ending = AS_MADE): number {
    if (!isObject(h)) return 0
    const o = this.objects.get(h)
    if (o.kind !== 'mapping') return errno.EINVAL
    this.unmapOne(o, this.objects.id(h), end, dev)
    return 0
  }

  /** `more`: attributes that the core adds by itself; whoever mapped is promised what the caller said. */
  private unmapOne(o: MappingObject, id: number, end: Ending, dev?: number, more = 0): void {
    const as = { ...o, dir: end.dir ?? o.dir, attrs: end.attrs ?? o.attrs }
    dma_unmap_phys(this.told(dev, o), o.handle, o.size, as.dir, as.attrs | more)
    this.note(`unmapped:${id}:${as.dir}:${as.attrs}`, (st) => this.watcher.unmapped?.(st, id, o, as))
  }

  dma_map_sg(cpu: number, devIndex: number, xs: readonly number[], dir: number, attrs: number): number {
    for (const x of xs) if (!isObject(x)) return isErr(x) ? x : errno.EINVAL
    for (const x of xs) if (!kernelMemory(this.objects.get(x))) return errno.EINVAL
    const gone = this.absent(devIndex)
    if (gone) return gone
    const dev = this.device(devIndex)
    const ranges = xs.map((x) => this.range(x))
    if (unknownAttribute(dev, attrs)) { this.declassify(dev, ranges, attrs); return errno.EOPNOTSUPP }
    const accepted = this.begin('map_sg', dev, ranges, dir, attrs, `dma_map_sg(${dev.name}, ${ranges.length} segments)`)
    return this.deciding(dev, accepted, ranges, dir, (call) => {
      const done: MappingObject[] = []
      for (const r of ranges) {
        const addr = dma_map_phys(dev, cpu, r.phys, r.size, dir, attrs)
        if (addr === DMA_MAPPING_ERROR) {
          // On an error the entries before are unmapped with SKIP_CPU_SYNC.
          for (const m of done) this.unmapOne(m, this.objects.id(this.objects.value(m)), AS_MADE, undefined, ATTR.SKIP_CPU_SYNC)
          return this.mapFailed(dev, r.phys, r.size, attrs)
        }
        const o = this.makeMapping(dev, addr, r.phys, r.size, dir, attrs, call.accepted)
        done.push(o)
        const v = this.objects.value(o)
        this.note(`mapped:${this.objects.id(v)}`, (st) => this.watcher.mapped?.(st, this.objects.id(v), o))
      }
      return this.objects.value({ kind: 'sg', dev: devIndex, segments: done })
    })
  }

  dma_unmap_sg(h: number, dev?: number, end: Ending = AS_MADE): number {
    if (!isObject(h)) return 0
    const o = this.objects.get(h)
    if (o.kind !== 'sg') return errno.EINVAL
    for (const m of o.segments) this.unmapOne(m, this.objects.id(this.objects.value(m)), end, dev)
    return 0
  }

  dma_map_resource(cpu: number, devIndex: number, mmio: number, dir: number, attrs: number): number {
    const gone = this.absent(devIndex)
    if (gone) return gone
    const dev = this.device(devIndex)
    const m = this.machine.mmios[mmio]
    if (m === undefined) return errno.EINVAL
    if (unknownAttribute(dev, attrs)) return errno.EOPNOTSUPP
    const accepted = this.begin('map_resource', dev, [], dir, attrs, `dma_map_resource(${dev.name}, ${m.config.name})`)
    const addr = dma_map_resource(dev, cpu, m.base, PAGE_SIZE, dir, attrs)
    if (addr === DMA_MAPPING_ERROR) return this.mapFailed(dev, m.base, PAGE_SIZE, attrs | ATTR.MMIO)
    return this.objects.value({ kind: 'resource', dev: devIndex, handle: addr, phys: m.base, size: PAGE_SIZE, dir, attrs, mmio, accepted })
  }

  dma_unmap_resource(h: number, dev?: number, end: Ending = AS_MADE): number {
    if (!isObject(h)) return 0
    const o = this.objects.get(h)
    if (o.kind !== 'resource') return errno.EINVAL
    dma_unmap_resource(this.told(dev, o), o.handle, o.size, end.dir ?? o.dir, end.attrs ?? o.attrs)
    return 0
  }

  dma_sync(h: number, segment: number, forCpu: boolean, devIndex?: number, end: Ending = AS_MADE): number {
    if (!isObject(h)) return 0
    const o = this.objects.get(h)
    const list = o.kind === 'mapping' ? [o] : o.kind === 'sg' ? (segment >= 0 ? o.segments.slice(segment, segment + 1) : o.segments) : []
    for (const m of list) {
      const dev = this.told(devIndex, m)
      const id = this.objects.id(this.objects.value(m))
      const as = { ...m, dir: end.dir ?? m.dir }
      if (!forCpu && as.dir !== DIR.FROM_DEVICE) this.reclassAtSync(m)
      dma_sync_single(dev, m.handle, m.size, as.dir, forCpu)
      this.note(`synced:${id}:${forCpu}:${as.dir}`, (st) => this.watcher.synced?.(st, id, m, forCpu, as))
    }
    return 0
  }

  // Handing a buffer to the device again: what the CPU has put in since has the class of the mapping.
  private reclassAtSync(m: MappingObject): void {
    const cc = (m.attrs & ATTR.CC_SHARED) !== 0
    act(`sync_begin:${m.dev}:${m.phys}:${m.size}:${m.accepted}:${cc}`, () => 'dma_sync_single_for_device', (st) => {
      const accepted = !cc && (m.accepted || this.running(st, m.dev))
      this.content.reclass(st, m.phys, m.size, () => (accepted ? CLASS.accepted : CLASS.plain), accepted ? 'acc' : 'plain')
      return 0
    }, { results: [0] })
  }

  // --- coherent DMA ---------------------------------------------------------------------------------------------------------

  dma_alloc(cpu: number, devIndex: number, size: number, atomic: boolean, attrs: number, pages: boolean, dir: number): number {
    const gone = this.absent(devIndex)
    if (gone) return gone
    const dev = this.device(devIndex)
    if (unknownAttribute(dev, attrs)) return errno.EOPNOTSUPP
    const name = pages ? 'dma_alloc_pages' : 'dma_alloc_coherent'
    const accepted = this.begin(name, dev, [], DIR.BIDIRECTIONAL, attrs, `${name}(${dev.name}, ${size}${atomic ? ', ATOMIC' : ''})`)
    return this.deciding(dev, accepted, [], DIR.BIDIRECTIONAL, (call) => {
      const b = pages ? dma_alloc_pages(dev, cpu, size, !atomic) : dma_alloc_attrs(dev, cpu, size, !atomic, attrs)
      if (b === null) {
        this.note(`allocfailed:${devIndex}:${size}:${attrs}`, (st) => this.request?.(st, { dev: devIndex, phys: -1, size, attrs, alloc: true }))
        return errno.ENOMEM
      }
      this.note(`allocated:${b.phys}:${b.size}:${b.cookie}`, (st) => this.watcher.allocated?.(st, b.phys, b.size, !b.cookie))
      return this.objects.value({ kind: pages ? 'pages' : 'coherent', dev: devIndex, buffer: b, attrs, dir, accepted: call.accepted, phys: b.phys, size })
    })
  }

  dma_free(v: number, devIndex?: number, end: Ending = AS_MADE): number {
    if (!isObject(v)) return 0
    const o = this.objects.get(v)
    if (o.kind !== 'coherent' && o.kind !== 'pages') return errno.EINVAL
    const dev = this.told(devIndex, o)
    if (o.kind === 'coherent') dma_free_attrs(dev, o.buffer, end.attrs ?? o.attrs)
    else dma_free_pages(dev, o.buffer)
    this.note(`freed:${this.objects.id(v)}`, (st) => this.watcher.freed?.(st, this.objects.id(v), o))
    return 0
  }

  dma_mmap(v: number, dev?: number): number {
    if (!isObject(v)) return isErr(v) ? v : errno.EINVAL
    const o = this.objects.get(v)
    if (o.kind !== 'coherent' && o.kind !== 'pages') return errno.EINVAL
    const alias = dma_direct_mmap_alias(this.told(dev, o))
    return this.objects.value({ kind: 'usermap', dev: o.dev, alias, phys: o.phys, size: o.size, accepted: o.accepted })
  }

  dma_set_mask(dev: number, bits: number): number {
    const gone = this.absent(dev)
    return gone ? gone : dma_set_mask(this.device(dev), bits)
  }

  // --- the device -----------------------------------------------------------------------------------------------------------

  private targets(v: number, segment: number): Target[] {
    const o = this.objects.get(v)
    switch (o.kind) {
      case 'mapping':
      case 'resource': return [{ handle: o.handle, size: o.size, id: this.objects.id(v), o }]
      case 'coherent':
      case 'pages': return [{ handle: o.buffer.handle, size: o.size, id: this.objects.id(v), o }]
      case 'sg': return (segment >= 0 ? o.segments.slice(segment, segment + 1) : o.segments).map((m) => ({ handle: m.handle, size: m.size, id: this.objects.id(this.objects.value(m)), o: m }))
      default: return []
    }
  }

  private outcomes: string[] = []
  private outcome(s: string): number {
    let i = this.outcomes.indexOf(s)
    if (i < 0) i = this.outcomes.push(s) - 1
    return i
  }

  /** A DMA of the device over all of a handle's segments. Answers the word read, 0 for a write, or an errno after a fault. */
  private dma(devIndex: number, v: number, segment: number, write: boolean, word: number, tryIt: boolean): number {
    if (!isObject(v)) return isErr(v) ? v : errno.EINVAL
    const gone = this.absent(devIndex)
    if (gone) return gone
    const m = this.machine
    let result = write ? 0 : -1
    const targets = this.targets(v, segment)
    if (targets.length === 0) return errno.EINVAL
    for (const t of targets) {
      const cc = (t.o.attrs & ATTR.CC_SHARED) !== 0
      const name = this.kernel.devices[devIndex]?.name ?? ''
      const r = act(`dma:${write ? 'w' : 'r'}:${devIndex}:${t.id}:${write ? word : ''}`, (x) => {
        const [what, rule] = (this.outcomes[Math.floor(x / 4096)] ?? '').split('|')
        const failed = what === 'blocked' || (what ?? '').startsWith('fault:')
        return `${name} ${write ? `writes ${this.words.name(word)} to` : failed ? 'reads' : `reads ${this.words.name(x % 4096)} from`} 0x${t.handle.toString(16)}: ${(what ?? '').replace('fault:', 'fault ')} [${rule}]`
      }, (st) => {
        const cls = write && this.running(st, devIndex) && !cc ? CLASS.accepted : CLASS.plain
        let got = -1
        const last = m.dma(st, devIndex, t.handle, t.size, write, cc ? 'non_tee' : 'tee', (q, at, n) => {
          if (m.mmios.length > 0 && q.phys >= 0x18_0000_0000) { got = write ? 0 : ZERO_WORD; return }
          if (write) {
            if (q.outcome === 'ok') m.content.fill(st, q.phys, n, label(word, cls))
            else if (q.outcome === 'poison') { if (!m.platform.guest) m.content.fill(st, q.phys, n, label(MIXED_WORD, CLASS.plain)); else m.poison(st, Math.floor(q.phys / PAGE_SIZE)) }
            this.watcher.deviceWrote?.(st, devIndex, t.id, t.o, q.phys, at, n, word, q.outcome)
          } else {
            const l = m.answered(st, q, n)
            this.watcher.deviceRead?.(st, devIndex, t.id, t.o, q.phys, at, n, l, q.outcome)
            got = got === -1 || got === wordOf(l) ? wordOf(l) : MIXED_WORD
          }
        })
        this.rowsMet.add(last.rule)
        return this.outcome(`${last.outcome}|${last.rule}|${last.note}`) * 4096 + Math.max(0, got)
      })
      const [what = '', rule = '', why = ''] = (this.outcomes[Math.floor(r / 4096)] ?? '').split('|')
      // A read that is answered, with ones or ciphertext, is no fault: the reader has other data (wrong_data).
      const bad = what === 'blocked' || what.startsWith('fault:') || what === 'drop' || what === 'poison'
      if (bad && !tryIt) this.finding('fault', `dev_${write ? 'write' : 'read'}`, rule, `${name}'s DMA ${write ? 'write' : 'read'} at 0x${t.handle.toString(16)} is ${what === 'blocked' ? 'not sent' : what === 'drop' ? 'dropped' : 'aborted'} (${what.replace('fault:', '')}): ${why}`)
      if (what === 'blocked' || what.startsWith('fault:')) return errno.EFAULT
      if (!write) result = result === -1 || result === r % 4096 ? r % 4096 : MIXED_WORD
    }
    return write ? 0 : result < 0 ? errno.EINVAL : wordValue(result)
  }

  dev_read(dev: number, v: number, segment: number, tryIt: boolean): number { return this.dma(dev, v, segment, false, 0, tryIt) }
  dev_write(dev: number, v: number, segment: number, word: number, tryIt: boolean): number { return this.dma(dev, v, segment, true, word, tryIt) }

  // --- administrator ----------------------------------------------------------------------------------------------------------

  admin(op: AdminOp, dev: number): number { return adminOperations[op](this.kernel, dev) }

  // --- the host ---------------------------------------------------------------------------------------------------------------

  host_device(op: 'host_stop' | 'host_reset' | 'host_error', dev: number): number {
    const m = this.machine
    return act(`${op}:${dev}`, () => `host: ${op.slice(5)} ${this.kernel.devices[dev]?.name}`, (st) => {
      switch (op) {
        case 'host_stop': m.tdi.set(st, TDI.unlocked, dev); break
        case 'host_reset': m.tdi.set(st, TDI.unlocked, dev); m.session.set(st, 0, dev); break
        case 'host_error': { const t = m.tdi.get(st, dev); if (t === TDI.locked || t === TDI.run) m.tdi.set(st, TDI.error, dev) }
      }
      return 0
    }, { results: [0] })
  }

  host_write(v: number, word: number): number {
    if (!isObject(v)) return isErr(v) ? v : errno.EINVAL
    const o = this.objects.get(v)
    if (o.kind === 'resource') return errno.EOPNOTSUPP // the host's access to BARs is not modelled
    const { phys, size } = this.range(v)
    return act(`host_write:${this.objects.id(v)}:${word}`, (r) => `host writes ${this.words.name(word)} to 0x${phys.toString(16)}${r < 0 ? ': blocked' : ''}`, (st) => {
      if (!this.machine.hostWrite(st, phys, size, label(word, CLASS.plain))) return errno.EFAULT
      this.watcher.hostWrote?.(st, phys, size, word, o.kind === 'mapping' && o.bounce >= 0 ? this.objects.id(v) : null)
      return 0
    }, { results: [0, errno.EFAULT] })
  }

  host_read(v: number): number {
    if (!isObject(v)) return isErr(v) ? v : errno.EINVAL
    if (this.objects.get(v).kind === 'resource') return errno.EOPNOTSUPP
    const { phys, size } = this.range(v)
    const r = act(`host_read:${this.objects.id(v)}`, (x) => (x < 0 ? `host reads 0x${phys.toString(16)}: blocked` : `host reads ${this.words.name(x)} from 0x${phys.toString(16)}`), (st) => {
      const l = this.machine.hostRead(st, phys, size)
      return l === 'fault' ? -1 : wordOf(l)
    })
    return r < 0 ? errno.EFAULT : wordValue(r)
  }

  host_stage2(op: 'host_remap' | 'host_unmap', v: number): number {
    if (!isObject(v)) return isErr(v) ? v : errno.EINVAL
    if (this.objects.get(v).kind === 'resource') return errno.EOPNOTSUPP
    const { phys, size } = this.range(v)
    return act(`${op}:${phys}:${size}`, () => `host: ${op.slice(5)} page 0x${Math.floor(phys / PAGE_SIZE).toString(16)}`, (st) => {
      for (let p = Math.floor(phys / PAGE_SIZE); p * PAGE_SIZE < phys + size; p++) {
        if (op === 'host_unmap') this.machine.hostUnmap(st, p)
        else this.machine.hostRemap(st, p)
      }
      this.watcher.hostWrote?.(st, Math.floor(phys / PAGE_SIZE) * PAGE_SIZE, PAGE_SIZE, -1, null)
      return 0
    }, { results: [0] })
  }

  // --- what expressions ask -----------------------------------------------------------------------------------------------------

  /** x.shared: the memory under x is shared. */
  isShared(st: Store, v: number): boolean {
    const o = this.objects.get(v)
    if (o.kind === 'resource') return this.machine.mmios[o.mmio]?.config.state === 'shared'
    const { phys } = this.range(v)
    const hw = this.machine.hw(st, Math.floor(phys / PAGE_SIZE))
    return hw === HW.shr || hw === HW.shr_unmapped || hw === HW.shr_realm
  }

  /** x.alias: the form of the address: of a handle what the device is given, else the CPU's mapping. */
  isSharedAlias(st: Store, v: number): boolean {
    const o = this.objects.get(v)
    const form = (handle: number): boolean => {
      const { platform, config } = this.kernel
      const bit = platform.sharedBit(config)
      if (bit !== 0) return handle >= bit
      // SNP's guests have no bit for it in an address without C-bit (the sDTE decides): it stands for the state of the memory.
      if (platform.encBit !== 0 && (handle >= platform.encBit || platform.deviceAlias === 'c_bit')) return handle < platform.encBit
      return this.isShared(st, v)
    }
    switch (o.kind) {
      case 'mapping':
      case 'resource': return form(o.handle)
      case 'sg': return form((o.segments[0] as MappingObject).handle)
      case 'coherent':
      case 'pages': return form(o.buffer.handle)
      case 'usermap': return o.alias === 'shared'
      default: {
        const pte = this.machine.pte(st, Math.floor(o.phys / PAGE_SIZE))
        return this.machine.platform.cpuAlias ? pte === PTE.shr || pte === PTE.invalid_shr : this.isShared(st, v)
      }
    }
  }

  /** x.bounced. */
  isBounced(v: number): boolean {
    const o = this.objects.get(v)
    return o.kind === 'mapping' ? o.bounce >= 0 : o.kind === 'sg' ? o.segments.some((s) => s.bounce >= 0) : false
  }

  /** content(x): the one word, or `mixed`; of a scatter-gather handle over all its segments, each where the device sees it. */
  contentWord(st: Store, v: number): number {
    const o = this.objects.get(v)
    if (o.kind === 'resource') return ZERO_WORD
    const ranges = o.kind === 'sg' ? o.segments.map((m) => ({ phys: m.bounce >= 0 ? m.bounce : m.phys, size: m.size })) : [this.range(v)]
    const words = new Set(ranges.map((r) => wordOf(this.content.read(st, r.phys, r.size))))
    return words.size === 1 ? ([...words][0] as number) : MIXED_WORD
  }

  tdiName(st: Store, dev: number): string { return tdiNames[this.machine.tdi.get(st, dev)] ?? '' }

  /** DEV.tsm: the TSM core's belief. */
  tsmName(st: Store, dev: number): string {
    const k = this.kernel
    return tsmCores[k.rev.accept].word(k.f.tsm_state.get(st, dev), this.believed(st, dev))
  }

  /** For printing: the pages that are not as a fresh guest's. */
  describePages(st: Store): string[] {
    return pieces(this.machine.pages.get(st), 0, 2 ** 30, 0).filter((p) => p[2] !== 0).map(([s, e, v]) => `0x${s.toString(16)}..0x${e.toString(16)} ${v}`)
  }
}

export { classOf, isUnset, LOST_WORD }
