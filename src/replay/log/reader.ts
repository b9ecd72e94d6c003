// A kernel log, read line by line or from bytes: records become facts of a boot, failures and traces. Memory is
// bounded: counts, and what is odd.
import { PAGE_SIZE } from '../../base/index.ts'
import { type MessageId, type ReadMessage, readMessage } from '../../kernel/messages.ts'
import { IO_TLB_SIZE } from '../../kernel/swiotlb/pool.ts'
import { sizeText } from '../../kernel/swiotlb/size-text.ts'
import { unsoundPool } from '../sound-pool.ts'
import { type Boot, bannerOf, isFact, newBoot, takeBanner, takeFact } from './boot.ts'
import { type Failure, Failures, kindOf, num } from './failure.ts'
import { FullLine } from './full-line.ts'
import { FrontEnd } from './front-end.ts'
import type { LogRecord } from './join.ts'
import { type CallTrace, TraceReader, concernsDma } from './trace.ts'
import { isConsequence, isSubject, ofInterest, shape } from './words.ts'

/** One boot as it was read. */
export interface BootRead {
  readonly facts: Boot
  readonly failures: Failures
  readonly traces: TraceReader
  /** Messages of the mapping functions that the rate limit ate. */
  suppressed: number
  /** The last `total` that a message printed. */
  total: number | null
  /** Lines about the subject that nothing here understands: one of each shape, with its count. */
  readonly strange: Map<string, Line>
  /** What drivers say of their failed mappings. */
  readonly drivers: Map<string, Line>
}

/** One line of its shape. */
export interface Line {
  readonly text: string
  readonly line: number
  count: number
}

/** Functions whose "callbacks suppressed" are about mappings. */
const MAPPERS = new Set([
  'swiotlb_tbl_map_single',
  'swiotlb_map',
  'dma_direct_map_page',
  'dma_direct_map_phys',
  'dma_direct_map_sg',
  '__dma_map_sg_attrs',
  'dma_map_page_attrs',
  'dma_map_phys',
  'swiotlb_full'
])
/** Shapes of strange lines that are kept. */
const MOST_STRANGE = 64
/** A trace that begins at most so many lines after a message is about it. */
const FOLLOWS = 8
/** A jump back of the boot clock by so much, to so little, is another boot. */
const BACK = 30
const EARLY = 10

/** A message just read. */
interface Recent {
  readonly g: Failure
  readonly size: number
  readonly line: number
  readonly id: MessageId
}

/** Reads a log. */
export class LogReader {
  readonly boots: BootRead[] = []
  lines = 0
  /** Records that something was understood of. */
  understood = 0
  /** Lines with any word of the subject. */
  subject = 0
  private readonly front = new FrontEnd(
    (r) => {
      this.record(r)
    },
    (text) => isFact(text) || readMessage(text) !== null
  )
  private lastMono: number | null = null
  /** The last few failures, newest last: what follows may be about the same request. */
  private recent: Recent[] = []
  private readonly full = new FullLine()
  /** The last message that take() read: it is remembered when another record comes. */
  private taken: Failure | null = null
  private takenSize = 0
  private takenLine = 0
  private binary = 0

  /** `observer`: is shown each record, with its boot, when it has been read. */
  constructor(private readonly observer: ((b: BootRead, r: LogRecord) => void) | null = null) {}

  /** The next line, without its end. */
  line(raw: string): void {
    this.lines++
    // biome-ignore lint/suspicious/noControlCharactersInRegex: NUL bytes are what tells binary from text
    if (/[\u0000-\u0008\u000e-\u001a\ufffd]/.test(raw)) this.binary++
    this.front.line(raw, this.lines)
  }

  /** So many lines in which nothing of the subject stands. */
  skip(lines: number): void {
    this.lines += lines
    this.front.pause()
  }

  parse(buf: Uint8Array, from: number, word: number, to: number): number {
    return this.front.settled && this.boots.length > 0 ? this.full.parse(buf, from, word, to) : -1
  }

  /** The line that parse() has read. */
  take(): void {
    this.lines++
    this.understood++
    this.subject++
    this.front.pause()
    const { mono, total } = this.full
    // bootOf() of a line that names no boot, without a record.
    if (this.wentBack(mono)) this.bootOf({ text: '', line: this.lines, mono, wall: null, host: null, boot: null }, null)
    if (mono !== null) this.lastMono = mono
    const b = this.boots.at(-1) as BootRead
    b.total = total
    const g = b.failures.addFull(this.full, this.lines)
    const trace = b.traces.current
    if (trace !== null) g.trace ??= trace
    this.taken = g
    this.takenSize = this.full.size
    this.takenLine = this.lines
  }

  /** Whether most of what was read is no text at all. */
  get looksBinary(): boolean {
    return this.binary > 0 && this.binary * 2 > this.lines
  }

  end(): void {
    this.front.end()
    for (const b of this.boots) b.traces.end()
    if (this.boots.length === 0) this.boots.push(this.begin(1))
    for (const [i, b] of this.boots.entries())
      b.facts.lastLine = (this.boots[i + 1]?.facts.firstLine ?? this.lines + 1) - 1
  }

