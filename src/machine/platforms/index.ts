import type { Platform } from '../platform.ts'
import { amdSevSnp } from './amd-sev-snp.ts'
import { armCca } from './arm-cca.ts'
import { intelTdx } from './intel-tdx.ts'
import { amdSmeHost, none, pkvm, s390Pv } from './others.ts'

/** All platforms, in the order of the documents. */
export const platforms: readonly Platform[] = [armCca, amdSevSnp, intelTdx, pkvm, s390Pv, amdSmeHost, none]
export const platformByName = (name: string): Platform | undefined => platforms.find((p) => p.name === name)
