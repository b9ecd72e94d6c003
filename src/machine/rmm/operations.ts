// Stateful RMI operations (RMI 2.0): a command that needs memory from the host, gives memory back, or yields to an
// interrupt answers INCOMPLETE with a handle; the host then calls OP_MEM_DONATE, OP_MEM_RECLAIM or OP_CONTINUE until
// the command is done. Source: TF-RMM main (July 2026) runtime/rmi/sro.c, lib/sro_context and rec.c, read; INCOMPLETE
// answers occur in no recording (certainty: read, not recorded).
import { Granule, RealmState, Rmi } from './codes.ts'
import { PAGE } from './common.ts'
import { levelSize } from './geometry.ts'
import { type RecCreateParams, RmmRecs } from './rec.ts'
import type { Table } from './entry.ts'

/**
 * An address range descriptor: `count` blocks of one level from `pa` upwards; the host says whether it has delegated
 * them.
 */
export interface AddrDesc {
  readonly pa: number
  readonly level: number
  readonly count: number
  /** Absent means what the command expects: the recordings leave it out where it is right. */
  readonly state?: 'delegated' | 'undelegated'
}

/**
 * What an INCOMPLETE answer asks of the host (bits 9:8 of the word; bit 10, may be cancelled, is never set by this
 * firmware).
 */
export const MemRequest = { NONE: 0, DONATE: 1, RECLAIM: 2 } as const
export const memRequestNames = ['NONE', 'DONATE', 'RECLAIM'] as const
export const incomplete = (request: number): number => Rmi.INCOMPLETE | (request << 8)
/** The memory request of an INCOMPLETE word. */
export const memRequestOf = (word: number): number => (word >> 8) & 3

/** Granules every REC is given in auxiliary memory, and the most descriptors one list page holds. */
const REC_AUX = 16
export const LIST_MOST = 512

interface OperationBase {
  readonly handle: number
  expects: 'donate' | 'reclaim' | 'continue'
}

/** Creation or destruction of an object with auxiliary granules. */
export interface ObjectOperation extends OperationBase {
  readonly kind: 'object'
  readonly command: 'REC_CREATE' | 'REC_DESTROY' | 'PDEV_CREATE' | 'PDEV_DESTROY'
  readonly object: number
  readonly auxState: number
  /** Granules to donate; when reclaiming, `taken` is what remains to be given back. */
  readonly wanted: number
  taken: number[]
  /** Where OP_CONTINUE goes on: building the object, or ending the operation with `status`. */
  stage: 'create' | 'finish'
  status: number
  /** What the first call was given. */
  readonly args: unknown
}

/** A mapping that yielded inside a block: granules below `done` have changed state, or are being put back. */
export interface MapOperation extends OperationBase {
  readonly kind: 'map'
  readonly command: 'RTT_DATA_MAP' | 'RTT_DEV_MAP'
  readonly table: Table
  readonly index: number
  readonly pa: number
  readonly ipa: number
  readonly base: number
  done: number
  rollback: boolean
}

/** An unmapping that yielded: entries are unassigned and marked, granules from `done` on still have to change state. */
export interface UnmapOperation extends OperationBase {
  readonly kind: 'unmap'
  readonly command: 'RTT_DATA_UNMAP' | 'RTT_UNPROT_UNMAP' | 'RTT_DEV_UNMAP'
  readonly table: Table
  readonly entries: readonly number[]
  readonly freed: readonly AddrDesc[]
  readonly tlbi: number
  done: number
  readonly top: number
  readonly output: OutputKind
}

/** How an unmapping tells the host which addresses it freed. */
export type OutputKind = { readonly type: 'none' | 'single' } | { readonly type: 'list'; readonly count: number }

export type Operation = ObjectOperation | MapOperation | UnmapOperation

/** Adds a block to a list of descriptors, as part of the last one when it continues it; false when the list is full. */
export function addBlock(list: AddrDesc[], pa: number, level: number, most: number): boolean {
  const last = list[list.length - 1]
  if (
    last !== undefined &&
    last.level === level &&
    last.pa + last.count * levelSize(level) === pa &&
    last.count < 1023
  ) {
    list[list.length - 1] = { ...last, count: last.count + 1 }
    return true
  }
  if (list.length >= most) return false
  list.push({ pa, level, count: 1 })
  return true
}

export class RmmOperations extends RmmRecs {
  /** Operations under way, by handle. */
  readonly operations = new Map<number, Operation>()
  protected lastHandle = 0
  /** Descriptors that the last command wrote to the host's list. */
  list: readonly AddrDesc[] = []
  /** Points until the RMM next finds an interrupt pending; each yieldable step is one. Infinity: none. */
  interruptIn = Number.POSITIVE_INFINITY

  /** The RMM looks for a pending interrupt: true once, when the one that was announced is due. */
  protected interrupted(): boolean {
    if (this.interruptIn === Number.POSITIVE_INFINITY || this.interruptIn-- > 0) return false
    this.interruptIn = Number.POSITIVE_INFINITY
    return true
  }

