// However a run ends, nothing half-made is believed by the next one: kill -9 while the program is built, signals and
// full disks while outputs are written.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { inputName } from '../../src/cli/parquet-output.ts'
import { version7 } from '../../src/replay/_trace-dat-maker.ts'
import { scratch } from '../scratch.ts'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
const VERSION = new RegExp(`^tbit ${version.replaceAll('.', '\\.')}`)
const dir = scratch('robust')
const ended = (p: ChildProcess): Promise<number | string | null> =>
  new Promise((resolve) => {
    p.on('close', (code, signal) => {
      resolve(signal ?? code)
    })
  })
const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms)
  })

describe('the program itself', () => {
  const checkout = join(dir, 'checkout')
  const start = (...args: string[]) =>
    spawnSync(process.execPath, ['--stack-size=4000', join(checkout, 'scripts', 'launch.cjs'), ...args], {
      encoding: 'utf8'
    })
  /** Gives a source another content that no bundler drops. */
  const change = (path: string, i: number): void => {
    writeFileSync(join(checkout, path), `${readFileSync(join(root, path), 'utf8')}\nglobalThis.name = '${i}'\n`)
  }
  beforeAll(() => {
    mkdirSync(checkout)
    for (const name of ['src', 'scripts', 'litmus', 'package.json', 'package-lock.json', 'tbit'])
      cpSync(join(root, name), join(checkout, name), { recursive: true, preserveTimestamps: true })
    symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'))
  })

  test('a build that is killed at any moment is made again by the next start', async () => {
    const dist = join(checkout, 'dist')
    for (const [i, ms] of [80, 250, 450, 700, 1000].entries()) {
      // Something new each time, so that there is something to build.
      change('src/cli/version.ts', i)
      const p = spawn(process.execPath, ['--stack-size=4000', join(checkout, 'scripts', 'launch.cjs'), '--version'], {
        stdio: 'ignore'
      })
      // asked before the wait: on a fast machine the build is done before the signal
      const end = ended(p)
      await sleep(ms)
      p.kill('SIGKILL')
      await end
      if (i % 2 === 1)
        expect(start('--version')).toMatchObject({ status: 0, stdout: expect.stringMatching(VERSION), stderr: '' })
    }
    // What may have been left: a part of a dead process, a stamp of half a line, a missing chunk.
    writeFileSync(join(dist, 'check-worker.mjs.part-999999999'), 'half')
    writeFileSync(join(dist, '.stamp'), '{"sources":')
    expect(start('--version').stdout).toMatch(VERSION)
    expect(readdirSync(dist).filter((f) => f.includes('.part-'))).toEqual([])
    for (const f of readdirSync(dist).filter((f) => f.endsWith('.cjs'))) rmSync(join(dist, f))
    expect(start('--version').stdout).toMatch(VERSION)
  })

  test('compiled code that is kept between starts is believed only whole', () => {
    const dist = join(checkout, 'dist')
    const check = () => start('check', join(root, 'test/fixtures/litmus/untrusted.litmus'))
    const first = check()
    const name = readdirSync(dist).find((f) => f.endsWith('.check.v8')) as string
    const cache = join(dist, name)
    const good = readFileSync(cache)
    const spoiled = [
      good.subarray(0, 1000),
      Buffer.alloc(0),
      Buffer.alloc(good.length, 1),
      ...Array.from({ length: 2 }, (_, i) => {
        const b = Buffer.from(good)
        for (let k = 0; k < 20; k++) b[(64 + (i + 3) * (k + 7) * 7919) % b.length] = 0x55
        return b
      })
    ]
    for (const bytes of spoiled) {
      writeFileSync(cache, bytes)
      expect(check()).toMatchObject({ status: first.status, stdout: first.stdout, stderr: '' })
      expect(readFileSync(cache).equals(bytes)).toBe(false)
    }
    // A word that is no verb leaves none.
    expect(start('chekc').status).toBe(2)
    expect(readdirSync(dist).filter((f) => f.includes('.chekc.'))).toEqual([])
  })

  test('dist holds this build and the one before; a file of tomorrow is built once', () => {
    const dist = join(checkout, 'dist')
    for (let i = 0; i < 3; i++) {
      change('src/cli/version.ts', i + 10)
      start('--version')
    }
    const { files } = JSON.parse(readFileSync(join(dist, '.stamp'), 'utf8')) as { files: string[] }
    expect(readdirSync(dist).filter((f) => !f.endsWith('.v8')).length).toBeLessThanOrEqual(2 * files.length + 1)
    expect(readdirSync(dist).filter((f) => f.endsWith('.v8')).length).toBeLessThanOrEqual(2)
    const future = new Date(Date.now() + 1e10)
    utimesSync(join(checkout, 'src', 'base', 'units.ts'), future, future)
    start('--version')
    const built = statSync(join(dist, '.stamp')).mtimeMs
    start('--version')
    expect(statSync(join(dist, '.stamp')).mtimeMs).toBe(built)
  })

  test('a start builds when what its script is made of has changed, and only then', () => {
    const stamp = join(checkout, 'dist', '.stamp')
    const builds = (...args: string[]): boolean => {
      const before = statSync(stamp).mtimeMs
      start(...args)
      return statSync(stamp).mtimeMs !== before
    }
    start('--version')
    // No part of the list of verbs; of `check`; of all the others only.
    writeFileSync(join(checkout, 'src', 'base', 'zz.ts'), 'export const zz = 1\n')
    expect(['--help', 'check', '--version'].map((v) => builds(v, '--help'))).toEqual([false, false, false])
    change('src/cli/size.ts', 1)
    expect([builds('--help'), builds('check', '--help'), builds('--version')]).toEqual([false, false, true])
    change('src/check/check.ts', 1)
    expect([builds('--help'), builds('check', '--help'), builds('--version')]).toEqual([false, true, false])
    change('src/cli/verbs.ts', 1)
    expect([builds('--help'), builds('check', '--help'), builds('--version')]).toEqual([true, false, false])
    // A new file of a folder that is a list.
    writeFileSync(join(checkout, 'src', 'properties', '_zz.ts'), 'export const zz = 1\n')
    expect([builds('check', '--help'), builds('--version')]).toEqual([true, false])
  })

  test('an installation that was killed is none', () => {
    const packages = join(checkout, 'node_modules')
    const installed = (): boolean =>
      spawnSync(process.execPath, [
        '-e',
        `import(${JSON.stringify(join(checkout, 'scripts', 'install.mjs'))}).then((m) => ` +
          'process.exit(m.installed() ? 0 : 1))'
      ]).status === 0
    expect(installed()).toBe(true)
    rmSync(packages)
    mkdirSync(packages)
    expect(installed()).toBe(false)
    writeFileSync(join(packages, '.package-lock.json'), '{"packages": {')
    utimesSync(join(packages, '.package-lock.json'), 0, 0)
    expect(installed()).toBe(false)
    writeFileSync(join(packages, '.package-lock.json'), '{"packages": {}}')
    utimesSync(join(packages, '.package-lock.json'), 0, 0)
    expect(installed()).toBe(false)
    rmSync(packages, { recursive: true })
    symlinkSync(join(root, 'node_modules'), packages)
  })
})

