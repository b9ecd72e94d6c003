// What the properties remember beside the machine's own state (ghost state), and what they say about single steps. Kernel and
// machine know nothing of this; they only tell what happened.
import { EMPTY, encodeIntervals, type Intervals, PAGE_SIZE, pieces, setRange } from '../base/index.ts'
import { Interned, type Store } from '../step/index.ts'
import { CLASS, label, type Label, LabelContent, TDI, wordOf, ZERO_WORD } from '../machine/index.ts'
import { ATTR, DIR, type KernelEvent, type Observer, type RefusalReason, refusals, TAG, type TsmOp } from '../kernel/index.ts'
import type { MappingObject, System, TbitObject, Watcher } from '../system/index.ts'
import { legalWay } from './legal.ts'

/** The device's own view of a streaming mapping lies here, one window a mapping. */
const VIEW_BASE = 2 ** 45
const VIEW_SIZE = 2 ** 24
const view = (id: number): number => VIEW_BASE + id * VIEW_SIZE

/** Live streaming mappings: [object id, who owns the buffer now (1 device, 0 CPU), ...]. */
type Live = readonly number[]

export class Watch implements Watcher, Observer {
  /** What a CPU or device ought to read: words only. `any` where nothing is promised. */
  readonly ideal: LabelContent
  readonly live: Interned<Live>
  /** Byte ranges that the test itself asked to be shared. */
  readonly explicit: Interned<Intervals>
  /** Why the last request failed; null: not told. */
  readonly last: Interned<RefusalReason | null>
  private readonly any: number

  constructor(private readonly sys: System) {
    this.ideal = new LabelContent(sys.layout, 'ideal')
    this.live = new Interned<Live>(sys.layout, 'live', [], (v) => v.join(','))
    this.explicit = new Interned<Intervals>(sys.layout, 'explicit', EMPTY, encodeIntervals)
    this.last = new Interned<RefusalReason | null>(sys.layout, 'failure', null, (v) => v ?? '')
    this.any = sys.words.id('(anything)')
    sys.watcher = this
    sys.kernel.observer = this
    sys.request = (st, r) => {
      const reason = this.last.get(st)
      this.last.set(st, null)
      const refused = legalWay(sys, st, r, reason)
      if (refused !== null) st.finding({ property: 'refused', site: r.alloc ? 'dma_alloc' : 'dma_map', decision: reason ?? 'error', summary: `the ${r.alloc ? 'allocation' : 'mapping'} fails (${reason === null ? 'error' : refusals[reason].words}) although ${refused}` })
    }
  }

  private plain(word: number): Label { return label(word, CLASS.plain) }
  private ownedByDevice(st: Store, addr: number, len: number): boolean {
    const l = this.live.get(st)
    for (let i = 0; i < l.length; i += 2) {
      if (l[i + 1] !== 1) continue
      const o = this.sys.objects.get(this.value(l[i] as number)) as MappingObject
      if (o.phys < addr + len && addr < o.phys + o.size) return true
    }
    return false
  }
  private value(id: number): number { return 2 ** 41 + id }

  /** Where what was read differs from what was promised: the word promised, or null. */
  private differs(st: Store, at: number, len: number, got: Label): number | null {
    for (const [, , l] of pieces(this.ideal.state.get(st), at, at + Math.max(1, len), 0)) if (wordOf(l) !== this.any && wordOf(l) !== wordOf(got)) return wordOf(l)
    return null
  }

  cpuWrite(st: Store, addr: number, len: number, word: number): void {
    this.ideal.fill(st, addr, len, this.plain(word))
    this.unsettle(st, addr, len)
  }

  /** Memory under live mappings changed: what their devices see of it is open until the next sync. */
  private unsettle(st: Store, addr: number, len: number): void {
    const live = this.live.get(st)
    for (let i = 0; i < live.length; i += 2) {
      const id = live[i] as number
      if (live[i + 1] !== 1) continue
      const o = this.sys.objects.get(this.value(id)) as MappingObject
      const s = Math.max(addr, o.phys)
      const e = Math.min(addr + len, o.phys + Math.min(o.size, VIEW_SIZE))
      if (s < e) this.ideal.fill(st, view(id) + s - o.phys, e - s, this.plain(this.any))
    }
  }

