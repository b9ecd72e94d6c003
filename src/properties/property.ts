// What a property is: its words for the language, when it is violated, and who judges it. One file a property in this
// room; each adds its name to PropertyNames (step.ts), so that accesses, kernel and system can tell it, and the list of
// all (all.ts) is written from the files there are.
import type { Finding, Interned, PropertyName, Store } from '../step/index.ts'
import type { KernelEvent } from '../kernel/index.ts'
import type { FailedRequest, System, Watcher } from '../system/index.ts'

export interface Property {
  readonly name: PropertyName
  /** Findings are told in this order. */
  readonly order: number
  /** One line of meaning, for the manual and content assist. */
  readonly does: string
  /** When it is violated, in full. */
  readonly violated: string
  /** Part of `forbid default`. */
  readonly byDefault: boolean
  /** Counts whatever `forbid` says. */
  readonly always?: boolean
  readonly judge: Judge
}

/**
 * Who says that a property is violated. `access`: the step itself notices and tells the store (named: where). `test`:
 * the conditions of the test or the search, at the end. Otherwise what watches a system: made once for each, with
 * whatever it has to remember.
 */
export type Judge = { readonly by: 'access' | 'test'; readonly where: string } | ((sys: System) => Judgement)

/** What happens is told in the step in which it happens; what is wrong goes to the store. */
export interface Judgement extends Watcher {
  event?(st: Store, e: KernelEvent): void
  /** A map or allocation has failed. */
  request?(st: Store, r: FailedRequest): void
  /**
   * What is wrong with a state, as far as that is a function of the components of `looksAt`: asked once for each set of
   * their values.
   */
  ofComponents?(st: Store): readonly Finding[]
  readonly looksAt?: ReadonlyArray<Pick<Interned<unknown>, 'at'>>
  /** What is wrong with a state; remembers for itself. */
  ofState?(st: Store): readonly Finding[]
}

export type { FailedRequest }

export const NONE: readonly Finding[] = []

/**
 * The name of a component that only a property looks at: such components are no part of what a reader is told of a
 * step.
 */
export const ghost = (name: string): string => `ghost ${name}`
export const isGhost = (component: string): boolean => component.startsWith('ghost ')

/** The first finding of each property and decision: further places of the same kind say nothing new. */
export function firstOfEach(list: readonly Finding[]): readonly Finding[] {
  return list.length === 0
    ? NONE
    : list.filter((f, i) => list.findIndex((x) => x.property === f.property && x.decision === f.decision) === i)
}

export type { PropertyName }
