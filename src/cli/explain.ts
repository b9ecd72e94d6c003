// `tbit explain`: anything. Its own sub-commands, a file by what it is, a message, or a word of any table.
import { existsSync, statSync } from 'node:fs'
import { Command } from 'commander'
import { type Diagnostic, formatDiagnostic, printableLine } from '../base/index.ts'
import { KernelLog } from '../replay/index.ts'
import { explainWordFormats, meanings, nearWords } from '../report/explain-word.ts'
import { explainLogFile } from './explain-log.ts'
import { formatOption } from './formats.ts'
import type { Io } from './io.ts'

type Sub = (io: Io) => Command

/** The sub-commands that are built; each module is loaded only when `explain` runs. */
const subs: ReadonlyArray<() => Promise<Sub>> = [
  async () => (await import('./explain-log.ts')).explainLog,
  async () => (await import('./explain-dma.ts')).explainDmaVerb
]

interface Options {
  readonly format: keyof typeof explainWordFormats
}

/** The verb `explain`: registers its sub-commands. */
export async function explainVerb(io: Io): Promise<Command> {
  // The sub-commands have options of the same names.
  const c = new Command('explain')
    .enablePositionalOptions()
    .description(`Explains anything: a kernel log or a message of one, a path, an error code
(TB-207), a property (exposed), a rule (cca-t0-p-priv), a finding (its id), a
decision of a kernel revision, a word of the litmus language, a file, option or
function of the kernel's. A trace or a test is told with the verb that reads it.`)
    .argument('[what...]', 'a word, a message in quotes, a file, or - for standard input')
    .addOption(formatOption(explainWordFormats))
    .addHelpText(
      'after',
      "\nExamples:\n  dmesg | tbit explain -\n  tbit explain 'swiotlb buffer is full'\n  tbit explain TB-207\n  " +
        'tbit explain io_tlb_used_hiwater\n  tbit explain dma --platform arm-cca --kernel cc-v8 --t 1\n'
    )
    .action((what: string[], o: Options) => explainAnything(io, what, o, c))
  for (const load of subs) c.addCommand((await load())(io))
  return c
}

async function explainAnything(io: Io, what: readonly string[], o: Options, c: Command): Promise<void> {
  const text = what.join(' ').trim()
  if (text === '') {
    c.outputHelp({ error: true })
    io.exit(2)
    return
  }
  if (text === '-') return explainLogFile(io, '-', { format: o.format })
  const found = meanings(text)
  // A directory that happens to have the name of a word is not meant.
  if (what.length === 1 && existsSync(text) && !(found.length > 0 && statSync(text).isDirectory()))
    return explainPath(io, text, o)
  // A whole message says more by its numbers than its words do.
  const said = read(text).explain()
  if (said.failures.length > 0) return explainLogFile(io, text, { format: o.format })
  if (found.length > 0) {
    io.out(explainWordFormats[o.format](found))
    io.exit(0)
    return
  }
  if (/\s/.test(text) && said.subject > 0) return explainLogFile(io, text, { format: o.format })
  refuse(io, o, unknown(text))
}

// A directory or a test is for another verb; anything else is read as a log, which tells a trace by itself.
async function explainPath(io: Io, path: string, o: Options): Promise<void> {
  const hint = statSync(path).isDirectory()
    ? `tbit check ${path} checks the litmus tests in it; tbit replay FILE reads a trace, tbit explain FILE a log`
    : path.endsWith('.litmus')
      ? `tbit check ${path} checks it, tbit check --explain ${path} spells out its defaults`
      : null
  if (hint === null) return explainLogFile(io, path, { format: o.format })
  refuse(io, o, {
    code: 'TB-305',
    file: path,
    line: 0,
    column: 0,
    word: '',
    message: path.endsWith('.litmus') ? 'this is a litmus test' : 'this is a directory',
    hint
  })
}

function read(text: string): KernelLog {
  const log = new KernelLog()
  log.next(text)
  return log
}

function unknown(text: string): Diagnostic {
  const near = nearWords(text)
  return {
    code: 'TB-305',
    file: 'tbit explain',
    line: 0,
    column: 0,
    word: text,
    message: `'${printableLine(text).slice(0, 60)}' is no file, and no word or message that is known here`,
    ...(near.length > 0 ? { nearest: near } : {}),
    hint: 'tbit explain --help says what can be asked'
  }
}

function refuse(io: Io, o: Options, d: Diagnostic): void {
  if (o.format === 'json') io.out(`${JSON.stringify({ format: 1, errors: [d] })}\n`)
  io.err(`${formatDiagnostic(d)}\n`)
  io.exit(2)
}
