// Content assist: which words may stand at a place of a text, complete or not.
import { Errors } from './_errors.ts'
import { collectScopes, type Scopes, type Variable } from './_resolve.ts'
import { type RawExpr, type RawTest, revisionText, Syntax, type Wanted } from './_syntax.ts'
import { decisionNames, decisionTable } from '../kernel/revisions/index.ts'
import {
  attributes,
  configByName,
  configKeys,
  contentWords,
  deviceKeys,
  directions,
  errnos,
  fieldByName,
  fields,
  flags,
  functions,
  kernels,
  keywords,
  mmioKeys,
  operationByName,
  operations,
  type OpWord,
  type Param,
  parts,
  platforms,
  properties,
  SECRET,
  signature,
  trustWords,
  type ValueKind,
  valueKindText
} from './vocabulary.ts'

export interface Candidate {
  readonly word: string
  /** One line of meaning. */
  readonly does: string
}

export interface Completion {
  /** The candidates replace the text from here (offset) up to the place asked for. */
  readonly from: number
  readonly words: readonly Candidate[]
}

/**
 * The words that may stand at `offset`, those the grammar and the names of the test allow there, filtered by what is
 * typed already.
 * @example complete('litmus a "b"\nplat', 17).words[0]?.word // 'platform'
 */
export function complete(text: string, offset: number): Completion {
  const at = Math.max(0, Math.min(offset, text.length))
  const syntax = new Syntax(text, new Errors(''), at)
  const cursor = syntax.test.tokens.find((t) => t.cursor === true)
  if (cursor === undefined) return { from: at, words: [] }
  const scopes = collectScopes(syntax.test)
  const here = { raw: syntax.test, scopes, thread: syntax.wantedIn.thread, init: syntax.wantedIn.init }
  // What is wanted most closely stands first; a plain expression adds nothing where an argument or a right-hand side is
  // known.
  const kinds = new Set(syntax.wanted.map((w) => w.kind))
  const wanted = syntax.wanted.filter((w) => !(w.kind === 'expr' && (kinds.has('arg') || kinds.has('rhs'))))
  const seen = new Set<string>()
  const words: Candidate[] = []
  const typed = cursor.text.toLowerCase()
  for (const w of wanted) {
    for (const c of candidates(w, here)) {
      if (seen.has(c.word) || !c.word.toLowerCase().startsWith(typed)) continue
      seen.add(c.word)
      words.push(c)
    }
  }
  return { from: cursor.offset, words }
}

interface Here {
  readonly raw: RawTest
  readonly scopes: Scopes
  readonly thread: string | null
  readonly init: boolean
}

const words = (table: readonly { readonly name: string; readonly does: string }[]): Candidate[] =>
  table.map((w) => ({ word: w.name, does: w.does }))
const plain = (list: Iterable<string>, does: string): Candidate[] => [...list].map((word) => ({ word, does }))
const operationWords: readonly Candidate[] = operations.map((o) => ({
  word: o.name,
  does: `${signature(o)}: ${o.does}`
}))

const ownKernels = (here: Here): Candidate[] =>
  here.raw.revisions.map((r) => ({ word: r.name.text, does: revisionText(r.revision) }))

function candidates(w: Wanted, here: Here): readonly Candidate[] {
  switch (w.kind) {
    case 'part':
      return words(
        here.raw.name === null ? parts.filter((p) => p.name === 'litmus') : parts.filter((p) => p.name !== 'litmus')
      )
    case 'platform':
      return [...words(platforms), { word: 'all', does: 'every platform' }]
    case 'kernel':
      return [...words(kernels), ...ownKernels(here), { word: 'all', does: 'every kernel' }]
    case 'expectKernel':
      return [{ word: '*', does: 'every kernel' }, ...words(kernels), ...ownKernels(here)]
    case 'flip':
      return decisionNames
        .filter((d) => decisionTable[d].values === 'boolean')
        .map((d) => ({ word: d, does: decisionTable[d].does }))
    case 'expectPlatform':
      return [{ word: '*', does: 'every platform' }, ...words(platforms)]
    case 'on':
      return [{ word: 'on', does: 'on PLATFORMS' }]
    case 'property':
      return [
        { word: 'default', does: 'all but refused' },
        { word: 'all', does: 'every property' },
        ...words(properties)
      ]
    case 'verdict':
      return [
        { word: 'ok', does: 'nothing forbidden happens' },
        { word: 'vacuous', does: 'no complete run lets all threads finish' },
        { word: 'as', does: 'as KERNEL: exactly what that kernel violates' },
        ...words(properties)
      ]
    case 'configKey':
      return words(configKeys).filter((c) => !w.used.includes(c.word))
    case 'configValue':
      return plain(configByName.get(w.key)?.values ?? (configByName.get(w.key)?.kind === 'limit' ? ['max'] : []), w.key)
    case 'deviceKey':
      return words(deviceKeys).filter((c) => !w.used.includes(c.word))
    case 'mmioKey':
      return words(mmioKeys).filter((c) => !w.used.includes(c.word))
    case 'mmioDevice':
      return plain(here.scopes.devices, 'device')
    case 'cpu':
      return [{ word: 'cpu', does: 'cpu N' }]
    case 'statement':
      return [...words(keywords.filter((k) => k.name !== 'else' && k.name !== 'or')), ...operationWords]
    case 'else':
      return words(keywords.filter((k) => k.name === 'else'))
    case 'or':
      return words(keywords.filter((k) => k.name === 'or'))
    case 'rhs':
      return [
        { word: 'try', does: 'a fault gives ERR and is no finding' },
        ...operationWords.filter((o) => operationByName.get(o.word)?.result != null)
      ]
    case 'operation':
      return operationWords.filter((o) => operationByName.get(o.word)?.try === true)
    case 'expr':
      return [...variables(here, null), ...plain(here.scopes.devices, 'device'), ...threads(here), ...words(functions)]
    case 'arg':
      return argument(w, here)
    case 'compared':
      return compared(w.with, here)
    case 'field':
      return field(w, here)
  }
}

