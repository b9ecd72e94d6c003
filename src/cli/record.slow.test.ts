// The script of `tbit record`, run by the shells there are on a tree like tracefs, and what replay makes of its file.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { recordScript } from '../report/record-script.ts'
import { recordVerb } from './record.ts'
import { replayVerb } from './replay.ts'
import { captured, type Ran } from '../../test/captured.ts'
import { scratch } from '../../test/scratch.ts'

const fixture = join(__dirname, '../../test/fixtures/replay/r02-tracefs.txt.gz')
const DMESG =
  '[    0.0] Linux version 6.12.117 (x)\n[    0.1] software IO TLB: area num 2.\n[    0.2] software IO TLB: ' +
  'mapped [mem 0x000000007b9f3000-0x000000007f9f3000] (64MB)\n[    0.3] # section trace\n[    0.4] nvme nvme0: ' +
  'pci function 0000:00:02.0\n'
const shells = ['sh', 'dash', 'bash'].filter((s) => spawnSync(s, ['-c', ':']).status === 0)
const dir = scratch('record')

// A tree as the script needs it. `events`: directories of events/.
function tree(name: string, events: readonly string[]): { readonly root: string; readonly pool: string } {
  const root = join(dir, name)
  const pool = join(root, 'debug', 'swiotlb')
  mkdirSync(pool, { recursive: true })
  for (const e of events) {
    mkdirSync(join(root, 'events', e), { recursive: true })
    writeFileSync(join(root, 'events', e, 'enable'), '0\n')
  }
  const files = {
    trace_marker: '',
    tracing_on: '1\n',
    trace_clock: '[local] global mono\n',
    buffer_size_kb: '1408\n',
    kprobe_events: '',
    trace_pipe: gunzipSync(readFileSync(fixture))
  }
  for (const [f, content] of Object.entries(files)) writeFileSync(join(root, f), content)
  writeFileSync(join(pool, 'io_tlb_used'), '17\n')
  writeFileSync(join(pool, 'io_tlb_nslabs'), '32768\n')
  writeFileSync(join(pool, 'io_tlb_used_hiwater'), '9999\n')
  writeFileSync(join(dir, 'dmesg.txt'), DMESG)
  return { root, pool }
}

function runScript(
  shell: string,
  t: { readonly root: string },
  kernel: string,
  ...args: string[]
): { status: number | null; stderr: string } {
  const script = join(dir, 'record.sh')
  writeFileSync(script, recordScript({ seconds: 1, out: join(dir, 'out.gz') }))
  const env = {
    ...process.env,
    TRACEFS: t.root,
    DEBUGFS: join(t.root, 'debug'),
    KERNEL: kernel,
    DRAIN: '0.2',
    DMESG: `cat ${join(dir, 'dmesg.txt')}`
  }
  const r = spawnSync(shell, [script, ...args], { env, encoding: 'utf8', timeout: 20_000 })
  return { status: r.status, stderr: r.stderr }
}

async function replay(...args: string[]): Promise<Ran> {
  const { io, ran: r } = captured()
  await replayVerb(io)
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: io.err })
    .parseAsync(args, { from: 'user' })
  return r
}
const answer = (out: string): string => out.slice(out.indexOf('\npool:')).replace(/ +\n/g, '\n')

describe.each(shells)('by %s', (shell) => {
  test('the script parses', () => {
    execFileSync(shell, ['-n', '-c', recordScript({ seconds: null, out: "it's.gz" })])
  })

  test('one file, which replay reads whole; the tree is as it was', async () => {
    const t = tree(`${shell}-events`, ['dma', 'swiotlb'])
    const ran = runScript(shell, t, '6.12.117+deb12-amd64')
    expect(ran).toMatchObject({ status: 0, stderr: expect.stringContaining('events: swiotlb dma') })
    expect(
      ['tracing_on', 'trace_clock', 'buffer_size_kb', 'events/dma/enable'].map((f) =>
        readFileSync(join(t.root, f), 'utf8').trim()
      )
    ).toEqual(['1', 'local', '1408', '0'])
    const whole = await replay(join(dir, 'out.gz'))
    expect(whole).toMatchObject({ code: 0, err: '' })
    expect(whole.out).toContain('from the kernel log')
    expect(answer(whole.out)).toBe(answer((await replay(fixture, '--dmesg', join(dir, 'dmesg.txt'))).out))
  })
})

