// `tbit compare --kernel A,B`: which verdicts change between two revisions, and which decision caused it.
import { Command } from 'commander'
import { type Diagnostic, formatDiagnostic } from '../base/index.ts'
import { type CheckResult, compareResults, type Comparison, verdictChanged } from '../check/index.ts'
import { noMeaning, revisions } from '../kernel/index.ts'
import { platforms } from '../machine/index.ts'
import { platformsOf, type Test } from '../litmus/index.ts'
import { compareFormats, type CompareReport } from '../report/compare.ts'
import { type Broken, brokenJob, type Job, type PoolResult, runJobs } from './check-pool.ts'
import { libraryDirectory, litmusFiles, loadTests } from './files.ts'
import { formatOption } from './formats.ts'
import { interruptible } from './interrupt.ts'
import type { Io } from './io.ts'
import { interleaveOption, kernelName, nameList, numberOption, usage, wordsOf } from './names.ts'
import { RunProgress } from './progress.ts'
import { beginTests, shareOf, type Shares, withShares } from './shares.ts'

interface Options {
  shard?: string
  out?: string
  kernel?: string
  platform?: string
  maxStates?: string
  interleave: 'steps' | 'calls'
  format: keyof typeof compareFormats
}

const COMMAND = 'tbit compare'

export function compareVerb(io: Io): Command {
  return withShares(
    new Command('compare')
      .description(
        'Which tests change verdict between two kernel revisions, and the smallest set of decisions that did it: ' +
          'decisions are flipped alone, then together, in both directions.'
      )
      .argument('[file...]', 'litmus tests, directories of them, or - for standard input; default: the library')
      .option('--kernel <before,after>', 'two revisions')
      .option('--platform <names>', 'platforms, separated by commas, or all; default: those each test names')
      .addOption(interleaveOption())
      .option('--max-states <n>', 'states at which one search gives up (default 2000000)')
      .addOption(formatOption(compareFormats))
  )
    .addHelpText(
      'after',
      `
Exit code: 0 no verdict changed, 1 some changed, 2 wrong use or bad input, 125
nothing changed but a search was incomplete.

Example:
  tbit compare --kernel cc-v6,cc-v7 litmus/revisions
`
    )
    .action((names: string[], o: Options) => compare(io, names, o))
}

interface Pair {
  readonly test: Test
  readonly platform: string
}
/** What a pair gives before and after; null where a search was not begun or broke. */
type Sides = { readonly before: CheckResult; readonly after: CheckResult } | null

/** What is compared, by the options. */
interface Asked {
  readonly before: string
  readonly after: string
  /** null: those each test names. */
  readonly platforms: readonly string[] | null
  readonly maxStates: number | null
}

function asked(o: Options, errors: Diagnostic[]): Asked {
  const [before, after] = twoRevisions(o.kernel, errors)
  const known = platforms.map((p) => p.name)
  return {
    before,
    after,
    platforms: o.platform === undefined ? null : nameList('--platform', o.platform, known, COMMAND, errors),
    maxStates: o.maxStates === undefined ? null : numberOption('--max-states', o.maxStates, 1, 1e9, COMMAND, errors)
  }
}

/** A pair without meaning is told when it is asked for, or when it is all that the test names. */
const pairsOf = (tests: readonly Test[], { before, after, platforms: chosen }: Asked): Pair[] =>
  tests.flatMap((test) =>
    (chosen ?? platformsOf(test))
      .filter(
        (p) =>
          chosen !== null ||
          platformsOf(test).length === 1 ||
          (noMeaning(before, p) === null && noMeaning(after, p) === null)
      )
      .map((platform) => ({ test, platform }))
  )

