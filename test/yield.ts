// Tests that are synchronous answer nobody while they follow one another: a turn of the event loop after each.
import { afterEach } from 'vitest'
import { turn } from './turn.ts'

afterEach(turn)
