// A replay as text for a terminal: what happened, what it cost, where the prediction and the recording differ, and what
// the recording lacks.
import { Bytes, columns, plural } from '../base/index.ts'
import {
  copyCost,
  MISS_REASONS,
  type NeededPool,
  type ReplayResult,
  SKIP_REASONS,
  sparkline,
  UNCOUNTED_ONE_IN,
  type WhatIfResult
} from '../replay/index.ts'
import { num, poolText, replayVerdict, swiotlbLine } from './replay-verdict.ts'

// Never rounds a part up to the whole.
const pct = (part: number, whole: number): string => {
  if (whole === 0) return '-'
  const p = (100 * part) / whole
  return part === whole || part === 0
    ? `${p} %`
    : p > 99.99 && p < 100
      ? `${(Math.floor(p * 1e4) / 1e4).toFixed(4)} %`
      : `${p.toFixed(2)} %`
}
const COLUMNS = 80
const secs = (ns: number): string => `${(ns / 1e9).toFixed(6)} s`

// Right-aligned numbers in all columns but the first. A name that leaves no room for its numbers stands on a line of
// its own above them.
function table(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const width = head.map((h, i) => Math.max(h.length, ...rows.map((r) => (r[i] ?? '').length)))
  const room = COLUMNS - width.slice(1).reduce((n, w) => n + 2 + w, 0)
  const named = rows.filter((r) => (r[0] as string).length <= room).map((r) => (r[0] as string).length)
  width[0] = Math.min(width[0] as number, Math.max((head[0] as string).length, ...named))
  const numbers = (r: readonly string[]): string =>
    r
      .slice(1)
      .map((c, i) => `  ${c.padStart(width[i + 1] as number)}`)
      .join('')
  const line = (r: readonly string[]): string => {
    const name = r[0] as string
    const lead =
      name.length <= (width[0] as number)
        ? name.padEnd(width[0] as number)
        : `${name}\n${' '.repeat(width[0] as number)}`
    return `${lead}${numbers(r)}`.trimEnd()
  }
  return [head, ...rows].map(line).join('\n')
}

function causes(c: Readonly<Record<string, number>>): string {
  return Object.entries(c)
    .map(([k, n]) => `${k === 'unpredicted' ? 'not predicted' : k} ${num(n)}`)
    .join(', ')
}

/** The pool that is tried: its size, and what it grows to. */
const poolTried = (w: WhatIfResult): string =>
  `${poolText(w.pool.nslabs)}, ${plural(w.pool.nareas, 'area')}` +
  `${w.grown ? `; grows to ${num(w.grown.nslabs)}, ${num(w.grown.transients)} mappings in transient pools` : ''}`

function copied(w: WhatIfResult): string {
  const beside =
    w.copiedLess === 0
      ? 'as recorded'
      : w.copiedLess > 0
        ? `${Bytes.human(w.copiedLess)} less than recorded`
        : `${Bytes.human(-w.copiedLess)} more than recorded`
  return (
    `${w.copiedAtLeast ? 'at least ' : ''}${Bytes.human(w.copiedBytes)} in ${num(w.crossings)} crossings; ${beside}` +
    `${w.copiedAtLeast ? ' (syncs of mappings that do not bounce are not in the trace)' : ''}`
  )
}

function highWater(w: WhatIfResult): string {
  const range = w.hiwaterRange
    ? `; a boot that really bounces: ${num(w.hiwaterRange[0])} to ${num(w.hiwaterRange[1])}`
    : w.basis === 'recorded'
      ? ', as recorded'
      : ''
  return `${num(w.hiwater)} slots (${pct(w.hiwater, w.grown?.nslabs ?? w.pool.nslabs)} of the pool)${range}`
}

function noRoom(w: WhatIfResult): string {
  if (w.failedMaps === 0)
    return w.basis === 'bound' && w.needed.basis === 'bound' && w.hiwaterRange === null
      ? 'never, as far as the recording shows'
      : 'never'
  const first = Number.isFinite(w.firstFailure) ? `, the first at ${secs(w.firstFailure)}` : ''
  return `${failedTimes(w)} (${causes(w.causes)})${first}`
}

