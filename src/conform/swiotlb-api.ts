// Recordings of format 2 (7.2 and later, ../shared/data/swiotlb-7.3): boot, the whole DMA API, atomic, restricted and
// growing pools, failures told beforehand. Replayed on the model over the machine that the recording describes, and
// compared value by value.
import { own, plural } from '../base/index.ts'
import { type DmaBuffer, DMA_MAPPING_ERROR, type DmaZone, type Surroundings, type WorkName } from '../kernel/index.ts'
import type { SurroundedKernel } from '../system/index.ts'
import { type Injection, type ZoneConfig, ZoneHost } from '../kernel-c/index.ts'
import { type ApiDevice, type ApiMachine, bootRecorded, number, TWO64, unusedKeys, whole } from './_swiotlb-machine.ts'
import { messageId, NEED_UNMAP } from './kernel-recording.ts'

export interface ApiDifference {
  readonly what: string
  readonly recorded: unknown
  readonly model: unknown
}

/** Names of operations, the values of their line that are not counters, and what those are that are no answers. */
export const apiOperations: Readonly<
  Record<string, { readonly name: string; readonly values: number; readonly asks: string }>
> = {
  mp: { name: 'dma_map_phys', values: 8, asks: 'dev cpu phys size dir attrs' },
  up: { name: 'dma_unmap_phys', values: 6, asks: 'dev dma size dir attrs' },
  mg: { name: 'dma_map_sgtable', values: 8, asks: 'dev cpu dir attrs list' },
  ug: { name: 'dma_unmap_sg_attrs', values: 5, asks: 'dev dir attrs list' },
  ss: { name: 'dma_sync_single_for_*', values: 6, asks: 'dev dma size dir for_cpu' },
  sg: { name: 'dma_sync_sg_for_*', values: 5, asks: 'dev dir for_cpu list' },
  aa: { name: 'dma_alloc_attrs', values: 10, asks: 'dev cpu size gfp attrs' },
  fa: { name: 'dma_free_attrs', values: 6, asks: 'dev size phys dma attrs' },
  pa: { name: 'dma_alloc_pages', values: 9, asks: 'dev cpu size dir gfp' },
  pf: { name: 'dma_free_pages', values: 6, asks: 'dev size phys dma dir' },
  na: { name: 'dma_alloc_noncontiguous', values: 10, asks: 'dev cpu size dir gfp attrs' },
  nf: { name: 'dma_free_noncontiguous', values: 6, asks: 'dev size phys dma dir' },
  dm: { name: 'dma_direct_map_phys', values: 8, asks: 'dev cpu phys size dir attrs' },
  du: { name: 'dma_direct_unmap_phys', values: 6, asks: 'dev dma size dir attrs' },
  ds: { name: 'dma_direct_sync_single_*', values: 6, asks: 'dev dma size dir for_cpu' },
  da: { name: 'dma_direct_alloc', values: 10, asks: 'dev cpu size gfp attrs' },
  df: { name: 'dma_direct_free', values: 6, asks: 'dev size phys dma attrs' },
  m: { name: 'swiotlb_tbl_map_single', values: 10, asks: 'dev cpu phys size align dir attrs' },
  sm: { name: 'swiotlb_map', values: 8, asks: 'dev cpu phys size dir attrs' },
  u: { name: 'swiotlb_tbl_unmap_single', values: 6, asks: 'dev tlb size dir attrs' },
  s: { name: 'swiotlb_sync_single_*', values: 6, asks: 'dev tlb size dir for_cpu' },
  w: { name: 'work', values: 1, asks: '' },
  km: { name: 'dma_set_mask', values: 5, asks: 'dev coherent mask' }
}
/** Lines that only look or set, and how many values they have; 0: any number. */
export const apiLooks: Readonly<
  Record<string, { readonly name: string; readonly values: number; readonly counts: keyof ApiReplay['counts'] }>
