// The rules of RMI 2.0, one row each, as rmm-rules.test.ts has those of 1.x. The third column says where a rule comes
// from: `seed:step` of the sequences recorded from TF-RMM main 9a7f8ef4 (0-based), where the same command was answered
// the same way for the same reason, or the source file of the firmware in which it was read. Rules of the second kind
// have not been seen on a running firmware here.
import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { type Row, rules } from './_rmm-rows.ts'

type Cited = readonly [cmd: string, expected: string, from: string]
const cited: Cited[] = []

/** Rows of 2.0; `stepwise`: the host's part of an INCOMPLETE command is written out. */
function rules2(name: string, preparation: readonly string[], rows: readonly Cited[], stepwise = false): void {
  cited.push(...rows)
  rules(
    name,
    preparation,
    rows.map(([cmd, expected]): Row => [cmd, expected]),
    { generation: '2.0', stepwise }
  )
}

// g0 RD, g64-g65 roots, g10-g41 and g1024-g2047 delegated, g30 and g31 tables.
const PAR = 0x8000000000
const x = (n: number): string => `0x${n.toString(16)}`
const g = (n: number): string => x(0x400000000 + n * 4096)
const realm = [
  'BULK_DELEGATE g64 2',
  'BULK_DELEGATE g0 1',
  'REALM_CREATE g0 s2sz=40 start=1 num=2 rtt=g64',
  'BULK_DELEGATE g10 31',
  'BULK_DELEGATE g1024 1024'
]
const tables = [...realm, 'RTT_CREATE g0 g30 0x0 2', 'RTT_CREATE g0 g31 0x0 3']
const unprot = [...tables, `RTT_CREATE g0 g32 ${x(PAR)} 2`, `RTT_CREATE g0 g33 ${x(PAR)} 3`]
const mapped = [...tables, 'RTT_DATA_MAP g0 0x1000 0x3000 g10/3*2', 'RTT_DATA_MAP g0 0x200000 0x400000 g1024/2*1']

