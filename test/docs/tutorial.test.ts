// Every command of the tutorial prints what the tutorial shows.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const tutorial = readFileSync('docs/tutorial.md', 'utf8')
const blocks = [...tutorial.matchAll(/```\n(\$ \.\/tbit [^\n]*)\n([\s\S]*?)```/g)].map((m) => ({ command: (m[1] as string).slice(2), output: (m[2] as string).trimEnd() }))

test('the tutorial shows commands', () => { expect(blocks.length).toBeGreaterThan(4) })

for (const { command, output } of blocks) {
  test(command, () => {
    const r = spawnSync('sh', ['-c', command], { encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } })
    expect(r.stdout).toContain(output)
  })
}

test('the test in the tutorial is the file beside it', () => {
  expect(tutorial).toContain(readFileSync('docs/examples/tutorial.litmus', 'utf8').trimEnd())
})
