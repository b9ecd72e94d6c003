// Renders `tbit size`.
import { formatDiagnostic, plural, printable, type Diagnostic } from '../base/index.ts'
import {
  type Advice,
  LARGEST_MAPPING,
  type Sizing,
  type SizingRequest,
  maxMappingSize,
  sizeText,
  sizingRules
} from '../kernel/swiotlb/index.ts'
import { platformByName } from '../machine/index.ts'
import { bullet } from './wrap.ts'

/** What a boot log says of the pool, beside what the rules give. */
export interface SizeOfLog {
  readonly file: string
  /** What was read from it, in words. */
  readonly read: readonly string[]
  /** The pool that the log shows; null: it shows none. `text` says how it tells. */
  readonly slots: number | null
  /** The rules give the same; null: nothing to compare. */
  readonly agrees: boolean | null
  readonly text: string
}

function bouncing(q: SizingRequest, s: Sizing): string {
  if (s.force_bounce) return 'every device bounces'
  return platformByName(q.platform)?.forcesSwiotlb
    ? 'every device that is not accepted bounces, which is all of them'
    : 'devices bounce only when they must'
}

export function sizeReport(q: SizingRequest, s: Sizing, advice: Advice | null, log: SizeOfLog | null = null): string {
  const out: string[] = []
  const head =
    `${q.platform}, ${q.kernel}, ${sizeText(q.ram)} RAM, ${plural(q.cpus, 'CPU')}` +
    `${q.cmdline.trim() === '' ? '' : `, "${printable(q.cmdline.trim())}"`}`
  out.push(bullet('', head))
  out.push(
    s.bytes === 0
      ? '  no bounce pool'
      : `  pool: ${sizeText(s.bytes)} = ${s.slots} slots of 2 KiB in ${plural(s.areas, 'area')}` +
          `${s.areas > 1 ? ` of ${s.slots / s.areas} slots` : ''}`
  )
  out.push(bullet('  ', `limited by: ${s.limited_by}`))
  if (s.bytes > 0)
    out.push(
      bullet(
        '  ',
        `${bouncing(q, s)}; no single mapping above ${sizeText(LARGEST_MAPPING)} ` +
          `(${sizeText(maxMappingSize(4095))} for a device like nvme with min_align_mask 4095), whatever the ` +
          "pool's size"
      )
    )
  if (log) out.push('', bullet('', `${printable(log.file)} ${log.text}`), ...log.read.map((l) => bullet('  ', l)))
  out.push('', 'how it came about:')
  const width = Math.max(...s.steps.map((t) => String(t.slots).length))
  const sizes = Math.max(...s.steps.map((t) => sizeText(t.slots * 2048).length))
  out.push(
    ...s.steps.map((t) =>
      bullet(
        `  ${String(t.slots).padEnd(width)}  ${sizeText(t.slots * 2048).padEnd(sizes)}  `,
        `${t.what} [${t.source}]`
      )
    )
  )
  const part = (title: string, lines: readonly string[]): void => {
    if (lines.length > 0) out.push('', title, ...lines.map((l) => bullet('  ', printable(l))))
  }
  part('assumed:', s.assumptions)
  part('note:', s.notes)
  if (advice) {
    out.push('', `to get ${sizeText(advice.want)}:`)
    if (!advice.reachable)
      out.push(
        bullet('  ', `no setting gives it: ${advice.why}`),
        ...(advice.setting === '' ? [] : [`  nearest: ${advice.setting}`])
      )
    else if (advice.setting === '') out.push(bullet('  ', `nothing to write: ${advice.why}`))
    else out.push(`  ${advice.setting}`, bullet('  ', advice.why))
  }
  return `${out.join('\n')}\n`
}

function sizeJson(q: SizingRequest, s: Sizing, advice: Advice | null, log: SizeOfLog | null = null): string {
  const value = {
    format: 1,
    platform: q.platform,
    kernel: q.kernel,
    ram: q.ram,
    cpus: q.cpus,
    cmdline: q.cmdline,
    bytes: s.bytes,
    slots: s.slots,
    areas: s.areas,
    limited_by: s.limited_by,
    force_bounce: s.force_bounce,
    largest_mapping: s.bytes === 0 ? 0 : LARGEST_MAPPING,
    steps: s.steps,
    assumptions: s.assumptions,
    notes: s.notes,
    ...(log ? { boot_log: log } : {}),
    ...(advice
      ? {
          advice: {
            want: advice.want,
            reachable: advice.reachable,
            setting: advice.setting,
            why: advice.why,
            gives: {
              bytes: advice.gives.bytes,
              slots: advice.gives.slots,
              areas: advice.gives.areas,
              limited_by: advice.gives.limited_by
            }
          }
        }
      : {})
  }
  return `${JSON.stringify(value, null, 2)}\n`
}

export const sizeErrorJson = (d: Diagnostic): string => `${JSON.stringify({ format: 1, errors: [d] }, null, 2)}\n`
export const sizeErrorText = (d: Diagnostic): string => `${formatDiagnostic(d)}\n`

/** The rules by release, as `tbit size --rules` prints them. */
const sizeRulesText = (): string =>
  `${sizingRules.map((r) => bullet(`${r.since.padEnd(5)} `, `${r.what} [${r.source}]`)).join('\n')}\n`

/** The same as json. */
const sizeRulesJson = (): string =>
  JSON.stringify(
    { format: 1, rules: sizingRules.map((r) => ({ id: r.id, since: r.since, rule: r.what, source: r.source })) },
    null,
    2
  ) + '\n'

/** What `size` can write, about a machine and of its rules. */
export const sizeFormats = {
  text: { size: sizeReport, rules: sizeRulesText },
  json: { size: sizeJson, rules: sizeRulesJson }
} as const satisfies Record<
  string,
  { size(q: SizingRequest, s: Sizing, advice: Advice | null, log: SizeOfLog | null): string; rules(): string }
>
