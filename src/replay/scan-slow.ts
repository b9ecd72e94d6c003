// The readable twin of scan.ts: one line of text to one event, with regular expressions and strings. Slow; it says what
// the scanner must do, and a property test holds the two together. Not used by the tool itself. A character is a byte
// here; names and texts are decoded at the end.
import { parseAttrs, Trace, traceEvent, type TraceKind } from '../kernel/trace-events.ts'
import { besideHas, besideKind, readBeside } from './beside.ts'
import { Has, Irq, REQUIRED } from './event.ts'
import { MAX_CPUS, MAX_DEVICE, MAX_EVENT_NAME, MAX_FRACTION, MAX_LINE, MAX_NUMBER, MAX_PID_DIGITS } from './scan.ts'
import type { SkipReason } from './skips.ts'

/** An event with everything spelled out; undefined where the line says nothing. */
export interface SlowEvent {
  kind: number
  has: number
  time: number
  cpu: number
  pid: number
  irq: number
  device?: string
  dir?: number
  dma?: number
  phys?: number
  size?: number
  mask?: number
  attrs: number
  force: boolean
  nents: number
  ents: number
  truncated: boolean
  failed?: boolean
  dmas?: number[]
  sizes?: number[]
  physs?: number[]
  text?: string
  count: number
}

export type SlowLine =
  | { readonly type: 'nothing' }
  | { readonly type: 'skip'; readonly reason: SkipReason }
  | { readonly type: 'other'; readonly name: string }
  | { readonly type: 'event'; readonly event: SlowEvent }

const LOST = /^[ \t\r]*(?:CPU[: ] *(\d+) *)?\[(?:LOST (?:(\d+) )?EVENTS|(?:(\d+) )?EVENTS DROPPED)\]/
// [CPU], maybe flags, a time.
const PLACE = /^\[(\d+)\] +(?:([^\d ][^ ]*) +)?(\d+)(?:\.(\d*))?: *(.*)$/s
// Maybe systems, the name, the rest.
const NAME = /^(?:[^ :]*:(?=[^ \r]))*([^ :]*):(?=[ \r]|$)(.*)$/s

const irqOf = (flags: string | undefined): number => {
  switch (flags?.[2]) {
    case '.':
      return Irq.task
    case 's':
      return Irq.soft
    case 'h':
    case 'H':
      return Irq.hard
    case 'z':
    case 'Z':
      return Irq.nmi
    default:
      return Irq.unknown
  }
}

function pidOf(before: string): number {
  const digits = /\d*$/.exec(before)?.[0] ?? ''
  return digits.length > MAX_PID_DIGITS ? 0 : Number(digits)
}

/** What a whole input comes to. */
export interface SlowText {
  readonly lines: number
  readonly events: readonly SlowEvent[]
  /** Lines passed over, by reason. */
  readonly skipped: Partial<Record<SkipReason, number>>
  /** Events of other names, by name. */
  readonly others: ReadonlyMap<string, number>
}

/** Reads all lines of an input; the last one may lack its end. */
export function slowText(bytes: Uint8Array): SlowText {
  const lines = latin1(bytes).split('\n')
  const cut = lines.pop() as string
  const events: SlowEvent[] = []
  const skipped: Partial<Record<SkipReason, number>> = {}
  const others = new Map<string, number>()
  const take = (line: string, end: boolean): void => {
    const r = line.length + (end ? 1 : 0) > MAX_LINE ? ({ type: 'skip', reason: 'longLine' } as const) : slowLine(line)
    count(r, line, end)
    // A line that breaks off behind its first bracket may go on with a whole one.
    const bracket = noLine(r) ? cpuBracket(line) : undefined
    if (bracket === undefined) return
    const rest = line.slice((bracket.index as number) + bracket[0].length - 1)
    const second = slowLine(rest)
    if (!noLine(second)) count(second, rest, end)
  }
  const count = (r: SlowLine, line: string, end: boolean): void => {
    const why = r.type === 'skip' ? r.reason : r.type === 'event' && !end && !whole(r.event, line) ? 'cutLine' : null
    // Of the last line, what cannot be read is most likely what is missing.
    const reason = end || why === null || why === 'binary' || why === 'longLine' ? why : 'cutLine'
    if (reason !== null) skipped[reason] = (skipped[reason] ?? 0) + 1
    else if (r.type === 'event') events.push(r.event)
    else if (r.type === 'other') others.set(r.name, (others.get(r.name) ?? 0) + 1)
  }
  for (const l of lines) take(l, true)
  if (cut !== '') take(cut, false)
  return { lines: lines.length + (cut === '' ? 0 : 1), events, skipped, others }
}

