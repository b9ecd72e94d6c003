// The rules of the RMM's commands, one row each: arguments, boundaries, states, which check comes first. Rows are
// expectations of the specification and its compliance suite as reference arm-cca.md sections 2 to 5 and 9 words them,
// not of the model; they are written in the words of the recordings and each runs on a fresh copy of its preparation.
import { type Row, rules } from './_rmm-rows.ts'

// g0 RD, g64-g65 roots, g1 REC with g200-g215, g10-g39 delegated, g40 data, g4-g9 non-secure.
const realm40 = [
  'BULK_DELEGATE g64 2',
  'GRANULE_DELEGATE g0',
  'REALM_CREATE g0 s2sz=40 start=1 num=2 rtt=g64 algo=0 vmid=1',
  'BULK_DELEGATE g10 31'
]
const PAR = 0x8000000000
const x = (n: number): string => `0x${n.toString(16)}`
const tables = [...realm40, 'RTT_CREATE g0 g30 0x0 2', 'RTT_CREATE g0 g31 0x0 3', 'RTT_CREATE g0 g32 0x200000 3']
const mapped = [...tables, 'DATA_CREATE_UNKNOWN g0 g40 0x0']
const withRec = [...mapped, 'GRANULE_DELEGATE g1', 'BULK_DELEGATE g200 16', 'REC_CREATE g0 g1 aux=g200']
const unprot = [...tables, `RTT_CREATE g0 g33 ${x(PAR)} 2`, `RTT_CREATE g0 g34 ${x(PAR)} 3`]
// Values that are no granule of the wanted state: unaligned, unknown, device, non-secure, and each tracked state.
const notA = (wanted: string): string[] =>
  ({
    rd: ['g0+0x800', '0x1000', 'd0', 'g4', 'g10', 'g1', 'g64', 'g40', 'g200'],
    rec: ['g1+0x800', '0x1000', 'd0', 'g4', 'g10', 'g0', 'g64', 'g40', 'g200'],
    delegated: ['g10+0x800', '0x1000', 'd0', 'g4', 'g0', 'g1', 'g64', 'g40', 'g200'],
    ns: ['g4+0x800', '0x1000', 'd0', 'g10', 'g0', 'g1', 'g64', 'g40', 'g200']
  })[wanted] ?? []
const all = (cmd: (g: string) => string, wanted: string, expected = 'INPUT'): Row[] =>
  notA(wanted).map((g) => [cmd(g), expected] as const)

rules('GRANULE_DELEGATE', withRec, [
  ['GRANULE_DELEGATE g4', 'SUCCESS'],
  ['GRANULE_DELEGATE d0', 'SUCCESS'],
  ...['g4+0x1', 'g4+0x800', '0x1000', 'g10', 'g0', 'g1', 'g64', 'g65', 'g40', 'g200', '0xfffffffffffff000'].map(
    (g) => [`GRANULE_DELEGATE ${g}`, 'INPUT'] as const
  ),
  ['GPI g4 SECURE ; GRANULE_DELEGATE g4', 'INPUT'],
  ['GPI g4 ROOT ; GRANULE_DELEGATE g4', 'INPUT'],
  ['GRANULE_DELEGATE d0 ; GRANULE_DELEGATE d0', 'INPUT'],
  ['GRANULE_DELEGATE d0 ; GSTATE d0', 'DELEGATED 0']
])
rules('GRANULE_UNDELEGATE', withRec, [
  ['GRANULE_UNDELEGATE g10', 'SUCCESS'],
  ['GRANULE_UNDELEGATE d0', 'INPUT'],
  ['GRANULE_DELEGATE d0 ; GRANULE_UNDELEGATE d0', 'SUCCESS'],
  ...['g10+0x800', '0x1000', 'g4', 'g0', 'g1', 'g64', 'g65', 'g40', 'g200'].map(
    (g) => [`GRANULE_UNDELEGATE ${g}`, 'INPUT'] as const
  ),
  ['GRANULE_UNDELEGATE g10 ; GSTATE g10', 'NS 0']
])

const create = (extra: string): string => `REALM_CREATE g10 s2sz=40 start=1 num=2 rtt=g12 algo=0 vmid=2${extra}`
rules('REALM_CREATE', withRec, [
  [create(''), 'SUCCESS'],
  [`${create('')} ; GSTATE g13`, 'RTT 0'],
  ...notA('ns')
    .filter((g) => g !== 'd0')
    .map((g) => [create(` params=${g}`), 'INPUT'] as const),
  [`GPI g4 SECURE ; ${create(' params=g4')}`, 'INPUT'],
  ...notA('delegated').map((g) => [`REALM_CREATE ${g} s2sz=40 start=1 num=2 rtt=g12 algo=0 vmid=2`, 'INPUT'] as const),
  ['REALM_CREATE g12 s2sz=40 start=1 num=2 rtt=g12 algo=0 vmid=2', 'INPUT'],
  ['REALM_CREATE g13 s2sz=40 start=1 num=2 rtt=g12 algo=0 vmid=2', 'INPUT'],
  // rolled back: the roots are delegated again
  ['REALM_CREATE g4 s2sz=40 start=1 num=2 rtt=g12 algo=0 vmid=2 ; GSTATE g12', 'DELEGATED 0'],
  ['REALM_CREATE g10 s2sz=40 start=1 num=2 rtt=g40 algo=0 vmid=2 ; GSTATE g10', 'DELEGATED 0'],
  ['REALM_CREATE g10 s2sz=40 start=1 num=2 rtt=g11 algo=0 vmid=2', 'INPUT'],
  ['REALM_CREATE g10 s2sz=40 start=1 num=2 rtt=g12+0x800 algo=0 vmid=2', 'INPUT'],
  ['REALM_CREATE g10 s2sz=40 start=1 num=2 rtt=g4 algo=0 vmid=2', 'INPUT'],
  [create(' algo=2').replace('algo=0 ', ''), 'INPUT'],
  [create(' algo=1').replace('algo=0 ', ''), 'SUCCESS'],
  [create('').replace('vmid=2', 'vmid=1'), 'INPUT'],
  [create(' lpa2=1'), 'INPUT'],
  [create(' sve=1'), 'INPUT'],
  [create(' pmu=1'), 'INPUT'],
  [create(' bps=0'), 'INPUT'],
  [create(' wps=0'), 'INPUT'],
  [create(' bps=64'), 'INPUT'],
  [create(' wps=64'), 'INPUT'],
  [create(' planes=1'), 'INPUT'],
  [create(' mecid=1'), 'INPUT']
])
// bits, start level, number of roots
rules('REALM_CREATE geometry', realm40, [
  ...(
    [
      [31, 2, 2],
      [38, 0, 1],
      [39, 0, 1],
      [44, 1, 16],
      [49, 0, 1],
      [40, 2, 1],
      [40, 3, 1],
      [35, 2, 32],
      [40, 1, 1],
      [40, 1, 4],
      [39, 1, 2],
      [48, 1, 1],
      [40, -1, 1]
    ] as const
  ).map(([b, l, n]) => [`REALM_CREATE g10 s2sz=${b} start=${l} num=${n} rtt=g16 algo=0 vmid=2`, 'INPUT'] as const),
  ...(
    [
      [32, 2, 4],
      [34, 2, 16],
      [40, 1, 2],
      [42, 1, 8],
      [43, 1, 16],
      [39, 1, 1],
      [48, 0, 1],
      [32, 1, 1],
      [40, 0, 1]
    ] as const
  ).map(([b, l, n]) => [`REALM_CREATE g10 s2sz=${b} start=${l} num=${n} rtt=g16 algo=0 vmid=2`, 'SUCCESS'] as const)
])
rules('REALM_ACTIVATE', withRec, [
  ['REALM_ACTIVATE g0', 'SUCCESS'],
  ['REALM_ACTIVATE g0 ; REALM_ACTIVATE g0', 'REALM 0'],
  ...all((g) => `REALM_ACTIVATE ${g}`, 'rd')
])
rules('REALM_DESTROY', realm40, [
  ['REALM_DESTROY g0', 'SUCCESS'],
  ['REALM_DESTROY g0 ; GSTATE g64', 'DELEGATED 0'],
  ['REALM_DESTROY g0 ; GSTATE g0', 'DELEGATED 0'],
  ['RTT_CREATE g0 g10 0x0 2 ; REALM_DESTROY g0', 'REALM 0'],
  ['REALM_ACTIVATE g0 ; REALM_DESTROY g0', 'SUCCESS'],
  [`RTT_MAP_UNPROTECTED g0 ${x(PAR)} 1 0x40 ; REALM_DESTROY g0`, 'SUCCESS'],
  ['REALM_DESTROY g0 ; REALM_CREATE g0 s2sz=40 start=1 num=2 rtt=g64 algo=0 vmid=1', 'SUCCESS']
])
rules('REALM_DESTROY with RECs', withRec, [
  ['REALM_DESTROY g0', 'REALM 0'],
  ['REC_DESTROY g1 ; REALM_DESTROY g0', 'REALM 0'],
  ...all((g) => `REALM_DESTROY ${g}`, 'rd')
])

