// Granule locks as state: which granules a command of RMI 2.0 locks, in which order, and when it takes effect. Two host
// CPUs may be in two commands; each waits where the other holds the lock it wants, and neither gives up. The programs
// are those of TF-RMM main of July 2026 (runtime/rmi/rtt.c, rtt_map.c, rtt_unmap.c, granule.c), read; the self-deadlock
// of RTT_DATA_MAP is recorded. Not here: REC, PDEV and VDEV commands, and the Realm's calls.
import { Granule } from './codes.ts'
import { PAGE } from './common.ts'
import { Kind, KIND_MASK, paOf, type Table } from './entry.ts'
import { aligned, ENTRIES, ipaEnd, levelSize, PAGE_LEVEL } from './geometry.ts'
import type { AddrDesc } from './operations.ts'
import type { Rmm2 } from './rmi2.ts'
import type { Realm } from './state.ts'

interface GranuleCall {
  readonly name: 'GRANULE_RANGE_DELEGATE' | 'GRANULE_RANGE_UNDELEGATE'
  readonly pa: number
}
type RttCall =
  | {
      readonly name: 'RTT_CREATE'
      readonly rd: number
      readonly rtt: number
      readonly ipa: number
      readonly level: number
    }
  | { readonly name: 'RTT_DESTROY' | 'RTT_FOLD'; readonly rd: number; readonly ipa: number; readonly level: number }
  | {
      readonly name: 'RTT_DATA_MAP'
      readonly rd: number
      readonly base: number
      readonly top: number
      readonly desc: AddrDesc
    }
  | {
      readonly name: 'RTT_DATA_MAP_INIT'
      readonly rd: number
      readonly data: number
      readonly ipa: number
      readonly src: number
    }
  | { readonly name: 'RTT_DATA_UNMAP'; readonly rd: number; readonly base: number; readonly top: number }

/** A command of one host CPU. */
export type Call = GranuleCall | RttCall

/** `commit`: the command takes effect, all its locks held. */
export type LockStep = { readonly do: 'lock' | 'unlock'; readonly granule: number } | { readonly do: 'commit' }

/** Carries the command out on the model. */
export function carryOut(m: Rmm2, c: Call): number {
  switch (c.name) {
    case 'GRANULE_RANGE_DELEGATE':
      return m.granuleRangeDelegate(c.pa, c.pa + PAGE)
    case 'GRANULE_RANGE_UNDELEGATE':
      return m.granuleRangeUndelegate(c.pa, c.pa + PAGE)
    case 'RTT_CREATE':
      return m.rttCreate(c.rd, c.rtt, c.ipa, c.level)
    case 'RTT_DESTROY':
      return m.rttDestroy(c.rd, c.ipa, c.level)
    case 'RTT_FOLD':
      return m.rttFold(c.rd, c.ipa, c.level)
    case 'RTT_DATA_MAP':
      return m.rttDataMap(c.rd, c.base, c.top, [c.desc])
    case 'RTT_DATA_MAP_INIT':
      return m.rttDataMapInit(c.rd, c.data, c.ipa, c.src, 1)
    case 'RTT_DATA_UNMAP':
      return m.rttDataUnmap(c.rd, c.base, c.top)
  }
}

/** What a program has taken so far, as it is written down. */
class Program {
  readonly steps: LockStep[] = []
  private readonly held: number[] = []

  lock(granule: number): void {
    this.steps.push({ do: 'lock', granule })
    this.held.push(granule)
  }

  unlock(granule: number): void {
    this.steps.push({ do: 'unlock', granule })
    this.held.splice(this.held.lastIndexOf(granule), 1)
  }

  /** Two granules, the one with the lower address first: find_lock_two_granules(). */
  lockTwo(a: number, b: number): void {
    this.lock(Math.min(a, b))
    this.lock(Math.max(a, b))
  }

  /**
   * The table that holds the entry of `ipa` at `level` at most: root first, then each table before the one above it is
   * given back.
   */
  walk(
    r: Realm,
    ipa: number,
    level: number,
    keepRd: boolean
  ): { readonly table: Table; readonly level: number; readonly index: number } {
    let l = r.geo.start
    const first = Math.floor(ipa / levelSize(l))
    const base = r.roots[0] as Table
    this.lock(base.granule)
    if (!keepRd) this.unlock(r.rd)
    let t = r.roots[Math.floor(first / ENTRIES)] as Table
    if (t !== base) this.handOver(base.granule, t.granule)
    let i = first % ENTRIES
    while (l < level && t.kind[i] === Kind.TABLE) {
      const below = t.child?.[i] as Table
      this.handOver(t.granule, below.granule)
      t = below
      l++
      i = Math.floor(ipa / levelSize(l)) % ENTRIES
    }
    return { table: t, level: l, index: i }
  }

