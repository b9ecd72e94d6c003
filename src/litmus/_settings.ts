// The parts that are no statements: names of kernels, platforms and properties, config, devices, mmio ranges,
// expectations.
import type {
  At,
  ConfigEntry,
  Device,
  DeviceEntry,
  Expect,
  Expectation,
  Mmio,
  Name,
  RangeWindow,
  RevisionDef
} from './ast.ts'
import { matches } from './expect.ts'
import type { Errors } from './_errors.ts'
import type { Token } from './_lex.ts'
import { badNumber, type RawRevision, type RawTest, revisionText } from './_syntax.ts'
import {
  type ConfigKey,
  type ConfigWord,
  configByName,
  type DeviceKey,
  deviceKeyByName,
  type KernelName,
  kernelNames,
  type PlatformName,
  platformNames,
  properties,
  propertyByName,
  type PropertyName
} from './vocabulary.ts'
import { Bytes, ensure, own, PAGE_SIZE } from '../base/index.ts'
import { resolveRevision, revisionByName } from '../kernel/revisions/index.ts'
import { bootPool } from '../kernel/swiotlb/param.ts'
import { kernelVersion } from '../kernel/swiotlb/version.ts'

const SLOT = 2048
const SEGMENT_SLOTS = 128
/** At most this part of RAM is kept by the three atomic pools (kernel/dma/pool.ts). */
const ATOMIC_POOLS = 3 / 16

const place = (t: At): At => ({ line: t.line, column: t.column, length: t.length })
const named = <N extends string>(t: Token): Name<N> => ({ name: t.text as N, at: place(t) })
const powerOfTwo = (n: number): boolean => n > 0 && Number.isInteger(Math.log2(n))

/** The value of a number token; null, and a message, when it is none. */
export function numberOf(t: Token, errors: Errors): number | null {
  const value = Bytes.parse(t.text)
  if (value !== null && Number.isSafeInteger(value)) return value
  badNumber(errors, t)
  return null
}

// ---- lists of names ----------------------------------------------------------------------------------------------

function resolveNames<N extends string>(
  tokens: readonly Token[],
  code: string,
  what: string,
  known: readonly string[],
  extra: readonly string[],
  errors: Errors
): Name<N>[] {
  const seen = new Set<string>()
  const out: Name<N>[] = []
  for (const t of tokens) {
    if (!known.includes(t.text) && !extra.includes(t.text)) {
      errors.add(code, t, t.text, `'${t.text}' is no ${what}`, {
        known: [...extra, ...known],
        expected: [...extra, ...known],
        ...(t.text.endsWith('*') ? { hint: 'a prefix stands only for kernels, in expect' } : {})
      })
    } else if (seen.has(t.text)) errors.warn('TB-216', t, t.text, `'${t.text}' stands twice`)
    else {
      seen.add(t.text)
      out.push(named<N>(t))
    }
  }
  return out
}

const propertyNames = properties.map((p) => p.name)

/** A revision of the text, flips included, or of the file's own names; null, and a message, when there is none. */
function resolveOne(
  raw: RawRevision,
  own: readonly RevisionDef[],
  extra: readonly string[],
  errors: Errors
): Name | null {
  const first = ensure(raw.words[0], 'word').token
  const at = place(first)
  const text = revisionText(raw)
  const read = resolveRevision(text, new Map(own.map((d) => [d.name, d.revision])))
  if (read.ok) return { name: read.value.name, at }
  const { message, expected, known, word } = read.error
  // The word of the text that holds the place of the mistake.
  let token = first
  let from = 0
  for (const w of raw.words) {
    if (from <= read.error.at) token = w.token
    from += w.text.length + 1
  }
  if (first.text.endsWith('*'))
    errors.add('TB-226', first, first.text, message, {
      known: [...extra, ...known],
      expected: [...extra, ...expected],
      hint: 'a prefix stands only for kernels, in expect'
    })
  else
    errors.add('TB-226', token, word, message, {
      known: token === first ? [...extra, ...known, ...own.map((d) => d.name)] : known,
      expected: token === first ? [...extra, ...expected] : expected
    })
  return null
}