rules2('granule ranges move one granule a call', realm, [
  ['GRANULE_RANGE_DELEGATE g4 g5', `SUCCESS | ${g(5)}`, '1:1'],
  ['GRANULE_RANGE_DELEGATE g4 g8', `SUCCESS | ${g(5)}`, 'granule.c'],
  ['GRANULE_RANGE_DELEGATE g10 g11', 'INPUT', '5:116'],
  ['GRANULE_RANGE_UNDELEGATE g10 g11', `SUCCESS | ${g(11)}`, '3:77'],
  ['GRANULE_RANGE_UNDELEGATE g10 g14', `SUCCESS | ${g(11)}`, 'granule.c'],
  ['GRANULE_RANGE_UNDELEGATE g900 g901', 'INPUT', '13:58'],
  ['RTT_CREATE g0 g30 0x0 2 ; GRANULE_RANGE_UNDELEGATE g30 g31', 'INPUT', '15:66'],
  ['GRANULE_RANGE_DELEGATE g4 g4', 'INPUT', 'granule.c'],
  ['GRANULE_RANGE_DELEGATE g8 g4', 'INPUT', 'granule.c'],
  ['GRANULE_RANGE_DELEGATE g4+0x800 g8', 'INPUT', 'granule.c'],
  ['GRANULE_RANGE_DELEGATE g4 g8+0x800', 'INPUT', 'granule.c'],
  ['GRANULE_RANGE_DELEGATE 0x1000 0x2000', 'INPUT', 'granule.c'],
  ['GRANULE_DELEGATE g4', 'NOT_SUPPORTED', 'smc-rmi.h'],
  ['DATA_CREATE_UNKNOWN g0 g10 0x0', 'NOT_SUPPORTED', 'smc-rmi.h'],
  ['REC_AUX_COUNT g0', 'NOT_SUPPORTED', 'smc-rmi.h']
])
rules2('Realms', realm, [
  ['REALM_CREATE g10 s2sz=40 start=1 num=2 rtt=g12', 'SUCCESS', '1:67'],
  [
    'REALM_CREATE g10 s2sz=40 start=1 num=2 rtt=g12 vmid=1 ; REALM_CREATE g11 s2sz=40 start=1 num=2 rtt=g14 vmid=1',
    'SUCCESS',
    'realm.c'
  ],
  ['REALM_CREATE g10 s2sz=40 start=1 num=2 rtt=g12 algo=2', 'SUCCESS', 'measurement.c'],
  ['REALM_CREATE g10 s2sz=40 start=1 num=2 rtt=g12 algo=3', 'INPUT', 'measurement.c'],
  ['REALM_ACTIVATE g0 ; REALM_ACTIVATE g0', 'REALM 0', '33:608'],
  ['REALM_DESTROY g0', 'REALM 0', 'realm.c'],
  ['REALM_TERMINATE g0 ; REALM_DESTROY g0', 'SUCCESS', 'realm.c'],
  ['REALM_TERMINATE g0 ; REALM_TERMINATE g0', 'SUCCESS', 'realm.c'],
  ['REALM_TERMINATE g0 ; REALM_ACTIVATE g0', 'REALM 0', 'realm.c'],
  ['REALM_TERMINATE g10', 'INPUT', 'realm.c'],
  ['RTT_CREATE g0 g30 0x0 2 ; REALM_TERMINATE g0 ; REALM_DESTROY g0', 'REALM 0', 'realm.c'],
  ['REALM_TERMINATE g0 ; RTT_CREATE g0 g30 0x0 2', 'SUCCESS', 'rtt.c'],
  ['REALM_TERMINATE g0 ; RTT_DATA_MAP g0 0x0 0x1000 g10/3*1', 'REALM 0', 'rtt_map.c']
])
rules2('RTT_CREATE looks at the table granule first', tables, [
  ['RTT_CREATE g0 g4 0x40000000 2', 'INPUT', '11:75'],
  ['RTT_CREATE g0 g4 0x40000000 3', 'INPUT', '37:69'],
  ['RTT_CREATE g0 g10 0x40000000 3', 'RTT 1', '1:87'],
  ['RTT_CREATE g0 g10 0x0 2', 'RTT 1', '21:122'],
  ['RTT_CREATE g0 g10 0x0 3', 'RTT 2', '3:97'],
  [`RTT_CREATE g0 g10 ${x(2 * PAR)} 2`, 'INPUT', '21:78'],
  ['RTT_CREATE g10 g11 0x40000000 2', 'INPUT', '5020:100'],
  ['RTT_CREATE g0 g10 0x40000000 4', 'INPUT', '5146:604'],
  ['RTT_CREATE g0 g10 0x40000000 1', 'INPUT', '237:72'],
  ['RTT_CREATE g0 g0 0x40000000 2', 'INPUT', '5060:72']
])
rules2('RTT_DESTROY and RTT_FOLD', mapped, [
  ['RTT_DATA_UNMAP g0 0x1000 0x3000 ; RTT_DESTROY g0 0x0 3', `SUCCESS | ${g(31)} 0x200000`, '13:85'],
  ['RTT_DESTROY g0 0x0 3', 'RTT 3', '17:109'],
  ['RTT_DESTROY g0 0x400000 3', 'RTT 2', '1:94'],
  ['RTT_DATA_UNMAP g0 0x1000 0x3000 ; RTT_FOLD g0 0x0 3', `SUCCESS | ${g(31)}`, '27:592'],
  ['RTT_FOLD g0 0x0 3', 'RTT 3', '9:93']
])
rules2('RTT_INIT_RIPAS goes through mapped entries', mapped, [
  ['RTT_INIT_RIPAS g0 0x0 0x4000', 'SUCCESS | 0x4000', '17:81'],
  ['RTT_INIT_RIPAS g0 0x1000 0x2000 ; RTT_READ_ENTRY g0 0x1000 3', `SUCCESS | 0x3 0x1 ${g(10)} 0x1`, 'rtt.c'],
  ['REALM_ACTIVATE g0 ; RTT_INIT_RIPAS g0 0x0 0x4000', 'REALM 0', '1:84'],
  ['RTT_INIT_RIPAS g0 0x401000 0x402000', 'RTT 2', '27:613'],
  [`RTT_INIT_RIPAS g0 ${x(PAR)} ${x(PAR + 4096)}`, 'INPUT', '1:93'],
  [
    'RTT_DATA_MAP_INIT g0 g12 0x4000 g4 1 ; RTT_DATA_UNMAP g0 0x4000 0x5000 ; RTT_INIT_RIPAS g0 0x4000 0x5000',
    'RTT 3',
    '179:67'
  ]
])
rules2('RTT_DATA_MAP', tables, [
  ['RTT_DATA_MAP g10 0x0 0x1000 g10/3*1', 'INPUT', '3:95'],
  ['REALM_ACTIVATE g0 ; RTT_DATA_MAP g0 0x0 0x1000 g10/3*1', 'SUCCESS | 0x1000', '7:73'],
  ['RTT_DATA_MAP g0 0x1000 0x1000 g10/3*1', 'INPUT', '3:111'],
  ['RTT_DATA_MAP g0 0x0 0x1000 g10/3*0', 'INPUT', 'rtt_map.c'],
  ['RTT_DATA_MAP g0 0x0 0x2000 g10/3*1,g11/3*0', 'INPUT', 'rtt_map.c'],
  ['RTT_DATA_MAP g0 0x0 0x1000 g10/3*1:undelegated', 'INPUT', 'rtt_map.c'],
  ['RTT_DATA_MAP g0 0x0 0x1000 g10/0*1', 'INPUT', 'rtt_map.c'],
  ['RTT_DATA_MAP g0 0x1000 0x201000 g1024/2*1', 'INPUT', '37:83'],
  [`RTT_DATA_MAP g0 ${x(PAR)} ${x(PAR + 4096)} g10/3*1`, 'INPUT', '1:81'],
  [`RTT_DATA_MAP g0 ${x(PAR - 4096)} ${x(PAR + 4096)} g10/3*2`, 'INPUT', '7:59'],
  [`RTT_DATA_MAP g0 ${x(2 * PAR)} ${x(2 * PAR + 4096)} g10/3*1`, 'INPUT', '1:78'],
  ['RTT_DATA_MAP g0 0x200000 0x201000 g1024/2*1', 'RTT 2', '53:56'],
  ['RTT_DATA_MAP g0 0x200000 0x201000 g10/3*1', 'RTT 2', '3:116'],
  ['RTT_DATA_MAP g0 0x40000000 0x40001000 g10/3*1', 'RTT 1', '9:92'],
  ['RTT_DATA_MAP g0 0x0 0x200000 g1024/2*1', 'RTT 2', 'rtt_map.c'],
  ['RTT_DATA_MAP g0 0x200000 0x400000 g10/2*1', 'INPUT', 'rtt_map.c'],
  ['RTT_DATA_MAP g0 0x0 0x1000 g4/3*1', 'INPUT', '51:95'],
  ['RTT_DATA_MAP g0 0x0 0x2000 g10/3*2', 'SUCCESS | 0x2000', '23:562'],
  ['RTT_DATA_MAP g0 0x200000 0x400000 g1024/2*1', 'SUCCESS | 0x400000', '27:633'],
  ['RTT_DATA_MAP g0 0x0 0x3000 g39/3*3', 'SUCCESS | 0x2000', '1:101'],
  ['RTT_DATA_MAP g0 0x0 0x3000 g10/3*1', 'SUCCESS | 0x1000', '7:81'],
  ['RTT_DATA_MAP g0 0x1ff000 0x202000 g10/3*3', 'SUCCESS | 0x200000', '93:147'],
  ['RTT_DATA_MAP g0 0x0 0x3000 g10/3*1,g12/3*2', 'SUCCESS | 0x3000', '1:70'],
  ['RTT_DATA_MAP g0 0x200000 0x401000 g1024/2*1,g10/3*1', 'SUCCESS | 0x400000', '55:601'],
  ['RTT_DATA_MAP g0 0x0 0x1000 g10/3*1 ; RTT_DATA_MAP g0 0x0 0x1000 g10/3*1', 'SUCCESS | 0x1000', 'rtt_map.c'],
  ['RTT_DATA_MAP g0 0x0 0x1000 g10/3*1 ; RTT_DATA_MAP g0 0x0 0x1000 g11/3*1', 'RTT 3', '73:104'],
  ['RTT_DATA_MAP g0 0x200000 0x400000 g1024/2*1 ; GSTATE g1535', 'DATA 0', 'rtt_map.c'],
  [
    'RTT_INIT_RIPAS g0 0x200000 0x400000 ; RTT_DATA_MAP g0 0x200000 0x400000 g1024/2*1 ; RTT_READ_ENTRY g0 0x200000 2',
    `SUCCESS | 0x2 0x1 ${g(1024)} 0x1`,
    'rtt_map.c'
  ]
])
rules2('RTT_DATA_MAP_INIT', tables, [
  ['RTT_DATA_MAP_INIT g0 g10 0x0 g4 1', 'SUCCESS', '51:72'],
  ['RTT_DATA_MAP_INIT g0 g10 0x0 g4 2', 'INPUT', '3:114'],
  ['RTT_DATA_MAP_INIT g0 g10 0x0 g11 1', 'INPUT', '23:604'],
  ['RTT_DATA_MAP_INIT g10 g11 0x0 g4 1', 'INPUT', '9:106'],
  // data = RD before the Realm's state; the Realm's state before everything about data and IPA; the entry before the
  // data granule
  ['REALM_ACTIVATE g0 ; RTT_DATA_MAP_INIT g0 g0 0x0 g4 1', 'INPUT', '33:642'],
  ['REALM_ACTIVATE g0 ; RTT_DATA_MAP_INIT g0 g5 0x0 g4 1', 'REALM 0', '5106:124'],
  [`REALM_ACTIVATE g0 ; RTT_DATA_MAP_INIT g0 g10 ${x(PAR)} g4 1`, 'REALM 0', '75:92'],
  [`RTT_DATA_MAP_INIT g0 g10 ${x(PAR)} g4 1`, 'INPUT', '11:112'],
  ['RTT_DATA_MAP_INIT g0 g10 0x800 g4 1', 'INPUT', 'rtt_map.c'],
  ['RTT_DATA_MAP_INIT g0 g4 0x200000 g5 1', 'RTT 2', '5310:84'],
  ['RTT_DATA_MAP_INIT g0 g4 0x0 g5 1', 'INPUT', '157:581'],
  ['RTT_DATA_MAP g0 0x0 0x1000 g10/3*1 ; RTT_DATA_MAP_INIT g0 g4 0x0 g5 1', 'RTT 3', '79:603'],
  ['RTT_DATA_MAP_INIT g0 g31 0x0 g4 1', 'INPUT', '61:84']
])
rules2('unmapping sweeps one table', mapped, [
  ['RTT_DATA_UNMAP g10 0x0 0x1000', 'INPUT', '5:94'],
  ['RTT_DATA_UNMAP g0 0x1000 0x1000', 'INPUT', '1:96'],
  ['RTT_DATA_UNMAP g0 0x800 0x2000', 'INPUT', '11:104'],
  [`RTT_DATA_UNMAP g0 ${x(PAR)} ${x(PAR + 4096)}`, 'INPUT', '1:71'],
  [`RTT_DATA_UNMAP g0 0x0 ${x(PAR + 4096)}`, 'INPUT', '21:82'],
  ['RTT_DATA_UNMAP g0 0x40001000 0x40002000', 'RTT 1', '11:100'],
  ['RTT_DATA_UNMAP g0 0x401000 0x600000', 'RTT 2', '21:108'],
  ['RTT_DATA_UNMAP g0 0x400000 0x408000', 'RTT 2', '41:621'],
  ['RTT_DATA_UNMAP g0 0x0 0x40000000', 'SUCCESS | 0x200000', '3:85'],
  ['RTT_DATA_UNMAP g0 0x400000 0x600000', 'SUCCESS | 0x600000', '3:90'],
  ['RTT_DATA_UNMAP g0 0x1000 0x2000', 'SUCCESS | 0x2000', 'rtt_unmap.c'],
  ['RTT_DATA_UNMAP g0 0x200000 0x500000', 'SUCCESS | 0x400000', 'rtt_unmap.c'],
  ['RTT_DATA_UNMAP g0 0x200000 0x400000 ; GSTATE g1535', 'DELEGATED 0', 'rtt_unmap.c'],
  ['RTT_DATA_UNMAP g0 0x0 0x200000 ; RTT_DESTROY g0 0x0 3', 'SUCCESS', 'rtt_unmap.c']
])
rules2('what an unmapping tells', mapped, [
  ['RTT_DATA_UNMAP g0 0x1000 0x3000 NONE 0x0', 'SUCCESS | 0x3000 0x0 0x0', 'rtt_unmap.c'],
  [
    'RTT_DATA_UNMAP g0 0x1000 0x3000 SINGLE 0x0',
    `SUCCESS | 0x3000 ${x(0x400000000 + 10 * 4096 + 8)} 0x0`,
    'rtt_unmap.c'
  ],
  ['RTT_DATA_UNMAP g0 0x1000 0x3000 0x1 0x0', `SUCCESS | 0x3000 ${x(0x400000000 + 10 * 4096 + 8)} 0x0`, 'rtt_unmap.c'],
  ['RTT_DATA_UNMAP g0 0x0 0x200000 LIST*4 g900', 'SUCCESS | 0x200000 0x0 0x1', 'rtt_unmap.c'],
  [
    'RTT_DATA_MAP g0 0x4000 0x5000 g20/3*1 ; RTT_DATA_UNMAP g0 0x0 0x200000 LIST*4 g900',
    'SUCCESS | 0x200000 0x0 0x2',
    'rtt_unmap.c'
  ],
  [
    'RTT_DATA_MAP g0 0x4000 0x5000 g20/3*1 ; RTT_DATA_UNMAP g0 0x0 0x200000 SINGLE 0x0',
    `SUCCESS | 0x4000 ${x(0x400000000 + 10 * 4096 + 8)} 0x0`,
    'rtt_unmap.c'
  ],
  ['RTT_DATA_UNMAP g0 0x1000 0x3000 0x2 g900', 'INPUT', 'rtt_unmap.c']
])
rules2('unprotected ranges', unprot, [
  [`RTT_UNPROT_MAP g0 ${x(PAR)} ${x(PAR + 0x2000)} 0xd8 g4/3*2`, `SUCCESS | ${x(PAR + 0x2000)}`, '7:56'],
  [
    `RTT_UNPROT_MAP g0 ${x(PAR + 0x400000)} ${x(PAR + 0x600000)} 0xd8 g512/2*1`,
    `SUCCESS | ${x(PAR + 0x600000)}`,
    '7:60'
  ],
  [`RTT_UNPROT_MAP g0 ${x(PAR)} ${x(PAR + 0x3000)} 0x14 g4/3*1`, `SUCCESS | ${x(PAR + 0x1000)}`, '15:85'],
  [`RTT_UNPROT_MAP g10 ${x(PAR)} ${x(PAR + 0x1000)} 0xd8 g4/3*1`, 'INPUT', '3:78'],
  ['RTT_UNPROT_MAP g0 0x0 0x1000 0xd8 g4/3*1', 'INPUT', '7:72'],
  [`RTT_UNPROT_MAP g0 ${x(PAR + 0x1000)} ${x(PAR + 0x201000)} 0xd8 g512/2*1`, 'INPUT', '11:117'],
  [`RTT_UNPROT_MAP g0 ${x(PAR + 0x40000000)} ${x(PAR + 0x40001000)} 0xd8 g4/3*1`, 'RTT 1', '1:83'],
  [
    `RTT_UNPROT_MAP g0 ${x(PAR)} ${x(PAR + 0x1000)} 0xd8 g4/3*1 ; RTT_UNPROT_MAP g0 ${x(PAR)} ${x(PAR + 0x1000)} ` +
      '0xd8 g5/3*1',
    'RTT 3',
    '69:84'
  ],
  [`RTT_UNPROT_MAP g0 ${x(PAR)} ${x(PAR + 0x1000)} 0xd0 g4/3*1`, 'INPUT', 'rtt_map.c'],
  [
    `RTT_UNPROT_MAP g0 ${x(PAR)} ${x(PAR + 0x1000)} 0xd8 g4/3*1 ; RTT_UNPROT_MAP g0 ${x(PAR)} ${x(PAR + 0x1000)} ` +
      '0xd8 g4/3*1',
    `SUCCESS | ${x(PAR + 0x1000)}`,
    'rtt_map.c'
  ],
  [`RTT_UNPROT_MAP g0 ${x(PAR)} ${x(PAR + 0x1000)} 0xd8 g4/3*1:delegated`, 'INPUT', 'rtt_map.c'],
  [`RTT_UNPROT_UNMAP g0 ${x(PAR + 0x4000)} ${x(PAR + 0x204000)}`, `SUCCESS | ${x(PAR + 0x200000)}`, '7:75'],
  ['RTT_UNPROT_UNMAP g0 0x13000 0x213000', 'INPUT', '1:91'],
  [`RTT_UNPROT_UNMAP g0 ${x(PAR + 0x40004000)} ${x(PAR + 0x40005000)}`, 'RTT 1', '1:98'],
  [`RTT_UNPROT_UNMAP g0 ${x(PAR + 0x2000)} ${x(PAR + 0x2000)}`, 'INPUT', '1:73']
])