> = {
  t: { name: 'accepted', values: 3, counts: 'flips' },
  q: { name: 'queries', values: 8, counts: 'queries' },
  pg: { name: 'dma_pgprot', values: 4, counts: 'queries' },
  h: { name: 'state hash', values: 0, counts: 'hashes' },
  ph: { name: 'atomic pools', values: 4, counts: 'pools' },
  hp: { name: 'pools of a device', values: 3, counts: 'pools' },
  f: { name: 'failure told beforehand', values: 4, counts: 'failures' }
}
/** Where a line has lists, and of what. */
const LISTS: Readonly<Record<string, Readonly<Record<number, 'pairs' | 'any'>>>> = {
  mg: { 5: 'pairs', 7: 'pairs' },
  ug: { 4: 'pairs' },
  sg: { 4: 'pairs' },
  ph: { 1: 'any', 2: 'any', 3: 'any' },
  hp: { 2: 'any' }
}
/** Where a line has text. */
const TEXTS: Readonly<Record<string, number>> = { km: 3, q: 3, f: 1 }
const MASK = /^0x[0-9a-f]{1,16}$/i
const COUNTERS = 4

export class ApiReplay {
  private readonly k: SurroundedKernel
  private readonly host: ZoneHost
  private readonly index = new Map<number, number>()
  private readonly works: Array<readonly [WorkName, () => void]> = []
  /** What was handed out and not given back, by address, handle and size. */
  private readonly made = new Map<string, DmaBuffer[]>()
  /** Lines by what they are. */
  readonly counts = { calls: 0, failures: 0, hashes: 0, pools: 0, queries: 0, flips: 0 }
  private readonly tracked: boolean
  private readonly inlineMap: boolean
  private injections: Injection[] = []
  private differences: ApiDifference[] = []

  private readonly flushes: boolean

  /** Boots; the boot's differences are taken with the first take(). */
  constructor(private readonly h: ApiMachine) {
    // In 7.2 dma_direct_map_phys() is inline: what it says once is said once per including file.
    this.inlineMap = String(h['kernel']).startsWith('linux-7.2')
    // arch_sync_dma_flush() is in 7.2 and not in 6.12, where each call for a cache completes itself.
    this.flushes = !String(h['kernel']).startsWith('linux-6.')
    this.tracked = h['track_hiwater'] === 1
    this.host = new ZoneHost(h['zones'] as ZoneConfig[], (text) => messageId(text))
    this.host.beginOp(
      (h['boot_inject'] as Array<[string, number, number]>).map(([kind, k, errno]) => ({ kind, k, errno }))
    )
    const devices = h['devices'] as ApiDevice[]
    for (const [i, d] of devices.entries()) this.index.set(d.id, i)
    this.k = bootRecorded(h, devices, this.surroundings(), (text, once) => {
      this.host.log(4, 0, text, once)
    })
    this.compareBoot(devices)
  }

  private surroundings(): Surroundings {
    const { host } = this
    const zones: Readonly<Record<DmaZone, 0 | 1 | 2>> = { normal: 0, dma32: 1, dma: 2 }
    return {
      alloc_pages: (order, zone) => host.alloc_pages(order, zones[zone]),
      free_pages: (phys, order) => {
        host.free_pages(phys, order)
      },
      set_memory: (decrypted, phys, n) => host.set_memory(decrypted, phys, n),
      vmap: (phys, size, prot) => host.vmap(phys, size, prot),
      vunmap: (phys) => {
        host.vunmap(phys)
      },
      cache: (op, phys, size) => {
        host.cache(op === 'sd' ? 0 : op === 'sc' ? 1 : 2, phys, size)
      },
      flush: () => {
        if (this.flushes) host.cache(4, 0, 0)
      },
      zero: (phys, size) => {
        host.fill(phys, 0, size)
      },
      schedule: (work, run) => {
        host.events.push(['wk', work])
        this.works.push([work, run])
      }
    }
  }

