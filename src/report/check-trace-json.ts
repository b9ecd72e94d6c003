// `tbit check --format trace`: every finding with the whole visible state after each of its steps, for players and
// other programs. Format 1; docs/trace.schema.json describes it. Whoever only wants verdicts takes `--format json`,
// which is a tenth of this.
import type { CheckResult, Frame, TraceStep, Violation } from '../check/index.ts'
import { revisionByName } from '../kernel/index.ts'
import { type CheckRun, exitCode, summaryLine } from './check-run.ts'
import { changeText, functionsOf } from './check-trace.ts'
import { runCommand } from './run.ts'

/** A decision with the value that this revision gives it, and where that comes from. */
function decision(kernel: string, name: Frame['decided'][number]): object {
  const rev = revisionByName(kernel)
  return rev === undefined ? { decision: name } : { decision: name, value: rev[name], source: rev.sources[name] }
}

function step(kernel: string, s: TraceStep, n: number, init: boolean, state: Frame | undefined): object {
  return {
    step: n,
    thread: init ? 'init' : s.name,
    statement: s.statement,
    ...(s.place === null ? {} : { line: s.place.line }),
    text: s.text,
    functions: functionsOf(s),
    changed: s.changed.map(changeText),
    yields: s.yields ?? [],
    findings: s.findings.map((f) => ({ property: f.property, summary: f.summary })),
    ...(state === undefined
      ? {}
      : {
          decided: state.decided.map((d) => decision(kernel, d)),
          state: {
            pages: state.pages,
            devices: state.devices,
            handles: state.handles,
            pools: state.pools,
            locks: state.locks
          }
        })
  }
}

/** One finding as a trace. */
function traceJson(
  r: Pick<CheckResult, 'file' | 'test' | 'kernel' | 'platform'>,
  v: Violation,
  forbidden: boolean,
  again?: CheckRun['again']
): object {
  const inInit = v.initSteps.length
  return {
    id: v.id,
    property: v.property,
    forbidden,
    site: v.site,
    decision: v.decision,
    summary: v.summary,
    file: r.file,
    test: r.test,
    kernel: r.kernel,
    platform: r.platform,
    schedule: v.schedule,
    ...(v.property === 'unreached' ? {} : { run: again?.(r) ?? runCommand(r, v.schedule) }),
    steps: [...v.initSteps, ...v.trace].map((s, i) => step(r.kernel, s, i + 1, i < inInit, v.frames?.[i]))
  }
}

export function checkTraceJson(run: CheckRun): string {
  const traces = run.results.flatMap((r) => [
    ...r.violations.map((v) => traceJson(r, v, true, run.again)),
    ...r.reported.map((v) => traceJson(r, v, false, run.again))
  ])
  return (
    JSON.stringify({
      format: 1,
      traces,
      errors: run.errors,
      warnings: run.warnings ?? [],
      summary: summaryLine(run),
      exit: exitCode(run, 'tbit')
    }) + '\n'
  )
}
