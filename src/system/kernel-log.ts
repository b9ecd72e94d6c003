// What a running system writes down: the kernel's log and its trace events in tracefs text. Time is the count of
// accesses, one microsecond each: a run has no clock of its own, so that the same run gives the same text.
import type { Store } from '../step/index.ts'
import { type KernelEvent, type MessageId, messageTable, type Observer } from '../kernel/index.ts'
import {
  formatTraceHeader,
  formatTraceLine,
  kernelAtLeast,
  type TraceKind,
  traceEventFor,
  traceEventsOf
} from '../kernel/trace-events.ts'

const USEC_PER_SEC = 1_000_000
const NSEC_PER_USEC = 1000

export class KernelLog implements Observer {
  /** Lines as dmesg prints them. */
  readonly lines: string[] = []
  /** Lines as /sys/kernel/tracing/trace has them, without the header. */
  readonly events: string[] = []
  time = 0
  task = 'init'
  pid = 1
  /** Also told everything; the log keeps only what a kernel would print. */
  next: Observer | null = null
  /** Messages that the kernel prints once. */
  private readonly said = new Set<MessageId>()

  /** `version`: the release whose event names and formats it writes, `major.minor`. */
  constructor(
    private readonly version: string,
    private readonly cpus: number,
    private readonly onLine: (line: string) => void = () => {}
  ) {}

  event(st: Store, e: KernelEvent): void {
    if (e.kind === 'printk') {
      const once = e.id !== undefined && messageTable[e.id].rate === 'once'
      if (once && this.said.has(e.id as MessageId)) return
      if (once) this.said.add(e.id as MessageId)
      this.printk(e.text)
    } else if (e.kind === 'trace') this.trace(e.event, e.values, e.cpu)
    else this.next?.event(st, e)
  }

  printk(text: string): void {
    const s = `${Math.floor(this.time / USEC_PER_SEC)}`.padStart(5)
    const line = `[${s}.${String(this.time % USEC_PER_SEC).padStart(6, '0')}] ${text}`
    this.lines.push(line)
    this.onLine(line)
  }

  private trace(
    kind: TraceKind,
    values: Readonly<Record<string, string | number | boolean | readonly number[]>>,
    cpu: number
  ): void {
    const spec = traceEventFor(this.version, kind)
    if (spec === undefined) return
    this.events.push(
      formatTraceLine(
        spec,
        values,
        { task: this.task, pid: this.pid, cpu, time: this.time * NSEC_PER_USEC },
        this.version
      )
    )
  }

  /** The whole trace as tracefs would give it. */
  traceText(): string {
    return (
      `${formatTraceHeader(this.events.length, this.cpus)}${this.events.join('\n')}` +
      `${this.events.length > 0 ? '\n' : ''}`
    )
  }
}

export { kernelAtLeast, traceEventsOf }
