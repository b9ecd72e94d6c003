// `tbit run FILE`: one execution on real bytes, printed as a kernel would log it.
import { writeFileSync } from 'node:fs'
import { Command } from 'commander'
import { type Diagnostic, formatDiagnostic, unknownWord } from '../base/index.ts'
import { summaryText, systemFor, watchRun } from '../check/index.ts'
import { noMeaning } from '../kernel/index.ts'
import {
  forbiddenProperties,
  kernelsOf,
  parseTestSchedule,
  platformsOf,
  revisionOf,
  runTest,
  type Test,
  vocabulary
} from '../litmus/index.ts'
import { forbiddenFindings, runFormats, type RunReport, skippedText } from '../report/run.ts'
import { cannotWrite, openWhole } from './file-access.ts'
import { byName, loadTests } from './files.ts'
import { kernelList, usage } from './names.ts'
import { formatOption } from './formats.ts'
import type { Io } from './io.ts'

interface Options {
  kernel?: string
  platform?: string
  schedule: string
  trace?: string
  format: keyof typeof runFormats
}

const EXAMPLE =
  'tbit run litmus/coherent/coherent-free-with-driver-without-driver.litmus --kernel rfc-v1 --schedule 7 ' +
  '--trace trace.txt'

export function runVerb(io: Io): Command {
  return new Command('run')
    .description('One execution of a litmus test on real bytes, printed as a kernel would log it.')
    .argument('<file>', 'a litmus test, its name in the library, or - for standard input')
    .option('--kernel <name>', 'kernel revision; default: the first that the test names and that has a meaning there')
    .option('--platform <name>', 'platform; default: the same')
    .option(
      '--schedule <seed|list>',
      'a seed, or threads in the order of their turns (os*3,admin:1,os), as tbit check prints it; default: each ' +
        'thread as far as it gets',
      ''
    )
    .option('--trace <out>', "write the kernel's own trace events as tracefs text, for tbit replay")
    .addOption(formatOption(runFormats))
    .addHelpText(
      'after',
      `
A turn is one step that other threads can observe. After the turns of a list the
threads run in order. THREAD:N decides a choice (choose, may_fail) of that turn
the N-th other way, THREAD*N stands for N turns, init in front for the turns of
boot and init.

Exit code: 0 nothing forbidden was noticed, 1 something was, 2 wrong use or bad input, 125 given up before the end.

Examples:
  ${EXAMPLE}
  tbit replay trace.txt
`
    )
    .action((file: string, o: Options) => run(io, file, o))
}

const run = (io: Io, file: string, o: Options) => {
  const fail = (errors: readonly Diagnostic[], texts: ReadonlyMap<string, string> = new Map()): void => {
    if (o.format === 'json') io.out(`${JSON.stringify({ format: 1, errors })}\n`)
    for (const d of errors) io.err(`${formatDiagnostic(d, texts.get(d.file))}\n`)
    io.exit(2)
  }
  const { tests, errors, warnings, texts } = loadTests([byName(file)])
  const [test] = tests
  if (test === undefined || errors.length > 0) return fail(errors, texts)
  for (const d of warnings) io.err(`${formatDiagnostic(d, texts.get(d.file))}\n`)

  const pair = pairFor(test, o)
  if ('code' in pair) return fail([pair])
  const { kernel, platform } = pair
  const threads = test.threads.map((t) => t.name)
  const schedule = parseTestSchedule(o.schedule, threads)
  if (!schedule.ok) {
    const { word, message, nearest } = schedule.error
    return fail([
      {
        ...usage('tbit run', word, `--schedule: ${message}`),
        ...(nearest.length > 0 ? { nearest } : {}),
        expected: ['a seed', ...threads]
      }
    ])
  }
  // Whether the trace can be written is known before the run.
  const trace = o.trace === undefined ? null : openWhole(o.trace)
  if (trace !== null && 'code' in trace) return fail([trace])

  const sys = systemFor(test, kernel, platform, { content: 'both' })
  const report: RunReport = {
    file: test.file,
    test: test.name,
    kernel,
    platform,
    forbidden: forbiddenProperties(test),
    run: runTest(test, sys, {
      schedule: schedule.value.threads,
      init: schedule.value.init,
      onState: watchRun(sys),
      summary: summaryText
    })
  }
  if (trace !== null) {
    try {
      writeFileSync(trace.path, report.run.trace)
      trace.commit()
    } catch (e) {
      trace.discard()
      return fail([cannotWrite(o.trace as string, e)])
    }
  }
  if (o.format !== 'json') io.err(skippedText(report.run))
  io.out(runFormats[o.format](report, { width: io.width ?? 80 }))
  io.exit(forbiddenFindings(report).length > 0 ? 1 : report.run.end === 'limit' ? 125 : 0)
}

/** The pair to run: what the caller names, else the first of the test's that has a meaning. */
function pairFor(test: Test, o: Options): { kernel: string; platform: string } | Diagnostic {
  const at = { code: 'TB-001', file: 'tbit run', line: 0, column: 0 }
  const allPlatforms = vocabulary.platformNames
  const wrong: Diagnostic[] = []
  const asked =
    o.kernel === undefined
      ? null
      : kernelList(
          '--kernel',
          o.kernel,
          'tbit run',
          wrong,
          test.revisions.map((r) => r.name)
        )
  if (wrong[0] !== undefined) return wrong[0]
  if (o.platform !== undefined && !allPlatforms.includes(o.platform))
    return unknownWord(
      { ...at, word: o.platform, message: `--platform: '${o.platform}' is no platform`, expected: allPlatforms },
      allPlatforms
    )
  const kernels = asked ?? kernelsOf(test)
  const platforms = o.platform === undefined ? platformsOf(test) : [o.platform]
  let first: Diagnostic | null = null
  for (const platform of platforms)
    for (const kernel of kernels) {
      const reason = noMeaning(revisionOf(test, kernel), platform)
      if (reason === null) return { kernel, platform }
      first ??= { ...at, word: kernel, message: `${kernel} on ${platform} has no meaning: ${reason}` }
    }
  return first ?? { ...at, word: test.name, message: `${test.name} names no kernel and no platform` }
}
