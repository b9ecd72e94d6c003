// `tbit plan`: how to populate a Realm's stage 2, what it costs, what it measures.
import { Command, InvalidArgumentError, Option } from 'commander'
import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync, statSync, writeFileSync } from 'node:fs'
import { Bytes, type Diagnostic, err, formatDiagnostic, ok, PAGE_SIZE, type Result } from '../base/index.ts'
import { type HashFn, rimRipas } from '../machine/rmm/index.ts'
import {
  type CostTable,
  chainLength,
  Counter,
  defaultTable,
  elsewhere,
  type Entry,
  type FirmwareName,
  firmwares,
  type Generation,
  generations,
  type Image,
  makePlan,
  makeSpec,
  type PageName,
  pageLevels,
  parseCosts,
  planRim,
  type PlanRequest,
  type PlanResult,
  type PlanSpec,
  sideBySide,
  strategies,
  type Strategy,
  type VmmName,
  vmmProfiles,
  vmms
} from '../plan/index.ts'
import { emitPlan } from '../report/plan-commands.ts'
import { planFormats, type RimReport } from '../report/plan.ts'
import { planHtml } from '../report/html-plan.ts'
import { foldMessage } from '../report/wrap.ts'
import { aboutFile, cannotRead, cannotWrite, openWhole, readText, writeWhole } from './file-access.ts'
import { formatOption } from './formats.ts'
import type { Io } from './io.ts'
import { usage } from './names.ts'
import { Progress } from './progress.ts'

/** Chains longer than this are computed only when asked for. */
const LONG_CHAIN = 100_000
/** Longest sequence that is written out. */
const LONGEST_EMIT = 20_000_000

interface Options {
  ram?: number
  ramBase?: number
  image: string[]
  page: PageName
  strategy?: Strategy
  rmi?: Generation
  firmware?: FirmwareName
  vmm?: VmmName
  cpus: number
  bps?: number
  wps?: number
  sveVl?: number
  pmu?: number
  lpa2?: boolean
  ipaBits?: number
  startLevel?: number
  vcpus: number
  conversions: number
  costs?: string
  showCosts?: boolean
  emit?: string
  html?: string
  rim?: boolean
  algo?: 'sha256' | 'sha384' | 'sha512' | 'both'
  entry?: bigint
  gpr: string[]
  elsewhere?: boolean
  coverage?: boolean
  format: keyof typeof planFormats
}

const sizeArg = (v: string): number => {
  const n = Bytes.parse(v)
  if (n === null) throw new InvalidArgumentError('a size such as 4096, 4K, 512M, 16G, 12T or 0x40000000 is needed.')
  return n
}
const intArg = (v: string): number => {
  if (!/^-?\d+$/.test(v) || !Number.isSafeInteger(Number(v)))
    throw new InvalidArgumentError('a whole number is needed.')
  return Number(v)
}
/** A register or an address of 64 bits; null when it is none. */
const word64 = (v: string): bigint | null => {
  const size = Bytes.parse(v)
  const n = /^(0x[0-9a-f]{1,16}|\d{1,20})$/i.test(v) ? BigInt(v) : size === null ? -1n : BigInt(size)
  return n >= 0n && n < 2n ** 64n ? n : null
}
const pcArg = (v: string): bigint => {
  const n = word64(v)
  if (n === null) throw new InvalidArgumentError('an address of 64 bits such as 0x80080000 is needed.')
  return n
}
const collect = (v: string, all: string[]): string[] => [...all, v]

const COMMAND = 'tbit plan'

/** What is wrong with the plan that is asked for. */
const problem = (word: string, message: string, hint: string): Diagnostic => ({
  ...usage(COMMAND, word, message),
  code: 'TB-510',
  hint
})

