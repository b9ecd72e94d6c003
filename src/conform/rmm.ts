// `conform rmm`: recorded sequences of RMI commands against the model: status, level, outputs, exits, granule states, RIM.
import { type Diagnostic, hex } from '../base/index.ts'
import { type Answer, isDiagnostic, newSession, parseAddress, perform, type Session } from './rmm-commands.ts'
import type { Sequence, Step } from './rmm-sequence.ts'

/** One recorded value the model disagrees with. */
export interface RmmMismatch {
  readonly file: string
  readonly sequence: string
  /** 1-based position in the sequence. */
  readonly step: number
  readonly cmd: string
  readonly field: string
  readonly recorded: string
  readonly model: string
}

export interface RmmConformance {
  sequences: number
  /** Commands replayed. */
  operations: number
  /** Recorded values compared. */
  compared: number
  /** RIM values that were recomputed and compared, and those after a REC_CREATE of which only constancy can be. */
  rims: number
  rimsConstancy: number
  /** Steps whose recorded firmware stopped at a documented defect; the model's answer there is the specified one. */
  defects: string[]
  mismatches: RmmMismatch[]
  errors: Diagnostic[]
}

export const emptyConformance = (): RmmConformance => ({ sequences: 0, operations: 0, compared: 0, rims: 0, rimsConstancy: 0, defects: [], mismatches: [], errors: [] })

// Fields of a step that are not answers.
const SKIP = new Set(['cmd', 'name', 'seed', 'realm', 'setup', 'steps', 'note', 'intent', 'comment', 'diedOn', 'complete', 'stderr', 'uniform', 'id', 'title', 'description', 'desc', 'reason', 'why', 'rule', 'ref', 'reference', 'category', 'group', 'tags', 'generation', 'source'])

/** The model's RIM and the recorded one must change together: a value stays as long as the other does. */
interface RimPair { model: string; recorded: string }

/** Replays one sequence and adds what was found to `total`. */
export function conformSequence(file: string, q: Sequence, total: RmmConformance, most = 1000): void {
  const machine = header(q)
  const s = newSession(machine.generation, machine.granules)
  const last = new Map<string, RimPair>()
  total.sequences++
  for (const [i, step] of q.steps.entries()) {
    if (i < machine.lines) continue
    const a = perform(s, step.cmd, { file, line: step.line, where: `${q.name}, step ${i + 1}` })
    if (isDiagnostic(a)) {
      total.errors.push(a)
      return
    }
    total.operations++
    compare(s, step, a, last, total, (field, recorded, model) => {
      if (total.mismatches.length < most) total.mismatches.push({ file, sequence: q.name, step: i + 1, cmd: step.cmd, field, recorded, model })
    })
  }
  if (q.diedOn !== null) {
    const a = perform(s, q.diedOn, { file, line: 0, where: `${q.name}, last command` })
    if (isDiagnostic(a)) total.errors.push(a)
    else {
      total.defects.push(`${q.name}: firmware stopped at ${q.diedOn}; the model answers ${a.status}`)
    }
  }
}

/** `GENERATION 1.x|2.0` and `MEMORY GRANULES` lines at the beginning say which machine the sequence is for. */
function header(q: Sequence): { generation: '1.x' | '2.0'; granules: number | undefined; lines: number } {
  let generation: '1.x' | '2.0' = '1.x'
  let granules: number | undefined
  let lines = 0
  for (const step of q.steps) {
    const m = /^(?:GENERATION (1\.x|2\.0)|MEMORY (\d+))$/.exec(step.cmd.trim())
    if (m === null) break
    if (m[1] === '1.x' || m[1] === '2.0') generation = m[1]
    else granules = Number(m[2])
    lines++
  }
  return { generation, granules, lines }
}

const show = (v: number): string => hex(v)

const statusWords = ['SUCCESS', 'ERROR_INPUT', 'ERROR_REALM', 'ERROR_REC', 'ERROR_RTT', 'ERROR_NOT_SUPPORTED', 'ERROR_DEVICE', 'ERROR_RTT_AUX']
const realmStates: Readonly<Record<string, number>> = { NEW: 0, REALM_NEW: 0, ACTIVE: 1, REALM_ACTIVE: 1, SYSTEM_OFF: 2, REALM_SYSTEM_OFF: 2 }

