// A built kernel replays recordings of 7.x (../shared/data/swiotlb-7.3), made elsewhere from the same sources by a
// harness that shares nothing with ours: boot, then every operation's result, events, counters and state.
import { type Diagnostic, type Result, err, ok, own } from '../base/index.ts'
import {
  type Allocation,
  type Event,
  type Injection,
  KernelC,
  KernelFault,
  type PlatformKind,
  type WasmModule,
  WORKS,
  ZoneHost
} from '../kernel-c/index.ts'

const KINDS: Readonly<Record<string, PlatformKind>> = {
  none: 'none',
  realm: 'realm',
  pkvm: 'pkvm',
  snp: 'snp',
  'snp-vtom': 'vtom',
  tdx: 'tdx',
  sme: 'sme'
}

// The recordings' names of messages, by a part of their text.
const MESSAGES: ReadonlyArray<readonly [string, string]> = [
  ['swiotlb buffer is full', 'full'],
  ['Can not allocate SWIOTLB buffer earlier', 'no-swiotlb'],
  ['Memory encryption is active', 'bounce-under-encryption'],
  ['Alloc alignment may prevent', 'alloc-align'],
  ['swiotlb addr', 'bounce-addr-overflow'],
  ['DMA addr', 'map-overflow'],
  ['Attempt for buffer overflow', 'bounce-size-overflow'],
  ['Buffer overflow', 'bounce-size-overflow'],
  ['Cannot allocate pages from non page-aligned', 'swiotlb-page-unaligned'],
  ['Failed to allocate new pool', 'dyn-alloc-failed'],
  ['Failed to decrypt default memory pool', 'default-pool-decrypt-failed'],
  ['Failed to decrypt restricted DMA pool', 'restricted-decrypt-failed'],
  ["leaking DMA memory that can't be decrypted", 'leak-decrypt'],
  ["leaking DMA memory that can't be re-encrypted", 'leak-encrypt'],
  ['coherent DMA allocations not supported', 'coherent-unsupported'],
  ['DMA pool exhausted', 'pool-exhausted'],
  ['Failed to get suitable pool', 'pool-unsuitable'],
  ['DMA: failed to allocate', 'atomic-pool-failed'],
  ['trying to free invalid coherent area', 'remap-invalid-free']
]

/**
 * The recordings' name of a message, by its text; one that they do not have is itself behind a question mark, a WARN
 * (`site`: its file and line) the place.
 */
export const messageId = (text: string, site = ''): string =>
  MESSAGES.find(([t]) => text.includes(t))?.[1] ?? (site !== '' ? `WARN:${site.replace(/^.*\//, '')}` : `? ${text}`)

export interface RecordedDifference {
  readonly file: string
  /** 1-based. */
  readonly line: number
  readonly operation: string
  readonly recorded: string
  readonly differences: ReadonlyArray<{ readonly what: string; readonly recorded: unknown; readonly kernel: unknown }>
}
export interface RecordedFile {
  readonly file: string
  /** The recording's own name of its kernel. */
  readonly recordedOn: string
  readonly operations: number
  readonly mismatches: number
  readonly first: RecordedDifference | null
  /** Functions that may sleep, called where nothing may, with the first line. */
  readonly slept: ReadonlyArray<{ readonly site: string; readonly line: number }>
}

/** How a recording's kernel must be built. */
export interface RecordedBuild {
  readonly arch: 'arm64' | 'x86'
  readonly kconfig: Readonly<Record<string, string>> /** force_dma_unencrypted() asks whether a device is accepted. */
  readonly acceptance: boolean
}

type Header = Readonly<Record<string, unknown>>

