// One search by several threads, as a trial (docs/decisions/0012): states, parents and table are in shared memory, and
// each worker, which has the model and an engine of its own, takes blocks of the level that is searched and puts what
// it finds into the table by compare and exchange. All meet at the end of each level, so that each state still has its
// least depth, and where the table has to grow. Each begins with the same search of the first states, by itself: a
// small search ends there, and a large one knows nearly all positions of its threads by then, so that lanes of the
// stored form have their width. Lanes that do not are the end of it here.
//
// Which of several equally short ways to a state is kept depends on who comes first. No symmetry, no components.
import { Codec } from '../src/check/codec.ts'
import type { Model } from '../src/check/model.ts'
import { type ExploreOptions, hashOf, Search } from '../src/check/search.ts'
import type { Positions } from '../src/step/index.ts'

/** Words that all workers read and change. */
const [ARRIVED, PHASE, DECIDED, GROW, NEXT, CURSOR, LEVEL_END, TABLE, LOCK, LOGGED, FAILED, TOTALS] = [
  0, 16, 17, 32, 48, 64, 18, 19, 80, 81, 33, 96
] as const
const TOTAL = ['states', 'transitions', 'finals', 'deadlocks', 'findings', 'depth'] as const
/** What was decided when all met. */
const [GO_ON, ENLARGE, END] = [0, 1, 2]
/** States that a worker takes, and places for new ones, at a time. */
const BLOCK = 64
/** Looks at a word that another will change, before sleeping. */
const SPINS = 2000
const RECENT = 1 << 14

export type Counts = Readonly<Record<(typeof TOTAL)[number], number>>

export interface Shared {
  readonly workers: number
  /** States that each worker finds by itself first. */
  readonly seed: number
  readonly control: Int32Array
  readonly words: Int32Array
  /** By state its parent + 2; 0: no state. */
  readonly parents: Int32Array
  /** The table of n entries begins at n. */
  readonly tables: Int32Array
  /** Thread, position and result of what was met for the first time, in order: all workers number positions alike. */
  readonly log: Int32Array
}

const int32 = (n: number): Int32Array => new Int32Array(new SharedArrayBuffer(n * 4))
const powerOver = (n: number): number => 2 ** Math.ceil(Math.log2(n))

/** Room for so many states of this model; memory that is not written costs nothing. */
export function shared(model: Model, o: { workers: number; seed: number; maxStates: number }): Shared {
  const { workers, seed, maxStates } = o
  const widest = new Codec(model.layout, model.programs.length).width + model.programs.length
  const places = maxStates + (maxStates >> 2) + 4096
  return {
    workers,
    seed,
    control: int32(128),
    words: int32(places * widest),
    parents: int32(places),
    tables: int32(4 * powerOver(places)),
    log: int32(1 << 20)
  }
}

/** What this trial uses of a search that is nobody else's business. */
interface Inside {
  codec: Codec
  arena: { words: Int32Array }
  parents: { words: Int32Array }
  buffer: Int32Array
  from: Int32Array
  hashes: Int32Array
  places: Int32Array
  left: Int32Array
  pending: number
  head: number
  levelEnd: number
  depth: number
  transitions: number
  finals: number
  deadlocks: number
  found: Map<string, unknown>
  flush(): void
  widen(): void
  visit(): boolean
  expand(): void
}

/** One worker's part. */
class Together {
  private readonly search: Search
  private readonly inside: Inside
  private readonly control: Int32Array
  private readonly recent = new Int32Array(RECENT)
  private table: Int32Array
  private states = 0
  /** Places for new states. */
  private free = 0
  private freeEnd = 0
  private readonly advances: Array<Positions['advance']>
  private readonly met = new Set<string>()
  private logged = 0
  sink = 0

  constructor(
    model: Model,
    options: ExploreOptions,
    private readonly shared: Shared,
    private readonly worker: number
  ) {
    this.search = new Search(model, options)
    this.inside = this.search as unknown as Inside
    this.control = shared.control
    this.table = shared.tables
    this.advances = this.search.threads.map((p) => p.advance.bind(p))
  }

  run(): void {
    const { inside, control, worker } = this
    const ended = !this.begin()
    if (worker > 0) inside.transitions = inside.finals = inside.deadlocks = 0
    else this.states = this.search.states
    if (!ended) {
      this.join()
      this.levels()
    }
    const { transitions, finals, deadlocks, found, depth } = inside
    const mine = [this.states, transitions, finals, deadlocks, found.size, worker === 0 ? depth : 0]
    for (const [i, n] of mine.entries()) Atomics.add(control, TOTALS + i, n)
    this.meet(false)
  }

