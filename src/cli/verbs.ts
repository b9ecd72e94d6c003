// The verbs there are. Each has a file of its own, loaded only when it runs.
import type { Command } from 'commander'
import { ensure, own } from '../base/index.ts'
import type { Io } from './io.ts'

export type Loader = {
  readonly summary: string
  readonly load: () => Promise<(io: Io) => Command | Promise<Command>>
  /** Arguments that the name stands for. */
  readonly given?: readonly string[]
}

/**
 * What the command line answers to, one line a verb: the names in the help, and those that `show` and `dev` have by
 * another name below them.
 */
export const verbs: Record<string, Loader> = {
  check: {
    summary: 'every interleaving, the verdict, the shortest counterexample',
    load: async () => (await import('./check.ts')).checkVerb
  },
  run: {
    summary: 'one execution on real bytes, as a kernel would log it',
    load: async () => (await import('./run.ts')).runVerb
  },
  compare: {
    summary: 'verdicts that change between two revisions, and by which decision',
    load: async () => (await import('./compare.ts')).compareVerb
  },
  kernel: {
    summary: "the kernel's own C: build it, check with it, what a patch changes",
    load: async () => (await import('./kernel.ts')).kernelVerb
  },
  explain: {
    summary: 'what a kernel log, a message, an error code, a mapping, a word means',
    load: async () => (await import('./explain.ts')).explainVerb
  },
  replay: {
    summary: 'traces of real kernels against the pool',
    load: async () => (await import('./replay.ts')).replayVerb
  },
  record: {
    summary: 'a script that records what replay reads',
    load: async () => (await import('./record.ts')).recordVerb
  },
  size: {
    summary: 'the bounce pool a kernel gives itself, and how to get another',
    load: async () => (await import('./size.ts')).sizeVerb
  },
  plan: {
    summary: "populate a Realm's stage 2: commands, cost, measurement",
    load: async () => (await import('./plan.ts')).planVerb
  },
  hunt: {
    summary: 'hazards that nobody wrote a test for, each with its shortest calls',
    load: async () => (await import('./hunt.ts')).huntVerb
  },
  ui: {
    summary: 'findings as pages, the player and the playground',
    load: async () => (await import('./ui.ts')).uiVerb
  },
  rules: {
    summary: 'address and access rules of a platform under a revision',
    load: async () => (await import('./rules.ts')).rulesVerb
  },
  revisions: {
    summary: 'the kernel revisions, decision by decision, and how two differ',
    load: async () => (await import('./revisions.ts')).revisionsVerb
  },
  list: {
    summary: 'the tests there are, by name and what they say',
    load: async () => (await import('./list.ts')).listVerb
  },
  conform: {
    summary: 'recorded and real systems against the model',
    load: async () => (await import('./conform.ts')).conformVerb
  },
  fmt: { summary: 'litmus tests in their one layout', load: async () => (await import('./fmt.ts')).fmtVerb },
  lsp: {
    summary: 'the language server of litmus tests, for editors',
    load: async () => (await import('./lsp.ts')).lspVerb
  },
  merge: {
    summary: 'shares of a run (--shard) as the report of one machine',
    load: async () => (await import('./merge.ts')).mergeVerb
  },
  report: {
    summary: 'a command, its output and its input as one text for an issue',
    load: async () => (await import('./report.ts')).reportVerb
  },
  completion: {
    summary: 'completion for bash, zsh and fish',
    load: async () => (await import('./completion.ts')).completionVerb
  }
}

const verb = (name: string): Loader => ensure(own(verbs, name), name)

/** Verbs that have others below them, by the name these have there. */
export const families: Record<string, { readonly summary: string; readonly verbs: Readonly<Record<string, Loader>> }> =
  {
    show: {
      summary: 'what tbit knows: rules, revisions, tests, contract',
      verbs: {
        rules: verb('rules'),
        revisions: verb('revisions'),
        tests: verb('list'),
        contract: {
          summary: 'what drivers and hosts keep to where hunt looks for hazards',
          load: verb('hunt').load,
          given: ['--contract']
        }
      }
    },
    dev: {
      summary: 'for who builds on it: conform, fmt, lsp, merge, report, completion',
      verbs: {
        conform: verb('conform'),
        fmt: verb('fmt'),
        lsp: verb('lsp'),
        merge: verb('merge'),
        report: verb('report'),
        completion: verb('completion')
      }
    }
  }

/** The help: by what the reader holds. */
export const held: ReadonlyArray<readonly [what: string, names: readonly string[]]> = [
  ['a litmus test', ['check', 'run', 'compare']],
  ['a tree, a patch, a series', ['kernel']],
  ['a log or a word', ['explain']],
  ['a trace', ['replay', 'record']],
  ['a machine', ['size', 'plan']],
  ['a question', ['hunt', 'show']],
  ['a browser', ['ui']],
  ['tbit itself', ['dev']]
]

/** Summary of a verb or of a family. */
export const summaryOf = (name: string): string => (own(families, name) ?? verb(name)).summary