const assumedEnds = (w: WhatIfResult): string =>
  `${num(w.assumedEnds)} mappings have no unmap; ` +
  `${w.exactEnds > 0 ? `${num(w.exactEnds)} end with their request, ` : ''}` +
  `${num(w.assumedEnds - w.exactEnds)} ends are assumed`

function copyingTakes(seconds: number, r: ReplayResult): string {
  const share = pct(seconds * 1e9, r.clock.last - r.clock.first)
  return `${seconds.toPrecision(3)} s of one copier, ${share} of the recording`
}

/** The devices that bounce, or find no room, all the same. */
function stillBounce(w: WhatIfResult): string[] {
  const still = w.devices.filter((d) => d.bouncedSegments + d.failedMaps > 0)
  if (still.length === 0) return []
  const rows = still.map((d) => [
    `    ${d.name}`,
    num(d.bouncedSegments),
    Bytes.human(d.bouncedBytes),
    num(d.peakSlots),
    num(d.failedMaps)
  ])
  return ['  still bounce:', table(['    device', 'segments', 'bytes', 'peak slots', 'failed'], rows)]
}

function whatIf(w: WhatIfResult, r: ReplayResult): string {
  const rows: [string, string][] = [
    ['pool', poolTried(w)],
    ['bounced', `${num(w.bouncedSegments)} segments, ${Bytes.human(w.bouncedBytes)}`],
    ['copied', copied(w)],
    ['high-water', highWater(w)],
    ['no room', noRoom(w)],
    ['pool needed', needed(w.needed, w, r)]
  ]
  if (w.assumedEnds > 0) rows.push(['ends', assumedEnds(w)])
  if (w.seconds !== null) rows.push(['copying takes', copyingTakes(w.seconds, r)])
  const unknown = w.unknownDevices.map(
    (u) =>
      `  TB-367: accepted=${u.name}: the trace has no such device` +
      `${u.nearest.length > 0 ? `; did you mean ${u.nearest.join(' or ')}?` : ''}`
  )
  return [
    `what if: ${w.text}`,
    ...rows.map(([what, text]) => wrap(`  ${what.padEnd(13)}  ${text}`, COLUMNS, ' '.repeat(17))),
    ...stillBounce(w),
    ...(w.spec.accepted.length > 0 ? [wrap(`  ${tdisp(w, r)}`, COLUMNS, '    ')] : []),
    ...unknown.map((text) => wrap(text, COLUMNS, '    '))
  ].join('\n')
}

// A bound, and what the simulation had where calls that wait are held from their first try: then more is asked for at
// once.
function failedTimes(w: WhatIfResult): string {
  const simulated = w.devices.reduce((n, d) => n + d.failedMaps, 0)
  if (w.basis !== 'bound') return `${num(w.failedMaps)} times`
  return `at least ${num(w.failedMaps)} times${simulated > w.failedMaps ? `, ${num(simulated)} as simulated` : ''}`
}

function needed(n: NeededPool, w: WhatIfResult, r: ReplayResult): string {
  if (r.live.some((d) => d.leaks) && w.basis !== 'bound' && n.slots !== 0)
    return 'none is large enough for long: slots leak (see above)'
  if (n.slots === 0) return 'none: nothing bounces'
  if (n.slots === null || n.recommended === null) return 'more than 524 288 slots (1 GiB)'
  const size = `${poolText(n.slots)}`
  const line = `write ${swiotlbLine(n.recommended, r.boot.swiotlb)}`
  if (w.hiwaterRange !== null)
    return `${size} as simulated, ${num(n.atLeast)} to ${num(n.recommended)} for the range; ${line}`
  if (n.basis === 'bound')
    return (
      `more than ${num(n.atLeast / 2)}; ${size} if every call that waits is held from its first try; ${line} and ` +
      'record again'
    )
  return (
    `${size}: the smallest in which nothing failed` +
    `${n.recommended > n.slots ? `, full to ${pct(n.peak, n.slots)}` : ''}; ${line}`
  )
}

