// Replays recordings of swiotlb and dma-direct operations (one JSON object, then one JSON array a line) on the model
// and compares every result, counter, event and state hash with what the kernel's own C did.
import { type Diagnostic, err, ok, own, type Result, unknownWord } from '../base/index.ts'
import { BOUNDARY_ALL_ONES, IO_TLB_SEGSIZE, IO_TLB_SIZE, type IoTlbPool, state_hash } from '../kernel/swiotlb/index.ts'
import { DMA_MAPPING_ERROR } from '../kernel/index.ts'
import { BareKernel, type BareOptions } from '../system/index.ts'
import { apiLooks, apiOperations, ApiReplay } from './swiotlb-api.ts'
import { wrongMachine } from './_swiotlb-machine.ts'
import { RecordedPages, type RecordedDevice } from './_swiotlb-direct.ts'

/** Operations and the number of values of their line, name included. */
const operations: Readonly<Record<string, { readonly name: string; readonly values: number }>> = {
  m: { name: 'swiotlb_tbl_map_single', values: 12 },
  sm: { name: 'swiotlb_map', values: 11 },
  u: { name: 'swiotlb_tbl_unmap_single', values: 9 },
  s: { name: 'swiotlb_sync_single', values: 9 },
  dm: { name: 'dma_direct_map_page', values: 12 },
  du: { name: 'dma_direct_unmap_page', values: 10 },
  ds: { name: 'dma_direct_sync_single', values: 10 },
  da: { name: 'dma_direct_alloc', values: 10 },
  df: { name: 'dma_direct_free', values: 9 },
  h: { name: 'state hash', values: 2 }
}

/** One difference between a recording and the model. */
export interface SwiotlbMismatch {
  readonly file: string
  /** 1-based. */
  readonly line: number
  /** Kernel function, or `state hash`. */
  readonly operation: string
  /** The recorded line. */
  readonly recorded: string
  /** What differs: name of the value, recorded, model. */
  readonly differences: ReadonlyArray<{ readonly what: string; readonly recorded: unknown; readonly model: unknown }>
}

export interface SwiotlbFileResult {
  readonly file: string
  readonly kernel: string
  readonly nslabs: number
  readonly nareas: number
  readonly operations: number
  readonly mismatches: number
  readonly first: SwiotlbMismatch | null
  /** What was compared, in words, and keys of the machine line that nobody looked at. */
  readonly compared: string
  readonly notCompared: readonly string[]
}

/**
 * The recorder's configuration: no remap, no CONFIG_DMA_BOUNCE_UNALIGNED_KMALLOC; what forces a bounce is said by the
 * machine line alone.
 */
export const recorders = (
  pages: RecordedPages,
  devices: readonly RecordedDevice[]
): Pick<BareOptions, 'forceBounce' | 'dmaDirectRemap' | 'bounceUnalignedKmalloc' | 'allocator' | 'devices'> => ({
  forceBounce: 'cmdline',
  dmaDirectRemap: false,
  bounceUnalignedKmalloc: false,
  allocator: {
    alloc: (order, zone) => {
      const phys = pages.alloc(order, zone !== 'normal')
      return phys < 0 ? -1 : phys / 4096
    },
    free: (pfn, order) => {
      pages.free(pfn * 4096, order)
    }
  },
  devices: devices.map((d) => ({
    min_align_mask: d.min_align_mask,
    boundary_mask: d.boundary_mask,
    bus_limit: Number(d.bus_dma_limit),
    noncoherent: !d.dma_coherent,
    masks: { dma: Number(d.dma_mask), coherent: Number(d.coherent_dma_mask) },
    ...(d.range ? { range_map: [d.range] } : {})
  }))
})

/** Reads one recording, line by line. Bad input is a Diagnostic; a difference is counted and the replay goes on. */
export class SwiotlbConform {
  private readonly file: string
  private line = 0
  private ops = 0
  private mismatches = 0
  private first: SwiotlbMismatch | null = null
  private kernel = ''
  private pool: IoTlbPool | null = null
  private api: ApiReplay | null = null
  private shape: { nslabs: number; nareas: number } | null = null
  private direct: BareKernel | null = null
  private index = new Map<number, number>()
  private readonly devices = new Map<number, RecordedDevice>()

  constructor(file: string) {
    this.file = file
  }

