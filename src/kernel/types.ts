// What kernel files know of each other, as the C has it in headers: the structs and their prototypes. A file that
// works on a part of the kernel imports this one; the parts themselves (kernel.ts puts them together) import each
// other nowhere.
import type { CpuAddr, Intervals, DmaAddr, Pfn, Phys } from '../base/index.ts'
import type { Field, Interned, Layout, Store } from '../step/index.ts'
import type { DeviceConfig, Machine, MachineConfig, Platform } from '../machine/index.ts'
import type { MessageArgs, MessageId } from './messages.ts'
import type { RefusalReason } from './refusal.ts'
import type { Revision } from './revisions/revision.ts'
import type { IoTlbPool } from './swiotlb/index.ts'
import type { DmaZone, MemoryMap, Surroundings } from './surroundings.ts'
import type { TraceKind, TraceValues } from './trace-events.ts'

export type { DmaZone }

/** Operations of the TSM's life cycle that are in flight for a while. */
export type TsmOp =
  | 'connect'
  | 'disconnect'
  | 'lock'
  | 'accept'
  | 'dma_enable'
  | 'dma_disable'
  | 'unlock'
  | 'register'
  | 'unregister'
  | 'remove'

/** DMA_BIT_MASK(bits); 64 bits is larger than any address. */
export const DMA_BIT_MASK = (bits: number): number => (bits >= 64 ? 2 ** 64 : 2 ** bits - 1)

/** The alias through which a CPU mapping of its own reaches memory; null: the linear map. */
export type CpuAlias = 'shared' | 'private' | null

/** What kernel functions tell whoever watches. They mean nothing to the kernel itself. */
export type KernelEvent =
  | { readonly kind: 'free_pages'; readonly pfn: Pfn; readonly n: number; readonly site: string }
  | { readonly kind: 'kfree'; readonly addr: CpuAddr; readonly size: number; readonly site: string }
  | {
      readonly kind: 'leak'
      readonly pfn: Pfn
      readonly n: number
      readonly site: string
      readonly onPurpose: boolean
    }
  | { readonly kind: 'converted'; readonly pfn: Pfn; readonly n: number; readonly shared: boolean }
  | { readonly kind: 'bounce'; readonly dev: number; readonly bytes: number; readonly toDevice: boolean }
  | { readonly kind: 'failed'; readonly reason: RefusalReason; readonly dev: number }
  | { readonly kind: 'tsm_done'; readonly op: TsmOp; readonly dev: number; readonly rc: number }
  /** accept has taken an interface that is not the one of the evidence it was given. */
  | { readonly kind: 'stale_evidence'; readonly dev: number }
  | { readonly kind: 'trace'; readonly event: TraceKind; readonly values: TraceValues; readonly cpu: number }
  /**
   * Pages taken by or given back by a DMA allocation, conversions asked for, cache maintenance: only while `recording`.
   */
  | {
      readonly kind: 'op'
      readonly op: 'ap' | 'fp' | 'dec' | 'enc' | 'sd' | 'sc'
      readonly phys: Phys
      readonly n: number
    }
  | { readonly kind: 'decision'; readonly fn: string; readonly text: string }
  | {
      readonly kind: 'printk'
      readonly level: 'info' | 'warn' | 'err'
      readonly text: string /** Of a message of the table (messages.ts), whose rate holds. */
      readonly id?: MessageId
    }

export interface Observer {
  event(st: Store, e: KernelEvent): void
}

/**
 * Bits of the byte that holds most of struct device's `bool x:1` members, as gcc lays them out on x86-64 (measured).
 */
export const DEV_BITS = {
  offline_disabled: 0x01,
  offline: 0x02,
  of_node_reused: 0x04,
  state_synced: 0x08,
  can_match: 0x10,
  dma_skip_sync: 0x20,
  dma_iommu: 0x40,
  tdi_enabled: 0x80
} as const

export interface KernelFields {
  /** The shared byte of the bitfield. */
  readonly bits: Field
  /**
   * The accepted flag where it has a byte or word of its own: bit 0; bit 1 is `dead`, its neighbour in struct
   * device_private.
   */
  readonly flag: Field
  /** dev->trust, by its level; null: the revision has none. */
  readonly trust: Field | null
  readonly driver: Field
  readonly present: Field
  readonly device_lock: Field
  readonly mask: Field
  readonly coherent_mask: Field
  readonly tsm_rwsem: Field
  readonly pf0_lock: Field
  /** RFC: INIT 0, CONNECT 1, LOCK 2, ACCEPT 3. From tio-v2: 1 = pdev->tsm is set. */
  readonly tsm_state: Field
  readonly tsm_registered: Field
  /** A test has one TSM: register after unregister brings it back. */
  readonly tsm_in_flight: Field
  /** The pool could not be decrypted: of a restricted one, when this device was initialised. */
  readonly pool_unusable: Field
}

