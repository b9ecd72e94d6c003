// A recording of a machine: dropped, read in a worker while the plot grows, and asked for other pools; or a kernel log,
// dropped or pasted. Nothing leaves the machine.
import { batch, signal } from '@preact/signals'
import { render } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { type Diagnostic, messageOf } from '../../base/diagnostic.ts'
import { Bytes } from '../../base/units.ts'
import {
  answerHtml,
  devicesHtml,
  hasPlot,
  plotHtml,
  poolLine,
  type ReplayView,
  sourceText
} from '../../report/replay-view.ts'
import { grouped, plotted } from '../../report/svg-plot.ts'
import { Notice, Wide } from './parts.tsx'
import type { WhatIfSpec } from '../../replay/what-if-spec.ts'
import type { Machine, Recorded, ReplayAsk, ReplayTold } from './replay-protocol.ts'

// ---- state
// -----------------------------------------------------------------------------------------------------------

const view = signal<ReplayView | null>(null)
/** Its devices, while reading as of a moment before. */
const devices = signal<ReplayView['devices']>([])
const reading = signal<{ readonly done: number; readonly total: number } | null>(null)
const recorded = signal<Recorded | null>(null)
const problems = signal<readonly Diagnostic[]>([])
const explained = signal<string | null>(null)
const notice = signal<string | null>(null)
const took = signal<number | null>(null)
/** The question that the controls ask; slots as their place on the slider. */
interface Question {
  readonly size: number
  readonly areas: number
  readonly force: 'recorded' | 'force' | 'noforce'
  readonly accepted: readonly string[]
}
const question = signal<Question | null>(null)
const answer = signal<Extract<ReplayTold, { readonly at: 'answer' }> | null>(null)
const waiting = signal(false)
const range = signal<readonly [number, number] | null>(null)
/** Pixels of the picture; what is narrower is drawn so and shrunk. */
const NARROWEST = 280
const width = signal(1000)
/** All that was read is there, and drawn as finely as can be seen. */
const fine = signal(false)

/** The machine whose pool is asked for, and the answer to the newest question. */
const FIRST_MACHINE: Machine = { ram: '16G', platform: 'amd-sev-snp', kernel: '6.12', cpus: '8', cmdline: '', want: '' }
const machine = signal<Machine>(FIRST_MACHINE)
const sized = signal<Extract<ReplayTold, { readonly at: 'sized' }>['answer'] | null>(null)
let sizing = 0

let id = 0
let worker: Worker | null = null
/** What a link said of the question, until there is a recording. */
let linked: Readonly<Record<string, string>> = {}

// ---- the worker
// ------------------------------------------------------------------------------------------------------

function start(): Worker {
  const w = new Worker(new URL('./replay.worker.js', import.meta.url), { type: 'module' })
  w.onmessage = (e: MessageEvent<ReplayTold>) => heard(e.data)
  w.onerror = (e) => {
    e.preventDefault()
    if (w !== worker) return
    w.terminate()
    worker = null
    batch(() => {
      reading.value = null
      recorded.value = null
      waiting.value = false
      notice.value =
        `The worker that reads has died: ${e.message || 'it could not be started, or ran out of memory'}. What was ` +
        'read until then is shown; tbit replay reads files of any size.'
    })
  }
  return w
}
const tell = (a: ReplayAsk): void => {
  worker ??= start()
  worker.postMessage(a)
}

function heard(a: ReplayTold): void {
  if (a.at === 'ready' || a.id !== (a.at === 'answer' ? asking : a.at === 'sized' ? sizing : id)) return
  // A picture of before what is told now.
  if (a.at !== 'part' && a.at !== 'sized') newestPart = null
  batch(() => {
    switch (a.at) {
      case 'part':
        drawLater(a)
        return
      case 'done':
        draw(a.view, null)
        problems.value = a.problems
        took.value = a.milliseconds
        performance.mark('done')
        nextFrame(() => {
          fine.value = true
          nextFrame(() => offer(a))
        })
        return
      case 'refused':
        view.value = null
        reading.value = null
        problems.value = a.problems
        return
      case 'answer':
        answer.value = a
        waiting.value = false
        performance.mark('answer')
        return
      case 'sized':
        sized.value = a.answer
        return
      case 'explained':
        reading.value = null
        explained.value = a.html
        problems.value = a.problems
        return
      case 'broken':
        reading.value = null
        waiting.value = false
        notice.value = `This could not be read, a bug of tbit worth a report: ${a.message}`
    }
  })
}

