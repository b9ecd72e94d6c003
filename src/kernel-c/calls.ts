// The kernel's own C as the DMA API of the model: the functions of kernel/dma, each as one step, over our machine. Memory content,
// page states, the page allocator and conversions are the machine's and our kernel's; what the C keeps for itself (pools, device
// flags) is one number in the state vector, a snapshot of its instance.
import { own, PAGE_ALIGN, PAGE_SIZE } from '../base/index.ts'
import { type Action, Interned, runOn, type Layout, step, stepped, type Store } from '../step/index.ts'
import { HIGH_BANK } from '../machine/index.ts'
import { aliasAccess, ATTR, type BootConversion, DEV_BITS, type Device, type DmaBuffer, type DmaCalls, DMA_MAPPING_ERROR, EIO, halt, type Kernel, type MakeCalls, type RefusalReason, set_memory_decrypted, set_memory_encrypted, TAG, worker_runs } from '../kernel/index.ts'
import { type Allocation, GFP_ATOMIC, GFP_KERNEL, type Host, KernelC, KernelFault, type PlatformKind, PROT } from './kernel-c.ts'
import { KernelStates } from './states.ts'
import type { WasmModule } from './wasm.ts'

/** A call that ended in a crash answers this; the thread then halts. */
const CRASHED = -0x3f3f3f3f
/** Conversions of one call that may fail one by one: each goes well, fails at once, or fails at its hypercall. */
const WAYS = 9
const SEGMENT_BYTES = 256 * 1024

export interface TreeCalls {
  readonly module: WasmModule
  /** The field or predicate that stands for the accepted flag; null when the tree has none. */
  readonly accepted: string | null
}

/** The DMA API of a tree, to be put into a kernel as `parts.calls`. @throws KernelFault when its boot fails */
export const treeCalls = (t: TreeCalls): MakeCalls => (k, layout) => new CCalls(k, layout, t)

/** What a call did that asked nothing of the allocator and converted nothing: told again, it does the same. */
interface Remembered { readonly to: number; readonly result: number; readonly skipSync: boolean; readonly copies: readonly number[]; readonly warnings: ReadonlyArray<readonly [string, string]>; readonly reason: RefusalReason | null }

/** What the tree's own predicates are told, by platform. */
const KIND: Readonly<Record<string, PlatformKind>> = { 'arm-cca': 'realm', pkvm: 'pkvm', 'amd-sev-snp': 'snp', 'intel-tdx': 'tdx', 'amd-sme-host': 'sme' }

class CCalls implements DmaCalls, Host {
  private readonly c: KernelC
  private readonly states: KernelStates
  private readonly state: Interned<number>
  private now = 0
  private readonly accepted: number | null
  private readonly skipSync: number | null
  private readonly buffers: DmaBuffer[] = []
  private readonly bufferIds = new Map<string, number>()
  private readonly turns = new Map<DmaBuffer, number>()
  /** Remapped pages: whether through the shared alias. */
  private readonly vmaps = new Map<number, boolean>()
  private readonly attrBits: ReadonlyArray<readonly [number, number]>
  private booting = true
  /** Of the boot that runs: the conversions that fail in it, and the device whose pool is attached. */
  private bootFails: readonly BootConversion[] = []
  private attaching = -1
  /** The state after a boot, by the conversions that failed in it. */
  private readonly boots = new Map<string, number>()

  // Of the call that runs.
  private st: Store | null = null
  private ways = 0
  private site = ''
  private dev = 0
  private taken: Array<[number, number]> = []
  private conversionFailed = false
  private bounceAsked = false
  private full = false
  private unsupported = false
  private halted = false
  private noPages = false
  private asked = false
  private copies: number[] = []
  private warnings: Array<readonly [string, string]> = []
  private why: RefusalReason | null = null
  private readonly memo: Array<Map<string, Remembered>> = []

