// `tbit record`: the script that records what replay reads, for another machine; or runs it on this one.
import { spawnSync } from 'node:child_process'
import { Command } from 'commander'
import { type Diagnostic, formatDiagnostic } from '../base/index.ts'
import { recordScript } from '../report/record-script.ts'
import { writeWhole } from './file-access.ts'
import type { Io } from './io.ts'

interface Options {
  readonly seconds?: string
  readonly out: string
  readonly script?: string
  readonly run?: boolean
}

/** A day. */
const LONGEST = 86400

export function recordVerb(io: Io): Command {
  return new Command('record')
    .summary('a script that records what replay reads')
    .description(
      'Writes a small POSIX shell script for the machine that is to be recorded. It finds there what the kernel ' +
        'has (the events of dma and swiotlb, kprobes before 6.12), records into a trace instance of its own, and ' +
        'packs trace, kernel log, samples of the pool and configuration into one file, which tbit replay reads ' +
        'whole. It needs root and tracefs, and puts back what it changes.'
    )
    .option('--seconds <n>', 'how long it records, when it is given no command (default: until ^C)')
    .option('--out <file>', 'the file that the script writes', 'tbit-record.gz')
    .option('--script <file>', 'where to write the script (default: standard output)')
    .option('--run', 'run it here and now')
    .addHelpText(
      'after',
      `
Examples:
  tbit record > record.sh; scp record.sh guest:; ssh guest sudo sh record.sh -s 60
  sudo sh record.sh -o dd.gz dd if=/dev/vda of=/dev/null bs=1M count=4096
  sudo tbit record --run --seconds 60 && tbit replay tbit-record.gz`
    )
    .action((o: Options) => {
      record(io, o)
    })
}

// What was written, or what is wrong.
function record(io: Io, o: Options): void {
  const wrong = tryRecord(io, o)
  if (wrong === null) return
  io.err(`${formatDiagnostic(wrong)}\n`)
  io.exit(2)
}

function tryRecord(io: Io, o: Options): Diagnostic | null {
  const usage = { code: 'TB-001', file: 'tbit record', line: 0, column: 0 }
  const seconds = o.seconds === undefined ? null : Number(o.seconds)
  if (seconds !== null && !(Number.isInteger(seconds) && seconds >= 1 && seconds <= LONGEST))
    return {
      ...usage,
      word: o.seconds ?? '',
      message: `--seconds '${o.seconds}' is no number of seconds`,
      expected: [`1 to ${LONGEST}`]
    }
  const script = recordScript({ seconds, out: o.out })
  if (o.run === true && process.platform !== 'linux')
    return {
      ...usage,
      word: '--run',
      message: 'there is no tracefs here: this is not Linux',
      hint: 'tbit record > record.sh, and run that on the machine'
    }
  const broken = o.script === undefined ? null : writeWhole(o.script, script)
  if (broken !== null) return broken
  if (o.run === true) io.exit(runHere(script))
  else {
    if (o.script === undefined) io.out(script)
    io.exit(0)
  }
  return null
}

function runHere(script: string): number {
  // ^C ends the recording, which is then packed: this process waits for that.
  process.on('SIGINT', () => {})
  return spawnSync('sh', ['-s'], { input: script, stdio: ['pipe', 'inherit', 'inherit'] }).status ?? 130
}
