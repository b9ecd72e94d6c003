// Litmus tests on a tree's own C: which revision of ours describes what lies around it, which runs have a meaning, and
// the runs.
import {
  beginCheck,
  toItsEnd,
  ways,
  type CheckOptions,
  type CheckResult,
  type CheckSession,
  checkTest,
  NOTHING_MET,
  skippedResult
} from '../check/index.ts'
import { ensure, PAGE_SIZE } from '../base/index.ts'
import {
  type Expectation,
  expectFor,
  kernelsOf,
  platformsOf,
  resolveConfig,
  type Test,
  vocabulary
} from '../litmus/index.ts'
import { platformByName } from '../machine/index.ts'
import {
  type Decision,
  decisionNames,
  type Decisions,
  noMeaning,
  type Revision,
  revisionByName,
  revisions
} from '../kernel/index.ts'
import { type KernelMeta, KernelFault, Points, treeCalls, Wasm, type WasmModule } from '../kernel-c/index.ts'

/**
 * What a tree is built to: calls that run to their end (`module`), and, where that was asked for, calls that can stop
 * (`steps`).
 */
export interface TreeImage {
  readonly module: WasmModule
  readonly meta: KernelMeta
  readonly steps?: WasmModule
  /** The same tree with CONFIG_SWIOTLB_DYNAMIC and CONFIG_IOMMU_DMA, as far as it has them: for tests that ask. */
  readonly second?: TreeImage
}
/** A tree as it is built for each architecture. */
export interface TreeImages {
  readonly arm64: TreeImage | null
  readonly x86: TreeImage | null
}

/** What a build gave (kernel-build Built). */
interface BuiltImage {
  readonly wasm: Uint8Array
  readonly steps: Uint8Array | null
  readonly meta: KernelMeta
}

/** What a build gave, to be run; `second`: the one with CONFIG_SWIOTLB_DYNAMIC and CONFIG_IOMMU_DMA. */
export const imageOf = (b: BuiltImage, second: BuiltImage | null = null): TreeImage => ({
  module: new Wasm.Module(b.wasm),
  meta: b.meta,
  ...(b.steps === null ? {} : { steps: new Wasm.Module(b.steps) }),
  ...(second === null ? {} : { second: imageOf(second) })
})

const FLAGS = ['tdi_enabled', 'device_cc_accepted', 'cc_accepted'] as const

/** The flag or predicate that says "accepted" in this tree; null when it has none. */
export const acceptedAmong = (names: readonly string[]): (typeof FLAGS)[number] | null =>
  FLAGS.find((f) => names.includes(f)) ?? null
export const acceptedOf = (meta: KernelMeta): string | null => acceptedAmong([...meta.fields, ...meta.flagFunctions])

/** What the tree's own text decides. */
const decided = (meta: KernelMeta): Partial<Decisions> => meta.decisions ?? {}

/** Decisions of a tree that are otherwise in the record of this name. */
export function otherwise(meta: KernelMeta, kernel: string): Decision[] {
  const record = revisionByName(kernel) as Revision
  const found = decided(meta)
  return decisionNames.filter((d) => found[d] !== undefined && found[d] !== record[d])
}

/**
 * The mainline release that decides as the tree does: the one with the fewest differences, of several the nearest by
 * version.
 */
export function releaseOf(meta: KernelMeta): string {
  const number = (v: string): number => {
    const [a = 0, b = 0] = v.split('.').map(Number)
    return a * 1000 + b
  }
  const at = number(meta.version)
  const far = (r: Revision): number => Math.abs(number(r.base) - at)
  const releases = revisions.filter((r) => r.kind === 'release' && /^linux-\d+\.\d+$/.test(r.name))
  return (
    [...releases].sort((a, b) => otherwise(meta, a.name).length - otherwise(meta, b.name).length || far(a) - far(b))[0]
      ?.name ?? 'linux-6.12'
  )
}

/**
 * The revision whose TSM core, flag and names stand around the tree's C: by what is found in the tree, not by its
 * version.
 */
export function revisionOf(meta: KernelMeta): string {
  const flag = acceptedOf(meta)
  if (flag === 'tdi_enabled') return 'rfc-v1'
  if (flag === null) return releaseOf(meta)
  return decided(meta).mapPhys === 'capable' ? 'cc-v8' : 'tio-v2'
}

/** That revision with what the tree decides otherwise: backports, and the tree's own patches. */
export const revisionAround = (meta: KernelMeta, kernel: string): Revision => ({
  ...(revisionByName(kernel) as Revision),
  ...decided(meta)
})

