// Makes the picture of a finding's page a player: a column for a cursor, stepped by buttons, keys and touch. The page
// says everything without it; what a step is and what state follows is read from the page itself (the table of steps,
// the texts of the tracks). It goes into pages as its own source text, so it must use nothing from outside of itself.

/** The little of a page's elements that a player touches: this room knows no DOM. */
export interface Place {
  textContent: string | null
  innerHTML: string
  className: string
  disabled?: boolean
  readonly clientWidth: number
  scrollLeft: number
  querySelector(of: string): Place | null
  querySelectorAll(of: string): ArrayLike<Place>
  getAttribute(name: string): string | null
  setAttribute(name: string, value: string): void
  toggleAttribute(name: string, on: boolean): unknown
  addEventListener(what: string, then: (e: Happened) => void): void
  getBoundingClientRect(): { readonly left: number; readonly width: number }
}
export interface Happened {
  readonly key?: string
  readonly clientX?: number
  readonly ctrlKey?: boolean
  readonly metaKey?: boolean
  readonly altKey?: boolean
  readonly target: unknown
  preventDefault(): void
}
/** What a player needs of its world. */
export interface World {
  later(then: () => void, ms: number): unknown
  /** Somebody moved: the number of the step, for the address and the editor. */
  moved?(step: number): void
}

export interface Player {
  /** Goes to the step with this number, or the last before it. */
  go(step: number): void
  key(e: Happened): void
}

/**
 * Attaches a player to a page's `.player`; null where the page has no picture to step through.
 * Long: it goes into the page as its own text, with all that it calls.
 */
