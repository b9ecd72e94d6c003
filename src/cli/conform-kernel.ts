// `tbit conform kernel`: our TypeScript kernel and a tree's own C on the same random programs.
import { Command, Option } from 'commander'
import {
  type ApiBuild,
  type ApiScenario,
  apiOfTree,
  apiScenarioCount,
  apiScenarios,
  conformApi
} from '../conform/api-scenarios.ts'
import { acceptedAmong, releaseOf } from '../conform/kernel-check.ts'
import {
  type Build,
  conformKernel,
  conformPieces,
  type Piece,
  type PieceResult,
  piecesOf,
  type Scenario,
  scenarioCount,
  scenariosFor
} from '../conform/kernel.ts'
import { type Diagnostic, formatDiagnostic } from '../base/index.ts'
import { ARCHES, type Arch, type Built, openTree, type Tree, textsOf, withAcceptance } from '../kernel-build/index.ts'
import { Wasm, type WasmModule } from '../kernel-c/index.ts'
import { kernelConformFormats } from '../report/kernel-conform.ts'
import { formatOption } from './formats.ts'
import type { Io } from './io.ts'
import { kernelOption } from './names.ts'
import { buildFor } from './kernel.ts'
import { complain, count, progressOf } from './kernel-common.ts'
import { shareOf, type ShareOptions, type Shares, withShares } from './shares.ts'

interface Options extends ShareOptions {
  ops: number
  seed: number
  arch: Arch | 'all'
  kernel?: string
  shim?: string
  fresh?: boolean
  format: keyof typeof kernelConformFormats
}

export function conformKernelCommand(io: Io): Command {
  return withShares(
    new Command('kernel')
      .summary("a kernel tree's own C, on random programs")
      .description(
        'Builds the DMA code of a kernel tree and runs it beside our model on random programs of map, unmap, sync, ' +
          'alloc and free with flags flipping; compares every result, event, counter and warning. ' +
          'The first divergence is shrunk to the shortest program that shows it. Exit code 0 without one, 1 with ' +
          'one, 2 when the tree cannot be built.'
      )
      .argument('<tree>', 'kernel source: a directory or a tarball')
      .addOption(new Option('--ops <n>', 'operations in all').argParser(count).default(1_000_000))
      .addOption(new Option('--seed <n>', 'of the first program').argParser(count).default(1))
      .addOption(new Option('--arch <arch>', 'architectures to compare').choices([...ARCHES, 'all']).default('all'))
      .addOption(
        kernelOption(
          '--kernel <revision>',
          'the revision of ours to compare with (default: by version and flags of the tree)'
        )
      )
      .option('--shim <dir>', 'additions to the shim')
      .option('--fresh', 'build even what the cache has')
      .addOption(formatOption(kernelConformFormats))
  )
    .addHelpText('after', '\nExample:\n  tbit conform kernel /usr/src/linux-source-6.12.tar.xz --ops 1000000')
    .action((dir: string, o: Options) => conformTree(io, dir, o))
}

/** What a piece is called among the shares. */
const itemOf = (p: Piece): string => `scenario ${p.scenario + 1}, programs from seed ${p.seed}`

