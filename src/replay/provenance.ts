// Where and when a recording was made: what its user says, what the path says, what the recording itself holds. A fleet
// is kept by host and day.
import type { PoolFacts } from './pool-facts.ts'

export interface Provenance {
  /** null: nobody says. */
  readonly host: string | null
  /** `2026-11-28`, the day in UTC on which the recording began. */
  readonly day: string | null
  /** What the machine is: an instance type, a model. */
  readonly machine: string | null
}

/** What is known beside the events. */
export interface ProvenanceSources {
  /** The user's word: it counts first. */
  readonly given: Provenance
  /** As the file was named: parts such as `host=db7/day=2026-11-28/` are read, as other tools write them. */
  readonly path: string
  /** The sections of a recording of `tbit record`. */
  readonly sections: ReadonlyMap<string, string> | null
  readonly log: PoolFacts | null
  /** What the trace itself names: `Linux db7 6.12.0 x86_64` in a trace.dat, else a release or nothing. */
  readonly kernel: string | null
}

/** A day as it is written: `2026-11-28`, one that there is. */
export function isDay(text: string): boolean {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text)
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** `host=db7` among the parts of a path; null where there is none. */
function inPath(path: string, key: string): string | null {
  const part = path
    .split('/')
    .slice(0, -1)
    .findLast((p) => p.startsWith(`${key}=`))
  const value = part === undefined ? '' : decoded(part.slice(key.length + 1))
  return value === '' ? null : value
}

/** `key=value` among the words of a section. */
const word = (text: string, key: string): string | null => new RegExp(`(?:^|\\s)${key}=(\\S+)`).exec(text)?.[1] ?? null

// The node name of a machine without one.
const NO_NAME = new Set(['(none)', 'localhost'])
const named = (host: string | null | undefined): string | null => (host == null || NO_NAME.has(host) ? null : host)

export function provenance(s: ProvenanceSources): Provenance {
  const record = s.sections?.get('record') ?? ''
  const begun = Number(word(record, 'begun') ?? Number.NaN)
  const recorded = begun > 0 && begun < 1e11 ? new Date(begun * 1000).toISOString().slice(0, 10) : null
  const pathDay = inPath(s.path, 'day')
  return {
    host:
      s.given.host ??
      inPath(s.path, 'host') ??
      named(word(record, 'host')) ??
      named(/^Linux (\S+) \d/.exec(s.kernel ?? '')?.[1]) ??
      named(s.log?.host),
    day: s.given.day ?? (pathDay !== null && isDay(pathDay) ? pathDay : recorded),
    machine: s.given.machine ?? inPath(s.path, 'machine') ?? s.log?.machine ?? null
  }
}