  private compareBoot(devices: readonly ApiDevice[]): void {
    const { h, k } = this
    this.compare('events of the boot', h['boot'], this.host.events)
    if (h['pool_cc_shared'] !== undefined)
      this.compare(
        'pool_cc_shared',
        h['pool_cc_shared'],
        k.system.kernel.config.memory_encrypt_reported && k.system.kernel.platform.conversion !== 'none' ? 1 : 0
      )
    for (const d of devices) {
      const i = this.index.get(d.id) as number
      if (d['accepted'] !== undefined) k.set_accepted(i, d['accepted'] === 1)
      if (typeof d.restricted === 'number')
        this.compare(`device ${d.id}: restricted pool attached`, (d['restricted_rc'] ?? 0) === 0, !k.unattached(i))
      this.compare(
        `device ${d.id}: force_dma_unencrypted`,
        d['force_dma_unencrypted'],
        k.force_dma_unencrypted(i) ? 1 : 0
      )
      this.compare(`device ${d.id}: max_mapping_size`, d['max_mapping_size'], whole(k.dma_max_mapping_size(i)))
    }
  }

  private compare(what: string, recorded: unknown, model: unknown): void {
    if (JSON.stringify(recorded) !== JSON.stringify(model))
      this.differences.push({ what, recorded: printed(recorded), model: printed(model) })
  }
  /** What was compared, in words. */
  compared(): string {
    const { calls, failures, hashes, pools, queries, flips } = this.counts
    const boot =
      `boot (${plural((this.h['boot'] as unknown[]).length, 'event')}, ` +
      `${plural((this.h['devices'] as unknown[]).length, 'device')})`
    const rest = [
      [failures, 'failure injected', 'failures injected'],
      [hashes, 'state hash', 'state hashes'],
      [pools, 'look at pools', 'looks at pools'],
      [queries, 'query', 'queries'],
      [flips, 'flip of acceptance (no released tree asks)', 'flips of acceptance (no released tree asks)']
    ] as const
    return [
      boot,
      plural(calls, 'call'),
      ...rest.filter(([n]) => n > 0).map(([n, one, many]) => plural(n, one, many))
    ].join(', ')
  }
  /** What of the recording nobody looked at. */
  get notCompared(): readonly string[] {
    return unusedKeys(this.h)
  }

  /** Differences since the last call. */
  take(): ApiDifference[] {
    const d = this.differences
    this.differences = []
    return d
  }

  /** What is wrong with a line of this format, or null. */
  wrong(
    v: readonly unknown[]
  ): { readonly word: string; readonly message: string; readonly expected?: readonly string[] } | null {
    const name = String(v[0])
    const op = own(apiOperations, name)
    const values = op ? op.values + COUNTERS : own(apiLooks, name)?.values
    if (values === undefined)
      return {
        word: name,
        message: `unknown operation '${name}'`,
        expected: [...Object.keys(apiOperations), ...Object.keys(apiLooks)]
      }
    if (values !== 0 && v.length !== values)
      return {
        word: name,
        message:
          `'${name}' (${(op ?? own(apiLooks, name))?.name ?? ''}) has ${values} values, ` + `this line has ${v.length}`
      }
    const strange = v.findIndex((x, i) => i > 0 && i < (op?.values ?? v.length) && !fits(name, i, x))
    if (strange > 0)
      return {
        word: String(v[strange]).slice(0, 40),
        message: `value ${strange} of '${name}' is not what stands there`
      }
    const withDevice = !['w', 'h', 'ph', 'f'].includes(name)
    if (withDevice && !this.index.has(v[1] as number))
      return {
        word: String(v[1]),
        message: `the machine has no device ${String(v[1])}`,
        expected: [...this.index.keys()].map(String)
      }
    return null
  }

  /** Replays one line, well-formed. */
  line(v: readonly unknown[]): void {
    if (v[0] === 'f') {
      this.counts.failures++
      this.injections.push({ kind: String(v[1]), k: Number(v[2]), errno: Number(v[3]) })
      return
    }
    const look = own(apiLooks, String(v[0]))
    if (look !== undefined) {
      this.counts[look.counts]++
      this.look(v)
      return
    }
    this.counts.calls++
    this.host.beginOp(this.injections)
    this.injections = []
    this.k.bounced = 0
    this.attempt(v)
    const from = own(apiOperations, String(v[0]))?.values ?? 0
    const now = this.k.usage(v[0] === 'w' ? null : this.dev(v), this.tracked)
    this.compare('events', v[from], this.host.events)
    this.compare('used', v[from + 1], now.used)
    this.compare('hiwater', v[from + 2], now.hiwater)
    this.compare('bounced', v[from + 3], this.k.bounced)
  }

