// `tbit kernel diff`, `tbit kernel series`, and the check of one patch mail: two trees on the same litmus tests, and what differs.
import { existsSync } from 'node:fs'
import { Command, Option } from 'commander'
import { type Diagnostic, type Result, err, ok } from '../base/index.ts'
import { type CheckResult, checkTest } from '../check/index.ts'
import { BootFault, checkOnTree, introducing, revisionOf, runsOf, type TreeImages, type TreeRun } from '../conform/kernel-check.ts'
import { type ChangedRun, changesBetween, undecidedIn } from '../conform/kernel-changes.ts'
import { alreadyThere, applyPatch, ARCHES, type Arch, type Built, buildKernel, codeOf, commitsOf, compiledFrom, concerns, gitSpec, mailsOf, openGit, openTree, subjectOf, touched, type Tree } from '../kernel-build/index.ts'
import { Wasm } from '../kernel-c/index.ts'
import { platformByName } from '../machine/index.ts'
import { fileWord, shellWord } from '../report/check-run.ts'
import { type KernelReview, type PatchReview, reviewFormats, type ReviewFormatName, seriesFormats, type SeriesReview } from '../report/kernel-changes.ts'
import { kernelErrorsText } from '../report/kernel.ts'
import { libraryDirectory, litmusFiles, loadTests } from './files.ts'
import { formatOption } from './formats.ts'
import type { Io } from './io.ts'
import { complain, count, patchText, platformsAsked, progressOf, sourceName } from './kernel-common.ts'

export interface ReviewOptions { platform?: string; all?: boolean; maxStates?: number; shim?: string; fresh?: boolean; format: ReviewFormatName }

/** The litmus tests of a review, read once. */
export interface Wanted { readonly tests: ReturnType<typeof loadTests>['tests']; readonly platforms: readonly string[] | null; /** Also tests about other revisions. */ readonly all: boolean }

/** A tree that is built. */
interface Side { readonly tree: Tree; readonly images: TreeImages; readonly built: ReadonlyMap<Arch, Built>; readonly kernel: string }

/** The architectures that the platforms asked for need; both where all are wanted. */
function archesFor(platforms: readonly string[] | null): readonly Arch[] {
  const needed = ARCHES.filter((a) => platforms === null || platforms.some((p) => platformByName(p)?.architecture === a))
  // a platform of no compiled architecture is skipped with its reason, by a tree that is built for one
  return needed.length > 0 ? needed : [ARCHES[0]]
}

/** Says which side an error is about. */
const of = (what: string, errors: readonly Diagnostic[]): Diagnostic[] => errors.map((e) => ({ ...e, message: `${what}: ${e.message}` }))

async function buildSide(io: Io, tree: Tree, arches: readonly Arch[], o: ReviewOptions): Promise<Result<Side, Diagnostic[]>> {
  const p = progressOf(io)
  const built = new Map<Arch, Built>()
  for (const arch of arches) {
    const b = await buildKernel(tree, { arch, profile: 'guest', progress: (w) => p.say(`${tree.name}, ${arch}: ${w}`), ...(o.shim === undefined ? {} : { teach: o.shim }), ...(o.fresh ? { fresh: true } : {}) })
    p.done()
    if (!b.ok) return b
    built.set(arch, b.value)
  }
  const image = (b: Built | undefined): TreeImages['arm64'] => (b === undefined ? null : { module: new Wasm.Module(b.wasm), meta: b.meta })
  return ok({ tree, built, images: { arm64: image(built.get('arm64')), x86: image(built.get('x86')) }, kernel: revisionOf(([...built.values()][0] as Built).meta) })
}

const sameCode = (a: Side, b: Side): boolean => [...a.built].every(([arch, x]) => Buffer.compare(codeOf(x.wasm), codeOf((b.built.get(arch) as Built).wasm)) === 0)

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
      had.set(runKey(run), checkOnTree(run, side.kernel, side.images, o.maxStates === undefined ? {} : { maxStates: o.maxStates }))
    } catch (e) {
      if (!(e instanceof BootFault)) throw e
      errors.set(e.message, { code: 'TB-612', file: side.tree.name, line: 0, column: 0, word: run.platform, message: e.message, ...(e.fault.calls.length > 0 ? { hint: `in ${e.fault.calls.slice(0, 6).join(' < ')}` } : {}) })
    }
  }
  p.done()
  return [...errors.values()]
}

