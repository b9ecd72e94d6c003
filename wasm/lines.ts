// Reads lines of trace events as most recordings have them, many at a time: AssemblyScript, which
// `node scripts/wasm.mjs` compiles into src/replay/lines-wasm.ts. TextScanner hands text over and takes the records.
//
// A line is read here only where each of its bytes is what the readers of src/replay/scan.ts would take for the same:
// what stands before its time was seen before, as were its device and its attributes; its fields come in the order in
// which the kernel prints them, with one blank between them. At the first that is not so lines() stops in front of it.
// Nothing is found out by lengths that the text itself gives: a step goes over bytes that were compared, so it stays in
// its line; what is looked at behind the text's end are bytes of the same memory, which no line's end follows.
//
// word('swiotlb_'), half('page') and quarter('r=') are the numbers that eight, four and two bytes of text are in
// memory: scripts/wasm.mjs puts them in.
import {
  ATTRS,
  ATTRS_OR_MASK,
  BOUNCED,
  CPU,
  DEV,
  DEVICES,
  DIR,
  DMA,
  ENTS,
  HEADS,
  HEAD_BYTES,
  HEAD_CPU,
  HEAD_LENGTH,
  HEAD_PID,
  KIND,
  LISTED,
  LISTS,
  LIST_AT,
  LIST_SLOTS,
  LONGEST_LIST,
  LONGEST_TEXT,
  MAP,
  MAP_SG,
  NENTS,
  NO_MASK,
  PHYS,
  PID,
  RECORDS,
  RECORD_BYTES,
  RECORD_SLOTS,
  SHORTEST_HEAD,
  SHORTEST_TEXT,
  SIZE,
  SYNC,
  SYNC_DEVICE,
  TEXT_BYTES,
  TEXT_LENGTH,
  TEXT_VALUE,
  TIME,
  UNMAP,
  UNMAP_SG
} from '../src/replay/lines-layout'

const NL: u8 = 10
const SP: u8 = 32
const COMMA: u8 = 44
const POINT: u8 = 46
const SLASH: u8 = 47
const BRACE: u8 = 123
const END_OF_LIST: u8 = 125
/** A double holds so many hex digits. */
const EXACT_DIGITS: i32 = 13

/** Lengths of the heads that were seen last, this one first. */
export let headLength: i32 = SHORTEST_HEAD
export let otherLength: i32 = SHORTEST_HEAD
/** Records that the last call wrote. */
export let records: i32 = 0

// What the reader that ran last found beside the place behind it.
let value: u64 = 0
let found: i32 = 0
let entries: i32 = 0
/** Where the next list goes. */
let listAt: i32 = LISTS

// Eight decimal digits, their values in a byte each, the first one lowest.
function eightDigits(t: u64): u64 {
  const pairs = t * 10 + (t >> 8)
  return (
    ((pairs & 0x000000ff000000ff) * 0x000f424000000064 + ((pairs >> 16) & 0x000000ff000000ff) * 0x0000271000000001) >>
    32
  )
}

// Where bytes are no values of digits, with bits of no account behind the first such byte.
function noDigits(t: u64): u64 {
  return ((t + 0x7676767676767676) | t) & 0x8080808080808080
}

// Decimal digits at p, seven at most, into `value`; the place behind them, 0 when there are none or more.
function decimal(p: i32): i32 {
  const t = load<u64>(p) ^ word('00000000')
  const n = <i32>ctz(noDigits(t)) >> 3
  if (n === 0 || n === 8) return 0
  value = eightDigits(t << (64 - 8 * n))
  return p + n
}

