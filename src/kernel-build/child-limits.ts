// The compiler works on text that nobody here has read: a patch may hold an array of a gibibyte or a macro that doubles
// itself thirty times. So its process is watched: CPU time of each unit, memory, output. Where /proc is not there, only
// the time on the clock is limited.
import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * CPU seconds of one unit; the largest of a tree takes about 3, twice that on a busy machine.
 */
const UNIT_SECONDS = 60
/** Resident bytes; 0.7 GiB is usual. */
const MOST_MEMORY = 1.5 * 2 ** 30
/** Bytes that come back: an image has a few hundred KiB. */
const MOST_OUTPUT = 64 << 20
/** Seconds on the clock, whatever else. */
const LIMIT = 900
const EVERY = 200
/** Clock ticks a second in /proc/PID/stat (USER_HZ, the same on every architecture of ours). */
const HZ = 100

export interface Limits {
  /** A new unit is begun. */
  unit(name: string): void
  output(bytes: number): void
  stop(): void
  /** Why it was ended, as the end of "the compiler was ended: ..."; null: it was not. */
  reason(): string | null
}

/** Ends the process (SIGKILL) when it takes more than it may. */
export function limit(child: ChildProcess): Limits {
  let why: string | null = null
  let name = ''
  let before = 0
  let out = 0
  const end = (what: string): void => {
    why ??= name === '' ? what : `${name} ${what}`
    child.kill('SIGKILL')
  }
  const timer = setInterval(() => {
    const now = usage(child.pid)
    if (now === null) return
    if (now.seconds - before > UNIT_SECONDS) end(`takes more than ${UNIT_SECONDS} s of CPU to compile`)
    else if (now.memory > MOST_MEMORY) end(`takes more than ${MOST_MEMORY / 2 ** 30} GiB of memory to compile`)
  }, EVERY)
  const clock = setTimeout(() => {
    end(`had not been compiled after ${LIMIT} s`)
  }, LIMIT * 1000)
  return {
    unit(next) {
      name = next
      before = usage(child.pid)?.seconds ?? before
    },
    output(bytes) {
      out += bytes
      if (out > MOST_OUTPUT) end(`gives more than ${MOST_OUTPUT >> 20} MiB`)
    },
    stop() {
      clearInterval(timer)
      clearTimeout(clock)
    },
    reason: () => why
  }
}

// CPU seconds and resident bytes so far; null where they cannot be known.
function usage(pid: number | undefined): { seconds: number; memory: number } | null {
  if (pid === undefined) return null
  try {
    // The name in parentheses may hold anything; the numbers come behind it: utime and stime are the 12th and 13th.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const resident = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))
    return { seconds: (Number(fields[11]) + Number(fields[12])) / HZ, memory: Number(resident?.[1] ?? 0) * 1024 }
  } catch {
    return null
  }
}
