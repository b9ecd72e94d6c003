// Random programs over the DMA API: what they are made of, how they are drawn from a seed, how they read, how they get smaller.
// Nothing here knows who runs them.

export const DIRECTIONS = ['BIDIRECTIONAL', 'TO_DEVICE', 'FROM_DEVICE'] as const

/** An operation. `of` names the operation that made what it works on, by its number; when that did nothing, neither does this. */
export type Op =
  | { readonly op: 'map'; readonly dev: number; readonly cpu: number; readonly phys: number; readonly size: number; readonly dir: number; readonly attrs: number }
  | { readonly op: 'unmap'; readonly of: number; readonly attrs: number }
  | { readonly op: 'sync'; readonly of: number; readonly offset: number; readonly size: number; readonly cpuNext: boolean }
  | { readonly op: 'map_sg'; readonly dev: number; readonly cpu: number; readonly sg: ReadonlyArray<{ readonly phys: number; readonly size: number }>; readonly dir: number; readonly attrs: number }
  | { readonly op: 'unmap_sg'; readonly of: number }
  | { readonly op: 'map_resource'; readonly dev: number; readonly cpu: number; readonly phys: number; readonly size: number; readonly dir: number }
  /** swiotlb_tbl_map_single, as the IOMMU code calls it. */
  | { readonly op: 'tbl_map'; readonly dev: number; readonly cpu: number; readonly phys: number; readonly size: number; readonly align: number; readonly dir: number }
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
export const LAYOUT = { pool: 0x8000_0000, buffers: 0x1_0000_0000, bufferBytes: 8 << 20, lowZone: 0xa000_0000, lowPages: 256, highZone: 0x1_8000_0000, highPages: 512, ram: 0x2_0000_0000 } as const

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

/** Draws a program of `n` operations. */
export function draw(seed: number, n: number, kinds: Kinds): Program {
  const r = randomOf(seed)
  const pick = <T>(xs: readonly T[]): T => xs[r(xs.length)] as T
  const nareas = pick([1, 1, 2, 4])
  const nslabs = Math.max(128 * nareas, pick([128, 256, 512, 512, 1024]))
  const device = (): ProgramDevice => ({
    dma_mask: pick([64, 64, 64, 40, 32, 31]), coherent_mask: pick([64, 64, 64, 36, 32, 30]), bus_limit: pick([0, 0, 0, 0, 0xffff_ffff, 0x8fff_ffff]),
    min_align_mask: pick([0, 0, 0, 0xfff, 0x7ff, 0xffff, 0x1ff]), boundary_mask: pick([0, 0, 0xffff, 0x3ffff, 0xffff_ffff]), coherent: kinds.noncoherent ? r(4) !== 0 : true,
    range: r(5) === 0 ? pick([{ cpu_start: 0, dma_start: 0x1000_0000, size: 0x4_0000_0000 }, { cpu_start: 0x8000_0000, dma_start: 0, size: 0x4000_0000 }]) : null
  })
  const devices = Array.from({ length: 1 + r(4) }, device)
  const ops: Op[] = []
  const live: Array<{ kind: 'map' | 'map_sg' | 'tbl_map' | 'alloc' | 'alloc_pages'; at: number; size: number }> = []
  const sizeOf = (): number => pick([() => 1 + r(64), () => 1 + r(2048), () => 1 + r(8192), () => 4096, () => 1 + r(65536), () => 2048 * (1 + r(16)), () => 1 + r(262144), () => 262144 + r(4096)])()
  const physOf = (): number => LAYOUT.buffers + (r(3) === 0 ? 2048 * r(2048) : r(LAYOUT.bufferBytes - 300000))
  const attrs = (): number => (r(4) === 0 ? SKIP_CPU_SYNC : 0) | (r(8) === 0 ? NO_WARN : 0)
  // what is live is taken apart more often the more there is
  const crowd = 4 + r(60)
  for (let i = 0; i < n; i++) {
    const dev = r(devices.length)
    const cpu = r(8)
    if (live.length > 0 && r(crowd) < live.length) {
      const at = r(live.length)
      const l = live[at] as (typeof live)[number]
      if (r(3) === 0 && l.kind === 'map') {
        const offset = r(2) === 0 ? 0 : r(l.size)
        ops.push({ op: 'sync', of: l.at, offset, size: r(2) === 0 ? l.size - offset : 1 + r(l.size - offset), cpuNext: r(2) === 0 })
        continue
      }
      live[at] = live.at(-1) as (typeof live)[number]
      live.pop()
      ops.push(l.kind === 'map' ? { op: 'unmap', of: l.at, attrs: r(5) === 0 ? SKIP_CPU_SYNC : 0 } : l.kind === 'map_sg' ? { op: 'unmap_sg', of: l.at } : l.kind === 'tbl_map' ? { op: 'tbl_unmap', of: l.at } : l.kind === 'alloc' ? { op: 'free', of: l.at } : { op: 'free_pages', of: l.at })
      continue
    }
    const what = r(100)
    if (what < 55) {
      const size = sizeOf()
      live.push({ kind: 'map', at: i, size })
      ops.push({ op: 'map', dev, cpu, phys: physOf(), size, dir: r(3), attrs: attrs() })
    } else if (what < 62) {
      live.push({ kind: 'map_sg', at: i, size: 0 })
      ops.push({ op: 'map_sg', dev, cpu, sg: Array.from({ length: 1 + r(4) }, () => ({ phys: physOf(), size: 1 + r(20000) })), dir: r(3), attrs: attrs() })
    } else if (what < 72) {
      live.push({ kind: 'alloc', at: i, size: 0 })
      ops.push({ op: 'alloc', dev, cpu, size: 1 + r(r(3) === 0 ? 200000 : 12000), attrs: r(10) === 0 ? NO_KERNEL_MAPPING : 0 })
    } else if (what < 77) {
      live.push({ kind: 'alloc_pages', at: i, size: 0 })
      ops.push({ op: 'alloc_pages', dev, cpu, size: 1 + r(20000) })
    } else if (what < 84) {
      live.push({ kind: 'tbl_map', at: i, size: 0 })
      ops.push({ op: 'tbl_map', dev, cpu, phys: physOf(), size: sizeOf(), align: pick([0, 0, 0xfff, 0x1fff, 0xffff]), dir: r(3) })
    } else if (what < 87) ops.push({ op: 'map_resource', dev, cpu, phys: 0x10_0000_0000 + 4096 * r(16), size: 4096, dir: r(3) })
    else if (what < 90) ops.push({ op: 'max_mapping_size', dev })
    else if (what < 92) ops.push({ op: 'set_mask', dev, bits: pick([64, 48, 40, 36, 33, 32, 31, 30, 24, 20]) })
    else if (what < 97 && kinds.accepted) ops.push({ op: 'accepted', dev, on: r(2) === 0 })
    else if (kinds.flipForce) ops.push({ op: 'force', on: r(3) !== 0 })
    else ops.push({ op: 'max_mapping_size', dev })
  }
  return { nslabs, nareas, force: r(2) === 0 || !kinds.flipForce, devices, ops }
}

