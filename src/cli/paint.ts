// Colours of a terminal.
import pc from 'picocolors'
import { type Paint, plain } from '../report/paint.ts'

/** Colours, or none. */
export function terminalPaint(colour: boolean): Paint {
  if (!colour) return plain
  const c = pc.createColors(true)
  return { good: c.green, bad: c.red, dim: c.dim, strong: c.bold }
}
