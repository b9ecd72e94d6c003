// The causes: one row a cause. What it is called, which failures it explains, what speaks for it and what against
// (signs.ts, with weights), what would decide, what to do, and where the knowledge is from. diagnose.ts ranks them;
// nothing here computes.
import { MiB } from '../../base/index.ts'
import { DYNAMIC_FIXES, kernelVersion, nr_slots, sizeText } from '../../kernel/swiotlb/index.ts'
import type { Ctx } from './context.ts'
import type { FailureKind } from './failure.ts'
import { type SignId, aliasBit, hexOf } from './signs.ts'

/**
 * One thing to do. `setting` is what to add to the command line; it was tried on the sizing rules, and gives a pool of
 * at least `slots`.
 */
export interface Todo {
  readonly text: string
  readonly setting?: string
  readonly slots?: number
}

type Weighted = readonly [SignId, number]

export interface Cause {
  readonly id: string
  readonly kinds: readonly FailureKind[]
  /** One clause: what is wrong. */
  says(c: Ctx): string
  /** The limit that binds, as "Which limit binds" names it. */
  readonly limit: string | ((c: Ctx) => string)
  /** Worth before any evidence. */
  readonly base: number
  /** All of these must be there, else the row does not count. */
  readonly needs?: readonly SignId[]
  /** At least one of these must be there. */
  readonly any?: readonly SignId[]
  /** None of these may be there. */
  readonly never?: readonly SignId[]
  readonly for: readonly Weighted[]
  readonly against: readonly Weighted[]
  /** What would decide. */
  readonly decides: readonly string[]
  todo(c: Ctx): readonly (string | Todo)[]
  readonly source: string
}

const who = (c: Ctx): string => (c.f.device === '' ? 'the device' : c.f.device)
const at = (c: Ctx): string => `${hexOf(c.addr)}+${String(c.f.args['size'] ?? '?')}`
const bits = (mask: bigint): string => `${mask.toString(2).length} bits`
const x86 = (c: Ctx): boolean => c.arch === 'x86' || (c.arch === null && c.bare === null)
const SET_MASK = 'dma_set_mask_and_coherent(dev, DMA_BIT_MASK(64)), or as many bits as the device has'
const FORCE_POOL = (c: Ctx): readonly (string | Todo)[] =>
  x86(c)
    ? [
        {
          text:
            'iommu=soft on the command line makes a pool and forces nobody; swiotlb=force makes one and bounces ' +
            'every device. A bare swiotlb=SLOTS makes none.',
          setting: 'iommu=soft',
          slots: 32768
        }
      ]
    : [
        {
          text:
            'swiotlb=force on the command line makes a pool (and bounces every device). A bare swiotlb=SLOTS makes ' +
            'none.',
          setting: 'swiotlb=force',
          slots: 1
        }
      ]

/** Why a streaming mapping found no room. */
const full: readonly Cause[] = [
  {
    id: 'too_large',
    kinds: ['full'],
    says: (c) =>
      `one request is larger than any bounce can be: ${c.largest} bytes, and 256 KiB (128 slots) is the most`,
    limit: '256 KiB segment',
    base: 10,
    needs: ['over_segment'],
    for: [['nearly_empty', 1]],
    against: [],
    decides: [],
    todo: (c) => [
      'No pool size helps against requests above 256 KiB: the driver must ask for less at once ' +
        `(dma_max_mapping_size() says how much; drivers read it at probe).${blockHint(c)}`
    ],
    source: 'IO_TLB_SEGSIZE of kernel/dma/swiotlb.c; raspberrypi/linux 6589; AMDSEV 281'
  },
  {
    id: 'pool_full',
    kinds: ['full'],
    says: () => 'the pool is too small for what is under way at once',
    limit: 'pool size',
    base: 4,
    needs: ['few_free'],
    for: [
      ['guest_encrypted', 2],
      ['bounce_line', 1],
      ['forced', 1],
      ['falls', 3]
    ],
    against: [
      ['stays_full', 2],
      ['rises', 2],
      ['to_the_last', 1],
      ['counted_by_debug', 3]
    ],
    decides: ['io_tlb_used when the load has stopped: near 0, the pool was too small; still high, it is a leak'],
    todo: () => [],
    source: 'swiotlb_tbl_map_single()'
  },
  {
    id: 'fragmented',
    kinds: ['full'],
    says: (c) =>
      nearlyFull(c)
        ? 'the pool is nearly full, and the little that is left is in pieces'
        : 'enough slots are free, but not in a row',
    limit: (c) =>
      nearlyFull(c)
        ? 'pool size: the little that is left is in pieces (fragmentation of the pool)'
        : 'fragmentation of the pool',
    base: 6,
    needs: ['no_row'],
    for: [],
    against: [],
    decides: ['a replay of a trace: it places each mapping'],
    todo: (c) =>
      nr_slots(c.largest) > 32
        ? [
            `Requests of ${nr_slots(c.largest)} slots in a row are the hardest to place: smaller ones need less ` +
              `pool than room for them.${blockHint(c)}`
          ]
        : [],
    source: 'swiotlb_search_pool_area()'
  },
  {
    id: 'placement',
    kinds: ['full'],
    says: () => "no free position meets the device's limits, or the pool was full only for an instant",
    limit: "the device's alignment or segment boundary",
    base: 6,
    needs: ['room_somewhere'],
    for: [],
    against: [],
    decides: ["the driver's calls of dma_set_min_align_mask() and dma_set_seg_boundary()"],
    todo: () => [
      "Compare the device's limits with the request: a segment boundary smaller than the mapping, or a " +
        'min_align_mask that no free position meets, refuses it at any fill level. If several devices were busy, ' +
        'the pool may have been full for an instant: see what to record.'
    ],
    source: 'swiotlb_search_pool_area()'
  },
  {
    id: 'full_unknown',
    kinds: ['full'],
    says: () => 'the pool had no room: full, in pieces, or leaked away',
    limit: 'pool size, fragmentation or segment (this kernel does not print which)',
    base: 4,
    needs: ['old_message'],
    for: [],
    against: [],
    decides: ['cat /sys/kernel/debug/swiotlb/io_tlb_used, now and when the load has stopped'],
    todo: () => [],
    source: 'kernels before 5.1 print only the size'
  },
  {
    id: 'leak',
    kinds: ['full', 'pending'],
    says: (c) => `a driver leaks: mappings of ${who(c)} are never unmapped, and their slots are not given back`,
    limit: 'a leak: slots that are never given back',
    base: 1,
    never: ['over_segment', 'room_somewhere'],
    for: [
      ['to_the_last', 1],
      ['small_requests', 2],
      ['one_device', 1],
      ['stays_full', 3],
      ['rises', 4],
      ['long_apart', 2],
      ['counted_by_debug', 8],
      ['driver_reports', 1]
    ],
    against: [
      ['falls', 5],
      ['nearly_empty', 6],
      ['guest_encrypted', 2],
      ['bounce_line', 1],
      ['forced', 1],
      ['no_row', 1]
    ],
    decides: [
      'stop the load, then: cat /sys/kernel/debug/swiotlb/io_tlb_used. If it does not fall, mappings are leaked',
      'a trace from before the load: tbit replay lists the mappings that are still live, by device and age',
      'CONFIG_DMA_API_DEBUG: unbinding the driver counts what it left'
    ],
    todo: (c) => [
      'If slots do not come back when the load stops, mappings are leaked: a larger pool only delays the ' +
        `failure. Unbinding or reloading the driver of ${who(c)} does not give them back; look for a fixed driver ` +
        '(a missing dma_unmap_*), and reboot until then.'
    ],
    source: 'lwfinger/rtl8192ee 3; raspberrypi/linux 3157; nvme of 6.18.15, measured'
  }
]

