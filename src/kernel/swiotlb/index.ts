export * from './mem.ts'
export * from './pool.ts'
export * from './sizing.ts'
export * from './snapshot.ts'
