// `tbit kernel series`: a series of patches, one after the other, each compared with the last tree before it that
// builds. On several machines a comparison is what one of them does as a whole, since building costs most.
import { existsSync } from 'node:fs'
import { Command } from 'commander'
import { type Diagnostic, formatDiagnostic, type Result, err, ok } from '../base/index.ts'
import {
  applyPatch,
  commitsOf,
  compiledFrom,
  mailsOf,
  subjectOf,
  textsOf,
  touched,
  type Tree
} from '../kernel-build/index.ts'
import { type KernelReview, type PatchReview, seriesFormats, type SeriesReview } from '../report/kernel-changes.ts'
import { kernelErrorsText } from '../report/kernel.ts'
import type { Io } from './io.ts'
import { complain, patchText, sourceName } from './kernel-common.ts'
import {
  againOn,
  MERGE,
  nothing,
  of,
  openAny,
  review,
  Reviewed,
  reviewOptions,
  type ReviewOptions,
  type Wanted,
  wanted
} from './kernel-review.ts'
import { shareOf, type ShareOptions, type Shares, withShares, type WritingShare } from './shares.ts'

export interface Patch {
  readonly number: number
  readonly subject: string
  /** What it is, for telling two series apart: its text, or its commit. */
  readonly content: string
  readonly touched: readonly string[]
  /** The tree with it, from the tree before it. */
  readonly on: (before: Tree) => Result<Tree, Diagnostic>
}

export interface Series {
  readonly tree: Tree
  readonly patches: readonly Patch[]
  /** How the tree was given. */
  readonly from: string
}

/**
 * The patches of a mailbox in the order of their numbers; mails without a diff (a cover letter, a reply) are not among
 * them.
 */
function patchesOf(text: string, file: string): Result<readonly Patch[], Diagnostic> {
  const all = mailsOf(text)
  const merge = all.find((m) => MERGE.test(m))
  if (merge !== undefined)
    return err(
      nothing(
        sourceName(file),
        `the mail '${subjectOf(merge).text}' has the diff of a merge, which is no patch`,
        'git diff A B gives one'
      )
    )
  const mails = all.filter((m) => touched(m).length > 0)
  if (mails.length === 0)
    return err(
      nothing(sourceName(file), 'no mail with a patch in it', 'an mbox as b4 am or git format-patch --stdout writes it')
    )
  const told = mails.map((m) => ({ mail: m, ...subjectOf(m) }))
  if (told.every((t) => t.number !== null) && new Set(told.map((t) => t.number)).size === told.length)
    told.sort((x, y) => (x.number as number) - (y.number as number))
  return ok(
    told.map((t, i) => ({
      number: t.number ?? i + 1,
      subject: t.text,
      content: t.mail,
      touched: touched(t.mail),
      on: (before) => applyPatch(before, t.mail)
    }))
  )
}

/** `A..B` of a repository; a path such as ../x.mbox is none. */
const isRange = (base: string, what: string): boolean =>
  /^[^/.][^.]*(?:\.[^.]+)*\.\.(?!\/)/.test(what) && existsSync(base) && !existsSync(what)

function seriesOf(base: string, what: string, text: string): Result<Series, Diagnostic> {
  if (isRange(base, what)) {
    const c = commitsOf(base, what)
    if (!c.ok) return c
    return ok({
      tree: c.value.base,
      from: c.value.base.name,
      patches: c.value.commits.map((k, i) => ({
        number: i + 1,
        subject: `${k.subject}${k.merge ? ' (a merge, as a whole)' : ''}`,
        content: k.tree.name,
        touched: k.touched,
        on: () => ok(k.tree)
      }))
    })
  }
  const tree = openAny(base)
  if (!tree.ok) return tree
  const patches = patchesOf(text, what)
  return patches.ok ? ok({ tree: tree.value, patches: patches.value, from: base }) : patches
}

type SeriesOptions = ReviewOptions & ShareOptions

export function seriesCommand(io: Io): Command {
  return withShares(
    reviewOptions(
      new Command('series')
        .summary('a series of patches, one after the other: which changes what')
        .description(
          'Puts each patch on the tree before it, builds it and compares it with that: which patch changes which ' +
            'verdict, and which does not build. A patch that does not build is passed over: the next is compared ' +
            'with the last that did. ' +
            'Exit code 0 when nothing differs, 1 when something does, 2 for bad input or a patch that does not ' +
            'build, 125 when a search hit its limit.'
        )
        .argument('<base>', 'kernel source: a directory, a tarball, REPO@REF; the git repository for A..B')
        .argument('<series>', 'an mbox, - for one on standard input, or A..B: the commits of a range')
        .argument('[file...]', 'litmus tests or directories of them (default: the library)'),
      seriesFormats
    )
  )
    .addHelpText(
      'after',
      '\nExamples:\n  tbit kernel series linux-7.2 series.mbox\n  tbit kernel series ~/linux v7.2..my-branch'
    )
    .action(async (base: string, what: string, names: string[], o: SeriesOptions) => {
      const text = isRange(base, what) ? ok('') : patchText(what)
      if (!text.ok) return complain(io, [text.error], o.format)
      const s = seriesOf(base, what, text.value)
      if (!s.ok) return complain(io, [s.error], o.format)
      const w = wanted(io, names, o)
      if (w !== null) await runSeries(io, s.value, w, o)
    })
}

