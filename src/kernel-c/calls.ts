// The kernel's own C as the DMA API of the model: the functions of kernel/dma, each as one step, over our machine.
// Memory content, page states, the page allocator and conversions are the machine's and our kernel's; what the C keeps
// for itself (pools, device flags) is one number in the state vector, a snapshot of its instance.
//
// With `points` a call is several steps: it stops where another thread may come in between (points.ts), and before each
// request to the machine, which our kernel's functions then answer in steps of their own. A call that has stopped is a
// number, too.
import { own, PAGE_ALIGN, PAGE_SIZE, type Phys } from '../base/index.ts'
import { type Action, BLOCKED, Interned, runOn, type Layout, step, stepped, type Store } from '../step/index.ts'
import {
  aliasAccess,
  ATTR,
  type BootConversion,
  DEV_BITS,
  type Device,
  DMA_BIT_MASK,
  type DmaBuffer,
  type DmaCalls,
  type DmaZone,
  DMA_MAPPING_ERROR,
  EIO,
  halt,
  iommu_map,
  iommu_unmap,
  iommu_walked,
  type Kernel,
  type MakeCalls,
  type RefusalReason,
  type SgEntry,
  type SgMapped,
  set_memory_decrypted,
  set_memory_encrypted,
  SLOT_SIZE,
  TAG,
  workerRuns
} from '../kernel/index.ts'
import {
  type Allocation,
  aliasOfTurn,
  GFP_ATOMIC,
  GFP_KERNEL,
  type Host,
  KernelC,
  KernelFault,
  MAX_SEGMENTS,
  type Segment,
  type Stops,
  worksOf
} from './kernel-c.ts'
import { agreesOnPool, type Boot, bootOf, poolText, sharedOtherwise } from './boots.ts'
import { type Halt, Halts, type Met } from './halts.ts'
import type { Points } from './points.ts'
import { type Frozen, POINT, type Request } from './stepping.ts'
import { KernelStates } from './states.ts'
import type { WasmModule } from '../base/wasm.ts'

/** A call that ended in a crash answers this; the thread then halts. */
const CRASHED = -0x3f3f3f3f
/** Conversions of one call that may fail one by one: each goes well, fails at once, or fails at its hypercall. */
const WAYS = 9
/** How many conversions fail when a call goes this way. */
export const failuresOf = (way: number): number =>
  way === 0 ? 0 : Number(way % 3 > 0) + failuresOf(Math.floor(way / 3))
/**
 * Ways of swiotlb_dyn_alloc(): each size that it tries may fail to be made shared, and to be made private again. It
 * goes down to IO_TLB_MIN_SLABS from at most a block of the largest order.
 */
const growthWays = (nslabs: number): number => (nslabs <= 512 ? WAYS : nslabs <= 1024 ? WAYS ** 2 : WAYS ** 3)
/** Bytes of heap for pools made at run time: this many at once, each with its slots. */
const POOLS_AT_ONCE = 16
const SLOT_BYTES = 32
const SEGMENT_BYTES = 256 * 1024
const ATOMIC_WORK = worksOf('atomic')
const GROWTH_WORK = worksOf('dyn_alloc')
const GRACE_WORK = worksOf('dyn_free', 'rcu')

export interface TreeCalls {
  readonly module: WasmModule
  /** The field or predicate that stands for the accepted flag; null when the tree has none. */
  readonly accepted: string | null
  /** Where calls stop; absent: they run to their end. The image must be one whose calls can stop. */
  readonly points?: Points | undefined
  /** Told each function that is entered, of an image that tells. */
  readonly entered?: ((name: string) => void) | undefined
}

/** The DMA API of a tree, to be put into a kernel as `parts.calls`. @throws KernelFault when its boot fails */
export const treeCalls =
  (t: TreeCalls): MakeCalls =>
  (k, layout) =>
    new CCalls(k, layout, t)

/** What a call did that asked nothing of the allocator and converted nothing: told again, it does the same. */
interface Remembered {
  readonly to: number
  readonly result: number
  readonly skipSync: boolean
  readonly copies: readonly number[]
  readonly warnings: ReadonlyArray<readonly [string, string]>
  readonly reason: RefusalReason | null
  readonly branches: readonly string[] /** Whose touches were noted: a bit a thread. */
  threads: number
}

const addresses = (sg: readonly SgMapped[]): string => sg.map((e) => `0x${e.addr.toString(16)}+${e.size}`).join(', ')
/** An entry that is mapped: where it lies is asked no more. */
const unplaced = ({ addr, size }: SgMapped): Segment => ({ phys: 0, size, addr })

/** The zone of an allocation as the machine of the C numbers it (overlay/machine.c). */
const zoneOf = (n: number): DmaZone => (n === 2 ? 'dma' : n === 1 ? 'dma32' : 'normal')

/** A flag of the C's bitmaps lies in a long of eight bytes. */
const LONG = 3

const NOTHING_MET: Met = {
  kept: [],
  taken: [],
  held: [],
  conversionFailed: false,
  bounceAsked: false,
  full: false,
  unsupported: false,
  noPages: false,
  asked: false,
  gives: -1,
  released: false,
  seenClear: false
}

class CCalls implements DmaCalls, Host, Stops {
  private readonly c: KernelC
  private readonly states: KernelStates
  private readonly state: Interned<number>
  private now = 0
  private readonly accepted: number | null
  private readonly skipSync: number | null
  /** Bounce pools are added and removed while it runs. */
  private readonly grows: boolean
  private readonly buffers: DmaBuffer[] = []
  /** Addresses of mapped lists, by number. */
  private readonly lists: number[][] = []
  private readonly listIds = new Map<string, number>()
  private readonly bufferIds = new Map<string, number>()
  private readonly turns = new Map<DmaBuffer, number>()
  private readonly attrBits: ReadonlyArray<readonly [number, number]>
  private booting = true
  /** Of the boot that runs: the conversions that fail in it, and the device whose pool is attached. */
  private bootFails: readonly BootConversion[] = []
  private attaching = -1
  /** Pages that the boot which runs, or the last one, made shared: how many from an address on. */
  private readonly bootShared = new Map<Phys, number>()
  /** Boots, by the conversions that failed in them: the state after each, and what it leaves otherwise than ours. */
  private readonly boots = new Map<string, Boot>()

  // Of the call that runs.
  private st: Store | null = null
  private ways = 0
  private site = ''
  private dev = 0
  private taken: Array<[number, number]> = []
  private conversionFailed = false
  /** Ranges whose last conversion failed: physical address, pages. */
  private kept: Array<readonly [phys: number, numpages: number]> = []
  private bounceAsked = false
  private full = false
  private unsupported = false
  private halted = false
  private noPages = false
  private asked = false
  private copies: number[] = []
  private warnings: Array<readonly [string, string]> = []
  private why: RefusalReason | null = null
  private readonly memo: Array<Map<string, Remembered>> = []
  /** What each `if` of the C decided, of an image that tells; and of each step when it was performed last. */
  private branches: string[] = []
  private readonly insides = new Map<string, readonly string[]>()
  /** What the store got otherwise than by what is remembered. */
  private told = false

  // Calls that have stopped.
  private readonly points: Points | null
  private readonly halts = new Halts()
  private held: readonly number[] = []
  private thread: number | undefined = undefined
  /** The slot or page that the call gives back, if it was taken when the call began. */
  private gives = -1
  /** The one that a call has given back which has just ended: who judges the call does so right after its last step. */
  private readonly released: Interned<number> | null
  /** Where the call that goes on had stopped. */
  private from: Frozen | null = null
  /** Words of the instance that hold what it is told of the model's state, by device. */
  private readonly lentWords: number[][] = []
  /** Of each device the longs that its accepted flag is written in. */
  private readonly flagLongs: number[][] = []

