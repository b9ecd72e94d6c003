import { readdirSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { SwiotlbConform, type SwiotlbFileResult } from './swiotlb.ts'

const fixtures = new URL('../../test/fixtures/swiotlb/', import.meta.url)

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

test.each(['direct-force-128', 'direct-lazy-realm-512', 'swiotlb-raw-n200-a1'])(
  'the head of recording %s replays without a difference',
  (name) => {
    const r = replay(name, read(new URL(`${name}.head.jsonl.gz`, fixtures)))
    expect([r.operations, r.mismatches, r.first]).toEqual([399, 0, null])
  }
)

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
  expect(
    first(
      change(dm, (v) => {
        v[7] = (v[7] as number) + 2048
      })
    )
  ).toEqual([dm, ['dma_addr']])
  expect(
    first(
      change(dm, (v) => {
        v[8] = []
      })
    )
  ).toEqual([dm, ['events']])
  expect(
    first(
      change(dm, (v) => {
        v[9] = (v[9] as number) + 1
      })
    )
  ).toEqual([dm, ['used']])
  expect(
    first(
      change(dm, (v) => {
        v[10] = (v[10] as number) + 1
      })
    )
  ).toEqual([dm, ['hiwater']])
  expect(
    first(
      change(at('du'), (v) => {
        v[9] = (v[9] as number) + 1
      })
    )
  ).toEqual([at('du'), ['bounced']])
  expect(
    first(
      change(da, (v) => {
        v[4] = 4096
      })
    )
  ).toEqual([da, ['phys']])
  expect(
    first(
      change(at('h'), (v) => {
        v[1] = 1
      })
    )
  ).toEqual([at('h'), ['hash']])
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
  const machine =
    '{"nslabs":128,"nareas":1,"pool_start":2147483648,"devices":[{"id":0,' +
    '"dma_mask":"0xffffffffffffffff","coherent_dma_mask":"0xffffffff"}]}'
  expect(error()).toMatchObject({ code: 'TB-301', line: 0 })
  expect(error('garbage')).toMatchObject({ code: 'TB-301', line: 1 })
  expect(error('[1]')).toMatchObject({ code: 'TB-301', message: expect.stringContaining('the machine') })
  expect(error('{"nslabs":128,"nareas":3,"pool_start":0,"devices":[]}')).toMatchObject({ code: 'TB-301' })
  expect(error('{"nslabs":130,"nareas":1,"pool_start":0,"devices":[]}')).toMatchObject({
    message: expect.stringContaining('whole segments')
  })
  expect(error(machine.replace('"0xffffffff"', '"many"'))).toMatchObject({ word: 'coherent_dma_mask' })
  expect(error(machine, '["dn",0]')).toMatchObject({ line: 2, word: 'dn', nearest: expect.arrayContaining(['dm']) })
  expect(error(machine, '["m",0,0]')).toMatchObject({ line: 2, message: expect.stringContaining('12 values') })
  expect(error(machine, '["u",7,2147483648,5,0,0,0,0,0]')).toMatchObject({ line: 2, word: '7' })
  expect(error(machine, '["m",0,0,4096,"x",0,0,0,2147483648,1,1,100]')).toMatchObject({ line: 2, word: 'x' })
  expect(error(machine, '["m",0,0,4096,100,0,0,0,2147483648,1,1,100]')).toBe(null)
})

// Heads of ../shared/data/swiotlb-7.3, each cut so long that its work has run once: zcat FILE | head -n N | gzip -9n.
const api = new URL('../../test/fixtures/swiotlb-7.3/', import.meta.url)
const apiHead = (name: string): string[] => read(new URL(`${name}.head.jsonl.gz`, api))
const apiNames = readdirSync(api).map((f) => f.replace('.head.jsonl.gz', ''))

test.each(apiNames)('the head of %s, the whole DMA API of 7.2 and 7.3, replays without a difference', (name) => {
  const lines = apiHead(name).filter((l) => l !== '')
  const r = replay(name, lines)
  expect([r.operations, r.mismatches, r.first]).toEqual([lines.length - 1, 0, null])
})

