// `tbit rules --failures`: failed step of a TSM driver, what it leaves, what the device can still do.
import type { FailedStep, Failures } from '../rules/index.ts'
import { stale } from '../rules/index.ts'
import { limitsLine } from './check-run.ts'
import { comment } from './rules-comment.ts'
import { type FailuresReport, type RulesLook, tableRows } from './rules-words.ts'
import { wrap } from './wrap.ts'

const HEAD = ['failed step', 'answer', 'core says', 'device is', 'private', 'shared', 'next mapping'] as const
type Reached = FailedStep['private']

const both = (r: Reached): string =>
  r.read === r.write ? (r.read === 'blocked' ? '-' : r.read) : `R ${r.read}, W ${r.write}`
const nextWords = (f: FailedStep): string =>
  `${f.next.path}${f.next.reach === null ? '' : `, ${both(f.next.reach) === '-' ? 'not sent' : both(f.next.reach)}`}`
const device = (f: FailedStep): string => `${f.tdi}${f.t === null ? '' : ` T=${f.t}`}${f.mmio ? ', MMIO mapped' : ''}`
const core = (f: FailedStep): string => `${f.believes}${f.flag ? ', accepted' : ''}${stale(f) ? ' (stale)' : ''}`
const cells = (f: FailedStep): readonly string[] => [
  `${f.op}: ${f.step}`,
  f.returns,
  core(f),
  device(f),
  both(f.private),
  both(f.shared),
  nextWords(f)
]

function can(f: FailedStep): string {
  if (f.t === null) return 'nothing is sent'
  if (f.private.rule === 'trusted-dma-off' || f.private.rule === 'cca-t1-ste')
    return 'every request is aborted: its trusted DMA is off'
  return `private ${both(f.private)}; shared ${both(f.shared)}; next mapping ${nextWords(f)}`
}

/** What the table comes to. */
function verdict(f: Failures): string {
  const bad = f.steps.filter(stale)
  if (bad.length === 0) return 'No failed step leaves the core with a wrong belief.'
  const live = bad.filter((s) => s.private.read === 'ok' || s.private.write === 'ok')
  return (
    `After ${bad.length} of ${f.steps.length} failed steps the core believes what is not so (stale)` +
    (live.length === 0
      ? '; none of them leaves the device private memory.'
      : `; after ${live.length} the device still reaches private memory: ` +
        live.map((s) => `${s.op} ${s.step}`).join(', ') +
        '.')
  )
}

const heading = (f: Failures): string =>
  `${f.revision.name} on ${f.platform.name}: each step of the TSM driver fails once, alone`

function text(f: Failures, width: number): string[] {
  if (f.source === null) return wrap(`${f.revision.name} on ${f.platform.name}: no device can be accepted`, width, '  ')
  return [
    ...wrap(heading(f), width, '  '),
    ...wrap(`driver: ${f.source}`, width, '  '),
    '',
    ...tableRows(
      [
        [...HEAD.slice(0, 4), 'what the device can still do'],
        ...f.steps.map((s) => [...cells(s).slice(0, 4), can(s)])
      ].map((r) => [`  ${r[0]}`, ...r.slice(1)]),
      width
    ),
    '',
    ...wrap(verdict(f), width, '  ')
  ]
}

export function failuresText(
  { list, skipped }: FailuresReport,
  look: Pick<RulesLook, 'width'> = { width: 80 }
): string {
  const out = list.flatMap((f) => [...text(f, look.width), ''])
  for (const x of skipped) out.push(...wrap(`skipped: ${x.kernel} on ${x.platform}: ${x.reason}`, look.width, '  '))
  if (list.some((f) => f.source !== null))
    out.push(
      ...wrap(
        'private: a private page at its plain address; shared: a shared page at its shared alias; next mapping: ' +
          'how the kernel maps a private page, and what the device meets there',
        look.width,
        '  '
      )
    )
  return `${[...out, limitsLine].join('\n')}\n`
}

export const failuresComment = ({ list }: FailuresReport): string =>
  `${list
    .map((f) =>
      comment(
        f.source === null
          ? [`${f.revision.name} on ${f.platform.name}: no device can be accepted.`]
          : [
              `${heading(f)}.`,
              '',
              ...f.steps.map(
                (s) =>
                  `- ${s.op}, ${s.step}: ${s.returns}; the core says ${core(s)}, the device is ${device(s)}; ` +
                  `private memory: ${both(s.private)}, shared: ${both(s.shared)}; next mapping: ${nextWords(s)}`
              ),
              '',
              verdict(f)
            ]
      )
    )
    .join('\n\n')}\n`

export const failuresJson = ({ list, skipped }: FailuresReport): string =>
  `${JSON.stringify({
    format: 1,
    failures: list.map((f) => ({
      kernel: f.revision.name,
      platform: f.platform.name,
      source: f.source,
      steps: f.steps.map((s) => ({ ...s, stale: stale(s) })),
      verdict: f.source === null ? null : verdict(f)
    })),
    skipped,
    errors: []
  })}\n`

export const failuresMarkdown = ({ list }: FailuresReport): string =>
  `${list
    .map((f) =>
      [
        `## Failed step, what the device can still do: ${f.revision.name} on ${f.platform.name}`,
        '',
        ...(f.source === null
          ? ['No device can be accepted.']
          : [
              `Driver: ${f.source}.`,
              '',
              `| ${HEAD.join(' | ')} |`,
              `|${HEAD.map(() => '---').join('|')}|`,
              ...f.steps.map((s) => `| ${cells(s).join(' | ')} |`),
              '',
              verdict(f)
            ])
      ].join('\n')
    )
    .join('\n\n')}\n`
