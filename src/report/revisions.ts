// `tbit revisions` as text and json.
import { columns } from '../base/index.ts'
import {
  type Decision,
  decisionNames,
  decisionTable,
  decisionText,
  differences,
  partlyKnown,
  type Revision
} from '../kernel/index.ts'
import { wrap } from './wrap.ts'

export type RevisionsReport =
  | { readonly kind: 'list'; readonly revisions: readonly Revision[] }
  | { readonly kind: 'one'; readonly revision: Revision }
  | { readonly kind: 'two'; readonly before: Revision; readonly after: Revision }

function listText(revisions: readonly Revision[]): string[] {
  return [
    ...columns(revisions.map((r) => [r.name, r.date, r.title])).split('\n'),
    '',
    'Known in part, so not of `all`, and run by their names:',
    ...columns(partlyKnown.map((r) => [r.name, r.date, r.title])).split('\n'),
    '',
    `${revisions.length + partlyKnown.length} revisions, ${decisionNames.length} decisions each. One whole: tbit ` +
      'revisions NAME; two: tbit revisions A B'
  ]
}

/** A decision: name and value, what it means, where it comes from. */
function decisionLines(name: Decision, value: string, source: string, width: number): string[] {
  return [
    `${name}: ${value}`,
    ...[decisionTable[name].does, `[${source}]`].flatMap((t) => wrap(t, width - 4).map((l) => `    ${l}`))
  ]
}

function oneText(r: Revision, width: number): string[] {
  return [
    `${r.name}: ${r.title}`,
    `${r.kind === 'release' ? 'released' : 'posted'} ${r.date}`,
    ...(r.partly === undefined ? [] : [`known in part: ${r.partly}`]),
    '',
    ...decisionNames.flatMap((d) => decisionLines(d, decisionText(r[d]), r.sources[d], width))
  ]
}

function twoText(a: Revision, b: Revision, width: number): string[] {
  const differ = differences(a, b)
  return [
    `${a.name} -> ${b.name}`,
    '',
    ...differ.flatMap((d) => decisionLines(d, `${decisionText(a[d])} -> ${decisionText(b[d])}`, b.sources[d], width)),
    ...(differ.length > 0 ? [''] : []),
    `${differ.length} of ${decisionNames.length} decisions differ`
  ]
}

function revisionsText(r: RevisionsReport, width: number): string {
  const lines =
    r.kind === 'list'
      ? listText(r.revisions)
      : r.kind === 'one'
        ? oneText(r.revision, width)
        : twoText(r.before, r.after, width)
  return `${lines.flatMap((l) => (l.length > width ? wrap(l, width, '  ') : [l])).join('\n')}\n`
}

const decisionsOf = (r: Revision): object =>
  Object.fromEntries(decisionNames.map((d) => [d, { value: r[d], source: r.sources[d] }]))
const whole = (r: Revision): object => ({
  name: r.name,
  title: r.title,
  does: r.does,
  kind: r.kind,
  date: r.date,
  ...(r.partly === undefined ? {} : { partly: r.partly }),
  decisions: decisionsOf(r)
})

function revisionsJson(r: RevisionsReport): string {
  const body =
    r.kind === 'list'
      ? { revisions: [...r.revisions, ...partlyKnown].map(whole) }
      : r.kind === 'one'
        ? { revision: whole(r.revision) }
        : {
            before: r.before.name,
            after: r.after.name,
            differences: differences(r.before, r.after).map((d) => ({
              decision: d,
              before: r.before[d],
              after: r.after[d],
              does: decisionTable[d].does,
              source: r.after.sources[d]
            }))
          }
  return `${JSON.stringify({ format: 1, ...body })}\n`
}

/** What `revisions` can write. */
export const revisionsFormats = {
  text: { render: revisionsText },
  json: { render: revisionsJson }
} as const satisfies Record<string, { render: (r: RevisionsReport, width: number) => string }>