/** `kernel NAME = REVISION`, each from what was named before it. */
export function resolveRevisions(raw: RawTest, errors: Errors): RevisionDef[] {
  const out: RevisionDef[] = []
  for (const { name, revision } of raw.revisions) {
    const from = resolveOne(revision, out, [], errors)
    if (revisionByName(name.text) !== undefined || name.text === 'all')
      errors.add('TB-216', name, name.text, `'${name.text}' is a kernel already`, {
        hint: 'give the revision of this file a name of its own'
      })
    else if (out.some((d) => d.name === name.text))
      errors.add('TB-216', name, name.text, `'${name.text}' is named twice`)
    else if (from !== null) {
      const text = revisionText(revision)
      const read = resolveRevision(text, new Map(out.map((d) => [d.name, d.revision])))
      if (read.ok) out.push({ name: name.text, at: place(name), text, revision: { ...read.value, name: name.text } })
    }
  }
  return out
}

export function resolveKernels(raw: RawTest, own: readonly RevisionDef[], errors: Errors): Name<KernelName | 'all'>[] {
  const out: Name[] = []
  for (const k of raw.kernels) {
    const first = ensure(k.words[0], 'word').token
    const name =
      k.words.length === 1 && first.text === 'all'
        ? { name: 'all', at: place(first) }
        : resolveOne(k, own, ['all'], errors)
    if (name === null) continue
    if (out.some((n) => n.name === name.name))
      errors.warn('TB-216', first, revisionText(k), `'${revisionText(k)}' stands twice`)
    else out.push(name)
  }
  return out
}

export const resolvePlatforms = (raw: RawTest, errors: Errors): Name<PlatformName | 'all'>[] =>
  resolveNames(raw.platforms, 'TB-227', 'platform', platformNames, ['all'], errors)
export const resolveForbid = (raw: RawTest, errors: Errors): Name<PropertyName | 'default' | 'all'>[] =>
  resolveNames(raw.forbid, 'TB-228', 'property', propertyNames, ['default', 'all'], errors)

// ---- expect ------------------------------------------------------------------------------------------------------

export function resolveExpects(raw: RawTest, own: readonly RevisionDef[], errors: Errors): Expect[] {
  const out: Expect[] = []
  for (const e of raw.expects) {
    const kernelList: Name[] = []
    for (const k of e.kernels) {
      const t = ensure(k.words[0], 'word').token
      const pattern = t.text === 'all' ? '*' : t.text
      if (k.words.length > 1 || !pattern.endsWith('*')) {
        const name = resolveOne(k, own, ['*'], errors)
        if (name !== null) kernelList.push(name)
      } else if (kernelNames.some((n) => matches(pattern, n))) kernelList.push({ name: pattern, at: place(t) })
      else
        errors.add('TB-226', t, t.text, `no kernel's name begins with '${t.text.slice(0, -1)}'`, {
          known: kernelNames,
          expected: ['*', ...kernelNames]
        })
    }
    const platformList: Name[] = []
    for (const t of e.platforms) {
      const name = t.text === 'all' ? '*' : t.text
      if (name === '*' || platformNames.includes(name)) platformList.push({ name, at: place(t) })
      else
        errors.add('TB-227', t, t.text, `'${t.text}' is no platform`, {
          known: platformNames,
          expected: ['*', ...platformNames],
          ...(t.text.endsWith('*') ? { hint: 'a prefix stands only for kernels' } : {})
        })
    }
    if (e.platforms.length === 0) platformList.push({ name: '*', at: place(e.at) })
    const verdict = e.as === null ? resolveVerdict(e.verdict, errors) : resolveAs(e.as, own, errors)
    if (verdict) out.push({ kernels: kernelList, platforms: platformList, verdict, at: place(e.at) })
  }
  return out
}

function resolveAs(raw: RawRevision, own: readonly RevisionDef[], errors: Errors): Expectation | null {
  const name = resolveOne(raw, own, [], errors)
  return name === null ? null : { kind: 'as', kernel: name.name }
}