/** Null when the line is no machine of this format. */
export function recordedBuild(line: string): RecordedBuild | null {
  try {
    const h = JSON.parse(line) as Header
    const build = /^(arm64|x86)(\+mixed)?$/.exec(String(h['build']))
    if (h['format'] !== 2 || !build) return null
    return {
      arch: build[1] as 'arm64' | 'x86',
      acceptance: build[2] !== undefined,
      kconfig: {
        SWIOTLB_DYNAMIC: h['swiotlb_dynamic'] ? 'y' : 'n',
        DMA_BOUNCE_UNALIGNED_KMALLOC: h['kmalloc_bounce'] ? 'y' : 'n'
      }
    }
  } catch {
    return null
  }
}

const big = (v: unknown): bigint => BigInt(typeof v === 'string' || typeof v === 'number' ? v : 0)
const bitOf = (v: unknown): number => {
  const b = big(v)
  return b === 0n ? -1 : b.toString(2).length - 1
}
const bytes = (text: string): number =>
  Number.parseInt(text, 10) * (/k/i.test(text) ? 1024 : /m/i.test(text) ? 1 << 20 : 1)
const MAX = 2 ** 64

/** Where the answer of dma_need_unmap() stands among the queries; null: the kernel has no such predicate. */
export const NEED_UNMAP = 5

/**
 * A kernel that does what the lines of a recording say: `records` tells whether it writes its answers into them, or
 * compares them.
 */
export class RecordedKernel {
  readonly k: KernelC
  readonly host: ZoneHost
  readonly devs: number[] = []
  private differences: Array<{ what: string; recorded: unknown; kernel: unknown }> = []
  private readonly kinds = new Map<string, Allocation>()
  private readonly lists = new Map<string, number[]>()
  private readonly regions: number[] = []

  /** In 7.2 dma_direct_map_phys() is inline: what it says once is said once per including file. */
  private readonly inlineMap: boolean

  constructor(
    module: WasmModule,
    private readonly h: Header,
    /** Whether answers are written into the lines; else they are compared with them. */
    private readonly records = false
  ) {
    this.inlineMap = String(h['kernel']).startsWith('linux-7.2')
    this.host = new ZoneHost(h['zones'] as [], messageId)
    this.k = new KernelC(module, this.host)
  }

  private compare(what: string, recorded: unknown, kernel: unknown): void {
    if (JSON.stringify(recorded) !== JSON.stringify(kernel)) this.differences.push({ what, recorded, kernel })
  }
  /** What the kernel answers at a place of a line or of the machine: written there, or compared with what is there. */
  private answer(line: object, place: number | string, what: string, kernel: unknown): void {
    if (this.records) Reflect.set(line, place, kernel)
    else this.compare(what, own(line as Record<string, unknown>, String(place)), kernel)
  }
  /** The same of all values of a line from a place on. */
  private answers(line: unknown[], from: number, what: string, kernel: readonly unknown[]): void {
    if (this.records) line.splice(from, Number.POSITIVE_INFINITY, ...kernel)
    else this.compare(what, line.slice(from), kernel)
  }
  take(): Array<{ what: string; recorded: unknown; kernel: unknown }> {
    const d = this.differences
    this.differences = []
    return d
  }

