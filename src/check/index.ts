export * from './check.ts'
export * from './model.ts'
export { explore, type ExploreOptions, type Exploration, type Found } from './search.ts'
export * from './trace.ts'
