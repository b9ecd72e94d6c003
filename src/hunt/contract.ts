// What a client may do: one row a clause. A statement is made when every clause allows it. A clause is here because
// without it the hunt reports what is no bug of the kernel; the row says which, and a test shows it.
import { DIR } from '../kernel/index.ts'
import type { OpName } from '../litmus/operations.ts'
import type { Enabled, Field, Store } from '../step/index.ts'
import type { MappingObject, TbitObject } from '../system/index.ts'
import { type Level, LEVELS } from './scenes.ts'
import type { Contracted, Held, Statement } from './statement.ts'

export interface Clause {
  readonly name: string
  /** What the client keeps to. */
  readonly words: string
  /**
   * What would be reported without it. Empty: nothing, since the properties promise nothing there; the client keeps to
   * it all the same.
   */
  readonly otherwise: string
  /** The levels at which it holds. */
  readonly levels: readonly Level[]
  readonly allows: (c: Contracted, s: Statement, held: Held) => Enabled
}

const ALL = LEVELS
const endings: ReadonlySet<OpName> = new Set([
  'dma_unmap_single',
  'dma_unmap_sg',
  'dma_unmap_resource',
  'dma_free_coherent',
  'dma_free_pages',
  'free_page',
  'kfree',
  'vunmap'
])
/** Whether a byte of the state says so. */
const byteIs =
  (f: Field, i: number, value: number) =>
  (st: Store): boolean =>
    f.get(st, i) === value

/** The slots of the memory that a statement maps for streaming. */
const memoryOf = (s: Statement): readonly number[] =>
  s.op === 'dma_map_single' ? [s.object] : s.op === 'dma_map_sg' ? s.objects : []

const isDma = (s: Statement): boolean => s.op === 'dev_read' || s.op === 'dev_write'

/** The streaming mappings that an object is: one, or the segments of a scatter-gather list. */
const mappingsOf = (o: TbitObject | null): readonly MappingObject[] =>
  o?.kind === 'mapping' ? [o] : o?.kind === 'sg' ? o.segments : []

/** Mappings that the client holds of bytes of an object: slot and mapping. */
function over(c: Contracted, held: Held, o: TbitObject): Array<readonly [number, MappingObject]> {
  if (!('phys' in o)) return []
  return c.slots.flatMap((_, i) => {
    const here = mappingsOf(held.object(i)).filter((m) => m.phys < o.phys + o.size && o.phys < m.phys + m.size)
    return here.map((m) => [i, m] as const)
  })
}
/** Whether the client holds a mapping of its own of the object. */
const viewed = (c: Contracted, held: Held, o: TbitObject): boolean =>
  'phys' in o &&
  c.slots.some((_, i) => {
    const v = held.object(i)
    return v?.kind === 'vmap' && v.phys < o.phys + o.size && o.phys < v.phys + v.size
  })
const deviceHas = (c: Contracted, held: Held, o: TbitObject): Array<readonly [number, MappingObject]> =>
  over(c, held, o).filter(([i]) => !held.cpuHas(i))

/** What `f` says of the object that a statement is about; true where it is about none. */
const object =
  (f: (o: TbitObject, c: Contracted, s: Statement, held: Held) => Enabled) =>
  (c: Contracted, s: Statement, held: Held): Enabled => {
    const o = s.object < 0 ? null : held.object(s.object)
    return o === null ? true : f(o, c, s, held)
  }

/** Anything of this device is held. */
const holdsOf = (c: Contracted, held: Held, dev: number): boolean =>
  c.slots.some((_, i) => {
    const o = held.object(i)
    return o !== null && 'dev' in o && o.dev === dev
  })

