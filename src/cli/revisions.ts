// `tbit revisions`: what a kernel revision is, decision by decision, and how two differ.
import { Command } from 'commander'
import { type Diagnostic, formatDiagnostic } from '../base/index.ts'
import { revisions } from '../kernel/index.ts'
import { revisionsFormats, type RevisionsReport } from '../report/revisions.ts'
import { formatOption } from './formats.ts'
import type { Io } from './io.ts'
import { kernelName, revisionNamed, usage } from './names.ts'

interface Options {
  format: keyof typeof revisionsFormats
}

function reportOf(a: string | null, b: string | null): RevisionsReport {
  if (a === null) return { kind: 'list', revisions }
  return b === null
    ? { kind: 'one', revision: revisionNamed(a) }
    : { kind: 'two', before: revisionNamed(a), after: revisionNamed(b) }
}

export function revisionsVerb(io: Io): Command {
  return new Command('revisions')
    .description(
      'The kernel revisions there are; one of them whole, each decision with its source; or the decisions in ' +
        'which two differ.'
    )
    .argument(
      '[revision...]',
      'none, one, or two: names, aliases (7.1, v7.1), or with flips in quotes: "linux-7.1 + decryptRemapped"'
    )
    .addOption(formatOption(revisionsFormats))
    .addHelpText(
      'after',
      `
A revision is a name, an alias, or either with flips: + DECISION and - DECISION
for yes and no, DECISION=value for the others. The same text is taken by
--kernel of every verb and by kernel and expect lines of a litmus test.

Exit code: 0, or 2 for a word that is not known.

Examples:
  tbit revisions linux-7.1
  tbit revisions cc-v7 cc-v8
  tbit check litmus/coherent --kernel "linux-7.1 + decryptRemapped"
`
    )
    .action((names: string[], o: Options) => {
      const errors: Diagnostic[] = []
      if (names.length > 2)
        errors.push(
          usage(
            'tbit revisions',
            names[2] as string,
            `two revisions at the most, ${names.length} are given: put one with flips in quotes`,
            ['tbit revisions "linux-7.1 + decryptRemapped" 7.3']
          )
        )
      const [a, b] = names.length > 2 ? [] : names.map((n) => kernelName('revisions', n, 'tbit revisions', errors))
      const { render } = revisionsFormats[o.format]
      if (errors.length > 0) {
        if (o.format === 'json') io.out(`${JSON.stringify({ format: 1, errors })}\n`)
        for (const d of errors) io.err(`${formatDiagnostic(d)}\n`)
        return io.exit(2)
      }
      io.out(render(reportOf(a ?? null, b ?? null), io.width ?? 80))
      io.exit(0)
    })
}
