import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { codes } from '../base/index.ts'
import { conformSequence, emptyConformance } from './rmm.ts'
import { parseSequences } from './rmm-sequence.ts'

const replay = (file: string, text: string) => {
  const total = emptyConformance()
  const r = parseSequences(file, text)
  if (!r.ok) return { ...total, errors: [r.error] }
  for (const q of r.value) conformSequence(file, q, total)
  return total
}
const gz = (path: string): string => gunzipSync(readFileSync(path)).toString('utf8')

test('an extract of the recordings replays without a mismatch', () => {
  const t = replay('fixture', gz('test/fixtures/rmm/sequences.json.gz'))
  expect(t.errors).toEqual([])
  expect(t.mismatches).toEqual([])
  expect(t.operations).toBeGreaterThan(1000)
  expect(t.rims).toBeGreaterThan(5)
  expect(t.defects.length).toBe(1)
})

const shared = '../shared/data/rmm/sequences.json.gz'
test.skipIf(!existsSync(shared))('all 200 recorded sequences of TF-RMM v0.8.0 replay without a mismatch (needs ../shared)', () => {
  const t = replay('sequences', gz(shared))
  expect(t.mismatches).toEqual([])
  expect(t.operations).toBe(14197)
  expect(t.sequences).toBe(200)
  expect(t.defects.every((d) => d.endsWith('the model answers ERROR_INPUT'))).toBe(true)
})

test('each kind of recorded value is compared: a changed recording is a mismatch', () => {
  const original = JSON.parse(gz('test/fixtures/rmm/sequences.json.gz')) as { sequences: Array<{ steps: Array<Record<string, unknown>> }> }
  const change = (field: string, make: (v: unknown) => unknown): number => {
    const copy = structuredClone(original)
    for (const q of copy.sequences) {
      for (const s of q.steps) {
        if (field in s && (field !== 'out' || s['status'] === 'SUCCESS')) {
          s[field] = make(s[field])
          return replay('changed', JSON.stringify(copy)).mismatches.filter((m) => (field === 'out' ? m.field.startsWith('x') : m.field === field)).length
        }
      }
    }
    throw new Error(`no ${field} in the fixture`)
  }
  for (const field of ['status', 'index', 'out', 'state', 'refcount', 'rim', 'exit', 'failures', 'byte0']) {
    expect([field, change(field, (v) => (Array.isArray(v) ? ['0x123000'] : typeof v === 'number' ? v + 1 : typeof v === 'string' ? `${v}x` : v))]).toEqual([field, 1])
  }
  for (const field of ['ripas', 'rsi']) expect([field, change(field, () => ['0x5000', '0x0', 7])]).toEqual([field, 1])
})

test('wrong input is a diagnostic with a known code that names the word', () => {
  const cases: Array<[string, string, string]> = [
    ['', 'TB-520', ''],
    ['{"sequences": 3}', 'TB-520', ''],
    ['{ broken', 'TB-520', ''],
    ['RTT_CRAETE g0 g1 0 2', 'TB-521', 'RTT_CRAETE'],
    ['RTT_CREATE g0 g1 0x0', 'TB-521', ''],
    ['RTT_CREATE g0 g1 0x0 2 9', 'TB-521', '9'],
    ['RTT_CREATE g0 gx 0x0 2', 'TB-521', 'gx'],
    ['REALM_CREATE g0 s2size=40', 'TB-521', 's2size'],
    ['PDEV_CREATE g0 g1', 'TB-522', 'PDEV_CREATE']
  ]
  for (const [text, code, word] of cases) {
    const e = replay('f', text).errors[0]
    expect([text, e?.code, e?.word]).toEqual([text, code, word])
    expect(Object.keys(codes)).toContain(e?.code)
  }
  expect(replay('f', 'RTT_CRAETE g0 g1 0 2').errors[0]?.nearest?.[0]).toBe('RTT_CREATE')
})

test('text recordings carry answers too', () => {
  const good = 'GRANULE_DELEGATE g0 => SUCCESS 0\nGRANULE_DELEGATE g0 => ERROR_INPUT # twice\nGRANULE_UNDELEGATE 0x123 => ERROR_INPUT'
  expect(replay('f', good).mismatches).toEqual([])
  expect(replay('f', good.replace('=> ERROR_INPUT #', '=> SUCCESS #')).mismatches[0]).toMatchObject({ step: 2, field: 'status', recorded: 'SUCCESS', model: 'ERROR_INPUT' })
})