  constructor(
    private readonly k: Kernel,
    layout: Layout,
    private readonly t: TreeCalls
  ) {
    this.state = new Interned<number>(layout, 'kernel_c', 0, String)
    this.released = t.points === undefined ? null : new Interned<number>(layout, 'kernel_c_released', -1, String)
    this.c = new KernelC(t.module, this)
    this.attrBits = Object.entries(ATTR).map(([name, ours]) => [ours, own(this.c.meta.attributes, name) ?? 0] as const)
    const lost = this.boot(this.c, [])
    this.boots.set('', { state: -1, lost, otherwise: sharedOtherwise(this.k, [], this.bootShared) })
    this.accepted = t.accepted !== null && this.c.hasField(t.accepted) ? this.c.fieldOf(t.accepted) : null
    // only what overwrites the flag is told by where it stopped
    this.c.namesStops = this.accepted !== null
    this.skipSync = this.c.hasField('dma_skip_sync') ? this.c.fieldOf('dma_skip_sync') : null
    this.grows = this.c.meta.has.dynamic && k.config.swiotlb_dynamic && k.default_mem !== null
    const slots = this.grows ? PAGE_ALIGN((k.default_mem?.nslabs ?? 0) * SLOT_BYTES) : 0
    this.states = new KernelStates(this.c, 8192 + (this.grows ? POOLS_AT_ONCE * (2 * PAGE_SIZE + slots) : 0))
    this.points = this.c.steps ? (t.points ?? null) : null
    if (this.points !== null) this.findWords(this.points)
  }

  // Finds the words that are written when the instance is told of the model's state, and those of statistics, by
  // writing them.
  private findWords(points: Points): void {
    const written: number[] = []
    this.c.onAccess = (at, does) => {
      if (does & POINT.writes) written.push(at)
    }
    this.c.forget_hiwater()
    for (const at of written.splice(0)) points.ignore(at)
    for (const d of this.k.devices) {
      if (this.accepted !== null) this.c.setFieldNumber(d.index, this.accepted, 0)
      const flag = written.splice(0)
      this.c.set_dma_mask(d.index, 64)
      this.flagLongs[d.index] = flag.map((at) => at >> LONG)
      this.lentWords[d.index] = [...flag, ...written.splice(0)]
    }
    this.c.onAccess = null
  }

  get iommu(): boolean {
    return this.c.meta.has.iommu
  }

  // Boots an instance with the scene's machine and devices; answers the bytes of its heap that it lost.
  private boot(c: KernelC, fails: readonly BootConversion[]): number {
    const { k } = this
    this.booting = true
    this.bootFails = fails
    this.bootShared.clear()
    c.boot(bootOf(k, c.meta))
    agreesOnPool(c, k.default_mem)
    const all = 0xffffffffffffffffn
    const coherent = c.hasField('dma_coherent')
    for (const d of k.devices) {
      const i = c.device({
        dma_mask: all,
        coherent_dma_mask: d.config.coherent_mask >= 64 ? all : (1n << BigInt(d.config.coherent_mask)) - 1n,
        bus_dma_limit: BigInt(d.config.bus_limit),
        min_align_mask: d.config.min_align_mask,
        segment_boundary_mask: BigInt(d.config.boundary_mask),
        ...(d.config.range_map ? { ranges: d.config.range_map } : {}),
        ...(coherent ? { fields: { dma_coherent: d.coherent } } : {})
      })
      // what firmware gives it: whether the attachment succeeds is the C's to find out
      const own = d.assigned
      this.attaching = d.index
      if (own?.kind.restricted) c.restricted(i, own.start, own.nslabs * SLOT_SIZE)
      if (this.iommu && d.config.iommu) c.iommu_attach(i, d.config.untrusted)
    }
    this.booting = false
    const lost = c.heapLost()
    c.forget_hiwater()
    return lost
  }

  booted(failed: readonly BootConversion[]): void {
    const { state, otherwise, lost } = this.boots.get(failed.join()) ?? this.bootWith(failed)
    if (state >= 0)
      step({
        kind: 'c',
        key: `c:boot:${failed.join()}`,
        silent: true,
        results: [0],
        outcomes: 1,
        text: () => `boot of the C: conversions failed: ${failed.join(', ')}`,
        perform: (st) => {
          this.states.load(state)
          this.now = state
          this.state.set(st, state)
          return 0
        }
      })
    if (lost > 0)
      step({
        kind: 'c',
        key: `c:boot loses:${lost}`,
        silent: false,
        results: [0],
        outcomes: 1,
        text: () => `boot of the C: nothing points to ${lost} bytes of the heap`,
        perform: (st) => {
          this.heapLost(st, 'boot', lost)
          return 0
        }
      })
    for (const { pool, shared } of otherwise)
      step({
        kind: 'c',
        key: `c:boot shares:${pool.name}:${shared}`,
        silent: false,
        results: [0],
        outcomes: 1,
        text: () => `boot of the C: ${shared} of ${pool.n} pages of the ${poolText(pool.name)} are shared`,
        perform: (st) => {
          this.k.bootUnshare(st, pool.pfn, pool.n)
          if (shared > 0) this.k.bootShare(st, pool.pfn, shared)
          return 0
        }
      })
  }
  private bootWith(failed: readonly BootConversion[]): Boot {
    const other = new KernelC(this.t.module, this)
    const lost = this.boot(other, failed)
    // The instance is in that state from here on, whether or not the step that follows is performed now.
    this.now = this.states.adopt(other)
    const b = { state: this.now, lost, otherwise: sharedOtherwise(this.k, failed, this.bootShared) }
    this.boots.set(failed.join(), b)
    return b
  }

  // --- one call
  // ---------------------------------------------------------------------------------------------------------------

  private load(st: Store): void {
    const want = this.state.get(st)
    if (want === this.now) return
    this.states.load(want)
    this.now = want
  }

  /**
   * The model keeps flags and masks; the C gets them for the time of a call, so that states differ by them in one place
   * only.
   */
  private lend(st: Store, d: Device, accepted: number): void {
    const k = this.k
    if (this.accepted !== null) this.c.setFieldNumber(d.index, this.accepted, accepted)
    if (this.skipSync !== null)
      this.c.setFieldNumber(d.index, this.skipSync, k.f.bits.get(st, d.index) & DEV_BITS.dma_skip_sync ? 1 : 0)
    this.c.set_dma_mask(d.index, k.f.mask.get(st, d.index))
  }
  private takeBack(st: Store, d: Device, lent: number): void {
    const k = this.k
    if (this.accepted !== null) {
      if (this.accepted >= 0 && this.c.getFieldNumber(d.index, this.accepted) !== lent)
        this.overwritten(st, d, 1 - lent)
      this.c.setFieldNumber(d.index, this.accepted, 0)
    }
    if (this.skipSync !== null) {
      const bits = k.f.bits.get(st, d.index)
      const on = this.c.getFieldNumber(d.index, this.skipSync) !== 0
      k.f.bits.set(st, on ? bits | DEV_BITS.dma_skip_sync : bits & ~DEV_BITS.dma_skip_sync, d.index)
      this.c.setFieldNumber(d.index, this.skipSync, 0)
    }
    this.c.set_dma_mask(d.index, 64)
  }

