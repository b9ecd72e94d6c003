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
  const rtt = 'BULK_DELEGATE g64 2\nGRANULE_DELEGATE g0\nREALM_CREATE g0 s2sz=40 start=1 num=2 rtt=g64\nDATA_DESTROY g0 0x0 => RMI_ERROR_RTT(1)'
  for (const t of [rtt, JSON.stringify({ steps: rtt.split('\n') })]) {
    expect(replay('f', t).mismatches).toEqual([])
    expect(replay('f', t.replace('(1)', '(2)')).mismatches.map((m) => m.field)).toEqual(['index'])
  }
  expect(replay('f', good.replace('=> ERROR_INPUT #', '=> SUCCESS #')).mismatches[0]).toMatchObject({ step: 2, field: 'status', recorded: 'SUCCESS', model: 'ERROR_INPUT' })
})

test('other shapes of the same recording are read: names, steps alone, answers apart, levels in the status, numbers', () => {
  const d = { cmd: 'GRANULE_DELEGATE g0', status: 'SUCCESS', index: 0 }
  const setup = ['BULK_DELEGATE g64 2', 'GRANULE_DELEGATE g0', 'REALM_CREATE g0 s2sz=40 start=1 num=2 rtt=g64']
  const shapes: unknown[] = [
    [d, { ...d, status: 'ERROR_INPUT' }], { a: { steps: [d] }, b: { steps: [d] } }, { tests: [{ id: 'x', setup: ['GRANULE_DELEGATE g0'], command: 'GRANULE_DELEGATE g0', expect: { status: 'RMI_ERROR_INPUT', index: '0' } }] },
    { cases: [{ name: 'x', ref: 'section 2', cmd: 'granule_delegate', args: ['g0'], expected: 'SUCCESS' }] }, { sequences: [{ seed: 1, steps: [] }, { seed: 2, steps: [{ ...d, status: 0 }] }] },
    { cases: [{ setup, cmd: 'DATA_DESTROY g0 0x0', status: 'ERROR_RTT(1)', out: ['0x8000000000'] }, { setup, cmd: 'DATA_DESTROY g0 0', status: 4, index: 1, out: [0, 549755813888] }, { setup, cmd: 'RIM g0', state: 'NEW' }, { setup, cmd: 'DATA_DESTROY g0 0', status: 'RTT 1', top: '0x8000000000' }] }
  ]
  for (const s of shapes) {
    const t = replay('f', `\uFEFF${JSON.stringify(s)}`)
    expect([t.errors, t.mismatches]).toEqual([[], []])
    expect(t.compared).toBeGreaterThan(0)
  }
  expect(replay('f', JSON.stringify({ cases: [{ setup, cmd: 'DATA_DESTROY g0 0x0', status: 'ERROR_RTT(2)' }] })).mismatches.map((m) => m.field)).toEqual(['index'])
  expect(replay('f', 'BULK_DELEGATE g0 99999999999999').errors[0]?.code).toBe('TB-521')
})
