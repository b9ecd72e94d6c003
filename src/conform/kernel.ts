// Our TypeScript kernel and a tree's own C, side by side on random programs: every result, event, counter and warning
// is compared after every operation, the whole pool from time to time and at the end. The first divergence is shrunk.
import {
  type Allocation,
  DMA_BIDIRECTIONAL,
  GFP_KERNEL,
  KernelC,
  KernelFault,
  type PlatformKind,
  RecordingHost,
  type WasmModule
} from '../kernel-c/index.ts'
import { state_hash } from '../kernel/swiotlb/index.ts'
import type { DmaBuffer } from '../kernel/index.ts'
import { BareKernel } from '../system/index.ts'
import { acceptedAmong } from './kernel-check.ts'
import { type Divergence, draw, LAYOUT, type Op, opText, type Program, programText, shrink } from './kernel-program.ts'

export type { Divergence } from './kernel-program.ts'

/** A way of booting both: which addresses, which predicates. */
export interface Scenario {
  readonly name: string
  /** The model's revision and platform. */
  readonly kernel: string
  readonly platform: string
  /** What the tree's own predicates are told; the position of the alias or encryption bit, -1 for none. */
  readonly kind: PlatformKind
  readonly bit: number
  /** Whether the architecture has devices that do not snoop. */
  readonly noncoherent: boolean
  /** Name of the flag or predicate that stands for "accepted"; null when the pair has none. */
  readonly accepted: string | null
  /** The model's force decision where the pool's flag is flipped by hand. */
  readonly forceBounce: 'cmdline' | 'unless_accepted'
}

/** What a tree must be built as, for a scenario. */
export interface Build {
  readonly arch: 'arm64' | 'x86'
  readonly profile: 'recorded' | 'recorded-realm'
}

/**
 * The scenarios a tree is compared in. `plain`: the release that decides as the tree does; `flags`: fields and
 * predicates of its struct device, by architecture; `revision`: instead of both.
 */
export function scenariosFor(
  plain: string,
  arches: ReadonlyArray<'arm64' | 'x86'>,
  flags: readonly string[],
  revision: string | null
): ReadonlyArray<{ readonly scenario: Scenario; readonly build: Build }> {
  const flag = acceptedAmong(flags)
  // tdi_enabled is the RFC's name for it, the predicate that of the later series
  const accepting = flag === null ? null : flag === 'tdi_enabled' ? 'rfc-v1' : 'tio-v2'
  const base = { accepted: null, forceBounce: 'cmdline' as const, kind: 'none' as const, bit: -1, noncoherent: true }
  const out: Array<{ scenario: Scenario; build: Build }> = []
  if (arches.includes('arm64')) {
    out.push({
      scenario: { ...base, name: 'arm64', kernel: revision ?? plain, platform: 'none' },
      build: { arch: 'arm64', profile: 'recorded' }
    })
    const realm = { ...base, kind: 'realm' as const, bit: 47, platform: 'arm-cca' }
    // a tree from before 6.15 gets the address encoding of 6.15 laid over it
    const build: Build = { arch: 'arm64', profile: plain === 'linux-6.12' ? 'recorded-realm' : 'recorded' }
    const k = plain === 'linux-6.12' ? 'linux-6.15' : plain
    if (accepting === null) out.push({ scenario: { ...realm, name: 'arm64 realm', kernel: revision ?? k }, build })
    else
      out.push({
        scenario: {
          ...realm,
          name: `arm64 realm, ${flag} flipping`,
          kernel: revision ?? accepting,
          accepted: flag,
          forceBounce: accepting === 'rfc-v1' ? 'unless_accepted' : 'cmdline'
        },
        build
      })
  }
  if (arches.includes('x86')) {
    const x86 = { ...base, noncoherent: false }
    out.push({
      scenario: {
        ...x86,
        name: 'x86 SEV-SNP guest',
        kernel: revision ?? plain,
        platform: 'amd-sev-snp',
        kind: 'snp',
        bit: 51
      },
      build: { arch: 'x86', profile: 'recorded' }
    })
    out.push({
      scenario: { ...x86, name: 'x86 TDX guest', kernel: revision ?? plain, platform: 'intel-tdx', kind: 'tdx' },
      build: { arch: 'x86', profile: 'recorded' }
    })
  }
  return out
}

