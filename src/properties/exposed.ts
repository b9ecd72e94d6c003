// Whoever is not meant to read can read: the host and untrusted devices as reachability, and pages that go back to an
// allocator shared.
import { PAGE_SIZE } from '../base/index.ts'
import type { KernelEvent } from '../kernel/index.ts'
import { CLASS, classNames, classOf, HW, wordOf } from '../machine/index.ts'
import type { Finding, Store } from '../step/index.ts'
import type { System } from '../system/index.ts'
import { usesHostMemory } from './on-purpose.ts'
import { markedIn, place } from './place.ts'
import { firstOfEach, type Judgement, type Property } from './property.ts'

declare module '../step/step.ts' {
  interface PropertyNames {
    exposed: true
  }
}

/** When it is violated. */
const VIOLATED =
  'the host or an untrusted device can read guest-secret data, or data meant for an accepted device; or a ' +
  'device in RUN writes what the host may read, whatever it was when the buffer was made; or a page goes back ' +
  'to the page or slab allocator while the host can still reach it, on an encrypting host without encryption ' +
  '(pool memory returning to its pool does not count)'

function readable(sys: System, st: Store): readonly Finding[] {
  const out: Finding[] = []
  for (const [first, end] of sys.machine.hostPages(st))
    for (const [at, l] of markedIn(sys, st, first, end)) {
      const c = classOf(l)
      const where = place(sys, st, at)
      out.push({
        property: 'exposed',
        site: where,
        decision: `${classNames[c]} readable`,
        summary:
          `the host can read '${sys.words.name(wordOf(l))}' (` +
          `${c === CLASS.secret ? 'a secret of the guest' : 'data meant for an accepted device'}) in ${where}`
      })
    }
  return firstOfEach(out)
}

/**
 * What a page is that goes back to an allocator and ought not to: reachable by the host, or on an encrypting host (SME)
 * without encryption; null: neither.
 */
function open(sys: System, st: Store, pfn: number): { readonly decision: string; readonly words: string } | null {
  const { machine } = sys
  if (machine.hostReaches(st, pfn)) return { decision: '', words: 'while the host can still reach it' }
  if (!machine.platform.guest && machine.platform.conversion === 'pte' && machine.hw(st, pfn) === HW.shr)
    return { decision: ' without encryption', words: 'without encryption' }
  return null
}

function given(sys: System, st: Store, e: KernelEvent): void {
  if (e.kind === 'free_pages') {
    for (let p = e.pfn; p < e.pfn + e.n; p++) {
      const how = open(sys, st, p)
      if (how === null) continue
      st.finding({
        property: 'exposed',
        site: e.site,
        decision: `page to the allocator${how.decision}`,
        summary: `${e.site} gives a page back to the page allocator ${how.words}`
      })
      return
    }
  } else if (e.kind === 'kfree') {
    const how = open(sys, st, Math.floor(e.addr / PAGE_SIZE))
    if (how !== null)
      st.finding({
        property: 'exposed',
        site: 'kfree',
        decision: `object to the slab allocator${how.decision}`,
        summary: `an object goes back to the slab allocator ${how.words}`
      })
  }
}

export const property: Property = {
  name: 'exposed',
  order: 10,
  does: 'the host or an untrusted device can read what is not meant for it',
  violated: VIOLATED,
  byDefault: true,
  judge: (sys): Judgement => ({
    looksAt: [sys.machine.pages, sys.kernel.pages.state, ...(sys.labels === null ? [] : [sys.labels.state])],
    ofComponents: (st) => readable(sys, st),
    event: (st, e) => {
      given(sys, st, e)
    },
    deviceWrote: (st, dev, _id, o, phys, _at, _len, _word, outcome) => {
      if (outcome !== 'ok' || !usesHostMemory(sys, st, dev, o, phys)) return
      st.finding({
        property: 'exposed',
        site: 'dev_write',
        decision: 'accepted device writes shared memory',
        summary: `${sys.kernel.devices[dev]?.name ?? ''}, accepted, writes its data to memory that the host can read`
      })
    }
  })
}