  cpuRead(st: Store, addr: number, len: number, got: Label, user: boolean): void {
    if (this.ownedByDevice(st, addr, len)) return
    const want = this.differs(st, addr, len, got)
    if (want !== null) this.wrong(st, user ? 'user_read' : 'cpu_read', `the ${user ? 'user' : 'CPU'} reads ${this.sys.words.name(wordOf(got))} where the last legal write left ${this.sys.words.name(want)}`)
  }

  private wrong(st: Store, site: string, summary: string): void { st.finding({ property: 'wrong_data', site, decision: 'content', summary }) }

  mapped(st: Store, id: number, m: MappingObject): void {
    this.live.update(st, `m${id}`, (l) => [...l, id, 1])
    this.ideal.copy(st, view(id), m.phys, Math.min(m.size, VIEW_SIZE))
    this.unsettled(st, id, m)
  }

  /** Other live mappings of the bytes [addr, addr+len): their number, what is mapped, first byte and length of the overlap, and whether the device owns them. */
  private others(st: Store, id: number, addr: number, len: number): Array<{ id: number; m: MappingObject; from: number; n: number; device: boolean }> {
    const out: Array<{ id: number; m: MappingObject; from: number; n: number; device: boolean }> = []
    const l = this.live.get(st)
    for (let i = 0; i < l.length; i += 2) {
      if (l[i] === id) continue
      const m = this.sys.objects.get(this.value(l[i] as number)) as MappingObject
      const from = Math.max(addr, m.phys)
      const n = Math.min(addr + len, m.phys + m.size) - from
      if (n > 0) out.push({ id: l[i] as number, m, from, n, device: l[i + 1] === 1 })
    }
    return out
  }

  /** What another device may be writing at this moment: nothing is promised to this one before the other's sync or unmap. */
  private unsettled(st: Store, id: number, m: MappingObject): void {
    for (const o of this.others(st, id, m.phys, m.size)) if (o.device && o.m.dir !== DIR.TO_DEVICE) this.ideal.fill(st, view(id) + o.from - m.phys, o.n, this.plain(this.any))
  }

  private setOwner(st: Store, id: number, device: number): void {
    this.live.update(st, `o${id},${device}`, (l) => l.map((v, i) => (i % 2 === 1 && l[i - 1] === id ? device : v)))
  }

  private deviceView(m: MappingObject, id: number): { at: number; size: number } { return { at: view(id), size: Math.min(m.size, VIEW_SIZE) } }

  synced(st: Store, id: number, m: MappingObject, forCpu: boolean): void {
    const v = this.deviceView(m, id)
    if (forCpu) {
      if (m.dir !== DIR.TO_DEVICE) this.ideal.copy(st, m.phys, v.at, v.size)
      this.setOwner(st, id, 0)
    } else {
      if (m.dir !== DIR.FROM_DEVICE) { this.ideal.copy(st, v.at, m.phys, v.size); this.unsettled(st, id, m) }
      this.setOwner(st, id, 1)
    }
  }

  unmapped(st: Store, id: number, m: MappingObject): void {
    const v = this.deviceView(m, id)
    if (m.attrs & ATTR.SKIP_CPU_SYNC) { if (m.dir !== DIR.TO_DEVICE) this.ideal.fill(st, m.phys, v.size, this.plain(this.any)) }
    else if (m.dir !== DIR.TO_DEVICE) this.ideal.copy(st, m.phys, v.at, v.size)
    this.ideal.fill(st, v.at, v.size, this.plain(ZERO_WORD))
    this.live.update(st, `u${id}`, (l) => { const i = l.findIndex((x, k) => k % 2 === 0 && x === id); return i < 0 ? l : [...l.slice(0, i), ...l.slice(i + 2)] })
    // A slot that is still taken has no owner any more.
    if (m.bounce >= 0) {
      const mem = this.sys.kernel.mems.find((x) => x.contains(m.bounce))
      if (mem?.usedAt(st, m.bounce)) st.finding({ property: 'leak', site: 'dma_unmap', decision: 'slot', summary: `the slots of the mapping stay taken in ${mem.name} after the unmap` })
    }
  }

