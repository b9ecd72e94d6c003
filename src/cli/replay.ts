// `tbit replay`: traces of real kernels against the pool.
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Command, Option } from 'commander'
import { Bytes, type Diagnostic, formatDiagnostic, printable } from '../base/index.ts'
import {
  type CostTerms,
  isDay,
  LARGEST_SIMULATED,
  parseWhatIf,
  type PoolHint,
  type ReplayResult,
  type WhatIfSpec
} from '../replay/index.ts'
import type { PlotLibrary } from '../report/html-replay.ts'
import { provenanceWarning } from '../report/replay-each.ts'
import { replayFormats } from '../report/replay-formats.ts'
import { cannotWrite, openWhole, type WholeFile } from './file-access.ts'
import { formatOption } from './formats.ts'
import { interruptible } from './interrupt.ts'
import type { Io } from './io.ts'
import { Progress } from './progress.ts'
import { beside, replayFiles, type ReplaySetup } from './replay-run.ts'

export interface Options {
  each?: boolean
  host?: string
  day?: string
  machine?: string
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
      'Replays a DMA trace of a real kernel: per device what was mapped, what bounced and what that copied; for ' +
        'the bounce pool its occupancy, high-water mark, failures and their cause, predicted slot by slot and ' +
        'compared with what the kernel did.',
      'Reads recordings of tbit record, tracefs text (trace, trace_pipe), trace-cmd report, perf script, and ' +
        'trace.dat (versions 6 and 7), plain or packed with gzip or zstd, told apart by content; several files are ' +
        'read as one (--each: each alone), - is standard input. Memory does not grow with the file.'
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
    .option(
      '--pool <SLOTS[,AREAS][@START]>',
      'the pool, when there is no kernel log; what is left out is found from the addresses'
    )
    .addOption(
      new Option('--what-if <question>', 'another pool, other devices; may be given again')
        .argParser(collect)
        .default([] as string[], 'none')
    )
    .option(
      '--cost <toll=NS,rate=BYTES[,copiers=N]|measured>',
      'price of copying for what-if: nanoseconds per crossing and bytes per second of one copier, or fitted to ' +
        'this recording. There is no default'
    )
    .option('--perfetto <out>', 'write counter tracks for the Perfetto UI')
    .option(
      '--parquet <dir>',
      'write tables of recordings, devices, samples and events there, by host and day; the same file again ' +
        'replaces what it wrote (docs/fleet.md)'
    )
    .option('--host <name>', "host of the tables (default: a part host=NAME/ of the path, else the recording's own)")
    .option('--day <yyyy-mm-dd>', "day of the tables (default: a part day=.../ of the path, else the recording's own)")
    .option('--machine <name>', 'instance type of the tables (default: machine=NAME/ of the path, else the DMI line)')
    .option(
      '--each',
      'each file is a recording of its own: all cores, a line a file; {} in --dmesg and --debugfs is the file, {.} ' +
        'the file without its extension'
    )
    .option('--html <out>', 'write a report that opens in any browser, without network')
    .addOption(formatOption(replayFormats))
    .addHelpText(
      'after',
      `
Examples:
  tbit replay trace.txt.gz --dmesg dmesg.txt
  tbit replay trace.dat --dmesg dmesg.txt --what-if "pool=65536,4" --what-if "force accepted=0000:00:02.0"
  trace-cmd report | tbit replay - --html report.html
  tbit replay --each --parquet fleet recordings/*.gz

Exit code 0 when the trace was read, 2 for wrong use or input that is damaged or
holds no DMA event (what could be read is still reported), 125 when interrupted.`
    )
    .action(async (files: string[], options: Options) => {
      await run(io, files, options)
    })
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

/** What the user says of one recording, or of each; what is wrong with it goes to `errors`. */
function setupOf(files: readonly string[], o: Options, errors: Diagnostic[]): ReplaySetup {
  const usage = (word: string, message: string, expected: readonly string[]): void => {
    errors.push({ code: 'TB-362', file: 'tbit replay', line: 0, column: 0, word, message, expected })
  }
  const questions: WhatIfSpec[] = []
  for (const q of o.whatIf) {
    const spec = parseWhatIf(q)
    if (spec.ok) questions.push(spec.value)
    else errors.push(spec.error)
  }
  const pool = o.pool === undefined ? null : parsePool(o.pool)
  if (o.pool !== undefined && pool === null)
    usage(o.pool, `--pool '${o.pool}' is no pool`, [
      'SLOTS[,AREAS][@START]: 32768, 65536,4, 64M,2@0x7b9f3000; areas are a power of two that divides the slots'
    ])
  const cost = o.cost === undefined ? null : o.cost === 'measured' ? o.cost : parseCost(o.cost)
  if (o.cost !== undefined && cost === null)
    usage(o.cost, `--cost '${o.cost}' is no price`, ['toll=NS,rate=BYTES[,copiers=N] (toll=900,rate=6G), or measured'])
  if (files.filter((f) => f === '-').length > 1) usage('-', 'standard input can be read once', ['one -'])
  if (o.day !== undefined && !isDay(o.day)) usage(o.day, `--day '${o.day}' is no day`, ['2026-11-28'])
  const given = { host: o.host ?? null, day: o.day ?? null, machine: o.machine ?? null }
  if (o.parquet === undefined && Object.values(given).some((v) => v !== null))
    usage('', '--host, --day and --machine name what --parquet writes: it is missing', ['--parquet DIR'])
  return {
    files,
    dmesg: o.dmesg ?? null,
    debugfs: o.debugfs ?? null,
    pool,
    questions,
    cost,
    parquet: o.parquet ?? null,
    given
  }
}

function refuse(io: Io, format: string, errors: readonly Diagnostic[]): void {
  if (format === 'json') io.out(`${JSON.stringify({ format: 1, errors })}\n`)
  for (const e of errors) io.err(`${formatDiagnostic(e)}\n`)
  io.exit(2)
}

type Page = 'perfetto' | 'html'
type Pages = Map<Page, { readonly name: string; readonly file: WholeFile }>

/** The pages that are asked for: what cannot be written is known before a long trace is read. */
function openPages(o: Options, errors: Diagnostic[]): Pages {
  const out: Pages = new Map()
  for (const kind of ['perfetto', 'html'] as const) {
    const name = o[kind]
    if (name === undefined || errors.length > 0) continue
    const file = openWhole(name)
    if ('code' in file) errors.push(file)
    else out.set(kind, { name, file })
  }
  return out
}

async function writePages(pages: Pages, result: ReplayResult, errors: Diagnostic[]): Promise<void> {
  for (const [kind, { name, file }] of pages) {
    try {
      writeFileSync(
        file.path,
        printable(
          kind === 'perfetto'
            ? (await import('../report/perfetto.ts')).perfettoTrace(result)
            : (await import('../report/html-replay.ts')).replayHtml(result, plotLibrary())
        )
      )
      file.commit()
    } catch (e) {
      file.discard()
      errors.push(cannotWrite(name, e))
    }
  }
}

async function run(io: Io, files: readonly string[], options: Options): Promise<void> {
  const errors: Diagnostic[] = []
  const setup = setupOf(files, options, errors)
  if (options.each === true) return (await import('./replay-each.ts')).replayEach(io, setup, options, errors)
  const pages = openPages(options, errors)
  const discard = (): void => {
    for (const p of pages.values()) p.file.discard()
  }
  if (errors.length > 0) {
    discard()
    // What else is wrong is told in the same run.
    await beside(setup, errors)
    return refuse(io, options.format, errors)
  }
  const interrupt = interruptible()
  const progress = new Progress(io)
  const r = await replayFiles(setup, {
    stop: () => interrupt.signal.aborted,
    progress: (done, total) => progress.bytes(done, total),
    warn: (line) => io.err(line)
  })
  progress.done()
  interrupt.done()
  if (r.result === null) {
    discard()
    return refuse(io, options.format, r.errors)
  }
  if (setup.parquet !== null && r.result.events > 0) io.err(provenanceWarning([r.from]))
  await writePages(pages, r.result, errors)
  const code = errors.length > 0 ? 2 : r.code
  const all = [...r.errors, ...errors]
  for (const e of all) io.err(`${formatDiagnostic(e)}\n`)
  if (options.format === 'json' || code !== 2 || r.result.events > 0 || r.lines > 0)
    io.out(replayFormats[options.format](r.result, all))
  io.exit(code)
}
