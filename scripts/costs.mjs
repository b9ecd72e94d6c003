// Measures the tests of the library: how many transitions each took, all its runs together, into litmus/costs.json.
// Shares of work are balanced by it (tbit check --shard). Run it when tests were added or grew; until then new ones go
// where their name says.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './install.mjs'

const out = execFileSync(join(root, 'tbit'), ['check', '--format', 'json'], {
  cwd: root,
  maxBuffer: 2 ** 30,
  stdio: ['ignore', 'pipe', 'inherit']
})
const transitions = {}
// What a run costs at least, whatever it searches: reading, boot.
const RUN = 100
for (const r of JSON.parse(out).results) transitions[r.test] = (transitions[r.test] ?? 0) + r.transitions + RUN
const sorted = Object.fromEntries(Object.entries(transitions).sort(([a], [b]) => (a < b ? -1 : 1)))
writeFileSync(
  join(root, 'litmus', 'costs.json'),
  JSON.stringify(
    { what: 'transitions of all runs of each test, as scripts/costs.mjs measured them', transitions: sorted },
    null,
    1
  ) + '\n'
)