  /** The first levels, which all search alike; false when that is all. */
  private begin(): boolean {
    const { search, inside } = this
    search.advance(0)
    while (search.states < this.shared.seed) {
      const end = inside.levelEnd
      while (inside.head < end) if (!search.advance(end - inside.head)) return false
    }
    return true
  }

  /** From here on the search is in shared memory. */
  private join(): void {
    const { search, inside, shared, control } = this
    const n = search.states
    if (this.worker === 0) {
      shared.words.set(inside.arena.words.subarray(0, n * inside.codec.width))
      for (let i = 0; i < n; i++) shared.parents[i] = (inside.parents.words[i] as number) + 2
      control[NEXT] = Math.ceil(n / BLOCK) * BLOCK
      control[LEVEL_END] = inside.head
      control[TABLE] = powerOver(2 * n + 1024)
    }
    // This level is counted again.
    inside.depth--
    inside.arena.words = shared.words
    inside.flush = () => this.put()
    inside.widen = () => {
      throw new Error('a lane is too narrow: more states have to be searched first')
    }
    for (const [t, positions] of search.threads.entries())
      positions.advance = (id, result) => this.advance(t, id, result)
    this.meet(false)
    this.rehash()
    this.meet(false)
  }

  private levels(): void {
    const { inside, control } = this
    const { parents } = this.shared
    for (;;) {
      inside.flush()
      // What is left of a block stays empty: the places of a level are one range.
      this.free = this.freeEnd
      const decided = this.meet(true)
      if (decided === END) return
      if (decided === ENLARGE) {
        this.enlarge()
        continue
      }
      inside.depth++
      this.catchUp()
      const end = Atomics.load(control, LEVEL_END)
      for (let i = Atomics.add(control, CURSOR, BLOCK); i < end; i = Atomics.add(control, CURSOR, BLOCK))
        for (let at = i; at < Math.min(i + BLOCK, end); at++) {
          if (parents[at] === 0) continue
          inside.head = at
          if (inside.visit()) inside.expand()
        }
    }
  }

  // --- the table

  /** `flush` of a search, but others do the same. */
  private put(): void {
    const { inside, recent, control } = this
    const n = inside.pending
    if (n === 0) return
    inside.pending = 0
    if (Atomics.load(control, GROW) !== 0) {
      this.meet(true)
      this.enlarge()
    }
    const { words, parents } = this.shared
    const { table } = this
    const W = inside.codec.width
    const { buffer: buf, hashes, places, left, from } = inside
    const mask = table.length - 1
    let m = 0
    for (let i = 0; i < n; i++) {
      const b = i * W
      const h = hashOf(buf, b, W)
      const e = recent[h & (RECENT - 1)] as number
      if (e !== 0 && ((e ^ h) & ~mask) === 0) {
        const o = ((e & mask) - 1) * W
        let k = 0
        while (k < W && words[o + k] === buf[b + k]) k++
        if (k === W) continue
      }
      hashes[m] = h
      left[m++] = i
    }
    // As a search does it; the first entry of a hash need not be there yet.
    let sink = 0
    for (let j = 0; j < m; j++) sink ^= table[(hashes[j] as number) & mask] as number
    for (let j = 0; j < m; j++) {
      const h = hashes[j] as number
      let s = h & mask
      let e = table[s] as number
      while (e !== 0 && ((e ^ h) & ~mask) !== 0) {
        s = (s + 1) & mask
        e = table[s] as number
      }
      places[j] = s
      if (e !== 0) sink ^= words[((e & mask) - 1) * W] as number
    }
    this.sink = sink
    next: for (let j = 0; j < m; j++) {
      const h = hashes[j] as number
      const tag = h & ~mask
      const b = (left[j] as number) * W
      let s = places[j] as number
      let at = -1
      for (;;) {
        let e = Atomics.load(table, s)
        if (e === 0) {
          if (at < 0) {
            at = this.place()
            for (let k = 0; k < W; k++) words[at * W + k] = buf[b + k] as number
            parents[at] = (from[left[j] as number] as number) + 2
          }
          e = Atomics.compareExchange(table, s, 0, tag | (at + 1))
          if (e === 0) {
            this.free++
            this.states++
            recent[h & (RECENT - 1)] = tag | (at + 1)
            continue next
          }
        }
        if ((e & ~mask) === tag) {
          const o = ((e & mask) - 1) * W
          let k = 0
          while (k < W && words[o + k] === buf[b + k]) k++
          if (k === W) {
            recent[h & (RECENT - 1)] = e
            // Another was faster.
            if (at >= 0) parents[at] = 0
            continue next
          }
        }
        s = (s + 1) & mask
      }
    }
  }

