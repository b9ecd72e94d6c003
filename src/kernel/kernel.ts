// The guest kernel as one value: its fields in the shared vector, its devices, its pools, and the decisions of one
// revision. Kernel functions take a Device (or a Kernel) and touch state only through steps.
import { PAGE_SIZE } from '../base/index.ts'
import { action, aside, type Layout, peek, step, type Store } from '../step/index.ts'
import { HIGH_BANK, HW, type DeviceConfig, type Machine, type MachineConfig, PTE } from '../machine/index.ts'
import type { Revision } from './revisions/revision.ts'
import { accepts } from './revisions/index.ts'
import { tsmCores } from './tsm-cores.ts'
import { GuestPages } from './page-alloc.ts'
import { GuestSlab } from './slab.ts'
import { GuestAtomicPools } from './dma/pool.ts'
import { GuestDynamicPools } from './dma/swiotlb-dynamic.ts'
import { GuestSwiotlb, SLOT_SIZE } from './dma/swiotlb-mem.ts'
import { get_order } from './swiotlb/index.ts'
import { bootPool } from './swiotlb/param.ts'
import { parseVersion } from './swiotlb/version.ts'
import { conversionsMayFail, mem_cc_shared_granule_size } from './set-memory.ts'
import { formatMessage, type MessageArgs, type MessageId, messageTable } from './messages.ts'
import type { TraceKind, TraceValues } from './trace-events.ts'
import { type MemoryMap, sceneMemory } from './surroundings.ts'
import { bootTrust, trustLevels } from './trust.ts'
import {
  type AtomicPools,
  type CmaArea,
  type CpuAlias,
  DEV_BITS,
  type Device,
  type DmaCalls,
  type DynamicPools,
  type Kernel,
  type KernelEvent,
  type KernelFields,
  type KernelParts,
  type MemKind,
  type Observer,
  type PageAllocator,
  type Slab,
  type SwiotlbMem,
  type TsmOp
} from './types.ts'

const event = aside<[k: Kernel, e: KernelEvent]>(
  'note event',
  (st, k, e) => {
    k.observer.event(st, e)
  },
  (_k, e) => (e.kind === 'printk' ? `printk: ${e.text}` : e.kind)
)

const warned = aside<[k: Kernel, site: string, text: string]>(
  'WARN',
  (st, k, site, text) => {
    if (k.logging) k.observer.event(st, { kind: 'printk', level: 'warn', text: `WARNING: ${site}: ${text}` })
    st.finding({ property: 'warn', site, decision: text, summary: `${site} warns: ${text}` })
  },
  (_k, site, text) => `WARNING: ${site}: ${text}`
)

const crashed = aside<[k: Kernel, site: string, decision: string, summary: string]>(
  'crash',
  (st, k, site, decision, summary) => {
    if (k.logging) k.observer.event(st, { kind: 'printk', level: 'err', text: `Oops: ${site}: ${summary}` })
    st.finding({ property: 'crash', site, decision, summary, fatal: true })
  },
  (_k, site, _decision, summary) => `CRASH in ${site}: ${summary}`
)

/** Answers 1 where the CPU cannot reach what it clears. */
const memzero = action<[m: Machine, addr: number, len: number, alias: CpuAlias]>('memzero', {
  perform: (st, _outcome, m, addr, len, alias) => {
    const a = alias === null ? m.cpuAccess(st, addr, len, true) : aliasAccess(m, st, addr, alias, true)
    if (a === 'invalid' || a === 'abort') return 1
    m.content.fill(st, addr, len, 0)
    return 0
  },
  text: (_r, _o, _m, addr, len) => `zero ${len} bytes at 0x${addr.toString(16)}`,
  results: [0, 1]
})

