// Random programs over the DMA API: what they are made of, how they are drawn from a seed, how they read, how they get
// smaller. Nothing here knows who runs them.

export const DIRECTIONS = ['BIDIRECTIONAL', 'TO_DEVICE', 'FROM_DEVICE'] as const

/**
 * An operation. `of` names the operation that made what it works on, by its number; when that did nothing, neither does
 * this.
 */
export type Op =
  | {
      readonly op: 'map'
      readonly dev: number
      readonly cpu: number
      readonly phys: number
      readonly size: number
      readonly dir: number
      readonly attrs: number
    }
  | { readonly op: 'unmap'; readonly of: number; readonly attrs: number }
  | {
      readonly op: 'sync'
      readonly of: number
      readonly offset: number
      readonly size: number
      readonly cpuNext: boolean
    }
  | {
      readonly op: 'map_sg'
      readonly dev: number
      readonly cpu: number
      readonly sg: ReadonlyArray<{ readonly phys: number; readonly size: number }>
      readonly dir: number
      readonly attrs: number
    }
  | { readonly op: 'unmap_sg'; readonly of: number }
  | {
      readonly op: 'map_resource'
      readonly dev: number
      readonly cpu: number
      readonly phys: number
      readonly size: number
      readonly dir: number
    }
  /** swiotlb_tbl_map_single, as the IOMMU code calls it. */
  | {
      readonly op: 'tbl_map'
      readonly dev: number
      readonly cpu: number
      readonly phys: number
      readonly size: number
      readonly align: number
      readonly dir: number
    }
  | { readonly op: 'tbl_unmap'; readonly of: number }
  | { readonly op: 'alloc'; readonly dev: number; readonly cpu: number; readonly size: number; readonly attrs: number }
  | { readonly op: 'free'; readonly of: number }
  | { readonly op: 'alloc_pages'; readonly dev: number; readonly cpu: number; readonly size: number }
  | { readonly op: 'free_pages'; readonly of: number }
  | { readonly op: 'max_mapping_size'; readonly dev: number }
  | { readonly op: 'set_mask'; readonly dev: number; readonly bits: number }
  | { readonly op: 'accepted'; readonly dev: number; readonly on: boolean }
  | { readonly op: 'force'; readonly on: boolean }

export interface ProgramDevice {
  /** dma_mask and coherent_dma_mask, bits. */
  readonly dma_mask: number
  readonly coherent_mask: number
  readonly bus_limit: number
  readonly min_align_mask: number
  /** 0: unset. */
  readonly boundary_mask: number
  readonly coherent: boolean
  readonly range: { readonly cpu_start: number; readonly dma_start: number; readonly size: number } | null
}

export interface Program {
  readonly nslabs: number
  readonly nareas: number
  readonly force: boolean
  readonly devices: readonly ProgramDevice[]
  readonly ops: readonly Op[]
}

/** Where things are: pool, buffers, zone for DMA32 and below, zone for the rest. All in bytes. */
export const LAYOUT = {
  pool: 0x8000_0000,
  buffers: 0x1_0000_0000,
  bufferBytes: 8 << 20,
  lowZone: 0xa000_0000,
  lowPages: 256,
  highZone: 0x1_8000_0000,
  highPages: 512,
  ram: 0x2_0000_0000
} as const

/** A small, fast, seeded generator (mulberry32): the same seed, the same program, everywhere. */
export function randomOf(seed: number): (n: number) => number {
  let a = seed | 0
  return (n) => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % n
  }
}

const SKIP_CPU_SYNC = 0x20
const NO_KERNEL_MAPPING = 0x10
const NO_WARN = 0x100

export interface Kinds {
  /** Whether the pair has an accepted flag to flip. */
  readonly accepted: boolean
  /** Whether some devices do not snoop. */
  readonly noncoherent: boolean
  /** Whether the pool's force flag is flipped; else it stays set. */
  readonly flipForce: boolean
}

