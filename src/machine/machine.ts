// What the guest cannot change: pages and who can reach them, the two addresses of a page, the TDI state machine, and
// what a request of a device meets on its way (device gate, IOMMU, protection check). Kernel code calls it through
// steps; the rules themselves are the platform's table.
import {
  asDmaAddr,
  asPhys,
  EMPTY,
  encodeIntervals,
  type Intervals,
  intervalAt,
  mapRange,
  PAGE_SIZE,
  pieces,
  setRange,
  type DmaAddr,
  type Pfn,
  type Phys
} from '../base/index.ts'
import { change, type Field, Interned, type Layout, type Store } from '../step/index.ts'
import type { DeviceConfig, MachineConfig, MmioConfig, TsmStep } from './config.ts'
import {
  CIPHER_WORD,
  CLASS,
  type Content,
  HOST_WORD,
  label,
  type Label,
  LabelContent,
  LOST_WORD,
  ONES_WORD,
  type Words,
  wordOf
} from './content.ts'
import type { Platform } from './platform.ts'
import {
  Door,
  doorAccept,
  type DoorAnswer,
  doorCommands,
  doorDmaEnable,
  doorFailures,
  doorLock,
  doorNames,
  doorStart,
  type DoorState,
  doorUnlock
} from './rmm/door.ts'
import { lookup, type Outcome, type PageClass } from './rules.ts'

/** Protection state of a page, as the hardware and firmware have it. */
export const HW = { priv: 0, shr: 1, shr_unmapped: 2, shr_realm: 3, unas: 4, poison: 5 } as const
/** A poisoned page of a TD is there for nobody: a request faults, the TD's CPU takes a machine check. */
export const hwNames: readonly PageClass[] = ['priv', 'shr', 'shr_unmapped', 'shr_realm', 'unas', 'unas']
/** The guest's own mapping of a page in its linear map. */
export const PTE = { priv: 0, shr: 1, invalid_priv: 2, invalid_shr: 3 } as const
export const pteNames = ['private', 'shared', 'invalid (was private)', 'invalid (was shared)'] as const
const HW_BITS = 7
const PTE_SHIFT = 3

export const TDI = { unlocked: 0, locked: 1, run: 2, error: 3 } as const
export const tdiNames = ['unlocked', 'locked', 'run', 'error'] as const

/**
 * What the guest's driver has made of the TEE ranges of a device; mapped twice: one entry of its list for each accept.
 */
const TEE_RANGES = { removed: 0, mapped: 1, duplicated: 2 } as const
export const teeRangeNames = ['removed', 'mapped', 'duplicated'] as const

/** Nonces are counted modulo this: so many locks of one interface are told apart. */
const NONCES = 8

/** The address behind the bridge of a bus with an offset; -1: outside of its window. */
function offBus(map: NonNullable<DeviceConfig['range_map']>, bus: DmaAddr): Phys {
  const r = map.find((x) => bus >= x.dma_start && bus - x.dma_start < x.size)
  return r === undefined ? -1 : bus - r.dma_start + r.cpu_start
}

/** By device the number of its physical function: for `vf N` the device above it that is none, else itself. */
function physicalFunctions(devices: readonly DeviceConfig[]): readonly number[] {
  let last = 0
  return devices.map((d, i) => (d.vf > 0 ? last : (last = i)))
}

/** Where MMIO ranges lie: above every RAM bank, below every alias bit. */
export const MMIO_BASE = 0x18_0000_0000
export const MMIO_SIZE = 0x10000
export const HIGH_BANK = 0x1_0000_0000

export interface Mmio {
  readonly config: MmioConfig
  readonly base: number
  readonly size: number
  readonly owner: number
}

export type CpuResult = 'ok' | 'cipher' | 'abort' | 'invalid'

/** What a TSM driver's steps meet in firmware. */
export interface TsmFirmware {
  /** All steps that the driver has: what it has not, RUN brings. */
  readonly steps: readonly TsmStep[]
  /** The guest itself ends trusted DMA, with `invalidate`; else firmware does when the interface stops. */
  readonly guestEndsDma: boolean
  /** Steps that firmware refuses while TEE ranges are mapped. */
  readonly unmappedFirst: readonly TsmStep[]
}

/** One request of a device after the rules have been applied. */
export interface DmaResult {
  readonly outcome: Outcome | 'blocked'
  /** Name of the deciding row or gate. */
  readonly rule: string
  readonly t: 0 | 1 | null
  readonly alias: 'P' | 'S' | null
  readonly page: PageClass | null
  /** Guest physical address without alias bits. */
  readonly phys: Phys
  readonly note: string
}

const SET_PTE = change((m: Intervals, pfn: Pfn, n: number, pte: number) =>
  mapRange(m, pfn, pfn + n, 0, (v) => (v & HW_BITS) | (pte << PTE_SHIFT))
)
const SET_HW = change((m: Intervals, pfn: Pfn, n: number, hw: number) =>
  mapRange(m, pfn, pfn + n, 0, (v) => (v & ~HW_BITS) | hw)
)

