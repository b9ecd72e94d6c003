// The engine behind the page of traces: reads what was dropped, answers questions from the stored log, explains a
// kernel log. Nothing leaves it but values for the page.
import { joined } from '../../base/bytes.ts'
import { type Diagnostic, messageOf } from '../../base/diagnostic.ts'
import { IO_TLB_DEFAULT_SIZE, IO_TLB_SIZE } from '../../kernel/swiotlb/pool.ts'
import { BounceLog, Questions } from '../../replay/bounce-log.ts'
import { readTraces, type TraceInput } from '../../replay/input.ts'
import { Names } from '../../replay/event.ts'
import { CannotUnpack, packing } from '../../replay/packing.ts'
import type { PoolFacts } from '../../replay/pool-facts.ts'
import { isRecording, RecordingHead } from '../../replay/recording.ts'
import type { ReplayResult } from '../../replay/result.ts'
import { nothingToReplay, ReplaySession } from '../../replay/session.ts'
import { TextScanner } from '../../replay/scan.ts'
import { brokenLines, Skips } from '../../replay/skips.ts'
import { isTraceDat } from '../../replay/trace-dat-magic.ts'
import type { WhatIfSpec } from '../../replay/what-if-spec.ts'
import { answerLine, replayView, whatIfSentences } from '../../report/replay-view.ts'
import { browser, FileSource } from './browser-files.ts'
import { turn } from './turn.ts'
import type { Machine, Recorded, ReplayAsk, ReplayTold } from './replay-protocol.ts'

const port = globalThis as unknown as {
  postMessage(a: ReplayTold): void
  onmessage: ((e: { readonly data: ReplayAsk }) => void) | null
}
const say = (a: ReplayTold): void => {
  port.postMessage(a)
}

/** Milliseconds between two pictures while reading, and before the first. */
const EVERY = 125
const FIRST = 40
/** Bytes of the largest kernel log: it is read whole. */
const LARGEST_LOG = 64 << 20
/** Stretches of time in the picture: about two to a point of a wide screen. */
const BUCKETS = 2048

let newest = 0
let stopping = false
let asked = 0
let recording: { readonly session: ReplaySession; readonly questions: Questions } | null = null

const about = (file: string, code: string, message: string, hint?: string): Diagnostic => ({
  code,
  file,
  line: 0,
  column: 0,
  word: '',
  message,
  ...(hint === undefined ? {} : { hint })
})

// ---- what was dropped
// ------------------------------------------------------------------------------------------------

/** The first bytes of a file, unpacked. */
async function beginningOf(file: File): Promise<Uint8Array> {
  const first = new Uint8Array(await file.slice(0, BEGINNING).arrayBuffer())
  const kind = packing(first)
  if (kind === null) return first
  const parts: Uint8Array[] = []
  let size = 0
  try {
    for await (const c of browser.unpack(kind, new FileSource(file, file.name).chunks())) {
      parts.push(Uint8Array.from(c))
      size += c.length
      if (size >= BEGINNING) break
    }
  } catch {
    // Reading it says what is wrong with it.
  }
  return joined(parts)
}

/** Bytes that tell what a file is. */
const BEGINNING = 1 << 16

/** A trace is told without the reader of logs, which is fetched where something may be one. */
async function isLog(beginning: Uint8Array): Promise<boolean> {
  if (isTraceDat(beginning) || isRecording(beginning)) return false
  const scanner = new TextScanner({ event: () => {} }, new Names(), new Skips(), () => {}, null)
  scanner.push(beginning)
  scanner.end()
  return scanner.events === 0 && (await import('./read-log.ts')).looksLikeLog(beginning)
}

/** The bytes of a file, unpacked, up to `most`. @throws CannotUnpack */
async function* bytesOf(file: File, most: number): AsyncGenerator<Uint8Array> {
  const kind = packing(new Uint8Array(await file.slice(0, 16).arrayBuffer()))
  const source = new FileSource(file, file.name).chunks()
  let size = 0
  for await (const c of kind === null ? source : browser.unpack(kind, source)) {
    size += c.length
    if (size > most) throw new CannotUnpack(`is larger than ${most >> 20} MiB, which a kernel log is not`)
    yield c
  }
}

async function factsOf(file: File): Promise<PoolFacts> {
  const parts: Uint8Array[] = []
  for await (const c of bytesOf(file, LARGEST_LOG)) parts.push(Uint8Array.from(c))
  return (await import('./read-log.ts')).factsOfLog(joined(parts))
}

