// For what must hold if the program is right. User errors are values (result.ts), never these.

/** Throws when `cond` is false. @throws Error */
export function assertTrue(cond: boolean, what: string): asserts cond {
  if (!cond) throw new Error(`invariant broken: ${what}`)
}

/** The value, which must be there. Prefer it to `!` outside hot loops. @throws Error */
export function ensure<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new Error(`invariant broken: ${what} is missing`)
  return value
}

/** For the default branch of a switch that covers all cases. @throws Error */
export function unreachable(value: never): never {
  throw new Error(`invariant broken: unexpected ${String(value)}`)
}
