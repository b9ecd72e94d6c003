// What somebody's test shows, against what a hunt finds without it: the calls of a finding's trace as statements of a
// client, and the clause of the contract that they break. So a library of tests is a measure of the hunt.
import type { CheckResult, Violation } from '../check/index.ts'
import { findingKey } from '../check/index.ts'
import type { Args, Call, Stmt, Test, VarRef } from '../litmus/index.ts'
import { printConfigValue, printDeviceEntry, printStmt, statements } from '../litmus/index.ts'
import type { PropertyName } from '../step/index.ts'
import { doerOf, kindOf, uses } from './client.ts'
import { contract, type ClauseName } from './contract.ts'
import { LEVELS } from './scenes.ts'
import type { Slot, Statement } from './statement.ts'
import { findingsOf } from './explore.ts'
import { isHostsOwn } from './hunt.ts'
import type { Block, Scene } from './scenes.ts'

/** What a test says of itself is no hazard. */
const OWN: ReadonlySet<PropertyName> = new Set<PropertyName>(['assert', 'reached', 'unreached'])

/** A finding of a test that a hunt should find, or why none does. */
export interface Owed {
  readonly key: string
  readonly test: string
  readonly calls: readonly string[] /** null: within the contract. */
  readonly not: string | null
}

/** The findings of a test's run, each once. */
export function owedBy(test: Test, r: CheckResult, kernel: string, platform: string): Owed[] {
  const out = new Map<string, Owed>()
  for (const v of [...r.violations, ...r.reported]) {
    if (OWN.has(v.property) || out.has(findingKey(v))) continue
    const made = statementsOf(test, v)
    out.set(findingKey(v), {
      key: findingKey(v),
      test: test.name,
      calls: made.calls.map((c) => c.text),
      not: made.not ?? broken(test, v, made, kernel, platform)
    })
  }
  return [...out.values()]
}

interface Made {
  readonly slots: readonly Slot[]
  readonly calls: readonly Statement[]
  readonly not: string | null
}

/** The calls of a finding's trace, in the order in which they begin. */
function statementsOf(test: Test, v: Violation): Made {
  const calls = new Map<string, { readonly call: Call; readonly thread: string }>()
  const add = (thread: string, body: readonly Stmt[]): void => {
    for (const s of statements(body))
      if (s.kind === 'call') calls.set(`${s.at.line}:${s.at.column}:${printStmt(s).trim()}`, { call: s, thread })
  }
  add('init', test.init)
  for (const t of test.threads) add(t.name, t.body)
  const slots: Slot[] = []
  const list: Statement[] = []
  let not: string | null = null
  const now = new Map<number, string>()
  const known = (name: string): boolean => slots.some((s) => s.name === name)
  for (const s of [...v.initSteps, ...v.trace]) {
    const at = `${s.place?.line}:${s.place?.column}:${s.statement}`
    const made = calls.get(at)
    if (now.get(s.thread) === at || made === undefined) continue
    now.set(s.thread, at)
    const { call, thread } = made
    const use = uses[call.op]
    if ('not' in use) not ??= `${call.op}: ${use.not}`
    const { agent, makes, ends }: Exclude<typeof use, { not: string }> = 'not' in use ? { agent: 'driver' } : use
    const target = call.target === null || makes === undefined ? null : `${thread}_${call.target.name}`
    const named = (ref: VarRef): string => `${ref.scope === 'init' ? 'init' : (ref.thread ?? thread)}_${ref.name}`
    const object = call.args.object === undefined ? null : named(call.args.object)
    const entries = call.args.objects ?? []
    if (entries.some((ref) => test.mmios.some((m) => m.name === ref.name)))
      not ??= `${call.op}: a range of a BAR in a list is not hunted`
    const objects = entries.map(named)
    // What a failed call was to make is no object: a client does not use it.
    if ((object !== null && !known(object)) || !objects.every(known)) continue
    if (target !== null && !known(target)) slots.push({ name: target, kind: kindOf(makes ?? '') })
    list.push({
      text: printStmt(renamed(call, target, object, objects)).trim(),
      op: call.op,
      agent,
      device: deviceOf(test, call.args),
      object: slots.findIndex((x) => x.name === object),
      target: slots.findIndex((x) => x.name === target),
      objects: objects.map((o) => slots.findIndex((x) => x.name === o)),
      ends: ends === true,
      direction: call.args.direction?.name ?? '',
      shared: call.args.decrypted || call.args.attributes.some((a) => a.name === 'CC_SHARED'),
      mmio: call.args.mmio?.name ?? ''
    })
  }
  return { slots, calls: list, not }
}

