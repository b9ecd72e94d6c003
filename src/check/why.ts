// What mattered on the way to a finding: whose read of the accepted flag said what, which page came into which state, which address was
// sent. Read from the steps of its trace, for whoever tells it short: text, mail, pictures.
import { type PageClass, pageWords, platformByName } from '../machine/index.ts'
import type { Violation } from './check.ts'
import type { TraceStep } from './trace.ts'

/** `read`: of the flag, by a predicate. `unit`: of the flag's storage, by a read-modify-write. `flag`: that storage is written. `choice`: the environment decided the other way. */
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
  if (device === undefined || address === undefined || row === undefined || (v.site !== 'dev_read' && v.site !== 'dev_write')) return null
  return { device, verb: verb as 'reads' | 'writes', address, t: row.t, alias: row.alias === 'any' ? null : row.alias, page: row.page, rule: row.id, outcome: (outcome as string).replace(/^fault /, '') }
}

const accessText = (a: JudgedAccess): string =>
  `${a.device} at T=${a.t} ${a.verb} ${a.address}, ${a.alias === null ? 'the page is' : `the ${a.alias === 'P' ? 'private' : 'shared'} alias; the page is`} ${pageWords[a.page]}: ${a.outcome}`

// The summary of a finding, where its steps say the same in fewer words.
function shorter(v: Told): string {
  const freed = v.trace.at(-1)?.changed.find((c) => c.of === 'owner' && c.after === 'free')
  if (v.decision === 'page to the allocator' && freed !== undefined) return `${v.site} frees ${freed.what.replace('owner of ', '')}, which the host still reaches`
  const [, device, what, address, state] = /^(\S+)'s DMA (read|write) at (0x[0-9a-f]+) is not sent \(blocked\): the TDI is (\w+) and sends nothing$/.exec(v.summary) ?? []
  if (device !== undefined) return `${device} is ${state} and does not send its ${what} of ${address}`
  const [, unit, now = '', read = ''] = /^the write of (\S+) puts back \S+ over another thread's update \(now (\S+), read (\S+)\)$/.exec(v.summary) ?? []
  if (unit !== undefined) return `${v.site} overwrites an update of ${differing(now, read)} in ${unit}`
  return v.summary
}

const bitList = (text: string): string[] => text.split('+').filter((bit) => bit !== 'none')
/** Bits by name that stand in `a` (`x+y`) and not in `b`. */
const onlyIn = (a: string, b: string): string[] => bitList(a).filter((bit) => !bitList(b).includes(bit))
const differing = (a: string, b: string): string => [...onlyIn(a, b), ...onlyIn(b, a)].join(' and ')
/** `+tdi_enabled`, `-dma_skip_sync`. */
const bitsChanged = (before: string, after: string): string => [...onlyIn(after, before).map((b) => `+${b}`), ...onlyIn(before, after).map((b) => `-${b}`)].join(' ')

/** `dma_alloc_coherent` of `buf = dma_alloc_coherent(nic, 4K)`. */
export const operationOf = (statement: string): string => /(?:^|= |\()(\w+)\(/.exec(statement)?.[1] ?? statement

function ingredientsOf(v: Told): Ingredient[] {
  const steps = [...v.initSteps, ...v.trace]
  const many = new Set(v.trace.map((s) => s.thread)).size > 1
  const by = (s: TraceStep): string => `${many && v.trace.includes(s) ? `${s.name}'s ` : ''}${operationOf(s.statement)}`
  const who = (s: TraceStep): string => (many && v.trace.includes(s) ? s.name : operationOf(s.statement))
  const out: Ingredient[] = []
  const last = new Map<string, Ingredient>()
  // Of a thing that changes again and again the last change counts; `keep` tells them all.
  const add = (i: Ingredient, keep = false): void => {
    const key = `${i.kind}:${i.what}`
    const before = last.get(key)
    if (before !== undefined && !keep) out.splice(out.indexOf(before), 1)
    last.set(key, i)
    out.push(i)
  }
  const answers = new Map<string, string>()
  for (const [n, s] of steps.entries()) {
    const step = n + 1
    const own = step === steps.length
    if (s.statement === 'boot') continue
    const [, flag, answer] = FLAG_READ.exec(s.text) ?? []
    if (flag !== undefined && answer !== undefined) {
      const call = `${s.thread}:${s.place?.line ?? ''}:${s.statement}:${flag}`
      if (answers.get(call) !== answer) add({ kind: 'read', step, what: flag, value: answer, text: `${by(s)}: ${flag} ${answer}`, weight: 5 }, true)
      answers.set(call, answer)
    } else if (UNIT_READ.test(s.text) && s.thread === v.trace.at(-1)?.thread && v.property === 'lost_update') {
      add({ kind: 'unit', step, what: s.text.split(' ')[0] ?? '', value: '', text: `${who(s)} reads ${s.text.split(' ')[0] ?? ''}`, weight: 7 })
    } else if (s.outcome !== 0) add({ kind: 'choice', step, what: s.text, value: '', text: s.text.replace(/ may fail\b.*: \d+$/, ' fails'), weight: 9 }, true)
    for (const c of s.changed) {
      if (c.what.endsWith('.accepted')) add({ kind: 'flag', step, what: c.what, value: c.after, text: `${c.what} ${c.before} -> ${c.after}`, weight: 6 })
      else if (c.what.endsWith('.bits') && !(own && v.property === 'lost_update')) add({ kind: 'flag', step, what: c.what, value: c.after, text: `${who(s)}: ${c.what} ${bitsChanged(c.before, c.after)}`, weight: step > v.initSteps.length ? 7 : 2 }, true)
      else if (own) continue
      else if (c.what.endsWith('.tdi')) add({ kind: 'tdi', step, what: c.what, value: c.after, text: `${c.what} ${c.before} -> ${c.after}`, weight: v.property === 'stale_state' ? 8 : 6 })
      else if (c.of === 'protection') {
        const [before = '', after = ''] = [c.before.split(', ')[0], c.after.split(', ')[0]]
        if (before !== after) add({ kind: 'protection', step, what: c.what, value: after, text: `${c.what} ${pageWords[after as PageClass] ?? after}`, weight: 8 })
      } else if (c.of === 'owner' && (c.after === 'free' || c.after === 'leaked')) add({ kind: 'owner', step, what: c.what, value: c.after, text: `${c.what.replace('owner of ', '')} ${c.after === 'free' ? 'is freed' : 'is lost'}`, weight: 4 })
    }
    if (!own) for (const y of s.yields ?? []) {
      const [, name, value] = /^(\w+) = (0x[0-9a-f]+(?: \((?:bounced|direct)\))?)$/.exec(y) ?? []
      if (name !== undefined && value !== undefined && /\bdma_|kmalloc|mmap/.test(s.statement)) add({ kind: 'address', step, what: name, value, text: `${name} = ${value}`, weight: 3 })
    }
  }
  // Two answers to one question are the story, and what came between them.
  return out.map((i) => (i.kind === 'read' && torn(out, i.what) ? { ...i, weight: 9 } : i.kind === 'flag' && torn(out, i.what) ? { ...i, weight: 7 } : i)).sort((a, b) => a.step - b.step)
}

/** The flag was asked more than once and gave two answers. */
const torn = (all: readonly Ingredient[], flag: string): boolean => new Set(all.filter((i) => i.kind === 'read' && i.what === flag).map((i) => i.value)).size > 1
