import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Decision,
  decisionNames,
  decisionTable,
  type Decisions,
  differences,
  flipText,
  noMeaning,
  partlyKnown,
  releaseAtMost,
  resolveRevision,
  revisionByName,
  revisions,
  withDecisions
} from './index.ts'
import { platforms } from '../../machine/index.ts'
// @ts-expect-error: a script, without types
import { texts } from '../../../scripts/registry.mjs'

const of = (text: string): string => {
  const r = resolveRevision(text)
  return r.ok ? r.value.name : `${r.error.at}: ${r.error.message}`
}

test('the lists of revisions and platforms are those of their folders', () => {
  for (const { path, text } of texts() as Array<{ path: string; text: string }>)
    expect(readFileSync(path, 'utf8')).toBe(text)
})

test('every record is complete: a value that exists and a source for each decision', () => {
  for (const r of [...revisions, ...partlyKnown])
    for (const d of decisionNames) {
      const { values } = decisionTable[d]
      if (values === 'boolean') expect(typeof r[d]).toBe('boolean')
      else if (values === 'release') expect(r[d]).toMatch(/^\d+\.\d+$/)
      else expect(values).toContain(r[d])
      expect(r.sources[d], `${r.name} ${d}`).toMatch(/\S/)
    }
})

test("every value of a decision is some revision's, or a what-if that is named here", () => {
  const whatIfs = [
    'acceptedAtInit=true',
    'acceptedTest=never',
    'acceptEvidence=same_lock',
    'trust=independent',
    'flagStorage.arm64=shared_byte',
    'flagStorage.arm64=atomic',
    'flagStorage.x86=own_byte',
    'flagStorage.x86=atomic',
    'flagStorage.s390=shared_byte',
    'flagStorage.s390=atomic',
    'tdxSharedBit=true',
    'snpPrivateHandle=plain',
    'canonicalPhys=stripped',
    'canonicalPhys=plain',
    'reencryptOnFree=at_alloc',
    'tdxPageRelease=true'
  ]
  const unused = decisionNames.flatMap((d) => {
    const { values } = decisionTable[d]
    return (values === 'boolean' ? [true, false] : values === 'release' ? [] : values)
      .filter((v) => ![...revisions, ...partlyKnown].some((r) => r[d] === v))
      .map((v) => `${d}=${String(v)}`)
  })
  expect(unused).toEqual(whatIfs)
})

describe('a revision as one writes it', () => {
  test('names and aliases', () => {
    expect(['cc-v8', '7.1', 'v7.1', 'linux-7.1', '6.12', 'v6.12', '7.3', ' cc-v8  '].map(of)).toEqual([
      'cc-v8',
      'linux-7.1',
      'linux-7.1',
      'linux-7.1',
      'linux-6.12',
      'linux-6.12',
      'linux-7.3',
      'cc-v8'
    ])
  })
  test('flips, in the order of the table whatever the order they are written in', () => {
    expect(of('7.1 + decryptRemapped')).toBe('linux-7.1 + decryptRemapped')
    expect(of('cc-v8  -  pkvmForces   reencryptOnFree=at_alloc')).toBe('cc-v8 - pkvmForces reencryptOnFree=at_alloc')
    expect(of('cc-v8 reencryptOnFree=at_alloc - pkvmForces')).toBe('cc-v8 - pkvmForces reencryptOnFree=at_alloc')
    expect(revisionByName('linux-7.1 + decryptRemapped')).toMatchObject({
      decryptRemapped: true,
      base: '7.1',
      sources: { decryptRemapped: 'f253a83ff94c' }
    })
    expect(revisionByName('rfc-v1 flagStorage.x86=atomic')?.sources['flagStorage.x86']).toBe(
      'a what-if: no revision has it'
    )
  })
  test('what is wrong is named with its place', () => {
    expect(of('')).toBe('0: a revision is missing')
    expect(of('cc-v9')).toBe("0: 'cc-v9' is no kernel")
    expect(of('cc-v8 +')).toBe("6: a decision is missing after '+'")
    expect(of('cc-v8 + pkvmForce')).toBe("8: 'pkvmForce' is no decision of a revision")
    expect(of('cc-v8 + constructor')).toBe("8: 'constructor' is no decision of a revision")
    expect(of('cc-v8 + mapPhys')).toBe("8: 'mapPhys' is not yes or no: write mapPhys=map_page|jiri|capable")
    expect(of('cc-v8 pkvmForces=yes')).toBe("6: 'pkvmForces' is yes or no: write + pkvmForces or - pkvmForces")
    expect(of('cc-v8 mapPhys=direct')).toBe("14: 'direct' is no value of mapPhys")
    expect(of('cc-v8 pkvmForces')).toBe("6: 'pkvmForces' is yes or no: write + pkvmForces or - pkvmForces")
    expect(of('cc-v8 base=new')).toBe("11: 'new' is no release")
  })
  test('any set of flips is read back as it is named', () => {
    const value = (d: Decision): fc.Arbitrary<Decisions[Decision]> => {
      const { values } = decisionTable[d]
      return values === 'boolean'
        ? fc.boolean()
        : values === 'release'
          ? fc.constantFrom('6.12', '7.3')
          : (fc.constantFrom(...values) as fc.Arbitrary<Decisions[Decision]>)
    }
    const flips = fc
      .uniqueArray(fc.constantFrom(...decisionNames))
      .chain((ds) => fc.tuple(...ds.map((d) => value(d).map((v) => [d, v] as const))))
    fc.assert(
      fc.property(fc.constantFrom(...revisions), flips, (base, list) => {
        const made = withDecisions(base, Object.fromEntries(list) as Partial<Decisions>)
        const read = resolveRevision([base.name, ...list.map(([d, v]) => flipText(d, v))].join(' '))
        expect(read.ok && read.value).toEqual(made)
        expect(differences(made, base).every((d) => list.some(([x]) => x === d))).toBe(true)
      })
    )
  })
})

test('the release for a version is the newest that is not newer', () => {
  expect(['6.11', '6.12', '6.14', '6.17', '7.0', '7.2', '7.3', '8.0'].map((v) => releaseAtMost(v)?.name)).toEqual([
    undefined,
    'linux-6.12',
    'linux-6.12',
    'linux-6.15',
    'linux-6.18',
    'linux-7.2',
    'linux-7.3',
    'linux-7.3'
  ])
})

test('pairs without meaning', () => {
  const none = revisions.flatMap((r) =>
    platforms.filter((p) => noMeaning(r, p) !== null).map((p) => `${r.name} ${p.name}`)
  )
  expect(none).toEqual([
    'linux-6.12 arm-cca',
    'rfc-v1 pkvm',
    'rfc-v1 s390-pv',
    'rfc-v1 amd-sme-host',
    'rfc-v1-05 pkvm',
    'rfc-v1-05 s390-pv',
    'rfc-v1-05 amd-sme-host'
  ])
  expect(noMeaning('linux-6.12 + realmGuest', 'arm-cca')).toBeNull()
  expect(() => noMeaning('no-such', 'arm-cca')).toThrow(RangeError)
})