function resolveVerdict(words: readonly Token[], errors: Errors): Expectation | null {
  const found = new Set<string>()
  let bad = false
  for (const t of words) {
    const verdict = t.text === 'ok' || t.text === 'vacuous'
    if (!verdict && !propertyByName.has(t.text)) {
      const never: Record<string, string> = {
        violated: 'name the properties instead',
        incomplete: 'an incomplete search meets no expectation',
        skipped: 'a pair without meaning is skipped by itself',
        default: 'name the properties',
        all: 'name the properties'
      }
      const hint = own(never, t.text)
      errors.add('TB-228', t, t.text, `'${t.text}' is no verdict and no property`, {
        known: ['ok', 'vacuous', ...propertyNames],
        expected: ['ok', 'vacuous', ...propertyNames],
        ...(hint === undefined ? {} : { hint })
      })
      bad = true
    } else if (found.has(t.text)) errors.warn('TB-216', t, t.text, `'${t.text}' stands twice`)
    else if (found.size > 0 && (verdict || found.has('ok') || found.has('vacuous'))) {
      errors.add('TB-229', t, t.text, `a verdict is 'ok', 'vacuous' or a list of properties, not a mixture`, {
        hint: 'write one expect line for each case; the last that applies wins'
      })
      bad = true
    } else found.add(t.text)
  }
  if (bad || found.size === 0) return null
  if (found.has('ok')) return { kind: 'ok' }
  if (found.has('vacuous')) return { kind: 'vacuous' }
  return { kind: 'violated', properties: propertyNames.filter((p) => found.has(p)) }
}

// ---- config ------------------------------------------------------------------------------------------------------

export function resolveConfigEntries(raw: RawTest, errors: Errors): ConfigEntry[] {
  const out = new Map<ConfigKey, ConfigEntry>()
  for (const { key, values } of raw.config) {
    const word = ensure(configByName.get(key.text), key.text)
    const k = key.text as ConfigKey
    const first = ensure(values[0], 'value')
    const value = configValue(word, values, errors)
    const other = out.get(k)
    if (other !== undefined) {
      if (value === null) continue
      if (JSON.stringify(other.value) === JSON.stringify(value))
        errors.warn('TB-222', key, key.text, `'${key.text}' is set twice, to the same`)
      else
        errors.add('TB-222', key, key.text, `'${key.text}' is set twice`, {
          hint: `it is set on line ${other.at.line} too`
        })
      continue
    }
    if (word.notModelled !== undefined) errors.notModelled(key, key.text, word.notModelled)
    if (value !== null) out.set(k, { key: k, value, at: place(key), valueAt: place(first) })
  }
  return [...out.values()]
}

/** A number of areas that the pool can have: kernel/dma/swiotlb.c, swiotlb_adjust_nareas and limit_nareas. */
function areasOf(slots: number, areas: number): number {
  let n = 2 ** Math.ceil(Math.log2(areas))
  while (n > 1 && (n > slots / SEGMENT_SLOTS || slots % n !== 0)) n /= 2
  return n
}

/** The words in the order of the vocabulary, each once. */
function listValue(word: ConfigWord, values: readonly Token[], errors: Errors): string | null {
  const said = new Set(values.map((v) => v.text))
  const none = values.find((v) => v.text === 'none')
  if (none !== undefined && said.size > 1) {
    errors.add('TB-222', none, none.text, `'${word.name}' is none or a list, not both`)
    return null
  }
  return (word.values ?? []).filter((v) => said.has(v)).join(' ')
}

function configValue(word: ConfigWord, values: readonly Token[], errors: Errors): ConfigEntry['value'] | null {
  const first = ensure(values[0], 'value')
  if (word.kind === 'list') return listValue(word, values, errors)
  if (word.kind === 'words' || word.kind === 'string' || (word.kind === 'limit' && first.kind === 'word'))
    return first.text
  const n = numberOf(first, errors)
  if (n === null) return null
  if (word.kind === 'sizes') {
    if (word.values?.some((v) => Bytes.parse(v) === n)) return n
    errors.add('TB-221', first, first.text, `'${word.name}' is ${(word.values ?? []).join(', ')}, not ${first.text}`, {
      expected: word.values ?? []
    })
    return null
  }
  if (word.kind === 'slots') {
    const second = values[1]
    const areas = second === undefined ? null : numberOf(second, errors)
    if (second !== undefined && areas === null) return null
    const fits = areas === null || areas === 0 ? areas : areasOf(n, areas)
    if (fits !== areas)
      errors.warn(
        'TB-222',
        first,
        values.map((v) => v.text).join(','),
        `${areas} areas become ${fits}, as in the kernel: a power of two, of ${SEGMENT_SLOTS} slots or more each`
      )
    return { slots: n, areas: fits }
  }
  if (word.min !== undefined && n < word.min) {
    errors.add(
      'TB-222',
      first,
      first.text,
      word.min === 1 ? `'${word.name}' cannot be 0` : `'${word.name}' is at least ${word.min}, not ${first.text}`
    )
    return null
  }
  if (word.max !== undefined && n > word.max) {
    const most = word.kind === 'size' ? Bytes.format(word.max) : String(word.max)
    errors.add(
      'TB-222',
      first,
      first.text,
      `'${word.name}' is at most ${most}, not ${first.text}`,
      word.name === 'ram' ? { hint: 'the second bank of memory lies at 4G' } : {}
    )
    return null
  }
  return n
}

