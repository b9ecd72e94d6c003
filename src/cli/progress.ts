// One line on stderr while a long input is read or many runs are made: how far, how fast. Only when stderr is a
// terminal, only after a second.
import { Bytes } from '../base/index.ts'
import type { Io } from './io.ts'

const AFTER = 1000
const EVERY = 200

export class Progress {
  private readonly line: ThrottledLine
  constructor(io: Io) {
    this.line = new ThrottledLine(io)
  }

  bytes(done: number, total: number): void {
    this.line.show((seconds) => progressLine(done, total, seconds))
  }

  done(): void {
    this.line.done()
  }
}

/** `412 MiB of 1 GiB (40 %), 310 MiB/s, 2 s left`. */
export function progressLine(done: number, total: number, seconds: number): string {
  const rate = done / Math.max(seconds, 0.001)
  const left = total > done && rate > 0 ? `, ${Math.ceil((total - done) / rate)} s left` : ''
  const of = total > 0 ? ` of ${Bytes.human(total)} (${Math.floor((100 * Math.min(done, total)) / total)} %)` : ''
  return `${Bytes.human(Math.round(done))}${of}, ${Bytes.human(Math.round(rate))}/s${left}`
}

/** One line that is made anew now and then. */
export class ThrottledLine {
  private readonly begun = Date.now()
  private shown = 0
  private drawn = false
  constructor(private readonly io: Io) {}
  show(text: (seconds: number) => string): void {
    const now = Date.now()
    if (!this.io.progress || now - this.begun < AFTER || now - this.shown < EVERY) return
    this.shown = now
    this.drawn = true
    this.io.draw?.(`\r\x1b[K${text((now - this.begun) / 1000)}`)
  }
  done(): void {
    if (this.drawn) this.io.draw?.('\r\x1b[K')
  }
}

/** Runs of the checker. */
export class RunProgress {
  private readonly begun = Date.now()
  private drawn = false
  constructor(private readonly io: Io) {}
  show(done: number, all: number, states: number): void {
    const seconds = (Date.now() - this.begun) / 1000
    if (!this.io.progress || seconds < 1) return
    this.drawn = true
    this.io.draw?.(
      `\r\x1b[K${done} of ${all} runs, ${states} states, ${Math.round(states / seconds)} states/s (^C prints ` +
        'what is found so far)'
    )
  }
  clear(): void {
    if (this.drawn) this.io.draw?.('\r\x1b[K')
  }
}
