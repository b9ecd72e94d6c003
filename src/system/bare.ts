// A system of which only addresses, slots, counters and events are looked at: the product's own DMA functions on a pool
// in place, with an allocator and devices that somebody else fixes. Recordings and the kernel's own C are held against
// it.
import { GiB, PAGE_ALIGN, type DmaAddr, type Phys } from '../base/index.ts'
import { OneStore, runOn, type Finding } from '../step/index.ts'
import { defaultConfig, defaultDevice, type DeviceConfig, type Platform, platformByName } from '../machine/index.ts'
import {
  type Decisions,
  dma_direct_alloc,
  dma_direct_alloc_pages,
  dma_direct_free,
  dma_direct_free_pages,
  dma_direct_map_phys,
  dma_direct_max_mapping_size,
  dma_direct_sync_single_for_cpu,
  dma_direct_sync_single_for_device,
  dma_direct_unmap_phys,
  dma_map_resource,
  dma_map_sg,
  dma_set_mask,
  dma_sync_single,
  DEV_BITS,
  type Device,
  type DmaBuffer,
  DMA_MAPPING_ERROR,
  type KernelEvent,
  type KernelParts,
  memoryEncryptReported,
  messageTable,
  revisionByName,
  set_accepted,
  type Surroundings,
  swiotlb_map,
  swiotlb_sync_single,
  swiotlb_tbl_map_single,
  swiotlb_tbl_unmap_single,
  phys_to_virt
} from '../kernel/index.ts'
import { System } from './system.ts'
import type { IoTlbPool } from '../kernel/swiotlb/index.ts'

export type BareEvent = readonly ['ap' | 'fp' | 'dec' | 'enc' | 'sd' | 'sc', number, number]

export interface BareOptions {
  readonly kernel: string
  readonly platform: string
  readonly pool: { readonly start: number; readonly nslabs: number; readonly nareas: number }
  readonly devices: ReadonlyArray<Partial<DeviceConfig>>
  readonly force: boolean
  readonly ipa_bits?: number
  readonly allocator?: KernelParts['allocator']
  readonly dmaDirectRemap?: boolean
  readonly bounceUnalignedKmalloc?: boolean
  /** Instead of the revision's own decision. */
  readonly forceBounce?: 'guest' | 'unless_accepted' | 'unaccepted' | 'cmdline'
  /** What else the recording's kernel and machine have of their own, instead of the revision's and the platform's. */
  readonly decisions?: Partial<Decisions>
  readonly machine?: Partial<Platform>
  readonly swiotlb_dynamic?: boolean
  readonly cache_line?: number
  /**
   * Who answers around the kernel; then boot is the kernel's own, with atomic and restricted pools, and no state is
   * remembered.
   */
  readonly surroundings?: Pick<KernelParts, 'memory' | 'restricted' | 'atomic_pool_size'> & {
    readonly host: Surroundings
  }
  /** A message of the kernel: its text, and whether it is said only once. */
  readonly said?: (text: string, once: boolean) => void
}

class BareStore extends OneStore {
  constructor(
    words: number,
    private readonly seen: { push(f: Finding): unknown }
  ) {
    super(words)
  }
  override finding(f: Finding): void {
    this.seen.push(f)
  }
}

/** The functions under test, by their kernel names; each call runs at once. */
export class BareKernel {
  readonly system: System
  readonly pool: IoTlbPool
  /** What the last calls did, in call order; the caller empties it. */
  events: BareEvent[] = []
  /** Bytes copied by bouncing since the caller set it to 0. */
  bounced = 0
  readonly findings: Finding[] = []
  protected readonly st: BareStore

