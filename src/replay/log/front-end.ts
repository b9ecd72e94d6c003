// The front end of everything that reads a kernel log: lines are peeled (peel.ts) and joined to records (join.ts).
import { Joiner, type LogRecord, wrappingOf } from './join.ts'
import { Peeler, type Piece } from './peel.ts'

/** Lines that are held back until it is known how the log is wrapped. */
const PROBE_LINES = 400

/** Makes records of lines. */
export class FrontEnd {
  private readonly peeler = new Peeler()
  private readonly joiner: Joiner
  private probe: Piece[] | null = []
  private readonly piece = (p: Piece): void => {
    if (this.probe === null) {
      this.joiner.push(p)
      return
    }
    this.probe.push(p)
    if (this.probe.length >= PROBE_LINES) this.release()
  }

  /** `alone`: whether a text is a record by itself, whatever stands before it. */
  constructor(record: (r: LogRecord) => void, alone: (text: string) => boolean) {
    this.joiner = new Joiner(record, alone)
  }

  /** How the log is wrapped is known: records come out as their lines come in. */
  get settled(): boolean {
    return this.probe === null
  }

  /** The next line, without its end; `n`: its number. */
  line(raw: string, n: number): void {
    if (raw.includes('\r')) for (const part of raw.split(/\r+/)) this.peeler.line(part, n, this.piece)
    else this.peeler.line(raw, n, this.piece)
  }

  /** Lines are left out here: what is open is complete. */
  pause(): void {
    this.release()
    this.joiner.close()
  }

  end(): void {
    this.peeler.end(this.piece)
    this.release()
    this.joiner.end()
  }

  private release(): void {
    const held = this.probe
    if (held === null) return
    this.probe = null
    this.joiner.wrapping = wrappingOf(held.map((p) => p.width))
    for (const p of held) this.joiner.push(p)
  }
}
