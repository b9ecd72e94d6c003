// A finding as a picture: the three or four things that decide as chips, then a logic analyser: a row a thread with its
// statements and steps, and below it a track for each thing that has a state: the flag, the TDI, the page, the handle.
// Blue is private or accepted, orange shared or not, and every colour has its word. No script, nothing to load: it can
// stand in a page or a mail.
import { type Violation, whyOf } from '../check/index.ts'
import type { Shown } from './check-trace.ts'
import {
  type Chip,
  chipsOf,
  columnsOf,
  flagRead,
  type Kind,
  spans,
  stretches,
  type Track,
  threadRows,
  tracksOf
} from './finding-tracks.ts'
import { esc, type Theme, themes } from './html.ts'

export { themes }

const WIDTH = 880
const LEFT = 128
const RIGHT = 12
const ROW = 28
/** Width of a letter at 12 px, near enough to cut a text that does not fit. */
const LETTER = 7.2
/** A column narrower than this cannot be read: the picture is then wider, and its page scrolls. */
const NARROWEST = 40

/** The picture alone. Without a theme it is light or dark as its reader's screen is. */
export function findingSvg(
  v: Violation,
  of: { readonly test: string; readonly kernel: string; readonly platform: string },
  theme?: Theme
): string {
  const why = whyOf(v, of.platform)
  const columns = columnsOf(v)
  const d = new Drawing(widthFor(columns))
  d.text(0, 20, why.headline, 17, 'ink', { weight: 700 })
  d.text(0, 38, `${of.kernel} on ${of.platform}: ${of.test}`, 12, 'soft')
  const y = timeline(d, v, columns, tracksOf(v, columns), chips(d, chipsOf(v, why), 54) + 18)
  const style =
    theme === undefined
      ? `${coloured(themes.light)}@media(prefers-color-scheme:dark){${coloured(themes.dark)}}`
      : coloured(theme)
  return d.svg(y + 10, `${v.property}: ${why.headline}`, style, true)
}

/** The tracks for a page that has `figureStyle` and says headline and chips itself. */
export function findingFigure(v: Violation, platform: string): string {
  const columns = columnsOf(v)
  const d = new Drawing(widthFor(columns))
  const y = timeline(d, v, columns, tracksOf(v, columns), 4)
  return d.svg(y + 4, `${v.property}: ${whyOf(v, platform).headline}; the table of steps says the same`, null, false)
}

const widthFor = (columns: readonly Shown[]): number => Math.max(WIDTH, LEFT + RIGHT + columns.length * NARROWEST)

/** Colours by the page's variables. */
export const figureStyle =
  ['ink', 'soft', 'priv', 'shr', 'bad', 'onBad'].map((c) => `svg .${c}{fill:var(--${c})}`).join('') +
  '.bpriv{fill:var(--privCard)}.bshr{fill:var(--shrCard)}.bnone,.binv{fill:var(--card)}' +
  '.bbad{fill:var(--bad)}.stmt{fill:var(--card);stroke:var(--line)}.ground{fill:var(--ground)}' +
  '.cursor{fill:var(--badCard);opacity:.65}' +
  '.edge{stroke:var(--ink);stroke-width:2}.hatch{stroke:var(--soft);stroke-width:2.2}' +
  '.pin{stroke-width:2.4}.pinpriv{fill:var(--privCard);stroke:var(--priv)}' +
  '.pinshr{fill:var(--shrCard);stroke:var(--shr)}' +
  '.tie{stroke-width:1.5;stroke-dasharray:3 ' +
  '3;fill:none}.tiepriv{stroke:var(--priv)}.tieshr{stroke:var(--shr)}.cross{stroke:var(--bad);' +
  'stroke-width:4;stroke-linecap:round;fill:none}\n'

/** The same with a theme's own colours: not every reader of SVG knows variables. */
const coloured = (t: Theme): string => figureStyle.replace(/var\(--(\w+)\)/g, (_, name: keyof Theme) => t[name]).trim()

// ---- drawing
// ---------------------------------------------------------------------------------------------------------

type Letter = 'ink' | 'soft' | 'priv' | 'shr' | 'bad' | 'onBad'
const px = (n: number): string => String(Math.round(n * 10) / 10)
const letterOf: Readonly<Record<Kind, Letter>> = { priv: 'priv', shr: 'shr', none: 'soft', inv: 'ink', bad: 'onBad' }

