// docs/errors.md is made from the table of codes.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

test('docs/errors.md lists the codes of src/base/diagnostic.ts (node scripts/errors-doc.mjs writes it)', () => {
  const r = spawnSync(process.execPath, [join(root, 'scripts/errors-doc.mjs'), '--check'], { encoding: 'utf8' })
  expect(r.stderr).toBe('')
  expect(r.status).toBe(0)
})
