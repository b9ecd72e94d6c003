import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { formatTraceLine, MAPPING_ERROR, Trace, traceEventsOf, type TraceValues } from '../kernel/trace-events.ts'
import { plain } from './_plain-event.ts'
import { hashBytes, Irq, Names } from './event.ts'
import { type SlowEvent, slowText, type SlowText } from './scan-slow.ts'
import { MAX_LINE, TextScanner } from './scan.ts'
import { Skips } from './skips.ts'
import { runs } from '../../test/runs.ts'

function fast(
  text: string | Uint8Array,
  cuts: readonly number[] = []
): { events: SlowEvent[]; skips: Skips; scanner: TextScanner } {
  const names = new Names()
  const skips = new Skips()
  const events: SlowEvent[] = []
  const scanner = new TextScanner(
    {
      event: (ev) => {
        events.push(plain(ev, names))
      }
    },
    names,
    skips
  )
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text
  let from = 0
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    const to = Math.max(from, Math.min(bytes.length, cut))
    scanner.push(bytes.slice(from, to))
    from = to
  }
  scanner.push(bytes.slice(from))
  scanner.end()
  return { events, skips, scanner }
}

const slow = (text: string): SlowText => slowText(new TextEncoder().encode(text))

const counts = (s: Skips): Record<string, number> => Object.fromEntries(s.list().map((x) => [x.reason, x.count]))
const fixture = (name: string): string => {
  const b = readFileSync(join(__dirname, '../../test/fixtures/replay', name))
  return (name.endsWith('.gz') ? gunzipSync(b) : b).toString('utf8')
}

// ---- Generators: well-formed lines of every event, in the four text dialects, then damage.
const address = fc.oneof(
  fc.nat({ max: 2 ** 31 - 1 }),
  fc.bigInt({ min: 0n, max: 2n ** 52n - 1n }).map(Number),
  fc.constant(MAPPING_ERROR)
)
const list = fc.array(fc.bigInt({ min: 0n, max: 2n ** 50n }).map(Number), { maxLength: 9 })
const device = fc.constantFrom('0000:00:02.0', '0000:00:1f.2', 'vmbus_1', 'a', '0001:c0:00.0')
const kernel = fc.constantFrom('6.12', '6.18', '7.1')
const values = fc.record({
  device,
  dev_name: device,
  dir: fc.nat({ max: 3 }),
  dma_addr: address,
  size: fc.nat({ max: 1 << 20 }),
  phys_addr: address,
  dev_addr: address,
  dma_mask: address,
  attrs: fc.nat({ max: 0x3fff }),
  force: fc.boolean(),
  nents: fc.nat({ max: 200 }),
  ents: fc.nat({ max: 200 }),
  truncated: fc.boolean(),
  dma_addrs: list,
  sizes: list,
  phys_addrs: list,
  virt_addr: fc.nat(),
  flags: fc.constant('GFP_KERNEL|__GFP_NOWARN'),
  err: fc.nat(),
  text: fc.constantFrom('phase begin', 'swiotlb_sample used=3 hiwater=7 nslabs=512', '')
})
const place = fc.record({
  task: fc.constantFrom('ioload', '<idle>', 'kworker/u8:1', 'a b', 'x[1]y', 'tricky: n', 'sh-4'),
  pid: fc.nat({ max: 4194304 }),
  cpu: fc.nat({ max: 300 }),
  flags: fc.constantFrom('.....', 'd.h1.', '..s..', 'dNH2.', '.z...', 'b....'),
  time: fc.nat({ max: 2 ** 31 - 1 }).map((n) => n * 1e6 + 1000)
})
const line = fc.tuple(kernel, fc.nat(), values, place).map(([k, n, v, at]) => {
  const specs = traceEventsOf(k)
  return formatTraceLine(specs[n % specs.length] as (typeof specs)[number], v as unknown as TraceValues, at, k)
})
const dialect = fc.tuple(line, fc.constantFrom('tracefs', 'pipe', 'report', 'perf', 'crlf')).map(([l, d]) => {
  const m = /^(\s*.*)-(\d+)\s+\[(\d+)\] (\S+)\s+(\d+\.\d+): (\w+): (.*)$/s.exec(l)
  if (!m) return l
  const [, task, pid, cpu, flags, time, name, args] = m
  switch (d) {
    case 'pipe':
      return `${task}-${pid}     (    ${pid}) [${cpu}] ${flags}    ${time}: ${name}: ${args}`
    case 'report':
      return `${task}-${pid}    [${cpu}]    ${time}: ${(`${name}:`).padEnd(21)} ${args}`
    case 'perf':
      return `${task} ${pid} [${cpu}]   ${time}: dma:${name}: ${args}`
    case 'crlf':
      return `${l}\r`
    default:
      return l
  }
})
const damage = fc
  .tuple(
    dialect,
    fc.nat(),
    fc.nat({ max: 6 }),
    fc.constantFrom(
      '',
      ' ',
      '=',
      '{',
      '}',
      '0x',
      ',',
      '[',
      ']',
      ':',
      'ffffffffffffffff',
      '[TRUNCATED]',
      '[FAILED TO PARSE]',
      '-',
      'g'
    )
  )
  .map(([l, at, drop, put]) => {
    const i = at % (l.length + 1)
    return l.slice(0, i) + put + l.slice(i + drop)
  })