  protected override noOutputs(): void {
    super.noOutputs()
    if (this.list.length > 0) this.list = []
  }

  protected newHandle(): number {
    return ++this.lastHandle
  }

  // ---- objects with auxiliary memory

  /** Starts a creation: the object's granule is PARTIAL until it is done; x1 = handle, x2 = the donation wanted. */
  protected beginCreate(
    command: 'REC_CREATE' | 'PDEV_CREATE',
    object: number,
    auxState: number,
    wanted: number,
    args: unknown
  ): number {
    const handle = this.newHandle()
    this.setGranule(object, Granule.PARTIAL)
    this.operations.set(handle, {
      kind: 'object',
      command,
      handle,
      object,
      auxState,
      wanted,
      taken: [],
      stage: 'create',
      status: Rmi.SUCCESS,
      args,
      expects: 'donate'
    })
    this.x1 = handle
    this.x2 = wanted * 4 // RmiOpMemDonateReq: count in bits 15:2, pages of 4 KiB, not contiguous, delegated
    return incomplete(MemRequest.DONATE)
  }

  /** Starts a destruction: the auxiliary granules go back to the host first, then the object; x1 = handle. */
  protected beginDestroy(
    command: 'REC_DESTROY' | 'PDEV_DESTROY',
    object: number,
    auxState: number,
    taken: readonly number[]
  ): number {
    const handle = this.newHandle()
    this.setGranule(object, Granule.PARTIAL)
    this.operations.set(handle, {
      kind: 'object',
      command,
      handle,
      object,
      auxState,
      wanted: taken.length,
      taken: [...taken],
      stage: 'finish',
      status: Rmi.SUCCESS,
      args: null,
      expects: 'reclaim'
    })
    this.x1 = handle
    return incomplete(MemRequest.RECLAIM)
  }

  private startReclaim(op: ObjectOperation, status: number): number {
    op.stage = 'finish'
    op.status = status
    op.expects = 'reclaim'
    this.x1 = 0
    this.x2 = 0
    return incomplete(MemRequest.RECLAIM)
  }

  /**
   * OP_MEM_DONATE(handle, list): x1 = granules taken. A granule that is not DELEGATED ends the list; the first one ends
   * the operation.
   */
  opMemDonate(handle: number, list: readonly AddrDesc[]): number {
    this.noOutputs()
    const op = this.operations.get(handle)
    if (op === undefined || op.kind !== 'object' || op.expects !== 'donate') return Rmi.ERROR_INPUT
    const granules: number[] = []
    for (const d of list) {
      const size = levelSize(d.level)
      if (d.state === 'undelegated' || size === 0 || d.pa % size !== 0 || d.count === 0) return Rmi.ERROR_INPUT
      if (granules.length * PAGE + d.count * size > (op.wanted - op.taken.length) * PAGE) return Rmi.ERROR_INPUT
      for (let i = 0; i < (d.count * size) / PAGE; i++) granules.push(d.pa + i * PAGE)
    }
    let taken = 0
    for (const g of granules) {
      if (this.granule(g) !== Granule.DELEGATED) {
        if (taken === 0) return this.startReclaim(op, Rmi.ERROR_INPUT)
        break
      }
      this.setGranule(g, op.auxState)
      op.taken.push(g)
      taken++
    }
    this.x1 = taken
    if (op.taken.length < op.wanted) {
      this.x2 = (op.wanted - op.taken.length) * 4
      return incomplete(MemRequest.DONATE)
    }
    op.expects = 'continue'
    return incomplete(MemRequest.NONE)
  }

  /**
   * OP_MEM_RECLAIM(handle, list, capacity): up to `capacity` granules become DELEGATED; x1 = descriptors written to
   * `list`.
   */
  opMemReclaim(handle: number, capacity: number): number {
    this.noOutputs()
    const op = this.operations.get(handle)
    if (op === undefined || op.kind !== 'object' || op.expects !== 'reclaim') return Rmi.ERROR_INPUT
    const n = Math.min(capacity, LIST_MOST, op.taken.length)
    const out: AddrDesc[] = []
    for (const g of op.taken.splice(0, n)) {
      this.setGranule(g, Granule.DELEGATED)
      addBlock(out, g, 3, LIST_MOST)
    }
    this.list = out
    this.x1 = out.length
    // An empty list page changes nothing, also when there is nothing left to give back.
    if (op.taken.length > 0 || capacity === 0) return incomplete(MemRequest.RECLAIM)
    op.expects = 'continue'
    return incomplete(MemRequest.NONE)
  }

  /** OP_CONTINUE(handle): goes on with an operation that has its memory, has given it back, or has yielded. */
  opContinue(handle: number): number {
    this.noOutputs()
    const op = this.operations.get(handle)
    if (op === undefined || op.expects !== 'continue') return Rmi.ERROR_INPUT
    const word = op.kind === 'object' ? this.continueObject(op) : this.resume(op)
    if ((word & 0xff) !== Rmi.INCOMPLETE && (word & 0xff) !== Rmi.BUSY) this.operations.delete(handle)
    return word
  }

