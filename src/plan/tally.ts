// Counting commands and the work in them. A tally is also the effect of a piece of a plan, which can be applied any
// number of times.

export interface Blocks {
  '4K': number
  '2M': number
  '1G': number
}

/** Commands by ABI name, work inside commands that costs by itself, tables in use, leaf entries made. */
export class Tally {
  readonly commands = new Map<string, number>()
  /** `mapped granule`, `INIT_RIPAS entry`, `TLBI`, ...: see costs.ts. */
  readonly work = new Map<string, number>()
  readonly blocks: Blocks = { '4K': 0, '2M': 0, '1G': 0 }
  /** Table granules in use, and the most there were at a time. */
  tables = 0
  peakTables = 0
  /** Extensions of the RIM. */
  extensions = 0
  /** Touches of the guest that faulted. */
  faults = 0

  add(command: string, n = 1): this {
    if (n > 0) this.commands.set(command, (this.commands.get(command) ?? 0) + n)
    return this
  }

  addWork(what: string, n = 1): this {
    if (n > 0) this.work.set(what, (this.work.get(what) ?? 0) + n)
    return this
  }

  take(n = 1): void {
    this.tables += n
    this.peakTables = Math.max(this.peakTables, this.tables)
  }

  give(n = 1): void {
    this.tables -= n
  }

  /** What `piece` does, `n` times in a row. A piece leaves no fewer tables than it found. */
  apply(piece: Tally, n = 1): void {
    if (n <= 0) return
    for (const [k, v] of piece.commands) this.add(k, v * n)
    for (const [k, v] of piece.work) this.addWork(k, v * n)
    for (const b of ['4K', '2M', '1G'] as const) this.blocks[b] += piece.blocks[b] * n
    this.peakTables = Math.max(this.peakTables, this.tables + piece.tables * (n - 1) + piece.peakTables)
    this.tables += piece.tables * n
    this.extensions += piece.extensions * n
    this.faults += piece.faults * n
  }

  get total(): number {
    let n = 0
    for (const v of this.commands.values()) n += v
    return n
  }
}
