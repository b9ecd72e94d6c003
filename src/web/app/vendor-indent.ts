// What the commands of CodeMirror find here in place of its language support, which is not sent to the page: how far a
// line is indented. The rest is for commands that the editor does not have.
export * from './vendor-no-syntax.ts'

/** Columns, as `tabSize` of the editor. */
export const getIndentUnit = (): number => 2
