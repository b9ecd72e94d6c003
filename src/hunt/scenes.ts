// The scenes that are hunted: many small ones. Each is a plain one with an ingredient more; then pairs of ingredients,
// several to a scene, by a covering array. What cannot exist on a platform or with a revision is left out, which their
// records say; and what only a host does that does not keep its word (host_mirror, stage 2 cut), since a fault that
// needs it is no finding.
import { accepts, connectIsLock, revisionByName, type Revision, trustLevels, tsmDriver } from '../kernel/index.ts'
import { type Platform, platformByName } from '../machine/index.ts'
import type { OpName } from '../litmus/operations.ts'

/**
 * How much a client is trusted: a driver that does all within bind and unbind; memory that outlives its driver; calls
 * without any driver.
 */
export const LEVELS = ['strict', 'outlive', 'driverless'] as const
export type Level = (typeof LEVELS)[number]

/** One block of a test's head: `config`, `device NAME` or `mmio NAME`, and what stands between its braces. */
export interface Block {
  readonly word: string
  readonly entries: readonly string[]
}

export interface Scene {
  readonly name: string
  /** Ingredients. */
  readonly with: readonly string[]
  /** config, devices and BARs. */
  readonly head: readonly Block[]
  readonly level: Level
  /**
   * Places for objects by letter: p pages, k kmalloc buffers, h mappings, s scatter-gather mappings, b coherent
   * buffers, g pages for DMA, r BAR ranges, u user mappings, v mappings of their own.
   */
  readonly slots: Readonly<Record<string, number>>
  readonly directions: readonly string[]
  readonly masks: readonly number[]
  /** Pages above 4G; conversions by the client; allocations that cannot block; without a kernel mapping. */
  readonly high: boolean
  readonly explicit: boolean
  readonly atomic: boolean
  readonly cookie: boolean
  /** Mappings that must not bounce; coherent memory that the driver asks to be shared. */
  readonly requires: boolean
  readonly asks: boolean
  /** Levels of trust that an administrator gives. */
  readonly levels: readonly string[]
  /** Whether the client makes such a call here, and about such an object. */
  readonly hunts: (op: OpName) => boolean
  readonly about: (op: OpName, kind: string) => boolean
}

/** A scene in the making. */
interface Draft {
  config: string[]
  device: string[]
  others: Block[]
  /** Devices that stand before. */
  first: Block[]
  level: Level
  slots: Record<string, number>
  directions: string[]
  masks: number[]
  high: boolean
  explicit: boolean
  atomic: boolean
  cookie: boolean
  admin: boolean
  host: boolean
  syncs: boolean
  pci: boolean
  requires: boolean
  asks: boolean
}

/** The slots of the default pool: so few that each is soon used again. */
const POOL = 'swiotlb 4'
const pool = (d: Draft, entry: string): void => {
  d.config = d.config.map((e) => (e === POOL ? entry : e))
}

interface Ingredient {
  readonly name: string
  readonly words: string
  /** Ingredients of one group exclude each other. */
  readonly group: string
  readonly exists?: (p: Platform, rev: Revision) => boolean
  readonly add: (d: Draft, p: Platform, rev: Revision) => void
  /** Enlarges the state: alone, never in a pair. */
  readonly alone?: true
  /** Seldom met: in a pair with memory that outlives its driver, and no other. */
  readonly seldom?: true
}

const OUTLIVE = 'outlive'
/** Whether two ingredients are worth a scene together. */
const together = (a: Ingredient, b: Ingredient): boolean =>
  (a.seldom !== true || b.name === OUTLIVE) && (b.seldom !== true || a.name === OUTLIVE)

const block = (word: string, ...entries: string[]): Block => ({ word, entries })

const stream = (d: Draft): boolean => (d.slots.h ?? 0) > 0

