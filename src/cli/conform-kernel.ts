// `tbit conform kernel`: our TypeScript kernel and a tree's own C on the same random programs.
import { Command, Option } from 'commander'
import { releaseOf } from '../conform/kernel-check.ts'
import { type Divergence, type KernelConformResult, conformKernel, scenariosFor } from '../conform/kernel.ts'
import { ARCHES, type Arch, type Built, openTree } from '../kernel-build/index.ts'
import { Wasm, type WasmModule } from '../kernel-c/index.ts'
import { kernelConformFormats } from '../report/kernel-conform.ts'
import { formatOption } from './formats.ts'
import type { Io } from './io.ts'
import { kernelOption } from './names.ts'
import { buildFor } from './kernel.ts'
import { complain, count, progressOf } from './kernel-common.ts'

interface Options { ops: number; seed: number; arch: Arch | 'all'; kernel?: string; shim?: string; fresh?: boolean; format: keyof typeof kernelConformFormats }

export function conformKernelCommand(io: Io): Command {
  return new Command('kernel')
    .summary("a kernel tree's own C, on random programs")
    .description("Builds the DMA code of a kernel tree and runs it beside our model on random programs of map, unmap, sync, alloc and free with flags flipping; compares every result, event, counter and warning. " +
      'The first divergence is shrunk to the shortest program that shows it. Exit code 0 without one, 1 with one, 2 when the tree cannot be built.')
    .argument('<tree>', 'kernel source: a directory or a tarball')
    .addOption(new Option('--ops <n>', 'operations in all').argParser(count).default(1_000_000))
    .addOption(new Option('--seed <n>', 'of the first program').argParser(count).default(1))
    .addOption(new Option('--arch <arch>', 'architectures to compare').choices([...ARCHES, 'all']).default('all'))
    .addOption(kernelOption('--kernel <revision>', 'the revision of ours to compare with (default: by version and flags of the tree)'))
    .option('--shim <dir>', 'additions to the shim')
    .option('--fresh', 'build even what the cache has')
    .addOption(formatOption(kernelConformFormats))
    .addHelpText('after', '\nExample:\n  tbit conform kernel /usr/src/linux-source-6.12.tar.xz --ops 1000000')
    .action(async (dir: string, o: Options) => {
      const tree = openTree(dir)
      if (!tree.ok) return complain(io, [tree.error], o.format)
      const arches: readonly Arch[] = o.arch === 'all' ? ARCHES : [o.arch]
      const built = new Map<string, { module: WasmModule; built: Built }>()
      const build = async (arch: Arch, profile: 'recorded' | 'recorded-realm'): Promise<WasmModule | null> => {
        const key = `${arch} ${profile}`
        const had = built.get(key)
        if (had) return had.module
        const b = await buildFor(io, dir, profile, { ...o, arch })
        if (!b) return null
        const module = new Wasm.Module(b.wasm)
        built.set(key, { module, built: b })
        return module
      }
      // the flags a tree has are known once it is built
      if (!await build(arches[0] as Arch, 'recorded')) return
      const first = [...built.values()][0] as { built: Built }
      const list = scenariosFor(releaseOf(first.built.meta), arches, [...first.built.meta.fields, ...first.built.meta.flagFunctions], o.kernel ?? null)
      const p = progressOf(io)
      const begun = Date.now()
      let divergence: Divergence | null = null
      const scenarios: Array<KernelConformResult['scenarios'][number]> = []
      for (const [i, { scenario, build: b }] of list.entries()) {
        const module = await build(b.arch, b.profile)
        if (!module) return
        const share = Math.floor(o.ops / list.length) + (i < o.ops % list.length ? 1 : 0)
        if (share === 0) continue
        const r = conformKernel(module, scenario, share, o.seed, (done) => { if (done % 20_000 < 400) p.say(`${scenario.name}: ${done} of ${share} operations`); return true })
        scenarios.push({ name: scenario.name, kernel: scenario.kernel, platform: scenario.platform, operations: r.operations, programs: r.programs, diverged: r.first ? 1 : 0 })
        divergence ??= r.first
      }
      p.done()
      const result: KernelConformResult = {
        tree: dir, version: tree.value.version, scenarios, operations: scenarios.reduce((n, s) => n + s.operations, 0), mismatches: scenarios.reduce((n, s) => n + s.diverged, 0), first: divergence
      }
      const seconds = (Date.now() - begun) / 1000
      io.out(kernelConformFormats[o.format](result, seconds))
      io.exit(result.mismatches > 0 ? 1 : 0)
    })
}