/**
 * What does not fit together: pools and memory, areas and slots, pages and granules, CPUs, the shared alias and memory
 * above it.
 * Long: one rule after the other, each with its message.
 */
export function checkConfig(
  raw: RawTest,
  config: readonly ConfigEntry[],
  devices: readonly Device[],
  threads: readonly { cpu: number; cpuAt: Token | null }[],
  highPages: readonly At[],
  errors: Errors
): void {
  const entry = new Map(config.map((e) => [e.key, e]))
  const written = new Map(raw.config.map((e) => [e.key.text, e.values.map((v) => v.text).join(',')]))
  const wordOf = (key: ConfigKey): string => written.get(key) ?? ''
  const num = (key: ConfigKey): number => {
    const v = entry.get(key)?.value
    if (typeof v === 'number') return v
    return ensure(Bytes.parse(ensure(configByName.get(key)?.default, key)), key)
  }
  const bad = (at: At, word: string, message: string, hint?: string): void =>
    errors.add('TB-222', at, word, message, hint === undefined ? {} : { hint })
  const sayAt = (key: ConfigKey, message: string, hint?: string): void => {
    const e = entry.get(key)
    if (e) bad(e.valueAt, wordOf(key), message, hint)
  }
  const ram = num('ram')
  const page = num('guest_page')
  const granule = num('host_granule')
  const unit = Math.max(page, granule)
  if (ram % unit !== 0)
    sayAt(
      entry.has('ram') ? 'ram' : 'host_granule',
      `ram of ${Bytes.format(ram)} is no multiple of ${Bytes.format(unit)}`,
      'memory consists of whole guest pages and host granules'
    )

  const ipaBits = num('ipa_bits')
  if (ram > 2 ** (ipaBits - 1))
    sayAt(
      entry.has('ipa_bits') ? 'ipa_bits' : 'ram',
      `ram of ${Bytes.format(ram)} does not fit below the shared alias at bit ${ipaBits - 1}`
    )
  else if (2 ** 32 + ram > 2 ** (ipaBits - 1) && highPages[0]) {
    const e = entry.get('ipa_bits')
    const at = e?.valueAt ?? highPages[0]
    bad(
      at,
      e ? wordOf('ipa_bits') : 'alloc_page',
      `alloc_page(high) needs memory above 4G, and the shared alias begins at bit ${ipaBits - 1}`,
      'ipa_bits must be 34 or more'
    )
  }

  const swiotlb = entry.get('swiotlb')
  const pool = swiotlb && typeof swiotlb.value === 'object' ? swiotlb.value : { slots: 512, areas: null }
  if (swiotlb && pool.areas !== null) {
    const word = wordOf('swiotlb')
    if (pool.areas === 0) bad(swiotlb.valueAt, word, 'a pool has at least one area')
  }
  const cmdline = entry.get('cmdline')
  const booted =
    typeof cmdline?.value === 'string'
      ? bootPool(cmdline.value, () => kernelVersion(6, 12), pool.slots, pool.areas ?? 1)
      : null
  if (cmdline && booted && booted.slots > pool.slots && booted.slots * SLOT > ram - ATOMIC_POOLS * ram)
    bad(
      cmdline.valueAt,
      wordOf('cmdline'),
      `the bounce pool of ${booted.slots} slots (${Bytes.format(booted.slots * SLOT)}) does not fit into ram ` +
        `${Bytes.format(ram)}`,
      `swiotlb= counts slots of ${SLOT} bytes`
    )
  const pools: { name: string; slots: number; at: At; word: string }[] = [
    {
      name: 'swiotlb',
      slots: pool.slots,
      at: swiotlb?.valueAt ?? entry.get('ram')?.valueAt ?? { line: 0, column: 0, length: 0 },
      word: wordOf(swiotlb ? 'swiotlb' : 'ram')
    }
  ]
  const priv = entry.get('private_pool')
  if (priv)
    pools.push({ name: 'private_pool', slots: num('private_pool'), at: priv.valueAt, word: wordOf('private_pool') })
  for (const d of devices)
    for (const e of d.entries)
      if (e.key === 'restricted_pool')
        pools.push({ name: `the restricted pool of ${d.name}`, slots: Number(e.value), at: e.at, word: e.key })
  const areas = [
    { name: 'the CMA area', size: num('cma'), at: entry.get('cma')?.valueAt, word: wordOf('cma') },
    ...devices.flatMap((d) =>
      d.entries
        .filter((e) => e.key === 'cma')
        .map((e) => ({ name: `the CMA area of ${d.name}`, size: Number(e.value), at: e.at, word: 'cma' }))
    )
  ]
  let all = 0
  for (const a of areas) {
    all += a.size
    if (a.at !== undefined && all > ram / 4) {
      bad(
        a.at,
        a.word,
        `${a.name} of ${Bytes.format(a.size)} is larger than a quarter of ram ${Bytes.format(ram)}` +
          `${all === a.size ? '' : ', with those before it'}`
      )
      break
    }
  }
  if (num('cma') % unit !== 0) sayAt('cma', `an area is a multiple of ${Bytes.format(unit)}`)
  let slots = 0
  for (const p of pools) {
    slots += p.slots
    if (slots * SLOT > ram - ATOMIC_POOLS * ram) {
      bad(
        p.at,
        p.word,
        `${p.name === 'swiotlb' ? 'the bounce pool' : p.name}` +
          `${slots === p.slots ? '' : ' and the pools before it'} of ${slots} slots ` +
          `(${Bytes.format(slots * SLOT)}) does not fit into ram ${Bytes.format(ram)}`,
        `a slot is ${SLOT} bytes`
      )
      break
    }
  }

  if (!powerOfTwo(num('cache_line'))) sayAt('cache_line', 'cache_line is a power of two')
  const vtom = entry.get('vtom')?.value
  if (typeof vtom === 'number' && vtom % page !== 0)
    sayAt('vtom', `vtom is a multiple of the guest page of ${Bytes.format(page)}`)

  const cpus = entry.get('cpus')
  for (const t of threads) {
    if (t.cpuAt === null) continue
    if (cpus && t.cpu >= num('cpus'))
      errors.add('TB-232', t.cpuAt, t.cpuAt.text, `cpu ${t.cpu} does not exist: cpus is ${num('cpus')}`, {
        expected: [`0 to ${num('cpus') - 1}`]
      })
    else if (t.cpu > 63)
      errors.add('TB-232', t.cpuAt, t.cpuAt.text, `cpu ${t.cpu} is too high`, { expected: ['0 to 63'] })
  }
}

