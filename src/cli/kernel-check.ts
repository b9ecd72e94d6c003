// `tbit kernel check` and `tbit kernel diff`: litmus tests on a tree's own C.
import { Command, Option } from 'commander'
import { type Diagnostic, err, nearest, ok, type Result } from '../base/index.ts'
import type { CheckResult, Comparison } from '../check/index.ts'
import { outcome } from '../check/index.ts'
import { BootFault, checkOnTree, revisionOf, runsOf, type TreeImages, type TreeRun } from '../conform/kernel-check.ts'
import { type Arch, applyPatch, buildKernel, concerns, openTree, touched, type Tree } from '../kernel-build/index.ts'
import { type KernelMeta, limits, Wasm } from '../kernel-c/index.ts'
import { type Test, vocabulary } from '../litmus/index.ts'
import { platformByName } from '../machine/index.ts'
import { type CheckFormatName, checkFormats } from '../report/check-formats.ts'
import { type CheckRun, exitCode, fileWord, shellWord } from '../report/check-run.ts'
import { errorsText, verbosity } from '../report/check-text.ts'
import { compareFormats } from '../report/compare.ts'
import { readText } from './file-access.ts'
import { libraryDirectory, litmusFiles, loadTests } from './files.ts'
import { formatOption } from './formats.ts'
import type { Io } from './io.ts'
import { kernelOption } from './names.ts'
import { complain, count, progressOf } from './kernel.ts'

interface Options { platform?: string; kernel?: string; all?: boolean; apply?: string | true; maxStates?: number; shim?: string; fresh?: boolean; quiet?: boolean; verbose?: number; format: CheckFormatName }

const platformNames = vocabulary.platforms.map((p) => p.name as string)

function platformsAsked(text: string | undefined): string[] | Diagnostic | null {
  if (text === undefined || text === 'all') return null
  const out = text.split(',').map((w) => w.trim()).filter((w) => w !== '')
  const bad = out.find((w) => !platformNames.includes(w))
  if (bad === undefined) return out
  const near = nearest(bad, platformNames)
  return { code: 'TB-001', file: 'tbit kernel', line: 0, column: 0, word: bad, message: `--platform: unknown platform '${bad}'`, ...(near.length > 0 ? { nearest: near } : {}), expected: platformNames }
}

/** Bytes of the largest patch that is read: the largest series of the kernel's lists are smaller. */
const LARGEST_PATCH = 32 << 20

/** A patch: a file, or (`-`) the mail on standard input. */
function patchText(path: string): Result<string, Diagnostic> {
  const read = readText(path, LARGEST_PATCH, path === '-' ? '(standard input)' : path)
  return 'code' in read ? err(read) : ok(read.text)
}

/** Builds a tree for the architectures that the runs need; null when something was said to the reader already. */
async function imagesFor(io: Io, tree: Tree, runs: (revision: string) => readonly TreeRun[], o: Options, kernel: string | null): Promise<{ images: TreeImages; kernel: string; meta: KernelMeta; runs: readonly TreeRun[] } | null> {
  const p = progressOf(io)
  const one = async (arch: Arch): Promise<TreeImages['arm64'] | null> => {
    const b = await buildKernel(tree, { arch, profile: 'guest', progress: p.say, ...(o.shim === undefined ? {} : { teach: o.shim }), ...(o.fresh ? { fresh: true } : {}) })
    p.done()
    if (b.ok) return { module: new Wasm.Module(b.value.wasm), meta: b.value.meta }
    complain(io, b.error, o.format)
    return null
  }
  // which tests are about this tree is known once one architecture is built
  const arm64 = await one('arm64')
  if (!arm64) return null
  const name = kernel ?? revisionOf(arm64.meta)
  const list = runs(name)
  const needed = new Set(list.map((r) => platformByName(r.platform)?.architecture))
  let x86: TreeImages['x86'] = null
  if (needed.has('x86')) {
    x86 = await one('x86')
    if (!x86) return null
  }
  return { images: { arm64, x86 }, kernel: name, meta: arm64.meta, runs: list }
}

function checkAll(io: Io, runs: readonly TreeRun[], kernel: string, images: TreeImages, o: Options): { results: CheckResult[]; errors: Diagnostic[] } {
  const results: CheckResult[] = []
  const errors: Diagnostic[] = []
  const p = progressOf(io)
  const broken = new Set<string>()
  for (const [i, run] of runs.entries()) {
    p.say(`${i} of ${runs.length} runs`)
    try {
      results.push(checkOnTree(run, kernel, images, o.maxStates === undefined ? {} : { maxStates: o.maxStates }))
    } catch (e) {
      if (!(e instanceof BootFault)) throw e
      if (broken.has(e.message)) continue
      broken.add(e.message)
      errors.push({ code: 'TB-612', file: run.test.file, line: 0, column: 0, word: run.platform, message: e.message, ...(e.fault.calls.length > 0 ? { hint: `in ${e.fault.calls.slice(0, 6).join(' < ')}` } : {}) })
    }
  }
  p.done()
  return { results, errors }
}

