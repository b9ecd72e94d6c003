// `tbit hunt` for those who review: b4's items, a mail, SARIF. A finding is whole where it stands: what happens, the
// test that shows it, what makes it.
import { formatDiagnostic, plural, printable, printableLine } from '../base/index.ts'
import type { Hazard } from '../hunt/index.ts'
import { limitsLine } from './check-run.ts'
import {
  causeLine,
  coverage,
  fileName,
  type HuntLook,
  huntJson,
  type HuntReport,
  huntText,
  isComplete,
  shownTest,
  sumText
} from './hunt.ts'
import { errorItems, type Item, itemsJson } from './kernel-changes.ts'
import { letter, LETTER_WIDTH, quoted } from './hunt-letter.ts'
import { sarif, sarifError, sarifLocation, type SarifResult } from './sarif.ts'
import { wrap } from './wrap.ts'

const WIDTH = LETTER_WIDTH
const title = (h: Hazard): string => `${h.harm}: ${h.title}`

function findingLines(h: Hazard, r: HuntReport): string[] {
  return [
    ...wrap(`With ${r.kernel} on ${r.platform}, by ${h.trigger}:`, WIDTH),
    '',
    ...quoted(shownTest(h, r)),
    '',
    ...wrap(`${h.finding.property}: ${h.violation.summary}`, WIDTH),
    ...wrap(causeLine(h), WIDTH),
    '',
    ...wrap(`Save the test as ${fileName(h)}.litmus; tbit check ${fileName(h)}.litmus -v shows it step by step.`, WIDTH)
  ]
}

/** What was not looked at counts as something to say: an empty list says that there is nothing. */
function items(r: HuntReport): Item[] {
  if (r.errors.length > 0) return errorItems(r.errors)
  const tail = [...coverage(r), limitsLine].flatMap((l) => wrap(l, WIDTH, '  '))
  const item = (status: Item['status'], h: Hazard, lead: string, details: readonly string[]): Item => ({
    tool: 'tbit',
    status,
    summary: printableLine(`${lead}${title(h)}`),
    details: printable([...details, '', ...tail].join('\n'))
  })
  return [
    ...r.hazards.map((h) => item('fail', h, r.compared === null ? '' : 'new: ', findingLines(h, r))),
    ...(r.compared?.gone ?? []).map((h) => item('pass', h, 'gone: ', [`${h.id}; not found with ${r.kernel}`])),
    ...(isComplete(r)
      ? []
      : [
          {
            tool: 'tbit' as const,
            status: 'warn' as const,
            summary: `not complete: ${sumText(r)}`,
            details: printable(tail.join('\n'))
          }
        ])
  ]
}

function mail(r: HuntReport): string {
  if (r.errors.length > 0)
    return `this could not be hunted:\n\n${r.errors.map((d) => formatDiagnostic(d)).join('\n')}\n`
  const out: string[] = []
  for (const h of r.hazards) out.push(...letter(h, r), '', '-'.repeat(WIDTH), '')
  out.push(...wrap(sumText(r), WIDTH), '')
  if (r.compared !== null && r.compared.gone.length > 0)
    out.push(
      `${plural(r.compared.gone.length, 'finding')} of ${r.compared.before.kernel} ` +
        `${r.compared.gone.length === 1 ? 'is' : 'are'} not found any more:`,
      ...r.compared.gone.flatMap((h) => wrap(`- ${title(h)}`, WIDTH, '  ')),
      ''
    )
  out.push(...coverage(r).flatMap((l) => wrap(`(${l})`, WIDTH, ' ')), ...wrap(`(${limitsLine})`, WIDTH, ' '))
  return printable(`${out.join('\n')}\n`)
}

function sarifOf(r: HuntReport): string {
  const result = (h: Hazard, level: SarifResult['level'], state?: string): SarifResult => ({
    ruleId: h.finding.property,
    level,
    message: { text: `${title(h)}: ${h.violation.summary}` },
    locations: [sarifLocation(r.saved.get(h.id) ?? `${fileName(h)}.litmus`, 0)],
    partialFingerprints: { 'tbit/1': h.id },
    ...(state === undefined ? {} : { baselineState: state })
  })
  return sarif([
    ...r.errors.map((d) => sarifError(d)),
    ...r.hazards.map((h) => result(h, 'error', r.compared === null ? undefined : 'new')),
    ...(r.compared?.gone ?? []).map((h) => result(h, 'note', 'absent')),
    ...(r.errors.length > 0 || isComplete(r)
      ? []
      : [
          {
            ruleId: 'incomplete',
            level: 'warning' as const,
            message: { text: `not complete: ${sumText(r)}` },
            locations: []
          }
        ])
  ])
}

/** What `hunt` can write. */
export const huntFormats = {
  text: huntText,
  json: huntJson,
  b4: (r) => itemsJson(items(r)),
  mail,
  sarif: sarifOf
} as const satisfies Record<string, (r: HuntReport, look: HuntLook) => string>
