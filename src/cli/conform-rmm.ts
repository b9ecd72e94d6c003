// `tbit conform rmm FILE...`: recorded sequences of RMI commands against the model.
import { Command, Option } from 'commander'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { type Diagnostic, formatDiagnostic } from '../base/index.ts'
import { conformSequence, emptyConformance } from '../conform/rmm.ts'
import { parseSequences } from '../conform/rmm-sequence.ts'
import { conformRmmJson, conformRmmText } from '../report/conform-rmm.ts'
import type { Io } from './io.ts'

const cannotRead = (file: string, e: unknown): Diagnostic => ({ code: 'TB-002', file, line: 0, column: 0, word: file, message: `cannot be read: ${(e as NodeJS.ErrnoException).code ?? (e as Error).message}` })

function readText(file: string): string {
  const bytes = readFileSync(file === '-' ? 0 : file)
  return (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString('utf8')
}

export function conformRmm(io: Io): Command {
  return new Command('rmm')
    .description('Replays recorded RMI command sequences on the RMM model: statuses, levels, outputs, exits, granule states, RIM values.')
    .argument('<file...>', 'recordings (JSON or text, gzip allowed), a directory of them, or - for standard input')
    .addOption(new Option('--format <format>', 'output').choices(['text', 'json']).default('text'))
    .option('--max <n>', 'mismatches to show', (v) => Number.parseInt(v, 10), 20)
    .addHelpText('after', '\nExample:\n  tbit conform rmm ../shared/data/rmm/sequences.json.gz\n\nExit code: 0 no mismatch, 1 a mismatch, 2 a file that cannot be read or understood.\n')
    .action((names: string[], options: { format: string; max: number }) => {
      const total = emptyConformance()
      let files = 0
      const one = (file: string): void => {
        let text: string
        try {
          text = readText(file)
        } catch (e) {
          total.errors.push(cannotRead(file, e))
          return
        }
        const parsed = parseSequences(file, text)
        if (!parsed.ok) {
          total.errors.push(parsed.error)
          return
        }
        files++
        for (const q of parsed.value) conformSequence(file, q, total)
      }
      for (const name of names) {
        let inside: string[] | null = null
        try {
          if (name !== '-' && statSync(name).isDirectory()) inside = readdirSync(name).filter((f) => /\.(json|jsonl|txt|rmi)(\.gz)?$/.test(f)).sort()
        } catch (e) {
          total.errors.push(cannotRead(name, e))
          continue
        }
        if (inside === null) one(name)
        else for (const f of inside) one(join(name, f))
      }
      if (options.format === 'json') io.out(conformRmmJson(files, total))
      else {
        const { errors, ...rest } = total
        for (const e of errors) io.err(`${formatDiagnostic(e)}\n`)
        io.out(conformRmmText(files, { ...rest, errors: [] }, options.max))
      }
      io.exit(total.errors.length > 0 ? 2 : total.mismatches.length > 0 ? 1 : 0)
    })
}
