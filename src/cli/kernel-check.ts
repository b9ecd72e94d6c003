// `tbit kernel check` and `tbit kernel diff`: litmus tests on a tree's own C.
import { Command, Option } from 'commander'
import type { Diagnostic } from '../base/index.ts'
import type { CheckResult } from '../check/index.ts'
import {
  BootFault,
  checkOnTree,
  imageOf,
  needSecond,
  otherwise,
  revisionOf,
  runsOf,
  type TreeImages,
  type TreeRun
} from '../conform/kernel-check.ts'
import { type Arch, buildGuest, compiledFrom, touched, type Tree } from '../kernel-build/index.ts'
import { decisionText } from '../kernel/index.ts'
import { type KernelMeta, limits } from '../kernel-c/index.ts'
import { platformByName } from '../machine/index.ts'
import { type CheckFormatName, checkFormat, checkFormats } from '../report/check-formats.ts'
import { type CheckRun, exitCode, fileWord, shellWord } from '../report/check-run.ts'
import { errorsText, verbosity } from '../report/check-text.ts'
import { kernelErrorsText } from '../report/kernel.ts'
import { fold } from '../report/wrap.ts'
import { libraryDirectory, litmusFiles, loadTests } from './files.ts'
import { formatOption } from './formats.ts'
import type { Io } from './io.ts'
import { kernelOption } from './names.ts'
import { complain, count, patchText, platformsAsked, progressOf } from './kernel-common.ts'
import { openAny, patched, reviewMailOn } from './kernel-review.ts'

interface Options {
  branches?: boolean
  interleave: 'steps' | 'calls'
  platform?: string
  kernel?: string
  all?: boolean
  apply?: string | true
  maxStates?: number
  shim?: string
  fresh?: boolean
  quiet?: boolean
  verbose?: number
  format: CheckFormatName
}

/**
 * Builds a tree for the architectures that the runs need, twice where one of them asks for the second build; null when
 * something was said to the reader already. `runs`: those about a revision, or (null) about any.
 */
async function imagesFor(
  io: Io,
  tree: Tree,
  runs: (revision: string | null) => readonly TreeRun[],
  o: Options,
  kernel: string | null
): Promise<{ images: TreeImages; kernel: string; meta: KernelMeta; runs: readonly TreeRun[] } | null> {
  const p = progressOf(io)
  const on = (arch: Arch, list: readonly TreeRun[]): TreeRun[] =>
    list.filter((r) => platformByName(r.platform)?.architecture === arch)
  const one = async (arch: Arch, list: readonly TreeRun[]): Promise<TreeImages['arm64'] | null> => {
    const b = await buildGuest(
      tree,
      {
        arch,
        progress: p.say,
        steps: o.interleave === 'steps',
        branches: o.branches === true,
        ...(o.shim === undefined ? {} : { teach: o.shim }),
        ...(o.fresh ? { fresh: true } : {})
      },
      needSecond(on(arch, list).map((r) => r.test))
    )
    p.done()
    if (b.ok) {
      io.err(b.value.failed.length > 0 ? kernelErrorsText(b.value.failed) : '')
      return imageOf(b.value.plain, b.value.second)
    }
    complain(io, b.error, o.format)
    return null
  }
  // which tests are about this tree is known once one architecture is built
  const arm64 = await one('arm64', runs(kernel))
  if (!arm64) return null
  const name = kernel ?? revisionOf(arm64.meta)
  const list = runs(name)
  let x86: TreeImages['x86'] = null
  if (on('x86', list).length > 0) {
    x86 = await one('x86', list)
    if (!x86) return null
  }
  return { images: { arm64, x86 }, kernel: name, meta: arm64.meta, runs: list }
}

