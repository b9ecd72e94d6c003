// `tbit replay`: traces of real kernels against the pool.
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Command, Option } from 'commander'
import { Bytes, type Diagnostic, formatDiagnostic, printable } from '../base/index.ts'
import {
  contradictions, type CostTerms, type Follower, kindOfInput, LARGEST_SIMULATED, leavesOutUnmaps, minAlignMasks, missedUnmaps, Names, parseDebugfs, parseWhatIf, type PoolFacts, type PoolHint, readKernelLog, Replay, replayResult,
  type ReplayResult, type SimulatedEvent, Sizing, Skips, unsoundPool, WhatIf
} from '../replay/index.ts'
import type { PlotLibrary } from '../report/html-replay.ts'
import { replayFormats } from '../report/replay-formats.ts'
import { cannotWrite, openWhole, readPackedLog, readPackedText, type WholeFile } from './file-access.ts'
import { formatOption } from './formats.ts'
import { interruptible } from './interrupt.ts'
import type { Io } from './io.ts'
import { Progress } from './progress.ts'
import { readTraces, recordingSections } from './trace-input.ts'

interface Options {
  dmesg?: string
  debugfs?: string
  pool?: string
  whatIf: string[]
  cost?: string
  perfetto?: string
  parquet?: string
  html?: string
  format: keyof typeof replayFormats
}

const collect = (value: string, before: string[]): string[] => [...before, value]

export function replayVerb(io: Io): Command {
  return new Command('replay')
    .summary('traces of real kernels against the pool')
    .description(`${[
      'Replays a DMA trace of a real kernel: per device what was mapped, what bounced and what that copied; for the bounce pool its occupancy, high-water mark, failures and their cause, predicted slot by slot and compared with what the kernel did.',
      'Reads recordings of tbit record, tracefs text (trace, trace_pipe), trace-cmd report, perf script, and trace.dat (versions 6 and 7), plain or packed with gzip or zstd, told apart by content; several files are read as one, - is standard input. Memory does not grow with the file.'
    ].join(' ')}

What-if questions replay the same load in another pool or with other devices; words in any order:
  pool=SLOTS[,AREAS]   another pool (slots of 2 KiB, or a size such as 64M)
  force | noforce      all devices not accepted bounce | only those that must
  dynamic | static     the pool grows at run time (SWIOTLB_DYNAMIC) or not
  accepted=DEV[,DEV]   devices accepted by the guest (TDISP, T=1), or all
  kernel=K             linux-6.12, linux-7.3, tio-v2, ...: does it know them`)
    .argument('<traces...>', 'trace files, or - for standard input')
    .option('--dmesg <file>', 'kernel log of the same boot: where the pool lies, its areas, drivers')
    .option('--debugfs <file>', 'samples of io_tlb_used, io_tlb_used_hiwater and io_tlb_nslabs, to compare with')
    .option('--pool <SLOTS[,AREAS][@START]>', 'the pool, when there is no kernel log; what is left out is found from the addresses')
    .addOption(new Option('--what-if <question>', 'another pool, other devices; may be given again').argParser(collect).default([] as string[], 'none'))
    .option('--cost <toll=NS,rate=BYTES[,copiers=N]|measured>', 'price of copying for what-if: nanoseconds per crossing and bytes per second of one copier, or fitted to this recording. There is no default')
    .option('--perfetto <out>', 'write counter tracks for the Perfetto UI')
    .option('--parquet <dir>', 'write events.parquet and samples.parquet')
    .option('--html <out>', 'write a report that opens in any browser, without network')
    .addOption(formatOption(replayFormats))
    .addHelpText('after', `
Examples:
  tbit replay trace.txt.gz --dmesg dmesg.txt
  tbit replay trace.dat --dmesg dmesg.txt --what-if "pool=65536,4" --what-if "force accepted=0000:00:02.0"
  trace-cmd report | tbit replay - --html report.html

Exit code 0 when the trace was read, 2 for wrong use or input that is damaged or holds no DMA event (what could be read is still reported), 125 when interrupted.`)
    .action(async (files: string[], options: Options) => { await run(io, files, options) })
}

