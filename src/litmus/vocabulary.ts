// The words of the litmus language, in one table: the parser, the checker, the printer, content assist and the
// reference manual all read it. The meaning of each word is in docs/litmus-language.md, whose tables are written from
// here. Kernels and platforms come from their records, one file each.
import { revisions } from '../kernel/revisions/index.ts'
import { trustLevels } from '../kernel/trust.ts'
import { platforms as allPlatforms, teeRangeNames, TSM_STEPS } from '../machine/index.ts'
import { properties as judged, type Property, type PropertyName } from '../properties/index.ts'
import { HANDLE, MEMORY, operations, type OpWord, type ValueKind, type Word } from './operations.ts'

// ---- platforms and kernels, in the order of the design -----------------------------------------------------------

export interface PlatformWord extends Word {
  /**
   * A device can be accepted: requests with T=1 exist. Where false, `accepted` is ignored and tsm_* answer EOPNOTSUPP.
   */
  readonly t1: boolean
  readonly arch: 'arm' | 'x86' | 's390' | 'any'
}

/** In the order of the documents. */
export const platforms: readonly PlatformWord[] = allPlatforms.map((p) => ({
  name: p.name,
  t1: p.tdisp,
  arch: p.arch,
  does: p.does
}))
export type PlatformName = string

export interface KernelWord extends Word {
  /**
   * The revision has an accept operation; where false (`linux-*`), `accepted` is ignored and tsm_* answer EOPNOTSUPP.
   */
  readonly accept: boolean
}

/** In the order of the documents. A revision is also named with flips: kernel/revisions/resolve.ts. */
export const kernels: readonly KernelWord[] = revisions.map((r) => ({
  name: r.name,
  accept: r.accept !== 'none',
  does: r.does
}))
export type KernelName = string

// ---- properties: a file each in src/properties --------------------------------------------------------------------

export type PropertyWord = Word & Pick<Property, 'name' | 'byDefault' | 'always'>

export const properties: readonly PropertyWord[] = judged
export type { PropertyName }

// ---- config ------------------------------------------------------------------------------------------------------

/**
 * What a key takes. `size`: bytes. `number`: a plain number. `words`: one of `values`. `sizes`: one of `values`, as a
 * size.
 * `slots`: SLOTS[,AREAS]. `string`: quoted. `limit`: `max` or an address.
 * `list`: one or more of `values`.
 */
export type ConfigKind = 'size' | 'number' | 'words' | 'sizes' | 'slots' | 'string' | 'limit' | 'list'

export interface ConfigWord extends Word {
  readonly kind: ConfigKind
  /** For `words`, `list` and `sizes`: the values, default first. */
  readonly values?: readonly string[]
  /** The default as one would write it; null when it depends on the test, the platform or the revision. */
  readonly default: string | null
  /** How a default that is null comes about. */
  readonly defaultIs?: string
  readonly min?: number
  readonly max?: number
}

