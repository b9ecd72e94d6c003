// The second half of the front end: pieces become records. A piece that begins none of its own goes on with the one
// before it: wrapped by a mailer (with a blank), cut by a terminal at its last column (without one), or torn by another
// record that was printed into it.
import { readMessage } from '../../kernel/messages.ts'
import type { Piece } from './peel.ts'
import { broken, progress, unfinished } from './template.ts'

/** One message of the kernel's, whole. */
export interface LogRecord {
  readonly text: string
  readonly line: number
  readonly mono: number | null
  readonly wall: number | null
  readonly host: string | null
  readonly boot: string | null
}

interface Open {
  readonly first: Piece
  parts: string[]
  /** Lines since a torn record was put aside. */
  age: number
}

/** A record has at most so many lines, and so many characters. */
const MOST_PARTS = 48
const MOST_TEXT = 16384
/** Torn records that wait, and for how many pieces. */
const MOST_TORN = 4
const LONGEST_WAIT = 6

/** How unstamped lines go on: by the columns of the lines before them. Found from the beginning of the log, else 80. */
export interface Wrapping {
  /** Lines cut at exactly this column go on without a blank; 0: lines are not cut. */
  readonly cut: number
}

/** Whether many lines end at one column, and none goes beyond it: a terminal's copy. */
export function wrappingOf(widths: readonly number[]): Wrapping {
  let longest = 0
  let there = 0
  for (const w of widths) {
    if (w > longest) {
      longest = w
      there = 1
    } else if (w === longest) there++
  }
  return { cut: longest >= 40 && longest <= 512 && there >= 3 && there * 20 >= widths.length ? longest : 0 }
}

export class Joiner {
  private open: Open | null = null
  private torn: Open[] = []
  /** Pieces so far that began a record: without any, every line is one. */
  private stamped = 0
  wrapping: Wrapping = { cut: 0 }
  /** The last piece was cut by its container: the next one goes on with it. */
  private partial = false

  /** `alone`: whether a text is a record by itself, whatever stands before it. */
  constructor(
    private readonly out: (r: LogRecord) => void,
    private readonly alone: (text: string) => boolean = () => false
  ) {}

  push(p: Piece): void {
    for (const t of this.torn) t.age++
    if (p.begins) this.stamped++
    const goesOn = this.partial && this.open !== null
    this.partial = p.partial
    if (goesOn) {
      const { parts } = this.open as Open
      parts[parts.length - 1] += p.text
      return
    }
    if (p.text.trim() === '' && !p.begins) {
      this.close()
      return
    }
    if (p.begins || this.open === null || this.alone(p.text.trimStart())) {
      this.begin(p)
      return
    }
    if (this.goesOn(p)) return
    this.begin(p)
  }

  end(): void {
    this.close()
    for (const t of this.torn.splice(0)) this.emit(t)
  }

  private begin(p: Piece): void {
    const before = this.open
    this.open = null
    if (before !== null) {
      if (this.stamped > 0 && unfinished(joined(before.parts, this.wrapping).trimEnd())) this.torn.push(before)
      else this.emit(before)
    }
    while (this.torn.length > 0 && (this.torn.length > MOST_TORN || (this.torn[0] as Open).age > LONGEST_WAIT))
      this.emit(this.torn.shift() as Open)
    this.open = { first: p, parts: [p.text], age: 0 }
  }

  /** Adds a piece that begins nothing to the record that it belongs to. */
  private goesOn(p: Piece): boolean {
    const open = this.open as Open
    const belongs = this.owner(p.text)
    if (belongs !== null) {
      const head = broken(belongs.parts.join(' '))
      if (belongs !== open && head !== null) belongs.parts = [head, p.text]
      else belongs.parts.push(p.text)
      if (belongs !== open) {
        this.torn = this.torn.filter((t) => t !== belongs)
        this.emit(belongs)
      }
      return true
    }
    if (COMMAND_LINE.test(open.parts[0] as string) && isParameters(p.text)) {
      open.parts.push(p.text)
      return true
    }
    if (
      !open.first.begins ||
      open.parts.length >= MOST_PARTS ||
      open.parts.reduce((n, t) => n + t.length, 0) > MOST_TEXT
    )
      return false
    open.parts.push(p.text)
    return true
  }

  /** The record whose message goes on with this text: the open one, or a torn one; null when no message does. */
  private owner(text: string): Open | null {
    const alone = progress(text).score
    let best: Open | null = null
    let most = alone
    for (const o of [this.open as Open, ...[...this.torn].reverse()]) {
      const before = joined(lastParts(o.parts), this.wrapping)
      // A message that is complete may be the beginning of a longer one.
      const head = broken(before) ?? before
      const was = progress(before).score
      for (const sep of ['', ' ']) {
        const p = progress(`${head}${sep}${sep === '' ? text : text.trimStart()}`)
        if (p.end > head.length && p.score > Math.max(most, was)) {
          most = p.score
          best = o
        }
      }
    }
    return best
  }

  /** Nothing goes on: what is open is complete. */
  close(): void {
    const o = this.open
    this.open = null
    if (o !== null) this.emit(o)
  }

  private emit(o: Open): void {
    const { line, mono, wall, host, boot } = o.first
    this.out({ text: joined(o.parts, this.wrapping).trim(), line, mono, wall, host, boot })
  }
}

/** The command line is no message with an end: what follows it and is nothing but parameters belongs to it. */
const COMMAND_LINE = /^(?:Kernel c|C)ommand line: /
const isParameters = (text: string): boolean =>
  text.includes('=') &&
  text
    .trim()
    .split(/\s+/)
    .every((w) => /^[\w.$:,-]+(?:=\S*)?$/.test(w))

/** A message that goes on begins at most so many characters before. */
const FARTHEST = 800

/** As many of the last parts as a message that goes on can have begun in. */
function lastParts(parts: readonly string[]): readonly string[] {
  let from = parts.length
  for (let n = 0; from > 0 && n < FARTHEST; from--) n += (parts[from - 1] as string).length
  return from === 0 ? parts : parts.slice(from)
}

/** The parts as one text: as the message that they give says, else as the log is wrapped. */
function joined(parts: readonly string[], wrapping: Wrapping): string {
  if (parts.length === 1) return parts[0] as string
  const cut = parts.join('')
  const words = parts.map((t, i) => (i === 0 ? t.trimEnd() : t.trim())).join(' ')
  const [a, b] = [progress(cut), progress(words)]
  if (a.complete !== b.complete) return a.complete ? cut : words
  if (a.score !== b.score) return a.score > b.score ? cut : words
  if (readMessage(cut) !== null && readMessage(words) === null) return cut
  return wrapping.cut > 0 ? cut : words
}