  /**
   * The C has put back an old value of the flag with the storage unit that it shares: what another thread wrote
   * meanwhile is lost.
   */
  private overwritten(st: Store, d: Device, now: number): void {
    const k = this.k
    this.told = true
    const where = this.from?.where ?? this.site
    st.finding({
      property: 'lost_update',
      site: where,
      decision: 'storage unit written back',
      summary:
        `${where}() writes back the storage unit that the flag of ${d.name} shares, and with it what the flag was ` +
        `before another thread ${now === 0 ? 'set' : 'cleared'} it`
    })
    if (k.config.flag_storage === 'shared_byte') {
      const bits = k.f.bits.get(st, d.index)
      k.f.bits.set(st, now !== 0 ? bits | DEV_BITS.tdi_enabled : bits & ~DEV_BITS.tdi_enabled, d.index)
    } else k.f.flag.set(st, (k.f.flag.get(st, d.index) & ~1) | now, d.index)
  }

  private perform(st: Store, d: Device, site: string, key: string, ways: number, body: (st: Store) => number): number {
    return this.remembered(st, d, site, `${site}:${key}:${d.index}`, () => {
      this.ways = ways
      this.meet(NOTHING_MET)
      const r = body(st)
      this.leakLost(st, site)
      this.leakHeap(st, site)
      return r
    })
  }

  private meet(m: Met): void {
    this.kept = [...m.kept]
    this.taken = m.taken.map(([pfn, order]) => [pfn, order])
    this.held = m.held
    this.conversionFailed = m.conversionFailed
    this.bounceAsked = m.bounceAsked
    this.full = m.full
    this.unsupported = m.unsupported
    this.noPages = m.noPages
    this.asked = m.asked
  }
  private met(): Omit<Met, 'seenClear'> {
    const { kept, taken, held, conversionFailed, bounceAsked, full, unsupported, noPages, asked } = this
    const { gives } = this
    return {
      kept,
      taken,
      held,
      conversionFailed,
      bounceAsked,
      full,
      unsupported,
      noPages,
      asked,
      gives,
      released: gives >= 0 && !this.usedNow(gives)
    }
  }

  /** Runs the C from the store's state, and puts its new one there; what asks nothing of others is done once. */
  private remembered(st: Store, d: Device, site: string, key: string, run: () => number): number {
    const k = this.k
    const at = this.state.get(st)
    this.st = st
    this.site = site
    this.dev = d.index
    this.thread = st.thread
    const bits = k.f.bits.get(st, d.index)
    const accepted = this.accepted !== null && k.accepts && believed(k, st, d.index) ? 1 : 0
    const lent = `${accepted}${bits & DEV_BITS.dma_skip_sync ? 1 : 0}${k.f.mask.get(st, d.index)}`
    if (this.points !== null && st.thread !== undefined)
      this.points.told(d.name, `${accepted}:${k.f.mask.get(st, d.index)}`, this.lentWords[d.index] ?? [])
    const known = `${key}:${lent}`
    let memo = this.memo[at]
    if (memo === undefined) this.memo[at] = memo = new Map()
    const had = k.logging ? undefined : memo.get(known)
    if (had !== undefined && (st.thread === undefined || (had.threads & (1 << st.thread)) !== 0))
      return this.again(st, d, had)

    this.load(st)
    this.copies = []
    this.warnings = []
    this.branches = []
    this.why = null
    this.halted = this.told = false
    this.lend(st, d, accepted)
    let r: number
    try {
      r = run()
    } catch (e) {
      if (!(e instanceof KernelFault)) throw e
      // the state of the instance is lost; what the model knows stays as it was at the fault
      if (!this.halted)
        st.finding({
          property: 'crash',
          site: siteOf(e),
          decision: e.kind === 'runaway' ? 'never returns' : plain(e.summary),
          summary: `${siteOf(e)}: ${e.summary}`,
          fatal: true
        })
      this.states.load(this.now)
      this.st = null
      return CRASHED
    }
    this.takeBack(st, d, accepted)
    this.c.forget_hiwater()
    this.now = this.states.take()
    this.state.set(st, this.now)
    this.st = null
    const threads = (had?.threads ?? 0) | (st.thread === undefined ? 0 : 1 << st.thread)
    if (!this.told)
      memo.set(known, {
        to: this.now,
        result: r,
        skipSync: (k.f.bits.get(st, d.index) & DEV_BITS.dma_skip_sync) !== 0,
        copies: this.copies,
        warnings: this.warnings,
        reason: this.why,
        branches: this.branches,
        threads
      })
    return r
  }

  private again(st: Store, d: Device, m: Remembered): number {
    this.copies = []
    this.branches = [...m.branches]
    try {
      for (let i = 0; i < m.copies.length; i += 3)
        this.copy(m.copies[i] as number, m.copies[i + 1] as number, m.copies[i + 2] as number)
    } catch (e) {
      if (!(e instanceof KernelFault)) throw e
      return CRASHED
    }
    for (const [where, text] of m.warnings) this.warned(st, where, text)
    if (m.reason !== null) this.k.observer.event(st, { kind: 'failed', reason: m.reason, dev: d.index })
    const bits = this.k.f.bits.get(st, d.index)
    this.k.f.bits.set(st, m.skipSync ? bits | DEV_BITS.dma_skip_sync : bits & ~DEV_BITS.dma_skip_sync, d.index)
    this.state.set(st, m.to)
    return m.result
  }

  private call(
    d: Device,
    site: string,
    key: string,
    text: (r: number) => string,
    body: (st: Store) => number,
    ways = 1,
    gives?: () => number
  ): number {
    const outcomes = this.k.config.conversions === 'may_fail' && this.k.platform.conversion !== 'ultravisor' ? ways : 1
    if (this.points !== null) return this.inSteps(d, site, key, text, body, gives)
    // `key` holds all arguments of the C function: what `body` does depends on nothing else but the image and the
    // store.
    const r =
      stepped() ??
      step(
        this.explained({
          kind: 'c',
          key: `c:${site}:${d.index}:${key}`,
          silent: false,
          results: null,
          outcomes,
          text: (v, outcome) =>
            `${v === CRASHED ? `${site}() crashes` : text(v)}` +
            `${outcome > 0 ? ` (conversions: ${wayText(outcome)})` : ''}`,
          perform: (st, outcome) => this.perform(st, d, site, key, outcome, body)
        })
      )
    if (r === CRASHED) halt()
    return r
  }

  // A call as several steps: from where it begins or has stopped to where it stops next. What it does up to its first
  // stop others cannot tell from what came before, nor what it does with an answer from the machine.
  private inSteps(
    d: Device,
    site: string,
    key: string,
    text: (r: number) => string,
    body: (st: Store) => number,
    gives?: () => number
  ): number {
    const says = (h: number): string =>
      h === CRASHED
        ? `${site}() crashes`
        : this.halts.at(h)?.frozen === null
          ? text(this.halts.at(h)?.result as number)
          : `${site}(${d.name})`
    let h =
      stepped() ??
      step(
        this.explained({
          kind: 'c',
          key: `c>${site}:${d.index}:${key}`,
          keeps: 'begins',
          silent: true,
          results: null,
          outcomes: 1,
          text: says,
          perform: (st) => this.segment(st, d, site, `${site}:${key}:${d.index}`, null, 0, body, gives)
        })
      )
    for (;;) {
      if (h === CRASHED) halt()
      const from = this.halts.at(h) as Halt
      if (from.frozen === null) return from.result
      const { request } = from.frozen
      // A word has neighbours of the flag in it, so that the read alone says little; who bounces by then has read it as
      // clear, and is a call for an unaccepted device (docs/decisions/0004).
      if (request.kind === 'copy' && from.met.seenClear) this.k.call?.denied()
      const answer = this.serve(d, site, request)
      h =
        stepped() ??
        step(
          this.explained({
            kind: 'c',
            key: `c+${from.id}:${answer}`,
            keeps: 'goes on',
            silent: request.kind !== 'point' && request.kind !== 'lock',
            results: null,
            outcomes: 1,
            text: (r) =>
              r === CRASHED ? `${site}() crashes` : `${site}(${d.name}): ${requestText(from.frozen as Frozen)}`,
            perform: (st) => this.segment(st, d, site, `+${from.id}:${answer}`, from, answer, body, gives)
          })
        )
    }
  }