function fieldsOf(layout: Layout, rev: Revision, devices: readonly DeviceConfig[]): KernelFields {
  const n = Math.max(1, devices.length)
  const owners = devices.map((d) => d.name)
  return {
    bits: layout.field('bits', { count: n, owners }),
    flag: layout.field('accepted', { count: n, max: 3, owners }),
    trust:
      rev.trust === 'absent'
        ? null
        : layout.field('trust', { count: n, max: 3, values: trustLevels[rev.trust], owners }),
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
}

/** Place of a device's restricted pool in `pool_unusable`; the default pool has 0, the what-if pool 1. */
export const poolOfDevice = (dev: number): number => 2 + dev

/** What the members mean stands in types.ts. */
class GuestDevice implements Device {
  masks: { dma: number; coherent: number } | null
  constructor(
    readonly k: Kernel,
    readonly index: number,
    readonly config: DeviceConfig,
    /** The pool that firmware gives it, or the default pool. */ readonly assigned: SwiotlbMem | null
  ) {
    this.masks = config.masks === undefined ? null : { ...config.masks }
  }
  get io_tlb_mem(): SwiotlbMem | null {
    const { k, assigned } = this
    return assigned?.kind.restricted === true &&
      k.restrictedMayFail &&
      peek(k.f.pool_unusable, poolOfDevice(this.index)) === 1
      ? k.default_mem
      : assigned
  }
  get name(): string {
    return this.config.name
  }
  get cma_area(): CmaArea | null {
    return this.k.cma_own[this.index] ?? null
  }
  get coherent(): boolean {
    return !this.config.noncoherent || !this.k.platform.noncoherentDevices
  }
}

export class GuestKernel implements Kernel {
  readonly f: KernelFields
  readonly pages: PageAllocator
  readonly slab: Slab
  readonly devices: Device[]
  readonly default_mem: SwiotlbMem | null
  readonly private_mem: SwiotlbMem | null
  readonly mems: SwiotlbMem[] = []
  readonly dynamic: DynamicPools | null
  readonly atomic: AtomicPools
  readonly cmdlineForce: boolean
  readonly memory: MemoryMap
  readonly calls: DmaCalls | null
  readonly cma_default: CmaArea | null
  readonly cma_own: ReadonlyArray<CmaArea | null>
  observer: Observer = { event: () => {} }
  logging = false
  explaining = false
  recording = false
  call: { denied(): void } | null = null

  // Long: each reservation of boot begins where the one before it ended.
  constructor(
    readonly layout: Layout,
    readonly machine: Machine,
    readonly rev: Revision,
    deviceConfigs: readonly DeviceConfig[],
    readonly parts: KernelParts = {}
  ) {
    const config = machine.config
    this.f = fieldsOf(layout, rev, deviceConfigs)
    const { slots, areas, force } = bootPool(
      config.cmdline,
      () => parseVersion(rev.base),
      config.swiotlb_slots,
      config.swiotlb_areas
    )
    this.cmdlineForce = force
    this.memory = parts.memory ?? sceneMemory(config, machine.platform.architecture)

    // Reserved at boot from the top of the low bank downwards.
    let top = config.ram
    const reserve = (bytes: number, unit = mem_cc_shared_granule_size(this)): number => {
      top = Math.floor((top - Math.ceil(bytes / unit) * unit) / unit) * unit
      return top
    }
    const mem = (name: string, start: number, nslabs: number, nareas: number, kind: MemKind, index: number) => {
      const m = new GuestSwiotlb(layout, this, name, start, nslabs, nareas, kind, index)
      this.mems.push(m)
      return m
    }
    const plain = { restricted: false, private: false }
    this.default_mem = parts.pool
      ? mem('swiotlb', parts.pool.start, parts.pool.nslabs, parts.pool.nareas, plain, 0)
      : slots > 0
        ? mem('swiotlb', reserve(slots * SLOT_SIZE), slots, areas, plain, 0)
        : null
    const { private_pool } = config
    this.private_mem =
      private_pool > 0
        ? mem('private_pool', reserve(private_pool * SLOT_SIZE), private_pool, 1, { ...plain, private: true }, 1)
        : null
    const regions = new Map<number, SwiotlbMem>()
    const restricted = (d: DeviceConfig, i: number): SwiotlbMem => {
      const shared = regions.get(d.region)
      if (d.region > 0 && shared !== undefined) return shared
      const given = parts.restricted?.[d.region - 1]
      const nslabs = given?.nslabs ?? d.restricted_pool
      const start = given?.start ?? reserve(nslabs * SLOT_SIZE, this.page)
      const m = mem(`${d.name}.pool`, start, nslabs, 1, { ...plain, restricted: true }, poolOfDevice(i))
      regions.set(d.region, m)
      return m
    }
    const cma = (bytes: number): CmaArea | null =>
      bytes === 0
        ? null
        : {
            pfn: reserve(bytes, Math.max(config.host_granule, this.page)) / PAGE_SIZE,
            n: this.pageAlign(bytes) / PAGE_SIZE
          }
    this.cma_default = cma(config.cma)
    this.cma_own = deviceConfigs.map((d) => cma(d.cma))
    this.devices = deviceConfigs.map(
      (d, i) => new GuestDevice(this, i, d, d.restricted_pool > 0 ? restricted(d, i) : this.default_mem)
    )
    let highTop = HIGH_BANK + config.ram
    const reserveHigh = (bytes: number): number => {
      highTop = Math.floor((highTop - bytes) / bytes) * bytes
      return highTop
    }
    this.atomic = new GuestAtomicPools(layout, this, {
      low: (bytes) => reserve(bytes, Math.max(bytes, mem_cc_shared_granule_size(this))),
      high: reserveHigh
    })
    this.pages = new GuestPages(
      layout,
      this,
      top,
      [this.cma_default, ...this.cma_own].filter((a) => a !== null),
      highTop
    )
    this.slab = new GuestSlab(layout, this)
    this.dynamic =
      config.swiotlb_dynamic && this.default_mem !== null && (!parts.inPlace || parts.host !== undefined)
        ? new GuestDynamicPools(layout, this, this.default_mem)
        : null
    this.calls = parts.calls?.(this, layout) ?? null
  }

  get platform() {
    return this.machine.platform
  }
  get config(): MachineConfig {
    return this.machine.config
  }
  device(i: number): Device {
    return this.devices[i] as Device
  }

  get restrictedMayFail(): boolean {
    const { rev, parts, config } = this
    return (
      rev.decryptFailure === 'unusable' &&
      (conversionsMayFail(this) ||
        parts.host !== undefined ||
        rev.sharedGranule === 'whole' ||
        config.misaligned_share === 'refuse' ||
        config.tdx_page_release === 'enforced')
    )
  }

  get accepts(): boolean {
    return accepts(this.rev, this.platform)
  }

  emit(e: KernelEvent): void {
    event(this, e)
  }

  printk(level: 'info' | 'warn' | 'err', text: string, id?: MessageId): void {
    if (this.logging) this.emit({ kind: 'printk', level, text, ...(id === undefined ? {} : { id }) })
  }

  message(id: MessageId, args: MessageArgs = {}): void {
    if (!this.logging) return
    const { level } = messageTable[id]
    this.printk(level === 'info' || level === 'err' ? level : 'warn', formatMessage(id, args), id)
  }

  record(op: 'ap' | 'fp' | 'dec' | 'enc' | 'sd' | 'sc', phys: number, n: number): void {
    if (this.recording) this.emit({ kind: 'op', op, phys, n })
  }

  get page(): number {
    return this.config.guest_page
  }
  pageAlign(bytes: number): number {
    return Math.ceil(bytes / this.page) * this.page
  }
  get pageOrder(): number {
    return get_order(this.page)
  }
  order(bytes: number): number {
    return Math.max(this.pageOrder, get_order(bytes))
  }

  get dmaDirectRemap(): boolean {
    return this.parts.dmaDirectRemap ?? this.config.remap ?? this.platform.noncoherentDevices
  }

  decide(fn: string, text: string): void {
    if (this.explaining) this.emit({ kind: 'decision', fn, text })
  }

  trace(event: TraceKind, values: TraceValues, cpu: number): void {
    if (this.logging) this.emit({ kind: 'trace', event, values, cpu })
  }

  warn(site: string, text: string): void {
    warned(this, site, text)
  }

  crash(site: string, decision: string, summary: string): never {
    crashed(this, site, decision, summary)
    halt()
  }

  // --- CPU access through the linear map (or another mapping whose alias is given) ---

  memzero(site: string, addr: number, len: number, alias: CpuAlias = null): void {
    if (this.parts.host !== undefined) {
      this.parts.host.zero(addr, len)
      return
    }
    if (memzero(this.machine, addr, len, alias) === 1)
      this.crash(
        site,
        'cpu access aborted',
        `${site} clears memory through a mapping that is invalid or of the wrong alias`
      )
  }

  tsmDone(st: Store, op: TsmOp, dev: Device, rc: number): void {
    this.observer.event(st, { kind: 'tsm_done', op, dev: dev.index, rc })
  }

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
        if (d.coherent && this.parts.needSync !== false) bits |= DEV_BITS.dma_skip_sync
      }
      this.f.bits.set(st, bits, d.index)
      if (d.config.tdisp) m.session.set(st, 1, m.dsmOf(d.index))
    }
    if (this.accepts && this.devices.some((d) => d.config.tdisp)) this.f.tsm_registered.set(st, 1)
    this.pages.boot(st)
  }

  bootShare(st: Store, pfn: number, n: number): void {
    if (this.platform.conversion === 'none') return
    this.machine.convert(st, pfn, n, true)
    if (this.platform.cpuAlias) this.machine.setPte(st, pfn, n, PTE.shr)
  }
  bootUnshare(st: Store, pfn: number, n: number): void {
    this.machine.setHw(st, pfn, n, HW.priv)
    this.machine.setPte(st, pfn, n, PTE.priv)
  }
}

/** An access through a mapping of its own (vmap, user space) with a chosen alias. */
export function aliasAccess(
  m: Machine,
  st: Store,
  addr: number,
  alias: 'shared' | 'private',
  write = false
): 'ok' | 'cipher' | 'abort' {
  if (!m.platform.cpuAlias) return 'ok'
  const hw = m.hw(st, Math.floor(addr / PAGE_SIZE))
  if (hw === HW.unas || hw === HW.shr_realm || hw === HW.poison) return 'abort'
  const shared = hw === HW.shr || hw === HW.shr_unmapped
  if (shared === (alias === 'shared')) return 'ok'
  return (alias === 'shared' ? m.sharedAliasOfPrivate(write) : m.platform.cpuPrivateAliasOfShared) === 'cipher'
    ? 'cipher'
    : 'abort'
}

/** Blocks for ever: what stands after a crash. */
export function halt(): never {
  step(HALT)
  throw new Error('a halted thread went on')
}
export const HALT = {
  kind: 'halt',
  key: 'halt',
  text: () => 'halted',
  outcomes: 1,
  results: null,
  silent: false,
  perform: () => -0x40000000
} as const
