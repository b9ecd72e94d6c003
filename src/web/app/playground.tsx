// The playground: a litmus test and what becomes of it, as one types.
import { batch, computed, effect, signal } from '@preact/signals'
import { render } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { ShareState } from '../../base/share.ts'
import { messageOf } from '../../base/diagnostic.ts'
import { thousands } from '../../base/text.ts'
import { revisions } from '../../kernel/index.ts'
import { platforms } from '../../machine/index.ts'
import type { attachPlayer, Place, Player } from '../../report/finding-player.ts'
import { startingPoints } from '../static/starting-points.ts'
import { type Editor, editor } from './editor.ts'
import { linkOf, readLink, writeLink } from './link.ts'
import {
  type Answer,
  type FoundHere,
  type Message,
  type PairName,
  pairKey,
  type ParsedHere,
  type VerdictHere
} from './protocol.ts'
import { Notice, Wide } from './parts.tsx'
import { engine, libraryTests, type LibraryTest } from './work.ts'

// ---- state
// -----------------------------------------------------------------------------------------------------------

/** States at which a search in the page stops on its own; and when somebody asks for more. */
const FIRST_LIMIT = 300_000
const SECOND_LIMIT = 2_000_000
const KEPT = 'tbit.playground'

const text = signal('')
const messages = signal<readonly Message[]>([])
const test = signal<ParsedHere | null>(null)
const pair = signal<PairName | null>(null)
/** A verdict with its findings, or those before it. */
type Verdict = VerdictHere & { readonly findings: readonly FoundHere[] }
const results = signal<ReadonlyMap<string, Verdict>>(new Map())
/** The verdicts are of an earlier text: this one has an error, or is being searched. */
const stale = signal(false)
const busy = signal<{ readonly pair: PairName | null; readonly states: number; readonly perSecond: number } | null>(
  null
)
/** It takes longer than a reader waits: what is being done is said. Until then nothing of the page moves. */
const long = signal(false)
const wanted = signal<{ readonly all: boolean; readonly maxStates: number }>({ all: false, maxStates: FIRST_LIMIT })
const chosen = signal<string | null>(null)
const drawn = signal<{ readonly finding: string; readonly html: string } | null>(null)
const step = signal<number | null>(null)
const notice = signal<string | null>(null)
const offered = signal<string | null>(null)
const copied = signal<string | null>(null)
const library = signal<readonly LibraryTest[]>([])

let id = 0
let touched = false
let ed: Editor | null = null
let player: Player | null = null
let attach: typeof attachPlayer | null = null
let crashes = 0

// What more than one place asks of the signals, so that a key that changes none of it draws nothing anew.
const empty = computed(() => text.value.trim() === '')
const errors = computed(() => messages.value.filter((m) => m.severity === 'error').length)
const shown = computed(() => (pair.value === null ? undefined : results.value.get(pairKey(pair.value))))

// ---- the engine
// ------------------------------------------------------------------------------------------------------

const work = engine(heard, (why) => {
  ended()
  notice.value =
    `The worker that searches has died: ${why}. Your text is kept` +
    `${crashes === 0 ? ', and it is started again' : '; the next edit starts it again'}.`
  if (crashes++ === 0) check()
})

/** User timing, for whoever measures: from an edit to its painted verdict, and from Stop to what was found. */
type Timed = 'edit to verdict' | 'stop to found'
const begun = new Map<Timed, number>()
function timed(name: Timed): void {
  const start = begun.get(name)
  if (start === undefined) return
  begun.delete(name)
  // After the frame that shows it.
  requestAnimationFrame(() =>
    setTimeout(() => {
      performance.clearMeasures(name)
      performance.measure(name, { start })
    })
  )
}

/** Milliseconds until what is being done is said. */
const LONG = 100
let waiting: ReturnType<typeof setTimeout> | undefined
function ended(): void {
  clearTimeout(waiting)
  batch(() => {
    busy.value = null
    long.value = false
  })
}

/** `next`, or `before` where they say the same: nobody then draws it again. */
const kept = <T,>(before: T, next: T): T => (JSON.stringify(before) === JSON.stringify(next) ? before : next)

function check(): void {
  id++
  begun.set('edit to verdict', performance.now())
  if (text.value.trim() === '') {
    batch(() => {
      messages.value = []
      test.value = null
      results.value = new Map()
      drawn.value = null
      ended()
      stale.value = false
    })
    ed?.messages([])
    return
  }
  stale.value = true
  busy.value = { pair: null, states: 0, perSecond: 0 }
  clearTimeout(waiting)
  if (!long.value)
    waiting = setTimeout(() => {
      long.value = true
    }, LONG)
  work.ask({ op: 'check', id, text: text.value, pair: pair.value, ...wanted.value })
}