  /** A step of the C that can tell what went on inside. */
  private explained(a: Action): Action {
    return {
      ...a,
      inside: () => this.insides.get(a.key) ?? [],
      perform: (st, outcome) => {
        const r = a.perform(st, outcome)
        if (this.branches.length > 0) this.insides.set(a.key, collapsed(this.branches))
        else if (this.insides.size > 0) this.insides.delete(a.key)
        return r
      }
    }
  }

  private segment(
    st: Store,
    d: Device,
    site: string,
    key: string,
    from: Halt | null,
    answer: number,
    body: (st: Store) => number,
    gives?: () => number
  ): number {
    this.released?.set(st, -1)
    const request = from?.frozen?.request
    if (request?.kind === 'lock') {
      this.load(st)
      if (this.c.word(request.lock) !== 0 && !from?.met.held.includes(request.lock)) {
        if (st.thread !== undefined) this.points?.contend(request.lock)
        return BLOCKED
      }
    }
    const h = this.remembered(st, d, site, key, () => {
      this.from = from?.frozen ?? null
      this.gives = from?.met.gives ?? this.taking(gives)
      this.meet(from === null ? NOTHING_MET : answered(from.met, request as Request, answer))
      const r = this.c.step(this, from === null ? null : { frozen: from.frozen as Frozen, answer }, () => body(st))
      if ('ended' in r) return this.halts.ended(r.ended, NOTHING_MET)
      const met = { ...this.met(), seenClear: from?.met.seenClear === true || this.readsClear(st, d, request) }
      return this.halts.stopped(r.stopped, from?.met.released ? { ...met, released: true } : met)
    })
    if (from?.met.released && this.halts.at(h)?.frozen === null)
      this.released?.set(st, Math.floor(from.met.gives / SLOT_SIZE))
    return h
  }

  /** The access that a call goes on with is one to the flag's long, and the flag is clear. */
  private readsClear(st: Store, d: Device, r: Request | undefined): boolean {
    return (
      r?.kind === 'point' && this.flagLongs[d.index]?.includes(r.at >> LONG) === true && !believed(this.k, st, d.index)
    )
  }

  private taking(gives: (() => number) | undefined): number {
    const at = gives === undefined ? -1 : gives()
    return at >= 0 && this.usedNow(at) ? at : -1
  }

  /** What the call waits for, done by our kernel and machine in steps of their own. */
  private serve(d: Device, site: string, r: Request): number {
    const k = this.k
    const own = (what: string, text: string, perform: (st: Store) => void): number => {
      const done =
        stepped() ??
        step({
          kind: 'c',
          key: `c:${what}:${site}:${d.index}`,
          silent: false,
          results: [0, CRASHED],
          outcomes: 1,
          text: () => text,
          perform: (st) => this.beside(st, d, site, perform)
        })
      if (done === CRASHED) halt()
      return 0
    }
    switch (r.kind) {
      case 'point':
      case 'lock':
        return 0
      case 'alloc_pages': {
        const pfn = k.pages.alloc_dma(r.order, zoneOf(r.zone), { tag: tagFor(site), why: site })
        return pfn < 0 ? -1 : pfn * PAGE_SIZE
      }
      case 'free_pages':
        k.pages.free_pages(r.phys / PAGE_SIZE, r.order, site)
        return 0
      case 'set_memory':
        if (r.phys >= 0) return (r.decrypted ? set_memory_decrypted : set_memory_encrypted)(k, r.phys, r.numpages)
        own('not linear', `${site}: set_memory_encrypted() of a struct page`, () => {
          this.notLinear()
        })
        return -22
      case 'copy':
        return own(
          `copy:${r.dst}:${r.src}:${r.len}`,
          `swiotlb_bounce: copy ${r.len} bytes 0x${r.src.toString(16)} -> 0x${r.dst.toString(16)}`,
          () => {
            this.copy(r.dst, r.src, r.len)
          }
        )
      case 'iommu_map':
        return iommu_map(k.device(r.dev), r.iova, r.phys, r.size)
      case 'iommu_unmap':
        return iommu_unmap(k.device(r.dev), r.iova, r.size)
      case 'fill':
        return own(
          `fill:${r.dst}:${r.len}:${r.alias}`,
          `${site}: clear ${r.len} bytes at 0x${r.dst.toString(16)}`,
          () => {
            this.fill(r.dst, 0, r.len, r.alias)
          }
        )
    }
  }
  private beside(st: Store, d: Device, site: string, perform: (st: Store) => void): number {
    this.st = st
    this.site = site
    this.dev = d.index
    this.copies = []
    try {
      perform(st)
      return 0
    } catch (e) {
      if (!(e instanceof KernelFault)) throw e
      return CRASHED
    } finally {
      this.st = null
    }
  }

  // --- Stops: where a call of the C stops
  // ---------------------------------------------------------------------------------------

  stopsAt(at: number, does: number): boolean {
    return (this.points as Points).stopsAt(at, does & POINT.bytes)
  }
  access(at: number, does: number): void {
    if (this.thread !== undefined)
      this.points?.touched(
        this.thread,
        at,
        does & POINT.bytes,
        (does & POINT.reads) !== 0,
        (does & POINT.writes) !== 0,
        this.held
      )
  }
  stopsForLock(lock: number): boolean {
    return !this.held.includes(lock) && (this.c.word(lock) !== 0 || (this.points as Points).contended(lock))
  }
  lock(lock: number): void {
    if (!this.held.includes(lock)) this.held = [...this.held, lock].sort((a, b) => a - b)
    if (this.thread !== undefined) this.points?.taken(this.thread, lock)
  }
  unlock(lock: number): void {
    this.held = this.held.filter((l) => l !== lock)
  }

  private bits(attrs: number): number {
    let out = 0
    for (const [ours, theirs] of this.attrBits) if (attrs & ours) out |= theirs
    return out
  }

  /** Our own functions, run at once inside the step. A crash of theirs ends the call. */
  private within<T>(fn: () => T, choose: (a: Action) => number = () => 0): T {
    const st = this.st as Store
    this.told = true
    let fatal = false
    const watched: Store = {
      u8: st.u8,
      u32: st.u32,
      local: (t, i) => st.local(t, i),
      finding: (f) => {
        fatal = fatal || f.fatal === true
        st.finding(f)
      }
    }
    try {
      return runOn(watched, fn, choose)
    } catch (e) {
      if (!fatal) throw e
      this.halted = true
      throw new KernelFault('bug', this.site, 'halted', [])
    }
  }

  private failed(st: Store, d: Device, reason: RefusalReason): void {
    this.why = reason
    this.k.observer.event(st, { kind: 'failed', reason, dev: d.index })
  }

  // --- DmaCalls
  // ---------------------------------------------------------------------------------------------------------------

