// What differs from tree to tree and matters to the shim. Found in the text of the tree, never from its version number,
// so that a backport or a patch counts as what it is.
import { type Diagnostic, type Result, err, ok } from '../base/index.ts'
import { blank, cutFunction, cutMacro, cutStruct, parameters } from './c-text.ts'
import { type Arch, configOf, type Profile } from './config.ts'
import { decisionsOf } from './decisions.ts'
import { complain } from './complain.ts'
import type { Tree } from './tree.ts'
import type { Decisions } from '../kernel/index.ts'

export { ARCHES, type Arch, PROFILES, type Profile } from './config.ts'

export interface Features {
  readonly arch: Arch
  readonly profile: Profile
  /** CONFIG_ names without the prefix, in force, and their values. */
  readonly config: ReadonlyMap<string, string>
  /** -D definitions for the overlay, NAME or NAME=VALUE. */
  readonly defines: readonly string[]
  /** Macro bodies for the calls whose parameters differ. */
  readonly calls: ReadonlyMap<string, string>
  readonly fieldsHeader: string
  /** Definitions of the predicates that the tree keeps outside struct device. */
  readonly predicates: string
  /** Protections of memory as the architecture has them. */
  readonly protections: string
  /** Scalar fields and flags of struct device that can be set by name, in the order of their numbers. */
  readonly fields: readonly string[]
  /** Names of predicate functions of a device that the tree declares and keeps elsewhere; answered by tbit_dev_flag. */
  readonly flagFunctions: readonly string[]
  /** What was found to differ, in words, for the build report. */
  readonly notes: readonly string[]
  /** What had to be assumed, by the call it may touch. */
  readonly assumptions: readonly Assumption[]
  /** What the tree's text decides of the facts in which kernels differ. */
  readonly decisions: Partial<Decisions>
  /** DMA_ATTR_ bits. */
  readonly attributes: Readonly<Record<string, number>>
  readonly has: {
    readonly trackHiwater: boolean
    readonly dynamic: boolean
    readonly realm: boolean
    readonly mapPhys: boolean
    readonly hiwater: boolean
    readonly padSlots: boolean
    readonly restricted: boolean
    readonly coherentPool: boolean
    readonly iommu: boolean
  }
}

/** A value that nobody told us: which call it goes into, the parameter as declared, and what was taken. */
export interface Assumption {
  readonly call: string
  readonly parameter: string
  readonly value: string
  readonly file: string
}

// What a parameter stands for, by its type and name; the values are the variables that the overlay's wrappers have.
function argument(param: string): string | null {
  const name = /(\w+)$/.exec(param)?.[1] ?? ''
  const type = param
    .replace(/\b(const|volatile)\b/g, '')
    .replace(/(\w+)$/, '')
    .replace(/\s+/g, ' ')
    .trim()
  const anonymous = /^(struct device \*|enum dma_data_direction|gfp_t|phys_addr_t|dma_addr_t|size_t)$/.test(
    param.trim()
  )
  const t = anonymous ? param.trim() : type
  if (t === 'struct device *') return 'dev'
  if (t === 'struct page *') return 'TBIT_PAGE'
  if (t === 'struct vm_area_struct *') return 'vma'
  if (t === 'struct io_tlb_pool *') return 'swiotlb_find_pool(dev, tlb_addr)'
  if (t === 'enum dma_data_direction') return '(enum dma_data_direction)dir'
  if (t === 'gfp_t') return 'gfp'
  if (t === 'dma_addr_t *') return '&handle'
  if (t === 'void *') return 'cpu_addr'
  if (t === 'phys_addr_t') return 'TBIT_PHYS'
  if (t === 'dma_addr_t') return 'addr'
  if (/^unsigned long \*$/.test(t) && /attrs$/.test(name)) return '&attrs'
  if (/attrs$/.test(name)) return 'attrs'
  if (/align/.test(name)) return 'align_mask'
  if (/^alloc_size$/.test(name)) return '(align_mask ? ALIGN(size, (u64)(u32)align_mask + 1) : size)'
  if (/^offset$/.test(name)) return 'offset_in_page(phys)'
  // whether cache maintenance is waited for at once: what a single call means
  if (t === 'bool' && name === 'flush') return 'true'
  if (/size$|^len(gth)?$|^n?bytes$/.test(name) && /^(size_t|unsigned long|u64)$/.test(t)) return 'size'
  return null
}

