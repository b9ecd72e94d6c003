// The first half of the front end: what programs, terminals, mailers and log collectors have put around a kernel's line
// is taken off. One table of prefixes, tried again and again at the beginning of the line until none fits; containers
// (JSON, journal export, kmsg) are opened first.
import { own } from '../../base/index.ts'
import { epoch, isoEpoch, monthOf } from './stamps.ts'

/** A piece of a log: what one line, or a part of it, says. */
export interface Piece {
  readonly text: string
  /** 1-based. */
  readonly line: number
  /** Something before the text shows that a record begins here: a stamp, a level, "kernel:". */
  readonly begins: boolean
  /** Seconds since boot. */
  readonly mono: number | null
  /** Seconds since 1970, or since the beginning of a year of its own where the stamp has none. */
  readonly wall: number | null
  /** Columns of the line as it was read, without colours. */
  readonly width: number
  readonly host: string | null
  /** Of the journal: another id is another boot. */
  readonly boot: string | null
  /** The record goes on in the next piece (container runtimes cut long lines). */
  readonly partial: boolean
}

interface Stamp {
  mono: number | null
  wall: number | null
  host: string | null
  boot: string | null
  begins: boolean
  partial: boolean
}

interface Prefix {
  readonly id: string
  readonly example: string
  /** Anchored. */
  readonly pattern: RegExp
  take(m: RegExpExecArray, s: Stamp, last: Readonly<Stamp>): void
}

const TIME = '\\d\\d:\\d\\d:\\d\\d(?:[.,]\\d+)?'
const ISO = `(\\d{4}-\\d\\d-\\d\\d)[T ](${TIME})\\s?(Z|[+-]\\d\\d:?\\d\\d|[A-Z]{3,4}(?= |\\]))?`
const wallOf = (m: RegExpExecArray, s: Stamp): void => {
  s.wall = isoEpoch(m[1] as string, m[2] as string, m[3])
  s.begins = true
}
const calendar = (s: Stamp, year: string | undefined, month: string, day: string, time: string): void => {
  s.wall = epoch(year === undefined ? null : Number(year), monthOf(month), Number(day), time)
  s.begins = true
}
const begins = (_: RegExpExecArray, s: Stamp): void => {
  s.begins = true
}
const nothing = (): void => {
  /* only taken off */
}

