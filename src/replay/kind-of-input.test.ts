// What was given to the wrong verb is told by its beginning; a kernel log is read in any form.
import { describe, expect, test } from 'vitest'
import { DISK, load } from './_loads.ts'
import { readKernelLog } from './kernel-log.ts'
import { kindOfInput } from './kind-of-input.ts'

const bytes = (t: string): Uint8Array => new TextEncoder().encode(t)
const LOG = [
  'Linux version 6.12.1 (x) #1',
  'Command line: console=ttyS0 swiotlb=512,force',
  'software IO TLB: area num 2.',
  'software IO TLB: mapped [mem 0x000000007f8f3000-0x000000007f9f3000] (1MB)',
  `nvme nvme0: pci function ${DISK}`
]
const stamped = LOG.map((l, i) => `[    ${i}.500000] ${l}`).join('\n')

describe('an input is', () => {
  const trace = load(
    [
      [1, 5, 0],
      [1, 6, 1],
      [2, 7, 0],
      [1, 8, 1]
    ],
    { nslabs: 512, nareas: 2 }
  ).text()
  test.each([
    ['a trace', trace, 'trace'],
    ['a trace cut within a line', trace.slice(0, -20), 'trace'],
    ['a log', stamped, 'log'],
    [
      'a bare line of one',
      'nvme 0000:00:02.0: swiotlb buffer is full (sz: 4096 bytes), total 512 (slots), used 512 (slots)',
      'log'
    ],
    ['a log about other things', '[    1.0] usb 1-1: new device\n[    2.0] usb 1-1: gone\n', 'log'],
    ['prose', 'hello\nworld\n', null],
    ['nothing', '', null],
    ['both', `${stamped}\n${trace}`, null]
  ])('%s', (_, text, kind) => {
    expect(kindOfInput(bytes(text))).toBe(kind)
  })
})

describe('the pool of a log', () => {
  const want = {
    start: 0x7f8f3000,
    nslabs: 512,
    nareas: 2,
    forced: true,
    swiotlb: '512,force',
    kernel: '6.12.1',
    boots: 1
  }
  test.each([
    ['journalctl -k', LOG.map((l) => `Nov 28 10:11:12 host kernel: ${l}`).join('\n')],
    ['/dev/kmsg', LOG.map((l, i) => `6,${i},${i}500000,-;${l}`).join('\n')],
    ['JSON', LOG.map((l) => JSON.stringify({ MESSAGE: l, SYSLOG_IDENTIFIER: 'kernel' })).join('\n')],
    ['colours', stamped.replace(/^/gm, '\u001b[32m').replace(/\] /g, ']\u001b[0m ')],
    ['Windows line ends', stamped.replaceAll('\n', '\r\n')],
    ['quoted mail', stamped.replace(/^/gm, '> ')]
  ])('from %s', (_, text) => {
    const got = readKernelLog(text)
    expect(got).toMatchObject(want)
    expect([...got.drivers]).toEqual([[DISK, 'nvme']])
  })

  test('of several boots the last', () => {
    const before = stamped
      .replace('7f8f3000-0x000000007f9f3000', '10000000-0x0000000014000000')
      .replace('area num 2', 'area num 8')
    expect(readKernelLog(`${before}\n[  900.000000] late\n${stamped}`)).toMatchObject({ ...want, boots: 2 })
  })
})
