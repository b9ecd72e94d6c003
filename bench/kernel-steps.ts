// Search inside the C: two threads that map, sync and unmap on a pool of 128 slots, each call stopping where the other
// thread may come in between. Transitions by user CPU time, three rounds, the best: the first has the compiler of
// JavaScript in it. `--tree PATH` (default: Debian's linux-source-6.12). Goal: 200,000 transitions/s on one core.
import { checkOnTree, imageOf, revisionOf } from '../src/conform/kernel-check.ts'
import { parse } from '../src/litmus/index.ts'
import { figure } from './figures.ts'
import { builtTree } from './trees.ts'

const thread = (name: string, dev: string): string =>
  `thread ${name} {\n  p = alloc_page()\n  fill(p, data)\n  h = dma_map_single(${dev}, p, BIDIRECTIONAL)\n` +
  `  dma_sync_single_for_cpu(${dev}, h)\n  g = dma_map_single(${dev}, p, TO_DEVICE)\n` +
  `  dma_unmap_single(${dev}, h)\n  dma_unmap_single(${dev}, g)\n}\n`

async function main(): Promise<void> {
  // the platform that bounces on every tree
  const built = await builtTree({ arch: 'x86', profile: 'guest', steps: true })
  if (built === null) return
  const image = imageOf(built)
  const kernel = revisionOf(image.meta)
  const { test } = parse(
    `litmus race "two threads"\nplatform amd-sev-snp\nkernel ${kernel}\nconfig { swiotlb 128 }\n` +
      `device nic { }\ndevice gpu { }\n${thread('a', 'nic')}${thread('b', 'gpu')}`,
    'race.litmus'
  )
  if (!test) throw new Error('the test does not parse')
  let best = 0
  let words = ''
  for (let round = 0; round < 3; round++) {
    const before = process.cpuUsage().user
    const r = checkOnTree(
      { test, platform: 'amd-sev-snp' },
      kernel,
      { arm64: null, x86: image },
      { interleave: 'steps' }
    )
    best = Math.max(best, (r.transitions / (process.cpuUsage().user - before)) * 1e6)
    words = `${r.transitions} transitions, ${r.states} states, ${r.verdict}`
  }
  figure('steps inside the C', best, 'transitions/s')
  process.stdout.write(
    `steps inside the C of ${built.meta.version}: ${Math.round(best)} transitions/s of user CPU time (${words}); ` +
      'need 200000\n'
  )
}

await main()
