export * from './request.ts'
export * from './table.ts'