/** Parts of a kernel that a recording or another kernel fixes. */
export interface KernelParts {
  readonly pool?: { readonly start: number; readonly nslabs: number; readonly nareas: number }
  /** First page of 2^order pages for a DMA allocation, or -1. */
  readonly allocator?: { alloc(order: number, zone: DmaZone): Pfn; free(pfn: Pfn, order: number): void }
  readonly dmaDirectRemap?: boolean
  readonly bounceUnalignedKmalloc?: boolean
  /**
   * CONFIG_DMA_NEED_SYNC, dev->dma_skip_sync (kernel/dma/mapping.c, since 6.10): false, and every dma_sync_*() does
   * its work.
   */
  readonly needSync?: boolean
  /** The pool lives in place: no state to go back to. */
  readonly inPlace?: boolean
  /** The DMA API of another kernel. */
  readonly calls?: MakeCalls
  /** Everything around the DMA code, and what boot found out about memory. */
  readonly host?: Surroundings
  readonly memory?: MemoryMap
  /** Where restricted pools lie; a device has that of its `region` less one. */
  readonly restricted?: ReadonlyArray<{ readonly start: number; readonly nslabs: number }>
  /** Bytes of an atomic pool (coherent_pool=), instead of what RAM and the command line say. */
  readonly atomic_pool_size?: number
}

/** struct device, with what the kernel knows of it. */
export interface Device {
  readonly k: Kernel
  readonly index: number
  readonly name: string
  readonly config: DeviceConfig
  /** The pool that firmware gives it, or the default pool. */
  readonly assigned: SwiotlbMem | null
  /** Masks that are no power of two less one; null: the bits of the shared state. */
  masks: { dma: number; coherent: number } | null
  /**
   * dev->dma_io_tlb_mem: the default pool too where the restricted one could not be made shared and its initialisation
   * failed.
   */
  readonly io_tlb_mem: SwiotlbMem | null
  /** dev->cma_area: of its own; null: it allocates from the default one. */
  readonly cma_area: CmaArea | null
  /** dev_is_dma_coherent(). */
  readonly coherent: boolean
}

/** The guest kernel: kernel.ts makes it. */
export interface Kernel {
  readonly layout: Layout
  readonly machine: Machine
  readonly platform: Platform
  readonly config: MachineConfig
  readonly rev: Revision
  readonly parts: KernelParts
  readonly f: KernelFields
  readonly pages: PageAllocator
  readonly slab: Slab
  readonly devices: readonly Device[]
  readonly default_mem: SwiotlbMem | null
  /** The what-if pool for accepted devices (config private_pool); no revision has one. */
  readonly private_mem: SwiotlbMem | null
  readonly mems: readonly SwiotlbMem[]
  /** CONFIG_SWIOTLB_DYNAMIC; null: without it, or without a default pool. */
  readonly dynamic: DynamicPools | null
  readonly atomic: AtomicPools
  /** swiotlb=force. */
  readonly cmdlineForce: boolean
  readonly memory: MemoryMap
  /** Another kernel's DMA API; null: ours. */
  readonly calls: DmaCalls | null
  /** dma_contiguous_default_area, and by device one of its own. */
  readonly cma_default: CmaArea | null
  readonly cma_own: ReadonlyArray<CmaArea | null>
  observer: Observer
  /** printk costs steps of nobody's: only kept when somebody reads the log. */
  logging: boolean
  /** Decisions are told to the observer, one by one: for `explain dma`. */
  explaining: boolean
  /** Allocator, conversion and cache events are told to the observer, in call order. */
  recording: boolean
  /**
   * The DMA API call under way, as long as it counts as one for an accepted device: told when the flag is read as
   * clear.
   */
  call: { denied(): void } | null
  /** Whether this pair of revision and platform has an accepted state at all. */
  readonly accepts: boolean
  /** A device may be left without its restricted pool. */
  readonly restrictedMayFail: boolean
  /** CONFIG_DMA_DIRECT_REMAP. */
  readonly dmaDirectRemap: boolean
  /** The kernel's PAGE_SIZE. The machine's pages, in which memory is counted, are of 4K whatever it is. */
  readonly page: number
  /** log2 of the machine's pages in a page of the kernel. */
  readonly pageOrder: number
  /** PAGE_ALIGN(). */
  pageAlign(bytes: number): number
  /** get_order(), as log2 of the machine's pages. */
  order(bytes: number): number
  device(i: number): Device
  /** State after boot, before any statement: pools are made and converted. */
  boot(st: Store): void
  /** Pages that boot makes shared: [pfn, n]. */
  bootShare(st: Store, pfn: Pfn, n: number): void
  /** The same taken back: what boot could not convert after all. */
  bootUnshare(st: Store, pfn: Pfn, n: number): void