  /** Where the next state goes. */
  private place(): number {
    if (this.free === this.freeEnd) {
      this.free = Atomics.add(this.control, NEXT, BLOCK)
      this.freeEnd = this.free + BLOCK
      if (this.freeEnd > this.shared.parents.length) throw new Error('more states than there is room for')
      if (this.freeEnd * 4 > this.table.length * 3) Atomics.store(this.control, GROW, 1)
    }
    return this.free
  }

  private enlarge(): void {
    this.rehash()
    this.meet(false)
  }

  /** Puts a worker's part of all states into the table of the present size. */
  private rehash(): void {
    const { shared, control, worker } = this
    const { words, parents, tables, workers } = shared
    const size = Atomics.load(control, TABLE)
    const table = tables.subarray(size, 2 * size)
    const mask = size - 1
    const W = this.inside.codec.width
    const places = Atomics.load(control, NEXT)
    const end = Math.floor((places * (worker + 1)) / workers)
    for (let i = Math.floor((places * worker) / workers); i < end; i++) {
      if (parents[i] === 0) continue
      const h = hashOf(words, i * W, W)
      let s = h & mask
      while (Atomics.compareExchange(table, s, 0, (h & ~mask) | (i + 1)) !== 0) s = (s + 1) & mask
    }
    this.table = table
    this.recent.fill(0)
  }

  // --- together

  /** Waits until all are here; answers what was decided, where something was to be. */
  private meet(deciding: boolean): number {
    const { control } = this
    const phase = Atomics.load(control, PHASE)
    this.check()
    if (Atomics.add(control, ARRIVED, 1) + 1 === this.shared.workers) {
      if (deciding) this.decide()
      Atomics.store(control, ARRIVED, 0)
      Atomics.add(control, PHASE, 1)
      Atomics.notify(control, PHASE)
    } else {
      let spins = SPINS
      while (Atomics.load(control, PHASE) === phase) if (spins-- <= 0) Atomics.wait(control, PHASE, phase)
    }
    this.check()
    return Atomics.load(control, DECIDED)
  }

  private check(): void {
    if (Atomics.load(this.control, FAILED) !== 0) throw new Error('another worker failed')
  }

  /** The last one to come says what all do, while nobody does anything. */
  private decide(): void {
    const { control } = this
    const table = Atomics.load(control, TABLE)
    if (Atomics.exchange(control, GROW, 0) !== 0) {
      Atomics.store(control, TABLE, table * (table <= 1 << 20 ? 4 : 2))
      Atomics.store(control, DECIDED, ENLARGE)
      return
    }
    const [from, to] = [Atomics.load(control, LEVEL_END), Atomics.load(control, NEXT)]
    Atomics.store(control, CURSOR, from)
    Atomics.store(control, LEVEL_END, to)
    Atomics.store(control, DECIDED, from === to ? END : GO_ON)
  }

  /** What follows a position: who meets it first tells it, and the others do the same before they go on. */
  private advance(t: number, id: number, result: number): number {
    const plain = this.advances[t] as Positions['advance']
    if (this.met.has(`${t},${id},${result}`)) return plain(id, result)
    const { control } = this
    while (Atomics.compareExchange(control, LOCK, 0, 1) !== 0) Atomics.wait(control, LOCK, 1)
    this.catchUp()
    const key = `${t},${id},${result}`
    const to = plain(id, result)
    if (!this.met.has(key)) {
      this.met.add(key)
      this.shared.log.set([t, id, result], this.logged * 3)
      Atomics.store(control, LOGGED, ++this.logged)
    }
    Atomics.store(control, LOCK, 0)
    Atomics.notify(control, LOCK)
    return to
  }

  private catchUp(): void {
    const { log } = this.shared
    const end = Atomics.load(this.control, LOGGED)
    for (; this.logged < end; this.logged++) {
      const [t, id, result] = log.subarray(this.logged * 3) as unknown as [number, number, number]
      this.met.add(`${t},${id},${result}`)
      const plain = this.advances[t] as Positions['advance']
      plain(id, result)
    }
  }
}

/** Searches as worker number `worker` of all; answers what all have found. */
export function searchTogether(model: Model, options: ExploreOptions, s: Shared, worker: number): Counts {
  if (options.symmetry !== undefined) throw new Error('no symmetry here')
  try {
    new Together(model, options, s, worker).run()
  } catch (e) {
    Atomics.store(s.control, FAILED, 1)
    // Whoever waits looks again.
    Atomics.add(s.control, PHASE, 1)
    Atomics.notify(s.control, PHASE)
    throw e
  }
  return Object.fromEntries(TOTAL.map((name, i) => [name, s.control[TOTALS + i] as number])) as unknown as Counts
}
