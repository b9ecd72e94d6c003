// `tbit check --format mail`: what one pastes into a reply: the test, its verdict, the interleaving as a table of at most 78 columns, the
// command that does it again.
import type { CheckResult, Violation } from '../check/index.ts'
import { byTest, type CheckRun, commandOf, judgementText, verdictText } from './check-run.ts'
import { coverageLines, pairsText } from './check-text.ts'
import { traceTable } from './check-trace.ts'
import { runCommand } from './run.ts'
import { wrap } from './wrap.ts'

const WIDTH = 78

/** A litmus file as it is quoted: without blank lines at its ends, tabs as blanks. */
const quoted = (text: string): string[] => text.replace(/\t/g, '    ').replace(/^\s*\n|\s+$/g, '').split('\n').map((l) => `    ${l}`.trimEnd())

export function checkMail(run: CheckRun): string {
  const out: string[] = []
  for (const { test, results } of byTest(run)) {
    if (out.length > 0) out.push('', '-'.repeat(WIDTH), '')
    out.push(...wrap(`${test.name}: ${test.text}`, WIDTH))
    for (const s of test.sources) out.push(...wrap(`(${s})`, WIDTH, ' '))
    out.push('')
    const text = run.texts.get(test.file)
    if (text !== undefined) out.push(...quoted(text), '')
    for (const r of results) out.push(...wrap(line(r), WIDTH, '  '))
    const told = new Map<string, { v: Violation; where: CheckResult[] }>()
    for (const r of results) for (const v of r.violations) {
      const t = told.get(v.id)
      if (t === undefined) told.set(v.id, { v, where: [r] })
      else t.where.push(r)
    }
    for (const { v, where } of told.values()) {
      out.push('', ...wrap(`${v.property} on ${pairsText(where)}`, WIDTH, '  '), '')
      out.push(...traceTable(v, { width: WIDTH, verbose: false, bare: true }))
      out.push('', ...wrap(`=> ${v.summary}.`, WIDTH, '   '))
    }
    const first = results.find((r) => r.violations.length > 0) ?? results.find((r) => r.verdict !== 'skipped')
    if (first === undefined) continue
    out.push('')
    for (const l of coverageLines([first])) out.push(...wrap(`Covered: ${l}.`, WIDTH, '  '))
    out.push('', 'To see it again:', '', ...command(commandOf(first)))
    const runs = [...told.values()].flatMap(({ v, where }) => (v.property === 'unreached' || where[0] === undefined ? [] : [runCommand(where[0], v.schedule)]))
    if (runs.length > 0) out.push('', ...wrap(`As one execution on real bytes (${[...told.values()].map(({ v }) => v.property).join(', ')}):`, WIDTH), '', ...runs.flatMap(command))
  }
  return out.length === 0 ? '' : `${out.join('\n')}\n`
}

// A long command goes on after a backslash.
function command(text: string): string[] {
  const out: string[] = []
  for (const part of text.split(/ (?=--)/)) {
    const last = out.at(-1)
    if (last !== undefined && last.length + 1 + part.length + 2 <= WIDTH) out[out.length - 1] = `${last} ${part}`
    else out.push(`${out.length === 0 ? '    ' : '        '}${part}`)
  }
  return out.map((l, i) => (i < out.length - 1 ? `${l} \\` : l))
}

const line = (r: CheckResult): string => `${r.kernel} on ${r.platform}: ${r.verdict === 'skipped' ? `skipped, ${r.reason ?? ''}` : verdictText(r)}${judgementText(r) === '' ? '' : `, ${judgementText(r)}`}`
