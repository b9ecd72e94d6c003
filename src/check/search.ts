// All reachable states of a model, breadth first, so that the first way to a finding is a shortest one. States are flat words in
// one arena, found again through an open hash table of 32-bit indexes; no object per state. Successors are collected in a buffer and
// put into the table together: their cache misses then overlap, which is most of the time of a large search.
//
// The slow twin is reference.ts; trace.ts turns a finding back into steps.
import { type Action, BLOCKED, ENDED, type Finding, FOLLOWS, type GraphOptions, Graphs, OTHER, Positions, STEP, type Store } from '../step/index.ts'
import { Words } from './arena.ts'
import type { Model, Start } from './model.ts'

export interface ExploreOptions {
  /** New states beyond this are not looked at and the result is incomplete. Default 10 million. */
  readonly maxStates?: number
  /** `calls`: a call runs to its end unless it blocks: an abstraction. Default `steps`. */
  readonly interleave?: 'steps' | 'calls'
  /** Called now and then; answering false ends the search, which is then incomplete. */
  readonly onProgress?: (states: number, transitions: number) => boolean
  /** Called once for each state; answers what is wrong with it. The store is only valid during the call and must not be written. */
  readonly onState?: (store: Store, state: number) => readonly Finding[] | null | undefined
  /** Called for each state in which all threads have ended. */
  readonly onFinal?: (store: Store, state: number) => readonly Finding[] | null | undefined
  /** What to report where no thread can move and some have not ended. Default: one finding that names what they wait for. */
  readonly onDeadlock?: (store: Store, waiting: readonly Waiting[]) => readonly Finding[] | null | undefined
  /** Findings with one key are one: the first is kept. Default `property|site|decision`. */
  readonly key?: (f: Finding) => string
  readonly graph?: GraphOptions
}

/** A thread that cannot move, and what it waits for. */
export interface Waiting { readonly thread: number; readonly action: Action }

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
export interface Micro { readonly thread: number; readonly action: Action; readonly outcome: number; readonly result: number; readonly findings: readonly Finding[] }

/** One way a thread can go from a state. */
export interface Move {
  readonly thread: number
  readonly micros: readonly Micro[]
  /** Shared words and packed positions afterwards; null when a fatal finding ends the run. */
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

class SlotStore implements Store {
  readonly u8: Uint8Array
  readonly u32: Uint32Array
  readonly i32: Int32Array
  constructor(private readonly search: Search, buffer: ArrayBuffer, from: number, words: number) {
    this.i32 = new Int32Array(buffer, from * 4, words)
    this.u32 = new Uint32Array(buffer, from * 4, words)
    this.u8 = new Uint8Array(buffer, from * 4, words * 4)
  }

  local(thread: number, index: number): number {
    return (this.search.threads[thread] as Positions).local(this.search.lane(this.i32, thread), index)
  }

  finding(f: Finding): void { this.search.note(f) }
}

export class Search {
  readonly graphs: Graphs
  readonly threads: Positions[]
  /** Words of the shared part, and of a whole vector. */
  readonly sharedWords: number
  private width = 0
  /** Where a thread's position lies in the vector. */
  private laneBits = 8
  private laneWord: Int32Array
  private laneShift: Int32Array
  private laneMask = 0xff

  private readonly arena = new Words(1024)
  private readonly parents = new Words(256)
  private table: Int32Array
  private count = 0
  private transitions = 0
  private head = 0
  private depth = 0
  private maxDepth = 0
  private levelEnd = 0
  private finals = 0
  private deadlocks = 0
  private complete = true
  private readonly maxStates: number
  private readonly calls: boolean
  private readonly keyOf: (f: Finding) => string
  private readonly found = new Map<string, Found>()
  private readonly stopped = new Set<number>()

  // The buffer of successors.
  private buffer: ArrayBuffer
  private i32: Int32Array
  private slots: SlotStore[] = []
  private readonly hashes = new Int32Array(BATCH)
  private readonly heads = new Int32Array(BATCH)
  private readonly from = new Int32Array(BATCH)
  private pending = 0
  /** Keeps the loads of a batch from being dropped. */
  sink = 0

