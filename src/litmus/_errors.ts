// Collects the messages about one file: bounded, without repetition, in the order of the text.
import type { At } from './ast.ts'
import { type Diagnostic, distance, nearest } from '../base/index.ts'

/** After so many, the rest is only counted: a file that is no litmus test at all should not bury its first message. */
const MOST_ERRORS = 50

export interface More {
  readonly expected?: readonly string[]
  /** The words that could have been meant; the nearest are shown. */
  readonly known?: Iterable<string>
  readonly hint?: string
}

export class Errors {
  readonly file: string
  private readonly list: Diagnostic[] = []
  private readonly places = new Set<string>()
  private readonly soft: Diagnostic[] = []
  private readonly odd: Diagnostic[] = []
  private readonly oddPlaces = new Set<string>()
  private dropped = 0

  constructor(file: string) {
    this.file = file
  }

  /** What is wrong; words without a machine are not. */
  get count(): number {
    return this.list.length + this.dropped
  }

  /** A word that is right and has no machine yet: the test is read all the same. */
  notModelled(at: At, word: string, reason: string): void {
    this.soft.push({
      code: 'TB-003',
      file: this.file,
      line: at.line,
      column: at.column,
      word,
      message: `'${word}' is not modelled yet: ${reason}`
    })
  }

  /** One message a place: what follows at the same place is a consequence. */
  add(code: string, at: At, word: string, message: string, more: More = {}): void {
    const place = `${at.line}:${at.column}`
    if (this.places.has(place)) return
    this.places.add(place)
    if (this.list.length >= MOST_ERRORS) {
      this.dropped++
      return
    }
    this.list.push(this.diagnostic(code, at, word, message, more))
  }

  /** Odd, but allowed: the test is read and runs all the same. One message a place, bounded like the errors. */
  warn(code: string, at: At, word: string, message: string, more: More = {}): void {
    const place = `${at.line}:${at.column}`
    if (this.oddPlaces.has(place) || this.odd.length >= MOST_ERRORS) return
    this.oddPlaces.add(place)
    this.odd.push({ ...this.diagnostic(code, at, word, message, more), severity: 'warning' })
  }

  private diagnostic(code: string, at: At, word: string, message: string, more: More): Diagnostic {
    const near = more.known === undefined ? [] : nearestWords(word, more.known)
    return {
      code,
      file: this.file,
      line: at.line,
      column: at.column,
      word,
      message,
      ...(more.expected && more.expected.length > 0 ? { expected: more.expected } : {}),
      ...(near.length > 0 ? { nearest: near } : {}),
      ...(more.hint === undefined ? {} : { hint: more.hint })
    }
  }

  warnings(): Diagnostic[] {
    return [...this.odd].sort((a, b) => a.line - b.line || a.column - b.column)
  }

  all(): Diagnostic[] {
    // What has no machine yet matters once the test is right.
    const out = [...(this.list.length > 0 ? this.list : this.soft)].sort(
      (a, b) => a.line - b.line || a.column - b.column
    )
    const last = out.at(-1)
    if (this.dropped > 0 && last) {
      out.push({
        code: 'TB-240',
        file: this.file,
        line: last.line,
        column: last.column,
        word: '',
        message: `${this.dropped} further errors are not shown`
      })
    }
    return out
  }
}

// The kernel's own prefixes, which the language leaves out: DMA_TO_DEVICE, DMA_ATTR_NO_WARN, pci_tsm_lock.
const PREFIXES = ['DMA_ATTR_', '__DMA_ATTR_', 'DMA_', 'pci_', '__']

/** The nearest of `known`, a word without a kernel prefix first. */
export function nearestWords(word: string, known: Iterable<string>): string[] {
  if (word.length === 0 || word.length > 60) return []
  const all = [...known]
  const prefix = PREFIXES.find((p) => word.startsWith(p)) ?? ''
  if (prefix !== '') {
    const near = nearestWords(word.slice(prefix.length), all)
    if (near.length > 0) return near
  }
  // Of a short word, half is no likeness: `foo` is not near `or`.
  const most = Math.max(1, Math.floor(word.length / 2))
  const w = word.toLowerCase()
  const near = nearest(word, all).filter(
    (n) =>
      (w.length > 2 && n.toLowerCase().startsWith(w)) ||
      (n.length > 2 && w.startsWith(n.toLowerCase())) ||
      distance(w, n.toLowerCase()) <= most
  ) // dma_sync_single_for_cpu has all the parts of dma_sync_for_cpu, accept is a part of tsm_accept.
  const pieces = w.split('_').filter((x) => x !== '')
  const alike = all.filter((n) => {
    const theirs = n.toLowerCase().split('_')
    const [few, many] = theirs.length < pieces.length ? [theirs, pieces] : [pieces, theirs]
    return theirs.length !== pieces.length && few.every((x) => many.includes(x)) && few.join('').length > 3
  })
  return [...new Set([...near, ...alike])].slice(0, 3)
}
