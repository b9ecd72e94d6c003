// Litmus tests on a tree's own C: which revision of ours describes what lies around it, which runs have a meaning, and the runs.
import { type CheckOptions, type CheckResult, checkTest } from '../check/index.ts'
import { type Expectation, expectFor, kernelsOf, platformsOf, resolveConfig, type Test, vocabulary } from '../litmus/index.ts'
import { platformByName } from '../machine/index.ts'
import { type Decision, decisionNames, type Decisions, noMeaning, type Revision, revisionByName, revisions } from '../kernel/index.ts'
import { type KernelMeta, KernelFault, treeCalls, type WasmModule } from '../kernel-c/index.ts'

/** A tree as it is built for each architecture. */
export interface TreeImages { readonly arm64: { readonly module: WasmModule; readonly meta: KernelMeta } | null; readonly x86: { readonly module: WasmModule; readonly meta: KernelMeta } | null }

const FLAGS = ['tdi_enabled', 'device_cc_accepted', 'cc_accepted'] as const

/** The flag or predicate that says "accepted" in this tree; null when it has none. */
export const acceptedAmong = (names: readonly string[]): (typeof FLAGS)[number] | null => FLAGS.find((f) => names.includes(f)) ?? null
export const acceptedOf = (meta: KernelMeta): string | null => acceptedAmong([...meta.fields, ...meta.flagFunctions])

/** What the tree's own text decides. */
const decided = (meta: KernelMeta): Partial<Decisions> => meta.decisions ?? {}

/** Decisions of a tree that are otherwise in the record of this name. */
export function otherwise(meta: KernelMeta, kernel: string): Decision[] {
  const record = revisionByName(kernel) as Revision
  const found = decided(meta)
  return decisionNames.filter((d) => found[d] !== undefined && found[d] !== record[d])
}

/** The mainline release that decides as the tree does: the one with the fewest differences, of several the nearest by version. */
export function releaseOf(meta: KernelMeta): string {
  const number = (v: string): number => { const [a = 0, b = 0] = v.split('.').map(Number); return a * 1000 + b }
  const at = number(meta.version)
  const far = (r: Revision): number => Math.abs(number(r.base) - at)
  const releases = revisions.filter((r) => r.kind === 'release' && /^linux-\d+\.\d+$/.test(r.name))
  return [...releases].sort((a, b) => otherwise(meta, a.name).length - otherwise(meta, b.name).length || far(a) - far(b))[0]?.name ?? 'linux-6.12'
}

/** The revision whose TSM core, flag and names stand around the tree's C: by what is found in the tree, not by its version. */
export function revisionOf(meta: KernelMeta): string {
  const flag = acceptedOf(meta)
  if (flag === 'tdi_enabled') return 'rfc-v1'
  if (flag === null) return releaseOf(meta)
  return decided(meta).mapPhys === 'capable' ? 'cc-v8' : 'tio-v2'
}

/** That revision with what the tree decides otherwise: backports, and the tree's own patches. */
const revisionAround = (meta: KernelMeta, kernel: string): Revision => ({ ...(revisionByName(kernel) as Revision), ...decided(meta) })

const RELEASED = ['linux-6.12', 'linux-6.15', 'linux-7.1', 'linux-7.3'] as const

/** The first released revision that supports a platform; null when none does. */
export const introducing = (platform: string): string | null => RELEASED.find((k) => noMeaning(k, platform) === null) ?? null

export interface TreeRun { readonly test: Test; readonly platform: string }

/** Runs that a tree can have: tests about its revision (or all), on the platforms they name. */
export function runsOf(tests: readonly Test[], revisions: readonly string[], platforms: readonly string[] | null, all: boolean): TreeRun[] {
  return tests.filter((t) => all || kernelsOf(t).some((k) => revisions.includes(k))).flatMap((test) => platformsOf(test).filter((p) => platforms === null || platforms.includes(p)).map((platform) => ({ test, platform })))
}

