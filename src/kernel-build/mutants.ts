// Single changes of a tree's DMA code, as a patch might make one by mistake: they measure what the library of tests
// would notice. The text is read, not understood; what no test can tell from the original is listed apart by what it
// touches.
import { blank, closing } from './c-text.ts'
import { type Edit, type Inner, shifted } from './mutants-asleep.ts'
import { functionsOf } from './writers.ts'

export type MutantKind =
  | 'condition negated'
  | 'call dropped'
  | 'lock removed'
  | 'address or attribute swapped'
  | 'off by one'

export interface Mutant {
  readonly file: string
  readonly line: number
  readonly function: string
  readonly kind: MutantKind
  /** The line as it is, and as it becomes; of a lock all lines of the function change. */
  readonly before: string
  readonly after: string
  /** The whole file, changed. */
  readonly text: string
  /** Where it differs from the original, and what stands there in a text in which it can be woken (asleep()). */
  readonly edits: readonly Edit[]
  /** Why no test can tell it from the original, as far as the text says; null: one should. */
  readonly apart: Apart | null
}

/** Why no test can tell a mutant from the original. */
export const APART = [
  'prints',
  'statistics',
  'barriers',
  'assertions',
  'locks made',
  'build time',
  'initcall',
  'not reached'
] as const
type Apart = (typeof APART)[number]

export const MUTATED = [
  'kernel/dma/direct.c',
  'kernel/dma/direct.h',
  'kernel/dma/swiotlb.c',
  'kernel/dma/pool.c'
] as const

