// A CPU or a device reads something other than what the last legal write left for it. Beside memory as it is, this
// remembers memory as it ought to be: the ideal. A streaming mapping has a view of its own in it, what its device
// should see; map, sync and unmap carry data between both.
import { ATTR, DIR } from '../kernel/index.ts'
import { CLASS, label, type Label, LabelContent, type Ranges, wordOf, ZERO_WORD } from '../machine/index.ts'
import { pieces } from '../base/index.ts'
import { change, Interned, type Store } from '../step/index.ts'
import type { MappingObject, System, TbitObject } from '../system/index.ts'
import { ghost, type Judgement, type Property } from './property.ts'

declare module '../step/step.ts' {
  interface PropertyNames {
    wrong_data: true
  }
}

/** When it is violated. */
const VIOLATED = 'a CPU or device reads something other than what the last legal write left for it'

/** The device's own view of a streaming mapping lies here, one window a mapping. */
const VIEW_BASE = 2 ** 45
const VIEW_SIZE = 2 ** 24
const view = (id: number): number => VIEW_BASE + id * VIEW_SIZE

/**
 * A live streaming mapping: its object, and whose the buffer is between map, syncs and unmap. Two live mappings with
 * equal parameters and one handle (a direct mapping, made twice) are two entries of one object: they lead to the same
 * bytes, so they share a view, until the last of them ends.
 */
interface Live {
  readonly id: number
  readonly owner: 'device' | 'cpu'
}

/** Where a live mapping covers some bytes: first byte and length of the overlap. */
interface Overlap {
  readonly id: number
  readonly m: MappingObject
  readonly from: number
  readonly n: number
  readonly owner: Live['owner']
}

// Of equal mappings one changes hands, whichever: nobody can tell them apart.
const OWN = change((l: readonly Live[], id: number, owner: Live['owner']): readonly Live[] => {
  const i = l.findIndex((x) => x.id === id && x.owner !== owner)
  return i < 0 ? l : l.with(i, { id, owner })
})
const MAPPED = change((l: readonly Live[], id: number): readonly Live[] => [...l, { id, owner: 'device' }])
// What the CPU has already goes first, so that a device's claim is never forgotten.
const UNMAPPED = change((l: readonly Live[], id: number): readonly Live[] => {
  const own = l.findIndex((x) => x.id === id && x.owner === 'cpu')
  const i = own >= 0 ? own : l.findIndex((x) => x.id === id)
  return i < 0 ? l : l.toSpliced(i, 1)
})

class WrongData implements Judgement {
  /** What a CPU or device ought to read: words only. `any` where nothing is promised. */
  private readonly ideal: LabelContent
  private readonly live: Interned<readonly Live[]>
  private readonly any: Label

  constructor(private readonly sys: System) {
    this.ideal = new LabelContent(sys.layout, ghost('ideal'))
    this.live = new Interned<readonly Live[]>(sys.layout, ghost('live'), [], (v) =>
      v.map((l) => `${l.id}${l.owner}`).join()
    )
    this.any = this.plain(sys.words.id('(anything)'))
  }

  private plain(word: number): Label {
    return label(word, CLASS.plain)
  }
  private promise(st: Store, at: number, len: number, word: number): void {
    this.ideal.fill(st, at, len, this.plain(word))
  }
  private open(st: Store, at: number, len: number): void {
    this.ideal.fill(st, at, len, this.any)
  }
  private mappingOf(id: number): MappingObject {
    return this.sys.objects.byId(id) as MappingObject
  }

  /** The live mappings that cover bytes of [addr, addr+len), but for `but`. */
  private covering(st: Store, addr: number, len: number, but = -1): Overlap[] {
    return this.live.get(st).flatMap(({ id, owner }) => {
      if (id === but) return []
      const m = this.mappingOf(id)
      const from = Math.max(addr, m.phys)
      const n = Math.min(addr + len, m.phys + m.size) - from
      return n > 0 ? [{ id, m, from, n, owner }] : []
    })
  }

