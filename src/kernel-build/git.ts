// A tree as git has it: `REPO@v7.2`, read without a checkout. What is compiled is taken out of the repository once and
// kept by the tree's own name; a commit near one that was taken out is that tree with the files that differ.
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Diagnostic, type Result, err, ok } from '../base/index.ts'
import { cachedTree } from './cache.ts'
import { complain } from './complain.ts'
import { makefileVersion, noPlace, openDir, PARTS, type Tree } from './tree.ts'

/** Bytes that git may answer with: the listing of a diff, a file. */
const MOST = 1 << 28

function git(repo: string, args: readonly string[]): { readonly out: string; readonly error: string | null } {
  const r = spawnSync('git', ['-C', repo, ...args], {
    encoding: 'utf8',
    maxBuffer: MOST,
    env: { ...process.env, GIT_OPTIONAL_LOCKS: '0' }
  })
  if (r.error) return { out: '', error: 'git is not installed' }
  return {
    out: r.stdout,
    error: r.status === 0 ? null : (r.stderr.trim().split('\n')[0] ?? '').replace(/^fatal: /, '')
  }
}

const isDirectory = (p: string): boolean => existsSync(p) && statSync(p).isDirectory()

/** `REPO@REF` in its parts; null for what is a path, or neither. */
export function gitSpec(spec: string): { readonly repo: string; readonly ref: string } | null {
  if (existsSync(spec)) return null
  // a ref may hold an @ (HEAD@{1}), a path may as well: the first cut at a directory counts
  for (let i = spec.indexOf('@'); i > 0; i = spec.indexOf('@', i + 1)) {
    const repo = spec.slice(0, i)
    if (isDirectory(repo)) return { repo, ref: spec.slice(i + 1) }
  }
  return null
}

const noRef = (repo: string, ref: string, why: string): Diagnostic =>
  complain('TB-613', `${repo}@${ref}`, `git does not know it: ${why}`, {
    word: ref,
    hint: `a tag, branch or commit that \`git -C ${repo} log REF\` accepts`
  })

function commitOf(repo: string, ref: string): Result<{ readonly commit: string; readonly tree: string }, Diagnostic> {
  if (ref === '' || ref.startsWith('-')) return err(noRef(repo, ref, 'no name of a revision'))
  const r = git(repo, ['rev-parse', '--verify', '--quiet', `${ref}^{commit}`, '--'])
  const commit = r.out.split('\n')[0] ?? ''
  if (r.error !== null || !/^[0-9a-f]{40,64}$/.test(commit)) return err(noRef(repo, ref, r.error || 'unknown revision'))
  const t = git(repo, ['rev-parse', '--verify', `${commit}^{tree}`])
  if (t.error !== null) return err(noRef(repo, ref, t.error))
  return ok({ commit, tree: t.out.trim() })
}

/** The tree of a commit. Errors: TB-613, and those of a directory. */
export function openGit(repo: string, ref: string): Result<Tree, Diagnostic> {
  const name = `${repo}@${ref}`
  const c = commitOf(repo, ref)
  if (!c.ok) return c
  const made = cachedTree(
    `git-${c.value.tree.slice(0, 24)}`,
    (part) => {
      const parts = git(repo, ['ls-tree', '--name-only', c.value.commit, '--', ...PARTS])
        .out.split('\n')
        .filter((p) => p !== '')
      if (parts.length === 0) return complain('TB-600', name, 'no kernel source: it has neither kernel/dma nor include')
      const a = git(repo, ['archive', '--format=tar', '-o', join(part, '.tar'), c.value.commit, '--', ...parts])
      const x =
        a.error === null
          ? spawnSync('tar', ['-xf', join(part, '.tar'), '-C', part, '--no-same-owner'], { encoding: 'utf8' })
          : null
      if (x === null || x.error !== undefined || x.status !== 0)
        return complain(
          'TB-603',
          name,
          `cannot be taken out of the repository: ${a.error ?? x?.error?.message ?? x?.stderr.trim() ?? ''}`
        )
      rmSync(join(part, '.tar'))
      return null
    },
    noPlace
  )
  return 'error' in made ? err(made.error) : openDir(name, made.at)
}

/**
 * A tree near `base`: the commit `to` seen as `base`, which is the tree of the commit `from`, with the files that
 * differ.
 */
function near(repo: string, base: Tree, from: string, to: string): Tree {
  const differ = new Map<string, string | null>()
  const list = git(repo, ['diff-tree', '-r', '-z', '--no-renames', '--name-only', from, to]).out
  const paths = new Set(list.split('\0').filter((p) => p !== ''))
  const read = (p: string): string | null => {
    if (!paths.has(p)) return base.read(p)
    if (!differ.has(p)) {
      const r = git(repo, ['cat-file', 'blob', `${to}:${p}`])
      differ.set(p, r.error === null ? r.out : null)
    }
    return differ.get(p) ?? null
  }
  const v = makefileVersion(read('Makefile') ?? '')
  return { ...base, ...(v ?? {}), name: `${repo}@${to.slice(0, 12)}`, read }
}

export interface Commit {
  readonly subject: string
  readonly tree: Tree
  readonly touched: readonly string[]
  readonly merge: boolean
}

/** The commits of `A..B` on the first parents' line, oldest first, with the tree of A. Errors: TB-613. */
export function commitsOf(
  repo: string,
  range: string
): Result<{ readonly base: Tree; readonly commits: readonly Commit[] }, Diagnostic> {
  const [a = '', b = ''] = range.split('..')
  const from = commitOf(repo, a)
  if (!from.ok) return from
  const to = commitOf(repo, b === '' ? 'HEAD' : b)
  if (!to.ok) return to
  const base = openGit(repo, a)
  if (!base.ok) return base
  const list = git(repo, [
    'rev-list',
    '--reverse',
    '--first-parent',
    '--parents',
    `${from.value.commit}..${to.value.commit}`
  ])
    .out.split('\n')
    .filter((l) => l !== '')
  if (list.length === 0)
    return err(
      complain('TB-613', `${repo}@${range}`, 'no commit lies between the two', {
        word: range,
        hint: 'A..B: the commits that B has and A has not'
      })
    )
  const commits = list.map((l): Commit => {
    const [commit = '', ...parents] = l.split(' ')
    const touched = git(repo, [
      'diff-tree',
      '-r',
      '-z',
      '--no-renames',
      '--name-only',
      parents[0] ?? from.value.commit,
      commit
    ])
      .out.split('\0')
      .filter((p) => p !== '')
    return {
      subject: git(repo, ['log', '-1', '--format=%s', commit]).out.trim(),
      tree: near(repo, base.value, from.value.commit, commit),
      touched,
      merge: parents.length > 1
    }
  })
  return ok({ base: base.value, commits })
}
