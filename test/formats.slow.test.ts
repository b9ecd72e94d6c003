// The JSON of the verbs against its published schemas (docs/formats): every command of the transcripts and of the pages
// that writes JSON, run again, and one of each format at least.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { formatFiles, formats } from '../src/report/schemas.ts'
import { here, simple } from './_cli.ts'
import { valid, validatorOf } from './_formats.ts'
import { root, steps } from './_transcripts.ts'
import { scratch } from './scratch.ts'

// each of them compiles
const validators = new Map(Object.keys(formats).map((n) => [n, validatorOf(n)]))
const dir = scratch('formats')

/** Which format a command writes; null: none of these. */
function formatOf(command: string): string | null {
  const [, verb = '', second = ''] = command.split(/\s+/)
  switch (verb) {
    case 'check':
      return command.includes('--explain') ? 'check-explain' : 'check'
    case 'rules':
      return command.includes('--failures') ? 'rules-failures' : command.includes('--flag') ? 'rules-flag' : 'rules'
    case 'hunt':
      return command.includes('--contract') ? 'hunt-contract' : command.includes('--scenes') ? 'hunt-scenes' : 'hunt'
    case 'replay':
      return command.includes('--each') ? 'replay-each' : 'replay'
    case 'size':
      return command.includes('--rules') ? 'size-rules' : 'size'
    case 'plan':
      return command.includes('--show-costs') ? 'plan-costs' : command.includes('--coverage') ? 'plan-coverage' : 'plan'
    case 'explain':
      return second === 'dma'
        ? 'explain-dma'
        : second === 'log' || /\.(log|txt|dmesg)\b/.test(command)
          ? 'explain-log'
          : 'explain-word'
    case 'kernel':
      return formats[`kernel-${second}`] === undefined ? null : `kernel-${second}`
    case 'conform':
      return second === 'kernel'
        ? 'conform-kernel'
        : second === 'swiotlb' || second === 'rmm'
          ? `conform-${second}${command.includes('--hangs') ? '-hangs' : ''}`
          : null
    default:
      return formats[verb] === undefined ? null : verb
  }
}

/** The first `tbit ... --format json` of a transcript's command, without what stands behind it. */
const jsonCommands = (command: string): string[] =>
  [...command.matchAll(/(?:^|[;|] *)(tbit [^|;]*--format[ =]json[^|;>]*)/g)]
    .map((m) => (m[1] as string).trim())
    .filter((c) => !/\$|<|2$/.test(c))

const pages = [
  ...readdirSync(join(root, 'test/cli'))
    .filter((f) => f.endsWith('.md'))
    .map((f) => `test/cli/${f}`),
  ...readdirSync(join(root, 'docs'))
    .filter((f) => f.endsWith('.md'))
    .map((f) => `docs/${f}`)
]
const litmus = 'litmus/coherent/coherent-free-with-driver-without-driver.litmus'
const each = [
  `tbit check ${litmus} --format json`,
  `tbit check ${litmus} --explain --format json`,
  `tbit run ${litmus} --format json`,
  `tbit compare ${litmus} --kernel rfc-v1,cc-v8 --format json`,
  'tbit hunt --kernel rfc-v1 --platform arm-cca --scene coherent+tdisp --format json',
  'tbit hunt --contract --format json',
  'tbit hunt --scenes --kernel cc-v8 --platform arm-cca --format json',
  'tbit rules --format json',
  'tbit rules --failures --format json',
  'tbit revisions --format json',
  'tbit list --format json',
  'tbit replay test/fixtures/replay/r02-tracefs.txt.gz --format json',
  'tbit replay --each test/fixtures/replay/r02-tracefs.txt.gz test/fixtures/replay/r04-full.txt.gz ' +
    'README.md --format json',
  'tbit explain log test/fixtures/logs/snp-full.log --format json',
  'tbit explain dma --format json',
  'tbit explain exposed --format json',
  'tbit size --ram 1G --platform amd-sev-snp --kernel linux-6.12 --cpus 2 --format json',
  'tbit plan --ram 1G --format json',
  'tbit conform swiotlb test/fixtures/swiotlb --format json',
  'tbit conform rmm test/fixtures/rmm --format json',
  'tbit conform rmm --hangs --format json',
  'tbit plan --coverage --format json',
  'tbit check /nonexistent --format json',
  'tbit check --kernel zz --format json',
  'tbit plan --ram x --format json',
  'tbit hunt --kernel zz --format json'
]
const wanted = [
  ...new Set([
    ...each,
    ...pages.flatMap((p) => steps(readFileSync(join(root, p), 'utf8')).flatMap((s) => jsonCommands(s.command)))
  ])
].filter((c) => formatOf(c) !== null)

test.each(wanted)('%s', async (command) => {
  const env = { ...process.env, PATH: `${root}:${process.env['PATH'] ?? ''}`, TBIT_CACHE: join(dir, 'cache') }
  const c = simple(command)
  const r =
    c !== null && c.filter === null
      ? await here(c.words, env)
      : spawnSync('sh', ['-c', `${command} 2>/dev/null`], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28, env })
  const json: unknown = JSON.parse(r.stdout)
  const keys = json !== null && typeof json === 'object' ? json : {}
  const name =
    formatOf(command) === 'revisions' && 'revision' in keys
      ? 'revision'
      : formatOf(command) === 'revisions' && 'differences' in keys
        ? 'revisions-two'
        : (formatOf(command) as string)
  valid(name, r.stdout)
})

test('docs/formats is what src/report/schemas.ts says (node scripts/formats.mjs)', () => {
  const files = formatFiles()
  expect(
    readdirSync(join(root, 'docs/formats'))
      .filter((f) => f.endsWith('.json'))
      .sort()
  ).toEqual(Object.keys(files).sort())
  for (const [name, text] of Object.entries(files))
    expect(readFileSync(join(root, 'docs/formats', name), 'utf8'), name).toBe(text)
})

test('a schema refuses what lacks a field, and what has another type', () => {
  const validate = validators.get('size')
  const right = { format: 1, bytes: 1, slots: 1, areas: 1, limited_by: 'x', platform: 'p', kernel: 'k' }
  expect([
    validate?.(right),
    validate?.({ ...right, slots: '1' }),
    validate?.({ ...right, bytes: undefined }),
    validate?.({ ...right, format: 2 }),
    validate?.({ format: 1, errors: [] })
  ]).toEqual([true, false, false, false, false])
})
