// What a replay found, as one plain value: what every rendering is made from.
import type { CostTerms } from './cost.ts'
import { kernelAtLeast } from '../kernel/trace-events.ts'
import { type LiveOfDevice, liveAtEnd } from './leaks.ts'
import type { AssumedLives } from './lifetimes.ts'
import type { PoolPlace } from './pool-sim.ts'
import type { Miss, MissReason } from './misses.ts'
import { causesOf } from './device.ts'
import type { Replay } from './replay.ts'
import type { Skip, Skips } from './skips.ts'
import type { Track } from './timeline.ts'
import type { NeededPool } from './sizing.ts'
import type { WhatIfResult } from './what-if.ts'

export interface DeviceResult {
  readonly name: string
  readonly driver: string | null
  /** Successful mapping calls, their segments and bytes. */
  readonly maps: number
  readonly segments: number
  readonly bytes: number
  readonly bouncedSegments: number
  readonly bouncedBytes: number
  readonly peakSlots: number
  readonly copiedIn: number
  readonly copiedOut: number
  readonly crossings: number
  readonly failedMaps: number
  readonly failedSg: number
  /** Coherent allocations that answered NULL. */
  readonly failedAllocs: number
  readonly forced: number
  /** Bytes of the bounces that were forced (FORCE): what acceptance ends. */
  readonly forcedBytes: number
  readonly bounces: number
  readonly dmaMask: number
  readonly minAlignMask: number
  readonly minAlignMaskFrom: string
  readonly largest: number
  readonly hiddenSegments: number
  readonly unmapsWithoutMap: number
  /** Failures by cause; `unpredicted`: the kernel failed where the model had room. */
  readonly causes: Readonly<Record<string, number>>
}

/** What SWIOTLB_DYNAMIC added to the pool that boot made. */
export interface GrownResult {
  readonly pools: number
  /** Slots of all pools at the end (io_tlb_nslabs). */
  readonly nslabs: number
  readonly sizes: readonly { readonly time: number; readonly nslabs: number }[]
  /**
   * Mappings in transient pools, and those of them at which the model, too, had room nowhere else. Their places are not
   * predicted.
   */
  readonly transients: number
  readonly transientsAgreed: number
}

export interface ReplayResult {
  readonly source: {
    readonly files: readonly string[]
    readonly format: string
    readonly bytes: number
    readonly kernel: string | null
    readonly interrupted: boolean
    readonly notes: readonly string[]
  }
  readonly lines: number
  /** Events of the classes dma and swiotlb. */
  readonly events: number
  /**
   * swiotlb_bounced alone (a kernel before 6.12, or the class dma not enabled): nothing is known of addresses and
   * releases.
   */
  readonly bouncesOnly: boolean
  /** Events of kprobes: only what bounces is in such a trace. */
  readonly probes: number
  /** Unmaps that the probes missed, as the kernel counted them; null: not counted, or there are no probes. */
  readonly missedUnmaps: number | null
  /** Maps, but not one unmap event: it was not enabled. */
  readonly noUnmaps: boolean
  readonly otherEvents: readonly { readonly name: string; readonly count: number }[]
  readonly losses: {
    /** All that is known to be missing: reported as lost while reading, and overwritten in the ring buffer. */
    readonly total: number
    readonly reported: number
    readonly places: number
    readonly placesWithoutCount: number
    readonly overwritten: number
    readonly byCpu: readonly { readonly cpu: number; readonly lost: number }[]
  }
  /** Events are missing, counted or not: counts are too low, occupancy is an estimate. */
  readonly lossy: boolean
  readonly skipped: readonly Skip[]
  readonly clock: {
    readonly first: number
    readonly last: number
    readonly backwards: number
    readonly backwardsMost: number
    readonly backwardsLine: number
  }
  readonly pool: (PoolPlace & { readonly from: string }) | null
  /** The memory grew at run time (SWIOTLB_DYNAMIC); null when it did not. */
  readonly grown: GrownResult | null
  readonly predicted: {
    readonly hiwater: number | null
    readonly hiwaterWithPrior: number | null
    readonly failedMaps: number
    readonly failedSg: number
    readonly compared: number
    readonly equal: number
  }
  /** `counted` false: the kernel did not keep a high-water mark. */
  readonly measured: {
    /** The first io_tlb_nslabs that was seen. */ readonly nslabs: number | null
    readonly hiwater: number | null
    readonly counted: boolean
    readonly maxUsed: number | null
    readonly failedMaps: number
    readonly failedSg: number
    readonly fullMessages: number | null
  }
  readonly misses: {
    readonly total: number
    readonly reasons: readonly { readonly reason: MissReason; readonly count: number }[]
    readonly first: readonly Miss[]
  }
  readonly failures: {
    readonly total: number
    readonly agreed: number
    readonly firstTime: number
    readonly causes: Readonly<Record<string, number>>
    readonly unbounced: number
  }
  readonly oddities: {
    readonly unmapsWithoutMap: number
    readonly mapsOverLive: number
    readonly mapsWithoutBounce: number
    readonly bouncesWithoutOutcome: number
    readonly truncatedSg: number
    readonly hiddenSegments: number
    readonly outsidePool: number
    readonly liveAtEnd: number
    readonly forgotten: number
    readonly priorSlots: number
    readonly poolAllocs: number
    /** Mappings whose unmap is taken for lost, as they outlived what their device's mappings last. */
    readonly presumedGone: number
  }
  readonly devices: readonly DeviceResult[]
  readonly timeline: { readonly start: number; readonly width: number; readonly tracks: readonly Track[] }
  readonly marks: readonly { readonly time: number; readonly text: string }[]
  readonly whatIf: readonly WhatIfResult[]
  /** Price of copying: the user's, or fitted to the recording; null when none was asked for. */
  readonly terms: CostTerms | null
  readonly usedAtEnd: number | null
  /** The smallest pool that carries the recorded load; null when nothing bounced, or it was not asked. */
  readonly needed: NeededPool | null
  /** Bounced mappings that are live at the end, by device. */
  readonly live: readonly LiveOfDevice[]
  /** Devices whose driver leaves out unmaps, and what is assumed of them. */
  readonly assumed: readonly (AssumedLives & { readonly device: string })[]
  readonly boot: { readonly swiotlb: string | null }
}