export const configKeys = [
  {
    name: 'ram',
    kind: 'size',
    default: '16M',
    min: 1,
    max: 4 * 1024 ** 3,
    does: 'guest memory; a second bank of the same size lies at 4G'
  },
  {
    name: 'guest_page',
    kind: 'sizes',
    values: ['4K', '16K', '64K'],
    default: '4K',
    does: 'the page of the guest kernel, on arm64; x86 and s390 have 4K'
  },
  {
    name: 'host_granule',
    kind: 'sizes',
    values: ['4K', '16K', '64K'],
    default: '4K',
    does: 'the unit in which the host shares and takes back memory'
  },
  {
    name: 'ipa_bits',
    kind: 'number',
    default: '40',
    min: 16,
    max: 52,
    does: 'width of the guest physical space; on Arm CCA the top bit is the shared alias'
  },
  {
    name: 'swiotlb',
    kind: 'slots',
    default: '512,1',
    does: 'SLOTS of 2 KiB [, AREAS] of the default bounce pool; 0 is no pool'
  },
  { name: 'cmdline', kind: 'string', default: '""', does: 'the kernel command line, for instance "swiotlb=force"' },
  {
    name: 'cpus',
    kind: 'number',
    default: null,
    defaultIs: 'the highest `cpu N` + 1',
    min: 1,
    max: 64,
    does: 'possible CPUs'
  },
  {
    name: 'swiotlb_dynamic',
    kind: 'words',
    values: ['off', 'on'],
    default: 'off',
    does: 'CONFIG_SWIOTLB_DYNAMIC: the default pool grows, and a mapping that finds it full gets a pool of its own'
  },
  {
    name: 'cma',
    kind: 'size',
    default: '0',
    min: 0,
    max: 1024 ** 3,
    does:
      'CONFIG_DMA_CMA: SIZE of the default area, from which blocking allocations of more than a page and atomic ' +
      'pools come; 0 is none'
  },
  {
    name: 'zones',
    kind: 'words',
    values: ['off', 'on'],
    default: 'off',
    does:
      'off: DMA memory comes from the low bank; on: from the highest zone that the coherent mask names, then from ' +
      'lower ones, as alloc_pages() and the retry of __dma_direct_alloc_pages() go'
  },
  {
    name: 'remap',
    kind: 'words',
    values: ['yes', 'no'],
    default: null,
    defaultIs: 'yes on arm-cca, pkvm and none, whose devices may be non-coherent; else no',
    does: 'CONFIG_DMA_DIRECT_REMAP: atomic pools and non-coherent memory have a mapping of their own'
  },
  {
    name: 'conversions',
    kind: 'words',
    values: ['succeed', 'may_fail'],
    default: 'succeed',
    does: 'may_fail: each set_memory_* may fail, those at boot included'
  },
  {
    name: 'tsm_fails',
    kind: 'list',
    values: ['none', ...TSM_STEPS],
    default: 'none',
    does: 'steps of accept and unlock that may fail; each step of the TSM driver is then one of its own'
  },
  {
    name: 'memory_encrypt_reported',
    kind: 'words',
    values: ['yes', 'no'],
    default: null,
    defaultIs:
      'yes on arm-cca, amd-sev-snp, amd-sme-host and intel-tdx; on s390-pv as the decision `s390Reports` and on ' +
      'pkvm as `pkvmForces` has it; else no',
    does: 'what cc_platform_has answers for memory encryption'
  },
  {
    name: 'flag_storage',
    kind: 'words',
    values: ['shared_byte', 'own_byte', 'private_word', 'atomic'],
    default: null,
    defaultIs: 'as the decision `flagStorage` for the architecture has it',
    does:
      'where the accepted flag is kept: a byte with its neighbours, a byte of its own, a private word under the ' +
      'device lock, or an atomic bit'
  },
  {
    name: 'private_pool',
    kind: 'number',
    default: '0',
    min: 0,
    does: 'SLOTS of a bounce pool for accepted devices, a what-if that no revision has'
  },
  {
    name: 'host_stage2',
    kind: 'words',
    values: ['shared_only', 'static_1g_plain', 'static_1g_shared', 'static_1g'],
    default: 'shared_only',
    does:
      'what the IOMMU maps for T=0: shared pages only, or everything in 1G blocks with the GPT protecting, at the ' +
      'plain alias, the shared alias or both'
  },
  {
    name: 'host_mirror',
    kind: 'words',
    values: ['exact', 'may_fail', 'partial'],
    default: 'exact',
    does:
      "the VMM's IOMMU tables for T=0 after a conversion at run time that it answers with success: as converted; " +
      'or the map or unmap may fail, or stop half-way'
  },
  {
    name: 'tdx_page_release',
    kind: 'words',
    values: ['off', 'optional', 'enforced'],
    default: 'off',
    does:
      'TDX Connect: the guest may, or must, release a private page before the host can take it ' +
      '(TDG.MEM.PAGE.RELEASE)'
  },
  {
    name: 'xt',
    kind: 'words',
    values: ['off', 'on'],
    default: 'off',
    does: 'XT-enabled requests: the target of a request is checked too'
  },
  { name: 'vtom', kind: 'limit', default: 'max', min: 1, does: 'AMD: addresses below are private, at or above shared' },
  {
    name: 'misaligned_share',
    kind: 'words',
    values: ['whole_granule', 'refuse'],
    default: 'whole_granule',
    does: 'the host, asked to share less than its granule: takes all of it, or refuses'
  },
  { name: 'cache_line', kind: 'number', default: '64', min: 8, max: 4096, does: 'bytes of a cache line' },
  {
    name: 'locked_dma',
    kind: 'words',
    values: ['block', 't0'],
    default: 'block',
    does: 'requests of a locked TDI: none, or T=0'
  },
  { name: 'unlocked_stop', kind: 'words', values: ['ok', 'error'], default: 'ok', does: 'STOP of an unlocked TDI' },
  {
    name: 'bme_zero_over_zero',
    kind: 'words',
    values: ['ok', 'error'],
    default: 'ok',
    does: 'bus mastering written 0 while it is 0, in RUN'
  },
  {
    name: 'tdx_trusted_shared_dma',
    kind: 'words',
    values: ['walk', 'fault'],
    default: 'walk',
    does: 'TDX: a T=1 request to the shared alias'
  },
  {
    name: 'tdx_host_read',
    kind: 'words',
    values: ['ones', 'poison'],
    default: 'ones',
    does: 'TDX: what the host reads from private memory'
  },
  {
    name: 'tdx_p2p',
    kind: 'words',
    values: ['fault', 'ok'],
    default: 'fault',
    does: 'TDX: peer-to-peer between accepted devices'
  },
  {
    name: 'snp_p2p',
    kind: 'words',
    values: ['fault', 'ok'],
    default: 'fault',
    does: 'SNP: peer-to-peer between accepted devices'
  },
  {
    name: 'snp_cbit_in_iova',
    kind: 'words',
    values: ['fault', 'stripped'],
    default: 'fault',
    does: 'SNP: a DMA address that carries the C-bit'
  }
] as const satisfies readonly ConfigWord[]
export type ConfigKey = (typeof configKeys)[number]['name']

