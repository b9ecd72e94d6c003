// What a search explores: a layout, where it starts, and the threads.
import type { Layout, Program, Store } from '../step/index.ts'

/** One way to begin. Several when what happens before the threads (boot, `init`) may end in several ways. */
export interface Start {
  /** Writes the shared state; everything is 0 before. */
  init(store: Store): void
  /** First values of each thread's variables, by thread; where missing, the program's own. */
  readonly locals?: ReadonlyArray<readonly number[]>
}

export interface Model {
  readonly layout: Layout
  readonly programs: readonly Program[]
  readonly starts: readonly Start[]
}
