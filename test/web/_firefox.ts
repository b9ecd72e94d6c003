// The site in Debian's Firefox, which speaks no protocol of ours: a page of the test's own server opens each view in a
// frame, does what a reader would, and posts what it saw. What a view says on its console is kept by a script that
// stands before all of its own.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import { servedFiles } from '../../src/cli/web-server.ts'
import { discard, newFolder } from '../scratch.ts'

const FIREFOX = ['/usr/bin/firefox-esr', '/usr/bin/firefox'].find((p) => existsSync(p))
/** Why the tests are skipped; empty where they run. */
export const noFirefox = FIREFOX === undefined ? ' (skipped: no firefox-esr here)' : ''

/** A view, and what is done in it. */
export interface FirefoxView {
  readonly path: string
  /**
   * The body of an async function of (w, wait, file): the view's window; wait(selector, text) answers the
   * element when it is there; file(name) one of `beside`. What it answers is what is seen.
   */
  readonly does: string
}
export interface FirefoxSaw {
  readonly path: string
  readonly saw: unknown
  /** Errors and warnings of its console, refusals of its policy, what was thrown. */
  readonly said: readonly string[]
}

const SPY = `(() => {
  const said = (globalThis.said = [])
  for (const kind of ['error', 'warn']) console[kind] = (...a) => said.push(kind + ': ' + a.map(String).join(' '))
  addEventListener('error', (e) => said.push('error: ' + (e.message ?? e.target?.src ?? e.target?.href)), true)
  addEventListener('unhandledrejection', (e) => said.push('rejected: ' + e.reason))
  addEventListener('securitypolicyviolation', (e) => said.push('refused: ' + e.violatedDirective + ' ' + e.blockedURI))
})()`

const DRIVER = `<!doctype html><title>driver</title><body><script>
const pause = () => new Promise((then) => setTimeout(then, 50))
async function open({ path, does }) {
  const frame = document.createElement('iframe')
  frame.style.cssText = 'width:1280px;height:800px;border:0'
  frame.src = '/' + path
  document.body.replaceChildren(frame)
  await new Promise((then) => { frame.onload = then })
  const w = frame.contentWindow
  const wait = async (selector, text = '') => {
    for (const from = performance.now(); performance.now() - from < LONGEST; await pause()) {
      const found = [...w.document.querySelectorAll(selector)].find((e) => e.textContent.includes(text))
      if (found !== undefined) return found
    }
    throw new Error('not there: ' + selector + ' ' + text + '; but: ' + w.document.body.innerText.slice(0, 400))
  }
  const file = async (name) => new w.File([await (await fetch('/beside/' + name)).arrayBuffer()], name)
  let saw
  // Without the spy it is no page of the site.
  w.said ??= ['no such page']
  try {
    saw = await new Function('w', 'wait', 'file', 'return (async () => {' + does + '})()')(w, wait, file)
  } catch (e) {
    w.said.push('failed: ' + e)
  }
  return { path, saw, said: w.said }
}
const answers = []
for (const view of await (await fetch('/views')).json())
  answers.push(await open(view).catch((e) => ({ path: view.path, said: ['failed: ' + e] })))
await fetch('/seen', { method: 'POST', body: JSON.stringify(answers) })
</script>`.replace('<script>', '<script type="module">')

/** What no first start of a browser needs: pages of its own, and the network. */
const PREFERENCES = Object.entries({
  'browser.aboutwelcome.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.homepage_override.mstone': 'ignore',
  'app.normandy.enabled': false,
  'app.update.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'extensions.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'data:,',
  'toolkit.telemetry.enabled': false
})

function answer(r: ServerResponse, type: string, body: string | Uint8Array): void {
  r.writeHead(200, { 'content-type': type, 'cache-control': 'no-cache' })
  r.end(body)
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.svg': 'image/svg+xml'
}