const nearlyFull = (c: Ctx): boolean => c.f.total !== null && (c.f.used?.[1] ?? 0) >= 0.95 * c.f.total

function blockHint(c: Ctx): string {
  if (!/nvme|ata|ahci|scsi|sd[ah]|mmc|virtio|uas|usb-storage|storvsc|raid|mpt|blk|^$/i.test(c.f.device)) return ''
  return /nvme/.test(c.f.device)
    ? ' As a block device, lower /sys/block/DEV/queue/max_sectors_kb to 252 or less (nvme keeps 4 KiB for its ' +
        'alignment).'
    : ' For a block device, lower /sys/block/DEV/queue/max_sectors_kb to 256 or less.'
}

/** There is no pool. */
const noPool: readonly Cause[] = [
  {
    id: 'noforce',
    kinds: ['no_pool', 'map_overflow'],
    says: () => 'swiotlb=noforce took the pool away',
    limit: 'no pool: swiotlb=noforce',
    base: 8,
    needs: ['noforce'],
    never: ['fits', 'all_ones'],
    for: [],
    against: [],
    decides: [],
    todo: () => [
      {
        text: 'Remove swiotlb=noforce from the command line: this machine needs a pool.',
        setting: '-swiotlb',
        slots: 1
      }
    ],
    source: 'setup_io_tlb_npages()'
  },
  {
    id: 'iommu_off',
    kinds: ['no_pool', 'map_overflow'],
    says: () => 'iommu=off took the pool away',
    limit: 'no pool: iommu=off',
    base: 8,
    needs: ['no_iommu_word'],
    never: ['fits', 'all_ones', 'noforce'],
    for: [],
    against: [],
    decides: [],
    todo: () => [
      {
        text:
          'Remove iommu=off from the command line: on x86 it switches off the bounce pool too, so that a device ' +
          'with a small mask has no way left.',
        setting: '-iommu',
        slots: 1
      }
    ],
    source: 'pci_swiotlb_detect() of arch/x86/kernel/pci-dma.c'
  },
  {
    id: 'memory_came_later',
    kinds: ['no_pool', 'map_overflow'],
    says: () => 'no pool was made at boot, as all memory lay below 4 GiB then; memory above came later',
    limit: 'no pool',
    base: 4,
    never: ['noforce', 'no_iommu_word', 'pool_exists', 'fits', 'all_ones', 'alloc_failed'],
    needs: ['memory_came_later'],
    for: [
      ['total_zero', 2],
      ['low_ram', 2],
      ['rules_none', 1]
    ],
    against: [],
    decides: ['dmesg | grep -E "SRAT|virtio_mem|software IO TLB"'],
    todo: (c) => [
      ...FORCE_POOL(c),
      'A virtual machine whose firmware announces the memory that may come (an SRAT hotplug range, so that ' +
        'max_possible_pfn is above 4 GiB) gets a pool at boot by itself.'
    ],
    source: 'max_possible_pfn in pci_swiotlb_detect(); kvm list, 5 Jun 2020 (virtio-mem)'
  },
  {
    id: 'pool_alloc_failed',
    kinds: ['no_pool', 'map_overflow'],
    says: () => 'the pool could not be allocated at boot',
    limit: 'low memory: the pool could not be allocated at boot',
    base: 5,
    needs: ['alloc_failed'],
    never: ['noforce', 'fits', 'all_ones'],
    for: [['total_zero', 1]],
    against: [],
    decides: [],
    todo: (c) => [
      {
        text:
          'The pool could not be allocated at boot: ask for less, for example swiotlb=131072 (256 MiB)' +
          (c.version !== null && c.version < kernelVersion(6, 2)
            ? '; kernels from 6.2 on try less by themselves'
            : '') +
          '.',
        setting: 'swiotlb=131072',
        slots: 131072
      }
    ],
    source: 'swiotlb_init_remap(); AMDSEV 116'
  },
  {
    id: 'torn_down',
    kinds: ['no_pool', 'map_overflow'],
    says: () => 'the kernel gave its pool back at boot',
    limit: 'no pool',
    base: 5,
    needs: ['torn_down'],
    never: ['noforce', 'fits', 'all_ones'],
    for: [['total_zero', 1]],
    against: [],
    decides: ['whether the device is behind the IOMMU that made the kernel give the pool back'],
    todo: (c) => FORCE_POOL(c),
    source: 'pci_iommu_init(): an IOMMU turned it off'
  },
  {
    id: 'no_pool',
    kinds: ['no_pool'],
    says: () => 'there is no pool: none was allocated at boot',
    limit: 'no pool',
    base: 2,
    never: ['noforce', 'no_iommu_word', 'alloc_failed', 'torn_down'],
    for: [
      ['total_zero', 2],
      ['low_ram', 2],
      ['rules_none', 2]
    ],
    against: [['memory_came_later', 3]],
    decides: ['the boot lines with "software IO TLB", "Command line" and "BIOS-e820"'],
    todo: (c) => [
      'At boot nothing asked for a pool, on x86 because no RAM lies above 4 GiB (memory that is hot-plugged ' +
        `later does not change that)${c.boot.kernel === null ? ', or its allocation failed' : ''}.`,
      ...FORCE_POOL(c)
    ],
    source: 'pci_swiotlb_detect()'
  }
]

