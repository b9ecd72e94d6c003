// What a word means, whatever table it is from: `tbit explain WORD`. Error codes, properties, rules, findings,
// decisions, words of the language, messages of the kernel, its files, options and functions. One function a table,
// each answering in the same shape; nothing is said twice: the tables are those that the other verbs work with.
import { codes, nearest } from '../base/index.ts'
import {
  type Decision,
  decisionNames,
  decisionTable,
  decisionText,
  messageTable,
  type MessageId,
  revisions
} from '../kernel/index.ts'
import { vocabulary } from '../litmus/index.ts'
import { platforms } from '../machine/index.ts'
import { properties } from '../properties/index.ts'
import { causes, kindOf } from '../replay/index.ts'
import { KERNEL_FUNCTIONS } from './kernel-functions.ts'
import { kernelWords } from './kernel-words.ts'
import { CERTAINTY } from './rules-words.ts'
import { bullet } from './wrap.ts'

/** One meaning of a word. */
export interface Meaning {
  /** What it is: "property", "error code". */
  readonly kind: string
  readonly name: string
  /** Paragraphs. */
  readonly says: readonly string[]
  /** Commands that go on from here. */
  readonly see: readonly string[]
}

const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase()

function errorCode(word: string): Meaning[] {
  const code = word.toUpperCase().replace(/^TB[-_ ]?(\d{3})$/, 'TB-$1')
  return Object.hasOwn(codes, code)
    ? [
        {
          kind: 'error code',
          name: code,
          says: [
            `${codes[code as keyof typeof codes]}. The message itself names the file, the place, the word and ` +
              'what was expected.'
          ],
          see: []
        }
      ]
    : []
}

function property(word: string): Meaning[] {
  const name = word.replaceAll('-', '_')
  return properties
    .filter((p) => same(p.name, name))
    .map((p) => ({
      kind: 'property',
      name: p.name,
      says: [
        `${p.does}.`,
        `Violated when ${p.violated.replace(/\.$/, '')}.`,
        p.always === true
          ? 'It counts whatever forbid says.'
          : p.byDefault
            ? 'It is part of forbid default.'
            : 'It is reported, and forbidden only where the test says so.'
      ],
      see: [`tbit check DIR --format json | grep '"${p.name}/'`]
    }))
}

// The same row may stand in several platforms' tables.
function rule(word: string): Meaning[] {
  return platforms.flatMap((p) =>
    p.rows
      .filter((r) => same(r.id, word))
      .map((r) => ({
        kind: 'rule',
        name: r.id,
        says: [
          `On ${p.name}: a T=${r.t} request through the ` +
            `${r.alias === 'any' ? 'private or shared' : r.alias === 'P' ? 'private' : 'shared'} alias to a page ` +
            `that is ${r.page}: read ${r.read}, write ${r.write}` +
            `${r.switch === undefined ? '' : `, under ${r.switch}`}.`,
          ...(r.note === undefined ? [] : [`${r.note}.`]),
          `Certainty ${CERTAINTY[r.cert]}; source: ${r.source}.`
        ],
        see: [`tbit rules --platform ${p.name}`]
      }))
  )
}

/** property/site/decision/hash, as `check` writes it. */
function finding(word: string): Meaning[] {
  const parts = word.split('/')
  const p = properties.find((x) => x.name === parts[0])
  if (p === undefined || parts.length < 3) return []
  const [, site = '', ...rest] = parts
  const hash = parts.length > 3 ? rest.pop() : undefined
  const decision = rest.join('/')
  return [
    {
      kind: 'finding',
      name: word,
      says: [
        `${p.name}: ${p.does}.`,
        `Where: ${site.replaceAll('-', ' ')}. What decided: ${decision.replaceAll('-', ' ')}.`,
        ...(hash === undefined
          ? []
          : [
              `${hash} is a digest of the shortest run that has it: the same on every machine, another where ` +
                'another run is the shortest.'
            ])
      ],
      see: ['tbit check TEST -v', ...rule(decision).flatMap((m) => m.see)]
    },
    ...rule(decision)
  ]
}

