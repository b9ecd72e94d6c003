// Interleaving inside the C: calls of a tree that stop where another thread may come in. The RFC's change on Debian's
// 6.12, as it is and with its flag in the byte of dma_skip_sync, where mainline's layout has it; locks taken away;
// assertions that fail.
import { describe, expect, test } from 'vitest'
import { checkTest } from '../../src/check/index.ts'
import { behindIommu, checkOnTree, revisionAround, revisionOf, runsOf } from '../../src/conform/kernel-check.ts'
import type { KernelMeta } from '../../src/kernel-c/index.ts'
import type { Tree } from '../../src/kernel-build/index.ts'
import { parse, type Test } from '../../src/litmus/index.ts'
import { images, library, properties, rfc } from './checks.ts'
import { debian, edited, tree, without } from './trees.ts'
import { turn } from '../turn.ts'

const named = (name: string): Test => {
  const t = library.find((x) => x.name === name)
  if (t === undefined) throw new Error(name)
  return t
}

// Three changes in one build: what each breaks another does not touch.
const broken = (): Tree =>
  edited(rfc(), 'broken', {
    'include/linux/device.h': (s) =>
      s
        .replace('\tbool tdi_enabled:1;\n', '')
        .replace(
          '\tbool\t\t\tdma_skip_sync:1;\n#endif\n',
          '\tbool\t\t\tdma_skip_sync:1;\n#endif\n\tbool tdi_enabled:1;\n'
        ),
    'kernel/dma/swiotlb.c': (s) =>
      s
        .replace(
          /(static int swiotlb_search_pool_area[\s\S]*?)\tspin_lock_irqsave\(&area->lock, flags\);/,
          '$1\tflags = 0;'
        )
        .replace(
          /(static int swiotlb_search_pool_area)([\s\S]*?)(\n}\n)/,
          (_m, a: string, b: string, c: string) =>
            `${a}${b.replaceAll('spin_unlock_irqrestore(&area->lock, flags);', ';')}${c}`
        ),
    'kernel/dma/mapping.c': (s) =>
      s.replace(
        'int dma_set_coherent_mask(struct device *dev, u64 mask)\n{\n',
        'int dma_set_coherent_mask(struct device *dev, u64 mask)\n{\n\tunsigned long flags;\n\n' +
          '\tdevice_lock_assert(dev);\n\tlocal_irq_save(flags);\n\tmight_sleep();\n\tlocal_irq_restore(flags);\n'
      )
  })

const written = (body: string): Test => {
  const { test: t, errors } = parse(
    `litmus two "x"\nplatform amd-sev-snp\nkernel rfc-v1\ndevice nic { }\n${body}`,
    'two.litmus'
  )
  if (!t) throw new Error(JSON.stringify(errors))
  return t
}

const twoMaps = (): Test =>
  written(`init {
  p = alloc_page()
  q = alloc_page()
  fill(p, one)
  fill(q, two)
}
thread a {
  h = dma_map_single(nic, p, TO_DEVICE)
  v = dev_read(nic, h)
  assert (v == one)
}
thread b {
  h = dma_map_single(nic, q, TO_DEVICE)
}
`)

