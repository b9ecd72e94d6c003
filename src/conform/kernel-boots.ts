// The pool that a tree's own C gives itself at boot (setup_io_tlb_npages(), swiotlb_adjust_nareas(),
// swiotlb_init_remap()) beside what our model says (kernel/swiotlb/sizing.ts), on random command lines and machines.
import { ensure } from '../base/index.ts'
import { KernelC, KernelFault, RecordingHost, type WasmModule } from '../kernel-c/index.ts'
import { parseSizingKernel, parseSwiotlbParam, sizePool } from '../kernel/swiotlb/index.ts'
import { randomOf } from './kernel-program.ts'

/** A boot in which they differ. */
export interface BootDivergence {
  readonly cmdline: string
  readonly cpus: number
  /** Slots, areas and whether all devices bounce. */
  readonly model: string
  readonly kernel: string
}

const GB = 2 ** 30
const RAM = 8 * GB
const POOL_AT = 2 * GB
const SIZES = ['0', '1', '100', '127', '128', '129', '500', '1000', '4096', '5000', '0x400', '0200', '32768', '40000']
const AREAS = ['0', '1', '2', '3', '4', '7', '16', '33', '64', '300']
const LAST = ['force', 'noforce', 'forced', 'track_hiwater', 'noforce,track_hiwater', 'force,track_hiwater', '64M']
const CPUS = [1, 2, 3, 4, 6, 8, 12, 16, 17, 32, 48, 64]

/** What follows `swiotlb=`; empty: it is not given. */
function drawCmdline(r: (n: number) => number): string {
  const one = (of: readonly string[]): string => ensure(of[r(of.length)], 'one of them')
  const parts = [
    ...(r(4) > 0 ? [r(3) > 0 ? one(SIZES) : String(1 + r(60_000))] : []),
    ...(r(2) > 0 ? [one(AREAS)] : []),
    ...(r(3) === 0 ? [one(LAST)] : [])
  ]
  return parts.join(',')
}

const said = (p: { readonly slots: number; readonly areas: number; readonly force: boolean }): string =>
  p.slots === 0 ? 'no pool' : `${p.slots} slots, ${p.areas} areas${p.force ? ', forced' : ''}`

function byModel(release: string, cpus: number, cmdline: string): string {
  const kernel = parseSizingKernel(release)
  if (kernel === null) throw new Error(`${release} is no kernel`)
  const text = cmdline === '' ? '' : `swiotlb=${cmdline}`
  // A machine with RAM above 4 GiB has a pool in any case.
  const r = sizePool({ ram: RAM, platform: 'none', arch: 'arm64', kernel: release, cpus, cmdline: text })
  if (!r.ok) throw new Error(r.error)
  return said({ ...r.value, force: parseSwiotlbParam(text, kernel.version).force })
}

function byTree(module: WasmModule, cpus: number, cmdline: string): string {
  const k = new KernelC(module, new RecordingHost([[POOL_AT, 64]]))
  try {
    k.boot({ cpus, ram: RAM, track_hiwater: false, swiotlb: { start: POOL_AT, cmdline } })
  } catch (e) {
    if (e instanceof KernelFault) return `stops: ${e.message}`
    throw e
  }
  const pool = k.pool()
  return said({ slots: pool?.nslabs ?? 0, areas: pool?.nareas ?? 0, force: pool?.force_bounce === true })
}

/** Boots so many times; the first in which they differ, null when none does. `release`: the model's. */
export function conformBoots(module: WasmModule, release: string, boots: number, seed: number): BootDivergence | null {
  const r = randomOf(seed)
  for (let i = 0; i < boots; i++) {
    const cmdline = drawCmdline(r)
    const cpus = ensure(CPUS[r(CPUS.length)], 'one of them')
    const [model, kernel] = [byModel(release, cpus, cmdline), byTree(module, cpus, cmdline)]
    if (model !== kernel) return { cmdline, cpus, model, kernel }
  }
  return null
}
