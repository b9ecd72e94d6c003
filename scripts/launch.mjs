// What `./tbit` starts: install if needed, build if stale, then run the bundle in this process.
import { ensureInstalled } from './install.mjs'
import { build, current } from './build.mjs'
import { run } from './cached.mjs'

ensureInstalled()
const [verb = 'help'] = process.argv.slice(2)
run(current() ?? (await build()), /^[a-z]+$/.test(verb) ? verb : 'other')