/** An address that the device cannot be given, and no bounce. */
const mapOverflow: readonly Cause[] = [
  {
    id: 'no_bus_address',
    kinds: ['map_overflow', 'bounce_beyond'],
    says: () => 'the memory lies outside of every dma-ranges window: it has no bus address',
    limit: 'dma-ranges: this memory has no bus address',
    base: 8,
    needs: ['all_ones'],
    for: [['inbound', 1]],
    against: [],
    decides: [
      'the dma-ranges of the bus in the device tree (dtc -I fs /proc/device-tree), and the "IB MEM" lines of the ' +
        'host bridge'
    ],
    todo: () => [
      'Kernel and device tree (or ACPI _DMA) describe a bus that does not reach this memory: update the device ' +
        'tree or the firmware, or widen dma-ranges there.'
    ],
    source: 'translate_phys_to_dma() answers DMA_MAPPING_ERROR'
  },
  {
    id: 'mmio',
    kinds: ['map_overflow'],
    says: (c) =>
      `the mask is not the reason: ${at(c)} fits it. Device registers (MMIO) were mapped, and the kernel took ` +
      'them for memory that it may not map',
    limit: "neither the device's mask nor a bus limit: the address fits both",
    base: 5,
    needs: ['fits', 'resource'],
    for: [
      ['below_4g_high', 1],
      ['tiny', 1]
    ],
    against: [],
    decides: ['the same test on the release before: a kernel regression shows there'],
    todo: () => [
      'This is a kernel matter, not one of masks or pools: dma_map_resource() must not be refused for its ' +
        'address here. Try a newer or the previous kernel and report it to iommu@lists.linux.dev with the trace.'
    ],
    source:
      'linux-next of 1 Sep 2025 (6.17.0-rc4): a regression of dma_map_resource() while dma_map_phys() was introduced'
  },
  {
    id: 'state_mismatch',
    kinds: ['map_overflow'],
    says: (c) =>
      `the mask is not the reason: ${at(c)} fits it. The guest's memory is not in the state that this device reaches`,
    limit: 'shared and private memory: the device reaches the other kind',
    base: 5,
    needs: ['fits', 'state_mismatch'],
    for: [['resource', 2]],
    against: [],
    decides: ['tbit explain dma --platform P --kernel linux-7.3 --op map|resource'],
    todo: () => [
      'On this kernel a device that is not accepted reaches only shared memory: plain MMIO (peer-to-peer, ' +
        'dma_map_resource) and private memory without a pool are refused. tbit explain dma shows which step ' +
        'refuses.'
    ],
    source: 'dma_capable() of 7.3: 20beb6884b83'
  },
  {
    id: 'fits',
    kinds: ['map_overflow'],
    says: (c) =>
      `the mask is not the reason: ${at(c)} fits it. Then it was MMIO given as memory, a small buffer that must ` +
      'bounce for its alignment, or peer-to-peer memory',
    limit: "neither the device's mask nor a bus limit: the address fits both",
    base: 3,
    needs: ['fits'],
    never: ['resource'],
    for: [
      ['tiny', 1],
      ['below_4g_high', 1]
    ],
    against: [['state_mismatch', 2]],
    decides: ['the stack below the message: dma_map_resource() means MMIO'],
    todo: (c) => [
      c.end < 0x1_0000_0000n && c.addr >= 0xe000_0000n
        ? 'The address looks like device registers (MMIO): a driver that maps them must use dma_map_resource(), and ' +
          'some kernels refused even that (a regression of linux-next, Sep 2025).'
        : 'If the driver mapped device registers (MMIO), it must use dma_map_resource().',
      'On a machine whose devices are not cache-coherent, a small kmalloc buffer must bounce whatever its ' +
        'address; without a pool it fails with this message: do not switch the pool off (swiotlb=noforce).'
    ],
    source: 'dma_direct_map_page(): not dma_capable() or dma_kmalloc_needs_bounce()'
  },
  {
    id: 'not_ram',
    kinds: ['map_overflow'],
    says: (c) =>
      `${hexOf(c.addr)} is no RAM: the driver mapped a buffer that has no physical address of its own, such as ` +
      'one on the (vmapped) stack or from vmalloc()',
    limit: 'no limit: the address is not in RAM',
    base: 1,
    any: ['beyond_ram', 'far_out', 'odd_address'],
    never: ['fits', 'limit_binds', 'all_ones', 'inbound', 'c_bit'],
    for: [
      ['beyond_ram', 5],
      ['far_out', 5],
      ['odd_address', 2],
      ['tiny', 1]
    ],
    against: [
      ['in_ram', 8],
      ['resource', 4]
    ],
    decides: ['the function that prepared the buffer: CONFIG_DMA_API_DEBUG and CONFIG_DEBUG_VIRTUAL name it'],
    todo: () => [
      'Report it to the driver: buffers for DMA come from kmalloc() or the page allocator, never from the stack, ' +
        'vmalloc() or a static variable of a module. No setting helps.'
    ],
    source: 'netdev, Jun 2021 (cw1200 on sunxi-mmc): virt_to_page() of a vmapped stack'
  },
  {
    id: 'c_bit',
    kinds: ['map_overflow'],
    says: (c) =>
      `the C-bit (bit ${aliasBit(c)}) of encrypted memory is in the address, and the device's mask ` +
      `${hexOf(c.mask)} cannot express it`,
    limit: "the device's address mask against the C-bit",
    base: 6,
    needs: ['c_bit'],
    for: [],
    against: [],
    decides: [],
    todo: (c) => [
      c.platform === 'amd-sme-host'
        ? 'The device needs a mask as wide as the C-bit, or the pool: do not switch it off. mem_encrypt=off takes ' +
          'the bit away.'
        : 'The device must bounce in this guest: do not switch the pool off.'
    ],
    source: 'phys_to_dma() of x86: E(p) carries the C-bit'
  },
  {
    id: 'bus_limit',
    kinds: ['map_overflow', 'bounce_beyond'],
    says: (c) => `the bus limit binds, not the device's mask: ${hexOf(c.limit)} is lower than ${hexOf(c.mask)}`,
    limit: (c) =>
      `the bus limit ${hexOf(c.limit)} (dma-ranges of the device tree, or ACPI): it is lower than the device's mask`,
    base: 6,
    needs: ['limit_binds'],
    never: ['all_ones'],
    for: [
      ['pi', 1],
      ['inbound', 1]
    ],
    against: [['far_out', 4]],
    decides: ["the dma-ranges above the device in the device tree, and the range that the kernel's driver expects"],
    todo: (c) => [
      `The limit comes from the device tree's dma-ranges (or ACPI _DMA) of the bus, not from the driver: kernel, ` +
        'device tree (DTB) and overlays must fit each other. Update them together' +
        `${c.bare !== null && /Raspberry|BCM2/.test(c.bare) ? ' (the DTB from the same kernel release)' : ''}.`,
      ...(c.f.kind === 'map_overflow' ? ['A larger mask in the driver changes nothing.'] : [])
    ],
    source: 'min_not_zero(*dev->dma_mask, dev->bus_dma_limit) of dma_capable(); raspberrypi/linux 3416'
  },
  {
    id: 'bounce_too_large',
    kinds: ['map_overflow'],
    says: (c) => `it had to bounce, and ${c.largest} bytes are more than any bounce can be (256 KiB)`,
    limit: '256 KiB segment',
    base: 6,
    needs: ['over_segment', 'old_report'],
    never: ['fits', 'all_ones', 'far_out'],
    for: [],
    against: [],
    decides: [],
    todo: () => [
      'No pool size helps against requests above 256 KiB: the driver must ask for less at once ' +
        '(dma_max_mapping_size()), or for memory that its device reaches.'
    ],
    source: 'dma_direct_map_page() before 5.5: prints the address when bouncing it failed'
  },
  {
    id: 'mask',
    kinds: ['map_overflow'],
    says: (c) => `the device addresses only ${bits(c.mask)}, the memory lies beyond, and it was not bounced`,
    limit: "the device's address mask",
    base: 4,
    needs: ['mask_binds'],
    never: ['far_out', 'beyond_ram', 'all_ones', 'noforce', 'no_iommu_word', 'c_bit'],
    for: [['in_ram', 1]],
    against: [],
    decides: ['the "software IO TLB" lines of the boot: without a pool nothing can bounce'],
    todo: (c) => [
      c.f.id === 'overflow_old' || c.f.id === 'overflow_limit'
        ? 'Bouncing it failed, or there was no pool to bounce through: see the messages beside it.'
        : 'There was no pool to bounce through: kernels print this only then. Boot lines with "software IO TLB" ' +
          'tell why.',
      `A driver whose device addresses more must say so: ${SET_MASK}. An IOMMU in front of the device maps any ` +
        'memory below its mask.',
      ...(c.f.id === 'dma_overflow' && c.pool === null ? FORCE_POOL(c) : [])
    ],
    source: 'dma_direct_map_page()'
  }
]

