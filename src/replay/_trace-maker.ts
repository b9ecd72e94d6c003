// Makes traces for tests: a little kernel with one CPU at a time that maps, unmaps, fails and rolls back on a real pool, and logs what the
// kernel would log. What it did is the truth that a replay is held to.
import { formatTraceLine, MAPPING_ERROR, type TraceEventSpec, traceEventFor, Trace, type TraceValues } from '../kernel/trace-events.ts'
import { IoTlbPool, slotParams, swiotlb_release_slots, swiotlb_tbl_map_single } from '../kernel/swiotlb/pool.ts'

export interface MakerOptions {
  readonly nslabs: number
  readonly nareas: number
  readonly start: number
  readonly kernel: string
  /** Added to every bounce address (a realm's shared bit), and to every bus address in swiotlb_bounced (an encryption bit). */
  readonly poolAlias: number
  readonly busBit: number
  readonly force: boolean
}

export const PLAIN: MakerOptions = { nslabs: 4096, nareas: 2, start: 0x7b9f3000, kernel: '6.12', poolAlias: 0, busBit: 0, force: true }

export interface Mapping {
  readonly dev: string
  readonly dir: number
  readonly sg: boolean
  readonly phys: readonly number[]
  readonly size: readonly number[]
  readonly dma: readonly number[]
  readonly mask: number
}

export class TraceMaker {
  readonly lines: string[] = []
  readonly pool: IoTlbPool
  readonly live: Mapping[] = []
  time = 1e9
  bounces = 0
  failedMaps = 0
  failedSg = 0
  private readonly o: MakerOptions

  constructor(o: Partial<MakerOptions> = {}) {
    this.o = { ...PLAIN, ...o }
    this.pool = new IoTlbPool(this.o.start, this.o.nslabs, this.o.nareas)
  }

  private spec(kind: (typeof Trace)[keyof typeof Trace]): TraceEventSpec {
    const s = traceEventFor(this.o.kernel, kind)
    if (!s) throw new Error(`no event of kind ${kind} in ${this.o.kernel}`)
    return s
  }

  log(kind: (typeof Trace)[keyof typeof Trace], values: TraceValues, cpu: number, pid = 100 + cpu, flags = '.....'): void {
    this.time += 3000
    this.lines.push(formatTraceLine(this.spec(kind), values, { task: 'load', pid, cpu, flags, time: this.time }, this.o.kernel))
  }

  // swiotlb_map(): the event, then the search. The bounce's bus address, or -1.
  private bounce(dev: string, cpu: number, phys: number, size: number, mask: number, pid?: number, flags?: string): number {
    this.bounces++
    this.log(Trace.bounced, { dev_name: dev, dma_mask: MAPPING_ERROR, dev_addr: phys + this.o.busBit, size, force: this.o.force }, cpu, pid, flags)
    const tlb = swiotlb_tbl_map_single(this.pool, cpu, slotParams(mask, 0, this.o.start), phys, size, 0)
    return tlb < 0 ? -1 : tlb + this.o.poolAlias
  }

  /** dma_map_page() of a device that bounces. Null when it failed. */
  map(dev: string, cpu: number, phys: number, size: number, dir: number, mask = 0, pid?: number, flags?: string): Mapping | null {
    const dma = this.bounce(dev, cpu, phys, size, mask, pid, flags)
    this.log(Trace.map, { device: dev, dir, dma_addr: dma < 0 ? MAPPING_ERROR : dma, size, phys_addr: phys, attrs: 0 }, cpu, pid, flags)
    if (dma < 0) {
      this.failedMaps++
      return null
    }
    const m: Mapping = { dev, dir, sg: false, phys: [phys], size: [size], dma: [dma], mask }
    this.live.push(m)
    return m
  }

  /** dma_map_page() of a device that does not bounce. */
  direct(dev: string, cpu: number, phys: number, size: number, dir: number): Mapping {
    const m: Mapping = { dev, dir, sg: false, phys: [phys], size: [size], dma: [phys + this.o.busBit], mask: 0 }
    this.log(Trace.map, { device: dev, dir, dma_addr: phys + this.o.busBit, size, phys_addr: phys, attrs: 0 }, cpu)
    this.live.push(m)
    return m
  }

  /** dma_map_sg(); a failed call leaves only its bounces. */
  mapSg(dev: string, cpu: number, phys: readonly number[], size: readonly number[], dir: number, mask = 0): Mapping | null {
    const dma: number[] = []
    for (let i = 0; i < phys.length; i++) {
      const d = this.bounce(dev, cpu, phys[i] as number, size[i] as number, mask)
      if (d < 0) {
        for (const x of dma) swiotlb_release_slots(this.pool, mask, x - this.o.poolAlias)
        this.failedSg++
        return null
      }
      dma.push(d)
    }
    this.log(Trace.mapSg, { device: dev, dir, nents: phys.length, ents: phys.length, dma_addrs: dma, sizes: size, phys_addrs: phys, attrs: 256 }, cpu)
    const m: Mapping = { dev, dir, sg: true, phys, size, dma, mask }
    this.live.push(m)
    return m
  }

  /** dma_unmap_page() or dma_unmap_sg(): slots first, event after. */
  unmap(m: Mapping, cpu: number): void {
    this.live.splice(this.live.indexOf(m), 1)
    const inPool = (d: number): boolean => d - this.o.poolAlias >= this.pool.start && d - this.o.poolAlias < this.pool.end
    for (const d of m.dma) if (inPool(d)) swiotlb_release_slots(this.pool, m.mask, d - this.o.poolAlias)
    if (m.sg) this.log(Trace.unmapSg, { device: m.dev, dir: m.dir, phys_addrs: m.phys, attrs: 0 }, cpu, 0, '..s1.')
    else this.log(Trace.unmap, { device: m.dev, dir: m.dir, dma_addr: m.dma[0] as number, size: m.size[0] as number, attrs: 0 }, cpu, 0, '..s1.')
  }

  text(): string {
    return `${this.lines.join('\n')}\n`
  }
}