  constructor(private readonly k: Kernel, layout: Layout, private readonly t: TreeCalls) {
    this.state = new Interned<number>(layout, 'kernel_c', 0, String)
    this.c = new KernelC(t.module, this)
    this.attrBits = Object.entries(ATTR).map(([name, ours]) => [ours, own(this.c.meta.attributes, name) ?? 0] as const)
    this.boot(this.c, [])
    this.accepted = t.accepted !== null && this.c.hasField(t.accepted) ? this.c.fieldOf(t.accepted) : null
    this.skipSync = this.c.hasField('dma_skip_sync') ? this.c.fieldOf('dma_skip_sync') : null
    this.states = new KernelStates(this.c, 8192)
  }

  // Boots an instance with the scene's machine and devices.
  private boot(c: KernelC, fails: readonly BootConversion[]): void {
    const { k } = this
    this.booting = true
    this.bootFails = fails
    const { platform, config } = k
    const bit = (n: number): number => (n > 0 ? Math.round(Math.log2(n)) : -1)
    const mem = k.default_mem
    const kind = own(KIND, platform.name) ?? 'none'
    const alias = kind === 'realm' ? platform.sharedBit(config) : platform.encBit
    const forced = platform.tdisp && platform.forcesSwiotlb
    // the pools are made of whole orders
    const atomic = k.atomic.pools[0]?.size ?? 0
    c.boot({
      cpus: Math.max(1, config.cpus), ram: HIGH_BANK + config.ram, platform: kind, ...(alias > 0 ? { bit: bit(alias) } : {}),
      // an architecture's guest code passes SWIOTLB_FORCE, where the tree still has it
      ...(mem === null ? {} : mem.nslabs % 128 !== 0 || mem.nslabs / mem.pool.nareas < 128
        ? { raw: { start: mem.start, nslabs: mem.nslabs, nareas: mem.pool.nareas, force: k.cmdlineForce ? 'cmdline' as const : forced ? 'arch' as const : 'no' as const } }
        : { swiotlb: { start: mem.start, cmdline: `${mem.nslabs},${mem.pool.nareas}${k.cmdlineForce ? ',force' : ''}`, force: forced } }),
      ...(c.meta.has.coherentPool && atomic > 0 ? { atomic_pools: 2 ** Math.floor(Math.log2(atomic)) } : {}), conversions: platform.conversion !== 'none', verbose: false
    })
    const all = 0xffffffffffffffffn
    const coherent = c.hasField('dma_coherent')
    for (const d of k.devices) {
      const i = c.device({
        dma_mask: all, coherent_dma_mask: d.config.coherent_mask >= 64 ? all : (1n << BigInt(d.config.coherent_mask)) - 1n, bus_dma_limit: BigInt(d.config.bus_limit), min_align_mask: d.config.min_align_mask,
        segment_boundary_mask: BigInt(d.config.boundary_mask), ...(d.config.range_map ? { ranges: d.config.range_map } : {}), ...(coherent ? { fields: { dma_coherent: d.coherent } } : {})
      })
      // what firmware gives it: whether the attachment succeeds is the C's to find out
      const own = d.assigned
      this.attaching = d.index
      if (own?.kind.restricted) c.restricted(i, own.start, own.nslabs * 2048)
    }
    this.booting = false
    c.forget_hiwater()
  }

  booted(failed: readonly BootConversion[]): void {
    if (failed.length === 0) return
    step({ kind: 'c', key: `c:boot:${failed.join()}`, silent: true, results: [0], outcomes: 1, text: () => `boot of the C: conversions failed: ${failed.join(', ')}`, perform: (st) => {
      this.now = this.bootState(failed)
      this.state.set(st, this.now)
      return 0
    } })
  }
  private bootState(failed: readonly BootConversion[]): number {
    const key = failed.join()
    let s = this.boots.get(key)
    if (s === undefined) {
      const other = new KernelC(this.t.module, this)
      this.boot(other, failed)
      this.boots.set(key, (s = this.states.adopt(other)))
    } else this.states.load(s)
    return s
  }

  // --- one call ---------------------------------------------------------------------------------------------------------------