// ---- devices and mmio --------------------------------------------------------------------------------------------

export function resolveDeviceParts(raw: RawTest, errors: Errors): Device[] {
  let physical = false
  return raw.devices.map((d) => {
    const vf = d.entries.find((e) => e.key.text === 'vf')
    if (vf === undefined) physical = true
    else if (!physical)
      errors.add(
        'TB-224',
        vf.key,
        vf.key.text,
        `device ${d.name.text} is a virtual function, and no device above it has such`,
        { hint: 'the physical function stands first' }
      )
    const entries = new Map<DeviceKey, DeviceEntry>()
    for (const { key, values } of d.entries) {
      const k = key.text as DeviceKey
      const { kind, notModelled } = ensure(deviceKeyByName.get(k), k)
      if (notModelled !== undefined) errors.notModelled(key, key.text, notModelled)
      if (kind === 'windows' && values.length > 1) {
        const map = windowsOf(key, values, errors)
        const other = entries.get(k)
        if (map !== null && other === undefined) entries.set(k, { key: k, value: map, at: place(key) })
        else if (map !== null)
          errors.add('TB-224', key, key.text, `'${key.text}' stands twice in device ${d.name.text}`)
        continue
      }
      const v = values[0]
      const n =
        v === undefined
          ? true
          : kind === 'mask' || kind === 'address' || kind === 'windows'
            ? wideNumber(v, errors)
            : numberOf(v, errors)
      if (n === null) continue
      if (v !== undefined && kind === 'mask' && typeof n === 'number' && n !== 0 && !powerOfTwo(n + 1))
        errors.warn('TB-224', v, v.text, `'${key.text}' is 2^n - 1 on real devices (0xfff, 4095), not ${v.text}`)
      if (v !== undefined && typeof n === 'number') {
        const wrong = deviceValue(kind, n)
        if (wrong !== null) {
          errors.add('TB-224', v, v.text, `'${key.text}' ${wrong}, not ${v.text}`)
          continue
        }
      }
      const other = entries.get(k)
      if (other === undefined) entries.set(k, { key: k, value: n, at: place(key) })
      else if (other.value === n)
        errors.warn('TB-224', key, key.text, `'${key.text}' stands twice in device ${d.name.text}`)
      else errors.add('TB-224', key, key.text, `'${key.text}' stands twice in device ${d.name.text}, with two values`)
    }
    return { name: d.name.text, at: place(d.name), entries: [...entries.values()] }
  })
}