function decision(word: string): Meaning[] {
  const name =
    decisionNames.find((d) => same(d, word)) ?? decisionNames.find((d) => same(d.split('.')[0] as string, word))
  if (name === undefined) return []
  const byValue = new Map<string, string[]>()
  for (const r of revisions) {
    const v = decisionText(r[name])
    byValue.set(v, [...(byValue.get(v) ?? []), r.name])
  }
  return [
    {
      kind: 'decision of a kernel revision',
      name,
      says: [`${decisionTable[name].does}.`, ...[...byValue].map(([v, names]) => `${v}: ${names.join(', ')}`)],
      see: ['tbit revisions', `tbit revisions ${revisions[0]?.name ?? ''}`]
    }
  ]
}

interface Described {
  readonly name: string
  readonly does: string
  readonly default?: string | null
  readonly values?: readonly string[]
  readonly notModelled?: string
}

function languageWord(word: string): Meaning[] {
  const tables: ReadonlyArray<readonly [string, readonly Described[]]> = [
    ['config key', vocabulary.configKeys],
    ['device key', vocabulary.deviceKeys],
    ['key of mmio', vocabulary.mmioKeys],
    ['operation', vocabulary.operations],
    ['attribute', vocabulary.attributes],
    ['direction', vocabulary.directions],
    ['flag', vocabulary.flags],
    ['field', vocabulary.fields],
    ['function', vocabulary.functions],
    ['content word', vocabulary.contentWords],
    ['part of a test', vocabulary.parts],
    ['platform', vocabulary.platforms],
    ['kernel revision', vocabulary.kernels]
  ]
  const plain = word.replace(/^DMA_(?:ATTR_)?/, '')
  return tables.flatMap(([kind, words]) =>
    words
      .filter((w) => same(w.name, word) || same(w.name, plain))
      .map((w) => ({
        kind,
        name: w.name,
        says: [
          `${w.does}.`,
          ...(w.values === undefined ? [] : [`Values: ${w.values.join(', ')}.`]),
          ...(w.default === undefined || w.default === null ? [] : [`Default: ${w.default}.`]),
          ...(w.notModelled === undefined ? [] : [`Not modelled: ${w.notModelled}.`])
        ],
        see:
          kind === 'platform'
            ? [`tbit rules --platform ${w.name}`]
            : kind === 'kernel revision'
              ? [`tbit revisions ${w.name}`]
              : []
      }))
  )
}

