// Written by scripts/registry.mjs from the files of this folder: one a property.
import { property as assert } from './assert.ts'
import { property as crash } from './crash.ts'
import { property as deadlock } from './deadlock.ts'
import { property as exposed } from './exposed.ts'
import { property as fault } from './fault.ts'
import { property as leak } from './leak.ts'
import { property as lost_update } from './lost-update.ts'
import { property as pool_state } from './pool-state.ts'
import { property as reached } from './reached.ts'
import { property as refused } from './refused.ts'
import { property as stale_state } from './stale-state.ts'
import { property as tampered } from './tampered.ts'
import { property as unreached } from './unreached.ts'
import { property as warn } from './warn.ts'
import { property as wrong_data } from './wrong-data.ts'

export const all = [
  assert,
  crash,
  deadlock,
  exposed,
  fault,
  leak,
  lost_update,
  pool_state,
  reached,
  refused,
  stale_state,
  tampered,
  unreached,
  warn,
  wrong_data
]
