// What an access does: the Realm's CPU and a T=1 device through the Realm's stage 2, the host and a T=0 device through
// the GPT. Source: reference arm-cca.md sections 1, 3 ("Realm CPU access") and 8 (T=1 outcomes).
import { ensure } from '../../base/index.ts'
import { Gpi, Ripas } from './codes.ts'
import { Kind, KIND_MASK, kindFacts } from './entry.ts'
import { levelSize, parEnd } from './geometry.ts'
import type { Realm, RmmState } from './state.ts'

/** Where an access of the Realm's address space ends. */
export type RealmAccess =
  | { readonly result: 'ok'; readonly pa: number; readonly pas: 'realm' | 'ns'; readonly writable: boolean }
  /** SEA in the Realm: the address can never be there. */
  | { readonly result: 'sea' }
  /** REC exit SYNC: the host is told and may repair it. */
  | { readonly result: 'exit'; readonly emulatable: boolean }
  /** Granule protection fault. */
  | { readonly result: 'gpf'; readonly pa: number }
  | { readonly result: 'permission' }

/** S2AP write permission of an unprotected descriptor (bit 7). */
const writableNs = (desc: number): boolean => Math.floor(desc / 0x80) % 2 === 1

/** A data access (or fetch) of the Realm's CPU at `ipa`. */
export function realmCpuAccess(m: RmmState, r: Realm, ipa: number, fetch = false): RealmAccess {
  const at = m.entryAt(r, ipa)
  if (at === null) return { result: 'sea' }
  const kind = at.entry & KIND_MASK
  const facts = ensure(kindFacts[kind], 'the facts of an entry kind')
  const offset = ipa % levelSize(at.level)
  if (ipa < parEnd(r.geo)) {
    if (facts.ripas === Ripas.EMPTY) return { result: 'sea' }
    if (!facts.valid) return { result: 'exit', emulatable: false }
    if (kind === Kind.ASSIGNED_DEV_DEV && fetch) return { result: 'permission' }
    return { result: 'ok', pa: at.pa + offset, pas: 'realm', writable: true }
  }
  if (fetch) return { result: 'sea' }
  if (kind !== Kind.ASSIGNED_NS) return { result: 'exit', emulatable: true }
  const pa = at.pa - (at.pa % 4096) + offset
  return m.gpi(pa) === Gpi.NS ? { result: 'ok', pa, pas: 'ns', writable: writableNs(at.pa) } : { result: 'gpf', pa }
}

/** Where a T=1 transaction ends, once its stream table entry is valid: the CPU's stage 2, no faults that wait. */
export type T1Access =
  | { readonly result: 'ok'; readonly pa: number; readonly pas: 'realm' | 'ns'; readonly writable: boolean }
  /** F_TRANSLATION (stage 2) to the Realm event queue; the transaction is aborted. */
  | { readonly result: 'translation' }
  /** F_ADDR_SIZE or F_TRANSLATION: outside the Realm's IPA space. */
  | { readonly result: 'size' }
  | { readonly result: 'gpf'; readonly pa: number }

/** A T=1 access of an enabled device of the Realm at `ipa`. */
export function t1Access(m: RmmState, r: Realm, ipa: number): T1Access {
  const at = m.entryAt(r, ipa)
  if (at === null) return { result: 'size' }
  const kind = at.entry & KIND_MASK
  const offset = ipa % levelSize(at.level)
  if (kind === Kind.ASSIGNED_RAM || kind === Kind.ASSIGNED_DEV_DEV)
    return { result: 'ok', pa: at.pa + offset, pas: 'realm', writable: true }
  if (kind !== Kind.ASSIGNED_NS) return { result: 'translation' }
  const pa = at.pa - (at.pa % 4096) + offset
  return m.gpi(pa) === Gpi.NS ? { result: 'ok', pa, pas: 'ns', writable: writableNs(at.pa) } : { result: 'gpf', pa }
}

/** The host's CPU or a T=0 device at a physical address: only non-secure granules answer. */
export function hostAccess(m: RmmState, pa: number): 'ok' | 'gpf' {
  return m.gpi(pa) === Gpi.NS ? 'ok' : 'gpf'
}
