// What of a run of `check` is not as expected, one thing a line: for code hosts, editors and -q.
import type { CheckResult, Violation } from '../check/index.ts'
import {
  byTest,
  type CheckRun,
  expectationText,
  type FindingGroup,
  findings,
  pairsText,
  standing,
  verdictText
} from './check-run.ts'

/** One thing that is not as expected. */
export interface Note {
  readonly file: string
  readonly line: number
  readonly level: 'error' | 'warning' | 'note'
  readonly rule: string
  readonly text: string
  readonly id: string | null
}

/** The line of the statement in which a finding comes about; 0: none has one. */
const lineOf = (v: Violation): number => v.trace.findLast((s) => s.place !== null)?.place?.line ?? 0

const found = (g: FindingGroup): Note => ({
  file: g.where[0]?.file ?? '',
  line: lineOf(g.finding),
  level: 'error',
  rule: g.finding.property,
  text: `${g.finding.summary} (${pairsText(g.where)})`,
  id: g.finding.id
})

// A verdict without a finding of its own: something expected did not happen, or no run came to its end.
const unmet = (r: CheckResult): Note => ({
  file: r.file,
  line: 1,
  level: r.verdict === 'incomplete' ? 'warning' : 'error',
  rule: r.verdict,
  id: null,
  text:
    `${r.test} on ${r.kernel}, ${r.platform}: ${verdictText(r)}` +
    `${expectationText(r) === '' ? '' : `, expected ${expectationText(r)}`}`
})

/** What of a run is not as expected, findings each once; `line` 0: at no statement. */
export function checkNotes(run: CheckRun): Note[] {
  return byTest(run).flatMap((t) => {
    const bad = t.results.filter((r) => standing(r) === 'fail' || standing(r) === 'undecided')
    return [
      ...findings(bad, (r) => r.violations).map(found),
      ...bad.filter((r) => r.violations.length === 0).map(unmet)
    ]
  })
}

/** A note as a compiler writes a message: `FILE:LINE: error exposed: ...`. */
export const noteLine = (n: Note): string =>
  `${n.file}${n.line > 0 ? `:${n.line}` : ''}: ${n.level} ${n.rule}: ${n.text}`
