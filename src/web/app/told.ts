// Findings for the page's reader: what each comes to, and its picture with its steps. Fetched behind the first verdict.
import { type CheckResult, type Violation, ways, whyOf } from '../../check/index.ts'
import type { Test } from '../../litmus/index.ts'
import { esc } from '../../report/html.ts'
import { findingView } from '../../report/html-finding.ts'
import type { FoundHere } from './protocol.ts'

export { ways }

const found = (r: CheckResult, v: Violation, forbidden: boolean): FoundHere => ({
  id: v.id,
  property: v.property,
  headline: whyOf(v, r.platform).headline,
  forbidden,
  steps: v.initSteps.length + v.trace.length
})

/** What a run found, what its test forbids first. */
export const foundIn = (r: CheckResult): FoundHere[] => [
  ...r.violations.map((v) => found(r, v, true)),
  ...r.reported.map((v) => found(r, v, false))
]

/** A finding as a page shows it. */
export const drawing = (result: CheckResult, violation: Violation, test: Test, text: string): string =>
  violation.trace.length === 0
    ? `<p>${esc(violation.summary)}</p>`
    : findingView({ result, violation, text, about: test.text, sources: test.sources, where: [] })