const nextFrame = (then: () => void): void => {
  requestAnimationFrame(then)
}

/** Milliseconds between two tables of devices while reading: few of its numbers are looked at before the end. */
const TABLE_EVERY = 1000
let tableAt = Number.NEGATIVE_INFINITY

function draw(v: ReplayView, at: { readonly done: number; readonly total: number } | null): void {
  view.value = v
  reading.value = at
  const now = performance.now()
  if (at !== null && now - tableAt < TABLE_EVERY) return
  tableAt = now
  devices.value = v.devices
}

type Part = Extract<ReplayTold, { readonly at: 'part' }>
let newestPart: Part | null = null

/** Of pictures that come while one is drawn the newest is drawn: one a frame, however late the frame is. */
function drawLater(a: Part): void {
  const waits = newestPart !== null
  newestPart = a
  if (waits) return
  nextFrame(() => {
    const part = newestPart
    newestPart = null
    if (part === null || part.id !== id) return
    batch(() => draw(part.view, { done: part.done, total: part.total }))
    performance.mark('part')
  })
}

/** The fine picture and what can be asked, each a frame after the answer: in one they take longer than a frame may. */
function offer(a: Extract<ReplayTold, { readonly at: 'done' }>): void {
  if (a.id !== id) return
  batch(() => {
    recorded.value = a.recorded
    question.value = questionOf(a.recorded, linked)
    if (Object.keys(linked).some((k) => QUESTION.has(k))) ask(question.value)
  })
}

function clear(): void {
  batch(() => {
    for (const s of [view, reading, recorded, explained, notice, took, question, answer, range]) s.value = null
    problems.value = []
    devices.value = []
    fine.value = false
    waiting.value = false
  })
  tableAt = Number.NEGATIVE_INFINITY
}

function open(files: readonly File[]): void {
  if (files.length === 0) return
  clear()
  performance.clearMarks()
  performance.mark('open')
  reading.value = { done: 0, total: files.reduce((n, f) => n + f.size, 0) }
  tell({ op: 'read', id: ++id, files })
}

function explain(text: string): void {
  if (text.trim() === '') return
  clear()
  tell({ op: 'explain', id: ++id, text })
  share({}, text)
}

// ---- questions
// -------------------------------------------------------------------------------------------------------

/** Sizes of the slider: four to a doubling, multiples of 128, from 128 slots to 1 GiB. */
const SIZES = Array.from({ length: 49 }, (_, i) => Math.round((128 * 2 ** (i / 4)) / 128) * 128).filter(
  (n, i, all) => n !== all[i - 1]
)
const placeOf = (slots: number): number =>
  SIZES.reduce((best, n, i) => (Math.abs(n - slots) < Math.abs((SIZES[best] as number) - slots) ? i : best), 0)
const slotsOf = (q: Question, r: Recorded): number => (q.size < 0 ? r.nslabs : (SIZES[q.size] as number))
const mostAreas = (slots: number): number => Math.max(0, Math.floor(Math.log2(slots / 128)))

const QUESTION = new Set(['pool', 'areas', 'force', 'accepted'])

/** Asks for a machine's pool; the link holds the machine. */
function askSize(change: Partial<Machine>): void {
  machine.value = { ...machine.value, ...change }
  const now = machine.value
  tell({ op: 'size', id: ++sizing, machine: now })
  void links().then(({ changedFrom }) => share({ ...changedFrom(FIRST_MACHINE, now), size: '' }))
}

/** What is recorded, changed by what a link says. */
function questionOf(r: Recorded, said: Readonly<Record<string, string>>): Question {
  const n = Number(said['pool'])
  const areas = Number(said['areas'])
  return {
    size: Number.isInteger(n) && n >= 128 ? placeOf(n) : -1,
    areas: Number.isInteger(areas) && areas >= 1 ? Math.floor(Math.log2(areas)) : Math.log2(r.nareas),
    force: said['force'] === 'force' || said['force'] === 'noforce' ? said['force'] : 'recorded',
    accepted: (said['accepted'] ?? '').split(',').filter((d) => r.devices.includes(d))
  }
}