  /** OP_CANCEL(handle): no operation of this firmware allows it. */
  opCancel(_handle: number): number {
    this.noOutputs()
    return Rmi.ERROR_INPUT
  }

  private continueObject(op: ObjectOperation): number {
    if (op.stage === 'finish') {
      this.setGranule(op.object, Granule.DELEGATED)
      return op.status
    }
    const status = this.create(op)
    return status === Rmi.SUCCESS ? status : this.startReclaim(op, status)
  }

  /** Builds the object of a creation whose memory is there. PDEVs are added by a layer above. */
  protected create(op: ObjectOperation): number {
    return this.createRec(op)
  }

  /** Goes on with a mapping or unmapping. Added by the layer that has them. */
  protected resume(_op: MapOperation | UnmapOperation): number {
    return Rmi.ERROR_INPUT
  }

  /**
   * Carries an operation to its end in the host's place: donates `aux`, takes back what is given. The word is that of
   * the whole command.
   */
  protected drive(word: number, aux: readonly number[]): number {
    const handle = this.x1
    let w = word
    let given = 0
    while ((w & 0xff) === Rmi.INCOMPLETE) {
      const request = memRequestOf(w)
      if (request === MemRequest.DONATE) {
        const part = aux.slice(given, given + REC_AUX)
        w = this.opMemDonate(
          handle,
          part.map((pa) => ({ pa, level: 3, count: 1 }))
        )
        given += this.x1
        // A host that has no more to give has forgotten the operation: the object stays PARTIAL.
        if (part.length === 0) return Rmi.ERROR_INPUT
      } else if (request === MemRequest.RECLAIM) w = this.opMemReclaim(handle, LIST_MOST)
      else w = this.opContinue(handle)
    }
    return w
  }

  // ---- RECs of 2.0

  /**
   * REC_CREATE(rd, rec, params) of 2.0: only the REC's granule is looked at before the memory is there. With `aux` the
   * whole operation.
   */
  protected recCreate2(rd: number, rec: number, p: RecCreateParams): number {
    this.noOutputs()
    if (this.granule(rec) !== Granule.DELEGATED) return Rmi.ERROR_INPUT
    const word = this.beginCreate('REC_CREATE', rec, Granule.REC_AUX, REC_AUX, { rd, p })
    return p.aux === undefined ? word : this.drive(word, p.aux)
  }

  private createRec(op: ObjectOperation): number {
    const { rd, p } = op.args as { readonly rd: number; readonly p: RecCreateParams }
    if (!this.nsReadable(p.params)) return Rmi.ERROR_INPUT
    const r = this.realm(rd)
    if (r === undefined) return Rmi.ERROR_INPUT
    if (this.recsFull(r)) return Rmi.ERROR_REALM
    if (r.state !== RealmState.NEW) return Rmi.ERROR_REALM
    const mpidr = p.mpidr ?? r.recIndex
    if (r.mpidrs.has(mpidr)) return Rmi.ERROR_INPUT
    this.addRec(r, op.object, op.taken, mpidr, p)
    return Rmi.SUCCESS
  }

  /** REC_DESTROY(rec) of 2.0; `whole` carries the reclaim out as well. */
  protected recDestroy2(recPa: number, whole: boolean): number {
    this.noOutputs()
    const rec = this.rec(recPa)
    if (rec === undefined) return Rmi.ERROR_INPUT
    if (rec.running) return Rmi.ERROR_REC
    this.recs.delete(recPa)
    rec.realm.refcount--
    rec.realm.mpidrs.delete(rec.mpidr)
    const word = this.beginDestroy('REC_DESTROY', recPa, Granule.REC_AUX, rec.aux)
    return whole ? this.drive(word, []) : word
  }

  // ---- copies

  protected copyOperations(o: RmmOperations, tableOf: (t: Table) => Table): void {
    this.operations.clear()
    for (const [h, op] of o.operations)
      this.operations.set(
        h,
        op.kind === 'object' ? { ...op, taken: [...op.taken] } : { ...op, table: tableOf(op.table) }
      )
    this.lastHandle = o.lastHandle
    this.list = o.list
    this.interruptIn = o.interruptIn
  }

  override describe(): string {
    const lines = [super.describe()]
    for (const op of this.operations.values()) {
      lines.push(
        op.kind === 'object'
          ? `operation ${op.handle} ${op.command} ${op.object.toString(16)} ${op.expects} ${op.stage} ${op.status} ` +
              `${op.taken.map((g) => g.toString(16)).join(',')}`
          : `operation ${op.handle} ${op.command} ${op.table.granule.toString(16)} ${op.done} ` +
              `${op.kind === 'map' ? `${op.index} ${op.rollback}` : op.entries.join(',')}`
      )
    }
    return lines.join('\n')
  }
}
