// `plan --html`: the plans as one page that needs no server, no script and no network to be read.
import type { CostTable, Elsewhere, PlanResult } from '../plan/index.ts'
import { baseStyle, esc, page } from './html.ts'
import { basis, guestText, planText, type RimReport } from './plan.ts'
import { mapsHtml, planViewStyle, strategiesHtml } from './plan-view.ts'
import { plotStyle } from './svg-plot.ts'

export function planHtml(
  chosen: PlanResult,
  rs: readonly PlanResult[],
  e: Elsewhere,
  costs: CostTable,
  rim: RimReport
): string {
  return page({
    title: 'Populating stage 2',
    style: `${baseStyle}${plotStyle}${planViewStyle}`,
    body: `<main><h1>Populating the stage 2 of a Realm</h1>
<p>${esc(guestText(chosen.spec))}</p>
<div class="wide" tabindex="0" role="region" aria-label="plans">${strategiesHtml(rs)}</div>
${basis(costs)
  .map((t) => `<p class="soft">${esc(t)}</p>`)
  .join('')}
<h2>Stage 2 by ${esc(chosen.spec.strategy)}</h2>
${mapsHtml(chosen.spec)}
<h2>All of it as text</h2>
<pre tabindex="0" role="region" aria-label="the plan as text">${esc(planText(rs, e, costs, rim))}</pre></main>`
  })
}
