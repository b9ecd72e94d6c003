// The rooms of the house in the order in which they may import: each only from those before it.
// `node scripts/rooms.mjs` writes the lint rule that holds this into biome.json.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './install.mjs'

export const rooms = [
  'base',
  'step',
  'machine',
  'kernel',
  'kernel-c',
  'system',
  'properties',
  'litmus',
  'check',
  'hunt',
  'rules',
  'replay',
  'plan',
  'conform',
  'report',
  'kernel-build',
  'lsp',
  'cli',
  'web'
]
// Rooms that run in a browser: no Node API, no console, no clock.
export const pure = rooms.slice(0, rooms.indexOf('report') + 1)

const rule = (group, message) => ({ group, message })

export function overrides() {
  return rooms.map((room, i) => {
    const later = rooms.slice(i + 1)
    const patterns = [
      rule(
        later.flatMap((r) => [`**/${r}/**`, `../${r}/**`]),
        `${room} may import only from the rooms before it: ${rooms.slice(0, i).join(', ') || 'none'}`
      )
    ]
    if (pure.includes(room)) patterns.push(rule(['node:*', 'node:*/**'], `${room} runs in a browser: no Node API here`))
    return {
      includes: [`src/${room}/**/*.ts`, `!src/${room}/**/*.test.ts`],
      linter: {
        rules: {
          style: {
            noRestrictedImports: { level: 'error', options: { patterns: patterns.filter((p) => p.group.length > 0) } }
          },
          ...(pure.includes(room) ? { suspicious: { noConsole: 'error' } } : {})
        }
      }
    }
  })
}

/** Files of a set share a process: of a module that one of them replaces, another may have the real one already. */
const tests = {
  includes: ['**/*.test.ts'],
  linter: {
    rules: {
      style: {
        noRestrictedImports: {
          level: 'error',
          options: {
            paths: {
              vitest: {
                importNames: ['vi'],
                message: 'tests share their modules, in an order left to chance: replace none, hand in a function'
              }
            }
          }
        }
      }
    }
  }
}

// AssemblyScript has numbers of 64 bits.
const wasm = {
  includes: ['wasm/**/*.ts'],
  linter: { rules: { correctness: { noPrecisionLoss: 'off' } } }
}

if (process.argv[1]?.endsWith('rooms.mjs')) {
  const path = join(root, 'biome.json')
  const config = JSON.parse(readFileSync(path, 'utf8'))
  config.overrides = [...overrides(), tests, wasm]
  writeFileSync(path, `${JSON.stringify(config, null, 2)}\n`)
}
