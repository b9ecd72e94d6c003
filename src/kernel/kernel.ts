// The guest kernel as one value: its fields in the shared vector, its devices, its pools, and the decisions of one revision.
// Kernel functions take a Device (or a Kernel) and touch state only through steps.
import { PAGE_SIZE } from '../base/index.ts'
import { action, aside, type Field, type Layout, peek, step, type Store } from '../step/index.ts'
import { HW, type DeviceConfig, type Machine, type MachineConfig, PTE } from '../machine/index.ts'
import type { Revision } from './revisions/revision.ts'
import { accepts } from './revisions/index.ts'
import { tsmCores } from './tsm-cores.ts'
import { PageAllocator, TAG } from './page-alloc.ts'
import { Slab } from './slab.ts'
import { SwiotlbMem } from './swiotlb-mem.ts'
import { AtomicPools } from './pool.ts'
import { DynamicPools } from './swiotlb-dynamic.ts'
import { SLOT_SIZE } from './swiotlb-mem.ts'
import { bootPool } from './swiotlb/param.ts'
import { parseVersion } from './swiotlb/version.ts'
import { conversionsMayFail, mem_cc_shared_granule_size } from './set-memory.ts'
import type { DmaCalls, MakeCalls } from './calls.ts'
import { formatMessage, type MessageArgs, type MessageId, messageTable } from './messages.ts'
import type { RefusalReason } from './refusal.ts'
import type { TraceKind, TraceValues } from './trace-events.ts'
import { type DmaZone, type MemoryMap, sceneMemory, type Surroundings } from './surroundings.ts'
import { bootTrust, trustLevels } from './trust.ts'
import type { TsmOp } from './tsm.ts'

/** What kernel functions tell whoever watches. They mean nothing to the kernel itself. */
export type KernelEvent =
  | { readonly kind: 'free_pages'; readonly pfn: number; readonly n: number; readonly site: string }
  | { readonly kind: 'kfree'; readonly addr: number; readonly size: number; readonly site: string }
  | { readonly kind: 'leak'; readonly pfn: number; readonly n: number; readonly site: string; readonly onPurpose: boolean }
  | { readonly kind: 'converted'; readonly pfn: number; readonly n: number; readonly shared: boolean }
  | { readonly kind: 'bounce'; readonly dev: number; readonly bytes: number; readonly toDevice: boolean }
  | { readonly kind: 'failed'; readonly reason: RefusalReason; readonly dev: number }
  | { readonly kind: 'tsm_done'; readonly op: TsmOp; readonly dev: number; readonly rc: number }
  /** accept has taken an interface that is not the one of the evidence it was given. */
  | { readonly kind: 'stale_evidence'; readonly dev: number }
  | { readonly kind: 'trace'; readonly event: TraceKind; readonly values: TraceValues; readonly cpu: number }
  /** Pages taken by or given back by a DMA allocation, conversions asked for, cache maintenance: only while `recording`. */
  | { readonly kind: 'op'; readonly op: 'ap' | 'fp' | 'dec' | 'enc' | 'sd' | 'sc'; readonly phys: number; readonly n: number }
  | { readonly kind: 'decision'; readonly fn: string; readonly text: string }
  | { readonly kind: 'printk'; readonly level: 'info' | 'warn' | 'err'; readonly text: string; /** Of a message of the table (messages.ts), whose rate holds. */ readonly id?: MessageId }

export interface Observer {
  event(st: Store, e: KernelEvent): void
}

/** Bits of the byte that holds most of struct device's `bool x:1` members, as gcc lays them out on x86-64 (measured). */
export const DEV_BITS = { offline_disabled: 0x01, offline: 0x02, of_node_reused: 0x04, state_synced: 0x08, can_match: 0x10, dma_skip_sync: 0x20, dma_iommu: 0x40, tdi_enabled: 0x80 } as const

