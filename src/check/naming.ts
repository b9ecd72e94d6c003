// The text of steps for the reader: bits of a storage unit by name, what a statement yielded.
import {
  errnoName,
  isErr,
  isObject,
  isUnset,
  isWord,
  type System,
  type TbitObject,
  valueWord
} from '../system/index.ts'
import { isStatus, statusErrno } from '../litmus/threads.ts'
import { DEV_BITS } from '../kernel/index.ts'
import type { Passed } from '../step/index.ts'
import type { Change, Trace, TraceStep } from './trace.ts'

const hex = (n: number): string => `0x${n.toString(16)}`
const bitNames: ReadonlyArray<readonly [string, number]> = Object.entries(DEV_BITS)

/** The set bits of the byte that the flag shares, by name. */
export function bitsText(v: number): string {
  const names = bitNames.filter(([, m]) => (v & m) === m).map(([n]) => n)
  const rest = bitNames.reduce((left, [, m]) => left & ~m, v)
  if (rest !== 0) names.push(hex(rest))
  return names.length === 0 ? 'none' : names.join('+')
}

/** Names of bits instead of masks: `nic.bits & 0x20` becomes `nic.dma_skip_sync`. */
export function withBitNames(text: string): string {
  return text
    .replace(/\.accepted & 0x1 is/g, '.accepted is')
    .replace(/\.bits & (0x[0-9a-f]+)/g, (_m, mask: string) => `.${bitsText(Number(mask))}`)
    .replace(/\.bits (is|=) (\d+)/g, (_m, verb: string, v: string) => `.bits ${verb} ${bitsText(Number(v))}`)
    .replace(/(\.bits = .*\(read before: )(\d+)\)/g, (_m, head: string, v: string) => `${head}${bitsText(Number(v))})`)
}

/** Bits by name in the one-sentence summary of a finding. */
export const summaryText = (s: string): string =>
  !/\.bits /.test(s)
    ? s
    : s.replace(/(puts back|now|read) (0x[0-9a-f]+)/g, (_m, w: string, v: string) => `${w} ${bitsText(Number(v))}`)

function change(c: Change): Change {
  return /\.bits$/.test(c.what) ? { ...c, before: bitsText(Number(c.before)), after: bitsText(Number(c.after)) } : c
}

function objectText(o: TbitObject): string {
  switch (o.kind) {
    case 'page':
    case 'buffer':
      return `${hex(o.phys)}+${o.size}`
    case 'mapping':
      return o.bounce >= 0 ? `${hex(o.handle)} (bounced)` : `${hex(o.handle)} (direct)`
    case 'sg':
      return `[${o.segments.map(objectText).join(', ')}]`
    case 'resource':
      return hex(o.handle)
    case 'coherent':
    case 'pages':
      return `${hex(o.buffer.handle)}${o.buffer.from === 'buddy' ? '' : ` (from ${o.buffer.from})`}`
    case 'bar':
      return hex(o.phys)
    case 'usermap':
    case 'vmap':
      return `${hex(o.phys)}, ${o.alias} alias`
  }
}

/** A variable's value for the reader. */
function valueText(sys: System, v: number): string {
  if (isUnset(v)) return 'UNSET'
  if (isStatus(v)) return errnoName(statusErrno(v))
  if (isErr(v)) return `ERR (${errnoName(v)})`
  if (isWord(v)) return sys.words.name(valueWord(v))
  if (isObject(v)) return objectText(sys.objects.get(v))
  return String(v)
}

// What a statement that ended is worth telling: what it sets, or that it failed.
function yielded(sys: System, p: Passed): string[] {
  const target = /^(\w+) = /.exec(p.text)?.[1]
  if (target !== undefined) return [`${target} = ${valueText(sys, p.value)}`]
  return isErr(p.value) || isStatus(p.value) ? [`${p.text} yields ${valueText(sys, p.value)}`] : []
}

/** The trace with bits by name, and what each statement yielded. */
export function named(sys: System, t: Trace): Trace {
  const steps: TraceStep[] = t.steps.map((s) => ({
    ...s,
    text: withBitNames(s.text),
    accesses: s.accesses.map((a) => ({ ...a, text: withBitNames(a.text) })),
    changed: s.changed.map(change),
    yields: s.passed.flatMap((p) => yielded(sys, p))
  }))
  return { ...t, steps }
}
