import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { describe, expect, test } from 'vitest'
import { progressLine } from './progress.ts'
import { parseCost, parsePool, replayVerb } from './replay.ts'
import { captured, type Ran } from '../../test/captured.ts'
import { scratch } from '../../test/scratch.ts'

const fixtures = join(__dirname, '../../test/fixtures/replay')
const dir = scratch('test')

async function run(...args: string[]): Promise<Ran> {
  const { io, ran: r } = captured()
  const command = replayVerb(io).exitOverride().configureOutput({ writeOut: io.out, writeErr: io.err })
  await command.parseAsync(args, { from: 'user' })
  return r
}
const file = (name: string, data: string | Uint8Array): string => {
  const path = join(dir, name)
  writeFileSync(path, data)
  return path
}
const fixture = (name: string): string => join(fixtures, name)
const text = (name: string): string => gunzipSync(readFileSync(fixture(name))).toString('utf8')
const dmesg =
  'Linux version 6.12.117 (x)\nsoftware IO TLB: area num 2.\nsoftware IO TLB: mapped [mem ' +
  '0x000000007b9f3000-0x000000007f9f3000] (64MB)\nnvme nvme0: pci function 0000:00:02.0\n'

// A zstd frame of one raw block.
function zstd(data: Uint8Array): Uint8Array {
  const out = [0x28, 0xb5, 0x2f, 0xfd, 0xa0]
  for (let i = 0; i < 4; i++) out.push((data.length >>> (8 * i)) & 255)
  for (let at = 0; at < data.length; at += 100_000) {
    const n = Math.min(100_000, data.length - at)
    const h = n * 8 + (at + n >= data.length ? 1 : 0)
    out.push(h & 255, (h >> 8) & 255, h >> 16, ...data.subarray(at, at + n))
  }
  return new Uint8Array(out)
}

