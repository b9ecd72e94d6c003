// Findings of `tbit hunt`, as its json has them, as pages beside those of the library: one a finding, drawn from its
// test, with what triggers it, what is to blame and what else the same cause does.
import { own, plural, thousands } from '../../base/index.ts'
import { identity } from '../../check/index.ts'
import { esc } from '../../report/html.ts'
import { findingBody, type FindingPage } from '../../report/html-finding.ts'
import { link, type SitePage } from './layout.ts'
import { findingPath, type Library } from './library.ts'

/** What a page tells of a finding beside what `check` says of its test. */
export interface SavedFinding {
  readonly id: string
  readonly title: string
  readonly property: string
  readonly summary: string
  readonly harm: string
  readonly trigger: string
  readonly site: string
  readonly decision: string
  /** null: no decision of another revision removes it. */
  readonly cause: Readonly<Record<'kind' | 'name' | 'value' | 'instead' | 'source', string>> | null
  readonly calls: readonly string[]
  /** The whole test. */
  readonly litmus: string
  readonly alsoBy: ReadonlyArray<{ readonly harm: string; readonly summary: string; readonly calls: readonly string[] }>
}

/** A hunt on one pair, of a file that `tbit hunt --format json` wrote. */
export interface SavedHunt {
  readonly kernel: string
  readonly platform: string
  readonly complete: boolean
  readonly interleave: string
  readonly states: number
  readonly scenes: { readonly done: number; readonly of: number }
  readonly findings: readonly SavedFinding[]
}

/** A finding with what this build's checker makes of its test; null: it does not find it again. */
export interface HuntedPage {
  readonly finding: SavedFinding
  readonly page: FindingPage | null
}
export interface HuntSite {
  readonly hunt: SavedHunt
  readonly pages: readonly HuntedPage[]
}

type Json = Readonly<Record<string, unknown>>
const FORMAT = 1

/** @throws Error what the file is instead, with its name and the word that is missing */
export function readHunt(file: string, text: string): SavedHunt {
  const wrong = (what: string): never => {
    throw new Error(`${file}: ${what}; tbit hunt --kernel NAME --platform NAME --format json > FILE writes such a file`)
  }
  const object = (v: unknown, name: string): Json =>
    typeof v === 'object' && v !== null && !Array.isArray(v) ? (v as Json) : wrong(`no object '${name}'`)
  const list = (v: unknown, name: string): readonly unknown[] => (Array.isArray(v) ? v : wrong(`no list '${name}'`))
  const word = (o: Json, name: string): string => {
    const v = own(o, name)
    return typeof v === 'string' ? v : wrong(`no text '${name}'`)
  }
  const number = (o: Json, name: string): number => {
    const v = own(o, name)
    return typeof v === 'number' ? v : wrong(`no number '${name}'`)
  }
  const words = (o: Json, name: string): string[] => list(own(o, name), name).map(String)
  const causeOf = (v: unknown): SavedFinding['cause'] => {
    if (v === null || v === undefined) return null
    const c = object(v, 'cause')
    const said = (name: string): string => String(own(c, name) ?? '')
    return {
      kind: said('kind'),
      name: said('name'),
      value: said('value'),
      instead: said('instead'),
      source: said('source')
    }
  }
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch {
    return wrong('no JSON')
  }
  const h = object(read, 'hunt')
  if (own(h, 'format') !== FORMAT) return wrong(`format ${String(own(h, 'format'))}, and ${FORMAT} is read here`)
  const scenes = object(own(h, 'scenes'), 'scenes')
  return {
    kernel: word(h, 'kernel'),
    platform: word(h, 'platform'),
    complete: own(h, 'complete') === true,
    interleave: word(h, 'interleave'),
    states: number(h, 'states'),
    scenes: { done: number(scenes, 'done'), of: number(scenes, 'of') },
    findings: list(own(h, 'findings'), 'findings').map((x) => {
      const f = object(x, 'finding')
      return {
        id: word(f, 'id'),
        title: word(f, 'title'),
        property: word(f, 'property'),
        summary: word(f, 'summary'),
        harm: word(f, 'harm'),
        trigger: word(f, 'trigger'),
        site: word(f, 'site'),
        decision: word(f, 'decision'),
        cause: causeOf(own(f, 'cause')),
        calls: words(f, 'calls'),
        litmus: word(f, 'litmus'),
        alsoBy: list(own(f, 'also_by'), 'also_by').map((y) => {
          const a = object(y, 'also_by')
          return { harm: word(a, 'harm'), summary: word(a, 'summary'), calls: words(a, 'calls') }
        })
      }
    })
  }
}

// ---- pages
// -----------------------------------------------------------------------------------------------------------

/** Letters that stand in a file's name everywhere, and no way out of a folder. */
const plainName = (text: string): string => text.replace(/[^\w.-]+/g, '-').replace(/^\.+/, '')
const folderOf = (h: SavedHunt): string => `h/${plainName(h.kernel)}/${plainName(h.platform)}`
export const huntedName = (f: SavedFinding): string => plainName(f.id.replaceAll('.', '-').toLowerCase())
/** The page of a finding; with `litmus`, its test beside it. */
export const huntedPath = (h: SavedHunt, f: SavedFinding, kind: 'html' | 'litmus' = 'html'): string =>
  `${folderOf(h)}/${huntedName(f)}.${kind}`