/** What plays a picture, fetched with the first. */
async function draws(): Promise<void> {
  attach ??= (await import('../../report/finding-player.ts')).attachPlayer
}

let fresh = -1
function heard(a: Answer): void {
  if (a.at === 'ready' || a.id !== id) return
  switch (a.at) {
    case 'parsed':
      batch(() => {
        messages.value = kept(messages.value, a.messages)
        if (a.test === null) ended()
        else {
          test.value = kept(test.value, a.test)
          pair.value = kept(pair.value, a.pair)
        }
      })
      ed?.messages(a.messages)
      return
    case 'progress':
      busy.value = a
      return
    case 'verdict':
      told(a.id, a.result)
      return
    case 'done':
      if (a.stopped) timed('stop to found')
      crashes = 0
      ended()
      return
    case 'drawn':
      void draws().then(() => {
        if (a.id === id) drawn.value = kept(drawn.value, { finding: a.finding, html: a.html })
      }, unloaded)
      return
    case 'broken':
      notice.value = `The model contradicts itself here, a bug of tbit worth a report with this text: ${a.message}`
      return
    case 'ran':
      return
  }
}

/** A verdict; until its findings follow, those of the last one stand. */
function told(of: number, said: VerdictHere): void {
  batch(() => {
    const before = results.value.get(pairKey(said))
    const next: Verdict = { ...said, findings: said.findings ?? before?.findings ?? [] }
    const r = before === undefined ? next : kept(before, next)
    results.value = new Map([...(fresh === of ? results.value : []), [pairKey(r), r]])
    fresh = of
    stale.value = false
    if (shown.value !== r) return
    timed('edit to verdict')
    if (said.findings !== null)
      choose(
        r,
        r.findings.find((f) => f.id === chosen.value)?.id ??
          r.findings.find((f) => f.property === chosen.value)?.id ??
          r.findings[0]?.id ??
          null
      )
  })
}

let drawing: ReturnType<typeof setTimeout> | undefined
/** Draws a finding: at once when somebody asks for it, else when the typing pauses. */
function choose(r: PairName, finding: string | null, now = false): void {
  chosen.value = finding
  clearTimeout(drawing)
  if (finding === null) {
    drawn.value = null
    return
  }
  drawing = setTimeout(
    () => work.ask({ op: 'draw', id, pair: { kernel: r.kernel, platform: r.platform }, finding }),
    now || drawn.value === null ? 0 : 150
  )
}

function look(p: PairName): void {
  pair.value = p
  remember()
  const r = results.value.get(pairKey(p))
  if (r === undefined || stale.value) check()
  else choose(r, r.findings[0]?.id ?? null, true)
}

// ---- links, and what is kept
// -----------------------------------------------------------------------------------------

function linkState(): ShareState {
  const known = library.value.find((t) => t.text === text.value)
  const values = {
    ...(known === undefined ? {} : { test: known.name }),
    ...(pair.value === null ? {} : { kernel: pair.value.kernel, platform: pair.value.platform }),
    ...(chosen.value === null ? {} : { finding: chosen.value }),
    ...(step.value === null ? {} : { step: String(step.value) })
  }
  return { values, ...(known === undefined ? { text: text.value } : {}) }
}

/** What is shown changes because it is opened, not because somebody does something. */
let opening = false
let writing: ReturnType<typeof setTimeout> | undefined
/**
 * Somebody did something: the text is kept, and the address says what is shown. Until then a link stays as it was
 * opened.
 */
function remember(): void {
  touched = true
  clearTimeout(writing)
  writing = setTimeout(() => {
    try {
      localStorage.setItem(KEPT, text.value)
    } catch {
      /* no storage here: then a crash costs the text */
    }
    writeLink(linkState())
  }, 250)
}
addEventListener('pagehide', () => {
  if (touched)
    try {
      localStorage.setItem(KEPT, text.value)
    } catch {
      /* as above */
    }
})

async function share(): Promise<void> {
  const to = new URL(`#${await linkOf(linkState())}`, location.href).href
  history.replaceState(null, '', to)
  try {
    await navigator.clipboard.writeText(to)
    copied.value = `The link is copied (${to.length} characters).`
  } catch {
    copied.value = `The link is in the address bar (${to.length} characters).`
  }
}

