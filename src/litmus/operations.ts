// The operations of the language: for each its words (what the parser, the checker, the printer, content assist and the
// manual read) and what it does, in one row. A row without a handler, or a handler without a row, does not compile.
import type { AdminOp } from '../kernel/index.ts'
import type { CallFn } from '../step/index.ts'
import type { HostDeviceOp, HostStage2Op, System } from '../system/index.ts'

/** A word that parses and checks but whose machine does not exist yet carries the reason; using it is TB-003. */
export interface Word {
  readonly name: string
  /** One line of meaning, for the manual and for content assist. */
  readonly does: string
  readonly notModelled?: string
}

/** What a variable can hold. */
export type ValueKind =
  | 'page' // alloc_page
  | 'buffer' // kmalloc
  | 'coherent' // dma_alloc_coherent
  | 'pages' // dma_alloc_pages
  | 'mapping' // dma_map_single
  | 'sg' // dma_map_sg
  | 'resource' // dma_map_resource
  | 'usermap' // dma_mmap
  | 'value' // what a read yields: a label, `ones`, `cipher`, `mixed`
  | 'status' // 0 or an errno
  | 'number' // x = 1
  | 'evidence' // tsm_evidence
  | 'vmap' // vmap

/** Each kind as a message names it. */
export const valueKindText: Readonly<Record<ValueKind, string>> = {
  page: 'a page (alloc_page)',
  buffer: 'a buffer (kmalloc)',
  coherent: 'a coherent buffer (dma_alloc_coherent)',
  pages: 'DMA pages (dma_alloc_pages)',
  mapping: 'a mapping (dma_map_single)',
  sg: 'a scatter-gather mapping (dma_map_sg)',
  resource: 'a resource mapping (dma_map_resource)',
  usermap: 'a user mapping (dma_mmap)',
  value: 'a value that was read',
  status: 'a status (0 or an errno)',
  number: 'a number',
  evidence: 'evidence (tsm_evidence)',
  vmap: 'a mapping of its own (vmap)'
}

export const MEMORY = ['page', 'buffer', 'coherent', 'pages'] as const satisfies readonly ValueKind[]
export const HANDLE = ['mapping', 'sg', 'resource', 'coherent', 'pages'] as const satisfies readonly ValueKind[]

/** The argument kinds. `object` and `objects` name variables; the rest are written in place. */
export type ParamKind = 'device' | 'object' | 'objects' | 'mmio' | 'size' | 'bits' | 'label' | 'direction' | 'level'

export interface Param {
  readonly name: string
  readonly kind: ParamKind
  /** For `object` and `objects`: what the variable may hold. */
  readonly accepts?: readonly ValueKind[]
  /** `h[i]`, one segment of a scatter-gather mapping, may stand here. */
  readonly segment?: boolean
  /** For `objects`: an mmio range may stand among them. */
  readonly mmio?: boolean
  /** May be left out; only the last, of an operation without options. */
  readonly optional?: boolean
}

export interface OpWord extends Word {
  readonly group: 'memory' | 'dma' | 'device' | 'admin' | 'host'
  readonly params: readonly Param[]
  /** Words that may follow the arguments, in any order, each once. */
  readonly options: readonly string[]
  /** What the target variable holds; null when the call yields nothing. */
  readonly result: ValueKind | null
  /** `try` may stand in front. */
  readonly try?: boolean
  /** What implements it. */
  readonly provider: string
  readonly run: (b: Binding) => CallFn
}

