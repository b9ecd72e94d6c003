// `tbit fmt`: litmus tests in their one layout.
import { Command } from 'commander'
import { brokenInvariant, type Diagnostic, formatDiagnostic } from '../base/index.ts'
import { format, parse } from '../litmus/index.ts'
import { writeWhole } from './file-access.ts'
import { litmusFiles, readLitmus, shownName } from './files.ts'
import type { Io } from './io.ts'

interface Options {
  check?: boolean
}

/** What a file becomes; diagnostics where it cannot be read as a test: what is no test has no layout. */
function formatted(file: string): { readonly text: string; readonly before: string } | readonly Diagnostic[] {
  const read = readLitmus(file)
  if ('code' in read) return [read]
  const shown = shownName(file)
  try {
    const { errors } = parse(read.text, shown)
    // A word without a machine is no error of the text.
    const broken = errors.filter((e) => e.code !== 'TB-003')
    return broken.length > 0 ? broken : { text: format(read.text), before: read.text }
  } catch (e) {
    return [brokenInvariant(shown, e)]
  }
}

function run(io: Io, names: readonly string[], o: Options): void {
  const { files, errors } = litmusFiles(names)
  const all: Diagnostic[] = [...errors]
  let changed = 0
  for (const file of files) {
    const r = formatted(file)
    if (!('text' in r)) {
      all.push(...r)
      continue
    }
    if (file === '-') {
      if (!o.check) io.out(r.text)
      if (r.text !== r.before) changed++
      continue
    }
    if (r.text === r.before) continue
    const error = o.check ? null : writeWhole(file, r.text)
    if (error !== null) all.push(error)
    else {
      changed++
      io.out(`${file}\n`)
    }
  }
  for (const d of all) io.err(`${formatDiagnostic(d)}\n`)
  io.exit(all.length > 0 ? 2 : o.check && changed > 0 ? 1 : 0)
}

export function fmtVerb(io: Io): Command {
  return new Command('fmt')
    .description(
      'Litmus tests in their one layout: blanks, indentation and columns; words, comments and the ends of lines ' +
        'stay. Prints the name of each file that it changed.'
    )
    .argument(
      '<file...>',
      'litmus tests, directories of them, tests of the library by name; - reads standard input and writes ' +
        'standard output'
    )
    .option('--check', 'write nothing: the names of what is laid out otherwise, and exit code 1')
    .addHelpText(
      'after',
      `
Exit code: 0, 1 with --check when a file is laid out otherwise, 2 for a file
that is no litmus test (the others are written all the same).

Examples:
  tbit fmt litmus
  tbit fmt --check my-tests
`
    )
    .action((names: string[], o: Options) => {
      run(io, names, o)
    })
}
