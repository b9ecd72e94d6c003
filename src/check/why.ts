// What mattered on the way to a finding: whose read of the accepted flag said what, which page came into which state,
// which address was sent. Read from the steps of its trace, for whoever tells it short: text, mail, pictures.
import { type PageClass, pageWords, platformByName } from '../machine/index.ts'
import type { Violation } from './check.ts'
import type { Change, TraceStep } from './trace.ts'

/**
 * `read`: of the flag, by a predicate. `unit`: of the flag's storage, by a read-modify-write. `flag`: that storage is
 * written. `choice`: the environment decided the other way.
 */
export type IngredientKind = 'read' | 'unit' | 'flag' | 'tdi' | 'protection' | 'owner' | 'address' | 'choice'

export interface Ingredient {
  readonly kind: IngredientKind
  /** Counted from 1 over `init` and the threads, as in every other form of the trace. */
  readonly step: number
  /** `nic.accepted`, `page 0x100`, `buf`. */
  readonly what: string
  /** `set`, `run`, `shr`, `0x8000100000 (bounced)`. */
  readonly value: string
  /** One phrase, without the step. */
  readonly text: string
  /** What a short form drops first has the lowest. */
  readonly weight: number
}

/** The access that a rule of the platform's table judged: the three things it asks for, and the answer. */
export interface JudgedAccess {
  readonly device: string
  readonly verb: 'reads' | 'writes'
  readonly address: string
  readonly t: 0 | 1
  readonly alias: 'P' | 'S' | null
  readonly page: PageClass
  readonly rule: string
  readonly outcome: string
}

export interface Why {
  /** One sentence: the access when there is one, else the finding's summary. */
  readonly headline: string
  readonly access: JudgedAccess | null
  /** In the order of the steps; the finding's own step is not among them unless it is a write of the flag. */
  readonly ingredients: readonly Ingredient[]
}

type Told = Pick<Violation, 'trace' | 'initSteps' | 'property' | 'site' | 'decision' | 'summary'>

export function whyOf(v: Told, platform: string): Why {
  const access = accessOf(v, platform)
  return { headline: access === null ? shorter(v) : accessText(access), access, ingredients: ingredientsOf(v) }
}

const FLAG_READ = /^(\S+\.(?:accepted|tdi_enabled)) is (set|clear)$/
/** The read of a read-modify-write. */
const UNIT_READ = /^\S+\.bits is /
const ACCESS = /^(\S+) (reads|writes)(?: .*? (?:from|to))? (0x[0-9a-f]+): (.*?) \[([^\]]+)\]$/

function accessOf(v: Told, platform: string): JudgedAccess | null {
  const [, device, verb, address, outcome, rule] = ACCESS.exec(v.trace.at(-1)?.text ?? '') ?? []
  const row = platformByName(platform)?.rows.find((r) => r.id === rule)
  if (
    device === undefined ||
    address === undefined ||
    row === undefined ||
    (v.site !== 'dev_read' && v.site !== 'dev_write')
  )
    return null
  return {
    device,
    verb: verb as 'reads' | 'writes',
    address,
    t: row.t,
    alias: row.alias === 'any' ? null : row.alias,
    page: row.page,
    rule: row.id,
    outcome: (outcome as string).replace(/^fault /, '')
  }
}

const accessText = (a: JudgedAccess): string =>
  `${a.device} at T=${a.t} ${a.verb} ${a.address}, ` +
  `${a.alias === null ? 'the page is' : `the ${a.alias === 'P' ? 'private' : 'shared'} alias; the page is`} ` +
  `${pageWords[a.page]}: ${a.outcome}`

// The summary of a finding, where its steps say the same in fewer words.
function shorter(v: Told): string {
  const freed = v.trace.at(-1)?.changed.find((c) => c.of === 'owner' && c.after === 'free')
  if (v.decision === 'page to the allocator' && freed !== undefined)
    return `${v.site} frees ${freed.what.replace('owner of ', '')}, which the host still reaches`
  const [, device, what, address, state] =
    /^(\S+)'s DMA (read|write) at (0x[0-9a-f]+) is not sent \(blocked\): the TDI is (\w+) and sends nothing$/.exec(
      v.summary
    ) ?? []
  if (device !== undefined) return `${device} is ${state} and does not send its ${what} of ${address}`
  const [, unit, now = '', read = ''] =
    /^the write of (\S+) puts back \S+ over another thread's update \(now (\S+), read (\S+)\)$/.exec(v.summary) ?? []
  if (unit !== undefined) return `${v.site} overwrites an update of ${differing(now, read)} in ${unit}`
  return v.summary
}

const bitList = (text: string): string[] => text.split('+').filter((bit) => bit !== 'none')
/** Bits by name that stand in `a` (`x+y`) and not in `b`. */
const onlyIn = (a: string, b: string): string[] => bitList(a).filter((bit) => !bitList(b).includes(bit))
const differing = (a: string, b: string): string => [...onlyIn(a, b), ...onlyIn(b, a)].join(' and ')
/** `+tdi_enabled`, `-dma_skip_sync`. */
const bitsChanged = (before: string, after: string): string =>
  [...onlyIn(after, before).map((b) => `+${b}`), ...onlyIn(before, after).map((b) => `-${b}`)].join(' ')

