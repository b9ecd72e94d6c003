// `tbit kernel diff`, and the check of one patch mail: two trees on the same litmus tests, and what differs.
import { Command, Option } from 'commander'
import { type Diagnostic, type Result, err, ok } from '../base/index.ts'
import { type CheckResult, checkTest } from '../check/index.ts'
import {
  BootFault,
  checkOnTree,
  imageOf,
  introducing,
  needSecond,
  revisionOf,
  runsOf,
  type TreeImages,
  type TreeRun
} from '../conform/kernel-check.ts'
import { type ChangedRun, changesBetween, undecidedIn } from '../conform/kernel-changes.ts'
import {
  alreadyThere,
  applyPatch,
  ARCHES,
  type Arch,
  type Built,
  buildGuest,
  codeOf,
  concerns,
  type GuestBuild,
  gitSpec,
  openGit,
  openTree,
  touched,
  type Tree
} from '../kernel-build/index.ts'
import { platformByName } from '../machine/index.ts'
import { fileWord, shellWord } from '../report/check-run.ts'
import { type KernelReview, reviewFormats, type ReviewFormatName } from '../report/kernel-changes.ts'
import { kernelErrorsText } from '../report/kernel.ts'
import { libraryDirectory, litmusFiles, loadTests } from './files.ts'
import { formatOption } from './formats.ts'
import type { Io } from './io.ts'
import { complain, count, patchText, platformsAsked, progressOf, sourceName } from './kernel-common.ts'

export interface ReviewOptions {
  platform?: string
  all?: boolean
  maxStates?: number
  shim?: string
  fresh?: boolean
  format: ReviewFormatName
}

/** The litmus tests of a review, read once. */
export interface Wanted {
  readonly tests: ReturnType<typeof loadTests>['tests']
  /** Their files. */
  readonly texts: ReadonlyMap<string, string>
  readonly platforms: readonly string[] | null /** Also tests about other revisions. */
  readonly all: boolean
}

/** A tree that is built. */
interface Side {
  readonly tree: Tree
  readonly images: TreeImages
  readonly built: ReadonlyMap<Arch, GuestBuild>
  readonly kernel: string
}

/** The architectures that the platforms asked for need; both where all are wanted. */
function archesFor(platforms: readonly string[] | null): readonly Arch[] {
  const needed = ARCHES.filter(
    (a) => platforms === null || platforms.some((p) => platformByName(p)?.architecture === a)
  )
  // a platform of no compiled architecture is skipped with its reason, by a tree that is built for one
  return needed.length > 0 ? needed : [ARCHES[0]]
}

/** Says which side an error is about. */
export const of = (what: string, errors: readonly Diagnostic[]): Diagnostic[] =>
  errors.map((e) => ({ ...e, message: `${what}: ${e.message}` }))

async function buildSide(io: Io, tree: Tree, w: Wanted, o: ReviewOptions): Promise<Result<Side, Diagnostic[]>> {
  const p = progressOf(io)
  const built = new Map<Arch, GuestBuild>()
  for (const arch of archesFor(w.platforms)) {
    const b = await buildGuest(
      tree,
      {
        arch,
        progress: (what) => p.say(`${tree.name}, ${arch}: ${what}`),
        ...(o.shim === undefined ? {} : { teach: o.shim }),
        ...(o.fresh ? { fresh: true } : {})
      },
      needSecond(w.tests)
    )
    p.done()
    if (!b.ok) return b
    // what a patch breaks in one configuration is said, not skipped
    if (b.value.failed.length > 0) return err([...b.value.failed])
    built.set(arch, b.value)
  }
  const image = (b: GuestBuild | undefined): TreeImages['arm64'] =>
    b === undefined ? null : imageOf(b.plain, b.second)
  return ok({
    tree,
    built,
    images: { arm64: image(built.get('arm64')), x86: image(built.get('x86')) },
    kernel: revisionOf(([...built.values()][0] as GuestBuild).plain.meta)
  })
}

