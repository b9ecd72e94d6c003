// `tbit merge`: the shares of a run as the one report that a single machine would have written.
import { Command } from 'commander'
import { type Diagnostic, formatDiagnostic, own, plural } from '../base/index.ts'
import { parseShare, type ShareHeader, ShareJoin, shareText } from '../report/shares.ts'
import { LONGEST_LINE } from './growing-file.ts'
import { type Io, worst } from './io.ts'
import { readLines } from './read-lines.ts'
import { JoinedShares } from './shares.ts'
import { verbs } from './verbs.ts'

interface Options {
  readonly format?: string
  readonly verbose?: boolean
  readonly missing?: boolean
}

export function mergeVerb(io: Io): Command {
  return new Command('merge')
    .description(
      'Joins what the shares of a run (--shard I/N --out FILE) have written into the report that one machine ' +
        'would have written, byte for byte, and says which shares are missing. An answer that comes twice counts ' +
        'once.'
    )
    .argument('<file...>', 'files that --out has written, packed or not')
    .option('--format <format>', 'another format than the shares were started with')
    .option('-v, --verbose', 'the report in detail, of a verb that has one')
    .option('--missing', 'the commands that complete the run, a line each, and no report')
    .addHelpText(
      'after',
      `
It reads the same tests again and does nothing anew: run it where the shares ran, or where the same files lie.

Exit code: that of the verb; 125 when answers are missing, 2 when lines or files do not fit.

Example:
  tbit check --shard 1/2 --out 1.jsonl
  tbit check --shard 2/2 --out 2.jsonl
  tbit merge 1.jsonl 2.jsonl
`
    )
    .action((files: string[], o: Options) => merge(io, files, o))
}

async function joined(files: readonly string[]): Promise<{ join: ShareJoin; unread: Diagnostic[] }> {
  const join = new ShareJoin()
  const unread: Diagnostic[] = []
  for (const file of files) {
    let n = 0
    const wrong = await readLines(
      file,
      (line, whole) => {
        join.line(file, ++n, line, whole)
        return true
      },
      undefined,
      LONGEST_LINE
    )
    if (wrong !== null) unread.push(wrong)
  }
  return { join, unread }
}

async function merge(io: Io, files: readonly string[], o: Options): Promise<void> {
  const { join, unread } = await joined(files)
  const wrong = [...unread, ...join.errors]
  const tell = (d: Diagnostic): void => io.err(`${formatDiagnostic(d)}\n`)
  for (const d of wrong) tell(d)
  const header = join.headers[0]
  const loader = header === undefined ? undefined : own(verbs, header.verb)
  if (header === undefined || loader === undefined) {
    if (wrong.length === 0)
      tell({
        code: 'TB-006',
        file: files[0] ?? '',
        line: 0,
        column: 0,
        word: header?.verb ?? '',
        message:
          header === undefined
            ? 'has no first line of a share: what was run is not known'
            : `is of a verb that this tbit has not: ${header.verb}`
      })
    return io.exit(2)
  }
  const shares = new JoinedShares(header, join)
  const codes = new Set<number>()
  const command = await (await loader.load())({
    ...io,
    shares,
    argv: header.arguments,
    exit: (c) => {
      codes.add(c)
    },
    out: (t) => {
      if (!o.missing) io.out(t)
    }
  })
  const leaf = command.commands.find((c) => c.name() === header.arguments[0]) ?? command
  const detailed = o.verbose === true && leaf.options.some((x) => x.long === '--verbose')
  const args = [
    ...header.arguments,
    ...(o.format === undefined ? [] : ['--format', o.format]),
    ...(detailed ? ['-v'] : [])
  ]
  const quiet = (c: Command): void => {
    c.exitOverride().configureOutput({ outputError: () => {} })
    for (const sub of c.commands) quiet(sub)
  }
  quiet(command)
  await command.name(`tbit ${header.verb}`).parseAsync(args, { from: 'user' })
  const lacking = shares.missing.size > 0 ? await tellMissing(io, shares, header, join, o) : 0
  io.exit(
    worst(
      [...codes, ...(lacking > 0 ? [125] : []), ...(wrong.length > 0 ? [2] : [])].filter((c) => !o.missing || c !== 1)
    )
  )
}

/** What answers are missing, and how one gets them. */
function tellMissing(io: Io, shares: JoinedShares, header: ShareHeader, join: ShareJoin, o: Options): number {
  const of = Math.max(...join.headers.map((h) => parseShare(h.share)?.of ?? 1))
  const lacking = shares.lacking(of)
  const command = (index: number): string =>
    `tbit ${header.verb} ${header.arguments.map(quoted).join(' ')}` +
    `${header.arguments.length > 0 ? ' ' : ''}--shard ${shareText({ index, of })} --out share-${index}-of-` +
    `${of}.jsonl\n`
  if (o.missing) io.out(lacking.map(command).join(''))
  else
    io.err(
      `tbit merge: incomplete: answers about ${shares.missing.size} of ${plural(shares.items.length, 'item')} ` +
        `are missing, of ${plural(lacking.length, 'share')} of ${of}: ${lacking.join(', ')}\n  tbit merge ` +
        '--missing prints the commands that complete it\n'
    )
  return lacking.length
}

const quoted = (word: string): string =>
  /^[\w./,:=+*-]+$/.test(word) && !word.includes('*') ? word : `'${word.replaceAll("'", "'\\''")}'`
