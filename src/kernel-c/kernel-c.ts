// The kernel's own C behind the names it has in the kernel. A call is atomic: it runs to its end. Guest memory, the
// page allocator and conversions belong to the embedder (Host); addresses are plain numbers, -1 is DMA_MAPPING_ERROR or
// NULL.
import { assertTrue, ensure } from '../base/index.ts'
import { type KernelMeta, kernelMeta } from './image.ts'
import { asyncifyOf, CONTEXT, type Frozen, POINT, type Request, SCRATCH, Stepping, STOPPED } from './stepping.ts'
import { Wasm, type WasmGlobal, type WasmMemory, type WasmModule } from '../base/wasm.ts'

/** enum dma_data_direction. */
export const DMA_BIDIRECTIONAL = 0
export const DMA_TO_DEVICE = 1
export const DMA_FROM_DEVICE = 2
/** How an allocation may wait; the overlay puts the tree's own bits in their place. */
export const GFP_KERNEL = 0
export const GFP_ATOMIC = 1
export const GFP_NOWAIT = 2

/** The alias of a mapping of its own: the lowest bit of its turn (overlay/machine.c). */
export const aliasOfTurn = (turn: number): 'private' | 'shared' => (turn % 2 === 1 ? 'shared' : 'private')
/** Deferred work by kind (overlay/device.c). */
export const WORKS = ['atomic', 'dyn_alloc', 'dyn_free', 'rcu', 'other'] as const
/** Some of them, a bit each. */
export const worksOf = (...kinds: ReadonlyArray<(typeof WORKS)[number]>): number =>
  kinds.reduce((mask, k) => mask | (1 << WORKS.indexOf(k)), 0)
const ALL_WORKS = worksOf(...WORKS)

/**
 * The embedder's side of a call. All addresses are physical; `alias`: that of the mapping of its own which the access
 * goes through; null: the linear map.
 */
export interface Host {
  /** 2^order pages, -1 for none. zone: 0 any, 1 below 4G (GFP_DMA32), 2 the DMA zone. */
  alloc_pages(order: number, zone: 0 | 1 | 2, gfp: number): number
  free_pages(phys: number, order: number): void
  /** set_memory_decrypted or _encrypted; 0 or a negative errno. phys is -1 for an address outside the linear map. */
  set_memory(decrypted: boolean, phys: number, numpages: number): number
  copy(dst: number, src: number, len: number): void
  fill(dst: number, byte: number, len: number, alias: 'private' | 'shared' | null): void
  cache(op: number, phys: number, size: number, dir: number): void
  /** A mapping of its own; false fails it. `prot`: as dma_pgprot() below. */
  vmap(phys: number, size: number, prot: number): boolean
  vunmap(phys: number): void
  /** A vIOMMU's tables, of an image with dma-iommu: 0 or a negative errno; -1 for an IOVA that is not mapped. */
  iommu_map?(dev: number, iova: number, phys: number, size: number): number
  iommu_unmap?(dev: number, iova: number, size: number): void
  iova_to_phys?(dev: number, iova: number): number
  /** Trace event swiotlb_bounced. */
  swiotlb_bounced(dev: number, dma_addr: number, size: number): void
  /**
   * printk, pr_* and dev_*: the text, or the bare format when the kernel was booted quiet. dev is -1 without a device.
   */
  log(level: number, dev: number, text: string, once: boolean): void
  /** WARN and its family, each time: who wants only the first remembers the site. */
  warn(dev: number, site: string, text: string, once: boolean, inFunction: () => string): void
  /**
   * A function that may sleep was called where nothing may: with a lock held, interrupts off, or from a call that may
   * come from such a place.
   */
  atomic?(site: string): void
  /** Of an image made to explain (kernel-build BuildOptions.branches): what an `if` decided. */
  branch?(site: string, condition: string, taken: boolean): void
  /** Of an image whose functions tell when they are entered (kernel-build tellingEntries): the function's name. */
  entered?(name: string): void
  /** Work was newly queued: index into WORKS. */
  work?(kind: number): void
}

/**
 * Whoever decides where a call stops, and is told what it does between. Addresses are the instance's; `does` is a
 * POINT.
 */
export interface Stops {
  stopsAt(at: number, does: number): boolean
  access(at: number, does: number): void
  stopsForLock(lock: number): boolean
  lock(lock: number): void
  unlock(lock: number): void
}

/** Kinds of platform, in the order of tbit_platform() in overlay/device.c. */
const PLATFORM_KINDS = ['none', 'realm', 'pkvm', 'snp', 'tdx', 'vtom', 'sme'] as const
export type PlatformKind = (typeof PLATFORM_KINDS)[number]

export interface BootConfig {
  readonly cpus: number
  /** End of memory, in bytes. */
  readonly ram: number
  /** Memory as ranges of bytes [start, end); default one up to `ram`. */
  readonly ranges?: ReadonlyArray<readonly [number, number]>
  /** Highest address of ZONE_DMA; the kernel's default is 24 bits. */
  readonly zone_dma_limit?: number
  /**
   * The bounce pool: where boot put it, and what follows each `swiotlb=` of the command line, between blanks.
   * Absent: no pool.
   */
  readonly swiotlb?: {
    readonly start: number
    readonly cmdline: string /** SWIOTLB_FORCE, as a guest's architecture code passes it. */
    readonly force?: boolean /** SWIOTLB_ANY: the pool may lie anywhere. */
    readonly any?: boolean
  }
  /** A pool of a size no boot would make (nslabs no multiple of 128). */
  readonly raw?: {
    readonly start: number
    readonly nslabs: number
    readonly nareas: number /** `arch`: SWIOTLB_FORCE, where the tree has it. */
    readonly force: 'no' | 'arch' | 'cmdline'
  }
  /**
   * What the tree's own predicates are told: is_realm_world(), is_protected_kvm_guest(), cc_vendor, sev_status,
   * sme_me_mask.
   */
  readonly platform?: PlatformKind
  /** Bit number of the shared alias (realm) or of the C-bit (SNP, SME); TDX: the page-table bit. */
  readonly bit?: number
  /**
   * The atomic pools, each of `size` bytes (0: the kernel's own default), made by the tree's dma_atomic_pool_init().
   * Absent: none.
   */
  readonly atomic_pools?: number
  /** false: the default pool does not grow although the image could. */
  readonly grows?: boolean
  /** Whether used and hiwater are counted where that has to be asked for; default yes. */
  readonly track_hiwater?: boolean
  /** Whether set_memory_* reach the embedder. */
  readonly conversions?: boolean
  /** Whether the architecture's boot code calls swiotlb_update_mem_attributes(); default: as `conversions`. */
  readonly updates?: boolean
  /** Formats log texts. Off, a message costs no formatting and the embedder gets the format. */
  readonly verbose?: boolean
}