  private load(st: Store): void {
    const want = this.state.get(st)
    if (want === this.now) return
    this.states.load(want)
    this.now = want
  }

  /** The model keeps flags and masks; the C gets them for the time of a call, so that states differ by them in one place only. */
  private lend(st: Store, d: Device): void {
    const k = this.k
    if (this.accepted !== null) this.c.setFieldNumber(d.index, this.accepted, k.accepts && believed(k, st, d.index) ? 1 : 0)
    if (this.skipSync !== null) this.c.setFieldNumber(d.index, this.skipSync, k.f.bits.get(st, d.index) & DEV_BITS.dma_skip_sync ? 1 : 0)
    this.c.set_dma_mask(d.index, k.f.mask.get(st, d.index))
  }
  private takeBack(st: Store, d: Device): void {
    const k = this.k
    if (this.accepted !== null) this.c.setFieldNumber(d.index, this.accepted, 0)
    if (this.skipSync !== null) {
      const bits = k.f.bits.get(st, d.index)
      const on = this.c.getFieldNumber(d.index, this.skipSync) !== 0
      k.f.bits.set(st, on ? bits | DEV_BITS.dma_skip_sync : bits & ~DEV_BITS.dma_skip_sync, d.index)
      this.c.setFieldNumber(d.index, this.skipSync, 0)
    }
    this.c.set_dma_mask(d.index, 64)
  }

  private perform(st: Store, d: Device, site: string, key: string, ways: number, body: (st: Store) => number): number {
    const k = this.k
    const at = this.state.get(st)
    this.st = st
    this.site = site
    this.dev = d.index
    const bits = k.f.bits.get(st, d.index)
    const known = `${site}:${key}:${d.index}:${this.accepted !== null && k.accepts && believed(k, st, d.index) ? 1 : 0}${bits & DEV_BITS.dma_skip_sync ? 1 : 0}${k.f.mask.get(st, d.index)}`
    let memo = this.memo[at]
    if (memo === undefined) this.memo[at] = memo = new Map()
    const had = k.logging ? undefined : memo.get(known)
    if (had !== undefined) return this.again(st, d, had)

    this.load(st)
    this.ways = ways
    this.taken = []
    this.copies = []
    this.warnings = []
    this.why = null
    this.conversionFailed = this.bounceAsked = this.full = this.unsupported = this.halted = this.noPages = this.asked = false
    this.lend(st, d)
    let r: number
    try {
      r = body(st)
    } catch (e) {
      if (!(e instanceof KernelFault)) throw e
      // the state of the instance is lost; what the model knows stays as it was at the fault
      if (!this.halted) st.finding({ property: 'crash', site: siteOf(e), decision: e.kind === 'runaway' ? 'never returns' : plain(e.summary), summary: `${siteOf(e)}: ${e.summary}`, fatal: true })
      this.states.load(this.now)
      this.st = null
      return CRASHED
    }
    this.takeBack(st, d)
    this.c.forget_hiwater()
    this.now = this.states.take()
    this.state.set(st, this.now)
    this.st = null
    if (!this.asked) memo.set(known, { to: this.now, result: r, skipSync: (k.f.bits.get(st, d.index) & DEV_BITS.dma_skip_sync) !== 0, copies: this.copies, warnings: this.warnings, reason: this.why })
    return r
  }

  private again(st: Store, d: Device, m: Remembered): number {
    this.copies = []
    try {
      for (let i = 0; i < m.copies.length; i += 3) this.copy(m.copies[i] as number, m.copies[i + 1] as number, m.copies[i + 2] as number)
    } catch (e) {
      if (!(e instanceof KernelFault)) throw e
      return CRASHED
    }
    for (const [where, text] of m.warnings) this.warned(st, where, text)
    if (m.reason !== null) this.k.observer.event(st, { kind: 'failed', reason: m.reason, dev: d.index })
    const bits = this.k.f.bits.get(st, d.index)
    this.k.f.bits.set(st, m.skipSync ? bits | DEV_BITS.dma_skip_sync : bits & ~DEV_BITS.dma_skip_sync, d.index)
    this.state.set(st, m.to)
    return m.result
  }

