// The command line without a process of its own: what it prints is what the program prints, and starting one costs more
// than most commands. What only a process has (a terminal, a pipe that its reader closes, standard input, a signal) is
// left to processes.
import { spawn } from 'node:child_process'
import { commandLine, program } from '../src/cli/program.ts'

export interface Ended {
  readonly stdout: string
  readonly stderr: string
  /** Both, in the order in which they were written. */
  readonly both: string
  readonly code: number
}

/**
 * Runs a command line here. `terminal`: the columns of the one that it is to believe that it writes to.
 * @throws what nobody foresaw, of which the program makes a message
 */
export async function here(words: readonly string[], env: NodeJS.ProcessEnv, terminal?: number): Promise<Ended> {
  let [stdout, stderr, both, code] = ['', '', '', 0]
  const tty = terminal === undefined ? {} : { isTTY: true, columns: terminal }
  const line = commandLine(words, env, {
    stdout: {
      ...tty,
      write: (t) => {
        stdout += t
        both += t
      }
    },
    stderr: {
      ...tty,
      write: (t) => {
        stderr += t
        both += t
      }
    },
    exit: (c) => {
      code = c
    }
  })
  // Where verbs ask for a variable themselves.
  const before = { ...process.env }
  Object.assign(process.env, env)
  try {
    await program(line)
  } finally {
    for (const name of Object.keys(env)) if (!(name in before)) delete process.env[name]
    Object.assign(process.env, before)
  }
  return { stdout, stderr, both, code }
}

/** A shell command that can be carried out without one, save for what its output is piped into. */
export interface Simple {
  readonly words: readonly string[]
  /** `2>&1`. */
  readonly both: boolean
  /** What follows the first `|`. */
  readonly filter: string | null
  /** `; echo "exit $?"` at the end. */
  readonly echo: boolean
}

/** Verbs that start processes, talk to somebody, or run for long. */
const OWN = new Set(['kernel', 'report', 'lsp', 'ui', 'record', 'merge', 'dev', 'completion', '--version', '-V'])
const ECHO = /; *echo "exit \$\?"$/
// A word as it is, between quotes, or both: nothing that a shell would replace.
const WORD = /(?:[\w./:,=+@%^-]|'[^'\n]*'|"[^"$`\\\n]*")+/y

/** Reads a command of the form `tbit WORD... [2>&1] [| FILTER] [; echo "exit $?"]`; null for any other. */
export function simple(command: string): Simple | null {
  const echo = ECHO.test(command)
  const text = command.replace(ECHO, '').trim()
  const words: string[] = []
  let at = 0
  while (at < text.length) {
    WORD.lastIndex = at
    const m = WORD.exec(text)
    if (m === null) break
    // `2>`, `3<`: a digit before an arrow is no word.
    if (/[<>]/.test(text[WORD.lastIndex] ?? '')) break
    words.push(m[0].replace(/'([^']*)'|"([^"]*)"/g, (_, a, b) => a ?? b))
    at = WORD.lastIndex
    while (text[at] === ' ') at++
  }
  const both = text.startsWith('2>&1', at)
  if (both) at += 4
  const left = text.slice(at).trim()
  const filter = left.startsWith('| ') ? left.slice(2) : null
  if (left !== '' && filter === null) return null
  // A filter that is a list of commands, or starts the program again.
  if (filter !== null && /;|&|\btbit\b/.test(filter.replace(/'[^']*'/g, ''))) return null
  const [name, verb = '', second = ''] = words
  if ((name !== 'tbit' && name !== './tbit') || OWN.has(verb) || (verb === 'conform' && second === 'kernel'))
    return null
  // Standard input, a link that is followed, a file that is watched, a tree that is built.
  if (words.some((w) => w === '-' || /^--(force|watch|tree|shard|checkpoint)\b/.test(w))) return null
  return { words: words.slice(1), both, filter, echo }
}

/** What a shell with `exec 2>&1` prints of the command. */
export async function printed(c: Simple, env: NodeJS.ProcessEnv, cwd: string): Promise<string> {
  const r = await here(c.words, env)
  if (c.filter === null) return `${r.both}${c.echo ? `exit ${r.code}\n` : ''}`
  const { out, code } = await filtered(c.filter, c.both ? r.both : r.stdout, env, cwd)
  return `${c.both ? '' : r.stderr}${out}${c.echo ? `exit ${code}\n` : ''}`
}

const filtered = (filter: string, input: string, env: NodeJS.ProcessEnv, cwd: string) =>
  new Promise<{ out: string; code: number | null }>((resolve, reject) => {
    const child = spawn('sh', ['-c', `exec 2>&1; ${filter}`], { cwd, env, stdio: ['pipe', 'pipe', 'inherit'] })
    const parts: Buffer[] = []
    child.stdout.on('data', (b: Buffer) => parts.push(b))
    // `head` does not read to the end.
    child.stdin.on('error', () => {})
    child.on('error', reject)
    child.on('close', (code) => {
      resolve({ out: Buffer.concat(parts).toString(), code })
    })
    child.stdin.end(input)
  })
