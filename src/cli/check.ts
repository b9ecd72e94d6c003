// `tbit check`: litmus tests on kernel revisions and platforms, all interleavings.
import { Command, Option } from 'commander'
import { type Diagnostic, plural } from '../base/index.ts'
import { pairsOf, type Selection } from '../check/pairs.ts'
import { explain, type Test, vocabulary } from '../litmus/index.ts'
import { type CheckFormatName, checkFormat, checkFormats } from '../report/check-formats.ts'
import { checkHtml, distinctFindings } from '../report/check-html.ts'
import { type CheckRun, exitCode, type ExitStyle } from '../report/check-run.ts'
import { newsText, recordOf } from '../report/check-news.ts'
import { errorsText, verbosity } from '../report/check-text.ts'
import { findingSvg } from '../report/svg-finding.ts'
import { brokenJob, type Job, type PoolOptions, type PoolResult, runJobs } from './check-pool.ts'
import { aboutFile, writeWhole } from './file-access.ts'
import { libraryDirectory, litmusFiles, type Loaded, loadTests } from './files.ts'
import { formatOption } from './formats.ts'
import { interruptible } from './interrupt.ts'
import type { Io } from './io.ts'
import { lastRun, rememberRun, runName } from './last-run.ts'
import { interleaveOption, kernelList, nameList, numberOption, usage } from './names.ts'
import { terminalPaint } from './paint.ts'
import { RunProgress } from './progress.ts'
import { engineName, ResultCache } from './result-cache.ts'
import { beginTests, shareOf, type Shares, withShares, type WritingShare } from './shares.ts'
import { watch } from './watch.ts'

interface Options {
  readonly kernel?: string
  readonly platform?: string
  readonly interleave: 'steps' | 'calls'
  readonly maxStates?: string
  readonly format: CheckFormatName
  readonly exit?: ExitStyle
  readonly explain?: boolean
  readonly quiet?: boolean
  /** Files that tell the findings, too. */
  readonly html?: string
  readonly svg?: string
  readonly watch?: boolean
  readonly shard?: string
  readonly out?: string
  /** false: --no-cache. */
  readonly cache: boolean
  /** How often -v was given. */
  readonly verbose: number
}

const HELP = `
FILE is read whatever its name, a DIR for its *.litmus files, NAME is a test of
the library, - is standard input; without any, the whole library of this
package.
A test runs on the kernels and platforms it names unless --kernel or --platform say otherwise.

Exit code: 0 all as expected, 1 a finding or an expectation not met, 2 wrong use
or bad input, 125 a limit was hit before the search was complete (git bisect run
skips such a commit). With --format ktap those of kselftest: 0, 1, and 4 when
every run was skipped.

Example:
  tbit check litmus/coherent/coherent-free-with-driver-without-driver.litmus --kernel rfc-v1,cc-v8
`

export function checkVerb(io: Io): Command {
  return withShares(
    new Command('check')
      .description(
        'Explores every interleaving of litmus tests and says what is violated, with the shortest way to it.'
      )
      .argument('[file...]', 'litmus tests, directories of them, or - for standard input')
      .option(
        '--kernel <names>',
        'kernel revisions, separated by commas, or all; cc-* for several (default: those of each test)'
      )
      .option('--platform <names>', 'platforms, separated by commas, or all (default: those of each test)')
      .addOption(interleaveOption())
      .option('--max-states <n>', 'states at which a search gives up and is incomplete (default 2000000)')
      .addOption(formatOption(checkFormats))
      .addOption(
        new Option('--exit <style>', 'exit codes as another tool reads them').choices(['tbit', 'kselftest', 'nipa'])
      )
      .option('--explain', 'print each test in its normal form with every default spelled out, and check nothing')
      .option(
        '--html <file>',
        'write the findings as one page too: the picture, the steps, the test, the commands; it needs no network ' +
          'and no script'
      )
      .option('--svg <file>', 'write the picture of the first finding')
      .option('--no-cache', 'search again what the same tbit has searched before in a run over directories')
      .option('--watch', 'check again whenever a file changes, until ^C')
      .option('-q, --quiet', 'what is not as expected, a line each, and the summary')
      .option(
        '-v, --verbose',
        'findings step by step; for directories the matrix. -vv: every step with its kernel functions; for ' +
          'directories each test, too',
        (_: string, n: number) => n + 1,
        0
      )
  )
    .addHelpText('after', HELP)
    .action((names: string[], o: Options) => (o.watch ? watched(io, names, o) : check(io, names, o)))
}

/** Runs until ^C; the exit code is that of the last run. */
async function watched(io: Io, names: readonly string[], o: Options): Promise<void> {
  if (names.length === 0 || names.includes('-')) {
    const wrong: Diagnostic = {
      ...usage('tbit check', names.length === 0 ? '--watch' : '-', '--watch needs files or directories to look at'),
      hint: 'tbit check --help shows the options and an example'
    }
    io.err(errorsText({ errors: [wrong], texts: new Map() }))
    return io.exit(2)
  }
  const w = watch(names)
  do {
    await check(io, names, o)
    io.err(`tbit check: watching ${plural(w.files, 'file')}; ^C ends\n`)
  } while (await w.next())
  w.done()
}