/** A tree with its results so far, or the reason why there is none. */
class Reviewed {
  private readonly results: Results = new Map()
  private built: Result<Side, Diagnostic[]> | null = null
  constructor(readonly tree: Tree, private readonly io: Io, private readonly arches: readonly Arch[], private readonly o: ReviewOptions) {}
  async side(): Promise<Result<Side, Diagnostic[]>> {
    this.built ??= await buildSide(this.io, this.tree, this.arches, this.o)
    return this.built
  }
  /** Takes over what a tree of the same code answered. */
  adopt(other: Reviewed): void { for (const [k, r] of other.results) this.results.set(k, r) }
  run(side: Side, runs: readonly TreeRun[]): Diagnostic[] { return runAll(this.io, side, runs, this.results, this.o) }
  result(run: TreeRun): CheckResult { return this.results.get(runKey(run)) as CheckResult }
}

type Again = KernelReview['again']

/** Builds and compares. A side that cannot be is an error of the review, never an empty list. */
async function review(a: Reviewed, b: Reviewed, w: Wanted, again: Again, o: ReviewOptions): Promise<KernelReview> {
  const empty = { before: a.tree.name, after: b.tree.name, compared: 0, identical: false, changes: [], errors: [], undecided: 0, skipped: new Map<string, number>(), introduced: [], notes: [], again }
  const [sa, sb] = [await a.side(), await b.side()]
  const errors = [...(sa.ok ? [] : of('the earlier side does not build', sa.error)), ...(sb.ok ? [] : of('the later side does not build', sb.error))]
  if (!sa.ok || !sb.ok) return { ...empty, errors }
  const notes = [...new Set([sa.value, sb.value].flatMap((s) => [...s.built.values()].flatMap((b) => b.meta.assumptions)).map((x) => `assumed: ${x.parameter} of ${x.call}() is ${x.value} (${x.file})`))]
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
      const model = checkTest(run.test, base, run.platform, { interleave: 'calls', ...(o.maxStates === undefined ? {} : { maxStates: o.maxStates }) })
      const entry = introduced.get(run.platform) ?? { platform: run.platform, base, runs: 0 }
      introduced.set(run.platform, { ...entry, runs: entry.runs + 1 })
      pairs.push({ before: model, after })
    } else if (before.verdict === 'skipped' || after.verdict === 'skipped') {
      const reason = before.reason ?? after.reason ?? ''
      skipped.set(reason, (skipped.get(reason) ?? 0) + 1)
    } else pairs.push({ before, after })
  }
  return { ...empty, compared: pairs.length, changes: changesBetween(pairs), undecided: undecidedIn(pairs), skipped, introduced: [...introduced.values()], notes }
}

// --- what is given -----------------------------------------------------------------------------------------------------------

/** A tree by directory, tarball or `REPO@REF`. */
export function openAny(spec: string): Result<Tree, Diagnostic> {
  const g = gitSpec(spec)
  return g === null ? openTree(spec) : openGit(g.repo, g.ref)
}

// git shows a merge as a diff against both parents at once
const MERGE = /^diff --(?:cc|combined) /m

const nothing = (file: string, message: string, hint: string): Diagnostic => ({ code: 'TB-611', file, line: 0, column: 0, word: '', message, hint })

/** The tree with the patch of a mail on it. Errors: TB-611, also for a mail without one. */
export function patched(tree: Tree, mail: string, from = '-'): Result<Tree, Diagnostic> {
  if (mail.trim() === '') return err(nothing(sourceName(from), 'nothing was given: a patch or a mail with one was expected', 'a saved mail, or the output of git format-patch or git diff'))
  if (MERGE.test(mail)) return err(nothing(sourceName(from), 'this is the diff of a merge, which is no patch', 'git diff A B gives one'))
  if (touched(mail).length === 0) return err(nothing(sourceName(from), 'no patch in it', 'a unified diff is wanted: the output of git format-patch or git diff'))
  const applied = applyPatch(tree, mail)
  if (!applied.ok) return applied
  if (alreadyThere(tree, applied.value, mail) && touched(mail).some(concerns)) return err(nothing(tree.name, 'the patch is in this tree already: there is nothing to compare', 'give the tree as it was before the patch'))
  return ok({ ...applied.value, name: `${tree.name} with the patch` })
}

function wanted(io: Io, names: readonly string[], o: ReviewOptions): Wanted | null {
  const platforms = platformsAsked(o.platform)
  if (platforms !== null && !Array.isArray(platforms)) {
    complain(io, [platforms], o.format)
    return null
  }
  const { files, errors } = litmusFiles(names.length > 0 ? names : [libraryDirectory()])
  const loaded = loadTests(files)
  const all = [...errors, ...loaded.errors]
  if (all.length > 0) complain(io, all, o.format)
  return all.length > 0 ? null : { tests: loaded.tests, platforms, all: o.all === true || names.length > 0 }
}

