// Which runs a test asks for: its own kernels by its own platforms; what the caller names stands in their place.
import { kernelsOf, pairNotModelled, platformsOf, type Test, type vocabulary } from '../litmus/index.ts'

type KernelName = vocabulary.KernelName
type PlatformName = vocabulary.PlatformName

export interface Pair {
  readonly kernel: KernelName
  readonly platform: PlatformName
  /** Why there is no machine for it yet; null when there is one. */
  readonly notModelled: string | null
}

export interface Selection {
  /** null: those of the test. */
  readonly kernels: readonly KernelName[] | null
  readonly platforms: readonly PlatformName[] | null
}

/** The pairs to check, in the order of the vocabulary: platform by platform, then kernel by kernel. */
export function pairsOf(test: Pick<Test, 'kernels' | 'platforms'>, selection: Selection = { kernels: null, platforms: null }): Pair[] {
  const kernels = selection.kernels ?? kernelsOf(test)
  const platforms = selection.platforms ?? platformsOf(test)
  return platforms.flatMap((platform) => kernels.map((kernel) => ({ kernel, platform, notModelled: pairNotModelled(kernel, platform) })))
}
