// What is counted over the whole trace; one plain record, so that what a figure means stands in one place.

export class Counts {
  /** Events of the classes dma and swiotlb. */
  dmaEvents = 0
  /** Kprobes on swiotlb that were used, as there is no class dma. */
  probeEvents = 0
  /** Map and unmap events: without any, a trace says little. */
  mapEvents = 0
  unmapEvents = 0

  unmapsWithoutMap = 0
  /** Bounced maps at the address of a live mapping. */
  mapsOverLive = 0
  /** Scatter-gather events of more than 128 entries, and the entries that they do not show. */
  truncated = 0
  hiddenSegments = 0
  /** Bounced segments without a swiotlb_bounced event. */
  mapsWithoutBounce = 0
  /** Bounces whose address lies in no known pool. */
  outsidePool = 0
  /** Address of the first of them; NaN when there is none. */
  firstOutside = Number.NaN
  /** Pools that the kernel added at run time; the first bounce in each shows where it is and is not compared. */
  grown = 0
  /** Bounces in transient pools, and those of them at which the model, too, had room nowhere else. */
  transients = 0
  transientsAgreed = 0
  /** Bounces of which no event tells the outcome. */
  unknownOutcome = 0
  /** Coherent allocations that lie in the pool. */
  poolAllocs = 0
  mapSgErrs = 0

  /** Bounces whose address the model predicted and the trace shows, and those that agree. */
  compared = 0
  equal = 0
  predictedFailedMaps = 0
  predictedFailedSg = 0
  actualFailedMaps = 0
  actualFailedSg = 0
  /** Failures that the model predicted at the same bounce. */
  failuresAgreed = 0
  /** Failed mappings that no bounce came before: no pool, or no address in reach. */
  failedUnbounced = 0
  /** Nanoseconds of the first failure; NaN when nothing failed. */
  firstFailure = Number.NaN

  /** Slots of mappings that were live before the trace began (unmapped without a map). */
  priorSlots = 0
  /** Mappings whose unmap is taken for lost. */
  presumedGone = 0

  fail(time: number): void {
    if (Number.isNaN(this.firstFailure)) this.firstFailure = time
  }
}
