import { expect, test } from 'vitest'
import { sizeVerb } from './size.ts'
import { captured, type Ran } from '../../test/captured.ts'

async function run(...args: string[]): Promise<Ran> {
  const { io, ran: r } = captured()
  await sizeVerb(io).exitOverride().parseAsync(args, { from: 'user' })
  return r
}
const guest = ['--ram', '16G', '--platform', 'amd-sev-snp', '--kernel', 'linux-6.12', '--cpus', '8']

test('json has the fixed fields, text names the limit and the setting', async () => {
  const json = await run(...guest, '--format', 'json')
  expect(JSON.parse(json.out)).toMatchObject({
    format: 1,
    bytes: 1 << 30,
    slots: 524288,
    areas: 8,
    limited_by: expect.stringContaining('6% of RAM'),
    force_bounce: true
  })
  const text = await run(
    '--ram',
    '16G',
    '--platform',
    'arm-cca',
    '--kernel',
    'linux-7.1',
    '--cpus',
    '8',
    '--want',
    '256M'
  )
  expect(text.out).toContain('swiotlb=131072')
  expect(text.out).toContain('64 MiB = 32768 slots of 2 KiB in 8 areas of 4096 slots')
  expect([json.code, text.code]).toEqual([0, 0])
})

test('a size that no setting gives: exit code 1, with the reason and what comes nearest', async () => {
  const r = await run(...guest, '--want', '2G')
  expect(r.code).toBe(1)
  expect(r.out).toContain('no setting gives it')
  expect(r.out).toContain('nearest: swiotlb=524288')
})

test('TB-302, TB-003: what is missing or wrong is named, with the nearest word', async () => {
  expect(await run('--ram', '16G')).toMatchObject({ code: 2, err: expect.stringContaining('--platform is missing') })
  expect(await run('--ram', '16Q', ...guest.slice(2))).toMatchObject({
    code: 2,
    err: expect.stringContaining("'16Q' is no size")
  })
  expect(await run('--ram', '16G', '--platform', 'amd-sev-sn', '--kernel', '6.12')).toMatchObject({
    code: 2,
    err: expect.stringMatching(/TB-302[\s\S]*did you mean 'amd-sev-snp'/)
  })
  expect(await run('--ram', '16G', '--platform', 'none', '--kernel', 'linux')).toMatchObject({
    code: 2,
    err: expect.stringContaining("unknown kernel 'linux'")
  })
  expect(await run('--ram', '16G', '--platform', 'none', '--kernel', '6.12', '--cpus', 'x')).toMatchObject({ code: 2 })
  const realm = await run('--ram', '16G', '--platform', 'arm-cca', '--kernel', 'linux-6.12', '--format', 'json')
  expect(realm.code).toBe(2)
  expect(JSON.parse(realm.out)).toMatchObject({
    format: 1,
    errors: [{ code: 'TB-003', message: expect.stringContaining('6.13') }]
  })
  expect((await run('--rules')).out).toContain('8d58aa484920')
})
