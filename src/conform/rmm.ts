// `conform rmm`: recorded sequences of RMI commands against the model: status, level, outputs, exits, granule states,
// RIM.
import { type Diagnostic, hex, own, unknownWord } from '../base/index.ts'
import {
  DRAM_BASE,
  type Firmware2,
  firmwares2,
  memRequestNames,
  Rmi,
  statusByName,
  statusByNumber
} from '../machine/rmm/index.ts'
import { type Answer, isDiagnostic, newSession, parseAddress, perform, type Session } from './rmm-commands.ts'
import { type MachineSpec, parseDescs, showDesc } from './rmm-session.ts'
import type { Sequence, Step } from './rmm-sequence.ts'

/** One recorded value the model disagrees with. */
export interface RmmMismatch {
  readonly file: string
  readonly sequence: string
  /** 1-based position in the sequence. */
  readonly step: number
  readonly cmd: string
  readonly field: string
  readonly recorded: string
  readonly model: string
}

/** A command at which the recorded firmware stopped. */
export interface Defect {
  /** What the model stood for. */
  readonly firmware: string
  readonly sequence: string
  readonly cmd: string
  /** Why, as far as the model knows: an assertion, or a lock it holds itself. */
  readonly stop: string | null
  /** What the model answers there: the specified status. */
  readonly status: string
}

/** A defect in one line. */
export const defectText = (d: Defect): string =>
  `${d.sequence}: firmware stopped at ${d.cmd} (${d.stop ?? 'the model knows no reason'}); the model answers ` +
  `${d.status}`

export interface RmmConformance {
  sequences: number
  /** Sequences whose answers fit only memory that is not 1 GiB aligned. */
  unaligned: number
  /** Sequences by the firmware the model stood for. */
  readonly firmwares: Map<string, number>
  /** Commands replayed. */
  operations: number
  /** Recorded values compared. */
  compared: number
  /** RIM values that were recomputed and compared, and those after a REC_CREATE of which only constancy can be. */
  rims: number
  rimsConstancy: number
  /** Steps whose recorded firmware stopped at a documented defect; the model's answer there is the specified one. */
  defects: Defect[]
  mismatches: RmmMismatch[]
  errors: Diagnostic[]
}

export const emptyConformance = (): RmmConformance => ({
  sequences: 0,
  unaligned: 0,
  firmwares: new Map(),
  operations: 0,
  compared: 0,
  rims: 0,
  rimsConstancy: 0,
  defects: [],
  mismatches: [],
  errors: []
})

// Fields of a step that are not answers.
const SKIP = new Set([
  'cmd',
  'name',
  'seed',
  'realm',
  'setup',
  'steps',
  'note',
  'intent',
  'comment',
  'diedOn',
  'complete',
  'stderr',
  'uniform',
  'id',
  'title',
  'description',
  'desc',
  'reason',
  'why',
  'rule',
  'ref',
  'reference',
  'category',
  'group',
  'tags',
  'generation',
  'source'
])

/** The model's RIM and the recorded one must change together: a value stays as long as the other does. */
interface RimPair {
  model: string
  recorded: string
}

/** Told of each command and what the model answers. */
export type Tell = (cmd: string, a: Answer) => void

/**
 * Replays one sequence and adds what was found to `total`. A sequence that says no BASE may have been recorded where g0
 * is 2 MiB but not 1 GiB aligned (a host build's memory lies anywhere): where only that explains every answer, it is
 * taken for it, and counted.
 */
export function conformSequence(file: string, q: Sequence, total: RmmConformance, most = 1000, tell?: Tell): void {
  const { machine, lines } = header(q)
  const one = emptyConformance()
  replay(file, q, machine, lines, one, most, tell)
  let found = one
  if (one.mismatches.length > 0 && machine.base === undefined) {
    const other = emptyConformance()
    replay(file, q, { ...machine, base: DRAM_BASE + UNALIGNED }, lines, other, most)
    if (other.mismatches.length === 0) {
      other.unaligned = 1
      found = other
    }
  }
  add(total, found, most)
}

