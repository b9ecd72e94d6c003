import { expect, test } from 'vitest'
import { gz, replay } from '../../test/_recorded-rmm.ts'
import { codes } from '../base/index.ts'

test('an extract of the recordings replays without a mismatch', () => {
  const t = replay('fixture', gz('test/fixtures/rmm/sequences.json.gz'))
  expect(t.errors).toEqual([])
  expect(t.mismatches).toEqual([])
  expect(t.operations).toBeGreaterThan(1000)
  expect(t.rims).toBeGreaterThan(5)
  expect(t.defects.length).toBe(1)
})

test(
  'an extract of the recordings of generation 2.0 replays without a mismatch, with the reasons why that firmware ' +
    'stopped',
  () => {
    const t = replay('fixture', gz('test/fixtures/rmm/sequences-rmi2.json.gz'))
    expect([t.errors, t.mismatches]).toEqual([[], []])
    expect([t.sequences, t.unaligned, t.rims > 0]).toEqual([20, 1, true])
    expect([...t.firmwares]).toEqual([['tf-rmm-9a7f8ef4', 20]])
    expect(t.defects.map((d) => (d.stop ?? 'unknown').split(':')[0]).sort()).toEqual([
      'assertion',
      'self-deadlock',
      'self-deadlock'
    ])
  }
)

test('each kind of recorded value is compared: a changed recording is a mismatch', () => {
  const original = JSON.parse(gz('test/fixtures/rmm/sequences.json.gz')) as {
    sequences: Array<{ steps: Array<Record<string, unknown>> }>
  }
  const change = (field: string, make: (v: unknown) => unknown): number => {
    const copy = structuredClone(original)
    for (const q of copy.sequences) {
      for (const s of q.steps) {
        if (field in s && (field !== 'out' || s['status'] === 'SUCCESS')) {
          s[field] = make(s[field])
          // that sequence alone: the others are as they were
          copy.sequences = [q]
          return replay('changed', JSON.stringify(copy)).mismatches.filter((m) =>
            field === 'out' ? m.field.startsWith('x') : m.field === field
          ).length
        }
      }
    }
    throw new Error(`no ${field} in the fixture`)
  }
  for (const field of ['status', 'index', 'out', 'state', 'refcount', 'rim', 'exit', 'failures', 'byte0']) {
    expect([
      field,
      change(field, (v) =>
        Array.isArray(v) ? ['0x123000'] : typeof v === 'number' ? v + 1 : typeof v === 'string' ? `${v}x` : v
      )
    ]).toEqual([field, 1])
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
    ['PDEV_CREATE g0 g1 g2', 'TB-521', 'g2'],
    ['MEC_SET_PRIVATE g0 g1', 'TB-522', 'MEC_SET_PRIVATE'],
    ['GENERATION 2.0\nRTT_DATA_UNMAP g0 0x0 0x1000 SOME 0x0', 'TB-521', 'SOME'],
    ['GENERATION 2.0\nOP_CONTINUE hx', 'TB-521', 'hx'],
    ['GENERATION 2.0\nRTT_DATA_MAP g0 0x0 0x1000 g1/4*1', 'TB-521', 'g1/4*1']
  ]
  for (const [text, code, word] of cases) {
    const e = replay('f', text).errors[0]
    expect([text, e?.code, e?.word]).toEqual([text, code, word])
    expect(Object.keys(codes)).toContain(e?.code)
  }
  expect(replay('f', 'RTT_CRAETE g0 g1 0 2').errors[0]?.nearest?.[0]).toBe('RTT_CREATE')
})

test('text recordings carry answers too', () => {
  const good =
    'GRANULE_DELEGATE g0 => SUCCESS 0\nGRANULE_DELEGATE g0 => ERROR_INPUT # twice\nGRANULE_UNDELEGATE 0x123 => ' +
    'ERROR_INPUT'
  expect(replay('f', good).mismatches).toEqual([])
  const rtt =
    'BULK_DELEGATE g64 2\nGRANULE_DELEGATE g0\nREALM_CREATE g0 s2sz=40 start=1 num=2 rtt=g64\nDATA_DESTROY g0 ' +
    '0x0 => RMI_ERROR_RTT(1)'
  for (const t of [rtt, JSON.stringify({ steps: rtt.split('\n') })]) {
    expect(replay('f', t).mismatches).toEqual([])
    expect(replay('f', t.replace('(1)', '(2)')).mismatches.map((m) => m.field)).toEqual(['index'])
  }
  expect(replay('f', good.replace('=> ERROR_INPUT #', '=> SUCCESS #')).mismatches[0]).toMatchObject({
    step: 2,
    field: 'status',
    recorded: 'SUCCESS',
    model: 'ERROR_INPUT'
  })
})