/** An area has 128 slots at least, and areas divide the pool. */
function areasOf(q: Question, slots: number): number {
  let areas = 2 ** Math.min(q.areas, mostAreas(slots))
  while (areas > 1 && slots % areas !== 0) areas /= 2
  return areas
}

/** The question as the command line would be asked it, and its meaning. */
function specOf(q: Question, r: Recorded): WhatIfSpec {
  const nslabs = slotsOf(q, r)
  const nareas = areasOf(q, nslabs)
  const text = [
    `pool=${nslabs},${nareas}`,
    ...(q.force === 'recorded' ? [] : [q.force]),
    ...(q.accepted.length > 0 ? [`accepted=${q.accepted.join(',')}`] : [])
  ].join(' ')
  return {
    text,
    pool: { nslabs, nareas },
    dynamic: null,
    force: q.force === 'recorded' ? null : q.force === 'force',
    accepted: q.accepted,
    kernel: null,
    knows: true
  }
}

let asking = 0
function ask(q: Question): void {
  const r = recorded.value
  if (r === null) return
  question.value = q
  waiting.value = true
  performance.mark('ask')
  tell({ op: 'ask', id: ++asking, spec: specOf(q, r) })
}

function change(part: Partial<Question>): void {
  const [q, r] = [question.value, recorded.value]
  if (q === null || r === null) return
  const next = { ...q, ...part }
  ask(next)
  const slots = slotsOf(next, r)
  share({
    ...(next.size < 0 ? {} : { pool: String(slots) }),
    ...(2 ** next.areas === r.nareas ? {} : { areas: String(2 ** next.areas) }),
    ...(next.force === 'recorded' ? {} : { force: next.force }),
    ...(next.accepted.length === 0 ? {} : { accepted: next.accepted.join(',') })
  })
}

/** Links are fetched when there is one, or somebody does something. */
const links = (): Promise<typeof import('./link.ts')> => import('./link.ts')

/** The question, or a pasted log; never a trace. */
function share(values: Readonly<Record<string, string>>, text?: string): void {
  void links().then(async ({ fits, writeLink }) =>
    writeLink(text !== undefined && (await fits(text)) ? { values, text } : { values })
  )
}

async function openLink(): Promise<void> {
  if (location.hash.length < 2) return
  const link = await (await links()).readLink(notice)
  if (link === null) return
  linked = link.values
  if (linked['size'] !== undefined) {
    const { size: _, ...said } = linked
    linked = {}
    machine.value = {
      ...FIRST_MACHINE,
      ...Object.fromEntries(Object.entries(said).filter(([k]) => Object.hasOwn(FIRST_MACHINE, k)))
    }
    askSize({})
    return
  }
  const unknown = Object.keys(linked).find((k) => !QUESTION.has(k))
  if (unknown !== undefined)
    notice.value = `This link says '${unknown}', which this page does not know: the rest of it is used.`
  if (link.text !== undefined) {
    pasted.value = link.text
    explain(link.text)
  } else if (Object.keys(linked).length > 0)
    notice.value ??=
      'This link holds a question, not the recording it was asked of: drop the trace, and it is asked again.'
}

// ---- the page
// --------------------------------------------------------------------------------------------------------

const pasted = signal('')

function Chooser() {
  return (
    <div class="drop">
      <p>
        <label class="file">
          Choose a trace, and its kernel log with it{' '}
          <input
            type="file"
            name="files"
            multiple
            onChange={(e) => {
              open([...(e.currentTarget.files ?? [])])
              e.currentTarget.value = ''
            }}
          />
        </label>
      </p>
      <p class="soft">
        Or drop them anywhere on this page: recordings of <code>tbit record</code>, tracefs text,{' '}
        <code>trace-cmd report</code>, <code>perf script</code>, trace.dat; plain, gzip or zstd. Nothing leaves this
        machine. With the kernel log of the same boot the pool is known exactly, from the first event.
      </p>
      <details open={pasted.value !== ''}>
        <summary>Or paste a kernel message, such as “swiotlb buffer is full”</summary>
        <label>
          Kernel log, or one line of it
          <textarea
            name="log"
            rows={5}
            value={pasted.value}
            onInput={(e) => {
              pasted.value = e.currentTarget.value
            }}
          />
        </label>
        <p>
          <button type="button" onClick={() => explain(pasted.value)}>
            Explain
          </button>
        </p>
      </details>
      <SizeOf />
    </div>
  )
}