// Hex digits in small letters at p into `value`; the place behind them, 0 when there are none or a double holds fewer.
function hex(p: i32): i32 {
  const v = v128.load(p)
  const digit = i8x16.lt_u(i8x16.sub(v, i8x16.splat(48)), i8x16.splat(10))
  const letter = i8x16.lt_u(i8x16.sub(v, i8x16.splat(97)), i8x16.splat(6))
  const n = ctz(~i8x16.bitmask(v128.or(digit, letter)))
  if (n === 0 || n > EXACT_DIGITS) return 0
  const each = i8x16.add(v128.and(v, i8x16.splat(15)), v128.and(letter, i8x16.splat(9)))
  const pairs = v128.or(i16x8.shl(v128.and(each, i16x8.splat(0xff)), 4), i16x8.shr_u(each, 8))
  const bytes = i8x16.narrow_i16x8_u(pairs, pairs)
  const highFirst = v128.shuffle<u8>(bytes, bytes, 7, 6, 5, 4, 3, 2, 1, 0, 7, 6, 5, 4, 3, 2, 1, 0)
  value = <u64>i64x2.extract_lane(highFirst, 0) >> (64 - 4 * n)
  return p + n
}

function number(): f64 {
  return <f64>(<i64>value)
}

// n bytes, SHORTEST_TEXT at least and LONGEST_TEXT at most.
function same(p: i32, q: i32, n: i32): bool {
  if (n >= 16) {
    const last = v128.xor(v128.load(p + n - 16), v128.load(q + n - 16))
    return !v128.any_true(v128.or(v128.xor(v128.load(p), v128.load(q)), last))
  }
  if (n >= 8) return load<u64>(p) === load<u64>(q) && load<u64>(p + n - 8) === load<u64>(q + n - 8)
  return load<u32>(p) === load<u32>(q) && load<u32>(p + n - 4) === load<u32>(q + n - 4)
}

/** The slot of a table in which the text of n bytes at p is, or one beside it (`^ 1`). */
export function textSlot(p: i32, n: i32): i32 {
  return <i32>((((load<u32>(p + n - 4) * 31) ^ load<u32>(p)) * 0x9e3779b1) >> 26)
}

// The text at p, up to a byte that ends it, in a table: its place there into `found`; the place of that byte, 0 when
// the text is not in the table.
function text(p: i32, table: i32, end: u8): i32 {
  const ends = i8x16.splat(end)
  let n = ctz(i8x16.bitmask(i8x16.eq(v128.load(p), ends)) | 0x10000)
  if (n === 16) n += ctz(i8x16.bitmask(i8x16.eq(v128.load(p + 16), ends)) | 0x10000)
  if (n < SHORTEST_TEXT || n > LONGEST_TEXT) return 0
  const slot = textSlot(p, n)
  found = table + slot * TEXT_BYTES
  if (load<i32>(found + TEXT_LENGTH) === n && same(p, found, n)) return p + n
  found = table + (slot ^ 1) * TEXT_BYTES
  return load<i32>(found + TEXT_LENGTH) === n && same(p, found, n) ? p + n : 0
}

/** The place in HEADS at which a head of n bytes is, or in the slot beside it (`^ 1`). */
export function headSlot(p: i32, n: i32): i32 {
  const task = (load<u32>(p + 12) * 0x85ebca6b) ^ load<u32>(p + 16)
  const where = (load<u32>(p + n - 16) * 0xc2b2ae35) ^ load<u32>(p + n - 12)
  return <i32>((((task * 31) ^ where) * 0x9e3779b1) >> 22)
}

function isHead(p: i32, n: i32, head: i32): bool {
  if (load<i32>(head + HEAD_LENGTH) !== n) return false
  let differs = v128.xor(v128.load(p), v128.load(head))
  differs = v128.or(differs, v128.xor(v128.load(p + n - 16), v128.load(head + n - 16)))
  if (n > 32) differs = v128.or(differs, v128.xor(v128.load(p + 16), v128.load(head + 16)))
  if (n > 48) differs = v128.or(differs, v128.xor(v128.load(p + 32), v128.load(head + 32)))
  return !v128.any_true(differs)
}

function knownHead(p: i32, n: i32): i32 {
  const slot = headSlot(p, n)
  if (isHead(p, n, HEADS + slot * HEAD_BYTES)) return HEADS + slot * HEAD_BYTES
  return isHead(p, n, HEADS + (slot ^ 1) * HEAD_BYTES) ? HEADS + (slot ^ 1) * HEAD_BYTES : 0
}

