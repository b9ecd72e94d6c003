// dma_direct_map_page() and its siblings as the recordings need them, in kernel order (kernel/dma/direct.c 6.12.117,
// its realm variant with the addressing of 6.15), over a page allocator and events as the recorder had them: an
// independent second implementation, kept apart from the product's own so that the two can be held against each other.
import {
  type BounceRange,
  type IoTlbPool,
  type SlotParams,
  bounceRange,
  get_order,
  pool_contains,
  slotParams,
  swiotlb_bounce_range,
  swiotlb_release_slots,
  swiotlb_tbl_map_single
} from '../kernel/swiotlb/index.ts'

/** A device of a recording; numbers in bytes, masks as bigint because most are all ones. */
export interface RecordedDevice {
  readonly id: number
  readonly min_align_mask: number
  readonly boundary_mask: number
  readonly dma_mask: bigint
  readonly coherent_dma_mask: bigint
  readonly bus_dma_limit: bigint
  readonly dma_coherent: boolean
  readonly range: { readonly cpu_start: number; readonly dma_start: number; readonly size: number } | null
}

/** What a recording fixes for all its operations. */
export interface RecordedMachine {
  readonly pool: IoTlbPool
  readonly buf_phys: number
  readonly force_bounce: boolean
  /** Arm realm: force_dma_unencrypted() holds and shared handles carry this bit (as a number); 0 otherwise. */
  readonly shared_bit: number
}

export type Event = readonly ['ap' | 'fp' | 'dec' | 'enc' | 'sd' | 'sc', number, number]

export const DMA_MAPPING_ERROR = -1
const DMA_TO_DEVICE = 1
const DMA_FROM_DEVICE = 2
export const DMA_ATTR_SKIP_CPU_SYNC = 0x20
const PAGE_SIZE = 4096
const MASK64 = 0xffffffffffffffffn
// zone_dma_limit as direct.c initialises it; no architecture code of the recorder moved it.
const ZONE_DMA_LIMIT = 0xffffffn
const GFP_DMA = 1
const GFP_DMA32 = 2

/** The recorder's page allocator: two zones, first fit, blocks aligned to their order. */
export class RecordedPages {
  private readonly zones: ReadonlyArray<{ readonly start: number; readonly used: Uint8Array }>

  constructor(pool_start: number, buf_phys: number) {
    this.zones = [
      { start: pool_start + (72 << 20), used: new Uint8Array(512) },
      { start: buf_phys + (12 << 20), used: new Uint8Array(1024) }
    ]
  }

  /** First page address of 2^order pages, -1 when no zone has them. */
  alloc(order: number, low: boolean): number {
    const n = 2 ** order
    for (const z of low ? [0] : [1, 0]) {
      const zone = this.zones[z] as (typeof this.zones)[number]
      // Aligned by address, not by position in the zone.
      const skew = (n - ((zone.start / PAGE_SIZE) % n)) % n
      for (let i = skew; i + n <= zone.used.length; i += n) {
        if (zone.used.subarray(i, i + n).some((u) => u !== 0)) continue
        zone.used.fill(1, i, i + n)
        return zone.start + i * PAGE_SIZE
      }
    }
    return -1
  }

  free(phys: number, order: number): void {
    for (const zone of this.zones) {
      const i = (phys - zone.start) / PAGE_SIZE
      if (i >= 0 && i < zone.used.length) zone.used.fill(0, i, i + 2 ** order)
    }
  }
}

const min_not_zero = (a: bigint, b: bigint): bigint => (a === 0n ? b : b === 0n ? a : a < b ? a : b)

/** The functions of one machine; `events` and `bounced` collect what the operation under way did. */
export class RecordedDirect {
  events: Event[] = []
  bounced = 0
  private readonly m: RecordedMachine
  private readonly pages: RecordedPages
  private readonly range: BounceRange = bounceRange()
  private readonly params = new Map<number, SlotParams>()

  constructor(m: RecordedMachine) {
    this.m = m
    this.pages = new RecordedPages(m.pool.start, m.buf_phys)
  }

  slotParams(dev: RecordedDevice): SlotParams {
    let p = this.params.get(dev.id)
    if (!p) {
      p = slotParams(dev.min_align_mask, dev.boundary_mask, this.phys_to_dma_unencrypted(dev, this.m.pool.start))
      this.params.set(dev.id, p)
    }
    return p
  }

