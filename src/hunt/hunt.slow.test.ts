import { expect, test as it } from 'vitest'
import { exploreScene } from './explore.ts'
import { blame, candidates, type Hazard, hazards, locate } from './hunt.ts'
import { scenes } from './scenes.ts'

function hunt(kernel: string, platform: string, names: readonly string[]): { found: Hazard[]; lost: number } {
  const list = candidates(scenes(kernel, platform).list.filter((s) => names.includes(s.name)).map((s) => exploreScene(s, kernel, platform, { maxStates: 3000 })))
  const by = blame(kernel, platform)
  const located = list.map((c) => locate(c, by))
  return { found: hazards(located.flatMap((l) => l ?? [])), lost: located.filter((l) => l === null).length }
}

it('a hunt says the same twice, and check confirms every finding', () => {
  const names = ['coherent+tdisp', 'coherent+tdisp+outlive', 'pages+tdisp+outlive', 'stream+t0', 'mmio-shared+t1']
  const [a, b] = [hunt('rfc-v1', 'arm-cca', names), hunt('rfc-v1', 'arm-cca', names)]
  expect(a.lost).toBe(0)
  expect(a.found.map((h) => h.id)).toContain('data-leaks/before-accept')
  expect(b.found.map((h) => [h.id, h.draft, h.alsoBy, h.cause])).toEqual(a.found.map((h) => [h.id, h.draft, h.alsoBy, h.cause]))
}, 240_000)

it('what only the host can bring about is no finding of the kernel', () => {
  const { found } = hunt('cc-v8', 'arm-cca', ['coherent+tdisp+host'])
  expect(found.filter((h) => h.trigger === 'the host' && h.harm === 'device breaks')).toEqual([])
}, 240_000)
