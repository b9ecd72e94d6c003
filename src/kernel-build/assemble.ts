// Puts the pieces together for the compiler: the tree's own files as they are, our shim, what is generated from the tree, and an
// empty file for every other header that any of them includes.
import { join } from 'node:path'
import { blank, includes } from './c-text.ts'
import type { Features } from './detect.ts'
import { readAll, shimDir } from './shim-dir.ts'
import type { Tree } from './tree.ts'

// Headers that are taken from the tree as they are. All else that is included is empty: its meaning is in shim/kernel.h.
const REAL = [
  'include/linux/kconfig.h', 'include/linux/swiotlb.h', 'include/linux/dma-direct.h', 'include/linux/dma-map-ops.h', 'include/linux/dma-mapping.h',
  'include/linux/dma-direction.h', 'include/linux/scatterlist.h', 'include/linux/iommu-helper.h', 'include/linux/mem_encrypt.h', 'include/linux/cc_platform.h',
  'include/linux/pfn.h', 'include/linux/iommu-dma.h', 'include/linux/set_memory.h', 'include/linux/pci-p2pdma.h', 'kernel/dma/direct.h', 'kernel/dma/debug.h'
] as const

export interface Sources {
  /** Path to text, as the compiler sees them. */
  readonly files: ReadonlyMap<string, string>
  /** Units to compile, by path in `files`. */
  readonly units: readonly string[]
  readonly includeDirs: readonly string[]
  /** Paths of the tree that went in unmodified. */
  readonly fromTree: readonly string[]
  readonly empty: readonly string[]
}

export interface Teaching { readonly dir: string; readonly files: ReadonlyMap<string, string> }

export function shimText(): string {
  return [...readAll(shimDir()).values()].join('\n')
}

/** Reads a directory of additions to the shim: headers by include path, `extra.h` included everywhere, `*.c` as further units. */
export const readTeaching = (dir: string): Teaching => ({ dir, files: readAll(dir) })

/** Definitions cut verbatim out of the tree because a unit asked for them: what needs struct device, and what does not. */
export interface Cuts { readonly early: readonly string[]; readonly late: readonly string[] }

export function assemble(tree: Tree, f: Features, teach: Teaching | null, cuts: Cuts = { early: [], late: [] }): Sources {
  const files = new Map<string, string>()
  const fromTree: string[] = []
  const take = (p: string): boolean => {
    const text = tree.read(p)
    if (text === null) return false
    files.set(`tree/${p}`, text)
    if (!fromTree.includes(p)) fromTree.push(p)
    return true
  }
  for (const p of REAL) take(p)
  take(`arch/${f.arch}/include/asm/mem_encrypt.h`)
  take(`arch/${f.arch}/include/asm/dma-direct.h`)
  for (const p of ['kernel/dma/swiotlb.c', 'kernel/dma/direct.c', 'kernel/dma/mapping.c']) take(p)
  if (f.has.coherentPool) take('kernel/dma/pool.c')
  const units = ['shim/runtime.c', 'shim/swiotlb.c', 'shim/direct.c', 'shim/mapping.c']
  if (f.has.coherentPool) units.push('shim/pool.c')
  if (f.has.archFile) {
    take(`arch/${f.arch}/mm/mem_encrypt.c`)
    units.push('shim/arch.c')
  }
  for (const [p, t] of readAll(shimDir())) files.set(`shim/${p}`, t)
  // the realm overlay replaces the tree's address encoding; it is only there for the profile that asks for it
  if (f.profile === 'recorded-realm') files.set('gen/asm/dma-direct.h', files.get('shim/realm-dma-direct.h') ?? '')
  files.delete('shim/realm-dma-direct.h')

  files.set('gen/generated/autoconf.h', `${f.config.map((c) => `#define CONFIG_${c} 1`).join('\n')}\n`)
  files.set('gen/linux/device.h', cuts.late.length > 0 ? `${f.deviceHeader}\n#ifndef TBIT_CUTS_H\n#define TBIT_CUTS_H\n${cuts.late.join('\n')}\n#endif\n` : f.deviceHeader)
  files.set('gen/tbit-fields.h', f.fieldsHeader)
  const traced = new Set<string>()
  for (const p of fromTree) for (const m of blank(tree.read(p) ?? '').matchAll(/\btrace_(\w+)\s*\(/g)) if (m[1]) traced.add(m[1])
  const extra = [...traced].sort().map((n) => n === 'swiotlb_bounced'
    ? '#define trace_swiotlb_bounced(dev, addr, size) tbit_i_trace(1, tbit_dev_index(dev), (double)(addr), (double)(size))'
    : n.endsWith('_enabled') ? `#define trace_${n}() 0` : `#define trace_${n}(...) do { } while (0)`)
  if (teach) {
    for (const [p, t] of teach.files) {
      if (p.endsWith('.c')) {
        files.set(`teach/${p}`, t)
        units.push(`teach/${p}`)
      } else if (p === 'extra.h') extra.push(t)
      else files.set(`teach/${p}`, t)
    }
  }
  files.set('gen/tbit-extra.h', `${[...f.calls].map(([m, t]) => `#define ${m} ${t}`).join('\n')}\n${[...cuts.early, ...extra].join('\n')}\n`)
  if (f.has.archFile) files.set('shim/arch.c', `#include "arch/${f.arch}/mm/mem_encrypt.c"\n`)

  // every header that is included anywhere and is not there becomes an empty file
  const includeDirs = ['teach', 'gen', 'shim', 'tree/include', `tree/arch/${f.arch}/include`, 'tree', 'empty']
  const known = (p: string, from: string, quoted: boolean): boolean =>
    (quoted && files.has(join(from, '..', p))) || includeDirs.some((d) => files.has(`${d}/${p}`))
  const empty: string[] = []
  for (const [path, text] of [...files]) {
    for (const i of includes(text)) {
      if (known(i.path, path, i.quoted) || empty.includes(i.path)) continue
      empty.push(i.path)
    }
  }
  for (const e of empty) files.set(`empty/${e}`, '')
  return { files, units, includeDirs, fromTree, empty }
}
