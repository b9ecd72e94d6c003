// The static pages: functions from the library's run to text. Each can be read without script and in a text browser.
import { plural, thousands } from '../../base/index.ts'
import { decisionText, differences, revisionByName } from '../../kernel/index.ts'
import { platformByName } from '../../machine/index.ts'
import { allFindings, type Explanation, whyOf } from '../../check/index.ts'
import { judgementText, verdictText } from '../../report/check-run.ts'
import { esc } from '../../report/html.ts'
import { findingBody, findingView, type FindingPage } from '../../report/html-finding.ts'
import { link, type SitePage, wideTable } from './layout.ts'
import {
  cellOf,
  cellPath,
  changeKey,
  type Change,
  diffPath,
  differenceOf,
  type Family,
  findingPath,
  type Library,
  neighbours,
  testPath
} from './library.ts'
import { type StartingPoint, startingPoints } from './starting-points.ts'

const main = (parts: readonly string[], cls = ''): string =>
  `<main${cls === '' ? '' : ` class="${cls}"`}>\n${parts.join('\n')}\n</main>`
const headline = (p: FindingPage): string => whyOf(p.violation, p.result.platform).headline
const familyName = (f: Family): string => `<code>${esc(`${f.property} / ${f.site} / ${f.decision}`)}</code>`

/** A finding of the list: its name, its sentence, the pages of its sequences. */
function familyItem(from: string, f: Family, among: (p: FindingPage) => boolean = () => true): string {
  const pages = f.pages.filter((p) => among(p))
  const [first, ...more] = pages.length > 0 ? pages : f.pages
  if (first === undefined) return ''
  const others =
    more.length === 0
      ? ''
      : '<br><span class="soft">other sequences:</span> ' +
        `${more.map((p) => link(from, findingPath(p.violation.id), esc(p.result.test))).join(', ')}`
  return (
    `<li class="family">${familyName(f)}<br>${link(from, findingPath(first.violation.id), esc(headline(first)))}` +
    `${f.forbidden ? '' : ' <span class="soft">(reported, not forbidden)</span>'}${others}</li>`
  )
}

/** Findings under a heading a property. */
function byProperty(from: string, families: readonly Family[], among?: (p: FindingPage) => boolean): string {
  const properties = [...new Set(families.map((f) => f.property))]
  return properties
    .map((property) => {
      const list = families.filter((f) => f.property === property)
      return (
        `<h2 id="${property}">${property} <span class="soft">${list.length}</span></h2><ul class="list">` +
        `${list.map((f) => familyItem(from, f, among)).join('')}</ul>`
      )
    })
    .join('\n')
}

// ---- matrix
// ----------------------------------------------------------------------------------------------------------

export function matrix(from: string, lib: Library): string {
  const rows = lib.kernels.map(
    (k) =>
      `<tr><th scope="row">${k}</th>${lib.platforms
        .map((p) => {
          const cell = cellOf(lib, k, p)
          if (cell === null) return '<td class="none"><span title="no run has a meaning here">·</span></td>'
          return (
            `<td class="${cell.families.length > 0 ? 'some' : 'none'}">` +
            `${link(from, cellPath(k, p), String(cell.families.length))}</td>`
          )
        })
        .join('')}</tr>`
  )
  return wideTable('distinct findings by revision and platform', ['', ...lib.platforms], rows).replace(
    '<table>',
    '<table class="matrix">'
  )
}

const coverage = (lib: Library): string =>
  `${plural(lib.tests.length, 'test')}, ${thousands(lib.results.length)} runs` +
  `${lib.part === null ? '' : `: a part of the library, ${lib.part}`}`

