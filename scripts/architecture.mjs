// `node scripts/architecture.mjs` writes what docs/architecture.md shows of the code: the picture of the house, the
// files that import each other in a circle, and the way of one request through the files. A test holds them.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { root } from './install.mjs'
import { pure, rooms } from './rooms.mjs'

const PAGE = 'docs/architecture.md'
const PICTURE = 'docs/pictures/house.svg'
const TEST = [
  'litmus/coherent/coherent-free-with-driver-without-driver.litmus',
  '--kernel',
  'rfc-v1',
  '--platform',
  'arm-cca'
]

const src = join(root, 'src')
const files = readdirSync(src, { recursive: true })
  .map(String)
  .filter((f) => f.endsWith('.ts') && !f.endsWith('.test.ts'))
  .sort()
const texts = new Map(files.map((f) => [f, readFileSync(join(src, f), 'utf8')]))
const roomOf = (file) => file.split('/')[0]

/** The files that a file imports from, values or types. */
const imports = (file) =>
  [...texts.get(file).matchAll(/^(?:import|export)\s[^;'"]*?from\s+'(\.[^']+)'/gm)]
    .map(([, path]) => normalize(join(dirname(file), path)))
    .filter((f) => texts.has(f))
const graph = new Map(files.map((f) => [f, imports(f)]))

/** Files that reach each other by imports, of values or types (Tarjan); `import()` waits until it is called. */
export function circles() {
  const [index, low, stack, out] = [new Map(), new Map(), [], []]
  const visit = (f) => {
    index.set(f, index.size)
    low.set(f, index.get(f))
    stack.push(f)
    for (const i of graph.get(f)) {
      if (!index.has(i)) {
        visit(i)
        low.set(f, Math.min(low.get(f), low.get(i)))
      } else if (stack.includes(i)) low.set(f, Math.min(low.get(f), index.get(i)))
    }
    if (low.get(f) !== index.get(f)) return
    const part = stack.splice(stack.indexOf(f))
    if (part.length > 1) out.push(part.sort())
  }
  for (const f of files) if (!index.has(f)) visit(f)
  return out
}

/** The house: a room a row, the outermost on top; a mark where it imports from another. */
function picture() {
  const used = new Map(
    rooms.map((r) => [
      r,
      new Set(
        files
          .filter((f) => roomOf(f) === r)
          .flatMap((f) => graph.get(f).map((i) => roomOf(i)))
          .filter((x) => x !== r)
      )
    ])
  )
  const [left, top, cell] = [110, 92, 22]
  const rows = [...rooms].reverse()
  const width = left + rooms.length * cell + 12
  const height = top + rows.length * cell + 34
  const x = (room) => left + rooms.indexOf(room) * cell
  const y = (room) => top + rows.indexOf(room) * cell
  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" ` +
      `height="${height}" role="img" aria-label="Which room of tbit imports from which">`,
    '<style>text{font:12px ' +
      'ui-monospace,monospace;fill:#1f2328}.pure{font-weight:bold}.on{fill:#0969da}.off{fill:#d0d7de}' +
      '.self{fill:none;stroke:#8c959f}@media(prefers-color-scheme:dark){text{fill:#e6edf3}' +
      '.on{fill:#4493f8}.off{fill:#30363d}}</style>'
  ]
  for (const r of rooms)
    out.push(
      `<text transform="translate(${x(r) + 14} ${top - 8}) rotate(-60)" class="` +
        `${pure.includes(r) ? 'pure' : ''}">${r}</text>`
    )
  for (const r of rows) {
    out.push(
      `<text x="${left - 10}" y="${y(r) + 15}" text-anchor="end" class="${pure.includes(r) ? 'pure' : ''}">${r}</text>`
    )
    for (const o of rooms.slice(0, rooms.indexOf(r) + 1)) {
      if (o === r) out.push(`<rect x="${x(o) + 4}" y="${y(r) + 4}" width="14" height="14" rx="3" class="self"/>`)
      else
        out.push(
          `<circle cx="${x(o) + 11}" cy="${y(r) + 11}" r="${used.get(r).has(o) ? 6 : 2}" class="` +
            `${used.get(r).has(o) ? 'on' : 'off'}"/>`
        )
    }
  }
  out.push(`<text x="10" y="${height - 12}">a row imports from its marks; bold: runs in a browser</text>`, '</svg>', '')
  return out.join('\n')
}

/** Where a function is written: as a function, else as a value; the kernel's room first, the C in its place last. */
function fileOf(name) {
  const word = name.replace(/[$]/g, '\\$&')
  const rank = (f) => (f.startsWith('kernel/') ? 0 : f.startsWith('kernel-c/') ? 2 : 1)
  for (const written of [
    new RegExp(`^(?:export )?function\\*? ${word}[(<]`, 'm'),
    new RegExp(`^(?:export )?const ${word}\\b`, 'm'),
    new RegExp(`^ {2,4}(?:\\*?${word}\\(|${word}: )`, 'm')
  ]) {
    const found = files.filter((f) => written.test(texts.get(f))).sort((x, y) => rank(x) - rank(y))
    if (found.length > 0) return found[0]
  }
  throw new Error(`${name} is in no file of src`)
}

/** Steps of the request's statements, each with its functions, outermost first, and the files in which they stand. */
function way() {
  const json = JSON.parse(
    execFileSync(join(root, 'tbit'), ['check', ...TEST, '--format', 'json'], {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 2 ** 26
    })
  )
  const [finding] = [...json.results[0].violations, ...json.results[0].reported]
  const steps = finding.trace.filter((s) => ['dma_alloc', 'dma_free'].includes(s.functions?.at(-1)))
  const out = []
  let before = ''
  for (const s of steps) {
    const chain = [...s.functions].reverse().map((f) => `${f}`)
    const text = chain.join(' > ')
    if (text !== before) out.push({ chain, step: s.text })
    before = text
  }
  return out
}

/** Steps of the request whose way down comes back to a file that it has left. */
export const returns = () =>
  way()
    .map(({ chain }) => chain.map(fileOf).filter((f, i, all) => f !== all[i - 1]))
    .filter((files) => new Set(files).size < files.length)

const table = (rows) => rows.map((r) => `| ${r.join(' | ')} |`).join('\n')

export function made() {
  const steps = way()
  const functions = [...new Set(steps.flatMap((s) => s.chain))]
  const parts = {
    circles:
      circles().length === 0
        ? 'None.'
        : circles()
            .map((c) => `* ${c.map((f) => `\`${f}\``).join(', ')}`)
            .join('\n'),
    steps: table([
      ['functions, outermost first', 'what they do'],
      ['---', '---'],
      ...steps.map((s) => [s.chain.map((f) => `\`${f}\``).join(' › '), s.step.replaceAll('|', '\\|')])
    ]),
    functions: table([
      ['file', 'functions, as they are first met'],
      ['---', '---'],
      ...[...new Map(functions.map((f) => [fileOf(f), null])).keys()].map((file) => [
        `\`${file}\``,
        functions
          .filter((f) => fileOf(f) === file)
          .map((f) => `\`${f}\``)
          .join(', ')
      ])
    ])
  }
  let page = readFileSync(join(root, PAGE), 'utf8')
  for (const [name, text] of Object.entries(parts))
    page = page.replace(
      new RegExp(`(<!-- made: ${name} -->\n)[\\s\\S]*?(<!-- end -->)`),
      (_, open, close) => `${open}\n${text}\n\n${close}`
    )
  return { [PAGE]: page, [PICTURE]: picture() }
}

if (process.argv[1]?.endsWith('architecture.mjs'))
  for (const [path, text] of Object.entries(made())) {
    writeFileSync(join(root, path), text)
    process.stdout.write(`${relative(process.cwd(), join(root, path))}\n`)
  }
