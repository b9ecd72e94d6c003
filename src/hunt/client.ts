// The most general client of a scene: every statement that a driver, an administrator or a host could make there, and
// the threads that loop over them. The statements come from the table of operations, so that a new operation is either
// hunted or says here why not.
import { ensure, own } from '../base/index.ts'
import { failuresOf } from '../kernel-c/index.ts'
import { compile, isStatus, statusErrno } from '../litmus/threads.ts'
import { parse, type Test } from '../litmus/index.ts'
import { SECRET } from '../litmus/vocabulary.ts'
import { type OpName, operations, type OpWord } from '../litmus/operations.ts'
import {
  type Action,
  action,
  altered,
  changed,
  BLOCKED,
  type Call,
  type CallFn,
  type Enabled,
  type Field,
  type Instr,
  type Program,
  type Store,
  type When
} from '../step/index.ts'
import { isObject, type System } from '../system/index.ts'
import { allowed, type ClauseName } from './contract.ts'
import type { Agent, Contracted, Held, Slot, Statement } from './statement.ts'
import type { Block, Scene } from './scenes.ts'

/**
 * How an operation is used by the client. `makes`: the letter of the slot that takes its result. `ends`: its object is
 * gone afterwards.
 */
type Use =
  | {
      readonly agent: Agent
      readonly makes?: string
      readonly ends?: true
      readonly size?: string
      readonly label?: (kind: string) => string
    }
  | { readonly not: string }

const byUser = (kind: string): string => (kind === 'page' || kind === 'buffer' ? SECRET : 'data')

export const uses: Readonly<Record<OpName, Use>> = {
  alloc_page: { agent: 'driver', makes: 'p' },
  free_page: { agent: 'driver', ends: true },
  kmalloc: { agent: 'driver', makes: 'k', size: '8' },
  kfree: { agent: 'driver', ends: true },
  fill: { agent: 'driver', label: byUser },
  read: { agent: 'driver' },
  set_memory_decrypted: { agent: 'driver' },
  set_memory_encrypted: { agent: 'driver' },
  vmap: { agent: 'driver', makes: 'v' },
  vunmap: { agent: 'driver', ends: true },
  give_up: { not: 'an owner that loses memory is a bug of the client, not of the kernel' },
  dma_map_single: { agent: 'driver', makes: 'h' },
  dma_unmap_single: { agent: 'driver', ends: true },
  dma_map_sg: { agent: 'driver', makes: 's' },
  dma_unmap_sg: { agent: 'driver', ends: true },
  dma_map_resource: { agent: 'driver', makes: 'r' },
  dma_unmap_resource: { agent: 'driver', ends: true },
  dma_sync_for_cpu: { agent: 'driver' },
  dma_sync_for_device: { agent: 'driver' },
  dma_alloc_coherent: { agent: 'driver', makes: 'b', size: '4K' },
  dma_free_coherent: { agent: 'driver', ends: true },
  dma_alloc_pages: { agent: 'driver', makes: 'g', size: '4K' },
  dma_free_pages: { agent: 'driver', ends: true },
  dma_mmap: { agent: 'driver', makes: 'u' },
  dma_max_mapping_size: { not: 'a question: it changes nothing' },
  dma_get_required_mask: { not: 'as dma_max_mapping_size' },
  mem_cc_shared_granule_size: { not: 'as dma_max_mapping_size' },
  dma_set_mask: { agent: 'driver' },
  dma_set_coherent_mask: { agent: 'driver' },
  dma_set_mask_and_coherent: { not: 'both masks one after the other: dma_set_mask and dma_set_coherent_mask' },
  dev_read: { agent: 'driver' },
  dev_write: { agent: 'driver', label: () => 'dev' },
  bind: { agent: 'admin' },
  unbind: { agent: 'admin' },
  pci_reset_function: { agent: 'admin' },
  tsm_connect: { agent: 'admin' },
  tsm_disconnect: { agent: 'admin' },
  tsm_lock: { agent: 'admin' },
  tsm_evidence: {
    not: 'accept without evidence is hunted; what evidence adds, another nonce for each lock, is state without end'
  },
  tsm_accept: { agent: 'admin' },
  tsm_dma_enable: { agent: 'admin' },
  tsm_dma_disable: { agent: 'admin' },
  device_set_trust: { agent: 'admin' },
  tsm_unlock: { agent: 'admin' },
  tsm_register: { agent: 'admin' },
  tsm_unregister: { agent: 'admin' },
  remove: { agent: 'admin' },
  pci_set_master: { agent: 'admin' },
  pci_clear_master: { agent: 'admin' },
  pcie_flr: { agent: 'admin' },
  host_stop: { agent: 'host' },
  host_reset: { agent: 'host' },
  host_relock: { not: 'host_stop and a lock by the guest lead to the same states, nonces apart' },
  host_error: { agent: 'host' },
  host_write: { agent: 'host', label: () => 'evil' },
  host_read: { not: 'what the host can read is judged in every state (exposed), whether it reads or not' },
  host_remap: { not: 'the host may cut and swap what it maps at any time: a fault that needs it is no finding' },
  host_unmap: { not: 'as host_remap' }
}

