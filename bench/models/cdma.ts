// The anchor model of the benchmark (its Promela form is a text file beside SPIN's figures), written against the
// engine's own interface: P guest pages, B driver buffers, one device, an administrator, a host that looks at every
// shared page. Where a buffer stands in its life is where its thread stands; the pages it has chosen are the thread's
// variables.
import { BLOCKED, type Instr, Layout, moment, type Program, type Store, write } from '../../src/step/index.ts'
import type { ExploreOptions } from '../../src/check/search.ts'
import type { Model } from '../../src/check/model.ts'
import type { Symmetry } from '../../src/check/symmetry.ts'
import { act } from '../../test/engine/act.ts'

const [INIT, CONN, LOCK, ACPT] = [0, 1, 2, 3]
const [ZERO, PUB, PRIV] = [0, 1, 2]

export interface CdmaOptions {
  readonly pages: number
  readonly buffers: number
  /** free: freeing decides by the device's present state; drain: disconnect does not wait for live mappings. */
  readonly bug?: 'free' | 'drain'
}

/** States and transitions without the host's looks, as SPIN and its JavaScript twin count them. */
export const COUNTS: ReadonlyArray<{ pages: number; buffers: number; states: number; transitions: number }> = [
  { pages: 4, buffers: 2, states: 10_929, transitions: 38_239 },
  { pages: 5, buffers: 3, states: 410_390, transitions: 1_770_412 },
  { pages: 6, buffers: 3, states: 3_005_903, transitions: 13_711_753 }
]