/**
 * The smallest program that still fails, found by leaving out and making plainer. `fails` must be deterministic; `budget` is the
 * number of times it may be asked.
 */
export function shrink(p: Program, fails: (p: Program) => boolean, budget = 2000): Program {
  let best = p
  let asked = 0
  const attempt = (q: Program): boolean => {
    if (asked >= budget) return false
    asked++
    if (!fails(q)) return false
    best = q
    return true
  }
  // Operations refer to each other by number: leaving one out renumbers, and drops what refers to it.
  const without = (q: Program, from: number, count: number): Program => {
    const number = new Map<number, number>()
    const ops: Op[] = []
    q.ops.forEach((o, i) => {
      if (i >= from && i < from + count) return
      if ('of' in o) {
        const of = number.get(o.of)
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
  for (let progress = true; progress && asked < budget;) {
    progress = false
    for (let size = Math.max(1, best.ops.length >> 1); size >= 1; size >>= 1) {
      for (let at = best.ops.length - size; at >= 0 && asked < budget; at -= size) if (attempt(without(best, at, size))) progress = true
      if (size === 1) break
    }
    for (let i = 0; i < best.ops.length; i++) {
      for (const plain of plainer(best.ops[i] as Op)) if (attempt({ ...best, ops: best.ops.map((o, k) => (k === i ? plain : o)) })) { progress = true; break }
    }
    const used = new Set(best.ops.flatMap((o) => ('dev' in o ? [o.dev] : [])))
    if (used.size < best.devices.length && used.size > 0) {
      const order = [...used].sort((a, b) => a - b)
      if (attempt({ ...best, devices: order.map((d) => best.devices[d] as ProgramDevice), ops: best.ops.map((o) => ('dev' in o ? { ...o, dev: order.indexOf(o.dev) } : o)) })) progress = true
    }
    const plainDevice: ProgramDevice = { dma_mask: 64, coherent_mask: 64, bus_limit: 0, min_align_mask: 0, boundary_mask: 0, coherent: true, range: null }
    best.devices.forEach((d, i) => {
      for (const k of Object.keys(plainDevice) as Array<keyof ProgramDevice>) {
        if ((best.devices[i] as ProgramDevice)[k] === plainDevice[k]) continue
        if (attempt({ ...best, devices: best.devices.map((x, n) => (n === i ? { ...x, [k]: plainDevice[k] } : x)) })) progress = true
      }
      void d
    })
    for (const q of [{ ...best, nareas: 1 }, { ...best, nareas: 1, nslabs: 128 }, { ...best, force: !best.force }]) if ((q.nareas < best.nareas || q.nslabs < best.nslabs || (q.force !== best.force && !best.force)) && attempt(q)) progress = true
  }
  return best
}

function* plainer(o: Op): Generator<Op> {
  if ('cpu' in o && o.cpu !== 0) yield { ...o, cpu: 0 }
  if ('attrs' in o && o.attrs !== 0) yield { ...o, attrs: 0 } as Op
  if ('size' in o && o.op !== 'sync') for (const size of [1, 2048, 4096, 8192]) if (size < o.size) yield { ...o, size } as Op
  if ('phys' in o && o.op !== 'map_resource') for (const phys of [LAYOUT.buffers, LAYOUT.buffers + (o.phys % 4096)]) if (phys < o.phys) yield { ...o, phys } as Op
  if ('dir' in o && o.dir !== 1) yield { ...o, dir: 1 } as Op
  if (o.op === 'map_sg' && o.sg.length > 1) yield { ...o, sg: o.sg.slice(0, -1) }
  if (o.op === 'tbl_map' && o.align !== 0) yield { ...o, align: 0 }
}

const ATTRS: ReadonlyArray<readonly [number, string]> = [[SKIP_CPU_SYNC, 'SKIP_CPU_SYNC'], [NO_KERNEL_MAPPING, 'NO_KERNEL_MAPPING'], [NO_WARN, 'NO_WARN']]
const attrText = (a: number): string => ATTRS.filter(([b]) => a & b).map(([, n]) => `, ${n}`).join('')
const hex = (n: number): string => `0x${n.toString(16)}`

/** One operation as a kernel developer would write it; results are `r` and the operation's number. */
export function opText(o: Op, i: number): string {
  const on = 'cpu' in o && o.cpu !== 0 ? `  /* cpu ${o.cpu} */` : ''
  const dir = (d: number): string => DIRECTIONS[d] ?? String(d)
  switch (o.op) {
    case 'map': return `r${i} = dma_map(dev${o.dev}, ${hex(o.phys)}, ${o.size}, ${dir(o.dir)}${attrText(o.attrs)})${on}`
    case 'unmap': return `dma_unmap(r${o.of}${attrText(o.attrs)})`
    case 'sync': return `dma_sync_single_for_${o.cpuNext ? 'cpu' : 'device'}(r${o.of}${o.offset ? ` + ${o.offset}` : ''}, ${o.size})`
    case 'map_sg': return `r${i} = dma_map_sg(dev${o.dev}, [${o.sg.map((s) => `${hex(s.phys)}+${s.size}`).join(', ')}], ${dir(o.dir)}${attrText(o.attrs)})${on}`
    case 'unmap_sg': return `dma_unmap_sg(r${o.of})`
    case 'map_resource': return `r${i} = dma_map_resource(dev${o.dev}, ${hex(o.phys)}, ${o.size}, ${dir(o.dir)})`
    case 'tbl_map': return `r${i} = swiotlb_tbl_map_single(dev${o.dev}, ${hex(o.phys)}, ${o.size}, ${hex(o.align)}, ${dir(o.dir)})${on}`
    case 'tbl_unmap': return `swiotlb_tbl_unmap_single(r${o.of})`
    case 'alloc': return `r${i} = dma_alloc_attrs(dev${o.dev}, ${o.size}, GFP_KERNEL${attrText(o.attrs)})`
    case 'free': return `dma_free_attrs(r${o.of})`
    case 'alloc_pages': return `r${i} = dma_alloc_pages(dev${o.dev}, ${o.size}, GFP_KERNEL)`
    case 'free_pages': return `dma_free_pages(r${o.of})`
    case 'max_mapping_size': return `r${i} = dma_max_mapping_size(dev${o.dev})`
    case 'set_mask': return `r${i} = dma_set_mask(dev${o.dev}, DMA_BIT_MASK(${o.bits}))`
    case 'accepted': return `dev${o.dev}: accepted = ${o.on ? 1 : 0}`
    case 'force': return `swiotlb force_bounce = ${o.on ? 1 : 0}`
  }
}

export function deviceText(d: ProgramDevice, i: number): string {
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
export const programText = (p: Program): string[] => [`pool ${p.nslabs} slots, ${p.nareas} area${p.nareas > 1 ? 's' : ''}${p.force ? ', forced' : ''}`, ...p.devices.map(deviceText), ...p.ops.map(opText)]
