// The package as a user gets it: packed, installed into an empty project, imported by name from JavaScript and
// TypeScript, run by its command.
import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { build } from 'esbuild'
import { publint } from 'publint'
import { beforeAll, describe, expect, test } from 'vitest'
import { scratch } from '../scratch.ts'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const work = scratch('package')
const project = join(work, 'project')
const installed = join(project, 'node_modules', 'tbit')
const { exports, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, unknown>
  dependencies: Record<string, string>
}
const names = Object.keys(exports)
  .filter((n) => n !== './package.json')
  .map((n) => n.slice(2))

/** This Node, and those that scripts/nodes.sh has brought. */
const brought =
  process.env['TBIT_NODES'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tbit/nodes')
const others = existsSync(brought)
  ? readdirSync(brought)
      .filter((v) => /^\d/.test(v))
      .sort()
  : []
if (others.length < 2)
  process.stdout.write(
    `the package on other Nodes: ${others.length === 0 ? 'skipped' : `only on ${others[0]}`}: scripts/nodes.sh ` +
      'brings 22 and 24\n'
  )
const nodes: readonly (readonly [version: string, path: string])[] = [
  [process.versions.node, process.execPath],
  ...others.map((v) => [v, join(brought, v, 'bin', 'node')] as const)
]

const identifier = (n: string): string => n.replace(/\W/g, '_')

function bytes(dir: string): number {
  return readdirSync(dir, { withFileTypes: true }).reduce(
    (sum, e) => sum + (e.isDirectory() ? bytes(join(dir, e.name)) : statSync(join(dir, e.name)).size),
    0
  )
}
const run = (command: string, args: string[]): { status: number | null; out: string } => {
  const r = spawnSync(command, args, { cwd: project, encoding: 'utf8', timeout: 120_000 })
  return { status: r.status, out: r.stdout + r.stderr }
}

const tarball = (): string => join(work, readdirSync(work).find((f) => f.endsWith('.tgz')) as string)

beforeAll(async () => {
  await promisify(execFile)('npm', ['pack', '--silent', '--pack-destination', work], { cwd: root })
  mkdirSync(installed, { recursive: true })
  execFileSync('tar', ['-xzf', tarball(), '-C', installed, '--strip-components=1'])
  // What npm would fetch for it: the locked versions, which lie here already.
  for (const d of Object.keys(dependencies))
    cpSync(join(root, 'node_modules', d), join(project, 'node_modules', d), { recursive: true })
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }\n')
}, 300_000)

