// Directories as a file system can hold them: loops, links to nowhere, pipes, folders that nobody may read, names of
// any bytes.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { litmusFiles, loadTests } from '../../src/cli/files.ts'
import { filesOf } from '../../src/cli/read-lines.ts'
import { type Random, WORDS } from './random.ts'

const TEST = 'litmus a "b"\nplatform none\nthread os { p = alloc_page() }\n'
const NAMES = [
  'a',
  'b',
  'x.litmus',
  'y.litmus',
  'z.jsonl',
  '.hidden',
  'node_modules',
  '-',
  ' ',
  'é.litmus',
  'n'.repeat(240),
  ...WORDS.filter((w) => w !== '' && !/[/\0]/.test(w))
]

/** Reads a random directory as `check` and `conform` do. @throws Error when something of it is no error in words */
export function readTree(r: Random): void {
  const top = mkdtempSync(join(tmpdir(), 'fuzz-tree-'))
  try {
    const dirs = [top]
    const locked: string[] = []
    for (let i = 0; i < 3 + r.below(12); i++) {
      const path = join(r.pick(dirs), r.pick(NAMES) + (r.chance(1, 3) ? '.litmus' : ''))
      try {
        switch (r.below(7)) {
          case 0:
          case 1:
            mkdirSync(path)
            dirs.push(path)
            break
          case 2:
            symlinkSync(r.pick([...dirs, path, '.', '..', 'nowhere', '/dev/zero', '/proc/self/fd/0']), path)
            break
          case 3:
            mkdirSync(path)
            chmodSync(path, 0)
            locked.push(path)
            break
          // A process each: seldom.
          case 4:
            if (r.chance(1, 40)) spawnSync('mkfifo', [path])
            break
          default:
            writeFileSync(path, r.pick([TEST, '', '\0\x01\x02'.repeat(50), 'litmus', `${TEST}${TEST}`]), { flag: 'wx' })
        }
      } catch {
        /* the name is taken, or too long */
      }
    }
    const { files, errors } = litmusFiles([top, join(top, 'none')])
    const loaded = loadTests(files)
    filesOf([top, join(top, 'a')], ['.jsonl'])
    for (const e of [...errors, ...loaded.errors])
      if (!/^TB-\d{3}$/.test(e.code) || e.code === 'TB-005' || e.message === '')
        throw new Error(`${e.code}: ${e.message}`)
    if (new Set(files).size !== files.length) throw new Error('a file is read twice')
    for (const path of locked) chmodSync(path, 0o700)
  } finally {
    rmSync(top, { recursive: true, force: true })
  }
}