const SWAPS: ReadonlyArray<readonly [string, string]> = [
  ['phys_to_dma_unencrypted', 'phys_to_dma'],
  ['dma_set_decrypted', 'dma_set_encrypted'],
  ['set_memory_decrypted', 'set_memory_encrypted'],
  ['DMA_TO_DEVICE', 'DMA_FROM_DEVICE'],
  ['DMA_ATTR_CC_SHARED', 'DMA_ATTR_NO_WARN'],
  ['DMA_ATTR_SKIP_CPU_SYNC', 'DMA_ATTR_NO_WARN'],
  ['DMA_ATTR_NO_KERNEL_MAPPING', 'DMA_ATTR_NO_WARN'],
  ['DMA_ATTR_MMIO', 'DMA_ATTR_NO_WARN']
]
const SHIFTS: ReadonlyArray<readonly [RegExp, (m: string) => string]> = [
  [/\bnr_slots\([^()]*(?:\([^()]*\)[^()]*)*\)/g, (m) => `(${m} + 1)`],
  [/ >= /g, () => ' > '],
  [/ <= /g, () => ' < '],
  [/ < (?!<)/g, () => ' <= '],
  [/ > (?!>)/g, () => ' >= '],
  [/\bi \+ 1\b/g, () => 'i'],
  [/\bindex \+ i\b/g, () => 'index + i + 1']
]
const LOCKS = /\b(?:raw_)?(?:spin|read|write|mutex)_(?:un)?lock(?:_\w+)?\s*\(|\brcu_read_(?:un)?lock\s*\(/

const PRINTS = new RegExp(
  [
    String.raw`\b(?:pr_|dev_)(?:warn|err|info|debug|dbg|notice)\w*\s*\(`,
    String.raw`\bprintk|\btrace_\w+\(|\b(?:dev_)?WARN|\bpanic\(|\bswiotlb_print_info\(`
  ].join('|')
)
const COUNTS = /hiwater|total_used|debugfs|\bused\b|transient_nslabs|pool_size_add|(?:inc|dec)_(?:transient_)?used/
/** Behind a condition: nothing but one call that prints. */
const ONLY_PRINTS = new RegExp(`^\\s*(?:${PRINTS.source})[^;]*;(?!\\s*else\\b)`)

/** `behind`: the text behind a condition that is negated. */
function apartOf(
  line: string,
  fn: string,
  header: string,
  behind: string | null,
  reached: ReadonlySet<string> | null
): Apart | null {
  if (PRINTS.test(line) || /print/.test(fn) || (behind !== null && ONLY_PRINTS.test(behind))) return 'prints'
  if (COUNTS.test(line) || /hiwater|debugfs|pool_size_add/.test(fn)) return 'statistics'
  // memory is sequentially consistent here: that cache maintenance has ended shows in nothing
  if (/arch_sync_dma_flush|\bflush\b/.test(line)) return 'barriers'
  // one that holds shows in nothing
  if (/^BUG_ON\(/.test(line)) return 'assertions'
  // of zeroed memory a lock is a free one
  if (/^(?:raw_)?spin_lock_init\(/.test(line)) return 'locks made'
  if (/BUILD_BUG|IS_ENABLED/.test(line)) return 'build time'
  return (reached !== null && !reached.has(fn)) || /\b__setup\b/.test(header) ? 'not reached' : null
}

interface Change {
  readonly kind: MutantKind
  readonly changed: string
  readonly from: number
  readonly to: number
  readonly edits: readonly Edit[]
}

/** Where lines begin and end. */
function linesOf(text: string): Array<{ readonly at: number; readonly end: number }> {
  const lines: Array<{ at: number; end: number }> = []
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\n', at) < 0 ? text.length : text.indexOf('\n', at)
    lines.push({ at, end })
    at = end + 1
  }
  return lines
}

/** All mutants of a file. `reached`: functions that a call of the tests can come to; null: not asked. */
export function mutantsOf(file: string, raw: string, reached: ReadonlySet<string> | null = null): Mutant[] {
  const text = blank(raw)
  const lines = linesOf(text)
  const out: Mutant[] = []
  const initcalls = new Set([...text.matchAll(/^\w*_initcall(?:_sync)?\(\s*(\w+)\s*\);/gm)].map((m) => m[1]))
  for (const fn of functionsOf(text)) {
    const within = (l: { readonly at: number; readonly end: number }): boolean => l.at >= fn.open && l.end <= fn.end
    for (const [n, l] of lines.entries()) {
      if (!within(l)) continue
      const before = raw.slice(l.at, l.end).trim()
      for (const { kind, changed, from, to, edits } of changesOf(raw, text, l, fn.end)) {
        const after = (raw.slice(l.at, from) + changed + raw.slice(to, Math.max(l.end, to)))
          .trim()
          .split('\n')[0] as string
        // whether an initcall failed is told by initcall_debug alone
        const initcall =
          initcalls.has(fn.name) && kind === 'condition negated' && /^\s*(?:ret|err|rc) = -?\w+;\n/.test(text.slice(to))
        out.push({
          ...{ file, line: n + 1, function: fn.name, kind, before, after: kind === 'call dropped' ? '' : after, edits },
          text: raw.slice(0, from) + changed + raw.slice(to),
          apart: initcall
            ? 'initcall'
            : apartOf(before, fn.name, fn.header, kind === 'condition negated' ? text.slice(to) : null, reached)
        })
      }
    }
    const first = lines.findIndex((l) => l.at > fn.open && l.end < fn.end && LOCKS.test(text.slice(l.at, l.end)))
    const l = lines[first]
    if (l === undefined) continue
    const before = raw.slice(l.at, l.end).trim()
    out.push({
      ...{ file, line: first + 1, function: fn.name, kind: 'lock removed', before, after: '' },
      edits: locks(raw, fn.open, fn.end),
      text: raw.slice(0, fn.open) + withoutLocks(raw.slice(fn.open, fn.end)) + raw.slice(fn.end),
      apart: apartOf(before, fn.name, fn.header, null, reached)
    })
  }
  return out
}

const NO_CALLS = /^(?:if|for|while|switch|return|sizeof|list_for_each\w*|BUILD_BUG_ON)$/

/** The changes of one line, but for locks; `last`: where its function ends. */
function* changesOf(
  raw: string,
  text: string,
  { at, end }: { readonly at: number; readonly end: number },
  last: number
): Generator<Change> {
  const line = text.slice(at, end)
  for (const m of line.matchAll(/\bif \(/g)) {
    const from = at + m.index + m[0].length - 1
    const to = closing(text, from)
    const edits = [{ from, to, woken: (on: string, inner: Inner) => `(${on} != !!${inner(from, to)})` }]
    if (to > 0 && to <= last) yield { kind: 'condition negated', changed: `(!${raw.slice(from, to)})`, from, to, edits }
  }
  const call = /^(\t+)(\w+)\s*\(/.exec(line)
  if (call !== null && !LOCKS.test(line) && !NO_CALLS.test(call[2] as string)) {
    const to = closing(text, at + call[0].length - 1)
    const from = at + (call[1] as string).length
    const woken = (on: string, inner: Inner): string => `do { if (!${on}) { ${inner(from, to)}; } } while (0)`
    if (to > 0 && text[to] === ';' && beginsStatement(text, from))
      yield { kind: 'call dropped', changed: '', from, to, edits: [{ from, to, woken }] }
  }
  for (const [x, y] of SWAPS.flatMap(([a, b]) => [[a, b] as const, [b, a] as const]))
    for (const m of x === 'DMA_ATTR_NO_WARN' ? [] : line.matchAll(new RegExp(`\\b${x}\\b`, 'g'))) {
      const [from, to] = [at + m.index, at + m.index + x.length]
      const edits = [{ from, to, woken: (on: string) => `(${on} ? ${y} : ${x})` }]
      yield { kind: 'address or attribute swapped', changed: y, from, to, edits }
    }
  for (const [re, to] of SHIFTS)
    for (const m of line.matchAll(re)) {
      const [from, end] = [at + m.index, at + m.index + m[0].length]
      const changed = to(m[0])
      yield { kind: 'off by one', changed, from, to: end, edits: [shifted(text, from, end, changed)] }
    }
}

/** Whether a statement can begin there: what comes before has ended, whatever the preprocessor is told between. */
function beginsStatement(text: string, at: number): boolean {
  const before = text
    .slice(Math.max(0, at - 400), at)
    .replace(/^#.*$/gm, '')
    .trimEnd()
  if (!before.endsWith(')')) return /(?:[;{}:]|\belse|\bdo)$/.test(before)
  // Of `if (...)` or of a macro that loops; not of a cast.
  let depth = 0
  for (let i = before.length - 1; i >= 0; i--) {
    depth += before[i] === ')' ? 1 : before[i] === '(' ? -1 : 0
    if (depth === 0) return /\w\s?$/.test(before.slice(0, i))
  }
  return false
}

const unlocked = (line: string): string =>
  line.includes('irqsave') ? `${/,\s*(\w+)\s*\)/.exec(line)?.[1] ?? 'flags'} = 0;` : ';'

const withoutLocks = (body: string): string =>
  body
    .split('\n')
    .map((l) => (LOCKS.test(l) ? l.replace(/\S.*$/, unlocked(l)) : l))
    .join('\n')

/** The lines of a function that take or release a lock. */
function locks(raw: string, open: number, end: number): Edit[] {
  const out: Edit[] = []
  for (const m of raw.slice(open, end).matchAll(/\S.*$/gm)) {
    if (!LOCKS.test(m[0])) continue
    const [from, to] = [open + m.index, open + m.index + m[0].length]
    out.push({ from, to, woken: (on, inner) => `{ if (${on}) { ${unlocked(m[0])} } else { ${inner(from, to)} } }` })
  }
  return out
}

const TELL = '__attribute__((import_module("tbit"), import_name("entered"))) void tbit_i_entered(const char *name); '

/**
 * The file with its functions telling when they are entered (kernel-c Host.entered): a test that never enters a
 * function cannot tell its mutants from the original. Lines keep their numbers.
 */
export function tellingEntries(raw: string): string {
  let out = TELL
  let at = 0
  for (const fn of functionsOf(blank(raw))) {
    out += `${raw.slice(at, fn.open + 1)} tbit_i_entered("${fn.name}");`
    at = fn.open + 1
  }
  return out + raw.slice(at)
}
