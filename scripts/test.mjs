// `npm test [fast|slow|outside]`: types, lint, layout, then the three sets (vitest.config.ts says what is in which).
// The last line is `N passed, N failed`, whatever happened before it.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { root } from './install.mjs'
import { build, current } from './build.mjs'
import { register } from './registry.mjs'

let passed = 0
let failed = 0
let skipped = 0
/** What failed, for the end of the output: of a long run often only that is kept. */
const failures = []
const bin = (name) => join(root, 'node_modules', '.bin', name)

function step(name, command, args) {
  process.stdout.write(`\n== ${name}\n`)
  const r = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (r.status === 0) passed++
  else {
    failed++
    failures.push(name)
  }
}

/** The first lines of a message, without colours. */
const brief = (message) =>
  stripVTControlCharacters(message ?? '')
    .split('\n')
    .slice(0, 12)
    .map((l) => `    ${l}`)
    .join('\n')

function failuresOf(project, report) {
  for (const file of report.testResults) {
    const name = relative(root, file.name)
    const tests = file.assertionResults.filter((a) => a.status === 'failed')
    for (const a of tests) failures.push(`${project}: ${name}: ${a.fullName}\n${brief(a.failureMessages?.[0])}`)
    if (file.status === 'failed' && tests.length === 0) failures.push(`${project}: ${name}\n${brief(file.message)}`)
  }
}

function suite(project) {
  process.stdout.write(`\n== ${project} tests\n`)
  const dir = mkdtempSync(join(tmpdir(), 'tbit-test-'))
  const file = join(dir, 'report.json')
  const r = spawnSync(
    bin('vitest'),
    ['run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`],
    { cwd: root, stdio: 'inherit', env: { ...process.env, TBIT_WHOLE: '1' } }
  )
  let counted = false
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'))
    passed += report.numPassedTests
    failed += report.numFailedTests
    skipped += report.numPendingTests + report.numTodoTests
    // A file that fails to load has no failed test of its own.
    if (report.numFailedTests === 0 && r.status !== 0) failed++
    failuresOf(project, report)
    if (report.numFailedTests === 0 && r.status !== 0 && report.success)
      failures.push(`${project}: the runner ended with ${r.status ?? r.signal}, and every test passed`)
    counted = true
  } catch {
    /* no report: counted below */
  }
  if (!counted) {
    failed++
    failures.push(`${project}: no report: the runner ended with ${r.status ?? r.signal}`)
  }
  rmSync(dir, { recursive: true, force: true })
}

const SOURCES = ['src', 'test', 'bench', 'scripts', 'editors']

register()
if (current() === null) await build()
step('types', bin('tsc'), ['--noEmit'])
step('types of the page', bin('tsc'), ['--noEmit', '-p', 'tsconfig.web.json'])
step('lint', bin('biome'), ['lint', '--error-on-warnings', ...SOURCES])
step('format', bin('biome'), ['format', ...SOURCES])
step('tables', process.execPath, [join(root, 'scripts', 'tables.mjs')])
step('lines', process.execPath, [join(root, 'scripts', 'lines.mjs')])
const only = process.argv[2]
for (const set of ['fast', 'slow', 'outside']) if (only === undefined || only === set) suite(set)
if (failures.length > 0) process.stdout.write(`\n== failed\n${failures.join('\n')}\n`)
process.stdout.write(`\n${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}\n`)
process.exit(failed ? 1 : 0)
