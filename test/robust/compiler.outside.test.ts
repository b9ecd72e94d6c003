// Patches that would keep the compiler busy for ever, or read what is not theirs: each ends in a message.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { applyPatch, buildKernel } from '../../src/kernel-build/index.ts'
import { debian, tree, without } from '../kernel/trees.ts'

const no612 = without("Debian's linux-source-6.12", debian('6.12') === null)
const patch = (name: string): string => readFileSync(join(__dirname, 'cases', name), 'utf8')

test.skipIf(no612).each([
  ['big.patch', 'TB-609', /the compiler was ended: the DMA code of the tree takes more than/],
  ['mac.patch', 'TB-609', /the compiler was ended: the DMA code of the tree takes more than/],
  ['inc.patch', 'TB-607', /file not found/]
] as const)(
  '%s',
  async (name, code, message) => {
    const patched = applyPatch(tree('6.12'), patch(name))
    if (!patched.ok) throw new Error(patched.error.message)
    const b = await buildKernel(patched.value, { arch: 'arm64', profile: 'guest', fresh: true })
    expect(b).toMatchObject({
      ok: false,
      error: expect.arrayContaining([expect.objectContaining({ code, message: expect.stringMatching(message) })])
    })
  },
  240_000
)

test.skipIf(no612)('a path that leaves the tree is none of it', () => {
  const t = tree('6.12')
  expect(t.read('kernel/dma/direct.c')).toContain('dma_direct_map_sg')
  for (const p of [
    '../../../../../../../../etc/passwd',
    'include/../../../../../../../../../etc/passwd',
    '/etc/passwd',
    'kernel/dma'
  ])
    expect([p, t.read(p)]).toEqual([p, null])
})
