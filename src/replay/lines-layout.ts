// Where things lie in the memory of wasm/lines.ts, in bytes; both sides of it read this file.

/**
 * What stands before the time of a line: its bytes, at most 64, shorter ones with the last sixteen where they end; then
 * four words: length, CPU, task's id, interrupt level.
 */
export const HEADS = 4096
export const HEAD_SLOTS = 1024
export const HEAD_BYTES = 80
export const HEAD_LENGTH = 64
export const HEAD_CPU = 68
export const HEAD_PID = 72
export const HEAD_IRQ = 76
export const SHORTEST_HEAD = 24
export const LONGEST_HEAD = 64

/** Names of devices, and texts behind `attrs=`: their bytes, then their length and what they stand for. */
export const DEVICES = 90112
export const ATTRS = 94208
export const TEXT_SLOTS = 64
export const TEXT_BYTES = 48
export const TEXT_LENGTH = 32
export const TEXT_VALUE = 40
export const SHORTEST_TEXT = 4
export const LONGEST_TEXT = 31

/** The lines that were read: one record each, in words and, behind them, doubles. */
export const RECORDS = 98304
export const RECORD_SLOTS = 256
export const RECORD_BYTES = 80
export const KIND = 0
export const CPU = 4
export const PID = 8
export const IRQ = 12
export const DEV = 16
/** enum dma_data_direction; of a bounce, whether it says FORCE. */
export const DIR = 20
export const NENTS = 24
export const ENTS = 28
/** Entries of each list, and the place of the first one. */
export const LISTED = 32
export const LIST_AT = 36
export const TIME = 40
export const DMA = 48
export const PHYS = 56
export const SIZE = 64
/** The attributes of a mapping; of a bounce the device's mask, NO_MASK where the line has none. */
export const ATTRS_OR_MASK = 72
export const NO_MASK = -1

/** The lists of records, doubles one behind the other. */
export const LISTS = 118784
export const LIST_SLOTS = 8192
/** Entries of one list, at most. */
export const LONGEST_LIST = 512

/** The text; behind it room for a step too far. */
export const TEXT = 184320
export const TEXT_ROOM = 65536

/** What is to be looked up in a table. */
export const SCRATCH = 258048

/** What KIND says. */
export const BOUNCED = 0
export const MAP = 1
export const UNMAP = 2
export const MAP_SG = 3
export const UNMAP_SG = 4
export const SYNC = 5
export const SYNC_DEVICE = 6
