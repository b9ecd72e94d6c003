import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { noMeaning, revisionByName } from '../../src/kernel/index.ts'
import { platforms } from '../../src/machine/index.ts'
import { rulesMarkdown } from '../../src/report/rules.ts'
import { rulesOf } from '../../src/rules/index.ts'

test('docs/rules.md is what `tbit rules --format markdown` prints', () => {
  const r = revisionByName('cc-v8')
  if (r === undefined) throw new Error('no cc-v8')
  expect(existsSync('docs/rules.md')).toBe(true)
  const now = rulesMarkdown({
    list: platforms.filter((p) => noMeaning(r.name, p.name) === null).map((p) => rulesOf(p, r))
  })
  expect(readFileSync('docs/rules.md', 'utf8') === now, 'run ./tbit rules --format markdown --out docs/rules.md').toBe(
    true
  )
})