test(
  'other shapes of the same recording are read: names, steps alone, answers apart, ' + 'levels in the status, numbers',
  () => {
    const d = { cmd: 'GRANULE_DELEGATE g0', status: 'SUCCESS', index: 0 }
    const setup = ['BULK_DELEGATE g64 2', 'GRANULE_DELEGATE g0', 'REALM_CREATE g0 s2sz=40 start=1 num=2 rtt=g64']
    const shapes: unknown[] = [
      [d, { ...d, status: 'ERROR_INPUT' }],
      { a: { steps: [d] }, b: { steps: [d] } },
      {
        tests: [
          {
            id: 'x',
            setup: ['GRANULE_DELEGATE g0'],
            command: 'GRANULE_DELEGATE g0',
            expect: { status: 'RMI_ERROR_INPUT', index: '0' }
          }
        ]
      },
      { cases: [{ name: 'x', ref: 'section 2', cmd: 'granule_delegate', args: ['g0'], expected: 'SUCCESS' }] },
      {
        sequences: [
          { seed: 1, steps: [] },
          { seed: 2, steps: [{ ...d, status: 0 }] }
        ]
      },
      {
        cases: [
          { setup, cmd: 'DATA_DESTROY g0 0x0', status: 'ERROR_RTT(1)', out: ['0x8000000000'] },
          { setup, cmd: 'DATA_DESTROY g0 0', status: 4, index: 1, out: [0, 549755813888] },
          { setup, cmd: 'RIM g0', state: 'NEW' },
          { setup, cmd: 'DATA_DESTROY g0 0', status: 'RTT 1', top: '0x8000000000' }
        ]
      }
    ]
    for (const s of shapes) {
      const t = replay('f', `\uFEFF${JSON.stringify(s)}`)
      expect([t.errors, t.mismatches]).toEqual([[], []])
      expect(t.compared).toBeGreaterThan(0)
    }
    expect(
      replay(
        'f',
        JSON.stringify({ cases: [{ setup, cmd: 'DATA_DESTROY g0 0x0', status: 'ERROR_RTT(2)' }] })
      ).mismatches.map((m) => m.field)
    ).toEqual(['index'])
    expect(replay('f', 'BULK_DELEGATE g0 99999999999999').errors[0]?.code).toBe('TB-521')
  }
)

const two = [
  'GENERATION 2.0',
  'BULK_DELEGATE g64 2',
  'BULK_DELEGATE g0 1',
  'REALM_CREATE g0 s2sz=40 start=1 num=2 rtt=g64 => SUCCESS',
  'BULK_DELEGATE g10 40',
  'RTT_CREATE g0 g30 0x0 2 => SUCCESS',
  'RTT_CREATE g0 g31 0x0 3 => SUCCESS'
]
const good = (lines: readonly unknown[]): void => {
  const t = replay('f', JSON.stringify({ steps: [...two, ...lines] }))
  expect([t.errors, t.mismatches]).toEqual([[], []])
}
const bad = (lines: readonly unknown[]): string[] => {
  const t = replay('f', JSON.stringify({ steps: [...two, ...lines] }))
  expect(t.errors).toEqual([])
  return t.mismatches.map((m) => m.field)
}

