// The hunt on one pair: findings of its scenes, each written as a test and confirmed, those of one cause told as one.
import type { Violation } from '../check/index.ts'
import { revisionByName } from '../kernel/index.ts'
import type { Finding } from '../step/index.ts'
import type { Statement } from './statement.ts'
import type { Explored, Raw } from './explore.ts'
import { badness, Blame, cameBefore, type Cause, type Harm, harmOf, HARMS, placeOf } from './identity.ts'
import type { Scene } from './scenes.ts'
import { titleOf } from './title.ts'
import { type Draft, write, type Written } from './write.ts'

/** The weakest that makes a finding, the weakest first. */
export const TRIGGERS = [
  'a driver',
  'a driver and an administrator',
  'memory that outlives its driver',
  'a call without a driver',
  'a step that fails',
  'the host'
] as const
export type Trigger = (typeof TRIGGERS)[number]

/** A finding of one scene with its shortest sequence there. */
export interface Candidate {
  readonly raw: Raw
  readonly scene: Scene
  readonly trigger: Trigger
  /** All that the scene shows, by key, with the fewest calls to it. */
  readonly known: ReadonlyMap<string, number>
}

/** A candidate that `check` confirms, and what is to blame. */
export interface Located {
  readonly candidate: Candidate
  readonly written: Pick<Written, 'draft' | 'violation' | 'raw'>
  readonly harm: Harm
  readonly cause: Cause | null
  /** What is responsible, as a name: of a decision, a switch or a place. */
  readonly responsible: string
  /** Key of the finding whose consequence it is: then nobody was asked for a cause. null: it stands by itself. */
  readonly after: string | null
}

/** One cause. */
export interface Hazard {
  /** Class of harm and what is responsible: stable from run to run and from revision to revision. */
  readonly id: string
  readonly title: string
  readonly harm: Harm
  readonly cause: Cause | null
  readonly trigger: Trigger
  readonly finding: Finding
  readonly violation: Violation
  readonly draft: Draft
  readonly calls: readonly Statement[]
  readonly scene: string
  /** Other findings with the same cause, the shortest way to each first. */
  readonly alsoBy: readonly Also[]
}

/** Another finding with the same cause: confirmed, too. */
export interface Also {
  readonly finding: Finding
  readonly harm: Harm
  readonly trigger: Trigger
  readonly draft: Draft
  /** Met only behind the first, as its consequence. */
  readonly after: boolean
}

/** Whether a driver left something when it went, and whether a call was made for a device without a driver. */
function brokenBy(calls: readonly Statement[]): { readonly outlived: boolean; readonly driverless: boolean } {
  const bound = new Set<number>()
  const held = new Map<number, number>()
  let [outlived, driverless] = [false, false]
  for (const c of calls) {
    if (c.op === 'bind') bound.add(c.device)
    else if (c.op === 'unbind' || c.op === 'remove') {
      bound.delete(c.device)
      if ([...held.values()].includes(c.device)) outlived = true
    } else if (c.agent === 'driver') {
      if (c.ends) held.delete(c.object)
      else if (c.device >= 0 && !bound.has(c.device)) driverless = true
      if (c.target >= 0 && c.device >= 0) held.set(c.target, c.device)
    }
  }
  return { outlived, driverless }
}

/** What the sequence itself needs, whatever its scene allows beside. */
function triggerOf({ calls, failing }: Raw): Trigger {
  if (calls.some((c) => c.agent === 'host')) return 'the host'
  if (failing !== null) return 'a step that fails'
  const { outlived, driverless } = brokenBy(calls)
  if (driverless) return 'a call without a driver'
  if (outlived) return 'memory that outlives its driver'
  return calls.some((c) => c.agent === 'admin' && c.op !== 'bind' && c.op !== 'unbind')
    ? 'a driver and an administrator'
    : 'a driver'
}

/**
 * What the contract says of the host: a fault, a refusal or a belief that needs its doing is none of the kernel's; a
 * success that is none is.
 */
export const isHostsOwn = ({ property, decision }: Pick<Finding, 'property' | 'decision'>): boolean =>
  harmOf(property) === 'device breaks' ||
  property === 'wrong_data' ||
  (property === 'stale_state' && !decision.startsWith('success'))

const rank = (c: Candidate): number =>
  TRIGGERS.indexOf(c.trigger) * 1000 + c.raw.calls.length + (c.raw.race === null ? 0 : OVERLAP)
/** Calls one after the other are told before calls that overlap. */
const OVERLAP = 100
const sequence = (c: Candidate): string => c.raw.calls.map((s) => s.text).join('; ')
/** Weakest trigger, then fewest calls, then the smaller scene; the text decides the rest, so that two runs agree. */
const better = (a: Candidate, b: Candidate): number =>
  rank(a) - rank(b) ||
  a.scene.with.length - b.scene.with.length ||
  (sequence(a) < sequence(b) ? -1 : sequence(a) > sequence(b) ? 1 : a.scene.name < b.scene.name ? -1 : 1)

/**
 * The candidates worth a look: for each finding the best of each subject of a scene. A fault and its row alone are too
 * coarse: a buffer and a mapping fail for causes of their own. What a function of the kernel does is one finding.
 */
