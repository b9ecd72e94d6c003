// The completion in a real bash: what it offers behind some words. fish and zsh check the scripts' syntax where they
// are installed.
import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { root } from '../_transcripts.ts'
import { scratch } from '../scratch.ts'

const dir = scratch('completion')
const script = (shell: string): string => join(dir, shell)
beforeAll(() => {
  for (const s of ['bash', 'zsh', 'fish']) writeFileSync(script(s), execFileSync(join(root, 'tbit'), ['completion', s]))
}, 120_000)

/** The words offered for the last of `words`. */
function offered(...words: string[]): string[] {
  const quoted = words.map((w) => `'${w}'`).join(' ')
  const r = spawnSync(
    'bash',
    [
      '--norc',
      '-c',
      `. '${script('bash')}'; COMP_WORDS=(tbit ${quoted}); COMP_CWORD=${words.length}; _tbit; printf '%s\\n' ` +
        `"\${COMPREPLY[@]}"`
    ],
    { encoding: 'utf8' }
  )
  expect(r.stderr).toBe('')
  return r.stdout.split('\n').filter((l) => l !== '')
}

test('verbs, and the verbs below them', () => {
  expect(offered('ch')).toEqual(['check'])
  expect(offered('')).toEqual(expect.arrayContaining(['check', 'lsp', 'list', 'completion']))
  expect(offered('conform', '')).toEqual(expect.arrayContaining(['swiotlb', 'rmm', 'kernel']))
  expect(offered('completion', '')).toEqual(['bash', 'zsh', 'fish'])
  expect(offered('show', '')).toEqual(expect.arrayContaining(['rules', 'revisions', 'tests', 'contract']))
  expect(offered('dev', 'conform', '')).toEqual(expect.arrayContaining(['swiotlb', 'rmm', 'kernel']))
})

test('options and their values, lists with commas', () => {
  expect(offered('check', '--wa')).toEqual(['--watch'])
  expect(offered('conform', 'rmm', '--form')).toEqual(['--format'])
  expect(offered('check', '--format', 'j')).toEqual(['json', 'junit'])
  expect(offered('check', '--format', '=', 'j')).toEqual(['json', 'junit'])
  expect(offered('check', '--kernel', 'rfc-v1,cc-v')).toEqual(
    ['cc-v4', 'cc-v5', 'cc-v6', 'cc-v7', 'cc-v8'].map((k) => `rfc-v1,${k}`)
  )
  expect(offered('rules', '--platform', 'arm')).toEqual(['arm-cca'])
  expect(offered('check', '--html', '')).toEqual([])
})

test('tests of the library by name', () => {
  expect(offered('check', 'flag-at')).toEqual(['flag-atomic', 'flag-atomic-without-atomic'])
})

const has = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).status === 0
test.each(['zsh', 'fish'])('%s reads its script', (shell) => {
  if (!has(shell)) return console.log(`skipped: no ${shell} here`)
  expect(spawnSync(shell, ['-n', script(shell)], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' })
})
