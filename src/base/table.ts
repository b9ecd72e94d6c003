// Tables that are indexed by words from outside. What every object inherits (`constructor`, `toString`, `__proto__`) is
// in none of them.

/**
 * What the table itself has under this key. Prefer it to `table[key]` wherever the key is a text that somebody else
 * wrote.
 */
export function own<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined
}
