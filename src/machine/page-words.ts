// The states a page can be in, in words. The meaning of each is with the type (rules.ts).
import type { PageClass } from './rules.ts'

/** `page 0x100 is ...`. */
export const pageWords: Record<PageClass, string> = {
  priv: 'private',
  unas: 'private and not populated',
  shr: 'shared',
  shr_unmapped: 'shared and not mapped by the host',
  shr_realm: 'a shared mapping of a protected granule',
  pmmio: 'a TEE range',
  pmmio_empty: 'a TEE range that nobody accepted',
  pmmio_down: 'a TEE range whose device left RUN',
  smmio: 'a NON_TEE range'
}