  private call(d: Device, site: string, key: string, text: (r: number) => string, body: (st: Store) => number, converts = false): number {
    const outcomes = converts && this.k.config.conversions === 'may_fail' && this.k.platform.conversion !== 'ultravisor' ? WAYS : 1
    // `key` holds all arguments of the C function: what `body` does depends on nothing else but the image and the store.
    const r = stepped() ?? step({ kind: 'c', key: `c:${site}:${d.index}:${key}`, silent: false, results: null, outcomes, text: (v, outcome) => `${v === CRASHED ? `${site}() crashes` : text(v)}${outcome > 0 ? ` (conversions: ${wayText(outcome)})` : ''}`, perform: (st, outcome) => this.perform(st, d, site, key, outcome, body) })
    if (r === CRASHED) halt()
    return r
  }

  private bits(attrs: number): number {
    let out = 0
    for (const [ours, theirs] of this.attrBits) if (attrs & ours) out |= theirs
    return out
  }

  /** Our own functions, run at once inside the step. A crash of theirs ends the call. */
  private within<T>(fn: () => T, choose: (a: Action) => number = () => 0): T {
    const st = this.st as Store
    let fatal = false
    const watched: Store = { u8: st.u8, u32: st.u32, local: (t, i) => st.local(t, i), finding: (f) => { fatal = fatal || f.fatal === true; st.finding(f) } }
    try {
      return runOn(watched, fn, choose)
    } catch (e) {
      if (!fatal) throw e
      this.halted = true
      throw new KernelFault('bug', this.site, 'halted', [])
    }
  }

  private failed(st: Store, d: Device, reason: RefusalReason): void {
    this.why = reason
    this.k.observer.event(st, { kind: 'failed', reason, dev: d.index })
  }

  // --- DmaCalls ---------------------------------------------------------------------------------------------------------------

  dma_map_phys(dev: Device, cpu: number, phys: number, size: number, dir: number, attrs: number): number {
    const bits = this.bits(attrs)
    return this.call(dev, 'dma_map', `${cpu}:${phys}:${size}:${dir}:${bits}`, (r) => (r < 0 ? `dma_map(${dev.name}, 0x${phys.toString(16)}, ${size}) fails` : `dma_map(${dev.name}, 0x${phys.toString(16)}, ${size}) = 0x${r.toString(16)}`), (st) => {
      const r = this.c.dma_map(dev.index, cpu, phys, size, dir, bits)
      if (r === DMA_MAPPING_ERROR) this.failed(st, dev, this.reason(size))
      return r
    })
  }
  private reason(size: number): RefusalReason {
    if (this.full || this.bounceAsked) return size > SEGMENT_BYTES ? 'too_large' : this.full ? 'exhausted' : 'mask'
    return 'mask'
  }
  dma_unmap_phys(dev: Device, addr: number, size: number, dir: number, attrs: number): void {
    const bits = this.bits(attrs)
    this.call(dev, 'dma_unmap', `${addr}:${size}:${dir}:${bits}`, () => `dma_unmap(${dev.name}, 0x${addr.toString(16)}, ${size})`, () => { this.c.dma_unmap(dev.index, addr, size, dir, bits); return 0 })
  }
  dma_map_resource(dev: Device, cpu: number, phys: number, size: number, dir: number, attrs: number): number {
    const bits = this.bits(attrs)
    return this.call(dev, 'dma_map_resource', `${cpu}:${phys}:${size}:${dir}:${bits}`, (r) => `dma_map_resource(${dev.name}, 0x${phys.toString(16)})${r < 0 ? ' fails' : ` = 0x${r.toString(16)}`}`, (st) => {
      const r = this.c.dma_map_resource(dev.index, cpu, phys, size, dir, bits)
      if (r === DMA_MAPPING_ERROR) this.failed(st, dev, 'mask')
      return r
    })
  }
  dma_unmap_resource(dev: Device, addr: number, size: number, dir: number, attrs: number): void {
    const bits = this.bits(attrs)
    this.call(dev, 'dma_unmap_resource', `${addr}:${size}:${dir}:${bits}`, () => `dma_unmap_resource(${dev.name}, 0x${addr.toString(16)})`, () => { this.c.dma_unmap_resource(dev.index, addr, size, dir, bits); return 0 })
  }
  dma_sync_single(dev: Device, addr: number, size: number, dir: number, forCpu: boolean): void {
    const site = forCpu ? 'dma_sync_single_for_cpu' : 'dma_sync_single_for_device'
    this.call(dev, site, `${addr}:${size}:${dir}`, () => `${site}(${dev.name}, 0x${addr.toString(16)}, ${size})`, () => {
      if (forCpu) this.c.dma_sync_single_for_cpu(dev.index, addr, size, dir)
      else this.c.dma_sync_single_for_device(dev.index, addr, size, dir)
      return 0
    })
  }