/** What may stand in front of a kernel's text. */
export const prefixes: readonly Prefix[] = [
  { id: 'quote', example: '> > ', pattern: /^(?:[>|]\s?)+(?=\S)/, take: nothing },
  { id: 'compose', example: 'guest-1  | ', pattern: /^[\w.-]+\s+\| (?=\S)/, take: nothing },
  { id: 'fence', example: '`', pattern: /^[`*]+(?=\S)/, take: nothing },
  {
    id: 'mono',
    example: '[   12.345678][    T1] ',
    pattern: /^\[\s*(\d+\.\d{1,9})(?:@\d+)?(?:\s*<\s*[\d.]+>)?\](?: ?\[\s*[TC]\d+\])?/,
    take(m, s) {
      s.mono = Number(m[1])
      s.begins = true
    }
  },
  { id: 'pstore', example: 'Oops#1 Part3', pattern: /^(?:Oops|Panic|Emergency|Unknown)#\d+ Part\d+\s*$/, take: begins },
  {
    id: 'rfc5424',
    example: '<4>1 2025-09-01T10:00:00Z host kernel - - - ',
    pattern: new RegExp(`^<\\d+>\\d ${ISO} (\\S+) kernel \\S+ \\S+ (?:-|\\[[^\\]]*\\]) ?`),
    take(m, s) {
      wallOf(m, s)
      s.host = m[4] ?? null
    }
  },
  { id: 'level', example: '<4>', pattern: /^<\d{1,3}>/, take: begins },
  {
    id: 'facility',
    example: 'kern  :warn  : ',
    pattern: /^(?:kern|user|daemon|auth|syslog|local\d)\s*:(?:emerg|alert|crit|err|warn|notice|info|debug)\s*: ?/,
    take: begins
  },
  {
    id: 'cri',
    example: '2025-09-01T10:00:00.000000000Z stdout F ',
    pattern: new RegExp(`^${ISO} (?:stdout|stderr) ([FP]) `),
    take(m, s) {
      wallOf(m, s)
      s.partial = m[4] === 'P'
    }
  },
  {
    id: 'iso',
    example: '2025-09-01T10:00:00.000000+02:00 ',
    pattern: new RegExp(`^\\[?${ISO}\\]?:?(?: |$)`),
    take: wallOf
  },
  {
    id: 'journal',
    example: 'Mon 2025-09-01 10:00:00 UTC ',
    pattern: new RegExp(`^[A-Z][a-z]{2} ${ISO} `),
    take: wallOf
  },
  {
    id: 'ctime',
    example: '[Mon Sep  1 10:00:00 2025] ',
    pattern: new RegExp(`^\\[?[A-Z][a-z]{2} ([A-Z][a-z]{2}) +(\\d{1,2}) (${TIME}) (\\d{4})\\]? ?`),
    take(m, s) {
      calendar(s, m[4], m[1] as string, m[2] as string, m[3] as string)
    }
  },
  {
    id: 'syslog',
    example: 'Sep  1 10:00:00 ',
    pattern: new RegExp(`^([A-Z][a-z]{2}) +(\\d{1,2})(?: (\\d{4}))? (${TIME})(?: [A-Z]{3,4})? `),
    take(m, s) {
      if (monthOf(m[1] as string) >= 0) calendar(s, m[3], m[1] as string, m[2] as string, m[4] as string)
    }
  },
  {
    id: 'reltime',
    example: '[Sep 1 10:00] ',
    pattern: /^\[([A-Z][a-z]{2}) ?(\d{1,2}) (\d\d:\d\d)\] /,
    take(m, s) {
      calendar(s, undefined, m[1] as string, m[2] as string, m[3] as string)
    }
  },
  {
    id: 'delta',
    example: '[  +0.000012] ',
    pattern: /^\[\s*[+<]\s*(\d+\.\d+)>?\] /,
    take(m, s, last) {
      if (last.mono !== null) s.mono = last.mono + Number(m[1])
      else s.wall = (last.wall ?? 0) + Number(m[1])
      s.begins = true
    }
  },
  {
    id: 'unix',
    example: '1756720800.123456 ',
    pattern: /^(1\d{9}\.\d{3,6}) /,
    take(m, s) {
      s.wall = Number(m[1])
      s.begins = true
    }
  },
  {
    id: 'clock',
    example: '[10:00:00.123] ',
    pattern: new RegExp(`^\\[(${TIME})\\] `),
    take(m, s) {
      s.wall = epoch(null, 0, 1, m[1] as string)
      s.begins = true
    }
  },
  {
    id: 'logcat',
    example: '09-01 10:00:00.000     0     0 W : ',
    pattern: new RegExp(`^(\\d\\d)-(\\d\\d) (${TIME})\\s+\\d+\\s+\\d+ [VDIWEF] [^:]*: `),
    take(m, s) {
      s.wall = epoch(null, Number(m[1]) - 1, Number(m[2]), m[3] as string)
      s.begins = true
    }
  },
  // A field of the journal's export form by itself, as grep leaves it.
  { id: 'field', example: 'MESSAGE=', pattern: /^MESSAGE=/, take: begins },
  {
    id: 'tag',
    example: 'host kern.warn kernel: ',
    pattern: /^(?:(\S+) )?(?:\S+ )?kernel(?:\[\d+\])?: ?/,
    take(m, s) {
      s.host ??= m[1] ?? null
      s.begins = true
    }
  }
]

// By the first character: most rows are never tried.
const byFirst = (c: number): readonly Prefix[] => table[c < 128 ? c : 0] as readonly Prefix[]
const LETTERS = new Set(['compose', 'pstore', 'facility', 'journal', 'ctime', 'syslog', 'field', 'tag'])
const FIRST: Readonly<Record<string, ReadonlySet<string>>> = {
  '[': new Set(['mono', 'iso', 'ctime', 'reltime', 'delta', 'clock']),
  '<': new Set(['rfc5424', 'level']),
  '>': new Set(['quote']),
  '|': new Set(['quote']),
  '`': new Set(['fence']),
  '*': new Set(['fence'])
}
const table: ReadonlyArray<readonly Prefix[]> = Array.from({ length: 128 }, (_, c) => {
  const ch = String.fromCharCode(c)
  const ids =
    own(FIRST, ch) ??
    (/\d/.test(ch)
      ? new Set(['cri', 'iso', 'unix', 'logcat', 'compose', 'tag'])
      : /[A-Za-z]/.test(ch)
        ? LETTERS
        : new Set<string>())
  return prefixes.filter((p) => ids.has(p.id))
})

// Escape sequences and control characters are what is taken out: CSI, OSC, the strings of DCS, SOS, PM and APC, other
// sequences, single characters.
const CONTROLS = new RegExp(
  [
    '\\u001b\\[[0-9;:?<=>]*[ -/]*[@-~]',
    '\\u001b\\][^\\u0007\\u001b]*(?:\\u0007|\\u001b\\\\)?',
    '\\u001b[PX^_][^\\u001b]*\\u001b\\\\',
    '\\u001b[ -/]*[0-~]',
    '[\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f]'
  ].join('|'),
  'g'
)
const ESCAPED = /#033\[[0-9;]*m|\^\[\[[0-9;]*[mK]|\\x1b\[[0-9;]*m|\\u001b\[[0-9;]*m/g
const TAGS = /<\/?(?:pre|code|p|br|div|span|tt|font|td|tr|table|li|ul|blockquote|a|b|i)(?:\s[^>]*)?\/?>/gi
const ENTITIES: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  '#39': "'",
  '#34': '"',
  '#x27': "'"
}