  // The state being expanded, and intermediate states of moves of several accesses.
  private current: SlotStore
  private levels: SlotStore[] = []
  private noted: Finding[] = []
  private moves: Move[] | null = null
  private micros: Micro[] = []

  constructor(readonly model: Model, private readonly options: ExploreOptions) {
    this.graphs = new Graphs(options.graph)
    this.threads = model.programs.map((p) => new Positions(p, this.graphs))
    this.sharedWords = model.layout.totalWords
    this.maxStates = options.maxStates ?? 10_000_000
    this.calls = options.interleave === 'calls'
    this.keyOf = options.key ?? ((f) => `${f.property}|${f.site}|${f.decision}`)
    this.table = new Int32Array(1024)
    this.laneWord = new Int32Array(this.threads.length)
    this.laneShift = new Int32Array(this.threads.length)
    this.placeLanes(8)
    this.buffer = new ArrayBuffer(BATCH * this.width * 4)
    this.i32 = new Int32Array(this.buffer)
    this.makeSlots()
    this.current = this.scratch()
  }

  // --- the vector ---------------------------------------------------------------------------------------------------------

  private placeLanes(bits: number): void {
    this.laneBits = bits
    this.laneMask = bits === 32 ? -1 : (1 << bits) - 1
    const each = 32 / bits
    for (let t = 0; t < this.threads.length; t++) {
      this.laneWord[t] = this.sharedWords + Math.floor(t / each)
      this.laneShift[t] = (t % each) * bits
    }
    this.width = Math.max(1, this.sharedWords + Math.ceil(this.threads.length / each))
  }

  private makeSlots(): void {
    this.buffer = new ArrayBuffer(BATCH * this.width * 4)
    this.i32 = new Int32Array(this.buffer)
    this.slots = []
  }

  private scratch(): SlotStore { return new SlotStore(this, new ArrayBuffer(this.width * 4), 0, this.width) }
  private slot(i: number): SlotStore { return this.slots[i] ??= new SlotStore(this, this.buffer, i * this.width, this.width) }

  lane(v: Int32Array, t: number): number { return ((v[this.laneWord[t] as number] as number) >>> (this.laneShift[t] as number)) & this.laneMask }

  private setLane(v: Int32Array, t: number, position: number): void {
    const w = this.laneWord[t] as number
    const s = this.laneShift[t] as number
    v[w] = ((v[w] as number) & ~(this.laneMask << s)) | (position << s)
  }

  /** Sets a position in a vector that may have become too narrow for it; answers the vector to go on with. */
  private moveTo(st: SlotStore, t: number, position: number): SlotStore {
    if (this.laneBits < 32 && position > this.laneMask) {
      const places = this.threads.map((_, i) => this.lane(st.i32, i))
      const shared = st.i32.slice(0, this.sharedWords)
      st = this.widen(st)
      st.i32.set(shared)
      for (let i = 0; i < places.length; i++) this.setLane(st.i32, i, places[i] as number)
    }
    this.setLane(st.i32, t, position)
    return st
  }

  /** Doubles the bits of a position in every state stored; answers what has become of `st`. */
  private widen(st: SlotStore): SlotStore {
    const level = this.levels.indexOf(st)
    const isCurrent = st === this.current
    this.flush()
    const old = { width: this.width, word: this.laneWord.slice(), shift: this.laneShift.slice(), mask: this.laneMask }
    this.placeLanes(this.laneBits * 2)
    const repack = (from: Int32Array, at: number, to: Int32Array, into: number): void => {
      for (let i = 0; i < this.sharedWords; i++) to[into + i] = from[at + i] as number
      for (let i = this.sharedWords; i < this.width; i++) to[into + i] = 0
      for (let t = 0; t < this.threads.length; t++) {
        const p = ((from[at + (old.word[t] as number)] as number) >>> (old.shift[t] as number)) & old.mask
        const w = into + (this.laneWord[t] as number)
        to[w] = (to[w] as number) | (p << (this.laneShift[t] as number))
      }
    }
    if (this.width !== old.width) {
      // From the last state backwards, so that none is overwritten before it is read.
      this.arena.ensure(this.count * this.width)
      const one = new Int32Array(old.width)
      for (let i = this.count - 1; i >= 0; i--) {
        for (let k = 0; k < old.width; k++) one[k] = this.arena.words[i * old.width + k] as number
        repack(one, 0, this.arena.words, i * this.width)
      }
      const renew = (s: SlotStore): SlotStore => { const n = this.scratch(); repack(s.i32, 0, n.i32, 0); return n }
      this.makeSlots()
      this.current = renew(this.current)
      this.levels = this.levels.map(renew)
    } else {
      const one = new Int32Array(this.width)
      for (let i = 0; i < this.count; i++) {
        one.set(this.arena.words.subarray(i * this.width, (i + 1) * this.width))
        repack(one, 0, this.arena.words, i * this.width)
      }
      for (const s of [this.current, ...this.levels]) {
        one.set(s.i32)
        repack(one, 0, s.i32, 0)
      }
    }
    this.rehash(this.table.length)
    return isCurrent ? this.current : level >= 0 ? this.levels[level] as SlotStore : this.slot(0)
  }