export interface DeviceInit {
  readonly dma_mask?: bigint
  readonly coherent_dma_mask?: bigint
  readonly bus_dma_limit?: bigint
  readonly min_align_mask?: number
  /** 0: unset, the kernel then uses 0xffffffff. */
  readonly segment_boundary_mask?: bigint
  readonly ranges?: ReadonlyArray<{ readonly cpu_start: number; readonly dma_start: number; readonly size: number }>
  /** Fields of struct device by name, applied last: dma_coherent, tdi_enabled, ... */
  readonly fields?: Readonly<Record<string, number | bigint | boolean>>
}

export interface PoolStats {
  readonly start: number
  readonly nslabs: number
  readonly nareas: number /** Sum over the areas. */
  readonly used: number
  readonly total_used: number /** -1 where the tree keeps none. */
  readonly hiwater: number
  readonly force_bounce: boolean
  readonly for_alloc: boolean /** null where the tree keeps no such state. */
  readonly cc_shared: boolean | null
}
export interface Allocation {
  /** -1: NULL. */ readonly phys: number
  readonly handle: number /** 0 linear map, 1 remapped, 2 a struct page as cookie. */
  readonly kind: number /** Which of several mappings of the page it is. */
  readonly turn?: number
}

/**
 * The kernel went no further: BUG, a null or wild pointer, a runaway loop, a call to something nobody provides.
 * The instance's state is then undefined: load a snapshot.
 */
export class KernelFault extends Error {
  constructor(
    readonly kind: 'bug' | 'oops' | 'runaway' | 'unresolved' | 'atomic' | 'boot',
    /** Kernel function, or file:line. */ readonly site: string,
    readonly summary: string,
    /** Innermost first. */ readonly calls: readonly string[]
  ) {
    super(`${kind} in ${site}: ${summary}`)
  }
}

/** Turns of loops that one call may take before it counts as never returning: seconds of a real machine. */
const DEFAULT_FUEL = 1 << 24

type Num = (...args: number[]) => number

// An accessor a name, so that a misspelt one is found by the compiler. All take and return numbers.
const EXPORTS = [
  'tbit_start',
  'tbit_ram',
  'tbit_ram_range',
  'tbit_platform',
  'tbit_cc_platform_has',
  'tbit_conversions',
  'tbit_pool_place',
  'tbit_swiotlb_cmdline',
  'tbit_swiotlb_init',
  'tbit_swiotlb_raw',
  'tbit_force_bounce_set',
  'tbit_pool_stats',
  'tbit_forget_hiwater',
  'tbit_slot',
  'tbit_area',
  'tbit_pool_hash',
  'tbit_device_new',
  'tbit_device_masks',
  'tbit_device_parms',
  'tbit_device_range',
  'tbit_field_has',
  'tbit_field_set',
  'tbit_field_get',
  'tbit_dev_set_flag',
  'tbit_alloc',
  'tbit_heap_end',
  'tbit_heap_lost',
  'tbit_works',
  'tbit_work_next',
  'tbit_run_work',
  'tbit_hold',
  'tbit_take_dirty',
  'tbit_watch',
  'tbit_refuel',
  'tbit_swiotlb_tbl_map_single',
  'tbit_swiotlb_map',
  'tbit_swiotlb_tbl_unmap_single',
  'tbit_swiotlb_sync_single_for_device',
  'tbit_swiotlb_sync_single_for_cpu',
  'tbit_swiotlb_max_mapping_size',
  'tbit_is_swiotlb_active',
  'tbit_is_swiotlb_force_bounce',
  'tbit_dma_direct_map',
  'tbit_dma_direct_unmap',
  'tbit_dma_direct_sync_single_for_device',
  'tbit_dma_direct_sync_single_for_cpu',
  'tbit_dma_direct_alloc',
  'tbit_dma_direct_free',
  'tbit_dma_direct_max_mapping_size',
  'tbit_dma_direct_get_required_mask',
  'tbit_dma_direct_supported',
  'tbit_force_dma_unencrypted',
  'tbit_phys_to_dma',
  'tbit_phys_to_dma_unencrypted',
  'tbit_dma_to_phys',
  'tbit_dma_map',
  'tbit_dma_unmap',
  'tbit_dma_map_resource',
  'tbit_dma_unmap_resource',
  'tbit_dma_sync_single_for_cpu',
  'tbit_dma_sync_single_for_device',
  'tbit_dma_alloc',
  'tbit_dma_free',
  'tbit_dma_alloc_pages',
  'tbit_dma_free_pages',
  'tbit_dma_mmap',
  'tbit_dma_set_mask',
  'tbit_dma_set_coherent_mask',
  'tbit_dma_max_mapping_size',
  'tbit_dma_addressing_limited',
  'tbit_dma_need_sync',
  'tbit_sg_new',
  'tbit_sg_set',
  'tbit_sg_addr',
  'tbit_sg_len',
  'tbit_sg_free',
  'tbit_dma_map_sg',
  'tbit_dma_unmap_sg',
  'tbit_dma_map_segments',
  'tbit_dma_unmap_segments',
  'tbit_dma_sync_segments',
  'tbit_dma_sync_sg_for_cpu',
  'tbit_dma_sync_sg_for_device',
  'tbit_dma_mask_bits',
  'tbit_dma_alloc_noncontiguous',
  'tbit_dma_free_noncontiguous',
  'tbit_dma_get_required_mask',
  'tbit_dma_need_unmap',
  'tbit_dma_opt_mapping_size',
  'tbit_dma_pgprot'
] as const
/** Only in images with the configuration for it. */
const OPTIONAL = [
  'tbit_swiotlb_restricted',
  'tbit_atomic_pools',
  'tbit_atomic_pool',
  'tbit_atomic_page',
  'tbit_pool_nth',
  'tbit_dynamic_pool',
  'tbit_iommu_attach',
  'tbit_can_grow'
] as const
type Exports = { readonly [K in (typeof EXPORTS)[number]]: Num } & { readonly [K in (typeof OPTIONAL)[number]]?: Num }

const lo = (v: bigint): number => Number(BigInt.asIntN(32, v))
const hi = (v: bigint): number => Number(BigInt.asIntN(32, v >> 32n))