const odd = fc.constantFrom(
  'CPU:0 [LOST 90 EVENTS]',
  'CPU:3 [LOST EVENTS]',
  'CPU:1 [7 EVENTS DROPPED]',
  '# comment',
  '',
  'cpus=2',
  'garbage',
  '[000] nothing',
  '##### CPU 1 buffer started ####',
  'x-1 [000] 1.5: dma_map_sg: [FAILED TO PARSE] device=0000:00:1f.2 full_nents=1 full_ents=1 truncated=0 ' +
    'phys_addrs=ARRAY[c0, 28, e6, 01, 01, 00, 00, 00] dma_addrs=ARRAY[00, f0, 9f, 7d, 00, 00, 00, 00] ' +
    'lengths=ARRAY[00, 02, 00, 00] dir=2 attrs=0x0',
  'x-1 [000] 1.5: dma_unmap_sg: [FAILED TO PARSE] device=0000:00:1f.2 addrs=ARRAY[00, 00, 00, 01, 01, e6, 28, ' +
    'c0] dir=2 attrs=0x0',
  'x-1 [001] 17: sched_switch: prev=a next=b',
  'x-1 [001] 1.5: dma_map_page: [FAILED TO PARSE] device=d phys_addr=4312289280 dma_addr=2107584512 size=4096 ' +
    'dir=2 attrs=0x0',
  'x-1 [001] 1.5: dma_map_page: [FAILED TO PARSE] device=d phys_addr=101f85000 dma_addr=0x7d9f3000 size=4096 ' +
    'dir=2 attrs=0x0'
)

