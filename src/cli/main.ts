// The command line: finds the verb, loads only its file, and gives it the outside world.
import { type Diagnostic, formatDiagnostic, messageOf, nearest, own, unknownWord } from '../base/index.ts'
import type { Command, CommanderError } from 'commander'
import { fold } from '../report/wrap.ts'
import { colourWish } from './colour.ts'
import type { Io } from './io.ts'
import { forTerminal } from './paint.ts'
import { families, held, type Loader, summaryOf, verbs } from './verbs.ts'

function columns(terminal: NodeJS.WriteStream): number {
  return Math.min(160, Math.max(60, terminal.columns || 80))
}

const wish = colourWish(process.argv.slice(2), process.env, process.stdout.isTTY === true)

const io: Io = {
  out: (t) => {
    process.stdout.write(forTerminal(t))
  },
  // On a terminal a message fits it; elsewhere a line of it is a line, for whoever reads it by program.
  err: (t) => {
    process.stderr.write(forTerminal(process.stderr.isTTY ? fold(t, columns(process.stderr)) : t))
  },
  draw: (t) => {
    process.stderr.write(t)
  },
  colour: wish.colour,
  progress: process.stderr.isTTY === true,
  ...(process.stdout.isTTY ? { width: columns(process.stdout) } : {}),
  exit: (code) => {
    process.exitCode = code
  }
}

/** Columns of help texts. */
const WIDTH = io.width ?? 80

const table = (names: ReadonlyArray<readonly [string, string]>, width: number): string =>
  names.map(([n, summary]) => `  ${n.padEnd(width)}  ${summary}`).join('\n')

function usage(): string {
  const width = Math.max(...held.flatMap(([, names]) => names.map((n) => n.length)))
  return fold(
    `tbit: litmus tests, replay and planning for DMA in confidential VMs

usage: tbit VERB [options]     tbit VERB --help explains one and shows an example

${held
  .map(
    ([what, names]) =>
      `${what}\n${table(
        names.map((n) => [n, summaryOf(n)]),
        width
      )}`
  )
  .join('\n')}

  --force, with any verb: writes through a symbolic link where an output goes
  --color auto|always|never, with any verb; NO_COLOR and FORCE_COLOR are known

New here: README.md, then docs/thread.md. All pages: docs/index.md
`,
    WIDTH
  )
}

function familyUsage(name: string): string {
  const below = Object.entries(own(families, name)?.verbs ?? {})
  return fold(
    `tbit ${name}: ${summaryOf(name)}

usage: tbit ${name} VERB [options]     tbit ${name} VERB --help explains one

${table(
  below.map(([n, l]) => [n, l.summary]),
  Math.max(...below.map(([n]) => n.length))
)}
`,
    WIDTH
  )
}

// A reader that closes the pipe early (head, less) is no error; a full disk is one.
process.stdout.on('error', (e: NodeJS.ErrnoException) => {
  if (e.code === 'EPIPE') process.exit(process.exitCode ?? 0)
  process.stderr.write(`tbit: error TB-002: standard output cannot be written: ${e.code ?? e.message}\n`)
  process.exit(2)
})
process.stderr.on('error', () => {
  /* nobody reads messages; the exit code stays */
})

const [verb, ...given] = wish.rest
// For every verb that writes: a symbolic link at the place of an output is followed.
const rest = given.filter((a) => a !== '--force')

/** What nobody foresaw: one line, not a stack; TBIT_STACK=1 shows where. */
function broken(e: unknown): void {
  const at = `tbit${verb === undefined ? '' : ` ${verb}`}`
  const d: Diagnostic = {
    code: 'TB-005',
    file: at,
    line: 0,
    column: 0,
    word: '',
    message: messageOf(e),
    hint: 'a bug of tbit, worth a report with the input; TBIT_STACK=1 shows where'
  }
  if (wantsJson(rest)) io.out(`${JSON.stringify({ format: 1, errors: [d] })}\n`)
  io.err(`${formatDiagnostic(d)}\n`)
  if (process.env['TBIT_STACK'] && e instanceof Error) io.err(`${e.stack ?? ''}\n`)
  io.exit(2)
}
process.on('uncaughtException', (e) => {
  broken(e)
  process.exit(2)
})
process.on('unhandledRejection', (e) => {
  broken(e)
  process.exit(2)
})

/** Whether the reader wants JSON, as far as one can tell from arguments that are wrong. */
const wantsJson = (args: readonly string[]): boolean =>
  args.some((a, i) => a === '--format=json' || (a === 'json' && args[i - 1] === '--format'))

/**
 * What commander says about the command line, as every other message: the word, what was expected, the nearest known
 * ones.
 */