// One interrupt line per look: the firmware looks for an interrupt before each granule it takes and before each entry
// it invalidates.
const H = 'OP_CONTINUE h'
rules2(
  'work that yields',
  mapped,
  [
    ['IRQ 0 ; RTT_DATA_MAP g0 0x4000 0x5000 g20/3*1', `SUCCESS | 0x4000`, 'rtt_map.c'],
    ['IRQ 3 ; RTT_DATA_MAP g0 0x400000 0x600000 g1536/2*1', 'INCOMPLETE', 'rtt_map.c'],
    [`IRQ 3 ; RTT_DATA_MAP g0 0x400000 0x600000 g1536/2*1 ; ${H}`, 'SUCCESS | 0x600000 0x0 0x0', 'sro.c'],
    // the entry is marked while the operation waits: every other command that meets it is told so
    [
      'IRQ 3 ; RTT_DATA_MAP g0 0x400000 0x600000 g1536/2*1 ; RTT_DATA_MAP g0 0x400000 0x600000 g1536/2*1',
      'BUSY',
      'rtt_map.c'
    ],
    ['IRQ 3 ; RTT_DATA_MAP g0 0x400000 0x600000 g1536/2*1 ; RTT_INIT_RIPAS g0 0x400000 0x600000', 'BUSY', 'rtt.c'],
    ['IRQ 3 ; RTT_DATA_MAP g0 0x400000 0x600000 g1536/2*1 ; RTT_CREATE g0 g12 0x400000 3', 'BUSY', 'rtt.c'],
    // a granule that cannot be taken puts the others back, which may yield too
    [
      'BULK_UNDELEGATE g1540 1 ; IRQ 3 ; RTT_DATA_MAP g0 0x400000 0x600000 g1536/2*1 ; OP_CONTINUE h',
      'INPUT',
      'rtt_map.c'
    ],
    [
      'BULK_UNDELEGATE g1540 1 ; IRQ 3 ; RTT_DATA_MAP g0 0x400000 0x600000 g1536/2*1 ; OP_CONTINUE h ; GSTATE g1536',
      'DELEGATED 0',
      'rtt_map.c'
    ],
    ['IRQ 3 ; RTT_DATA_UNMAP g0 0x200000 0x400000', 'INCOMPLETE', 'rtt_unmap.c'],
    [`IRQ 3 ; RTT_DATA_UNMAP g0 0x200000 0x400000 ; ${H}`, 'SUCCESS | 0x400000 0x0 0x0', 'rtt_unmap.c'],
    [`IRQ 3 ; RTT_DATA_UNMAP g0 0x200000 0x400000 ; ${H} ; ${H}`, 'INPUT', 'sro.c'],
    ['OP_CONTINUE 0x77', 'INPUT', 'sro.c'],
    ['OP_CANCEL 0x77', 'INPUT', 'sro.c']
  ],
  true
)
rules2(
  'REC_CREATE asks for memory and REC_DESTROY gives it back',
  [...mapped, 'BULK_DELEGATE g200 16'],
  [
    ['REC_CREATE g0 g20', 'INCOMPLETE', 'rec.c'],
    ['REC_CREATE g0 g20 ; OP_CONTINUE h', 'INPUT', 'sro.c'],
    ['REC_CREATE g0 g20 ; OP_MEM_DONATE h g200/3*16 ; OP_CONTINUE h', 'SUCCESS', 'sro.c'],
    ['REC_CREATE g0 g20 ; OP_MEM_DONATE h g200/3*16 ; OP_CONTINUE h ; GSTATE g20', 'REC 0', 'rec.c'],
    ['REC_CREATE g0 g20 ; OP_MEM_DONATE h g200/3*16 ; OP_CONTINUE h ; REC_DESTROY g20', 'INCOMPLETE', 'rec.c'],
    [
      'REC_CREATE g0 g20 ; OP_MEM_DONATE h g200/3*16 ; OP_CONTINUE h ; REC_DESTROY g20 ; OP_MEM_RECLAIM h ; ' +
        'OP_CONTINUE h ; GSTATE g20',
      'DELEGATED 0',
      'rec.c'
    ]
  ],
  true
)

