// What makes a finding one finding: the class of harm and what is responsible. That is a decision of the revision,
// found as `compare` finds it: another value of it, which some revision has, removes the finding from its test; or a
// switch of the platform, which the test cannot do without; or else the first place at which belief and hardware part.
import { allFindings, type CheckResult, checkTest, findingKey, type Violation, watched } from '../check/index.ts'
import {
  type Decision,
  decisionNames,
  decisionTable,
  decisionText,
  type Decisions,
  differences,
  flipText,
  noMeaning,
  type Revision,
  revisions,
  withDecisions
} from '../kernel/index.ts'
import type { Test } from '../litmus/index.ts'
import type { PropertyName } from '../step/index.ts'
import type { Statement } from './statement.ts'
import { ENDS, exploreScene, type Race, type Raw } from './explore.ts'
import type { Scene } from './scenes.ts'
import { type Draft, draftText, parsed, probing, type Written } from './write.ts'

/** Classes of harm, the worst first. */
export const HARMS = [
  'data leaks',
  'wrong data',
  'kernel dies',
  'memory lost',
  'device breaks',
  'belief wrong'
] as const
export type Harm = (typeof HARMS)[number]

const harms: Readonly<Record<PropertyName, Harm>> = {
  exposed: 'data leaks',
  tampered: 'data leaks',
  wrong_data: 'wrong data',
  crash: 'kernel dies',
  deadlock: 'kernel dies',
  warn: 'kernel dies',
  leak: 'memory lost',
  fault: 'device breaks',
  refused: 'device breaks',
  stale_state: 'belief wrong',
  pool_state: 'belief wrong',
  lost_update: 'belief wrong',
  assert: 'belief wrong',
  reached: 'belief wrong',
  unreached: 'belief wrong'
}
export const harmOf = (p: PropertyName): Harm => harms[p]

/** How bad a finding is, the worst first: a warning is only a message, a refusal harms nothing. */
export const badness = (p: PropertyName): number =>
  p === 'warn' || p === 'refused' ? HARMS.length : HARMS.indexOf(harmOf(p))

export interface Cause {
  /** A decision of the revision, or a switch of the platform without which there is no finding. */
  readonly kind: 'decision' | 'switch'
  /** The decision's name, several with `+` where it takes them together; the switch's name. */
  readonly name: string
  /** Its value, and the one without the finding. */
  readonly value: string
  readonly instead: string
  /** How one writes the revision without the finding, and where that value comes from. Empty for a switch. */
  readonly flip: string
  readonly source: string
}

/** Without these the kernel is another one, not the same with one thing better: never blamed. */
const sweeping = (d: Decision): boolean =>
  d === 'accept' || d === 'base' || d === 'needsTsm' || d === 'realmGuest' || d.startsWith('attributes.')

/** Flips that are tried on the whole scene, at most, and how far. */
const MOST_FLIPS = 3
const FLIP_STATES = 2000
/** Pairs of decisions are tried among so many at most. */
const MOST_PAIRED = 14

type Flips = Partial<Record<Decision, Decisions[Decision]>>

/** A test with other values of some decisions: whether harm of its class is left, and what is new. */
interface Tried {
  readonly flips: Flips
  readonly gone: boolean
  readonly fresh: ReadonlyArray<Pick<Violation, 'property' | 'site' | 'decision'>>
}

const shows = (r: CheckResult, p: PropertyName): boolean => allFindings(r).some((v) => v.property === p)

/** Finds who is to blame on one pair. Candidates of one scene share what its flips show. */
export class Blame {
  private readonly shows = new Map<string, readonly Raw[]>()
  /** Revisions with a meaning here, those first that differ least from ours. */
  private readonly others: readonly Revision[]

  constructor(
    readonly rev: Revision,
    readonly platform: string
  ) {
    this.others = revisions
      .filter((r) => r.name !== rev.name && noMeaning(r, platform) === null)
      .sort((a, b) => differences(rev, a).length - differences(rev, b).length)
  }

  private flipped(base: Revision, flips: Flips): Revision {
    return withDecisions(base, flips as Partial<Decisions>, base.name)
  }