export function checkCommand(io: Io): Command {
  return new Command('check')
    .summary("litmus tests on a tree's own C")
    .description("Puts a tree's own C in the place of our model of it, inside the same machine, against the same litmus tests. A call is atomic here (as with check --interleave calls). " +
      'With --format b4 a patch mail is read from standard input, and the answer is [] at once unless it touches kernel/dma, swiotlb, tsm or coco. ' +
      'Exit code as check has it: 0 all as expected, 1 a finding or an expectation not met, 2 bad input, 125 a limit was hit.')
    .argument('<tree>', 'kernel source: a directory or a tarball')
    .argument('[file...]', 'litmus tests or directories of them (default: the library)')
    .option('--platform <names>', 'platforms, separated by commas (default: those of each test)')
    .addOption(kernelOption('--kernel <revision>', 'the revision of ours that describes what lies around the C (default: by version and flags of the tree)'))
    .option('--all', 'also tests that are about other revisions')
    .option('--apply [patch]', 'check the tree with this patch on it, in memory (default: the mail on standard input)')
    .addOption(new Option('--max-states <n>', 'states at which a search gives up').argParser(count))
    .option('--shim <dir>', 'additions to the shim')
    .option('--fresh', 'build even what the cache has')
    .option('-q, --quiet', 'only what is not as expected, and the summary')
    .option('-v, --verbose', 'findings step by step; -vv: every step', (_: string, n: number) => n + 1, 0)
    .addOption(formatOption(checkFormats))
    .addHelpText('after', '\nExample:\n  tbit kernel check linux-6.12-rfc litmus/coherent/coherent-free-after-accept.litmus\n\nFor b4 (in ~/.gitconfig, section b4):\n  review-perpatch-check-cmd = tbit kernel check ~/linux --apply --format b4')
    .action(async (dir: string, names: string[], o: Options) => {
      let mail: Result<string, Diagnostic> | null = null
      if (o.format === 'b4' || o.apply === true) {
        mail = patchText('-')
        if (o.format === 'b4' && mail.ok && !touched(mail.value).some(concerns)) {
          io.out('[]\n')
          io.exit(0)
          return
        }
      }
      const platforms = platformsAsked(o.platform)
      if (platforms !== null && !Array.isArray(platforms)) return complain(io, [platforms], o.format)
      const opened = openTree(dir)
      if (!opened.ok) return complain(io, [opened.error], o.format)
      let tree = opened.value
      if (o.apply !== undefined) {
        const patch = o.apply === true ? (mail ?? ok('')) : patchText(o.apply)
        if (!patch.ok) return complain(io, [patch.error], o.format)
        const applied = applyPatch(tree, patch.value)
        if (!applied.ok) return complain(io, [applied.error], o.format)
        tree = applied.value
      }
      const { files, errors: unread, directories } = litmusFiles(names.length > 0 ? names : [libraryDirectory()])
      const loaded = loadTests(files)
      const built = await imagesFor(io, tree, (revision) => runsOf(loaded.tests, [revision], platforms, o.all === true || names.length > 0), o, o.kernel ?? null)
      if (!built) return
      const { results, errors } = checkAll(io, built.runs, built.kernel, built.images, o)
      const run: CheckRun = { tests: loaded.tests, results, errors: [...unread, ...loaded.errors, ...errors], texts: loaded.texts, interrupted: null, again: (r) => `tbit kernel check ${shellWord(dir)} ${fileWord(r.file)} --platform ${r.platform}` }
      finish(io, run, built.meta, built.kernel, dir, o, directories ? 'many' : 'tests')
    })
}