/** What a program holds and can still take apart: the operation that made it, by its number. */
interface Held {
  readonly kind: 'map' | 'map_sg' | 'tbl_map' | 'alloc' | 'alloc_pages'
  readonly at: number
  readonly size: number
}

/** A device as a program may have it: mostly an ordinary one. */
function drawDevice(r: (n: number) => number, noncoherent: boolean): ProgramDevice {
  const pick = <T>(xs: readonly T[]): T => xs[r(xs.length)] as T
  return {
    dma_mask: pick([64, 64, 64, 40, 32, 31]),
    coherent_mask: pick([64, 64, 64, 36, 32, 30]),
    bus_limit: pick([0, 0, 0, 0, 0xffff_ffff, 0x8fff_ffff]),
    min_align_mask: pick([0, 0, 0, 0xfff, 0x7ff, 0xffff, 0x1ff]),
    boundary_mask: pick([0, 0, 0xffff, 0x3ffff, 0xffff_ffff]),
    coherent: noncoherent ? r(4) !== 0 : true,
    range:
      r(5) === 0
        ? pick([
            { cpu_start: 0, dma_start: 0x1000_0000, size: 0x4_0000_0000 },
            { cpu_start: 0x8000_0000, dma_start: 0, size: 0x4000_0000 }
          ])
        : null
  }
}

/** The operations of a program, drawn one after the other. Seeds name programs: the order of the draws is fixed. */
class Drawing {
  private readonly live: Held[] = []
  /** What is live is taken apart more often the more there is. */
  private readonly crowd: number

  constructor(
    private readonly r: (n: number) => number,
    private readonly devices: number,
    private readonly kinds: Kinds
  ) {
    this.crowd = 4 + r(60)
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
      () => 1 + r(65536),
      () => 2048 * (1 + r(16)),
      () => 1 + r(262144),
      () => 262144 + r(4096)
    ])()
  }
  private phys(): number {
    const { r } = this
    return LAYOUT.buffers + (r(3) === 0 ? 2048 * r(2048) : r(LAYOUT.bufferBytes - 300000))
  }
  private attrs(): number {
    return (this.r(4) === 0 ? SKIP_CPU_SYNC : 0) | (this.r(8) === 0 ? NO_WARN : 0)
  }

  /** Operation number `i`. */
  next(i: number): Op {
    const { r, live } = this
    const dev = r(this.devices)
    const cpu = r(8)
    return live.length > 0 && r(this.crowd) < live.length ? this.takeApart() : this.make(i, dev, cpu)
  }

  /** Ends, or syncs, something that is live. */
  private takeApart(): Op {
    const { r, live } = this
    const at = r(live.length)
    const l = live[at] as Held
    if (r(3) === 0 && l.kind === 'map') {
      const offset = r(2) === 0 ? 0 : r(l.size)
      const size = r(2) === 0 ? l.size - offset : 1 + r(l.size - offset)
      return { op: 'sync', of: l.at, offset, size, cpuNext: r(2) === 0 }
    }
    live[at] = live.at(-1) as Held
    live.pop()
    switch (l.kind) {
      case 'map':
        return { op: 'unmap', of: l.at, attrs: r(5) === 0 ? SKIP_CPU_SYNC : 0 }
      case 'map_sg':
        return { op: 'unmap_sg', of: l.at }
      case 'tbl_map':
        return { op: 'tbl_unmap', of: l.at }
      case 'alloc':
        return { op: 'free', of: l.at }
      case 'alloc_pages':
        return { op: 'free_pages', of: l.at }
    }
  }

  private make(i: number, dev: number, cpu: number): Op {
    const { r, live } = this
    const hold = (kind: Held['kind'], size = 0): void => {
      live.push({ kind, at: i, size })
    }
    const what = r(100)
    if (what < 55) {
      const size = this.size()
      hold('map', size)
      return { op: 'map', dev, cpu, phys: this.phys(), size, dir: r(3), attrs: this.attrs() }
    }
    if (what < 62) {
      hold('map_sg')
      const sg = Array.from({ length: 1 + r(4) }, () => ({ phys: this.phys(), size: 1 + r(20000) }))
      return { op: 'map_sg', dev, cpu, sg, dir: r(3), attrs: this.attrs() }
    }
    if (what < 72) {
      hold('alloc')
      const size = 1 + r(r(3) === 0 ? 200000 : 12000)
      return { op: 'alloc', dev, cpu, size, attrs: r(10) === 0 ? NO_KERNEL_MAPPING : 0 }
    }
    if (what < 77) {
      hold('alloc_pages')
      return { op: 'alloc_pages', dev, cpu, size: 1 + r(20000) }
    }
    if (what < 84) {
      hold('tbl_map')
      const [phys, size, align] = [this.phys(), this.size(), this.pick([0, 0, 0xfff, 0x1fff, 0xffff])]
      return { op: 'tbl_map', dev, cpu, phys, size, align, dir: r(3) }
    }
    if (what < 87) return { op: 'map_resource', dev, cpu, phys: 0x10_0000_0000 + 4096 * r(16), size: 4096, dir: r(3) }
    if (what < 90) return { op: 'max_mapping_size', dev }
    if (what < 92) return { op: 'set_mask', dev, bits: this.pick([64, 48, 40, 36, 33, 32, 31, 30, 24, 20]) }
    if (what < 97 && this.kinds.accepted) return { op: 'accepted', dev, on: r(2) === 0 }
    if (this.kinds.flipForce) return { op: 'force', on: r(3) !== 0 }
    return { op: 'max_mapping_size', dev }
  }
}

