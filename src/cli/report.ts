// `tbit report`: runs a command again and packs what an issue needs into one text.
import { Command } from 'commander'
import { isUtf8 } from 'node:buffer'
import { spawnSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { formatDiagnostic } from '../base/index.ts'
import { shellWord } from '../report/check-run.ts'
import { bugReport, type ReportedInput } from '../report/bug-report.ts'
import { writeWhole } from './file-access.ts'
import type { Io } from './io.ts'
import { versionLine } from './version.ts'

/** Bytes of the largest input whose text is put in. */
const LARGEST = 64 << 10

/** The files that a command names; null for a word that is none. */
function inputOf(word: string): ReportedInput | null {
  try {
    const about = statSync(word)
    if (!about.isFile()) return null
    const bytes = about.size <= LARGEST ? readFileSync(word) : null
    return {
      name: word,
      bytes: about.size,
      text: bytes !== null && isUtf8(bytes) && !bytes.includes(0) ? bytes.toString('utf8').replace(/^\ufeff/, '') : null
    }
  } catch {
    return null
  }
}

function report(io: Io, words: readonly string[], out: string | undefined): void {
  const home = homedir()
  const shown = (s: string): string => (home.length > 1 ? s.replaceAll(home, '~') : s)
  const args = words[0] === 'tbit' || words[0] === './tbit' ? words.slice(1) : [...words]
  const again = spawnSync(process.execPath, [...process.execArgv, process.argv[1] ?? '', ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TBIT_STACK: '1' }
  })
  const inputs = args
    .map(inputOf)
    .filter((i) => i !== null)
    .map((i) => ({ ...i, name: shown(i.name) }))
  const text = bugReport({
    version: versionLine().trim(),
    node: process.version,
    machine: `${process.platform} ${process.arch}`,
    command: shown(['tbit', ...args.map(shellWord)].join(' ')),
    exit: again.status === null ? `none, signal ${again.signal ?? 'unknown'}` : String(again.status),
    stdout: shown(again.stdout),
    stderr: shown(again.stderr),
    inputs
  })
  if (out === undefined) io.out(text)
  else {
    const error = writeWhole(out, text)
    if (error !== null) {
      io.err(`${formatDiagnostic(error)}\n`)
      io.exit(2)
      return
    }
  }
  io.err(
    `tbit report: holds versions, the command, its output${
      inputs.some((i) => i.text !== null)
        ? ` and the text of ${inputs
            .filter((i) => i.text !== null)
            .map((i) => i.name)
            .join(', ')}`
        : ''
    }; read it before you send it\n`
  )
  io.exit(0)
}

export function reportVerb(io: Io): Command {
  return new Command('report')
    .description(
      'Runs a command of tbit once more and packs what an issue needs into one text: versions, the command, what ' +
        'it printed, the inputs that are text. No environment and no names of user or machine.'
    )
    .argument('<command...>', 'the command, with or without tbit before it')
    .option('--out <file>', 'write it there; else on standard output')
    .passThroughOptions()
    .allowUnknownOption()
    .addHelpText(
      'after',
      `
What the command reads from standard input is not there the second time: give a file.

Example:
  tbit report --out report.md check my.litmus --kernel cc-v8
`
    )
    .action((words: string[], o: { out?: string }) => {
      report(io, words, o.out)
    })
}
