// `tbit explain log`: paste a kernel log.
import { Command } from 'commander'
import { Bytes, type Diagnostic, plural, unknownWord } from '../base/index.ts'
import { parseSizingKernel, sizingKernelNames, sizingPlatforms } from '../kernel/swiotlb/index.ts'
import { KernelLog, LogBytes, type LogFacts } from '../replay/log/index.ts'
import { explainLogErrors, explainLogFormats } from '../report/explain-log.ts'
import { aboutFile } from './file-access.ts'
import { formatOption } from './formats.ts'
import type { Io } from './io.ts'
import { MOST_CPUS, usage } from './names.ts'
import { looksPasted, readLog } from './read-log.ts'

export interface ExplainLogOptions {
  readonly platform?: string
  readonly kernel?: string
  readonly ram?: string
  readonly cpus?: string
  readonly cmdline?: string
  readonly format: keyof typeof explainLogFormats
}

export function explainLog(io: Io): Command {
  return new Command('log')
    .summary('a pasted kernel log: what happened, which limit binds, what to do')
    .description(
      'Reads a kernel log (dmesg, journalctl -k, a single pasted line; gzip and zstd by content) and says what ' +
        'failed in DMA bouncing, which limit binds, what to do, and what to record to know more. ' +
        'Without a file it reads standard input. Exit code 0 when the log was read, whatever it says; 2 when it ' +
        'is no text or cannot be read.'
    )
    .argument('[file]', 'the log, or the message itself in quotes; - or nothing: standard input', '-')
    .option('--platform <name>', `where the log does not say: ${Object.keys(sizingPlatforms).join(', ')}`)
    .option('--kernel <version>', 'where the log does not say: linux-6.12, 6.6')
    .option('--ram <size>', 'where the log does not say: 16G')
    .option('--cpus <n>', 'where the log does not say')
    .option('--cmdline <string>', 'where the log does not say')
    .addOption(formatOption(explainLogFormats))
    .addHelpText(
      'after',
      "\nExample:\n  dmesg | tbit explain log\n  tbit explain log 'nvme 0000:00:02.0: swiotlb buffer is full " +
        "(sz: 262144 bytes), total 524288 (slots), used 523564 (slots)'"
    )
    .action((file: string, o: ExplainLogOptions) => explainLogFile(io, file, o))
}

const COMMAND = 'tbit explain log'

/** What the user says of the machine where the log does not. What is wrong with it goes to `errors`. */
function statedFacts(o: ExplainLogOptions, errors: Diagnostic[]): LogFacts {
  const wrong = (word: string, message: string, expected: readonly string[], known?: readonly string[]): void => {
    const d: Diagnostic = { ...usage(COMMAND, word, message, expected), code: 'TB-302' }
    errors.push(known === undefined ? d : unknownWord(d, known))
  }
  let facts: LogFacts = o.cmdline === undefined ? {} : { cmdline: o.cmdline }
  if (o.platform !== undefined) {
    const known = Object.keys(sizingPlatforms)
    if (known.includes(o.platform)) facts = { ...facts, platform: o.platform }
    else wrong(o.platform, `unknown platform '${o.platform}'`, known, known)
  }
  if (o.kernel !== undefined) {
    if (parseSizingKernel(o.kernel)) facts = { ...facts, kernel: o.kernel }
    else wrong(o.kernel, `unknown kernel '${o.kernel}'`, ['a version like 6.12'], sizingKernelNames)
  }
  if (o.ram !== undefined) {
    const ram = Bytes.parse(o.ram)
    if (ram !== null && ram > 0) facts = { ...facts, ram }
    else wrong(o.ram, `--ram '${o.ram}' is no size`, ['16G', '512M'])
  }
  if (o.cpus !== undefined) {
    if (/^[1-9]\d*$/.test(o.cpus) && Number(o.cpus) <= MOST_CPUS) facts = { ...facts, cpus: Number(o.cpus) }
    else wrong(o.cpus, `--cpus '${o.cpus}' is no number of CPUs`, [`1 to ${MOST_CPUS}`])
  }
  return facts
}

/** A log that says nothing: why, and what to do. */
const unusable = (file: string, message: string, hint: string): Diagnostic => ({
  ...aboutFile(file, message, hint, 'TB-303'),
  word: ''
})

/** Reads a file, standard input or a pasted message into `log`. */
async function readInto(log: KernelLog, file: string, errors: Diagnostic[], warnings: Diagnostic[]): Promise<void> {
  const name = file === '-' ? '(standard input)' : file
  const bytes = new LogBytes(log.reader)
  // A message pasted as the argument itself, as long as no file has that name.
  const pasted = looksPasted(file)
  if (pasted) bytes.feed(new TextEncoder().encode(file))
  const broken = pasted ? null : await readLog(file, bytes)
  bytes.end()
  if (broken) errors.push(broken)
  if (bytes.tooLong.length > 0)
    warnings.push({
      code: 'TB-352',
      file: name,
      line: bytes.tooLong[0] as number,
      column: 1,
      word: '',
      message: `${plural(bytes.tooLong.length, 'line')} over 1 MiB left out`,
      severity: 'warning'
    })
  if (broken) return
  if (bytes.bytes === 0)
    errors.push(unusable(name, 'there is nothing to read', 'paste a kernel log: dmesg | tbit explain log'))
  else if (log.looksBinary)
    errors.push(
      unusable(
        name,
        'this is not text',
        'a kernel log is text: dmesg > FILE, or journalctl -k > FILE (gzip and zstd are read as they are)'
      )
    )
}

/** Explains a log: a file, standard input (-), or the message itself. */
export async function explainLogFile(io: Io, file: string, o: ExplainLogOptions): Promise<void> {
  const errors: Diagnostic[] = []
  const warnings: Diagnostic[] = []
  const facts = statedFacts(o, errors)
  const log = new KernelLog()
  if (errors.length === 0) await readInto(log, file, errors, warnings)
  const explanation = log.explain(facts)
  if (o.format === 'json' || explanation.understood > 0 || errors.length === 0)
    io.out(explainLogFormats[o.format](explanation, errors, warnings))
  if (o.format !== 'json') io.err(explainLogErrors([...errors, ...warnings]))
  io.exit(errors.length > 0 ? 2 : 0)
}
