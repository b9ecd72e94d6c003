// `tbit conform rmm FILE...`: recorded sequences of RMI commands against the model.
import { Command, InvalidArgumentError } from 'commander'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Diagnostic, formatDiagnostic, printableLine } from '../base/index.ts'
import { conformSequence, emptyConformance } from '../conform/rmm.ts'
import { parseSequences } from '../conform/rmm-sequence.ts'
import { huntFirmware, HUNTED } from '../conform/rmm-hangs.ts'
import type { Answer } from '../conform/rmm-commands.ts'
import { answerLine, conformRmmFormats, hangsFormats } from '../report/conform-rmm.ts'
import { foldMessage } from '../report/wrap.ts'
import { aboutFile, cannotRead, readBytes, unpacked } from './file-access.ts'
import { formatOption } from './formats.ts'
import type { Io } from './io.ts'

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

export function conformRmm(io: Io): Command {
  return new Command('rmm')
    .description('Replays recorded RMI command sequences on the RMM model: statuses, levels, outputs, exits, granule states, RIM values.')
    .argument('[file...]', 'recordings (JSON or text, gzip allowed), a directory of them, or - for standard input')
    .addOption(formatOption(conformRmmFormats))
    .option('--hangs', 'search the commands of RMI 2.0, alone and in pairs on two CPUs, for what TF-RMM main 9a7f8ef4 does not answer; beside it what recordings say')
    .option('--answers', 'print each command with what the model answers, as the sequence language has it')
    .option('--max <n>', 'mismatches to show', count, 20)
    .addHelpText('after', '\nExamples:\n  tbit conform rmm ../shared/data/rmm/sequences.json.gz\n  tbit conform rmm --hangs --format mail\n\nExit code: 0 no mismatch, 1 a mismatch, 2 a file that cannot be read or understood.\n')
    .action(async (names: string[], options: { format: keyof typeof conformRmmFormats; max: number; hangs?: boolean; answers?: boolean }) => {
      if (options.answers === true && options.format !== 'text') {
        const d: Diagnostic = { code: 'TB-001', file: 'tbit conform rmm', line: 0, column: 0, word: '--answers', message: `--answers are commands in text, not ${options.format}`, hint: 'leave out one of --answers and --format' }
        io.err(`${formatDiagnostic(d)}\n`)
        io.exit(2)
        return
      }
      if (names.length === 0 && options.hangs === true) {
        const h = huntFirmware()
        io.out(hangsFormats[options.format](h))
        io.exit(h.hazards.length > 0 ? 1 : 0)
        return
      }
      if (names.length === 0) {
        io.err(`${formatDiagnostic({ code: 'TB-001', file: 'tbit conform rmm', line: 0, column: 0, word: 'file', message: 'no recording is named', hint: 'tbit conform rmm --help shows the options and an example' })}\n`)
        io.exit(2)
        return
      }
      const total = emptyConformance()
      let files = 0
      const one = async (file: string): Promise<void> => {
        const text = await textOf(file)
        if (typeof text !== 'string') {
          total.errors.push(text)
          return
        }
        const parsed = parseSequences(shownName(file), text)
        if (!parsed.ok) {
          total.errors.push(parsed.error)
          return
        }
        if (parsed.value.every((q) => q.steps.length === 0)) {
          total.errors.push({ code: 'TB-520', file: shownName(file), line: 0, column: 0, word: '', message: 'no sequence with a command in it: nothing to compare' })
          return
        }
        files++
        const tell = options.answers === true ? (cmd: string, a: Answer): void => { io.out(`${printableLine(answerLine(cmd, a))}\n`) } : undefined
        for (const q of parsed.value) {
          if (parsed.value.length > 1) tell?.(`# ${q.name}`, {})
          conformSequence(shownName(file), q, total, undefined, tell)
        }
      }
      for (const name of names) {
        let inside: string[] | null = null
        try {
          if (name !== '-' && statSync(name).isDirectory()) inside = readdirSync(name).filter((f) => /\.(json|jsonl|txt|rmi)(\.gz)?$/.test(f)).sort()
        } catch (e) {
          total.errors.push(cannotRead(name, e))
          continue
        }
        if (inside === null) await one(name)
        else if (inside.length === 0) total.errors.push(aboutFile(name, 'the directory holds no recording: no .json, .jsonl, .txt or .rmi file, gzip allowed'))
        else for (const f of inside) await one(join(name, f))
      }
      if (options.format !== 'json') for (const e of total.errors) io.err(`${foldMessage(formatDiagnostic(e))}\n`)
      if (options.hangs === true && total.errors.length === 0) {
        const h = huntFirmware({ sequences: total.firmwares.get(HUNTED) ?? 0, stops: total.defects })
        io.out(hangsFormats[options.format](h))
        io.exit(h.hazards.length > 0 ? 1 : 0)
        return
      }
      io.out(conformRmmFormats[options.format](files, total, options.max))
      io.exit(total.errors.length > 0 ? 2 : total.mismatches.length > 0 ? 1 : 0)
    })
}
