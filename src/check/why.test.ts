import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from '../litmus/index.ts'
import type { CheckResult } from './check.ts'
import { checkTest } from './ways.ts'
import { whyOf } from './why.ts'

function checked(file: string, kernel: string, platform: string): CheckResult {
  const t = parse(readFileSync(file, 'utf8'), file).test
  if (t === undefined) throw new Error(`${file} parses`)
  return checkTest(t, kernel, platform)
}
const found = (r: CheckResult, property: string) => {
  const v = r.violations.find((x) => x.property === property)
  if (v === undefined) throw new Error(`${r.test} is ${property}`)
  return whyOf(v, r.platform)
}

test('two answers to one question are the story, and what came between them', () => {
  const why = found(
    checked('litmus/coherent/coherent-free-with-driver-without-driver.litmus', 'cc-v8', 'arm-cca'),
    'exposed'
  )
  expect(why.headline).toBe('dma_direct_free frees page 0x100, which the host still reaches')
  const reads = why.ingredients.filter((i) => i.kind === 'read')
  expect(reads.map((i) => i.text)).toEqual([
    'dma_alloc_coherent: nic.accepted clear',
    'dma_free_coherent: nic.accepted set'
  ])
  expect(why.ingredients.filter((i) => i.weight >= 7).map((i) => i.kind)).toEqual([
    'read',
    'protection',
    'flag',
    'read'
  ])
  expect(why.ingredients.map((i) => i.step)).toEqual([...why.ingredients.map((i) => i.step)].sort((a, b) => a - b))
})

test('an access that a row of the table judged: T, alias and page, with the row', () => {
  const why = found(
    checked('litmus/attributes/shared-heap-page-at-t1-without-attribute.litmus', 'rfc-v1', 'arm-cca'),
    'fault'
  )
  expect(why.access).toMatchObject({
    device: 'nic',
    verb: 'reads',
    address: '0x100000',
    t: 1,
    alias: 'P',
    page: 'shr',
    rule: 'cca-t1-p-shr',
    outcome: 'F_TRANSLATION'
  })
  expect(why.headline).toBe('nic at T=1 reads 0x100000, the private alias; the page is shared: F_TRANSLATION')
})

test('what the TDI, a lost update, a failing conversion come to', () => {
  expect(
    found(checked('test/fixtures/litmus/accept-while-mapping.litmus', 'rfc-v1', 'arm-cca'), 'fault').headline
  ).toBe('nic is locked and does not send its read of 0x8000f00000')
  const lost = found(checked('test/fixtures/litmus/bits.litmus', 'rfc-v1', 'arm-cca'), 'lost_update')
  expect(lost.headline).toBe('pci_tsm_accept overwrites an update of dma_skip_sync in nic.bits')
  expect(lost.ingredients.filter((i) => i.weight >= 7).map((i) => i.text)).toEqual([
    'admin reads nic.bits',
    'driver: nic.bits -dma_skip_sync'
  ])
  const failed = checked('litmus/conversions/conversion-checked-without-check.litmus', 'cc-v8', 'arm-cca')
  expect(
    failed.violations
      .map((v) => whyOf(v, 'arm-cca'))
      .some((w) => w.ingredients.some((i) => i.kind === 'choice' && /fails/.test(i.text)))
  ).toBe(true)
})
