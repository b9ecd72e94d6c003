// One piece of work on several machines: which of them an item is for, and the lines that each writes. A line stands
// for itself, so that a share that was killed loses what it was at and nothing else; lines of the same answer may come
// twice.
import { type Diagnostic, err, ok, type Result } from '../base/index.ts'
import { hash } from '../check/index.ts'

/** `2/8`: the second of eight. */
export interface Share {
  readonly index: number
  readonly of: number
}

const MOST_SHARES = 10_000

export function parseShare(text: string): Share | null {
  const m = /^(\d{1,5})\/(\d{1,5})$/.exec(text)
  const share = { index: Number(m?.[1]), of: Number(m?.[2]) }
  return m !== null && share.index >= 1 && share.index <= share.of && share.of <= MOST_SHARES ? share : null
}

export const shareText = (s: Share): string => `${s.index}/${s.of}`

// Mixed so that keys which differ in their last letter only are far apart.
function weight(key: string): number {
  let h = Number.parseInt(hash(key), 16)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/**
 * The share of each item, from 1. Items whose cost was measured go, the dearest first, to the share that has least by
 * then; the others where the hash of their name and the share's number is greatest (rendezvous hashing). So a new item,
 * which nobody has measured, moves no other.
 */
export function assign(
  items: readonly string[],
  of: number,
  cost: (item: string) => number | undefined
): ReadonlyMap<string, number> {
  const out = new Map<string, number>()
  const load = new Array<number>(of).fill(0)
  const measured = items.map((item) => ({ item, cost: cost(item) ?? 0 })).filter((m) => m.cost > 0)
  measured.sort((a, b) => b.cost - a.cost || (a.item < b.item ? -1 : 1))
  for (const m of measured) {
    const least = load.indexOf(Math.min(...load))
    load[least] = (load[least] as number) + m.cost
    out.set(m.item, least + 1)
  }
  for (const item of items) {
    if (out.has(item)) continue
    let [best, most] = [1, -1]
    for (let s = 1; s <= of; s++) {
      const w = weight(`${item}\n${s}`)
      if (w > most) [best, most] = [s, w]
    }
    out.set(item, best)
  }
  return out
}

/** First line of a share: what was asked for. `run` names the work: verb, arguments, items and their texts. */
export interface ShareHeader {
  readonly format: 1
  readonly kind: 'share'
  readonly run: string
  readonly verb: string
  readonly arguments: readonly string[]
  readonly share: string
}
/** An answer: `item` is what goes to one share as a whole, `key` one task of it. */
export interface ShareAnswer {
  readonly format: 1
  readonly kind: 'answer'
  readonly run: string
  readonly item: string
  readonly key: string
  readonly value: unknown
}

const isText = (v: unknown): v is string => typeof v === 'string'

function lineOf(v: unknown): ShareHeader | ShareAnswer | null {
  if (v === null || typeof v !== 'object') return null
  const o = v as Record<string, unknown>
  if (o['format'] !== 1 || !isText(o['run'])) return null
  if (o['kind'] === 'share')
    return isText(o['verb']) &&
      isText(o['share']) &&
      parseShare(o['share']) !== null &&
      Array.isArray(o['arguments']) &&
      o['arguments'].every(isText)
      ? (o as unknown as ShareHeader)
      : null
  if (o['kind'] === 'answer')
    return isText(o['item']) && isText(o['key']) && 'value' in o ? (o as unknown as ShareAnswer) : null
  return null
}

/** One line of a share's file. */
function parseShareLine(text: string): Result<ShareHeader | ShareAnswer, string> {
  let v: unknown
  try {
    v = JSON.parse(text)
  } catch {
    return err('is no JSON: half a line, or another file')
  }
  const line = lineOf(v)
  return line === null ? err('is no line of a share of format 1') : ok(line)
}

const NEXT = 'tbit merge takes what a verb with --shard writes to its --out'

/**
 * Several files of shares, line by line. What cannot be read costs its own line; files of another run than the first
 * one's, and answers that contradict, are told and left out.
 */
export class ShareJoin {
  readonly headers: ShareHeader[] = []
  readonly errors: Diagnostic[] = []
  /** Answers that came again, alike. */
  twice = 0
  // The lines as they were read: a value is made when it is asked for.
  private readonly answers = new Map<string, string>()
  private readonly foreign = new Set<string>()
  private run: { readonly id: string; readonly file: string } | null = null

  /**
   * `n`: from 1; `whole`: it had its end of line. A line that was cut off when its share was killed is no error: what
   * it was about is missing.
   */
  line(file: string, n: number, text: string, whole = true): void {
    if (text === '' || this.foreign.has(file)) return
    const bad = (word: string, message: string, hint = NEXT): void => {
      this.errors.push({ code: 'TB-006', file, line: n, column: 1, word: word.slice(0, 40), message, hint })
    }
    const parsed = parseShareLine(text)
    if (!parsed.ok) {
      if (whole) bad(text, parsed.error)
      // What does not begin as a share is another file as a whole.
      if (n === 1) this.foreign.add(file)
      return
    }
    const line = parsed.value
    this.run ??= { id: line.run, file }
    if (line.run !== this.run.id) {
      this.foreign.add(file)
      bad(
        line.run,
        `is of another run than ${this.run.file}: other arguments, other tests or another tbit`,
        'merge the shares of one run; run this one again with what the others had'
      )
    } else if (line.kind === 'share') this.headers.push(line)
    else this.answer(line, text, bad)
  }

  private answer(line: ShareAnswer, text: string, bad: (word: string, message: string, hint: string) => void): void {
    const before = this.answers.get(line.key)
    if (before === undefined) this.answers.set(line.key, text)
    else if (before === text) this.twice++
    else
      bad(
        line.key,
        `answers '${line.key}' otherwise than a line before it`,
        'the same input gives the same answer: a bug of tbit or of a machine, worth a report with both files'
      )
  }

  get id(): string | null {
    return this.run?.id ?? null
  }
  get size(): number {
    return this.answers.size
  }
  /** The answer of a task; undefined when no share has it. */
  value(key: string): unknown {
    const text = this.answers.get(key)
    return text === undefined ? undefined : (JSON.parse(text) as ShareAnswer).value
  }
}
