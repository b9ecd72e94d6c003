// `tbit conform`: recorded and real systems against the model. Each kind of recording is a sub-command in its own file.
import { Command } from 'commander'
import type { Io } from './io.ts'

type Sub = (io: Io) => Command

/** The sub-commands that are built, one line each; their modules are loaded only when `conform` runs. */
const subs: ReadonlyArray<() => Promise<Sub>> = [
  async () => (await import('./conform-swiotlb.ts')).conformSwiotlb,
  async () => (await import('./conform-rmm.ts')).conformRmm,
  async () => (await import('./conform-kernel.ts')).conformKernelCommand
]

/** The verb `conform`: registers its sub-commands. */
export async function conformVerb(io: Io): Promise<Command> {
  const c = new Command('conform')
    .description('Replays recordings of real systems on the model and reports every difference.')
    .addHelpText('after', '\nExample:\n  tbit conform rmm ../shared/data/rmm/sequences.json.gz\n')
  for (const load of subs) c.addCommand((await load())(io))
  return c
}
