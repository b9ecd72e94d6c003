// A whole invocation of `check` as one file: its finding; of several the verdicts, then each distinct finding once,
// where it was met first.
import { plural } from '../base/index.ts'
import { type CheckResult, type Violation, whyOf } from '../check/index.ts'
import { type CheckRun, judgementText, summaryLine, verdictText } from './check-run.ts'
import { playerScript } from './finding-player.ts'
import { baseStyle, esc, page } from './html.ts'
import { ALONE, findingBody, findingHtml, type FindingPage, findingStyle } from './html-finding.ts'

/** More than these are not drawn in one file. */
const MOST = 20

/** Each finding of a run once, with the runs that have it: what is forbidden first. */
export function distinctFindings(run: CheckRun): FindingPage[] {
  const first = new Map<
    string,
    { result: CheckResult; violation: Violation; reported: boolean; where: CheckResult[] }
  >()
  const add = (result: CheckResult, violation: Violation, reported: boolean): void => {
    const known = first.get(violation.id)
    if (known === undefined) first.set(violation.id, { result, violation, reported, where: [] })
    else known.where.push(result)
  }
  for (const r of run.results) for (const v of r.violations) add(r, v, false)
  for (const r of run.results) for (const v of r.reported) add(r, v, true)
  return [...first.values()].map((f) => {
    const test = run.tests.find((t) => t.file === f.result.file)
    return {
      ...f,
      text: run.texts.get(f.result.file) ?? '',
      about: test?.text ?? '',
      sources: test?.sources ?? [],
      ...(run.again === undefined ? {} : { again: run.again })
    }
  })
}

export function checkHtml(run: CheckRun): string {
  const all = distinctFindings(run)
  const [only] = all
  if (all.length === 1 && only !== undefined) return findingHtml(only)
  const shown = all.slice(0, MOST)
  const names = [...new Set(run.tests.map((t) => t.name))]
  const title = names.length === 1 ? (names[0] as string) : plural(names.length, 'litmus test')
  const verdicts = run.results.map(
    (r) =>
      `<tr><td>${esc(r.test)}</td><td>${esc(r.kernel)}</td><td>${esc(r.platform)}</td><td>` +
      `${esc(verdictText(r))}</td><td>${esc(r.reason ?? judgementText(r))}</td></tr>`
  )
  const body = [
    `<header><nav><b>tbit</b> <span class="soft">litmus tests for DMA in confidential VMs</span></nav></header>`,
    '<main>',
    `<h1>${esc(title)}</h1>`,
    ...run.tests
      .slice(0, 1)
      .filter(() => names.length === 1)
      .map((t) => `<p class="soft">${esc(t.text)}</p>`),
    `<p>${esc(summaryLine(run))}</p>`,
    '<div class="wide" tabindex="0" role="region" ' +
      'aria-label="verdicts"><table><thead><tr><th>test</th><th>kernel</th><th>platform</th><th>' +
      'verdict</th><th></th></tr></thead><tbody>' +
      `${verdicts.join('')}</tbody></table></div>`,
    all.length === 0
      ? '<p>Nothing was found.</p>'
      : `<h2>${plural(all.length, 'distinct finding')}</h2><ol>` +
        shown
          .map(
            (f, i) =>
              `<li><a href="#f${i + 1}">${esc(f.violation.property)}: ` +
              esc(whyOf(f.violation, f.result.platform).headline) +
              '</a></li>'
          )
          .join('') +
        '</ol>',
    ...(all.length > MOST ? [`<p>${all.length - MOST} more are not drawn here; tbit check -v tells them.</p>`] : []),
    ...(run.errors.length > 0
      ? [
          '<h2>Not read</h2>',
          `<ul>${run.errors.map((e) => `<li>${esc(`${e.file}: ${e.message}`)}</li>`).join('')}</ul>`
        ]
      : []),
    '</main>',
    ...shown.map((f, i) => `<hr id="f${i + 1}">${findingBody(f, 'article')}`)
  ].join('\n')
  return page({
    title: `tbit check: ${title}`,
    policy: ALONE,
    style:
      `${baseStyle}${findingStyle}article{max-width:1120px;margin:0 auto;padding:.6rem ` +
      '1rem}.head{font-size:1.45rem}\n',
    script: playerScript(),
    body
  })
}
