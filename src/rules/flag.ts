// Who writes the storage of the accepted flag, and under which locks: read from runs of the kernel functions that do.
// Beside it what the kernel's source says of writers that the model has not.
import { ensure } from '../base/index.ts'
import { type Action, OneStore, Run } from '../step/index.ts'
import { defaultConfig, defaultDevice, type MachineConfig, type Platform } from '../machine/index.ts'
import { accepts, DEV_BITS, flagStorage, memoryEncryptReported, type Revision } from '../kernel/index.ts'
import { System } from '../system/index.ts'
import { parse } from '../litmus/index.ts'
import { compile } from '../litmus/threads.ts'

export interface FlagWriter {
  /** The C function. */
  readonly by: string
  /** Which bit of the unit. */
  readonly bit: string
  readonly on: boolean
  readonly atomic: boolean
  /** Locks held at the write, in the order they were taken: `pci_tsm_rwsem (read)`. */
  readonly locks: readonly string[]
  /** The operation of the language that led there. */
  readonly from: string
}

/** A member of the unit whose writers are read from the source, not run. */
export interface OutsideWriter {
  readonly bit: string
  readonly by: string
  readonly lock: string
}

export interface FlagAudit {
  readonly platform: Platform
  readonly revision: Revision
  /** No device can be accepted: there is no flag. */
  readonly none: boolean
  readonly storage: MachineConfig['flag_storage']
  /** The name of the flag's bit, and of those that share its unit. */
  readonly bit: string
  readonly neighbours: readonly string[]
  readonly writers: readonly FlagWriter[]
  readonly outside: readonly OutsideWriter[]
  /** Locks that every one of these writers holds; a lock taken for reading by some excludes nobody among them. */
  readonly common: readonly string[]
}

// struct device's other `bool x:1` members, 6.12: read in drivers/base, drivers/of, kernel/dma.
const OUTSIDE: readonly OutsideWriter[] = [
  { bit: 'offline_disabled', by: 'CPU device registration', lock: 'none, before device_add' },
  { bit: 'offline', by: 'device_offline, device_online', lock: 'device lock' },
  { bit: 'of_node_reused', by: 'device_set_of_node_from_dev', lock: 'none, before use' },
  { bit: 'state_synced', by: 'sysfs state_synced, device links', lock: 'device lock; device-links lock only' },
  { bit: 'can_match', by: 'really_probe, device_attach, driver_attach', lock: 'device lock; none after -EPROBE_DEFER' },
  { bit: 'dma_iommu', by: 'iommu_setup_dma_ops', lock: 'iommu group mutex' }
]

/**
 * What leads to every writer: each line is run alone, by one thread, on a booted system. A test holds that none is
 * missed.
 */
const SCENES: readonly string[] = [
  'tsm_lock(nic) tsm_accept(nic) tsm_unlock(nic)',
  'tsm_lock(nic) tsm_accept(nic) tsm_unregister() tsm_register()',
  'tsm_lock(nic) tsm_accept(nic) remove(nic)',
  'bind(nic) p = alloc_page() h = dma_map_single(nic, p, TO_DEVICE) dma_unmap_single(nic, h)',
  'dma_set_mask(nic, 64) p = alloc_page() h = dma_map_single(nic, p, TO_DEVICE)'
]

const nameOfBits = (mask: number): string =>
  Object.entries(DEV_BITS).find(([, m]) => m === mask)?.[0] ?? `0x${mask.toString(16)}`

export function flagAudit(platform: Platform, revision: Revision): FlagAudit {
  const storage = flagStorage(revision, platform)
  const shared = storage === 'shared_byte'
  const none = !accepts(revision, platform)
  const writers: FlagWriter[] = []
  for (const scene of none ? [] : SCENES) {
    for (const w of writersIn(scene, platform, revision, storage)) {
      if (!writers.some((x) => x.by === w.by && x.bit === w.bit && x.locks.join() === w.locks.join() && x.on === w.on))
        writers.push(w)
    }
  }
  const outside = shared ? OUTSIDE : []
  const held = writers.map((w) => w.locks)
  const common =
    held.length === 0 || outside.some((w) => !/^device lock$/.test(w.lock))
      ? []
      : ensure(held[0], 'a writer').filter((l) => !l.endsWith('(read)') && held.every((x) => x.includes(l)))
  return {
    platform,
    revision,
    none,
    storage,
    bit: shared ? 'tdi_enabled' : 'accepted',
    neighbours: shared
      ? Object.keys(DEV_BITS).filter((b) => b !== 'tdi_enabled')
      : storage === 'own_byte'
        ? []
        : ['dead'],
    writers,
    outside,
    common
  }
}

class SceneStore extends OneStore {
  override finding(): void {
    /* who writes is asked, not what becomes of it */
  }
}

function writersIn(
  scene: string,
  platform: Platform,
  revision: Revision,
  storage: MachineConfig['flag_storage']
): FlagWriter[] {
  const statements = scene.replace(/\) (?=\w)/g, ')\n')
  const test = ensure(
    parse(`litmus flag "who writes the flag"\ndevice nic { tdisp }\nthread os {\n${statements}\n}\n`, 'flag').test,
    scene
  )
  const config: MachineConfig = {
    ...defaultConfig,
    flag_storage: storage,
    memory_encrypt_reported: memoryEncryptReported(revision, platform)
  }
  const sys = new System({
    platform,
    revision,
    config,
    devices: [{ ...defaultDevice, name: 'nic', tdisp: platform.tdisp }],
    mmios: []
  })
  const unit = storage === 'shared_byte' ? sys.kernel.f.bits : sys.kernel.f.flag
  const compiled = compile(test, sys)
  const st = new SceneStore(sys.layout.totalWords)
  sys.reset(st)
  const out: FlagWriter[] = []
  for (const program of [compiled.init, ...compiled.threads]) {
    const run = new Run([program], st)
    st.run = run
    const held: string[] = []
    while (!run.ended(0)) {
      const turn = run.turn(0)
      if (turn.accesses.length === 0) break
      for (const a of turn.accesses) {
        const bits = a.action.bits
        if (bits !== undefined && bits.addr === unit.base)
          out.push({
            by: bits.by,
            bit: storage === 'shared_byte' ? nameOfBits(bits.mask) : 'accepted',
            on: bits.on,
            atomic: bits.atomic,
            locks: [...held],
            from: a.statement
          })
        lockOf(a.action, held)
      }
    }
  }
  return out
}

/** Keeps the list of locks held; an access that is none leaves it as it is. */
function lockOf(a: Action, held: string[]): void {
  const [, verb, what] =
    /^(lock|unlock|down_read|down_write|up_read|up_write)(?: |\()([^)]+)\)?$/.exec(a.text(0, 0)) ?? []
  if (verb === undefined || what === undefined) return
  const name =
    `${what.replace(/^\w+\.mutex$/, 'device lock').replace(/^\w+\.(tsm_pf0\.lock)$/, '$1')}` +
    `${verb.endsWith('_read') ? ' (read)' : verb.endsWith('_write') ? ' (write)' : ''}`
  if (verb === 'lock' || verb.startsWith('down')) held.push(name)
  else held.splice(held.lastIndexOf(name), 1)
}
