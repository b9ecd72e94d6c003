// Renders `tbit size`.
import { columns, formatDiagnostic, type Diagnostic } from '../base/index.ts'
import { type Advice, LARGEST_MAPPING, type Sizing, type SizingRequest, maxMappingSize, sizeText, sizingRules } from '../kernel/swiotlb/sizing.ts'

export function sizeReport(q: SizingRequest, s: Sizing, advice: Advice | null): string {
  const out: string[] = []
  const head = `${q.platform}, ${q.kernel}, ${sizeText(q.ram)} RAM, ${q.cpus} CPU${q.cpus === 1 ? '' : 's'}${q.cmdline.trim() === '' ? '' : `, "${q.cmdline.trim()}"`}`
  out.push(head)
  out.push(s.bytes === 0 ? '  no bounce pool' : `  pool: ${sizeText(s.bytes)} = ${s.slots} slots of 2 KiB in ${s.areas} area${s.areas === 1 ? '' : 's'}${s.areas > 1 ? ` of ${s.slots / s.areas} slots` : ''}`)
  out.push(`  limited by: ${s.limited_by}`)
  if (s.bytes > 0) {
    out.push(`  ${s.force_bounce ? 'every device bounces' : 'devices bounce only when they must'}; no single mapping above ${sizeText(LARGEST_MAPPING)} (${sizeText(maxMappingSize(4095))} for a device like nvme with min_align_mask 4095), whatever the pool's size`)
  }
  out.push('', 'how it came about:')
  out.push(columns(s.steps.map((t) => [`  ${t.slots}`, sizeText(t.slots * 2048), t.what, `[${t.source}]`])))
  if (s.assumptions.length > 0) out.push('', 'assumed:', ...s.assumptions.map((a) => `  ${a}`))
  if (s.notes.length > 0) out.push('', 'note:', ...s.notes.map((n) => `  ${n}`))
  if (advice) {
    out.push('', `to get ${sizeText(advice.want)}:`)
    if (advice.reachable) out.push(advice.setting === '' ? `  nothing to write: ${advice.why}` : `  ${advice.setting}`, ...(advice.setting === '' ? [] : [`  ${advice.why}`]))
    else {
      out.push(`  no setting gives it: ${advice.why}`)
      if (advice.setting !== '') out.push(`  nearest: ${advice.setting}`)
    }
  }
  return `${out.join('\n')}\n`
}

export function sizeJson(q: SizingRequest, s: Sizing, advice: Advice | null): string {
  const value = {
    format: 1, platform: q.platform, kernel: q.kernel, ram: q.ram, cpus: q.cpus, cmdline: q.cmdline,
    bytes: s.bytes, slots: s.slots, areas: s.areas, limited_by: s.limited_by, force_bounce: s.force_bounce, largest_mapping: s.bytes === 0 ? 0 : LARGEST_MAPPING,
    steps: s.steps, assumptions: s.assumptions, notes: s.notes,
    ...(advice ? { advice: { want: advice.want, reachable: advice.reachable, setting: advice.setting, why: advice.why, gives: { bytes: advice.gives.bytes, slots: advice.gives.slots, areas: advice.gives.areas, limited_by: advice.gives.limited_by } } } : {})
  }
  return `${JSON.stringify(value, null, 2)}\n`
}

export const sizeErrorJson = (d: Diagnostic): string => `${JSON.stringify({ format: 1, errors: [d] }, null, 2)}\n`
export const sizeErrorText = (d: Diagnostic): string => `${formatDiagnostic(d)}\n`

/** The rules by release, as `tbit size --rules` prints them. */
export const sizeRulesText = (): string => `${columns([['since', 'rule', 'source'], ...sizingRules.map((r) => [r.since, r.what, r.source])])}\n`

/** The same as json. */
export const sizeRulesJson = (): string => `${JSON.stringify({ format: 1, rules: sizingRules.map((r) => ({ id: r.id, since: r.since, rule: r.what, source: r.source })) }, null, 2)}\n`

/** What `size` can write, about a machine and of its rules. */
export const sizeFormats = {
  text: { size: sizeReport, rules: sizeRulesText },
  json: { size: sizeJson, rules: sizeRulesJson }
} as const satisfies Record<string, { size(q: SizingRequest, s: Sizing, advice: Advice | null): string; rules(): string }>
