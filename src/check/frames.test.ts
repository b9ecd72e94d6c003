import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from '../litmus/index.ts'
import { beginCheck, type CheckResult } from './check.ts'
import { checkTest, ways } from './ways.ts'
import type { Frame } from './frames.ts'

const textOf = (file: string) => {
  const t = parse(readFileSync(file, 'utf8'), file).test
  if (t === undefined) throw new Error(`${file} parses`)
  return t
}
const RACE = 'litmus/races/alloc-while-accepted.litmus'
const framed = (file: string, kernel: string, platform: string, property: string) => {
  const v = checkTest(textOf(file), kernel, platform, { frames: true }).violations.find((x) => x.property === property)
  if (v?.frames === undefined) throw new Error(`${property} with frames`)
  return { v, frames: v.frames, steps: [...v.initSteps, ...v.trace] }
}
/** Steps after which what `get` answers is another than before. */
const changesOf = (frames: readonly Frame[], get: (f: Frame) => unknown): Array<[number, unknown]> =>
  frames.flatMap((f, i): Array<[number, unknown]> => {
    const [now, before] = [get(f), i === 0 ? undefined : get(frames[i - 1] as Frame)]
    return i === 0 || now !== before ? [[i + 1, now]] : []
  })

test('a frame a step: the flag, the TDI, the page, the handle, each at the step that sets it', () => {
  const { frames, steps } = framed(RACE, 'rfc-v1', 'arm-cca', 'fault')
  expect(frames.length).toBe(steps.length)
  const page = (f: Frame) => f.pages.find((p) => p.pfn === 0x100)
  const at = (text: RegExp): number =>
    steps.findIndex((s) => text.test(s.text) || s.changed.some((c) => text.test(`${c.what}: ${c.after}`))) + 1
  expect(changesOf(frames, (f) => f.devices[0]?.accepted).map(([, x]) => x)).toEqual([false, true])
  expect(changesOf(frames, (f) => f.devices[0]?.accepted)[1]?.[0]).toBe(at(/^nic\.accepted: 1/))
  expect(changesOf(frames, (f) => f.devices[0]?.sends).map(([, x]) => x)).toEqual([0, null, 1])
  expect(changesOf(frames, (f) => page(f)?.protection).map(([, x]) => x)).toEqual(['priv', 'shr'])
  expect(changesOf(frames, (f) => page(f)?.mapped).map(([, x]) => x)).toEqual(['private', 'invalid', 'shared'])
  expect(changesOf(frames, (f) => page(f)?.owner).map(([, x]) => x)).toEqual(['free', 'dma'])
  const last = frames.at(-1)?.handles.find((h) => h.name === 'buf')
  expect(last).toMatchObject({
    handle: 0x100000,
    alias: 'private',
    device: 'nic',
    bounce: null,
    bits: [{ bit: 39, name: 'shared', set: false }]
  })
})