function cellPage(lib: Library, kernel: string, platform: string): SitePage | null {
  const cell = cellOf(lib, kernel, platform)
  if (cell === null) return null
  const path = cellPath(kernel, platform)
  const here = (p: FindingPage): boolean =>
    [p.result, ...p.where].some((r) => r.kernel === kernel && r.platform === platform)
  const rev = revisionByName(kernel)
  return {
    path,
    title: `${kernel} on ${platform}`,
    in: 'findings.html',
    main: main([
      `<h1>${plural(cell.families.length, 'distinct finding')}: ${kernel} on ${platform}</h1>`,
      `<p class="soft">${esc(rev?.title ?? kernel)}; ${esc(platformByName(platform)?.title ?? platform)}. ` +
        `${plural(cell.runs, 'run')} of the library.</p>`,
      ...(cell.families.length === 0 ? ['<p>No test of the library shows anything here.</p>'] : []),
      byProperty(path, cell.families, here)
    ])
  }
}

// ---- first screen, lists
// ---------------------------------------------------------------------------------------------

/** The finding that a starting point shows: of its own run, else any of its test. */
export function pageOf(lib: Library, s: StartingPoint): FindingPage | null {
  const run = lib.results.find((r) => r.test === s.test && r.kernel === s.kernel && r.platform === s.platform)
  const id = run === undefined ? undefined : allFindings(run).find((v) => v.property === s.property)?.id
  const all = lib.families.flatMap((f) => f.pages).filter((p) => p.violation.frames !== undefined)
  return (
    all.find((p) => p.violation.id === id) ??
    all.find((p) => p.result.test === s.test && p.violation.property === s.property) ??
    null
  )
}

function homePage(lib: Library): SitePage {
  const path = 'index.html'
  const hero =
    pageOf(lib, startingPoints[0] as StartingPoint) ??
    lib.families.flatMap((f) => f.pages).find((p) => p.violation.frames !== undefined) ??
    null
  const drawn =
    hero === null
      ? ''
      : [
          '<section class="hero player" aria-label="a finding">',
          `<h1>${esc(headline(hero))}</h1>`,
          '<p class="soft">' +
            esc(`${hero.violation.property}, ${hero.result.test}, ${hero.result.kernel} on ${hero.result.platform}`) +
            ' ' +
            `· ${link(path, findingPath(hero.violation.id), 'the whole finding')}</p>`,
          heroView(hero),
          '</section>'
        ].join('\n')
  const cards = startingPoints.map((s) => {
    const p = pageOf(lib, s)
    return (
      `<li><b>${s.name}</b><p>${esc(s.asks)}</p><p>` +
      `${p === null ? '' : `${link(path, findingPath(p.violation.id), 'See it')} · `}<a href="playground.html#` +
      `${playgroundLink({ ...s, finding: s.property })}">Edit it</a></p></li>`
    )
  })
  const pairs = neighbours(lib.kernels)
  const [a, b] = pairs.find(([x]) => x === 'tio-v2') ?? pairs[0] ?? ['', '']
  return {
    path,
    title: 'DMA in confidential VMs, settled by running it',
    description: 'Litmus tests for DMA in confidential VMs: every finding drawn, by kernel revision and platform',
    player: true,
    main: main([
      drawn,
      '<h2>Three places to start</h2>',
      `<ul class="cards">${cards.join('')}</ul>`,
      '<div class="split">',
      '<section>',
      `<h2>${lib.kernels.length} kernel revisions, ${lib.platforms.length} platforms</h2>`,
      `<p class="soft">Distinct findings; a cell opens its list. ${coverage(lib)}.</p>`,
      matrix(path, lib),
      `<p>${link(path, 'verify.html', 'Verify in this browser')}: your own browser runs the library again and ` +
        'compares.</p>',
      '</section>',
      a === '' ? '' : `<section>${differenceShort(path, lib, a, b)}</section>`,
      '</div>'
    ])
  }
}

/** The picture without the steps: those are on the finding's own page. */
const heroView = (p: FindingPage): string =>
  findingView(p)
    .replace(/<h2>Why<\/h2>[\s\S]*?(?=<h2>Steps)/, '')
    .replace('<h2>Steps</h2>', '<details><summary>every step as a table</summary>')
    .concat('</details>')

