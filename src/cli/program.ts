// What a command line does, whoever gives it: finds the verb, loads only its file, says what is wrong with its words.
import { type Diagnostic, formatDiagnostic, messageOf, nearest, own, unknownWord } from '../base/index.ts'
import type { Command, CommanderError } from 'commander'
import { fold } from '../report/wrap.ts'
import { colourWish } from './colour.ts'
import type { Io } from './io.ts'
import { forTerminal } from './paint.ts'
import { families, held, type Loader, summaryOf, verbs } from './verbs.ts'

/** One of the two streams that a program writes to. */
export interface Stream {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

export interface CommandLine {
  readonly io: Io
  readonly verb: string | undefined
  /** What follows the verb, without what is for every verb. */
  readonly rest: readonly string[]
  /** --force was given: a symbolic link at the place of an output is followed. */
  readonly force: boolean
  /** What is wrong with what is for every verb. */
  readonly error: Diagnostic | null
  /** Of what nobody foresaw the stack is wanted, too. */
  readonly stack: boolean
}

const columns = (s: Stream): number => Math.min(160, Math.max(60, s.columns || 80))

/** The words of a command line, and the world that its verb gets. */
export function commandLine(
  words: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  { stdout, stderr, exit }: { readonly stdout: Stream; readonly stderr: Stream; readonly exit: (code: number) => void }
): CommandLine {
  const wish = colourWish(words, env, stdout.isTTY === true)
  const io: Io = {
    out: (t) => {
      stdout.write(forTerminal(t))
    },
    // On a terminal a message fits it; elsewhere a line of it is a line, for whoever reads it by program.
    err: (t) => {
      stderr.write(forTerminal(stderr.isTTY ? fold(t, columns(stderr)) : t))
    },
    draw: (t) => {
      stderr.write(t)
    },
    colour: wish.colour,
    progress: stderr.isTTY === true,
    ...(stdout.isTTY ? { width: columns(stdout) } : {}),
    exit
  }
  const [verb, ...given] = wish.rest
  const rest = given.filter((a) => a !== '--force')
  const stack = Boolean(env['TBIT_STACK'])
  return { io, verb, rest, force: rest.length < given.length, error: wish.error, stack }
}

/** Columns of help texts. */
const widthOf = (io: Io): number => io.width ?? 80

const table = (names: ReadonlyArray<readonly [string, string]>, width: number): string =>
  names.map(([n, summary]) => `  ${n.padEnd(width)}  ${summary}`).join('\n')

function usage(io: Io): string {
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
    widthOf(io)
  )
}

function familyUsage(io: Io, name: string): string {
  const below = Object.entries(own(families, name)?.verbs ?? {})
  return fold(
    `tbit ${name}: ${summaryOf(name)}

usage: tbit ${name} VERB [options]     tbit ${name} VERB --help explains one

${table(
  below.map(([n, l]) => [n, l.summary]),
  Math.max(...below.map(([n]) => n.length))
)}
`,
    widthOf(io)
  )
}

/** What nobody foresaw: one line, not a stack; TBIT_STACK=1 shows where. */
export function broken({ io, verb, rest, stack }: CommandLine, e: unknown): void {
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
  if (stack && e instanceof Error) io.err(`${e.stack ?? ''}\n`)
  io.exit(2)
}
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

async function run(line: CommandLine, loader: Loader, name: string, args: readonly string[]): Promise<void> {
  const { io } = line
  const command = await (await loader.load())({ ...io, argv: args })
  let failed = `tbit ${name}`
  const wire = (c: Command, full: string): void => {
    // The message is written below; here is only known whose it is.
    c.exitOverride().configureOutput({
      writeOut: (t) => {
        io.out(fold(t, widthOf(io)))
      },
      writeErr: io.err,
      getOutHelpWidth: () => widthOf(io),
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
    if (typeof c.code !== 'string' || !c.code.startsWith('commander.')) return broken(line, e)
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
function unknownVerb(io: Io, word: string, of: readonly string[], help: string): void {
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
async function answer(line: CommandLine, name: string, args: readonly string[]): Promise<void> {
  const { io } = line
  const family = own(families, name)
  if (family === undefined) {
    const loader = own(verbs, name)
    return loader === undefined
      ? unknownVerb(io, name, [...Object.keys(families), ...Object.keys(verbs)], 'tbit --help')
      : await run(line, loader, name, args)
  }
  const [below, ...rest] = args
  if (below === undefined || isHelp(below)) {
    ;(below === undefined ? io.err : io.out)(familyUsage(io, name))
    return io.exit(below === undefined ? 2 : 0)
  }
  const loader = own(family.verbs, below)
  if (loader === undefined) return unknownVerb(io, below, Object.keys(family.verbs), `tbit ${name} --help`)
  await run(line, loader, `${name} ${below}`, [...(loader.given ?? []), ...rest])
}

/** Does what the command line says. */
export async function program(line: CommandLine): Promise<void> {
  const { io, verb, rest, error } = line
  if (error !== null) {
    if (wantsJson(rest)) io.out(`${JSON.stringify({ format: 1, errors: [error] })}\n`)
    io.err(`${formatDiagnostic(error)}\n`)
    return io.exit(2)
  }
  if (line.force) (await import('./file-access.ts')).followLinks()
  if (verb === undefined || isHelp(verb) || (verb === 'help' && rest.length === 0)) {
    ;(verb === undefined ? io.err : io.out)(usage(io))
    io.exit(verb === undefined ? 2 : 0)
  } else if (verb === '--version' || verb === '-V') io.out((await import('./version.ts')).versionLine())
  // `tbit help VERB` is `tbit VERB --help`.
  else if (verb === 'help') await answer(line, rest[0] as string, [...rest.slice(1), '--help'])
  else await answer(line, verb, rest)
}
