// One execution of a litmus test: one schedule, on real bytes unless asked otherwise, written down as a kernel would.
import { err, nearest, ok, type Result } from '../base/index.ts'
import {
  type Finding,
  OneStore,
  parseSchedule,
  Run,
  type RunEnd,
  runSchedule,
  type Schedule,
  scheduleText,
  type Store,
  UNSET
} from '../step/index.ts'
import { errnoName, isErr, isObject, isUnset, isWord, KernelLog, type System, valueWord } from '../system/index.ts'
import type { Test } from './ast.ts'
import { compile, type Compiled } from './threads.ts'

export interface RunResult {
  /** As dmesg would show it: the kernel's own messages and a line for each statement. */
  readonly lines: readonly string[]
  /** tracefs text. */
  readonly trace: string
  readonly end: RunEnd['end']
  /** What was noticed on the way; one run proves nothing about others. */
  readonly findings: readonly Finding[]
  /** Statements that ended, in order: thread, text, value as text. */
  readonly passed: ReadonlyArray<{ readonly thread: string; readonly text: string; readonly value: string }>
  /** Places of the schedule whose thread could not move, or not in the way that it was told. */
  readonly skipped: readonly number[]
  /** The schedule that gives this run again. */
  readonly schedule: string
}

/** Who decides in a run: of the threads, and of boot and `init` before them (default: the first possible way). */
export interface TestSchedule {
  readonly init: Schedule
  readonly threads: Schedule
}

/**
 * Reads a seed, or threads in the order of their turns: `os*3,admin:1`. What stands in front for `init`
 * (`init*4,init:1`) decides boot and the statements of `init`. Nothing at all: each thread as far as it gets.
 */
export function parseTestSchedule(
  text: string,
  threads: readonly string[]
): Result<TestSchedule, { word: string; message: string; nearest: readonly string[] }> {
  const words = text.split(/[\s,]+/).filter((w) => w !== '')
  if (text.trim() !== '' && words.length === 0)
    return err({ word: text, message: `'${text}' names no thread`, nearest: [] })
  const isInit = (w: string): boolean => /^init(?![^:*])/.test(w)
  const first = words.findIndex((w) => !isInit(w))
  const before = first < 0 ? words : words.slice(0, first)
  const after = first < 0 ? [] : words.slice(first)
  const late = after.find(isInit)
  if (late !== undefined)
    return err({ word: late, message: 'init runs once, before the threads: it comes first', nearest: [] })
  const rest = after.length === 0 ? ok<Schedule>({ turns: [] }) : parseSchedule(after.join(','), threads)
  if (!rest.ok) return { ok: false, error: { ...rest.error, nearest: nearest(rest.error.word, [...threads, 'init']) } }
  if (before.length === 0) return ok({ init: 'seed' in rest.value ? rest.value : { turns: [] }, threads: rest.value })
  const init = parseSchedule(before.join(','), ['init'])
  return init.ok ? ok({ init: init.value, threads: rest.value }) : init
}

/** A value as a reader wants it. */
export function showValue(sys: System, v: number): string {
  if (isUnset(v)) return 'UNSET'
  if (isErr(v)) return `ERR(${errnoName(v < -1000 ? v + 1000 : v)})`
  if (isWord(v)) return sys.words.name(valueWord(v))
  if (!isObject(v)) return String(v)
  const o = sys.objects.get(v)
  switch (o.kind) {
    case 'mapping':
      return `0x${o.handle.toString(16)}${o.bounce >= 0 ? ' (bounced)' : ' (direct)'}`
    case 'sg':
      return `[${o.segments.map((s) => `0x${s.handle.toString(16)}`).join(', ')}]`
    case 'resource':
      return `0x${o.handle.toString(16)}`
    case 'coherent':
    case 'pages':
      return `0x${o.phys.toString(16)}, handle 0x${o.buffer.handle.toString(16)}`
    case 'usermap':
    case 'vmap':
      return `0x${o.phys.toString(16)} through the ${o.alias} alias`
    default:
      return `0x${o.phys.toString(16)}`
  }
}

export interface RunTestOptions {
  readonly schedule: Schedule
  /** For boot and `init`. Default: a seed holds for them too, else the first possible way. */
  readonly init?: Schedule
  readonly onLine?: (line: string) => void
  readonly maxTurns?: number
  /** What is wrong with a state that the run comes through (check/properties.ts). */
  readonly onState?: (st: Store) => readonly Finding[] | null
  /** The summary of a finding as the log has it. Default: as it is. */
  readonly summary?: (text: string) => string
}

/** Of the first thread, in the log and the trace. */
const FIRST_PID = 100

/** A run while it goes: what its log, its findings and its schedule have so far. */
class Told {
  readonly log: KernelLog
  readonly passed: Array<{ thread: string; text: string; value: string }> = []
  readonly turns: Array<{ name: string; outcome: number }> = []
  /** Findings that the log has. */
  private told = 0

