// How far a text goes along one of the kernel's messages: what a mailer wrapped, a terminal cut or another record tore
// apart is put together where that goes further. The formats are those of kernel/messages.ts.
import { own } from '../../base/index.ts'
import { type MessageId, messageTable } from '../../kernel/messages.ts'

/** Messages that are long enough to be wrapped and whose every field counts. */
const LONG: readonly MessageId[] = [
  'full',
  'full_old',
  'no_pool',
  'swiotlb_overflow',
  'dma_overflow',
  'overflow_limit',
  'overflow_old',
  'bounce_overflow',
  'coherent_failed',
  'coherent_failed_old',
  'out_of_space_at',
  'out_of_space_old',
  'overflow_device',
  'mapped',
  'mapped_old',
  'size_halved',
  'size_adjusted',
  'size_roundup',
  'encrypted',
  'restricted',
  'alloc_failed'
]

/** `counts`: a number; a word may be anything, so that it proves nothing. */
type Token = { readonly literal: string } | { readonly field: RegExp; readonly counts: boolean }

const FIELD: Readonly<Record<string, RegExp>> = {
  dec: /\d+/y,
  hex: /(?:0x)?[0-9a-f]+/iy,
  bare: /[0-9a-f]+/iy,
  addr: /(?:0x)?[0-9a-f]+/iy
}

// The device before the message is not part of it: where it begins is not known in a torn line.
function tokens(text: string): Token[] {
  const out: Token[] = []
  let at = 0
  for (const m of text.matchAll(/\{(\w+)(?::(\w+))?\}/g)) {
    if (m.index > at) out.push({ literal: text.slice(at, m.index) })
    out.push({
      field: m[2] !== undefined ? (own(FIELD, m[2]) as RegExp) : m[1] === 'dev' ? /[^\s[\]]+/y : /\w+/y,
      counts: m[2] !== undefined
    })
    at = m.index + m[0].length
  }
  if (at < text.length) out.push({ literal: text.slice(at) })
  return out
}

const templates: ReadonlyArray<readonly Token[]> = LONG.map((id) =>
  tokens(messageTable[id].text.replace(/^\{dev\}: /, ': '))
)
/** What a message must show of itself before a line is taken for a broken one. */
const LEAST = 6

export interface Progress {
  /** Characters of the message that the text has; 0: none. */
  readonly score: number
  /** Where in the text it stops. */
  readonly end: number
  readonly complete: boolean
}

const NONE: Progress = { score: 0, end: 0, complete: false }

function along(template: readonly Token[], text: string, from: number): Progress {
  let at = from
  let score = 0
  for (const t of template) {
    if ('field' in t) {
      t.field.lastIndex = at
      const m = t.field.exec(text)
      if (m === null) return { score, end: at, complete: false }
      at += m[0].length
      if (t.counts) score += m[0].length
      continue
    }
    for (const c of t.literal) {
      if (text[at] !== c) return { score, end: at, complete: false }
      at++
      score++
    }
  }
  return { score, end: at, complete: true }
}

const firsts = templates.map((t) => (t[0] as { literal: string }).literal)
const escaped = (s: string): string => s.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
/** Any beginning of a message; most texts have none. */
const BEGINNING = new RegExp([...new Set(firsts.map((f) => escaped(f.slice(0, LEAST))))].join('|'))
/** The last three characters of a text that may be cut within a message's first few. */
const CUT = new Set(firsts.flatMap((f) => [3, 4, 5].filter((n) => n < LEAST).map((n) => f.slice(n - 3, n))))

/** The furthest that any message gets in the text. */
export function progress(text: string): Progress {
  if (!BEGINNING.test(text) && !CUT.has(text.slice(-3))) return NONE
  let best = NONE
  for (const template of templates) {
    const first = (template[0] as { literal: string }).literal
    const head = first.slice(0, LEAST)
    // Whole beginnings anywhere, and one that the end of the text cuts.
    for (let i = text.indexOf(head); i >= 0; i = text.indexOf(head, i + 1)) {
      const p = along(template, text, i)
      if (p.score > best.score || (p.score === best.score && p.complete)) best = p
    }
    for (let n = Math.min(LEAST - 1, text.length); n >= 3; n--) {
      if (text.endsWith(first.slice(0, n)) && best.score < n) best = { score: n, end: text.length, complete: false }
    }
  }
  return best
}

/**
 * The text up to where a message in it breaks off, at its end or because something else was printed into it; null when
 * none does.
 */
export function broken(text: string): string | null {
  const p = progress(text)
  return p.score >= 3 && !p.complete ? text.slice(0, p.end) : null
}

/** Whether the text ends in the middle of a message. */
export function unfinished(text: string): boolean {
  const p = progress(text)
  return p.score >= 3 && !p.complete && p.end === text.length
}
