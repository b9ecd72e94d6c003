// What CodeMirror's completion finds here in place of its language support. Only CompletionContext.tokenBefore asks for
// a syntax tree; our words (assist.ts) come from the language itself.
export const syntaxTree = (): never => {
  throw new Error('no syntax tree here: ask complete() of the language')
}
export { indentUnit } from './vendor-no-syntax.ts'