const SET_MIRROR = change((m: Intervals, pfn: Pfn, n: number, v: number) => setRange(m, pfn, pfn + n, v, 0))
/** A page's entry for T=0: as it should be; missing though the page is shared; left over though the page is private. */
const MIRROR = { exact: 0, missing: 1, stale: 2 } as const

/**
 * The VMM keeps tables for T=0 that follow conversions: not where stage 2 is static, nor where a hypervisor below the
 * host keeps them.
 */
const mirrored = (platform: Platform, config: MachineConfig): boolean =>
  platform.guest && platform.tdisp && config.host_stage2 === 'shared_only'

export class Machine {
  readonly pages: Interned<Intervals>
  /** `hostPages` of each value of `pages`. */
  private readonly reached = new WeakMap<Intervals, ReadonlyArray<readonly [number, number]>>()
  readonly tdi: Field
  /**
   * Where the platform has firmware of its own: its state of each device, and whether the device's stream table entry
   * is valid.
   */
  readonly vdev: Field | null
  readonly ste: Field | null
  /** SPDM session and IDE stream with the host's TSM: what LOCK needs. */
  readonly session: Field
  /** Bus Master Enable: boot sets it. */
  readonly bus_master: Field
  /**
   * A driver whose steps may fail (tsm_fails): whether T=1 requests are let through (elsewhere than in `ste`), and TEE
   * ranges are mapped. null: as RUN is.
   */
  readonly trusted_dma: Field | null
  readonly tee_mmio: Field | null
  /** IOVA to guest physical, for devices behind a vIOMMU: page number in, page number + 1 out, offset by device. */
  readonly iopt: Interned<Intervals>
  /**
   * Pages whose entry in the VMM's IOMMU tables for T=0 is not what the conversion says (host_mirror); null: it always
   * is.
   */
  readonly mirror: Interned<Intervals> | null
  readonly mmios: readonly Mmio[]
  /**
   * The nonce of the last LOCK of each interface, and the one that the guest's driver has seen, as small numbers; null:
   * nobody asks.
   */
  readonly nonce: Field | null
  readonly seen_nonce: Field | null
  /** The device whose session an interface is locked over: of a virtual function its physical one, else itself. */
  readonly dsm: readonly number[]

  constructor(
    layout: Layout,
    readonly platform: Platform,
    readonly config: MachineConfig,
    readonly devices: readonly DeviceConfig[],
    mmios: readonly MmioConfig[],
    readonly words: Words,
    readonly content: Content,
    nonces = false,
    /** DMA is enabled by a step of its own, not by accept. */
    readonly dmaOwnStep = false
  ) {
    this.dsm = physicalFunctions(devices)
    this.pages = new Interned<Intervals>(layout, 'pages', EMPTY, encodeIntervals)
    this.iopt = new Interned<Intervals>(layout, 'iopt', EMPTY, encodeIntervals)
    this.mirror =
      config.host_mirror !== 'exact' && mirrored(platform, config)
        ? new Interned<Intervals>(layout, 'host_mirror', EMPTY, encodeIntervals)
        : null
    // A field with a value for each device.
    const perDevice = (name: string, of: { readonly max?: number; readonly values?: readonly string[] }): Field =>
      layout.field(name, { count: Math.max(1, devices.length), ...of, owners: devices.map((d) => d.name) })
    this.tdi = perDevice('tdi', { values: tdiNames })
    const own = platform.firmware !== null && platform.tdisp
    this.vdev = own ? perDevice('vdev', { values: doorNames }) : null
    this.ste = own ? perDevice('ste', { max: 1 }) : null
    this.bus_master = perDevice('bus_master', { max: 1 })
    this.session = perDevice('tsm_session', { max: 1 })
    this.trusted_dma =
      own || (config.tsm_fails.length === 0 && !dmaOwnStep) ? null : perDevice('trusted_dma', { max: 1 })
    this.tee_mmio = config.tsm_fails.length === 0 ? null : perDevice('tee_mmio', { max: 2, values: teeRangeNames })
    this.nonce = nonces ? perDevice('lock_nonce', { max: NONCES - 1 }) : null
    this.seen_nonce = nonces ? perDevice('seen_lock_nonce', { max: NONCES - 1 }) : null
    this.mmios = mmios.map((config, i) => ({
      config,
      base: MMIO_BASE + i * MMIO_SIZE,
      size: MMIO_SIZE,
      owner: devices.findIndex((d) => d.name === config.of)
    }))
  }

  // --- pages
  // ------------------------------------------------------------------------------------------------------------

  hw(st: Store, pfn: Pfn): number {
    return intervalAt(this.pages.get(st), pfn, 0) & HW_BITS
  }
  pte(st: Store, pfn: Pfn): number {
    return intervalAt(this.pages.get(st), pfn, 0) >> PTE_SHIFT
  }

