// `npm run release`: checks that a version is whole, packs it, tags it. It publishes nothing: the last line says what
// does. --dry-run: everything but the tests, the tarball and the tag.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './install.mjs'

const read = (path) => readFileSync(join(root, path), 'utf8')
const json = (path) => JSON.parse(read(path))

/** Every place that says the version. */
export const versions = () => ({
  'package.json': json('package.json').version,
  'package-lock.json': json('package-lock.json').packages[''].version,
  'CITATION.cff': /^version: (.*)$/m.exec(read('CITATION.cff'))?.[1],
  'editors/vscode/package.json': json('editors/vscode/package.json').version,
  'CHANGELOG.md': /^## (\d\S*)/m.exec(read('CHANGELOG.md'))?.[1]
})

/** What the change log says of a version. */
export function notes(version) {
  const text = read('CHANGELOG.md')
  const from = text.indexOf(`\n## ${version}`)
  if (from < 0) return ''
  const to = text.indexOf('\n## ', from + 1)
  return text.slice(text.indexOf('\n', from + 1), to < 0 ? undefined : to).trim()
}

/** What stands in the way of a release, a line each. */
export function obstacles() {
  const all = Object.entries(versions())
  const [, version] = all[0]
  const out = all
    .filter(([, v]) => v !== version)
    .map(([where, v]) => `${where} says ${v ?? 'no version'}, package.json ${version}`)
  if (notes(version) === '') out.push(`CHANGELOG.md has no notes under ## ${version}`)
  if (/^## Not released\n+\S/m.test(read('CHANGELOG.md'))) out.push('CHANGELOG.md has notes that are of no version')
  return out
}

const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()
const run = (command, ...args) => execFileSync(command, args, { cwd: root, stdio: 'inherit' })

function release(dry) {
  const { version } = json('package.json')
  const wrong = [
    ...obstacles(),
    ...(git('status', '--porcelain') === '' ? [] : ['the checkout has changes that are not committed']),
    ...(git('tag', '--list', `v${version}`) === '' ? [] : [`v${version} is a tag already`])
  ]
  for (const w of wrong) process.stderr.write(`release: ${w}\n`)
  if (wrong.length > 0 && !dry) process.exit(1)
  if (dry) {
    run('npm', 'run', '--silent', 'typecheck')
    run('npm', 'run', '--silent', 'lint')
  } else run('npm', 'test')
  run('npm', 'pack', ...(dry ? ['--dry-run'] : []))
  const message = `tbit ${version}\n\n${notes(version)}\n`
  process.stdout.write(`\ntag v${version}:\n\n${message}\n`)
  if (dry) process.exit(wrong.length > 0 ? 1 : 0)
  execFileSync('git', ['tag', '--annotate', `v${version}`, '--cleanup=verbatim', '--file=-'], {
    cwd: root,
    input: message
  })
  process.stdout.write(`to publish: git push origin v${version} && npm publish tbit-${version}.tgz\n`)
}

if (process.argv[1]?.endsWith('release.mjs')) release(process.argv.includes('--dry-run'))
