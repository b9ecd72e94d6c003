// `tbit rules` as text, json and markdown: the rules of a platform under a revision.
import { hex, plural } from '../base/index.ts'
import { defaultConfig, type Platform } from '../machine/index.ts'
import type { BeyondT1, Gap, RuleLine } from '../rules/index.ts'
import { limitsLine } from './check-run.ts'
import { accessWords, CERTAINTY, outcomeText, type RulesLook, type RulesReport, tableRows } from './rules-words.ts'
import { wrap } from './wrap.ts'

const switchesOf = (p: Platform): string => p.switches.map((s) => `${s} ${word(defaultConfig[s])}`).join(', ') || 'none'
const word = (v: unknown): string => (v === null ? 'max' : v === true ? 'on' : v === false ? 'off' : String(v))

export function rulesText({ list, skipped }: RulesReport, look: RulesLook = { width: 80, verbose: false }): string {
  const out: string[] = []
  const say = (text: string, indent = '  '): void => {
    out.push(...wrap(text, look.width, indent))
  }
  for (const r of list) {
    say(`${r.platform.name} under ${r.revision.name}: ${r.platform.title}`)
    say(`switches in force: ${switchesOf(r.platform)}`)
    const held = look.verbose ? r.rows : r.rows.filter((x) => x.when === undefined || x.when(defaultConfig))
    out.push('', 'What the hardware does (R read, W write)')
    out.push(
      ...tableRows(
        [
          ['  T', 'alias', 'page', 'access', 'certainty', 'rule'],
          ...held.map((x) => [`  ${x.t}`, x.alias, x.page, accessWords(x), CERTAINTY[x.cert], x.id])
        ],
        look.width,
        (i) => {
          const x = held[i - 1]
          return x === undefined || !look.verbose
            ? []
            : [`source: ${x.source}${x.note ? `: ${x.note}` : ''}${x.switch ? ` (only with ${x.switch})` : ''}`]
        }
      )
    )
    if (held.length < r.rows.length)
      out.push(`  ${plural(r.rows.length - held.length, 'row')} more under other switches`)
    if (r.platform.tdisp) out.push('', ...beyondText(r.beyond, look.width))
    out.push('', `What ${r.revision.name} gives, and what the hardware makes of it`)
    for (const t of new Set(r.lines.map((l) => l.t))) {
      out.push(`  T=${t}`)
      out.push(
        ...tableRows(
          r.lines
            .filter((l) => l.t === t)
            .map((l) => [
              `    ${requestWords(l)}`,
              givenWords(l),
              look.verbose ? l.hardware : l.hardware.replace(/ \[[^\]]+\]$/, '')
            ]),
          look.width
        )
      )
    }
    out.push('', ...gapsText(r.gaps, look.width), '')
  }
  for (const x of skipped) say(`skipped: ${x.kernel} on ${x.platform}: ${x.reason}`)
  if (list.length > 0 && !look.verbose) out.push('-v has every row with its source')
  return `${[...out, limitsLine].join('\n')}\n`
}

/** `dma_map_single, private page, CC_SHARED`. */
const requestWords = (l: RuleLine): string =>
  [
    l.request
      .replace(/^dma_(map_single|map_resource|alloc_coherent)/, '$1')
      .replace('map_single', 'map')
      .replace('alloc_coherent', 'alloc')
      .replace(' of a ', ' '),
    ...(/^dma_map_single$/.test(l.request) ? [`${l.page} page`] : []),
    ...(l.attrs === '-' ? [] : [l.attrs])
  ].join(', ')
const givenWords = (l: RuleLine): string =>
  l.kernel
    .replace(/bit (\d+) \([^)]*\)/g, 'bit $1 set')
    .replace('plain address', 'plain')
    .replace('the address', 'as it is')
    .replace(' memory', '')

const underWords = (b: BeyondT1): string =>
  b.under.some((u) => u.length === 0) ? '' : ` under ${b.under.map((u) => u.join(' and ')).join(', or ')}`
const beyondWords = (b: BeyondT1): string =>
  `${b.page} through ${b.alias}: T=0 ${accessWords(b.t0)} (${b.t0.id}), T=1 ` +
  `${b.t1 === null ? 'unmapped' : `${accessWords(b.t1)} (${b.t1.id})`}${underWords(b)}`

const byDefault = (all: readonly BeyondT1[]): boolean => all.some((b) => b.under.some((u) => u.length === 0))

/** The invariant, and where it does not hold. */
const beyondText = (all: readonly BeyondT1[], width: number): string[] =>
  all.length === 0
    ? ['What T=0 reaches is a subset of what T=1 reaches']
    : [
        'What T=0 reaches is ' +
          (byDefault(all)
            ? 'no subset of what T=1 reaches'
            : 'a subset of what T=1 reaches, but not under every switch'),
        ...all.flatMap((b) => wrap(`* ${beyondWords(b)}`, width - 2, '    ').map((l) => `  ${l}`))
      ]

const gapsText = (gaps: readonly Gap[], width: number): string[] =>
  gaps.length === 0
    ? ['Gaps: none among the requests above']
    : [
        'Gaps: what the platform allows and the revision cannot express',
        ...gaps.flatMap((g) => wrap(`* ${g.what}`, width - 2, '  ').map((l) => `  ${l}`))
      ]