const noLine = (r: SlowLine): boolean => r.type === 'skip' && (r.reason === 'noEvent' || r.reason === 'binary')
/** The first `[CPU] ` of a line. */
const cpuBracket = (line: string): RegExpMatchArray | undefined =>
  [...line.matchAll(/\[(\d+)\] /g)].find((m) => Number(m[1]) < MAX_CPUS)

// A line cut at the end of the input can look whole: its lists disagree, or the last field never came.
function whole(ev: SlowEvent, line: string): boolean {
  switch (ev.kind) {
    case Trace.bounced:
      return /(FORCE|NORMAL)[ \t\r]*$/.test(line)
    case Trace.mapSg:
      if (ev.dmas?.length !== ev.sizes?.length || ev.sizes?.length !== ev.physs?.length) return false
      return (ev.has & Has.attrs) !== 0
    case Trace.map:
    case Trace.unmap:
    case Trace.unmapSg:
    case Trace.alloc:
    case Trace.free:
      return (ev.has & Has.attrs) !== 0
    // Nothing in these says where they end.
    case Trace.blockIssue:
    case Trace.blockComplete:
    case Trace.probeMap:
    case Trace.probeMapReturn:
    case Trace.probeUnmap:
      return false
    default:
      return true
  }
}

function latin1(bytes: Uint8Array): string {
  let out = ''
  for (let i = 0; i < bytes.length; i += 4096) out += String.fromCharCode(...bytes.subarray(i, i + 4096))
  return out
}

const utf8 = (bytes: string): string => new TextDecoder('utf-8').decode(Uint8Array.from(bytes, (c) => c.charCodeAt(0)))

/** An event before its fields are read. */
const blank = (kind: TraceKind, time: number, cpu: number): SlowEvent => ({
  kind,
  has: 0,
  time,
  cpu,
  pid: 0,
  irq: 0,
  attrs: 0,
  force: false,
  nents: 0,
  ents: 0,
  truncated: false,
  count: 0
})

/** What the tracer says of events that are not there; null where the line is another. */
function lostLine(line: string): SlowLine | null {
  const started = /^##### CPU (\d+) buffer started ####/.exec(line)
  if (started && Number(started[1]) < MAX_CPUS)
    return { type: 'event', event: blank(Trace.lost, 0, Number(started[1])) }
  const lost = line.startsWith('#') ? null : LOST.exec(line.slice(0, 200))
  const count = lost?.[2] ?? lost?.[3]
  if (!lost || Number(lost[1] ?? 0) >= MAX_CPUS || Number(count ?? 0) > MAX_NUMBER) return null
  const event = blank(Trace.lost, 0, Number(lost[1] ?? 0))
  return { type: 'event', event: { ...event, count: count === undefined ? -1 : Number(count) } }
}

/** `seconds.fraction`, or a count of the clock; null where no clock shows that. */
function timeOf(whole: string, fraction: string | undefined): number | null {
  if (fraction === undefined) return decimal(whole) > MAX_NUMBER ? null : decimal(whole)
  const time = decimal(whole) * 1e9 + Math.round(decimal(fraction) * 10 ** (9 - fraction.length))
  return fraction.length > MAX_FRACTION || time > MAX_NUMBER ? null : time
}

/** An event that is recorded beside the DMA API. `ev` has what stands before the name. */
function besideLine(ev: SlowEvent, name: string, rest: string): SlowLine {
  const kind = besideKind(name, utf8(rest.slice(0, 400)))
  if (kind === Trace.none) return { type: 'other', name }
  const read = readBeside(kind, utf8(rest.slice(0, 4000)).replace(/\r$/, ''))
  if (read === null) return { type: 'skip', reason: 'badNumber' }
  const { device, ...numbers } = read
  const named = device === undefined ? {} : { device }
  return { type: 'event', event: { ...ev, kind, has: besideHas(read), ...numbers, ...named } }
}