describe('what is reported', () => {
  test('json has the fields that are fixed', async () => {
    const r = await run(fixture('r02-tracefs.txt.gz'), '--dmesg', file('dmesg.txt', dmesg), '--format', 'json')
    expect(r).toMatchObject({ code: 0, err: '' })
    const j = JSON.parse(r.out)
    expect(j).toMatchObject({
      format: 1,
      lines: 1701,
      lost: 0,
      pool: { nslabs: 32768, areas: 2 },
      predicted: {
        hiwater: expect.any(Number),
        failed_maps: 0,
        exact: { compared: expect.any(Number), equal: expect.any(Number) }
      },
      measured: { hiwater: null, failed_maps: 0 }
    })
    for (const d of j.devices)
      for (const k of ['name', 'maps', 'segments', 'bytes', 'bounced_segments', 'bounced_bytes', 'peak_slots'])
        expect(d).toHaveProperty(k)
    expect(j.devices[0]).toMatchObject({ name: '0000:00:02.0', driver: 'nvme' })
  })

  test('text: prediction, sparkline, devices; the same from gzip, zstd, plain and parts', async () => {
    const whole = text('r02-tracefs.txt.gz')
    const log = file('dmesg2.txt', dmesg)
    const plain = await run(file('t.txt', whole), '--dmesg', log)
    expect(plain.out).toMatch(/bounce addresses +[\d ]+ of [\d ]+ exact/)
    expect(plain.out).toMatch(/\|[ ▁▂▃▄▅▆▇█]+\|/)
    expect(plain.out).toContain('0000:00:02.0 nvme')
    const body = (r: Ran): string => r.out.slice(r.out.indexOf('\npool:'))
    const lines = whole.split(/(?<=\n)/)
    const half = Math.floor(lines.length / 2)
    const a = file('a.part', lines.slice(0, half).join(''))
    const b = file('b.part.gz', gzipSync(lines.slice(half).join('')))
    for (const args of [
      [fixture('r02-tracefs.txt.gz')],
      [file('t.bin', zstd(Buffer.from(whole)))],
      [a, b],
      [b, a],
      [file('twice.gz', gzipSync(gzipSync(whole)))]
    ]) {
      const r = await run(...args, '--dmesg', log)
      expect(r.code).toBe(0)
      expect(body(r)).toBe(body(plain))
    }
  })

  test('files of one CPU each are one trace', async () => {
    const lines = text('r02-tracefs.txt.gz').split('\n')
    const of = (cpu: string): string =>
      `${lines.filter((l) => l.startsWith('#') || l.includes(`[${cpu}]`)).join('\n')}\n`
    const both = await run(file('c0', of('000')), file('c1', of('001')), '--format', 'json')
    const one = await run(fixture('r02-tracefs.txt.gz'), '--format', 'json')
    const [x, y] = [JSON.parse(both.out), JSON.parse(one.out)]
    expect([x.events, x.predicted, x.devices, x.clock.backwards]).toEqual([y.events, y.predicted, y.devices, 0])
    expect(both.out).toContain('merged by time')
  })

  test('where a pool that is asked for turns out too small, the file is read again: the same answer', async () => {
    const ask = ['--what-if', 'kernel=tio-v2', '--what-if', 'pool=65536', '--what-if', 'pool=512', '--format', 'json']
    // Tables are written once, so that nothing is read twice for them.
    for (const pool of [[], ['--pool', '512,2@0x7d8f3000']]) {
      const twice = await run(fixture('r04-full.txt.gz'), ...pool, ...ask)
      const once = await run(fixture('r04-full.txt.gz'), ...pool, ...ask, '--parquet', join(dir, 'again'))
      expect(twice.out).toBe(once.out)
      expect(JSON.parse(twice.out).what_if).toHaveLength(3)
    }
  })

  test('losses are said, with what they do to the figures', async () => {
    const r = await run(fixture('r08-pipe.txt.gz'), '--dmesg', file('dmesg3.txt', dmesg))
    expect(r.out).toMatch(/[\d ]+ events are missing/)
    expect(r.out).toContain('estimates')
    expect(r.code).toBe(0)
  })

  test('what-if and its price, html, Perfetto and Parquet files', async () => {
    const out = (n: string): string => join(dir, n)
    const r = await run(
      fixture('r02-tracefs.txt.gz'),
      '--dmesg',
      file('dmesg4.txt', dmesg),
      '--what-if',
      'accepted=0000:00:02.0',
      '--what-if',
      'force pool=512,2 kernel=linux-6.12',
      '--cost',
      'toll=900,rate=6G',
      '--html',
      out('r.html'),
      '--perfetto',
      out('r.json'),
      '--parquet',
      out('pq'),
      '--host',
      'db1',
      '--day',
      '2026-11-28'
    )
    expect(r).toMatchObject({ code: 0, err: '' })
    expect(r.out).toMatch(/what if: accepted=0000:00:02.0/)
    expect(r.out).toMatch(/TDISP: [\d.]+ % of the bounced bytes go direct/)
    expect(r.out).toMatch(/copying takes +[\d.e-]+ s/)
    const html = readFileSync(out('r.html'), 'utf8')
    expect(html).toContain('uPlot')
    expect(html).not.toMatch(/<(script|link|img)[^>]+(src|href)=/)
    expect(html).toContain('0000:00:02.0')
    const perfetto = JSON.parse(readFileSync(out('r.json'), 'utf8')) as {
      traceEvents: { name: string; ph: string; pid: number; ts?: number; args?: { slots?: number } }[]
    }
    const counters = perfetto.traceEvents.filter((e) => e.ph === 'C')
    expect(new Set(counters.map((e) => e.name))).toEqual(
      new Set(
        [
          'pool',
          'area 0',
          'area 1',
          '0000:00:02.0',
          '0000:00:03.0',
          '0000:00:05.0',
          '0000:00:06.0',
          '0000:00:1f.2',
          '0000:00:04.0'
        ].filter((n) => counters.some((c) => c.name === n))
      )
    )
    expect(
      counters.some((c) => c.name === 'pool') &&
        counters.some((c) => c.name === 'area 1') &&
        counters.some((c) => c.name === '0000:00:02.0')
    ).toBe(true)
    const j = JSON.parse(
      (await run(fixture('r02-tracefs.txt.gz'), '--dmesg', file('dmesg5.txt', dmesg), '--format', 'json')).out
    )
    expect(Math.max(...counters.filter((c) => c.name === 'pool').map((c) => c.args?.slots ?? 0))).toBe(
      j.predicted.hiwater
    )
    const events = await rowsOf(out('pq'), 'events')
    expect(events.length).toBe(j.events)
    const bounced = events.filter((e) => e['event'] === 'bounced')
    expect(bounced.length).toBe(
      j.devices.reduce((n: number, d: { swiotlb_bounced: number }) => n + d.swiotlb_bounced, 0)
    )
    expect(bounced.filter((e) => e['predicted_addr'] === e['recorded_addr']).length).toBe(j.predicted.exact.equal)
    const samples = await rowsOf(out('pq'), 'samples')
    expect(Math.max(...samples.filter((s) => s['track'] === 'pool').map((s) => Number(s['max_slots'])))).toBe(
      j.predicted.hiwater
    )
  })

  test('debugfs samples and marks in the trace are what it is compared with', async () => {
    const r = await run(
      fixture('r02-tracefs.txt.gz'),
      '--dmesg',
      file('dmesg6.txt', dmesg),
      '--debugfs',
      file('d.txt', '5.2 5.3 0 0 32768\n6.0 6.1 7 4711 32768\n'),
      '--format',
      'json'
    )
    expect(JSON.parse(r.out).measured).toMatchObject({ hiwater: 4711, max_used: 7 })
    const probes = await run(fixture('probes.txt'), '--format', 'json')
    expect(JSON.parse(probes.out).measured.hiwater).toBe(0)
    expect(JSON.parse(probes.out).other_events).toEqual(expect.arrayContaining([{ name: 'map_ret', count: 2 }]))
  })

  // The script of tbit record in a guest of 6.1.192 (test/guest), 64 MiB read and 32 MiB written: each CPU's first
  // search began where boot left off.
  test('a kernel before 6.3 searches otherwise', async () => {
    const j = JSON.parse((await run(fixture('guest-6.1.gz'), '--format', 'json')).out)
    expect(j).toMatchObject({
      lost: 0,
      skipped: [],
      verdict: { kind: 'fits' },
      pool: { nslabs: 32768, areas: 2 },
      predicted: { hiwater: 756, exact: { compared: 607, equal: 605 } }
    })
    const newer = gunzipSync(readFileSync(fixture('guest-6.1.gz')))
      .toString()
      .replaceAll('6.1.0-56', '6.12.0')
    expect(JSON.parse((await run(file('newer', newer), '--format', 'json')).out).predicted.exact).toEqual({
      compared: 607,
      equal: 523
    })
  })

  // Another boot of that guest: of 989 unmaps the probe missed 39, whose slots seem to be taken for ever.
  test('unmaps that the probes missed are no leak', async () => {
    const text = gunzipSync(readFileSync(fixture('guest-6.1-missed.gz'))).toString()
    const counted = (misses: number): string =>
      file(
        `missed-${misses}`,
        text.replace(
          '# section trace\n',
          `# section probes\n   tbit_map 989 0\n   tbit_map_ret 989 0\n   tbit_unmap 950 ${misses}\n# section trace\n`
        )
      )
    const uncounted = await run(fixture('guest-6.1-missed.gz'))
    expect(uncounted.out).toContain('The pool carries this load')
    expect(uncounted.out).toContain('how many unmaps the probes missed is not recorded')
    const known = JSON.parse((await run(counted(39), '--format', 'json')).out)
    expect(known).toMatchObject({ missed_unmaps: 39, verdict: { kind: 'fits' } })
    // None missed: then they are never unmapped.
    expect(JSON.parse((await run(counted(0), '--format', 'json')).out)).toMatchObject({
      missed_unmaps: 0,
      verdict: { kind: 'leaks' }
    })
  })

  // The same in a guest of 6.12.117, where cat of busybox has torn a line of trace_pipe and lost what stood behind it.
  test('how large the pool is, samples tell as well as a log; behind a torn line is a whole one', async () => {
    const r = await run(fixture('guest-6.12-torn.gz'))
    expect(r.out).toContain(
      'The pool carries this load: 1 008 of 32 768 slots at the peak (3 %). 1 calls\n  seem to have failed ' +
        'beside free slots: a part of the recording may be missing.'
    )
    expect(r.out).toContain('  2 unmaps without a map')
  })
})

