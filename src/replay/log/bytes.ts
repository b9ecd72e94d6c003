// A log from bytes: the encoding is found from the beginning, lines are cut and given on. Memory holds one line.
import { PROBE, type TextDecoding, decoderOf } from './encoding.ts'

/** Longest line that is read, in characters: what is longer is no line of a log. */
export const LONGEST_LINE = 1 << 20

/** Cuts bytes into lines. */
export class LogBytes {
  /** Lines that were left out for their length, 1-based. */
  readonly tooLong: number[] = []
  bytes = 0
  private held: Uint8Array[] | null = []
  private heldBytes = 0
  private decoder: TextDecoding | null = null
  private rest = ''
  private skipping = false
  /** Lines so far. */
  count = 0

  constructor(private readonly line: (text: string) => void) {}

  feed(chunk: Uint8Array): void {
    this.bytes += chunk.length
    if (this.held === null) {
      this.text((this.decoder as TextDecoding).decode(chunk, { stream: true }))
      return
    }
    this.held.push(chunk.slice())
    this.heldBytes += chunk.length
    if (this.heldBytes >= PROBE) this.begin()
  }

  end(): void {
    if (this.held !== null) this.begin()
    this.text((this.decoder as TextDecoding).decode())
    if (this.rest !== '' && !this.skipping) this.give(this.rest)
    this.rest = ''
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
    this.decoder = decoderOf(first)
    this.text(this.decoder.decode(first, { stream: true }))
  }

  private give(text: string): void {
    this.count++
    if (text.length > LONGEST_LINE) {
      this.tooLong.push(this.count)
      this.line('')
    } else this.line(text)
  }

  private text(more: string): void {
    this.rest += more
    let from = 0
    for (let nl = this.rest.indexOf('\n'); nl >= 0; nl = this.rest.indexOf('\n', from)) {
      if (this.skipping) this.skipping = false
      else this.give(this.rest.slice(from, nl))
      from = nl + 1
    }
    this.rest = this.rest.slice(from)
    if (this.rest.length <= LONGEST_LINE) return
    if (!this.skipping) {
      this.count++
      this.tooLong.push(this.count)
      this.line('')
    }
    this.skipping = true
    this.rest = ''
  }
}
