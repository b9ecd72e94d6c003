// What the last build of dist/ was made of, and whether that is as it was.
'use strict'
const { existsSync, readFileSync, statSync } = require('node:fs')
const { join } = require('node:path')
const { root } = require('./installed.cjs')

const out = join(root, 'dist')
// What the last whole build was made of and which files it wrote. It comes last: a build that was killed is built
// again.
const stamp = join(out, '.stamp')

// Time and size of a file, or of a folder whose files are listed in a source. Times are compared with themselves only,
// so that a clock that was wrong costs one build, not all.
function signature(path) {
  const s = statSync(`${root}/${path}`, { throwIfNoEntry: false })
  return s === undefined ? '' : `${s.mtimeMs} ${s.size}`
}

/** The scripts of the last build: what each is made of, with signatures; and all files that it wrote. */
function lastBuild() {
  try {
    const { scripts, files } = JSON.parse(readFileSync(stamp, 'utf8'))
    if (typeof scripts === 'object' && Array.isArray(files)) return { scripts, files }
  } catch {
    // None, or half a one.
  }
  return { scripts: {}, files: [] }
}

/**
 * A script of the last build, `main`, `check` or `usage`; null when something that it is made of changed since, or a
 * file of the build is gone.
 */
function current(script = 'main') {
  const { scripts, files } = lastBuild()
  const made = Object.hasOwn(scripts, script) ? scripts[script] : null
  return made?.sources.every(([path, as]) => signature(path) === as) && files.every((f) => existsSync(join(out, f)))
    ? join(out, made.file)
    : null
}

module.exports = { current, lastBuild, out, signature, stamp }