/** What a run of `check` is asked for, by its options. */
interface Asked {
  readonly loaded: Loaded
  readonly directories: boolean
  readonly selection: Selection
  readonly maxStates: number | null
  readonly share: WritingShare | null
  /** What is wrong with the command line: then nothing runs. */
  readonly wrong: Diagnostic[]
  /** What is wrong with single files. */
  readonly errors: Diagnostic[]
}

function asked(io: Io, wanted: readonly string[], o: Options): Asked {
  const wrong: Diagnostic[] = []
  const platforms =
    o.platform === undefined ? null : nameList('--platform', o.platform, vocabulary.platformNames, 'tbit check', wrong)
  const maxStates =
    o.maxStates === undefined ? null : numberOption('--max-states', o.maxStates, 1, 1e9, 'tbit check', wrong)
  const { files, errors: unread, directories } = litmusFiles(wanted)
  const loaded = loadTests(files)
  // A file may name revisions of its own.
  const own = [...new Set(loaded.tests.flatMap((t) => t.revisions.map((r) => r.name)))]
  const selection: Selection = {
    kernels: o.kernel === undefined ? null : kernelList('--kernel', o.kernel, 'tbit check', wrong, own),
    platforms
  }
  const share = shareOf('check', io.argv ?? [], o, wrong)
  return { loaded, directories, selection, maxStates, share, wrong, errors: [...unread, ...loaded.errors] }
}

async function check(io: Io, names: readonly string[], o: Options): Promise<void> {
  const style = o.exit ?? checkFormats[o.format].exit
  const wanted = names.length > 0 ? names : [libraryDirectory()]
  const { loaded, directories, selection, maxStates, share, wrong, errors } = asked(io, wanted, o)
  const nothing = (): void =>
    finish(io, o, style, { tests: [], results: [], errors: wrong, texts: new Map(), interrupted: null }, 'tests')
  if (wrong.length > 0) return nothing()
  if (o.explain) return explainAll(io, o, loaded, errors, selection)

  const jobs: Job[] = loaded.tests.flatMap((test) => pairsOf(test, selection).map((p) => ({ test, ...p })))
  const shares: Shares | null = io.shares ?? share
  const unfit = await beginTests(shares, loaded)
  if (unfit !== null) {
    wrong.push(unfit)
    return nothing()
  }
  const stop = interruptible()
  const progress = new RunProgress(io)
  const pictures = o.html !== undefined || o.svg !== undefined
  // Of directories a summary is told: without the ways to what is as expected, which also can be kept.
  const lean = directories && shares === null && o.format === 'text' && o.verbose < 2 && !pictures
  const kept = lean && o.cache ? resultCache(loaded, o.interleave, maxStates) : null
  const { results, broken } = await runKept(jobs, kept, {
    shares,
    lean,
    interleave: o.interleave,
    ...(maxStates === null ? {} : { maxStates }),
    frames: checkFormat(o.format).frames === true || pictures,
    signal: stop.signal,
    onProgress: (done, n, states) => progress.show(done, n, states)
  })
  progress.clear()
  stop.done()
  const run: CheckRun = {
    tests: loaded.tests,
    results: results.filter((r) => r !== undefined),
    errors: [...errors, ...broken.map(brokenJob)],
    warnings: loaded.warnings,
    texts: loaded.texts,
    interrupted: stop.signal.aborted ? jobs.length : null
  }
  if (share !== null) return finishShare(io, share, run, style)
  // Files that the user names are told one by one, directories on one screen.
  if (!directories || shares !== null || o.format !== 'text' || run.interrupted !== null)
    return finish(io, o, style, run, directories ? 'many' : 'tests')
  const name = runName(wanted, o.kernel, o.platform, o.interleave, o.maxStates)
  const last = lastRun(name)
  finish(io, o, style, run, 'many', last === null ? [] : newsText(run, last, io.width ?? 80))
  rememberRun(name, recordOf(run))
}

function resultCache(loaded: Loaded, interleave: string, maxStates: number | null): ResultCache | null {
  const engine = engineName()
  return engine === null ? null : new ResultCache(engine, JSON.stringify([interleave, maxStates]), loaded.texts)
}

/** Runs the jobs whose results are not kept, and keeps theirs. */
async function runKept(jobs: readonly Job[], kept: ResultCache | null, o: PoolOptions): Promise<PoolResult> {
  if (kept === null) return runJobs(jobs, o)
  const results = jobs.map((j) => kept.get(j))
  const open = jobs.flatMap((_, i) => (results[i] === undefined ? [i] : []))
  const done = await runJobs(
    open.map((i) => jobs[i] as Job),
    {
      ...o,
      onProgress: (n, _, states) => o.onProgress?.(jobs.length - open.length + n, jobs.length, states)
    }
  )
  for (const [at, i] of open.entries()) {
    const r = done.results[at]
    results[i] = r
    if (r !== undefined && o.signal?.aborted !== true) kept.put(jobs[i] as Job, r)
  }
  kept.write()
  return { ...done, results }
}

