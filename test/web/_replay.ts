// The page of traces in a real Chromium: what is dropped, what is asked, what is wrong.
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { readTraces } from '../../src/cli/trace-input.ts'
import { version7 } from '../../src/replay/_trace-dat-maker.ts'
import { readKernelLog, ReplaySession } from '../../src/replay/index.ts'
import { replayVerdict } from '../../src/report/replay-verdict.ts'
import { accessible, done, renderersPeak, type Served } from './_browser.ts'
import { scratch } from '../scratch.ts'

const FIXTURES = 'test/fixtures/replay'
const TRACE = `${FIXTURES}/r02-tracefs.txt.gz`
const LOG = `${FIXTURES}/r02-dmesg.txt`
const FULL = `${FIXTURES}/r04-full.txt.gz`
const RECORDED = ['../shared/data/traces', '../shared/data/traces-7.3']

/** The verdict that Node comes to. */
export async function verdictOf(trace: string, log: string | null): Promise<readonly string[]> {
  const s = new ReplaySession({
    pool: null,
    log: log === null ? null : { name: log, facts: readKernelLog(readFileSync(log, 'utf8')) },
    debugfs: null,
    sections: null,
    questions: [],
    fitCost: false
  })
  const input = await readTraces(
    [trace],
    s.replay,
    s.names,
    s.skips,
    s.hooks({ stop: () => false, progress: () => {} })
  )
  s.replay.end()
  return replayVerdict(s.result([trace], input, null)).sentences
}

/** Drops files on the page, as a reader's hand would. */
async function drop(
  page: Page,
  files: ReadonlyArray<{ readonly name: string; readonly data: Uint8Array }>
): Promise<void> {
  // As text: the types of this test are Node's.
  const list = JSON.stringify(files.map((f) => ({ name: f.name, data: Buffer.from(f.data).toString('base64') })))
  const data = await page.evaluateHandle(`(() => {
    const t = new DataTransfer()
    for (const f of ${list}) t.items.add(new File([Uint8Array.from(atob(f.data), (c) => c.charCodeAt(0))], f.name))
    return t
  })()`)
  await page.dispatchEvent('body', 'drop', { dataTransfer: data })
}

const choose = (page: Page, files: readonly string[]): Promise<void> =>
  page.locator('input[type=file]').setInputFiles([...files])
const ready = (page: Page): Promise<void> => page.locator('.ask').waitFor({ timeout: 120_000 })
const headline = (page: Page): Promise<string | null> => page.locator('.answer h2').first().textContent()

/** zstd of raw blocks. */
function zstd(data: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0x50)]
  for (let at = 0; at < data.length; at += 100_000) {
    const block = data.subarray(at, at + 100_000)
    const head = (at + 100_000 >= data.length ? 1 : 0) | (block.length << 3)
    parts.push(Uint8Array.of(head & 255, (head >> 8) & 255, (head >> 16) & 255), block)
  }
  return Buffer.concat(parts)
}