// Long: one model, a function a transition.
export function cdma(o: CdmaOptions): { model: Model; options: ExploreOptions; symmetry: Symmetry } {
  const P = o.pages
  const layout = new Layout()
  const shared = layout.field('shared', { count: P, max: 1 })
  const used = layout.field('used', { count: P, max: 1 })
  const data = layout.field('data', { count: P, max: 2, values: ['zero', 'public', 'private'] })
  const tsm = layout.field('tsm', { max: 3, values: ['init', 'connected', 'locked', 'accepted'] })
  const drain = layout.field('drain', { max: 1 })
  const direct = layout.field('direct', { max: o.buffers })

  // The accesses below read bytes at fixed places, without a look-up: this is the inner loop of a benchmark.
  const [SH, US, DA, TSM, DRAIN, DIRECT] = [shared.base, used.base, data.base, tsm.base, drain.base, direct.base] as [
    number,
    number,
    number,
    number,
    number,
    number
  ]
  const accepting = (u8: Uint8Array): boolean => u8[TSM] === ACPT && u8[DRAIN] === 0
  const DIRECTLY = P + 1
  const one = { results: [0] }
  const pages = Array.from({ length: P }, (_, v) => v)

  const alloc = (): number =>
    act(
      'alloc',
      (r) => `page ${r - 1} = allocated, private data`,
      (st, v) => {
        const { u8 } = st
        if (u8[US + v] !== 0) return BLOCKED
        u8[US + v] = 1
        u8[DA + v] = PRIV
        return v + 1
      },
      { outcomes: P, results: pages.map((v) => v + 1) }
    )

  /** Picks a bounce page (1..P), maps directly (P+1), or frees (0). */
  const filled = (pg: number): number =>
    act(
      `filled:${pg}`,
      (r) => (r === 0 ? `page ${pg - 1} freed` : r === DIRECTLY ? 'mapped directly' : `bounce page ${r - 1} picked`),
      (st, c) => {
        const { u8 } = st
        if (c < P) {
          if (accepting(u8) || u8[US + c] !== 0) return BLOCKED
          u8[US + c] = 1
          u8[DA + c] = ZERO
          return c + 1
        }
        if (c === P) {
          if (!accepting(u8)) return BLOCKED
          u8[DIRECT] = (u8[DIRECT] as number) + 1
          return DIRECTLY
        }
        u8[DA + pg - 1] = ZERO
        u8[US + pg - 1] = 0
        return 0
      },
      { outcomes: P + 2, results: [...pages, P, P + 1] }
    )

  const open = (bn: number): number => {
    write(shared, bn - 1, 1)
    return 0
  }
  const copy = (bn: number): number => {
    write(data, bn - 1, PUB)
    return 0
  }
  const post = (): number => {
    moment('posted')
    return 0
  }
  const dma = (pg: number, bn: number): number =>
    act(
      `dma:${pg}:${bn}`,
      () => `device uses page ${bn === DIRECTLY ? pg - 1 : bn - 1}`,
      (st) => {
        const { u8 } = st
        const fine = bn === DIRECTLY ? u8[TSM] === ACPT && u8[SH + pg - 1] === 0 : u8[SH + bn - 1] === 1
        if (!fine)
          st.finding({
            property: 'fault',
            site: 'device',
            decision: bn === DIRECTLY ? 'T=1' : 'T=0',
            summary: 'the device faults'
          })
        return 0
      },
      one
    )
  const undirect = (): number =>
    act(
      'undirect',
      () => 'unmapped',
      ({ u8 }) => {
        u8[DIRECT] = (u8[DIRECT] as number) - 1
        return 0
      },
      one
    )
  const unmap = (): number => {
    moment('unmapped, bounce page still shared')
    return 0
  }
  const close =
    o.bug !== 'free'
      ? (bn: number): number => {
          write(shared, bn - 1, 0)
          return 0
        }
      : (bn: number): number =>
          act(
            `close:${bn}`,
            () => `page ${bn - 1} made private unless accepted`,
            ({ u8 }) => {
              if (u8[TSM] !== ACPT) u8[SH + bn - 1] = 0
              return 0
            },
            one
          )
  const release = (bn: number): number =>
    act(
      `release:${bn}`,
      () => `page ${bn - 1} released`,
      ({ u8 }) => {
        u8[DA + bn - 1] = ZERO
        u8[US + bn - 1] = 0
        return 0
      },
      one
    )
  const isDirect = (bn: number): number => (bn === DIRECTLY ? 1 : 0)

  const [PG, BN, IS] = [0, 1, 2]
  const call = (fn: (...args: number[]) => number, args: number[], dst = -1): Instr => ({
    op: 'call',
    fn,
    args: args.map((v) => ({ v })),
    dst,
    text: fn.name
  })
  const buffer: Instr[] = [
    call(alloc, [], PG),
    call(filled as (...a: number[]) => number, [PG], BN), // 1
    { op: 'branch', v: BN, yes: 3, no: 0 },
    call(isDirect as (...a: number[]) => number, [BN], IS), // 3
    { op: 'branch', v: IS, yes: 7, no: 5 },
    call(open as (...a: number[]) => number, [BN]), // 5
    call(copy as (...a: number[]) => number, [BN]),
    call(post, []), // 7
    call(dma as (...a: number[]) => number, [PG, BN]),
    call(isDirect as (...a: number[]) => number, [BN], IS),
    { op: 'branch', v: IS, yes: 11, no: 13 },
    call(undirect, []), // 11
    { op: 'jump', to: 1 },
    call(unmap, []), // 13
    call(close as (...a: number[]) => number, [BN]),
    call(release as (...a: number[]) => number, [BN]),
    { op: 'jump', to: 1 }
  ]

  /** Forward, back, drain, disconnect. */
  const admin = (): number =>
    act(
      'admin',
      (r) => ['connect', 'lock', 'accept', 'disconnect', 'unlock', 'drain', 'stop'][r] ?? '',
      (st, c) => {
        const { u8 } = st
        const s = u8[TSM] as number
        if (s === ACPT) {
          if (c !== 0) return BLOCKED
          if (u8[DRAIN] === 0) {
            u8[DRAIN] = 1
            return 0
          }
          if (o.bug !== 'drain' && u8[DIRECT] !== 0) return BLOCKED
          u8[TSM] = INIT
          u8[DRAIN] = 0
          return 0
        }
        if (c === 0) {
          u8[TSM] = s + 1
          return 0
        }
        if (s !== CONN && s !== LOCK) return BLOCKED
        u8[TSM] = s - 1
        return 0
      },
      { outcomes: 2, results: [0] }
    )

  const programs: Program[] = Array.from({ length: o.buffers }, (_, b) => ({
    name: `buffer${b}`,
    variables: ['pg', 'bn', 'is'],
    code: buffer
  }))
  programs.push({ name: 'admin', variables: [], code: [call(admin, []), { op: 'jump', to: 0 }] })
  const seen = { property: 'exposed' as const, site: 'host', decision: '', summary: 'the host reads private data' }
  const onState = (st: Store) => {
    const { u8 } = st
    for (let v = 0; v < P; v++) if (u8[SH + v] !== 0 && u8[DA + v] === PRIV) return [seen]
    return null
  }
  return {
    model: { layout, programs, starts: [{ init: () => {} }] },
    options: { onState },
    symmetry: {
      size: P,
      fields: [shared, used, data],
      variables: programs.map((p) => (p.variables.length > 0 ? [PG, BN] : []))
    }
  }
}
