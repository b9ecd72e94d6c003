// A replay as text for a terminal: what happened, what it cost, where the prediction and the recording differ, and what the recording lacks.
import { Bytes, columns, plural } from '../base/index.ts'
import { copyCost, MISS_REASONS, type ReplayResult, SKIP_REASONS, sparkline, type WhatIfResult } from '../replay/index.ts'

const num = (n: number): string => n.toLocaleString('en-US').replace(/,/g, ' ')
// Never rounds a part up to the whole.
const pct = (part: number, whole: number): string => {
  if (whole === 0) return '-'
  const p = (100 * part) / whole
  return part === whole || part === 0 ? `${p} %` : p > 99.99 && p < 100 ? `${(Math.floor(p * 1e4) / 1e4).toFixed(4)} %` : `${p.toFixed(2)} %`
}
const secs = (ns: number): string => `${(ns / 1e9).toFixed(6)} s`

// Right-aligned numbers in all columns but the first.
function table(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const width = head.map((h, i) => Math.max(h.length, ...rows.map((r) => (r[i] ?? '').length)))
  const line = (r: readonly string[]): string => r.map((c, i) => (i === 0 ? c.padEnd(width[i] as number) : c.padStart(width[i] as number))).join('  ').trimEnd()
  return [head, ...rows].map(line).join('\n')
}

function causes(c: Readonly<Record<string, number>>): string {
  return Object.entries(c).map(([k, n]) => `${k === 'unpredicted' ? 'not predicted' : k} ${num(n)}`).join(', ')
}

function whatIf(w: WhatIfResult, r: ReplayResult): string {
  const out = [`what if: ${w.text}`]
  const rows: string[][] = [
    ['pool', `${num(w.pool.nslabs)} slots (${Bytes.human(w.pool.nslabs * 2048)}), ${plural(w.pool.nareas, 'area')}`],
    ['bounced', `${num(w.bouncedSegments)} segments, ${Bytes.human(w.bouncedBytes)}`],
    ['copied', `${Bytes.human(w.copiedBytes)} in ${num(w.crossings)} crossings; ${w.copiedLess === 0 ? 'as recorded' : w.copiedLess > 0 ? `${Bytes.human(w.copiedLess)} less than recorded` : `${Bytes.human(-w.copiedLess)} more than recorded`}`],
    ['high-water', `${num(w.hiwater)} slots (${pct(w.hiwater, w.pool.nslabs)} of the pool)${w.hiwaterRange ? `; a boot that really bounces: ${num(w.hiwaterRange[0])} to ${num(w.hiwaterRange[1])}` : ''}`],
    ['no room', w.failedMaps === 0 ? 'never' : `for ${num(w.failedMaps)} mappings at their first try (${causes(w.causes)})${Number.isFinite(w.firstFailure) ? `, the first at ${secs(w.firstFailure)}` : ''}`],
    ['pool needed', w.needed.slots === null ? 'more than 524 288 slots (1 GiB)' : w.needed.slots === 0 ? 'none: nothing bounces' : `${num(w.needed.slots)} slots (${Bytes.human(w.needed.slots * 2048)}): the smallest power of two in which nothing failed; write swiotlb=${w.needed.slots}`]
  ]
  if (w.seconds !== null) rows.push(['copying takes', `${w.seconds.toPrecision(3)} s of one copier, ${pct(w.seconds * 1e9, r.clock.last - r.clock.first)} of the recording`])
  out.push(columns(rows.map((x) => ['  ', ...x])))
  const still = w.devices.filter((d) => d.bouncedSegments + d.failedMaps > 0)
  if (still.length > 0) {
    out.push('  still bounce:')
    out.push(table(['    device', 'segments', 'bytes', 'peak slots', 'failed'], still.map((d) => [`    ${d.name}`, num(d.bouncedSegments), Bytes.human(d.bouncedBytes), num(d.peakSlots), num(d.failedMaps)])))
  }
  if (w.spec.accepted.length > 0) out.push(`  ${tdisp(w, r)}`)
  for (const u of w.unknownDevices) out.push(`  TB-367: accepted=${u.name}: the trace has no such device${u.nearest.length > 0 ? `; did you mean ${u.nearest.join(' or ')}?` : ''}`)
  return out.join('\n')
}

