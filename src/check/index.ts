export * from './check.ts'
export { ACCEPTED_IDLE, SLOTS_TWICE } from './absent.ts'
export * from './scene.ts'
export * from './model.ts'
export { summaryText, withBitNames } from './naming.ts'
export {
  explore,
  findingKey,
  type ExploreOptions,
  type Exploration,
  type Found,
  type Move,
  type Waiting
} from './search.ts'
export * from './trace.ts'
export { AlikeRuns } from './alike.ts'
export { watched } from './asked.ts'
export type { Frame, FrameCell, FrameDevice, FrameHandle, FramePage, FramePool, HandleBit } from './frames.ts'
export * from './compare.ts'
export * from './pairs.ts'
export * from './ways.ts'
export * from './why.ts'