export interface KernelFields {
  /** The shared byte of the bitfield. */
  readonly bits: Field
  /** The accepted flag where it has a byte or word of its own: bit 0; bit 1 is `dead`, its neighbour in struct device_private. */
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
  readonly allocator?: { alloc(order: number, zone: DmaZone): number; free(pfn: number, order: number): void }
  readonly dmaDirectRemap?: boolean
  readonly bounceUnalignedKmalloc?: boolean
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

export type { DmaZone }

/** Place of a device's restricted pool in `pool_unusable`; the default pool has 0, the what-if pool 1. */
export const poolOfDevice = (dev: number): number => 2 + dev

export class Device {
  /** Masks that are no power of two less one; null: the bits of the shared state. */
  masks: { dma: number; coherent: number } | null
  constructor(readonly k: Kernel, readonly index: number, readonly config: DeviceConfig, /** The pool that firmware gives it, or the default pool. */ readonly assigned: SwiotlbMem | null) {
    this.masks = config.masks === undefined ? null : { ...config.masks }
  }
  /** dev->dma_io_tlb_mem: the default pool too where the restricted one could not be made shared and its initialisation failed. */
  get io_tlb_mem(): SwiotlbMem | null {
    const { k, assigned } = this
    return assigned?.kind.restricted === true && k.restrictedMayFail && peek(k.f.pool_unusable, poolOfDevice(this.index)) === 1 ? k.default_mem : assigned
  }
  get name(): string { return this.config.name }
  /** dev_is_dma_coherent(). */
  get coherent(): boolean { return !this.config.noncoherent || !this.k.platform.noncoherentDevices }
}

const event = aside<[k: Kernel, e: KernelEvent]>('note event', (st, k, e) => { k.observer.event(st, e) }, (_k, e) => (e.kind === 'printk' ? `printk: ${e.text}` : e.kind))

const warned = aside<[k: Kernel, site: string, text: string]>('WARN', (st, k, site, text) => {
  if (k.logging) k.observer.event(st, { kind: 'printk', level: 'warn', text: `WARNING: ${site}: ${text}` })
  st.finding({ property: 'warn', site, decision: text, summary: `${site} warns: ${text}` })
}, (_k, site, text) => `WARNING: ${site}: ${text}`)

const crashed = aside<[k: Kernel, site: string, decision: string, summary: string]>('crash', (st, k, site, decision, summary) => {
  if (k.logging) k.observer.event(st, { kind: 'printk', level: 'err', text: `Oops: ${site}: ${summary}` })
  st.finding({ property: 'crash', site, decision, summary, fatal: true })
}, (_k, site, _decision, summary) => `CRASH in ${site}: ${summary}`)

/** Answers 1 where the CPU cannot reach what it clears. */
const memzero = action<[m: Machine, addr: number, len: number, alias: CpuAlias]>('memzero', {
  perform: (st, _outcome, m, addr, len, alias) => {
    const a = alias === null ? m.cpuAccess(st, addr, len, true) : aliasAccess(m, st, addr, alias, true)
    if (a === 'invalid' || a === 'abort') return 1
    m.content.fill(st, addr, len, 0)
    return 0
  },
  text: (_r, _o, _m, addr, len) => `zero ${len} bytes at 0x${addr.toString(16)}`, results: [0, 1]
})

const bitsMask = (bits: number): number => (bits >= 64 ? 2 ** 64 : 2 ** bits - 1)

/** DMA_BIT_MASK(bits); 64 bits is larger than any address. */
export const DMA_BIT_MASK = bitsMask

export class Kernel {
  readonly f: KernelFields
  readonly pages: PageAllocator
  readonly slab: Slab
  readonly devices: Device[]
  readonly default_mem: SwiotlbMem | null
  /** The what-if pool for accepted devices (config private_pool); no revision has one. */
  readonly private_mem: SwiotlbMem | null
  readonly mems: SwiotlbMem[] = []
  /** CONFIG_SWIOTLB_DYNAMIC; null: without it, or without a default pool. */
  readonly dynamic: DynamicPools | null
  readonly atomic: AtomicPools
  readonly cmdlineForce: boolean
  readonly memory: MemoryMap
  /** Another kernel's DMA API; null: ours. */
  readonly calls: DmaCalls | null
  observer: Observer = { event: () => {} }
  /** printk costs steps of nobody's: only kept when somebody reads the log. */
  logging = false
  /** Decisions are told to the observer, one by one: for `explain dma`. */
  explaining = false
  /** Allocator, conversion and cache events are told to the observer, in call order. */
  recording = false
  /** The DMA API call under way, as long as it counts as one for an accepted device: told when the flag is read as clear. */
  call: { denied(): void } | null = null