rules('RTT_CREATE', withRec, [
  ['RTT_CREATE g0 g10 0x40000000 2', 'SUCCESS'],
  ...all((g) => `RTT_CREATE ${g} g10 0x40000000 2`, 'rd'),
  ...all((g) => `RTT_CREATE g0 ${g} 0x40000000 2`, 'delegated'),
  ...[-1, 0, 1, 4, 5].map((l) => [`RTT_CREATE g0 g10 0x40000000 ${l}`, 'INPUT'] as const),
  ['RTT_CREATE g0 g10 0x40200000 2', 'INPUT'],
  ['RTT_CREATE g0 g10 0x40001000 3', 'INPUT'],
  [`RTT_CREATE g0 g10 ${x(2 * PAR)} 2`, 'INPUT'],
  [`RTT_CREATE g0 g10 ${x(2 * PAR - 0x40000000)} 2`, 'SUCCESS'],
  ['RTT_CREATE g0 g10 0x40000000 3', 'RTT 1'],
  ['RTT_CREATE g0 g10 0x0 2', 'RTT 1'],
  ['RTT_CREATE g0 g10 0x0 3', 'RTT 2'],
  [`RTT_CREATE g0 g10 ${x(PAR)} 2`, 'SUCCESS'],
  // first check wins
  ['RTT_CREATE g0 g4 0x40000000 3', 'INPUT'],
  ['RTT_CREATE g0 g10 0x40000000 4', 'INPUT'],
  ['RTT_CREATE g0 g0 0x0 2', 'INPUT'],
  ['RTT_CREATE g0 g10 0x40000000 2 ; GSTATE g10', 'RTT 0'],
  ['RTT_CREATE g0 g10 0x40000000 2 ; GSTATE g64', 'RTT 2']
])
rules('RTT_DESTROY', withRec, [
  ['RTT_DESTROY g0 0x200000 3', `SUCCESS | ${x(0x400000000 + 32 * 4096)} 0x40000000`],
  ...all((g) => `RTT_DESTROY ${g} 0x200000 3`, 'rd'),
  ...[-1, 0, 1, 4].map((l) => [`RTT_DESTROY g0 0x0 ${l}`, 'INPUT'] as const),
  ['RTT_DESTROY g0 0x201000 3', 'INPUT'],
  ['RTT_DESTROY g0 0x200000 2', 'INPUT'],
  [`RTT_DESTROY g0 ${x(2 * PAR)} 3`, 'INPUT'],
  ['RTT_DESTROY g0 0x0 3', 'RTT 3 | 0x0 0x0'],
  ['RTT_DESTROY g0 0x0 2', 'RTT 2 | 0x0 0x0'],
  ['RTT_DESTROY g0 0x40000000 3', 'RTT 1 | 0x0 0x8000000000'],
  ['RTT_DESTROY g0 0x400000 3', 'RTT 2 | 0x0 0x40000000'],
  ['RTT_DESTROY g0 0x200000 3 ; RTT_READ_ENTRY g0 0x200000 2', 'SUCCESS | 0x2 0x0 0x0 0x2'],
  ['RTT_DESTROY g0 0x200000 3 ; GSTATE g32', 'DELEGATED 0'],
  ['DATA_DESTROY g0 0x0 ; RTT_DESTROY g0 0x0 3', `SUCCESS | ${x(0x400000000 + 31 * 4096)} 0x200000`]
])
rules(
  'RTT_DESTROY of shared tables',
  [...unprot, `RTT_MAP_UNPROTECTED g0 ${x(PAR)} 3 0xd8`],
  [
    [`RTT_DESTROY g0 ${x(PAR)} 3`, `SUCCESS | ${x(0x400000000 + 34 * 4096)} ${x(PAR + 2 ** 30)}`],
    [`RTT_DESTROY g0 ${x(PAR)} 3 ; RTT_READ_ENTRY g0 ${x(PAR)} 2`, 'SUCCESS | 0x2 0x0 0x0 0x0'],
    [`RTT_DESTROY g0 ${x(PAR)} 2`, `RTT 2 | 0x0 ${x(PAR)}`]
  ]
)
rules('RTT_FOLD', withRec, [
  ['RTT_FOLD g0 0x200000 3', `SUCCESS | ${x(0x400000000 + 32 * 4096)}`],
  ...all((g) => `RTT_FOLD ${g} 0x200000 3`, 'rd'),
  ...[-1, 0, 1, 4].map((l) => [`RTT_FOLD g0 0x0 ${l}`, 'INPUT'] as const),
  ['RTT_FOLD g0 0x201000 3', 'INPUT'],
  [`RTT_FOLD g0 ${x(2 * PAR)} 3`, 'INPUT'],
  ['RTT_FOLD g0 0x40000000 3', 'RTT 1'],
  ['RTT_FOLD g0 0x400000 3', 'RTT 2'],
  ['RTT_FOLD g0 0x40000000 2', 'RTT 1'],
  ['RTT_FOLD g0 0x0 3', 'RTT 3'],
  ['RTT_FOLD g0 0x0 2', 'RTT 2'],
  ['RTT_INIT_RIPAS g0 0x200000 0x201000 ; RTT_FOLD g0 0x200000 3', 'RTT 3'],
  [
    'RTT_INIT_RIPAS g0 0x200000 0x400000 ; RTT_FOLD g0 0x200000 3 ; RTT_READ_ENTRY g0 0x200000 2',
    'SUCCESS | 0x2 0x0 0x0 0x1'
  ],
  ['DATA_DESTROY g0 0x0 ; RTT_FOLD g0 0x0 3', 'SUCCESS'],
  ['DATA_CREATE g0 g11 0x200000 g4 0 ; DATA_DESTROY g0 0x200000 ; RTT_FOLD g0 0x200000 3', 'RTT 3']
])
const full = [
  ...tables,
  'BULK_DELEGATE g1024 1024',
  'RTT_INIT_RIPAS g0 0x0 0x200000',
  'BULK_DATA_UNKNOWN g0 g1024 0x0 512'
]
rules('RTT_FOLD to a block', full, [
  ['RTT_FOLD g0 0x0 3 ; RTT_READ_ENTRY g0 0x1000 3', `SUCCESS | 0x2 0x1 ${x(0x400400000)} 0x1`],
  ['RTT_FOLD g0 0x0 3 ; GSTATE g30', 'RTT 2'],
  ['RTT_FOLD g0 0x0 3 ; DATA_DESTROY g0 0x0', 'RTT 2 | 0x0 0x0'],
  ['RTT_FOLD g0 0x0 3 ; DATA_DESTROY g0 0x1000', 'RTT 2 | 0x0 0x1000'],
  ['RTT_FOLD g0 0x0 3 ; RTT_CREATE g0 g10 0x0 3 ; GSTATE g10', 'RTT 512'],
  [
    'RTT_FOLD g0 0x0 3 ; RTT_CREATE g0 g10 0x0 3 ; RTT_READ_ENTRY g0 0x1ff000 3',
    `SUCCESS | 0x3 0x1 ${x(0x4005ff000)} 0x1`
  ],
  ['RTT_FOLD g0 0x0 3 ; RTT_CREATE g0 g10 0x0 3 ; DATA_DESTROY g0 0x1ff000', `SUCCESS | ${x(0x4005ff000)} 0x200000`],
  // not one aligned block: the first 512 granules of 2M + 4K
  ['BULK_DATA_UNKNOWN g0 g1537 0x200000 511 ; RTT_FOLD g0 0x200000 3', 'RTT 3'],
  // RIPAS differ
  ['DATA_DESTROY g0 0x1000 ; DATA_CREATE_UNKNOWN g0 g1025 0x1000 ; RTT_FOLD g0 0x0 3', 'RTT 3']
])
rules(
  'RTT_FOLD does not mix permissions',
  [...tables, 'GRANULE_DELEGATE d0', 'DEV_MEM_MAP g0 0x200000 3 d0', 'DEV_MEM_UNMAP g0 0x200000 3'],
  [
    ['RTT_FOLD g0 0x200000 3', 'RTT 3'],
    ['DATA_CREATE_UNKNOWN g0 g10 0x200000 ; DATA_DESTROY g0 0x200000 ; RTT_FOLD g0 0x200000 3', 'RTT 3'],
    // a page of RAM that goes back to DESTROYED loses the permissions, but then it is destroyed
    [
      'DATA_CREATE g0 g10 0x200000 g4 0 ; DATA_DESTROY g0 0x200000 ; RTT_READ_ENTRY g0 0x200000 3',
      'SUCCESS | 0x3 0x0 0x0 0x2'
    ]
  ]
)
rules('RTT_READ_ENTRY', mapped, [
  ['RTT_READ_ENTRY g0 0x0 3', `SUCCESS | 0x3 0x1 ${x(0x400000000 + 40 * 4096)} 0x0`],
  ['RTT_READ_ENTRY g0 0x0 2', `SUCCESS | 0x2 0x2 ${x(0x400000000 + 31 * 4096)} 0x0`],
  ['RTT_READ_ENTRY g0 0x0 1', `SUCCESS | 0x1 0x2 ${x(0x400000000 + 30 * 4096)} 0x0`],
  ['RTT_READ_ENTRY g0 0x40000000 3', 'SUCCESS | 0x1 0x0 0x0 0x0'],
  ['RTT_READ_ENTRY g0 0x0 0', 'INPUT'],
  ['RTT_READ_ENTRY g0 0x0 4', 'INPUT'],
  ['RTT_READ_ENTRY g0 0x0 -1', 'INPUT'],
  ['RTT_READ_ENTRY g0 0x1000 2', 'INPUT'],
  ['RTT_READ_ENTRY g0 0x800 3', 'INPUT'],
  [`RTT_READ_ENTRY g0 ${x(2 * PAR)} 3`, 'INPUT'],
  [`RTT_READ_ENTRY g0 ${x(2 * PAR - 4096)} 3`, 'SUCCESS'],
  ...['g0+0x800', '0x1000', 'g4', 'g10', 'g64', 'g40'].map((g) => [`RTT_READ_ENTRY ${g} 0x0 3`, 'INPUT'] as const)
])
rules('RTT_INIT_RIPAS', withRec, [
  ['RTT_INIT_RIPAS g0 0x200000 0x202000', 'SUCCESS | 0x202000'],
  ...all((g) => `RTT_INIT_RIPAS ${g} 0x200000 0x201000`, 'rd'),
  ['RTT_INIT_RIPAS g0 0x1000 0x1000', 'INPUT'],
  ['RTT_INIT_RIPAS g0 0x2000 0x1000', 'INPUT'],
  ['RTT_INIT_RIPAS g0 0x200800 0x202000', 'INPUT'],
  ['RTT_INIT_RIPAS g0 0x200000 0x201800', 'INPUT'],
  [`RTT_INIT_RIPAS g0 ${x(PAR - 4096)} ${x(PAR + 4096)}`, 'INPUT'],
  [`RTT_INIT_RIPAS g0 ${x(PAR)} ${x(PAR + 4096)}`, 'INPUT'],
  [`RTT_INIT_RIPAS g0 ${x(PAR - 2 ** 30)} ${x(PAR)}`, `SUCCESS | ${x(PAR)}`],
  ['RTT_INIT_RIPAS g0 0x401000 0x402000', 'RTT 2'],
  ['RTT_INIT_RIPAS g0 0x40000000 0x40001000', 'RTT 1'],
  ['RTT_INIT_RIPAS g0 0x0 0x1000', 'RTT 3'],
  ['RTT_INIT_RIPAS g0 0x1ff000 0x400000', 'SUCCESS | 0x200000'],
  ['RTT_INIT_RIPAS g0 0x400000 0x600000', 'SUCCESS | 0x600000'],
  ['RTT_INIT_RIPAS g0 0x1000 0x1000 ; REALM_ACTIVATE g0 ; RTT_INIT_RIPAS g0 0x200000 0x201000', 'REALM 0'],
  ['REALM_ACTIVATE g0 ; RTT_INIT_RIPAS g0 0x200800 0x201800', 'INPUT'],
  ['REALM_ACTIVATE g0 ; RTT_INIT_RIPAS g0 0x401000 0x402000', 'REALM 0'],
  ['DATA_CREATE g0 g10 0x1000 g4 0 ; RTT_INIT_RIPAS g0 0x1000 0x2000', 'RTT 3'],
  ['DATA_CREATE g0 g10 0x201000 g4 0 ; RTT_INIT_RIPAS g0 0x200000 0x203000', 'SUCCESS | 0x201000'],
  ['RTT_INIT_RIPAS g0 0x200000 0x201000 ; RTT_INIT_RIPAS g0 0x200000 0x201000', 'SUCCESS | 0x201000']
])
const dataRows = (create: (rd: string, data: string, ipa: string) => string): Row[] => [
  [create('g0', 'g10', '0x200000'), 'SUCCESS'],
  ...all((g) => create(g, 'g10', '0x200000'), 'rd'),
  ...all((g) => create('g0', g, '0x200000'), 'delegated'),
  [`GPI g5 SECURE ; ${create('g0', 'g5', '0x200000')}`, 'INPUT'],
  [create('g0', 'g0', '0x200000'), 'INPUT'],
  [create('g0', 'g10', '0x200800'), 'INPUT'],
  [create('g0', 'g10', x(PAR)), 'INPUT'],
  [create('g0', 'g10', x(2 * PAR)), 'INPUT'],
  [create('g0', 'g10', '0x40000000'), 'RTT 1'],
  [create('g0', 'g10', '0x400000'), 'RTT 2'],
  [create('g0', 'g10', '0x0'), 'RTT 3'],
  [create('g0', 'g10', x(PAR - 4096)), 'RTT 1'],
  [`RTT_CREATE g0 g12 ${x(PAR)} 2 ; ${create('g0', 'g10', x(PAR))}`, 'INPUT'],
  [`${create('g0', 'g10', '0x200000')} ; GSTATE g10`, 'DATA 0'],
  [`${create('g0', 'g10', '0x200000')} ; GSTATE g32`, 'RTT 1']
]
rules('DATA_CREATE', withRec, [
  ...dataRows((rd, d, ipa) => `DATA_CREATE ${rd} ${d} ${ipa} g4 1`),
  ...all((g) => `DATA_CREATE g0 g10 0x200000 ${g} 1`, 'ns'),
  ['GPI g4 SECURE ; DATA_CREATE g0 g10 0x200000 g4 1', 'INPUT'],
  ['DATA_CREATE g0 g10 0x200000 g4 2', 'INPUT'],
  ['DATA_CREATE g0 g10 0x200000 g4 7', 'INPUT'],
  ['REALM_ACTIVATE g0 ; DATA_CREATE g0 g10 0x200000 g4 1', 'REALM 0'],
  ['REALM_ACTIVATE g0 ; DATA_CREATE g0 g10 0x200800 g4 1', 'REALM 0'],
  [`REALM_ACTIVATE g0 ; DATA_CREATE g0 g10 ${x(PAR)} g4 1`, 'REALM 0'],
  ['REALM_ACTIVATE g0 ; DATA_CREATE g0 g4 0x200000 g4 1', 'INPUT'],
  ['REALM_ACTIVATE g0 ; DATA_CREATE g0 g10 0x200000 g4 2', 'INPUT'],
  [
    'DATA_CREATE g0 g10 0x200000 g4 0 ; RTT_READ_ENTRY g0 0x200000 3',
    `SUCCESS | 0x3 0x1 ${x(0x400000000 + 10 * 4096)} 0x1`
  ],
  ['RTT_DESTROY g0 0x200000 3 ; RTT_CREATE g0 g12 0x200000 3 ; DATA_CREATE g0 g10 0x200000 g4 0', 'SUCCESS']
])
rules('DATA_CREATE_UNKNOWN', withRec, [
  ...dataRows((rd, d, ipa) => `DATA_CREATE_UNKNOWN ${rd} ${d} ${ipa}`),
  ['REALM_ACTIVATE g0 ; DATA_CREATE_UNKNOWN g0 g10 0x200000', 'SUCCESS'],
  [
    'RTT_INIT_RIPAS g0 0x200000 0x201000 ; DATA_CREATE_UNKNOWN g0 g10 0x200000 ; RTT_READ_ENTRY g0 0x200000 3',
    `SUCCESS | 0x3 0x1 ${x(0x400000000 + 10 * 4096)} 0x1`
  ],
  [
    'DATA_CREATE_UNKNOWN g0 g10 0x200000 ; RTT_READ_ENTRY g0 0x200000 3',
    `SUCCESS | 0x3 0x1 ${x(0x400000000 + 10 * 4096)} 0x0`
  ]
])
rules('DATA_DESTROY', withRec, [
  ['DATA_DESTROY g0 0x0', `SUCCESS | ${x(0x400000000 + 40 * 4096)} 0x200000`],
  ...all((g) => `DATA_DESTROY ${g} 0x0`, 'rd'),
  ['DATA_DESTROY g0 0x800', 'INPUT'],
  [`DATA_DESTROY g0 ${x(PAR)}`, 'INPUT'],
  [`DATA_DESTROY g0 ${x(2 * PAR)}`, 'INPUT'],
  ['DATA_DESTROY g0 0x1000', 'RTT 3 | 0x0 0x200000'],
  ['DATA_DESTROY g0 0x400000', 'RTT 2 | 0x0 0x40000000'],
  ['DATA_DESTROY g0 0x40001000', 'RTT 1 | 0x0 0x8000000000'],
  ['DATA_DESTROY g0 0x0 ; RTT_READ_ENTRY g0 0x0 3', 'SUCCESS | 0x3 0x0 0x0 0x0'],
  ['DATA_CREATE g0 g10 0x1000 g4 0 ; DATA_DESTROY g0 0x1000 ; RTT_READ_ENTRY g0 0x1000 3', 'SUCCESS | 0x3 0x0 0x0 0x2'],
  ['DATA_CREATE_UNKNOWN g0 g10 0x3000 ; DATA_DESTROY g0 0x0', `SUCCESS | ${x(0x400000000 + 40 * 4096)} 0x3000`],
  ['DATA_DESTROY g0 0x0 ; GSTATE g40', 'DELEGATED 0'],
  ['GRANULE_DELEGATE d0 ; DEV_MEM_MAP g0 0x200000 3 d0 ; DATA_DESTROY g0 0x200000', 'RTT 3']
])
rules('RTT_MAP_UNPROTECTED', unprot, [
  [`RTT_MAP_UNPROTECTED g0 ${x(PAR)} 3 0xd8`, 'SUCCESS'],
  [`RTT_MAP_UNPROTECTED g0 ${x(PAR + 0x200000)} 2 0x2000d8`, 'SUCCESS'],
  [`RTT_MAP_UNPROTECTED g0 ${x(PAR + 2 ** 30)} 1 0x400000d8`, 'SUCCESS'],
  ...['g0+0x800', '0x1000', 'd0', 'g4', 'g10', 'g64'].map(
    (g) => [`RTT_MAP_UNPROTECTED ${g} ${x(PAR)} 3 0xd8`, 'INPUT'] as const
  ),
  ...[0, 4, -1].map((l) => [`RTT_MAP_UNPROTECTED g0 ${x(PAR)} ${l} 0xd8`, 'INPUT'] as const),
  [`RTT_MAP_UNPROTECTED g0 ${x(PAR + 0x1000)} 2 0xd8`, 'INPUT'],
  ['RTT_MAP_UNPROTECTED g0 0x0 3 0xd8', 'INPUT'],
  [`RTT_MAP_UNPROTECTED g0 ${x(2 * PAR)} 3 0xd8`, 'INPUT'],
  ...['0xd9', '0xda', '0x1d8', '0x4d8', '0x800000000000d8', '0x400000000000d8', '0xd0', '0x50'].map(
    (d) => [`RTT_MAP_UNPROTECTED g0 ${x(PAR)} 3 ${d}`, 'INPUT'] as const
  ),
  [`RTT_MAP_UNPROTECTED g0 ${x(PAR + 0x200000)} 2 0x10d8`, 'INPUT'],
  ...['0xd8', '0xc0', '0x40', '0x80', '0x0', '0xd4', '0xdc', '0xcc'].map(
    (d) => [`RTT_MAP_UNPROTECTED g0 ${x(PAR)} 3 ${d}`, 'SUCCESS'] as const
  ),
  [`RTT_MAP_UNPROTECTED g0 ${x(PAR)} 2 0xd8`, 'RTT 2'],
  [`RTT_MAP_UNPROTECTED g0 ${x(PAR + 0x200000)} 3 0xd8`, 'RTT 2'],
  [`RTT_MAP_UNPROTECTED g0 ${x(PAR)} 3 0xd8 ; RTT_MAP_UNPROTECTED g0 ${x(PAR)} 3 0xd8`, 'RTT 3'],
  [`RTT_MAP_UNPROTECTED g0 ${x(PAR)} 1 0xd8`, 'RTT 1'],
  [
    `RTT_MAP_UNPROTECTED g0 ${x(PAR)} 3 ${x(0x40a000d8)} ; RTT_READ_ENTRY g0 ${x(PAR)} 3`,
    'SUCCESS | 0x3 0x1 0x40a000d8 0x0'
  ],
  [`REALM_ACTIVATE g0 ; RTT_MAP_UNPROTECTED g0 ${x(PAR)} 3 0xd8`, 'SUCCESS']
])
rules(
  'RTT_UNMAP_UNPROTECTED',
  [...unprot, `RTT_MAP_UNPROTECTED g0 ${x(PAR + 0x3000)} 3 0xd8`],
  [
    [`RTT_UNMAP_UNPROTECTED g0 ${x(PAR + 0x3000)} 3`, `SUCCESS | ${x(PAR + 0x200000)}`],
    [`RTT_UNMAP_UNPROTECTED g0 ${x(PAR)} 3`, `RTT 3 | ${x(PAR + 0x3000)}`],
    [`RTT_UNMAP_UNPROTECTED g0 ${x(PAR)} 2`, `RTT 2 | ${x(PAR)}`],
    [`RTT_UNMAP_UNPROTECTED g0 ${x(PAR + 2 ** 30)} 3`, `RTT 1 | ${x(2 * PAR)}`],
    ['RTT_UNMAP_UNPROTECTED g0 0x0 3', 'INPUT'],
    [`RTT_UNMAP_UNPROTECTED g0 ${x(PAR + 0x1000)} 2`, 'INPUT'],
    [`RTT_UNMAP_UNPROTECTED g0 ${x(PAR)} 4`, 'INPUT'],
    [`RTT_UNMAP_UNPROTECTED g0 ${x(PAR)} 0`, 'INPUT'],
    [`RTT_UNMAP_UNPROTECTED g0 ${x(2 * PAR)} 3`, 'INPUT'],
    [`RTT_UNMAP_UNPROTECTED g4 ${x(PAR)} 3`, 'INPUT']
  ]
)
rules(
  'unprotected commands above the start level',
  ['BULK_DELEGATE g64 4', 'GRANULE_DELEGATE g0', 'REALM_CREATE g0 s2sz=32 start=2 num=4 rtt=g64 algo=0 vmid=1'],
  [
    ['RTT_MAP_UNPROTECTED g0 0x80000000 1 0xd8', 'INPUT'],
    ['RTT_UNMAP_UNPROTECTED g0 0x80000000 1', 'INPUT'],
    ['RTT_MAP_UNPROTECTED g0 0x80000000 2 0xd8', 'SUCCESS']
  ]
)
const device = [...tables, 'BULK_DELEGATE d0 4', 'BULK_DELEGATE d512 512']
rules('DEV_MEM_MAP', device, [
  ['DEV_MEM_MAP g0 0x1000 3 d0', 'SUCCESS'],
  ['DEV_MEM_MAP g0 0x400000 2 d512', 'SUCCESS'],
  ...[-1, 0, 1, 4].map((l) => [`DEV_MEM_MAP g0 0x400000 ${l} d512`, 'INPUT'] as const),
  ...['g0+0x800', '0x1000', 'd0', 'g4', 'g10', 'g64'].map((g) => [`DEV_MEM_MAP ${g} 0x1000 3 d0`, 'INPUT'] as const),
  ...['d0+0x800', 'g10', 'g4', 'd9', '0x1000'].map((g) => [`DEV_MEM_MAP g0 0x1000 3 ${g}`, 'INPUT'] as const),
  ['DEV_MEM_MAP g0 0x400000 2 d0', 'INPUT'],
  ['DEV_MEM_MAP g0 0x1800 3 d0', 'INPUT'],
  ['DEV_MEM_MAP g0 0x1000 2 d512', 'INPUT'],
  [`DEV_MEM_MAP g0 ${x(PAR)} 3 d0`, 'INPUT'],
  ['DEV_MEM_MAP g0 0x400000 3 d0', 'RTT 2'],
  ['DEV_MEM_MAP g0 0x200000 2 d512', 'RTT 2'],
  ['DEV_MEM_MAP g0 0x40000000 3 d0', 'RTT 1'],
  ['RTT_INIT_RIPAS g0 0x1000 0x2000 ; DEV_MEM_MAP g0 0x1000 3 d0', 'RTT 3'],
  ['DEV_MEM_MAP g0 0x1000 3 d0 ; DEV_MEM_MAP g0 0x1000 3 d1', 'RTT 3'],
  ['DEV_MEM_MAP g0 0x1000 3 d0 ; DEV_MEM_MAP g0 0x2000 3 d0', 'INPUT'],
  ['DEV_MEM_MAP g0 0x1000 3 d0 ; GSTATE d0', 'MAPPED 0'],
  ['DEV_MEM_MAP g0 0x1000 3 d0 ; RTT_READ_ENTRY g0 0x1000 3', 'SUCCESS | 0x3 0x3 0x300000000 0x0'],
  ['DEV_MEM_MAP g0 0x400000 2 d512 ; GSTATE d1023', 'MAPPED 0']
])
rules(
  'DEV_MEM_UNMAP',
  [...device, 'DEV_MEM_MAP g0 0x1000 3 d0', 'DEV_MEM_MAP g0 0x400000 2 d512'],
  [
    ['DEV_MEM_UNMAP g0 0x1000 3', 'SUCCESS | 0x300000000 0x200000'],
    ['DEV_MEM_UNMAP g0 0x400000 2', 'SUCCESS | 0x300200000 0x40000000'],
    ['DEV_MEM_UNMAP g0 0x400000 2 ; GSTATE d1023', 'DELEGATED 0'],
    ['DEV_MEM_UNMAP g0 0x400000 3', 'RTT 2 | 0x0 0x400000'],
    ['DEV_MEM_UNMAP g0 0x0 3', 'RTT 3 | 0x0 0x1000'],
    ...[-1, 1, 4].map((l) => [`DEV_MEM_UNMAP g0 0x0 ${l}`, 'INPUT'] as const),
    ['DEV_MEM_UNMAP g0 0x1800 3', 'INPUT'],
    [`DEV_MEM_UNMAP g0 ${x(PAR)} 3`, 'INPUT'],
    ['DEV_MEM_UNMAP g4 0x1000 3', 'INPUT'],
    ['RTT_CREATE g0 g10 0x400000 3 ; DEV_MEM_UNMAP g0 0x401000 3', 'SUCCESS | 0x300201000 0x402000'],
    ['RTT_CREATE g0 g10 0x400000 3 ; RTT_FOLD g0 0x400000 3', 'SUCCESS'],
    ['RTT_DESTROY g0 0x0 3', 'RTT 3 | 0x0 0x0']
  ]
)
rules(
  'REC_CREATE',
  [...mapped, 'GRANULE_DELEGATE g1', 'BULK_DELEGATE g200 40'],
  [
    ['REC_CREATE g0 g1 aux=g200', 'SUCCESS'],
    ...notA('ns')
      .filter((g) => !['g1', 'g200'].includes(g))
      .map((g) => [`REC_CREATE g0 g1 aux=g200 params=${g}`, 'INPUT'] as const),
    ['GPI g4 SECURE ; REC_CREATE g0 g1 aux=g200 params=g4', 'INPUT'],
    ...['g0+0x800', '0x1000', 'd0', 'g4', 'g10', 'g64', 'g40'].map(
      (g) => [`REC_CREATE ${g} g1 aux=g200`, 'INPUT'] as const
    ),
    ...['g1+0x800', '0x1000', 'd0', 'g4', 'g0', 'g64', 'g40'].map(
      (g) => [`REC_CREATE g0 ${g} aux=g200`, 'INPUT'] as const
    ),
    ['REC_CREATE g0 g1 aux=g200 num_aux=15', 'INPUT'],
    ['REC_CREATE g0 g1 aux=g200 num_aux=17', 'INPUT'],
    ['REC_CREATE g0 g1 aux=g200 num_aux=0', 'INPUT'],
    ['REC_CREATE g0 g1 aux=g200+0x800', 'INPUT'],
    ['REC_CREATE g0 g1 aux=g230', 'INPUT'],
    ['REC_CREATE g0 g200 aux=g200', 'INPUT'],
    ['REC_CREATE g0 g1 aux=g200,g200,g201,g202,g203,g204,g205,g206,g207,g208,g209,g210,g211,g212,g213,g214', 'INPUT'],
    ['REC_CREATE g0 g1 aux=g230 ; GSTATE g230', 'DELEGATED 0'],
    ['REC_CREATE g0 g1 aux=g200 mpidr=1', 'INPUT'],
    ['REC_CREATE g0 g1 aux=g200 mpidr=1 ; GSTATE g200', 'DELEGATED 0'],
    ['REALM_ACTIVATE g0 ; REC_CREATE g0 g1 aux=g200', 'REALM 0'],
    ['REALM_ACTIVATE g0 ; REC_CREATE g0 g1 aux=g200 mpidr=1', 'REALM 0'],
    ['REALM_ACTIVATE g0 ; REC_CREATE g0 g4 aux=g200', 'INPUT'],
    ['REC_CREATE g0 g1 aux=g200 ; GSTATE g0', 'RD 1'],
    ['REC_CREATE g0 g1 aux=g200 ; GSTATE g215', 'REC_AUX 0'],
    ['REC_CREATE g0 g1 aux=g200 ; REC_CREATE g0 g10 aux=g216 mpidr=1', 'SUCCESS'],
    ['REC_CREATE g0 g1 aux=g200 ; REC_CREATE g0 g10 aux=g216 mpidr=0', 'INPUT']
  ]
)
rules('REC_DESTROY', withRec, [
  ['REC_DESTROY g1', 'SUCCESS'],
  ['REC_DESTROY g1 ; GSTATE g200', 'DELEGATED 0'],
  ['REC_DESTROY g1 ; GSTATE g0', 'RD 0'],
  ...all((g) => `REC_DESTROY ${g}`, 'rec')
])
rules('REC_AUX_COUNT', withRec, [['REC_AUX_COUNT g0', 'SUCCESS | 0x10'], ...all((g) => `REC_AUX_COUNT ${g}`, 'rd')])
const active = [...withRec, 'REALM_ACTIVATE g0']
rules('REC_ENTER', withRec, [
  ['REC_ENTER g1', 'REALM 0'],
  ...all((g) => `REC_ENTER ${g}`, 'rec'),
  ...all((g) => `REC_ENTER g1 run=${g}`, 'ns'),
  ['GPI g4 SECURE ; REC_ENTER g1 run=g4', 'INPUT'],
  ['REALM_ACTIVATE g0 ; REC_ENTER g1', 'SUCCESS FIQ'],
  ['REALM_ACTIVATE g0 ; GPI g4 SECURE ; REC_ENTER g1 run=g4', 'INPUT'],
  ['REALM_ACTIVATE g0 ; REC_ENTER g1 gic=bad', 'REC'],
  ['REALM_ACTIVATE g0 ; REC_ENTER g10 gic=bad', 'INPUT'],
  ['REALM_ACTIVATE g0 ; REC_ENTER g1 flags=0x1', 'REC'],
  ['REALM_ACTIVATE g0 ; REC_ENTER g1 flags=0x2', 'REC'],
  ['REC_ENTER g1 gic=bad', 'REALM 0'],
  ['REALM_ACTIVATE g0 ; REALM_SYSTEM_OFF ; REC_ENTER g1 ; REC_ENTER g1', 'REALM 1'],
  ['REALM_ACTIVATE g0 ; REALM_SYSTEM_OFF ; REC_ENTER g1 ; REC_ENTER g1 gic=bad', 'REALM 1'],
  ['REALM_ACTIVATE g0 ; REALM_SYSTEM_OFF ; REC_ENTER g1 ; REC_ENTER g1 run=g10', 'INPUT'],
  ['REALM_ACTIVATE g0 ; REALM_CPU_ON ; REC_ENTER g1 ; REC_ENTER g1', 'REC'],
  ['REALM_ACTIVATE g0 ; REALM_SYSTEM_OFF ; REC_ENTER g1 ; DATA_CREATE g0 g10 0x200000 g4 1', 'REALM 0'],
  ['REALM_ACTIVATE g0 ; REALM_SYSTEM_OFF ; REC_ENTER g1 ; RTT_INIT_RIPAS g0 0x200000 0x201000', 'REALM 0'],
  ['REALM_ACTIVATE g0 ; REALM_SYSTEM_OFF ; REC_ENTER g1 ; REALM_ACTIVATE g0', 'REALM 0']
])
rules(
  'REC_ENTER of a REC that is not runnable',
  [...mapped, 'GRANULE_DELEGATE g1', 'BULK_DELEGATE g200 16', 'REC_CREATE g0 g1 aux=g200 flags=0', 'REALM_ACTIVATE g0'],
  [
    ['REC_ENTER g1', 'REC'],
    ['REC_ENTER g1 gic=bad', 'REC'],
    ['REC_ENTER g1 run=g10', 'INPUT'],
    ['REC_ENTER g10', 'INPUT']
  ]
)
rules(
  'aborts of the Realm',
  [...active, `RTT_CREATE g0 g33 ${x(PAR)} 2`],
  [
    ['REALM_ABORT 0x1000 3 0 ; REC_ENTER g1', 'SUCCESS FIQ sea'],
    ['REALM_ABORT 0x0 3 0 ; REC_ENTER g1', 'SUCCESS FIQ sea'],
    [`REALM_ABORT ${x(2 * PAR)} 0 0 ; REC_ENTER g1`, 'SUCCESS FIQ sea'],
    [
      `REALM_ABORT ${x(PAR + 0x3000)} 2 1 ; REC_ENTER g1`,
      `SUCCESS SYNC esr 91c00046 hpfar ${((PAR + 0x3000) / 256).toString(16)}`
    ],
    [`REALM_ABORT ${x(PAR)} 2 0 ; REC_ENTER g1 ; REC_ENTER g1 flags=0x2`, 'SUCCESS FIQ sea'],
    [`REALM_ABORT ${x(PAR)} 2 0 ; REC_ENTER g1 ; REC_ENTER g1 flags=0x1`, 'SUCCESS FIQ']
  ]
)
rules(
  'aborts on RAM and DESTROYED',
  [
    ...tables,
    'RTT_INIT_RIPAS g0 0x1000 0x2000',
    'DATA_CREATE g0 g10 0x2000 g4 0',
    'DATA_DESTROY g0 0x2000',
    'GRANULE_DELEGATE g1',
    'BULK_DELEGATE g200 16',
    'REC_CREATE g0 g1 aux=g200',
    'REALM_ACTIVATE g0'
  ],
  [
    ['REALM_ABORT 0x1000 3 1 ; REC_ENTER g1', 'SUCCESS SYNC esr 90000007 hpfar 10'],
    ['REALM_ABORT 0x2000 3 0 ; REC_ENTER g1', 'SUCCESS SYNC esr 90000007 hpfar 20'],
    ['REALM_ABORT 0x1000 3 1 ; REC_ENTER g1 ; REC_ENTER g1 flags=0x2', 'REC'],
    ['REALM_ABORT 0x1000 3 1 ; REC_ENTER g1 ; REC_ENTER g1 flags=0x1', 'REC']
  ]
)
const request = [...active, 'REALM_SET 0x200000 0x204000 1 0', 'REC_ENTER g1']
rules('RTT_SET_RIPAS', request, [
  ['RTT_SET_RIPAS g0 g1 0x200000 0x204000', 'SUCCESS | 0x204000'],
  ['RTT_SET_RIPAS g0 g1 0x200000 0x202000', 'SUCCESS | 0x202000'],
  ['RTT_SET_RIPAS g0 g1 0x200000 0x202000 ; RTT_SET_RIPAS g0 g1 0x202000 0x204000', 'SUCCESS | 0x204000'],
  ...all((g) => `RTT_SET_RIPAS ${g} g1 0x200000 0x204000`, 'rd'),
  ...all((g) => `RTT_SET_RIPAS g0 ${g} 0x200000 0x204000`, 'rec'),
  ['RTT_SET_RIPAS g0 g1 0x200000 0x200000', 'INPUT'],
  ['RTT_SET_RIPAS g0 g1 0x204000 0x200000', 'INPUT'],
  ['RTT_SET_RIPAS g0 g1 0x200000 0x201800', 'INPUT'],
  ['RTT_SET_RIPAS g0 g1 0x201000 0x204000', 'INPUT'],
  ['RTT_SET_RIPAS g0 g1 0x200800 0x204000', 'INPUT'],
  ['RTT_SET_RIPAS g0 g1 0x200000 0x205000', 'INPUT'],
  ['RTT_SET_RIPAS g0 g1 0x1ff000 0x204000', 'INPUT'],
  ['RTT_FOLD g0 0x200000 3 ; RTT_SET_RIPAS g0 g1 0x200000 0x204000', 'RTT 2'],
  ['RTT_SET_RIPAS g0 g1 0x200000 0x204000 ; REC_ENTER g1', 'SUCCESS FIQ rsi 0 204000 0'],
  ['RTT_SET_RIPAS g0 g1 0x200000 0x202000 ; REC_ENTER g1 flags=0x10', 'SUCCESS FIQ rsi 0 202000 1'],
  ['RTT_SET_RIPAS g0 g1 0x200000 0x202000 ; REC_ENTER g1', 'SUCCESS FIQ rsi 0 202000 0'],
  ['REC_ENTER g1 ; RTT_SET_RIPAS g0 g1 0x200000 0x204000', 'INPUT'],
  ['RTT_DESTROY g0 0x200000 3 ; RTT_CREATE g0 g12 0x200000 3 ; RTT_SET_RIPAS g0 g1 0x200000 0x204000', 'RTT 3']
])
rules(
  'RTT_SET_RIPAS of another Realm',
  [...request, 'BULK_DELEGATE g128 3', 'REALM_CREATE g130 s2sz=40 start=1 num=2 rtt=g128 algo=0 vmid=7'],
  [
    ['RTT_SET_RIPAS g130 g1 0x200000 0x204000', 'REC'],
    ['RTT_SET_RIPAS g130 g1 0x201000 0x204000', 'REC'],
    ['RTT_SET_RIPAS g130 g1 0x200000 0x200000', 'INPUT'],
    ['REALM_DESTROY g130', 'SUCCESS']
  ]
)
rules(
  'RIPAS requests',
  [...active, 'DATA_CREATE_UNKNOWN g0 g10 0x201000'],
  [
    ['REALM_SET 0x200000 0x202000 0 0 ; REC_ENTER g1', 'SUCCESS RIPAS_CHANGE ripas 200000 202000 0'],
    ['REALM_SET 0x200000 0x202000 2 0 ; REC_ENTER g1', 'SUCCESS FIQ rsi 1 0 0'],
    ['REALM_SET 0x200000 0x202000 3 0 ; REC_ENTER g1', 'SUCCESS FIQ rsi 1 0 0'],
    ['REALM_SET 0x200800 0x202000 1 0 ; REC_ENTER g1', 'SUCCESS FIQ rsi 1 0 0'],
    ['REALM_SET 0x200000 0x201800 1 0 ; REC_ENTER g1', 'SUCCESS FIQ rsi 1 0 0'],
    ['REALM_SET 0x200000 0x200000 1 0 ; REC_ENTER g1', 'SUCCESS FIQ rsi 1 0 0'],
    ['REALM_SET 0x202000 0x200000 1 0 ; REC_ENTER g1', 'SUCCESS FIQ rsi 1 0 0'],
    [`REALM_SET ${x(PAR - 4096)} ${x(PAR + 4096)} 1 0 ; REC_ENTER g1`, 'SUCCESS FIQ rsi 1 0 0'],
    [`REALM_SET ${x(PAR)} ${x(PAR + 4096)} 1 0 ; REC_ENTER g1`, 'SUCCESS FIQ rsi 1 0 0'],
    [
      `REALM_SET ${x(PAR - 4096)} ${x(PAR)} 1 0 ; REC_ENTER g1`,
      `SUCCESS RIPAS_CHANGE ripas ${(PAR - 4096).toString(16)} ${PAR.toString(16)} 1`
    ],
    ['REALM_SET 0x200000 0x202000 0 0 ; REC_ENTER g1 ; REC_ENTER g1 flags=0x10', 'SUCCESS FIQ rsi 0 200000 0'],
    ['REALM_GET 0x200000 0x400000 ; REC_ENTER g1', 'SUCCESS FIQ rsi 0 400000 0'],
    ['REALM_GET 0x200000 0x203000 ; REC_ENTER g1', 'SUCCESS FIQ rsi 0 203000 0'],
    ['REALM_GET 0x200800 0x203000 ; REC_ENTER g1', 'SUCCESS FIQ rsi 1 0 0'],
    ['REALM_GET 0x200000 0x203800 ; REC_ENTER g1', 'SUCCESS FIQ rsi 1 0 0'],
    ['REALM_GET 0x200000 0x200000 ; REC_ENTER g1', 'SUCCESS FIQ rsi 1 0 0'],
    ['REALM_GET 0x203000 0x200000 ; REC_ENTER g1', 'SUCCESS FIQ rsi 1 0 0'],
    [`REALM_GET 0x0 ${x(PAR + 4096)} ; REC_ENTER g1`, 'SUCCESS FIQ rsi 1 0 0'],
    [`REALM_GET 0x40000000 ${x(PAR)} ; REC_ENTER g1`, `SUCCESS FIQ rsi 0 ${PAR.toString(16)} 0`],
    [
      'REALM_SET 0x200000 0x202000 1 0 ; REC_ENTER g1 ; REALM_GET 0x200000 0x203000 ; REC_ENTER g1',
      'SUCCESS FIQ rsi 0 200000 0'
    ],
    [
      'REALM_SET 0x200000 0x202000 1 0 ; REC_ENTER g1 ; REALM_GET 0x200000 0x203000 ; REC_ENTER g1 ; REC_ENTER g1',
      'SUCCESS FIQ rsi 0 203000 0'
    ],
    [
      'REALM_SET 0x201000 0x202000 1 0 ; REC_ENTER g1 ; RTT_SET_RIPAS g0 g1 0x201000 0x202000 ; RTT_READ_ENTRY ' +
        'g0 0x201000 3',
      `SUCCESS | 0x3 0x1 ${x(0x400000000 + 10 * 4096)} 0x1`
    ],
    [
      'REALM_SET 0x201000 0x202000 1 0 ; REC_ENTER g1 ; RTT_SET_RIPAS g0 g1 0x201000 0x202000 ; DATA_DESTROY g0 ' +
        '0x201000 ; RTT_READ_ENTRY g0 0x201000 3',
      'SUCCESS | 0x3 0x0 0x0 0x2'
    ]
  ]
)
const destroyed = [
  ...tables,
  'DATA_CREATE g0 g10 0x200000 g4 0',
  'DATA_DESTROY g0 0x200000',
  'GRANULE_DELEGATE g1',
  'BULK_DELEGATE g200 16',
  'REC_CREATE g0 g1 aux=g200',
  'REALM_ACTIVATE g0'
]
rules('DESTROYED needs consent', destroyed, [
  ['REALM_SET 0x200000 0x201000 1 0 ; REC_ENTER g1 ; RTT_SET_RIPAS g0 g1 0x200000 0x201000', 'RTT 3'],
  ['REALM_SET 0x200000 0x201000 1 1 ; REC_ENTER g1 ; RTT_SET_RIPAS g0 g1 0x200000 0x201000', 'SUCCESS | 0x201000'],
  ['REALM_SET 0x200000 0x201000 0 0 ; REC_ENTER g1 ; RTT_SET_RIPAS g0 g1 0x200000 0x201000', 'SUCCESS | 0x201000'],
  ['REALM_SET 0x200000 0x202000 1 0 ; REC_ENTER g1 ; RTT_SET_RIPAS g0 g1 0x200000 0x202000', 'RTT 3'],
  ['REALM_GET 0x200000 0x400000 ; REC_ENTER g1', 'SUCCESS FIQ rsi 0 201000 2']
])
const deviceRec = [
  ...device,
  'DEV_MEM_MAP g0 0x1000 3 d0',
  'DEV_MEM_MAP g0 0x2000 3 d1',
  'GRANULE_DELEGATE g1',
  'BULK_DELEGATE g200 16',
  'REC_CREATE g0 g1 aux=g200',
  'REALM_ACTIVATE g0'
]
const deviceRequest = [...deviceRec, 'REALM_DEV_VALIDATE 0x1000 0x3000 d0', 'REC_ENTER g1']
rules('RTT_DEV_MEM_VALIDATE', deviceRequest, [
  ['RTT_DEV_MEM_VALIDATE g0 g1 0x1000 0x3000', 'SUCCESS | 0x3000'],
  ['RTT_DEV_MEM_VALIDATE g0 g1 0x1000 0x2000 ; RTT_DEV_MEM_VALIDATE g0 g1 0x2000 0x3000', 'SUCCESS | 0x3000'],
  ['RTT_DEV_MEM_VALIDATE g0 g1 0x1000 0x3000 ; RTT_READ_ENTRY g0 0x2000 3', 'SUCCESS | 0x3 0x3 0x300001000 0x3'],
  ...['g0+0x800', '0x1000', 'g4', 'g10', 'g1'].map(
    (g) => [`RTT_DEV_MEM_VALIDATE ${g} g1 0x1000 0x3000`, 'INPUT'] as const
  ),
  ['RTT_DEV_MEM_VALIDATE g0 g10 0x1000 0x3000', 'INPUT'],
  ['RTT_DEV_MEM_VALIDATE g0 g1 0x1000 0x1000', 'INPUT'],
  ['RTT_DEV_MEM_VALIDATE g0 g1 0x1000 0x2800', 'INPUT'],
  ['RTT_DEV_MEM_VALIDATE g0 g1 0x2000 0x3000', 'INPUT'],
  ['RTT_DEV_MEM_VALIDATE g0 g1 0x1000 0x4000', 'INPUT'],
  ['DEV_MEM_UNMAP g0 0x1000 3 ; RTT_DEV_MEM_VALIDATE g0 g1 0x1000 0x3000', 'RTT 3'],
  ['DEV_MEM_UNMAP g0 0x2000 3 ; RTT_DEV_MEM_VALIDATE g0 g1 0x1000 0x3000', 'SUCCESS | 0x2000'],
  ['REC_ENTER g1 flags=0x40', 'SUCCESS FIQ rsi 0 1000 1'],
  ['RTT_DEV_MEM_VALIDATE g0 g1 0x1000 0x3000 ; REC_ENTER g1 flags=0x40', 'SUCCESS FIQ rsi 0 3000 0'],
  [
    'RTT_DEV_MEM_VALIDATE g0 g1 0x1000 0x3000 ; DEV_MEM_UNMAP g0 0x1000 3 ; RTT_READ_ENTRY g0 0x1000 3',
    'SUCCESS | 0x3 0x0 0x0 0x2'
  ]
])
rules(
  'device mapping at another address',
  [...deviceRec, 'REALM_DEV_VALIDATE 0x1000 0x3000 d1', 'REC_ENTER g1'],
  [['RTT_DEV_MEM_VALIDATE g0 g1 0x1000 0x3000', 'RTT 3']]
)