  setPte(st: Store, pfn: Pfn, n: number, pte: number): void {
    this.pages.update(st, SET_PTE, pfn, n, pte)
  }

  setHw(st: Store, pfn: Pfn, n: number, hw: number): void {
    this.pages.update(st, SET_HW, pfn, n, hw)
  }

  /** The host can read and write the page's memory. */
  hostReaches(st: Store, pfn: Pfn): boolean {
    return this.reachableHw(this.hw(st, pfn))
  }
  reachableHw(hw: number): boolean {
    return this.platform.guest && (hw === HW.shr || hw === HW.shr_unmapped)
  }

  /**
   * Runs of pages, first and end, that the always-present host reads and writes; an untrusted device reaches no more
   * than it.
   */
  hostPages(st: Store): ReadonlyArray<readonly [number, number]> {
    if (!this.platform.guest) return []
    const pages = this.pages.get(st)
    let runs = this.reached.get(pages)
    if (runs === undefined) {
      runs = pieces(pages, 0, 2 ** 36, 0).flatMap(([s, e, v]) =>
        this.reachableHw(v & HW_BITS) ? [[s, e] as const] : []
      )
      this.reached.set(pages, runs)
    }
    return runs
  }

  isRam(addr: number): boolean {
    return (addr >= 0 && addr < this.config.ram) || (addr >= HIGH_BANK && addr < HIGH_BANK + this.config.ram)
  }

  /**
   * The host's granules that hold pages [pfn, pfn+n), as guest pages. Where the guest's own page table is all there is
   * to a conversion there are none.
   */
  granules(pfn: Pfn, n: number): { pfn: Pfn; n: number; exact: boolean } {
    const { conversion } = this.platform
    const g = conversion === 'pte' || conversion === 'none' ? 1 : this.config.host_granule / PAGE_SIZE
    const from = Math.floor(pfn / g) * g
    const to = Math.ceil((pfn + n) / g) * g
    return { pfn: from, n: to - from, exact: from === pfn && to === pfn + n }
  }

  /** The host refuses to share pages [pfn, pfn+n): they are less than its granules. */
  refusesToShare(pfn: Pfn, n: number): boolean {
    return this.config.misaligned_share === 'refuse' && !this.granules(pfn, n).exact
  }

  /**
   * The firmware's and host's part of a conversion (RSI_IPA_STATE_SET and the host's answer; PSC with RMPUPDATE and
   * PVALIDATE; MapGPA with accept; share and unshare hypercalls): pages change hands and lose their content. `invalid`
   * when the platform refuses because the page is already so (PVALIDATE without change, accept of an accepted page,
   * share of a shared page), `refused` for a host granule.
   */
  convert(st: Store, pfn: Pfn, n: number, shared: boolean): 'ok' | 'nochange' | 'refused' | 'unchanged' {
    const g = this.granules(pfn, n)
    if (shared && this.refusesToShare(pfn, n)) return 'refused'
    const want = shared ? HW.shr : HW.priv
    let already = 0
    for (const [s, e, v] of pieces(this.pages.get(st), pfn, pfn + n, 0)) if ((v & HW_BITS) === want) already += e - s
    if (already === n) {
      switch (this.platform.convertAgain) {
        case 'refused':
          return 'nochange'
        case 'to_private':
          return shared ? 'unchanged' : 'nochange'
        case 'unchanged':
          return 'unchanged'
      }
    }
    for (const [s, e, v] of pieces(this.pages.get(st), g.pfn, g.pfn + g.n, 0)) {
      if ((v & HW_BITS) === want) continue
      this.content.destroy(st, s * PAGE_SIZE, (e - s) * PAGE_SIZE)
      this.setHw(st, s, e - s, want)
    }
    return 'ok'
  }

  /**
   * The VMM follows a conversion of pages [pfn, pfn+n) in its tables for T=0: all of it, or only the first `done`
   * pages.
   */
  follow(st: Store, pfn: Pfn, n: number, shared: boolean, done: number): void {
    this.mirror?.update(st, SET_MIRROR, pfn, n, MIRROR.exact)
    if (done < n) this.mirror?.update(st, SET_MIRROR, pfn + done, n - done, shared ? MIRROR.missing : MIRROR.stale)
  }

  // --- the guest's CPU
  // ----------------------------------------------------------------------------------------------------

