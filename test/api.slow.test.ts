// docs/api.md is what the entries of the package export: a change of the API stands in the review.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from './_transcripts.ts'

test('docs/api.md is what the entries export (node scripts/api.mjs)', () => {
  const r = spawnSync(process.execPath, [join(root, 'scripts/api.mjs'), '--check'], { encoding: 'utf8' })
  expect(r).toMatchObject({ status: 0, stderr: '' })
})