async function runSeries(io: Io, s: Series, w: Wanted, o: SeriesOptions): Promise<void> {
  const wrong: Diagnostic[] = []
  const share = shareOf('kernel', io.argv ?? [], o, wrong, 'series')
  const shares: Shares | null = io.shares ?? share
  if (wrong.length === 0) {
    const inputs = [...textsOf(s.tree), ...s.patches.map((p) => p.content), ...w.texts.values()]
    const unfit = (await shares?.begin(seriesItems(s), inputs)) ?? null
    if (unfit !== null) wrong.push(unfit)
  }
  if (wrong.length > 0) return complain(io, wrong, o.format)
  const again = againOn(s.from, s.from, '')
  const r = await reviewSeries<Reviewed>(
    s,
    {
      tree: (t) => new Reviewed(t, io, w, o),
      broken: async (t) => {
        const side = await t.side()
        return side.ok ? null : side.error
      },
      compare: (before, after) => review(before, after, w, again, o),
      again
    },
    shares
  )
  finishSeries(io, r, o, share)
}

function finishSeries(io: Io, r: SeriesReview, o: SeriesOptions, share: WritingShare | null): void {
  const errors = [
    ...r.patches.flatMap((p) => (p.review === 'none' ? [] : p.review.errors)),
    ...(r.stopped === null ? [] : [r.stopped])
  ]
  if (errors.length > 0 && o.format !== 'json') io.err(kernelErrorsText(errors))
  const unwritten = share?.failed ?? null
  if (unwritten !== null) io.err(`${formatDiagnostic(unwritten)}\n`)
  if (share === null) io.out(seriesFormats[o.format](r, { width: io.width ?? 80 }))
  else if (unwritten === null) io.out(`${share.summary()}\n`)
  const reviews = r.patches.flatMap((p) => (p.review === 'none' ? [] : [p.review]))
  io.exit(
    errors.length > 0 || unwritten !== null
      ? 2
      : reviews.some((x) => x.changes.length > 0)
        ? 1
        : reviews.some((x) => x.undecided > 0)
          ? 125
          : 0
  )
}

/** What the trees of a series are built and compared with; `T`: a tree that is built when it is first asked for. */
export interface Reviewing<T> {
  tree(t: Tree): T
  /** Why it does not build, or null. */
  broken(t: T): Promise<readonly Diagnostic[] | null>
  compare(before: T, after: T): Promise<KernelReview>
  readonly again: KernelReview['again']
}

const BASE = 'the base builds'
const itemOf = (p: Patch): string => `${p.number} ${p.subject}`
const isCompared = (p: Patch): boolean => p.touched.some(compiledFrom)

/** What goes to one share as a whole. */
export const seriesItems = (s: Series): string[] => [BASE, ...s.patches.filter(isCompared).map(itemOf)]

/** The trees of a series, up to the first patch that does not apply: what comes after was made for a tree with it. */
function applied(s: Series): {
  readonly trees: ReadonlyArray<{ readonly patch: Patch; readonly tree: Tree }>
  readonly stopped: Diagnostic | null
} {
  const trees: Array<{ patch: Patch; tree: Tree }> = []
  let tree = s.tree
  for (const patch of s.patches) {
    const next = patch.on(tree)
    if (!next.ok)
      return {
        trees,
        stopped: {
          ...next.error,
          message:
            `patch ${patch.number} (${patch.subject}): ${next.error.message}; it and those after it were not ` +
            'compared'
        }
      }
    tree = { ...next.value, name: `${s.from} with patches 1 to ${patch.number}` }
    trees.push({ patch, tree })
  }
  return { trees, stopped: null }
}

/** A review as a line of JSON has it. */
type Answer = Omit<KernelReview, 'again' | 'skipped'> & { readonly skipped: ReadonlyArray<[string, number]> }
function toAnswer(r: KernelReview): Answer {
  const { again: _, skipped, ...rest } = r
  return { ...rest, skipped: [...skipped] }
}

/** The review of a series; with shares, of what they have. */
export async function reviewSeries<T>(s: Series, by: Reviewing<T>, shares: Shares | null): Promise<SeriesReview> {
  const { trees, stopped } = applied(s)
  const total = Math.max(s.patches.length, ...s.patches.map((p) => p.number))
  // By their place, the base has -1; none before the last that was compared with is asked for again.
  const built = new Map<number, T>()
  const at = (i: number): T => {
    const had = built.get(i) ?? by.tree(i < 0 ? s.tree : (trees[i]?.tree as Tree))
    built.set(i, had)
    return had
  }
  /** What is known of an item, or done for it if it is this share's. */
  const answer = async <V>(item: string, make: () => Promise<V | undefined>): Promise<V | undefined> => {
    const known = shares?.known(item, item) as V | undefined
    if (known !== undefined || (shares !== null && !shares.mine(item))) return known
    const v = await make()
    if (v !== undefined) shares?.done(item, item, v)
    return v
  }
  const broken = await answer(BASE, () => by.broken(at(-1)))
  if (broken != null) {
    const [first] = of('the base does not build, so nothing was compared', broken)
    return { base: s.from, patches: [], total, stopped: first as Diagnostic }
  }
  const compareAt = async (i: number): Promise<Answer | undefined> => {
    let before = i - 1
    while (before >= 0 && (!isCompared(trees[before]?.patch as Patch) || (await by.broken(at(before))) !== null))
      before--
    // that the base does not build is another share's to tell
    if (before < 0 && (await by.broken(at(-1))) !== null) return undefined
    for (const old of built.keys()) if (old < before) built.delete(old)
    return toAnswer(await by.compare(at(before), at(i)))
  }
  const patches: PatchReview[] = []
  for (const [i, { patch }] of trees.entries()) {
    const about = { number: patch.number, subject: patch.subject }
    if (!isCompared(patch)) {
      patches.push({ ...about, review: 'none' })
      continue
    }
    const a = await answer(itemOf(patch), () => compareAt(i))
    if (a !== undefined) patches.push({ ...about, review: { ...a, skipped: new Map(a.skipped), again: by.again } })
  }
  return { base: s.from, patches, total, stopped }
}