/**
 * A probe misses what comes while another's handler runs on its CPU, as an unmap in an interrupt does: up to 20 of 100
 * in guests of 6.1. Where the kernel's count of them was not recorded, one unmap in so many may be missing.
 */
export const UNCOUNTED_ONE_IN = 4
// A mapping leaves three events: bounced, mapped and unmapped.
const EVENTS_A_MAPPING = 3

function unmapsMissedAtMost(probeEvents: number, counted: number | null): number {
  if (probeEvents === 0) return 0
  return counted ?? Math.ceil(probeEvents / EVENTS_A_MAPPING / UNCOUNTED_ONE_IN)
}

export interface ResultInput {
  readonly files: readonly string[]
  readonly format: string
  readonly bytes: number
  readonly lines: number
  readonly kernel: string | null
  readonly interrupted: boolean
  readonly overwritten: number
  /** As ReplayResult's. */
  readonly missedUnmaps: number | null
  readonly otherEvents: ReadonlyMap<string, number>
  readonly drivers: ReadonlyMap<string, string>
  readonly fullMessages: number | null
  readonly whatIf: readonly WhatIfResult[]
  readonly terms: CostTerms | null
  readonly notes: readonly string[]
  readonly needed: NeededPool | null
  /** Words of swiotlb= on the kernel's command line; null when there is none, or no log. */
  readonly swiotlb: string | null
}

// io_tlb_used_hiwater is 0 from 7.3 on unless the command line has swiotlb=...,track_hiwater: then it was not counted.
// A mark below a sample of io_tlb_used was not, either.
function measuredHiwater(r: Replay, input: ResultInput): number | null {
  const { hiwater, maxUsed } = r.measured
  if (hiwater === null || (hiwater === 0 && (maxUsed ?? 0) > 0)) return null
  const counts =
    input.kernel === null ||
    !kernelAtLeast(input.kernel, '7.3') ||
    (input.swiotlb ?? '').split(',').includes('track_hiwater')
  return hiwater > 0 || counts ? hiwater : null
}

