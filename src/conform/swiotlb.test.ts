import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { SwiotlbConform, type SwiotlbFileResult } from './swiotlb.ts'

const fixtures = new URL('../../test/fixtures/swiotlb/', import.meta.url)
const shared = new URL('../../../shared/data/swiotlb/', import.meta.url)

function replay(name: string, lines: readonly string[]): SwiotlbFileResult {
  const c = new SwiotlbConform(name)
  for (const l of lines) {
    const r = c.next(l)
    if (!r.ok) throw new Error(JSON.stringify(r.error))
  }
  const end = c.end()
  if (!end.ok) throw new Error(JSON.stringify(end.error))
  return end.value
}
const read = (url: URL): string[] => gunzipSync(readFileSync(url)).toString().split('\n')

test.each(['direct-force-128', 'direct-lazy-realm-512', 'swiotlb-raw-n200-a1'])('the head of recording %s replays without a difference', (name) => {
  const r = replay(name, read(new URL(`${name}.head.jsonl.gz`, fixtures)))
  expect([r.operations, r.mismatches, r.first]).toEqual([399, 0, null])
})

const here = existsSync(shared)
test.skipIf(!here)(`all recordings replay without a difference${here ? '' : ' (skipped: ../shared/data/swiotlb is absent)'}`, () => {
  const files = readdirSync(shared).filter((f) => f.endsWith('.jsonl.gz'))
  expect(files.length).toBeGreaterThan(0)
  for (const f of files) {
    const r = replay(f, read(new URL(f, shared)))
    expect([f, r.mismatches, r.first]).toEqual([f, 0, null])
    expect(r.operations).toBeGreaterThan(1000)
  }
})

test('any wrong value is found: address, counters, bytes, events, hash', () => {
  const lines = read(new URL('direct-force-128.head.jsonl.gz', fixtures))
  const at = (name: string): number => lines.findIndex((l) => l.startsWith(`["${name}"`))
  const dm = lines.findIndex((l) => l.startsWith('["dm"') && l.includes('"sd"'))
  const da = lines.findIndex((l) => l.startsWith('["da"') && l.includes('"ap"'))
  const change = (i: number, f: (v: unknown[]) => void): string[] => {
    const v = JSON.parse(lines[i] ?? '[]') as unknown[]
    f(v)
    return lines.map((l, j) => (j === i ? JSON.stringify(v) : l))
  }
  const first = (changed: string[]): [number, string[]] => {
    const r = replay('changed', changed)
    expect(r.mismatches).toBe(1)
    return [(r.first?.line ?? 0) - 1, (r.first?.differences ?? []).map((d) => d.what)]
  }
  expect(first(change(dm, (v) => { v[7] = (v[7] as number) + 2048 }))).toEqual([dm, ['dma_addr']])
  expect(first(change(dm, (v) => { v[8] = [] }))).toEqual([dm, ['events']])
  expect(first(change(dm, (v) => { v[9] = (v[9] as number) + 1 }))).toEqual([dm, ['used']])
  expect(first(change(dm, (v) => { v[10] = (v[10] as number) + 1 }))).toEqual([dm, ['hiwater']])
  expect(first(change(at('du'), (v) => { v[9] = (v[9] as number) + 1 }))).toEqual([at('du'), ['bounced']])
  expect(first(change(da, (v) => { v[4] = 4096 }))).toEqual([da, ['phys']])
  expect(first(change(at('h'), (v) => { v[1] = 1 }))).toEqual([at('h'), ['hash']])
})

test('TB-301: input that is no recording is named with its line', () => {
  const error = (...lines: string[]): unknown => {
    const c = new SwiotlbConform('x')
    for (const l of lines) {
      const r = c.next(l)
      if (!r.ok) return r.error
    }
    const end = c.end()
    return end.ok ? null : end.error
  }
  const machine = '{"nslabs":128,"nareas":1,"pool_start":2147483648,"devices":[{"id":0,"dma_mask":"0xffffffffffffffff","coherent_dma_mask":"0xffffffff"}]}'
  expect(error()).toMatchObject({ code: 'TB-301', line: 0 })
  expect(error('garbage')).toMatchObject({ code: 'TB-301', line: 1 })
  expect(error('[1]')).toMatchObject({ code: 'TB-301', message: expect.stringContaining('the machine') })
  expect(error('{"nslabs":128,"nareas":3,"pool_start":0,"devices":[]}')).toMatchObject({ code: 'TB-301' })
  expect(error('{"nslabs":130,"nareas":1,"pool_start":0,"devices":[]}')).toMatchObject({ message: expect.stringContaining('whole segments') })
  expect(error(machine.replace('"0xffffffff"', '"many"'))).toMatchObject({ word: 'coherent_dma_mask' })
  expect(error(machine, '["dn",0]')).toMatchObject({ line: 2, word: 'dn', nearest: expect.arrayContaining(['dm']) })
  expect(error(machine, '["m",0,0]')).toMatchObject({ line: 2, message: expect.stringContaining('12 values') })
  expect(error(machine, '["u",7,2147483648,5,0,0,0,0,0]')).toMatchObject({ line: 2, word: '7' })
  expect(error(machine, '["m",0,0,4096,"x",0,0,0,2147483648,1,1,100]')).toMatchObject({ line: 2, word: 'x' })
  expect(error(machine, '["m",0,0,4096,100,0,0,0,2147483648,1,1,100]')).toBe(null)
})

test('a recording of format 2 names the command that replays it', () => {
  expect(new SwiotlbConform('f.jsonl').next('{"format":2,"build":"arm64","nslabs":512,"nareas":2,"pool_start":0,"devices":[]}')).toMatchObject({ ok: false, error: { code: 'TB-301', word: 'format', hint: 'tbit kernel test TREE f.jsonl' } })
})
