// `tbit conform rmm` as text and as JSON.
import { formatDiagnostic, plural } from '../base/index.ts'
import type { RmmConformance } from '../conform/rmm.ts'

/** What was replayed, what disagreed, and what the comparison could not reach. */
export function conformRmmText(files: number, c: RmmConformance, most: number): string {
  const out: string[] = []
  for (const e of c.errors) out.push(formatDiagnostic(e))
  for (const m of c.mismatches.slice(0, most)) out.push(`${m.file}: ${m.sequence}, step ${m.step}: ${m.cmd}\n  ${m.field}: recorded ${m.recorded}, model ${m.model}`)
  if (c.mismatches.length > most) out.push(`  ... and ${c.mismatches.length - most} more (--max shows more)`)
  for (const d of c.defects) out.push(`defect of the recorded firmware: ${d}`)
  out.push(`${plural(files, 'file')}, ${plural(c.sequences, 'sequence')}, ${plural(c.operations, 'command')}: ${plural(c.mismatches.length, 'mismatch', 'mismatches')}`)
  out.push(`compared: ${plural(c.compared, 'recorded value')}; ${plural(c.rims, 'RIM value')} recomputed, ${c.rimsConstancy} after a REC_CREATE (only their constancy is recorded)`)
  return `${out.join('\n')}\n`
}

export function conformRmmJson(files: number, c: RmmConformance): string {
  return `${JSON.stringify({
    format: 1, conform: 'rmm', files, sequences: c.sequences, operations: c.operations, compared: c.compared, mismatches: c.mismatches.length, first: c.mismatches[0] ?? null,
    rims: { recomputed: c.rims, constancy: c.rimsConstancy }, defects: c.defects, list: c.mismatches, errors: c.errors
  }, null, 2)}\n`
}

/** What `conform rmm` can write; `most`: mismatches that a reader wants to see. */
export const conformRmmFormats = {
  // Errors have gone to stderr, as with every other text.
  text: (files: number, c: RmmConformance, most: number): string => conformRmmText(files, { ...c, errors: [] }, most),
  json: conformRmmJson
} as const satisfies Record<string, (files: number, c: RmmConformance, most: number) => string>
