// `tbit conform swiotlb`: recorded swiotlb and dma-direct operations against the model.
import { Command } from 'commander'
import { brokenInvariant, type Diagnostic, formatDiagnostic, messageOf } from '../base/index.ts'
import { SwiotlbConform, type SwiotlbConformResult, type SwiotlbFileResult } from '../conform/swiotlb.ts'
import { conformSwiotlbFormats } from '../report/conform-swiotlb.ts'
import { fold } from '../report/wrap.ts'
import { formatOption } from './formats.ts'
import { type Io, worst } from './io.ts'
import { filesOf, readLines } from './read-lines.ts'

export function conformSwiotlb(io: Io): Command {
  return new Command('swiotlb')
    .summary('recorded operations on swiotlb and dma-direct')
    .description(
      'Replays recorded operations of kernel/dma/swiotlb.c and kernel/dma/direct.c on the model, slot for slot: ' +
        'addresses, counters, events in order, state hashes. ' +
        'A file is one JSON object (the machine), then one JSON array a line; gzip and zstd are recognised by ' +
        'content, - is standard input, a directory stands for its .jsonl files, compressed or not. ' +
        'Exit code 0 without a difference, 1 with one, 2 for input that cannot be read.'
    )
    .argument('<files...>', 'recordings')
    .addOption(formatOption(conformSwiotlbFormats))
    .addHelpText('after', '\nExample:\n  tbit conform swiotlb recordings/swiotlb-n1024-a4.jsonl.gz')
    .action(async (args: string[], options: { format: keyof typeof conformSwiotlbFormats }) => {
      const { files, errors } = filesOf(args, ['.jsonl', '.jsonl.gz', '.jsonl.zst'])
      const results: SwiotlbFileResult[] = []
      const all: Diagnostic[] = [...errors]
      for (const file of files) {
        const shown = file === '-' ? '(standard input)' : file
        const run = new SwiotlbConform(shown)
        let at = 0
        let bad: Diagnostic | null = null
        const broken = await readLines(file, (line) => {
          at++
          try {
            const r = run.next(line)
            if (!r.ok) bad = r.error
          } catch (e) {
            // The model stops where the recorded kernel went on, or contradicts itself: what follows in this file
            // cannot be compared.
            bad = {
              ...brokenInvariant(shown, e),
              line: at,
              column: 1,
              message: `the model cannot carry this operation out: ${messageOf(e)}`
            }
          }
          return bad === null
        })
        const end = run.end()
        if (bad) all.push(bad)
        else if (broken) all.push(broken)
        else if (!end.ok) all.push(end.error)
        else if (end.value.operations === 0)
          all.push({
            code: 'TB-301',
            file: end.value.file,
            line: 0,
            column: 0,
            word: '',
            message: 'a machine without an operation: nothing to compare'
          })
        if (end.ok) results.push(end.value)
      }
      const result: SwiotlbConformResult = { files: results, errors: all }
      if (options.format !== 'json') for (const e of all) io.err(`${formatDiagnostic(e)}\n`)
      const written = conformSwiotlbFormats[options.format](result)
      // A line a file for who reads it by program; on a terminal it goes on below.
      io.out(options.format === 'text' && io.width !== undefined ? fold(written, io.width) : written)
      io.exit(worst([all.length > 0 ? 2 : 0, results.some((f) => f.mismatches > 0) ? 1 : 0]))
    })
}
