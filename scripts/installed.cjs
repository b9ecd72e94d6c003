// Whether the locked dependencies are there. CommonJS, as all that a start comes through: it loads in half the time.
'use strict'
const { existsSync, readFileSync, statSync, utimesSync } = require('node:fs')
const { dirname, join } = require('node:path')

const root = dirname(__dirname)

/**
 * Whether node_modules is what the lockfile says. npm writes its marker last: an installation that was killed is none.
 */
function installed() {
  const marker = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(marker)) return false
  const lock = statSync(join(root, 'package-lock.json'))
  if (statSync(marker).mtimeMs >= lock.mtimeMs - 1000) return true
  if (!sameLock(marker)) return false
  notedAs(marker, lock)
  return true
}

// A checkout can touch the lockfile without changing it; the installed tree is still right if each locked version is
// there.
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

/** The next start sees by the time that it was compared. */
function notedAs(marker, { atime, mtime }) {
  try {
    utimesSync(marker, atime, mtime)
  } catch {
    // A folder of somebody else: the next start compares again.
  }
}

module.exports = { installed, root }