export const contract = [
  {
    name: 'bound',
    words: 'a driver calls the DMA API and starts DMA only between bind and unbind of its device',
    levels: ['strict', 'outlive'],
    otherwise:
      'accept while a driver that is not bound has mappings, which the check for a bound driver exists to prevent',
    allows: (c, s, held) => {
      if (s.agent !== 'driver') return true
      const { driver } = c.sys.kernel.f
      if (s.device < 0)
        return s.target < 0 ? true : (st: Store) => c.sys.kernel.devices.some((d) => driver.get(st, d.index) === 1)
      const o = s.object < 0 ? null : held.object(s.object)
      if (endings.has(s.op) && o !== null && c.scene.level === 'outlive') return true
      return byteIs(driver, s.device, 1)
    }
  },
  {
    name: 'nothing left',
    words: 'a driver gives everything back before it is unbound or its device removed',
    levels: ['strict'],
    otherwise: 'memory that outlives its driver, a trigger of its own',
    allows: (c, s, held) => (s.op !== 'unbind' && s.op !== 'remove') || !holdsOf(c, held, s.device)
  },
  {
    name: 'bus master',
    words: 'DMA is started only while bus mastering is on',
    levels: ALL,
    otherwise: 'faults of a device that was told to be silent',
    allows: (c, s) => !isDma(s) || !c.scene.hunts('pci_clear_master') || byteIs(c.sys.machine.bus_master, s.device, 1)
  },
  {
    name: 'freed once',
    words: 'what is unmapped or freed is not used again',
    levels: ALL,
    otherwise: 'double frees and accesses through stale handles',
    // The client clears the slot (client.ts).
    allows: () => true
  },
  {
    name: 'alike',
    words: 'a mapping or buffer is ended for the device that it was made for',
    levels: ALL,
    otherwise: 'one device unmaps what belongs to another',
    allows: object((o, _c, s) => !('dev' in o) || s.device < 0 || o.dev === s.device)
  },
  {
    name: 'unmapped first',
    words: 'memory is freed and converted only while it is not mapped',
    levels: ALL,
    otherwise: 'use after free by the device',
    allows: object(
      (o, c, s, held) =>
        !(s.op === 'free_page' || s.op === 'kfree' || s.op.startsWith('set_memory')) || over(c, held, o).length === 0
    )
  },
  {
    name: 'no address',
    words: 'a buffer allocated with NO_KERNEL_MAPPING is not touched by the CPU',
    levels: ALL,
    otherwise: 'the kernel uses an address that it did not ask for',
    allows: object(
      (o, _c, s) => !(s.op === 'fill' || s.op === 'read' || s.op === 'dma_mmap') || !('buffer' in o) || !o.buffer.cookie
    )
  },
  {
    name: 'user first',
    words: 'a buffer is freed only when no user mapping of it is left',
    levels: ALL,
    otherwise: 'user space reads freed memory',
    allows: object(
      (o, c, s, held) =>
        !(s.op === 'dma_free_coherent' || s.op === 'dma_free_pages') ||
        !('phys' in o) ||
        c.slots.every((_, i) => {
          const u = held.object(i)
          return u?.kind !== 'usermap' || u.phys !== o.phys
        })
    )
  },
  {
    name: 'turns',
    words:
      'CPU and device take turns: the CPU touches a mapped buffer only after a sync for it, and reads one that ' +
      'the device only reads',
    levels: ALL,
    otherwise: '',
    allows: object((o, c, s, held) => {
      if (s.op === 'fill') return deviceHas(c, held, o).length === 0
      if (s.op === 'read') return deviceHas(c, held, o).every(([, m]) => m.dir === DIR.TO_DEVICE)
      if (mappingsOf(o).length === 0) return true
      if (s.op === 'dma_sync_for_cpu' || isDma(s)) return !held.cpuHas(s.object)
      return s.op !== 'dma_sync_for_device' || held.cpuHas(s.object)
    })
  },
  {
    name: 'reads only',
    words: 'the CPU does not write a buffer that is mapped FROM_DEVICE',
    levels: ALL,
    otherwise: '',
    allows: object((o, c, s, held) => s.op !== 'fill' || over(c, held, o).every(([, m]) => m.dir !== DIR.FROM_DEVICE))
  },
  {
    name: 'handed back',
    words: 'a buffer that the CPU has taken for writing is handed back by a sync before it is unmapped',
    levels: ALL,
    otherwise: '',
    allows: object(
      (o, _c, s, held) =>
        (s.op !== 'dma_unmap_single' && s.op !== 'dma_unmap_sg') ||
        mappingsOf(o).every((m) => m.dir === DIR.FROM_DEVICE) ||
        !held.cpuHas(s.object)
    )
  },
  {
    name: 'direction',
    words: 'a device only reads what is mapped TO_DEVICE and only writes what is mapped FROM_DEVICE',
    levels: ALL,
    otherwise: '',
    allows: object(
      (o, _c, s) =>
        !isDma(s) ||
        mappingsOf(o).every(
          (m) => m.dir === DIR.BIDIRECTIONAL || m.dir === (s.op === 'dev_read' ? DIR.TO_DEVICE : DIR.FROM_DEVICE)
        )
    )
  },
  {
    name: 'mapped once',
    words: 'a buffer is mapped twice only if all its devices read',
    levels: ALL,
    otherwise: '',
    allows: (c, s, held) =>
      memoryOf(s).every((i) => {
        const o = held.object(i)
        return o === null || over(c, held, o).every(([, m]) => m.dir === DIR.TO_DEVICE && s.direction === 'TO_DEVICE')
      })
  },
  {
    name: 'whole pages',
    words: 'only whole pages of one owner are converted',
    levels: ALL,
    otherwise: 'objects of others in the same page become shared',
    allows: object((o, _c, s) => !s.op.startsWith('set_memory') || o.kind === 'page')
  },
  {
    name: 'converted back',
    words:
      'memory that its owner made shared is made private again before it is freed, once, and not used for ' +
      'secrets meanwhile',
    levels: ALL,
    otherwise: 'pages that the client itself gave away shared',
    allows: object((_o, _c, s, held) => {
      const shared = held.madeShared(s.object)
      if (s.op === 'set_memory_decrypted') return !shared
      if (s.op === 'set_memory_encrypted') return shared
      return !(s.op === 'free_page' || s.op === 'fill') || !shared
    })
  },
  {
    name: 'said shared',
    words: 'shared memory is mapped with CC_SHARED where the revision knows the attribute, and private memory without',
    levels: ALL,
    otherwise: 'the kernel takes the client at its word and the device faults',
    allows: (c, s, held) => {
      if (s.op === 'dma_map_resource')
        return (
          !c.sys.kernel.rev['attributes.CC_SHARED'] ||
          s.shared === (c.sys.machine.mmios.find((m) => m.config.name === s.mmio)?.config.state === 'shared')
        )
      return !c.sys.kernel.rev['attributes.CC_SHARED'] || memoryOf(s).every((i) => s.shared === held.madeShared(i))
    }
  },
  {
    name: 'own view',
    words: 'a mapping of its own (vmap) is made as its memory is, and ended before that memory is converted or freed',
    levels: ALL,
    otherwise: 'the client looks through an alias that its own conversion made wrong',
    allows: object((o, c, s, held) => {
      if (s.op === 'vmap') return s.shared === held.madeShared(s.object)
      return !(s.op === 'free_page' || s.op.startsWith('set_memory')) || !viewed(c, held, o)
    })
  }
] as const satisfies readonly Clause[]
export type ClauseName = (typeof contract)[number]['name']

