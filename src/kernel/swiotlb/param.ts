// swiotlb= on the command line, as setup_io_tlb_npages() reads it (kernel/dma/swiotlb.c; 6.12.117 and 7.3.4), and what
// the kernel ignores without a word.
import { IO_TLB_SEGSIZE, IO_TLB_SIZE } from './pool.ts'
import { sizeText } from './size-text.ts'
import { type KernelVersion, kernelVersion } from './version.ts'

export const align = (n: number, a: number): number => Math.ceil(n / a) * a
export const isPowerOf2 = (n: number): boolean => n > 0 && 2 ** Math.round(Math.log2(n)) === n
export const roundup_pow_of_two = (n: number): number => 2 ** Math.ceil(Math.log2(n))

/** What swiotlb= said, after all its occurrences. */
export interface SwiotlbParam {
  /** As the kernel keeps it; null: not given. */
  readonly nslabs: number | null
  readonly nareas: number | null
  readonly force: boolean
  readonly noforce: boolean
  /** 7.3 and later: the high-water mark is counted. */
  readonly track_hiwater: boolean
  readonly notes: readonly string[]
}

// simple_strtoul(str, &end, 0): decimal, 0x hexadecimal, leading 0 octal.
function strtoul(text: string): { value: number; rest: string } {
  const m =
    /^0x[0-9a-f]+/i.exec(text) ?? /^0[0-7]*(?![0-9])/.exec(text) ?? /^[1-9]\d*/.exec(text) ?? /^0[0-7]*/.exec(text)
  const digits = m?.[0] ?? ''
  const value = /^0x/i.test(digits)
    ? Number.parseInt(digits, 16)
    : digits.length > 1 && digits.startsWith('0')
      ? Number.parseInt(digits, 8)
      : Number(digits)
  return { value, rest: text.slice(digits.length) }
}

/**
 * setup_io_tlb_npages() for each `swiotlb=` of a command line, in order: what each leaves behind, and what the kernel
 * silently ignores.
 */
export function parseSwiotlbParam(cmdline: string, version: KernelVersion): SwiotlbParam {
  let nslabs: number | null = null
  let nareas: number | null = null
  let force = false
  let noforce = false
  let track_hiwater = false
  const notes: string[] = []
  const given = cmdline.split(/\s+/).filter((w) => w.startsWith('swiotlb='))
  if (given.length > 1)
    notes.push(
      `swiotlb= is given ${given.length} times: a later size or number of areas replaces an earlier one, force ` +
        'and noforce stay'
    )
  for (const word of given) {
    let s = word.slice('swiotlb='.length)
    if (/^\d/.test(s)) {
      const n = strtoul(s)
      nslabs = align(n.value, IO_TLB_SEGSIZE)
      s = n.rest
    }
    if (s.startsWith(',')) s = s.slice(1)
    if (version >= kernelVersion(6, 0)) {
      if (/^\d/.test(s)) {
        const n = strtoul(s)
        nareas = n.value === 0 ? 1 : roundup_pow_of_two(n.value)
        if (nareas !== n.value) notes.push(`${n.value} areas become ${nareas}: their number is a power of two`)
        s = n.rest
      }
      if (s.startsWith(',')) s = s.slice(1)
    }
    let known = s === ''
    if (version >= kernelVersion(7, 3)) {
      if (s.startsWith('force')) {
        force = true
        s = s.slice(5)
      } else if (s.startsWith('noforce')) {
        noforce = true
        s = s.slice(7)
      }
      if (s.startsWith(',')) s = s.slice(1)
      if (s.startsWith('track_hiwater')) track_hiwater = true
      known = s === '' || track_hiwater
    } else if (s === 'force') {
      force = true
      known = true
    } else if (s === 'noforce') {
      noforce = true
      known = true
    }
    if (!known) {
      const unit = /^([KMGT])i?B?\b/i.exec(s)
      if (unit && nslabs !== null) {
        const n = strtoul(word.slice('swiotlb='.length)).value
        const bytes = n * 1024 ** ('KMGT'.indexOf((unit[1] ?? 'K').toUpperCase()) + 1)
        notes.push(
          `'${word}': the number counts slots of 2 KiB, not bytes; '${s}' is ignored and ${n} slots are ` +
            `${sizeText(nslabs * IO_TLB_SIZE)}; for ${sizeText(bytes)} write swiotlb=${bytes / IO_TLB_SIZE}`
        )
      } else if (/^(no)?force,track_hiwater/.test(s))
        notes.push(
          `'${word}': track_hiwater came with 7.3; here the whole of '${s}' is ignored, so that nothing is forced`
        )
      else if (/^(no)?force,/.test(s))
        notes.push(`'${word}': force and noforce must come last (swiotlb=SLOTS,AREAS,force); '${s}' is ignored`)
      else notes.push(`'${word}': '${s}' means nothing to the kernel and is ignored without a message`)
    }
  }
  return { nslabs, nareas, force, noforce, track_hiwater, notes }
}

/**
 * The pool that a machine of `slots` and `areas` boots with under this command line: setup_io_tlb_npages(),
 * round_up_default_nslabs(), limit_nareas(). 0 slots: none. Without a word about it no kernel differs: none is asked.
 */
export function bootPool(
  cmdline: string,
  kernel: () => KernelVersion,
  slots: number,
  areas: number
): { readonly slots: number; readonly areas: number; readonly force: boolean } {
  if (!cmdline.includes('swiotlb=')) return { slots, areas, force: false }
  const version = kernel()
  const param = parseSwiotlbParam(cmdline, version)
  if (param.noforce) return { slots: 0, areas: 0, force: param.force }
  if (param.nslabs === null && param.nareas === null) return { slots, areas, force: param.force }
  const nareas = param.nareas ?? areas
  const asked = param.nslabs ?? slots
  const nslabs = version < kernelVersion(6, 0) ? asked : roundup_pow_of_two(Math.max(asked, IO_TLB_SEGSIZE * nareas))
  return {
    slots: nslabs,
    areas: Math.min(nareas, Math.max(1, Math.floor(nslabs / IO_TLB_SEGSIZE))),
    force: param.force
  }
}