/** How many scenarios there are for the architectures, whatever the tree. */
export const scenarioCount = (arches: ReadonlyArray<'arm64' | 'x86'>): number =>
  scenariosFor('linux-6.12', arches, [], null).length

export interface KernelConformResult {
  readonly tree: string
  readonly version: string
  readonly scenarios: ReadonlyArray<{
    readonly name: string
    readonly kernel: string
    readonly platform: string
    readonly operations: number
    readonly programs: number
    readonly diverged: number
  }>
  readonly operations: number
  readonly mismatches: number
  readonly first: Divergence | null
}

interface Difference {
  readonly at: number
  readonly what: string
  readonly model: unknown
  readonly kernel: unknown
}

const mask = (bits: number): bigint => (bits >= 64 ? 0xffffffffffffffffn : (1n << BigInt(bits)) - 1n)
const zones = (): RecordingHost =>
  new RecordingHost([
    [LAYOUT.lowZone, LAYOUT.lowPages],
    [LAYOUT.highZone, LAYOUT.highPages]
  ])

/** The C, booted as a program and a scenario say. */
function bootC(module: WasmModule, s: Scenario, p: Program): { k: KernelC; host: RecordingHost } {
  const host = zones()
  const k = new KernelC(module, host)
  k.boot({
    cpus: p.nareas,
    ram: LAYOUT.ram,
    platform: s.kind,
    conversions: s.kind !== 'none',
    ...(s.bit >= 0 ? { bit: s.bit } : {}),
    swiotlb: { start: LAYOUT.pool, cmdline: `${p.nslabs},${p.nareas}` }
  })
  k.conversions(true)
  k.set_force_bounce(-1, p.force)
  const coherent = k.hasField('dma_coherent')
  for (const d of p.devices) {
    k.device({
      dma_mask: mask(d.dma_mask),
      coherent_dma_mask: mask(d.coherent_mask),
      bus_dma_limit: BigInt(d.bus_limit),
      min_align_mask: d.min_align_mask,
      segment_boundary_mask: BigInt(d.boundary_mask),
      ...(d.range ? { ranges: [d.range] } : {}),
      ...(coherent ? { fields: { dma_coherent: d.coherent } } : {})
    })
  }
  return { k, host }
}

function bootModel(s: Scenario, p: Program): { m: BareKernel } {
  const pages = zones()
  const m = new BareKernel({
    kernel: s.kernel,
    platform: s.platform,
    pool: { start: LAYOUT.pool, nslabs: p.nslabs, nareas: p.nareas },
    force: p.force,
    forceBounce: s.forceBounce,
    dmaDirectRemap: false,
    bounceUnalignedKmalloc: false,
    ...(s.kind === 'realm' ? { ipa_bits: s.bit + 1 } : {}),
    allocator: {
      alloc: (order, zone) => {
        const at = pages.alloc_pages(order, zone === 'normal' ? 0 : zone === 'dma32' ? 1 : 2)
        return at < 0 ? -1 : at / 4096
      },
      free: (pfn, order) => {
        pages.free_pages(pfn * 4096, order)
      }
    },
    devices: p.devices.map((d) => ({
      dma_mask: d.dma_mask,
      coherent_mask: d.coherent_mask,
      bus_limit: d.bus_limit,
      min_align_mask: d.min_align_mask,
      boundary_mask: d.boundary_mask,
      noncoherent: !d.coherent,
      ...(d.range ? { range_map: [d.range] } : {})
    }))
  })
  return { m }
}

/** What an operation made, on both sides: enough to take it apart again. */
interface Made {
  readonly dev: number
  readonly size: number
  readonly dir: number
  readonly addr: number
  readonly attrs: number
  readonly sg?: { readonly handle: number; readonly addresses: readonly number[]; readonly sizes: readonly number[] }
  readonly c?: Allocation
  readonly b?: DmaBuffer
}

/** How often the whole pool is compared. */
const LOOK = 64

