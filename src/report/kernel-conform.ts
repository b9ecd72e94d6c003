// Renders the result of `tbit conform kernel`.
import { columns, plural, thousands } from '../base/index.ts'
import type { Divergence, KernelConformResult } from '../conform/kernel.ts'

/** The conditions under which agreement was looked for: said beside it. */
const conformBounds =
  'calls are atomic on both sides; allocations that may block only, no coherent pools, no IOMMU; whole pool ' +
  'compared every 64 operations and at each end'

export function divergenceText(d: Divergence): string {
  return (
    `first divergence (${d.scenario}, seed ${d.seed}, ${plural(d.drawn, 'operation')} shrunk to ` +
    `${d.program.length}):\n${d.program.map((l) => `  ${l}`).join('\n')}\nat '${d.operation}', ${d.what}:\n  ` +
    `our model        ${d.model}\n  the kernel's C   ${d.kernel}\n`
  )
}

export function kernelConformText(r: KernelConformResult): string {
  const rows = r.scenarios.map((s) => [
    `  ${s.name}`,
    `${s.kernel} on ${s.platform}`,
    `${thousands(s.operations)} operations in ${thousands(s.programs)} programs`,
    s.diverged ? 'DIVERGED' : 'no divergence'
  ])
  return (
    `${r.tree}: Linux ${r.version} beside our model\n${columns(rows)}\n` +
    `${r.first ? `\n${divergenceText(r.first)}` : ''}\n` +
    `${thousands(r.operations)} operations, ${plural(r.mismatches, 'divergence')}\n` +
    `${conformBounds}\n`
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