  dma_map_phys(dev: Device, cpu: number, phys: number, size: number, dir: number, attrs: number): number {
    const bits = this.bits(attrs)
    if (this.grows) this.growth(dev, true)
    const handle = this.call(
      dev,
      'dma_map',
      `${cpu}:${phys}:${size}:${dir}:${bits}`,
      (r) =>
        r < 0
          ? `dma_map(${dev.name}, 0x${phys.toString(16)}, ${size}) fails`
          : `dma_map(${dev.name}, 0x${phys.toString(16)}, ${size}) = 0x${r.toString(16)}`,
      (st) => {
        const r = this.c.dma_map(dev.index, cpu, phys, size, dir, bits)
        if (r === DMA_MAPPING_ERROR) this.failed(st, dev, this.reason(size))
        return r
      }
    )
    if (this.grows) {
      this.graces(dev)
      this.growth(dev, false)
    }
    return handle
  }
  private reason(size: number): RefusalReason {
    if (this.full || this.bounceAsked) return size > SEGMENT_BYTES ? 'too_large' : this.full ? 'exhausted' : 'mask'
    return 'mask'
  }
  dma_unmap_phys(dev: Device, addr: number, size: number, dir: number, attrs: number): void {
    const bits = this.bits(attrs)
    this.call(
      dev,
      'dma_unmap',
      `${addr}:${size}:${dir}:${bits}`,
      () => `dma_unmap(${dev.name}, 0x${addr.toString(16)}, ${size})`,
      () => {
        this.c.dma_unmap(dev.index, addr, size, dir, bits)
        return 0
      },
      1,
      () => (dev.config.iommu ? iommu_walked(this.st as Store, dev, addr) : this.c.dma_to_phys(dev.index, addr))
    )
    if (this.grows) this.graces(dev)
  }
  /** Where calls stop inside, entry by entry: what is given back while an unmap runs is told of one address. */
  get segments(): number {
    return this.points === null ? MAX_SEGMENTS : 0
  }
  dma_map_sg(dev: Device, cpu: number, sg: readonly SgEntry[], dir: number, attrs: number): number[] | number {
    const bits = this.bits(attrs)
    if (this.grows) this.growth(dev, true)
    const list = sg.map((e) => `0x${e.phys.toString(16)}+${e.size}`).join(', ')
    const id = this.call(
      dev,
      'dma_map_sgtable',
      `${cpu}:${list}:${dir}:${bits}`,
      (r) =>
        `dma_map_sgtable(${dev.name}, [${list}])` +
        (r < 0 ? ' fails' : ` = ${(this.lists[r] as number[]).map((a) => `0x${a.toString(16)}`).join(', ')}`),
      (st) => {
        const r = this.c.dma_map_segments(dev.index, cpu, sg, dir, bits)
        if (typeof r !== 'number') return this.listId(r)
        this.failed(st, dev, this.reason(Math.max(...sg.map((e) => e.size))))
        return -1
      }
    )
    if (this.grows) {
      this.graces(dev)
      this.growth(dev, false)
    }
    return id < 0 ? EIO : (this.lists[id] as number[])
  }
  dma_unmap_sg(dev: Device, sg: readonly SgMapped[], dir: number, attrs: number): void {
    const bits = this.bits(attrs)
    const list = addresses(sg)
    this.call(
      dev,
      'dma_unmap_sg_attrs',
      `${list}:${dir}:${bits}`,
      () => `dma_unmap_sg_attrs(${dev.name}, [${list}])`,
      () => {
        this.c.dma_unmap_segments(dev.index, sg.map(unplaced), dir, bits)
        return 0
      }
    )
    if (this.grows) this.graces(dev)
  }
  dma_sync_sg(dev: Device, sg: readonly SgMapped[], dir: number, forCpu: boolean): void {
    const site = forCpu ? 'dma_sync_sg_for_cpu' : 'dma_sync_sg_for_device'
    const list = addresses(sg)
    this.call(
      dev,
      site,
      `${list}:${dir}`,
      () => `${site}(${dev.name}, [${list}])`,
      () => {
        this.c.dma_sync_segments(dev.index, sg.map(unplaced), dir, forCpu)
        return 0
      }
    )
  }
  private listId(addresses: number[]): number {
    const key = addresses.join()
    let id = this.listIds.get(key)
    if (id === undefined) {
      id = this.lists.push(addresses) - 1
      this.listIds.set(key, id)
    }
    return id
  }
  dma_map_resource(dev: Device, cpu: number, phys: number, size: number, dir: number, attrs: number): number {
    const bits = this.bits(attrs)
    return this.call(
      dev,
      'dma_map_resource',
      `${cpu}:${phys}:${size}:${dir}:${bits}`,
      (r) => `dma_map_resource(${dev.name}, 0x${phys.toString(16)})${r < 0 ? ' fails' : ` = 0x${r.toString(16)}`}`,
      (st) => {
        const r = this.c.dma_map_resource(dev.index, cpu, phys, size, dir, bits)
        if (r === DMA_MAPPING_ERROR) this.failed(st, dev, 'mask')
        return r
      }
    )
  }
  dma_unmap_resource(dev: Device, addr: number, size: number, dir: number, attrs: number): void {
    const bits = this.bits(attrs)
    this.call(
      dev,
      'dma_unmap_resource',
      `${addr}:${size}:${dir}:${bits}`,
      () => `dma_unmap_resource(${dev.name}, 0x${addr.toString(16)})`,
      () => {
        this.c.dma_unmap_resource(dev.index, addr, size, dir, bits)
        return 0
      }
    )
  }
  dma_sync_single(dev: Device, addr: number, size: number, dir: number, forCpu: boolean): void {
    const site = forCpu ? 'dma_sync_single_for_cpu' : 'dma_sync_single_for_device'
    this.call(
      dev,
      site,
      `${addr}:${size}:${dir}`,
      () => `${site}(${dev.name}, 0x${addr.toString(16)}, ${size})`,
      () => {
        if (forCpu) this.c.dma_sync_single_for_cpu(dev.index, addr, size, dir)
        else this.c.dma_sync_single_for_device(dev.index, addr, size, dir)
        return 0
      }
    )
  }

  dma_alloc_attrs(dev: Device, cpu: number, size: number, gfpBlocks: boolean, attrs: number): DmaBuffer | null {
    const bits = this.bits(attrs)
    return this.allocate(dev, 'dma_alloc_attrs', size, attrs, gfpBlocks, `${cpu}:${size}:${gfpBlocks}:${bits}`, () =>
      this.c.dma_alloc(dev.index, cpu, size, gfpBlocks ? GFP_KERNEL : GFP_ATOMIC, bits)
    )
  }
  dma_alloc_pages(dev: Device, cpu: number, size: number, gfpBlocks: boolean): DmaBuffer | null {
    return this.allocate(dev, 'dma_alloc_pages', size, 0, gfpBlocks, `${cpu}:${size}:${gfpBlocks}`, () =>
      this.c.dma_alloc_pages(dev.index, cpu, size, 0, gfpBlocks ? GFP_KERNEL : GFP_ATOMIC)
    )
  }
  private allocate(
    dev: Device,
    site: string,
    sizeIn: number,
    attrs: number,
    blocks: boolean,
    key: string,
    body: () => Allocation
  ): DmaBuffer | null {
    const size = PAGE_ALIGN(sizeIn)
    if (!blocks) this.worker(dev, true)
    const pages = site === 'dma_alloc_pages'
    const id = this.call(
      dev,
      site,
      key,
      (r) =>
        r < 0
          ? `${site}(${dev.name}, ${sizeIn}) fails`
          : `${site}(${dev.name}, ${sizeIn}) = page ` +
            `0x${((this.buffers[r] as DmaBuffer).phys / PAGE_SIZE).toString(16)}, handle ` +
            `0x${(this.buffers[r] as DmaBuffer).handle.toString(16)}`,
      (st) => {
        const a = body()
        this.c.whole()
        if (a.phys < 0) {
          this.leakTaken(site, -1)
          // Refused at the top, before anything was asked of anybody.
          const attribute = (attrs & ATTR.CC_SHARED) !== 0 && !this.asked
          this.failed(
            st,
            dev,
            attribute
              ? 'attribute'
              : this.conversionFailed
                ? 'conversion'
                : this.unsupported
                  ? 'noncoherent'
                  : this.noPages
                    ? 'exhausted'
                    : 'mask'
          )
          return -1
        }
        // Behind a vIOMMU an allocation may be of several blocks.
        if (!dev.config.iommu) this.leakTaken(site, a.phys)
        const from =
          this.c.atomic_page(a.phys) !== 'none'
            ? ('atomic' as const)
            : this.k.mems.some((m) => m.contains(a.phys))
              ? ('swiotlb' as const)
              : ('buddy' as const)
        return this.bufferId(a.turn ?? 0, {
          cpu: a.phys,
          handle: a.handle,
          phys: a.phys,
          size,
          alias: a.kind === 1 ? aliasOfTurn(a.turn ?? 0) : null,
          from,
          vmap: a.kind === 1,
          cookie: pages ? a.kind !== 2 : a.kind === 2
        })
      },
      WAYS
    )
    if (!blocks && id >= 0) this.worker(dev, false)
    return id < 0 ? null : (this.buffers[id] as DmaBuffer)
  }
  // atomic_pool_work_fn(), in this thread, at one of two moments (kernel/dma/pool.ts): right after the allocation that
  // scheduled it, or before the next one.
  private worker(dev: Device, late: boolean): void {
    if (!this.pending(ATOMIC_WORK, 'atomic_pool_work') || !workerRuns(late)) return
    this.call(
      dev,
      'atomic_pool_work_fn',
      '',
      () => 'kworker: atomic_pool_work_fn',
      () => {
        this.told = true
        while (this.c.run_work(ATOMIC_WORK)) {
          /* all that is pending */
        }
        this.c.whole()
        this.leakKept('atomic_pool_expand')
        return 0
      },
      WAYS
    )
  }

