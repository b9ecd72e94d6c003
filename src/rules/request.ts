// One request, from the driver to the protection check, by running it: the same kernel functions and the same tables as
// everywhere.
import { PAGE_SIZE, type DmaAddr, type Phys } from '../base/index.ts'
import { OneStore, runOn, siteOf, type Action, type Finding, UNSET } from '../step/index.ts'
import {
  classNames,
  defaultConfig,
  defaultDevice,
  type DeviceConfig,
  type DmaResult,
  HIGH_BANK,
  type MachineConfig,
  type PageClass,
  type Platform,
  type Row,
  TDI
} from '../machine/index.ts'
import {
  ATTR,
  DIR,
  flagStorage,
  type KernelEvent,
  memoryEncryptReported,
  type RefusalReason,
  type Revision,
  TAG
} from '../kernel/index.ts'
import { errnoName, isErr, System } from '../system/index.ts'

export interface RequestSpec {
  readonly platform: Platform
  readonly revision: Revision
  /** The device is accepted and in RUN (where revision and platform know that). */
  readonly t: 0 | 1
  readonly op: 'map' | 'alloc' | 'alloc_pages' | 'resource'
  /** State of the page that is mapped, or of the MMIO range. */
  readonly page: 'private' | 'shared'
  readonly attrs: ReadonlyArray<keyof typeof ATTR>
  readonly dir: keyof typeof DIR
  readonly size: number
  /** The page lies above 4G. */
  readonly high?: boolean
  readonly atomic?: boolean
  readonly device?: Partial<DeviceConfig>
  readonly config?: Partial<MachineConfig>
}

export interface Decision {
  readonly fn: string
  readonly text: string
}

export interface RequestPath {
  readonly spec: RequestSpec
  /** What the kernel functions decided and did, in order. */
  readonly decisions: readonly Decision[]
  /** How the kernel answered. */
  readonly path: 'direct' | 'bounced' | 'allocated' | 'error' | 'crash'
  readonly error: string | null
  /** Why the kernel refused, in the model's words. */
  readonly reason: RefusalReason | null
  /** What the device is given. */
  readonly handle: DmaAddr | null
  /** Which bits of the handle are alias bits. */
  readonly bits: readonly string[]
  /** Memory the device uses: where and in what state. */
  readonly phys: Phys | null
  readonly state: PageClass | null
  readonly read: DmaResult | null
  readonly write: DmaResult | null
  readonly row: Row | null
  readonly findings: readonly Finding[]
  /** The kernel really knows T=1 for this pair. */
  readonly t: 0 | 1
}

/**
 * The kernel's function that a step is, or calls: its kind, where that is a name of C, else the call that its text
 * begins with.
 */