function finish(io: Io, run: CheckRun, meta: KernelMeta, kernel: string, dir: string, o: Options, shape: 'tests' | 'many'): void {
  // What the format does not know of itself: which C it was.
  const tree: Partial<Record<CheckFormatName, (written: string) => string>> = {
    json: (written) => `${JSON.stringify({ ...(JSON.parse(written) as object), tree: { name: dir, version: meta.version, content: meta.content, revision: kernel, notes: meta.notes, limits: limits(meta) } }, null, 1)}\n`,
    text: (written) => `${written}\n${dir}: the C of Linux ${meta.version} in the place of our ${kernel}\n${limits(meta).map((l) => `  ${l}`).join('\n')}\n`
  }
  const format = checkFormats[o.format]
  if (!format.errorsInside) io.err(errorsText(run))
  const written = format.render(run, { width: io.width ?? 80, level: o.quiet ? -1 : verbosity(o.verbose ?? 0), shape })
  io.out(tree[o.format]?.(written) ?? written)
  io.exit(exitCode(run, format.exit))
}

// --- diff -------------------------------------------------------------------------------------------------------------------

const identity = (v: { property: string; site: string; decision: string }): string => `${v.property} / ${v.site} / ${v.decision}`

/** One test on two trees. */
function compared(test: Test, platform: string, a: CheckResult, b: CheckResult): Comparison {
  const ids = (r: CheckResult): string[] => [...new Set([...r.violations, ...r.reported].map(identity))]
  const [ia, ib] = [ids(a), ids(b)]
  const both = a.verdict !== 'skipped' && b.verdict !== 'skipped'
  return {
    file: test.file, test: test.name, platform, before: a, after: b, changed: both && (outcome(a) !== outcome(b) || ia.some((x) => !ib.includes(x)) || ib.some((x) => !ia.includes(x))),
    fresh: ib.filter((x) => !ia.includes(x)), fixed: ia.filter((x) => !ib.includes(x)), unchanged: ia.filter((x) => ib.includes(x)), explanation: null
  }
}

export function diffCommand(io: Io): Command {
  return new Command('diff')
    .summary('two trees: which verdicts differ')
    .description('Checks the same litmus tests on the C of two trees and says which verdicts differ, and which findings are new, fixed or unchanged. Exit code 0 when none differs, 1 when one does, 2 for bad input.')
    .argument('<before>', 'kernel source: a directory or a tarball')
    .argument('<after>', 'kernel source, or - for the first with the patch on standard input')
    .argument('[file...]', 'litmus tests or directories of them (default: the library)')
    .option('--platform <names>', 'platforms, separated by commas (default: those of each test)')
    .option('--all', 'also tests that are about other revisions than those of the two trees')
    .addOption(new Option('--max-states <n>', 'states at which a search gives up').argParser(count))
    .option('--shim <dir>', 'additions to the shim')
    .option('--fresh', 'build even what the cache has')
    .addOption(formatOption(compareFormats))
    .addHelpText('after', '\nExample:\n  tbit kernel diff linux-6.12 linux-6.12-rfc')
    .action(async (before: string, after: string, names: string[], o: Options & { format: keyof typeof compareFormats }) => {
      const platforms = platformsAsked(o.platform)
      if (platforms !== null && !Array.isArray(platforms)) return complain(io, [platforms], o.format)
      const a = openTree(before)
      if (!a.ok) return complain(io, [a.error], o.format)
      const patch = after === '-' ? patchText('-') : null
      if (patch !== null && !patch.ok) return complain(io, [patch.error], o.format)
      const b = patch === null ? openTree(after) : applyPatch(a.value, patch.value)
      if (!b.ok) return complain(io, [b.error], o.format)
      const { files, errors } = litmusFiles(names.length > 0 ? names : [libraryDirectory()])
      const loaded = loadTests(files)
      const all = [...errors, ...loaded.errors]
      if (all.length > 0) return complain(io, all, o.format)
      // the trees may be of different revisions: what either is about is run on both
      const ia = await imagesFor(io, a.value, (k) => runsOf(loaded.tests, [k], platforms, true), o, null)
      if (!ia) return
      const ib = await imagesFor(io, b.value, (k) => runsOf(loaded.tests, [k], platforms, true), o, null)
      if (!ib) return
      const runs = runsOf(loaded.tests, [ia.kernel, ib.kernel], platforms, o.all === true || names.length > 0)
      const ra = checkAll(io, runs, ia.kernel, ia.images, o)
      const rb = checkAll(io, runs, ib.kernel, ib.images, o)
      if (ra.errors.length + rb.errors.length > 0) return complain(io, [...ra.errors, ...rb.errors], o.format)
      const list = runs.map((r, i) => compared(r.test, r.platform, ra.results[i] as CheckResult, rb.results[i] as CheckResult))
      const nameB = after === '-' ? `${before} with the patch` : after
      const report = { list, before, after: nameB, errors: [], interrupted: null }
      io.out(compareFormats[o.format](report, { width: io.width ?? 80 }))
      io.exit(list.some((c) => c.changed) ? 1 : 0)
    })
}
