import { describe, expect, test as it } from 'vitest'
import { checkTest, systemFor } from '../check/index.ts'
import { noMeaning } from '../kernel/index.ts'
import { parse } from '../litmus/index.ts'
import { operations } from '../litmus/operations.ts'
import { platforms } from '../machine/index.ts'
import { Client, uses } from './client.ts'
import { exploreScene } from './explore.ts'
import { blame, candidates, hazards, locate } from './hunt.ts'
import { type Scene, scenes } from './scenes.ts'
import { litmusText } from './write.ts'

const chosen = (kernel: string, platform: string, ...names: string[]): Scene[] => scenes(kernel, platform).list.filter((s) => names.includes(s.name))
describe('scenes', () => {
  it('every pair of ingredients that can be together is in a scene, on every pair of kernel and platform', () => {
    for (const p of platforms) for (const kernel of ['rfc-v1', 'cc-v8', 'linux-7.3']) {
      if (noMeaning(kernel, p) !== null) continue
      const { list, pairs } = scenes(kernel, p.name)
      expect(pairs.length).toBeGreaterThan(20)
      expect(pairs.filter(([a, b]) => !list.some((s) => s.with.includes(a) && s.with.includes(b)))).toEqual([])
      expect(new Set(list.map((s) => s.name)).size).toBe(list.length)
    }
  })

  it('nothing is in a scene that cannot exist there', () => {
    const has = (kernel: string, platform: string): Set<string> => new Set(scenes(kernel, platform).list.flatMap((s) => s.with))
    expect([...has('linux-7.3', 'arm-cca')].filter((x) => ['t1', 'tdisp', 'host', 'failing-tsm', 'mmio-private'].includes(x))).toEqual([])
    expect(has('cc-v8', 'arm-cca').has('tdisp')).toBe(true)
    expect(has('cc-v8', 's390-pv').has('failing')).toBe(false)
    expect(has('cc-v8', 'amd-sev-snp').has('noncoherent')).toBe(false)
    expect(has('cc-v8', 'arm-cca').has('noncoherent')).toBe(true)
  })

  it('every scene is a litmus test, and its statements too', () => {
    for (const [kernel, platform] of [['cc-v8', 'arm-cca'], ['linux-7.3', 'amd-sme-host']] as const) {
      for (const s of scenes(kernel, platform).list.filter((_, i) => i % 7 === 0)) {
        const c = new Client(s, systemFor(Client.test(s, kernel, platform), kernel, platform))
        expect(c.statements.length).toBeGreaterThan(2)
        expect(Client.test(s, kernel, platform, c.statements.map((x) => x.text)).threads[0]?.body.length).toBe(c.statements.length)
      }
    }
  })

  it('each operation of the language is made in some scene, or says why not', () => {
    const made = new Set<string>()
    for (const kernel of ['cc-v8', 'rfc-v1']) for (const s of scenes(kernel, 'arm-cca').list) {
      if (s.with.length > 3) continue
      for (const x of new Client(s, systemFor(Client.test(s, kernel, 'arm-cca'), kernel, 'arm-cca')).statements) made.add(x.op)
    }
    for (const op of operations) {
      const use = uses[op.name]
      expect([op.name, made.has(op.name)]).toEqual([op.name, !('not' in use)])
      if ('not' in use) expect(use.not.length).toBeGreaterThan(8)
    }
  })
})

describe('exploring', () => {
  it('what is forgotten changes no finding: the same keys with as many calls as in the slow twin that forgets nothing', () => {
    for (const [kernel, name] of [['rfc-v1', 'coherent+tdisp'], ['cc-v8', 'stream+t0'], ['cc-v8', 'stream+t1'], ['cc-v8', 'kmalloc+t1'], ['rfc-v1', 'pages+t0+mmap']] as const) {
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
  })

  it('one failure a run at most', () => {
    const [s] = chosen('cc-v8', 'arm-cca', 'coherent+t0+failing')
    if (s === undefined) throw new Error('no scene')
    const r = exploreScene(s, 'cc-v8', 'arm-cca', { maxStates: 5000 })
    expect(r.complete).toBe(true)
    expect(r.raw.some((x) => x.failing)).toBe(true)
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
    expect([h.id, h.trigger, h.harm, h.cause?.name]).toEqual(['data-leaks/reencryptOnFree', 'memory that outlives its driver', 'data leaks', 'reencryptOnFree'])
    expect(h.draft).toEqual({ head: [{ word: 'device nic', entries: ['tdisp'] }], body: ['bind(nic)', 'b = dma_alloc_coherent(nic, 4K)', 'unbind(nic)', 'tsm_lock(nic)', 'tsm_accept(nic)', 'dma_free_coherent(nic, b)'] })
    expect(h.violation.property).toBe('exposed')
  })
  it('has the fewest calls: the shortest candidates of a trigger come first', () => {
    expect(all.map((c) => c.raw.calls.length)).toEqual(all.map((c) => c.raw.calls.length).sort((x, y) => x - y))
  })
  it('is written as a file that holds: every revision is as the file says', () => {
    const { test } = parse(litmusText(h.draft, 'rfc-v1', 'arm-cca', 'x', 'x'), 'x.litmus')
    if (test === undefined) throw new Error('does not parse')
    expect(test.expects.length).toBeGreaterThan(5)
    for (const kernel of ['rfc-v1', 'cc-v8', 'linux-7.1']) expect([kernel, checkTest(test, kernel, 'arm-cca').expected]).toEqual([kernel, 'match'])
    expect(checkTest(test, 'rfc-v1', 'arm-cca').violations.map((v) => v.property)).toContain('exposed')
  })
})