// Does TDISP help here at all? By the copies that acceptance removes: those of the accepted devices.
function tdisp(w: WhatIfResult, r: ReplayResult): string {
  if (!w.acceptanceHelps) return `accepting devices changes nothing: ${w.kernel} does not know accepted devices`
  const accepted = w.devices.filter((d) => d.accepted)
  if (accepted.length === 0) return 'TDISP: none of the accepted devices is in the trace'
  const saved = accepted.reduce((n, d) => n + d.directBytes, 0)
  const stuck = accepted.reduce((n, d) => n + d.bouncedBytes, 0)
  const all = w.bouncedBytes + saved
  if (saved === 0)
    return (
      `TDISP does not help here: nothing of ${accepted.map((d) => d.name).join(', ')} would go direct` +
      `${stuck > 0 ? ' (it bounces for its address mask, not for its state)' : ''}`
    )
  const recordedFailures = r.measured.failedMaps + r.measured.failedSg
  return (
    `TDISP: ${pct(saved, all)} of the bounced bytes go direct (${Bytes.human(saved)} of ` +
    `${accepted.map((d) => d.name).join(', ')})` +
    `${recordedFailures > 0 && w.failedMaps === 0 ? '; no mapping fails any more' : ''}`
  )
}

// Lines of at most so many columns; what follows the first is indented.
function wrap(text: string, width: number, indent = '  '): string {
  const out: string[] = []
  let line = /^ */.exec(text)?.[0] ?? ''
  for (const word of text.trimStart().split(' ')) {
    if (line.trim() !== '' && line.length + 1 + word.length > width) {
      out.push(line)
      line = indent + word
    } else line = line.trim() === '' ? line + word : `${line} ${word}`
  }
  return [...out, line].join('\n')
}

function sourceLines(r: ReplayResult, seconds: number): string[] {
  const out = [
    wrap(
      `${r.source.files.join(' ')}: ${r.source.format || 'nothing readable'}, ${num(r.lines)} ` +
        `${r.source.format.startsWith('trace.dat') ? 'records' : 'lines'}, ${num(r.events)} DMA events, ` +
        `${seconds.toFixed(3)} s${r.source.kernel ? `, ${r.source.kernel}` : ''}`,
      COLUMNS
    )
  ]
  out.push(...r.source.notes.map((n) => wrap(n, COLUMNS)))
  if (r.source.interrupted) out.push('interrupted: this is what was read until then')
  if (r.events === 0) {
    out.push('no event of the classes dma and swiotlb: there is nothing to replay')
    if (r.otherEvents.length > 0)
      out.push(
        wrap(
          `events of other classes: ${r.otherEvents
            .slice(0, 8)
            .map((o) => `${o.name} ${num(o.count)}`)
            .join(', ')}`,
          COLUMNS
        )
      )
  }
  if (r.pool) {
    const from =
      { log: 'from the kernel log', option: 'as given', trace: 'found from the addresses in the trace', none: '' }[
        r.pool.from
      ] ?? r.pool.from
    out.push(
      wrap(
        `pool: ${poolText(r.pool.nslabs)} at 0x${r.pool.start.toString(16)}, ${plural(r.pool.nareas, 'area')}, ${from}`,
        COLUMNS
      )
    )
    if (r.grown) out.push(`  it grew: ${plural(r.grown.pools, 'pool')} added, ${num(r.grown.nslabs)} slots at the end`)
  } else if (r.events > 0)
    out.push(
      wrap('pool: not known (give the kernel log with --dmesg, or --pool); nothing in the trace bounced', COLUMNS)
    )
  return out
}

function deviceLines(r: ReplayResult): string[] {
  if (r.devices.length === 0) return []
  const out = [
    table(
      ['device', 'maps', 'bytes', 'bounced', 'copied', 'peak slots', 'failed'],
      r.devices.map((d) => [
        d.driver ? `${d.name} ${d.driver}` : d.name,
        num(d.maps),
        Bytes.human(d.bytes),
        Bytes.human(d.bouncedBytes),
        Bytes.human(d.copiedIn + d.copiedOut),
        num(d.peakSlots),
        num(d.failedMaps + d.failedSg)
      ])
    )
  ]
  for (const d of r.devices.filter((x) => x.bounces > x.forced && x.bounces > 0)) {
    out.push(
      wrap(
        `  ${d.name} bounces ${num(d.bounces - d.forced)} times for its own reach (dma_mask ` +
          `${d.dmaMask >= 2 ** 63 ? 'all ones' : `0x${d.dmaMask.toString(16)}`}), not because bouncing is forced`,
        COLUMNS,
        '    '
      )
    )
  }
  return out
}