  boot(): void {
    const { h, k, host } = this
    host.beginOp(
      (h['boot_inject'] as Array<[string, number, number]>).map(([kind, n, errno]) => ({ kind, k: n, errno }))
    )
    const ram = h['ram'] as Array<[number, number]>
    k.boot({
      cpus: 1,
      ram: Number(h['max_pfn']) * 4096,
      ranges: ram,
      zone_dma_limit: Number(big(h['zone_dma_limit'])),
      platform: own(KINDS, String(h['platform'])) ?? 'none',
      bit: bitOf(h['bit']),
      track_hiwater: false,
      swiotlb: {
        start: Number(h['pool_start']),
        cmdline: String(h['swiotlb_param'] ?? ''),
        any: h['swiotlb_any'] === 1,
        force: h['force_bounce'] === 1
      },
      atomic_pools: bytes(String(h['coherent_pool'])),
      conversions: h['platform'] !== 'none',
      verbose: false
    })
    const regions = (h['restricted'] ?? []) as Array<{ start: number; size: number }>
    for (const d of h['devices'] as Header[]) {
      const i = k.device({
        dma_mask: big(d['dma_mask']),
        coherent_dma_mask: big(d['coherent_dma_mask']),
        bus_dma_limit: big(d['bus_dma_limit']),
        min_align_mask: Number(d['min_align_mask']),
        segment_boundary_mask: big(d['segment_boundary_mask']),
        ranges: (d['range'] as Header[]).map((r) => ({
          cpu_start: Number(big(r['cpu_start'])),
          dma_start: Number(big(r['dma_start'])),
          size: Number(big(r['size']))
        })),
        ...(k.hasField('dma_coherent') ? { fields: { dma_coherent: Number(d['dma_coherent']) } } : {})
      })
      this.devs.push(i)
      const r = typeof d['restricted'] === 'number' ? regions[d['restricted']] : undefined
      if (r) {
        const rc = k.restricted(i, r.start, r.size)
        if (d['restricted_rc'] !== undefined || rc !== 0)
          this.answer(d, 'restricted_rc', `device ${d['id']}: restricted_rc`, rc)
        if (rc === 0) this.regions[d['restricted'] as number] = i
      }
      if (d['accepted'] !== undefined) k.set_accepted(i, d['accepted'] === 1)
    }
    this.answer(h, 'boot', 'events', host.events)
    if (this.records) this.tellPool()
    for (const [n, d] of (h['devices'] as Header[]).entries()) {
      const i = this.devs[n] as number
      this.answer(
        d,
        'force_dma_unencrypted',
        `device ${d['id']}: force_dma_unencrypted`,
        k.force_dma_unencrypted(i) ? 1 : 0
      )
      this.answer(d, 'max_mapping_size', `device ${d['id']}: max_mapping_size`, size(k.dma_max_mapping_size(i)))
    }
  }

  /** The default pool as boot made it. */
  private tellPool(): void {
    const p = this.k.pool()
    if (p === null) return
    Object.assign(this.h, { nslabs: p.nslabs, nareas: p.nareas })
    if (p.cc_shared !== null) Object.assign(this.h, { pool_cc_shared: p.cc_shared ? 1 : 0 })
  }

  /** The allocation as it was made: of which kind its pointer is. */
  private made(phys: number, dma: number, size: number): Allocation {
    return this.kinds.get(`${phys}:${dma}:${size}`) ?? { phys, handle: dma, kind: 0 }
  }
  private allocated(n: number[], at: number, size: number, a: Allocation): number {
    const phys = Math.max(a.phys, 0)
    this.answer(n, at, 'phys', phys)
    this.answer(n, at + 1, 'dma', a.phys < 0 ? -1 : a.handle)
    if (a.phys >= 0) this.kinds.set(`${a.phys}:${a.handle}:${size}`, a)
    const zero = a.phys >= 0 && this.host.zeroed(a.phys, size) ? 1 : 0
    if (a.phys >= 0) this.host.scribble(a.phys, size)
    return zero
  }
  private listOf(list: unknown): number {
    const handles = this.lists.get(JSON.stringify(list)) ?? []
    return handles.at(-1) ?? -1
  }

