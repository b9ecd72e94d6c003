import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

// Two sets: `fast` runs on each push; files named *.slow.test.ts make the slow set.
export default defineConfig({
  test: {
    // Of two cores vitest would leave one idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    minWorkers: 1,
    projects: [
      { test: { name: 'fast', include: ['src/**/*.test.ts', 'test/**/*.test.ts'], exclude: ['**/*.slow.test.ts', 'node_modules/**'], testTimeout: 240_000, setupFiles: ['test/yield.ts'] } },
      { test: { name: 'slow', include: ['src/**/*.slow.test.ts', 'test/**/*.slow.test.ts'], testTimeout: 600_000, hookTimeout: 600_000, setupFiles: ['test/yield.ts'] } }
    ]
  }
})
