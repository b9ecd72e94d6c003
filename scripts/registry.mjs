// Writes the lists of what is one file each (kernel revisions, platforms, properties) and the table of the kernel's
// functions. A new file or function is found by the next build or test run.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { functionsText } from './functions.mjs'
import { root } from './install.mjs'

/** Folders whose files, but for helpers, each export one record under the same name. */
export const registries = [
  {
    dir: 'src/kernel/revisions',
    what: 'revision',
    helpers: ['all', 'decisions', 'index', 'resolve', 'revision', 'sorted']
  },
  { dir: 'src/machine/platforms', what: 'platform', helpers: ['all', 'index'] },
  { dir: 'src/properties', what: 'property', helpers: ['all', 'index', 'on-purpose', 'place', 'property', 'watch'] }
]

/** The list as the formatter lays it out: on one line where it fits. */
function listOf(ids) {
  const line = `export const all = [${ids.join(', ')}]`
  return line.length <= 120 ? line : `export const all = [\n${ids.map((i) => `  ${i}`).join(',\n')}\n]`
}

/** The text of `all.ts` of each folder and of the table of functions, by path. */
export function texts() {
  const lists = registries.map(({ dir, what, helpers }) => {
    const names = readdirSync(join(root, dir))
      .filter((f) => f.endsWith('.ts') && !f.endsWith('.test.ts') && !f.startsWith('_'))
      .map((f) => f.slice(0, -3))
      .filter((n) => !helpers.includes(n))
      .sort()
    const id = (n) => n.replace(/\W/g, '_')
    const lines = [
      `// Written by scripts/registry.mjs from the files of this folder: one a ${what}.`,
      ...names.map((n) => `import { ${what} as ${id(n)} } from './${n}.ts'`),
      '',
      listOf(names.map(id)),
      ''
    ]
    return { path: join(root, dir, 'all.ts'), text: lines.join('\n') }
  })
  return [...lists, { path: join(root, 'src/report/kernel-functions.ts'), text: functionsText() }]
}

/** Writes what has changed. */
export function register() {
  for (const { path, text } of texts())
    if (!existsSync(path) || readFileSync(path, 'utf8') !== text) writeFileSync(path, text)
}

if (process.argv[1]?.endsWith('registry.mjs')) register()
