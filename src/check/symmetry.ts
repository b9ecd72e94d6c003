// Things that a model tells apart by their number only, such as pages: two states that differ in a renumbering have the
// same futures, renumbered, so that a search needs one of them. Of each state the one is kept whose things are in the
// order of their signatures: what the state says of a thing, and which threads name it. A way to a finding is then
// redone forward (trace.ts), since a kept state may follow from another numbering of the one before.
import { assertTrue } from '../base/index.ts'
import type { Field, Layout, Positions } from '../step/index.ts'

export interface Symmetry {
  /** How many there are, numbered from 0. */
  readonly size: number
  /** What a state says of them: an element each. */
  readonly fields: readonly Field[]
  /**
   * By thread, the variables that can name one, as its number + 1. Other values, 0 and those above `size`, name none.
   */
  readonly variables: ReadonlyArray<readonly number[]>
}

/** Puts states into the numbering that is kept. */
export class Canonical {
  private readonly order: number[]
  private readonly signature: Float64Array
  private readonly number: number[]
  private readonly bytes: Uint8Array
  /**
   * By thread and position: its names for things, as pairs of role and thing; null: it may name some in a way that
   * cannot be renumbered.
   */
  private readonly names: Array<Array<readonly number[] | null | undefined>>
  private readonly renamed: Array<Map<string, number>>
  private readonly shared: number

  constructor(
    private readonly symmetry: Symmetry,
    private readonly threads: readonly Positions[],
    layout: Layout
  ) {
    const { size, fields } = symmetry
    for (const f of fields) assertTrue(f.count === size, `an element of ${f.name} for each of ${size}`)
    this.order = Array.from({ length: size }, (_, i) => i)
    this.number = [...this.order]
    this.signature = new Float64Array(size)
    this.bytes = new Uint8Array(size)
    this.names = threads.map(() => [])
    this.renamed = threads.map(() => new Map())
    this.shared = layout.totalWords
  }

  /** `words`: the shared part, then a position for each thread. */
  apply(words: Int32Array): void {
    const { size, fields } = this.symmetry
    const { signature, order, number } = this
    const u8 = new Uint8Array(words.buffer, words.byteOffset)
    for (let i = 0; i < size; i++) {
      let s = 0
      for (const f of fields) s = s * (f.max + 1) + (u8[f.base + i] as number)
      signature[i] = s
      order[i] = i
    }
    // A thing that a thread names has a signature of its own: role by role, thread by thread.
    let weight = fields.reduce((n, f) => n * (f.max + 1), 1)
    for (let t = 0; t < this.threads.length; t++) {
      const names = this.namesOf(t, words[this.shared + t] as number)
      if (names === null) return
      for (let k = 0; k < names.length; k += 2) {
        const thing = names[k + 1] as number
        signature[thing] = (signature[thing] as number) + weight * 2 ** (names[k] as number)
      }
      weight *= 2 ** ROLES
    }
    assertTrue(weight < 2 ** 53, 'a signature is a number')
    this.sort()
    let same = true
    for (let at = 0; at < size; at++) {
      number[order[at] as number] = at
      if (order[at] !== at) same = false
    }
    if (same) return
    for (const f of fields) {
      for (let i = 0; i < size; i++) this.bytes[i] = u8[f.base + i] as number
      for (let i = 0; i < size; i++) u8[f.base + (number[i] as number)] = this.bytes[i] as number
    }
    for (let t = 0; t < this.threads.length; t++)
      words[this.shared + t] = this.rename(t, words[this.shared + t] as number)
  }

  /** By signature: insertion, since there are few. Those with one signature are alike in everything. */
  private sort(): void {
    const { order, signature } = this
    for (let i = 1; i < order.length; i++) {
      const x = order[i] as number
      let k = i
      while (k > 0 && (signature[order[k - 1] as number] as number) > (signature[x] as number)) {
        order[k] = order[k - 1] as number
        k--
      }
      order[k] = x
    }
  }

  private namesOf(t: number, position: number): readonly number[] | null {
    const list = this.names[t] as Array<readonly number[] | null | undefined>
    let names = list[position]
    if (names === undefined)
      list[position] = names =
        this.threads[t]?.naming(position, this.symmetry.variables[t] ?? [], this.symmetry.size) ?? null
    if (names !== null)
      assertTrue(
        names.every((n, i) => i % 2 === 1 || n < ROLES),
        'roles of a thread'
      )
    return names
  }

  private rename(t: number, position: number): number {
    const names = this.namesOf(t, position)
    if (names === null || names.length === 0) return position
    const { number } = this
    let key = `${position}`
    for (let k = 1; k < names.length; k += 2) key += `,${number[names[k] as number]}`
    const map = this.renamed[t] as Map<string, number>
    let to = map.get(key)
    if (to === undefined)
      map.set(
        key,
        (to = (this.threads[t] as Positions).renamed(position, this.symmetry.variables[t] ?? [], (v) =>
          v > 0 && v <= number.length ? (number[v - 1] as number) + 1 : v
        ))
      )
    return to
  }
}

/** Ways in which a thread can name a thing: its variables, then the arguments of its call. */
export const ROLES = 8
