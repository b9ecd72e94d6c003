// `npm test`: types, lint, the fast set, then the slow set. The last line is `N passed, N failed`, whatever happened before it.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './install.mjs'
import { build, current } from './build.mjs'
import { register } from './registry.mjs'

let passed = 0
let failed = 0
let skipped = 0
const bin = (name) => join(root, 'node_modules', '.bin', name)

function step(name, command, args) {
  process.stdout.write(`\n== ${name}\n`)
  const r = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (r.status === 0) passed++
  else failed++
}

function suite(project) {
  process.stdout.write(`\n== ${project} tests\n`)
  const dir = mkdtempSync(join(tmpdir(), 'tbit-test-'))
  const file = join(dir, 'report.json')
  const r = spawnSync(bin('vitest'), ['run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`], { cwd: root, stdio: 'inherit' })
  let counted = false
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'))
    passed += report.numPassedTests
    failed += report.numFailedTests
    skipped += report.numPendingTests + report.numTodoTests
    // A file that fails to load has no failed test of its own.
    if (report.numFailedTests === 0 && r.status !== 0) failed++
    counted = true
  } catch { /* no report: counted below */ }
  if (!counted) failed++
  rmSync(dir, { recursive: true, force: true })
}

register()
if (current() === null) await build()
step('types', bin('tsc'), ['--noEmit'])
step('types of the page', bin('tsc'), ['--noEmit', '-p', 'tsconfig.web.json'])
step('lint', bin('biome'), ['lint', '--error-on-warnings', 'src', 'test', 'bench', 'scripts'])
step('tables', process.execPath, [join(root, 'scripts', 'tables.mjs')])
const only = process.argv[2]
if (only === undefined || only === 'fast') suite('fast')
if (only === undefined || only === 'slow') suite('slow')
process.stdout.write(`\n${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}\n`)
process.exit(failed ? 1 : 0)
