// Files that the specification allows and few people would write: they are read, they run, and they mean what their
// asserts say.
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { checkTest } from '../../src/check/index.ts'
import { noMeaning } from '../../src/kernel/index.ts'
import { kernelsOf, parse, platformsOf, print, withoutPlaces } from '../../src/litmus/index.ts'

const dir = 'test/fixtures/litmus-odd'
for (const name of readdirSync(dir).filter((n) => n.endsWith('.litmus'))) {
  test(name, () => {
    const { test: t, errors } = parse(readFileSync(`${dir}/${name}`, 'utf8'), name)
    expect(errors).toEqual([])
    if (t === undefined) throw new Error('no test')
    // The canonical text is the same test again.
    expect(withoutPlaces(parse(print(t), name).test)).toEqual(withoutPlaces(t))
    let runs = 0
    for (const kernel of kernelsOf(t).slice(-3)) {
      for (const platform of platformsOf(t).slice(0, 2)) {
        if (noMeaning(kernel, platform) !== null) continue
        runs++
        const r = checkTest(t, kernel, platform)
        expect([kernel, platform, r.verdict, r.violations.map((v) => v.summary)]).toEqual([kernel, platform, 'ok', []])
      }
    }
    expect(runs).toBeGreaterThan(0)
  })
}

// `if` and `choose` in init once jumped one statement short, since boot stands before them.
test('a false condition in init skips its block', () => {
  const { test: t } = parse(
    'litmus t "x"\ninit { x = 0; y = 0; if (x == 1) { y = 1 } }\nthread a { z = y }\nexists (a.z == 0)\nnever ' +
      '(a.z == 1)\n',
    't'
  )
  expect(t && checkTest(t, 'cc-v8', 'arm-cca').verdict).toBe('ok')
})

test('an operation on a value of the wrong kind does nothing and yields ERR or 0', () => {
  const { test: t, errors } = parse(
    `litmus t "x"
device d { }
thread a {
  p = alloc_page()
  h = dma_map_single(d, p, TO_DEVICE)
  x = 1
  choose { q = p } or { q = h } or { q = x } or { q = read(p) }
  k = q
  kfree(k)
  w = dev_write(d, k, note)
  v = read(k)
  assert (ok(v) == (k == p))
  if (k != p) { free_page(k) }
  if (k != h) { dma_unmap_single(d, k) }
  assert (content(p) == 0 || content(p) == note)
  dma_unmap_single(d, h)
  free_page(p)
}
`,
    't'
  )
  expect(errors).toEqual([])
  expect(t && checkTest(t, 'linux-6.15', 'none').violations.map((v) => v.summary)).toEqual([])
})
