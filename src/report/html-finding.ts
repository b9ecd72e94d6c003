// A finding as a page: what is wrong in one sentence, what decided as chips, the handle bit by bit, the picture, the
// steps as a table, the test, the commands that do it again, where it comes from and where else it occurs. It is whole
// without script; the player is put on top.
import { hex, PAGE_SIZE, plural } from '../base/index.ts'
import { type CheckResult, type Frame, type FrameHandle, type Violation, type Why, whyOf } from '../check/index.ts'
import { revisionByName } from '../kernel/index.ts'
import { againCommand, type CheckRun } from './check-run.ts'
import { changeText, functionsOf, shownSteps } from './check-trace.ts'
import { type Chip, chipsOf, columnsOf } from './finding-tracks.ts'
import { playerScript } from './finding-player.ts'
import { baseStyle, esc, page } from './html.ts'
import { runCommand } from './run.ts'
import { figureStyle, findingFigure } from './svg-finding.ts'

/** A finding with all that its page tells. */
export interface FindingPage {
  readonly result: CheckResult
  readonly violation: Violation
  /** The test's own text, and where its author has it from. */
  readonly text: string
  readonly about: string
  readonly sources: readonly string[]
  /** Other runs that have it. */
  readonly where: ReadonlyArray<Pick<CheckResult, 'test' | 'kernel' | 'platform'>>
  /** The test does not forbid it. */
  readonly reported?: boolean
  readonly again?: CheckRun['again']
}

/** What the picture and the player need beside the style of every page. */
export const findingStyle = `${figureStyle}.chips{display:flex;flex-wrap:wrap;gap:.5rem;align-items:center;
margin:.6rem 0;padding:0;list-style:none}
.chip{border-radius:8px;padding:.3rem .8rem;display:grid;line-height:1.3;background:var(--card);overflow-wrap:anywhere}
.chip span{font-size:12.5px}
.chip.priv{background:var(--privCard)}.chip.priv b{color:var(--priv)}
.chip.shr{background:var(--shrCard)}.chip.shr b{color:var(--shr)}
.chip.bad{background:var(--bad);color:var(--onBad)}
.bits{display:flex;flex-wrap:wrap;font:12px/1 ui-monospace,monospace;margin:.2rem 0}
.bits span{padding:4px 0;width:14px;text-align:center;border:1px solid var(--line);border-left-width:0;
color:var(--soft)}
.bits i{display:flex;margin-left:4px;font-style:normal}.bits i span:first-child{border-left-width:1px}
.bits .on{color:var(--ink);font-weight:700}
.bits .priv{background:var(--privCard);color:var(--priv);font-weight:800}
.bits .shr{background:var(--shrCard);color:var(--shr);font-weight:800}
.figure{overflow-x:auto;margin:.8rem 0 .3rem}
.figure svg{display:block;max-width:none;min-width:100%;height:auto}
@media(min-width:960px){.figure svg{max-width:100%}}
.cursor:not([data-bad]){fill:var(--line)}
.bar{display:flex;flex-wrap:wrap;gap:.4rem;margin:.4rem 0;min-height:34px}
@media(max-width:480px){.bar{min-height:75px}}
.bar [aria-pressed=true]{background:var(--privCard)}
.now{min-height:3em;margin:.2rem 0 .6rem}
tr[aria-current]{background:var(--card);box-shadow:inset 3px 0 var(--priv)}
.steps td{padding-left:.4rem}
.steps .bad td{color:var(--bad);font-weight:650}
[data-now]{background:var(--privCard)}
`

const chipList = (chips: readonly Chip[]): string =>
  '<ul class="chips">' +
  chips
    .map(
      (c, i) =>
        (i === 0 ? '' : `<li aria-hidden="true">${i === chips.length - 1 ? '=' : '→'}</li>`) +
        `<li class="chip ${c.kind}"><b>${esc(c.head)}</b><span>${esc(c.below)}</span></li>`
    )
    .join('') +
  '</ul>'

