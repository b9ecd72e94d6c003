// The machine of the recordings of 7.x (../shared/data/swiotlb-7.3): page allocator zones, vmap, conversions, cache
// maintenance, messages and failures told beforehand, each noted as an event in the recordings' form. For replay and
// conformance.
import { type Host, WORKS } from './kernel-c.ts'

export type Event = readonly (string | number)[]

export interface ZoneConfig {
  readonly name: string
  readonly start: number
  readonly pages: number
}
/** The k-th call (from 0) of a kind fails: dec, enc, ap, vm. */
export interface Injection {
  readonly kind: string
  readonly k: number
  readonly errno: number
}

interface Zone extends ZoneConfig {
  readonly used: Uint8Array
}

const PAGE = 4096
/** What is said at this level or above is no complaint. */
const INFO = 6
// zones a request falls back through, its own first
const ORDER: Readonly<Record<0 | 1 | 2, readonly string[]>> = {
  0: ['NORMAL', 'DMA32', 'DMA'],
  1: ['DMA32', 'DMA'],
  2: ['DMA']
}

export class ZoneHost implements Host {
  events: Event[] = []
  /** Bytes copied between the pool and other memory. */
  bounced = 0
  /** Functions that may sleep, called where nothing may. */
  slept: string[] = []
  private readonly zones: readonly Zone[]
  private injections: Injection[] = []
  private counts = new Map<string, number>()
  /** Pages that hold something else than zero: what the recorder filled after each allocation, and what was copied. */
  private readonly dirty = new Set<number>()
  private readonly said = new Set<string>()
  /** Where a message is kept in mind, for one that an inline function says: once per including file. */
  scope: (id: string) => string = () => ''

  /** `messageId`: the short name of a message, by its text or format. */
  constructor(
    zones: readonly ZoneConfig[],
    private readonly messageId: (text: string, site: string) => string
  ) {
    this.zones = zones.map((z) => ({ ...z, used: new Uint8Array(z.pages) }))
  }

  /** Before each operation: forgets the last one's events; `injections` hold for this one. */
  beginOp(injections: readonly Injection[]): void {
    this.events = []
    this.bounced = 0
    this.slept = []
    this.injections = [...injections]
    this.counts = new Map()
  }
  /** Fills a new allocation, as the recorder did. */
  scribble(phys: number, size: number): void {
    for (let p = Math.floor(phys / PAGE); p < (phys + size) / PAGE; p++) this.dirty.add(p)
  }
  /** Whether all whole pages of a range are zero. */
  zeroed(phys: number, size: number): boolean {
    for (let p = Math.floor(phys / PAGE); p < Math.floor((phys + Math.ceil(size / PAGE) * PAGE) / PAGE); p++)
      if (this.dirty.has(p)) return false
    return true
  }
  /** The errno that the next call of a kind is told to fail with; 0 for none. */
  private fails(kind: string): number {
    const n = this.counts.get(kind) ?? 0
    this.counts.set(kind, n + 1)
    return this.injections.find((i) => i.kind === kind && i.k === n)?.errno ?? 0
  }

  alloc_pages(order: number, zone: 0 | 1 | 2): number {
    const n = 2 ** order
    const at = this.fails('ap') !== 0 ? -1 : this.take(n, ORDER[zone])
    this.events.push(['ap', Math.max(at, 0), n])
    return at
  }
  private take(n: number, order: readonly string[]): number {
    for (const name of order) {
      const z = this.zones.find((x) => x.name === name)
      if (!z) continue
      const skew = (n - ((z.start / PAGE) % n)) % n
      for (let i = skew; i + n <= z.used.length; i += n) {
        let k = 0
        while (k < n && z.used[i + k] === 0) k++
        if (k < n) continue
        z.used.fill(1, i, i + n)
        return z.start + i * PAGE
      }
    }
    return -1
  }
  free_pages(phys: number, order: number): void {
    const n = 2 ** order
    this.events.push(['fp', phys, n])
    const z = this.zones.find((x) => phys >= x.start && phys < x.start + x.pages * PAGE)
    const i = z ? (phys - z.start) / PAGE : 0
    if (!z || z.used.subarray(i, i + n).some((u) => u === 0)) this.events.push(['xf', phys, n])
    else z.used.fill(0, i, i + n)
  }
  set_memory(decrypted: boolean, phys: number, numpages: number): number {
    const kind = decrypted ? 'dec' : 'enc'
    const errno = this.fails(kind)
    this.events.push(errno === 0 ? [kind, phys, numpages] : [kind, phys, numpages, errno])
    return errno
  }
  copy(_dst: number, _src: number, len: number): void {
    this.bounced += len
  }
  fill(dst: number, byte: number, len: number): void {
    if (byte !== 0) return
    for (let p = Math.ceil(dst / PAGE); (p + 1) * PAGE <= dst + len; p++) this.dirty.delete(p)
  }
  cache(op: number, phys: number, size: number): void {
    if (op === 4) this.events.push(['fl'])
    // dma_to_phys() of a handle that no range has: all ones.
    else this.events.push([op === 0 ? 'sd' : op === 1 ? 'sc' : 'pc', phys >= 2 ** 64 ? -1 : phys, size])
  }
  vmap(phys: number, size: number, prot: number): boolean {
    const failed = this.fails('vm') !== 0
    this.events.push(failed ? ['vm', phys, size / PAGE, prot, -1] : ['vm', phys, size / PAGE, prot])
    this.sizes.set(phys, size / PAGE)
    return !failed
  }
  private readonly sizes = new Map<number, number>()
  vunmap(phys: number): void {
    this.events.push(['vu', phys, this.sizes.get(phys) ?? 0])
  }
  swiotlb_bounced(): void {}
  log(level: number, _dev: number, text: string, once: boolean): void {
    if (level < INFO) this.say(text, '', once)
  }
  warn(_dev: number, site: string, text: string, once: boolean): void {
    this.say(text, site, once)
  }
  private say(text: string, site: string, once: boolean): void {
    const id = this.messageId(text, site)
    const key = `${id} ${this.scope(id)}`
    if (id === '' || (once && this.said.has(key))) return
    this.said.add(key)
    this.events.push(['wn', id])
  }
  atomic(site: string): void {
    this.slept.push(site)
  }
  work(kind: number): void {
    this.events.push(['wk', WORKS[kind] ?? 'other'])
  }
}
