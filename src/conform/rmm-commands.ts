// The commands of recorded sequences, carried out on the model. One table: name, arguments in the order of the ABI,
// what to call. Formats: shared data README, section rmm; docs/rmm.md has the language.
import { type Diagnostic, own, unknownWord } from '../base/index.ts'
import {
  type AddrDesc,
  exitNames,
  granuleNames,
  handlers,
  type OutputKind,
  PAGE,
  type Rmm1,
  Rmm2,
  toHex
} from '../machine/rmm/index.ts'
import { commStatuses, deviceCategories, deviceCommands } from './rmm-device-commands.ts'
import {
  addr,
  type Answer,
  answer,
  type Arg,
  args,
  bool,
  both,
  type Command,
  descOfWord,
  type Keys,
  lastGranule,
  type Line,
  n,
  num,
  only1,
  only2,
  parseAddress,
  parseDescs,
  queue,
  type Session,
  worlds
} from './rmm-session.ts'

export { type Answer, newSession, parseAddress, type Session } from './rmm-session.ts'

const REALM_KEYS = [
  's2sz',
  'start',
  'num',
  'rtt',
  'algo',
  'vmid',
  'params',
  'flags',
  'lpa2',
  'sve',
  'sve_vl',
  'bps',
  'wps',
  'pmu',
  'pmu_num_ctrs',
  'da',
  'planes',
  'mecid'
]
const REC_KEYS = ['aux', 'num_aux', 'params', 'mpidr', 'flags', 'runnable', 'pc', 'gprs']

function realmCreate(s: Session, rd: number, k: Keys): number {
  const flags = num(k, 'flags', 0)
  return s.rmm.realmCreate(rd, {
    params: addr(s, k, 'params', lastGranule(s, 0)),
    geo: { s2sz: num(k, 's2sz', 0), start: num(k, 'start', 0), num: num(k, 'num', 1) },
    rttBase: addr(s, k, 'rtt', 0),
    algo: num(k, 'algo', 0),
    vmid: num(k, 'vmid', 0),
    flags,
    lpa2: bool(k, 'lpa2') || flags % 2 === 1,
    sve: bool(k, 'sve') || (flags & 2) !== 0,
    sveVl: num(k, 'sve_vl', 0),
    bps: num(k, 'bps', 1),
    wps: num(k, 'wps', 1),
    pmu: bool(k, 'pmu') || (flags & 4) !== 0,
    pmuCtrs: num(k, 'pmu_num_ctrs', 0),
    da: bool(k, 'da'),
    auxPlanes: num(k, 'planes', 0),
    mecid: num(k, 'mecid', 0)
  })
}

/**
 * Auxiliary granules of REC_CREATE: `aux=gN` is the first of sixteen (or `num_aux`), a list names each. In a stepwise
 * 2.0 sequence they are donated.
 */
function auxOf(s: Session, k: Keys): { aux?: readonly number[] } {
  const text = k.get('aux')
  if (text === undefined)
    return s.rmm instanceof Rmm2 && s.stepwise
      ? {}
      : { aux: Array.from({ length: num(k, 'num_aux', 16) }, (_, i) => i * PAGE) }
  if (text.includes(',')) return { aux: text.split(',').map((a) => parseAddress(s, a)) }
  const first = parseAddress(s, text)
  return { aux: Array.from({ length: num(k, 'num_aux', 16) }, (_, i) => first + i * PAGE) }
}

function recCreate(s: Session, l: Line): number {
  const k = l.keys
  const mpidr = k.get('mpidr')
  return s.rmm.recCreate(n(l, 0), n(l, 1), {
    params: addr(s, k, 'params', lastGranule(s, 0)),
    ...auxOf(s, k),
    ...(mpidr === undefined ? {} : { mpidr: Number(mpidr) }),
    flags: k.has('runnable') ? num(k, 'runnable', 1) : num(k, 'flags', 1),
    pc: num(k, 'pc', 0),
    gprs: (k.get('gprs') ?? '')
      .split(',')
      .filter((x) => x !== '')
      .map(Number)
  })
}

