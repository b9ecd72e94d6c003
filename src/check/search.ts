// All reachable states of a model, breadth first, so that the first way to a finding is a shortest one. States are a
// few words each (codec.ts) in one arena, found again through an open hash table of 32-bit indexes; no object per
// state. Successors are collected in a buffer and put into the table together: their cache misses then overlap, which
// is most of the time of a large search.
//
// The slow twin is reference.ts; trace.ts turns a finding back into steps.
import {
  type Action,
  BLOCKED,
  ENDED,
  type Finding,
  FOLLOWS,
  type GraphOptions,
  Graphs,
  KIND,
  OTHER,
  Positions,
  STEP,
  type Store
} from '../step/index.ts'
import { Words } from './arena.ts'
import { Codec } from './codec.ts'
import type { Model, Start } from './model.ts'
import { Canonical, type Symmetry } from './symmetry.ts'

/** What makes two findings one, unless a search is told otherwise. */
export const findingKey = (f: Finding): string => `${f.property}|${f.site}|${f.decision}`

export interface ExploreOptions {
  /** New states beyond this are not looked at and the result is incomplete. Default 10 million. */
  readonly maxStates?: number
  /** `calls`: a call runs to its end unless it blocks: an abstraction. Default `steps`. */
  readonly interleave?: 'steps' | 'calls'
  /** Called now and then; answering false ends the search, which is then incomplete. */
  readonly onProgress?: (states: number, transitions: number) => boolean
  /**
   * Called once for each state, in the order of discovery; answers what is wrong with it. The store is only valid
   * during the call and must not be written.
   */
  readonly onState?: (store: Store, state: number) => readonly Finding[] | null | undefined
  /** Called for each state in which all threads have ended. */
  readonly onFinal?: (store: Store, state: number) => readonly Finding[] | null | undefined
  /**
   * What to report where no thread can move and some have not ended. Default: one finding that names what they wait
   * for.
   */
  readonly onDeadlock?: (store: Store, waiting: readonly Waiting[]) => readonly Finding[] | null | undefined
  /** Findings with one key are one: the first is kept. Default `property|site|decision`. */
  readonly key?: (f: Finding) => string
  /**
   * What a finding counts as, wherever it is met: itself, another (a fatal one ends the run there), or null: nothing.
   * Default: itself.
   */
  readonly judge?: (f: Finding) => Finding | null
  /**
   * Asked when no state is left and a fatal finding has ended runs: true goes on from where they ended, as `judge` then
   * sees it. So one finding does not hide another, and only the states where runs ended are expanded again. A way to
   * what is found then need not be the shortest.
   */
  readonly again?: (found: readonly Found[]) => boolean
  readonly graph?: GraphOptions
  /**
   * Things that the model tells apart by their number only: of states that differ in a renumbering one is kept.
   * Properties must not tell them apart.
   */
  readonly symmetry?: Symmetry
}

/** A thread that cannot move, and what it waits for. */
export interface Waiting {
  readonly thread: number
  readonly action: Action
}

/** The first occurrence of a finding: in a state, or during a move from it. */
export interface Found {
  readonly key: string
  readonly finding: Finding
  readonly state: number
  /** The thread whose move from `state` made it; -1 when `state` itself is wrong. */
  readonly thread: number
  /** Moves on the way. */
  readonly length: number
}

export interface Exploration {
  readonly states: number
  readonly transitions: number
  /** Every reachable state was expanded. */
  readonly complete: boolean
  /** States in which all threads have ended; none: the test is vacuous. */
  readonly finals: number
  readonly deadlocks: number
  /** Moves from the start to the farthest state. */
  readonly depth: number
  /** Shortest first, then in order of discovery. */
  readonly findings: readonly Found[]
  /** Bytes of a state: vector, parent, table. */
  readonly bytesPerState: number
  readonly positions: number
  readonly nodes: number
  /** For trace.ts. */
  readonly search: Search
}

