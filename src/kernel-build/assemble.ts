// Puts the pieces together for the compiler: the tree's own sources and headers as they are, our overlay of a few asm
// headers in front of them, what is generated from the tree, and an empty file for every header that is included and
// nowhere to be found.
import { posix } from 'node:path'
import { blank, includes } from './c-text.ts'
import { argumentMacro, type Features } from './detect.ts'
import { overlayDir, readAll } from './overlay-dir.ts'
import type { Tree } from './tree.ts'

// Headers of the architecture that are taken as they are: the predicates and the address encodings that are to be
// compiled, not imitated.
const ARCH_OWN = [
  'mem_encrypt.h',
  'dma-direct.h',
  'dma-mapping.h',
  'rsi.h',
  'hypervisor.h',
  'coco.h',
  'msr-index.h'
] as const

// Headers that a kernel's build generates, as far as anything here depends on them.
const GENERATED: Readonly<Record<string, string>> = {
  'generated/bounds.h':
    '#define NR_PAGEFLAGS 25\n#define MAX_NR_ZONES 4\n#define NR_CPUS_BITS 6\n#define SPINLOCK_SIZE 72\n#define ' +
    'LRU_GEN_WIDTH 0\n#define __LRU_REFS_WIDTH 0\n',
  'generated/rq-offsets.h': '#define RQ_nr_pinned 0\n',
  'generated/timeconst.h': '',
  'generated/asm-offsets.h': ''
}

export interface Sources {
  /** Path to text, as the compiler sees them. */
  readonly files: ReadonlyMap<string, string>
  /** Units to compile, by path in `files`. */
  readonly units: readonly string[]
  /** What a unit that includes several sources is made of, to be compiled one by one where that fails. */
  readonly groups: ReadonlyMap<string, readonly string[]>
  readonly includeDirs: readonly string[]
  /** Included before each unit. */
  readonly preludes: readonly string[]
  /** Sources of the tree that went in unmodified: units and what they include from their own directories. */
  readonly fromTree: readonly string[]
  /** How many headers of the tree went in unmodified. */
  readonly headers: number
  readonly empty: readonly string[]
  /** What a file includes, by the paths that it was found at. */
  readonly includes: ReadonlyMap<string, readonly string[]>
}

export interface Teaching {
  readonly dir: string
  readonly files: ReadonlyMap<string, string>
}

/**
 * Reads a directory of additions: headers by include path (in front of all others), `extra.h` included everywhere,
 * `*.c` as further units.
 */
export const readTeaching = (dir: string): Teaching => ({ dir, files: readAll(dir) })

