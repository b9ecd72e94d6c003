// Installs the locked dependencies when node_modules is missing or older than the lockfile.
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import start from './installed.cjs'

export const { installed, root } = start

export function ensureInstalled() {
  if (installed()) return
  process.stderr.write('tbit: installing dependencies (npm ci)\n')
  // Loaded by those who install: it costs every other start a tenth.
  const { spawnSync } = createRequire(import.meta.url)('node:child_process')
  const r = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2]
  })
  if (r.status === 0) return
  // A registry that serves only some platforms' packages: the locked versions all the same, and the lockfile stays as
  // it is.
  const again = spawnSync('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2]
  })
  if (again.status !== 0) {
    process.stderr.write('tbit: npm ci and npm install failed; run npm ci in the checkout to see why\n')
    process.exit(2)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) ensureInstalled()
