// Words of the kernel that an operator meets beside its messages: files, options of the command line, options of the
// build. Facts with their source; what depends on the release is said with it.

export interface KernelWord {
  readonly names: readonly string[]
  readonly kind: string
  readonly says: readonly string[]
  readonly see: readonly string[]
}

const DEBUGFS = 'file of /sys/kernel/debug/swiotlb'
const BUILD = 'build option of the kernel'
const CMDLINE = 'option of the command line'

export const kernelWords: readonly KernelWord[] = [
  {
    names: ['io_tlb_used'],
    kind: DEBUGFS,
    see: ['tbit replay TRACE --debugfs FILE'],
    says: [
      'Slots of 2 KiB in use now: the sum over the areas, read without a lock, so that it can be off by what is ' +
        'under way. When the load has stopped it falls to near 0; if it does not, a driver leaks mappings.'
    ]
  },
  {
    names: ['io_tlb_used_hiwater'],
    kind: DEBUGFS,
    see: ['tbit replay TRACE --debugfs FILE'],
    says: [
      'The most slots that were in use at once since boot, or since 0 was written to it (from 6.4 on, with ' +
        'CONFIG_DEBUG_FS). From 7.3 on it is counted only with swiotlb=...,track_hiwater on the command line, else ' +
        'it is 0 whatever happens.'
    ]
  },
  {
    names: ['io_tlb_nslabs'],
    kind: DEBUGFS,
    see: ['tbit size --help'],
    says: [
      'Slots of 2 KiB that the default memory has: 32768 are 64 MiB. With SWIOTLB_DYNAMIC it grows with the ' +
        'pools that are added.'
    ]
  },
  {
    names: ['io_tlb_transient_nslabs'],
    kind: DEBUGFS,
    see: [],
    says: [
      'With SWIOTLB_DYNAMIC: slots of pools that were made for one mapping and go with it, because no pool had ' +
        'room at that moment.'
    ]
  },
  {
    names: ['swiotlb'],
    kind: CMDLINE,
    see: ['tbit size --cmdline swiotlb=SLOTS,force'],
    says: [
      'swiotlb=SLOTS[,AREAS][,force|noforce][,track_hiwater]. SLOTS counts slots of 2 KiB, not bytes: ' +
        'swiotlb=65536 is 128 MiB, and swiotlb=256M is 256 slots. force bounces every device; noforce makes no ' +
        'pool. track_hiwater is known from 7.3 on; before, an unknown word behind the number is ignored with what ' +
        'follows it.'
    ]
  },
  {
    names: ['coherent_pool'],
    kind: CMDLINE,
    see: [],
    says: [
      'coherent_pool=SIZE: the pools for coherent allocations that cannot sleep (GFP_ATOMIC). They grow, so that ' +
        'it matters only until they have. It has nothing to do with the bounce pool.'
    ]
  },
  {
    names: ['iommu'],
    kind: CMDLINE,
    see: ['tbit size --cmdline iommu=soft'],
    says: [
      'iommu=off, soft or pt (x86). off and soft leave devices without an IOMMU: a device that cannot address ' +
        'all memory then bounces. iommu.passthrough=1 does the same for devices of an IOMMU on any architecture.'
    ]
  },
  {
    names: ['mem_encrypt'],
    kind: CMDLINE,
    see: ['tbit explain amd-sme-host'],
    says: [
      'mem_encrypt=on turns on Secure Memory Encryption of an AMD host: DMA addresses carry the C-bit, and a ' +
        'device that cannot reach it bounces.'
    ]
  },
  {
    names: ['SWIOTLB_DYNAMIC'],
    kind: BUILD,
    see: ['tbit replay TRACE --what-if dynamic'],
    says: [
      'The pool grows at run time (from 6.6 on): a mapping that finds no room gets a transient pool while a new ' +
        'one is made. In a guest with encrypted memory it needs the fixes 94a04ad732c9 and 8a9dc4a028e7: without ' +
        'them a TDX guest panics.'
    ]
  },
  {
    names: ['DMA_RESTRICTED_POOL'],
    kind: BUILD,
    see: [],
    says: [
      'A device of the device tree can have a bounce pool of its own (restricted-dma-pool, from 5.15 on): it ' +
        'bounces always, through one area, and its coherent memory comes from there, too.'
    ]
  },
  {
    names: ['DMA_API_DEBUG'],
    kind: BUILD,
    see: [],
    says: [
      'The kernel follows every mapping and says what a driver does wrong: an unmap without a map, other sizes, ' +
        'mappings left when it goes (a leak).'
    ]
  },
  {
    names: ['max_sectors_kb'],
    kind: 'file of /sys/block/DEV/queue',
    see: [],
    says: [
      'The largest request of a block device. Through a bounce pool a mapping has at most 256 KiB (252 KiB with ' +
        'an alignment mask of 4095, as nvme has): smaller requests are easier to place in a pool that is in pieces.'
    ]
  },
  {
    names: ['events/dma', 'dma_map_phys', 'dma_map_page', 'dma_map_sg'],
    kind: 'trace event',
    see: ['tbit record', 'tbit replay TRACE --dmesg LOG'],
    says: [
      'The events of the DMA API came with 6.12; dma_map_phys took the place of dma_map_page with 6.18. A failed ' +
        'dma_map_sg leaves none. Before 6.12 kprobes on swiotlb tell what bounces.'
    ]
  },
  {
    names: ['swiotlb_bounced'],
    kind: 'trace event',
    see: ['tbit record', 'tbit replay TRACE --dmesg LOG'],
    says: [
      'One bounce: device, original address, size, and FORCE or NORMAL, whether bouncing is forced or the device ' +
        "does not reach the memory. Its address in the pool is in the mapping's own event."
    ]
  }
]
