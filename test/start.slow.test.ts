// A start with what an earlier start compiled (scripts/cached.cjs).
import { execFileSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { discard, newFolder } from './scratch.ts'

const cached = new URL('../scripts/cached.cjs', import.meta.url).href

test('what builds a kernel, and so imports a module at run time, can do so at every start', () => {
  const dir = newFolder('start')
  try {
    const file = join(dir, 'x.cjs')
    writeFileSync(file, 'async function late() { console.log(typeof (await import("node:os")).cpus) }\nlate()\n')
    const start = (words: readonly string[]): string =>
      execFileSync(
        process.execPath,
        [
          '--no-warnings',
          '--input-type=module',
          '-e',
          `import { run } from '${cached}'; run('${file}', '${words[0]}', ${JSON.stringify(words)})`
        ],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }
      )
    for (const line of ['kernel check x', 'conform kernel x', 'dev conform kernel x', 'hunt --tree x', 'hunt --tree=x'])
      for (let i = 0; i < 2; i++) expect([line, i, start(line.split(' '))]).toEqual([line, i, 'function\n'])
    expect(readdirSync(dir)).toEqual(['x.cjs'])
  } finally {
    discard(dir)
  }
})
