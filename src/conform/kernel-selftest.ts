// A built kernel replays recordings of the same code made elsewhere (../shared/data/swiotlb): every result, counter, event and
// state hash. A difference is the tree's when our model, told the same, agrees with the recording and the recording is of
// another version; it is ours (the shim's) when the recording is of this very version.
import { type Diagnostic, err, ok, own, type Result } from '../base/index.ts'
import { GFP_KERNEL, KernelC, KernelFault, RecordingHost, type WasmModule } from '../kernel-c/index.ts'
import type { RecordedFile } from './kernel-recording.ts'
import { SwiotlbConform } from './swiotlb.ts'

export interface SelfTestDifference {
  readonly file: string
  /** 1-based. */
  readonly line: number
  readonly operation: string
  readonly recorded: string
  readonly differences: ReadonlyArray<{ readonly what: string; readonly recorded: unknown; readonly kernel: unknown }>
  /** Whose difference it is, with the reason. */
  readonly whose: 'tree' | 'shim' | 'recording'
  readonly reason: string
}

export interface SelfTestFile {
  readonly file: string
  /** The recording's own name of its kernel. */
  readonly recordedOn: string
  readonly operations: number
  readonly mismatches: number
  readonly first: SelfTestDifference | null
  /** Why the file was not replayed; null when it was. */
  readonly skipped: string | null
}

const big = (v: unknown): bigint => (typeof v === 'string' || typeof v === 'number' ? BigInt(v) : 0n)
const MB = 1 << 20
/** Shared handles of the realm recordings carry this bit. */
const REALM_BIT = 47

/** Which build a recording needs, from its first line. Null when the line is no header. */
export function profileFor(header: string): 'recorded' | 'recorded-realm' | null {
  try {
    const h = JSON.parse(header) as { kernel?: unknown; nslabs?: unknown }
    if (typeof h.nslabs !== 'number') return null
    return /cca|realm/.test(String(h.kernel)) ? 'recorded-realm' : 'recorded'
  } catch {
    return null
  }
}

