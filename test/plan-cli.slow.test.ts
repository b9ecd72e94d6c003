// `tbit plan` and `tbit conform rmm` as a user sees them: the transcripts of the documents, and the fields of the JSON
// that are fixed.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { Command } from 'commander'
import { expect, test } from 'vitest'
import { conformRmm } from '../src/cli/conform-rmm.ts'
import type { Io } from '../src/cli/io.ts'
import { planVerb } from '../src/cli/plan.ts'
import { conformSequence, emptyConformance } from '../src/conform/rmm.ts'
import { parseSequences } from '../src/conform/rmm-sequence.ts'
import { answerLine } from '../src/report/conform-rmm.ts'
import { makeSpec, planRim, bytesOf } from '../src/plan/index.ts'
import { captured, type Ran } from './captured.ts'
import { scratch } from './scratch.ts'

async function run(verb: (io: Io) => Command, args: readonly string[]): Promise<Ran> {
  const { io, ran: r } = captured()
  const c = verb(io).exitOverride().configureOutput({ writeOut: io.out, writeErr: io.err })
  try {
    await c.parseAsync(args, { from: 'user' })
  } catch (e) {
    r.code = (e as { exitCode?: number }).exitCode === 0 ? 0 : 2
  }
  return r
}
const plan = (line: string): Promise<Ran> =>
  run(
    planVerb,
    line.split(' ').filter((w) => w !== '')
  )

const dir = scratch('plan')

test('the transcripts of docs/plan.md', async () => {
  const blocks = [...readFileSync('docs/plan.md', 'utf8').matchAll(/```console\n([\s\S]*?)```/g)].map((m) => m[1] ?? '')
  expect(blocks.length).toBeGreaterThan(2)
  for (const b of blocks) {
    for (const piece of b.split(/^\$ /m).filter((p) => p !== '')) {
      const [command = '', ...rest] = piece.split('\n')
      const r = await plan(command.replace(/^tbit plan /, ''))
      const shown = rest.join('\n').trimEnd()
      const got = (r.out + r.err).split('\n')
      // What is shown is the beginning of the output, in whole lines; `...` at the beginning: any part of it.
      const lines = shown.split('\n')
      const anywhere = lines[0] === '...'
      const want = anywhere ? lines.slice(1) : lines
      const from = anywhere ? Math.max(0, got.indexOf(want[0] ?? '')) : 0
      expect(`${command}\n${got.slice(from, from + want.length).join('\n')}`).toBe(`${command}\n${want.join('\n')}`)
    }
  }
})

test('JSON has the fixed fields', async () => {
  const r = await plan('--ram 1G --format json')
  const j = JSON.parse(r.out) as Record<string, unknown>
  expect(j).toMatchObject({
    format: 1,
    strategy: 'fold',
    rmi: '1.x',
    blocks: { '4K': 0, '2M': 0, '1G': 1 },
    table_bytes: 8192
  })
  expect((j['commands'] as Record<string, number>)['DATA_CREATE_UNKNOWN']).toBe(262144)
  expect(Object.values(j['commands'] as Record<string, number>).reduce((a, b) => a + b, 0)).toBe(j['total_commands'])
  expect(j['rim']).toMatch(/^[0-9a-f]{64}$/)
  expect(j['cost_units']).toBeTypeOf('number')
  expect((j['cost_scale'] as { kind: string }).kind).toBe('relative units, reconstruction')
  expect((j['plans'] as Array<{ strategy: string }>).map((p) => p.strategy)).toEqual([
    'fold',
    'fault-in',
    'lazy',
    'blocks',
    'blocks'
  ])
  const one = JSON.parse((await plan('--ram 1G --strategy blocks --format json')).out) as Record<string, unknown>
  expect([one['rmi'], (one['plans'] as unknown[]).length]).toEqual(['2.0', 1])
})

