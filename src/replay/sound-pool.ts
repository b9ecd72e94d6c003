// What a kernel log can say of its pool and no kernel has: a line that was cut, edited or made up must not cost the
// rest of the log.

/** Slots of the largest pool that is simulated: 32 GiB. */
export const LARGEST_SIMULATED = 2 ** 24

/**
 * What is said of a pool that cannot be, as the end of "the log has ..."; null when it can. Start in bytes, null: not
 * said.
 */
export function unsoundPool({
  start,
  nslabs,
  nareas
}: {
  readonly start: number | null
  readonly nslabs: number | null
  readonly nareas: number | null
}): string | null {
  const size = nslabs ?? LARGEST_SIMULATED
  if (start !== null && !(Number.isSafeInteger(start) && start % 2048 === 0)) return `a pool at 0x${start.toString(16)}`
  if (nslabs !== null && !(Number.isInteger(nslabs) && nslabs >= 1 && nslabs <= LARGEST_SIMULATED))
    return `a pool of ${nslabs} slots`
  if (nareas !== null && !(Number.isInteger(Math.log2(nareas)) && nareas <= size && size % nareas === 0))
    return `a pool of ${nareas} areas`
  return null
}
