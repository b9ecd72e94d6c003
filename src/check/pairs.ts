// Which runs a test asks for: its own kernels by its own platforms; what the caller names stands in their place.
import { revisionByName } from '../kernel/index.ts'
import { kernelsOf, platformsOf, type Test, type vocabulary } from '../litmus/index.ts'

type KernelName = vocabulary.KernelName
type PlatformName = vocabulary.PlatformName

export interface Pair {
  readonly kernel: KernelName
  readonly platform: PlatformName
}

export interface Selection {
  /** null: those of the test. */
  readonly kernels: readonly KernelName[] | null
  readonly platforms: readonly PlatformName[] | null
}

/** The pairs to check, in the order of the vocabulary: platform by platform, then kernel by kernel. */
export function pairsOf(
  test: Pick<Test, 'kernels' | 'platforms' | 'revisions'>,
  selection: Selection = { kernels: null, platforms: null }
): Pair[] {
  // A revision that another file names is none of this test.
  const known = (k: string): boolean => revisionByName(k) !== undefined || test.revisions.some((r) => r.name === k)
  const kernels = selection.kernels?.filter(known) ?? kernelsOf(test)
  const platforms = selection.platforms ?? platformsOf(test)
  return platforms.flatMap((platform) => kernels.map((kernel) => ({ kernel, platform })))
}