interface Call {
  readonly macro: string
  readonly names: readonly string[]
  readonly texts: readonly string[]
  readonly physIs?: 'phys' | 'tlb_addr'
  readonly pageIs?: string
}

const NOTHING = /\*$/

/**
 * Builds the call of the first of `names` that the tree has. A parameter that nobody knows is false, zero or NULL, and
 * said to be.
 */
function callOf(c: Call, tree: Tree): { text: string; name: string; assumed: Assumption[] } | null {
  for (const name of c.names) {
    const texts = c.texts.map((p) => tree.read(p)).filter((t): t is string => t !== null)
    const params = parameters(name, texts)
    if (!params) continue
    const assumed: Assumption[] = []
    const args = params.map((p) => {
      const a = argument(p)
      if (a !== null)
        return a.replace('TBIT_PHYS', c.physIs ?? 'phys').replace('TBIT_PAGE', c.pageIs ?? 'phys_to_page(phys)')
      const type = p.replace(/(\w+)$/, '').trim()
      const value = type === 'bool' ? 'false' : NOTHING.test(type) ? 'NULL' : '0'
      assumed.push({
        call: name,
        parameter: p,
        value,
        file: c.texts.find((t) => parameters(name, [tree.read(t) ?? '']) !== null) ?? ''
      })
      return `TBIT_ARG_${name}_${/(\w+)$/.exec(p)?.[1] ?? assumed.length}`
    })
    return { text: `${name}(${args.join(', ')})`, name, assumed }
  }
  return null
}

/** The macro that --shim may define in extra.h to say what an unknown parameter is. */
export const argumentMacro = (a: Assumption): string => `TBIT_ARG_${a.call}_${/(\w+)$/.exec(a.parameter)?.[1] ?? ''}`

const SWIOTLB = ['kernel/dma/swiotlb.c', 'include/linux/swiotlb.h']
const DIRECT = ['kernel/dma/direct.h', 'kernel/dma/direct.c', 'include/linux/dma-direct.h']
const MAPPING = ['kernel/dma/mapping.c', 'include/linux/dma-mapping.h']

const CALLS: readonly (Call & { optional?: true })[] = [
  { macro: 'swiotlb_tbl_map_single', names: ['swiotlb_tbl_map_single'], texts: SWIOTLB },
  { macro: 'swiotlb_map', names: ['swiotlb_map'], texts: SWIOTLB },
  {
    macro: 'swiotlb_tbl_unmap_single',
    names: ['swiotlb_tbl_unmap_single'],
    texts: ['include/linux/swiotlb.h', 'kernel/dma/swiotlb.c'],
    physIs: 'tlb_addr'
  },
  {
    macro: 'swiotlb_sync_single_for_device',
    names: ['swiotlb_sync_single_for_device'],
    texts: ['include/linux/swiotlb.h', 'kernel/dma/swiotlb.c'],
    physIs: 'tlb_addr'
  },
  {
    macro: 'swiotlb_sync_single_for_cpu',
    names: ['swiotlb_sync_single_for_cpu'],
    texts: ['include/linux/swiotlb.h', 'kernel/dma/swiotlb.c'],
    physIs: 'tlb_addr'
  },
  { macro: 'dma_direct_map', names: ['dma_direct_map_phys', 'dma_direct_map_page'], texts: DIRECT },
  { macro: 'dma_direct_unmap', names: ['dma_direct_unmap_phys', 'dma_direct_unmap_page'], texts: DIRECT },
  { macro: 'dma_direct_sync_single_for_device', names: ['dma_direct_sync_single_for_device'], texts: DIRECT },
  { macro: 'dma_direct_sync_single_for_cpu', names: ['dma_direct_sync_single_for_cpu'], texts: DIRECT },
  {
    macro: 'dma_direct_alloc',
    names: ['dma_direct_alloc'],
    texts: ['include/linux/dma-direct.h', 'kernel/dma/direct.c']
  },
  {
    macro: 'dma_direct_free',
    names: ['dma_direct_free'],
    texts: ['include/linux/dma-direct.h', 'kernel/dma/direct.c']
  },
  { macro: 'dma_map', names: ['dma_map_phys', 'dma_map_page_attrs'], texts: MAPPING },
  { macro: 'dma_unmap', names: ['dma_unmap_phys', 'dma_unmap_page_attrs'], texts: MAPPING },
  { macro: 'dma_map_resource', names: ['dma_map_resource'], texts: MAPPING },
  { macro: 'dma_unmap_resource', names: ['dma_unmap_resource'], texts: MAPPING },
  { macro: 'dma_alloc', names: ['dma_alloc_attrs'], texts: MAPPING },
  { macro: 'dma_free', names: ['dma_free_attrs'], texts: MAPPING },
  { macro: 'dma_alloc_pages', names: ['dma_alloc_pages'], texts: MAPPING },
  { macro: 'dma_free_pages', names: ['dma_free_pages'], texts: MAPPING, pageIs: 'page' },
  { macro: 'dma_mmap', names: ['dma_mmap_attrs'], texts: MAPPING }
]

