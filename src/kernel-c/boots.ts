// How a tree boots in a scene: what it is told of the machine, the platform and the command line, and of what its boot
// leaves, the part in which it differs from ours.
import { own, PAGE_SIZE, type Phys } from '../base/index.ts'
import { HIGH_BANK } from '../machine/index.ts'
import { type BootConversion, bootConverts, type Kernel, type SwiotlbMem } from '../kernel/index.ts'
import { IO_TLB_SEGSIZE } from '../kernel/swiotlb/index.ts'
import type { KernelMeta } from './image.ts'
import { type BootConfig, type KernelC, KernelFault, type PlatformKind } from './kernel-c.ts'

/**
 * A boot of the C: its state, -1 for the one that all begin with, bytes of the heap that it lost, and pools that it
 * shares otherwise than ours.
 */
export interface Boot {
  readonly state: number
  readonly lost: number
  readonly otherwise: ReadonlyArray<{ readonly pool: BootPool; readonly shared: number }>
}
/** A pool that boot may make shared; `shared`: pages that ours does. */
interface BootPool {
  readonly name: BootConversion
  readonly pfn: number
  readonly n: number
  readonly shared: number
}

/** What the tree's own predicates are told, by platform. */
const KIND: Readonly<Record<string, PlatformKind>> = {
  'arm-cca': 'realm',
  pkvm: 'pkvm',
  'amd-sev-snp': 'snp',
  'intel-tdx': 'tdx',
  'amd-sme-host': 'sme'
}

/** The machine, platform and command line of a scene, as a tree is told of them. */
export function bootOf(k: Kernel, meta: KernelMeta): BootConfig {
  const { platform, config } = k
  const kind = own(KIND, platform.name) ?? 'none'
  const alias = kind === 'realm' ? platform.sharedBit(config) : platform.encBit
  // the pools are made of whole orders
  const atomic = k.atomic.pools[0]?.size ?? 0
  return {
    cpus: Math.max(1, config.cpus),
    ram: HIGH_BANK + config.ram,
    ranges: k.memory.ram,
    zone_dma_limit: k.memory.zone_dma_limit,
    platform: kind,
    ...(alias > 0 ? { bit: Math.round(Math.log2(alias)) } : {}),
    ...defaultPool(k),
    ...(meta.has.coherentPool && atomic > 0 ? { atomic_pools: 2 ** Math.floor(Math.log2(atomic)) } : {}),
    grows: config.swiotlb_dynamic,
    conversions: platform.conversion !== 'none',
    // by the code of the architecture, which is ours
    updates: k.rev.bootConverts === 'reported' || platform.convertsDefaultPool,
    verbose: false
  }
}

const SWIOTLB = 'swiotlb='

/**
 * The default pool: the scene's, and on top of it the command line as it stands. An architecture's guest code passes
 * SWIOTLB_FORCE, where the tree still has it.
 */
function defaultPool(k: Kernel): Pick<BootConfig, 'raw' | 'swiotlb'> {
  const { platform, config, cmdlineForce, default_mem } = k
  if (config.swiotlb_slots === 0 && default_mem === null) return {}
  const force = platform.tdisp && platform.forcesSwiotlb
  const start = default_mem?.start ?? 0
  const [nslabs, nareas] = [default_mem?.nslabs ?? 0, default_mem?.pool.nareas ?? 1]
  if (nslabs % IO_TLB_SEGSIZE !== 0 || (nslabs > 0 && nslabs / nareas < IO_TLB_SEGSIZE))
    return { raw: { start, nslabs, nareas, force: cmdlineForce ? 'cmdline' : force ? 'arch' : 'no' } }
  const words = config.cmdline.split(/\s+/).filter((w) => w.startsWith(SWIOTLB))
  const scene = `${config.swiotlb_slots},${config.swiotlb_areas}`
  return { swiotlb: { start, cmdline: [scene, ...words.map((w) => w.slice(SWIOTLB.length))].join(' '), force } }
}

/** @throws KernelFault where boot made another default pool of the command line than ours */
export function agreesOnPool(c: KernelC, mem: SwiotlbMem | null): void {
  const p = c.pool()
  const [slots, areas] = [p?.nslabs ?? 0, p?.nareas ?? 0]
  if (mem === null ? slots === 0 : p?.start === mem.start && slots === mem.nslabs && areas === mem.pool.nareas) return
  const text = (n: number, of: number): string =>
    n === 0 ? 'no default pool' : `a default pool of ${n} slots, ${of} areas`
  throw new KernelFault(
    'boot',
    'swiotlb_init_remap',
    `${text(slots, areas)}, where our model makes ${text(mem?.nslabs ?? 0, mem?.pool.nareas ?? 0)}`,
    []
  )
}

/**
 * Pools that a boot left shared otherwise than ours does; of a pool whose conversion failed the host says how it is.
 * `shared`: pages that the boot made shared, by the address they begin at.
 */
export function sharedOtherwise(
  k: Kernel,
  failed: readonly BootConversion[],
  shared: ReadonlyMap<Phys, number>
): Boot['otherwise'] {
  return bootPools(k)
    .filter((p) => !failed.includes(p.name))
    .map((pool) => ({ pool, shared: Math.min(pool.n, shared.get(pool.pfn * PAGE_SIZE) ?? 0) }))
    .filter((o) => o.shared !== o.pool.shared)
}

function bootPools(k: Kernel): BootPool[] {
  const of = (name: BootConversion, m: SwiotlbMem): BootPool => {
    const { pfn, n } = m.pages
    return { name, pfn, n, shared: bootConverts(k, m) ? n : 0 }
  }
  const restricted = new Map<SwiotlbMem, BootPool>()
  for (const { assigned: m, index } of k.devices)
    if (m?.kind.restricted && !restricted.has(m)) restricted.set(m, of(`device ${index}`, m))
  const atomic = k.atomic.pools.map(({ start, size }, i): BootPool => {
    const n = size / PAGE_SIZE
    return { name: `atomic pool ${i}`, pfn: start / PAGE_SIZE, n, shared: k.atomic.shared ? n : 0 }
  })
  return [...(k.default_mem === null ? [] : [of('swiotlb', k.default_mem)]), ...atomic, ...restricted.values()]
}

export const poolText = (c: BootConversion): string => {
  const device = c.match(/^device (\d+)$/)
  return device ? `pool of device ${device[1]}` : c === 'swiotlb' ? 'default pool' : c
}