  dma_alloc_attrs(dev: Device, cpu: number, size: number, gfpBlocks: boolean, attrs: number): DmaBuffer | null {
    const bits = this.bits(attrs)
    return this.allocate(dev, 'dma_alloc_attrs', size, attrs, gfpBlocks, `${cpu}:${size}:${gfpBlocks}:${bits}`, () => this.c.dma_alloc(dev.index, cpu, size, gfpBlocks ? GFP_KERNEL : GFP_ATOMIC, bits))
  }
  dma_alloc_pages(dev: Device, cpu: number, size: number, gfpBlocks: boolean): DmaBuffer | null {
    return this.allocate(dev, 'dma_alloc_pages', size, 0, gfpBlocks, `${cpu}:${size}:${gfpBlocks}`, () => this.c.dma_alloc_pages(dev.index, cpu, size, 0, gfpBlocks ? GFP_KERNEL : GFP_ATOMIC))
  }
  private allocate(dev: Device, site: string, sizeIn: number, attrs: number, blocks: boolean, key: string, body: () => Allocation): DmaBuffer | null {
    const size = PAGE_ALIGN(sizeIn)
    if (!blocks) this.worker(dev, true)
    const pages = site === 'dma_alloc_pages'
    const id = this.call(dev, site, key, (r) => (r < 0 ? `${site}(${dev.name}, ${sizeIn}) fails` : `${site}(${dev.name}, ${sizeIn}) = page 0x${((this.buffers[r] as DmaBuffer).phys / PAGE_SIZE).toString(16)}, handle 0x${(this.buffers[r] as DmaBuffer).handle.toString(16)}`), (st) => {
      const a = body()
      if (a.phys < 0) {
        // what was taken and not given back belongs to nobody any more
        for (const [pfn, order] of this.taken) this.within(() => { this.k.pages.leak(pfn, 2 ** order, site, this.conversionFailed) })
        // Refused at the top, before anything was asked of anybody.
        const attribute = (attrs & ATTR.CC_SHARED) !== 0 && !this.asked
        this.failed(st, dev, attribute ? 'attribute' : this.conversionFailed ? 'conversion' : this.unsupported ? 'noncoherent' : this.noPages ? 'exhausted' : 'mask')
        return -1
      }
      const from = this.c.atomic_page(a.phys) !== 'none' ? 'atomic' as const : this.k.mems.some((m) => m.contains(a.phys)) ? 'swiotlb' as const : 'buddy' as const
      return this.bufferId(a.turn ?? 0, { cpu: a.phys, handle: a.handle, phys: a.phys, size, alias: a.kind === 1 ? (this.vmaps.get(a.phys / PAGE_SIZE) ? 'shared' : 'private') : null, from, vmap: a.kind === 1, cookie: pages ? a.kind !== 2 : a.kind === 2 })
    }, true)
    if (!blocks && id >= 0) this.worker(dev, false)
    return id < 0 ? null : (this.buffers[id] as DmaBuffer)
  }
  // atomic_pool_work_fn(), in this thread, at one of two moments (kernel/pool.ts): right after the allocation that scheduled it, or before the next one.
  private worker(dev: Device, late: boolean): void {
    const pending = stepped() ?? step({ kind: 'c', key: 'c:works', silent: true, results: [0, 1], outcomes: 1, text: (r) => (r ? 'atomic_pool_work is scheduled' : 'no atomic_pool_work'), perform: (st) => { this.load(st); return this.c.works() > 0 ? 1 : 0 } })
    if (pending === 0 || !worker_runs(late)) return
    this.call(dev, 'atomic_pool_work_fn', '', () => 'kworker: atomic_pool_work_fn', () => {
      this.asked = true
      while (this.c.run_work()) { /* all that is pending */ }
      if (this.conversionFailed) for (const [pfn, order] of this.taken) this.within(() => { this.k.pages.leak(pfn, 2 ** order, 'atomic_pool_expand', true) })
      return 0
    }, true)
  }
  private bufferId(turn: number, b: DmaBuffer): number {
    const key = JSON.stringify([b, turn])
    let id = this.bufferIds.get(key)
    if (id === undefined) {
      id = this.buffers.push(b) - 1
      if (turn !== 0) this.turns.set(b, turn)
      this.bufferIds.set(key, id)
    }
    return id
  }
  private allocation(b: DmaBuffer): Allocation { return { phys: b.phys, handle: b.handle, kind: b.cookie ? 2 : b.vmap ? 1 : 0, turn: this.turns.get(b) ?? 0 } }
  dma_free_attrs(dev: Device, b: DmaBuffer, attrs: number): void {
    const bits = this.bits(attrs)
    this.release(dev, 'dma_free_attrs', b, bits, () => { this.c.dma_free(dev.index, b.size, this.allocation(b), bits) })
  }
  dma_free_pages(dev: Device, b: DmaBuffer): void {
    this.release(dev, 'dma_free_pages', b, 0, () => { this.c.dma_free_pages(dev.index, b.size, b.phys, b.handle, 0) })
  }
  private release(dev: Device, site: string, b: DmaBuffer, bits: number, body: () => void): void {
    this.call(dev, site, `${b.phys}:${b.handle}:${b.size}:${bits}`, () => `${site}(${dev.name}, page 0x${(b.phys / PAGE_SIZE).toString(16)})`, (st) => {
      body()
      const pfn = b.phys / PAGE_SIZE
      if (this.conversionFailed && b.from === 'buddy' && this.k.pages.owner(st, pfn) === TAG.dma) this.within(() => { this.k.pages.leak(pfn, 2 ** Math.ceil(Math.log2(b.size / PAGE_SIZE)), site, true) })
      return 0
    }, true)
  }

