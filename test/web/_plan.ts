// The page of plans in a real Chromium, and the plans and recordings that the command line writes as one file.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { makeSpec, sideBySide } from '../../src/plan/index.ts'
import { span } from '../../src/report/plan.ts'
import { accessible, done, type Served } from './_browser.ts'
import { discard, newFolder } from '../scratch.ts'

/** Whether any point of the map has the colour of a kind of entry. */
const painted = (page: Page, kind: string): Promise<boolean> =>
  page.evaluate(`(() => {
  const c = document.querySelector('canvas')
  const probe = document.createElement('span')
  probe.style.color = getComputedStyle(c).getPropertyValue('--${kind}')
  document.body.append(probe)
  const [r, g, b] = getComputedStyle(probe).color.match(/\\d+/g).map(Number)
  probe.remove()
  const copy = Object.assign(document.createElement('canvas'), { width: c.width, height: c.height })
  const x = copy.getContext('2d', { willReadFrequently: true })
  x.drawImage(c, 0, 0)
  const d = x.getImageData(0, 0, c.width, c.height).data
  for (let i = 0; i < d.length; i += 4) if (d[i] === r && d[i + 1] === g && d[i + 2] === b) return true
  return false
})()`)

export function planTests(web: () => Served): void {
  test(
    'strategies and a map of 12 TB; a page is shared and taken back; by keyboard; the link holds it; wrong sizes ' +
      'are said',
    async () => {
      const page = await web().open('plan.html', { colorScheme: 'light' })
      await page.locator('canvas').waitFor()
      const spec = makeSpec({ ram: 12 * 2 ** 40, cpus: 16 })
      const times = (spec.ok ? sideBySide(spec.value) : []).map((r) => span(r.time.total))
      expect(await page.locator('.strategies tbody td:nth-child(3)').allTextContents()).toEqual(times)
      expect(await painted(page, 'g1')).toBe(true)
      expect(await painted(page, 'gs')).toBe(false)
      await page.getByLabel('when').selectOption('shared')
      await expect.poll(() => painted(page, 'gs')).toBe(true)
      await page.getByRole('button', { name: 'the page that is shared' }).click()
      await expect.poll(() => painted(page, 'g2')).toBe(true)
      await page.locator('canvas').focus()
      for (const key of ['+', '+', '+', '+', '+', 'ArrowRight', 'Enter']) await page.keyboard.press(key)
      expect(await page.getByRole('status').textContent()).toBe('0x1000 to 0x2000: a page of 4K')
      await page.locator('fieldset select').nth(2).selectOption({ label: 'lazy, v0.8.0' })
      await page.getByLabel('when').selectOption('back')
      await page.getByText('and the block of 1G is whole').waitFor()
      await page.getByLabel('memory').fill('16G')
      await page.waitForURL(/ram=16G/)
      await accessible(page)
      const other = await web().open(page.url())
      await other.getByText('and the block of 1G is whole').waitFor()
      expect(await other.getByLabel('memory').inputValue()).toBe('16G')
      await done(other)
      await page.getByLabel('memory').fill('5000')
      await page.locator('.messages', { hasText: 'not a multiple of the 4 KiB granule' }).waitFor()
      await page.getByLabel('memory').fill('<b>')
      await page.locator('.messages', { hasText: "'<b>' is no size" }).waitFor()
      await page.setViewportSize({ width: 320, height: 700 })
      await page.emulateMedia({ colorScheme: 'dark' })
      await accessible(page)
      await done(page)
    }
  )

  test('plan --html and replay --html are read without script, without server; accessible', async () => {
    const dir = newFolder('html')
    try {
      const [plan, replay] = [join(dir, 'plan.html'), join(dir, 'replay.html')]
      execFileSync('./tbit', ['plan', '--ram', '12T', '--cpus', '16', '--html', plan])
      execFileSync('./tbit', [
        'replay',
        'test/fixtures/replay/r02-tracefs.txt.gz',
        '--dmesg',
        'test/fixtures/replay/r02-dmesg.txt',
        '--what-if',
        'pool=512',
        '--html',
        replay
      ])
      for (const [file, words] of [
        [plan, 'The 1G block is broken up into 511 blocks of 2M, 511 pages and this one.'],
        [replay, 'The pool carries this load']
      ] as const) {
        expect(readFileSync(file, 'utf8')).not.toMatch(/(?:src|href)=/)
        const page = await web().open(`file://${file}`, { javaScriptEnabled: false })
        expect(await page.locator('main').textContent()).toContain(words)
        expect(await page.locator('main svg[role=img]').count()).toBeGreaterThan(0)
        await page.context().close()
        const read = await web().open(`file://${file}`, { viewport: { width: 390, height: 800 } })
        await accessible(read)
        await done(read)
      }
    } finally {
      discard(dir)
    }
  })
}
