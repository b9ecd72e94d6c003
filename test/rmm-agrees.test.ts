// The checker's Arm machine keeps one class per page. This holds it against the RMM: random conversions and host tricks
// are done to both, by the commands a VMM would issue, and every access must end the same way.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { defaultConfig } from '../src/machine/config.ts'
import { HW, hwNames, Machine, PTE } from '../src/machine/machine.ts'
import { LabelContent, Words } from '../src/machine/content.ts'
import { platform as armCca } from '../src/machine/platforms/arm-cca.ts'
import { lookup } from '../src/machine/rules.ts'
import { DRAM_BASE, hostAccess, Kind, KIND_MASK, realmCpuAccess, Rmm1, t1Access } from '../src/machine/rmm/index.ts'
import { Layout, type Store } from '../src/step/index.ts'
import { runs } from './runs.ts'

const PAGES = 8
const S2SZ = 40
const ALIAS = 2 ** (S2SZ - 1)
const g = (n: number): number => DRAM_BASE + n * 4096
const RD = g(0)
const REC = g(1)
const RUN = g(900)
const page = (n: number): number => g(100 + n)
const NS = 0xd8

/** A VMM that answers the guest as Linux and kvmtool do, page by page. */
class Vmm {
  readonly m = new Rmm1({ measure: false })

  constructor() {
    const { m } = this
    for (let i = 0; i < 60; i++) this.ok(m.granuleDelegate(g(i)))
    this.ok(m.realmCreate(RD, { params: RUN, geo: { s2sz: S2SZ, start: 1, num: 2 }, rttBase: g(2), algo: 0, vmid: 1 }))
    for (const [n, ipa, level] of [
      [4, 0, 2],
      [5, 0, 3],
      [6, ALIAS, 2],
      [7, ALIAS, 3]
    ] as const)
      this.ok(m.rttCreate(RD, g(n), ipa, level))
    this.ok(m.rttInitRipas(RD, 0, PAGES * 4096))
    for (let i = 0; i < PAGES; i++) this.populate(i)
    this.ok(m.recCreate(RD, REC, { params: RUN, aux: Array.from({ length: 16 }, (_, i) => g(20 + i)) }))
    this.ok(m.realmActivate(RD))
  }

  ok(word: number): void {
    expect(word).toBe(0)
  }
  kind(ipa: number): number {
    const r = this.m.realm(RD)
    const e = r === undefined ? null : this.m.entryAt(r, ipa)
    return e === null ? -1 : e.entry & KIND_MASK
  }
  populate(i: number): void {
    this.ok(this.m.granuleDelegate(page(i)))
    this.ok(this.m.dataCreateUnknown(RD, page(i), i * 4096))
  }
  depopulate(i: number): void {
    this.ok(this.m.dataDestroy(RD, i * 4096))
    this.ok(this.m.granuleUndelegate(page(i)))
  }
  /** The guest's RSI_IPA_STATE_SET and the host's part of it. */
  ripas(i: number, ram: boolean): void {
    const base = i * 4096
    this.ok(
      this.m.recEnter(REC, {
        run: RUN,
        resume: true,
        action: { op: 'ripas_set', base, top: base + 4096, ripas: ram ? 1 : 0, destroyed: true }
      })
    )
    this.ok(this.m.rttSetRipas(RD, REC, base, base + 4096))
    this.ok(this.m.recEnter(REC, { run: RUN }))
  }
  unmapShared(i: number): void {
    if (this.kind(ALIAS + i * 4096) === Kind.ASSIGNED_NS) this.ok(this.m.rttUnmapUnprotected(RD, ALIAS + i * 4096, 3))
  }
  mapShared(i: number, pa: number): void {
    this.unmapShared(i)
    this.ok(this.m.rttMapUnprotected(RD, ALIAS + i * 4096, 3, pa + NS))
  }

  toShared(i: number): void {
    const was = this.kind(i * 4096)
    this.ripas(i, false)
    if (was === Kind.ASSIGNED_RAM || was === Kind.ASSIGNED_EMPTY) this.depopulate(i)
    this.mapShared(i, page(i))
  }
  toPrivate(i: number): void {
    this.unmapShared(i)
    this.ripas(i, true)
    if (this.kind(i * 4096) === Kind.UNASSIGNED_RAM) this.populate(i)
  }
  /** The host takes the page out of stage 2, or puts something else there. */
  hostUnmap(i: number): void {
    if (this.kind(i * 4096) === Kind.ASSIGNED_RAM) this.depopulate(i)
    else this.unmapShared(i)
  }
  hostRemap(i: number): void {
    if (this.kind(i * 4096) === Kind.ASSIGNED_RAM) this.depopulate(i)
    else if (this.kind(i * 4096) === Kind.UNASSIGNED_EMPTY) this.mapShared(i, g(200 + i))
  }
  hostProtect(i: number): void {
    this.mapShared(i, g(59))
  } // a granule of the Realm world
}

