// What the kernel makes shared while it starts, in the order of its start: the default pool when memory encryption is
// known (mem_encrypt_init(), arch_mm_preinit()), the atomic pools at postcore_initcall(), the pool of a region when its
// first device is probed.
import type { Pfn } from '../base/index.ts'
import { action, aside, choose, type Store } from '../step/index.ts'
import { boot_accepted } from './device.ts'
import { bootConverts } from './dma/swiotlb.ts'
import { poolOfDevice } from './kernel.ts'
import { conversionsMayFail, hostRefuses, mappingOfRefused, set_memory_decrypted } from './set-memory.ts'
import { tsmCores } from './tsm-cores.ts'
import type { BootConversion, Kernel, MemKind, SwiotlbMem } from './types.ts'

/**
 * How a conversion at boot ends: done; refused before anything changed; refused at the call out of the guest, where
 * some of it is done already.
 */
const BOOT_ENDS = ['done', 'refused', 'half done'] as const
type BootEnd = (typeof BOOT_ENDS)[number]

const bootConverted = aside<
  [
    k: Kernel,
    mem: {
      readonly name: string
      readonly kind: MemKind
      readonly pages: { readonly pfn: Pfn; readonly n: number }
    },
    end: BootEnd,
    place: number
  ]
>(
  'boot',
  (st, k, mem, end, place) => {
    const { pfn, n } = mem.pages
    if (end === 'done') {
      k.bootShare(st, pfn, n)
      return
    }
    if (end === 'half done') mappingOfRefused(k, st, pfn, n)
    if (k.rev.decryptFailure === 'unusable') k.f.pool_unusable.set(st, 1, place)
  },
  (_k, mem, end) => (end === 'done' ? `boot: ${mem.name} shared` : `boot: converting ${mem.name} failed`)
)

/** What the surroundings answered to a pool's conversion; 0 where boot goes on as if it had been done. */
const bootAnswered = action<[k: Kernel, mem: SwiotlbMem, place: number, rc: number]>('boot answered', {
  perform: (st, _outcome, k, mem, place, rc) => {
    if (rc === 0 || k.rev.decryptFailure === 'ignore') return 0
    k.f.pool_unusable.set(st, 1, place)
    if (!mem.kind.restricted) mem.markUsed(st)
    return rc
  },
  text: (r, _outcome, _k, mem) => `boot: ${mem.name} ${r === 0 ? 'is used' : 'is not used'}`
})

/**
 * Decrypts one pool; false where it failed and the kernel noticed. Under `conversions may_fail` it may fail, and then
 * the revision's rule for that holds. A failure goes to `failed`, noticed or not.
 */
function decryptPool(
  k: Kernel,
  mem: SwiotlbMem,
  place: number,
  name: BootConversion | null,
  failed: BootConversion[]
): boolean {
  if (!bootConverts(k, mem)) return true
  const { pfn, n } = mem.pages
  if (k.parts.host !== undefined) return bootAnswered(k, mem, place, set_memory_decrypted(k, mem.start, n)) === 0
  // A pool that firmware gives in no whole granules is refused before anything changes.
  const partial = k.rev.sharedGranule === 'whole' && mem.kind.restricted && !k.machine.granules(pfn, n).exact
  const mayFail = (): number =>
    conversionsMayFail(k) ? choose(`boot: set_memory_decrypted(${mem.name}) may fail`, BOOT_ENDS.length) : 0
  const end = partial ? 'refused' : hostRefuses(k, pfn, n) ? 'half done' : (BOOT_ENDS[mayFail()] ?? 'done')
  bootConverted(k, mem, end, place)
  if (end !== 'done' && name !== null) failed.push(name)
  return end === 'done' || k.rev.decryptFailure === 'ignore'
}

/** swiotlb_update_mem_attributes(): the default pool, and the what-if's private one beside it. */
function swiotlb_update_mem_attributes(k: Kernel, failed: BootConversion[]): void {
  for (const mem of [k.default_mem, k.private_mem])
    if (mem !== null && !decryptPool(k, mem, mem.index, mem === k.default_mem ? 'swiotlb' : null, failed))
      k.message('decrypt_failed')
}

/**
 * rmem_swiotlb_device_init(), device by device: the first of a region converts its pool. Since failures are looked at a
 * failed one leaves rmem->priv NULL, and the next device tries the whole again.
 */
function rmem_swiotlb_device_init(k: Kernel, failed: BootConversion[]): void {
  const attached = new Set<SwiotlbMem>()
  for (const dev of k.devices) {
    const mem = dev.assigned
    if (mem === null || !mem.kind.restricted || attached.has(mem)) continue
    if (decryptPool(k, mem, poolOfDevice(dev.index), `device ${dev.index}`, failed)) attached.add(mem)
    else k.message('decrypt_restricted', { dev: dev.name })
  }
}

/** The start of the kernel, as far as it converts memory. */
export function start_kernel(k: Kernel): void {
  const failed: BootConversion[] = []
  swiotlb_update_mem_attributes(k, failed)
  k.atomic.boot()
  rmem_swiotlb_device_init(k, failed)
  k.calls?.booted([...failed, ...k.atomic.bootFailures().map((i) => `atomic pool ${i}` as const)])
}

/** What the kernel holds of its devices when a test begins; `accepted`: told of each that it has accepted by then. */
export function boot_devices(k: Kernel, st: Store, accepted: (dev: number) => void): void {
  if (!k.accepts) return
  for (const { config, index } of k.devices) {
    // Of a device that nobody can accept the flag stays as initialisation left it.
    if (!config.tdisp && k.rev.acceptedAtInit) boot_accepted(k, st, index)
    if (!config.accepted) continue
    accepted(index)
    k.f.tsm_state.set(st, tsmCores[k.rev.accept].accepted, index)
    boot_accepted(k, st, index)
  }
}