describe('the package', () => {
  test('holds what runs and nothing else, in under 5 MB', () => {
    expect(readdirSync(installed).sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'bin',
      'docs',
      'editors',
      'litmus',
      'package.json',
      'pkg',
      'src'
    ])
    expect(bytes(installed)).toBeLessThan(5_000_000)
    // a source map for each file that the library loads, none for what the command alone does
    const pkg = readdirSync(join(installed, 'pkg'))
    const mapped = pkg.filter((f) => f.endsWith('.mjs')).map((f) => [f, pkg.includes(`${f}.map`)] as const)
    expect(
      mapped.map(([f]) => [f, readFileSync(join(installed, 'pkg', f), 'utf8').includes('sourceMappingURL')])
    ).toEqual(mapped)
    expect(mapped.some(([, has]) => has) && mapped.find(([f]) => f === 'main.mjs')?.[1] === false).toBe(true)
    // what a tree's C is compiled against is no module, and comes by name
    expect(readdirSync(join(installed, 'src', 'kernel-build', 'overlay'))).toContain('tbit.h')
  })

  test('publint finds nothing, and what is bundled has its notice', async () => {
    const { messages } = await publint({ pkgDir: installed, pack: false, strict: true })
    expect(messages.filter((m) => m.type !== 'suggestion')).toEqual([])
    const notices = readFileSync(join(installed, 'pkg', 'NOTICES.txt'), 'utf8')
    for (const name of [
      'vscode-jsonrpc',
      'vscode-languageserver',
      'vscode-languageserver-protocol',
      'vscode-languageserver-textdocument',
      'vscode-languageserver-types'
    ])
      expect(notices).toContain(`parts of ${name} `)
  })

  test('its types are what its modules are, for all who can import it', async () => {
    const result = await checkPackage(createPackageFromTarballData(readFileSync(tarball())))
    // ES modules alone: resolution that knows no exports (node10) and require() before Node 20.19 are not served.
    const problems =
      'problems' in result
        ? result.problems.filter(
            (p) => !('resolutionKind' in p && (p.resolutionKind === 'node10' || p.resolutionKind === 'node16-cjs'))
          )
        : [result]
    expect(problems).toEqual([])
  })

  test('its language server answers', () => {
    const text = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { processId: null, capabilities: {} }
    })
    const r = spawnSync(process.execPath, ['--stack-size=4000', join(installed, 'bin', 'tbit.mjs'), 'lsp'], {
      cwd: project,
      encoding: 'utf8',
      input: `Content-Length: ${text.length}\r\n\r\n${text}`,
      timeout: 60_000
    })
    expect(r.stdout).toContain('"serverInfo":{"name":"tbit"')
  })

  const programs = [
    ...readFileSync(join(root, 'docs', 'library.md'), 'utf8').matchAll(
      /^## (.*)$[\s\S]*?^```js\n([\s\S]*?)^```\n\n```text\n([\s\S]*?)^```/gm
    )
  ]
  describe.each(nodes)('on Node %s', (version, node) => {
    test('every entry is imported by name', () => {
      writeFileSync(
        join(project, 'all.mjs'),
        `${names.map((n) => `import * as ${identifier(n)} from 'tbit/${n}'`).join('\n')}\n` +
          `console.log(process.versions.node, [${names.map(identifier).join(', ')}].every((m) => ` +
          'Object.keys(m).length > 0))\n'
      )
      expect(run(node, ['all.mjs'])).toEqual({ status: 0, out: `${version} true\n` })
    })
    test.each(programs.map(([, title = '', program = '', output = '']) => [title, program, output]))(
      'docs/library.md: %s',
      (_title, program, output) => {
        writeFileSync(join(project, 'use.mjs'), program)
        expect(run(node, ['--stack-size=4000', 'use.mjs'])).toEqual({ status: 0, out: output })
      }
    )
    test('its command checks a test', () => {
      const checked = run(node, [join(installed, 'bin', 'tbit.mjs'), 'check', 'flag-atomic'])
      expect(checked.status, checked.out).toBe(0)
      expect(checked.out).toContain('0 surprises')
    })
  })
  test('docs/library.md has three programs', () => {
    expect(programs.length).toBe(3)
  })

  for (const [module, resolution] of [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler']
  ] as const) {
    test(`its types, resolved as ${resolution}`, () => {
      writeFileSync(
        join(project, 'use.ts'),
        `${names.map((n) => `import * as ${identifier(n)} from 'tbit/${n}'`).join('\n')}\nexport const all = [` +
          `${names.map(identifier).join(', ')}]\nexport const verdict: check.CheckResult['verdict'] = 'ok'\n`
      )
      const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
      expect(
        run(process.execPath, [
          tsc,
          '--noEmit',
          '--strict',
          '--target',
          'es2023',
          '--module',
          module,
          '--moduleResolution',
          resolution,
          'use.ts'
        ])
      ).toEqual({ status: 0, out: '' })
    })
  }

  test('the library needs nothing of Node: a browser bundle of every entry', async () => {
    writeFileSync(
      join(project, 'browser.mjs'),
      names.map((n) => `export * as ${identifier(n)} from 'tbit/${n}'`).join('\n')
    )
    const r = await build({
      entryPoints: [join(project, 'browser.mjs')],
      bundle: true,
      platform: 'browser',
      format: 'esm',
      write: false,
      logLevel: 'silent'
    })
    expect(r.errors).toEqual([])
    expect(r.outputFiles[0]?.text ?? '').not.toMatch(/from ?["']node:/)
  })

  test('its command answers, and says what is missing for a kernel tree', () => {
    const bin = join(installed, 'bin', 'tbit.mjs')
    expect(run(bin, ['--version']).out).toMatch(/^tbit \d+\.\d+\.\d+(?: \([0-9a-f]{12}\))?, formats 1\n$/)
    mkdirSync(join(project, 'tree'), { recursive: true })
    expect(run(bin, ['kernel', 'build', 'tree']).status).toBe(2)
  })
})