test('a long RIM chain is left out with its length and time, and computed on request', async () => {
  const file = join(dir, 'big')
  writeFileSync(file, Buffer.alloc(101_000 * 4096))
  const r = JSON.parse((await plan(`--ram 12T --image ${file}@0 --format json`)).out) as Record<string, unknown>
  expect(r['rim']).toBeNull()
  expect(r['rim_extensions']).toBeGreaterThan(101_000)
  expect(r['rim_expected_seconds']).toBeGreaterThan(0)
  const asked = JSON.parse((await plan(`--ram 12T --image ${file}@0 --format json --rim`)).out) as Record<
    string,
    unknown
  >
  expect(asked['rim']).toMatch(/^[0-9a-f]{64}$/)
}, 60_000)

test('the RIM of the command line is that of the library, whatever the file size', async () => {
  const bytes = new Uint8Array(3 * 2 ** 20 + 77).map((_, i) => (i * 31) ^ (i >> 8))
  const file = join(dir, 'image')
  writeFileSync(file, bytes)
  const made = makeSpec({
    ram: 2 ** 30,
    images: [{ name: 'image', addr: 0x200000, size: bytes.length, read: bytesOf(bytes) }]
  })
  if (!made.ok) throw new Error('spec')
  const j = JSON.parse((await plan(`--ram 1G --image ${file}@0x200000 --format json`)).out) as {
    rim: string
    rims: { sha512: string }
  }
  expect([j.rim, j.rims.sha512]).toEqual([planRim(made.value, 0, null), planRim(made.value, 1, null)])
  const entry = JSON.parse(
    (await plan(`--ram 1G --image ${file}@2M --entry 0x200000 --gpr 0=0x1000 --format json`)).out
  ) as { rim: string; rim_includes_rec: boolean }
  expect(entry).toMatchObject({ rim: planRim(made.value, 0, { pc: 0x200000, gprs: [0x1000] }), rim_includes_rec: true })
})

test('an emitted sequence replays without a mismatch', async () => {
  const image = join(dir, 'small')
  writeFileSync(image, 'x'.repeat(9000))
  for (const q of [
    '--ram 6M --page 2M',
    '--ram 6M --page 2M --strategy lazy --conversions 2',
    '--ram 3M --page 2M --strategy fault-in',
    `--ram 1026M --strategy lazy --rmi 2.0 --image ${image}@0x200000`,
    `--ram 6M --page 2M --strategy fold --rmi 2.0 --image ${image}@0`
  ]) {
    const out = join(dir, 'plan.rmi')
    expect((await plan(`${q} --emit ${out}`)).code).toBe(0)
    const r = await run(conformRmm, [out, '--format', 'json'])
    const j = JSON.parse(r.out) as { operations: number; mismatches: number; files: number; first: unknown }
    expect([q, r.code, j.mismatches, j.first, j.files]).toEqual([q, 0, 0, null, 1])
    expect(j.operations).toBeGreaterThan(10)
  }
})

