// What becomes of a mapping: always two paths side by side, so that one sees what makes the difference; the platform's
// rules beside them.
import { signal } from '@preact/signals'
import { render } from 'preact'
import { hex, messageOf } from '../../base/index.ts'
import { withBitNames } from '../../check/naming.ts'
import { accepts, noMeaning, revisionByName, revisions, refusals } from '../../kernel/index.ts'
import { configByName } from '../../litmus/vocabulary.ts'
import {
  defaultConfig,
  type DeviceConfig,
  type MachineConfig,
  pageWords,
  platformByName,
  platforms,
  type Row
} from '../../machine/index.ts'
import { handleBits } from '../../report/html-finding.ts'
import { accessWords, CERTAINTY } from '../../report/rules-words.ts'
import { changedFrom, readState, writeLink } from './link.ts'
import { Notice, Wide } from './parts.tsx'
import { type Decision, type RequestPath, type RequestSpec, requestPath } from '../../rules/request.ts'

// ---- state: all of it words, as a link carries them
// -------------------------------------------------------------------

const CHOICES = {
  compare: ['t', 'kernel', 'platform'],
  t: ['0', '1'],
  op: ['map', 'alloc', 'alloc_pages', 'resource'],
  page: ['private', 'shared'],
  attr: ['none', 'CC_SHARED', 'SKIP_CPU_SYNC', 'NO_KERNEL_MAPPING'],
  mask: ['64', '48', '40', '32'],
  dir: ['TO_DEVICE', 'FROM_DEVICE', 'BIDIRECTIONAL'],
  device: ['plain', 'iommu', 'noncoherent', 'pool'],
  from: ['below', 'above'],
  kernel: revisions.map((r) => r.name),
  other: revisions.map((r) => r.name),
  platform: platforms.map((p) => p.name),
  beside: platforms.map((p) => p.name)
} as const satisfies Record<string, readonly string[]>
type Name = keyof typeof CHOICES
type State = Record<Name, string> & { readonly switches: string }

const FIRST: State = {
  compare: 't',
  t: '1',
  op: 'map',
  page: 'private',
  attr: 'none',
  mask: '64',
  dir: 'TO_DEVICE',
  device: 'plain',
  from: 'below',
  kernel: 'cc-v8',
  other: 'linux-7.3',
  platform: 'arm-cca',
  beside: 'intel-tdx',
  switches: ''
}
const LABELS: Record<Name, string> = {
  compare: 'compare',
  t: 'T',
  op: 'call',
  page: 'page',
  attr: 'attribute',
  mask: 'mask, bits',
  dir: 'direction',
  device: 'device',
  from: '4 GiB',
  kernel: 'kernel',
  other: 'other kernel',
  platform: 'platform',
  beside: 'other platform'
}
const WORDS: Readonly<Record<string, string>> = {
  t: 'T=0 | T=1',
  map: 'dma_map_single',
  alloc: 'dma_alloc_coherent',
  alloc_pages: 'dma_alloc_pages',
  resource: 'dma_map_resource',
  iommu: 'behind a vIOMMU',
  noncoherent: 'non-coherent',
  pool: 'restricted pool',
  plain: 'plain'
}
const word = (name: Name, value: string): string =>
  name === 'compare' && value !== 't' ? `two ${value}s` : (WORDS[value] ?? value)

const state = signal<State>(FIRST)
const notice = signal<string | null>(null)

function set(change: Partial<State>): void {
  state.value = { ...state.value, ...change }
  writeLink({ values: changedFrom(FIRST, state.value) })
}

async function openLink(): Promise<void> {
  const said = await readState(FIRST, CHOICES, notice)
  if (said !== null) state.value = said
}

// ---- switches
// --------------------------------------------------------------------------------------------------------

/** Switches of a platform that a reader may flip: those whose values are words. */
const flippable = (platform: string): Array<{ readonly key: string; readonly values: readonly string[] }> =>
  (platformByName(platform)?.switches ?? []).flatMap((key) => {
    const w = configByName.get(key)
    return w?.kind === 'words' && w.values !== undefined ? [{ key, values: w.values }] : []
  })

const flips = (text: string): Map<string, string> =>
  new Map(
    text
      .split(',')
      .filter((p) => p.includes(':'))
      .map((p) => [p.slice(0, p.indexOf(':')), p.slice(p.indexOf(':') + 1)])
  )
const settingOf = (key: string): string => {
  const v = flips(state.value.switches).get(key) ?? defaultConfig[key as keyof MachineConfig]
  return typeof v === 'boolean' ? (v ? 'on' : 'off') : String(v)
}
const flip = (key: string, value: string): void => {
  const all = flips(state.value.switches).set(key, value)
  set({ switches: [...all].map(([k, v]) => `${k}:${v}`).join(',') })
}

