// The RIM of a plan, computed as a verifier would: without a machine, from the same commands in the same order.
import { PAGE_SIZE } from '../base/index.ts'
import {
  hash,
  type HashFn,
  levelSize,
  rimData,
  rimInit,
  rimRec,
  rimRipas,
  rimRules,
  toHex
} from '../machine/rmm/index.ts'
import { Layout } from './layout.ts'
import { imagePages, measuredFlags, type PlanSpec } from './spec.ts'

/** Where the boot REC starts, when the RIM is to include it. */
export interface Entry {
  readonly pc: number | bigint
  readonly gprs: ReadonlyArray<number | bigint>
  readonly flags?: number
}

/** Extensions of the RIM that images and RIPAS make, and one for the boot REC when its entry is known. */
export const chainLength = (extensions: number, entry: Entry | null): number => extensions + (entry === null ? 0 : 1)

/** The RIM of a plan in hexadecimal, for algorithm 0 (SHA-256), 1 (SHA-512) or 2 (SHA-384). Images must be readable. */
export function planRim(spec: PlanSpec, algo: number, entry: Entry | null, h: HashFn = hash): string {
  const rules = rimRules[spec.generation]
  const { sveVl, bps, wps, pmuCtrs } = spec.measured
  let rim = rimInit(
    { algo, s2sz: spec.geo.s2sz, flags: measuredFlags(spec.measured), sveVl, bps, wps, pmuCtrs },
    rules,
    h
  )
  if (rules.ripasMeasured) {
    new Layout(spec).ripas({
      call(ipa, entries, level) {
        const size = levelSize(level)
        for (let i = 0; i < entries; i++) rim = rimRipas(algo, rim, ipa + i * size, ipa + (i + 1) * size, h)
      },
      table() {}
    })
  }
  const page = new Uint8Array(PAGE_SIZE)
  for (const image of spec.images) {
    const { read } = image
    if (read === undefined) throw new TypeError(`image ${image.name} has no bytes to measure`)
    for (let p = 0; p < imagePages(image); p++) {
      const part = read(p * PAGE_SIZE, PAGE_SIZE)
      let whole = part
      if (part.length < PAGE_SIZE) {
        page.fill(0)
        page.set(part)
        whole = page
      }
      rim = rimData(algo, rim, image.addr + p * PAGE_SIZE, 1, h(algo, whole), h)
    }
  }
  if (entry !== null) rim = rimRec(algo, rim, { flags: entry.flags ?? 1, pc: entry.pc, gprs: entry.gprs }, h)
  return toHex(rim)
}