  private translate(dev: RecordedDevice, phys: number): number {
    const r = dev.range
    if (!r) return phys
    return phys >= r.cpu_start && phys - r.cpu_start < r.size ? phys - r.cpu_start + r.dma_start : DMA_MAPPING_ERROR
  }

  /** Private form: no platform of the recordings has an encryption bit in it. */
  private phys_to_dma(dev: RecordedDevice, phys: number): number {
    return this.translate(dev, phys)
  }

  private phys_to_dma_unencrypted(dev: RecordedDevice, phys: number): number {
    const d = this.translate(dev, phys)
    return d === DMA_MAPPING_ERROR || Math.floor(d / (this.m.shared_bit || Number.POSITIVE_INFINITY)) % 2 === 1
      ? d
      : d + this.m.shared_bit
  }

  private phys_to_dma_direct(dev: RecordedDevice, phys: number): number {
    return this.force_dma_unencrypted() ? this.phys_to_dma_unencrypted(dev, phys) : this.phys_to_dma(dev, phys)
  }

  private dma_to_phys(dev: RecordedDevice, addr: number): number {
    const bit = this.m.shared_bit
    const a = bit !== 0 && Math.floor(addr / bit) % 2 === 1 ? addr - bit : addr
    const r = dev.range
    if (!r) return a
    return a >= r.dma_start && a - r.dma_start < r.size ? a - r.dma_start + r.cpu_start : -1
  }

  private force_dma_unencrypted(): boolean {
    return this.m.shared_bit !== 0
  }

  private dma_capable(dev: RecordedDevice, addr: number, size: number): boolean {
    if (addr === DMA_MAPPING_ERROR) return false
    return BigInt(addr + size - 1) <= min_not_zero(dev.dma_mask, dev.bus_dma_limit)
  }

  private dma_coherent_ok(dev: RecordedDevice, phys: number, size: number): boolean {
    const addr = this.phys_to_dma_direct(dev, phys)
    if (addr === DMA_MAPPING_ERROR) return false
    return BigInt(addr + size - 1) <= min_not_zero(dev.coherent_dma_mask, dev.bus_dma_limit)
  }

  private bounce(dev: RecordedDevice, tlb_addr: number, size: number): void {
    if (swiotlb_bounce_range(this.m.pool, dev.min_align_mask, tlb_addr, size, this.range))
      this.bounced += this.range.size
  }

  swiotlb_tbl_map_single(dev: RecordedDevice, cpu: number, orig: number, size: number, align: number): number {
    const tlb = swiotlb_tbl_map_single(this.m.pool, cpu, this.slotParams(dev), orig, size, align)
    if (tlb < 0) return DMA_MAPPING_ERROR
    // In every direction: what the device does not write must survive.
    this.bounce(dev, tlb, size)
    return tlb
  }

  /** Slots given back; not above 0 when the address belongs to no mapping. */
  swiotlb_tbl_unmap_single(dev: RecordedDevice, tlb: number, size: number, dir: number, attrs: number): number {
    if ((attrs & DMA_ATTR_SKIP_CPU_SYNC) === 0) this.swiotlb_sync_single(dev, tlb, size, dir, true)
    return swiotlb_release_slots(this.m.pool, dev.min_align_mask, tlb)
  }

  swiotlb_sync_single(dev: RecordedDevice, tlb: number, size: number, dir: number, for_cpu: boolean): void {
    if (dir !== (for_cpu ? DMA_TO_DEVICE : DMA_FROM_DEVICE)) this.bounce(dev, tlb, size)
  }

  swiotlb_map(dev: RecordedDevice, cpu: number, phys: number, size: number, attrs: number): number {
    const tlb = this.swiotlb_tbl_map_single(dev, cpu, phys, size, 0)
    if (tlb === DMA_MAPPING_ERROR) return DMA_MAPPING_ERROR
    const dma_addr = this.phys_to_dma_unencrypted(dev, tlb)
    if (!this.dma_capable(dev, dma_addr, size)) {
      swiotlb_release_slots(this.m.pool, dev.min_align_mask, tlb)
      return DMA_MAPPING_ERROR
    }
    if (!dev.dma_coherent && (attrs & DMA_ATTR_SKIP_CPU_SYNC) === 0) this.events.push(['sd', tlb, size])
    return dma_addr
  }