function liveLines(r: ReplayResult): string[] {
  const out: string[] = []
  const age = (ns: number): string => `${(ns / 1e9).toFixed(3)} s`
  for (const d of r.live) {
    out.push(
      wrap(
        `  ${d.device}: ${plural(d.mappings, 'mapping')}, ${num(d.slots)} slots, ${age(d.youngest)} to ` +
          `${age(d.oldest)} old` +
          `${d.staleSlots > 0 ? `; ${num(d.staleSlots)} slots have outlived nearly all others of the device` : ''}` +
          `${d.gone ? '; the driver has freed its memory' : ''}`,
        COLUMNS,
        '    '
      )
    )
  }
  return out.length > 0 ? ['live at the end', ...out] : []
}

// The model against the recording: last, as it is about the answer's worth, not the answer.
function checkLines(r: ReplayResult): string[] {
  const { compared, equal } = r.predicted
  if (compared === 0 && r.failures.total === 0) return []
  const out = ['prediction against recording']
  const rows: string[][] = [['  bounce addresses', `${num(equal)} of ${num(compared)} exact`, pct(equal, compared)]]
  if (r.predicted.hiwater !== null) {
    const measured =
      r.measured.hiwater !== null
        ? `measured ${num(r.measured.hiwater)}`
        : !r.measured.counted
          ? 'not counted'
          : 'not measured (--debugfs)'
    rows.push(['  high-water mark', `${num(r.predicted.hiwater)} slots`, measured])
  }
  if (r.predicted.hiwaterWithPrior !== null)
    rows.push(['  with what was live before', `${num(r.predicted.hiwaterWithPrior)} slots`, ''])
  rows.push(
    ['  failed single maps', num(r.predicted.failedMaps), `recorded ${num(r.measured.failedMaps)}`],
    ['  failed scatter-gather', num(r.predicted.failedSg), `recorded ${num(r.measured.failedSg)}`]
  )
  if (r.grown && r.grown.transients > 0)
    rows.push([
      '  transient pools',
      `${num(r.grown.transientsAgreed)} of ${num(r.grown.transients)} mappings`,
      'their places are not predicted'
    ])
  out.push(columns(rows))
  if (!r.measured.counted)
    out.push(
      wrap(
        '  (from 7.3 on the mark is counted with swiotlb=...,track_hiwater alone' +
          `${r.measured.maxUsed !== null ? `; samples of io_tlb_used reach ${num(r.measured.maxUsed)}` : ''})`,
        COLUMNS,
        '    '
      )
    )
  for (const m of r.misses.reasons)
    out.push(wrap(`    ${num(m.count)} missed: ${MISS_REASONS[m.reason]}`, COLUMNS, '      '))
  if (r.failures.total > 0) {
    out.push(
      wrap(
        `  causes of failure: ${causes(r.failures.causes)}; ` +
          (Number.isFinite(r.failures.firstTime)
            ? `the first at ${secs(r.failures.firstTime)}`
            : 'none of them in time order'),
        COLUMNS,
        '    '
      )
    )
    if (r.failures.unbounced > 0)
      out.push(
        wrap(
          `  ${num(r.failures.unbounced)} mappings failed without trying the pool: no pool, or the address is ` +
            `beyond the device's mask`,
          COLUMNS,
          '    '
        )
      )
    if (r.measured.fullMessages !== null)
      out.push(
        wrap(
          `  the log has ${plural(r.measured.fullMessages, '"buffer is full" message')}: it is rate-limited and ` +
            'silent for NO_WARN; count failures from the trace',
          COLUMNS,
          '    '
        )
      )
  }
  return out
}

