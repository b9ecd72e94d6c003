// The answer of a replay before its tables: what became of the pool in a sentence, the smallest pool that does and the
// line to write, who costs what, and whether accepting devices (TDISP) would help. The same sentences for a terminal
// and a page.
import { Bytes, plural } from '../base/index.ts'
import type { NeededPool, ReplayResult } from '../replay/index.ts'

export type VerdictKind = 'leaks' | 'fills' | 'grows' | 'fits' | 'direct' | 'nothing'

export interface Verdict {
  readonly kind: VerdictKind
  /** Sentences, the verdict first. */
  readonly sentences: readonly string[]
  /** What to write on the command line; null when there is nothing to write. */
  readonly line: string | null
}

/** A number with blanks between thousands. */
export const num = (n: number): string => n.toLocaleString('en-US').replace(/,/g, ' ')
const share = (part: number, whole: number): string =>
  `${((100 * part) / Math.max(1, whole)).toFixed(part > 0 && part < whole / 100 ? 2 : 0)} %`
/** A pool of so many slots, and what that is in bytes. */
export const poolText = (slots: number): string => `${num(slots)} slots (${Bytes.human(slots * 2048)})`

/** `swiotlb=SLOTS` with the words that the present command line has beside its number; `noforce` contradicts a size. */
export function swiotlbLine(slots: number, present: string | null): string {
  const words = (present ?? '').split(',').filter((w) => /^[a-z_]+$/.test(w) && w !== 'noforce')
  return ['swiotlb=', slots, ...words.map((w) => `,${w}`)].join('')
}

/**
 * A pool that was never half full refuses nothing: calls that seem to have failed there are pieces of the recording
 * that are missing.
 */
const HALF = 0.5
const sizeKnown = (r: ReplayResult): boolean =>
  r.pool !== null && (r.pool.from !== 'trace' || r.measured.nslabs === r.pool.nslabs)
const hadRoom = (r: ReplayResult): boolean =>
  r.pool !== null && sizeKnown(r) && r.failures.agreed === 0 && (r.predicted.hiwater ?? 0) < HALF * r.pool.nslabs
const seemFailed = (r: ReplayResult): string =>
  r.failures.total > r.failures.unbounced && hadRoom(r)
    ? ` ${num(r.failures.total)} calls seem to have failed beside free slots: a part of the recording may be missing.`
    : ''

function kindOf(r: ReplayResult): VerdictKind {
  if (r.events === 0) return 'nothing'
  if (r.live.some((d) => d.leaks)) return 'leaks'
  if (r.failures.total > r.failures.unbounced && !hadRoom(r)) return 'fills'
  if (r.grown !== null) return 'grows'
  return r.devices.some((d) => d.bouncedSegments > 0) ? 'fits' : 'direct'
}

// Calls failed, and in none of the failures was the pool that was found from the addresses short of room: it is
// smaller.
const sizeUnknown = (r: ReplayResult): boolean => r.pool !== null && !sizeKnown(r) && r.failures.agreed === 0

function first(kind: VerdictKind, r: ReplayResult): string[] {
  const high = r.predicted.hiwater ?? 0
  const size = r.pool?.nslabs ?? 0
  switch (kind) {
    case 'leaks': {
      const worst = r.live.filter((d) => d.leaks)
      return worst
        .map(
          (d) =>
            `${d.device} leaks: ${plural(d.mappings, 'mapping')} (${num(d.slots)} slots` +
            `${size > 0 ? `, ${share(d.slots, size)} of the pool` : ''}) ${d.mappings === 1 ? 'is' : 'are'} ` +
            `never unmapped${d.gone ? ', though the driver has freed its memory and is gone' : ''}` +
            `${d.slope > 0 ? `; ${num(Math.round(d.slope))} slots a second while they were made` : ''}.`
        )
        .concat('A larger pool fills later, not never: it is the driver that has to be mended.')
    }
    case 'fills':
      if (sizeUnknown(r))
        return [
          `${num(r.failures.total)} calls found no room, but how large the pool is, the trace does not show: ` +
            'give --dmesg FILE or --pool SLOTS.'
        ]
      return [
        `The pool fills: ${num(r.failures.total)} calls found no room in ${poolText(size)}` +
          (Number.isFinite(r.failures.firstTime) ? `, the first at ${(r.failures.firstTime / 1e9).toFixed(3)} s` : '') +
          '.'
      ]
    case 'grows':
      return [
        `The memory grew from ${num(size)} to ${num(r.grown?.nslabs ?? 0)} slots (SWIOTLB_DYNAMIC) and carried ` +
          `the load: ${num(high)} slots at the peak${r.failures.total === 0 ? ', no call failed' : ''}; ` +
          `${num(r.grown?.transients ?? 0)} mappings had transient pools.`
      ]
    case 'fits':
      return [
        `The pool carries this load: ${num(high)} of ${num(size)} slots at the peak (${share(high, size)})` +
          `${r.lossy ? '; an estimate, as events are missing' : ''}.${seemFailed(r)}`
      ]
    case 'direct':
      return [
        'Nothing bounces here: this machine does not wait for its bounce pool. For what a guest that bounces ' +
          'would need ask --what-if force.'
      ]
    case 'nothing':
      return ['There is no DMA event to replay.']
  }
}