/** 2 MiB: the alignment a host build's memory has at least. */
const UNALIGNED = 2 ** 21

function add(total: RmmConformance, one: RmmConformance, most: number): void {
  for (const k of ['sequences', 'unaligned', 'operations', 'compared', 'rims', 'rimsConstancy'] as const)
    total[k] += one[k]
  for (const [firmware, n] of one.firmwares) total.firmwares.set(firmware, (total.firmwares.get(firmware) ?? 0) + n)
  total.defects.push(...one.defects)
  total.mismatches.push(...one.mismatches.slice(0, Math.max(0, most - total.mismatches.length)))
  total.errors.push(...one.errors)
}

function replay(
  file: string,
  q: Sequence,
  machine: MachineSpec,
  lines: number,
  total: RmmConformance,
  most: number,
  tell?: Tell
): void {
  const s = newSession(machine)
  const last = new Map<string, RimPair>()
  const firmware = machine.generation === '1.x' ? 'v0.8.0' : (machine.firmware ?? firmwares2[0])
  total.sequences++
  const miss =
    (i: number, cmd: string) =>
    (field: string, recorded: string, model: string): void => {
      if (total.mismatches.length < most)
        total.mismatches.push({ file, sequence: q.name, step: i + 1, cmd, field, recorded, model })
    }
  for (const [i, step] of q.steps.entries()) {
    if (i < lines) {
      tell?.(step.cmd, {})
      continue
    }
    const at = { file, line: step.line, column: step.line > 0 ? 1 : 0 }
    const a =
      badHeader(step.cmd, at) ?? perform(s, step.cmd, { file, line: step.line, where: `${q.name}, step ${i + 1}` })
    const wrong = isDiagnostic(a) ? a : badStatus(step, a, at)
    if (wrong !== null || isDiagnostic(a)) {
      if (wrong !== null) total.errors.push(wrong)
      return
    }
    // Held against a firmware: as soon as one command was.
    if (total.operations++ === 0) total.firmwares.set(firmware, 1)
    tell?.(step.cmd, a)
    compare(s, step, a, last, total, miss(i, step.cmd))
  }
  if (q.diedOn !== null) died(s, file, q, firmware, total)
}

/**
 * The command at which the recorded firmware stopped: what the model knows of it, and what should have been answered.
 */
function died(s: Session, file: string, q: Sequence, firmware: string, total: RmmConformance): void {
  const a = perform(s, q.diedOn ?? '', { file, line: 0, where: `${q.name}, last command` })
  if (isDiagnostic(a)) total.errors.push(a)
  else
    total.defects.push({
      firmware,
      sequence: q.name,
      cmd: q.diedOn ?? '',
      stop: a.stop ?? null,
      status: a.status ?? 'nothing'
    })
}

/**
 * `GENERATION`, `FIRMWARE`, `FEATURES`, `MEMORY`, `BASE` and `DEVBASE` lines at the beginning say which machine the
 * sequence is for.
 */
function header(q: Sequence): { machine: MachineSpec; lines: number } {
  let machine: MachineSpec = {
    generation: '1.x',
    stepwise: q.steps.some((st) => /^(SMC_)?(RMI_)?OP_/i.test(st.cmd.trim()))
  }
  let lines = 0
  for (const step of q.steps) {
    const [name = '', value = '', ...rest] = step.cmd.trim().split(/\s+/)
    const more = headerLine(name.toUpperCase(), value, rest)
    if (more === null) break
    machine = { ...machine, ...more }
    lines++
  }
  return { machine, lines }
}

/** What a header line takes. */
const HEADERS: Readonly<Record<string, string>> = {
  GENERATION: '1.x or 2.0',
  FIRMWARE: ['v0.8.0', ...firmwares2].join(', '),
  MEMORY: 'granules, at most 2^36',
  BASE: 'an address, 0x...',
  DEVBASE: 'an address, 0x...',
  FEATURES: 'lpa2 sve_vl=N pmu=N bps=N wps=N'
}

