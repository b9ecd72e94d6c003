// Random programs over the whole DMA API of 7.2 and later, as lines of a recording of format 2 in which the answers are
// still missing: a machine, and operations that refer to each other by number. Whoever runs one asks a kernel for the
// answers. Nothing here knows who that is.
import { ensure } from '../base/index.ts'
import { revisionByName } from '../kernel/index.ts'
import { DMA_ATTRS } from '../kernel/trace-events.ts'
import { randomOf, withoutOperations } from './kernel-program.ts'

/** A failure told beforehand: the k-th call (from 0) of a kind fails. */
export type Failure = readonly [kind: 'dec' | 'enc' | 'ap' | 'vm', k: number, errno: number]

/** What makes something that can be taken apart: the names are those of the recordings. */
export type Maker = 'mp' | 'dm' | 'sm' | 'm' | 'mg' | 'aa' | 'da' | 'pa' | 'na'

/**
 * An operation. `of` names the one that made what it works on, by its number; when that made nothing, neither does
 * this.
 */
export type ApiOp =
  | {
      readonly op: Maker
      readonly dev: number
      /** The values of its line after the device, up to the answers. */
      readonly values: readonly unknown[]
      readonly attrs: number
      readonly fails: readonly Failure[]
    }
  | { readonly op: 'end'; readonly of: number; readonly skip: number; readonly fails: readonly Failure[] }
  | { readonly op: 'sync'; readonly of: number; readonly part: readonly [number, number]; readonly forCpu: 0 | 1 }
  | { readonly op: 'work'; readonly fails: readonly Failure[] }
  | { readonly op: 'mask'; readonly dev: number; readonly which: 0 | 1; readonly mask: string }
  | { readonly op: 'accepted'; readonly dev: number; readonly on: 0 | 1 }
  | { readonly op: 'look'; readonly line: readonly unknown[] }

/** The machine line without its answers. */
export type DrawnMachine = Readonly<Record<string, unknown>> & {
  readonly devices: ReadonlyArray<Readonly<Record<string, unknown>>>
  readonly restricted: ReadonlyArray<{ readonly start: number; readonly size: number }>
}

export interface ApiProgram {
  readonly machine: DrawnMachine
  readonly ops: readonly ApiOp[]
}

/** What a program may contain. */
export interface ApiKinds {
  /** The machine line's words. */
  readonly kernel: string
  readonly build: 'arm64' | 'x86' | 'arm64+mixed' | 'x86+mixed'
  readonly platform: string
  readonly bit: string
  readonly dynamic: boolean
  /** Whether the high-water mark is kept on request only (7.3); else always. */
  readonly tracksOnRequest: boolean
}

// The recorder's machine: 6 GiB, the pool at 2 GiB.
const POOL = 0x8000_0000
const BUFFERS = [
  { start: 0x1_0000_0000, size: 16 << 20 },
  { start: 0x4000_0000, size: 4 << 20 }
] as const
const MMIO = [0xd000_0000, 0x10_0000_0000] as const
const REGIONS = [
  { start: 0x3000_0000, size: 1 << 20 },
  { start: 0x1_4800_0000, size: 512 << 10 }
] as const
const RAM = [
  [0x10_0000, 0xc000_0000],
  [0x1_0000_0000, 0x1_8000_0000]
] as const

const attr = (name: string): number => 1 << ensure(DMA_ATTRS.find((a) => a.name === name)?.bit, 'the attribute')
const WRITE_COMBINE = attr('WRITE_COMBINE')
const NO_KERNEL_MAPPING = attr('NO_KERNEL_MAPPING')
const SKIP_CPU_SYNC = attr('SKIP_CPU_SYNC')
const FORCE_CONTIGUOUS = attr('FORCE_CONTIGUOUS')
const ALLOC_SINGLE_PAGES = attr('ALLOC_SINGLE_PAGES')
const NO_WARN = attr('NO_WARN')
const ATTR_MMIO = attr('MMIO')
const REQUIRE_COHERENT = attr('REQUIRE_COHERENT')
const CC_SHARED = attr('CC_SHARED')
const ALLOC_CC_SHARED = attr('ALLOC_CC_SHARED')

/** Attributes that a kernel has no name for: not asked of it. */
function unknownTo(kernel: string): number {
  const rev = revisionByName(kernel)
  return (
    (rev?.['attributes.CC_SHARED'] ? 0 : CC_SHARED | ALLOC_CC_SHARED) |
    (rev?.['attributes.MMIO'] ? 0 : ATTR_MMIO) |
    (rev?.['attributes.REQUIRE_COHERENT'] ? 0 : REQUIRE_COHERENT)
  )
}

