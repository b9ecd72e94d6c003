// The commands of recorded sequences, carried out on the model. One table: name, arguments in the order of the ABI, what to call.
// Formats: shared data README, section rmm.
import { type AddrDesc, DRAM_BASE, exitNames, Gpi, granuleNames, indexOf, type RealmAction, Rmi, Rmm1, Rmm2, rmmMemoryDefaults, statusName, toHex, UniformContent } from '../machine/rmm/index.ts'
import { type Diagnostic, unknownWord } from '../base/index.ts'

/** What the model answers to one command, in the words of the recordings. */
export interface Answer {
  status?: string
  index?: number
  out?: readonly number[]
  exit?: string
  esr?: number
  hpfar?: number
  far?: number
  ripas?: readonly [number, number, number]
  rsi?: readonly [number, number, number]
  sea_injected?: boolean
  state?: string | number
  refcount?: number
  byte0?: number | null
  failures?: number
  rim?: string
  queued?: boolean
}

/** One model with what a recording keeps beside it. */
export interface Session {
  readonly rmm: Rmm1 | Rmm2
  readonly content: UniformContent
  /** The Realm's next action, queued until a REC_ENTER carries it out. */
  action: RealmAction | undefined
}

/** The machine of the recordings; a text sequence may ask for another with GENERATION and MEMORY lines at its beginning. */
export function newSession(generation: '1.x' | '2.0' = '1.x', granules: number = rmmMemoryDefaults.dram.granules): Session {
  const content = new UniformContent()
  const config = { content, dram: { base: DRAM_BASE, granules } }
  return { rmm: generation === '2.0' ? new Rmm2(config) : new Rmm1(config), content, action: undefined }
}

type Kind = 'granule' | 'address' | 'number' | 'signed' | 'word' | 'oaddr'
interface Arg { readonly name: string; readonly kind: Kind; readonly optional?: boolean }
type Values = readonly number[]
type Keys = ReadonlyMap<string, string>

interface Command {
  readonly args: readonly Arg[]
  /** key=value arguments it knows. */
  readonly keys?: readonly string[]
  readonly run: (s: Session, a: Values, keys: Keys, addr: (t: string) => number, oaddr: readonly AddrDesc[]) => Answer
}

const arg = (spec: string): Arg => {
  const optional = spec.endsWith('?')
  const [name = '', kind = 'granule'] = spec.replace('?', '').split(':')
  return { name, kind: kind as Kind, ...(optional ? { optional } : {}) }
}
const args = (spec: string): Arg[] => (spec === '' ? [] : spec.split(' ').map(arg))

const answer = (word: number, out?: readonly number[]): Answer => ({ status: statusName(word), index: indexOf(word), ...(out ? { out } : {}) })

const outputsOf = (m: Rmm1 | Rmm2, word: number, outputs: number): Answer => answer(word, outputs === 0 ? undefined : [m.x1, m.x2, m.x3, m.x4].slice(0, outputs))

/** A command of both generations: its method on the model and how many outputs it has. */
const both = (spec: string, outputs: number, call: (m: Rmm1 | Rmm2, a: Values) => number): Command => ({ args: args(spec), run: (s, a) => outputsOf(s.rmm, call(s.rmm, a), outputs) })

/** A command of RMI 1.x only; 2.0 answers that it has none. */
const rmi = (spec: string, outputs: number, call: (m: Rmm1, a: Values) => number): Command => ({
  args: args(spec), run: (s, a) => (s.rmm instanceof Rmm1 ? outputsOf(s.rmm, call(s.rmm, a), outputs) : answer(Rmi.ERROR_NOT_SUPPORTED))
})

