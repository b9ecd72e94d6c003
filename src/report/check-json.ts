// `tbit check --format json`: format 1. Fixed: results[] file, test, kernel, platform, verdict, reason, violations[]
// and reported[] (id, property, summary, trace[] of thread and text), states, transitions, complete, expected; errors[]
// file, line, column, code, message. Besides: warnings[], of the same shape as errors[], with severity.
import type { CheckResult, TraceStep, Violation } from '../check/index.ts'
import { expectationWords } from '../litmus/index.ts'
import { type CheckRun, exitCode, summaryLine } from './check-run.ts'
import { runCommand } from './run.ts'
import { changeText, functionsOf } from './check-trace.ts'

const step = (s: TraceStep): object => ({
  thread: s.name,
  text: s.text,
  statement: s.statement,
  ...(s.place === null ? {} : { line: s.place.line }),
  ...(s.changed.length > 0 ? { changed: s.changed.map(changeText) } : {}),
  ...(s.yields && s.yields.length > 0 ? { yields: s.yields } : {}),
  ...(functionsOf(s).length > 0 ? { functions: functionsOf(s) } : {}),
  ...(s.inside === undefined ? {} : { inside: s.inside })
})

const finding =
  (r: CheckResult, again: CheckRun['again']) =>
  (v: Violation): object => ({
    id: v.id,
    property: v.property,
    summary: v.summary,
    site: v.site,
    decision: v.decision,
    init: v.initSteps.map(step),
    trace: v.trace.map(step),
    schedule: v.schedule,
    ...(v.property === 'unreached' ? {} : { run: again?.(r) ?? runCommand(r, v.schedule) })
  })

function resultJson(r: CheckResult, again?: CheckRun['again']): object {
  return {
    file: r.file,
    test: r.test,
    kernel: r.kernel,
    platform: r.platform,
    verdict: r.verdict,
    ...(r.reason === null ? {} : { reason: r.reason }),
    violations: r.violations.map(finding(r, again)),
    reported: r.reported.map(finding(r, again)),
    states: r.states,
    transitions: r.transitions,
    complete: r.complete,
    expected: r.expected,
    expectation:
      r.expectation === null
        ? null
        : r.expectation.kind === 'violated'
          ? [...r.expectation.properties]
          : expectationWords(r.expectation),
    notes: r.notes,
    coverage: r.coverage
  }
}

export function checkJson(run: CheckRun): string {
  return `${JSON.stringify(
    {
      format: 1,
      results: run.results.map((r) => resultJson(r, run.again)),
      errors: run.errors,
      warnings: run.warnings ?? [],
      summary: summaryLine(run),
      exit: exitCode(run, 'tbit'),
      ...(run.interrupted === null ? {} : { interrupted: { done: run.results.length, of: run.interrupted } })
    },
    null,
    1
  )}\n`
}