/** Runs one program on both; the first difference, or null. */
export function runBoth(module: WasmModule, s: Scenario, p: Program): Difference | null {
  const { k, host } = bootC(module, s, p)
  const { m } = bootModel(s, p)
  const accepted = s.accepted === null ? null : k.fieldOf(s.accepted)
  const hiwater = k.meta.has.hiwater
  const made = new Map<number, Made>()
  let wrong: Difference | null = null
  for (let i = 0; i < p.ops.length; i++) {
    const o = p.ops[i] as Op
    host.events = []
    host.bounced = 0
    host.warnings = []
    host.logs = []
    m.events = []
    m.bounced = 0
    m.findings.length = 0
    const same = (what: string, model: unknown, kernel: unknown): void => {
      if (wrong === null && model !== kernel) wrong = { at: i, what, model, kernel }
    }
    try {
      step(o, i, k, m, made, accepted, same)
    } catch (e) {
      if (!(e instanceof KernelFault)) {
        // our model says that the kernel is broken from here on (memory freed as what it is not): nothing further can
        // be compared
        if (m.findings.some((f) => f.fatal)) return null
        throw e
      }
      same('the call', 'returned', e.message)
    }
    if (wrong !== null) return wrong
    if (
      host.events.length !== m.events.length ||
      host.events.some((e, n) => {
        const f = m.events[n]
        return f === undefined || e[0] !== f[0] || e[1] !== f[1] || e[2] !== f[2]
      })
    )
      return { at: i, what: 'events', model: JSON.stringify(m.events), kernel: JSON.stringify(host.events) }
    same('bytes bounced', m.bounced, host.bounced)
    const stats = k.pool()
    same('slots used', m.pool.total_used, stats?.total_used)
    if (hiwater) same('high-water mark', m.pool.used_hiwater, stats?.hiwater)
    const warned = m.findings.filter((f) => f.property === 'warn')
    if (warned.length !== host.warnings.length)
      same(
        'warnings',
        warned.map((f) => f.decision).join('; ') || 'none',
        host.warnings.map((w) => w.text || w.site).join('; ') || 'none'
      )
    if (k.hasField('dma_skip_sync'))
      for (let d = 0; d < p.devices.length; d++)
        same(`dev${d}.dma_skip_sync`, m.dma_skip_sync(d) ? 1 : 0, k.getField(d, 'dma_skip_sync'))
    if (wrong === null && (i % LOOK === LOOK - 1 || i === p.ops.length - 1))
      same('state of the pool', state_hash(m.pool), k.pool_hash())
    if (wrong !== null) return wrong
  }
  return null
}