// What was found by throwing things at it, and what resembles it. A letter is a byte here.
const numbers = [
  '0',
  '-1',
  '4294967296',
  '18446744073709551615',
  '18446744073709551616',
  '99999999999999999999999',
  'ffffffffffffffff',
  '0xfffffffffffffffff',
  `1${'0'.repeat(400)}`,
  'NaN',
  '1e309',
  ''
]
const hostile = fc.oneof(
  fc.constantFrom(
    '[001] 007980: dma_map_page:',
    '  ',
    '[001] 1.5: dma_map_sg:',
    '[001] 1.5: swiotlb_bounced:',
    'x-1 [001] 1.5: dma_map_page: ',
    'x-1 [001] 1.5: dma_map_page:\r',
    `x-1 [001] 1.5: dma_unmap_page: ${'\0'.repeat(12)} dir=TO_DEVICE dma_addr=10 size=512 attrs=`,
    '0000:00:02.0 dir=TO_DEVICE dma_addr=10 size=512 phys_addr=20 attrs=',
    ' dev_name: 0000:00:02.0 dma_mask=ffffffffffffffff dev_addr=101f85000 size=4096 FORCE',
    'x-1 [001] 1.5: dma_unmap_page: 0000:00:02.0 dir=TO_XXXXCE dma_addr=10 size=512 attrs=',
    'x-1 [001] 1.5: dma_unmap_page: d dir=T',
    'x-1 [001] 1.5: dma_map_page: 0000:00:02.0 dir=TO_DEVICX dma_addr=10 size=1 phys_addr=2 attrs=',
    'x-1 [001] 1.5: dma_map_page: 0000:00:02.0 dir=TxxxxxxxxE dma_addr=10 size=1 phys_addr=2 attrs=',
    '[L[L[L[0 [0 [1 [LOST 1 EVENTS]',
    '\u00a0[LOST EVENTS]',
    '\u00a0',
    '\u000b',
    ':',
    '[1] 1:',
    '[1] 1: :',
    '[1] :',
    `[1] 1: ${'n'.repeat(140)}: x`,
    `x-1 [001] 1.5: dma_unmap_page: ${'d'.repeat(300)} dir=TO_DEVICE dma_addr=10 size=512 attrs=`,
    'x-1 [001] 1.5: dma_map_page: __proto__ dir=TO_DEVICE dma_addr=1 size=1 phys_addr=1 attrs=constructor',
    'x-1 [001] 1.5: constructor: x',
    'x-1 [001] 1.5: __proto__: x',
    '#'
  ),
  fc
    .tuple(fc.constantFrom(...numbers), fc.nat({ max: 9 }))
    .map(
      ([n, k]) =>
        [
          `x-${n} [001] 1.5: dma_unmap_page: d dir=TO_DEVICE dma_addr=10 size=512 attrs=`,
          `x-1 [${n}] 1.5: dma_unmap_page: d dir=TO_DEVICE dma_addr=10 size=512 attrs=`,
          `x-1 [001] ${n}.5: dma_unmap_page: d dir=TO_DEVICE dma_addr=10 size=512 attrs=`,
          `x-1 [001] 1.${n}: dma_unmap_page: d dir=TO_DEVICE dma_addr=10 size=512 attrs=`,
          `x-1 [001] 1.5: dma_unmap_page: 0000:00:02.0 dir=TO_DEVICE dma_addr=${n} size=512 attrs=`,
          `x-1 [001] 1.5: dma_unmap_page: 0000:00:02.0 dir=TO_DEVICE dma_addr=1 size=${n} attrs=0x${n}`,
          `x-1 [001] 1.5: dma_map_sg: d dir=TO_DEVICE nents=${n}/${n} ents=2/${n} dma_addrs={${n}} sizes={0x` +
            `${n}} phys_addrs={0x1,${n}} attrs=`,
          `CPU:${n} [LOST ${n} EVENTS]`,
          `# entries-in-buffer/entries-written: ${n}/${n}   #P:${n}`,
          `##### CPU ${n} buffer started ####`
        ][k] as string
    )
)
// Letters changed in place, which keeps what stands behind them where a fast step looks for it.
const changed = fc
  .tuple(
    dialect,
    fc.array(fc.tuple(fc.nat(), fc.constantFrom('\n', '\r', '\0', ' ', '=', ':', 'X', '0', 'f', '\u00ff')), {
      minLength: 1,
      maxLength: 3
    })
  )
  .map(([l, changes]) => {
    const letters = [...l]
    for (const [at, c] of changes) letters[at % letters.length] = c
    return letters.join('')
  })
const rubbish = fc.uint8Array({ maxLength: 60 }).map((b) => Buffer.from(b).toString('latin1').replace(/\n/g, ' '))

