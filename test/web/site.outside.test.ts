// The site: every page and every link of it as files, then every view of it in a real Chromium.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Plugin } from 'esbuild'
import type { Page } from 'playwright-core'
import { decodeShare } from '../../src/base/share.ts'
import { parse } from '../../src/litmus/index.ts'
import { checkTest, pairsOf } from '../../src/check/index.ts'
import { functionsOf, type Recorded } from '../../src/web/static/record.ts'
// @ts-expect-error: a script without types
import { lighter, pageSizes } from '../../scripts/build-web.mjs'
import { accessible, audited, done, errorsOf, reason, type Served, servedSite } from './_browser.ts'
import { inFirefox, noFirefox } from './_firefox.ts'
import { planTests } from './_plan.ts'
import { replayTests, verdictOf } from './_replay.ts'
import { type Built, builtSite, filesOf, HUNTED } from './_site.ts'

let site: Built
let web: Served
beforeAll(async () => {
  site = await builtSite()
  if (reason === '') web = await servedSite(site.dir)
})
afterAll(async () => {
  if (reason === '') await web.close()
  site.remove()
})

const html = (): string[] => filesOf(site.dir).filter((f) => f.endsWith('.html'))
const read = (path: string): string => readFileSync(join(site.dir, path), 'utf8')

