// Where calls of the C need to stop: at words that two threads touch, one of them writing, and that no lock protects;
// and at the locks that two threads take. Everything else a thread may do in one go with what it did before, since no
// other can tell. Which they are is found out: a search notes what is touched under which locks; as long as it comes
// upon another place it is done again with that one, too. The locks of a word are those that were held at every access
// (as Eraser does it, Savage et al. 1997); that a section under a lock is one step with what comes before it is
// Lipton's reduction.

/** Words of four bytes: a bitfield's storage unit, at least, is one. */
const WORD = 2

interface Touched {
  readers: number
  writers: number
  locks: readonly number[]
}

export class Points {
  private stops = new Set<number>()
  private locks = new Set<number>()
  private readonly nextStops = new Set<number>()
  private readonly nextLocks = new Set<number>()
  private readonly words = new Map<number, Touched>()
  private readonly takers = new Map<number, number>()
  /** Words that are the machine's bookkeeping: locks themselves, statistics. */
  private readonly never = new Set<number>()
  private readonly lent = new Map<string, string>()

  /** A search has ended. False when it came upon nothing new: it was the last. */
  next(): boolean {
    const grew = this.nextStops.size > 0 || this.nextLocks.size > 0
    // sets that a search has seen stay as they are
    this.stops = new Set([...this.stops, ...this.nextStops])
    this.locks = new Set([...this.locks, ...this.nextLocks])
    this.nextStops.clear()
    this.nextLocks.clear()
    return grew
  }

  ignore(at: number): void {
    this.never.add(at >> WORD)
  }

  stopsAt(at: number, bytes: number): boolean {
    const first = at >> WORD
    const last = (at + bytes - 1) >> WORD
    return this.stops.has(first) || (last !== first && this.stops.has(last))
  }
  contended(lock: number): boolean {
    return this.locks.has(lock)
  }
  /** Two threads meet at this lock. */
  contend(lock: number): void {
    if (!this.locks.has(lock)) this.nextLocks.add(lock)
  }

  taken(thread: number, lock: number): void {
    this.ignore(lock)
    const by = (this.takers.get(lock) ?? 0) | (1 << thread)
    this.takers.set(lock, by)
    if ((by & (by - 1)) !== 0) this.contend(lock)
  }

  touched(thread: number, at: number, bytes: number, reads: boolean, writes: boolean, held: readonly number[]): void {
    const last = (at + bytes - 1) >> WORD
    for (let w = at >> WORD; w <= last; w++) {
      if (this.never.has(w)) continue
      let t = this.words.get(w)
      if (t === undefined) this.words.set(w, (t = { readers: 0, writers: 0, locks: held }))
      if (reads) t.readers |= 1 << thread
      if (writes) t.writers |= 1 << thread
      if (t.locks.length > 0) t.locks = t.locks.filter((l) => held.includes(l))
      const all = t.readers | t.writers
      if (t.writers !== 0 && (all & (all - 1)) !== 0 && t.locks.length === 0 && !this.stops.has(w))
        this.nextStops.add(w)
    }
  }

  /**
   * What the C is told of the model's own state, in these words, is `value` now. Where it changes, the words are
   * somebody else's, too.
   */
  told(what: string, value: string, words: readonly number[]): void {
    const had = this.lent.get(what)
    if (had === undefined) this.lent.set(what, value)
    else if (had !== value) for (const at of words) if (!this.stops.has(at >> WORD)) this.nextStops.add(at >> WORD)
  }
}