  /** Where what was read differs from what was promised: the word promised, or null. */
  private differs(st: Store, at: number, len: number, got: Label): string | null {
    for (const [, , l] of pieces(this.ideal.state.get(st), at, at + Math.max(1, len), 0)) {
      if (wordOf(l) !== wordOf(this.any) && wordOf(l) !== wordOf(got)) return this.sys.words.name(wordOf(l))
    }
    return null
  }
  private read(
    st: Store,
    site: string,
    at: number,
    len: number,
    got: Label,
    summary: (read: string, wanted: string) => string
  ): void {
    const wanted = this.differs(st, at, len, got)
    if (wanted !== null)
      st.finding({
        property: 'wrong_data',
        site,
        decision: 'content',
        summary: summary(this.sys.words.name(wordOf(got)), wanted)
      })
  }

  // --- the CPU
  // --------------------------------------------------------------------------------------------------------------

  cpuWrite(st: Store, addr: number, len: number, word: number): void {
    this.promise(st, addr, len, word)
    // Memory under live mappings changed: what their devices see of it is open until the next sync.
    for (const o of this.covering(st, addr, len)) if (o.owner === 'device') this.openView(st, o)
  }
  /** Of what a mapping's device sees: the bytes of an overlap. */
  private openView(st: Store, o: Overlap): void {
    const at = o.from - o.m.phys
    if (at < VIEW_SIZE) this.open(st, view(o.id) + at, Math.min(o.n, VIEW_SIZE - at))
  }

  cpuRead(st: Store, addr: number, len: number, got: Label, user: boolean): void {
    if (this.covering(st, addr, Math.max(1, len)).some((o) => o.owner === 'device')) return
    this.read(
      st,
      user ? 'user_read' : 'cpu_read',
      addr,
      len,
      got,
      (read, wanted) => `the ${user ? 'user' : 'CPU'} reads ${read} where the last legal write left ${wanted}`
    )
  }

  // --- streaming mappings
  // -----------------------------------------------------------------------------------------------------

  private seen(id: number, m: MappingObject): { at: number; size: number } {
    return { at: view(id), size: Math.min(m.size, VIEW_SIZE) }
  }
  private setOwner(st: Store, id: number, owner: Live['owner']): void {
    this.live.update(st, OWN, id, owner)
  }
  // What another device may be writing at this moment: nothing is promised to this one before the other's sync or
  // unmap.
  private unsettled(st: Store, id: number, m: MappingObject): void {
    for (const o of this.covering(st, m.phys, m.size, id))
      if (o.owner === 'device' && o.m.dir !== DIR.TO_DEVICE) this.open(st, view(id) + o.from - m.phys, o.n)
  }

  mapped(st: Store, id: number, m: MappingObject): void {
    this.live.update(st, MAPPED, id)
    const v = this.seen(id, m)
    this.ideal.copy(st, v.at, m.phys, v.size)
    this.unsettled(st, id, m)
  }

  synced(st: Store, id: number, m: MappingObject, forCpu: boolean, as: MappingObject): void {
    const v = this.seen(id, m)
    // Told another direction than the making's, a sync promises nothing.
    if (as.dir !== m.dir) this.open(st, forCpu ? m.phys : v.at, v.size)
    else if (forCpu && m.dir !== DIR.TO_DEVICE) this.ideal.copy(st, m.phys, v.at, v.size)
    else if (!forCpu && m.dir !== DIR.FROM_DEVICE) {
      this.ideal.copy(st, v.at, m.phys, v.size)
      this.unsettled(st, id, m)
    }
    this.setOwner(st, id, forCpu ? 'cpu' : 'device')
  }

  unmapped(st: Store, id: number, m: MappingObject, as: MappingObject): void {
    const v = this.seen(id, m)
    if (as.dir !== m.dir) this.open(st, m.phys, v.size)
    else if (as.attrs & ATTR.SKIP_CPU_SYNC) {
      if (m.dir !== DIR.TO_DEVICE) this.open(st, m.phys, v.size)
    } else if (m.dir !== DIR.TO_DEVICE) this.ideal.copy(st, m.phys, v.at, v.size)
    this.live.update(st, UNMAPPED, id)
    if (!this.live.get(st).some((x) => x.id === id)) this.promise(st, v.at, v.size, ZERO_WORD)
  }