  private handOver(from: number, to: number): void {
    this.lock(to)
    this.unlock(from)
  }

  /** Takes effect, and gives back what is held, the last first. */
  done(): LockStep[] {
    this.steps.push({ do: 'commit' })
    while (this.held.length > 0) this.unlock(this.held[this.held.length - 1] as number)
    return this.steps
  }
}

/**
 * The locks of a command in the present state, from the first to the last. What is refused before a lock is taken takes
 * none.
 */
export function lockSteps(m: Rmm2, c: Call): LockStep[] {
  const p = new Program()
  if ('pa' in c) {
    p.lock(c.pa)
    return p.done()
  }
  const r = m.realm(c.rd)
  if (r === undefined || !within(r, 'ipa' in c ? c.ipa : c.base)) return p.done()
  switch (c.name) {
    case 'RTT_CREATE':
      // Where the table is the RD itself, or no delegated granule, nothing more is locked.
      if (c.rtt === c.rd) return p.done()
      p.lockTwo(c.rtt, c.rd)
      if (
        m.granule(c.rtt) === Granule.DELEGATED &&
        c.level > r.geo.start &&
        c.level <= PAGE_LEVEL &&
        aligned(c.ipa, levelSize(c.level - 1))
      )
        p.walk(r, c.ipa, c.level - 1, false)
      return p.done()
    case 'RTT_DESTROY':
    case 'RTT_FOLD': {
      p.lock(c.rd)
      if (c.level <= r.geo.start || c.level > PAGE_LEVEL || !aligned(c.ipa, levelSize(c.level - 1))) return p.done()
      const w = p.walk(r, c.ipa, c.level - 1, false)
      const below = w.level === c.level - 1 ? w.table.child?.[w.index] : undefined
      if (below !== undefined) p.lock(below.granule)
      return p.done()
    }
    case 'RTT_DATA_MAP':
      return dataMapSteps(p, m, r, c)
    case 'RTT_DATA_MAP_INIT': {
      // The RD stays locked: its measurement changes.
      p.lock(c.rd)
      if (c.data === c.rd) return p.done()
      const w = p.walk(r, c.ipa, PAGE_LEVEL, true)
      if (w.level === PAGE_LEVEL && c.data !== w.table.granule && m.granule(c.data) >= 0) p.lock(c.data)
      return p.done()
    }
    case 'RTT_DATA_UNMAP': {
      p.lock(c.rd)
      const w = p.walk(r, c.base, PAGE_LEVEL, false)
      for (
        let i = w.index, at = c.base;
        i < ENTRIES && at + levelSize(w.level) <= c.top;
        i++, at += levelSize(w.level)
      ) {
        const kind = (w.table.kind[i] as number) & KIND_MASK
        if (kind >= Kind.ASSIGNED_EMPTY && kind <= Kind.ASSIGNED_DESTROYED)
          granules(p, paOf(w.table)[i] as number, levelSize(w.level))
      }
      return p.done()
    }
  }
}

/** The leaf table is held while each granule is locked, changed and given back. */
function dataMapSteps(p: Program, m: Rmm2, r: Realm, c: Extract<Call, { name: 'RTT_DATA_MAP' }>): LockStep[] {
  p.lock(c.rd)
  const size = levelSize(c.desc.level)
  if (c.desc.level < r.geo.start || !aligned(c.base, size) || !aligned(c.desc.pa, size) || c.top - c.base < size)
    return p.done()
  const w = p.walk(r, c.base, c.desc.level, false)
  if (w.level !== c.desc.level) return p.done()
  for (let k = 0; k < c.desc.count && w.index + k < ENTRIES && c.base + (k + 1) * size <= c.top; k++) {
    const kind = (w.table.kind[w.index + k] as number) & KIND_MASK
    if (kind !== Kind.UNASSIGNED_EMPTY && kind !== Kind.UNASSIGNED_RAM && kind !== Kind.UNASSIGNED_DESTROYED) break
    if (!granules(p, c.desc.pa + k * size, size, (pa) => m.granule(pa) === Granule.DELEGATED)) break
  }
  return p.done()
}

/**
 * Each granule of a block in turn; false at the first that is not in the wanted state, whose lock is taken all the
 * same.
 */
function granules(p: Program, pa: number, size: number, wanted: (pa: number) => boolean = () => true): boolean {
  for (let at = pa; at < pa + size; at += PAGE) {
    p.lock(at)
    p.unlock(at)
    if (!wanted(at)) return false
  }
  return true
}

const within = (r: Realm, ipa: number): boolean => ipa >= 0 && ipa < ipaEnd(r.geo)
