// The table of src/report/kernel-functions.ts, which scripts/registry.mjs writes: the kernel's functions that the model
// has under their own names, the file of the C that each stands beside, what revisions decide in it and what it calls,
// read from src/kernel.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './install.mjs'

/** The files of kernel/dma, by the files of the C that they stand beside. */
export const SOURCES = {
  'address.ts': ['include/linux/dma-direct.h'],
  'contiguous.ts': ['kernel/dma/contiguous.c'],
  'direct-h.ts': ['kernel/dma/direct.h'],
  'direct.ts': ['kernel/dma/direct.c'],
  'iommu.ts': ['drivers/iommu/dma-iommu.c'],
  'map-ops.ts': ['include/linux/dma-map-ops.h', 'kernel/dma/remap.c', 'kernel/dma/mapping.c'],
  'mapping.ts': ['kernel/dma/mapping.c'],
  'pool.ts': ['kernel/dma/pool.c'],
  'swiotlb-dynamic.ts': ['kernel/dma/swiotlb.c'],
  'swiotlb.ts': ['kernel/dma/swiotlb.c']
}

const room = join(root, 'src/kernel')
const isKernels = (name) => /^_*[a-z0-9]+(?:_[a-z0-9]+)+$/.test(name)
/** Generations of one function stand beside each other under its name and a suffix. */
const base = (name) => name.replace(/_cc$/, '')

/** Declarations at the top of a file, and the methods of classes of kernel/dma, with their text up to the next. */
function declared(file) {
  const text = readFileSync(join(room, file), 'utf8')
  const parts = (whole, pattern, isMethod) => {
    const at = [...whole.matchAll(pattern)]
    return at.map((m, i) => ({
      file,
      name: m[1],
      isMethod,
      text: whole.slice(m.index, at[i + 1]?.index).replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
    }))
  }
  const top = parts(text, /^(?:export )?(?:function\*? |const |class )(\w+)/gm, false)
  const classes = file.startsWith('dma/') ? top.filter((d) => /^(?:export )?class /.test(d.text)) : []
  return [
    ...top,
    ...classes.flatMap((c) => parts(c.text, /^ {2}(?:private |static |readonly |get )*(\w+)[(:=? ]/gm, true))
  ]
}

/** By name, sorted: the file in src/kernel, decisions read in it or in a helper of ours, functions called likewise. */
export function kernelFunctions() {
  const all = readdirSync(room, { recursive: true })
    .map(String)
    .filter((f) => f.endsWith('.ts') && !f.endsWith('.test.ts') && !f.startsWith('revisions'))
    .sort()
    .flatMap(declared)
  const functions = all.filter(
    (d) =>
      isKernels(d.name) &&
      (d.isMethod ? /^ {2}(?:private )?\w+\(/ : /^(?:export )?(?:function|const \w+ =(?: \(| \w+ =>|\n))/).test(d.text)
  )
  const names = new Set(functions.map((d) => d.name))
  const decisions = new Set(
    [...readFileSync(join(room, 'revisions/decisions.ts'), 'utf8').matchAll(/^ {2}'?([\w.]+)'?: \{/gm)].map(
      ([, d]) => d.split('.')[0]
    )
  )
  const found = new Map()
  // a method that has a function's name beside it is in that one's file
  for (const f of [...functions].sort((a, b) => Number(a.isMethod) - Number(b.isMethod))) {
    const e = found.get(base(f.name)) ?? { file: f.file, decides: new Set(), calls: new Set() }
    const seen = new Set()
    const read = (text) => {
      for (const [, one, held] of text.matchAll(/\brev\.(\w+)|\{([\w, ]+)\} = (?:\w+\.)*rev\b/g))
        for (const d of (one ?? held).split(/, |\s+/)) if (decisions.has(d)) e.decides.add(d)
      for (const [, word] of text.matchAll(/\b(\w+)\(/g)) {
        if (names.has(word)) {
          if (base(word) !== base(f.name)) e.calls.add(base(word))
        } else if (!seen.has(word)) {
          seen.add(word)
          const helper = all.find((d) => d.name === word && d.file === f.file)
          if (helper !== undefined) read(helper.text)
        }
      }
    }
    read(f.text)
    found.set(base(f.name), e)
  }
  return [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, e]) => ({ name, file: e.file, decides: [...e.decides], calls: [...e.calls] }))
}

/** `words` after `head`, in lines of at most 118 columns, the later ones indented. */
function wrapped(head, words) {
  const lines = [head]
  for (const w of words) {
    if (`${lines.at(-1)} ${w}`.length > 118) lines.push('   ')
    lines[lines.length - 1] += ` ${w}`
  }
  return words.length > 0 ? lines : []
}

/** The text of the table. */
export function functionsText() {
  const rows = kernelFunctions().flatMap(({ name, file, decides, calls }) => [
    ...wrapped(name, [`src/kernel/${file}`, ...(SOURCES[file.replace(/^dma\//, '')] ?? [])]),
    ...wrapped('  decides', decides),
    ...wrapped('  calls', calls)
  ])
  return `// Written by scripts/registry.mjs from src/kernel.

/**
 * The kernel's functions that the model has under their own names. A line that begins with one: the file that it is in,
 * the files of the C that this one stands beside. Indented: what revisions decide in it; the others that it calls, in
 * the order of its text. Generations of a function are one.
 */
export const KERNEL_FUNCTIONS = \`
${rows.join('\n')}
\`
`
}