/** Collects what a finished replay knows. Long: one object, a field a line. */
export function replayResult(r: Replay, skips: Skips, input: ResultInput): ReplayResult {
  const c = r.counts
  const hiwater = measuredHiwater(r, input)
  const devices: DeviceResult[] = []
  for (const d of r.devices) {
    if (d.maps + d.bounces + d.allocs + d.unmapsWithoutMap + d.failedMaps === 0) continue
    devices.push({
      name: d.name,
      driver: input.drivers.get(d.name) ?? null,
      maps: d.maps,
      segments: d.segments,
      bytes: d.bytes,
      bouncedSegments: d.bouncedSegments,
      bouncedBytes: d.bouncedBytes,
      peakSlots: r.sim?.devPeak[d.id] ?? 0,
      copiedIn: d.copiedIn,
      copiedOut: d.copiedOut,
      crossings: d.crossings,
      failedMaps: d.failedMaps,
      failedSg: d.failedSg,
      failedAllocs: d.failedAllocs,
      forced: d.forced,
      forcedBytes: d.forcedBytes,
      bounces: d.bounces,
      dmaMask: d.dmaMask,
      minAlignMask: d.minAlignMask,
      minAlignMaskFrom: d.maskSource,
      largest: d.largest,
      hiddenSegments: d.hiddenSegments,
      unmapsWithoutMap: d.unmapsWithoutMap,
      causes: causesOf([d.causes])
    })
  }
  devices.sort((a, b) => b.bouncedBytes - a.bouncedBytes || b.bytes - a.bytes || (a.name < b.name ? -1 : 1))
  const usage = r.sim?.usage ?? null
  return {
    source: {
      files: input.files,
      format: input.format,
      bytes: input.bytes,
      kernel: input.kernel,
      interrupted: input.interrupted,
      notes: input.notes
    },
    lines: input.lines,
    events: c.dmaEvents,
    bouncesOnly: c.mapEvents === 0 && r.devices.some((d) => d.bounces > 0),
    probes: c.probeEvents,
    missedUnmaps: c.probeEvents > 0 ? input.missedUnmaps : null,
    noUnmaps: c.mapEvents > 100 && c.unmapEvents === 0,
    otherEvents: [...input.otherEvents].map(([name, count]) => ({ name, count })).sort((a, b) => b.count - a.count),
    losses: {
      total: r.losses.events + input.overwritten,
      reported: r.losses.events,
      places: r.losses.places,
      placesWithoutCount: r.losses.unknown,
      overwritten: input.overwritten,
      byCpu: [...r.losses.byCpu].map(([cpu, lost]) => ({ cpu, lost })).sort((a, b) => a.cpu - b.cpu)
    },
    lossy: r.losses.lossy || input.overwritten > 0 || (c.probeEvents > 0 && (input.missedUnmaps ?? 0) > 0),
    skipped: skips.list(),
    clock: {
      first: r.clock.first,
      last: r.clock.last,
      backwards: r.clock.backwards,
      backwardsMost: r.clock.backwardsMost,
      backwardsLine: r.clock.backwardsLine
    },
    pool: r.sim ? { ...r.sim.place, from: r.poolSource } : null,
    grown: r.sim?.canGrow
      ? {
          pools: c.grown,
          nslabs: r.sim.nslabs,
          sizes: r.occupancy.sizes,
          transients: c.transients,
          transientsAgreed: c.transientsAgreed
        }
      : null,
    predicted: {
      hiwater: usage?.used_hiwater ?? null,
      hiwaterWithPrior:
        usage && c.priorSlots > 0 && r.losses.places === 0 && !skips.list().some((x) => x.reason === 'cutRecord')
          ? r.simulation.hiwaterWithPrior + c.priorSlots
          : null,
      failedMaps: c.predictedFailedMaps,
      failedSg: c.predictedFailedSg,
      compared: c.compared,
      equal: c.equal
    },
    measured: {
      nslabs: r.measured.firstNslabs,
      hiwater,
      counted: r.measured.hiwater === null || hiwater !== null,
      maxUsed: r.measured.maxUsed,
      failedMaps: c.actualFailedMaps,
      failedSg: c.actualFailedSg,
      fullMessages: input.fullMessages
    },
    misses: { total: r.misses.total, reasons: r.misses.reasons(), first: r.misses.list },
    failures: {
      total: c.actualFailedMaps + c.actualFailedSg,
      agreed: c.failuresAgreed,
      firstTime: c.firstFailure,
      causes: causesOf(r.devices.map((d) => d.causes)),
      unbounced: c.failedUnbounced
    },
    oddities: {
      unmapsWithoutMap: c.unmapsWithoutMap,
      mapsOverLive: c.mapsOverLive,
      mapsWithoutBounce: c.mapsWithoutBounce,
      bouncesWithoutOutcome: c.unknownOutcome,
      truncatedSg: c.truncated,
      hiddenSegments: c.hiddenSegments,
      outsidePool: c.outsidePool,
      liveAtEnd: r.live.size - r.simulation.lifetimes.overAndLive,
      forgotten: r.live.forgotten,
      priorSlots: c.priorSlots,
      poolAllocs: c.poolAllocs,
      presumedGone: c.presumedGone
    },
    devices,
    timeline: { start: r.timeline.start, width: r.timeline.width, tracks: r.timeline.tracks() },
    marks: r.measured.marks,
    whatIf: input.whatIf,
    terms: input.terms,
    usedAtEnd: usage?.total_used ?? null,
    needed: input.needed,
    live: liveAtEnd(
      r.live,
      r.sim,
      r.devices,
      r.clock.first,
      r.clock.last,
      unmapsMissedAtMost(c.probeEvents, input.missedUnmaps)
    ),
    assumed: r.devices.flatMap((d) => {
      const told = r.simulation.lifetimes.told(d.id)
      return told === null ? [] : [{ device: d.name, ...told }]
    }),
    boot: { swiotlb: input.swiotlb }
  }
}
