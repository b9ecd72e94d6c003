// `tbit kernel`: the kernel's own C in place of our model of it.
import { join } from 'node:path'
import { Command, Option } from 'commander'
import type { Diagnostic } from '../base/index.ts'
import { type Divergence, conformKernel, scenariosFor } from '../conform/kernel.ts'
import { releaseOf } from '../conform/kernel-check.ts'
import { type RecordedBuild, recordedBuild, replayRecording } from '../conform/kernel-recording.ts'
import { type SelfTestFile, profileFor, recordedSelfTest, selfTest } from '../conform/kernel-selftest.ts'
import {
  ARCHES,
  type Arch,
  type BuildOptions,
  type Built,
  PROFILES,
  type Profile,
  type Tree,
  buildKernel,
  cacheDir,
  overlayDir,
  withAcceptance
} from '../kernel-build/index.ts'
import { Wasm, type WasmModule } from '../kernel-c/index.ts'
import { kernelFormats, type SelfTestReport } from '../report/kernel.ts'
import { keepNewest, sweepParts } from './cleanup.ts'
import { writeWhole } from './file-access.ts'
import { formatOption } from './formats.ts'
import { type Io, worst } from './io.ts'
import { auditCommand } from './kernel-audit.ts'
import { checkCommand } from './kernel-check.ts'
import { complain, progressOf } from './kernel-common.ts'
import { diffCommand, openAny } from './kernel-review.ts'
import { seriesCommand } from './kernel-series.ts'
import { filesOf, readLines } from './read-lines.ts'

export interface TreeOptions {
  arch: Arch
  shim?: string
  fresh?: boolean
  format: string
}

/** The options that every sub-command with a tree has. */
const treeOptions = (c: Command): Command =>
  c
    .addOption(
      new Option('--arch <arch>', 'whose decisions: force_dma_unencrypted, conversions')
        .choices(ARCHES)
        .default('arm64')
    )
    .option('--shim <dir>', 'additions: headers by include path, extra.h (included everywhere), further units *.c')
    .option('--fresh', 'build even what the cache has')

/** Builds one profile; the diagnostics go to the reader in the asked form and null comes back. */
export async function buildFor(
  io: Io,
  dir: string | Tree,
  profile: Profile,
  o: TreeOptions,
  kconfig: Readonly<Record<string, string>> = {}
): Promise<Built | null> {
  const p = progressOf(io)
  const options: BuildOptions = {
    arch: o.arch,
    profile,
    kconfig,
    progress: p.say,
    ...(o.shim === undefined ? {} : { teach: o.shim }),
    ...(o.fresh ? { fresh: true } : {})
  }
  const tree = typeof dir === 'string' ? openAny(dir) : { ok: true as const, value: dir }
  const b = tree.ok ? await buildKernel(tree.value, options) : { ok: false as const, error: [tree.error] }
  p.done()
  if (b.ok) return b.value
  complain(io, b.error, o.format)
  return null
}

const formats = (c: Command): Command => c.addOption(formatOption(kernelFormats))

function buildCommand(io: Io): Command {
  return formats(
    treeOptions(
      new Command('build')
        .summary('compiles the DMA code of a kernel source tree')
        .description(
          'Compiles kernel/dma and the memory encryption of an architecture, unmodified, to WebAssembly: from a ' +
            'directory (a git checkout, an unpacked package) or a tarball, of Linux 6.1 or later. ' +
            'Nothing but npm packages is needed. The image is kept by content in $XDG_CACHE_HOME/tbit. Exit code ' +
            '2 when the tree cannot be built, with what is missing and how to teach it.'
        )
        .argument('<tree>', 'kernel source: a directory or a tarball')
        .addOption(
          new Option(
            '--config <profile>',
            'guest: what Kconfig selects for a confidential guest; recorded, recorded-realm: that of the recordings'
          )
            .choices(PROFILES)
            .default('guest')
        )
        .option('--out <file>', 'also writes the image there')
        .addHelpText('after', '\nExample:\n  tbit kernel build /usr/src/linux-source-6.12.tar.xz --arch x86')
    )
  ).action(
    async (dir: string, o: TreeOptions & { config: Profile; out?: string; format: keyof typeof kernelFormats }) => {
      const begun = Date.now()
      const b = await buildFor(io, dir, o.config, o)
      if (!b) return
      if (o.out !== undefined) {
        const unwritten = writeWhole(o.out, b.wasm)
        if (unwritten !== null) return complain(io, [unwritten], o.format)
      }
      const report = {
        meta: b.meta,
        cached: b.cached,
        path: o.out ?? b.path,
        bytes: b.wasm.length,
        seconds: (Date.now() - begun) / 1000
      }
      io.out(kernelFormats[o.format].build(report, io.width ?? 80))
      io.exit(0)
    }
  )
}

/** The build that a recording needs: its own architecture and configuration, where it says so. */
function builtFor(
  io: Io,
  tree: Tree,
  profile: Profile,
  recorded: RecordedBuild | null,
  o: TreeOptions
): Promise<Built | null> {
  if (recorded === null) return buildFor(io, tree, profile, o)
  const own = recorded.acceptance ? (withAcceptance(tree) ?? tree) : tree
  return buildFor(io, own, profile, { ...o, arch: recorded.arch }, recorded.kconfig)
}