  /** Replays the next line. The error names the place; no further line of the file can then be trusted. */
  next(text: string): Result<void, Diagnostic> {
    this.line++
    if (text.trim() === '') return ok(undefined)
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      return err(
        this.bad(
          1,
          text.slice(0, 40),
          'this line is not JSON; a recording is one JSON object and then one JSON array a line'
        )
      )
    }
    return this.api
      ? this.apiLine(this.api, value, text)
      : this.pool
        ? this.operation(value, text)
        : this.header(value, text)
  }

  /** The file's result; an error when it had no machine line. */
  end(): Result<SwiotlbFileResult, Diagnostic> {
    if (this.api && this.shape)
      return ok({
        file: this.file,
        kernel: this.kernel,
        ...this.shape,
        operations: this.ops,
        mismatches: this.mismatches,
        first: this.first,
        compared: this.api.compared(),
        notCompared: this.api.notCompared
      })
    if (!this.pool)
      return err({
        code: 'TB-301',
        file: this.file,
        line: 0,
        column: 0,
        word: '',
        message: 'the file is empty: no machine line, no operation'
      })
    return ok({
      file: this.file,
      kernel: this.kernel,
      nslabs: this.pool.nslabs,
      nareas: this.pool.nareas,
      operations: this.ops,
      mismatches: this.mismatches,
      first: this.first,
      compared: COMPARED,
      notCompared: []
    })
  }

  private bad(column: number, word: string, message: string, expected?: readonly string[]): Diagnostic {
    return {
      code: 'TB-301',
      file: this.file,
      line: this.line,
      column,
      word,
      message,
      ...(expected ? { expected } : {})
    }
  }

  private header(value: unknown, text: string): Result<void, Diagnostic> {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return err(
        this.bad(1, text.slice(0, 20), 'the first line must be the machine: a JSON object', [
          'nslabs',
          'nareas',
          'pool_start',
          'devices'
        ])
      )
    const h = value as Record<string, unknown>
    if (h['format'] === 2) return this.apiHeader(h, text)
    if (h['format'] !== undefined && h['format'] !== 1)
      return err(
        this.bad(1, 'format', `recordings of format ${String(h['format'])} are not known`, [
          '2',
          'no format: that of 6.12'
        ])
      )
    const int = (key: string): number | null =>
      Number.isSafeInteger(own(h, key)) && (own(h, key) as number) >= 0 ? (own(h, key) as number) : null
    const nslabs = int('nslabs')
    const nareas = int('nareas')
    const start = int('pool_start')
    for (const [key, v] of [
      ['nslabs', nslabs],
      ['nareas', nareas],
      ['pool_start', start]
    ] as const)
      if (v === null) return err(this.bad(1, key, `the machine has no usable '${key}'`, ['a whole number']))
    if (nslabs === null || nareas === null || start === null) return ok(undefined)
    if (h['page_shift'] !== undefined && h['page_shift'] !== 12)
      return err(this.bad(1, 'page_shift', 'only recordings with pages of 4 KiB can be replayed', ['12']))
    if (
      nslabs < 1 ||
      nslabs > 1 << 24 ||
      nareas < 1 ||
      (nareas & (nareas - 1)) !== 0 ||
      nareas > nslabs ||
      start % IO_TLB_SIZE !== 0
    ) {
      return err(
        this.bad(
          1,
          'nslabs',
          'this is no swiotlb pool: slots from 1 to 16M, areas a power of two, start a multiple of 2048'
        )
      )
    }
    if (!Array.isArray(h['devices'])) return err(this.bad(1, 'devices', "the machine has no 'devices'", ['an array']))
    for (const d of h['devices'] as unknown[]) {
      const dev = this.device(d)
      if (!dev.ok) return dev
      this.devices.set(dev.value.id, dev.value)
    }
    this.kernel = typeof h['kernel'] === 'string' ? h['kernel'] : 'not named'
    // Without `raw` the kernel made the pool: areas of whole segments.
    if (h['raw'] !== 1 && nslabs % IO_TLB_SEGSIZE !== 0)
      return err(
        this.bad(1, 'nslabs', "a pool of a kernel's own making has whole segments; others are marked raw", [
          'a multiple of 128'
        ])
      )
    const realm = /cca|realm/.test(this.kernel) || /(^|[-_/])realm[-_.]/.test(this.file)
    const list = [...this.devices.values()]
    for (const [n, d] of list.entries()) this.index.set(d.id, n)
    const pages = new RecordedPages(start, int('buf_phys') ?? 0)
    this.direct = new BareKernel({
      kernel: realm ? 'linux-6.15' : 'linux-6.12',
      platform: realm ? 'arm-cca' : 'none',
      ipa_bits: 48,
      pool: { start, nslabs, nareas },
      force: h['force_bounce'] === 1 || h['force_bounce'] === true,
      ...recorders(pages, list)
    })
    this.pool = this.direct.pool
    return ok(undefined)
  }

  // Format 2: the whole DMA API of 7.2 and later, the boot included.
  private apiHeader(h: Record<string, unknown>, text: string): Result<void, Diagnostic> {
    const wrong = wrongMachine(h)
    if (wrong !== null)
      return err({
        ...this.bad(1, wrong.word, wrong.message, wrong.expected),
        ...(wrong.nearest ? { nearest: wrong.nearest } : {})
      })
    this.kernel = `${String(h['kernel'])} ${String(h['build'])} ${String(h['platform'])}`
    this.api = new ApiReplay(h)
    this.shape = { nslabs: h['nslabs'] as number, nareas: h['nareas'] as number }
    this.noted('boot', text.length > 400 ? `${text.slice(0, 400)}...` : text, this.api.take())
    return ok(undefined)
  }

  private apiLine(api: ApiReplay, value: unknown, text: string): Result<void, Diagnostic> {
    if (!Array.isArray(value) || typeof value[0] !== 'string')
      return err(
        this.bad(
          1,
          text.slice(0, 20),
          'an operation is a JSON array that begins with its name',
          Object.keys(apiOperations)
        )
      )
    const wrong = api.wrong(value)
    if (wrong !== null) {
      const d = this.bad(3, wrong.word, wrong.message, wrong.expected)
      return err(wrong.expected ? unknownWord({ ...d, expected: wrong.expected }, wrong.expected) : d)
    }
    api.line(value)
    this.ops++
    this.noted(own(apiOperations, value[0])?.name ?? own(apiLooks, value[0])?.name ?? '', text, api.take())
    return ok(undefined)
  }

  private device(value: unknown): Result<RecordedDevice, Diagnostic> {
    const d = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
    const big = (v: unknown): bigint | null => {
      if (typeof v === 'number' && Number.isSafeInteger(v)) return BigInt(v)
      return typeof v === 'string' && /^(0x[0-9a-f]+|\d+)$/i.test(v) ? BigInt(v) : null
    }
    const masks: bigint[] = []
    for (const key of ['min_align_mask', 'segment_boundary_mask', 'dma_mask', 'coherent_dma_mask', 'bus_dma_limit']) {
      const v = big(
        own(d, key) ??
          (key === 'bus_dma_limit' || key === 'segment_boundary_mask' || key === 'min_align_mask' ? 0 : undefined)
      )
      if (v === null)
        return err(this.bad(1, key, `device ${String(d['id'])} has no usable '${key}'`, ['a number', '"0x..."']))
      masks.push(v)
    }
    if (typeof d['id'] !== 'number') return err(this.bad(1, 'id', 'a device has no id', ['a number']))
    const [align, boundary, dma_mask, coherent_dma_mask, bus_dma_limit] = masks as [
      bigint,
      bigint,
      bigint,
      bigint,
      bigint
    ]
    let range: RecordedDevice['range'] = null
    if (d['range'] !== undefined && d['range'] !== null) {
      const r = d['range'] as Record<string, unknown>
      const [cpu, dma, size] = [big(r['cpu_start']), big(r['dma_start']), big(r['size'])]
      if (cpu === null || dma === null || size === null)
        return err(this.bad(1, 'range', `device ${d['id']} has a range without cpu_start, dma_start and size`))
      range = { cpu_start: Number(cpu), dma_start: Number(dma), size: Number(size) }
    }
    return ok({
      id: d['id'],
      min_align_mask: Number(align),
      boundary_mask: boundary > BigInt(BOUNDARY_ALL_ONES) ? BOUNDARY_ALL_ONES : Number(boundary),
      dma_mask,
      coherent_dma_mask,
      bus_dma_limit,
      dma_coherent: d['dma_coherent'] === undefined || d['dma_coherent'] === 1 || d['dma_coherent'] === true,
      range
    })
  }

  // Long: one switch over the operations of a recording.
  private operation(value: unknown, text: string): Result<void, Diagnostic> {
    if (!Array.isArray(value) || typeof value[0] !== 'string')
      return err(
        this.bad(
          1,
          text.slice(0, 20),
          'an operation is a JSON array that begins with its name',
          Object.keys(operations)
        )
      )
    const name = value[0]
    const op = Object.hasOwn(operations, name) ? operations[name] : undefined
    if (!op)
      return err(
        unknownWord(
          { ...this.bad(3, name, `unknown operation '${name}'`), expected: Object.keys(operations) },
          Object.keys(operations)
        )
      )
    if (value.length !== op.values)
      return err(this.bad(1, name, `'${name}' (${op.name}) has ${op.values} values, this line has ${value.length}`))
    for (const v of value.slice(1)) {
      if (typeof v !== 'number' && !Array.isArray(v) && name !== 'h')
        return err(this.bad(1, String(v), `the values of '${name}' are numbers`))
    }
    const direct = this.direct as BareKernel
    const pool = this.pool as IoTlbPool
    const n = value as number[]
    const at = (i: number): number => n[i] as number
    const differences: Array<{ what: string; recorded: unknown; model: unknown }> = []
    const compare = (what: string, recorded: unknown, model: unknown): void => {
      if (recorded !== model) differences.push({ what, recorded, model })
    }
    if (name === 'h') {
      const recorded = typeof value[1] === 'string' ? Number(value[1]) : (value[1] as number)
      compare('hash', recorded >>> 0, state_hash(pool))
      return this.done(op.name, text, differences)
    }
    const dev = this.devices.get(at(1))
    if (!dev)
      return err(
        this.bad(1, String(n[1]), `the machine has no device ${String(n[1])}`, [...this.devices.keys()].map(String))
      )
    const d = this.index.get(dev.id) as number
    direct.events = []
    direct.bounced = 0
    let events: unknown = null
    switch (name) {
      case 'm':
        compare('tlb_addr', at(8), direct.swiotlb_tbl_map_single(d, at(2), at(3), at(4), at(5)))
        break
      case 'sm':
        compare('dma_addr', at(7), direct.swiotlb_map(d, at(2), at(3), at(4), at(5), at(6)))
        break
      case 'u':
        if (direct.swiotlb_tbl_unmap_single(d, at(2), at(3), at(4), at(5)) <= 0)
          compare('slots released', 'some', 'none: no mapping begins at this address')
        break
      case 's':
        direct.swiotlb_sync_single(d, at(2), at(3), at(4), at(5) !== 0)
        break
      case 'dm':
        compare('dma_addr', at(7), direct.dma_direct_map_phys(d, at(2), at(3), at(4), at(5), at(6)))
        events = value[8]
        break
      case 'du':
        direct.dma_direct_unmap_phys(d, at(2), at(3), at(4), at(5))
        events = value[6]
        break
      case 'ds':
        direct.dma_direct_sync_single(d, at(2), at(3), at(4), at(5) !== 0)
        events = value[6]
        break
      case 'da': {
        const b = direct.dma_direct_alloc(d, at(2), at(3))
        compare('phys', at(4), b?.phys ?? 0)
        compare('dma_handle', at(5), b?.handle ?? DMA_MAPPING_ERROR)
        events = value[6]
        break
      }
      default:
        direct.dma_direct_free(d, direct.buffer(at(3), at(4), at(2)))
        events = value[5]
    }
    if (events !== null) compare('events', JSON.stringify(events), JSON.stringify(direct.events))
    compare('used', at(op.values - 3), pool.total_used)
    compare('hiwater', at(op.values - 2), pool.used_hiwater)
    compare('bounced', at(op.values - 1), direct.bounced)
    return this.done(op.name, text, differences)
  }

  private done(operation: string, text: string, differences: SwiotlbMismatch['differences']): Result<void, Diagnostic> {
    this.ops++
    this.noted(operation, text, differences)
    return ok(undefined)
  }
  private noted(operation: string, text: string, differences: SwiotlbMismatch['differences']): void {
    if (differences.length === 0) return
    this.mismatches++
    this.first ??= { file: this.file, line: this.line, operation, recorded: text, differences }
  }
}

/** What a recording of 6.12 holds. */
const COMPARED = 'calls, state hashes'

/** The result over all files, as `--format json` has it. */
export interface SwiotlbConformResult {
  readonly files: readonly SwiotlbFileResult[]
  readonly errors: readonly Diagnostic[]
}
