// `tbit compare` as text and json.
import type { Comparison } from '../check/index.ts'
import { outcome } from '../check/index.ts'
import { columns, plural } from '../base/index.ts'

export function compareText(list: readonly Comparison[], before: string, after: string): string {
  const out: string[] = []
  const changed = list.filter((c) => c.changed)
  const skipped = list.filter((c) => c.before.verdict === 'skipped' || c.after.verdict === 'skipped')
  for (const c of changed) {
    out.push(`${c.test} on ${c.platform}`)
    out.push(...columns([[`  ${before}`, outcome(c.before)], [`  ${after}`, outcome(c.after)]]).split('\n'))
    for (const f of c.fresh) out.push(`  new    ${f}`)
    for (const f of c.fixed) out.push(`  fixed  ${f}`)
    for (const k of c.causes) out.push(`  ${{ both: 'because of', needed: 'needs', enough: 'enough is', part: 'part of it is' }[k.role]} ${k.decision}: ${k.before} -> ${k.after}${k.source ? ` [${k.source}]` : ''}`)
    if (c.together) out.push(c.causes.length > 0 ? '  these together: none explains it alone' : '  no single decision explains it')
    out.push('')
  }
  for (const c of skipped) out.push(`${c.test} on ${c.platform}: skipped: ${c.before.reason ?? c.after.reason}`)
  const incomplete = list.filter((c) => !c.before.complete || !c.after.complete).length - skipped.length
  out.push(`${plural(changed.length, 'verdict')} of ${list.length - skipped.length} changed between ${before} and ${after}${skipped.length ? `, ${skipped.length} skipped` : ''}${incomplete > 0 ? `, ${incomplete} incomplete` : ''}`)
  return `${out.join('\n')}\n`
}

export function compareJson(list: readonly Comparison[], before: string, after: string): string {
  return `${JSON.stringify({
    format: 1, before, after,
    results: list.map((c) => ({
      file: c.file, test: c.test, platform: c.platform, changed: c.changed,
      before: { verdict: c.before.verdict, properties: [...new Set(c.before.violations.map((v) => v.property))], reported: [...new Set(c.before.reported.map((v) => v.property))], reason: c.before.reason, complete: c.before.complete },
      after: { verdict: c.after.verdict, properties: [...new Set(c.after.violations.map((v) => v.property))], reported: [...new Set(c.after.reported.map((v) => v.property))], reason: c.after.reason, complete: c.after.complete },
      new: c.fresh, fixed: c.fixed, unchanged: c.unchanged, causes: c.causes, together: c.together
    }))
  })}\n`
}