const T1 = { ok: 'ok', translation: 'fault:F_TRANSLATION', size: 'fault:F_TRANSLATION', gpf: 'fault:GPF' } as const

test('the page classes of the checker and the RMM give every access the same end', () => {
  const seen = new Set<string>()
  fc.assert(
    fc.property(
      fc.array(
        fc.record({ op: fc.constantFrom('shared', 'private', 'unmap', 'remap', 'protect'), i: fc.nat(PAGES - 1) }),
        { maxLength: 25 }
      ),
      (ops) => {
        const layout = new Layout()
        const config = { ...defaultConfig, ipa_bits: S2SZ, host_stage2: 'static_1g' as const }
        const machine = new Machine(layout, armCca, config, [], [], new Words(), new LabelContent(layout))
        const bytes = new ArrayBuffer(Math.max(4, layout.totalWords * 4))
        const st = { u8: new Uint8Array(bytes), u32: new Uint32Array(bytes) } as unknown as Store
        const vmm = new Vmm()
        const { m } = vmm
        const realm = m.realm(RD)
        if (realm === undefined) throw new Error('no realm')
        for (const { op, i } of ops) {
          const hw = machine.hw(st, i)
          // The checker's host does nothing more to a shared mapping once it points at protected memory.
          if (hw === HW.shr_realm && (op === 'unmap' || op === 'remap')) continue
          switch (op) {
            case 'shared':
              if (machine.convert(st, i, 1, true) === 'ok') vmm.toShared(i)
              break
            case 'private':
              if (machine.convert(st, i, 1, false) === 'ok') vmm.toPrivate(i)
              break
            case 'unmap':
              machine.hostUnmap(st, i)
              vmm.hostUnmap(i)
              break
            case 'remap':
              machine.hostRemap(st, i)
              vmm.hostRemap(i)
              break
            default:
              if (hw === HW.shr || hw === HW.shr_unmapped) {
                machine.setHw(st, i, 1, HW.shr_realm)
                vmm.hostProtect(i)
              }
          }
          for (let p = 0; p < PAGES; p++) {
            const cls = hwNames[machine.hw(st, p)]
            if (cls === undefined) throw new Error('no class')
            seen.add(cls)
            for (const alias of ['P', 'S'] as const) {
              const t1 = lookup(armCca.rows, config, 1, alias, cls)
              expect([p, cls, alias, T1[t1Access(m, realm, p * 4096 + (alias === 'S' ? ALIAS : 0)).result]]).toEqual([
                p,
                cls,
                alias,
                t1?.read
              ])
            }
            // T=0 through a static stage 2 and the GPT: the page's own granule, at the private address.
            if (cls === 'priv' || cls === 'shr' || cls === 'unas') {
              const t0 = lookup(armCca.rows, config, 0, 'P', cls)
              expect([p, cls, hostAccess(m, page(p)) === 'ok' ? 'ok' : 'fault:GPF']).toEqual([p, cls, t0?.read])
            }
            // The guest's CPU at the alias its page table has.
            for (const [pte, alias] of [
              [PTE.priv, 0],
              [PTE.shr, ALIAS]
            ] as const) {
              // the host may still map it: no abort, no answer yet
              if (cls === 'shr_unmapped' && pte === PTE.shr) continue
              machine.setPte(st, p, 1, pte)
              expect([p, cls, pte, realmCpuAccess(m, realm, p * 4096 + alias).result === 'ok']).toEqual([
                p,
                cls,
                pte,
                machine.cpuAccess(st, p * 4096, 8) === 'ok'
              ])
            }
          }
        }
      }
    ),
    {
      numRuns: runs(80),
      examples: [
        [
          [
            { op: 'shared', i: 0 },
            { op: 'unmap', i: 0 },
            { op: 'remap', i: 0 },
            { op: 'protect', i: 0 },
            { op: 'private', i: 0 }
          ]
        ]
      ]
    }
  )
  expect([...seen].sort()).toEqual(['priv', 'shr', 'shr_realm', 'shr_unmapped', 'unas'])
})
