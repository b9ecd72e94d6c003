import { GiB, KiB, MiB } from '../../base/index.ts'

/** A size for reading: whole units where it has one. */
export const sizeText = (bytes: number): string => {
  if (bytes >= GiB && bytes % (GiB / 4) === 0) return `${bytes / GiB} GiB`
  if (bytes >= MiB) return `${Number.isInteger(bytes / MiB) ? bytes / MiB : (bytes / MiB).toFixed(1)} MiB`
  return bytes % KiB === 0 ? `${bytes / KiB} KiB` : `${bytes} bytes`
}
