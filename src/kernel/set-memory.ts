// set_memory_decrypted() and set_memory_encrypted(), step by step as each platform does them.
// Sources: arch/x86/mm/pat/set_memory.c, arch/x86/coco, arch/arm64/mm/mem_encrypt.c with the realm's ops (6.13+), the
// pKVM guest's hypercalls, s390's ultravisor calls. Contents are lost at the moment the page changes hands.
import { type CpuAddr, PAGE_SIZE, type Pfn } from '../base/index.ts'
import { virt_to_phys } from './linear-map.ts'
import { action, choose, type Store } from '../step/index.ts'
import { HW, PTE } from '../machine/index.ts'
import { EBUSY, EINVAL, EIO } from './errno.ts'
import type { Kernel } from './types.ts'

/**
 * mem_cc_shared_granule_size(): the unit in which memory is shared, as far as the guest asks for it (on Arm by RHI).
 */
export const mem_cc_shared_granule_size = (k: Kernel): number =>
  k.rev.sharedGranule === 'whole' ? Math.max(k.config.host_granule, k.page) : k.page

export const conversionsMayFail = (k: Kernel): boolean =>
  k.config.conversions === 'may_fail' && k.platform.conversionsFail

const setPte = action<[k: Kernel, pfn: Pfn, n: number, pte: number, text: string]>('__set_memory_enc_dec', {
  perform: (st, _outcome, k, pfn, n, pte) => {
    k.machine.setPte(st, pfn, n, pte)
    return 0
  },
  text: (_r, _outcome, _k, pfn, n, _pte, text) => `page 0x${pfn.toString(16)}${n > 1 ? `+${n}` : ''}: ${text}`,
  results: [0]
})

const CONVERT_RESULTS = ['ok', 'nochange', 'refused', 'unchanged'] as const

const convert = action<[k: Kernel, call: string, pfn: Pfn, n: number, shared: boolean]>('convert', {
  perform: (st, outcome, k, _call, pfn, n, shared) => {
    if (outcome === 1) return 4
    const was = k.machine.convert(st, pfn, n, shared)
    if (was === 'ok') k.observer.event(st, { kind: 'converted', pfn, n, shared })
    return CONVERT_RESULTS.indexOf(was)
  },
  text: (r, _outcome, _k, call, pfn, n, shared) =>
    `${call}(page 0x${pfn.toString(16)}${n > 1 ? `+${n}` : ''} ${shared ? 'shared' : 'private'})` +
    `${r === 4 ? ' fails' : r === 1 ? ': no change' : r === 2 ? ': the host refuses less than its granule' : ''}`,
  outcomes: (k) => (conversionsMayFail(k) ? 2 : 1),
  results: [0, 1, 2, 3, 4]
})

/** host_mirror: the host has answered with success, whatever became of its IOMMU's tables. */
const mirror = action<[k: Kernel, pfn: Pfn, n: number, shared: boolean]>('host mirror', {
  perform: (st, outcome, k, pfn, n, shared) => {
    k.machine.follow(st, pfn, n, shared, outcome === 0 ? n : k.config.host_mirror === 'partial' ? Math.floor(n / 2) : 0)
    return outcome
  },
  text: (r, _outcome, k, pfn, n, shared) =>
    `host: IOMMU ${shared ? 'map' : 'unmap'} of page 0x${pfn.toString(16)}${n > 1 ? `+${n}` : ''} for T=0` +
    (r === 0
      ? ''
      : k.config.host_mirror === 'partial' && n > 1
        ? ' stops half-way, and success is answered'
        : ' fails, and success is answered'),
  outcomes: () => 2,
  results: [0, 1]
})

/**
 * A page of a TD with TDX Connect stays pinned until the guest releases it, and this guest does not: the host cannot
 * take it.
 */
const pinned = (k: Kernel): boolean =>
  k.platform.conversion === 'mapgpa' && k.config.tdx_page_release === 'enforced' && !k.rev.tdxPageRelease

/**
 * The host cannot or will not share these pages, whatever else may fail: they are pinned, or less than its granule; and
 * the guest is told so.
 */
export const hostRefuses = (k: Kernel, pfn: Pfn, n: number): boolean =>
  pinned(k) || (k.platform.conversionsFail && k.machine.refusesToShare(pfn, n))

/**
 * What a conversion to shared that the host refuses leaves of the guest's mapping: the realm's stays invalid, TDX has
 * changed its page table already.
 */
export function mappingOfRefused(k: Kernel, st: Store, pfn: Pfn, n: number): void {
  if (k.platform.conversion === 'rsi') k.machine.setPte(st, pfn, n, PTE.invalid_shr)
  if (k.platform.conversion === 'mapgpa') k.machine.setPte(st, pfn, n, PTE.shr)
}

/**
 * TDG.MEM.PAGE.RELEASE: there is nothing behind the page from now on, and no way back but a new page that is accepted.
 */
const release = action<[k: Kernel, pfn: Pfn, n: number]>('tdx page release', {
  perform: (st, _outcome, k, pfn, n) => {
    k.machine.content.destroy(st, pfn * PAGE_SIZE, n * PAGE_SIZE)
    k.machine.setHw(st, pfn, n, HW.unas)
    return 0
  },
  text: (_r, _o, _k, pfn, n) => `TDG.MEM.PAGE.RELEASE(page 0x${pfn.toString(16)}${n > 1 ? `+${n}` : ''})`,
  results: [0]
})

/**
 * The call out of the guest: firmware and host do their part as one step. With `conversions may_fail` the host may
 * refuse.
 */