/** A bounce buffer that the device cannot be given. */
const beyond: readonly Cause[] = [
  {
    id: 'ram_above',
    kinds: ['bounce_beyond', 'map_overflow'],
    says: () =>
      'all RAM lies above 4 GiB, and so does the pool: a device with the default mask of 32 bits reaches none of it',
    limit: "the device's address mask: all RAM lies above it",
    base: 2,
    never: ['fits', 'limit_binds', 'all_ones', 'far_out'],
    needs: ['mask_binds'],
    any: ['ram_starts_high', 'apple'],
    for: [
      ['ram_starts_high', 4],
      ['apple', 4]
    ],
    against: [
      ['realm', 3],
      ['window', 4],
      ['low_ram', 6]
    ],
    decides: ['dmesg | grep -A4 "Early memory node ranges"'],
    todo: () => [
      `The driver must set its mask, as 32 bits is only the default: ${SET_MASK}. No pool helps on such a ` +
        'machine, and a larger one less than none.'
    ],
    source: 'AsahiLinux/linux 217: RAM of Apple silicon begins at 2^35 or 2^40'
  },
  {
    id: 'window_offset',
    kinds: ['bounce_beyond', 'map_overflow'],
    says: (c) =>
      `the bus shows RAM at an offset (an inbound window of dma-ranges), beyond the ${bits(c.mask)} of the device`,
    limit: "the device's address mask against the bus's inbound window (dma-ranges)",
    base: 1,
    needs: ['mask_binds'],
    any: ['window', 'inbound'],
    never: ['all_ones', 'fits'],
    for: [
      ['window', 4],
      ['inbound', 4],
      ['pi', 1],
      ['bus_limit_given', 1]
    ],
    against: [
      ['realm', 2],
      ['ram_starts_high', 2],
      ['apple', 4]
    ],
    decides: ['dmesg | grep "IB MEM": where the host bridge shows RAM on the bus'],
    todo: () => [
      'Either the driver takes a larger mask, if the device has 64-bit addressing (dma_set_mask_and_coherent), ' +
        'or firmware moves the window below 4 GiB: on a Raspberry Pi 4 the overlay dtoverlay=pcie-32bit-dma does ' +
        'that, elsewhere the dma-ranges of the bridge.'
    ],
    source: 'geerlingguy/raspberry-pi-pcie-devices 57; pcie-brcmstb'
  },
  {
    id: 'alias',
    kinds: ['bounce_beyond'],
    says: (c) =>
      `${c.platform === null ? 'if this is an Arm realm, ' : ''}the bounce carries the address bit ` +
      `${aliasBit(c)} of shared memory, which the device's mask ${hexOf(c.bound)} cannot express`,
    limit: "the device's address mask against the shared alias",
    base: 1,
    needs: ['realm_alias'],
    never: ['window', 'inbound', 'apple', 'ram_starts_high', 'bus_limit_given', 'not_encrypted', 'no_alias_here'],
    for: [
      ['realm', 6],
      ['no_platform', 1]
    ],
    against: [],
    decides: ['dmesg | grep -E "RME|RSI": only an Arm realm has such an alias in its bus addresses'],
    todo: (c) => [
      `${c.platform === null ? 'If this is an Arm realm: the' : 'The'} shared alias of memory has the top ` +
        'address bit set. Either the device takes a larger mask, or the realm is given a smaller address width ' +
        '(its VMM decides it), so that the bit lies within the mask.'
    ],
    source:
      '7d953a062416 (6.15): phys_to_dma_unencrypted() sets the top IPA bit; x86 and TDX have no such bit in a bounce'
  },
  {
    id: 'pool_above',
    kinds: ['bounce_beyond'],
    says: () => 'the pool itself lies above what the device can address',
    limit: "the device's address mask: the pool lies above it",
    base: 1,
    needs: ['mask_binds', 'pool_high'],
    never: ['all_ones'],
    for: [['pool_high', 5]],
    against: [
      ['window', 3],
      ['realm', 2],
      ['apple', 3],
      ['ram_starts_high', 3],
      ['low_pool_misses', 2]
    ],
    decides: ['the line "software IO TLB: mapped [mem ...]"'],
    todo: () => [
      'A pool that may lie anywhere (swiotlb=...,any, powerpc, s390) is of no use to a device with a smaller ' +
        'mask: leave that out, or let the driver set a larger mask.'
    ],
    source: 'SWIOTLB_ANY'
  },
  {
    id: 'small_mask',
    kinds: ['bounce_beyond'],
    says: (c) => `the device addresses only ${bits(c.mask)}, and the pool lies beyond`,
    limit: "the device's address mask",
    base: 4,
    needs: ['mask_binds', 'low_pool_misses'],
    never: ['all_ones'],
    for: [],
    against: [],
    decides: ['the line "software IO TLB: mapped [mem ...]" against the mask'],
    todo: () => [
      'The default pool lies anywhere below 4 GiB. A device with a smaller mask needs a restricted pool of its ' +
        'own in memory it can reach (firmware: restricted-dma-pool), or a driver that sets a larger mask.'
    ],
    source: 'swiotlb_map()'
  },
  {
    id: 'beyond_unknown',
    kinds: ['bounce_beyond'],
    says: (c) => `the bounce at ${hexOf(c.addr)} lies beyond what the device can address`,
    limit: "the device's address mask",
    base: 3,
    never: ['all_ones', 'fits', 'limit_binds', 'low_pool_misses', 'realm'],
    for: [],
    against: [],
    decides: ['where RAM and the pool lie (boot log), and the mask that the driver sets'],
    todo: () => [`A driver whose device addresses more must say so: ${SET_MASK}.`],
    source: 'swiotlb_map()'
  }
]

