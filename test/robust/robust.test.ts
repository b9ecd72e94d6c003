// Inputs that once hung, crashed, were believed or reached the terminal: each answers with a code and its place, or
// rightly. The verbs run as the command line runs them, in this process; what stands on a terminal is judged behind its
// door (printable).
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { printable } from '../../src/base/index.ts'
import { checkVerb } from '../../src/cli/check.ts'
import { conformVerb } from '../../src/cli/conform.ts'
import { explainVerb } from '../../src/cli/explain.ts'
import type { Io } from '../../src/cli/io.ts'
import { planVerb } from '../../src/cli/plan.ts'
import { replayVerb } from '../../src/cli/replay.ts'
import { checkFormats } from '../../src/report/check-formats.ts'
import { version6 } from '../../src/replay/_trace-dat-maker.ts'
import { captured, type Ran } from '../captured.ts'
import { scratch } from '../scratch.ts'

const verbs: Readonly<Record<string, (io: Io) => Command | Promise<Command>>> = {
  check: checkVerb,
  conform: conformVerb,
  explain: explainVerb,
  plan: planVerb,
  replay: replayVerb
}
const dir = scratch('robust')
const made = (name: string, data: string | Uint8Array): string => {
  writeFileSync(join(dir, name), data)
  return join(dir, name)
}
const at = (name: string): string => join(__dirname, 'cases', name)

// biome-ignore lint/suspicious/noControlCharactersInRegex: what must not come out
const ACTS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/

async function run(verb: string, ...args: string[]): Promise<Ran> {
  const { io, ran: r } = captured(0, printable)
  const command = await (verbs[verb] as (io: Io) => Command)(io)
  await command.exitOverride().parseAsync(args, { from: 'user' })
  expect(`${r.out}${r.err}`).not.toMatch(ACTS)
  expect(`${r.out}${r.err}`).not.toMatch(/\b(NaN|Infinity) (s|%)/)
  return r
}

const flat = (text: string): string => text.replace(/\s+/g, ' ')

describe('replay', () => {
  test('a cut line swallows nothing: no device, no event that is not there', async () => {
    expect(await run('replay', at('replay-hang-31-bytes.txt'))).toMatchObject({
      code: 2,
      err: expect.stringContaining('TB-365')
    })
    for (const [name, events] of [
      ['replay-hang-realistic.txt', 10],
      ['replay-line-swallowed.txt', 20],
      ['replay-cut-last-line-control.txt', 5]
    ] as const) {
      const r = await run('replay', at(name))
      expect(r.code).toBe(0)
      expect(flat(r.out)).toContain(`${events} DMA events`)
      expect(r.out).not.toContain('dma_map_page:  ')
    }
    const line =
      '          ioload-384     [000] d.H..    18.000001: dma_map_page: 0000:00:03.0 dir=FROM_DEVICE ' +
      'dma_addr=109c5f000 size=4096 phys_addr=109c5f000 attrs=\n'
    const long = await run('replay', made('long.txt', `${line.repeat(600)}${line.slice(0, line.indexOf('dir=') + 4)}`))
    expect(long.code).toBe(0)
    expect(flat(long.out)).toContain('600 DMA events')
    expect(flat(long.out)).toContain('the last line is cut off')
  })

  test('a recording without length, or without an event', async () => {
    expect(flat((await run('replay', at('replay-first-at-NaN.txt'))).out)).toContain('0.285 s')
    expect(await run('replay', at('replay-cost-NaN.txt'), '--cost', 'measured')).toMatchObject({ code: 2 })
    // One event: the recording lasts no time, and nothing may be divided by that.
    const one =
      't-1 [000] d..1. 17.040932: swiotlb_bounced: dev_name: a dma_mask=ffffffff dev_addr=fffff000 size=4096 FORCE\n'
    for (const more of [
      [],
      ['--what-if', 'pool=512', '--cost', 'toll=1,rate=1G'],
      ['--pool', '128'],
      ['--html', join(dir, 'one.html'), '--perfetto', join(dir, 'one.json')]
    ])
      expect((await run('replay', made('one.txt', one), ...more)).code).toBe(0)
    expect(readFileSync(join(dir, 'one.html'), 'utf8')).not.toMatch(/NaN|Infinity/)
  })

  test('names that are words of JavaScript or of terminals are devices as any other', async () => {
    const r = JSON.parse((await run('replay', at('hostile-names.trace'), '--format', 'json')).out) as {
      devices: Array<{ device?: string; name?: string }>
    }
    expect(r.devices.map((d) => d.device ?? d.name)).toEqual(
      expect.arrayContaining(['__proto__', 'constructor', 'toString', '<script>alert(1)</script>'])
    )
  })

  test(
    'addresses beyond 2^53 and a header of ten million CPUs are no pool; samples of a pool that cannot be are not ' +
      'its size',
    async () => {
      const bounce = (cpu: number, at: string): string =>
        `t-1 [00${cpu}] d..1. 17.0${cpu}: swiotlb_bounced: dev_name: a dma_mask=ffffffff dev_addr=1000 size=4096 ` +
        `FORCE\nt-1 [00${cpu}] d..1. 17.0${cpu}1: dma_map_page: a dir=FROM_DEVICE dma_addr=${at} size=4096 ` +
        'phys_addr=1000 attrs=\n'
      const trace = made(
        'wild.txt',
        `#P:9999999\n${bounce(0, 'f8000000')}${bounce(1, 'fffffffffffff000')}${bounce(2, '20000000000801')}` +
          `${bounce(3, 'fa000000')}`
      )
      expect((await run('replay', trace)).code).toBe(0)
      for (const n of ['0', '-1', '99999999999999999999'])
        expect((await run('replay', trace, '--debugfs', made('debugfs', `20.1 20.2 0 64 ${n}\n`))).code).toBe(0)
    }
  )

  test('forty thousand mappings of three thousand devices that are never unmapped', async () => {
    const line = (i: number): string =>
      `t-1 [000] d..1. 17.${String(i).padStart(6, '0')}: dma_map_page: dev${i % 3000} dir=FROM_DEVICE dma_addr=` +
      `${(i * 4096).toString(16)} size=6 phys_addr=${(i * 4096).toString(16)} attrs=\n`
    const r = JSON.parse(
      (
        await run(
          'replay',
          made('devices.txt', Array.from({ length: 40_000 }, (_, i) => line(i)).join('')),
          '--format',
          'json'
        )
      ).out
    ) as { events: number; devices: Array<{ device?: string; name?: string }> }
    expect(r.events).toBe(40_000)
    expect(r.devices.length).toBe(2048)
    expect(r.devices.map((d) => d.device ?? d.name)).toContain('(more devices)')
  })

  test('a trace.dat with pages of no size', async () => {
    const dat = Uint8Array.from(version6(false))
    // Behind the magic, the version and its end, the byte order and the size of a long.
    const size = dat.indexOf(0, 10) + 3
    expect(new DataView(dat.buffer).getUint32(size, true)).toBe(4096)
    dat.fill(0, size, size + 4)
    expect(await run('replay', made('zero.dat', dat))).toMatchObject({
      code: 2,
      err: expect.stringContaining('pages of 0 bytes')
    })
  })

  test.each([1, 2, 3, 4, 6, 7])('a pool in the log that no kernel has: %i', async (i) => {
    const trace = made(
      't.txt',
      't-1 [000] d..1. 17.040932: dma_map_page: a dir=FROM_DEVICE dma_addr=7000 size=6 phys_addr=1000 attrs=\n'
    )
    const r = await run('replay', trace, '--dmesg', at(`dmesg-${i}.txt`))
    expect(r.code).toBe(0)
    // What is left of the log is used.
    expect(flat(r.out)).toContain(i <= 3 ? '32 768 slots (64 MiB) at 0x7b9f3000' : 'pool: not known')
    if (i > 3) expect(r.err).toContain('TB-363')
    expect(await run('explain', 'log', at(`dmesg-${i}.txt`))).toMatchObject({
      code: 0,
      out: expect.stringMatching(/which\s+no kernel has: the\s+line\s+is\s+not\s+used/)
    })
  })
})

