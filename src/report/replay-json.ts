// A replay as json. The fields that design.md fixes come first; more may be added, none of these changes meaning within
// format 1.
import type { Diagnostic } from '../base/index.ts'
import type { NeededPool, ReplayResult } from '../replay/index.ts'
import { replayVerdict } from './replay-verdict.ts'

const finite = (v: number): number | null => (Number.isFinite(v) ? v : null)
const SKETCH = 256

// At most so many values, the highest of each stretch.
function thin(values: Int32Array): number[] {
  const step = Math.max(1, Math.ceil(values.length / SKETCH))
  const out: number[] = []
  for (let i = 0; i < values.length; i += step) {
    let m = 0
    for (let k = i; k < Math.min(values.length, i + step); k++) m = Math.max(m, values[k] as number)
    out.push(m)
  }
  return out
}

const needed = (n: NeededPool): object => ({
  slots: n.slots,
  basis: n.basis,
  at_least: n.atLeast,
  recommended: n.recommended,
  peak: n.peak
})

/** The json value of a replay. Times are nanoseconds of the trace's clock. Long: one object, a field a line. */
function replayValue(r: ReplayResult): object {
  const total = r.timeline.tracks[0]
  const verdict = replayVerdict(r)
  return {
    format: 1,
    lines: r.lines,
    events: r.events,
    lost: r.losses.total,
    pool: {
      nslabs: r.pool?.nslabs ?? null,
      areas: r.pool?.nareas ?? null,
      start: r.pool?.start ?? null,
      from: r.pool?.from ?? 'none'
    },
    grown:
      r.grown === null
        ? null
        : {
            pools: r.grown.pools,
            nslabs: r.grown.nslabs,
            transients: r.grown.transients,
            transients_predicted: r.grown.transientsAgreed,
            sizes: r.grown.sizes
          },
    predicted: {
      hiwater: r.predicted.hiwater,
      failed_maps: r.predicted.failedMaps,
      exact: { compared: r.predicted.compared, equal: r.predicted.equal },
      failed_sg: r.predicted.failedSg,
      hiwater_with_prior: r.predicted.hiwaterWithPrior
    },
    measured: {
      hiwater: r.measured.hiwater,
      failed_maps: r.measured.failedMaps,
      failed_sg: r.measured.failedSg,
      hiwater_counted: r.measured.counted,
      max_used: r.measured.maxUsed,
      full_messages: r.measured.fullMessages
    },
    devices: r.devices.map((d) => ({
      name: d.name,
      maps: d.maps,
      segments: d.segments,
      bytes: d.bytes,
      bounced_segments: d.bouncedSegments,
      bounced_bytes: d.bouncedBytes,
      peak_slots: d.peakSlots,
      driver: d.driver,
      copied_in: d.copiedIn,
      copied_out: d.copiedOut,
      crossings: d.crossings,
      failed_maps: d.failedMaps,
      failed_sg: d.failedSg,
      causes: d.causes,
      forced: d.forced,
      swiotlb_bounced: d.bounces,
      dma_mask: d.dmaMask === 0 ? null : d.dmaMask >= 2 ** 63 ? 'ffffffffffffffff' : d.dmaMask.toString(16),
      min_align_mask: d.minAlignMask,
      min_align_mask_from: d.minAlignMaskFrom,
      largest: d.largest,
      hidden_segments: d.hiddenSegments,
      unmaps_without_map: d.unmapsWithoutMap
    })),
    source: {
      files: r.source.files,
      format: r.source.format,
      bytes: r.source.bytes,
      kernel: r.source.kernel,
      interrupted: r.source.interrupted,
      notes: r.source.notes
    },
    losses: {
      reported: r.losses.reported,
      places: r.losses.places,
      places_without_count: r.losses.placesWithoutCount,
      overwritten: r.losses.overwritten,
      by_cpu: r.losses.byCpu
    },
    lossy: r.lossy,
    bounces_only: r.bouncesOnly,
    no_unmaps: r.noUnmaps,
    probe_events: r.probes,
    missed_unmaps: r.missedUnmaps,
    skipped: r.skipped.map((s) => ({ reason: s.reason, count: s.count, first: s.first, sample: s.sample })),
    other_events: r.otherEvents,
    clock: {
      first: finite(r.clock.first),
      last: finite(r.clock.last),
      backwards: r.clock.backwards,
      backwards_most: r.clock.backwardsMost,
      backwards_line: r.clock.backwardsLine
    },
    failures: {
      total: r.failures.total,
      agreed: r.failures.agreed,
      first: finite(r.failures.firstTime),
      causes: r.failures.causes,
      unbounced: r.failures.unbounced
    },
    misses: { total: r.misses.total, reasons: r.misses.reasons, first: r.misses.first },
    oddities: {
      unmaps_without_map: r.oddities.unmapsWithoutMap,
      maps_over_live: r.oddities.mapsOverLive,
      maps_without_bounce: r.oddities.mapsWithoutBounce,
      bounces_without_outcome: r.oddities.bouncesWithoutOutcome,
      truncated_sg: r.oddities.truncatedSg,
      hidden_segments: r.oddities.hiddenSegments,
      outside_pool: r.oddities.outsidePool,
      live_at_end: r.oddities.liveAtEnd,
      forgotten: r.oddities.forgotten,
      prior_slots: r.oddities.priorSlots,
      coherent_from_pool: r.oddities.poolAllocs,
      presumed_gone: r.oddities.presumedGone
    },
    used_at_end: r.usedAtEnd,
    verdict: { kind: verdict.kind, sentences: verdict.sentences, line: verdict.line },
    needed: r.needed === null ? null : needed(r.needed),
    live: r.live.map((d) => ({
      name: d.device,
      mappings: d.mappings,
      slots: d.slots,
      oldest_ns: d.oldest,
      youngest_ns: d.youngest,
      stale_slots: d.staleSlots,
      slots_per_second: d.slope,
      device_gone: d.gone,
      leaks: d.leaks
    })),
    assumed_ends: r.assumed.map((a) => ({
      name: a.device,
      assumed: a.assumed,
      exact: a.exact,
      early: a.early,
      life_ns: [a.low, a.high]
    })),
    cost:
      r.terms === null
        ? null
        : { toll_ns: r.terms.toll, bytes_per_second: r.terms.rate, copiers: r.terms.copiers, from: r.terms.from },
    occupancy: total
      ? {
          start: finite(r.timeline.start),
          width: r.timeline.width * Math.max(1, Math.ceil(total.max.length / SKETCH)),
          max: thin(total.max)
        }
      : null,
    what_if: r.whatIf.map((w) => ({
      text: w.text,
      pool: { nslabs: w.pool.nslabs, areas: w.pool.nareas },
      kernel: w.kernel === '' ? null : w.kernel,
      acceptance_helps: w.acceptanceHelps,
      accepted: w.spec.accepted,
      bounced_segments: w.bouncedSegments,
      bounced_bytes: w.bouncedBytes,
      copied_bytes: w.copiedBytes,
      crossings: w.crossings,
      copied_less: w.copiedLess,
      hiwater: w.hiwater,
      hiwater_range: w.hiwaterRange,
      failed_maps: w.failedMaps,
      causes: w.causes,
      first_failure: finite(w.firstFailure),
      basis: w.basis,
      copied_at_least: w.copiedAtLeast,
      needed_slots: w.needed.slots,
      needed: needed(w.needed),
      grown: w.grown,
      assumed_ends: w.assumedEnds,
      exact_ends: w.exactEnds,
      seconds: w.seconds,
      devices: w.devices.map((d) => ({
        name: d.name,
        accepted: d.accepted,
        bounced_segments: d.bouncedSegments,
        bounced_bytes: d.bouncedBytes,
        direct_bytes: d.directBytes,
        copied_bytes: d.copiedBytes,
        crossings: d.crossings,
        peak_slots: d.peakSlots,
        failed_maps: d.failedMaps
      }))
    }))
  }
}

/** With what was wrong about the input. */
export const replayJson = (r: ReplayResult, errors: readonly Diagnostic[] = []): string =>
  `${JSON.stringify({ ...replayValue(r), errors }, null, 2)}\n`