function checkAll(
  io: Io,
  runs: readonly TreeRun[],
  kernel: string,
  images: TreeImages,
  o: Options
): { results: CheckResult[]; errors: Diagnostic[] } {
  const results: CheckResult[] = []
  const errors: Diagnostic[] = []
  const p = progressOf(io)
  const broken = new Set<string>()
  for (const [i, run] of runs.entries()) {
    p.say(`${i} of ${runs.length} runs`)
    try {
      results.push(
        checkOnTree(run, kernel, images, {
          interleave: o.interleave,
          ...(o.maxStates === undefined ? {} : { maxStates: o.maxStates }),
          frames: checkFormat(o.format).frames === true
        })
      )
    } catch (e) {
      if (!(e instanceof BootFault)) throw e
      if (broken.has(e.message)) continue
      broken.add(e.message)
      errors.push({
        code: 'TB-612',
        file: run.test.file,
        line: 0,
        column: 0,
        word: run.platform,
        message: e.message,
        ...(e.fault.calls.length > 0 ? { hint: `in ${e.fault.calls.slice(0, 6).join(' < ')}` } : {})
      })
    }
  }
  p.done()
  return { results, errors }
}

export function checkCommand(io: Io): Command {
  return new Command('check')
    .summary("litmus tests on a tree's own C")
    .description(
      "Puts a tree's own C in the place of our model of it, inside the same machine, against the same litmus " +
        'tests. A call runs to its end, as with check --interleave calls; with --interleave steps it stops ' +
        'wherever another thread may come in between: at locks, at words that two threads touch and no lock ' +
        'protects, at conversions, copies and the page allocator. ' +
        'With --format b4 a patch mail is read from standard input; with --apply the answer is what the patch ' +
        'changes: [] when it touches nothing that is compiled here, or when both sides were built and agree. ' +
        'Exit code as check has it: 0 all as expected, 1 a finding or an expectation not met, 2 bad input, 125 a ' +
        'limit was hit.'
    )
    .argument('<tree>', 'kernel source: a directory or a tarball')
    .argument('[file...]', 'litmus tests or directories of them (default: the library)')
    .option('--platform <names>', 'platforms, separated by commas (default: those of each test)')
    .addOption(
      kernelOption(
        '--kernel <revision>',
        'the revision of ours that describes what lies around the C (default: the one that decides as the tree does)'
      )
    )
    .addOption(
      new Option('--interleave <how>', 'interleave whole calls, or the steps inside them')
        .choices(['calls', 'steps'])
        .default('calls')
    )
    .option(
      '--branches',
      'with each step of a finding what every `if` of the C decided in it, with file and line (another build)'
    )
    .option('--all', 'also tests that are about other revisions')
    .option('--apply [patch]', 'check the tree with this patch on it, in memory (default: the mail on standard input)')
    .addOption(new Option('--max-states <n>', 'states at which a search gives up').argParser(count))
    .option('--shim <dir>', 'additions to the shim')
    .option('--fresh', 'build even what the cache has')
    .option('-q, --quiet', 'only what is not as expected, and the summary')
    .option('-v, --verbose', 'findings step by step; -vv: every step', (_: string, n: number) => n + 1, 0)
    .addOption(formatOption(checkFormats))
    .addHelpText(
      'after',
      '\nExample:\n  tbit kernel check linux-6.12-rfc litmus/coherent/coherent-free-after-accept.litmus\n\nFor ' +
        'b4 (in ~/.gitconfig, section b4):\n  review-perpatch-check-cmd = tbit kernel check ~/linux --apply ' +
        '--format b4'
    )
    .action((dir: string, names: string[], o: Options) => checkTree(io, dir, names, o))
}

/** What is checked: the tree, patched where --apply says so, and the platforms (null: those each test names). */
interface Asked {
  readonly tree: Tree
  readonly platforms: string[] | null
}