export function rulesJson({ list, skipped }: RulesReport): string {
  return `${JSON.stringify({
    format: 1,
    platforms: list.map((r) => ({
      platform: r.platform.name,
      kernel: r.revision.name,
      switches: Object.fromEntries(r.platform.switches.map((s) => [s, word(defaultConfig[s])])),
      rows: r.rows.map((x) => ({
        id: x.id,
        t: x.t,
        alias: x.alias,
        page: x.page,
        read: x.read,
        write: x.write,
        certainty: x.cert,
        source: x.source,
        switch: x.switch ?? null,
        note: x.note ?? null
      })),
      requests: r.lines.map((l) => ({
        request: l.request,
        t: l.t,
        page: l.page,
        attrs: l.attrs,
        path: l.path.path,
        kernel: l.kernel,
        handle: l.path.handle === null ? null : hex(l.path.handle),
        hardware: l.hardware,
        rule: l.path.read?.rule ?? null
      })),
      gaps: r.gaps.map((g) => g.what),
      beyond: r.beyond.map((b) => ({ page: b.page, alias: b.alias, t0: b.t0.id, t1: b.t1?.id ?? null, under: b.under }))
    })),
    skipped,
    errors: []
  })}\n`
}

const cell = (s: string): string => s.replace(/\|/g, '\\|')
const table = (head: readonly string[], rows: ReadonlyArray<readonly string[]>): string =>
  [
    `| ${head.join(' | ')} |`,
    `|${head.map(() => '---').join('|')}|`,
    ...rows.map((r) => `| ${r.map(cell).join(' | ')} |`)
  ].join('\n')

/** docs/rules.md: made by `tbit rules --format markdown`, checked by a test. Long: the text of one page. */
export function rulesMarkdown({ list }: Pick<RulesReport, 'list'>): string {
  const kernels = [...new Set(list.map((r) => r.revision.name))].join(', ')
  const out: string[] = [
    '# The address and access rules',
    '',
    `Generated by \`tbit rules --format markdown\` for ${kernels}; do not edit. Every line is computed: the ` +
      `kernel's column by running the request through the model of the revision, the hardware's column by the ` +
      `platform's table. Certainty: high = code, or said on the lists by an implementer, or observed; medium = ` +
      'architecture knowledge; low = reconstruction, with a named switch where one can choose. T is the T bit of ' +
      'the request: 1 when the TDI is in RUN.',
    '',
    'An address has two aliases where the platform has a shared bit: P private, S shared (on SNP: the C-bit that ' +
      'the IOMMU uses, P is C=1; on an SME host: the C-bit of the address). Page states: `priv` private and ' +
      'populated, `unas` private range with nothing behind it, `shr` shared and mapped by the host, `shr_unmapped` ' +
      'shared without a mapping, `shr_realm` a shared mapping of a protected granule, `pmmio` TEE range of a ' +
      'device in RUN, `pmmio_empty` of one that nobody has accepted, `pmmio_down` of one that has left RUN, ' +
      '`smmio` NON_TEE range.',
    '',
    'In short: a T=0 device reaches shared memory through the shared alias. A T=1 device reaches private memory ' +
      'at the plain address, and on Arm CCA and TDX shared memory through the shared alias, which is the same ' +
      'address as for T=0.',
    ''
  ]
  for (const r of list) {
    out.push(
      `## ${r.platform.name}`,
      '',
      `${r.platform.title}. Switches: ${switchesOf(r.platform)}.`,
      '',
      '### What the hardware does',
      ''
    )
    out.push(
      table(
        ['T', 'alias', 'page', 'read', 'write', 'certainty', 'source', 'rule'],
        r.rows.map((x) => [
          String(x.t),
          x.alias,
          x.page,
          outcomeText(x.read),
          outcomeText(x.write),
          CERTAINTY[x.cert],
          `${x.source}${x.switch ? ` (\`${x.switch}\`)` : ''}${x.note ? `: ${x.note}` : ''}`,
          x.id
        ])
      ),
      ''
    )
    if (r.platform.tdisp)
      out.push(
        'With `xt on` a T=1 request asserts its target: a TEE target reached through P behaves as above, a ' +
          'non-TEE target (a CC_SHARED mapping) through S as above, and each the other way faults as XT_MISMATCH. ' +
          'Certainty low: the encoding is not confirmed from the specification.',
        ''
      )
    if (r.platform.tdisp)
      out.push(
        '### Is what T=0 reaches a subset of what T=1 reaches?',
        '',
        r.beyond.length === 0
          ? 'Yes, under every setting of the switches.'
          : byDefault(r.beyond)
            ? 'No:'
            : 'Yes, but not under every switch:',
        '',
        ...r.beyond.map((b) => `* ${beyondWords(b)}`),
        ''
      )
    out.push(`### What ${r.revision.name} gives`, '')
    out.push(
      table(
        ['T', 'request', 'page', 'attributes', 'kernel', 'hardware'],
        r.lines.map((l) => [String(l.t), l.request, l.page, l.attrs, l.kernel, l.hardware])
      ),
      ''
    )
    out.push('### Gaps', '')
    out.push(
      r.gaps.length === 0
        ? 'None among the requests above.'
        : 'What the platform allows and the revision cannot express:',
      '',
      ...r.gaps.map((g) => `* ${g.what}`),
      ''
    )
  }
  return `${out
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trimEnd()}\n`
}
