// The command line: finds the verb, loads only its file, and gives it the outside world.
import { nearest } from '../base/index.ts'
import type { Command } from 'commander'
import type { Io } from './io.ts'

type Loader = { readonly summary: string; readonly load: () => Promise<(io: Io) => Command | Promise<Command>> }

// One line a verb, in the order of the help text. A verb that is not built yet is not listed.
const verbs: Record<string, Loader> = {
  check: { summary: 'litmus tests: every interleaving, the verdict, the shortest counterexample', load: async () => (await import('./check.ts')).checkVerb },
  run: { summary: 'one execution of a litmus test on real bytes, as a kernel would log it', load: async () => (await import('./run.ts')).runVerb },
  compare: { summary: 'which tests change verdict between two revisions, and the decision that did it', load: async () => (await import('./compare.ts')).compareVerb },
  rules: { summary: 'the address and access rules of a platform under a revision', load: async () => (await import('./rules.ts')).rulesVerb },
  replay: { summary: 'traces of real kernels against the pool', load: async () => (await import('./replay.ts')).replayVerb },
  explain: { summary: 'a pasted kernel log in words: what failed, which limit binds, what to do', load: async () => (await import('./explain.ts')).explainVerb },
  size: { summary: 'the bounce pool a kernel gives itself, and how to get another', load: async () => (await import('./size.ts')).sizeVerb },
  plan: { summary: 'populate a Realm\'s stage 2: commands, cost, measurement', load: async () => (await import('./plan.ts')).planVerb },
  kernel: { summary: 'the kernel\'s own C: build it, test it, check with it', load: async () => (await import('./kernel.ts')).kernelVerb },
  conform: { summary: 'recorded and real systems against the model', load: async () => (await import('./conform.ts')).conformVerb },
}

const io: Io = {
  out: (t) => { process.stdout.write(t) },
  err: (t) => { process.stderr.write(t) },
  colour: process.stdout.isTTY === true && !process.env['NO_COLOR'],
  progress: process.stderr.isTTY === true,
  ...(process.stdout.isTTY ? { width: Math.min(160, Math.max(60, process.stdout.columns || 100)) } : {}),
  exit: (code) => { process.exitCode = code }
}

function usage(): string {
  const width = Math.max(...Object.keys(verbs).map((v) => v.length), 4)
  return `tbit: litmus tests, replay and planning for DMA in confidential VMs

usage: tbit VERB [options]     tbit VERB --help explains one and shows an example

${Object.entries(verbs).map(([v, l]) => `  ${v.padEnd(width)}  ${l.summary}`).join('\n')}
`
}

// A reader that closes the pipe early (head, less) is no error.
process.stdout.on('error', (e: NodeJS.ErrnoException) => { if (e.code === 'EPIPE') process.exit(process.exitCode ?? 0); throw e })

const [verb, ...rest] = process.argv.slice(2)
if (verb === undefined || verb === '--help' || verb === '-h' || verb === 'help') {
  io.out(usage())
  io.exit(verb === undefined ? 2 : 0)
} else if (verb === '--version') {
  io.out('tbit 0.1.0\n')
} else {
  const loader = verbs[verb]
  if (!loader) {
    const near = nearest(verb, Object.keys(verbs))
    io.err(`tbit: error TB-001: unknown verb '${verb}'${near.length ? `\n  did you mean ${near.map((n) => `'${n}'`).join(' or ')}?` : ''}\n  tbit --help lists the verbs\n`)
    io.exit(2)
  } else {
    const command = await (await loader.load())(io)
    const wire = (c: Command, name: string): void => {
      c.exitOverride().configureOutput({ writeOut: io.out, writeErr: io.err }).showHelpAfterError(`(${name} --help shows the options and an example)`)
      for (const sub of c.commands) wire(sub, `${name} ${sub.name()}`)
    }
    wire(command.name(`tbit ${verb}`), `tbit ${verb}`)
    try {
      await command.parseAsync(rest, { from: 'user' })
    } catch (e) {
      const c = e as { code?: string; exitCode?: number }
      if (typeof c.code !== 'string' || !c.code.startsWith('commander.')) throw e
      io.exit(c.exitCode === 0 ? 0 : 2)
    }
  }
}