describe('the script records', () => {
  const shell = shells[0] as string

  test('while a command runs, whose status it has', () => {
    const t = tree(`${shell}-command`, ['dma'])
    expect(runScript(shell, t, '7.3.4', '-o', join(dir, 'other.gz'), 'sh', '-c', 'exit 3')).toMatchObject({
      status: 3,
      stderr: expect.stringContaining('while the command runs')
    })
    expect(gunzipSync(readFileSync(join(dir, 'other.gz'))).toString()).toMatch(
      /^# tbit-record 1\n# section record\n seconds=\d+ cpus=\d+ lost=0 status=3\n/
    )
  })

  test.each([
    ['6.8.0-31-generic', 'orig=$arg2:x64 size=$arg3:u64', 'dir=$arg4'],
    ['5.12.3', 'orig=$arg2:x64 size=$arg3:u64', 'dir=$arg5'],
    ['5.4.0', 'orig=$arg3:x64 size=$arg4:u64', 'dir=$arg5']
  ])('kprobes on Linux %s', (kernel, map, unmap) => {
    const t = tree(`${shell}-probes-${kernel}`, ['swiotlb', 'kprobes'])
    expect(runScript(shell, t, kernel, 'true')).toMatchObject({
      status: 0,
      stderr: expect.stringContaining('events: swiotlb kprobes')
    })
    const lines = readFileSync(join(t.root, 'kprobe_events'), 'utf8').trim().split('\n')
    expect(lines).toEqual([
      `p:tbit_map swiotlb_tbl_map_single dev=+0(+0($arg1)):string ${map}`,
      'r:tbit_map_ret swiotlb_tbl_map_single tlb=$retval:x64',
      `p:tbit_unmap swiotlb_tbl_unmap_single dev=+0(+0($arg1)):string tlb=$arg2:x64 size=$arg3:u64 ${unmap}:u32`,
      '-:tbit_map',
      '-:tbit_map_ret',
      '-:tbit_unmap'
    ])
  })

  test('what it cannot do it says, and leaves nothing', () => {
    expect(runScript(shell, { root: join(dir, 'nowhere') }, '6.12')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('run as root')
    })
    const t = tree(`${shell}-bare`, [])
    rmSync(join(t.root, 'kprobe_events'))
    rmSync(join(dir, 'out.gz'), { force: true })
    expect(runScript(shell, t, '6.12')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('nothing can be recorded')
    })
    expect(existsSync(join(dir, 'out.gz'))).toBe(false)
  })
})

describe('a recording', () => {
  const head = '# tbit-record 1\n# section dmesg\n'
  test.each([
    ['without a trace', head],
    ['cut in its log', `${head} [    0.0] Linux`],
    ['with an empty trace', `${head}# section trace\n`],
    ['of nothing', '# tbit-record 1\n']
  ])('%s is told, and nothing breaks', async (_, text) => {
    const path = join(dir, 'bad')
    writeFileSync(path, text)
    expect((await replay(path)).code).toBe(2)
  })

  test('packed or not, with lines of any kind before its trace', async () => {
    const text =
      `# tbit-record 1\n# section odd\n${'x'.repeat(300_000)}\n\u001b[2J\n# section dmesg\n` +
      `${DMESG.replace(/^/gm, ' ')}\n# section trace\n${gunzipSync(readFileSync(fixture)).toString()}`
    const [plain, packed] = [join(dir, 'plain'), join(dir, 'packed')]
    writeFileSync(plain, text)
    writeFileSync(packed, gzipSync(text))
    expect(answer((await replay(plain)).out)).toBe(answer((await replay(packed)).out))
    expect((await replay(plain)).out).toContain('from the kernel log')
  })
})

test('the verb writes the script, or says what is wrong', () => {
  const run = (...args: string[]): Ran => {
    const { io, ran: r } = captured(-1)
    recordVerb(io).exitOverride().parse(args, { from: 'user' })
    return r
  }
  expect(run('--seconds', '5').out).toBe(recordScript({ seconds: 5, out: 'tbit-record.gz' }))
  expect(run('--seconds', 'soon')).toMatchObject({
    code: 2,
    err: expect.stringContaining("'soon' is no number of seconds")
  })
  expect(run('--script', join(dir, 'no', 'where.sh'))).toMatchObject({ code: 2, out: '' })
})