  /**
   * What is responsible for a finding in its test; null: neither a decision nor a switch. `known`: what the scene shows
   * as it is, and in how many calls. A flip that only trades (the map fails, so that nothing leaks) is to blame for
   * nothing, unless a revision has made that trade.
   */
  causeOf(w: Written, raw: Raw, scene: Scene, known: ReadonlyMap<string, number>): Cause | null {
    return (
      behindIommu(w) ??
      this.decision(w, scene, known) ??
      this.unsaid(w, raw) ??
      this.switchOf(w, raw) ??
      this.whatIf(w, scene, known)
    )
  }

  /**
   * Shared memory, or a shared range of a BAR, is mapped by a revision in which nobody can say that it is. The nearest
   * revision in which one can has the finding in the test as it is, and not when the test says so.
   */
  private unsaid(w: Written, raw: Raw): Cause | null {
    if (this.rev['attributes.CC_SHARED'] || raw.race !== null) return null
    const shared = mapsOfShared(raw.calls, w.draft)
    if (shared.size === 0) return null
    const draft: Draft = {
      ...w.draft,
      parts: w.draft.parts.map((p) => ({
        ...p,
        body: p.body.map((l) => (shared.has(l) ? l.replace(/\)$/, ', CC_SHARED)') : l))
      }))
    }
    const said = parsed(`${draftText(draft, this.rev.name, this.platform, 'hunt', 'hunt')}${probing(draft)}`)
    const other = this.others.find(
      (r) =>
        r['attributes.CC_SHARED'] &&
        said !== null &&
        this.isWithout(w, this.run(said, r)) &&
        !this.isWithout(w, this.run(w.probe, r))
    )
    return other === undefined
      ? null
      : {
          kind: 'decision',
          name: 'attributes.CC_SHARED',
          value: decisionText(this.rev['attributes.CC_SHARED']),
          instead: `${decisionText(true)}, said by the mapping`,
          flip: flipText('attributes.CC_SHARED', true),
          source: other.sources['attributes.CC_SHARED']
        }
  }

  private decision(w: Written, scene: Scene, known: ReadonlyMap<string, number>): Cause | null {
    const asked = new Set<string>()
    this.run(w.probe, watched(this.rev, asked))
    const may = (d: Decision): boolean => asked.has(d) && !sweeping(d)
    const singles = decisionNames
      .filter(may)
      .flatMap((d) => this.valuesOf(d).map((value) => this.tried(w, { [d]: value })))
      .filter((t) => t.gone)
      .sort((a, b) => a.fresh.length - b.fresh.length)
    const one =
      singles.find((t) => this.made(w, t)) ??
      singles
        .filter((t) => t.fresh.length === 0)
        .slice(0, MOST_FLIPS)
        .find((t) => this.clean(scene, known, t.flips))
    if (one !== undefined) return this.told(one.flips)
    return this.told(this.together(w, may))
  }

  /** Two decisions that the nearest revision without the finding has otherwise, neither of which does alone. */
  private together(w: Written, may: (d: Decision) => boolean): Flips | null {
    const other = this.others.find((r) => this.isWithout(w, this.run(w.probe, r)))
    if (other === undefined) return null
    const differ = differences(this.rev, other).filter(may)
    if (differ.length > MOST_PAIRED) return null
    for (const [i, a] of differ.entries())
      for (const b of differ.slice(i + 1)) {
        const t = this.tried(w, { [a]: other[a], [b]: other[b] })
        if (t.gone && this.made(w, t)) return t.flips
      }
    return null
  }

  /** A value that no revision has yet and that the table of decisions names: what a fix could be. */
  private whatIf(w: Written, scene: Scene, known: ReadonlyMap<string, number>): Cause | null {
    for (const d of decisionNames) {
      const { values } = decisionTable[d]
      if (typeof values === 'string' || sweeping(d)) continue
      for (const value of values) {
        if (value === this.rev[d] || revisions.some((r) => r[d] === value)) continue
        const t = this.tried(w, { [d]: value })
        if (t.gone && t.fresh.length === 0 && this.clean(scene, known, t.flips)) return this.told(t.flips)
      }
    }
    return null
  }

  /** The switch without which nothing alike is left. A failing step is named by the call that it fails. */
  private switchOf(w: Written, raw: Raw): Cause | null {
    // No alias of shared memory fits a narrow mask.
    const mask = has(w.draft, 'dma_mask') ?? has(w.draft, 'coherent_mask') ?? has(w.draft, 'bus_limit')
    if (mask !== undefined && badness(raw.finding.property) === HARMS.length) return switchTold('mask', mask, '64')
    for (const [word, without] of SWITCHES) {
      const entry = has(w.draft, word)
      if (entry === undefined) continue
      const less = parsed(
        draftText(
          { ...w.draft, head: w.draft.head.map((b) => ({ ...b, entries: b.entries.filter((e) => e !== entry) })) },
          this.rev.name,
          this.platform,
          'hunt',
          'hunt'
        )
      )
      if (less === null || shows(this.run(less, this.rev), raw.finding.property)) continue
      return switchTold(
        word === 'tsm_fails'
          ? `${word}.${TEARDOWN.has(raw.failing ?? '') ? 'tsm_unlock' : (raw.failing ?? 'boot')}`
          : word,
        entry,
        without
      )
    }
    return null
  }

  /** The values that other revisions have. */
  private valuesOf(d: Decision): Array<Decisions[Decision]> {
    return [...new Set(revisions.map((r) => r[d]))].filter((v) => v !== this.rev[d])
  }

  private run(test: Test, revision: Revision): CheckResult {
    return checkTest(test, revision.name, this.platform, { maxStates: 50_000, revision, traces: false })
  }

  /**
   * Whether a run of the probe lacks the finding and all alike. A refusal is not like a fault: it may be what prevents
   * it. But a call that only fails, so that the test never comes to its point, prevents nothing.
   */
  private isWithout(w: Written, r: CheckResult): boolean {
    const { property } = w.violation
    const alike = (v: Violation): boolean =>
      v.property === property ||
      (v.property !== 'refused' && property !== 'refused' && harmOf(v.property) === harmOf(property))
    if (r.verdict === 'skipped' || r.verdict === 'vacuous' || allFindings(r).some(alike)) return false
    return (
      !shows(r, 'reached') ||
      shows(r, 'refused') ||
      w.shows.some((v) => v.property === 'refused' || v.property === 'warn')
    )
  }

  private tried(w: Written, flips: Flips): Tried {
    const r = this.run(w.probe, this.flipped(this.rev, flips))
    const before = new Set(w.shows.map(findingKey))
    return {
      flips,
      gone: this.isWithout(w, r),
      fresh: allFindings(r).filter((v) => v.property !== 'reached' && !before.has(findingKey(v)))
    }
  }

  /**
   * Whether a revision has made this change: it has these values and not the finding, and with ours in their place it
   * has it. Only a later revision is taken to have traded harm for less harm on purpose.
   */
  private made(w: Written, { flips, fresh }: Tried): boolean {
    const names = Object.keys(flips) as Decision[]
    const back = Object.fromEntries(names.map((d) => [d, this.rev[d]])) as Flips
    if (fresh.some((v) => badness(v.property) <= badness(w.violation.property))) return false
    return this.others.some(
      (r) =>
        (fresh.length === 0 || r.date >= this.rev.date) &&
        names.every((d) => r[d] === flips[d]) &&
        this.isWithout(w, this.run(w.probe, r)) &&
        !this.isWithout(w, this.run(w.probe, this.flipped(r, back)))
    )
  }

  /** Whether a flip brings no other finding into the scene, nor one with fewer calls than it took there. */
  private clean(scene: Scene, known: ReadonlyMap<string, number>, flips: Flips): boolean {
    const name = `${scene.name} ${this.textOf(flips)}`
    let raw = this.shows.get(name)
    if (raw === undefined)
      this.shows.set(
        name,
        ({ raw } = exploreScene(scene, this.rev.name, this.platform, {
          revision: this.flipped(this.rev, flips),
          hidden: false,
          maxStates: FLIP_STATES
        })).raw
      )
    return raw.every((r) => r.calls.length >= (known.get(r.key) ?? Number.POSITIVE_INFINITY))
  }

  private textOf(flips: Flips): string {
    return Object.entries(flips)
      .map(([d, v]) => flipText(d as Decision, v))
      .join(' ')
  }

  private told(flips: Flips | null): Cause | null {
    if (flips === null) return null
    const names = Object.keys(flips) as Decision[]
    const each = (f: (d: Decision) => string): string => names.map(f).join(', ')
    return {
      kind: 'decision',
      name: names.join('+'),
      value: each((d) => decisionText(this.rev[d])),
      instead: each((d) => decisionText(flips[d] as Decisions[Decision])),
      flip: this.textOf(flips),
      source: each((d) => revisions.find((r) => r[d] === flips[d])?.sources[d] ?? 'a what-if: no revision has it')
    }
  }
}