/** `FILE@ADDR`: a file and where its first byte is in the guest. */
function readImage(text: string): { image: Image; path: string } | Diagnostic {
  const at = text.lastIndexOf('@')
  if (at <= 0) return problem(text, `--image ${text}: no address`, 'an image is FILE@ADDR, for example Image@0x200000')
  const path = text.slice(0, at)
  const addr = Bytes.parse(text.slice(at + 1))
  if (addr === null)
    return problem(
      text.slice(at + 1),
      `--image ${text}: '${text.slice(at + 1)}' is no address`,
      'an image is FILE@ADDR, for example Image@0x200000'
    )
  try {
    const st = statSync(path)
    if (!st.isFile()) return aboutFile(path, `cannot be read: ${st.isDirectory() ? 'it is a directory' : 'not a file'}`)
    closeSync(openSync(path, 'r'))
    return { image: { name: path, addr, size: st.size }, path }
  } catch (e) {
    return cannotRead(path, e)
  }
}

/** By their numbers in REALM_CREATE. */
const algorithms = ['sha256', 'sha512', 'sha384'] as const

/** The same hashes by the platform's library, which is some ten times faster on pages. */
const hash: HashFn = (algo, data) =>
  createHash(algorithms[algo] ?? 'sha256')
    .update(data)
    .digest()

/** Seconds one extension and one measured granule take here: a short piece of the chain is run. */
function hashRate(algo: number): { extension: number; granule: number } {
  const time = (n: number, f: () => void): number => {
    for (let i = 0; i < n / 4; i++) f()
    const from = performance.now()
    for (let i = 0; i < n; i++) f()
    return (performance.now() - from) / 1000 / n
  }
  const page = new Uint8Array(PAGE_SIZE)
  let rim = hash(algo, page)
  return {
    extension: time(2000, () => {
      rim = rimRipas(algo, rim, 0, PAGE_SIZE, hash)
    }),
    granule: time(200, () => {
      hash(algo, page)
    })
  }
}

/** What REALM_CREATE measures besides the geometry. */
function parametersText({ measured: m }: PlanSpec): string {
  return [
    `${m.bps + 1} breakpoints, ${m.wps + 1} watchpoints`,
    m.sve ? `SVE ${(m.sveVl + 1) * 128} bits` : 'no SVE',
    m.pmu ? `${m.pmuCtrs} PMU counters` : 'no PMU',
    ...(m.lpa2 ? ['LPA2'] : [])
  ].join(', ')
}

function measure(
  io: Io,
  spec: PlanSpec,
  paths: readonly string[],
  o: Options,
  entry: Entry | null
): RimReport | Diagnostic {
  const c = new Counter(spec)
  c.run()
  const extensions = chainLength(c.tally.extensions, entry)
  const wanted = o.algo ?? (spec.vmm === null ? 'sha256' : vmmProfiles[spec.vmm].algo)
  const algo = wanted === 'both' ? 'sha256' : wanted
  const base = {
    algo,
    extensions,
    withRec: entry !== null,
    sha256: null,
    sha384: null,
    sha512: null,
    measured: parametersText(spec),
    note:
      spec.generation === '2.0'
        ? 'RMI 2.0: RTT_INIT_RIPAS measures nothing, REALM_CREATE what it does in 1.x (recorded)'
        : null
  } as const
  if (extensions > LONG_CHAIN && o.rim !== true) {
    const rate = hashRate(algorithms.indexOf(algo))
    const granules = c.tally.work.get('measured granule') ?? 0
    const expectedSeconds = extensions * rate.extension + granules * rate.granule
    return {
      ...base,
      expectedSeconds,
      missing:
        `not computed: ${extensions} extensions would take about ${expectedSeconds.toFixed(1)} s here; --rim ` +
        'computes it'
    }
  }
  const open: number[] = []
  let path = ''
  const progress = new Progress(io)
  let read = 0
  try {
    // SHA-256 and SHA-512 while that is quick; the chosen one in any case.
    const both = wanted === 'both' || extensions <= 20_000
    const wants = { sha256: both || algo === 'sha256', sha384: algo === 'sha384', sha512: both || algo === 'sha512' }
    const total = spec.images.reduce((n, i) => n + i.size, 0) * Object.values(wants).filter(Boolean).length
    const images = spec.images.map((image, i) => {
      path = paths[i] ?? ''
      const fd = openSync(path, 'r')
      open.push(fd)
      return {
        ...image,
        read: reader(fd, (bytes) => {
          progress.bytes((read += bytes), total)
        })
      }
    })
    const whole = { ...spec, images }
    const of = (name: (typeof algorithms)[number]): string | null =>
      wants[name] ? planRim(whole, algorithms.indexOf(name), entry, hash) : null
    return {
      ...base,
      expectedSeconds: null,
      missing: null,
      sha256: of('sha256'),
      sha384: of('sha384'),
      sha512: of('sha512')
    }
  } catch (e) {
    const code = (e as NodeJS.ErrnoException).code
    if (code === undefined) throw e
    return cannotRead(path, e)
  } finally {
    progress.done()
    for (const fd of open) closeSync(fd)
  }
}

