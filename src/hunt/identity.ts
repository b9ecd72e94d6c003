// What makes a finding one finding: the class of harm and the decision responsible. The decision is found as `compare` finds it: each one that the
// test's run asks for is given every other value, and one whose flip removes the finding and brings no other is to blame.
import { type CheckResult, checkTest, watched } from '../check/index.ts'
import { type Decision, decisionNames, decisionTable, decisionText, type Decisions, flipText, type Revision, revisions, withDecisions } from '../kernel/index.ts'
import type { Test } from '../litmus/index.ts'
import type { Finding, PropertyName } from '../step/index.ts'
import { exploreScene, type Raw } from './explore.ts'
import type { Scene } from './scenes.ts'

/** Classes of harm, the worst first. */
export const HARMS = ['data leaks', 'wrong data', 'kernel dies', 'memory lost', 'device breaks', 'belief wrong'] as const
export type Harm = (typeof HARMS)[number]

const harms: Readonly<Record<PropertyName, Harm>> = {
  exposed: 'data leaks', tampered: 'data leaks', wrong_data: 'wrong data', crash: 'kernel dies', deadlock: 'kernel dies', warn: 'kernel dies', leak: 'memory lost',
  fault: 'device breaks', refused: 'device breaks', stale_state: 'belief wrong', pool_state: 'belief wrong', lost_update: 'belief wrong', assert: 'belief wrong', reached: 'belief wrong', unreached: 'belief wrong'
}
export const harmOf = (p: PropertyName): Harm => harms[p]

export interface Cause {
  readonly decision: Decision
  /** Its value, and the one without the finding. */
  readonly value: string
  readonly instead: string
  /** How one writes the revision without the finding, and where that value comes from. */
  readonly flip: string
  readonly source: string
}

/** Without these the kernel is another one, not the same with one thing better: never blamed. */
const sweeping = (d: Decision): boolean => d === 'accept' || d === 'base' || d === 'needsTsm' || d === 'realmGuest' || d.startsWith('attributes.')

/** The other values of a decision, those included that no revision has (what a fix could be). */
function alternatives(rev: Revision, d: Decision): Array<Decisions[Decision]> {
  const { values } = decisionTable[d]
  return values === 'boolean' ? [!rev[d]] : values === 'release' ? [] : (values as ReadonlyArray<Decisions[Decision]>).filter((v) => v !== rev[d])
}

/** Flips that are tried on the whole scene, at most, and how far. */
const MOST_FLIPS = 4
const FLIP_STATES = 2000

interface Flip { readonly decision: Decision; readonly value: Decisions[Decision] }

/** Finds who is to blame on one pair. Candidates of one scene share what its flips show. */
export class Blame {
  private readonly shows = new Map<string, readonly Raw[]>()
  constructor(readonly rev: Revision, readonly platform: string) {}

  private flipped({ decision, value }: Flip): Revision { return withDecisions(this.rev, { [decision]: value } as Partial<Decisions>, this.rev.name) }

  /** What a scene shows with a flip. */
  private showsWith(scene: Scene, flip: Flip): readonly Raw[] {
    const key = `${scene.name} ${flipText(flip.decision, flip.value)}`
    let raw = this.shows.get(key)
    if (raw === undefined) this.shows.set(key, ({ raw } = exploreScene(scene, this.rev.name, this.platform, { revision: this.flipped(flip), rounds: 1, maxStates: FLIP_STATES })).raw)
    return raw
  }

  /**
   * The decision whose flip removes the finding from its test and brings no other one into its scene, nor one with fewer calls than it took there;
   * null: no single one does. `known`: what the scene shows as it is, and in how many calls. A flip that only trades (the map fails, so that nothing
   * leaks) is to blame for nothing.
   */
  causeOf(test: Test, scene: Scene, known: ReadonlyMap<string, number>, f: Finding): Cause | null {
    const { rev } = this
    const flip = this.removing(test, f).slice(0, MOST_FLIPS).find((x) => this.showsWith(scene, x).every((r) => r.calls.length >= (known.get(r.key) ?? Number.POSITIVE_INFINITY)))
    if (flip === undefined) return null
    const { decision, value } = flip
    return { decision, value: decisionText(rev[decision]), instead: decisionText(value), flip: flipText(decision, value), source: revisions.find((r) => r[decision] === value)?.sources[decision] ?? 'a what-if: no revision has it' }
  }

  /** The flips after which the test violates the property no more, those first that leave the fewest other findings. */
  private removing(test: Test, f: Finding): Flip[] {
    const asked = new Set<string>()
    const run = (r: Revision): CheckResult => checkTest(test, r.name, this.platform, { maxStates: 50_000, revision: r, traces: false })
    run(watched(this.rev, asked))
    const out: Array<Flip & { readonly left: number }> = []
    for (const decision of decisionNames) {
      if (!asked.has(decision) || sweeping(decision)) continue
      for (const value of alternatives(this.rev, decision)) {
        const r = run(this.flipped({ decision, value }))
        const all = [...r.violations, ...r.reported]
        if (r.verdict !== 'skipped' && all.every((v) => v.property !== f.property)) out.push({ decision, value, left: all.length })
      }
    }
    return out.sort((a, b) => a.left - b.left)
  }
}
