// An array of 32-bit words that grows by copying. (A WebAssembly memory would grow in place, but the first time it
// does, V8 gives up its assumption that no buffer is ever detached, and every typed array access of the program gets
// slower: measured, 0.35 s of 2.1 (docs/decisions/0002).)

/**
 * From this many words on it grows by half, not to twice: the copy and the original are there together for a moment.
 */
const LARGE = 1 << 24

export class Words {
  words: Int32Array

  constructor(n: number) {
    this.words = new Int32Array(n)
  }

  /** Makes room for `n` words at least; `words` is then another array. */
  ensure(n: number): void {
    const have = this.words.length
    if (n <= have) return
    const bigger = new Int32Array(Math.max(n, have < LARGE ? have * 2 : have + (have >> 1)))
    bigger.set(this.words)
    this.words = bigger
  }
}
