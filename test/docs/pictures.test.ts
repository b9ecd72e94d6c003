// The pictures of README.md are made here, from the finding that stands below them. UPDATE_PICTURES=1 writes them.
import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type CheckResult, checkTest } from '../../src/check/index.ts'
import { parse } from '../../src/litmus/index.ts'
import { findingSvg, themes } from '../../src/report/svg-finding.ts'

const FILE = 'litmus/coherent/coherent-free-with-driver-without-driver.litmus'

function checked(file: string, kernel: string, platform: string): CheckResult {
  const t = parse(readFileSync(file, 'utf8'), file).test
  if (t === undefined) throw new Error(`${file} parses`)
  return checkTest(t, kernel, platform, { frames: true })
}

for (const theme of ['light', 'dark'] as const) {
  test(`docs/pictures/finding-${theme}.svg is the finding as it is drawn today`, () => {
    const r = checked(FILE, 'cc-v8', 'arm-cca')
    const v = r.violations.find((x) => x.property === 'exposed')
    if (v === undefined) throw new Error('exposed')
    const path = `docs/pictures/finding-${theme}.svg`
    const svg = findingSvg(v, r, themes[theme])
    if (process.env['UPDATE_PICTURES'] === '1') writeFileSync(path, svg)
    expect(readFileSync(path, 'utf8') === svg, 'UPDATE_PICTURES=1 writes it').toBe(true)
  })
}

test(
  'every kind of finding can be drawn: numbers are numbers, markup in names is text, the words of the chips stand ' +
    'there',
  () => {
    for (const [file, kernel, platform] of [
      ['litmus/races/alloc-while-accepted.litmus', 'rfc-v1', 'arm-cca'],
      ['litmus/flag-races/flag-shares-byte-on-x86.litmus', 'rfc-v1', 'amd-sev-snp'],
      ['litmus/conversions/conversion-checked-without-check.litmus', 'cc-v8', 'arm-cca'],
      ['litmus/tsm-life-cycle/host-stops-tdi.litmus', 'rfc-v1', 'arm-cca']
    ] as const) {
      const r = checked(file, kernel, platform)
      const all = [...r.violations, ...r.reported]
      expect(all.length).toBeGreaterThan(0)
      for (const v of all) {
        const svg = findingSvg(v, { test: '<b>&"', kernel, platform }, themes.light)
        expect(svg).not.toMatch(/NaN|undefined|Infinity|<b>/)
        expect(svg).toContain(v.property)
        expect(svg.match(/<(?:svg|text|title)\b/g)?.length).toBe(svg.match(/<\/(?:svg|text|title)>/g)?.length)
      }
    }
  }
)
