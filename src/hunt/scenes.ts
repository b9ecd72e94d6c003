// The scenes that are hunted: many small ones. Each is a plain one with an ingredient more; then pairs of ingredients, several to a scene, by a
// covering array. What cannot exist on a platform or with a revision is left out, which their records say; and what only a host does that does not
// keep its word (host_mirror, stage 2 cut), since a fault that needs it is no finding.
import { accepts, connectIsLock, revisionByName, type Revision, tsmDriver } from '../kernel/index.ts'
import { type Platform, platformByName } from '../machine/index.ts'
import type { OpName } from '../litmus/operations.ts'
import type { Level } from './contract.ts'

/** One block of a test's head: `config`, `device NAME` or `mmio NAME`, and what stands between its braces. */
export interface Block { readonly word: string; readonly entries: readonly string[] }

export interface Scene {
  readonly name: string
  /** Ingredients. */
  readonly with: readonly string[]
  /** config, devices and BARs. */
  readonly head: readonly Block[]
  readonly level: Level
  /** Places for objects by letter: p pages, k kmalloc buffers, h mappings, b coherent buffers, g pages for DMA, r BAR ranges, u user mappings. */
  readonly slots: Readonly<Record<string, number>>
  readonly directions: readonly string[]
  readonly masks: readonly number[]
  /** Pages above 4G; conversions by the client; allocations that cannot block; without a kernel mapping. */
  readonly high: boolean
  readonly explicit: boolean
  readonly atomic: boolean
  readonly cookie: boolean
  /** Whether the client makes such a call here, and about such an object. */
  readonly hunts: (op: OpName) => boolean
  readonly about: (op: OpName, kind: string) => boolean
}

/** A scene in the making. */
interface Draft {
  config: string[]
  device: string[]
  others: Block[]
  level: Level
  slots: Record<string, number>
  directions: string[]
  masks: number[]
  high: boolean
  explicit: boolean
  atomic: boolean
  cookie: boolean
  admin: boolean
  host: boolean
  syncs: boolean
  pci: boolean
}

interface Ingredient {
  readonly name: string
  readonly words: string
  /** Ingredients of one group exclude each other. */
  readonly group: string
  readonly exists?: (p: Platform, rev: Revision) => boolean
  readonly add: (d: Draft, p: Platform, rev: Revision) => void
  /** Enlarges the state: alone, never in a pair. */
  readonly alone?: true
}

const block = (word: string, ...entries: string[]): Block => ({ word, entries })

const stream = (d: Draft): boolean => (d.slots.h ?? 0) > 0

/** What a scene is about. */
const subjects: ReadonlyArray<Ingredient> = [
  { name: 'stream', words: 'a page and a streaming mapping of it', group: 'subject', add: (d) => { Object.assign(d.slots, { p: 1, h: 1 }) } },
  { name: 'kmalloc', words: 'a small kmalloc buffer and a streaming mapping of it', group: 'subject', add: (d) => { Object.assign(d.slots, { k: 1, h: 1 }) } },
  { name: 'coherent', words: 'a coherent buffer', group: 'subject', add: (d) => { Object.assign(d.slots, { b: 1 }) } },
  { name: 'pages', words: 'pages for DMA', group: 'subject', add: (d) => { Object.assign(d.slots, { g: 1 }) } },
  { name: 'mmio-shared', words: 'a BAR range that is not the TEE\'s, mapped by a peer', group: 'subject', add: (d) => { d.slots.r = 1; d.others.push(block('device gpu'), block('mmio bar', 'of gpu', 'shared')) } },
  { name: 'mmio-private', words: 'a BAR range of the TEE, mapped by a peer', group: 'subject', exists: (p, rev) => accepts(rev, p), add: (d) => { d.slots.r = 1; d.others.push(block('device gpu', 'accepted'), block('mmio bar', 'of gpu', 'private')) } }
]

/** Whom the device belongs to. */
const trusts: ReadonlyArray<Ingredient> = [
  { name: 't0', words: 'a device that nobody accepts', group: 'trust', add: () => {} },
  { name: 't1', words: 'a device that is accepted from the start', group: 'trust', exists: (p, rev) => accepts(rev, p), add: (d) => { d.device.push('accepted') } },
  { name: 'tdisp', words: 'a device that an administrator may lock, accept and unlock', group: 'trust', exists: (p, rev) => accepts(rev, p), add: (d) => { d.device.push('tdisp'); d.admin = true } }
]