export function candidates(explored: readonly Explored[]): Candidate[] {
  const best = new Map<string, Candidate>()
  const shown = new Map<string, Map<string, number>>()
  for (const { scene, raw } of explored)
    shown.set(
      scene.name,
      new Map([...(shown.get(scene.name) ?? []), ...raw.map((r) => [r.key, r.calls.length] as const)])
    )
  for (const { scene, raw } of explored) {
    const known = shown.get(scene.name) ?? new Map<string, number>()
    for (const r of raw) {
      const c: Candidate = { raw: r, scene, trigger: triggerOf(r), known }
      if (c.trigger === 'the host' && isHostsOwn(r.finding)) continue
      const key = ofTheKernel(r.finding) ? r.key : `${r.key}|${scene.with[0]}`
      const other = best.get(key)
      if (other === undefined || better(c, other) < 0) best.set(key, c)
    }
  }
  return [...best.values()].sort(better)
}

/** Whether a finding's site is the function of the kernel that does it. */
const ofTheKernel = ({ property, site }: Finding): boolean =>
  property === 'warn' || ((property === 'crash' || property === 'leak') && !/^(cpu|dev|user)_(read|write)$/.test(site))

/** Who confirms and blames on a pair. @throws RangeError for an unknown kernel */
export function blame(kernel: string, platform: string): Blame {
  const rev = revisionByName(kernel)
  if (rev === undefined) throw new RangeError(`unknown kernel ${kernel}`)
  return new Blame(rev, platform)
}

/** The candidate as a confirmed test with its cause; null: `check` does not find it in the text, a bug of the hunt. */
export function locate(candidate: Candidate, by: Blame): Located | null {
  const { scene, known } = candidate
  const written = write(scene, candidate.raw, by.rev.name, by.platform)
  if (written === null) return null
  const { raw } = written
  const harm = harmOf(raw.finding.property)
  const before = raw.hidden ? cameBefore(written.shows, raw.key) : null
  const after = before !== null && known.has(before) ? before : null
  const cause = after === null ? by.causeOf(written, raw, scene, known) : null
  return {
    candidate,
    written: { draft: written.draft, violation: written.violation, raw },
    harm,
    cause,
    responsible: cause?.name ?? placeOf(raw, written),
    after
  }
}

/**
 * Those of one cause as one, told by its worst harm; by a consequence only where what comes before it is no more than a
 * wrong belief. By trigger, then harm, then the shortest.
 */
export function hazards(located: readonly Located[]): Hazard[] {
  const groups = new Map<string, Located[]>()
  const bad = (l: Located): number => badness(l.candidate.raw.finding.property)
  const late = (l: Located): number => (l.after === null || isHarmOfBelief(l, firstOf(l, located)) ? 0 : 1)
  const sorted = [...located].sort((a, b) => late(a) - late(b) || bad(a) - bad(b) || better(a.candidate, b.candidate))
  const names = sameChange(sorted)
  for (const l of sorted) {
    const { responsible } = firstOf(l, sorted)
    const name = names.get(responsible) ?? responsible
    groups.set(name, [...(groups.get(name) ?? []), l])
  }
  const out = [...groups].map(([name, list]): Hazard => {
    const [
      {
        candidate: { trigger, scene },
        written: { draft, violation, raw },
        harm,
        cause
      },
      ...more
    ] = list as [Located, ...Located[]]
    const told = new Set([raw.key])
    return {
      id: `${harm.replaceAll(' ', '-')}/${name}`,
      title: titleOf(raw, cause),
      harm,
      cause,
      trigger,
      finding: raw.finding,
      violation,
      draft,
      calls: raw.calls,
      scene: scene.name,
      alsoBy: more
        .filter((l) => !told.has(l.candidate.raw.key) && told.add(l.candidate.raw.key))
        .map((l) => ({
          finding: l.candidate.raw.finding,
          harm: l.harm,
          trigger: l.candidate.trigger,
          draft: l.written.draft,
          after: l.after !== null
        }))
    }
  })
  const place = (h: Hazard): number =>
    TRIGGERS.indexOf(h.trigger) * 100_000 + HARMS.indexOf(h.harm) * 1000 + h.calls.length
  return out.sort((a, b) => place(a) - place(b) || (a.id < b.id ? -1 : 1))
}

/** A wrong belief that comes to worse than a device that breaks. */
const isHarmOfBelief = (l: Located, first: Located): boolean =>
  first.harm === 'belief wrong' && HARMS.indexOf(l.harm) < HARMS.indexOf('device breaks')

/** What a consequence is one of, of the same subject if it can be: the finding that has none before it. */
function firstOf(l: Located, all: readonly Located[]): Located {
  const seen = new Set<Located>()
  for (let at = l; ; ) {
    seen.add(at)
    const before = all.filter((x) => x.candidate.raw.key === at.after && !seen.has(x))
    const next = before.find((x) => x.candidate.scene.with[0] === at.candidate.scene.with[0]) ?? before[0]
    if (next === undefined) return at
    at = next
  }
}

/** Decisions that one commit changed are one cause: each by the name of the one that is told first. */
function sameChange(located: readonly Located[]): Map<string, string> {
  const byCommit = new Map<string, string>()
  const names = new Map<string, string>()
  for (const { cause, responsible } of located) {
    if (cause?.kind !== 'decision' || !/^[0-9a-f]{12}\b/.test(cause.source)) continue
    const first = byCommit.get(cause.source) ?? responsible
    byCommit.set(cause.source, first)
    names.set(responsible, first)
  }
  return names
}
