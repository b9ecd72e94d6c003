// The site in Chromium: from an edit to its painted verdict, Stop, a step of the player, and the library run again in
// the page beside Node's run of it (the same bundle's). Goals: 25 ms for one pair, 70 ms for 10,000 states, a step
// under 8 ms (p95), Stop under 150 ms, the library within twice Node's time. `--site DIR`: a site that is built
// already. Needs Debian's chromium.
import { existsSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join, resolve } from 'node:path'
import { performance } from 'node:perf_hooks'
import { pathToFileURL } from 'node:url'
import type { Page } from 'playwright-core'
import { serve, servedFiles } from '../src/cli/web-server.ts'
import type { Recorded } from '../src/web/static/record.ts'

const say = (text: string): void => {
  process.stdout.write(`${text}\n`)
}
const CHROMIUM = '/usr/bin/chromium'
if (!existsSync(CHROMIUM)) {
  say(`skipped: no ${CHROMIUM}`)
  process.exit(0)
}
say(`# ${cpus()[0]?.model ?? 'cpu'} x ${cpus().length}, node ${process.version}`)

const at = process.argv.indexOf('--site')
const dir = resolve(at < 0 ? 'bench/out/site' : (process.argv[at + 1] ?? ''))
// By name at run time: these are not bundled into the benchmark.
const load = (name: string): Promise<unknown> => import(name)
if (at < 0) {
  const { buildWeb } = (await load(pathToFileURL(join(process.cwd(), 'scripts/build-web.mjs')).href)) as {
    buildWeb(o: object): Promise<{ pages: number }>
  }
  const began = performance.now()
  const { pages } = await buildWeb({ out: dir, say: (line: string) => say(`build: ${line}`) })
  say(`build: ${pages} pages, ${((performance.now() - began) / 1000).toFixed(1)} s`)
}
const { chromium } = (await load('playwright-core')) as typeof import('playwright-core')
const { server, port } = await serve(servedFiles(dir), 0)
const url = `http://127.0.0.1:${port}/`
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
say(`Chromium ${browser.version()}`)

function quantiles(list: readonly number[]): string {
  const sorted = [...list].sort((a, b) => a - b)
  const q = (p: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] as number).toFixed(1)
  return `median ${q(0.5)} ms, p95 ${q(0.95)} ms of ${sorted.length}`
}
const measured = (page: Page, name: string): Promise<number> =>
  page
    .waitForFunction((n) => performance.getEntriesByName(n, 'measure').at(-1)?.duration, name)
    .then((h) => h.jsonValue())
    .then(Number)

/** `text`: put in the place of the test's own, for the same pair. */
async function edits(what: string, test: string, kernel: string, platform: string, text?: string): Promise<void> {
  const page = await browser.newPage()
  await page.goto(`${url}playground.html#v1&test=${test}&kernel=${encodeURIComponent(kernel)}&platform=${platform}`)
  await page.locator('.verdict').waitFor()
  await page.locator('.cm-content').click()
  let said = test
  if (text !== undefined) {
    await page.keyboard.press('Control+a')
    await page.keyboard.insertText(text)
    const verdict = await page.locator('.verdict', { hasText: STATES }).textContent()
    said = STATES.exec(verdict ?? '')?.[0] ?? ''
  }
  await page.keyboard.press('Control+End')
  const times: number[] = []
  for (let i = 0; i < 40; i++) {
    await page.evaluate(() => performance.clearMeasures())
    await page.keyboard.type(i % 2 === 0 ? '#' : ' ')
    times.push(await measured(page, 'edit to verdict'))
  }
  say(`edit to painted verdict, ${what} (${said}): ${quantiles(times)}`)
  await page.close()
}

/** Two threads that map, read, unmap and free beside one that accepts: a little more than 10,000 states. */
const STATES = /1\d,\d{3} states/
const user = (t: string, more: number): string =>
  `thread t${t} {\n  p = alloc_page()\n  h = dma_map_single(nic, p, TO_DEVICE)\n  dev_read(nic, h)\n  ` +
  `dma_unmap_single(nic, h)\n  free_page(p)\n${'  q = alloc_page()\n  free_page(q)\n'.repeat(more)}}\n`
const interleaved =
  'litmus interleaved "x"\nplatform arm-cca\nkernel rfc-v1\ndevice nic { tdisp }\ninit { tsm_lock(nic) }\n' +
  `${user('1', 1)}${user('2', 2)}thread admin { tsm_accept(nic) }\n`

const record = JSON.parse(readFileSync(join(dir, 'app/verdicts.json'), 'utf8')) as Recorded
const near = [...record.runs].sort((a, b) => Math.abs(a[5] - 10_000) - Math.abs(b[5] - 10_000))[0]
await edits('one pair', 'alloc-while-accepted', 'rfc-v1-05', 'arm-cca')
await edits('interleavings', 'alloc-while-accepted', 'rfc-v1-05', 'arm-cca', interleaved)
if (near !== undefined)
  await edits(
    `one thread whose conversions may fail, ${near[5]} states`,
    record.tests[near[0]] as string,
    record.kernels[near[1]] as string,
    record.platforms[near[2]] as string
  )

const page = await browser.newPage()
await page.goto(`${url}playground.html#v1&test=alloc-while-accepted&kernel=rfc-v1-05&platform=arm-cca&finding=fault`)
await page.locator('.player svg').waitFor()
// As text: the types of this benchmark are Node's.
const steps = (await page.evaluate(`Array.from({ length: 200 }, (_, i) => {
  const from = performance.now()
  document.dispatchEvent(new KeyboardEvent('keydown', { key: i % 24 < 12 ? 'k' : 'j' }))
  document.querySelector('.player').getBoundingClientRect()
  return performance.now() - from
})`)) as number[]
say(`a step of the player, with layout: ${quantiles(steps)}`)

const threads = Array.from(
  { length: 5 },
  (_, i) =>
    `thread t${i} {\n  p = alloc_page()\n  h = dma_map_single(nic, p, TO_DEVICE)\n  dev_read(nic, h)\n  ` +
    'dma_unmap_single(nic, h)\n  free_page(p)\n}'
)
const explodes =
  'litmus explodes "x"\nplatform arm-cca\nkernel rfc-v1\ndevice nic { tdisp }\ninit { tsm_lock(nic) }\n' +
  `${threads.join('\n')}\nthread admin { tsm_accept(nic) }\n`
const stops: number[] = []
for (let i = 0; i < 10; i++) {
  await page.locator('.cm-content').click()
  await page.keyboard.press('Control+a')
  await page.keyboard.insertText(`${explodes}# ${i}\n`)
  await page.locator('.doing', { hasText: 'states' }).waitFor()
  await page.evaluate(() => performance.clearMeasures())
  await page.getByRole('button', { name: 'Stop' }).click()
  stops.push(await measured(page, 'stop to found'))
}
say(`Stop to what was found: ${quantiles(stops)}`)
await page.close()

const verify = await browser.newPage()
await verify.goto(`${url}verify.html`)
await verify.getByRole('button', { name: 'Verify' }).click()
await verify.getByRole('status').filter({ hasText: ' in ' }).waitFor({ timeout: 600_000 })
say(`the library in the page: ${await verify.getByRole('status').textContent()}`)
for (const d of (await verify.locator('main li').allTextContents()).slice(0, 10)) say(`  different: ${d}`)
await browser.close()
server.closeAllConnections()
server.close()