  constructor(readonly layout: Layout, readonly machine: Machine, readonly rev: Revision, deviceConfigs: readonly DeviceConfig[], readonly parts: KernelParts = {}) {
    const n = Math.max(1, deviceConfigs.length)
    const owners = deviceConfigs.map((d) => d.name)
    const config = machine.config
    this.f = {
      bits: layout.field('bits', { count: n, owners }),
      flag: layout.field('accepted', { count: n, max: 3, owners }),
      trust: rev.trust === 'absent' ? null : layout.field('trust', { count: n, max: 3, values: trustLevels[rev.trust], owners }),
      driver: layout.field('driver', { count: n, max: 1, values: ['none', 'bound'], owners }),
      present: layout.field('present', { count: n, max: 1, owners }),
      device_lock: layout.field('mutex', { count: n, max: 1, owners }),
      mask: layout.field('dma_mask_bits', { count: n, max: 64, owners }),
      coherent_mask: layout.field('coherent_mask_bits', { count: n, max: 64, owners }),
      tsm_rwsem: layout.field('pci_tsm_rwsem'),
      pf0_lock: layout.field('tsm_pf0.lock', { count: n, max: 1, owners }),
      tsm_state: layout.field('tsm', { count: n, max: 3, values: tsmCores[rev.accept].states, owners }),
      tsm_registered: layout.field('tsm_registered', { max: 1 }),
      tsm_in_flight: layout.field('tsm_in_flight'),
      pool_unusable: layout.field('pool_unusable', { count: 2 + n, max: 1 })
    }
    const { slots, areas, force } = bootPool(config.cmdline, parseVersion(rev.base), config.swiotlb_slots, config.swiotlb_areas)
    this.cmdlineForce = force
    this.memory = parts.memory ?? sceneMemory(config.ram)

    // Reserved at boot from the top of the low bank downwards.
    let top = config.ram
    const reserve = (bytes: number, unit = mem_cc_shared_granule_size(this)): number => { top = Math.floor((top - Math.ceil(bytes / unit) * unit) / unit) * unit; return top }
    this.default_mem = parts.pool ? this.addMem(new SwiotlbMem(layout, this, 'swiotlb', parts.pool.start, parts.pool.nslabs, parts.pool.nareas, { restricted: false, private: false }, 0)) : slots > 0 ? this.addMem(new SwiotlbMem(layout, this, 'swiotlb', reserve(slots * SLOT_SIZE), slots, areas, { restricted: false, private: false }, 0)) : null
    this.private_mem = config.private_pool > 0 ? this.addMem(new SwiotlbMem(layout, this, 'private_pool', reserve(config.private_pool * SLOT_SIZE), config.private_pool, 1, { restricted: false, private: true }, 1)) : null
    const regions = new Map<number, SwiotlbMem>()
    const restricted = (d: DeviceConfig, i: number): SwiotlbMem => {
      const shared = regions.get(d.region)
      if (d.region > 0 && shared !== undefined) return shared
      const given = parts.restricted?.[d.region - 1]
      const nslabs = given?.nslabs ?? d.restricted_pool
      const mem = this.addMem(new SwiotlbMem(layout, this, `${d.name}.pool`, given?.start ?? reserve(nslabs * SLOT_SIZE, PAGE_SIZE), nslabs, 1, { restricted: true, private: false }, poolOfDevice(i)))
      regions.set(d.region, mem)
      return mem
    }
    this.devices = deviceConfigs.map((d, i) => new Device(this, i, d, d.restricted_pool > 0 ? restricted(d, i) : this.default_mem))
    this.atomic = new AtomicPools(layout, this, reserve)
    this.pages = new PageAllocator(layout, this, top)
    this.slab = new Slab(layout, this)
    this.dynamic = config.swiotlb_dynamic && this.default_mem !== null && (!parts.inPlace || parts.host !== undefined) ? new DynamicPools(layout, this, this.default_mem) : null
    this.calls = parts.calls?.(this, layout) ?? null
  }

  private addMem(m: SwiotlbMem): SwiotlbMem { this.mems.push(m); return m }

  get platform() { return this.machine.platform }
  get config(): MachineConfig { return this.machine.config }
  device(i: number): Device { return this.devices[i] as Device }

  /** A device may be left without its restricted pool. */
  get restrictedMayFail(): boolean { return this.rev.decryptFailure === 'unusable' && (conversionsMayFail(this) || this.parts.host !== undefined || this.rev.sharedGranule === 'whole') }

  /** Whether this pair of revision and platform has an accepted state at all. */
  get accepts(): boolean { return accepts(this.rev, this.platform) }

  /** Tells the observer, together with the step before. */
  emit(e: KernelEvent): void { event(this, e) }

  printk(level: 'info' | 'warn' | 'err', text: string, id?: MessageId): void {
    if (this.logging) this.emit({ kind: 'printk', level, text, ...(id === undefined ? {} : { id }) })
  }

  /** printk() of a message of the table, at its level. */
  message(id: MessageId, args: MessageArgs = {}): void {
    if (!this.logging) return
    const { level } = messageTable[id]
    this.printk(level === 'info' || level === 'err' ? level : 'warn', formatMessage(id, args), id)
  }

  /** An event of the allocator, a conversion or the caches. */
  record(op: 'ap' | 'fp' | 'dec' | 'enc' | 'sd' | 'sc', phys: number, n: number): void { if (this.recording) this.emit({ kind: 'op', op, phys, n }) }