/** What a scene is about. */
const subjects: ReadonlyArray<Ingredient> = [
  {
    name: 'stream',
    words: 'a page and a streaming mapping of it',
    group: 'subject',
    add: (d) => {
      Object.assign(d.slots, { p: 1, h: 1 })
    }
  },
  {
    name: 'kmalloc',
    words: 'a small kmalloc buffer and a streaming mapping of it',
    group: 'subject',
    add: (d) => {
      Object.assign(d.slots, { k: 1, h: 1 })
    }
  },
  {
    name: 'coherent',
    words: 'a coherent buffer',
    group: 'subject',
    add: (d) => {
      Object.assign(d.slots, { b: 1 })
    }
  },
  {
    name: 'pages',
    words: 'pages for DMA',
    group: 'subject',
    add: (d) => {
      Object.assign(d.slots, { g: 1 })
    }
  },
  {
    name: 'mmio-shared',
    words: "a BAR range that is not the TEE's, mapped by a peer",
    group: 'subject',
    add: (d) => {
      d.slots.r = 1
      d.others.push(block('device gpu'), block('mmio bar', 'of gpu', 'shared'))
    }
  },
  {
    name: 'mmio-private',
    words: 'a BAR range of the TEE, mapped by a peer',
    group: 'subject',
    exists: (p, rev) => accepts(rev, p),
    add: (d) => {
      d.slots.r = 1
      d.others.push(block('device gpu', 'accepted'), block('mmio bar', 'of gpu', 'private'))
    }
  }
]

/** Whom the device belongs to. */
const trusts: ReadonlyArray<Ingredient> = [
  { name: 't0', words: 'a device that nobody accepts', group: 'trust', add: () => {} },
  {
    name: 't1',
    words: 'a device that is accepted from the start',
    group: 'trust',
    exists: (p, rev) => accepts(rev, p),
    add: (d) => {
      d.device.push('accepted')
    }
  },
  {
    name: 'tdisp',
    words: 'a device that an administrator may lock, accept and unlock',
    group: 'trust',
    exists: (p, rev) => accepts(rev, p),
    add: (d) => {
      d.device.push('tdisp')
      d.admin = true
    }
  }
]

/** What shares a granule with a buffer: a page of the guest. */
const beside = (d: Draft): void => {
  if (!stream(d) && d.slots.r === undefined) d.slots.p = 1
}

