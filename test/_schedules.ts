// What `check` finds, `run` does: the schedule of each finding, carried out on real bytes, comes to the same finding.
import { type CheckResult, systemFor, type Violation, watchRun } from '../src/check/index.ts'
import { parseTestSchedule, runTest, type Test } from '../src/litmus/index.ts'

/** Findings whose schedule does not lead to them, a line each; and how many were tried. */
export function unlike(t: Test, r: CheckResult): { readonly tried: number; readonly wrong: string[] } {
  const { kernel, platform } = r
  // What is nowhere reached has no run that shows it.
  const found = [...r.violations, ...r.reported].filter((v) => v.property !== 'unreached')
  const wrong = found.flatMap((v) => {
    const what = trying(t, kernel, platform, v)
    const where = `${v.property} (${v.site}, ${v.decision}) on ${kernel} ${platform}, --schedule '${v.schedule}'`
    return what === null ? [] : [`${where}: ${what}`]
  })
  return { tried: found.length, wrong }
}

/** Carries out the finding's schedule; null: it comes to the finding. */
function trying(t: Test, kernel: string, platform: string, v: Violation): string | null {
  const s = parseTestSchedule(
    v.schedule,
    t.threads.map((x) => x.name)
  )
  if (!s.ok) return s.error.message
  const sys = systemFor(t, kernel, platform, { content: 'both' })
  const run = runTest(t, sys, { schedule: s.value.threads, init: s.value.init, onState: watchRun(sys) })
  if (run.skipped.length > 0) return `turns ${run.skipped.join(', ')} could not be taken`
  if (run.findings.some((f) => f.property === v.property && f.site === v.site && f.decision === v.decision)) return null
  return `found ${run.findings.map((f) => f.property).join(', ') || 'nothing'}, ended as ${run.end}`
}
