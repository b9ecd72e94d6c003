// Writes docs/formats/ from src/report/schemas.ts. Run it after a change of a schema; a test holds the files.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { root } from './install.mjs'

const out = await build({
  entryPoints: [join(root, 'src/report/schemas.ts')],
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'node',
  logLevel: 'error'
})
const { formatFiles } = await import(
  `data:text/javascript;base64,${Buffer.from(out.outputFiles[0].contents).toString('base64')}`
)
mkdirSync(join(root, 'docs/formats'), { recursive: true })
for (const [name, text] of Object.entries(formatFiles())) writeFileSync(join(root, 'docs/formats', name), text)