function recEnter(s: Session, l: Line): Answer {
  const k = l.keys
  const word = s.rmm.recEnter(n(l, 0), {
    run: addr(s, k, 'run', lastGranule(s, 1)),
    flags: num(k, 'flags', 0),
    badGic: k.get('gic') === 'bad',
    resume: bool(k, 'resume'),
    ...(s.action === undefined ? {} : { action: s.action })
  })
  const r = answer(word)
  if (word !== 0) return r
  const e = s.rmm.exit
  // The action stays queued while the Realm was still finishing its last call.
  if (e.completed !== true) s.action = undefined
  const name = exitNames[e.reason]
  if (name !== undefined) r.exit = name
  if (e.esr !== undefined) {
    r.esr = e.esr
    r.hpfar = e.hpfar ?? 0
    r.far = e.far ?? 0
  }
  if (e.ripas !== undefined) r.ripas = [e.ripas.base, e.ripas.top, e.ripas.value]
  if (e.rsi !== undefined) r.rsi = e.rsi
  if (e.sea !== undefined) r.sea_injected = e.sea
  if (e.vdevId !== undefined) r.vdev_id = e.vdevId
  if (e.dev !== undefined && e.dev.vdevId !== 0) r.vdev_id = e.dev.vdevId
  if (e.dev !== undefined) r.dev_mem = [e.dev.base, e.dev.top, e.dev.pa]
  if (e.info !== undefined)
    r.info =
      `state=${e.info.state} lock=${e.info.nonces.lock} meas=${e.info.nonces.meas} report=${e.info.nonces.report} ` +
      `digests=${e.info.vca},${e.info.cert},${e.info.meas},${e.info.report}`
  return r
}

/** The flags word of an unmapping: how it tells the host what it freed. `NONE`, `SINGLE`, `LIST*8`, or the register. */
function outputKind(word: string | undefined): OutputKind {
  const m = /^LIST(?:\*(\d+))?$/i.exec(word ?? '')
  if (m !== null) return { type: 'list', count: m[1] === undefined ? 512 : Number(m[1]) }
  if (word === undefined || /^NONE$/i.test(word)) return { type: 'none' }
  if (/^SINGLE$/i.test(word)) return { type: 'single' }
  const flags = Number(word)
  return flags % 4 === 2
    ? { type: 'list', count: Math.floor(flags / 4) % 2 ** 14 }
    : flags % 4 === 1
      ? { type: 'single' }
      : { type: 'none' }
}

/**
 * Bits of the flags word of RTT_UNPROT_MAP, as the low bits of a 1.x descriptor: MEMATTR in 18:16, S2AP write and read
 * in 19 and 20.
 */
function attrsOf(flags: number): number {
  const memattr = (flags >> 16) & 7
  const s2ap = (flags >> 19) & 0xf
  return memattr * 4 + (s2ap & 2 ? 0x40 : 0) + (s2ap & 1 ? 0x80 : 0) + (s2ap & 0xc ? 1 : 0)
}

const unmap = (call: (m: Rmm2, l: Line, o: OutputKind) => number): Command => {
  const whole = only2('rd base:address top:address flags:flags? oaddr:address?', 3, (m, l) =>
    call(m, l, outputKind(l.words[0]))
  )
  return {
    ...whole,
    // The three-argument form of the recordings has one output.
    run: (s, l) => {
      const a = whole.run(s, l)
      return l.words.length === 0 && a.out !== undefined && a.handle === undefined
        ? { ...a, out: a.out.slice(0, 1) }
        : a
    }
  }
}

