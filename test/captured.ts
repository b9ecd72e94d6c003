// What a verb says, for tests that call one in this process.
import type { Io } from '../src/cli/io.ts'

export interface Ran {
  out: string
  err: string
  code: number
}

/** An Io that keeps everything. `code`: where none is set; `shown`: what becomes of a text on its way out. */
export function captured(code = 0, shown = (t: string): string => t): { readonly io: Io; readonly ran: Ran } {
  const ran: Ran = { out: '', err: '', code }
  const io: Io = {
    out: (t) => {
      ran.out += shown(t)
    },
    err: (t) => {
      ran.err += shown(t)
    },
    colour: false,
    progress: false,
    exit: (c) => {
      ran.code = c
    }
  }
  return { io, ran }
}