  /**
   * One operation; returns how many of the line's values belong to it, the counters excluded, -1 for an unknown one.
   * Long: one switch over the operations of a recording.
   */
  operation(v: unknown[]): number {
    const { k, host } = this
    const n = v as number[]
    const at = (i: number): number => n[i] as number
    const dev = this.devs[at(1)] ?? -1
    const inDirect = this.inlineMap && (v[0] === 'mg' || v[0] === 'dm')
    host.scope = (id) => (inDirect && id === 'map-overflow' ? 'direct.c' : '')
    switch (v[0]) {
      case 'mp':
        this.answer(
          v,
          7,
          'dma',
          at(6) & 1024
            ? k.dma_map_resource(dev, at(2), at(3), at(4), at(5), at(6) & ~1024)
            : k.dma_map(dev, at(2), at(3), at(4), at(5), at(6))
        )
        return 8
      case 'up':
        if (at(5) & 1024) k.dma_unmap_resource(dev, at(2), at(3), at(4), at(5) & ~1024)
        else k.dma_unmap(dev, at(2), at(3), at(4), at(5))
        return 6
      case 'mg': {
        const segments = (v[5] as Array<[number, number]>).map(([phys, len]) => ({ phys, size: len }))
        const list = k.sg(segments)
        const r = k.dma_map_sg(dev, at(2), list, at(3), at(4))
        this.answer(v, 6, 'rc', r.errno)
        const got = k.sg_addresses(list, r.nents).map((s) => [s.addr, s.len])
        this.answer(v, 7, 'segments', got)
        if (r.nents === 0) k.sg_free(list)
        else this.lists.set(JSON.stringify(got), [...(this.lists.get(JSON.stringify(got)) ?? []), list])
        return 8
      }
      case 'ug': {
        const list = this.listOf(v[4])
        if (list < 0) {
          this.compare('list', 'mapped', 'not mapped')
          return 5
        }
        k.dma_unmap_sg(dev, list, at(2), at(3))
        k.sg_free(list)
        this.lists.get(JSON.stringify(v[4]))?.pop()
        return 5
      }
      case 'ss':
        if (at(5)) k.dma_sync_single_for_cpu(dev, at(2), at(3), at(4))
        else k.dma_sync_single_for_device(dev, at(2), at(3), at(4))
        return 6
      case 'sg': {
        const list = this.listOf(v[4])
        if (list < 0) {
          this.compare('list', 'mapped', 'not mapped')
          return 5
        }
        if (at(3)) k.dma_sync_sg_for_cpu(dev, list, at(2))
        else k.dma_sync_sg_for_device(dev, list, at(2))
        return 5
      }
      case 'aa': {
        const a = k.dma_alloc(dev, at(2), at(3), at(4), at(5))
        const zero = this.allocated(n, 6, at(3), a)
        if (a.phys >= 0) {
          this.answer(v, 8, 'kind', a.kind)
          this.answer(v, 9, 'zero', zero)
        }
        return 10
      }
      case 'fa':
        k.dma_free(dev, at(2), this.made(at(3), at(4), at(2)), at(5))
        return 6
      case 'pa': {
        const a = k.dma_alloc_pages(dev, at(2), at(3), at(4), at(5))
        const zero = this.allocated(n, 6, at(3), a)
        if (a.phys >= 0) this.answer(v, 8, 'zero', zero)
        return 9
      }
      case 'pf':
        k.dma_free_pages(dev, at(2), at(3), at(4), at(5))
        return 6
      case 'na': {
        const a = k.dma_alloc_noncontiguous(dev, at(2), at(3), at(4), at(5), at(6))
        const zero = this.allocated(n, 7, at(3), a)
        if (a.phys >= 0) this.answer(v, 9, 'zero', zero)
        return 10
      }
      case 'nf':
        k.dma_free_noncontiguous(dev, at(2), at(3), at(5))
        return 6
      case 'dm':
        this.answer(v, 7, 'dma', k.dma_direct_map(dev, at(2), at(3), at(4), at(5), at(6)))
        return 8
      case 'du':
        k.dma_direct_unmap(dev, at(2), at(3), at(4), at(5))
        return 6
      case 'ds':
        if (at(5)) k.dma_direct_sync_single_for_cpu(dev, at(2), at(3), at(4))
        else k.dma_direct_sync_single_for_device(dev, at(2), at(3), at(4))
        return 6
      case 'da': {
        const a = k.dma_direct_alloc(dev, at(2), at(3), at(4), at(5))
        const zero = this.allocated(n, 6, at(3), a)
        if (a.phys >= 0) {
          this.answer(v, 8, 'kind', a.kind)
          this.answer(v, 9, 'zero', zero)
        }
        return 10
      }
      case 'df':
        k.dma_direct_free(dev, at(2), this.made(at(3), at(4), at(2)), at(5))
        return 6
      case 'm':
        this.answer(v, 8, 'tlb', k.swiotlb_tbl_map_single(dev, at(2), at(3), at(4), at(5), at(6), at(7)))
        this.answer(v, 9, 'attrs_after', k.attrs_after())
        return 10
      case 'sm':
        this.answer(v, 7, 'dma', k.swiotlb_map(dev, at(2), at(3), at(4), at(5), at(6)))
        return 8
      case 'u':
        k.swiotlb_tbl_unmap_single(dev, at(2), at(3), at(4), at(5))
        return 6
      case 's':
        if (at(5)) k.swiotlb_sync_single_for_cpu(dev, at(2), at(3), at(4))
        else k.swiotlb_sync_single_for_device(dev, at(2), at(3), at(4))
        return 6
      case 'w': {
        const pending = k.works()
        for (let i = 0; i < pending; i++) {
          host.events.push(['rw', WORKS[k.next_work()] ?? ''])
          k.run_work()
        }
        return 1
      }
      case 'km':
        this.answer(v, 4, 'rc', at(2) ? k.dma_set_coherent_mask(dev, big(v[3])) : k.dma_set_mask(dev, big(v[3])))
        return 5
      default:
        return -1
    }
  }