/** A bus address bit by bit, alias bits in the colour of what they say. */
export function handleBits(h: Pick<FrameHandle, 'name' | 'handle' | 'bits' | 'alias' | 'phys' | 'bounce'>): string {
  const { handle } = h
  if (handle === null || h.bits.length === 0) return ''
  const width = Math.max(40, ...h.bits.map((b) => Math.ceil((b.bit + 1) / 4) * 4))
  const kind = h.alias === 'private' ? 'priv' : 'shr'
  const cells = Array.from({ length: width }, (_, i) => width - 1 - i).map((bit) => {
    const on = Math.floor(handle / 2 ** bit) % 2
    const cls = h.bits.some((b) => b.bit === bit) ? kind : on ? 'on' : ''
    const cell = `<span${cls === '' ? '' : ` class="${cls}"`}>${on}</span>`
    // Four and four: a line ends between them.
    return bit % 4 === 3 ? `<i>${cell}` : bit % 4 === 0 ? `${cell}</i>` : cell
  })
  const said = h.bits.map((b) => `bit ${b.bit} (${b.name}) ${b.set ? 'set' : 'clear'}`).join(', ')
  const rest = h.bounce ?? h.phys
  return (
    `<div class="bits" role="img" aria-label="${esc(`${h.name} bit by bit: ${said}`)}">${cells.join('')}</div><p ` +
    'class="soft">' +
    esc(
      `${h.name} = ${hex(handle)}: ${said}: the ` +
        (h.alias ?? '') +
        ' alias of ' +
        (h.bounce === null ? 'page' : 'the bounce page') +
        ` ${hex(Math.floor(rest / PAGE_SIZE))}`
    ) +
    '</p>'
  )
}

/** The handle that the finding is about: the one whose address was sent, else the last that was made. */
function handleOf(v: Violation, why: Why): FrameHandle | undefined {
  const handles = (v.frames?.at(-1) as Frame | undefined)?.handles.filter((h) => h.handle !== null) ?? []
  return handles.find((h) => why.access !== null && hex(h.handle as number) === why.access.address) ?? handles.at(-1)
}

function stepsTable(p: FindingPage): string {
  const { violation: v } = p
  const columns = new Set(columnsOf(v).map((c) => c.number))
  const listed = new Set(shownSteps(v).shown.map((s) => s.number))
  const rev = revisionByName(p.result.kernel)
  const last = v.initSteps.length + v.trace.length
  const rows = shownSteps(v, true)
    .shown.filter((s) => columns.has(s.number) || listed.has(s.number))
    .map(({ number, step, changes }) => {
      const thread = number <= v.initSteps.length ? 'init' : step.name
      const decided = v.frames?.[number - 1]?.decided ?? []
      const asked =
        decided.length === 0
          ? ''
          : `<details><summary>${plural(decided.length, 'decision')}</summary>` +
            decided
              .map(
                (d) =>
                  `<code>${esc(d)}</code> ` +
                  esc(String(rev?.[d] ?? '')) +
                  ' <span class="soft">' +
                  esc(rev?.sources[d] ?? '') +
                  '</span>'
              )
              .join('<br>') +
            '</details>'
      const fn = functionsOf(step)[0]
      const decision =
        /\.(?:accepted|tdi_enabled) is |^(?:is_|force_)|dma_capable/.test(step.text) || step.outcome !== 0
      return (
        `<tr data-step="${number}" data-thread="${esc(thread)}" data-text="${esc(step.text)}"` +
        `${step.place === null ? '' : ` data-at="${step.place.line}"`}${decision ? ' data-decision' : ''}` +
        `${number === last ? ' class="bad"' : ''}>` +
        `<td>${number}</td><td>${esc(thread)}</td><td><code>${esc(step.statement)}</code></td><td>` +
        `${esc(step.text)}` +
        (fn === undefined || step.text.startsWith(fn) ? '' : `<br><span class="soft">in ${esc(fn)}</span>`) +
        '</td><td>' +
        `${[...new Set([...step.changed.map(changeText), ...changes])].map(esc).join('<br>')}${asked}</td></tr>`
      )
    })
  return (
    '<div class="wide" tabindex="0" role="region" aria-label="the steps as a table"><table ' +
    'class="steps"><thead><tr><th>step</th><th>thread</th><th>statement</th><th>what happens</th><th>what ' +
    `changes</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`
  )
}

/** The text of the test, each line a place that a step can point at. */
const numbered = (text: string): string =>
  `<pre tabindex="0" role="region" aria-label="the test">${text
    .trimEnd()
    .split('\n')
    .map((l, i) => `<span data-line="${i + 1}">${esc(l)}</span>`)
    .join('\n')}</pre>`

