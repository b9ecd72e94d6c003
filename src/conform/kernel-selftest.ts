// A built kernel replays recordings of the same code made elsewhere (../shared/data/swiotlb): every result, counter,
// event and state hash. A difference is the tree's when our model, told the same, agrees with the recording and the
// recording is of another version; it is ours (the shim's) when the recording is of this very version.
import { type Diagnostic, err, ok, own, type Result } from '../base/index.ts'
import { GFP_KERNEL, KernelC, KernelFault, RecordingHost, type WasmModule } from '../kernel-c/index.ts'
import { notReplayed, type RecordedFile } from './kernel-recording.ts'
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

/** The first line of a recording: the machine it was made on. */
class Machine {
  readonly recordedOn: string
  readonly realm: boolean
  constructor(
    private readonly h: Record<string, unknown>,
    line: string
  ) {
    this.recordedOn = String(h['kernel'] ?? '')
    this.realm = profileFor(line) === 'recorded-realm'
  }
  get usable(): boolean {
    return Array.isArray(this.h['devices']) && this.number('nslabs') >= 1
  }
  number(k: string): number {
    return Number(own(this.h, k) ?? 0)
  }

  /** Pages that the host gives: two zones, where the recorder had them. */
  host(): RecordingHost {
    return new RecordingHost([
      [this.number('pool_start') + 72 * MB, 512],
      [this.number('buf_phys') + 12 * MB, 1024]
    ])
  }

  boot(k: KernelC): void {
    const start = this.number('pool_start')
    const nslabs = this.number('nslabs')
    const nareas = this.number('nareas')
    const force = this.number('force_bounce') === 1
    k.boot({
      cpus: nareas,
      ram: this.number('buf_phys') + this.number('buf_size'),
      ...(this.realm ? { platform: 'realm' as const, bit: REALM_BIT } : {}),
      ...(this.number('raw') === 1
        ? { raw: { start, nslabs, nareas, force: force ? 'cmdline' : 'no' } }
        : { swiotlb: { start, cmdline: `${nslabs},${nareas}`, force } }),
      conversions: false
    })
    // the recorder's conversions were registered after boot: the pool's own is not in the recording
    k.conversions(true)
    k.set_force_bounce(-1, force)
  }

  /** The devices, by the recording's numbers. */
  devices(k: KernelC): Map<number, number> {
    const coherent = k.hasField('dma_coherent')
    const one = (d: Record<string, unknown>): number => {
      const r = d['range'] as Record<string, unknown> | undefined
      const at = (of: Record<string, unknown>, key: string): number => Number(big(own(of, key)))
      return k.device({
        dma_mask: big(d['dma_mask']),
        coherent_dma_mask: big(d['coherent_dma_mask']),
        bus_dma_limit: big(d['bus_dma_limit']),
        min_align_mask: Number(d['min_align_mask']),
        segment_boundary_mask: big(d['segment_boundary_mask']),
        ...(r
          ? { ranges: [{ cpu_start: at(r, 'cpu_start'), dma_start: at(r, 'dma_start'), size: at(r, 'size') }] }
          : {}),
        ...(coherent ? { fields: { dma_coherent: d['dma_coherent'] === 1 || d['dma_coherent'] === true } } : {})
      })
    }
    return new Map((this.h['devices'] as Array<Record<string, unknown>>).map((d) => [Number(d['id']), one(d)]))
  }
}

type Difference = SelfTestDifference['differences'][number]

/** The operations of one recording on one kernel. */
class Replay {
  private differences: Difference[] = []
  constructor(
    private readonly k: KernelC,
    private readonly host: RecordingHost,
    private readonly devs: ReadonlyMap<number, number>
  ) {}

  private compare(what: string, recorded: unknown, kernel: unknown): void {
    if (recorded !== kernel) this.differences.push({ what, recorded, kernel })
  }

  /** Runs one operation and what the recording says of it; null: no operation that is known. */
  one(v: readonly unknown[]): readonly Difference[] | null {
    const { k, host } = this
    this.differences = []
    host.events = []
    host.bounced = 0
    try {
      const events = this.call(v)
      if (events === null) return null
      if (events >= 0 && v[events] !== null)
        this.compare('events', JSON.stringify(v[events]), JSON.stringify(host.events))
    } catch (e) {
      if (!(e instanceof KernelFault)) throw e
      this.compare('the call', 'returned', e.message)
    }
    if (v[0] !== 'h') {
      const p = k.pool()
      this.compare('used', v.at(-3), p?.total_used)
      if (k.meta.has.hiwater) this.compare('hiwater', v.at(-2), p?.hiwater)
      this.compare('bounced', v.at(-1), host.bounced)
    }
    return this.differences
  }

