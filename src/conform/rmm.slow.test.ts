// Every recorded sequence of both generations (../shared/data/rmm) in full.
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { gz, replay } from '../../test/_recorded-rmm.ts'
import { defectText } from './rmm.ts'
import { huntFirmware } from './rmm-hangs.ts'

const shared = '../shared/data/rmm/sequences.json.gz'
test.skipIf(!existsSync(shared))(
  'all 200 recorded sequences of TF-RMM v0.8.0 replay without a mismatch (needs ../shared)',
  () => {
    const t = replay('sequences', gz(shared))
    expect(t.mismatches).toEqual([])
    expect(t.operations).toBe(14197)
    expect(t.sequences).toBe(200)
    expect(t.defects.every((d) => defectText(d).endsWith('the model answers ERROR_INPUT'))).toBe(true)
  }
)

const shared2 = '../shared/data/rmm/sequences-rmi2.json.gz'
test.skipIf(!existsSync(shared2))(
  'all 350 recorded sequences of TF-RMM main 9a7f8ef4 replay without a mismatch (needs ../shared)',
  () => {
    const t = replay('sequences-rmi2', gz(shared2))
    expect([t.errors, t.mismatches]).toEqual([[], []])
    expect([t.sequences, t.operations]).toEqual([350, 97818])
    expect(t.defects.filter((d) => d.stop === null)).toEqual([])
    // The figures that --hangs prints without recordings.
    for (const h of huntFirmware().hazards.filter((z) => z.kind !== 'deadlock')) {
      expect(h.recorded).toBe(
        `recorded: ${t.defects.filter((d) => d.stop?.startsWith(`${h.kind}:`)).length} of ${t.sequences} ` +
          'sequences end at such a command'
      )
    }
  }
)