type Draw = (n: number) => number
const pickFrom =
  (r: Draw) =>
  <T>(xs: readonly T[]): T =>
    xs[r(xs.length)] as T
const hexMask = (bits: number): string => `0x${((1n << BigInt(bits)) - 1n).toString(16)}`

function drawDevice(r: Draw, id: number, s: ApiKinds, regions: number): Readonly<Record<string, unknown>> {
  const pick = pickFrom(r)
  const range = [
    [],
    [],
    [],
    [{ cpu_start: '0x0', dma_start: '0x10000000', size: '0x400000000' }],
    [
      { cpu_start: '0x0', dma_start: '0x8000000000', size: '0xc0000000' },
      { cpu_start: '0x100000000', dma_start: '0x200000000', size: '0x80000000' }
    ]
  ]
  return {
    name: `dev${id}`,
    id,
    min_align_mask: pick([0, 0, 0, 0xfff, 0x7ff, 0xffff, 0x1ff]),
    segment_boundary_mask: pick(['0x0', '0x0', '0xffff', '0x1ffff', '0xffffffff', '0xffffffffffffffff']),
    dma_mask: hexMask(pick([64, 64, 64, 52, 48, 40, 32, 31, 30])),
    coherent_dma_mask: hexMask(pick([64, 64, 64, 48, 36, 32, 31, 30])),
    bus_dma_limit: pick(['0x0', '0x0', '0x0', '0x0', '0xffffffff', '0x8fffffff']),
    dma_coherent: s.build.startsWith('x86') || r(4) !== 0 ? 1 : 0,
    restricted: regions > 0 && r(3) === 0 ? r(regions) : null,
    range: pick(range),
    ...(s.build.endsWith('+mixed') ? { accepted: r(2) } : {})
  }
}

function drawFailures(r: Draw, atMost: number): Failure[] {
  const pick = pickFrom(r)
  return Array.from({ length: 1 + r(atMost) }, () => [
    pick(['dec', 'dec', 'enc', 'enc', 'ap', 'vm'] as const),
    r(3) === 0 ? 1 : 0,
    pick([-22, -22, -1])
  ])
}

function drawMachine(r: Draw, s: ApiKinds): DrawnMachine {
  const pick = pickFrom(r)
  const arm = s.build.startsWith('arm64')
  const nareas = pick(s.dynamic ? [1, 2] : [1, 2, 2, 4])
  const nslabs = Math.max(128 * nareas, pick(s.dynamic ? [128, 256] : [128, 256, 512, 1024]))
  const force = r(3) === 0
  const track = r(4) !== 0 || !s.tracksOnRequest
  const regions = arm && r(3) !== 0 ? REGIONS : []
  return {
    format: 2,
    kernel: s.kernel,
    build: s.build,
    platform: s.platform,
    bit: s.bit,
    swiotlb_dynamic: s.dynamic ? 1 : 0,
    kmalloc_bounce: 0,
    nslabs,
    nareas,
    pool_start: POOL,
    page_shift: 12,
    force_bounce: force ? 1 : 0,
    swiotlb_param: `${nslabs},${nareas}${force ? ',force' : ''}${track && s.tracksOnRequest ? ',track_hiwater' : ''}`,
    swiotlb_any: r(3) === 0 ? 1 : 0,
    track_hiwater: track ? 1 : 0,
    coherent_pool: pick(['128K', '128K', '64K', '256K']),
    zone_dma_limit: arm ? '0x3fffffff' : '0xffffff',
    max_pfn: 0x1_8000_0000 / 4096,
    ram: RAM,
    zones: [
      { name: 'DMA', start: arm ? 0x2000_0000 : 0x40_0000, pages: 512 },
      { name: 'DMA32', start: 0x9000_0000, pages: 1024 },
      { name: 'NORMAL', start: 0x1_0c00_0000, pages: 4096 }
    ],
    restricted: regions,
    boot_inject: r(5) === 0 ? drawFailures(r, 2).map(([kind, , e]) => [kind, r(6), e]) : [],
    boot: [],
    devices: Array.from({ length: 2 + r(5) }, (_, id) => drawDevice(r, id, s, regions.length))
  }
}

interface Held {
  readonly kind: Maker
  readonly at: number
  readonly size: number
  readonly attrs: number
}