/** dma_alloc_coherent() and its kin. */
const coherent: readonly Cause[] = [
  {
    id: 'coherent_large',
    kinds: ['coherent'],
    says: (c) =>
      `a coherent allocation of ${sizeText(c.largest)} failed: no such piece of contiguous memory within the ` +
      `device's mask. Bouncing was only its last resort`,
    limit: 'contiguous memory: more than the page allocator gives (4 MiB), so only CMA can',
    base: 5,
    needs: ['above_buddy'],
    for: [
      ['coherent_line', 2],
      ['coherent_stack', 1],
      ['cma_says', 2],
      ['cma_none', 1]
    ],
    against: [],
    decides: ['grep Cma /proc/meminfo; dmesg | grep cma'],
    todo: (c) => [
      `Give CMA room for it on the command line, below what the device addresses: cma=${cmaFor(c.largest)}` +
        `${c.mask > 0n && c.mask < 0xffff_ffffn ? `@0-${hexOf(c.mask + 1n)}` : ''}, or a reserved-memory node; or ` +
        'allocate several pieces of at most 4 MiB (MAX_PAGE_ORDER). The size of the bounce pool changes nothing.'
    ],
    source: 'swiotlb_alloc_coherent(); ikwzm/udmabuf 25 and 30; ntrdma 18'
  },
  {
    id: 'coherent_zone',
    kinds: ['coherent'],
    says: () =>
      'a coherent allocation found no page in the zone that the device reaches (DMA32): it is used up, or does ' +
      'not exist',
    limit: 'low memory (zone DMA32, CMA)',
    base: 4,
    needs: ['dma32_zone'],
    for: [
      ['small_order', 3],
      ['coherent_stack', 2],
      ['cma_none', 1]
    ],
    against: [],
    decides: ['the Mem-Info lines below the message: free pages of zone DMA32, and free_cma'],
    todo: () => [
      `Let the driver say what it reaches (${SET_MASK}), so that dma_direct_alloc() need not take DMA32; or ` +
        'leave low memory free: a smaller cma= or crashkernel=, RAM that begins below 4 GiB.'
    ],
    source: 'dma_direct_optimal_gfp_mask(); meta-polarfire-soc-yocto-bsp 46'
  },
  {
    id: 'coherent_fragmented',
    kinds: ['coherent'],
    says: (c) =>
      `a coherent allocation${c.largest > 0 ? ` of ${sizeText(c.largest)}` : ''} failed: the page allocator has ` +
      `no contiguous block of it within the device's mask`,
    limit: 'contiguous memory within the coherent mask',
    base: 3,
    never: ['above_buddy', 'dma32_zone'],
    for: [
      ['coherent_line', 2],
      ['coherent_stack', 1],
      ['large_order', 1],
      ['cma_says', 2]
    ],
    against: [],
    decides: ['cat /proc/buddyinfo: free blocks by order; grep Cma /proc/meminfo'],
    todo: (c) => [
      `Allocate it early (at probe, at boot), let CMA hold it (cma=${cmaFor(Math.max(c.largest, 16 * MiB))}), or ` +
        'let the driver set a larger coherent mask (dma_set_coherent_mask). The bounce pool is not for coherent ' +
        'memory.'
    ],
    source: 'dma_direct_alloc()'
  }
]