  /** Lines that only look; false for one that is no look. */
  look(v: unknown[]): boolean {
    const { k } = this
    const dev = this.devs[v[1] as number] ?? -1
    switch (v[0]) {
      case 't':
        k.set_accepted(dev, v[2] === 1)
        return true
      case 'q': {
        const mask = `0x${k.dma_get_required_mask(dev).toString(16)}`
        const unmap = k.dma_need_unmap(dev)
        this.answers(v, 2, 'queries', [
          size(k.dma_max_mapping_size(dev)),
          mask,
          k.dma_addressing_limited(dev) ? 1 : 0,
          unmap < 0 ? (v[NEED_UNMAP] ?? null) : unmap,
          k.force_dma_unencrypted(dev) ? 1 : 0,
          size(k.dma_opt_mapping_size(dev))
        ])
        return true
      }
      case 'pg':
        this.answer(v, 3, 'prot', k.dma_pgprot(dev, v[2] as number))
        return true
      case 'h':
        v.splice(1, v.length, ...v.slice(1).map((x) => (x as number) >>> 0))
        this.answers(v, 1, 'hash', [
          k.pool_hash(),
          ...((this.h['restricted'] ?? []) as unknown[]).map((_, i) => {
            const d = this.regions[i]
            return d === undefined ? 0 : k.pool_hash(d)
          })
        ])
        return true
      case 'ph':
        this.answers(
          v,
          1,
          'atomic pools',
          [0, 2, 1].map((i) => {
            const p = k.atomic_pool(i)
            return p && [p.size, p.available, p.cc_shared === null ? -1 : p.cc_shared ? 1 : 0]
          })
        )
        return true
      case 'hp': {
        const pools: number[][] = []
        for (let i = 0; ; i++) {
          const p = k.pool_nth(dev, i)
          if (p === null) break
          pools.push([p.start, p.nslabs, p.hash, p.transient ? 1 : 0])
        }
        this.answer(v, 2, 'pools', pools)
        return true
      }
      default:
        return false
    }
  }

  counters(v: unknown[], from: number): void {
    const { k, host } = this
    const p = k.pool(v[0] === 'w' ? -1 : (this.devs[v[1] as number] ?? -1))
    const tracked = this.h['track_hiwater'] === 1
    this.answer(v, from, 'events', host.events as Event[])
    this.answer(v, from + 1, 'used', tracked || !k.meta.has.trackHiwater ? p?.total_used : p?.used)
    this.answer(v, from + 2, 'hiwater', tracked || !k.meta.has.trackHiwater ? p?.hiwater : 0)
    this.answer(v, from + 3, 'bounced', host.bounced)
  }
}