  /**
   * What the guest's CPU meets at a linear address. `abort`: the access does not complete (SEA, exit for ever, #VC).
   */
  cpuAccess(st: Store, addr: number, len: number, write = false): CpuResult {
    let result: CpuResult = 'ok'
    const first = Math.floor(addr / PAGE_SIZE)
    const last = Math.floor((addr + Math.max(1, len) - 1) / PAGE_SIZE)
    for (const [, , v] of pieces(this.pages.get(st), first, last + 1, 0)) {
      const hw = v & HW_BITS
      const pte = v >> PTE_SHIFT
      if (pte === PTE.invalid_priv || pte === PTE.invalid_shr) return 'invalid'
      if (hw === HW.unas || hw === HW.shr_realm || hw === HW.poison) return 'abort'
      if (!this.platform.cpuAlias) continue
      // Whether the host maps the shared alias changes nothing at the private one.
      if (hw === HW.shr_unmapped) {
        if (pte === PTE.priv && this.platform.cpuPrivateAliasOfShared === 'fault') return 'abort'
        continue
      }
      if (pte === PTE.priv && hw === HW.shr) {
        if (this.platform.cpuPrivateAliasOfShared === 'fault') return 'abort'
        result = 'cipher'
      }
      if (pte === PTE.shr && hw === HW.priv) {
        if (this.sharedAliasOfPrivate(write) === 'fault') return 'abort'
        result = 'cipher'
      }
    }
    return result
  }

  /**
   * The guest's CPU at the shared alias of a private page: on SNP a read is answered with ciphertext and a write meets
   * the RMP (#NPF).
   */
  sharedAliasOfPrivate(write: boolean): 'fault' | 'cipher' {
    return write ? this.platform.cpuSharedAliasOfPrivate.write : this.platform.cpuSharedAliasOfPrivate.read
  }

  // --- a device's request
  // -------------------------------------------------------------------------------------------------

  /** Splits a bus address into alias and guest physical address, as stage 2 or the IOMMU sees it. */
  decode(addr: DmaAddr): { alias: 'P' | 'S'; phys: Phys; encBit: boolean } {
    const bit = this.platform.sharedBit(this.config)
    let phys = asPhys(addr)
    let alias: 'P' | 'S' = 'P'
    if (bit !== 0 && phys >= bit) {
      phys -= bit
      alias = 'S'
    }
    const enc = this.platform.encBit
    const encBit = enc !== 0 && phys >= enc
    if (encBit) phys -= enc
    if (this.platform.deviceAlias === 'c_bit') alias = encBit ? 'P' : 'S'
    return { alias, phys, encBit }
  }

  /** What the device sends in its present TDI state (reference: device gate, TDISP states). */
  gate(st: Store, dev: number): { emits: 0 | 1 | null; rule: string } {
    const d = this.devices[dev] as DeviceConfig
    if (this.bus_master.get(st, dev) === 0) return { emits: null, rule: 'bus-master-off' }
    // Without a host beneath there is nothing that it could be kept from.
    if (d.private_only && this.platform.guest) return { emits: 1, rule: 'passthrough' }
    switch (this.tdi.get(st, dev)) {
      case TDI.unlocked:
        return { emits: 0, rule: 'unlocked' }
      case TDI.locked:
        return this.config.locked_dma === 't0'
          ? { emits: 0, rule: 'locked-t0' }
          : { emits: null, rule: 'tdi-locked-blocks' }
      case TDI.run:
        return { emits: 1, rule: 'run' }
      default:
        return { emits: null, rule: 'tdi-error-blocks' }
    }
  }

  /**
   * Where the device's table entry chooses the alias (SNP): private for T=1 below the vTOM or behind a secure vIOMMU.
   */
  tableAlias(d: DeviceConfig, t: 0 | 1, phys: Phys): 'P' | 'S' {
    return t === 1 && (d.iommu || this.config.vtom === null || phys < this.config.vtom) ? 'P' : 'S'
  }