const cmaFor = (bytes: number): string => {
  // Twice as much: CMA itself may be in pieces.
  const mib = 2 ** Math.ceil(Math.log2(Math.max(bytes, 8 * MiB) / MiB)) * 2
  return mib >= 1024 ? `${mib / 1024}G` : `${mib}M`
}

/** What is left. */
const rest: readonly Cause[] = [
  {
    id: 'bounce_overflow',
    kinds: ['sync_overflow'],
    says: (c) =>
      `${who(c)} syncs or unmaps ${String(c.f.args['size'])} of a mapping of ${String(c.f.args['alloc'])} bytes; ` +
      'the copy was clipped',
    limit: 'a driver that syncs more than it mapped',
    base: 5,
    for: [],
    against: [],
    decides: ['the stack below the message'],
    todo: () => [
      'This is a bug of the driver: it syncs or unmaps more than it mapped. Report it with the stack trace below ' +
        'the message.'
    ],
    source: 'swiotlb_bounce()'
  },
  {
    id: 'decrypt_failed',
    kinds: ['decrypt'],
    says: () =>
      'the default pool could not be made shared with the host; all its slots are marked used, so that every ' +
      'bounce fails',
    limit: 'the pool could not be made shared',
    base: 5,
    for: [['decrypted_not', 1]],
    against: [],
    decides: ['errors of the hypervisor or firmware at boot'],
    todo: () => [
      "The host refused to share the pool's memory. Look for errors of the hypervisor or firmware at boot; a " +
        'smaller pool (swiotlb=SLOTS) may be shared where a large one is not.'
    ],
    source: 'swiotlb_update_mem_attributes(), ad8d2326d264'
  },
  {
    id: 'atomic_pool',
    kinds: ['atomic_pool'],
    says: (c) =>
      c.f.id === 'pool_prealloc_failed'
        ? `the atomic (coherent) pool of ${String(c.f.args['kib'])} KiB could not be allocated at boot`
        : 'an allocation that may not sleep found no atomic (coherent) pool with room and the right address',
    limit: 'the atomic (coherent) pools',
    base: 5,
    for: [],
    against: [],
    decides: ['grep . /sys/kernel/debug/dma_pools/*'],
    todo: (c) => [
      c.f.id === 'pool_prealloc_failed'
        ? 'Ask for a smaller atomic pool (coherent_pool=256K), or leave memory contiguous where it is taken (CMA, ' +
          'zone DMA).'
        : `Enlarge the atomic pools on the command line: coherent_pool=${atomicSize(c)} (` +
          (c.f.args['kib'] === undefined
            ? 'the default is 128 KiB a GiB of RAM'
            : `the kernel names ${String(c.f.args['kib'])} KiB`) +
          '), ' +
          'or let the driver allocate where it may sleep.'
    ],
    source: 'kernel/dma/pool.c; OpenELEC 3637'
  },
  {
    id: 'vmalloc',
    kinds: ['vmalloc'],
    says: (c) =>
      `${who(c)}: the driver maps vmalloc memory (or a vmapped stack), which has no physical address of its own`,
    limit: 'no limit: the address is not in RAM',
    base: 5,
    for: [],
    against: [],
    decides: ['the stack below the message'],
    todo: () => [
      'A bug of the driver: buffers for DMA come from kmalloc() or the page allocator. Report it with the stack trace.'
    ],
    source: 'dma_map_single_attrs()'
  }
]

