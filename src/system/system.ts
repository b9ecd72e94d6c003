// Machine, kernel and devices put together: what a scene is made of, with one function for each operation of the
// language. The functions run under the checker (every access a step) and on a running system (at once). A subject a
// file, each on the one before: state.ts, booting.ts, memory.ts, streaming.ts, coherent.ts, device-dma.ts; here the
// administrator, the host, and what expressions ask.
import { PAGE_SIZE, pieces } from '../base/index.ts'
import type { Store } from '../step/index.ts'
import { HW, MIXED_WORD, PTE, type Ranges, tdiNames, wordOf, ZERO_WORD } from '../machine/index.ts'
import { type AdminOp, adminOperations, device_set_trust, tsm_accept, tsm_evidence, tsmCores } from '../kernel/index.ts'
import { hostDevice, type HostDeviceOp, hostRead, hostStage2, type HostStage2Op, hostWrite } from './steps.ts'
import { errno, isErr, isObject, isUnset, type MappingObject, wordValue } from './values.ts'
import { SystemDeviceDma } from './device-dma.ts'

/** More pages than a guest of the model has. */
const PAGES = 2 ** 30

export class System extends SystemDeviceDma {
  admin(op: AdminOp, dev: number): number {
    return adminOperations[op](this.kernel, dev)
  }

  device_set_trust(dev: number, level: string): number {
    return device_set_trust(this.device(dev), level)
  }

  /** DEV.trust: the level, or `unset` where the revision has none. */
  trustName(st: Store, dev: number): string {
    return this.kernel.f.trust === null ? 'unset' : this.kernel.f.trust.valueName(this.kernel.f.trust.get(st, dev))
  }

  tsm_evidence(dev: number): number {
    return tsm_evidence(this.device(dev))
  }

  tsm_accept(dev: number, evidence?: number): number {
    if (evidence !== undefined && (isErr(evidence) || isUnset(evidence)))
      return isErr(evidence) ? evidence : errno.EINVAL
    return tsm_accept(this.device(dev), evidence)
  }

  host_device(op: HostDeviceOp, dev: number): number {
    return hostDevice(this, op, dev)
  }

  host_write(v: number, word: number): number {
    const bad = this.notHostMemory(v)
    return bad !== 0 ? bad : hostWrite(this, this.objects.id(v), word)
  }

  host_read(v: number): number {
    const bad = this.notHostMemory(v)
    if (bad !== 0) return bad
    const r = hostRead(this, this.range(v))
    return r < 0 ? errno.EFAULT : wordValue(r)
  }

  host_stage2(op: HostStage2Op, v: number): number {
    const bad = this.notHostMemory(v)
    return bad !== 0 ? bad : hostStage2(this, op, this.range(v))
  }

  // The host's access to BARs is not modelled.
  private notHostMemory(v: number): number {
    return !isObject(v) ? (isErr(v) ? v : errno.EINVAL) : this.objects.get(v).kind === 'resource' ? errno.EOPNOTSUPP : 0
  }

  /** x.shared: the memory under x is shared. */
  isShared(st: Store, v: number): boolean {
    const o = this.objects.get(v)
    if (o.kind === 'resource' || o.kind === 'bar') return this.machine.mmios[o.mmio]?.config.state === 'shared'
    const { phys } = this.range(v)
    const bar = this.machine.mmios.find((m) => phys >= m.base && phys < m.base + m.size)
    if (bar !== undefined) return bar.config.state === 'shared'
    const hw = this.machine.hw(st, Math.floor(phys / PAGE_SIZE))
    return hw === HW.shr || hw === HW.shr_unmapped || hw === HW.shr_realm
  }

  /** x.alias: the form of the address: of a handle what the device is given, else the CPU's mapping. */
  isSharedAlias(st: Store, v: number): boolean {
    const o = this.objects.get(v)
    const form = (handle: number): boolean => {
      const { platform, config } = this.kernel
      const bit = platform.sharedBit(config)
      if (bit !== 0) return handle >= bit
      // SNP's guests have no bit for it in an address without C-bit (the sDTE decides): it stands for the state of the
      // memory.
      if (platform.encBit !== 0 && (handle >= platform.encBit || platform.deviceAlias === 'c_bit'))
        return handle < platform.encBit
      return this.isShared(st, v)
    }
    switch (o.kind) {
      case 'mapping':
      case 'resource':
        return form(o.handle)
      case 'sg':
        return form((o.segments[0] as MappingObject).handle)
      case 'coherent':
      case 'pages':
        return form(o.buffer.handle)
      case 'usermap':
      case 'vmap':
        return o.alias === 'shared'
      default: {
        const pte = this.machine.pte(st, Math.floor(o.phys / PAGE_SIZE))
        return this.machine.platform.cpuAlias ? pte === PTE.shr || pte === PTE.invalid_shr : this.isShared(st, v)
      }
    }
  }

  /** x.bounced. */
  isBounced(v: number): boolean {
    const o = this.objects.get(v)
    return o.kind === 'mapping' ? o.bounce >= 0 : o.kind === 'sg' ? o.segments.some((s) => s.bounce >= 0) : false
  }

  /**
   * content(x): the one word, or `mixed`; of a scatter-gather handle over all its segments, each where the device sees
   * it.
   */
  contentWord(st: Store, v: number): number {
    const o = this.objects.get(v)
    if (o.kind === 'resource') return ZERO_WORD
    const ranges =
      o.kind === 'sg'
        ? o.segments.map((m) => ({ phys: m.bounce >= 0 ? m.bounce : m.phys, size: m.size }))
        : [this.range(v)]
    const words = new Set(ranges.map((r) => wordOf(this.content.read(st, r.phys, r.size))))
    return words.size === 1 ? ([...words][0] as number) : MIXED_WORD
  }

  tdiName(st: Store, dev: number): string {
    return tdiNames[this.machine.tdi.get(st, dev)] ?? ''
  }

  /** DEV.tsm: the TSM core's belief. */
  tsmName(st: Store, dev: number): string {
    const k = this.kernel
    return tsmCores[k.rev.accept].word(k.f.tsm_state.get(st, dev), this.believed(st, dev))
  }

  /**
   * Drops what nobody can observe any more when `held` is all that anybody holds: ordinary data in other memory, and
   * what is promised about it. For searches without end, whose states would differ in it for ever.
   */
  forget(st: Store, held: readonly number[]): void {
    let kept = this.kept.get(held)
    if (kept === undefined) this.kept.set(held, (kept = this.rangesOf(held)))
    this.labels?.forget(st, kept)
    this.watcher.onlyHeld?.(st, kept)
  }
  /** Where what is held lies, by the list that a search asks with again and again. */
  private readonly kept = new WeakMap<readonly number[], Ranges>()
  private rangesOf(held: readonly number[]): Ranges {
    return held.flatMap((v): Ranges => {
      const o = this.objects.get(v)
      if (o.kind === 'resource') return []
      return (o.kind === 'sg' ? o.segments : [o]).flatMap(
        (m): Ranges => [
          [m.phys, m.phys + m.size],
          ...(m.kind === 'mapping' && m.bounce >= 0 ? [[m.bounce, m.bounce + m.size] as const] : [])
        ]
      )
    })
  }

  /** For printing: the pages that are not as a fresh guest's. */
  describePages(st: Store): string[] {
    return pieces(this.machine.pages.get(st), 0, PAGES, 0)
      .filter((p) => p[2] !== 0)
      .map(([s, e, v]) => `0x${s.toString(16)}..0x${e.toString(16)} ${v}`)
  }
}
