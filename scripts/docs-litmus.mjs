// Writes the tables of docs/litmus-language.md from src/litmus/vocabulary.ts, and the grammars in editors/. Run it
// after a change of the vocabulary.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { grammars } from './editors.mjs'
import { root } from './install.mjs'

const page = join(root, 'docs', 'litmus-language.md')
const out = await build({
  entryPoints: [join(root, 'src/litmus/manual.ts')],
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'node',
  logLevel: 'error'
})
const { refresh } = await import(
  `data:text/javascript;base64,${Buffer.from(out.outputFiles[0].contents).toString('base64')}`
)
writeFileSync(page, refresh(readFileSync(page, 'utf8')))
await grammars()
