import type { Command } from 'commander'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { checkFormats } from '../report/check-formats.ts'
import { FormatOption } from './formats.ts'
import type { Io } from './io.ts'
import { verbs } from './verbs.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const litmus = join(root, 'litmus/coherent/coherent-free-with-driver-without-driver.litmus')
const shape = ['--ram', '1G', '--platform', 'amd-sev-snp', '--kernel', 'linux-6.12', '--cpus', '2']

// What shows each command's formats; a tree's C is not built here.
const shown: Record<string, readonly string[] | 'needs a kernel tree'> = {
  check: [litmus, '--kernel', 'rfc-v1', '--platform', 'arm-cca'],
  run: [litmus],
  compare: [litmus, '--kernel', 'rfc-v1,cc-v8', '--platform', 'arm-cca'],
  hunt: ['--kernel', 'linux-7.3', '--platform', 'amd-sme-host', '--scene', 'coherent+t0+masks', '--max-states', '500'],
  rules: ['--platform', 'arm-cca'],
  revisions: ['cc-v8'],
  list: ['flag-races'],
  replay: [join(root, 'test/fixtures/replay/r02-tracefs.txt.gz')],
  'explain log': ['x: swiotlb buffer is full (sz: 262144 bytes), total 524288 (slots), used 523564 (slots)'],
  'explain dma': ['--platform', 'arm-cca', '--kernel', 'cc-v8'],
  size: shape,
  plan: ['--ram', '1M'],
  'kernel build': 'needs a kernel tree',
  'kernel test': 'needs a kernel tree',
  'kernel check': 'needs a kernel tree',
  'kernel audit': 'needs a kernel tree',
  'kernel diff': 'needs a kernel tree',
  'kernel series': 'needs a kernel tree',
  'conform swiotlb': [join(root, 'test/fixtures/swiotlb/direct-force-128.head.jsonl.gz')],
  'conform rmm': [join(root, 'test/fixtures/rmm')],
  'conform kernel': 'needs a kernel tree'
}

/** Verbs that write no result, and what they write. */
const without: Readonly<Record<string, string>> = {
  record: 'a script',
  fmt: 'litmus tests',
  lsp: 'the Language Server Protocol',
  completion: 'a script for a shell',
  report: 'a text for an issue',
  ui: 'pages, over a socket'
}

/** Verbs that hand --format on to another. */
const handsOn: ReadonlySet<string> = new Set(['merge'])

/** Formats that may say the same as another: mail is the text in 78 columns, which has no longer line here. */
const alike: Readonly<Record<string, number>> = { 'conform rmm': 1 }

async function commands(io: Io): Promise<Array<{ name: string; command: Command }>> {
  const out: Array<{ name: string; command: Command }> = []
  const walk = (command: Command, name: string): void => {
    if (command.commands.length === 0) out.push({ name, command })
    for (const c of command.commands) walk(c, `${name} ${c.name()}`)
  }
  for (const [name, v] of Object.entries(verbs)) walk(await (await v.load())(io), name)
  return out
}
const quiet: Io = { out: () => {}, err: () => {}, colour: false, progress: false, exit: () => {} }

test('every command has its formats from a table, text and json among them, and no format writes nothing', async () => {
  const seen: string[] = []
  for (const { name, command } of await commands(quiet)) {
    if (handsOn.has(name)) continue
    seen.push(name)
    const option = command.options.find((o) => o.long === '--format')
    if (without[name] !== undefined) {
      expect(option, name).toBeUndefined()
      continue
    }
    expect(option, `--format of ${name}`).toBeInstanceOf(FormatOption)
    const { rows } = option as FormatOption
    expect(rows, name).toEqual(expect.arrayContaining(['text', 'json']))
    const args = shown[name]
    expect(args, `${name} is in the list of this test`).toBeDefined()
    if (args === undefined || args === 'needs a kernel tree') continue
    const written = new Set<string>()
    for (const format of rows) {
      let out = ''
      const io: Io = {
        ...quiet,
        out: (t) => {
          out += t
        }
      }
      const again = (await commands(io)).find((c) => c.name === name)?.command as Command
      await again.exitOverride().parseAsync([...args, '--format', format], { from: 'user' })
      expect(out.trim(), `${name} --format ${format}`).not.toBe('')
      written.add(out)
    }
    expect(written.size, `${name}: each format another text`).toBe(rows.length - (alike[name] ?? 0))
  }
  expect(seen.sort()).toEqual([...Object.keys(shown), ...Object.keys(without)].sort())
})

test('ktap answers with kselftest exit codes', () => {
  expect(
    Object.entries(checkFormats)
      .filter(([, f]) => f.exit !== 'tbit')
      .map(([name]) => name)
  ).toEqual(['ktap'])
})