describe('the scanner and its readable twin agree', () => {
  test('on generated lines of all events and dialects', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(dialect, odd), { minLength: 1, maxLength: 6 }), (lines) => {
        const text = `${lines.join('\n')}\n`
        const a = fast(text)
        const b = slow(text)
        expect(a.events).toEqual(b.events)
        expect(counts(a.skips)).toEqual(b.skipped)
      }),
      { numRuns: runs(2000) }
    )
  })

  test('on damaged lines', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(damage, odd), { minLength: 1, maxLength: 4 }), (lines) => {
        const text = `${lines.join('\n')}\n${' '.repeat(80)}\n`
        const a = fast(text)
        const b = slow(text)
        expect(a.events).toEqual(b.events)
        expect(counts(a.skips)).toEqual(b.skipped)
      }),
      { numRuns: runs(4000) }
    )
  })

  // What stands before the time is known again by its bytes, eight at a time as a double: zero and NaN among them.
  test('on lines that begin as one before them did, but for a few bytes', () => {
    const other = fc.record({
      at: fc.nat({ max: 60 }),
      length: fc.integer({ min: 1, max: 16 }),
      byte: fc.constantFrom(0, 0x80, 0xff, 0x0d, 0x20, 0x23, 0x2d, 0x30, 0x39, 0x41, 0x4c, 0x5b, 0x5d),
      last: fc.constantFrom(null, 0, 0x80, 0x20, 0x31)
    })
    fc.assert(
      fc.property(dialect, fc.array(other, { minLength: 1, maxLength: 8 }), (l, others) => {
        const plainLine = Buffer.from(`${l}\n`, 'latin1')
        const parts = [plainLine, plainLine]
        for (const o of others) {
          const changedLine = Buffer.from(plainLine)
          const to = Math.min(o.at + o.length, changedLine.length - 1)
          changedLine.fill(o.byte, o.at, to)
          if (o.last !== null && to > o.at) changedLine[to - 1] = o.last
          parts.push(changedLine, plainLine, changedLine)
        }
        const bytes = new Uint8Array(Buffer.concat(parts))
        const a = fast(bytes)
        const want = slowText(bytes)
        expect(a.events).toEqual(want.events)
        expect(counts(a.skips)).toEqual(want.skipped)
        expect(a.scanner.others).toEqual(want.others)
      }),
      { numRuns: runs(2000) }
    )
  })

  // What a chunk size or the place of a cut must not change.
  const all = (r: ReturnType<typeof fast>): unknown => [
    r.events,
    r.skips.list(),
    r.scanner.lines,
    r.scanner.events,
    r.scanner.bytes,
    [...r.scanner.others],
    r.scanner.header
  ]

  test('on whole inputs of any bytes, cut off anywhere, in chunks of any size', () => {
    const bytes = fc
      .tuple(
        fc.array(fc.oneof(dialect, damage, odd, hostile, changed, rubbish), { minLength: 1, maxLength: 6 }),
        fc.nat({ max: 3 }),
        fc.nat()
      )
      .map(([lines, cut, at]) => {
        const b = Buffer.from(`${lines.join('\n')}\n`, 'latin1')
        return new Uint8Array(cut === 0 ? b.subarray(0, at % (b.length + 1)) : b)
      })
    const chunks = fc.oneof(fc.array(fc.nat({ max: 1500 }), { maxLength: 5 }), fc.integer({ min: 1, max: 70 }))
    fc.assert(
      fc.property(bytes, chunks, (b, chosen) => {
        const cuts =
          typeof chosen === 'number' ? Array.from({ length: b.length / chosen }, (_, i) => (i + 1) * chosen) : chosen
        const a = fast(b, cuts)
        expect(all(a)).toEqual(all(fast(b)))
        const want = slowText(b)
        expect(a.events).toEqual(want.events)
        expect(counts(a.skips)).toEqual(want.skipped)
        expect(a.scanner.lines).toBe(want.lines)
        expect(a.scanner.others).toEqual(want.others)
      }),
      { numRuns: runs(4000) }
    )
  })

  test.each([
    'r02-tracefs.txt.gz',
    'r04-full.txt.gz',
    'r08-pipe.txt.gz',
    'r09-report.txt.gz',
    'r20-truncated.txt.gz',
    'probes.txt'
  ])('on extracts of recordings: %s', (name) => {
    const text = fixture(name)
    const a = fast(text)
    const b = slow(text)
    expect(a.events.length).toBeGreaterThan(10)
    expect(a.events).toEqual(b.events)
    expect(counts(a.skips)).toEqual(b.skipped)
  })
})

