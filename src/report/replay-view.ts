// A replay for the eye, as small plain values (they go from a worker to its page many times a second) and as pieces of
// a page: the answer, the plot with the pool's size and the failures, devices as bars. The page and `replay --html` are
// made of the same.
import { Bytes, own, plural } from '../base/index.ts'
import type { ReplayResult, Timeline, Track, WhatIfResult } from '../replay/index.ts'
import { esc } from './html.ts'
import { lackLines } from './replay.ts'
import { num, poolText, replayVerdict, type Verdict } from './replay-verdict.ts'
import {
  causeWords,
  grouped,
  LINE_COLOURS,
  markOf,
  type Plot,
  type PlotLine,
  type PlotMarks,
  plotSvg,
  type PlotSize
} from './svg-plot.ts'

export interface ViewDevice {
  readonly name: string
  readonly driver: string | null
  readonly maps: number
  readonly bytes: number
  readonly bouncedBytes: number
  readonly copied: number
  readonly peakSlots: number
  readonly failed: number
}

export interface ReplayView {
  readonly files: readonly string[]
  readonly format: string
  readonly kernel: string | null
  readonly events: number
  readonly bytes: number
  readonly seconds: number
  readonly interrupted: boolean
  readonly pool: {
    readonly nslabs: number
    readonly nareas: number
    readonly start: number
    readonly from: string
  } | null
  readonly peak: number
  readonly failures: number
  readonly verdict: Verdict
  readonly plot: Plot
  readonly devices: readonly ViewDevice[]
  readonly compared: number
  readonly equal: number
  readonly lacks: readonly string[]
  readonly notes: readonly string[]
}

/** Lines of devices in the plot: what can be told apart. */
const MOST_LINES = Math.min(4, LINE_COLOURS)

const peakOf = (t: Track): number => t.max.reduce((a, b) => Math.max(a, b), 0)

/** Calls that failed in each stretch of time in which any did, of a track that counts on: [stretch, calls]. */
export function increments(total: Int32Array): (readonly [number, number])[] {
  const out: (readonly [number, number])[] = []
  let before = 0
  total.forEach((n, i) => {
    if (n > before) out.push([i, n - before])
    before = n
  })
  return out
}

/** A track as a line; times are those of the trace's clock, as the sentences have them. */
export const lineOf = (
  t: Track,
  kind: PlotLine['kind'],
  { start, width }: Pick<Timeline, 'start' | 'width'>
): PlotLine => ({ name: t.name, kind, values: t.max, start: start / 1e9, step: width / 1e9 })

/** The pool, its largest devices, and the failures. */
function plotOf(r: ReplayResult): Plot {
  const { tracks, start, width } = r.timeline
  const line = (t: Track, kind: PlotLine['kind']): PlotLine => lineOf(t, kind, r.timeline)
  const known = new Set(r.devices.map((d) => d.name))
  const devices = tracks
    .filter((t) => t.kind === 'device' && known.has(t.name))
    .map((t) => [t, peakOf(t)] as const)
    .filter(([, p]) => p > 0)
    .sort((a, b) => b[1] - a[1])
    .slice(0, MOST_LINES)
  return {
    lines: [
      ...tracks.filter((t) => t.kind === 'pool').map((t) => line(t, 'pool')),
      ...devices.map(([t]) => line(t, 'device')),
      ...tracks.filter((t) => t.kind === 'what-if').map((t) => line(t, 'what-if'))
    ],
    marks: tracks
      .filter((t) => t.kind === 'failed')
      .map(
        (t): PlotMarks => ({
          cause: t.name,
          at: increments(t.last).map(([i, n]) => [(start + i * width) / 1e9, n] as const)
        })
      ),
    level: r.pool === null ? null : (r.grown?.nslabs ?? r.pool.nslabs)
  }
}

/** The line of an answer from a stored log, for the same plot. */
export function answerLine(timeline: Timeline): PlotLine | null {
  const t = timeline.tracks().find((x) => x.kind === 'what-if')
  return t === undefined || Number.isNaN(timeline.start) ? null : lineOf(t, 'what-if', timeline)
}

