// Machine, kernel and devices put together: what a scene is made of, with one function for each operation of the language. The
// functions run under the checker (every access a step) and on a running system (at once).
import { ensure, PAGE_SIZE, pagesOf, pieces } from '../base/index.ts'
import { choose, Layout, type Store } from '../step/index.ts'
import {
  ByteContent, type Content, type DeviceConfig, HW, type Label, LabelContent, Machine, type MachineConfig, type MmioConfig, MIXED_WORD, noContent, type Platform, PTE, type Ranges, TDI, tdiNames, TeeContent, Words, wordOf, ZERO_WORD
} from '../machine/index.ts'
import {
  type AdminOp, accepted_flag, adminOperations, ATTR, boot_accepted, boot_converts, type BootConversion, conversionsMayFail, type Device, device_set_trust, DIR, DMA_MAPPING_ERROR, dma_alloc_attrs, dma_alloc_pages, dma_direct_mmap_alias, dma_free_attrs, dma_free_pages, dma_get_required_mask, dma_map_phys, dma_max_mapping_size, dma_map_resource, dma_set_coherent_mask, dma_set_mask, dma_set_mask_and_coherent,
  dma_sync_single, dma_unmap_phys, dma_unmap_resource, dma_to_phys, iommu_iova_to_phys, Kernel, type KernelParts, mem_cc_shared_granule_size, pinned, privately_trusted, type Revision, set_memory_decrypted, set_memory_encrypted, poolOfDevice, swiotlb_find_pool, type SwiotlbMem, TAG, tsm_accept, tsm_evidence, tsmCores, unknownAttribute
} from '../kernel/index.ts'
import {
  begin, bootAnswered, bootConverted, cpuRead, cpuWrite, declassified, denied, deviceAccess, type DmaEnd, DmaEnds, dmaResult, type FailedRequest, found, handleOf, hostDevice, type HostDeviceOp, hostRead, hostStage2,
  type HostStage2Op, hostWrite, present, type Range, stopped, syncBegin, told
} from './steps.ts'
import { errno, isErr, isObject, isUnset, type MappingObject, Objects, SIZE_MAX, type TbitObject, wordValue } from './values.ts'

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
  /** Nobody holds any memory but this, nor will read other memory before it is given out anew: what is remembered of it can be dropped. */
  onlyHeld?(st: Store, kept: Ranges): void
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
  /** The nonce of each lock is told apart: for evidence, and for a host that locks again. */
  readonly nonces?: boolean
}

/** The direction and attributes that an unmap, sync or free is told; null: those of the making. */
export interface Ending { readonly dir: number | null; readonly attrs: number | null }
const AS_MADE: Ending = { dir: null, attrs: null }

/** What the kernel has an address of: what a map or a conversion is asked for. */
const kernelMemory = (o: TbitObject): boolean => o.kind === 'page' || o.kind === 'buffer' || o.kind === 'coherent' || o.kind === 'pages'
/** What the CPU reads and writes. */
const cpuMemory = (o: TbitObject): boolean => kernelMemory(o) || o.kind === 'usermap' || o.kind === 'vmap'