/**
 * Settings that stand for a failing environment, in the order in which they are blamed, with what is the case without
 * them.
 */
const SWITCHES: ReadonlyArray<readonly [word: string, without: string]> = [
  ['tsm_fails', 'no step that fails'],
  ['conversions', 'succeed'],
  ['misaligned_share', 'whole_granule'],
  ['swiotlb_dynamic', 'off'],
  ['remap', 'yes'],
  ['host_granule', '4K'],
  ['host_stage2', 'shared_only'],
  ['cmdline', 'no swiotlb=force']
]

/** Calls of the administrator that end in the core's one way to let go of a device. */
const TEARDOWN: ReadonlySet<string> = new Set(['tsm_unlock', 'tsm_unregister', 'tsm_disconnect', 'remove', 'unbind'])

const has = (d: Draft, word: string): string | undefined =>
  d.head.flatMap((b) => b.entries).find((e) => e === word || e.startsWith(`${word} `))

/** The code behind a vIOMMU is another one. */
const behindIommu = (w: Written): Cause | null =>
  has(w.draft, 'iommu') !== undefined && harmOf(w.violation.property) === 'device breaks'
    ? switchTold('dma-iommu', 'a vIOMMU', 'no vIOMMU')
    : null

const switchTold = (name: string, entry: string, instead: string): Cause => ({
  kind: 'switch',
  name,
  value: entry.slice(entry.indexOf(' ') + 1),
  instead,
  flip: '',
  source: ''
})

