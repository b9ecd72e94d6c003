// The hunt on one pair: findings of its scenes, each written as a test and confirmed, those of one cause told as one.
import type { Violation } from '../check/index.ts'
import { revisionByName } from '../kernel/index.ts'
import type { Finding } from '../step/index.ts'
import type { Statement } from './client.ts'
import type { Explored, Raw } from './explore.ts'
import { Blame, type Cause, type Harm, harmOf, HARMS } from './identity.ts'
import type { Scene } from './scenes.ts'
import { write, type Written } from './write.ts'

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
  readonly written: Written
  readonly harm: Harm
  readonly cause: Cause | null
}

/** One cause. */
export interface Hazard {
  /** Class of harm and decision responsible: stable from run to run and from revision to revision. */
  readonly id: string
  readonly harm: Harm
  readonly cause: Cause | null
  readonly trigger: Trigger
  readonly finding: Finding
  readonly violation: Violation
  readonly written: Written
  readonly scene: string
  /** Other findings with the same cause, the shortest way to each first. */
  readonly alsoBy: ReadonlyArray<{ readonly finding: Finding; readonly trigger: Trigger; readonly calls: number }>
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
  if (failing) return 'a step that fails'
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
export function locate({ raw, scene, trigger, known }: Candidate, by: Blame): Located | null {
  const { finding, calls } = raw
  const written = write(scene, calls, finding, by.rev.name, by.platform)
  if (written === null) return null
  return { candidate: { raw, scene, trigger, known }, written, harm: harmOf(finding.property), cause: by.causeOf(written.test, scene, known, finding) }
}

const slug = (s: string): string => s.toLowerCase().replace(/[^a-z0-9._]+/g, '-').replace(/^-|-$/g, '').slice(0, 48)
/** Calls that change whose the device is. */
const TRUST: ReadonlySet<string> = new Set(['tsm_lock', 'tsm_accept', 'tsm_unlock', 'tsm_unregister', 'remove', 'pcie_flr', 'pci_clear_master'])

/** What the last call is about, when trust has changed since it was made: which call made it, and the last change. */
function outOfDate(calls: readonly Statement[]): string | null {
  const about = calls.findLast((c) => c.object >= 0)?.object
  const made = calls.findLastIndex((c) => c.target >= 0 && c.target === about)
  const change = calls.slice(made + 1).findLast((c) => TRUST.has(c.op))
  return made < 0 || change === undefined ? null : `${calls[made]?.op} before ${change.op}`
}

/** Without a decision to blame: the first place at which belief and hardware part, whoever comes there and whether it reads or writes. */
function placeOf({ finding: f, calls }: Raw): string {
  const leaks = harmOf(f.property) === 'data leaks'
  const since = outOfDate(calls)
  const site = /^(dev|cpu|user)_(read|write)$/.test(f.site) ? '' : f.site
  const what = leaks && /\baccepted\b/.test(f.decision) ? 'data of an accepted device' : f.decision
  return (leaks && since !== null ? [since] : [site, what]).filter((x) => x !== '').map(slug).join('/')
}
const idOf = (l: Located): string => `${slug(l.harm)}/${l.cause === null ? placeOf(l.candidate.raw) : l.cause.decision}`

/** Those of one cause as one; by trigger, then the worst harm, then the shortest. */
export function hazards(located: readonly Located[]): Hazard[] {
  const groups = new Map<string, Located[]>()
  for (const l of [...located].sort((a, b) => better(a.candidate, b.candidate))) groups.set(idOf(l), [...(groups.get(idOf(l)) ?? []), l])
  const out = [...groups].map(([id, list]): Hazard => {
    const [first, ...more] = list as [Located, ...Located[]]
    const { candidate, written, harm, cause } = first
    const told = new Set([candidate.raw.key])
    return {
      id, harm, cause, trigger: candidate.trigger, finding: candidate.raw.finding, violation: written.violation, written, scene: candidate.scene.name,
      alsoBy: more.filter(({ candidate: c }) => !told.has(c.raw.key) && told.add(c.raw.key)).map(({ candidate: c }) => ({ finding: c.raw.finding, trigger: c.trigger, calls: c.raw.calls.length }))
    }
  })
  const place = (h: Hazard): number => TRIGGERS.indexOf(h.trigger) * 100_000 + HARMS.indexOf(h.harm) * 1000 + h.written.draft.body.length
  return out.sort((a, b) => place(a) - place(b) || (a.id < b.id ? -1 : 1))
}