// uPlot's browser build, out of the installed package.
function plotLibrary(): PlotLibrary {
  const require = createRequire(import.meta.url)
  const text = (name: string): string => readFileSync(require.resolve(`uplot/dist/${name}`), 'utf8')
  return { script: text('uPlot.iife.min.js'), style: text('uPlot.min.css') }
}

/** `SLOTS[,AREAS][@START]`; null when it is none. */
export function parsePool(text: string): PoolHint | null {
  const m = /^(?:(\d+)([KMG]?)(?:,(\d+))?)?(?:@(?:0x)?([0-9a-f]+))?$/i.exec(text)
  if (!m || text === '') return null
  const unit = { '': 2048, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 }[(m[2] ?? '').toUpperCase()] as number
  const nslabs = m[1] === undefined ? null : (Number(m[1]) * unit) / 2048
  const nareas = m[3] === undefined ? null : Number(m[3])
  const start = m[4] === undefined ? null : Number.parseInt(m[4], 16)
  if (nslabs !== null && (!Number.isInteger(nslabs) || nslabs < 128 || nslabs > LARGEST_SIMULATED)) return null
  if (nareas !== null && (!Number.isInteger(Math.log2(nareas)) || nslabs === null || nslabs % nareas !== 0)) return null
  if (start !== null && (!Number.isSafeInteger(start) || start % 2048 !== 0)) return null
  return { start, nslabs, nareas }
}

/** `toll=NS,rate=BYTES[,copiers=N]`; null when it is none. */
export function parseCost(text: string): CostTerms | null {
  let toll: number | null = null
  let rate: number | null = null
  let copiers = 1
  for (const part of text.split(',')) {
    const [key, value = ''] = part.split('=', 2)
    if (key === 'toll' && /^\d+(\.\d+)?$/.test(value)) toll = Number(value)
    else if (key === 'rate') rate = Bytes.parse(value)
    else if (key === 'copiers' && /^[1-9]\d*$/.test(value)) copiers = Number(value)
    else return null
  }
  return toll === null || rate === null || rate <= 0 ? null : { toll, rate, copiers, from: 'given' }
}

/** Bytes of the largest kernel log or debugfs file: they are read whole. */
const LARGEST_LOG = 256 << 20

