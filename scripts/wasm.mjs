// Compiles wasm/lines.ts into src/replay/lines-wasm.ts, which is committed: whoever builds or runs tbit does without
// the compiler.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './install.mjs'

const SOURCE = 'wasm/lines.ts'
export const OUTPUT = 'src/replay/lines-wasm.ts'
const BYTES = { word: 8, half: 4, quarter: 2 }
const LINE = 112

/** Text in a number, its first byte lowest. */
function numberOf(width, text) {
  const bytes = Buffer.from(text.replaceAll('\\n', '\n'), 'latin1')
  if (bytes.length !== BYTES[width]) throw new Error(`${SOURCE}: ${width}('${text}') has ${bytes.length} bytes`)
  return `0x${bytes.reverse().toString('hex')}`
}

/** The text of src/replay/lines-wasm.ts. */
export async function text() {
  const { default: asc } = await import('assemblyscript/asc')
  let module
  const options = ['-O3', '--noAssert', '--runtime', 'stub', '--use', 'abort=', '--enable', 'simd']
  const { error, stderr } = await asc.main([SOURCE, ...options, '--initialMemory', '4', '--outFile', 'lines.wasm'], {
    readFile: (name) => {
      try {
        const source = readFileSync(join(root, name), 'utf8')
        return source.replace(/\b(word|half|quarter)\('([^']*)'\)/g, (_, width, t) => numberOf(width, t))
      } catch (e) {
        if (e.code === 'ENOENT') return null
        throw e
      }
    },
    writeFile: (_, contents) => {
      module = contents
    },
    listFiles: () => []
  })
  if (error !== null) throw new Error(String(stderr))
  const lines = Buffer.from(module)
    .toString('base64')
    .match(new RegExp(`.{1,${LINE}}`, 'g'))
  return [
    '// Written by scripts/wasm.mjs from wasm/lines.ts: a module of WebAssembly in base64.',
    'export const LINES_WASM =',
    ...lines.map((l, i) => `  '${l}'${i < lines.length - 1 ? ' +' : ''}`),
    ''
  ].join('\n')
}

if (process.argv[1]?.endsWith('wasm.mjs')) writeFileSync(join(root, OUTPUT), await text())