const atomicSize = (c: Ctx): string => {
  const kib = Number(c.f.args['kib'] ?? 1024)
  return kib >= 512 ? `${Math.max(2, Math.ceil((kib * 4) / 1024))}M` : '2M'
}

/** Oopses, BUGs and warnings in the DMA layer. */
const oopses: readonly Cause[] = [
  {
    id: 'oops_dynamic',
    kinds: ['oops'],
    says: () => 'a pool that grows or shrinks at run time converted memory where it may not',
    limit: 'CONFIG_SWIOTLB_DYNAMIC in a guest with encrypted memory',
    base: 6,
    needs: ['dynamic_stack'],
    for: [
      ['guest_encrypted', 2],
      ['before_73', 1]
    ],
    against: [],
    decides: ['zgrep SWIOTLB_DYNAMIC /proc/config.gz'],
    todo: () => [
      `Build the kernel without CONFIG_SWIOTLB_DYNAMIC, or with ${DYNAMIC_FIXES.join(' and ')} (both are in ` +
        '7.3), and ask for a pool that is large enough at boot.'
    ],
    source: 'Dstack-TEE/dstack 1192, 1194 (Sep 2026): TDX guests on 6.18'
  },
  {
    id: 'oops_realm_leaf',
    kinds: ['oops'],
    says: () => 'the linear mapping of memory that was shared stayed invalid: a large leaf was not made valid again',
    limit: 'a kernel bug in sharing memory (arm64)',
    base: 5,
    needs: ['fault_in_bounce', 'arm_leaf'],
    for: [
      ['realm', 2],
      ['bounce_line', 2]
    ],
    against: [],
    decides: ['rodata=full (no large leaves in the linear map): if that boots, this is it'],
    todo: () => [
      "A bug of arm64's page attributes on kernels around 7.0-rc: take a kernel with the fix (arm64 pageattr, " +
        'spring 2026); until then boot with rodata=full.'
    ],
    source: 'report of 23 Mar 2026: 7.0-rc4 in a CCA realm'
  },
  {
    id: 'oops_no_original',
    kinds: ['oops'],
    says: () => 'swiotlb_alloc() mapped slots that have no original, and the copy read from address 0',
    limit: 'a bug of that stable kernel',
    base: 7,
    needs: ['alloc_bounces'],
    for: [],
    against: [],
    decides: ['the stable release: 4.14.y and 4.19.y of 2022 had it'],
    todo: () => [
      'Update within the stable series: later 4.14.y and 4.19.y skip the copy when there is no original address.'
    ],
    source: 'stable list, 2022'
  },
  {
    id: 'oops_zero',
    kinds: ['oops'],
    says: () =>
      'an assertion of the pool failed: the driver mapped zero bytes (older kernels stop there), or a mask and ' +
      'boundary that no position meets',
    limit: 'a driver bug: a mapping of no bytes',
    base: 6,
    needs: ['bug_in_pool'],
    for: [],
    against: [],
    decides: ['the length in the scatterlist that the driver maps'],
    todo: (c) => [`Report it to the driver (${driverOf(c)}): it must not map an empty buffer.`],
    source: 'linux-crypto, Jan 2020: BUG_ON(!nslots) in swiotlb_tbl_map_single()'
  },
  {
    id: 'oops_wild',
    kinds: ['oops'],
    says: () => 'the address that was mapped is wild: the pointer or the scatterlist is not valid',
    limit: 'a driver bug: a mapping of no valid memory',
    base: 7,
    needs: ['sanitizer', 'copy_in_bounce', 'wild'],
    for: [],
    against: [],
    decides: ['where the driver (or the device, over shared memory) got the address from'],
    todo: (c) => [
      `Report it to the driver (${driverOf(c)}): it mapped an address that belongs to nothing. In a confidential ` +
        'guest, check whether the host could have given it.'
    ],
    source: 'intel/ccc-linux-guest-hardening 97'
  },
  {
    id: 'oops_overread',
    kinds: ['oops'],
    says: () => 'the bounce copies more than the buffer has: the driver mapped a length that is larger than its buffer',
    limit: 'a driver bug: a mapping longer than its buffer',
    base: 6,
    needs: ['sanitizer', 'copy_in_bounce'],
    for: [],
    against: [],
    decides: ['the length of the mapping against the size of the object that the report names'],
    todo: (c) => [
      `Report it to the driver (${driverOf(c)}): the length in its scatterlist or dma_map_single() exceeds the buffer.`
    ],
    source: 'linux-arm-msm, Jan 2025 (qce); intel/ccc-linux-guest-hardening 97'
  },
  {
    id: 'oops_unmap_copy',
    kinds: ['oops'],
    says: () => 'the copy back to the buffer faulted at unmap or sync: the buffer was gone before its mapping',
    limit: 'a driver bug: freed before it was unmapped',
    base: 5,
    needs: ['copy_in_bounce', 'unmap_stack'],
    for: [['fault_in_bounce', 1]],
    against: [],
    decides: ['the order of free and dma_unmap_* in the driver'],
    todo: (c) => [`Report it to the driver (${driverOf(c)}): memory must stay until dma_unmap_* has copied back.`],
    source: 'swiotlb_tbl_unmap_single()'
  },
  {
    id: 'oops_map_copy',
    kinds: ['oops'],
    says: () =>
      'the copy into the bounce buffer faulted: the memory that the driver mapped, or the slot, has no valid ' +
      'mapping in the kernel',
    limit: 'memory that the kernel itself cannot read',
    base: 4,
    needs: ['fault_in_bounce'],
    never: ['unmap_stack', 'alloc_bounces'],
    for: [],
    against: [['sanitizer', 3]],
    decides: [
      'the faulting address: in the linear map it is the pool or the buffer, elsewhere the driver gave no linear ' +
        'address'
    ],
    todo: (c) => [
      `The driver (${driverOf(c)}) mapped memory that is not there (freed, unplugged, highmem, vmalloc), or the ` +
        `pool's memory lost its mapping when it was shared.`
    ],
    source: 'swiotlb_bounce()'
  },
  {
    id: 'oops_lockup',
    kinds: ['oops'],
    says: () => "CPUs wait for the pool's lock, or search a pool that is nearly full",
    limit: 'the lock of the pool',
    base: 4,
    needs: ['lockup'],
    for: [],
    against: [],
    decides: ['/sys/kernel/debug/swiotlb/io_tlb_used against io_tlb_nslabs'],
    todo: (c) => [
      c.version !== null && c.version < kernelVersion(6, 0)
        ? 'Before 6.0 the pool has a single lock; later kernels split it into areas, one a CPU.'
        : 'More areas (swiotlb=SLOTS,AREAS) spread the lock; a larger pool shortens the search.'
    ],
    source: '20347fca71a3'
  },
  {
    id: 'oops_dma',
    kinds: ['oops'],
    says: (c) => `the kernel stopped in its DMA layer${c.dma === null ? '' : `, in ${c.dma.fn}()`}`,
    limit: 'a bug, of the driver above or of the kernel',
    base: 1,
    for: [],
    against: [],
    decides: ['the whole trace, decoded with scripts/decode_stacktrace.sh'],
    todo: (c) => [
      `Report it to the driver first (${driverOf(c)}), with the whole trace: the DMA layer works on what it is given.`
    ],
    source: 'the trace itself'
  }
]

