// The whole visible state after each step of a counterexample, as typed values: what a player draws and what another
// program reads (the trace format of `check --format trace`). Pages are those that the trace is about; neighbours that
// are alike at every step are one.
import { PAGE_SIZE, pieces } from '../base/index.ts'
import type { Store } from '../step/index.ts'
import {
  classNames,
  classOf,
  hwNames,
  MMIO_BASE,
  type PageClass,
  pteNames,
  tdiNames,
  wordOf
} from '../machine/index.ts'
import { accepted_flag, type Decision, decisionNames, tagNames } from '../kernel/index.ts'
import { isErr, isObject, isUnset, type System, type TbitObject } from '../system/index.ts'
import { bitsText } from './naming.ts'
import type { Snapshot, TraceStep } from './trace.ts'

/** An alias bit of a bus address. */
export interface HandleBit {
  readonly bit: number
  readonly name: 'shared' | 'C-bit'
  readonly set: boolean
}

/** What a variable of the test holds when it is an address that a device was given, or memory. */
export interface FrameHandle {
  /** The variable, and the thread whose it is. */
  readonly name: string
  readonly thread: string
  readonly kind: TbitObject['kind']
  /** The device it was made for; empty for memory that no device knows. */
  readonly device: string
  /** The bus address; null for memory. */
  readonly handle: number | null
  /** null: an IOVA, which has none, or memory. */
  readonly alias: 'private' | 'shared' | null
  readonly bits: readonly HandleBit[]
  /** Guest physical address, bytes. */
  readonly phys: number
  readonly size: number
  /** Where it bounces: the physical address of its slots; null: it does not. */
  readonly bounce: number | null
}

/** Bytes `from` to `from + size` of guest memory with the word that was written last. */
export interface FrameCell {
  readonly from: number
  readonly size: number
  readonly word: string
  readonly meant: (typeof classNames)[number]
}

export interface FramePage {
  readonly pfn: number
  /** Pages from `pfn` on that are alike at every step. */
  readonly pages: number
  readonly protection: PageClass
  /** How the guest's own tables map it. */
  readonly mapped: string
  readonly owner: string
  readonly hostReaches: boolean
  readonly content: readonly FrameCell[]
}

export interface FrameDevice {
  readonly name: string
  readonly tdi: string
  /** What the kernel's TSM core has noted. */
  readonly tsm: string
  /** The kernel's accepted flag. */
  readonly accepted: boolean
  /** Bits of the storage unit that the flag may share, by name: `dma_skip_sync+tdi_enabled`. */
  readonly bits: string
  /** The T bit of what it sends now; null: it sends nothing, by the rule `gate`. */
  readonly sends: 0 | 1 | null
  readonly gate: string
}

export interface FramePool {
  readonly name: string
  readonly used: string
}

export interface Frame {
  readonly pages: readonly FramePage[]
  readonly devices: readonly FrameDevice[]
  readonly handles: readonly FrameHandle[]
  readonly pools: readonly FramePool[]
  /** Locks that are held. */
  readonly locks: readonly string[]
  /** Decisions of the revision that the kernel asked for the first time in this call on its way to this step. */
  readonly decided: readonly Decision[]
}

/** The variables of each thread. */
export type Variables = ReadonlyArray<{ readonly name: string; readonly variables: readonly string[] }>

// More pages than these are not looked at one by one.
const MOST_PAGES = 512
const MOST_GROUPS = 24

/**
 * A frame after each of the steps; `initSteps` of them belong to `init`, whose variables are those of `initVariables`.
 */
export function framesOf(
  sys: System,
  steps: readonly TraceStep[],
  initSteps: number,
  initVariables: Variables,
  variables: Variables
): Frame[] {
  const focus = focusOf(sys, steps)
  const known = new Set<string>(decisionNames)
  const whole = steps.map((s, i): Frame => {
    const { words, locals, asked } = s.after as Snapshot
    return frameOf(
      sys,
      words,
      locals,
      i < initSteps ? initVariables : variables,
      focus,
      asked.filter((d): d is Decision => known.has(d))
    )
  })
  return grouped(whole)
}