  /** Whether work of these kinds is pending: a step of its own. */
  private pending(kinds: number, what: string): boolean {
    const pending =
      stepped() ??
      step({
        kind: 'c',
        key: `c:works:${kinds}`,
        silent: true,
        results: [0, 1],
        outcomes: 1,
        text: (r) => (r ? `${what} is scheduled` : `no ${what}`),
        perform: (st) => {
          this.load(st)
          return this.c.works(kinds) > 0 ? 1 : 0
        }
      })
    return pending !== 0
  }

  /** Pages whose last conversion failed are given up on purpose. */
  private keptAt(pfn: number): boolean {
    return this.kept.some(([phys]) => phys === pfn * PAGE_SIZE)
  }

  // What an allocation took and did not give back belongs to nobody any more, but for the block that has `phys`.
  private leakTaken(site: string, phys: number): void {
    for (const [pfn, order] of this.taken)
      if (phys < pfn * PAGE_SIZE || phys >= (pfn + 2 ** order) * PAGE_SIZE)
        this.within(() => {
          this.k.pages.leak(pfn, 2 ** order, site, this.keptAt(pfn))
        })
  }

  /** Whether memory lies in a pool of the C's. */
  private inPool(phys: number): boolean {
    return this.c.atomic_page(phys) !== 'none' || (this.grows && this.c.dynamic_pool(-1, phys) !== null)
  }

  // A pool's pages whose last conversion failed, and which are in no pool: given up on purpose.
  private leakKept(site: string): void {
    for (const [phys, n] of this.kept) {
      const pfn = phys / PAGE_SIZE
      if (this.k.pages.owner(this.st as Store, pfn) === TAG.pool && !this.inPool(phys))
        this.within(() => {
          this.k.pages.leak(pfn, 2 ** Math.ceil(Math.log2(n)), site, true)
        })
    }
  }

  // What the C has taken for a pool and that lies in none when its call has ended is lost, once nothing waits for a
  // grace period. Of calls that stop inside, others have some in hand meanwhile.
  private leakLost(st: Store, site: string): void {
    if (this.points !== null || !(this.asked || (this.grows && site !== 'dma_map'))) return
    if (this.c.works(GRACE_WORK) > 0) return
    const { pages } = this.k
    for (const [from, to] of pages.pooled(st))
      for (let p = from, n = 0; p < to; p += n + 1) {
        for (n = 0; p + n < to && !this.inPool((p + n) * PAGE_SIZE); n++);
        if (n === 0) continue
        this.within(() => {
          pages.leak(p, n, site, false)
        })
      }
  }

  // A call that stops inside has pointers on its stack.
  private leakHeap(st: Store, site: string): void {
    const bytes = this.points === null ? this.c.heapLost() : 0
    if (bytes > 0) this.heapLost(st, site, bytes)
  }
  private heapLost(st: Store, site: string, bytes: number): void {
    this.told = true
    st.finding({
      property: 'leak',
      site,
      decision: 'heap',
      summary: `${site} loses memory of the kernel's heap: nothing points to ${bytes} bytes that it allocated`
    })
  }

  // swiotlb_dyn_alloc(), in this thread, at the moments that swiotlb-dynamic.ts has: right after the mapping that
  // scheduled it, or before the next one. A transient pool is an atomic pool's, whose worker may be due, too.
  private growth(dev: Device, late: boolean): void {
    this.worker(dev, late)
    if (!this.pending(GROWTH_WORK, 'dyn_alloc') || !workerRuns(late, 'swiotlb_dyn_alloc', 'mapping')) return
    this.call(
      dev,
      'swiotlb_dyn_alloc',
      '',
      () => 'kworker: swiotlb_dyn_alloc',
      () => {
        this.told = true
        this.c.run_work(GROWTH_WORK)
        this.c.whole()
        this.leakKept('alloc_dma_pages')
        return 0
      },
      growthWays(this.k.default_mem?.nslabs ?? 0)
    )
  }

  // What waits for a grace period, in this thread and at once: transient pools that are freed, by an RCU callback or by
  // work behind one.
  private graces(dev: Device): void {
    while (this.pending(GRACE_WORK, 'freeing of a transient pool'))
      this.call(
        dev,
        'swiotlb_dyn_free',
        '',
        () => 'after a grace period: swiotlb_dyn_free',
        () => {
          this.told = true
          this.c.run_work(GRACE_WORK)
          this.c.whole()
          this.leakKept('swiotlb_free_tlb')
          return 0
        },
        WAYS
      )
  }

  private bufferId(turn: number, b: DmaBuffer): number {
    const key = JSON.stringify([b, turn])
    let id = this.bufferIds.get(key)
    if (id === undefined) {
      id = this.buffers.push(b) - 1
      if (turn !== 0) this.turns.set(b, turn)
      this.bufferIds.set(key, id)
    }
    return id
  }
  private allocation(b: DmaBuffer): Allocation {
    return { phys: b.phys, handle: b.handle, kind: b.cookie ? 2 : b.vmap ? 1 : 0, turn: this.turns.get(b) ?? 0 }
  }
  dma_free_attrs(dev: Device, b: DmaBuffer, attrs: number): void {
    const bits = this.bits(attrs)
    this.release(dev, 'dma_free_attrs', b, bits, () => {
      this.c.dma_free(dev.index, b.size, this.allocation(b), bits)
    })
  }
  dma_free_pages(dev: Device, b: DmaBuffer): void {
    this.release(dev, 'dma_free_pages', b, 0, () => {
      this.c.dma_free_pages(dev.index, b.size, b.phys, b.handle, 0)
    })
  }
  private release(dev: Device, site: string, b: DmaBuffer, bits: number, body: () => void): void {
    this.call(
      dev,
      site,
      `${b.phys}:${b.handle}:${b.size}:${bits}`,
      () => `${site}(${dev.name}, page 0x${(b.phys / PAGE_SIZE).toString(16)})`,
      (st) => {
        body()
        const pfn = b.phys / PAGE_SIZE
        if (this.conversionFailed && b.from === 'buddy' && this.k.pages.owner(st, pfn) === TAG.dma)
          this.within(() => {
            this.k.pages.leak(pfn, 2 ** Math.ceil(Math.log2(b.size / PAGE_SIZE)), site, true)
          })
        return 0
      },
      WAYS,
      () => b.phys
    )
  }