/** The text report: the answer, the tables, and the self-check last. `width` is the room for the sparkline. */
export function replayText(r: ReplayResult, width = 72): string {
  const seconds = Number.isNaN(r.clock.first) ? 0 : (r.clock.last - r.clock.first) / 1e9
  const parts: string[][] = [sourceLines(r, seconds)]
  if (r.events > 0) parts.push(replayVerdict(r).sentences.map((t) => wrap(t, COLUMNS)))
  parts.push(deviceLines(r))
  const total = r.timeline.tracks[0]
  if (r.pool && total && total.max.length > 0 && (r.predicted.hiwater ?? 0) > 0) {
    parts.push([
      `pool occupancy, ${seconds.toFixed(1)} s, full height = ${num(r.predicted.hiwater ?? 0)} slots (` +
        `${pct(r.predicted.hiwater ?? 0, r.grown?.nslabs ?? r.pool.nslabs)} of the pool)`,
      `  |${sparkline(total.max, width, r.predicted.hiwater ?? 1)}|`
    ])
  }
  parts.push(liveLines(r))
  if (r.terms) {
    const crossings = r.devices.reduce((n, d) => n + d.crossings, 0)
    const bytes = r.devices.reduce((n, d) => n + d.copiedIn + d.copiedOut, 0)
    const t = r.terms
    parts.push([
      wrap(
        `copying costs ${t.toll.toPrecision(4)} ns a crossing and runs at ${Bytes.human(Math.round(t.rate))}/s` +
          `${t.copiers > 1 ? ` by ${t.copiers} copiers` : ''} (` +
          `${t.from === 'given' ? 'as given' : 'fitted to this recording, tracing included'}): ` +
          `${copyCost(crossings, bytes, t).toPrecision(3)} s in the recording`,
        COLUMNS
      )
    ])
  }
  for (const w of r.whatIf) parts.push([whatIf(w, r)])
  const lacks = lackLines(r)
  if (lacks.length > 0)
    parts.push(['what the recording lacks, and oddities', ...lacks.map((l) => wrap(`  ${l}`, COLUMNS, '    '))])
  parts.push(checkLines(r))
  return `${parts
    .filter((p) => p.length > 0)
    .map((p) => p.join('\n'))
    .join('\n\n')}\n`
}

/**
 * What the recording lacks, and oddities, each as a sentence.
 * Long: one sentence after the other, each with its condition.
 */
