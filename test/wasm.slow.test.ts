import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
// @ts-expect-error: a script without types
import { OUTPUT, text } from '../scripts/wasm.mjs'

test('the module that is committed is what wasm/lines.ts is compiled to (node scripts/wasm.mjs)', async () => {
  expect(readFileSync(join(__dirname, '..', OUTPUT), 'utf8')).toBe(await text())
})
