// `tbit compare --kernel A,B`: which verdicts change between two revisions, and which decision caused it.
import { Command, Option } from 'commander'
import { type Diagnostic, formatDiagnostic } from '../base/index.ts'
import { type CheckResult, compareResults, type Comparison, verdictChanged } from '../check/index.ts'
import { noMeaning, revisions } from '../kernel/index.ts'
import { platforms } from '../machine/index.ts'
import { platformsOf } from '../litmus/index.ts'
import { compareFormats, type CompareReport } from '../report/compare.ts'
import { type Broken, type Job, type PoolResult, runJobs } from './check-pool.ts'
import { libraryDirectory, litmusFiles, loadTests } from './files.ts'
import { formatOption } from './formats.ts'
import { interruptible } from './interrupt.ts'
import type { Io } from './io.ts'
import { kernelName, nameList, numberOption } from './names.ts'
import { RunProgress } from './progress.ts'

interface Options { kernel?: string; platform?: string; maxStates?: string; interleave: 'steps' | 'calls'; format: keyof typeof compareFormats }

export function compareVerb(io: Io): Command {
  return new Command('compare')
    .description('Which tests change verdict between two kernel revisions, and the smallest set of decisions that did it: decisions are flipped alone, then together, in both directions.')
    .argument('[file...]', 'litmus tests, directories of them, or - for standard input; default: the library')
    .option('--kernel <before,after>', 'two revisions')
    .option('--platform <names>', 'platforms, separated by commas, or all; default: those each test names')
    .addOption(new Option('--interleave <how>', 'interleave single steps inside kernel functions, or whole calls (an abstraction)').choices(['steps', 'calls']).default('steps'))
    .option('--max-states <n>', 'states at which one search gives up (default 2000000)')
    .addOption(formatOption(compareFormats))
    .addHelpText('after', `
Exit code: 0 no verdict changed, 1 some changed, 2 wrong use or bad input, 125 nothing changed but a search was incomplete.

Example:
  tbit compare --kernel cc-v6,cc-v7 litmus/revisions
`)
    .action((names: string[], o: Options) => compare(io, names, o))
}

async function compare(io: Io, names: readonly string[], o: Options): Promise<void> {
  const errors: Diagnostic[] = []
  const [before, after] = twoRevisions(o.kernel, errors)
  const chosen = o.platform === undefined ? null : nameList('--platform', o.platform, platforms.map((x) => x.name), 'tbit compare', errors)
  const maxStates = o.maxStates === undefined ? null : numberOption('--max-states', o.maxStates, 1, 1e9, 'tbit compare', errors)
  const finish = (report: Omit<CompareReport, 'before' | 'after' | 'errors'>, texts: ReadonlyMap<string, string> = new Map()): void => {
    const full: CompareReport = { before, after, errors, ...report }
    for (const d of [...errors, ...(full.warnings ?? [])]) io.err(`${formatDiagnostic(d, texts.get(d.file))}\n`)
    io.out(compareFormats[o.format](full, { width: io.width ?? 80 }))
    const undecided = full.list.some((c) => !c.changed && c.before.verdict !== 'skipped' && c.after.verdict !== 'skipped' && (!c.before.complete || !c.after.complete))
    io.exit(full.interrupted !== null ? 130 : errors.length > 0 ? 2 : full.list.some((c) => c.changed) ? 1 : undecided ? 125 : 0)
  }
  if (errors.length > 0) return finish({ list: [], interrupted: null })

  const found = litmusFiles(names.length > 0 ? names : [libraryDirectory()])
  const loaded = loadTests(found.files)
  errors.push(...found.errors, ...loaded.errors)

  const stop = interruptible()
  const progress = new RunProgress(io)
  const broken: Broken[] = []
  let done = 0
  const run = async (jobs: readonly Job[]): Promise<PoolResult> => {
    const r = await runJobs(jobs, { interleave: o.interleave, ...(maxStates === null ? {} : { maxStates }), signal: stop.signal, onProgress: (n, all, states) => progress.show(done + n, done + all, states) })
    broken.push(...r.broken)
    done += jobs.length
    return r
  }

  const pairs = loaded.tests.flatMap((test) => (chosen ?? platformsOf(test))
    // A pair without meaning is told when it is asked for, or when it is all that the test names.
    .filter((p) => chosen !== null || platformsOf(test).length === 1 || (noMeaning(before, p) === null && noMeaning(after, p) === null))
    .map((platform) => ({ test, platform })))
  const sides = (await run(pairs.flatMap((pair) => [before, after].map((kernel) => ({ ...pair, kernel }))))).results
  const both = pairs.map((_, i) => (sides[2 * i] && sides[2 * i + 1] ? { before: sides[2 * i] as CheckResult, after: sides[2 * i + 1] as CheckResult } : null))
  const changed = both.flatMap((r, i) => (r !== null && verdictChanged(r.before, r.after) ? [i] : []))
  const { explanations } = stop.signal.aborted ? { explanations: [] } : await run(changed.map((i) => ({ ...(pairs[i] as (typeof pairs)[number]), kernel: after, explain: both[i] as NonNullable<(typeof both)[number]> })))
  progress.clear()
  stop.done()

  const list: Comparison[] = both.flatMap((r, i) => (r === null ? [] : [compareResults(r.before, r.after, explanations[changed.indexOf(i)] ?? null)]))
  for (const b of broken) {
    const { file, at, name } = b.job.test
    errors.push({ code: 'TB-005', file, line: at.line, column: at.column, word: name, message: `${b.job.kernel} on ${b.job.platform}: ${b.message}`, hint: 'the model contradicts itself here: a bug of tbit, worth a report with this file' })
  }
  finish({ list, warnings: loaded.warnings, interrupted: stop.signal.aborted ? pairs.length : null }, loaded.texts)
}

/** `before,after`; what is wrong with it goes to `errors`. */
function twoRevisions(text: string | undefined, errors: Diagnostic[]): [string, string] {
  const words = (text ?? '').split(',').map((w) => w.trim()).filter((w) => w !== '').map((w) => kernelName('--kernel', w, 'tbit compare', errors) ?? '')
  const at = { code: 'TB-001', file: 'tbit compare', line: 0, column: 0, expected: revisions.map((r) => r.name) }
  const [before = '', after = ''] = words
  if (errors.length === 0 && words.length !== 2) errors.push({ ...at, word: text ?? '', message: words.length === 0 ? '--kernel is missing: two revisions, as in --kernel cc-v6,cc-v7' : `--kernel wants two revisions, as in cc-v6,cc-v7; ${words.length} are given` })
  else if (errors.length === 0 && before === after) errors.push({ ...at, word: after, message: `--kernel: '${before}' is compared with itself` })
  return [before, after]
}