const functionOf = (kind: string, text: string): string | null =>
  /^_*[a-z0-9]+(_[a-z0-9]+)+$/.test(kind) ? kind : (/^([a-z0-9_]+)\(/.exec(text)?.[1] ?? null)

/**
 * The kernel's function that reads or writes a field: it stands before the step in the stack, in which the callback
 * comes first.
 */
function caller(): string {
  const lines = (new Error().stack ?? '').split('\n')
  return siteOf(lines.slice(lines.findIndex((l) => /\bstep\d* /.test(l))).join('\n'))[0] ?? ''
}

/** The device asked about and the one whose MMIO range may be the page. */
const DEV = 0
const PEER = 1

/** A fresh system that has booted, and the state it runs on. */
function freshSystem(spec: RequestSpec, device: DeviceConfig): { sys: System; st: OneStore } {
  const { platform, revision } = spec
  const config: MachineConfig = {
    ...defaultConfig,
    flag_storage: flagStorage(revision, platform),
    memory_encrypt_reported: memoryEncryptReported(revision, platform),
    ...spec.config
  }
  const sys = new System({
    platform,
    revision,
    config,
    devices: [device, { ...defaultDevice, name: 'peer', tdisp: platform.tdisp, accepted: true }],
    mmios: [{ name: 'bar', of: 'peer', state: spec.page }]
  })
  const st = new OneStore(sys.layout.totalWords)
  sys.reset(st)
  runOn(st, () => sys.boot())
  // A peer that the revision cannot accept is in RUN all the same: its range is what it is.
  if (spec.op === 'resource' && spec.page === 'private' && platform.tdisp) sys.machine.tdi.set(st, TDI.run, PEER)
  return { sys, st }
}

/** The page that is mapped, in the state that the request asks for; the object it is. */
function pageToMap(sys: System, st: OneStore, spec: RequestSpec): number {
  const order = Math.max(0, Math.ceil(Math.log2(spec.size / PAGE_SIZE)))
  const pfn = runOn(st, () =>
    sys.kernel.pages.alloc_pages(order, { high: spec.high ?? false, tag: TAG.page, zero: true, why: 'the driver' })
  )
  if (spec.page === 'shared') sys.kernel.bootShare(st, pfn, 2 ** order)
  return sys.objects.value({ kind: 'page', phys: pfn * PAGE_SIZE, size: spec.size })
}

/** How the kernel answered: a value or an error, or null where it crashed; and what it decided on the way. */
interface Answer {
  readonly value: number | null
  readonly decisions: readonly Decision[]
  readonly reason: RefusalReason | null
}

/** The driver's call, `page` mapped or allocated, with everything that the kernel decides. */
function ask(sys: System, st: OneStore, spec: RequestSpec, page: number, attrs: number): Answer {
  const decisions: Decision[] = []
  let reason: RefusalReason | null = null
  sys.kernel.explaining = true
  sys.kernel.observer = {
    event: (_s, e: KernelEvent) => {
      if (e.kind === 'failed') reason = e.reason
      else if (e.kind === 'decision') decisions.push({ fn: e.fn, text: e.text })
    }
  }
  const seen = (a: Action, result: number, outcome: number): void => {
    if (a.kind.startsWith('note ') || a.kind === 'begin' || a.kind === 'present') return
    const text = a.text(result, outcome)
    decisions.push({ fn: functionOf(a.kind, text) ?? caller(), text })
  }
  const call = (): number => {
    switch (spec.op) {
      case 'map':
        return sys.dma_map_single(0, DEV, page, DIR[spec.dir], attrs)
      case 'alloc':
        return sys.dma_alloc(0, DEV, spec.size, spec.atomic ?? false, attrs, false, 0)
      case 'alloc_pages':
        return sys.dma_alloc(0, DEV, spec.size, spec.atomic ?? false, attrs, true, DIR[spec.dir])
      case 'resource':
        return sys.dma_map_resource(0, DEV, 0, DIR[spec.dir], attrs)
    }
  }
  try {
    const value = runOn(st, call, () => 0, seen)
    return { value, decisions, reason }
  } catch (e) {
    if (!st.findings.some((f) => f.fatal)) throw e
    return { value: null, decisions, reason }
  }
}

/** The alias bits of a handle, in words. */
function aliasBits(platform: Platform, config: MachineConfig, device: DeviceConfig, handle: DmaAddr): string[] {
  if (device.iommu) return ["an IOVA: the guest's IOMMU tables translate it"]
  const shared = platform.sharedBit(config)
  const { encBit } = platform
  if (shared === 0 && encBit === 0) return ['no alias bits on this platform']
  const cbit = handle % (2 * encBit) >= encBit
  return [
    ...(shared !== 0 ? [`bit ${Math.log2(shared)} (shared alias): ${handle >= shared ? 'set' : 'clear'}`] : []),
    ...(encBit !== 0 ? [`bit ${Math.log2(encBit)} (C-bit): ${cbit ? 'set' : 'clear'}`] : [])
  ]
}

/** Runs one request on a fresh system. */
export function requestPath(spec: RequestSpec): RequestPath {
  const { platform } = spec
  const device: DeviceConfig = {
    ...defaultDevice,
    name: 'dev',
    tdisp: platform.tdisp,
    accepted: spec.t === 1,
    ...spec.device
  }
  const { sys, st } = freshSystem(spec, device)
  const t: 0 | 1 = device.private_only ? 1 : sys.kernel.accepts && spec.t === 1 ? 1 : 0
  const page = spec.op === 'map' ? pageToMap(sys, st, spec) : UNSET
  const attrs = spec.attrs.reduce((m, a) => m | ATTR[a], 0)
  const { value, decisions, reason } = ask(sys, st, spec, page, attrs)
  const base = { spec, decisions, findings: st.findings, t, reason }
  if (value === null || isErr(value))
    return {
      ...base,
      path: value === null ? 'crash' : 'error',
      error: value === null ? null : errnoName(value),
      handle: null,
      bits: [],
      phys: null,
      state: null,
      read: null,
      write: null,
      row: null
    }
  const o = sys.objects.get(value)
  const handle =
    o.kind === 'mapping' || o.kind === 'resource'
      ? o.handle
      : o.kind === 'coherent' || o.kind === 'pages'
        ? o.buffer.handle
        : 0
  const xt = attrs & ATTR.CC_SHARED ? ('non_tee' as const) : ('tee' as const)
  const read = sys.machine.request(st, DEV, handle, false, xt)
  const write = sys.machine.request(st, DEV, handle, true, xt)
  const at = device.iommu ? read.phys : sys.machine.decode(handle).phys
  return {
    ...base,
    path:
      o.kind === 'mapping' ? (o.bounce >= 0 ? 'bounced' : 'direct') : o.kind === 'resource' ? 'direct' : 'allocated',
    error: null,
    handle,
    bits: aliasBits(platform, sys.machine.config, device, handle),
    phys: at,
    state: sys.machine.classify(st, at),
    read,
    write,
    row: platform.rows.find((r) => r.id === read.rule) ?? null
  }
}

export const served = (p: RequestPath): boolean => p.read?.outcome === 'ok' && p.write?.outcome === 'ok'
export { classNames, HIGH_BANK }
