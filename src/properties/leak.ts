// Memory that the kernel has lost: no allocator and no owner can ever give it back. What a test still holds when it
// ends is no leak.
import { PAGE_SIZE } from '../base/index.ts'
import { TAG } from '../kernel/index.ts'
import type { Store } from '../step/index.ts'
import type { MappingObject, System, TbitObject } from '../system/index.ts'
import type { Judgement, Property } from './property.ts'

declare module '../step/step.ts' {
  interface PropertyNames {
    leak: true
  }
}

/** When it is violated. */
const VIOLATED =
  'the kernel has lost a page or slot: no allocator and no owner (a variable of the test, a live mapping, a ' +
  'pool) can ever give it back; or, of a tree, nothing points to a block of its heap. What a test still holds when ' +
  'it ends is not a leak'

/** A slot that is still taken after the unmap has no owner any more. */
function slots(sys: System, st: Store, m: MappingObject): void {
  if (m.bounce < 0) return
  const mem = sys.kernel.mems.find((x) => x.contains(m.bounce))
  if (sys.kernel.dynamic?.usedAt(st, m.bounce))
    st.finding({
      property: 'leak',
      site: 'dma_unmap',
      decision: 'dynamic pool',
      summary: 'the mapping keeps its dynamic pool after the unmap'
    })
  if (mem?.usedAt(st, m.bounce))
    st.finding({
      property: 'leak',
      site: 'dma_unmap',
      decision: 'slot',
      summary: `the slots of the mapping stay taken in ${mem.name} after the unmap`
    })
}

/** Pages given up on purpose have been reported as such. */
function buffer(sys: System, st: Store, o: TbitObject): void {
  if (o.kind !== 'coherent' && o.kind !== 'pages') return
  const k = sys.kernel
  const { from, phys } = o.buffer
  if (from === 'buddy') {
    if (k.pages.owner(st, phys / PAGE_SIZE) === TAG.dma)
      st.finding({
        property: 'leak',
        site: 'dma_free',
        decision: 'page',
        summary: "the buffer's pages go back to nobody"
      })
    return
  }
  const taken = from === 'atomic' ? k.atomic.usedAt(st, phys) : k.mems.find((x) => x.contains(phys))?.usedAt(st, phys)
  if (taken)
    st.finding({
      property: 'leak',
      site: 'dma_free',
      decision: from,
      summary: 'the buffer does not go back to its pool'
    })
}

export const property: Property = {
  name: 'leak',
  order: 50,
  does: 'the kernel has lost a page or slot for ever',
  violated: VIOLATED,
  byDefault: true,
  judge: (sys): Judgement => ({
    event: (st, e) => {
      if (e.kind === 'leak')
        st.finding({
          property: 'leak',
          site: e.site,
          decision: e.onPurpose ? 'on purpose' : 'lost',
          summary:
            `${e.site} gives up ${e.n === 1 ? 'a page' : `${e.n} pages`}` +
            `${e.onPurpose ? ' on purpose: its state is unknown' : ''}`
        })
    },
    unmapped: (st, _id, m) => {
      slots(sys, st, m)
    },
    freed: (st, _id, o) => {
      buffer(sys, st, o)
    }
  })
}
