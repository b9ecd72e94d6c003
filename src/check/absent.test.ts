import { expect, test } from 'vitest'
import { parse } from '../litmus/index.ts'
import { checkTest, type CheckResult, SLOTS_TWICE } from './index.ts'

function check(text: string, kernel: string, platform: string): CheckResult {
  const { test: t, errors } = parse(`litmus t "x"\n${text}\n`, 't')
  if (t === undefined) throw new Error(errors.map((e) => e.message).join())
  return checkTest(t, kernel, platform)
}

const bounce = (slots: number, times: number): string => `config { swiotlb ${slots} }
device nic { }
thread os { p = alloc_page(); fill(p, data); repeat ${times} {
  h = dma_map_single(nic, p, TO_DEVICE); dma_unmap_single(nic, h) } }`

test('slots used twice: only when a search comes round, and only of tests that bounce', () => {
  const absent = (text: string, platform = 'arm-cca'): readonly string[] =>
    check(text, 'cc-v8', platform).coverage.absent
  expect(absent(bounce(512, 2))).toContain(SLOTS_TWICE)
  expect(absent(bounce(512, 2))).not.toContain('bounces')
  expect(absent(bounce(2, 1))).toContain(SLOTS_TWICE)
  expect(absent(bounce(2, 2))).not.toContain(SLOTS_TWICE)
  expect(absent(bounce(4, 3))).not.toContain(SLOTS_TWICE)
  // Nothing bounces without confidential computing.
  expect(absent(bounce(512, 2), 'none')).not.toContain(SLOTS_TWICE)
  expect(absent(bounce(512, 2), 'none')).toContain('bounces')
})

test('what a run has is not absent from it', () => {
  const full = `config { conversions may_fail tsm_fails run host_granule 16K }
device nic { tdisp noncoherent iommu restricted_pool 128 dma_mask 32 }
device gpu { tdisp }
mmio bar { of gpu, shared }
thread os { tsm_lock(nic); tsm_accept(nic); b = dma_alloc_coherent(nic, 4K, ATOMIC)
  r = dma_map_resource(nic, bar, TO_DEVICE) }
thread host { host_error(nic) }`
  expect(check(full, 'cc-v8', 'arm-cca').coverage.absent).toEqual(['bounces'])
  // What a pair ignores is absent all the same.
  expect(check(full, 'linux-7.1', 's390-pv').coverage.absent).toEqual(
    expect.arrayContaining(['failing conversions', 'accept or unlock', 'devices in RUN'])
  )
})

test("notes: where 'accepted' has no effect", () => {
  const text = 'device nic { accepted }\nthread os { r = tsm_unlock(nic) }'
  expect(check(text, 'cc-v8', 'arm-cca').notes).toEqual([])
  expect(check(text, 'linux-7.1', 'arm-cca').notes).toEqual([
    "'accepted' has no effect (the kernel has no accept): nic is T=0",
    'tsm_* answer EOPNOTSUPP (the kernel has no accept)'
  ])
  expect(check(text, 'cc-v8', 's390-pv').notes[0]).toBe(
    "'accepted' has no effect (the platform has no T=1): nic is T=0"
  )
})

test('notes: a step that the driver has not', () => {
  const text = 'config { tsm_fails stop, run }\ndevice nic { tdisp }\nthread os { tsm_lock(nic); r = tsm_accept(nic) }'
  expect(check(text, 'cc-v8', 'arm-cca').notes).toEqual([])
  expect(check(text, 'cc-v8', 'amd-sev-snp').notes).toEqual([
    "'tsm_fails stop' has no effect: the TSM driver has no such step (lock, report, run, dma_enable, mmio_map, " +
      'invalidate, unbind)'
  ])
})
