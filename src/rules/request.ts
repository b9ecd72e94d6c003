// One request, from the driver to the protection check, by running it: the same kernel functions and the same tables as everywhere.
import { PAGE_SIZE } from '../base/index.ts'
import { runOn, siteOf, type Action, type Finding, type Store } from '../step/index.ts'
import { classNames, defaultConfig, defaultDevice, type DeviceConfig, type DmaResult, HIGH_BANK, type MachineConfig, type PageClass, type Platform, type Row } from '../machine/index.ts'
import { ATTR, DIR, flagStorage, type KernelEvent, memoryEncryptReported, type RefusalReason, type Revision, TAG } from '../kernel/index.ts'
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

export interface Decision { readonly fn: string; readonly text: string }

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
  readonly handle: number | null
  /** Which bits of the handle are alias bits. */
  readonly bits: readonly string[]
  /** Memory the device uses: where and in what state. */
  readonly phys: number | null
  readonly state: PageClass | null
  readonly read: DmaResult | null
  readonly write: DmaResult | null
  readonly row: Row | null
  readonly findings: readonly Finding[]
  /** The kernel really knows T=1 for this pair. */
  readonly t: 0 | 1
}

export class OneStore implements Store {
  readonly u32: Uint32Array
  readonly u8: Uint8Array
  readonly findings: Finding[] = []
  constructor(words: number) {
    this.u32 = new Uint32Array(words)
    this.u8 = new Uint8Array(this.u32.buffer)
  }
  local(): number { return -1000000000 }
  finding(f: Finding): void { this.findings.push(f) }
}

/** The kernel's function that a step is, or calls: its kind, where that is a name of C, else the call that its text begins with. */
const functionOf = (kind: string, text: string): string | null => (/^_*[a-z0-9]+(_[a-z0-9]+)+$/.test(kind) ? kind : /^([a-z0-9_]+)\(/.exec(text)?.[1] ?? null)

/** The kernel's function that reads or writes a field: it stands before the step in the stack, in which the callback comes first. */
function caller(): string {
  const lines = (new Error().stack ?? '').split('\n')
  return siteOf(lines.slice(lines.findIndex((l) => /\bstep\d* /.test(l))).join('\n'))[0] ?? ''
}

/** Runs one request on a fresh system. */
export function requestPath(spec: RequestSpec): RequestPath {
  const { platform, revision } = spec
  const device: DeviceConfig = { ...defaultDevice, name: 'dev', tdisp: platform.tdisp, accepted: spec.t === 1, ...spec.device }
  const peer: DeviceConfig = { ...defaultDevice, name: 'peer', tdisp: platform.tdisp, accepted: true }
  const config: MachineConfig = { ...defaultConfig, flag_storage: flagStorage(revision, platform), memory_encrypt_reported: memoryEncryptReported(revision, platform), ...spec.config }
  const sys = new System({ platform, revision, config, devices: [device, peer], mmios: [{ name: 'bar', of: 'peer', state: spec.page }] })
  const st = new OneStore(sys.layout.totalWords)
  sys.reset(st)
  runOn(st, () => sys.boot())
  // A peer that the revision cannot accept is in RUN all the same: its range is what it is.
  if (spec.op === 'resource' && spec.page === 'private' && platform.tdisp) sys.machine.tdi.set(st, 2, 1)
  const t: 0 | 1 = device.private_only ? 1 : sys.kernel.accepts && spec.t === 1 ? 1 : 0

  let x = -1
  if (spec.op === 'map') {
    const order = Math.max(0, Math.ceil(Math.log2(spec.size / PAGE_SIZE)))
    const pfn = runOn(st, () => sys.kernel.pages.alloc_pages(order, { high: spec.high ?? false, tag: TAG.page, zero: true, why: 'the driver' }))
    if (spec.page === 'shared') sys.kernel.bootShare(st, pfn, 2 ** order)
    x = sys.objects.value({ kind: 'page', phys: pfn * PAGE_SIZE, size: spec.size })
  }
  const decisions: Decision[] = []
  let reason: RefusalReason | null = null
  sys.kernel.explaining = true
  sys.kernel.observer = { event: (_s, e: KernelEvent) => { if (e.kind === 'failed') reason = e.reason; else if (e.kind === 'decision') decisions.push({ fn: e.fn, text: e.text }) } }
  const seen = (a: Action, result: number, outcome: number): void => {
    if (a.kind.startsWith('note ') || a.kind === 'begin' || a.kind === 'present') return
    const text = a.text(result, outcome)
    decisions.push({ fn: functionOf(a.kind, text) ?? caller(), text })
  }
  const attrs = spec.attrs.reduce((m, a) => m | ATTR[a], 0)
  let v: number
  let crashed = false
  try {
    v = runOn(st, () => {
      switch (spec.op) {
        case 'map': return sys.dma_map_single(0, 0, x, DIR[spec.dir], attrs)
        case 'alloc': return sys.dma_alloc(0, 0, spec.size, spec.atomic ?? false, attrs, false, 0)
        case 'alloc_pages': return sys.dma_alloc(0, 0, spec.size, spec.atomic ?? false, attrs, true, DIR[spec.dir])
        case 'resource': return sys.dma_map_resource(0, 0, 0, DIR[spec.dir], attrs)
      }
    }, () => 0, seen)
  } catch (e) {
    if (!st.findings.some((f) => f.fatal)) throw e
    crashed = true
    v = -5
  }
  const base = { spec, decisions, findings: st.findings, t }
  if (crashed || isErr(v)) return { ...base, path: crashed ? 'crash' : 'error', error: crashed ? null : errnoName(v), reason, handle: null, bits: [], phys: null, state: null, read: null, write: null, row: null }
  const o = sys.objects.get(v)
  const handle = o.kind === 'mapping' || o.kind === 'resource' ? o.handle : o.kind === 'coherent' || o.kind === 'pages' ? o.buffer.handle : 0
  const xt = attrs & ATTR.CC_SHARED ? 'non_tee' as const : 'tee' as const
  const read = sys.machine.request(st, 0, handle, false, xt)
  const write = sys.machine.request(st, 0, handle, true, xt)
  const bits: string[] = []
  const bit = platform.sharedBit(config)
  if (device.iommu) bits.push('an IOVA: the guest\'s IOMMU tables translate it')
  else {
    if (bit !== 0) bits.push(`bit ${Math.log2(bit)} (shared alias): ${handle >= bit ? 'set' : 'clear'}`)
    if (platform.encBit !== 0) bits.push(`bit ${Math.log2(platform.encBit)} (C-bit): ${handle % (2 * platform.encBit) >= platform.encBit ? 'set' : 'clear'}`)
    if (bit === 0 && platform.encBit === 0) bits.push('no alias bits on this platform')
  }
  const { phys } = sys.machine.decode(handle)
  const at = device.iommu ? read.phys : phys
  return {
    ...base, path: o.kind === 'mapping' ? (o.bounce >= 0 ? 'bounced' : 'direct') : o.kind === 'resource' ? 'direct' : 'allocated', error: null, reason, handle, bits,
    phys: at, state: sys.machine.classify(st, at), read, write, row: platform.rows.find((r) => r.id === read.rule) ?? null
  }
}

export const served = (p: RequestPath): boolean => p.read?.outcome === 'ok' && p.write?.outcome === 'ok'
export { classNames, HIGH_BANK }
