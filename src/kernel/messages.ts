// What the kernel says about bouncing in its log: one table by release, for who writes a log (run) and who reads one
// (explain log). A template has {name} for text, {name:dec}, {name:hex} for 0x..., {name:bare} for hex without 0x,
// {name:addr} for %pa (0x and 16 digits). The same template makes the line and the pattern that finds it. Sources:
// kernel/dma/swiotlb.c and direct.h of 6.12.117, the recorded boots, the commits named.
import { own } from '../base/index.ts'

/**
 * How the kernel limits a message: `ratelimited` prints 10 in 5 s and then "N callbacks suppressed"; `once` prints the
 * first ever.
 */
export type MessageRate = 'always' | 'once' | 'ratelimited'

export interface MessageSpec {
  readonly level: 'info' | 'warn' | 'err' | 'WARN' | 'panic'
  readonly rate: MessageRate
  /** First mainline release with this text; '' = older than 5.0. */
  readonly since: string
  /** First release without it. */
  readonly until?: string
  /** With the pr_fmt prefix where the file has one; `{dev}: ` where dev_*() prefixes driver and device. */
  readonly text: string
  readonly source: string
}

const SWIOTLB = 'software IO TLB: '

export const messageTable = {
  area_num: {
    level: 'info',
    rate: 'always',
    since: '6.0',
    text: `${SWIOTLB}area num {areas:dec}.`,
    source: 'swiotlb_adjust_nareas()'
  },
  size_adjusted: {
    level: 'info',
    rate: 'always',
    since: '5.11',
    text: `${SWIOTLB}SWIOTLB bounce buffer size adjusted to {mb:dec}MB`,
    source: 'swiotlb_adjust_size()'
  },
  size_roundup: {
    level: 'info',
    rate: 'always',
    since: '6.0',
    text: `${SWIOTLB}SWIOTLB bounce buffer size roundup to {mb:dec}MB`,
    source: 'swiotlb_adjust_nareas()'
  },
  size_halved: {
    level: 'info',
    rate: 'always',
    since: '6.2',
    text: `${SWIOTLB}SWIOTLB bounce buffer size adjusted {from:dec} -> {to:dec} slabs`,
    source: 'swiotlb_init_remap(), 8d58aa484920'
  },
  mapped_old: {
    level: 'info',
    rate: 'always',
    since: '',
    until: '4.19',
    text: 'software IO TLB [mem {start:addr}-{end:addr}] ({mb:dec}MB) mapped at',
    source: 'swiotlb_print_info()'
  },
  mapped: {
    level: 'info',
    rate: 'always',
    since: '',
    text: `${SWIOTLB}mapped [mem {start:addr}-{end:addr}] ({mb:dec}MB)`,
    source: 'swiotlb_print_info()'
  },
  no_low_mem: {
    level: 'warn',
    rate: 'always',
    since: '',
    text: `${SWIOTLB}No low mem`,
    source: 'swiotlb_print_info()'
  },
  alloc_failed: {
    level: 'warn',
    rate: 'always',
    since: '6.2',
    text: `${SWIOTLB}{fn}: Failed to allocate {bytes:dec} bytes tlb structure`,
    source: 'swiotlb_memblock_alloc()'
  },
  alloc_failed_old: {
    level: 'warn',
    rate: 'always',
    since: '5.19',
    until: '6.2',
    text: `${SWIOTLB}{fn}: failed to allocate tlb structure`,
    source: 'swiotlb_init_remap()'
  },
  cannot_allocate: {
    level: 'warn',
    rate: 'always',
    since: '',
    until: '5.19',
    text: `${SWIOTLB}Cannot allocate buffer`,
    source: 'swiotlb_init()'
  },
  remap_failed: {
    level: 'warn',
    rate: 'always',
    since: '5.19',
    text: `${SWIOTLB}{fn}: Failed to remap {bytes:dec} bytes`,
    source: 'swiotlb_memblock_alloc()'
  },
  slots_failed: {
    level: 'warn',
    rate: 'always',
    since: '5.19',
    text: `${SWIOTLB}{fn}: Failed to allocate {bytes:dec} bytes align={align:hex}`,
    source: 'swiotlb_init_remap()'
  },
  late_size: {
    level: 'warn',
    rate: 'always',
    since: '',
    text: `${SWIOTLB}only able to allocate {mb:dec} MB`,
    source: 'swiotlb_init_late()'
  },
  teardown: {
    level: 'info',
    rate: 'always',
    since: '',
    text: `${SWIOTLB}tearing down default memory pool`,
    source: 'swiotlb_exit()'
  },
  encrypted: {
    level: 'warn',
    rate: 'once',
    since: '5.6',
    text: `${SWIOTLB}Memory encryption is active and system is using DMA bounce buffers`,
    source: 'swiotlb_tbl_map_single()'
  },
  decrypt_failed: {
    level: 'warn',
    rate: 'always',
    since: '7.3',
    text: `${SWIOTLB}Failed to decrypt default memory pool, disabling it`,
    source: 'swiotlb_update_mem_attributes(), ad8d2326d264'
  },
  decrypt_restricted: {
    level: 'err',
    rate: 'always',
    since: '7.3',
    text: '{dev}: Failed to decrypt restricted DMA pool',
    source: 'rmem_swiotlb_device_init(), 7.3.4'
  },
  grow_failed: {
    level: 'warn',
    rate: 'ratelimited',
    since: '6.6',
    text: `${SWIOTLB}Failed to allocate new pool`,
    source: 'swiotlb_dyn_alloc()'
  },
  leak_decrypt: {
    level: 'warn',
    rate: 'ratelimited',
    since: '7.3',
    text: "leaking DMA memory that can't be decrypted",
    source: 'dma_set_decrypted(), 7.3.4'
  },
  leak_encrypt: {
    level: 'warn',
    rate: 'ratelimited',
    since: '5.17',
    text: "leaking DMA memory that can't be re-encrypted",
    source: 'dma_set_encrypted(); release inferred'
  },
  restricted_kib: {
    level: 'info',
    rate: 'always',
    since: '7.4',
    text: `${SWIOTLB}Reserved memory: created restricted DMA pool at {base:addr}, size {kib:dec} KiB`,
    source: 'rmem_swiotlb_setup(), 0875ed8eea3b; release by its queue'
  },
  restricted: {
    level: 'info',
    rate: 'always',
    since: '5.15',
    text: `${SWIOTLB}Reserved memory: created restricted DMA pool at {base:addr}, size {mb:dec} MiB`,
    source: 'rmem_swiotlb_setup()'
  },
  pci_dma: {
    level: 'info',
    rate: 'always',
    since: '',
    text: 'PCI-DMA: Using software bounce buffering for IO (SWIOTLB)',
    source: 'arch/x86/kernel/pci-dma.c'
  },
  full: {
    level: 'warn',
    rate: 'ratelimited',
    since: '5.1',
    text: '{dev}: swiotlb buffer is full (sz: {size:dec} bytes), total {total:dec} (slots), used {used:dec} (slots)',
    source: 'swiotlb_tbl_map_single(); not with DMA_ATTR_NO_WARN'
  },
  full_old: {
    level: 'warn',
    rate: 'ratelimited',
    since: '',
    until: '5.1',
    text: '{dev}: swiotlb buffer is full (sz: {size:dec} bytes)',
    source: 'swiotlb_tbl_map_single()'
  },
  out_of_space_at: {
    level: 'err',
    rate: 'always',
    since: '',
    until: '4.12',
    text: 'DMA: Out of SW-IOMMU space for {size:dec} bytes at device {dev}',
    source: 'swiotlb_full()'
  },
  out_of_space_old: {
    level: 'err',
    rate: 'always',
    since: '',
    until: '5.0',
    text: '{dev}: DMA: Out of SW-IOMMU space for {size:dec} bytes',
    source: 'swiotlb_full()'
  },
  no_pool_panic: {
    level: 'panic',
    rate: 'always',
    since: '',
    until: '6.0',
    text:
      "Kernel panic - not syncing: Can not allocate SWIOTLB buffer earlier and can't now provide you with the DMA " +
      'bounce buffer',
    source: 'swiotlb_tbl_map_single()'
  },
  no_pool: {
    level: 'warn',
    rate: 'ratelimited',
    since: '6.0',
    text: "{dev}: Can not allocate SWIOTLB buffer earlier and can't now provide you with the DMA bounce buffer",
    source: 'swiotlb_tbl_map_single()'
  },
  swiotlb_overflow: {
    level: 'WARN',
    rate: 'once',
    since: '5.5',
    text: '{dev}: swiotlb addr {addr:addr}+{size:dec} overflow (mask {mask:bare}, bus limit {limit:bare}).',
    source: 'swiotlb_map()'
  },
  dma_overflow: {
    level: 'WARN',
    rate: 'once',
    since: '5.5',
    text: '{dev}: DMA addr {addr:addr}+{size:dec} overflow (mask {mask:bare}, bus limit {limit:bare}).',
    source: 'dma_direct_map_page(), dma_direct_map_phys(), dma_direct_map_resource()'
  },
  overflow_limit: {
    level: 'err',
    rate: 'always',
    since: '5.4',
    until: '5.5',
    text: '{dev}: overflow {addr:addr}+{size:dec} of DMA mask {mask:bare} bus limit {limit:bare}',
    source: 'report_addr()'
  },
  overflow_old: {
    level: 'err',
    rate: 'always',
    since: '',
    until: '5.4',
    text: '{dev}: overflow {addr:addr}+{size:dec} of DMA mask {mask:bare} bus mask {limit:bare}',
    source: 'report_addr()'
  },
  overflow_device: {
    level: 'err',
    rate: 'always',
    since: '',
    until: '4.20',
    text: 'overflow {addr:addr}+{size:dec} of device mask {mask:bare}',
    source: 'check_addr() of nommu_map_single(), dma_direct_map_page()'
  },
  vmalloc_rejected: {
    level: 'WARN',
    rate: 'once',
    since: '5.4',
    text: '{dev}: rejecting DMA map of vmalloc memory',
    source: 'dma_map_single_attrs()'
  },
  coherent_failed: {
    level: 'warn',
    rate: 'always',
    since: '4.17',
    until: '5.0',
    text: '{dev}: swiotlb: coherent allocation failed, size={size:dec}',
    source: 'swiotlb_alloc_coherent()'
  },
  coherent_failed_old: {
    level: 'warn',
    rate: 'always',
    since: '4.8',
    until: '4.17',
    text: 'swiotlb: coherent allocation failed for device {dev} size={size:dec}',
    source: 'swiotlb_alloc_coherent()'
  },
  coherent_mask_old: {
    level: 'warn',
    rate: 'always',
    since: '',
    until: '4.20',
    text: 'hwdev DMA mask = {mask:hex}, dev_addr = {addr:hex}',
    source: 'swiotlb_alloc_coherent()'
  },
  not_supported: {
    level: 'warn',
    rate: 'once',
    since: '5.16',
    text: 'coherent DMA allocations not supported on this platform.',
    source: 'dma_direct_alloc()'
  },
  pool_small: {
    level: 'err',
    rate: 'always',
    since: '',
    until: '5.0',
    text: 'ERROR: {kib:dec} KiB atomic DMA coherent pool is too small!',
    source: 'arch/arm/mm/dma-mapping.c'
  },
  pool_depleted: {
    level: 'WARN',
    rate: 'once',
    since: '5.7',
    text: 'coherent pool depleted, increase size (recommended min coherent_pool={kib:dec}K)',
    source: 'dma_alloc_from_pool(); release inferred'
  },
  pool_prealloc_failed: {
    level: 'err',
    rate: 'always',
    since: '',
    text: 'DMA: failed to allocate {kib:dec} KiB',
    source: 'dma_atomic_pool_init()'
  },
  cma_failed: {
    level: 'err',
    rate: 'ratelimited',
    since: '',
    text: 'alloc failed, req-size: {pages:dec} pages, ret: -{errno:dec}',
    source: 'cma_alloc()'
  },
  dma_api_pending: {
    level: 'WARN',
    rate: 'always',
    since: '',
    text: 'device driver has pending DMA allocations while released from device [count={count:dec}]',
    source: 'kernel/dma/debug.c'
  },
  bounce_overflow: {
    level: 'WARN',
    rate: 'once',
    since: '5.11',
    text: '{dev}: Buffer overflow detected. Allocation size: {alloc:dec}. Mapping size: {size:dec}.',
    source: 'swiotlb_bounce()'
  },
  tio_disable: {
    level: 'warn',
    rate: 'once',
    since: '',
    text: '{dev}: (TIO) Disable SWIOTLB',
    source: 'is_swiotlb_force_bounce() of RFC v1 04/38'
  },
  pool_exhausted: {
    level: 'WARN',
    rate: 'always',
    since: '6.18',
    text: 'DMA pool exhausted for {dev}',
    source: 'dma_alloc_from_pool(); release inferred'
  },
  pool_unsuitable: {
    level: 'WARN',
    rate: 'always',
    since: '5.8',
    text: 'Failed to get suitable pool for {dev}',
    source: 'dma_alloc_from_pool()'
  },
  suppressed: {
    level: 'warn',
    rate: 'always',
    since: '',
    text: '{fn}: {count:dec} callbacks suppressed',
    source: 'lib/ratelimit.c: printed when messages come again, for those left out before'
  }
} as const satisfies Readonly<Record<string, MessageSpec>>

