import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { serve, SERVED_POLICY, servedFiles } from './web-server.ts'
import { discard, newFolder } from '../../test/scratch.ts'

const LONG = 'page '.repeat(1000)
const base = newFolder('serve')
const dir = join(base, 'site')
let running: Awaited<ReturnType<typeof serve>>
beforeAll(async () => {
  mkdirSync(join(dir, 'f'), { recursive: true })
  writeFileSync(join(base, 'secret.html'), 'secret')
  writeFileSync(join(dir, 'index.html'), 'home')
  writeFileSync(join(dir, 'long.html'), LONG)
  writeFileSync(join(dir, 'f/a b.html'), 'page')
  writeFileSync(join(dir, '.hidden.html'), 'secret')
  writeFileSync(join(dir, 'program.sh'), 'secret')
  symlinkSync(join(base, 'secret.html'), join(dir, 'link.html'))
  running = await serve(servedFiles(dir), 0)
})
afterAll(() => {
  running.server.close()
  discard(base)
})

/** One request as it is written, since a client of ours would mend the address. */
function ask(
  line: string,
  host = `127.0.0.1:${running.port}`
): Promise<{ status: number; head: string; body: string }> {
  return new Promise((resolve, reject) => {
    let all = ''
    const s = connect(running.port, '127.0.0.1', () =>
      s.write(`${line} HTTP/1.1\r\n${host === '' ? '' : `Host: ${host}\r\n`}Connection: close\r\n\r\n`)
    )
    s.on('data', (d) => {
      all += String(d)
    })
      .on('error', reject)
      .on('end', () => {
        const [head = '', body = ''] = all.split('\r\n\r\n')
        resolve({ status: Number(head.split(' ')[1]), head: head.toLowerCase(), body })
      })
  })
}

test('a browser that takes gzip gets it, of what is more than a packet', async () => {
  const head = async (accepts: string, path = '/long.html'): Promise<string> =>
    (await ask(`GET ${path}`, `127.0.0.1:${running.port}\r\nAccept-Encoding: ${accepts}`)).head
  for (const accepts of ['gzip', 'deflate, gzip;q=0.5', 'br, *', 'GZIP, deflate'])
    expect(await head(accepts), accepts).toContain('content-encoding: gzip')
  for (const accepts of ['identity', 'gzip;q=0', 'br, gzip; q=0.0', 'xgzip', ''])
    expect(await head(accepts), accepts).not.toContain('content-encoding')
  expect(await head('gzip', '/')).not.toContain('content-encoding')
  const fetched = await fetch(`http://127.0.0.1:${running.port}/long.html`)
  expect([fetched.headers.get('content-encoding'), await fetched.text()]).toEqual(['gzip', LONG])
})

test('what was built is served, with the policy on everything', async () => {
  for (const [line, body] of [
    ['GET /', 'home'],
    ['GET /index.html?x=1', 'home'],
    ['GET /f/a%20b.html', 'page'],
    ['HEAD /', '']
  ] as const) {
    const r = await ask(line)
    expect([r.status, r.body], line).toEqual([200, body])
    expect(r.head).toContain(`content-security-policy: ${SERVED_POLICY.toLowerCase()}`)
  }
  expect((await ask('GET /none.html')).head).toContain('content-security-policy')
  expect((await ask('GET /', `localhost:${running.port}`)).status).toBe(200)
})

test('nothing else is: not above the folder, not through a link, not by another spelling', async () => {
  for (const path of [
    '/../secret.html',
    '/%2e%2e/secret.html',
    '/f/../../secret.html',
    '/f/..%2f..%2fsecret.html',
    '/..%5csecret.html',
    '//secret.html',
    '/link.html',
    '/.hidden.html',
    '/program.sh',
    '/f',
    '/%',
    '/%00',
    '/index.html%00',
    '/f/',
    `${join(base, 'secret.html')}`
  ]) {
    const r = await ask(`GET ${path}`)
    expect([r.status, r.body.includes('secret')], path).toEqual([404, false])
  }
  expect((await ask('POST /')).status).toBe(405)
  expect((await ask('DELETE /index.html')).status).toBe(405)
})

test(
  'a request that names another host is refused, so that no page of others reaches this ' +
    'server by a name of its own',
  async () => {
    for (const host of [
      'evil.example',
      `evil.example:${running.port}`,
      '127.0.0.1',
      `127.0.0.1.evil.example:${running.port}`,
      `127.0.0.1:${running.port + 1}`
    ])
      expect((await ask('GET /', host)).status, host).toBe(421)
    expect((await ask('GET /', '')).status).toBe(400)
  }
)

test('a port in use is an error', async () => {
  await expect(serve(new Map(), running.port)).rejects.toThrow(/EADDRINUSE/)
})
