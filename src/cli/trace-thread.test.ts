import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { Names, Skips } from '../replay/index.ts'
import { readTracesBeside } from './trace-thread.ts'

const dir = mkdtempSync(join(tmpdir(), 'tbit-thread-'))
afterAll(() => rmSync(dir, { recursive: true }))

test.each([
  ['throws', "throw new Error('broken')", 'broken'],
  ['ends without a word', '', 'the thread that reads ended before its last word'],
  ['leaves', 'process.exit(3)', 'the thread that reads ended before its last word']
])('a thread that %s is an error, and nothing waits for it', async (name, script, message) => {
  const file = join(dir, `${name}.mjs`)
  writeFileSync(file, script)
  const hooks = { stop: () => false, progress: () => {}, cpus: () => {}, overwritten: () => {} }
  const sink = { event: () => {} }
  await expect(readTracesBeside([], sink, new Names(), new Skips(), hooks, pathToFileURL(file))).rejects.toThrow(
    message
  )
})