const CHUNK = 1 << 20

/** Pages of a file, read in larger pieces; `more` is told of each piece's bytes. */
function reader(fd: number, more: (bytes: number) => void): (offset: number, length: number) => Uint8Array {
  const buffer = new Uint8Array(CHUNK)
  let from = -1
  let have = 0
  return (offset, length) => {
    if (from < 0 || offset < from || offset + length > from + CHUNK) {
      from = offset - (offset % CHUNK)
      have = readSync(fd, buffer, 0, CHUNK, from)
      more(have)
    }
    return buffer.subarray(offset - from, Math.min(offset - from + length, have))
  }
}

/** Options that change nothing when they are not given. */
function given(o: Options): Partial<PlanRequest> {
  const keys = ['ramBase', 'firmware', 'vmm', 'bps', 'wps', 'sveVl', 'pmu', 'lpa2'] as const
  return Object.fromEntries(keys.filter((k) => o[k] !== undefined).map((k) => [k, o[k]]))
}

/** What the plan is about: memory, host, firmware, what is measured. */
const requestOptions = (c: Command): Command =>
  c
    .option('--ram <size>', 'memory of the guest (4K to 128T)', sizeArg)
    .option('--ram-base <addr>', 'where RAM begins in the guest (default 0, or where the VMM puts it)', sizeArg)
    .option(
      '--image <file@addr>',
      'a measured file in the guest before it starts; repeatable, the order counts for the RIM',
      collect,
      []
    )
    .addOption(
      new Option('--page <size>', 'host page size under the guest: what is contiguous and aligned')
        .choices(Object.keys(pageLevels))
        .default('1G')
    )
    .addOption(new Option('--strategy <name>', 'one strategy instead of all').choices([...strategies]))
    .addOption(
      new Option(
        '--rmi <generation>',
        'interface generation (default 1.x; 2.0 with --strategy blocks): the recorded firmware of it'
      ).choices([...generations])
    )
    .addOption(new Option('--firmware <name>', 'the firmware that holds the stage 2').choices([...firmwares]))
    .addOption(
      new Option(
        '--vmm <name>',
        'order, addresses and block sizes of a VMM; the default strategy is then what it does, fault-in'
      ).choices([...vmms])
    )
    .option('--cpus <n>', 'host CPUs that work on it at a time', intArg, 1)
    .option('--bps <n>', 'breakpoints of the guest, measured (2 to 64, default 2)', intArg)
    .option('--wps <n>', 'watchpoints of the guest, measured (2 to 64, default 2)', intArg)
    .option('--sve-vl <bits>', 'largest SVE vector, measured (128 to 2048; default: no SVE)', intArg)
    .option('--pmu <n>', 'PMU counters, measured (default: no PMU)', intArg)
    .option('--lpa2', 'LPA2 in the guest, measured')
    .option('--ipa-bits <n>', 'size of the IPA space, 32 to 48 (default: 40, more when RAM needs it)', intArg)
    .option('--start-level <n>', 'level at which stage 2 starts (default: the shortest walk with 1G blocks)', intArg)
    .option('--vcpus <n>', 'RECs to create; the first one is runnable', intArg, 1)
    .option('--conversions <n>', 'pages that lazy shares and takes back', intArg, 1)
    .option(
      '--costs <file>',
      'JSON that replaces costs: {"costs": {"RTT_FOLD": 2.5}, "unit_ns": [1000, 2000], "zero_gb_s": 8}'
    )

