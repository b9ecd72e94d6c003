// Device assignment: PDEV and VDEV commands and the Realm's calls on a VDEV, as rows. The conditions of the first part
// are those of the specification's compliance suite: every granule argument unaligned, outside memory, device memory,
// not in the wanted state; parameter and data pages of another world; wrong owner; wrong state. The second part is what
// the firmware decides: who may lock, start, DMA-enable.
import { expect, test } from 'vitest'
import { type Row, rules as rowsOf, runAll } from './_rmm-rows.ts'

/**
 * Where the rules of each command come from: a file of the firmware (main 9a7f8ef4; for 1.x at v0.8.0's time), or,
 * where that has no such command, the compliance suite's conditions. None was seen on a running firmware here: no
 * recording holds a device command.
 */
const SOURCES: ReadonlyArray<readonly [command: RegExp, from: string]> = [
  [
    /^VDEV_(MAP|UNMAP|VALIDATE_MAPPING)$/,
    'compliance suite, cmd_vdev_map, cmd_vdev_unmap, cmd_rmi_vdev_validate_mapping'
  ],
  [/^PDEV_/, 'runtime/rmi/pdev.c'],
  [/^VDEV_/, 'runtime/rmi/vdev.c'],
  [/^REALM_VDEV_/, 'runtime/rsi/vdev.c'],
  [/^REALM_RDEV_/, 'runtime/rsi/rdev.c'],
  [/^OP_/, 'runtime/rmi/sro.c'],
  [/^REC_ENTER$/, 'runtime/rmi/run.c']
]
/** Words of this language that make calls of the kinds above, or only look. */
const HELPERS = /^([PV]DEV_TO|STREAM_TO|[PV]DEV_SETTLE|[PVG]STATE|TDI|DMA|T1|DEVICE_(?:ERROR|UPDATE|RESET))$/
const cited = new Set<string>()
const uncited: string[] = []

function rules(
  name: string,
  preparation: readonly string[],
  rows: readonly Row[],
  machine?: Parameters<typeof rowsOf>[3]
): void {
  for (const [cmd] of rows) {
    for (const word of cmd.split(' ; ').map((c) => c.split(' ')[0] ?? '')) {
      const from = SOURCES.find(([command]) => command.test(word))?.[1]
      if (from !== undefined && !HELPERS.test(word)) cited.add(from)
      else if (!HELPERS.test(word)) uncited.push(`${name}: ${word}`)
    }
  }
  rowsOf(name, preparation, rows, machine)
}

const x = (n: number): string => `0x${n.toString(16)}`
const PAR = 0x8000000000

// g0 RD, g2 another RD, g1 REC, g80 PDEV (auxiliary granules g81 on), g40 VDEV, g300 another PDEV, g10-g39 delegated,
// g4-g9 non-secure; d0-d15 delegated.
const realm1 = [
  'BULK_DELEGATE g64 4',
  'GRANULE_DELEGATE g0',
  'REALM_CREATE g0 s2sz=40 start=1 num=2 rtt=g64 vmid=1 da=1',
  'GRANULE_DELEGATE g2',
  'REALM_CREATE g2 s2sz=40 start=1 num=2 rtt=g66 vmid=2 da=1',
  'BULK_DELEGATE g10 31',
  'BULK_DELEGATE g80 30',
  'BULK_DELEGATE g300 30',
  'BULK_DELEGATE d0 16',
  'GPI g7 SECURE',
  'RTT_CREATE g0 g30 0x0 2',
  'RTT_CREATE g0 g31 0x0 3'
]
const realm2 = [
  ...realm1.map((c) =>
    c
      .replace(/^GRANULE_DELEGATE (g\d+)/, 'BULK_DELEGATE $1 1')
      .replace('BULK_DELEGATE g80 30', 'BULK_DELEGATE g80 40')
      .replace('BULK_DELEGATE g300 30', 'BULK_DELEGATE g300 40')
  ),
  'BULK_DELEGATE g350 1',
  'BULK_DELEGATE g351 1'
]
const pdev1 = ['PDEV_CREATE g80 aux=g81', 'PDEV_CREATE g300 aux=g301 id=1']
const pdev2 = [
  'PDEV_CREATE g80 aux=g81 num_aux=24',
  'PDEV_CREATE g300 aux=g301 num_aux=24 id=1',
  'PDEV_CREATE g350 category=root-port id=2'
]
const generations = {
  '1.x': {
    realm: realm1,
    pdev: [...realm1, ...pdev1],
    ready: [...realm1, ...pdev1, 'PDEV_TO g80 READY'],
    vdev: 'VDEV_CREATE g0 g80 g40 id=5'
  },
  '2.0': {
    realm: realm2,
    pdev: [...realm2, ...pdev2],
    ready: [...realm2, ...pdev2, 'PDEV_TO g80 READY', 'PDEV_TO g350 READY', 'STREAM_TO g80 g350'],
    vdev: 'VDEV_CREATE g0 g80 g40 id=5 ranges=d0*16'
  }
} as const
const both = ['1.x', '2.0'] as const
const machine = (generation: '1.x' | '2.0', stepwise = false) => ({ generation, stepwise })