function open(t: string, p: PairName | null, finding: string | null = null): void {
  batch(() => {
    text.value = t
    pair.value = p
    chosen.value = finding
    drawn.value = null
    results.value = new Map()
    test.value = null
    step.value = null
    wanted.value = { all: false, maxStates: FIRST_LIMIT }
  })
  if (ed !== null && ed.text() !== t) {
    // The editor may be there before the text of a link is: nobody has written anything.
    opening = true
    ed.set(t)
    opening = false
  } else check()
}

const fetched = async (): Promise<readonly LibraryTest[]> => {
  library.value = await libraryTests()
  return library.value
}

async function openNamed(name: string, p: PairName | null, finding: string | null = null): Promise<boolean> {
  try {
    const t = (await fetched()).find((x) => x.name === name)
    if (t === undefined) {
      notice.value = `The library of this site has no test '${name}': the link may be of another version.`
      return false
    }
    open(t.text, p, finding)
    return true
  } catch (e) {
    notice.value = `The library could not be loaded (${messageOf(e)}).`
    return false
  }
}

/** What the address says; a link that cannot be opened is said and nothing typed is lost. */
async function openLink(): Promise<boolean> {
  const link = await readLink(notice)
  if (link === null) return false
  const { values, text: t } = link
  const unknown = Object.keys(values).filter((k) => !['test', 'kernel', 'platform', 'finding', 'step'].includes(k))
  if (unknown.length > 0)
    notice.value = `This link says something about '${unknown.join("', '")}', which this page does not know.`
  const p =
    values['kernel'] !== undefined && platforms.some((x) => x.name === values['platform'])
      ? { kernel: values['kernel'], platform: values['platform'] as string }
      : null
  wantedStep = /^\d{1,6}$/.test(values['step'] ?? '') ? Number(values['step']) : null
  if (t !== undefined) open(t, p, values['finding'] ?? null)
  else if (values['test'] !== undefined) return openNamed(values['test'], p, values['finding'] ?? null)
  else {
    notice.value = 'This link names no test: it was not opened.'
    return false
  }
  return true
}
let wantedStep: number | null = null

const keptText = (): string => {
  try {
    return localStorage.getItem(KEPT) ?? ''
  } catch {
    return ''
  }
}

async function begin(): Promise<void> {
  const kept = keptText()
  const opened = await openLink()
  if (!opened && kept !== '') open(kept, null)
  else if (opened && kept !== '' && kept !== text.value && !library.value.some((t) => t.text === kept))
    offered.value = kept
}
addEventListener('hashchange', () => {
  void openLink()
})

// ---- the page
// --------------------------------------------------------------------------------------------------------