/** The operations of a program, drawn one after the other. Seeds name programs: the order of the draws is fixed. */
class Drawing {
  private readonly live: Held[] = []
  private readonly crowd: number
  /** A program without failures is one in four. */
  private readonly failing: boolean
  private readonly known: number

  constructor(
    private readonly r: Draw,
    private readonly machine: DrawnMachine,
    private readonly s: ApiKinds
  ) {
    this.crowd = 6 + r(50)
    this.failing = r(4) !== 0
    this.known = ~unknownTo(s.kernel)
  }

  private pick<T>(xs: readonly T[]): T {
    return xs[this.r(xs.length)] as T
  }
  private size(): number {
    const { r } = this
    return this.pick([
      () => 1 + r(64),
      () => 1 + r(2048),
      () => 1 + r(8192),
      () => 4096,
      () => 2048 * (1 + r(16)),
      () => 1 + r(65536),
      () => 1 + r(262144)
    ])()
  }
  private phys(): number {
    const b = this.pick(BUFFERS)
    return b.start + (this.r(3) === 0 ? 2048 * this.r(1024) : this.r(b.size - 300_000))
  }
  private failures(): readonly Failure[] {
    return this.failing && this.r(12) === 0 ? drawFailures(this.r, 2) : []
  }
  private mapAttrs(): number {
    const { r } = this
    const drawn =
      (r(4) === 0 ? SKIP_CPU_SYNC : 0) |
      (r(8) === 0 ? NO_WARN : 0) |
      (r(7) === 0 ? CC_SHARED : 0) |
      (r(20) === 0 ? REQUIRE_COHERENT : 0) |
      (r(24) === 0 ? WRITE_COMBINE : 0)
    return drawn & this.known
  }
  private allocAttrs(): number {
    const { r } = this
    // A struct page must not be freed under another answer than it was made under (flags flip, on an SME host masks
    // decide): the kernel would crash.
    const cookie = this.s.build.endsWith('+mixed') || this.s.platform === 'sme' ? 0 : NO_KERNEL_MAPPING
    const drawn =
      (r(8) === 0 ? NO_WARN : 0) |
      (r(8) === 0 ? cookie : 0) |
      (r(14) === 0 ? WRITE_COMBINE : 0) |
      (r(20) === 0 ? FORCE_CONTIGUOUS : 0) |
      (r(30) === 0 ? CC_SHARED : 0) |
      (r(40) === 0 ? ALLOC_CC_SHARED : 0)
    return drawn & this.known
  }

  next(i: number): ApiOp {
    const { r, live } = this
    return live.length > 0 && r(this.crowd) < live.length ? this.takeApart() : this.make(i)
  }

  private takeApart(): ApiOp {
    const { r, live } = this
    const at = r(live.length)
    const l = live[at] as Held
    const syncable = ['mp', 'dm', 'sm', 'm', 'mg'].includes(l.kind) && (l.attrs & ATTR_MMIO) === 0
    if (syncable && r(3) === 0) {
      // A list is synced whole.
      const offset = l.size === 0 || r(2) === 0 ? 0 : r(l.size)
      const part = [offset, l.size === 0 || r(2) === 0 ? l.size - offset : 1 + r(l.size - offset)] as const
      return { op: 'sync', of: l.at, part, forCpu: r(2) === 0 ? 1 : 0 }
    }
    live[at] = live.at(-1) as Held
    live.pop()
    return { op: 'end', of: l.at, skip: r(5) === 0 ? SKIP_CPU_SYNC : 0, fails: this.failures() }
  }

  private make(i: number): ApiOp {
    const { r } = this
    const dev = r(this.machine.devices.length)
    const what = r(100)
    if (what < 86) return this.maker(i, dev, what)
    if (what < 88) return { op: 'mask', dev, which: r(2) === 0 ? 0 : 1, mask: hexMask(this.pick(MASK_BITS)) }
    if (what < 91 && this.s.dynamic) return { op: 'work', fails: this.failures() }
    if (what < 94 && this.s.build.endsWith('+mixed')) return { op: 'accepted', dev, on: r(2) === 0 ? 1 : 0 }
    return { op: 'look', line: this.look(dev) }
  }

  private look(dev: number): readonly unknown[] {
    return this.pick<readonly unknown[]>([
      ['q', dev],
      ['pg', dev, this.pick([0, WRITE_COMBINE, CC_SHARED, CC_SHARED | WRITE_COMBINE, ALLOC_CC_SHARED]) & this.known],
      ['h'],
      ['ph'],
      this.s.dynamic ? ['hp', dev] : ['q', dev]
    ])
  }