// What a granule argument must not be, besides a granule in the wrong state.
const BAD = ['g4', '0x1000', 'd20', '0xfffffffffffff000']
const not = (cmd: (bad: string) => string, good: string, also: readonly string[] = []): Row[] =>
  [...BAD, `${good}+0x1`, ...also].map((g) => [cmd(g), 'INPUT'] as const)
// Host pages: unaligned, delegated, secure.
const page = (cmd: (bad: string) => string): Row[] => ['g900+0x1', 'g10', 'g7'].map((g) => [cmd(g), 'INPUT'] as const)

for (const generation of both) {
  const { realm, pdev, ready, vdev } = generations[generation]
  const m = machine(generation)
  const one = generation === '1.x'
  const aux = one ? 21 : 24
  const created = [...ready, vdev]
  const locked = [...created, 'VDEV_TO g0 g80 g40 LOCKED']
  const started = [...created, 'VDEV_TO g0 g80 g40 STARTED']

  rules(
    `${generation} PDEV_CREATE`,
    realm,
    [
      [`PDEV_CREATE g80 aux=g81 num_aux=${aux}`, 'SUCCESS'],
      [
        `PDEV_CREATE g80 aux=g81 num_aux=${aux} ; PDEV_GET_STATE g80`,
        'SUCCESS | 0x0 0x0'.split(' 0x0').slice(0, 2).join(' 0x0')
      ],
      [`PDEV_CREATE g80 aux=g81 num_aux=${aux} ; GSTATE g81`, 'PDEV_AUX 0'],
      ...not((g) => `PDEV_CREATE ${g} aux=g81 num_aux=${aux}`, 'g80', ['g0', 'g64']),
      ...page((g) => `PDEV_CREATE g80 aux=g81 num_aux=${aux} params=${g}`),
      [`PDEV_CREATE g80 aux=g81 num_aux=${aux} unknown=1`, 'INPUT'],
      [`PDEV_CREATE g80 aux=g81 num_aux=${aux} spdm=0`, 'NOT_SUPPORTED'],
      [`PDEV_CREATE g80 aux=g81 num_aux=${aux} hash=9`, 'INPUT'],
      // an auxiliary granule that is unaligned, twice there or not delegated: what was taken is given back
      [`PDEV_CREATE g80 aux=g81+0x1 num_aux=${aux}`, 'INPUT'],
      [`PDEV_CREATE g80 aux=g100 num_aux=${aux} ; GSTATE g100`, one ? 'DELEGATED 0' : 'DELEGATED 0']
    ],
    m
  )
  if (one) {
    rules(
      '1.x PDEV_CREATE: what v0.8.0 supports',
      realm,
      [
        ['PDEV_CREATE g80 aux=g81 num_aux=20', 'INPUT'],
        ['PDEV_CREATE g80 aux=g81 sid=32', 'INPUT'],
        ['PDEV_CREATE g80 aux=g81 ranges=17', 'INPUT'],
        ['PDEV_CREATE g80 aux=g81 hash=2', 'INPUT'],
        ['PDEV_AUX_COUNT 0', 'SUCCESS | 0x15'],
        [
          `PDEV_CREATE g80 aux=${['g81', 'g81', ...Array.from({ length: 19 }, (_, i) => `g${82 + i}`)].join(',')}`,
          'INPUT'
        ],
        [
          `PDEV_CREATE g80 aux=${[...Array.from({ length: 20 }, (_, i) => `g${81 + i}`), 'g4'].join(',')} ; GSTATE g81`,
          'DELEGATED 0'
        ],
        ...['ncoh_ide=0', 'coh_ide=1', 'coh_addr=1', 'p2p=1', 'trust=1', 'category=cxl'].map(
          (k) => [`PDEV_CREATE g80 aux=g81 ${k}`, 'NOT_SUPPORTED'] as const
        )
      ],
      m
    )
  } else {
    rules(
      '2.0 PDEV_CREATE: kinds and operations',
      realm,
      [
        ['PDEV_CREATE g350 category=root-port', 'SUCCESS'],
        ['PDEV_CREATE g350 category=cxl', 'NOT_SUPPORTED'],
        ['PDEV_CREATE g350 category=on-chip', 'NOT_SUPPORTED'],
        ['PDEV_CREATE g80 rid_base=4 rid_top=4', 'INPUT'],
        ['PDEV_CREATE g80 rid_base=0 rid_top=600', 'INPUT'],
        ['PDEV_CREATE g80 segment=65536', 'INPUT'],
        ['PDEV_CREATE g80 flags=2048', 'INPUT']
      ],
      m
    )
    rules(
      '2.0 PDEV_CREATE step by step',
      realm,
      [
        ['PDEV_CREATE g80', 'INCOMPLETE'],
        ['PDEV_CREATE g80 ; OP_MEM_DONATE h g81/3*24 ; OP_CONTINUE h', 'SUCCESS'],
        ['PDEV_CREATE g80 ; OP_MEM_DONATE h g81/3*24 ; OP_CONTINUE h ; PSTATE g80', 'NEW'],
        ['PDEV_CREATE g80 ; PSTATE g80', 'none']
      ],
      machine('2.0', true)
    )
  }

  rules(
    `${generation} PDEV life cycle`,
    pdev,
    [
      ['PDEV_GET_STATE g80', 'SUCCESS | 0x0'],
      ['PDEV_TO g80 NEEDS_KEY ; PDEV_GET_STATE g80', 'SUCCESS | 0x1'],
      ['PDEV_TO g80 HAS_KEY ; PDEV_GET_STATE g80', 'SUCCESS | 0x2'],
      ['PDEV_TO g80 READY ; PDEV_GET_STATE g80', 'SUCCESS | 0x3'],
      [
        'PDEV_TO g80 READY ; PDEV_STOP g80 ; PDEV_SETTLE g80 ; PDEV_GET_STATE g80',
        one ? 'SUCCESS | 0x7' : 'SUCCESS | 0x4'
      ],
      ['PDEV_TO g80 READY ; PDEV_STOP g80 ; PDEV_SETTLE g80 ; PDEV_DESTROY g80', 'SUCCESS'],
      ['PDEV_TO g80 READY ; PDEV_STOP g80 ; PDEV_SETTLE g80 ; PDEV_DESTROY g80 ; GSTATE g81', 'DELEGATED 0'],
      ['PDEV_COMMUNICATE g80 g900 ; PDEV_COMMUNICATE g80 g900 device=error ; PSTATE g80', 'ERROR'],
      ['PDEV_COMMUNICATE g80 g900 ; PDEV_COMMUNICATE g80 g900 device=error ; PDEV_COMMUNICATE g80 g900', 'DEVICE'],
      ...['PDEV_DESTROY', 'PDEV_STOP', 'PDEV_ABORT', 'PDEV_GET_STATE', 'PDEV_SET_PUBKEY'].flatMap((c) =>
        not((g) => `${c} ${g}`, 'g80', ['g0', 'g81', 'g10'])
      ),
      ['PDEV_DESTROY g80', 'DEVICE'],
      ['PDEV_ABORT g80', 'SUCCESS'],
      ['PDEV_TO g80 READY ; PDEV_ABORT g80', 'DEVICE'],
      ['PDEV_TO g80 READY ; PDEV_STOP g80 ; PDEV_STOP g80', 'DEVICE'],
      ['PDEV_TO g80 READY ; PDEV_STOP g80 ; PDEV_SETTLE g80 ; PDEV_STOP g80', one ? 'DEVICE' : 'SUCCESS'],
      ...(one
        ? ([
            ['PDEV_TO g80 READY ; PDEV_IDE_KEY_REFRESH g80 0 ; PDEV_STOP g80', 'DEVICE'],
            ['PDEV_TO g80 READY ; PDEV_IDE_KEY_REFRESH g80 0 ; PDEV_SETTLE g80 ; PSTATE g80', 'READY'],
            ['PDEV_TO g80 READY ; PDEV_IDE_KEY_REFRESH g80 1', 'DEVICE'],
            ['PDEV_TO g80 READY ; PDEV_IDE_RESET g80 ; PSTATE g80', 'IDE_RESETTING'],
            ['PDEV_IDE_RESET g80', 'DEVICE'],
            ['PDEV_STREAM_CONNECT g80 g300', 'NOT_SUPPORTED']
          ] as Row[])
        : [])
    ],
    m
  )
  rules(
    `${generation} PDEV_COMMUNICATE`,
    pdev,
    [
      ['PDEV_COMMUNICATE g80 g900', 'SUCCESS'],
      ...not((g) => `PDEV_COMMUNICATE ${g} g900`, 'g80', ['g0', 'g81', 'g10']),
      ...page((g) => `PDEV_COMMUNICATE g80 ${g}`),
      ...page((g) => `PDEV_COMMUNICATE g80 g900 req=${g}`),
      ...page((g) => `PDEV_COMMUNICATE g80 g900 resp=${g}`),
      ['PDEV_COMMUNICATE g80 g900 resp_len=4097', 'INPUT'],
      ['PDEV_COMMUNICATE g80 g900 ; PDEV_COMMUNICATE g80 g900 status=RESPONSE resp_len=0', 'INPUT'],
      ['PDEV_COMMUNICATE g80 g900 status=RESPONSE', 'DEVICE'],
      ['PDEV_TO g80 NEEDS_KEY ; PDEV_COMMUNICATE g80 g900', 'DEVICE']
    ],
    m
  )
  rules(
    `${generation} PDEV_SET_PUBKEY`,
    [...pdev, 'PDEV_TO g80 NEEDS_KEY'],
    [
      ['PDEV_SET_PUBKEY g80', 'SUCCESS'],
      ['PDEV_SET_PUBKEY g80 ; PSTATE g80', 'HAS_KEY'],
      ...page((g) => `PDEV_SET_PUBKEY g80 params=${g}`),
      ['PDEV_SET_PUBKEY g80 key_len=1025', 'INPUT'],
      ['PDEV_SET_PUBKEY g80 metadata_len=1025', 'INPUT'],
      ['PDEV_SET_PUBKEY g80 key_len=70', 'INPUT'],
      ['PDEV_SET_PUBKEY g80 algo=2 key_len=97', 'SUCCESS'],
      ['PDEV_SET_PUBKEY g80 algo=0', 'SUCCESS'],
      ['PDEV_SET_PUBKEY g80 algo=3', 'INPUT'],
      ['PDEV_SET_PUBKEY g300', 'DEVICE'],
      ['PDEV_SET_PUBKEY g80 ; PDEV_SET_PUBKEY g80', 'DEVICE']
    ],
    m
  )

  const vc = (rd: string, pd: string, vd: string, more = ''): string => `VDEV_CREATE ${rd} ${pd} ${vd} id=5${more}`
  rules(
    `${generation} VDEV_CREATE`,
    ready,
    [
      [vdev, 'SUCCESS'],
      [`${vdev} ; VDEV_GET_STATE g40`, 'SUCCESS | 0x0'],
      [`${vdev} ; GSTATE g40`, 'VDEV 0'],
      ...not((g) => vc(g, 'g80', 'g40'), 'g0', ['g80', 'g10']),
      ...not((g) => vc('g0', g, 'g40'), 'g80', ['g0', 'g10']),
      ...not((g) => vc('g0', 'g80', g), 'g40', ['g0', 'g80', 'g64']),
      ...page((g) => vc('g0', 'g80', 'g40', ` params=${g}`)),
      [vc('g0', 'g80', 'g40', ' num_aux=1'), 'INPUT'],
      [vc('g0', 'g80', 'g40', ' flags=1'), 'INPUT'],
      [vc('g0', 'g300', 'g40'), 'DEVICE'],
      [`${vdev} ; ${vc('g2', 'g80', 'g39', ' tdi=0')}`, 'DEVICE'],
      [`${vdev} ; PDEV_STOP g80`, 'DEVICE'],
      [`${vdev} ; ${vc('g0', 'g80', 'g39', ' tdi=9')}`, one ? 'REALM 0' : 'DEVICE']
    ],
    m
  )
  rules(
    `${generation} VDEV_CREATE without device assignment in the Realm`,
    [
      ...ready,
      one ? 'BULK_DELEGATE g70 3' : 'BULK_DELEGATE g70 3',
      'REALM_CREATE g72 s2sz=40 start=1 num=2 rtt=g70 vmid=3'
    ],
    [[vc('g72', 'g80', 'g40'), 'REALM 0']],
    m
  )

  // rd, pdev, vdev of every command on a VDEV; `owner`: the answer for another Realm's VDEV
  const three = (c: string, owner: string, tail = ''): Row[] => [
    ...not((g) => `${c} ${g} g80 g40${tail}`, 'g0', ['g80', 'g10']),
    ...not((g) => `${c} g0 ${g} g40${tail}`, 'g80', ['g0', 'g10']),
    ...not((g) => `${c} g0 g80 ${g}${tail}`, 'g40', ['g0', 'g80']),
    [`${c} g2 g80 g40${tail}`, owner],
    [`${c} g0 g300 g40${tail}`, 'DEVICE'],
    [`${c} g0 g300 g4${tail}`, 'INPUT']
  ]
  rules(
    `${generation} commands on a VDEV: arguments`,
    created,
    [
      ...three('VDEV_LOCK', 'INPUT'),
      ...three('VDEV_START', 'INPUT'),
      ...three('VDEV_UNLOCK', 'DEVICE'),
      ...three('VDEV_DESTROY', 'DEVICE'),
      ...three('VDEV_GET_MEASUREMENTS', 'DEVICE'),
      ...three('VDEV_GET_INTERFACE_REPORT', 'DEVICE'),
      ...three('VDEV_ABORT', one ? 'INPUT' : 'DEVICE'),
      ...three('VDEV_COMMUNICATE', 'INPUT', ' g900'),
      ...page((g) => `VDEV_COMMUNICATE g0 g80 g40 ${g}`),
      ...page((g) => `VDEV_COMMUNICATE g0 g80 g40 g900 req=${g}`),
      ...page((g) => `VDEV_COMMUNICATE g0 g80 g40 g900 resp=${g}`),
      ['VDEV_COMMUNICATE g0 g80 g40 g900 resp_len=4097', 'INPUT'],
      ...page((g) => `VDEV_GET_MEASUREMENTS g0 g80 g40 params=${g}`),
      ...not((g) => `VDEV_GET_STATE ${g}`, 'g40', ['g0', 'g80'])
    ],
    m
  )
  rules(
    `${generation} VDEV life cycle`,
    created,
    [
      ['VDEV_LOCK g0 g80 g40', 'DEVICE'],
      ['VDEV_START g0 g80 g40', 'DEVICE'],
      ['VDEV_UNLOCK g0 g80 g40', 'DEVICE'],
      ['VDEV_GET_INTERFACE_REPORT g0 g80 g40', 'DEVICE'],
      ['VDEV_DESTROY g0 g80 g40', 'SUCCESS'],
      ['VDEV_GET_MEASUREMENTS g0 g80 g40', 'SUCCESS'],
      ['VDEV_TO g0 g80 g40 UNLOCKED ; VDEV_GET_STATE g40', 'SUCCESS | 0x1'],
      ['VDEV_TO g0 g80 g40 UNLOCKED ; VDEV_LOCK g0 g80 g40 ; VDEV_GET_STATE g40', 'SUCCESS | 0x1'],
      ['VDEV_TO g0 g80 g40 LOCKED ; VDEV_GET_STATE g40', 'SUCCESS | 0x2'],
      ['VDEV_TO g0 g80 g40 STARTED ; VDEV_GET_STATE g40', 'SUCCESS | 0x3'],
      ['VDEV_TO g0 g80 g40 LOCKED ; VDEV_DESTROY g0 g80 g40', 'DEVICE'],
      ['VDEV_TO g0 g80 g40 LOCKED ; VDEV_LOCK g0 g80 g40', 'DEVICE'],
      [
        'VDEV_TO g0 g80 g40 STARTED ; VDEV_UNLOCK g0 g80 g40 ; VDEV_SETTLE g0 g80 g40 ; VDEV_DESTROY g0 g80 g40',
        'SUCCESS'
      ],
      ['VDEV_TO g0 g80 g40 STARTED ; VDEV_UNLOCK g0 g80 g40 ; VDEV_SETTLE g0 g80 g40 ; TDI g40', 'CONFIG_UNLOCKED'],
      ['VDEV_TO g0 g80 g40 STARTED ; TDI g40', 'RUN'],
      ['VDEV_TO g0 g80 g40 LOCKED ; TDI g40', 'CONFIG_LOCKED'],
      ['VDEV_TO g0 g80 g40 STARTED ; DMA g40', 'off'],
      ['VDEV_ABORT g0 g80 g40 ; VSTATE g40', 'ERROR'],
      ['VDEV_ABORT g0 g80 g40 ; VDEV_ABORT g0 g80 g40', 'DEVICE'],
      ['VDEV_ABORT g0 g80 g40 ; VDEV_DESTROY g0 g80 g40', 'DEVICE'],
      ['VDEV_ABORT g0 g80 g40 ; VDEV_UNLOCK g0 g80 g40', 'SUCCESS'],
      ['VDEV_DESTROY g0 g80 g40 ; PDEV_STOP g80', one ? 'SUCCESS' : 'DEVICE'],
      // the device fails between lock and start: START_INTERFACE is refused, and the VDEV is in error
      [
        'VDEV_TO g0 g80 g40 LOCKED ; DEVICE_ERROR g80 0 ; VDEV_START g0 g80 g40 ; VDEV_SETTLE g0 g80 g40 ; VSTATE g40',
        'ERROR'
      ]
    ],
    m
  )
  rules(
    `${generation} evidence of a locked interface`,
    locked,
    [
      ['VDEV_GET_INTERFACE_REPORT g0 g80 g40', 'SUCCESS'],
      ['VDEV_GET_INTERFACE_REPORT g0 g80 g40 ; VDEV_SETTLE g0 g80 g40 ; VSTATE g40', 'LOCKED'],
      ['VDEV_GET_INTERFACE_REPORT g0 g80 g40 ; VDEV_START g0 g80 g40', 'DEVICE']
    ],
    m
  )

  const device = [
    ...started,
    ...(one ? ['GRANULE_DELEGATE g1'] : ['BULK_DELEGATE g1 1']),
    'BULK_DELEGATE g200 16',
    'REC_CREATE g0 g1 aux=g200',
    'REALM_ACTIVATE g0'
  ]
  const through = (action: string, after = ''): string =>
    `${action} ; REC_ENTER g1 ; VDEV_COMPLETE g1 g40 ; REC_ENTER g1${after}`
  const RSI_ERROR_INPUT = 1
  const RSI_ERROR_DEVICE = 5
  rules(
    `${generation} RSI_VDEV_*`,
    device,
    [
      ['REALM_VDEV_DMA_ENABLE 5 ; REC_ENTER g1', 'SUCCESS VDEV_REQUEST'],
      [through('REALM_VDEV_DMA_ENABLE 5'), 'SUCCESS FIQ rsi 0 0 0'],
      [through('REALM_VDEV_DMA_ENABLE 5', ' ; DMA g40'), 'on'],
      [through('REALM_VDEV_DMA_ENABLE 5 lock=77'), `SUCCESS FIQ rsi ${RSI_ERROR_DEVICE} 0 0`],
      [through('REALM_VDEV_DMA_ENABLE 5 meas=77', ' ; DMA g40'), 'off'],
      ['REALM_VDEV_DMA_ENABLE 6 ; REC_ENTER g1 ; VDEV_COMPLETE g1 g40', 'INPUT'],
      ['REALM_VDEV_DMA_DISABLE 6 ; REC_ENTER g1 ; REC_ENTER g1', `SUCCESS FIQ rsi ${RSI_ERROR_INPUT} 0 0`],
      ['VDEV_COMPLETE g1 g40', 'INPUT'],
      ...not((g) => `REALM_VDEV_DMA_ENABLE 5 ; REC_ENTER g1 ; VDEV_COMPLETE ${g} g40`, 'g1', ['g0', 'g40']),
      ...not((g) => `REALM_VDEV_DMA_ENABLE 5 ; REC_ENTER g1 ; VDEV_COMPLETE g1 ${g}`, 'g40', ['g0', 'g80']),
      ['REALM_VDEV_GET_INFO 5 0x100 ; REC_ENTER g1', `SUCCESS FIQ rsi ${RSI_ERROR_INPUT} 0 0`],
      [`REALM_VDEV_GET_INFO 5 ${x(PAR)} ; REC_ENTER g1`, `SUCCESS FIQ rsi ${RSI_ERROR_INPUT} 0 0`],
      [through('REALM_VDEV_GET_INFO 5 0x0'), `SUCCESS FIQ rsi ${RSI_ERROR_INPUT} 0 0`],
      ...[
        '0x800 0x2000 d0',
        '0x0 0x1800 d0',
        '0x0 0x1000 d0+0x800',
        '0x1000 0x1000 d0',
        `${x(PAR)} ${x(PAR + 4096)} d0`
      ].map(
        (a) => [`REALM_VDEV_VALIDATE_MAPPING 5 ${a} ; REC_ENTER g1`, `SUCCESS FIQ rsi ${RSI_ERROR_INPUT} 0 0`] as const
      ),
      [through('REALM_VDEV_VALIDATE_MAPPING 5 0x1000 0x3000 d0'), 'SUCCESS DEV_MEM_MAP'],
      [through('REALM_VDEV_VALIDATE_MAPPING 5 0x1000 0x3000 d0 report=9'), `SUCCESS FIQ rsi ${RSI_ERROR_DEVICE} 0 0`]
    ],
    m
  )

  test(`${generation}: T=0 and T=1 are decided by the firmware: interface, stream table entry, stage 2`, () => {
    const map = one ? 'DATA_CREATE_UNKNOWN g0 g20 0x1000' : 'RTT_DATA_MAP g0 0x1000 0x2000 g20/3*1'
    const on = [...device.slice(0, -1), 'RTT_INIT_RIPAS g0 0x1000 0x2000', map, 'REALM_ACTIVATE g0']
    const enable = through('REALM_VDEV_DMA_ENABLE 5')
    const at = (cmd: string, from = on): string => runAll(from, cmd, m)
    expect(at('T1 g40 0x1000')).toBe('abort: C_BAD_STE')
    expect(at(`${enable} ; T1 g40 0x1000`)).toBe('ok realm')
    expect(at(`${enable} ; T1 g40 0x2000`)).toBe('translation')
    expect(at(`${enable} ; DEVICE_ERROR g80 0 ; T1 g40 0x1000`)).toBe('no T=1: ERROR')
    expect(at(`${enable} ; VDEV_UNLOCK g0 g80 g40 ; T1 g40 0x1000`)).toBe('abort: C_BAD_STE')
    expect(at(`${enable} ; VDEV_UNLOCK g0 g80 g40 ; VDEV_SETTLE g0 g80 g40 ; T1 g40 0x1000`)).toBe(
      'no T=1: CONFIG_UNLOCKED'
    )
    expect(at(`${enable} ; ${through('REALM_VDEV_DMA_DISABLE 5')} ; T1 g40 0x1000`)).toBe('abort: C_BAD_STE')
    // evidence changes under the Realm: measurements anew give a new nonce, and the old one enables nothing
    const nonces = `VDEV_GET_MEASUREMENTS g0 g80 g40 ; VDEV_SETTLE g0 g80 g40`
    expect(at(`${nonces} ; ${through('REALM_VDEV_DMA_ENABLE 5 meas=0')}`)).toBe(
      `SUCCESS FIQ rsi ${RSI_ERROR_DEVICE} 0 0`
    )
  })

  test(`${generation}: device memory is validated within the request, at the address the Realm gave`, () => {
    const mapDev = one
      ? ['DEV_MEM_MAP g0 0x1000 3 d0', 'DEV_MEM_MAP g0 0x2000 3 d1']
      : ['RTT_DEV_MAP g0 g40 0x1000 0x3000 d0/3*2']
    const validate = one ? 'RTT_DEV_MEM_VALIDATE' : 'RTT_DEV_VALIDATE'
    const mapped = [...device, ...mapDev]
    const ask = (pa = 'd0'): string => through(`REALM_VDEV_VALIDATE_MAPPING 5 0x1000 0x3000 ${pa}`)
    const at = (cmd: string): string => runAll(mapped, cmd, m)
    expect(at(`${ask()} ; ${validate} g0 g1 0x1000 0x3000`)).toBe('SUCCESS | 0x3000')
    expect(at(`${ask()} ; ${validate} g0 g1 0x1000 0x4000`).split(' ')[0]).toBe('INPUT')
    expect(at(`${ask()} ; ${validate} g0 g1 0x2000 0x3000`).split(' ')[0]).toBe('INPUT')
    expect(at(`${ask('d1')} ; ${validate} g0 g1 0x1000 0x3000`).split(' | ')[0]).toBe('RTT 3')
    expect(at(`${validate} g0 g1 0x1000 0x3000`).split(' ')[0]).toBe('INPUT')
    expect(at(`${ask()} ; ${validate} g2 g1 0x1000 0x3000`).split(' ')[0]).toBe('REC')
    if (one) {
      expect(at(`${ask()} ; VDEV_VALIDATE_MAPPING g0 g1 g80 g40 0x1000 0x3000`)).toBe('SUCCESS | 0x3000')
      expect(at(`${ask()} ; VDEV_VALIDATE_MAPPING g0 g1 g300 g40 0x1000 0x3000`).split(' ')[0]).toBe('DEVICE')
    } else {
      // only what the VDEV owns, only while it is not locked away; unlocking waits for the mappings to go
      expect(at('RTT_DEV_MAP g0 g40 0x4000 0x5000 d20/3*1').split(' ')[0]).toBe('INPUT')
      expect(at('VDEV_UNLOCK g0 g80 g40').split(' ')[0]).toBe('GRANULE')
      expect(at('RTT_DEV_UNMAP g0 0x1000 0x3000 ; VDEV_UNLOCK g0 g80 g40').split(' ')[0]).toBe('SUCCESS')
    }
  })
}

