// The commands of each firmware's handler table, in the order of their function identifiers' families, and what the
// model does with each. `held` says how well a command's rules are known here: against recorded sequences, by reading
// the firmware, or not at all. Source: TF-RMM v0.8.0 (54 handlers) and main 9a7f8ef4 (70 handlers); names as in the
// specification.
export type Held = 'recorded' | 'read' | 'no'
export interface Handler {
  readonly name: string
  readonly modelled: 'yes' | 'part' | 'no'
  readonly held: Held
  /** What is left out, or why all of it is. */
  readonly note?: string
}

const rows = (modelled: Handler['modelled'], held: Held, names: string, note?: string): Handler[] =>
  names.split(' ').map((name) => ({ name, modelled, held, ...(note === undefined ? {} : { note }) }))
const recorded = (names: string): Handler[] => rows('yes', 'recorded', names)
const read = (names: string, note?: string): Handler[] => rows('yes', 'read', names, note)
const part = (held: Held, name: string, note: string): Handler[] => rows('part', held, name, note)
const no = (names: string, note: string): Handler[] => rows('no', 'no', names, note)

const ENTER = 'what the Realm does is given by the caller; no registers but the results of RSI calls'
const STATUS = 'answers SUCCESS; the register values are not modelled'
const PLANES = 'planes: one stage-2 tree per Realm is modelled'
const MEC = 'memory encryption contexts'
const SMMU = 'the SMMU itself: a VDEV has its stream table entry'
const BOOT = 'layout of tracking and GPT at boot'

export const handlers: Readonly<Record<'1.x' | '2.0', readonly Handler[]>> = {
  '1.x': [
    ...part('read', 'VERSION', STATUS),
    ...part('read', 'FEATURES', STATUS),
    ...recorded(
      'GRANULE_DELEGATE GRANULE_UNDELEGATE DATA_CREATE DATA_CREATE_UNKNOWN DATA_DESTROY REALM_ACTIVATE ' +
        'REALM_CREATE REALM_DESTROY REC_CREATE REC_DESTROY'
    ),
    ...part('recorded', 'REC_ENTER', ENTER),
    ...read('REC_AUX_COUNT PSCI_COMPLETE'),
    ...recorded(
      'RTT_CREATE RTT_DESTROY RTT_FOLD RTT_READ_ENTRY RTT_MAP_UNPROTECTED RTT_UNMAP_UNPROTECTED RTT_INIT_RIPAS ' +
        'RTT_SET_RIPAS DEV_MEM_MAP DEV_MEM_UNMAP'
    ),
    ...read('RTT_DEV_MEM_VALIDATE'),
    ...no(
      'RTT_AUX_CREATE RTT_AUX_DESTROY RTT_AUX_FOLD RTT_AUX_MAP_PROTECTED RTT_AUX_MAP_UNPROTECTED ' +
        'RTT_AUX_UNMAP_PROTECTED RTT_AUX_UNMAP_UNPROTECTED RTT_SET_S2AP',
      PLANES
    ),
    ...no('MEC_SET_PRIVATE MEC_SET_SHARED', MEC),
    ...read(
      'PDEV_ABORT PDEV_AUX_COUNT PDEV_COMMUNICATE PDEV_CREATE PDEV_DESTROY PDEV_GET_STATE PDEV_IDE_KEY_REFRESH ' +
        'PDEV_IDE_RESET PDEV_SET_PUBKEY PDEV_STOP'
    ),
    ...read(
      'VDEV_ABORT VDEV_AUX_COUNT VDEV_COMMUNICATE VDEV_COMPLETE VDEV_CREATE VDEV_DESTROY VDEV_GET_STATE VDEV_STOP'
    )
  ],
  '2.0': [
    ...part('read', 'VERSION', STATUS),
    ...part('read', 'FEATURES', STATUS),
    ...no('RMM_ACTIVATE RMM_CONFIG_GET RMM_CONFIG_SET GRANULE_TRACKING_GET GPT_L1_CREATE', BOOT),
    ...recorded('GRANULE_RANGE_DELEGATE GRANULE_RANGE_UNDELEGATE REALM_ACTIVATE REALM_CREATE'),
    ...read('REALM_DESTROY REALM_TERMINATE'),
    ...recorded('REC_CREATE'),
    ...read('REC_DESTROY'),
    ...part('recorded', 'REC_ENTER', ENTER),
    ...read('PSCI_COMPLETE'),
    ...recorded(
      'RTT_CREATE RTT_DESTROY RTT_FOLD RTT_READ_ENTRY RTT_INIT_RIPAS RTT_SET_RIPAS RTT_DATA_MAP ' +
        'RTT_DATA_MAP_INIT RTT_DATA_UNMAP RTT_UNPROT_MAP RTT_UNPROT_UNMAP'
    ),
    ...read('RTT_DEV_MAP RTT_DEV_UNMAP RTT_DEV_VALIDATE'),
    ...no(
      'RTT_AUX_CREATE RTT_AUX_DESTROY RTT_AUX_FOLD RTT_AUX_PROT_MAP RTT_AUX_PROT_UNMAP RTT_AUX_UNPROT_MAP ' +
        'RTT_AUX_UNPROT_UNMAP RTT_SET_S2AP',
      PLANES
    ),
    ...read('OP_CANCEL OP_CONTINUE OP_MEM_DONATE OP_MEM_RECLAIM'),
    ...read(
      'PDEV_ABORT PDEV_COMMUNICATE PDEV_CREATE PDEV_DESTROY PDEV_GET_STATE PDEV_SET_PUBKEY PDEV_STOP ' +
        'PDEV_STREAM_COMPLETE PDEV_STREAM_CONNECT PDEV_STREAM_DISCONNECT PDEV_STREAM_KEY_PURGE ' +
        'PDEV_STREAM_KEY_REFRESH'
    ),
    ...read(
      'VDEV_ABORT VDEV_COMMUNICATE VDEV_COMPLETE VDEV_CREATE VDEV_DESTROY VDEV_GET_INTERFACE_REPORT ' +
        'VDEV_GET_MEASUREMENTS VDEV_GET_STATE VDEV_LOCK VDEV_START VDEV_UNLOCK'
    ),
    ...no('PSMMU_ACTIVATE PSMMU_DEACTIVATE PSMMU_ST_L2_CREATE PSMMU_ST_L2_DESTROY', SMMU)
  ]
}