const MACHINE: ReadonlyArray<readonly [keyof Machine, string, number]> = [
  ['ram', 'memory', 6],
  ['platform', 'platform', 12],
  ['kernel', 'kernel', 8],
  ['cpus', 'CPUs', 4],
  ['cmdline', 'command line', 16],
  ['want', 'pool wanted', 6]
]

/** The pool that a kernel gives itself, without any recording. */
function SizeOf() {
  const s = sized.value
  return (
    <details
      open={s !== null}
      onToggle={(e) => {
        if (e.currentTarget.open && sized.value === null) askSize({})
      }}>
      <summary>Or ask which pool a kernel gives itself</summary>
      <p class="controls">
        {MACHINE.map(([name, text, size]) => (
          <label>
            {text}{' '}
            <input
              name={name}
              size={size}
              value={machine.value[name]}
              onInput={(e) => askSize({ [name]: e.currentTarget.value.trim() })}
            />
          </label>
        ))}
      </p>
      <div role="status">
        {s === null ? null : 'wrong' in s ? (
          <p class="messages">
            <span class="error">{s.wrong}</span>
          </p>
        ) : (
          <Wide label="the pool of this machine">
            <pre>{s.text}</pre>
          </Wide>
        )}
      </div>
    </details>
  )
}

function Reading() {
  const r = reading.value
  if (r === null) return null
  return (
    <p class="doing">
      <progress value={r.done} max={Math.max(1, r.total)} aria-label="bytes read" />{' '}
      <span>
        {Bytes.human(r.done)} of {Bytes.human(r.total)}
      </span>{' '}
      <button type="button" onClick={() => tell({ op: 'stop' })}>
        Stop
      </button>
    </p>
  )
}

function Problems() {
  if (problems.value.length === 0) return null
  return (
    <ul class="messages">
      {problems.value.map((d) => (
        <li class={d.severity === 'warning' ? '' : 'error'}>
          {d.file !== '' && (
            <>
              <code>
                {d.file}
                {d.line > 0 ? `:${d.line}` : ''}
              </code>
              :{' '}
            </>
          )}
          {d.message}
          {d.hint !== undefined && `; ${d.hint}`} <span class="soft">{d.code}</span>
        </li>
      ))}
    </ul>
  )
}

/** Zooms by a factor about the middle, moves by a part of what is shown. */
function look(factor: number, move: number): void {
  const v = view.value
  if (v === null) return
  const [first, last] = plotted(v.plot)
  const [a, b] = range.value ?? [first, last]
  const wide = Math.min(last - first, (b - a) * factor)
  const from = Math.max(first, Math.min(last - wide, (a + b) / 2 - wide / 2 + move * (b - a)))
  range.value = wide >= last - first ? null : [from, from + wide]
}

const LOOKS: ReadonlyArray<readonly [name: string, keys: readonly string[], factor: number, move: number]> = [
  ['in', ['+', '='], 0.5, 0],
  ['out', ['-'], 2, 0],
  ['back', ['ArrowLeft'], 1, -0.25],
  ['on', ['ArrowRight'], 1, 0.25]
]

/** Pixels of a column while reading. */
const LIVE_GRAIN = 3