/** The rows of the one file of a table. */
async function rowsOf(dir: string, table: string): Promise<Record<string, unknown>[]> {
  const files = readdirSync(join(dir, table), { recursive: true, encoding: 'utf8' }).filter((f) =>
    f.endsWith('.parquet')
  )
  expect(files.length).toBe(1)
  return parquetReadObjects({ file: await asyncBufferFromFile(join(dir, table, files[0] as string)) })
}

describe('bad input: a message, what could be read, never a crash', () => {
  test('a cut or damaged gzip, a cut zstd', async () => {
    const packed = readFileSync(fixture('r02-tracefs.txt.gz'))
    const cut = await run(file('cut.gz', packed.subarray(0, packed.length / 2)))
    expect(cut.code).toBe(2)
    expect(cut.err).toContain('TB-357')
    expect(cut.out).toMatch(/text \(gzip\), [\d ]+ lines, [1-9][\d ]* DMA events/)
    const bad = Uint8Array.from(packed)
    bad.fill(0xaa, packed.length / 2)
    expect(await run(file('bad.gz', bad))).toMatchObject({ code: 2, err: expect.stringContaining('TB-357') })
    const z = zstd(Buffer.from(text('r02-tracefs.txt.gz')))
    expect(await run(file('cut.zst', z.subarray(0, z.length / 2)))).toMatchObject({
      code: 2,
      err: expect.stringContaining('TB-357')
    })
  })

  test.each([
    ['rubbish', Uint8Array.from({ length: 5000 }, (_, i) => (i * 7919) % 256), 'TB-365'],
    ['an empty file', '', 'TB-359'],
    ['perf.data', 'PERFILE2xxxxxxxxxxxxxxxx', 'TB-358'],
    ['no DMA event', '          sh-1       [000] .....     1.000000: sched_switch: a ==> b\n', 'TB-366'],
    ['a trace.dat of the future', '\u0017\bDtracing99\u0000', 'TB-356'],
    ['text that is no trace', 'hello\nworld\n', 'TB-365']
  ])('%s', async (_, data, code) => {
    const r = await run(file('x', data))
    expect(r.code).toBe(2)
    expect(r.err).toContain(code)
  })

  test('a file that is not there, a directory, a wrong option', async () => {
    expect(await run(join(dir, 'nope'))).toMatchObject({ code: 2, err: expect.stringContaining('TB-002'), out: '' })
    expect(await run(dir)).toMatchObject({ code: 2, err: expect.stringContaining('directory') })
    expect(await run('x', '--pool', '33,5')).toMatchObject({ code: 2, err: expect.stringContaining('TB-362') })
    expect(await run('x', '--cost', '5')).toMatchObject({ code: 2, err: expect.stringContaining('TB-362') })
    expect(await run('x', '--what-if', 'pol=5')).toMatchObject({
      code: 2,
      err: expect.stringContaining("did you mean 'pool='")
    })
    expect(await run(fixture('r02-tracefs.txt.gz'), '--dmesg', file('none', 'no pool here'))).toMatchObject({
      code: 0,
      err: expect.stringContaining('TB-363')
    })
    expect(await run(fixture('r20-truncated.txt.gz'), '--what-if', 'force', '--cost', 'measured')).toMatchObject({
      code: 0,
      err: expect.stringContaining('TB-364')
    })
    const unknown = await run(fixture('r02-tracefs.txt.gz'), '--what-if', 'accepted=0000:00:02.7')
    expect(unknown.code).toBe(2)
    expect(unknown.out).toContain('TB-367')
  })

  test('a kernel newer than any known: its events are named and counted, the rest is replayed', async () => {
    const newer = text('r02-tracefs.txt.gz').replace(/dma_unmap_page/g, 'dma_unmap_folio')
    const r = await run(file('newer', newer))
    expect(r.code).toBe(0)
    expect(r.out).toMatch(/TB-360: [\d ]+ events 'dma_unmap_folio' are not known/)
  })

  test('skipped lines are counted by reason with the first one', async () => {
    const r = await run(
      file(
        'mixed',
        `${text('r02-tracefs.txt.gz')}what is this\nx-1 [000] ..... 9.0: dma_map_page: d dir=TO_DEVICE ` +
          'dma_addr=5 attrs=\nx-1 [000] ..... 9.0: dma_map_page: d dir=WEST dma_addr=5 size=1 phys_addr=5 attrs=\n' +
          `\u0001\u0002\n${'z'.repeat(3 << 20)}\ncut off`
      )
    )
    expect(r.out).toContain('TB-350: skipped 1: not an event of a trace, first at line 1 702: what is this')
    for (const code of ['TB-351', 'TB-352', 'TB-353', 'TB-354', 'TB-355']) expect(r.out).toContain(`${code}: skipped 1`)
  })
})