export function replayView(r: ReplayResult): ReplayView {
  return {
    files: r.source.files,
    format: r.source.format,
    kernel: r.source.kernel,
    events: r.events,
    bytes: r.source.bytes,
    seconds: Number.isNaN(r.clock.first) ? 0 : (r.clock.last - r.clock.first) / 1e9,
    interrupted: r.source.interrupted,
    pool: r.pool,
    peak: r.predicted.hiwater ?? 0,
    failures: r.failures.total,
    verdict: replayVerdict(r),
    plot: plotOf(r),
    devices: r.devices.map((d) => ({
      name: d.name,
      driver: d.driver,
      maps: d.maps,
      bytes: d.bytes,
      bouncedBytes: d.bouncedBytes,
      copied: d.copiedIn + d.copiedOut,
      peakSlots: d.peakSlots,
      failed: d.failedMaps + d.failedSg
    })),
    compared: r.predicted.compared,
    equal: r.predicted.equal,
    lacks: lackLines(r),
    notes: r.source.notes
  }
}

// ---- pieces of a page
// ------------------------------------------------------------------------------------------------

export const replayViewStyle = `.answer{border-left:4px solid var(--priv);background:var(--card);padding:.5rem .9rem;
margin:.6rem 0}
.answer.fills,.answer.leaks{border-color:var(--bad)}
.answer h2{margin:.2rem 0;font-size:1.25rem}
.answer p{margin:.3rem 0;max-width:60rem}
.bars{width:100%;font-variant-numeric:tabular-nums}
.bars td.n,.bars th.n{text-align:right;white-space:nowrap}
.bars td:first-child{min-width:7.5rem;overflow-wrap:anywhere}
.bars .length{width:40%;min-width:5rem;vertical-align:middle}
.bars svg{display:block;width:100%;height:.9rem}
.bars rect{fill:var(--priv)}
@media(max-width:600px){.bars .length,.bars .wideonly{display:none}}
`

/** The answer: its first sentence is the headline. */
export function answerHtml(v: ReplayView): string {
  const [first = '', ...rest] = v.verdict.sentences
  const line = v.verdict.line
  const said = (t: string): string => (line === null ? esc(t) : esc(t).replace(esc(line), `<code>${esc(line)}</code>`))
  return (
    `<div class="answer ${v.verdict.kind}"><h2>${esc(first)}</h2>` +
    `${rest.map((t) => `<p>${said(t)}</p>`).join('')}</div>`
  )
}

/** What was read, in a line. */
export function sourceText(v: ReplayView): string {
  return [
    `${num(v.events)} DMA events in ${v.seconds.toFixed(3)} s`,
    v.format,
    ...(v.kernel === null ? [] : [v.kernel]),
    ...(v.compared > 0 ? [`${num(v.equal)} of ${num(v.compared)} bounce addresses exact`] : [])
  ].join(', ')
}

const FROM: Readonly<Record<string, string>> = {
  log: 'from the kernel log',
  option: 'as given',
  trace: 'found from the addresses in the trace'
}

export function poolLine(v: ReplayView): string {
  if (v.pool === null)
    return 'Where the pool lies is not known: nothing in the trace bounced, and there is no kernel log.'
  return (
    `Pool: ${poolText(v.pool.nslabs)} at 0x${v.pool.start.toString(16)}, ${plural(v.pool.nareas, 'area')}, ` +
    `${own(FROM, v.pool.from) ?? v.pool.from}.`
  )
}

/** What the picture says, for those who do not see it. */
function plotLabel(v: ReplayView): string {
  return (
    `Slots in use over ${v.seconds.toFixed(3)} seconds: at most ${grouped(v.peak)}` +
    `${v.pool === null ? '' : ` of ${grouped(v.pool.nslabs)}`}` +
    `${v.failures === 0 ? ', no call failed' : `; ${grouped(v.failures)} calls failed`}`
  )
}

export const hasPlot = (v: ReplayView): boolean =>
  v.plot.lines.length > 0 &&
  v.plot.lines.some((l) => l.values.length > 0) &&
  (v.peak > 0 || v.plot.lines.some((l) => l.kind === 'what-if'))

