// What Kconfig would choose, as far as the DMA code and the headers it includes ask: a small autoconf.h. Symbols that
// the tree's own Kconfig selects for an architecture are read from there, so that a tree that selects more, or less,
// gets what it says.
import type { Tree } from './tree.ts'

export const ARCHES = ['arm64', 'x86'] as const
export type Arch = (typeof ARCHES)[number]

/**
 * recorded: the configuration of the recordings of 6.12 (no coherent pools, no remapping, no restricted pool).
 * recorded-realm: the same with the address encoding of an Arm realm laid over it (shared handles carry a top bit).
 * guest: what the architecture's Kconfig selects for a confidential guest.
 */
export const PROFILES = ['guest', 'recorded', 'recorded-realm'] as const
export type Profile = (typeof PROFILES)[number]

// Kconfig symbols that the DMA code asks about and an architecture may select.
const SELECTABLE = [
  'ARCH_HAS_FORCE_DMA_UNENCRYPTED',
  'ARCH_HAS_MEM_ENCRYPT',
  'ARCH_HAS_SYNC_DMA_FOR_DEVICE',
  'ARCH_HAS_SYNC_DMA_FOR_CPU',
  'ARCH_HAS_SYNC_DMA_FOR_CPU_ALL',
  'ARCH_HAS_BATCHED_DMA_SYNC',
  'ARCH_HAS_DMA_PREP_COHERENT',
  'ARCH_HAS_CC_PLATFORM',
  'DMA_BOUNCE_UNALIGNED_KMALLOC',
  'DMA_DIRECT_REMAP',
  'DMA_COHERENT_POOL',
  'NEED_SG_DMA_LENGTH',
  'ARCH_HAS_PHYS_TO_DMA',
  'ARCH_HAS_DMA_MARK_CLEAN',
  'ARCH_HAS_DMA_SET_MASK',
  'X86_MEM_ENCRYPT',
  'ARCH_DMA_DEFAULT_COHERENT'
] as const

const ON = [
  '64BIT',
  'MMU',
  'SMP',
  'PRINTK',
  'BUG',
  'HAS_DMA',
  'HAS_IOMEM',
  'SWIOTLB',
  'DEBUG_FS',
  'ARCH_DMA_ADDR_T_64BIT',
  'PHYS_ADDR_T_64BIT',
  'ZONE_DMA',
  'ZONE_DMA32',
  'SPARSEMEM_VMEMMAP',
  'SLUB',
  'TREE_RCU',
  'TREE_SRCU',
  'GENERIC_ALLOCATOR',
  'OF',
  'OF_EARLY_FLATTREE',
  'OF_RESERVED_MEM',
  'PCI',
  'ARCH_HAS_SET_MEMORY',
  'BASE_FULL',
  'UNINLINE_SPIN_UNLOCK',
  // the C's own assertions: lockdep_assert_held(), might_sleep()
  'LOCKDEP',
  'DEBUG_LOCK_ALLOC',
  'DEBUG_ATOMIC_SLEEP',
  'PREEMPT_COUNT',
  'LOCKDEP_SUPPORT'
] as const

const VALUES: Readonly<Record<string, string>> = {
  NR_CPUS: '64',
  HZ: '250',
  PAGE_SHIFT: '12',
  PGTABLE_LEVELS: '4',
  SPLIT_PTLOCK_CPUS: '4',
  ILLEGAL_POINTER_VALUE: '0xdead000000000000',
  LOG_BUF_SHIFT: '17',
  BASE_SMALL: '0',
  ARCH_FORCE_MAX_ORDER: '10'
}

/** What IOMMU_DMA selects or depends on (drivers/iommu/Kconfig). */
const IOMMU_DMA_SELECTS = ['IOMMU_SUPPORT', 'IOMMU_API', 'IOMMU_IOVA', 'DMA_OPS_HELPERS', 'NEED_SG_DMA_LENGTH'] as const

/** Whether a tree's dma-iommu is called by mapping.c itself: before, it is an architecture's dma_map_ops. */
export const hasDmaIommu = (tree: Tree): boolean =>
  tree.read('drivers/iommu/dma-iommu.c') !== null && /\buse_dma_iommu\b/.test(tree.read('kernel/dma/mapping.c') ?? '')