/** What is told of it, and where to. */
const reportOptions = (c: Command): Command =>
  c
    .option('--show-costs', 'the cost table and the reason of each row')
    .option('--emit <file>', 'write the command sequence (tbit conform rmm replays it); - is standard output')
    .option('--html <out>', 'write the plans and the map of stage 2 as one page that needs no server and no script')
    .option('--rim', 'compute the RIM however long its chain is')
    .addOption(
      new Option(
        '--algo <name>',
        "hash algorithm of the Realm (default sha256, or the VMM's; sha384: RMI 2.0)"
      ).choices(['sha256', 'sha384', 'sha512', 'both'])
    )
    .option('--entry <pc>', 'program counter of the boot REC: the RIM then includes it', pcArg)
    .option('--gpr <n=value>', 'register x0 to x7 of the boot REC (with --entry); repeatable', collect, [])
    .option('--elsewhere', 'the T=0 side, SEV-SNP and TDX in their own commands')
    .option('--coverage', 'which RMI and RSI commands of each generation are modelled')
    .addOption(formatOption(planFormats))

export function planVerb(io: Io): Command {
  return reportOptions(
    requestOptions(
      new Command('plan').description(
        'How to populate the stage 2 of an Arm CCA Realm: commands, tables, relative cost, what a page conversion ' +
          "costs afterwards, the Realm's initial measurement; beside it the T=0 side, AMD SEV-SNP and Intel TDX."
      )
    )
  )
    .addHelpText(
      'after',
      `
Example:
  tbit plan --ram 16G --image Image@0x200000 --page 1G
  tbit plan --ram 12T --cpus 16
  tbit plan --ram 16G --vmm kvmtool --firmware v0.8.0 --bps 6 --wps 4
  tbit plan --ram 12T --strategy blocks --format json

Exit code: 0 a plan, 2 input that no firmware would accept.
`
    )
    .action((o: Options) => plan(io, o))
}

/** Values read from options and files; what is wrong with them goes to `errors`. */
function readImages(o: Options, errors: Diagnostic[]): { images: Image[]; paths: string[] } {
  const images: Image[] = []
  const paths: string[] = []
  for (const text of o.image) {
    const r = readImage(text)
    if ('code' in r) errors.push(r)
    else {
      images.push(r.image)
      if (r.image.size > 0) paths.push(r.path)
    }
  }
  return { images, paths }
}

function readCosts(file: string | undefined, errors: Diagnostic[]): CostTable {
  if (file === undefined) return defaultTable
  const read = readText(file, 1 << 20)
  if ('code' in read) {
    errors.push(read)
    return defaultTable
  }
  const parsed = parseCosts(file, read.text)
  if (parsed.ok) return parsed.value
  errors.push(parsed.error)
  return defaultTable
}

/** Where the boot REC enters the guest, and with what in its registers; null where it is not measured. */
function readEntry(o: Options, errors: Diagnostic[]): Entry | null {
  const gprs = new Array<bigint>(8).fill(0n)
  for (const g of o.gpr) {
    const m = /^x?([0-7])=(.+)$/i.exec(g)
    const value = m === null ? null : word64(m[2] as string)
    if (m === null || value === null)
      errors.push(problem(g, `--gpr ${g}: x0 to x7 and a value of 64 bits are needed`, 'for example --gpr 0=0x1000'))
    else gprs[Number(m[1])] = value
  }
  if (o.gpr.length > 0 && o.entry === undefined)
    errors.push(
      problem(
        '--gpr',
        '--gpr without --entry: registers are measured with the boot REC',
        'give the program counter too: --entry 0x80080000'
      )
    )
  return o.entry === undefined ? null : { pc: o.entry, gprs }
}

/** What `plan` is asked for, all of it right. */
interface Asked {
  readonly spec: PlanSpec
  readonly paths: readonly string[]
  readonly costs: CostTable
  readonly entry: Entry | null
}