/** The sections of a recording of `tbit record`; null for another file. */
async function sectionsOf(file: File, beginning: Uint8Array): Promise<ReadonlyMap<string, string> | null> {
  if (!isRecording(beginning)) return null
  const head = new RecordingHead()
  try {
    for await (const c of bytesOf(file, Number.POSITIVE_INFINITY)) {
      const got = head.feed(c)
      if (got === 'broken') return null
      if (got !== null) return head.sections
    }
  } catch {
    // Reading it says what is wrong with it.
  }
  return null
}

// ---- reading
// ---------------------------------------------------------------------------------------------------------

type Log = { readonly name: string; readonly facts: PoolFacts }

async function read(id: number, files: readonly File[]): Promise<void> {
  recording = null
  const began = performance.now()
  const problems: Diagnostic[] = []
  const kinds = await Promise.all(
    files.map(async (file) => {
      const beginning = await beginningOf(file)
      return { file, beginning, log: await isLog(beginning) }
    })
  )
  if (id !== newest) return
  const logs = kinds.filter((k) => k.log).map((k) => k.file)
  const traces = kinds.filter((k) => !logs.includes(k.file))
  if (traces.length === 0) return explain(id, bytesOfAll(logs), logs.map((f) => f.name).join(' '))
  if (logs.length > 1)
    problems.push(
      about(
        logs
          .slice(1)
          .map((f) => f.name)
          .join(' '),
        'TB-363',
        `one kernel log belongs to a trace: ${logs[0]?.name} is taken`
      )
    )
  const sections =
    traces.length === 1 && traces[0] !== undefined ? await sectionsOf(traces[0].file, traces[0].beginning) : null
  let log: Log | null = null
  try {
    if (logs[0] !== undefined) log = { name: logs[0].name, facts: await factsOf(logs[0]) }
    else if (sections?.has('dmesg') === true)
      log = {
        name: `${traces[0]?.file.name} (its kernel log)`,
        facts: (await import('./read-log.ts')).factsOfLog(new TextEncoder().encode(sections.get('dmesg')))
      }
  } catch (e) {
    problems.push(about(logs[0]?.name ?? '', 'TB-002', messageOf(e), 'the trace is read without it'))
  }
  await replay(
    id,
    traces.map((t) => t.file),
    log,
    sections,
    problems,
    began
  )
}

/** What is read so far, while it is read. */
const soFar = (bytes: number): TraceInput => ({
  format: 'reading',
  bytes,
  lines: 0,
  events: 0,
  cpus: null,
  overwritten: 0,
  others: new Map(),
  errors: [],
  notes: [],
  interrupted: false,
  kernel: null,
  beginning: null
})

/** Reads the files into the session, with a picture from time to time. */
function readInto(session: ReplaySession, id: number, files: readonly File[], began: number): Promise<TraceInput> {
  const names = files.map((f) => f.name)
  let shown = began - EVERY + FIRST
  let first = true
  const hooks = session.hooks({
    stop: () => stopping || id !== newest,
    progress(done, total) {
      const now = performance.now()
      // Nothing is drawn before there is a pool to draw: the first picture comes as soon as there is one.
      if (now - shown < EVERY && !(first && session.replay.timeline.length > 1)) return
      first &&= session.replay.timeline.length <= 1
      shown = now
      say({ at: 'part', id, view: replayView(session.result(names, soFar(done), null)), done, total })
    }
  })
  const sources = files.map((f) => new FileSource(f, f.name))
  return readTraces(browser, sources, session.replay, session.names, session.skips, hooks)
}

/** What the controls of a question need to know; `asks`: why there can be none, or true. */
function recordedOf(result: ReplayResult, session: ReplaySession, full: boolean): Recorded {
  const { sim } = session.replay
  return {
    devices: result.devices.map((d) => d.name),
    nslabs: sim?.place.nslabs ?? IO_TLB_DEFAULT_SIZE / IO_TLB_SIZE,
    nareas: sim?.place.nareas ?? 1,
    needed: result.needed,
    asks: full
      ? 'The recording has more operations than a page keeps: tbit replay --what-if answers such questions.'
      : result.bouncesOnly || result.noUnmaps
        ? 'The recording does not show when memory is given back: no other pool can be asked for.'
        : true
  }
}