  // What our kernel does not survive, the recorded one did.
  private attempt(v: readonly unknown[]): void {
    const { findings } = this.k
    findings.length = 0
    try {
      this.operation(v)
    } catch (e) {
      const fatal = findings.find((f) => f.fatal)
      if (fatal === undefined) throw e
      this.compare('the call', 'returned', `${fatal.site}: ${fatal.summary}`)
    }
  }

  private dev(v: readonly unknown[]): number {
    return this.index.get(v[1] as number) as number
  }

  private look(v: readonly unknown[]): void {
    const { k } = this
    switch (v[0]) {
      case 't':
        k.set_accepted(this.dev(v), v[2] === 1)
        return
      case 'q': {
        const d = this.dev(v)
        const size = whole(k.dma_max_mapping_size(d))
        const mask = k.dma_get_required_mask(d)
        this.compare('queries', v.slice(2), [
          size,
          `0x${(mask >= TWO64 ? 2n ** 64n - 1n : BigInt(mask)).toString(16)}`,
          k.dma_addressing_limited(d) ? 1 : 0,
          v[NEED_UNMAP] === null ? null : k.dma_need_unmap(d) ? 1 : 0,
          k.force_dma_unencrypted(d) ? 1 : 0,
          size
        ])
        return
      }
      case 'pg':
        this.compare('prot', v[3], k.dma_pgprot(this.dev(v), v[2] as number))
        return
      case 'h': {
        const regions = (this.h['restricted'] ?? []) as unknown[]
        const hashes = regions.map((_, i) => {
          const d = k.system.kernel.devices.find((x) => x.config.region === i + 1)
          return d?.assigned ? k.restricted_hash(d.assigned.pool) : 0
        })
        this.compare(
          'hash',
          v.slice(1).map((x) => (x as number) >>> 0),
          [k.default_hash, ...hashes]
        )
        return
      }
      case 'ph':
        this.compare(
          'atomic pools',
          v.slice(1),
          [0, 2, 1].map((i) => {
            const p = k.atomic_pool(i)
            return p && [p.size, p.available, this.h['pool_cc_shared'] === undefined ? -1 : p.shared ? 1 : 0]
          })
        )
        return
      default:
        this.compare(
          'pools',
          v[2],
          k.pools(this.dev(v)).map((p) => [p.start, p.nslabs, p.hash, p.transient ? 1 : 0])
        )
    }
  }

