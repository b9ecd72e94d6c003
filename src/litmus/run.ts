// One execution of a litmus test: one schedule, on real bytes unless asked otherwise, written down as a kernel would.
import type { Finding, Store } from '../step/index.ts'
import { err, nearest, ok, type Result } from '../base/index.ts'
import { parseSchedule, Run, runSchedule, type RunEnd, type Schedule, scheduleText } from '../step/index.ts'
import { errnoName, isErr, isObject, isUnset, isWord, KernelLog, type System, valueWord } from '../system/index.ts'
import type { Test } from './ast.ts'
import { compile } from './threads.ts'

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

class RunStore implements Store {
  readonly u32: Uint32Array
  readonly u8: Uint8Array
  readonly findings: Finding[] = []
  run: Run | null = null
  constructor(words: number) {
    this.u32 = new Uint32Array(words)
    this.u8 = new Uint8Array(this.u32.buffer)
  }
  local(thread: number, index: number): number { return this.run === null ? -1000000000 : this.run.local(thread, index) }
  finding(f: Finding): void { this.findings.push(f) }
}

/** Who decides in a run: of the threads, and of boot and `init` before them (default: the first possible way). */
export interface TestSchedule { readonly init: Schedule; readonly threads: Schedule }

/**
 * Reads a seed, or threads in the order of their turns: `os*3,admin:1`. What stands in front for `init` (`init*4,init:1`) decides boot and
 * the statements of `init`. Nothing at all: each thread as far as it gets.
 */
export function parseTestSchedule(text: string, threads: readonly string[]): Result<TestSchedule, { word: string; message: string; nearest: readonly string[] }> {
  const words = text.split(/[\s,]+/).filter((w) => w !== '')
  if (text.trim() !== '' && words.length === 0) return err({ word: text, message: `'${text}' names no thread`, nearest: [] })
  const isInit = (w: string): boolean => /^init(?![^:*])/.test(w)
  const first = words.findIndex((w) => !isInit(w))
  const before = first < 0 ? words : words.slice(0, first)
  const after = first < 0 ? [] : words.slice(first)
  const late = after.find(isInit)
  if (late !== undefined) return err({ word: late, message: 'init runs once, before the threads: it comes first', nearest: [] })
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
    case 'mapping': return `0x${o.handle.toString(16)}${o.bounce >= 0 ? ' (bounced)' : ' (direct)'}`
    case 'sg': return `[${o.segments.map((s) => `0x${s.handle.toString(16)}`).join(', ')}]`
    case 'resource': return `0x${o.handle.toString(16)}`
    case 'coherent':
    case 'pages': return `0x${o.phys.toString(16)}, handle 0x${o.buffer.handle.toString(16)}`
    case 'usermap':
    case 'vmap': return `0x${o.phys.toString(16)} through the ${o.alias} alias`
    default: return `0x${o.phys.toString(16)}`
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

/** Runs a test once. `sys` must be new; its content decides whether bytes or labels move. */
export function runTest(test: Test, sys: System, o: RunTestOptions): RunResult {
  const log = new KernelLog(sys.kernel.rev.base, sys.kernel.config.cpus, o.onLine)
  const before = sys.kernel.observer
  log.next = before
  sys.kernel.observer = log
  sys.kernel.logging = true
  const compiled = compile(test, sys)
  const st = new RunStore(sys.layout.totalWords)
  const passed: Array<{ thread: string; text: string; value: string }> = []
  const turns: Array<{ name: string; outcome: number }> = []
  let told = 0
  const fatal = (): boolean => st.findings.some((f) => f.fatal)
  const note = (list: readonly Finding[]): void => {
    for (const f of list) if (!st.findings.some((x) => x.property === f.property && x.site === f.site && x.decision === f.decision)) st.findings.push(f)
    for (; told < st.findings.length; told++) {
      const f = st.findings[told] as Finding
      if (f.property !== 'warn' && f.property !== 'crash') log.printk(`tbit: ${f.property}: ${(o.summary ?? String)(f.summary)}`)
    }
  }
  const go = (programs: typeof compiled.threads, schedule: Schedule, locals: number[][] | undefined): RunEnd => {
    const run = new Run(programs, st, locals)
    st.run = run
    // Statements without a step of their own have ended already.
    const said = (thread: number, list: ReadonlyArray<{ readonly text: string; readonly value: number }>): void => {
      const name = programs[thread]?.name ?? ''
      for (const p of list) {
        if (p.text === 'boot') continue
        const value = showValue(sys, p.value)
        passed.push({ thread: name, text: p.text, value })
        log.printk(`${name}: ${p.text} -> ${value}`)
      }
    }
    note(o.onState?.(st) ?? [])
    run.passedAtStart.forEach((list, t) => { said(t, list) })
    const end = runSchedule(run, {
      schedule, stop: fatal, ...(o.maxTurns === undefined ? {} : { maxTurns: o.maxTurns }),
      onTurn: (turn) => {
        const name = programs[turn.thread]?.name ?? ''
        log.task = name
        log.pid = turn.thread + 100
        log.time += turn.accesses.length
        turns.push({ name, outcome: turn.accesses.find((a) => a.action.outcomes > 1)?.outcome ?? 0 })
        said(turn.thread, turn.passed)
        note(o.onState?.(st) ?? [])
      }
    })
    if (end.end === 'deadlock') {
      const waiting = run.walks.map((w, t) => ({ name: programs[t]?.name ?? '', text: w.at()?.action.text(0, 0) ?? null })).filter((w) => w.text !== null)
      log.printk('tbit: deadlock: no thread can go on')
      st.findings.push({ property: 'deadlock', site: 'threads', decision: waiting.map((w) => w.text).join(' / '), summary: `nobody can go on: ${waiting.map((w) => `${w.name} waits in '${w.text}'`).join(', ')}` })
      told = st.findings.length
    }
    return end
  }
  sys.reset(st)
  log.printk(`tbit: ${sys.kernel.rev.name} on ${sys.machine.platform.name}, ${test.name}`)
  const first = go([compiled.init], o.init ?? ('seed' in o.schedule ? o.schedule : { turns: [] }), undefined)
  if (turns.every((t) => t.outcome === 0)) turns.length = 0
  const values = compiled.init.variables.map((_, i) => st.local(0, i))
  const locals = compiled.threads.map((p, t) => p.variables.map((_, v) => { const from = (compiled.imports[t] ?? []).find(([own]) => own === v); return from ? (values[from[1]] as number) : -1000000000 }))
  const end = first.end === 'final' ? go(compiled.threads, o.schedule, locals) : first
  if (end.end === 'final') note(compiled.conditions.filter((c) => c.kind === 'never' && c.holds(st)).map((c) => ({ property: 'reached', site: 'never', decision: `${c.text} line ${c.line}`, summary: `${c.text} is reached` })))
  sys.kernel.observer = before
  return { lines: log.lines, trace: log.traceText(), end: end.end, findings: st.findings, passed, skipped: [...(first === end ? [] : first.skipped), ...end.skipped], schedule: scheduleText(turns) }
}
