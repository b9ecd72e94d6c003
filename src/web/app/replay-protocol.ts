// What the replay's page and its worker say to each other: values only.
import type { Diagnostic } from '../../base/diagnostic.ts'
import type { NeededPool } from '../../replay/sizing.ts'
import type { WhatIfSpec } from '../../replay/what-if-spec.ts'
import type { ReplayView } from '../../report/replay-view.ts'
import type { PlotLine } from '../../report/svg-plot.ts'

export type ReplayAsk =
  /** Traces and kernel logs, told apart by content; `id` rises, answers to older ones are dropped. */
  | { readonly op: 'read'; readonly id: number; readonly files: readonly File[] }
  /** Ends reading; what was read is kept. */
  | { readonly op: 'stop' }
  /** Another pool, other devices; the newest wins. */
  | { readonly op: 'ask'; readonly id: number; readonly spec: WhatIfSpec }
  /** The pool that a machine gives itself at boot. */
  | { readonly op: 'size'; readonly id: number; readonly machine: Machine }
  /** A kernel log, or one line of it, as text. */
  | { readonly op: 'explain'; readonly id: number; readonly text: string }

/** A machine as its reader types it: `tbit size` has the words. */
export interface Machine {
  readonly ram: string
  readonly platform: string
  readonly kernel: string
  readonly cpus: string
  readonly cmdline: string
  readonly want: string
}

/** The recording at its end, for the controls. */
export interface Recorded {
  readonly devices: readonly string[]
  readonly nslabs: number
  readonly nareas: number
  readonly needed: NeededPool | null
  /** Questions can be answered; else why not. */
  readonly asks: true | string
}

export type ReplayTold =
  | { readonly at: 'ready' }
  /** While reading: what is known, and bytes of the files. */
  | {
      readonly at: 'part'
      readonly id: number
      readonly view: ReplayView
      readonly done: number
      readonly total: number
    }
  | {
      readonly at: 'done'
      readonly id: number
      readonly view: ReplayView
      readonly recorded: Recorded
      readonly problems: readonly Diagnostic[]
      readonly milliseconds: number
    }
  /** Nothing to replay in what was given. */
  | { readonly at: 'refused'; readonly id: number; readonly problems: readonly Diagnostic[] }
  | {
      readonly at: 'answer'
      readonly id: number
      readonly sentences: readonly string[]
      readonly fails: boolean
      readonly line: PlotLine | null
      readonly milliseconds: number
    }
  | { readonly at: 'explained'; readonly id: number; readonly html: string; readonly problems: readonly Diagnostic[] }
  | {
      readonly at: 'sized'
      readonly id: number
      readonly answer: { readonly text: string } | { readonly wrong: string }
    }
  | { readonly at: 'broken'; readonly id: number; readonly message: string }
