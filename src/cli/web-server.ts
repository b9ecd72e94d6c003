// Serves a folder that was built, on the loopback and to nobody else's pages: what is not in the list of its files is
// not served, whatever the address says; a request that names another host (a name rebound to this machine) is refused;
// every answer carries the policy.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { APP_POLICY } from '../report/html.ts'

/** No page of ours stands in a frame of somebody else's. */
export const SERVED_POLICY = `${APP_POLICY}; frame-ancestors 'none'`

const KINDS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    '.html': 'text/html; charset=utf-8',
    '.css': 'text/css; charset=utf-8',
    '.js': 'text/javascript; charset=utf-8',
    '.json': 'application/json',
    '.litmus': 'text/plain; charset=utf-8',
    '.svg': 'image/svg+xml',
    '.txt': 'text/plain; charset=utf-8'
  })
)

const HEADERS = {
  'content-security-policy': SERVED_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-cache'
}

/**
 * Plain files below a folder by their address; what is a link, or begins with a dot, is none of the site. @throws Error
 * where the folder cannot be read
 */
export function servedFiles(dir: string, at = ''): Map<string, string> {
  const out = new Map<string, string>()
  for (const e of readdirSync(join(dir, at), { withFileTypes: true })) {
    if (e.name.startsWith('.')) continue
    const path = at === '' ? e.name : `${at}/${e.name}`
    if (e.isDirectory()) for (const [k, v] of servedFiles(dir, path)) out.set(k, v)
    else if (e.isFile() && KINDS.has(extname(e.name))) out.set(`/${path}`, join(dir, path))
  }
  return out
}

/** The address that a request asks for; null for one that cannot be read. */
function pathOf(url: string): string | null {
  try {
    const path = decodeURIComponent(url.split(/[?#]/)[0] ?? '')
    return path.endsWith('/') ? `${path}index.html` : path
  } catch {
    return null
  }
}

function answer(
  files: ReadonlyMap<string, string>,
  hosts: ReadonlySet<string>,
  q: IncomingMessage,
  r: ServerResponse
): void {
  const say = (status: number, text: string): void => {
    r.writeHead(status, { ...HEADERS, 'content-type': 'text/plain; charset=utf-8' }).end(
      q.method === 'HEAD' ? '' : `${text}\n`
    )
  }
  if (!hosts.has((q.headers.host ?? '').toLowerCase())) {
    say(421, 'this server answers to 127.0.0.1 and localhost only')
    return
  }
  if (q.method !== 'GET' && q.method !== 'HEAD') {
    say(405, 'only GET and HEAD')
    return
  }
  const path = pathOf(q.url ?? '/')
  const file = path === null ? undefined : files.get(path)
  if (file === undefined) {
    say(404, 'there is no such page')
    return
  }
  let data: Buffer
  try {
    data = readFileSync(file)
  } catch {
    say(404, 'this page is gone: the folder was built anew; start tbit ui again')
    return
  }
  const packs = data.length > PACKED_FROM && takesGzip(q.headers['accept-encoding'])
  const sent = packs ? gzipSync(data) : data
  r.writeHead(200, {
    ...HEADERS,
    'content-type': KINDS.get(extname(file)) ?? 'application/octet-stream',
    'content-length': sent.length,
    vary: 'accept-encoding',
    ...(packs ? { 'content-encoding': 'gzip' } : {})
  }).end(q.method === 'HEAD' ? undefined : sent)
}

/** A browser that sits at the other end of a tunnel gets a quarter of the bytes; what fits a packet stays as it is. */
const PACKED_FROM = 1400
const takesGzip = (accepts: string | string[] | undefined): boolean =>
  String(accepts ?? '')
    .toLowerCase()
    .split(',')
    .some((one) => {
      const [name, quality] = one.split(';').map((part) => part.trim())
      return (name === 'gzip' || name === '*') && Number(quality?.slice('q='.length) ?? 1) > 0
    })

/** Listens on the loopback; `port` 0: one that is free. Answers the server and its port. */
export function serve(
  files: ReadonlyMap<string, string>,
  port: number
): Promise<{ readonly server: Server; readonly port: number }> {
  return new Promise((resolve, reject) => {
    const hosts = new Set<string>()
    const server = createServer((q, r) => answer(files, hosts, q, r))
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const at = server.address()
      const got = at !== null && typeof at === 'object' ? at.port : port
      for (const name of ['127.0.0.1', 'localhost']) hosts.add(`${name}:${got}`)
      // A browser leaves the port out where it is the usual one.
      if (got === 80) for (const name of ['127.0.0.1', 'localhost']) hosts.add(name)
      resolve({ server, port: got })
    })
  })
}