async function conformTree(io: Io, dir: string, o: Options): Promise<void> {
  const tree = openTree(dir)
  if (!tree.ok) return complain(io, [tree.error], o.format)
  const errors: Diagnostic[] = []
  const share = shareOf('conform', io.argv ?? [], o, errors, 'kernel')
  if (errors.length > 0) return complain(io, errors, o.format)
  const arches: readonly Arch[] = o.arch === 'all' ? ARCHES : [o.arch]
  const api = apiScenarioCount(
    arches,
    apiOfTree((p) => tree.value.read(p))
  )
  const pieces = piecesOf(scenarioCount(arches) + api, o.ops, o.seed)
  const shares: Shares | null = io.shares ?? share
  const unfit = (await shares?.begin(pieces.flat().map(itemOf), textsOf(tree.value))) ?? null
  if (unfit !== null) return complain(io, [unfit], o.format)

  const builder = new Builder(io, tree.value, arches, o)
  const p = progressOf(io)
  const result = await conformPieces(dir, pieces, async (piece) => {
    const item = itemOf(piece)
    const known = shares?.known(item, item) as PieceResult | undefined
    if (known !== undefined || builder.failed || (shares !== null && !shares.mine(item))) return known
    p.say(`${dir}: ${item}`)
    const r = await builder.run(piece)
    if (r !== null) shares?.done(item, item, r)
    return r ?? undefined
  })
  p.done()
  // what could not be built has been told
  if (builder.failed) return
  const found = result.mismatches > 0 ? 1 : 0
  if (share === null) {
    io.out(kernelConformFormats[o.format](result))
    return io.exit(found)
  }
  if (share.failed === null) io.out(`${share.summary()}\n`)
  else io.err(`${formatDiagnostic(share.failed)}\n`)
  io.exit(share.failed === null ? found : 2)
}

/** The builds of a tree that the scenarios need, each made when it is first asked for. */
class Builder {
  /** A build was not possible, and the reader was told. */
  failed = false
  private readonly built = new Map<string, { module: WasmModule; meta: Built['meta'] }>()

  constructor(
    private readonly io: Io,
    private readonly tree: Tree,
    private readonly arches: readonly Arch[],
    private readonly o: Options
  ) {}

  private async build(w: Build | ApiBuild): Promise<{ module: WasmModule; meta: Built['meta'] } | null> {
    const key = JSON.stringify(w)
    const had = this.built.get(key)
    if (had) return had
    const { arch, profile, kconfig, acceptance } = { kconfig: {}, acceptance: false, ...w }
    const tree = acceptance ? (withAcceptance(this.tree) ?? this.tree) : this.tree
    const b = await buildFor(this.io, tree, profile, { ...this.o, arch }, kconfig)
    if (b === null) {
      this.failed = true
      return null
    }
    const made = { module: new Wasm.Module(b.wasm), meta: b.meta }
    this.built.set(key, made)
    return made
  }

  /** Runs a piece; null when what it needs cannot be built. */
  async run(piece: Piece): Promise<PieceResult | null> {
    // the flags a tree has are known once it is built
    const any = await this.build({ arch: this.arches[0] as Arch, profile: 'recorded' })
    if (any === null) return null
    const { scenario, build } = this.scenarios(any.meta)[piece.scenario] as {
      scenario: Scenario | ApiScenario
      build: Build | ApiBuild
    }
    const b = await this.build(build)
    if (b === null) return null
    const { name, kernel, platform } = scenario
    const r =
      'api' in scenario
        ? conformApi(b.module, scenario, piece.operations, piece.seed)
        : conformKernel(b.module, scenario, piece.operations, piece.seed)
    return { version: this.tree.version, scenario: { name, kernel, platform }, ...r }
  }

  /** What the tree is compared in: the functions of dma-direct and swiotlb, then the whole API. */
  private scenarios(
    meta: Built['meta']
  ): ReadonlyArray<{ readonly scenario: Scenario | ApiScenario; readonly build: Build | ApiBuild }> {
    const { arches, o, tree } = this
    const release = releaseOf(meta)
    const flags = [...meta.fields, ...meta.flagFunctions]
    // A tree with a flag of its own has no second one: its devices stay unaccepted there.
    const flips = acceptedAmong(flags) === null && withAcceptance(tree) !== null
    const api = apiOfTree((p) => tree.read(p))
    return [
      ...scenariosFor(release, arches, flags, o.kernel ?? null),
      ...(api === null
        ? []
        : apiScenarios(arches, o.kernel ?? release, { ...api, flips, tracksOnRequest: meta.has.trackHiwater }))
    ]
  }
}
