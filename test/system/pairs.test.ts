// Every pair of kernel revision and platform that has a meaning boots: as a running system, and under the checker with
// every conversion that may fail failing; the others say why they have none.
import { describe, expect, test } from 'vitest'
import { explore, Scene } from '../../src/check/index.ts'
import { noMeaning, revisions } from '../../src/kernel/index.ts'
import { parse, type Test } from '../../src/litmus/index.ts'
import { platforms } from '../../src/machine/index.ts'
import { boot } from '../../src/system/index.ts'

const pairs = revisions.flatMap((r) =>
  platforms.map((p) => ({ revision: r, platform: p, reason: noMeaning(r, p.name) }))
)
const scene = parse(
  'litmus boots "Boot alone."\nconfig { conversions may_fail }\ndevice nic { tdisp restricted_pool 16 }\nthread ' +
    'os { }\n',
  'boots.litmus'
).test as Test

describe('every pair boots', () => {
  for (const { revision, platform, reason } of pairs) {
    if (reason !== null) {
      test(`${revision.name} on ${platform.name} has no meaning`, () => {
        expect(reason.length).toBeGreaterThan(0)
        expect(() => boot({ platform: platform.name, kernel: revision.name, devices: [] })).toThrow(reason)
      })
      continue
    }
    test(`${revision.name} on ${platform.name} runs`, () => {
      const guest = boot({
        platform: platform.name,
        kernel: revision.name,
        devices: [{ name: 'nic', tdisp: platform.tdisp }]
      })
      const page = guest.alloc_page()
      guest.write(page, 'hello')
      const h = guest.dma_map_single('nic', page, 'BIDIRECTIONAL')
      // cc-v4 asks of s390 what s390 does not report, and its pool serves nobody.
      expect(h.error).toBe(revision.name === 'cc-v4' && platform.name === 's390-pv' ? 'EIO' : null)
      if (h.error === null) {
        expect(guest.dev_read('nic', h, 5).rule).not.toBe('')
        guest.dma_unmap_single('nic', h)
      }
      guest.free_page(page)
      const buffer = guest.dma_alloc_coherent('nic', 4096)
      expect(buffer.error).toBeNull()
      guest.dma_free_coherent('nic', buffer)
      // A device that the platform knows how to accept: the kernel does so, or says that it cannot.
      expect(guest.admin('tsm_lock', 'nic')).toBe(platform.tdisp && revision.accept !== 'none' ? 0 : 'EOPNOTSUPP')
      expect(guest.findings.filter((f) => f.fatal)).toEqual([])
    })
    test(`${revision.name} on ${platform.name}: all ways in which boot may end`, () => {
      const s = new Scene(scene, revision.name, platform.name)
      const init = explore(s.init, { onState: s.onState })
      expect(init.complete).toBe(true)
      expect(init.finals).toBeGreaterThan(0)
      expect(init.findings.filter((f) => f.finding.fatal)).toEqual([])
    })
  }
})