  constructor(o: BareOptions) {
    const named = platformByName(o.platform)
    const base = revisionByName(o.kernel)
    if (named === undefined || base === undefined) throw new RangeError(`unknown pair ${o.kernel} ${o.platform}`)
    const platform = { ...named, ...o.machine }
    const revision = { ...base, ...o.decisions, ...(o.forceBounce === undefined ? {} : { forceBounce: o.forceBounce }) }
    this.system = new System({
      platform,
      revision,
      content: 'none',
      config: {
        ...defaultConfig,
        ram: 4 * GiB,
        ipa_bits: o.ipa_bits ?? defaultConfig.ipa_bits,
        cmdline: o.force ? 'swiotlb=force' : '',
        swiotlb_slots: 0,
        flag_storage: 'own_byte',
        swiotlb_dynamic: o.swiotlb_dynamic ?? false,
        cache_line: o.cache_line ?? defaultConfig.cache_line,
        memory_encrypt_reported: o.surroundings === undefined || memoryEncryptReported(revision, platform)
      },
      devices: o.devices.map((d, i) => ({ ...defaultDevice, name: `dev${i}`, tdisp: platform.tdisp, ...d })),
      parts: {
        pool: o.pool,
        inPlace: true,
        ...o.surroundings,
        ...(o.allocator ? { allocator: o.allocator } : {}),
        ...(o.dmaDirectRemap === undefined ? {} : { dmaDirectRemap: o.dmaDirectRemap }),
        ...(o.bounceUnalignedKmalloc === undefined ? {} : { bounceUnalignedKmalloc: o.bounceUnalignedKmalloc })
      }
    })
    const { said } = o
    // A WARN is a finding, what is printed an event; of a recording only what was said is kept.
    const warned =
      said === undefined
        ? this.findings
        : {
            push: (f: Finding) => {
              if (f.property === 'warn' && f.site !== 'dma_alloc_from_pool') said(f.decision, true)
              if (f.fatal) this.findings.push(f)
            }
          }
    this.st = new BareStore(this.system.layout.totalWords, warned)
    const k = this.system.kernel
    if (said !== undefined) {
      k.logging = true
      k.observer = {
        event: (_st, e: KernelEvent) => {
          if (e.kind === 'bounce') this.bounced += e.bytes
          else if (e.kind === 'printk' && e.id !== undefined) said(e.text, messageTable[e.id].rate === 'once')
        }
      }
    }
    this.system.reset(this.st)
    runOn(this.st, () => this.system.boot())
    if (said === undefined) {
      k.recording = true
      k.observer = {
        event: (_st, e: KernelEvent) => {
          if (e.kind === 'op') this.events.push([e.op, e.phys, e.n])
          else if (e.kind === 'bounce') this.bounced += e.bytes
        }
      }
    }
    this.pool = (k.default_mem as NonNullable<typeof k.default_mem>).pool
  }

  protected dev(i: number): Device {
    return this.system.kernel.device(i)
  }
  protected run<T>(fn: () => T): T {
    return runOn(this.st, fn)
  }

  /** The accepted flag, set from outside of any TSM: for tests that flip it. */
  set_accepted(dev: number, on: boolean): void {
    this.run(() => {
      set_accepted(this.dev(dev), on, 'test')
    })
  }

  swiotlb_tbl_map_single(dev: number, cpu: number, phys: Phys, size: number, alloc_align_mask: number): number {
    return this.run(
      () => swiotlb_tbl_map_single(this.dev(dev), cpu, phys, size, 0, alloc_align_mask)?.tlb ?? DMA_MAPPING_ERROR
    )
  }
  swiotlb_map(dev: number, cpu: number, phys: Phys, size: number, dir: number, attrs: number): DmaAddr {
    return this.run(() => swiotlb_map(this.dev(dev), cpu, phys, size, dir, attrs))
  }
  private get mem() {
    return this.system.kernel.default_mem as NonNullable<typeof this.system.kernel.default_mem>
  }
  /** Slots given back. */
  swiotlb_tbl_unmap_single(dev: number, tlb: Phys, size: number, dir: number, attrs: number): number {
    const before = this.pool.total_used
    this.run(() => {
      swiotlb_tbl_unmap_single(this.dev(dev), this.mem, tlb, size, dir, attrs)
    })
    return before - this.pool.total_used
  }
  swiotlb_sync_single(dev: number, tlb: Phys, size: number, dir: number, forCpu: boolean): void {
    this.run(() => {
      swiotlb_sync_single(this.dev(dev), this.mem, tlb, size, dir, forCpu)
    })
  }

