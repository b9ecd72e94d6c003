// Plans of a guest: what populating its stage 2 costs by each strategy, and what the tables look like, down to the
// page, before and after one is shared and taken back. All of it is in the link.
import { signal } from '@preact/signals'
import { render } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { type Diagnostic, messageOf } from '../../base/diagnostic.ts'
import { Bytes, hex, PAGE_SIZE } from '../../base/units.ts'
import {
  makePlan,
  makeSpec,
  mapRuns,
  type Moment,
  moments,
  type PlanRequest,
  type PlanResult,
  type PlanSpec,
  sideBySide,
  StageTwo
} from '../../plan/index.ts'
import { levelSize } from '../../machine/rmm/geometry.ts'
import { leafClass, leafText, mapKey, MOMENTS, momentText, strategiesHtml } from '../../report/plan-view.ts'
import { nameOf } from '../../report/plan.ts'
import { changedFrom, readState, writeLink } from './link.ts'
import { Notice, Wide } from './parts.tsx'

// ---- state: all of it words, as a link carries them
// -------------------------------------------------------------------

const CHOICES = {
  page: ['1G', '2M', '4K'],
  vmm: ['none', 'kvm', 'kvmtool', 'qemu', 'cloud-hypervisor'],
  moment: moments
} as const satisfies Record<string, readonly string[]>
const FREE = { ram: '12T', base: '', image: '', cpus: '16', plan: '0' }
type State = Record<keyof typeof FREE | keyof typeof CHOICES, string>
const FIRST: State = { ...FREE, page: '1G', vmm: 'none', moment: 'planned' }
const LABELS: Record<keyof State, string> = {
  ram: 'memory',
  base: 'from',
  image: 'measured image, SIZE@ADDR',
  cpus: 'host CPUs',
  plan: 'plan',
  page: 'host pages',
  vmm: 'VMM',
  moment: 'when'
}

const state = signal<State>(FIRST)
const notice = signal<string | null>(null)
/** The entry at the mark is read out: its reader has moved there. */
const told = signal(false)

function set(change: Partial<State>): void {
  state.value = { ...state.value, ...change }
  writeLink({ values: changedFrom(FIRST, state.value) })
}

async function openLink(): Promise<void> {
  const said = await readState(FIRST, CHOICES, notice)
  if (said !== null) state.value = said
}

// ---- the plans
// -------------------------------------------------------------------------------------------------------

interface Planned {
  readonly plans: readonly PlanResult[]
  readonly spec: PlanSpec
}

/** The plans, or what is wrong with the request. */
function planned(s: State): Planned | readonly Diagnostic[] {
  const problem = (word: string, message: string): Diagnostic => ({
    code: 'TB-510',
    file: '',
    line: 0,
    column: 0,
    word,
    message
  })
  const errors: Diagnostic[] = []
  const size = (name: keyof State): number | undefined => {
    const n = Bytes.parse(s[name])
    if (n !== null) return n
    if (s[name] !== '') errors.push(problem(s[name], `'${s[name]}' is no size: 4096, 512M, 16G, 12T or 0x40000000`))
    return undefined
  }
  const [ram, ramBase] = [size('ram') ?? 0, size('base')]
  const image = /^([^@]+)@(.+)$/.exec(s.image)
  const [bytes, addr] = [Bytes.parse(image?.[1] ?? ''), Bytes.parse(image?.[2] ?? '')]
  if (s.image !== '' && (bytes === null || addr === null))
    errors.push(problem(s.image, `'${s.image}' is no image: SIZE@ADDR, for example 40M@0x200000`))
  const cpus = /^\d{1,6}$/.test(s.cpus) ? Number(s.cpus) : 0
  const q: PlanRequest = {
    ram,
    page: s.page as '1G',
    cpus,
    ...(ramBase === undefined ? {} : { ramBase }),
    ...(s.vmm === 'none' ? {} : { vmm: s.vmm as 'kvm' }),
    ...(bytes === null || addr === null ? {} : { images: [{ name: 'Image', addr, size: bytes }] })
  }
  const made = makeSpec(q)
  if (!made.ok || errors.length > 0) return [...errors, ...(made.ok ? [] : made.error)]
  const plans = s.vmm === 'none' ? sideBySide(made.value) : [makePlan(made.value)]
  return { plans, spec: (plans[Number(s.plan)] ?? plans[0])?.spec ?? made.value }
}

