// What `./tbit` starts: install if needed, build if stale, then run the bundle in this process.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureInstalled, root } from './install.mjs'
import { build, stale } from './build.mjs'

ensureInstalled()
if (stale()) await build()
await import(pathToFileURL(join(root, 'dist', 'main.mjs')).href)