test.each(['linux-7.3', 'linux-7.3.4', 'linux-7.3-rc4', 'linux-7.3+'])(
  'a recording may call its kernel %s',
  (kernel) => {
    const lines = apiHead('a64-realm-dyn-1').filter((l) => l !== '')
    const r = replay('x', [(lines[0] as string).replace('linux-7.3.4', kernel), ...lines.slice(1)])
    expect([r.operations, r.mismatches, r.first]).toEqual([lines.length - 1, 0, null])
  }
)

// Each guard taken away: the machine says less than was recorded, or the kernel is another.
const twins: ReadonlyArray<readonly [what: string, name: string, change: (lines: string[]) => string[]]> = [
  ['pools that grow', 'a64-realm-dyn-1', (l) => l.map((x) => x.replace('"swiotlb_dynamic":1', '"swiotlb_dynamic":0'))],
  ['the RCU callback of 7.2', 'v72-x86-snp-dyn', (l) => l.map((x) => x.replace('linux-7.2.13', 'linux-7.3.4'))],
  ['failures told beforehand', 'a64-realm-inject-2', (l) => l.filter((x) => !x.startsWith('["f"'))],
  [
    'failures of the boot',
    'a64-realm-bootfail-2',
    (l) => l.map((x) => x.replace(/"boot_inject":\[.*?\]\],/, '"boot_inject":[],'))
  ],
  [
    "7.2's free of an atomic pool's page",
    'v72-a64-realm-poolbug',
    (l) => l.map((x) => x.replace('linux-7.2.13', 'linux-7.3.4'))
  ],
  ['acceptance', 'a64-mixed-realm-1', (l) => l.map((x) => x.replace('arm64+mixed', 'arm64'))],
  [
    'bounces of unaligned kmalloc objects',
    'a64-none-kmalloc',
    (l) => l.map((x) => x.replace('"kmalloc_bounce":1', '"kmalloc_bounce":0'))
  ],
  ['memory encryption of a guest', 'x86-vtom-api-1', (l) => l.map((x) => x.replace('"snp-vtom"', '"none"'))],
  [
    'devices that do not snoop',
    'a64-realm-direct-1',
    (l) => l.map((x) => x.replace('"build":"arm64"', '"build":"x86"'))
  ],
  ['memory encryption that pKVM reports', 'a64-pkvm-api-1', (l) => l.map((x) => x.replace('"pkvm"', '"none"'))],
  [
    'what the page allocator has',
    'v72-x86-tdx-alloc',
    (l) => l.map((x) => x.replace(/("name":"DMA32","start":\d+,"pages":)\d+/, '$116'))
  ],
  ['a host that encrypts', 'x86-sme-dyn-1', (l) => l.map((x) => x.replace('"platform":"sme"', '"platform":"none"'))]
]
test.each(twins)('without %s the head of %s differs', (_what, name, change) => {
  expect(replay(name, change(apiHead(name))).mismatches).toBeGreaterThan(0)
})
test('every head has a twin', () => {
  expect(twins.map(([, name]) => name).sort()).toEqual([...apiNames].sort())
})