const ingredients: ReadonlyArray<Ingredient> = [
  {
    name: 'force',
    words: 'swiotlb=force',
    group: 'bounce',
    add: (d) => {
      d.config.push('cmdline "swiotlb=force"')
    }
  },
  {
    name: 'restricted',
    words: 'a restricted pool',
    group: 'bounce',
    add: (d) => {
      d.device.push('restricted_pool 4')
    }
  },
  {
    name: 'iommu',
    words: 'a vIOMMU',
    group: 'bounce',
    add: (d) => {
      d.device.push('iommu')
    }
  },
  {
    name: 'untrusted',
    words: 'a vIOMMU and a device on an external port',
    group: 'bounce',
    add: (d) => {
      d.device.push('iommu', 'untrusted')
    }
  },
  {
    name: 'noforce',
    words: 'swiotlb=noforce',
    group: 'bounce',
    seldom: true,
    add: (d) => {
      d.config.push('cmdline "swiotlb=noforce"')
    }
  },
  // One page fills the pool; the second mapping of it makes the pool grow.
  {
    name: 'dynamic',
    words: 'a bounce pool that grows, and two mappings',
    group: 'pool',
    add: (d) => {
      pool(d, 'swiotlb 2')
      d.config.push('swiotlb_dynamic on')
      d.slots.h = 2
      d.directions = ['TO_DEVICE']
    }
  },
  {
    name: 'no-pool',
    words: 'no bounce pool',
    group: 'pool',
    add: (d) => {
      pool(d, 'swiotlb 0')
    }
  },
  {
    name: 'region',
    words: 'a restricted pool of two devices',
    group: 'bounce',
    add: (d) => {
      d.device.push('restricted_pool 4', 'region 1')
      d.others.push(block('device disk', 'restricted_pool 4', 'region 1'))
    }
  },
  {
    name: 'no-remap',
    words: 'a kernel without CONFIG_DMA_DIRECT_REMAP',
    group: 'remap',
    exists: (p) => p.noncoherentDevices && p.architecture !== 'arm64',
    add: (d) => {
      d.config.push('remap no')
    }
  },
  {
    name: 'narrow',
    words: 'masks of 32 bits',
    group: 'mask',
    add: (d) => {
      d.device.push('dma_mask 32', 'coherent_mask 32')
      d.high = true
    }
  },
  {
    name: 'bus-limit',
    words: 'a bus that carries 32 bits',
    group: 'mask',
    seldom: true,
    add: (d) => {
      d.device.push('bus_limit 0xffffffff')
      d.high = true
    }
  },
  {
    name: 'range-map',
    words: 'a bus whose addresses have an offset',
    group: 'bus',
    seldom: true,
    add: (d) => {
      d.device.push('range_map 0x10000000')
    }
  },
  {
    name: 'min-align',
    words: 'a device whose bounces keep the low 12 bits of an address',
    group: 'bus',
    seldom: true,
    add: (d) => {
      d.device.push('min_align_mask 0xfff')
    }
  },
  {
    name: 'boundary',
    words: 'a device whose segments do not cross 64K',
    group: 'bus',
    seldom: true,
    add: (d) => {
      d.device.push('boundary_mask 0xffff')
    }
  },
  {
    name: 'odd-boundary',
    words: 'a restricted pool, and segments whose boundary is no power of two',
    group: 'bounce',
    seldom: true,
    add: (d) => {
      d.device.push('restricted_pool 4', 'boundary_mask 0x17ffff')
    }
  },
  {
    name: 'cma',
    words: 'a CMA area of the device',
    group: 'cma',
    seldom: true,
    add: (d) => {
      d.device.push('cma 16K')
    }
  },
  {
    name: 'small-ipa',
    words: 'a guest physical space of 36 bits, and masks of 32',
    group: 'mask',
    seldom: true,
    exists: (p) => p.guest,
    add: (d) => {
      d.config.push('ipa_bits 36')
      d.device.push('dma_mask 32', 'coherent_mask 32')
    }
  },
  {
    name: 'private-only',
    words: 'a passthrough device that reaches private memory alone',
    group: 'passthrough',
    seldom: true,
    exists: (p) => p.switches.includes('memory_encrypt_reported') && p.architecture === 'arm64',
    add: (d) => {
      d.device.push('private_only')
    }
  },
  {
    name: 'noncoherent',
    words: 'a device that does not snoop',
    group: 'coherence',
    exists: (p) => p.noncoherentDevices,
    add: (d) => {
      d.device.push('noncoherent')
    }
  },
  {
    name: 'granule',
    words: 'a host granule of 64K',
    group: 'granule',
    exists: (p) => p.guest,
    add: (d) => {
      d.config.push('host_granule 64K')
      beside(d)
    }
  },
  {
    name: 'granule-refused',
    words: 'a host granule of 64K, less of which is refused',
    group: 'granule',
    exists: (p) => p.guest && p.switches.includes('misaligned_share'),
    add: (d) => {
      d.config.push('host_granule 64K', 'misaligned_share refuse')
      beside(d)
    }
  },
  {
    name: 'atomic',
    words: 'allocations that cannot block',
    group: 'alloc',
    add: (d) => {
      d.atomic = true
    }
  },
  {
    name: 'small-atomic',
    words: 'allocations that cannot block from pools of one page',
    group: 'alloc',
    add: (d) => {
      d.atomic = true
      d.config.push('cmdline "coherent_pool=4K"')
    }
  },
  {
    name: 'no-mapping',
    words: 'allocations without a kernel mapping',
    group: 'alloc',
    add: (d) => {
      d.atomic = true
      d.cookie = true
    }
  },
  {
    name: 'failing',
    words: 'a conversion that may fail',
    group: 'failure',
    exists: (p) => p.conversionsFail,
    add: (d) => {
      d.config.push('conversions may_fail')
    }
  },
  {
    name: 'failing-tsm',
    words: 'a step of the TSM driver that may fail',
    group: 'failure',
    exists: (p, rev) => accepts(rev, p),
    add: (d, platform, rev) => {
      d.config.push(`tsm_fails ${tsmDriver(rev, platform)?.steps.join(' ') ?? 'none'}`)
    }
  },
  ...(['static_1g', 'static_1g_plain', 'static_1g_shared'] as const).map(
    (value): Ingredient => ({
      name: value.replaceAll('_', '-'),
      words:
        'a host stage 2 in blocks of 1G' +
        `${value === 'static_1g' ? '' : `, at the ${value.slice('static_1g_'.length)} alias alone`}`,
      group: 'stage2',
      ...(value === 'static_1g' ? {} : { seldom: true as const }),
      exists: (p) => p.switches.includes('host_stage2'),
      add: (d) => {
        d.config.push(`host_stage2 ${value}`)
      }
    })
  ),
  // Named switches of platforms: what the documents leave open.
  ...(
    [
      ['xt', 'xt on', 'XT-enabled requests'],
      ['locked-t0', 'locked_dma t0', 'a locked TDI that sends T=0'],
      ['vtom', 'vtom 4G', 'a vTOM of 4G'],
      ['trusted-fault', 'tdx_trusted_shared_dma fault', 'T=1 requests to the shared alias fault'],
      ['cbit-stripped', 'snp_cbit_in_iova stripped', 'the IOMMU drops the C-bit of an address'],
      ['tdx-p2p', 'tdx_p2p ok', 'peer-to-peer between accepted devices'],
      ['snp-p2p', 'snp_p2p ok', 'peer-to-peer between accepted devices']
    ] as const
  ).map(
    ([name, entry, words]): Ingredient => ({
      name,
      words,
      group: 'switch',
      seldom: true,
      exists: (p, rev) => p.switches.some((s) => entry.startsWith(`${s} `)) && (name === 'vtom' || accepts(rev, p)),
      add: (d) => {
        d.config.push(entry)
      }
    })
  ),
  ...(['optional', 'enforced'] as const).map(
    (value): Ingredient => ({
      name: `release-${value}`,
      words: `pages that the guest ${value === 'enforced' ? 'must' : 'may'} release before the host takes them`,
      group: 'release',
      seldom: true,
      exists: (p, rev) => p.conversion === 'mapgpa' && accepts(rev, p),
      add: (d) => {
        d.config.push(`tdx_page_release ${value}`)
      }
    })
  ),
  {
    name: 'require',
    words: 'mappings that must not bounce',
    group: 'attribute',
    seldom: true,
    exists: (_p, rev) => rev['attributes.REQUIRE_COHERENT'],
    add: (d) => {
      d.requires = true
    }
  },
  {
    name: 'ask-shared',
    words: 'coherent memory that the driver asks to be shared',
    group: 'attribute',
    seldom: true,
    exists: (p, rev) => rev['attributes.CC_SHARED'] && p.conversion !== 'none',
    add: (d) => {
      d.asks = true
    }
  },
  {
    name: 'buffer',
    words: 'a coherent buffer beside the mapping',
    group: 'beside',
    add: (d) => {
      d.slots.b = 1
      d.directions = ['TO_DEVICE']
    }
  },
  {
    name: 'scatter',
    words: 'a scatter-gather list of two pages',
    group: 'beside',
    alone: true,
    add: (d) => {
      d.slots = { p: 2, s: 1 }
    }
  },
  // The second entry finds no slot: the way back.
  {
    name: 'scatter-full',
    words: 'a scatter-gather list for whose second page the pool has no room',
    group: 'beside',
    alone: true,
    add: (d) => {
      d.slots = { p: 2, s: 1 }
      pool(d, 'swiotlb 3')
    }
  },
  {
    name: 'vmap',
    words: 'a page with a mapping of its own, which its client shares',
    group: 'user',
    alone: true,
    add: (d, p) => {
      d.slots = { p: 1, v: 1 }
      d.explicit = p.conversion !== 'none'
    }
  },
  {
    name: 'convert',
    words: 'a client that shares its pages',
    group: 'convert',
    exists: (p) => p.conversion !== 'none',
    add: (d) => {
      d.explicit = true
    }
  },
  {
    name: 'mmap',
    words: 'a user mapping',
    group: 'user',
    add: (d) => {
      d.slots.u = 1
    }
  },
  {
    name: 'masks',
    words: 'masks that change',
    group: 'mask',
    add: (d) => {
      d.masks.push(32, 64)
    }
  },
  {
    name: 'pci',
    words: 'a function that is reset, and whose bus mastering is switched',
    group: 'pci',
    alone: true,
    add: (d) => {
      d.pci = true
    }
  },
  {
    name: 'syncs',
    words: 'syncs',
    group: 'sync',
    add: (d) => {
      d.syncs = true
    }
  },
  {
    name: 'vf',
    words: 'a virtual function, and the physical one that an administrator accepts',
    group: 'function',
    alone: true,
    exists: (p, rev) => accepts(rev, p),
    add: (d) => {
      d.device.push('vf 1')
      d.first.push(block('device pf', 'tdisp'))
    }
  },
  {
    name: 'peer',
    words: 'a second device, which nobody accepts, and a mapping for each',
    group: 'peer',
    alone: true,
    add: (d) => {
      d.others.push(block('device disk'))
      d.slots.h = 2
      d.directions = ['TO_DEVICE']
    }
  },
  {
    name: OUTLIVE,
    words: 'memory that outlives its driver',
    group: 'level',
    add: (d) => {
      d.level = 'outlive'
    }
  },
  {
    name: 'driverless',
    words: 'calls without a driver',
    group: 'level',
    alone: true,
    add: (d) => {
      d.level = 'driverless'
    }
  },
  {
    name: 'host',
    words: 'a host that stops, resets and errs the device',
    group: 'host',
    alone: true,
    exists: (p, rev) => accepts(rev, p),
    add: (d) => {
      d.host = true
    }
  }
]