  allocated(st: Store, addr: number, len: number, zeroed: boolean): void { this.ideal.fill(st, addr, len, this.plain(zeroed ? ZERO_WORD : this.any)) }

  freed(st: Store, _id: number, o: TbitObject): void {
    if (o.kind !== 'coherent' && o.kind !== 'pages') return
    const k = this.sys.kernel
    const b = o.buffer
    this.ideal.fill(st, b.phys, b.size, this.plain(this.any))
    const lost = b.from === 'atomic' ? k.atomic.usedAt(st, b.phys) : b.from === 'swiotlb' ? (k.mems.find((x) => x.contains(b.phys))?.usedAt(st, b.phys) ?? false) : k.pages.owner(st, b.phys / PAGE_SIZE) === TAG.dma
    // Pages given up on purpose have been reported as such.
    if (lost && b.from === 'buddy') st.finding({ property: 'leak', site: 'dma_free', decision: 'page', summary: 'the buffer\'s pages go back to nobody' })
    else if (lost && b.from !== 'buddy') st.finding({ property: 'leak', site: 'dma_free', decision: b.from, summary: `the buffer does not go back to its pool` })
  }

  pageForgotten(st: Store, addr: number, len: number): void {
    this.explicit.update(st, `f${addr},${len}`, (m) => setRange(m, addr, addr + len, 0, 0))
    this.ideal.fill(st, addr, len, this.plain(this.any))
  }

  explicitConversion(st: Store, addr: number, len: number, shared: boolean): void {
    this.explicit.update(st, `c${addr},${len},${shared}`, (m) => setRange(m, addr, addr + len, shared ? 1 : 0, 0))
    this.ideal.fill(st, addr, len, this.plain(this.any))
  }

  deviceRead(st: Store, dev: number, id: number, o: TbitObject, phys: number, at: number, len: number, got: Label, outcome: string): void {
    if (o.kind === 'resource') return
    const name = this.sys.kernel.devices[dev]?.name ?? ''
    const hw = this.sys.machine.hostReaches(st, Math.floor(phys / PAGE_SIZE))
    if (outcome === 'ok' && hw && this.passesAccepted(st, dev, o)) st.finding({ property: 'tampered', site: 'dev_read', decision: 'accepted device reads shared memory', summary: `${name}, accepted, reads its data from memory that the host can write` })
    if (o.kind === 'mapping') {
      if (o.dir === DIR.FROM_DEVICE) return
      const want = this.differs(st, view(id) + at, len, got)
      if (want !== null) this.wrong(st, 'dev_read', `${name} reads ${this.sys.words.name(wordOf(got))} where the mapping should show it ${this.sys.words.name(want)}`)
      return
    }
    if (o.kind === 'coherent' || o.kind === 'pages') {
      const want = this.differs(st, o.phys + at, len, got)
      if (want !== null) this.wrong(st, 'dev_read', `${name} reads ${this.sys.words.name(wordOf(got))} where the buffer should show it ${this.sys.words.name(want)}`)
    }
  }

  /** Data of an accepted device: the kernel made the mapping or buffer for one, or the device is in RUN, and nobody said the memory is shared. */
  private passesAccepted(st: Store, dev: number, o: TbitObject): boolean {
    if (o.kind !== 'mapping' && o.kind !== 'coherent' && o.kind !== 'pages') return false
    if (o.attrs & ATTR.CC_SHARED) return false
    return o.accepted && this.sys.machine.tdi.get(st, dev) === TDI.run
  }

