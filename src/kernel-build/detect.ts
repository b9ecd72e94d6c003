// What differs from tree to tree and matters to the shim. Found in the text of the tree, never from its version number,
// so that a backport or a patch counts as what it is.
import { type Diagnostic, type Result, err, ok } from '../base/index.ts'
import { blank, cutEnums, cutFunction, cutMacro, cutStruct, identifiers, parameters } from './c-text.ts'
import { type Tree, complain } from './tree.ts'

export const ARCHES = ['arm64', 'x86'] as const
export type Arch = (typeof ARCHES)[number]

/**
 * recorded: the configuration of the recorded vectors (no coherent pools, no remapping, no restricted pool).
 * recorded-realm: the same with the address encoding of an Arm realm laid over it (shared handles carry a top bit).
 * guest: what the architecture's Kconfig selects for a confidential guest.
 */
export const PROFILES = ['guest', 'recorded', 'recorded-realm'] as const
export type Profile = (typeof PROFILES)[number]

export interface Features {
  readonly arch: Arch
  readonly profile: Profile
  /** CONFIG_ names without the prefix, in force. */
  readonly config: readonly string[]
  /** -D definitions for the shim, NAME or NAME=VALUE. */
  readonly defines: readonly string[]
  /** Macro bodies for the calls whose parameters differ. */
  readonly calls: ReadonlyMap<string, string>
  readonly deviceHeader: string
  readonly fieldsHeader: string
  /** Scalar fields and flags of struct device that can be set by name, in the order of their numbers. */
  readonly fields: readonly string[]
  /** Names of predicate functions of a device that the tree declares and keeps elsewhere; answered by tbit_dev_flag. */
  readonly flagFunctions: readonly string[]
  /** What was found to differ, in words, for the build report. */
  readonly notes: readonly string[]
  /** DMA_ATTR_ bits. */
  readonly attributes: Readonly<Record<string, number>>
  readonly has: { readonly realm: boolean; readonly mapping: boolean; readonly allocPages: boolean; readonly mapPhys: boolean; readonly hiwater: boolean; readonly padSlots: boolean; readonly archFile: boolean; readonly restricted: boolean; readonly coherentPool: boolean }
}

// Kconfig symbols that the DMA code asks about and an architecture may select.
const SELECTABLE = [
  'ARCH_HAS_FORCE_DMA_UNENCRYPTED', 'ARCH_HAS_MEM_ENCRYPT', 'ARCH_HAS_SYNC_DMA_FOR_DEVICE', 'ARCH_HAS_SYNC_DMA_FOR_CPU', 'ARCH_HAS_SYNC_DMA_FOR_CPU_ALL',
  'ARCH_HAS_DMA_PREP_COHERENT', 'DMA_BOUNCE_UNALIGNED_KMALLOC', 'DMA_DIRECT_REMAP', 'DMA_COHERENT_POOL', 'NEED_SG_DMA_LENGTH', 'ARCH_HAS_PHYS_TO_DMA',
  'ARCH_HAS_DMA_MARK_CLEAN', 'ARCH_HAS_DMA_SET_MASK', 'ARCH_HAS_CC_PLATFORM', 'X86_MEM_ENCRYPT', 'ARCH_DMA_DEFAULT_COHERENT'
] as const
const ALWAYS = ['64BIT', 'MMU', 'SMP', 'HAS_DMA', 'SWIOTLB', 'DEBUG_FS', 'ARCH_DMA_ADDR_T_64BIT', 'PHYS_ADDR_T_64BIT', 'ZONE_DMA', 'ZONE_DMA32']