rules(
  '1.x VDEV_MAP and VDEV_UNMAP, after v0.8.0',
  [
    ...generations['1.x'].ready,
    generations['1.x'].vdev,
    'RTT_INIT_RIPAS g0 0x3000 0x4000',
    'DATA_CREATE_UNKNOWN g0 g20 0x4000'
  ],
  [
    ['VDEV_MAP g0 g40 0x1000 3 d0', 'SUCCESS'],
    ...['d0+0x1', '0x1000', 'd20', 'g10', 'g4'].map((a) => [`VDEV_MAP g0 g40 0x1000 3 ${a}`, 'INPUT'] as const),
    ...not((g) => `VDEV_MAP ${g} g40 0x1000 3 d0`, 'g0', ['g10']),
    ...not((g) => `VDEV_MAP g0 ${g} 0x1000 3 d0`, 'g40', ['g0', 'g10']),
    ['VDEV_MAP g2 g40 0x1000 3 d0', 'INPUT'],
    ['VDEV_MAP g0 g40 0x0 1 d0', 'INPUT'],
    ['VDEV_MAP g0 g40 0x1000 4 d0', 'INPUT'],
    ['VDEV_MAP g0 g40 0x1800 3 d0', 'INPUT'],
    [`VDEV_MAP g0 g40 ${x(PAR)} 3 d0`, 'INPUT'],
    ['VDEV_MAP g0 g40 0x200000 3 d0', 'RTT 2'],
    ['VDEV_MAP g0 g40 0x4000 3 d0', 'RTT 3'],
    ['VDEV_MAP g0 g40 0x3000 3 d0', 'RTT 3'],
    ['VDEV_MAP g0 g40 0x1000 3 d0 ; VDEV_UNMAP g0 g40 0x1000 3', 'SUCCESS | 0x300000000 0x4000'],
    ...not((g) => `VDEV_UNMAP ${g} g40 0x1000 3`, 'g0', ['g10']),
    ['VDEV_UNMAP g0 g40 0x0 1', 'INPUT'],
    ['VDEV_UNMAP g0 g40 0x1000 4', 'INPUT'],
    ['VDEV_UNMAP g0 g40 0x1800 3', 'INPUT'],
    [`VDEV_UNMAP g0 g40 ${x(PAR)} 3`, 'INPUT'],
    ['VDEV_UNMAP g0 g40 0x200000 3', 'RTT 2'],
    ['VDEV_UNMAP g0 g40 0x1000 3', 'RTT 3'],
    ['VDEV_MAP g0 g40 0x1000 3 d0 ; VDEV_TO g0 g80 g40 LOCKED ; VDEV_UNLOCK g0 g80 g40', 'DEVICE']
  ]
)