/** Combinations in which an ingredient is nothing: it would only search the plain scene again. */
function idle(names: ReadonlySet<string>): boolean {
  const has = (n: string): boolean => names.has(n)
  const streaming = has('stream') || has('kmalloc')
  const allocating = has('coherent') || has('pages')
  const bars = has('mmio-shared') || has('mmio-private')
  if (
    ['syncs', 'force', 'noforce', 'dynamic', 'no-pool', 'untrusted', 'min-align', 'boundary', 'require', 'buffer'].some(
      has
    ) &&
    !streaming
  )
    return true
  if (['atomic', 'small-atomic', 'mmap', 'no-remap', 'cma'].some(has) && !allocating) return true
  if (has('ask-shared') && !has('coherent')) return true
  if (has('locked-t0') && !has('tdisp')) return true
  if (has('peer') && !has('stream')) return true
  if (has('vf') && !has('tdisp')) return true
  if (has('private-only') && !has('t0')) return true
  if (has('no-mapping') && !has('coherent')) return true
  if (['convert', 'scatter', 'scatter-full', 'vmap'].some(has) && !has('stream')) return true
  if (has('failing-tsm') && !has('tdisp')) return true
  if ((has('outlive') || has('host')) && !has('tdisp')) return true
  // A BAR lies where the platform has it: no offset of a bus and no small physical space moves it.
  return (
    bars &&
    [
      'restricted',
      'region',
      'odd-boundary',
      'cma',
      'small-ipa',
      'range-map',
      'narrow',
      'bus-limit',
      'noncoherent',
      'granule',
      'granule-refused',
      'failing',
      'static-1g',
      'static-1g-plain',
      'static-1g-shared',
      'private-only'
    ].some(has)
  )
}

