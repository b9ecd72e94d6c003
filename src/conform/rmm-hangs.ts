// The firmware as the subject of a search: commands of RMI 2.0, alone and in pairs on two host CPUs, that the recorded firmware does not
// answer. It stops at an assertion, waits for a lock it holds, or two CPUs wait for each other. Every finding is a sequence that can be read
// back, with what the recordings say of it.
import { type Call, carryOut, DRAM_BASE, hangOf, identityOf, PAGE, Rmm2 } from '../machine/rmm/index.ts'

export interface FirmwareHazard {
  /** What happens, whatever the addresses. */
  readonly identity: string
  /** Commands that make the Realm, as lines of a sequence. */
  readonly preparation: readonly string[]
  /** The command, or the commands of two CPUs. */
  readonly commands: readonly string[]
  /** Which CPU goes at each step that matters; empty for one CPU. */
  readonly schedule: readonly number[]
  /** What the recordings say. */
  readonly recorded: string
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

interface Scene { readonly m: Rmm2; readonly preparation: readonly string[]; readonly start: number }

/** A Realm whose first 2M have tables down to pages; start level 1 or 2. */
function scene(start: 1 | 2): Scene {
  const m = new Rmm2({ measure: false, dram: { base: DRAM_BASE, granules: GRANULES }, dev: { base: 0, granules: 0 } })
  const lines = ['GENERATION 2.0', 'FIRMWARE tf-rmm-9a7f8ef4', `MEMORY ${GRANULES}`]
  const did = (line: string, word: number): void => {
    if (word !== 0) throw new Error(`preparation: ${line}`)
    lines.push(line)
  }
  const delegate = (first: number, count: number): void => {
    let word = 0
    for (let i = 0; i < count; i++) word |= m.granuleRangeDelegate(first + i * PAGE, first + (i + 1) * PAGE)
    did(`BULK_DELEGATE ${name(first)} ${count}`, word)
  }
  const [s2sz, num] = start === 1 ? [40, 2] as const : [34, 16] as const
  delegate(LOW, 1)
  delegate(RD, 1)
  delegate(ROOTS, num)
  delegate(HIGH, 1)
  delegate(BLOCK, 512)
  delegate(L2, 2)
  did(`REALM_CREATE ${name(RD)} s2sz=${s2sz} start=${start} num=${num} rtt=${name(ROOTS)}`, m.realmCreate(RD, { params: NS, geo: { s2sz, start, num }, rttBase: ROOTS, algo: 0, vmid: 0 }))
  if (start === 1) did(`RTT_CREATE ${name(RD)} ${name(L2)} 0x0 2`, m.rttCreate(RD, L2, 0, 2))
  did(`RTT_CREATE ${name(RD)} ${name(L3)} 0x0 3`, m.rttCreate(RD, L3, 0, 3))
  return { m, preparation: lines, start }
}

const MIB2 = 2 ** 21
const GIB = 2 ** 30

/** Commands worth trying, simple ones first. */
function calls(s: Scene): Call[] {
  const map = (base: number, size: number, pa: number, level: number): Call => ({ name: 'RTT_DATA_MAP', rd: RD, base, top: base + size, desc: { pa, level, count: 1 } })
  return [
    ...[HIGH, L3, LOW].map((pa) => map(0, PAGE, pa, 3)), map(MIB2, MIB2, BLOCK, 2), map(GIB, GIB, DRAM_BASE, 1),
    ...[LOW, HIGH, BLOCK + 8 * PAGE].flatMap((rtt): Call[] => [{ name: 'RTT_CREATE', rd: RD, rtt, ipa: 2 * MIB2, level: 3 }, ...(s.start === 1 ? [{ name: 'RTT_CREATE', rd: RD, rtt, ipa: GIB, level: 2 } as const] : [])]),
    ...[HIGH, LOW].map((data): Call => ({ name: 'RTT_DATA_MAP_INIT', rd: RD, data, ipa: PAGE, src: NS })),
    { name: 'RTT_DESTROY', rd: RD, ipa: 0, level: 3 }, { name: 'RTT_FOLD', rd: RD, ipa: 0, level: 3 }, { name: 'RTT_DATA_UNMAP', rd: RD, base: 0, top: MIB2 },
    ...[LOW, HIGH].flatMap((pa): Call[] => [{ name: 'GRANULE_RANGE_UNDELEGATE', pa }, { name: 'GRANULE_RANGE_DELEGATE', pa }])
  ]
}

/** A command as a line of a sequence. */
export function callLine(c: Call): string {
  switch (c.name) {
    case 'GRANULE_RANGE_DELEGATE':
    case 'GRANULE_RANGE_UNDELEGATE': return `${c.name} ${name(c.pa)} ${name(c.pa + PAGE)}`
    case 'RTT_CREATE': return `RTT_CREATE ${name(c.rd)} ${name(c.rtt)} ${hex(c.ipa)} ${c.level}`
    case 'RTT_DESTROY':
    case 'RTT_FOLD': return `${c.name} ${name(c.rd)} ${hex(c.ipa)} ${c.level}`
    case 'RTT_DATA_MAP': return `RTT_DATA_MAP ${name(c.rd)} ${hex(c.base)} ${hex(c.top)} ${name(c.desc.pa)}/${c.desc.level}*${c.desc.count}`
    case 'RTT_DATA_MAP_INIT': return `RTT_DATA_MAP_INIT ${name(c.rd)} ${name(c.data)} ${hex(c.ipa)} ${name(c.src)} 1`
    case 'RTT_DATA_UNMAP': return `RTT_DATA_UNMAP ${name(c.rd)} ${hex(c.base)} ${hex(c.top)}`
  }
}

/** Of 350 sequences recorded from this firmware, one host CPU each. */
const RECORDED = {
  assertion: 'recorded: 24 of 350 sequences end at such a command',
  'self-deadlock': 'recorded: 6 of 350 sequences end at such a command',
  deadlock: 'not recorded: one CPU at a time was; the order of locks is read, not seen'
} as const

/** Tries every command alone, and every pair on two CPUs, in each scene. */
export function huntFirmware(): FirmwareHunt {
  const found = new Map<string, FirmwareHazard>()
  let alone = 0
  let pairs = 0
  for (const start of [1, 2] as const) {
    const s = scene(start)
    const list = calls(s)
    const add = (identity: string, kind: keyof typeof RECORDED, commands: readonly Call[], schedule: readonly number[]): void => {
      if (!found.has(identity)) found.set(identity, { identity, preparation: s.preparation, commands: commands.map(callLine), schedule, recorded: RECORDED[kind] })
    }
    const quiet = list.filter((c) => {
      alone++
      const h = hangOf(s.m, [c])
      if (h !== null) add(identityOf(s.m, h), h.kind, [c], [])
      const m = s.m.clone()
      carryOut(m, c)
      if (m.stop?.kind === 'assertion') add(`assertion: ${c.name}: ${m.stop.what}`, 'assertion', [c], [])
      return h === null && m.stop === null
    })
    for (const [i, a] of quiet.entries()) {
      for (const b of quiet.slice(i)) {
        pairs++
        const h = hangOf(s.m, [a, b])
        if (h !== null) add(identityOf(s.m, h), h.kind, [a, b], h.schedule)
      }
    }
  }
  return { hazards: [...found.values()], alone, pairs }
}
