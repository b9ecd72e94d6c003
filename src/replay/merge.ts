// Several text traces as one: parts of one file follow each other; files that each hold one CPU (per_cpu/cpuN/trace)
// are merged by time, line by line, before anything is parsed.
import { joined } from '../base/bytes.ts'

/** What the first lines of a text trace show. */
export interface Peek {
  /** Time of its first event in nanoseconds; NaN when there is none in these bytes. */
  readonly time: number
  /** CPUs of its events. */
  readonly cpus: ReadonlySet<number>
  /** It begins with a header. */
  readonly header: boolean
}

const EVENT = /\[(\d{1,5})\] +(?:[^\d ][^ ]* +)?(\d+)(?:\.(\d{1,9}))?: /
const latin = new TextDecoder('latin1')

function timeOf(m: RegExpExecArray): number {
  return m[3] === undefined ? Number(m[2]) : Number(m[2]) * 1e9 + Number(m[3].padEnd(9, '0'))
}

/** Looks at the beginning of a file. */
export function peek(bytes: Uint8Array): Peek {
  const text = latin.decode(bytes.subarray(0, 65536))
  let time = Number.NaN
  const cpus = new Set<number>()
  for (const line of text.split('\n').slice(0, 400)) {
    if (line.startsWith('#')) continue
    const m = EVENT.exec(line)
    if (!m) continue
    if (Number.isNaN(time)) time = timeOf(m)
    cpus.add(Number(m[1]))
  }
  return { time, cpus, header: text.startsWith('#') || text.startsWith('cpus=') }
}

/**
 * How files belong together: `merge` by time (each is another CPU's), or one after the other in the order given back.
 */
export function arrange(peeks: readonly Peek[]): {
  readonly how: 'merge' | 'follow'
  readonly order: readonly number[]
  readonly reordered: boolean
} {
  const order = peeks.map((_, i) => i)
  if (peeks.length > 1 && peeks.every((p) => p.cpus.size === 1)) {
    const all = new Set(peeks.map((p) => [...p.cpus][0]))
    if (all.size === peeks.length) return { how: 'merge', order, reordered: false }
  }
  // Parts named out of order are put in order, when the time of each is known.
  if (peeks.every((p) => !Number.isNaN(p.time))) {
    const sorted = [...order].sort((a, b) => (peeks[a] as Peek).time - (peeks[b] as Peek).time || a - b)
    return { how: 'follow', order: sorted, reordered: sorted.some((x, i) => x !== i) }
  }
  return { how: 'follow', order, reordered: false }
}

const OUT = 1 << 18

class LineReader {
  /** The present line with its line end, and its time: that of the line before when it has none. */
  line: Uint8Array | null = null
  time = Number.NEGATIVE_INFINITY
  private rest: Uint8Array = new Uint8Array(0)
  private at = 0
  private ended = false

  constructor(private readonly stream: AsyncGenerator<Uint8Array>) {}

  async next(): Promise<void> {
    for (;;) {
      const nl = this.rest.indexOf(10, this.at)
      if (nl >= 0 || (this.ended && this.at < this.rest.length)) {
        const end = nl >= 0 ? nl + 1 : this.rest.length
        const line = this.rest.subarray(this.at, end)
        this.line = nl >= 0 ? line : joined([line, Uint8Array.of(10)])
        this.at = end
        const m = line[0] === 35 ? null : EVENT.exec(latin.decode(line.subarray(0, 256)))
        if (m) this.time = timeOf(m)
        return
      }
      if (this.ended) {
        this.line = null
        return
      }
      const n = await this.stream.next()
      if (n.done) {
        this.ended = true
        continue
      }
      this.rest = joined([this.rest.subarray(this.at), n.value])
      this.at = 0
    }
  }
}

/** The lines of all streams, oldest first; a line without a time stays with the one before it. */
export async function* mergeByTime(streams: readonly AsyncGenerator<Uint8Array>[]): AsyncGenerator<Uint8Array> {
  const readers = streams.map((s) => new LineReader(s))
  for (const r of readers) await r.next()
  let out = new Uint8Array(OUT)
  let n = 0
  for (;;) {
    let best: LineReader | null = null
    for (const r of readers) if (r.line !== null && (best === null || r.time < best.time)) best = r
    if (best === null || best.line === null) break
    if (n + best.line.length > out.length) {
      yield out.subarray(0, n)
      if (best.line.length > out.length) out = new Uint8Array(best.line.length)
      n = 0
    }
    out.set(best.line, n)
    n += best.line.length
    await best.next()
  }
  if (n > 0) yield out.subarray(0, n)
}