test('a real trace of 2.0: flags and registers, five-argument unmap, list output, descriptor state', () => {
  const mapped = { cmd: 'RTT_DATA_MAP g0 0x0 0x3000 g10/3*3:delegated', status: 'SUCCESS', out: ['0x3000'] }
  const list = ['RTT_DATA_MAP g0 0x10000 0x11000 g20/3*1']
  good([
    mapped,
    { cmd: 'RTT_DATA_UNMAP g0 0x0 0x3000 0x1 0x0', status: 'SUCCESS', out: ['0x3000', '0x40000a00c', '0x0'] }
  ])
  good([
    mapped,
    ...list,
    {
      cmd: 'RTT_DATA_UNMAP g0 0x0 0x200000 0x12 g900',
      status: 'SUCCESS',
      out: ['0x200000', '0x0', '0x2'],
      list: ['g10/3*3', 'g20/3*1']
    }
  ])
  expect(
    bad([
      mapped,
      ...list,
      { cmd: 'RTT_DATA_UNMAP g0 0x0 0x200000 LIST*4 g900', status: 'SUCCESS', list: ['g10/3*2', 'g20/3*1'] }
    ])
  ).toEqual(['list'])
  // a descriptor as the register holds it: address, count 2, 4 KiB, delegated; and the list it may be
  good([{ cmd: 'RTT_DATA_MAP g0 0x0 0x2000 0x1 0x40000a008', status: 'SUCCESS', out: ['0x2000'] }])
  good([
    'LIST g900 g10/3*1,g12/3*1',
    { cmd: 'RTT_DATA_MAP g0 0x0 0x2000 0xa g900', status: 'SUCCESS', out: ['0x2000'] },
    { cmd: 'RTT_READ_ENTRY g0 0x1000 3', status: 'SUCCESS', out: ['0x3', '0x1', 'g12', '0x0'] }
  ])
})

test(
  "operations of 2.0: the recorded handle stands for the model's; IRQ lets a command yield; BULK commands are " +
    'ranges',
  () => {
    good([
      { cmd: 'BULK_DELEGATE g200 16', failures: 0 },
      { cmd: 'REC_CREATE g0 g20', status: 'INCOMPLETE', memreq: 'DONATE', out: ['0xabc'] },
      { cmd: 'OP_CONTINUE 0xabc', status: 'ERROR_INPUT' },
      { cmd: 'OP_MEM_DONATE 0xabc g200/3*16', status: 'INCOMPLETE', memreq: 'NONE' },
      { cmd: 'OP_CONTINUE 0xabc', status: 'SUCCESS' },
      { cmd: 'GSTATE g200', state: 'REC_AUX' },
      { cmd: 'GSTATE g20', state: 'REC' }
    ])
    good([
      { cmd: 'BULK_DELEGATE g512 512', failures: 0 },
      'IRQ 9',
      { cmd: 'RTT_DATA_MAP g0 0x200000 0x400000 g512/2*1', status: 'INCOMPLETE', handle: 'h1' },
      { cmd: 'GSTATE g519', state: 'DATA' },
      { cmd: 'GSTATE g520', state: 'DELEGATED' },
      { cmd: 'RTT_DATA_MAP g0 0x200000 0x400000 g512/2*1', status: 'BUSY' },
      { cmd: 'OP_CONTINUE h1', status: 'SUCCESS', out: ['0x400000', '0x0', '0x0'] },
      { cmd: 'BULK_UNDELEGATE g512 1', failures: 1 }
    ])
    good([
      { cmd: 'BULK_DATA_UNKNOWN g0 g10 0x0 4', failures: 0 },
      { cmd: 'BULK_DATA_DESTROY g0 0x0 4', failures: 0 }
    ])
  }
)

test('BASE says where memory lies, which a descriptor of 1 GiB depends on', () => {
  const lines = (base: string): string =>
    [
      `GENERATION 2.0\nBASE ${base}`,
      ...two.slice(1),
      'RTT_DATA_MAP g0 0x40000000 0x80000000 g0/1*1 => ERROR_INPUT',
      'RTT_DATA_MAP g0 0x0 0x40000000 g0/1*1 => ERROR_RTT(1)'
    ].join('\n')
  expect(replay('f', lines('0x400000000')).mismatches.map((m) => m.field)).toEqual([])
  expect(replay('f', lines('0x400200000')).mismatches.map((m) => m.field)).toEqual(['status', 'index'])
  // Without the line, memory that is not 1 GiB aligned is taken for it where only that explains every answer.
  const without = lines('0x400000000')
    .split('\n')
    .filter((l) => !l.startsWith('BASE'))
    .join('\n')
    .replace('=> ERROR_RTT(1)', '=> ERROR_INPUT')
  const t = replay('f', without)
  expect([t.mismatches, t.unaligned]).toEqual([[], 1])
})