export class System {
  /** Rows of the platform that requests have met, for the coverage line. */
  readonly rowsMet = new Set<string>()
  readonly dmaEnds = new DmaEnds()
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
    this.machine = new Machine(this.layout, options.platform, options.config, options.devices, options.mmios ?? [], this.words, this.content, options.nonces, options.revision.dmaEnable === 'own_step')
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
      this.machine.startAccepted(st, d.index)
      this.kernel.f.tsm_state.set(st, tsmCores[this.kernel.rev.accept].accepted, d.index)
      boot_accepted(this.kernel, st, d.index)
    }
  }

  /** Boot: pools are converted. Under `conversions may_fail` each may fail, and then the revision's rule for that holds. */
  boot(): number {
    const k = this.kernel
    const failed: BootConversion[] = []
    for (const mem of [k.default_mem, k.private_mem]) {
      if (mem !== null && !this.bootPool(mem, mem.index, mem === k.default_mem ? 'swiotlb' : null, failed)) k.message('decrypt_failed')
    }
    k.atomic.boot()
    // rmem_swiotlb_device_init(), device by device: the first of a region converts its pool. Since failures are looked at a failed one leaves
    // rmem->priv NULL, and the next device tries the whole again.
    const attached = new Set<SwiotlbMem>()
    for (const dev of k.devices) {
      const mem = dev.assigned
      if (mem === null || !mem.kind.restricted || attached.has(mem)) continue
      if (this.bootPool(mem, poolOfDevice(dev.index), `device ${dev.index}`, failed)) attached.add(mem)
      else k.message('decrypt_restricted', { dev: dev.name })
    }
    k.calls?.booted([...failed, ...k.atomic.bootFailures().map((i) => `atomic pool ${i}` as const)])
    return 0
  }

  /** Converts one pool as boot does; false where it failed and the kernel noticed. A failure goes to `failed`, noticed or not. */
  private bootPool(mem: SwiotlbMem, place: number, name: BootConversion | null, failed: BootConversion[]): boolean {
    const k = this.kernel
    if (!boot_converts(k, mem)) return true
    if (k.parts.host !== undefined) return bootAnswered(this, mem, place, set_memory_decrypted(k, mem.start, mem.pages.n)) === 0
    // A pool that firmware gives in no whole granules is refused before anything changes.
    const partial = k.rev.sharedGranule === 'whole' && mem.kind.restricted && !this.machine.granules(mem.pages.pfn, mem.pages.n).exact
    const end = partial ? 'refused' : pinned(k) ? 'half done' : (['done', 'refused', 'half done'] as const)[conversionsMayFail(k) ? choose(`boot: set_memory_decrypted(${mem.name}) may fail`, 3) : 0] ?? 'done'
    bootConverted(this, mem, end, place)
    if (end !== 'done' && name !== null) failed.push(name)
    return end === 'done' || k.rev.decryptFailure === 'ignore'
  }

  private device(i: number): Device { return this.kernel.device(i) }
  private absent(dev: number): number { return present(this, dev) === 0 ? errno.ENODEV : 0 }

  /** The range of an object in guest physical memory. */
  range(v: number): Range { return this.rangeOf(this.objects.get(v)) }
  rangeOf(o: TbitObject): Range {
    switch (o.kind) {
      case 'sg': return this.rangeOf(o.segments[0] as MappingObject)
      case 'mapping': return { phys: o.bounce >= 0 ? o.bounce : o.phys, size: o.size }
      default: return { phys: o.phys, size: o.size }
    }
  }

  // --- memory ---------------------------------------------------------------------------------------------------------------

  alloc_page(high: boolean): number {
    const pfn = this.kernel.pages.alloc_pages(0, { high, tag: TAG.page, zero: true, why: 'the test' })
    if (pfn < 0) return errno.ENOMEM
    told.allocated(this, pfn * PAGE_SIZE, PAGE_SIZE, true)
    return this.objects.value({ kind: 'page', phys: pfn * PAGE_SIZE, size: PAGE_SIZE })
  }

  free_page(p: number): number {
    if (!isObject(p)) return 0
    const o = this.objects.get(p)
    if (o.kind !== 'page') return errno.EINVAL
    this.kernel.pages.free_pages(o.phys / PAGE_SIZE, 0, 'free_page')
    told.forgotten(this, o.phys, PAGE_SIZE)
    told.freed(this, this.objects.id(p))
    return 0
  }

  kmalloc(size: number): number {
    const at = this.kernel.slab.kmalloc(size)
    if (at < 0) return errno.ENOMEM
    told.allocated(this, at, size, false)
    return this.objects.value({ kind: 'buffer', phys: at, size })
  }

  kfree(b: number): number {
    if (!isObject(b)) return 0
    if (this.objects.get(b).kind !== 'buffer') return errno.EINVAL
    const { phys, size } = this.range(b)
    this.kernel.slab.kfree(phys, size)
    told.forgotten(this, phys, size)
    return 0
  }

  /** Whoever owned x has lost it: nobody will give it back. What the test merely still holds is not lost. */
  give_up(x: number): number {
    if (!isObject(x)) return 0
    const { pages } = this.kernel
    const o = this.objects.get(x)
    const lost = ({ phys, size }: Range): void => {
      const pfn = Math.floor(phys / PAGE_SIZE)
      const n = pagesOf(phys, size)
      // Pages of their own leave the allocator for ever; a slab object, a pool's slots and a mapped buffer keep what they lie in.
      if (o.kind === 'page' || ((o.kind === 'coherent' || o.kind === 'pages') && o.buffer.from === 'buddy')) pages.leak(pfn, n, 'give_up', false)
      else this.kernel.emit({ kind: 'leak', pfn, n, site: 'give_up', onPurpose: false })
    }
    for (const r of o.kind === 'sg' ? o.segments : [o]) lost(r)
    return 0
  }

  /** The device sends T=1 now: in RUN, or passed through to private memory alone. */
  running(st: Store, dev: number): boolean { return this.machine.tdi.get(st, dev) === TDI.run || this.options.devices[dev]?.private_only === true }

  fill(x: number, word: number, tryIt: boolean): number {
    if (!isObject(x)) return isErr(x) ? x : errno.EINVAL
    const o = this.objects.get(x)
    if (!cpuMemory(o)) return errno.EINVAL
    return cpuWrite(this, this.objects.id(x), word) === 1 ? this.cpuAbort(o, 'write', tryIt) : 0
  }

  read(x: number, tryIt: boolean): number {
    if (!isObject(x)) return isErr(x) ? x : errno.EINVAL
    const o = this.objects.get(x)
    if (!cpuMemory(o)) return errno.EINVAL
    const r = cpuRead(this, this.objects.id(x))
    return r < 0 ? this.cpuAbort(o, 'read', tryIt) : wordValue(r)
  }

  private cpuAbort(o: TbitObject, what: string, tryIt: boolean): number {
    if (tryIt) return errno.EFAULT
    if (o.kind === 'usermap') {
      found('fault', 'dma_mmap', `user ${what} through the ${o.alias} alias`, `user space ${what}s through a mapping that the kernel made with the ${o.alias} alias, and the access is aborted`)
      return errno.EFAULT
    }
    this.kernel.crash(`cpu_${what}`, 'cpu access aborted', `the kernel ${what}s memory whose mapping is invalid or of the wrong alias`)
  }

  set_memory(x: number, shared: boolean): number {
    if (!isObject(x)) return isErr(x) ? x : errno.EINVAL
    if (!kernelMemory(this.objects.get(x))) return errno.EINVAL
    const { phys, size } = this.range(x)
    const first = Math.floor(phys / PAGE_SIZE)
    const n = pagesOf(phys, size)
    // The test means the memory to be shared until it is private again: on the way back, and after a failure, that is not yet so.
    told.explicit(this, phys, size, true)
    if (shared) return set_memory_decrypted(this.kernel, first * PAGE_SIZE, n)
    const rc = set_memory_encrypted(this.kernel, first * PAGE_SIZE, n)
    if (rc === 0) told.explicit(this, phys, size, false)
    return rc
  }

  // --- streaming DMA --------------------------------------------------------------------------------------------------------

  /**
   * The rest of a call that began with the belief `accepted`. When the kernel reads the flag as clear before it has decided, the call is one for an
   * unaccepted device from that step on, as if it had begun then; never the other way. `body` is told by the box it gets.
   */
  private deciding<T>(dev: Device, accepted: boolean, ranges: readonly Range[], dir: number, body: (call: { accepted: boolean }) => T): T {
    const call = { accepted }
    const k = this.kernel
    k.call = !accepted ? null : { denied: () => {
      if (!call.accepted) return
      call.accepted = false
      if (dir === DIR.FROM_DEVICE || ranges.length === 0) return
      denied(this, dev.index, ranges)
    } }
    try {
      return body(call)
    } finally {
      k.call = null
    }
  }

  /** The flag as it is, outside of any step. */
  believed(st: Store, dev: number): boolean { return accepted_flag(this.kernel, st, dev) }

  /** The kernel gives the device private memory: what is mapped for it is not the host's to see. */
  trusted(st: Store, dev: number): boolean { return privately_trusted(this.kernel, st, dev) }

  dma_map_single(cpu: number, devIndex: number, x: number, dir: number, attrs: number): number {
    if (!isObject(x)) return isErr(x) ? x : errno.EINVAL
    if (!kernelMemory(this.objects.get(x))) return errno.EINVAL
    const gone = this.absent(devIndex)
    if (gone) return gone
    const dev = this.device(devIndex)
    const { phys, size } = this.range(x)
    if (unknownAttribute(dev, attrs)) { this.declassify([{ phys, size }], attrs); return errno.EOPNOTSUPP }
    const accepted = begin(this, dev.index, [{ phys, size }], dir, attrs, `dma_map_single(${dev.name}, 0x${phys.toString(16)}, ${size})`) === 1
    return this.deciding(dev, accepted, [{ phys, size }], dir, (call) => {
      const addr = dma_map_phys(dev, cpu, phys, size, dir, attrs)
      if (addr === DMA_MAPPING_ERROR) return this.mapFailed(dev, phys, size, attrs)
      return this.mapping(dev, addr, phys, size, dir, attrs, call.accepted)
    })
  }

  private declassify(ranges: readonly Range[], attrs: number): void { if ((attrs & ATTR.CC_SHARED) !== 0) declassified(this, ranges) }

  private makeMapping(dev: Device, addr: number, phys: number, size: number, dir: number, attrs: number, accepted: boolean): MappingObject {
    const back = dev.config.iommu ? iommu_iova_to_phys(dev, addr) : dma_to_phys(dev, addr)
    const bounce = swiotlb_find_pool(dev, back) !== null ? back : -1
    return { kind: 'mapping', dev: dev.index, handle: addr, phys, size, dir, attrs, bounce, accepted }
  }

  private mapping(dev: Device, addr: number, phys: number, size: number, dir: number, attrs: number, accepted: boolean): number {
    const o = this.makeMapping(dev, addr, phys, size, dir, attrs, accepted)
    const v = this.objects.value(o)
    told.mapped(this, this.objects.id(v))
    return v
  }

  /** Why it failed has been said by the kernel function (event `failed`); here the request is added for whoever judges it. */
  private mapFailed(dev: Device, phys: number, size: number, attrs: number): number {
    told.failed(this, { dev: dev.index, phys, size, attrs, alloc: false })
    return errno.EIO
  }
  /** Judges a refused request; set by the checker. */
  request: ((st: Store, r: FailedRequest) => void) | null = null

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
    told.unmapped(this, id, as.dir, as.attrs)
  }

  /** A BAR range as a segment of a list. */
  bar(mmio: number): number {
    const m = this.machine.mmios[mmio]
    return m === undefined ? errno.EINVAL : this.objects.value({ kind: 'bar', mmio, phys: m.base, size: PAGE_SIZE })
  }

  dma_map_sg(cpu: number, devIndex: number, xs: readonly number[], dir: number, attrs: number): number {
    for (const x of xs) if (!isObject(x)) return isErr(x) ? x : errno.EINVAL
    for (const x of xs) { const o = this.objects.get(x); if (!kernelMemory(o) && o.kind !== 'bar') return errno.EINVAL }
    const gone = this.absent(devIndex)
    if (gone) return gone
    const dev = this.device(devIndex)
    const ranges = xs.map((x) => this.range(x))
    // What lies in a device is nobody's data.
    const ram = xs.flatMap((x, i) => (this.objects.get(x).kind === 'bar' ? [] : [ranges[i] as Range]))
    if (unknownAttribute(dev, attrs)) { this.declassify(ram, attrs); return errno.EOPNOTSUPP }
    const accepted = begin(this, devIndex, ram, dir, attrs, `dma_map_sg(${dev.name}, ${ranges.length} segments)`) === 1
    return this.deciding(dev, accepted, ram, dir, (call) => {
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
        told.mapped(this, this.objects.id(v))
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
    const accepted = begin(this, devIndex, [], dir, attrs, `dma_map_resource(${dev.name}, ${m.config.name})`) === 1
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
      if (!forCpu && as.dir !== DIR.FROM_DEVICE) syncBegin(this, id)
      dma_sync_single(dev, m.handle, m.size, as.dir, forCpu)
      told.synced(this, id, forCpu, as.dir)
    }
    return 0
  }

  // --- coherent DMA ---------------------------------------------------------------------------------------------------------

  dma_alloc(cpu: number, devIndex: number, size: number, atomic: boolean, attrs: number, pages: boolean, dir: number): number {
    const gone = this.absent(devIndex)
    if (gone) return gone
    const dev = this.device(devIndex)
    if (unknownAttribute(dev, attrs)) return errno.EOPNOTSUPP
    const name = pages ? 'dma_alloc_pages' : 'dma_alloc_coherent'
    const accepted = begin(this, devIndex, [], DIR.BIDIRECTIONAL, attrs, `${name}(${dev.name}, ${size}${atomic ? ', ATOMIC' : ''})`) === 1
    return this.deciding(dev, accepted, [], DIR.BIDIRECTIONAL, (call) => {
      const b = pages ? dma_alloc_pages(dev, cpu, size, !atomic) : dma_alloc_attrs(dev, cpu, size, !atomic, attrs)
      if (b === null) {
        told.failed(this, { dev: devIndex, phys: -1, size, attrs, alloc: true })
        return errno.ENOMEM
      }
      told.allocated(this, b.phys, b.size, !b.cookie)
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
    told.freed(this, this.objects.id(v))
    return 0
  }

  dma_mmap(v: number, dev?: number): number {
    if (!isObject(v)) return isErr(v) ? v : errno.EINVAL
    const o = this.objects.get(v)
    if (o.kind !== 'coherent' && o.kind !== 'pages') return errno.EINVAL
    const alias = dma_direct_mmap_alias(this.told(dev, o))
    return this.objects.value({ kind: 'usermap', dev: o.dev, alias, phys: o.phys, size: o.size, accepted: o.accepted })
  }

  /** vmap(): PAGE_KERNEL, or pgprot_decrypted(PAGE_KERNEL). */
  vmap(x: number, decrypted: boolean): number {
    if (!isObject(x)) return isErr(x) ? x : errno.EINVAL
    const o = this.objects.get(x)
    if (!kernelMemory(o)) return errno.EINVAL
    const { phys, size } = this.range(x)
    return this.objects.value({ kind: 'vmap', alias: decrypted ? 'shared' : 'private', phys, size })
  }

  mem_cc_shared_granule_size(): number { return mem_cc_shared_granule_size(this.kernel) }

  /** Bytes; SIZE_MAX without a limit. */
  dma_max_mapping_size(dev: number): number {
    const gone = this.absent(dev)
    return gone ? gone : Math.min(SIZE_MAX, dma_max_mapping_size(this.device(dev)))
  }

  /** The bits of the mask. */
  dma_get_required_mask(dev: number): number {
    const gone = this.absent(dev)
    return gone ? gone : Math.round(Math.log2(dma_get_required_mask(this.device(dev)) + 1))
  }

  dma_set_mask(dev: number, bits: number): number {
    const gone = this.absent(dev)
    return gone ? gone : dma_set_mask(this.device(dev), bits)
  }

  dma_set_coherent_mask(dev: number, bits: number): number {
    const gone = this.absent(dev)
    return gone ? gone : dma_set_coherent_mask(this.device(dev), bits)
  }

  dma_set_mask_and_coherent(dev: number, bits: number): number {
    const gone = this.absent(dev)
    return gone ? gone : dma_set_mask_and_coherent(this.device(dev), bits)
  }

  // --- the device -----------------------------------------------------------------------------------------------------------

  /** The handles that a device uses of an object, by number: one, or the segments of a list. */
  private targets(v: number, segment: number): number[] {
    const o = this.objects.get(v)
    switch (o.kind) {
      case 'mapping':
      case 'resource':
      case 'coherent':
      case 'pages': return [this.objects.id(v)]
      case 'sg': return (segment >= 0 ? o.segments.slice(segment, segment + 1) : o.segments).map((m) => this.objects.id(this.objects.value(m)))
      default: return []
    }
  }

  /** A DMA of the device over all of a handle's segments. Answers the word read, 0 for a write, or an errno after a fault. */
  private dma(devIndex: number, v: number, segment: number, write: boolean, word: number, tryIt: boolean): number {
    if (!isObject(v)) return isErr(v) ? v : errno.EINVAL
    const gone = this.absent(devIndex)
    if (gone) return gone
    const targets = this.targets(v, segment)
    if (targets.length === 0) return errno.EINVAL
    let read = -1
    for (const id of targets) {
      const { end, word: got } = dmaResult(this, deviceAccess(this, devIndex, id, write, word))
      // A read that is answered, with ones or ciphertext, is no fault: the reader has other data (wrong_data).
      if ((stopped(end) || end.outcome === 'drop' || end.outcome === 'poison') && !tryIt) this.dmaFault(devIndex, id, write, end)
      if (stopped(end)) return errno.EFAULT
      read = read === -1 || read === got ? got : MIXED_WORD
    }
    return write ? 0 : wordValue(read)
  }

  private dmaFault(devIndex: number, id: number, write: boolean, { outcome, rule, note }: DmaEnd): void {
    const what = outcome === 'blocked' ? 'not sent' : outcome === 'drop' ? 'dropped' : 'aborted'
    const at = `0x${handleOf(this.objects.byId(id) as MappingObject).toString(16)}`
    found('fault', `dev_${write ? 'write' : 'read'}`, rule, `${this.device(devIndex).name}'s DMA ${write ? 'write' : 'read'} at ${at} is ${what} (${outcome.replace('fault:', '')}): ${note}`)
  }

  dev_read(dev: number, v: number, segment: number, tryIt: boolean): number { return this.dma(dev, v, segment, false, 0, tryIt) }
  dev_write(dev: number, v: number, segment: number, word: number, tryIt: boolean): number { return this.dma(dev, v, segment, true, word, tryIt) }

  // --- administrator ----------------------------------------------------------------------------------------------------------

  admin(op: AdminOp, dev: number): number { return adminOperations[op](this.kernel, dev) }

  device_set_trust(dev: number, level: string): number { return device_set_trust(this.device(dev), level) }

  /** DEV.trust: the level, or `unset` where the revision has none. */
  trustName(st: Store, dev: number): string { return this.kernel.f.trust === null ? 'unset' : this.kernel.f.trust.valueName(this.kernel.f.trust.get(st, dev)) }

  tsm_evidence(dev: number): number { return tsm_evidence(this.device(dev)) }

  tsm_accept(dev: number, evidence?: number): number {
    if (evidence !== undefined && (isErr(evidence) || isUnset(evidence))) return isErr(evidence) ? evidence : errno.EINVAL
    return tsm_accept(this.device(dev), evidence)
  }

  // --- the host ---------------------------------------------------------------------------------------------------------------

  host_device(op: HostDeviceOp, dev: number): number { return hostDevice(this, op, dev) }

  host_write(v: number, word: number): number {
    const bad = this.notHostMemory(v)
    return bad !== 0 ? bad : hostWrite(this, this.objects.id(v), word)
  }

  host_read(v: number): number {
    const bad = this.notHostMemory(v)
    if (bad !== 0) return bad
    const r = hostRead(this, this.range(v))
    return r < 0 ? errno.EFAULT : wordValue(r)
  }

  host_stage2(op: HostStage2Op, v: number): number {
    const bad = this.notHostMemory(v)
    return bad !== 0 ? bad : hostStage2(this, op, this.range(v))
  }

  // The host's access to BARs is not modelled.
  private notHostMemory(v: number): number { return !isObject(v) ? (isErr(v) ? v : errno.EINVAL) : this.objects.get(v).kind === 'resource' ? errno.EOPNOTSUPP : 0 }

  // --- what expressions ask -----------------------------------------------------------------------------------------------------

  /** x.shared: the memory under x is shared. */
  isShared(st: Store, v: number): boolean {
    const o = this.objects.get(v)
    if (o.kind === 'resource' || o.kind === 'bar') return this.machine.mmios[o.mmio]?.config.state === 'shared'
    const { phys } = this.range(v)
    const bar = this.machine.mmios.find((m) => phys >= m.base && phys < m.base + m.size)
    if (bar !== undefined) return bar.config.state === 'shared'
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
      case 'usermap':
      case 'vmap': return o.alias === 'shared'
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

  /**
   * Drops what nobody can observe any more when `held` is all that anybody holds: ordinary data in other memory, and what is promised about it. For
   * searches without end, whose states would differ in it for ever.
   */
  forget(st: Store, held: readonly number[]): void {
    const kept = held.flatMap((v): Ranges => {
      const o = this.objects.get(v)
      if (o.kind === 'sg' || o.kind === 'resource') return []
      return [[o.phys, o.phys + o.size], ...(o.kind === 'mapping' && o.bounce >= 0 ? [[o.bounce, o.bounce + o.size] as const] : [])]
    })
    this.labels?.forget(st, kept)
    this.watcher.onlyHeld?.(st, kept)
  }

  /** For printing: the pages that are not as a fresh guest's. */
  describePages(st: Store): string[] {
    return pieces(this.machine.pages.get(st), 0, 2 ** 30, 0).filter((p) => p[2] !== 0).map(([s, e, v]) => `0x${s.toString(16)}..0x${e.toString(16)} ${v}`)
  }
}