// ---- the map
// ---------------------------------------------------------------------------------------------------------

const ROWS = 16
const ROW = 16
const GAP = 3
/** Bytes that are shown at least: two pages a row. */
const LEAST = ROWS * 2 * PAGE_SIZE

interface Look {
  readonly from: number
  readonly bytes: number
  readonly cursor: number
}
const look = signal<Look | null>(null)

const whole = (map: StageTwo): Look => ({
  from: map.base,
  bytes: Math.max(LEAST, map.top - map.base),
  cursor: map.target ?? map.base
})

/** Within the guest's memory, the cursor in sight. */
function within(map: StageTwo, l: Look): Look {
  const all = Math.max(LEAST, map.top - map.base)
  const bytes = Math.min(all, Math.max(LEAST, l.bytes))
  const cursor = Math.min(map.top - PAGE_SIZE, Math.max(map.base, l.cursor))
  const unit = bytes / ROWS
  let from = Math.floor(l.from / unit) * unit
  if (cursor < from) from = Math.floor(cursor / unit) * unit
  if (cursor >= from + bytes) from = Math.floor(cursor / unit) * unit - bytes + unit
  return {
    from: Math.max(map.base - (map.base % unit), Math.min(from, Math.max(map.base, map.top - bytes))),
    bytes,
    cursor
  }
}

const zoomed = (map: StageTwo, l: Look, factor: number): Look =>
  within(map, { from: l.cursor - (l.bytes * factor) / 2, bytes: l.bytes * factor, cursor: l.cursor })

function draw(canvas: HTMLCanvasElement, map: StageTwo, l: Look, width: number): void {
  const px = Math.min(2, devicePixelRatio || 1)
  canvas.width = Math.round(width * px)
  canvas.height = ROWS * (ROW + GAP) * px
  const c = canvas.getContext('2d')
  if (c === null) return
  c.scale(px, px)
  const style = getComputedStyle(canvas)
  const colours = new Map(
    ['g0', 'g1', 'g2', 'g3', 'gs', 'ground', 'ink'].map((k) => [k, style.getPropertyValue(`--${k}`).trim()])
  )
  const ground = colours.get('ground') ?? '#fff'
  const runs = mapRuns(map, { from: l.from, bytes: l.bytes, rows: ROWS, width })
  for (const r of runs) {
    const y = r.row * (ROW + GAP)
    c.fillStyle = colours.get(leafClass(r.leaf)) ?? '#888'
    c.fillRect(r.x, y, r.width, ROW)
    c.fillStyle = ground
    if (r.leaf.image)
      for (let x = r.x; x < r.x + r.width; x += 6) c.fillRect(x, y + ROW - 4, Math.min(3, r.x + r.width - x), 2)
    if (r.leaf.kind !== 'none' && r.each >= 4 && r.each < width)
      for (let x = r.x + r.each; x < r.x + r.width - 0.5; x += r.each) c.fillRect(x - 0.5, y, 1, ROW)
  }
  const perRow = l.bytes / ROWS
  const row = Math.floor((l.cursor - l.from) / perRow)
  const leaf = map.leafAt(l.cursor)
  const x = ((l.cursor - l.from - row * perRow) / perRow) * width
  c.strokeStyle = colours.get('ink') ?? '#000'
  c.lineWidth = 2
  c.strokeRect(
    Math.min(x, width - 6) + 1,
    row * (ROW + GAP) - 1,
    Math.max(6, Math.min(width - x, ((leaf.to - l.cursor) / perRow) * width)) - 2,
    ROW + 2
  )
  // The mark hides it where it is a point.
  for (const r of runs.filter((r) => r.leaf.kind === 'shared')) {
    c.fillStyle = colours.get('gs') ?? '#888'
    c.fillRect(r.x, r.row * (ROW + GAP), r.width, ROW)
  }
}