/** The fragment that opens a test of the library in the playground. */
export const playgroundLink = (r: {
  readonly test: string
  readonly kernel: string
  readonly platform: string
  readonly finding?: string
}): string =>
  esc(
    [
      'v1',
      `test=${encodeURIComponent(r.test)}`,
      `kernel=${encodeURIComponent(r.kernel)}`,
      `platform=${r.platform}`,
      ...(r.finding === undefined ? [] : [`finding=${r.finding}`])
    ].join('&')
  )

function differenceShort(path: string, lib: Library, a: string, b: string): string {
  const d = differenceOf(lib, a, b)
  const count = (kind: Change['kind']): number => d.changes.filter((c) => c.kind === kind).length
  const shown = d.changes
    .slice(0, 8)
    .map(
      (c) =>
        `<li><span class="${c.kind === 'fixed' ? 'gone' : 'came'}">` +
        `${c.kind === 'fixed' ? '− fixed' : '+ new'}</span> ` +
        `${link(path, findingPath((c.family.pages[0] as FindingPage).violation.id), familyName(c.family))}</li>`
    )
  return (
    `<h2>${esc(a)} → ${esc(b)}</h2><p class="soft">${count('fixed')} fixed, ${count('new')} new, ` +
    `${d.unchanged.length} unchanged. ${link(path, diffPath(a, b), 'All of it, with the decisions behind it')}; ` +
    `${link(path, 'diff.html', 'any two revisions')}.</p><ul class="list">${shown.join('')}</ul>`
  )
}

const findingsPage = (lib: Library, hunted: boolean): SitePage => ({
  path: 'findings.html',
  title: 'Findings',
  main: main([
    `<h1>${plural(lib.families.length, 'distinct finding')}</h1>`,
    `<p class="soft">By property, site and decision, over all revisions and platforms. ${coverage(lib)}.</p>`,
    ...(hunted ? [`<p>${link('findings.html', 'hunt.html', 'Found by hunt')}: what nobody wrote a test for.</p>`] : []),
    matrix('findings.html', lib),
    `<p>${[...new Set(lib.families.map((f) => f.property))].map((p) => `<a href="#${p}">${p}</a>`).join(' · ')}</p>`,
    byProperty('findings.html', lib.families)
  ])
})

// ---- a finding
// -------------------------------------------------------------------------------------------------------

function findingPage(p: FindingPage, f: Family): SitePage {
  const path = findingPath(p.violation.id)
  const others = f.pages.filter((x) => x !== p)
  const more = [
    '<h2>Go on</h2>',
    `<ul><li><a href="${path
      .split('/')
      .slice(1)
      .map(() => '..')
      .join('/')}/playground.html#${playgroundLink({ ...p.result, finding: p.violation.id })}">Edit this test</a></li>`,
    `<li>${link(path, testPath(p.result.test), `All verdicts of ${esc(p.result.test)}`)}</li>`,
    '<li>' +
      link(
        path,
        cellPath(p.result.kernel, p.result.platform),
        `All findings of ${p.result.kernel} on ${p.result.platform}`
      ) +
      '</li>',
    ...(others.length === 0
      ? []
      : [
          '<li>The same by other sequences: ' +
            `${others.map((x) => link(path, findingPath(x.violation.id), esc(x.result.test))).join(', ')}</li>`
        ]),
    '</ul>',
    '</main>'
  ].join('\n')
  return {
    path,
    title: `${p.violation.property}: ${headline(p)}`,
    description: `${p.result.test}, ${p.result.kernel} on ${p.result.platform}`,
    player: true,
    in: 'findings.html',
    main: findingBody(p).replace(/<\/main>$/, () => more)
  }
}

// ---- difference
// ------------------------------------------------------------------------------------------------------

const ROLES = { both: 'because of', needed: 'needs', enough: 'enough is' } as const
function becauseOf(e: Explanation | null): string {
  if (e === null || e.causes.length === 0) return ''
  return (
    `${ROLES[e.role]} ` +
    e.causes
      .map(
        (c) =>
          `<code>${esc(c.decision)}</code> ${esc(c.before)} → ${esc(c.after)} ` +
          `<span class="soft">[${esc(c.source)}]</span>`
      )
      .join(' and ')
  )
}

