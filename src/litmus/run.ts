// One execution of a litmus test: one schedule, on real bytes unless asked otherwise, written down as a kernel would.
import type { Finding, Store } from '../step/index.ts'
import { Run, runSchedule, type RunEnd, type Schedule } from '../step/index.ts'
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
  /** Places of the schedule whose thread could not move. */
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
    case 'usermap': return `0x${o.phys.toString(16)} through the ${o.alias} alias`
    default: return `0x${o.phys.toString(16)}`
  }
}

/** Runs a test once. `sys` must be new; its content decides whether bytes or labels move. */
export function runTest(test: Test, sys: System, o: { schedule: Schedule; onLine?: (line: string) => void; maxTurns?: number; onState?: (st: Store) => readonly Finding[] | null }): RunResult {
  const log = new KernelLog(sys.kernel.rev.name, sys.kernel.config.cpus, o.onLine)
  const before = sys.kernel.observer
  log.next = before
  sys.kernel.observer = log
  sys.kernel.logging = true
  const compiled = compile(test, sys)
  const st = new RunStore(sys.layout.totalWords)
  const passed: Array<{ thread: string; text: string; value: string }> = []
  const turns: string[] = []
  let told = 0
  const fatal = (): boolean => st.findings.some((f) => f.fatal)
  const go = (programs: typeof compiled.threads, schedule: Schedule, locals: number[][] | undefined, record: boolean): RunEnd => {
    const run = new Run(programs, st, locals)
    st.run = run
    return runSchedule(run, {
      schedule, stop: fatal, ...(o.maxTurns === undefined ? {} : { maxTurns: o.maxTurns }),
      onTurn: (turn) => {
        const name = programs[turn.thread]?.name ?? ''
        log.task = name
        log.pid = turn.thread + 100
        log.time += turn.accesses.length
        const outcome = turn.accesses.find((a) => a.action.outcomes > 1)?.outcome ?? 0
        if (record) turns.push(outcome === 0 ? name : `${name}:${outcome}`)
        for (const p of turn.passed) {
          if (p.text === 'boot') continue
          const value = showValue(sys, p.value)
          passed.push({ thread: name, text: p.text, value })
          log.printk(`${name}: ${p.text} -> ${value}`)
        }
        for (const f of o.onState?.(st) ?? []) if (!st.findings.some((x) => x.property === f.property && x.site === f.site && x.decision === f.decision)) st.findings.push(f)
        for (; told < st.findings.length; told++) {
          const f = st.findings[told] as Finding
          if (f.property !== 'warn' && f.property !== 'crash') log.printk(`tbit: ${f.property}: ${f.summary}`)
        }
      }
    })
  }
  sys.reset(st)
  log.printk(`tbit: ${sys.kernel.rev.name} on ${sys.machine.platform.name}, ${test.name}`)
  const first = go([compiled.init], 'seed' in o.schedule ? o.schedule : { turns: [] }, undefined, false)
  const values = compiled.init.variables.map((_, i) => st.local(0, i))
  const locals = compiled.threads.map((p, t) => p.variables.map((_, v) => { const from = (compiled.imports[t] ?? []).find(([own]) => own === v); return from ? (values[from[1]] as number) : -1000000000 }))
  const end = first.end === 'final' ? go(compiled.threads, o.schedule, locals, true) : first
  if (end.end === 'deadlock') log.printk('tbit: deadlock: no thread can go on')
  sys.kernel.observer = before
  return { lines: log.lines, trace: log.traceText(), end: end.end, findings: st.findings, passed, skipped: end.skipped, schedule: turns.join(',') }
}
