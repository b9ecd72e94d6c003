// `tbit replay --each`: many recordings, each on its own, a worker thread a file. Memory is that of the recordings that
// are read at once; a file that fails costs its own line.
import { statSync } from 'node:fs'
import { Bytes, type Diagnostic, formatDiagnostic } from '../base/index.ts'
import { eachErrors, eachFormats, eachRow, type EachRow, provenanceWarning } from '../report/replay-each.ts'
import { own, release } from './cleanup.ts'
import { interruptible } from './interrupt.ts'
import { type Io, worst } from './io.ts'
import { ThrottledLine } from './progress.ts'
import type { Options } from './replay.ts'
import { replayFiles, type ReplaySetup } from './replay-run.ts'
import { type Answer, inWorkers, workersFor } from './worker-pool.ts'

export interface EachTask {
  readonly index: number
  readonly setup: ReplaySetup
}
/** What a task comes to. */
export interface EachDone {
  readonly row: EachRow
  readonly code: number
}

/** `progress` is told KiB of the file. */
export async function replayOne(
  t: EachTask,
  hooks: { stop(): boolean; progress(kib: number): void }
): Promise<EachDone> {
  const warnings: string[] = []
  const r = await replayFiles(t.setup, {
    stop: hooks.stop,
    progress: (done) => hooks.progress(Math.floor(done / 1024)),
    warn: (line) => warnings.push(line)
  })
  return { row: eachRow(t.setup.files[0] as string, r.from, r.result, warnings, r.errors), code: r.code }
}

/** `{}` is the file, `{.}` the file without its extension, as GNU parallel has them. */
const filled = (template: string | null, file: string): string | null =>
  template === null ? null : template.replaceAll('{.}', file.replace(/\.[^./]*$/, '')).replaceAll('{}', file)

function refused(setup: ReplaySetup, o: Options): Diagnostic[] {
  const out: Diagnostic[] = []
  const usage = (word: string, message: string, expected: readonly string[]): void => {
    out.push({ code: 'TB-362', file: 'tbit replay', line: 0, column: 0, word, message, expected })
  }
  for (const [option, is] of [
    ['--html', o.html !== undefined],
    ['--perfetto', o.perfetto !== undefined],
    ['--what-if', o.whatIf.length > 0],
    ['--cost', o.cost !== undefined]
  ] as const)
    if (is) usage(option, `${option} is about one recording: --each reads each of many`, ['one file, without --each'])
  if (setup.files.includes('-')) usage('-', '--each reads files: standard input is none', ['files'])
  for (const [option, text] of [
    ['--dmesg', setup.dmesg],
    ['--debugfs', setup.debugfs]
  ] as const)
    if (text !== null && setup.files.length > 1 && !/\{\.?\}/.test(text))
      usage(text, `${option} '${text}' would be that of every file`, [
        `${option} '{.}.log', {.}: without its extension`
      ])
  return out
}

export async function replayEach(io: Io, setup: ReplaySetup, o: Options, errors: readonly Diagnostic[]): Promise<void> {
  const wrong = [...errors, ...refused(setup, o)]
  if (wrong.length > 0) {
    if (o.format === 'json') io.out(`${JSON.stringify({ format: 1, errors: wrong })}\n`)
    for (const e of wrong) io.err(`${formatDiagnostic(e)}\n`)
    return io.exit(2)
  }
  const files = [...new Set(setup.files)]
  const tasks = files.map(
    (file, index): EachTask => ({
      index,
      setup: { ...setup, files: [file], dmesg: filled(setup.dmesg, file), debugfs: filled(setup.debugfs, file) }
    })
  )
  const parts = setup.parquet === null ? [] : await partsOf(setup.parquet, files)
  for (const p of parts) own(p)
  const done = await all(io, tasks)
  for (const p of parts) release(p)
  const rows = done.results.flatMap((d) => (d === undefined ? [] : [d.row]))
  const report = { rows, of: files.length, interrupted: done.interrupted }
  io.err(eachErrors(report))
  if (setup.parquet !== null) io.err(provenanceWarning(rows.filter((r) => r.answer !== null)))
  io.out(eachFormats[o.format](report))
  io.exit(worst([...done.results.map((d) => d?.code ?? 0), ...(done.interrupted ? [125] : [])]))
}

/** Files that a thread would leave half-written if the process is ended. */
async function partsOf(dir: string, files: readonly string[]): Promise<string[]> {
  const { inputName, partialFiles } = await import('./parquet-output.ts')
  return files.flatMap((f) => partialFiles(dir, inputName([f])))
}

const sizeOf = (file: string): number => {
  try {
    return statSync(file).size
  } catch {
    return 0
  }
}

/** Every task, in their order; undefined where one was not begun. */
async function all(
  io: Io,
  tasks: readonly EachTask[]
): Promise<{ readonly results: ReadonlyArray<EachDone | undefined>; readonly interrupted: boolean }> {
  const results: Array<EachDone | undefined> = new Array<EachDone | undefined>(tasks.length).fill(undefined)
  const sizes = tasks.map((t) => sizeOf(t.setup.files[0] as string))
  const total = sizes.reduce((a, b) => a + b, 0)
  let read = 0
  const take = (a: Answer): void => {
    const { setup } = tasks[a.index] as EachTask
    read += sizes[a.index] as number
    results[a.index] = 'message' in a ? broken(setup, a.message) : (a.value as EachDone)
  }
  const interrupt = interruptible()
  const line = new ThrottledLine(io)
  const show = (done: number, kib: number): void =>
    line.show(
      (seconds) =>
        `${done} of ${tasks.length} recordings, ${Bytes.human(read + kib * 1024)} of ${Bytes.human(total)}, ` +
        `${Bytes.human(Math.round((read + kib * 1024) / seconds))}/s (^C tells what is read so far)`
    )
  const workers = tasks.length > 1 ? workersFor(tasks.length) : 0
  if (workers > 1)
    await inWorkers(tasks, 0, workers, take, {
      script: './replay-worker.mjs',
      signal: interrupt.signal,
      onProgress: show
    })
  else
    for (const t of tasks) {
      if (interrupt.signal.aborted) break
      const hooks = { stop: () => interrupt.signal.aborted, progress: (kib: number) => show(t.index, kib) }
      take({ index: t.index, value: await replayOne(t, hooks) })
    }
  line.done()
  interrupt.done()
  return { results, interrupted: interrupt.signal.aborted }
}

/** A thread that died: out of memory, or a mistake of ours. */
function broken(setup: ReplaySetup, message: string): EachDone {
  const file = setup.files[0] as string
  const error: Diagnostic = {
    code: 'TB-005',
    file,
    line: 0,
    column: 0,
    word: '',
    message,
    hint: 'a bug of tbit, or too little memory: worth a report with this file'
  }
  return { row: eachRow(file, setup.given, null, [], [error]), code: 2 }
}