  dma_direct_map_page(dev: RecordedDevice, cpu: number, phys: number, size: number, attrs: number): number {
    const dma_addr = this.phys_to_dma(dev, phys)
    if (this.m.force_bounce) return this.swiotlb_map(dev, cpu, phys, size, attrs)
    if (!this.dma_capable(dev, dma_addr, size)) return this.swiotlb_map(dev, cpu, phys, size, attrs)
    if (!dev.dma_coherent && (attrs & DMA_ATTR_SKIP_CPU_SYNC) === 0) this.events.push(['sd', phys, size])
    return dma_addr
  }

  dma_direct_unmap_page(dev: RecordedDevice, addr: number, size: number, dir: number, attrs: number): void {
    const phys = this.dma_to_phys(dev, addr)
    if ((attrs & DMA_ATTR_SKIP_CPU_SYNC) === 0) this.dma_direct_sync_single_for_cpu(dev, addr, size, dir)
    if (pool_contains(this.m.pool, phys))
      this.swiotlb_tbl_unmap_single(dev, phys, size, dir, attrs | DMA_ATTR_SKIP_CPU_SYNC)
  }

  dma_direct_sync_single_for_device(dev: RecordedDevice, addr: number, size: number, dir: number): void {
    const phys = this.dma_to_phys(dev, addr)
    if (pool_contains(this.m.pool, phys)) this.swiotlb_sync_single(dev, phys, size, dir, false)
    if (!dev.dma_coherent) this.events.push(['sd', phys, size])
  }

  dma_direct_sync_single_for_cpu(dev: RecordedDevice, addr: number, size: number, dir: number): void {
    const phys = this.dma_to_phys(dev, addr)
    if (!dev.dma_coherent) this.events.push(['sc', phys, size])
    if (pool_contains(this.m.pool, phys)) this.swiotlb_sync_single(dev, phys, size, dir, true)
  }

  /** dma_direct_alloc(GFP_KERNEL): [physical address or 0, handle or DMA_MAPPING_ERROR]. */
  dma_direct_alloc(dev: RecordedDevice, asked: number): [number, number] {
    const size = Math.ceil(asked / PAGE_SIZE) * PAGE_SIZE
    if (!dev.dma_coherent) return [0, DMA_MAPPING_ERROR]
    const phys = this.alloc_pages(dev, size)
    if (phys < 0) return [0, DMA_MAPPING_ERROR]
    if (this.force_dma_unencrypted()) this.events.push(['dec', phys, size / PAGE_SIZE])
    return [phys, this.phys_to_dma_direct(dev, phys)]
  }

  private alloc_pages(dev: RecordedDevice, size: number): number {
    const order = get_order(size)
    // dma_direct_optimal_gfp_mask(); a limit that the range map does not know translates to all ones.
    const limit = min_not_zero(dev.coherent_dma_mask, dev.bus_dma_limit)
    const bit = BigInt(this.m.shared_bit)
    const plain = limit & ~bit & MASK64
    const r = dev.range
    const phys_limit = !r
      ? plain
      : plain >= BigInt(r.dma_start) && plain - BigInt(r.dma_start) < BigInt(r.size)
        ? plain - BigInt(r.dma_start) + BigInt(r.cpu_start)
        : MASK64
    let gfp = phys_limit <= ZONE_DMA_LIMIT ? GFP_DMA : phys_limit <= 0xffffffffn ? GFP_DMA32 : 0
    for (;;) {
      const phys = this.pages.alloc(order, (gfp & (GFP_DMA | GFP_DMA32)) !== 0)
      if (phys < 0) return -1
      this.events.push(['ap', phys, 2 ** order])
      if (this.dma_coherent_ok(dev, phys, size)) return phys
      this.pages.free(phys, order)
      this.events.push(['fp', phys, 2 ** order])
      if (phys_limit < MASK64 && (gfp & (GFP_DMA32 | GFP_DMA)) === 0) gfp |= GFP_DMA32
      else if ((gfp & GFP_DMA) === 0) gfp = (gfp & ~GFP_DMA32) | GFP_DMA
      else return -1
    }
  }

  dma_direct_free(dev: RecordedDevice, size: number, phys: number, handle: number): void {
    if (!dev.dma_coherent) return
    if (this.force_dma_unencrypted()) this.events.push(['enc', phys, Math.ceil(size / PAGE_SIZE)])
    const order = get_order(size)
    const page = this.dma_to_phys(dev, handle)
    this.pages.free(page, order)
    this.events.push(['fp', page, 2 ** order])
  }
}
