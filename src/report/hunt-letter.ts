// A finding as a mail to those who keep the code: what happens, step by step, why, where else, what would help, and the
// test that shows it. It stands by itself: who gets it need not know the tool.
import type { Cause, Hazard } from '../hunt/index.ts'
import { type Decision, decisionTable, revisionByName } from '../kernel/index.ts'
import { own, plural } from '../base/index.ts'
import { traceTable } from './check-trace.ts'
import { fileName, hazardTest, type HuntReport } from './hunt.ts'
import { wrap } from './wrap.ts'

export const LETTER_WIDTH = 72

/** A test as a mail has it. */
export const quoted = (text: string): string[] =>
  text
    .trimEnd()
    .split('\n')
    .map((l) => `    ${l}`.trimEnd())

/** The subsystem in a subject, by the function that shows it. */
const AREAS: ReadonlyArray<readonly [RegExp, string]> = [
  [/swiotlb|bounce/, 'swiotlb'],
  [/iommu/, 'iommu/dma'],
  [/tsm|pci/, 'PCI/TSM'],
  [/pool/, 'dma-pool'],
  [/set_memory/, 'set_memory']
]
const areaOf = (h: Hazard): string => AREAS.find(([re]) => re.test(h.finding.site))?.[1] ?? 'dma-direct'

/** Who brings it about, as a sentence begins. */
const WHO: Readonly<Record<Hazard['trigger'], string>> = {
  'a driver': 'A driver that keeps to the DMA API brings it about',
  'a driver and an administrator': 'A driver that keeps to the DMA API and an administrator bring it about',
  'memory that outlives its driver': 'It takes memory that outlives its driver',
  'a call without a driver': 'It takes a call for a device without a driver',
  'a step that fails': 'It takes one step that fails',
  'the host': 'The host brings it about'
}

export function letter(h: Hazard, r: HuntReport): string[] {
  const out = [`Subject: [BUG] ${areaOf(h)}: ${h.title}`, '']
  const say = (text: string): void => {
    out.push(...wrap(text, LETTER_WIDTH), '')
  }
  say(`With ${nameOf(r.kernel)} on ${r.platform}: ${h.violation.summary}. ${WHO[h.trigger]}.`)
  out.push(
    'The calls, and what changes:',
    '',
    ...traceTable(h.violation, { width: LETTER_WIDTH, verbose: false, bare: true }),
    ''
  )
  const tree = r.tree?.answers.get(h.id)
  if (r.tree !== null && tree !== undefined) say(`The C of ${r.tree.name} itself, run in place of the model: ${tree}.`)
  for (const text of because(h.cause)) say(text)
  for (const text of elsewhere(h, r)) say(text)
  out.push(
    `The test (save it as ${fileName(h)}.litmus):`,
    '',
    ...quoted(hazardTest(h, r)),
    '',
    'To see it again, step by step:',
    `    tbit check ${fileName(h)}.litmus -v`
  )
  return out
}

/** A record's title, such as a release is known by. */
const nameOf = (kernel: string): string => revisionByName(kernel)?.title ?? kernel

/** Why it happens, and what would help. */
function because(cause: Cause | null): string[] {
  if (cause === null) return []
  if (cause.kind === 'switch') return [`It depends on ${cause.name}: ${cause.value}; not with ${cause.instead}.`]
  const words = cause.name.split('+').map((d) => own(decisionTable, d as Decision)?.does ?? d)
  return [
    `Why: ${words.join('; ')}. Here ${cause.name} = ${cause.value}.`,
    `What would help: ${cause.name} = ${cause.instead}. The same calls then show nothing of the kind, and the ` +
      `calls around them nothing new${cause.source === '' ? '' : ` (${cause.source})`}.`
  ]
}

/** What other revisions make of the test: releases by name, what was only posted as a number. */
function elsewhere(h: Hazard, r: HuntReport): string[] {
  const same: string[] = []
  const without: string[] = []
  for (const [, kernel = '', verdict = ''] of (r.litmus.get(h.id) ?? '').matchAll(/^expect (\S+) on \S+ : (.*)$/gm))
    if (kernel !== r.kernel) (verdict.split(', ').includes(h.finding.property) ? same : without).push(kernel)
  const told = (list: readonly string[]): string => {
    const releases = list.filter((k) => revisionByName(k)?.kind === 'release')
    const posted = list.length - releases.length
    return [...releases, ...(posted > 0 ? [plural(posted, 'posted revision')] : [])].join(', ')
  }
  return [
    ...(same.length > 0 ? [`The same in ${told(same)}.`] : []),
    ...(without.length > 0 ? [`Not in ${told(without)}.`] : [])
  ]
}
