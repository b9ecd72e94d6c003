// Installs the locked dependencies when node_modules is missing or older than the lockfile.
import { createRequire } from 'node:module'
import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/**
 * Whether node_modules is what the lockfile says. npm writes its marker last: an installation that was killed is none.
 */
export function installed() {
  const marker = join(root, 'node_modules', '.package-lock.json')
  return (
    existsSync(marker) &&
    (statSync(marker).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs - 1000 || sameLock(marker))
  )
}

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

// A checkout can touch the lockfile without changing it; the installed tree is still right if each locked version is
// there.
import { readFileSync } from 'node:fs'
function sameLock(marker) {
  const want = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  let have
  try {
    have = JSON.parse(readFileSync(marker, 'utf8')).packages
  } catch {
    // An installation that was killed.
    return false
  }
  for (const [path, p] of Object.entries(want)) {
    if (path === '' || p.optional) continue
    if (have[path]?.version !== p.version) return false
  }
  return true
}

if (process.argv[1] === fileURLToPath(import.meta.url)) ensureInstalled()
