import { describe, expect, test as it } from 'vitest'
import { checkTest, systemFor } from '../check/index.ts'
import { parse } from '../litmus/index.ts'
import { Client } from './client.ts'
import { exploreScene } from './explore.ts'
import { blame, type Candidate, candidates, hazards, locate, type Located } from './hunt.ts'
import { type Scene, scenes } from './scenes.ts'
import { litmusText } from './write.ts'

const chosen = (kernel: string, platform: string, ...names: string[]): Scene[] =>
  scenes(kernel, platform).list.filter((s) => names.includes(s.name))
describe('scenes', () => {
  it('nothing is in a scene that cannot exist there', () => {
    const has = (kernel: string, platform: string): Set<string> =>
      new Set(scenes(kernel, platform).list.flatMap((s) => s.with))
    expect(
      [...has('linux-7.3', 'arm-cca')].filter((x) => ['t1', 'tdisp', 'host', 'failing-tsm', 'mmio-private'].includes(x))
    ).toEqual([])
    expect(has('cc-v8', 'arm-cca').has('tdisp')).toBe(true)
    expect(has('cc-v8', 's390-pv').has('failing')).toBe(false)
    expect(has('cc-v8', 'amd-sev-snp').has('noncoherent')).toBe(false)
    expect(has('cc-v8', 'arm-cca').has('noncoherent')).toBe(true)
  })

  it('every scene is a litmus test, and its statements too', () => {
    for (const [kernel, platform] of [
      ['cc-v8', 'arm-cca'],
      ['linux-7.3', 'amd-sme-host']
    ] as const) {
      for (const s of scenes(kernel, platform).list.filter((_, i) => i % 7 === 0)) {
        const c = new Client(s, systemFor(Client.test(s, kernel, platform), kernel, platform))
        expect(c.statements.length).toBeGreaterThan(2)
        expect(
          Client.test(
            s,
            kernel,
            platform,
            c.statements.map((x) => x.text)
          ).threads[0]?.body.length
        ).toBe(c.statements.length)
      }
    }
  })
})

describe('exploring', () => {
  it(
    'what is forgotten changes no finding: the same keys with as many calls as in the slow twin that forgets ' +
      'nothing',
    () => {
      for (const [kernel, name] of [
        ['rfc-v1', 'coherent+tdisp'],
        ['cc-v8', 'stream+t0'],
        ['cc-v8', 'stream+t1'],
        ['cc-v8', 'kmalloc+t1'],
        ['rfc-v1', 'pages+t0+mmap']
      ] as const) {
        const [s] = chosen(kernel, 'arm-cca', name)
        if (s === undefined) throw new Error(name)
        const told = (forget: boolean): { keys: string[]; states: number; complete: boolean } => {
          const r = exploreScene(s, kernel, 'arm-cca', { forget, maxStates: 20_000 })
          return { keys: r.raw.map((x) => `${x.key} ${x.calls.length}`).sort(), states: r.states, complete: r.complete }
        }
        const [fast, slow] = [told(true), told(false)]
        expect(fast.keys).toEqual(slow.keys)
        expect([fast.complete, slow.complete]).toEqual([true, true])
        expect(fast.states).toBeLessThanOrEqual(slow.states)
      }
    }
  )

  it('one failure a run at most', () => {
    const [s] = chosen('cc-v8', 'arm-cca', 'coherent+t0+failing')
    if (s === undefined) throw new Error('no scene')
    const r = exploreScene(s, 'cc-v8', 'arm-cca', { maxStates: 5000 })
    expect(r.complete).toBe(true)
    expect(r.raw.some((x) => x.failing)).toBe(true)
  })
})

describe('single steps', () => {
  const [scene] = chosen('rfc-v1', 'arm-cca', 'coherent+tdisp')
  if (scene === undefined) throw new Error('no scene')
  const whole = exploreScene(scene, 'rfc-v1', 'arm-cca')
  const known = new Set(whole.raw.map((r) => r.key))
  const steps = exploreScene(scene, 'rfc-v1', 'arm-cca', { interleave: 'steps', known, maxStates: 100_000 })
  const torn = steps.raw.find((r) => r.key === 'fault|dev_read|cca-t0-s-priv')

  it('show what whole calls do not: an allocation beside unlock is torn', () => {
    expect([steps.complete, torn?.calls.at(-1)?.text, torn?.race?.by.includes('admin')]).toEqual([
      true,
      'dev_read(nic, b)',
      true
    ])
    expect(known.has('fault|dev_read|cca-t0-s-priv')).toBe(false)
  })
  it('and all that whole calls show', () => {
    const all = exploreScene(scene, 'rfc-v1', 'arm-cca', { interleave: 'steps', maxStates: 100_000 })
    expect([...known].filter((k) => !all.raw.some((r) => r.key === k))).toEqual([])
  })
  it('are written as threads: only what has to overlap does', () => {
    const c = candidates([steps]).find((x) => x.raw.key === torn?.key)
    const written = c === undefined ? null : locate(c, blame('rfc-v1', 'arm-cca'))
    expect(written?.written.draft.parts).toEqual([
      { name: 'init', body: ['tsm_lock(nic)', 'tsm_accept(nic)', 'bind(nic)'] },
      { name: 'driver', body: ['b = dma_alloc_coherent(nic, 4K)', 'dev_read(nic, b)'] },
      { name: 'admin', body: ['tsm_unlock(nic)'] }
    ])
    // as what was made before it: unlock waits for no driver
    expect(written?.responsible).toBe('memory-before-loss')
  })
})

