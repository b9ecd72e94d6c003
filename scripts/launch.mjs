// What `./tbit` starts: install if needed, build if stale, then run the bundle in this process.
import { ensureInstalled } from './install.mjs'
import { build, current } from './build.mjs'
import { run } from './cached.mjs'

ensureInstalled()
const words = process.argv.slice(2)
const [verb = '--help'] = words
// What lists the verbs needs none of them.
const script = words.length <= 1 && /^(?:--help|-h)$/.test(verb) ? 'usage' : 'main'
run(current(script) ?? (await build(script)), /^[a-z]+$/.test(verb) ? verb : 'other')
