// The reader of kernel logs, fetched when something looks like one.
import { readKernelLog } from '../../replay/kernel-log.ts'
import { BEGINNING, kindOfInput } from '../../replay/kind-of-input.ts'
import { decoderOf } from '../../replay/log/encoding.ts'
import type { PoolFacts } from '../../replay/pool-facts.ts'

export const looksLikeLog = (beginning: Uint8Array): boolean => kindOfInput(beginning.subarray(0, BEGINNING)) === 'log'

/** What the bytes of a kernel log tell a replay. */
export const factsOfLog = (bytes: Uint8Array): PoolFacts => readKernelLog(decoderOf(bytes).decode(bytes))
