// `tbit conform rmm` as text and as JSON.
import { formatDiagnostic, plural } from '../base/index.ts'
import { type Defect, defectText, type RmmConformance, type RmmMismatch } from '../conform/rmm.ts'
import { wrap } from './wrap.ts'
import type { FirmwareHunt } from '../conform/rmm-hangs.ts'
import { heldAgainst } from '../machine/rmm/index.ts'

/** A profile of the model in words. */
const firmwareName = (f: string): string => (f === 'v0.8.0' ? heldAgainst['1.x'] : f === 'spec-2.0' ? 'the specification of RMI 2.0' : heldAgainst['2.0'])

/** Commands of a defect that are shown; JSON has all. */
const SHOWN = 3

/** Where the recorded firmware stopped, by reason. */
function defectLines(defects: readonly Defect[]): string[] {
  const reasons = new Map<string, Defect[]>()
  for (const d of defects) {
    const reason = d.stop ?? 'the model knows no reason'
    reasons.set(reason, [...(reasons.get(reason) ?? []), d])
  }
  const out: string[] = []
  for (const [reason, all] of reasons) {
    out.push(`the recorded firmware stopped in ${plural(all.length, 'sequence')}:`, ...wrap(reason, 78).map((l) => `  ${l}`))
    for (const d of all.slice(0, SHOWN)) out.push(...wrap(`${d.sequence}: ${d.cmd}; the model answers ${d.status}`, 74).map((l, i) => (i === 0 ? `    ${l}` : `      ${l}`)))
    if (all.length > SHOWN) out.push(`    ... and ${all.length - SHOWN} more (--format json has all)`)
  }
  return out
}

/** A difference; the command stands on a line of its own where the line would be too long. */
function mismatchLines(m: RmmMismatch): string[] {
  const where = `${m.file}: ${m.sequence}, step ${m.step}:`
  const first = where.length + 1 + m.cmd.length <= 80 ? [`${where} ${m.cmd}`] : [where, ...wrap(m.cmd, 76).map((l) => `    ${l}`)]
  return [...first, `  ${m.field}: recorded ${m.recorded}, model ${m.model}`]
}

/** What was replayed, what disagreed, and what the comparison could not reach. */
export function conformRmmText(files: number, c: RmmConformance, most: number): string {
  const out: string[] = []
  for (const e of c.errors) out.push(formatDiagnostic(e))
  for (const m of c.mismatches.slice(0, most)) out.push(...mismatchLines(m))
  if (c.mismatches.length > most) out.push(`  ... and ${c.mismatches.length - most} more (--max shows more)`)
  out.push(...defectLines(c.defects))
  out.push(`${plural(files, 'file')}, ${plural(c.sequences, 'sequence')}, ${plural(c.operations, 'command')}: ${plural(c.mismatches.length, 'mismatch', 'mismatches')}`)
  for (const [firmware, n] of c.firmwares) out.push(`held against ${firmwareName(firmware)}: ${plural(n, 'sequence')}`)
  out.push(`compared: ${plural(c.compared, 'recorded value')}; ${plural(c.rims, 'RIM')} recomputed`)
  if (c.rimsConstancy > 0) out.push(`${plural(c.rimsConstancy, 'RIM')} after a REC_CREATE: only their constancy is recorded`)
  if (c.unaligned > 0) out.push(`${plural(c.unaligned, 'sequence')} without BASE: recorded where g0 is not 1 GiB aligned`)
  return `${out.join('\n')}\n`
}

export function conformRmmJson(files: number, c: RmmConformance): string {
  return `${JSON.stringify({
    format: 1, conform: 'rmm', files, sequences: c.sequences, operations: c.operations, compared: c.compared, mismatches: c.mismatches.length, first: c.mismatches[0] ?? null,
    firmwares: Object.fromEntries(c.firmwares), rims: { recomputed: c.rims, constancy: c.rimsConstancy }, unaligned: c.unaligned, defects: c.defects.map(defectText), list: c.mismatches, errors: c.errors
  }, null, 2)}\n`
}

/** `--hangs`: what the recorded firmware does not answer. */
export function hangsText(h: FirmwareHunt): string {
  const out: string[] = []
  for (const z of h.hazards) {
    const [kind = '', ...rest] = z.identity.split(': ')
    out.push(...wrap(`${kind}: ${rest.join(': ')}`, 80, '  '))
    out.push(...z.commands.map((c, i) => (z.commands.length === 1 ? `  ${c}` : `  CPU ${i + 1}: ${c}`)))
    if (z.schedule.length > 0) out.push(`  in turns: ${z.schedule.map((c) => c + 1).join(' ')}`)
    out.push(`  ${z.recorded}`)
  }
  out.push(`${plural(h.hazards.length, 'finding')}; ${plural(h.alone, 'command')} tried alone, ${plural(h.pairs, 'pair')} (--format json: preparation)`)
  out.push('covered: tables, data and granules of RMI 2.0; not REC, PDEV and VDEV commands')
  return `${out.join('\n')}\n`
}

const hangsJson = (h: FirmwareHunt): string => `${JSON.stringify({ format: 1, firmware: 'tf-rmm-9a7f8ef4', alone: h.alone, pairs: h.pairs, findings: h.hazards }, null, 2)}\n`

export const hangsFormats = { text: hangsText, json: hangsJson } as const

/** What `conform rmm` can write; `most`: mismatches that a reader wants to see. */
export const conformRmmFormats = {
  // Errors have gone to stderr, as with every other text.
  text: (files: number, c: RmmConformance, most: number): string => conformRmmText(files, { ...c, errors: [] }, most),
  json: conformRmmJson
} as const satisfies Record<string, (files: number, c: RmmConformance, most: number) => string>
