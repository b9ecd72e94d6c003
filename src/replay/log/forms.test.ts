// One log in the forms in which people have it: each gives the same answer.
import { describe, expect, test } from 'vitest'
import { KernelLog, LogBytes, type LogExplanation } from './index.ts'

const BOOT = 1_764_400_000
/** Priority, seconds since boot, message. */
const records: ReadonlyArray<readonly [number, number, string]> = [
  [
    5,
    0,
    'Linux version 6.12.43+deb13-amd64 (debian-kernel@lists.debian.org) (x86_64-linux-gnu-gcc-14 (Debian ' +
      '14.2.0-19) 14.2.0, GNU ld (GNU Binutils for Debian) 2.44) #1 SMP PREEMPT_DYNAMIC Debian 6.12.43-1 ' +
      '(2025-08-27)'
  ],
  [
    6,
    0,
    'Command line: BOOT_IMAGE=/boot/vmlinuz-6.12.43+deb13-amd64 root=/dev/vda1 ro console=ttyS0 swiotlb=512,force'
  ],
  [6, 0.004112, 'Memory Encryption Features active: AMD SEV SEV-ES SEV-SNP'],
  [6, 0.116211, 'software IO TLB: area num 2.'],
  [6, 0.211841, 'software IO TLB: mapped [mem 0x000000007f8f3000-0x000000007f9f3000] (1MB)'],
  [6, 1.402113, 'nvme nvme0: pci function 0000:00:02.0'],
  [4, 12.952791, 'nvme 0000:00:02.0: swiotlb buffer is full (sz: 4096 bytes), total 512 (slots), used 512 (slots)'],
  [4, 12.953107, 'nvme 0000:00:02.0: swiotlb buffer is full (sz: 65536 bytes), total 512 (slots), used 508 (slots)'],
  [6, 13.2, 'EXT4-fs (vda1): re-mounted r/w. Quota mode: none.'],
  [4, 14.01, 'nvme 0000:00:02.0: swiotlb buffer is full (sz: 4096 bytes), total 512 (slots), used 512 (slots)']
]
const pad = (n: number, w = 2): string => String(n).padStart(w, '0')
const stamp = (t: number): string => `[${t.toFixed(6).padStart(12)}]`
const wall = (t: number): Date => new Date((BOOT + Math.floor(t)) * 1000)
const micro = (t: number): string => pad(Math.round((t % 1) * 1e6), 6)
const iso = (t: number): string => `${wall(t).toISOString().slice(0, 19)}`
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const short = (t: number): string =>
  `${MONTHS[wall(t).getUTCMonth()]} ${String(wall(t).getUTCDate()).padStart(2)} ${iso(t).slice(11)}`
const lines = (f: (priority: number, t: number, text: string, i: number) => string): string =>
  `${records.map(([p, t, m], i) => f(p, t, m, i)).join('\n')}\n`
const plain = lines((_, t, m) => `${stamp(t)} ${m}`)
const each = (text: string, f: (l: string) => string): string => `${text.trimEnd().split('\n').map(f).join('\n')}\n`
/** Broken at blanks, as mail programs do. */
const wrapped = (text: string, width: number, quote = ''): string =>
  each(text, (l) => {
    const out = ['']
    for (const w of l.split(/(?<= )/))
      if ((out.at(-1) as string).length > 0 && (out.at(-1) as string).length + w.trimEnd().length > width) out.push(w)
      else out[out.length - 1] += w
    return out.map((x) => `${quote}${x.trimEnd()}`).join('\n')
  })
/** Cut at a column, as terminals do. */
const cut = (text: string, width: number): string =>
  each(text, (l) => (l.match(new RegExp(`.{1,${width}}`, 'g')) ?? []).join('\n'))
const utf16 = (text: string, big: boolean): Uint8Array => {
  const le = Buffer.from(`\ufeff${text}`, 'utf16le')
  return big ? le.swap16() : le
}