  // --- the table ----------------------------------------------------------------------------------------------------------

  private rehash(size: number): void {
    const table = size === this.table.length ? this.table.fill(0) : new Int32Array(size)
    const mask = size - 1
    const W = this.width
    const words = this.arena.words
    for (let i = 0; i < this.count; i++) {
      const h = hashOf(words, i * W, W)
      let s = h & mask
      while (table[s] !== 0) s = (s + 1) & mask
      table[s] = (h & ~mask) | (i + 1)
    }
    this.table = table
  }

  /** Puts the buffer's states into the table, in order; new ones into the arena. */
  private flush(): void {
    const n = this.pending
    if (n === 0) return
    this.pending = 0
    const W = this.width
    const buf = this.i32
    const hashes = this.hashes
    const heads = this.heads
    let table = this.table
    let mask = table.length - 1
    let words = this.arena.words
    for (let i = 0; i < n; i++) {
      const h = hashOf(buf, i * W, W)
      hashes[i] = h
      heads[i] = table[h & mask] as number
    }
    let sink = 0
    for (let i = 0; i < n; i++) {
      const e = heads[i] as number
      if (e !== 0) sink ^= words[((e & mask) - 1) * W] as number
    }
    this.sink = sink
    next: for (let i = 0; i < n; i++) {
      const h = hashes[i] as number
      const tag = h & ~mask
      const b = i * W
      let s = h & mask
      for (;;) {
        const e = table[s] as number
        if (e === 0) break
        if ((e & ~mask) === tag) {
          const o = ((e & mask) - 1) * W
          let k = 0
          while (k < W && words[o + k] === buf[b + k]) k++
          if (k === W) continue next
        }
        s = (s + 1) & mask
      }
      const at = this.count
      if (at >= this.maxStates) {
        this.complete = false
        this.pending = 0
        return
      }
      table[s] = tag | (at + 1)
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
        this.rehash(table.length * (table.length < 1 << 20 ? 4 : 2))
        table = this.table
        mask = table.length - 1
      }
      if (this.options.onState !== undefined) this.look(this.options.onState(this.slot(i), at), at, this.from[i] === NO_PARENT ? 0 : this.depth + 1)
    }
  }

  private look(findings: readonly Finding[] | null | undefined, state: number, length: number): void {
    if (!findings) return
    for (const finding of findings) {
      this.record(finding, state, -1, length)
      if (finding.fatal) this.stopped.add(state)
    }
  }

  private record(finding: Finding, state: number, thread: number, length: number): void {
    const key = this.keyOf(finding)
    const known = this.found.get(key)
    if (known === undefined || known.length > length) this.found.set(key, { key, finding, state, thread, length })
  }

  /** What an action notices; kept only if its move happens. */
  note(f: Finding): void { this.noted.push(f) }

  // --- the search -----------------------------------------------------------------------------------------------------------

