import { availableParallelism } from 'node:os'
import { relative } from 'node:path'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

// Seconds of the files that take longest, on two cores. They begin first: vitest, which in a fresh clone goes by the
// size of a file, has one core wait for the last of them.
const SECONDS: Readonly<Record<string, number>> = {
  'test/kernel/build.outside.test.ts': 280,
  'test/kernel/conform.outside.test.ts': 230,
  'test/kernel/check.outside.test.ts': 190,
  'test/robust/compiler.outside.test.ts': 160,
  'test/web/site.outside.test.ts': 120,
  'test/cli/kunit.outside.test.ts': 85,
  'test/kernel/recordings.outside.test.ts': 62,
  'test/package/package.outside.test.ts': 40,
  'test/cli/transcripts.slow.test.ts': 170,
  'test/twin.slow.test.ts': 80,
  'test/library.slow.test.ts': 170,
  'test/robust/killed.slow.test.ts': 40,
  'src/check/search.slow.test.ts': 35,
  'src/hunt/hunt.slow.test.ts': 35,
  'test/cli/width.slow.test.ts': 35,
  'test/fleet.slow.test.ts': 12,
  'test/engine/decisions-read.slow.test.ts': 30,
  'test/docs/commands.slow.test.ts': 25
}

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const seconds = (f: TestSpecification): number => SECONDS[relative(import.meta.dirname, f.moduleId)] ?? 0
    return (await super.sort(files)).sort((a, b) => seconds(b) - seconds(a))
  }
}

/** Whether the command line asks for this set alone. */
const only = (set: string): boolean => process.argv.some((a) => a === set || a === `--project=${set}`)

// Three sets. `fast` is what one runs on each change: no program is started, a property is tried a quarter of its times.
// `slow` (*.slow.test.ts): the whole library by every engine, each printed command. `outside` (*.outside.test.ts): what
// needs more than the checkout: kernel trees, the C compiler, guests, a browser, a scheduler, other versions of Node.
// Files of the first two share a process and its modules: loading them anew for each file was a third of the fast one's
// time. Whether they do is asked of the project (modules) and of the whole (processes).
export default defineConfig({
  test: {
    // Of two cores vitest would leave one idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    minWorkers: 1,
    poolOptions: { forks: { isolate: !only('fast') && !only('slow') } },
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'fast',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: ['**/*.slow.test.ts', '**/*.outside.test.ts', 'node_modules/**'],
          testTimeout: 240_000,
          hookTimeout: 240_000,
          isolate: false,
          setupFiles: ['test/yield.ts', 'test/stacks.ts']
        }
      },
      {
        test: {
          name: 'slow',
          include: ['src/**/*.slow.test.ts', 'test/**/*.slow.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          isolate: false,
          setupFiles: ['test/yield.ts', 'test/stacks.ts']
        }
      },
      {
        test: {
          name: 'outside',
          include: ['src/**/*.outside.test.ts', 'test/**/*.outside.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          setupFiles: ['test/yield.ts', 'test/stacks.ts']
        }
      }
    ]
  }
})
