// `tbit explain dma`: one request in a dozen lines, or with -v as the path it takes, decision by decision.
import { Bytes, hex, PAGE_SIZE } from '../base/index.ts'
import { withBitNames } from '../check/index.ts'
import { refusals } from '../kernel/index.ts'
import { type DmaResult, pageWords } from '../machine/index.ts'
import type { RequestPath } from '../rules/index.ts'
import { limitsLine } from './check-run.ts'
import { accessWords, CERTAINTY, outcomeText } from './rules-words.ts'
import { wrap } from './wrap.ts'

export interface ExplainDmaLook {
  readonly width: number
  /** Every decision. */
  readonly verbose: boolean
}

const explainDmaText = (p: RequestPath, look: ExplainDmaLook = { width: 80, verbose: false }): string =>
  look.verbose ? wholeText(p, look.width) : shortText(p, look.width)

function requestText({ spec, t }: RequestPath): string {
  const what =
    spec.op === 'map'
      ? `dma_map_single of a ${spec.page} page${spec.high ? ' above 4G' : ''} (${Bytes.format(spec.size)}, ${spec.dir})`
      : spec.op === 'resource'
        ? `dma_map_resource of a ${spec.page === 'private' ? 'TEE' : 'NON_TEE'} range`
        : `${spec.op === 'alloc' ? 'dma_alloc_coherent' : 'dma_alloc_pages'} of ${Bytes.format(spec.size)}` +
          `${spec.atomic ? ', ATOMIC' : ''}`
  return (
    `${what}${spec.attrs.length > 0 ? ` with ${spec.attrs.join(', ')}` : ''}, T=${t}, ${spec.revision.name} on ` +
    `${spec.platform.name}`
  )
}

const headText = (p: RequestPath, width: number): string[] => [
  ...wrap(requestText(p), width, '  '),
  ...(p.t === p.spec.t
    ? []
    : wrap(
        `note: ${p.spec.revision.name} on ${p.spec.platform.name} knows no accepted device: the device is T=0`,
        width,
        '  '
      ))
]

/** In one or two sentences: what the device is given, and what becomes of it. */
function sentence(p: RequestPath): string {
  if (p.path === 'crash') return 'The kernel goes down in this request.'
  if (p.path === 'error')
    return (
      `The kernel refuses: ${p.error}${p.reason === null ? '' : `: ${refusals[p.reason].words}`}. Nothing reaches ` +
      'the device.'
    )
  const how =
    p.path === 'bounced'
      ? 'The data is copied to a bounce buffer and the device is given its address'
      : p.path === 'allocated'
        ? `The buffer is ${p.state === 'shr' ? 'shared' : 'private'} memory`
        : 'The device is given the page itself'
  const ok = p.read?.outcome === 'ok' && p.write?.outcome === 'ok'
  return (
    `${how}. ` +
    (ok
      ? 'The hardware serves reads and writes.'
      : 'The hardware does not serve it: ' +
        accessWords({ read: p.read?.outcome ?? '', write: p.write?.outcome ?? '' }) +
        '.')
  )
}

// ---- short
// -----------------------------------------------------------------------------------------------------------

function shortText(p: RequestPath, width: number): string {
  const rows: Array<readonly [string, string]> = []
  const asked = askedWords(p)
  rows.push(['kernel', `${asked.join(', ')}${asked.length > 0 ? '; ' : ''}-v tells every decision`])
  if (p.handle !== null) rows.push(['handle', [hex(p.handle), ...p.bits].join(', ')])
  if (p.handle !== null && p.phys !== null)
    rows.push([
      'memory',
      `page ${hex(Math.floor(p.phys / PAGE_SIZE))}, ${p.state === null ? 'no memory' : pageWords[p.state]}`
    ])
  if (p.read !== null && p.write !== null) {
    const { read, write, row } = { ...p, read: p.read, write: p.write }
    rows.push([
      'request',
      read.t === null
        ? `none: ${read.note}`
        : `T=${read.t}${read.alias === null ? '' : `, ${read.alias === 'P' ? 'private' : 'shared'} alias`}`
    ])
    rows.push([
      'hardware',
      `${accessWords({ read: read.outcome, write: write.outcome })} by rule ${read.rule}` +
        `${read.note && read.note !== row?.source ? `: ${read.note}` : ''}` +
        (row
          ? ` (certainty ${CERTAINTY[row.cert]}, source: ${row.source}${row.switch ? `; switch ${row.switch}` : ''})`
          : '')
    ])
  }
  const label = Math.max(...rows.map(([l]) => l.length))
  return `${[
    ...headText(p, width),
    ...wrap(sentence(p), width),
    '',
    ...rows.flatMap(([l, text]) =>
      wrap(text, width - label - 4).map((x, i) => `  ${(i === 0 ? l : '').padEnd(label)}  ${x}`)
    ),
    ...p.findings.flatMap((f) => wrap(`${f.property}: ${f.summary}`, width - 2, '  ').map((l) => `  ${l}`)),
    '',
    limitsLine
  ].join('\n')}\n`
}