/** Draws a program of `n` operations. */
export function draw(seed: number, n: number, kinds: Kinds): Program {
  const r = randomOf(seed)
  const pick = <T>(xs: readonly T[]): T => xs[r(xs.length)] as T
  const nareas = pick([1, 1, 2, 4])
  const nslabs = Math.max(128 * nareas, pick([128, 256, 512, 512, 1024]))
  const devices = Array.from({ length: 1 + r(4) }, () => drawDevice(r, kinds.noncoherent))
  const drawing = new Drawing(r, devices.length, kinds)
  const ops = Array.from({ length: n }, (_, i) => drawing.next(i))
  return { nslabs, nareas, force: r(2) === 0 || !kinds.flipForce, devices, ops }
}

/** Operations refer to each other by number: leaving some out renumbers, and drops what refers to them. */
export function withoutOperations<O extends object, P extends { readonly ops: readonly O[] }>(
  q: P,
  from: number,
  count: number
): P {
  const number = new Map<number, number>()
  const ops: O[] = []
  q.ops.forEach((o, i) => {
    if (i >= from && i < from + count) return
    if ('of' in o) {
      const of = number.get(o.of as number)
      if (of === undefined) return
      number.set(i, ops.length)
      ops.push({ ...o, of })
      return
    }
    number.set(i, ops.length)
    ops.push(o)
  })
  return { ...q, ops }
}

/** Without the devices that no operation names; null where all are named, or none. */
function withoutUnused(p: Program): Program | null {
  const used = [...new Set(p.ops.flatMap((o) => ('dev' in o ? [o.dev] : [])))].sort((a, b) => a - b)
  if (used.length === p.devices.length || used.length === 0) return null
  return {
    ...p,
    devices: used.map((d) => p.devices[d] as ProgramDevice),
    ops: p.ops.map((o) => ('dev' in o ? { ...o, dev: used.indexOf(o.dev) } : o))
  }
}

const PLAIN_DEVICE: ProgramDevice = {
  dma_mask: 64,
  coherent_mask: 64,
  bus_limit: 0,
  min_align_mask: 0,
  boundary_mask: 0,
  coherent: true,
  range: null
}

/** The smallest program so far, and how often it was asked whether a smaller one fails too. */
class Shrinking {
  private asked = 0
  constructor(
    public best: Program,
    private readonly fails: (p: Program) => boolean,
    private readonly budget: number
  ) {}

  get spent(): boolean {
    return this.asked >= this.budget
  }
  private attempt(q: Program): boolean {
    if (this.spent) return false
    this.asked++
    if (!this.fails(q)) return false
    this.best = q
    return true
  }