/** One access of a move: which action, how the environment decided, what it answered. */
export interface Micro {
  readonly thread: number
  readonly action: Action
  readonly outcome: number
  readonly result: number
  readonly findings: readonly Finding[]
}

/** One way a thread can go from a state. */
export interface Move {
  readonly thread: number
  readonly micros: readonly Micro[]
  /** Shared words, then positions, afterwards; null when a fatal finding ends the run. */
  readonly to: Int32Array | null
}

/** Explores `model` completely, or up to a limit. */
export function explore(model: Model, options: ExploreOptions = {}): Exploration {
  const search = new Search(model, options)
  search.run()
  return search.result()
}

const BATCH = 128
const NO_PARENT = -1
/** Who waits is told after so many states; a state counts as so many moves. */
const TOLD = 1 << 12
const MOVES = 16
const TRY = KIND.try
/** Most places for states met lately; never more than the table has. */
const RECENT = 1 << 14

/** A state in its working form: shared bytes and words, then a word for each thread's position. */
class Working implements Store {
  readonly u8: Uint8Array
  readonly u32: Uint32Array
  readonly i32: Int32Array
  /** Whose action is performed on it; nobody's where a thread runs alone. */
  thread: number | undefined = undefined
  private readonly shared: number
  constructor(
    private readonly search: Search,
    words: number
  ) {
    this.i32 = new Int32Array(words)
    this.u32 = new Uint32Array(this.i32.buffer)
    this.u8 = new Uint8Array(this.i32.buffer)
    this.shared = search.sharedWords
  }

  local(thread: number, index: number): number {
    return (this.search.threads[thread] as Positions).local(this.i32[this.shared + thread] as number, index)
  }

  finding(f: Finding): void {
    this.search.note(f)
  }
}

export class Search {
  readonly graphs: Graphs
  readonly threads: Positions[]
  /** Words of the shared part. */
  readonly sharedWords: number
  private codec: Codec
  private readonly canonical: Canonical | null

  private readonly arena = new Words(1024)
  private readonly parents = new Words(256)
  private table: Int32Array
  private count = 0
  private transitions = 0
  private head = 0
  private depth = 0
  private levelEnd = 0
  private finals = 0
  private deadlocks = 0
  private complete = true
  private readonly maxStates: number
  private readonly calls: boolean
  private readonly alone: boolean
  readonly keyOf: (f: Finding) => string
  private readonly judge: ExploreOptions['judge']
  private readonly found = new Map<string, Found>()

  // Successors that wait for the table, in their stored form.
  private buffer: Int32Array
  private readonly hashes = new Int32Array(BATCH)
  private readonly places = new Int32Array(BATCH)
  private readonly from = new Int32Array(BATCH)
  private readonly left = new Int32Array(BATCH)
  private recent: Int32Array
  private pending = 0
  private begun = false
  private nextTold = TOLD
  private nextToldMove = TOLD * MOVES
  /** Keeps the loads of a batch from being dropped. */
  sink = 0

  /** The state at `head`; valid when `loaded`. */
  private readonly current: Working
  /** Equal to `current` between actions: an action is performed here, then undone. */
  private readonly work: Working
  private loaded = false
  /** Intermediate states of moves of several accesses. */
  private readonly levels: Working[] = []
  private noted: Finding[] = []
  private readonly pathFindings: Finding[] = []
  /** States from which a fatal finding ended a run. */
  private cut: number[] = []
  private readonly passes = new Set<string>()
  private moves: Move[] | null = null
  private micros: Micro[] = []

  constructor(
    readonly model: Model,
    private readonly options: ExploreOptions
  ) {
    this.graphs = new Graphs(options.graph)
    this.threads = model.programs.map((p) => new Positions(p, this.graphs))
    this.sharedWords = model.layout.totalWords
    this.codec = new Codec(model.layout, this.threads.length)
    this.canonical = options.symmetry === undefined ? null : new Canonical(options.symmetry, this.threads, model.layout)
    this.maxStates = options.maxStates ?? 10_000_000
    this.calls = options.interleave === 'calls'
    this.alone = model.programs.length === 1
    this.keyOf = options.key ?? findingKey
    this.judge = options.judge
    this.table = new Int32Array(1024)
    this.recent = new Int32Array(this.table.length)
    this.buffer = new Int32Array(BATCH * this.codec.width)
    this.current = this.working()
    this.work = this.working()
  }