/**
 * What a small object shows that a page does not, and pages for DMA that a coherent buffer does not; of a changing
 * device, whose states are many.
 */
const OF_THEIR_OWN: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  [
    'kmalloc',
    new Set([
      'force',
      'restricted',
      'iommu',
      'untrusted',
      'dynamic',
      'noncoherent',
      'min-align',
      'syncs',
      'granule',
      'outlive',
      'driverless'
    ])
  ],
  [
    'pages',
    new Set([
      'restricted',
      'region',
      'iommu',
      'noncoherent',
      'granule',
      'atomic',
      'narrow',
      'failing',
      'failing-tsm',
      'mmap',
      'outlive',
      'driverless',
      'host'
    ])
  ]
])
/**
 * Whether a scene only says of a subject what another subject's says; in pairs of ingredients all subjects take turns.
 */
const alike = (subject: string, trust: string, ingredient: string): boolean =>
  trust === 'tdisp' && OF_THEIR_OWN.get(subject)?.has(ingredient) === false

const ADMIN: ReadonlySet<OpName> = new Set([
  'tsm_lock',
  'tsm_accept',
  'tsm_unlock',
  'tsm_register',
  'tsm_unregister',
  'remove',
  'tsm_connect',
  'tsm_dma_enable',
  'tsm_dma_disable',
  'device_set_trust'
])
const HOST: ReadonlySet<OpName> = new Set(['host_stop', 'host_reset', 'host_error', 'tsm_disconnect', 'host_write'])

