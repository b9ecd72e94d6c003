// One log in the forms in which people have it: what dmesg, journalctl, syslog daemons, terminals, mailers, containers
// and serial consoles make of it.

export interface Line {
  /** Seconds since boot. */
  readonly at: number
  readonly text: string
}

const wallOf = (at: number): Date => new Date(Date.UTC(2025, 8, 1, 10, 0, 0) + at * 1000)
const stamp = (at: number): string => `[${at.toFixed(6).padStart(12)}]`
const micros = (at: number): number => Math.round(at * 1e6)
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const two = (n: number): string => String(n).padStart(2, '0')
const clock = (d: Date): string => `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}`
const syslog = (at: number): string => {
  const d = wallOf(at)
  return `${MONTHS[d.getUTCMonth()]} ${String(d.getUTCDate()).padStart(2)} ${clock(d)}`
}
const iso = (at: number): string => wallOf(at).toISOString().slice(0, 19)

const each =
  (f: (l: Line, i: number, all: readonly Line[]) => string) =>
  (lines: readonly Line[]): string =>
    `${lines.map(f).join('\n')}\n`
const plain = each((l) => `${stamp(l.at)} ${l.text}`)
const perLine =
  (f: (line: string, i: number) => string) =>
  (lines: readonly Line[]): string =>
    `${plain(lines).trimEnd().split('\n').map(f).join('\n')}\n`

/** Breaks at blanks, as mailers do. */
function wrapped(line: string, width: number): string {
  const out: string[] = []
  let rest = line
  while (rest.length > width) {
    const at = rest.lastIndexOf(' ', width)
    if (at <= 0) break
    out.push(rest.slice(0, at))
    rest = rest.slice(at + 1)
  }
  return [...out, rest].join('\n')
}
/** Cuts at a column, as terminals do. */
const cut = (line: string, width: number): string => (line.match(new RegExp(`.{1,${width}}`, 'g')) ?? ['']).join('\n')

/** Serial consoles write two records into each other; the first one goes on in the next line. */
function torn(lines: readonly Line[]): string {
  const out = plain(lines).trimEnd().split('\n')
  const a = out.findIndex((l) => l.includes('buffer is full'))
  const [first, second] = [out[a] as string, out[a + 1] as string]
  const at = first.indexOf('(sz: 262144 b') + 13
  out.splice(a, 2, first.slice(0, at) + second, first.slice(at))
  return `${out.join('\n')}\n`
}

/** The console's status lines stand in the middle of a record. */
function tornByStatus(lines: readonly Line[]): string {
  const out = plain(lines).trimEnd().split('\n')
  const a = out.findIndex((l) => l.includes('buffer is full'))
  const first = out[a] as string
  const at = first.indexOf('buffer is fu') + 12
  out.splice(a, 1, `${first.slice(0, at)}[  OK  ] Started Network Time.`, first.slice(at))
  return `${out.join('\n')}\n`
}