// What stands before the time: CPU, task and interrupt level into the record; the place of the time, 0 when it is not
// known.
function head(p: i32, r: i32): i32 {
  let at = knownHead(p, headLength)
  if (at === 0) {
    at = knownHead(p, otherLength)
    if (at === 0) return 0
    const n = otherLength
    otherLength = headLength
    headLength = n
  }
  store<i32>(r + CPU, load<i32>(at + HEAD_CPU))
  // The interrupt level stands behind it in both.
  store<u64>(r + PID, load<u64>(at + HEAD_PID))
  return p + headLength
}

// Seconds, a point and six or nine digits, a colon; the place behind the blanks behind it.
function time(p: i32, r: i32): i32 {
  p = decimal(p)
  if (p === 0 || load<u8>(p) !== POINT) return 0
  const seconds = number() * 1e9
  const t = load<u64>(p + 1) ^ word('00000000')
  if (load<u16>(p + 7) === quarter(': ')) {
    if (noDigits(t << 16) !== 0) return 0
    value = eightDigits(t << 16)
    store<f64>(r + TIME, seconds + number() * 1000)
    p += 9
  } else {
    const ninth = load<u8>(p + 9) - 48
    if (noDigits(t) !== 0 || ninth > 9 || load<u16>(p + 10) !== quarter(': ')) return 0
    value = eightDigits(t) * 10 + ninth
    store<f64>(r + TIME, seconds + number())
    p += 12
  }
  return blanks(p)
}

function blanks(p: i32): i32 {
  while (load<u8>(p) === SP) p++
  return p
}

// A device's name at p, with a blank behind it.
function device(p: i32, r: i32): i32 {
  p = text(p, DEVICES, SP)
  if (p !== 0) store<i32>(r + DEV, <i32>load<f64>(found + TEXT_VALUE))
  return p
}

// ` dir=TO_DEVICE ` and its like; the place of the last blank.
function direction(p: i32, r: i32): i32 {
  const first = load<u64>(p)
  if (first === word(' dir=TO_')) {
    store<i32>(r + DIR, 1)
    return load<u64>(p + 7) === word('_DEVICE ') ? p + 14 : 0
  }
  if (first === word(' dir=FRO')) {
    store<i32>(r + DIR, 2)
    return load<u64>(p + 8) === word('M_DEVICE') && load<u8>(p + 16) === SP ? p + 16 : 0
  }
  if (first !== word(' dir=BID')) return 0
  store<i32>(r + DIR, 0)
  if (load<u64>(p + 8) !== word('IRECTION') || load<u16>(p + 16) !== quarter('AL')) return 0
  return load<u8>(p + 18) === SP ? p + 18 : 0
}

function dmaAddr(p: i32, r: i32): i32 {
  if (load<u64>(p) !== word(' dma_add') || load<u16>(p + 8) !== quarter('r=')) return 0
  p = hex(p + 10)
  store<f64>(r + DMA, number())
  return p
}

function physAddr(p: i32, r: i32): i32 {
  if (load<u64>(p) !== word(' phys_ad') || load<u32>(p + 7) !== half('ddr=')) return 0
  p = hex(p + 11)
  store<f64>(r + PHYS, number())
  return p
}

function size(p: i32, r: i32): i32 {
  if (load<u32>(p) !== half(' siz') || load<u16>(p + 4) !== quarter('e=')) return 0
  p = decimal(p + 6)
  store<f64>(r + SIZE, number())
  return p
}

// ` attrs=`, which ends a line; the place behind its end.
function attrs(p: i32, r: i32): i32 {
  if (load<u64>(p) === word(' attrs=\n')) {
    store<f64>(r + ATTRS_OR_MASK, 0)
    return p + 8
  }
  if (load<u32>(p) !== half(' att') || load<u32>(p + 3) !== half('trs=')) return 0
  p = text(p + 7, ATTRS, NL)
  if (p === 0) return 0
  store<f64>(r + ATTRS_OR_MASK, load<f64>(found + TEXT_VALUE))
  return p + 1
}

