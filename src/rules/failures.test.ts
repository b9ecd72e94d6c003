// Failed step, what the device can still do: the table against what the drivers' order says.
import { expect, test } from 'vitest'
import { platforms } from '../machine/index.ts'
import { noMeaning, revisions } from '../kernel/index.ts'
import { failuresOf, stale } from './failures.ts'

const all = revisions.flatMap((r) => platforms.filter((p) => noMeaning(r, p) === null).map((p) => failuresOf(p, r)))
const of = (kernel: string, platform: string) =>
  all.filter((f) => f.revision.name === kernel && f.platform.name === platform)[0]

test('a table exactly where a device can be accepted, with every step of the driver', () => {
  for (const f of all)
    expect(f.source !== null, `${f.revision.name} on ${f.platform.name}`).toBe(
      f.revision.accept !== 'none' && f.platform.tdisp
    )
  expect(of('cc-v8', 'arm-cca')?.steps.map((s) => `${s.op} ${s.step}`)).toEqual([
    'lock lock',
    'accept report',
    'accept mmio_map',
    'accept run',
    'accept dma_enable',
    'unlock invalidate',
    'unlock stop',
    'unlock unbind'
  ])
})

test('accept answers an error whatever it has done, unlock success', () => {
  for (const f of all)
    for (const s of f.steps)
      expect(s.returns, `${f.revision.name} ${s.op} ${s.step}`).toBe(s.op === 'unlock' ? 'ok' : 'EIO')
})

test(
  'no rollback: a step of accept behind RUN leaves a running device that nobody believes in; before RUN nothing is ' +
    'left',
  () => {
    // rfc-v1-05 says `unlocked` of every locked device: a step that fails does not make it worse.
    for (const f of all.filter((x) => x.revision.name !== 'rfc-v1-05')) {
      const accept = f.steps.filter((s) => s.op === 'accept')
      const run = accept.findIndex((s) => s.step === 'run')
      accept.forEach((s, i) => {
        expect(stale(s), `${f.revision.name} on ${f.platform.name}: ${s.step}`).toBe(i > run)
      })
    }
  }
)

test(
  'unlock on CCA: a range that cannot be unmapped leaves the device in RUN with its access to private memory, and ' +
    'the core forgets it',
  () => {
    const s = of('cc-v8', 'arm-cca')?.steps.find((x) => x.step === 'invalidate')
    expect(s).toMatchObject({
      believes: 'unlocked',
      flag: false,
      tdi: 'run',
      t: 1,
      mmio: true,
      private: { read: 'ok', write: 'ok' }
    })
  }
)

test(
  "SNP: the sDTE is the guest's, so that a failed unbind leaves a running device whose " + 'requests are all aborted',
  () => {
    expect(of('cc-v8', 'amd-sev-snp')?.steps.find((x) => x.step === 'unbind')).toMatchObject({
      tdi: 'run',
      t: 1,
      private: { read: 'TRUSTED_DMA_OFF' }
    })
  }
)
