// The firmware as the subject of a search: commands of RMI 2.0, alone and in pairs on two host CPUs, that the recorded
// firmware does not answer. It stops at an assertion, waits for a lock it holds, or two CPUs wait for each other. Every
// finding is a sequence that can be read back, with what the recordings say of it.
import { plural } from '../base/index.ts'
import {
  type Call,
  carryOut,
  DRAM_BASE,
  type Hang,
  hangOf,
  identityOf,
  indexOf,
  granuleKind,
  PAGE,
  Rmi,
  Rmm2,
  statusName,
  statusOf
} from '../machine/rmm/index.ts'
import type { Defect } from './rmm.ts'

export interface FirmwareHazard {
  readonly kind: keyof typeof RECORDED
  /** What happens, whatever the addresses. */
  readonly identity: string
  /** Commands that make the Realm, as lines of a sequence. */
  readonly preparation: readonly string[]
  /** The command, or the commands of two CPUs. */
  readonly commands: readonly string[]
  /** Which CPU goes at each step that matters; empty for one CPU. */
  readonly schedule: readonly number[]
  /** What each CPU that waits holds, and wants; or which assertion fails. */
  readonly waits: readonly string[]
  /** What the model answers to a single command, which is what should be answered; null for two CPUs. */
  readonly answer: string | null
  /** What the recordings say. */
  readonly recorded: string
}

/** Recordings of this firmware to hold findings against: how many sequences, and the commands that had no answer. */
export interface RecordedStops {
  readonly sequences: number
  readonly stops: readonly Defect[]
}

export interface FirmwareHunt {
  readonly hazards: readonly FirmwareHazard[]
  /** Commands tried alone, and pairs. */
  readonly alone: number
  readonly pairs: number
}

const g = (n: number): number => DRAM_BASE + n * PAGE
const name = (pa: number): string => `g${(pa - DRAM_BASE) / PAGE}`
const hex = (n: number): string => `0x${n.toString(16)}`
const GRANULES = 2048
const RD = g(8)
const ROOTS = g(16)
/** A delegated granule below the RD, one above it, and one inside a delegated block of 2M. */
const LOW = g(2)
const HIGH = g(40)
const BLOCK = g(512)
const NS = g(100)
const [L2, L3] = [g(50), g(51)]

interface Scene {
  readonly m: Rmm2
  readonly preparation: readonly string[]
  readonly start: number
}

/** Delegated granules, and tables, that a finding may do without. */
const SPARE = [LOW, HIGH, BLOCK, L3, L2] as const

/** A Realm whose first 2M have tables down to pages; start level 1 or 2; `without` some of the spare granules. */
function scene(start: 1 | 2, without: readonly number[] = []): Scene {
  const m = new Rmm2({ measure: false, dram: { base: DRAM_BASE, granules: GRANULES }, dev: { base: 0, granules: 0 } })
  const lines = ['GENERATION 2.0', 'FIRMWARE tf-rmm-9a7f8ef4', `MEMORY ${GRANULES}`]
  const did = (line: string, word: number): void => {
    if (word !== 0) throw new Error(`preparation: ${line}`)
    lines.push(line)
  }
  const delegate = (first: number, count: number): void => {
    if (without.includes(first)) return
    let word = 0
    for (let i = 0; i < count; i++) word |= m.granuleRangeDelegate(first + i * PAGE, first + (i + 1) * PAGE)
    did(`BULK_DELEGATE ${name(first)} ${count}`, word)
  }
  const [s2sz, num] = start === 1 ? ([40, 2] as const) : ([34, 16] as const)
  delegate(LOW, 1)
  delegate(RD, 1)
  delegate(ROOTS, num)
  delegate(HIGH, 1)
  delegate(BLOCK, 512)
  if (start === 1) delegate(L2, 1)
  delegate(L3, 1)
  did(
    `REALM_CREATE ${name(RD)} s2sz=${s2sz} start=${start} num=${num} rtt=${name(ROOTS)}`,
    m.realmCreate(RD, { params: NS, geo: { s2sz, start, num }, rttBase: ROOTS, algo: 0, vmid: 0 })
  )
  if (start === 1 && !without.includes(L2)) did(`RTT_CREATE ${name(RD)} ${name(L2)} 0x0 2`, m.rttCreate(RD, L2, 0, 2))
  if (!without.includes(L3)) did(`RTT_CREATE ${name(RD)} ${name(L3)} 0x0 3`, m.rttCreate(RD, L3, 0, 3))
  return { m, preparation: lines, start }
}