  dma_set_mask(dev: Device, bits: number): number {
    return this.call(dev, 'dma_set_mask', String(bits), (r) => `dma_set_mask(${dev.name}, ${bits}) = ${r}`, (st) => {
      const r = this.c.dma_set_mask(dev.index, bits >= 64 ? 0xffffffffffffffffn : (1n << BigInt(bits)) - 1n)
      this.asked = true
      if (r === 0) this.k.f.mask.set(st, bits, dev.index)
      return r
    })
  }
  dma_set_coherent_mask(dev: Device, bits: number): number {
    return this.call(dev, 'dma_set_coherent_mask', String(bits), (r) => `dma_set_coherent_mask(${dev.name}, ${bits}) = ${r}`, (st) => {
      const r = this.c.dma_set_coherent_mask(dev.index, bits >= 64 ? 0xffffffffffffffffn : (1n << BigInt(bits)) - 1n)
      this.asked = true
      if (r === 0) this.k.f.coherent_mask.set(st, bits, dev.index)
      return r
    })
  }
  dma_mmap_alias(dev: Device): 'shared' | 'private' {
    const r = this.call(dev, 'dma_mmap', '', (v) => `dma_mmap(${dev.name}): ${v === 1 ? 'shared' : 'private'} alias`, () => this.c.dma_mmap(dev.index, PAGE_SIZE, { phys: 0x200000, handle: 0x200000, kind: 0 }))
    return r === 1 ? 'shared' : 'private'
  }
  dma_to_phys(dev: Device, addr: number): number { return this.c.dma_to_phys(dev.index, addr) }