test('pools and prices as options', () => {
  expect(parsePool('65536,4')).toEqual({ start: null, nslabs: 65536, nareas: 4 })
  expect(parsePool('64M,2@0x7b9f3000')).toEqual({ start: 0x7b9f3000, nslabs: 32768, nareas: 2 })
  expect(parsePool('@7b9f3000')).toEqual({ start: 0x7b9f3000, nslabs: null, nareas: null })
  for (const bad of ['', '5', '65536,3', '1000,', 'x', '512@7b9f3001', '99999999999']) expect(parsePool(bad)).toBeNull()
  expect(parseCost('toll=900,rate=6G')).toEqual({ toll: 900, rate: 6 * 2 ** 30, copiers: 1, from: 'given' })
  expect(parseCost('rate=1000000,toll=0,copiers=4')).toMatchObject({ copiers: 4, rate: 1e6 })
  for (const bad of ['', 'toll=5', 'rate=6G', 'toll=a,rate=1', 'toll=1,rate=0', 'toll=1,rate=2,x=3'])
    expect(parseCost(bad)).toBeNull()
})

test('progress names rate and time left', () => {
  expect(progressLine(512 << 20, 1 << 30, 2)).toBe('512 MiB of 1 GiB (50 %), 256 MiB/s, 2 s left')
  expect(progressLine(10 << 20, 0, 1)).toBe('10 MiB, 10 MiB/s')
})

