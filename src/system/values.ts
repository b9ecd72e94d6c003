// What a variable of a test (or a caller of the system) holds: a plain number, a word, an object, or ERR with its
// errno. All are JS numbers, so that a thread's variables are comparable at a glance.
import type { DmaAddr, Phys } from '../base/index.ts'
import { UNSET } from '../step/index.ts'
import { type DmaBuffer, errno } from '../kernel/index.ts'

const WORD_BASE = 2 ** 40
const OBJECT_BASE = 2 ** 41

/** SIZE_MAX, as a number that a variable holds: above every size of a scene. */
export const SIZE_MAX = 2 ** 40 - 1
export const isErr = (v: number): boolean => v < 0 && v > UNSET
export const isUnset = (v: number): boolean => v === UNSET
export const isWord = (v: number): boolean => v >= WORD_BASE && v < OBJECT_BASE
export const isObject = (v: number): boolean => v >= OBJECT_BASE
export const wordValue = (word: number): number => WORD_BASE + word
export const valueWord = (v: number): number => v - WORD_BASE

export { errno }
export const errnoName = (v: number): string => Object.entries(errno).find(([, n]) => n === v)?.[0] ?? `E${-v}`

export interface PageObject {
  readonly kind: 'page'
  readonly phys: Phys
  readonly size: number
}
export interface BufferObject {
  readonly kind: 'buffer'
  readonly phys: Phys
  readonly size: number
}
export interface MappingObject {
  readonly kind: 'mapping'
  readonly dev: number
  /** What the device is given. */
  readonly handle: DmaAddr
  readonly phys: Phys
  readonly size: number
  readonly dir: number
  readonly attrs: number
  /** The bounce's physical address, -1 when direct. */
  readonly bounce: number
  /** The kernel believed the device accepted when the call began. */
  readonly accepted: boolean
  /** A segment by bus address (sg_dma_is_bus_address()): nothing is unmapped. */
  readonly busAddress?: true
}
export interface SgObject {
  readonly kind: 'sg'
  readonly dev: number
  readonly segments: readonly MappingObject[]
}
export interface ResourceObject {
  readonly kind: 'resource'
  readonly dev: number
  readonly handle: DmaAddr
  readonly phys: Phys
  readonly size: number
  readonly dir: number
  readonly attrs: number
  readonly mmio: number
  readonly accepted: boolean
}
export interface CoherentObject {
  readonly kind: 'coherent' | 'pages'
  readonly dev: number
  readonly buffer: DmaBuffer
  readonly attrs: number
  readonly dir: number
  readonly accepted: boolean
  readonly phys: Phys
  readonly size: number
}
export interface UsermapObject {
  readonly kind: 'usermap'
  readonly dev: number
  readonly alias: 'shared' | 'private'
  readonly phys: Phys
  readonly size: number
  readonly accepted: boolean
}
/** A mapping of its own of memory (vmap), through the alias that its protection says. */
export interface VmapObject {
  readonly kind: 'vmap'
  readonly alias: 'shared' | 'private'
  readonly phys: Phys
  readonly size: number
}
/** A page of a BAR range as a segment of a scatter-gather list. */
export interface BarObject {
  readonly kind: 'bar'
  readonly mmio: number
  readonly phys: Phys
  readonly size: number
}
export type TbitObject =
  | VmapObject
  | BarObject
  | PageObject
  | BufferObject
  | MappingObject
  | SgObject
  | ResourceObject
  | CoherentObject
  | UsermapObject

/** Objects by number; equal objects are one. */
export class Objects {
  private readonly ids = new Map<string, number>()
  private readonly list: TbitObject[] = []
  value(o: TbitObject): number {
    const key = JSON.stringify(o)
    let id = this.ids.get(key)
    if (id === undefined) {
      id = this.list.length
      this.ids.set(key, id)
      this.list.push(o)
    }
    return OBJECT_BASE + id
  }
  get(v: number): TbitObject {
    return this.byId(v - OBJECT_BASE)
  }
  byId(id: number): TbitObject {
    return this.list[id] as TbitObject
  }
  id(v: number): number {
    return v - OBJECT_BASE
  }
}
