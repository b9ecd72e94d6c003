// A test as text, in one canonical layout: parse(print(test)) gives the same test again, places apart.
import type { Args, Call, ConfigEntry, Device, DeviceEntry, Expect, Expr, Name, Stmt, Test, VarRef } from './ast.ts'
import { type ConfigKey, configByName, deviceKeyByName, type OpWord, operationByName } from './vocabulary.ts'
import { expectationWords } from './expect.ts'
import { Bytes, ensure, hex } from '../base/index.ts'

/** Comments for a reader, by where they stand; explain() fills them in. Each becomes a line that begins with `# `. */
export interface Notes {
  readonly top?: readonly string[]
  readonly config?: ReadonlyMap<ConfigKey, string>
  readonly devices?: ReadonlyMap<string, readonly string[]>
  /** Spell out `cpu 0`, `on *`, and give each entry its line. */
  readonly full?: boolean
}

const quote = (s: string): string => `"${s.replace(/[\\"]/g, (c) => `\\${c}`)}"`
const names = (list: readonly Name[]): string => list.map((n) => n.name).join(', ')

/** The test in its canonical layout. @example print(test) ends with a line end */
export function print(test: Test, notes: Notes = {}): string {
  const full = notes.full === true
  const out: string[] = []
  for (const n of notes.top ?? []) out.push(`# ${n}`)
  out.push(`litmus ${test.name}`, `  ${quote(test.text)}`)
  for (const s of test.sources) out.push(`source ${quote(s)}`)
  if (test.platforms.length > 0) out.push(`platform ${names(test.platforms)}`)
  for (const r of test.revisions) out.push(`kernel ${r.name} = ${r.text}`)
  if (test.kernels.length > 0) out.push(`kernel ${names(test.kernels)}`)
  if (test.forbid.length > 0) out.push(`forbid ${names(test.forbid)}`)
  if (test.config.length > 0) {
    const column = full ? Math.max(...test.config.map((e) => e.key.length)) : 0
    out.push(
      'config {',
      ...test.config.map((e) => {
        const note = notes.config?.get(e.key)
        return `  ${e.key.padEnd(column)} ${printConfigValue(e)}${note === undefined ? '' : `  # ${note}`}`
      }),
      '}'
    )
  }
  for (const d of test.devices) out.push(...device(d, notes.devices?.get(d.name) ?? [], full))
  for (const m of test.mmios) out.push(`mmio ${m.name} { of ${m.of.name}, ${m.access} }`)
  if (test.init.length > 0) out.push('', 'init {', ...test.init.map((s) => printStmt(s, 1)), '}')
  for (const t of test.threads) {
    out.push(
      '',
      `thread ${t.name} ${full || t.cpu > 0 ? `cpu ${t.cpu} ` : ''}{`,
      ...t.body.map((s) => printStmt(s, 1)),
      '}'
    )
  }
  if (test.conditions.length > 0 || test.expects.length > 0) out.push('')
  for (const c of test.conditions) out.push(`${c.kind} (${printExpr(c.expr)})`)
  for (const e of test.expects) out.push(printExpect(e, full))
  return `${out.join('\n')}\n`
}

/** The value of a config entry as one writes it. */
export function printConfigValue(e: Pick<ConfigEntry, 'key' | 'value'>): string {
  const kind = ensure(configByName.get(e.key), e.key).kind
  if (typeof e.value === 'object')
    return e.value.areas === null ? `${e.value.slots}` : `${e.value.slots},${e.value.areas}`
  if (typeof e.value === 'string') return kind === 'string' ? quote(e.value) : e.value
  return kind === 'size' || kind === 'sizes' ? Bytes.format(e.value) : kind === 'limit' ? hex(e.value) : String(e.value)
}

/** An entry of a device as one writes it. */
export function printDeviceEntry(e: DeviceEntry): string {
  if (e.value === true) return e.key
  if (typeof e.value === 'object')
    return (
      `${e.key} ` +
      `${e.value.map((w) => `[${hex(w.cpu_start)}, ${hex(w.dma_start)}, ${Bytes.format(w.size)}]`).join(' ')}`
    )
  const kind = ensure(deviceKeyByName.get(e.key), e.key).kind
  const number =
    kind === 'size'
      ? Bytes.format(e.value)
      : kind === 'windows' || kind === 'mask' || kind === 'address'
        ? hex(e.value)
        : e.value
  return `${e.key} ${number}`
}

function device(d: Device, notes: readonly string[], full: boolean): string[] {
  if (!full)
    return [
      d.entries.length > 0
        ? `device ${d.name} { ${d.entries.map(printDeviceEntry).join(', ')} }`
        : `device ${d.name} { }`
    ]
  return [
    `device ${d.name} {`,
    ...d.entries.map((e) => `  ${printDeviceEntry(e)}`),
    ...notes.map((n) => `  # ${n}`),
    '}'
  ]
}