test(
  'frames hold what the trace tells in words: every change of protection, owner, flag and TDI is in the frame of ' +
    'its step',
  () => {
    for (const [file, kernel, platform] of [
      [RACE, 'rfc-v1', 'arm-cca'],
      ['litmus/coherent/coherent-free-with-driver-without-driver.litmus', 'cc-v8', 'arm-cca'],
      ['litmus/flag-races/flag-shares-byte-on-x86.litmus', 'rfc-v1', 'amd-sev-snp'],
      ['litmus/conversions/conversion-checked-without-check.litmus', 'cc-v8', 'arm-cca']
    ] as const) {
      for (const v of checkTest(textOf(file), kernel, platform, { frames: true }).violations) {
        let seen = 0
        for (const [i, s] of [...v.initSteps, ...v.trace].entries()) {
          const f = v.frames?.[i] as Frame
          if (s.statement === 'boot') continue
          for (const c of s.changed) {
            const page = f.pages.find((p) => c.pfn !== undefined && p.pfn <= c.pfn && c.pfn < p.pfn + p.pages)
            if (c.of === 'protection')
              expect(`${page?.protection}, mapped ${page?.mapped}`).toBe(c.after.replace(/ \(.*/, ''))
            else if (c.of === 'owner') expect(page?.owner).toBe(c.after)
            else if (/\.tdi$/.test(c.what)) expect(f.devices.find((d) => c.what === `${d.name}.tdi`)?.tdi).toBe(c.after)
            else if (/\.accepted$/.test(c.what))
              expect(f.devices.find((d) => c.what === `${d.name}.accepted`)?.accepted).toBe(c.after === '1')
            else continue
            seen++
          }
        }
        expect(seen, `${file} ${v.id}`).toBeGreaterThan(0)
      }
    }
  }
)

test('what decided: each decision is told once a call, before the step it leads to', () => {
  const { frames, steps } = framed(
    'litmus/coherent/coherent-free-with-driver-without-driver.litmus',
    'cc-v8',
    'arm-cca',
    'exposed'
  )
  const of = (statement: string) => frames.filter((_, i) => steps[i]?.statement === statement).flatMap((f) => f.decided)
  expect(of('buf = dma_alloc_coherent(nic, 4K)')).toEqual([
    'accept',
    'acceptedTest',
    'allocByAttr',
    'acceptedClearsForce',
    'sharedGranule',
    'clearBitsAfterRangeMap',
    'reencryptOnFree'
  ])
  expect(of('tsm_accept(nic)')).toEqual(['accept'])
  expect(of('dma_free_coherent(nic, buf)')).toEqual([
    'allocByAttr',
    'acceptedClearsForce',
    'accept',
    'acceptedTest',
    'clearBitsAfterRangeMap',
    'canonicalPhys'
  ])
})

const told = (r: CheckResult) => ({
  ...r,
  violations: r.violations.map((v) => v.id),
  reported: r.reported.map((v) => v.id)
})

test('a search in small portions is the search in one, and one that is stopped keeps what it found', () => {
  const t = textOf(RACE)
  const whole = checkTest(t, 'rfc-v1', 'arm-cca')
  for (const portion of [1, 7, 1000]) {
    const s = beginCheck(t, 'rfc-v1', 'arm-cca')
    let turns = 0
    while (s.advance(portion)) turns++
    expect(turns > 0).toBe(portion < whole.states)
    expect(told(s.result(ways))).toEqual(told(whole))
  }
  let met = false
  for (let turns = 0; turns < 60; turns++) {
    const s = beginCheck(t, 'rfc-v1', 'arm-cca')
    for (let i = 0; i < turns; i++) if (!s.advance(5)) break
    const r = s.result(ways)
    if (r.complete) continue
    expect(['violated', 'incomplete']).toContain(r.verdict)
    for (const v of r.violations) {
      met = true
      expect(whole.violations.map((w) => w.property)).toContain(v.property)
    }
  }
  expect(met).toBe(true)
  expect(beginCheck(t, 'linux-6.12', 'arm-cca').result(ways).verdict).toBe('skipped')
})

test('a result without the ways to its findings says the same, and the whole one can be asked for afterwards', () => {
  const t = textOf(RACE)
  const s = beginCheck(t, 'rfc-v1-05', 'arm-cca')
  while (s.advance(1000)) {
    /* to its end */
  }
  const quick = s.result(null)
  const whole = s.result(ways)
  expect(whole).toEqual(checkTest(t, 'rfc-v1-05', 'arm-cca'))
  expect(quick).toEqual(checkTest(t, 'rfc-v1-05', 'arm-cca', { traces: false }))
  expect(quick.violations.map((v) => v.trace.length)).toEqual(whole.violations.map(() => 0))
  expect([quick.verdict, quick.states, quick.expected, quick.violations.map((v) => v.property).sort()]).toEqual([
    whole.verdict,
    whole.states,
    whole.expected,
    whole.violations.map((v) => v.property).sort()
  ])
})
