// Calls of the C that stop in their middle. An image built for it (kernel-build/asyncify.ts) tells each access to
// memory that is not the stack's, each lock, and each request to what lies outside the instance; there the stack can be
// unwound into a buffer (binaryen's asyncify), kept, and wound again later. What is kept of a thread is small: its live
// stack, the buffer, the words that belong to whoever runs.
import { type Blob, Blobs } from './blobs.ts'
import type { WasmGlobal, WasmMemory } from '../base/wasm.ts'

/**
 * What a call that has stopped waits for: its turn at an access or a lock, or an answer from outside. Addresses of the
 * instance, or physical ones.
 */
export type Request =
  | { readonly kind: 'point'; readonly at: number; readonly writes: boolean }
  | { readonly kind: 'lock'; readonly lock: number; readonly name: string }
  | { readonly kind: 'alloc_pages'; readonly order: number; readonly zone: number }
  | { readonly kind: 'free_pages'; readonly phys: number; readonly order: number }
  | { readonly kind: 'set_memory'; readonly decrypted: boolean; readonly phys: number; readonly numpages: number }
  | { readonly kind: 'copy'; readonly dst: number; readonly src: number; readonly len: number }
  | {
      readonly kind: 'iommu_map'
      readonly dev: number
      readonly iova: number
      readonly phys: number
      readonly size: number
    }
  | { readonly kind: 'iommu_unmap'; readonly dev: number; readonly iova: number; readonly size: number }
  | { readonly kind: 'fill'; readonly dst: number; readonly len: number; readonly alias: 'private' | 'shared' | null }

/**
 * The imports at which a call can be left, which the image has to be built for: a place in the code, a lock, and
 * whatever touches what lies outside the instance. Each kind of request is one.
 */
export const STOPS: Readonly<Record<Request['kind'], true>> = {
  point: true,
  lock: true,
  alloc_pages: true,
  free_pages: true,
  set_memory: true,
  copy: true,
  fill: true,
  iommu_map: true,
  iommu_unmap: true
}

/** How an access is told at a point (kernel-build/weave.ts): its bytes, and what it does to them. */
export const POINT = { bytes: 15, writes: 16, reads: 32 } as const

/** A call that has stopped. */
export interface Frozen {
  readonly request: Request
  /**
   * The C function that it stopped in; empty until it has gone on once. A stack costs more to take than a step of the
   * C, and it is the same stack there.
   */
  where: string
  readonly sp: bigint
  /** From `sp` to the stack's end. */
  readonly stack: Blob
  /** Its results so far, and what it has while it runs. */
  readonly context: Blob
  readonly buffer: Blob
}

/** Thrown out of a call that has stopped; not an error. */
export const STOPPED: { readonly stopped: true } = { stopped: true }

/** What asyncify adds to an image. */
export interface AsyncifyExports {
  asyncify_get_state(): number
  asyncify_start_unwind(at: number): void
  asyncify_stop_unwind(): void
  asyncify_start_rewind(at: number): void
  asyncify_stop_rewind(): void
}

const NORMAL = 0
const REWINDING = 2

// All below the stack, which grows down to it: what belongs to the call (overlay/tbit.h), and the buffer of the unwound
// frames behind its two words of header.

/** struct tbit_scratch in the shim: 16 doubles of results at this address. */
export const SCRATCH = 2048
const RESULTS = 16 * 8
/** What a thread has while it runs: preempt count, interrupt flag, held locks. */
export const CONTEXT = { from: 2304, to: 2688, held: 2424 } as const
const BUFFER = { head: 4096, from: 4104, to: 20480 } as const

export class Stepping {
  private request: Request | null = null
  private resumed: Frozen | null = null
  /** The call that goes on from where it had stopped. */
  private going: Frozen | null = null
  private answer = 0
  private readonly blobs = new Blobs()
  private readonly top: bigint

  constructor(
    private readonly x: AsyncifyExports,
    private readonly memory: WasmMemory,
    private readonly stack: WasmGlobal,
    /** The C function that an import is called from, now. */
    private readonly here: () => string
  ) {
    this.top = stack.value as bigint
  }

  /** The next call goes on from here, with this answer to what it asked. */
  resume(frozen: Frozen, answer: number): void {
    this.resumed = frozen
    this.answer = answer
  }

  /** A call begins or goes on. */
  enter(): void {
    const bytes = new Uint8Array(this.memory.buffer)
    const f = this.resumed
    this.going = f
    this.resumed = null
    this.request = null
    const head = new Int32Array(this.memory.buffer, BUFFER.head, 2)
    head[0] = BUFFER.from + (f?.buffer.bytes.length ?? 0)
    head[1] = BUFFER.to
    if (f === null) {
      // Results of the call before: what is kept of a stopped thread depends on nothing but the state and its call.
      bytes.fill(0, SCRATCH, SCRATCH + RESULTS)
      return
    }
    this.stack.value = f.sp
    bytes.set(f.stack.bytes, Number(f.sp))
    bytes.set(f.context.bytes, SCRATCH)
    bytes.set(f.buffer.bytes, BUFFER.from)
    this.x.asyncify_start_rewind(BUFFER.head)
  }

  /** Whether the call is on its way back to where it stopped; it has arrived then, and goes on. */
  arrived(): boolean {
    if (this.x.asyncify_get_state() !== REWINDING) return false
    this.x.asyncify_stop_rewind()
    if (this.going?.where === '') this.going.where = this.here()
    return true
  }

  /** Asks the embedder: the first time the call is left, the second time it gets the answer. */
  ask(request: Request): number {
    if (this.arrived()) return this.answer
    this.request = request
    this.x.asyncify_start_unwind(BUFFER.head)
    return 0
  }

  /** What has become of a call that came back: null when it has ended. */
  left(): Frozen | null {
    if (this.x.asyncify_get_state() === NORMAL) return null
    this.x.asyncify_stop_unwind()
    const words = new Int32Array(this.memory.buffer)
    const sp = this.stack.value as bigint
    const end = words[BUFFER.head >> 2] as number
    const frozen: Frozen = {
      request: this.request as Request,
      where: '',
      sp,
      stack: this.blobs.take(words, Number(sp), Number(this.top)),
      context: this.blobs.take(words, SCRATCH, CONTEXT.to),
      buffer: this.blobs.take(words, BUFFER.from, end)
    }
    this.forget()
    return frozen
  }

  /** Nobody runs any more: the words of whoever ran are nobody's. */
  private forget(): void {
    this.stack.value = this.top
    this.request = null
    this.resumed = null
    new Uint8Array(this.memory.buffer).fill(0, CONTEXT.from, CONTEXT.to)
  }
}

// Another image than that of whole calls: what it adds is there or not.
export const asyncifyOf = (exports: Readonly<Record<string, unknown>>): AsyncifyExports | null =>
  typeof exports['asyncify_start_unwind'] === 'function' ? (exports as unknown as AsyncifyExports) : null