  /** Leaves out operations: half of them, then fewer. Each part says whether it got further. */
  fewer(): boolean {
    let progress = false
    for (let size = Math.max(1, this.best.ops.length >> 1); size >= 1; size >>= 1)
      for (let at = this.best.ops.length - size; at >= 0 && !this.spent; at -= size)
        if (this.attempt(withoutOperations(this.best, at, size))) progress = true
    return progress
  }
  plainerOperations(): boolean {
    let progress = false
    for (let i = 0; i < this.best.ops.length; i++)
      for (const plain of plainer(this.best.ops[i] as Op))
        if (this.attempt({ ...this.best, ops: this.best.ops.map((o, k) => (k === i ? plain : o)) })) {
          progress = true
          break
        }
    return progress
  }
  plainerDevices(): boolean {
    const fewer = withoutUnused(this.best)
    let progress = fewer !== null && this.attempt(fewer)
    for (let i = 0; i < this.best.devices.length; i++)
      for (const k of Object.keys(PLAIN_DEVICE) as Array<keyof ProgramDevice>) {
        if ((this.best.devices[i] as ProgramDevice)[k] === PLAIN_DEVICE[k]) continue
        const devices = this.best.devices.map((x, n) => (n === i ? { ...x, [k]: PLAIN_DEVICE[k] } : x))
        if (this.attempt({ ...this.best, devices })) progress = true
      }
    return progress
  }
  smallerPool(): boolean {
    let progress = false
    for (const q of [
      { ...this.best, nareas: 1 },
      { ...this.best, nareas: 1, nslabs: 128 },
      { ...this.best, force: !this.best.force }
    ]) {
      const { nareas, nslabs, force } = this.best
      if ((q.nareas < nareas || q.nslabs < nslabs || (q.force !== force && !force)) && this.attempt(q)) progress = true
    }
    return progress
  }
}

/**
 * The smallest program that still fails, found by leaving out and making plainer. `fails` must be deterministic;
 * `budget` is the number of times it may be asked.
 */
export function shrink(p: Program, fails: (p: Program) => boolean, budget = 2000): Program {
  const s = new Shrinking(p, fails, budget)
  for (let progress = true; progress && !s.spent; )
    progress = [s.fewer(), s.plainerOperations(), s.plainerDevices(), s.smallerPool()].includes(true)
  return s.best
}

function* plainer(o: Op): Generator<Op> {
  if ('cpu' in o && o.cpu !== 0) yield { ...o, cpu: 0 }
  if ('attrs' in o && o.attrs !== 0) yield { ...o, attrs: 0 } as Op
  if ('size' in o && o.op !== 'sync')
    for (const size of [1, 2048, 4096, 8192]) if (size < o.size) yield { ...o, size } as Op
  if ('phys' in o && o.op !== 'map_resource')
    for (const phys of [LAYOUT.buffers, LAYOUT.buffers + (o.phys % 4096)]) if (phys < o.phys) yield { ...o, phys } as Op
  if ('dir' in o && o.dir !== 1) yield { ...o, dir: 1 } as Op
  if (o.op === 'map_sg' && o.sg.length > 1) yield { ...o, sg: o.sg.slice(0, -1) }
  if (o.op === 'tbl_map' && o.align !== 0) yield { ...o, align: 0 }
}

const ATTRS: ReadonlyArray<readonly [number, string]> = [
  [SKIP_CPU_SYNC, 'SKIP_CPU_SYNC'],
  [NO_KERNEL_MAPPING, 'NO_KERNEL_MAPPING'],
  [NO_WARN, 'NO_WARN']
]
const attrText = (a: number): string =>
  ATTRS.filter(([b]) => a & b)
    .map(([, n]) => `, ${n}`)
    .join('')
const hex = (n: number): string => `0x${n.toString(16)}`