function asked(ram: number, o: Options): Result<Asked, readonly Diagnostic[]> {
  const errors: Diagnostic[] = []
  const { images, paths } = readImages(o, errors)
  const costs = readCosts(o.costs, errors)
  const entry = readEntry(o, errors)
  const made = makeSpec({
    ram,
    images,
    page: o.page,
    vcpus: o.vcpus,
    conversions: o.conversions,
    cpus: o.cpus,
    ...given(o),
    ...(o.strategy === undefined ? {} : { strategy: o.strategy }),
    ...(o.rmi === undefined ? {} : { generation: o.rmi }),
    ...(o.ipaBits === undefined ? {} : { s2sz: o.ipaBits }),
    ...(o.startLevel === undefined ? {} : { start: o.startLevel })
  })
  if (!made.ok) return err([...errors, ...made.error])
  if (o.algo === 'sha384' && made.value.generation === '1.x')
    errors.push(problem('sha384', '--algo sha384: RMI 1.x has SHA-256 and SHA-512', '--rmi 2.0, or --algo sha512'))
  return errors.length > 0 ? err(errors) : ok({ spec: made.value, paths, costs, entry })
}

/** Writes the commands of a plan to a file or standard output; what is wrong with that, or null. */
function emit(io: Io, file: string, spec: PlanSpec, chosen: PlanResult): Diagnostic | null {
  if (chosen.total > LONGEST_EMIT)
    return {
      ...aboutFile(
        file,
        `the sequence has ${chosen.total} commands; at most ${LONGEST_EMIT} are written`,
        'larger host pages, --rmi 2.0 with --strategy blocks, or a smaller guest give a shorter one'
      ),
      code: 'TB-511'
    }
  const tables = chosen.peakTableBytes / PAGE_SIZE
  if (file === '-') {
    emitPlan(spec, tables, io.out)
    return null
  }
  const out = openWhole(file)
  if ('code' in out) return out
  let fd = -1
  try {
    fd = openSync(out.path, 'w')
    emitPlan(spec, tables, (t) => {
      writeFileSync(fd, t)
    })
    closeSync(fd)
    out.commit()
    return null
  } catch (e) {
    if (fd >= 0) closeSync(fd)
    out.discard()
    if ((e as NodeJS.ErrnoException).code === undefined) throw e
    return cannotWrite(file, e)
  }
}

function plan(io: Io, o: Options): void {
  const errors = planned(io, o)
  if (errors.length === 0) return
  if (o.format === 'json') io.out(`${JSON.stringify({ format: 1, errors }, null, 2)}\n`)
  for (const e of errors) io.err(`${foldMessage(formatDiagnostic(e))}\n`)
  io.exit(2)
}

/** Plans and tells it; what is wrong with that. */
function planned(io: Io, o: Options): readonly Diagnostic[] {
  const formats = planFormats[o.format]
  if (o.coverage === true || o.showCosts === true) {
    io.out(o.coverage === true ? formats.coverage() : formats.costs())
    return []
  }
  if (o.ram === undefined)
    return [{ ...usage(COMMAND, '--ram', '--ram SIZE is missing'), hint: 'for example: tbit plan --ram 16G' }]
  const what = asked(o.ram, o)
  if (!what.ok) return what.error
  const { spec, paths, costs, entry } = what.value
  const chosen = makePlan(spec, costs)
  const plans = o.strategy === undefined && o.vmm === undefined ? sideBySide(spec, costs) : [chosen]
  const rim = measure(io, spec, paths, o, entry)
  if ('code' in rim) return [rim]
  if (o.emit !== undefined) {
    const unwritten = emit(io, o.emit, spec, chosen)
    if (unwritten !== null) return [unwritten]
    if (o.emit === '-') return []
  }
  const e = elsewhere(spec)
  if (o.html !== undefined) {
    const unwritten = writeWhole(o.html, planHtml(chosen, plans, e, costs, rim))
    if (unwritten !== null) return [unwritten]
  }
  io.out(formats.plan(chosen, plans, e, costs, rim, o.elsewhere === true))
  return []
}