// Does TDISP help here at all? By the copies that acceptance removes: those of the accepted devices.
function tdisp(w: WhatIfResult, r: ReplayResult): string {
  if (!w.acceptanceHelps) return `accepting devices changes nothing: ${w.kernel} does not know accepted devices`
  const accepted = w.devices.filter((d) => d.accepted)
  if (accepted.length === 0) return 'TDISP: none of the accepted devices is in the trace'
  const saved = accepted.reduce((n, d) => n + d.directBytes, 0)
  const stuck = accepted.reduce((n, d) => n + d.bouncedBytes, 0)
  const all = w.bouncedBytes + saved
  if (saved === 0) return `TDISP does not help here: nothing of ${accepted.map((d) => d.name).join(', ')} would go direct${stuck > 0 ? ' (it bounces for its address mask, not for its state)' : ''}`
  const recordedFailures = r.measured.failedMaps + r.measured.failedSg
  return `TDISP: ${pct(saved, all)} of the bounced bytes go direct (${Bytes.human(saved)} of ${accepted.map((d) => d.name).join(', ')})${recordedFailures > 0 && w.failedMaps === 0 ? '; no mapping fails any more' : ''}`
}

/** The text report. `width` is the room for the sparkline. */
export function replayText(r: ReplayResult, width = 72): string {
  const out: string[] = []
  const say = (t: string): void => { out.push(t) }
  const seconds = Number.isNaN(r.clock.first) ? 0 : (r.clock.last - r.clock.first) / 1e9
  say(`${r.source.files.join(' ')}: ${r.source.format || 'nothing readable'}, ${num(r.lines)} ${r.source.format.startsWith('trace.dat') ? 'records' : 'lines'}, ${num(r.events)} DMA events, ${seconds.toFixed(3)} s${r.source.kernel ? `, ${r.source.kernel}` : ''}`)
  for (const n of r.source.notes) say(n)
  if (r.source.interrupted) say('interrupted: this is what was read until then')
  if (r.events === 0) {
    say('no event of the classes dma and swiotlb: there is nothing to replay')
    if (r.otherEvents.length > 0) say(`events of other classes: ${r.otherEvents.slice(0, 8).map((o) => `${o.name} ${num(o.count)}`).join(', ')}`)
  }
  if (r.pool) {
    const from = { log: 'from the kernel log', option: 'as given', trace: 'found from the addresses in the trace', none: '' }[r.pool.from] ?? r.pool.from
    say(`pool: ${num(r.pool.nslabs)} slots (${Bytes.human(r.pool.nslabs * 2048)}) at 0x${r.pool.start.toString(16)}, ${plural(r.pool.nareas, 'area')}, ${from}`)
    if (r.grown) say(`  it grew (SWIOTLB_DYNAMIC): ${plural(r.grown.pools, 'pool')} added, ${num(r.grown.nslabs)} slots at the end; ${num(r.grown.transients)} mappings in transient pools, ${num(r.grown.transientsAgreed)} of them predicted`)
  } else if (r.events > 0) say('pool: not known (give the kernel log with --dmesg, or --pool); nothing in the trace bounced')
  const { compared, equal } = r.predicted
  if (compared > 0 || r.failures.total > 0) {
    say('')
    say('prediction against recording')
    const rows: string[][] = [['  bounce addresses', `${num(equal)} of ${num(compared)} exact`, pct(equal, compared)]]
    if (r.predicted.hiwater !== null) rows.push(['  high-water mark', `${num(r.predicted.hiwater)} slots`, r.measured.hiwater !== null ? `measured ${num(r.measured.hiwater)}` : 'not measured (--debugfs)'])
    if (r.predicted.hiwaterWithPrior !== null) rows.push(['  with what was live before', `${num(r.predicted.hiwaterWithPrior)} slots`, ''])
    rows.push(['  failed mappings', `${num(r.predicted.failedMaps)} single, ${num(r.predicted.failedSg)} scatter-gather`, `recorded ${num(r.measured.failedMaps)} and ${num(r.measured.failedSg)}`])
    say(columns(rows))
    for (const m of r.misses.reasons) say(`    ${num(m.count)} missed: ${MISS_REASONS[m.reason]}`)
    if (r.failures.total > 0) {
      say(`  causes of failure: ${causes(r.failures.causes)}; ${Number.isFinite(r.failures.firstTime) ? `the first at ${secs(r.failures.firstTime)}` : 'none of them in time order'}`)
      if (r.failures.unbounced > 0) say(`  ${num(r.failures.unbounced)} mappings failed without trying the pool: no pool, or the address is beyond the device's mask`)
      if (r.measured.fullMessages !== null) say(`  the log has ${plural(r.measured.fullMessages, '"buffer is full" message')}: it is rate-limited and silent for NO_WARN; count failures from the trace`)
    }
  }
  const total = r.timeline.tracks[0]
  if (r.pool && total && total.max.length > 0 && (r.predicted.hiwater ?? 0) > 0) {
    say('')
    say(`pool occupancy, ${seconds.toFixed(1)} s, full height = ${num(r.predicted.hiwater ?? 0)} slots (${pct(r.predicted.hiwater ?? 0, r.pool.nslabs)} of the pool)`)
    say(`  |${sparkline(total.max, width, r.predicted.hiwater ?? 1)}|`)
  }
  if (r.devices.length > 0) {
    say('')
    say(table(
      ['device', 'maps', 'segments', 'bytes', 'bounced', 'bounced bytes', 'copied', 'peak slots', 'failed', 'align mask'],
      r.devices.map((d) => [
        d.driver ? `${d.name} ${d.driver}` : d.name, num(d.maps), num(d.segments), Bytes.human(d.bytes), num(d.bouncedSegments), Bytes.human(d.bouncedBytes), Bytes.human(d.copiedIn + d.copiedOut), num(d.peakSlots),
        num(d.failedMaps + d.failedSg), `${d.minAlignMask} ${d.minAlignMaskFrom}`
      ])
    ))
    const mask = r.devices.filter((d) => d.bounces > d.forced && d.bounces > 0)
    for (const d of mask) say(`  ${d.name} bounces ${num(d.bounces - d.forced)} times for its own reach (dma_mask ${d.dmaMask >= 2 ** 63 ? 'all ones' : `0x${d.dmaMask.toString(16)}`}), not because bouncing is forced`)
  }
  if (r.terms) {
    const crossings = r.devices.reduce((n, d) => n + d.crossings, 0)
    const bytes = r.devices.reduce((n, d) => n + d.copiedIn + d.copiedOut, 0)
    const t = r.terms
    say('')
    say(`copying costs ${t.toll.toPrecision(4)} ns a crossing and runs at ${Bytes.human(Math.round(t.rate))}/s${t.copiers > 1 ? ` by ${t.copiers} copiers` : ''} (${t.from === 'given' ? 'as given' : 'fitted to this recording, tracing included'}): ${copyCost(crossings, bytes, t).toPrecision(3)} s in the recording`)
  }
  const lacks: string[] = []
  const o = r.oddities
  if (r.lossy) {
    if (r.losses.total > 0 || r.losses.placesWithoutCount > 0) lacks.push(`${num(r.losses.total)} events are missing (${num(r.losses.reported)} reported lost in ${plural(r.losses.places, 'place')}${r.losses.placesWithoutCount > 0 ? `, ${num(r.losses.placesWithoutCount)} of them without a count` : ''}, ${num(r.losses.overwritten)} overwritten in the ring buffer)`)
    lacks.push('  maps, bytes and bounces above are those that were recorded: the real ones are higher. Slots whose unmap is missing stay taken here until another')
    lacks.push('  mapping shows that they were free, or the mapping has outlived all others of its device: occupancy, peaks and the high-water mark are')
    lacks.push('  estimates, and misses are gaps in the recording, not errors of the kernel')
    if (o.presumedGone > 0) lacks.push(`${num(o.presumedGone)} mappings outlived all others of their device: their unmaps are taken for lost`)
  }
  if (r.bouncesOnly) lacks.push('only swiotlb_bounced events: a kernel before 6.12 has no events of the class dma, or they were not enabled. Bounces and their bytes are counted; addresses, releases and with them the occupancy are not in the trace')
  if (r.noUnmaps) lacks.push('not one unmap event: enable dma_unmap_* as well. Nothing is ever released here, so occupancy and the high-water mark mean nothing')
  if (o.unmapsWithoutMap > 0) lacks.push(`${num(o.unmapsWithoutMap)} unmaps without a map (${r.lossy ? 'their maps are missing, or were made before' : 'made before'} the recording began)${o.priorSlots > 0 ? `: at least ${num(o.priorSlots)} slots were taken before` : ''}`)
  if (o.liveAtEnd > 0) lacks.push(`${num(o.liveAtEnd)} mappings are live at the end`)
  if (o.forgotten > 0) lacks.push(`${num(o.forgotten)} old mappings were forgotten to bound memory`)
  if (o.truncatedSg > 0) lacks.push(`${num(o.truncatedSg)} scatter-gather events are truncated to 128 entries: ${num(o.hiddenSegments)} segments are counted, but their bytes and addresses are not in the trace`)
  if (o.mapsWithoutBounce > 0) lacks.push(`${num(o.mapsWithoutBounce)} bounced segments without a swiotlb_bounced event: taken at their map event, not compared`)
  if (o.bouncesWithoutOutcome > 0 && !r.bouncesOnly) lacks.push(`${num(o.bouncesWithoutOutcome)} bounces without outcome: ${r.lossy ? 'their map events are missing' : 'failed scatter-gather calls that were not repeated, or calls that were under way at the end'}`)
  if (o.outsidePool > 0) lacks.push(`${num(o.outsidePool)} bounces outside this pool: another pool (restricted, dynamic), or the place of the pool is wrong`)
  if (o.mapsOverLive > 0) lacks.push(`${num(o.mapsOverLive)} maps at the address of a live mapping: legal, the unmap of the first is logged late by another CPU`)
  if (o.poolAllocs > 0) lacks.push(`${num(o.poolAllocs)} coherent allocations lie in the pool: a restricted pool, whose allocations are not simulated`)
  if (r.clock.backwards > 0) lacks.push(`the clock goes backwards ${plural(r.clock.backwards, 'time')}, by up to ${secs(r.clock.backwardsMost)}, first at line ${r.clock.backwardsLine}: events are taken in the order of the file`)
  const unknown = r.otherEvents.filter((e) => /^(dma_|swiotlb_|iommu_dma)/.test(e.name))
  for (const e of unknown) lacks.push(`TB-360: ${num(e.count)} events '${e.name}' are not known: this kernel is newer (or other) than those the tool was made for; they are not in any figure`)
  for (const s of r.skipped) {
    const reason = SKIP_REASONS[s.reason]
    lacks.push(`${reason.code}: skipped ${num(s.count)}: ${reason.text}${s.first > 0 ? `, first at ${r.source.format.startsWith('trace.dat') ? 'record' : 'line'} ${num(s.first)}` : ''}${s.sample ? `: ${s.sample.length > 100 ? `${s.sample.slice(0, 100)}...` : s.sample}` : ''}`)
  }
  if (lacks.length > 0) {
    say('')
    say('what the recording lacks, and oddities')
    for (const l of lacks) say(`  ${l}`)
  }
  for (const w of r.whatIf) {
    say('')
    say(whatIf(w, r))
  }
  return `${out.join('\n')}\n`
}