/** Whether the DMA layer's Kconfig of a tree knows a symbol. */
export const hasKconfig = (tree: Tree, name: string): boolean =>
  new RegExp(`^config ${name}\\b`, 'm').test(tree.read('kernel/dma/Kconfig') ?? '')

/** What the second guest build of a tree has on, for tests that ask for it; empty: the tree has neither. */
export const secondConfig = (tree: Tree): Readonly<Record<string, string>> => ({
  ...(hasKconfig(tree, 'SWIOTLB_DYNAMIC') ? { SWIOTLB_DYNAMIC: 'y' } : {}),
  ...(hasDmaIommu(tree) ? { IOMMU_DMA: 'y' } : {})
})

/** CONFIG_ symbols without the prefix, with their values. `own`: what the user says instead, `n` for off. */
export function configOf(
  tree: Tree,
  arch: Arch,
  profile: Profile,
  own: Readonly<Record<string, string>> = {}
): Map<string, string> {
  const kconfig = tree.read(`arch/${arch}/Kconfig`) ?? ''
  const dma = tree.read('kernel/dma/Kconfig') ?? ''
  const config = new Map<string, string>([...ON.map((n) => [n, '1'] as const), ...Object.entries(VALUES)])
  const on = (...names: readonly string[]): void => {
    for (const n of names) config.set(n, '1')
  }
  const has = (name: string): boolean => hasKconfig(tree, name)
  on(...(arch === 'arm64' ? ['ARM64'] : ['X86', 'X86_64']))
  for (const s of SELECTABLE) if (new RegExp(`^\\s*select\\s+${s}\\b`, 'm').test(kconfig)) on(s)
  if (arch === 'x86' && /^config AMD_MEM_ENCRYPT\b/m.test(kconfig))
    on('AMD_MEM_ENCRYPT', 'X86_MEM_ENCRYPT', 'ARCH_HAS_CC_PLATFORM', 'ARCH_HAS_MEM_ENCRYPT')
  if (arch === 'arm64' && /pkvm|PKVM/.test(tree.read('arch/arm64/include/asm/hypervisor.h') ?? '')) on('ARM_PKVM_GUEST')
  if (has('DMA_NEED_SYNC')) on('DMA_NEED_SYNC')
  const size = /^config SWIOTLB_DEFAULT_SIZE_MB\b[\s\S]*?\bdefault\s+(\d+)/m.exec(dma)?.[1]
  if (size !== undefined) config.set('SWIOTLB_DEFAULT_SIZE_MB', size)
  if (config.has('DMA_DIRECT_REMAP')) on('DMA_COHERENT_POOL', 'DMA_NONCOHERENT_MMAP')
  if (profile === 'guest') {
    if (has('DMA_RESTRICTED_POOL')) on('DMA_RESTRICTED_POOL')
    // the recordings of 7.x have it for every device of both builds
    if (has('DMA_COHERENT_POOL')) on('DMA_COHERENT_POOL')
  } else {
    for (const off of ['DMA_COHERENT_POOL', 'DMA_DIRECT_REMAP', 'DMA_NONCOHERENT_MMAP', 'DMA_BOUNCE_UNALIGNED_KMALLOC'])
      config.delete(off)
  }
  if (profile === 'recorded-realm') on('ARCH_HAS_PHYS_TO_DMA', 'ARCH_HAS_FORCE_DMA_UNENCRYPTED')
  for (const [name, value] of Object.entries(own)) {
    // pools that grow are since 6.7
    if (value === 'n' || (name === 'SWIOTLB_DYNAMIC' && !has(name)) || (name === 'IOMMU_DMA' && !hasDmaIommu(tree)))
      config.delete(name)
    else config.set(name, value === 'y' ? '1' : value)
  }
  if (config.has('IOMMU_DMA')) on(...IOMMU_DMA_SELECTS)
  return new Map([...config].sort(([a], [b]) => (a < b ? -1 : 1)))
}
