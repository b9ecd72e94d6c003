import { execFileSync } from 'node:child_process'
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { commitsOf, gitSpec, openGit } from './git.ts'
import { discard, newFolder } from '../../test/scratch.ts'

// A repository with the names of a kernel's files and nothing of a kernel.
const dir = newFolder('git')
const repo = join(dir, 'repo')
const git = (...args: string[]): void => {
  execFileSync('git', ['-C', repo, '-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args], { stdio: 'ignore' })
}
const had = process.env['TBIT_CACHE']

beforeAll(() => {
  process.env['TBIT_CACHE'] = join(dir, 'cache')
  cpSync(join(import.meta.dirname, '../../test/fixtures/kernel-stub'), repo, { recursive: true })
  execFileSync('git', ['init', '-q', repo])
  git('add', '.')
  git('commit', '-qm', 'base')
  git('tag', 'v1')
  writeFileSync(join(repo, 'kernel/dma/direct.c'), 'changed\n')
  git('commit', '-qam', 'dma: change')
  writeFileSync(join(repo, 'README'), 'x\n')
  git('add', '.')
  git('commit', '-qm', 'elsewhere')
  writeFileSync(join(repo, 'kernel/dma/direct.c'), 'not committed\n')
})
afterAll(() => {
  if (had === undefined) delete process.env['TBIT_CACHE']
  else process.env['TBIT_CACHE'] = had
  discard(dir)
})

test('a revision is read as git has it, whatever lies in the work tree', () => {
  const [old, now] = [openGit(repo, 'v1'), openGit(repo, 'HEAD')]
  expect(old.ok && [old.value.version, old.value.read('kernel/dma/direct.c')]).toEqual([
    '6.12.0',
    'one\ntwo\nthree\nfour\n'
  ])
  expect(now.ok && now.value.read('kernel/dma/direct.c')).toBe('changed\n')
  expect(gitSpec(`${repo}@v1`)).toEqual({ repo, ref: 'v1' })
  expect(gitSpec(repo)).toBeNull()
  expect(gitSpec('nowhere@v1')).toBeNull()
})

test('a range gives its commits, oldest first, each with the files it touches', () => {
  const c = commitsOf(repo, 'v1..HEAD')
  expect(
    c.ok && c.value.commits.map((k) => [k.subject, k.touched, k.tree.read('kernel/dma/direct.c'), k.merge])
  ).toEqual([
    ['dma: change', ['kernel/dma/direct.c'], 'changed\n', false],
    ['elsewhere', ['README'], 'changed\n', false]
  ])
  expect(c.ok && c.value.base.read('kernel/dma/direct.c')).toBe('one\ntwo\nthree\nfour\n')
})

test('what git does not know is a message', () => {
  expect(openGit(repo, 'nowhere')).toMatchObject({ ok: false, error: { code: 'TB-613', word: 'nowhere' } })
  expect(openGit(repo, '--help')).toMatchObject({ ok: false, error: { code: 'TB-613' } })
  expect(openGit(dir, 'HEAD')).toMatchObject({ ok: false, error: { code: 'TB-613' } })
  expect(commitsOf(repo, 'HEAD..HEAD')).toMatchObject({
    ok: false,
    error: { code: 'TB-613', message: /no commit lies between/ }
  })
})