/** `dma_alloc_coherent` of `buf = dma_alloc_coherent(nic, 4K)`. */
export const operationOf = (statement: string): string => /(?:^|= |\()(\w+)\(/.exec(statement)?.[1] ?? statement

/** The ingredients of a story while it is read, step by step. */
class Story {
  readonly all: Ingredient[] = []
  private readonly last = new Map<string, Ingredient>()
  /** What each call was told of a flag when it last asked. */
  private readonly answers = new Map<string, string>()
  private readonly many: boolean

  constructor(private readonly v: Told) {
    this.many = new Set(v.trace.map((s) => s.thread)).size > 1
  }

  // Of a thing that changes again and again the last change counts; `keep` tells them all.
  private add(i: Ingredient, keep = false): void {
    const key = `${i.kind}:${i.what}`
    const before = this.last.get(key)
    if (before !== undefined && !keep) this.all.splice(this.all.indexOf(before), 1)
    this.last.set(key, i)
    this.all.push(i)
  }

  private inThreads(s: TraceStep): boolean {
    return this.many && this.v.trace.includes(s)
  }
  /** `dma_map_single`, `T1's dma_map_single`: the call, and whose it is where several run. */
  private by(s: TraceStep): string {
    return `${this.inThreads(s) ? `${s.name}'s ` : ''}${operationOf(s.statement)}`
  }
  /** `dma_map_single`, `T1`: whoever does it. */
  private who(s: TraceStep): string {
    return this.inThreads(s) ? s.name : operationOf(s.statement)
  }

  /** What a step reads: the flag, its storage, or how the environment decided. */
  readBy(s: TraceStep, step: number): void {
    const [, flag, answer] = FLAG_READ.exec(s.text) ?? []
    if (flag !== undefined && answer !== undefined) {
      const call = `${s.thread}:${s.place?.line ?? ''}:${s.statement}:${flag}`
      const text = `${this.by(s)}: ${flag} ${answer}`
      if (this.answers.get(call) !== answer)
        this.add({ kind: 'read', step, what: flag, value: answer, text, weight: 5 }, true)
      this.answers.set(call, answer)
    } else if (
      UNIT_READ.test(s.text) &&
      s.thread === this.v.trace.at(-1)?.thread &&
      this.v.property === 'lost_update'
    ) {
      const what = s.text.split(' ')[0] ?? ''
      this.add({ kind: 'unit', step, what, value: '', text: `${this.who(s)} reads ${what}`, weight: 7 })
    } else if (s.outcome !== 0) {
      const text = s.text.replace(/ may fail\b.*: \d+$/, ' fails')
      this.add({ kind: 'choice', step, what: s.text, value: '', text, weight: 9 }, true)
    }
  }

  /** A write of the flag or of its storage; false where the change is another one. */
  flagWritten(c: Change, s: TraceStep, step: number, own: boolean): boolean {
    const flag = { kind: 'flag', step, what: c.what, value: c.after } as const
    if (c.what.endsWith('.accepted')) {
      this.add({ ...flag, text: `${c.what} ${c.before} -> ${c.after}`, weight: 6 })
      return true
    }
    if (!c.what.endsWith('.bits') || (own && this.v.property === 'lost_update')) return false
    const text = `${this.who(s)}: ${c.what} ${bitsChanged(c.before, c.after)}`
    this.add({ ...flag, text, weight: step > this.v.initSteps.length ? 7 : 2 }, true)
    return true
  }

  /** A change of the TDI, of a page's protection or of its owner. */
  changed(c: Change, step: number): void {
    const { what, before, after } = c
    if (what.endsWith('.tdi')) {
      const weight = this.v.property === 'stale_state' ? 8 : 6
      this.add({ kind: 'tdi', step, what, value: after, text: `${what} ${before} -> ${after}`, weight })
    } else if (c.of === 'protection') {
      const [was = '', is = ''] = [before.split(', ')[0], after.split(', ')[0]]
      if (was === is) return
      const text = `${what} ${pageWords[is as PageClass] ?? is}`
      this.add({ kind: 'protection', step, what, value: is, text, weight: 8 })
    } else if (c.of === 'owner' && (after === 'free' || after === 'leaked')) {
      const text = `${what.replace('owner of ', '')} ${after === 'free' ? 'is freed' : 'is lost'}`
      this.add({ kind: 'owner', step, what, value: after, text, weight: 4 })
    }
  }

  /** The addresses that a call gives. */
  yielded(s: TraceStep, step: number): void {
    for (const y of s.yields ?? []) {
      const [, name, value] = /^(\w+) = (0x[0-9a-f]+(?: \((?:bounced|direct)\))?)$/.exec(y) ?? []
      if (name !== undefined && value !== undefined && /\bdma_|kmalloc|mmap/.test(s.statement))
        this.add({ kind: 'address', step, what: name, value, text: `${name} = ${value}`, weight: 3 })
    }
  }
}

function ingredientsOf(v: Told): Ingredient[] {
  const steps = [...v.initSteps, ...v.trace]
  const story = new Story(v)
  for (const [n, s] of steps.entries()) {
    const step = n + 1
    const own = step === steps.length
    if (s.statement === 'boot') continue
    story.readBy(s, step)
    for (const c of s.changed) if (!story.flagWritten(c, s, step, own) && !own) story.changed(c, step)
    if (!own) story.yielded(s, step)
  }
  const { all } = story
  // Two answers to one question are the story, and what came between them.
  return all
    .map((i) =>
      i.kind === 'read' && torn(all, i.what)
        ? { ...i, weight: 9 }
        : i.kind === 'flag' && torn(all, i.what)
          ? { ...i, weight: 7 }
          : i
    )
    .sort((a, b) => a.step - b.step)
}

/** The flag was asked more than once and gave two answers. */
const torn = (all: readonly Ingredient[], flag: string): boolean =>
  new Set(all.filter((i) => i.kind === 'read' && i.what === flag).map((i) => i.value)).size > 1