/** Clauses that judge findings, and those that the client's making keeps. */
export const promises: ReadonlyArray<Pick<Clause, 'name' | 'words' | 'otherwise' | 'levels'>> = [
  {
    name: 'results checked',
    levels: ALL,
    words: 'what a failed call answers is not used',
    otherwise: 'faults at an address that the kernel never gave'
  },
  {
    name: 'one failure',
    levels: ALL,
    words: 'at most one conversion or step of a TSM driver fails in a run',
    otherwise: 'the same families, each with every combination of failures'
  },
  { name: 'administrator', levels: ALL, words: 'an administrator may do anything at any time', otherwise: '' },
  {
    name: 'host',
    levels: ALL,
    words:
      'the host may stop, reset and err a device and write what it reaches: a fault, refusal or other data that ' +
      'needs it is no finding; exposure, corruption, a crash and a false success are',
    otherwise: 'every fault that a host can make'
  }
]

/** Whether the client may make a statement: what the slots say now, and what is left to ask of a state. */
export function allowed(c: Contracted, s: Statement, held: Held, without: ReadonlySet<ClauseName>): Enabled {
  if (s.target >= 0 && held.object(s.target) !== null) return false
  if (s.object >= 0 && held.object(s.object) === null) return false
  if (s.objects.some((i) => held.object(i) === null)) return false
  const asks: Array<(st: Store) => boolean> = []
  if (s.device >= 0) asks.push(byteIs(c.sys.kernel.f.present, s.device, 1))
  for (const clause of contract as readonly Clause[]) {
    if (!clause.levels.includes(c.scene.level) || without.has(clause.name as ClauseName)) continue
    const a = clause.allows(c, s, held)
    if (a === false) return false
    if (a !== true) asks.push(a)
  }
  const [only] = asks
  return only === undefined ? true : asks.length === 1 ? only : (st) => asks.every((ask) => ask(st))
}
