import { describe, expect, test as it } from 'vitest'
import { systemFor } from '../check/index.ts'
import { noMeaning } from '../kernel/index.ts'
import { operations } from '../litmus/operations.ts'
import { platforms } from '../machine/index.ts'
import { Client, uses } from './client.ts'
import { exploreScene } from './explore.ts'
import { blame, type Candidate, candidates, type Hazard, hazards, locate, type Located } from './hunt.ts'
import { type Scene, scenes } from './scenes.ts'

const chosen = (kernel: string, platform: string, ...names: string[]): Scene[] =>
  scenes(kernel, platform).list.filter((s) => names.includes(s.name))

function hunt(kernel: string, platform: string, names: readonly string[]): { found: Hazard[]; lost: number } {
  const list = candidates(
    scenes(kernel, platform)
      .list.filter((s) => names.includes(s.name))
      .map((s) => exploreScene(s, kernel, platform, { maxStates: 3000 }))
  )
  const by = blame(kernel, platform)
  const located = list.map((c) => locate(c, by))
  return { found: hazards(located.flatMap((l) => l ?? [])), lost: located.filter((l) => l === null).length }
}

it('a hunt says the same twice, and check confirms every finding', () => {
  const names = ['coherent+tdisp', 'coherent+tdisp+outlive', 'pages+tdisp+outlive', 'stream+t0', 'mmio-shared+t1']
  const [a, b] = [hunt('rfc-v1', 'arm-cca', names), hunt('rfc-v1', 'arm-cca', names)]
  expect(a.lost).toBe(0)
  expect(a.found.map((h) => h.id)).toContain('data-leaks/before-accept')
  expect(b.found.map((h) => [h.id, h.draft, h.alsoBy, h.cause])).toEqual(
    a.found.map((h) => [h.id, h.draft, h.alsoBy, h.cause])
  )
}, 240_000)

it('what only the host can bring about is no finding of the kernel', () => {
  const { found } = hunt('cc-v8', 'arm-cca', ['coherent+tdisp+host'])
  expect(found.filter((h) => h.trigger === 'the host' && h.harm === 'device breaks')).toEqual([])
}, 240_000)

describe('scenes', () => {
  it('every pair of ingredients that can be together is in a scene, on every pair of kernel and platform', () => {
    for (const p of platforms)
      for (const kernel of ['rfc-v1', 'cc-v8', 'linux-7.3']) {
        if (noMeaning(kernel, p) !== null) continue
        const { list, pairs } = scenes(kernel, p.name)
        expect(pairs.length).toBeGreaterThan(20)
        expect(pairs.filter(([a, b]) => !list.some((s) => s.with.includes(a) && s.with.includes(b)))).toEqual([])
        expect(new Set(list.map((s) => s.name)).size).toBe(list.length)
      }
  })

  it('each operation of the language is made in some scene, or says why not', () => {
    const made = new Set<string>()
    for (const kernel of ['cc-v8', 'rfc-v1', 'tio-v3'])
      for (const s of scenes(kernel, 'arm-cca').list) {
        if (s.with.length > 3) continue
        for (const x of new Client(s, systemFor(Client.test(s, kernel, 'arm-cca'), kernel, 'arm-cca')).statements)
          made.add(x.op)
      }
    for (const op of operations) {
      const use = uses[op.name]
      expect([op.name, made.has(op.name)]).toEqual([op.name, !('not' in use)])
      if ('not' in use) expect(use.not.length).toBeGreaterThan(8)
    }
  })
})

describe('the same bytes, however many threads share the work', () => {
  const list = chosen('rfc-v1', 'arm-cca', 'coherent+t1+restricted', 'pages+t0+atomic', 'mmio-private+t0')
  const found = candidates(list.map((s) => exploreScene(s, 'rfc-v1', 'arm-cca', { maxStates: 3000 })))
  const told = (located: ReadonlyArray<Located | null>): unknown =>
    hazards(located.filter((l) => l !== null)).map(({ calls: _, ...h }) => h)

  it('who is to blame is the same from one that has seen all others and from one that has seen none', () => {
    const one = blame('rfc-v1', 'arm-cca')
    const last = [...found].reverse().map((c) => locate(c, one))
    expect(found.length).toBeGreaterThan(5)
    expect(told(last.reverse())).toEqual(told(found.map((c) => locate(c, blame('rfc-v1', 'arm-cca')))))
  })
  it('the candidates of scenes do not depend on the order in which these come', () => {
    const again = candidates([...list].reverse().map((s) => exploreScene(s, 'rfc-v1', 'arm-cca', { maxStates: 3000 })))
    const keys = (cs: readonly Candidate[]): string[] => cs.map((c) => `${c.raw.key} ${c.scene.name}`)
    expect(keys(again)).toEqual(keys(found))
  })
})
