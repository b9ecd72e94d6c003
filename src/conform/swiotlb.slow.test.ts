// Every recording of 6.12, 7.2 and 7.3 (../shared/data/swiotlb, swiotlb-7.3) in full.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { SwiotlbConform } from './swiotlb.ts'

for (const [of, dir] of [
  ['6.12', 'swiotlb'],
  ['7.2 and 7.3', 'swiotlb-7.3']
] as const) {
  const shared = new URL(`../../../shared/data/${dir}/`, import.meta.url)
  const files = existsSync(shared) ? readdirSync(shared).filter((f) => f.endsWith('.jsonl.gz')) : []

  test.skipIf(files.length === 0)(
    `all recordings of ${of} replay without a difference` +
      `${files.length > 0 ? '' : ` (skipped: ../shared/data/${dir} is absent)`}`,
    { timeout: 120_000 },
    () => {
      for (const f of files) {
        const c = new SwiotlbConform(f)
        for (const line of gunzipSync(readFileSync(new URL(f, shared)))
          .toString()
          .split('\n')) {
          const r = c.next(line)
          if (!r.ok) throw new Error(JSON.stringify(r.error))
        }
        const end = c.end()
        if (!end.ok) throw new Error(JSON.stringify(end.error))
        expect([f, end.value.mismatches, end.value.first]).toEqual([f, 0, null])
        expect(end.value.operations).toBeGreaterThan(1000)
      }
    }
  )
}