const slug = (s: string): string =>
  s
    .toLowerCase()
    .replace(/[^a-z0-9._]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 48)

/** Calls that give a device to the guest, and that take it away. */
const GAINS: ReadonlySet<string> = new Set(['tsm_lock', 'tsm_accept'])
const LOSES: ReadonlySet<string> = new Set([
  'tsm_unlock',
  'tsm_unregister',
  'tsm_disconnect',
  'remove',
  'pcie_flr',
  'pci_reset_function',
  'pci_clear_master',
  'tsm_dma_disable',
  'host_stop',
  'host_reset',
  'host_error'
])

/**
 * When whose the device is has changed since what the last call is about was made: what that is, and the last change.
 */
export function outOfDate(
  calls: readonly Statement[]
): { readonly made: Statement; readonly change: Statement; readonly gained: boolean } | null {
  const maker = (slot: number): number => calls.findIndex((c) => c.target >= 0 && c.target === slot)
  const about = calls.findLast((c) => c.object >= 0)?.object ?? -1
  let at = maker(about)
  // A user mapping is as old as its buffer.
  if (calls[at]?.op === 'dma_mmap') at = maker(calls[at]?.object ?? -1)
  const change = calls.slice(at + 1).findLast((c) => GAINS.has(c.op) || LOSES.has(c.op))
  const made = calls[at]
  return made === undefined || change === undefined ? null : { made, change, gained: GAINS.has(change.op) }
}

/** Lines that map what is shared: memory that its owner made so, and ranges of a BAR. */
function mapsOfShared(calls: readonly Statement[], d: Draft): Set<string> {
  const shared = new Set<number>()
  const out = new Set<string>()
  for (const c of calls) {
    const isShared =
      c.op === 'dma_map_resource'
        ? d.head.some((b) => b.word === `mmio ${c.mmio}` && b.entries.includes('shared'))
        : c.op === 'dma_map_single' && shared.has(c.object)
    if (isShared) out.add(c.text)
    shared.delete(c.target)
    if (c.op === 'set_memory_decrypted') shared.add(c.object)
    if (c.op === 'set_memory_encrypted') shared.delete(c.object)
  }
  return out
}

/**
 * The finding that comes before one that is met only behind another: what that one has left is the cause. null: none
 * does.
 */