const kindsText = (v: Variable): string => [...v.kinds].map((k) => valueKindText[k]).join(' or ')
const fits = (v: Variable, accepts: readonly ValueKind[] | null): boolean =>
  accepts === null || v.unknown || [...v.kinds].some((k) => accepts.includes(k))

/** The variables that may be named plainly here. */
function variables(here: Here, accepts: readonly ValueKind[] | null): Candidate[] {
  const own = here.thread === null ? undefined : here.scopes.threads.get(here.thread)
  return [...(own ?? []), ...here.scopes.init]
    .filter(([, v]) => fits(v, accepts))
    .map(([word, v]) => ({ word, does: kindsText(v) }))
}

const threads = (here: Here): Candidate[] =>
  here.init
    ? []
    : plain(
        [...here.scopes.threads.keys()].filter((t) => t !== here.thread),
        'a thread: NAME.x'
      )

function argument(w: Extract<Wanted, { kind: 'arg' }>, here: Here): readonly Candidate[] {
  if (functions.some((f) => f.name === w.op)) return [...variables(here, null), ...threads(here)]
  const op: OpWord | undefined = operationByName.get(w.op)
  if (!op) return []
  const p: Param | undefined = op.params[w.index]
  if (!p) return words([...flags, ...attributes]).filter((c) => op.options.includes(c.word) && !w.used.includes(c.word))
  switch (p.kind) {
    case 'device':
      return plain(here.scopes.devices, 'device')
    case 'mmio':
      return plain(here.scopes.mmios, 'mmio range')
    case 'level':
      return trustWords.map((word) => ({ word, does: 'a level of trust' }))
    case 'direction':
      return words(directions)
    case 'label':
      return [
        { word: SECRET, does: 'guest-private data' },
        ...plain(
          [...here.scopes.labels].filter((l) => l !== SECRET && l !== ''),
          'label'
        )
      ]
    case 'object':
      return [...variables(here, p.accepts ?? null), ...threads(here)]
    case 'objects':
      return w.inList ? [...variables(here, p.accepts ?? null), ...threads(here)] : []
    case 'size':
    case 'bits':
      return []
  }
}

const contentCandidates = (here: Here): Candidate[] => [
  ...plain(
    [...here.scopes.labels].filter((l) => l !== ''),
    'label'
  ),
  ...words(contentWords)
]

/** The words that the other side of a comparison can be. */
function compared(e: RawExpr, here: Here): Candidate[] {
  if (e.kind === 'call') {
    if (e.op.text === 'content') return contentCandidates(here)
    if (e.op.text === 'errno') return plain(errnos, 'errno')
    const result = operationByName.get(e.op.text)?.result
    return result === 'value' ? contentCandidates(here) : result === 'status' ? plain(errnos, 'errno') : []
  }
  if (e.kind !== 'path') return []
  const last = e.rest.at(-1)
  const f = last?.kind === 'dot' ? fieldByName.get(last.name.text) : undefined
  if (f?.words && !(here.scopes.threads.has(e.head.text) && e.rest.length === 1))
    return plain(f.words, `${f.name} can be`)
  const first = e.rest[0]
  const v =
    first?.kind === 'dot'
      ? here.scopes.threads.get(e.head.text)?.get(first.name.text)
      : ((here.thread === null ? undefined : here.scopes.threads.get(here.thread)?.get(e.head.text)) ??
        here.scopes.init.get(e.head.text))
  if (!v) return []
  return [
    ...(v.kinds.has('value') ? contentCandidates(here) : []),
    ...(v.kinds.has('status') ? plain(errnos, 'errno') : [])
  ]
}

function field(w: Extract<Wanted, { kind: 'field' }>, here: Here): Candidate[] {
  const head = w.path.head.text
  const vars = here.scopes.threads.get(head)
  if (vars && w.path.rest.length === 0) return [...vars].map(([word, v]) => ({ word, does: kindsText(v) }))
  return words(fields.filter((f) => f.of === (here.scopes.devices.has(head) ? 'device' : 'variable')))
}
