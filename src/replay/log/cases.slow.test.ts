// Public reports whose answer was once wrong, if the shared cases are here: what the answer must say and must not.
// Patterns ask for the fact.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { explainLogText } from '../../report/explain-log.ts'
import { KernelLog, LogBytes } from './index.ts'

const dir = join(__dirname, '../../../../shared/cases/logs')
interface Case {
  readonly id: string
  readonly file: string
  readonly must: readonly string[]
  readonly must_not: readonly string[]
}
const casesOf = (side: string): Case[] =>
  existsSync(join(dir, side, 'cases.json'))
    ? (JSON.parse(readFileSync(join(dir, side, 'cases.json'), 'utf8')) as Case[])
    : []
const cases = ['give', 'keep'].flatMap((side) => casesOf(side).map((c) => ({ ...c, path: join(dir, side, c.file) })))
if (cases.length === 0) console.warn('cases.slow.test.ts: no cases in ../shared/cases/logs, nothing is tested')

// The patterns are Python's: flags stand at their beginning, or in a group, whose letters are then taken in both cases.
function pattern(source: string): RegExp {
  const flags = /^\(\?([ims]+)\)/.exec(source)
  const plain = (flags === null ? source : source.slice(flags[0].length)).replace(
    /\(\?i:([^)]*)\)/g,
    (_, g: string) => `(?:${g.replace(/[a-z]/gi, (c) => `[${c.toLowerCase()}${c.toUpperCase()}]`)})`
  )
  return new RegExp(plain, flags?.[1] ?? '')
}

// The answer without the section of things to record, as it is, with wrapped lines joined, and as one line.
function views(text: string): string[] {
  const t = text.replace(/\nWhat to record to know more[\s\S]*?(?=\n[A-Z][^\n]*\n|$)/, '\n')
  return [t, t.replace(/\n {4,}/g, ' '), t.replace(/\s+/g, ' ')]
}

function answer(path: string): string {
  const log = new KernelLog()
  const bytes = new LogBytes(log.reader)
  bytes.feed(readFileSync(path))
  bytes.end()
  return explainLogText(log.explain())
}

describe.runIf(cases.length > 0)('reports', () => {
  test.each(cases)('$id', (c) => {
    const text = answer(c.path)
    const seen = views(text)
    const says = (p: string): boolean => seen.some((v) => pattern(p).test(v))
    expect({ lacks: c.must.filter((p) => !says(p)), says: c.must_not.filter(says) }).toEqual({ lacks: [], says: [] })
    expect(text.split('\n').filter((l) => l.length > 80 && l.trim().includes(' '))).toEqual([])
  })
})
