// The style of pages with plots of recordings and maps of plans, beside that of every page.
import { planViewStyle } from '../../report/plan-view.ts'
import { replayViewStyle } from '../../report/replay-view.ts'
import { plotStyle } from '../../report/svg-plot.ts'

export const viewsStyle = `${plotStyle}${replayViewStyle}`
export { planViewStyle }