describe.skipIf(without("Debian's linux-source-6.12", debian('6.12') === null))('interleaving inside the C', () => {
  test("the library's races of the RFC: steps find what whole calls do not, as with the model", async () => {
    const i = await images(rfc(), ['arm64'], { steps: true, branches: true })
    const run = (name: string, interleave: 'steps' | 'calls') =>
      checkOnTree({ test: named(name), platform: 'arm-cca' }, 'rfc-v1', i, { interleave })
    expect(properties(run('alloc-while-accepted', 'calls'))).toBe('tampered')
    const steps = run('alloc-while-accepted', 'steps')
    expect([properties(steps), steps.expected, steps.complete]).toEqual(['fault,tampered', 'match', true])
    // which `if` did it: what the C decided, in the step in which it did
    const inside = run('alloc-while-accepted', 'calls').violations[0]?.trace.flatMap((x) => x.inside ?? []) ?? []
    expect(
      inside.some((l) => /^arch\/arm64\/mm\/mem_encrypt\.c:\d+: (?:if|not) \(dev->tdi_enabled\)/.test(l)),
      inside.join('\n')
    ).toBe(true)
    expect(inside.some((l) => /^kernel\/dma\/direct\.c:\d+: (?:if|not) \(/.test(l))).toBe(true)
    for (const name of [
      'alloc-while-accepted-without-same-state',
      'flag-in-own-byte',
      'flag-in-own-byte-without-own-byte',
      'two-first-bounces',
      'two-first-bounces-without-cleared-skip'
    ]) {
      expect([name, properties(run(name, 'steps'))]).toEqual([
        name,
        properties(checkTest(named(name), 'rfc-v1', 'arm-cca'))
      ])
    }
  })

  test(
    'a flag in the byte of dma_skip_sync, a lock that is not taken, assertions that fail: each is found, with file ' +
      'and line',
    async () => {
      const i = await images(broken(), ['x86'], { steps: true })
      const run = (t: Test, interleave: 'steps' | 'calls', maxStates = 20_000) =>
        checkOnTree({ test: t, platform: 'amd-sev-snp' }, 'rfc-v1', { ...i, arm64: i.x86 }, { interleave, maxStates })
      expect(properties(run(named('flag-shares-byte-on-x86'), 'calls'))).toBe('')
      const flag = run(named('flag-shares-byte-on-x86'), 'steps')
      expect([properties(flag), flag.expected]).toEqual(['lost_update,stale_state', 'match'])
      expect(flag.violations.map((v) => v.summary).join('\n')).toMatch(
        /writes back the storage unit that the flag of nic shares/
      )
      expect(properties(run(twoMaps(), 'calls'))).toBe('')
      expect(properties(run(twoMaps(), 'steps'))).toBe('assert,wrong_data')
      for (const how of ['calls', 'steps'] as const) {
        const asserted = run(written('thread one {\n  dma_set_coherent_mask(nic, 32)\n}\n'), how)
        expect(asserted.violations.map((v) => v.summary).sort()).toEqual([
          expect.stringMatching(/^dma_set_coherent_mask\(\) \(include\/linux\/device\.h:\d+\) warns/),
          expect.stringMatching(
            /^dma_set_coherent_mask\(\) may be called where nothing may sleep, and calls kernel\/dma\/mapping\.c:\d+/
          )
        ])
      }
    }
  )
})

describe.skipIf(without("Debian's linux-source-7.3 (scripts/kernel-trees.sh)", debian('7.3') === null))(
  'a thread that has stopped is what it was called with, and nothing of calls before',
  () => {
    // Boot's conversions fail in several ways, so that the worker grows pools behind calls that took other locks.
    test.each(['atomic-pool-not-converted-at-boot', 'atomic-pool-not-converted-at-boot-without-check'])(
      '%s: its findings are told step by step',
      async (name) => {
        const i = await images(tree('7.3'), ['arm64'], { steps: true })
        const r = checkOnTree({ test: named(name), platform: 'arm-cca' }, 'linux-7.3', i, { interleave: 'steps' })
        expect([r.expected, r.notes]).toEqual(['match', []])
        for (const v of r.violations) expect(v.trace.length).toBeGreaterThan(0)
      }
    )
  }
)

/** 7.3 with a flag in the device's bitmap, set by who accepts a device, that ends force_dma_unencrypted(). */
const accepting = (): Tree =>
  edited(tree('7.3'), 'accepting', {
    'include/linux/device.h': (s) =>
      s
        .replace(/\tDEV_FLAG_COUNT\b/, '\tDEV_FLAG_CC_ACCEPTED,\n$&')
        .replace(
          '__create_dev_flag_accessors(dma_skip_sync,',
          '__create_dev_flag_accessors(cc_accepted, DEV_FLAG_CC_ACCEPTED);\n$&'
        ),
    'arch/arm64/include/asm/mem_encrypt.h': (s) =>
      s
        .replace('static inline bool force_dma_unencrypted(', 'bool dma_accepted(struct device *dev);\n$&')
        .replace('return is_realm_world()', 'if (dma_accepted(dev))\n\t\treturn false;\n\t$&'),
    'kernel/dma/mapping.c': (s) => `${s}\nbool dma_accepted(struct device *dev)\n{\n\treturn dev_cc_accepted(dev);\n}\n`
  })

describe.skipIf(without("Debian's linux-source-7.3 (scripts/kernel-trees.sh)", debian('7.3') === null))(
  "the library's races on 7.3, and what goes by tables",
  () => {
    // Of these the C has a million states: two allocations from one pool, each access of genalloc's bitmap a stop.
    const large = ['atomic-allocations-side-by-side']
    const races = library.filter((t) => t.threads.length > 1 && !large.includes(t.name))
    const behind = library.filter(behindIommu)

    test.each([
      ['as released', (): Tree => tree('7.3'), races, ['arm-cca'], 18],
      ['with a flag for accepted devices', accepting, races, ['arm-cca'], 18],
      ['behind a vIOMMU', (): Tree => tree('7.3'), behind, ['arm-cca', 'none'], 5]
    ] as const)('%s: each is that of the model by steps', async (_what, of, tests, platforms, least) => {
      const i = await images(of(), ['arm64'], { steps: true }, tests === behind)
      const meta = i.arm64?.meta as KernelMeta
      const kernel = revisionOf(meta)
      let compared = 0
      for (const run of runsOf(tests, [kernel], platforms, true)) {
        await turn()
        const c = checkOnTree(run, kernel, i, { interleave: 'steps', traces: false })
        if (c.verdict === 'skipped') continue
        const m = checkTest(run.test, kernel, run.platform, { revision: revisionAround(meta, kernel), traces: false })
        const said = (r: typeof c): unknown => [run.test.name, r.complete, r.verdict, properties(r)]
        expect(said(c)).toEqual(said(m))
        compared++
      }
      expect(compared).toBeGreaterThan(least)
    })
  }
)