  run(): void {
    for (const start of this.model.starts) this.begin(start)
    this.flush()
    this.levelEnd = this.count
    this.transitions = 0
    const progress = this.options.onProgress
    let next = 1 << 16
    while (this.complete) {
      if (this.head === this.levelEnd) {
        this.flush()
        if (this.head === this.count) break
        this.depth++
        this.levelEnd = this.count
      }
      if (progress !== undefined && this.head >= next) {
        next += 1 << 16
        if (progress(this.count, this.transitions) === false) this.complete = false
      }
      if (this.stopped.size === 0 || !this.stopped.has(this.head)) this.expand()
      this.head++
    }
    this.maxDepth = this.depth
  }

  private begin(start: Start): void {
    const st = this.slot(this.pending)
    st.i32.fill(0)
    start.init(st)
    this.noted.length = 0
    let to = st
    for (let t = 0; t < this.threads.length; t++) {
      const positions = this.threads[t] as Positions
      const locals = start.locals?.[t]
      to = this.moveTo(to, t, locals === undefined ? positions.start : positions.startWith(locals))
    }
    this.from[this.pending] = NO_PARENT
    if (++this.pending === BATCH) this.flush()
  }

  /** All moves from the state at `head`. */
  private expand(): void {
    const before = this.transitions
    let ended = 0
    const T = this.threads.length
    for (let t = 0; t < T; t++) {
      const positions = this.threads[t] as Positions
      const p = ((this.arena.words[this.head * this.width + (this.laneWord[t] as number)] as number) >>> (this.laneShift[t] as number)) & this.laneMask
      const kind = positions.kind[p] as number
      if (kind === ENDED) {
        ended++
        continue
      }
      if (this.calls || positions.glue[p] !== STEP) {
        this.macro(t, p)
        continue
      }
      if (kind === OTHER) {
        const action = positions.actions[p] as Action
        const n = positions.outcomes[p] as number
        for (let c = 0; c < n; c++) this.other(t, p, positions, action, c)
        continue
      }
      // Byte accesses, without a call.
      const addr = positions.addr[p] as number
      const value = positions.value[p] as number
      const outcomes = kind === 4 ? 2 : 1
      for (let c = 0; c < outcomes; c++) {
        const st = this.slot(this.pending)
        const to = st.i32
        const W = this.width
        const at = this.head * W
        const from = this.arena.words
        for (let k = 0; k < W; k++) to[k] = from[at + k] as number
        const u8 = st.u8
        const v = u8[addr] as number
        let r = 0
        switch (kind) {
          case 0: r = v; break
          case 1: r = (v & value) !== 0 ? 1 : 0; break
          case 2: r = v === 0 ? 1 : 0; break
          case 3: u8[addr] = value; break
          case 4: if (c === 0) { u8[addr] = value; r = 1 } break
          case 5: if (v !== 0) r = BLOCKED; else u8[addr] = 1; break
          case 6: u8[addr] = 0; break
        }
        if (r === BLOCKED) break
        let n = r < (positions.width[p] as number) ? positions.table[(positions.base[p] as number) + r] as number : 0
        if (n === 0) n = positions.advance(p, r) + 1
        this.arrive(st, t, n - 1, positions)
      }
    }
    if (ended === T) {
      this.finals++
      if (this.options.onFinal !== undefined) this.look(this.options.onFinal(this.load(), this.head), this.head, this.depth)
    } else if (this.transitions === before) {
      this.deadlocks++
      const waiting = this.waiting()
      const say = this.options.onDeadlock ?? deadlock(this.model)
      this.look(say(this.current, waiting), this.head, this.depth)
    }
  }

  /** One outcome of any action but a byte access. */
  private other(t: number, p: number, positions: Positions, action: Action, outcome: number): void {
    const st = this.slot(this.pending)
    const to = st.i32
    const W = this.width
    const at = this.head * W
    const from = this.arena.words
    for (let k = 0; k < W; k++) to[k] = from[at + k] as number
    const r = action.perform(st, outcome)
    if (r === BLOCKED) {
      if (this.noted.length > 0) this.noted.length = 0
      return
    }
    if (this.noted.length > 0 && this.take(t)) return
    let n = r >= 0 && r < (positions.width[p] as number) ? positions.table[(positions.base[p] as number) + r] as number : 0
    if (n === 0) n = positions.advance(p, r) + 1
    this.arrive(st, t, n - 1, positions)
  }

