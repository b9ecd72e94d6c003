// One execution: whose turn it is comes from a list or from a seed, never from a clock. A turn is what the search calls
// a step: one access that others can observe, with the silent ones around it.
import { err, ok, nearest, type Result } from '../base/index.ts'
import type { Program, Place } from './program.ts'
import { BLOCKED, type Action, type Store } from './step.ts'
import { isSilent } from './thread.ts'
import { type Passed, Walk } from './walk.ts'

/** One access as it happened. */
export interface Access {
  readonly action: Action
  readonly outcome: number
  readonly result: number
  /** The functions it is in, innermost first; empty unless asked for, and for silent accesses that follow another. */
  readonly site: readonly string[]
  readonly statement: string
  readonly place: Place | null
}

/** A thread's turn: the accesses made, in order, and the statements that ended. */
export interface Turn {
  readonly thread: number
  readonly accesses: readonly Access[]
  readonly passed: readonly Passed[]
  readonly blocked: boolean
}

/** Threads running on one store. */
export class Run {
  readonly walks: readonly Walk[]
  /** Statements that ended before anything ran, by thread. */
  readonly passedAtStart: readonly (readonly Passed[])[]

  constructor(
    readonly programs: readonly Program[],
    private readonly store: Store,
    locals?: ReadonlyArray<readonly number[]>,
    private readonly wantSites = false
  ) {
    this.walks = programs.map((p, t) => new Walk(p, locals?.[t] ?? p.initial ?? []))
    this.passedAtStart = this.walks.map((w) => [...w.passed])
  }

  ended(thread: number): boolean {
    return this.walks[thread]?.at() === null
  }
  get final(): boolean {
    return this.walks.every((w) => w.at() === null)
  }
  /** The value of a thread's variable: what a store's `local` should answer. */
  local(thread: number, variable: number): number {
    return (this.walks[thread] as Walk).local(variable)
  }

  /**
   * One turn of `thread`. `pick` decides an action with several outcomes; outcomes that cannot happen now are passed
   * over in order. `stop` is asked after each access and ends the turn. A turn without accesses has changed nothing:
   * the thread has ended or cannot move now. `undo`: silent accesses that lead up to a step that cannot happen are
   * taken back.
   */
  turn(
    thread: number,
    pick: (action: Action) => number = () => 0,
    stop: () => boolean = () => false,
    undo = false
  ): Turn {
    const walk = this.walks[thread] as Walk
    const before = walk.copy()
    const words = this.store.u32.slice()
    const accesses: Access[] = []
    const passed: Passed[] = []
    let stepped = false
    for (;;) {
      const here = walk.at()
      if (here === null) break
      const silent = isSilent(here.action)
      // A statement's silent beginning goes with its own first step; a silent action inside of it with the step before.
      if (accesses.length > 0 && (here.entry || (stepped && !silent))) break
      const { action } = here
      const first = action.outcomes > 1 ? pick(action) % action.outcomes : 0
      let result = BLOCKED
      let outcome = first
      for (let i = 0; i < action.outcomes && result === BLOCKED; i++) {
        outcome = (first + i) % action.outcomes
        result = action.perform(this.store, outcome)
      }
      if (result === BLOCKED) {
        // What silently led up to a step that cannot happen has not happened: another thread may change what it saw.
        if (undo && accesses.length > 0 && !stepped) {
          ;(this.walks as Walk[])[thread] = before
          this.store.u32.set(words)
          return { thread, accesses: [], passed: [], blocked: true }
        }
        return { thread, accesses, passed, blocked: true }
      }
      const site = this.wantSites && (!silent || accesses.length === 0) ? walk.site() : []
      accesses.push({ action, outcome, result, site, statement: here.statement, place: here.place })
      if (!silent) stepped = true
      walk.advance(result)
      passed.push(...walk.passed)
      if (stop()) break
    }
    return { thread, accesses, passed, blocked: false }
  }
}

export type Schedule =
  | { readonly seed: number }
  /** Whose turn it is, and how the environment decides in it (default: the first possible way). */
  | { readonly turns: ReadonlyArray<{ readonly thread: number; readonly outcome?: number }> }

/** Turns that one word of a list may stand for. */
const MOST_REPEATS = 1_000_000

/**
 * Reads `42` (a seed) or `os*3,admin:1,0:2` (threads by name or number, the outcome after a colon, how often after a
 * star).
 */
