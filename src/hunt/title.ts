// A finding's title in the words of a maintainer: what one does to what, and what comes of it.
import type { Finding, PropertyName } from '../step/index.ts'
import type { Statement } from './client.ts'
import { type Cause, outOfDate } from './identity.ts'

const NOUNS: Readonly<Record<string, string>> = {
  dma_alloc_coherent: 'a coherent buffer', dma_alloc_pages: 'pages for DMA', dma_map_single: 'a streaming mapping', dma_map_resource: 'a mapping of a BAR', dma_mmap: 'a user mapping', alloc_page: 'a page', kmalloc: 'a kmalloc buffer'
}
const DEEDS: Readonly<Record<string, string>> = {
  dma_free_coherent: 'free of', dma_free_pages: 'free of', free_page: 'free of', kfree: 'free of', dma_unmap_single: 'unmap of', dma_unmap_resource: 'unmap of', fill: 'CPU write to', read: 'CPU read of', dev_read: 'DMA read through', dev_write: 'DMA write through',
  dma_sync_for_cpu: 'sync of', dma_sync_for_device: 'sync of', dma_mmap: 'mmap of', set_memory_decrypted: 'sharing', set_memory_encrypted: 'taking back', host_write: "the host's write to"
}

const effects: Readonly<Record<PropertyName, (f: Finding) => string>> = {
  exposed: (f) => (f.decision.includes('allocator') ? 'returns a shared page' : /secret/.test(f.decision) ? 'shows a secret of the guest to the host' : 'shows data of an accepted device to the host'),
  tampered: () => 'lets the host change data of an accepted device',
  wrong_data: () => 'finds other data than was written',
  crash: (f) => `crashes the kernel: ${f.decision}`,
  deadlock: () => 'never returns',
  warn: (f) => `warns: ${f.decision}`,
  leak: () => 'loses memory',
  fault: () => 'faults',
  refused: (f) => `is refused: ${f.decision.replaceAll('_', ' ')}`,
  stale_state: (f) => f.decision.replace(/^believes (.*), is (.*)$/, 'leaves an interface that is $2 and believed $1').replace(/^success and (.*)$/, 'reports success with the interface $1').replace(/^(\w+) without a TSM$/, 'leaves an interface $1 without a TSM'),
  pool_state: () => 'leaves a pool that is wrong about its pages',
  lost_update: () => 'loses an update', assert: () => 'fails an assertion', reached: () => 'reaches what must not be', unreached: () => 'never comes there'
}

/** Of which making a slot's object is. */
const makerOf = (calls: readonly Statement[], slot: number): string => NOUNS[calls.findLast((c) => c.target === slot)?.op ?? ''] ?? 'memory'

const deed = (calls: readonly Statement[], last: Statement): string => {
  const noun = NOUNS[last.op]
  if (last.target >= 0 && noun !== undefined) return last.object >= 0 ? `${last.op === 'dma_mmap' ? 'mmap' : 'mapping'} of ${makerOf(calls, last.object)}` : last.op.startsWith('dma_map') ? noun.replace(/^a mapping/, 'mapping') : `allocation of ${noun}`
  return last.object >= 0 ? `${DEEDS[last.op] ?? last.op} ${makerOf(calls, last.object)}` : last.op
}

export function titleOf(calls: readonly Statement[], f: Finding, failing: string | null, cause: Cause | null): string {
  const last = calls.at(-1)
  if (last === undefined) return `boot ${effects[f.property](f)}`
  const since = outOfDate(calls)
  const when = since === null || last.op.startsWith('tsm_') ? '' : since.gained ? ' made before accept' : ` made before ${since.change.op}`
  const fails = failing === null ? '' : `, when a ${cause?.name.startsWith('tsm_fails') ? `step of ${failing}` : 'conversion'} fails`
  return `${deed(calls, last)}${when} ${effects[f.property](f)}${fails}`
}
