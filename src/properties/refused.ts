// A request fails although it could have been served: some address within the device's masks exists by which this
// device, in its present TDI state, could legally reach the data: directly, by a bounce, or through a pool in the right
// state.
import {
  ATTR,
  type Device,
  DMA_BIT_MASK,
  DMA_MAPPING_ERROR,
  type KernelEvent,
  type RefusalReason,
  refusals,
  translate_phys_to_dma
} from '../kernel/index.ts'
import { lookup, MMIO_BASE, type PageClass, TDI } from '../machine/index.ts'
import { Interned, type Store } from '../step/index.ts'
import type { System } from '../system/index.ts'
import { type FailedRequest, ghost, type Judgement, type Property } from './property.ts'

declare module '../step/step.ts' {
  interface PropertyNames {
    refused: true
  }
}

/** When it is violated. */
const VIOLATED =
  "a map or allocation fails although some address within the device's masks exists by which this device, in " +
  'its present TDI state, could legally reach this data (directly, by a bounce, through a pool in the right ' +
  'state); not for exhaustion, nor for masks that no alias fits. Reported, not forbidden by default'

/** The lowest page that could be had. */
const LOW = 0x100000

/**
 * Where this page appears on the device's bus, or (null) the lowest page that could be had, in each window of a range
 * map: [phys, bus].
 */
function places(dev: Device, phys: number | null): ReadonlyArray<readonly [phys: number, bus: number]> {
  const { range_map: map, iommu } = dev.config
  // Behind a vIOMMU any page can have a low address.
  if (iommu) return [[phys ?? LOW, LOW]]
  if (map === undefined) return [[phys ?? LOW, phys ?? LOW]]
  const of =
    phys === null
      ? map
          .flatMap((w) => dev.k.memory.ram.map(([start, end]) => ({ at: Math.max(w.cpu_start, start, LOW), end })))
          .filter((x) => x.at < x.end)
          .map((x) => x.at)
      : [phys]
  return of.flatMap((at) => {
    const bus = translate_phys_to_dma(dev, at)
    return bus === DMA_MAPPING_ERROR ? [] : [[at, bus] as const]
  })
}

/**
 * Whether this device, sending `t`, is served by some alias within its mask for a page of the class at `phys`; null:
 * for some page.
 */
function served(sys: System, st: Store, r: FailedRequest, t: 0 | 1, page: PageClass, phys: number | null): boolean {
  return places(sys.kernel.device(r.dev), phys).some(([at, bus]) => servedAt(sys, st, r, t, page, at, bus))
}

function servedAt(
  sys: System,
  st: Store,
  r: FailedRequest,
  t: 0 | 1,
  page: PageClass,
  phys: number,
  low: number
): boolean {
  const m = sys.machine
  const dev = sys.kernel.device(r.dev)
  const mask = (bits: number): number => {
    const b = DMA_BIT_MASK(bits)
    return dev.config.bus_limit === 0 ? b : Math.min(b, dev.config.bus_limit)
  }
  const limit = r.alloc ? mask(sys.kernel.f.coherent_mask.get(st, r.dev)) : mask(sys.kernel.f.mask.get(st, r.dev))
  const bit = m.platform.sharedBit(m.config)
  const aliases: Array<['P' | 'S', number]> = [['P', low]]
  if (m.platform.deviceAlias === 'c_bit') aliases.splice(0, 1, ['P', low + m.platform.encBit], ['S', low])
  else if (bit !== 0) aliases.push(['S', low + bit])
  if (m.platform.deviceAlias === 'device_table')
    aliases.splice(0, aliases.length, [m.tableAlias(dev.config, t, phys), low])
  for (const [alias, addr] of aliases) {
    if (addr + r.size - 1 > limit) continue
    const row = lookup(m.platform.rows, m.config, t, alias, page)
    if (row !== null && row.read === 'ok' && row.write === 'ok') return true
  }
  return false
}

/** The legal way that existed, in words; null when there was none or the failure is of another kind. */
function legalWay(sys: System, st: Store, r: FailedRequest, reason: RefusalReason | null): string | null {
  if (reason !== null && !refusals[reason].refusal) return null
  const m = sys.machine
  const dev = sys.kernel.device(r.dev)
  const t = m.gate(st, r.dev).emits
  if (t === null) return null
  const device = `${dev.name} at T=${t}`
  if (!r.alloc) {
    const page = m.classify(st, r.phys)
    if (r.phys >= MMIO_BASE)
      return (page === 'smmio' || page === 'pmmio') && served(sys, st, r, t, page, r.phys)
        ? `${device} could reach this range directly`
        : null
    if ((page === 'priv' || page === 'shr') && served(sys, st, r, t, page, r.phys))
      return `${device} could reach it directly`
    if (r.attrs & ATTR.REQUIRE_COHERENT) return null
  }
  // By a bounce, or an allocation: private memory for an accepted device, shared memory for any other.
  const state =
    t === 1 && (m.tdi.get(st, r.dev) === TDI.run || dev.config.private_only)
      ? 'priv'
      : m.platform.guest
        ? 'shr'
        : 'priv'
  if (served(sys, st, r, t, state, null) || (!m.platform.guest && served(sys, st, r, t, 'shr', null))) {
    return (
      `${device} could reach ${state === 'priv' ? 'private' : 'shared'} memory${r.alloc ? '' : ' by a bounce'} ` +
      'within its mask'
    )
  }
  return null
}

class Refused implements Judgement {
  /** Why the last request failed; null: not told. */
  private readonly last: Interned<RefusalReason | null>
  constructor(private readonly sys: System) {
    this.last = new Interned<RefusalReason | null>(sys.layout, ghost('failure'), null, (v) => v ?? '')
  }
  event(st: Store, e: KernelEvent): void {
    if (e.kind === 'failed') this.last.set(st, e.reason)
  }
  onlyHeld(st: Store): void {
    this.last.set(st, null)
  }
  request(st: Store, r: FailedRequest): void {
    const reason = this.last.get(st)
    this.last.set(st, null)
    const way = legalWay(this.sys, st, r, reason)
    if (way === null) return
    st.finding({
      property: 'refused',
      site: r.alloc ? 'dma_alloc' : 'dma_map',
      decision: reason ?? 'error',
      summary:
        `the ${r.alloc ? 'allocation' : 'mapping'} fails (${reason === null ? 'error' : refusals[reason].words}) ` +
        `although ${way}`
    })
  }
}

export const property: Property = {
  name: 'refused',
  order: 110,
  does: 'a map or allocation fails although a legal way existed',
  violated: VIOLATED,
  byDefault: false,
  judge: (sys) => new Refused(sys)
}