rules(
  '1.x RSI_RDEV_*',
  [
    ...generations['1.x'].ready,
    generations['1.x'].vdev,
    'VDEV_TO g0 g80 g40 UNLOCKED',
    'GRANULE_DELEGATE g1',
    'BULK_DELEGATE g200 16',
    'REC_CREATE g0 g1 aux=g200',
    'REALM_ACTIVATE g0'
  ],
  [
    ['REALM_RDEV_LOCK 5 ; REC_ENTER g1', 'SUCCESS VDEV_REQUEST'],
    ['REALM_RDEV_LOCK 5 ; REC_ENTER g1 ; VDEV_COMPLETE g1 g40 ; REC_ENTER g1', 'SUCCESS FIQ rsi 0 0 0'],
    ['REALM_RDEV_START 5 ; REC_ENTER g1 ; VDEV_COMPLETE g1 g40 ; REC_ENTER g1', 'SUCCESS FIQ rsi 2 0 0'],
    [
      'REALM_RDEV_LOCK 5 ; REC_ENTER g1 ; VDEV_COMPLETE g1 g40 ; REC_ENTER g1 ; REALM_RDEV_CONTINUE 5 ; REC_ENTER g1',
      'SUCCESS VDEV_COMM rsi 3 0 0'
    ],
    [
      'REALM_RDEV_LOCK 5 ; REC_ENTER g1 ; VDEV_COMPLETE g1 g40 ; REC_ENTER g1 ; VDEV_SETTLE g0 g80 g40 ; ' +
        'REALM_RDEV_CONTINUE 5 ; REC_ENTER g1',
      'SUCCESS FIQ rsi 0 0 0'
    ],
    ['REALM_RDEV_GET_STATE 5 ; REC_ENTER g1', 'SUCCESS FIQ rsi 0 0 0'],
    ['REALM_RDEV_GET_STATE 6 ; REC_ENTER g1', 'SUCCESS FIQ rsi 1 0 0'],
    [
      'VDEV_TO g0 g80 g40 STARTED ; REALM_RDEV_STOP 5 ; REC_ENTER g1 ; VDEV_COMPLETE g1 g40 ; REC_ENTER g1 ; ' +
        'VDEV_SETTLE g0 g80 g40 ; VSTATE g40',
      'UNLOCKED'
    ]
  ]
)

