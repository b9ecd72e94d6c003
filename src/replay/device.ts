// What a trace says about one device: counts, and the DMA parameters that its addresses betray.

import { CAUSE_NAMES } from './pool-sim.ts'

/** Where a device's min_align_mask comes from. */
export type MaskSource = 'observed' | 'driver' | 'assumed'

/**
 * Drivers that call dma_set_min_align_mask(), with what they set (kernel sources 6.12: nvme pci.c NVME_CTRL_PAGE_SIZE -
 * 1, storvsc_drv.c HV_HYP_PAGE_SIZE - 1, hns3/mana none).
 */
export const DRIVER_MIN_ALIGN_MASK: Readonly<Record<string, number>> = { nvme: 4095, storvsc: 4095, hv_storvsc: 4095 }

const BITS = 16
/** The kernel failed where the model found slots; index into `causes`, beside those of Cause. */
export const UNPREDICTED = 5
const CAUSES = 6
const PATIENCE = 1e10
/** Memory of failed calls that is remembered, to see whether they are made again. */
const MOST_FAILED = 4096

// The low bits in which the original's address and the bounce's differ.
const differing = (phys: number, dma: number): number => ((phys | 0) ^ (dma | 0)) & 0xffff

export class DeviceState {
  maps = 0
  segments = 0
  bytes = 0
  bouncedSegments = 0
  bouncedBytes = 0
  /** Bytes copied into the pool (at map and sync for device) and out of it (at unmap and sync for cpu). */
  copiedIn = 0
  copiedOut = 0
  /** Copies made: one per segment and direction. */
  crossings = 0
  failedMaps = 0
  failedSg = 0
  /** Segments of truncated scatter-gather events whose addresses and sizes the trace does not show. */
  hiddenSegments = 0
  unmapsWithoutMap = 0
  /** Coherent allocations, and those that answered NULL. */
  allocs = 0
  allocBytes = 0
  failedAllocs = 0
  /** Coherent memory that was freed. */
  frees = 0
  /** swiotlb_bounced events, and those that said FORCE. */
  bounces = 0
  forced = 0
  /** Bytes of the bounces that said FORCE, failed ones included. */
  forcedBytes = 0
  /** Calls that failed and were made again, with the same memory. */
  triedAgain = 0
  /** dma_mask of its swiotlb_bounced events; 0 when it had none. */
  dmaMask = 0
  largest = 0
  /** Failures by cause. */
  readonly causes = new Float64Array(CAUSES)
  /** Lifetimes of its mappings: how many lasted at least 2^k microseconds but less than 2^(k+1). */
  private readonly lives = new Float64Array(48)
  private livesTotal = 0
  private conflict = 0
  private readonly ones = new Int32Array(BITS)
  private given = -1
  private inferred = 0
  private source_: MaskSource = 'assumed'
  private observed = 0

  constructor(
    readonly id: number,
    readonly name: string
  ) {}

  /** One more failure for this reason (Cause, or UNPREDICTED). */
  cause(cause: number): void {
    this.causes[cause] = (this.causes[cause] as number) + 1
  }

  /** So many bytes were copied into the pool, or out of it. */
  copyIn(bytes: number, crossings = 1): void {
    this.copiedIn += bytes
    this.crossings += crossings
  }

  copyOut(bytes: number, crossings = 1): void {
    this.copiedOut += bytes
    this.crossings += crossings
  }

  /** A mapping that was seen to begin and to end lasted so many nanoseconds. */
  lived(ns: number): void {
    const us = ns / 1000
    const k = us < 1 ? 0 : us < 2 ** 31 ? 31 - Math.clz32(us) : 31
    this.lives[k] = (this.lives[k] as number) + 1
    this.livesTotal++
  }

  /** A call for this memory failed, or a mapping of it succeeded after one that had failed. */
  failedFor(phys: number): void {
    if (this.failedOnce.has(phys)) this.triedAgain++
    else if (this.failedOnce.size < MOST_FAILED) this.failedOnce.add(phys)
  }

  succeededFor(phys: number): void {
    if (this.failedOnce.delete(phys)) this.triedAgain++
  }

  /** There is memory of a call that failed: succeededFor() may have something to count. */
  get failing(): boolean {
    return this.failedOnce.size > 0
  }
  private readonly failedOnce = new Set<number>()