test(
  'a kernel older than 6.12 has swiotlb_bounced alone: what can be counted is, and the ' + 'rest is said to be unknown',
  async () => {
    const old = `${text('r02-tracefs.txt.gz')
      .split('\n')
      .filter((l) => l.startsWith('#') || l.includes('swiotlb_bounced'))
      .join('\n')}\n`
    const r = await run(file('old', old), '--dmesg', file('dmesg7.txt', dmesg))
    expect(r.code).toBe(0)
    expect(r.out).toContain('a kernel before 6.12')
    const j = JSON.parse((await run(file('old', old), '--format', 'json')).out)
    expect(j).toMatchObject({ bounces_only: true, predicted: { failed_maps: 0, failed_sg: 0 }, failures: { total: 0 } })
    expect(j.devices[0].bounced_bytes).toBeGreaterThan(0)
  }
)

// What the script of a page draws, with a stand-in for the library and the page.
function drawn(html: string): { id: string; lengths: number[]; series: number; ticks: number; lines: string[] }[] {
  const data = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)?.[1] ?? ''
  const code = [...html.matchAll(/<script>(.*?)<\/script>/gs)].at(-1)?.[1] ?? ''
  const out: ReturnType<typeof drawn> = []
  interface Drawing {
    hooks: { draw?: ((u: unknown) => void)[] }
    series: unknown[]
  }
  class Plot {
    static paths = { stepped: () => () => null }
    constructor(o: Drawing, d: number[][], el: { id: string }) {
      const plot = {
        id: el.id,
        lengths: d.map((x) => x.length),
        series: o.series.length,
        ticks: 0,
        lines: [] as string[]
      }
      const nothing = (): void => {}
      const ctx = {
        save: nothing,
        restore: nothing,
        beginPath: nothing,
        moveTo: nothing,
        lineTo: nothing,
        stroke: nothing,
        setLineDash: nothing,
        fillText: (t: string) => {
          plot.lines.push(t)
        },
        fillRect: () => {
          plot.ticks++
        }
      }
      for (const f of o.hooks.draw ?? [])
        f({ ctx, bbox: { left: 0, top: 0, width: 1e9, height: 300 }, valToPos: (v: number) => v })
      out.push(plot)
    }
  }
  new Function('document', 'uPlot', 'addEventListener', 'innerWidth', 'devicePixelRatio', code)(
    {
      getElementById: (id: string) => ({
        id,
        clientWidth: 900,
        textContent: data,
        replaceChildren: () => {},
        classList: { add: () => {} }
      }),
      querySelectorAll: () => []
    },
    Plot,
    () => {},
    380,
    2
  )
  return out
}