describe('what an event says', () => {
  const one = (text: string): SlowEvent => {
    const { events } = fast(`${text}\n`)
    expect(events.length).toBe(1)
    return events[0] as SlowEvent
  }

  test('a failed mapping is MAPPING_ERROR; sizes are decimal, lists hex', () => {
    expect(
      one(
        '          ioload-399     [000] .....    17.884683: dma_map_page: 0000:00:02.0 dir=FROM_DEVICE ' +
          'dma_addr=ffffffffffffffff size=258048 phys_addr=10d6bd000 attrs='
      )
    ).toMatchObject({
      kind: Trace.map,
      time: 17884683000,
      cpu: 0,
      pid: 399,
      irq: Irq.task,
      device: '0000:00:02.0',
      dir: 2,
      dma: MAPPING_ERROR,
      size: 258048,
      phys: 0x10d6bd000
    })
    expect(
      one(
        'x-1 [001] dNH2. 1.000002: dma_map_sg: d dir=TO_DEVICE nents=2/2 ents=2/2 dma_addrs={0x10,0x20} ' +
          'sizes={0x200,0x1000} phys_addrs={0x1,0x2} attrs=NO_WARN'
      )
    ).toMatchObject({
      irq: Irq.hard,
      dmas: [16, 32],
      sizes: [512, 4096],
      physs: [1, 2],
      nents: 2,
      truncated: false,
      attrs: 256
    })
  })

  test('keys count, not places: another order of fields is the same event', () => {
    const a = one('x-1 [001] ..... 1.0: dma_map_page: d dir=TO_DEVICE dma_addr=10 size=512 phys_addr=20 attrs=')
    const b = one(
      'x-1 [001] ..... 1.0: dma_map_page: d attrs= phys_addr=20 new_key=7 size=512 dma_addr=10 dir=TO_DEVICE'
    )
    expect(b).toEqual(a)
  })

  test('dma_map_phys of 6.18 is what dma_map_page was; attributes of later kernels are read', () => {
    expect(
      one('x-1 [001] ..... 1.0: dma_map_phys: d dir=TO_DEVICE dma_addr=10 size=512 phys_addr=20 attrs=MMIO|CC_SHARED')
    ).toMatchObject({ kind: Trace.map, attrs: (1 << 10) + (1 << 13) })
    expect(
      one(
        'x-1 [001] ..... 1.0: dma_map_phys: d dir=TO_DEVICE dma_addr=10 size=512 phys_addr=20 ' +
          'attrs=NO_WARN|OF_THE_FUTURE'
      )
    ).toMatchObject({ attrs: 256 })
  })

  test('attributes are known by their text: two that have one hash, one behind the other', () => {
    const line = (attrs: string): string =>
      ` a-1 [000] ..... 1.000000: dma_unmap_page: 0000:00:02.0 dir=TO_DEVICE dma_addr=1000 size=64 attrs=${attrs}\n`
    const texts = ['NO_WARN|9185h50u4mve9', 'SKIP_CPU_SYNC|fap1gar']
    const bytes = texts.map((t) => new TextEncoder().encode(t))
    expect(new Set(bytes.map((b) => hashBytes(b, 0, b.length))).size).toBe(1)
    const text = [...texts, ...texts].map(line).join('')
    expect(fast(text).events.map((e) => e.attrs)).toEqual(slow(text).events.map((e) => e.attrs))
    expect(new Set(fast(text).events.map((e) => e.attrs)).size).toBe(2)
  })
  test('events are known by their names: others that have their hash are others', () => {
    const line = (name: string): string => ` a-1 [000] ..... 1.000000: ${name}: 259,0 R 4096 () 1048576 + 8 [a]\n`
    const names = ['block_rq_issue', 'bmPck_rq_issue', 'block_rq_issue', 'Aa', 'BB', 'Aa']
    expect(new Set(names.map((n) => hashBytes(new TextEncoder().encode(n), 0, n.length))).size).toBe(2)
    const { events, scanner } = fast(names.map(line).join(''))
    expect(events.map((e) => e.kind)).toEqual([Trace.blockIssue, Trace.blockIssue])
    expect(Object.fromEntries(scanner.others)).toEqual({ block_rq_issue: 2, bmPck_rq_issue: 1, Aa: 2, BB: 1 })
  })
  test('a truncated scatter-gather event keeps both counts', () => {
    expect(
      one(
        'x-1 [000] d..1. 9.395389: dma_map_sg: d dir=FROM_DEVICE nents=128/168 ents=128/168 [TRUNCATED] ' +
          'dma_addrs={0x1} sizes={0x2} phys_addrs={0x3} attrs='
      )
    ).toMatchObject({ nents: 168, ents: 168, truncated: true })
  })

  test('libtraceevent prints lists in decimal with blanks', () => {
    expect(
      one('x 1 [000] 9.395389123: dma:dma_unmap_sg: d dir=FROM_DEVICE phys_addrs={4096 8192} attrs=')
    ).toMatchObject({ physs: [4096, 8192], time: 9395389123, pid: 1, irq: Irq.unknown })
  })

  test('trace-cmd report -R and unparsed events give the same numbers', () => {
    const want = { device: '0000:00:02.0', phys: 0x101f85000, dma: 0x7d9f3000, size: 4096, dir: 2 }
    expect(
      one(
        '    kworker/u8:1-31    [001]     9.459970: dma_map_page:          device=0000:00:02.0 ' +
          'phys_addr=101f85000 dma_addr=7d9f3000 size=4096 dir=2 attrs=0x0'
      )
    ).toMatchObject(want)
    expect(
      one(
        '    kworker/u8:1-31    [001]     9.459970: dma_map_page:          [FAILED TO PARSE] device=0000:00:02.0 ' +
          'phys_addr=4328017920 dma_addr=2107584512 size=4096 dir=2 attrs=0x0'
      )
    ).toMatchObject(want)
    expect(
      one(
        '    kworker/u8:1-31    [001]     9.459437: swiotlb_bounced:       dev_name=0000:00:02.0 ' +
          'dma_mask=ffffffffffffffff dev_addr=101f85000 size=4096 force=1'
      )
    ).toMatchObject({ phys: 0x101f85000, force: true, mask: MAPPING_ERROR })
  })

  test('lost events keep their CPU and count', () => {
    expect(one('CPU:3 [LOST 90 EVENTS]')).toMatchObject({ kind: Trace.lost, cpu: 3, count: 90 })
    expect(one('CPU:3 [LOST EVENTS]')).toMatchObject({ count: -1 })
    expect(one('CPU:1 [12 EVENTS DROPPED]')).toMatchObject({ cpu: 1, count: 12 })
  })
})

