// Makes traces for tests: a little kernel with one CPU at a time that maps, unmaps, fails and rolls back on a real
// pool, and logs what the kernel would log. What it did is the truth that a replay is held to.
import {
  formatTraceLine,
  MAPPING_ERROR,
  type TraceEventSpec,
  traceEventFor,
  Trace,
  type TraceValues
} from '../kernel/trace-events.ts'
import {
  add_mem_pool,
  found,
  IoTlbMem,
  swiotlb_find_pool,
  swiotlb_find_slots_dynamic,
  swiotlb_release
} from '../kernel/swiotlb/mem.ts'
import { alloc_bytes, get_order, type IoTlbPool, slotParams, swiotlb_slots_set } from '../kernel/swiotlb/pool.ts'

export interface MakerOptions {
  readonly nslabs: number
  readonly nareas: number
  readonly start: number
  readonly kernel: string
  /**
   * Added to every bounce address (a realm's shared bit), and to every bus address in swiotlb_bounced (an encryption
   * bit).
   */
  readonly poolAlias: number
  readonly busBit: number
  readonly force: boolean
  /** False: every device reaches all memory, and nothing bounces. */
  readonly bounces: boolean
  /** SWIOTLB_DYNAMIC: nanoseconds from a search without success to the new pool; null: the memory does not grow. */
  readonly growsAfter: number | null
}

export const PLAIN: MakerOptions = {
  nslabs: 4096,
  nareas: 2,
  start: 0x7b9f3000,
  kernel: '6.12',
  poolAlias: 0,
  busBit: 0,
  force: true,
  bounces: true,
  growsAfter: null
}

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
  readonly mem: IoTlbMem
  /** Transient pools made. */
  transients = 0
  private readonly transient: IoTlbPool[] = []
  private growsAt = Number.POSITIVE_INFINITY
  private nextPool = 0x20000000
  private nextPages = 0x108000000
  readonly live: Mapping[] = []
  time = 1e9
  bounces = 0
  failedMaps = 0
  failedSg = 0
  private readonly o: MakerOptions

  constructor(o: Partial<MakerOptions> = {}) {
    this.o = { ...PLAIN, ...o }
    this.mem = new IoTlbMem(this.o, this.o.growsAfter !== null)
    this.pool = this.mem.pools[0] as IoTlbPool
  }

  // The page allocator: blocks aligned to their own size, somewhere else each time.
  private pages(nslabs: number): number {
    const bytes = 4096 * 2 ** get_order(nslabs * 2048)
    this.nextPages = Math.ceil((this.nextPages + 0x3000) / bytes) * bytes
    const at = this.nextPages
    this.nextPages += bytes
    return at
  }

  // swiotlb_tbl_map_single(), with what SWIOTLB_DYNAMIC adds.
  private place(cpu: number, phys: number, size: number, mask: number): number {
    if (this.time >= this.growsAt) {
      this.growsAt = Number.POSITIVE_INFINITY
      const n = Math.min(this.o.nslabs, 2048)
      add_mem_pool(this.mem, this.nextPool, n, Math.min(this.o.nareas, n / 128))
      this.nextPool += n * 2048
    }
    const params = (p: IoTlbPool) => slotParams(mask, 0, p.start)
    const out = found()
    const bytes = alloc_bytes(params(this.pool), phys, size, 0)
    const ok = swiotlb_find_slots_dynamic(this.mem, cpu, params, phys, bytes, 0, (n) => this.pages(n), out)
    if (out.grow && this.growsAt === Number.POSITIVE_INFINITY) this.growsAt = this.time + (this.o.growsAfter ?? 0)
    if (!ok || out.pool === null) return -1
    if (out.pool.transient) {
      this.transients++
      this.transient.push(out.pool)
    }
    return swiotlb_slots_set(out.pool, out.index, params(out.pool), phys, size, 0)
  }

  private giveBack(addr: number, mask: number): void {
    const pool = swiotlb_find_pool(this.mem, this.transient, addr)
    if (pool === null) return
    swiotlb_release(this.mem, pool, mask, addr)
    if (pool.transient) this.transient.splice(this.transient.indexOf(pool), 1)
  }

  private spec(kind: (typeof Trace)[keyof typeof Trace]): TraceEventSpec {
    const s = traceEventFor(this.o.kernel, kind)
    if (!s) throw new Error(`no event of kind ${kind} in ${this.o.kernel}`)
    return s
  }

  log(
    kind: (typeof Trace)[keyof typeof Trace],
    values: TraceValues,
    cpu: number,
    pid = 100 + cpu,
    flags = '.....'
  ): void {
    this.time += 3000
    this.lines.push(
      formatTraceLine(this.spec(kind), values, { task: 'load', pid, cpu, flags, time: this.time }, this.o.kernel)
    )
  }

  // swiotlb_map(): the event, then the search. The bounce's bus address, or -1.
  private bounce(
    dev: string,
    cpu: number,
    phys: number,
    size: number,
    mask: number,
    pid?: number,
    flags?: string
  ): number {
    if (!this.o.bounces) return phys + this.o.busBit
    this.bounces++
    this.log(
      Trace.bounced,
      { dev_name: dev, dma_mask: MAPPING_ERROR, dev_addr: phys + this.o.busBit, size, force: this.o.force },
      cpu,
      pid,
      flags
    )
    const tlb = this.place(cpu, phys, size, mask)
    return tlb < 0 ? -1 : tlb + this.o.poolAlias
  }

  /** dma_map_page() of a device that bounces. Null when it failed. */
  map(
    dev: string,
    cpu: number,
    phys: number,
    size: number,
    dir: number,
    mask = 0,
    pid?: number,
    flags?: string
  ): Mapping | null {
    const dma = this.bounce(dev, cpu, phys, size, mask, pid, flags)
    this.log(
      Trace.map,
      { device: dev, dir, dma_addr: dma < 0 ? MAPPING_ERROR : dma, size, phys_addr: phys, attrs: 0 },
      cpu,
      pid,
      flags
    )
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
  mapSg(
    dev: string,
    cpu: number,
    phys: readonly number[],
    size: readonly number[],
    dir: number,
    mask = 0
  ): Mapping | null {
    const dma: number[] = []
    for (let i = 0; i < phys.length; i++) {
      const d = this.bounce(dev, cpu, phys[i] as number, size[i] as number, mask)
      if (d < 0) {
        for (const x of dma) this.giveBack(x - this.o.poolAlias, mask)
        this.failedSg++
        return null
      }
      dma.push(d)
    }
    this.log(
      Trace.mapSg,
      {
        device: dev,
        dir,
        nents: phys.length,
        ents: phys.length,
        dma_addrs: dma,
        sizes: size,
        phys_addrs: phys,
        attrs: 256
      },
      cpu
    )
    const m: Mapping = { dev, dir, sg: true, phys, size, dma, mask }
    this.live.push(m)
    return m
  }

  /** dma_unmap_page() or dma_unmap_sg(): slots first, event after. */
  unmap(m: Mapping, cpu: number): void {
    this.live.splice(this.live.indexOf(m), 1)
    for (const d of m.dma) this.giveBack(d - this.o.poolAlias, m.mask)
    if (m.sg) this.log(Trace.unmapSg, { device: m.dev, dir: m.dir, phys_addrs: m.phys, attrs: 0 }, cpu, 0, '..s1.')
    else
      this.log(
        Trace.unmap,
        { device: m.dev, dir: m.dir, dma_addr: m.dma[0] as number, size: m.size[0] as number, attrs: 0 },
        cpu,
        0,
        '..s1.'
      )
  }

  text(): string {
    return `${this.lines.join('\n')}\n`
  }
}
