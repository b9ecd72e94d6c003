// The program: a command line (program.ts) with the streams, the environment and the exit code of this process.
import { broken, commandLine, program } from './program.ts'

const line = commandLine(process.argv.slice(2), process.env, {
  stdout: process.stdout,
  stderr: process.stderr,
  exit: (code) => {
    process.exitCode = code
  }
})

// A reader that closes the pipe early (head, less) is no error; a full disk is one.
process.stdout.on('error', (e: NodeJS.ErrnoException) => {
  if (e.code === 'EPIPE') process.exit(process.exitCode ?? 0)
  process.stderr.write(`tbit: error TB-002: standard output cannot be written: ${e.code ?? e.message}\n`)
  process.exit(2)
})
process.stderr.on('error', () => {
  /* nobody reads messages; the exit code stays */
})
process.on('uncaughtException', (e) => {
  broken(line, e)
  process.exit(2)
})
process.on('unhandledRejection', (e) => {
  broken(line, e)
  process.exit(2)
})

// Nothing is left to do: what ends the process frees its memory, and needs not be given back piece by piece first.
process.on('beforeExit', () => process.exit())

// Without top-level await, so that the bundle can be a script that V8's code cache holds.
void program(line)