/** Without colours, control characters, HTML and the escapes that collectors put in their place. */
export function clean(raw: string): string {
  let s = raw
  if (/[^ -~\t]/.test(s))
    s = s
      .replace(CONTROLS, '')
      .replace(/[\ufeff\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g, '')
      .replace(/\u00a0/g, ' ')
  if (s.includes('[') && (s.includes('#033') || s.includes('^[[') || s.includes('\\x1b') || s.includes('\\u001b')))
    s = s.replace(ESCAPED, '')
  if (s.includes('&') && s.includes(';'))
    s = s.replace(/&(#?\w{2,5});/g, (all, name: string) => own(ENTITIES, name.toLowerCase()) ?? all)
  if (s.includes('<') && s.includes('>')) s = s.replace(TAGS, '')
  return s.replace(/\t/g, ' ')
}

/**
 * A stamp in the middle: another record was printed into this line. The systemd status that a console shows between is
 * another voice as well.
 */
const EMBEDDED = new RegExp(
  String.raw`(?:<\d{1,2}>)?\[\s*\d{1,7}\.\d{6}\](?:\[\s*[TC]\d+\])? |\[(?: {2}OK {2}|FAILED|DEPEND|` +
    String.raw`[ *]{6})\] |[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ kernel: `
)

/** Longest chain of prefixes; a line of nothing but stamps ends. */
const DEEPEST = 12

const fresh = (): Stamp => ({ mono: null, wall: null, host: null, boot: null, begins: false, partial: false })

/** Peels lines, one file a peeler: some forms spread a record over lines. */
export class Peeler {
  private last: Stamp = fresh()
  private readonly containers = new Containers()
  private kmsg = false
  /** The last record was cut by its container. */
  private partial = false
  /** Mail in quoted-printable: a line that ends in = goes on. */
  quotedPrintable = false
  private soft = ''

  /** The pieces of a line as it was read, without its end. */
  line(raw: string, line: number, into: (p: Piece) => void): void {
    let s = clean(raw)
    if (this.quotedPrintable) {
      s = this.soft + s.replace(/=([0-9A-F]{2})/g, (_, h: string) => String.fromCharCode(Number.parseInt(h, 16)))
      if (s.endsWith('=') && s.length >= 60) {
        this.soft = s.slice(0, -1)
        return
      }
      this.soft = ''
    } else if (/^Content-Transfer-Encoding: quoted-printable/i.test(s)) this.quotedPrintable = true
    this.text(s, line, s.length, fresh(), into)
  }

  /** What a container held back is complete. */
  end(into: (p: Piece) => void): void {
    for (const r of this.containers.flush()) this.opened(r, 0, into)
  }

  private text(s: string, line: number, width: number, stamp: Stamp, into: (p: Piece) => void): void {
    const opened = this.containers.open(s)
    if (opened !== null) {
      for (const r of opened) this.opened(r, line, into)
      return
    }
    if (this.kmsg && s.startsWith(' ') && /^ [A-Z_]+=/.test(s)) return
    const kmsg = /^(?:\d+\.\d+[^,;\s]*,)?(\d+),(\d+),(\d+),([^;]*);/.exec(s)
    if (kmsg) {
      this.kmsg = true
      stamp.mono = Number(kmsg[3]) / 1e6
      stamp.begins = true
      const part = /ncfrag=(\d+)\/(\d+)/.exec(kmsg[4] as string)
      const text = unescapeKmsg(s.slice(kmsg[0].length))
      if (part) {
        stamp.partial = Number(part[1]) + text.length < Number(part[2])
        stamp.begins = part[1] === '0'
      }
      this.peeled(text, line, width, stamp, into)
      return
    }
    this.peeled(s, line, width, stamp, into)
  }

  private opened(r: Opened, line: number, into: (p: Piece) => void): void {
    for (const part of r.text.split(/\r?\n/)) {
      if (part.trim() !== '')
        this.peeled(
          clean(part),
          line,
          part.length,
          { ...fresh(), mono: r.mono, wall: r.wall, boot: r.boot, host: r.host, begins: true },
          into
        )
    }
  }

  private peeled(text: string, line: number, width: number, stamp: Stamp, into: (p: Piece) => void): void {
    let s = text
    const goesOn = this.partial
    for (let n = 0; n < DEEPEST; n++) {
      const next = this.prefix(s.trimStart(), stamp)
      if (next === null) break
      s = next.rest
      // The rest of a record that a container runtime cut is text as it stands.
      if (goesOn && next.id === 'cri') break
    }
    this.partial = stamp.partial
    // A line that goes on may begin with the blank at which a terminal cut it.
    if (stamp.begins && !goesOn) {
      s = s.trimStart()
      this.last = stamp
    }
    // A record that another was printed into is cut in two (or more).
    const cut = s.search(EMBEDDED)
    const head = cut > 0 ? s.slice(0, cut) : s
    into({
      text: cut > 0 ? head.trimEnd() : head,
      line,
      begins: stamp.begins,
      mono: stamp.mono,
      wall: stamp.wall,
      width,
      host: stamp.host,
      boot: stamp.boot,
      partial: stamp.partial
    })
    if (cut > 0) {
      const rest = s.slice(cut)
      const status = /^\[(?: {2}OK {2}|FAILED|DEPEND|[ *]{6})\] /.exec(rest)
      this.peeled(
        status ? rest.slice(status[0].length) : rest,
        line,
        width,
        { ...fresh(), begins: status !== null },
        into
      )
    }
  }

  private prefix(s: string, stamp: Stamp): { readonly id: string; readonly rest: string } | null {
    for (const p of byFirst(s.charCodeAt(0) || 0)) {
      const m = p.pattern.exec(s)
      if (m === null) continue
      p.take(m, stamp, this.last)
      return { id: p.id, rest: s.slice(m[0].length) }
    }
    return null
  }
}

const unescapeKmsg = (s: string): string =>
  s.includes('\\x') ? s.replace(/\\x([0-9a-f]{2})/g, (_, h: string) => String.fromCharCode(Number.parseInt(h, 16))) : s

interface Opened {
  readonly text: string
  readonly mono: number | null
  readonly wall: number | null
  readonly boot: string | null
  readonly host: string | null
}

/** Keys under which collectors keep the line itself, and those that tell its time. */
const TEXT_KEYS = ['MESSAGE', 'msg', 'message', 'log', 'textPayload', 'Output', 'text', '_raw', 'line']
const MONO_KEYS = ['_SOURCE_MONOTONIC_TIMESTAMP', '__MONOTONIC_TIMESTAMP', 'time']
const WALL_KEYS = ['__REALTIME_TIMESTAMP', '_SOURCE_REALTIME_TIMESTAMP']

type Fields = Record<string, unknown>

/** Records that are kept in JSON (one a line, or spread over lines), or in journalctl's export and verbose forms. */
class Containers {
  private fields: Fields | null = null
  /** Which form of several lines is being read. */
  private form: 'none' | 'json' | 'export' = 'none'

  /** The records that end with this line; null: the line is in no container. */
  open(s: string): Opened[] | null {
    const t = s.trimStart()
    const json = /^(?:data: )?(?=[{[]\s*["{])/.exec(t)
    if (json) {
      const value = parseJson(t.slice(json[0].length))
      if (value !== undefined) return found(value)
    }
    if (this.form !== 'export') {
      const field = /^"([\w.]+)"\s*:\s*("(?:[^"\\]|\\.)*"|[^",{[][^,]*?),?\s*\}?,?\s*$/.exec(t)
      if (
        field &&
        (this.form === 'json' ||
          TEXT_KEYS.includes(field[1] as string) ||
          field[1] === 'pri' ||
          (field[1] as string).startsWith('_'))
      ) {
        this.form = 'json'
        ;(this.fields ??= {})[field[1] as string] = parseJson(field[2] as string) ?? field[2]
        return []
      }
      if (this.form === 'json' || /^(?:\[?\{|\{ ?"dmesg": ?\[)$/.test(t.trim())) {
        if (/^[[\]{},\s]*$/.test(t) || /^"dmesg"\s*:/.test(t)) return this.flush()
        if (/^"[\w.]+"\s*:/.test(t)) return []
      }
    }
    return this.exported(s)
  }

  /** journalctl -o export and -o verbose: KEY=value a line, a blank line or a new cursor between records. */
  private exported(s: string): Opened[] | null {
    if (this.form === 'none' && !/^(?:__CURSOR|__REALTIME_TIMESTAMP)=/.test(s) && !/\[s=[0-9a-f]{32};i=/.test(s))
      return null
    if (this.form === 'json') return null
    if (/\[s=[0-9a-f]{32};i=/.test(s) || /^__CURSOR=/.test(s) || s.trim() === '') {
      const out = this.flush()
      this.form = s.trim() === '' && out.length === 0 && this.fields === null ? this.form : 'export'
      this.fields = {}
      return out
    }
    const field = /^\s*([A-Z_][A-Z0-9_]*)=(.*)$/.exec(s)
    if (!field) return this.form === 'export' && this.fields !== null && Object.keys(this.fields).length > 0 ? [] : null
    this.form = 'export'
    ;(this.fields ??= {})[field[1] as string] = field[2]
    return []
  }

  flush(): Opened[] {
    const out = this.fields === null ? [] : found(this.fields)
    this.fields = null
    return out
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const seconds = (v: unknown, scale: number): number | null => {
  const n = typeof v === 'number' ? v : typeof v === 'string' && /^\s*\d+(\.\d+)?$/.test(v) ? Number(v) : Number.NaN
  return Number.isFinite(n) ? n / scale : null
}

/** The records in a parsed value, wherever they are nested. */
function found(value: unknown, depth = 0): Opened[] {
  if (Array.isArray(value))
    return value.length > 0 && typeof value[0] === 'object' && depth < 6
      ? value.flatMap((v) => found(v, depth + 1))
      : []
  if (typeof value !== 'object' || value === null) return []
  const f = value as Fields
  const key = TEXT_KEYS.find((k) => typeof own(f, k) === 'string' || (k === 'MESSAGE' && Array.isArray(own(f, k))))
  if (key === undefined) return depth < 6 ? Object.values(f).flatMap((v) => found(v, depth + 1)) : []
  const raw = own(f, key)
  const text = typeof raw === 'string' ? raw : new TextDecoder().decode(Uint8Array.from((raw as unknown[]).map(Number)))
  const mono = MONO_KEYS.map((k) => seconds(own(f, k), k === 'time' ? 1 : 1e6)).find((n) => n !== null) ?? null
  const wall =
    WALL_KEYS.map((k) => seconds(own(f, k), 1e6)).find((n) => n !== null) ??
    isoOf(f['time'] ?? f['timestamp'] ?? f['@timestamp'])
  const word = (v: unknown): string | null => (typeof v === 'string' ? v : null)
  return [{ text, mono, wall, boot: word(f['_BOOT_ID']), host: word(f['_HOSTNAME']) }]
}

function isoOf(v: unknown): number | null {
  const m = typeof v === 'string' ? new RegExp(`^${ISO}`).exec(v) : null
  return m ? isoEpoch(m[1] as string, m[2] as string, m[3]) : null
}