  /**
   * One request within one page. `xt`: what the device asserts in XT mode.
   * Long: what stands in the way of a request, in the order in which it meets it.
   */
  request(st: Store, dev: number, addr: DmaAddr, write: boolean, xt: 'tee' | 'non_tee'): DmaResult {
    const g = this.gate(st, dev)
    if (g.emits === null)
      return {
        outcome: 'blocked',
        rule: g.rule,
        t: null,
        alias: null,
        page: null,
        phys: 0,
        note:
          g.rule === 'bus-master-off'
            ? 'bus mastering is off: the device sends nothing'
            : `the TDI is ${tdiNames[this.tdi.get(st, dev)]} and sends nothing`
      }
    const t = g.emits
    const d = this.devices[dev] as DeviceConfig
    if (t === 1 && !d.private_only && this.trusted_dma?.get(st, dev) === 0)
      return {
        outcome: 'fault:TRUSTED_DMA_OFF',
        rule: 'trusted-dma-off',
        t,
        alias: null,
        page: null,
        phys: 0,
        note: 'the device runs, and its trusted DMA was never enabled: every request at T=1 is aborted'
      }
    const peer = this.peerBelowSwitch(dev, addr)
    if (peer !== null) return this.peerRequest(st, t, peer, addr, write, xt)
    let bus = addr
    if (d.iommu) {
      const to = intervalAt(this.iopt.get(st), dev * 2 ** 40 + Math.floor(addr / PAGE_SIZE), 0)
      if (to === 0)
        return {
          outcome: 'fault:F_TRANSLATION_S1',
          rule: 'viommu-unmapped',
          t,
          alias: null,
          page: null,
          phys: 0,
          note: "no entry in the guest's IOMMU tables"
        }
      bus = (to - 1) * PAGE_SIZE + (addr % PAGE_SIZE)
    }
    if (t === 1 && !d.private_only && this.ste?.get(st, dev) === 0)
      return {
        outcome: 'fault:C_BAD_STE',
        rule: 'cca-t1-ste',
        t,
        alias: null,
        page: null,
        phys: 0,
        note: 'the RMM has not enabled DMA: no valid stream table entry'
      }
    const { phys: decoded, encBit } = this.decode(bus)
    let { alias } = this.decode(bus)
    // A bus with an offset: the bridge takes it off again.
    let phys = d.iommu || d.range_map === undefined ? decoded : offBus(d.range_map, asDmaAddr(decoded))
    // The host's own IOMMU tables carry the C-bit for RAM and none for MMIO.
    if (d.iommu && this.platform.deviceAlias === 'c_bit') alias = this.isRam(phys) ? 'P' : 'S'
    const done = (outcome: Outcome, rule: string, page: PageClass | null, note: string): DmaResult => ({
      outcome,
      rule,
      t,
      alias,
      page,
      phys,
      note
    })
    if (this.platform.deviceAlias === 'device_table') {
      if (encBit && this.config.snp_cbit_in_iova === 'fault')
        return done(
          'fault:IO_PAGE_FAULT',
          'snp-cbit-in-iova',
          null,
          "the C-bit in the address lies outside the host's table"
        )
      // Where memory ends below the vTOM the host maps it again above, as shared: one page at two addresses.
      const { vtom } = this.config
      const above = t === 1 && !d.iommu && vtom !== null && phys >= vtom && this.classify(st, phys) === null
      // T=1: the C-bit of a secure vIOMMU's tables (the driver sets it for every page), or without one the sDTE's vTOM.
      alias = this.tableAlias(d, t, phys)
      if (above) phys -= vtom
    }
    const entry =
      t === 0 && this.mirror !== null ? intervalAt(this.mirror.get(st), Math.floor(phys / PAGE_SIZE), 0) : MIRROR.exact
    const real = this.classify(st, phys)
    if (entry === MIRROR.stale && real === 'priv')
      return done(
        write ? 'drop' : 'ones',
        'stale-mirror',
        real,
        "the IOMMU of the VMM still maps what was behind the page while it was shared: not the guest's memory"
      )
    const page = entry === MIRROR.missing && real === 'shr' ? 'shr_unmapped' : real
    if (page === null) return done('fault:UNMAPPED', 'no-memory', null, 'nothing behind this address')
    if (this.config.xt && t === 1 && this.platform.tdisp) {
      const target = alias === 'P' ? 'tee' : 'non_tee'
      if (target !== xt)
        return done(
          'fault:XT_MISMATCH',
          `xt-${xt}-to-${target}`,
          page,
          `XT mode: the device asserts a ${xt === 'tee' ? 'TEE' : 'non-TEE'} target`
        )
    }
    const row = lookup(this.platform.rows, this.config, t, alias, page)
    if (row === null) return done('fault:UNMAPPED', `no-row-${page}`, page, 'no rule maps this')
    return done(write ? row.write : row.read, row.id, page, row.note ?? row.source)
  }

  /**
   * The BAR range of another device below the same switch at this bus address: the switch routes by address, before any
   * IOMMU.
   */
  peerBelowSwitch(dev: number, addr: DmaAddr): Mmio | null {
    const at = this.devices[dev]?.switch ?? 0
    if (at === 0) return null
    return (
      this.mmios.find(
        (m) => m.owner !== dev && this.devices[m.owner]?.switch === at && addr >= m.base && addr < m.base + m.size
      ) ?? null
    )
  }

  /**
   * What the other device makes of a request that came through the switch (reference: PCIe TDISP, P2P). It takes T=1 on
   * a stream bound to it alone, and no platform binds one (BIND_P2P is 0); a non-TEE range takes T=0, or what a device
   * asserts as non-TEE in XT mode.
   */
  private peerRequest(
    st: Store,
    t: 0 | 1,
    peer: Mmio,
    addr: DmaAddr,
    write: boolean,
    xt: 'tee' | 'non_tee'
  ): DmaResult {
    const phys = asPhys(addr)
    const page = this.classify(st, phys)
    const done = (served: boolean, rule: string, note: string): DmaResult => ({
      outcome: served ? 'ok' : write ? 'drop' : 'fault:UR',
      rule,
      t,
      alias: null,
      page,
      phys,
      note
    })
    if (!this.platform.tdisp) return done(true, 'switch-peer', 'through the switch: no IOMMU sees it')
    if (peer.config.state === 'private')
      return done(
        false,
        'switch-tee',
        'through the switch to a TEE range: it wants a stream that is bound to it, and none is'
      )
    return done(
      t === 0 || (this.config.xt && xt === 'non_tee'),
      `switch-nontee-t${t}`,
      t === 0
        ? 'through the switch to a non-TEE range: no IOMMU sees it'
        : 'through the switch at T=1 to a non-TEE range: rejected by the device'
    )
  }