function configOf(tree: Tree, arch: Arch, profile: Profile): string[] {
  const kconfig = tree.read(`arch/${arch}/Kconfig`) ?? ''
  const config = new Set<string>([...ALWAYS, 'ARCH_HAS_CC_PLATFORM'])
  config.add(arch === 'arm64' ? 'ARM64' : 'X86_64')
  for (const s of SELECTABLE) if (new RegExp(`^\\s*select\\s+${s}\\b`, 'm').test(kconfig)) config.add(s)
  if (arch === 'x86' && /^config AMD_MEM_ENCRYPT\b/m.test(kconfig)) config.add('AMD_MEM_ENCRYPT')
  const dma = tree.read('kernel/dma/Kconfig') ?? ''
  if (/^config DMA_NEED_SYNC\b/m.test(dma)) config.add('DMA_NEED_SYNC')
  if (config.has('DMA_DIRECT_REMAP')) { config.add('DMA_COHERENT_POOL'); config.add('DMA_NONCOHERENT_MMAP') }
  if (profile === 'guest') {
    if (/^config DMA_RESTRICTED_POOL\b/m.test(dma)) config.add('DMA_RESTRICTED_POOL')
  } else {
    for (const off of ['DMA_COHERENT_POOL', 'DMA_DIRECT_REMAP', 'DMA_NONCOHERENT_MMAP', 'DMA_BOUNCE_UNALIGNED_KMALLOC']) config.delete(off)
  }
  if (profile === 'recorded-realm') { config.add('ARCH_HAS_PHYS_TO_DMA'); config.add('ARCH_HAS_FORCE_DMA_UNENCRYPTED') }
  return [...config].sort()
}

// What a parameter stands for, by its type and name; the values are the variables that the shim's wrappers have.
function argument(param: string): string | null {
  const name = /(\w+)$/.exec(param)?.[1] ?? ''
  const type = param.replace(/\b(const|volatile)\b/g, '').replace(/(\w+)$/, '').replace(/\s+/g, ' ').trim()
  const anonymous = /^(struct device \*|enum dma_data_direction|gfp_t|phys_addr_t|dma_addr_t|size_t)$/.test(param.trim())
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
  if (/size$|^len(gth)?$|^n?bytes$/.test(name) && /^(size_t|unsigned long|u64)$/.test(t)) return 'size'
  return null
}

interface Call { readonly macro: string; readonly names: readonly string[]; readonly texts: readonly string[]; readonly physIs?: 'phys' | 'tlb_addr'; readonly pageIs?: string }

/** Builds the call of the first of `names` that the tree has. A parameter that cannot be filled is TB-604. */
function callOf(c: Call, tree: Tree): Result<{ text: string; name: string } | null, Diagnostic> {
  for (const name of c.names) {
    const texts = c.texts.map((p) => tree.read(p)).filter((t): t is string => t !== null)
    const params = parameters(name, texts)
    if (!params) continue
    const args: string[] = []
    for (const p of params) {
      const a = argument(p)
      if (a === null) {
        return err(complain('TB-604', c.texts.find((t) => parameters(name, [tree.read(t) ?? '']) !== null) ?? name, `${name} has a parameter the shim does not know how to fill: '${p}'`,
          { word: p, expected: ['a device, page, physical or DMA address, size, offset, alignment mask, direction, attributes, gfp'], hint: 'teach argument() in src/kernel-build/detect.ts what it stands for' }))
      }
      args.push(a.replace('TBIT_PHYS', c.physIs ?? 'phys').replace('TBIT_PAGE', c.pageIs ?? 'phys_to_page(phys)'))
    }
    return ok({ text: `${name}(${args.join(', ')})`, name })
  }
  return ok(null)
}

const SWIOTLB = ['kernel/dma/swiotlb.c', 'include/linux/swiotlb.h']
const DIRECT = ['kernel/dma/direct.h', 'kernel/dma/direct.c', 'include/linux/dma-direct.h']
const MAPPING = ['kernel/dma/mapping.c', 'include/linux/dma-mapping.h']