function serveFor(
  dir: string,
  views: readonly FirefoxView[],
  beside: ReadonlyMap<string, string>,
  longest: number,
  seen: (saw: FirefoxSaw[]) => void
): Server {
  const files = servedFiles(dir)
  return createServer((q, r) => {
    const path = decodeURIComponent((q.url ?? '/').split(/[?#]/)[0] ?? '')
    const [file, given] = [files.get(path), beside.get(path.replace('/beside/', ''))]
    if (path === '/driver.html') return answer(r, TYPES['.html'] as string, DRIVER.replace('LONGEST', String(longest)))
    if (path === '/spy.js') return answer(r, TYPES['.js'] as string, SPY)
    if (path === '/views') return answer(r, TYPES['.json'] as string, JSON.stringify(views))
    if (given !== undefined) return answer(r, 'application/octet-stream', readFileSync(given))
    if (q.method === 'POST') {
      const parts: Buffer[] = []
      q.on('data', (c: Buffer) => parts.push(c))
      q.on('end', () => {
        answer(r, 'text/plain', '')
        seen(JSON.parse(Buffer.concat(parts).toString('utf8')) as FirefoxSaw[])
      })
      return
    }
    if (file === undefined) {
      // Firefox puts a page of its own, of another origin, in the place of an empty one.
      r.writeHead(404, { 'content-type': 'text/plain' })
      return r.end('no such page')
    }
    const type = TYPES[extname(file)] ?? 'text/plain'
    if (!file.endsWith('.html')) return answer(r, type, readFileSync(file))
    answer(r, type, readFileSync(file, 'utf8').replace('<head>', '<head><script src="/spy.js"></script>'))
  })
}

/**
 * What Firefox sees of these views, one after the other. `beside`: files that a view may ask for, by name; `longest`:
 * milliseconds that a view waits for one thing.
 */
export async function inFirefox(
  dir: string,
  views: readonly FirefoxView[],
  beside: ReadonlyMap<string, string> = new Map(),
  longest = 60_000
): Promise<FirefoxSaw[]> {
  const profile = newFolder('firefox')
  writeFileSync(
    join(profile, 'user.js'),
    PREFERENCES.map(([name, v]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(v)});\n`).join('')
  )
  let server: Server | null = null
  let firefox: ChildProcess | null = null
  try {
    return await new Promise<FirefoxSaw[]>((seen, failed) => {
      server = serveFor(dir, views, beside, longest, seen)
      server.listen(0, '127.0.0.1', () => {
        const { port } = (server as Server).address() as AddressInfo
        firefox = spawn(
          FIREFOX as string,
          ['--headless', '--no-remote', '--profile', profile, `http://127.0.0.1:${port}/driver.html`],
          { env: { ...process.env, HOME: profile }, stdio: ['ignore', 'ignore', 'pipe'], detached: true }
        )
        let said = ''
        firefox.stderr?.on('data', (c: Buffer) => {
          said = `${said}${c.toString()}`.slice(-2000)
        })
        firefox.on('error', failed)
        setTimeout(() => failed(new Error(`Firefox has not answered: ${said}`)), longest * (views.length + 1)).unref()
        process.once('exit', () => kill(firefox))
        firefox.on('exit', (code) => failed(new Error(`Firefox has ended with ${code}: ${said}`)))
      })
    })
  } finally {
    await ended(firefox)
    ;(server as Server | null)?.closeAllConnections()
    ;(server as Server | null)?.close()
    discard(profile)
  }
}

/** Firefox and its own processes. */
async function ended(firefox: ChildProcess | null): Promise<void> {
  if (firefox?.pid === undefined || firefox.exitCode !== null || firefox.signalCode !== null) return
  const gone = new Promise((then) => firefox.once('exit', then))
  kill(firefox)
  await gone
}

function kill(firefox: ChildProcess | null): void {
  if (firefox?.pid === undefined || firefox.exitCode !== null || firefox.signalCode !== null) return
  process.kill(-firefox.pid, 'SIGKILL')
}