/** A command of RMI 2.0 only. `oaddr` arguments are `gN/LEVEL*COUNT`, several joined by commas. */
const rmi2 = (spec: string, outputs: number, call: (m: Rmm2, a: Values, oaddr: readonly AddrDesc[]) => number): Command => ({
  args: args(spec),
  run: (s, a, _keys, _addr, oaddr) => (s.rmm instanceof Rmm2 ? outputsOf(s.rmm, call(s.rmm, a, oaddr), outputs) : answer(Rmi.ERROR_NOT_SUPPORTED))
})

const n = (a: Values, i: number): number => a[i] ?? 0

const queue = (spec: string, make: (a: Values) => RealmAction): Command => ({
  args: args(spec),
  run: (s, a) => {
    s.action = make(a)
    return { queued: true }
  }
})

/** Pages for parameters and run structures that a recording does not name: the last granules of memory. */
const lastGranule = (s: Session, back: number): number => s.rmm.dram.range.base + (s.rmm.dram.range.granules - 1 - back) * 4096

const num = (keys: Keys, name: string, or: number): number => {
  const v = keys.get(name)
  return v === undefined ? or : Number(v)
}
const bool = (keys: Keys, name: string): boolean => num(keys, name, 0) !== 0

export const commands: Readonly<Record<string, Command>> = {
  GRANULE_DELEGATE: rmi('pa', 0, (m, a) => m.granuleDelegate(n(a, 0))),
  GRANULE_UNDELEGATE: rmi('pa', 0, (m, a) => m.granuleUndelegate(n(a, 0))),
  REALM_CREATE: {
    args: args('rd'),
    keys: ['s2sz', 'start', 'num', 'rtt', 'algo', 'vmid', 'params', 'flags', 'lpa2', 'sve', 'sve_vl', 'bps', 'wps', 'pmu', 'pmu_num_ctrs', 'da', 'planes', 'mecid'],
    run: (s, a, k, addr) => answer(s.rmm.realmCreate(n(a, 0), {
      params: k.has('params') ? addr(k.get('params') ?? '') : lastGranule(s, 0),
      geo: { s2sz: num(k, 's2sz', 0), start: num(k, 'start', 0), num: num(k, 'num', 1) },
      rttBase: addr(k.get('rtt') ?? '0'), algo: num(k, 'algo', 0), vmid: num(k, 'vmid', 0), flags: num(k, 'flags', 0),
      lpa2: bool(k, 'lpa2') || num(k, 'flags', 0) % 2 === 1, sve: bool(k, 'sve') || (num(k, 'flags', 0) & 2) !== 0, sveVl: num(k, 'sve_vl', 0),
      bps: num(k, 'bps', 1), wps: num(k, 'wps', 1), pmu: bool(k, 'pmu') || (num(k, 'flags', 0) & 4) !== 0, pmuCtrs: num(k, 'pmu_num_ctrs', 0),
      da: bool(k, 'da'), auxPlanes: num(k, 'planes', 0), mecid: num(k, 'mecid', 0)
    }))
  },
  REALM_ACTIVATE: both('rd', 0, (m, a) => m.realmActivate(n(a, 0))),
  REALM_DESTROY: both('rd', 0, (m, a) => m.realmDestroy(n(a, 0))),
  REC_AUX_COUNT: both('rd', 1, (m, a) => m.recAuxCount(n(a, 0))),
  REC_CREATE: {
    args: args('rd rec'),
    keys: ['aux', 'num_aux', 'params', 'mpidr', 'flags', 'runnable', 'pc', 'gprs'],
    run: (s, a, k, addr) => {
      const first = addr(k.get('aux') ?? '0')
      const aux = (k.get('aux') ?? '').includes(',') ? (k.get('aux') ?? '').split(',').map(addr) : Array.from({ length: num(k, 'num_aux', 16) }, (_, i) => first + i * 4096)
      const mpidr = k.get('mpidr')
      return answer(s.rmm.recCreate(n(a, 0), n(a, 1), {
        params: k.has('params') ? addr(k.get('params') ?? '') : lastGranule(s, 0), aux, ...(mpidr === undefined ? {} : { mpidr: Number(mpidr) }),
        flags: k.has('runnable') ? num(k, 'runnable', 1) : num(k, 'flags', 1), pc: num(k, 'pc', 0), gprs: (k.get('gprs') ?? '').split(',').filter((x) => x !== '').map(Number)
      }))
    }
  },
  REC_DESTROY: both('rec', 0, (m, a) => m.recDestroy(n(a, 0))),
  REC_ENTER: {
    args: args('rec'),
    keys: ['flags', 'run', 'gic', 'resume'],
    run: (s, a, k, addr) => {
      const word = s.rmm.recEnter(n(a, 0), {
        run: k.has('run') ? addr(k.get('run') ?? '') : lastGranule(s, 1), flags: num(k, 'flags', 0), badGic: k.get('gic') === 'bad', resume: bool(k, 'resume'), ...(s.action === undefined ? {} : { action: s.action })
      })
      const r = answer(word)
      if (word !== 0) return r
      const e = s.rmm.exit
      // The action stays queued while the Realm was still finishing its last call.
      if (e.completed !== true) s.action = undefined
      r.exit = exitNames[e.reason]
      if (e.esr !== undefined) { r.esr = e.esr; r.hpfar = e.hpfar ?? 0; r.far = e.far ?? 0 }
      if (e.ripas !== undefined) r.ripas = [e.ripas.base, e.ripas.top, e.ripas.value]
      if (e.rsi !== undefined) r.rsi = e.rsi
      if (e.sea !== undefined) r.sea_injected = e.sea
      return r
    }
  },
  RTT_CREATE: both('rd rtt ipa:address level:signed', 0, (m, a) => m.rttCreate(n(a, 0), n(a, 1), n(a, 2), n(a, 3))),
  RTT_DESTROY: both('rd ipa:address level:signed', 2, (m, a) => m.rttDestroy(n(a, 0), n(a, 1), n(a, 2))),
  RTT_FOLD: both('rd ipa:address level:signed', 1, (m, a) => m.rttFold(n(a, 0), n(a, 1), n(a, 2))),
  RTT_READ_ENTRY: both('rd ipa:address level:signed', 4, (m, a) => m.rttReadEntry(n(a, 0), n(a, 1), n(a, 2))),
  RTT_INIT_RIPAS: both('rd base:address top:address', 1, (m, a) => m.rttInitRipas(n(a, 0), n(a, 1), n(a, 2))),
  RTT_SET_RIPAS: both('rd rec base:address top:address', 1, (m, a) => m.rttSetRipas(n(a, 0), n(a, 1), n(a, 2), n(a, 3))),
  DATA_CREATE: rmi('rd data ipa:address src flags:number', 0, (m, a) => m.dataCreate(n(a, 0), n(a, 1), n(a, 2), n(a, 3), n(a, 4))),
  DATA_CREATE_UNKNOWN: rmi('rd data ipa:address', 0, (m, a) => m.dataCreateUnknown(n(a, 0), n(a, 1), n(a, 2))),
  DATA_DESTROY: rmi('rd ipa:address', 2, (m, a) => m.dataDestroy(n(a, 0), n(a, 1))),
  RTT_MAP_UNPROTECTED: rmi('rd ipa:address level:signed desc:address', 0, (m, a) => m.rttMapUnprotected(n(a, 0), n(a, 1), n(a, 2), n(a, 3))),
  RTT_UNMAP_UNPROTECTED: rmi('rd ipa:address level:signed', 1, (m, a) => m.rttUnmapUnprotected(n(a, 0), n(a, 1), n(a, 2))),
  DEV_MEM_MAP: rmi('rd ipa:address level:signed pa', 0, (m, a) => m.devMemMap(n(a, 0), n(a, 1), n(a, 2), n(a, 3))),
  DEV_MEM_UNMAP: rmi('rd ipa:address level:signed', 2, (m, a) => m.devMemUnmap(n(a, 0), n(a, 1), n(a, 2))),
  RTT_DEV_MEM_VALIDATE: rmi('rd rec base:address top:address', 1, (m, a) => m.rttDevMemValidate(n(a, 0), n(a, 1), n(a, 2), n(a, 3))),

  // RMI 2.0
  GRANULE_RANGE_DELEGATE: rmi2('base top', 1, (m, a) => m.granuleRangeDelegate(n(a, 0), n(a, 1))),
  GRANULE_RANGE_UNDELEGATE: rmi2('base top', 1, (m, a) => m.granuleRangeUndelegate(n(a, 0), n(a, 1))),
  RTT_DATA_MAP: rmi2('rd base:address top:address oaddr:oaddr', 1, (m, a, o) => m.rttDataMap(n(a, 0), n(a, 1), n(a, 2), o)),
  RTT_DATA_MAP_INIT: rmi2('rd data ipa:address src flags:number', 0, (m, a) => m.rttDataMapInit(n(a, 0), n(a, 1), n(a, 2), n(a, 3), n(a, 4))),
  RTT_DATA_UNMAP: rmi2('rd base:address top:address', 1, (m, a) => m.rttDataUnmap(n(a, 0), n(a, 1), n(a, 2))),
  RTT_UNPROT_MAP: rmi2('rd base:address top:address attrs:number oaddr:oaddr', 1, (m, a, o) => m.rttUnprotMap(n(a, 0), n(a, 1), n(a, 2), n(a, 3), o)),
  RTT_UNPROT_UNMAP: rmi2('rd base:address top:address', 1, (m, a) => m.rttUnprotUnmap(n(a, 0), n(a, 1), n(a, 2))),
  RTT_DEV_MAP: rmi2('rd base:address top:address oaddr:oaddr', 1, (m, a, o) => m.rttDevMap(n(a, 0), n(a, 1), n(a, 2), o)),
  RTT_DEV_UNMAP: rmi2('rd base:address top:address', 1, (m, a) => m.rttDevUnmap(n(a, 0), n(a, 1), n(a, 2))),
  RTT_DEV_VALIDATE: rmi2('rd rec base:address top:address', 1, (m, a) => m.rttDevValidate(n(a, 0), n(a, 1), n(a, 2), n(a, 3))),

  // What the Realm does at its next entry.
  REALM_SET: queue('base:address top:address ripas:number flags:number', (a) => ({ op: 'ripas_set', base: n(a, 0), top: n(a, 1), ripas: n(a, 2), destroyed: n(a, 3) % 2 === 1 })),
  REALM_GET: queue('start:address end:address', (a) => ({ op: 'ripas_get', start: n(a, 0), end: n(a, 1) })),
  REALM_ABORT: queue('ipa:address level:number write:number', (a) => ({ op: 'abort', ipa: n(a, 0), level: n(a, 1), write: n(a, 2) === 1 })),
  REALM_DEV_VALIDATE: queue('base:address top:address pa', (a) => ({ op: 'dev_validate', base: n(a, 0), top: n(a, 1), pa: n(a, 2) })),
  REALM_SYSTEM_OFF: queue('', () => ({ op: 'psci', call: 'SYSTEM_OFF' })),
  REALM_CPU_ON: queue('', () => ({ op: 'psci', call: 'CPU_ON' })),
  REALM_HOST_CALL: queue('', () => ({ op: 'host_call' })),

  // Pseudo-commands: looking at and preparing memory.
  FILL: { args: args('pa byte:number'), run: (s, a) => { s.content.fill(n(a, 0), n(a, 1)); return {} } },
  PEEK: { args: args('pa'), run: (s, a) => ({ byte0: s.content.byte(n(a, 0)) }) },
  /** `GPI gN SECURE|ROOT|NS`: EL3 gives a granule to another world. */
  GPI: {
    args: args('pa world:word'), keys: [],
    run: (s, a) => {
      s.rmm.setForeign(n(a, 0), n(a, 1))
      return {}
    }
  },
  GSTATE: {
    args: args('pa'),
    run: (s, a) => {
      const pa = n(a, 0)
      const g = s.rmm.granule(pa)
      return { state: granuleNames[g >= 0 ? g : Math.max(0, s.rmm.devGranule(pa))] ?? 'NS', refcount: s.rmm.refcount(pa) }
    }
  },
  RIM: {
    args: args('rd'),
    run: (s, a) => {
      const r = s.rmm.realm(n(a, 0))
      return r === undefined || r.rim === null ? {} : { state: r.state, rim: toHex(r.rim) }
    }
  },
  BULK_DELEGATE: {
    args: args('pa count:number'),
    run: (s, a) => bulk(n(a, 1), (i) => (s.rmm as Rmm1).granuleDelegate(n(a, 0) + i * 4096))
  },
  BULK_UNDELEGATE: {
    args: args('pa count:number'),
    run: (s, a) => bulk(n(a, 1), (i) => (s.rmm as Rmm1).granuleUndelegate(n(a, 0) + i * 4096))
  },
  BULK_DATA_UNKNOWN: {
    args: args('rd data ipa:address count:number'),
    run: (s, a) => bulk(n(a, 3), (i) => (s.rmm as Rmm1).dataCreateUnknown(n(a, 0), n(a, 1) + i * 4096, n(a, 2) + i * 4096))
  },
  BULK_DATA_DESTROY: {
    args: args('rd ipa:address count:number'),
    run: (s, a) => bulk(n(a, 2), (i) => (s.rmm as Rmm1).dataDestroy(n(a, 0), n(a, 1) + i * 4096))
  }
}

