// Stage-2 population: a guest's plan by strategy, what it costs, what a conversion costs afterwards, the Realm's
// initial measurement.
import type { Blocks } from './tally.ts'
import {
  type Cost,
  type CostTable,
  costOf,
  defaultTable,
  type GranuleWork,
  granuleWork,
  type Kind,
  type Range,
  timeOf
} from './costs.ts'
import { type Conversion, Counter } from './count.ts'
import { type Counterpart, snp, t0Sides, type T0Side, tdx } from './counterparts.ts'
import { type FirmwareName, firmwareProfiles } from './profiles.ts'
import type { PlanSpec, Strategy } from './spec.ts'

export * from './costs.ts'
export * from './count.ts'
export * from './counterparts.ts'
export * from './decides.ts'
export * from './emit.ts'
export * from './map.ts'
export * from './measure.ts'
export * from './pinned.ts'
export * from './profiles.ts'
export * from './simulate.ts'
export * from './spec.ts'
export * from './tally.ts'

/** When a T=1 access to the guest's private memory can fail. */
export interface DmaFacts {
  /** Pages that a device can miss when the plan is done: none, or those the guest never touched. */
  readonly steady: 'never' | 'untouched pages'
  /** Bytes that can fault for a moment while one page is converted: the block that is broken up. */
  readonly window: number
  /** How often a conversion and its return open that window. */
  readonly windows: number
}

export interface PlanResult {
  readonly spec: PlanSpec
  readonly commands: Readonly<Record<string, number>>
  readonly total: number
  readonly tableBytes: number
  readonly peakTableBytes: number
  readonly cost: Cost
  /** Granules that change hands and are zeroed: the work inside the calls. */
  readonly granules: GranuleWork
  /** Nanoseconds with the plan's host CPUs, and what they go into. */
  readonly time: { readonly kinds: Readonly<Record<Kind, Range>>; readonly total: Range }
  readonly blocks: Readonly<Blocks>
  readonly faults: number
  /** Extensions of the RIM by RIPAS and images. */
  readonly extensions: number
  readonly conversion: {
    readonly toShared: Cost
    readonly toPrivate: Cost
    readonly commandsToShared: Readonly<Record<string, number>>
    readonly commandsToPrivate: Readonly<Record<string, number>>
  } | null
  readonly dma: DmaFacts
  /** What becomes of 1G blocks. */
  readonly oneGig: 'until shared' | 'come back' | 'none'
}

const record = (m: ReadonlyMap<string, number>): Record<string, number> =>
  Object.fromEntries([...m].sort((a, b) => (a[0] < b[0] ? -1 : 1)))

/** Computes one plan. */
export function makePlan(spec: PlanSpec, costs: CostTable = defaultTable): PlanResult {
  const c = new Counter(spec)
  c.run()
  const t = c.tally
  const conv: Conversion | null = c.conversionAfter()
  const lazy = spec.strategy === 'lazy'
  return {
    spec,
    commands: record(t.commands),
    total: t.total,
    tableBytes: t.tables * 4096,
    peakTableBytes: t.peakTables * 4096,
    cost: costOf(t, costs),
    granules: granuleWork(t),
    time: timeOf(t, costs, spec.cpus),
    blocks: t.blocks,
    faults: t.faults,
    extensions: t.extensions,
    conversion:
      conv === null
        ? null
        : {
            toShared: costOf(conv.toShared, costs),
            toPrivate: costOf(conv.toPrivate, costs),
            commandsToShared: record(conv.toShared.commands),
            commandsToPrivate: record(conv.toPrivate.commands)
          },
    dma: {
      steady: spec.strategy === 'fault-in' ? 'untouched pages' : 'never',
      window: conv?.window ?? 0,
      windows: (conv?.window ?? 0) === 0 ? 0 : lazy ? 2 : 1
    },
    oneGig: t.blocks['1G'] === 0 ? 'none' : lazy ? 'come back' : 'until shared'
  }
}

/**
 * The strategies side by side, each with everything else alike; blocks for every firmware that has them when none was
 * chosen.
 */
export function sideBySide(spec: PlanSpec, costs: CostTable = defaultTable): PlanResult[] {
  const of = (strategy: Strategy, firmware: FirmwareName = spec.firmware): PlanResult =>
    makePlan({ ...spec, strategy, firmware, generation: firmwareProfiles[firmware].generation }, costs)
  return spec.generation === '2.0'
    ? [of('fold'), of('blocks'), of('fault-in'), of('lazy')]
    : [of('fold'), of('fault-in'), of('lazy'), of('blocks', 'tf-rmm-9a7f8ef4'), of('blocks', 'spec-2.0')]
}

export interface Elsewhere {
  readonly t0: readonly T0Side[]
  readonly counterparts: readonly Counterpart[]
}
export const elsewhere = (spec: PlanSpec): Elsewhere => ({
  t0: t0Sides(spec),
  counterparts: [snp(spec), snp(spec, 'lazy'), tdx(spec), tdx(spec, 'lazy')]
})
