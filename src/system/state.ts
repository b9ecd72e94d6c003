// What a system is made of and what it remembers: machine, kernel and objects, who watches, and the questions about
// them that steps (steps.ts) and operations (system.ts) ask alike.
import { ensure, type Phys } from '../base/index.ts'
import { Interned, Layout, type Store } from '../step/index.ts'
import {
  ByteContent,
  type Content,
  type DeviceConfig,
  type Label,
  LabelContent,
  Machine,
  type MachineConfig,
  type MmioConfig,
  noContent,
  type Platform,
  type Ranges,
  TDI,
  TeeContent,
  Words
} from '../machine/index.ts'
import {
  accepted_flag,
  GuestKernel,
  type Kernel,
  type KernelParts,
  privately_trusted,
  type Revision
} from '../kernel/index.ts'
import { type MappingObject, Objects, type TbitObject } from './values.ts'

export interface Range {
  readonly phys: Phys
  readonly size: number
}
export interface FailedRequest {
  readonly dev: number
  readonly phys: Phys
  readonly size: number
  readonly attrs: number
  readonly alloc: boolean
}

/** What watches a system: properties under the checker, the log of a run. All calls happen within a step. */
export interface Watcher {
  cpuWrite?(st: Store, addr: number, len: number, word: number): void
  cpuRead?(st: Store, addr: number, len: number, got: Label, user: boolean): void
  mapped?(st: Store, id: number, m: MappingObject): void
  /** `as`: the mapping with the direction and attributes that the call was told. */
  unmapped?(st: Store, id: number, m: MappingObject, as: MappingObject): void
  synced?(st: Store, id: number, m: MappingObject, forCpu: boolean, as: MappingObject): void
  allocated?(st: Store, addr: number, len: number, zeroed: boolean): void
  freed?(st: Store, id: number, o: TbitObject): void
  deviceRead?(
    st: Store,
    dev: number,
    id: number,
    o: TbitObject,
    phys: Phys,
    at: number,
    len: number,
    got: Label,
    outcome: string
  ): void
  deviceWrote?(
    st: Store,
    dev: number,
    id: number,
    o: TbitObject,
    phys: Phys,
    at: number,
    len: number,
    word: number,
    outcome: string
  ): void
  explicitConversion?(st: Store, addr: number, len: number, shared: boolean): void
  hostWrote?(st: Store, addr: number, len: number, word: number, id: number | null): void
  pageForgotten?(st: Store, addr: number, len: number): void
  /**
   * Nobody holds any memory but this, nor will read other memory before it is given out anew: what is remembered of it
   * can be dropped.
   */
  onlyHeld?(st: Store, kept: Ranges): void
}

export interface SystemOptions {
  readonly platform: Platform
  readonly revision: Revision
  readonly config: MachineConfig
  readonly devices: readonly DeviceConfig[]
  readonly mmios?: readonly MmioConfig[]
  /** Bytes for a running system, labels (default) for the checker, both for one run of a test. */
  readonly content?: 'labels' | 'bytes' | 'both' | 'none'
  readonly parts?: KernelParts
  /** The nonce of each lock is told apart: for evidence, and for a host that locks again. */
  readonly nonces?: boolean
  /** Mappings of vmap() end: which there are is state. */
  readonly vunmaps?: boolean
}

export interface DmaEnd {
  readonly outcome: string
  readonly rule: string
  readonly note: string
}
/** Ways in which accesses of one system have ended, by number. */
class DmaEnds {
  private readonly list: DmaEnd[] = []
  number(e: DmaEnd): number {
    const i = this.list.findIndex((x) => x.outcome === e.outcome && x.rule === e.rule && x.note === e.note)
    return i < 0 ? this.list.push(e) - 1 : i
  }
  get(i: number): DmaEnd {
    return this.list[i] ?? { outcome: '', rule: '', note: '' }
  }
}
export class SystemState {
  /** Rows of the platform that requests have met, for the coverage line. */
  readonly rowsMet = new Set<string>()
  readonly dmaEnds = new DmaEnds()
  readonly layout = new Layout()
  readonly words = new Words()
  readonly objects = new Objects()
  readonly machine: Machine
  readonly kernel: Kernel
  readonly content: Content
  /** The mappings of vmap() that there are, by object number, sorted; null: none ever ends. */
  readonly vmaps: Interned<readonly number[]> | null
  /** The labels of memory; null when only bytes move. */
  readonly labels: LabelContent | null
  watcher: Watcher = {}

  constructor(readonly options: SystemOptions) {
    const c = options.content ?? 'labels'
    this.labels = c === 'bytes' || c === 'none' ? null : new LabelContent(this.layout)
    const bytes = c === 'labels' || c === 'none' ? null : new ByteContent(this.words)
    this.content =
      c === 'none'
        ? noContent
        : bytes === null
          ? ensure(this.labels, 'labels')
          : this.labels === null
            ? bytes
            : new TeeContent(bytes, this.labels, this.words)
    this.machine = new Machine(
      this.layout,
      options.platform,
      options.config,
      options.devices,
      options.mmios ?? [],
      this.words,
      this.content,
      options.nonces,
      options.revision.dmaEnable === 'own_step'
    )
    this.kernel = new GuestKernel(this.layout, this.machine, options.revision, options.devices, options.parts ?? {})
    this.vmaps =
      options.vunmaps === true ? new Interned<readonly number[]>(this.layout, 'vmaps', [], (v) => v.join(',')) : null
  }

  /** The range of an object in guest physical memory. */
  range(v: number): Range {
    return this.rangeOf(this.objects.get(v))
  }
  rangeOf(o: TbitObject): Range {
    switch (o.kind) {
      case 'sg':
        return this.rangeOf(o.segments[0] as MappingObject)
      case 'mapping':
        return { phys: o.bounce >= 0 ? o.bounce : o.phys, size: o.size }
      default:
        return { phys: o.phys, size: o.size }
    }
  }

  /** The device sends T=1 now: in RUN, or passed through to private memory alone. */
  running(st: Store, dev: number): boolean {
    return this.machine.tdi.get(st, dev) === TDI.run || this.options.devices[dev]?.private_only === true
  }

  /** The flag as it is, outside of any step. */
  believed(st: Store, dev: number): boolean {
    return accepted_flag(this.kernel, st, dev)
  }

  /** The kernel gives the device private memory: what is mapped for it is not the host's to see. */
  trusted(st: Store, dev: number): boolean {
    return privately_trusted(this.kernel, st, dev)
  }

  /** Judges a refused request; set by the checker. */
  request: ((st: Store, r: FailedRequest) => void) | null = null
}