async function run(io: Io, files: readonly string[], options: Options): Promise<void> {
  const errors: Diagnostic[] = []
  const usage = (word: string, message: string, expected: readonly string[]): void => { errors.push({ code: 'TB-362', file: 'tbit replay', line: 0, column: 0, word, message, expected }) }
  const questions = []
  for (const q of options.whatIf) {
    const spec = parseWhatIf(q)
    if (spec.ok) questions.push(spec.value)
    else errors.push(spec.error)
  }
  let hint: PoolHint = { start: null, nslabs: null, nareas: null }
  if (options.pool !== undefined) {
    const p = parsePool(options.pool)
    if (p) hint = p
    else usage(options.pool, `--pool '${options.pool}' is no pool`, ['SLOTS[,AREAS][@START]: 32768, 65536,4, 64M,2@0x7b9f3000; areas are a power of two that divides the slots'])
  }
  let terms: CostTerms | null = null
  if (options.cost !== undefined && options.cost !== 'measured') {
    terms = parseCost(options.cost)
    if (!terms) usage(options.cost, `--cost '${options.cost}' is no price`, ['toll=NS,rate=BYTES[,copiers=N] (toll=900,rate=6G), or measured'])
  }
  const read = async (path: string | undefined, reader: typeof readPackedLog): Promise<string | null> => {
    if (path === undefined) return null
    const got = await reader(path, LARGEST_LOG)
    if ('text' in got) return got.text
    errors.push(got)
    return null
  }
  // A recording of `tbit record` brings its own log.
  const sections = files.length === 1 ? await recordingSections(files[0] as string) : null
  const log = options.dmesg === undefined ? (sections?.get('dmesg') ?? null) : await read(options.dmesg, readPackedLog)
  const logName = options.dmesg ?? `${files[0]} (its kernel log)`
  const facts: PoolFacts | null = log === null ? null : readKernelLog(log)
  const debugfs = options.debugfs === undefined ? (sections?.get('debugfs') ?? null) : await read(options.debugfs, readPackedText)
  if (files.filter((f) => f === '-').length > 1) usage('-', 'standard input can be read once', ['one -'])
  const refuse = (): void => {
    if (options.format === 'json') io.out(`${JSON.stringify({ format: 1, errors })}\n`)
    for (const e of errors) io.err(`${formatDiagnostic(e)}\n`)
    io.exit(2)
  }
  // What cannot be written is known before a long trace is read.
  const outputs = new Map<'perfetto' | 'html', { name: string; file: WholeFile }>()
  for (const kind of ['perfetto', 'html'] as const) {
    const name = options[kind]
    if (name === undefined || errors.length > 0) continue
    const file = openWhole(name)
    if ('code' in file) errors.push(file)
    else outputs.set(kind, { name, file })
  }
  if (errors.length > 0) {
    for (const o of outputs.values()) o.file.discard()
    refuse()
    return
  }
  let source: 'log' | 'option' = 'option'
  if (facts && options.pool === undefined) {
    const wrong = unsoundPool(facts)
    hint = wrong === null ? { start: facts.start, nslabs: facts.nslabs, nareas: facts.nareas } : { start: null, nslabs: null, nareas: null }
    source = 'log'
    if (wrong !== null) io.err(`${logName}: warning TB-363: the log has ${wrong}, which no kernel has; the pool is found from the addresses instead\n`)
    else if (facts.start === null) io.err(`${logName}: warning TB-363: the log has no "software IO TLB: mapped" line; the pool is found from the addresses instead\n`)
    if (facts.boots > 1) io.err(`${logName}: warning TB-363: the log has ${facts.boots} boots; the last is taken for the one that was traced\n`)
    if (facts.pools > 1) io.err(`${logName}: warning TB-363: the log names ${facts.pools} pools; the first is replayed\n`)
  } else if (facts && unsoundPool(facts) === null) hint = { start: hint.start ?? facts.start, nslabs: hint.nslabs, nareas: hint.nareas ?? facts.nareas }

  hint = { ...hint, before_6_3: facts?.before_6_3 === true }
  const names = new Names()
  const skips = new Skips()
  const followers: Follower[] = []
  let parquet: import('./parquet-output.ts').ParquetOutput | null = null
  if (options.parquet !== undefined) {
    const opened = (await import('./parquet-output.ts')).ParquetOutput.open(options.parquet, (id) => names.name(id))
    if ('code' in opened) {
      for (const o of outputs.values()) o.file.discard()
      errors.push(opened)
      refuse()
      return
    }
    parquet = opened
  }
  const replay: Replay = new Replay(names, {
    pool: hint, poolSource: source, minAlignMask: facts ? minAlignMasks(facts) : new Map(), leavesOutUnmaps: facts ? leavesOutUnmaps(facts) : new Set(), followers,
    fitCost: options.cost === 'measured', ...(parquet ? { recorder: (e: SimulatedEvent) => parquet?.add(e) } : {})
  })
  const whatIfs = questions.map((q) => new WhatIf(q, () => replay))
  const sizing = new Sizing(() => replay)
  followers.push(sizing, ...whatIfs)
  if (debugfs !== null) for (const s of parseDebugfs(debugfs).samples) replay.measured.sample(s)

  const missed = missedUnmaps(sections)
  // What the probes missed is missing as what the ring buffer lost.
  if (missed !== null && missed > 0) replay.headerOverwrites()

  const interrupt = interruptible()
  const progress = new Progress(io)
  const input = await readTraces(files, replay, names, skips, { stop: () => interrupt.signal.aborted, progress: (done, total) => progress.bytes(done, total), cpus: (n) => replay.headerCpus(n), overwritten: () => replay.headerOverwrites() })
  replay.end()
  progress.done()
  interrupt.done()
  const foreign = facts === null ? [] : contradictions(facts, replay, input.kernel)
  if (foreign.length > 0) {
    // Every figure would be wrong without a sign.
    for (const o of outputs.values()) o.file.discard()
    parquet?.discard()
    errors.push({
      code: 'TB-368', file: logName, line: 0, column: 0, word: '', message: `this kernel log is of another boot than the trace: ${foreign.join('; ')}`,
      hint: 'give the log of the boot that was traced, or leave out --dmesg: the pool is then found from the addresses'
    })
    refuse()
    return
  }

  if (options.cost === 'measured') {
    terms = replay.costFit?.terms() ?? null
    if (!terms) io.err('tbit replay: warning TB-364: this recording has too few bounces of different sizes to measure the cost of copying\n')
  }
  const result: ReplayResult = replayResult(replay, skips, {
    files: files.map((f) => (f === '-' ? '(standard input)' : f)), format: input.format, bytes: input.bytes, lines: input.lines, kernel: input.kernel ?? facts?.kernel ?? null,
    interrupted: input.interrupted, overwritten: input.overwritten, missedUnmaps: missed, otherEvents: input.others, drivers: facts?.drivers ?? new Map(), fullMessages: facts ? facts.full + facts.suppressed : null,
    notes: input.notes, terms, needed: sizing.needed(), swiotlb: facts?.swiotlb ?? null, whatIf: whatIfs.map((w) => w.result(terms))
  })
  errors.push(...input.errors)
  let code = input.errors.length > 0 ? 2 : input.interrupted ? 125 : 0
  if (result.events === 0 && !input.interrupted && (input.errors.length === 0 || input.lines > 0)) {
    const d: Diagnostic = input.events === 0
      ? { code: 'TB-365', file: result.source.files.join(' '), line: 0, column: 0, word: '', message: 'no line of this input is an event of a trace', hint: input.beginning !== null && kindOfInput(input.beginning) === 'log' ? `it looks like a kernel log: tbit explain log ${files[0] ?? 'FILE'} reads those` : 'read are tracefs text (trace, trace_pipe), trace-cmd report, perf script, and trace.dat' }
      : { code: 'TB-366', file: result.source.files.join(' '), line: 0, column: 0, word: '', message: `a trace without any DMA event (${input.events} events of other classes)`, hint: 'record with the events dma and swiotlb enabled: trace-cmd record -e dma -e swiotlb (Linux 6.12 or later)' }
    errors.push(d)
    code = 2
  }
  if (result.whatIf.some((w) => w.unknownDevices.length > 0)) code = 2
  const unwritten = parquet?.finish(result) ?? null
  if (unwritten !== null) {
    errors.push(unwritten)
    code = 2
  }
  for (const [kind, { name, file }] of outputs) {
    try {
      writeFileSync(file.path, printable(kind === 'perfetto' ? (await import('../report/perfetto.ts')).perfettoTrace(result) : (await import('../report/html-replay.ts')).replayHtml(result, plotLibrary())))
      file.commit()
    } catch (e) {
      file.discard()
      errors.push(cannotWrite(name, e))
      code = 2
    }
  }
  for (const e of errors) io.err(`${formatDiagnostic(e)}\n`)
  if (options.format === 'json' || code !== 2 || result.events > 0 || input.lines > 0) io.out(replayFormats[options.format](result, errors))
  io.exit(code)
}
