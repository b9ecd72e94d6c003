// A start with what an earlier start compiled (scripts/cached.cjs).
import { execFileSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import zlib from 'node:zlib'
import { expect, test } from 'vitest'
import { discard, newFolder } from './scratch.ts'

const cached = new URL('../scripts/cached.cjs', import.meta.url).href

test('a module that is no part of the script is imported at every start', () => {
  const dir = newFolder('start')
  try {
    const file = join(dir, 'x.cjs')
    const late = "globalThis[Symbol.for('tbit.import')]('node:os')"
    writeFileSync(file, `async function late() { console.log(typeof (await ${late}).cpus) }\nlate()\n`)
    const start = (): string =>
      execFileSync(
        process.execPath,
        ['--no-warnings', '--input-type=module', '-e', `import { run } from '${cached}'; run('${file}', 'kernel')`],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }
      )
    for (let i = 0; i < 2; i++) expect([i, start()]).toEqual([i, 'function\n'])
    const kept = readdirSync(dir).filter((f) => f.endsWith('.v8'))
    expect(kept).toEqual('crc32' in zlib ? ['x.cjs.kernel.v8'] : [])
  } finally {
    discard(dir)
  }
})
