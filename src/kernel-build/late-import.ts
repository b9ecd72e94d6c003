// Modules that are no part of the bundle.

/** Imports a module by name at run time. What runs from a code cache is handed the way to (scripts/cached.cjs). */
export const lateImport = (name: string): Promise<unknown> => {
  const handed = (globalThis as unknown as Record<symbol, unknown>)[Symbol.for('tbit.import')]
  return typeof handed === 'function' ? (handed as (name: string) => Promise<unknown>)(name) : import(name)
}