  dma_max_mapping_size(dev: Device): number {
    const bytes = this.call(
      dev,
      'dma_max_mapping_size',
      '',
      (r) => `dma_max_mapping_size(${dev.name}) = ${r < 0 ? 'SIZE_MAX' : r}`,
      () => {
        const n = this.c.dma_max_mapping_size(dev.index)
        return n <= Number.MAX_SAFE_INTEGER ? n : -1
      }
    )
    return bytes < 0 ? Number.POSITIVE_INFINITY : bytes
  }
  dma_get_required_mask(dev: Device): number {
    const bits = this.call(
      dev,
      'dma_get_required_mask',
      '',
      (r) => `dma_get_required_mask(${dev.name}) = DMA_BIT_MASK(${r})`,
      () => this.c.dma_get_required_mask(dev.index).toString(2).length
    )
    return DMA_BIT_MASK(bits)
  }

  dma_set_mask(dev: Device, bits: number): number {
    return this.call(
      dev,
      'dma_set_mask',
      String(bits),
      (r) => `dma_set_mask(${dev.name}, ${bits}) = ${r}`,
      (st) => {
        const r = this.c.dma_set_mask(dev.index, bits >= 64 ? 0xffffffffffffffffn : (1n << BigInt(bits)) - 1n)
        this.told = true
        if (r === 0) this.k.f.mask.set(st, bits, dev.index)
        return r
      }
    )
  }
  dma_set_coherent_mask(dev: Device, bits: number): number {
    return this.call(
      dev,
      'dma_set_coherent_mask',
      String(bits),
      (r) => `dma_set_coherent_mask(${dev.name}, ${bits}) = ${r}`,
      (st) => {
        const r = this.c.dma_set_coherent_mask(dev.index, bits >= 64 ? 0xffffffffffffffffn : (1n << BigInt(bits)) - 1n)
        this.told = true
        if (r === 0) this.k.f.coherent_mask.set(st, bits, dev.index)
        return r
      }
    )
  }
  dma_mmap_alias(dev: Device): 'shared' | 'private' {
    const r = this.call(
      dev,
      'dma_mmap',
      '',
      (v) => `dma_mmap(${dev.name}): ${v === 1 ? 'shared' : 'private'} alias`,
      () => this.c.dma_mmap(dev.index, PAGE_SIZE, { phys: 0x200000, handle: 0x200000, kind: 0 })
    )
    return r === 1 ? 'shared' : 'private'
  }
  dma_to_phys(dev: Device, addr: number): number {
    return this.c.dma_to_phys(dev.index, addr)
  }

  atomicAt(st: Store, phys: number): boolean {
    this.load(st)
    return this.c.atomic_page(phys) !== 'none'
  }
  dynamicAt(st: Store, dev: number, phys: number): number {
    if (!this.grows) return -1
    this.load(st)
    return this.c.dynamic_pool(dev, phys)?.start ?? -1
  }
  usedAt(st: Store, phys: number): boolean {
    if (this.released !== null && this.released.get(st) >= 0) {
      const own = this.released.get(st) === Math.floor(phys / SLOT_SIZE)
      this.released.set(st, -1)
      if (own) return false
    }
    this.load(st)
    return this.usedNow(phys)
  }
  private usedNow(phys: number): boolean {
    for (const [i, m] of [this.k.default_mem, ...this.k.devices.map((d) => d.assigned)].entries()) {
      if (!m?.contains(phys)) continue
      return this.c.slot(Math.floor((phys - m.start) / SLOT_SIZE), i === 0 ? -1 : i - 1)?.list === 0
    }
    return (this.grows && this.c.dynamic_pool(-1, phys)?.used === true) || this.c.atomic_page_used(phys)
  }

  // --- Host: what the C asks of the rest
  // ----------------------------------------------------------------------------------------