/** A header line that is wrong or stands behind a command; null: no header line. */
function badHeader(cmd: string, at: Pick<Diagnostic, 'file' | 'line' | 'column'>): Diagnostic | null {
  const [name = '', value = '', ...rest] = cmd.trim().split(/\s+/)
  const takes = own(HEADERS, name.toUpperCase())
  if (takes === undefined) return null
  const late = headerLine(name.toUpperCase(), value, rest) !== null
  return {
    ...at,
    code: 'TB-521',
    word: value,
    message: late
      ? `${name} stands behind a command: it chooses the machine, so it comes first`
      : `'${[value, ...rest].join(' ')}' is no value for ${name}`,
    expected: late ? [] : [takes]
  }
}

/**
 * A status that somebody has written and no firmware answers; null: it is one, or none stands there. A recorder may
 * know more words: that is a mismatch.
 */
function badStatus(step: Step, a: Answer, at: Pick<Diagnostic, 'file' | 'line' | 'column'>): Diagnostic | null {
  const status = step.recorded['status']
  if (step.line === 0 || typeof status !== 'string' || a.status === undefined || /^(0x[0-9a-f]+|\d+)$/i.test(status))
    return null
  const word = statusWord(status) ?? ''
  return statusByName(word) === undefined
    ? unknownWord({ ...at, code: 'TB-521', word: status, message: `'${status}' is no status` }, Object.keys(Rmi))
    : null
}

function headerLine(name: string, value: string, rest: readonly string[]): Partial<MachineSpec> | null {
  const firmware = firmwares2.find((f) => f === value) as Firmware2 | undefined
  switch (name) {
    case 'GENERATION':
      return value === '1.x' || value === '2.0' ? { generation: value } : null
    case 'FIRMWARE':
      return value === 'v0.8.0'
        ? { generation: '1.x' }
        : firmware === undefined
          ? null
          : { generation: '2.0', firmware }
    case 'MEMORY':
      return /^\d+$/.test(value) && Number(value) > 0 && Number(value) <= 2 ** 36 ? { granules: Number(value) } : null
    case 'BASE':
      return /^0x[0-9a-f]+$/i.test(value) ? { base: Number(value) } : null
    case 'DEVBASE':
      return /^0x[0-9a-f]+$/i.test(value) ? { devBase: Number(value) } : null
    case 'FEATURES':
      return featuresOf([value, ...rest])
    default:
      return null
  }
}

/** `FEATURES lpa2 sve_vl=N pmu=N bps=N wps=N`: what REALM_CREATE may ask for. */
function featuresOf(words: readonly string[]): Partial<MachineSpec> | null {
  const features: Record<string, boolean | number> = {}
  for (const w of words) {
    const [key = '', text = ''] = w.split('=')
    const n = /^\d{1,3}$/.test(text) ? Number(text) : null
    if (w === 'lpa2') features['lpa2'] = true
    else if (n === null) return null
    else if (key === 'sve_vl') Object.assign(features, { sve: true, sveVl: n })
    else if (key === 'pmu') Object.assign(features, { pmu: true, pmuCtrs: n })
    else if (key === 'bps' || key === 'wps') features[key] = n
    else return null
  }
  return { features }
}

const show = (v: number): string => hex(v)

const realmStates: Readonly<Record<string, number>> = {
  NEW: 0,
  REALM_NEW: 0,
  ACTIVE: 1,
  REALM_ACTIVE: 1,
  SYSTEM_OFF: 2,
  REALM_SYSTEM_OFF: 2,
  ZOMBIE: 3,
  REALM_ZOMBIE: 3
}

/** A recorded status as the model writes it: `RMI_ERROR_INPUT`, `INPUT` and 1 are ERROR_INPUT. */
function statusWord(v: unknown): string | undefined {
  if (v === undefined) return undefined
  if (typeof v === 'number') return statusByNumber(v) ?? String(v)
  const w = String(v).replace(/^RMI_/, '')
  return statusByName(`ERROR_${w}`) === undefined ? w : `ERROR_${w}`
}

