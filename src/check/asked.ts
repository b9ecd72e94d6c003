// Which decisions of a revision a run asks for.
import { type Decision, decisionNames, type Revision } from '../kernel/index.ts'

const BESIDE: { readonly [K in Exclude<keyof Revision, Decision>]: true } = {
  name: true,
  title: true,
  does: true,
  kind: true,
  date: true,
  partly: true,
  sources: true
}

/** A record that notes what it is asked for. It is asked by name only: nothing in it can be listed or copied. */
class Watched {
  readonly #record: Revision
  readonly #asked: Set<string>
  constructor(record: Revision, asked: Set<string>) {
    this.#record = record
    this.#asked = asked
  }
  static {
    // Getters of a class: kernel functions ask again and again, and a Proxy takes several times as long to answer.
    for (const key of [...Object.keys(BESIDE), ...decisionNames])
      Object.defineProperty(Watched.prototype, key, {
        get(this: Watched) {
          this.#asked.add(key)
          return this.#record[key as keyof Revision]
        }
      })
  }
}

/** The record, noting in `asked` which of its decisions a run asks for: the others cannot matter to it. */
export const watched = (rev: Revision, asked: Set<string>): Revision => new Watched(rev, asked) as unknown as Revision
