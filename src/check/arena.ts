// An array of 32-bit words that grows without a copy once it is large: a WebAssembly memory grows in place. Where there is
// none, it doubles.

const PAGE = 65536
interface Memory { readonly buffer: ArrayBuffer; grow(pages: number): number }
const Wasm = (globalThis as { WebAssembly?: { Memory: new (o: { initial: number; maximum: number }) => Memory } }).WebAssembly
/** Below this many words a plain array is copied: that is faster than making a memory. */
const SMALL = 1 << 20

export class Words {
  words: Int32Array
  private memory: Memory | null = null

  constructor(n: number) { this.words = new Int32Array(n) }

  /** Makes room for `n` words at least; `words` is then another array. */
  ensure(n: number): void {
    const have = this.words.length
    if (n <= have) return
    if (this.memory === null && n > SMALL) this.move(n)
    if (this.memory !== null) {
      const want = Math.ceil(Math.max(n, have + (have >> 2)) * 4 / PAGE) - this.memory.buffer.byteLength / PAGE
      try {
        if (want > 0) this.memory.grow(want)
        this.words = new Int32Array(this.memory.buffer)
        return
      } catch {
        this.memory = null
      }
    }
    const bigger = new Int32Array(Math.max(n, have * 2))
    bigger.set(this.words)
    this.words = bigger
  }

  private move(n: number): void {
    if (Wasm === undefined) return
    try {
      this.memory = new Wasm.Memory({ initial: Math.ceil(n * 4 / PAGE), maximum: 65536 })
      const words = new Int32Array(this.memory.buffer)
      words.set(this.words)
      this.words = words
    } catch {
      this.memory = null
    }
  }
}
