// The documentation as pages of the site. The texts are ours; markup that stands in them is shown, not obeyed.
import { Marked, type Tokens } from 'marked'
import { esc } from '../../report/html.ts'
import type { SitePage } from './layout.ts'

/** As the links of the documentation name a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\w -]/g, '')
    .replaceAll(' ', '-')

/** The place that `link` leads to from the file `from`: `docs/x.md`, and its heading. */
function resolve(from: string, link: string): { readonly file: string; readonly hash: string } {
  const [path = '', hash] = link.split('#')
  const parts = path === '' ? from.split('/') : [...from.split('/').slice(0, -1), ...path.split('/')]
  const out: string[] = []
  for (const p of parts) {
    if (p === '..') out.pop()
    else if (p !== '.' && p !== '') out.push(p)
  }
  return { file: out.join('/'), hash: hash === undefined ? '' : `#${hash}` }
}

const htmlOf = (file: string): string => file.replace(/\.md$/, '.html')

/**
 * Pages of Markdown texts, named as they lie in the checkout; `beside` are files that are copied and may be linked to.
 * A link to what the site has not becomes its text.
 */
export function docsPages(texts: ReadonlyMap<string, string>, beside: ReadonlySet<string>): SitePage[] {
  return [...texts].map(([file, text]) => {
    const path = htmlOf(file)
    const up = '../'.repeat(path.split('/').length - 1)
    const marked = new Marked({
      gfm: true,
      renderer: {
        html: ({ text: t }) => esc(t),
        code: ({ text: t }) => `<pre tabindex="0" role="group" aria-label="text"><code>${esc(t)}</code></pre>\n`,
        heading(t: Tokens.Heading) {
          return `<h${t.depth} id="${esc(anchorOf(t.text))}">${this.parser.parseInline(t.tokens)}</h${t.depth}>\n`
        },
        link(t: Tokens.Link) {
          const words = this.parser.parseInline(t.tokens)
          if (/^https?:/.test(t.href)) return `<a href="${esc(t.href)}" rel="noreferrer">${words}</a>`
          const to = resolve(file, t.href)
          return texts.has(to.file) || beside.has(to.file)
            ? `<a href="${esc(`${up}${htmlOf(to.file)}${to.hash}`)}">${words}</a>`
            : words
        },
        image: (t) =>
          beside.has(resolve(file, t.href).file)
            ? `<img src="${esc(`${up}${resolve(file, t.href).file}`)}" alt="${esc(t.text)}">`
            : esc(t.text),
        table(t: Tokens.Table) {
          const row = (cells: readonly Tokens.TableCell[], tag: 'th' | 'td'): string =>
            `<tr>${cells.map((c) => `<${tag}>${this.parser.parseInline(c.tokens)}</${tag}>`).join('')}</tr>`
          return (
            '<div class="wide" tabindex="0" role="group" aria-label="table"><table><thead>' +
            `${row(t.header, 'th')}</thead><tbody>` +
            `${t.rows.map((r) => row(r, 'td')).join('')}</tbody></table></div>\n`
          )
        }
      }
    })
    const title = /^# (.*)$/m.exec(text)?.[1]?.replaceAll('`', '') ?? file
    return { path, title, in: 'docs/index.html', main: `<main>\n${marked.parse(text, { async: false })}</main>` }
  })
}
