// Written by scripts/registry.mjs from the files of this folder: one a platform.
import { platform as amd_sev_snp } from './amd-sev-snp.ts'
import { platform as amd_sme_host } from './amd-sme-host.ts'
import { platform as arm_cca } from './arm-cca.ts'
import { platform as intel_tdx } from './intel-tdx.ts'
import { platform as none } from './none.ts'
import { platform as pkvm } from './pkvm.ts'
import { platform as s390_pv } from './s390-pv.ts'

export const all = [amd_sev_snp, amd_sme_host, arm_cca, intel_tdx, none, pkvm, s390_pv]
