// `tbit list`: the tests there are, by name.
import { Command } from 'commander'
import { formatDiagnostic, nearest } from '../base/index.ts'
import { hasWords, listedTest, listFormats } from '../report/list.ts'
import { libraryDirectory, litmusFiles, loadTests } from './files.ts'
import { formatOption } from './formats.ts'
import type { Io } from './io.ts'

interface Options {
  readonly format: keyof typeof listFormats
  readonly in?: string
}

function list(io: Io, words: readonly string[], o: Options): void {
  const directory = o.in ?? libraryDirectory()
  const found = litmusFiles([directory])
  const loaded = loadTests(found.files)
  const errors = [...found.errors, ...loaded.errors]
  const all = loaded.tests.map((t) => listedTest(t, directory))
  const tests = all.filter((t) => hasWords(t, words))
  if (o.format === 'text') for (const d of errors) io.err(`${formatDiagnostic(d)}\n`)
  io.out(listFormats[o.format]({ words, tests, of: all.length, errors }, io.width ?? 80))
  if (tests.length === 0 && words.length > 0) {
    const known = all.flatMap((t) => [t.name, t.topic, ...t.operations])
    const near = [...new Set(words.flatMap((w) => nearest(w, new Set(known))))].slice(0, 3)
    if (near.length > 0) io.err(`  did you mean ${near.map((n) => `'${n}'`).join(' or ')}?\n`)
  }
  io.exit(errors.length > 0 ? 2 : tests.length > 0 ? 0 : 1)
}

export function listVerb(io: Io): Command {
  return new Command('list')
    .description(
      'The tests of the library, by topic and name, with what each says; with words, those that have all of them ' +
        'in their name, topic, title, sources, platforms, kernels, operations or expected properties.'
    )
    .argument('[word...]', 'words or parts of words')
    .option('--in <dir>', 'tests of another directory')
    .addOption(formatOption(listFormats))
    .addHelpText(
      'after',
      `
Exit code: 0, 1 when no test has the words, 2 for a file that is no test (the others are listed).

Examples:
  tbit list accept coherent
  tbit check coherent-at-t0
`
    )
    .action((words: string[], o: Options) => {
      list(io, words, o)
    })
}
