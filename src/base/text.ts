// Small helpers for text that people read: nearest known words, columns, plurals.

/**
 * The offset at which a line of a text begins, 1-based; a text has line 0 at its beginning, too. null: it has not so
 * many.
 */
export function lineStart(text: string, line: number): number | null {
  let at = 0
  for (let n = 1; n < line; n++) {
    const end = text.indexOf('\n', at)
    if (end < 0) return null
    at = end + 1
  }
  return at
}

/** Damerau-Levenshtein distance (adjacent transposition counts one). */
export function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let d = Math.min((rows[i - 1]?.[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (rows[i - 1]?.[j - 1] ?? 0) + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        d = Math.min(d, (rows[i - 2]?.[j - 2] ?? 0) + 1)
      row.push(d)
    }
    rows.push(row)
  }
  return rows[a.length]?.[b.length] ?? 0
}

/** The known words nearest to `word`, best first, at most `most`; empty when none is near. */
export function nearest(word: string, known: Iterable<string>, most = 3): string[] {
  const w = word.toLowerCase()
  if (w === '') return []
  const scored: Array<[number, string]> = []
  for (const k of known) {
    const l = k.toLowerCase()
    // At least one letter must be the word's own; a word far too long is not compared letter by letter.
    const limit = Math.min(Math.max(2, Math.ceil(l.length / 3)), l.length - 1)
    if (w.length > l.length + limit && !w.startsWith(l)) continue
    const d = l === w ? 0 : l.startsWith(w) || w.startsWith(l) ? 1 : w.length >= 3 && l.includes(w) ? 2 : distance(w, l)
    if (d <= limit || d === 0) scored.push([d, k])
  }
  scored.sort((x, y) => x[0] - y[0] || (x[1] < y[1] ? -1 : 1))
  return scored.slice(0, most).map((s) => s[1])
}

export const plural = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`

/** `4,812`. */
export const thousands = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, ',')

/** Left-aligned columns separated by two blanks; the last column is not padded. */
export function columns(rows: ReadonlyArray<readonly string[]>): string {
  const width: number[] = []
  for (const r of rows)
    r.forEach((c, i) => {
      width[i] = Math.max(width[i] ?? 0, c.length)
    })
  return rows
    .map((r) =>
      r
        .map((c, i) => (i === r.length - 1 ? c : c.padEnd(width[i] ?? 0)))
        .join('  ')
        .trimEnd()
    )
    .join('\n')
}