function configFor(platform: string): Partial<MachineConfig> {
  const said = flips(state.value.switches)
  return Object.fromEntries(
    flippable(platform)
      .filter((s) => s.values.includes(said.get(s.key) ?? ''))
      .map(({ key }) => [
        key,
        typeof defaultConfig[key as keyof MachineConfig] === 'boolean' ? said.get(key) === 'on' : said.get(key)
      ])
  )
}

// ---- the two paths
// ---------------------------------------------------------------------------------------------------

interface Side {
  readonly title: string
  readonly path: RequestPath | null
  readonly why: string
}

function sideOf(kernel: string, platform: string, t: '0' | '1', title: string): Side {
  const s = state.value
  const [revision, p] = [revisionByName(kernel), platformByName(platform)]
  if (revision === undefined || p === undefined) return { title, path: null, why: 'no such pair' }
  const reason = noMeaning(revision, p)
  if (reason !== null) return { title, path: null, why: reason }
  if (s.attr === 'CC_SHARED' && !revision['attributes.CC_SHARED'])
    return { title, path: null, why: `${kernel} has no DMA_ATTR_CC_SHARED` }
  const mask = Number(s.mask)
  const device: Partial<DeviceConfig> = {
    dma_mask: mask,
    coherent_mask: mask,
    ...(s.device === 'iommu'
      ? { iommu: true }
      : s.device === 'noncoherent'
        ? { noncoherent: true }
        : s.device === 'pool'
          ? { restricted_pool: 128 }
          : {})
  }
  try {
    return {
      title,
      why: '',
      path: requestPath({
        platform: p,
        revision,
        t: t === '1' ? 1 : 0,
        op: s.op as RequestSpec['op'],
        page: s.page as RequestSpec['page'],
        attrs: s.attr === 'none' ? [] : [s.attr as RequestSpec['attrs'][number]],
        dir: s.dir as RequestSpec['dir'],
        size: 4096,
        high: s.from === 'above',
        device,
        config: configFor(platform)
      })
    }
  } catch (e) {
    return { title, path: null, why: `the model contradicts itself here, a bug of tbit: ${messageOf(e)}` }
  }
}

function sides(): readonly [Side, Side] {
  const s = state.value
  const t = s.t as '0' | '1'
  switch (s.compare) {
    case 'kernel':
      return [sideOf(s.kernel, s.platform, t, s.kernel), sideOf(s.other, s.platform, t, s.other)]
    case 'platform':
      return [sideOf(s.kernel, s.platform, t, s.platform), sideOf(s.kernel, s.beside, t, s.beside)]
    default:
      return [
        sideOf(s.kernel, s.platform, '0', 'Not accepted (T=0)'),
        sideOf(s.kernel, s.platform, '1', 'Accepted (T=1)')
      ]
  }
}

const textOf = (d: Decision): string => `${d.fn}: ${withBitNames(d.text)}`

/** Which of `a` also stand in `b`, in the same order (the longest common part). */
function common(a: readonly Decision[], b: readonly Decision[]): ReadonlySet<number> {
  const length = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0))
  const at = (i: number, j: number): number => length[i]?.[j] ?? 0
  const same = (i: number, j: number): boolean => textOf(a[i] as Decision) === textOf(b[j] as Decision)
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      (length[i] as number[])[j] = same(i, j) ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
  const out = new Set<number>()
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (same(i, j)) {
      out.add(i++)
      j++
    } else if (at(i + 1, j) >= at(i, j + 1)) i++
    else j++
  }
  return out
}

const OUTCOMES = {
  direct: 'direct',
  bounced: 'bounced',
  allocated: 'allocated',
  error: 'refused',
  crash: 'the kernel goes down'
} as const

// ---- the page
// --------------------------------------------------------------------------------------------------------

const kindOf = (shared: boolean): string => (shared ? 'shr' : 'priv')

/** One layer of a path: its name, its kind in colour, its words. */
function Layer(p: { readonly name: string; readonly kind?: string; readonly children: preact.ComponentChildren }) {
  return (
    <div class={`layer ${p.kind ?? ''}`}>
      <dt>{p.name}</dt>
      <dd>{p.children}</dd>
    </div>
  )
}

/** The alias bits of a handle, as the picture of its bits takes them. */
function bitsOf(p: RequestPath) {
  const { platform, device } = p.spec
  const { handle } = p
  if (handle === null || device?.iommu) return []
  const shared = platform.sharedBit({ ...defaultConfig, ...p.spec.config })
  const { encBit } = platform
  return [
    ...(shared !== 0 ? [{ bit: Math.log2(shared), name: 'shared' as const, set: handle >= shared }] : []),
    ...(encBit !== 0 ? [{ bit: Math.log2(encBit), name: 'C-bit' as const, set: handle % (2 * encBit) >= encBit }] : [])
  ]
}

