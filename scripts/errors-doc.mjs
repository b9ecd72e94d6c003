// Writes docs/errors.md from the table of codes in src/base/diagnostic.ts. `--check` only says (exit code 1) that it is
// stale.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './install.mjs'

const page = join(root, 'docs', 'errors.md')

// Numbers are given out in hundreds.
const rooms = {
  0: 'Any verb',
  2: 'The litmus language',
  3: 'swiotlb, traces and kernel logs',
  4: 'Rules',
  5: 'Plans and the RMM',
  6: "The kernel's own C"
}

async function codes() {
  const esbuild = await import('esbuild')
  const r = await esbuild.build({
    entryPoints: [join(root, 'src/base/diagnostic.ts')],
    bundle: true,
    format: 'esm',
    write: false,
    logLevel: 'error'
  })
  return (await import(`data:text/javascript;base64,${Buffer.from(r.outputFiles[0].text).toString('base64')}`)).codes
}

export function errorsPage(table) {
  const out = [
    '# Error codes',
    '',
    'A message about the input has a code. It says where (file, line, column), which word, what was expected, ' +
      'the nearest known words and, where',
    'there is one, the next step; the exit code is 2. This page is made from `src/base/diagnostic.ts` by `node ' +
      'scripts/errors-doc.mjs`.'
  ]
  let last = null
  for (const code of Object.keys(table).sort()) {
    const hundred = Math.floor(Number(code.slice(3)) / 100)
    if (hundred !== last)
      out.push('', `## ${rooms[hundred] ?? `TB-${hundred}nn`}`, '', '| code | meaning |', '|---|---|')
    last = hundred
    out.push(`| ${code} | ${table[code].replaceAll('|', '\\|')} |`)
  }
  return `${out.join('\n')}\n`
}

const text = errorsPage(await codes())
if (process.argv.includes('--check')) {
  let have = ''
  try {
    have = readFileSync(page, 'utf8')
  } catch {
    /* missing is stale */
  }
  if (have !== text) {
    process.stderr.write('docs/errors.md is stale: node scripts/errors-doc.mjs writes it\n')
    process.exitCode = 1
  }
} else writeFileSync(page, text)
