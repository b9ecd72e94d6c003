// One litmus test on one kernel revision and one platform: built, explored, judged.
import { type Finding, type PropertyName, scheduleText } from '../step/index.ts'
import { Bytes } from '../base/index.ts'
import { type KernelParts, noMeaning, type Revision } from '../kernel/index.ts'
import { watch } from '../properties/index.ts'
import { expectFor, type Expectation, forbiddenProperties, revisionOf, type Test, vocabulary } from '../litmus/index.ts'
import { absent, notes } from './absent.ts'
import type { Start } from './model.ts'
import { Scene } from './scene.ts'
import { watched } from './asked.ts'
import type { Frame } from './frames.ts'
import { type Exploration, type Found, Search } from './search.ts'
import type { TraceStep } from './trace.ts'
import { summaryText } from './naming.ts'

type OpName = vocabulary.OpName

export type Verdict = 'violated' | 'incomplete' | 'vacuous' | 'ok' | 'skipped'

export interface Violation {
  /** Stable from one revision of a patch to the next: property, decision and site, minimal sequence. */
  readonly id: string
  readonly property: PropertyName
  readonly site: string
  readonly decision: string
  readonly summary: string
  readonly trace: readonly TraceStep[]
  /** Steps of `init` before the threads. */
  readonly initSteps: readonly TraceStep[]
  /** For `tbit run --schedule`. */
  readonly schedule: string
  readonly final: boolean
  /** After each step of `initSteps` and `trace`, where they were asked for. */
  readonly frames?: readonly Frame[]
}

export interface CheckResult {
  readonly file: string
  readonly test: string
  readonly kernel: string
  readonly platform: string
  readonly verdict: Verdict
  /** Why it was skipped. */
  readonly reason: string | null
  readonly violations: readonly Violation[]
  /** Findings that are not forbidden. */
  readonly reported: readonly Violation[]
  readonly states: number
  readonly transitions: number
  readonly complete: boolean
  readonly expected: 'match' | 'mismatch' | null
  readonly expectation: Expectation | null
  /** What must be known beside the verdict, a sentence each: words of the test without effect on this pair. */
  readonly notes: readonly string[]
  readonly coverage: Coverage
}

/** What a run found: what its test forbids, then what is only reported. */
export const allFindings = (r: Pick<CheckResult, 'violations' | 'reported'>): Violation[] => [
  ...r.violations,
  ...r.reported
]

/** What the search could use: said beside each verdict. */
export interface Coverage {
  readonly interleave: 'steps' | 'calls'
  readonly maxStates: number
  readonly threads: number
  /** Operations of the language that the test uses, of all there are. */
  readonly operations: number
  readonly operationsKnown: number
  readonly operationNames: readonly string[]
  /** Settings of the platform's named switches in force. */
  readonly switches: readonly string[]
  /** Rows of the platform's table that the run met, of all it has. */
  readonly rows: number
  readonly rowsKnown: number
  readonly rowNames: readonly string[]
  /** Mechanisms that the run never met (absent.ts). */
  readonly absent: readonly string[]
  readonly depth: number
}

export interface CheckOptions {
  readonly maxStates?: number
  readonly interleave?: 'steps' | 'calls'
  readonly onProgress?: (states: number, transitions: number) => boolean
  /** Instead of the named revision: for `compare`, which flips one decision at a time. */
  readonly revision?: Revision
  /** Parts of the kernel that are not ours: a tree's own C. */
  readonly parts?: KernelParts
  /**
   * Of `checkTest`. false: findings come without the way to them, for whoever only asks which there are. Their ids then
   * lack the sequence. Default true.
   */
  readonly traces?: boolean
  /** The whole visible state after each step of a finding (frames.ts). Default false. */
  readonly frames?: boolean
}

const DEFAULT_MAX = 2_000_000

/** What a search has found, for whoever looks for the ways to it. */
export interface Searched {
  readonly scene: Scene
  readonly initX: Exploration
  /** States in which `init` ended, each a start of the threads. */
  readonly initEnds: readonly number[]
  /** Decisions that the kernel asked for; null where frames are not wanted. */
  readonly asked: Set<string> | null
}