/** What a reader does to the look at a map: it moves, comes nearer, picks. */
function handOn(map: StageTwo, l: Look) {
  const to = (next: Look): void => {
    look.value = next
    told.value = true
  }
  const toPage = (ipa: number): number => Math.floor(ipa / PAGE_SIZE) * PAGE_SIZE
  const move = (rows: number, part: number): void => {
    // At least to the next entry, and a page at the least.
    const step = (rows * l.bytes) / ROWS + part * Math.max(PAGE_SIZE, l.bytes / ROWS / 32)
    to(within(map, { ...l, cursor: toPage(l.cursor + step) }))
  }
  const zoom = (factor: number): void => to(zoomed(map, l, factor))
  const keys: Readonly<Record<string, () => void>> = {
    ArrowLeft: () => move(0, -1),
    ArrowRight: () => move(0, 1),
    ArrowUp: () => move(-1, 0),
    ArrowDown: () => move(1, 0),
    PageUp: () => move(-ROWS, 0),
    PageDown: () => move(ROWS, 0),
    '+': () => zoom(1 / 4),
    '=': () => zoom(1 / 4),
    '-': () => zoom(4),
    Home: () => {
      look.value = null
    },
    Enter: () => {
      told.value = true
    }
  }
  return {
    zoom,
    key: (e: KeyboardEvent): void => {
      const k = keys[e.key]
      if (k === undefined || e.ctrlKey || e.metaKey || e.altKey) return
      e.preventDefault()
      k()
    },
    wheel: (e: WheelEvent): void => {
      if (!e.ctrlKey) return
      e.preventDefault()
      zoom(e.deltaY < 0 ? 1 / 2 : 2)
    },
    pick: (e: PointerEvent): void => {
      const r = (e.currentTarget as HTMLElement).getBoundingClientRect()
      const row = Math.min(ROWS - 1, Math.floor(((e.clientY - r.top) / r.height) * ROWS))
      const ipa = l.from + (row + Math.min(0.9999, Math.max(0, (e.clientX - r.left) / r.width))) * (l.bytes / ROWS)
      to(within(map, { ...l, cursor: toPage(ipa) }))
    },
    toTarget: (): void => {
      if (map.target === null) return
      const size = map.targetLevel < 3 ? levelSize(map.targetLevel) : levelSize(2)
      to(within(map, { from: map.target - (map.target % size), bytes: size, cursor: map.target }))
    }
  }
}

/** The canvas of a map, drawn anew when its width or the colours change. */
function usePainted(map: StageTwo) {
  const box = useRef<HTMLCanvasElement>(null)
  const width = useRef(800)
  const paint = (): void => {
    if (box.current !== null)
      draw(box.current, map, look.value === null ? whole(map) : within(map, look.value), width.current)
  }
  useEffect(paint)
  useEffect(() => {
    const el = box.current
    if (el === null) return
    const measure = new ResizeObserver(() => {
      width.current = Math.max(240, Math.round(el.clientWidth))
      paint()
    })
    measure.observe(el)
    const scheme = matchMedia('(prefers-color-scheme: dark)')
    scheme.addEventListener('change', paint)
    return () => {
      measure.disconnect()
      scheme.removeEventListener('change', paint)
    }
  })
  return box
}