  alloc_pages(order: number, zone: 0 | 1 | 2): number {
    if (this.booting) {
      // boot's pools lie where the model reserved them
      const p = this.k.atomic.pools[zone]
      return p && p.size >= PAGE_SIZE << order ? p.start : -1
    }
    this.asked = true
    const pfn = this.within(() =>
      this.k.pages.alloc_dma(order, zoneOf(zone), { tag: tagFor(this.site), why: this.site })
    )
    this.noPages = pfn < 0
    if (pfn < 0) return -1
    this.taken.push([pfn, order])
    return pfn * PAGE_SIZE
  }
  free_pages(phys: number, order: number): void {
    if (this.booting) return
    this.asked = true
    const pfn = phys / PAGE_SIZE
    this.taken = this.taken.filter(([p]) => p !== pfn)
    this.within(() => {
      this.k.pages.free_pages(pfn, order, this.site)
    })
  }
  set_memory(decrypted: boolean, phys: number, numpages: number): number {
    if (this.booting) return this.bootConverts(decrypted, phys, numpages)
    this.asked = this.told = true
    if (phys < 0) return this.notLinear()
    const way = this.ways % 3
    this.ways = Math.floor(this.ways / 3)
    let asked = 0
    const r = this.within(
      () => (decrypted ? set_memory_decrypted : set_memory_encrypted)(this.k, phys, numpages),
      (a) => (asked++ === 0 && a.kind === 'choose' ? (way === 1 ? 1 : 0) : way === 2 ? 1 : 0)
    )
    if (r === 0) this.kept = this.kept.filter(([p]) => p !== phys)
    else {
      this.conversionFailed = true
      this.kept.push([phys, numpages])
    }
    return r
  }
  // Done by the system, which knows how each platform does them; what the C wants otherwise is done after it: booted().
  private bootConverts(decrypted: boolean, phys: Phys, numpages: number): number {
    if (this.bootFails.includes(this.conversionAt(phys))) return EIO
    this.bootShared.set(phys, decrypted ? numpages : 0)
    return 0
  }
  private conversionAt(phys: number): BootConversion {
    const i = this.k.atomic.pools.findIndex((p) => p.start === phys)
    return i >= 0 ? `atomic pool ${i}` : this.k.default_mem?.start === phys ? 'swiotlb' : `device ${this.attaching}`
  }
  /** A struct page taken for an address: a realm refuses it, elsewhere the memory map is converted. */
  private notLinear(): number {
    const st = this.st as Store
    if (this.k.platform.conversion !== 'rsi') {
      st.finding({
        property: 'crash',
        site: 'dma_direct_free',
        decision: 'struct page taken for an address',
        summary: 'set_memory_encrypted() is given a struct page and converts the memory map',
        fatal: true
      })
      this.halted = true
      throw new KernelFault('oops', this.site, 'struct page taken for an address', [])
    }
    st.finding({
      property: 'warn',
      site: 'set_memory_encrypted',
      decision: 'not the linear map: pages will be leaked',
      summary: 'set_memory_encrypted warns: not the linear map: pages will be leaked'
    })
    this.conversionFailed = true
    return -22
  }
  copy(dst: number, src: number, len: number): void {
    if (this.booting) return
    this.copies.push(dst, src, len)
    const st = this.st as Store
    const m = this.k.machine
    const a = m.cpuAccess(st, src, len)
    const b = m.cpuAccess(st, dst, len)
    if (a === 'invalid' || a === 'abort' || b === 'invalid' || b === 'abort') {
      st.finding({
        property: 'crash',
        site: 'swiotlb_bounce',
        decision: 'cpu access aborted',
        summary: 'the bounce copies from or to memory that the CPU cannot reach',
        fatal: true
      })
      this.halted = true
      throw new KernelFault('oops', 'swiotlb_bounce', 'cpu access aborted', [])
    }
    m.content.copy(st, dst, src, len)
    this.k.observer.event(st, {
      kind: 'bounce',
      dev: this.dev,
      bytes: len,
      toDevice:
        this.k.mems.some((x) => x.contains(dst)) || this.k.pages.owner(st, Math.floor(dst / PAGE_SIZE)) === TAG.pool
    })
  }
  fill(dst: number, byte: number, len: number, alias: 'private' | 'shared' | null): void {
    if (this.booting) return
    this.asked = this.told = true
    const st = this.st as Store
    const m = this.k.machine
    const a = alias === null ? m.cpuAccess(st, dst, len) : aliasAccess(m, st, dst, alias)
    if (a === 'invalid' || a === 'abort') {
      st.finding({
        property: 'crash',
        site: this.site,
        decision: 'cpu access aborted',
        summary: `${this.site} clears memory through a mapping that is invalid or of the wrong alias`,
        fatal: true
      })
      this.halted = true
      throw new KernelFault('oops', this.site, 'cpu access aborted', [])
    }
    void byte
    m.content.fill(st, dst, len, 0)
  }
  cache(): void {}
  branch(site: string, condition: string, taken: boolean): void {
    if (!this.booting && this.st !== null && TOLD_FILES.test(site) && !MACROS_OWN.test(condition))
      this.branches.push(`${site}: ${taken ? 'if' : 'not'} (${condition.replace(/\s+/g, ' ')})`)
  }
  entered(name: string): void {
    this.t.entered?.(name)
  }
  iommu_map(dev: number, iova: number, phys: number, size: number): number {
    return this.within(() => iommu_map(this.k.device(dev), iova, phys, size))
  }
  iommu_unmap(dev: number, iova: number, size: number): void {
    this.within(() => iommu_unmap(this.k.device(dev), iova, size))
  }
  iova_to_phys(dev: number, iova: number): number {
    this.told = true
    return iommu_walked(this.st as Store, this.k.device(dev), iova)
  }
  vmap(): boolean {
    return true
  }
  vunmap(): void {}
  swiotlb_bounced(): void {
    this.bounceAsked = true
  }
  log(level: number, _dev: number, text: string): void {
    if (this.booting) return
    if (text.startsWith('swiotlb buffer is full')) this.full = true
    if (text.startsWith('coherent DMA allocations not supported')) this.unsupported = true
    if (this.k.logging)
      this.k.observer.event(this.st as Store, {
        kind: 'printk',
        level: level <= 3 ? 'err' : level === 4 ? 'warn' : 'info',
        text
      })
  }
  warn(_dev: number, place: string, text: string, _once: boolean, inFunction: () => string): void {
    if (this.booting) return
    // dma_alloc_from_pool(): no atomic pool, or none with room
    if (/suitable pool|DMA pool exhausted/.test(text)) this.noPages = true
    // an assertion of a header is the failure of who makes it
    const site = /\.h:\d+$/.test(place) ? `${inFunction()}() (${place})` : place
    this.warnings.push([site, text])
    this.warned(this.st as Store, site, text)
  }
  /** What a kernel says as "sleeping function called from invalid context". */
  atomic(site: string): void {
    if (this.booting) return
    const st = this.st as Store
    st.finding({
      property: 'crash',
      site: this.site,
      decision: `${site} sleeps in atomic context`,
      summary: `${this.site}() may be called where nothing may sleep, and calls ${site}, which may`,
      fatal: true
    })
    this.halted = true
    throw new KernelFault('atomic', this.site, `${site} sleeps in atomic context`, [])
  }
  private warned(st: Store, site: string, text: string): void {
    const where = site.replace(/:\d+(\)?)$/, '$1')
    const words = plain(text || 'WARN_ON')
    if (this.k.logging) this.k.observer.event(st, { kind: 'printk', level: 'warn', text: `WARNING: ${where}: ${text}` })
    st.finding({ property: 'warn', site: where, decision: words, summary: `${site} warns: ${text || 'WARN_ON'}` })
  }
}

/** Without the numbers, so that the same finding has the same name in the next revision of a patch. */
const plain = (s: string): string => s.replace(/0x[0-9a-f]+|\d+/g, 'N')
// Of the branches those of the DMA code and the architecture's part of it; what lists and atomics decide is not of
// interest.
const TOLD_FILES = /^(?:kernel\/dma\/|arch\/|include\/linux\/(?:dma|swiotlb)|lib\/genalloc)/
// What the macros of warnings ask themselves.
const MACROS_OWN = /^(?:un)?likely\((?:tbit_c|__ret_warn\w*)\)$/
const MOST_TOLD = 60

/** A loop's turns once, with their number; a long way's beginning and end. */
function collapsed(lines: readonly string[]): string[] {
  const out: Array<{ line: string; n: number }> = []
  for (const line of lines) {
    const known = out.slice(-6).find((o) => o.line === line)
    if (known === undefined) out.push({ line, n: 1 })
    else known.n++
  }
  const all = out.map((o) => (o.n === 1 ? o.line : `${o.line} (${o.n} times)`))
  return all.length <= MOST_TOLD
    ? all
    : [...all.slice(0, MOST_TOLD / 2), `... ${all.length - MOST_TOLD} more ...`, ...all.slice(-MOST_TOLD / 2)]
}

/** What the call has met when its request is answered. */
function answered(m: Met, r: Request, answer: number): Met {
  switch (r.kind) {
    case 'alloc_pages':
      return answer < 0
        ? { ...m, asked: true, noPages: true }
        : { ...m, asked: true, noPages: false, taken: [...m.taken, [answer / PAGE_SIZE, r.order]] }
    case 'free_pages':
      return { ...m, asked: true, taken: m.taken.filter(([p]) => p !== r.phys / PAGE_SIZE) }
    case 'set_memory':
      return answer === 0
        ? { ...m, asked: true, kept: m.kept.filter(([p]) => p !== r.phys) }
        : { ...m, asked: true, conversionFailed: true, kept: [...m.kept, [r.phys, r.numpages]] }
    case 'fill':
      return { ...m, asked: true }
    default:
      return m
  }
}

/** What a call that had stopped goes on with. */
function requestText({ request: r, where }: Frozen): string {
  switch (r.kind) {
    case 'point':
      return `${where}() ${r.writes ? 'writes' : 'reads'} a word at 0x${r.at.toString(16)} that others use`
    case 'lock':
      return `${where}() takes ${r.name}`
    default:
      return `goes on in ${where}()`
  }
}

const siteOf = (e: KernelFault): string => e.site.replace(/:\d+$/, '')
const WAY = ['ok', 'fails at once', 'fails at its hypercall'] as const
const wayText = (o: number): string => `${WAY[o % 3]}${o >= 3 ? `, then ${wayText(Math.floor(o / 3))}` : ''}`

/** Whose pages a call takes: a mapping takes them for a transient pool. */
const tagFor = (site: string): number => (/^dma_(?:alloc|free)/.test(site) ? TAG.dma : TAG.pool)

/** The model's accepted flag, outside of any step. */
function believed(k: Kernel, st: Store, dev: number): boolean {
  return k.config.flag_storage === 'shared_byte'
    ? (k.f.bits.get(st, dev) & DEV_BITS.tdi_enabled) !== 0
    : (k.f.flag.get(st, dev) & 1) !== 0
}