/** What the device is given: the handle, its alias and its bits. */
function HandleLayer({ p }: { readonly p: RequestPath }) {
  if (p.handle === null) return null
  const alias = p.read?.alias ?? null
  const form = alias === null ? null : alias === 'S' ? 'shared' : 'private'
  return (
    <Layer name="handle" kind={alias === null ? '' : kindOf(alias === 'S')}>
      <b>
        {hex(p.handle)}
        {form !== null && `, ${form} alias`}
      </b>
      <div
        dangerouslySetInnerHTML={{
          __html: handleBits({
            name: 'handle',
            handle: p.handle,
            bits: bitsOf(p),
            alias: form,
            phys: p.phys ?? 0,
            bounce: p.path === 'bounced' ? p.phys : null
          })
        }}
      />
    </Layer>
  )
}

/** What the hardware does with it: what the device sends, what it meets, the verdict and the row that gave it. */
function HardwareLayers({ p }: { readonly p: RequestPath }) {
  const served = p.read?.outcome === 'ok' && p.write?.outcome === 'ok'
  const verdict = served
    ? 'read and write served'
    : accessWords({ read: p.read?.outcome ?? '', write: p.write?.outcome ?? '' })
  return (
    <>
      {p.read !== null && (
        <Layer name="device" kind={p.read.t === null ? '' : kindOf(p.read.t === 0)}>
          {p.read.t === null ? `sends nothing: ${p.read.note}` : <b>sends T={p.read.t}</b>}
        </Layer>
      )}
      {p.handle !== null && (
        <Layer name="memory" kind={p.state === null ? '' : kindOf(p.state !== 'priv')}>
          {p.path === 'bounced' ? 'a slot of the pool' : 'the page itself'}
          {p.phys !== null && `, ${hex(p.phys)}`}
          {p.state !== null && `: ${pageWords[p.state]}`}
        </Layer>
      )}
      {p.read !== null && p.write !== null && (
        <Layer name="verdict" kind={served ? 'ok' : 'bad'}>
          <b>{verdict}</b> <code>[{p.read.rule}]</code>
          {p.row !== null && <Certain row={p.row} />}
        </Layer>
      )}
    </>
  )
}

function PathOf({ side, other }: { readonly side: Side; readonly other: Side }) {
  const p = side.path
  if (p === null)
    return (
      <section class="card path">
        <h2>{side.title}</h2>
        <p>No such request: {side.why}.</p>
      </section>
    )
  const same = common(p.decisions, other.path?.decisions ?? [])
  return (
    <section class="card path" aria-label={side.title}>
      <h2>
        {side.title}:{' '}
        <span class={p.path === 'bounced' ? 'shr' : p.path === 'direct' || p.path === 'allocated' ? 'priv' : 'bad'}>
          {OUTCOMES[p.path]}
        </span>
      </h2>
      {p.t !== p.spec.t && (
        <p class="soft">
          {p.spec.revision.name} on {p.spec.platform.name} knows no accepted device: the device is T=0.
        </p>
      )}
      <dl>
        <Layer name="kernel">
          <ol class="decisions">
            {p.decisions.map((d, i) => (
              <li class={same.has(i) ? 'same' : 'differs'}>
                <code>{textOf(d)}</code>
              </li>
            ))}
          </ol>
        </Layer>
        {p.path === 'error' && (
          <Layer name="answer" kind="bad">
            {p.error}
            {p.reason !== null && `: ${refusals[p.reason].words}`}
          </Layer>
        )}
        <HandleLayer p={p} />
        <HardwareLayers p={p} />
        {p.findings.map((f) => (
          <Layer name={f.property} kind="bad">
            {f.summary}
          </Layer>
        ))}
      </dl>
    </section>
  )
}

/** How sure a row is, and the switch that decides it, to be flipped in place. */
function Certain({ row }: { readonly row: Row }) {
  const key = /^\w+/.exec(row.switch ?? '')?.[0] ?? ''
  const s = [...flippable(state.value.platform), ...flippable(state.value.beside)].find((x) => x.key === key)
  return (
    <div class="soft">
      {row.cert === 'H' ? '' : '? '}certainty {CERTAINTY[row.cert]}: {row.source}
      {row.note === undefined ? '' : `; ${row.note}`}
      {s !== undefined && (
        <>
          ; <Switch name={s.key} values={s.values} />
        </>
      )}
    </div>
  )
}

const Switch = ({ name, values }: { readonly name: string; readonly values: readonly string[] }) => (
  <label>
    {name}{' '}
    <select name={name} value={settingOf(name)} onChange={(e) => flip(name, e.currentTarget.value)}>
      {values.map((v) => (
        <option value={v}>{v}</option>
      ))}
    </select>
  </label>
)

