// `tbit lsp`: the language server, on standard input and output.
import { Command } from 'commander'
import { availableParallelism } from 'node:os'
import { serve } from '../lsp/server.ts'
import { runJobs } from './check-pool.ts'
import type { Io } from './io.ts'
import { packageVersion } from './version.ts'

export function lspVerb(io: Io): Command {
  return (
    new Command('lsp')
      .description(
        'The language server of litmus tests, started by an editor: messages as one types, completion, the ' +
          'manual, layout, and the verdict above each test.'
      )
      // What every client passes.
      .option('--stdio', 'standard input and output, the only way there is')
      .addHelpText(
        'after',
        `
It speaks the Language Server Protocol on standard input and output until the editor ends it.
How to set it up: docs/editors.md.

Example (Vim, by its built-in client or a plugin, VS Code by editors/vscode):
  tbit lsp --stdio
`
      )
      .action(() => {
        if (process.stdin.isTTY)
          io.err('tbit lsp: an editor starts this and speaks to it; docs/editors.md says how. ^C ends it\n')
        serve({
          input: process.stdin,
          output: process.stdout,
          version: packageVersion(),
          // Never in this thread, which answers the editor; one core is left to it.
          runAll: (runs, o) => runJobs(runs, { ...o, here: -1, workers: Math.max(1, availableParallelism() - 1) }),
          onBadInput: (message) => {
            io.err(`tbit lsp: ${message}\n`)
          },
          onEnd: (asked) => process.exit(asked ? 0 : 1)
        })
      })
  )
}
