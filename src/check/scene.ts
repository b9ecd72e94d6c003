// A litmus test on one pair, ready to be explored: boot and `init` run alone, then the threads from every way in which
// those can end. The search and its slow twin explore the same scene.
import { type Finding, type PropertyName, type Store, UNSET } from '../step/index.ts'
import type { MmioConfig } from '../machine/index.ts'
import { platformByName } from '../machine/index.ts'
import type { KernelParts, Revision } from '../kernel/index.ts'
import { watch } from '../properties/index.ts'
import { System } from '../system/index.ts'
import { resolveConfig, resolveDevices, revisionOf, statements, type Test } from '../litmus/index.ts'
import type { OpName } from '../litmus/operations.ts'
import { type Compiled, compile } from '../litmus/threads.ts'
import type { Model, Start } from './model.ts'
import type { Waiting } from './search.ts'

export interface SceneOptions {
  /** Instead of the named revision. */
  readonly revision?: Revision
  /** Parts of the kernel that are not ours: a tree's own C. */
  readonly parts?: KernelParts
  readonly content?: 'labels' | 'bytes' | 'both'
  /** Mappings of vmap() end, although the test itself ends none. */
  readonly vunmaps?: boolean
}

const NONCE_OPS: ReadonlySet<OpName> = new Set(['tsm_evidence', 'host_relock'])

/** Builds the system of a test for one pair. */
export function systemFor(test: Test, kernel: string, platform: string, o: SceneOptions = {}): System {
  const p = platformByName(platform)
  const r = o.revision ?? revisionOf(test, kernel)
  if (p === undefined) throw new Error(`unknown platform ${platform}`)
  const config = resolveConfig(test, platform, r)
  const devices = resolveDevices(test, platform, r)
  const mmios: MmioConfig[] = test.mmios.map((m) => ({ name: m.name, of: m.of.name, state: m.access }))
  // Only where a test can tell nonces apart are they state.
  const calls = (of: (op: OpName) => boolean): boolean =>
    [test.init, ...test.threads.map((t) => t.body)].some((body) =>
      [...statements(body)].some((s) => s.kind === 'call' && of(s.op))
    )
  const nonces = calls((op) => NONCE_OPS.has(op))
  const vunmaps = o.vunmaps ?? calls((op) => op === 'vunmap')
  return new System({
    platform: p,
    nonces,
    vunmaps,
    revision: r,
    config,
    devices,
    mmios,
    ...(o.content ? { content: o.content } : {}),
    ...(o.parts ? { parts: o.parts } : {})
  })
}

export class Scene {
  readonly sys: System
  readonly compiled: Compiled
  /** What is wrong with a state. */
  readonly onState: (st: Store) => readonly Finding[] | null
  /** The conditions that held in some final state, by their number. */
  readonly held = new Set<number>()

  constructor(test: Test, kernel: string, platform: string, o: SceneOptions = {}) {
    this.sys = systemFor(test, kernel, platform, o)
    this.onState = watch(this.sys)
    this.compiled = compile(test, this.sys)
  }

  /** Boot and `init`. */
  get init(): Model {
    return { layout: this.sys.layout, programs: [this.compiled.init], starts: [{ init: (st) => this.sys.reset(st) }] }
  }

  /** A final state of `init` as a start of the threads. */
  startFrom(st: Store): Start {
    const { init, threads, imports } = this.compiled
    const words = st.u32.slice(0, this.sys.layout.totalWords)
    const values = init.variables.map((_, i) => st.local(0, i))
    const locals = threads.map((p, t) =>
      p.variables.map((_, v) => {
        const from = imports[t]?.find(([own]) => own === v)
        return from === undefined ? UNSET : (values[from[1]] as number)
      })
    )
    return {
      init: (to) => {
        to.u32.set(words)
      },
      locals
    }
  }

  threads(starts: readonly Start[]): Model {
    return { layout: this.sys.layout, programs: this.compiled.threads, starts }
  }

  /** A final state of the threads: notes which conditions hold, and a `never` is a finding. */
  onFinal(st: Store): Finding[] {
    const out: Finding[] = []
    for (const [i, c] of this.compiled.conditions.entries()) {
      if (!c.holds(st)) continue
      this.held.add(i)
      if (c.kind === 'never')
        out.push({
          property: 'reached',
          site: 'never',
          decision: `${c.text} line ${c.line}`,
          summary: `${c.text} is reached`
        })
    }
    return out
  }

  onDeadlock(waiting: readonly Waiting[]): Finding[] {
    const at = (w: Waiting): string => w.action.text(0, 0)
    return [
      {
        property: 'deadlock',
        site: 'threads',
        decision: waiting.map(at).join(' / '),
        summary:
          'nobody can go on: ' +
          `${waiting.map((w) => `${this.compiled.threads[w.thread]?.name} waits in '${at(w)}'`).join(', ')}`
      }
    ]
  }

  /** An `exists` that held nowhere; only a complete search can say so. */
  unreached(): Array<{
    readonly property: PropertyName
    readonly site: string
    readonly decision: string
    readonly summary: string
  }> {
    return this.compiled.conditions.flatMap((c, i) =>
      c.kind === 'exists' && !this.held.has(i)
        ? [
            {
              property: 'unreached' as const,
              site: 'exists',
              decision: c.text,
              summary: `${c.text} holds in no final state`
            }
          ]
        : []
    )
  }
}