function Picture({ v }: { readonly v: ReplayView }) {
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const el = box.current
    if (el === null) return
    const measure = new ResizeObserver(() => {
      width.value = Math.max(NARROWEST, Math.round(el.clientWidth))
    })
    measure.observe(el)
    return () => measure.disconnect()
  }, [])
  const down = useRef<number | null>(null)
  const at = (e: PointerEvent): number => {
    const svg = box.current?.querySelector('svg')?.getBoundingClientRect()
    const [a, b] = range.value ?? plotted(v.plot)
    return svg === undefined
      ? a
      : a + Math.min(1, Math.max(0, (e.clientX - svg.left - 58) / Math.max(1, svg.width - 68))) * (b - a)
  }
  const [from, to] = range.value ?? plotted(v.plot)
  const narrow = width.value < 600
  const html = plotHtml(
    v,
    { width: width.value, height: narrow ? 220 : 300, from, to, grain: fine.value ? 1 : LIVE_GRAIN },
    answer.value?.line ?? null
  )
  return (
    <section aria-label="slots in use over time">
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the buttons below do the same by keyboard */}
      <div
        ref={box}
        class="zoom"
        onPointerDown={(e) => {
          if (e.pointerType === 'mouse') down.current = at(e)
        }}
        onPointerUp={(e) => {
          const began = down.current
          down.current = null
          if (began === null) return
          const end = at(e)
          if (Math.abs(end - began) > (to - from) / 100) range.value = [Math.min(began, end), Math.max(began, end)]
        }}
        onDblClick={() => {
          range.value = null
        }}
        dangerouslySetInnerHTML={{ __html: html }}
      />
      <div
        class="tools"
        role="toolbar"
        aria-label="part of the time"
        onKeyDown={(e) => {
          const l = LOOKS.find(([, keys]) => keys.includes(e.key))
          if (l !== undefined) {
            e.preventDefault()
            look(l[2], l[3])
          }
        }}>
        {LOOKS.map(([name, keys, factor, move]) => (
          <button type="button" title={keys[0] ?? ''} onClick={() => look(factor, move)}>
            {name}
          </button>
        ))}
        <button
          type="button"
          onClick={() => {
            range.value = null
          }}
          disabled={range.value === null}>
          all
        </button>
        <span class="soft">
          {from.toFixed(3)} to {to.toFixed(3)} s{narrow ? '' : '; drag over the picture for a part of it'}
        </span>
      </div>
    </section>
  )
}

interface Asked {
  readonly q: Question
  readonly r: Recorded
}

/** How large the pool is, and its areas. */
function PoolControls({ q, r }: Asked) {
  const slots = slotsOf(q, r)
  const areas = areasOf(q, slots)
  return (
    <>
      <label>
        pool:{' '}
        <output>
          {grouped(slots)} slots, {Bytes.human(slots * 2048)}
          {q.size < 0 ? ', as recorded' : ''}
        </output>
        <input
          type="range"
          name="size"
          min={0}
          max={SIZES.length - 1}
          value={q.size < 0 ? placeOf(r.nslabs) : q.size}
          aria-valuetext={`${slots} slots`}
          onInput={(e) => change({ size: Number(e.currentTarget.value) })}
        />
      </label>
      <label>
        areas:{' '}
        <output>
          {areas}
          {areas === r.nareas ? ', as recorded' : ''}
        </output>
        <input
          type="range"
          name="areas"
          min={0}
          max={mostAreas(slots)}
          value={Math.log2(areas)}
          aria-valuetext={`${areas} areas`}
          onInput={(e) => change({ areas: Number(e.currentTarget.value) })}
        />
      </label>
    </>
  )
}

function AcceptedControls({ q, r }: Asked) {
  return (
    <fieldset class="controls">
      <legend>accepted (TDISP, T=1)</legend>
      {r.devices.slice(0, 24).map((d) => (
        <label>
          <input
            type="checkbox"
            name="accepted"
            checked={q.accepted.includes(d)}
            onChange={(e) =>
              change({ accepted: e.currentTarget.checked ? [...q.accepted, d] : q.accepted.filter((x) => x !== d) })
            }
          />{' '}
          {d}
        </label>
      ))}
    </fieldset>
  )
}

function QuestionButtons({ r }: { readonly r: Recorded }) {
  const smallest = r.needed?.slots ?? null
  return (
    <p>
      <button
        type="button"
        onClick={() => {
          answer.value = null
          linked = {}
          question.value = questionOf(r, {})
          share({})
        }}>
        As recorded
      </button>
      {smallest !== null && smallest > 0 && (
        <>
          {' '}
          <button type="button" onClick={() => change({ size: placeOf(smallest) })}>
            The smallest that does: {grouped(smallest)}
          </button>
        </>
      )}
    </p>
  )
}