  /** A step of thread `t` led to position `n` in the slot `st`: done, unless silent actions follow. */
  private arrive(st: SlotStore, t: number, n: number, positions: Positions): void {
    if (positions.glue[n] === FOLLOWS) {
      const at = this.level(0)
      at.i32.set(st.i32)
      this.moveTo(at, t, n)
      this.go(0, t, n, true)
      return
    }
    if (n > this.laneMask && this.laneBits < 32) st = this.moveTo(st, t, n)
    else {
      const w = this.laneWord[t] as number
      const s = this.laneShift[t] as number
      const to = st.i32
      to[w] = ((to[w] as number) & ~(this.laneMask << s)) | (n << s)
    }
    this.transitions++
    this.from[this.pending] = this.head
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
    if (fatal) this.transitions++
    return fatal
  }

  // --- moves of several accesses ------------------------------------------------------------------------------------------

  private level(i: number): SlotStore { return this.levels[i] ??= this.scratch() }

  /** The state at `head` in `current`. */
  private load(): SlotStore {
    const W = this.width
    const o = this.head * W
    for (let k = 0; k < W; k++) this.current.i32[k] = this.arena.words[o + k] as number
    return this.current
  }

  /** Moves of thread `t` that begin with silent actions, or whole calls. */
  private macro(t: number, p: number): void {
    this.pathFindings.length = 0
    const at = this.level(0)
    const W = this.width
    const o = this.head * W
    for (let k = 0; k < W; k++) at.i32[k] = this.arena.words[o + k] as number
    this.go(0, t, p, false)
  }

  private readonly pathFindings: Finding[] = []
  private passes = new Set<string>()

  /**
   * Goes on from the state at level `depth`, where thread `t` stands at `p` and has already moved (`depth` > 0 or `visible`).
   * Steps: leading silent actions, one visible, the silent ones that follow. Calls: to the end of the call's group, or where it blocks.
   */
  private go(depth: number, t: number, p: number, visible: boolean): void {
    const positions = this.threads[t] as Positions
    const action = positions.actions[p] as Action
    let blocked = true
    if (depth === 0 && this.passes.size > 0) this.passes.clear()
    for (let c = 0; c < action.outcomes; c++) {
      // Read anew each time: a vector may have been widened meanwhile.
      let to = this.level(depth + 1)
      to.i32.set(this.level(depth).i32)
      const r = action.perform(to, c)
      if (r === BLOCKED) {
        this.noted.length = 0
        continue
      }
      blocked = false
      const mark = this.pathFindings.length
      const findings = this.noted
      this.noted = []
      for (const f of findings) this.pathFindings.push(f)
      if (this.moves !== null) this.micros.push({ thread: t, action, outcome: c, result: r, findings })
      if (findings.some((f) => f.fatal)) this.commit(null, t)
      else {
        const n = positions.next(p, r)
        to = this.moveTo(to, t, n)
        const seen = visible || positions.glue[p] === STEP
        if (this.stops(positions, p, n, seen)) this.commit(to, t)
        else if (!this.repeats(to, depth)) this.go(depth + 1, t, n, seen)
      }
      if (this.moves !== null) this.micros.pop()
      this.pathFindings.length = mark
    }
    // A call that blocks in its middle stops there, as does a silent action that cannot happen now. A statement whose first step
    // cannot happen has not begun.
    if (blocked && (depth > 0 || visible) && (this.calls || positions.glue[p] === FOLLOWS)) this.commit(this.level(depth), t)
  }

  /** Whether a move that went from `p` to `n` is over. */
  private stops(positions: Positions, p: number, n: number, visible: boolean): boolean {
    if (positions.kind[n] === ENDED) return true
    if (this.calls) return positions.entries[n] === 1 && (positions.group(n) !== positions.group(p) || positions.pc(n) <= positions.pc(p))
    return positions.entries[n] === 1 || (visible && positions.glue[n] !== FOLLOWS)
  }

  /** Whether a long move has been here before: it would never end. */
  private repeats(st: SlotStore, depth: number): boolean {
    if (depth < 64) return false
    const key = st.i32.join()
    if (this.passes.has(key)) return true
    this.passes.add(key)
    return false
  }