class Drawing {
  readonly parts: string[] = []
  /** Those that name a row at the left edge. */
  private readonly names = new Set<string>()
  constructor(readonly width: number) {}
  name(x: number, y: number, t: string, size: number, c: Letter, weight?: number): void {
    this.text(x, y, t, size, c, weight === undefined ? {} : { weight })
    this.names.add(this.parts.at(-1) ?? '')
  }
  text(
    x: number,
    y: number,
    t: string,
    size: number,
    c: Letter,
    o: { readonly weight?: number; readonly anchor?: 'middle'; readonly mono?: boolean } = {}
  ): void {
    this.parts.push(
      `<text x="${px(x)}" y="${px(y)}" font-size="${size}" class="${c}"` +
        `${o.weight ? ` font-weight="${o.weight}"` : ''}${o.anchor ? ` text-anchor="${o.anchor}"` : ''}` +
        `${o.mono ? ' font-family="ui-monospace,monospace"' : ''}>${esc(t)}</text>`
    )
  }
  rect(x: number, y: number, w: number, h: number, c: string, more = ''): void {
    this.parts.push(`<rect x="${px(x)}" y="${px(y)}" width="${px(w)}" height="${px(h)}" class="${c}"${more}/>`)
  }
  path(d: string, c: string): void {
    this.parts.push(`<path d="${d}" class="${c}"/>`)
  }
  /** In a page the names lie over all else in a group of their own: where the picture is scrolled, they stay. */
  private namesApart(height: number): string[] {
    const behind = `<rect x="-12" y="-6" width="${LEFT + 8}" height="${height}" class="ground"/>`
    const rows = this.parts.filter((p) => !this.names.has(p))
    return [...rows, '<g class="names">', behind, ...this.names, '</g>']
  }
  svg(height: number, label: string, style: string | null, alone: boolean): string {
    const [w, h] = [this.width + 24, Math.ceil(height) + 12]
    return [
      `<svg ${alone ? 'xmlns="http://www.w3.org/2000/svg" ' : ''}viewBox="-12 -6 ${w} ${h}" width="${w}" height="` +
        `${h}" role="img" aria-label="${esc(label)}" font-family="system-ui,-apple-system,'Segoe UI',sans-serif">`,
      ...(alone ? [`<title>${esc(label)}</title>`] : []),
      ...(style === null ? [] : [`<style>${style.trim()}</style>`]),
      HATCH,
      ...(alone ? [`<rect x="-12" y="-6" width="${w}" height="${h}" class="ground"/>`] : []),
      ...(alone ? this.parts : this.namesApart(h)),
      '</svg>'
    ]
      .join('\n')
      .concat('\n')
  }
}
const HATCH =
  '<defs><pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" ' +
  'patternTransform="rotate(45)"><path d="M0 0v7" class="hatch"/></pattern></defs>'

/** A text cut to a width; nothing when not even its beginning fits. */
const clip = (t: string, width: number): string =>
  t.length * LETTER <= width ? t : width < 4 * LETTER ? '' : `${t.slice(0, Math.floor(width / LETTER) - 1)}…`

function chips(d: Drawing, list: readonly Chip[], y: number): number {
  let x = 0
  for (const [i, c] of list.entries()) {
    if (i > 0) {
      d.text(x + 13, y + 27, i === list.length - 1 ? '=' : '→', 17, 'soft', { anchor: 'middle' })
      x += 26
    }
    const width = Math.max(c.head.length * 9, c.below.length * 7) + 22
    d.rect(x, y, width, 44, `b${c.kind}`, ' rx="8"')
    d.text(x + 11, y + 18, c.head, 14, letterOf[c.kind], { weight: 700 })
    d.text(x + 11, y + 35, c.below, 12, c.kind === 'bad' ? 'onBad' : 'ink')
    x += width
  }
  return y + 44
}

interface Pin {
  readonly x: number
  readonly y: number
  readonly set: boolean
  readonly device: string
}