// Long: one switch over the operations of a scenario.
function step(
  o: Op,
  i: number,
  k: KernelC,
  m: BareKernel,
  made: Map<number, Made>,
  accepted: number | null,
  same: (what: string, model: unknown, kernel: unknown) => void
): void {
  switch (o.op) {
    case 'map': {
      const a = m.dma_direct_map_phys(o.dev, o.cpu, o.phys, o.size, o.dir, o.attrs)
      const c = k.dma_map(o.dev, o.cpu, o.phys, o.size, o.dir, o.attrs)
      same('dma_addr', a, c)
      if (c >= 0) made.set(i, { dev: o.dev, size: o.size, dir: o.dir, addr: c, attrs: o.attrs })
      return
    }
    case 'unmap': {
      const h = made.get(o.of)
      if (!h) return
      made.delete(o.of)
      m.dma_direct_unmap_phys(h.dev, h.addr, h.size, h.dir, o.attrs)
      k.dma_unmap(h.dev, h.addr, h.size, h.dir, o.attrs)
      return
    }
    case 'sync': {
      const h = made.get(o.of)
      if (!h) return
      m.dma_sync_single(h.dev, h.addr + o.offset, o.size, h.dir, o.cpuNext)
      if (o.cpuNext) k.dma_sync_single_for_cpu(h.dev, h.addr + o.offset, o.size, h.dir)
      else k.dma_sync_single_for_device(h.dev, h.addr + o.offset, o.size, h.dir)
      return
    }
    case 'map_sg': {
      const a = m.dma_map_sg(o.dev, o.cpu, o.sg, o.dir, o.attrs)
      const handle = k.sg(o.sg)
      if (handle < 0) return
      const c = k.dma_map_sg(o.dev, o.cpu, handle, o.dir, o.attrs)
      const mapped = typeof a === 'number' ? [] : a
      same('segments', mapped.length, c.nents)
      if (typeof a === 'number') same('errno', a, c.errno)
      const got = k.sg_addresses(handle, c.nents)
      same('addresses', mapped.join(), got.map((g) => g.addr).join())
      if (c.nents === 0) k.sg_free(handle)
      else
        made.set(i, {
          dev: o.dev,
          size: 0,
          dir: o.dir,
          addr: 0,
          attrs: o.attrs,
          sg: { handle, addresses: got.map((g) => g.addr), sizes: o.sg.map((x) => x.size) }
        })
      return
    }
    case 'unmap_sg': {
      const h = made.get(o.of)
      if (!h?.sg) return
      made.delete(o.of)
      h.sg.addresses.forEach((a, n) => {
        m.dma_direct_unmap_phys(h.dev, a, h.sg?.sizes[n] as number, h.dir, h.attrs)
      })
      k.dma_unmap_sg(h.dev, h.sg.handle, h.dir, h.attrs)
      k.sg_free(h.sg.handle)
      return
    }
    case 'map_resource':
      same(
        'dma_addr',
        m.dma_map_resource(o.dev, o.cpu, o.phys, o.size, o.dir, 0),
        k.dma_map_resource(o.dev, o.cpu, o.phys, o.size, o.dir, 0)
      )
      return
    case 'tbl_map': {
      const a = m.swiotlb_tbl_map_single(o.dev, o.cpu, o.phys, o.size, o.align)
      const c = k.swiotlb_tbl_map_single(o.dev, o.cpu, o.phys, o.size, o.align, o.dir, 0)
      same('tlb_addr', a, c)
      if (c >= 0) made.set(i, { dev: o.dev, size: o.size, dir: o.dir, addr: c, attrs: 0 })
      return
    }
    case 'tbl_unmap': {
      const h = made.get(o.of)
      if (!h) return
      made.delete(o.of)
      m.swiotlb_tbl_unmap_single(h.dev, h.addr, h.size, h.dir, 0)
      k.swiotlb_tbl_unmap_single(h.dev, h.addr, h.size, h.dir, 0)
      return
    }
    case 'alloc':
    case 'alloc_pages': {
      const b =
        o.op === 'alloc'
          ? m.dma_direct_alloc(o.dev, o.cpu, o.size, true, o.attrs)
          : m.dma_direct_alloc_pages(o.dev, o.cpu, o.size, true)
      const c =
        o.op === 'alloc'
          ? k.dma_alloc(o.dev, o.cpu, o.size, GFP_KERNEL, o.attrs)
          : k.dma_alloc_pages(o.dev, o.cpu, o.size, DMA_BIDIRECTIONAL, GFP_KERNEL)
      same('address', b === null ? -1 : b.phys, c.phys)
      if (b !== null) same('dma_handle', b.handle, c.handle)
      if (b !== null && c.phys >= 0)
        made.set(i, { dev: o.dev, size: o.size, dir: 0, addr: c.phys, attrs: o.op === 'alloc' ? o.attrs : 0, c, b })
      return
    }
    case 'free':
    case 'free_pages': {
      const h = made.get(o.of)
      if (!h?.c || !h.b) return
      made.delete(o.of)
      if (o.op === 'free') {
        m.dma_direct_free(h.dev, h.b, h.attrs)
        k.dma_free(h.dev, h.size, h.c, h.attrs)
      } else {
        m.dma_direct_free_pages(h.dev, h.b)
        k.dma_free_pages(h.dev, h.size, h.c.phys, h.c.handle, DMA_BIDIRECTIONAL)
      }
      return
    }
    case 'max_mapping_size': {
      const c = k.dma_max_mapping_size(o.dev)
      same('bytes', m.dma_direct_max_mapping_size(o.dev), c >= 2 ** 64 ? Number.POSITIVE_INFINITY : c)
      return
    }
    case 'set_mask':
      same('errno', m.dma_set_mask(o.dev, o.bits), k.dma_set_mask(o.dev, mask(o.bits)))
      return
    case 'accepted':
      if (accepted === null) return
      m.set_accepted(o.dev, o.on)
      k.setFieldNumber(o.dev, accepted, o.on ? 1 : 0)
      return
    case 'force':
      m.set_force_bounce(o.on)
      k.set_force_bounce(-1, o.on)
  }
}