const ingredients: ReadonlyArray<Ingredient> = [
  { name: 'force', words: 'swiotlb=force', group: 'bounce', add: (d) => { d.config.push('cmdline "swiotlb=force"') } },
  { name: 'restricted', words: 'a restricted pool', group: 'bounce', add: (d) => { d.device.push('restricted_pool 4') } },
  { name: 'iommu', words: 'a vIOMMU', group: 'bounce', add: (d) => { d.device.push('iommu') } },
  { name: 'untrusted', words: 'a vIOMMU and a device on an external port', group: 'bounce', add: (d) => { d.device.push('iommu', 'untrusted') } },
  { name: 'dynamic', words: 'a bounce pool that grows', group: 'pool', add: (d) => { d.config.push('swiotlb_dynamic on') } },
  { name: 'no-remap', words: 'a kernel without CONFIG_DMA_DIRECT_REMAP', group: 'remap', exists: (p) => p.noncoherentDevices && p.architecture !== 'arm64', add: (d) => { d.config.push('remap no') } },
  { name: 'narrow', words: 'masks of 32 bits', group: 'mask', add: (d) => { d.device.push('dma_mask 32', 'coherent_mask 32'); d.high = true } },
  { name: 'noncoherent', words: 'a device that does not snoop', group: 'coherence', exists: (p) => p.noncoherentDevices, add: (d) => { d.device.push('noncoherent') } },
  { name: 'granule', words: 'a host granule of 64K', group: 'granule', exists: (p) => p.guest, add: (d) => { d.config.push('host_granule 64K') } },
  { name: 'granule-refused', words: 'a host granule of 64K, less of which is refused', group: 'granule', exists: (p) => p.guest && p.switches.includes('misaligned_share'), add: (d) => { d.config.push('host_granule 64K', 'misaligned_share refuse') } },
  { name: 'atomic', words: 'allocations that cannot block', group: 'alloc', add: (d) => { d.atomic = true } },
  { name: 'no-mapping', words: 'allocations without a kernel mapping', group: 'alloc', add: (d) => { d.atomic = true; d.cookie = true } },
  { name: 'failing', words: 'a conversion that may fail', group: 'failure', exists: (p) => p.conversionsFail && p.guest, add: (d) => { d.config.push('conversions may_fail') } },
  { name: 'failing-tsm', words: 'a step of the TSM driver that may fail', group: 'failure', exists: (p, rev) => accepts(rev, p), add: (d, platform, rev) => {
    d.config.push(`tsm_fails ${tsmDriver(rev, platform)?.steps.join(' ') ?? 'none'}`)
  } },
  { name: 'static-1g', words: 'a host stage 2 in blocks of 1G', group: 'stage2', exists: (p) => p.switches.includes('host_stage2'), add: (d) => { d.config.push('host_stage2 static_1g') } },
  { name: 'convert', words: 'a client that shares its pages', group: 'convert', exists: (p) => p.conversion !== 'none', add: (d) => { d.explicit = true } },
  { name: 'mmap', words: 'a user mapping', group: 'user', add: (d) => { d.slots.u = 1 } },
  { name: 'masks', words: 'masks that change', group: 'mask', add: (d) => { d.masks.push(32, 64) } },
  { name: 'pci', words: 'a function that is reset, and whose bus mastering is switched', group: 'pci', alone: true, add: (d) => { d.pci = true } },
  { name: 'syncs', words: 'syncs', group: 'sync', add: (d) => { d.syncs = true } },
  { name: 'outlive', words: 'memory that outlives its driver', group: 'level', alone: true, add: (d) => { d.level = 'outlive' } },
  { name: 'driverless', words: 'calls without a driver', group: 'level', alone: true, add: (d) => { d.level = 'driverless' } },
  { name: 'host', words: 'a host that stops, resets and errs the device', group: 'host', alone: true, exists: (p, rev) => accepts(rev, p), add: (d) => { d.host = true } }
]

/** Combinations in which an ingredient is nothing: it would only search the plain scene again. */
function idle(names: ReadonlySet<string>): boolean {
  const has = (n: string): boolean => names.has(n)
  const streaming = has('stream') || has('kmalloc')
  const allocating = has('coherent') || has('pages')
  const bars = has('mmio-shared') || has('mmio-private')
  if ((has('syncs') || has('force') || has('dynamic') || has('untrusted')) && !streaming) return true
  if ((has('atomic') || has('mmap') || has('no-remap')) && !allocating) return true
  if (has('no-mapping') && !has('coherent')) return true
  if (has('convert') && !has('stream')) return true
  if (has('failing-tsm') && !has('tdisp')) return true
  if ((has('outlive') || has('host')) && !has('tdisp')) return true
  if (has('failing') && streaming && !has('convert') && !has('restricted')) return true
  return bars && ['restricted', 'narrow', 'noncoherent', 'granule', 'granule-refused', 'failing', 'static-1g'].some(has)
}

const ADMIN: ReadonlySet<OpName> = new Set(['tsm_lock', 'tsm_accept', 'tsm_unlock', 'tsm_register', 'tsm_unregister', 'remove', 'tsm_connect'])
const HOST: ReadonlySet<OpName> = new Set(['host_stop', 'host_reset', 'host_error', 'tsm_disconnect', 'host_write'])