/** The command that checks a run of one side again. */
const againOn = (before: string, after: string | null, patch: string): Again => (r, side) => {
  const on = side === 'before' || after === null ? before : after
  return `tbit kernel check ${shellWord(on)} ${fileWord(r.file)} --platform ${r.platform}${side === 'after' && after === null ? ` --apply ${shellWord(patch)}` : ''}`
}

function finish(io: Io, r: KernelReview, o: ReviewOptions): void {
  if (r.errors.length > 0 && (o.format === 'text' || o.format === 'b4')) io.err(kernelErrorsText(r.errors))
  io.out(reviewFormats[o.format](r, { width: io.width ?? 80 }))
  io.exit(r.errors.length > 0 ? 2 : r.changes.length > 0 ? 1 : r.undecided > 0 ? 125 : 0)
}

/** What a patch mail changes of a tree, in a format of a review; for `kernel check --apply`. */
export async function reviewMailOn(io: Io, tree: Tree, spec: string, mail: string, from: string, names: readonly string[], o: ReviewOptions): Promise<void> {
  const w = wanted(io, names, o)
  if (w === null) return
  const after = patched(tree, mail, from)
  if (!after.ok) return complain(io, [after.error], o.format)
  finish(io, await review(new Reviewed(tree, io, archesFor(w.platforms), o), new Reviewed(after.value, io, archesFor(w.platforms), o), w, againOn(spec, null, from === '-' ? 'PATCH' : from), o), o)
}

const reviewOptions = (c: Command, formats: Parameters<typeof formatOption>[0]): Command => c
  .option('--platform <names>', 'platforms, separated by commas (default: those of each test)')
  .option('--all', 'also tests that are about other revisions than those of the trees')
  .addOption(new Option('--max-states <n>', 'states at which a search gives up').argParser(count))
  .option('--shim <dir>', 'additions: headers by include path, extra.h (included everywhere), further units *.c')
  .option('--fresh', 'build even what the cache has')
  .addOption(formatOption(formats))

export function diffCommand(io: Io): Command {
  return reviewOptions(new Command('diff')
    .summary('two trees, or a tree and a patch: what differs')
    .description('Checks the same litmus tests on the C of two trees and says what is new, fixed or different, once for each finding. Exit code 0 when nothing differs, 1 when something does, 2 for bad input or a side that does not build, 125 when a search hit its limit.')
    .argument('<before>', 'kernel source: a directory, a tarball, or REPO@REF of a git repository')
    .argument('<after>', 'the same, or - for the first with the patch mail on standard input')
    .argument('[file...]', 'litmus tests or directories of them (default: the library)'), reviewFormats)
    .addHelpText('after', '\nExamples:\n  tbit kernel diff linux-6.12 linux-6.12-rfc\n  tbit kernel diff ~/linux@v7.2 ~/linux@v7.3\n  tbit kernel diff ~/linux@v7.3 - --format mail < patch.eml')
    .action(async (before: string, after: string, names: string[], o: ReviewOptions) => {
      const a = openAny(before)
      if (!a.ok) return complain(io, [a.error], o.format)
      if (after === '-') {
        const mail = patchText('-')
        return mail.ok ? reviewMailOn(io, a.value, before, mail.value, '-', names, o) : complain(io, [mail.error], o.format)
      }
      const b = openAny(after)
      if (!b.ok) return complain(io, [b.error], o.format)
      const w = wanted(io, names, o)
      if (w !== null) finish(io, await review(new Reviewed(a.value, io, archesFor(w.platforms), o), new Reviewed(b.value, io, archesFor(w.platforms), o), w, againOn(before, after, 'PATCH'), o), o)
    })
}

// --- series --------------------------------------------------------------------------------------------------------------------

interface Patch { readonly number: number; readonly subject: string; readonly touched: readonly string[]; /** The tree with it, from the tree before it. */ readonly on: (before: Tree) => Result<Tree, Diagnostic> }

/** The patches of a mailbox in the order of their numbers; mails without a diff (a cover letter, a reply) are not among them. */
function patchesOf(text: string, file: string): Result<readonly Patch[], Diagnostic> {
  const all = mailsOf(text)
  const merge = all.find((m) => MERGE.test(m))
  if (merge !== undefined) return err(nothing(sourceName(file), `the mail '${subjectOf(merge).text}' has the diff of a merge, which is no patch`, 'git diff A B gives one'))
  const mails = all.filter((m) => touched(m).length > 0)
  if (mails.length === 0) return err(nothing(sourceName(file), 'no mail with a patch in it', 'an mbox as b4 am or git format-patch --stdout writes it'))
  const told = mails.map((m) => ({ mail: m, ...subjectOf(m) }))
  if (told.every((t) => t.number !== null) && new Set(told.map((t) => t.number)).size === told.length) told.sort((x, y) => (x.number as number) - (y.number as number))
  return ok(told.map((t, i) => ({ number: t.number ?? i + 1, subject: t.text, touched: touched(t.mail), on: (before) => applyPatch(before, t.mail) })))
}