const sameBuild = (a: Built | null, b: Built | null): boolean =>
  a === null || b === null ? a === b : Buffer.compare(codeOf(a.wasm), codeOf(b.wasm)) === 0
const sameCode = (a: Side, b: Side): boolean =>
  [...a.built].every(([arch, x]) => {
    const y = b.built.get(arch) as GuestBuild
    return sameBuild(x.plain, y.plain) && sameBuild(x.second, y.second)
  })

const runKey = (r: TreeRun): string => `${r.test.file}\0${r.platform}`

/** Results of a tree by run: a tree in the middle of a series is compared twice and run once. */
type Results = Map<string, CheckResult>

function runAll(io: Io, side: Side, runs: readonly TreeRun[], had: Results, o: ReviewOptions): Diagnostic[] {
  const errors = new Map<string, Diagnostic>()
  const p = progressOf(io)
  for (const [i, run] of runs.entries()) {
    p.say(`${side.tree.name}: ${i} of ${runs.length} runs`)
    if (had.has(runKey(run))) continue
    try {
      had.set(
        runKey(run),
        checkOnTree(run, side.kernel, side.images, o.maxStates === undefined ? {} : { maxStates: o.maxStates })
      )
    } catch (e) {
      if (!(e instanceof BootFault)) throw e
      errors.set(e.message, {
        code: 'TB-612',
        file: side.tree.name,
        line: 0,
        column: 0,
        word: run.platform,
        message: e.message,
        ...(e.fault.calls.length > 0 ? { hint: `in ${e.fault.calls.slice(0, 6).join(' < ')}` } : {})
      })
    }
  }
  p.done()
  return [...errors.values()]
}

/** A tree with its results so far, or the reason why there is none. */
export class Reviewed {
  private readonly results: Results = new Map()
  private built: Result<Side, Diagnostic[]> | null = null
  constructor(
    readonly tree: Tree,
    private readonly io: Io,
    private readonly wanted: Wanted,
    private readonly o: ReviewOptions
  ) {}
  async side(): Promise<Result<Side, Diagnostic[]>> {
    this.built ??= await buildSide(this.io, this.tree, this.wanted, this.o)
    return this.built
  }
  /** Takes over what a tree of the same code answered. */
  adopt(other: Reviewed): void {
    for (const [k, r] of other.results) this.results.set(k, r)
  }
  run(side: Side, runs: readonly TreeRun[]): Diagnostic[] {
    return runAll(this.io, side, runs, this.results, this.o)
  }
  result(run: TreeRun): CheckResult {
    return this.results.get(runKey(run)) as CheckResult
  }
}

type Again = KernelReview['again']