  private begin(line: number): BootRead {
    return {
      facts: newBoot(line),
      failures: new Failures(),
      traces: new TraceReader(),
      suppressed: 0,
      total: null,
      strange: new Map(),
      drivers: new Map()
    }
  }

  /** The stamp is of a clock that began anew. */
  private wentBack(mono: number | null): boolean {
    return mono !== null && this.lastMono !== null && mono < EARLY && mono < this.lastMono - BACK
  }

  /** The boot that the record belongs to; a banner, a clock that went back or another journal id begins one. */
  private bootOf(r: LogRecord, banner: string | null): BootRead {
    const before = this.boots.at(-1)
    const back = this.wentBack(r.mono)
    if (r.mono !== null) this.lastMono = r.mono
    const other = before !== undefined && r.boot !== null && before.facts.id !== null && r.boot !== before.facts.id
    if (
      before === undefined ||
      other ||
      (banner !== null ? before.facts.kernel !== null : back && before.facts.kernel !== null)
    ) {
      const fresh = this.begin(this.boots.length === 0 ? 1 : r.line)
      this.boots.push(fresh)
      this.recent = []
    }
    const b = this.boots.at(-1) as BootRead
    b.facts.id ??= r.boot
    b.facts.host ??= r.host
    if (banner !== null) takeBanner(b.facts, r.text, banner)
    return b
  }

  private record(r: LogRecord): void {
    if (this.taken !== null) {
      this.remember({ g: this.taken, size: this.takenSize, line: this.takenLine, id: 'full' })
      this.taken = null
    }
    if (/^-- (?:Reboot|Boot [0-9a-f]{32}) ?--/.test(r.text)) {
      if (this.boots.length > 0) this.boots.push(this.begin(r.line))
      return
    }
    const interest = ofInterest(r.text)
    const banner = interest ? bannerOf(r.text) : null
    const b = this.bootOf(r, banner)
    if (interest) this.read(b, r, banner)
    this.observer?.(b, r)
  }

  private read(b: BootRead, r: LogRecord, banner: string | null): void {
    const subject = isSubject(r.text)
    if (subject) this.subject++
    const fact = takeFact(b.facts, r.text) || banner !== null
    const traced = b.traces.record(r)
    this.attach(b, r)
    const messages = this.messages(b, r)
    if (fact || messages || (traced && b.traces.current !== null && concernsDma(b.traces.current))) this.understood++
    else if (subject && !traced) this.keep(isConsequence(r.text) ? b.drivers : b.strange, r)
  }

  /** A warning or call trace that follows a message tells who asked: dev_WARN_ONCE() prints the message first. */
  private attach(b: BootRead, r: LogRecord): void {
    const t = b.traces.current
    const last = this.recent.at(-1)
    if (t === null || last === undefined || last.g.trace !== null || r.line - last.line > FOLLOWS) return
    if ((t.kind === 'warning' || t.kind === 'stack') && t.line >= last.line) last.g.trace = t
  }

  private keep(lines: Map<string, Line>, r: LogRecord): void {
    const key = shape(r.text)
    const known = lines.get(key)
    if (known) known.count++
    else if (lines.size < MOST_STRANGE) lines.set(key, { text: r.text.trim(), line: r.line, count: 1 })
  }

  // A record may hold several messages: pasted on one line, or printed into each other.
  private messages(b: BootRead, r: LogRecord): boolean {
    let rest = r.text
    let any = false
    for (let n = 0; n < 64 && rest !== ''; n++) {
      const m = readMessage(rest) ?? nameless(rest)
      if (m === null) break
      this.message(b, m, r)
      any = true
      rest = rest.slice(m.end)
    }
    return any
  }

  private message(b: BootRead, read: ReadMessage, r: LogRecord): void {
    const m =
      read.id === 'cma_failed' ? { ...read, args: { ...read.args, size: num(read.args, 'pages') * PAGE_SIZE } } : read
    const kind = kindOf[m.id]
    if (kind === undefined) {
      this.told(b, m, r)
      return
    }
    const size = m.args['size'] === undefined ? -1 : num(m.args, 'size')
    if (this.sameRequest(b, m, size, r)) return
    const total = m.id === 'full' ? num(m.args, 'total') : null
    if (total !== null && total > 0) b.total = total
    // "total 0": there is no pool.
    const g = b.failures.add(total === 0 ? 'no_pool' : kind, m.id, m.args, r)
    const trace = b.traces.current
    if (trace !== null) g.trace ??= trace
    this.remember({ g, size, line: r.line, id: m.id })
  }

  private remember(x: Recent): void {
    this.recent.push(x)
    if (this.recent.length > 4) this.recent.shift()
  }

