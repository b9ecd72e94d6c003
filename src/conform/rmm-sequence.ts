// Recorded sequences of RMI commands: reading them. A file holds JSON (an object with `sequences`, a list of sequences, or one sequence
// with `steps`) or plain text, one command a line, `#` starting a comment, `=> STATUS [index] [out...]` after a command that has an answer.
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
  err({ code: 'TB-520', file, line: 0, column: 0, word: '', message, expected: ['a JSON object with "sequences": [{"steps": [{"cmd": ...}]}]', 'text with one RMI command a line'], ...extra })

/** Reads a file's text. */
export function parseSequences(file: string, text: string): Result<Sequence[], Diagnostic> {
  const t = text.trimStart()
  if (t === '') return bad(file, 'the file is empty')
  if (!t.startsWith('{') && !t.startsWith('[')) return ok([parseText(text)])
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (e) {
    const lines = t.split('\n')
    if (lines.length > 1) {
      const each: unknown[] = []
      for (const l of lines) {
        if (l.trim() === '') continue
        try { each.push(JSON.parse(l)) } catch { return bad(file, `not JSON: ${(e as Error).message}`) }
      }
      json = each
    } else return bad(file, `not JSON: ${(e as Error).message}`)
  }
  const list: unknown[] = Array.isArray(json) ? json : isObject(json) && Array.isArray(json['sequences']) ? json['sequences'] : isObject(json) && Array.isArray(json['cases']) ? json['cases'] : [json]
  const out: Sequence[] = []
  for (const [i, s] of list.entries()) {
    if (!isObject(s)) return bad(file, `sequence ${i + 1} is not an object`)
    const name = s['name'] !== undefined ? `case ${i + 1} "${String(s['name'])}"` : s['seed'] !== undefined ? `seed ${String(s['seed'])}` : `sequence ${i + 1}`
    const steps: Step[] = []
    for (const part of ['setup', 'steps'] as const) {
      const list = s[part]
      if (list === undefined) continue
      if (!Array.isArray(list)) return bad(file, `${name}: "${part}" is not a list`)
      for (const [n, st] of list.entries()) {
        if (typeof st === 'string') steps.push({ cmd: st, line: 0, recorded: {} })
        else if (isObject(st) && typeof st['cmd'] === 'string') steps.push({ cmd: st['cmd'], line: 0, recorded: st })
        else return bad(file, `${name}, ${part} ${n + 1}: no "cmd"`)
      }
    }
    if (typeof s['cmd'] === 'string') steps.push({ cmd: s['cmd'], line: 0, recorded: s })
    if (steps.length === 0) return bad(file, `${name} has no steps`)
    out.push({ name, steps, diedOn: typeof s['diedOn'] === 'string' ? s['diedOn'] : null })
  }
  return ok(out)
}

function parseText(text: string): Sequence {
  const steps: Step[] = []
  text.split('\n').forEach((raw, i) => {
    const line = raw.replace(/#.*/, '').trim()
    if (line === '') return
    const [cmd = '', answer] = line.split('=>').map((s) => s.trim())
    const recorded: Record<string, unknown> = {}
    if (answer !== undefined) {
      const [status, index, ...out] = answer.split(/\s+/)
      recorded['status'] = status
      if (index !== undefined) recorded['index'] = Number(index)
      if (out.length > 0) recorded['out'] = out
    }
    steps.push({ cmd, line: i + 1, recorded })
  })
  return { name: 'text', steps, diedOn: null }
}