/** Builds and compares. A side that cannot be is an error of the review, never an empty list. */
export async function review(
  a: Reviewed,
  b: Reviewed,
  w: Wanted,
  again: Again,
  o: ReviewOptions
): Promise<KernelReview> {
  const empty = {
    before: a.tree.name,
    after: b.tree.name,
    compared: 0,
    identical: false,
    changes: [],
    errors: [],
    undecided: 0,
    skipped: new Map<string, number>(),
    introduced: [],
    notes: [],
    again
  }
  const [sa, sb] = [await a.side(), await b.side()]
  const errors = [
    ...(sa.ok ? [] : of('the earlier side does not build', sa.error)),
    ...(sb.ok ? [] : of('the later side does not build', sb.error))
  ]
  if (!sa.ok || !sb.ok) return { ...empty, errors }
  const notes = [
    ...new Set(
      [sa.value, sb.value]
        .flatMap((s) => [...s.built.values()].flatMap((b) => b.plain.meta.assumptions))
        .map((x) => `assumed: ${x.parameter} of ${x.call}() is ${x.value} (${x.file})`)
    )
  ]
  if (sa.value.kernel === sb.value.kernel && sameCode(sa.value, sb.value)) {
    b.adopt(a)
    return { ...empty, identical: true, notes }
  }
  const runs = runsOf(w.tests, [sa.value.kernel, sb.value.kernel], w.platforms, w.all)
  const failed = [...of('the earlier side', a.run(sa.value, runs)), ...of('the later side', b.run(sb.value, runs))]
  if (failed.length > 0) return { ...empty, errors: failed }
  const pairs: ChangedRun[] = []
  const skipped = new Map<string, number>()
  const introduced = new Map<string, { platform: string; base: string; runs: number }>()
  for (const run of runs) {
    const [before, after] = [a.result(run), b.result(run)]
    const base = before.verdict === 'skipped' && after.verdict !== 'skipped' ? introducing(run.platform) : null
    if (base !== null) {
      // the model is the earlier side of a platform that the earlier tree has not
      const model = checkTest(run.test, base, run.platform, {
        interleave: 'calls',
        ...(o.maxStates === undefined ? {} : { maxStates: o.maxStates })
      })
      const entry = introduced.get(run.platform) ?? { platform: run.platform, base, runs: 0 }
      introduced.set(run.platform, { ...entry, runs: entry.runs + 1 })
      pairs.push({ before: model, after, byModel: true })
    } else if (before.verdict === 'skipped' || after.verdict === 'skipped') {
      const reason = before.reason ?? after.reason ?? ''
      skipped.set(reason, (skipped.get(reason) ?? 0) + 1)
    } else pairs.push({ before, after })
  }
  return {
    ...empty,
    compared: pairs.length,
    changes: changesBetween(pairs),
    undecided: undecidedIn(pairs),
    skipped,
    introduced: [...introduced.values()],
    notes
  }
}

// --- what is given
// -----------------------------------------------------------------------------------------------------------

/** A tree by directory, tarball or `REPO@REF`. */
export function openAny(spec: string): Result<Tree, Diagnostic> {
  const g = gitSpec(spec)
  return g === null ? openTree(spec) : openGit(g.repo, g.ref)
}

// git shows a merge as a diff against both parents at once
export const MERGE = /^diff --(?:cc|combined) /m

export const nothing = (file: string, message: string, hint: string): Diagnostic => ({
  code: 'TB-611',
  file,
  line: 0,
  column: 0,
  word: '',
  message,
  hint
})

/** The tree with the patch of a mail on it. Errors: TB-611, also for a mail without one. */
export function patched(tree: Tree, mail: string, from = '-'): Result<Tree, Diagnostic> {
  if (mail.trim() === '')
    return err(
      nothing(
        sourceName(from),
        'nothing was given: a patch or a mail with one was expected',
        'a saved mail, or the output of git format-patch or git diff'
      )
    )
  if (MERGE.test(mail))
    return err(nothing(sourceName(from), 'this is the diff of a merge, which is no patch', 'git diff A B gives one'))
  if (touched(mail).length === 0)
    return err(
      nothing(
        sourceName(from),
        'no patch in it',
        'a unified diff is wanted: the output of git format-patch or git diff'
      )
    )
  const applied = applyPatch(tree, mail)
  if (!applied.ok) return applied
  if (alreadyThere(tree, applied.value, mail) && touched(mail).some(concerns))
    return err(
      nothing(
        tree.name,
        'the patch is in this tree already: there is nothing to compare',
        'give the tree as it was before the patch'
      )
    )
  return ok({ ...applied.value, name: `${tree.name} with the patch` })
}

export function wanted(io: Io, names: readonly string[], o: ReviewOptions): Wanted | null {
  const platforms = platformsAsked(o.platform)
  if (platforms !== null && !Array.isArray(platforms)) {
    complain(io, [platforms], o.format)
    return null
  }
  const { files, errors } = litmusFiles(names.length > 0 ? names : [libraryDirectory()])
  const loaded = loadTests(files)
  const all = [...errors, ...loaded.errors]
  if (all.length > 0) complain(io, all, o.format)
  return all.length > 0
    ? null
    : { tests: loaded.tests, texts: loaded.texts, platforms, all: o.all === true || names.length > 0 }
}