function make(parts: readonly Ingredient[], p: Platform, rev: Revision): Scene {
  const d: Draft = { config: ['swiotlb 4'], device: [], others: [], level: 'strict', slots: {}, directions: ['TO_DEVICE', 'FROM_DEVICE', 'BIDIRECTIONAL'], masks: [], high: false, explicit: false, atomic: false, cookie: false, admin: false, host: false, syncs: false, pci: false }
  for (const i of parts) i.add(d, p, rev)
  // Where a guest's own connect is the lock, tsm_connect and tsm_disconnect are tsm_lock and tsm_unlock.
  const connects = !connectIsLock(rev)
  const names = parts.map((i) => i.name)
  return {
    name: names.join('+'), with: names, level: d.level, slots: d.slots, directions: d.directions, masks: d.masks, high: d.high, explicit: d.explicit, atomic: d.atomic, cookie: d.cookie,
    head: [block('config', ...d.config), block('device nic', ...d.device), ...d.others],
    hunts: (op) => {
      if (HOST.has(op)) return d.host && (op !== 'tsm_disconnect' || connects)
      if (ADMIN.has(op)) return d.admin && (op !== 'tsm_connect' || connects)
      if (op.startsWith('pci')) return d.pci
      if (op.startsWith('set_memory')) return d.explicit
      if (op.startsWith('dma_sync')) return d.syncs
      if (op === 'dma_set_mask') return d.masks.length > 0 && stream(d)
      if (op === 'dma_set_coherent_mask') return d.masks.length > 0 && !stream(d)
      return true
    },
    about: (op, kind) => {
      if (op === 'host_write' || op.startsWith('dma_sync')) return kind === 'mapping'
      return op !== 'dma_map_single' || kind === 'page' || kind === 'buffer'
    }
  }
}

export interface Scenes {
  readonly list: readonly Scene[]
  /** Pairs of ingredients that can be together there: each is in some scene. */
  readonly pairs: ReadonlyArray<readonly [string, string]>
}

const pairKey = (a: string, b: string): string => (a < b ? `${a} ${b}` : `${b} ${a}`)

/** All scenes of a pair, the small ones first. @throws RangeError for an unknown name */
export function scenes(kernel: string | Revision, platform: string): Scenes {
  const rev = typeof kernel === 'string' ? revisionByName(kernel) : kernel
  const p = platformByName(platform)
  if (rev === undefined || p === undefined) throw new RangeError(`unknown pair ${String(kernel)} ${platform}`)
  const there = (list: readonly Ingredient[]): Ingredient[] => list.filter((i) => i.exists?.(p, rev) ?? true)
  const [subject, trust, more] = [there(subjects), there(trusts), there(ingredients)]
  const legal = (parts: readonly Ingredient[]): boolean => new Set(parts.map((i) => i.group)).size === parts.length && !idle(new Set(parts.map((i) => i.name)))
  const rows: Ingredient[][] = []
  for (const s of subject) for (const t of trust) {
    if (legal([s, t])) rows.push([s, t])
    for (const i of more) if (legal([s, t, i])) rows.push([s, t, i])
  }
  const { rows: together, pairs } = coveringArray(subject, trust, more.filter((i) => i.alone !== true), legal)
  rows.push(...together)
  return { list: rows.map((parts) => make(parts, p, rev)), pairs }
}

/**
 * Scenes such that each pair of ingredients that can exist together is in one. Greedy: a scene begins with the first pair that is missing and takes
 * at most one ingredient more, the one that covers most. Bigger scenes would be fewer, but their states multiply.
 */
function coveringArray(subject: readonly Ingredient[], trust: readonly Ingredient[], more: readonly Ingredient[], legal: (parts: readonly Ingredient[]) => boolean): Pick<Scenes, 'pairs'> & { readonly rows: Ingredient[][] } {
  const missing = new Map<string, readonly [Ingredient, Ingredient]>()
  const context = (a: Ingredient, b: Ingredient): Ingredient[][] => trust.flatMap((t) => subject.map((s) => [s, t, a, b])).filter(legal)
  for (const [i, a] of more.entries()) for (const b of more.slice(i + 1)) if (context(a, b).length > 0) missing.set(pairKey(a.name, b.name), [a, b])
  const pairs = [...missing.values()].map(([a, b]) => [a.name, b.name] as const)
  const rows: Ingredient[][] = []
  const used = new Map<Ingredient, number>()
  while (missing.size > 0) {
    const [first] = missing.values()
    if (first === undefined) break
    // Subjects and trusts take turns, so that pairs meet all of them.
    const rank = (parts: readonly Ingredient[]): number => parts.slice(0, 2).reduce((n, i) => n + (used.get(i) ?? 0), 0)
    const parts = context(...first).sort((x, y) => rank(x) - rank(y))[0] as Ingredient[]
    const gain = (i: Ingredient): number => parts.slice(2).filter((x) => missing.has(pairKey(x.name, i.name))).length
    const third = more.filter((i) => !parts.includes(i) && legal([...parts, i])).sort((x, y) => gain(y) - gain(x))[0]
    if (third !== undefined && gain(third) > 0) parts.push(third)
    for (const i of parts.slice(0, 2)) used.set(i, (used.get(i) ?? 0) + 1)
    for (const [k, a] of parts.entries()) for (const b of parts.slice(k + 1)) missing.delete(pairKey(a.name, b.name))
    rows.push(parts)
  }
  return { rows, pairs }
}

/** The ingredients that there are, for the reader. */
export const ingredientWords: ReadonlyMap<string, string> = new Map([...subjects, ...trusts, ...ingredients].map((i) => [i.name, i.words]))