test('every link of every page is relative and leads to a page, and to a place in it', () => {
  const ids = new Map<string, Set<string>>()
  const idsOf = (path: string): Set<string> => {
    if (!ids.has(path)) ids.set(path, new Set([...read(path).matchAll(/ id="([^"]+)"/g)].map((m) => m[1] as string)))
    return ids.get(path) as Set<string>
  }
  let links = 0
  for (const page of html()) {
    for (const [, to = ''] of read(page).matchAll(/(?:href|src)="([^"]+)"/g)) {
      if (/^https:\/\//.test(to)) {
        expect(page, to).toMatch(/^(?:docs|litmus|[A-Z]+\.html)/)
        continue
      }
      const [file = '', hash] = to.split('#')
      expect(file, `${page}: ${to}`).not.toMatch(/^[/\\]|:/)
      const path = file === '' ? page : normalize(join(dirname(page), decodeURI(file)))
      expect(existsSync(join(site.dir, path)), `${page}: ${to}`).toBe(true)
      if (hash !== undefined && !/^(?:v1|s\d)/.test(hash) && path.endsWith('.html'))
        expect(idsOf(path).has(hash), `${page}: ${to}`).toBe(true)
      links++
    }
  }
  expect(links).toBeGreaterThan(3000)
})

test('every finding of a saved hunt is a page: its trigger, its test, the commands, what the cause does beside', () => {
  const { findings } = JSON.parse(readFileSync(HUNTED, 'utf8')) as { findings: Array<Record<string, string>> }
  const pages = html().filter((f) => f.startsWith('h/rfc-v1/arm-cca/'))
  expect(pages.length).toBe(findings.length)
  for (const [i, path] of pages.sort().entries()) {
    const page = read(path)
    const finding = findings.find((f) => path.includes(String(f['id']).replaceAll('/', '-'))) as Record<string, string>
    expect(page, path).toContain(`triggered by ${finding['trigger']}`)
    expect(page).toContain('<svg')
    expect(page).toContain('<h2>Also by</h2>')
    expect(page).toContain('tbit hunt --kernel rfc-v1 --platform arm-cca --interleave calls')
    expect(page).toMatch(/tbit (?:check|run) device-breaks-[\w-]+\.litmus/)
    expect(read(path.replace('.html', '.litmus')), String(i)).toBe(finding['litmus'])
  }
  expect(read('hunt.html')).not.toContain('without a link')
})

test('every page has a policy, no script or style of its own, a title, a language, one first heading', () => {
  for (const page of html()) {
    const text = read(page)
    expect(text, page).toMatch(/^<!doctype html>\n<html lang="en">/)
    expect(text, page).toContain('default-src &#39;none&#39;')
    expect(text, page).not.toMatch(/<script(?![^>]* src=)|<style|\son[a-z]+="|javascript:/)
    // The style of a page that stands alone allows attributes; these pages have a style sheet alone.
    expect(text.replace(/<svg[\s\S]*?<\/svg>/g, ''), page).not.toMatch(/\sstyle="/)
    expect(text.match(/<h1/g)?.length, page).toBe(1)
    expect(text, page).toMatch(/<title>[^<]+<\/title>/)
    expect(text, page).toMatch(/<meta name="description" content="[^"]+">/)
    if (/^(?:f|t|at|diff)\//.test(page)) expect(text, page).not.toMatch(/undefined|\[object|NaN/)
  }
})

test('a page a finding, a test, a pair of revisions; the matrix counts what the lists have', () => {
  const pages = html()
  expect(pages.filter((p) => p.startsWith('f/')).length).toBeGreaterThan(20)
  expect(pages).toContain('t/alloc-while-accepted.html')
  expect(pages).toContain('diff/tio-v2--cc-v4.html')
  const cells = [...read('index.html').matchAll(/href="(at\/[^"]+)">(\d+)</g)]
  expect(cells.length).toBeGreaterThan(40)
  for (const [, path = '', n] of cells) expect(read(path).match(/class="family"/g)?.length ?? 0, path).toBe(Number(n))
  expect(read('diff/tio-v2--cc-v4.html')).toContain('because of <code>')
  expect(read('index.html')).toContain('class="cursor"')
})

test('what a reader is sent grows by no more than 2 % unnoticed (UPDATE_SIZES=1 records what is)', () => {
  const now: Record<string, number> = pageSizes(site.dir)
  const path = 'bench/web-size.json'
  if (process.env['UPDATE_SIZES'] === '1')
    writeFileSync(
      path,
      JSON.stringify(
        {
          what: "compressed bytes of what each page of the tests' small site needs (gzip -9, each file on its own)",
          sizes: now
        },
        null,
        1
      ) + '\n'
    )
  const { sizes } = JSON.parse(readFileSync(path, 'utf8')) as { sizes: Record<string, number> }
  expect(Object.keys(now)).toEqual(Object.keys(sizes))
  for (const [name, bytes] of Object.entries(now))
    expect(bytes, `${name}: recorded ${sizes[name]}`).toBeLessThanOrEqual((sizes[name] ?? 0) * 1.02)
  // what was recorded may grow by and by; the aims do not
  for (const [name, kib] of Object.entries(MOST_KIB)) expect(now[name], name).toBeLessThanOrEqual(kib * 1024)
})

/** Aims for what a page needs until it stands, compressed. */
const MOST_KIB = {
  'finding, the largest, without script': 15,
  'first screen': 25,
  'player, with the largest finding': 35,
  playground: 230
}

test('meanings that are fetched behind the editor are those of the language, at every place of a test', async () => {
  const esbuild = await import('esbuild')
  const both = [
    "import { decisionTable } from '../../kernel/revisions/index.ts'",
    "import { hover } from '../../litmus/assist.ts'",
    "import { complete } from '../../litmus/complete.ts'",
    "import * as vocabulary from '../../litmus/vocabulary.ts'",
    'export const tables = JSON.stringify([vocabulary, decisionTable])',
    'export const said = (t) => JSON.stringify([...t].map((_, i) => [hover(t, i), complete(t, i)]))'
  ].join('\n')
  const built = async (contents: string, plugins: Plugin[]) => {
    const { outputFiles } = await esbuild.build({
      stdin: { contents, loader: 'ts', resolveDir: join(process.cwd(), 'src/web/app') },
      bundle: true,
      format: 'esm',
      write: false,
      plugins
    })
    return (await import(
      `data:text/javascript;base64,${Buffer.from(outputFiles[0]?.text ?? '').toString('base64')}`
    )) as {
      tables: string
      said(text: string): string
    }
  }
  const text = readFileSync('litmus/races/alloc-while-accepted.litmus', 'utf8')
  const [page, plain] = [await built(`import 'meanings-told'\n${both}`, [lighter(esbuild)]), await built(both, [])]
  expect(page.tables.match(/"does":"[^"]/g)?.length).toBeGreaterThan(200)
  expect(page.tables).toBe(plain.tables)
  expect(page.said(text)).toBe(plain.said(text))
})

test('markup in a name or a text is text', async () => {
  const { docsPages } = await import('../../src/web/static/docs.ts')
  const [page] = docsPages(
    new Map([
      [
        'docs/x.md',
        '# A <img src=x onerror=alert(1)>\n\n<script>alert(1)</script> [a](javascript:alert(1)) [b](y.md) `<b>`'
      ]
    ]),
    new Set()
  )
  expect(page?.main).not.toMatch(/<script|<img|href="javascript/)
})

test('tbit ui serves it, prints one address, opens a test by name, and ^C stops it', async () => {
  const ui = spawn('./tbit', ['ui', '--site', site.dir, 'alloc-while-accepted'])
  let out = ''
  const url = await new Promise<string>((resolve, reject) => {
    ui.stdout.on('data', (d) => {
      out += String(d)
      if (out.endsWith('\n')) resolve(out.trim())
    })
    ui.on('exit', (code) => reject(new Error(`exit ${code}`)))
  })
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/playground\.html#v1&text=[0-9a-f]{8}\.[\w-]+$/)
  const answer = await fetch(url)
  expect(await answer.text()).toBe(read('playground.html'))
  const link = await decodeShare(new URL(url).hash)
  expect(link).toEqual({
    ok: true,
    value: { values: {}, text: readFileSync('litmus/races/alloc-while-accepted.litmus', 'utf8') }
  })
  ui.removeAllListeners('exit')
  const code = new Promise((resolve) => {
    ui.on('exit', resolve)
  })
  ui.kill('SIGINT')
  expect(await code).toBe(0)
})

const RACE = 'playground.html#v1&test=alloc-while-accepted&kernel=rfc-v1-05&platform=arm-cca&finding=fault'
const EXPLODES = `litmus explodes
  "More interleavings than anybody waits for."
platform arm-cca
kernel   rfc-v1
device   nic { tdisp }
init { tsm_lock(nic) }
${Array.from(
  { length: 5 },
  (_, i) => `thread t${i} {
  p = alloc_page()
  h = dma_map_single(nic, p, TO_DEVICE)
  dev_read(nic, h)
  dma_unmap_single(nic, h)
  free_page(p)
}`
).join('\n')}
thread admin { tsm_accept(nic) }
`
/** The playground with a finding of the library, drawn. */
async function race(): Promise<Page> {
  const page = await web.open(RACE)
  await page.locator('.player svg').waitFor()
  return page
}
const editorText = (page: Page): Promise<string> =>
  page
    .locator('.cm-line')
    .allTextContents()
    .then((l) => l.join('\n'))
/** The editor comes to hold this text: after a load it may not be there yet. */
const hasText = (page: Page, text: string): Promise<void> =>
  expect.poll(() => editorText(page), { timeout: 20_000 }).toBe(text)
/** Types over everything: as a reader's hands would, without a paste. */
async function write(page: Page, text: string): Promise<void> {
  await page.locator('.cm-content').click()
  await page.keyboard.press('Control+a')
  await page.keyboard.insertText(text)
}

describe.skipIf(reason !== '')(`in Chromium${reason}`, () => {
  const views = [
    'index.html',
    'findings.html',
    'at/rfc-v1-05/arm-cca.html',
    'diff.html',
    'diff/tio-v2--cc-v4.html',
    'tests.html',
    't/alloc-while-accepted.html',
    'docs/index.html',
    'docs/see.html',
    'playground.html',
    RACE,
    'verify.html',
    'explain.html',
    'replay.html',
    'plan.html'
  ]

  test(
    'every view, light and wide, then dark and 320 px: accessible, no sideways ' + 'scroll, nothing on the console',
    async () => {
      const finding = filesOf(site.dir).find((f) => f.startsWith('f/fault/')) as string
      const hunted = filesOf(site.dir).find((f) => /^h\/.*html$/.test(f)) as string
      for (const view of [...views, finding, 'hunt.html', hunted]) {
        const page = await web.open(view, { colorScheme: 'light' })
        if (view === RACE) await page.locator('.player svg').waitFor()
        if (view === 'explain.html') await page.locator('.path').first().waitFor()
        await accessible(page)
        await page.setViewportSize({ width: 320, height: 700 })
        await page.emulateMedia({ colorScheme: 'dark' })
        await accessible(page)
        await done(page)
      }
    }
  )

  // 0.1 is what Lighthouse calls good; explain and the playground had 0.7 (docs/decisions/0011).
  test('what a page shows stays where it is while the rest comes; the browser itself has nothing to say', async () => {
    const finding = filesOf(site.dir).find((f) => f.startsWith('f/fault/')) as string
    const app = ['playground.html', 'explain.html', 'replay.html', 'plan.html', 'verify.html']
    for (const path of ['index.html', finding, ...app])
      for (const width of [412, 1280]) {
        const { issues, shift } = await audited(web, path, width)
        expect([path, width, issues]).toEqual([path, width, []])
        expect(shift, `${path} at ${width}`).toBeLessThan(0.1)
      }
  })

  test(
    'from a file: the pages stand, the player steps by key, click and address, ' + 'the app says what it needs',
    async () => {
      const page = await web.open(`file://${join(site.dir, 'index.html')}`)
      await page.keyboard.press('k')
      const last = await page.locator('.now').textContent()
      await page.keyboard.press('v')
      expect(await page.locator('.now').textContent()).not.toBe(last)
      await page.locator('.figure').click({ position: { x: 200, y: 60 } })
      expect(await page.locator('.now').textContent()).toMatch(/^Step \d+, /)
      await done(page)
      const at = await web.open(
        `file://${join(site.dir, filesOf(site.dir).find((f) => f.startsWith('f/fault/')) as string)}#s20`
      )
      expect(await at.locator('.now').textContent()).toMatch(/^Step (?:1\d|20), /)
      await done(at)
      const app = await web.open(`file://${join(site.dir, 'playground.html')}`)
      expect(await app.locator('#app').textContent()).toContain('tbit ui')
      await app.context().close()
    }
  )

  test('without script a finding is whole', async () => {
    const page = await web.open(filesOf(site.dir).find((f) => f.startsWith('f/fault/')) as string, {
      javaScriptEnabled: false
    })
    const text = (await page.locator('main').textContent()) ?? ''
    for (const part of ['The test', 'Do it again', 'Where it occurs', 'What was not covered', 'Steps'])
      expect(text).toContain(part)
    await page.context().close()
  })

  test(
    'a starting point is checked, drawn, stepped through; its statement is ' + 'marked in the text and back',
    async () => {
      const page = await web.open('playground.html')
      await page.getByRole('button', { name: 'A race' }).click()
      await page.locator('.player svg').waitFor()
      expect(await page.locator('.verdict').textContent()).toContain('violated')
      expect(await page.locator('.found [aria-pressed=true]').textContent()).toMatch(/^fault/)
      expect(await page.locator('.step-line').textContent()).toContain('dev_read')
      await page.locator('.cm-line', { hasText: 'tsm_accept' }).click()
      await page.locator('.step-line', { hasText: 'tsm_accept' }).waitFor()
      expect(await page.locator('.now').textContent()).toContain('admin')
      // In the editor the player's keys are letters.
      await page.keyboard.press('End')
      await page.keyboard.type(' # dj')
      expect(await editorText(page)).toContain('# dj')
      await page.keyboard.press('Control+Enter')
      await page.getByRole('region', { name: 'all pairs' }).first().waitFor()
      await page.getByText('15 of 15').waitFor()
      await page.getByRole('button', { name: /^cc-v8 on arm-cca/ }).click()
      await page.locator('.verdict', { hasText: 'cc-v8' }).waitFor()
      await done(page)
    }
  )

  test("on a phone the names of a picture's rows stay beside what is shown; a touch on them is no step", async () => {
    const page = await race()
    await page.setViewportSize({ width: 390, height: 844 })
    await page.locator('.player .bar button', { hasText: 'violation' }).click()
    // As text: the types of these tests are Node's.
    const places = () =>
      page.evaluate(`(() => {
        const left = (of) => document.querySelector(of).getBoundingClientRect().left
        const { scrollLeft } = document.querySelector('.figure')
        return { figure: left('.figure'), names: left('.names'), cursor: left('.cursor'), scrollLeft }
      })()`) as Promise<Record<'figure' | 'names' | 'cursor' | 'scrollLeft', number>>
    await expect.poll(async () => (await places()).scrollLeft).toBeGreaterThan(100)
    await expect.poll(async () => Math.abs((await places()).names - (await places()).figure)).toBeLessThan(2)
    const { figure, cursor } = await places()
    expect(cursor).toBeGreaterThan(figure + 120)
    const step = await page.locator('.now').textContent()
    await page.locator('.figure').click({ position: { x: 60, y: 60 } })
    expect(await page.locator('.now').textContent()).toBe(step)
    await done(page)
  })

  test('an error is said, mended by one key, and the last verdict stands meanwhile', async () => {
    const page = await race()
    await page.locator('.cm-line', { hasText: 'tsm_accept(nic)' }).click()
    await page.keyboard.press('Home')
    await page.keyboard.type('tsm_acept(nic)\n')
    await page.locator('.messages').waitFor()
    expect(await page.locator('.verdict').textContent()).toContain('of the last text without errors')
    await page.keyboard.press('ArrowUp')
    await page.keyboard.press('Alt+Enter')
    await page.locator('.messages').waitFor({ state: 'detached' })
    expect((await editorText(page)).match(/tsm_accept\(nic\)/g)?.length).toBe(2)
    await page.keyboard.press('Control+z')
    await page.locator('.messages').waitFor()
    await done(page)
  })

  test('an exploding test is stopped, keeps what was found, and the page is there all the while', async () => {
    const page = await web.open('playground.html')
    await write(page, EXPLODES)
    await page.locator('.doing', { hasText: 'states' }).waitFor()
    await page.getByRole('button', { name: 'Stop' }).click()
    await page.locator('.verdict', { hasText: 'not all of them' }).waitFor()
    await page.locator('.doing').waitFor({ state: 'detached' })
    await done(page)
  })

  test('a link stays as it was opened, also where the editor is there before the library', async () => {
    const page = await web.open('index.html')
    await page.route('**/library.json', async (route) => {
      await page.locator('.cm-content').waitFor()
      await route.continue()
    })
    await page.goto(web.url + RACE)
    await page.locator('.player svg').waitFor()
    // What somebody writes would be in the address by now.
    await page.waitForTimeout(600)
    expect(page.url()).toBe(web.url + RACE)
    await done(page)
  })

  test('a link holds text, pair, finding and step; the address changes only when somebody does something', async () => {
    const page = await race()
    expect(page.url()).toBe(web.url + RACE)
    await page.locator('.cm-line', { hasText: 'tsm_accept' }).click()
    await page.keyboard.press('End')
    await page.keyboard.type(' # a word of mine')
    await page.locator('.player').click({ position: { x: 5, y: 5 } })
    await page.waitForURL(/text=/)
    // The changed text is checked again, and a moment later its finding is drawn, which begins where it is violated.
    await page.locator('.doing').waitFor({ state: 'detached' })
    await page.waitForTimeout(2000)
    await page.locator('.player .bar button', { hasText: 'back' }).click()
    await page.keyboard.press('k')
    const step = await page.locator('.now').textContent()
    await page.getByRole('button', { name: 'Copy link' }).click()
    await page.getByText(/The link is/).waitFor()
    const other = await web.open(page.url())
    await other.locator('.player svg').waitFor()
    await hasText(other, await editorText(page))
    await expect.poll(() => other.locator('.now').textContent(), { timeout: 10_000 }).toBe(step)
    await expect
      .poll(() => other.locator('.found [aria-pressed=true]').textContent(), { timeout: 10_000 })
      .toBe(await page.locator('.found [aria-pressed=true]').textContent())
    await done(other)
    await done(page)
  })

  test('a damaged, a foreign and a future link are said; what was typed before is there', async () => {
    const context = { viewport: { width: 800, height: 700 } }
    const page = await web.open('playground.html', context)
    await write(page, 'litmus mine "typed by hand"')
    await page.waitForURL(/text=/)
    const link = page.url()
    for (const [fragment, says] of [
      [`#${link.split('#')[1]?.slice(0, -9)}`, 'damaged'],
      ['#v9&x=1', 'newer'],
      ['#somewhere', 'no link of tbit'],
      ['#v1&test=<img src=x>&kernel=x', 'no test']
    ] as const) {
      await page.goto('about:blank')
      await page.goto(`${web.url}playground.html${fragment}`)
      await page.locator('.notice', { hasText: says }).waitFor()
      await hasText(page, 'litmus mine "typed by hand"')
      expect(await page.locator('img').count()).toBe(0)
    }
    // A link that opens: the text before it is offered.
    await page.goto('about:blank')
    await page.goto(web.url + RACE)
    await page.getByRole('button', { name: 'Bring it back' }).click()
    await hasText(page, 'litmus mine "typed by hand"')
    await done(page)
  })

  test('a worker that cannot run is said, and the text is kept', async () => {
    const page = await web.open('playground.html')
    await page.route('**/check.worker.js', (r) => r.abort())
    await write(page, EXPLODES)
    await page.locator('.notice', { hasText: 'has died' }).waitFor()
    await hasText(page, EXPLODES)
    await page.reload()
    await hasText(page, EXPLODES)
    expect(errorsOf(page).every((e) => /Failed to load/.test(e))).toBe(true)
    await page.context().close()
  })

  test(
    'a mapping: two paths, what is the same in grey, a row sets the controls, a switch is flipped in place, and ' +
      'the link holds it',
    async () => {
      const page = await web.open('explain.html')
      await page.locator('.path').first().waitFor()
      expect(await page.locator('.path h2').allTextContents()).toEqual([
        'Not accepted (T=0): bounced',
        'Accepted (T=1): direct'
      ])
      expect(await page.locator('.decisions .same').count()).toBeGreaterThan(2)
      expect(await page.locator('.decisions .differs').count()).toBeGreaterThan(5)
      expect(page.url()).toBe(`${web.url}explain.html`)
      await page.getByRole('button', { name: 'cca-t1-s-smmio' }).click()
      expect(await page.getByLabel('call').inputValue()).toBe('resource')
      await page.getByLabel('compare').selectOption('kernel')
      await page.locator('.controls').last().getByLabel('host_stage2').selectOption('static_1g')
      await page.getByRole('button', { name: 'cca-t0-p-priv-1g' }).waitFor()
      await page.waitForURL(/switches=host_stage2/)
      const texts = await page.locator('.path').allTextContents()
      const other = await web.open(page.url())
      await other.getByRole('button', { name: 'cca-t0-p-priv-1g' }).waitFor()
      expect(await other.locator('.path').allTextContents()).toEqual(texts)
      await other.getByLabel('compare').selectOption('platform')
      await other.getByLabel('other platform').selectOption('s390-pv')
      await done(other)
      await page.goto('about:blank')
      await page.goto(`${web.url}explain.html#v1&kernel=linux-9.9`)
      await page.locator('.notice', { hasText: 'linux-9.9' }).waitFor()
      await done(page)
    }
  )

  test('completion and meanings come from the language', async () => {
    const page = await race()
    await page.locator('.cm-line', { hasText: 'tsm_accept' }).click()
    await page.keyboard.press('End')
    await page.keyboard.type('\ndma_unm')
    await page.locator('.cm-tooltip-autocomplete', { hasText: 'dma_unmap_single' }).waitFor()
    await page.keyboard.press('Escape')
    await page.locator('.cm-line', { hasText: 'dma_alloc_coherent' }).locator('.tk-operation').hover()
    await page.locator('.meaning', { hasText: 'dma_alloc_coherent' }).waitFor()
    await done(page)
  })

  test("every verdict, finding and function name of the bundled worker is Node's, run by run from source", async () => {
    const page = await web.open('verify.html')
    await page.getByRole('button', { name: 'Verify' }).click()
    await page.getByRole('status').filter({ hasText: ' in ' }).waitFor({ timeout: 240_000 })
    const runs = (JSON.parse(read('app/verdicts.json')) as Recorded).runs.length
    expect(await page.getByRole('status').textContent()).toContain(`${runs} of ${runs} equal`)
    await done(page)
    // The record itself comes from a bundle: some of it is computed again from the sources.
    const file = 'litmus/races/alloc-while-accepted.litmus'
    const t = parse(readFileSync(file, 'utf8'), file).test
    if (t === undefined) throw new Error(file)
    const record = JSON.parse(read('app/verdicts.json')) as Recorded
    for (const p of pairsOf(t)) {
      const run = record.runs.find(
        ([n, k, q]) =>
          record.tests[n] === t.name && record.kernels[k] === p.kernel && record.platforms[q] === p.platform
      )
      const r = checkTest(t, p.kernel, p.platform)
      expect(
        r.violations.length === 0 ||
          [...r.violations, ...r.reported].flatMap((v) => v.trace).some((s) => s.site.length > 2)
      ).toBe(true)
      expect(record.functions[run?.[6] ?? -1], `${p.kernel} on ${p.platform}`).toBe(functionsOf(r))
    }
  })

  describe('the page of traces', () => {
    replayTests(() => web)
  })

  describe('the page of plans', () => {
    planTests(() => web)
  })
})

describe.skipIf(noFirefox !== '')(`in Firefox${noFirefox}`, () => {
  const FIXTURES = 'test/fixtures/replay'
  const TRACE = new Map([
    ['r02-tracefs.txt.gz', `${FIXTURES}/r02-tracefs.txt.gz`],
    ['r02-dmesg.txt', `${FIXTURES}/r02-dmesg.txt`]
  ])
  const READ = `const input = await wait('input[type=file]')
    const t = new w.DataTransfer()
    t.items.add(await file('r02-tracefs.txt.gz'))
    t.items.add(await file('r02-dmesg.txt'))
    input.files = t.files
    input.dispatchEvent(new w.Event('change', { bubbles: true }))
    await wait('.ask')
    return (await wait('.answer h2')).textContent`
  const STEP = `const now = await wait('.now', 'Step')
    const last = now.textContent
    w.document.dispatchEvent(new w.KeyboardEvent('keydown', { key: 'k', bubbles: true }))
    return last !== now.textContent`
  const VERIFY = `;(await wait('main button', 'Verify')).click()
    const all = await wait('[role=status]', ' in ')
    return [all.textContent, ...[...w.document.querySelectorAll('main li')].map((l) => l.textContent)]`

  test("verdicts, findings and function names are Node's own; the main views stand, the console is still", async () => {
    const finding = filesOf(site.dir).find((f) => f.startsWith('f/fault/')) as string
    const runs = (JSON.parse(read('app/verdicts.json')) as Recorded).runs.length
    const saw = await inFirefox(
      site.dir,
      [
        { path: 'index.html', does: STEP },
        { path: 'findings.html', does: "return (await wait('h1')).textContent" },
        { path: finding, does: STEP },
        { path: RACE, does: "await wait('.player svg'); return (await wait('.verdict')).textContent" },
        { path: 'explain.html', does: "await wait('.path'); return true" },
        { path: 'plan.html', does: "await wait('main canvas'); return true" },
        { path: 'replay.html', does: READ },
        { path: 'verify.html', does: VERIFY }
      ],
      TRACE
    )
    expect(saw.flatMap((v) => v.said.map((line) => `${v.path}: ${line}`))).toEqual([])
    const of = (path: string): unknown => saw.find((v) => v.path === path)?.saw
    expect([of('index.html'), of(finding)]).toEqual([true, true])
    expect(of(RACE)).toContain('violated')
    expect(of('replay.html')).toBe((await verdictOf(`${FIXTURES}/r02-tracefs.txt.gz`, `${FIXTURES}/r02-dmesg.txt`))[0])
    expect(of('verify.html')).toEqual([expect.stringMatching(new RegExp(`^${runs} of ${runs} equal in `))])
  })
})