// {0x..,0x..}: its numbers to `at`, how many there are into `entries`; the place behind it.
function list(p: i32, at: i32): i32 {
  if (load<u8>(p++) !== BRACE) return 0
  entries = 0
  if (load<u8>(p) === END_OF_LIST) return p + 1
  let c = COMMA
  while (c === COMMA) {
    if (load<u16>(p) !== quarter('0x')) return 0
    p = hex(p + 2)
    if (p === 0 || entries === LONGEST_LIST) return 0
    store<f64>(at + (entries++ << 3), number())
    c = load<u8>(p++)
  }
  return c === END_OF_LIST ? p : 0
}

// swiotlb_bounced: dev_name: 0000:00:02.0 dma_mask=ffffffffffffffff dev_addr=1477c7000 size=4096 FORCE
function bounced(p: i32, r: i32): i32 {
  if (load<u64>(p) !== word('dev_name') || load<u16>(p + 8) !== quarter(': ')) return 0
  p = device(p + 10, r)
  if (p === 0) return 0
  store<f64>(r + ATTRS_OR_MASK, NO_MASK)
  if (load<u64>(p) === word(' dma_mas')) {
    if (load<u16>(p + 8) !== quarter('k=')) return 0
    if (load<u64>(p + 10) === word('ffffffff') && load<u64>(p + 18) === word('ffffffff')) {
      store<f64>(r + ATTRS_OR_MASK, 18446744073709551616.0)
      p += 26
    } else {
      p = hex(p + 10)
      if (p === 0) return 0
      store<f64>(r + ATTRS_OR_MASK, number())
    }
  }
  if (load<u64>(p) !== word(' dev_add') || load<u16>(p + 8) !== quarter('r=')) return 0
  p = hex(p + 10)
  if (p === 0) return 0
  store<f64>(r + PHYS, number())
  p = size(p, r)
  if (p === 0) return 0
  const forced = load<u32>(p) === half(' FOR')
  store<i32>(r + DIR, forced ? 1 : 0)
  if (forced) return load<u32>(p + 3) === half('RCE\n') ? p + 7 : 0
  return load<u64>(p) === word(' NORMAL\n') ? p + 8 : 0
}

// dma_map_page: 0000:00:02.0 dir=TO_DEVICE dma_addr=7c9f3000 size=4096 phys_addr=16f85a000 attrs=
// dma_unmap_page: the same without phys_addr; dma_sync_single_for_cpu: without attrs, too.
function mapping(p: i32, r: i32, kind: i32): i32 {
  p = device(p, r)
  if (p !== 0) p = direction(p, r)
  if (p !== 0) p = dmaAddr(p, r)
  if (p !== 0) p = size(p, r)
  if (p === 0) return 0
  if (kind >= SYNC) return load<u8>(p) === NL ? p + 1 : 0
  if (kind === MAP) p = physAddr(p, r)
  return p === 0 ? 0 : attrs(p, r)
}

// `a/b` or `a`: the last of them.
function total(p: i32): i32 {
  p = decimal(p)
  return p !== 0 && load<u8>(p) === SLASH ? decimal(p + 1) : p
}

// nents=2/2 ents=2/2, which older kernels leave out.
function counts(p: i32, r: i32): i32 {
  store<u64>(r + NENTS, 0)
  if (load<u32>(p) === half(' nen') && load<u32>(p + 3) === half('nts=')) {
    p = total(p + 7)
    if (p === 0) return 0
    store<i32>(r + NENTS, <i32>value)
    if (load<u32>(p) !== half(' ent') || load<u16>(p + 4) !== quarter('s=')) return 0
    p = total(p + 6)
    store<i32>(r + ENTS, <i32>value)
  }
  return p
}

// dma_map_sg: 0000:00:02.0 dir=TO_DEVICE nents=2/2 ents=2/2 dma_addrs={0x7b9f3000,0x7b9f4000}
// sizes={0x1000,0x1000} phys_addrs={0x1477c7000,0x112d91000} attrs=
function mapSg(p: i32, r: i32): i32 {
  p = device(p, r)
  if (p !== 0) p = direction(p, r)
  if (p !== 0) p = counts(p, r)
  if (p === 0 || load<u64>(p) !== word(' dma_add') || load<u32>(p + 7) !== half('drs=')) return 0
  p = list(p + 11, listAt)
  const n = entries
  if (p === 0 || load<u64>(p) !== word(' sizes={')) return 0
  p = list(p + 7, listAt + (n << 3))
  if (p === 0 || entries !== n) return 0
  return lastList(p, r, listAt + (n << 4))
}

