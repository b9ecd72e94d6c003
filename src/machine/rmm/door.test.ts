import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  breakInterface,
  DEV_BASE,
  Door,
  doorAccept,
  type DoorState,
  doorLock,
  doorUnlock,
  DRAM_BASE,
  endSession,
  lockInterface,
  newDsm,
  type Pdev,
  Rmm2,
  startInterface,
  stopInterface,
  tdiOf,
  VdevState
} from './index.ts'
import { runs } from '../../../test/runs.ts'

const g = (n: number): number => DRAM_BASE + n * 4096
const [RD, REC, PDEV, RP, VDEV, DATA] = [g(0), g(1), g(80), g(120), g(40), g(900)]

/** An RMM with a Realm, a device behind a root port, and a VDEV that is unlocked. */
function firmware(): { m: Rmm2; pd: Pdev } {
  const m = new Rmm2({
    measure: false,
    dram: { base: DRAM_BASE, granules: 2048 },
    dev: { base: DEV_BASE, granules: 16 }
  })
  const ok = (word: number): void => {
    expect(word & 0xff).toBe(0)
  }
  for (const n of [
    0,
    1,
    40,
    64,
    65,
    120,
    ...Array.from({ length: 24 }, (_, i) => 80 + i),
    ...Array.from({ length: 16 }, (_, i) => 200 + i)
  ])
    ok(m.granuleRangeDelegate(g(n), g(n + 1)))
  for (let i = 81; i < 105; i++) if (m.granule(g(i)) === 0) ok(m.granuleRangeDelegate(g(i), g(i + 1)))
  ok(
    m.realmCreate(RD, { params: DATA, geo: { s2sz: 40, start: 1, num: 2 }, rttBase: g(64), algo: 0, vmid: 0, da: true })
  )
  ok(m.pdevCreate(PDEV, { params: DATA, aux: Array.from({ length: 24 }, (_, i) => g(81 + i)) }))
  ok(m.pdevCreate(RP, { params: DATA, category: 2, pdevId: 9 }))
  const settle = (pa: number): void => {
    for (let i = 0; i < 6; i++) {
      const p = m.pdev(pa)
      if (p !== undefined && (p.comm === 1 || p.comm === 2)) m.pdevCommunicate(pa, { data: DATA })
    }
  }
  settle(PDEV)
  ok(m.pdevSetPubkey(PDEV, { params: DATA }))
  settle(PDEV)
  settle(RP)
  ok(m.pdevStreamConnect({ params: DATA, pdev1: PDEV, pdev2: RP }))
  const stream = m.x1
  for (let i = 0; i < 6; i++)
    for (const pa of [RP, PDEV]) if ((m.pdev(pa)?.comm ?? 0) !== 0) m.pdevCommunicate(pa, { data: DATA })
  ok(m.pdevStreamComplete(PDEV, RP, stream))
  ok(m.vdevCreate(RD, PDEV, VDEV, { params: DATA, vdevId: 5 }))
  talk(m)
  ok(m.recCreate(RD, REC, { params: DATA, aux: Array.from({ length: 16 }, (_, i) => g(200 + i)) }))
  ok(m.realmActivate(RD))
  return { m, pd: m.pdev(PDEV) as Pdev }
}

function talk(m: Rmm2): void {
  for (let i = 0; i < 6; i++) {
    const v = m.vdev(VDEV)
    if (v !== undefined && (v.comm === 1 || v.comm === 2)) m.vdevCommunicate(RD, PDEV, VDEV, { data: DATA })
  }
}

function dmaEnable(m: Rmm2): void {
  m.recEnter(REC, { run: DATA, action: { op: 'vdev', vdevId: 5, call: { op: 'dma_enable', nonces: {} } } })
  m.vdevComplete(REC, VDEV)
  m.recEnter(REC, { run: DATA })
}

const STATE: Readonly<Record<number, number>> = {
  [VdevState.UNLOCKED]: Door.unlocked,
  [VdevState.LOCKED]: Door.locked,
  [VdevState.STARTED]: Door.started,
  [VdevState.ERROR]: Door.error
}

test(
  'the door is what the RMM does: lock, accept, unlock, in any order, with a device that breaks, resets or loses ' +
    'its session',
  () => {
    let refusals = 0
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('lock', 'accept', 'unlock', 'error', 'session', 'connect'), { maxLength: 14 }),
        (ops) => {
          const { m, pd } = firmware()
          const dsm = newDsm(1)
          dsm.session = true
          let s: DoorState = { vdev: Door.unlocked, ste: false }
          for (const op of ops) {
            switch (op) {
              case 'lock': {
                const a = doorLock(s, () => lockInterface(dsm, 0))
                s = a.state
                const word = m.vdevLock(RD, PDEV, VDEV)
                talk(m)
                expect([op, a.failed === 'VDEV_LOCK']).toEqual([op, word !== 0])
                if (a.failed !== null) refusals++
                break
              }
              case 'accept': {
                const a = doorAccept(s, () => startInterface(dsm, 0, tdiOf(dsm, 0).nonce))
                s = a.state
                const word = m.vdevStart(RD, PDEV, VDEV)
                talk(m)
                if (word === 0) dmaEnable(m)
                expect([op, a.failed === 'VDEV_START']).toEqual([op, word !== 0])
                if (a.failed !== null) refusals++
                break
              }
              case 'unlock': {
                const a = doorUnlock(s, () => stopInterface(dsm, 0))
                s = a.state
                // After a failed communication the host gives it up first.
                if (m.vdev(VDEV)?.comm === 3) expect(m.vdevAbort(VDEV, { rd: RD, pdev: PDEV })).toBe(0)
                const word = m.vdevUnlock(RD, PDEV, VDEV)
                talk(m)
                expect([op, a.failed === 'VDEV_UNLOCK']).toEqual([op, word !== 0])
                break
              }
              case 'error':
                for (const d of [dsm, pd.dsm]) breakInterface(d, 0)
                break
              case 'session':
                for (const d of [dsm, pd.dsm]) endSession(d)
                break
              case 'connect':
                for (const d of [dsm, pd.dsm]) d.session = true
                break
            }
            const v = m.vdev(VDEV)
            expect([op, STATE[v?.state ?? -1], v?.ste, tdiOf(pd.dsm, 0).state]).toEqual([
              op,
              s.vdev,
              s.ste,
              tdiOf(dsm, 0).state
            ])
          }
        }
      ),
      { numRuns: runs(120) }
    )
    // how many depends on what was drawn
    expect(refusals).toBeGreaterThan(0)
  }
)