const commandOf = (h: SavedHunt): string =>
  `tbit hunt --kernel ${/ /.test(h.kernel) ? `"${h.kernel}"` : h.kernel} --platform ${h.platform}` +
  `${h.interleave === 'steps' ? '' : ` --interleave ${h.interleave}`}`

function causeText({ cause, id }: SavedFinding): string {
  if (cause === null) return `where: ${id.slice(id.indexOf('/') + 1)}; no decision of another revision removes it`
  return (
    `${cause.kind}: ${cause.name} = ${cause.value}; not with ${cause.instead}` +
    `${cause.source === '' ? '' : ` (${cause.source})`}`
  )
}

const calls = (list: readonly string[]): string => `<code>${list.map(esc).join('; ')}</code>`

function huntedPage(lib: Library, h: SavedHunt, f: SavedFinding, p: FindingPage): SitePage {
  const path = huntedPath(h, f)
  const same = lib.families.find((x) => x.key === identity(p.violation))?.pages[0]
  const told =
    `<p><span class="tag">found by hunt</span> <b>${esc(f.harm)}: ${esc(f.title)}</b></p>` +
    `<ul><li>triggered by ${esc(f.trigger)}: ${calls(f.calls)}</li><li>${esc(causeText(f))}</li></ul>`
  const also =
    f.alsoBy.length === 0
      ? ''
      : `<h2>Also by</h2><ul>${f.alsoBy
          .map((a) => `<li>${a.harm === f.harm ? '' : `${esc(a.harm)}: `}${esc(a.summary)}<br>${calls(a.calls)}</li>`)
          .join('')}</ul>`
  const more =
    `${also}<h2>Go on</h2><ul><li>${link(path, huntedPath(h, f, 'litmus'), 'The test as a file')}</li>` +
    `${same === undefined ? '' : `<li>${link(path, findingPath(same.violation.id), 'The same in the library')}</li>`}` +
    `<li>The hunt again: <code>${esc(commandOf(h))}</code>; id <code>${esc(f.id)}</code></li>` +
    `<li>${link(path, 'hunt.html', 'All that was hunted')}</li></ul></main>`
  return {
    path,
    title: `${f.harm}: ${f.title}`,
    description: `Found by hunt, ${h.kernel} on ${h.platform}`,
    player: true,
    in: 'findings.html',
    main: findingBody(p)
      .replace(/(?=<p class="soft">)/, () => told)
      .replace(/<\/main>$/, () => more)
  }
}

function pairSection({ hunt: h, pages }: HuntSite): string {
  const lost = pages.filter((p) => p.page === null)
  const triggers = [...new Set(pages.map((p) => p.finding.trigger))]
  const item = ({ finding: f, page }: HuntedPage): string =>
    `<li>${esc(f.harm)}: ${page === null ? esc(f.title) : link('hunt.html', huntedPath(h, f), esc(f.title))}<br>` +
    `${calls(f.calls)}${f.alsoBy.length === 0 ? '' : ` <span class="soft">also by ${f.alsoBy.length} more</span>`}</li>`
  return [
    `<section><h2>${plural(pages.length, 'finding')}: ${esc(h.kernel)} on ${esc(h.platform)}</h2>`,
    `<p class="soft">${h.interleave === 'steps' ? 'Every interleaving of steps' : 'Whole calls only'}, ` +
      `${h.scenes.done} of ${plural(h.scenes.of, 'scene')}, ${thousands(h.states)} states` +
      `${h.complete ? '' : '; <b>not complete</b>'}. <code>${esc(commandOf(h))}</code></p>`,
    ...triggers.map((t) => {
      const list = pages.filter((p) => p.finding.trigger === t)
      return `<h3>${esc(t)} <span class="soft">${list.length}</span></h3><ul>${list.map(item).join('')}</ul>`
    }),
    lost.length === 0
      ? ''
      : `<p><b>${plural(lost.length, 'finding')} of the file without a link</b>: check does not find it again in its ` +
        'text, so the file is of another tbit.</p>',
    '</section>'
  ].join('\n')
}

/** The list of what was hunted, and a page for each finding; nothing where nothing was. */
export function* huntPages(lib: Library, hunts: readonly HuntSite[]): Generator<SitePage> {
  if (hunts.length === 0) return
  yield {
    path: 'hunt.html',
    title: 'Found by hunt',
    in: 'findings.html',
    main:
      '<main>\n<h1>Found by hunt</h1>\n<p>Nobody wrote a test for these: every sequence of calls that a driver, an ' +
      'administrator and a host could make in small scenes was tried, and each distinct cause of harm is told once, ' +
      `with the shortest sequence. ${link('hunt.html', 'docs/hunt.html', 'How')}.</p>\n` +
      `${hunts.map(pairSection).join('\n')}\n</main>`
  }
  for (const { hunt, pages } of hunts)
    for (const { finding, page } of pages) if (page !== null) yield huntedPage(lib, hunt, finding, page)
}