/** `A..B` of a repository; a path such as ../x.mbox is none. */
const isRange = (base: string, what: string): boolean => /^[^/.][^.]*(?:\.[^.]+)*\.\.(?!\/)/.test(what) && existsSync(base) && !existsSync(what)

function seriesOf(base: string, what: string, text: string): Result<{ readonly tree: Tree; readonly patches: readonly Patch[]; readonly from: string }, Diagnostic> {
  if (isRange(base, what)) {
    const c = commitsOf(base, what)
    if (!c.ok) return c
    return ok({ tree: c.value.base, from: c.value.base.name, patches: c.value.commits.map((k, i) => ({ number: i + 1, subject: `${k.subject}${k.merge ? ' (a merge, as a whole)' : ''}`, touched: k.touched, on: () => ok(k.tree) })) })
  }
  const tree = openAny(base)
  if (!tree.ok) return tree
  const patches = patchesOf(text, what)
  return patches.ok ? ok({ tree: tree.value, patches: patches.value, from: base }) : patches
}

export function seriesCommand(io: Io): Command {
  return reviewOptions(new Command('series')
    .summary('a series of patches, one after the other: which changes what')
    .description('Puts each patch on the tree before it, builds it and compares it with that: which patch changes which verdict, and which does not build. A patch that does not build is passed over: the next is compared with the last that did. ' +
      'Exit code 0 when nothing differs, 1 when something does, 2 for bad input or a patch that does not build, 125 when a search hit its limit.')
    .argument('<base>', 'kernel source: a directory, a tarball, REPO@REF; the git repository for A..B')
    .argument('<series>', 'an mbox, - for one on standard input, or A..B: the commits of a range')
    .argument('[file...]', 'litmus tests or directories of them (default: the library)'), seriesFormats)
    .addHelpText('after', '\nExamples:\n  tbit kernel series linux-7.2 series.mbox\n  tbit kernel series ~/linux v7.2..my-branch')
    .action(async (base: string, what: string, names: string[], o: ReviewOptions) => {
      const text = isRange(base, what) ? ok('') : patchText(what)
      if (!text.ok) return complain(io, [text.error], o.format)
      const s = seriesOf(base, what, text.value)
      if (!s.ok) return complain(io, [s.error], o.format)
      const w = wanted(io, names, o)
      if (w === null) return
      const r = await reviewSeries(io, s.value, w, o)
      const errors = [...r.patches.flatMap((p) => (p.review === 'none' ? [] : p.review.errors)), ...(r.stopped === null ? [] : [r.stopped])]
      if (errors.length > 0 && o.format !== 'json') io.err(kernelErrorsText(errors))
      io.out(seriesFormats[o.format](r, { width: io.width ?? 80 }))
      const reviews = r.patches.flatMap((p) => (p.review === 'none' ? [] : [p.review]))
      io.exit(errors.length > 0 ? 2 : reviews.some((x) => x.changes.length > 0) ? 1 : reviews.some((x) => x.undecided > 0) ? 125 : 0)
    })
}

async function reviewSeries(io: Io, s: { readonly tree: Tree; readonly patches: readonly Patch[]; readonly from: string }, w: Wanted, o: ReviewOptions): Promise<SeriesReview> {
  const patches: PatchReview[] = []
  let [last, tree] = [new Reviewed(s.tree, io, archesFor(w.platforms), o), s.tree]
  const total = Math.max(s.patches.length, ...s.patches.map((p) => p.number))
  const base = await last.side()
  if (!base.ok) return { base: s.from, patches, total, stopped: of('the base does not build, so nothing was compared', base.error)[0] as Diagnostic }
  for (const p of s.patches) {
    const next = p.on(tree)
    // what comes after it was made for a tree that has it
    if (!next.ok) return { base: s.from, patches, total, stopped: { ...next.error, message: `patch ${p.number} (${p.subject}): ${next.error.message}; it and those after it were not compared` } }
    tree = { ...next.value, name: `${s.from} with patches 1 to ${p.number}` }
    if (!p.touched.some(compiledFrom)) {
      patches.push({ number: p.number, subject: p.subject, review: 'none' })
      continue
    }
    const now = new Reviewed(tree, io, archesFor(w.platforms), o)
    const r = await review(last, now, w, againOn(s.from, s.from, ''), o)
    patches.push({ number: p.number, subject: p.subject, review: r })
    if ((await now.side()).ok) last = now
  }
  return { base: s.from, patches, total, stopped: null }
}
