// Recorded sequences of RMI commands: reading them. A file holds JSON (an object with `sequences`, a list of sequences,
// or one sequence with `steps`) or plain text, one command a line, `#` starting a comment, `=> STATUS [index] [out...]`
// after a command that has an answer.
import { type Diagnostic, err, ok, type Result } from '../base/index.ts'

/** One command with whatever was recorded beside it. */
export interface Step {
  readonly cmd: string
  /** Line in a text file, 0 in JSON. */
  readonly line: number
  readonly recorded: Readonly<Record<string, unknown>>
}

export interface Sequence {
  /** `seed 17`, `case 3 "rd_align"`, `line 1`: where in the file. */
  readonly name: string
  readonly steps: readonly Step[]
  /** The command at which the recorded firmware stopped with a failed assertion, or null. */
  readonly diedOn: string | null
}

const isObject = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v)

const bad = (file: string, message: string, extra: Partial<Diagnostic> = {}): Result<never, Diagnostic> =>
  err({
    code: 'TB-520',
    file,
    line: 0,
    column: 0,
    word: '',
    message,
    expected: ['a JSON object with "sequences": [{"steps": [{"cmd": ...}]}]', 'text with one RMI command a line'],
    ...extra
  })

const LISTS = ['sequences', 'cases', 'tests'] as const

/**
 * The sequences of a file: under one of these names, a list of sequences, one sequence, the steps of one, or sequences
 * by name.
 */
function sequencesOf(json: unknown): unknown[] {
  if (Array.isArray(json)) {
    const bare =
      json.length > 0 &&
      json.every(
        (s) =>
          typeof s === 'string' ||
          (isObject(s) &&
            commandOf(s) !== undefined &&
            s['setup'] === undefined &&
            s['steps'] === undefined &&
            s['name'] === undefined &&
            s['id'] === undefined)
      )
    return bare ? [{ steps: json }] : json
  }
  if (!isObject(json)) return [json]
  for (const k of LISTS) if (Array.isArray(json[k])) return json[k]
  const named = Object.entries(json)
  const isSequence = (s: unknown): s is Record<string, unknown> => isObject(s) && Array.isArray(s['steps'])
  if (json['steps'] === undefined && named.some(([, s]) => isSequence(s)))
    return named.flatMap(([name, s]) => (isSequence(s) ? [{ name, ...s }] : []))
  return [json]
}

/** The command of a step: `cmd` or `command`, with `args` behind it where they stand apart. */
function commandOf(s: Record<string, unknown>): string | undefined {
  const cmd = s['cmd'] ?? s['command']
  if (typeof cmd !== 'string') return undefined
  const args = s['args']
  return Array.isArray(args) && !/\s/.test(cmd.trim()) ? [cmd, ...args.map(String)].join(' ') : cmd
}

/** What was recorded beside a command; answers may stand in an object of their own, or be a status word alone. */
function answersOf(s: Record<string, unknown>): Record<string, unknown> {
  const { expect, expected, result, cmd: _cmd, command: _command, args: _args, ...rest } = s
  const apart = expect ?? expected ?? result
  const all = isObject(apart)
    ? { ...rest, ...apart }
    : typeof apart === 'string' || typeof apart === 'number'
      ? { status: apart, ...rest }
      : rest
  // `ERROR_RTT(3)`, `RMI_ERROR_RTT 3`: the level in the word.
  const m = typeof all['status'] === 'string' ? /^(\w+?)\s*[\s(:,]\s*(\d+)\)?$/.exec(all['status'].trim()) : null
  return m === null ? all : { index: Number(m[2]), ...all, status: m[1] }
}

/** Reads a file's text. */
export function parseSequences(file: string, text: string): Result<Sequence[], Diagnostic> {
  const t = text.replace(/^\uFEFF/, '').trimStart()
  if (t === '') return bad(file, 'the file is empty')
  if (!t.startsWith('{') && !t.startsWith('[')) return ok([parseText(t === '' ? text : text.replace(/^\uFEFF/, ''))])
  let json: unknown
  try {
    json = JSON.parse(t)
  } catch (e) {
    const lines = t.split('\n')
    if (lines.length > 1) {
      const each: unknown[] = []
      for (const l of lines) {
        if (l.trim() === '') continue
        try {
          each.push(JSON.parse(l))
        } catch {
          return bad(file, `not JSON: ${(e as Error).message}`)
        }
      }
      json = each
    } else return bad(file, `not JSON: ${(e as Error).message}`)
  }
  const list = sequencesOf(json)
  const out: Sequence[] = []
  for (const [i, s] of list.entries()) {
    if (!isObject(s)) return bad(file, `sequence ${i + 1} is not an object`)
    const title = s['name'] ?? s['id'] ?? s['title']
    const name =
      title !== undefined
        ? `case ${i + 1} "${String(title)}"`
        : s['seed'] !== undefined
          ? `seed ${String(s['seed'])}`
          : `sequence ${i + 1}`
    const steps: Step[] = []
    for (const part of ['setup', 'steps'] as const) {
      const list = s[part]
      if (list === undefined) continue
      if (!Array.isArray(list)) return bad(file, `${name}: "${part}" is not a list`)
      for (const [n, st] of list.entries()) {
        if (typeof st === 'string') steps.push(parseLine(st, 0))
        else if (isObject(st) && commandOf(st) !== undefined)
          steps.push({ cmd: commandOf(st) ?? '', line: 0, recorded: answersOf(st) })
        else return bad(file, `${name}, ${part} ${n + 1}: no "cmd"`)
      }
    }
    const own = commandOf(s)
    if (own !== undefined) steps.push({ cmd: own, line: 0, recorded: answersOf(s) })
    if (steps.length === 0 && s['steps'] === undefined && s['setup'] === undefined)
      return bad(file, `${name} has no steps`)
    out.push({ name, steps, diedOn: typeof s['diedOn'] === 'string' ? s['diedOn'] : null })
  }
  return ok(out)
}

function parseText(text: string): Sequence {
  const steps: Step[] = []
  text.split('\n').forEach((raw, i) => {
    const line = raw.replace(/#.*/, '').trim()
    if (line === '') return
    steps.push(parseLine(line, i + 1))
  })
  return { name: 'text', steps, diedOn: null }
}

/** `COMMAND => STATUS [index] [out...]`, the answer as it may be missing. */
function parseLine(text: string, line: number): Step {
  const [cmd = '', answer] = text.split('=>').map((s) => s.trim())
  if (answer === undefined) return { cmd, line, recorded: {} }
  const [status = '', ...rest] = answer.replace(/^(\w+)\((\d+)\)/, '$1 $2').split(/\s+/)
  const [index, ...out] = rest
  return {
    cmd,
    line,
    recorded: { status, ...(index === undefined ? {} : { index: Number(index) }), ...(out.length > 0 ? { out } : {}) }
  }
}