const CALLS: readonly (Call & { optional?: true })[] = [
  { macro: 'swiotlb_tbl_map_single', names: ['swiotlb_tbl_map_single'], texts: SWIOTLB },
  { macro: 'swiotlb_map', names: ['swiotlb_map'], texts: SWIOTLB },
  { macro: 'swiotlb_tbl_unmap_single', names: ['swiotlb_tbl_unmap_single'], texts: ['include/linux/swiotlb.h', 'kernel/dma/swiotlb.c'], physIs: 'tlb_addr' },
  { macro: 'swiotlb_sync_single_for_device', names: ['swiotlb_sync_single_for_device'], texts: ['include/linux/swiotlb.h', 'kernel/dma/swiotlb.c'], physIs: 'tlb_addr' },
  { macro: 'swiotlb_sync_single_for_cpu', names: ['swiotlb_sync_single_for_cpu'], texts: ['include/linux/swiotlb.h', 'kernel/dma/swiotlb.c'], physIs: 'tlb_addr' },
  { macro: 'dma_direct_map', names: ['dma_direct_map_phys', 'dma_direct_map_page'], texts: DIRECT },
  { macro: 'dma_direct_unmap', names: ['dma_direct_unmap_phys', 'dma_direct_unmap_page'], texts: DIRECT },
  { macro: 'dma_direct_sync_single_for_device', names: ['dma_direct_sync_single_for_device'], texts: DIRECT },
  { macro: 'dma_direct_sync_single_for_cpu', names: ['dma_direct_sync_single_for_cpu'], texts: DIRECT },
  { macro: 'dma_direct_alloc', names: ['dma_direct_alloc'], texts: ['include/linux/dma-direct.h', 'kernel/dma/direct.c'] },
  { macro: 'dma_direct_free', names: ['dma_direct_free'], texts: ['include/linux/dma-direct.h', 'kernel/dma/direct.c'] },
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
    if (i >= 0) return err(complain('TB-604', 'kernel/dma/swiotlb.c', `${name} has a parameter the shim does not know how to fill: '${params[i]}'`, { word: params[i] ?? '', hint: 'teach initPool() in src/kernel-build/detect.ts what it stands for' }))
    return ok(`${name}(${args.join(', ')})`)
  }
  return err(complain('TB-605', 'kernel/dma/swiotlb.c', 'no function that initialises a pool', { word: 'swiotlb_init_io_tlb_pool', expected: ['swiotlb_init_io_tlb_pool', 'swiotlb_init_io_tlb_mem'], hint: 'teach initPool() in src/kernel-build/detect.ts its new name' }))
}

const SCALAR = /^\s*(?:const\s+)?(?:bool|char|u8|u16|u32|u64|s32|int|long|size_t|dma_addr_t|phys_addr_t|unsigned(?:\s+(?:int|long|char|short))?)\s+(\w+)\s*(?::\s*\d+\s*)?;/

/** struct device and what belongs to it, cut verbatim; opaque stand-ins for the structures it holds by value. */
function deviceHeader(tree: Tree, shim: string): Result<{ header: string; fields: string; names: string[]; flags: string[] }, Diagnostic> {
  const raw = tree.read('include/linux/device.h') ?? ''
  const device = cutStruct('device', raw)
  const parms = cutStruct('device_dma_parameters', raw)
  if (!device || !parms) return err(complain('TB-605', 'include/linux/device.h', `cannot find struct ${device ? 'device_dma_parameters' : 'device'}`, { word: device ? 'device_dma_parameters' : 'device' }))
  const enums = cutEnums(['DEV_FLAG_COUNT', 'DEVICE_REMOVABLE'], raw)
  // structures held by value that nobody defines: their content does not matter to DMA
  const opaque: string[] = []
  const body = blank(device)
  for (const m of body.matchAll(/\bstruct\s+(\w+)\s+\w+\s*(?:\[\w+\]\s*)?;/g)) {
    const name = m[1] ?? ''
    if (name && !opaque.includes(name) && !new RegExp(`struct\\s+${name}\\s*\\{`).test(shim)) opaque.push(name)
  }
  for (const m of body.matchAll(/\benum\s+(\w+)\s+\w+\s*;/g)) {
    const name = m[1] ?? ''
    if (name && !enums.some((e) => e.includes(`enum ${name}`)) && !new RegExp(`enum\\s+${name}\\s*\\{`).test(shim)) enums.push(`enum ${name} { TBIT_${name.toUpperCase()}_0 };`)
  }
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
  let accessors = ''
  const macro = cutMacro('__create_dev_flag_accessors', raw)
  if (macro) {
    const uses = [...blank(raw).matchAll(/^__create_dev_flag_accessors\(\s*(\w+)\s*,\s*(\w+)\s*\);/gm)]
    accessors = `${macro}\n${uses.map((u) => u[0]).join('\n')}\n#undef __create_dev_flag_accessors\n`
    for (const u of uses) lines.push({ kind: 'field', name: u[1] ?? '', get: `test_bit(${u[2]}, dev->flags)`, set: `assign_bit(${u[2]}, dev->flags, v)` })
  }
  const cases = (f: (l: { name: string; get: string; set: string }, i: number) => string): string => lines.map((l) => {
    if (l.kind === 'cpp') return l.text
    if (!names.includes(l.name)) names.push(l.name)
    return f(l, names.indexOf(l.name))
  }).join('\n')
  // A conditional cannot stand inside a macro body, so each switch is a function of its own.
  const fields = `static int tbit_fields_has(int f)\n{\n\tswitch (f) {\n${cases((_, i) => `\tcase ${i}: return 1;`)}\n\t}\n\treturn 0;\n}\n` +
    `static void tbit_fields_set(struct device *dev, int f, u64 v)\n{\n\tswitch (f) {\n${cases((l, i) => `\tcase ${i}: ${l.set}; break;`)}\n\t}\n}\n` +
    `static double tbit_fields_get(struct device *dev, int f)\n{\n\tswitch (f) {\n${cases((l, i) => `\tcase ${i}: return (double)${l.get};`)}\n\t}\n\treturn -1;\n}\n`
  // Predicates of a device that device.h declares but the driver core defines: the embedder keeps their answer.
  const flags: string[] = []
  let predicates = ''
  for (const m of blank(raw).matchAll(/^(?:extern\s+)?bool\s+(device_(?:cc|tcb|tdi|tsm)\w*)\s*\(\s*(?:const\s+)?struct\s+device\s*\*\s*\w*\s*\)\s*;/gm)) {
    const name = m[1] ?? ''
    if (flags.includes(name)) continue
    predicates += `static inline bool ${name}(const struct device *dev) { return tbit_dev_flag(dev, ${flags.length}); }\n`
    flags.push(name)
  }
  const inline = [...identifiers(raw)].filter((n) => /^device_(?:cc|tcb|tdi|tsm)\w*$/.test(n) && !flags.includes(n)).map((n) => cutFunction(n, raw)).filter((t): t is string => t !== null)
  const header = `#ifndef TBIT_DEVICE_H\n#define TBIT_DEVICE_H\n${opaque.map((n) => `struct ${n} { u64 opaque[2]; };`).join('\n')}\nstruct dma_map_ops;\n${enums.join('\n')}\n${parms}\n${device}\n${accessors}${predicates}${inline.join('\n')}\n#endif\n`
  return ok({ header, fields, names, flags })
}

