// The Realm Initial Measurement, bit for bit. Source: reference arm-cca.md section 6, checked there against a running
// TF-RMM v0.8.0. H is SHA-256 or SHA-512; all numbers little-endian; buffers zero-filled.
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js'
import { HashAlgo } from './codes.ts'

/**
 * What REALM_CREATE measures. Root tables, start level, vmid, personalisation value, planes and MECID are not measured.
 */
export interface RimParams {
  readonly algo: number
  readonly s2sz: number
  readonly flags: number
  readonly sveVl: number
  readonly bps: number
  readonly wps: number
  readonly pmuCtrs: number
}

/** What REC_CREATE measures of a runnable REC. */
export interface RecParams {
  readonly flags: number
  /** Registers have 64 bits: bigint where a number cannot say it. */
  readonly pc: number | bigint
  readonly gprs: ReadonlyArray<number | bigint>
}

/**
 * What a firmware generation measures. In TF-RMM main (9a7f8ef4, runtime/rmi/rtt.c) RTT_INIT_RIPAS no longer extends
 * the RIM; what REALM_CREATE measures there is not settled, so `initAllFields` stays on and can be switched.
 */
export interface RimRules {
  readonly ripasMeasured: boolean
  readonly initAllFields: boolean
}
export const rimRules: Record<'1.x' | '2.0', RimRules> = {
  '1.x': { ripasMeasured: true, initAllFields: true },
  '2.0': { ripasMeasured: false, initAllFields: true }
}

/** H by algorithm. The default is `hash`; a program that has a faster one may pass it, the values are the same. */
export type HashFn = (algo: number, data: Uint8Array) => Uint8Array

/** H of the Realm. @throws RangeError for an algorithm that is neither 0 (SHA-256), 1 (SHA-512) nor 2 (SHA-384) */
export function hash(algo: number, data: Uint8Array): Uint8Array {
  if (algo === HashAlgo.SHA256) return sha256(data)
  if (algo === HashAlgo.SHA512) return sha512(data)
  if (algo === HashAlgo.SHA384) return sha384(data)
  throw new RangeError(`hash algorithm ${algo}: 0 is SHA-256, 1 is SHA-512, 2 is SHA-384`)
}

function u64(v: DataView, at: number, n: number | bigint): void {
  if (typeof n === 'bigint') v.setBigUint64(at, n, true)
  else {
    v.setUint32(at, n >>> 0, true)
    v.setUint32(at + 4, Math.floor(n / 2 ** 32) >>> 0, true)
  }
}

/** The RIM after REALM_CREATE. */
export function rimInit(p: RimParams, rules: RimRules = rimRules['1.x'], h: HashFn = hash): Uint8Array {
  const page = new Uint8Array(4096)
  const v = new DataView(page.buffer)
  if (rules.initAllFields) {
    u64(v, 0x00, p.flags)
    v.setUint32(0x08, p.s2sz, true)
    v.setUint32(0x10, p.sveVl, true)
    v.setUint32(0x18, p.bps, true)
    v.setUint32(0x20, p.wps, true)
    v.setUint32(0x28, p.pmuCtrs, true)
  }
  page[0x30] = p.algo
  return h(p.algo, page)
}

const DESC = 256

function descriptor(type: number, rim: Uint8Array): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(DESC)
  const view = new DataView(bytes.buffer)
  bytes[0] = type
  u64(view, 0x08, DESC)
  bytes.set(rim, 0x10)
  return { bytes, view }
}

/** DATA_CREATE: `content` is H of the 4096 bytes when `flags` is 1 (measure), else null. */
export function rimData(
  algo: number,
  rim: Uint8Array,
  ipa: number,
  flags: number,
  content: Uint8Array | null,
  h: HashFn = hash
): Uint8Array {
  const d = descriptor(0, rim)
  u64(d.view, 0x50, ipa)
  u64(d.view, 0x58, flags)
  if (content !== null) d.bytes.set(content, 0x60)
  return h(algo, d.bytes)
}

/** REC_CREATE of a runnable REC. */
export function rimRec(algo: number, rim: Uint8Array, rec: RecParams, h: HashFn = hash): Uint8Array {
  const page = new Uint8Array(4096)
  const v = new DataView(page.buffer)
  u64(v, 0x000, rec.flags)
  u64(v, 0x200, rec.pc)
  for (let i = 0; i < 8; i++) u64(v, 0x300 + 8 * i, rec.gprs[i] ?? 0)
  const d = descriptor(1, rim)
  d.bytes.set(h(algo, page), 0x50)
  return h(algo, d.bytes)
}

/** RTT_INIT_RIPAS: one RTT entry [base, top). */
export function rimRipas(algo: number, rim: Uint8Array, base: number, top: number, h: HashFn = hash): Uint8Array {
  const d = descriptor(2, rim)
  u64(d.view, 0x50, base)
  u64(d.view, 0x58, top)
  return h(algo, d.bytes)
}

const HEX = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'))
/** Bytes as lower-case hexadecimal. */
export const toHex = (b: Uint8Array): string => Array.from(b, (x) => HEX[x] ?? '').join('')
