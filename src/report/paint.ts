// Colour, or none: renderers ask for meaning, the command line decides.

export interface Paint {
  good(s: string): string
  bad(s: string): string
  dim(s: string): string
  strong(s: string): string
}

const same = (s: string): string => s

/** No colour. */
export const plain: Paint = { good: same, bad: same, dim: same, strong: same }