  // --- pages and buffers
  // ------------------------------------------------------------------------------------------------------

  allocated(st: Store, addr: number, len: number, zeroed: boolean): void {
    if (zeroed) this.promise(st, addr, len, ZERO_WORD)
    else this.open(st, addr, len)
  }
  freed(st: Store, _id: number, o: TbitObject): void {
    if (o.kind === 'coherent' || o.kind === 'pages') this.open(st, o.buffer.phys, o.buffer.size)
  }
  pageForgotten(st: Store, addr: number, len: number): void {
    this.open(st, addr, len)
  }
  onlyHeld(st: Store, kept: Ranges): void {
    let lists = this.kept.get(kept)
    if (lists === undefined) this.kept.set(kept, (lists = []))
    const live = this.live.at(st)
    const all = (lists[live] ??= [
      ...kept,
      ...this.live.get(st).map(({ id }) => [view(id), view(id) + VIEW_SIZE] as const)
    ])
    this.ideal.forget(st, all)
  }
  /** The views that live mappings add to what is held, by the number of the live ones: one list for equal ranges. */
  private readonly kept = new WeakMap<Ranges, Ranges[]>()
  explicitConversion(st: Store, addr: number, len: number): void {
    this.open(st, addr, len)
  }

  // --- devices and the host
  // -----------------------------------------------------------------------------------------------------

  deviceRead(
    st: Store,
    dev: number,
    id: number,
    o: TbitObject,
    _phys: number,
    at: number,
    len: number,
    got: Label
  ): void {
    const name = this.sys.kernel.devices[dev]?.name ?? ''
    if (o.kind === 'mapping') {
      if (o.dir !== DIR.FROM_DEVICE)
        this.read(
          st,
          'dev_read',
          view(id) + at,
          len,
          got,
          (read, wanted) => `${name} reads ${read} where the mapping should show it ${wanted}`
        )
    } else if (o.kind === 'coherent' || o.kind === 'pages') {
      this.read(
        st,
        'dev_read',
        o.phys + at,
        len,
        got,
        (read, wanted) => `${name} reads ${read} where the buffer should show it ${wanted}`
      )
    }
  }

  deviceWrote(
    st: Store,
    _dev: number,
    id: number,
    o: TbitObject,
    _phys: number,
    at: number,
    len: number,
    word: number,
    outcome: string
  ): void {
    // A write that the platform drops is no legal write: it never happened.
    if (outcome !== 'ok') return
    if (o.kind === 'mapping') {
      if (o.dir === DIR.TO_DEVICE) {
        this.open(st, view(id) + at, len)
        this.open(st, o.phys + at, len)
      } else this.promise(st, view(id) + at, len, word)
      // Another device's mapping of the same bytes shows it or not, as both are direct or one is bounced.
      for (const x of this.covering(st, o.phys + at, len, id)) this.open(st, view(x.id) + x.from - x.m.phys, x.n)
    } else if (o.kind === 'coherent' || o.kind === 'pages') this.promise(st, o.phys + at, len, word)
  }

  /** `word` below 0: what it is now nobody knows. `id`: the mapping whose slot the host wrote. */
  hostWrote(st: Store, addr: number, len: number, word: number, id: number | null): void {
    const l = word < 0 ? this.any : this.plain(word)
    this.ideal.fill(st, addr, len, l)
    if (id !== null) {
      this.ideal.fill(st, view(id), Math.min(len, VIEW_SIZE), l)
      return
    }
    // A slot or page that a live mapping goes through: the device sees the host's write.
    for (const live of this.live.get(st)) {
      const m = this.mappingOf(live.id)
      const at = m.bounce >= 0 ? m.bounce : m.phys
      if (at < addr + len && addr < at + m.size) this.open(st, view(live.id), Math.min(m.size, VIEW_SIZE))
    }
  }
}

export const property: Property = {
  name: 'wrong_data',
  order: 40,
  does: 'a CPU or device reads something other than the last legal write',
  violated: VIOLATED,
  byDefault: true,
  judge: (sys) => new WrongData(sys)
}