/** One operation as a kernel developer would write it; results are `r` and the operation's number. */
export function opText(o: Op, i: number): string {
  const on = 'cpu' in o && o.cpu !== 0 ? `  /* cpu ${o.cpu} */` : ''
  const dir = (d: number): string => DIRECTIONS[d] ?? String(d)
  switch (o.op) {
    case 'map':
      return `r${i} = dma_map(dev${o.dev}, ${hex(o.phys)}, ${o.size}, ${dir(o.dir)}${attrText(o.attrs)})${on}`
    case 'unmap':
      return `dma_unmap(r${o.of}${attrText(o.attrs)})`
    case 'sync':
      return (
        `dma_sync_single_for_${o.cpuNext ? 'cpu' : 'device'}(r${o.of}${o.offset ? ` + ${o.offset}` : ''}, ` +
        `${o.size})`
      )
    case 'map_sg':
      return (
        `r${i} = dma_map_sg(dev${o.dev}, [${o.sg.map((s) => `${hex(s.phys)}+${s.size}`).join(', ')}], ${dir(o.dir)}` +
        `${attrText(o.attrs)})${on}`
      )
    case 'unmap_sg':
      return `dma_unmap_sg(r${o.of})`
    case 'map_resource':
      return `r${i} = dma_map_resource(dev${o.dev}, ${hex(o.phys)}, ${o.size}, ${dir(o.dir)})`
    case 'tbl_map':
      return (
        `r${i} = swiotlb_tbl_map_single(dev${o.dev}, ${hex(o.phys)}, ${o.size}, ${hex(o.align)}, ${dir(o.dir)})` +
        `${on}`
      )
    case 'tbl_unmap':
      return `swiotlb_tbl_unmap_single(r${o.of})`
    case 'alloc':
      return `r${i} = dma_alloc_attrs(dev${o.dev}, ${o.size}, GFP_KERNEL${attrText(o.attrs)})`
    case 'free':
      return `dma_free_attrs(r${o.of})`
    case 'alloc_pages':
      return `r${i} = dma_alloc_pages(dev${o.dev}, ${o.size}, GFP_KERNEL)`
    case 'free_pages':
      return `dma_free_pages(r${o.of})`
    case 'max_mapping_size':
      return `r${i} = dma_max_mapping_size(dev${o.dev})`
    case 'set_mask':
      return `r${i} = dma_set_mask(dev${o.dev}, DMA_BIT_MASK(${o.bits}))`
    case 'accepted':
      return `dev${o.dev}: accepted = ${o.on ? 1 : 0}`
    case 'force':
      return `swiotlb force_bounce = ${o.on ? 1 : 0}`
  }
}

function deviceText(d: ProgramDevice, i: number): string {
  const out: string[] = []
  if (d.dma_mask !== 64) out.push(`dma_mask ${d.dma_mask}`)
  if (d.coherent_mask !== 64) out.push(`coherent_mask ${d.coherent_mask}`)
  if (d.bus_limit) out.push(`bus_limit ${hex(d.bus_limit)}`)
  if (d.min_align_mask) out.push(`min_align_mask ${hex(d.min_align_mask)}`)
  if (d.boundary_mask) out.push(`boundary_mask ${hex(d.boundary_mask)}`)
  if (!d.coherent) out.push('noncoherent')
  if (d.range) out.push(`range ${hex(d.range.cpu_start)} -> ${hex(d.range.dma_start)} + ${hex(d.range.size)}`)
  return `dev${i} { ${out.join(' ')} }`.replace('{  }', '{ }')
}

/** The whole program, a line each. */
export const programText = (p: Program): string[] => [
  `pool ${p.nslabs} slots, ${p.nareas} area${p.nareas > 1 ? 's' : ''}${p.force ? ', forced' : ''}`,
  ...p.devices.map(deviceText),
  ...p.ops.map(opText)
]

/** Where the two part first, in as few operations as show it. */
export interface Divergence {
  readonly scenario: string
  readonly seed: number
  /** Operations of the program as drawn, and after shrinking. */
  readonly drawn: number
  readonly program: readonly string[]
  readonly operation: string
  readonly what: string
  readonly model: string
  readonly kernel: string
}