/** Operations of one program. */
export const PROGRAM = 400

/** Programs of a piece: what one machine of several does as a whole. A tenth of a second or two. */
const PIECE = 50

/** A part of the programs of one scenario. */
export interface Piece {
  /** Place of the scenario among those of the tree. */
  readonly scenario: number
  /** Of its first program; each further one has the next. */
  readonly seed: number
  readonly operations: number
}

/** What a piece came to, with all that a report says of its scenario. */
export interface PieceResult {
  /** Of the tree. */
  readonly version: string
  readonly scenario: { readonly name: string; readonly kernel: string; readonly platform: string }
  readonly operations: number
  readonly programs: number
  readonly first: Divergence | null
}

/** `ops` operations over so many scenarios, in pieces, by scenario. */
export function piecesOf(scenarios: number, ops: number, seed: number): ReadonlyArray<readonly Piece[]> {
  return Array.from({ length: scenarios }, (_, scenario) => {
    const share = Math.floor(ops / scenarios) + (scenario < ops % scenarios ? 1 : 0)
    const whole = PIECE * PROGRAM
    return Array.from({ length: Math.ceil(share / whole) }, (_, i) => ({
      scenario,
      seed: seed + i * PIECE,
      operations: Math.min(whole, share - i * whole)
    }))
  })
}

/**
 * The result of all pieces, in order: a scenario ends with its first divergence, and what lies behind is not asked for.
 * `answer`: undefined where there is none.
 */
export async function conformPieces(
  tree: string,
  pieces: ReadonlyArray<readonly Piece[]>,
  answer: (p: Piece) => Promise<PieceResult | undefined>
): Promise<KernelConformResult> {
  type Row = KernelConformResult['scenarios'][number]
  const scenarios: Row[] = []
  let [version, first]: [string, Divergence | null] = ['', null]
  for (const list of pieces) {
    let row = null as Row | null
    for (const p of list) {
      const r = await answer(p)
      if (r === undefined) continue
      version = r.version
      row = {
        ...r.scenario,
        operations: (row?.operations ?? 0) + r.operations,
        programs: (row?.programs ?? 0) + r.programs,
        diverged: r.first ? 1 : 0
      }
      first ??= r.first
      if (r.first !== null) break
    }
    if (row !== null) scenarios.push(row)
  }
  return {
    tree,
    version,
    scenarios,
    operations: scenarios.reduce((n, s) => n + s.operations, 0),
    mismatches: scenarios.reduce((n, s) => n + s.diverged, 0),
    first
  }
}

/** Runs programs until a scenario has seen `ops` operations or diverged; `progress` is called between programs. */
export function conformKernel(
  module: WasmModule,
  s: Scenario,
  ops: number,
  seed: number,
  progress: (done: number) => boolean = () => true
): { operations: number; programs: number; first: Divergence | null } {
  let operations = 0
  let programs = 0
  while (operations < ops) {
    const n = Math.min(PROGRAM, ops - operations)
    const at = seed + programs
    const p = draw(at, n, {
      accepted: s.accepted !== null,
      noncoherent: s.noncoherent,
      flipForce: s.forceBounce === 'cmdline'
    })
    const d = runBoth(module, s, p)
    programs++
    if (d !== null) {
      const cut: Program = { ...p, ops: p.ops.slice(0, d.at + 1) }
      const fails = (q: Program): boolean => runBoth(module, s, q) !== null
      const small = fails(cut) ? shrink(cut, fails) : cut
      const last = runBoth(module, s, small) ?? d
      return {
        operations: operations + d.at + 1,
        programs,
        first: {
          scenario: s.name,
          seed: at,
          drawn: d.at + 1,
          program: programText(small),
          operation: opText(small.ops[last.at] as Op, last.at),
          what: last.what,
          model: String(last.model),
          kernel: String(last.kernel)
        }
      }
    }
    operations += n
    if (!progress(operations)) break
  }
  return { operations, programs, first: null }
}
