// Properties of a state: what the always-present host can reach, and whether the kernel's belief agrees with the hardware. Each is
// remembered by the numbers of the components it looks at, so that a state costs a few look-ups.
import { type Intervals, PAGE_SIZE, pieces } from '../base/index.ts'
import type { Finding, Store } from '../step/index.ts'
import { CLASS, classNames, classOf, HW, TDI, tdiNames, wordOf } from '../machine/index.ts'
import { TAG, tsmCores } from '../kernel/index.ts'
import type { System } from '../system/index.ts'
import type { Watch } from './watch.ts'

const NONE: readonly Finding[] = []

export class Properties {
  private readonly memory = new Map<string, readonly Finding[]>()
  private readonly beliefs = new Map<string, readonly Finding[]>()

  constructor(private readonly sys: System, private readonly watch: Watch) {}

  /** What is wrong with this state. */
  readonly onState = (st: Store): readonly Finding[] | null => {
    const sys = this.sys
    const mem = sys.labels?.state.at(st) ?? 0
    const key = `${sys.machine.pages.at(st)},${mem},${sys.kernel.pages.state.at(st)},${sys.kernel.slab.state.at(st)},${this.watch.explicit.at(st)}`
    let m = this.memory.get(key)
    if (m === undefined) this.memory.set(key, (m = this.reachable(st)))
    const b = this.stale(st)
    return m.length === 0 ? (b.length === 0 ? null : b) : b.length === 0 ? m : [...m, ...b]
  }

  /** `exposed` and `tampered`, as reachability by the host and by untrusted devices (who reach no more than the host). */
  private reachable(st: Store): readonly Finding[] {
    const { machine, kernel } = this.sys
    if (!machine.platform.guest) return NONE
    const out: Finding[] = []
    const add = (f: Finding): void => { if (!out.some((x) => x.property === f.property && x.decision === f.decision)) out.push(f) }
    const content: Intervals = this.sys.labels?.state.get(st) ?? []
    for (const [s, e, v] of pieces(machine.pages.get(st), 0, 2 ** 36, 0)) {
      const hw = v & 7
      if (hw !== HW.shr && hw !== HW.shr_unmapped) continue
      for (const [a, , l] of pieces(content, s * PAGE_SIZE, e * PAGE_SIZE, 0)) {
        const c = classOf(l)
        if (c === CLASS.plain) continue
        const word = this.sys.words.name(wordOf(l))
        const where = this.where(st, a)
        add({ property: 'exposed', site: where, decision: `${classNames[c]} readable`, summary: `the host can read '${word}' (${c === CLASS.secret ? 'a secret of the guest' : 'data meant for an accepted device'}) in ${where}` })
        if (c === CLASS.accepted) add({ property: 'tampered', site: where, decision: 'accepted data writable', summary: `data of an accepted device ('${word}') lies in ${where}, which the host can write` })
      }
      for (const [a, b, owner] of pieces(kernel.pages.state.get(st).owner, s, e, 0)) {
        if (owner === TAG.page) {
          for (const [x, , ex] of pieces(this.watch.explicit.get(st), a * PAGE_SIZE, b * PAGE_SIZE, 0)) {
            if (ex === 1) continue
            add({ property: 'tampered', site: 'page', decision: 'private page writable', summary: `the host can write page 0x${Math.floor(x / PAGE_SIZE).toString(16)}, which the guest treats as private` })
          }
        } else if (owner === TAG.slab) this.slabObjects(st, a, b, add)
      }
    }
    return out.length === 0 ? NONE : out
  }

  // Objects that share a page with one that the test converted: their owners treat them as private.
  private slabObjects(st: Store, first: number, end: number, add: (f: Finding) => void): void {
    for (const [pfn, size, used] of this.sys.kernel.slab.state.get(st)) {
      if (pfn < first || pfn >= end) continue
      for (let i = 0; i < used.length; i++) {
        if (used[i] !== '1') continue
        const at = pfn * PAGE_SIZE + i * size
        if (pieces(this.watch.explicit.get(st), at, at + 1, 0)[0]?.[2] === 1) continue
        add({ property: 'tampered', site: 'slab', decision: 'private object writable', summary: `the host can write a kmalloc object at 0x${at.toString(16)}, which shares its page with a converted one` })
      }
    }
  }

  private where(st: Store, addr: number): string {
    const k = this.sys.kernel
    for (const m of k.mems) if (m.contains(addr)) return m.kind.restricted ? 'a restricted bounce pool' : 'the bounce pool'
    if (k.atomic.contains(addr)) return 'an atomic pool'
    switch (k.pages.owner(st, Math.floor(addr / PAGE_SIZE))) {
      case TAG.free: return 'a free page'
      case TAG.page: return 'a page'
      case TAG.slab: return 'a kmalloc page'
      case TAG.dma: return 'a DMA buffer'
      case TAG.leaked: return 'a leaked page'
      default: return 'kernel memory'
    }
  }

  /** With no TSM operation in flight: flag, state and TDI agree; an accepted or locked device has a TSM. */
  private stale(st: Store): readonly Finding[] {
    const { kernel, machine } = this.sys
    if (!kernel.accepts || kernel.f.tsm_in_flight.get(st) !== 0) return NONE
    const registered = kernel.f.tsm_registered.get(st) === 1
    let key = registered ? 'r' : 'n'
    for (const d of kernel.devices) if (d.config.tdisp) key += `,${kernel.f.present.get(st, d.index)}${machine.tdi.get(st, d.index)}${kernel.f.tsm_state.get(st, d.index)}${this.sys.believed(st, d.index) ? 1 : 0}`
    let r = this.beliefs.get(key)
    if (r !== undefined) return r
    const out: Finding[] = []
    for (const d of kernel.devices) {
      if (!d.config.tdisp || kernel.f.present.get(st, d.index) === 0) continue
      const tdi = tdiNames[machine.tdi.get(st, d.index)] as string
      const flag = this.sys.believed(st, d.index)
      const thinks = tsmCores[kernel.rev.accept].belief(kernel.f.tsm_state.get(st, d.index), flag)
      if (thinks !== tdi) out.push({ property: 'stale_state', site: 'tsm core', decision: `believes ${thinks}, is ${tdi}`, summary: `the core believes ${d.name} is ${thinks} and its interface is ${tdi}` })
      else if (flag !== (tdi === 'run')) out.push({ property: 'stale_state', site: 'flag', decision: `flag ${flag ? 'set' : 'clear'}, is ${tdi}`, summary: `the accepted flag of ${d.name} is ${flag ? 'set' : 'clear'} and its interface is ${tdi}` })
      else if (!registered && (machine.tdi.get(st, d.index) === TDI.locked || machine.tdi.get(st, d.index) === TDI.run)) out.push({ property: 'stale_state', site: 'tsm core', decision: `${tdi} without a TSM`, summary: `${d.name} is ${tdi} and no TSM is registered` })
    }
    r = out.length === 0 ? NONE : out
    this.beliefs.set(key, r)
    return r
  }
}