function differencePage(lib: Library, a: string, b: string): SitePage {
  const path = diffPath(a, b)
  const d = differenceOf(lib, a, b)
  const [ra, rb] = [revisionByName(a), revisionByName(b)]
  const near = neighbours(lib.kernels).some(([x, y]) => x === a && y === b)
  const rows = (kind: Change['kind']): string => {
    const list = d.changes.filter((c) => c.kind === kind)
    if (list.length === 0)
      return `<h2>${kind === 'fixed' ? 'Fixed' : 'New'} <span class="soft">0</span></h2><p>Nothing.</p>`
    return (
      '<h2>' +
      (kind === 'fixed' ? 'Fixed' : 'New') +
      ` <span class="soft">${list.length}</span></h2><ul class="list">` +
      list
        .map((c) => {
          const side = kind === 'fixed' ? a : b
          const shown =
            c.family.pages.find((p) =>
              [p.result, ...p.where].some((r) => r.kernel === side && c.platforms.includes(r.platform))
            ) ?? (c.family.pages[0] as FindingPage)
          const cause = lib.causes.get(changeKey(a, b, kind, c.family.key))
          const why =
            cause === undefined
              ? ''
              : `<br>${becauseOf(cause.explanation) || 'the decision behind it was not found'} <span ` +
                `class="soft">(as ${link(path, testPath(cause.test), esc(cause.test))} shows on ` +
                `${cause.platform})</span>`
          return (
            `<li class="family"><span class="${kind === 'fixed' ? 'gone' : 'came'}">` +
            `${kind === 'fixed' ? '−' : '+'}</span> ${familyName(c.family)} <span class="soft">on ` +
            `${c.platforms.join(', ')}</span><br>${link(path, findingPath(shown.violation.id), esc(headline(shown)))}` +
            `${why}</li>`
          )
        })
        .join('') +
      '</ul>'
    )
  }
  const differ =
    ra === undefined || rb === undefined
      ? []
      : differences(ra, rb).map(
          (k) =>
            `<tr><td><code>${esc(k)}</code></td><td>${esc(decisionText(ra[k]))}</td><td>` +
            `${esc(decisionText(rb[k]))}</td><td>${esc(rb.sources[k])}</td></tr>`
        )
  return {
    path,
    title: `${a} → ${b}`,
    in: 'diff.html',
    main: main([
      `<h1>${esc(a)} → ${esc(b)}</h1>`,
      `<p class="soft">${esc(ra?.title ?? a)} → ${esc(rb?.title ?? b)}. ` +
        `${d.changes.filter((c) => c.kind === 'fixed').length} fixed, ` +
        `${d.changes.filter((c) => c.kind === 'new').length} new, ${d.unchanged.length} unchanged, of the tests ` +
        `that run on both (${d.platforms.length === 0 ? 'none' : d.platforms.join(', ')}).</p>`,
      rows('fixed'),
      rows('new'),
      ...(near
        ? []
        : [
            '<p class="soft">Which decision made which change is worked out for revisions that follow each ' +
              `other; for these two: <code>tbit compare --kernel ${esc(a)},${esc(b)}</code></p>`
          ]),
      `<h2>${plural(differ.length, 'decision')} that differ</h2>`,
      differ.length === 0
        ? '<p>None: the two records are alike.</p>'
        : wideTable('decisions that differ', ['decision', esc(a), esc(b), 'source'], differ),
      `<h2>Unchanged <span class="soft">${d.unchanged.length}</span></h2>`,
      `<details><summary>${plural(d.unchanged.length, 'finding')} on both</summary><ul class="list">` +
        d.unchanged
          .map((f) => `<li>${link(path, findingPath((f.pages[0] as FindingPage).violation.id), familyName(f))}</li>`)
          .join('') +
        '</ul></details>'
    ])
  }
}