/** Finds the way to each finding (ways.ts). Handed in: a page fetches it behind the first verdict. */
export type Ways = (s: Searched) => (from: Exploration, found: Found) => Violation

/** A check that goes on as far as it is told, for whoever must answer others meanwhile. */
export interface CheckSession {
  /** States so far. */
  readonly states: number
  /** Goes on over about `states` more states; false when nothing is left to do. */
  advance(states: number): boolean
  /**
   * The result; incomplete, with what was found, when there was more to do. Where `ways` is null at once, and without
   * the ways to the findings (as the option `traces` has it); the whole one can be asked for afterwards.
   */
  result(ways: Ways | null): CheckResult
}

/** The session, with nothing left to do. */
export function toItsEnd(session: CheckSession): CheckSession {
  while (session.advance(Number.POSITIVE_INFINITY)) {
    /* on */
  }
  return session
}

export function beginCheck(test: Test, kernel: string, platform: string, o: CheckOptions = {}): CheckSession {
  const coverage: Coverage = {
    interleave: o.interleave ?? 'steps',
    maxStates: o.maxStates ?? DEFAULT_MAX,
    threads: test.threads.length,
    ...usedOperations(test),
    ...NOTHING_MET
  }
  const base: Base = {
    file: test.file,
    test: test.name,
    kernel,
    platform,
    expectation: expectFor(test, kernel, platform)
  }
  const reason = noMeaning(o.revision ?? revisionOf(test, kernel), platform)
  if (reason === null) return new Session(test, base, coverage, o)
  return {
    states: 0,
    advance: () => false,
    result: () => skippedResult(base, reason, coverage)
  }
}

type Base = Pick<CheckResult, 'file' | 'test' | 'kernel' | 'platform' | 'expectation'>

/** Of what a run goes through, what one has that does not begin. */
export const NOTHING_MET = { switches: [], rows: 0, rowsKnown: 0, rowNames: [], absent: [], depth: 0 } as const

/** The result of a run that has no meaning, for this reason. */
export const skippedResult = (base: Base, reason: string, coverage: Coverage): CheckResult => ({
  ...base,
  verdict: 'skipped',
  reason,
  violations: [],
  reported: [],
  states: 0,
  transitions: 0,
  complete: false,
  expected: null,
  notes: [],
  coverage
})

function usedOperations(test: Test): Pick<Coverage, 'operations' | 'operationsKnown' | 'operationNames'> {
  const operationNames = operationsOf(test)
  return { operations: operationNames.length, operationsKnown: vocabulary.operations.length, operationNames }
}

class Session implements CheckSession {
  private readonly scene: Scene
  /** Decisions that the kernel asks for while it runs; only kept where frames are wanted. */
  private readonly asked: Set<string> | null
  private readonly initX: Search
  private threads: Search | null = null
  // Boot and init run alone; each way they can end is a start for the threads.
  private readonly starts: Start[] = []
  private readonly initEnds: number[] = []

  constructor(
    private readonly test: Test,
    private readonly base: Base,
    private readonly coverage: Coverage,
    private readonly o: CheckOptions
  ) {
    this.asked = o.frames === true ? new Set() : null
    const revision = this.asked === null ? o.revision : watched(o.revision ?? revisionOf(test, base.kernel), this.asked)
    this.scene = new Scene(test, base.kernel, base.platform, {
      ...(revision ? { revision } : {}),
      ...(o.parts ? { parts: o.parts } : {})
    })
    const { maxStates, interleave } = coverage
    this.initX = new Search(this.scene.init, {
      maxStates,
      interleave,
      onState: this.scene.onState,
      ...(o.onProgress ? { onProgress: o.onProgress } : {}),
      onFinal: (st, state) => {
        this.starts.push(this.scene.startFrom(st))
        this.initEnds.push(state)
        return null
      }
    })
  }

  get states(): number {
    return this.initX.states + (this.threads?.states ?? 0)
  }