function testCommand(io: Io): Command {
  return formats(
    treeOptions(
      new Command('test')
        .summary('replays recordings of the real code on a built kernel')
        .description(
          'Replays recorded operations of the DMA API, swiotlb and dma-direct (a few are in this repository) on ' +
            'the C of a tree, slot for slot, and says of the first difference whose it is: ' +
            "the tree's (another version), or ours; then runs random programs beside our model. Exit code 0 " +
            'without a difference, 1 with one, 2 for input that cannot be used.'
        )
        .argument('<tree>', 'kernel source: a directory or a tarball')
        .argument('[recordings...]', 'files, or a directory of them (default: those of this repository)')
        .addHelpText('after', '\nExample:\n  tbit kernel test /usr/src/linux-source-6.12.tar.xz recordings/swiotlb')
    )
  ).action((dir: string, args: string[], o: TestOptions) => testTree(io, dir, args, o))
}

type TestOptions = TreeOptions & { format: keyof typeof kernelFormats }

/** A build that recordings are replayed on. */
interface Runnable {
  readonly module: WasmModule
  readonly built: Built
  readonly profile: Profile
}

/** What the replays of the recordings say, and the builds that they took. */
interface Replays {
  readonly results: SelfTestFile[]
  readonly errors: Diagnostic[]
  readonly builds: Map<string, Runnable>
}

/** All lines of a recording, or why there are none. */
async function linesOf(file: string): Promise<string[] | Diagnostic> {
  const lines: string[] = []
  const broken = await readLines(file, (l) => {
    lines.push(l)
    return true
  })
  return broken ?? lines
}

/** Replays one recording on the build that it needs; false where that cannot be made, which is then told. */
async function replayOne(io: Io, tree: Tree, file: string, o: TestOptions, into: Replays): Promise<boolean> {
  const lines = await linesOf(file)
  if (!Array.isArray(lines)) {
    into.errors.push(lines)
    return true
  }
  const recorded = recordedBuild(lines[0] ?? '')
  const profile = recorded === null ? profileFor(lines[0] ?? '') : 'guest'
  if (profile === null) {
    into.errors.push({
      code: 'TB-610',
      file,
      line: 1,
      column: 1,
      word: '',
      message: 'the first line must be the machine: a JSON object with nslabs and devices'
    })
    return true
  }
  const key = JSON.stringify([profile, recorded])
  let m = into.builds.get(key)
  if (!m) {
    const built = await builtFor(io, tree, profile, recorded, o)
    if (!built) return false
    m = { module: new Wasm.Module(built.wasm), built, profile }
    into.builds.set(key, m)
  }
  const r =
    recorded === null
      ? selfTest(m.module, file, lines)
      : recordedSelfTest(replayRecording(m.module, file, lines), m.built.meta.version)
  if (r.ok) into.results.push(r.value)
  else into.errors.push(r.error)
  return true
}

/** What no recording covers: our model beside the C, in the scenarios that these builds can boot. */
function besideModel(builds: readonly Runnable[], { meta }: Built, arch: Arch): SelfTestReport['random'] {
  let operations = 0
  let first: Divergence | null = null
  const owned = [...meta.fields, ...meta.flagFunctions]
  for (const { scenario, build } of scenariosFor(releaseOf(meta), [arch], owned, null)) {
    const m = builds.find((x) => x.profile === build.profile && x.built.meta.arch === build.arch)
    if (!m) continue
    const c = conformKernel(m.module, scenario, RANDOM_OPERATIONS, 1)
    operations += c.operations
    first ??= c.first
  }
  return { operations, first }
}

async function testTree(io: Io, dir: string, args: readonly string[], o: TestOptions): Promise<void> {
  const paths = args.length > 0 ? args : [join(overlayDir(), '..', '..', '..', 'test', 'fixtures', 'swiotlb')]
  const tree = openAny(dir)
  if (!tree.ok) return complain(io, [tree.error], o.format)
  const { files, errors: unread } = filesOf(paths, ['.jsonl', '.jsonl.gz', '.jsonl.zst'])
  const replays: Replays = { results: [], errors: [...unread], builds: new Map() }
  for (const file of files) if (!(await replayOne(io, tree.value, file, o, replays))) return
  const { results, errors } = replays
  const builds = [...replays.builds.values()]
  const [first] = builds
  if (!first) {
    const nothing: Diagnostic = {
      code: 'TB-610',
      file: paths.join(' '),
      line: 0,
      column: 0,
      word: '',
      message: 'no recording to replay'
    }
    return complain(io, errors.length > 0 ? errors : [nothing], o.format)
  }
  const random = besideModel(builds, first.built, o.arch)
  const report: SelfTestReport = { meta: first.built.meta, files: results, errors, random }
  io.out(kernelFormats[o.format].test(report, io.width ?? 80))
  const differs = results.some((f) => f.mismatches > 0) || random.first !== null
  io.exit(worst([errors.length > 0 ? 2 : 0, differs ? 1 : 0]))
}

/** Operations of the random program that runs in each scenario. */
const RANDOM_OPERATIONS = 20_000

/**
 * Entries of the cache that are kept: images of half a MiB, up to three a build; compiled units of 20 KiB; what builds
 * looked at; unpacked parts of trees of some 60 MiB.
 */
const KEPT = { kernels: 128, objects: 128, seen: 128, trees: 8 } as const

/** The verb `kernel`. */
export function kernelVerb(io: Io): Command {
  for (const [folder, most] of Object.entries(KEPT)) {
    sweepParts(join(cacheDir(), folder))
    keepNewest(join(cacheDir(), folder), most)
  }
  return new Command('kernel')
    .description(
      "Runs the kernel's own C: the DMA code of a source tree, compiled to WebAssembly, in the place of our " +
        'model of it.'
    )
    .addCommand(buildCommand(io))
    .addCommand(testCommand(io))
    .addCommand(checkCommand(io))
    .addCommand(diffCommand(io))
    .addCommand(seriesCommand(io))
    .addCommand(auditCommand(io))
    .addHelpText('after', '\nExample:\n  tbit kernel build ~/linux')
}
