// `tbit hunt --tree DIR`: the same scenes on a tree's own C, in whole calls, beside the model of the revision that
// decides as the tree does. Each finding of the model is asked of the C by its test; what only the C shows is told,
// too.
import {
  acceptedOf,
  BootFault,
  checkOnTree,
  imageFor,
  imageOf,
  releaseOf,
  revisionAround,
  revisionOf,
  type TreeImages
} from '../conform/kernel-check.ts'
import { type Explored, exploreScene, type Hazard, type Scene } from '../hunt/index.ts'
import { buildGuest } from '../kernel-build/index.ts'
import { type KernelMeta, KernelFault, treeCalls } from '../kernel-c/index.ts'
import { parse } from '../litmus/index.ts'
import { platformByName } from '../machine/index.ts'
import { hazardTest, type HuntReport, type TreeAnswer } from '../report/hunt.ts'
import { kernelErrorsText } from '../report/kernel.ts'
import type { Io } from './io.ts'
import { complain, progressOf } from './kernel-common.ts'
import { openAny } from './kernel-review.ts'
import { usage } from './names.ts'

export interface HuntedTree {
  /** The revision of ours that stands around the C. */
  readonly kernel: string
  readonly meta: KernelMeta
  readonly images: TreeImages
}

/** Ingredients of a scene that need the second build: pools that grow, dma-iommu. */
const SECOND = ['dynamic', 'iommu', 'untrusted']

/** Whether scenes by these names may need the second build. */
export const maySecond = (names: string | undefined): boolean =>
  names === undefined || names.includes('*') || SECOND.some((i) => names.includes(i))

/**
 * Builds what the platform needs of a tree, with a second build where scenes may need one; null when something was said
 * to the reader already.
 */
export async function openHuntedTree(
  io: Io,
  dir: string,
  platform: string,
  o: { readonly format: string; readonly second: boolean }
): Promise<HuntedTree | null> {
  const { format } = o
  const opened = openAny(dir)
  if (!opened.ok) {
    complain(io, [opened.error], format)
    return null
  }
  const arch = platformByName(platform)?.architecture
  if (arch !== 'arm64' && arch !== 'x86') {
    complain(io, [usage('tbit hunt', platform, `--tree: the code of ${platform} is not compiled`)], format)
    return null
  }
  const p = progressOf(io)
  const built = await buildGuest(opened.value, { arch, progress: p.say }, o.second)
  p.done()
  if (!built.ok) {
    complain(io, built.error, format)
    return null
  }
  io.err(built.value.failed.length > 0 ? kernelErrorsText(built.value.failed) : '')
  const { meta } = built.value.plain
  const image = imageOf(built.value.plain, built.value.second)
  return {
    kernel: acceptedOf(meta) === null ? releaseOf(meta) : revisionOf(meta),
    meta,
    images: { arm64: arch === 'arm64' ? image : null, x86: arch === 'x86' ? image : null }
  }
}

/** What the C of a tree says of a hunt's findings, and what it shows that the model does not. */
export function askTree(
  tree: HuntedTree,
  r: HuntReport,
  hazards: readonly Hazard[],
  scenes: readonly Scene[],
  whole: readonly Explored[],
  onProgress: (done: number) => boolean
): TreeAnswer {
  const answers = new Map(hazards.map((h) => [h.id, answerOf(tree, r, h)]))
  const only = new Map<string, string>()
  let states = 0
  let done = 0
  const notes = new Set<string>()
  for (const s of scenes) {
    if (!onProgress(done)) break
    const known = new Set(whole.find((e) => e.scene === s)?.raw.map((x) => x.finding.property))
    const x = onTree(tree, s, r)
    if (typeof x === 'string') notes.add(x)
    else {
      states += x.states
      for (const f of x.raw)
        if (!known.has(f.finding.property) && !only.has(f.key))
          only.set(
            f.key,
            `${f.finding.property} (${f.finding.site}, ${f.finding.decision}) in ${s.name}: ` +
              `${f.calls.map((c) => c.text).join('; ')}`
          )
    }
    done++
  }
  return {
    name: `Linux ${tree.meta.version}`,
    answers,
    only: [...only.values()],
    states,
    scenes: done,
    of: scenes.length,
    notes: [...notes].sort()
  }
}

function answerOf(tree: HuntedTree, r: HuntReport, h: Hazard): string {
  if (h.draft.parts.length > 1) return 'not asked: its calls overlap, and a call of the C is atomic here'
  const { test } = parse(hazardTest(h, r), 'hunt.litmus')
  if (test === undefined) return 'not asked'
  try {
    const c = checkOnTree({ test, platform: r.platform }, tree.kernel, tree.images)
    if (c.verdict === 'skipped') return `not asked: ${c.reason ?? ''}`
    const same = [...c.violations, ...c.reported].find((v) => v.property === h.finding.property)
    return same === undefined ? 'does not show it' : `shows it, too: ${same.summary}`
  } catch (e) {
    if (e instanceof BootFault) return `not asked: ${e.message}`
    throw e
  }
}

/** A scene on the C; why not, where it does not come up. */
function onTree(tree: HuntedTree, scene: Scene, r: HuntReport): Explored | string {
  const built = tree.images.arm64 ?? tree.images.x86
  if (built === null) return 'not built'
  const image = imageFor(built, {
    dynamic: scene.with.includes('dynamic'),
    iommu: scene.with.some((i) => i === 'iommu' || i === 'untrusted')
  })
  if (typeof image === 'string') return image
  const revision = revisionAround(tree.meta, tree.kernel)
  try {
    return exploreScene(scene, tree.kernel, r.platform, {
      revision,
      maxStates: r.maxStates,
      parts: { calls: treeCalls({ module: image.module, accepted: acceptedOf(image.meta) }) }
    })
  } catch (e) {
    if (e instanceof KernelFault) return `the C does not come up in ${scene.name}: ${e.message}`
    throw e
  }
}