/** What a share says of itself: the report is that of tbit merge. */
function finishShare(io: Io, share: WritingShare, run: CheckRun, style: ExitStyle): void {
  io.err(errorsText(share.failed === null ? run : { errors: [...run.errors, share.failed], texts: run.texts }))
  if (share.failed === null) io.out(`${share.summary()}\n`)
  io.exit(run.interrupted !== null ? 130 : share.failed !== null ? 2 : exitCode(run, style))
}

function finish(
  io: Io,
  o: Options,
  style: ExitStyle,
  run: CheckRun,
  shape: 'tests' | 'many',
  news: readonly string[] = []
): void {
  const format = checkFormats[o.format]
  const unwritten = writePages(o, run)
  if (!format.errorsInside) io.err(errorsText(o.quiet ? { errors: run.errors, texts: run.texts } : run))
  if (unwritten.length > 0) io.err(errorsText({ errors: unwritten, texts: run.texts }))
  io.out(
    format.render(run, {
      width: io.width ?? 80,
      level: o.quiet ? -1 : verbosity(o.verbose),
      paint: terminalPaint(io.colour),
      shape,
      news,
      fold: io.width !== undefined
    })
  )
  io.exit(run.interrupted !== null ? 130 : unwritten.length > 0 ? 2 : exitCode(run, style))
}

/** The files that were asked for beside the output; answers what could not be written. */
function writePages(o: Options, run: CheckRun): Diagnostic[] {
  const out: Array<Diagnostic | null> = []
  if (o.html !== undefined) out.push(writeWhole(o.html, checkHtml(run)))
  if (o.svg !== undefined) {
    const first = distinctFindings(run).find((f) => f.violation.trace.length > 0)
    out.push(
      first === undefined
        ? aboutFile(o.svg, 'is not written: nothing was found that has a picture')
        : writeWhole(o.svg, findingSvg(first.violation, first.result))
    )
  }
  return out.filter((d) => d !== null)
}

function explainAll(io: Io, o: Options, loaded: Loaded, errors: readonly Diagnostic[], selection: Selection): void {
  const texts = loaded.tests.flatMap((test) => {
    const pairs = pairsOf(test, selection)
    const first = pairs[0]
    return first === undefined
      ? []
      : [
          {
            file: test.file,
            test: test.name,
            kernel: first.kernel,
            platform: first.platform,
            text: explainPairs(test, pairs)
          }
        ]
  })
  if (o.format === 'json')
    io.out(`${JSON.stringify({ format: 1, explain: texts, errors, warnings: loaded.warnings }, null, 1)}\n`)
  else {
    io.err(errorsText({ errors, warnings: loaded.warnings, texts: loaded.texts }))
    io.out(texts.map((t) => (t.text.endsWith('\n') ? t.text : `${t.text}\n`)).join('\n'))
  }
  io.exit(errors.length > 0 ? 2 : 0)
}

// The normal form for the first pair. A default that is another on another pair is no default of the test: it becomes a
// comment, so that the text is still this test when it is read again.
function explainPairs(test: Test, pairs: ReturnType<typeof pairsOf>): string {
  const [first, ...rest] = pairs
  if (first === undefined) return ''
  const said = new Set(test.config.map((e) => e.key as string))
  const name = (p: { kernel: string; platform: string }): string => `${p.kernel} on ${p.platform}`
  const others = rest.map((p) => ({ pair: p, lines: new Map(configLines(explain(test, p.kernel, p.platform))) }))
  const text = explain(test, first.kernel, first.platform)
  const here = configLines(text)
  const differ = new Map(here.filter(([key, line]) => !said.has(key) && others.some((o) => o.lines.get(key) !== line)))
  if (differ.size === 0) return text
  return text
    .split('\n')
    .map((line) => {
      const key = /^ {2}(\w+) /.exec(line)?.[1]
      if (key === undefined || differ.get(key) !== line) return line
      const values = new Map<string, string[]>()
      for (const [p, l] of [[first, line] as const, ...others.map((o) => [o.pair, o.lines.get(key) ?? ''] as const)]) {
        const value = l
          .trim()
          .replace(/^\w+\s+/, '')
          .replace(/\s+/g, ' ')
        values.set(value, [...(values.get(value) ?? []), name(p)])
      }
      return `  # ${key}: ${[...values].map(([v, where]) => `${v} (${where.join(', ')})`).join('; ')}`
    })
    .join('\n')
}

/** The entries of the config block: key and whole line. */
function configLines(text: string): Array<[string, string]> {
  const out: Array<[string, string]> = []
  let inside = false
  for (const line of text.split('\n')) {
    if (line === 'config {') inside = true
    else if (line === '}') inside = false
    else if (inside) {
      const key = /^ {2}(\w+) /.exec(line)?.[1]
      if (key !== undefined) out.push([key, line])
    }
  }
  return out
}