/** Chips, handle, picture and steps: what the player works on, here and in the playground. */
export function findingView(p: FindingPage, why: Why = whyOf(p.violation, p.result.platform)): string {
  const { violation: v, result: r } = p
  const handle = handleOf(v, why)
  return [
    chipList(chipsOf(v, why)),
    handle === undefined ? '' : handleBits(handle),
    '<div class="bar"></div>',
    '<p class="now" role="status" aria-live="polite"></p>',
    `<div class="figure" tabindex="0" role="region" aria-label="state over time">${findingFigure(v, r.platform)}</div>`,
    why.ingredients.length === 0
      ? ''
      : '<h2>Why</h2><ol>' +
        why.ingredients.map((i) => `<li>${esc(i.text)} <span class="soft">(step ${i.step})</span></li>`).join('') +
        '</ol>',
    '<h2>Steps</h2>',
    stepsTable(p)
  ].join('\n')
}

/** The page's own part, for one file and for a site alike. `as`: the page itself, or one of several on it. */
export function findingBody(
  p: FindingPage,
  as: 'page' | 'article' = 'page',
  why: Why = whyOf(p.violation, p.result.platform)
): string {
  const { violation: v, result: r } = p
  const [element, heading] =
    as === 'page' ? (['main', ['<h1>', '</h1>']] as const) : (['article', ['<h2 class="head">', '</h2>']] as const)
  const tag = (t: string, cls = ''): string => `<span class="tag${cls}">${esc(t)}</span>`
  return [
    `<${element} class="player">`,
    `<p>${tag(`${v.property}${p.reported === true ? ' (reported, not forbidden)' : ''}`, ' bad')}${tag(r.kernel)}` +
      `${tag(r.platform)}${tag(`${plural(r.states, 'state')}${r.complete ? ': every interleaving' : ', not all'}`)}` +
      `${tag(v.id)}</p>`,
    `${heading[0]}${esc(why.headline)}${heading[1]}`,
    `<p class="soft">${esc(p.about)}</p>`,
    v.frames === undefined || v.trace.length === 0 ? `<p>${esc(v.summary)}</p>` : findingView(p, why),
    `<h2>The test</h2>`,
    numbered(p.text),
    '<h2>Do it again</h2>',
    '<pre tabindex="0" role="region" aria-label="commands">' +
      [
        ...(v.property === 'unreached' || p.again !== undefined ? [] : [runCommand(r, v.schedule)]),
        againCommand(p.again === undefined ? {} : { again: p.again }, r)
      ]
        .map(esc)
        .join('\n') +
      '</pre>',
    ...(p.sources.length === 0
      ? []
      : ['<h2>Sources</h2>', `<ul>${p.sources.map((s) => `<li>${esc(s)}</li>`).join('')}</ul>`]),
    '<h2>Where it occurs</h2>',
    `<ul>${whereLines(p)
      .map((l) => `<li>${esc(l)}</li>`)
      .join('')}</ul>`,
    '<h2>What was not covered</h2>',
    '<p>' +
      esc(
        r.coverage.absent.length === 0
          ? 'Of the mechanisms there are the run met each.'
          : `Absent from this run: ${r.coverage.absent.join(', ')}.`
      ) +
      '</p>',
    `</${element}>`
  ].join('\n')
}

/** A line a test and platform: the kernels that have it. */
function whereLines(p: FindingPage): string[] {
  const by = new Map<string, string[]>()
  for (const w of [p.result, ...p.where]) {
    const key = `${w.test} on ${w.platform}: `
    const list = by.get(key) ?? []
    if (!list.includes(w.kernel)) list.push(w.kernel)
    by.set(key, list)
  }
  return [...by].map(([key, kernels]) => `${key}${kernels.join(', ')}`)
}

/** What a page that stands alone may do: its own style, its own script, nothing from anywhere. */
export const ALONE = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"

/** One file that needs nothing but itself, and no script to be read. */
export function findingHtml(p: FindingPage): string {
  const why = whyOf(p.violation, p.result.platform)
  return page({
    title: `${p.violation.property}: ${why.headline}`,
    description: `${p.result.test}, ${p.result.kernel} on ${p.result.platform}`,
    policy: ALONE,
    style: `${baseStyle}${findingStyle}`,
    script: playerScript(),
    body:
      '<header><nav><b>tbit</b> <span class="soft">litmus tests for DMA in confidential VMs</span></nav></header>\n' +
      `${findingBody(p, 'page', why)}`
  })
}