/** What no tree can answer, or null. */
function withoutMeaning(run: TreeRun, kernel: string, images: TreeImages): string | null {
  const platform = platformByName(run.platform)
  const arch = platform?.architecture
  if (arch !== 'arm64' && arch !== 'x86') return `${run.platform}: the code of ${arch ?? 'this architecture'} is not compiled`
  const image = images[arch]
  if (image === null) return `not built for ${arch}`
  const model = noMeaning(kernel, run.platform)
  if (model !== null) return model
  if (run.platform === 'arm-cca' && !image.meta.has.realm) return 'this tree has no realm guest support (is_realm_world)'
  const config = resolveConfig(run.test, run.platform as vocabulary.PlatformName, kernel as vocabulary.KernelName)
  // the work that makes a pool grow is nobody's thread here
  if (config.swiotlb_dynamic) return 'bounce pools that grow are not run in the C yet: the build is without CONFIG_SWIOTLB_DYNAMIC'
  const remap = image.meta.config.includes('DMA_DIRECT_REMAP')
  if (config.remap !== null && config.remap !== remap) return `the test is about a kernel ${remap ? 'without' : 'with'} CONFIG_DMA_DIRECT_REMAP: this build has it ${remap ? 'on' : 'off'}`
  if (config.private_pool > 0) return 'a bounce pool for accepted devices is a what-if of the model: no tree has one'
  return null
}

/** A tree that does not come up. */
export class BootFault extends Error {
  constructor(readonly fault: KernelFault, readonly platform: string) {
    super(`the tree's code does not boot on ${platform}: ${fault.message}`)
  }
}

/**
 * Expectations are written for every interleaving of steps. Where our own model, with whole calls as here, does not meet one (a race inside
 * a call), what it answers is the expectation instead: then a mismatch is a difference between the tree and the model.
 */
function judged(run: TreeRun, kernel: string, revision: Revision, o: CheckOptions, r: CheckResult): CheckResult {
  if (r.expected !== 'mismatch') return r
  const model = checkTest(run.test, kernel, run.platform, { ...o, interleave: 'calls', revision })
  if (model.expected !== 'mismatch' || !model.complete || !r.complete) return r
  const properties = [...new Set(model.violations.map((v) => v.property))] as vocabulary.PropertyName[]
  const same = r.verdict === model.verdict && [...new Set(r.violations.map((v) => v.property))].sort().join() === [...properties].sort().join()
  const expectation: Expectation = model.verdict === 'violated' ? { kind: 'violated', properties } : { kind: model.verdict === 'vacuous' ? 'vacuous' : 'ok' }
  return { ...r, expectation, expected: same ? 'match' : 'mismatch' }
}

/** Checks one test on the C. @throws BootFault */
export function checkOnTree(run: TreeRun, kernel: string, images: TreeImages, o: Omit<CheckOptions, 'parts' | 'revision' | 'interleave'> = {}): CheckResult {
  const reason = withoutMeaning(run, kernel, images)
  if (reason !== null) {
    const expectation = expectFor(run.test, kernel, run.platform)
    return {
      file: run.test.file, test: run.test.name, kernel, platform: run.platform, verdict: 'skipped', reason, violations: [], reported: [], states: 0, transitions: 0, complete: false, expected: null, expectation, notes: [],
      coverage: { interleave: 'calls', maxStates: o.maxStates ?? 0, threads: run.test.threads.length, operations: 0, operationNames: [], operationsKnown: vocabulary.operations.length, switches: [], rows: 0, rowNames: [], rowsKnown: 0, absent: [], depth: 0 }
    }
  }
  const arch = platformByName(run.platform)?.architecture as 'arm64' | 'x86'
  const image = images[arch] as { module: WasmModule; meta: KernelMeta }
  const base = revisionAround(image.meta, kernel)
  // what a driver may say is what the tree has a bit for
  const has = (a: 'CC_SHARED' | 'MMIO' | 'REQUIRE_COHERENT'): boolean => image.meta.attributes[a] !== undefined
  const revision: Revision = { ...base, 'attributes.CC_SHARED': has('CC_SHARED'), 'attributes.MMIO': has('MMIO'), 'attributes.REQUIRE_COHERENT': has('REQUIRE_COHERENT') }
  try {
    return judged(run, kernel, revision, o, checkTest(run.test, kernel, run.platform, { ...o, interleave: 'calls', revision, parts: { calls: treeCalls({ module: image.module, accepted: acceptedOf(image.meta) }) } }))
  } catch (e) {
    if (e instanceof KernelFault) throw new BootFault(e, run.platform)
    throw e
  }
}