function Starts() {
  return (
    <section aria-label="places to start" class="starts">
      <p>Start from:</p>
      <ul class="cards">
        {startingPoints.map((s) => (
          <li>
            <button
              type="button"
              class="start"
              onClick={() => {
                void openNamed(s.test, { kernel: s.kernel, platform: s.platform }, s.property).then((done) => {
                  if (done) remember()
                })
              }}>
              {s.name}
            </button>
            <p>{s.asks}</p>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Pairs() {
  const t = test.value
  const kernels = [...new Set([...(t?.pairs.map((p) => p.kernel) ?? []), ...revisions.map((r) => r.name)])]
  const names = [...new Set([...(t?.pairs.map((p) => p.platform) ?? []), ...platforms.map((p) => p.name)])]
  const p = pair.value ?? { kernel: kernels[0] ?? '', platform: names[0] ?? '' }
  return (
    <p class="controls">
      <label>
        kernel{' '}
        <select name="kernel" value={p.kernel} onChange={(e) => look({ ...p, kernel: e.currentTarget.value })}>
          {kernels.map((k) => (
            <option value={k}>{k}</option>
          ))}
        </select>
      </label>
      <label>
        platform{' '}
        <select name="platform" value={p.platform} onChange={(e) => look({ ...p, platform: e.currentTarget.value })}>
          {names.map((k) => (
            <option value={k}>{k}</option>
          ))}
        </select>
      </label>
    </p>
  )
}

/** What is being done, and how to stop it. */
function Doing() {
  const b = long.value ? busy.value : null
  if (b === null) return null
  return (
    <p class="doing">
      {b.states > 0 && b.pair !== null
        ? `${pairKey(b.pair)}: ${thousands(b.states)} states, ${thousands(Math.round(b.perSecond))} a second `
        : 'searching '}
      <button
        type="button"
        onClick={() => {
          begun.set('stop to found', performance.now())
          work.ask({ op: 'stop' })
        }}>
        Stop
      </button>{' '}
      <span class="soft">keeps what was found</span>
    </p>
  )
}

function VerdictOf() {
  const r = shown.value
  const n = errors.value
  if (r === undefined)
    return (
      <p role="status">{n > 0 ? `${n === 1 ? 'An error' : `${n} errors`} in the text: nothing is checked.` : ''}</p>
    )
  const old = n > 0
  return (
    <div class={old ? 'old' : ''}>
      <p role="status" class={`verdict ${r.verdict}`}>
        <b>{r.words}</b> {r.judgement !== '' && <span>{r.judgement}</span>}{' '}
        <span class="soft">
          {r.kernel} on {r.platform},{' '}
          {r.verdict === 'skipped'
            ? r.reason
            : `${thousands(r.states)} states${r.complete ? ': every interleaving' : ', not all of them'}`}
          {old ? '; of the last text without errors' : ''}
        </span>
      </p>
      {!r.complete && r.verdict !== 'skipped' && busy.value === null && wanted.value.maxStates < SECOND_LIMIT && (
        <p>
          <button
            type="button"
            onClick={() => {
              wanted.value = { ...wanted.value, maxStates: SECOND_LIMIT }
              check()
            }}>
            Search up to {thousands(SECOND_LIMIT)} states
          </button>
        </p>
      )}
      {r.findings.length > 0 && (
        <ul class="found">
          {r.findings.map((f) => (
            <li>
              <button
                type="button"
                aria-pressed={chosen.value === f.id}
                onClick={() => {
                  choose(r, f.id, true)
                  remember()
                }}>
                <b>{f.property}</b>
                {f.forbidden ? '' : ' (reported, not forbidden)'}: {f.headline}
              </button>
            </li>
          ))}
        </ul>
      )}
      {r.notes.length > 0 && (
        <ul class="soft">
          {r.notes.map((n) => (
            <li>{n}</li>
          ))}
        </ul>
      )}
    </div>
  )
}

function AllPairs() {
  const t = test.value
  if (t === null) return null
  if (!wanted.value.all)
    return (
      <p>
        <button type="button" onClick={all}>
          Check all {t.pairs.length} pairs <kbd>Ctrl Enter</kbd>
        </button>
      </p>
    )
  const kernels = [...new Set(t.pairs.map((p) => p.kernel))]
  const names = [...new Set(t.pairs.map((p) => p.platform))]
  const cell = (kernel: string, platform: string) => {
    if (!t.pairs.some((p) => p.kernel === kernel && p.platform === platform)) return <td></td>
    const r = results.value.get(pairKey({ kernel, platform }))
    if (r === undefined) return <td class="soft">{busy.value === null ? '–' : '…'}</td>
    const word =
      r.verdict === 'violated'
        ? [...new Set(r.findings.filter((f) => f.forbidden).map((f) => f.property))].join(', ')
        : r.verdict
    return (
      <td>
        <button
          type="button"
          class={`cell ${r.verdict}`}
          aria-pressed={pair.value?.kernel === kernel && pair.value.platform === platform}
          aria-label={`${kernel} on ${platform}: ${r.words}`}
          onClick={() => look({ kernel, platform })}>
          {word}
        </button>
      </td>
    )
  }
  const done = t.pairs.filter((p) => results.value.has(pairKey(p))).length
  return (
    <section aria-label="all pairs">
      <h2>
        All pairs{' '}
        <span class="soft">
          {done} of {t.pairs.length}
        </span>
      </h2>
      <Wide label="verdicts of all pairs">
        <table>
          <thead>
            <tr>
              <td></td>
              {names.map((p) => (
                <th scope="col">{p}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {kernels.map((k) => (
              <tr>
                <th scope="row">{k}</th>
                {names.map((p) => cell(k, p))}
              </tr>
            ))}
          </tbody>
        </table>
      </Wide>
    </section>
  )
}
const all = (): void => {
  wanted.value = { ...wanted.value, all: true }
  check()
}

function Messages() {
  const list = messages.value
  if (list.length === 0) return null
  return (
    <ul class="messages" aria-label="messages">
      {list.map((m) => (
        <li class={m.severity}>
          line {m.line}: {m.text}{' '}
          {m.mends.slice(0, 3).map((x, i) => (
            <button
              type="button"
              class="mend"
              onClick={() => {
                ed?.mend(x)
                ed?.focus()
              }}>
              {x.title}
              {i === 0 && m === list.find((y) => y.mends.length > 0) ? (
                <>
                  {' '}
                  <kbd>Alt Enter</kbd>
                </>
              ) : (
                ''
              )}
            </button>
          ))}
        </li>
      ))}
    </ul>
  )
}

/** The finding that is looked at; its steps mark their statement in the text. */
function Drawn() {
  const at = useRef<HTMLDivElement>(null)
  const d = drawn.value
  useEffect(() => {
    const root = at.current
    if (root === null) return
    player = null
    root.innerHTML = d?.html ?? ''
    ed?.mark(0)
    if (d === null || attach === null) return
    const lineOf = (n: number): number =>
      Number(root.querySelector(`tr[data-step="${n}"]`)?.getAttribute('data-at') ?? 0)
    player = attach(root as unknown as Place, {
      later: (f, ms) => setTimeout(f, ms),
      moved: (n) => {
        ed?.mark(lineOf(n))
        if (step.value !== n) {
          step.value = n
          if (!opening) remember()
        }
      }
    })
    opening = true
    player?.go(wantedStep ?? Number.MAX_SAFE_INTEGER)
    wantedStep = null
    opening = false
  }, [d])
  return <section aria-label="the finding" class="player" ref={at} />
}

/** The reader went to a line of the text: the first step of its statement that has a column is shown. */
function lineChosen(line: number): void {
  const columns = document.querySelector('.player .cursor')?.getAttribute('data-steps')?.split(' ') ?? []
  const steps = [...document.querySelectorAll(`.player tr[data-at="${line}"]`)].map(
    (row) => row.getAttribute('data-step') ?? ''
  )
  const first = steps.find((n) => columns.includes(n))
  if (first !== undefined) player?.go(Number(first))
}

function Writing() {
  const at = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (at.current === null) return
    ed = editor(at.current, text.value, {
      changed: (t) => {
        text.value = t
        copied.value = null
        if (!opening) remember()
        check()
      },
      at: lineChosen,
      all,
      share: () => {
        void share()
      }
    })
    void begin()
  }, [])
  return <div class="editor" ref={at} />
}

const unloaded = (e: unknown): void => {
  notice.value = `A part of the page could not be loaded (${messageOf(e)}).`
}

function Bar() {
  return (
    <p class="tools">
      <button
        type="button"
        onClick={() => {
          void share()
        }}>
        Copy link <kbd>Ctrl S</kbd>
      </button>
      <button
        type="button"
        disabled={errors.value > 0}
        onClick={() => {
          void import('./assist.ts').then(({ format }) => {
            const t = format(text.value)
            if (t !== text.value) ed?.set(t)
          }, unloaded)
        }}>
        Format
      </button>
      <label>
        a test of the library{' '}
        <input
          name="test"
          list="tests"
          size={18}
          onFocus={() => {
            void fetched().catch(() => {})
          }}
          onChange={(e) => {
            const name = e.currentTarget.value
            if (library.value.some((t) => t.name === name))
              void openNamed(name, null).then((done) => {
                if (done) remember()
              })
          }}
        />
      </label>
      <Tests />
    </p>
  )
}

function Tests() {
  return (
    <datalist id="tests">
      {library.value.map((t) => (
        <option value={t.name} />
      ))}
    </datalist>
  )
}

function Notices() {
  return (
    <div role="alert">
      <Notice of={notice} />
      {offered.value !== null && (
        <p class="notice">
          A text of yours was not saved by a link.{' '}
          <button
            type="button"
            onClick={() => {
              open(offered.value ?? '', null)
              offered.value = null
            }}>
            Bring it back
          </button>{' '}
          <button
            type="button"
            onClick={() => {
              offered.value = null
            }}>
            Leave it
          </button>
        </p>
      )}
      {copied.value !== null && <p>{copied.value}</p>}
    </div>
  )
}

function Playground() {
  return (
    <>
      <Notices />
      <div class="two">
        <div>
          <Bar />
          <Writing />
          <Messages />
        </div>
        <div>
          {empty.value ? (
            <Starts />
          ) : (
            <>
              <Pairs />
              <Doing />
              <VerdictOf />
              <AllPairs />
            </>
          )}
        </div>
      </div>
      <Drawn />
    </>
  )
}

const root = document.getElementById('app')
if (root !== null) {
  root.replaceChildren()
  render(<Playground />, root)
  document.addEventListener('keydown', (e) => {
    player?.key(e)
  })
  effect(() => {
    document.title = `${test.value?.name ?? 'Playground'} · tbit`
  })
}