/** All that the shim must know about a tree. Errors: TB-604, TB-605. */
export function detect(tree: Tree, arch: Arch, profile: Profile, shim: string): Result<Features, Diagnostic> {
  const swiotlbC = tree.read('kernel/dma/swiotlb.c') ?? ''
  const swiotlbH = tree.read('include/linux/swiotlb.h') ?? ''
  const directC = tree.read('kernel/dma/direct.c') ?? ''
  const directH = tree.read('include/linux/dma-direct.h') ?? ''
  const notes: string[] = []
  const config = configOf(tree, arch, profile)
  const calls = new Map<string, string>()
  const used: Record<string, string> = {}
  for (const c of CALLS) {
    const r = callOf(c, tree)
    if (!r.ok) return r
    if (!r.value) return err(complain('TB-605', c.texts[0] ?? '', `cannot find ${c.names.join(' or ')}`, { word: c.names[0] ?? '', expected: c.names, hint: 'if the function was renamed, add the new name to CALLS in src/kernel-build/detect.ts' }))
    calls.set(`TBIT_CALL_${c.macro}`, r.value.text)
    used[c.macro] = r.value.name
  }
  const pool = initPool(tree)
  if (!pool.ok) return pool
  calls.set('TBIT_INIT_POOL', pool.value)
  const device = deviceHeader(tree, shim)
  if (!device.ok) return device

  const defines: string[] = []
  const poolStruct = /^struct\s+io_tlb_pool\s*\{/m.test(swiotlbH)
  if (poolStruct) defines.push('TBIT_POOL_STRUCT')
  const hiwater = /\bused_hiwater\s*;/.test(blank(swiotlbH))
  if (hiwater) defines.push('TBIT_TOTAL_USED')
  else notes.push('no high-water mark in struct io_tlb_mem: it is not compared')
  const padSlots = /\bpad_slots\s*;/.test(blank(swiotlbC))
  if (padSlots) defines.push('TBIT_PAD_SLOTS')
  else notes.push('no pad_slots in struct io_tlb_slot')
  defines.push(/#define\s+SWIOTLB_FORCE\b/.test(swiotlbH) ? 'TBIT_SWIOTLB_FORCE=SWIOTLB_FORCE' : 'TBIT_SWIOTLB_FORCE=0')
  if (!/#define\s+SWIOTLB_FORCE\b/.test(swiotlbH)) notes.push('no SWIOTLB_FORCE: an architecture cannot force bouncing at boot')
  if (/\bzone_dma_limit\b/.test(directC)) defines.push('TBIT_SET_ZONE_LIMIT(x)=zone_dma_limit=(x)')
  else {
    defines.push('TBIT_SET_ZONE_LIMIT(x)=zone_dma_bits=fls64(x)')
    notes.push('zone_dma_bits instead of zone_dma_limit')
  }
  if (!/\bswiotlb_dev_init\b/.test(swiotlbH)) {
    defines.push('TBIT_DEV_INIT(dev)=((dev)->dma_io_tlb_mem=&io_tlb_default_mem)')
    notes.push('no swiotlb_dev_init: a device gets the default pool directly')
  } else defines.push('TBIT_DEV_INIT(dev)=swiotlb_dev_init(dev)')
  if (/struct\s+bus_dma_region\s*\{[^}]*\boffset\s*;/.test(blank(directH))) defines.push('TBIT_RANGE_OFFSET')
  // from the cc-shared series on, a pool is a structure that holds a gen_pool beside its state
  const poolC = tree.read('kernel/dma/pool.c') ?? ''
  const wrapped = /static\s+struct\s+(?!gen_pool)\w+\s+(\*?)\s*atomic_pool_kernel\b/.exec(blank(poolC))
  const inner = wrapped ? /struct\s+gen_pool\s*\*\s*(\w+)\s*;/.exec(blank(poolC))?.[1] : undefined
  defines.push(wrapped && inner ? `TBIT_ATOMIC_POOL(x)=((x)${wrapped[1] ? '->' : '.'}${inner})` : 'TBIT_ATOMIC_POOL(x)=(x)')
  const asmEncrypt = tree.read(`arch/${arch}/include/asm/mem_encrypt.h`) ?? ''
  const archFile = tree.read(`arch/${arch}/mm/mem_encrypt.c`) !== null && (arch !== 'arm64' || config.includes('ARCH_HAS_MEM_ENCRYPT'))
  if (/arm64_mem_crypt_ops_register/.test(asmEncrypt)) defines.push('TBIT_CRYPT_OPS')
  if (config.includes('ARCH_HAS_FORCE_DMA_UNENCRYPTED') && ![asmEncrypt, tree.read(`arch/${arch}/mm/mem_encrypt.c`) ?? ''].some((t) => /\bforce_dma_unencrypted\b/.test(blank(t)))) defines.push('TBIT_FORCE_UNENCRYPTED')
  if (!config.includes('ARCH_HAS_MEM_ENCRYPT')) notes.push(`${arch} has no memory encryption in this tree: set_memory_* convert nothing`)
  if (used['dma_map'] !== 'dma_map_page_attrs') notes.push(`mappings are made with ${used['dma_map']}`)
  if (used['dma_direct_map'] !== 'dma_direct_map_page') notes.push(`dma-direct maps with ${used['dma_direct_map']}`)
  for (const f of device.value.flags) notes.push(`${f}() is kept outside struct device: the embedder answers it`)
  const known = TESTED_NOTES(tree)
  if (known) notes.push(known)
  const attributes: Record<string, number> = {}
  for (const m of blank(tree.read('include/linux/dma-mapping.h') ?? '').matchAll(/^#define\s+DMA_ATTR_(\w+)\s+\(\s*1UL\s*<<\s*(\d+)\s*\)/gm)) if (m[1]) attributes[m[1]] = 2 ** Number(m[2])
  return ok({
    attributes, arch, profile, config, defines, calls, deviceHeader: device.value.header, fieldsHeader: device.value.fields, fields: device.value.names, flagFunctions: device.value.flags, notes,
    has: { realm: [asmEncrypt, tree.read(`arch/${arch}/mm/mem_encrypt.c`) ?? ''].some((t) => /\bis_realm_world\b/.test(blank(t))), mapping: true, allocPages: true, mapPhys: used['dma_map'] === 'dma_map_phys', hiwater, padSlots, archFile, restricted: config.includes('DMA_RESTRICTED_POOL'), coherentPool: config.includes('DMA_COHERENT_POOL') && poolC !== '' }
  })
}

const TESTED_NOTES = (tree: Tree): string | null => (['6.1', '6.12'].includes(`${tree.major}.${tree.minor}`) ? null : `the shim has been tested on 6.1 and 6.12; ${tree.major}.${tree.minor} is untested`)