export function cameBefore(shows: readonly Violation[], key: string): string | null {
  const own = shows.find((v) => findingKey(v) === key)
  const first = shows
    .filter((v) => ENDS.has(v.property) && v.trace.length < (own?.trace.length ?? 0))
    .sort((a, b) => a.trace.length - b.trace.length)[0]
  return first === undefined ? null : findingKey(first)
}

/** What a call makes, as one word for those that fail alike. */
const KINDS: Readonly<Record<string, string>> = {
  dma_map_resource: 'bar',
  dma_map_single: 'mapping',
  dma_map_sg: 'mapping',
  dma_alloc_coherent: 'buffer',
  dma_alloc_pages: 'buffer',
  alloc_page: 'memory',
  kmalloc: 'memory',
  dma_mmap: 'user-mapping'
}

/**
 * The call in which the core's belief first parted from the interface, or a pool's from its pages; null: it never did.
 */
function parting(shows: readonly Violation[]): string | null {
  const first = shows
    .filter((v) => v.property === 'stale_state' || v.property === 'pool_state')
    .sort((a, b) => a.trace.length - b.trace.length)[0]
  const statement = first?.trace.findLast((s) => s.statement !== '')?.statement ?? ''
  const call = first === undefined ? null : (/(\w+)\(/.exec(statement)?.[1] ?? 'boot')
  // Which of its means the host uses is no matter.
  return call?.startsWith('host_') === true ? 'host_stop' : call
}

/** Rows of a BAR of the TEE that a device asks for at T=0: whose it is by then is no matter. */
const OUT_OF_REACH = /-t0-pmmio(-\w+)?$/

/**
 * The call that others overlap to the harm of it all: that which made what the last call is about, or the last call.
 */
export const racing = (calls: readonly Statement[], race: Race): Statement => {
  const last = calls.at(-1) as Statement
  const maker = calls.findLastIndex((c) => c.target >= 0 && c.target === last.object)
  return maker >= race.alone ? (calls[maker] as Statement) : last
}

/** The place of a device that breaks on what was made while it was accepted. */
const BEFORE_LOSS = 'memory-before-loss'

/** Calls that map memory for streaming. */
const MAPS: ReadonlySet<string> = new Set(['dma_map_single', 'dma_map_sg'])

/**
 * Without a decision or a switch to blame: the first place at which belief and hardware part. Who comes there and
 * whether it reads or writes is no matter.
 */
export function placeOf({ finding: f, calls, race }: Raw, w: Written): string {
  // What is made while the device is lost breaks as all that was made before does: nobody waits for the driver.
  if (race !== null && f.property === 'fault' && calls.slice(race.alone).some((c) => LOSES.has(c.op)))
    return BEFORE_LOSS
  if (race !== null) return `race/${racing(calls, race).op.replace(/^(dma_(alloc|free))_.*/, '$1')}`
  const harm = harmOf(f.property)
  const last = calls.at(-1)
  if (harm === 'data leaks' && MAPS.has(last?.op ?? '') && last?.direction === 'FROM_DEVICE' && /pool/.test(f.site))
    return 'bounce-pool/from-device'
  if (f.decision.startsWith('tdi-locked')) return slug(f.decision)
  const since = outOfDate(calls)
  if (since !== null && !OUT_OF_REACH.test(f.decision) && (harm === 'data leaks' || f.property === 'fault'))
    return since.gained ? 'before-accept' : harm === 'data leaks' ? 'before-loss' : BEFORE_LOSS
  const parted = parting(w.shows)
  if (parted !== null) return slug(parted)
  if (f.property === 'refused') return slug(f.decision)
  const made = calls.findLast((c) => c.target >= 0)
  // A row of the platform without the device's T bit.
  if (/^dev_(read|write)$/.test(f.site))
    return [
      made === undefined ? '' : (KINDS[made.op] ?? made.op),
      slug(f.decision.replace(OUT_OF_REACH, '-t0-pmmio').replace(/-t[01]-/, '-'))
    ]
      .filter((x) => x !== '')
      .join('/')
  // Coherent buffers and pages, one pool and the other part at one place.
  return [
    f.site.replace(/_pages$/, '').replace(/^(a|an|the) (restricted )?(?=.*pool)/, ''),
    f.decision.replace(/^user (read|write) /, '').replace(/^(meant for an )?accepted .*$/, 'data of an accepted device')
  ]
    .filter((x) => x !== '')
    .map(slug)
    .join('/')
}
