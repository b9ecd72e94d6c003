// A log from bytes: the encoding is found from the beginning, and what it becomes in UTF-8 is sieved. Memory holds a
// block.
import { PROBE, type TextDecoding, decoderOf, encodingOf } from './encoding.ts'
import { Sieve, type SieveSink } from './sieve.ts'

/** Gives a log's bytes to its reader. */
export class LogBytes {
  /** Lines that were left out for their length, 1-based. */
  readonly tooLong: number[] = []
  bytes = 0
  private held: Uint8Array[] | null = []
  private heldBytes = 0
  /** For what is not UTF-8. */
  private decoder: TextDecoding | null = null
  private readonly encoder = new TextEncoder()
  private readonly sieve: Sieve

  /** `whole` and `block`: as in Sieve, for tests. */
  constructor(
    private readonly sink: Omit<SieveSink, 'long'> & { readonly lines: number },
    whole?: number,
    block?: number
  ) {
    this.sieve = new Sieve(
      {
        line: (text) => {
          sink.line(text)
        },
        skip: (n) => {
          sink.skip(n)
        },
        parse: (buf, from, word, to) => sink.parse(buf, from, word, to),
        take: () => {
          sink.take()
        },
        long: () => {
          sink.line('')
          this.tooLong.push(sink.lines)
        }
      },
      whole,
      block
    )
  }

  /** Lines so far. */
  get count(): number {
    return this.sink.lines
  }

  feed(chunk: Uint8Array): void {
    this.bytes += chunk.length
    if (this.held === null) {
      this.give(chunk)
      return
    }
    this.held.push(chunk.slice())
    this.heldBytes += chunk.length
    if (this.heldBytes >= PROBE) this.begin()
  }

  end(): void {
    if (this.held !== null) this.begin()
    if (this.decoder !== null) this.sieve.feed(this.encoder.encode(this.decoder.decode()))
    this.sieve.end()
  }

  private begin(): void {
    const held = this.held ?? []
    this.held = null
    const first = new Uint8Array(this.heldBytes)
    let at = 0
    for (const h of held) {
      first.set(h, at)
      at += h.length
    }
    if (encodingOf(first) !== 'utf-8') this.decoder = decoderOf(first)
    this.give(first)
  }

  private give(chunk: Uint8Array): void {
    this.sieve.feed(this.decoder === null ? chunk : this.encoder.encode(this.decoder.decode(chunk, { stream: true })))
  }
}