// ---- device and mmio ---------------------------------------------------------------------------------------------

/**
 * `flag`: present or not. `bits`: 1 to 64. `address`, `mask` (2^n - 1), `slots`, `number`: numbers. `windows`: an
 * offset, or windows in brackets.
 */
export type DeviceKind = 'flag' | 'bits' | 'address' | 'mask' | 'slots' | 'number' | 'windows' | 'size'

export interface DeviceWord extends Word {
  readonly kind: DeviceKind
  /** The default as one would write it; null: absent. */
  readonly default: string | null
}

export const deviceKeys = [
  { name: 'tdisp', kind: 'flag', default: null, does: 'can be accepted; without it the device is T=0 for ever' },
  { name: 'accepted', kind: 'flag', default: null, does: 'starts accepted (T=1); implies tdisp' },
  { name: 'dma_mask', kind: 'bits', default: '64', does: 'BITS that streaming mappings may use' },
  { name: 'coherent_mask', kind: 'bits', default: '64', does: 'BITS that coherent memory may use' },
  { name: 'bus_limit', kind: 'address', default: null, does: 'the last address that the bus can carry' },
  { name: 'noncoherent', kind: 'flag', default: null, does: 'does not snoop the CPU caches' },
  { name: 'min_align_mask', kind: 'mask', default: '0', does: 'address bits that a bounce must preserve' },
  {
    name: 'boundary_mask',
    kind: 'mask',
    default: '0xffffffff',
    does: 'a segment may not cross this boundary; the default is that of the PCI core'
  },
  {
    name: 'restricted_pool',
    kind: 'slots',
    default: null,
    does: 'SLOTS of a bounce pool of its own (restricted-dma-pool)'
  },
  {
    name: 'region',
    kind: 'number',
    default: null,
    does: 'with restricted_pool: devices of one NUMBER share one pool, that of the first of them'
  },
  {
    name: 'cma',
    kind: 'size',
    default: null,
    does: 'SIZE of a CMA area of its own (dev->cma_area), for allocations of every size that may block'
  },
  { name: 'iommu', kind: 'flag', default: null, does: 'behind a vIOMMU: DMA goes through dma-iommu' },
  {
    name: 'untrusted',
    kind: 'flag',
    default: null,
    does: 'on an external port (dev_is_untrusted): with iommu a mapping that does not fill its pages bounces'
  },
  { name: 'driver', kind: 'flag', default: null, does: 'a driver is bound at start' },
  {
    name: 'private_only',
    kind: 'flag',
    default: null,
    does: 'a passthrough device that reaches private memory alone, as on pKVM'
  },
  {
    name: 'switch',
    kind: 'number',
    default: null,
    does:
      'below PCIe switch NUMBER, which redirects nothing (ACS): a request to a BAR of another device below it does ' +
      'not go up to the IOMMU, and dma_map_sg gives the BAR its bus address'
  },
  {
    name: 'vf',
    kind: 'number',
    default: null,
    does:
      "virtual function NUMBER of the nearest device above that is none: its session and its reset are that one's; " +
      'the RFC has no tsm attributes for it'
  },
  {
    name: 'range_map',
    kind: 'windows',
    default: null,
    does:
      'dev->dma_range_map: an OFFSET between CPU and bus addresses, so that what lies at A is at A + OFFSET on the ' +
      'bus; or windows, each `[CPU, BUS, SIZE]`, the first that has an address counts, and what lies in none has ' +
      'no bus address'
  }
] as const satisfies readonly DeviceWord[]
export type DeviceKey = (typeof deviceKeys)[number]['name']