const forms: Readonly<Record<string, string | Uint8Array>> = {
  dmesg: plain,
  'dmesg -r': lines((p, t, m) => `<${p}>${stamp(t)} ${m}`),
  'dmesg -x': lines((p, t, m) => `kern  :${p === 4 ? 'warn  ' : p === 5 ? 'notice' : 'info  '}: ${stamp(t)} ${m}`),
  'dmesg -t': lines((_, _t, m) => m),
  'dmesg -T': lines(
    (_, t, m) =>
      `[${DAYS[wall(t).getUTCDay()]} ${MONTHS[wall(t).getUTCMonth()]} ` +
      `${String(wall(t).getUTCDate()).padStart(2)} ${iso(t).slice(11)} ${wall(t).getUTCFullYear()}] ${m}`
  ),
  'dmesg -d': lines((_, t, m) => `[${t.toFixed(6).padStart(12)} <    0.000316>] ${m}`),
  'dmesg -e': lines((_, t, m, i) =>
    i === 0
      ? `[${MONTHS[wall(t).getUTCMonth()]}${wall(t).getUTCDate()} ${iso(t).slice(11, 16)}] ${m}`
      : `[  +0.000316] ${m}`
  ),
  'dmesg --time-format iso': lines((_, t, m) => `${iso(t)},${micro(t)}+00:00 ${m}`),
  'dmesg --color': lines(
    (_, t, m) => `\u001b[32m${stamp(t)} \u001b[0m\u001b[33m${m.slice(0, 8)}\u001b[0m${m.slice(8)}`
  ),
  'dmesg -J': `${JSON.stringify({ dmesg: records.map(([pri, time, msg]) => ({ pri, time, msg })) }, null, 3)}\n`,
  '/dev/kmsg': lines(
    (p, t, m, i) => `${p},${300 + i},${Math.round(t * 1e6)},-;${m}\n SUBSYSTEM=pci\n DEVICE=+pci:0000:00:02.0`
  ),
  'printk caller': lines((_, t, m) => `${stamp(t)}[  T214] ${m}`),
  'journalctl -k': lines((_, t, m) => `${short(t)} guest kernel: ${m}`),
  'journalctl -k -o short-precise': lines((_, t, m) => `${short(t)}.${micro(t)} guest kernel: ${m}`),
  'journalctl -k -o short-iso': lines((_, t, m) => `${iso(t)}+0000 guest kernel: ${m}`),
  'journalctl -k -o short-monotonic': lines((_, t, m) => `${stamp(t)} guest kernel: ${m}`),
  'journalctl -k -o short-unix': lines((_, t, m) => `${BOOT + Math.floor(t)}.${micro(t)} guest kernel: ${m}`),
  'journalctl -k -o with-unit': lines(
    (_, t, m) => `${DAYS[wall(t).getUTCDay()]} ${iso(t).replace('T', ' ')} UTC guest kernel[0]: ${m}`
  ),
  'journalctl -k -o cat': lines((_, _t, m) => m),
  'journalctl -k -o json': lines((p, t, MESSAGE) =>
    JSON.stringify({
      _TRANSPORT: 'kernel',
      PRIORITY: String(p),
      _HOSTNAME: 'guest',
      __MONOTONIC_TIMESTAMP: String(Math.round(t * 1e6)),
      _BOOT_ID: '5a',
      MESSAGE
    })
  ),
  'journalctl -k -o json-pretty': lines((p, t, MESSAGE) =>
    JSON.stringify(
      { _TRANSPORT: 'kernel', PRIORITY: String(p), __MONOTONIC_TIMESTAMP: String(Math.round(t * 1e6)), MESSAGE },
      null,
      '\t'
    )
  ),
  'journalctl -k -o export': lines(
    (p, t, m, i) =>
      `__CURSOR=s=${'5a'.repeat(16)};i=${i}\n__MONOTONIC_TIMESTAMP=${Math.round(t * 1e6)}\nPRIORITY=${p}\n` +
      `_TRANSPORT=kernel\nMESSAGE=${m}\n`
  ),
  'journalctl -k -o verbose': lines(
    (p, t, m) =>
      `${DAYS[wall(t).getUTCDay()]} ${iso(t).replace('T', ' ')}.${micro(t)} UTC [s=` +
      `${'5a'.repeat(16)};i=2;b=3;m=4;t=5;x=6]\n    PRIORITY=${p}\n    _TRANSPORT=kernel\n    MESSAGE=${m}`
  ),
  'grep MESSAGE=': lines((_, _t, m) => `MESSAGE=${m}`),
  'syslog, RFC 3164': lines((_, t, m) => `${short(t)} guest kernel: ${stamp(t)} ${m}`),
  'syslog, RFC 5424': lines((p, t, m) => `<${p}>1 ${iso(t)}.${micro(t)}Z guest kernel - - - ${stamp(t)} ${m}`),
  rsyslog: lines((_, t, m) => `${iso(t)}.${micro(t)}+00:00 guest kernel: ${stamp(t)} ${m}`),
  netconsole: lines((p, t, m, i) => `${p},${300 + i},${Math.round(t * 1e6)},-,ncfrag=0/1;${m}`).replaceAll(
    ',ncfrag=0/1',
    ''
  ),
  pstore: `Panic#2 Part1\n${lines((p, t, m) => `<${p}>${stamp(t)} ${m}`)}`,
  'a serial console': each(plain, (l) => `${l}\r`).replaceAll('\n', '\n'),
  'screen, with its escapes': `\u001b[?7l\u001b[2J\u001b[0m${each(plain, (l) => `\u001b[0m${l}\u001b[K`)}`,
  kubectl: lines((_, t, m) => `${iso(t)}.${micro(t)}000Z ${stamp(t)} ${m}`),
  'docker compose': each(plain, (l) => `guest-1  | ${l}`),
  'quoted mail': each(plain, (l) => `> ${l}`),
  'twice quoted mail': each(plain, (l) => `> > ${l}`),
  'wrapped at 72': wrapped(plain, 72),
  'wrapped at 76, quoted': wrapped(plain, 76, '> '),
  'wrapped, without stamps': wrapped(
    lines((_, _t, m) => m),
    78
  ),
  'cut at 80 columns': cut(plain, 80),
  'indented by tabs': each(plain, (l) => `\t${l}`),
  'a fenced block': `What is this?\n\n\`\`\`\n${plain}\`\`\`\nThanks\n`,
  'cat -n': lines((_, t, m, i) => `${String(i + 1).padStart(6)}\t${stamp(t)} ${m}`),
  'grep -n': lines((_, t, m, i) => `${i + 1}:${stamp(t)} ${m}`),
  'grep -H': each(plain, (l) => `/var/log/dmesg:${l}`),
  'trailing blanks': each(plain, (l) => `${l}   `),
  'CR LF': plain.replaceAll('\n', '\r\n'),
  'a byte order mark': `\ufeff${plain}`,
  'UTF-16, little endian': utf16(plain, false),
  'UTF-16, big endian': utf16(plain, true),
  'no last line end': plain.trimEnd(),
  'blank lines between': plain.replaceAll('\n', '\n\n'),
  HTML: plain.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function explain(text: string | Uint8Array): LogExplanation {
  const log = new KernelLog()
  const bytes = new LogBytes(log.reader)
  bytes.feed(typeof text === 'string' ? new TextEncoder().encode(text) : text)
  bytes.end()
  return log.explain({})
}
/** What an answer says, times left out: some forms have none. */
const said = (e: LogExplanation): unknown => ({
  kernel: e.kernel,
  platform: e.platform,
  pool: e.pool,
  boots: e.boots,
  failures: e.failures.map((f) => ({
    cause: f.cause,
    device: f.device,
    count: f.count,
    total: f.total,
    used: f.used,
    sizes: f.sizes
  })),
  limits: e.limits,
  advice: e.advice
})
const want = said(explain(plain))

describe('one log, in any form', () => {
  test('says what it says', () =>
    expect(want).toMatchObject({
      kernel: '6.12.43+deb13-amd64',
      platform: 'amd-sev-snp',
      pool: { slots: 512, areas: 2 },
      boots: 1,
      failures: [{ device: 'nvme 0000:00:02.0', count: 3, used: [508, 512] }]
    }))
  test.each(Object.entries(forms))('%s', (_, text) => expect(said(explain(text))).toEqual(want))
})
