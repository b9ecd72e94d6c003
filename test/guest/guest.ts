// A guest of one CPU under QEMU, without acceleration (10 to 20 s a boot): a kernel of scripts/guest-kernels.sh,
// busybox, and two nvme disks: one to read and write, one that takes what the guest hands out. With two CPUs, one of
// them is held up by the host between a release and its event, and the recording is not one of a machine any more; and
// QEMU 7.2 now and then breaks a jump that the kernel patches.
import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { discard, newFolder } from '../scratch.ts'

const guests = process.env.TBIT_GUESTS ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'tbit/guests')
const QEMU = 'qemu-system-x86_64'
const busybox = ['/bin/busybox', '/usr/bin/busybox'].find(existsSync)
const MIB = 1 << 20
/** Which disk takes the output: they come up in any order, but differ in size. */
const OUTPUT_MIB = 32

/** What a boot of this kernel lacks here; null: nothing. */
export function guestLacks(version: string): string | null {
  if (spawnSync(QEMU, ['--version']).status !== 0) return QEMU
  if (busybox === undefined) return 'busybox-static'
  return existsSync(join(guests, version, 'boot')) ? null : `a kernel ${version} (scripts/guest-kernels.sh)`
}

/** Modules in the order in which they load, as their own `depends=` says. */
function modulesOf(version: string, wanted: readonly string[]): ReadonlyArray<readonly [string, Buffer]> {
  const dir = join(guests, version, 'modules')
  const files = new Map(readdirSync(dir).map((f) => [f.replace(/\.ko.*/, '').replaceAll('-', '_'), join(dir, f)]))
  const out = new Map<string, Buffer>()
  const add = (name: string): void => {
    if (out.has(name)) return
    const file = files.get(name)
    if (file === undefined) throw new Error(`kernel ${version} has no module ${name} in ${dir}`)
    const bytes = file.endsWith('.xz') ? execFileSync('xz', ['-dc', file], { maxBuffer: 64 * MIB }) : readFileSync(file)
    for (const d of /\0depends=([^\0]*)\0/.exec(bytes.toString('latin1'))?.[1]?.split(',') ?? [])
      if (d !== '') add(d.replaceAll('-', '_'))
    out.set(name, bytes)
  }
  wanted.forEach(add)
  return [...out]
}

export interface GuestRun {
  /** What the guest's command wrote to /tmp/out, and the console. */ readonly out: Buffer
  readonly console: string
}

/**
 * Boots, runs `command` with `script` as /script.sh beside it and the disk as $DISK, and gives what is then in
 * /tmp/out.
 * @throws Error with the console's last lines when the guest does not come to its end in five minutes of CPU
 */
export async function runGuest(version: string, script: string, command: string): Promise<GuestRun> {
  const dir = newFolder('guest')
  try {
    const root = join(dir, 'root')
    for (const d of ['bin', 'proc', 'sys', 'dev', 'tmp', 'modules']) mkdirSync(join(root, d), { recursive: true })
    copyFileSync(busybox as string, join(root, 'bin/busybox'))
    const modules = modulesOf(version, ['nvme'])
    for (const [name, bytes] of modules) writeFileSync(join(root, 'modules', name), bytes)
    writeFileSync(join(root, 'script.sh'), script)
    writeFileSync(
      join(root, 'init'),
      `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc p /proc; mount -t sysfs s /sys; mount -t devtmpfs d /dev; mount -t tmpfs t /tmp
mount -t debugfs d /sys/kernel/debug; mount -t tracefs t /sys/kernel/tracing
${modules.map(([name]) => `insmod /modules/${name}`).join('\n')}
until [ -b /dev/nvme0n1 ] && [ -b /dev/nvme1n1 ]; do sleep 0.2; done
OUT=/dev/nvme1n1 DISK=/dev/nvme0n1
if [ "$(cat /sys/block/nvme0n1/size)" = ${(OUTPUT_MIB * MIB) / 512} ]; then OUT=/dev/nvme0n1 DISK=/dev/nvme1n1; fi
export DISK
${command}
dd if=/tmp/out of=$OUT bs=4k conv=fsync
echo "tbit-guest: $(wc -c < /tmp/out) bytes"
poweroff -f
`,
      { mode: 0o755 }
    )
    const initrd = join(dir, 'initrd')
    execFileSync('sh', ['-c', `cd '${root}' && find . | ${busybox} cpio -o -H newc > '${initrd}'`], { stdio: 'ignore' })
    const disk = (name: string, mib: number): string[] => {
      writeFileSync(join(dir, name), '')
      truncateSync(join(dir, name), mib * MIB)
      return [
        '-drive',
        `file=${join(dir, name)},if=none,id=${name},format=raw`,
        '-device',
        `nvme,drive=${name},serial=${name}`
      ]
    }
    const boot = join(guests, version, 'boot')
    const kernel = join(boot, readdirSync(boot).find((f) => f.startsWith('vmlinuz')) as string)
    const console_ = await new Promise<string>((done) => {
      execFile(
        QEMU,
        [
          '-accel',
          'tcg',
          '-m',
          '512',
          '-smp',
          '1',
          '-nographic',
          '-no-reboot',
          '-net',
          'none',
          '-kernel',
          kernel,
          '-initrd',
          initrd,
          '-append',
          'console=ttyS0 swiotlb=force panic=-1 loglevel=4',
          ...disk('work', 128),
          ...disk('out', OUTPUT_MIB)
        ],
        { timeout: 500_000, maxBuffer: 64 * MIB },
        (_, stdout) => done(stdout)
      )
    })
    const size = /tbit-guest: (\d+) bytes/.exec(console_)?.[1]
    if (size === undefined) throw new Error(`the guest did not come to its end:\n${console_.slice(-2000)}`)
    return { out: readFileSync(join(dir, 'out')).subarray(0, Number(size)), console: console_ }
  } finally {
    discard(dir)
  }
}

/** The sections of a recording as text. */
export const unpacked = (recording: Buffer): string => gunzipSync(recording).toString()
