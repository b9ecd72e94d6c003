export * from './system.ts'
export * from './values.ts'
