// A host that notes what the kernel asks for, in the form of the recordings (../shared/data/README.md), with a plain
// page allocator: zones tried in turn, first fit, blocks aligned to their order. For self-test and conformance.
import type { Host } from './kernel-c.ts'

export type HostEvent = readonly ['ap' | 'fp' | 'dec' | 'enc' | 'sd' | 'sc', number, number]

interface Zone {
  readonly start: number
  readonly used: Uint8Array
}

const PAGE = 4096

export class RecordingHost implements Host {
  events: HostEvent[] = []
  /** Bytes copied between the pool and other memory. */
  bounced = 0
  logs: Array<{ level: number; dev: number; text: string }> = []
  warnings: Array<{ dev: number; site: string; text: string }> = []
  private readonly zones: readonly Zone[]
  /** The answer of the next conversions: 0, or an errno to fail with. */
  conversion = 0

  /** Zones by [first byte, pages], the one for GFP_DMA and GFP_DMA32 first; others are tried before it. */
  constructor(zones: ReadonlyArray<readonly [number, number]>) {
    this.zones = zones.map(([start, pages]) => ({ start, used: new Uint8Array(pages) }))
  }

  alloc_pages(order: number, zone: 0 | 1 | 2): number {
    const n = 1 << order
    for (let z = zone === 0 ? this.zones.length - 1 : 0; z >= 0; z--) {
      const { start, used } = this.zones[z] as Zone
      const skew = (n - ((start / PAGE) % n)) % n
      for (let i = skew; i + n <= used.length; i += n) {
        let k = 0
        while (k < n && used[i + k] === 0) k++
        if (k < n) continue
        used.fill(1, i, i + n)
        this.events.push(['ap', start + i * PAGE, n])
        return start + i * PAGE
      }
    }
    return -1
  }
  free_pages(phys: number, order: number): void {
    const n = 1 << order
    for (const { start, used } of this.zones) {
      const i = (phys - start) / PAGE
      if (i >= 0 && i < used.length) used.fill(0, i, i + n)
    }
    this.events.push(['fp', phys, n])
  }
  set_memory(decrypted: boolean, phys: number, numpages: number): number {
    if (phys < 0) {
      // an architecture that looks (a realm) warns and refuses
      this.warn(-1, 'set_memory', 'not the linear map: pages will be leaked')
      return -22
    }
    this.events.push([decrypted ? 'dec' : 'enc', phys, numpages])
    return this.conversion
  }
  copy(_dst: number, _src: number, len: number): void {
    this.bounced += len
  }
  fill(): void {}
  cache(op: number, phys: number, size: number): void {
    if (op < 2) this.events.push([op === 0 ? 'sd' : 'sc', phys, size])
  }
  vmap(_phys: number, _size: number, _prot: number): boolean {
    return true
  }
  vunmap(): void {}
  swiotlb_bounced(): void {}
  log(level: number, dev: number, text: string): void {
    this.logs.push({ level, dev, text })
  }
  warn(dev: number, site: string, text: string): void {
    this.warnings.push({ dev, site, text })
  }
}