export type MessageId = keyof typeof messageTable
/** A number is one up to 2^53, beyond that a bigint: a mask of 64 bits is exact. */
export type MessageArgs = Readonly<Record<string, string | number | bigint>>

const field = /\{(\w+)(?::(\w+))?\}/g

const print = (value: string | number | bigint, kind: string | undefined): string => {
  if (typeof value === 'string') return value
  const n = BigInt(value)
  switch (kind) {
    case 'hex':
      return `0x${n.toString(16)}`
    case 'bare':
      return n.toString(16)
    case 'addr':
      return `0x${n.toString(16).padStart(16, '0')}`
    default:
      return n.toString()
  }
}

/**
 * The line, without time stamp. A missing field stays as its name in braces. Pass what is larger than 2^53 as a bigint.
 */
export function formatMessage(id: MessageId, args: MessageArgs): string {
  return messageTable[id].text.replace(field, (all, name: string, kind: string | undefined) => {
    const value = own(args, name)
    return value === undefined ? all : print(value, kind)
  })
}

const patterns = { dec: '\\d+', hex: '0x[0-9a-fA-F]+', bare: '[0-9a-fA-F]+', addr: '(?:0x)?[0-9a-fA-F]+' }

function compile(text: string): RegExp {
  let out = ''
  let at = 0
  for (const m of text.matchAll(field)) {
    const kind = m[2] as keyof typeof patterns | undefined
    // A device is `driver name` or a bare name, a function one word. Tables are searched in order: the longer text of
    // two comes first.
    const pattern =
      kind === undefined ? (m[1] === 'dev' ? '(?:[^\\s\\[\\]]*[^\\s\\[\\]:] )?[^\\s\\[\\]]+' : '\\w+') : patterns[kind]
    out += `${text.slice(at, m.index).replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?<${m[1]}>${pattern})`
    at = m.index + m[0].length
  }
  return new RegExp(out + text.slice(at).replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
}

type Compiled = readonly [MessageId, RegExp, string]
let compiledOnce: readonly Compiled[] | undefined
/** The pattern of each message, made when the first line is read: most who load this table only write. */
const compiled = (): readonly Compiled[] =>
  (compiledOnce ??= (Object.keys(messageTable) as MessageId[]).map((id) => {
    const text = messageTable[id].text
    // A word that every such line contains: most lines of a log are passed by it.
    const probe = text
      .split(field)
      .filter((_, i) => i % 3 === 0)
      .reduce((a, b) => (b.length > a.length ? b : a), '')
    return [id, compile(text), probe] as const
  }))

/**
 * A message recognised in a line of a log. Numbers are numbers (0x and bare hex read as such; bigint from 2^53 on), the
 * rest text.
 */
export interface ReadMessage {
  readonly id: MessageId
  readonly args: MessageArgs
  /** Where in the line the message ends: another may follow. */
  readonly end: number
}

/** A number as written, a bigint where a number would round it. */
function exact(digits: string): number | bigint {
  const n = Number(digits)
  return Number.isSafeInteger(n) ? n : BigInt(digits)
}

/** The message in a line, whatever stands before and after it; null when there is none. */
export function readMessage(line: string): ReadMessage | null {
  for (const [id, pattern, probe] of compiled()) {
    if (!line.includes(probe)) continue
    const m = pattern.exec(line)
    if (!m) continue
    const args: Record<string, string | number | bigint> = {}
    for (const f of messageTable[id].text.matchAll(field)) {
      const raw = m.groups?.[f[1] as string] ?? ''
      args[f[1] as string] = f[2] === undefined ? raw : exact(f[2] === 'dec' ? raw : `0x${raw.replace(/^0x/i, '')}`)
    }
    return { id, args, end: m.index + m[0].length }
  }
  return null
}