function hostConvert(
  k: Kernel,
  call: string,
  pfn: Pfn,
  n: number,
  shared: boolean
): (typeof CONVERT_RESULTS)[number] | 'failed' {
  const r = convert(k, call, pfn, n, shared)
  if (r === 0 && k.machine.mirror !== null) mirror(k, pfn, n, shared)
  return r === 4 ? 'failed' : (CONVERT_RESULTS[r] as (typeof CONVERT_RESULTS)[number])
}

/** set_memory_decrypted(addr, numpages): 0 or a negative errno. */
export const set_memory_decrypted = (k: Kernel, addr: CpuAddr, n: number): number =>
  __set_memory_enc_dec(k, addr, n, true)
/** set_memory_encrypted(addr, numpages): 0 or a negative errno. */
export const set_memory_encrypted = (k: Kernel, addr: CpuAddr, n: number): number =>
  __set_memory_enc_dec(k, addr, n, false)

// Pages that one call converts where calls are by page: a page, or the host's granule when the range is made of whole
// ones.
function unit(k: Kernel, pfn: Pfn, n: number): number {
  const g = k.config.host_granule / PAGE_SIZE
  return pfn % g === 0 && n % g === 0 ? g : 1
}

// Long: one switch, a platform a case, each in the order of its C.
function __set_memory_enc_dec(k: Kernel, addr: CpuAddr, n: number, shared: boolean): number {
  const pfn = Math.floor(addr / PAGE_SIZE)
  const site = shared ? 'set_memory_decrypted' : 'set_memory_encrypted'
  const kind = k.platform.conversion
  k.record(shared ? 'dec' : 'enc', virt_to_phys(addr), n)
  if (kind === 'none') return 0
  if (k.parts.host !== undefined) return k.parts.host.set_memory(shared, addr, n)
  // The pages of less than a granule would be the host's too.
  if (k.rev.sharedGranule === 'whole' && !k.machine.granules(pfn, n).exact) return EINVAL
  // Before the first step: nothing has changed (x86: conversion lock held by kexec; arm64: not the linear map).
  if (conversionsMayFail(k) && choose(`${site}(page 0x${pfn.toString(16)}) may fail at once`, 2) === 1)
    return kind === 'rsi' ? EINVAL : EBUSY
  switch (kind) {
    case 'rsi': {
      // arch/arm64/mm/pageattr.c __set_memory_enc_dec: mapping invalid, RSI, mapping valid.
      setPte(
        k,
        pfn,
        n,
        shared ? PTE.invalid_shr : PTE.invalid_priv,
        `linear mapping invalid, PROT_NS_SHARED ${shared ? 'set' : 'clear'}`
      )
      const r = hostConvert(
        k,
        shared ? 'rsi_set_memory_range_shared' : 'rsi_set_memory_range_protected',
        pfn,
        n,
        shared
      )
      if (r === 'failed' || r === 'refused') {
        k.warn(site, 'the realm state of memory could not be changed: pages will be leaked')
        return EIO
      }
      setPte(k, pfn, n, shared ? PTE.shr : PTE.priv, `linear mapping valid, ${shared ? 'shared' : 'private'}`)
      return 0
    }
    case 'psc': {
      // SNP: to shared in prepare (before the page table), to private in finish (after it).
      if (!shared) setPte(k, pfn, n, PTE.priv, 'C-bit set')
      const r = hostConvert(k, shared ? 'PSC+PVALIDATE(rescind)' : 'PSC+PVALIDATE(validate)', pfn, n, shared)
      if (r === 'nochange')
        k.crash(site, 'pvalidate without change', 'PVALIDATE answers "no change" and the guest terminates')
      if (r === 'failed' || r === 'refused') {
        k.warn(site, 'failed to convert pages')
        return EIO
      }
      if (shared) setPte(k, pfn, n, PTE.shr, 'C-bit clear')
      return 0
    }
    case 'mapgpa': {
      // TDX: to private MapGPA and accept in prepare, to shared MapGPA in finish.
      if (shared) setPte(k, pfn, n, PTE.shr, 'shared bit set')
      if (shared && pinned(k)) {
        k.warn(site, 'failed to convert pages: they are pinned')
        return EIO
      }
      if (shared && k.config.tdx_page_release !== 'off' && k.rev.tdxPageRelease) release(k, pfn, n)
      const r = hostConvert(k, shared ? 'MapGPA(shared)' : 'MapGPA(private)+ACCEPT', pfn, n, shared)
      if (r === 'failed' || r === 'refused' || r === 'nochange') {
        k.warn(site, 'failed to convert pages')
        return EIO
      }
      if (!shared) setPte(k, pfn, n, PTE.priv, 'shared bit clear')
      return 0
    }
    case 'hypercall': {
      // pKVM: one hypercall a page, stops at the first error, no rollback.
      for (let p = pfn; p < pfn + n; p += unit(k, pfn, n)) {
        const r = hostConvert(k, shared ? 'MEM_SHARE' : 'MEM_UNSHARE', p, unit(k, pfn, n), shared)
        if (r === 'failed' || r === 'refused' || r === 'nochange') return EINVAL
      }
      return 0
    }
    case 'ultravisor':
      // s390: one call a page; always answers 0.
      for (let p = pfn; p < pfn + n; p += unit(k, pfn, n))
        hostConvert(k, shared ? 'uv_set_shared' : 'uv_remove_shared', p, unit(k, pfn, n), shared)
      return 0
    case 'pte': {
      // The SME host: the C-bit of the page table is all there is.
      const r = hostConvert(k, shared ? 'C-bit clear' : 'C-bit set', pfn, n, shared)
      if (r === 'failed') {
        k.warn(site, 'failed to convert pages')
        return EIO
      }
      setPte(k, pfn, n, shared ? PTE.shr : PTE.priv, shared ? 'C-bit clear' : 'C-bit set')
      return 0
    }
  }
}
