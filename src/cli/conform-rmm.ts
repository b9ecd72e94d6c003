// `tbit conform rmm FILE...`: recorded sequences of RMI commands against the model.
import { Command, InvalidArgumentError } from 'commander'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Diagnostic, formatDiagnostic, printableLine } from '../base/index.ts'
import { conformSequence, emptyConformance } from '../conform/rmm.ts'
import { parseSequences, type Sequence } from '../conform/rmm-sequence.ts'
import { type FirmwareHunt, huntFirmware, HUNTED } from '../conform/rmm-hangs.ts'
import type { Answer } from '../conform/rmm-commands.ts'
import { answerLine, conformRmmFormats, hangsFormats } from '../report/conform-rmm.ts'
import { foldMessage } from '../report/wrap.ts'
import { aboutFile, cannotRead, readBytes, unpacked } from './file-access.ts'
import { formatOption } from './formats.ts'
import type { Io } from './io.ts'
import { usage } from './names.ts'

/** Bytes of the largest recording: it is read whole. */
const LARGEST = 256 << 20

const shownName = (file: string): string => (file === '-' ? '(standard input)' : file)

/** Text of a recording; gzip and zstd are recognised by content. */
async function textOf(file: string): Promise<string | Diagnostic> {
  const bytes = readBytes(file, LARGEST, shownName(file))
  if (!Buffer.isBuffer(bytes)) return bytes
  const whole = await unpacked(bytes, LARGEST, shownName(file))
  return Buffer.isBuffer(whole) ? whole.toString('utf8') : whole
}

const count = (v: string): number => {
  if (!/^\d{1,9}$/.test(v)) throw new InvalidArgumentError('a whole number is needed.')
  return Number(v)
}

interface Options {
  readonly format: keyof typeof conformRmmFormats
  /** Mismatches to show. */
  readonly max: number
  readonly hangs?: boolean
  readonly answers?: boolean
}

const COMMAND = 'tbit conform rmm'

export function conformRmm(io: Io): Command {
  return new Command('rmm')
    .description(
      'Replays recorded RMI command sequences on the RMM model: statuses, levels, outputs, exits, granule ' +
        'states, RIM values.'
    )
    .argument('[file...]', 'recordings (JSON or text, gzip allowed), a directory of them, or - for standard input')
    .addOption(formatOption(conformRmmFormats))
    .option(
      '--hangs',
      'search the commands of RMI 2.0, alone and in pairs on two CPUs, for what TF-RMM main 9a7f8ef4 does not ' +
        'answer; beside it what recordings say'
    )
    .option('--answers', 'print each command with what the model answers, as the sequence language has it')
    .option('--max <n>', 'mismatches to show', count, 20)
    .addHelpText(
      'after',
      '\nExamples:\n  tbit conform rmm ../shared/data/rmm/sequences.json.gz\n  tbit conform rmm --hangs --format ' +
        'mail\n\nExit code: 0 no mismatch, 1 a mismatch, 2 a file that cannot be read or understood.\n'
    )
    .action((names: string[], options: Options) => conform(io, names, options))
}

/** What is wrong with the command line, or null. */
function wrongUse(names: readonly string[], o: Options): Diagnostic | null {
  if (o.answers === true && o.format !== 'text')
    return {
      ...usage(COMMAND, '--answers', `--answers are commands in text, not ${o.format}`),
      hint: 'leave out one of --answers and --format'
    }
  if (names.length === 0 && o.hangs !== true)
    return {
      ...usage(COMMAND, 'file', 'no recording is named'),
      hint: `${COMMAND} --help shows the options and an example`
    }
  return null
}

/** The recordings under a name: itself, or those of a directory. */
function recordingsOf(name: string, errors: Diagnostic[]): string[] {
  try {
    if (name === '-' || !statSync(name).isDirectory()) return [name]
    const inside = readdirSync(name).filter((f) => /\.(json|jsonl|txt|rmi)(\.gz)?$/.test(f))
    if (inside.length === 0)
      errors.push(
        aboutFile(name, 'the directory holds no recording: no .json, .jsonl, .txt or .rmi file, gzip allowed')
      )
    return inside.sort().map((f) => join(name, f))
  } catch (e) {
    errors.push(cannotRead(name, e))
    return []
  }
}

/** The sequences of a file; at least one has a command. What is wrong goes to `errors`. */
async function sequencesOf(file: string, errors: Diagnostic[]): Promise<readonly Sequence[]> {
  const text = await textOf(file)
  if (typeof text !== 'string') {
    errors.push(text)
    return []
  }
  const parsed = parseSequences(shownName(file), text)
  if (!parsed.ok) {
    errors.push(parsed.error)
    return []
  }
  if (parsed.value.some((q) => q.steps.length > 0)) return parsed.value
  const nothing = aboutFile(shownName(file), 'no sequence with a command in it: nothing to compare', '', 'TB-520')
  errors.push({ ...nothing, word: '' })
  return []
}

function tellHangs(io: Io, o: Options, h: FirmwareHunt): void {
  io.out(hangsFormats[o.format](h))
  io.exit(h.hazards.length > 0 ? 1 : 0)
}

async function conform(io: Io, names: readonly string[], o: Options): Promise<void> {
  const wrong = wrongUse(names, o)
  if (wrong !== null) {
    io.err(`${formatDiagnostic(wrong)}\n`)
    return io.exit(2)
  }
  if (names.length === 0) return tellHangs(io, o, huntFirmware())
  const tell = (cmd: string, a: Answer): void => {
    io.out(`${printableLine(answerLine(cmd, a))}\n`)
  }
  const total = emptyConformance()
  let files = 0
  for (const name of names)
    for (const file of recordingsOf(name, total.errors)) {
      const sequences = await sequencesOf(file, total.errors)
      if (sequences.length > 0) files++
      for (const q of sequences) {
        if (o.answers === true && sequences.length > 1) tell(`# ${q.name}`, {})
        conformSequence(shownName(file), q, total, undefined, o.answers === true ? tell : undefined)
      }
    }
  if (o.format !== 'json') for (const e of total.errors) io.err(`${foldMessage(formatDiagnostic(e))}\n`)
  if (o.hangs === true && total.errors.length === 0)
    return tellHangs(io, o, huntFirmware({ sequences: total.firmwares.get(HUNTED) ?? 0, stops: total.defects }))
  io.out(conformRmmFormats[o.format](files, total, o.max))
  io.exit(total.errors.length > 0 ? 2 : total.mismatches.length > 0 ? 1 : 0)
}