const streams = [...generations['2.0'].pdev, 'PDEV_TO g80 READY', 'PDEV_TO g350 READY']
const handle = '0x400050000'
const turns = (n: number): string =>
  Array.from({ length: n }, () => 'PDEV_COMMUNICATE g350 g900 ; PDEV_COMMUNICATE g80 g900').join(' ; ')
rules(
  '2.0 streams',
  streams,
  [
    ['PDEV_STREAM_CONNECT g80 g350', `SUCCESS | ${handle}`],
    ...not((g) => `PDEV_STREAM_CONNECT ${g} g350`, 'g80', ['g0']),
    ...not((g) => `PDEV_STREAM_CONNECT g80 ${g}`, 'g350', ['g0']),
    ...page((g) => `PDEV_STREAM_CONNECT g80 g350 params=${g}`),
    ['PDEV_STREAM_CONNECT g80 g80', 'INPUT'],
    ['PDEV_STREAM_CONNECT g350 g80', 'INPUT'],
    ['PDEV_STREAM_CONNECT g300 g350', 'INPUT'],
    ['PDEV_STREAM_CONNECT g80 g350 type=1', 'NOT_SUPPORTED'],
    ['PDEV_STREAM_CONNECT g80 g350 ranges=17', 'INPUT'],
    ['PDEV_STREAM_CONNECT g80 g350 ; PDEV_STREAM_CONNECT g80 g350', 'INPUT'],
    [`PDEV_STREAM_CONNECT g80 g350 ; PDEV_STREAM_COMPLETE g80 g350 ${handle}`, 'INPUT'],
    [`STREAM_TO g80 g350 ; PDEV_STREAM_DISCONNECT g80 g350 ${handle}`, 'SUCCESS'],
    [`STREAM_TO g80 g350 ; PDEV_STREAM_COMPLETE g80 g350 ${handle}`, 'DEVICE'],
    [`PDEV_STREAM_DISCONNECT g80 g350 ${handle}`, 'INPUT'],
    [`STREAM_TO g80 g350 ; PDEV_STREAM_KEY_REFRESH g80 g350 ${handle}`, 'SUCCESS'],
    [`STREAM_TO g80 g350 ; PDEV_STREAM_KEY_PURGE g80 g350 ${handle}`, 'NOT_SUPPORTED'],
    ['STREAM_TO g80 g350 ; PDEV_STOP g80', 'DEVICE'],
    [
      `STREAM_TO g80 g350 ; PDEV_STREAM_DISCONNECT g80 g350 ${handle} ; ${turns(3)} ; PDEV_STREAM_COMPLETE g80 ` +
        `g350 ${handle} ; PDEV_STOP g80`,
      'SUCCESS'
    ],
    [`STREAM_TO g80 g350 ; VDEV_CREATE g0 g80 g40 id=5 ; PDEV_STREAM_DISCONNECT g80 g350 ${handle}`, 'DEVICE'],
    ['VDEV_CREATE g0 g80 g40 id=5', 'DEVICE'],
    ['STREAM_TO g80 g350 ; VDEV_CREATE g0 g80 g40 id=5 ranges=d0*4,d2*4', 'INPUT'],
    ['STREAM_TO g80 g350 ; VDEV_CREATE g0 g80 g40 id=5 ranges=d0*1,d1*1,d2*1,d3*1,d4*1', 'INPUT']
  ],
  machine('2.0')
)

