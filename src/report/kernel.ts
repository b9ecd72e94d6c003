// Renders the results of `tbit kernel build` and `tbit kernel test`.
import { type Diagnostic, columns, formatDiagnostic, plural, thousands } from '../base/index.ts'
import type { SelfTestDifference, SelfTestFile } from '../conform/kernel-selftest.ts'
import type { Divergence } from '../conform/kernel.ts'
import { type KernelMeta, limits } from '../kernel-c/index.ts'
import { divergenceText } from './kernel-conform.ts'
import { fold } from './wrap.ts'

export interface KernelBuildReport {
  readonly meta: KernelMeta
  readonly cached: boolean
  readonly path: string | null
  readonly bytes: number
  readonly seconds: number
}

/** Rows of a name and its words, one line a word where there are several. */
const listed = (name: string, words: readonly string[], none: string): string[][] =>
  words.length === 0 ? [[name, none]] : words.map((w, i) => [i === 0 ? name : '', w])

/** Folded to `width` columns; a path stays whole. */
export function kernelBuildText(b: KernelBuildReport, width: number): string {
  const m = b.meta
  const rows: string[][] = [
    ['version', `${m.version}, ${m.arch}, configuration '${m.profile}'`],
    ['from the tree', `${plural(m.files.length, 'file')} and ${plural(m.headers, 'header')}, unmodified`],
    ...listed(
      'image',
      [
        `${thousands(b.bytes)} bytes${b.path === null ? ' (the cache cannot be written)' : ''}`,
        ...(b.path === null ? [] : [b.path])
      ],
      ''
    ),
    ...listed('differences', m.notes, 'none that the build had to know of'),
    [
      'not provided',
      m.unresolved.length === 0 ? 'nothing' : `${m.unresolved.join(', ')} (calling one ends the call with a fault)`
    ],
    ...(m.assumptions.length > 0
      ? listed(
          'assumed',
          m.assumptions.map((a) => `'${a.parameter}' of ${a.call}() is ${a.value}`),
          ''
        )
      : []),
    [
      'fields',
      m.fields.length + m.flagFunctions.length === 0
        ? 'none'
        : [...m.fields, ...m.flagFunctions.map((f) => `${f}()`)].join(', ')
    ]
  ]
  const text = [
    `${m.tree}: ${b.cached ? 'built before, taken from the cache' : 'built'} in ${b.seconds.toFixed(1)} s`,
    columns(rows.map(([k = '', v = '']) => [`  ${k}`, v])),
    '  limits',
    ...limits(m).map((l) => `    ${l}`)
  ].join('\n')
  return `${text
    .split('\n')
    .map((l) => (b.path !== null && l.trim() === b.path ? l : fold(l, width)))
    .join('\n')}\n`
}

const metaJson = (m: KernelMeta) => ({
  tree: m.tree,
  version: m.version,
  arch: m.arch,
  config: m.profile,
  content: m.content,
  files: m.files,
  kconfig: m.config,
  headers: m.headers,
  notes: m.notes,
  assumptions: m.assumptions,
  unresolved: m.unresolved,
  fields: m.fields,
  predicates: m.flagFunctions,
  has: m.has,
  limits: limits(m)
})

export const kernelBuildJson = (b: KernelBuildReport): string =>
  JSON.stringify(
    {
      format: 1,
      ...metaJson(b.meta),
      cached: b.cached,
      path: b.path,
      bytes: b.bytes,
      seconds: Math.round(b.seconds * 1000) / 1000,
      errors: []
    },
    null,
    2
  ) + '\n'

export const kernelErrorsJson = (errors: readonly Diagnostic[]): string =>
  `${JSON.stringify({ format: 1, errors }, null, 2)}\n`
export const kernelErrorsText = (errors: readonly Diagnostic[]): string =>
  `${errors.map((e) => formatDiagnostic(e)).join('\n')}\n`

const whose: Record<SelfTestDifference['whose'], string> = {
  tree: "the tree's",
  shim: 'ours, or the tree has been changed',
  recording: 'the model differs here too'
}

function differenceText(d: SelfTestDifference): string {
  const rows = d.differences.map((x) => [`  ${x.what}`, `recorded ${String(x.recorded)}`, `kernel ${String(x.kernel)}`])
  return `first difference: ${d.file}:${d.line}\n  ${d.recorded}\n${columns(rows)}\n  ${whose[d.whose]}: ${d.reason}\n`
}

export interface SelfTestReport {
  readonly meta: KernelMeta
  readonly files: readonly SelfTestFile[]
  readonly errors: readonly Diagnostic[] /** Random programs beside our model. */
  readonly random: { readonly operations: number; readonly first: Divergence | null }
}

const totals = (r: SelfTestReport) => ({
  files: r.files.length,
  operations: r.files.reduce((n, f) => n + f.operations, 0),
  mismatches: r.files.reduce((n, f) => n + f.mismatches, 0),
  first: r.files.find((f) => f.first !== null)?.first ?? null
})

export function selfTestText(r: SelfTestReport, width: number): string {
  const t = totals(r)
  const out = r.files.map(
    (f) =>
      `${f.file}: ` +
      (f.skipped !== null
        ? `skipped: ${f.skipped}`
        : `${plural(f.operations, 'operation')}, ${plural(f.mismatches, 'difference')}`) +
      ' ' +
      `(recorded on ${f.recordedOn})`
  )
  for (const e of r.errors) out.push(formatDiagnostic(e))
  if (t.first) out.push('', differenceText(t.first))
  if (r.random.first) {
    const whose =
      t.mismatches === 0 && t.operations > 0
        ? 'the recordings agree: either the tree does here what no recording shows, or our model is wrong'
        : "the tree's, as the recordings have it"
    out.push('', `${divergenceText(r.random.first)}  ${whose}`, '')
  }
  // nothing that was run has not diverged
  out.push(
    r.random.operations === 0
      ? 'random programs beside our model: none, they need other builds (tbit conform kernel)'
      : `random programs beside our model: ${plural(r.random.operations, 'operation')}, ` +
          `${r.random.first ? 'one divergence' : 'no divergence'}`
  )
  out.push(
    `${r.meta.tree}: Linux ${r.meta.version}: ${plural(t.files, 'file')}, ${plural(t.operations, 'operation')}, ` +
      `${plural(t.mismatches, 'difference')}`
  )
  return `${fold(out.join('\n'), width)}\n`
}

export const selfTestJson = (r: SelfTestReport): string =>
  JSON.stringify(
    {
      format: 1,
      ...totals(r),
      random: r.random,
      results: r.files.map(({ first: _, ...rest }) => rest),
      kernel: metaJson(r.meta),
      errors: r.errors
    },
    null,
    2
  ) + '\n'

/** What `kernel build` and `kernel test` can write. */
export const kernelFormats = {
  text: { build: kernelBuildText, test: selfTestText },
  json: { build: kernelBuildJson, test: selfTestJson }
} as const satisfies Record<
  string,
  { build(b: KernelBuildReport, width: number): string; test(r: SelfTestReport, width: number): string }
>