/** What each kind of object is called in a slot; u: a user mapping is never given back, only forgotten. */
const LETTER: ReadonlyMap<string, string> = new Map(
  Object.entries({
    page: 'p',
    buffer: 'k',
    mapping: 'h',
    sg: 's',
    coherent: 'b',
    pages: 'g',
    resource: 'r',
    usermap: 'u',
    vmap: 'v'
  })
)
const KIND = new Map([...LETTER].map(([kind, letter]) => [letter, kind]))
/** The kind of object that a slot of this letter holds. */
export const kindOf = (letter: string): string => KIND.get(letter) ?? ''

/** Places and statements of a client. */
export interface Given {
  readonly slots: readonly Slot[]
  readonly statements: readonly Statement[]
}

/** The options with which a statement is tried, '' for none. */
const option = (op: OpWord, scene: Scene, ccShared: boolean): string[] => {
  switch (op.name as OpName) {
    case 'alloc_page':
      return scene.high ? ['', 'high'] : ['']
    case 'dma_map_single':
      return [
        ...(ccShared && scene.explicit ? ['', 'CC_SHARED'] : ['']),
        ...(scene.requires ? ['REQUIRE_COHERENT'] : [])
      ]
    case 'vmap':
      return scene.explicit ? ['', 'DECRYPTED'] : ['']
    case 'dma_map_resource':
      return ccShared ? ['', 'CC_SHARED'] : ['']
    case 'dma_alloc_coherent':
      return scene.atomic
        ? ['', 'ATOMIC', ...(scene.cookie ? ['NO_KERNEL_MAPPING'] : [])]
        : scene.asks
          ? ['', 'CC_SHARED']
          : ['']
    case 'dma_alloc_pages':
      return scene.atomic ? ['', 'ATOMIC'] : ['']
    default:
      return ['']
  }
}

/** Whether whole calls are interleaved, or the single steps inside them. */
export type Interleave = 'calls' | 'steps'

/** A thread of a client and what it makes: `os` makes everything. */
export interface Thread {
  readonly name: 'os' | Agent
  readonly statements: readonly Statement[]
}
const DOERS = ['driver', 'admin', 'host'] as const satisfies readonly Agent[]

/**
 * The thread that makes a statement when single steps interleave. What asks what is held (nothing may be left at
 * unbind; the host writes to a mapping) is the driver's, and so is what its own core would wait for: bus mastering and
 * resets.
 */
export const doerOf = (s: Statement): Agent =>
  s.object >= 0 || s.op === 'bind' || s.op === 'unbind' || s.op === 'remove' || s.op.startsWith('pci')
    ? 'driver'
    : s.agent

/** Only this thread holds objects. */
const holds = (name: Thread['name']): boolean => name === 'os' || name === 'driver'

export class Client implements Contracted {
  readonly slots: readonly Slot[]
  readonly statements: readonly Statement[]
  /** The environment's one failure of the run is spent. */
  private readonly failed: Field

  /**
   * `given`: places and statements that are not those of the scene, in an order in which each variable is set before it
   * is used.
   */
  constructor(
    readonly scene: Scene,
    readonly sys: System,
    private readonly forgets = true,
    given: Given | null = null
  ) {
    this.failed = sys.layout.field('failed', { max: 1 })
    if (given !== null) {
      this.slots = given.slots
      this.statements = given.statements.filter((s, i) => given.statements.findIndex((x) => x.text === s.text) === i)
      return
    }
    const n = (letter: string): number => own(scene.slots, letter) ?? 0
    this.slots = [...KIND].flatMap(([letter, kind]) =>
      Array.from({ length: n(letter) }, (_, i) => ({ name: n(letter) > 1 ? `${letter}${i}` : letter, kind }))
    )
    // As text a statement that sets a variable must come before those that use it.
    const place = (s: Statement): number => (s.target < 0 ? this.slots.length : s.target)
    this.statements = operations.flatMap((op: OpWord) => this.instances(op)).sort((a, b) => place(a) - place(b))
  }

