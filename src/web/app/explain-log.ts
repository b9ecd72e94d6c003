// A kernel log explained, as a piece of the page: apart from the reader of traces, which most do without it.
import { LogBytes } from '../../replay/log/bytes.ts'
import { KernelLog } from '../../replay/log/index.ts'
import { explainLogHtml } from '../../report/explain-log-html.ts'

export class LogExplainer {
  private readonly log = new KernelLog()
  private readonly bytes = new LogBytes(this.log.reader)

  /** Lines so far. */
  get lines(): number {
    return this.bytes.count
  }

  feed(chunk: Uint8Array): void {
    this.bytes.feed(chunk)
  }

  /** What the log says, when all of it was given. */
  html(): string {
    this.bytes.end()
    return explainLogHtml(this.log.explain({}))
  }
}