  /** CONFIG_DMA_DIRECT_REMAP. */
  get dmaDirectRemap(): boolean { return this.parts.dmaDirectRemap ?? this.config.remap ?? this.platform.noncoherentDevices }

  /** A predicate has decided: only told while somebody asks why. */
  decide(fn: string, text: string): void { if (this.explaining) this.emit({ kind: 'decision', fn, text }) }

  /** A trace event, where the kernel has its tracepoint; only while somebody records. */
  trace(event: TraceKind, values: TraceValues, cpu: number): void {
    if (this.logging) this.emit({ kind: 'trace', event, values, cpu })
  }

  /** A WARN, WARN_ON, WARN_ONCE or dev_WARN_ONCE. Not for pr_warn and dev_warn, which are printk. */
  warn(site: string, text: string): void { warned(this, site, text) }

  /** An oops, a corrupted allocator, a sleep in atomic context, or the platform's end: the thread goes no further. */
  crash(site: string, decision: string, summary: string): never {
    crashed(this, site, decision, summary)
    halt()
  }

  // --- CPU access through the linear map (or another mapping whose alias is given) ---

  /** memset to zero: one step. */
  memzero(site: string, addr: number, len: number, alias: CpuAlias = null): void {
    if (this.parts.host !== undefined) { this.parts.host.zero(addr, len); return }
    if (memzero(this.machine, addr, len, alias) === 1) this.crash(site, 'cpu access aborted', `${site} clears memory through a mapping that is invalid or of the wrong alias`)
  }

  /** A TSM operation has returned `rc`. */
  tsmDone(st: Store, op: TsmOp, dev: Device, rc: number): void { this.observer.event(st, { kind: 'tsm_done', op, dev: dev.index, rc }) }

  /** State after boot, before any statement: pools are made and converted. */
  boot(st: Store): void {
    const m = this.machine
    for (const d of this.devices) {
      this.f.present.set(st, 1, d.index)
      m.bus_master.set(st, 1, d.index)
      this.f.trust?.set(st, bootTrust(this.rev.trust, d.config.accepted && this.accepts), d.index)
      this.f.mask.set(st, d.config.dma_mask, d.index)
      this.f.coherent_mask.set(st, d.config.coherent_mask, d.index)
      let bits: number = DEV_BITS.can_match | (d.config.iommu ? DEV_BITS.dma_iommu : 0)
      if (d.config.driver) {
        this.f.driver.set(st, 1, d.index)
        if (d.coherent) bits |= DEV_BITS.dma_skip_sync
      }
      this.f.bits.set(st, bits, d.index)
      if (d.config.tdisp) m.session.set(st, 1, m.dsmOf(d.index))
    }
    if (this.accepts && this.devices.some((d) => d.config.tdisp)) this.f.tsm_registered.set(st, 1)
    this.pages.boot(st)
  }

  /** Pages that boot makes shared: [pfn, n]. */
  bootShare(st: Store, pfn: number, n: number): void {
    if (this.platform.conversion === 'none') return
    this.machine.convert(st, pfn, n, true)
    if (this.platform.cpuAlias) this.machine.setPte(st, pfn, n, PTE.shr)
  }
  /** The same taken back: what boot could not convert after all. */
  bootUnshare(st: Store, pfn: number, n: number): void {
    this.machine.setHw(st, pfn, n, HW.priv)
    this.machine.setPte(st, pfn, n, PTE.priv)
  }
}

export type CpuAlias = 'shared' | 'private' | null

/** An access through a mapping of its own (vmap, user space) with a chosen alias. */
export function aliasAccess(m: Machine, st: Store, addr: number, alias: 'shared' | 'private', write = false): 'ok' | 'cipher' | 'abort' {
  if (!m.platform.cpuAlias) return 'ok'
  const hw = m.hw(st, Math.floor(addr / PAGE_SIZE))
  if (hw === HW.unas || hw === HW.shr_realm || hw === HW.poison) return 'abort'
  const shared = hw === HW.shr || hw === HW.shr_unmapped
  if (shared === (alias === 'shared')) return 'ok'
  return (alias === 'shared' ? m.sharedAliasOfPrivate(write) : m.platform.cpuPrivateAliasOfShared) === 'cipher' ? 'cipher' : 'abort'
}

/** Blocks for ever: what stands after a crash. */
export function halt(): never {
  step(HALT)
  throw new Error('a halted thread went on')
}
export const HALT = { kind: 'halt', key: 'halt', text: () => 'halted', outcomes: 1, results: null, silent: false, perform: () => -0x40000000 } as const

export { TAG }