  /** The statements that an operation gives in this scene. Long: one switch over the kinds of operations. */
  private instances(op: OpWord): Statement[] {
    const name = op.name as OpName
    const use = uses[name]
    const { scene, sys } = this
    if ('not' in use || !scene.hunts(name)) return []
    const { devices } = sys.options
    interface Made {
      readonly args: readonly string[]
      readonly device: number
      readonly object: number
      readonly objects: readonly number[]
      readonly direction: string
      readonly mmio: string
    }
    let list: Made[] = [{ args: [], device: -1, object: -1, objects: [], direction: '', mmio: '' }]
    // Every value that a parameter can have, each as the statement's argument.
    const each = <T>(values: readonly T[], text: (v: T) => string, put: (v: T) => Partial<Made> = () => ({})): void => {
      list = list.flatMap((x) => values.map((v) => ({ ...x, ...put(v), args: [...x.args, text(v)] })))
    }
    for (const p of op.params.filter((x) => x.optional !== true)) {
      switch (p.kind) {
        case 'device':
          each(
            devices,
            (d) => d.name,
            (d) => ({ device: devices.indexOf(d) })
          )
          break
        case 'object':
          each(
            this.slots.filter((s) => p.accepts?.some((k) => k === s.kind) && scene.about(name, s.kind)),
            (s) => s.name,
            (s) => ({ object: this.slots.indexOf(s) })
          )
          break
        // One list, of all pages: their order is no matter.
        case 'objects': {
          const pages = this.slots.flatMap((s, i) => (s.kind === 'page' ? [i] : []))
          each(
            pages.length > 1 ? [pages] : [],
            (l) => `[${l.map((i) => this.slots[i]?.name).join(', ')}]`,
            (objects) => ({ objects })
          )
          break
        }
        case 'level':
          each(scene.levels, String)
          break
        case 'mmio':
          each(
            sys.machine.mmios.map((m) => m.config.name),
            (m) => m,
            (mmio) => ({ mmio })
          )
          break
        case 'size':
          each([use.size ?? '4K'], String)
          break
        case 'bits':
          each(scene.masks, String)
          break
        case 'label':
          list = list.map((x) => ({ ...x, args: [...x.args, use.label?.(this.slots[x.object]?.kind ?? '') ?? 'data'] }))
          break
        case 'direction':
          each(
            name === 'dma_map_single' || name === 'dma_map_sg' ? scene.directions : ['BIDIRECTIONAL'],
            String,
            (direction) => ({ direction })
          )
          break
      }
    }
    const targets =
      use.makes === undefined ? [-1] : this.slots.flatMap((s, i) => (LETTER.get(s.kind) === use.makes ? [i] : []))
    return list.flatMap((x) =>
      option(op, scene, sys.kernel.rev['attributes.CC_SHARED']).flatMap((o) =>
        targets.map(
          (target): Statement => ({
            text:
              `${target < 0 ? '' : `${this.slots[target]?.name} = `}${op.name}(` +
              `${[...x.args, ...(o === '' ? [] : [o])].join(', ')})`,
            op: name,
            agent: use.agent,
            device: x.device,
            object: x.object,
            target,
            objects: x.objects,
            ends: use.ends === true,
            direction: x.direction,
            shared: o === 'CC_SHARED' || o === 'DECRYPTED',
            mmio: x.mmio
          })
        )
      )
    )
  }

  /** A test that is nothing but the scene. */
  static test(
    scene: Pick<Scene, 'name' | 'head'>,
    kernel: string,
    platform: string,
    body: readonly string[] = []
  ): Test {
    const source = sceneText(
      scene.head,
      kernel,
      platform,
      [{ name: 'os', body: body.length === 0 ? ['x = 0'] : body }],
      'hunt',
      'hunt'
    )
    const { test, errors } = parse(source, 'hunt.litmus')
    if (test === undefined)
      throw new Error(`invariant broken: scene ${scene.name}: ${errors.map((d) => d.message).join('; ')}\n${source}`)
    return test
  }

