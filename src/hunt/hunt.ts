// The hunt on one pair: findings of its scenes, each written as a test and confirmed, those of one cause told as one.
import type { Violation } from '../check/index.ts'
import { revisionByName } from '../kernel/index.ts'
import type { Finding } from '../step/index.ts'
import type { Statement } from './client.ts'
import type { Explored, Raw } from './explore.ts'
import { badness, Blame, type Cause, type Harm, harmOf, HARMS, placeOf } from './identity.ts'
import type { Scene } from './scenes.ts'
import { titleOf } from './title.ts'
import { type Draft, write, type Written } from './write.ts'

/** The weakest that makes a finding, the weakest first. */
export const TRIGGERS = ['a driver', 'a driver and an administrator', 'memory that outlives its driver', 'a call without a driver', 'a step that fails', 'the host'] as const
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
  readonly written: Pick<Written, 'draft' | 'violation'>
  readonly harm: Harm
  readonly cause: Cause | null
  /** What is responsible, as a name: of a decision, a switch or a place. */
  readonly responsible: string
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
export interface Also { readonly finding: Finding; readonly harm: Harm; readonly trigger: Trigger; readonly draft: Draft }

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
  return calls.some((c) => c.agent === 'admin' && c.op !== 'bind' && c.op !== 'unbind') ? 'a driver and an administrator' : 'a driver'
}

/** What the contract says of the host: a fault, a refusal or a belief that needs its doing is none of the kernel's; a success that is none is. */
const hostsOwn = (c: Candidate): boolean => {
  const { property, decision } = c.raw.finding
  return c.trigger === 'the host' && (harmOf(property) === 'device breaks' || property === 'wrong_data' || (property === 'stale_state' && !decision.startsWith('success')))
}

const rank = (c: Candidate): number => TRIGGERS.indexOf(c.trigger) * 1000 + c.raw.calls.length
const sequence = (c: Candidate): string => c.raw.calls.map((s) => s.text).join('; ')
/** Weakest trigger, then fewest calls, then the smaller scene; the text decides the rest, so that two runs agree. */
const better = (a: Candidate, b: Candidate): number => rank(a) - rank(b) || a.scene.with.length - b.scene.with.length || (sequence(a) < sequence(b) ? -1 : sequence(a) > sequence(b) ? 1 : a.scene.name < b.scene.name ? -1 : 1)

/**
 * The candidates worth a look: for each finding the best of each subject of a scene. A finding's name alone (a fault and its row) is too coarse: a buffer
 * and a mapping fail for causes of their own.
 */
export function candidates(explored: readonly Explored[]): Candidate[] {
  const best = new Map<string, Candidate>()
  for (const { scene, raw } of explored) {
    const known = new Map(raw.map((r) => [r.key, r.calls.length]))
    for (const r of raw) {
      const c: Candidate = { raw: r, scene, trigger: triggerOf(r), known }
      if (hostsOwn(c)) continue
      const key = `${r.key}|${scene.with[0]}`
      const other = best.get(key)
      if (other === undefined || better(c, other) < 0) best.set(key, c)
    }
  }
  return [...best.values()].sort(better)
}

/** Who confirms and blames on a pair. @throws RangeError for an unknown kernel */
export function blame(kernel: string, platform: string): Blame {
  const rev = revisionByName(kernel)
  if (rev === undefined) throw new RangeError(`unknown kernel ${kernel}`)
  return new Blame(rev, platform)
}

/** The candidate as a confirmed test with its cause; null: `check` does not find it in the text, a bug of the hunt. */
export function locate(candidate: Candidate, by: Blame): Located | null {
  const { raw, scene, known } = candidate
  const written = write(scene, raw, by.rev.name, by.platform)
  if (written === null) return null
  const harm = harmOf(raw.finding.property)
  const cause = by.causeOf(written, raw, scene, known)
  return { candidate, written: { draft: written.draft, violation: written.violation }, harm, cause, responsible: cause?.name ?? placeOf(raw, written) }
}

/** Those of one cause as one, told by its worst harm; by trigger, then harm, then the shortest. */
export function hazards(located: readonly Located[]): Hazard[] {
  const groups = new Map<string, Located[]>()
  const bad = (l: Located): number => badness(l.candidate.raw.finding.property)
  const sorted = [...located].sort((a, b) => bad(a) - bad(b) || better(a.candidate, b.candidate))
  const names = sameChange(sorted)
  for (const l of sorted) {
    const name = names.get(l.responsible) ?? l.responsible
    groups.set(name, [...(groups.get(name) ?? []), l])
  }
  const out = [...groups].map(([name, list]): Hazard => {
    const [{ candidate: { raw, trigger, scene }, written: { draft, violation }, harm, cause }, ...more] = list as [Located, ...Located[]]
    const told = new Set([raw.key])
    return {
      id: `${harm.replaceAll(' ', '-')}/${name}`, title: titleOf(raw.calls, raw.finding, raw.failing, cause), harm, cause, trigger, finding: raw.finding, violation, draft, calls: raw.calls, scene: scene.name,
      alsoBy: more.filter((l) => !told.has(l.candidate.raw.key) && told.add(l.candidate.raw.key)).map((l) => ({ finding: l.candidate.raw.finding, harm: l.harm, trigger: l.candidate.trigger, draft: l.written.draft }))
    }
  })
  const place = (h: Hazard): number => TRIGGERS.indexOf(h.trigger) * 100_000 + HARMS.indexOf(h.harm) * 1000 + h.draft.body.length
  return out.sort((a, b) => place(a) - place(b) || (a.id < b.id ? -1 : 1))
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