/** Both sides of each pair, then the reason of each change, unless it is stopped before. */
async function compareAll(
  pairs: readonly Pair[],
  { before, after }: Asked,
  run: (jobs: readonly Job[]) => Promise<PoolResult>,
  stopped: () => boolean
): Promise<Comparison[]> {
  const { results } = await run(pairs.flatMap((pair) => [before, after].map((kernel) => ({ ...pair, kernel }))))
  const both = pairs.map((_, i): Sides => {
    const [first, second] = [results[2 * i], results[2 * i + 1]]
    return first && second ? { before: first, after: second } : null
  })
  const changed = both.flatMap((r, i) => (r !== null && verdictChanged(r.before, r.after) ? [i] : []))
  const { explanations } = stopped()
    ? { explanations: [] }
    : await run(changed.map((i) => ({ ...(pairs[i] as Pair), kernel: after, explain: both[i] as NonNullable<Sides> })))
  return both.flatMap((r, i) =>
    r === null ? [] : [compareResults(r.before, r.after, explanations[changed.indexOf(i)] ?? null)]
  )
}

const wasSearched = (r: CheckResult): boolean => r.verdict !== 'skipped'

function exitCode({ interrupted, errors, list }: CompareReport): number {
  if (interrupted !== null) return 130
  if (errors.length > 0) return 2
  if (list.some((c) => c.changed)) return 1
  const undecided = ({ before, after }: Comparison): boolean =>
    wasSearched(before) && wasSearched(after) && !(before.complete && after.complete)
  return list.some(undecided) ? 125 : 0
}

async function compare(io: Io, names: readonly string[], o: Options): Promise<void> {
  const errors: Diagnostic[] = []
  const what = asked(o, errors)
  const share = shareOf('compare', io.argv ?? [], o, errors)
  const finish = (
    report: Omit<CompareReport, 'before' | 'after' | 'errors'>,
    texts: ReadonlyMap<string, string> = new Map()
  ): void => {
    if (share?.failed) errors.push(share.failed)
    const full: CompareReport = { before: what.before, after: what.after, errors, ...report }
    for (const d of [...errors, ...(full.warnings ?? [])]) io.err(`${formatDiagnostic(d, texts.get(d.file))}\n`)
    io.out(
      share !== null && errors.length === 0
        ? `${share.summary()}\n`
        : compareFormats[o.format](full, { width: io.width ?? 80 })
    )
    io.exit(exitCode(full))
  }
  if (errors.length > 0) return finish({ list: [], interrupted: null })

  const found = litmusFiles(names.length > 0 ? names : [libraryDirectory()])
  const loaded = loadTests(found.files)
  errors.push(...found.errors, ...loaded.errors)
  const shares: Shares | null = io.shares ?? share
  const unfit = await beginTests(shares, loaded)
  if (unfit !== null) {
    errors.push(unfit)
    return finish({ list: [], interrupted: null })
  }
  const stop = interruptible()
  const progress = new RunProgress(io)
  const broken: Broken[] = []
  let done = 0
  const run = async (jobs: readonly Job[]): Promise<PoolResult> => {
    const r = await runJobs(jobs, {
      shares,
      interleave: o.interleave,
      ...(what.maxStates === null ? {} : { maxStates: what.maxStates }),
      signal: stop.signal,
      onProgress: (n, all, states) => progress.show(done + n, done + all, states)
    })
    broken.push(...r.broken)
    done += jobs.length
    return r
  }
  const pairs = pairsOf(loaded.tests, what)
  const list = await compareAll(pairs, what, run, () => stop.signal.aborted)
  progress.clear()
  stop.done()
  errors.push(...broken.map(brokenJob))
  finish({ list, warnings: loaded.warnings, interrupted: stop.signal.aborted ? pairs.length : null }, loaded.texts)
}

/** `before,after`; what is wrong with it goes to `errors`. */
function twoRevisions(text: string | undefined, errors: Diagnostic[]): [string, string] {
  const words = wordsOf(text ?? '').map((w) => kernelName('--kernel', w, COMMAND, errors) ?? '')
  const [before = '', after = ''] = words
  const wrong = (word: string, message: string): void => {
    errors.push(
      usage(
        COMMAND,
        word,
        message,
        revisions.map((r) => r.name)
      )
    )
  }
  if (errors.length > 0) return [before, after]
  if (words.length === 0) wrong(text ?? '', '--kernel is missing: two revisions, as in --kernel cc-v6,cc-v7')
  else if (words.length !== 2)
    wrong(text ?? '', `--kernel wants two revisions, as in cc-v6,cc-v7; ${words.length} are given`)
  else if (before === after) wrong(after, `--kernel: '${before}' is compared with itself`)
  return [before, after]
}
