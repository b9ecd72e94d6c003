// Completes package-lock.json: packages for other platforms that a registry mirror did not serve when the lockfile was
// written are entered with their platform, so that `npm ci` finds the lockfile whole and skips them where they do not
// belong. Run after `npm install` has changed the lockfile.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './install.mjs'

const path = join(root, 'package-lock.json')
const lock = JSON.parse(readFileSync(path, 'utf8'))
const OS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32']
const CPU = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64']

function platform(name) {
  const words = name.split('/').pop().split('-')
  const os = OS.find((o) => words.includes(o)) ?? (name === 'fsevents' ? 'darwin' : undefined)
  const cpu = CPU.find((c) => words.includes(c))
  return {
    ...(cpu ? { cpu: [cpu] } : {}),
    ...(os ? { os: [os] } : {}),
    ...(words.includes('musl') ? { libc: ['musl'] } : words.includes('gnu') ? { libc: ['glibc'] } : {})
  }
}

let added = 0
for (const p of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(p.optionalDependencies ?? {})) {
    const key = `node_modules/${name}`
    if (lock.packages[key] !== undefined) continue
    const where = platform(name)
    if (where.os === undefined && where.cpu === undefined) throw new Error(`${name}: which platform is it for?`)
    lock.packages[key] = { version: version.replace(/^[~^]/, ''), ...where, dev: true, optional: true }
    added++
  }
}
const sorted = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)))
writeFileSync(path, `${JSON.stringify({ ...lock, packages: sorted }, null, 2)}\n`)
process.stdout.write(`${added} packages of other platforms entered\n`)
