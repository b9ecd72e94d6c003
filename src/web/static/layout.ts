// What every page of the site has: one head, one way round, relative addresses only, so that the folder works wherever
// it lies.
import { APP_POLICY, esc, page } from '../../report/html.ts'

/** Nothing from anywhere but the site itself, no inline script, no inline style, no form. */
export const POLICY =
  "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'"

export interface SitePage {
  /** From the root of the site: `f/fault/x.html`. */
  readonly path: string
  readonly title: string
  readonly description?: string
  /** `main` and what it holds. */
  readonly main: string
  /** The picture can be stepped through. */
  readonly player?: boolean
  /** The script of `app/` that does the page's work. */
  readonly app?: string
  /** Further style sheets of `app/`: `views` (plots and tables of recordings and plans), `editor`. */
  readonly looks?: readonly string[]
  /** Which entry of the way round this page belongs to. */
  readonly in?: string
}

const WAYS = [
  ['findings.html', 'Findings'],
  ['diff.html', 'Compare'],
  ['tests.html', 'Tests'],
  ['playground.html', 'Playground'],
  ['explain.html', 'Explain a mapping'],
  ['replay.html', 'Drop a trace'],
  ['plan.html', 'Plan'],
  ['docs/index.html', 'Docs']
] as const

/** The address of `to` as seen from the page `from`. */
export const relative = (from: string, to: string): string => `${'../'.repeat(from.split('/').length - 1)}${to}`

export const link = (from: string, to: string, text: string): string =>
  `<a href="${esc(
    relative(
      from,
      to
        .split('/')
        .map((w) => encodeURI(w))
        .join('/')
    )
  )}">${text}</a>`

export function navigation(path: string, inside?: string): string {
  const items = WAYS.map(
    ([to, name]) =>
      `<a href="${relative(path, to)}"${(inside ?? path) === to ? ' aria-current="page"' : ''}>${name}</a>`
  )
  return (
    `<header><nav aria-label="site"><a class="home" href="${relative(path, 'index.html')}">tbit</a> <span ` +
    'class="soft about">litmus tests for DMA in confidential VMs</span><span class="ways">' +
    `${items.join(' ')}</span></nav></header>`
  )
}

export function sitePage(p: SitePage): string {
  return page({
    title: `${p.title} · tbit`,
    policy: p.app === undefined ? POLICY : APP_POLICY,
    description: p.description ?? `${p.title}, of tbit: litmus tests for DMA in confidential VMs`,
    icon: relative(p.path, 'icon.svg'),
    styles: [
      relative(p.path, 'site.css'),
      ...(p.app === undefined ? [] : [relative(p.path, 'app/app.css')]),
      ...(p.looks ?? []).map((l) => relative(p.path, `app/${l}.css`))
    ],
    scripts: [
      ...(p.player === true ? [{ src: relative(p.path, 'player.js') }] : []),
      ...(p.app === undefined ? [] : [{ src: relative(p.path, `app/${p.app}.js`), module: true }])
    ],
    body:
      `${navigation(p.path, p.in)}\n${p.main}\n<footer><p class="soft">A model, not a proof: ` +
      `${link(p.path, 'docs/limits.html', 'what it leaves out')}.</p></footer>`
  })
}

/** A table that scrolls on its own where the screen is narrower. */
export const wideTable = (label: string, head: readonly string[], rows: readonly string[]): string =>
  `<div class="wide" tabindex="0" role="region" aria-label="${esc(label)}"><table><thead><tr>` +
  `${head.map((h) => (h === '' ? '<td></td>' : `<th scope="col">${h}</th>`)).join('')}</tr></thead><tbody>` +
  `${rows.join('')}</tbody></table></div>`

/** The picture of the site's tabs: a T and a bit that is set. */
export const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" ' +
  'fill="#0a4f96"/><path d="M3 4h7M6.5 4v9" stroke="#fff" stroke-width="2"/><circle cx="12" cy="11" r="2" ' +
  'fill="#ffc08c"/></svg>\n'

/** What the site's pages have beside the style of every page. */
export const siteStyle = `.home{font-weight:750;color:var(--ink);text-decoration:none;font-size:1.1rem}
header nav .ways{display:flex;flex-wrap:wrap;gap:.2rem 1rem;margin-left:auto}
header nav a[aria-current]{color:var(--ink);font-weight:650}
@media(max-width:700px){header nav .about{display:none}header nav .ways{margin-left:0}}
footer{border-top:1px solid var(--line);margin-top:2rem}
#app{display:flow-root;min-height:calc(100vh - 6rem)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr));gap:1rem;padding:0;
list-style:none}
.cards li,.card{border:1px solid var(--line);border-radius:8px;padding:.7rem .9rem}
.list a{display:inline-block;min-height:24px}
.cards p{margin:.3rem 0}
.hero{border:1px solid var(--line);border-radius:8px;padding:.4rem 1rem .6rem;margin:.4rem 0}
.split{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:1.5rem}
.split>*{min-width:0}
.matrix th,.matrix td{padding:.2rem .5rem;text-align:center;white-space:nowrap}
.matrix tbody th{text-align:left;position:sticky;left:0;background:var(--ground)}
.matrix td a{display:block;font-weight:650;text-decoration:none}
.matrix .some{background:var(--badCard)}.matrix .some a{color:var(--bad)}
.matrix .none{color:var(--soft)}
.turned th{font-size:12.5px}
.wide{position:relative}
.visually-hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.gone{color:var(--priv)}.came{color:var(--bad)}
.family code,.list code{overflow-wrap:anywhere}
li{margin:.15rem 0}
img{max-width:100%}
.list{padding-left:1.2rem}
`