const RELEASED = ['linux-6.12', 'linux-6.15', 'linux-7.1', 'linux-7.3'] as const

/** The first released revision that supports a platform; null when none does. */
export const introducing = (platform: string): string | null =>
  RELEASED.find((k) => noMeaning(k, platform) === null) ?? null

export interface TreeRun {
  readonly test: Test
  readonly platform: string
}

/** Runs that a tree can have: tests about its revision (or all), on the platforms they name. */
export function runsOf(
  tests: readonly Test[],
  revisions: readonly string[],
  platforms: readonly string[] | null,
  all: boolean
): TreeRun[] {
  return tests
    .filter((t) => all || kernelsOf(t).some((k) => revisions.includes(k)))
    .flatMap((test) =>
      platformsOf(test)
        .filter((p) => platforms === null || platforms.includes(p))
        .map((platform) => ({ test, platform }))
    )
}

const configOf = (run: TreeRun, kernel: string): ReturnType<typeof resolveConfig> =>
  resolveConfig(run.test, run.platform as vocabulary.PlatformName, kernel as vocabulary.KernelName)

/** Whether any of these tests needs the second build: bounce pools that grow, devices behind a vIOMMU. */
export const needSecond = (tests: readonly Test[]): boolean => tests.some((t) => grows(t) || behindIommu(t))
const grows = (t: Test): boolean => t.config.some((e) => e.key === 'swiotlb_dynamic')
/** A device of the test is behind a vIOMMU. */
export const behindIommu = (t: Test): boolean => t.devices.some((d) => d.entries.some((e) => e.key === 'iommu'))
const needsOf = (run: TreeRun, kernel: string): NeedsSecond => ({
  dynamic: configOf(run, kernel).swiotlb_dynamic,
  iommu: behindIommu(run.test)
})

/** What a test or a scene asks of a tree beside its first build. */
export interface NeedsSecond {
  /** Bounce pools that grow. */
  readonly dynamic: boolean
  /** Devices behind a vIOMMU. */
  readonly iommu: boolean
}

/** The build that a test or a scene runs on, or why there is none. */
export function imageFor(image: TreeImage, needs: NeedsSecond): TreeImage | string {
  if (!needs.dynamic && !needs.iommu) return image
  const { second } = image
  if (needs.iommu && second?.meta.has.iommu !== true)
    return 'devices behind a vIOMMU: this tree, or this build of it, is without the dma-iommu that mapping.c calls'
  if (needs.dynamic && second?.meta.has.dynamic !== true)
    return 'bounce pools that grow: this tree, or this build of it, is without CONFIG_SWIOTLB_DYNAMIC'
  return ensure(second, 'a second build')
}

/** What no tree can answer, or null. */
function withoutMeaning(run: TreeRun, kernel: string, images: TreeImages): string | null {
  const platform = platformByName(run.platform)
  const arch = platform?.architecture
  if (arch !== 'arm64' && arch !== 'x86')
    return `${run.platform}: the code of ${arch ?? 'this architecture'} is not compiled`
  const image = images[arch]
  if (image === null) return `not built for ${arch}`
  const model = noMeaning(kernel, run.platform)
  if (model !== null) return model
  if (run.platform === 'arm-cca' && !image.meta.has.realm)
    return 'this tree has no realm guest support (is_realm_world)'
  const config = configOf(run, kernel)
  const runsOn = imageFor(image, needsOf(run, kernel))
  if (typeof runsOn === 'string') return runsOn
  const remap = image.meta.config.includes('DMA_DIRECT_REMAP')
  if (config.remap !== null && config.remap !== remap)
    return (
      `the test is about a kernel ${remap ? 'without' : 'with'} CONFIG_DMA_DIRECT_REMAP: this build has it ` +
      `${remap ? 'on' : 'off'}`
    )
  if (config.cma > 0 || run.test.devices.some((d) => d.entries.some((e) => e.key === 'cma')))
    return 'CMA areas are not offered to the C yet: its pages come from one allocator'
  if (config.guest_page !== PAGE_SIZE) return 'the trees are built for pages of 4K'
  if (config.private_pool > 0) return 'a bounce pool for accepted devices is a what-if of the model: no tree has one'
  return null
}

/** A tree that does not come up. */
export class BootFault extends Error {
  constructor(
    readonly fault: KernelFault,
    readonly platform: string
  ) {
    super(`the tree's code does not boot on ${platform}: ${fault.message}`)
  }
}

/**
 * Expectations are written for every interleaving of steps, and for the revision's own fields of struct device. Where
 * our own model, interleaved as here and with what the tree decides, does not meet one (a race inside a call, say),
 * what it answers is the expectation instead: then a mismatch is a difference between the tree and the model.
 */