/** What the words of one state say. */
function frameOf(
  sys: System,
  words: Uint32Array,
  locals: Snapshot['locals'],
  variables: Variables,
  focus: readonly number[],
  decided: readonly Decision[]
): Frame {
  const st: Store = {
    u32: words,
    u8: new Uint8Array(words.buffer, words.byteOffset, words.byteLength),
    local: (t, i) => locals[t]?.[i] ?? -1,
    finding: () => {}
  }
  const { machine, kernel } = sys
  const pages = focus.map(
    (pfn): FramePage => ({
      pfn,
      pages: 1,
      protection: hwNames[machine.hw(st, pfn)] as PageClass,
      mapped: (pteNames[machine.pte(st, pfn)] ?? '').replace(/ \(.*/, ''),
      owner: tagNames[kernel.pages.owner(st, pfn)] ?? '',
      hostReaches: machine.hostReaches(st, pfn),
      content:
        sys.labels === null
          ? []
          : pieces(sys.labels.state.get(st), pfn * PAGE_SIZE, (pfn + 1) * PAGE_SIZE, 0).map(([from, end, l]) => ({
              from,
              size: end - from,
              word: sys.words.name(wordOf(l)),
              meant: classNames[classOf(l)] ?? 'plain'
            }))
    })
  )
  const devices = kernel.devices.map((d, i): FrameDevice => {
    const gate = machine.gate(st, i)
    return {
      name: d.name,
      tdi: tdiNames[machine.tdi.get(st, i)] ?? '',
      tsm: kernel.f.tsm_state.valueName(kernel.f.tsm_state.get(st, i)),
      accepted: accepted_flag(kernel, st, i),
      bits: bitsText(kernel.f.bits.get(st, i)),
      sends: gate.emits,
      gate: gate.rule
    }
  })
  const pools = kernel.mems.flatMap((m): FramePool[] => {
    const at = sys.layout.names.indexOf(m.name)
    return at < 0 ? [] : [{ name: m.name, used: m.usedText(words[sys.layout.byteWords + at] as number) }]
  })
  const { device_lock, tsm_rwsem, pf0_lock } = kernel.f
  const locks = [device_lock, tsm_rwsem, pf0_lock].flatMap((f) =>
    Array.from({ length: f.count }, (_, i) => i)
      .filter((i) => f.get(st, i) !== 0)
      .map((i) => f.label(i))
  )
  return { pages, devices, handles: handlesOf(sys, locals, variables), pools, locks, decided }
}

function handlesOf(sys: System, locals: Snapshot['locals'], variables: Variables): FrameHandle[] {
  const { machine, kernel } = sys
  const shared = machine.platform.sharedBit(machine.config)
  const { encBit } = machine.platform
  const out: FrameHandle[] = []
  const bitsOf = (h: number): HandleBit[] => [
    ...(shared !== 0 ? [{ bit: Math.log2(shared), name: 'shared' as const, set: h >= shared }] : []),
    ...(encBit !== 0 ? [{ bit: Math.log2(encBit), name: 'C-bit' as const, set: h % (2 * encBit) >= encBit }] : [])
  ]
  // A variable that another thread took over is the same thing: told once, where it was made.
  const seen = new Set<string>()
  for (const [t, list] of locals.entries())
    for (const [i, v] of list.entries()) {
      if (isUnset(v) || isErr(v) || !isObject(v)) continue
      const name = variables[t]?.variables[i] ?? ''
      if (seen.has(`${name}:${v}`)) continue
      seen.add(`${name}:${v}`)
      for (const o of parts(sys.objects.get(v))) {
        const handle =
          o.kind === 'mapping' || o.kind === 'resource'
            ? o.handle
            : o.kind === 'coherent' || o.kind === 'pages'
              ? o.buffer.handle
              : null
        const translated = 'dev' in o && kernel.devices[o.dev]?.config.iommu === true
        const alias =
          handle === null
            ? o.kind === 'usermap' || o.kind === 'vmap'
              ? o.alias
              : null
            : translated
              ? null
              : machine.decode(handle).alias === 'P'
                ? 'private'
                : 'shared'
        out.push({
          name,
          thread: variables[t]?.name ?? '',
          kind: o.kind,
          device: 'dev' in o ? (kernel.devices[o.dev]?.name ?? '') : '',
          handle,
          alias,
          bits: handle === null || translated ? [] : bitsOf(handle),
          phys: o.phys,
          size: o.size,
          bounce: o.kind === 'mapping' && o.bounce >= 0 ? o.bounce : null
        })
      }
    }
  return out
}

type Part = Exclude<TbitObject, { kind: 'sg' }>
const parts = (o: TbitObject): readonly Part[] => (o.kind === 'sg' ? o.segments : [o])

/** Pages that a step changes or a variable names; what boot does to its pools is not the trace's story. */
function focusOf(sys: System, steps: readonly TraceStep[]): number[] {
  const out = new Set<number>()
  const add = (first: number, pages: number): void => {
    for (let p = first; p < first + pages && out.size < MOST_PAGES; p++) out.add(p)
  }
  const bytes = (at: number, size: number): void =>
    add(Math.floor(at / PAGE_SIZE), Math.ceil(((at % PAGE_SIZE) + size) / PAGE_SIZE))
  const objects = new Set<number>()
  for (const s of steps) {
    if (s.statement !== 'boot') for (const c of s.changed) if (c.pfn !== undefined) add(c.pfn, c.pages ?? 1)
    for (const list of s.after?.locals ?? [])
      for (const v of list) {
        if (!isObject(v) || objects.has(v)) continue
        objects.add(v)
        for (const o of parts(sys.objects.get(v))) {
          if (o.kind === 'resource' || o.kind === 'bar' || (sys.machine.mmios.length > 0 && o.phys >= MMIO_BASE))
            continue
          bytes(o.phys, o.size)
          if (o.kind === 'mapping' && o.bounce >= 0) bytes(o.bounce, o.size)
        }
      }
  }
  return [...out].sort((a, b) => a - b)
}

/** Neighbouring pages that are alike in every frame become one. */
function grouped(frames: readonly Frame[]): Frame[] {
  const first = frames[0]
  if (first === undefined) return []
  const key = (f: Frame, i: number): string => {
    const { pfn, content, ...rest } = f.pages[i] as FramePage
    return JSON.stringify([rest, content.map((c) => ({ ...c, from: c.from - pfn * PAGE_SIZE }))])
  }
  const groups: Array<{ at: number; pages: number }> = []
  for (const [i, p] of first.pages.entries()) {
    const last = groups.at(-1)
    const joined =
      last !== undefined &&
      (first.pages[last.at] as FramePage).pfn + last.pages === p.pfn &&
      frames.every((f) => key(f, last.at) === key(f, i))
    if (joined) last.pages++
    else groups.push({ at: i, pages: 1 })
  }
  const kept = groups.slice(0, MOST_GROUPS)
  return frames.map((f) => ({ ...f, pages: kept.map((g) => ({ ...(f.pages[g.at] as FramePage), pages: g.pages })) }))
}