  private working(): Working {
    return new Working(this, this.codec.loose)
  }
  private level(i: number): Working {
    return (this.levels[i] ??= this.working())
  }

  // --- the table
  // ----------------------------------------------------------------------------------------------------------

  /** Stores all states anew, with wider lanes. */
  private widen(codec: Codec): void {
    this.flush()
    const old = this.codec
    const words = this.arena.words.slice(0, this.count * old.width)
    this.arena.ensure(this.count * codec.width)
    for (let k = 0; k < this.count; k++) old.repack(words, k * old.width, codec, this.arena.words, k * codec.width)
    this.codec = codec
    this.buffer = new Int32Array(BATCH * codec.width)
    this.rehash(this.table.length)
  }

  private rehash(size: number): void {
    const table = size === this.table.length ? this.table.fill(0) : new Int32Array(size)
    const mask = size - 1
    const W = this.codec.width
    const words = this.arena.words
    for (let i = 0; i < this.count; i++) {
      const h = hashOf(words, i * W, W)
      let s = h & mask
      while (table[s] !== 0) s = (s + 1) & mask
      table[s] = (h & ~mask) | (i + 1)
    }
    this.table = table
    if (this.recent.length < RECENT) this.recent = new Int32Array(Math.min(RECENT, size))
    else this.recent.fill(0)
  }