describe('a finding', () => {
  const [scene] = chosen('rfc-v1', 'arm-cca', 'coherent+tdisp+outlive')
  if (scene === undefined) throw new Error('no scene')
  const all = candidates([exploreScene(scene, 'rfc-v1', 'arm-cca', { maxStates: 5000 })])
  const freed = all.find((c) => c.raw.key === 'exposed|dma_direct_free|page to the allocator')
  if (freed === undefined) throw new Error('not found')
  const located = locate(freed, blame('rfc-v1', 'arm-cca'))
  if (located === null) throw new Error('not confirmed')
  const [h] = hazards([located])
  if (h === undefined) throw new Error('not told')

  it('is what the reviewers found: a buffer made before accept goes back to the allocator shared', () => {
    expect([h.id, h.trigger, h.harm, h.cause?.name]).toEqual([
      'data-leaks/reencryptOnFree',
      'memory that outlives its driver',
      'data leaks',
      'reencryptOnFree'
    ])
    expect(h.draft).toEqual({
      head: [{ word: 'device nic', entries: ['tdisp'] }],
      parts: [
        {
          name: 'os',
          body: [
            'bind(nic)',
            'b = dma_alloc_coherent(nic, 4K)',
            'unbind(nic)',
            'tsm_lock(nic)',
            'tsm_accept(nic)',
            'dma_free_coherent(nic, b)'
          ]
        }
      ]
    })
    expect(h.violation.property).toBe('exposed')
  })
  it('has the fewest calls: the shortest candidates of a trigger come first', () => {
    expect(all.map((c) => c.raw.calls.length)).toEqual(all.map((c) => c.raw.calls.length).sort((x, y) => x - y))
  })
  it('is written as a file that holds: every revision is as the file says', () => {
    const { test } = parse(litmusText(h.draft, 'rfc-v1', 'arm-cca', 'x', 'x'), 'x.litmus')
    if (test === undefined) throw new Error('does not parse')
    expect(test.expects.length).toBeGreaterThan(5)
    for (const kernel of ['rfc-v1', 'cc-v8', 'linux-7.1'])
      expect([kernel, checkTest(test, kernel, 'arm-cca').expected]).toEqual([kernel, 'match'])
    expect(checkTest(test, 'rfc-v1', 'arm-cca').violations.map((v) => v.property)).toContain('exposed')
  })
})

describe('one cause', () => {
  const told = (kernel: string, ...names: string[]): { readonly id: string; readonly also: string[] }[] => {
    const by = blame(kernel, 'arm-cca')
    const found = candidates(
      chosen(kernel, 'arm-cca', ...names).map((s) => exploreScene(s, kernel, 'arm-cca', { maxStates: 3000 }))
    )
    const located = found.map((c: Candidate): Located | null => locate(c, by))
    expect(located).not.toContain(null)
    return hazards(located.filter((l) => l !== null)).map((h) => ({
      id: h.id,
      also: h.alsoBy.map((a) => `${a.after ? 'then ' : ''}${a.finding.property}`)
    }))
  }

  it('what is met only behind another finding is its consequence, and never tells it', () => {
    const [h] = told('rfc-v1', 'mmio-shared+t1+pci').filter((x) => x.id.endsWith('/pci_clear_master'))
    expect(h?.id).toBe('belief-wrong/pci_clear_master')
    expect(h?.also).toContain('then fault')
  })
  it('what a function of the kernel does is one finding, whoever calls it', () => {
    expect(told('rfc-v1', 'kmalloc+t0+boundary', 'coherent+t0+odd-boundary').map((h) => h.id)).toEqual([
      'data-leaks/bounce-pool/from-device',
      'kernel-dies/swiotlb_find_slots/bug_on-boundary-mask'
    ])
  })
  it('what is shared is mapped for an accepted device, and nobody can say that it is: memory and BARs', () => {
    const ids = told('rfc-v1', 'stream+t1+convert', 'mmio-shared+t1').map((h) => h.id)
    expect(ids.filter((id) => /CC_SHARED/.test(id))).toEqual(['device-breaks/attributes.CC_SHARED'])
    expect(ids.some((id) => /smmio|p-shr/.test(id))).toBe(false)
  })
})