  constructor(
    private readonly sys: System,
    private readonly st: OneStore,
    private readonly o: RunTestOptions
  ) {
    this.log = new KernelLog(sys.kernel.rev.base, sys.kernel.config.cpus, o.onLine)
  }

  /** New findings, those of the state too; of one cause the first. */
  note(list: readonly Finding[]): void {
    const { st } = this
    for (const f of list)
      if (!st.findings.some((x) => x.property === f.property && x.site === f.site && x.decision === f.decision))
        st.findings.push(f)
    for (; this.told < st.findings.length; this.told++) {
      const f = st.findings[this.told] as Finding
      if (f.property !== 'warn' && f.property !== 'crash')
        this.log.printk(`tbit: ${f.property}: ${(this.o.summary ?? String)(f.summary)}`)
    }
  }

  /** Statements that have ended, and what they gave. */
  said(name: string, list: ReadonlyArray<{ readonly text: string; readonly value: number }>): void {
    for (const p of list) {
      if (p.text === 'boot') continue
      const value = showValue(this.sys, p.value)
      this.passed.push({ thread: name, text: p.text, value })
      this.log.printk(`${name}: ${p.text} -> ${value}`)
    }
  }

  /** Nobody can go on: who waits in what. */
  deadlock(run: Run, nameOf: (thread: number) => string): void {
    const waiting = run.walks
      .map((w, t) => ({ name: nameOf(t), text: w.at()?.action.text(0, 0) ?? null }))
      .filter((w) => w.text !== null)
    this.log.printk('tbit: deadlock: no thread can go on')
    this.st.findings.push({
      property: 'deadlock',
      site: 'threads',
      decision: waiting.map((w) => w.text).join(' / '),
      summary: `nobody can go on: ${waiting.map((w) => `${w.name} waits in '${w.text}'`).join(', ')}`
    })
    this.told = this.st.findings.length
  }

  /** Runs programs to their end, or to a finding that ends them. */
  go(programs: Compiled['threads'], schedule: Schedule, locals: number[][] | undefined): RunEnd {
    const { log, o, st } = this
    const run = new Run(programs, st, locals)
    st.run = run
    const nameOf = (thread: number): string => programs[thread]?.name ?? ''
    this.note(o.onState?.(st) ?? [])
    // Statements without a step of their own have ended already.
    for (const [t, list] of run.passedAtStart.entries()) this.said(nameOf(t), list)
    const end = runSchedule(run, {
      schedule,
      stop: () => st.findings.some((f) => f.fatal),
      ...(o.maxTurns === undefined ? {} : { maxTurns: o.maxTurns }),
      onTurn: (turn) => {
        const name = nameOf(turn.thread)
        log.task = name
        log.pid = turn.thread + FIRST_PID
        log.time += turn.accesses.length
        this.turns.push({ name, outcome: turn.accesses.find((a) => a.action.outcomes > 1)?.outcome ?? 0 })
        this.said(name, turn.passed)
        this.note(o.onState?.(st) ?? [])
      }
    })
    if (end.end === 'deadlock') this.deadlock(run, nameOf)
    return end
  }
}

/** What a thread's variables have at its start: what `init` set, where it names that. */
const importedLocals = ({ init, threads, imports }: Compiled, st: OneStore): number[][] => {
  const values = init.variables.map((_, i) => st.local(0, i))
  return threads.map((p, t) =>
    p.variables.map((_, v) => {
      const from = (imports[t] ?? []).find(([own]) => own === v)
      return from ? (values[from[1]] as number) : UNSET
    })
  )
}

/** Runs a test once. `sys` must be new; its content decides whether bytes or labels move. */
export function runTest(test: Test, sys: System, o: RunTestOptions): RunResult {
  const st = new OneStore(sys.layout.totalWords)
  const told = new Told(sys, st, o)
  const { log, passed, turns } = told
  const before = sys.kernel.observer
  log.next = before
  sys.kernel.observer = log
  sys.kernel.logging = true
  const compiled = compile(test, sys)
  sys.reset(st)
  log.printk(`tbit: ${sys.kernel.rev.name} on ${sys.machine.platform.name}, ${test.name}`)
  const first = told.go([compiled.init], o.init ?? ('seed' in o.schedule ? o.schedule : { turns: [] }), undefined)
  // Where everything went the first way a schedule need not say so.
  if (turns.every((t) => t.outcome === 0)) turns.length = 0
  const end = first.end === 'final' ? told.go(compiled.threads, o.schedule, importedLocals(compiled, st)) : first
  if (end.end === 'final')
    told.note(
      compiled.conditions
        .filter((c) => c.kind === 'never' && c.holds(st))
        .map((c) => ({
          property: 'reached',
          site: 'never',
          decision: `${c.text} line ${c.line}`,
          summary: `${c.text} is reached`
        }))
    )
  sys.kernel.observer = before
  return {
    lines: log.lines,
    trace: log.traceText(),
    end: end.end,
    findings: st.findings,
    passed,
    skipped: [...(first === end ? [] : first.skipped), ...end.skipped],
    schedule: scheduleText(turns)
  }
}