  /** Protection class of an address without alias bits; null where nothing is. */
  classify(st: Store, phys: Phys): PageClass | null {
    for (const m of this.mmios) {
      if (phys < m.base || phys >= m.base + m.size) continue
      if (m.config.state === 'shared') return 'smmio'
      const mapped = m.owner < 0 ? undefined : this.tee_mmio?.get(st, m.owner)
      if (mapped !== undefined)
        return mapped === 0 ? 'pmmio_empty' : this.tdi.get(st, m.owner) === TDI.run ? 'pmmio' : 'pmmio_down'
      switch (m.owner < 0 ? TDI.unlocked : this.tdi.get(st, m.owner)) {
        case TDI.run:
          return 'pmmio'
        case TDI.error:
          return 'pmmio_down'
        default:
          return 'pmmio_empty'
      }
    }
    if (!this.isRam(phys)) return null
    return hwNames[this.hw(st, Math.floor(phys / PAGE_SIZE))] ?? null
  }

  /**
   * A whole DMA of `len` bytes at bus address `addr`, page by page; stops at the first page that is not served.
   * `deliver` gets each served piece.
   */
  dma(
    st: Store,
    dev: number,
    addr: number,
    len: number,
    write: boolean,
    xt: 'tee' | 'non_tee',
    deliver: (r: DmaResult, at: number, n: number) => void
  ): DmaResult {
    let last: DmaResult | null = null
    for (let at = 0; at < Math.max(1, len); ) {
      const n = Math.min(Math.max(1, len) - at, PAGE_SIZE - ((addr + at) % PAGE_SIZE))
      const r = this.request(st, dev, addr + at, write, xt)
      last = r
      if (r.outcome === 'blocked' || r.outcome.startsWith('fault:')) return r
      deliver(r, at, n)
      at += n
    }
    return last as DmaResult
  }

  /** What a read that is answered gives back: the content, or what the platform substitutes. */
  answered(st: Store, r: DmaResult, len: number): Label {
    switch (r.outcome) {
      case 'ok':
        return this.content.read(st, r.phys, len)
      case 'cipher':
        return label(CIPHER_WORD, CLASS.plain)
      default:
        return label(ONES_WORD, CLASS.plain)
    }
  }

  // --- TDISP
  // ----------------------------------------------------------------------------------------------------------------

  /**
   * A call of the guest's TSM: 1 done, 0 refused by the device, else 2 + the index of the firmware's command that
   * failed (`doorCommands`).
   */
  tsmCall(st: Store, dev: number, call: 'lock' | 'accept' | 'unlock'): number {
    const tell = (): boolean => this.tell(st, dev, call)
    if (this.vdev === null) return tell() ? 1 : 0
    const failed = this.door(st, dev, call, (s, reached) =>
      call === 'lock'
        ? doorLock(s, reached)
        : call === 'accept'
          ? (this.dmaOwnStep ? doorStart : doorAccept)(s, reached)
          : doorUnlock(s, reached)
    )
    return failed === null ? 1 : 2 + doorCommands.indexOf(failed)
  }

  /** What the firmware, where there is one of its own, makes of a call: the command that failed, or null. */
  private door(
    st: Store,
    dev: number,
    call: 'lock' | 'accept' | 'unlock',
    at: (s: DoorState, reached: () => boolean) => DoorAnswer
  ): DoorAnswer['failed'] {
    const { vdev, ste } = this
    if (vdev === null || ste === null) return null
    // A session that is gone carries no message.
    const a = at(
      { vdev: vdev.get(st, dev), ste: ste.get(st, dev) === 1 },
      () => this.session.get(st, this.dsmOf(dev)) === 1 && this.tell(st, dev, call)
    )
    vdev.set(st, a.state.vdev, dev)
    ste.set(st, a.state.ste ? 1 : 0, dev)
    return a.failed
  }

  /** What `tsmCall` can answer here: a call's decision graph has a branch for each. */
  tsmResults(call: 'lock' | 'accept' | 'unlock'): readonly number[] {
    return this.vdev === null ? [0, 1] : [1, ...doorFailures[call].map((c) => 2 + doorCommands.indexOf(c))]
  }

  private tell(st: Store, dev: number, call: 'lock' | 'accept' | 'unlock'): boolean {
    switch (call) {
      case 'lock':
        return this.lockInterface(st, dev)
      case 'accept':
        return this.startInterface(st, dev)
      case 'unlock':
        return this.stopInterface(st, dev)
    }
  }

  /** A device that starts accepted: its interface runs, and the firmware has let it. */
  startAccepted(st: Store, dev: number): void {
    this.tdi.set(st, TDI.run, dev)
    this.vdev?.set(st, Door.started, dev)
    this.ste?.set(st, 1, dev)
    this.trusted_dma?.set(st, 1, dev)
    this.tee_mmio?.set(st, 1, dev)
  }