describe('input that is not what it should be', () => {
  const good = 'x-1 [001] ..... 1.0: dma_unmap_page: d dir=TO_DEVICE dma_addr=10 size=512 attrs=\n'

  test('a line over 1 MiB is passed over and counted, whatever the chunks; the next line is read', () => {
    for (const chunk of [1 << 16, 1 << 22]) {
      for (const [over, skipped] of [
        [-1, 'noEvent'],
        [0, 'longLine']
      ] as const) {
        for (const end of [`\n${good}`, '\n', '']) {
          const text = `${good}${'y'.repeat(MAX_LINE + over)}${end}`
          const r = fast(
            text,
            Array.from({ length: Math.ceil(text.length / chunk) }, (_, i) => (i + 1) * chunk)
          )
          const want = slowText(new TextEncoder().encode(text))
          expect(r.events).toEqual(want.events)
          expect(r.scanner.lines).toBe(want.lines)
          expect(counts(r.skips)).toEqual(want.skipped)
          if (end !== '') expect(counts(r.skips)).toEqual({ [skipped]: 1 })
        }
      }
    }
  })

  test('many brackets in one line are read once', () => {
    const r = fast(`${'[L'.repeat(500_000)}\n${'[1 '.repeat(300_000)}\n${good}`)
    expect(r.events.length).toBe(1)
    expect(counts(r.skips)).toEqual({ noEvent: 2 })
  })

  test('a torn line is counted, and the whole one behind it read', () => {
    const torn = `          dd-174     [001] .....    16.00 ${good}`
    const r = fast(torn)
    expect(r.events).toEqual(fast(good).events)
    expect(counts(r.skips)).toEqual({ noEvent: 1 })
    expect(slowText(new TextEncoder().encode(torn))).toMatchObject({
      lines: 1,
      events: r.events,
      skipped: { noEvent: 1 }
    })
    // Once: three pieces are not looked through.
    expect(fast(`x-1 [001] . 1. x-1 [001] . 1. ${good}`).events).toEqual([])
  })

  test('the header is told where it stands, before the events behind it', () => {
    const order: string[] = []
    const s = new TextScanner(
      {
        event: () => {
          order.push('event')
        }
      },
      new Names(),
      new Skips(),
      (h) => {
        order.push(`cpus ${h.cpus}`)
      }
    )
    s.push(new TextEncoder().encode(`# entries-in-buffer/entries-written: 5/9   #P:4\n${good}`))
    s.end()
    expect(order).toEqual(['cpus 4', 'event'])
  })

  test('a last line without its end is read when whole, else counted as cut', () => {
    expect(fast(good.trimEnd()).events.length).toBe(1)
    for (let n = 20; n < good.length - 2; n++) {
      const r = fast(good + good.slice(0, n))
      expect(r.events.length).toBe(1)
      expect(r.skips.total).toBe(1)
    }
  })

  test('binary rubbish never throws and is counted', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4000 }), (bytes) => {
        const skips = new Skips()
        let n = 0
        const s = new TextScanner(
          {
            event: () => {
              n++
            }
          },
          new Names(),
          skips
        )
        s.push(bytes)
        s.end()
        expect(n).toBeLessThanOrEqual(s.lines)
      }),
      { numRuns: runs(500) }
    )
    const r = fast('\u0000\u0001\u0002\u0003 [000] ..... \n\u0007\u0007\n')
    expect(counts(r.skips)).toEqual({ binary: 2 })
  })

  test('known events without a field, or with a value that is none, are counted by reason with a sample', () => {
    const r = fast(
      'x-1 [001] ..... 1.0: dma_map_page: d dir=TO_DEVICE dma_addr=10 attrs=\nx-1 [001] ..... 1.0: ' +
        'dma_unmap_page: d dir=SIDEWAYS dma_addr=zz size=1 attrs=\n'
    )
    expect(counts(r.skips)).toEqual({ missingField: 1, badNumber: 1 })
    expect(r.skips.list()[0]).toMatchObject({ first: 1, sample: expect.stringContaining('dma_map_page') })
  })

  test('events of other names are counted by name', () => {
    const r = fast(
      'x-1 [001] ..... 1.0: dma_map_future: d\nx-1 [001] ..... 1.0: map: (some_other+0x4/0x770) dev=0xff ' +
        'orig=0x10177c000\n'
    )
    expect(Object.fromEntries(r.scanner.others)).toEqual({ dma_map_future: 1, map: 1 })
  })

  test('block requests and kprobes on swiotlb are read by name or by the function that they probe', () => {
    const text = [
      'a-1 [001] ..... 1.000001: block_rq_issue: 259,0 R 4096 () 12345 + 8 be,0,4 [ioload]',
      'a-1 [001] ..s1. 1.000002: block_rq_complete: 259,0 R () 12345 + 8 none,0,0 [0]',
      'a-1 [001] ..s1. 1.000003: block_rq_complete: 0,0 N () 18446744073709551615 + 0 none,0,0 [0]',
      'a-1 [001] ..s1. 1.000004: block_rq_complete: what',
      'a-1 [001] ..... 1.000005: mine: (swiotlb_tbl_map_single+0x4/0x770) dev=0xff43cedec01280c8 ' +
        'orig=0x10177c000 size=4096 amask=0x0 dir=2 attrs=0x20',
      'a-1 [001] ..... 1.000006: mine_ret: (swiotlb_map+0x6c/0x280 <- swiotlb_tbl_map_single) tlb=0x7b9f3000',
      'a-1 [001] ..... 1.000007: mine_ret: (swiotlb_map+0x6c/0x280 <- swiotlb_tbl_map_single) tlb=0xffffffffffffffff',
      'a-1 [001] ..s1. 1.000008: other: (__swiotlb_tbl_unmap_single+0x4/0x60) dev="0000:00:02.0" tlb=0x7b9f3000 ' +
        'size=4096 dir=2',
      'a-1 [001] ..s1. 1.000009: tbit_unmap: (ffffffff8116b4a0) dev="0000:00:02.0" tlb=0x7b9f3000 size=0x1000 dir=2',
      'a-1 [001] ..... 1.000010: mine: (swiotlb_tbl_map_single.isra.0+0x4/0x770) dev=0xff',
      'a-1 [001] ..... 1.000011: mine: (swiotlb_tbl_map_single+0x4/0x770) dev="b" orig=zz size=4096'
    ].join('\n')
    const a = fast(`${text}\n`)
    const b = slow(`${text}\n`)
    expect(a.events).toEqual(b.events)
    expect(counts(a.skips)).toEqual(b.skipped)
    expect(counts(a.skips)).toEqual({ badNumber: 3 })
    expect(a.events.map((e) => e.kind)).toEqual([
      Trace.blockIssue,
      Trace.blockComplete,
      Trace.blockComplete,
      Trace.probeMap,
      Trace.probeMapReturn,
      Trace.probeMapReturn,
      Trace.probeUnmap,
      Trace.probeUnmap
    ])
    expect(a.events[0]).toMatchObject({ phys: 259 * 2 ** 20, dma: 12345, size: 8 })
    expect(a.events[3]).toMatchObject({ device: '0xff43cedec01280c8', phys: 0x10177c000, size: 4096, dir: 2 })
    expect(a.events[5]?.dma).toBe(MAPPING_ERROR)
    expect(a.events[7]).toMatchObject({ device: '0000:00:02.0', dma: 0x7b9f3000, size: 4096, dir: 2 })
  })

  test('an allocation that failed shows NULL', () => {
    const line = (v: string): string =>
      `a-1 [001] ..... 1.000001: dma_alloc: d dir=BIDIRECTIONAL dma_addr=10b22e000 size=512 virt_addr=${v} ` +
      'flags=GFP_KERNEL attrs=\n'
    expect(
      [line('0000000000000000'), line('0x0'), line('00000000ed095ed2'), line('(null)')].map(
        (t) => fast(t).events[0]?.failed ?? false
      )
    ).toEqual([true, true, false, false])
  })

  test('two files are joined where the first was cut, and kept apart where it only lacks its line end', () => {
    const names = new Names()
    for (const [a, b, events] of [
      [good.slice(0, 40), good.slice(40), 1],
      [good.trimEnd(), `      ${good}`, 2],
      [good.trimEnd(), `# tracer: nop\n${good}`, 2]
    ] as const) {
      let n = 0
      const s = new TextScanner(
        {
          event: () => {
            n++
          }
        },
        names,
        new Skips()
      )
      const enc = new TextEncoder()
      s.push(enc.encode(a))
      s.boundary(enc.encode(b)[0] as number)
      s.push(enc.encode(b))
      s.end()
      expect(n).toBe(events)
    }
  })
})
