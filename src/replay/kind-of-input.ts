// What a file that was given to the wrong verb is: a trace of events, or a kernel log. By its beginning, with the
// readers of both.
import { type EventSink, Names } from './event.ts'
import { utf8 } from './log/encoding.ts'
import { LogBytes } from './log/bytes.ts'
import { LogReader } from './log/reader.ts'
import { TextScanner } from './scan.ts'
import { Skips } from './skips.ts'
import { isTraceDat } from './trace-dat-magic.ts'

/** So much of the beginning is looked at. */
export const BEGINNING = 1 << 16
/** A kernel log has stamps on most of its lines, and its first lines may be a banner of another program. */
const MOST = 0.5
const STAMPED = /^(?:<\d+>)?\s*\[\s*\d+\.\d+\]|^\w{3} +\d+ [\d:]{8} \S+ kernel:|^\d+,\d+,\d+,/
const nothing: EventSink = { event: () => {} }

/** What bytes that begin so are; null: neither, or both. */
export function kindOfInput(beginning: Uint8Array): 'trace' | 'log' | null {
  if (isTraceDat(beginning)) return 'trace'
  const scanner = new TextScanner(nothing, new Names(), new Skips(), () => {}, null)
  scanner.push(beginning)
  scanner.end()
  const reader = new LogReader()
  const bytes = new LogBytes(reader)
  bytes.feed(beginning)
  bytes.end()
  reader.end()
  if (scanner.events > 0) return reader.understood === 0 ? 'trace' : null
  if (reader.understood > 0) return 'log'
  const lines = utf8()
    .decode(beginning)
    .split('\n', 200)
    .filter((l) => l !== '')
  return lines.length > 0 && lines.filter((l) => STAMPED.test(l)).length > lines.length * MOST ? 'log' : null
}
