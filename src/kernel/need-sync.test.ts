// CONFIG_DMA_NEED_SYNC: without dev->dma_skip_sync (kernels before 6.10, or without the option) no sync is skipped.
import { expect, test } from 'vitest'
import { checkTest } from '../check/index.ts'
import { parse, type Test } from '../litmus/index.ts'

const { test: masked } = parse(
  'litmus mask-again "x"\nplatform amd-sev-snp\nkernel linux-6.12\ndevice nic { driver }\nthread os {\n' +
    '  p = alloc_page()\n  h = dma_map_single(nic, p, BIDIRECTIONAL)\n  dma_set_mask(nic, 64)\n' +
    '  dev_write(nic, h, reply)\n  dma_sync_for_cpu(nic, h)\n  read(p)\n}\n',
  'x.litmus'
)

test('dma_set_mask() has the next sync skipped where there is something to skip it by', () => {
  const verdict = (needSync: boolean): string =>
    checkTest(masked as Test, 'linux-6.12', 'amd-sev-snp', { parts: { needSync } })
      .violations.map((v) => v.property)
      .join()
  expect([verdict(true), verdict(false)]).toEqual(['wrong_data', ''])
})