function timeline(d: Drawing, v: Violation, columns: readonly Shown[], tracks: readonly Track[], top: number): number {
  const dx = (d.width - LEFT - RIGHT) / Math.max(1, columns.length)
  const X = (i: number): number => LEFT + i * dx
  const end = columns.length - 1
  // The finding's own column lies behind everything: its height is known at the end.
  const behind = d.parts.length
  let y = top
  d.name(0, y + 11, 'step', 11, 'soft')
  columns.forEach((s, i) => {
    d.text(X(i) + dx / 2, y + 11, String(s.number), 11, i === end ? 'ink' : 'soft', {
      anchor: 'middle',
      ...(i === end ? { weight: 700 } : {})
    })
  })
  y += 18
  const pins: Pin[] = []
  for (const thread of threadRows(v, columns)) {
    d.name(0, y + 15, clip(thread.name, LEFT - 6), 13, 'ink', 650)
    for (const span of spans(columns, thread.is)) {
      const x = X(span.from) + 2
      const width = (span.to - span.from + 1) * dx - 4
      d.rect(x, y, width, 20, 'stmt', ' rx="4"')
      d.text(x + 6, y + 14, clip(span.text, width - 8), 11, 'ink', { mono: true })
    }
    for (const [i, s] of columns.entries()) if (thread.is(s)) stepMark(d, s, X(i) + dx / 2, y + 33, i === end, pins)
    y += 50
  }
  let group = ''
  for (const t of tracks) {
    if (t.group !== group) {
      d.name(0, y + 12, t.group, 11, 'soft', 700)
      y += 16
      group = t.group
    }
    y = track(d, t, y, end, X, dx, pins)
  }
  for (const p of pins) {
    d.parts.push(`<circle cx="${px(p.x)}" cy="${px(p.y)}" r="9" class="pin pin${p.set ? 'priv' : 'shr'}"/>`)
    d.text(p.x, p.y + 4, p.set ? '1' : '0', 12, p.set ? 'priv' : 'shr', { weight: 800, anchor: 'middle' })
  }
  const steps = columns.map((c) => c.number).join(' ')
  d.parts.splice(
    behind,
    0,
    `<rect x="${px(X(end))}" y="${px(top - 2)}" width="${px(dx)}" height="${px(y - top + 4)}" class="cursor" ` +
      `data-bad="" data-left="${LEFT}" data-column="${px(dx)}" data-steps="${steps}"/>`
  )
  y += 16
  d.text(0, y, 'a circle is a read of the flag and its answer, a square a write, the cross the violation', 11, 'soft')
  return y
}

function stepMark(d: Drawing, s: Shown, x: number, y: number, last: boolean, pins: Pin[]): void {
  const read = flagRead(s)
  if (read !== null) pins.push({ x, y, ...read })
  else if (last) d.path(`M${px(x - 6)} ${px(y - 6)}l12 12m0-12l-12 12`, 'cross')
  else d.rect(x - 5, y - 5, 10, 10, 'ink')
}

/**
 * One track; answers where the next one goes. A stretch names its columns for the player and says its whole text to
 * whoever points at it.
 */
function track(
  d: Drawing,
  t: Track,
  y: number,
  end: number,
  X: (i: number) => number,
  dx: number,
  pins: readonly Pin[]
): number {
  d.name(6, y + 16, clip(t.name, LEFT - 12), 12, 'ink')
  for (const { from, to, value } of stretches(t.values)) {
    const x0 = from === 0 ? LEFT : X(from) + dx / 2
    const x1 = to === end ? d.width - RIGHT : X(to + 1) + dx / 2
    if (value !== null) {
      const [text, kind] = value
      d.parts.push(`<g data-from="${from}" data-to="${to}" data-track="${esc(t.name)}"><title>${esc(text)}</title>`)
      d.rect(x0, y + 2, x1 - x0 - 1, ROW - 7, `b${kind}`)
      if (kind === 'inv')
        d.parts.push(
          `<rect x="${px(x0)}" y="${px(y + 2)}" width="${px(x1 - x0 - 1)}" height="${ROW - 7}" ` +
            'fill="url(#hatch)" opacity=".4"/>'
        )
      d.text(x0 + 6, y + 16, clip(text, x1 - x0 - 10), 12, letterOf[kind], { weight: 600 })
      d.parts.push('</g>')
    }
    if (from > 0) d.path(`M${px(x0)} ${px(y)}v${ROW - 3}`, 'edge')
  }
  // A read of the flag is tied to the flag's own track: where its answer came from is seen at once.
  for (const p of pins.filter((q) => q.device === t.flagOf))
    d.path(`M${px(p.x)} ${px(p.y + 9)}V${px(y + 2)}`, `tie tie${p.set ? 'priv' : 'shr'}`)
  return y + ROW
}
