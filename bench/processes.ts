// Processes timed from their start to their end, by the clock.
import { spawnSync } from 'node:child_process'
import { performance } from 'node:perf_hooks'

/** Seconds that a process takes, and the last line that it prints. @throws where it cannot be started. */
export function timed(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env
): { seconds: number; last: string; code: number | null } {
  const begun = performance.now()
  const r = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26, env })
  if (r.error) throw r.error
  return {
    seconds: (performance.now() - begun) / 1000,
    last: r.stdout.trimEnd().split('\n').at(-1) ?? '',
    code: r.status
  }
}

/** Seconds that a node with nothing to do takes, `rounds` times: the peer of everything that starts one. */
export const bareNode = (rounds: number): number[] =>
  Array.from({ length: rounds }, () => timed(process.execPath, ['-e', '0']).seconds)