export function attachPlayer(root: Place, world: World): Player | null {
  const cursor = root.querySelector('.cursor')
  const bar = root.querySelector('.bar')
  const now = root.querySelector('.now')
  const figure = root.querySelector('.figure')
  const svg = root.querySelector('svg')
  const names = root.querySelector('.names')
  if (cursor === null || bar === null || now === null || figure === null || svg === null) return null
  const steps = (cursor.getAttribute('data-steps') ?? '').split(' ').map(Number)
  const left = Number(cursor.getAttribute('data-left'))
  const width = Number(cursor.getAttribute('data-column'))
  const rows = Array.from(root.querySelectorAll('tr[data-step]'))
  const stretches = Array.from(root.querySelectorAll('g[data-track]'))
  const lines = Array.from(root.querySelectorAll('[data-line]'))
  const rowOf = (n: number): Place | undefined => rows.find((r) => r.getAttribute('data-step') === String(n))
  const decisions = steps
    .map((n, i) => (rowOf(n)?.getAttribute('data-decision') === null ? -1 : i))
    .filter((i) => i >= 0)
  let at = steps.length - 1
  let playing = false
  bar.innerHTML = [
    ['back', 'k', 'back'],
    ['step', 'j', 'step'],
    ['play', 'space', 'play'],
    ['next', 'd', 'next decision'],
    ['end', 'v', 'violation']
  ]
    .map(
      ([does, key, word]) =>
        `<button type="button" data-does="${does}" aria-keyshortcuts="${key}">${word} <kbd aria-hidden="true">` +
        `${key}</kbd></button>`
    )
    .join('')
  bar.setAttribute('role', 'toolbar')
  bar.setAttribute('aria-label', 'steps')
  const button = (does: string): Place => bar.querySelector(`[data-does="${does}"]`) as Place

  const show = (): void => {
    const n = steps[at] ?? 0
    cursor.setAttribute('x', String(left + at * width))
    cursor.toggleAttribute('data-bad', at === steps.length - 1)
    for (const r of rows) r.toggleAttribute('aria-current', r.getAttribute('data-step') === String(n))
    const row = rowOf(n)
    const line = row?.getAttribute('data-at')
    for (const l of lines) l.toggleAttribute('data-now', line !== null && l.getAttribute('data-line') === line)
    const state = stretches.filter(
      (s) => Number(s.getAttribute('data-from')) <= at && at <= Number(s.getAttribute('data-to'))
    )
    const told = state
      .filter((s) => Number(s.getAttribute('data-from')) === at && at > 0)
      .map((s) => `${s.getAttribute('data-track')}: ${s.querySelector('title')?.textContent}`)
    now.textContent =
      `Step ${n}, ${row?.getAttribute('data-thread')}: ${row?.getAttribute('data-text')}` +
      `${told.length > 0 ? `; ${told.join('; ')}` : ''}`
    button('back').disabled = at === 0
    button('step').disabled = at === steps.length - 1
    button('play').setAttribute('aria-pressed', String(playing))
    // The column stays in sight where the picture is wider than the screen.
    const shown = figure.getBoundingClientRect()
    const whole = svg.getBoundingClientRect()
    const x = (whole.width * (left + (at + 0.5) * width)) / Math.max(1, Number(svg.getAttribute('width')))
    const named = (whole.width * left) / Math.max(1, Number(svg.getAttribute('width')))
    if (whole.width > shown.width && (x < figure.scrollLeft + named + 40 || x > figure.scrollLeft + shown.width - 40))
      figure.scrollLeft = x - (named + shown.width) / 2
  }
  const to = (i: number): void => {
    at = Math.min(steps.length - 1, Math.max(0, i))
    show()
    world.moved?.(steps[at] ?? 0)
  }
  const tick = (): void => {
    if (!playing) return
    if (at === steps.length - 1) {
      playing = false
      show()
      return
    }
    to(at + 1)
    world.later(tick, 400)
  }
  const acts = new Map<string, () => void>(
    Object.entries({
      back: () => {
        playing = false
        to(at - 1)
      },
      step: () => {
        playing = false
        to(at + 1)
      },
      next: () => {
        playing = false
        to(decisions.find((i) => i > at) ?? steps.length - 1)
      },
      before: () => {
        playing = false
        to([...decisions].reverse().find((i) => i < at) ?? 0)
      },
      end: () => {
        playing = false
        to(steps.length - 1)
      },
      play: () => {
        playing = !playing
        if (playing && at === steps.length - 1) to(0)
        show()
        if (playing) world.later(tick, 400)
      }
    })
  )
  const keys = new Map(
    Object.entries({
      j: 'step',
      ArrowRight: 'step',
      k: 'back',
      ArrowLeft: 'back',
      d: 'next',
      D: 'before',
      v: 'end',
      ' ': 'play'
    })
  )
  for (const b of Array.from(bar.querySelectorAll('button')))
    b.addEventListener('click', () => {
      acts.get(b.getAttribute('data-does') ?? '')?.()
    })
  // The names of the rows stay at the edge where the picture is scrolled.
  figure.addEventListener('scroll', () => {
    const scale = Math.max(1, Number(svg.getAttribute('width'))) / Math.max(1, svg.getBoundingClientRect().width)
    names?.setAttribute('transform', `translate(${figure.scrollLeft * scale})`)
  })
  // A touch or a click on the picture goes to its column.
  figure.addEventListener('click', (e) => {
    const r = svg.getBoundingClientRect()
    const x = (((e.clientX ?? 0) - r.left) * Number(svg.getAttribute('width'))) / r.width - 12
    const named = (left * r.width) / Number(svg.getAttribute('width'))
    // Not through the names, below which a scrolled picture goes on.
    if (x < left || (e.clientX ?? 0) < figure.getBoundingClientRect().left + named) return
    to(Math.floor((x - left) / width))
  })
  const key = (e: Happened): void => {
    const on = e.target as { readonly tagName?: string; readonly isContentEditable?: boolean } | null
    const does = keys.get(e.key ?? '')
    if (
      does === undefined ||
      e.ctrlKey ||
      e.metaKey ||
      e.altKey ||
      on?.isContentEditable ||
      /^(INPUT|SELECT|TEXTAREA)$/.test(on?.tagName ?? '') ||
      (e.key === ' ' && /^(BUTTON|A|SUMMARY)$/.test(on?.tagName ?? ''))
    )
      return
    e.preventDefault()
    acts.get(does)?.()
  }
  show()
  return {
    go: (n) => {
      to(
        Math.max(
          0,
          steps.findLastIndex((s) => s <= n)
        )
      )
    },
    key
  }
}

/**
 * The player as the script of a page: opens at the violation, or at the step that the address names (`#s38`). Of
 * several on a page keys go to the one in use.
 */
export const playerScript = (): string => `(()=>{const attach=${attachPlayer.toString()}
const named=/^#s(\\d+)$/.exec(location.hash),all=[]
for(const root of document.querySelectorAll('.player')){
const player=attach(root,{later:(f,ms)=>setTimeout(f,ms),moved:(n)=>{try{history.replaceState(null,'','#s'+n)}catch{}}})
if(player===null)continue
all.push([root,player])
if(named&&all.length===1)player.go(Number(named[1]))}
document.addEventListener('keydown',(e)=>{
const used=all.find(([root])=>root.contains(document.activeElement))??all[0]
used?.[1].key(e)})})()`
