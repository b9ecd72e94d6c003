export * from './boot.ts'
export * from './kernel-log.ts'
export * from './system.ts'
export * from './values.ts'