for (const generation of both) {
  const { realm, pdev, ready, vdev } = generations[generation]
  rules(
    `${generation} parameter pages as registers`,
    realm,
    ['g900', 'g10', 'g900+0x1'].map(
      (page) =>
        [
          `PDEV_CREATE g80 ${page} aux=g81 num_aux=${generation === '1.x' ? 21 : 24}`,
          page === 'g900' ? 'SUCCESS' : 'INPUT'
        ] as const
    ),
    machine(generation)
  )
  rules(
    `${generation} the key's page as a register`,
    [...pdev, 'PDEV_TO g80 NEEDS_KEY'],
    [
      ['PDEV_SET_PUBKEY g80 g900', 'SUCCESS'],
      ['PDEV_SET_PUBKEY g80 g10', 'INPUT']
    ],
    machine(generation)
  )
  rules(
    `${generation} a VDEV's pages as registers`,
    [...ready, vdev],
    [
      ['VDEV_GET_MEASUREMENTS g0 g80 g40 g900', 'SUCCESS'],
      ['VDEV_GET_MEASUREMENTS g0 g80 g40 g7', 'INPUT'],
      ['VDEV_DESTROY g0 g80 g40 ; VDEV_CREATE g0 g80 g40 g10', 'INPUT'],
      ['VDEV_DESTROY g0 g80 g40 ; VDEV_CREATE g0 g80 g40 g900', 'SUCCESS']
    ],
    machine(generation)
  )
}

test('every row is about commands whose source is named, and every source has a row', () => {
  expect(uncited).toEqual([])
  expect(SOURCES.map(([, from]) => from).filter((from) => !cited.has(from))).toEqual([])
})
