// The engine behind a page: parses, searches in portions so that it hears Stop meanwhile, and draws what was found.
import { allFindings, beginCheck, type CheckResult, type CheckSession, pairsOf, toItsEnd } from '../../check/index.ts'
import { revisionByName } from '../../kernel/index.ts'
import { fixes, parse, type Test } from '../../litmus/index.ts'
import { judgementText, verdictText } from '../../report/check-run.ts'
import { functionsOf } from '../static/record.ts'
import { type Diagnostic, lineStart, messageOf } from '../../base/index.ts'
import { type Answer, type Ask, type Message, pairKey, type PairName, type VerdictHere } from './protocol.ts'
import { turn } from './turn.ts'

const port = globalThis as unknown as {
  postMessage(a: Answer): void
  onmessage: ((e: { readonly data: Ask }) => void) | null
}
const say = (a: Answer): void => {
  port.postMessage(a)
}

/** Bytes of the longest text: a test is written by hand. */
export const LONGEST = 64 << 10
/** States between two looks at the clock, and milliseconds between two looks at the messages. */
const PORTION = 500
const TURN = 25
/** Milliseconds behind the verdict of the visible pair in which nothing else is begun: who types has the next key. */
const PAUSE = 250
let woken = (): void => {}
/** Ends with the next message, too. */
const pause = (): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, PAUSE)
    woken = () => {
      clearTimeout(timer)
      resolve()
    }
  })

let newest = 0
let stopping = false
/** The text of the newest check, and how far each of its searches came. */
let checked: {
  readonly text: string
  readonly test: Test
  readonly maxStates: number
  readonly states: Map<string, number>
} | null = null
/** Rises with each picture that is asked for. */
let drawing = 0

/** A search to its end, to Stop, or until nobody wants it any more (then false). */
async function searched(
  session: CheckSession,
  wanted: () => boolean,
  stopped: () => boolean,
  told: (states: number, perSecond: number) => void
): Promise<boolean> {
  const began = performance.now()
  let [heard, shown] = [began, began]
  while (!stopped() && session.advance(PORTION)) {
    const now = performance.now()
    if (now - shown > 100) {
      told(session.states, session.states / ((now - began) / 1000))
      shown = now
    }
    if (now - heard < TURN) continue
    await turn()
    heard = performance.now()
    if (!wanted()) return false
  }
  return true
}

let told: Promise<typeof import('./told.ts')> | undefined
/** What tells and draws findings: behind the first verdict, which does not wait for it. */
const telling = (): Promise<typeof import('./told.ts')> => (told ??= import('./told.ts'))

const verdictOf = (r: CheckResult, findings: VerdictHere['findings']): VerdictHere => ({
  kernel: r.kernel,
  platform: r.platform,
  verdict: r.verdict,
  words: verdictText(r),
  judgement: judgementText(r),
  reason: r.reason,
  complete: r.complete,
  states: r.states,
  notes: r.notes,
  findings
})

/** A message with its place in the text as offsets. */
function placed(text: string, d: Diagnostic): Message {
  const from = Math.min(text.length, (lineStart(text, d.line) ?? 0) + Math.max(0, d.column - 1))
  const end = text.indexOf('\n', from)
  const to = Math.min(end < 0 ? text.length : end, from + Math.max(1, d.word.length))
  return {
    from,
    to: Math.max(from, to),
    line: d.line,
    severity: d.severity === 'warning' ? 'warning' : 'error',
    text: `${d.message}${d.hint === undefined ? '' : `; ${d.hint}`}`,
    mends: fixes(text, d).map((f) => ({ title: f.title, ...f.edit }))
  }
}