/** What a comparison of one recorded field has at hand. */
interface Case {
  readonly s: Session
  readonly step: Step
  readonly a: Answer
  readonly status: string | undefined
  readonly last: Map<string, RimPair>
  readonly total: RmmConformance
  readonly check: (field: string, recorded: string, model: string) => void
}

const shownList = (s: Session, v: unknown): string =>
  Array.isArray(v) ? v.map((x) => show(parseAddress(s, String(x)))).join(' ') : String(v)
const numbers =
  (field: 'ripas' | 'rsi' | 'dev_mem') =>
  (c: Case, v: unknown): void =>
    c.check(field, shownList(c.s, v), c.a[field] === undefined ? 'none' : c.a[field].map(show).join(' '))
const register =
  (field: 'esr' | 'hpfar' | 'far') =>
  (c: Case, v: unknown): void =>
    c.check(field, show(Number(v)), c.a[field] === undefined ? 'none' : show(c.a[field]))
const plain =
  (field: 'failures' | 'refcount' | 'vdev_id' | 'info' | 'stop', none = 'nothing') =>
  (c: Case, v: unknown): void =>
    c.check(field, String(v), String(c.a[field] ?? none))

/**
 * Outputs mean something on SUCCESS and INCOMPLETE; the last one of destroy and unmap commands (top) on ERROR_RTT too.
 */
function compareOut(c: Case, v: unknown): void {
  if (!Array.isArray(v)) return
  const name = (c.step.cmd.split(' ')[0] ?? '').replace(/^RMI_/, '')
  const onlyTop = c.status === 'ERROR_RTT' && /DESTROY|UNMAP/.test(name) && !/^RTT_(DATA|UNPROT|DEV)_UNMAP$/.test(name)
  const zeroes = c.status === 'ERROR_RTT' && /^RTT_(DATA|UNPROT|DEV)_UNMAP$/.test(name)
  if (c.status !== undefined && c.status !== 'SUCCESS' && c.status !== 'INCOMPLETE' && !onlyTop && !zeroes) return
  v.forEach((x, i) => {
    if (onlyTop && i !== v.length - 1) return
    if (i === 0 && c.a.handle !== undefined) {
      // A handle is a number of the firmware's own: from here on the recording's means the model's.
      c.s.handles.set(String(x).toLowerCase(), c.a.handle)
      return
    }
    // A list of one value on such an error is `top` alone.
    const at = onlyTop && v.length === 1 ? (c.a.out?.length ?? 1) - 1 : i
    c.check(
      `x${at + 1}`,
      show(parseAddress(c.s, String(x))),
      c.a.out?.[at] === undefined ? 'nothing' : show(c.a.out[at])
    )
  })
}

/** Descriptors the firmware wrote to the host's list, in either notation. */
function compareList(c: Case, v: unknown): void {
  const descs = Array.isArray(v)
    ? v.map(
        (d) =>
          parseDescs(c.s, String(d))
            ?.map((x) => showDesc(c.s, x))
            .join(',') ?? String(d)
      )
    : [String(v)]
  c.check('list', descs.join(','), (c.a.list ?? []).join(','))
}

function compareRim(c: Case, v: unknown): void {
  c.total.rims++
  c.check('rim', String(v), c.a.rim ?? 'nothing')
}

function compareRimAfterRec(c: Case, v: unknown): void {
  const before = c.last.get(c.step.cmd)
  const now: RimPair = { model: c.a.rim ?? 'nothing', recorded: String(v) }
  if (before !== undefined) {
    c.total.rimsConstancy++
    c.check(
      'rim_after_rec',
      before.recorded === now.recorded ? 'unchanged' : 'changed',
      before.model === now.model ? 'unchanged' : 'changed'
    )
  }
  c.last.set(c.step.cmd, now)
}

