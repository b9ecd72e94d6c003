// docs/api.md: what each entry of the package exports, with its type, from the declarations that the compiler makes. A
// change of it is a change of the API, and stands in the review. `--check` writes nothing and ends with 1 where the
// page is another.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { root } from './install.mjs'
import { entries } from './package.mjs'

const PAGE = join(root, 'docs', 'api.md')
/** Letters of a type that are written out; a longer one is told by its beginning. */
const MOST = 160

const KINDS = [
  [ts.SymbolFlags.Class, 'class'],
  [ts.SymbolFlags.Interface, 'interface'],
  [ts.SymbolFlags.TypeAlias, 'type'],
  [ts.SymbolFlags.Function, 'function'],
  [ts.SymbolFlags.Variable, 'const'],
  [ts.SymbolFlags.Enum, 'enum'],
  [ts.SymbolFlags.ValueModule, 'namespace']
]

function line(checker, exported) {
  const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
  const kind = KINDS.find(([flag]) => symbol.flags & flag)?.[1] ?? 'name'
  const at = symbol.valueDeclaration ?? symbol.declarations?.[0]
  const flags = ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope
  const members = () =>
    checker
      .getDeclaredTypeOfSymbol(symbol)
      .getProperties()
      .filter((p) => !/^_|^#/.test(p.name))
      .map((p) => `${p.name}${p.flags & ts.SymbolFlags.Optional ? '?' : ''}`)
      .join(', ')
  const type =
    kind === 'namespace' || at === undefined
      ? ''
      : kind === 'class' || kind === 'interface'
        ? `{ ${members()} }`
        : kind === 'type'
          ? checker.typeToString(checker.getDeclaredTypeOfSymbol(symbol), at, flags | ts.TypeFormatFlags.InTypeAlias)
          : checker.typeToString(checker.getTypeOfSymbol(symbol), at, flags)
  const one = type.replace(/import\("[^"]*"\)\./g, '').replace(/\s+/g, ' ')
  const cut = kind !== 'class' && kind !== 'interface' && one.length > MOST ? `${one.slice(0, MOST)}...` : one
  return (
    `${kind} ${exported.name}` +
    `${cut === '' ? '' : `${kind === 'function' || kind === 'const' ? ': ' : ' = '}${cut}`}`
  )
}

export function page() {
  const all = entries()
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.convertCompilerOptionsFromJson(
    { ...config.compilerOptions, incremental: false, tsBuildInfoFile: undefined },
    root
  )
  const program = ts.createProgram(
    all.map((e) => join(root, e.source)),
    options
  )
  const checker = program.getTypeChecker()
  const sections = all.map((e) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(join(root, e.source)))
    const lines = checker
      .getExportsOfModule(module)
      .map((s) => line(checker, s))
      .sort((a, b) => (a.split(' ')[1] < b.split(' ')[1] ? -1 : 1))
    return [`## tbit/${e.name}`, '', '```ts', ...lines, '```', ''].join('\n')
  })
  return [
    '# What the entries export',
    '',
    'Made by `node scripts/api.mjs` from the declarations; long types are cut. [How they are used](library.md).',
    '',
    ...sections
  ].join('\n')
}

if (process.argv[1]?.endsWith('api.mjs')) {
  const text = page()
  if (!process.argv.includes('--check')) writeFileSync(PAGE, text)
  else if (readFileSync(PAGE, 'utf8') !== text) {
    process.stderr.write('docs/api.md is not what the entries export: node scripts/api.mjs writes it\n')
    process.exit(1)
  }
}
