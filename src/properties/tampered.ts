// Whoever is not meant to write can write: the host into what the guest treats as private, and data of an accepted
// device on a way the host can write.
import { type Intervals, PAGE_SIZE, pieces, valuesIn } from '../base/index.ts'
import { TAG } from '../kernel/index.ts'
import { CLASS, classOf, wordOf } from '../machine/index.ts'
import type { Finding, Interned, Store } from '../step/index.ts'
import type { System, TbitObject } from '../system/index.ts'
import { askedFor, setAskedFor, sharedOnPurpose, usesHostMemory } from './on-purpose.ts'
import { markedIn, place } from './place.ts'
import { firstOfEach, type Judgement, type Property } from './property.ts'

declare module '../step/step.ts' {
  interface PropertyNames {
    tampered: true
  }
}

/** When it is violated. */
const VIOLATED =
  'the host or an untrusted device can write memory that the guest treats as private, or data of an accepted ' +
  'device passes through memory the host can write: also when a device in RUN reads what the host may write, ' +
  'whatever it was when the buffer was made'

class Tampered implements Judgement {
  /** Byte ranges that the test itself asked to be shared. */
  private readonly explicit: Interned<Intervals>
  readonly looksAt: ReadonlyArray<Pick<Interned<unknown>, 'at'>>

  constructor(private readonly sys: System) {
    this.explicit = sharedOnPurpose(sys)
    this.looksAt = [
      sys.machine.pages,
      sys.kernel.pages.state,
      sys.kernel.slab.state,
      this.explicit,
      ...(sys.labels === null ? [] : [sys.labels.state])
    ]
  }

  ofComponents(st: Store): readonly Finding[] {
    const { sys } = this
    const out: Finding[] = []
    for (const [first, end] of sys.machine.hostPages(st)) {
      for (const [at, l] of markedIn(sys, st, first, end)) {
        if (classOf(l) !== CLASS.accepted) continue
        const where = place(sys, st, at)
        out.push({
          property: 'tampered',
          site: where,
          decision: 'accepted data writable',
          summary:
            `data of an accepted device ('${sys.words.name(wordOf(l))}') lies in ${where}, ` +
            'which the host can write'
        })
      }
      for (const [a, b, owner] of valuesIn(sys.kernel.pages.state.get(st).owner, first, end)) {
        if (owner === TAG.page) out.push(...this.pages(st, a, b))
        else if (owner === TAG.slab) out.push(...this.objects(st, a, b))
      }
    }
    return firstOfEach(out)
  }

  private pages(st: Store, first: number, end: number): Finding[] {
    return pieces(this.explicit.get(st), first * PAGE_SIZE, end * PAGE_SIZE, 0).flatMap(([at, , asked]) =>
      asked === 1
        ? []
        : [
            {
              property: 'tampered',
              site: 'page',
              decision: 'private page writable',
              summary:
                `the host can write page 0x${Math.floor(at / PAGE_SIZE).toString(16)}, which the guest treats as ` +
                'private'
            }
          ]
    )
  }

  // Objects that share a page with one that the test converted: their owners treat them as private.
  private objects(st: Store, first: number, end: number): Finding[] {
    const out: Finding[] = []
    for (const [pfn, size, used] of this.sys.kernel.slab.state.get(st)) {
      for (let i = 0; i < used.length; i++) {
        if (used[i] !== '1') continue
        const at = pfn * PAGE_SIZE + i * size
        if (at >= end * PAGE_SIZE || at + size <= first * PAGE_SIZE || askedFor(this.sys, st, at)) continue
        out.push({
          property: 'tampered',
          site: 'slab',
          decision: 'private object writable',
          summary:
            `the host can write a kmalloc object at 0x${at.toString(16)}, which shares its page with a converted ` +
            'one'
        })
      }
    }
    return out
  }

  event(st: Store, e: Parameters<NonNullable<Judgement['event']>>[1]): void {
    if (e.kind === 'free_pages') setAskedFor(this.sys, st, e.pfn * PAGE_SIZE, e.n * PAGE_SIZE, false)
  }
  pageForgotten(st: Store, addr: number, len: number): void {
    setAskedFor(this.sys, st, addr, len, false)
  }
  explicitConversion(st: Store, addr: number, len: number, shared: boolean): void {
    setAskedFor(this.sys, st, addr, len, shared)
  }

  deviceRead(
    st: Store,
    dev: number,
    _id: number,
    o: TbitObject,
    phys: number,
    _at: number,
    _len: number,
    _got: number,
    outcome: string
  ): void {
    if (outcome !== 'ok' || !usesHostMemory(this.sys, st, dev, o, phys)) return
    st.finding({
      property: 'tampered',
      site: 'dev_read',
      decision: 'accepted device reads shared memory',
      summary:
        (this.sys.kernel.devices[dev]?.name ?? '') + ', accepted, reads its data from memory that the host can write'
    })
  }
}

export const property: Property = {
  name: 'tampered',
  order: 20,
  does: 'the host or an untrusted device can write what the guest treats as private',
  violated: VIOLATED,
  byDefault: true,
  judge: (sys) => new Tampered(sys)
}
