// What only commands ask for that know a syntax tree. The editor has none of them; the build says so where one is used.
function absent(): never {
  throw new Error('no syntax tree here')
}
export {
  absent as getIndentation,
  absent as IndentContext,
  absent as indentString,
  absent as indentUnit,
  absent as matchBrackets,
  absent as NodeProp,
  absent as syntaxTree
}