  private commit(st: SlotStore | null, t: number): void {
    if (this.moves !== null) {
      this.moves.push({ thread: t, micros: [...this.micros], to: st === null ? null : st.i32.slice() })
      return
    }
    for (const f of this.pathFindings) this.record(f, this.head, t, this.depth + 1)
    this.transitions++
    if (st === null) return
    this.slot(this.pending).i32.set(st.i32)
    this.from[this.pending] = this.head
    if (++this.pending === BATCH) this.flush()
  }

  /** What each thread that has not ended waits for, in the state at `head`, which is then in `current`. */
  private waiting(): Waiting[] {
    this.load()
    const out: Waiting[] = []
    for (let t = 0; t < this.threads.length; t++) {
      const positions = this.threads[t] as Positions
      let p = this.lane(this.current.i32, t)
      if (positions.ended(p)) continue
      // Silent actions that begin a statement can happen; what comes after them cannot.
      const at = this.level(0)
      at.i32.set(this.current.i32)
      while (positions.glue[p] !== STEP) {
        const r = (positions.actions[p] as Action).perform(at, 0)
        if (r === BLOCKED) break
        p = positions.next(p, r)
        if (positions.kind[p] === ENDED) break
      }
      this.noted.length = 0
      const action = positions.actions[p]
      if (action) out.push({ thread: t, action })
    }
    return out
  }

  // --- afterwards -------------------------------------------------------------------------------------------------------------

  /** The states from a start to `state`. */
  path(state: number): number[] {
    const out: number[] = []
    for (let i = state; i !== NO_PARENT; i = this.parents.words[i] as number) out.push(i)
    return out.reverse()
  }

  /** The vector of a state: a copy. */
  vector(state: number): Int32Array { return this.arena.words.slice(state * this.width, (state + 1) * this.width) }

  /** The state as a store, valid until the next call. */
  view(state: number): Store {
    this.head = state
    return this.load()
  }

  /** Any vector of this search as a store, valid until the next call. */
  viewOf(vector: Int32Array): Store {
    this.current.i32.set(vector)
    return this.current
  }

  /** Which of the model's starts a state without a parent came from: the first that gives it. */
  startOf(state: number): number {
    const want = this.vector(state)
    return this.model.starts.findIndex((start) => {
      const st = this.scratch()
      start.init(st)
      for (let t = 0; t < this.threads.length; t++) {
        const positions = this.threads[t] as Positions
        const locals = start.locals?.[t]
        this.setLane(st.i32, t, locals === undefined ? positions.start : positions.startWith(locals))
      }
      this.noted.length = 0
      return st.i32.every((w, i) => w === want[i])
    })
  }

  /** All moves from a state, access by access, in the order of the search. */
  movesFrom(state: number): Move[] {
    this.head = state
    const moves: Move[] = []
    for (let t = 0; t < this.threads.length; t++) {
      const p = this.lane(this.load().i32, t)
      if ((this.threads[t] as Positions).ended(p)) continue
      this.moves = moves
      this.micros = []
      this.macro(t, p)
      this.moves = null
    }
    return moves
  }

  result(): Exploration {
    return {
      states: this.count, transitions: this.transitions, complete: this.complete, finals: this.finals, deadlocks: this.deadlocks, depth: this.maxDepth,
      findings: [...this.found.values()].sort((a, b) => a.length - b.length),
      bytesPerState: this.count === 0 ? 0 : this.width * 4 + 4 + this.table.length * 4 / this.count,
      positions: this.threads.reduce((n, p) => n + p.size, 0), nodes: this.graphs.size, search: this
    }
  }
}

function deadlock(model: Model): (store: Store, waiting: readonly Waiting[]) => readonly Finding[] {
  return (_store, waiting) => {
    const each = waiting.map((w) => `${model.programs[w.thread]?.name ?? w.thread} at ${w.action.text(BLOCKED, 0)}`)
    return [{ property: 'deadlock', site: each.join(', '), decision: '', summary: `no thread can go on: ${each.join('; ')}`, fatal: true }]
  }
}

/** Murmur3's word mixing: all 32 bits count, the low ones choose the slot and the high ones are kept beside the index. */
function hashOf(v: Int32Array, from: number, n: number): number {
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
