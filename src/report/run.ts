// `tbit run` as text and json: one execution as a kernel would log it, and what was noticed on the way.
import { plural } from '../base/index.ts'
import type { Finding } from '../step/index.ts'
import { summaryText } from '../check/index.ts'
import type { RunResult } from '../litmus/index.ts'
import { fileWord, shellWord } from './check-run.ts'
import { wrap } from './wrap.ts'

/** One run, with what it was a run of. */
export interface RunReport {
  readonly file: string
  readonly test: string
  readonly kernel: string
  readonly platform: string
  /** Properties that count for this test. */
  readonly forbidden: ReadonlySet<string>
  readonly run: RunResult
}

/** Findings that count, and those that are only told. */
export const forbiddenFindings = (r: Pick<RunReport, 'forbidden' | 'run'>): Finding[] =>
  r.run.findings.filter((f) => r.forbidden.has(f.property))

/** The command that does a run again. */
export const runCommand = (
  r: { readonly file: string; readonly kernel: string; readonly platform: string },
  schedule: string
): string =>
  `tbit run ${fileWord(r.file)} --kernel ${shellWord(r.kernel)} --platform ${r.platform}` +
  `${schedule === '' ? '' : ` --schedule ${shellWord(schedule)}`}`

const names = (list: readonly Finding[]): string => [...new Set(list.map((f) => f.property))].join(', ')

export interface RunLook {
  readonly width: number
}

// A line of the log goes on below its text, behind the time.
function logLine(line: string, width: number): string[] {
  const time = /^\[ *[\d.]+\] /.exec(line)?.[0] ?? ''
  return line.length <= width
    ? [line]
    : wrap(line.slice(time.length), width - time.length, '  ').map(
        (l, i) => `${i === 0 ? time : ' '.repeat(time.length)}${l}`
      )
}

// What was noticed stands in the last line, whole as long as there is room.
const last = (end: string, noticed: string, width: number): string[] =>
  noticed === '' || end.length + 2 + noticed.length <= width
    ? wrap([end, noticed].filter((x) => x !== '').join('; '), width, '  ')
    : [`${end};`, ...wrap(noticed, width - 2, '  ').map((l) => `  ${l}`)]

function runText(r: RunReport, look: RunLook = { width: 80 }): string {
  const counted = forbiddenFindings(r)
  const told = r.run.findings.filter((f) => !counted.includes(f))
  const ends = {
    final: 'all threads ended',
    deadlock: 'no thread can go on',
    stopped: 'stopped',
    limit: 'given up: too many turns'
  }[r.run.end]
  return `${[
    ...r.run.lines.flatMap((l) => logLine(l, look.width)),
    ...last(
      `one run of many, tbit check has them all: ${ends}`,
      [
        ...(counted.length > 0 ? [`noticed: ${names(counted)}`] : []),
        ...(told.length > 0 ? [`reported, not forbidden: ${names(told)}`] : [])
      ].join('; '),
      look.width
    )
  ].join('\n')}\n`
}

/** Turns of a schedule that could not be taken as they were told; empty when all could. */
export const skippedText = (r: RunResult): string =>
  r.skipped.length === 0
    ? ''
    : `note: ${plural(r.skipped.length, 'turn')} of the schedule could not ` +
      'be taken as told (the thread had ended, was blocked or had no such ' +
      'choice): ' +
      r.skipped
        .slice(0, 8)
        .map((n) => n + 1)
        .join(', ') +
      (r.skipped.length > 8 ? ', ...' : '') +
      '\n'

function runJson(r: RunReport): string {
  const { run } = r
  return `${JSON.stringify({
    format: 1,
    file: r.file,
    test: r.test,
    kernel: r.kernel,
    platform: r.platform,
    end: run.end,
    findings: run.findings.map((f) => ({
      property: f.property,
      site: f.site,
      decision: f.decision,
      summary: summaryText(f.summary),
      forbidden: r.forbidden.has(f.property)
    })),
    statements: run.passed,
    log: run.lines,
    schedule: run.schedule,
    skipped: run.skipped,
    errors: []
  })}\n`
}

/** What `run` can write. */
export const runFormats = { text: runText, json: runJson } as const satisfies Record<
  string,
  (r: RunReport, look: RunLook) => string
>