/** More repetitions or auxiliary granules than this are a slip of the pen, not a recording. */
const MOST = 1 << 22

function bulk(count: number, one: (i: number) => number): Answer {
  let failures = 0
  for (let i = 0; i < count; i++) if (one(i) !== 0) failures++
  return { failures }
}

/** Commands of RMI 1.x that a recording could hold and the model does not carry out. */
export const notModelled = [
  'VERSION', 'FEATURES', 'PSCI_COMPLETE', 'RTT_SET_S2AP', 'RTT_AUX_CREATE', 'RTT_AUX_DESTROY', 'RTT_AUX_FOLD', 'RTT_AUX_MAP_PROTECTED', 'RTT_AUX_MAP_UNPROTECTED',
  'RTT_AUX_UNMAP_PROTECTED', 'RTT_AUX_UNMAP_UNPROTECTED', 'PDEV_CREATE', 'PDEV_DESTROY', 'PDEV_COMMUNICATE', 'PDEV_GET_STATE', 'PDEV_SET_PUBKEY', 'PDEV_STOP', 'PDEV_ABORT',
  'PDEV_AUX_COUNT', 'VDEV_CREATE', 'VDEV_DESTROY', 'VDEV_COMMUNICATE', 'VDEV_GET_STATE', 'VDEV_ABORT', 'VDEV_STOP', 'VDEV_COMPLETE', 'VDEV_MAP', 'VDEV_UNMAP'
]