/** Every pair once, the older first. */
export const pairsOfKernels = (kernels: readonly string[]): Array<readonly [string, string]> => {
  const age = (k: string): string => revisionByName(k)?.date ?? ''
  const near = neighbours(kernels)
  return kernels.flatMap((a, i) =>
    kernels
      .slice(i + 1)
      .map((b): readonly [string, string] =>
        near.some(([x, y]) => x === a && y === b) || age(a) <= age(b) ? [a, b] : [b, a]
      )
  )
}

function chooserPage(lib: Library): SitePage {
  const path = 'diff.html'
  const pairs = pairsOfKernels(lib.kernels)
  const byAge = [...lib.kernels].sort((x, y) => (pairs.some(([a, b]) => a === x && b === y) ? -1 : 1))
  const rows = byAge.map(
    (k) =>
      `<tr><th scope="row">${k}</th>${byAge
        .map((l) => {
          const pair = pairs.find(([a, b]) => a === k && b === l)
          if (pair === undefined) return '<td class="none"></td>'
          const d = differenceOf(lib, k, l)
          const [gone, came] = [
            d.changes.filter((c) => c.kind === 'fixed').length,
            d.changes.filter((c) => c.kind === 'new').length
          ]
          return (
            '<td>' +
            `${link(path, diffPath(k, l), `<span class="visually-hidden">${k} to ${l}: </span>−${gone} +${came}`)}</td>`
          )
        })
        .join('')}</tr>`
  )
  const short = neighbours(lib.kernels).map(([a, b]) => `<li>${link(path, diffPath(a, b), `${a} → ${b}`)}</li>`)
  return {
    path,
    title: 'Compare two revisions',
    main: main([
      '<h1>Compare two revisions</h1>',
      '<p class="soft">Row: the older; column: the newer. − findings that are gone, + findings that are new, ' +
        'over all platforms.</p>',
      wideTable('pairs of revisions', ['', ...byAge], rows).replace('<table>', '<table class="matrix turned">'),
      '<h2>Revisions that follow each other</h2>',
      '<p class="soft">With the decision behind each change.</p>',
      `<ul class="list">${short.join('')}</ul>`
    ])
  }
}

// ---- tests
// -----------------------------------------------------------------------------------------------------------

const topicOf = (file: string): string => file.split('/').slice(-2, -1)[0] ?? ''

function testsPage(lib: Library): SitePage {
  const topics = [...new Set(lib.tests.map((t) => topicOf(t.file)))]
  return {
    path: 'tests.html',
    title: 'Tests',
    main: main([
      `<h1>${plural(lib.tests.length, 'litmus test')}</h1>`,
      ...topics.map(
        (topic) =>
          `<h2>${esc(topic)}</h2><ul class="list">${lib.tests
            .filter((t) => topicOf(t.file) === topic)
            .map(
              (t) => `<li>${link('tests.html', testPath(t.name), `<code>${esc(t.name)}</code>`)}: ${esc(t.text)}</li>`
            )
            .join('')}</ul>`
      )
    ])
  }
}

function testPage(lib: Library, test: Library['tests'][number], ids: ReadonlySet<string>): SitePage {
  const path = testPath(test.name)
  const results = lib.results.filter((r) => r.file === test.file)
  const ran = results.filter((r) => r.verdict !== 'skipped')
  const rows = ran.map(
    (r) =>
      `<tr><td>${esc(r.kernel)}</td><td>${r.platform}</td><td>${esc(verdictText(r))}</td><td>` +
      `${esc(judgementText(r))}</td><td>` +
      [...new Map(allFindings(r).map((v) => [v.id, v])).values()]
        .map((v) => (ids.has(v.id) ? link(path, findingPath(v.id), esc(v.property)) : esc(v.property)))
        .join(' ') +
      '</td></tr>'
  )
  const first = ran.find((r) => r.verdict === 'violated') ?? ran[0]
  return {
    path,
    title: test.name,
    description: test.text,
    in: 'tests.html',
    main: main([
      `<h1>${esc(test.name)}</h1>`,
      `<p>${esc(test.text)}</p>`,
      ...(first === undefined
        ? []
        : [
            '<p><a href="../playground.html#' +
              `${playgroundLink({ test: test.name, kernel: first.kernel, platform: first.platform })}">Edit this ` +
              `test</a> · <code>tbit check ${esc(test.name)}</code></p>`
          ]),
      `<pre tabindex="0" role="region" aria-label="the test">${esc(lib.texts.get(test.file) ?? '')}</pre>`,
      ...(test.sources.length === 0
        ? []
        : ['<h2>Sources</h2>', `<ul>${test.sources.map((s) => `<li>${esc(s)}</li>`).join('')}</ul>`]),
      '<h2>Verdicts</h2>',
      wideTable('verdicts', ['kernel', 'platform', 'verdict', 'expected', 'findings'], rows),
      ...(results.length > ran.length
        ? [`<p class="soft">${plural(results.length - ran.length, 'run')} skipped: the pair has no meaning.</p>`]
        : [])
    ])
  }
}