export function lackLines(r: ReplayResult): string[] {
  const lacks: string[] = []
  const o = r.oddities
  if (r.lossy) {
    if (r.losses.total > 0 || r.losses.placesWithoutCount > 0)
      lacks.push(
        `${num(r.losses.total)} events are missing (${num(r.losses.reported)} reported lost in ` +
          `${plural(r.losses.places, 'place')}` +
          (r.losses.placesWithoutCount > 0 ? `, ${num(r.losses.placesWithoutCount)} of them without a count` : '') +
          ', ' +
          `${num(r.losses.overwritten)} overwritten in the ring buffer)`
      )
    lacks.push(
      'maps, bytes and bounces above are those that were recorded: the real ones are higher. Slots whose unmap ' +
        'is missing stay taken here until another mapping shows that they were free, or the mapping has outlived ' +
        'all others of its device: occupancy, peaks and the high-water mark are estimates, and misses are gaps in ' +
        'the recording, not errors of the kernel'
    )
    if (o.presumedGone > 0)
      lacks.push(`${num(o.presumedGone)} mappings outlived all others of their device: their unmaps are taken for lost`)
  }
  if (r.bouncesOnly)
    lacks.push(
      'only swiotlb_bounced events: a kernel before 6.12 has no events of the class dma (record kprobes: ' +
        'docs/replay.md), or they were not enabled. Bounces and their bytes are counted; addresses, releases and ' +
        'with them the occupancy are not in the trace'
    )
  if (r.probes > 0)
    lacks.push(
      'kprobes on swiotlb in the place of the class dma: only what bounces is in this trace; mappings that go ' +
        'direct are not, so that forcing them cannot be asked'
    )
  if (r.missedUnmaps !== null && r.missedUnmaps > 0)
    lacks.push(
      `${num(r.missedUnmaps)} unmaps were missed by their probe (an interrupt that comes in another probe's ` +
        'handler misses its own): as many mappings are no leak'
    )
  if (r.probes > 0 && r.missedUnmaps === null)
    lacks.push(
      `how many unmaps the probes missed is not recorded (kprobe_profile): up to 1 in ${UNCOUNTED_ONE_IN} is ` +
        'taken for no leak'
    )
  if (r.noUnmaps)
    lacks.push(
      'not one unmap event: enable dma_unmap_* as well. Nothing is ever released here, so occupancy and the ' +
        'high-water mark mean nothing'
    )
  if (o.unmapsWithoutMap > 0)
    lacks.push(
      `${num(o.unmapsWithoutMap)} unmaps without a map (` +
        `${r.lossy ? 'their maps are missing, or were made before' : 'made before'} the recording began)` +
        `${o.priorSlots > 0 ? `: at least ${num(o.priorSlots)} slots were taken before` : ''}`
    )
  if (o.liveAtEnd > 0) lacks.push(`${num(o.liveAtEnd)} mappings are live at the end`)
  for (const a of r.assumed) {
    const known = a.exact > 0 ? `${num(a.exact)} end when their request completes (block_rq_complete), ` : ''
    lacks.push(
      `${num(a.assumed + a.exact - a.early)} mappings of ${a.device} have no unmap, as its driver leaves out ` +
        `what it does not need: ${known}${num(Math.max(0, a.assumed - a.early))} ends are assumed, after ` +
        `${(a.low / 1e6).toPrecision(2)} to ${(a.high / 1e6).toPrecision(2)} ms (5 to 95 %)` +
        `${a.exact === 0 ? '; record block:block_rq_issue and block:block_rq_complete to know them' : ''}`
    )
  }
  const failedAllocs = r.devices.reduce((n, d) => n + d.failedAllocs, 0)
  if (failedAllocs > 0) lacks.push(`${num(failedAllocs)} coherent allocations failed`)
  if (o.forgotten > 0) lacks.push(`${num(o.forgotten)} old mappings were forgotten to bound memory`)
  if (o.truncatedSg > 0)
    lacks.push(
      `${num(o.truncatedSg)} scatter-gather events are truncated to 128 entries: ${num(o.hiddenSegments)} ` +
        'segments are counted, but their bytes and addresses are not in the trace'
    )
  if (o.mapsWithoutBounce > 0)
    lacks.push(
      `${num(o.mapsWithoutBounce)} bounced segments without a swiotlb_bounced event: taken at their map event, ` +
        'not compared'
    )
  if (o.bouncesWithoutOutcome > 0 && !r.bouncesOnly)
    lacks.push(
      `${num(o.bouncesWithoutOutcome)} bounces without outcome: ` +
        (r.lossy
          ? 'their map events are missing'
          : 'failed scatter-gather calls that were not repeated, or calls that were under way at the end')
    )
  if (o.outsidePool > 0)
    lacks.push(
      `${num(o.outsidePool)} bounces outside this pool: another pool (restricted, dynamic), or the place of the ` +
        'pool is wrong'
    )
  if (o.mapsOverLive > 0)
    lacks.push(
      `${num(o.mapsOverLive)} maps at the address of a live mapping: legal, the unmap of the first is logged ` +
        'late by another CPU'
    )
  if (o.poolAllocs > 0)
    lacks.push(
      `${num(o.poolAllocs)} coherent allocations lie in the pool: a restricted pool, whose allocations are not ` +
        'simulated'
    )
  if (r.clock.backwards > 0)
    lacks.push(
      `the clock goes backwards ${plural(r.clock.backwards, 'time')}, by up to ${secs(r.clock.backwardsMost)}, ` +
        `first at line ${r.clock.backwardsLine}: events are taken in the order of the file`
    )
  const unknown = r.otherEvents.filter((e) => /^(dma_|swiotlb_|iommu_dma)/.test(e.name))
  for (const e of unknown)
    lacks.push(
      `TB-360: ${num(e.count)} events '${e.name}' are not known: this kernel is newer (or other) than those the ` +
        'tool was made for; they are not in any figure'
    )
  for (const s of r.skipped) {
    const reason = SKIP_REASONS[s.reason]
    lacks.push(
      `${reason.code}: skipped ${num(s.count)}: ${reason.text}` +
        (s.first > 0
          ? `, first at ${r.source.format.startsWith('trace.dat') ? 'record' : 'line'} ${num(s.first)}`
          : '') +
        `${s.sample ? `: ${s.sample.length > 100 ? `${s.sample.slice(0, 100)}...` : s.sample}` : ''}`
    )
  }
  return lacks
}