// dma_unmap_sg: 0000:00:02.0 dir=TO_DEVICE phys_addrs={0x1477c7000,0x112d91000} attrs=
function unmapSg(p: i32, r: i32): i32 {
  p = device(p, r)
  if (p !== 0) p = direction(p, r)
  entries = -1
  return p === 0 ? 0 : lastList(p, r, listAt)
}

// The physical addresses, as many as there are entries in the lists before (-1: there is none), and the attributes.
function lastList(p: i32, r: i32, at: i32): i32 {
  const n = entries
  if (load<u64>(p) !== word(' phys_ad') || load<u32>(p + 8) !== half('drs=')) return 0
  p = list(p + 12, at)
  if (p === 0 || (n >= 0 && entries !== n)) return 0
  store<i32>(r + LISTED, entries)
  store<i32>(r + LIST_AT, listAt)
  at += entries << 3
  p = attrs(p, r)
  if (p !== 0) listAt = at
  return p
}

// The event's name, maybe with its system before it, and its fields.
function event(p: i32, r: i32): i32 {
  if (load<u64>(p) === word('swiotlb:')) p += 8
  else if (load<u32>(p) === half('dma:')) p += 4
  const first = load<u64>(p)
  if (first === word('swiotlb_')) {
    store<i32>(r + KIND, BOUNCED)
    return load<u64>(p + 8) === word('bounced:') && load<u8>(p + 16) === SP ? bounced(blanks(p + 17), r) : 0
  }
  const rest = load<u64>(p + 8)
  if (first === word('dma_map_')) {
    if (<u32>rest === half('sg: ')) {
      store<i32>(r + KIND, MAP_SG)
      return mapSg(blanks(p + 12), r)
    }
    store<i32>(r + KIND, MAP)
    if ((<u32>rest !== half('page') && <u32>rest !== half('phys')) || load<u16>(p + 12) !== quarter(': ')) return 0
    return mapping(blanks(p + 14), r, MAP)
  }
  if (first === word('dma_unma')) {
    if (<u32>rest === half('p_sg')) {
      store<i32>(r + KIND, UNMAP_SG)
      return load<u16>(p + 12) === quarter(': ') ? unmapSg(blanks(p + 14), r) : 0
    }
    store<i32>(r + KIND, UNMAP)
    if (rest !== word('p_page: ') && rest !== word('p_phys: ')) return 0
    return mapping(blanks(p + 16), r, UNMAP)
  }
  if (first === word('dma_sync') && rest === word('_single_')) return sync(p + 16, r)
  return 0
}

// dma_sync_single_for_cpu: and dma_sync_single_for_device:, from their third word on.
function sync(p: i32, r: i32): i32 {
  const rest = load<u64>(p)
  if (rest === word('for_cpu:') && load<u8>(p + 8) === SP) {
    store<i32>(r + KIND, SYNC)
    return mapping(blanks(p + 9), r, SYNC)
  }
  if (rest !== word('for_devi') || load<u32>(p + 8) !== half('ce: ')) return 0
  store<i32>(r + KIND, SYNC_DEVICE)
  return mapping(blanks(p + 12), r, SYNC_DEVICE)
}

/**
 * Reads lines from `p` on, before `to`, into records: the place behind the last one that was read. Negative where the
 * line at that place is none of these; else there is no room for more records, or `to` is reached.
 */
export function lines(p: i32, to: i32): i32 {
  const full = RECORDS + RECORD_SLOTS * RECORD_BYTES
  const crowded = LISTS + 8 * (LIST_SLOTS - 3 * LONGEST_LIST)
  let r = RECORDS
  listAt = LISTS
  while (p < to && r < full && listAt <= crowded) {
    let next = head(p, r)
    if (next !== 0) next = time(next, r)
    if (next !== 0) next = event(next, r)
    if (next === 0) {
      p = -p
      break
    }
    p = next
    r += RECORD_BYTES
  }
  records = (r - RECORDS) / RECORD_BYTES
  return p
}