function judged(run: TreeRun, kernel: string, image: TreeImage, o: CheckOptions, r: CheckResult): CheckResult {
  if (r.expected !== 'mismatch') return r
  const model = checkTest(run.test, kernel, run.platform, {
    ...o,
    interleave: r.coverage.interleave,
    parts: { needSync: image.meta.fields.includes('dma_skip_sync') }
  })
  if (model.expected !== 'mismatch' || !model.complete || !r.complete) return r
  const properties = [...new Set(model.violations.map((v) => v.property))] as vocabulary.PropertyName[]
  const same =
    r.verdict === model.verdict &&
    [...new Set(r.violations.map((v) => v.property))].sort().join() === [...properties].sort().join()
  const expectation: Expectation =
    model.verdict === 'violated'
      ? { kind: 'violated', properties }
      : { kind: model.verdict === 'vacuous' ? 'vacuous' : 'ok' }
  return { ...r, expectation, expected: same ? 'match' : 'mismatch' }
}

export interface TreeOptions extends Omit<CheckOptions, 'parts' | 'revision'> {
  /** With whole calls: told each function that is entered, of an image that tells. */
  readonly entered?: (name: string) => void
}

/**
 * Checks one test on the C: with whole calls, or with calls that stop where others may come in between. @throws
 * BootFault
 */
export function checkOnTree(run: TreeRun, kernel: string, images: TreeImages, o: TreeOptions = {}): CheckResult {
  const interleave = o.interleave ?? 'calls'
  const reason = withoutMeaning(run, kernel, images)
  if (reason !== null) {
    const { file, name: test, threads } = run.test
    const expectation = expectFor(run.test, kernel, run.platform)
    return skippedResult({ file, test, kernel, platform: run.platform, expectation }, reason, {
      interleave,
      maxStates: o.maxStates ?? 0,
      threads: threads.length,
      operations: 0,
      operationNames: [],
      operationsKnown: vocabulary.operations.length,
      ...NOTHING_MET
    })
  }
  const arch = platformByName(run.platform)?.architecture as 'arm64' | 'x86'
  const image = imageFor(images[arch] as TreeImage, needsOf(run, kernel)) as TreeImage
  const base = revisionAround(image.meta, kernel)
  // what a driver may say is what the tree has a bit for
  const has = (a: 'CC_SHARED' | 'MMIO' | 'REQUIRE_COHERENT'): boolean => image.meta.attributes[a] !== undefined
  const revision: Revision = {
    ...base,
    'attributes.CC_SHARED': has('CC_SHARED'),
    'attributes.MMIO': has('MMIO'),
    'attributes.REQUIRE_COHERENT': has('REQUIRE_COHERENT')
  }
  try {
    if (interleave === 'steps') return checkInSteps(run, kernel, image, revision, o)
    return judged(
      run,
      kernel,
      image,
      { ...o, revision },
      checkTest(run.test, kernel, run.platform, {
        ...o,
        interleave,
        revision,
        parts: { calls: treeCalls({ module: image.module, accepted: acceptedOf(image.meta), entered: o.entered }) }
      })
    )
  } catch (e) {
    if (e instanceof KernelFault) throw new BootFault(e, run.platform)
    throw e
  }
}

/** Searches again with the places that the last one came upon, until one comes upon none. */
function checkInSteps(run: TreeRun, kernel: string, image: TreeImage, revision: Revision, o: TreeOptions): CheckResult {
  const module = ensure(image.steps, 'an image whose calls can stop')
  const points = new Points()
  let session: CheckSession
  do {
    session = toItsEnd(
      beginCheck(run.test, kernel, run.platform, {
        ...o,
        interleave: 'steps',
        revision,
        parts: { calls: treeCalls({ module, accepted: acceptedOf(image.meta), points }) }
      })
    )
  } while (points.next())
  return judged(run, kernel, image, { ...o, revision }, resultOf(session))
}

const NOT_AGAIN =
  'the way to a finding could not be done again, which is a mistake of ours: its steps are not told, and the ' +
  'verdict deserves less trust'

/**
 * The result with the ways to its findings; without them, and said so, where a way cannot be done again: what is kept
 * of the C's state would then depend on more than what was called.
 */
function resultOf(session: CheckSession): CheckResult {
  try {
    return session.result(ways)
  } catch (e) {
    if (!(e instanceof Error) || !/^invariant broken: (?:a move |the move |word |doing )/.test(e.message)) throw e
    const r = session.result(null)
    return { ...r, notes: [...r.notes, NOT_AGAIN] }
  }
}
