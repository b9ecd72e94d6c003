// Stage-2 population: a guest's plan by strategy, what it costs, what a conversion costs afterwards, the Realm's initial measurement.
import type { Blocks } from './tally.ts'
import { type Cost, type CostTable, costOf, defaultTable } from './costs.ts'
import { type Conversion, Counter } from './count.ts'
import { type Counterpart, snp, t0Sides, type T0Side, tdx } from './counterparts.ts'
import type { PlanSpec, Strategy } from './spec.ts'

export * from './costs.ts'
export * from './count.ts'
export * from './counterparts.ts'
export * from './emit.ts'
export * from './measure.ts'
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
  readonly blocks: Readonly<Blocks>
  readonly faults: number
  /** Extensions of the RIM by RIPAS and images. */
  readonly extensions: number
  readonly conversion: { readonly toShared: Cost; readonly toPrivate: Cost; readonly commandsToShared: Readonly<Record<string, number>>; readonly commandsToPrivate: Readonly<Record<string, number>> } | null
  readonly dma: DmaFacts
  /** What becomes of 1G blocks. */
  readonly oneGig: 'kept' | 'until a page is shared' | 'come back' | 'none'
}

const record = (m: ReadonlyMap<string, number>): Record<string, number> => Object.fromEntries([...m].sort((a, b) => (a[0] < b[0] ? -1 : 1)))

/** Computes one plan. */
export function makePlan(spec: PlanSpec, costs: CostTable = defaultTable): PlanResult {
  const c = new Counter(spec)
  c.run()
  const t = c.tally
  const conv: Conversion | null = c.conversionAfter()
  const lazy = spec.strategy === 'lazy'
  return {
    spec, commands: record(t.commands), total: t.total, tableBytes: t.tables * 4096, peakTableBytes: t.peakTables * 4096, cost: costOf(t, costs), blocks: t.blocks, faults: t.faults, extensions: t.extensions,
    conversion: conv === null ? null : { toShared: costOf(conv.toShared, costs), toPrivate: costOf(conv.toPrivate, costs), commandsToShared: record(conv.toShared.commands), commandsToPrivate: record(conv.toPrivate.commands) },
    dma: { steady: spec.strategy === 'fault-in' ? 'untouched pages' : 'never', window: conv?.window ?? 0, windows: (conv?.window ?? 0) === 0 ? 0 : lazy ? 2 : 1 },
    oneGig: t.blocks['1G'] === 0 ? 'none' : lazy ? 'come back' : 'until a page is shared'
  }
}

/** The strategies of a generation, each with everything else alike. */
export function sideBySide(spec: PlanSpec, costs: CostTable = defaultTable): PlanResult[] {
  const of = (strategy: Strategy, generation = spec.generation): PlanResult => makePlan({ ...spec, strategy, generation }, costs)
  return spec.generation === '2.0' ? [of('fold'), of('blocks'), of('fault-in'), of('lazy')] : [of('fold'), of('fault-in'), of('lazy'), of('blocks', '2.0')]
}

export interface Elsewhere { readonly t0: readonly T0Side[]; readonly counterparts: readonly Counterpart[] }
export const elsewhere = (spec: PlanSpec): Elsewhere => ({ t0: t0Sides(spec), counterparts: [snp(spec), tdx(spec)] })