/** Reads one line, without its line end. */
function slowLine(line: string): SlowLine {
  const loss = lostLine(line)
  if (loss !== null) return loss
  if (line.startsWith('#') || /^[ \t\r]*$/.test(line)) return { type: 'nothing' }
  const bracket = cpuBracket(line)
  const place = bracket ? PLACE.exec(line.slice(bracket.index)) : null
  const name = place ? NAME.exec(place[5] as string) : null
  if (!bracket || !place || !name || (name[1] as string).length > MAX_EVENT_NAME) return notAnEvent(line)
  const time = timeOf(place[3] as string, place[4])
  if (time === null) return notAnEvent(line)
  const before = line
    .slice(0, bracket.index)
    .replace(/ +$/, '')
    .replace(/\([^(]*\)$/, '')
    .replace(/ +$/, '')
  const spec = traceEvent(name[1] as string)
  const ev = blank(spec?.kind ?? Trace.none, time, Number(place[1]))
  ev.pid = pidOf(before)
  ev.irq = irqOf(place[2])
  const rest = name[2] as string
  if (!spec) return besideLine(ev, utf8(name[1] as string), rest)
  if (spec.kind === Trace.mark) {
    ev.text = utf8(rest.replace(/^ +/, '').slice(0, 4096)).replace(/^tracing_mark_write: /, '')
    return { type: 'event', event: ev }
  }
  if (!fields(ev, rest)) return { type: 'skip', reason: 'badNumber' }
  if (ev.kind === Trace.mapSg) {
    if (ev.nents === 0) {
      ev.nents = ev.physs?.length ?? 0
      ev.ents = ev.dmas?.length ?? 0
    }
    if (ev.nents > (ev.physs?.length ?? 0)) ev.truncated = true
  }
  if ((REQUIRED[ev.kind] as number) & ~ev.has) return { type: 'skip', reason: 'missingField' }
  return { type: 'event', event: ev }
}

// Digit by digit, as the scanner reads them: beyond 2^53 that rounds otherwise than Number() does.
const decimal = (digits: string): number => [...digits].reduce((n, d) => n * 10 + Number(d), 0)

function notAnEvent(line: string): SlowLine {
  const text = line.replace(/^[ \t\r]+/, '')
  for (let i = 0; i < Math.min(text.length, 4096); i++) {
    const c = text.charCodeAt(i)
    if (c < 9 || (c > 13 && c < 27)) return { type: 'skip', reason: 'binary' }
  }
  if (/^(cpus=\d+|CPU \d+ is empty|version = \d+)[ \t\r]*$/.test(text.slice(0, 200))) return { type: 'nothing' }
  return { type: 'skip', reason: 'noEvent' }
}

// Reads the fields after the name; false when a value cannot be read.
// Long: one switch over the names of fields.
function fields(ev: SlowEvent, text: string): boolean {
  let raw = false
  let good = true
  let rest = text
  const number = (t: string, base: 10 | 16): number => {
    const m = /^0[xX]([0-9a-fA-F]*)/.exec(t)
    const digits = m ? (m[1] as string) : ((base === 16 ? /^[0-9a-fA-F]*/ : /^\d*/).exec(t)?.[0] ?? '')
    if (digits === '') good = false
    let v = 0
    for (const d of digits) v = v * (m ? 16 : base) + Number.parseInt(d, 16)
    if (v > MAX_NUMBER) good = false
    return v
  }
  const device = (name: string): void => {
    if (name === '') return
    if (name.length > MAX_DEVICE) good = false
    ev.device = utf8(name)
    ev.has |= Has.device
  }
  for (;;) {
    rest = rest.replace(/^[ \t\r]+/, '')
    if (rest === '') break
    const word = /^[^ =]*/.exec(rest)?.[0] ?? ''
    if (rest[word.length] !== '=') {
      if (rest.startsWith('[FAILED')) {
        const end = rest.indexOf(']')
        raw = true
        rest = end < 0 ? '' : rest.slice(end + 1)
        if (end < 0) raw = false
        continue
      }
      const bare = word.replace(/\r$/, '')
      if (bare.startsWith('[')) {
        if (bare[1] === 'T') ev.truncated = true
        rest = rest.slice(Math.max(1, bare.length))
        continue
      }
      if (bare.endsWith(':')) {
        const after = rest.slice(bare.length).replace(/^ +/, '')
        const named = /^[^ \r]*/.exec(after)?.[0] ?? ''
        device(named)
        rest = after.slice(named.length)
        continue
      }
      if (!(ev.has & Has.device)) device(bare)
      else if (bare.length === 5 && bare.startsWith('F') && ev.kind === Trace.bounced) ev.force = true
      rest = rest.slice(Math.max(1, bare.length))
      continue
    }
    const value = rest.slice(word.length + 1)
    // Digits that are no decimal number are hex, whatever the rest of the line looks like.
    const hex = raw && !/^(?!0[xX])\d*[a-fA-F]/.test(value) ? 10 : 16
    // How much of the rest belongs to the value: arrays hold blanks.
    let used = 0
    const array = (width: 4 | 8): number[] => {
      const braces = /^\{[^}]*\}?/.exec(value)
      const bytes = /^A[^[]*\[[^\]]*\]?/.exec(value)
      if (braces) {
        used = braces[0].length
        if (!braces[0].endsWith('}')) good = false
        return braces[0]
          .slice(1)
          .replace(/\}$/, '')
          .split(/[ ,]+/)
          .filter((t) => t !== '')
          .map((t) => {
            if (!/^(0[xX][0-9a-fA-F]+|\d+)$/.test(t)) good = false
            return number(t, 10)
          })
      }
      if (bytes) {
        used = bytes[0].length
        if (!bytes[0].endsWith(']')) good = false
        const all = (bytes[0].slice(bytes[0].indexOf('[') + 1).match(/[0-9a-fA-F]{1,2}/g) ?? []).map((t) =>
          Number.parseInt(t, 16)
        )
        if (all.length % width !== 0) good = false
        const out: number[] = []
        for (let i = 0; i + width <= all.length; i += width) {
          const one = all.slice(i, i + width)
          const lo = one.reduceRight((v, b) => v * 256 + b, 0)
          const hi = one.reduce((v, b) => v * 256 + b, 0)
          const swapped = width === 8 ? lo >= 2 ** 56 && lo < 2 ** 64 && hi < 2 ** 56 : lo >= 2 ** 28 && hi < 2 ** 28
          out.push(swapped ? hi : lo)
        }
        return out
      }
      good = false
      return []
    }
    const total = (): number => {
      const first = number(value, 10)
      const after = value.slice((/^(0[xX][0-9a-fA-F]*|\d*)/.exec(value)?.[0] ?? '').length)
      return after.startsWith('/') ? number(after.slice(1), 10) : first
    }
    switch (word) {
      case 'dir': {
        const known = { F: 2, T: 1, B: 0, N: 3 }[value[0] ?? '']
        const dir = known ?? (/^\d/.test(value) ? number(value, 10) : -1)
        if (dir < 0 || dir > 3) good = false
        else {
          ev.dir = dir
          ev.has |= Has.dir
        }
        break
      }
      case 'dma_addr':
      case 'addr':
        ev.dma = number(value, hex)
        ev.has |= Has.dma
        break
      case 'phys_addr':
      case 'dev_addr':
        ev.phys = number(value, hex)
        ev.has |= Has.phys
        break
      case 'dma_mask':
        ev.mask = number(value, hex)
        ev.has |= Has.mask
        break
      case 'size':
        ev.size = number(value, 10)
        ev.has |= Has.size
        break
      case 'attrs': {
        const t = /^[^ \r]*/.exec(value)?.[0] ?? ''
        ev.has |= Has.attrs
        if (t !== '')
          ev.attrs =
            parseAttrs(t) ??
            parseAttrs(
              t
                .split('|')
                .filter((x) => parseAttrs(x) !== null)
                .join('|')
            ) ??
            0
        if (ev.attrs > MAX_NUMBER) good = false
        break
      }
      case 'virt_addr':
        if (/^(0x)?0+(?=[ \r]|$)/.test(value)) ev.failed = true
        else delete ev.failed
        break
      case 'nents':
        ev.nents = total()
        break
      case 'ents':
        ev.ents = total()
        break
      case 'full_nents':
        ev.nents = number(value, 10)
        break
      case 'full_ents':
        ev.ents = number(value, 10)
        break
      case 'truncated':
        ev.truncated = number(value, 10) !== 0
        break
      case 'force':
        ev.force = number(value, 10) !== 0
        break
      case 'dma_addrs':
        ev.dmas = array(8)
        ev.has |= Has.dmaList
        break
      case 'sizes':
      case 'lengths':
        ev.sizes = array(4)
        ev.has |= Has.sizeList
        break
      case 'phys_addrs':
      case 'addrs':
        ev.physs = array(8)
        ev.has |= Has.physList
        break
      case 'device':
      case 'dev_name': {
        device(/^[^ \r]*/.exec(value)?.[0] ?? '')
        break
      }
      default:
        break
    }
    const end = value.indexOf(' ', used)
    rest = end < 0 ? '' : value.slice(end)
  }
  return good
}