test('bad input on the command line: exit 2, the rule, the nearest legal value', async () => {
  for (const [args, code, words] of [
    ['', 'TB-001', '--ram'],
    [`--ram 1G --image ${join(dir, 'none')}@0`, 'TB-002', 'no such file'],
    [`--ram 1G --image ${dir}@0`, 'TB-002', 'it is a directory'],
    [`--ram 1G --image ${join(dir, 'small')}`, 'TB-510', 'FILE@ADDR'],
    [`--ram 1G --image ${join(dir, 'small')}@xyz`, 'TB-510', "'xyz'"],
    ['--ram 1G --gpr 9=1', 'TB-510', 'x0 to x7'],
    ['--ram 1G --entry 0x1000 --gpr 1=0x10000000000000000', 'TB-510', '64 bits'],
    ['--ram 1G --gpr 1=1', 'TB-510', '--entry'],
    ['--ram 1G --emit /dev/full', 'TB-002', 'no space left'],
    ['--ram 12T --emit /dev/null', 'TB-511', 'at most'],
    [`--ram 1G --emit ${join(dir, 'no', 'x')}`, 'TB-002', 'cannot be written'],
    [`--ram 1G --costs ${join(dir, 'none')}`, 'TB-002', 'cannot be read'],
    [`--ram 1G --image ${join(dir, 'small')}@0 --image ${join(dir, 'small')}@4096`, 'TB-501', '@0x3000']
  ] as const) {
    writeFileSync(join(dir, 'small'), 'x'.repeat(9000))
    const r = await plan(args)
    expect([args, r.code, r.err.includes(code), r.err.includes(words)]).toEqual([args, 2, true, true])
    const j = await plan(`${args} --format json`)
    expect([j.code, (JSON.parse(j.out) as { errors: Array<{ code: string }> }).errors[0]?.code]).toEqual([2, code])
  }
  for (const args of [
    '--ram 1X',
    '--ram 1G --page 3M',
    '--ram 1G --strategy bloks',
    '--ram 1G --rmi 3',
    '--frobnicate'
  ])
    expect([(await plan(args)).code, args]).toEqual([2, args])
})

test('registers have 64 bits: none is rounded on its way into the RIM', async () => {
  const rim = async (gpr: string): Promise<string> =>
    (JSON.parse((await plan(`--ram 1G --entry 0x80080000 --gpr 0=${gpr} --format json`)).out) as { rim: string }).rim
  expect(await rim('0x20000000000001')).not.toBe(await rim('0x20000000000000'))
  expect(await rim('0xffffffffffffffff')).not.toBe(await rim('0xfffffffffffffffe'))
  expect(await rim('4096')).toBe(await rim('0x1000'))
})

test('a sequence that cannot be written leaves what stood there', async () => {
  const file = join(dir, 'sequence.txt')
  writeFileSync(file, 'old')
  expect((await plan(`--ram 12T --emit ${file}`)).code).toBe(2)
  expect(readFileSync(file, 'utf8')).toBe('old')
  expect((await plan(`--ram 2M --page 2M --emit ${file}`)).code).toBe(0)
  expect(readFileSync(file, 'utf8')).toContain('REALM_ACTIVATE')
})

test('a cost file replaces costs and may give a time', async () => {
  const file = join(dir, 'costs.json')
  writeFileSync(file, '{"costs": {"GRANULE_DELEGATE": 1}, "unit_ns": 1000}')
  const j = JSON.parse((await plan(`--ram 1G --costs ${file} --format json`)).out) as {
    cost_units: number
    time_ns: number
    cost_scale: { replaced: string[] }
  }
  expect(j.time_ns / (j.cost_units * 1000)).toBeCloseTo(1, 9)
  expect(j.cost_scale.replaced).toEqual(['GRANULE_DELEGATE'])
  expect((await plan(`--ram 1G --costs ${file}`)).out).toContain('time: 1000 ns a unit (from the cost file)')
  expect((await plan('--ram 1G')).out).toContain('time: 1000-2000 ns a unit (an inference')
  expect(JSON.parse((await plan('--show-costs --format json')).out)).toMatchObject({
    format: 1,
    costs: expect.arrayContaining([expect.objectContaining({ key: 'RTT_FOLD' })])
  })
})

test('conform rmm: exit codes and JSON', async () => {
  const good = await run(conformRmm, ['test/fixtures/rmm/sequences.json.gz', '--format', 'json'])
  expect(good.code).toBe(0)
  expect(JSON.parse(good.out)).toMatchObject({ format: 1, files: 1, mismatches: 0, first: null })
  const file = join(dir, 'bad.rmi')
  writeFileSync(file, 'GRANULE_DELEGATE g0 => ERROR_INPUT\n')
  const bad = await run(conformRmm, [file, '--format', 'json'])
  expect(bad.code).toBe(1)
  expect(JSON.parse(bad.out)).toMatchObject({
    mismatches: 1,
    first: { cmd: 'GRANULE_DELEGATE g0', field: 'status', recorded: 'ERROR_INPUT', model: 'SUCCESS' }
  })
  expect((await run(conformRmm, [file])).out).toContain('recorded ERROR_INPUT, model SUCCESS')
  expect((await run(conformRmm, [join(dir, 'none')])).code).toBe(2)
  writeFileSync(file, 'NONSENSE\n')
  const wrong = await run(conformRmm, [file])
  expect([wrong.code, wrong.err.includes('TB-521')]).toEqual([2, true])
})