// What the predicates answered, each answer once, and what the flag said.
function askedWords(p: RequestPath): string[] {
  const out: string[] = []
  for (const d of p.decisions) {
    const text = withBitNames(d.text)
    const answer = /^(yes|no)(?=$|:)/.exec(text)?.[1]
    const flag = /^\S+\.(?:accepted|tdi_enabled) is (?:set|clear)$/.exec(text)?.[0]
    const words = answer !== undefined ? `${d.fn}: ${answer}` : flag
    if (words !== undefined && !out.includes(words)) out.push(words)
  }
  return out
}

// ---- whole
// -----------------------------------------------------------------------------------------------------------

function wholeText(p: RequestPath, width: number): string {
  const out: string[] = [...headText(p, width), '', ...wrap(sentence(p), width), '', 'DMA API']
  const first = Math.max(6, ...p.decisions.map((d) => d.fn.length))
  const row = (fn: string, text: string): void => {
    out.push(...wrap(text, width - first - 4, '  ').map((l, i) => `  ${(i === 0 ? fn : '').padEnd(first)}  ${l}`))
  }
  for (const d of p.decisions) row(d.fn, withBitNames(d.text))
  if (p.path === 'error') row('answer', `${p.error}${p.reason === null ? '' : ` (${p.reason.replace(/_/g, ' ')})`}`)
  const say = (text: string): void => {
    out.push(...wrap(text, width - 2, '  ').map((l) => `  ${l}`))
  }
  if (p.handle !== null) {
    out.push('', 'Handle', `  ${hex(p.handle)}`)
    for (const b of p.bits) say(b)
    if (p.phys !== null) say(`points to ${hex(p.phys)}, which is ${p.state ?? 'no memory'}`)
  }
  if (p.read !== null && p.write !== null) {
    out.push('', 'TLP')
    say(p.read.t === null ? `none: ${p.read.note}` : `T=${p.read.t}`)
    out.push('', 'IOMMU and protection check')
    if (p.read.alias !== null)
      say(`alias ${p.read.alias === 'P' ? 'private' : 'shared'}, page ${p.read.page ?? 'none'}`)
    say(accessText('read', p.read))
    say(accessText('write', p.write))
    if (p.row)
      say(
        `certainty ${CERTAINTY[p.row.cert]}, source: ${p.row.source}${p.row.switch ? `; switch ${p.row.switch}` : ''}`
      )
  }
  for (const f of p.findings) out.push('', ...wrap(`${f.property}: ${f.summary}`, width, '  '))
  return `${[...out, '', limitsLine].join('\n')}\n`
}

const accessText = (name: string, r: DmaResult): string =>
  `${name}: ${outcomeText(r.outcome)} by rule ${r.rule}${r.note ? ` (${r.note})` : ''}`

function explainDmaJson(p: RequestPath): string {
  return `${JSON.stringify({
    format: 1,
    kernel: p.spec.revision.name,
    platform: p.spec.platform.name,
    t: p.t,
    op: p.spec.op,
    page: p.spec.page,
    attrs: p.spec.attrs,
    dir: p.spec.dir,
    size: p.spec.size,
    decisions: p.decisions.map((d) => ({ ...d, text: withBitNames(d.text) })),
    path: p.path,
    error: p.error,
    reason: p.reason,
    handle: p.handle === null ? null : hex(p.handle),
    bits: p.bits,
    memory: p.state,
    tlp: p.read === null ? null : { t: p.read.t },
    read: p.read && { outcome: p.read.outcome, rule: p.read.rule, note: p.read.note },
    write: p.write && { outcome: p.write.outcome, rule: p.write.rule, note: p.write.note },
    certainty: p.row ? CERTAINTY[p.row.cert] : null,
    source: p.row?.source ?? null,
    findings: p.findings
  })}\n`
}

/** What `explain dma` can write. */
export const explainDmaFormats = { text: explainDmaText, json: explainDmaJson } as const satisfies Record<
  string,
  (p: RequestPath, look: ExplainDmaLook) => string
>
