// Colours of a terminal. Their escapes pass the door (io.ts) that shows all others, because they carry a mark that no
// input can know.
import pc from 'picocolors'
import { printable } from '../base/index.ts'
import { type Paint, plain } from '../report/paint.ts'

const ESCAPE = '\u001b['
// Drawn at the start of the process, after every input was written. (node:crypto would be loaded by each start for this
// alone.)
const MARK = `\ufdd0${Math.random().toString(36).slice(2)}${Math.random().toString(36).slice(2)}`

/** Colours, or none. */
export function terminalPaint(colour: boolean): Paint {
  if (!colour) return plain
  const c = pc.createColors(true)
  const marked =
    (paint: (s: string) => string) =>
    (s: string): string =>
      paint(printable(s)).replaceAll(ESCAPE, MARK)
  return { good: marked(c.green), bad: marked(c.red), dim: marked(c.dim), strong: marked(c.bold) }
}

/** What may go to a terminal or into a pipe: colours of ours, and nothing else that acts. */
export const forTerminal = (text: string): string => printable(text).replaceAll(MARK, ESCAPE)
