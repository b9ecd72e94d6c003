// One replay from files to its result: what the command line does itself for one recording, and a worker thread for
// each of many. What goes in is data only.
import { statSync } from 'node:fs'
import type { Diagnostic } from '../base/index.ts'
import {
  type CostTerms,
  kindOfInput,
  nothingToReplay,
  type PoolHint,
  type Provenance,
  provenance,
  readKernelLog,
  type ReplayResult,
  ReplaySession,
  type SimulatedEvent,
  type TraceInput,
  type WhatIfSpec
} from '../replay/index.ts'
import { readPackedLog, readPackedText } from './file-access.ts'
import type { ParquetOutput } from './parquet-output.ts'
import { readTraces, recordingSections } from './trace-input.ts'
import { readTracesBeside, worthAThread } from './trace-thread.ts'

export interface ReplaySetup {
  /** Read as one recording, in this order. */
  readonly files: readonly string[]
  readonly dmesg: string | null
  readonly debugfs: string | null
  /** The user's word on the pool. */
  readonly pool: PoolHint | null
  readonly questions: readonly WhatIfSpec[]
  readonly cost: CostTerms | 'measured' | null
  /** Where the tables go. */
  readonly parquet: string | null
  /** The user's word on where the recording was made. */
  readonly given: Provenance
}

export interface ReplayHooks {
  stop(): boolean
  progress(done: number, total: number): void
  /** A warning as a line, with its end. */
  warn(line: string): void
}

export interface Replayed {
  /** null: nothing was read that means anything; `errors` say why. */
  readonly result: ReplayResult | null
  readonly from: Provenance
  readonly errors: readonly Diagnostic[]
  /** 0, 2, 125 as the verb's. */
  readonly code: number
  /** Lines or records that were read. */
  readonly lines: number
}

/** Bytes of the largest kernel log or debugfs file: they are read whole. */
const LARGEST_LOG = 256 << 20

const shown = (f: string): string => (f === '-' ? '(standard input)' : f)

/** What is read beside the trace. */
interface Beside {
  readonly sections: ReadonlyMap<string, string> | null
  readonly log: string | null
  readonly debugfs: string | null
}

/** Reads it; what cannot be read goes to `errors`. */
export async function beside(s: ReplaySetup, errors: Diagnostic[]): Promise<Beside> {
  const read = async (path: string, reader: typeof readPackedLog): Promise<string | null> => {
    const got = await reader(path, LARGEST_LOG)
    if ('text' in got) return got.text
    errors.push(got)
    return null
  }
  // A recording of `tbit record` brings its own log.
  const sections = s.files.length === 1 ? await recordingSections(s.files[0] as string) : null
  return {
    sections,
    log: s.dmesg === null ? (sections?.get('dmesg') ?? null) : await read(s.dmesg, readPackedLog),
    debugfs: s.debugfs === null ? (sections?.get('debugfs') ?? null) : await read(s.debugfs, readPackedText)
  }
}

/** The tables of a recording, opened; null when none are asked for. */
async function tablesOf(
  s: ReplaySetup,
  name: (id: number) => string,
  errors: Diagnostic[]
): Promise<ParquetOutput | null> {
  if (s.parquet === null || errors.length > 0) return null
  const { inputName, ParquetOutput } = await import('./parquet-output.ts')
  const opened = ParquetOutput.open(s.parquet, inputName(s.files), name)
  if (!('code' in opened)) return opened
  errors.push(opened)
  return null
}

/** It can be read twice. */
function isFile(path: string): boolean {
  try {
    return statSync(path).isFile()
  } catch {
    // Reading says what is wrong.
    return false
  }
}

/** Reads it to its end, or to where it is known that it has to be read again. */
async function read(session: ReplaySession, files: readonly string[], hooks: ReplayHooks): Promise<TraceInput> {
  const { replay, names, skips } = session
  const stop = (): boolean => session.outgrown || hooks.stop()
  const reader = worthAThread(files) ? readTracesBeside : readTraces
  const input = await reader(files, replay, names, skips, session.hooks({ ...hooks, stop }))
  replay.end()
  return input
}

export async function replayFiles(s: ReplaySetup, hooks: ReplayHooks): Promise<Replayed> {
  const errors: Diagnostic[] = []
  const { sections, log, debugfs } = await beside(s, errors)
  const facts = log === null ? null : readKernelLog(log)
  const refused = (): Replayed => ({ result: null, from: s.given, errors, code: 2, lines: 0 })
  // The events' names of devices are known to the session, which is made with what records them.
  let name = (_: number): string => ''
  const parquet = await tablesOf(s, (id) => name(id), errors)
  if (errors.length > 0) return refused()
  const logName = s.dmesg ?? `${s.files[0]} (its kernel log)`
  const made = (quick: boolean): ReplaySession =>
    new ReplaySession({
      pool: s.pool,
      log: facts === null ? null : { name: logName, facts },
      debugfs,
      sections,
      questions: s.questions,
      quick,
      fitCost: s.cost === 'measured',
      ...(parquet ? { recorder: (e: SimulatedEvent) => parquet.add(e) } : {})
    })
  // What a table holds is written once.
  let session = made(parquet === null && s.questions.length > 0 && s.files.every(isFile))
  name = (id) => session.names.name(id)
  for (const w of session.warnings) hooks.warn(`${w.file}: warning ${w.code}: ${w.message}\n`)
  let input = await read(session, s.files, hooks)
  if (session.outgrown && !hooks.stop()) {
    session = made(false)
    input = await read(session, s.files, hooks)
  }
  const { replay } = session
  const foreign = session.contradictions(input.kernel)
  if (foreign.length > 0) {
    // Every figure would be wrong without a sign.
    parquet?.discard()
    errors.push({
      code: 'TB-368',
      file: logName,
      line: 0,
      column: 0,
      word: '',
      message: `this kernel log is of another boot than the trace: ${foreign.join('; ')}`,
      hint: 'give the log of the boot that was traced, or leave out --dmesg: the pool is then found from the addresses'
    })
    return refused()
  }
  let terms = s.cost === 'measured' ? null : s.cost
  if (s.cost === 'measured') {
    terms = replay.costFit?.terms() ?? null
    if (!terms)
      hooks.warn(
        'tbit replay: warning TB-364: this recording has too few bounces of different sizes to measure the cost ' +
          'of copying\n'
      )
  }
  const result = session.result(s.files.map(shown), input, terms)
  const from = provenance({ given: s.given, path: s.files[0] ?? '', sections, log: facts, kernel: input.kernel })
  errors.push(...input.errors)
  const nothing = nothingToReplay(
    result,
    input,
    result.events === 0 && input.beginning !== null && kindOfInput(input.beginning) === 'log'
      ? (s.files[0] ?? 'FILE')
      : null
  )
  if (nothing !== null) errors.push(nothing)
  // A row that holds nothing would count as a recording.
  const empty = result.events === 0
  if (empty) parquet?.discard()
  const unwritten = empty ? null : (parquet?.finish(result, from) ?? null)
  if (unwritten !== null) errors.push(unwritten)
  const asksUnknown = result.whatIf.some((w) => w.unknownDevices.length > 0)
  const code = errors.length > 0 || asksUnknown ? 2 : input.interrupted ? 125 : 0
  return { result, from, errors, code, lines: input.lines }
}
