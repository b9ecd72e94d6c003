// A kernel log and a trace of two boots: what in the one cannot be true of the other. A boot places its pool anew, so a
// log of another boot makes every figure wrong without a sign; it is refused.
import { hex } from '../base/index.ts'
import { IO_TLB_SIZE } from '../kernel/swiotlb/pool.ts'
import type { PoolFacts } from './pool-facts.ts'
import type { Replay } from './replay.ts'

/** So many bounces outside the pool are no accident of the recording. */
const ENOUGH = 16
/** Where a pool of the same machine lay in another boot, some addresses may coincide. */
const FAR = 4
/**
 * Pools of two boots may overlap: then addresses lie in the pool, but not where the kernel's search would have put
 * them.
 */
const MANY = 200
const RIGHT = 0.75
/**
 * With the right log 98 to 100 % come true; with less, and addresses outside the pool as well, it is another boot's.
 */
const RIGHT_AND_INSIDE = 0.97
const PCI = /^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/

/**
 * Each contradiction as a sentence; none: the log may be of this boot. `kernel`: the release that the trace itself
 * names (trace.dat).
 */
export function contradictions(facts: PoolFacts, r: Replay, kernel: string | null): string[] {
  const out = [...poolContradictions(facts, r)]
  if (kernel !== null && facts.kernel !== null && !kernel.includes(facts.kernel))
    out.push(`it is of kernel ${facts.kernel}, the trace of ${kernel}`)
  const traced = r.devices.map((d) => d.name).filter((n) => PCI.test(n))
  if (traced.length > 0 && facts.pci.size >= 3 && !traced.some((n) => facts.pci.has(n)))
    out.push(
      `it names ${facts.pci.size} PCI devices, and none of the trace's (${traced.slice(0, 2).join(', ')}` +
        `${traced.length > 2 ? ', ...' : ''}) is among them`
    )
  return out
}

function poolContradictions(facts: PoolFacts, r: Replay): string[] {
  const { sim, counts } = r
  if (facts.start === null || facts.nslabs === null || r.poolSource !== 'log' || sim === null) return []
  const right = counts.equal / counts.compared
  const where = `its pool lies at ${hex(facts.start)} to ${hex(facts.start + facts.nslabs * IO_TLB_SIZE)}`
  const all = counts.compared + counts.outsidePool
  // A restricted pool (DMA_RESTRICTED_POOL) is another memory, and rightly elsewhere.
  const outside = facts.restricted ? 0 : counts.outsidePool
  if (outside >= ENOUGH && (outside > FAR * counts.compared || (!r.losses.lossy && right < RIGHT_AND_INSIDE))) {
    const first = Number.isNaN(counts.firstOutside) ? '' : `; the first elsewhere is at ${hex(counts.firstOutside)}`
    return [
      `${where}, and ${counts.compared === 0 ? 'none' : `only ${counts.compared}`} of the trace's ${all} bounces ` +
        `${counts.compared === 1 ? 'is' : 'are'} there${first}`
    ]
  }
  if (!r.losses.lossy && counts.compared >= MANY && right < RIGHT) {
    return [
      `${where}, and only ${Math.floor(100 * right)} % of the trace's ${counts.compared} bounces are where its ` +
        'search would have put them (98 to 100 % with the right log)'
    ]
  }
  return []
}