export function parseSchedule(
  text: string,
  threads: readonly string[]
): Result<Schedule, { word: string; message: string; nearest: readonly string[] }> {
  const seed = text.trim()
  if (/^\d+$/.test(seed))
    return Number(seed) <= 0xffffffff
      ? ok({ seed: Number(seed) })
      : err({ word: seed, message: `the seed ${seed} is above 4294967295`, nearest: [] })
  const turns: Array<{ thread: number; outcome?: number }> = []
  for (const word of text.split(/[\s,]+/).filter((w) => w !== '')) {
    const m = /^(.+?)(?::(\d{1,6}))?(?:\*(\d{1,7}))?$/.exec(word)
    const name = m?.[1] ?? word
    let thread = threads.indexOf(name)
    if (thread < 0 && /^\d+$/.test(name)) thread = Number(name)
    if (thread < 0 || thread >= threads.length)
      return err({ word, message: `no thread '${name}'`, nearest: nearest(name, threads) })
    const often = m?.[3] === undefined ? 1 : Number(m[3])
    if (often < 1 || turns.length + often > MOST_REPEATS)
      return err({ word, message: `'${word}' stands for ${often} turns: 1 to ${MOST_REPEATS} in all`, nearest: [] })
    for (let i = 0; i < often; i++) turns.push(m?.[2] === undefined ? { thread } : { thread, outcome: Number(m[2]) })
  }
  return ok({ turns })
}

/** The text of a list of turns, as parseSchedule reads it: `os*3,admin:1`. */
export function scheduleText(turns: ReadonlyArray<{ readonly name: string; readonly outcome: number }>): string {
  const out: Array<{ word: string; often: number }> = []
  for (const t of turns) {
    const word = t.outcome === 0 ? t.name : `${t.name}:${t.outcome}`
    const last = out.at(-1)
    if (last?.word === word) last.often++
    else out.push({ word, often: 1 })
  }
  return out.map((w) => (w.often === 1 ? w.word : `${w.word}*${w.often}`)).join(',')
}

export interface RunOptions {
  readonly schedule: Schedule
  /** Turns after which the run is given up. Default 100,000. */
  readonly maxTurns?: number
  readonly onTurn?: (turn: Turn, index: number) => void
  /** Asked after each access: ends the run, as after a crash. */
  readonly stop?: () => boolean
}

export interface RunEnd {
  /** `final`: all threads have ended; `deadlock`: none can move; `stopped`: by `stop`; `limit`: too many turns. */
  readonly end: 'final' | 'deadlock' | 'stopped' | 'limit'
  readonly turns: number
  /** Places of the list whose thread could not move (passed over), or not in the way that it was told. */
  readonly skipped: readonly number[]
}

/**
 * Runs the threads to the end. After the turns of a list, threads run in order, each as far as it gets.
 */
export function runSchedule(run: Run, o: RunOptions): RunEnd {
  const max = o.maxTurns ?? 100_000
  const n = run.programs.length
  const skipped: number[] = []
  let turns = 0
  const take = (thread: number, pick: (a: Action) => number): boolean => {
    const turn = run.turn(thread, pick, o.stop, true)
    if (turn.accesses.length === 0) return false
    o.onTurn?.(turn, turns)
    turns++
    return true
  }
  const over = (): RunEnd['end'] | null =>
    o.stop?.() ? 'stopped' : run.final ? 'final' : turns >= max ? 'limit' : null
  let end = over()
  if ('turns' in o.schedule) {
    for (const [i, entry] of o.schedule.turns.entries()) {
      if (end !== null) break
      let asked = entry.outcome === undefined || entry.outcome === 0
      const moved = take(entry.thread, (a) => {
        asked ||= (entry.outcome ?? 0) < a.outcomes
        return entry.outcome ?? 0
      })
      if (!moved || !asked) skipped.push(i)
      end = over()
    }
    for (let thread = 0, idle = 0; end === null; ) {
      if (take(thread, () => 0)) idle = 0
      else {
        idle++
        thread = (thread + 1) % n
      }
      end = over() ?? (idle >= n ? 'deadlock' : null)
    }
  } else {
    const random = numbers(o.schedule.seed)
    while (end === null) {
      const left = run.programs.map((_, t) => t).filter((t) => !run.ended(t))
      let moved = false
      while (!moved && left.length > 0) moved = take(left.splice(random() % left.length, 1)[0] as number, random)
      end = moved ? over() : 'deadlock'
    }
  }
  return { end, turns, skipped }
}

/** A stream of numbers from a seed (mulberry32): the same everywhere. */
export function numbers(seed: number): () => number {
  let a = seed >>> 0
  return () => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = Math.imul(a ^ (a >>> 15), a | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }
}