/** A recorded status as the model writes it: `RMI_ERROR_INPUT`, `INPUT` and 1 are ERROR_INPUT. */
function statusWord(v: unknown): string | undefined {
  if (v === undefined) return undefined
  if (typeof v === 'number') return statusWords[v] ?? String(v)
  const w = String(v).replace(/^RMI_/, '')
  return statusWords.includes(`ERROR_${w}`) ? `ERROR_${w}` : w
}

function compare(s: Session, step: Step, a: Answer, last: Map<string, RimPair>, total: RmmConformance, miss: (field: string, recorded: string, model: string) => void): void {
  const r = step.recorded
  const check = (field: string, recorded: string, model: string): void => {
    total.compared++
    if (recorded !== model) miss(field, recorded, model)
  }
  const status = statusWord(r['status'])
  for (const [field, v] of Object.entries(r)) {
    if (SKIP.has(field)) continue
    switch (field) {
      case 'status': check(field, status ?? '', a.status ?? 'nothing'); break
      case 'index': if (v !== null) check(field, String(typeof v === 'string' && v.trim() !== '' ? Number(v) : v), String(a.index ?? 'nothing')); break
      case 'out': {
        if (!Array.isArray(v)) break
        // Outputs mean something on SUCCESS; the last one of destroy and unmap commands (top) on ERROR_RTT too.
        const name = (step.cmd.split(' ')[0] ?? '').replace(/^RMI_/, '')
        const onlyTop = status === 'ERROR_RTT' && /DESTROY|UNMAP/.test(name)
        if (status !== undefined && status !== 'SUCCESS' && !onlyTop) break
        v.forEach((x, i) => {
          if (onlyTop && i !== v.length - 1) return
          // A list of one value on such an error is `top` alone.
          const at = onlyTop && v.length === 1 ? (a.out?.length ?? 1) - 1 : i
          check(`x${at + 1}`, show(parseAddress(s, String(x))), a.out?.[at] === undefined ? 'nothing' : show(a.out[at]))
        })
        break
      }
      case 'top': check(field, show(parseAddress(s, String(v))), a.out === undefined ? 'nothing' : show(a.out.at(-1) ?? 0)); break
      case 'exit': check(field, String(v), a.exit ?? 'none'); break
      case 'esr':
      case 'hpfar':
      case 'far': check(field, show(Number(v)), a[field] === undefined ? 'none' : show(a[field])); break
      case 'ripas':
      case 'rsi': {
        const list = Array.isArray(v) ? v.map((x) => show(parseAddress(s, String(x)))).join(' ') : String(v)
        check(field, list, a[field] === undefined ? 'none' : a[field].map(show).join(' '))
        break
      }
      case 'sea_injected': check(field, String(v), String(a.sea_injected ?? false)); break
      case 'failures':
      case 'refcount': check(field, String(v), String(a[field] ?? 'nothing')); break
      case 'state': check(field, step.cmd.startsWith('RIM') && typeof v === 'string' ? String(realmStates[v] ?? v) : String(v), String(a.state ?? 'nothing')); break
      case 'byte0': if (a.byte0 !== null && r['uniform'] !== false) check(field, String(v), String(a.byte0)); break
      case 'queued': break
      case 'rim':
        total.rims++
        check(field, String(v), a.rim ?? 'nothing')
        break
      case 'rim_after_rec': {
        const key = step.cmd
        const before = last.get(key)
        const now: RimPair = { model: a.rim ?? 'nothing', recorded: String(v) }
        if (before !== undefined) {
          total.rimsConstancy++
          check('rim_after_rec', before.recorded === now.recorded ? 'unchanged' : 'changed', before.model === now.model ? 'unchanged' : 'changed')
        }
        last.set(key, now)
        break
      }
      default: miss(field, JSON.stringify(v), 'a field this program does not know')
    }
  }
  // An entry that was recorded with a plain exit must not have had more to tell.
  if (a.exit !== undefined && r['exit'] !== undefined) {
    for (const field of ['ripas', 'rsi', 'sea_injected'] as const) {
      if (a[field] !== undefined && r[field] === undefined && !(field === 'sea_injected' && a.sea_injected === false)) miss(field, 'none', JSON.stringify(a[field]))
    }
  }
}