// Long: the tests of one page.
export function replayTests(web: () => Served): void {
  const dir = scratch('drop')
  const file = (name: string, data: Uint8Array | string): string => {
    const path = join(dir, name)
    writeFileSync(path, data)
    return path
  }

  test(
    'a trace and its log: answer, plot, devices; the sliders answer by keyboard; the link holds the question; ' +
      'accessible in light, dark and 320 px',
    async () => {
      const page = await web().open('replay.html', { colorScheme: 'light' })
      await accessible(page)
      await choose(page, [TRACE, LOG])
      await ready(page)
      expect(await headline(page)).toBe((await verdictOf(TRACE, LOG))[0])
      expect(await page.locator('svg.plot').getAttribute('aria-label')).toMatch(
        /^Slots in use over [\d.]+ seconds: at most \d/
      )
      expect(await page.locator('svg.plot path.pool').count()).toBe(1)
      expect(await page.locator('.bars tbody tr').count()).toBeGreaterThan(2)
      await page.locator('.ask input[type=range]').first().focus()
      await page.keyboard.press('Home')
      await page.locator('.ask output', { hasText: '128 slots' }).waitFor()
      const answer = page.getByRole('status').filter({ hasText: '128 slots (256 KiB)' })
      await answer.waitFor()
      expect(await answer.textContent()).toMatch(/calls? fails? .*The smallest pool without failure: [\d ]+ slots/)
      await page.locator('svg.plot path.what-if').waitFor({ state: 'attached' })
      await page.locator('.ask input[type=checkbox]').first().focus()
      await page.keyboard.press('Space')
      await page.waitForURL(/#v1&pool=128&.*accepted=0000/)
      await page.getByRole('button', { name: 'in', exact: true }).focus()
      const whole = await page.locator('.tools .soft').textContent()
      await page.keyboard.press('+')
      await expect.poll(() => page.locator('.tools .soft').textContent()).not.toBe(whole)
      await accessible(page)
      await page.setViewportSize({ width: 320, height: 700 })
      await page.emulateMedia({ colorScheme: 'dark' })
      await accessible(page)
      const other = await web().open(page.url())
      await other.getByText('This link holds a question').waitFor()
      await choose(other, [TRACE, LOG])
      await other.getByRole('status').filter({ hasText: '128 slots (256 KiB)' }).waitFor()
      expect(await other.locator('.ask input[type=checkbox]:checked').count()).toBe(1)
      await done(other)
      await done(page)
    }
  )

  test('calls that failed are marks and a headline; dropped by hand, zstd, trace.dat', async () => {
    const page = await web().open('replay.html')
    await drop(page, [{ name: 'full.zst', data: zstd(gunzipSync(readFileSync(FULL))) }])
    await ready(page)
    expect(await headline(page)).toBe((await verdictOf(FULL, null))[0])
    // A recording of tbit record: two gzip members, and the kernel log in it.
    await choose(page, [`${FIXTURES}/guest-6.1.gz`])
    await page.locator('.answer h2', { hasText: 'The pool carries this load: 756 of' }).waitFor()
    await drop(page, [{ name: 'trace.dat', data: version7(false, true) }])
    await page
      .getByText('DMA events in')
      .filter({ hasText: 'trace.dat (' })
      .or(page.locator('.soft', { hasText: 'trace.dat: ' }))
      .first()
      .waitFor()
    expect(await page.locator('.bars tbody tr').count()).toBeGreaterThan(0)
    await done(page)
  })

  test('a pasted message is explained, and its link does it again; a log alone is explained', async () => {
    const page = await web().open('replay.html')
    await page.locator('summary', { hasText: 'paste' }).click()
    await page
      .locator('textarea')
      .fill(
        'nvme 0000:00:02.0: swiotlb buffer is full (sz: 262144 bytes), total 524288 (slots), used 523564 ' +
          '(slots)\n<img src=x onerror=alert(1)>'
      )
    await page.getByRole('button', { name: 'Explain' }).click()
    await page.locator('h3', { hasText: 'What to do' }).waitFor()
    expect(await headline(page)).toContain('0000:00:02.0')
    await page.waitForURL(/text=/)
    await accessible(page)
    const other = await web().open(page.url())
    await other.locator('h3', { hasText: 'What to do' }).waitFor()
    expect(await headline(other)).toBe(await headline(page))
    await done(other)
    await choose(page, ['test/fixtures/logs/snp-full.log'])
    await page.locator('.answer h2', { hasText: 'could not map' }).waitFor()
    await done(page)
  })

  test(
    'what is no trace, half a file, an empty one, a log of another boot, markup in names: said, and what could be ' +
      'read is kept',
    async () => {
      const page = await web().open('replay.html')
      const problem = (text: string | RegExp): Promise<void> =>
        page.locator('.messages li', { hasText: text }).waitFor()
      await choose(page, [
        file(
          'noise.bin',
          Uint8Array.from({ length: 90_000 }, (_, i) => (i * i * 31 + (i >> 3)) & 255)
        )
      ])
      await problem('no line of this input is an event of a trace')
      await choose(page, [file('empty.txt', '')])
      await problem('the file is empty')
      await choose(page, [
        file('xz.txt', Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10))
      ])
      await problem('compressed with xz')
      const half = readFileSync(TRACE)
      await choose(page, [file('half.gz', half.subarray(0, half.length / 2))])
      await problem('gzip data is cut off')
      await ready(page)
      expect(await page.locator('.bars tbody tr').count()).toBeGreaterThan(0)
      const text = gunzipSync(half)
      const lines = text.subarray(0, text.length / 2 + 37).filter((b) => b === 10).length
      await choose(page, [file('half.txt', text.subarray(0, text.length / 2 + 37))])
      await problem(`half.txt:${lines + 1}: the last line is cut off`)
      await ready(page)
      expect(await page.locator('.bars tbody tr').count()).toBeGreaterThan(0)
      await choose(page, [
        TRACE,
        file('other.log', readFileSync(LOG, 'utf8').replace('7b9f3000', '11100000').replace('7f9f3000', '15100000'))
      ])
      await problem('of another boot')
      await ready(page)
      expect(await page.getByText('found from the addresses in the trace').count()).toBe(1)
      const name = '<img src=x onerror="document.title=1">.txt'
      const markup = gunzipSync(readFileSync(FULL))
        .toString('latin1')
        .replace(/0000:00:02\.0/g, '<b>bold</b>')
      await drop(page, [{ name, data: Buffer.from(markup, 'latin1') }])
      await page.locator('.bars', { hasText: '<b>bold</b>' }).waitFor()
      expect(await page.locator('.soft', { hasText: name }).count()).toBeGreaterThan(0)
      expect(await page.locator('main img, main b:text-is("bold")').count()).toBe(0)
      await accessible(page)
      await done(page)
    }
  )

  test('a file of more than 2 GiB is read to its end, in bounded memory', async () => {
    const page = await web().open('replay.html')
    const one = gunzipSync(readFileSync(TRACE))
    const again = one.subarray(one.indexOf('\n', one.lastIndexOf('#', 4000)) + 1)
    // Parts of a blob are kept once: the page holds 4 MiB of them, and reads what a disk would hold.
    const data = await page.evaluateHandle(`(() => {
      const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0))
      const line = '# a comment of a trace that is not read '.padEnd(4095, '-') + '\\n'
      const comments = new Blob([line.repeat(1024)])
      const t = new DataTransfer()
      const [one, again] = [bytes('${one.toString('base64')}'), bytes('${again.toString('base64')}')]
      t.items.add(new File([one, ...Array(520).fill(comments), again], 'long.txt'))
      return t
    })()`)
    const before = renderersPeak()
    // What only waits for the next part of a file is not garbage.
    await page.workers()[0]?.evaluate('setInterval(() => gc(), 20)')
    await page.dispatchEvent('body', 'drop', { dataTransfer: data })
    await page.locator('.doing', { hasText: 'of 2.03 GiB' }).waitFor()
    await ready(page)
    const events =
      2 *
      (gunzipSync(readFileSync(TRACE))
        .toString('latin1')
        .match(/: (?:dma|swiotlb)_\w+: /g)?.length ?? 0)
    expect(events).toBeGreaterThan(1000)
    expect((await page.locator('.soft', { hasText: 'DMA events in' }).textContent())?.replace(/\s/g, '')).toContain(
      `long.txt:${events}DMAevents`
    )
    expect(renderersPeak() - before).toBeLessThan(256)
    await done(page)
  })

  test('a file that ends before its size is said with the place; what was read is kept', async () => {
    const page = await web().open('replay.html')
    const one = gunzipSync(readFileSync(TRACE))
    const path = file('shrinks.txt', Buffer.concat(Array.from({ length: 600 }, () => one)))
    await choose(page, [path])
    await page.locator('.answer', { hasText: 'So far' }).waitFor()
    truncateSync(path, 1000)
    await page
      .locator('.messages li', { hasText: /shrinks\.txt: cannot be read: after \d+ of \d+ bytes/ })
      .waitFor({ timeout: 120_000 })
    await ready(page)
    expect(await page.locator('.bars tbody tr').count()).toBeGreaterThan(0)
    await done(page)
  })

  test('the pool that a kernel gives itself is asked for, by keyboard; the link holds the machine', async () => {
    const page = await web().open('replay.html')
    await page.locator('summary', { hasText: 'gives itself' }).focus()
    await page.keyboard.press('Enter')
    await page.locator('pre', { hasText: 'amd-sev-snp, 6.12, 16 GiB RAM, 8 CPUs' }).waitFor()
    await page.getByLabel('pool wanted').fill('64M')
    await page.locator('pre', { hasText: 'to get 64 MiB:' }).waitFor()
    await page.getByLabel('kernel', { exact: true }).fill('six')
    await page.getByText("unknown kernel 'six'").waitFor()
    await page.getByLabel('kernel', { exact: true }).fill('7.3')
    await page.waitForURL(/kernel=7\.3.*size=/)
    const text = await page.locator('pre', { hasText: 'amd-sev-snp, 7.3' }).textContent()
    await accessible(page)
    const other = await web().open(page.url())
    expect(await other.locator('pre', { hasText: 'amd-sev-snp, 7.3' }).textContent()).toBe(text)
    await done(other)
    await done(page)
  })

  test('a damaged or foreign link is said', async () => {
    const page = await web().open('replay.html#v1&text=00000000.xxxx')
    await page.getByText('This link is damaged').waitFor()
    await done(page)
  })

  test('Stop keeps what was read; the next file is read as ever', async () => {
    const page = await web().open('replay.html')
    const one = gunzipSync(readFileSync(TRACE))
    const head = one.indexOf('\n', one.lastIndexOf('#', 4000)) + 1
    await choose(page, [
      file('long.txt', Buffer.concat([one, ...Array.from({ length: 300 }, () => one.subarray(head))])),
      LOG
    ])
    await page.locator('.answer', { hasText: 'So far' }).waitFor()
    await page.getByRole('button', { name: 'Stop' }).click()
    await page.getByText('stopped: this is what was read until then').waitFor()
    expect(await page.locator('.bars tbody tr').count()).toBeGreaterThan(0)
    await choose(page, [TRACE, LOG])
    await page
      .locator('.soft', { hasText: 'r02-tracefs.txt.gz, ' })
      .or(page.locator('.soft', { hasText: 'r02-tracefs.txt.gz: ' }))
      .first()
      .waitFor()
    await done(page)
  })

  const recordings = RECORDED.filter((d) => existsSync(d))
    .flatMap((d) => readdirSync(d).map((r) => join(d, r)))
    .filter((r) => existsSync(join(r, 'dmesg.txt')))
  test.skipIf(recordings.length === 0)(
    `recordings of real kernels come to Node's verdict` +
      `${recordings.length === 0 ? ' (skipped: no ../shared/data)' : ''}`,
    async () => {
      const page = await web().open('replay.html')
      for (const r of recordings) {
        for (const name of ['trace.txt.gz', 'trace.dat', 'trace-cmd-report.txt.gz'].filter((n) =>
          existsSync(join(r, n))
        )) {
          const [trace, log] = [join(r, name), join(r, 'dmesg.txt')]
          await choose(page, [trace, log])
          await page.locator('.soft', { hasText: '; read in' }).waitFor({ timeout: 120_000 })
          expect(await page.locator('.answer').first().locator('h2, p').allTextContents(), trace).toEqual(
            await verdictOf(trace, log)
          )
          await page.reload()
        }
      }
      await done(page)
    }
  )
}
