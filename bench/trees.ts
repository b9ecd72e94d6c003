// The tree that a benchmark of the kernel's own C runs on, by its place or built: `--tree PATH`, by default Debian's
// 6.12.
import { existsSync } from 'node:fs'
import { type BuildOptions, buildKernel, type Built } from '../src/kernel-build/index.ts'

/** null, and said so, where the tree is not there. */
export function treeGiven(): string | null {
  const i = process.argv.indexOf('--tree')
  const tree = (i < 0 ? undefined : process.argv[i + 1]) ?? '/usr/src/linux-source-6.12.tar.xz'
  if (existsSync(tree)) return tree
  process.stdout.write(`skipped: ${tree} is not there\n`)
  return null
}

/** null, and said so, where the tree is not there. @throws Error where it does not build. */
export async function builtTree(options: BuildOptions): Promise<Built | null> {
  const tree = treeGiven()
  if (tree === null) return null
  const b = await buildKernel(tree, options)
  if (!b.ok) throw new Error(b.error.map((e) => e.message).join('\n'))
  return b.value
}