/** A statement of a test as a handler meets it: the system, and the arguments that are known beforehand. */
export interface Binding {
  readonly sys: System
  readonly cpu: number
  /** Indexes of device and BAR range; -1 where the operation has none. */
  readonly dev: number
  readonly mmio: number
  /** DMA direction and attributes as the kernel has them. */
  readonly dir: number
  readonly attrs: number
  /** Of an unmap, sync or free: the direction and the attributes that the test says; null: those of the making. */
  readonly end: { readonly dir: number | null; readonly attrs: number | null }
  /** The number of the word that is written. */
  readonly word: number
  /** A level of trust. */
  readonly level: string
  readonly size: number
  readonly bits: number
  readonly high: boolean
  readonly atomic: boolean
  readonly decrypted: boolean
  readonly try: boolean
  /** The segment written in `h[i]`; -1 without one. */
  readonly segment: number
  /**
   * The value of the object operand as the call begins; `segment` picks h[i] out of it. Asked once, when the statement
   * is compiled.
   */
  object(pick?: 'segment'): (args: readonly number[]) => number
  /** The object operand of an operation that may do without; null: it is not there. */
  optional(): ((args: readonly number[]) => number) | null
  objects(): ReadonlyArray<(args: readonly number[]) => number>
}

/** A handler of an operation without object operand, and of one with: `x` is its value. */
const plain =
  (fn: (b: Binding) => number) =>
  (b: Binding): CallFn =>
  () =>
    fn(b)
const on =
  (fn: (b: Binding, x: number) => number, pick?: 'segment') =>
  (b: Binding): CallFn => {
    const x = b.object(pick)
    return (...args) => fn(b, x(args))
  }

/** accept, with or without evidence: what failed to be collected accepts nothing. */
function accept(b: Binding): CallFn {
  const e = b.optional()
  return e === null ? () => b.sys.tsm_accept(b.dev) : (...args) => b.sys.tsm_accept(b.dev, e(args))
}

// The manual lets every attribute follow; a kernel function ignores those it does not look at.
const ATTRS = ['CC_SHARED', 'MMIO', 'SKIP_CPU_SYNC', 'REQUIRE_COHERENT', 'NO_KERNEL_MAPPING', 'NO_WARN'] as const

const DIRECTIONS = ['TO_DEVICE', 'FROM_DEVICE', 'BIDIRECTIONAL'] as const
/** What ends a mapping may say direction and attributes, too; the rest is told by the mapping. */
const END = [...DIRECTIONS, ...ATTRS] as const

const dev: Param = { name: 'dev', kind: 'device' }
const memory = (name: string): Param => ({ name, kind: 'object', accepts: MEMORY })
const handle = (accepts: readonly ValueKind[], segment = false): Param => ({
  name: 'h',
  kind: 'object',
  accepts,
  ...(segment ? { segment } : {})
})
const dir: Param = { name: 'DIR', kind: 'direction' }
const size: Param = { name: 'SIZE', kind: 'size' }
const label: Param = { name: 'LABEL', kind: 'label' }
const hostObject: Param = {
  name: 'x',
  kind: 'object',
  accepts: [...MEMORY, 'mapping', 'sg', 'resource', 'usermap'],
  segment: true
}
const adminOp = <N extends AdminOp>(
  name: N,
  does: string,
  provider = 'kernel: TSM core',
  params: readonly Param[] = [dev]
) =>
  ({
    name,
    group: 'admin',
    params,
    options: [],
    result: 'status',
    provider,
    does,
    run: plain((b) => b.sys.admin(name, b.dev))
  }) as const
const hostOp = <N extends HostDeviceOp>(name: N, does: string) =>
  ({
    name,
    group: 'host',
    params: [dev],
    options: [],
    result: 'status',
    provider: 'machine: host',
    does,
    run: plain((b) => b.sys.host_device(name, b.dev))
  }) as const
const stage2Op = <N extends HostStage2Op>(name: N, does: string) =>
  ({
    name,
    group: 'host',
    params: [hostObject],
    options: [],
    result: 'status',
    provider: 'machine: host',
    does,
    run: on((b, x) => b.sys.host_stage2(name, x), 'segment')
  }) as const