describe('the latency format', () => {
  const usual = text('r09-report.txt.gz')
  const rewritten = (time: (s: string) => string): string =>
    usual.replace(
      /^(\s*\S+-\d+)\s+\[0*(\d+)\]\s+(\d+\.\d+): /gm,
      (_, who: string, cpu: string, at: string) => `${who}      ${cpu}..... ${time(at)}: `
    )
  test.each([
    ['of trace-cmd report -l', (s: string) => s],
    ['of tracefs, in microseconds', (s: string) => `${Math.round(Number(s) * 1e6)}us!`]
  ] as const)('%s is the same trace', async (_, time) => {
    const latency = rewritten(time)
    expect(latency).not.toBe(usual)
    const json = async (name: string, data: string | Uint8Array): Promise<Record<string, unknown>> => {
      const {
        source: _s,
        clock: _c,
        context: _x,
        ...rest
      } = JSON.parse((await run(file(name, data), '--format', 'json')).out)
      return rest
    }
    const want = await json('usual.txt', usual)
    expect(want['events']).toBeGreaterThan(500)
    for (const [name, data] of [
      ['latency.txt', latency],
      ['latency.gz', gzipSync(latency)]
    ] as const)
      expect(await json(name, data)).toMatchObject({
        events: want['events'],
        predicted: want['predicted'],
        devices: want['devices']
      })
  })
})

test('no line is longer than 80 columns, but for names that are', async () => {
  const long = text('r04-full.txt.gz').replaceAll('0000:00:02.0', 'ffff8000deadbeef.a-very-long-name-of-a-device')
  const from = file('a-trace-whose-name-alone-is-nearly-as-long-as-a-line-of-the-terminal.txt', long)
  const r = await run(from, '--what-if', 'force pool=1024', '--what-if', 'accepted=all kernel=tio-v2')
  expect(r.out).toContain('a-very-long-name')
  expect(r.out.split('\n').filter((l) => l.length > 80 && !l.startsWith(dir))).toEqual([])
})

test(
  'the plots of the html report: arrays of one length, the pool as a line, failures by ' + 'cause, what-ifs beside it',
  async () => {
    const path = join(dir, 'plot.html')
    await run(fixture('r02-tracefs.txt.gz'), '--dmesg', file('dmesg8.txt', dmesg), '--html', path)
    const plots = drawn(readFileSync(path, 'utf8'))
    expect(plots.map((d) => d.id)).toEqual(['pool', 'areas', 'devices'])
    for (const d of plots) {
      expect(new Set(d.lengths).size).toBe(1)
      expect(d.lengths[0]).toBeGreaterThan(100)
      expect(d.lengths.length).toBe(d.series)
    }
    expect(plots[0]).toMatchObject({ lines: ['pool: 32\u202f768 slots'] })

    await run(fixture('r04-full.txt.gz'), '--what-if', 'pool=4096', '--html', path)
    const html = readFileSync(path, 'utf8')
    const full = drawn(html)
    expect(full[0]?.series).toBe(3)
    expect(full[0]?.ticks).toBeGreaterThan(0)
    expect(html).toMatch(/<i style="background:#[0-9a-f]{6}"><\/i>\d+ not predicted: the model had room/)
    // The answer comes before everything, the self-check last.
    const order = [
      'class="verdict fills"',
      '<h2>Devices</h2>',
      '<h2>Occupancy</h2>',
      '<h2>What if: pool=4096</h2>',
      '<h2>Prediction against recording</h2>'
    ].map((x) => html.indexOf(x))
    expect(order.every((at, i) => at > (order[i - 1] ?? 0))).toBe(true)
  }
)
