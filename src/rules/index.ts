export * from './request.ts'
export * from './table.ts'
export * from './flag.ts'
export * from './subset.ts'