  atomicAt(st: Store, phys: number): boolean {
    this.load(st)
    return this.c.atomic_page(phys) !== 'none'
  }
  usedAt(st: Store, phys: number): boolean {
    this.load(st)
    for (const [i, m] of [this.k.default_mem, ...this.k.devices.map((d) => d.assigned)].entries()) {
      if (!m?.contains(phys)) continue
      return this.c.slot(Math.floor((phys - m.start) / 2048), i === 0 ? -1 : i - 1)?.list === 0
    }
    return this.c.atomic_page_used(phys)
  }

  // --- Host: what the C asks of the rest ----------------------------------------------------------------------------------------

  alloc_pages(order: number, zone: 0 | 1 | 2): number {
    if (this.booting) {
      // boot's pools lie where the model reserved them
      const p = this.k.atomic.pools[zone]
      return p && p.size >= PAGE_SIZE << order ? p.start : -1
    }
    this.asked = true
    const pfn = this.within(() => this.k.pages.alloc_pages(order, { tag: this.site === 'atomic_pool_work_fn' ? TAG.pool : TAG.dma, why: this.site }))
    this.noPages = pfn < 0
    if (pfn < 0) return -1
    this.taken.push([pfn, order])
    return pfn * PAGE_SIZE
  }
  free_pages(phys: number, order: number): void {
    if (this.booting) return
    this.asked = true
    const pfn = phys / PAGE_SIZE
    this.taken = this.taken.filter(([p]) => p !== pfn)
    this.within(() => { this.k.pages.free_pages(pfn, order, this.site) })
  }
  set_memory(decrypted: boolean, phys: number, numpages: number): number {
    // boot's conversions are done by the system, which knows how each platform does them
    if (this.booting) return this.bootFails.includes(this.conversionAt(phys)) ? EIO : 0
    this.asked = true
    if (phys < 0) return this.notLinear()
    const way = this.ways % 3
    this.ways = Math.floor(this.ways / 3)
    let asked = 0
    const r = this.within(() => (decrypted ? set_memory_decrypted : set_memory_encrypted)(this.k, phys, numpages), (a) => (asked++ === 0 && a.kind === 'choose' ? (way === 1 ? 1 : 0) : way === 2 ? 1 : 0))
    if (r !== 0) this.conversionFailed = true
    return r
  }
  private conversionAt(phys: number): BootConversion {
    const i = this.k.atomic.pools.findIndex((p) => p.start === phys)
    return i >= 0 ? `atomic pool ${i}` : this.k.default_mem?.start === phys ? 'swiotlb' : `device ${this.attaching}`
  }
  /** A struct page taken for an address: a realm refuses it, elsewhere the memory map is converted. */
  private notLinear(): number {
    const st = this.st as Store
    if (this.k.platform.conversion !== 'rsi') {
      st.finding({ property: 'crash', site: 'dma_direct_free', decision: 'struct page taken for an address', summary: 'set_memory_encrypted() is given a struct page and converts the memory map', fatal: true })
      this.halted = true
      throw new KernelFault('oops', this.site, 'struct page taken for an address', [])
    }
    st.finding({ property: 'warn', site: 'set_memory_encrypted', decision: 'not the linear map: pages will be leaked', summary: 'set_memory_encrypted warns: not the linear map: pages will be leaked' })
    this.conversionFailed = true
    return -22
  }
  copy(dst: number, src: number, len: number): void {
    if (this.booting) return
    this.copies.push(dst, src, len)
    const st = this.st as Store
    const m = this.k.machine
    const a = m.cpuAccess(st, src, len)
    const b = m.cpuAccess(st, dst, len)
    if (a === 'invalid' || a === 'abort' || b === 'invalid' || b === 'abort') {
      st.finding({ property: 'crash', site: 'swiotlb_bounce', decision: 'cpu access aborted', summary: 'the bounce copies from or to memory that the CPU cannot reach', fatal: true })
      this.halted = true
      throw new KernelFault('oops', 'swiotlb_bounce', 'cpu access aborted', [])
    }
    m.content.copy(st, dst, src, len)
    this.k.observer.event(st, { kind: 'bounce', dev: this.dev, bytes: len, toDevice: this.k.mems.some((x) => x.contains(dst)) })
  }
  fill(dst: number, byte: number, len: number, vmapped: boolean): void {
    if (this.booting) return
    this.asked = true
    const st = this.st as Store
    const m = this.k.machine
    const alias = vmapped ? (this.vmaps.get(Math.floor(dst / PAGE_SIZE)) ? 'shared' : 'private') : null
    const a = alias === null ? m.cpuAccess(st, dst, len) : aliasAccess(m, st, dst, alias)
    if (a === 'invalid' || a === 'abort') {
      st.finding({ property: 'crash', site: this.site, decision: 'cpu access aborted', summary: `${this.site} clears memory through a mapping that is invalid or of the wrong alias`, fatal: true })
      this.halted = true
      throw new KernelFault('oops', this.site, 'cpu access aborted', [])
    }
    void byte
    m.content.fill(st, dst, len, 0)
  }
  cache(): void {}
  vmap(phys: number, size: number, prot: number): boolean {
    for (let p = phys; p < phys + size; p += PAGE_SIZE) this.vmaps.set(p / PAGE_SIZE, (prot & PROT.decrypted) !== 0)
    return true
  }
  vunmap(): void {}
  swiotlb_bounced(): void { this.bounceAsked = true }
  log(level: number, _dev: number, text: string): void {
    if (this.booting) return
    if (text.startsWith('swiotlb buffer is full')) this.full = true
    if (text.startsWith('coherent DMA allocations not supported')) this.unsupported = true
    if (this.k.logging) this.k.observer.event(this.st as Store, { kind: 'printk', level: level <= 3 ? 'err' : level === 4 ? 'warn' : 'info', text })
  }
  warn(_dev: number, site: string, text: string): void {
    if (this.booting) return
    const where = site.replace(/:\d+$/, '')
    this.warnings.push([where, text])
    this.warned(this.st as Store, where, text)
  }
  /** What a kernel says as "sleeping function called from invalid context". */
  atomic(site: string): void {
    if (this.booting) return
    const st = this.st as Store
    this.asked = true
    st.finding({ property: 'crash', site: this.site, decision: `${site} sleeps in atomic context`, summary: `${this.site}() may be called where nothing may sleep, and calls ${site}, which may`, fatal: true })
    this.halted = true
    throw new KernelFault('atomic', this.site, `${site} sleeps in atomic context`, [])
  }
  private warned(st: Store, where: string, text: string): void {
    const words = plain(text || 'WARN_ON')
    if (this.k.logging) this.k.observer.event(st, { kind: 'printk', level: 'warn', text: `WARNING: ${where}: ${text}` })
    st.finding({ property: 'warn', site: where, decision: words, summary: `${where} warns: ${text || 'WARN_ON'}` })
  }
}

/** Without the numbers, so that the same finding has the same name in the next revision of a patch. */
const plain = (s: string): string => s.replace(/0x[0-9a-f]+|\d+/g, 'N')
const siteOf = (e: KernelFault): string => e.site.replace(/:\d+$/, '')
const WAY = ['ok', 'fails at once', 'fails at its hypercall'] as const
const wayText = (o: number): string => `${WAY[o % 3]}${o >= 3 ? `, then ${WAY[Math.floor(o / 3)]}` : ''}`

/** The model's accepted flag, outside of any step. */
function believed(k: Kernel, st: Store, dev: number): boolean {
  return k.config.flag_storage === 'shared_byte' ? (k.f.bits.get(st, dev) & DEV_BITS.tdi_enabled) !== 0 : (k.f.flag.get(st, dev) & 1) !== 0
}