const size = (n: number): number => (n >= MAX ? -1 : n)

/** Why a recording is not replayed on a build. */
export const notReplayed = (file: string, line: number, message: string): Diagnostic => ({
  code: 'TB-610',
  file,
  line,
  column: 1,
  word: '',
  message
})

/** What the replay of a recording has come to. */
class Tally {
  operations = 0
  private mismatches = 0
  private first: RecordedDifference | null = null
  private readonly slept = new Map<string, number>()
  constructor(
    private readonly r: RecordedKernel,
    private readonly file: string,
    private readonly stopAfter: number
  ) {}

  private differs(i: number, recorded: string, differences: RecordedDifference['differences']): void {
    this.mismatches++
    const operation = i === 0 ? 'boot' : (/\w+/.exec(recorded)?.[0] ?? '')
    this.first ??= { file: this.file, line: i + 1, operation, recorded, differences }
  }

  /** Runs what line `i` says; false: there is no going on. */
  attempt(i: number, text: string, body: () => void): boolean {
    try {
      body()
    } catch (e) {
      if (!(e instanceof KernelFault)) throw e
      const kernel = `${e.message} (${e.calls.join(' < ')})`
      this.differs(i, text.slice(0, 400), [{ what: 'the call', recorded: 'returned', kernel }])
      return false
    }
    for (const s of this.r.host.slept) if (!this.slept.has(s)) this.slept.set(s, i + 1)
    const differences = this.r.take()
    if (differences.length === 0) return true
    this.differs(i, text, differences)
    return this.mismatches < this.stopAfter && !differences.some((d) => d.what === 'the call')
  }

  result(recordedOn: string): RecordedFile {
    const { file, operations, mismatches, first } = this
    const slept = [...this.slept].map(([site, line]) => ({ site, line }))
    return { file, recordedOn, operations, mismatches, first, slept }
  }
}

/** Replays one recording on one build. Errors: TB-610. */
export function replayRecording(
  module: WasmModule,
  file: string,
  lines: readonly string[],
  stopAfter = Number.POSITIVE_INFINITY
): Result<RecordedFile, Diagnostic> {
  const bad = (line: number, message: string): Result<RecordedFile, Diagnostic> => err(notReplayed(file, line, message))
  if (recordedBuild(lines[0] ?? '') === null)
    return bad(1, "the first line must be a machine of format 2: a JSON object with 'build', 'platform' and 'devices'")
  const h = JSON.parse(lines[0] ?? '') as Header
  const r = new RecordedKernel(module, h)
  const tally = new Tally(r, file, stopAfter)
  const done = (): Result<RecordedFile, Diagnostic> => ok(tally.result(String(h['kernel'])))
  if (!tally.attempt(0, 'boot', () => r.boot())) return done()
  let injections: Injection[] = []
  for (let i = 1; i < lines.length; i++) {
    const text = lines[i] ?? ''
    if (text.trim() === '') continue
    let v: unknown[]
    try {
      v = JSON.parse(text) as unknown[]
    } catch {
      return bad(i + 1, 'this line is not JSON')
    }
    if (v[0] === 'f') {
      injections.push({ kind: String(v[1]), k: Number(v[2]), errno: Number(v[3]) })
      tally.operations++
      continue
    }
    let unknown = false
    const go = tally.attempt(i, text, () => {
      if (r.look(v)) return
      r.host.beginOp(injections)
      injections = []
      const used = r.operation(v)
      if (used < 0) unknown = true
      else r.counters(v, used)
    })
    if (unknown) return bad(i + 1, `unknown operation '${String(v[0])}'`)
    tally.operations++
    if (!go) break
  }
  return done()
}