function make(parts: readonly Ingredient[], p: Platform, rev: Revision): Scene {
  const d: Draft = {
    config: [POOL],
    device: [],
    others: [],
    first: [],
    level: 'strict',
    slots: {},
    directions: ['TO_DEVICE', 'FROM_DEVICE', 'BIDIRECTIONAL'],
    masks: [],
    high: false,
    explicit: false,
    atomic: false,
    cookie: false,
    admin: false,
    host: false,
    syncs: false,
    pci: false,
    requires: false,
    asks: false
  }
  for (const i of parts) i.add(d, p, rev)
  // Where a guest's own connect is the lock, tsm_connect and tsm_disconnect are tsm_lock and tsm_unlock.
  const connects = !connectIsLock(rev)
  const names = parts.map((i) => i.name)
  return {
    name: names.join('+'),
    with: names,
    level: d.level,
    slots: d.slots,
    directions: d.directions,
    masks: d.masks,
    high: d.high,
    explicit: d.explicit,
    atomic: d.atomic,
    cookie: d.cookie,
    requires: d.requires,
    asks: d.asks,
    levels: trustLevels[rev.trust],
    head: [block('config', ...d.config), ...d.first, block('device nic', ...d.device), ...d.others],
    hunts: (op) => {
      if (HOST.has(op)) return d.host && (op !== 'tsm_disconnect' || connects)
      if (ADMIN.has(op))
        return (
          d.admin &&
          (op !== 'tsm_connect' || connects) &&
          (op !== 'device_set_trust' || rev.trust !== 'absent') &&
          (!op.startsWith('tsm_dma') || rev.dmaEnable !== 'with_run')
        )
      if (op.startsWith('pci')) return d.pci
      if (op.startsWith('set_memory')) return d.explicit
      if (op.startsWith('dma_sync')) return d.syncs
      if (op === 'dma_set_mask') return d.masks.length > 0 && stream(d)
      if (op === 'dma_set_coherent_mask') return d.masks.length > 0 && !stream(d)
      return true
    },
    about: (op, kind) => {
      if (op === 'host_write' || op.startsWith('dma_sync')) return kind === 'mapping'
      return (op !== 'dma_map_single' && op !== 'vmap') || kind === 'page' || kind === 'buffer'
    }
  }
}

export interface Scenes {
  readonly list: readonly Scene[]
  /** Pairs of ingredients that can be together there: each is in some scene. */
  readonly pairs: ReadonlyArray<readonly [string, string]>
}

const pairKey = (a: string, b: string): string => (a < b ? `${a} ${b}` : `${b} ${a}`)

/** The key of an entry. */
const keyOf = (entry: string): string => entry.slice(0, `${entry} `.indexOf(' '))

/** A scene with entries of `config` that somebody wants; null: one of them is what this scene is there to change. */
function configured(s: Scene, config: readonly string[]): Scene | null {
  const keys = new Set(config.map(keyOf))
  const [first, ...rest] = s.head
  if (first === undefined || first.entries.some((e) => e !== POOL && keys.has(keyOf(e)))) return null
  return {
    ...s,
    head: [{ ...first, entries: [...first.entries.filter((e) => !keys.has(keyOf(e))), ...config] }, ...rest]
  }
}

/**
 * All scenes of a pair, the small ones first, each with the entries of `config`. @throws RangeError for an unknown name
 */