  /**
   * Threads that make every statement, for ever, as far as the contract (less the clauses `without`) allows it: those
   * of a list, a thread.
   */
  loops(lists: readonly Thread[], without: ReadonlySet<ClauseName>, kernel: string, platform: string): Program[] {
    const { variables, gate, call } = this.parts(without, kernel, platform)
    return lists.map(({ name, statements }) => {
      const code: Instr[] = []
      const targets: number[] = []
      // The choice comes first; its targets are filled in below.
      code.push({ op: 'choose', targets, text: 'next', group: 0, when: gate(statements), leads: true })
      for (const s of statements) {
        targets.push(code.length)
        code.push(...call(s, holds(name)), { op: 'jump', to: 0 })
      }
      return { name, variables, code, keep: [], watched: [], initial: variables.map(() => 0) }
    })
  }

  /**
   * Threads that make these statements in order and once; one waits for ever at a statement that the contract does not
   * allow.
   */
  sequences(lists: readonly Thread[], without: ReadonlySet<ClauseName>, kernel: string, platform: string): Program[] {
    const { variables, gate, call } = this.parts(without, kernel, platform)
    return lists.map(({ name, statements }) => {
      const code: Instr[] = []
      for (const [group, s] of statements.entries()) {
        code.push({ op: 'choose', targets: [code.length + 1], text: 'next', group, when: gate([s]), leads: true })
        code.push(...call(s, holds(name)).map((i) => ({ ...i, group })))
      }
      return { name, variables, code, keep: [], watched: [], initial: variables.map(() => 0) }
    })
  }

  /** One thread for all statements, or one for each that makes any, when single steps interleave. */
  threads(interleave: Interleave, statements: readonly Statement[] = this.statements): Thread[] {
    if (interleave === 'calls') return [{ name: 'os', statements }]
    return DOERS.map((name) => ({ name, statements: statements.filter((s) => doerOf(s) === name) })).filter(
      (t) => t.statements.length > 0
    )
  }

  /**
   * What programs of the client are made of: variables, when a statement may be made, and its instructions by number.
   */
  private parts(
    without: ReadonlySet<ClauseName>,
    kernel: string,
    platform: string
  ): {
    readonly variables: readonly string[]
    readonly gate: (list: readonly Statement[]) => When
    readonly call: (s: Statement, holds: boolean) => Instr[]
  } {
    const test = Client.test(
      this.scene,
      kernel,
      platform,
      this.statements.map((s) => s.text)
    )
    const compiled = ensure(compile(test, this.sys).threads[0], 'a thread of statements')
    const V = compiled.variables
    const slotVar = this.slots.map((s) => V.indexOf(s.name))
    const flag = this.slots.map((_, i) => V.length + i)
    const reads = [...slotVar, ...flag]
    const n = this.slots.length
    const held = (values: readonly number[]): Held => ({
      object: (i) => (isObject(values[i] ?? 0) ? this.sys.objects.get(values[i] as number) : null),
      cpuHas: (i) => values[n + i] === 1,
      madeShared: (i) => values[n + i] === 1
    })
    return {
      variables: [...V, ...this.slots.map((s) => `${s.name}.flag`)],
      gate: (list) => ({ reads, of: (values) => list.map((s): Enabled => allowed(this, s, held(values), without)) }),
      call: (s, holds) =>
        this.instructions(
          s,
          compiled.code[this.statements.findIndex((x) => x.text === s.text)] as Call,
          slotVar,
          flag,
          without,
          holds
        )
    }
  }

  /** Boot, with its ways to fail. */
  boot(): number {
    return this.atMostOneFailure(() => this.sys.boot())
  }

  /** Whether something has failed on the way to a state. */
  failedIn(st: Store): boolean {
    return this.failed.get(st) === 1
  }

  /** The environment fails at most once a run: more failures give no new family. */
  private atMostOneFailure(fn: () => number): number {
    const { failed } = this
    return altered(fn, (a) =>
      a.outcomes === 1 || !isFailure(a)
        ? a
        : changed(a, {
            key: `once:${a.key}`,
            perform: (st, outcome) => {
              const failures = a.kind === 'c' ? failuresOf(outcome) : Number(outcome > 0)
              if (failed.get(st) + failures > 1) return BLOCKED
              if (failures > 0) failed.set(st, 1)
              return a.perform(st, outcome)
            }
          })
    )
  }