  /** Tells the observer, together with the step before. */
  emit(e: KernelEvent): void
  printk(level: 'info' | 'warn' | 'err', text: string, id?: MessageId): void
  /** printk() of a message of the table, at its level. */
  message(id: MessageId, args?: MessageArgs): void
  /** An event of the allocator, a conversion or the caches. */
  record(op: 'ap' | 'fp' | 'dec' | 'enc' | 'sd' | 'sc', phys: Phys, n: number): void
  /** A predicate has decided: only told while somebody asks why. */
  decide(fn: string, text: string): void
  /** A trace event, where the kernel has its tracepoint; only while somebody records. */
  trace(event: TraceKind, values: TraceValues, cpu: number): void
  /** A WARN, WARN_ON, WARN_ONCE or dev_WARN_ONCE. Not for pr_warn and dev_warn, which are printk. */
  warn(site: string, text: string): void
  /** An oops, a corrupted allocator, a sleep in atomic context, or the platform's end: the thread goes no further. */
  crash(site: string, decision: string, summary: string): never
  /** memset to zero: one step. */
  memzero(site: string, addr: number, len: number, alias?: CpuAlias): void
  /** A TSM operation has returned `rc`. */
  tsmDone(st: Store, op: TsmOp, dev: Device, rc: number): void
}

/** A CMA area: its first page and how many. */
export interface CmaArea {
  readonly pfn: Pfn
  readonly n: number
}

/** Who owns which page. */
export interface PageOwners {
  /** A TAG of page-alloc.ts. */
  readonly owner: Intervals
  /** Freed blocks, last first: [pfn, pages, pfn, pages, ...]; an entry goes when any of its pages is taken again. */
  readonly recent: readonly number[]
}

/** mm/page_alloc.c and mm/cma.c: page-alloc.ts. Page frame numbers, -1: none; `site`, `why`: for the reader. */
export interface PageAllocator {
  readonly state: Interned<PageOwners>
  boot(st: Store): void
  /** The TAG of a page's owner. */
  owner(st: Store, pfn: Pfn): number
  /** What pools have taken since boot: [first page, end). */
  pooled(st: Store): ReadonlyArray<readonly [from: Pfn, to: Pfn]>
  take(st: Store, pfn: Pfn, n: number, tag: number): void
  /** alloc_pages() of the guest's own: 2^order pages as one step. Content is what the last owner left. */
  alloc_pages(order: number, o: { high?: boolean; tag: number; zero?: boolean; why: string }): Pfn
  /** __free_pages(): one step. Freeing what is free corrupts the allocator. */
  free_pages(pfn: Pfn, order: number, site: string): void
  /** alloc_pages() for DMA from a zone. */
  alloc_dma(order: number, zone: DmaZone, o: { tag: number; why: string }): Pfn
  /** __free_pages() of what alloc_dma() gave. */
  free_dma(pfn: Pfn, order: number, site: string): void
  /** cma_alloc(): `n` pages aligned to 2^order. */
  cma_alloc(area: CmaArea, n: number, order: number, o: { tag: number; why: string }): Pfn
  /** cma_release(): false where the area does not have them. */
  cma_release(area: CmaArea, pfn: Pfn, n: number, site: string): boolean
  /** The pages of an allocation of `n` at `pfn`. */
  allocated(pfn: Pfn, n: number): number
  /** Pages given up: nobody will ever give them back. */
  leak(pfn: Pfn, n: number, site: string, onPurpose: boolean): void
}

/** One slab page: its number, its objects' size, those in use as a bit set in text, the one freed last or -1. */
export type SlabPage = readonly [pfn: Pfn, size: number, used: string, last: number]

/** mm/slub.c: slab.ts. */
export interface Slab {
  readonly state: Interned<readonly SlabPage[]>
  /** kmalloc(size): address, or -1. */
  kmalloc(size: number): CpuAddr
  kfree(addr: CpuAddr, size: number): void
}

export interface MemKind {
  /** From firmware: force_bounce and for_alloc. */
  readonly restricted: boolean
  /** The what-if pool for accepted devices: never converted. */
  readonly private: boolean
}

