// `tbit completion`: scripts for shells, from the definitions of the commands themselves.
import { Argument, Command } from 'commander'
import { own } from '../base/index.ts'
import { vocabulary } from '../litmus/index.ts'
import { type CompletionCommand, type CompletionOption, completionShells } from '../report/completion.ts'
import { colourWords } from './colour.ts'
import { libraryNames } from './files.ts'
import type { Io } from './io.ts'
import { families, type Loader, verbs } from './verbs.ts'

/** Options that name kernels and platforms, one or several. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  '--kernel': [...vocabulary.kernelNames, 'all'],
  '--platform': [...vocabulary.platformNames, 'all']
}
/** Verbs whose operand may be a test of the library. */
const TAKE_TESTS: ReadonlySet<string> = new Set(['check', 'run', 'compare', 'fmt'])

const firstSentence = (s: string): string => s.split(/[.:;] /)[0]?.replace(/\.$/, '') ?? ''
const plainOption = (long: string, description: string, choices: readonly string[] = []): CompletionOption => ({
  long,
  short: null,
  description,
  value: choices.length > 0,
  choices,
  list: false
})
const HELP = plainOption('--help', 'explains it and shows an example')
/** What main.ts takes from any verb. */
const EVERYWHERE = [
  HELP,
  plainOption('--color', 'colour', colourWords),
  plainOption('--force', 'writes through a symbolic link')
]

function optionsOf(c: Command): CompletionOption[] {
  return c.options
    .filter((o) => o.long != null)
    .map((o) => ({
      long: o.long as string,
      short: o.short ?? null,
      description: firstSentence(o.description),
      value: o.required || o.optional,
      choices: o.argChoices ?? own(NAMES, o.long as string) ?? [],
      list: o.argChoices === undefined && own(NAMES, o.long as string) !== undefined
    }))
}

function describe(c: Command, path: string, summary: string, tests: readonly string[]): CompletionCommand {
  return {
    path,
    summary,
    options: [...optionsOf(c), ...EVERYWHERE],
    operands: [...c.registeredArguments.flatMap((a) => a.argChoices ?? []), ...tests],
    commands: c.commands.map((s) => describe(s, `${path} ${s.name()}`, firstSentence(s.description()), []))
  }
}

async function everything(io: Io): Promise<CompletionCommand> {
  const tests = libraryNames()
  const one = async (path: string, l: Loader): Promise<CompletionCommand> =>
    describe(await (await l.load())(io), path, l.summary, TAKE_TESTS.has(path.split(' ').at(-1) as string) ? tests : [])
  const commands: CompletionCommand[] = []
  for (const [name, l] of Object.entries(verbs)) commands.push(await one(`tbit ${name}`, l))
  for (const [name, family] of Object.entries(families)) {
    const below: CompletionCommand[] = []
    for (const [n, l] of Object.entries(family.verbs)) below.push(await one(`tbit ${name} ${n}`, l))
    commands.push({ path: `tbit ${name}`, summary: family.summary, options: [HELP], operands: [], commands: below })
  }
  return {
    path: 'tbit',
    summary: '',
    options: [HELP, plainOption('--version', 'version, commit, version of the formats')],
    operands: [],
    commands
  }
}

export function completionVerb(io: Io): Command {
  const shells = Object.keys(completionShells) as Array<keyof typeof completionShells>
  return new Command('completion')
    .description('A script that completes verbs, options, their values and the names of tests in a shell.')
    .addArgument(new Argument('<shell>', 'which shell').choices(shells))
    .addHelpText(
      'after',
      `
Examples:
  tbit completion bash > ~/.local/share/bash-completion/completions/tbit
  tbit completion zsh > ~/.tbit.zsh
  tbit completion fish > ~/.config/fish/completions/tbit.fish
`
    )
    .action(async (shell: keyof typeof completionShells) => {
      io.out(completionShells[shell](await everything(io)))
      io.exit(0)
    })
}