const deviceOf = (test: Test, a: Args): number =>
  a.device === undefined ? -1 : test.devices.findIndex((d) => d.name === a.device?.name)

/** The call with other names, and no `try`: a hunt looks at what the call makes of it. */
const renamed = (call: Call, target: string | null, object: string | null, objects: readonly string[]): Call => ({
  ...call,
  target: target === null || call.target === null ? null : { ...call.target, name: target },
  args: {
    ...call.args,
    ...(object === null || call.args.object === undefined
      ? {}
      : { object: { ...call.args.object, scope: 'own', thread: null, name: object } }),
    ...(call.args.objects === undefined
      ? {}
      : {
          objects: call.args.objects.map((ref, i) => ({
            ...ref,
            scope: 'own' as const,
            thread: null,
            name: objects[i] ?? ref.name
          }))
        })
  }
})

/**
 * Why the contract forbids the calls, at the weakest level at which it would not; null: it allows them, and they show
 * the finding.
 */
function broken(test: Test, v: Violation, { slots, calls }: Made, kernel: string, platform: string): string | null {
  const key = findingKey(v)
  if (test.config.some((e) => e.key === 'host_mirror' && e.value !== 'exact'))
    return 'contract: host (it does not keep its word)'
  if (calls.some((c) => c.agent === 'host') && isHostsOwn(v)) return 'contract: host'
  const interleave = new Set(calls.map(doerOf)).size > 1 ? 'steps' : 'calls'
  let why: string | null =
    'not shown by its calls one after the other, or beside each other as driver, administrator and host'
  for (const level of LEVELS) {
    const scene = sceneOf(test, slots, level)
    const tried = (without: readonly ClauseName[], hidden = true): ReadonlySet<string> | null =>
      findingsOf(scene, kernel, platform, calls, {
        interleave,
        without,
        hidden,
        given: { slots, statements: calls },
        forget: false,
        maxStates: 50_000
      })
    if (tried([], false)?.has(key) === true) return null
    if (tried([])?.has(key) === true) return 'a consequence of another finding of its calls'
    const clause = contract.find((c) => tried([c.name])?.has(key) === true)
    if (clause !== undefined) why = `contract: ${clause.name}`
  }
  return why
}

/** What a test's head is as a scene. */
function sceneOf(test: Test, slots: readonly Slot[], level: Scene['level']): Scene {
  const head: Block[] = [
    ...(test.config.length === 0
      ? []
      : [{ word: 'config', entries: test.config.map((e) => `${e.key} ${printConfigValue(e)}`) }]),
    ...test.devices.map((d) => ({ word: `device ${d.name}`, entries: d.entries.map(printDeviceEntry) })),
    ...test.mmios.map((m) => ({ word: `mmio ${m.name}`, entries: [`of ${m.of.name}`, m.access] }))
  ]
  const count = new Map<string, number>()
  for (const s of slots) count.set(s.kind, (count.get(s.kind) ?? 0) + 1)
  return {
    name: test.name,
    with: [],
    head,
    level,
    slots: Object.fromEntries(count),
    directions: [],
    masks: [],
    high: false,
    explicit: true,
    atomic: false,
    cookie: false,
    requires: true,
    asks: true,
    levels: [],
    hunts: () => true,
    about: () => true
  }
}