const Choice = ({ name }: { readonly name: Name }) => (
  <label>
    {LABELS[name]}{' '}
    <select name={name} value={state.value[name]} onChange={(e) => set({ [name]: e.currentTarget.value })}>
      {CHOICES[name].map((v) => (
        <option value={v}>{word(name, v)}</option>
      ))}
    </select>
  </label>
)

/** What a row of the table asks for, as the controls have it. */
function ask(row: Row): void {
  const resource = row.page.includes('mmio')
  const page = row.page === 'priv' || row.page === 'unas' || row.page.startsWith('pmmio') ? 'private' : 'shared'
  set({ t: String(row.t), page, op: resource ? 'resource' : 'map' })
}

function Rules({ used }: { readonly used: ReadonlySet<string> }) {
  const s = state.value
  const p = platformByName(s.platform)
  const revision = revisionByName(s.kernel)
  if (p === undefined || revision === undefined) return null
  const config = { ...defaultConfig, ...configFor(s.platform) }
  const held = p.rows.filter((r) => r.when === undefined || r.when(config))
  const uncertain = held.some((r) => r.cert !== 'H')
  return (
    <section aria-label="rules of the platform">
      <h2>What {p.name} does</h2>
      <p class="soft">
        {p.title}. A row sets T, page and call{uncertain ? '; ? marks what is not certain, with its switch' : ''}.
        {accepts(revision, p) ? '' : ` ${revision.name} knows no accepted device here.`}
      </p>
      {flippable(s.platform).length > 0 && (
        <p class="controls">
          {flippable(s.platform).map((x) => (
            <Switch name={x.key} values={x.values} />
          ))}
        </p>
      )}
      <Wide label="access rules">
        <table class="rules">
          <thead>
            <tr>
              <th scope="col">T</th>
              <th scope="col">alias</th>
              <th scope="col">page</th>
              <th scope="col">access</th>
              <th scope="col">rule</th>
            </tr>
          </thead>
          <tbody>
            {held.map((r) => (
              <tr aria-current={used.has(r.id) ? 'true' : undefined}>
                <td>{r.t}</td>
                <td>{r.alias === 'P' ? 'private' : r.alias === 'S' ? 'shared' : 'any'}</td>
                <td>{pageWords[r.page]}</td>
                <td class={r.read === 'ok' && r.write === 'ok' ? '' : 'bad'}>{accessWords(r)}</td>
                <td>
                  <button
                    type="button"
                    class="cell row"
                    title={`${r.source}${r.note === undefined ? '' : `: ${r.note}`}`}
                    onClick={() => ask(r)}>
                    {r.cert === 'H' ? (
                      ''
                    ) : (
                      <span aria-label={`certainty ${CERTAINTY[r.cert]}`} role="img">
                        ?{' '}
                      </span>
                    )}
                    {r.id}
                  </button>
                  {r.cert !== 'H' && r.switch !== undefined && <div class="soft">{r.switch}</div>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Wide>
    </section>
  )
}

function Explain() {
  const s = state.value
  const [a, b] = sides()
  const used = new Set([a.path?.read?.rule, b.path?.read?.rule].filter((r) => r !== undefined))
  const differ =
    a.path !== null &&
    b.path !== null &&
    (a.path.path !== b.path.path ||
      a.path.decisions.map(textOf).join() !== b.path.decisions.map(textOf).join() ||
      a.path.read?.rule !== b.path.read?.rule)
  return (
    <>
      <div role="alert">
        <Notice of={notice} />
      </div>
      <fieldset class="controls card">
        <legend class="visually-hidden">the request</legend>
        <Choice name="compare" />
        <Choice name="platform" />
        {s.compare === 'platform' && <Choice name="beside" />}
        <Choice name="kernel" />
        {s.compare === 'kernel' && <Choice name="other" />}
        {s.compare !== 't' && <Choice name="t" />}
        <Choice name="op" />
        {(s.op === 'map' || s.op === 'resource') && <Choice name="page" />}
        {s.op === 'map' && <Choice name="from" />}
        <Choice name="attr" />
        {s.op !== 'alloc' && <Choice name="dir" />}
        <Choice name="mask" />
        <Choice name="device" />
      </fieldset>
      <p class="soft" role="status">
        {differ ? 'Grey decisions are the same on both sides.' : 'Both sides take the same path.'}
      </p>
      <div class="compare">
        <PathOf side={a} other={b} />
        <PathOf side={b} other={a} />
      </div>
      <Rules used={used} />
    </>
  )
}

const root = document.getElementById('app')
if (root !== null) {
  root.replaceChildren()
  render(<Explain />, root)
  void openLink()
  addEventListener('hashchange', () => {
    void openLink()
  })
}