  /** A statement, then what its caller makes of the result: slots that are free again, whose turn it is. */
  private instructions(
    s: Statement,
    call: Call,
    slotVar: readonly number[],
    flag: readonly number[],
    without: ReadonlySet<ClauseName>,
    holds: boolean
  ): Instr[] {
    const ends = s.ends && !without.has('freed once')
    const dst =
      s.target >= 0
        ? (slotVar[s.target] as number)
        : ends
          ? (slotVar[s.object] as number)
          : s.op.startsWith('set_memory')
            ? (flag[s.object] as number)
            : -1
    const fn: CallFn = (...args) => {
      const r = this.atMostOneFailure(() => call.fn(...args))
      return s.target >= 0 ? (isObject(r) ? r : 0) : ends ? 0 : r
    }
    const out: Instr[] = [{ ...call, fn, dst, group: 0 }]
    // Apart from the call, whose decisions then do not depend on what else is held.
    const forget: CallFn = (...held) => {
      forgotten(this.sys, held.filter(isObject))
      return 0
    }
    if (this.forgets && holds)
      out.push({
        op: 'call',
        fn: forget,
        args: slotVar.map((v) => ({ v })),
        dst: -1,
        text: s.text,
        group: 0,
        follows: true
      })
    const then = (v: number, value: CallFn, ...from: number[]): void => {
      out.push({ op: 'call', fn: value, args: from.map((x) => ({ v: x })), dst: v, text: s.text, group: 0 })
    }
    if (s.target >= 0) then(flag[s.target] as number, () => 0)
    if (ends) then(flag[s.object] as number, () => 0)
    const f = flag[s.object] ?? -1
    if (s.op === 'dma_sync_for_cpu') then(f, () => 1)
    if (s.op === 'dma_sync_for_device') then(f, () => 0)
    // A conversion that failed leaves memory in a state that nobody knows: its owner keeps off it for good.
    if (s.op.startsWith('set_memory')) {
      then(
        slotVar[s.object] as number,
        (rc, x) => (statusIsError(rc as number) ? 0 : (x as number)),
        f,
        slotVar[s.object] as number
      )
      then(f, (rc) => (statusIsError(rc as number) ? 0 : s.op === 'set_memory_decrypted' ? 1 : 0), f)
    }
    return out
  }
}

const statusIsError = (rc: number): boolean => isStatus(rc) && statusErrno(rc) !== 0

/**
 * Decisions of the environment whose outcomes but the first are failures: conversions, those that a call of a tree's C
 * asks for, steps of a TSM driver. Others are about when, not whether.
 */
export const isFailure = (a: Action): boolean =>
  a.kind === 'convert' ||
  a.kind === 'tsm driver' ||
  (a.kind === 'c' && a.outcomes > 1) ||
  (a.kind === 'choose' && / may (have )?fail/.test(a.key))

/**
 * Whoever holds nothing can observe nothing: what memory without an owner holds, and what is promised about it, is
 * forgotten.
 */
const forgotten = action<[sys: System, held: readonly number[]]>('hunt: forget', {
  perform: (st, _outcome, sys, held) => {
    sys.forget(st, held)
    return 0
  },
  text: () => 'forget',
  results: [0],
  silent: true
})

/** A block of a head as text. */
export const blockText = ({ word, entries }: Block): string =>
  entries.length === 0 ? `${word} { }` : `${word} { ${entries.join(word === 'config' ? ' ' : ', ')} }`

/** Statements under a name: a thread of a test, or its `init`. */
export interface Part {
  readonly name: string
  readonly body: readonly string[]
}

/** The text of a scene as a litmus test. */
export function sceneText(
  head: readonly Block[],
  kernel: string,
  platform: string,
  parts: readonly Part[],
  name: string,
  text: string
): string {
  const block = ({ name: n, body }: Part, i: number): string =>
    `${n === 'init' ? n : `thread ${n}${i > 0 && n !== 'os' ? ` cpu ${i}` : ''}`} {\n` +
    `${body.map((l) => `  ${l}`).join('\n')}\n}\n`
  const init = parts.filter((p) => p.name === 'init' && p.body.length > 0)
  const threads = parts.filter((p) => p.name !== 'init')
  return (
    `litmus ${name}\n  "${text.replace(/[\\"]/g, "'")}"\nplatform ${platform}\nkernel ${kernel}\nforbid all\n` +
    `${head.map(blockText).join('\n')}\n\n${[...init.map((p) => block(p, 0)), ...threads.map(block)].join('\n')}`
  )
}