test('any wrong value of format 2 is found', () => {
  const heads = ['a64-realm-inject-2', ...apiNames].map(apiHead)
  // The value at this place of the first line of the kind, and the name under which it is compared.
  const places: ReadonlyArray<readonly [kind: string, at: number, what: string]> = [
    ['mp', 7, 'dma'],
    ['mp', 8, 'events'],
    ['mp', 9, 'used'],
    ['mp', 10, 'hiwater'],
    ['mp', 11, 'bounced'],
    ['aa', 6, 'phys'],
    ['aa', 7, 'dma'],
    ['aa', 8, 'kind'],
    ['aa', 9, 'zero'],
    ['mg', 6, 'rc'],
    ['mg', 7, 'segments'],
    ['km', 4, 'rc'],
    ['q', 2, 'queries'],
    ['q', 5, 'queries'],
    ['h', 1, 'hash'],
    ['h', 2, 'hash'],
    ['ph', 1, 'atomic pools'],
    ['w', 1, 'events'],
    ['pa', 8, 'zero'],
    ['na', 7, 'phys'],
    ['hp', 2, 'pools'],
    ['pg', 3, 'prot']
  ]
  for (const [kind, at, what] of places) {
    const first = (l: string): boolean => l.startsWith(`["${kind}"`) && !l.includes(',0,-1,')
    const lines = heads.find((h) => h.some(first)) ?? []
    const i = lines.findIndex(first)
    const v = JSON.parse(lines[i] ?? '[]') as unknown[]
    v[at] = Array.isArray(v[at]) ? [[1, 2]] : (v[at] as number) + 1
    const r = replay('changed', [...lines.slice(0, i), JSON.stringify(v)])
    expect([kind, at, r.mismatches, r.first?.line, r.first?.differences.map((d) => d.what)]).toEqual([
      kind,
      at,
      1,
      i + 1,
      [what]
    ])
  }
  const lines = heads[0] ?? []
  const boot = (from: string | RegExp, to: string): unknown =>
    replay(
      'changed',
      lines.map((l, j) => (j === 0 ? l.replace(from, to) : l))
    ).first
  expect(boot('"boot":[["dec",', '"boot":[["enc",')).toMatchObject({ operation: 'boot', line: 1 })
  expect(boot('"force_dma_unencrypted":1', '"force_dma_unencrypted":0')).toMatchObject({ operation: 'boot', line: 1 })
  expect(boot('"restricted_rc":0', '"restricted_rc":-22')).toMatchObject({ operation: 'boot', line: 1 })
})

test('TB-301: a recording of format 2 that is none is named with its line and word', () => {
  const [machine = '', ...rest] = apiHead('a64-realm-inject-2')
  const error = (...lines: string[]): unknown => {
    const c = new SwiotlbConform('x')
    for (const l of lines) {
      const r = c.next(l)
      if (!r.ok) return r.error
    }
    return null
  }
  expect(error(machine, ...rest.slice(0, 3))).toBe(null)
  expect(error(machine.replace('"platform":"realm"', '"platform":"reaml"'))).toMatchObject({
    code: 'TB-301',
    line: 1,
    word: 'reaml',
    nearest: expect.arrayContaining(['realm'])
  })
  expect(error(machine.replace('linux-7.3.4', 'linux-6.18'))).toMatchObject({
    word: 'linux-6.18',
    expected: expect.arrayContaining(['linux-7.3...'])
  })
  expect(error(machine.replace('"nslabs":256', '"nslabs":250'))).toMatchObject({ word: 'nslabs' })
  expect(error(machine.replace('"zones":[', '"zones":[7,'))).toMatchObject({ word: 'zones' })
  expect(error(machine.replace('"dma_mask":"0xf', '"dma_mask":"many'))).toMatchObject({ word: 'dma_mask' })
  expect(error(machine.replace('"format":2', '"format":3'))).toMatchObject({ word: 'format' })
  expect(error(machine.replace('"restricted":0', '"restricted":9'))).toMatchObject({ word: '9' })
  expect(error(machine, '["mq",0]')).toMatchObject({ line: 2, word: 'mq', nearest: expect.arrayContaining(['mp']) })
  expect(error(machine, '["mp",0,0]')).toMatchObject({ line: 2, message: expect.stringContaining('12 values') })
  expect(error(machine, '["up",99,0,1,0,0,[],0,0,0]')).toMatchObject({ line: 2, word: '99' })
  expect(error(machine, '["up",0,"x",1,0,0,[],0,0,0]')).toMatchObject({ line: 2, word: 'x' })
  expect(error(machine, '["mg",0,0,0,0,[7],0,[],[],0,0,0]')).toMatchObject({ line: 2, word: '7' })
})
