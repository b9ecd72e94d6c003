// What CONTRIBUTING.md says under "To add" is done, all of it in one copy of the sources that is built once; and the
// files that it names are the files that this does it in.
import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root } from './_transcripts.ts'
import { discard, newFolder } from './scratch.ts'

type Text = (path: string) => string

/** `files`: by path, the text that a step gives a file; `runs`: a command of the built copy, and what it must print. */
interface Recipe {
  readonly files: Readonly<Record<string, (was: Text) => string>>
  readonly runs: ReadonlyArray<readonly [command: readonly string[], prints: RegExp]>
}

/** `row` before the first `before` of a file. */
const insert =
  (path: string, before: string, row: string) =>
  (was: Text): string => {
    const text = was(path)
    expect(text, `${path} has ${before}`).toContain(before)
    return text.replace(before, () => `${row}${before}`)
  }
/** The text of another file of the same kind, with other words. */
const like =
  (path: string, words: Readonly<Record<string, string>>) =>
  (was: Text): string =>
    Object.entries(words).reduce((text, [from, to]) => {
      expect(text, `${path} has ${from}`).toContain(from)
      return text.replace(from, to)
    }, was(path))

const PROPERTY = `import type { Property } from './property.ts'
declare module '../step/step.ts' {
  interface PropertyNames {
    mapped_at_all: true
  }
}
export const property: Property = {
  name: 'mapped_at_all',
  order: 500,
  does: 'something is mapped',
  violated: 'something is mapped',
  byDefault: true,
  judge: () => ({
    mapped: (st) => {
      st.finding({ property: 'mapped_at_all', site: 'dma_map', decision: 'scratch', summary: 'it is mapped' })
    }
  })
}
`
const OPERATION = `{
    name: 'page_size',
    group: 'dma',
    params: [],
    options: [],
    result: 'number',
    provider: 'kernel',
    does: 'the bytes of a page',
    run: plain((b) => b.sys.kernel.page)
  },
  `
const FORMAT = `import type { TestList } from './list.ts'
export const listNames = ({ tests }: TestList): string => tests.map((t) => \`scratch \${t.name}\\n\`).join('')
`
const VERB = `import { Command } from 'commander'
import type { Io } from './io.ts'
export const scratchVerb = (io: Io): Command =>
  new Command('scratch').description('A verb.').action(() => {
    io.out('done\\n')
    io.exit(0)
  })
`