export function scenes(kernel: string | Revision, platform: string, config: readonly string[] = []): Scenes {
  const rev = typeof kernel === 'string' ? revisionByName(kernel) : kernel
  const p = platformByName(platform)
  if (rev === undefined || p === undefined) throw new RangeError(`unknown pair ${String(kernel)} ${platform}`)
  const there = (list: readonly Ingredient[]): Ingredient[] => list.filter((i) => i.exists?.(p, rev) ?? true)
  const [subject, trust, more] = [there(subjects), there(trusts), there(ingredients)]
  const legal = (parts: readonly Ingredient[]): boolean =>
    new Set(parts.map((i) => i.group)).size === parts.length && !idle(new Set(parts.map((i) => i.name)))
  const rows: Ingredient[][] = []
  for (const s of subject)
    for (const t of trust) {
      if (legal([s, t])) rows.push([s, t])
      for (const i of more) if (legal([s, t, i]) && !alike(s.name, t.name, i.name)) rows.push([s, t, i])
    }
  const { rows: paired, pairs } = coveringArray(
    subject,
    trust,
    more.filter((i) => i.alone !== true),
    legal
  )
  rows.push(...paired)
  return { list: rows.flatMap((parts) => configured(make(parts, p, rev), config) ?? []), pairs }
}

/** Groups that say where a request goes: a third ingredient of these would hide what a pair does. */
const WAYS: ReadonlySet<string> = new Set(['bounce', 'pool'])

/**
 * Scenes such that each pair of ingredients that can exist together is in one. Greedy: a scene begins with the first
 * pair that is missing and takes at most one ingredient more, the one that covers most. Bigger scenes would be fewer,
 * but their states multiply.
 */
function coveringArray(
  subject: readonly Ingredient[],
  trust: readonly Ingredient[],
  more: readonly Ingredient[],
  legal: (parts: readonly Ingredient[]) => boolean
): Pick<Scenes, 'pairs'> & { readonly rows: Ingredient[][] } {
  const missing = new Map<string, readonly [Ingredient, Ingredient]>()
  const context = (a: Ingredient, b: Ingredient): Ingredient[][] =>
    trust.flatMap((t) => subject.map((s) => [s, t, a, b])).filter(legal)
  for (const [i, a] of more.entries())
    for (const b of more.slice(i + 1))
      if (together(a, b) && context(a, b).length > 0) missing.set(pairKey(a.name, b.name), [a, b])
  const pairs = [...missing.values()].map(([a, b]) => [a.name, b.name] as const)
  const rows: Ingredient[][] = []
  const used = new Map<Ingredient, number>()
  while (missing.size > 0) {
    const [first] = missing.values()
    if (first === undefined) break
    // Subjects and trusts take turns, so that pairs meet all of them.
    // What outlives a driver is coherent memory before all.
    const rank = (parts: readonly Ingredient[]): number =>
      parts.slice(0, 2).reduce((n, i) => n + (used.get(i) ?? 0), 0) -
      (parts.some((i) => i.name === OUTLIVE) && parts[0]?.name === 'coherent' ? 1000 : 0)
    const parts = context(...first).sort((x, y) => rank(x) - rank(y))[0] as Ingredient[]
    const gain = (i: Ingredient): number =>
      WAYS.has(i.group) ? 0 : parts.slice(2).filter((x) => missing.has(pairKey(x.name, i.name))).length
    const third = more
      .filter((i) => !parts.includes(i) && i.seldom !== true && legal([...parts, i]))
      .sort((x, y) => gain(y) - gain(x))[0]
    if (third !== undefined && gain(third) > 0) parts.push(third)
    for (const i of parts.slice(0, 2)) used.set(i, (used.get(i) ?? 0) + 1)
    for (const [k, a] of parts.entries())
      for (const b of parts.slice(k + 1))
        if (parts.slice(2).every((i) => i === a || i === b || !WAYS.has(i.group)))
          missing.delete(pairKey(a.name, b.name))
    rows.push(parts)
  }
  return { rows, pairs }
}

/** The ingredients that there are, for the reader. */
export const ingredientWords: ReadonlyMap<string, string> = new Map(
  [...subjects, ...trusts, ...ingredients].map((i) => [i.name, i.words])
)
