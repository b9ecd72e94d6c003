// `tbit conform`: recorded and real systems against the model. Each kind of recording is a sub-command in its own file.
import { Command } from 'commander'
import type { Io } from './io.ts'

type Sub = (io: Io) => Command

/** The sub-commands that are built, one line each; their modules are loaded only when `conform` runs. */
const subs: ReadonlyArray<() => Promise<Sub>> = [
  async () => (await import('./conform-rmm.ts')).conformRmm,
]

/** Loads the sub-commands; the result makes the verb. */
export async function loadConform(): Promise<(io: Io) => Command> {
  const built = await Promise.all(subs.map((load) => load()))
  return (io) => {
    const c = new Command('conform').description('Replays recordings of real systems on the model and reports every difference.')
      .addHelpText('after', '\nExample:\n  tbit conform rmm ../shared/data/rmm/sequences.json.gz')
    for (const sub of built) {
      const s = sub(io).exitOverride().configureOutput({ writeOut: io.out, writeErr: io.err }).showHelpAfterError()
      c.addCommand(s)
    }
    return c
  }
}