function sizing(
  kind: VerdictKind,
  n: NeededPool | null,
  r: ReplayResult
): { sentences: string[]; line: string | null } {
  if (
    n === null ||
    n.recommended === null ||
    n.recommended === 0 ||
    kind === 'leaks' ||
    kind === 'direct' ||
    kind === 'nothing' ||
    r.bouncesOnly ||
    r.noUnmaps
  )
    return { sentences: [], line: null }
  if (kind === 'fills' && sizeUnknown(r)) return { sentences: [], line: null }
  const line = swiotlbLine(n.recommended, r.boot.swiotlb)
  if (kind === 'fills')
    return {
      sentences: [
        `It needs more than ${num(r.pool?.nslabs ?? 0)} slots: ${num(n.recommended)} if every call that waits is ` +
          `held from its first try. What the load would ask for beyond that, a full pool hides: write ${line} and ` +
          'record again.'
      ],
      line
    }
  const static_ = kind === 'grows' ? 'The smallest pool that would do without growing' : 'The smallest pool that does'
  return {
    sentences: [
      `${static_}${n.slots !== n.recommended ? ' with room to spare' : ''}: ${poolText(n.recommended)}; write ${line}.`
    ],
    line
  }
}

function costs(r: ReplayResult): string[] {
  const all = r.devices.reduce((n, d) => n + d.copiedIn + d.copiedOut, 0)
  if (all === 0) return []
  const most = [...r.devices].sort((a, b) => b.copiedIn + b.copiedOut - a.copiedIn - a.copiedOut)[0]
  return most === undefined
    ? []
    : [
        `${Bytes.human(all)} are copied, ${share(most.copiedIn + most.copiedOut, all)} of it for ` +
          `${most.driver ? `${most.name} (${most.driver})` : most.name}.`
      ]
}

// Acceptance ends the bounces that were forced (FORCE), not those of a device that does not reach the memory (NORMAL).
function tdisp(r: ReplayResult): string[] {
  const bounced = r.devices.reduce((n, d) => n + d.bouncedBytes, 0)
  if (bounced === 0) return []
  const forced = r.devices.filter((d) => d.forced > 0)
  if (forced.length === 0) return ["TDISP would not help: what bounces here bounces for the devices' own reach."]
  const best = [...forced].sort((a, b) => b.bouncedBytes - a.bouncedBytes)[0]
  return best === undefined
    ? []
    : [
        `TDISP: were every device accepted, what is forced (${share(
          forced.reduce((n, d) => n + d.bouncedBytes, 0),
          bounced
        )} of the bounced bytes) would go direct; ${best.name} alone is ${share(best.bouncedBytes, bounced)}.`
      ]
}

/** The verdict on a replay. */
export function replayVerdict(r: ReplayResult): Verdict {
  const kind = kindOf(r)
  const size = sizing(kind, r.needed, r)
  return {
    kind,
    sentences: [...first(kind, r), ...size.sentences, ...(kind === 'nothing' ? [] : [...costs(r), ...tdisp(r)])],
    line: size.line
  }
}
