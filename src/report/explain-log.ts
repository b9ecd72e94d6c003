// Renders `tbit explain log`.
import { type Diagnostic, formatDiagnostic, plural } from '../base/index.ts'
import { type LogExplanation, sizeText } from '../kernel/swiotlb/index.ts'

const when = (first: number | null, last: number | null): string => (first === null ? '' : last === null || last === first ? ` at ${first.toFixed(3)} s` : ` from ${first.toFixed(3)} to ${last.toFixed(3)} s`)

// Folds a paragraph at 100 columns, continued lines indented under the text.
function fold(bullet: string, text: string): string {
  const out: string[] = []
  let line = bullet
  for (const word of text.split(' ')) {
    if (line.length > bullet.length && line.length + 1 + word.length > 100) {
      out.push(line)
      line = ' '.repeat(bullet.length)
    }
    line += line.length === bullet.length ? word : ` ${word}`
  }
  return [...out, line].join('\n')
}

export function explainLogText(e: LogExplanation): string {
  const out: string[] = []
  const machine = [e.kernel === null ? null : `Linux ${e.kernel}`, e.platform, e.ram === null ? null : `${sizeText(e.ram)} RAM`, e.cpus === null ? null : plural(e.cpus, 'CPU'), e.cmdline === null || e.cmdline === '' ? null : `"${e.cmdline}"`].filter((x) => x !== null)
  if (machine.length > 0) out.push(machine.join(', '))
  if (e.pool) {
    const { slots, bytes, areas, limited_by, start, end } = e.pool
    out.push(`pool: ${sizeText(bytes)} = ${slots} slots of 2 KiB${areas === null ? '' : ` in ${plural(areas, 'area')}`}${start === null || end === null ? '' : `, 0x${start.toString(16)}-0x${end.toString(16)}`}${limited_by === null ? '' : `; size by: ${limited_by}`}`)
  }
  if (e.failures.length === 0) {
    out.push(e.understood === 0 ? `Nothing in ${e.lines === 1 ? 'this line' : `these ${e.lines} lines`} is about DMA bouncing or the boot that set it up.` : 'No failed mapping in this log.')
  } else {
    out.push('', 'What happened')
    for (const f of e.failures) out.push(fold('  - ', `${f.text} (${plural(f.count, 'message')}${when(f.first, f.last)}, line ${f.line})`))
    if (e.suppressed > 0) out.push(`  - ${plural(e.suppressed, 'further message')} of the mapping functions ${e.suppressed === 1 ? 'was' : 'were'} suppressed by rate limiting`)
  }
  if (e.limits.length > 0) {
    out.push('', 'Which limit binds')
    for (const l of e.limits) out.push(fold('  - ', l))
  }
  const section = (title: string, lines: readonly string[]): void => {
    if (lines.length > 0) out.push('', title, ...lines.map((l) => fold('  - ', l)))
  }
  section('At boot', e.boot)
  section('What to do', e.advice)
  if (e.record.length > 0) {
    out.push('', 'What to record to know more')
    for (const r of e.record) out.push(fold('  - ', r.what), ...r.run.map((c) => `      ${c}`))
  }
  section('Note', e.notes)
  return `${out.join('\n').trim()}\n`
}

export const explainLogJson = (e: LogExplanation, errors: readonly Diagnostic[], warnings: readonly Diagnostic[] = []): string => `${JSON.stringify({ format: 1, ...e, errors, warnings }, null, 2)}\n`

export const explainLogErrors = (errors: readonly Diagnostic[]): string => errors.map((d) => `${formatDiagnostic(d)}\n`).join('')

/** What `explain log` can write. */
export const explainLogFormats = { text: explainLogText, json: explainLogJson } as const satisfies Record<string, (e: LogExplanation, errors: readonly Diagnostic[], warnings: readonly Diagnostic[]) => string>