// Making a pool of a size that no boot would choose: the parameters of the tree's own initialiser, by name.
function initPool(tree: Tree): Result<string, Diagnostic> {
  const swiotlb = tree.read('kernel/dma/swiotlb.c') ?? ''
  for (const name of ['swiotlb_init_io_tlb_pool', 'swiotlb_init_io_tlb_mem']) {
    const params = parameters(name, [swiotlb])
    if (!params) continue
    const args = params.map((p) => {
      const n = /(\w+)$/.exec(p)?.[1] ?? ''
      if (/struct io_tlb_(pool|mem) \*/.test(p)) return /_pool \*/.test(p) ? 'POOL(mem)' : 'mem'
      if (n === 'start') return 'tlb_start'
      if (n === 'vaddr') return 'tlb_vaddr'
      if (n === 'nslabs' || n === 'nareas') return n
      if (n === 'flags') return '0'
      if (n === 'late_alloc') return 'false'
      return null
    })
    const i = args.indexOf(null)
    if (i >= 0)
      return err(
        complain(
          'TB-604',
          'kernel/dma/swiotlb.c',
          `${name} has a parameter the shim does not know how to fill: '${params[i]}'`,
          {
            word: params[i] ?? '',
            hint: 'its other parameters are known: start, vaddr, nslabs, nareas, flags, late_alloc'
          }
        )
      )
    return ok(`${name}(${args.join(', ')})`)
  }
  return err(
    complain('TB-605', 'kernel/dma/swiotlb.c', 'no function that initialises a pool', {
      word: 'swiotlb_init_io_tlb_pool',
      expected: ['swiotlb_init_io_tlb_pool', 'swiotlb_init_io_tlb_mem'],
      hint: 'a file swiotlb.c in the directory given with --shim may define it'
    })
  )
}

/** Protections of memory as the architecture has them. */
const protectionsOf = (tree: Tree, arch: Arch): string =>
  cutMacro('PROT_NS_SHARED', tree.read(`arch/${arch}/include/asm/pgtable-prot.h`) ?? '') ??
  (arch === 'arm64' ? '#define PROT_NS_SHARED prot_ns_shared\n' : '')

/** How a device is put behind an IOMMU; the domain is found, or given. */
function setupDmaOps(tree: Tree): string {
  const params = parameters('iommu_setup_dma_ops', [tree.read('drivers/iommu/dma-iommu.c') ?? '']) ?? []
  return `iommu_setup_dma_ops(dev${params.length > 1 ? ', domain' : ''})`
}

const SCALAR_TYPES = [
  ...['bool', 'char', 'u8', 'u16', 'u32', 'u64', 's32', 'int', 'long', 'size_t', 'dma_addr_t', 'phys_addr_t'],
  'unsigned(?:\\s+(?:int|long|char|short))?'
].join('|')
const SCALAR = new RegExp(`^\\s*(?:const\\s+)?(?:${SCALAR_TYPES})\\s+(\\w+)\\s*(?::\\s*\\d+\\s*)?;`)

// A predicate of the driver core, `bool device_cc_accepted(struct device *dev);`: its name, its argument's type.
const PREDICATE = new RegExp(
  '^(?:extern\\s+)?bool\\s+(device_(?:cc|tcb|tdi|tsm|trust)\\w*)\\s*' +
    '\\(\\s*((?:const\\s+)?struct\\s+device\\s*\\*)\\s*\\w*\\s*\\)\\s*;',
  'gm'
)