  dma_direct_map_phys(dev: number, cpu: number, phys: Phys, size: number, dir: number, attrs: number): DmaAddr {
    return this.run(() => dma_direct_map_phys(this.dev(dev), cpu, phys, size, dir, attrs))
  }
  dma_direct_unmap_phys(dev: number, addr: DmaAddr, size: number, dir: number, attrs: number): void {
    this.run(() => {
      dma_direct_unmap_phys(this.dev(dev), addr, size, dir, attrs)
    })
  }
  dma_direct_sync_single(dev: number, addr: DmaAddr, size: number, dir: number, forCpu: boolean): void {
    this.run(() => {
      const sync = forCpu ? dma_direct_sync_single_for_cpu : dma_direct_sync_single_for_device
      sync(this.dev(dev), addr, size, dir)
    })
  }
  dma_direct_alloc(dev: number, cpu: number, size: number, gfpBlocks = true, attrs = 0): DmaBuffer | null {
    return this.run(() => dma_direct_alloc(this.dev(dev), cpu, size, gfpBlocks, attrs))
  }
  dma_direct_free(dev: number, b: DmaBuffer, attrs = 0): void {
    this.run(() => {
      dma_direct_free(this.dev(dev), b, attrs)
    })
  }
  dma_direct_alloc_pages(dev: number, cpu: number, size: number, gfpBlocks = true): DmaBuffer | null {
    return this.run(() => dma_direct_alloc_pages(this.dev(dev), cpu, size, gfpBlocks))
  }
  dma_direct_free_pages(dev: number, b: DmaBuffer): void {
    this.run(() => {
      dma_direct_free_pages(this.dev(dev), b)
    })
  }
  dma_direct_max_mapping_size(dev: number): number {
    return this.run(() => dma_direct_max_mapping_size(this.dev(dev)))
  }

  // kernel/dma/mapping.c, where it adds something to the functions above.
  dma_sync_single(dev: number, addr: DmaAddr, size: number, dir: number, forCpu: boolean): void {
    this.run(() => {
      dma_sync_single(this.dev(dev), addr, size, dir, forCpu)
    })
  }
  dma_map_sg(
    dev: number,
    cpu: number,
    sg: ReadonlyArray<{ readonly phys: Phys; readonly size: number }>,
    dir: number,
    attrs: number
  ): number[] | number {
    return this.run(() => dma_map_sg(this.dev(dev), cpu, sg, dir, attrs))
  }
  dma_map_resource(dev: number, cpu: number, phys: Phys, size: number, dir: number, attrs: number): DmaAddr {
    return this.run(() => dma_map_resource(this.dev(dev), cpu, phys, size, dir, attrs))
  }
  dma_set_mask(dev: number, bits: number): number {
    return this.run(() => dma_set_mask(this.dev(dev), bits))
  }
  dma_skip_sync(dev: number): boolean {
    return (this.system.kernel.f.bits.get(this.st, dev) & DEV_BITS.dma_skip_sync) !== 0
  }
  /** io_tlb_default_mem.force_bounce, as the command line sets it at boot: for tests that flip it. */
  set_force_bounce(on: boolean): void {
    ;(this.system.kernel as { cmdlineForce: boolean }).cmdlineForce = on
  }

  /** A buffer as dma_direct_free() wants it, from what a recording keeps of it. */
  buffer(phys: Phys, handle: DmaAddr, size: number): DmaBuffer {
    return {
      cpu: phys_to_virt(phys),
      handle,
      phys,
      size: PAGE_ALIGN(size),
      alias: null,
      from: 'buddy',
      vmap: false,
      cookie: false
    }
  }
}