const TEXT = 3072
/** Of a device (overlay/device.c). */
const UNTRUSTED_FLAG = 30
const ENODEV = 19
/** Everything below is stack, scratch and the guard page: not state. */
export const STATE_BASE = 65536
/** Where a call finds what is handed over (overlay/tbit.h), and entries of a list there at most. */
const INPUT = 3072
export const MAX_SEGMENTS = 16

/** An entry of a list: where it lies, its bytes, and what it is mapped to. */
export interface Segment {
  readonly phys: number
  readonly size: number
  readonly addr?: number
}

// The name section keeps C names; those of the shim are no news to a reader.
function calls(e: unknown, but = /^tbit_/): string[] {
  const all = [...((e as Error).stack ?? '').matchAll(/at (?:[\w$.]*\.)?([\w$]+) \(wasm:\/\//g)].map((m) => m[1] ?? '')
  const out = all.filter((n) => !but.test(n))
  // what was called from outside, when the optimiser has left only its wrapper
  const entry = all.at(-1)?.replace(/^tbit_/, '')
  return out.length > 0 || !entry ? out : [entry]
}

/** Functions that neither the tree's compiled files nor the machine provide: calling one is a fault. By module. */
function unresolved(module: WasmModule): Record<string, Record<string, unknown>> {
  const missing = new Map<string, Record<string, unknown>>()
  for (const i of Wasm.Module.imports(module)) {
    if (i.module === 'tbit') continue
    const names = missing.get(i.module) ?? {}
    missing.set(i.module, names)
    names[i.name] = () => {
      throw new KernelFault(
        'unresolved',
        i.name,
        `${i.name}() is called, which neither the tree's compiled files nor the machine provide`,
        calls(new Error())
      )
    }
  }
  return Object.fromEntries(missing)
}

export class KernelC {
  readonly meta: KernelMeta
  readonly memory: WasmMemory
  private readonly x: Exports
  private readonly stack: WasmGlobal
  private readonly stackTop: bigint
  private host: Host
  private out: Float64Array
  private readonly fieldNumber: ReadonlyMap<string, number>
  /** Loop turns a call may take. */
  fuel = DEFAULT_FUEL
  /** Null for an image whose calls run to their end. */
  private readonly stepping: Stepping | null
  /** Who is asked at each place where a call can stop; null: calls run to their end. */
  private stops: Stops | null = null
  /** How a call that was thrown out of has stopped. */
  private frozen: Frozen | null = null
  /** A stopped call is told with the function that it stopped in, which costs more to find than a step of the C. */
  namesStops = true
  /** Told each access of an image whose calls can stop, while nobody asks to stop them. */
  onAccess: ((at: number, does: number) => void) | null = null

  /** An instance that has not booted. @throws TypeError when the module is no kernel image. */
  constructor(module: WasmModule, host: Host) {
    const meta = kernelMeta(module)
    if (!meta) throw new TypeError('not a kernel image')
    this.meta = meta
    this.host = host
    const instance = new Wasm.Instance(module, { ...unresolved(module), tbit: this.machine() })
    for (const n of EXPORTS) ensure(instance.exports[n], `export ${n}`)
    this.memory = instance.exports['memory'] as WasmMemory
    this.stack = instance.exports['__stack_pointer'] as WasmGlobal
    const asyncify = asyncifyOf(instance.exports)
    this.stepping =
      asyncify === null
        ? null
        : new Stepping(asyncify, this.memory, this.stack, () =>
            this.namesStops ? (calls(new Error())[0] ?? 'the kernel') : ''
          )
    this.x = (asyncify === null ? instance.exports : this.stoppable(instance.exports)) as unknown as Exports
    this.stackTop = this.stack.value as bigint
    this.out = new Float64Array(this.memory.buffer, SCRATCH, 16)
    this.fieldNumber = new Map(meta.fields.map((f, i) => [f, i]))
  }

  /** The tables of a vIOMMU, for an image with dma-iommu. */
  private viommu(): Record<string, unknown> {
    return {
      iommu_map: (dev: number, iova: number, phys: number, size: number) =>
        this.stops === null
          ? (this.host.iommu_map?.(dev, iova, phys, size) ?? -ENODEV)
          : this.ask({ kind: 'iommu_map', dev, iova, phys, size }),
      iommu_unmap: (dev: number, iova: number, size: number) => {
        if (this.stops === null) this.host.iommu_unmap?.(dev, iova, size)
        else this.ask({ kind: 'iommu_unmap', dev, iova, size })
      },
      iova_to_phys: (dev: number, iova: number) => this.host.iova_to_phys?.(dev, iova) ?? -1
    }
  }

  /** What the machine around the C gives it: the imports of the overlay. */
  private machine(): Record<string, unknown> {
    return {
      alloc_pages: (order: number, zone: number, gfp: number) =>
        this.stops === null
          ? this.host.alloc_pages(order, zone as 0 | 1 | 2, gfp)
          : this.ask({ kind: 'alloc_pages', order, zone }),
      free_pages: (phys: number, order: number) => {
        if (this.stops === null) this.host.free_pages(phys, order)
        else this.ask({ kind: 'free_pages', phys, order })
      },
      set_memory: (decrypted: number, phys: number, n: number) =>
        this.stops === null
          ? this.host.set_memory(decrypted !== 0, phys, n)
          : this.ask({ kind: 'set_memory', decrypted: decrypted !== 0, phys, numpages: n }),
      copy: (dst: number, src: number, len: number) => {
        if (this.stops === null) this.host.copy(dst, src, len)
        else this.ask({ kind: 'copy', dst, src, len })
      },
      fill: (dst: number, byte: number, len: number, mapping: number) => {
        const alias = mapping === 0 ? null : aliasOfTurn(mapping - 1)
        if (this.stops === null) this.host.fill(dst, byte, len, alias)
        else this.ask({ kind: 'fill', dst, len, alias })
      },
      point: (at: number, does: number) => this.point(at, does),
      cache: (op: number, phys: number, size: number, dir: number) => this.host.cache(op, phys, size, dir),
      vmap: (phys: number, size: number, prot: number) => (this.host.vmap(phys, size, prot) ? 1 : 0),
      vunmap: (phys: number) => this.host.vunmap(phys),
      ...this.viommu(),
      trace: (_event: number, dev: number, addr: number, size: number) => this.host.swiotlb_bounced(dev, addr, size),
      log: (level: number, dev: number, at: bigint, length: number, once: number) =>
        this.host.log(level, dev, this.text(at, length), once !== 0),
      warn: (dev: number, site: bigint, line: number, at: bigint, length: number, once: number) =>
        this.host.warn(
          dev,
          this.site(site, line),
          this.text(at, length),
          once !== 0,
          () => calls(new Error(), /^tbit_|warn/)[0] ?? ''
        ),
      atomic: (site: bigint, line: number) =>
        this.host.atomic?.(line === 0 ? `${this.text(site, -1)}()` : this.site(site, line)),
      branch: (file: bigint, line: number, condition: bigint, taken: number) => {
        if (this.host.branch !== undefined)
          this.host.branch(this.site(file, line), this.text(condition, -1), taken !== 0)
      },
      entered: (name: bigint) => this.host.entered?.(this.text(name, -1)),
      work: (kind: number) => this.host.work?.(kind),
      lock: (lock: number, name: bigint) => {
        if (this.stops !== null) this.lock(lock, name)
        return 0
      },
      unlock: (lock: number) => this.stops?.unlock(lock),
      bug: (site: bigint, line: number) => {
        throw new KernelFault('bug', this.site(site, line), 'BUG', calls(new Error()))
      },
      oops: (what: bigint, addr: number) => {
        throw new KernelFault(
          'oops',
          calls(new Error())[0] ?? 'the kernel',
          `${this.text(what, -1)} (${addr < 0 ? addr : `0x${addr.toString(16)}`})`,
          calls(new Error())
        )
      },
      runaway: () => {
        const c = calls(new Error())
        throw new KernelFault(
          'runaway',
          c[0] ?? 'the kernel',
          `has not returned after ${this.fuel} turns of its loops`,
          c
        )
      },
      set_limit: () => {}
    }
  }

  // --- calls that stop in their middle
  // -----------------------------------------------------------------------------------------

  /** Whether calls of this image can stop in their middle. */
  get steps(): boolean {
    return this.stepping !== null
  }

  // Each function of the image, so that one that is being left throws instead of answering.
  private stoppable(exports: Readonly<Record<string, unknown>>): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(exports).map(([name, f]) => [
        name,
        typeof f !== 'function'
          ? f
          : (...args: number[]) => {
              const r = (f as Num)(...args)
              if (this.stops === null) return r
              this.frozen = (this.stepping as Stepping).left()
              if (this.frozen !== null) throw STOPPED
              return r
            }
      ])
    )
  }

  private ask(request: Request): number {
    return (this.stepping as Stepping).ask(request)
  }
  private point(at: number, does: number): void {
    if (this.stops === null) {
      this.onAccess?.(at, does)
      return
    }
    if (!(this.stepping as Stepping).arrived() && this.stops.stopsAt(at, does)) {
      this.ask({ kind: 'point', at, writes: (does & POINT.writes) !== 0 })
      return
    }
    this.stops.access(at, does)
  }
  private lock(lock: number, name: bigint): void {
    const s = this.stops as Stops
    if (!(this.stepping as Stepping).arrived() && s.stopsForLock(lock))
      this.ask({ kind: 'lock', lock, name: this.text(name, -1) })
    else s.lock(lock)
  }

  /**
   * Begins a call, or goes on with one that has stopped: `call` does it, and what it does with the result it does when
   * the call has ended.
   * @returns what it answers, or how it has stopped
   */
  step<T>(
    stops: Stops,
    from: { readonly frozen: Frozen; readonly answer: number } | null,
    call: () => T
  ): { readonly ended: T } | { readonly stopped: Frozen } {
    if (from !== null) this.stepping?.resume(from.frozen, from.answer)
    this.stops = stops
    try {
      return { ended: call() }
    } catch (e) {
      if (e !== STOPPED) throw e
      return { stopped: ensure(this.frozen, 'a stopped call') }
    } finally {
      this.stops = null
    }
  }
  /** The call has ended: what follows is asked of the instance in one go. */
  whole(): void {
    this.stops = null
  }
  /** The word at an address of the instance: of a lock, who has it. */
  word(at: number): number {
    return new Int32Array(this.memory.buffer, at, 1)[0] as number
  }

  /** Who answers from now on; the search swaps hosts between states. */
  setHost(host: Host): void {
    this.host = host
  }

  private text(at: bigint, length: number): string {
    const b = new Uint8Array(this.memory.buffer)
    const from = Number(at)
    let n = length
    if (n < 0) {
      n = 0
      while (b[from + n]) n++
    }
    return new TextDecoder().decode(b.slice(from, from + n))
  }
  private site(at: bigint, line: number): string {
    return `${this.text(at, -1).replace(/^(?:overlay\/\.\.\/|(?:\.\/)?tree\/)?/, '')}:${line}`
  }

  // Everything that leaves the wasm side abnormally comes through here: the stack pointer is put back, the fault gets
  // its name. A call that has stopped has seen to that itself.
  private fault(e: unknown): KernelFault | typeof STOPPED {
    if (e === STOPPED) return STOPPED
    this.stack.value = this.stackTop
    new Uint8Array(this.memory.buffer).fill(0, CONTEXT.from, CONTEXT.to)
    if (e instanceof KernelFault) return e
    const c = calls(e)
    if (e instanceof Wasm.RuntimeError) {
      const what = /memory access out of bounds|unaligned/.test(e.message)
        ? 'a null or wild pointer'
        : /null function|table index|indirect call|function signature/i.test(e.message)
          ? 'a call through a null or wild function pointer'
          : /divide by zero|remainder/.test(e.message)
            ? 'a division by zero'
            : e.message === 'unreachable'
              ? 'a null or wild pointer, or code that is said never to be reached'
              : e.message
      return new KernelFault('oops', c[0] ?? 'the kernel', what, c)
    }
    if (e instanceof RangeError && /call stack/.test(e.message))
      return new KernelFault('runaway', c[0] ?? 'the kernel', 'endless recursion', c.slice(0, 8))
    throw e
  }

  /** `atomic`: the call may come from where nothing may sleep, so that whatever sleeps in it is told to the host. */
  private begin(atomic = 0): Exports {
    this.x.tbit_refuel(this.fuel, atomic)
    if (this.stops !== null) this.stepping?.enter()
    return this.x
  }
  /** Locks that a call did not release. */
  held(): number {
    return new Int32Array(this.memory.buffer, CONTEXT.held, 1)[0] as number
  }
  private results(): Float64Array {
    if (this.out.buffer !== this.memory.buffer) this.out = new Float64Array(this.memory.buffer, SCRATCH, 16)
    return this.out
  }

  /** Boots as the architecture does: memory, platform, pool, conversion of the pool. @throws KernelFault */
  boot(c: BootConfig): void {
    try {
      const x = this.begin()
      x.tbit_start(c.cpus, c.verbose ? 1 : 0)
      x.tbit_ram(Math.floor(c.ram / 4096), c.zone_dma_limit ?? 0xffffff)
      for (const [start, end] of c.ranges ?? []) x.tbit_ram_range(start, end)
      x.tbit_platform(PLATFORM_KINDS.indexOf(c.platform ?? 'none'), c.bit ?? -1)
      if (c.conversions) x.tbit_conversions(1)
      if (c.track_hiwater !== false && this.meta.has.trackHiwater && (c.raw || c.swiotlb)) this.cmdline('track_hiwater')
      const updates = (c.updates ?? c.conversions === true) ? 1 : 0
      if (c.raw)
        x.tbit_swiotlb_raw(
          c.raw.start,
          c.raw.nslabs,
          c.raw.nareas,
          { no: 0, arch: 1, cmdline: 2 }[c.raw.force],
          updates
        )
      else if (c.swiotlb) {
        x.tbit_pool_place(c.swiotlb.start, c.swiotlb.any ? 1 : 0)
        for (const word of c.swiotlb.cmdline.split(' ')) if (word !== '') this.cmdline(word)
        x.tbit_swiotlb_init(1, (c.swiotlb.force ? 1 : 0) | (c.swiotlb.any ? 2 : 0), updates)
      }
      if (c.grows === false) x.tbit_can_grow?.(0)
      if (c.atomic_pools !== undefined) x.tbit_atomic_pools?.(c.atomic_pools)
    } catch (e) {
      throw this.fault(e)
    }
  }

  private cmdline(text: string): void {
    const bytes = new TextEncoder().encode(text)
    new Uint8Array(this.memory.buffer).set(bytes, TEXT)
    this.x.tbit_swiotlb_cmdline(bytes.length)
  }

  /**
   * Whether set_memory_* reach the embedder from now on; once on it stays on where the tree registers its hooks for
   * good.
   */
  conversions(on: boolean): void {
    this.x.tbit_conversions(on ? 1 : 0)
  }

  /** A new device, -1 when there are 64 already. @throws KernelFault, RangeError for a field the tree has not */
  device(init: DeviceInit = {}): number {
    const all = 0xffffffffffffffffn
    const d = this.begin().tbit_device_new()
    if (d < 0) return d
    const [m, c, b, s] = [
      init.dma_mask ?? all,
      init.coherent_dma_mask ?? all,
      init.bus_dma_limit ?? 0n,
      init.segment_boundary_mask ?? 0n
    ]
    this.x.tbit_device_masks(d, lo(m), hi(m), lo(c), hi(c), lo(b), hi(b))
    this.x.tbit_device_parms(d, init.min_align_mask ?? 0, lo(s), hi(s))
    for (const [i, r] of (init.ranges ?? []).entries()) this.x.tbit_device_range(d, i, r.cpu_start, r.dma_start, r.size)
    for (const [k, v] of Object.entries(init.fields ?? {})) this.setField(d, k, v)
    return d
  }

  /**
   * Puts a device behind a vIOMMU, as the IOMMU core does at probe; `untrusted`: it is on an external port. False where
   * the image has no dma-iommu, or it refuses. @throws KernelFault
   */
  iommu_attach(dev: number, untrusted: boolean): boolean {
    try {
      this.x.tbit_dev_set_flag(dev, UNTRUSTED_FLAG, untrusted ? 1 : 0)
      return this.begin().tbit_iommu_attach?.(dev) === 0
    } catch (e) {
      throw this.fault(e)
    }
  }
  /** For a tree that is told whom it accepts (kernel-build/acceptance.ts). */
  set_accepted(dev: number, on: boolean): void {
    this.x.tbit_dev_set_flag(dev, 31, on ? 1 : 0)
  }
  /** What attrs was after swiotlb_tbl_map_single(). */
  attrs_after(): number {
    return this.results()[0] as number
  }

  /**
   * Gives a device a restricted pool of its own, as the device tree would; 0 or a negative errno. @throws RangeError
   * when the image has none
   */
  restricted(dev: number, base: number, size: number): number {
    if (!this.x.tbit_swiotlb_restricted) throw new RangeError(`${this.meta.profile} has no restricted pools`)
    try {
      return this.begin().tbit_swiotlb_restricted?.(dev, base, size) ?? 0
    } catch (e) {
      throw this.fault(e)
    }
  }
  /**
   * An atomic pool (0 kernel, 1 DMA32, 2 DMA); null when boot could not make it. cc_shared null: the tree keeps no such
   * state.
   */
  atomic_pool(which: number): { size: number; available: number; phys: number; cc_shared: boolean | null } | null {
    if (this.begin().tbit_atomic_pool?.(which) !== 1) return null
    const o = this.results()
    return {
      size: o[0] as number,
      available: o[1] as number,
      phys: o[2] as number,
      cc_shared: (o[3] as number) < 0 ? null : o[3] !== 0
    }
  }
  /** Whether a page belongs to an atomic pool, and is handed out. */
  atomic_page(phys: number): 'none' | 'free' | 'used' {
    return (['none', 'free', 'used'] as const)[this.begin().tbit_atomic_page?.(phys) ?? 0] ?? 'none'
  }
  atomic_page_used(phys: number): boolean {
    return this.atomic_page(phys) === 'used'
  }
  /** cc_platform_has() of MEM_ENCRYPT, HOST_MEM_ENCRYPT, GUEST_MEM_ENCRYPT. */
  cc_platform_has(which: 'mem' | 'host' | 'guest'): boolean {
    return this.begin().tbit_cc_platform_has(which === 'mem' ? 0 : which === 'host' ? 1 : 2) !== 0
  }
  /** Takes or releases a device's lock for the calls that follow. */
  device_lock(dev: number, on: boolean): void {
    this.begin().tbit_hold(dev, on ? 1 : 0)
  }

  /** Whether struct device of this tree, in this configuration, has the field or flag. */
  hasField(name: string): boolean {
    const n = this.fieldNumber.get(name)
    return (n !== undefined && this.x.tbit_field_has(n) === 1) || this.meta.flagFunctions.includes(name)
  }
  /**
   * Number of a field, for setFieldNumber in a hot loop; a predicate kept outside struct device is negative. @throws
   * RangeError
   */
  fieldOf(name: string): number {
    const n = this.fieldNumber.get(name)
    if (n !== undefined && this.x.tbit_field_has(n) === 1) return n
    const f = this.meta.flagFunctions.indexOf(name)
    if (f >= 0) return -1 - f
    throw new RangeError(`struct device of ${this.meta.tree} has no field '${name}'`)
  }
  getFieldNumber(dev: number, field: number): number {
    return this.x.tbit_field_get(dev, field)
  }
  /** *dev->dma_mask = DMA_BIT_MASK(bits), without the checks of dma_set_mask. */
  set_dma_mask(dev: number, bits: number): void {
    this.x.tbit_dma_mask_bits(dev, bits)
  }
  setFieldNumber(dev: number, field: number, value: number): void {
    if (field < 0) this.x.tbit_dev_set_flag(dev, -1 - field, value ? 1 : 0)
    else this.x.tbit_field_set(dev, field, value | 0, Math.floor(value / 4294967296) | 0)
  }
  /**
   * Sets a scalar field of struct device, a flag of its bitmap, or the answer of a predicate kept elsewhere. @throws
   * RangeError
   */
  setField(dev: number, name: string, value: number | bigint | boolean): void {
    const f = this.fieldOf(name)
    const v = BigInt(value)
    if (f < 0) this.x.tbit_dev_set_flag(dev, -1 - f, v ? 1 : 0)
    else this.x.tbit_field_set(dev, f, lo(v), hi(v))
  }
  /** @throws RangeError */
  getField(dev: number, name: string): number {
    const f = this.fieldOf(name)
    if (f < 0) throw new RangeError(`'${name}' is a predicate: it can be set, not read`)
    return this.x.tbit_field_get(dev, f)
  }

  // --- kernel/dma/mapping.c: the API a driver calls ---
  dma_map(dev: number, cpu: number, phys: number, size: number, dir: number, attrs = 0): number {
    try {
      return this.begin(1).tbit_dma_map(dev, cpu, phys, size, dir, attrs)
    } catch (e) {
      throw this.fault(e)
    }
  }
  dma_unmap(dev: number, addr: number, size: number, dir: number, attrs = 0): void {
    try {
      this.begin(1).tbit_dma_unmap(dev, addr, size, dir, attrs)
    } catch (e) {
      throw this.fault(e)
    }
  }
  dma_map_resource(dev: number, cpu: number, phys: number, size: number, dir: number, attrs = 0): number {
    try {
      return this.begin(1).tbit_dma_map_resource(dev, cpu, phys, size, dir, attrs)
    } catch (e) {
      throw this.fault(e)
    }
  }
  dma_unmap_resource(dev: number, addr: number, size: number, dir: number, attrs = 0): void {
    try {
      this.begin(1).tbit_dma_unmap_resource(dev, addr, size, dir, attrs)
    } catch (e) {
      throw this.fault(e)
    }
  }
  dma_sync_single_for_cpu(dev: number, addr: number, size: number, dir: number): void {
    try {
      this.begin(1).tbit_dma_sync_single_for_cpu(dev, addr, size, dir)
    } catch (e) {
      throw this.fault(e)
    }
  }
  dma_sync_single_for_device(dev: number, addr: number, size: number, dir: number): void {
    try {
      this.begin(1).tbit_dma_sync_single_for_device(dev, addr, size, dir)
    } catch (e) {
      throw this.fault(e)
    }
  }
  private allocation(phys: number): Allocation {
    const o = this.results()
    const kind = o[1] as number
    return { phys, handle: o[0] as number, kind: kind & 3, turn: kind >> 2 }
  }
  dma_alloc(dev: number, cpu: number, size: number, gfp: number, attrs = 0): Allocation {
    try {
      return this.allocation(this.begin(gfp === GFP_KERNEL ? 0 : 1).tbit_dma_alloc(dev, cpu, size, gfp, attrs))
    } catch (e) {
      throw this.fault(e)
    }
  }
  dma_free(dev: number, size: number, a: Allocation, attrs = 0): void {
    try {
      this.begin().tbit_dma_free(dev, size, a.phys, a.kind | ((a.turn ?? 0) << 2), a.handle, attrs)
    } catch (e) {
      throw this.fault(e)
    }
  }
  dma_alloc_pages(dev: number, cpu: number, size: number, dir: number, gfp: number): Allocation {
    try {
      return this.allocation(this.begin(gfp === GFP_KERNEL ? 0 : 1).tbit_dma_alloc_pages(dev, cpu, size, dir, gfp))
    } catch (e) {
      throw this.fault(e)
    }
  }
  dma_free_pages(dev: number, size: number, phys: number, handle: number, dir: number): void {
    try {
      this.begin().tbit_dma_free_pages(dev, size, phys, handle, dir)
    } catch (e) {
      throw this.fault(e)
    }
  }
  /** Whether a user mapping would be decrypted (1 or 0), or a negative errno. */
  dma_mmap(dev: number, size: number, a: Allocation, attrs = 0): number {
    try {
      return this.begin().tbit_dma_mmap(dev, size, a.phys, a.kind | ((a.turn ?? 0) << 2), a.handle, attrs)
    } catch (e) {
      throw this.fault(e)
    }
  }
  dma_set_mask(dev: number, mask: bigint): number {
    try {
      return this.begin().tbit_dma_set_mask(dev, lo(mask), hi(mask))
    } catch (e) {
      throw this.fault(e)
    }
  }
  dma_set_coherent_mask(dev: number, mask: bigint): number {
    try {
      return this.begin().tbit_dma_set_coherent_mask(dev, lo(mask), hi(mask))
    } catch (e) {
      throw this.fault(e)
    }
  }
  /** Bytes; SIZE_MAX comes as 2^64. */
  dma_max_mapping_size(dev: number): number {
    try {
      return this.begin().tbit_dma_max_mapping_size(dev)
    } catch (e) {
      throw this.fault(e)
    }
  }
  dma_alloc_noncontiguous(dev: number, cpu: number, size: number, dir: number, gfp: number, attrs = 0): Allocation {
    try {
      const phys = this.begin(gfp === GFP_KERNEL ? 0 : 1).tbit_dma_alloc_noncontiguous(dev, cpu, size, dir, gfp, attrs)
      return { phys, handle: phys < 0 ? -1 : (this.results()[0] as number), kind: 2 }
    } catch (e) {
      throw this.fault(e)
    }
  }
  dma_free_noncontiguous(dev: number, size: number, phys: number, dir: number): void {
    try {
      this.begin().tbit_dma_free_noncontiguous(dev, size, phys, dir)
    } catch (e) {
      throw this.fault(e)
    }
  }
  dma_get_required_mask(dev: number): bigint {
    try {
      this.begin().tbit_dma_get_required_mask(dev)
      const o = this.results()
      return (BigInt(o[0] as number) << 32n) | BigInt(o[1] as number)
    } catch (e) {
      throw this.fault(e)
    }
  }
  /** -1 where the tree has no such predicate. */
  dma_need_unmap(dev: number): number {
    return this.begin().tbit_dma_need_unmap(dev)
  }
  dma_opt_mapping_size(dev: number): number {
    return this.begin().tbit_dma_opt_mapping_size(dev)
  }
  dma_addressing_limited(dev: number): boolean {
    return this.begin().tbit_dma_addressing_limited(dev) !== 0
  }
  /** dma_pgprot(dev, PAGE_KERNEL, attrs) as bits: decrypted 1, dmacoherent 2, writecombine 4, noncached 8. */
  dma_pgprot(dev: number, attrs: number): number {
    return this.begin().tbit_dma_pgprot(dev, attrs)
  }
  dma_need_sync(dev: number, addr: number): boolean {
    try {
      return this.begin().tbit_dma_need_sync(dev, addr) !== 0
    } catch (e) {
      throw this.fault(e)
    }
  }
  /** A scatterlist in the kernel's memory; -1 when 64 are in use. */
  sg(segments: ReadonlyArray<{ readonly phys: number; readonly size: number }>): number {
    const h = this.begin().tbit_sg_new(segments.length)
    if (h >= 0) for (const [i, s] of segments.entries()) this.x.tbit_sg_set(h, i, s.phys, s.size)
    return h
  }
  sg_addresses(h: number, n: number): Array<{ addr: number; len: number }> {
    return Array.from({ length: n }, (_, i) => ({ addr: this.x.tbit_sg_addr(h, i), len: this.x.tbit_sg_len(h, i) }))
  }
  sg_free(h: number): void {
    this.x.tbit_sg_free(h)
  }
  /** dma_map_sg_attrs: segments mapped, 0 on failure; the errno of dma_map_sgtable beside it. */
  dma_map_sg(dev: number, cpu: number, h: number, dir: number, attrs = 0): { nents: number; errno: number } {
    try {
      const nents = this.begin(1).tbit_dma_map_sg(dev, cpu, h, dir, attrs)
      return { nents, errno: this.results()[0] as number }
    } catch (e) {
      throw this.fault(e)
    }
  }
  dma_unmap_sg(dev: number, h: number, dir: number, attrs = 0): void {
    try {
      this.begin(1).tbit_dma_unmap_sg(dev, h, dir, attrs)
    } catch (e) {
      throw this.fault(e)
    }
  }
  /** Hands over a list that lives as long as the call. */
  private segments(x: Exports, list: readonly Segment[]): Exports {
    assertTrue(list.length <= MAX_SEGMENTS, 'a list that fits')
    const entries = new Float64Array(this.memory.buffer, INPUT, 3 * MAX_SEGMENTS)
    for (const [i, s] of list.entries()) entries.set([s.phys, s.size, s.addr ?? -1], 3 * i)
    return x
  }
  /** dma_map_sgtable() of a list that is nobody's state: an address an entry, or the errno. */
  dma_map_segments(dev: number, cpu: number, list: readonly Segment[], dir: number, attrs = 0): number[] | number {
    try {
      const errno = this.segments(this.begin(1), list).tbit_dma_map_segments(dev, cpu, list.length, dir, attrs)
      return errno === 0 ? [...this.results().subarray(0, list.length)] : errno
    } catch (e) {
      throw this.fault(e)
    }
  }
  dma_unmap_segments(dev: number, list: readonly Segment[], dir: number, attrs = 0): void {
    try {
      this.segments(this.begin(1), list).tbit_dma_unmap_segments(dev, list.length, dir, attrs)
    } catch (e) {
      throw this.fault(e)
    }
  }
  dma_sync_segments(dev: number, list: readonly Segment[], dir: number, forCpu: boolean): void {
    try {
      this.segments(this.begin(1), list).tbit_dma_sync_segments(dev, list.length, dir, forCpu ? 1 : 0)
    } catch (e) {
      throw this.fault(e)
    }
  }
  dma_sync_sg_for_cpu(dev: number, h: number, dir: number): void {
    try {
      this.begin(1).tbit_dma_sync_sg_for_cpu(dev, h, dir)
    } catch (e) {
      throw this.fault(e)
    }
  }
  dma_sync_sg_for_device(dev: number, h: number, dir: number): void {
    try {
      this.begin(1).tbit_dma_sync_sg_for_device(dev, h, dir)
    } catch (e) {
      throw this.fault(e)
    }
  }

  // --- kernel/dma/direct.c ---
  dma_direct_map(dev: number, cpu: number, phys: number, size: number, dir: number, attrs = 0): number {
    try {
      return this.begin(1).tbit_dma_direct_map(dev, cpu, phys, size, dir, attrs)
    } catch (e) {
      throw this.fault(e)
    }
  }
  dma_direct_unmap(dev: number, addr: number, size: number, dir: number, attrs = 0): void {
    try {
      this.begin(1).tbit_dma_direct_unmap(dev, addr, size, dir, attrs)
    } catch (e) {
      throw this.fault(e)
    }
  }
  dma_direct_sync_single_for_device(dev: number, addr: number, size: number, dir: number): void {
    try {
      this.begin().tbit_dma_direct_sync_single_for_device(dev, addr, size, dir)
    } catch (e) {
      throw this.fault(e)
    }
  }
  dma_direct_sync_single_for_cpu(dev: number, addr: number, size: number, dir: number): void {
    try {
      this.begin().tbit_dma_direct_sync_single_for_cpu(dev, addr, size, dir)
    } catch (e) {
      throw this.fault(e)
    }
  }
  dma_direct_alloc(dev: number, cpu: number, size: number, gfp: number, attrs = 0): Allocation {
    try {
      return this.allocation(this.begin(gfp === GFP_KERNEL ? 0 : 1).tbit_dma_direct_alloc(dev, cpu, size, gfp, attrs))
    } catch (e) {
      throw this.fault(e)
    }
  }
  dma_direct_free(dev: number, size: number, a: Allocation, attrs = 0): void {
    try {
      this.begin().tbit_dma_direct_free(dev, size, a.phys, a.kind | ((a.turn ?? 0) << 2), a.handle, attrs)
    } catch (e) {
      throw this.fault(e)
    }
  }
  dma_direct_max_mapping_size(dev: number): number {
    try {
      return this.begin().tbit_dma_direct_max_mapping_size(dev)
    } catch (e) {
      throw this.fault(e)
    }
  }
  dma_direct_get_required_mask(dev: number): number {
    try {
      return this.begin().tbit_dma_direct_get_required_mask(dev)
    } catch (e) {
      throw this.fault(e)
    }
  }
  force_dma_unencrypted(dev: number): boolean {
    try {
      return this.begin().tbit_force_dma_unencrypted(dev) !== 0
    } catch (e) {
      throw this.fault(e)
    }
  }
  phys_to_dma(dev: number, phys: number): number {
    return this.begin().tbit_phys_to_dma(dev, phys)
  }
  phys_to_dma_unencrypted(dev: number, phys: number): number {
    return this.begin().tbit_phys_to_dma_unencrypted(dev, phys)
  }
  dma_to_phys(dev: number, addr: number): number {
    return this.begin().tbit_dma_to_phys(dev, addr)
  }

  // --- kernel/dma/swiotlb.c ---
  swiotlb_tbl_map_single(
    dev: number,
    cpu: number,
    phys: number,
    size: number,
    alloc_align_mask: number,
    dir: number,
    attrs = 0
  ): number {
    try {
      return this.begin(1).tbit_swiotlb_tbl_map_single(dev, cpu, phys, size, alloc_align_mask, dir, attrs)
    } catch (e) {
      throw this.fault(e)
    }
  }
  swiotlb_map(dev: number, cpu: number, phys: number, size: number, dir: number, attrs = 0): number {
    try {
      return this.begin(1).tbit_swiotlb_map(dev, cpu, phys, size, dir, attrs)
    } catch (e) {
      throw this.fault(e)
    }
  }
  swiotlb_tbl_unmap_single(dev: number, tlb_addr: number, size: number, dir: number, attrs = 0): void {
    try {
      this.begin(1).tbit_swiotlb_tbl_unmap_single(dev, tlb_addr, size, dir, attrs)
    } catch (e) {
      throw this.fault(e)
    }
  }
  swiotlb_sync_single_for_device(dev: number, tlb_addr: number, size: number, dir: number): void {
    try {
      this.begin().tbit_swiotlb_sync_single_for_device(dev, tlb_addr, size, dir)
    } catch (e) {
      throw this.fault(e)
    }
  }
  swiotlb_sync_single_for_cpu(dev: number, tlb_addr: number, size: number, dir: number): void {
    try {
      this.begin().tbit_swiotlb_sync_single_for_cpu(dev, tlb_addr, size, dir)
    } catch (e) {
      throw this.fault(e)
    }
  }
  swiotlb_max_mapping_size(dev: number): number {
    try {
      return this.begin().tbit_swiotlb_max_mapping_size(dev)
    } catch (e) {
      throw this.fault(e)
    }
  }
  is_swiotlb_active(dev: number): boolean {
    return this.begin().tbit_is_swiotlb_active(dev) !== 0
  }
  is_swiotlb_force_bounce(dev: number): boolean {
    try {
      return this.begin().tbit_is_swiotlb_force_bounce(dev) !== 0
    } catch (e) {
      throw this.fault(e)
    }
  }
  /** Sets force_bounce of the default pool (dev -1) or of a device's. */
  set_force_bounce(dev: number, on: boolean): void {
    this.x.tbit_force_bounce_set(dev, on ? 1 : 0)
  }

  /** The default pool (dev -1), or that of a device; null without one. */
  pool(dev = -1): PoolStats | null {
    if (this.begin().tbit_pool_stats(dev) === 0) return null
    const o = this.results()
    return {
      start: o[0] as number,
      nslabs: o[1] as number,
      nareas: o[2] as number,
      used: o[3] as number,
      total_used: o[4] as number,
      hiwater: o[5] as number,
      force_bounce: o[6] !== 0,
      for_alloc: o[7] !== 0,
      cc_shared: (o[10] as number) < 0 ? null : o[10] !== 0
    }
  }
  slot(i: number, dev = -1): { list: number; orig_addr: number; alloc_size: number; pad_slots: number } | null {
    if (this.begin().tbit_slot(dev, i) === 0) return null
    const o = this.results()
    return { list: o[0] as number, orig_addr: o[1] as number, alloc_size: o[2] as number, pad_slots: o[3] as number }
  }
  area(i: number, dev = -1): { index: number; used: number } | null {
    if (this.begin().tbit_area(dev, i) === 0) return null
    const o = this.results()
    return { index: o[0] as number, used: o[1] as number }
  }
  /** FNV-1a/32 over areas and slots, as the recordings have it. */
  pool_hash(dev = -1): number {
    return this.begin().tbit_pool_hash(dev) >>> 0
  }
  /** Zeroes the high-water mark: a search that does not look at it must forget it, or no two states ever meet. */
  forget_hiwater(): void {
    this.x.tbit_forget_hiwater()
  }

  /** The i-th pool of a device's memory, in list order, then its transient ones; null past the last. */
  pool_nth(dev: number, i: number): { start: number; nslabs: number; hash: number; transient: boolean } | null {
    if (this.begin().tbit_pool_nth?.(dev, i) !== 1) return null
    const o = this.results()
    return { start: o[0] as number, nslabs: o[1] as number, hash: o[2] as number, transient: o[3] !== 0 }
  }

  /** The pool made at run time that has an address, among those a device sees (-1: any); null: none has it. */
  dynamic_pool(dev: number, phys: number): { start: number; used: boolean } | null {
    const found = this.begin().tbit_dynamic_pool?.(dev, phys) ?? 0
    return found === 0 ? null : { start: this.results()[0] as number, used: found === 2 }
  }

  /** Bytes of the heap that nothing points to since the last look, as kmemleak finds them; between calls. */
  heapLost(): number {
    return this.x.tbit_heap_lost()
  }

  /** How much work is pending (of these kinds: worksOf). */
  works(kinds = ALL_WORKS): number {
    return this.x.tbit_works(kinds)
  }
  /** Kind of the next pending work (WORKS), -1 when there is none. */
  next_work(): number {
    return this.x.tbit_work_next()
  }
  /** Runs the next pending work item, of these kinds; false when there is none. */
  run_work(kinds = ALL_WORKS): boolean {
    try {
      return this.begin().tbit_run_work(kinds) !== 0
    } catch (e) {
      throw this.fault(e)
    }
  }

  // --- for states.ts ---
  watch(base: number, chunkBits: number): void {
    this.x.tbit_watch(base, chunkBits)
  }
  takeDirtyLow(): number {
    return this.x.tbit_take_dirty(0)
  }
  takeDirtyHigh(): number {
    return this.x.tbit_take_dirty(1)
  }
  heapEnd(): number {
    return this.x.tbit_heap_end()
  }
}
