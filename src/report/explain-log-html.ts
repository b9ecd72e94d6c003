// What `explain log` says, as a piece of a page: what happened is the headline.
import { plural } from '../base/index.ts'
import type { BootExplained, LogExplanation } from '../replay/log/index.ts'
import { logMachine, type LogSection, logSections, quietText } from './explain-log.ts'
import { esc } from './html.ts'

/** `headline`: null, where what happened is the headline. */
function boot(e: BootExplained, headline: string | null): string {
  const all = logSections(e)
  const happened = headline === null ? all.find((s) => s.title === 'What happened') : undefined
  const answer = headline === null ? (happened?.items.map((i) => i.text) ?? []) : [headline]
  const item = (i: LogSection['items'][number]): string =>
    `<li>${esc(i.text)}${(i.more ?? []).map((m) => `<br><span class="soft">${esc(m)}</span>`).join('')}` +
    `${i.run === undefined ? '' : `<pre tabindex="0">${i.run.map(esc).join('\n')}</pre>`}</li>`
  return [
    answer.length === 0
      ? ''
      : `<div class="answer ${headline === null ? 'fills' : ''}">` +
        `${answer.map((t, i) => (i === 0 ? `<h2>${esc(t)}</h2>` : `<p>${esc(t)}</p>`)).join('')}</div>`,
    ...logMachine(e).map((t) => `<p class="soft">${esc(t)}</p>`),
    ...all.filter((s) => s !== happened).map((s) => `<h3>${esc(s.title)}</h3><ul>${s.items.map(item).join('')}</ul>`)
  ].join('')
}

/** The last boot first, then those before it. */
export function explainLogHtml(e: LogExplanation): string {
  const lead =
    e.boots > 1
      ? `<p class="soft">${e.boots} boots in this log; the last, lines ${e.range[0]} to ${e.range[1]}:</p>`
      : ''
  const earlier = e.earlier.map(
    (b, i) =>
      `<details><summary>Boot ${e.boots - 1 - i} of ${e.boots}, lines ${b.range[0]} to ${b.range[1]}: ` +
      `${b.failures.length === 0 ? 'no failed mapping' : plural(b.failures.length, 'failure')}</summary>` +
      `${boot(b, b.failures.length === 0 ? 'No failed mapping in this boot.' : null)}</details>`
  )
  return `${lead}${boot(e, quietText(e))}${earlier.join('')}`
}
