// `check --watch`: once more at each change, and a clean end by ^C.
import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { root } from '../_transcripts.ts'
import { scratch } from '../scratch.ts'

const dir = scratch('watch')
beforeAll(() => {
  spawnSync(join(root, 'tbit'), ['--version'])
}, 120_000)

test('a change, a file renamed into place, a new file: each is one more run; ^C ' +
  'ends with the last exit code', async () => {
  copyFileSync(join(root, 'test/fixtures/litmus/bits.litmus'), join(dir, 'a.litmus'))
  const child = spawn(join(root, 'tbit'), ['check', '--watch', '-q', dir])
  let [out, err] = ['', '']
  let wake = (): void => {}
  child.stdout.on('data', (d: Buffer) => {
    out += String(d)
    wake()
  })
  child.stderr.on('data', (d: Buffer) => {
    err += String(d)
    wake()
  })
  const ended = new Promise<number | null>((resolve) => {
    child.on('close', resolve)
  })
  // Waits for what a run says, never for a number of runs: a writer that is slow makes one change into two.
  const until = async (said: () => boolean): Promise<void> => {
    while (!said())
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    ;[out, err] = ['', '']
  }
  const summary = (): string =>
    out
      .trimEnd()
      .split('\n')
      .findLast((l) => /tests?, /.test(l)) ?? ''
  try {
    await until(() => err.includes('watching 1 file') && summary() !== '')
    writeFileSync(join(dir, 'a.litmus'), 'litmus a "b"\n')
    await until(() => err.includes('TB-233') && err.includes('watching'))
    copyFileSync(join(root, 'test/fixtures/litmus/bits.litmus'), join(dir, 'beside'))
    renameSync(join(dir, 'beside'), join(dir, 'a.litmus'))
    await until(() => /1 test, 1 run/.test(summary()) && err.includes('watching'))
    copyFileSync(join(root, 'test/fixtures/litmus/wrong-expectation.litmus'), join(dir, 'w.litmus'))
    await until(() => /1 surprise$/.test(summary()) && err.includes('watching 2 files'))
    child.kill('SIGINT')
    expect(await ended).toBe(1)
  } finally {
    child.kill('SIGKILL')
  }
}, 60_000)
