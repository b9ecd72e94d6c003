// What a pool believes of its slots (shared or private) against what they are: judged where a pool hands memory out or
// takes it back, so that it is found at the free that leaves a slot wrong, whatever the pool's size.
import { PAGE_SIZE } from '../base/index.ts'
import { bootConverts, type Kernel } from '../kernel/index.ts'
import { HW } from '../machine/index.ts'
import type { Store } from '../step/index.ts'
import type { System } from '../system/index.ts'
import type { Judgement, Property } from './property.ts'

declare module '../step/step.ts' {
  interface PropertyNames {
    pool_state: true
  }
}

/** When it is violated. */
const VIOLATED =
  'what a pool believes of its slots (shared, private) differs from what they are. Judged where the pool hands ' +
  'them out and takes them back: its alloc, free, map and unmap. Reported, not forbidden by default'

/** The pool that holds an address, and whether it takes its memory for shared; null: no pool. */
function belief(k: Kernel, st: Store, addr: number): { readonly name: string; readonly shared: boolean } | null {
  const mem = k.mems.find((m) => m.contains(addr))
  if (mem !== undefined)
    return { name: mem.kind.restricted ? 'a restricted bounce pool' : 'the bounce pool', shared: bootConverts(k, mem) }
  if (k.atomic.contains(st, addr)) return { name: 'an atomic pool', shared: k.atomic.shared }
  return null
}

function judge(sys: System, st: Store, addr: number, len: number, site: string): void {
  const { kernel, machine } = sys
  if (addr < 0 || kernel.platform.conversion === 'none') return
  const pool = belief(kernel, st, addr)
  if (pool === null) return
  for (let pfn = Math.floor(addr / PAGE_SIZE); pfn * PAGE_SIZE < addr + len; pfn++) {
    const hw = machine.hw(st, pfn)
    if (hw !== HW.priv && hw !== HW.shr) continue
    if ((hw === HW.shr) === pool.shared) continue
    const [is, says] = hw === HW.shr ? ['shared', 'private'] : ['private', 'shared']
    st.finding({
      property: 'pool_state',
      site,
      decision: `${is} in a ${says} pool`,
      summary: `${pool.name} takes page 0x${pfn.toString(16)} for ${says}, and it is ${is}`
    })
    return
  }
}

export const property: Property = {
  name: 'pool_state',
  order: 75,
  does: 'what a pool believes of its slots is not what they are',
  violated: VIOLATED,
  byDefault: false,
  judge: (sys): Judgement => ({
    allocated: (st, addr, len) => {
      judge(sys, st, addr, len, 'dma_alloc')
    },
    freed: (st, _id, o) => {
      if (o.kind === 'coherent' || o.kind === 'pages') judge(sys, st, o.phys, o.size, 'dma_free')
    },
    mapped: (st, _id, m) => {
      if (m.bounce >= 0) judge(sys, st, m.bounce, m.size, 'dma_map')
    },
    unmapped: (st, _id, m) => {
      if (m.bounce >= 0) judge(sys, st, m.bounce, m.size, 'dma_unmap')
    }
  })
}