export const mmioKeys = [
  { name: 'of', does: 'the device whose BAR this is' },
  { name: 'private', does: 'a TEE range: reachable only while its device is in RUN' },
  { name: 'shared', does: 'a NON_TEE range: mapped by the host at the shared alias only' }
] as const satisfies readonly Word[]

// ---- operations: their words and what each does are in operations.ts ----------------------------------------------

export * from './operations.ts'

export const directions = [
  { name: 'TO_DEVICE', does: 'the device reads' },
  { name: 'FROM_DEVICE', does: 'the device writes' },
  { name: 'BIDIRECTIONAL', does: 'both' }
] as const satisfies readonly Word[]
export type Direction = (typeof directions)[number]['name']

export const attributes = [
  { name: 'CC_SHARED', does: 'the memory is shared already (DMA_ATTR_CC_SHARED)' },
  { name: 'MMIO', does: 'the target is device memory (DMA_ATTR_MMIO)' },
  { name: 'SKIP_CPU_SYNC', does: 'no cache or bounce synchronisation (DMA_ATTR_SKIP_CPU_SYNC)' },
  { name: 'REQUIRE_COHERENT', does: 'fail rather than bounce (DMA_ATTR_REQUIRE_COHERENT)' },
  { name: 'NO_KERNEL_MAPPING', does: 'the kernel needs no address of its own (DMA_ATTR_NO_KERNEL_MAPPING)' },
  { name: 'NO_WARN', does: 'no message on failure (DMA_ATTR_NO_WARN)' }
] as const satisfies readonly Word[]
export type Attribute = (typeof attributes)[number]['name']

/** Options that are no DMA attribute. */
export const flags = [
  { name: 'ATOMIC', does: 'the allocation cannot block' },
  { name: 'high', does: 'above 4G' },
  { name: 'DECRYPTED', does: 'pgprot_decrypted(): through the shared alias' }
] as const satisfies readonly Word[]

/** Levels of trust, of either design. */
export const trustWords: readonly string[] = [...new Set(Object.values(trustLevels).flat())]

// ---- expressions -------------------------------------------------------------------------------------------------

export interface FieldWord extends Word {
  readonly of: 'variable' | 'device'
  /** For a variable: what it may hold. */
  readonly accepts?: readonly ValueKind[]
  /** The words it can be; absent: 0 or 1. */
  readonly words?: readonly string[]
}

export const fields = [
  {
    name: 'shared',
    of: 'variable',
    accepts: [...MEMORY, 'mapping', 'sg', 'resource', 'usermap', 'vmap'],
    does: '1 when the memory is shared with the host'
  },
  {
    name: 'alias',
    of: 'variable',
    accepts: [...MEMORY, 'mapping', 'sg', 'resource', 'usermap', 'vmap'],
    words: ['private', 'shared'],
    does: 'the alias of the address'
  },
  { name: 'bounced', of: 'variable', accepts: HANDLE, does: '1 when the mapping lies in a bounce pool' },
  { name: 'accepted', of: 'device', does: '1 when the kernel believes the device accepted' },
  { name: 'tdi', of: 'device', words: ['unlocked', 'locked', 'run', 'error'], does: 'the state of the TDI' },
  {
    name: 'ranges',
    of: 'device',
    words: teeRangeNames,
    does:
      "the device's TEE ranges, as the guest's TSM driver has them: mapped from RUN on, or with `tsm_fails` by " +
      'their step; duplicated: a second accept mapped them again'
  },
  {
    name: 'trust',
    of: 'device',
    words: ['unset', ...trustWords],
    does: 'the level of trust, `unset` where the revision has none'
  },
  { name: 'tsm', of: 'device', words: ['none', 'connected', 'locked', 'accepted'], does: "the TSM core's belief" }
] as const satisfies readonly FieldWord[]
export type FieldName = (typeof fields)[number]['name']

/** What a function of an expression is asked of. */
export interface FunctionWord extends Word {
  readonly takes: 'x' | 'dev' | 'dev, x'
}