function printExpect(e: Expect, full: boolean): string {
  const on = full || !e.platforms.some((p) => p.name === '*') ? ` on ${names(e.platforms)}` : ''
  return `expect ${names(e.kernels)}${on} : ${expectationWords(e.verdict)}`
}

// ---- statements --------------------------------------------------------------------------------------------------

/** A statement as text, indented by `depth` steps of two blanks; no line end behind it. */
export const printStmt = (s: Stmt, depth = 0): string => stmtLines(s, depth).join('\n')

function stmtLines(s: Stmt, depth: number): string[] {
  const pad = '  '.repeat(depth)
  const block = (body: readonly Stmt[]): string[] => body.flatMap((b) => stmtLines(b, depth + 1))
  switch (s.kind) {
    case 'call':
      return [pad + printCall(s)]
    case 'assign':
      return [`${pad}${s.target.name} = ${typeof s.value === 'number' ? s.value : printExpr(s.value)}`]
    case 'if':
      return [
        `${pad}if (${printExpr(s.cond)}) {`,
        ...block(s.then),
        ...(s.else.length > 0 ? [`${pad}} else {`, ...block(s.else)] : []),
        `${pad}}`
      ]
    case 'choose':
      return s.branches.flatMap((b, i) => [i === 0 ? `${pad}choose {` : `${pad}} or {`, ...block(b)]).concat(`${pad}}`)
    case 'repeat':
      return [`${pad}repeat ${s.count} {`, ...block(s.body), `${pad}}`]
    case 'wait':
    case 'assert':
      return [`${pad}${s.kind} (${printExpr(s.cond)})`]
  }
}

/** A call as one line: what a trace shows of it. */
export function printCall(c: Call): string {
  const op: OpWord = ensure(operationByName.get(c.op), c.op)
  const args = op.params
    .filter((p) => p.optional !== true || c.args.object !== undefined)
    .map((p) => printArg(c.args, p.kind))
  for (const o of op.options) {
    if (o === 'ATOMIC' ? c.args.atomic : o === 'high' ? c.args.high : o === 'DECRYPTED' ? c.args.decrypted : false)
      args.push(o)
  }
  if (c.args.direction && op.params.every((p) => p.kind !== 'direction')) args.push(c.args.direction.name)
  args.push(...(c.args.none ? ['0'] : c.args.attributes.map((a) => a.name)))
  return `${c.target ? `${c.target.name} = ` : ''}${c.try ? 'try ' : ''}${c.op}(${args.join(', ')})`
}

function printArg(a: Args, kind: OpWord['params'][number]['kind']): string {
  switch (kind) {
    case 'device':
      return ensure(a.device, kind).name
    case 'object':
      return printVar(ensure(a.object, kind))
    case 'objects':
      return `[${ensure(a.objects, kind).map(printVar).join(', ')}]`
    case 'mmio':
      return ensure(a.mmio, kind).name
    case 'size':
      return Bytes.format(ensure(a.size, kind).value)
    case 'level':
      return ensure(a.level, kind).name
    case 'bits':
      return String(ensure(a.bits, kind).value)
    case 'label':
      return ensure(a.label, kind).name
    case 'direction':
      return ensure(a.direction, kind).name
  }
}

export const printVar = (v: VarRef): string =>
  `${v.thread === null ? '' : `${v.thread}.`}${v.name}${v.index === null ? '' : `[${v.index}]`}`

// ---- expressions -------------------------------------------------------------------------------------------------

const BINDS: Readonly<Record<string, number>> = { '||': 1, '&&': 2, '==': 3, '!=': 3, '<': 4, '<=': 4, '>': 4, '>=': 4 }

/** An expression with no more parentheses than it needs. */
export function printExpr(e: Expr): string {
  switch (e.kind) {
    case 'number':
      return String(e.value)
    case 'word':
      return e.name
    case 'var':
      return printVar(e)
    case 'field':
      return `${printVar(e.of)}.${e.field}`
    case 'device':
      return `${e.device}.${e.field}`
    case 'func':
      return `${e.name}(${e.device === undefined ? '' : `${e.device}, `}${printVar(e.arg)})`
    case 'not':
      return e.expr.kind === 'binary' ? `!(${printExpr(e.expr)})` : `!${printExpr(e.expr)}`
    case 'binary': {
      const mine = ensure(BINDS[e.op], e.op)
      // Operators group to the left, as in C.
      const side = (x: Expr, least: number): string =>
        x.kind === 'binary' && ensure(BINDS[x.op], x.op) < least ? `(${printExpr(x)})` : printExpr(x)
      return `${side(e.left, mine)} ${e.op} ${side(e.right, mine + 1)}`
    }
  }
}
