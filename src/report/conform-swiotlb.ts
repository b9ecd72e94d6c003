// Renders the result of `tbit conform swiotlb`.
import { columns, plural } from '../base/index.ts'
import type { SwiotlbConformResult, SwiotlbMismatch } from '../conform/swiotlb.ts'

function mismatchText(m: SwiotlbMismatch): string {
  const rows = m.differences.map((d) => [`  ${d.what}`, `recorded ${String(d.recorded)}`, `model ${String(d.model)}`])
  return `first mismatch: ${m.file}:${m.line}: ${m.operation}\n  ${m.recorded}\n${columns(rows)}`
}

const totals = (r: SwiotlbConformResult) => ({
  files: r.files.length,
  operations: r.files.reduce((n, f) => n + f.operations, 0),
  mismatches: r.files.reduce((n, f) => n + f.mismatches, 0),
  first: r.files.find((f) => f.first !== null)?.first ?? null
})

/** What was compared; the errors are only counted, the command line tells them. */
function conformSwiotlbText(r: SwiotlbConformResult): string {
  const t = totals(r)
  const out: string[] = []
  for (const f of r.files) {
    out.push(
      `${f.file}: ${plural(f.operations, 'operation')}, ${plural(f.mismatches, 'mismatch', 'mismatches')} ` +
        `(${f.kernel}, ${f.nslabs} slots, ${plural(f.nareas, 'area')})`
    )
    out.push(`  compared: ${f.compared}`)
  }
  if (t.first) out.push('', mismatchText(t.first), '')
  if (t.operations > 0)
    out.push('of a call: result, events in order, messages, slots used, high-water mark, bytes copied')
  const unused = new Map<string, number>()
  for (const key of r.files.flatMap((f) => f.notCompared)) unused.set(key, (unused.get(key) ?? 0) + 1)
  if (unused.size > 0)
    out.push(
      'not looked at: ' +
        `${[...unused].map(([key, n]) => (n === t.files ? key : `${key} (${plural(n, 'file')})`)).join(', ')}`
    )
  out.push(
    `${plural(t.files, 'file')}, ${plural(t.operations, 'operation')}, ` +
      `${plural(t.mismatches, 'mismatch', 'mismatches')}` +
      `${r.errors.length > 0 ? `, ${plural(r.errors.length, 'error')}` : ''}`
  )
  return `${out.join('\n')}\n`
}

function conformSwiotlbJson(r: SwiotlbConformResult): string {
  const results = r.files.map(({ first: _, ...rest }) => rest)
  return `${JSON.stringify({ format: 1, ...totals(r), results, errors: r.errors }, null, 2)}\n`
}

/** What `conform swiotlb` can write. */
export const conformSwiotlbFormats = { text: conformSwiotlbText, json: conformSwiotlbJson } as const satisfies Record<
  string,
  (r: SwiotlbConformResult) => string
>