/** null: the answer is given already. */
async function asked(io: Io, dir: string, names: readonly string[], o: Options): Promise<Asked | null> {
  const complained = (d: Diagnostic): null => {
    complain(io, [d], o.format)
    return null
  }
  const from = typeof o.apply === 'string' ? o.apply : '-'
  const given = o.format === 'b4' || o.apply !== undefined ? patchText(from) : null
  if (given?.ok === false) return complained(given.error)
  const mail = given === null ? null : given.value
  // a patch of other files leaves what is compiled here as it is
  if (o.format === 'b4' && mail !== null && touched(mail).length > 0 && !touched(mail).some(compiledFrom)) {
    io.out('[]\n')
    io.exit(0)
    return null
  }
  const platforms = platformsAsked(o.platform)
  if (platforms !== null && !Array.isArray(platforms)) return complained(platforms)
  const opened = openAny(dir)
  if (!opened.ok) return complained(opened.error)
  // what b4 wants to know of a patch is what it changes
  if (o.format === 'b4' && o.apply !== undefined) {
    await reviewMailOn(io, opened.value, dir, mail ?? '', from, names, { ...o, format: 'b4' })
    return null
  }
  const made = o.apply === undefined ? opened : patched(opened.value, mail ?? '', from)
  return made.ok ? { tree: made.value, platforms } : complained(made.error)
}

async function checkTree(io: Io, dir: string, names: readonly string[], o: Options): Promise<void> {
  const what = await asked(io, dir, names, o)
  if (what === null) return
  const { tree, platforms } = what
  const { files, errors: unread, directories } = litmusFiles(names.length > 0 ? names : [libraryDirectory()])
  const loaded = loadTests(files)
  const built = await imagesFor(
    io,
    tree,
    (revision) =>
      runsOf(loaded.tests, [revision ?? ''], platforms, revision === null || o.all === true || names.length > 0),
    o,
    o.kernel ?? null
  )
  if (!built) return
  const { results, errors } = checkAll(io, built.runs, built.kernel, built.images, o)
  const run: CheckRun = {
    tests: loaded.tests,
    results,
    errors: [...unread, ...loaded.errors, ...errors],
    texts: loaded.texts,
    interrupted: null,
    again: (r) =>
      `tbit kernel check ${shellWord(dir)} ${fileWord(r.file)} --platform ${r.platform}` +
      `${o.interleave === 'steps' ? ' --interleave steps' : ''}` +
      `${o.apply === undefined ? '' : ` --apply ${shellWord(typeof o.apply === 'string' ? o.apply : 'PATCH')}`}`
  }
  finish(io, run, built.meta, built.kernel, dir, o, directories ? 'many' : 'tests')
}

/** What the tree decides otherwise than the record that stands around it: it counts as the tree has it. */
function differing(meta: KernelMeta, kernel: string): string {
  const list = otherwise(meta, kernel)
  return list.length === 0
    ? ''
    : '  decided otherwise in its text, and taken from there: ' +
        `${list.map((d) => `${d} ${decisionText(meta.decisions?.[d] as boolean)}`).join(', ')}\n`
}

function finish(
  io: Io,
  run: CheckRun,
  meta: KernelMeta,
  kernel: string,
  dir: string,
  o: Options,
  shape: 'tests' | 'many'
): void {
  const width = io.width ?? 80
  // What the format does not know of itself: which C it was.
  const tree: Partial<Record<CheckFormatName, (written: string) => string>> = {
    json: (written) =>
      JSON.stringify(
        {
          ...(JSON.parse(written) as object),
          tree: {
            name: dir,
            version: meta.version,
            content: meta.content,
            revision: kernel,
            otherwise: Object.fromEntries(otherwise(meta, kernel).map((d) => [d, meta.decisions?.[d]])),
            notes: meta.notes,
            limits: limits(meta, o.interleave)
          }
        },
        null,
        1
      ) + '\n',
    text: (written) =>
      `${written}\n${fold(
        `${dir}: the C of Linux ${meta.version} in the place of our ${kernel}\n${differing(meta, kernel)}${limits(
          meta,
          o.interleave
        )
          .map((l) => `  ${l}`)
          .join('\n')}`,
        width
      )}\n`
  }
  const format = checkFormats[o.format]
  if (!format.errorsInside) io.err(errorsText(run))
  const written = format.render(run, { width, level: o.quiet ? -1 : verbosity(o.verbose ?? 0), shape })
  io.out(tree[o.format]?.(written) ?? written)
  io.exit(exitCode(run, format.exit))
}