const driverOf = (c: Ctx): string => c.dma?.driver?.fn ?? c.trace?.comm ?? 'the function above the DMA calls'

/** A reason to bounce at all. */
export interface BounceReason {
  readonly id: string
  says(c: Ctx): string
  readonly base: number
  readonly needs: readonly SignId[]
  readonly never: readonly SignId[]
  readonly for: readonly Weighted[]
  readonly todo: readonly string[]
}

const FORCED: readonly SignId[] = ['guest_encrypted', 'bounce_line', 'forced']
const SEGMENTS = "Smaller segments need no bounce: limit the driver's segment size."

/**
 * Why does it bounce at all? Asked of each device whose streaming mapping failed (dma_direct_map_page(),
 * is_swiotlb_force_bounce()).
 */
export const bounceReasons: readonly BounceReason[] = [
  {
    id: 'guest',
    says: (c) =>
      `${c.platform ?? 'a guest with encrypted memory'}: the host cannot reach the guest's memory, so every ` +
      'device that is not accepted (TDISP) bounces',
    base: 8,
    needs: ['guest_encrypted'],
    never: [],
    for: [],
    todo: []
  },
  {
    id: 'encrypted',
    says: () => 'memory is encrypted (the kernel says so), so devices bounce',
    base: 6,
    needs: ['bounce_line'],
    never: ['guest_encrypted'],
    for: [],
    todo: []
  },
  {
    id: 'gib_pool',
    says: () =>
      'probably a SEV or TDX guest (its pool is exactly 1 GiB): there every device bounces that is not accepted',
    base: 6,
    needs: ['gib_pool'],
    never: FORCED,
    for: [],
    todo: []
  },
  {
    id: 'forced',
    says: () => 'swiotlb=force: every device bounces',
    base: 7,
    needs: ['forced'],
    never: [],
    for: [],
    todo: ['swiotlb=force bounces devices that need not: without it only those with a small mask do.']
  },
  {
    id: 'restricted',
    says: () => 'its restricted pool, if it has one: firmware gave it to the device',
    base: 3,
    needs: ['restricted'],
    never: [],
    for: [],
    todo: []
  },
  {
    id: 'xen',
    says: () => 'Xen PV: a buffer that is not contiguous in machine memory bounces, whatever the mask',
    base: 6,
    needs: ['xen'],
    never: [],
    for: [],
    todo: [SEGMENTS]
  },
  {
    id: 'xen_host',
    says: () =>
      'probably Xen PV (the host is called dom0): a buffer that is not contiguous in machine memory bounces, ' +
      'whatever the mask',
    base: 5,
    needs: ['xen_host'],
    never: [],
    for: [],
    todo: [SEGMENTS]
  },
  {
    id: 'bus',
    says: (c) => `the bus reaches only ${hexOf(c.limit)} (dma-ranges, ACPI)`,
    base: 6,
    needs: ['limit_binds'],
    never: FORCED,
    for: [],
    todo: []
  },
  {
    id: 'mask',
    says: () => 'a mask of 32 bits, the default until the driver sets another, and RAM above 4 GiB',
    base: 3,
    needs: [],
    never: FORCED,
    for: [],
    todo: [`A driver whose device addresses more must say so: ${SET_MASK}; then nothing need bounce.`]
  },
  {
    id: 'iommu',
    says: () => 'no IOMMU in front of it, or one that is off or passes through',
    base: 2,
    needs: [],
    never: [...FORCED, 'xen'],
    for: [
      ['iommu_off', 3],
      ['passthrough', 2]
    ],
    todo: ['An IOMMU that translates (intel_iommu=on, iommu.passthrough=0) maps any memory below the mask: no bounce.']
  },
  {
    id: 'kmalloc',
    says: () => 'a buffer that shares cache lines with others, on a machine whose devices are not coherent',
    base: 1,
    needs: ['tiny'],
    never: FORCED,
    for: [],
    todo: []
  }
]

export const causes: readonly Cause[] = [...full, ...noPool, ...mapOverflow, ...beyond, ...coherent, ...rest, ...oopses]
