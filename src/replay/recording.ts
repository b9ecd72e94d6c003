// One file with all that a replay needs, as the script of `tbit record` packs it: sections of text (kernel log, command
// line, config), each line behind a blank so that nothing in it can look like a mark, and behind them the trace as it
// came out of tracefs. gzip around it is taken off before.
import { joined } from '../base/bytes.ts'

/** The first line of such a file. */
export const RECORDING_MARK = '# tbit-record 1'
/** Begins a section; its name follows. */
export const SECTION_MARK = '# section '
/** The last section, which is not behind blanks. */
export const TRACE_SECTION = 'trace'
/** Bytes of sections at most: beyond, the file is not what it says. */
export const LARGEST_HEAD = 256 << 20

const NEWLINE = 10
/** Whether a file that begins so is a recording of `tbit record`. */
export const isRecording = (first: Uint8Array): boolean =>
  String.fromCharCode(...first.subarray(0, RECORDING_MARK.length)) === RECORDING_MARK

/**
 * Unmaps that the probes of a recording missed: `tbit_unmap HITS MISSES` of kprobe_profile; null where it is not there.
 */
export function missedUnmaps(sections: ReadonlyMap<string, string> | null): number | null {
  const m = /^\s*tbit_unmap\s+\d+\s+(\d{1,15})\s*$/m.exec(sections?.get('probes') ?? '')
  return m ? Number(m[1]) : null
}

/** Takes the sections off the front of a recording. */
export class RecordingHead {
  readonly sections = new Map<string, string>()
  private readonly lines: string[] = []
  private section = ''
  private rest: Uint8Array = new Uint8Array(0)
  private taken = 0
  private readonly decoder = new TextDecoder()

  /**
   * The next bytes; answers those of the trace, null as long as there are none, 'broken' when the head does not end.
   */
  feed(chunk: Uint8Array): Uint8Array | null | 'broken' {
    this.taken += chunk.length
    const b = joined([this.rest, chunk])
    let from = 0
    for (let nl = b.indexOf(NEWLINE); nl >= 0; nl = b.indexOf(NEWLINE, from)) {
      const line = this.decoder.decode(b.subarray(from, nl))
      from = nl + 1
      if (line.startsWith(SECTION_MARK)) {
        this.close()
        this.section = line.slice(SECTION_MARK.length).trim()
        if (this.section === TRACE_SECTION) return b.slice(from)
      } else if (this.section !== '') this.lines.push(line.startsWith(' ') ? line.slice(1) : line)
    }
    this.rest = b.slice(from)
    return this.taken > LARGEST_HEAD ? 'broken' : null
  }

  private close(): void {
    if (this.section !== '' && !this.sections.has(this.section)) this.sections.set(this.section, this.lines.join('\n'))
    this.lines.length = 0
  }
}
