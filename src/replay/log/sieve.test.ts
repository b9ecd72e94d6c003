import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type MessageId, formatMessage, messageTable } from '../../kernel/index.ts'
import { FullLine } from './full-line.ts'
import { KernelLog, LogBytes } from './index.ts'
import { Sieve, WordFinder, countLines, needles } from './sieve.ts'
import { runs } from '../../../test/runs.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

test('newlines are counted, whatever the alignment', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(10, 11, 9, 0x8a, 0x0b, 0, 255, 10), { maxLength: 60 }),
      fc.nat(8),
      fc.nat(8),
      (data, skip, from) => {
        const whole = Uint8Array.from([...new Array<number>(skip).fill(10), ...data])
        const part = whole.subarray(skip)
        const at = Math.min(from, part.length)
        expect(countLines(part, at, part.length)).toBe([...part.subarray(at)].filter((b) => b === 10).length)
      }
    )
  )
})

test('the finder finds what indexOf finds, in order', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.constantFrom(...needles.map((n) => n.word)),
          fc.string({ maxLength: 6 }),
          fc.constantFrom('swio', 'dma', 'DMA', 'Linux versio', '[mem 0', '\n')
        ),
        { maxLength: 40 }
      ),
      (parts) => {
        const text = parts.join('')
        const buf = bytes(text)
        const want = new Set<number>()
        for (const n of needles) {
          const w = bytes(n.word)
          for (let i = 0; i + w.length <= buf.length; i++) if (w.every((b, k) => buf[i + k] === b)) want.add(i)
        }
        const finder = new WordFinder()
        const got: number[] = []
        for (let i = finder.next(buf, 0, buf.length); i >= 0; i = finder.next(buf, i + 1, buf.length)) got.push(i)
        expect(got).toEqual([...want].sort((a, b) => a - b))
      }
    )
  )
})

test('every message that is known has a word that the sieve looks for', () => {
  const finder = new WordFinder()
  for (const id of Object.keys(messageTable) as MessageId[]) {
    const args: Record<string, string | number> = {}
    for (const f of messageTable[id].text.matchAll(/\{(\w+)(?::(\w+))?\}/g))
      args[f[1] as string] = f[2] === undefined ? 'foo' : 7
    const line = bytes(formatMessage(id, args))
    finder.reset()
    expect([id, finder.next(line, 0, line.length) >= 0]).toEqual([id, true])
  }
})

const full = (dev: string, size: number, used: number) =>
  `${dev}: swiotlb buffer is full (sz: ${size} bytes), total 512 (slots), used ${used} (slots)`
const text = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.constantFrom(
      'usb 1-2: new high-speed USB device',
      'EXT4-fs (sda1): mounted',
      'audit: type=1400',
      'ata1.00: configured for UDMA/133',
      'e1000: link up',
      'systemd[1]: Started x.'
    )
  },
  {
    weight: 5,
    arbitrary: fc
      .tuple(
        fc.constantFrom('nvme 0000:00:02.0', 'virtio-pci 0000:00:03.0', 'foo', 'a b c'),
        fc.constantFrom(4096, 300000, 65536),
        fc.integer({ min: 0, max: 512 })
      )
      .map(([d, s, u]) => full(d, s, u))
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'foo 1: DMA addr 0x0000000180001000+16 overflow (mask ffffffff, bus limit 0).',
      'swiotlb_tbl_map_single: 19 callbacks suppressed',
      'Linux version 6.12.1 (x86_64)',
      'Command line: quiet swiotlb=512',
      'bar: coherent allocation of 4 MiB failed',
      'software IO TLB: area num 4.',
      'nvme 0000:00:02.0: swiotlb buffer is full (sz: 70'
    )
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'BUG: unable to handle page fault for address: ffff8880',
      'CPU: 1 PID: 7 Comm: x Not tainted 6.12.1 #1',
      'Call Trace:',
      ' swiotlb_bounce+0x1/0x2',
      ' swiotlb_tbl_map_single+0x1/0x2',
      ' foo_driver_map+0x1/0x2 [foo]',
      '---[ end trace 0 ]---'
    )
  }
)
const line = fc.tuple(fc.constantFrom('stamp', 'syslog', 'none', 'blank'), text).map(([form, t]) => ({ form, t }))