const sequences = '../shared/data/rmm/sequences-rmi2.json.gz'
test.skipIf(!existsSync(sequences))(
  'every rule that names a recorded step is answered there as its row says (needs ../shared)',
  () => {
    const data = JSON.parse(gunzipSync(readFileSync(sequences)).toString('utf8')) as {
      sequences: ReadonlyArray<{ seed: number; steps: ReadonlyArray<{ cmd: string; status?: string; index?: number }> }>
    }
    const wrong: string[] = []
    for (const [cmd, expected, from] of cited) {
      const [, seed, step] = /^(\d+):(\d+)$/.exec(from) ?? []
      if (seed === undefined) continue
      const s = data.sequences.find((q) => q.seed === Number(seed))?.steps[Number(step)]
      const status = s?.status === 'ERROR_RTT' ? `RTT` : (s?.status ?? '').replace('ERROR_', '')
      const last = cmd.split(' ; ').at(-1) ?? ''
      if (s?.cmd.split(' ')[0] !== last.split(' ')[0] || expected.split(' ')[0] !== status)
        wrong.push(`${from} (${s?.cmd}: ${s?.status}) for ${last}: ${expected}`)
    }
    expect(wrong).toEqual([])
    expect(cited.filter((c) => /^\d/.test(c[2])).length).toBeGreaterThan(60)
  }
)

test('every rule of 2.0 says where it comes from', () => {
  expect(cited.filter((c) => !/^(\d+:\d+|[a-z_-]+\.[ch])$/.test(c[2]))).toEqual([])
})