export const commands: Readonly<Record<string, Command>> = {
  VERSION: both('requested:number?', 0, (m) => {
    m.stop = null
    return 0
  }),
  FEATURES: both('index:number?', 0, (m) => {
    m.stop = null
    return 0
  }),
  GRANULE_DELEGATE: only1('pa', 0, (m, l) => m.granuleDelegate(n(l, 0))),
  GRANULE_UNDELEGATE: only1('pa', 0, (m, l) => m.granuleUndelegate(n(l, 0))),
  REALM_CREATE: both('rd', 0, (_m, l, s) => realmCreate(s, n(l, 0), l.keys), REALM_KEYS),
  REALM_ACTIVATE: both('rd', 0, (m, l) => m.realmActivate(n(l, 0))),
  REALM_DESTROY: both('rd', 0, (m, l) => m.realmDestroy(n(l, 0))),
  REALM_TERMINATE: only2('rd', 0, (m, l) => m.realmTerminate(n(l, 0))),
  REC_AUX_COUNT: only1('rd', 1, (m, l) => m.recAuxCount(n(l, 0))),
  REC_CREATE: both('rd rec', 0, (_m, l, s) => recCreate(s, l), REC_KEYS),
  REC_DESTROY: both('rec', 0, (m, l, s) =>
    m instanceof Rmm2 ? m.recDestroy(n(l, 0), !s.stepwise) : m.recDestroy(n(l, 0))
  ),
  REC_ENTER: { args: args('rec'), keys: ['flags', 'run', 'gic', 'resume'], run: recEnter },
  PSCI_COMPLETE: both('calling target status:signed', 0, (m, l) => m.psciComplete(n(l, 0), n(l, 1), n(l, 2))),
  RTT_CREATE: both('rd rtt ipa:address level:signed', 0, (m, l) => m.rttCreate(n(l, 0), n(l, 1), n(l, 2), n(l, 3))),
  RTT_DESTROY: both('rd ipa:address level:signed', 2, (m, l) => m.rttDestroy(n(l, 0), n(l, 1), n(l, 2))),
  RTT_FOLD: both('rd ipa:address level:signed', 1, (m, l) => m.rttFold(n(l, 0), n(l, 1), n(l, 2))),
  RTT_READ_ENTRY: both('rd ipa:address level:signed', 4, (m, l) => m.rttReadEntry(n(l, 0), n(l, 1), n(l, 2))),
  RTT_INIT_RIPAS: both('rd base:address top:address', 1, (m, l) => m.rttInitRipas(n(l, 0), n(l, 1), n(l, 2))),
  RTT_SET_RIPAS: both('rd rec base:address top:address', 1, (m, l) =>
    m.rttSetRipas(n(l, 0), n(l, 1), n(l, 2), n(l, 3))
  ),
  DATA_CREATE: only1('rd data ipa:address src flags:number', 0, (m, l) =>
    m.dataCreate(n(l, 0), n(l, 1), n(l, 2), n(l, 3), n(l, 4))
  ),
  DATA_CREATE_UNKNOWN: only1('rd data ipa:address', 0, (m, l) => m.dataCreateUnknown(n(l, 0), n(l, 1), n(l, 2))),
  DATA_DESTROY: only1('rd ipa:address', 2, (m, l) => m.dataDestroy(n(l, 0), n(l, 1))),
  RTT_MAP_UNPROTECTED: only1('rd ipa:address level:signed desc:address', 0, (m, l) =>
    m.rttMapUnprotected(n(l, 0), n(l, 1), n(l, 2), n(l, 3))
  ),
  RTT_UNMAP_UNPROTECTED: only1('rd ipa:address level:signed', 1, (m, l) =>
    m.rttUnmapUnprotected(n(l, 0), n(l, 1), n(l, 2))
  ),
  DEV_MEM_MAP: only1('rd ipa:address level:signed pa', 0, (m, l) => m.devMemMap(n(l, 0), n(l, 1), n(l, 2), n(l, 3))),
  DEV_MEM_UNMAP: only1('rd ipa:address level:signed', 2, (m, l) => m.devMemUnmap(n(l, 0), n(l, 1), n(l, 2))),
  RTT_DEV_MEM_VALIDATE: only1('rd rec base:address top:address', 1, (m, l) =>
    m.rttDevMemValidate(n(l, 0), n(l, 1), n(l, 2), n(l, 3))
  ),

  // RMI 2.0
  GRANULE_RANGE_DELEGATE: only2('base top', 1, (m, l) => m.granuleRangeDelegate(n(l, 0), n(l, 1))),
  GRANULE_RANGE_UNDELEGATE: only2('base top', 1, (m, l) => m.granuleRangeUndelegate(n(l, 0), n(l, 1))),
  RTT_DATA_MAP: only2('rd base:address top:address oaddr:oaddr', 1, (m, l) =>
    m.rttDataMap(n(l, 0), n(l, 1), n(l, 2), l.oaddr)
  ),
  RTT_DATA_MAP_INIT: only2('rd data ipa:address src flags:number', 0, (m, l) =>
    m.rttDataMapInit(n(l, 0), n(l, 1), n(l, 2), n(l, 3), n(l, 4))
  ),
  RTT_DATA_UNMAP: unmap((m, l, o) => m.rttDataUnmap(n(l, 0), n(l, 1), n(l, 2), o)),
  RTT_UNPROT_MAP: only2('rd base:address top:address attrs:number oaddr:oaddr', 1, (m, l) =>
    m.rttUnprotMap(n(l, 0), n(l, 1), n(l, 2), l.words[0] === 'flags' ? attrsOf(n(l, 3)) : n(l, 3), l.oaddr)
  ),
  RTT_UNPROT_UNMAP: unmap((m, l, o) => m.rttUnprotUnmap(n(l, 0), n(l, 1), n(l, 2), o)),
  RTT_DEV_MAP: only2('rd vdev base:address top:address oaddr:oaddr', 1, (m, l) =>
    m.rttDevMap(n(l, 0), n(l, 1), n(l, 2), n(l, 3), l.oaddr)
  ),
  RTT_DEV_UNMAP: unmap((m, l, o) => m.rttDevUnmap(n(l, 0), n(l, 1), n(l, 2), o)),
  RTT_DEV_VALIDATE: only2('rd rec base:address top:address', 1, (m, l) =>
    m.rttDevValidate(n(l, 0), n(l, 1), n(l, 2), n(l, 3))
  ),
  OP_MEM_DONATE: only2('handle:handle list:oaddr', 2, (m, l) => m.opMemDonate(n(l, 0), l.oaddr)),
  OP_MEM_RECLAIM: only2('handle:handle capacity:number?', 1, (m, l) =>
    m.opMemReclaim(n(l, 0), l.a.length > 1 ? n(l, 1) : 512)
  ),
  OP_CONTINUE: only2('handle:handle flags:number?', 3, (m, l) => m.opContinue(n(l, 0))),
  OP_CANCEL: only2('handle:handle', 0, (m, l) => m.opCancel(n(l, 0))),
  ...deviceCommands,

  // What the Realm does at its next entry.
  REALM_SET: queue('base:address top:address ripas:number flags:number', (l) => ({
    op: 'ripas_set',
    base: n(l, 0),
    top: n(l, 1),
    ripas: n(l, 2),
    destroyed: n(l, 3) % 2 === 1
  })),
  REALM_GET: queue('start:address end:address', (l) => ({ op: 'ripas_get', start: n(l, 0), end: n(l, 1) })),
  REALM_ABORT: queue('ipa:address level:number write:number', (l) => ({
    op: 'abort',
    ipa: n(l, 0),
    level: n(l, 1),
    write: n(l, 2) === 1
  })),
  REALM_FETCH: queue('ipa:address level:number', (l) => ({
    op: 'abort',
    ipa: n(l, 0),
    level: n(l, 1),
    write: false,
    fetch: true
  })),
  REALM_DEV_VALIDATE: queue('base:address top:address pa', (l) => ({
    op: 'dev_validate',
    base: n(l, 0),
    top: n(l, 1),
    pa: n(l, 2)
  })),
  REALM_SYSTEM_OFF: queue('', () => ({ op: 'psci', call: 'SYSTEM_OFF' })),
  REALM_CPU_ON: queue('mpidr:number?', (l) => ({
    op: 'psci',
    call: 'CPU_ON',
    ...(l.a.length > 0 ? { mpidr: n(l, 0) } : {})
  })),
  REALM_HOST_CALL: queue('', () => ({ op: 'host_call' })),

  // Pseudo-commands: looking at and preparing memory.
  FILL: {
    args: args('pa byte:number'),
    run: (s, l) => {
      s.content.fill(n(l, 0), n(l, 1))
      return {}
    }
  },
  PEEK: { args: args('pa'), run: (s, l) => ({ byte0: s.content.byte(n(l, 0)) }) },
  /** `LIST gN DESC,DESC`: the host writes an address list; a command that names gN reads it. */
  LIST: {
    args: args('pa list:oaddr'),
    run: (s, l) => {
      s.lists.set(n(l, 0), l.oaddr)
      return {}
    }
  },
  /** `IRQ n`: the next command that may yield finds an interrupt pending the n-th time it looks (0: at once). */
  IRQ: {
    args: args('after:number'),
    run: (s, l) => {
      if (s.rmm instanceof Rmm2) s.rmm.interruptIn = n(l, 0)
      return {}
    }
  },
  /** `GPI gN SECURE|ROOT|NS`: EL3 gives a granule to another world. */
  GPI: {
    args: args('pa world:word(NS|SECURE|ROOT)'),
    keys: [],
    run: (s, l) => {
      s.rmm.setForeign(n(l, 0), own(worlds, l.words[0] ?? '') ?? 0)
      return {}
    }
  },
  GSTATE: {
    args: args('pa'),
    run: (s, l) => {
      const pa = n(l, 0)
      const g = s.rmm.granule(pa)
      return {
        state: granuleNames[g >= 0 ? g : Math.max(0, s.rmm.devGranule(pa))] ?? 'NS',
        refcount: s.rmm.refcount(pa)
      }
    }
  },
  RIM: {
    args: args('rd'),
    run: (s, l) => {
      const r = s.rmm.realm(n(l, 0))
      return r === undefined || r.rim === null ? {} : { state: r.state, rim: toHex(r.rim) }
    }
  },
  BULK_DELEGATE: bulk('pa count:number', (m, l, i) => {
    const pa = n(l, 0) + i * PAGE
    return m instanceof Rmm2 ? m.granuleRangeDelegate(pa, pa + PAGE) : m.granuleDelegate(pa)
  }),
  BULK_UNDELEGATE: bulk('pa count:number', (m, l, i) => {
    const pa = n(l, 0) + i * PAGE
    return m instanceof Rmm2 ? m.granuleRangeUndelegate(pa, pa + PAGE) : m.granuleUndelegate(pa)
  }),
  BULK_DATA_UNKNOWN: bulk('rd data ipa:address count:number', (m, l, i) => {
    const data = n(l, 1) + i * PAGE
    const ipa = n(l, 2) + i * PAGE
    return m instanceof Rmm2
      ? m.rttDataMap(n(l, 0), ipa, ipa + PAGE, [{ pa: data, level: 3, count: 1 }])
      : m.dataCreateUnknown(n(l, 0), data, ipa)
  }),
  BULK_DATA_DESTROY: bulk('rd ipa:address count:number', (m, l, i) => {
    const ipa = n(l, 1) + i * PAGE
    return m instanceof Rmm2 ? m.rttDataUnmap(n(l, 0), ipa, ipa + PAGE) : m.dataDestroy(n(l, 0), ipa)
  })
}

