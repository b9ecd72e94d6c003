// The shares of `kernel series`: whoever compares which patch, joined they are the report of one machine. Trees that
// are only said to build stand for real ones, which take seconds each; test/kernel has those.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Diagnostic, err, ok } from '../base/index.ts'
import type { Tree } from '../kernel-build/index.ts'
import { type KernelReview, seriesFormats, type SeriesReview } from '../report/kernel-changes.ts'
import { type Patch, type Reviewing, reviewSeries, type Series, seriesItems } from './kernel-series.ts'
import type { Shares } from './shares.ts'

type Kind = 'builds' | 'broken' | 'elsewhere' | 'does not apply'

const error = (message: string): Diagnostic => ({ code: 'TB-607', file: 'x', line: 1, column: 1, word: '', message })

const tree = (name: string): Tree => ({ name, dir: '', version: '7.0.0', major: 7, minor: 0, read: () => null })

/** A series whose patches are of these kinds; a tree's `version` says how it builds, and of which patch it is. */
const series = (base: Kind, kinds: readonly Kind[]): Series => ({
  tree: { ...tree('base'), version: `${base} 0` },
  from: 'base',
  patches: kinds.map(
    (k, i): Patch => ({
      number: i + 1,
      subject: `does ${k}`,
      content: `${k} ${i}`,
      touched: [k === 'elsewhere' ? 'Documentation/x' : 'kernel/dma/direct.c'],
      on: (before) => {
        if (k === 'does not apply') return err(error('the patch does not apply'))
        return ok({ ...before, version: k === 'elsewhere' ? before.version : `${k} ${i + 1}` })
      }
    })
  )
})

const again = (): string => 'again'

/** Counts what it builds and compares. */
function reviewing(): Reviewing<Tree> & { compared: string[]; built: Set<string> } {
  const self = {
    compared: [] as string[],
    built: new Set<string>(),
    tree: (t: Tree) => t,
    broken: async (t: Tree) => {
      self.built.add(t.version)
      return t.version.startsWith('broken') ? [error(`${t.version} does not compile`)] : null
    },
    compare: async (a: Tree, b: Tree): Promise<KernelReview> => {
      self.compared.push(`${a.version} -> ${b.version}`)
      const errors = (await self.broken(b)) ?? []
      return {
        before: a.name,
        after: b.name,
        compared: 7,
        identical: false,
        changes: [],
        errors,
        undecided: 0,
        skipped: new Map([[`since ${a.version}`, 2]]),
        introduced: [],
        notes: [],
        again
      }
    },
    again
  }
  return self
}

/** Shares kept in memory, as lines of JSON. */
function share(lines: Map<string, string>, mine: (item: string) => boolean, merging = false): Shares {
  return {
    merging,
    begin: async () => null,
    mine,
    known: (_, key) => (lines.has(key) ? JSON.parse(lines.get(key) as string) : undefined),
    done: (_, key, value) => {
      // as it is written: an answer that comes twice is the same
      const text = JSON.stringify(value)
      expect(lines.get(key) ?? text).toBe(text)
      lines.set(key, text)
    }
  }
}

const look = { width: 80 }
const told = (r: SeriesReview): string[] => Object.values(seriesFormats).map((f) => f(r, look))

const kind = fc.constantFrom<Kind>('builds', 'builds', 'broken', 'elsewhere', 'does not apply')

test('joined shares are the report of one machine, in each format', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<Kind>('builds', 'builds', 'builds', 'broken'),
      fc.array(kind, { maxLength: 8 }),
      fc.integer({ min: 1, max: 4 }),
      async (base, kinds, of) => {
        const s = series(base, kinds)
        const one = await reviewSeries(s, reviewing(), null)
        const lines = new Map<string, string>()
        const items = seriesItems(s)
        for (let i = 0; i < of; i++)
          await reviewSeries(
            s,
            reviewing(),
            share(lines, (item) => items.indexOf(item) % of === i)
          )
        const by = reviewing()
        const joined = await reviewSeries(
          s,
          by,
          share(lines, () => false, true)
        )
        expect(told(joined)).toEqual(told(one))
        expect([...by.compared, ...by.built]).toEqual([])
      }
    ),
    { numRuns: 200 }
  )
})

test('each patch is compared with the last before it that builds', async () => {
  const by = reviewing()
  const r = await reviewSeries(series('builds', ['builds', 'broken', 'elsewhere', 'broken', 'builds']), by, null)
  expect(by.compared).toEqual([
    'builds 0 -> builds 1',
    'builds 1 -> broken 2',
    'builds 1 -> broken 4',
    'builds 1 -> builds 5'
  ])
  expect(r.patches.map((p) => (p.review === 'none' ? 'none' : p.review.errors.length))).toEqual([0, 1, 'none', 1, 0])
})

test('a share builds what its own patches need, and what it has is not done again', async () => {
  const s = series('builds', ['builds', 'builds', 'builds', 'builds'])
  const third = seriesItems(s)[3] as string
  const lines = new Map<string, string>()
  const by = reviewing()
  await reviewSeries(
    s,
    by,
    share(lines, (i) => i === third)
  )
  expect(by.compared).toEqual(['builds 2 -> builds 3'])
  expect([...by.built].sort()).toEqual(['builds 2', 'builds 3'])
  const later = reviewing()
  await reviewSeries(
    s,
    later,
    share(lines, (i) => i === third)
  )
  expect(later.compared).toEqual([])
})