const MIB2 = 2 ** 21
const GIB = 2 ** 30

/** Commands worth trying, simple ones first. */
function calls(s: Scene): Call[] {
  const map = (base: number, size: number, pa: number, level: number): Call => ({
    name: 'RTT_DATA_MAP',
    rd: RD,
    base,
    top: base + size,
    desc: { pa, level, count: 1 }
  })
  return [
    ...[HIGH, L3, LOW].map((pa) => map(0, PAGE, pa, 3)),
    map(MIB2, MIB2, BLOCK, 2),
    map(GIB, GIB, DRAM_BASE, 1),
    ...[LOW, HIGH, BLOCK + 8 * PAGE].flatMap((rtt): Call[] => [
      { name: 'RTT_CREATE', rd: RD, rtt, ipa: 2 * MIB2, level: 3 },
      ...(s.start === 1 ? [{ name: 'RTT_CREATE', rd: RD, rtt, ipa: GIB, level: 2 } as const] : [])
    ]),
    ...[HIGH, LOW].map((data): Call => ({ name: 'RTT_DATA_MAP_INIT', rd: RD, data, ipa: PAGE, src: NS })),
    { name: 'RTT_DESTROY', rd: RD, ipa: 0, level: 3 },
    { name: 'RTT_FOLD', rd: RD, ipa: 0, level: 3 },
    { name: 'RTT_DATA_UNMAP', rd: RD, base: 0, top: MIB2 },
    ...[LOW, HIGH].flatMap((pa): Call[] => [
      { name: 'GRANULE_RANGE_UNDELEGATE', pa },
      { name: 'GRANULE_RANGE_DELEGATE', pa }
    ])
  ]
}

/** A command as a line of a sequence. */
function callLine(c: Call): string {
  switch (c.name) {
    case 'GRANULE_RANGE_DELEGATE':
    case 'GRANULE_RANGE_UNDELEGATE':
      return `${c.name} ${name(c.pa)} ${name(c.pa + PAGE)}`
    case 'RTT_CREATE':
      return `RTT_CREATE ${name(c.rd)} ${name(c.rtt)} ${hex(c.ipa)} ${c.level}`
    case 'RTT_DESTROY':
    case 'RTT_FOLD':
      return `${c.name} ${name(c.rd)} ${hex(c.ipa)} ${c.level}`
    case 'RTT_DATA_MAP':
      return (
        `RTT_DATA_MAP ${name(c.rd)} ${hex(c.base)} ${hex(c.top)} ${name(c.desc.pa)}/` +
        `${c.desc.level}*${c.desc.count}`
      )
    case 'RTT_DATA_MAP_INIT':
      return `RTT_DATA_MAP_INIT ${name(c.rd)} ${name(c.data)} ${hex(c.ipa)} ${name(c.src)} 1`
    case 'RTT_DATA_UNMAP':
      return `RTT_DATA_UNMAP ${name(c.rd)} ${hex(c.base)} ${hex(c.top)}`
  }
}

/** The profile whose commands these are. */
export const HUNTED = 'tf-rmm-9a7f8ef4'

/** Without recordings at hand: what the 350 sequences recorded from this firmware say, one host CPU each. */
const RECORDED = {
  assertion: 'recorded: 24 of 350 sequences end at such a command',
  'self-deadlock': 'recorded: 6 of 350 sequences end at such a command',
  deadlock: 'not recorded: one CPU at a time was; the order of locks is read, not seen'
} as const

