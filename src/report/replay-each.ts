// Many recordings at once: a line for each, and what stands out.
import { Bytes, columns, type Diagnostic, formatDiagnostic, plural, printableLine } from '../base/index.ts'
import type { Provenance, ReplayResult } from '../replay/index.ts'
import { num, replayVerdict, type VerdictKind } from './replay-verdict.ts'

/** What is told of one recording. */
export interface EachRow {
  readonly file: string
  readonly host: string | null
  readonly day: string | null
  readonly machine: string | null
  /** null: it could not be read, as `errors` say. */
  readonly answer: VerdictKind | null
  readonly sentences: readonly string[]
  readonly kernel: string | null
  readonly events: number
  readonly lossy: boolean
  readonly interrupted: boolean
  readonly nslabs: number | null
  readonly hiwater: number | null
  /** The smallest pool that carries the load, with room to spare. */
  readonly needed: number | null
  readonly failed: number
  readonly bouncedBytes: number
  readonly copiedBytes: number
  readonly leaks: readonly string[]
  readonly warnings: readonly string[]
  readonly errors: readonly Diagnostic[]
}

export interface EachReport {
  readonly rows: readonly EachRow[]
  /** Recordings that were asked for: fewer rows where it was interrupted. */
  readonly of: number
  readonly interrupted: boolean
}

const nothing = {
  answer: null,
  sentences: [],
  kernel: null,
  events: 0,
  lossy: false,
  interrupted: false,
  nslabs: null,
  hiwater: null,
  needed: null,
  failed: 0,
  bouncedBytes: 0,
  copiedBytes: 0,
  leaks: []
}

export function eachRow(
  file: string,
  from: Provenance,
  r: ReplayResult | null,
  warnings: readonly string[],
  errors: readonly Diagnostic[]
): EachRow {
  const about = { file, ...from, warnings, errors }
  if (r === null || r.events === 0) return { ...nothing, ...about }
  const verdict = replayVerdict(r)
  const sum = (f: (d: ReplayResult['devices'][number]) => number): number => r.devices.reduce((n, d) => n + f(d), 0)
  return {
    ...about,
    answer: verdict.kind,
    sentences: verdict.sentences,
    kernel: r.source.kernel,
    events: r.events,
    lossy: r.lossy,
    interrupted: r.source.interrupted,
    nslabs: r.pool?.nslabs ?? null,
    hiwater: r.predicted.hiwater,
    needed: r.needed?.recommended ?? null,
    failed: r.failures.total,
    bouncedBytes: sum((d) => d.bouncedBytes),
    copiedBytes: sum((d) => d.copiedIn + d.copiedOut),
    leaks: r.live.filter((l) => l.leaks).map((l) => l.device)
  }
}

/** What the tables do not know of recordings, as a line; nothing where they do. */
export function provenanceWarning(rows: readonly Pick<EachRow, 'host' | 'day'>[]): string {
  const [hosts, days] = [rows.filter((r) => r.host === null).length, rows.filter((r) => r.day === null).length]
  const lacks = [...(hosts > 0 ? [`the host of ${hosts}`] : []), ...(days > 0 ? [`the day of ${days}`] : [])]
  return lacks.length === 0
    ? ''
    : `tbit replay: warning TB-369: nothing says ${lacks.join(' and ')} of ` +
        `${plural(rows.length, 'recording')}: it is ` +
        'NULL in the tables\n  --host and --day say it, or parts host=NAME/day=2026-11-28/ of the path\n'
}

const NAME = 24
/** The end of a name that is too long: it tells files of one directory apart. */
const short = (name: string): string => {
  const text = printableLine(name)
  return text.length <= NAME ? text : `...${text.slice(3 - NAME)}`
}
const orNone = (n: number | null): string => (n === null ? '-' : num(n))

/** How much of the pool was in use at the peak. */
const peakShare = (r: EachRow): string =>
  r.nslabs === null || r.hiwater === null || r.nslabs === 0 ? '' : `${Math.round((100 * r.hiwater) / r.nslabs)} %`

const ORDER: readonly VerdictKind[] = ['leaks', 'fills', 'grows', 'fits', 'direct', 'nothing']

const HEAD = ['recording', 'slots', 'peak', '', 'needs', 'failed', 'copied', 'pool']
/** All columns but the first and the last are numbers. */
function rightAligned(rows: ReadonlyArray<readonly string[]>): string[][] {
  const width = HEAD.map((_, i) => Math.max(...rows.map((r) => (r[i] ?? '').length)))
  return rows.map((r) => r.map((c, i) => (i === 0 || i === r.length - 1 ? c : c.padStart(width[i] as number))))
}

function eachText(r: EachReport): string {
  const read = r.rows.filter((x) => x.answer !== null)
  const rows = read.map((x) => [
    short(x.file),
    orNone(x.nslabs),
    orNone(x.hiwater),
    peakShare(x),
    orNone(x.needed),
    num(x.failed),
    Bytes.human(x.copiedBytes),
    `${x.answer}${x.lossy ? ' *' : ''}`
  ])
  const out: string[] = []
  if (rows.length > 0) out.push(columns(rightAligned([HEAD, ...rows])))
  if (read.some((x) => x.lossy)) out.push('* events are missing: an estimate')
  const counts = ORDER.flatMap((k) => {
    const n = read.filter((x) => x.answer === k).length
    return n === 0 ? [] : [`${k} ${n}`]
  })
  const unread = r.rows.length - read.length
  if (out.length > 0) out.push('')
  out.push(
    `${plural(r.rows.length, 'recording')}: ` +
      [...counts, ...(unread > 0 ? [`${unread} could not be read`] : [])].join(', ') +
      (r.interrupted ? `; stopped, ${r.of - r.rows.length} of ${r.of} were not begun` : '')
  )
  return `${out.join('\n')}\n`
}

const eachJson = (r: EachReport): string =>
  `${JSON.stringify(
    {
      format: 1,
      of: r.of,
      interrupted: r.interrupted,
      recordings: r.rows.map((x) => ({
        file: x.file,
        host: x.host,
        day: x.day,
        machine: x.machine,
        answer: x.answer,
        sentences: x.sentences,
        kernel: x.kernel,
        events: x.events,
        lossy: x.lossy,
        interrupted: x.interrupted,
        nslabs: x.nslabs,
        hiwater: x.hiwater,
        needed: x.needed,
        failed: x.failed,
        bounced_bytes: x.bouncedBytes,
        copied_bytes: x.copiedBytes,
        leaks: x.leaks,
        warnings: x.warnings.map((w) => w.trimEnd())
      })),
      errors: r.rows.flatMap((x) => x.errors)
    },
    null,
    1
  )}\n`

/** What could not be read, for the reader of messages. */
export const eachErrors = (r: EachReport): string =>
  r.rows.flatMap((x) => [...x.warnings, ...x.errors.map((e) => `${formatDiagnostic(e)}\n`)]).join('')

/** What `replay --each` can write, by the names of `replay`'s formats. */
export const eachFormats = { text: eachText, json: eachJson } as const satisfies Record<
  string,
  (r: EachReport) => string
>