describe('outputs', () => {
  const tbit = join(root, 'tbit')
  const temporary = join(dir, 'tmp')
  const env = { ...process.env, TMPDIR: temporary }
  const out = join(dir, 'out')
  const outputs = ['--html', join(out, 'a.html'), '--perfetto', join(out, 'a.json'), '--parquet', join(out, 'p')]
  const line =
    '          ioload-384     [000] d.H..    18.000001: dma_map_page: 0000:00:03.0 dir=FROM_DEVICE ' +
    'dma_addr=109c5f000 size=4096 phys_addr=109c5f000 attrs=\n'
  const left = (): string[] => [...readdirSync(out, { recursive: true }).map(String), ...readdirSync(temporary)]
  beforeAll(() => {
    mkdirSync(out)
    mkdirSync(temporary)
    spawnSync(tbit, ['--version'])
  }, 120_000)

  const WHOLE = [
    'a.html',
    'a.json',
    ...['devices', 'events', 'recordings', 'samples'].map((t) => `p/${t}/host=H/day=D/stdin-X.parquet`)
  ]
  /** The files that are there; host, day and hash are of the input. */
  const finished = (): string[] =>
    left()
      .filter((f) => !/^p(?:$|\/)/.test(f) || f.endsWith('.parquet'))
      .map((f) => f.replace(/host=[^/]+\/day=[^/]+/, 'host=H/day=D').replace(/-[0-9a-f]{12}\./, '-X.'))
      .sort()

  // A run that waits for the rest of its input, with its outputs begun.
  async function waiting(...args: string[]): Promise<ChildProcess> {
    const p = spawn(tbit, args, { env, cwd: root, stdio: ['pipe', 'ignore', 'ignore'] })
    p.stdin?.on('error', () => {})
    p.stdin?.write(line.repeat(100))
    // two files and four tables
    while (left().filter((f) => f.includes('.part-')).length < 6) await sleep(20)
    return p
  }

  test.each(['SIGTERM', 'SIGHUP'] as const)('%s leaves nothing behind', async (signal) => {
    const p = await waiting('replay', '-', ...outputs)
    p.kill(signal)
    expect(await ended(p)).toBe(signal)
    expect(left().filter((f) => f.includes('part'))).toEqual([])
  })

  test('SIGINT ends the reading, and what was read is written whole; before the reading it ends all', async () => {
    const p = await waiting('replay', '-', ...outputs)
    await sleep(300)
    const end = ended(p)
    p.kill('SIGINT')
    // More lines, but never the end of the input: with that the run would be whole, and rightly answer 0.
    const more = setInterval(() => {
      p.stdin?.write(line)
    }, 50)
    const how = await end
    clearInterval(more)
    expect([125, 'SIGINT']).toContain(how)
    if (how === 125) expect(finished()).toEqual(WHOLE)
    else expect(left().filter((f) => f.includes('part'))).toEqual([])
  })

  test('kill -9: the next run takes the parts and folders of the dead one away', async () => {
    const p = await waiting('replay', '-', ...outputs)
    p.kill('SIGKILL')
    await ended(p)
    expect(left().filter((f) => f.includes('.part-')).length).toBe(6)
    mkdirSync(join(temporary, 'tbit-999999999-abcdef'))
    const file = join(dir, 'trace.dat')
    writeFileSync(file, version7(true, false))
    // From a pipe, so that a temporary folder is used.
    expect(
      spawnSync('/bin/sh', ['-c', `cat ${file} | ${tbit} replay - ${outputs.join(' ')}`], { env, cwd: root }).status
    ).toBe(0)
    expect(finished()).toEqual(WHOLE)
  })

  test('a disk that is full: each output whole or not at all, and said', () => {
    rmSync(out, { recursive: true })
    mkdirSync(out)
    const small = (kib: number, ...args: string[]) =>
      spawnSync('/bin/bash', ['-c', `ulimit -f ${kib}; exec ${tbit} ${args.join(' ')}`], {
        env,
        cwd: root,
        encoding: 'utf8'
      })
    const trace = 'test/fixtures/replay/r02-tracefs.txt.gz'
    const none = small(4, 'replay', trace, ...outputs)
    expect(none.status).toBe(2)
    for (const name of ['a.html', 'a.json', 'p'])
      expect(none.stderr).toMatch(new RegExp(`${name}: error TB-002: cannot be written: it is larger than the limit`))
    expect(none.stdout).toContain('1 685 DMA')
    expect(left()).toEqual([])
    // Room for the counters and the samples, not for the page: Parquet's two files are one output.
    const some = small(20, 'replay', trace, ...outputs)
    expect(some.status).toBe(2)
    expect(left()).toEqual(['a.json'])
    expect(JSON.parse(readFileSync(join(out, 'a.json'), 'utf8'))).toBeTruthy()
    expect(small(4, 'plan', '--ram', '1G', '--page', '4K', '--emit', join(out, 'e'))).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('TB-002')
    })
    expect(small(0, 'run', 'test/fixtures/litmus/untrusted.litmus', '--trace', join(out, 't'))).toMatchObject({
      status: 2
    })
    expect(left()).toEqual(['a.json'])
    expect(
      spawnSync('/bin/sh', ['-c', `${tbit} check test/fixtures/litmus/untrusted.litmus > /dev/full`], {
        cwd: root,
        encoding: 'utf8'
      })
    ).toMatchObject({ status: 2, stderr: expect.stringContaining('standard output cannot be written') })
  })

  test('a link at the place of an output is followed only with --force, by every verb', () => {
    const victim = join(dir, 'victim')
    const verbs = [
      ['replay', 'test/fixtures/replay/r02-tracefs.txt.gz', '--html'],
      ['replay', 'test/fixtures/replay/r02-tracefs.txt.gz', '--perfetto'],
      ['plan', '--ram', '64M', '--emit'],
      ['run', 'test/fixtures/litmus/untrusted.litmus', '--trace']
    ]
    for (const [i, args] of verbs.entries()) {
      writeFileSync(victim, 'mine')
      const link = join(dir, `link${i}`)
      symlinkSync(victim, link)
      expect(spawnSync(tbit, [...args, link], { cwd: root, encoding: 'utf8' })).toMatchObject({
        status: 2,
        stderr: expect.stringContaining('it is a symbolic link to')
      })
      expect(readFileSync(victim, 'utf8')).toBe('mine')
      spawnSync(tbit, [...args, link, '--force'], { cwd: root })
      expect(readFileSync(victim, 'utf8')).not.toBe('mine')
    }
    // Files that grow: what stands there is read first, and what is not theirs stays as it is, through a link or not.
    for (const [i, args] of [
      ['check', 'test/fixtures/litmus/untrusted.litmus', '--out'],
      [
        'hunt',
        '--kernel',
        'rfc-v1',
        '--platform',
        'arm-cca',
        '--scene',
        'coherent+t0',
        '--interleave',
        'calls',
        '--checkpoint'
      ]
    ].entries()) {
      writeFileSync(victim, 'mine')
      const link = join(dir, `grows${i}`)
      symlinkSync(victim, link)
      expect(spawnSync(tbit, [...args, link], { cwd: root, encoding: 'utf8' })).toMatchObject({
        status: 2,
        stderr: expect.stringContaining('it is a symbolic link to')
      })
      for (const out of [victim, link])
        expect(spawnSync(tbit, [...args, out, '--force'], { cwd: root, encoding: 'utf8' })).toMatchObject({
          status: 2,
          stderr: expect.stringContaining('begins anew')
        })
      expect(readFileSync(victim, 'utf8')).toBe('mine')
    }
    const trace = 'test/fixtures/replay/r02-tracefs.txt.gz'
    const unknown = '__HIVE_DEFAULT_PARTITION__'
    const place = join(dir, 'q', 'events', `host=${unknown}`, `day=${unknown}`)
    const name = `${inputName([join(root, trace)])}.parquet`
    mkdirSync(place, { recursive: true })
    writeFileSync(victim, 'mine')
    symlinkSync(victim, join(place, name))
    expect(
      spawnSync(tbit, ['replay', trace, '--parquet', join(dir, 'q')], {
        cwd: root,
        encoding: 'utf8'
      })
    ).toMatchObject({ status: 2, stderr: expect.stringContaining('it is a symbolic link to') })
    expect(readFileSync(victim, 'utf8')).toBe('mine')
    expect(readdirSync(join(dir, 'q'))).toEqual(['events'])
    expect(readdirSync(place)).toEqual([name])
  })

  test('the cache of kernels: parts of dead builds go, and the oldest images', () => {
    const cache = join(dir, 'cache')
    mkdirSync(join(cache, 'kernels'), { recursive: true })
    mkdirSync(join(cache, 'trees', 'linux-x.part-999999999'), { recursive: true })
    writeFileSync(join(cache, 'kernels', 'a.wasm.part-999999999'), 'half')
    for (let i = 0; i < 134; i++) {
      writeFileSync(join(cache, 'kernels', `${i}.wasm`), 'old')
      utimesSync(join(cache, 'kernels', `${i}.wasm`), 1e9 + i, 1e9 + i)
    }
    spawnSync(tbit, ['kernel', 'build', join(dir, 'no-tree')], { env: { ...env, TBIT_CACHE: cache }, cwd: root })
    expect(readdirSync(join(cache, 'kernels')).sort()).toEqual(
      Array.from({ length: 128 }, (_, i) => `${i + 6}.wasm`).sort()
    )
    expect(readdirSync(join(cache, 'trees'))).toEqual([])
    expect(existsSync(cache)).toBe(true)
  })
})
