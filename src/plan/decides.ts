// The question of the thread, computed: do 1G pages in guest_memfd make populating a Realm fast? The same memory by
// pages, by blocks, by blocks with a GPT that changes a gigabyte at a time, on one host CPU and on several: how many
// calls, and where the time goes.
import { PAGE_SIZE } from '../base/index.ts'
import { type CostTable, type Range, timeOf } from './costs.ts'
import { Counter } from './count.ts'
import { type FirmwareName, firmwareProfiles } from './profiles.ts'
import type { PageName, PlanSpec, Strategy } from './spec.ts'
import { Tally } from './tally.ts'

export interface Way {
  readonly what: string
  readonly firmware: FirmwareName
  readonly calls: number
  /** Changes of the GPT: granules, or gigabytes where it changes whole blocks. */
  readonly changes: number
  readonly zeroed: number
  /** Nanoseconds on one host CPU and on `cpus`. */
  readonly one: Range
  readonly many: Range
}

export interface Decides {
  readonly ways: readonly Way[]
  readonly cpus: number
  /**
   * Shares of the time of 1G pages by the specification's calls: calls, protection, zeroing, the rest; in percent of
   * the upper bound.
   */
  readonly shares: Readonly<Record<'calls' | 'protection' | 'zeroing' | 'rest', number>>
}

const GIB = 2 ** 30
/** CPUs of the comparison when the user names none. */
export const MANY_CPUS = 16

/** Counts of one way of filling the same memory, and its time. */
function way(
  spec: PlanSpec,
  costs: CostTable,
  cpus: number,
  what: string,
  firmware: FirmwareName,
  strategy: Strategy,
  page: PageName,
  gptBlocks = false
): Way {
  const c = new Counter({
    ...spec,
    firmware,
    generation: firmwareProfiles[firmware].generation,
    strategy,
    page,
    vmm: null,
    images: [],
    conversions: 0
  })
  c.run()
  const t = gptBlocks ? wholeGigabytes(c.tally, spec.ramSize) : c.tally
  const changes = (t.commands.get('GRANULE_DELEGATE') ?? 0) + (t.work.get('delegated granule') ?? 0)
  return {
    what,
    firmware,
    calls: t.total,
    changes,
    zeroed: (t.commands.get('DATA_CREATE_UNKNOWN') ?? 0) + (t.work.get('mapped granule') ?? 0),
    one: timeOf(t, costs, 1).total,
    many: timeOf(t, costs, cpus).total
  }
}

/** The same tally when EL3 changes the GPT of a whole gigabyte in one step. */
function wholeGigabytes(t: Tally, ram: number): Tally {
  const out = new Tally()
  out.apply(t)
  const whole = Math.floor(ram / GIB)
  out.work.set('delegated granule', (out.work.get('delegated granule') ?? 0) - whole * (GIB / PAGE_SIZE) + whole)
  return out
}

export function decides(spec: PlanSpec, costs: CostTable): Decides {
  const cpus = spec.cpus > 1 ? spec.cpus : MANY_CPUS
  const ways = [
    way(spec, costs, cpus, '4K pages', 'v0.8.0', 'fold', '4K'),
    way(spec, costs, cpus, '1G pages', 'v0.8.0', 'fold', '1G'),
    way(spec, costs, cpus, '1G pages', 'tf-rmm-9a7f8ef4', 'blocks', '1G'),
    way(spec, costs, cpus, '1G pages', 'spec-2.0', 'blocks', '1G'),
    way(spec, costs, cpus, '1G pages, 1G GPT', 'spec-2.0', 'blocks', '1G', true)
  ]
  const c = new Counter({
    ...spec,
    firmware: 'spec-2.0',
    generation: '2.0',
    strategy: 'blocks',
    page: '1G',
    vmm: null,
    images: [],
    conversions: 0
  })
  c.run()
  const { kinds, total } = timeOf(c.tally, costs, 1)
  const share = (ns: number): number => (total[1] === 0 ? 0 : (100 * ns) / total[1])
  const { calls, protection, zeroing } = kinds
  return {
    ways,
    cpus,
    shares: {
      calls: share(calls[1]),
      protection: share(protection[1]),
      zeroing: share(zeroing[1]),
      rest: share(total[1] - calls[1] - protection[1] - zeroing[1])
    }
  }
}
