// `tbit rules --format comment`: the address rule of a platform under a revision, with its gaps, as a comment one can
// put into the kernel: at most 80 columns and a screen. Everything in it comes from the platform's rows and from
// running the requests.
import { defaultConfig, lookup, type PageClass, type Platform } from '../machine/index.ts'
import type { Gap, PlatformRules } from '../rules/index.ts'
import { accessWords, type RulesReport } from './rules-words.ts'
import { wrap } from './wrap.ts'

const WIDTH = 80

export function rulesComment({ list, skipped }: RulesReport): string {
  const out = list.map((r) => comment(ruleLines(r)))
  for (const x of skipped) out.push(comment([`${x.kernel} on ${x.platform}: skipped, ${x.reason}`]))
  return `${out.join('\n\n')}\n`
}

/** Paragraphs as a kernel comment. An empty line stays one; a line that begins with a blank is kept as it is. */
export function comment(lines: readonly string[]): string {
  const body = lines.flatMap((l) =>
    l === '' ? [''] : l.startsWith(' ') ? [l] : wrap(l, WIDTH - 3, l.startsWith('- ') ? '  ' : '')
  )
  return ['/*', ...body.map((l) => ` * ${l}`.trimEnd()), ' */'].join('\n')
}

// How the two aliases of a page are told apart, in a sentence and as a word each.
function aliases(p: Platform): { readonly say: string; readonly P: string; readonly S: string } {
  const shared = p.sharedBit(defaultConfig)
  switch (p.deviceAlias) {
    case 'shared_bit':
      return {
        say:
          `A page has a plain address (the private alias) and one with bit ${Math.log2(shared)} set (the shared ` +
          'alias).',
        P: 'plain',
        S: `bit ${Math.log2(shared)} set`
      }
    case 'c_bit':
      return {
        say:
          `A page has an address with bit ${Math.log2(p.encBit)} set (the C-bit: encrypted) and a plain one ` +
          '(decrypted).',
        P: `bit ${Math.log2(p.encBit)} set`,
        S: 'plain'
      }
    case 'device_table':
      return {
        say:
          "A page has one address. The device's table entry makes it private, or shared at or above vTOM, which is " +
          'at its maximum.',
        P: 'below vTOM',
        S: 'above vTOM'
      }
    case 'none':
      return { say: 'A page has one address.', P: 'any', S: 'any' }
  }
}

function ruleLines(r: PlatformRules): string[] {
  const { platform: p, revision } = r
  const { say, P, S } = aliases(p)
  const given = givenBy(r)
  const rows: string[][] = [['T', 'page', 'address', 'access', 'given by']]
  for (const t of p.tdisp ? ([0, 1] as const) : ([0] as const))
    for (const page of ['priv', 'shr'] as const) {
      const [a, b] = [lookup(p.rows, defaultConfig, t, 'P', page), lookup(p.rows, defaultConfig, t, 'S', page)]
      const one = a === b || P === S
      for (const [alias, row] of one
        ? ([['P', a]] as const)
        : ([
            ['P', a],
            ['S', b]
          ] as const)) {
        const requests = one
          ? [...(given.get(key(t, page, 'P')) ?? []), ...(given.get(key(t, page, 'S')) ?? [])]
          : (given.get(key(t, page, alias)) ?? [])
        rows.push([
          String(t),
          page === 'priv' ? 'private' : 'shared',
          one ? 'any' : alias === 'P' ? P : S,
          row === null ? 'fault' : accessWords(row),
          [...new Set(requests)].join(', ') || '-'
        ])
      }
    }
  const refused = r.lines
    .filter((l) => isPlain(l.request) && l.path.path === 'error')
    .map((l) => `T=${l.t}: ${short(l.request, l.page, l.attrs)}: ${l.path.error ?? ''}`)
  return [
    `DMA addresses: ${p.title}, as ${revision.name} gives them.`,
    '',
    `${say}${p.tdisp ? ' T is the T bit of a request: 1 once the device is accepted and runs.' : ''}` +
      `${p.tdisp && r.lines.every((l) => l.t === 0) ? ' No device can be accepted here.' : ''} map is ` +
      'dma_map_single(), alloc is dma_alloc_coherent().',
    '',
    ...table(rows),
    '',
    ...(refused.length > 0 ? [`Refused: ${refused.join('; ')}.`, ''] : []),
    ...(r.gaps.length === 0
      ? ['No gaps: what the platform allows can be asked for.']
      : ['Gaps, which the platform allows and this kernel cannot express:', ...gapLines(r.gaps)]),
    '',
    `Computed: tbit rules --format comment --platform ${p.name} --kernel ` +
      `${/ /.test(revision.name) ? `'${revision.name}'` : revision.name}`
  ]
}

const key = (t: 0 | 1, page: PageClass, alias: 'P' | 'S'): string => `${t}|${page}|${alias}`
/** The requests that the rule is about; the others of the table show limits of device and pool. */
const isPlain = (request: string): boolean => request === 'dma_map_single' || request === 'dma_alloc_coherent'
const short = (request: string, page: string, attrs: string): string =>
  `${request === 'dma_map_single' ? `map ${page}` : 'alloc'}${attrs === '-' ? '' : ` ${attrs}`}`

// Which requests lead to which line: by the page that the device is sent to and the alias it is sent through.
function givenBy(r: PlatformRules): Map<string, string[]> {
  const out = new Map<string, string[]>()
  for (const l of r.lines) {
    const { path } = l
    if (!isPlain(l.request) || path.state === null || path.read === null) continue
    const k = key(l.t, path.state, path.read.alias ?? 'P')
    out.set(k, [
      ...(out.get(k) ?? []),
      `${short(l.request, l.page, l.attrs)}${path.path === 'bounced' ? ' (bounced)' : ''}`
    ])
  }
  return out
}

// The last column goes on below itself.
function table(rows: ReadonlyArray<readonly string[]>): string[] {
  const widths = [0, 1, 2, 3].map((i) => Math.max(...rows.map((r) => (r[i] ?? '').length)))
  const start = 2 + widths.reduce((n, w) => n + w + 2, 0)
  return rows.flatMap((r) => {
    const head = `  ${r
      .slice(0, 4)
      .map((c, i) => c.padEnd((widths[i] ?? 0) + 2))
      .join('')}`
    return wrap(r[4] ?? '', WIDTH - 3 - start, '').map((l, i) => `${i === 0 ? head : ' '.repeat(start)}${l}`.trimEnd())
  })
}

/** Gaps with one reason stand in one paragraph: when, what comes of them, which. */
function gapLines(gaps: readonly Gap[]): string[] {
  const groups = new Map<string, string[]>()
  for (const g of gaps) {
    const why = `T=${g.t}, ${g.why
      .replace(/ \[[^\]]+\]/g, '')
      .replace(/^plain: /, '')
      .replace('; CC_SHARED: ', ', with CC_SHARED ')}`
    const request = g.request
      .replace(/ of a private page$/, '')
      .replace('dma_map_single', 'map')
      .replace('dma_alloc_coherent', 'alloc')
      .replace('dma_map_resource', 'map_resource')
    groups.set(why, [...(groups.get(why) ?? []), request])
  }
  return [...groups].map(([why, requests]) => `- ${why}: ${requests.join('; ')}`)
}
