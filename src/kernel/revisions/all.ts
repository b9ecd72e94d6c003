// Written by scripts/registry.mjs from the files of this folder: one a revision.
import { revision as aik_vtom } from './aik-vtom.ts'
import { revision as cc_v4 } from './cc-v4.ts'
import { revision as cc_v5 } from './cc-v5.ts'
import { revision as cc_v6 } from './cc-v6.ts'
import { revision as cc_v7 } from './cc-v7.ts'
import { revision as cc_v8 } from './cc-v8.ts'
import { revision as cca_da } from './cca-da.ts'
import { revision as granule_v8 } from './granule-v8.ts'
import { revision as linux_6_12 } from './linux-6.12.ts'
import { revision as linux_6_15 } from './linux-6.15.ts'
import { revision as linux_6_18 } from './linux-6.18.ts'
import { revision as linux_7_1 } from './linux-7.1.ts'
import { revision as linux_7_2 } from './linux-7.2.ts'
import { revision as linux_7_3 } from './linux-7.3.ts'
import { revision as linux_7_3_merged } from './linux-7.3-merged.ts'
import { revision as rfc_v1 } from './rfc-v1.ts'
import { revision as rfc_v1_05 } from './rfc-v1-05.ts'
import { revision as tio_v2 } from './tio-v2.ts'
import { revision as tio_v3 } from './tio-v3.ts'

export const all = [
  aik_vtom,
  cc_v4,
  cc_v5,
  cc_v6,
  cc_v7,
  cc_v8,
  cca_da,
  granule_v8,
  linux_6_12,
  linux_6_15,
  linux_6_18,
  linux_7_1,
  linux_7_2,
  linux_7_3,
  linux_7_3_merged,
  rfc_v1,
  rfc_v1_05,
  tio_v2,
  tio_v3
]
