// Calls that have stopped, numbered: equal ones have one number.
import type { Frozen, Request } from './stepping.ts'

/** What a call has met so far. */
export interface Met {
  /** Ranges whose last conversion failed. */
  readonly kept: ReadonlyArray<readonly [phys: number, numpages: number]>
  readonly taken: ReadonlyArray<readonly [pfn: number, order: number]>
  /** Locks it has. */
  readonly held: readonly number[]
  readonly conversionFailed: boolean
  readonly bounceAsked: boolean
  readonly full: boolean
  readonly unsupported: boolean
  readonly noPages: boolean
  readonly asked: boolean
  /**
   * What it gives back: a physical address in a pool, or -1; and whether that has been free since: that it is taken
   * when the call ends is another thread's doing.
   */
  readonly gives: number
  readonly released: boolean
  /** It went on at the long that the accepted flag is in while that was clear. */
  readonly seenClear: boolean
}

/** A call that has stopped, or (`frozen` null) ended with `result`. */
export interface Halt {
  readonly id: number
  readonly frozen: Frozen | null
  readonly result: number
  readonly met: Met
}

function requestKey(r: Request): string {
  switch (r.kind) {
    case 'point':
      return `p${r.at},${r.writes}`
    case 'lock':
      return `l${r.lock},${r.name}`
    case 'alloc_pages':
      return `a${r.order},${r.zone}`
    case 'free_pages':
      return `f${r.phys},${r.order}`
    case 'set_memory':
      return `s${r.decrypted},${r.phys},${r.numpages}`
    case 'copy':
      return `c${r.dst},${r.src},${r.len}`
    case 'fill':
      return `z${r.dst},${r.len},${r.alias}`
    case 'iommu_map':
      return `m${r.dev},${r.iova},${r.phys},${r.size}`
    case 'iommu_unmap':
      return `u${r.dev},${r.iova},${r.size}`
  }
}

const metKey = (m: Met): string =>
  `${m.kept.join(';')}/${m.taken.join(';')}/${m.held.join()}/${m.conversionFailed}${m.bounceAsked}${m.full}` +
  `${m.unsupported}${m.noPages}${m.asked}${m.released}${m.seenClear}${m.gives}`

export class Halts {
  private readonly halts: Halt[] = []
  private readonly ids = new Map<string, number>()

  at(id: number): Halt | undefined {
    return this.halts[id]
  }

  /** The number of a call that has ended. */
  ended(result: number, met: Met): number {
    return this.put(`=${result}`, () => ({ frozen: null, result, met }))
  }

  /** The number of a call that has stopped. */
  stopped(s: Frozen, met: Met): number {
    const key =
      `${requestKey(s.request)}|${Number(s.sp)}|${metKey(met)}|${s.stack.id},${s.context.id},` + String(s.buffer.id)
    return this.put(key, () => ({ frozen: s, result: 0, met }))
  }

  private put(key: string, make: () => Omit<Halt, 'id'>): number {
    let id = this.ids.get(key)
    if (id === undefined) {
      id = this.halts.length
      this.halts.push({ id, ...make() })
      this.ids.set(key, id)
    }
    return id
  }
}
