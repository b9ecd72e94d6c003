// What is said of a tree, a patch or the tools: a diagnostic about a file, without a place where none is given.
import type { Diagnostic } from '../base/index.ts'

export const complain = (code: string, file: string, message: string, more: Partial<Diagnostic> = {}): Diagnostic => ({
  code,
  file,
  line: 0,
  column: 0,
  word: '',
  message,
  ...more
})