  /** The interface is in CONFIG_LOCKED or RUN. */
  assigned(st: Store, dev: number): boolean {
    const t = this.tdi.get(st, dev)
    return t === TDI.locked || t === TDI.run
  }
  /** What ends an interface that is assigned: it goes to ERROR. */
  breakInterface(st: Store, dev: number): void {
    if (this.assigned(st, dev)) this.tdi.set(st, TDI.error, dev)
  }

  /** The device whose session and reset an interface shares. */
  dsmOf(dev: number): number {
    return this.dsm[dev] ?? dev
  }
  /** An interface and, of a physical function, those of its virtual functions. */
  functionsOf(dev: number): readonly number[] {
    return [...this.devices.keys()].filter((d) => d === dev || this.dsmOf(d) === dev)
  }

  /** The session is over: every interface that was locked over it is in ERROR. */
  endSession(st: Store, dev: number): void {
    const pf = this.dsmOf(dev)
    this.session.set(st, 0, pf)
    for (const d of this.functionsOf(pf)) this.breakInterface(st, d)
  }

  /**
   * FLR: an interface in CONFIG_LOCKED or RUN is in ERROR, and the command register is reset; of a physical function
   * its virtual functions, too (TDISP, causes of ERROR).
   */
  functionLevelReset(st: Store, dev: number): void {
    for (const d of this.functionsOf(dev)) {
      this.breakInterface(st, d)
      this.bus_master.set(st, 0, d)
    }
  }

  /**
   * The host stops the interface and locks it again through the TSM: the guest finds CONFIG_LOCKED, under another
   * nonce.
   */
  relock(st: Store, dev: number): boolean {
    this.tsmCall(st, dev, 'unlock')
    return this.tsmCall(st, dev, 'lock') === 1
  }

  /** LOCK_INTERFACE_REQUEST: only from CONFIG_UNLOCKED. */
  lockInterface(st: Store, dev: number): boolean {
    if (this.tdi.get(st, dev) !== TDI.unlocked || this.session.get(st, this.dsmOf(dev)) === 0) return false
    this.tdi.set(st, TDI.locked, dev)
    this.nonce?.set(st, (this.nonce.get(st, dev) + 1) % NONCES, dev)
    return true
  }
  /** START_INTERFACE_REQUEST: only from CONFIG_LOCKED. */
  startInterface(st: Store, dev: number): boolean {
    if (this.tdi.get(st, dev) !== TDI.locked) return false
    this.tdi.set(st, TDI.run, dev)
    return true
  }
  /** STOP_INTERFACE_REQUEST: from any state (over UNLOCKED: switch `unlocked_stop`). */
  stopInterface(st: Store, dev: number): boolean {
    if (this.tdi.get(st, dev) === TDI.unlocked) return this.config.unlocked_stop === 'ok'
    this.tdi.set(st, TDI.unlocked, dev)
    if (this.dmaOwnStep) this.trusted_dma?.set(st, 0, dev)
    return true
  }

  /**
   * Requests at T=1 of an interface in RUN are let through, or no more. Answers whether firmware does it in the present
   * state.
   */
  setTrustedDma(st: Store, dev: number, on: boolean): boolean {
    if (this.tdi.get(st, dev) !== TDI.run) return false
    if (this.vdev === null) {
      this.trusted_dma?.set(st, on ? 1 : 0, dev)
      return true
    }
    if (on) return this.door(st, dev, 'accept', doorDmaEnable) === null
    this.ste?.set(st, 0, dev)
    return true
  }

  /** The driver maps the TEE ranges of the report, and notes them: ranges that are mapped already a second time. */
  private mapRanges(st: Store, dev: number): boolean {
    const { tee_mmio } = this
    if (tee_mmio === null) return true
    tee_mmio.set(st, tee_mmio.get(st, dev) === TEE_RANGES.removed ? TEE_RANGES.mapped : TEE_RANGES.duplicated, dev)
    return true
  }

  /** What has become of the TEE ranges of a device. */
  ranges(st: Store, dev: number): (typeof teeRangeNames)[number] {
    const mapped =
      this.tee_mmio === null
        ? this.tdi.get(st, dev) === TDI.run
          ? TEE_RANGES.mapped
          : TEE_RANGES.removed
        : this.tee_mmio.get(st, dev)
    return teeRangeNames[mapped] ?? 'removed'
  }