/** Where a bounce's original is and how much to copy; null: the slot has none. */
export type BounceRange = { readonly orig: number; readonly size: number; readonly overflow: boolean } | null

/** A pool as far as a mapping that lies in it goes. */
export interface SlotPool {
  bounce(st: Store, dev: Device, tlb: Phys, size: number): BounceRange
  /** swiotlb_release_slots(): slots given back, or SLOT_BUG. */
  release(dev: Device, tlb: Phys): number
}

/** struct io_tlb_mem of boot: dma/swiotlb-mem.ts. Answers are physical addresses, or SLOT_FULL, SLOT_BUG. */
export interface SwiotlbMem extends SlotPool {
  readonly k: Kernel
  readonly name: string
  readonly start: number
  readonly end: number
  readonly nslabs: number
  readonly kind: MemKind
  readonly index: number
  readonly pool: IoTlbPool
  readonly pages: { pfn: Pfn; n: number }
  /** Of all runs that this system took: a slot was handed out; one that somebody had used before. */
  readonly handedOut: boolean
  readonly handedAgain: boolean
  contains(phys: Phys): boolean
  /** swiotlb_find_slots() and the recording of the original address. */
  map(dev: Device, cpu: number, base: number, phys: Phys, size: number, alloc_align_mask: number): number
  /** One area of this pool, of those that SWIOTLB_DYNAMIC searches in turn. */
  map_area(
    dev: Device,
    offset: number,
    cpu: number,
    base: number,
    phys: Phys,
    size: number,
    alloc_align_mask: number
  ): number
  /** swiotlb_alloc(): page-aligned slots for an allocation. */
  alloc(dev: Device, cpu: number, base: number, size: number): number
  /** Bytes that a bounce of `size` bytes at `phys` asks the search for. */
  asked(dev: Device, base: number, phys: Phys, size: number, alloc_align_mask: number): number
  /** "swiotlb buffer is full" of a request of `size` bytes. */
  printFull(dev: Device, size: number): void
  /** Slots that the mapping or allocation at `tlb` holds. */
  usedAt(st: Store, tlb: Phys): boolean
  used(st: Store): number
  usedText(id: number): string
  view(st: Store): IoTlbPool
  hash(st: Store): number
  markUsed(st: Store): void
}

/** What a map asks the search for. */
export interface WantedSlots {
  readonly cpu: number
  readonly shared: boolean
  readonly phys: Phys
  readonly size: number
  readonly mask: number
}

/** Pools that are made at run time: dma/swiotlb-dynamic.ts. */
export interface DynamicPools {
  /** Of all runs that this system took: a pool was made at run time. */
  readonly grown: boolean
  /** __swiotlb_find_pool(): the listed pools, then the device's own. */
  __swiotlb_find_pool(dev: Device, phys: Phys): SlotPool | null
  swiotlb_find_slots(dev: Device, mem: SwiotlbMem, wanted: WantedSlots, base: number): number
  usedAt(st: Store, phys: Phys): boolean
  /** Whether a pool made at run time has this address. */
  contains(st: Store, phys: Phys): boolean
  at(st: Store, phys: Phys): { readonly start: number; readonly nslabs: number } | undefined
  /** The pools that this device sees, in list order: listed ones, and its own transient ones. */
  list(st: Store, dev: number): readonly DynamicPoolState[]
}
export interface DynamicPoolState {
  readonly start: number
  readonly nslabs: number
  readonly hash: number
  readonly transient: boolean
  readonly used: number
}

/** `addr`: the address that the pool gave, by which it takes the memory back. */
export interface FromPool {
  readonly phys: Phys
  readonly addr: CpuAddr
  readonly alias: CpuAlias
}

/** kernel/dma/pool.c: dma/pool.ts. */
export interface AtomicPools {
  /** The first chunk of each pool. */
  readonly pools: ReadonlyArray<{ readonly name: string; readonly start: number; readonly size: number }>
  /** cc_shared of every pool: whether what is added to it is decrypted. */
  readonly shared: boolean
  /** The mapping of their own that pools have under remap; null: the linear map. */
  readonly alias: CpuAlias
  boot(): void
  bootFailures(): number[]
  sizes(st: Store, i: number): { size: number; available: number } | null
  contains(st: Store, phys: Phys): boolean
  usedAt(st: Store, phys: Phys): boolean
  dma_alloc_from_pool(
    dev: Device,
    size: number,
    request: boolean | null,
    o: { readonly shared: boolean; readonly zone: DmaZone; readonly limited: boolean; readonly noWarn: boolean }
  ): FromPool | null
  /** dma_free_from_pool(): false where no pool has it. */
  dma_free_from_pool(addr: CpuAddr, size: number): boolean
  dma_free_from_pool_phys(phys: Phys, size: number): boolean
}