/** The command that checks a run of one side again. */
export const againOn =
  (before: string, after: string | null, patch: string): Again =>
  (r, side) => {
    const on = side === 'before' || after === null ? before : after
    return (
      `tbit kernel check ${shellWord(on)} ${fileWord(r.file)} --platform ${r.platform}` +
      `${side === 'after' && after === null ? ` --apply ${shellWord(patch)}` : ''}`
    )
  }

function finish(io: Io, r: KernelReview, o: ReviewOptions): void {
  if (r.errors.length > 0 && (o.format === 'text' || o.format === 'b4')) io.err(kernelErrorsText(r.errors))
  io.out(reviewFormats[o.format](r, { width: io.width ?? 80 }))
  io.exit(r.errors.length > 0 ? 2 : r.changes.length > 0 ? 1 : r.undecided > 0 ? 125 : 0)
}

/** What a patch mail changes of a tree, in a format of a review; for `kernel check --apply`. */
export async function reviewMailOn(
  io: Io,
  tree: Tree,
  spec: string,
  mail: string,
  from: string,
  names: readonly string[],
  o: ReviewOptions
): Promise<void> {
  const w = wanted(io, names, o)
  if (w === null) return
  const after = patched(tree, mail, from)
  if (!after.ok) return complain(io, [after.error], o.format)
  finish(
    io,
    await review(
      new Reviewed(tree, io, w, o),
      new Reviewed(after.value, io, w, o),
      w,
      againOn(spec, null, from === '-' ? 'PATCH' : from),
      o
    ),
    o
  )
}

export const reviewOptions = (c: Command, formats: Parameters<typeof formatOption>[0]): Command =>
  c
    .option('--platform <names>', 'platforms, separated by commas (default: those of each test)')
    .option('--all', 'also tests that are about other revisions than those of the trees')
    .addOption(new Option('--max-states <n>', 'states at which a search gives up').argParser(count))
    .option('--shim <dir>', 'additions: headers by include path, extra.h (included everywhere), further units *.c')
    .option('--fresh', 'build even what the cache has')
    .addOption(formatOption(formats))

export function diffCommand(io: Io): Command {
  return reviewOptions(
    new Command('diff')
      .summary('two trees, or a tree and a patch: what differs')
      .description(
        'Checks the same litmus tests on the C of two trees and says what is new, fixed or different, once for ' +
          'each finding. Exit code 0 when nothing differs, 1 when something does, 2 for bad input or a side that ' +
          'does not build, 125 when a search hit its limit.'
      )
      .argument('<before>', 'kernel source: a directory, a tarball, or REPO@REF of a git repository')
      .argument('<after>', 'the same, or - for the first with the patch mail on standard input')
      .argument('[file...]', 'litmus tests or directories of them (default: the library)'),
    reviewFormats
  )
    .addHelpText(
      'after',
      '\nExamples:\n  tbit kernel diff linux-6.12 linux-6.12-rfc\n  tbit kernel diff ~/linux@v7.2 ~/linux@v7.3\n ' +
        ' tbit kernel diff ~/linux@v7.3 - --format mail < patch.eml'
    )
    .action(async (before: string, after: string, names: string[], o: ReviewOptions) => {
      const a = openAny(before)
      if (!a.ok) return complain(io, [a.error], o.format)
      if (after === '-') {
        const mail = patchText('-')
        return mail.ok
          ? reviewMailOn(io, a.value, before, mail.value, '-', names, o)
          : complain(io, [mail.error], o.format)
      }
      const b = openAny(after)
      if (!b.ok) return complain(io, [b.error], o.format)
      const w = wanted(io, names, o)
      if (w !== null)
        finish(
          io,
          await review(
            new Reviewed(a.value, io, w, o),
            new Reviewed(b.value, io, w, o),
            w,
            againOn(before, after, 'PATCH'),
            o
          ),
          o
        )
    })
}