export const operations = [
  {
    name: 'alloc_page',
    group: 'memory',
    params: [],
    options: ['high'],
    result: 'page',
    provider: 'kernel: page allocator',
    does: 'a fresh page, private and zero; high: above 4G',
    run: plain((b) => b.sys.alloc_page(b.high))
  },
  {
    name: 'free_page',
    group: 'memory',
    params: [{ name: 'p', kind: 'object', accepts: ['page'] }],
    options: [],
    result: null,
    provider: 'kernel: page allocator',
    does: 'gives the page back',
    run: on((b, p) => b.sys.free_page(p))
  },
  {
    name: 'kmalloc',
    group: 'memory',
    params: [size],
    options: [],
    result: 'buffer',
    provider: 'kernel: slab',
    does: 'a buffer that shares its page with others',
    run: plain((b) => b.sys.kmalloc(b.size))
  },
  {
    name: 'kfree',
    group: 'memory',
    params: [{ name: 'b', kind: 'object', accepts: ['buffer'] }],
    options: [],
    result: null,
    provider: 'kernel: slab',
    does: 'gives the buffer back',
    run: on((b, x) => b.sys.kfree(x))
  },
  {
    name: 'fill',
    group: 'memory',
    params: [{ name: 'x', kind: 'object', accepts: [...MEMORY, 'usermap', 'vmap'] }, label],
    options: [],
    result: 'status',
    try: true,
    provider: 'machine: CPU access',
    does: 'the CPU writes; `secret` is guest-private data, any other word ordinary data',
    run: on((b, x) => b.sys.fill(x, b.word, b.try))
  },
  {
    name: 'read',
    group: 'memory',
    params: [{ name: 'x', kind: 'object', accepts: [...MEMORY, 'usermap', 'vmap'] }],
    options: [],
    result: 'value',
    try: true,
    provider: 'machine: CPU access',
    does: 'the CPU reads',
    run: on((b, x) => b.sys.read(x, b.try))
  },
  {
    name: 'set_memory_decrypted',
    group: 'memory',
    params: [memory('x')],
    options: [],
    result: 'status',
    provider: 'kernel: memory conversion',
    does: 'converts the pages under x to shared',
    run: on((b, x) => b.sys.set_memory(x, true))
  },
  {
    name: 'set_memory_encrypted',
    group: 'memory',
    params: [memory('x')],
    options: [],
    result: 'status',
    provider: 'kernel: memory conversion',
    does: 'converts the pages under x to private',
    run: on((b, x) => b.sys.set_memory(x, false))
  },

  {
    name: 'vmap',
    group: 'memory',
    params: [memory('x')],
    options: ['DECRYPTED'],
    result: 'vmap',
    provider: 'kernel: vmalloc',
    does: 'a mapping of its own, PAGE_KERNEL: the private alias; DECRYPTED: pgprot_decrypted(), the shared one',
    run: on((b, x) => b.sys.vmap(x, b.decrypted))
  },
  {
    name: 'vunmap',
    group: 'memory',
    params: [{ name: 'm', kind: 'object', accepts: ['vmap'] }],
    options: [],
    result: null,
    provider: 'kernel: vmalloc',
    does: 'ends it: the memory stays as it is, an access through m is a `crash`, and a second end warns',
    run: on((b, m) => b.sys.vunmap(m))
  },
  {
    name: 'give_up',
    group: 'memory',
    params: [{ name: 'x', kind: 'object', accepts: [...MEMORY, 'mapping', 'sg'] }],
    options: [],
    result: null,
    provider: 'the test',
    does: 'the owner loses what x is and never gives it back: a `leak`',
    run: on((b, x) => b.sys.give_up(x))
  },

  {
    name: 'dma_map_single',
    group: 'dma',
    params: [dev, memory('x'), dir],
    options: ATTRS,
    result: 'mapping',
    provider: 'kernel: dma-direct, dma-iommu',
    does: 'streaming mapping; the size is that of x',
    run: on((b, x) => b.sys.dma_map_single(b.cpu, b.dev, x, b.dir, b.attrs))
  },
  {
    name: 'dma_unmap_single',
    group: 'dma',
    params: [dev, handle(['mapping'])],
    options: END,
    result: null,
    provider: 'kernel: dma-direct, dma-iommu',
    does: 'ends it, with the direction and attributes said, else those of the making',
    run: on((b, h) => b.sys.dma_unmap_single(h, b.dev, b.end))
  },
  {
    name: 'dma_map_sg',
    group: 'dma',
    params: [dev, { name: '[x, y]', kind: 'objects', accepts: MEMORY, mmio: true }, dir],
    options: ATTRS,
    result: 'sg',
    provider: 'kernel: dma-direct, dma-iommu',
    does:
      'scatter-gather mapping, by segment; h[0] is the first; an mmio range may be one: peer-to-peer memory ' +
      'through the host bridge, or below one `switch` by bus address',
    run: (b) => {
      const xs = b.objects()
      return (...args) =>
        b.sys.dma_map_sg(
          b.cpu,
          b.dev,
          xs.map((x) => x(args)),
          b.dir,
          b.attrs
        )
    }
  },
  {
    name: 'dma_unmap_sg',
    group: 'dma',
    params: [dev, handle(['sg'])],
    options: END,
    result: null,
    provider: 'kernel: dma-direct, dma-iommu',
    does: 'ends it',
    run: on((b, h) => b.sys.dma_unmap_sg(h, b.dev, b.end))
  },
  {
    name: 'dma_map_resource',
    group: 'dma',
    params: [dev, { name: 'mmio', kind: 'mmio' }, dir],
    options: ATTRS,
    result: 'resource',
    provider: 'kernel: dma-direct, dma-iommu',
    does: 'peer-to-peer mapping of a BAR range',
    run: plain((b) => b.sys.dma_map_resource(b.cpu, b.dev, b.mmio, b.dir, b.attrs))
  },
  {
    name: 'dma_unmap_resource',
    group: 'dma',
    params: [dev, handle(['resource'])],
    options: END,
    result: null,
    provider: 'kernel: dma-direct, dma-iommu',
    does: 'ends it',
    run: on((b, h) => b.sys.dma_unmap_resource(h, b.dev, b.end))
  },
  {
    name: 'dma_sync_for_cpu',
    group: 'dma',
    params: [dev, handle(HANDLE, true)],
    options: DIRECTIONS,
    result: null,
    provider: 'kernel: dma-direct, swiotlb',
    does: 'hands the buffer to the CPU',
    run: on((b, h) => b.sys.dma_sync(h, b.segment, true, b.dev, b.end))
  },
  {
    name: 'dma_sync_for_device',
    group: 'dma',
    params: [dev, handle(HANDLE, true)],
    options: DIRECTIONS,
    result: null,
    provider: 'kernel: dma-direct, swiotlb',
    does: 'hands the buffer to the device',
    run: on((b, h) => b.sys.dma_sync(h, b.segment, false, b.dev, b.end))
  },
  {
    name: 'dma_alloc_coherent',
    group: 'dma',
    params: [dev, size],
    options: ['ATOMIC', ...ATTRS],
    result: 'coherent',
    provider: 'kernel: dma-direct, pools',
    does: 'coherent memory',
    run: plain((b) => b.sys.dma_alloc(b.cpu, b.dev, b.size, b.atomic, b.attrs, false, b.dir))
  },
  {
    name: 'dma_free_coherent',
    group: 'dma',
    params: [dev, { name: 'b', kind: 'object', accepts: ['coherent'] }],
    options: ATTRS,
    result: null,
    provider: 'kernel: dma-direct, pools',
    does: 'gives it back',
    run: on((b, x) => b.sys.dma_free(x, b.dev, b.end))
  },
  {
    name: 'dma_alloc_pages',
    group: 'dma',
    params: [dev, size, dir],
    options: ['ATOMIC'],
    result: 'pages',
    provider: 'kernel: dma-direct, pools',
    does: 'pages that the device can reach',
    run: plain((b) => b.sys.dma_alloc(b.cpu, b.dev, b.size, b.atomic, b.attrs, true, b.dir))
  },
  {
    name: 'dma_free_pages',
    group: 'dma',
    params: [dev, { name: 'b', kind: 'object', accepts: ['pages'] }],
    options: DIRECTIONS,
    result: null,
    provider: 'kernel: dma-direct, pools',
    does: 'gives them back',
    run: on((b, x) => b.sys.dma_free(x, b.dev))
  },
  {
    name: 'dma_mmap',
    group: 'dma',
    params: [dev, { name: 'b', kind: 'object', accepts: ['coherent', 'pages'] }],
    options: [],
    result: 'usermap',
    provider: 'kernel: dma-direct',
    does: 'user mapping of a coherent buffer, for read(m) and fill(m, ..)',
    run: on((b, x) => b.sys.dma_mmap(x, b.dev))
  },
  {
    name: 'dma_max_mapping_size',
    group: 'dma',
    params: [dev],
    options: [],
    result: 'number',
    provider: 'kernel: dma-direct, swiotlb',
    does: 'the bytes that one mapping may have; above every size of a test where there is no limit',
    run: plain((b) => b.sys.dma_max_mapping_size(b.dev))
  },
  {
    name: 'dma_get_required_mask',
    group: 'dma',
    params: [dev],
    options: [],
    result: 'number',
    provider: 'kernel: dma-direct',
    does: 'the BITS that reach all of memory in the form that the device uses now',
    run: plain((b) => b.sys.dma_get_required_mask(b.dev))
  },
  {
    name: 'mem_cc_shared_granule_size',
    group: 'dma',
    params: [],
    options: [],
    result: 'number',
    provider: 'kernel: memory conversion',
    does: 'the bytes in which memory is shared, as far as the kernel knows: the page, or the granule of the host',
    run: plain((b) => b.sys.mem_cc_shared_granule_size())
  },
  {
    name: 'dma_set_mask',
    group: 'dma',
    params: [dev, { name: 'BITS', kind: 'bits' }],
    options: [],
    result: 'status',
    provider: 'kernel: dma mapping',
    does: 'sets the streaming mask',
    run: plain((b) => b.sys.dma_set_mask(b.dev, b.bits))
  },
  {
    name: 'dma_set_coherent_mask',
    group: 'dma',
    params: [dev, { name: 'BITS', kind: 'bits' }],
    options: [],
    result: 'status',
    provider: 'kernel: dma mapping',
    does: 'sets the mask of coherent memory',
    run: plain((b) => b.sys.dma_set_coherent_mask(b.dev, b.bits))
  },
  {
    name: 'dma_set_mask_and_coherent',
    group: 'dma',
    params: [dev, { name: 'BITS', kind: 'bits' }],
    options: [],
    result: 'status',
    provider: 'kernel: dma mapping',
    does: 'sets both masks',
    run: plain((b) => b.sys.dma_set_mask_and_coherent(b.dev, b.bits))
  },

  {
    name: 'dev_read',
    group: 'device',
    params: [dev, handle(HANDLE, true)],
    options: [],
    result: 'value',
    try: true,
    provider: 'machine: device, IOMMU',
    does: 'DMA read; a fault is a violation unless `try` stands in front',
    run: on((b, h) => b.sys.dev_read(b.dev, h, b.segment, b.try))
  },
  {
    name: 'dev_write',
    group: 'device',
    params: [dev, handle(HANDLE, true), label],
    options: [],
    result: 'status',
    try: true,
    provider: 'machine: device, IOMMU',
    does: 'DMA write',
    run: on((b, h) => b.sys.dev_write(b.dev, h, b.segment, b.word, b.try))
  },

  adminOp('bind', 'attaches a driver', 'kernel: driver core'),
  adminOp('unbind', 'detaches the driver', 'kernel: driver core'),
  adminOp('pci_set_master', 'sets Bus Master Enable', 'kernel: PCI'),
  adminOp('pci_clear_master', 'clears it: in LOCKED and RUN an ERROR of the TDI', 'kernel: PCI'),
  adminOp(
    'pcie_flr',
    'resets the function: in LOCKED and RUN an ERROR of the TDI; bus mastering is off after it',
    'kernel: PCI'
  ),
  adminOp('pci_reset_function', 'the same, and restores the command register', 'kernel: PCI'),
  adminOp('tsm_connect', "host-side TSM connect; in rfc-v1 the guest's own connect attribute = TDISP lock"),
  adminOp('tsm_disconnect', 'host-side TSM disconnect'),
  adminOp('tsm_lock', 'locks the TDI; in rfc-v1 a write of 1 to tsm/connect'),
  {
    name: 'tsm_evidence',
    group: 'admin',
    params: [dev],
    options: [],
    result: 'evidence',
    provider: 'kernel: TSM core',
    does: 'collects evidence of the interface under its present lock: equal for one lock, another for each',
    run: plain((b) => b.sys.tsm_evidence(b.dev))
  },
  {
    name: 'tsm_accept',
    group: 'admin',
    params: [dev, { name: 'e', kind: 'object', accepts: ['evidence'], optional: true }],
    options: [],
    result: 'status',
    provider: 'kernel: TSM core',
    does: 'accepts the device: T=1; with evidence e, the interface that e is of',
    run: accept
  },
  adminOp('tsm_dma_enable', 'after RUN, where accept does not do it: requests at T=1 are let through'),
  adminOp('tsm_dma_disable', 'requests at T=1 are let through no more'),
  adminOp('tsm_unlock', 'unlocks the TDI; in rfc-v1 a write of 0 to tsm/connect'),
  {
    name: 'device_set_trust',
    group: 'admin',
    params: [dev, { name: 'LEVEL', kind: 'level' }],
    options: [],
    result: 'status',
    provider: 'kernel: driver core',
    does:
      'the level of trust that is asked for, while no driver is bound: none, adversary, auto, tcb; or disabled, ' +
      'adversary, full',
    run: plain((b) => b.sys.device_set_trust(b.dev, b.level))
  },
  adminOp('tsm_register', 'the TSM module comes', 'kernel: TSM core', []),
  adminOp('tsm_unregister', 'the TSM module goes', 'kernel: TSM core', []),
  adminOp('remove', 'device removal', 'kernel: driver core, TSM core'),

  hostOp('host_stop', "TDI to unlocked behind the guest's back"),
  hostOp('host_reset', "resets the device behind the guest's back"),
  hostOp('host_relock', "stops and locks the TDI again behind the guest's back: another nonce"),
  hostOp('host_error', "TDI to ERROR behind the guest's back"),
  {
    name: 'host_write',
    group: 'host',
    params: [hostObject, label],
    options: [],
    result: 'status',
    try: true,
    provider: 'machine: host',
    does: 'the host writes at this moment; blocked where the hardware blocks it',
    run: on((b, x) => b.sys.host_write(x, b.word), 'segment')
  },
  {
    name: 'host_read',
    group: 'host',
    params: [hostObject],
    options: [],
    result: 'value',
    try: true,
    provider: 'machine: host',
    does: 'the host reads at this moment',
    run: on((b, x) => b.sys.host_read(x), 'segment')
  },
  stage2Op('host_remap', 'changes stage 2: another page behind this address'),
  stage2Op('host_unmap', 'changes stage 2: nothing behind this address')
] as const satisfies readonly OpWord[]
export type OpName = (typeof operations)[number]['name']

/**
 * Calls of the kernel's that a test may well want and that have no machine yet, each with the reason: they are refused
 * by name (TB-003).
 */
export const unmodelledCalls: Readonly<Record<string, string>> = {
  dma_opt_mapping_size: 'no IOMMU of a scene prefers a size; dma_max_mapping_size is the limit',
  dma_alloc_noncontiguous: 'a buffer is one run of pages',
  dma_mmap_pages: 'dma_mmap maps a coherent buffer to user space',
  mem_decrypt_granule_size: 'mem_cc_shared_granule_size is its later name'
}