const recipes: Readonly<Record<string, Recipe>> = {
  'A kernel revision': {
    files: {
      'src/kernel/revisions/linux-9.9.ts': like('src/kernel/revisions/linux-7.2.ts', {
        "name: 'linux-7.2'": "name: 'linux-9.9'",
        "base: ['7.2', '7.2.13']": "base: ['9.9', 'scratch']"
      })
    },
    runs: [
      [['revisions', 'linux-9.9'], /9\.9/],
      [['check', 'coherent-at-t0', '--kernel', 'linux-9.9', '--platform', 'none'], /linux-9\.9/]
    ]
  },
  'A decision': {
    files: {
      'src/kernel/revisions/decisions.ts': insert(
        'src/kernel/revisions/decisions.ts',
        '  acceptedSkipsPools: {',
        "  neverBounces: { values: yesOrNo, does: 'no pool is used at all' },\n"
      ),
      'src/kernel/revisions/linux-6.12.ts': insert(
        'src/kernel/revisions/linux-6.12.ts',
        '    acceptedSkipsPools: [',
        "    neverBounces: [false, 'scratch'],\n"
      ),
      'src/kernel/device.ts': like('src/kernel/device.ts', {
        'dev.k.rev.acceptedSkipsPools &&': 'dev.k.rev.neverBounces || dev.k.rev.acceptedSkipsPools &&'
      }),
      'src/kernel-build/decisions.ts': insert(
        'src/kernel-build/decisions.ts',
        '    out.atomicPoolFailure = ',
        '    out.neverBounces = /\\bnever_bounces\\b/.test(pool)\n'
      )
    },
    runs: [
      [['explain', 'dma', '--platform', 'arm-cca', '--kernel', 'linux-7.3'], /is copied to a bounce buffer/],
      [['explain', 'dma', '--platform', 'arm-cca', '--kernel', 'linux-7.3 + neverBounces'], /there is no bounce pool/],
      [['revisions', 'linux-7.3', 'linux-7.3 + neverBounces'], /neverBounces/]
    ]
  },
  'A platform': {
    files: {
      'src/machine/platforms/scratch.ts': like('src/machine/platforms/none.ts', {
        "name: 'none'": "name: 'scratch'",
        'order: 7': 'order: 99'
      })
    },
    runs: [[['rules', '--platform', 'scratch'], /^scratch under cc-v8/]]
  },
  'A property': {
    files: { 'src/properties/mapped-at-all.ts': () => PROPERTY },
    runs: [[['check', 'scratch.litmus', '--kernel', 'linux-7.3', '--platform', 'none'], /mapped_at_all/]]
  },
  'An operation of the language': {
    files: {
      'src/litmus/operations.ts': insert(
        'src/litmus/operations.ts',
        "{\n    name: 'mem_cc_shared_granule_size'",
        OPERATION
      ),
      'src/hunt/client.ts': insert(
        'src/hunt/client.ts',
        '  mem_cc_shared_granule_size: {',
        "  page_size: { not: 'it changes nothing' },\n"
      )
    },
    runs: [[['check', 'scratch.litmus', '--kernel', 'linux-7.3', '--platform', 'none'], /violated: .*assert/]]
  },
  'An output format': {
    files: {
      'src/report/list-names.ts': () => FORMAT,
      'src/report/list.ts': like('src/report/list.ts', {
        'export const listFormats = {': 'export const listFormats = {\n  names: listNames,',
        "import { bullet, wrap } from './wrap.ts'":
          "import { bullet, wrap } from './wrap.ts'\nimport { listNames } from './list-names.ts'"
      })
    },
    runs: [[['list', 'coherent-at-t0', '--format', 'names'], /^scratch coherent-at-t0$/m]]
  },
  'A verb': {
    files: {
      'src/cli/scratch.ts': () => VERB,
      'src/cli/verbs.ts': like('src/cli/verbs.ts', {
        '  ui: {':
          "  scratch: { summary: 'a verb', load: async () => (await import('./scratch.ts')).scratchVerb },\n  ui: {",
        "['a browser', ['ui']]": "['a browser', ['ui', 'scratch']]"
      })
    },
    runs: [
      [['scratch'], /^done$/m],
      [['--help'], /scratch +a verb/]
    ]
  }
}

const TEST = `litmus scratch "x"
device nic { }
thread os { n = page_size(); assert (n == 1); p = alloc_page(); h = dma_map_single(nic, p, TO_DEVICE) }
`

let copy = ''
beforeAll(() => {
  copy = newFolder('recipes')
  for (const part of ['src', 'scripts', 'litmus', 'bin', 'tbit', 'package.json', 'package-lock.json'])
    cpSync(join(root, part), join(copy, part), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  const was: Text = (path) => readFileSync(join(copy, path), 'utf8')
  for (const { files } of Object.values(recipes))
    for (const [path, text] of Object.entries(files)) writeFileSync(join(copy, path), text(was))
  writeFileSync(join(copy, 'scratch.litmus'), TEST)
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: copy, stdio: 'pipe' })
}, 240_000)
afterAll(() => {
  discard(copy)
})

for (const [name, { runs }] of Object.entries(recipes))
  test(name, () => {
    for (const [command, prints] of runs) {
      let out = ''
      try {
        out = execFileSync('./tbit', command, { cwd: copy, encoding: 'utf8', stdio: 'pipe' })
      } catch (e) {
        const { stdout, stderr } = e as { stdout: string; stderr: string }
        out = `${stdout}${stderr}`
      }
      expect(out, command.join(' ')).toMatch(prints)
    }
  }, 120_000)

/** NAME and the like stand for a name of one's own. */
const isFor = (step: string, file: string): boolean =>
  step === file || (/[A-Z]{4}/.test(step) && dirname(step) === dirname(file))

test('CONTRIBUTING.md names the files in which it was done', () => {
  const page = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8')
  const sections = page.slice(page.indexOf('## To add')).split('\n### ').slice(1)
  const steps = new Map(sections.map((s) => [s.slice(0, s.indexOf('\n')), s]))
  for (const [name, { files }] of Object.entries(recipes)) {
    const first = [...(steps.get(name) ?? '').matchAll(/^\d+\. `(src\/[^`]+\.ts)`/gm)].map((m) => m[1] as string)
    const done = Object.keys(files)
    expect(first.length, name).toBe(done.length)
    for (const [i, step] of first.entries()) expect(isFor(step, done[i] ?? ''), `${step} for ${done[i]}`).toBe(true)
  }
})