  /** `what`: 0 to 85. */
  private maker(i: number, dev: number, what: number): ApiOp {
    const { r } = this
    const [cpu, dir, fails] = [r(4), r(3), this.failures()]
    const made = (op: Maker, values: readonly unknown[], size: number, attrs: number): ApiOp => {
      this.live.push({ kind: op, at: i, size, attrs })
      return { op, dev, values, attrs, fails }
    }
    if (what < 38) {
      const mmio = r(12) === 0 && (this.known & ATTR_MMIO) !== 0
      const [size, attrs] = [this.size(), this.mapAttrs() | (mmio ? ATTR_MMIO : 0)]
      const phys = mmio ? this.pick(MMIO) + 4096 * r(16) : this.phys()
      return made(what < 34 ? 'mp' : 'dm', [cpu, phys, size, dir, attrs], size, attrs)
    }
    if (what < 47) {
      const list = Array.from({ length: 1 + r(4) }, () => [this.phys(), 1 + r(20_000)])
      const attrs = this.mapAttrs()
      return made('mg', [cpu, dir, attrs, list], 0, attrs)
    }
    if (what < 50) {
      const size = this.size()
      const align = this.pick([0, 0, 0xfff, 0x1fff, 0xffff])
      const attrs = this.mapAttrs() & (SKIP_CPU_SYNC | CC_SHARED)
      return made('m', [cpu, this.phys(), size, align, dir, attrs], size, attrs)
    }
    if (what < 53) {
      const [size, attrs] = [this.size(), this.mapAttrs()]
      return made('sm', [cpu, this.phys(), size, dir, attrs], size, attrs)
    }
    const gfp = this.pick([0, 0, 0, 1, 1, 2])
    const size = 1 + r(r(3) === 0 ? 120_000 : 12_000)
    if (what < 70) {
      const attrs = this.allocAttrs()
      return made(what < 67 ? 'aa' : 'da', [cpu, size, gfp, attrs], size, attrs)
    }
    if (what < 80) return made('pa', [cpu, size, dir, gfp], size, 0)
    const attrs = r(8) === 0 ? ALLOC_SINGLE_PAGES : 0
    return made('na', [cpu, size, dir, gfp, attrs], size, attrs)
  }
}

const MASK_BITS = [64, 52, 48, 47, 40, 36, 32, 31, 30, 24] as const

/** Draws a program of `n` operations; the whole state is looked at in between and at the end. */
export function drawApi(seed: number, n: number, s: ApiKinds): ApiProgram {
  const r = randomOf(seed)
  const machine = drawMachine(r, s)
  const drawing = new Drawing(r, machine, s)
  const ops = Array.from({ length: n }, (_, i) => drawing.next(i))
  return { machine, ops: [...ops, { op: 'look', line: ['h'] }, { op: 'look', line: ['ph'] }] }
}

/** Programs that are plainer than `p` in one thing: fewer operations first. */
function* plainer(p: ApiProgram): Generator<ApiProgram> {
  for (let size = Math.max(1, p.ops.length >> 1); size >= 1; size >>= 1)
    for (let at = p.ops.length - size; at >= 0; at -= size) yield withoutOperations<ApiOp, ApiProgram>(p, at, size)
  const { machine } = p
  if ((machine['boot_inject'] as unknown[]).length > 0) yield { ...p, machine: { ...machine, boot_inject: [] } }
  if (machine.restricted.length > 0) {
    const devices = machine.devices.map((d) => ({ ...d, restricted: null }))
    yield { ...p, machine: { ...machine, restricted: [], devices } }
  }
  for (const [i, o] of p.ops.entries()) {
    const set = (q: ApiOp): ApiProgram => ({ ...p, ops: p.ops.map((x, n) => (n === i ? q : x)) })
    if ('fails' in o && o.fails.length > 0) yield set({ ...o, fails: [] })
    if (o.op === 'end' && o.skip !== 0) yield set({ ...o, skip: 0 })
  }
}

/** The smallest program found that still fails; `fails` is asked at most `budget` times. */
export function shrinkApi(p: ApiProgram, fails: (p: ApiProgram) => boolean, budget = 1500): ApiProgram {
  let [best, asked] = [p, 0]
  for (let progress = true; progress && asked < budget; ) {
    progress = false
    for (const q of plainer(best)) {
      if (asked++ >= budget) break
      if (!fails(q)) continue
      best = q
      progress = true
      break
    }
  }
  return best
}
