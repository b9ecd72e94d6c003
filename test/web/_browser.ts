// A real Chromium over the built site, served as `tbit ui` serves it.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import axe from 'axe-core'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { expect } from 'vitest'
import { serve, servedFiles } from '../../src/cli/web-server.ts'

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((p) => existsSync(p))
/** Why the tests are skipped; empty where they run. */
export const reason = CHROMIUM === undefined ? ' (skipped: no chromium here)' : ''

export interface Served {
  readonly url: string
  readonly browser: Browser
  open(path: string, o?: BrowserContextOptions): Promise<Page>
  close(): Promise<void>
}

/** What a page said that it should not; checked when the test closes the page. */
const said = new WeakMap<Page, string[]>()

export async function servedSite(dir: string): Promise<Served> {
  const { server, port } = await serve(servedFiles(dir), 0)
  const browser = await chromium.launch({
    executablePath: CHROMIUM as string,
    args: ['--no-sandbox', '--js-flags=--expose-gc']
  })
  const url = `http://127.0.0.1:${port}/`
  return {
    url,
    browser,
    async open(path, o = {}) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...o })
      const page = await context.newPage()
      const list: string[] = []
      said.set(page, list)
      page.on('console', (m) => {
        if (m.type() === 'error' || m.type() === 'warning') list.push(m.text())
      })
      page.on('pageerror', (e) => {
        list.push(e.message)
      })
      await page.goto(path.includes('://') ? path : url + path)
      return page
    },
    async close() {
      await browser.close()
      server.closeAllConnections()
      server.close()
    }
  }
}

export const errorsOf = (page: Page): readonly string[] => said.get(page) ?? []

/** Closes the page; nothing was written to its console. */
export async function done(page: Page): Promise<void> {
  expect(errorsOf(page), page.url()).toEqual([])
  await page.context().close()
}

/** No violation of the accessibility rules, and nothing wider than the screen. */
export async function accessible(page: Page): Promise<void> {
  await page.evaluate(axe.source)
  const found = await page.evaluate(async () => {
    // The size of what a finger hits is off by default.
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run({
      rules: { 'target-size': { enabled: true } }
    })
    return violations.map(
      (v) =>
        `${v.id}: ${v.nodes
          .slice(0, 3)
          .map((n) => n.html.slice(0, 160))
          .join(' | ')}`
    )
  })
  expect(found, page.url()).toEqual([])
  const [wide, screen] = (await page.evaluate('[document.documentElement.scrollWidth, innerWidth]')) as [number, number]
  expect(wide, `${page.url()} scrolls sideways`).toBeLessThanOrEqual(screen)
}

/** What the browser itself finds wrong with a page, and how far its parts move while it comes (layout shift). */
export async function audited(web: Served, path: string, width: number): Promise<{ issues: string[]; shift: number }> {
  const context = await web.browser.newContext({ viewport: { width, height: 800 } })
  const page = await context.newPage()
  const issues: string[] = []
  const cdp = await context.newCDPSession(page)
  cdp.on('Audits.issueAdded', ({ issue }) => {
    issues.push(issue.details.genericIssueDetails?.errorType ?? issue.code)
  })
  await cdp.send('Audits.enable')
  await page.addInitScript(() => {
    const at = globalThis as unknown as { shift: number }
    at.shift = 0
    new PerformanceObserver((list) => {
      for (const e of list.getEntries()) at.shift += (e as unknown as { value: number }).value
    }).observe({ type: 'layout-shift' as 'mark', buffered: true })
  })
  await page.goto(web.url + path, { waitUntil: 'networkidle' })
  // What comes last is the editor, or the first answer of a worker.
  await page.locator('#app > p:only-child').waitFor({ state: 'detached' })
  if (path.startsWith('playground')) await page.locator('.cm-content').waitFor()
  await page.waitForTimeout(500)
  const shift = (await page.evaluate('shift')) as number
  await context.close()
  return { issues, shift }
}

/** Most memory that a renderer of a Chromium of this process ever had, MiB. */
export function renderersPeak(): number {
  const status = (pid: string, key: string): number => {
    try {
      return Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
    } catch {
      return 0
    }
  }
  const ours = (pid: string): boolean => {
    for (let p = Number(pid); p > 1; p = status(String(p), 'PPid')) if (p === process.pid) return true
    return false
  }
  const renders = (pid: string): boolean => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--type=renderer')
    } catch {
      return false
    }
  }
  const pids = readdirSync('/proc').filter((p) => /^\d+$/.test(p) && renders(p) && ours(p))
  return Math.max(0, ...pids.map((p) => status(p, 'VmHWM') / 1024))
}