export const functions = [
  { name: 'ok', takes: 'x', does: '1 when x was set by a call that did not fail, else 0' },
  { name: 'content', takes: 'x', does: 'what the memory under x holds: a label, or `mixed` over unlike cells' },
  { name: 'errno', takes: 'x', does: 'the errno of the call that gave x, 0 when it did not fail' },
  { name: 'dma_mapping_error', takes: 'dev, x', does: "0, or ENOMEM when the mapping failed: the kernel's way to ask" },
  { name: 'device_cc_accepted', takes: 'dev', does: 'the same as dev.accepted' }
] as const satisfies readonly FunctionWord[]
export type FunctionName = (typeof functions)[number]['name']

/** What `content(x)` takes. */
export const contentAccepts: readonly ValueKind[] = [...MEMORY, 'mapping', 'sg', 'resource', 'usermap', 'vmap']

/** The content of a fresh page; `0` in a comparison means the same. It may be filled, like a label. */
export const ZERO = 'zero'

/** Words that a read can yield beside the labels of the test. Apart from `zero` they cannot be labels. */
export const contentWords = [
  { name: ZERO, does: 'nothing was written since the page was fresh; `0` means the same' },
  { name: 'ones', does: 'all ones: a read that the platform answered so' },
  { name: 'cipher', does: 'ciphertext' },
  { name: 'mixed', does: 'unlike cells' },
  { name: 'lost', does: 'content that a conversion destroyed' }
] as const satisfies readonly Word[]

/** The label of guest-private data. */
export const SECRET = 'secret'

export const errnos = [
  'EPERM',
  'ENOENT',
  'EINTR',
  'EIO',
  'ENXIO',
  'EAGAIN',
  'ENOMEM',
  'EACCES',
  'EFAULT',
  'EBUSY',
  'EEXIST',
  'ENODEV',
  'EINVAL',
  'ENOSPC',
  'ERANGE',
  'EPROTO',
  'EMSGSIZE',
  'EOPNOTSUPP',
  'ETIMEDOUT',
  'EREMOTEIO'
] as const

/**
 * Errnos of the kernel (include/uapi/asm-generic/errno-base.h, errno.h) that no operation yields; a test may compare
 * with them.
 */
export const otherErrnos: ReadonlySet<string> = new Set([
  'ESRCH',
  'E2BIG',
  'ENOEXEC',
  'EBADF',
  'ECHILD',
  'EWOULDBLOCK',
  'ENOTBLK',
  'EXDEV',
  'ENOTDIR',
  'EISDIR',
  'ENFILE',
  'EMFILE',
  'ENOTTY',
  'ETXTBSY',
  'EFBIG',
  'ESPIPE',
  'EROFS',
  'EMLINK',
  'EPIPE',
  'EDOM',
  'EDEADLK',
  'ENAMETOOLONG',
  'ENOLCK',
  'ENOSYS',
  'ENOTEMPTY',
  'ENODATA',
  'ETIME',
  'ENOLINK',
  'ECOMM',
  'EBADMSG',
  'EOVERFLOW',
  'EILSEQ',
  'ENOTSUPP',
  'EALREADY',
  'EINPROGRESS',
  'ESTALE',
  'ECANCELED',
  'EKEYREJECTED',
  'EKEYEXPIRED',
  'ENOKEY',
  'EHWPOISON',
  'ECONNRESET',
  'ENOBUFS',
  'EPROTONOSUPPORT',
  'EADDRINUSE',
  'ENOTCONN',
  'ESHUTDOWN',
  'EUCLEAN'
])

// ---- structure ---------------------------------------------------------------------------------------------------

export const parts = [
  { name: 'litmus', does: 'litmus NAME "text": required, first' },
  { name: 'source', does: 'source "...": where the case was argued' },
  { name: 'platform', does: 'platform P, ... : what the test is about' },
  { name: 'kernel', does: 'kernel K, ... : what the test is about; kernel NAME = K + FIELD names a revision' },
  { name: 'forbid', does: 'forbid PROP, ... : the properties that count' },
  { name: 'config', does: 'config { key value ... }' },
  { name: 'device', does: 'device NAME { key [value] ... }: a PCI function' },
  { name: 'mmio', does: 'mmio NAME { of DEVICE, private or shared }: a BAR range' },
  { name: 'init', does: 'init { ... }: run once, alone, before the threads' },
  { name: 'thread', does: 'thread NAME [cpu N] { ... }' },
  { name: 'exists', does: 'exists (EXPR): some final state must have it' },
  { name: 'never', does: 'never (EXPR): no final state may have it' },
  { name: 'expect', does: 'expect KERNELS [on PLATFORMS] : ok, vacuous, PROP, ... or as KERNEL' }
] as const satisfies readonly Word[]
export type PartName = (typeof parts)[number]['name']