/** The Realm's calls, which have no table of this kind. */
const coveredRsi = (generation: '1.x' | '2.0'): Handler[] => [
  ...recorded('IPA_STATE_GET IPA_STATE_SET'),
  ...(generation === '1.x'
    ? [
        ...read(
          'RDEV_CONTINUE RDEV_GET_INFO RDEV_GET_INSTANCE_ID RDEV_GET_INTERFACE_REPORT RDEV_GET_MEASUREMENTS ' +
            'RDEV_GET_STATE RDEV_LOCK RDEV_START RDEV_STOP'
        ),
        ...part('read', 'RDEV_VALIDATE_MAPPING', "identity and evidence as in 2.0; the device's ranges are not checked")
      ]
    : read('VDEV_DMA_DISABLE VDEV_DMA_ENABLE VDEV_GET_INFO VDEV_VALIDATE_MAPPING')),
  ...part('read', 'HOST_CALL', 'the exit, not the registers'),
  ...no(
    'ATTESTATION_TOKEN_CONTINUE ATTESTATION_TOKEN_INIT FEATURES MEASUREMENT_EXTEND MEASUREMENT_READ REALM_CONFIG ' +
      'VERSION',
    'no memory effect'
  ),
  ...no('MEM_GET_PERM_VALUE MEM_SET_PERM_INDEX MEM_SET_PERM_VALUE PLANE_ENTER PLANE_REG_READ PLANE_REG_WRITE', PLANES)
]

/** The firmware each generation is held against. */
export const heldAgainst: Readonly<Record<'1.x' | '2.0', string>> = {
  '1.x': 'TF-RMM v0.8.0',
  '2.0': 'TF-RMM main 9a7f8ef4 (22 July 2026)'
}

export interface Interface {
  readonly generation: '1.x' | '2.0'
  readonly side: 'RMI' | 'RSI'
  readonly commands: readonly Handler[]
}

/** Every command of both generations, and the Realm's calls. */
export const coverage: readonly Interface[] = (['1.x', '2.0'] as const).flatMap((generation): Interface[] => [
  { generation, side: 'RMI', commands: handlers[generation] },
  { generation, side: 'RSI', commands: coveredRsi(generation) }
])