  /** The call of a line. Where in the line its events stand, -1: they are not recorded; null: an unknown call. */
  private call(v: readonly unknown[]): number | null {
    const { k } = this
    const at = (j: number): number => v[j] as number
    const dev = this.devs.get(at(1)) ?? -1
    switch (v[0]) {
      case 'h':
        this.compare('hash', at(1) >>> 0, k.pool_hash())
        return -1
      case 'm':
        this.compare('tlb_addr', at(8), k.swiotlb_tbl_map_single(dev, at(2), at(3), at(4), at(5), at(6), at(7)))
        return -1
      case 'sm':
        this.compare('dma_addr', at(7), k.swiotlb_map(dev, at(2), at(3), at(4), at(5), at(6)))
        return -1
      case 'u':
        k.swiotlb_tbl_unmap_single(dev, at(2), at(3), at(4), at(5))
        return -1
      case 's':
        if (at(5) !== 0) k.swiotlb_sync_single_for_cpu(dev, at(2), at(3), at(4))
        else k.swiotlb_sync_single_for_device(dev, at(2), at(3), at(4))
        return -1
      case 'dm':
        this.compare('dma_addr', at(7), k.dma_direct_map(dev, at(2), at(3), at(4), at(5), at(6)))
        return 8
      case 'du':
        k.dma_direct_unmap(dev, at(2), at(3), at(4), at(5))
        return 6
      case 'ds':
        if (at(5) !== 0) k.dma_direct_sync_single_for_cpu(dev, at(2), at(3), at(4))
        else k.dma_direct_sync_single_for_device(dev, at(2), at(3), at(4))
        return 6
      case 'da': {
        const a = k.dma_direct_alloc(dev, at(2), at(3), GFP_KERNEL)
        this.compare('phys', at(4), Math.max(a.phys, 0))
        this.compare('dma_handle', at(5), a.phys < 0 ? -1 : a.handle)
        return 6
      }
      case 'df':
        k.dma_direct_free(dev, at(2), { phys: at(3), handle: at(4), kind: 0 })
        return 5
      default:
        return null
    }
  }
}

/** Replays one recording on one build. `module` must be of the profile that profileFor names. Errors: TB-610. */
export function selfTest(
  module: WasmModule,
  file: string,
  lines: readonly string[],
  stopAfter = Number.POSITIVE_INFINITY
): Result<SelfTestFile, Diagnostic> {
  const bad = (line: number, message: string): Result<SelfTestFile, Diagnostic> => err(notReplayed(file, line, message))
  const header = lines[0] ?? ''
  const read = parsed(header)
  if (typeof read !== 'object' || read === null) return bad(1, 'the first line must be the machine: a JSON object')
  const machine = new Machine(read as Record<string, unknown>, header)
  if (!machine.usable) return bad(1, "the machine has no usable 'nslabs' and 'devices'")
  const { recordedOn } = machine
  const host = machine.host()
  const k = new KernelC(module, host)
  try {
    machine.boot(k)
  } catch (e) {
    if (!(e instanceof KernelFault)) throw e
    const first: SelfTestDifference = {
      file,
      line: 1,
      operation: 'boot',
      recorded: recordedOn,
      differences: [{ what: 'boot', recorded: 'done', kernel: e.message }],
      ...verdict(k, recordedOn, null)
    }
    return ok({ file, recordedOn, operations: 0, mismatches: 1, skipped: null, first })
  }
  const replay = new Replay(k, host, machine.devices(k))
  const model = new SwiotlbConform(file)
  model.next(header)
  let operations = 0
  let mismatches = 0
  let first: SelfTestDifference | null = null
  for (const [i, text] of lines.entries()) {
    if (i === 0 || text.trim() === '') continue
    const v = parsed(text)
    if (!Array.isArray(v)) return bad(i + 1, v === undefined ? 'this line is not JSON' : 'this line is no operation')
    const differences = replay.one(v)
    if (differences === null) return bad(i + 1, `unknown operation '${String(v[0])}'`)
    operations++
    if (first === null) model.next(text)
    if (differences.length === 0) continue
    mismatches++
    if (first === null) {
      const m = model.end()
      const agrees = m.ok ? m.value.mismatches === 0 : null
      const whose = verdict(k, recordedOn, agrees)
      first = { file, line: i + 1, operation: String(v[0]), recorded: text, differences, ...whose }
    }
    // a call that did not return leaves nothing to go on with
    if (differences.some((d) => d.what === 'the call') || mismatches >= stopAfter) break
  }
  return ok({ file, recordedOn, operations, mismatches, first, skipped: null })
}

/** The value of a line of JSON; undefined where it is none. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function verdict(
  k: KernelC,
  recordedOn: string,
  modelAgrees: boolean | null
): { whose: SelfTestDifference['whose']; reason: string } {
  const recorded = /(\d+\.\d+(?:\.\d+)?)/.exec(recordedOn)?.[1] ?? ''
  if (recorded === k.meta.version) {
    return modelAgrees === false
      ? {
          whose: 'recording',
          reason: 'the tree is of the recorded version, and our model differs from the recording here too'
        }
      : {
          whose: 'shim',
          reason:
            `the tree says it is of the recorded version (${recorded}) and our model agrees with the recording: ` +
            'the tree has been changed, or the shim is wrong'
        }
  }
  return {
    whose: 'tree',
    reason:
      `the recording is of ${recorded || 'another kernel'}, the tree of ${k.meta.version}: the code behaves ` +
      `otherwise here${modelAgrees ? ', while our model of the recorded version agrees with the recording' : ''}`
  }
}

/** A replay of a recording of 7.x in the same words. */
export function recordedSelfTest(
  r: Result<RecordedFile, Diagnostic>,
  version: string
): Result<SelfTestFile, Diagnostic> {
  if (!r.ok) return r
  const { file, recordedOn, operations, mismatches, first } = r.value
  const recorded = /(\d+\.\d+(?:\.\d+)?)/.exec(recordedOn)?.[1] ?? ''
  const same = recorded === version
  return ok({
    file,
    recordedOn,
    operations,
    mismatches,
    skipped: null,
    first: first && {
      ...first,
      whose: same ? ('shim' as const) : ('tree' as const),
      reason: same
        ? `the tree says it is of the recorded version (${recorded}): the tree has been changed, or what surrounds ` +
          'it here is wrong'
        : `the recording is of ${recorded || 'another kernel'}, the tree of ${version}: the code behaves otherwise here`
    }
  })
}