/** Scalar fields, flags and predicates of struct device, by name. */
function deviceFields(
  tree: Tree
): Result<{ fields: string; names: string[]; predicates: string; flags: string[] }, Diagnostic> {
  const raw = tree.read('include/linux/device.h') ?? ''
  const device = cutStruct('device', raw)
  if (!device) return err(complain('TB-605', 'include/linux/device.h', 'cannot find struct device', { word: 'device' }))
  const body = blank(device)
  // fields that can be set by name, with the conditionals around them
  const names: string[] = []
  const lines: Array<{ kind: 'cpp'; text: string } | { kind: 'field'; name: string; get: string; set: string }> = []
  let depth = 0
  for (const line of body.replace(/\\\n/g, ' ').split('\n').slice(1, -1)) {
    if (/^\s*#/.test(line)) lines.push({ kind: 'cpp', text: line.trim() })
    else {
      const m = depth === 0 ? SCALAR.exec(line) : null
      if (m?.[1]) lines.push({ kind: 'field', name: m[1], get: `dev->${m[1]}`, set: `dev->${m[1]} = v` })
    }
    for (const c of line) depth += c === '{' ? 1 : c === '}' ? -1 : 0
  }
  if (cutMacro('__create_dev_flag_accessors', raw)) {
    for (const u of blank(raw).matchAll(/^__create_dev_flag_accessors\(\s*(\w+)\s*,\s*(\w+)\s*\);/gm))
      lines.push({
        kind: 'field',
        name: u[1] ?? '',
        get: `test_bit(${u[2]}, dev->flags)`,
        set: `assign_bit(${u[2]}, dev->flags, v)`
      })
  }
  const cases = (f: (l: { name: string; get: string; set: string }, i: number) => string): string =>
    lines
      .map((l) => {
        if (l.kind === 'cpp') return l.text
        if (!names.includes(l.name)) names.push(l.name)
        return f(l, names.indexOf(l.name))
      })
      .join('\n')
  // A conditional cannot stand inside a macro body, so each switch is a function of its own.
  const fields =
    `static int tbit_fields_has(int f)\n{\n\tswitch (f) {\n${cases((_, i) => `\tcase ${i}: return 1;`)}\n\t}\n` +
    '\treturn 0;\n}\n' +
    'static void tbit_fields_set(struct device *dev, int f, u64 v)\n{\n\tswitch (f) {\n' +
    `${cases((l, i) => `\tcase ${i}: ${l.set}; break;`)}\n\t}\n}\n` +
    'static double tbit_fields_get(struct device *dev, int f)\n{\n\tswitch (f) {\n' +
    `${cases((l, i) => `\tcase ${i}: return (double)${l.get};`)}\n\t}\n\treturn -1;\n}\n`
  // Predicates of a device that a header declares but the driver core defines: the embedder keeps their answer.
  const flags: string[] = []
  let predicates = ''
  for (const h of ['device', 'tsm', 'pci-tsm', 'cc_platform', 'swiotlb', 'dma-direct']) {
    for (const m of blank(tree.read(`include/linux/${h}.h`) ?? '').matchAll(PREDICATE)) {
      const name = m[1] ?? ''
      if (flags.includes(name)) continue
      predicates += `bool ${name}(${m[2]} dev) { return TBIT_FLAG(dev, ${flags.length}); }\n`
      flags.push(name)
    }
  }
  return ok({ fields, names, predicates, flags })
}

const CC_PLATFORM = ['arch/arm64/mm/init.c', 'arch/arm64/kernel/rsi.c', 'arch/arm64/mm/mem_encrypt.c']

/** What the overlay must know about the architecture's own files. */
function archDefines(tree: Tree, arch: Arch, config: Map<string, string>, notes: string[]): string[] {
  const defines: string[] = []
  const header = tree.read(`arch/${arch}/include/asm/mem_encrypt.h`) ?? ''
  const file = tree.read(`arch/${arch}/mm/mem_encrypt.c`) ?? ''
  if (/arm64_mem_crypt_ops_register/.test(header)) defines.push('TBIT_CRYPT_OPS')
  else defines.push('TBIT_OWN_CONVERSIONS')
  if (arch === 'arm64') {
    if (/\bpkvm_guest\b/.test(tree.read('arch/arm64/include/asm/hypervisor.h') ?? '')) defines.push('TBIT_PKVM')
    if (header === '') config.delete('ARCH_HAS_MEM_ENCRYPT')
    // one function of a file full of other things: cut out, verbatim
    const cc = config.has('ARCH_HAS_CC_PLATFORM')
      ? CC_PLATFORM.map((p) => cutFunction('cc_platform_has', tree.read(p) ?? '')).find((t) => t !== null)
      : undefined
    if (cc) defines.push(`TBIT_ARM64_CC=${cc.replace(/\/\*[\s\S]*?\*\//g, ' ').replace(/\s*\n\s*/g, ' ')}`)
    else config.delete('ARCH_HAS_CC_PLATFORM')
  }
  if (
    config.has('ARCH_HAS_FORCE_DMA_UNENCRYPTED') &&
    ![header, file].some((t) => /\bforce_dma_unencrypted\b/.test(blank(t)))
  )
    defines.push('TBIT_FORCE_UNENCRYPTED')
  if (!config.has('ARCH_HAS_MEM_ENCRYPT'))
    notes.push(`${arch} has no memory encryption in this tree: set_memory_* convert nothing`)
  if (arch === 'x86' && /\bcc_set_vendor\b/.test(tree.read('arch/x86/include/asm/coco.h') ?? ''))
    defines.push('TBIT_CC_SET_VENDOR')
  return defines
}

/** The C of a bounce pool: its fields and functions. */
function swiotlbDefines(
  tree: Tree,
  notes: string[]
): { defines: string[]; hiwater: boolean; padSlots: boolean; trackHiwater: boolean } {
  const c = blank(tree.read('kernel/dma/swiotlb.c') ?? '')
  const h = blank(tree.read('include/linux/swiotlb.h') ?? '')
  const hiwater = /\bused_hiwater\s*;/.test(h)
  const padSlots = /\bpad_slots\s*;/.test(c)
  const trackHiwater = /\btrack_hiwater\w*\b/.test(c)
  const force = /#define\s+SWIOTLB_FORCE\b/.test(h)
  const init = /\bswiotlb_dev_init\b/.test(h)
  if (!hiwater) notes.push('no high-water mark in struct io_tlb_mem: it is not compared')
  if (!padSlots) notes.push('no pad_slots in struct io_tlb_slot')
  if (!force) notes.push('no SWIOTLB_FORCE: an architecture cannot force bouncing at boot')
  if (!init) notes.push('no swiotlb_dev_init: a device gets the default pool directly')
  const defines = [
    ...(/^struct\s+io_tlb_pool\s*\{/m.test(h) ? ['TBIT_POOL_STRUCT'] : []),
    ...(hiwater ? ['TBIT_TOTAL_USED'] : []),
    ...(padSlots ? ['TBIT_PAD_SLOTS'] : []),
    ...(/\bbool\s+cc_shared\s*;/.test(h) ? ['TBIT_POOL_CC_SHARED'] : []),
    `TBIT_SWIOTLB_FORCE=${force ? 'SWIOTLB_FORCE' : '0'}`,
    ...(init ? ['TBIT_DEV_INIT'] : [])
  ]
  return { defines, hiwater, padSlots, trackHiwater }
}

/** From the cc-shared series on, an atomic pool is a structure that holds a gen_pool beside its state. */
function atomicPool(poolC: string): string[] {
  const text = blank(poolC)
  const wrapped = /static\s+struct\s+(?!gen_pool)(\w+)\s+(\*?)\s*atomic_pool_kernel\b/.exec(text)
  const body = wrapped ? (cutStruct(wrapped[1] ?? '', poolC) ?? '') : ''
  const inner = /struct\s+gen_pool\s*\*\s*(\w+)\s*;/.exec(body)?.[1]
  const shared = /\bbool\s+(\w*shared|\w*unencrypted|\w*decrypted)\s*;/.exec(body)?.[1]
  const dot = wrapped?.[2] ? '->' : '.'
  if (!wrapped || inner === undefined) return ['TBIT_ATOMIC_POOL(x)=(x)', 'TBIT_ATOMIC_SHARED(x)=-1']
  // a pool that could not be made is a null pointer
  const pool = dot === '->' ? `((x)?(x)->${inner}:NULL)` : `((x).${inner})`
  return [
    `TBIT_ATOMIC_POOL(x)=${pool}`,
    shared === undefined ? 'TBIT_ATOMIC_SHARED(x)=-1' : `TBIT_ATOMIC_SHARED(x)=((x)${dot}${shared})`
  ]
}

/** DMA_ATTR_ bits by name. */
function attributesOf(tree: Tree): Record<string, number> {
  const out: Record<string, number> = {}
  for (const m of blank(tree.read('include/linux/dma-mapping.h') ?? '').matchAll(
    /^#define\s+DMA_ATTR_(\w+)\s+\(\s*1UL\s*<<\s*(\d+)\s*\)/gm
  ))
    if (m[1]) out[m[1]] = 2 ** Number(m[2])
  return out
}

/** All that the overlay must know about a tree, found in its text. Errors: TB-604, TB-605. */
export function detect(
  tree: Tree,
  arch: Arch,
  profile: Profile,
  kconfig: Readonly<Record<string, string>> = {}
): Result<Features, Diagnostic> {
  const notes: string[] = []
  const config = configOf(tree, arch, profile, kconfig)
  const calls = new Map<string, string>()
  const assumptions: Assumption[] = []
  const used: Record<string, string> = {}
  for (const c of CALLS) {
    const r = callOf(c, tree)
    if (!r)
      return err(
        complain('TB-605', c.texts[0] ?? '', `cannot find ${c.names.join(' or ')}`, {
          word: c.names[0] ?? '',
          expected: c.names,
          hint:
            `if it was renamed: #define ${c.names[0]} its new name in DIR/extra.h, and declare it there; give ` +
            '--shim DIR'
        })
      )
    calls.set(`TBIT_CALL_${c.macro}`, r.text)
    used[c.macro] = r.name
    assumptions.push(...r.assumed)
  }
  const pool = initPool(tree)
  if (!pool.ok) return pool
  calls.set('TBIT_INIT_POOL', pool.value)
  calls.set('TBIT_SETUP_DMA_OPS', setupDmaOps(tree))
  const device = deviceFields(tree)
  if (!device.ok) return device

  const swiotlb = swiotlbDefines(tree, notes)
  const poolC = tree.read('kernel/dma/pool.c') ?? ''
  if (poolC === '') config.delete('DMA_COHERENT_POOL')
  const defines = [...swiotlb.defines, ...atomicPool(poolC), ...archDefines(tree, arch, config, notes)]
  if (/\bzone_dma_limit\b/.test(tree.read('kernel/dma/direct.c') ?? '')) defines.push('TBIT_ZONE_LIMIT')
  else notes.push('zone_dma_bits instead of zone_dma_limit')
  if (/struct\s+bus_dma_region\s*\{[^}]*\boffset\s*;/.test(blank(tree.read('include/linux/dma-direct.h') ?? '')))
    defines.push('TBIT_RANGE_OFFSET')
  if (/\bdma_need_unmap\b/.test(tree.read('include/linux/dma-mapping.h') ?? '')) defines.push('TBIT_NEED_UNMAP')
  if (/__kvmalloc_node_noprof\([^;{}]*\balign\b/.test(tree.read('include/linux/slab.h') ?? ''))
    defines.push('TBIT_KVMALLOC_ALIGN')
  if (!/ifndef\s+pte_mkwrite\b/.test(tree.read('include/linux/pgtable.h') ?? '')) defines.push('TBIT_PTE_MKWRITE')
  if (used['dma_map'] !== 'dma_map_page_attrs') notes.push(`mappings are made with ${used['dma_map']}`)
  if (used['dma_direct_map'] !== 'dma_direct_map_page') notes.push(`dma-direct maps with ${used['dma_direct_map']}`)
  for (const f of device.value.flags) notes.push(`${f}() is kept outside struct device: the embedder answers it`)
  const asmEncrypt = tree.read(`arch/${arch}/include/asm/mem_encrypt.h`) ?? ''
  return ok({
    arch,
    profile,
    config,
    defines,
    calls,
    assumptions,
    notes,
    fieldsHeader: device.value.fields,
    predicates: device.value.predicates,
    protections: protectionsOf(tree, arch),
    fields: device.value.names,
    flagFunctions: device.value.flags,
    attributes: attributesOf(tree),
    decisions: decisionsOf(tree),
    has: {
      realm: [asmEncrypt, tree.read(`arch/${arch}/mm/mem_encrypt.c`) ?? ''].some((t) =>
        /\bis_realm_world\b/.test(blank(t))
      ),
      mapPhys: used['dma_map'] === 'dma_map_phys',
      hiwater: swiotlb.hiwater,
      padSlots: swiotlb.padSlots,
      trackHiwater: swiotlb.trackHiwater,
      restricted: config.has('DMA_RESTRICTED_POOL'),
      coherentPool: config.has('DMA_COHERENT_POOL'),
      dynamic: config.has('SWIOTLB_DYNAMIC'),
      iommu: config.has('IOMMU_DMA')
    }
  })
}
