// The words of a what-if question.
import { type Diagnostic, err, nearest, ok, type Result } from '../base/index.ts'
import { revisionByName, revisions } from '../kernel/revisions/index.ts'

export interface WhatIfSpec {
  /** As the user wrote it. */
  readonly text: string
  readonly pool: { readonly nslabs: number; readonly nareas: number | null } | null
  /** SWIOTLB_DYNAMIC: `true` the memory grows, `false` it does not, null: as recorded. */
  readonly dynamic: boolean | null
  /**
   * `force`: a guest that bounces for every device it has not accepted; `noforce`: only addresses out of reach bounce;
   * null: as recorded.
   */
  readonly force: boolean | null
  /** Devices that the guest has accepted (T=1); `all` stands for each. */
  readonly accepted: readonly string[]
  readonly kernel: string | null
  /** This kernel (the recorded one, where none is named) knows accepted devices. */
  readonly knows: boolean
}

const WORDS = ['pool=', 'force', 'noforce', 'accepted=', 'kernel=', 'dynamic', 'static']

/**
 * `pool=SLOTS[,AREAS] force accepted=DEV[,DEV] dynamic kernel=K`, in any order, each at most once. SLOTS may be a size
 * with a suffix (64M).
 */
export function parseWhatIf(text: string): Result<WhatIfSpec, Diagnostic> {
  const bad = (
    word: string,
    message: string,
    expected: readonly string[],
    hint?: string
  ): Result<WhatIfSpec, Diagnostic> => {
    const column = text.indexOf(word) + 1
    const near = nearest(word, expected)
    return err({
      code: 'TB-361',
      file: '--what-if',
      line: 1,
      column: Math.max(1, column),
      word,
      message,
      expected,
      ...(near.length > 0 ? { nearest: near } : {}),
      ...(hint ? { hint } : {})
    })
  }
  let pool: WhatIfSpec['pool'] = null
  let force: boolean | null = null
  let accepted: string[] = []
  let kernel: string | null = null
  let knows = true
  let dynamic: boolean | null = null
  const seen = new Set<string>()
  for (const word of text.split(/\s+/).filter((w) => w !== '')) {
    const eq = word.indexOf('=')
    const key = eq < 0 ? word : word.slice(0, eq + 1)
    const value = eq < 0 ? '' : word.slice(eq + 1)
    if (!WORDS.includes(key)) return bad(word, `'${word}' is not part of a what-if`, WORDS)
    if (seen.has(key)) return bad(word, `'${key}' stands twice`, WORDS)
    seen.add(key)
    if (key === 'pool=') {
      const m = /^(\d+)([KMG]?)(?:,(\d+))?$/i.exec(value)
      if (!m) return bad(word, `'${value}' is no pool`, ['pool=SLOTS', 'pool=SLOTS,AREAS', 'pool=64M'])
      const unit = { '': 2048, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 }[(m[2] as string).toUpperCase()] as number
      const nslabs = Math.ceil((Number(m[1]) * unit) / 2048 / 128) * 128
      const nareas = m[3] === undefined ? null : Number(m[3])
      if (nslabs < 128 || nslabs > 2 ** 24)
        return bad(word, `a pool of ${Number(m[1])}${m[2]} is out of range`, [
          '128 slots (256 KiB) to 16777216 slots (32 GiB)'
        ])
      if (nareas !== null && (nareas < 1 || !Number.isInteger(Math.log2(nareas)) || nareas > nslabs / 128)) {
        return bad(word, `${nareas} areas do not divide ${nslabs} slots`, [
          `a power of two up to ${2 ** Math.floor(Math.log2(nslabs / 128))} (an area has at least 128 slots)`
        ])
      }
      if (nareas !== null && nslabs % nareas !== 0)
        return bad(word, `${nareas} areas do not divide ${nslabs} slots`, [
          'a number of slots that is a multiple of the areas'
        ])
      pool = { nslabs, nareas }
    } else if (key === 'force') force = true
    else if (key === 'noforce') force = false
    else if (key === 'dynamic') dynamic = true
    else if (key === 'static') dynamic = false
    else if (key === 'accepted=') {
      accepted = value.split(',').filter((d) => d !== '')
      if (accepted.length === 0) return bad(word, 'accepted= names no device', ['accepted=DEV[,DEV]'])
    } else {
      const rev = revisionByName(value)
      if (!rev)
        return bad(
          value === '' ? word : value,
          `unknown kernel '${value}'`,
          revisions.map((r) => r.name)
        )
      kernel = rev.name
      knows = rev.accept !== 'none'
    }
  }
  if (seen.has('force') && seen.has('noforce')) return bad('noforce', 'force and noforce contradict each other', WORDS)
  if (seen.has('dynamic') && seen.has('static')) return bad('static', 'dynamic and static contradict each other', WORDS)
  if (seen.size === 0) return bad(text, 'an empty what-if', WORDS)
  return ok({ text, pool, dynamic, force, accepted, kernel, knows })
}
