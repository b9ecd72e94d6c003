// The facts in which guest kernels differ, in one table: name, the values there are, what it means. A revision is one
// value for each (revision.ts); the language, completion, flips, `compare` and `tbit revisions` read it. Kernel
// functions ask the record and know no revision by name.

const yesOrNo = 'boolean'
const release = 'release'

export interface DecisionSpec {
  /** The values, the oldest kernel's first. `boolean`: flips as `+ NAME` and `- NAME`. `release`: `major.minor`. */
  readonly values: readonly string[] | typeof yesOrNo | typeof release
  readonly does: string
}

const flagStorages = ['shared_byte', 'own_byte', 'private_word', 'atomic'] as const

/**
 * In the order in which a request meets them: what the kernel is, its TSM, predicates, addresses, streaming, pools,
 * allocations, boot.
 */
export const decisionTable = {
  base: {
    values: release,
    does: 'the mainline release it is or builds on: rules of pool sizing, log messages, trace events'
  },
  realmGuest: { values: yesOrNo, does: 'runs as a guest in an Arm CCA realm' },
  needsTsm: {
    values: yesOrNo,
    does: 'a series about a TSM: without meaning on a platform with memory encryption and no TSM'
  },

  accept: {
    values: ['none', 'rfc-v1', 'rfc-v1-05', 'tio-v2'],
    does: 'the TSM core of the guest, and with it whether a device can be accepted at all'
  },
  acceptedAtInit: {
    values: yesOrNo,
    does:
      'device initialisation sets the accepted flag, but for devices that can be accepted; else it clears it for ' +
      'all'
  },
  acceptedTest: {
    values: ['flag', 'never'],
    does:
      'device_cc_accepted() answers: as the flag is; never, because its test of a one-bit field is always false, ' +
      'as TEE I/O infrastructure v2 was posted (`tio-v2` is that series as meant)'
  },
  acceptEvidence: {
    values: ['not_looked_at', 'same_lock'],
    does: 'accept, given evidence: takes whatever is locked by then; refuses evidence of another lock'
  },
  dmaEnable: {
    values: ['with_run', 'own_step'],
    does: 'requests at T=1 are let through: by accept itself; by a step of its own after RUN, tsm_dma_enable()'
  },
  trust: {
    values: ['absent', 'decides', 'independent'],
    does:
      'a trust level of the device apart from T=1: there is none; only DEVICE_TRUST_TCB has access to private ' +
      'memory; it says who may bind, and nothing of memory'
  },
  'flagStorage.arm64': { values: flagStorages, does: 'where the accepted flag is kept on arm64' },
  'flagStorage.x86': {
    values: flagStorages,
    does: 'where the accepted flag is kept on x86: as a bitfield member it shares its byte'
  },
  'flagStorage.s390': { values: flagStorages, does: 'where the accepted flag is kept on s390' },
  atomicDevFlags: { values: yesOrNo, does: "struct device's bits are an atomic bitmap: no lost updates" },

  acceptedClearsForce: {
    values: ['no', 'arm64', 'yes'],
    does:
      'force_dma_unencrypted() is false for an accepted device (with `trust=decides`: for one of trust TCB): ' +
      'nowhere, on arm64, on every platform with T=1'
  },
  pkvmForces: {
    values: yesOrNo,
    does:
      'pKVM guests say what they are: force_dma_unencrypted() is true and cc_platform_has() reports memory ' +
      'encryption'
  },
  s390Reports: { values: yesOrNo, does: 's390 protected guests report memory encryption in cc_platform_has()' },
  forceBounce: {
    values: ['guest', 'unless_accepted', 'unaccepted', 'cmdline'],
    does:
      'is_swiotlb_force_bounce() for the default pool: SWIOTLB_FORCE by the platform; the same but never for an ' +
      'accepted device; SWIOTLB_UNACCEPTED; the command line only'
  },

  tdxSharedBit: { values: yesOrNo, does: 'phys_to_dma_unencrypted() sets the shared bit on TDX' },
  snpPrivateHandle: {
    values: ['cbit', 'cbit_unless_accepted', 'plain'],
    does: 'private handles on SNP: with the C-bit; without it once accepted; never with it'
  },
  vtomOffset: {
    values: yesOrNo,
    does: "SNP, with `vtom` in force: the shared form of an accepted device's address is above the vTOM, by that offset"
  },
  canonicalPhys: {
    values: ['no', 'stripped', 'plain'],
    does:
      "what a shared page's phys_addr_t is: the address of its page, and phys_to_dma_unencrypted() adds the alias; " +
      'or (as proposed) pools and conversions hand out the shared alias and phys_to_dma() adds nothing, with ' +
      'look-ups of pages that take the alias off, or that do not'
  },
  clearBitsAfterRangeMap: {
    values: yesOrNo,
    does: 'dma_to_phys() clears the encryption bit only after the range map was asked'
  },

  'attributes.CC_SHARED': { values: yesOrNo, does: 'map calls know DMA_ATTR_CC_SHARED' },
  'attributes.MMIO': { values: yesOrNo, does: 'map calls know DMA_ATTR_MMIO' },
  'attributes.REQUIRE_COHERENT': { values: yesOrNo, does: 'map calls know DMA_ATTR_REQUIRE_COHERENT' },
  mapPhys: {
    values: ['map_page', 'jiri', 'capable'],
    does:
      'generation of dma_direct_map_*() and its unmap: before CC_SHARED; 7.1; the series, whose dma_capable() sees ' +
      'the attributes'
  },
  capableChecksForce: {
    values: yesOrNo,
    does: 'dma_capable() refuses an address that is not CC_SHARED for a device that reaches only shared memory'
  },
  mmioIsShared: {
    values: ['raw', 'by_attr', 'force', 'host_encrypt'],
    does:
      'when MMIO becomes CC_SHARED: never, and the address stays raw; only when the caller says so; when the ' +
      'device is forced; when the platform is an encrypting host'
  },
  acceptedSkipsPools: {
    values: yesOrNo,
    does:
      'an accepted device uses no bounce pool at all: is_swiotlb_force_bounce(), is_swiotlb_active(), ' +
      'is_swiotlb_for_alloc() and the atomic pools say no'
  },
  maxMappingForced: {
    values: yesOrNo,
    does: 'dma_direct_max_mapping_size() is limited for a device forced to shared memory, too'
  },

  poolMatches: {
    values: ['any', 'attr_or_force', 'device', 'guest_device'],
    does:
      'what a bounce pool must match: nothing; the attribute or the device; the device; the device in guests, ' +
      'shared in hosts'
  },
  poolsMatchRequest: {
    values: yesOrNo,
    does: "atomic and restricted pools serve an allocation only when their state is the request's"
  },

  allocByAttr: {
    values: yesOrNo,
    does:
      'dma_direct_alloc() decides once, at the top, that memory is shared (__DMA_ATTR_ALLOC_CC_SHARED), instead of ' +
      'asking force_dma_unencrypted() at each place'
  },
  allocRefusesShared: {
    values: yesOrNo,
    does: 'dma_alloc_attrs() refuses DMA_ATTR_CC_SHARED: the DMA API decides, not the caller'
  },
  decryptRemapped: { values: yesOrNo, does: 'set_memory_decrypted() is called for remapped memory too' },
  convertRestricted: {
    values: yesOrNo,
    does: "a restricted pool's page, shared already, is converted by the allocator again"
  },
  reencryptOnFree: {
    values: ['force_now', 'at_alloc'],
    does:
      'a free makes private again by what force_dma_unencrypted() says then; at_alloc would remember the ' +
      'allocation, as no kernel does'
  },
  freePagesByPhys: {
    values: yesOrNo,
    does:
      "dma_free_pages() finds an atomic pool's page by its physical address; else by the linear address, under " +
      'which a remapped pool does not have it'
  },
  allocPagesReturnsPage: {
    values: yesOrNo,
    does: 'dma_alloc_pages() from an atomic pool answers a struct page; else the CPU address passed off as one'
  },
  iommuSharedAlloc: {
    values: ['unnoticed', 'refused'],
    does: 'an allocation behind a vIOMMU for a device forced to shared memory: made of private pages, or refused'
  },

  sharedGranule: {
    values: ['ignored', 'whole'],
    does:
      'memory that is made shared: in guest pages; in whole granules of the host: allocations and pools are ' +
      'rounded up, and set_memory_decrypted() and set_memory_encrypted() refuse less'
  },
  tdxPageRelease: {
    values: yesOrNo,
    does: 'a TDX guest releases private pages before it asks the host to share them (TDG.MEM.PAGE.RELEASE)'
  },
  bootConverts: {
    values: ['platform', 'reported'],
    does:
      "pools that boot makes shared: the default pool where the architecture's boot code asks for it and every " +
      'restricted pool; or all, where memory encryption is reported'
  },
  dynamicPools: {
    values: ['device', 'pool'],
    does:
      'CONFIG_SWIOTLB_DYNAMIC: memory of a new pool is made shared always, and comes from an atomic pool where the ' +
      'device is forced and the caller cannot block; or both as io_tlb_mem is shared'
  },
  dynamicFree: {
    values: ['linear', 'kept'],
    does:
      'a dynamic pool that came from an atomic pool goes back to it: found by its linear address, under which a ' +
      'remapped atomic pool does not have it; by the address that the allocation gave'
  },
  dynamicRelease: {
    values: ['rcu_callback', 'process'],
    does: 'a dynamic pool is released: in an RCU callback, where one cannot sleep; in process context'
  },
  decryptFailure: {
    values: ['ignore', 'unusable'],
    does: 'a pool that boot could not make shared: used as if it were; all its slots marked used'
  },
  atomicPoolAlias: {
    values: ['shared', 'by_pool'],
    does: 'the mapping that a remapped atomic pool has: decrypted always; as the pool is'
  },
  atomicPoolFailure: {
    values: ['freed', 'leaked'],
    does:
      'pages that an atomic pool could not make shared: back to the page allocator in whatever state they are, ' +
      'under CONFIG_DMA_DIRECT_REMAP (without it they are leaked); leaked'
  },
  atomicPoolLookup: {
    values: ['own_zone', 'nearest'],
    does:
      'an atomic pool that boot could not make: its zone is served by none, and without the pool for any memory a ' +
      'page of the others is not found when it is freed; the next one stands in, and none is made for an empty zone'
  },
  atomicPoolsShared: {
    values: ['always', 'reported'],
    does: 'atomic pools of a guest are shared: always; where memory encryption is reported'
  }
} as const satisfies Readonly<Record<string, DecisionSpec>>

/** The name of a fact in which kernels differ. */
export type Decision = keyof typeof decisionTable

type ValueOf<S extends DecisionSpec> = S['values'] extends typeof yesOrNo
  ? boolean
  : S['values'] extends readonly (infer V)[]
    ? V
    : string

/** One value for each decision. */
export type Decisions = { readonly [D in Decision]: ValueOf<(typeof decisionTable)[D]> }

/** Decisions that are yes or no: those that `+` and `-` flip. */
export type BooleanDecision = { [D in Decision]: Decisions[D] extends boolean ? D : never }[Decision]

export const decisionNames = Object.keys(decisionTable) as readonly Decision[]

/** A decision's value in words. */
export const decisionText = (value: Decisions[Decision]): string =>
  typeof value === 'boolean' ? (value ? 'yes' : 'no') : value