  /** One step of a TSM driver that did not fail by itself: whether firmware and device do it in the present state. */
  tsmStep(st: Store, dev: number, step: TsmStep, d: TsmFirmware): boolean {
    const set = (f: Field | null, on: boolean): boolean => {
      f?.set(st, on ? 1 : 0, dev)
      return true
    }
    const assigned = this.assigned(st, dev)
    const own = this.vdev !== null
    switch (step) {
      case 'lock':
        return this.tsmCall(st, dev, 'lock') === 1
      case 'report':
        return assigned
      case 'mmio_map':
        return assigned && this.mapRanges(st, dev)
      case 'dma_enable':
        return own ? this.door(st, dev, 'accept', doorDmaEnable) === null : assigned && set(this.trusted_dma, true)
      case 'run': {
        const implied = !d.steps.includes('dma_enable')
        if (
          !(own
            ? this.door(st, dev, 'accept', implied ? doorAccept : doorStart) === null
            : this.startInterface(st, dev))
        )
          return false
        if (implied) set(this.trusted_dma, true)
        if (!d.steps.includes('mmio_map')) set(this.tee_mmio, true)
        return true
      }
      case 'invalidate': {
        if (d.guestEndsDma) set(this.trusted_dma, false)
        // A range that stands in the driver's list twice is unmapped twice, and the second time is none.
        const twice = this.tee_mmio?.get(st, dev) === TEE_RANGES.duplicated
        return set(this.tee_mmio, false) && !twice
      }
      case 'stop':
      case 'unbind':
        if (d.unmappedFirst.includes(step) && (this.tee_mmio?.get(st, dev) ?? 0) !== TEE_RANGES.removed) return false
        if (!d.guestEndsDma) set(this.trusted_dma, false)
        return this.tsmCall(st, dev, 'unlock') === 1
    }
  }

  /**
   * A write of Bus Master Enable. Clearing it in CONFIG_LOCKED or RUN is an ERROR of the TDI (A. Kardashevskiy, 26 Feb
   * 2026), setting it is not; 0 written over 0 depends on the device: switch `bme_zero_over_zero`.
   */
  writeBusMaster(st: Store, dev: number, on: boolean): void {
    const was = this.bus_master.get(st, dev) === 1
    this.bus_master.set(st, on ? 1 : 0, dev)
    if (!on && (was || this.config.bme_zero_over_zero === 'error')) this.breakInterface(st, dev)
  }

  // --- the host
  // ---------------------------------------------------------------------------------------------------------------

  /**
   * TDX under `tdx_host_read poison`: a write with the host's key breaks the integrity of a private page, and the TD
   * takes a machine check when it reads it.
   */
  poison(st: Store, pfn: Pfn): void {
    if (this.platform.hostReadPrivate(this.config) === 'poison' && this.hw(st, pfn) === HW.priv)
      this.setHw(st, pfn, 1, HW.poison)
  }

  /** The host writes where the hardware lets it. Answers whether it could. */
  hostWrite(st: Store, addr: number, len: number, l: Label): boolean {
    let reached = true
    for (let p = Math.floor(addr / PAGE_SIZE); p * PAGE_SIZE < addr + len; p++)
      if (!this.hostReaches(st, p) && this.platform.guest) {
        reached = false
        this.poison(st, p)
      }
    if (!reached) return false
    this.content.fill(st, addr, len, l)
    return true
  }

  /** What the host reads. */
  hostRead(st: Store, addr: number, len: number): Label | 'fault' {
    const hw = this.hw(st, Math.floor(addr / PAGE_SIZE))
    if (this.reachableHw(hw) || !this.platform.guest) return this.content.read(st, addr, len)
    const r = this.platform.hostReadPrivate(this.config)
    return r === 'cipher'
      ? label(CIPHER_WORD, CLASS.plain)
      : r === 'ones' || r === 'poison'
        ? label(ONES_WORD, CLASS.plain)
        : r === 'ok'
          ? this.content.read(st, addr, len)
          : 'fault'
  }

  /** The host takes the page out of stage 2: a private page is destroyed, a shared one loses its mapping. */
  hostUnmap(st: Store, pfn: Pfn): void {
    const hw = this.hw(st, pfn)
    if (!this.platform.guest) return
    if (hw === HW.shr) this.setHw(st, pfn, 1, HW.shr_unmapped)
    else if (hw === HW.priv) {
      this.content.destroy(st, pfn * PAGE_SIZE, PAGE_SIZE)
      this.setHw(st, pfn, 1, HW.unas)
    }
  }

  /**
   * The host maps something else there: a shared page shows the host's memory, a private one fails its check ever
   * after.
   */
  hostRemap(st: Store, pfn: Pfn): void {
    const hw = this.hw(st, pfn)
    if (!this.platform.guest) return
    // What host_unmap took out comes back as it was; a mapping that stands is pointed elsewhere.
    if (hw === HW.shr_unmapped) this.setHw(st, pfn, 1, HW.shr)
    else if (hw === HW.shr) {
      this.content.fill(st, pfn * PAGE_SIZE, PAGE_SIZE, label(HOST_WORD, CLASS.plain))
    } else if (hw === HW.priv) {
      this.content.destroy(st, pfn * PAGE_SIZE, PAGE_SIZE)
      this.setHw(st, pfn, 1, HW.unas)
    }
  }
}

export { LabelContent, LOST_WORD, wordOf }