/** A granule name, hexadecimal or decimal number as an address; NaN when it is none of these. Beyond 2^53 the value is rounded, which changes no answer: all such addresses are out of range. */
export function parseAddress(s: Session, t: string): number {
  const m = /^([gd])(\d+)(?:\+(0x[0-9a-f]+|\d+))?$/i.exec(t)
  if (m) {
    const range = (m[1] ?? 'g').toLowerCase() === 'g' ? s.rmm.dram.range : s.rmm.dev.range
    return range.base + Number(m[2]) * 4096 + (m[3] === undefined ? 0 : Number(m[3]))
  }
  return /^-?(0x[0-9a-f]+|\d+)$/i.test(t) ? (t.startsWith('-') ? -Number(t.slice(1)) : Number(t)) : Number.NaN
}

const worlds: Record<string, number> = { NS: Gpi.NS, SECURE: Gpi.SECURE, ROOT: Gpi.ROOT }

/** Carries out one command line. A line that cannot be understood is a diagnostic. */
export function perform(s: Session, cmd: string, at: { readonly file: string; readonly line: number; readonly where: string }): Answer | Diagnostic {
  const words = cmd.trim().split(/\s+/)
  const name = (words[0] ?? '').toUpperCase().replace(/^(SMC_)?RMI_/, '')
  const base = { file: at.file, line: at.line, column: at.line > 0 ? 1 : 0 }
  const c = commands[name]
  if (c === undefined) {
    if (notModelled.includes(name)) return { ...base, code: 'TB-522', word: name, message: `${at.where}: ${name} is not modelled`, hint: 'tbit plan --coverage lists the commands that are' }
    return unknownWord({ ...base, code: 'TB-521', word: words[0] ?? '', message: `${at.where}: unknown command '${words[0] ?? ''}'` }, Object.keys(commands))
  }
  const values: number[] = []
  const keys = new Map<string, string>()
  const oaddr: AddrDesc[] = []
  const wrong = (word: string, message: string, expected: string[]): Diagnostic => ({ ...base, code: 'TB-521', word, message: `${at.where}: ${name}: ${message}`, expected })
  const usage = `${name} ${c.args.map((a) => a.name).join(' ')}${c.keys === undefined ? '' : ` [${c.keys.map((k) => `${k}=..`).join(' ')}]`}`
  for (const w of words.slice(1)) {
    const eq = w.indexOf('=')
    if (eq > 0) {
      const key = w.slice(0, eq)
      if (!(c.keys ?? []).includes(key)) return unknownWord(wrong(key, `unknown key '${key}'`, [usage]), c.keys ?? [])
      const v = w.slice(eq + 1)
      const isAddress = ['rtt', 'params', 'run', 'aux'].includes(key)
      if (key !== 'gic' && v.split(',').some((x) => Number.isNaN(isAddress ? parseAddress(s, x) : Number(x)))) return wrong(v, `'${v}' is no value for ${key}`, [usage])
      if ((key === 'num_aux' || key === 'num') && Number(v) > MOST) return wrong(v, `'${v}' is more than ${MOST}`, [usage])
      keys.set(key, v)
      continue
    }
    const a = c.args[values.length]
    if (a === undefined) return wrong(w, `one argument too many: '${w}'`, [usage])
    if (a.kind === 'oaddr') {
      for (const part of w.split(',')) {
        const m = /^(.+)\/([0-3])\*(\d+)$/.exec(part)
        const pa = m === null ? Number.NaN : parseAddress(s, m[1] ?? '')
        if (m === null || Number.isNaN(pa)) return wrong(w, `'${w}' is no address range: gN/LEVEL*COUNT`, [usage])
        oaddr.push({ pa, level: Number(m[2]), count: Number(m[3]) })
      }
      values.push(0)
      continue
    }
    const v = a.kind === 'word' ? (worlds[w.toUpperCase()] ?? Number.NaN) : parseAddress(s, w)
    if (Number.isNaN(v)) return wrong(w, `'${w}' is no ${a.kind === 'granule' ? 'granule (gN, dN or an address)' : a.kind === 'word' ? 'world' : a.kind}`, a.kind === 'word' ? Object.keys(worlds) : [usage])
    if (a.name === 'count' && v > MOST) return wrong(w, `'${w}' is more than ${MOST}`, [usage])
    values.push(v)
  }
  const missing = c.args.filter((a) => a.optional !== true)[values.length]
  if (missing !== undefined) return wrong('', `${missing.name} is missing`, [usage])
  return c.run(s, values, keys, (t) => parseAddress(s, t), oaddr)
}

export const isDiagnostic = (a: Answer | Diagnostic): a is Diagnostic => 'code' in a