// ---- all of it
// -------------------------------------------------------------------------------------------------------

/** `hunted`: there are pages of a hunt, too. */
export function* libraryPages(lib: Library, hunted: boolean): Generator<SitePage> {
  yield homePage(lib)
  yield findingsPage(lib, hunted)
  yield chooserPage(lib)
  yield testsPage(lib)
  const ids = new Set(lib.families.flatMap((f) => f.pages.map((p) => p.violation.id)))
  for (const k of lib.kernels)
    for (const p of lib.platforms) {
      const cell = cellPage(lib, k, p)
      if (cell !== null) yield cell
    }
  for (const f of lib.families) for (const p of f.pages) yield findingPage(p, f)
  for (const [a, b] of pairsOfKernels(lib.kernels)) yield differencePage(lib, a, b)
  for (const t of lib.tests) yield testPage(lib, t, ids)
}

/** The pages whose script does the work; without it they say what is needed, and where the same is told in words. */
export function appPages(): SitePage[] {
  const app = (
    path: string,
    title: string,
    script: string,
    without: string,
    looks: readonly string[] = []
  ): SitePage => ({
    path,
    title,
    app: script,
    looks,
    main: main([`<h1>${title}</h1>`, `<div id="app"><p>${without}</p></div>`])
  })
  return [
    app(
      'playground.html',
      'Playground',
      'playground',
      'This page runs the checker in your browser: it needs script, and a server (from a file, browsers start no ' +
        'module). <code>tbit ui</code> serves this folder on your own machine; <code>tbit check FILE</code> does ' +
        'the same in a terminal.',
      ['editor']
    ),
    app(
      'explain.html',
      'What becomes of this mapping?',
      'explain',
      'This page runs one request in your browser: it needs script, and a server (from a file, browsers start no ' +
        'module). <code>tbit ui</code> serves this folder on your own machine; <code>tbit explain dma</code> does ' +
        'the same in a terminal.',
      ['explain']
    ),
    app(
      'replay.html',
      'What does this machine bounce?',
      'replay',
      'This page reads a trace of a machine in your browser: it needs script, and a server (from a file, ' +
        'browsers start no module). <code>tbit ui</code> serves this folder on your own machine; <code>tbit replay ' +
        'TRACE --dmesg LOG --html FILE</code> writes the same for one trace as a page that needs neither.',
      ['views']
    ),
    app(
      'plan.html',
      'What does populating stage 2 cost?',
      'plan',
      'This page plans in your browser: it needs script, and a server (from a file, browsers start no module). ' +
        '<code>tbit ui</code> serves this folder on your own machine; <code>tbit plan --ram 12T --html FILE</code> ' +
        'writes the same as a page that needs neither.',
      ['views', 'plan']
    ),
    app(
      'verify.html',
      'Verify in this browser',
      'verify',
      'This page runs the library in your browser and compares each verdict with the one that these pages were ' +
        'made from: it needs script, and a server (from a file, browsers start no module). <code>tbit ui</code> ' +
        'serves this folder on your own machine; <code>tbit check</code> runs the library in a terminal.'
    )
  ]
}