export interface DmaBuffer {
  /** What the CPU uses. */
  readonly cpu: CpuAddr
  readonly handle: DmaAddr
  readonly phys: Phys
  readonly size: number
  /** Alias of a mapping of its own (vmap); null: the linear map. */
  readonly alias: CpuAlias
  readonly from: 'buddy' | 'atomic' | 'swiotlb'
  readonly vmap: boolean
  /**
   * What the caller holds is no address of the buffer: a struct page (NO_KERNEL_MAPPING), or an address passed off as a
   * struct page.
   */
  readonly cookie: boolean
  /** Of an atomic pool: the address by which it takes the memory back. */
  readonly pool?: number
  /** What `reencryptOnFree at_alloc` would remember. */
  readonly decrypted?: boolean
}

/**
 * Another kernel's DMA API in the place of ours, within the same machine: each call is one step. What lies around it
 * (the TSM core, the page allocator, conversions, the slab) stays ours.
 */
export interface DmaCalls {
  dma_map_phys(dev: Device, cpu: number, phys: Phys, size: number, dir: number, attrs: number): DmaAddr
  dma_unmap_phys(dev: Device, addr: DmaAddr, size: number, dir: number, attrs: number): void
  /** Entries that a list of one call has at most; 0: lists are mapped entry by entry. */
  readonly segments: number
  /** As dma_map_sgtable(): an address an entry, or a negative errno. */
  dma_map_sg(dev: Device, cpu: number, sg: readonly SgEntry[], dir: number, attrs: number): DmaAddr[] | number
  dma_unmap_sg(dev: Device, sg: readonly SgMapped[], dir: number, attrs: number): void
  dma_sync_sg(dev: Device, sg: readonly SgMapped[], dir: number, forCpu: boolean): void
  dma_map_resource(dev: Device, cpu: number, phys: Phys, size: number, dir: number, attrs: number): DmaAddr
  dma_unmap_resource(dev: Device, addr: DmaAddr, size: number, dir: number, attrs: number): void
  dma_sync_single(dev: Device, addr: DmaAddr, size: number, dir: number, forCpu: boolean): void
  dma_alloc_attrs(dev: Device, cpu: number, size: number, gfpBlocks: boolean, attrs: number): DmaBuffer | null
  dma_free_attrs(dev: Device, b: DmaBuffer, attrs: number): void
  dma_alloc_pages(dev: Device, cpu: number, size: number, gfpBlocks: boolean): DmaBuffer | null
  dma_free_pages(dev: Device, b: DmaBuffer): void
  dma_set_mask(dev: Device, bits: number): number
  dma_set_coherent_mask(dev: Device, bits: number): number
  /** Bytes; Infinity is SIZE_MAX. */
  dma_max_mapping_size(dev: Device): number
  /** 2^64 is a mask of 64 bits. */
  dma_get_required_mask(dev: Device): number
  /** Alias of a user mapping made now. */
  dma_mmap_alias(dev: Device): 'shared' | 'private'
  dma_to_phys(dev: Device, addr: DmaAddr): Phys
  /** Whether it has a dma-iommu, for devices behind a vIOMMU: else ours answers. */
  readonly iommu: boolean
  /** Whether a slot or a page of an atomic pool is taken in this state. */
  usedAt(st: Store, phys: Phys): boolean
  /** Start of the pool made at run time that has an address, among those a device sees (-1: any); -1: none. */
  dynamicAt(st: Store, dev: number, phys: Phys): number
  /** Whether a page is an atomic pool's in this state. */
  atomicAt(st: Store, phys: Phys): boolean
  /**
   * Boot is over, and these conversions of it failed: of the default pool, of an atomic pool, of a restricted pool when
   * a device was initialised.
   */
  booted(failed: readonly BootConversion[]): void
}

export type BootConversion = 'swiotlb' | `atomic pool ${number}` | `device ${number}`

/** Made with the kernel, when its devices and pools are known and the layout still grows. */
export type MakeCalls = (k: Kernel, layout: Layout) => DmaCalls

/** An entry of a scatterlist before dma_map_sg(), and after it. */
export interface SgEntry {
  readonly phys: Phys
  readonly size: number
}
export interface SgMapped {
  readonly addr: DmaAddr
  readonly size: number
}