/** The generated headers: configuration, fields of struct device, calls, trace points. */
function generate(tree: Tree, f: Features): Map<string, string> {
  const out = new Map<string, string>(Object.entries(GENERATED).map(([p, t]) => [`gen/${p}`, t]))
  out.set('gen/generated/autoconf.h', `${[...f.config].map(([c, v]) => `#define CONFIG_${c} ${v}`).join('\n')}\n`)
  out.set('gen/tbit-fields.h', f.fieldsHeader)
  out.set('gen/tbit-predicates.h', f.predicates)
  out.set('gen/tbit-prot.h', f.protections)
  for (const p of ARCH_OWN) {
    const own = tree.read(`arch/${f.arch}/include/asm/${p}`)
    if (own !== null) out.set(`gen/asm/${p}`, own)
  }
  if (f.arch === 'arm64' && !out.has('gen/asm/rsi.h')) out.set('gen/asm/rsi.h', '#include "realm-rsi.h"\n')
  // the realm's encoding replaces the tree's; it is only there for the profile that asks for it
  if (f.profile === 'recorded-realm') out.set('gen/asm/dma-direct.h', '#include "realm-dma-direct.h"\n')
  const assumed = f.assumptions.map(
    (a) => `#ifndef ${argumentMacro(a)}\n#define ${argumentMacro(a)} ${a.value}\n#endif\n`
  )
  out.set('gen/tbit-tree.h', `${assumed.join('')}${[...f.calls].map(([m, t]) => `#define ${m} ${t}`).join('\n')}\n`)
  return out
}

/** Trace points as calls to the machine, or as nothing: in the place of the headers that would define them. */
function traceHeaders(texts: Iterable<string>): Map<string, string> {
  const names = new Set<string>()
  for (const t of texts) for (const m of blank(t).matchAll(/\btrace_(\w+)\s*\(/g)) if (m[1]) names.add(m[1])
  const lines = [...names]
    .sort()
    .map((n) =>
      n === 'swiotlb_bounced'
        ? '#define trace_swiotlb_bounced(dev, addr, size) tbit_i_trace(1, tbit_dev_index(dev), (double)(addr), ' +
          '(double)(size))'
        : n.endsWith('_enabled')
          ? `#define trace_${n}() 0`
          : `#define trace_${n}(...) do { } while (0)`
    )
  const text =
    '#ifndef TBIT_TRACE_H\n#define TBIT_TRACE_H\n#include <linux/types.h>\n#include <linux/tracepoint.h>\n#include ' +
    `"tbit.h"\n${lines.join('\n')}\n#endif\n`
  return new Map(['swiotlb', 'dma', 'iommu'].map((e) => [`gen/trace/events/${e}.h`, text]))
}

/** What a header of that name is, when no directory of ours or of the tree's own includes has it: generic, or empty. */
function fallback(tree: Tree, path: string): string | null {
  if (!path.startsWith('asm/')) return null
  const name = path.slice(4)
  for (const d of ['include/asm-generic', 'include/uapi/asm-generic'])
    if (tree.read(`${d}/${name}`) !== null) return `#include <asm-generic/${name}>\n`
  return null
}

/** The DMA code itself: a configuration may be without some of it. */
export const DMA_CODE: readonly string[] = [
  ...['swiotlb', 'direct', 'mapping', 'pool', 'remap'].map((n) => `kernel/dma/${n}.c`),
  'kernel/dma/direct.h'
]

/**
 * Units that include several sources: each unit reads the tree's headers, for a second. Not one unit for all: after an
 * edit what it did not reach is kept (objects.ts).
 */
function groupsOf(tree: Tree, f: Features): Map<string, readonly string[]> {
  const calls = ['overlay/direct.c', 'overlay/mapping.c']
  const rest = ['overlay/device.c']
  if (f.config.has('DMA_COHERENT_POOL')) rest.push('overlay/pool.c', 'tree/lib/genalloc.c')
  const iommu = f.config.has('IOMMU_DMA')
  if (f.config.has('DMA_DIRECT_REMAP') || iommu) rest.push('tree/kernel/dma/remap.c')
  if (iommu && tree.read('kernel/dma/ops_helpers.c') !== null) rest.push('tree/kernel/dma/ops_helpers.c')
  for (const p of [
    'lib/scatterlist.c',
    `arch/${f.arch}/mm/mem_encrypt.c`,
    ...(f.arch === 'x86' ? ['arch/x86/coco/core.c'] : [])
  ])
    if (tree.read(p) !== null) rest.push(`tree/${p}`)
  return new Map([
    ['gen/calls.c', calls],
    ['gen/rest.c', rest]
  ])
}

/** `branches`: each `if` tells what it decided. */
export function assemble(tree: Tree, f: Features, teach: Teaching | null, branches = false): Sources {
  const files = generate(tree, f)
  for (const [p, t] of readAll(overlayDir())) if (branches || p !== 'tbit-branches.h') files.set(`overlay/${p}`, t)
  const groups = groupsOf(tree, f)
  for (const [unit, parts] of groups)
    files.set(
      unit,
      parts
        .map((p) => `#include "${p.replace(/^(tree|overlay)\//, '')}"\n#undef pr_fmt\n#define pr_fmt(fmt) fmt\n`)
        .join('')
    )
  const units = ['overlay/machine.c', 'overlay/swiotlb.c', ...groups.keys()]
  // a unit of its own: it takes every device for one of PCI
  if (f.config.has('IOMMU_DMA')) units.push('overlay/iommu.c')
  let extra = ''
  for (const [p, t] of teach?.files ?? []) {
    files.set(`teach/${p}`, t)
    if (p.endsWith('.c')) units.push(`teach/${p}`)
    else if (p === 'extra.h') extra = t
  }
  files.set('gen/tbit-extra.h', extra)
  for (const [p, t] of traceHeaders(DMA_CODE.map((p) => tree.read(p) ?? ''))) files.set(p, t)

  const includeDirs = ['teach', 'overlay', 'gen', 'tree/include', 'tree/include/uapi', 'tree', 'empty']
  const preludes = [
    'tree/include/linux/compiler-version.h',
    'tree/include/linux/kconfig.h',
    'tree/include/linux/compiler_types.h',
    'gen/tbit-extra.h',
    ...(branches ? ['overlay/tbit-branches.h'] : [])
  ]
  const closed = close(tree, files, [...units, ...preludes], includeDirs)
  const fromTree = [...files.keys()].filter((p) => p.startsWith('tree/')).map((p) => p.slice(5))
  return {
    files,
    units,
    groups,
    includeDirs,
    preludes,
    fromTree: fromTree.filter((p) => !p.startsWith('include/')),
    headers: fromTree.filter((p) => p.startsWith('include/')).length,
    ...closed
  }
}

/** Takes from the tree whatever the roots include, directly or not; what is nowhere becomes an empty file. */
function close(
  tree: Tree,
  files: Map<string, string>,
  roots: readonly string[],
  dirs: readonly string[]
): Pick<Sources, 'empty' | 'includes'> {
  const empty: string[] = []
  const found = new Map<string, string[]>()
  const queue = [...roots]
  const present = (p: string): boolean => {
    if (files.has(p)) return true
    const text = p.startsWith('tree/') ? tree.read(p.slice(5)) : null
    if (text === null) return false
    files.set(p, text)
    return true
  }
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (found.has(path)) continue
    const included: string[] = []
    found.set(path, included)
    if (!present(path)) continue
    for (const i of includes(files.get(path) ?? '')) {
      const places = [...(i.quoted ? [posix.join(path, '..', i.path)] : []), ...dirs.map((d) => `${d}/${i.path}`)]
      let at = places.find(present)
      if (at === undefined) {
        const text = fallback(tree, i.path)
        at = `${text === null ? 'empty' : 'gen'}/${i.path}`
        files.set(at, text ?? '')
        if (text === null && !empty.includes(i.path)) empty.push(i.path)
      }
      included.push(at)
      queue.push(at)
    }
  }
  return { empty, includes: found }
}