/** [CPU, BUS, SIZE, ...]; null, and a message, when a window is none. */
function windowsOf(key: Token, values: readonly Token[], errors: Errors): RangeWindow[] | null {
  const numbers = values.map((v) => numberOf(v, errors))
  const out: RangeWindow[] = []
  for (let i = 0; i + 2 < numbers.length; i += 3) {
    const [cpu_start, dma_start, size] = [numbers[i] ?? null, numbers[i + 1] ?? null, numbers[i + 2] ?? null]
    if (cpu_start === null || dma_start === null || size === null) return null
    const at = ensure(values[i + 2], 'size')
    if (size === 0 || size % PAGE_SIZE !== 0 || cpu_start % PAGE_SIZE !== 0 || dma_start % PAGE_SIZE !== 0) {
      errors.add('TB-224', at, at.text, `a window of '${key.text}' is made of whole pages, and not empty`)
      return null
    }
    out.push({ cpu_start, dma_start, size })
  }
  return out
}

/** Masks and limits have 64 bits: from 2^53 on they all mean "no limit" here, since no address is as large. */
function wideNumber(t: Token, errors: Errors): number | null {
  if (
    /^(0x[0-9a-f]{1,16}|\d{1,20})$/i.test(t.text) &&
    BigInt(t.text) > BigInt(Number.MAX_SAFE_INTEGER) &&
    BigInt(t.text) < 2n ** 64n
  )
    return Number.MAX_SAFE_INTEGER
  return numberOf(t, errors)
}

/** What is wrong with the value, or null. */
function deviceValue(kind: string, n: number): string | null {
  switch (kind) {
    case 'bits':
      return n >= 1 && n <= 64 ? null : n === 0 ? 'of 0 bits reaches nothing: 1 to 64 bits' : 'is 1 to 64 bits'
    case 'slots':
      return n >= 1 ? null : 'has at least one slot'
    case 'number':
      return n >= 1 ? null : 'is 1 or more'
    case 'size':
      return n > 0 && n % PAGE_SIZE === 0 ? null : 'is a number of pages'
    case 'windows':
    case 'address':
      return n >= 1 ? null : 'leaves an address to reach'
    default:
      return null
  }
}

export function resolveMmios(raw: RawTest, errors: Errors): Mmio[] {
  const out: Mmio[] = []
  const deviceNames = raw.devices.map((d) => d.name.text)
  for (const m of raw.mmios) {
    let of: Name | null = null
    let access: Token | null = null
    for (const { key, values } of m.entries) {
      const v = values[0]
      if (key.text === 'of') {
        if (of && of.name === v?.text)
          errors.warn('TB-225', key, key.text, `mmio ${m.name.text} names its device twice`)
        else if (of) errors.add('TB-225', key, key.text, `mmio ${m.name.text} is of one device`)
        else if (v && !deviceNames.includes(v.text))
          errors.add('TB-211', v, v.text, `'${v.text}' is no device of this test`, {
            known: deviceNames,
            expected: deviceNames
          })
        if (v) of = named(v)
      } else {
        if (access?.text === key.text)
          errors.warn('TB-225', key, key.text, `'${key.text}' stands twice in mmio ${m.name.text}`)
        else if (access) errors.add('TB-225', key, key.text, `mmio ${m.name.text} is private or shared, not both`)
        access = key
      }
    }
    if (of === null)
      errors.add('TB-225', m.name, m.name.text, `mmio ${m.name.text} names no device`, { expected: ["'of DEVICE'"] })
    else if (access === null)
      errors.add('TB-225', m.name, m.name.text, `mmio ${m.name.text} is neither private nor shared`, {
        expected: ["'private'", "'shared'"]
      })
    else
      out.push({ name: m.name.text, at: place(m.name), of, access: access.text === 'private' ? 'private' : 'shared' })
  }
  return out
}