  /**
   * A second message about the request of the one just before it: counted once, and each tells what the other does not.
   */
  private sameRequest(b: BootRead, m: ReadMessage, size: number, r: LogRecord): boolean {
    const before = this.recent.findLast((x) => x.size === size && r.line - x.line <= 4)
    if (before === undefined || size < 0) return false
    const { g } = before
    if ((m.id === 'out_of_space_at' || m.id === 'out_of_space_old') && before.id === 'full_old') {
      if (g.device === '') g.device = String(m.args['dev'] ?? '')
      return true
    }
    if (m.id === 'coherent_failed' || m.id === 'coherent_failed_old') {
      b.failures.take(g, size)
      const device = g.device === '' ? m.args['dev'] : g.device
      const c = b.failures.add('coherent', m.id, { ...m.args, ...(device === undefined ? {} : { dev: device }) }, r)
      if (g.total !== null) c.total = g.total
      if (g.used !== null) c.used = [...g.used]
      this.recent = this.recent.filter((x) => x !== before)
      return true
    }
    return false
  }

  /** Messages of the boot and of the rate limit. */
  private told(b: BootRead, m: ReadMessage, r: LogRecord): void {
    const f = b.facts
    const n = (key: string): number => num(m.args, key)
    const odd = (pool: Parameters<typeof unsoundPool>[0]): boolean => {
      const wrong = unsoundPool(pool)
      if (wrong !== null) f.story.push(`the log has ${wrong}, which no kernel has: the line is not used`)
      return wrong !== null
    }
    switch (m.id) {
      case 'area_num':
        if (odd({ start: null, nslabs: null, nareas: n('areas') })) return
        f.areas = n('areas')
        return
      case 'mapped':
      case 'mapped_old': {
        if (odd({ start: n('start'), nslabs: (n('end') - n('start')) / IO_TLB_SIZE, nareas: null })) return
        f.mappedCount++
        f.mapped = [n('start'), n('end')]
        f.story.push(
          `the pool is at 0x${n('start').toString(16)}-0x${n('end').toString(16)}: ${sizeText(n('end') - n('start'))}`
        )
        return
      }
      case 'size_adjusted':
        f.story.push(`the platform asks for ${n('mb')} MiB`)
        return
      case 'size_roundup':
        f.story.push(`rounded up to ${n('mb')} MiB (a power of two, at least 128 slots an area)`)
        return
      case 'size_halved':
        f.halved ??= { from: n('from'), to: n('to') }
        f.halved = { from: f.halved.from, to: n('to') }
        f.story.push(
          `${sizeText(n('from') * IO_TLB_SIZE)} could not be had in one piece of low memory: halved to ` +
            `${sizeText(n('to') * IO_TLB_SIZE)}`
        )
        return
      case 'no_low_mem':
        f.noLowMem = true
        return
      case 'alloc_failed':
      case 'alloc_failed_old':
      case 'cannot_allocate':
      case 'remap_failed':
      case 'slots_failed':
        f.allocFailed = r.text.replace(/^.*software IO TLB: /, '')
        f.story.push(`an allocation for the pool failed: ${f.allocFailed}`)
        return
      case 'late_size':
        f.story.push(`the pool was allocated late and is only ${n('mb')} MiB`)
        return
      case 'teardown':
        f.tornDown = true
        f.story.push('the default pool was given back: nothing needs it')
        return
      case 'encrypted':
        f.encryptedBounce = true
        f.story.push('memory is encrypted and devices bounce')
        return
      case 'restricted':
      case 'restricted_kib':
        f.restricted++
        f.story.push(
          `a restricted pool of ${m.id === 'restricted' ? `${n('mb')} MiB` : sizeText(n('kib') * 1024)} at 0x` +
            `${n('base').toString(16)}: its devices bounce always, through one area`
        )
        return
      case 'tio_disable':
        f.story.push(`${m.args['dev']}: accepted by the guest, no longer bounced (RFC v1)`)
        return
      case 'suppressed':
        if (MAPPERS.has(String(m.args['fn']))) b.suppressed += n('count')
        return
      default:
    }
  }
}

const NAMELESS = new RegExp(
  [
    'swiotlb buffer is full',
    'DMA: Out of SW-IOMMU',
    'Can not allocate SWIOTLB',
    'swiotlb addr 0x',
    'DMA addr 0x',
    'overflow 0x',
    'Buffer overflow detected',
    'swiotlb: coherent allocation failed, size'
  ].join('|')
)

/** A message pasted without what stands before it: whose it was is not known. */
function nameless(text: string): ReadMessage | null {
  const at = text.search(NAMELESS)
  if (at < 0) return null
  const m = readMessage(`x: ${text.slice(at)}`)
  return m === null ? null : { ...m, args: { ...m.args, dev: '' }, end: m.end - 3 + at }
}

/** Traces that concern DMA and belong to no message: oopses, BUGs and warnings of their own. */
export const ownTraces = (b: BootRead): CallTrace[] => {
  const taken = new Set([...b.failures.groups.values()].map((g) => g.trace))
  return b.traces.traces.filter((t) => !taken.has(t) && concernsDma(t))
}
