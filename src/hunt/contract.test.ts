import { describe, expect, test as it } from 'vitest'
import { type Clause, type ClauseName, contract } from './contract.ts'
import { exploreScene } from './explore.ts'
import { type Scene, scenes } from './scenes.ts'

const scene = (kernel: string, name: string): Scene => {
  const s = scenes(kernel, 'arm-cca').list.find((x) => x.name === name)
  if (s === undefined) throw new Error(`no scene ${name}`)
  return s
}
const asItIs = (s: Scene): Scene => s

/**
 * Where each clause shows: a scene, and what is reported without the clause that is none of the kernel's doing. Null:
 * nothing.
 */
const shown: Record<
  ClauseName,
  readonly [kernel: string, scene: string, alarm: string | null, change: (s: Scene) => Scene]
> = {
  bound: ['rfc-v1', 'coherent+tdisp', 'exposed|dma_direct_free|page to the allocator', asItIs],
  'nothing left': ['rfc-v1', 'coherent+tdisp', 'tampered|dev_read|accepted device reads shared memory', asItIs],
  'bus master': ['cc-v8', 'coherent+t0+pci', 'fault|dev_read|bus-master-off', asItIs],
  'freed once': ['cc-v8', 'coherent+t0', 'crash|dma_direct_free|double free', asItIs],
  alike: [
    'cc-v8',
    'stream+t0+restricted',
    'leak|dma_unmap|slot',
    (s) => ({ ...s, head: [...s.head, { word: 'device disk', entries: [] }] })
  ],
  'unmapped first': ['cc-v8', 'stream+t1', 'wrong_data|cpu_read|content', asItIs],
  'no address': ['cc-v8', 'coherent+t1+no-mapping', 'crash|cpu_write|cpu access aborted', asItIs],
  'user first': ['cc-v8', 'coherent+t0+mmap', 'fault|dma_mmap|user read through the shared alias', asItIs],
  turns: ['cc-v8', 'stream+t0+syncs', null, asItIs],
  'reads only': ['cc-v8', 'stream+t0+syncs', null, asItIs],
  'handed back': ['cc-v8', 'stream+t0+syncs', null, asItIs],
  direction: ['cc-v8', 'stream+t0', null, asItIs],
  'mapped once': ['cc-v8', 'stream+t0', null, (s) => ({ ...s, directions: ['FROM_DEVICE'], slots: { p: 1, h: 2 } })],
  'whole pages': [
    'cc-v8',
    'kmalloc+t0',
    'tampered|slab|private object writable',
    (s) => ({
      ...s,
      directions: [],
      explicit: true,
      slots: { k: 2 },
      hunts: (op) => s.hunts(op) || op.startsWith('set_memory')
    })
  ],
  'converted back': ['cc-v8', 'stream+t0+convert', 'exposed|free_page|page to the allocator', asItIs],
  'said shared': ['cc-v8', 'mmio-shared+t0', 'warn|dma_direct_map_phys|DMA addr overflow', asItIs],
  'own view': ['cc-v8', 'stream+t0+vmap', 'crash|cpu_read|cpu access aborted', asItIs]
}

describe('each clause of the contract removes a false alarm, or forbids what the properties excuse', () => {
  for (const clause of contract as readonly Clause[]) {
    it(clause.name, () => {
      const [kernel, name, alarm, change] = shown[clause.name as ClauseName]
      const o = { hidden: false, maxStates: 3000 }
      const kept = exploreScene(change(scene(kernel, name)), kernel, 'arm-cca', o)
      const broken = exploreScene(change(scene(kernel, name)), kernel, 'arm-cca', {
        ...o,
        without: [clause.name as ClauseName]
      })
      expect([kept.complete, broken.complete]).toEqual([true, true])
      expect(broken.transitions).toBeGreaterThan(kept.transitions)
      const known = new Set(kept.raw.map((r) => r.key))
      const fresh = broken.raw.map((r) => r.key).filter((k) => !known.has(k))
      if (alarm === null) expect(fresh).toEqual([])
      else expect(fresh).toContain(alarm)
      expect(clause.otherwise === '').toBe(alarm === null)
    })
  }
})