/** A phrase that short is in too many messages. */
const SHORTEST_PHRASE = 6
/** The words of a template, without its fields. */
const literals = (text: string): string[] =>
  text
    .toLowerCase()
    .split(/\{\w+(?::\w+)?\}/)
    .map((t) => t.replace(/^[\s:,.()[\]]+|[\s:,.([\]]+$/g, ''))
    .filter((t) => t.length >= SHORTEST_PHRASE)

function message(phrase: string): Meaning[] {
  const p = phrase.toLowerCase().replace(/\s+/g, ' ').trim()
  if (p.length < SHORTEST_PHRASE) return []
  const ids = (Object.keys(messageTable) as MessageId[]).filter(
    (id) =>
      messageTable[id].text.toLowerCase().includes(p) ||
      literals(messageTable[id].text).some((t) => t.length > 12 && p.includes(t))
  )
  const kinds = new Set(ids.map((id) => kindOf[id] ?? id))
  return [...kinds].map((kind) => {
    const mine = ids.filter((id) => (kindOf[id] ?? id) === kind)
    const rows = causes.filter((c) => (c.kinds as readonly string[]).includes(kind))
    return {
      kind: 'kernel message',
      name: phrase,
      says: [
        ...mine.map((id) => {
          const m: { text: string; since: string; until?: string; rate: string; source: string } = messageTable[id]
          const when = [m.since === '' ? '' : `from Linux ${m.since}`, m.until === undefined ? '' : `before ${m.until}`]
            .filter((x) => x !== '')
            .join(', ')
          return (
            `"${m.text.replace(/\{(\w+)(?::\w+)?\}/g, (_, f: string) => f.toUpperCase())}": printed by ${m.source}` +
            `${when === '' ? '' : ` (${when})`}` +
            (m.rate === 'ratelimited'
              ? '; at most 10 in 5 s, so that its lines are fewer than the failures'
              : m.rate === 'once'
                ? '; once per boot, so that it says nothing of how often'
                : '') +
            '.'
          )
        }),
        ...(rows.length > 0 ? ['What it can be, and what decides:'] : []),
        ...rows.map(
          (c) =>
            `- ${c.id.replaceAll('_', ' ')}` +
            `${typeof c.limit === 'string' && c.limit !== c.id.replaceAll('_', ' ') ? ` (${c.limit})` : ''}` +
            `${c.decides.length > 0 ? `: ${c.decides[0]}` : ''}`
        )
      ],
      see: ['dmesg | tbit explain log']
    }
  })
}

function kernelWord(word: string): Meaning[] {
  const plain = word
    .replace(/^.*\/(?=[\w.]+$)/, '')
    .replace(/^CONFIG_/, '')
    .replace(/=.*$/, '')
  return kernelWords
    .filter((k) => k.names.some((n) => same(n, word) || same(n, plain)))
    .map((k) => ({ kind: k.kind, name: word, says: k.says, see: k.see }))
}

interface KernelFunction {
  readonly files: readonly string[]
  readonly decides: readonly string[]
  readonly calls: readonly string[]
}

let functions: Map<string, KernelFunction> | null = null

function functionsByName(): ReadonlyMap<string, KernelFunction> {
  if (functions !== null) return functions
  functions = new Map()
  for (const entry of KERNEL_FUNCTIONS.trim().split(/\n(?! )/)) {
    const words = (from: RegExp): string[] => from.exec(entry)?.[1]?.split(/\s+/) ?? []
    functions.set(words(/^(\w+)/)[0] as string, {
      files: words(/^\w+ (.*(?:\n {4}.*)*)/),
      decides: words(/^ {2}decides (.*(?:\n {4}.*)*)/m),
      calls: words(/^ {2}calls (.*(?:\n {4}.*)*)/m)
    })
  }
  return functions
}

/** Decisions whose record names the function as its source, in some revision. */
const decidedIn = (name: string): Decision[] =>
  decisionNames.filter((d) => revisions.some((r) => new RegExp(`\\b${name}\\b`).test(r.sources[d])))

function kernelFunction(word: string): Meaning[] {
  const name = word.replace(/\(\)$/, '')
  const f = functionsByName().get(name)
  if (f === undefined) return []
  const [model, ...c] = f.files
  const callers = [...functionsByName()].filter(([, g]) => g.calls.includes(name)).map(([n]) => n)
  const decides = [...new Set([...f.decides, ...decidedIn(name)])]
  const list = (what: string, names: readonly string[]): string[] =>
    names.length > 0 ? [`${what}: ${names.join(', ')}.`] : []
  return [
    {
      kind: 'function of the kernel',
      name,
      says: [
        `${c.length > 0 ? `${c.join(' and ')}; in` : 'In'} the model: ${model}.`,
        ...list('What revisions decide there', decides),
        ...list('Called by', callers),
        ...list('Calls', f.calls)
      ],
      see: [...decides.slice(0, 3).map((d) => `tbit explain ${d}`), 'tbit kernel --help']
    }
  ]
}

/** All that the text can mean, in the order in which it is likeliest meant; none: no table has it. */
export function meanings(text: string): Meaning[] {
  const word = text.trim()
  const tables = [errorCode, property, finding, rule, decision, languageWord, kernelWord, kernelFunction]
  const exact = tables.flatMap((t) => t(word))
  return exact.length > 0 ? exact : message(word)
}

/** Known words near one that no table has. */
export function nearWords(word: string): string[] {
  const known = [
    ...Object.keys(codes),
    ...properties.map((p) => p.name),
    ...platforms.flatMap((p) => [p.name, ...p.rows.map((r) => r.id)]),
    ...decisionNames,
    ...revisions.map((r) => r.name),
    ...kernelWords.flatMap((k) => k.names),
    ...functionsByName().keys(),
    ...[
      vocabulary.configKeys,
      vocabulary.deviceKeys,
      vocabulary.operations,
      vocabulary.attributes,
      vocabulary.fields,
      vocabulary.functions
    ].flatMap((l: readonly { readonly name: string }[]) => l.map((w) => w.name))
  ]
  return nearest(word, new Set(known))
}

/** The meanings as text, at most 80 columns. */
export function explainWordText(list: readonly Meaning[]): string {
  const one = (m: Meaning): string =>
    [
      bullet('', `${m.name}: ${m.kind}`),
      ...m.says.map((t) => bullet('  ', t)),
      ...(m.see.length > 0 ? ['  see:', ...m.see.map((c) => `    ${c}`)] : [])
    ].join('\n')
  return `${list.map(one).join('\n\n')}\n`
}

export const explainWordFormats = {
  text: explainWordText,
  json: (list: readonly Meaning[]): string => `${JSON.stringify({ format: 1, meanings: list }, null, 2)}\n`
} as const
