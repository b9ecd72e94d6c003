// An array of 32-bit words that grows by copying. (A WebAssembly memory would grow in place, but the first time it
// does, V8 gives up its assumption that no buffer is ever detached, and every typed array access of the program gets
// slower: measured, 0.35 s of 2.1 (docs/decisions/0002).)

/**
 * A system gives memory when it is first written: room that is never used costs nothing, but each copy is written anew,
 * which was a tenth of a large search. So it grows to eight times, but a small one, which may be one of many, to twice,
 * and a large one by half: not every system is so, and the copy and the original are there together for a moment.
 */
const SMALL = 1 << 16
const LARGE = 1 << 24

function larger(have: number): number {
  if (have < SMALL) return have * 2
  return have < LARGE ? Math.min(LARGE, have * 8) : have + (have >> 1)
}

export class Words {
  words: Int32Array

  constructor(n: number) {
    this.words = new Int32Array(n)
  }

  /** Makes room for `n` words at least; `words` is then another array. */
  ensure(n: number): void {
    const have = this.words.length
    if (n <= have) return
    const bigger = new Int32Array(Math.max(n, larger(have)))
    bigger.set(this.words)
    this.words = bigger
  }
}
