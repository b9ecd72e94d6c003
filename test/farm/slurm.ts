// A Slurm of one node, this machine's, in a folder of its own: munged, slurmctld and slurmd of Debian's slurm-wlm.
import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { join } from 'node:path'

/** What is missing here to start one; null: nothing. */
export function missing(): string | null {
  const absent = ['munged', 'slurmctld', 'slurmd', 'sbatch'].filter(
    (c) => spawnSync('sh', ['-c', `PATH=$PATH:/usr/sbin command -v ${c}`]).status !== 0
  )
  return absent.length > 0 ? `no ${absent.join(', ')} (Debian's slurm-wlm and munge)` : null
}

export interface Slurm {
  readonly env: Readonly<Record<string, string>>
  /** Returns when its programs have ended: slurmctld writes its state when it is told to end. */
  stop(): Promise<void>
}

/** Tells the program of a pid file to end and waits until it has; kills it when it has not in 20 s. */
async function ended(file: string): Promise<void> {
  try {
    const pid = Number(readFileSync(file, 'utf8'))
    process.kill(pid, 'SIGTERM')
    for (let i = 0; i < 200; i++) {
      await new Promise((r) => setTimeout(r, 100))
      process.kill(pid, 0)
    }
    process.kill(pid, 'SIGKILL')
  } catch {
    /* there is no such program (any more) */
  }
}

/** Starts it in `dir`; ports `port` and the next. @throws Error when one of its programs does not start */
export function start(dir: string, port: number): Slurm {
  for (const d of ['state', 'spool', 'munge']) mkdirSync(join(dir, d), { mode: 0o700 })
  const munge = (name: string): string => join(dir, 'munge', name)
  writeFileSync(munge('key'), randomBytes(128), { mode: 0o400 })
  const path = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` }
  const run = (command: string, ...args: string[]): void => {
    execFileSync(command, args, { env: path, stdio: 'ignore', timeout: 60_000 })
  }
  run(
    'munged',
    '--force',
    `--socket=${munge('socket')}`,
    `--key-file=${munge('key')}`,
    `--log-file=${munge('log')}`,
    `--pid-file=${munge('pid')}`,
    `--seed-file=${munge('seed')}`
  )
  const [host, user] = [hostname().split('.')[0] as string, userInfo().username]
  const conf = join(dir, 'slurm.conf')
  writeFileSync(
    conf,
    Object.entries({
      ClusterName: 'tbit',
      SlurmctldHost: `${host}(127.0.0.1)`,
      SlurmUser: user,
      SlurmdUser: user,
      AuthType: 'auth/munge',
      AuthInfo: `socket=${munge('socket')}`,
      SlurmctldPort: port,
      SlurmdPort: port + 1,
      StateSaveLocation: join(dir, 'state'),
      SlurmdSpoolDir: join(dir, 'spool'),
      SlurmctldPidFile: join(dir, 'slurmctld.pid'),
      SlurmdPidFile: join(dir, 'slurmd.pid'),
      SlurmctldLogFile: join(dir, 'slurmctld.log'),
      SlurmdLogFile: join(dir, 'slurmd.log'),
      ProctrackType: 'proctrack/linuxproc',
      TaskPlugin: 'task/none',
      SwitchType: 'switch/none',
      MpiDefault: 'none',
      JobAcctGatherType: 'jobacct_gather/none',
      AccountingStorageType: 'accounting_storage/none',
      SelectType: 'select/cons_tres',
      SelectTypeParameters: 'CR_Core',
      ReturnToService: 2
    })
      .map(([k, v]) => `${k}=${v}`)
      .join('\n') +
      `\nNodeName=${host} NodeAddr=127.0.0.1 CPUs=2 ` +
      'State=UNKNOWN\nPartitionName=all Nodes=ALL Default=YES ' +
      'MaxTime=INFINITE State=UP\n'
  )
  run('slurmctld', '-f', conf)
  run('slurmd', '-f', conf)
  return {
    env: { SLURM_CONF: conf },
    stop: async () => {
      for (const f of [join(dir, 'slurmd.pid'), join(dir, 'slurmctld.pid'), munge('pid')]) await ended(f)
    }
  }
}
