// Runs clang and lld (npm @yowasp/clang, WebAssembly) in a process of its own: the compiler is 75 MB of wasm that V8
// would spend its time optimising (node runs this with --liftoff-only), needs half a gigabyte, and can be ended when it
// does not finish. In: one JSON job on standard input. Out: 4 bytes of length, a JSON answer of that length, the
// linked module, the compiled units. Progress on stderr. The compiler loads before the job is read: who starts this may
// still be making it.
import { readFileSync } from 'node:fs'

// The package reads its own 100 MB through fetch(), streams and copies: half of the time that loading takes. In this
// process what it makes a Response of stays what it is; the archive, headers and libraries for user space, is empty.
globalThis.Response = class {
  constructor(data) {
    this.data = data
    this.body = { pipeThrough: () => data }
  }
  async arrayBuffer() {
    return new ArrayBuffer(0)
  }
}
WebAssembly.compileStreaming = ({ data }) => WebAssembly.compile(data)

function answer(head, body = new Uint8Array()) {
  const text = Buffer.from(JSON.stringify(head))
  const size = Buffer.alloc(4)
  size.writeUInt32LE(text.length)
  process.stdout.write(Buffer.concat([size, text, body]))
}

let clang
try {
  clang = await import('@yowasp/clang')
} catch (e) {
  answer({ missing: String(e?.message ?? e).split('\n')[0] })
  process.exit(0)
}

// fetched first and silently: the first run would report it on the console
await clang.runLLVM(null, {}, { fetchProgress: () => {} })

const input = readFileSync(0, 'utf8')
// who started this is gone
if (input === '') process.exit(0)
const job = JSON.parse(input)

const files = {}
for (const [path, text] of job.files) {
  const parts = path.split('/')
  let at = files
  for (const p of parts.slice(0, -1)) {
    at[p] ??= {}
    at = at[p]
  }
  at[parts.at(-1)] = text
}

let stderr = ''
const decoder = new TextDecoder()
const options = {
  stdout: () => {},
  stderr: (b) => {
    if (b) stderr += decoder.decode(b, { stream: true })
  },
  fetchProgress: () => {}
}

const fileOf = (unit) => `${unit.replace(/[/.]/g, '-')}.o`
const objects = {}
for (const [unit, object] of job.kept) objects[fileOf(unit)] = Buffer.from(object, 'base64')
const made = []
const errors = []
for (const unit of job.units) {
  process.stderr.write(`compiling ${unit.replace(/^(overlay|tree)\//, '')}\n`)
  stderr = ''
  const name = fileOf(unit)
  try {
    const out = await clang.runClang(
      [
        'clang',
        ...job.flags,
        ...job.includeDirs.flatMap((d) => ['-I', d]),
        ...job.defines.map((d) => `-D${d}`),
        '-c',
        unit,
        '-o',
        name
      ],
      files,
      options
    )
    objects[name] = out[name]
    made.push([unit, out[name]])
  } catch (e) {
    errors.push({ unit, stderr: stderr || String(e) })
  }
}
if (errors.length > 0) answer({ errors })
else {
  process.stderr.write('linking\n')
  stderr = ''
  try {
    const out = await clang.runLLVM(
      ['wasm-ld', ...job.link, ...Object.keys(objects), '-o', 'kernel.wasm'],
      objects,
      options
    )
    answer(
      { ok: true, warnings: stderr, made: made.map(([unit, object]) => [unit, object.length]) },
      Buffer.concat([out['kernel.wasm'], ...made.map(([, object]) => object)])
    )
  } catch (e) {
    answer({ errors: [{ unit: 'link', stderr: stderr || String(e) }] })
  }
}
