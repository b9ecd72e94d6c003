// What a page and its worker say to each other. `id` rises with every edit; an answer to an older one is dropped.

export interface PairName {
  readonly kernel: string
  readonly platform: string
}
export const pairKey = (p: PairName): string => `${p.kernel} on ${p.platform}`

export type Ask =
  /** Checks a text: the visible pair, then, with `all`, every pair of the test. */
  | {
      readonly op: 'check'
      readonly id: number
      readonly text: string
      readonly pair: PairName | null
      readonly all: boolean
      readonly maxStates: number
    }
  /** What was found so far is told, and nothing more is searched. */
  | { readonly op: 'stop' }
  /** The picture and the steps of a finding of the text that was checked last. */
  | { readonly op: 'draw'; readonly id: number; readonly pair: PairName; readonly finding: string }
  /** Tests of the library by text, to be run on their pairs; each result is told as a recorded run has it. */
  | {
      readonly op: 'run'
      readonly id: number
      readonly name: string
      readonly file: string
      readonly text: string
      readonly pairs: readonly PairName[]
    }

export interface Mend {
  readonly title: string
  readonly from: number
  readonly to: number
  readonly text: string
}
export interface Message {
  readonly from: number
  readonly to: number
  readonly line: number
  readonly severity: 'error' | 'warning'
  readonly text: string
  readonly mends: readonly Mend[]
}

export interface FoundHere {
  readonly id: string
  readonly property: string
  readonly headline: string
  readonly forbidden: boolean
  readonly steps: number
}
export interface VerdictHere extends PairName {
  readonly verdict: string
  /** In words, with what is violated. */
  readonly words: string
  readonly judgement: string
  readonly reason: string | null
  readonly complete: boolean
  readonly states: number
  /** null: not yet, they follow in a second verdict of the same run. */
  readonly findings: readonly FoundHere[] | null
  readonly notes: readonly string[]
}

export interface ParsedHere {
  readonly name: string
  readonly about: string
  readonly pairs: readonly PairName[]
  readonly own: readonly string[]
}

export type Answer =
  | { readonly at: 'ready' }
  | {
      readonly at: 'parsed'
      readonly id: number
      readonly messages: readonly Message[]
      readonly test: ParsedHere | null
      readonly pair: PairName | null
    }
  | {
      readonly at: 'progress'
      readonly id: number
      readonly pair: PairName
      readonly states: number
      readonly perSecond: number
    }
  | { readonly at: 'verdict'; readonly id: number; readonly result: VerdictHere }
  | { readonly at: 'done'; readonly id: number; readonly stopped: boolean }
  | { readonly at: 'drawn'; readonly id: number; readonly finding: string; readonly html: string }
  | {
      readonly at: 'ran'
      readonly id: number
      readonly results: ReadonlyArray<
        PairName & {
          readonly verdict: string
          readonly ids: readonly string[]
          readonly states: number
          readonly functions: string
        }
      >
    }
  /** A broken invariant of the model: the other pairs go on. */
  | { readonly at: 'broken'; readonly id: number; readonly message: string }
