// Runs clang and lld (npm @yowasp/clang, WebAssembly) in a process of its own: the compiler is 75 MB of wasm that V8
// would spend its time optimising (node runs this with --liftoff-only), needs half a gigabyte, and can be ended when it
// does not finish. In: one JSON job on standard input. Out: 4 bytes of length, a JSON answer of that length, the
// linked module, the compiled units. Progress on stderr. The compiler loads before the job is read: who starts this may
// still be making it.
import { readFileSync } from 'node:fs'
import promises from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

// The package reads its own 100 MB in pieces, through fetch(), streams and copies: most of the time that loading takes.
// In this process its modules are read at once, the archive, headers and libraries for user space, is not, and what it
// makes a Response of stays what it is.
const { readFile } = promises
promises.readFile = async (path, ...rest) => {
  const name = String(path)
  if (name.endsWith('.tar')) return new Uint8Array()
  return name.endsWith('.wasm') ? readFileSync(path) : readFile(path, ...rest)
}
syncBuiltinESMExports()
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

/** A tree of folders, as bytes: each run would encode texts again. */
function filesOf(list) {
  const encoder = new TextEncoder()
  const root = {}
  for (const [path, text] of list) {
    const parts = path.split('/')
    let at = root
    for (const p of parts.slice(0, -1)) at = at[p] ??= {}
    at[parts.at(-1)] = encoder.encode(text)
  }
  return root
}

const joined = (chunks) => new Uint8Array(Buffer.concat(chunks))

/** Runs one of LLVM's tools: what it writes to standard output, and the files it leaves. @throws its messages. */
async function ran(args, files) {
  const [out, said] = [[], []]
  // files stay bytes: it would look at each byte of all that it was given
  const options = {
    decodeASCII: false,
    stdout: (b) => b && out.push(b.slice()),
    stderr: (b) => b && said.push(b.slice())
  }
  const text = () => new TextDecoder().decode(joined(said))
  try {
    const left = await clang.runLLVM(args, files, options)
    return { out: joined(out), said: text(), left }
  } catch (e) {
    throw text() || String(e)
  }
}

/**
 * What the compiler's driver makes of the job's arguments. Asked once, and without the files: the package's own way
 * gives them to the driver again for each unit.
 */
async function compilerArguments() {
  const UNIT = 'unit.c'
  // the object goes to standard output: a file is copied whole for each piece that is written
  const args = [...job.flags, ...job.includeDirs.flatMap((d) => ['-I', d]), ...job.defines.map((d) => `-D${d}`)]
  const { said } = await ran(['clang', '-###', ...args, '-c', UNIT, '-o', '-'], { [UNIT]: new Uint8Array() })
  const line = said.split('\n').find((l) => l.startsWith(' "')) ?? ''
  const told = [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map((m) => m[1].replace(/\\(.)/g, '$1'))
  const from = told.indexOf('-cc1')
  if (from < 0) throw said
  return (unit) => ['clang', ...told.slice(from).map((a) => (a === UNIT ? unit : a))]
}

const fileOf = (unit) => `${unit.replace(/[/.]/g, '-')}.o`
const kept = new Map(job.kept)
/** By file, in the order of the units: whatever was kept, the same module comes of them. */
const objects = {}
const files = filesOf(job.files)
const made = []
const errors = []
const argumentsFor = await compilerArguments()
for (const unit of job.units) {
  if (kept.has(unit)) {
    objects[fileOf(unit)] = Buffer.from(kept.get(unit), 'base64')
    continue
  }
  process.stderr.write(`compiling ${unit.replace(/^(overlay|tree)\//, '')}\n`)
  try {
    const object = (await ran(argumentsFor(unit), files)).out
    objects[fileOf(unit)] = object
    made.push([unit, object])
  } catch (stderr) {
    errors.push({ unit, stderr })
  }
}
if (errors.length > 0) answer({ errors })
else {
  process.stderr.write('linking\n')
  try {
    const { said, left } = await ran(['wasm-ld', ...job.link, ...Object.keys(objects), '-o', 'kernel.wasm'], objects)
    answer(
      { ok: true, warnings: said, made: made.map(([unit, object]) => [unit, object.length]) },
      Buffer.concat([left['kernel.wasm'], ...made.map(([, object]) => object)])
    )
  } catch (stderr) {
    answer({ errors: [{ unit: 'link', stderr }] })
  }
}