function recordedText(kind: keyof typeof RECORDED, r: RecordedStops | undefined): string {
  if (r === undefined || kind === 'deadlock') return RECORDED[kind]
  const stops = r.stops.filter((d) => d.firmware === HUNTED && d.stop?.startsWith(`${kind}:`) === true)
  const [first] = stops
  if (first === undefined) return `recorded: none of ${plural(r.sequences, 'sequence')} ends at such a command`
  return (
    `recorded: ${stops.length} of ${plural(r.sequences, 'sequence')} ${stops.length === 1 ? 'ends' : 'end'} at ` +
    `such a command, the first ${first.sequence} at ${first.cmd}: no answer`
  )
}

const cpuWaits = (m: Rmm2, h: Hang): string[] =>
  h.waiting.map((w) => {
    const held = [...new Set(w.holds)].map((pa) => `${name(pa)} (${granuleKind(m, pa)})`)
    return (
      `${w.call.name} holds ${held.length === 0 ? 'nothing' : held.join(' and ')}, waits for ${name(w.wants)} (` +
      `${granuleKind(m, w.wants)})`
    )
  })

/** Why the firmware stops at a command, or null. */
function stopOf(m: Rmm2, c: Call): Rmm2['stop'] {
  const after = m.clone()
  carryOut(after, c)
  return after.stop
}

const assertionIdentity = (c: Call, what: string): string => `assertion: ${c.name}: ${what}`

/** What these commands run into in this state. */
function identities(m: Rmm2, commands: readonly Call[]): string[] {
  const h = hangOf(m, commands)
  const stops = commands.map((c) => [c, stopOf(m, c)] as const)
  return [
    ...(h === null ? [] : [identityOf(m, h)]),
    ...stops.flatMap(([c, stop]) => (stop?.kind === 'assertion' ? [assertionIdentity(c, stop.what)] : []))
  ]
}

/** The scene with as few delegated granules as the finding needs. */
function smallest(start: 1 | 2, still: (m: Rmm2) => boolean): Scene {
  const without: number[] = []
  for (const spare of SPARE) {
    // The last table hangs on the one above it.
    if (spare === L2 && !without.includes(L3)) continue
    if (still(scene(start, [...without, spare]).m)) without.push(spare)
  }
  return scene(start, without)
}

/** The word for a command that the firmware does not answer. */
function answerOf(m: Rmm2, c: Call): string {
  const word = carryOut(m.clone(), c)
  return `RMI_${statusName(word)}${statusOf(word) === Rmi.ERROR_RTT ? `, level ${indexOf(word)}` : ''}`
}

/**
 * Tries every command alone, and every pair on two CPUs, in each scene. `recorded` stands in for the figures kept here.
 */
export function huntFirmware(recorded?: RecordedStops): FirmwareHunt {
  const found = new Map<string, FirmwareHazard>()
  let alone = 0
  let pairs = 0
  for (const start of [1, 2] as const) {
    const s = scene(start)
    const list = calls(s)
    const add = (
      identity: string,
      kind: keyof typeof RECORDED,
      commands: readonly Call[],
      schedule: readonly number[],
      waits: readonly string[]
    ): void => {
      if (found.has(identity)) return
      const [only] = commands
      const answer = commands.length === 1 && only !== undefined ? answerOf(s.m, only) : null
      const { preparation } = smallest(start, (m) => identities(m, commands).includes(identity))
      found.set(identity, {
        kind,
        identity,
        preparation,
        commands: commands.map(callLine),
        schedule,
        waits,
        answer,
        recorded: recordedText(kind, recorded)
      })
    }
    const quiet = list.filter((c) => {
      alone++
      const h = hangOf(s.m, [c])
      if (h !== null) add(identityOf(s.m, h), h.kind, [c], [], cpuWaits(s.m, h))
      const stop = stopOf(s.m, c)
      if (stop?.kind === 'assertion') add(assertionIdentity(c, stop.what), 'assertion', [c], [], [stop.what])
      return h === null && stop === null
    })
    for (const [i, a] of quiet.entries()) {
      for (const b of quiet.slice(i)) {
        pairs++
        const h = hangOf(s.m, [a, b])
        if (h !== null) add(identityOf(s.m, h), h.kind, [a, b], h.schedule, cpuWaits(s.m, h))
      }
    }
  }
  return { hazards: [...found.values()], alone, pairs }
}
