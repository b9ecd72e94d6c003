// The tables of docs/litmus-language.md, written from the vocabulary. scripts/docs-litmus.mjs puts them into the page;
// a test holds the page against them.
import { own } from '../base/index.ts'
import {
  attributes,
  configKeys,
  type ConfigWord,
  contentWords,
  type DeviceWord,
  deviceKeys,
  directions,
  errnos,
  fields,
  type FieldWord,
  flags,
  functions,
  kernels,
  keywords,
  mmioKeys,
  operations,
  type OpWord,
  parts,
  platforms,
  properties,
  type PropertyWord,
  SECRET,
  signature,
  valueKindText
} from './vocabulary.ts'
import { decisionNames, decisionTable } from '../kernel/revisions/index.ts'

const row = (cells: readonly string[]): string => `| ${cells.map((c) => c.replaceAll('|', '\\|')).join(' | ')} |`
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n')
const code = (s: string): string => `\`${s}\``

const configTakes = (w: ConfigWord): string => {
  switch (w.kind) {
    case 'size':
      return 'a size'
    case 'number':
      return 'a number'
    case 'slots':
      return '`SLOTS` or `SLOTS,AREAS`'
    case 'string':
      return 'a string'
    case 'limit':
      return '`max` or an address'
    case 'list':
      return `one or more of ${(w.values ?? []).map(code).join(', ')}`
    default:
      return (w.values ?? []).map(code).join(', ')
  }
}

const deviceTakes: Readonly<Record<DeviceWord['kind'], string>> = {
  flag: '',
  bits: 'BITS, 1 to 64',
  address: 'an address',
  mask: '2^n - 1',
  slots: 'SLOTS',
  number: 'a number from 1 on',
  size: 'a size',
  windows: 'an address, or `[CPU, BUS, SIZE]` ...'
}

const notes = (w: { readonly notModelled?: string }): string =>
  w.notModelled === undefined ? '' : ` (not modelled yet: ${w.notModelled})`

const operationTable = (group: OpWord['group']): string =>
  table(
    ['call', 'does', 'yields'],
    operations
      .filter((o) => o.group === group)
      .map((o: OpWord) => [
        code(signature(o)) + (o.try ? ', `try`' : ''),
        o.does + notes(o),
        o.result === null ? 'nothing' : valueKindText[o.result].replace(/ \(.*\)$/, '')
      ])
  )

const takers = (name: string): string =>
  operations
    .filter((o: OpWord) => o.options.includes(name))
    .map((o) => code(o.name))
    .join(', ')

/** Each table by the name of its mark in the page. */
export const tables: Readonly<Record<string, () => string>> = {
  parts: () =>
    table(
      ['part', 'meaning'],
      parts.map((p) => [code(p.name), p.does])
    ),
  platforms: () =>
    table(
      ['platform', 'meaning', 'T=1'],
      platforms.map((p) => [code(p.name), p.does, p.t1 ? 'yes' : 'no'])
    ),
  kernels: () =>
    table(
      ['kernel', 'meaning', 'accept'],
      kernels.map((k) => [code(k.name), k.does, k.accept ? 'yes' : 'no'])
    ),
  properties: () =>
    table(
      ['property', 'violated when', 'forbidden'],
      properties.map((p: PropertyWord) => [
        code(p.name),
        p.does,
        p.always ? 'always' : p.byDefault ? 'by default' : 'when listed'
      ])
    ),
  decisions: () =>
    table(
      ['decision', 'values', 'meaning'],
      decisionNames.map((d) => {
        const { values, does } = decisionTable[d]
        return [
          code(d),
          values === 'boolean' ? 'yes or no' : values === 'release' ? 'a release' : values.map(code).join(', '),
          does
        ]
      })
    ),
  config: () =>
    table(
      ['key', 'takes', 'default', 'meaning'],
      configKeys.map((w: ConfigWord) => [
        code(w.name),
        configTakes(w),
        w.default === null ? (w.defaultIs ?? '') : code(w.default),
        w.does + notes(w)
      ])
    ),
  device: () =>
    table(
      ['key', 'takes', 'default', 'meaning'],
      deviceKeys.map((w: DeviceWord) => [
        code(w.name),
        deviceTakes[w.kind],
        w.default === null ? '' : code(w.default),
        w.does + notes(w)
      ])
    ),
  mmio: () =>
    table(
      ['key', 'meaning'],
      mmioKeys.map((w) => [w.name === 'of' ? '`of DEVICE`' : code(w.name), w.does])
    ),
  statements: () =>
    table(
      ['word', 'meaning'],
      keywords.map((k) => [code(k.name), k.does])
    ),
  memory: () => operationTable('memory'),
  dma: () => operationTable('dma'),
  devices: () => operationTable('device'),
  admin: () => operationTable('admin'),
  host: () => operationTable('host'),
  directions: () =>
    table(
      ['direction', 'meaning'],
      directions.map((d) => [code(d.name), d.does])
    ),
  attributes: () =>
    table(
      ['word', 'meaning', 'may follow'],
      [...attributes, ...flags].map((a) => [code(a.name), a.does, takers(a.name)])
    ),
  fields: () =>
    table(
      ['field', 'values', 'meaning'],
      fields.map((f: FieldWord) => [
        code(`${f.of === 'device' ? 'DEV' : 'x'}.${f.name}`),
        f.words ? f.words.map(code).join(', ') : '0, 1',
        f.does
      ])
    ),
  functions: () =>
    table(
      ['function', 'meaning'],
      functions.map((f) => [code(`${f.name}(${f.takes})`), f.does])
    ),
  contents: () =>
    table(
      ['word', 'meaning'],
      [{ name: SECRET, does: 'guest-private data, a label like any other but for its class' }, ...contentWords].map(
        (w) => [code(w.name), w.does]
      )
    ),
  errnos: () => `${errnos.map(code).join(', ')}.`
}

/**
 * The page with every table between its marks brought up to date. @throws Error when a mark names no table or is not
 * closed
 */
export function refresh(page: string): string {
  return page.replace(/<!-- table: (\w+) -->\n[\s\S]*?<!-- end -->/g, (_, name: string) => {
    const make = own(tables, name)
    if (!make) throw new Error(`no table is called ${name}`)
    return `<!-- table: ${name} -->\n${make()}\n<!-- end -->`
  })
}
