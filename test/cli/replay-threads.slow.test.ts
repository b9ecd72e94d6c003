// A recording that a thread of its own reads comes to the same as one that is read beside its simulation: all that is
// said of it, for text, trace.dat and packed files.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { traceDatOf } from '../../bench/replay-trace-dat.ts'
import { SHAPE, writeTrace } from '../../bench/replay-trace.ts'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const dir = mkdtempSync(join(tmpdir(), 'tbit-threads-'))
const path = (name: string): string => join(dir, name)

// Which core the process may use, when it may use one.
const oneCore = spawnSync('sh', ['-c', "taskset -cp $$ | sed 's/.*: //; s/[,-].*//'"], {
  encoding: 'utf8'
}).stdout.trim()
const able = oneCore !== '' && availableParallelism() > 1
if (!able) process.stdout.write('reading threads: skipped, there is one core only, or no taskset\n')

// What no thread packs as numbers, and what is passed over.
const ODD = [
  '# entries-in-buffer/entries-written: 100/300   #P:4',
  'CPU:2 [LOST 17 EVENTS]',
  '          ioload-390     [000] .....     8.100000: tracing_mark_write: phase begin',
  '          ioload-390     [000] .....     8.100001: dma_alloc: 0000:00:09.0 dir=BIDIRECTIONAL dma_addr=0 size=8192 ' +
    'virt_addr=0000000000000000 flags=GFP_KERNEL attrs=',
  '          ioload-390     [000] .....     8.100002: sched_switch: prev_comm=a ==> next_comm=b',
  '          ioload-390     [000] .....     8.100003: dma_map_page: virtio9 dir=TO_DEVICE dma_addr=zz size=1 attrs=',
  '          ioload-9999999999 [000] .....   8.100004: dma_unmap_page: virtio7 dir=TO_DEVICE dma_addr=10 size=1 attrs=',
  '\u0001\u0002 rubbish'
]

beforeAll(() => {
  spawnSync(join(root, 'tbit'), ['--version'])
  writeTrace(path('plain.txt'), { ...SHAPE, bytes: 36e6 })
  const lines = readFileSync(path('plain.txt'), 'utf8').split('\n')
  for (const [i, odd] of ODD.entries()) lines.splice(4000 + 9000 * i, 0, odd)
  const odd = lines.join('\n')
  writeFileSync(path('odd.txt'), odd)
  writeFileSync(path('odd.txt.gz'), gzipSync(odd, { level: 1 }))
  writeFileSync(path('trace.dat'), traceDatOf(path('plain.txt'), 36e6).bytes)
  // So large that a thread reads them (worthAThread()).
  for (const name of ['plain.txt', 'odd.txt', 'trace.dat']) expect(statSync(path(name)).size).toBeGreaterThan(16 << 20)
  expect(statSync(path('odd.txt.gz')).size).toBeGreaterThan(2 << 20)
}, 120_000)
afterAll(() => rmSync(dir, { recursive: true }))

const replayed = (words: readonly string[], cores: readonly string[]): unknown => {
  const [command = '', ...args] = [...cores, join(root, 'tbit'), 'replay', ...words, '--format', 'json']
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: dir, encoding: 'utf8', maxBuffer: 1 << 28 })
  return { status, stdout, stderr }
}

test
  .skipIf(!able)
  .each([
    ['plain.txt'],
    ['odd.txt'],
    ['odd.txt.gz', '--what-if', 'pool=2048', '--what-if', 'force'],
    ['trace.dat', '--pool', '32768,4@0x7b9f3000'],
    ['plain.txt', 'missing.txt']
  ])(
  '%s %s %s',
  (...words) => {
    const alone = replayed(words, ['taskset', '-c', oneCore])
    expect(replayed(words, [])).toEqual(alone)
    expect((alone as { stdout: string }).stdout.length).toBeGreaterThan(1000)
  },
  60_000
)
