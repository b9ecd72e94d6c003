// A finding's title in the words of a maintainer: what one does to what, and what comes of it.
import type { Finding, PropertyName } from '../step/index.ts'
import type { Statement } from './statement.ts'
import type { Raw } from './explore.ts'
import { type Cause, outOfDate, racing } from './identity.ts'

const NOUNS: Readonly<Record<string, string>> = {
  dma_alloc_coherent: 'a coherent buffer',
  dma_alloc_pages: 'pages for DMA',
  dma_map_single: 'a streaming mapping',
  dma_map_sg: 'a mapping of a list of pages',
  vmap: 'a mapping of its own',
  dma_map_resource: 'a mapping of a BAR',
  dma_mmap: 'a user mapping',
  alloc_page: 'a page',
  kmalloc: 'a kmalloc buffer'
}
const DEEDS: Readonly<Record<string, string>> = {
  dma_free_coherent: 'free of',
  dma_free_pages: 'free of',
  free_page: 'free of',
  kfree: 'free of',
  dma_unmap_single: 'unmap of',
  dma_unmap_sg: 'unmap of',
  vunmap: 'vunmap of',
  dma_unmap_resource: 'unmap of',
  fill: 'CPU write to',
  read: 'CPU read of',
  dev_read: 'DMA read of',
  dev_write: 'DMA write to',
  dma_sync_for_cpu: 'sync of',
  dma_sync_for_device: 'sync of',
  dma_mmap: 'mmap of',
  set_memory_decrypted: 'sharing',
  set_memory_encrypted: 'taking back',
  host_write: "the host's write to"
}

const THROUGH: Readonly<Record<string, string>> = { dev_read: 'DMA read through', dev_write: 'DMA write through' }

const effects: Readonly<Record<PropertyName, (f: Finding) => string>> = {
  exposed: (f) =>
    f.decision.includes('allocator')
      ? f.decision.includes('encryption')
        ? 'returns a decrypted page'
        : 'returns a shared page'
      : /secret/.test(f.decision)
        ? 'shows a secret of the guest to the host'
        : 'shows data of an accepted device to the host',
  tampered: () => 'lets the host change data of an accepted device',
  wrong_data: () => 'finds other data than was written',
  crash: (f) => `crashes the kernel: ${f.decision}`,
  deadlock: () => 'never returns',
  warn: (f) => `warns: ${f.decision}`,
  leak: () => 'loses memory',
  fault: () => 'faults',
  refused: (f) => `is refused: ${f.decision.replaceAll('_', ' ')}`,
  stale_state: (f) =>
    f.decision
      .replace(/^believes (.*), is (.*)$/, 'leaves an interface that is $2 and believed $1')
      .replace(/^success and (.*)$/, 'reports success with the interface $1')
      .replace(/^(\w+) without a TSM$/, 'leaves an interface $1 without a TSM'),
  pool_state: () => 'leaves a pool that is wrong about its pages',
  lost_update: () => 'loses an update',
  assert: () => 'fails an assertion',
  reached: () => 'reaches what must not be',
  unreached: () => 'never comes there'
}

/** Of which making a slot's object is. */
const makerOf = (calls: readonly Statement[], slot: number): string =>
  NOUNS[calls.findLast((c) => c.target === slot)?.op ?? ''] ?? 'memory'

const deed = (calls: readonly Statement[], last: Statement): string => {
  const noun = NOUNS[last.op]
  if (last.target >= 0 && noun !== undefined)
    return last.object >= 0
      ? `${last.op === 'dma_mmap' ? 'mmap' : 'mapping'} of ${makerOf(calls, last.object)}`
      : last.op.startsWith('dma_map')
        ? noun.replace(/^a mapping/, 'mapping')
        : `allocation of ${noun}`
  const what = makerOf(calls, last.object)
  // A device goes through a mapping to what is mapped.
  return last.object >= 0
    ? `${what.includes('mapping') ? (THROUGH[last.op] ?? DEEDS[last.op] ?? last.op) : (DEEDS[last.op] ?? last.op)} ` +
        `${what}`
    : last.op
}

/** The calls of the other threads that overlap the last ones, each once. */
export const besides = ({ calls, race }: Pick<Raw, 'calls' | 'race'>): string[] =>
  race === null
    ? []
    : [...new Set(calls.flatMap((c, i) => (i < race.alone || race.by[i] === race.by.at(-1) ? [] : [c.op])))]

export function titleOf(raw: Pick<Raw, 'calls' | 'finding' | 'failing' | 'race'>, cause: Cause | null): string {
  const { calls, finding: f, failing, race } = raw
  const last = calls.at(-1)
  if (last === undefined) return `boot ${effects[f.property](f)}`
  if (race !== null) return `${raced(raw, last)} ${effects[f.property](f)}`
  const since = outOfDate(calls)
  const mask =
    calls
      .slice(calls.findIndex((c) => c.target >= 0 && c.target === last.object) + 1)
      .some((c) => c.op.startsWith('dma_set_')) &&
    last.object >= 0 &&
    last.target < 0
  if (mask) return `${deed(calls, last)} whose mask has changed ${effects[f.property](f)}`
  const when =
    since === null || last.op.startsWith('tsm_')
      ? ''
      : since.gained
        ? ' made before accept'
        : ` made before ${since.change.op}`
  const fails =
    failing === null
      ? ''
      : `, when a ${cause?.name.startsWith('tsm_fails') ? `step of ${failing}` : 'conversion'} fails`
  return `${deed(calls, last)}${when} ${effects[f.property](f)}${fails}`
}

/** What is done beside what: the last call itself, or to what was made meanwhile. */
function raced(raw: Pick<Raw, 'calls' | 'race'>, last: Statement): string {
  const { calls, race } = raw
  const beside = besides(raw).join(' and ')
  return race !== null && racing(calls, race) !== last
    ? `${deed(calls, last)} made beside ${beside}`
    : `${deed(calls, last)} beside ${beside}`
}
