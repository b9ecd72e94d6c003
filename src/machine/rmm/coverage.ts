// Which commands of the RMM's interfaces the model carries out. Names: reference arm-cca.md sections 4, 5, 8 and 9; those of the device,
// plane and attestation families, which are not memory commands, as the specification's compliance suite names them.

export interface Covered {
  readonly name: string
  /** yes; part: what the note says is left out; no. */
  readonly modelled: 'yes' | 'part' | 'no'
  readonly note?: string
}
export interface Interface {
  readonly generation: '1.x' | '2.0'
  readonly side: 'RMI' | 'RSI'
  readonly commands: readonly Covered[]
}

const yes = (names: string): Covered[] => names.split(' ').map((name) => ({ name, modelled: 'yes' }))
const part = (name: string, note: string): Covered => ({ name, modelled: 'part', note })
const no = (names: string, note?: string): Covered[] => names.split(' ').map((name) => ({ name, modelled: 'no', ...(note === undefined ? {} : { note }) }))

const PDEV = 'PDEV_ABORT PDEV_AUX_COUNT PDEV_COMMUNICATE PDEV_CREATE PDEV_DESTROY PDEV_GET_STATE PDEV_SET_PUBKEY PDEV_STOP'
const VDEV = 'VDEV_ABORT VDEV_COMMUNICATE VDEV_COMPLETE VDEV_CREATE VDEV_DESTROY VDEV_GET_INTERFACE_REPORT VDEV_GET_MEASUREMENTS VDEV_GET_STATE VDEV_LOCK VDEV_START VDEV_UNLOCK'
const AUX = 'RTT_AUX_CREATE RTT_AUX_DESTROY RTT_AUX_FOLD RTT_AUX_MAP_PROTECTED RTT_AUX_MAP_UNPROTECTED RTT_AUX_UNMAP_PROTECTED RTT_AUX_UNMAP_UNPROTECTED'
const devices = 'device life cycle, no memory effect here'
const planes = 'planes: one stage-2 tree per Realm is modelled'

const rec = part('REC_ENTER', 'what the Realm does is given by the caller: RIPAS requests, device mappings, aborts, PSCI and host calls; no registers but RSI results')
const common = 'REALM_ACTIVATE REALM_CREATE REALM_DESTROY REC_AUX_COUNT REC_CREATE REC_DESTROY RTT_CREATE RTT_DESTROY RTT_FOLD RTT_INIT_RIPAS RTT_READ_ENTRY RTT_SET_RIPAS'

const rsi = (device: string): Covered[] => [
  ...yes('IPA_STATE_GET IPA_STATE_SET'),
  part(device, 'the memory side: no device identity, ranges or nonces'),
  part('HOST_CALL', 'the exit, not the registers'),
  ...no('ATTESTATION_TOKEN_CONTINUE ATTESTATION_TOKEN_INIT FEATURES MEASUREMENT_EXTEND MEASUREMENT_READ REALM_CONFIG VERSION', 'no memory effect'),
  ...no('MEM_GET_PERM_VALUE MEM_SET_PERM_INDEX MEM_SET_PERM_VALUE PLANE_ENTER PLANE_REG_READ PLANE_REG_WRITE', planes)
]

export const coverage: readonly Interface[] = [
  {
    generation: '1.x', side: 'RMI',
    commands: [
      ...yes(`DATA_CREATE DATA_CREATE_UNKNOWN DATA_DESTROY DEV_MEM_MAP DEV_MEM_UNMAP GRANULE_DELEGATE GRANULE_UNDELEGATE ${common} RTT_DEV_MEM_VALIDATE RTT_MAP_UNPROTECTED RTT_UNMAP_UNPROTECTED`), rec,
      ...no(`${AUX} RTT_SET_S2AP`, planes), ...no('FEATURES PSCI_COMPLETE VERSION', 'no memory effect'), ...no(`${PDEV} ${VDEV}`, devices)
    ]
  },
  { generation: '1.x', side: 'RSI', commands: rsi('RDEV_VALIDATE_MAPPING') },
  {
    generation: '2.0', side: 'RMI',
    commands: [
      ...yes(`${common} GRANULE_RANGE_DELEGATE GRANULE_RANGE_UNDELEGATE RTT_DATA_MAP RTT_DATA_MAP_INIT RTT_DATA_UNMAP RTT_DEV_UNMAP RTT_DEV_VALIDATE RTT_UNPROT_MAP RTT_UNPROT_UNMAP`), rec,
      part('RTT_DEV_MAP', 'the memory side: no VDEV'),
      ...no('OP_CANCEL OP_CONTINUE OP_MEM_DONATE OP_MEM_RECLAIM', 'no operation yields here, so none has to be continued'), ...no('REALM_TERMINATE', 'only its name is known'),
      ...no('PSMMU_ACTIVATE PSMMU_ST_L2_CREATE', 'stream tables'), ...no('GPT_INFO GPT_L1_CREATE GPT_L1_DESTROY GRANULE_TRACKING_GET GRANULE_TRACKING_SET RMM_CONFIG_GET RMM_CONFIG_SET', 'boot-time layout of tracking and GPT'),
      ...no(`${AUX} RTT_SET_S2AP`, planes), ...no('FEATURES PSCI_COMPLETE VERSION', 'no memory effect'), ...no(`${PDEV} ${VDEV}`, devices)
    ]
  },
  { generation: '2.0', side: 'RSI', commands: [...rsi('VDEV_VALIDATE_MAPPING'), ...no('VDEV_DMA_DISABLE VDEV_DMA_ENABLE VDEV_GET_INFO', devices)] }
]
