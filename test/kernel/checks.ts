// What the tests of checks on a tree's own C share: the library, the RFC's change on Debian's 6.12, images as
// checkOnTree() takes them.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { libraryDirectory, litmusFiles, loadTests } from '../../src/cli/files.ts'
import { imageOf, type TreeImages } from '../../src/conform/kernel-check.ts'
import { ARCHES, type Arch, type BuildOptions, buildGuest, openTree, type Tree } from '../../src/kernel-build/index.ts'
import { tree } from './trees.ts'
import { scratch } from '../scratch.ts'

const cache = scratch('rfc')

export const root = join(import.meta.dirname, '../..')
export const library = loadTests(litmusFiles([libraryDirectory()]).files).tests

export async function images(
  t: Tree,
  arches: readonly Arch[] = ARCHES,
  more: Partial<BuildOptions> = {},
  dynamic = false
): Promise<TreeImages> {
  const one = async (a: Arch) => {
    if (!arches.includes(a)) return null
    const b = await buildGuest(t, { arch: a, ...more }, dynamic)
    if (!b.ok) throw new Error(b.error.map((e) => e.message).join('\n'))
    return imageOf(b.value.plain, b.value.second)
  }
  return { arm64: await one('arm64'), x86: await one('x86') }
}

export const properties = (r: { readonly violations: ReadonlyArray<{ readonly property: string }> }): string =>
  [...new Set(r.violations.map((v) => v.property))].sort().join()

/** A copy of 6.12 with the RFC's change. */
export function rfc(): Tree {
  const to = join(cache, 'rfc')
  if (!existsSync(to))
    execFileSync(process.execPath, [join(root, 'docs/examples/rfc-on-6.12.mjs'), tree('6.12').dir, to])
  const t = openTree(to)
  if (!t.ok) throw new Error(t.error.message)
  return t.value
}
