// The page of traces in Chromium: a recording of 144 MB (r02 of ../shared/data twice) dropped with its kernel log, and
// questions about it, beside the command line. Goals: 1.5 times its time, 256 MiB, first picture 300 ms, no frame over
// 50 ms, an answer 400 ms. Each round is a page of its own, whose renderer alone is measured. `--rounds N` (5);
// `--large`: once more with 2 GiB of events; `--site DIR`: a site that is built already. Needs Debian's chromium.
import { execFileSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { performance } from 'node:perf_hooks'
import { pathToFileURL } from 'node:url'
import { gunzipSync } from 'node:zlib'
import type { Browser, Page } from 'playwright-core'
import { serve, servedFiles } from '../src/cli/web-server.ts'

const CHROMIUM = '/usr/bin/chromium'
const RECORDING = '../shared/data/traces/r02-force-mixed'
const say = (text: string): void => {
  process.stdout.write(`${text}\n`)
}
const option = (name: string): string | null => {
  const at = process.argv.indexOf(name)
  return at < 0 ? null : (process.argv[at + 1] ?? '')
}
// By name at run time: these are not bundled into the benchmark.
const load = (name: string): Promise<unknown> => import(name)

/** Renderers on this machine, by process id: most memory ever, MiB. */
function renderers(): Map<string, number> {
  const out = new Map<string, number>()
  for (const p of readdirSync('/proc').filter((n) => /^\d+$/.test(n))) {
    try {
      if (!readFileSync(`/proc/${p}/cmdline`, 'utf8').includes('--type=renderer')) continue
      out.set(p, Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${p}/status`, 'utf8'))?.[1] ?? 0) / 1024)
    } catch {
      // It has ended.
    }
  }
  return out
}

const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[list.length >> 1] ?? Number.NaN
const marked = (page: Page, name: string): Promise<unknown> =>
  page.waitForFunction((n) => performance.getEntriesByName(n).length > 0, name, { timeout: 600_000 })
// As text: the types of this benchmark are Node's.
const evaluated = (page: Page, code: string): Promise<number> => page.evaluate(code).then(Number)

/** r02 so many times, 30 seconds apart, as a file. */
function written(path: string, times: number): void {
  const once = gunzipSync(readFileSync(join(RECORDING, 'trace.txt.gz')))
  const head = once.indexOf('\n', once.lastIndexOf('#', 4096)) + 1
  writeFileSync(path, once)
  const body = once.subarray(head).toString('latin1')
  for (let i = 1; i < times; i++)
    appendFileSync(
      path,
      body.replace(/ (\d+)\.(\d{6}):/g, (_, s: string, us: string) => ` ${Number(s) + 30 * i}.${us}:`),
      'latin1'
    )
}

interface Round {
  readonly first: number
  readonly read: number
  readonly worst: number
  readonly late: number
  readonly memory: number
}

const FRAMES =
  'globalThis.frames = []; let last = performance.now(); (function frame() { const now = performance.now(); ' +
  'globalThis.frames.push(now - last); last = now; requestAnimationFrame(frame) })()'

async function dropped(browser: Browser, url: string, files: string[]): Promise<{ page: Page; round: Round }> {
  const others = renderers()
  const page = await browser.newContext().then((c) => c.newPage())
  await page.goto(`${url}replay.html`)
  await page.waitForTimeout(1500)
  await page.evaluate(FRAMES)
  await page.locator('input[type=file]').setInputFiles(files)
  await marked(page, 'done')
  await page.waitForTimeout(300)
  const [open = 0, part = 0, end = 0] = (await page.evaluate(
    "['open', 'part', 'done'].map((n) => performance.getEntriesByName(n)[0].startTime)"
  )) as number[]
  return {
    page,
    round: {
      first: part - open,
      read: end - open,
      worst: await evaluated(page, 'Math.max(...frames)'),
      late: await evaluated(page, 'frames.filter((f) => f > 50).length'),
      memory: Math.max(...[...renderers()].filter(([p]) => !others.has(p)).map(([, m]) => m))
    }
  }
}

/** Milliseconds to the answers of sliders, one after the other. */
async function answers(page: Page): Promise<number[]> {
  const out: number[] = []
  for (const [slider, key] of [
    [0, 'ArrowLeft'],
    [0, 'ArrowLeft'],
    [1, 'ArrowRight'],
    [0, 'Home'],
    [0, 'ArrowRight']
  ] as const) {
    await page.evaluate("performance.clearMarks('answer'); performance.clearMarks('ask')")
    await page.locator('.ask input[type=range]').nth(slider).focus()
    await page.keyboard.press(key)
    await marked(page, 'answer')
    out.push(
      await evaluated(
        page,
        "performance.getEntriesByName('answer')[0].startTime - performance.getEntriesByName('ask')[0].startTime"
      )
    )
  }
  return out
}

async function rounds(browser: Browser, url: string, dir: string): Promise<void> {
  const [trace, log] = [join(dir, 'trace.txt'), join(RECORDING, 'dmesg.txt')]
  written(trace, 2)
  const all: Round[] = []
  const lines: number[] = []
  const asked: number[] = []
  for (let i = 0; i < Number(option('--rounds') ?? 5); i++) {
    const { page, round } = await dropped(browser, url, [trace, log])
    all.push(round)
    await page.waitForTimeout(5000)
    asked.push(...(await answers(page)))
    await page.context().close()
    const began = performance.now()
    execFileSync('./tbit', ['replay', trace, '--dmesg', log], { stdio: 'ignore' })
    lines.push(performance.now() - began)
  }
  const of = (key: keyof Round): number[] => all.map((r) => r[key])
  const said = (list: number[], digits = 0): string =>
    `${median(list).toFixed(digits)} (${Math.min(...list).toFixed(digits)} to ${Math.max(...list).toFixed(digits)})`
  say(`144 MB dropped, medians of ${all.length} rounds (least to most):`)
  say(`  first picture ${said(of('first'))} ms; read in ${said(of('read'))} ms, tbit replay ${said(lines)} ms`)
  say(`  worst frame ${said(of('worst'))} ms; frames over 50 ms: ${of('late').join(' ')}`)
  say(`  renderer, most memory ${said(of('memory'))} MiB`)
  say(`  a slider to its answer ${said(asked)} ms`)
}

async function large(browser: Browser, url: string, dir: string): Promise<void> {
  const trace = join(dir, 'large.txt')
  written(trace, 31)
  const { page, round } = await dropped(browser, url, [trace, join(RECORDING, 'dmesg.txt')])
  say(
    `2 GiB of events: ${await page.locator('.soft', { hasText: 'DMA events in' }).textContent()}; worst frame ` +
      `${round.worst.toFixed(0)} ms, ${round.late} over 50 ms, renderer ${round.memory.toFixed(0)} MiB`
  )
  await page.context().close()
}

async function main(): Promise<void> {
  const missing = [CHROMIUM, RECORDING].find((f) => !existsSync(f))
  if (missing !== undefined) return say(`skipped: no ${missing}`)
  say(`# ${cpus()[0]?.model ?? 'cpu'} x ${cpus().length}, node ${process.version}, load ${loadavg()[0]?.toFixed(1)}`)
  const site = resolve(option('--site') ?? 'bench/out/site')
  if (option('--site') === null) {
    const { buildWeb } = (await load(pathToFileURL(join(process.cwd(), 'scripts/build-web.mjs')).href)) as {
      buildWeb(o: object): Promise<unknown>
    }
    await buildWeb({ out: site, only: [resolve('litmus/races')] })
  }
  const { chromium } = (await load('playwright-core')) as typeof import('playwright-core')
  const { server, port } = await serve(servedFiles(site), 0)
  const url = `http://127.0.0.1:${port}/`
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
  say(`Chromium ${browser.version()}`)
  const dir = mkdtempSync(join(tmpdir(), 'tbit-bench-'))
  try {
    await rounds(browser, url, dir)
    if (process.argv.includes('--large')) await large(browser, url, dir)
  } finally {
    rmSync(dir, { recursive: true, force: true })
    await browser.close()
    server.closeAllConnections()
    server.close()
  }
}
await main()
