// A start with what an earlier start compiled (scripts/cached.mjs).
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const cached = new URL('../scripts/cached.mjs', import.meta.url).href

test('a verb that imports a module at run time can do so at every start', () => {
  const dir = mkdtempSync(join(tmpdir(), 'tbit-start-'))
  try {
    const file = join(dir, 'x.cjs')
    writeFileSync(file, 'async function late() { console.log(typeof (await import("node:os")).cpus) }\nlate()\n')
    const start = (part: string): string => execFileSync(process.execPath, ['--no-warnings', '--input-type=module', '-e', `import { run } from '${cached}'; run('${file}', '${part}')`], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    for (const part of ['kernel', 'conform']) for (let i = 0; i < 3; i++) expect([part, i, start(part)]).toEqual([part, i, 'function\n'])
    expect(readdirSync(dir)).toEqual(['x.cjs'])
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})
