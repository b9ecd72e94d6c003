// No line of a default output is wider than an 80-column terminal: on a real one, made by python's pty.
import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
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

for (const v of verbs) {
  test.skipIf(!python)(`tbit ${v}${python ? '' : ' (skipped: no python3 for a terminal)'}`, async () => {
    const { stdout: out } = await promisify(execFile)('python3', ['-c', PTY, v], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, TBIT_CACHE: '/nonexistent/tbit' }
    })
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are taken away
    const lines = out.replace(/\u001b\[[0-9;]*[A-Za-z]/g, '').split(/\r*\n/)
    expect(lines.length).toBeGreaterThan(1)
    for (const l of lines) expect((l.split('\r').at(-1) ?? '').length, l).toBeLessThanOrEqual(80)
  })
}
