// Whether a request that failed could have been served: the definition of `refused`. Some address within the device's masks exists by
// which this device, in its present TDI state, could legally reach the data: directly, by a bounce, or through a pool in the right state.
import { PAGE_SIZE } from '../base/index.ts'
import type { Store } from '../step/index.ts'
import { lookup, MMIO_BASE, TDI } from '../machine/index.ts'
import { ATTR, DMA_BIT_MASK, type RefusalReason, refusals } from '../kernel/index.ts'
import type { System } from '../system/index.ts'

export interface Request { readonly dev: number; readonly phys: number; readonly size: number; readonly attrs: number; readonly alloc: boolean }

/** The legal way that existed, in words; null when there was none or the failure is of another kind. */
export function legalWay(sys: System, st: Store, r: Request, reason: RefusalReason | null): string | null {
  if (reason !== null && !refusals[reason].refusal) return null
  const m = sys.machine
  const k = sys.kernel
  const dev = k.device(r.dev)
  const gate = m.gate(st, r.dev)
  if (gate.emits === null) return null
  const t = gate.emits
  const mask = (bits: number): number => { const b = DMA_BIT_MASK(bits); return dev.config.bus_limit === 0 ? b : Math.min(b, dev.config.bus_limit) }
  const limit = r.alloc ? mask(dev.config.coherent_mask) : mask(k.f.mask.get(st, r.dev))
  const bit = m.platform.sharedBit(m.config)
  const served = (page: 'priv' | 'shr' | 'pmmio' | 'pmmio_empty' | 'pmmio_down' | 'smmio', phys: number): boolean => {
    // Behind a vIOMMU any page can have a low address.
    const low = dev.config.iommu ? 0x100000 : phys
    const aliases: Array<['P' | 'S', number]> = [['P', low]]
    if (m.platform.deviceAlias === 'c_bit') aliases.splice(0, 1, ['P', low + m.platform.encBit], ['S', low])
    else if (bit !== 0) aliases.push(['S', low + bit])
    if (m.platform.deviceAlias === 'device_table') aliases.splice(0, aliases.length, [m.tableAlias(dev.config, t, phys), low])
    for (const [alias, addr] of aliases) {
      if (addr + r.size - 1 > limit) continue
      const row = lookup(m.platform.rows, m.config, t, alias, page)
      if (row !== null && row.read === 'ok' && row.write === 'ok') return true
    }
    return false
  }
  // The lowest page that could be had.
  const LOW = 0x100000
  const device = `${dev.name} at T=${t}`
  if (!r.alloc) {
    const page = m.classify(st, r.phys)
    if (r.phys >= MMIO_BASE) return (page === 'smmio' || page === 'pmmio') && served(page, r.phys) ? `${device} could reach this range directly` : null
    if ((page === 'priv' || page === 'shr') && served(page, r.phys)) return `${device} could reach it directly`
    if (r.attrs & ATTR.REQUIRE_COHERENT) return null
  }
  // By a bounce, or an allocation: private memory for an accepted device, shared memory for any other.
  const state = t === 1 && (m.tdi.get(st, r.dev) === TDI.run || dev.config.private_only) ? 'priv' : m.platform.guest ? 'shr' : 'priv'
  if (served(state, LOW) || (!m.platform.guest && served('shr', LOW))) return `${device} could reach ${state === 'priv' ? 'private' : 'shared'} memory${r.alloc ? '' : ' by a bounce'} within its mask`
  return null
}

export const pagesOf = (phys: number, size: number): [number, number] => [Math.floor(phys / PAGE_SIZE), Math.ceil((phys + size) / PAGE_SIZE)]
