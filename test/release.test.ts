// A version is said in several places, and what is released has notes: `npm run release -- --dry-run` names what stands
// in the way.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from './_transcripts.ts'

const ask = (expression: string): unknown =>
  JSON.parse(
    execFileSync(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import * as r from '${join(root, 'scripts/release.mjs')}'; console.log(JSON.stringify(${expression}))`
      ],
      { encoding: 'utf8' }
    )
  )
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }

test('every place says the same version, but for a change log that is ahead', () => {
  const { 'CHANGELOG.md': log, ...others } = ask('r.versions()') as Record<string, string>
  expect(new Set(Object.values(others))).toEqual(new Set([version]))
  expect(log).toBe(version)
})

test('a version has notes; one that is none has none', () => {
  expect(ask(`r.notes('${version}')`)).toMatch(/^\* .{20,}/)
  expect(ask("r.notes('99.0.0')")).toBe('')
})