/** More repetitions or auxiliary granules than this are a slip of the pen, not a recording. */
const MOST = 1 << 22

/** One command repeated `count` times (the last argument); how many of them failed. */
function bulk(spec: string, one: (m: Rmm1 | Rmm2, l: Line, i: number) => number): Command {
  const list = args(spec)
  return {
    args: list,
    run: (s, l) => {
      let failures = 0
      for (let i = 0; i < n(l, list.length - 1); i++) if (one(s.rmm, l, i) !== 0) failures++
      return { failures }
    }
  }
}

/** Commands of the handlers' tables that the model does not carry out. */
export const notModelled: readonly string[] = [
  ...new Set(Object.values(handlers).flatMap((h) => h.map((c) => c.name)))
].filter((c) => !Object.hasOwn(commands, c))

type At = { readonly file: string; readonly line: number; readonly where: string }

/** Carries out one command line. A line that cannot be understood is a diagnostic. */
export function perform(s: Session, cmd: string, at: At): Answer | Diagnostic {
  const words = cmd.trim().split(/\s+/)
  const name = (words[0] ?? '').toUpperCase().replace(/^(SMC_)?RMI_/, '')
  const base = { file: at.file, line: at.line, column: at.line > 0 ? 1 : 0 }
  const c = own(commands, name)
  if (c === undefined) {
    if (notModelled.includes(name))
      return {
        ...base,
        code: 'TB-522',
        word: name,
        message: `${at.where}: ${name} is not modelled`,
        hint: 'tbit plan --coverage lists the commands that are'
      }
    return unknownWord(
      {
        ...base,
        code: 'TB-521',
        word: words[0] ?? '',
        message: `${at.where}: unknown command '${clipped(words[0] ?? '')}'`
      },
      Object.keys(commands)
    )
  }
  const wrong = (word: string, message: string, expected: string[]): Diagnostic => ({
    ...base,
    code: 'TB-521',
    word,
    message: `${at.where}: ${name}: ${message}`,
    expected
  })
  const line = parseLine(s, c, registers(s, name, words.slice(1)), usageOf(name, c), wrong)
  return 'code' in line ? line : c.run(s, line)
}