/** Replays one recording on one build. `module` must be of the profile that profileFor names. Errors: TB-610. */
export function selfTest(module: WasmModule, file: string, lines: readonly string[], stopAfter = Number.POSITIVE_INFINITY): Result<SelfTestFile, Diagnostic> {
  const bad = (line: number, message: string): Diagnostic => ({ code: 'TB-610', file, line, column: 1, word: '', message })
  let h: Record<string, unknown>
  try {
    h = JSON.parse(lines[0] ?? '') as Record<string, unknown>
  } catch {
    return err(bad(1, 'the first line must be the machine: a JSON object'))
  }
  const num = (k: string): number => Number(own(h, k) ?? 0)
  if (!Array.isArray(h['devices']) || num('nslabs') < 1) return err(bad(1, "the machine has no usable 'nslabs' and 'devices'"))
  const recordedOn = String(h['kernel'] ?? '')
  const host = new RecordingHost([[num('pool_start') + 72 * MB, 512], [num('buf_phys') + 12 * MB, 1024]])
  const k = new KernelC(module, host)
  const realm = profileFor(lines[0] ?? '') === 'recorded-realm'
  const force = num('force_bounce') === 1
  try {
    k.boot({
      cpus: num('nareas'), ram: num('buf_phys') + num('buf_size'), ...(realm ? { platform: 'realm' as const, bit: REALM_BIT } : {}),
      ...(num('raw') === 1 ? { raw: { start: num('pool_start'), nslabs: num('nslabs'), nareas: num('nareas'), force: force ? 'cmdline' : 'no' } }
        : { swiotlb: { start: num('pool_start'), cmdline: `${num('nslabs')},${num('nareas')}`, force } }),
      conversions: false
    })
    // the recorder's conversions were registered after boot: the pool's own is not in the recording
    k.conversions(true)
    k.set_force_bounce(-1, force)
  } catch (e) {
    if (!(e instanceof KernelFault)) throw e
    return ok({ file, recordedOn, operations: 0, mismatches: 1, skipped: null, first: { file, line: 1, operation: 'boot', recorded: recordedOn, differences: [{ what: 'boot', recorded: 'done', kernel: e.message }], ...verdict(k, recordedOn, null) } })
  }
  const devs = new Map<number, number>()
  const coherent = k.hasField('dma_coherent')
  for (const d of h['devices'] as Array<Record<string, unknown>>) {
    const r = d['range'] as Record<string, unknown> | undefined
    devs.set(Number(d['id']), k.device({
      dma_mask: big(d['dma_mask']), coherent_dma_mask: big(d['coherent_dma_mask']), bus_dma_limit: big(d['bus_dma_limit']), min_align_mask: Number(d['min_align_mask']), segment_boundary_mask: big(d['segment_boundary_mask']),
      ...(r ? { ranges: [{ cpu_start: Number(big(r['cpu_start'])), dma_start: Number(big(r['dma_start'])), size: Number(big(r['size'])) }] } : {}),
      ...(coherent ? { fields: { dma_coherent: d['dma_coherent'] === 1 || d['dma_coherent'] === true } } : {})
    }))
  }
  const model = new SwiotlbConform(file)
  model.next(lines[0] ?? '')
  const hiwater = k.meta.has.hiwater
  let operations = 0
  let mismatches = 0
  let first: SelfTestDifference | null = null
  for (let i = 1; i < lines.length; i++) {
    const text = lines[i] ?? ''
    if (text.trim() === '') continue
    let v: unknown[]
    try {
      v = JSON.parse(text) as unknown[]
    } catch {
      return err(bad(i + 1, 'this line is not JSON'))
    }
    const n = v as number[]
    const at = (j: number): number => n[j] as number
    const differences: Array<{ what: string; recorded: unknown; kernel: unknown }> = []
    const compare = (what: string, recorded: unknown, kernel: unknown): void => { if (recorded !== kernel) differences.push({ what, recorded, kernel }) }
    const dev = devs.get(at(1)) ?? -1
    host.events = []
    host.bounced = 0
    let events: unknown = null
    try {
      switch (v[0]) {
        case 'h': compare('hash', at(1) >>> 0, k.pool_hash()); break
        case 'm': compare('tlb_addr', at(8), k.swiotlb_tbl_map_single(dev, at(2), at(3), at(4), at(5), at(6), at(7))); break
        case 'sm': compare('dma_addr', at(7), k.swiotlb_map(dev, at(2), at(3), at(4), at(5), at(6))); break
        case 'u': k.swiotlb_tbl_unmap_single(dev, at(2), at(3), at(4), at(5)); break
        case 's': if (at(5) !== 0) k.swiotlb_sync_single_for_cpu(dev, at(2), at(3), at(4)); else k.swiotlb_sync_single_for_device(dev, at(2), at(3), at(4)); break
        case 'dm': compare('dma_addr', at(7), k.dma_direct_map(dev, at(2), at(3), at(4), at(5), at(6))); events = v[8]; break
        case 'du': k.dma_direct_unmap(dev, at(2), at(3), at(4), at(5)); events = v[6]; break
        case 'ds': if (at(5) !== 0) k.dma_direct_sync_single_for_cpu(dev, at(2), at(3), at(4)); else k.dma_direct_sync_single_for_device(dev, at(2), at(3), at(4)); events = v[6]; break
        case 'da': {
          const a = k.dma_direct_alloc(dev, at(2), at(3), GFP_KERNEL)
          compare('phys', at(4), Math.max(a.phys, 0))
          compare('dma_handle', at(5), a.phys < 0 ? -1 : a.handle)
          events = v[6]
          break
        }
        case 'df': k.dma_direct_free(dev, at(2), { phys: at(3), handle: at(4), kind: 0 }); events = v[5]; break
        default: return err(bad(i + 1, `unknown operation '${String(v[0])}'`))
      }
    } catch (e) {
      if (!(e instanceof KernelFault)) throw e
      compare('the call', 'returned', e.message)
    }
    if (events !== null) compare('events', JSON.stringify(events), JSON.stringify(host.events))
    if (v[0] !== 'h') {
      const p = k.pool()
      compare('used', at(v.length - 3), p?.total_used)
      if (hiwater) compare('hiwater', at(v.length - 2), p?.hiwater)
      compare('bounced', at(v.length - 1), host.bounced)
    }
    operations++
    if (first === null) model.next(text)
    if (differences.length > 0) {
      mismatches++
      if (first === null) {
        const m = model.end()
        first = { file, line: i + 1, operation: String(v[0]), recorded: text, differences, ...verdict(k, recordedOn, m.ok ? m.value.mismatches === 0 : null) }
      }
      // a call that did not return leaves nothing to go on with
      if (differences.some((d) => d.what === 'the call') || mismatches >= stopAfter) break
    }
  }
  return ok({ file, recordedOn, operations, mismatches, first, skipped: null })
}

function verdict(k: KernelC, recordedOn: string, modelAgrees: boolean | null): { whose: SelfTestDifference['whose']; reason: string } {
  const recorded = /(\d+\.\d+(?:\.\d+)?)/.exec(recordedOn)?.[1] ?? ''
  if (recorded === k.meta.version) {
    return modelAgrees === false ? { whose: 'recording', reason: 'the tree is of the recorded version, and our model differs from the recording here too' }
      : { whose: 'shim', reason: `the tree says it is of the recorded version (${recorded}) and our model agrees with the recording: the tree has been changed, or the shim is wrong` }
  }
  return { whose: 'tree', reason: `the recording is of ${recorded || 'another kernel'}, the tree of ${k.meta.version}: the code behaves otherwise here${modelAgrees ? ', while our model of the recorded version agrees with the recording' : ''}` }
}

/** A replay of a recording of 7.x in the same words. */
export function recordedSelfTest(r: Result<RecordedFile, Diagnostic>, version: string): Result<SelfTestFile, Diagnostic> {
  if (!r.ok) return r
  const { file, recordedOn, operations, mismatches, first } = r.value
  const recorded = /(\d+\.\d+(?:\.\d+)?)/.exec(recordedOn)?.[1] ?? ''
  const same = recorded === version
  return ok({
    file, recordedOn, operations, mismatches, skipped: null,
    first: first && {
      ...first, whose: same ? 'shim' as const : 'tree' as const,
      reason: same ? `the tree says it is of the recorded version (${recorded}): the tree has been changed, or what surrounds it here is wrong` : `the recording is of ${recorded || 'another kernel'}, the tree of ${version}: the code behaves otherwise here`
    }
  })
}
