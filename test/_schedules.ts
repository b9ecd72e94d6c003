// What `check` finds, `run` does: the schedule of each finding, carried out on real bytes, comes to the same finding.
import { checkTest, pairsOf, systemFor, watchRun } from '../src/check/index.ts'
import { parseTestSchedule, platformsOf, runTest, type Test } from '../src/litmus/index.ts'

/** `fast`: on the first platform that the test names; `slow`: on the others. Findings whose schedule does not lead to them, a line each; and how many were tried. */
export function unlike(t: Test, set: 'fast' | 'slow'): { readonly tried: number; readonly wrong: string[] } {
  const wrong: string[] = []
  let tried = 0
  const [first, ...rest] = platformsOf(t)
  for (const { kernel, platform } of pairsOf(t, { kernels: null, platforms: set === 'fast' ? (first ? [first] : []) : rest })) {
    const r = checkTest(t, kernel, platform)
    for (const v of [...r.violations, ...r.reported]) {
      // What is nowhere reached has no run that shows it.
      if (v.property === 'unreached') continue
      const say = (what: string): void => { wrong.push(`${v.property} (${v.site}, ${v.decision}) on ${kernel} ${platform}, --schedule '${v.schedule}': ${what}`) }
      tried++
      const s = parseTestSchedule(v.schedule, t.threads.map((x) => x.name))
      if (!s.ok) { say(s.error.message); continue }
      const sys = systemFor(t, kernel, platform, { content: 'both' })
      const run = runTest(t, sys, { schedule: s.value.threads, init: s.value.init, onState: watchRun(sys) })
      if (run.skipped.length > 0) say(`turns ${run.skipped.join(', ')} could not be taken`)
      else if (!run.findings.some((f) => f.property === v.property && f.site === v.site && f.decision === v.decision)) say(`found ${run.findings.map((f) => f.property).join(', ') || 'nothing'}, ended as ${run.end}`)
    }
  }
  return { tried, wrong }
}