/** Characters of a word that is none which are repeated. */
const REPEATED = 40
const clipped = (w: string): string => (w.length <= REPEATED ? w : `${w.slice(0, REPEATED)}...`)

const usageOf = (name: string, c: Command): string =>
  `${name} ${c.args.map((a) => a.name).join(' ')}` +
  `${c.keys === undefined ? '' : ` [${c.keys.map((k) => `${k}=..`).join(' ')}]`}`

/**
 * Argument of each command that is a flags word when the address behind it stands as a register, as a real trace has
 * it.
 */
const FLAGS_AT: Readonly<Record<string, number>> = { RTT_DATA_MAP: 3, RTT_UNPROT_MAP: 3, RTT_DEV_MAP: 4 }
const LIST = 2

/**
 * A real trace's `flags oaddr` (and OP_MEM_DONATE's `list count`) as this language's descriptors; other lines as they
 * are.
 */
function registers(s: Session, name: string, words: readonly string[]): readonly string[] {
  const at = name === 'OP_MEM_DONATE' ? 1 : own(FLAGS_AT, name)
  const raw = (t: string | undefined): t is string =>
    t !== undefined && !t.includes('/') && !Number.isNaN(parseAddress(s, t))
  if (at === undefined || words.length !== at + 2 || !raw(words[at]) || !raw(words[at + 1])) return words
  const text = (d: AddrDesc): string =>
    `0x${d.pa.toString(16)}/${d.level}*${d.count}${d.state === 'undelegated' ? ':u' : ':d'}`
  const listed = (pa: number, count: number): string => {
    const list = s.lists.get(pa)
    return list === undefined || count === 0 ? '0x0/3*0' : list.slice(0, count).map(text).join(',')
  }
  const first = words.slice(0, at)
  if (name === 'OP_MEM_DONATE') return [...first, listed(parseAddress(s, words[1] ?? ''), Number(words[2]))]
  const flags = Number(words[at])
  const oaddr = words[at + 1] ?? ''
  const descs =
    flags % 4 === LIST
      ? listed(parseAddress(s, oaddr), Math.floor(flags / 4) % 2 ** 14)
      : text(descOfWord(/^[gd]/i.test(oaddr) ? BigInt(parseAddress(s, oaddr)) : BigInt(oaddr)))
  return name === 'RTT_UNPROT_MAP' ? [...first, `flags:${flags}`, descs] : [...first, descs]
}

