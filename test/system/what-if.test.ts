// Decisions that no revision takes, as what-ifs: remembering at allocation what free must undo closes the hazard of the
// RFC.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { checkTest } from '../../src/check/index.ts'
import { revisionByName } from '../../src/kernel/index.ts'
import { parse } from '../../src/litmus/index.ts'

for (const kernel of ['rfc-v1', 'tio-v2', 'cc-v8']) {
  test(`${kernel}: a free that remembers the allocation's state leaves no shared page behind`, () => {
    const file = 'docs/examples/tutorial.litmus'
    const t = parse(readFileSync(file, 'utf8'), file).test
    const rev = revisionByName(kernel)
    if (t === undefined || rev === undefined) throw new Error('no test or revision')
    expect(checkTest(t, kernel, 'arm-cca').violations.map((v) => v.property)).toContain('exposed')
    const fixed = checkTest(t, kernel, 'arm-cca', { revision: { ...rev, reencryptOnFree: 'at_alloc' } })
    expect(fixed.violations.filter((v) => v.property === 'exposed')).toEqual([])
  })
}
