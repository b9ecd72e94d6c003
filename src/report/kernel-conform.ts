// Renders the result of `tbit conform kernel`.
import { columns, plural, thousands } from '../base/index.ts'
import type { Divergence, KernelConformResult } from '../conform/kernel.ts'
import { bullet } from './wrap.ts'

/** The conditions under which agreement was looked for: said beside it. */
const conformBounds =
  'calls are atomic on both sides, one thread; no IOMMU, no CMA, no dma_mmap. The lines without API: direct ' +
  'calls of dma-direct and swiotlb, allocations that may block, no atomic pools. The lines with API (trees ' +
  'from 6.12 on): every public call, atomic and restricted pools, conversions, pages and mappings that fail, ' +
  'at boot too; 4K pages'

export function divergenceText(d: Divergence): string {
  const [drawn, lines] = [plural(d.drawn, 'operation'), plural(d.program.length, 'line')]
  return (
    bullet('', `first divergence (${d.scenario}, seed ${d.seed}, ${drawn} shrunk to ${lines}):`) +
    `\n${d.program.map((l) => bullet('  ', l)).join('\n')}\n` +
    `${bullet('', `at '${d.operation}', ${d.what}:`)}\n` +
    `${bullet('  our model        ', d.model)}\n${bullet("  the kernel's C   ", d.kernel)}\n`
  )
}

export function kernelConformText(r: KernelConformResult): string {
  const rows = r.scenarios.map((s) => [
    `  ${s.name}`,
    `${s.kernel} on ${s.platform}`,
    thousands(s.operations),
    s.diverged ? 'DIVERGED' : 'agree'
  ])
  return (
    `${r.tree}: Linux ${r.version} beside our model\n` +
    `${columns([['  booted as', 'model', 'operations', ''], ...rows])}\n` +
    `${r.first ? `\n${divergenceText(r.first)}` : ''}\n` +
    `${thousands(r.operations)} operations, ${plural(r.mismatches, 'divergence')}\n` +
    `${bullet('', conformBounds)}\n`
  )
}

export const kernelConformJson = (r: KernelConformResult): string =>
  JSON.stringify(
    {
      format: 1,
      files: 1,
      operations: r.operations,
      mismatches: r.mismatches,
      first: r.first,
      tree: r.tree,
      version: r.version,
      scenarios: r.scenarios,
      bounds: conformBounds,
      errors: []
    },
    null,
    2
  ) + '\n'

/** What `conform kernel` can write. */
export const kernelConformFormats = { text: kernelConformText, json: kernelConformJson } as const satisfies Record<
  string,
  (r: KernelConformResult) => string
>
