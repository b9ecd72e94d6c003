// The slow twin of search.ts: a Map of strings, threads followed by running their functions again (walk.ts), nothing
// merged, nothing shared. Tests hold the fast search against it; it is too slow for anything else.
import { BLOCKED, type Finding, isLeadingChoice, isSilent, type Store, Walk } from '../step/index.ts'
import { type ExploreOptions, findingKey } from './search.ts'
import type { Model } from './model.ts'

export interface ReferenceResult {
  readonly states: number
  readonly transitions: number
  readonly finals: number
  readonly deadlocks: number
  /** Length of the shortest way to each finding, by key. */
  readonly findings: ReadonlyMap<string, number>
  /** The shared parts of all states. */
  readonly shared: ReadonlySet<string>
}

class State implements Store {
  readonly u32: Uint32Array
  readonly u8: Uint8Array
  noted: Finding[] = []
  constructor(
    words: Uint32Array,
    public walks: readonly Walk[]
  ) {
    this.u32 = words
    this.u8 = new Uint8Array(words.buffer)
  }
  local(thread: number, index: number): number {
    return (this.walks[thread] as Walk).local(index)
  }
  finding(f: Finding): void {
    this.noted.push(f)
  }
  copy(): State {
    return new State(this.u32.slice(), this.walks)
  }
  with(thread: number, walk: Walk): void {
    this.walks = this.walks.map((w, t) => (t === thread ? walk : w))
  }
  get shared(): string {
    return this.u32.join()
  }
  get key(): string {
    return `${this.shared}#${this.walks.map((w) => w.key()).join('#')}`
  }
}

interface Way {
  readonly to: State | null
  readonly findings: readonly Finding[]
}

/** As `explore`, for small models; null where there are more than `maxStates`. */
export function referenceExplore(model: Model, o: ExploreOptions = {}): ReferenceResult | null {
  const keyOf = o.key ?? findingKey
  const findings = new Map<string, number>()
  const seen = new Map<string, number>()
  const queue: State[] = []
  const lengths: number[] = []
  const stopped = new Set<number>()
  const shared = new Set<string>()
  const note = (list: readonly Finding[] | null | undefined, length: number): boolean => {
    const counted = judged(list ?? [], o)
    for (const f of counted)
      findings.set(keyOf(f), Math.min(findings.get(keyOf(f)) ?? Number.POSITIVE_INFINITY, length))
    return counted.some((f) => f.fatal)
  }
  const add = (s: State, length: number): void => {
    const { key } = s
    if (seen.has(key)) return
    seen.set(key, queue.length)
    shared.add(s.shared)
    if (note(o.onState?.(s, queue.length), length)) stopped.add(queue.length)
    queue.push(s)
    lengths.push(length)
  }
  for (const start of model.starts) {
    const s = new State(
      new Uint32Array(model.layout.totalWords),
      model.programs.map((p, t) => new Walk(p, start.locals?.[t] ?? p.initial ?? []))
    )
    start.init(s)
    s.noted = []
    add(s, 0)
  }
  let transitions = 0
  let finals = 0
  let deadlocks = 0
  for (let i = 0; i < queue.length; i++) {
    if (queue.length > (o.maxStates ?? Number.POSITIVE_INFINITY)) return null
    if (stopped.has(i)) continue
    const s = queue[i] as State
    const length = lengths[i] as number
    if (s.walks.every((w) => w.at() === null)) {
      finals++
      note(o.onFinal?.(s, i), length)
      continue
    }
    let moved = false
    for (let t = 0; t < model.programs.length; t++) {
      for (const way of o.interleave === 'calls' ? wholeCalls(s, t, o) : steps(s, t, o)) {
        moved = true
        transitions++
        note(way.findings, length + 1)
        if (way.to !== null) add(way.to, length + 1)
      }
    }
    if (!moved) {
      deadlocks++
      const waiting = s.walks.flatMap((w, thread) => {
        const here = w.at()
        return here === null ? [] : [{ thread, action: here.action }]
      })
      note(
        o.onDeadlock === undefined
          ? [{ property: 'deadlock', site: '', decision: '', summary: '' }]
          : o.onDeadlock(s, waiting),
        length
      )
    }
  }
  return { states: seen.size, transitions, finals, deadlocks, findings, shared }
}

const judged = (list: readonly Finding[], o: ExploreOptions): readonly Finding[] => {
  const { judge } = o
  return judge === undefined ? list : list.flatMap((f) => judge(f) ?? [])
}

/** All results of the next access: null where it cannot happen. */
function access(s: State, t: number, o: ExploreOptions): Way[] {
  const walk = s.walks[t] as Walk
  const here = walk.at()
  if (here === null) return []
  const out: Way[] = []
  for (let c = 0; c < here.action.outcomes; c++) {
    const to = s.copy()
    const r = here.action.perform(to, c)
    if (r === BLOCKED) continue
    const { noted } = to
    to.noted = []
    if (judged(noted, o).some((f) => f.fatal)) {
      out.push({ to: null, findings: noted })
      continue
    }
    const w = walk.copy()
    w.advance(r)
    to.with(t, w)
    out.push({ to, findings: noted })
  }
  return out
}

/** One step: silent beginning, an access, silent rest. */
function steps(s: State, t: number, o: ExploreOptions): Way[] {
  // `chosen`: what comes now was chosen just now, and its first step goes with the choice.
  const go = (at: State, visible: boolean, findings: readonly Finding[], begun: boolean, chosen = false): Way[] => {
    const here = (at.walks[t] as Walk).at()
    const done: Way[] = [{ to: at, findings }]
    if (here === null || (begun && here.entry && (!chosen || isLeadingChoice(here.action)))) return begun ? done : []
    const silent = isSilent(here.action) || isLeadingChoice(here.action)
    if (visible && !silent) return done
    const ways = access(at, t, o)
    if (ways.length === 0) return begun && silent && !here.entry ? done : []
    return ways.flatMap((w) => {
      const all = [...findings, ...w.findings]
      return w.to === null
        ? [{ to: null, findings: all }]
        : go(w.to, visible || !silent, all, true, isLeadingChoice(here.action))
    })
  }
  return go(s, false, [], false)
}

/** To the end of the call's group, or where it blocks. */
function wholeCalls(s: State, t: number, o: ExploreOptions): Way[] {
  const groupOf = (w: Walk): number => {
    const pc = w.at()?.pc ?? -1
    const i = w.program.code[pc]
    return (i?.op === 'call' || i?.op === 'choose' ? i.group : undefined) ?? -1 - pc
  }
  const go = (at: State, from: Walk | null, findings: readonly Finding[], been: ReadonlySet<string>): Way[] => {
    const walk = at.walks[t] as Walk
    const here = walk.at()
    if (here === null) return from === null ? [] : [{ to: at, findings }]
    if (from !== null && here.entry && (groupOf(walk) !== groupOf(from) || here.pc <= (from.at()?.pc ?? -1)))
      return [{ to: at, findings }]
    const ways = access(at, t, o)
    if (ways.length === 0) return from === null ? [] : [{ to: at, findings }]
    if (been.has(at.key)) return []
    return ways.flatMap((w) => {
      const all = [...findings, ...w.findings]
      return w.to === null ? [{ to: null, findings: all }] : go(w.to, walk, all, new Set([...been, at.key]))
    })
  }
  return go(s, null, [], new Set())
}