  /**
   * The driver makes a call that failed again (storage does, a network driver drops the packet); assumed until failures
   * tell.
   */
  get triesAgain(): boolean {
    const failed = this.failedMaps + this.failedSg
    return failed < 32 || this.triedAgain * 2 > failed
  }

  /**
   * Nanoseconds that a call which failed waits for room, at most: long where it is made again, else as long as the
   * device's mappings last.
   */
  get patience(): number {
    return this.triesAgain ? PATIENCE : this.outlived
  }

  /**
   * A mapping that lasts longer than this, in nanoseconds, has very likely ended: 4 times what 99.9 % stay below.
   * Infinite as long as too few are known.
   */
  get outlived(): number {
    if (this.livesTotal < 200) return Number.POSITIVE_INFINITY
    let above = 0
    for (let k = this.lives.length - 1; k > 0; k--) {
      above += this.lives[k] as number
      if (above > this.livesTotal / 1000) return 4 * 2 ** (k + 1) * 1000
    }
    return 8000
  }

  /** Whether observe() would learn something from a bounce. */
  learnsFrom(phys: number, dma: number): boolean {
    const x = differing(phys, dma)
    return (x & ~this.conflict) !== 0 || (this.observed <= 64 && (phys & ~x & 0xffff) !== 0)
  }

  /** Learns from a bounce: original and bounce address share the low bits that min_align_mask names. */
  observe(phys: number, dma: number): void {
    if (!this.learnsFrom(phys, dma)) return
    const x = differing(phys, dma)
    const ones = phys & ~x & 0xffff
    this.conflict |= x
    if (ones !== 0) {
      this.observed++
      for (let b = 0; b < BITS; b++)
        if (ones & (1 << b)) (this.ones[b] as number) < 1000 && (this.ones[b] = (this.ones[b] as number) + 1)
    }
    this.infer()
  }

  // The mask is 2^m - 1. Below the slot one shared bit decides (without a mask a bounce starts at a slot); above it
  // chance agrees half the time, so eight agreements and no disagreement are asked for, but a page is assumed once
  // there is any mask: no driver asks for less.
  private infer(): void {
    const usable = this.conflict === 0 ? BITS : 31 - Math.clz32(this.conflict & -this.conflict)
    let top = 0
    for (let b = 0; b < Math.min(usable, 11); b++) if ((this.ones[b] as number) > 0) top = b + 1
    if (top === 0) {
      this.inferred = 0
      const seen = this.conflict & 0x7ff
      this.source_ = seen !== 0 ? 'observed' : 'assumed'
      return
    }
    this.source_ = 'observed'
    if (usable < 11) {
      this.inferred = 2 ** usable - 1
      return
    }
    let m = Math.min(usable, 12)
    while (m < usable && m < BITS && (this.ones[m] as number) >= 8) m++
    this.inferred = 2 ** m - 1
  }

  /** A slot was passed over that only this mask explains. Taken for true until an address contradicts it. */
  suppose(mask: number): void {
    if (this.source_ === 'assumed' && this.given < 0) {
      this.inferred = mask
      this.source_ = 'observed'
    }
  }

  /** The driver is known to set this mask. */
  driverMask(mask: number): void {
    this.given = mask
  }

  /** min_align_mask as far as known. */
  get minAlignMask(): number {
    return this.source_ === 'observed' ? this.inferred : Math.max(this.given, 0)
  }

  get maskSource(): MaskSource {
    return this.source_ === 'observed' ? 'observed' : this.given >= 0 ? 'driver' : 'assumed'
  }
}

/**
 * Largest mapping that dma_max_mapping_size() allows a device that bounces: 256 KiB less the room its alignment may
 * cost (swiotlb_max_mapping_size).
 */
export function maxMappingSize(minAlignMask: number): number {
  return 256 * 1024 - (minAlignMask === 0 ? 0 : Math.ceil(minAlignMask / 2048) * 2048)
}

/** The name of a cause (Cause, or UNPREDICTED). */
export const causeName = (cause: number): string =>
  cause === UNPREDICTED ? 'unpredicted' : (CAUSE_NAMES[cause] as string)

/** Failures by the name of their cause, added up; `unpredicted`: the kernel failed where the model had room. */
export function causesOf(lists: readonly Float64Array[]): Readonly<Record<string, number>> {
  const out: Record<string, number> = {}
  for (let i = 1; i < CAUSES; i++) {
    const n = lists.reduce((sum, c) => sum + (c[i] as number), 0)
    if (n > 0) out[causeName(i)] = n
  }
  return out
}