export const keywords = [
  { name: 'if', does: 'if (EXPR) { } else { }' },
  { name: 'else', does: 'the other branch of an if' },
  { name: 'choose', does: 'choose { } or { }: either may happen' },
  { name: 'or', does: 'a further branch of a choose' },
  { name: 'repeat', does: 'repeat N { }' },
  { name: 'wait', does: 'wait (EXPR): blocks until true' },
  { name: 'assert', does: 'assert (EXPR)' },
  { name: 'try', does: 'try CALL: a fault gives ERR and is no finding' }
] as const satisfies readonly Word[]

// ---- look-up -----------------------------------------------------------------------------------------------------

const byName = <W extends { readonly name: string }>(table: readonly W[]): ReadonlyMap<string, W> =>
  new Map(table.map((w) => [w.name, w]))

export const platformNames: readonly string[] = platforms.map((p) => p.name)
export const kernelNames: readonly string[] = kernels.map((k) => k.name)
export const propertyByName: ReadonlyMap<string, PropertyWord> = byName(properties)
export const configByName: ReadonlyMap<string, ConfigWord> = byName<ConfigWord>(configKeys)
export const deviceKeyByName: ReadonlyMap<string, DeviceWord> = byName<DeviceWord>(deviceKeys)
export const operationByName: ReadonlyMap<string, OpWord> = byName<OpWord>(operations)
export const fieldByName: ReadonlyMap<string, FieldWord> = byName<FieldWord>(fields)
export const directionNames: ReadonlySet<string> = new Set(directions.map((d) => d.name))
export const attributeNames: ReadonlySet<string> = new Set(attributes.map((a) => a.name))
export const errnoNames: ReadonlySet<string> = new Set(errnos)
export const functionNames: ReadonlySet<string> = new Set(functions.map((f) => f.name))
export const partNames: ReadonlySet<string> = new Set(parts.map((p) => p.name))
export const keywordNames: ReadonlySet<string> = new Set(keywords.map((k) => k.name))
export const contentWordNames: ReadonlySet<string> = new Set(contentWords.map((w) => w.name))

/** Words that an expression may compare with, apart from the labels of the test. */
export const valueWords: ReadonlySet<string> = new Set([
  ...fields.flatMap((f): readonly string[] => ('words' in f ? f.words : [])),
  ...contentWordNames,
  SECRET,
  ...errnos
])

/** What a variable is better not called; only keywords it cannot be. */
export const reservedNames: ReadonlySet<string> = new Set([
  ...partNames,
  ...keywordNames,
  ...functionNames,
  ...operationByName.keys(),
  ...directionNames,
  ...attributeNames,
  ...flags.map((f) => f.name),
  ...valueWords,
  'ERR',
  'cpu',
  'on'
])

/** An operation as the manual writes it: `h = dma_map_single(dev, x, DIR [, ATTR...])`. */
export function signature(op: OpWord): string {
  const options = op.options.some((o) => directionNames.has(o)) ? ['DIR'] : []
  for (const o of op.options) if (!attributeNames.has(o) && !directionNames.has(o)) options.push(o)
  const optional = [
    ...op.params.filter((p) => p.optional === true).map((p) => ` [, ${p.name}]`),
    ...options.map((o) => (op.params.length > 0 ? ` [, ${o}]` : `[${o}]`))
  ]
  if (op.options.some((o) => attributeNames.has(o))) optional.push(' [, ATTR...]')
  const target: Partial<Record<ValueKind, string>> = {
    page: 'p',
    buffer: 'b',
    coherent: 'b',
    pages: 'b',
    mapping: 'h',
    sg: 'h',
    resource: 'h',
    usermap: 'm',
    vmap: 'm',
    value: 'v',
    evidence: 'e'
  }
  const t = op.result === null ? undefined : target[op.result]
  return `${t === undefined ? '' : `${t} = `}${op.name}(${op.params
    .filter((p) => p.optional !== true)
    .map((p) => p.name)
    .join(', ')}${optional.join('')})`
}
