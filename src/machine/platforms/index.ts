import type { Platform } from '../platform.ts'
import { all } from './all.ts'

/** All platforms, in the order of the documents. */
export const platforms: readonly Platform[] = [...all].sort((a, b) => a.order - b.order)
export const platformByName = (name: string): Platform | undefined => platforms.find((p) => p.name === name)