function Controls({ r }: { readonly r: Recorded }) {
  const q = question.value
  if (q === null) return null
  if (r.asks !== true)
    return (
      <section>
        <h2>What if</h2>
        <p>{r.asks}</p>
      </section>
    )
  return (
    <section class="ask" aria-label="what if">
      <h2>What if</h2>
      <PoolControls q={q} r={r} />
      <label>
        bouncing{' '}
        <select
          name="force"
          value={q.force}
          onChange={(e) => change({ force: e.currentTarget.value as Question['force'] })}>
          <option value="recorded">as recorded</option>
          <option value="force">forced for devices not accepted</option>
          <option value="noforce">only where an address is out of reach</option>
        </select>
      </label>
      <AcceptedControls q={q} r={r} />
      <QuestionButtons r={r} />
    </section>
  )
}

function Answer() {
  const a = answer.value
  return (
    <div role="status" class={waiting.value ? 'old' : ''}>
      {a !== null && (
        <div class={`answer ${a.fails ? 'fills' : ''}`}>
          {a.sentences.map((s, i) =>
            i === 0 ? (
              <p>
                <b>{s}</b>
              </p>
            ) : (
              <p>{s}</p>
            )
          )}
        </div>
      )}
    </div>
  )
}

function Devices() {
  if (devices.value.length === 0) return null
  return (
    <section>
      <h2>Devices</h2>
      <Wide label="devices">
        <div dangerouslySetInnerHTML={{ __html: devicesHtml(devices.value) }} />
      </Wide>
    </section>
  )
}

function Result({ v }: { readonly v: ReplayView }) {
  const r = recorded.value
  const live = reading.value !== null
  return (
    <>
      {live ? (
        <div class="answer">
          <h2>
            So far: {grouped(v.peak)} slots at the peak{v.pool === null ? '' : ` of ${grouped(v.pool.nslabs)}`}
            {v.failures > 0 ? `; ${grouped(v.failures)} calls found no room` : ''}
          </h2>
        </div>
      ) : (
        <div dangerouslySetInnerHTML={{ __html: answerHtml(v) }} />
      )}
      <p class="soft">
        {v.files.join(', ')}: {sourceText(v)}
        {took.value !== null && `; read in ${(took.value / 1000).toFixed(2)} s`}
        {v.interrupted && <b>; stopped: this is what was read until then</b>}
      </p>
      {!live && <p>{poolLine(v)}</p>}
      {hasPlot(v) && <Picture v={v} />}
      <div class={r === null ? '' : 'two'}>
        <Devices />
        {r !== null && (
          <div>
            <Controls r={r} />
            <Answer />
          </div>
        )}
      </div>
      {!live && v.lacks.length > 0 && (
        <details>
          <summary>What the recording lacks, and oddities ({v.lacks.length})</summary>
          <ul>
            {v.lacks.map((l) => (
              <li>{l}</li>
            ))}
          </ul>
        </details>
      )}
    </>
  )
}

function Replay() {
  const v = view.value
  return (
    <>
      <div role="alert">
        <Notice of={notice} />
      </div>
      <Chooser />
      <Reading />
      <Problems />
      {v !== null && <Result v={v} />}
      {explained.value !== null && <div dangerouslySetInnerHTML={{ __html: explained.value }} />}
    </>
  )
}

const root = document.getElementById('app')
if (root !== null) {
  root.replaceChildren()
  // As it will be found to be: else the first picture is laid out twice.
  width.value = Math.max(NARROWEST, Math.round(root.clientWidth))
  render(<Replay />, root)
  for (const kind of ['dragover', 'drop'] as const) {
    document.addEventListener(kind, (e) => {
      if (e.dataTransfer?.types.includes('Files') !== true) return
      e.preventDefault()
      if (kind === 'drop') open([...e.dataTransfer.files])
    })
  }
  worker = start()
  void import('./warm.ts').then(({ warm }) => warm(width.value))
  openLink().catch((e: unknown) => {
    notice.value = messageOf(e)
  })
}
