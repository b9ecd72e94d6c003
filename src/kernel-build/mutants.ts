// Single changes of a tree's DMA code, as a patch might make one by mistake: they measure what the library of tests
// would notice. The text is read, not understood; what no test can tell from the original is listed apart by what it
// touches.
import { blank, closing } from './c-text.ts'
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
  /** Why no test can tell it from the original, as far as the text says; null: one should. */
  readonly apart: 'prints' | 'statistics' | 'barriers' | 'build time' | 'initcall' | 'not reached' | null
}

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

function apartOf(line: string, fn: string, header: string, reached: ReadonlySet<string> | null): Mutant['apart'] {
  if (
    /\b(?:pr_|dev_)(?:warn|err|info|debug|dbg|notice)\w*\s*\(|\bprintk|\btrace_\w+\(|\b(?:dev_)?WARN|\bpanic\(/.test(
      line
    )
  )
    return 'prints'
  if (/hiwater|total_used|debugfs|\bused\b|transient_nslabs|pool_size_add/.test(line) || /hiwater|debugfs/.test(fn))
    return 'statistics'
  // memory is sequentially consistent here: that cache maintenance has ended shows in nothing
  if (/arch_sync_dma_flush|\bflush\b/.test(line)) return 'barriers'
  if (/BUILD_BUG|IS_ENABLED/.test(line)) return 'build time'
  return (reached !== null && !reached.has(fn)) || /\b__setup\b/.test(header) ? 'not reached' : null
}

/** All mutants of a file. `reached`: functions that a call of the tests can come to; null: not asked. */
export function mutantsOf(file: string, raw: string, reached: ReadonlySet<string> | null = null): Mutant[] {
  const text = blank(raw)
  const lines: Array<{ at: number; end: number }> = []
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\n', at) < 0 ? text.length : text.indexOf('\n', at)
    lines.push({ at, end })
    at = end + 1
  }
  const out: Mutant[] = []
  const initcalls = new Set([...text.matchAll(/^\w*_initcall(?:_sync)?\(\s*(\w+)\s*\);/gm)].map((m) => m[1]))
  for (const fn of functionsOf(text)) {
    const add = (n: number, kind: MutantKind, changed: string, from: number, to: number, whole?: string): void => {
      const l = lines[n] as { at: number; end: number }
      const made = whole ?? raw.slice(0, from) + changed + raw.slice(to)
      const before = raw.slice(l.at, l.end).trim()
      out.push({
        file,
        line: n + 1,
        function: fn.name,
        kind,
        before,
        after:
          whole === undefined && kind !== 'call dropped'
            ? ((raw.slice(l.at, from) + changed + raw.slice(to, Math.max(l.end, to))).trim().split('\n')[0] as string)
            : '',
        text: made,
        apart:
          // whether an initcall failed is told by initcall_debug alone
          initcalls.has(fn.name) && kind === 'condition negated' && /^\s*(?:ret|err|rc) = -?\w+;\n/.test(text.slice(to))
            ? 'initcall'
            : apartOf(before, fn.name, fn.header, reached)
      })
    }
    for (const [n, { at, end }] of lines.entries()) {
      if (at < fn.open || end > fn.end) continue
      const line = text.slice(at, end)
      for (const m of line.matchAll(/\bif \(/g)) {
        const open = at + m.index + m[0].length - 1
        const close = closing(text, open)
        if (close > 0 && close <= fn.end) add(n, 'condition negated', `(!${raw.slice(open, close)})`, open, close)
      }
      const call = /^\t+(\w+)\s*\(/.exec(line)
      if (
        call !== null &&
        !LOCKS.test(line) &&
        !/^(?:if|for|while|switch|return|sizeof|list_for_each\w*|BUILD_BUG_ON)$/.test(call[1] as string)
      ) {
        const close = closing(text, at + call[0].length - 1)
        if (close > 0 && text[close] === ';')
          add(n, 'call dropped', '', at + (call[0].length - call[0].trimStart().length), close)
      }
      for (const [a, b] of SWAPS)
        for (const [x, y] of [
          [a, b],
          [b, a]
        ] as const) {
          if (x !== 'DMA_ATTR_NO_WARN')
            for (const m of line.matchAll(new RegExp(`\\b${x}\\b`, 'g')))
              add(n, 'address or attribute swapped', y, at + m.index, at + m.index + x.length)
        }
      for (const [re, to] of SHIFTS)
        for (const m of line.matchAll(re)) add(n, 'off by one', to(m[0]), at + m.index, at + m.index + m[0].length)
    }
    const first = lines.findIndex((l) => l.at > fn.open && l.end < fn.end && LOCKS.test(text.slice(l.at, l.end)))
    if (first >= 0)
      add(
        first,
        'lock removed',
        '',
        0,
        0,
        raw.slice(0, fn.open) + withoutLocks(raw.slice(fn.open, fn.end)) + raw.slice(fn.end)
      )
  }
  return out
}

const withoutLocks = (body: string): string =>
  body
    .split('\n')
    .map((l) =>
      LOCKS.test(l)
        ? l.replace(/\S.*$/, l.includes('irqsave') ? `${/,\s*(\w+)\s*\)/.exec(l)?.[1] ?? 'flags'} = 0;` : ';')
        : l
    )
    .join('\n')

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
