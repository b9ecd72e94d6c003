// docs/fleet.md as it stands there: its tables, its command and its queries, on a small fleet of our recordings.
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { beforeAll, expect, test } from 'vitest'
import { type ParquetTable, parquetTables } from '../src/report/replay-parquet.ts'
import { root } from './_transcripts.ts'
import { scratch } from './scratch.ts'

const page = readFileSync(join(root, 'docs/fleet.md'), 'utf8')
const dir = scratch('fleet')

const fixture = (name: string): string => join(root, 'test/fixtures/replay', name)
const place = (at: string, bytes: string | null, from = ''): void => {
  const to = join(dir, 'recordings', at)
  mkdirSync(dirname(to), { recursive: true })
  if (bytes === null) copyFileSync(from, to)
  else writeFileSync(to, bytes)
}

// None of its unmaps was missed: then they are never done.
const leaking = gunzipSync(readFileSync(fixture('guest-6.1-missed.gz')))
  .toString()
  .replace('# section trace\n', '# section probes\n   tbit_unmap 950 0\n# section trace\n')

const command = /^```sh\n(tbit replay .*)\n```/m.exec(page)?.[1] ?? ''
const fleet = (): { status: number | null; stdout: string; stderr: string } =>
  spawnSync('sh', ['-c', command.replace(/^tbit/, join(root, 'tbit'))], {
    cwd: dir,
    encoding: 'utf8',
    timeout: 120_000
  })
const written = (): string[] =>
  readdirSync(join(dir, 'fleet'), { recursive: true, encoding: 'utf8' })
    .filter((f) => statSync(join(dir, 'fleet', f)).isFile())
    .sort()

let first: ReturnType<typeof fleet>
beforeAll(() => {
  place('host=db1/day=2026-11-27/guest.gz', null, fixture('guest-6.1.gz'))
  place('host=db1/day=2026-11-28/guest.gz', null, fixture('guest-6.12-torn.gz'))
  place('host=db2/day=2026-11-28/leak', leaking)
  place('host=web/day=2026-11-28/full.gz', null, fixture('r04-full.txt.gz'))
  place('host=web/day=2026-11-28/notes', 'no trace\n')
  first = fleet()
}, 120_000)

test('a file that is no trace costs its own line; the tables are by host and day', () => {
  expect(first.status).toBe(2)
  expect(first.stderr).toContain('recordings/host=web/day=2026-11-28/notes: error TB-365')
  expect(first.stdout).toContain('5 recordings: ')
  const files = written()
  expect(files.length, `${first.stdout}${first.stderr}`).toBe(4 * 4)
  for (const f of files) expect(f).toMatch(/^\w+\/host=\w+\/day=2026-11-2\d\/[\w.-]+-[0-9a-f]{12}\.parquet$/)
  for (const line of first.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
})

test('the same files again: the same tables, byte for byte', () => {
  const before = written().map((f) => [f, readFileSync(join(dir, 'fleet', f)).toString('base64')])
  expect(fleet().stdout).toBe(first.stdout)
  expect(written().map((f) => [f, readFileSync(join(dir, 'fleet', f)).toString('base64')])).toEqual(before)
})

test('a file that has grown replaces what it was', () => {
  const before = written()
  place('host=db2/day=2026-11-28/leak', `${leaking}# more\n`)
  expect(fleet().status).toBe(2)
  expect(written()).toEqual(before)
})

test('the page has the columns that are written', () => {
  for (const t of Object.keys(parquetTables) as ParquetTable[]) {
    const row = new RegExp(`^\\| ${t} \\|.*\\|(.*)\\|$`, 'm').exec(page)?.[1] ?? ''
    expect([...row.matchAll(/`(\w+)`/g)].map((m) => m[1])).toEqual(parquetTables[t].map((c) => c.name))
  }
})

type Row = Record<string, unknown>
async function duckdb(): Promise<((sql: string) => Promise<Row[]>) | string> {
  try {
    const { DuckDBInstance } = await import('@duckdb/node-api')
    const connection = await (await DuckDBInstance.create(':memory:')).connect()
    await connection.run(`set file_search_path = '${dir}'`)
    return async (sql) => (await connection.runAndReadAll(sql)).getRowObjectsJson() as Row[]
  } catch (e) {
    return `no DuckDB here: ${e instanceof Error ? e.message.split('\n')[0] : ''}`
  }
}

test('what operators ask', async (t) => {
  const ask = await duckdb()
  if (typeof ask === 'string') return t.skip(ask)
  const queries = [...page.matchAll(/^```sql\n([\s\S]*?)^```/gm)].map((m) => m[1] as string)
  expect(queries.length).toBe(4)
  const [fill, leak, saved, p99] = (await Promise.all(queries.map(ask))) as [Row[], Row[], Row[], Row[]]
  // The pool of web failed calls: what it needs, a full pool hides in part.
  expect(fill.map((r) => r['host'])).toEqual(['web'])
  expect(leak).toMatchObject([{ driver: 'nvme', hosts: '1' }])
  expect(Number(leak[0]?.['slots'])).toBeGreaterThan(0)
  expect(saved.map((r) => r['driver'])).toContain('nvme')
  for (const r of saved) expect(Number(r['saved'])).toBeLessThanOrEqual(Number(r['copied']))
  expect(p99.map((r) => r['machine'])).toContain('QEMU Standard PC (i440FX + PIIX, 1996)')
  for (const r of p99) {
    expect(Number(r['p99_percent'])).toBeGreaterThan(0)
    expect(Number(r['p99_percent'])).toBeLessThanOrEqual(100)
  }
})

test('the figure of the tables is that of the report', async (t) => {
  const ask = await duckdb()
  if (typeof ask === 'string') return t.skip(ask)
  const rows = await ask(
    `select * from read_parquet('fleet/recordings/**/*.parquet', hive_partitioning = true) order by host, day`
  )
  for (const r of rows) {
    const one = spawnSync(join(root, 'tbit'), ['replay', join(dir, String(r['source'])), '--format', 'json'], {
      encoding: 'utf8',
      maxBuffer: 1 << 28
    })
    const told = JSON.parse(one.stdout)
    expect([Number(r['events']), r['nslabs'], r['hiwater'], r['answer'], r['format']]).toEqual([
      told.events,
      told.pool.nslabs,
      told.predicted.hiwater,
      told.verdict.kind,
      1
    ])
  }
}, 120_000)
