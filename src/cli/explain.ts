// `tbit explain`: what became of one request, or what a pasted kernel log says. Each kind is a sub-command in its own file.
import { Command } from 'commander'
import type { Io } from './io.ts'

type Sub = (io: Io) => Command

/** The sub-commands that are built; each module is loaded only when `explain` runs. */
const subs: ReadonlyArray<() => Promise<Sub>> = [
  async () => (await import('./explain-log.ts')).explainLog,
  async () => (await import('./explain-dma.ts')).explainDmaVerb
]

/** The verb `explain`: registers its sub-commands. */
export async function explainVerb(io: Io): Promise<Command> {
  const c = new Command('explain').description('Explains in words: a pasted kernel log, or one DMA request.')
    .addHelpText('after', '\nExamples:\n  dmesg | tbit explain log\n  tbit explain dma --platform arm-cca --kernel cc-v8 --t 1\n')
  for (const load of subs) c.addCommand((await load())(io))
  return c
}
