// No line of a default output is wider than an 80-column terminal: on a real one, made by python's pty, where a process
// is needed or shows that the others would see the same; else in this process, which is told that it has one.
import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { here, simple } from '../_cli.ts'
import { root } from '../_transcripts.ts'

const PTY = `
import os, pty, sys
pid, fd = pty.fork()
if pid == 0: os.execvp('sh', ['sh', '-c', 'stty cols 80 rows 24; exec ./tbit ' + sys.argv[1]])
while True:
    try: d = os.read(fd, 65536)
    except OSError: break
    if not d: break
    sys.stdout.buffer.write(d)
os.waitpid(pid, 0)
`
const python = spawnSync('python3', ['-c', 'import pty']).status === 0
const verbs = [
  '--help',
  'check litmus/flag-races',
  'check litmus/flag-races -v',
  'check litmus/races/alloc-while-accepted.litmus -v',
  'run litmus/streaming/direct-at-t1.litmus --kernel rfc-v1',
  'compare --kernel cc-v7,cc-v8 litmus/revisions/remapped-coherent-on-pkvm.litmus',
  'revisions rfc-v1',
  'rules',
  'rules --flag --kernel rfc-v1',
  'hunt --contract',
  'hunt --kernel rfc-v1 --platform arm-cca --scene coherent+tdisp',
  'hunt --kernel cc-v8 --platform arm-cca --scenes',
  'rules --failures',
  'explain dma',
  'explain dma -v',
  'plan --ram 12T',
  'check --kernel foo litmus/flag-races',
  'conform swiotlb /nonexistent',
  'conform swiotlb test/fixtures/swiotlb',
  'record',
  "explain 'swiotlb buffer is full'",
  'explain log test/fixtures/logs/snp-full.log',
  'replay test/fixtures/replay/r02-tracefs.txt.gz',
  'plan --ram x',
  'size --kernel zz',
  'rules --platform q',
  'revisions foo',
  'chekc',
  'ui --help',
  'ui --port x --site /nonexistent',
  'plan --ram 12T --page 4K',
  'plan --ram 16G --vmm qemu --strategy lazy --algo both',
  'plan --coverage',
  'plan --show-costs',
  'plan --ram 12T --elsewhere',
  'conform rmm --hangs',
  'conform rmm test/fixtures/rmm/sequences-rmi2.json.gz',
  'lsp --help',
  'list flag-races',
  'check test/fixtures/litmus/wrong-expectation.litmus -q',
  'list --help'
]

/** What shows that a real terminal is seen as one. */
const REAL = [
  '--help',
  'check litmus/flag-races -v',
  'rules',
  'chekc',
  'replay test/fixtures/replay/r02-tracefs.txt.gz'
]

const env = { ...process.env, TBIT_CACHE: '/nonexistent/tbit' }

async function onTerminal(command: string): Promise<string> {
  const { stdout } = await promisify(execFile)('python3', ['-c', PTY, command], { cwd: root, encoding: 'utf8', env })
  return stdout
}

for (const v of verbs) {
  const s = REAL.includes(v) ? null : simple(`tbit ${v}`)
  const skipped = s === null && !python
  test.skipIf(skipped)(`tbit ${v}${skipped ? ' (skipped: no python3 for a terminal)' : ''}`, async () => {
    const out = s === null ? await onTerminal(v) : (await here(s.words, env, 80)).both
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are taken away
    const lines = out.replace(/\u001b\[[0-9;]*[A-Za-z]/g, '').split(/\r*\n/)
    expect(lines.length).toBeGreaterThan(1)
    for (const l of lines) expect((l.split('\r').at(-1) ?? '').length, l).toBeLessThanOrEqual(80)
  })
}

test.skipIf(!python)('a terminal gets what this process gives one', async () => {
  const words = ['rules', '--platform', 'arm-cca']
  const real = (await onTerminal(words.join(' '))).replaceAll('\r\n', '\n')
  expect((await here(words, env, 80)).both).toBe(real)
})