  /**
   * Puts the buffer's states into the table, in order; new ones into the arena. Long: what is known of a batch stays in
   * local variables from pass to pass.
   */
  private flush(): void {
    const n = this.pending
    if (n === 0) return
    this.pending = 0
    const W = this.codec.width
    const buf = this.buffer
    const { hashes, places, left } = this
    let recent = this.recent
    let last = recent.length - 1
    let table = this.table
    let mask = table.length - 1
    let words = this.arena.words
    // Most states that are not new were met shortly before: those need no look into the table.
    let m = 0
    for (let i = 0; i < n; i++) {
      const b = i * W
      const h = hashOf(buf, b, W)
      const e = recent[h & last] as number
      if (e !== 0 && ((e ^ h) & ~mask) === 0) {
        const o = ((e & mask) - 1) * W
        let k = 0
        while (k < W && words[o + k] === buf[b + k]) k++
        if (k === W) continue
      }
      hashes[m] = h
      left[m++] = i
    }
    let sink = 0
    for (let j = 0; j < m; j++) sink ^= table[(hashes[j] as number) & mask] as number
    // A hash's first place mostly holds another state, whose words are of no use. So its own entry is looked for first,
    // as far as the table has it now.
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
      const i = left[j] as number
      const b = i * W
      let s = places[j] as number
      for (;;) {
        const e = table[s] as number
        if (e === 0) break
        if ((e & ~mask) === tag) {
          const o = ((e & mask) - 1) * W
          let k = 0
          while (k < W && words[o + k] === buf[b + k]) k++
          if (k === W) {
            recent[h & last] = e
            continue next
          }
        }
        s = (s + 1) & mask
      }
      const at = this.count
      if (at >= this.maxStates) {
        this.complete = false
        return
      }
      table[s] = tag | (at + 1)
      recent[h & last] = tag | (at + 1)
      const o = at * W
      if (o + W > words.length) {
        this.arena.ensure(o + W)
        words = this.arena.words
      }
      for (let k = 0; k < W; k++) words[o + k] = buf[b + k] as number
      if (at >= this.parents.words.length) this.parents.ensure(at + 1)
      this.parents.words[at] = this.from[i] as number
      this.count = at + 1
      if (this.count * 4 > table.length * 3) {
        this.rehash(table.length * (table.length <= 1 << 20 ? 4 : 2))
        table = this.table
        mask = table.length - 1
        recent = this.recent
        last = recent.length - 1
        // What was looked up in the old one is not so here.
        for (let l = j + 1; l < m; l++) places[l] = (hashes[l] as number) & mask
      }
    }
  }

  /** Records what is wrong with the state at `head`; false when one of it is fatal. */
  private look(findings: readonly Finding[] | null | undefined, state: number): boolean {
    if (!findings) return true
    let goesOn = true
    for (const f of findings) {
      const finding = this.judged(f)
      if (finding === null) continue
      this.record(finding, state, -1, this.depth)
      if (finding.fatal) goesOn = false
    }
    if (!goesOn) this.cutAt(state)
    return goesOn
  }

  private cutAt(state: number): void {
    if (this.options.again !== undefined && this.cut.at(-1) !== state) this.cut.push(state)
  }

  private record(finding: Finding, state: number, thread: number, length: number): void {
    const key = this.keyOf(finding)
    const known = this.found.get(key)
    if (known === undefined || known.length > length) this.found.set(key, { key, finding, state, thread, length })
  }

  /** What an action notices; kept only if its move happens. */
  note(f: Finding): void {
    const finding = this.judged(f)
    if (finding !== null) this.noted.push(finding)
  }

  /** What a finding counts as. */
  judged(f: Finding): Finding | null {
    return this.judge === undefined ? f : this.judge(f)
  }

  // --- the search
  // -----------------------------------------------------------------------------------------------------------

  run(): void {
    while (this.advance(Number.POSITIVE_INFINITY)) {
      /* to its end */
    }
  }

  /** States met so far. */
  get states(): number {
    return this.count
  }

  /**
   * Goes on over about `states` more states; false when nothing is left to do. What was found so far is in `result()`.
   */
  advance(states: number): boolean {
    if (!this.begun) {
      this.begun = true
      for (const start of this.model.starts) this.submit(this.begin(start), NO_PARENT)
      this.flush()
      this.levelEnd = this.count
    }
    const progress = this.options.onProgress
    const until = this.head + states
    // A state may have many moves: with many threads it has.
    const untilMove = this.transitions + states * MOVES
    while (this.complete) {
      if (this.head === this.levelEnd) {
        this.flush()
        if (this.head === this.count && !this.behindFindings()) return false
        this.depth++
        this.levelEnd = this.count
      }
      if (this.head >= until || this.transitions >= untilMove) return true
      // By states, and by moves too.
      if (progress !== undefined && (this.head >= this.nextTold || this.transitions >= this.nextToldMove)) {
        this.nextTold = this.head + TOLD
        this.nextToldMove = this.transitions + TOLD * MOVES
        if (progress(this.count, this.transitions) === false) {
          this.complete = false
          break
        }
      }
      if (this.visit()) this.expand()
      this.head++
    }
    // States that will not be expanded are looked at all the same.
    for (; this.head < this.count; this.head++) {
      if (this.head === this.levelEnd) {
        this.depth++
        this.levelEnd = this.count
      }
      this.visit()
    }
    return false
  }

  /**
   * Expands the states once more from which fatal findings ended runs, if that is wanted; false when it gives no new
   * state.
   */
  private behindFindings(): boolean {
    const { again } = this.options
    const end = this.head
    while (
      again !== undefined &&
      this.cut.length > 0 &&
      this.complete &&
      this.count === end &&
      again([...this.found.values()])
    ) {
      const { cut } = this
      this.cut = []
      for (const at of cut) {
        this.head = at
        if (this.visit()) this.expand()
      }
      this.flush()
    }
    this.head = end
    return this.count > end
  }

  /** Ends the search where it is: incomplete, with what it has found. */
  stop(): void {
    this.flush()
    if (!this.begun || this.head < this.count) this.complete = false
  }

  /** Looks at the state at `head`; false when the search must not go on from it. */
  private visit(): boolean {
    this.loaded = false
    const { onState } = this.options
    return onState === undefined || this.look(onState(this.load(), this.head), this.head)
  }

  private begin(start: Start): Working {
    const st = this.level(0)
    st.i32.fill(0)
    start.init(st)
    this.noted.length = 0
    for (let t = 0; t < this.threads.length; t++) {
      const positions = this.threads[t] as Positions
      const locals = start.locals?.[t]
      st.i32[this.sharedWords + t] = locals === undefined ? positions.start : positions.startWith(locals)
    }
    return st
  }

  /** All moves from the state at `head`. */
  private expand(): void {
    const before = this.transitions
    let ended = 0
    const T = this.threads.length
    for (let t = 0; t < T; t++) {
      const positions = this.threads[t] as Positions
      const lane = this.sharedWords + t
      // The codec is read anew each time: a state may have been stored in a wider form meanwhile.
      const codec = this.codec
      const p =
        ((this.arena.words[this.head * codec.width + (codec.word[lane] as number)] as number) >>>
          (codec.shift[lane] as number)) &
        (codec.mask[lane] as number)
      const kind = positions.kind[p] as number
      if (kind === ENDED) ended++
      else if (this.calls || this.canonical !== null || positions.glue[p] !== STEP) this.macro(t, p)
      else if (kind === OTHER) {
        const action = positions.actions[p] as Action
        const n = positions.outcomes[p] as number
        if (!this.loaded) this.load()
        this.other(t, p, positions, action, n)
      } else {
        this.byte(t, p, positions, kind, 0)
        if (kind === TRY) this.byte(t, p, positions, kind, 1)
      }
    }
    if (ended === T) {
      this.finals++
      if (this.options.onFinal !== undefined) this.look(this.options.onFinal(this.load(), this.head), this.head)
    } else if (this.transitions === before) {
      this.deadlocks++
      const waiting = this.waiting()
      const say = this.options.onDeadlock ?? deadlock(this.model)
      this.look(say(this.load(), waiting), this.head)
    }
  }

  /** The state at `head` in its working form. */
  private load(): Working {
    const cur = this.current.i32
    const work = this.work.i32
    this.codec.unpack(this.arena.words, this.head * this.codec.width, cur)
    for (let i = 0; i < work.length; i++) work[i] = cur[i] as number
    this.loaded = true
    return this.current
  }

  /** A byte access, done on the stored form. */
  private byte(t: number, p: number, positions: Positions, kind: number, outcome: number): void {
    const codec = this.codec
    const W = codec.width
    const o = this.head * W
    const words = this.arena.words
    const addr = positions.addr[p] as number
    const w = codec.byteWord[addr] as number
    const s = codec.byteShift[addr] as number
    const m = codec.byteMask[addr] as number
    const v = ((words[o + w] as number) >>> s) & m
    let to = v
    let r = 0
    switch (kind) {
      case 0:
        r = v
        break
      case 1:
        r = (v & (positions.value[p] as number)) !== 0 ? 1 : 0
        break
      case 2:
        r = v === 0 ? 1 : 0
        break
      case 3:
        to = positions.value[p] as number
        break
      case TRY:
        if (outcome === 0) {
          to = positions.value[p] as number
          r = 1
        }
        break
      case 5:
        if (v !== 0) return
        to = 1
        break
      case 6:
        to = 0
        break
    }
    let n = r < (positions.width[p] as number) ? (positions.table[(positions.base[p] as number) + r] as number) : 0
    if (n === 0) n = positions.advance(p, r) + 1
    n--
    const lane = this.sharedWords + t
    const laneMask = codec.mask[lane] as number
    if (to > m) throw new Error(`invariant broken: ${this.model.layout.nameOf(addr)} = ${to}, beyond its largest value`)
    if (positions.glue[n] === FOLLOWS) {
      const at = this.level(0)
      codec.unpack(words, o, at.i32)
      at.u8[addr] = to
      at.i32[lane] = n
      this.go(0, t, n, true)
      return
    }
    if ((n & ~laneMask) !== 0) {
      this.widen(codec.widened(lane, n))
      this.byte(t, p, positions, kind, outcome)
      return
    }
    const buf = this.buffer
    const b = this.pending * W
    for (let k = 0; k < W; k++) buf[b + k] = words[o + k] as number
    buf[b + w] = ((buf[b + w] as number) & ~(m << s)) | (to << s)
    const lw = b + (codec.word[lane] as number)
    const ls = codec.shift[lane] as number
    buf[lw] = ((buf[lw] as number) & ~(laneMask << ls)) | (n << ls)
    this.transitions++
    this.from[this.pending] = this.head
    if (++this.pending === BATCH) this.flush()
  }

  /** Any other action, in all its outcomes. */
  private other(t: number, p: number, positions: Positions, action: Action, outcomes: number): void {
    const work = this.work
    const to = work.i32
    const cur = this.current.i32
    const shared = this.sharedWords
    const lane = shared + t
    work.thread = this.alone ? undefined : t
    for (let outcome = 0; outcome < outcomes; outcome++) {
      const r = action.perform(work, outcome)
      if (r === BLOCKED) {
        // Whatever it did before it found that it cannot happen is undone.
        for (let i = 0; i < shared; i++) to[i] = cur[i] as number
        if (this.noted.length > 0) this.noted.length = 0
        continue
      }
      if (this.noted.length > 0 && this.take(t)) {
        to.set(cur)
        continue
      }
      let n =
        r >= 0 && r < (positions.width[p] as number)
          ? (positions.table[(positions.base[p] as number) + r] as number)
          : 0
      if (n === 0) n = positions.advance(p, r) + 1
      n--
      if (positions.glue[n] === FOLLOWS) {
        const at = this.level(0).i32
        at.set(to)
        at[lane] = n
        to.set(cur)
        this.go(0, t, n, true)
      } else {
        this.transitions++
        if (!this.addChanged(to, cur, lane, n)) {
          to[lane] = n
          this.submit(work, this.head)
          to.set(cur)
        }
      }
    }
  }

  /**
   * Adds to the buffer what has become of the state at `head`: words that differ between `to` and `cur`, and the
   * position `n`. Then `to` is `cur` again. False, and nothing done, when something does not fit.
   */
  private addChanged(to: Int32Array, cur: Int32Array, lane: number, n: number): boolean {
    const codec = this.codec
    const { width, word, shift, mask } = codec
    const shared = this.sharedWords
    const laneMask = mask[lane] as number
    if ((n & ~laneMask) !== 0) return false
    const o = this.head * width
    const words = this.arena.words
    const buf = this.buffer
    const b = this.pending * width
    for (let k = 0; k < width; k++) buf[b + k] = words[o + k] as number
    for (let i = 0; i < shared; i++) {
      const x = to[i] as number
      if (x === cur[i]) continue
      const y = codec.encode(i, x)
      const m = mask[i] as number
      if ((y & ~m) !== 0) return false
      const w = b + (word[i] as number)
      const s = shift[i] as number
      buf[w] = ((buf[w] as number) & ~(m << s)) | (y << s)
    }
    for (let i = 0; i < shared; i++) to[i] = cur[i] as number
    const w = b + (word[lane] as number)
    const s = shift[lane] as number
    buf[w] = ((buf[w] as number) & ~(laneMask << s)) | (n << s)
    this.from[this.pending] = this.head
    if (++this.pending === BATCH) this.flush()
    return true
  }

  /** Adds any state to the buffer. */
  private submit(st: Working, from: number): void {
    this.canonical?.apply(st.i32)
    if (this.codec.pack(st.i32, this.buffer, this.pending * this.codec.width) >= 0) {
      this.widen(this.codec.fitting(st.i32))
      this.codec.pack(st.i32, this.buffer, this.pending * this.codec.width)
    }
    this.from[this.pending] = from
    if (++this.pending === BATCH) this.flush()
  }

  /** Records what the last action noticed; true when the run ends there. */
  private take(t: number): boolean {
    let fatal = false
    for (const f of this.noted) {
      this.record(f, this.head, t, this.depth + 1)
      if (f.fatal) fatal = true
    }
    this.noted = []
    if (fatal) {
      this.transitions++
      this.cutAt(this.head)
    }
    return fatal
  }

  // --- moves of several accesses
  // ------------------------------------------------------------------------------------------

  /** Moves of thread `t` that begin with silent actions, or whole calls. */
  private macro(t: number, p: number): void {
    this.pathFindings.length = 0
    this.codec.unpack(this.arena.words, this.head * this.codec.width, this.level(0).i32)
    this.go(0, t, p, false)
  }

  /**
   * Goes on from the state at level `depth`, where thread `t` stands at `p` and has already moved (`depth` > 0 or
   * `visible`). Steps: leading silent actions, one visible, the silent ones that follow. Calls: to the end of the
   * call's group, or where it blocks.
   */
  private go(depth: number, t: number, p: number, visible: boolean): void {
    const positions = this.threads[t] as Positions
    const action = positions.actions[p] as Action
    const from = this.level(depth)
    const to = this.level(depth + 1)
    to.thread = this.alone ? undefined : t
    let blocked = true
    if (depth === 0 && this.passes.size > 0) this.passes.clear()
    for (let c = 0; c < action.outcomes; c++) {
      to.i32.set(from.i32)
      const r = action.perform(to, c)
      if (r === BLOCKED) {
        if (this.noted.length > 0) this.noted.length = 0
        continue
      }
      blocked = false
      const mark = this.pathFindings.length
      const findings = this.noted
      if (findings.length > 0) {
        this.noted = []
        for (const f of findings) this.pathFindings.push(f)
      }
      if (this.moves !== null) this.micros.push({ thread: t, action, outcome: c, result: r, findings: [...findings] })
      if (findings.some((f) => f.fatal)) this.commit(null, t)
      else {
        const n = positions.next(p, r)
        to.i32[this.sharedWords + t] = n
        const done = visible || positions.glue[p] === STEP
        if (this.stops(positions, p, n, done)) this.commit(to, t)
        else if (!this.repeats(to, depth)) this.go(depth + 1, t, n, done)
      }
      if (this.moves !== null) this.micros.pop()
      this.pathFindings.length = mark
    }
    // A call that blocks in its middle stops there, as does a silent action that cannot happen now. A statement whose
    // first step cannot happen has not begun.
    if (blocked && (depth > 0 || visible) && (this.calls || positions.glue[p] === FOLLOWS)) this.commit(from, t)
  }

  /** Whether a move that went from `p` to `n` is over. */
  private stops(positions: Positions, p: number, n: number, visible: boolean): boolean {
    if (positions.kind[n] === ENDED) return true
    if (this.calls)
      return (
        positions.entries[n] === 1 && (positions.group(n) !== positions.group(p) || positions.pc(n) <= positions.pc(p))
      )
    if (positions.leads[p] === 1) return positions.leads[n] === 1
    return positions.entries[n] === 1 || (visible && positions.glue[n] !== FOLLOWS)
  }

  /** Whether a long move has been here before: it would never end. */
  private repeats(st: Working, depth: number): boolean {
    if (depth < 64) return false
    const key = st.i32.join()
    if (this.passes.has(key)) return true
    this.passes.add(key)
    return false
  }

  private commit(st: Working | null, t: number): void {
    if (this.moves !== null) {
      this.moves.push({ thread: t, micros: [...this.micros], to: st === null ? null : st.i32.slice() })
      return
    }
    for (const f of this.pathFindings) this.record(f, this.head, t, this.depth + 1)
    this.transitions++
    if (st !== null) this.submit(st, this.head)
    else this.cutAt(this.head)
  }

  /** What each thread that has not ended waits for, in the state at `head`. */
  private waiting(): Waiting[] {
    const out: Waiting[] = []
    for (let t = 0; t < this.threads.length; t++) {
      const positions = this.threads[t] as Positions
      const at = this.level(0)
      this.codec.unpack(this.arena.words, this.head * this.codec.width, at.i32)
      let p = at.i32[this.sharedWords + t] as number
      // Silent actions that begin a statement can happen; what comes after them cannot.
      while (positions.kind[p] !== ENDED && positions.glue[p] !== STEP) {
        const r = (positions.actions[p] as Action).perform(at, 0)
        if (r === BLOCKED) break
        p = positions.next(p, r)
      }
      this.noted.length = 0
      const action = positions.actions[p]
      if (action) out.push({ thread: t, action })
    }
    return out
  }

  // --- afterwards
  // -------------------------------------------------------------------------------------------------------------

  /** The states from a start to `state`. */
  path(state: number): number[] {
    const out: number[] = []
    for (let i = state; i !== NO_PARENT; i = this.parents.words[i] as number) out.push(i)
    return out.reverse()
  }

  /** The state as a store, valid until the next call. */
  view(state: number): Store {
    this.head = state
    return this.load()
  }

  /** A state's shared words, then its positions: a copy. */
  vector(state: number): Int32Array {
    const v = new Int32Array(this.codec.loose)
    this.codec.unpack(this.arena.words, state * this.codec.width, v)
    return v
  }

  /** Which of the model's starts a state without a parent came from: the first that gives it. */
  startOf(state: number): number {
    return this.model.starts.findIndex((start) => this.isState(this.begin(start).i32, state))
  }

  /** A start's words and positions as it gives them. */
  startVector(start: number): Int32Array {
    return this.begin(this.model.starts[start] as Start).i32.slice()
  }

  /** Whether a vector is a state as the search keeps it, or another numbering of it. */
  isState(vector: Int32Array, state: number): boolean {
    const kept = vector.slice()
    this.canonical?.apply(kept)
    return this.vector(state).every((w, i) => w === kept[i])
  }

  /** All moves from a state, access by access, in the order of the search. */
  movesFrom(vector: Int32Array): Move[] {
    const moves: Move[] = []
    this.moves = moves
    for (let t = 0; t < this.threads.length; t++) {
      const p = vector[this.sharedWords + t] as number
      this.micros = []
      this.pathFindings.length = 0
      this.level(0).i32.set(vector)
      if (!(this.threads[t] as Positions).ended(p)) this.go(0, t, p, false)
    }
    this.moves = null
    return moves
  }

  /** The depth of the search says how long a way is, but not for states that were expanded again. */
  private measured(f: Found): Found {
    return this.options.again === undefined ? f : { ...f, length: this.path(f.state).length - (f.thread < 0 ? 1 : 0) }
  }

  result(): Exploration {
    return {
      states: this.count,
      transitions: this.transitions,
      complete: this.complete,
      finals: this.finals,
      deadlocks: this.deadlocks,
      depth: this.depth,
      findings: [...this.found.values()].map((f) => this.measured(f)).sort((a, b) => a.length - b.length),
      bytesPerState: this.count === 0 ? 0 : this.codec.width * 4 + 4 + (this.table.length * 4) / this.count,
      positions: this.threads.reduce((n, p) => n + p.size, 0),
      nodes: this.graphs.size,
      search: this
    }
  }
}

function deadlock(model: Model): (store: Store, waiting: readonly Waiting[]) => readonly Finding[] {
  return (_store, waiting) => {
    const each = waiting.map((w) => `${model.programs[w.thread]?.name ?? w.thread} at ${w.action.text(BLOCKED, 0)}`)
    return [
      {
        property: 'deadlock',
        site: each.join(', '),
        decision: '',
        summary: `no thread can go on: ${each.join('; ')}`,
        fatal: true
      }
    ]
  }
}

/**
 * Murmur3's word mixing: all 32 bits count, the low ones choose the slot and the high ones are kept beside the index.
 */
export function hashOf(v: Int32Array, from: number, n: number): number {
  let h = 0x2f0b4c47
  for (let i = from; i < from + n; i++) {
    let k = Math.imul(v[i] as number, 0xcc9e2d51)
    k = Math.imul((k << 15) | (k >>> 17), 0x1b873593)
    h ^= k
    h = (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
