// The runs of one test on one revision after the other. A run asks its revision for some decisions and no others; on a
// revision that answers each of them alike every step of it would be the same. Such a pair has the result that is known
// already, under its own name and beside its own expectation; nothing is searched. test/engine/alike.slow.test.ts has
// the library without.
import type { Revision } from '../kernel/index.ts'
import { revisionOf, type Test } from '../litmus/index.ts'
import { watched } from './asked.ts'
import { type CheckOptions, type CheckResult, resultFor } from './check.ts'

/** A run with all that its revision was asked for, and what the answers were. */
interface Kept {
  readonly result: CheckResult
  readonly answers: ReadonlyMap<string, unknown>
}

/** The runs of a test so far, all with the same options. */
export class AlikeRuns {
  private readonly byPlatform = new Map<string, Kept[]>()
  constructor(readonly test: Test) {}

  /**
   * The result on a pair: that of an earlier run which could go no other way, where `serves` takes it, or else what
   * `search` gives with the revision it is handed, of which all that matters has been asked when it returns. Not
   * `whole`: it was stopped, and is not kept.
   */
  on(
    kernel: string,
    platform: string,
    o: CheckOptions,
    search: (o: CheckOptions) => { readonly result: CheckResult; readonly whole: boolean },
    serves: (result: CheckResult, earlier: CheckResult) => boolean = () => true
  ): CheckResult {
    const rev = o.revision ?? revisionOf(this.test, kernel)
    const list = this.byPlatform.get(platform) ?? []
    this.byPlatform.set(platform, list)
    for (const { result, answers } of list)
      if (alike(rev, answers)) {
        const here = resultFor(result, this.test, kernel, platform, o)
        if (serves(here, result)) return here
      }
    const asked = new Set<string>()
    const { result, whole } = search({ ...o, revision: watched(rev, asked) })
    if (whole && result.verdict !== 'skipped')
      list.push({ result, answers: new Map([...asked].map((key) => [key, rev[key as keyof Revision]])) })
    return result
  }
}

function alike(rev: Revision, answers: Kept['answers']): boolean {
  for (const [key, answer] of answers) if (rev[key as keyof Revision] !== answer) return false
  return true
}