  advance(states: number): boolean {
    if (this.threads === null) {
      if (this.initX.advance(states)) return true
      this.threads = this.searchThreads()
    }
    return this.threads.advance(states)
  }

  private searchThreads(): Search {
    const { scene, o } = this
    const { maxStates, interleave } = this.coverage
    return new Search(scene.threads(this.starts), {
      maxStates: Math.max(1, maxStates - this.initX.states),
      interleave,
      ...(o.onProgress ? { onProgress: o.onProgress } : {}),
      onState: scene.onState,
      onFinal: (st) => scene.onFinal(st),
      onDeadlock: (_st, waiting) => scene.onDeadlock(waiting)
    })
  }

  result(ways: Ways | null): CheckResult {
    const { test, base, scene, o } = this
    const { sys } = scene
    this.initX.stop()
    this.threads ??= this.searchThreads()
    this.threads.stop()
    const [initX, x] = [this.initX.result(), this.threads.result()]
    const complete = initX.complete && x.complete
    const { violations, reported } = this.judged(initX, x, ways)
    if (complete)
      for (const f of scene.unreached())
        violations.push({
          ...f,
          id: `unreached/exists/${hash(f.decision)}`,
          trace: [],
          initSteps: [],
          schedule: '',
          final: false
        })
    const vacuous = complete && x.finals === 0
    const verdict: Verdict = violations.length > 0 ? 'violated' : !complete ? 'incomplete' : vacuous ? 'vacuous' : 'ok'
    const { operationNames } = this.coverage
    const { rows, switches } = sys.kernel.platform
    const rowNames = rows.map((r) => r.id).filter((id) => sys.rowsMet.has(id))
    const coverage: Coverage = {
      ...this.coverage,
      switches: switches.map((s) => `${s} ${show(sys.kernel.config[s])}`),
      rows: rowNames.length,
      rowsKnown: rows.length,
      rowNames,
      absent: absent(test, operationNames, sys),
      depth: x.depth
    }
    return {
      ...base,
      verdict,
      reason: null,
      violations: sorted(violations),
      reported: sorted(reported),
      states: initX.states + x.states,
      transitions: initX.transitions + x.transitions,
      complete,
      expected: expectedOf(test, base, o, verdict, violations, complete),
      notes: notes(test, operationNames, sys),
      coverage
    }
  }

  /** Each finding once, with the way to it where that is wanted: those that the test forbids, and the others. */
  private judged(
    initX: Exploration,
    x: Exploration,
    ways: Ways | null
  ): { violations: Violation[]; reported: Violation[] } {
    const { scene, initEnds, asked } = this
    const forbidden = forbiddenProperties(this.test)
    const violations: Violation[] = []
    const reported: Violation[] = []
    const seen = new Set<string>()
    const wayTo = ways?.({ scene, initX, initEnds, asked })
    for (const from of [initX, x])
      for (const f of from.findings) {
        if (seen.has(f.key)) continue
        seen.add(f.key)
        const v = wayTo?.(from, f) ?? violation(f.finding, [], [], true)
        if (forbidden.has(f.finding.property)) violations.push(v)
        else reported.push(v)
      }
    return { violations, reported }
  }
}

const show = (v: unknown): string =>
  typeof v === 'boolean'
    ? v
      ? 'on'
      : 'off'
    : v === null
      ? 'max'
      : typeof v === 'number' && v >= 4096
        ? Bytes.format(v)
        : String(v)

/** The result of one pair as that of another on which the run is the same, beside what is expected there. */
export function resultFor(
  r: CheckResult,
  test: Test,
  kernel: string,
  platform: string,
  o: CheckOptions = {}
): CheckResult {
  const base = { ...r, kernel, platform, expectation: expectFor(test, kernel, platform) }
  return { ...base, expected: expectedOf(test, base, o, r.verdict, r.violations, r.complete) }
}

function expectedOf(
  test: Test,
  { expectation, platform }: Pick<Base, 'expectation' | 'platform'>,
  o: CheckOptions,
  verdict: Verdict,
  violations: readonly Violation[],
  complete: boolean
): CheckResult['expected'] {
  const e = expectation?.kind === 'as' ? asOther(test, expectation.kernel, platform, o) : expectation
  return judge(e, verdict, violations, complete)
}

