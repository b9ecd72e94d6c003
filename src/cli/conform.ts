// `tbit conform`: recorded and real systems against the model. Each kind of recording is a sub-command in its own file.
import { Command } from 'commander'
import type { Io } from './io.ts'

type Sub = (io: Io) => Command

/** The sub-commands that are built; each module is loaded only when `conform` runs. */
const subs: ReadonlyArray<() => Promise<Sub>> = [
]

/** The verb `conform`: registers its sub-commands. */
export async function conformVerb(io: Io): Promise<Command> {
  const c = new Command('conform').description('Replays recordings of real systems on the model and reports every difference.')
  for (const load of subs) c.addCommand((await load())(io))
  return c
}