  // Long: one switch over the operations of a recording.
  private operation(v: readonly unknown[]): void {
    const { k } = this
    const n = v as readonly number[]
    const at = (i: number): number => n[i] as number
    const d = v[0] === 'w' ? -1 : this.dev(v)
    const inDirect = this.inlineMap && (v[0] === 'mg' || v[0] === 'dm')
    this.host.scope = (id) => (inDirect && id === 'map-overflow' ? 'direct.c' : '')
    switch (v[0]) {
      case 'mp':
        this.compare('dma', at(7), k.dma_map_phys(d, at(2), at(3), at(4), at(5), at(6)))
        return
      case 'up':
        k.dma_unmap_phys(d, at(2), at(3), at(4), at(5))
        return
      case 'mg': {
        const sg = (v[5] as Array<[number, number]>).map(([phys, size]) => ({ phys, size }))
        const r = k.dma_map_sgtable(d, at(2), sg, at(3), at(4))
        this.compare('rc', at(6), typeof r === 'number' ? r : 0)
        this.compare('segments', v[7], typeof r === 'number' ? [] : r.map((addr, i) => [addr, sg[i]?.size]))
        return
      }
      case 'ug':
        k.dma_unmap_sg(d, segments(v[4]), at(2), at(3))
        return
      case 'ss':
        k.dma_sync_single(d, at(2), at(3), at(4), at(5) !== 0)
        return
      case 'sg':
        k.dma_sync_sg(d, segments(v[4]), at(2), at(3) !== 0)
        return
      case 'aa':
        this.allocated(v, 6, k.dma_alloc_attrs(d, at(2), at(3), at(4), at(5)), 8)
        return
      case 'fa':
        k.dma_free_attrs(d, this.buffer(at(3), at(4), at(2)), at(5))
        return
      case 'pa':
        this.allocated(v, 6, k.dma_alloc_pages(d, at(2), at(3), at(5)), null)
        return
      case 'na':
        this.allocated(v, 7, k.dma_alloc_noncontiguous(d, at(2), at(3), at(5), at(6)), null)
        return
      case 'pf':
      case 'nf':
        k.dma_free_pages(d, this.buffer(at(3), at(4), at(2)))
        return
      case 'dm':
        this.compare('dma', at(7), k.direct_map(d, at(2), at(3), at(4), at(5), at(6)))
        return
      case 'du':
        k.direct_unmap(d, at(2), at(3), at(4), at(5))
        return
      case 'ds':
        k.direct_sync(d, at(2), at(3), at(4), at(5) !== 0)
        return
      case 'da':
        this.allocated(v, 6, k.direct_alloc(d, at(2), at(3), at(4), at(5)), 8)
        return
      case 'df':
        k.direct_free(d, this.buffer(at(3), at(4), at(2)), at(5))
        return
      case 'm': {
        const r = k.tbl_map_single(d, at(2), at(3), at(4), at(5), at(7))
        this.compare('tlb', at(8), r.tlb)
        this.compare('attrs_after', at(9), r.attrs)
        return
      }
      case 'sm':
        this.compare('dma', at(7), k.map(d, at(2), at(3), at(4), at(5), at(6)))
        return
      case 'u':
        k.tbl_unmap_single(d, at(2), at(3), at(4), at(5))
        return
      case 's':
        k.tbl_sync_single(d, at(2), at(3), at(4), at(5) !== 0)
        return
      case 'km':
        this.compare('rc', at(4), k.set_any_mask(d, number(v[3]), at(2) === 1))
        return
      default:
        // What a work queues meanwhile waits for the next time.
        for (const [name, run] of this.works.splice(0)) {
          this.host.events.push(['rw', name])
          k.work(run)
        }
    }
  }

  private buffer(phys: number, handle: number, size: number): DmaBuffer {
    const key = `${phys}:${handle}:${size}`
    const list = this.made.get(key)
    const b = list?.pop()
    if (list?.length === 0) this.made.delete(key)
    return b ?? this.k.buffer(phys, handle, size)
  }

  /** `from`: where phys, then the handle stand; `kind`: where the kind of the CPU address stands. */
  private allocated(v: readonly unknown[], from: number, b: DmaBuffer | null, kind: number | null): void {
    this.compare('phys', v[from], b?.phys ?? 0)
    this.compare('dma', v[from + 1], b?.handle ?? DMA_MAPPING_ERROR)
    if (b === null) return
    const size = v[3] as number
    const key = `${b.phys}:${b.handle}:${size}`
    this.made.set(key, [...(this.made.get(key) ?? []), b])
    if (kind !== null) this.compare('kind', v[kind], b.cookie ? 2 : b.vmap ? 1 : 0)
    this.compare('zero', v[kind === null ? from + 2 : kind + 1], this.host.zeroed(b.phys, size) ? 1 : 0)
    this.host.scribble(b.phys, size)
  }
}

function fits(name: string, i: number, x: unknown): boolean {
  const list = own(LISTS, name)?.[i]
  if (list === 'any') return x === null || Array.isArray(x)
  if (list === 'pairs')
    return (
      Array.isArray(x) && x.every((p) => Array.isArray(p) && p.length === 2 && p.every((n) => Number.isSafeInteger(n)))
    )
  if (name === 'q' && i === NEED_UNMAP && x === null) return true
  if (own(TEXTS, name) === i) return typeof x === 'string' && (name === 'f' || MASK.test(x))
  return Number.isSafeInteger(x)
}

const printed = (x: unknown): unknown => (typeof x === 'object' && x !== null ? JSON.stringify(x) : x)
const segments = (list: unknown): Array<{ addr: number; size: number }> =>
  (list as Array<[number, number]>).map(([addr, size]) => ({ addr, size }))