function usageDiagnostic(command: string, e: Pick<CommanderError, 'code' | 'message'>): Diagnostic {
  const [first = '', second = ''] = e.message.replace(/^error: /, '').split('\n')
  const choices = /argument '(.*)' is invalid\. Allowed choices are (.*)\.$/s.exec(first)
  const near = /^\(Did you mean (?:one of )?(.*)\?\)$/.exec(second)?.[1]?.split(', ')
  const at = {
    code: 'TB-001',
    file: command,
    line: 0,
    column: 0,
    hint: `${command} --help shows the options and an example`
  }
  if (choices) {
    const known = (choices[2] as string).split(', ')
    return unknownWord(
      {
        ...at,
        word: choices[1] as string,
        message: first.slice(0, first.indexOf(' Allowed choices')).replace(/\.$/, ''),
        expected: known
      },
      known
    )
  }
  return {
    ...at,
    word: /'([^']*)'[^']*$/.exec(first)?.[1] ?? '',
    message: first.replace(/\.$/, ''),
    ...(near ? { nearest: near } : {})
  }
}

async function run(loader: Loader, name: string, args: readonly string[]): Promise<void> {
  const command = await (await loader.load())({ ...io, argv: args })
  let failed = `tbit ${name}`
  const wire = (c: Command, full: string): void => {
    // The message is written below; here is only known whose it is.
    c.exitOverride().configureOutput({
      writeOut: (t) => {
        io.out(fold(t, WIDTH))
      },
      writeErr: io.err,
      getOutHelpWidth: () => WIDTH,
      outputError: () => {
        failed = full
      }
    })
    for (const sub of c.commands) wire(sub, `${full} ${sub.name()}`)
  }
  wire(command.name(failed), failed)
  try {
    await command.parseAsync(args, { from: 'user' })
  } catch (e) {
    const c = e as CommanderError
    if (typeof c.code !== 'string' || !c.code.startsWith('commander.')) return broken(e)
    if (c.exitCode === 0) return io.exit(0)
    if (c.code !== 'commander.help') {
      const d = usageDiagnostic(failed, c)
      if (wantsJson(args)) io.out(`${JSON.stringify({ format: 1, errors: [d] })}\n`)
      io.err(`${formatDiagnostic(d)}\n`)
    }
    io.exit(2)
  }
}

/** `of`: the verbs that are known there; `help`: the command that lists them. */
function unknownVerb(word: string, of: readonly string[], help: string): void {
  const near = nearest(word, of)
  io.err(
    `tbit: error TB-001: unknown verb '${word}'` +
      `${near.length ? `\n  did you mean ${near.map((n) => `'${n}'`).join(' or ')}?` : ''}\n  ${help} lists the ` +
      'verbs\n'
  )
  io.exit(2)
}

const isHelp = (word: string | undefined): boolean => word === '--help' || word === '-h'

/** What the words after `tbit` name; `name` is for messages. */
async function answer(name: string, args: readonly string[]): Promise<void> {
  const family = own(families, name)
  if (family === undefined) {
    const loader = own(verbs, name)
    return loader === undefined
      ? unknownVerb(name, [...Object.keys(families), ...Object.keys(verbs)], 'tbit --help')
      : await run(loader, name, args)
  }
  const [below, ...rest] = args
  if (below === undefined || isHelp(below)) {
    ;(below === undefined ? io.err : io.out)(familyUsage(name))
    return io.exit(below === undefined ? 2 : 0)
  }
  const loader = own(family.verbs, below)
  if (loader === undefined) return unknownVerb(below, Object.keys(family.verbs), `tbit ${name} --help`)
  await run(loader, `${name} ${below}`, [...(loader.given ?? []), ...rest])
}

/** The whole of a start: without top-level await, so that the bundle can be a script that V8's code cache holds. */
async function main(): Promise<void> {
  if (wish.error !== null) {
    if (wantsJson(rest)) io.out(`${JSON.stringify({ format: 1, errors: [wish.error] })}\n`)
    io.err(`${formatDiagnostic(wish.error)}\n`)
    return io.exit(2)
  }
  if (rest.length < given.length) (await import('./file-access.ts')).followLinks()
  if (verb === undefined || isHelp(verb) || (verb === 'help' && rest.length === 0)) {
    ;(verb === undefined ? io.err : io.out)(usage())
    io.exit(verb === undefined ? 2 : 0)
  } else if (verb === '--version' || verb === '-V') {
    io.out((await import('./version.ts')).versionLine())
  } else {
    // `tbit help VERB` is `tbit VERB --help`.
    if (verb === 'help') await answer(rest[0] as string, [...rest.slice(1), '--help'])
    else await answer(verb, rest)
  }
}

void main()
