// The kernel's belief against the hardware: with no TSM operation in flight they agree, and an operation that reports
// success has done it.
import { type KernelEvent, tsmCores, type TsmOp } from '../kernel/index.ts'
import { tdiNames } from '../machine/index.ts'
import type { Finding, Store } from '../step/index.ts'
import type { System } from '../system/index.ts'
import { type Judgement, NONE, type Property } from './property.ts'

declare module '../step/step.ts' {
  interface PropertyNames {
    stale_state: true
  }
}

/** When it is violated. */
const VIOLATED =
  "with no TSM operation in flight, the kernel's flag or state disagrees with the TDI (a host action is no " +
  'excuse; an accepted or locked device with no TSM registered is stale); or an operation reported success and ' +
  'the hardware is not where that success promises (accept, given evidence, promises the interface of that ' +
  "evidence). The core's belief is what its attributes show: `rfc-v1` INIT = unlocked, CONNECT = locked, " +
  'ACCEPT = run; `rfc-v1-05` INIT and CONNECT = unlocked, LOCK = locked, ACCEPT = run; from `tio-v2` no ' +
  'context = unlocked, context = locked, accepted = run'

/** Where the interface is when an operation has succeeded; `any` where success promises nothing about it. */
const promises: Record<TsmOp, ReadonlyArray<(typeof tdiNames)[number]> | 'any'> = {
  lock: ['locked', 'run'],
  accept: ['run'],
  dma_enable: ['run'],
  dma_disable: 'any',
  unlock: ['unlocked'],
  connect: 'any',
  disconnect: 'any',
  register: 'any',
  unregister: 'any',
  remove: 'any'
}

class StaleState implements Judgement {
  private readonly known = new Map<string, readonly Finding[]>()
  constructor(private readonly sys: System) {}

  private tdi(st: Store, dev: number): (typeof tdiNames)[number] {
    return tdiNames[this.sys.machine.tdi.get(st, dev)] ?? 'unlocked'
  }

  ofState(st: Store): readonly Finding[] {
    const { kernel, machine } = this.sys
    if (!kernel.accepts || kernel.f.tsm_in_flight.get(st) !== 0) return NONE
    let key = kernel.f.tsm_registered.get(st) === 1 ? 'r' : 'n'
    for (const d of kernel.devices)
      if (d.config.tdisp)
        key +=
          `,${kernel.f.present.get(st, d.index)}${machine.tdi.get(st, d.index)}` +
          `${kernel.f.tsm_state.get(st, d.index)}${this.sys.believed(st, d.index) ? 1 : 0}`
    let r = this.known.get(key)
    if (r === undefined) this.known.set(key, (r = this.disagreements(st)))
    return r
  }

  private disagreements(st: Store): readonly Finding[] {
    const { kernel, machine } = this.sys
    const out: Finding[] = []
    const stale = (site: string, decision: string, summary: string): void => {
      out.push({ property: 'stale_state', site, decision, summary })
    }
    for (const d of kernel.devices) {
      if (!d.config.tdisp || kernel.f.present.get(st, d.index) === 0) continue
      const tdi = this.tdi(st, d.index)
      const flag = this.sys.believed(st, d.index)
      const thinks = tsmCores[kernel.rev.accept].belief(kernel.f.tsm_state.get(st, d.index), flag)
      const trusted = machine.assigned(st, d.index)
      if (thinks !== tdi)
        stale(
          'tsm core',
          `believes ${thinks}, is ${tdi}`,
          `the core believes ${d.name} is ${thinks} and its interface is ${tdi}`
        )
      else if (flag !== (tdi === 'run'))
        stale(
          'flag',
          `flag ${flag ? 'set' : 'clear'}, is ${tdi}`,
          `the accepted flag of ${d.name} is ${flag ? 'set' : 'clear'} and its interface is ${tdi}`
        )
      else if (kernel.f.tsm_registered.get(st) !== 1 && trusted)
        stale('tsm core', `${tdi} without a TSM`, `${d.name} is ${tdi} and no TSM is registered`)
    }
    return out.length === 0 ? NONE : out
  }

  event(st: Store, e: KernelEvent): void {
    if (e.kind === 'stale_evidence') {
      const dev = this.sys.kernel.devices[e.dev]?.name ?? ''
      st.finding({
        property: 'stale_state',
        site: 'tsm_accept',
        decision: 'evidence of another lock',
        summary: `tsm_accept(${dev}) takes an interface that is not the one of the evidence`
      })
    }
    if (e.kind !== 'tsm_done' || e.rc !== 0) return
    const want = promises[e.op]
    const tdi = this.tdi(st, e.dev)
    if (want === 'any' || want.includes(tdi)) return
    const name = this.sys.kernel.devices[e.dev]?.name ?? ''
    st.finding({
      property: 'stale_state',
      site: `tsm_${e.op}`,
      decision: `success and ${tdi}`,
      summary: `tsm_${e.op}(${name}) reports success and the interface is ${tdi}`
    })
  }
}

export const property: Property = {
  name: 'stale_state',
  order: 60,
  does: "the kernel's flag or state disagrees with the device",
  violated: VIOLATED,
  byDefault: true,
  judge: (sys) => new StaleState(sys)
}
