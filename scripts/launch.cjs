// What `./tbit` starts: install if needed, build if stale, then run the bundle in this process.
'use strict'
const { installed } = require('./installed.cjs')
const { current } = require('./current.cjs')
const { partOf, run } = require('./cached.cjs')

const words = process.argv.slice(2)
const [verb = '--help'] = words
// What lists the verbs needs none of them, and `check` no other.
const script = words.length <= 1 && /^(?:--help|-h)$/.test(verb) ? 'usage' : verb === 'check' ? 'check' : 'main'
const part = partOf(words)

const made = installed() ? current(script) : null
if (made !== null) run(made, part)
else
  import('./build.mjs').then(async ({ ready }) => {
    run(await ready(script), part)
  })