function MapView({ spec }: { readonly spec: PlanSpec }) {
  const map = new StageTwo(spec, state.value.moment as Moment)
  const l = look.value === null ? whole(map) : within(map, look.value)
  const box = usePainted(map)
  const hand = handOn(map, l)
  return (
    <section aria-label="map of stage 2">
      <h2>
        Stage 2 by {spec.strategy}, {MOMENTS[state.value.moment as Moment]}
      </h2>
      <p>{momentText(map)}</p>
      <div dangerouslySetInnerHTML={{ __html: mapKey }} />
      <canvas
        ref={box}
        class="mapcanvas"
        tabIndex={0}
        role="img"
        aria-label={
          `${Bytes.human(l.bytes)} from ${hex(l.from)}, in ${ROWS} rows. At the ` +
          `mark: ${leafText(map.leafAt(l.cursor))}. Arrows move, plus and minus ` +
          'zoom, Home shows all, Enter reads the block.'
        }
        onKeyDown={hand.key}
        onPointerDown={hand.pick}
        onWheel={hand.wheel}
      />
      <div class="tools" role="toolbar" aria-label="part of the map">
        <button type="button" onClick={() => hand.zoom(1 / 4)}>
          zoom in
        </button>
        <button type="button" onClick={() => hand.zoom(4)}>
          zoom out
        </button>
        <button
          type="button"
          onClick={() => {
            look.value = null
            told.value = false
          }}>
          all
        </button>
        <button type="button" onClick={hand.toTarget} disabled={map.target === null}>
          the page that is shared
        </button>
        <span class="soft">
          {Bytes.human(l.bytes)} from {hex(l.from)}, {Bytes.human(l.bytes / ROWS)} a row
        </span>
      </div>
      <p role="status">{told.value ? leafText(map.leafAt(l.cursor)) : ''}</p>
    </section>
  )
}

// ---- the page
// --------------------------------------------------------------------------------------------------------

const Choice = ({ name }: { readonly name: keyof typeof CHOICES }) => (
  <label>
    {LABELS[name]}{' '}
    <select name={name} value={state.value[name]} onChange={(e) => set({ [name]: e.currentTarget.value })}>
      {CHOICES[name].map((v) => (
        <option value={v}>{name === 'moment' ? MOMENTS[v as Moment] : v}</option>
      ))}
    </select>
  </label>
)
const Field = ({ name, wide }: { readonly name: keyof typeof FREE; readonly wide?: boolean }) => (
  <label>
    {LABELS[name]}{' '}
    <input
      name={name}
      size={wide ? 16 : 6}
      value={state.value[name]}
      onInput={(e) => {
        look.value = null
        set({ [name]: e.currentTarget.value.trim() })
      }}
    />
  </label>
)

let last: Planned | null = null

function Plan() {
  const s = state.value
  const p = planned(s)
  const wrong = 'plans' in p ? [] : p
  if ('plans' in p) last = p
  return (
    <>
      <div role="alert">
        <Notice of={notice} />
      </div>
      <fieldset class="controls">
        <legend>guest</legend>
        <Field name="ram" />
        <Field name="base" />
        <Choice name="page" />
        <Choice name="vmm" />
        <Field name="cpus" />
        <Field name="image" wide />
      </fieldset>
      {wrong.length > 0 && (
        <ul class="messages">
          {wrong.map((d) => (
            <li class="error">
              {d.message}
              {d.hint !== undefined && `; ${d.hint.replace(/--(\w)/g, '$1')}`} <span class="soft">{d.code}</span>
            </li>
          ))}
        </ul>
      )}
      {last !== null && (
        <div class={wrong.length > 0 ? 'old' : ''}>
          {wrong.length > 0 && <p class="soft">Of the last guest without errors:</p>}
          <Wide label="plans">
            <div dangerouslySetInnerHTML={{ __html: strategiesHtml(last.plans) }} />
          </Wide>
          <p class="soft">
            A bar's pale part: between the low and the high estimate. Units: of one SMC round trip, reconstructed from
            what the code does, not measured.
          </p>
          <fieldset class="controls">
            <legend>map</legend>
            {last.plans.length > 1 && (
              <label>
                {LABELS.plan}{' '}
                <select name="plan" value={s.plan} onChange={(e) => set({ plan: e.currentTarget.value })}>
                  {last.plans.map((r, i) => (
                    <option value={String(i)}>{nameOf(r)}</option>
                  ))}
                </select>
              </label>
            )}
            <Choice name="moment" />
          </fieldset>
          <MapView spec={last.spec} />
        </div>
      )}
    </>
  )
}

const root = document.getElementById('app')
if (root !== null) {
  root.replaceChildren()
  openLink()
    .catch((e: unknown) => {
      notice.value = messageOf(e)
    })
    .finally(() => render(<Plan />, root))
}