/** Pages that stand last among a command's registers, as a real trace has them; here they are keys. */
const PAGE_KEYS = ['params', 'run'] as const
const ADDRESS_KEYS = ['rtt', 'params', 'run', 'aux', 'req', 'resp']
/** Keys whose value is one of these words; `category` may be the register's number too. */
const WORD_KEYS: Readonly<Record<string, readonly string[]>> = {
  gic: ['bad', 'good'],
  device: ['answers', 'more', 'error'],
  status: commStatuses,
  category: deviceCategories
}

/**
 * What is wrong with the value of a key: the words it takes, or no words where it takes addresses or numbers. Null:
 * nothing.
 */
function wrongValue(s: Session, key: string, v: string): readonly string[] | null {
  const words = own(WORD_KEYS, key)
  if (words !== undefined)
    return words.some((w) => w.toLowerCase() === v.toLowerCase()) || (key === 'category' && /^\d+$/.test(v))
      ? null
      : words
  if (key === 'ranges')
    return v.split(',').every(
      (one) =>
        one === '' ||
        /^\d+$/.test(one) ||
        one
          .replace(/\*\d+$/, '')
          .split('..')
          .every((a) => !Number.isNaN(parseAddress(s, a)))
    )
      ? null
      : []
  return v.split(',').some((x) => Number.isNaN(ADDRESS_KEYS.includes(key) ? parseAddress(s, x) : Number(x))) ? [] : null
}

