import { step, stepped, type Store } from '../../src/step/index.ts'

/**
 * A step written in place, whose key its author vouches for: two steps with one key are the same step. For tests and
 * models; code of tbit declares kinds of steps instead (src/step/action.ts), whose keys cannot forget what they depend
 * on.
 */
export function act(
  key: string,
  text: (result: number, outcome: number) => string,
  perform: (st: Store, outcome: number) => number,
  o: { outcomes?: number; results?: readonly number[]; silent?: boolean } = {}
): number {
  return (
    stepped() ??
    step({
      kind: 'act',
      key,
      text,
      perform,
      outcomes: o.outcomes ?? 1,
      results: o.results ?? null,
      silent: o.silent ?? false
    })
  )
}
