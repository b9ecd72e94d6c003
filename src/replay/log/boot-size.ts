// What a boot log tells the sizing rules, and what it says of the pool itself: for `tbit size --boot-log`.
import { IO_TLB_SEGSIZE, IO_TLB_SIZE, type SizingRequest, sizeText } from '../../kernel/swiotlb/index.ts'
import { isWhole } from './boot.ts'
import { type LogFacts, machineOf } from './context.ts'
import type { LogReader } from './reader.ts'

export interface BootSize {
  /** What to ask the rules; null: the log lacks `missing`, and nobody gave it. */
  readonly request: SizingRequest | null
  readonly missing: readonly string[]
  /** What was read, in words. */
  readonly read: readonly string[]
  /** Slots and areas of the pool that the log shows; slots 0: it shows that there is none; null: it does not say. */
  readonly slots: number | null
  readonly areas: number | null
  readonly text: string
}

const hex = (n: number): string => `0x${n.toString(16)}`

/** The last boot of a log that was read to its end. `given`: what the user knows better. */
export function bootSize(reader: LogReader, given: LogFacts): BootSize {
  const read = reader.boots.at(-1)
  if (read === undefined)
    return { request: null, missing: ['a boot'], read: [], slots: null, areas: null, text: 'holds no boot' }
  const m = machineOf(read, given)
  const b = m.boot
  const missing = [
    m.kernel === null ? 'the kernel ("Linux version")' : '',
    m.ram === null ? 'RAM ("Memory:" or the memory map)' : ''
  ].filter((x) => x !== '')
  const words = [
    m.kernel === null ? '' : `Linux ${m.kernel}${m.arch === null ? '' : `, ${m.arch}`}`,
    m.ram === null
      ? ''
      : `${sizeText(m.ram)} RAM${m.ramStart === null ? '' : `, from ${hex(m.ramStart)}`}` +
        `${m.ramEnd === null ? '' : ` to ${hex(m.ramEnd - 1)}`}`,
    m.arch === 'arm64' && m.request?.zone_dma_end !== undefined
      ? `ZONE_DMA ends at ${hex(m.request.zone_dma_end - 1)}`
      : '',
    b.hotplugEnd === null ? '' : `memory may come up to ${hex(b.hotplugEnd - 1)} (SRAT)`,
    b.reserved.length === 0
      ? ''
      : `reserved: ${b.reserved.map(([first, last]) => `${hex(first)}-${hex(last)}`).join(', ')}`,
    m.platform === null
      ? 'no line names a platform with encrypted memory'
      : `${m.platform}${b.platform === null ? ', as given' : ` ("${b.platform.by}")`}`,
    b.xen === null ? '' : `Xen PV, ${b.xen}`,
    m.hardware === null ? '' : m.hardware,
    b.hypervisor === null || (m.guest !== null && /bare/.test(b.hypervisor)) ? '' : `on ${b.hypervisor}`,
    m.cpus === null ? '' : `${m.cpus} possible CPUs`,
    m.cmdline === null ? 'no command line' : `command line "${m.cmdline}"`
  ].filter((x) => x !== '')
  return { request: m.request, missing, read: words, ...shownPool(m) }
}

function shownPool(m: ReturnType<typeof machineOf>): Pick<BootSize, 'slots' | 'areas' | 'text'> {
  const b = m.boot
  if (b.mapped !== null) {
    const slots = (b.mapped[1] - b.mapped[0]) / IO_TLB_SIZE
    const areas = b.areas === null ? null : Math.max(1, Math.min(b.areas, Math.floor(slots / IO_TLB_SEGSIZE)))
    return { slots, areas, text: `shows a pool of ${slots} slots at ${hex(b.mapped[0])}` }
  }
  if (b.noLowMem || b.tornDown)
    return {
      slots: 0,
      areas: null,
      text: b.tornDown ? 'shows that the pool was given back' : 'shows that there is no pool ("No low mem")'
    }
  if (b.areas !== null)
    return {
      slots: null,
      areas: b.areas,
      text: `shows ${b.areas} areas but no "mapped" line: how large the pool is it does not say`
    }
  return isWhole(b)
    ? { slots: 0, areas: null, text: 'shows no line of a pool: there is none' }
    : { slots: null, areas: null, text: 'shows no line of a pool' }
}