test('explain log: escape sequences are no words of a kernel', async () => {
  expect(await run('explain', 'log', at('hostile.dmesg'))).toMatchObject({
    code: 2,
    out: expect.stringContaining('could not map 262144 bytes'),
    err: expect.stringContaining('TB-303')
  })
})

test('explain log: failures of devices without number are told of so many, the others as one', async () => {
  const log = made(
    'many.log',
    Array.from(
      { length: 3000 },
      (_, i) =>
        `[ ${i}.0] nvme${i} 0000:00:02.0: swiotlb buffer is full (sz: 4096 bytes), total 32768 (slots), used ` +
        '32768 (slots)\n'
    ).join('')
  )
  const r = JSON.parse((await run('explain', 'log', log, '--format', 'json')).out) as {
    failures: Array<{ device: string; count: number }>
  }
  expect(r.failures.length).toBe(513)
  expect(r.failures.find((f) => f.device === '(more devices)')?.count).toBe(3000 - 512)
})

describe('check', () => {
  test('words of JavaScript are words like any other; the other files have their answer', async () => {
    const r = await run(
      'check',
      at('proto-2.litmus'),
      at('proto-foreign.litmus'),
      at('explain-not-reparsed.litmus'),
      at('terminal-escape.litmus')
    )
    expect(r.code).toBe(2)
    expect(r.err).toContain("proto-2.litmus:5:12: error TB-228: 'toString'")
    expect(r.err).toContain("proto-foreign.litmus:4:3: error TB-206: 'valueOf'")
    expect(r.err).toContain("explain-not-reparsed.litmus:16:27: error TB-210: 'a0' is used before anything sets it")
    expect(r.out).toContain('linux-6.12  none  ok')
  })

  test.each(Object.keys(checkFormats))('a title of escapes and of turned text: %s', async (format) => {
    const r = await run('check', at('terminal-escape.litmus'), '--format', format)
    expect(r.out).not.toBe('')
    if (format === 'json') expect(JSON.parse(r.out)).toMatchObject({ results: [{ test: 'a' }] })
  })

  test('what --explain prints is the test again, escapes and all', async () => {
    const r = await run('check', at('terminal-escape.litmus'), '--explain')
    expect(await run('check', made('again.litmus', r.out), '--explain')).toMatchObject({ code: 0, out: r.out })
  })
})

test('conform swiotlb: what the model cannot carry out is said with its line, not as damage of the file', async () => {
  const r = await run('conform', 'swiotlb', at('conform-swiotlb-halt.jsonl'))
  expect(r).toMatchObject({ code: 2, err: expect.stringContaining('conform-swiotlb-halt.jsonl:4:1: error TB-005') })
  expect(r.err).not.toContain('damaged')
})

test('plan: costs with words of JavaScript', async () => {
  for (const text of [
    '{"costs": {"constructor": 1}}',
    '{"constructor": {}}',
    '{"costs": {"__proto__": [1, 2]}}',
    '{"costs": {"toString": 5}, "unit": 1}'
  ]) {
    expect(await run('plan', '--ram', '1G', '--costs', made('costs.json', text))).toMatchObject({
      code: 2,
      err: expect.stringMatching(/costs\.json(:\d+:\d+)?: error TB-\d+/)
    })
  }
})