test(
  "the model's answers, written as the sequence language has them, read back as a " + 'recording without a mismatch',
  () => {
    const text = gunzipSync(readFileSync('test/fixtures/rmm/sequences-rmi2.json.gz')).toString()
    const parsed = parseSequences('recorded', text)
    if (!parsed.ok) throw new Error(parsed.error.message)
    for (const q of parsed.value.slice(0, 6)) {
      const lines = ['GENERATION 2.0']
      conformSequence('recorded', q, emptyConformance(), 0, (cmd, a) => {
        if (!cmd.startsWith('GENERATION')) lines.push(answerLine(cmd, a))
      })
      const again = parseSequences('again', lines.join('\n'))
      if (!again.ok) throw new Error(again.error.message)
      const total = emptyConformance()
      for (const one of again.value) conformSequence('again', one, total)
      expect([total.errors, total.mismatches, total.compared > lines.length / 2, total.operations]).toEqual([
        [],
        [],
        true,
        lines.length - 1
      ])
    }
  }
)

// Values that the calculator of realm measurements publishes with its tests (veraison/cca-realm-measurements,
// tests/cmdline.rs, read November 2026): a kvmtool guest of 512 MiB with one CPU, without and with a firmware of ten
// bytes. They measure a device tree; the fixture was built from its nodes and properties as that program names them,
// and is right when both values come out.
test('published measurements of whole guests: RIPAS, device tree, firmware and boot REC', async () => {
  const dtb = join(dir, 'kvmtool.dtb')
  const firmware = join(dir, 'firmware')
  writeFileSync(dtb, gunzipSync(readFileSync('test/fixtures/rmm/kvmtool-512m.dtb.gz')))
  writeFileSync(firmware, 'FW CONTENT')
  const rim = async (line: string): Promise<unknown> =>
    (
      JSON.parse((await plan(`--ram 512M --bps 6 --wps 6 --gpr 0=0x8fe00000 --rim --format json ${line}`)).out) as {
        rim: unknown
      }
    ).rim
  expect(await rim(`--vmm kvmtool --image ${dtb}@0x8fe00000 --entry 0`)).toBe(
    '998dfdf6401d69f73ed88ac53d62d5ea2cfac6320b887ce4599aa8671791d4d0'
  )
  const withFirmware = `--ram-base 0x80000000 --ipa-bits 33 --image ${firmware}@0x80000000 --image ${dtb}@0x8fe00000`
  expect(await rim(`${withFirmware} --entry 0x80000000`)).toBe(
    'cf37146fce0ad50e1be1a04580c1024e5449b430b0dd96b6ef5c9a2b73767bf5'
  )
  // Every part of it counts.
  expect(await rim(`${withFirmware} --entry 0x80000004`)).not.toBe(
    'cf37146fce0ad50e1be1a04580c1024e5449b430b0dd96b6ef5c9a2b73767bf5'
  )
})

test('coverage names modelled and missing commands of both generations', async () => {
  const j = JSON.parse((await plan('--coverage --format json')).out) as {
    coverage: Array<{ generation: string; side: string; total: number; modelled: number }>
  }
  expect(j.coverage.map((c) => `${c.side} ${c.generation}`)).toEqual(['RMI 1.x', 'RSI 1.x', 'RMI 2.0', 'RSI 2.0'])
  expect((await plan('--coverage')).out).toContain('not modelled')
})
