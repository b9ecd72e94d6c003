// Events beside the classes dma and swiotlb: block requests (they end mappings whose unmap a driver leaves out), and
// kprobes on the functions of swiotlb, which are all that a kernel before 6.12 can offer. Text only, and seldom hot:
// regular expressions will do. Shared by the scanner and its slow twin.
import { MAPPING_ERROR, parseAttrs, Trace, type TraceKind } from '../kernel/trace-events.ts'
import { Has } from './event.ts'

/** A kprobe that replay understands: the function, whether at its return, and the name that `tbit record` gives it. */
export interface ProbeSpec {
  readonly kind: TraceKind
  readonly name: string
  readonly symbols: readonly string[]
  /** At the return of the function. */
  readonly returns: boolean
  /**
   * Arguments as kprobe_events takes them ($argN: arguments in order; x86-64 and arm64, kernels from 4.20 on), by
   * number of the argument.
   */
  readonly fetch: string
}

/**
 * The probes, in the order in which they fire. dev->kobj.name is the first pointer behind the device's first pointer:
 * struct device begins with its kobject, and the kobject with its name. `size` of swiotlb_tbl_map_single() is the third
 * argument since 5.11.
 */
export const PROBES: readonly ProbeSpec[] = [
  {
    kind: Trace.probeMap,
    name: 'tbit_map',
    symbols: ['swiotlb_tbl_map_single'],
    returns: false,
    fetch: 'dev=+0(+0($arg1)):string orig=$arg2:x64 size=$arg3:u64'
  },
  {
    kind: Trace.probeMapReturn,
    name: 'tbit_map_ret',
    symbols: ['swiotlb_tbl_map_single'],
    returns: true,
    fetch: 'tlb=$retval:x64'
  },
  {
    kind: Trace.probeUnmap,
    name: 'tbit_unmap',
    symbols: ['swiotlb_tbl_unmap_single', '__swiotlb_tbl_unmap_single'],
    returns: false,
    fetch: 'dev=+0(+0($arg1)):string tlb=$arg2:x64 size=$arg3:u64 dir=$arg4:u32'
  }
]

/** Bits of Has for what it says. */
export function besideHas(e: BesideEvent): number {
  const bit = (v: unknown, b: number): number => (v === undefined ? 0 : b)
  return (
    bit(e.device, Has.device) |
    bit(e.dma, Has.dma) |
    bit(e.phys, Has.phys) |
    bit(e.size, Has.size) |
    bit(e.dir, Has.dir)
  )
}

/** What such an event says; undefined where it says nothing. */
export interface BesideEvent {
  readonly device?: string
  readonly dma?: number
  readonly phys?: number
  readonly size?: number
  readonly dir?: number
  readonly attrs?: number
}

const BLOCK: ReadonlyMap<string, TraceKind> = new Map([
  ['block_rq_issue', Trace.blockIssue],
  ['block_rq_complete', Trace.blockComplete]
])
const ENTRY = /^ *\(([A-Za-z_]\w*)(?:\.\w+)*\+0x[0-9a-f]+\/0x[0-9a-f]+\)/
const RETURN = /^ *\(\S+ <- ([A-Za-z_]\w*)(?:\.\w+)*\)/

/**
 * The meaning of an event of a name that no table has, by its name or by the function that it probes; Trace.none when
 * it has none here.
 */
export function besideKind(name: string, rest: string): TraceKind {
  const block = BLOCK.get(name)
  if (block !== undefined) return block
  const ret = RETURN.exec(rest)
  const symbol = (ret ?? ENTRY.exec(rest))?.[1]
  for (const p of PROBES)
    if (symbol === undefined ? p.name === name : p.symbols.includes(symbol) && p.returns === (ret !== null))
      return p.kind
  return Trace.none
}

// major,minor rwbs [bytes] (cmd) sector + sectors
const REQUEST = /^ *(\d+),(\d+) \S+ (?:\d+ )?\([^)]*\) (\d+) \+ (\d+)(?= |$)/
const FIELD = /(?:^| )([A-Za-z_]\w*)=("[^"]*"|\S*)/g
const ALIASES: Readonly<Record<string, string>> = {
  dev: 'dev',
  device: 'dev',
  dev_name: 'dev',
  hwdev: 'dev',
  orig: 'phys',
  orig_addr: 'phys',
  phys: 'phys',
  paddr: 'phys',
  phys_addr: 'phys',
  tlb: 'tlb',
  tlb_addr: 'tlb',
  ret: 'tlb',
  retval: 'tlb',
  arg1: 'tlb',
  size: 'size',
  mapping_size: 'size',
  len: 'size',
  dir: 'dir',
  attrs: 'attrs'
}

/** Reads the text after the event's name; null when it lacks what the event cannot do without. */
export function readBeside(kind: TraceKind, rest: string): BesideEvent | null {
  if (kind === Trace.blockIssue || kind === Trace.blockComplete) {
    const m = REQUEST.exec(rest)
    // Sectors beyond 2^53 are those of requests without any (flush, passthrough).
    return m ? { phys: Number(m[1]) * 2 ** 20 + Number(m[2]), dma: Number(m[3]), size: Number(m[4]) } : null
  }
  const values = new Map<string, string>()
  for (const m of rest.matchAll(FIELD)) {
    const known = Object.hasOwn(ALIASES, m[1] as string) ? ALIASES[m[1] as string] : undefined
    if (known !== undefined && !values.has(known)) values.set(known, m[2] as string)
  }
  const number = (key: string): number | undefined => {
    const v = values.get(key)
    if (v === undefined) return undefined
    const n = /^0x[0-9a-f]+$/i.test(v) ? Number.parseInt(v, 16) : /^\d+$/.test(v) ? Number(v) : Number.NaN
    // DMA_MAPPING_ERROR, the kernel's only address near 2^64.
    return n > Number.MAX_SAFE_INTEGER ? MAPPING_ERROR : n
  }
  const device = values.get('dev')?.replace(/^"(.*)"$/, '$1')
  const tlb = number('tlb')
  const phys = number('phys')
  const size = number('size')
  const dir = number('dir')
  const attrs = parseAttrs(values.get('attrs') ?? '') ?? 0
  if ([tlb, phys, size, dir].some((n) => n !== undefined && Number.isNaN(n))) return null
  if (kind === Trace.probeMapReturn) return tlb === undefined ? null : { dma: tlb }
  if (device === undefined || device === '' || size === undefined || size >= 2 ** 32) return null
  if (kind === Trace.probeMap)
    return phys === undefined || phys === MAPPING_ERROR ? null : { device, phys, size, dir: dir ?? 0, attrs }
  return tlb === undefined ? null : { device, dma: tlb, size, dir: dir !== undefined && dir <= 3 ? dir : 0, attrs }
}
