import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { explainVerb } from './explain.ts'
import { captured, type Ran } from '../../test/captured.ts'
import { scratch } from '../../test/scratch.ts'

const dir = scratch('explain')
const file = (name: string, content: string | Buffer): string => {
  writeFileSync(join(dir, name), content)
  return join(dir, name)
}

async function run(...args: string[]): Promise<Ran> {
  const { io, ran: r } = captured()
  await (await explainVerb(io)).parseAsync(['log', ...args], { from: 'user' })
  return r
}
const line = 'nvme 0000:00:02.0: swiotlb buffer is full (sz: 4096 bytes), total 512 (slots), used 512 (slots)'

test('the message itself, a file and a gzip give the same answer; json has format 1', async () => {
  const pasted = await run(line)
  expect(pasted.code).toBe(0)
  expect(pasted.out).toContain('Which limit binds\n  - pool size')
  expect((await run(file('a.txt', `${line}\n`))).out).toBe(pasted.out)
  expect((await run(file('a.gz', gzipSync(`${line}\n`)))).out).toBe(pasted.out)
  expect(JSON.parse((await run(line, '--format', 'json')).out)).toMatchObject({
    format: 1,
    failures: [{ cause: 'pool_full', limit: 'pool size', count: 1 }],
    limits: ['pool size'],
    errors: []
  })
  expect((await run(file('b.txt', 'hello\nworld\n'))).out).toContain('Nothing in these 2 lines')
})

test('TB-302, TB-303, TB-002: wrong options, empty and binary input, a missing file', async () => {
  expect(await run(file('empty', ''))).toMatchObject({ code: 2, err: expect.stringContaining('TB-303') })
  expect(await run(file('bin', Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 37) % 256))))).toMatchObject({
    code: 2,
    err: expect.stringContaining('not text')
  })
  expect(await run(join(dir, 'nosuch'))).toMatchObject({ code: 2, err: expect.stringContaining('TB-002') })
  expect(await run(line, '--platform', 'intel-td')).toMatchObject({
    code: 2,
    err: expect.stringContaining("did you mean 'intel-tdx'")
  })
  expect(await run(line, '--ram', 'x')).toMatchObject({ code: 2, err: expect.stringContaining('TB-302') })
  const cut = gzipSync(`${line}\n`.repeat(20000))
  expect(await run(file('cut.gz', cut.subarray(0, cut.length >> 1)))).toMatchObject({
    code: 2,
    err: expect.stringContaining('cut off'),
    out: expect.stringContaining('pool size')
  })
})