test('a sieved log gives the answer of one read line by line', () => {
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 120 }),
      fc.integer({ min: 0, max: 300 }),
      fc.integer({ min: 150, max: 900 }),
      fc.constantFrom('\n', '\r\n'),
      fc.boolean(),
      (lines, whole, block, end, last) => {
        let at = 0
        const rows = lines.map(({ form, t }) => {
          at += 1.25
          if (form === 'stamp') return `[${at.toFixed(6).padStart(12)}] ${t}`
          return form === 'syslog'
            ? `Sep  1 10:00:${String(Math.floor(at) % 60).padStart(2, '0')} host kernel: [` +
                `${at.toFixed(6).padStart(12)}] ${t}`
            : form === 'none'
              ? `[${at.toFixed(3)}] ${t}`
              : `[${at.toFixed(6)}] `
        })
        const slow = new KernelLog()
        for (const r of rows) slow.next(r.replace(/$/, end === '\r\n' ? '\r' : ''))
        const fast = new KernelLog()
        const into = new LogBytes(fast.reader, whole, block)
        into.feed(bytes(rows.join(end) + (last && rows.length > 0 ? end : '')))
        into.end()
        expect(fast.explain()).toEqual(slow.explain())
      }
    ),
    { numRuns: runs(200) }
  )
})

test('"buffer is full" is read from its bytes exactly as it is from text, or not at all', () => {
  const plain = (t: string): FullLine | null => {
    const b = bytes(t)
    const f = new FullLine()
    return f.parse(b, 0, t.indexOf('swiotlb'), b.length) === b.length ? f : null
  }
  expect(plain(`[   12.952791] ${full('nvme 0000:00:02.0', 4096, 512)}`)).toMatchObject({
    device: 'nvme 0000:00:02.0',
    size: 4096,
    total: 512,
    used: 512,
    mono: 12.952791,
    wall: null
  })
  expect(plain(`Sep  1 10:00:00 vm kernel: ${full('foo', 1, 0)}`)).toMatchObject({
    device: 'foo',
    mono: null,
    wall: Date.UTC(2000, 8, 1, 10) / 1000
  })
  expect(plain(`Sep 11 10:00:00 vm kernel: [    1.5] ${full('foo', 1, 0)}`)).toMatchObject({ mono: 1.5 })
  for (const odd of [
    full('foo', 1, 0),
    `[1.5] ${full('a b c', 1, 0)}`,
    `[1.5] ${full('[x', 1, 0)}`,
    `[1.5] ${full('foo', 1, 0)} `,
    `> [1.5] ${full('foo', 1, 0)}`,
    `[1.5] \u001b[1m${full('foo', 1, 0)}`,
    `[1.5] ${full('foo', 1, 0).replace('512', '0')}`
  ])
    expect([odd, plain(odd)]).toEqual([odd, null])
})

test('lines of megabytes are left out, and named', () => {
  const log = new KernelLog()
  const into = new LogBytes(log.reader)
  const row = `[    1.000000] ${full('foo', 4096, 512)}\n`
  into.feed(bytes(row))
  for (let i = 0; i < 4; i++) into.feed(new Uint8Array(1 << 20).fill(97))
  into.feed(bytes(`\n${row}${'b'.repeat((1 << 20) + 5)}\n${row}`))
  into.end()
  expect([into.tooLong, log.explain().failures[0]?.count, log.explain().lines]).toEqual([[2, 4], 3, 5])
})

test('a sieve gives every line once, given or counted', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.constantFrom('', 'x', 'noise of some length', 'a swiotlb_bounce+0x1/0x2', 'Linux version 6.1', 'DMA: y'),
        { maxLength: 200 }
      ),
      fc.nat(100),
      fc.integer({ min: 20, max: 300 }),
      (rows, whole, block) => {
        let seen = 0
        const given: string[] = []
        const sieve = new Sieve(
          {
            line: (t) => {
              given.push(t)
              seen++
            },
            skip: (n) => {
              seen += n
            },
            parse: () => -1,
            take: () => {},
            long: () => {}
          },
          whole,
          block
        )
        const data = bytes(rows.map((r) => `${r}\n`).join(''))
        for (let i = 0; i < data.length; i += 37) sieve.feed(data.subarray(i, i + 37))
        sieve.end()
        expect(seen).toBe(rows.length)
        expect(given.filter((t) => /swiotlb_|Linux|DMA/.test(t))).toEqual(
          rows.filter((t) => /swiotlb_|Linux|DMA/.test(t))
        )
      }
    )
  )
})