/** name: bytes or text of the log in that form. */
export const forms: Readonly<Record<string, (lines: readonly Line[]) => string | Uint8Array>> = {
  dmesg: plain,
  'dmesg -t (no stamps)': each((l) => l.text),
  'dmesg -T': each((l) => {
    const d = wallOf(l.at)
    return (
      `[${DAYS[d.getUTCDay()]} ${MONTHS[d.getUTCMonth()]} ${String(d.getUTCDate()).padStart(2)} ${clock(d)} 2025] ` +
      `${l.text}`
    )
  }),
  'dmesg -x': each((l) => `kern  :warn  : ${stamp(l.at)} ${l.text}`),
  'dmesg -r': each((l) => `<4>${stamp(l.at)} ${l.text}`),
  'dmesg -d': each(
    (l, i, all) =>
      `[${l.at.toFixed(6).padStart(12)} <${(l.at - (all[i - 1]?.at ?? 0)).toFixed(6).padStart(12)}>] ${l.text}`
  ),
  'dmesg -e': each((l, i, all) =>
    i === 0 ? `[Sep 1 10:00] ${l.text}` : `[  +${(l.at - (all[i - 1]?.at ?? 0)).toFixed(6)}] ${l.text}`
  ),
  'dmesg --time-format iso': each((l) => `${iso(l.at)},123456+00:00 ${l.text}`),
  'dmesg --color': each(
    (l) =>
      `\u001b[32m${stamp(l.at)} \u001b[0m\u001b[33m${l.text.replace(/^([^:]*: )/, '$1\u001b[0m\u001b[1m')}\u001b[0m`
  ),
  'dmesg --json': (lines) =>
    '{\n   "dmesg": [\n      {\n' +
    lines
      .map(
        (l) =>
          '         "pri": 4,\n         "time": ' +
          `${l.at.toFixed(6).padStart(12)},\n         "msg": ` +
          `${JSON.stringify(l.text)}`
      )
      .join('\n      },{\n') +
    '\n' +
    '      }\n   ]\n}\n',
  'printk with caller': each((l) => `${stamp(l.at)}[    T1] ${l.text}`),
  '/dev/kmsg': each((l, i) => `4,${i},${micros(l.at)},-;${l.text}`),
  '/dev/kmsg with dictionary': each(
    (l, i) => `4,${i},${micros(l.at)},-,caller=T1;${l.text}\n SUBSYSTEM=pci\n DEVICE=+pci:0000:00:05.0`
  ),
  'netconsole, extended': each((l, i) => `6.8.0,4,${i},${micros(l.at)},-;${l.text}`),
  'netconsole, in fragments': each((l, i) =>
    l.text.length < 60
      ? `4,${i},${micros(l.at)},-;${l.text}`
      : `4,${i},${micros(l.at)},-,ncfrag=0/${l.text.length};${l.text.slice(0, 50)}\n4,${i},` +
        `${micros(l.at)},-,ncfrag=50/${l.text.length};${l.text.slice(50)}`
  ),
  syslog: each((l) => `${syslog(l.at)} host kernel: ${stamp(l.at)} ${l.text}`),
  'syslog without kernel stamps': each((l) => `${syslog(l.at)} host kernel: ${l.text}`),
  'rsyslog, ISO': each((l) => `${iso(l.at)}.123456+02:00 host kernel: ${stamp(l.at)} ${l.text}`),
  'RFC 5424': each((l) => `<4>1 ${iso(l.at)}.123Z host kernel - - - ${stamp(l.at)} ${l.text}`),
  'OpenWrt logread': each((l) => {
    const d = wallOf(l.at)
    return (
      `${DAYS[d.getUTCDay()]} ${MONTHS[d.getUTCMonth()]} ${String(d.getUTCDate()).padStart(2)} ${clock(d)} 2025 ` +
      `kern.warn kernel: ${stamp(l.at)} ${l.text}`
    )
  }),
  'journalctl -k': each((l) => `${syslog(l.at).replace('  ', ' 0')} host kernel: ${l.text}`),
  'journalctl -o short-monotonic': each((l) => `${stamp(l.at)} host kernel: ${l.text}`),
  'journalctl -o short-full': each((l) => {
    const d = wallOf(l.at)
    return `${DAYS[d.getUTCDay()]} ${iso(l.at).replace('T', ' ')} UTC host kernel: ${l.text}`
  }),
  'journalctl -o short-unix': each((l) => `${(wallOf(l.at).getTime() / 1000).toFixed(6)} host kernel: ${l.text}`),
  'journalctl -o json': each((l) =>
    JSON.stringify({
      __REALTIME_TIMESTAMP: String(wallOf(l.at).getTime() * 1000),
      _TRANSPORT: 'kernel',
      MESSAGE: l.text,
      _BOOT_ID: 'a'.repeat(32),
      _SOURCE_MONOTONIC_TIMESTAMP: String(micros(l.at))
    })
  ),
  'journalctl -o json, bytes': each((l) =>
    JSON.stringify({
      MESSAGE: [...new TextEncoder().encode(`\u001b[1m${l.text}`)],
      _SOURCE_MONOTONIC_TIMESTAMP: String(micros(l.at))
    })
  ),
  'journalctl -o json-pretty': each(
    (l) =>
      `{\n\t"__REALTIME_TIMESTAMP" : "${wallOf(l.at).getTime() * 1000}",\n\t"MESSAGE" : ` +
      `${JSON.stringify(l.text)},\n\t"_SOURCE_MONOTONIC_TIMESTAMP" : "${micros(l.at)}"\n}`
  ),
  'journalctl -o export': each(
    (l) =>
      `__CURSOR=s=${'a'.repeat(32)};i=1\n__REALTIME_TIMESTAMP=${wallOf(l.at).getTime() * 1000}\n` +
      `_TRANSPORT=kernel\nMESSAGE=${l.text}\n_SOURCE_MONOTONIC_TIMESTAMP=${micros(l.at)}\n`
  ),
  'journalctl -o verbose': each(
    (l) =>
      `Mon ${iso(l.at).replace('T', ' ')}.000000 UTC [s=${'a'.repeat(32)};i=1;b=${'b'.repeat(32)};m=1;t=1;` +
      `x=1]\n    PRIORITY=4\n    _TRANSPORT=kernel\n    MESSAGE=${l.text}\n    ` +
      `_SOURCE_MONOTONIC_TIMESTAMP=${micros(l.at)}`
  ),
  'kubectl logs': each((l) => `${iso(l.at)}.000000000Z stdout F ${stamp(l.at)} ${l.text}`),
  'kubectl logs, partial lines': each((l) =>
    l.text.length < 60
      ? `${iso(l.at)}.0Z stdout F ${stamp(l.at)} ${l.text}`
      : `${iso(l.at)}.0Z stdout P ${stamp(l.at)} ${l.text.slice(0, 40)}\n${iso(l.at)}.0Z stdout F ${l.text.slice(40)}`
  ),
  'docker json-file': each((l) =>
    JSON.stringify({ log: `${stamp(l.at)} ${l.text}\n`, stream: 'stdout', time: `${iso(l.at)}.0Z` })
  ),
  'docker compose': perLine((l) => `guest-1  | ${l}`),
  'cloud console output (JSON)': (lines) =>
    JSON.stringify({ InstanceId: 'i-1', Output: plain(lines).replaceAll('\n', '\r\n') }),
  pstore: (lines) =>
    `Oops#1 Part2\n${lines
      .slice(0, 8)
      .map((l) => `<4>${stamp(l.at)} ${l.text}`)
      .join('\n')}\nOops#1 Part1\n${lines
      .slice(8)
      .map((l) => `<4>${stamp(l.at)} ${l.text}`)
      .join('\n')}\n`,
  logcat: each((l) => `09-01 ${clock(wallOf(l.at))}.000     0     0 W         : ${stamp(l.at)} ${l.text}`),
  'minicom with stamps': each((l) => `[${iso(l.at).replace('T', ' ')}] ${stamp(l.at)} ${l.text}`),
  'mail, wrapped at 72': perLine((l) => wrapped(l, 72)),
  'mail, quoted and wrapped': perLine((l) =>
    wrapped(l, 72)
      .split('\n')
      .map((x) => `> ${x}`)
      .join('\n')
  ),
  'mail, quoted twice': perLine((l) => `>> ${l}`),
  'mail, quoted-printable': (lines) =>
    `Content-Transfer-Encoding: quoted-printable\n\n${plain(lines)
      .replaceAll('=', '=3D')
      .split('\n')
      .map((l) => (l.match(/.{1,73}/g) ?? ['']).join('=\n'))
      .join('\n')}`,
  'forum, indented code': perLine((l) => `    ${l}`),
  'forum, HTML': (lines) =>
    '<pre><code>' +
    `${plain(lines).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')}</code></pre>\n`,
  'issue with fences': (lines) => `Hello, my guest says:\n\n\`\`\`\n${plain(lines)}\`\`\`\n\nWhat can I do?\n`,
  'terminal of 80 columns': perLine((l) => cut(l, 80)),
  'terminal of 132 columns': perLine((l) => cut(l, 132)),
  'serial, torn by another record': torn,
  'serial, torn by systemd': tornByStatus,
  CRLF: (lines) => plain(lines).replaceAll('\n', '\r\n'),
  'CR CR LF': (lines) => plain(lines).replaceAll('\n', '\r\r\n'),
  'blank line between lines': (lines) => plain(lines).replaceAll('\n', '\n\n'),
  'UTF-16, little endian': (lines) =>
    Uint8Array.from([0xff, 0xfe, ...Buffer.from(plain(lines).replaceAll('\n', '\r\n'), 'utf16le')]),
  'UTF-16, big endian': (lines) => {
    const b = Buffer.from(plain(lines), 'utf16le').swap16()
    return Uint8Array.from([0xfe, 0xff, ...b])
  },
  'UTF-16 without its mark': (lines) => Uint8Array.from(Buffer.from(plain(lines), 'utf16le')),
  'UTF-8 with its mark': (lines) => Uint8Array.from([0xef, 0xbb, 0xbf, ...new TextEncoder().encode(plain(lines))])
}
