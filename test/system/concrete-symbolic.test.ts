// Concrete and symbolic execution are one source: random programs run on real bytes, on labels, and under the checker.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkTest, systemFor, watchRun } from '../../src/check/index.ts'
import { parse, runTest } from '../../src/litmus/index.ts'
import { noMeaning } from '../../src/kernel/index.ts'
import { runs } from '../runs.ts'

const KERNELS = [
  'linux-6.15',
  'linux-7.1',
  'linux-7.3',
  'rfc-v1',
  'rfc-v1-05',
  'tio-v2',
  'cc-v4',
  'cc-v6',
  'cc-v7',
  'cc-v8'
] as const
const PLATFORMS = ['arm-cca', 'amd-sev-snp', 'intel-tdx', 'pkvm', 's390-pv', 'amd-sme-host', 'none'] as const

// A statement is drawn as a number triple and becomes text over the variables that exist by then.
const stmt = fc.tuple(fc.nat(19), fc.nat(7), fc.nat(7))
const DIRS = ['TO_DEVICE', 'FROM_DEVICE', 'BIDIRECTIONAL']
const WORDS = ['secret', 'data', 'reply']

function body(ops: ReadonlyArray<readonly [number, number, number]>, prefix: string): string[] {
  const out: string[] = [`${prefix}p0 = alloc_page()`]
  const mem = [`${prefix}p0`]
  const maps: string[] = []
  const bufs: string[] = []
  let n = 0
  const pick = (list: readonly string[], i: number): string => list[i % list.length] as string
  for (const [kind, a, b] of ops) {
    const v = `${prefix}v${n++}`
    switch (kind) {
      case 0:
        out.push(`${v} = alloc_page()`)
        mem.push(v)
        break
      case 1:
        out.push(`${v} = kmalloc(${[64, 200, 1000][a % 3]})`)
        mem.push(v)
        break
      case 2:
      case 3:
        out.push(`fill(${pick(mem, a)}, ${pick(WORDS, b)})`)
        break
      case 4:
        out.push(`${v} = read(${pick(mem, a)})`)
        break
      case 5:
      case 6:
      case 7:
        out.push(`${v} = dma_map_single(nic, ${pick(mem, a)}, ${pick(DIRS, b)})`)
        maps.push(v)
        break
      case 8:
        if (maps.length) out.push(`${v} = try dev_read(nic, ${pick(maps, a)})`)
        break
      case 9:
        if (maps.length) out.push(`try dev_write(nic, ${pick(maps, a)}, ${pick(WORDS.slice(1), b)})`)
        break
      case 10:
        if (maps.length) out.push(`dma_unmap_single(nic, ${maps.splice(a % maps.length, 1)[0]})`)
        break
      case 11:
        out.push(`${v} = dma_alloc_coherent(nic, 4K)`)
        bufs.push(v)
        break
      case 12:
        if (bufs.length) out.push(`dma_free_coherent(nic, ${bufs.splice(a % bufs.length, 1)[0]})`)
        break
      case 13:
        if (bufs.length) out.push(`fill(${pick(bufs, a)}, ${pick(WORDS, b)})`)
        break
      case 14:
        if (bufs.length) out.push(`${v} = try dev_read(nic, ${pick(bufs, a)})`)
        break
      case 15:
        if (maps.length) out.push(`dma_sync_for_cpu(nic, ${pick(maps, a)})`)
        break
      case 16:
        if (maps.length) out.push(`dma_sync_for_device(nic, ${pick(maps, a)})`)
        break
      case 17:
        out.push(['tsm_lock(nic)', 'tsm_accept(nic)', 'tsm_unlock(nic)'][a % 3] as string)
        break
      case 18:
        out.push(['bind(nic)', 'unbind(nic)'][a % 2] as string)
        break
      default:
        out.push(`host_write(${pick(mem, a)}, evil)`)
    }
  }
  return out
}

const identity = (f: { property: string; site: string; decision: string }): string =>
  `${f.property}|${f.site}|${f.decision}`

test('what one run does on bytes it does on labels, and the checker finds all that it notices', () => {
  fc.assert(
    fc.property(
      fc.array(stmt, { minLength: 2, maxLength: 12 }),
      fc.array(stmt, { maxLength: 3 }),
      fc.constantFrom(...KERNELS),
      fc.constantFrom(...PLATFORMS),
      fc.nat(1000),
      (one, two, kernel, platform, seed) => {
        if (noMeaning(kernel, platform) !== null) return
        const threads = [body(one, 'a'), ...(two.length > 0 ? [body(two, 'b')] : [])]
        const text =
          `litmus random "random"\nplatform ${platform}\nkernel ${kernel}\ndevice nic { tdisp }\n` +
          `${threads.map((t, i) => `thread t${i} {\n${t.map((l) => `  ${l}`).join('\n')}\n}`).join('\n')}\n`
        const { test: t, errors } = parse(text, 'random')
        expect(errors, text).toEqual([])
        if (t === undefined) return
        const run = (content: 'labels' | 'both') => {
          const sys = systemFor(t, kernel, platform, { content })
          return runTest(t, sys, { schedule: { seed }, onState: watchRun(sys) })
        }
        const onBytes = run('both')
        const onLabels = run('labels')
        expect(onBytes.passed, text).toEqual(onLabels.passed)
        expect(onBytes.findings, text).toEqual(onLabels.findings)
        const checked = checkTest(t, kernel, platform, { maxStates: 60_000 })
        if (!checked.complete) return
        const found = new Set([...checked.violations, ...checked.reported].map(identity))
        for (const f of onBytes.findings)
          expect(found.has(identity(f)), `${identity(f)} of a run on ${kernel} ${platform}\n${text}`).toBe(true)
      }
    ),
    { numRuns: runs(150) }
  )
})