  deviceWrote(st: Store, _dev: number, id: number, o: TbitObject, _phys: number, at: number, len: number, word: number, outcome: string): void {
    // A write that the platform drops is no legal write: it never happened.
    if (outcome !== 'ok') return
    if (o.kind === 'mapping') {
      if (o.dir === DIR.TO_DEVICE) {
        this.ideal.fill(st, view(id) + at, len, this.plain(this.any))
        this.ideal.fill(st, o.phys + at, len, this.plain(this.any))
      } else this.ideal.fill(st, view(id) + at, len, this.plain(word))
      // Another device's mapping of the same bytes shows it or not, as both are direct or one is bounced.
      for (const x of this.others(st, id, o.phys + at, len)) this.ideal.fill(st, view(x.id) + x.from - x.m.phys, x.n, this.plain(this.any))
    } else if (o.kind === 'coherent' || o.kind === 'pages') this.ideal.fill(st, o.phys + at, len, this.plain(word))
  }

  hostWrote(st: Store, addr: number, len: number, word: number, id: number | null): void {
    const l = this.plain(word < 0 ? this.any : word)
    this.ideal.fill(st, addr, len, l)
    if (id !== null) this.ideal.fill(st, view(id), Math.min(len, VIEW_SIZE), l)
    else {
      // A slot or page that a live mapping goes through: the device sees the host's write.
      const live = this.live.get(st)
      for (let i = 0; i < live.length; i += 2) {
        const o = this.sys.objects.get(this.value(live[i] as number)) as MappingObject
        const at = o.bounce >= 0 ? o.bounce : o.phys
        if (at < addr + len && addr < at + o.size) this.ideal.fill(st, view(live[i] as number), Math.min(o.size, VIEW_SIZE), this.plain(this.any))
      }
    }
  }

  event(st: Store, e: KernelEvent): void {
    switch (e.kind) {
      case 'free_pages': {
        for (let p = e.pfn; p < e.pfn + e.n; p++) {
          if (!this.sys.machine.hostReaches(st, p)) continue
          st.finding({ property: 'exposed', site: e.site, decision: 'page to the allocator', summary: `${e.site} gives a page back to the page allocator while the host can still reach it` })
          break
        }
        this.explicit.update(st, `p${e.pfn},${e.n}`, (m) => setRange(m, e.pfn * PAGE_SIZE, (e.pfn + e.n) * PAGE_SIZE, 0, 0))
        return
      }
      case 'kfree':
        if (this.sys.machine.hostReaches(st, Math.floor(e.addr / PAGE_SIZE))) st.finding({ property: 'exposed', site: 'kfree', decision: 'object to the slab allocator', summary: 'an object goes back to the slab allocator while the host can still reach it' })
        return
      case 'leak':
        st.finding({ property: 'leak', site: e.site, decision: e.onPurpose ? 'on purpose' : 'lost', summary: `${e.site} gives up ${e.n === 1 ? 'a page' : `${e.n} pages`}${e.onPurpose ? ' on purpose: its state is unknown' : ''}` })
        return
      case 'failed': this.last.set(st, e.reason); return
      case 'tsm_done': this.promised(st, e.op, e.dev, e.rc); return
      default: return
    }
  }

  // An operation that reported success: the hardware is where that success promises.
  private promised(st: Store, op: TsmOp, dev: number, rc: number): void {
    if (rc !== 0) return
    const tdi = this.sys.machine.tdi.get(st, dev)
    const name = this.sys.kernel.devices[dev]?.name ?? ''
    const want = op === 'lock' ? (tdi === TDI.locked || tdi === TDI.run) : op === 'accept' ? tdi === TDI.run : op === 'unlock' ? tdi === TDI.unlocked : true
    if (!want) st.finding({ property: 'stale_state', site: `tsm_${op}`, decision: `success and ${this.sys.tdiName(st, dev)}`, summary: `tsm_${op}(${name}) reports success and the interface is ${this.sys.tdiName(st, dev)}` })
  }
}
