// Failed step, what the device can still do: each step of a guest's TSM driver fails once, alone, and what it leaves
// behind is looked at: what the core believes, where the interface is, what the device reaches, and what the next
// mapping gives. Computed by running the operations.
import { PAGE_SIZE, type DmaAddr } from '../base/index.ts'
import {
  defaultConfig,
  defaultDevice,
  type DmaResult,
  type MachineConfig,
  type Platform,
  TDI,
  tdiNames,
  type TsmStep
} from '../machine/index.ts'
import {
  adminOperations,
  DIR,
  flagStorage,
  memoryEncryptReported,
  phys_to_dma_unencrypted,
  type Revision,
  TAG,
  tsmCores,
  tsmDriver
} from '../kernel/index.ts'
import { errnoName, isErr, System } from '../system/index.ts'
import { OneStore, runOn } from '../step/index.ts'

/** What an access comes to: `ok` for both ways, or the words of the outcome. */
export interface Reach {
  readonly read: string
  readonly write: string
  readonly rule: string
}

export interface FailedStep {
  readonly op: 'lock' | 'accept' | 'unlock'
  readonly step: TsmStep
  /** What the operation answers: `ok` or an errno. */
  readonly returns: string
  /** What the core's attributes show, and where the interface is. */
  readonly believes: 'unlocked' | 'locked' | 'run'
  readonly tdi: (typeof tdiNames)[number]
  readonly flag: boolean
  /** T of its requests; null: it sends none. */
  readonly t: 0 | 1 | null
  /** TEE ranges of the device are still mapped for the guest. */
  readonly mmio: boolean
  /** A private page at its plain address, a shared page at its shared alias. */
  readonly private: Reach
  readonly shared: Reach
  /**
   * What the next dma_map_single() of a private page gives: `direct`, `bounced` or an errno, and what the device meets
   * there.
   */
  readonly next: { readonly path: string; readonly reach: Reach | null }
}

export interface Failures {
  readonly platform: Platform
  readonly revision: Revision
  /** Where the driver's steps come from; null: no device can be accepted. */
  readonly source: string | null
  readonly steps: readonly FailedStep[]
}

const OPS = ['lock', 'accept', 'unlock'] as const
const word = (outcome: string): string => outcome.replace('fault:', '')
const reach = (read: DmaResult, write: DmaResult): Reach => ({
  read: word(read.outcome),
  write: word(write.outcome),
  rule: read.rule
})

export function failuresOf(platform: Platform, revision: Revision): Failures {
  const probe = tsmDriver(revision, platform)
  if (probe === null) return { platform, revision, source: null, steps: [] }
  return {
    platform,
    revision,
    source: probe.source,
    steps: OPS.flatMap((op) => probe[op].map((step) => failed(platform, revision, op, step)))
  }
}

function system(platform: Platform, revision: Revision, tsm_fails: readonly TsmStep[]): System {
  const config: MachineConfig = {
    ...defaultConfig,
    tsm_fails,
    flag_storage: flagStorage(revision, platform),
    memory_encrypt_reported: memoryEncryptReported(revision, platform)
  }
  return new System({ platform, revision, config, devices: [{ ...defaultDevice, name: 'dev', tdisp: true }] })
}

function failed(platform: Platform, revision: Revision, op: FailedStep['op'], step: TsmStep): FailedStep {
  const sys = system(platform, revision, [step])
  const { kernel: k, machine: m } = sys
  const st = new OneStore(sys.layout.totalWords)
  sys.reset(st)
  runOn(st, () => sys.boot())
  const [priv, shr] = [0, 1].map(
    () => runOn(st, () => k.pages.alloc_pages(0, { tag: TAG.page, zero: true, why: 'the driver' })) * PAGE_SIZE
  ) as [number, number]
  k.bootShare(st, shr / PAGE_SIZE, 1)
  for (const before of OPS.slice(0, OPS.indexOf(op))) runOn(st, () => adminOperations[`tsm_${before}`](k, 0))
  const rc = runOn(
    st,
    () => adminOperations[`tsm_${op}`](k, 0),
    () => 1
  )
  const at = (handle: DmaAddr): Reach =>
    reach(m.request(st, 0, handle, false, 'tee'), m.request(st, 0, handle, true, 'tee'))
  const flag = sys.believed(st, 0)
  const base = {
    op,
    step,
    returns: rc === 0 ? 'ok' : errnoName(rc),
    believes: tsmCores[revision.accept].belief(k.f.tsm_state.get(st, 0), flag),
    tdi: tdiNames[m.tdi.get(st, 0)] ?? 'unlocked',
    flag,
    t: m.gate(st, 0).emits,
    mmio: (m.tee_mmio?.get(st, 0) ?? 0) !== 0,
    private: at(priv),
    shared: at(
      platform.sharedBit(defaultConfig) === 0
        ? runOn(st, () => phys_to_dma_unencrypted(k.device(0), shr))
        : shr + platform.sharedBit(defaultConfig)
    )
  }
  const h = runOn(st, () =>
    sys.dma_map_single(0, 0, sys.objects.value({ kind: 'page', phys: priv, size: PAGE_SIZE }), DIR.BIDIRECTIONAL, 0)
  )
  if (isErr(h)) return { ...base, next: { path: errnoName(h), reach: null } }
  const o = sys.objects.get(h)
  return {
    ...base,
    next:
      o.kind === 'mapping'
        ? { path: o.bounce >= 0 ? 'bounced' : 'direct', reach: at(o.handle) }
        : { path: o.kind, reach: null }
  }
}

/** Whether the core's belief, or its flag, and the hardware have come apart. */
export const stale = (f: FailedStep): boolean => f.believes !== f.tdi || f.flag !== (f.tdi === tdiNames[TDI.run])
