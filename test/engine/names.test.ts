// A revision and a platform are known by their records alone. Who names one decides by name what a decision or a fact
// of the record should decide.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { revisions } from '../../src/kernel/index.ts'
import { platforms } from '../../src/machine/index.ts'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const records = ['src/kernel/revisions/', 'src/machine/platforms/']

/** Files that may name some, and why. */
const reasons: Readonly<Record<string, string>> = {
  'src/kernel/tsm.ts': 'the functions of each TSM core, by the value of the decision `accept`',
  'src/kernel/tsm-drivers.ts': 'the drivers of each TSM core, by the value of the decision `accept`',
  'src/kernel/tsm-cores.ts': 'the data of each TSM core, by the value of the decision `accept`',
  'src/kernel/revisions/decisions.ts': 'the values of `accept` are named for the postings that brought them',
  'src/replay/log/boot.ts': 'what a line of a boot log says of the machine',
  'src/replay/log/causes.ts': 'causes by the machine that a log tells of',
  'src/replay/log/context.ts': 'what a line of a boot log says of the machine',
  'src/replay/log/fixes.ts': 'which machines a fix is for',
  'src/replay/log/signs.ts': 'what a line of a log says of the machine',
  'src/conform/kernel-recording.ts': 'which system a recording is of',
  'src/kernel-c/boots.ts': 'the machine that surrounds a tree: its build knows no platform',
  'src/kernel-c/kernel-c.ts': 'the machine that surrounds a tree: its build knows no platform',
  'src/conform/swiotlb.ts': 'which system a recording is of',
  'src/conform/_swiotlb-machine.ts': 'which system a recording is of',
  'src/conform/swiotlb-api.ts': 'which kernel a recording is of',
  'src/conform/api-scenarios.ts': 'which machine a scenario builds',
  'src/conform/kernel.ts': 'which machine a scenario builds',
  'src/conform/kernel-check.ts': "which revision a tree's flag stands for",
  'src/web/static/pages.ts': 'which page shows a mapping first',
  'src/web/static/starting-points.ts': 'three findings of the library to begin with',
  'src/cli/rules.ts': 'the default of an option',
  'src/cli/explain-dma.ts': 'the default of an option'
}

function sources(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((e) =>
    e.isDirectory()
      ? sources(join(dir, e.name))
      : e.name.endsWith('.ts') && !e.name.endsWith('.test.ts')
        ? [join(dir, e.name)]
        : []
  )
}

test('no source file beside the records names a revision or a platform', () => {
  const names = [...revisions, ...platforms].map((x) => x.name).filter((n) => n !== 'none')
  const quoted = new RegExp(`['"](?:${names.map((n) => n.replace(/[.]/g, '\\.')).join('|')})['"]`)
  const naming = sources(join(root, 'src'))
    .map((f) => relative(root, f))
    .filter((f) => !records.some((r) => f.startsWith(r)))
    .filter((f) =>
      readFileSync(join(root, f), 'utf8')
        .split('\n')
        .some((l) => !/^\s*(\/\/|\*|\/\*)/.test(l) && quoted.test(l))
    )
  expect(naming.filter((f) => reasons[f] === undefined)).toEqual([])
  // A reason that is no longer needed goes.
  expect(Object.keys(reasons).filter((f) => !records.some((r) => f.startsWith(r)) && !naming.includes(f))).toEqual([])
})
