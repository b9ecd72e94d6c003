import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { hash, rimData, rimInit, rimRec, rimRipas, rimRules, toHex } from './rim.ts'

const params = { algo: 0, s2sz: 48, flags: 0, sveVl: 0, bps: 1, wps: 1, pmuCtrs: 0 }

test('the vectors of the reference, recorded from a running TF-RMM', () => {
  let rim = rimInit(params)
  expect(toHex(rim)).toBe('6739dfb22b75ee1268d08dfa8369f501bc0b066243553f069f560d1fa1172973')
  rim = rimRipas(0, rimRipas(0, rim, 0, 0x1000), 0x1000, 0x2000)
  expect(toHex(rim)).toBe('28b0d00daf33d12060b397ba9363a0e352521798c69db16df189b31dd43837ef')
  rim = rimData(0, rim, 0, 1, hash(0, new Uint8Array(4096).fill(0xab)))
  expect(toHex(rim)).toBe('1cf0bb6cecd3b9b1a716ebc3fc2845c483c4aa1b717f20aa52443d2d6f48d8f3')
})

test('both algorithms, by another implementation of the hash, field by field', () => {
  for (const [algo, name, size] of [
    [0, 'sha256', 32],
    [1, 'sha512', 64]
  ] as const) {
    const h = (b: Uint8Array): Buffer => createHash(name).update(b).digest()
    const init = Buffer.alloc(4096)
    init.writeBigUInt64LE(5n, 0)
    init.writeUInt32LE(43, 8)
    init.writeUInt32LE(3, 0x10)
    init.writeUInt32LE(2, 0x18)
    init.writeUInt32LE(4, 0x20)
    init.writeUInt32LE(6, 0x28)
    init.writeUInt8(algo, 0x30)
    const rim = rimInit({ algo, s2sz: 43, flags: 5, sveVl: 3, bps: 2, wps: 4, pmuCtrs: 6 })
    expect(toHex(rim)).toBe(h(init).toString('hex'))
    expect(rim.length).toBe(size)
    const d = Buffer.alloc(256)
    d.writeBigUInt64LE(0x100n, 8)
    h(init).copy(d, 0x10)
    d.writeBigUInt64LE(0x123456789000n, 0x50)
    expect(toHex(rimData(algo, rim, 0x123456789000, 0, null))).toBe(h(d).toString('hex'))
    const rec = Buffer.alloc(4096)
    rec.writeBigUInt64LE(1n, 0)
    rec.writeBigUInt64LE(0x80200000n, 0x200)
    rec.writeBigUInt64LE(7n, 0x300)
    rec.writeBigUInt64LE(9n, 0x300 + 56)
    const r = Buffer.alloc(256)
    r.writeUInt8(1, 0)
    r.writeBigUInt64LE(0x100n, 8)
    h(init).copy(r, 0x10)
    h(rec).copy(r, 0x50)
    expect(toHex(rimRec(algo, rim, { flags: 1, pc: 0x80200000, gprs: [7, 0, 0, 0, 0, 0, 0, 9] }))).toBe(
      h(r).toString('hex')
    )
  }
})

test('a hash passed by the caller gives the same values', () => {
  const h = (algo: number, b: Uint8Array): Uint8Array =>
    new Uint8Array(
      createHash(algo === 0 ? 'sha256' : 'sha512')
        .update(b)
        .digest()
    )
  expect(toHex(rimRipas(1, rimInit({ ...params, algo: 1 }, rimRules['1.x'], h), 0, 4096, h))).toBe(
    toHex(rimRipas(1, rimInit({ ...params, algo: 1 }), 0, 4096))
  )
  for (const bytes of [0, 1, 111, 112, 128, 1000]) {
    const b = Uint8Array.from({ length: bytes }, (_, i) => i)
    for (const [algo, name] of [
      [0, 'sha256'],
      [1, 'sha512'],
      [2, 'sha384']
    ] as const)
      expect(toHex(hash(algo, b))).toBe(createHash(name).update(b).digest('hex'))
  }
  expect(() => hash(3, new Uint8Array(1))).toThrow(RangeError)
})

// Values that the calculator of realm measurements publishes with its tests (veraison/cca-realm-measurements,
// src/realm_config.rs and tests/event_log.rs, read July 2026). Two of its whole guests are in
// test/plan-cli.slow.test.ts.
test('published values of REALM_CREATE: another program, the same RIM', () => {
  const of = (p: Partial<typeof params>): string =>
    toHex(rimInit({ algo: 0, s2sz: 48, flags: 0, sveVl: 0, bps: 1, wps: 1, pmuCtrs: 0, ...p }))
  expect(of({})).toBe('6739dfb22b75ee1268d08dfa8369f501bc0b066243553f069f560d1fa1172973')
  expect(of({ algo: 1 })).toBe(
    '799e434048fb57eb9d4f0e2a2b9815872037725' +
      '2deab2bdfcd69b5a8f82237f434bd6bb1c75bf160a2d49382f733b3439a3ff769e4ea5dd9a6f72239d44bbbab'
  )
  expect(Buffer.from(of({ bps: 5, wps: 3 }), 'hex').toString('base64')).toBe(
    'iWDVaCY3CqpvybOgQdQkBolYK6QeKti7j5rfbSoM1ec='
  )
})
