// The verbs there are. Each has a file of its own, loaded only when it runs.
import type { Command } from 'commander'
import type { Io } from './io.ts'

export type Loader = { readonly summary: string; readonly load: () => Promise<(io: Io) => Command | Promise<Command>> }

// One line a verb, in the order of the help text. A verb that is not built yet is not listed.
export const verbs: Record<string, Loader> = {
  check: { summary: 'litmus tests: every interleaving, the verdict, the shortest counterexample', load: async () => (await import('./check.ts')).checkVerb },
  run: { summary: 'one execution of a litmus test on real bytes, as a kernel would log it', load: async () => (await import('./run.ts')).runVerb },
  hunt: { summary: 'hazards that nobody wrote a test for, each with its shortest sequence of calls', load: async () => (await import('./hunt.ts')).huntVerb },
  compare: { summary: 'which tests change verdict between two revisions, and the decision that did it', load: async () => (await import('./compare.ts')).compareVerb },
  revisions: { summary: 'the kernel revisions there are, decision by decision, and how two differ', load: async () => (await import('./revisions.ts')).revisionsVerb },
  list: { summary: 'the tests there are, by name and what they say', load: async () => (await import('./list.ts')).listVerb },
  fmt: { summary: 'litmus tests in their one layout', load: async () => (await import('./fmt.ts')).fmtVerb },
  lsp: { summary: 'the language server of litmus tests, for editors', load: async () => (await import('./lsp.ts')).lspVerb },
  rules: { summary: 'the address and access rules of a platform under a revision', load: async () => (await import('./rules.ts')).rulesVerb },
  replay: { summary: 'traces of real kernels against the pool', load: async () => (await import('./replay.ts')).replayVerb },
  record: { summary: 'a script that records what replay reads, for the machine at hand', load: async () => (await import('./record.ts')).recordVerb },
  explain: { summary: 'anything in words: a kernel log, a message, an error code, a rule, a word', load: async () => (await import('./explain.ts')).explainVerb },
  size: { summary: 'the bounce pool a kernel gives itself, and how to get another', load: async () => (await import('./size.ts')).sizeVerb },
  plan: { summary: 'populate a Realm\'s stage 2: commands, cost, measurement', load: async () => (await import('./plan.ts')).planVerb },
  ui: { summary: 'findings as pages, the player and the playground, in a browser on this machine', load: async () => (await import('./ui.ts')).uiVerb },
  kernel: { summary: 'the kernel\'s own C: build it, test it, check with it', load: async () => (await import('./kernel.ts')).kernelVerb },
  conform: { summary: 'recorded and real systems against the model', load: async () => (await import('./conform.ts')).conformVerb },
  report: { summary: 'a command, its output and its input as one text for an issue', load: async () => (await import('./report.ts')).reportVerb },
  completion: { summary: 'completion for bash, zsh and fish', load: async () => (await import('./completion.ts')).completionVerb }
}
