// What the client of a scene can do, one statement at a time, and what of it the contract looks at.
import type { OpName } from '../litmus/operations.ts'
import type { System, TbitObject } from '../system/index.ts'
import type { Scene } from './scenes.ts'

export type Agent = 'driver' | 'admin' | 'host'

/** A place for one object. */
export interface Slot {
  readonly name: string
  readonly kind: string
}

/** One statement that the client can make. Numbers are -1 where it has none. */
export interface Statement {
  readonly text: string
  readonly op: OpName
  readonly agent: Agent
  readonly device: number
  /** Slots: what it is about, and where its result goes. */
  readonly object: number
  readonly target: number
  /** Slots of a scatter-gather list. */
  readonly objects: readonly number[]
  readonly ends: boolean
  readonly direction: string
  /** Said to be shared: CC_SHARED, or of a mapping of its own DECRYPTED. */
  readonly shared: boolean
  readonly mmio: string
}

/**
 * What the client knows of its slots: the object, and of a mapping whether the CPU has it now, of memory whether it was
 * made shared.
 */
export interface Held {
  readonly object: (slot: number) => TbitObject | null
  readonly cpuHas: (slot: number) => boolean
  readonly madeShared: (slot: number) => boolean
}

/** A client as far as the contract asks. */
export interface Contracted {
  readonly scene: Scene
  readonly sys: System
  readonly slots: readonly Slot[]
}