/**
 * What `as KERNEL` asks for: what that kernel violates on this platform in a search of its own; null where it has no
 * meaning or no complete search.
 */
function asOther(
  test: Test,
  kernel: string,
  platform: string,
  { revision: _, ...o }: CheckOptions
): Expectation | null {
  const r = toItsEnd(beginCheck({ ...test, expects: [] }, kernel, platform, o)).result(null)
  const properties = [...new Set(r.violations.map((v) => v.property))] as vocabulary.PropertyName[]
  switch (r.verdict) {
    case 'skipped':
      return null
    case 'ok':
      return { kind: 'ok' }
    case 'vacuous':
      return { kind: 'vacuous' }
    default:
      return r.complete ? { kind: 'violated', properties } : null
  }
}

/** `ok`, `vacuous` or the exact set; null for an incomplete search unless a finding outside the set was met. */
function judge(
  e: Expectation | null,
  verdict: Verdict,
  violations: readonly Violation[],
  complete: boolean
): 'match' | 'mismatch' | null {
  if (e === null) return null
  const got = new Set(violations.map((v) => v.property))
  const want = new Set<PropertyName>(e.kind === 'violated' ? e.properties : [])
  for (const p of got) if (!want.has(p)) return 'mismatch'
  if (!complete) return null
  switch (e.kind) {
    case 'ok':
      return verdict === 'ok' ? 'match' : 'mismatch'
    case 'vacuous':
      return verdict === 'vacuous' ? 'match' : 'mismatch'
    case 'violated':
      return got.size === want.size ? 'match' : 'mismatch'
    case 'as':
      return null
  }
}

function sorted(v: readonly Violation[]): Violation[] {
  const order = vocabulary.properties.map((p) => p.name)
  return [...v].sort(
    (a, b) =>
      order.indexOf(a.property) - order.indexOf(b.property) || a.trace.length - b.trace.length || (a.id < b.id ? -1 : 1)
  )
}

/** A finding after `steps`, and after `before` where these are the steps of `init`. */
export function violation(
  f: Finding,
  steps: readonly TraceStep[],
  before: readonly TraceStep[],
  inInit: boolean
): Violation {
  const minimal = [...before, ...steps]
    .map((s) => `${s.name}:${s.statement}`)
    .filter((s, i, all) => s !== all[i - 1])
    .join(';')
  return {
    id: `${f.property}/${slug(f.site)}/${slug(f.decision)}/${hash(minimal)}`,
    property: f.property,
    site: f.site,
    decision: f.decision,
    summary: summaryText(f.summary),
    trace: steps,
    initSteps: inInit ? [] : before,
    schedule: scheduleText([...(inInit || before.every((s) => s.outcome === 0) ? [] : before), ...steps]),
    final: false
  }
}

const slug = (s: string): string =>
  s
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 48)

/** FNV-1a, 32 bits: names a sequence of statements. */
export function hash(s: string): string {
  let h = 0x811c9dc5
  for (let i = 0; i < s.length; i++) h = Math.imul(h ^ s.charCodeAt(i), 0x01000193)
  return (h >>> 0).toString(16).padStart(8, '0')
}

/** The operations that the statements of a test have, each once. */
export const operationsOf = (test: Test): OpName[] => [...new Set(walk(test))].sort()

function* walk(test: Test): Generator<OpName> {
  const list = [...test.init, ...test.threads.flatMap((t) => t.body)]
  while (list.length > 0) {
    const s = list.pop()
    if (s === undefined) break
    switch (s.kind) {
      case 'call':
        yield s.op
        break
      case 'if':
        list.push(...s.then, ...s.else)
        break
      case 'choose':
        list.push(...s.branches.flat())
        break
      case 'repeat':
        list.push(...s.body)
        break
      default:
        break
    }
  }
}

/** Ghost state and properties for a single run: what is wrong with each state it comes through. */
export const watchRun = watch