/** The plot with its key. `more`: the line of an answer. */
export function plotHtml(v: ReplayView, size: PlotSize, more: PlotLine | null = null): string {
  const plot = more === null ? v.plot : { ...v.plot, lines: [...v.plot.lines, more] }
  const marks = plot.marks.filter((m) => m.at.length > 0)
  let device = 0
  const key = plot.lines.map(
    (l) =>
      '<li><span class="sw ' +
      `${l.kind === 'pool' ? 'pool' : l.kind === 'what-if' ? 'l5' : `l${device++ % LINE_COLOURS}`}"></span>` +
      `${l.kind === 'what-if' ? 'what if: ' : ''}${esc(l.name)}</li>`
  )
  for (const m of marks)
    key.push(
      `<li><span class="sw ${markOf(m.cause)}"></span>mark at the top: ` +
        `${grouped(m.at.reduce((n, [, k]) => n + k, 0))} failed, ${esc(causeWords(m.cause))}</li>`
    )
  return `${plotSvg({ ...plot, marks }, plotLabel(v), size)}<ul class="key">${key.join('')}</ul>`
}

/** Devices as bars of what bounced (of what was mapped, where nothing bounced). */
export function devicesHtml(devices: readonly ViewDevice[]): string {
  const bounces = devices.some((d) => d.bouncedBytes > 0)
  const of = (d: ViewDevice): number => (bounces ? d.bouncedBytes : d.bytes)
  const most = Math.max(1, ...devices.map(of))
  const bar = (d: ViewDevice): string =>
    '<td class="length"><svg viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true"><rect width="' +
    `${Math.round((1000 * of(d)) / most)}" height="10"/></svg></td>`
  const rows = devices.map(
    (d) =>
      `<tr><td>${esc(d.name)}${d.driver === null ? '' : ` <span class="soft">${esc(d.driver)}</span>`}</td>` +
      `${bar(d)}<td class="n">${Bytes.human(of(d))}</td><td class="n wideonly">${Bytes.human(d.copied)}</td><td ` +
      `class="n">${grouped(d.peakSlots)}</td><td class="n">${grouped(d.failed)}</td><td class="n wideonly">` +
      `${grouped(d.maps)}</td></tr>`
  )
  return (
    '<table class="bars"><thead><tr><th scope="col">device</th><td class="length"></td><th scope="col" class="n">' +
    `${bounces ? 'bounced' : 'mapped'}</th><th scope="col" class="n wideonly">copied</th><th scope="col" ` +
    'class="n">peak slots</th><th scope="col" class="n">failed</th><th scope="col" class="n ' +
    `wideonly">maps</th></tr></thead><tbody>${rows.join('')}</tbody></table>`
  )
}

/** An answer to a what-if in a sentence or two. */
export function whatIfSentences(w: WhatIfResult): string[] {
  const fails =
    w.failedMaps === 0
      ? 'no call fails'
      : `${w.basis === 'bound' ? 'at least ' : ''}${num(w.failedMaps)} ` +
        `${w.failedMaps === 1 ? 'call fails' : 'calls fail'}`
  const range =
    w.hiwaterRange === null
      ? ''
      : ` (${num(w.hiwaterRange[0])} to ${num(w.hiwaterRange[1])} in a boot that really bounces)`
  const out = [
    `${poolText(w.pool.nslabs)}, ${plural(w.pool.nareas, 'area')}: ${fails}${
      w.failedMaps > 0
        ? ` (${Object.entries(w.causes)
            .map(([k, n]) => `${k} ${num(n)}`)
            .join(', ')})`
        : ''
    }; ${num(w.hiwater)} slots at the peak${range}.`
  ]
  out.push(
    `${Bytes.human(w.bouncedBytes)} bounce, ${w.copiedAtLeast ? 'at least ' : ''}${Bytes.human(w.copiedBytes)} ` +
      'are copied' +
      (w.copiedLess > 0
        ? `, ${Bytes.human(w.copiedLess)} less than recorded`
        : w.copiedLess < 0
          ? `, ${Bytes.human(-w.copiedLess)} more than recorded`
          : '') +
      '.'
  )
  const n = w.needed
  if (n.slots === null) out.push('No pool up to 1 GiB carries this load.')
  else if (n.slots > 0)
    out.push(
      `The smallest pool without failure: ${num(n.slots)} slots` +
        `${n.basis === 'bound' ? ', as far as the recording can tell' : ''}` +
        `${n.recommended !== null && n.recommended !== n.slots ? `; with room to spare ${num(n.recommended)}` : ''}.`
    )
  if (w.spec.accepted.length > 0 && !w.acceptanceHelps)
    out.push(`${w.kernel} does not know accepted devices: accepting changes nothing.`)
  return out
}
