// The way to each finding of a search, and a test checked to its end with them.
import type { Test } from '../litmus/index.ts'
import {
  beginCheck,
  type CheckOptions,
  type CheckResult,
  type Searched,
  toItsEnd,
  violation,
  type Ways
} from './check.ts'
import { describeChange } from './describe.ts'
import { framesOf } from './frames.ts'
import { named } from './naming.ts'
import type { Exploration } from './search.ts'
import { type TraceOptions, type TraceStep, traceOf, traceTo } from './trace.ts'

export const ways: Ways = (s) => {
  const { scene, initX, asked } = s
  const { sys, compiled } = scene
  const options: TraceOptions = { describe: describeChange(sys), ...(asked === null ? {} : { asked }) }
  const initOf = stepsOfInit(s, options)
  return (from, found) => {
    const inInit = from === initX
    const before = inInit ? [] : initOf(from.search.startOf(from.search.path(found.state)[0] as number))
    const { steps } = named(sys, traceOf(from, found, options))
    const v = violation(found.finding, steps.map(bare), before.map(bare), inInit)
    if (asked === null) return v
    const own = inInit ? steps.length : before.length
    return { ...v, frames: framesOf(sys, [...before, ...steps], own, [compiled.init], compiled.threads) }
  }
}

/** The steps of init to the start of the threads with a number, each looked for once. */
function stepsOfInit({ scene, initX, initEnds }: Searched, o: TraceOptions): (start: number) => readonly TraceStep[] {
  const known = new Map<number, readonly TraceStep[]>()
  const to = (of: Exploration, state: number): readonly TraceStep[] => named(scene.sys, traceTo(of, state, o)).steps
  return (start) => {
    let steps = known.get(start)
    if (steps === undefined)
      known.set(start, (steps = initEnds.length === 0 ? [] : to(initX, initEnds[start] as number)))
    return steps
  }
}

/** A step as it leaves this room: the words behind its frame stay here. */
const bare = ({ after: _, ...s }: TraceStep): TraceStep => s

/** Checks a test on one pair. Never throws for anything a test can say. */
export function checkTest(test: Test, kernel: string, platform: string, o: CheckOptions = {}): CheckResult {
  return toItsEnd(beginCheck(test, kernel, platform, o)).result(o.traces === false ? null : ways)
}
