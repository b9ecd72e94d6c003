// A lint rule that Biome has no words for: a table (a type with a string index) is never indexed by a text that may
// come from outside. `table['constructor']` is a function that nobody put there. A Map, or `own(table, key)` of
// base/table.ts, answers what is in the table. `node scripts/tables.mjs` lists the places; a key that is one of a
// closed set of words has a type that says so, and passes.
import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'
import { root } from './install.mjs'

const src = join(root, 'src')
const files = readdirSync(src, { recursive: true })
  .map((f) => join(src, String(f)))
  .filter((f) => f.endsWith('.ts') && !f.endsWith('.test.ts'))
const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, root)
const program = ts.createProgram(files, { ...options, noEmit: true })
const checker = program.getTypeChecker()

const isText = (type) =>
  type.isUnion() ? type.types.some(isText) : (type.flags & (ts.TypeFlags.String | ts.TypeFlags.TemplateLiteral)) !== 0
// Tables that no prototype stands behind: the environment, regular expressions' groups.
const harmless = (text) => /process\.env$|\.groups$/.test(text)

const found = []
function visit(node, file) {
  if (ts.isElementAccessExpression(node) && !ts.isStringLiteralLike(node.argumentExpression)) {
    const table = checker.getNonNullableType(checker.getTypeAtLocation(node.expression))
    const tables = table.isUnion() ? table.types : [table]
    const written =
      ts.isBinaryExpression(node.parent) &&
      node.parent.left === node &&
      node.parent.operatorToken.kind === ts.SyntaxKind.EqualsToken
    if (
      tables.some((t) => checker.getIndexTypeOfType(t, ts.IndexKind.String) !== undefined) &&
      isText(checker.getTypeAtLocation(node.argumentExpression)) &&
      !harmless(node.expression.getText()) &&
      !guarded(node) &&
      !written
    )
      report(node, file)
  }
  if (
    ts.isBinaryExpression(node) &&
    node.operatorToken.kind === ts.SyntaxKind.InKeyword &&
    !ts.isStringLiteralLike(node.left) &&
    isText(checker.getTypeAtLocation(node.left))
  )
    report(node, file)
  ts.forEachChild(node, (child) => visit(child, file))
}

function report(node, file) {
  const { line } = file.getLineAndCharacterOfPosition(node.getStart())
  found.push(`${relative(root, file.fileName)}:${line + 1}: ${node.getText().slice(0, 80)}`)
}

// `Object.hasOwn(table, key) ? table[key] : ...`, or inside an `if` that asks it.
function guarded(node) {
  const asks = `Object.hasOwn(${node.expression.getText()}, ${node.argumentExpression.getText()})`
  for (let n = node.parent; n !== undefined && !ts.isFunctionLike(n); n = n.parent) {
    const condition =
      ts.isConditionalExpression(n) || ts.isIfStatement(n)
        ? (n.condition ?? n.expression)
        : ts.isBinaryExpression(n)
          ? n.left
          : undefined
    if (condition?.getText().includes(asks)) return true
  }
  return false
}

for (const file of program.getSourceFiles())
  if (!file.isDeclarationFile && file.fileName.startsWith(src)) visit(file, file)
for (const f of found) process.stdout.write(`${f}: a table indexed by a text; own(table, key), or a Map\n`)
process.exit(found.length > 0 ? 1 : 0)
