// A lint rule that Biome has no words for: no line above 120 columns, no function above 80 lines without a reason. A
// function says its reason in the comment in front of it, after the word "Long:". `node scripts/lines.mjs` lists the
// places.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { root } from './install.mjs'

const COLUMNS = 120
const LINES = 80

/** Lines that are data, by file: what they are. */
const DATA = {
  'src/base/share.test.ts': 'a link is one word',
  'src/litmus/print.test.ts': 'text as it is printed',
  'src/report/kernel.test.ts': 'text as it is printed',
  'test/fuzz/targets.ts': 'a recording'
}

const files = ['src', 'test', 'bench', 'scripts']
  .flatMap((dir) => readdirSync(join(root, dir), { recursive: true }).map((f) => `${dir}/${f}`))
  .filter((f) => /\.(?:ts|tsx|mjs|js|css|sh)$/.test(f) && !/\/(?:fixtures|out)\//.test(f))
  .sort()

/** Lines of a text that are too long, by number. */
const tooWide = (text) => text.split('\n').flatMap((line, i) => ([...line].length > COLUMNS ? [i + 1] : []))

/** A function whose body makes one: the comment stands in front of the statement or member that it is the value of. */
function commentOf(node, source) {
  let at = node
  while (at.parent !== undefined && !ts.isStatement(at) && !ts.isClassElement(at) && !ts.isPropertyAssignment(at))
    at = at.parent
  const ranges = ts.getLeadingCommentRanges(source.text, at.getFullStart()) ?? []
  return ranges.map((r) => source.text.slice(r.pos, r.end)).join('\n')
}

/** Functions of a file that are too long and say no reason. */
function tooLong(file, text) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const found = []
  const visit = (node, excused) => {
    let reason = excused
    if (ts.isFunctionLike(node) && node.body !== undefined) {
      const first = source.getLineAndCharacterOfPosition(node.getStart()).line
      const lines = source.getLineAndCharacterOfPosition(node.end).line - first + 1
      if (lines > LINES) {
        reason ||= /\bLong: \w/.test(commentOf(node, source))
        if (!reason) found.push({ line: first + 1, lines, name: node.name?.getText() ?? 'function' })
      }
    }
    ts.forEachChild(node, (child) => visit(child, reason))
  }
  visit(source, false)
  return found
}

const found = files.flatMap((file) => {
  const text = readFileSync(join(root, file), 'utf8')
  return [
    ...(DATA[file] === undefined ? tooWide(text).map((n) => `${file}:${n}: above ${COLUMNS} columns`) : []),
    ...(/\.(?:ts|tsx|mjs)$/.test(file) && !/\.test\.ts$/.test(file)
      ? tooLong(file, text).map(
          (f) => `${file}:${f.line}: ${f.name} has ${f.lines} lines, and no "Long: REASON" before it`
        )
      : [])
  ]
})
for (const [file, what] of Object.entries(DATA))
  if (!files.includes(file) || tooWide(readFileSync(join(root, file), 'utf8')).length === 0)
    found.push(`scripts/lines.mjs: ${file} (${what}) has no long line`)
for (const f of found) process.stdout.write(`${f}\n`)
process.exit(found.length > 0 ? 1 : 0)
