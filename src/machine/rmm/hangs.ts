// Two host CPUs in two commands: every way their locks can interleave, and where neither goes on. A search without a
// clock: the answer is a schedule, not a probability.
import { type Call, carryOut, type LockStep, lockSteps } from './locks.ts'
import type { Rmm2 } from './rmi2.ts'

/** A CPU that waits. */
export interface Waiting {
  readonly call: Call
  readonly holds: readonly number[]
  readonly wants: number
}

export interface Hang {
  readonly kind: 'self-deadlock' | 'deadlock'
  /** The CPUs that wait for ever: one, or both. */
  readonly waiting: readonly Waiting[]
  /** Which CPU took each step until then. */
  readonly schedule: readonly number[]
}

interface Cpu {
  readonly call: Call
  steps: readonly LockStep[]
  /** Granules that its program locks somewhere. */
  locks: ReadonlySet<number>
  at: number
  readonly held: number[]
}

const locksOf = (steps: readonly LockStep[]): ReadonlySet<number> =>
  new Set(steps.flatMap((s) => (s.do === 'lock' ? [s.granule] : [])))

/**
 * Where two CPUs have got to. Locks that no other CPU takes are taken and given back at once: when they are makes no
 * difference.
 */
class Run {
  committed = ''

  private constructor(
    private readonly start: Rmm2,
    private m: Rmm2,
    readonly cpus: readonly Cpu[],
    readonly schedule: readonly number[]
  ) {}

  static begin(start: Rmm2, calls: readonly Call[]): Run {
    const run = new Run(
      start,
      start,
      calls.map((call) => {
        const steps = lockSteps(start, call)
        return { call, steps, locks: locksOf(steps), at: 0, held: [] }
      }),
      []
    )
    for (const c of run.cpus) run.advance(c)
    return run
  }

  /** The same, one step of a CPU later. A state is shared until a command takes effect. */
  after(cpu: number): Run {
    const run = new Run(
      this.start,
      this.m,
      this.cpus.map((c) => ({ ...c, held: [...c.held] })),
      [...this.schedule, cpu]
    )
    run.committed = this.committed
    run.step(run.cpus[cpu] as Cpu)
    for (const one of run.cpus) run.advance(one)
    return run
  }

  next(c: Cpu): LockStep | undefined {
    return c.steps[c.at]
  }

  /** The CPU has a step that does not wait. */
  ready(c: Cpu): boolean {
    const s = this.next(c)
    return s !== undefined && (s.do !== 'lock' || !this.cpus.some((o) => o.held.includes(s.granule)))
  }

  private step(c: Cpu): void {
    const s = this.next(c)
    if (s === undefined) return
    c.at++
    if (s.do === 'lock') c.held.push(s.granule)
    else if (s.do === 'unlock') c.held.splice(c.held.lastIndexOf(s.granule), 1)
    else {
      this.committed += this.cpus.indexOf(c)
      this.m = this.m.clone()
      carryOut(this.m, c.call)
      for (const other of this.cpus) if (other !== c) this.again(other)
    }
  }

  /** Steps that no other CPU can notice. */
  private advance(c: Cpu): void {
    for (let s = this.next(c); s !== undefined && s.do !== 'commit' && this.ready(c); s = this.next(c)) {
      const { granule } = s
      if (this.cpus.some((o) => o !== c && o.locks.has(granule))) return
      this.step(c)
    }
  }

  /**
   * The state has changed under a command that is still on its way: what it has locked stays, what it locks next
   * follows the new state.
   */
  private again(c: Cpu): void {
    if (c.steps.slice(0, c.at).some((s) => s.do === 'commit')) return
    const now = lockSteps(this.m, c.call)
    const same = now.length > c.at && now.slice(0, c.at).every((s, i) => alike(s, c.steps[i] as LockStep))
    // It notices at its next check, and gives back what it holds.
    c.steps = same
      ? now
      : [
          ...c.steps.slice(0, c.at),
          { do: 'commit' },
          ...[...c.held].reverse().map((granule): LockStep => ({ do: 'unlock', granule }))
        ]
    c.locks = new Set([...locksOf(c.steps), ...c.held])
  }

  waiting(c: Cpu): Waiting | null {
    const s = this.next(c)
    return s !== undefined && s.do === 'lock' && !this.ready(c)
      ? { call: c.call, holds: [...c.held], wants: s.granule }
      : null
  }
}

const alike = (a: LockStep, b: LockStep): boolean =>
  a.do === b.do && (a.do === 'commit' || b.do === 'commit' || a.granule === b.granule)

/** The first hang that these commands can run into, each on a CPU of its own, or null; the shortest schedule first. */
export function hangOf(start: Rmm2, calls: readonly Call[]): Hang | null {
  const seen = new Set<string>()
  for (let level = [Run.begin(start, calls)]; level.length > 0; ) {
    const next: Run[] = []
    for (const run of level) {
      const key = `${run.cpus.map((c) => c.at).join(',')}/${run.committed}`
      if (seen.has(key)) continue
      seen.add(key)
      const found = hangIn(run)
      if (found !== null) return found
      run.cpus.forEach((c, cpu) => {
        if (run.ready(c)) next.push(run.after(cpu))
      })
    }
    level = next
  }
  return null
}

/** A CPU that waits for itself, or CPUs that wait for each other. */
function hangIn(run: Run): Hang | null {
  const schedule = run.schedule
  const waiting = run.cpus.map((c) => run.waiting(c))
  for (const w of waiting)
    if (w?.holds.includes(w.wants) === true) return { kind: 'self-deadlock', waiting: [w], schedule }
  const all = waiting.filter((w): w is Waiting => w !== null)
  return all.length === run.cpus.length && all.length > 1 ? { kind: 'deadlock', waiting: all, schedule } : null
}

/** What a granule is to the Realms: the RD of one, a table of one, or any other granule. */
export function granuleKind(m: Rmm2, pa: number): 'RD' | 'table' | 'granule' {
  for (const r of m.realms.values()) {
    if (r.rd === pa) return 'RD'
    let table = false
    m.eachTable(r, (t) => {
      if (t.granule === pa) table = true
    })
    if (table) return 'table'
  }
  return 'granule'
}

/** What a hang is, whatever the addresses: the commands, and who waits for what kind of granule. */
export function identityOf(m: Rmm2, h: Hang): string {
  const waits = h.waiting.map(
    (w) =>
      `${w.call.name} holds ` +
      `${[...new Set(w.holds.map((pa) => granuleKind(m, pa)))].sort().join('+') || 'nothing'}, wants ` +
      `${granuleKind(m, w.wants)}`
  )
  return `${h.kind}: ${waits.sort().join('; ')}`
}