async function replay(
  id: number,
  files: readonly File[],
  log: Log | null,
  sections: ReadonlyMap<string, string> | null,
  problems: Diagnostic[],
  began: number
): Promise<void> {
  const session = new ReplaySession({
    pool: null,
    log,
    debugfs: sections?.get('debugfs') ?? null,
    sections,
    questions: [],
    fitCost: false,
    buckets: BUCKETS
  })
  const stored: BounceLog = new BounceLog(() => session.replay)
  session.follow(stored)
  const names = files.map((f) => f.name)
  const input = await readInto(session, id, files, began)
  if (id !== newest) return
  session.replay.end()
  const foreign = session.contradictions(input.kernel)
  if (foreign.length > 0) {
    // Every figure would be wrong without a sign.
    problems.push(
      about(
        log?.name ?? '',
        'TB-368',
        `this kernel log is of another boot than the trace: ${foreign.join('; ')}`,
        'it was left out: the pool is found from the addresses'
      )
    )
    return replay(id, files, null, null, problems, began)
  }
  problems.push(...session.warnings, ...input.errors)
  const result = session.result(names, input, null)
  const nothing = nothingToReplay(result, input, null)
  if (nothing !== null) problems.push(nothing)
  else if (input.format.startsWith('text')) problems.push(...brokenLines(session.skips, names))
  if (result.events === 0) {
    say({ at: 'refused', id, problems })
    return
  }
  const questions = new Questions(stored, session.replay)
  recording = { session, questions }
  say({
    at: 'done',
    id,
    view: replayView(result),
    problems,
    milliseconds: performance.now() - began,
    recorded: recordedOf(result, session, stored.full)
  })
  await turn()
  if (!stored.full) await prepare(id, questions)
}

/** While nobody asks, the sizes that a first question needs. */
async function prepare(id: number, questions: Questions): Promise<void> {
  const asRecorded: WhatIfSpec = {
    text: 'as recorded',
    pool: null,
    dynamic: null,
    force: null,
    accepted: [],
    kernel: null,
    knows: true
  }
  for (const _ of questions.preparing(asRecorded)) {
    await turn()
    if (id !== newest || asked !== 0) return
  }
}

// ---- questions and logs
// ----------------------------------------------------------------------------------------------

async function ask(id: number, spec: WhatIfSpec): Promise<void> {
  asked = id
  // Of questions that wait the newest is answered.
  await turn()
  if (id !== asked || recording === null) return
  const began = performance.now()
  const { result, timeline } = recording.questions.ask(spec, null)
  say({
    at: 'answer',
    id,
    sentences: whatIfSentences(result),
    fails: result.failedMaps > 0,
    line: answerLine(timeline),
    milliseconds: performance.now() - began
  })
}

/** A log explained; what explains it is fetched when there is one. */
async function explain(id: number, bytes: AsyncIterable<Uint8Array>, name: string): Promise<void> {
  const { LogExplainer } = await import('./explain-log.ts')
  const e = new LogExplainer()
  const problems: Diagnostic[] = []
  try {
    for await (const c of bytes) e.feed(c)
  } catch (x) {
    problems.push(
      about(name, 'TB-002', messageOf(x), e.lines > 0 ? `the ${e.lines} lines before that were used` : undefined)
    )
  }
  if (id === newest) say({ at: 'explained', id, html: e.html(), problems })
}

async function size(id: number, machine: Machine): Promise<void> {
  const { sizeAnswer } = await import('./size-answer.ts')
  say({ at: 'sized', id, answer: sizeAnswer(machine) })
}

async function* bytesOfAll(files: readonly File[]): AsyncGenerator<Uint8Array> {
  for (const f of files) yield* bytesOf(f, LARGEST_LOG)
}

async function* bytesOfText(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text)
}

port.onmessage = ({ data }) => {
  const failed = (e: unknown): void =>
    say({ at: 'broken', id: data.op === 'stop' ? newest : data.id, message: messageOf(e) })
  switch (data.op) {
    case 'stop':
      stopping = true
      return
    case 'ask':
      void ask(data.id, data.spec).catch(failed)
      return
    case 'size':
      void size(data.id, data.machine).catch(failed)
      return
    case 'explain':
      newest = data.id
      void explain(data.id, bytesOfText(data.text), '').catch(failed)
      return
    default:
      newest = data.id
      stopping = false
      asked = 0
      void read(data.id, data.files).catch(failed)
  }
}
say({ at: 'ready' })
// A kernel log mostly comes with a trace.
setTimeout(() => {
  import('./read-log.ts').catch(() => {})
}, 200)