/** How each recorded field is held against the model's answer. */
const fields: Readonly<Record<string, (c: Case, v: unknown) => void>> = {
  status: (c) => c.check('status', c.status ?? '', c.a.status ?? 'nothing'),
  index: (c, v) => {
    if (v !== null)
      c.check('index', String(typeof v === 'string' && v.trim() !== '' ? Number(v) : v), String(c.a.index ?? 'nothing'))
  },
  /** Of an INCOMPLETE answer: NONE, DONATE or RECLAIM. */
  memreq: (c, v) => c.check('memreq', String(v).toUpperCase(), memRequestNames[(c.a.index ?? 0) & 3] ?? 'nothing'),
  out: compareOut,
  list: compareList,
  top: (c, v) =>
    c.check('top', show(parseAddress(c.s, String(v))), c.a.out === undefined ? 'nothing' : show(c.a.out.at(-1) ?? 0)),
  exit: (c, v) => c.check('exit', String(v), c.a.exit ?? 'none'),
  esr: register('esr'),
  hpfar: register('hpfar'),
  far: register('far'),
  ripas: numbers('ripas'),
  rsi: numbers('rsi'),
  dev_mem: numbers('dev_mem'),
  vdev_id: plain('vdev_id'),
  info: plain('info'),
  stop: plain('stop', 'answers'),
  sea_injected: (c, v) => c.check('sea_injected', String(v), String(c.a.sea_injected ?? false)),
  failures: plain('failures'),
  refcount: plain('refcount'),
  state: (c, v) =>
    c.check(
      'state',
      c.step.cmd.startsWith('RIM') && typeof v === 'string' ? String(own(realmStates, v) ?? v) : String(v),
      String(c.a.state ?? 'nothing')
    ),
  byte0: (c, v) => {
    if (c.a.byte0 !== null && c.step.recorded['uniform'] !== false) c.check('byte0', String(v), String(c.a.byte0))
  },
  queued: () => {},
  handle: (c, v) => {
    if (c.a.handle !== undefined) c.s.handles.set(String(v).toLowerCase(), c.a.handle)
  },
  rim: compareRim,
  rim_after_rec: compareRimAfterRec
}

/**
 * What a command that only looks has seen, as words: state and references, a RIM, a byte, failures. Null: it has a
 * status.
 */
export function lookedAt(a: Answer): string[] | null {
  if (a.status !== undefined) return null
  const words = [
    a.rim ?? a.state ?? a.failures ?? (a.byte0 === null ? undefined : a.byte0),
    a.rim === undefined ? a.refcount : undefined
  ]
    .filter((w) => w !== undefined)
    .map(String)
  return words.length > 0 ? words : null
}

function compare(
  s: Session,
  step: Step,
  a: Answer,
  last: Map<string, RimPair>,
  total: RmmConformance,
  miss: (field: string, recorded: string, model: string) => void
): void {
  const r = step.recorded
  const check = (field: string, recorded: string, model: string): void => {
    total.compared++
    if (recorded !== model) miss(field, recorded, model)
  }
  const looked = lookedAt(a)
  if (looked !== null && r['status'] !== undefined) {
    // Text has what a command saw where others have their status.
    const recorded = [r['status'], ...(r['index'] === undefined ? [] : [r['index']])].map(String)
    check('value', recorded.join(' '), looked.slice(0, recorded.length).join(' '))
    return
  }
  const c: Case = { s, step, a, status: statusWord(r['status']), last, total, check }
  for (const [field, v] of Object.entries(r)) {
    if (SKIP.has(field)) continue
    const how = Object.hasOwn(fields, field) ? fields[field] : undefined
    if (how === undefined) miss(field, JSON.stringify(v), 'a field this program does not know')
    else how(c, v)
  }
  // An entry that was recorded with a plain exit must not have had more to tell.
  if (a.exit !== undefined && r['exit'] !== undefined) {
    for (const field of ['ripas', 'rsi', 'sea_injected'] as const) {
      if (a[field] !== undefined && r[field] === undefined && !(field === 'sea_injected' && a.sea_injected === false))
        miss(field, 'none', JSON.stringify(a[field]))
    }
  }
}