/** The words behind a command's name; a diagnostic when they are not what it takes. */
function parseLine(
  s: Session,
  c: Command,
  given: readonly string[],
  usage: string,
  wrong: (word: string, message: string, expected: string[]) => Diagnostic
): Line | Diagnostic {
  const a: number[] = []
  const keys = new Map<string, string>()
  const oaddr: AddrDesc[] = []
  const words: string[] = []
  let at = 0
  for (const w of given) {
    const eq = w.indexOf('=')
    if (eq > 0) {
      const key = w.slice(0, eq)
      if (!(c.keys ?? []).includes(key)) return unknownWord(wrong(key, `unknown key '${key}'`, [usage]), c.keys ?? [])
      const v = w.slice(eq + 1)
      const takes = wrongValue(s, key, v)
      if (takes !== null)
        return unknownWord(wrong(v, `'${v}' is no value for ${key}`, takes.length > 0 ? [...takes] : [usage]), takes)
      if ((key === 'num_aux' || key === 'num') && Number(v) > MOST)
        return wrong(v, `'${v}' is more than ${MOST}`, [usage])
      keys.set(key, v)
      continue
    }
    const arg = c.args[at++]
    const page = arg === undefined ? PAGE_KEYS.find((k) => c.keys?.includes(k) === true && !keys.has(k)) : undefined
    if (page !== undefined && !Number.isNaN(parseAddress(s, w))) {
      keys.set(page, w)
      continue
    }
    if (arg === undefined) return wrong(w, `one argument too many: '${w}'`, [usage])
    const problem = parseArg(s, arg, w, { a, oaddr, words })
    if (problem !== null) return wrong(w, problem, arg.words.length > 0 ? [...arg.words] : [usage])
  }
  const missing = c.args.filter((x) => !x.optional)[at]
  return missing !== undefined && !missing.optional
    ? wrong('', `${missing.name} is missing`, [usage])
    : { a, keys, oaddr, words }
}

/** Puts one argument where its command looks for it; what is wrong with it, or null. */
function parseArg(
  s: Session,
  arg: Arg,
  w: string,
  to: { readonly a: number[]; readonly oaddr: AddrDesc[]; readonly words: string[] }
): string | null {
  switch (arg.kind) {
    case 'oaddr': {
      const descs = parseDescs(s, w)
      if (descs === null) return `'${w}' is no address range: gN/LEVEL*COUNT`
      to.oaddr.push(...descs)
      to.a.push(0)
      return null
    }
    case 'word':
      if (!arg.words.includes(w.toUpperCase())) return `'${w}' is no ${arg.name}`
      to.words.push(w.toUpperCase())
      to.a.push(0)
      return null
    case 'flags':
      if (!/^(NONE|SINGLE|LIST(\*\d+)?|0x[0-9a-f]+|\d+)$/i.test(w))
        return `'${w}' says no kind of output: NONE, SINGLE, LIST*COUNT or the flags word`
      to.words.push(w)
      to.a.push(0)
      return null
    case 'handle': {
      const h = w.toLowerCase() === 'h' ? s.lastHandle : s.handles.get(w.toLowerCase())
      const v = h ?? parseAddress(s, w)
      if (Number.isNaN(v)) return `'${w}' is no handle: h is the last operation's, hN the N-th`
      to.a.push(h ?? -1)
      return null
    }
    default: {
      const flags = /^flags:(\d+)$/.exec(w)
      const v = flags === null ? parseAddress(s, w) : Number(flags[1])
      if (flags !== null) to.words.push('flags')
      if (Number.isNaN(v)) return `'${w}' is no ${arg.kind === 'granule' ? 'granule (gN, dN or an address)' : arg.kind}`
      if (arg.name === 'count' && v > MOST) return `'${w}' is more than ${MOST}`
      to.a.push(v)
      return null
    }
  }
}

export const isDiagnostic = (a: Answer | Diagnostic): a is Diagnostic => 'code' in a
