// What every page of ours has: one look in light and dark, no font, no network, readable without script and without
// style sheet.

/** Text inside an element or an attribute. */
export const esc = (t: string): string => t.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)

/** JSON inside a script element: no sequence may end the element. */
export const scriptData = (v: unknown): string => JSON.stringify(v).replace(/</g, '\\u003c')

/**
 * The policy of a page that runs the engine: it starts workers, reads the library, and has the editor's own style in
 * itself; nothing from elsewhere. The zstd decoder is WebAssembly, which its package keeps as a data: address.
 */
export const APP_POLICY =
  "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self' 'wasm-unsafe-eval'; worker-src " +
  "'self'; connect-src 'self' data:; img-src 'self' data:; base-uri 'none'; form-action 'none'"

export interface Theme {
  readonly ink: string
  readonly soft: string
  readonly ground: string
  readonly line: string
  readonly card: string
  /** Private or accepted; shared or not accepted; what went wrong. Each as text and as surface. */
  readonly priv: string
  readonly privCard: string
  readonly shr: string
  readonly shrCard: string
  readonly bad: string
  readonly badCard: string
  readonly onBad: string
}

export const themes = {
  light: {
    ink: '#16191d',
    soft: '#565e6b',
    ground: '#ffffff',
    line: '#d4d9e1',
    card: '#f1f3f6',
    priv: '#0a4f96',
    privCard: '#d3e6fa',
    shr: '#8f3d00',
    shrCard: '#ffdcba',
    bad: '#b3151f',
    badCard: '#ffdfe0',
    onBad: '#ffffff'
  },
  dark: {
    ink: '#e9ebef',
    soft: '#a9b1be',
    ground: '#0d1117',
    line: '#373d48',
    card: '#1d2128',
    priv: '#9bcaff',
    privCard: '#123a63',
    shr: '#ffc08c',
    shrCard: '#5e300a',
    bad: '#ff7f86',
    badCard: '#4f1519',
    onBad: '#1a0305'
  }
} as const satisfies Record<string, Theme>

/** A theme's colours as variables of a style sheet. */
export const variables = (t: Theme): string =>
  Object.entries(t)
    .map(([name, colour]) => `--${name}:${colour}`)
    .join(';')

export const baseStyle = `:root{color-scheme:light dark;${variables(themes.light)}}
@media(prefers-color-scheme:dark){:root{${variables(themes.dark)}}}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif;color:var(--ink);background:var(--ground);margin:0}
header,main,footer{max-width:1120px;margin:0 auto;padding:.6rem 1rem}
header nav{display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;align-items:baseline}
h1{font-size:1.45rem;line-height:1.25;margin:.4rem 0;text-wrap:balance;overflow-wrap:anywhere}
h2{font-size:1.1rem;margin:1.5rem 0 .4rem}
a{color:var(--priv)}
code,pre{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:.88em}
p code,li code,td code{overflow-wrap:anywhere}
pre{background:var(--card);padding:.6rem .8rem;overflow-x:auto;line-height:1.45;border-radius:6px}
.soft{color:var(--soft)}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:.9rem}
th,td{text-align:left;vertical-align:top;padding:.2rem .7rem .2rem 0;border-bottom:1px solid var(--line)}
.tag{display:inline-block;border:1px solid var(--line);border-radius:4px;padding:0 .45em;margin:0 .3em .25em 0;
font-size:13px;color:var(--soft);overflow-wrap:anywhere}
.tag.bad{background:var(--badCard);color:var(--bad);border-color:transparent;font-weight:650}
button,select,input{font:inherit;color:var(--ink);background:var(--card);border:1px solid var(--line);
border-radius:6px;padding:.25rem .65rem;min-height:34px}
button{cursor:pointer}
button[disabled]{color:var(--soft);cursor:default}
kbd{font:12px ui-monospace,monospace;border:1px solid var(--line);border-radius:3px;padding:0 4px;color:var(--soft)}
:focus-visible{outline:3px solid var(--priv);outline-offset:2px}
summary{cursor:pointer;padding:.3rem 0}
@media print{.bar{display:none}}
`

export interface Page {
  readonly title: string
  readonly body: string
  /** One sentence for whoever finds the page. */
  readonly description?: string
  /** Written into the page: it then needs nothing but itself. */
  readonly style?: string
  readonly script?: string
  /** The picture of its tab: an address as seen from the page. */
  readonly icon?: string
  /** Or named: addresses as seen from the page. */
  readonly styles?: readonly string[]
  readonly scripts?: ReadonlyArray<{ readonly src: string; readonly module?: boolean }>
  /** What the page may load; it is on top of every page that stands alone. */
  readonly policy?: string
}

export function page(p: Page): string {
  const head = [
    '<meta charset="utf-8">',
    ...(p.policy === undefined ? [] : [`<meta http-equiv="Content-Security-Policy" content="${esc(p.policy)}">`]),
    '<meta name="viewport" content="width=device-width,initial-scale=1">',
    `<title>${esc(p.title)}</title>`,
    ...(p.description === undefined ? [] : [`<meta name="description" content="${esc(p.description)}">`]),
    ...(p.icon === undefined ? [] : [`<link rel="icon" href="${esc(p.icon)}">`]),
    ...(p.styles ?? []).map((s) => `<link rel="stylesheet" href="${esc(s)}">`),
    ...(p.style === undefined ? [] : [`<style>\n${p.style}</style>`]),
    ...(p.scripts ?? []).map(
      (s) => `<script src="${esc(s.src)}"${s.module === true ? ' type="module"' : ' defer'}></script>`
    )
  ]
  const script = p.script === undefined ? '' : `<script>\n${p.script.replace(/<\/script/gi, '<\\/script')}\n</script>\n`
  return (
    `<!doctype html>\n<html lang="en"><head>\n${head.join('\n')}\n</head><body>\n${p.body}\n` +
    `${script}</body></html>\n`
  )
}