async function check(a: Extract<Ask, { op: 'check' }>): Promise<void> {
  const { id, text } = a
  if (text.length > LONGEST) {
    say({
      at: 'parsed',
      id,
      messages: [
        {
          from: 0,
          to: 0,
          line: 1,
          severity: 'error',
          text: `the text has ${text.length} characters: this page takes ${LONGEST}; tbit check reads longer files`,
          mends: []
        }
      ],
      test: null,
      pair: null
    })
    return
  }
  const { test, errors, warnings } = parse(text, 'the text')
  const messages = [...errors, ...warnings].map((d) => placed(text, d))
  if (test === undefined || errors.length > 0) {
    say({ at: 'parsed', id, messages, test: null, pair: null })
    return
  }
  const pairs = pairsOf(test)
  const own = test.revisions.map((r) => r.name)
  const known = (p: PairName): boolean => revisionByName(p.kernel) !== undefined || own.includes(p.kernel)
  const pair = a.pair !== null && known(a.pair) ? a.pair : (pairs[0] ?? null)
  checked = { text, test, maxStates: a.maxStates, states: new Map() }
  const { states: reached } = checked
  say({ at: 'parsed', id, messages, test: { name: test.name, about: test.text, pairs, own }, pair })
  const rest = a.all ? pairs.filter((p) => p.kernel !== pair?.kernel || p.platform !== pair?.platform) : []
  for (const p of [...(pair === null ? [] : [pair]), ...rest]) {
    if (stopping) break
    try {
      const session = beginCheck(test, p.kernel, p.platform, { maxStates: a.maxStates })
      const ended = await searched(
        session,
        () => id === newest,
        () => stopping,
        (states, perSecond) => say({ at: 'progress', id, pair: p, states, perSecond })
      )
      if (!ended || id !== newest) return
      // The ways to what was found take as long as the search: the verdict of the visible pair does not wait for them.
      if (p === pair) {
        say({ at: 'verdict', id, result: verdictOf(session.result(null), null) })
        await (stopping ? turn() : pause())
        if (id !== newest) return
      }
      const { foundIn, ways } = await telling()
      if (id !== newest) return
      const r = session.result(ways)
      reached.set(pairKey(p), r.states)
      say({ at: 'verdict', id, result: verdictOf(r, foundIn(r)) })
    } catch (e) {
      say({ at: 'broken', id, message: `${p.kernel} on ${p.platform}: ${messageOf(e)}` })
    }
    await turn()
    if (id !== newest) return
  }
  say({ at: 'done', id, stopped: stopping })
}

/** The same search again, as far as it came, with the state after each step. */
async function draw(a: Extract<Ask, { op: 'draw' }>): Promise<void> {
  if (checked === null) return
  const { test, text, maxStates, states } = checked
  const mine = ++drawing
  const most = Math.min(maxStates, (states.get(pairKey(a.pair)) ?? maxStates) + PORTION)
  const session = beginCheck(test, a.pair.kernel, a.pair.platform, { maxStates: most, frames: true })
  const ended = await searched(
    session,
    () => a.id === newest && mine === drawing,
    () => false,
    () => {}
  )
  if (!ended) return
  const { drawing: draws, ways } = await telling()
  const r = session.result(ways)
  const violation = allFindings(r).find((v) => v.id === a.finding)
  if (violation === undefined) return
  say({ at: 'drawn', id: a.id, finding: a.finding, html: draws(r, violation, test, text) })
}

/** Runs to compare with recorded ones: nothing is kept. */
async function run(a: Extract<Ask, { op: 'run' }>): Promise<void> {
  const { ways } = await telling()
  const { test } = parse(a.text, a.file)
  const results = a.pairs.map((p) => {
    if (test === undefined) return { ...p, verdict: 'not read', ids: [], states: 0, functions: '' }
    const r = toItsEnd(beginCheck(test, p.kernel, p.platform)).result(ways)
    const all = allFindings(r)
    return { ...p, verdict: r.verdict, ids: all.map((v) => v.id), states: r.states, functions: functionsOf(r) }
  })
  say({ at: 'ran', id: a.id, results })
}

port.onmessage = ({ data }) => {
  woken()
  if (data.op === 'stop') {
    stopping = true
    return
  }
  if (data.op === 'check') {
    newest = data.id
    stopping = false
  }
  const doing = data.op === 'check' ? check(data) : data.op === 'draw' ? draw(data) : run(data)
  void doing.catch((e: unknown) => say({ at: 'broken', id: data.id, message: messageOf(e) }))
}
say({ at: 'ready' })
