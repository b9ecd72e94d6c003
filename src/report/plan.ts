// `tbit plan` as text and as JSON.
import { Bytes, columns, hex, plural } from '../base/index.ts'
import { coverage, type Handler, heldAgainst } from '../machine/rmm/index.ts'
import {
  type Cost,
  type CostTable,
  type Decides,
  decides,
  defaultCosts,
  type Elsewhere,
  type PlanResult,
  type PlanSpec,
  type Range,
  sumCounts,
  UNIT_NS,
  vmmProfiles
} from '../plan/index.ts'
import { bullet, wrap } from './wrap.ts'

/** What the RIM part of a report says. */
export interface RimReport {
  readonly algo: 'sha256' | 'sha384' | 'sha512'
  readonly sha256: string | null
  readonly sha384: string | null
  readonly sha512: string | null
  readonly extensions: number
  /** Seconds the chain takes on this machine, measured on a short piece of it; null when it was computed. */
  readonly expectedSeconds: number | null
  /** The boot REC is included. */
  readonly withRec: boolean
  /** The parameters of REALM_CREATE in it, in words. */
  readonly measured: string
  /** Why there is no value, or null. */
  readonly missing: string | null
  /** What is uncertain about the value, or null. */
  readonly note: string | null
}

const thousands = (n: number): string => String(Math.round(n)).replace(/\B(?=(\d{3})+(?!\d))/g, ',')
const few = (n: number): string => (Number.isInteger(n) ? String(n) : n.toFixed(n < 100 ? 2 : 1).replace(/\.?0+$/, ''))
export const units = (c: Cost): string => range(c.low, c.high, short)
/** A count in three digits and a letter. */
export const short = (n: number): string =>
  n >= 1e15
    ? n.toExponential(1)
    : n >= 1e12
      ? `${few(n / 1e12)} T`
      : n >= 1e9
        ? `${few(n / 1e9)} G`
        : n >= 1e6
          ? `${few(n / 1e6)} M`
          : n >= 1e4
            ? `${few(n / 1e3)} k`
            : few(n)
const range = (low: number, high: number, show: (n: number) => string): string =>
  low === high ? show(low) : `${show(low)}-${show(high)}`
const counts = (c: Readonly<Record<string, number>>): string =>
  Object.entries(c)
    .filter(([, n]) => n > 0)
    .map(([k, n]) => (n === 1 ? k : `${thousands(n)} ${k}`))
    .join(', ') || 'nothing'
const steps = (c: Readonly<Record<string, number>>): string => plural(sumCounts(c), 'step')

const TIMES = [
  ['y', 3.15576e16],
  ['d', 8.64e13],
  ['h', 3.6e12],
  ['min', 6e10],
  ['s', 1e9],
  ['ms', 1e6],
  ['us', 1e3]
] as const
/** A span of nanoseconds, both ends in the unit of the larger: two digits that count. */
export function span([low, high]: Range): string {
  const [unit, ns] = TIMES.find(([, n]) => high >= 2 * n) ?? TIMES[TIMES.length - 1] ?? ['us', 1e3]
  const show = (v: number): string => {
    const x = v / ns
    return x >= 1e6 ? x.toExponential(1) : x >= 10 ? String(Math.round(x)) : Number(x.toPrecision(2)).toString()
  }
  return `${show(low) === show(high) ? show(low) : `${show(low)}-${show(high)}`} ${unit}`
}

export function leaves(r: PlanResult): string {
  const parts = (['1G', '2M', '4K'] as const)
    .filter((b) => r.blocks[b] > 0)
    .map((b) => `${r.blocks[b] < 1e5 ? thousands(r.blocks[b]) : short(r.blocks[b])} x ${b}`)
  return parts.join(' + ') || 'none'
}

export const dma = (r: PlanResult): string => {
  const steady = r.dma.steady === 'never' ? 'never' : 'untouched'
  return r.dma.window === 0
    ? steady
    : `${steady}; ${r.dma.windows === 2 ? 'twice' : 'once'} ${Bytes.format(r.dma.window)}`
}

export const nameOf = (r: PlanResult): string => `${r.spec.strategy}, ${r.spec.firmware}`

/** What the plans are for. */
export function guestText(s: PlanSpec): string {
  const images =
    s.images.length === 0
      ? 'no image'
      : s.images.map((i) => `${i.name}@${hex(i.addr)} (${Bytes.human(i.size)})`).join(', ')
  const vmm = s.vmm === null ? [] : [`by ${s.vmm} (${vmmProfiles[s.vmm].about})`]
  return [
    `${Bytes.human(s.ramSize)} of RAM at ${hex(s.ramBase)}`,
    `host pages ${s.page}`,
    `IPA ${s.geo.s2sz} bits (start level ${s.geo.start}, ${plural(s.geo.num, 'root table')})`,
    plural(s.vcpus, 'vCPU'),
    plural(s.cpus, 'host CPU'),
    images,
    ...vmm
  ].join(', ')
}

/** The plans side by side: what they call, what they leave, what a page costs afterwards. */
function planTables(rs: readonly PlanResult[]): string[] {
  const cpus = rs[0]?.spec.cpus ?? 1
  const work = [['plan', 'calls', 'granules', 'units', `time, ${plural(cpus, 'CPU')}`]]
  const maps = [['plan', 'maps', 'share', 'back']]
  const left = [['plan', 'tables (peak)', '1G blocks', 'T=1 DMA faults']]
  for (const r of rs) {
    const c = r.conversion
    work.push([nameOf(r), short(r.total), short(r.granules.protection), units(r.cost), span(r.time.total)])
    maps.push([nameOf(r), leaves(r), c === null ? '-' : units(c.toShared), c === null ? '-' : units(c.toPrivate)])
    left.push([nameOf(r), `${Bytes.human(r.tableBytes)} (${Bytes.human(r.peakTableBytes)})`, r.oneGig, dma(r)])
  }
  return [columns(work), '', columns(maps), '', columns(left)]
}

/** Where the figures come from, in sentences. */
export function basis(costs: CostTable): string[] {
  const ns = costs.unitNs ?? UNIT_NS
  const zero = costs.zeroGbs === null ? '' : `, zeroing at ${range(costs.zeroGbs[0], costs.zeroGbs[1], few)} GB/s a CPU`
  const machine = costs.machineGbs === null ? '' : `, memory at ${few(costs.machineGbs)} GB/s`
  const from = costs.unitNs === null ? 'an inference; --costs FILE gives your own' : 'from the cost file'
  return [
    'granules: those that change hands. share, back: one page shared and taken back when the plan is done. ' +
      `units: of one ${costs.unit}, reconstructed from what the code does, not measured` +
      `${costs.replaced.length > 0 ? `; replaced by the cost file: ${costs.replaced.join(', ')}` : ''}.`,
    `time: ${range(ns[0], ns[1], few)} ns a unit (${from})${zero}${machine}. T=1 DMA faults: when the plan is ` +
      'done; and for how much memory, for a moment, while one page is shared and (lazy) taken back.'
  ]
}

/** The host's own side, and the same guest on other platforms. */
function elsewhereLines(e: Elsewhere): string[] {
  const t0 = [['T=0 side', 'entries', 'pinned, kB', 'share, back', 'private page']]
  for (const t of e.t0)
    t0.push([
      t.short,
      t.entries < 1e9 ? thousands(t.entries) : short(t.entries),
      thousands(t.pinned / 1024),
      `${sumCounts(t.toShared)}, ${steps(t.toPrivate)}`,
      t.faultKind
    ])
  const other = [['elsewhere', 'calls', 'before use', 'share, back', 'T=1 DMA faults']]
  for (const c of e.counterparts)
    other.push([
      `${c.name}, ${c.mode}`,
      short(sumCounts(c.commands)),
      short(c.before),
      `${sumCounts(c.toShared)}, ${steps(c.toPrivate)}`,
      c.mode === 'eager' ? 'never' : 'until accepted'
    ])
  return [columns(t0), '', columns(other)]
}

/** `--elsewhere`: the same in commands. */
function elsewhereText(e: Elsewhere): string[] {
  const para = (text: string, width = 80): string[] => wrap(text, width, '  ')
  const out: string[] = []
  for (const t of e.t0)
    out.push(
      ...para(
        `${t.name}: share a page: ${counts(t.toShared)}; take it back: ${counts(t.toPrivate)}; ${t.fault}; ` +
          `needs: ${t.needs}`
      )
    )
  for (const c of e.counterparts) {
    out.push(
      ...para(
        `${c.name}, ${c.mode}: ${counts(c.commands)}` +
          `${c.cost === null ? '' : `; ${range(c.cost[0], c.cost[1], short)} units (${c.scale})`}`
      )
    )
    if (c.mode === 'eager')
      out.push(
        ...[
          `share a page: ${counts(c.toShared)}`,
          `take it back: ${counts(c.toPrivate)}`,
          `blocks: ${c.blocks}`
        ].flatMap((l) => para(l, 78).map((x) => `  ${x}`))
      )
    out.push(...para(`T=1 DMA: ${c.t1}`, 78).map((x) => `  ${x}`))
  }
  return out
}

const BAR = 44
const bar = (percent: number): string => '#'.repeat(Math.round((percent / 100) * BAR)).padEnd(BAR)

/** The thread's question in words, with the picture. */
function decidesLines(d: Decides): string[] {
  const [pages, folded, today, spec, gpt] = d.ways
  if (pages === undefined || folded === undefined || today === undefined || spec === undefined || gpt === undefined)
    return []
  const s = d.shares
  const percent = (n: number): string => `${n < 0.05 ? '0' : n.toFixed(n < 10 ? 1 : 0)} %`
  const rows = [['', 'calls', 'GPT changes', '1 CPU', plural(d.cpus, 'CPU')]]
  for (const w of d.ways)
    rows.push([`${w.what}, ${w.firmware}`, short(w.calls), short(w.changes), span(w.one), span(w.many)])
  return [
    'Do 1G pages make it fast?',
    ...wrap(
      `Alone they change nothing: a VMM that has them still makes ${short(folded.calls)} calls on v0.8.0 (with ` +
        `4K pages ${short(pages.calls)}) and ${short(today.calls)} on tf-rmm-9a7f8ef4, which delegates a granule a ` +
        'call. ' +
        `Where one call takes a gigabyte (spec-2.0) ${short(spec.calls)} are left, but the protection of ` +
        `${short(spec.changes)} granules still changes one by one, and as many are zeroed. That is all of the ` +
        'time:',
      78
    ).map((l) => `  ${l}`),
    ...(
      [
        ['calls', s.calls],
        ['protection', s.protection],
        ['zeroing', s.zeroing],
        ['the rest', s.rest]
      ] as const
    ).map(([k, n]) => `  ${k.padEnd(10)} |${bar(n)}| ${percent(n)}`),
    columns(rows)
      .split('\n')
      .map((l) => `  ${l}`)
      .join('\n'),
    ...wrap(
      `A GPT that changes a gigabyte at a time leaves zeroing: ${span(gpt.one)} on one CPU, ${span(gpt.many)} on ` +
        `${d.cpus}, as long as memory keeps up.`,
      78
    ).map((l) => `  ${l}`)
  ]
}

/** The strategies, the T=0 side, the same guest elsewhere, the answer; commands by name when there is one plan. */
export function planText(
  rs: readonly PlanResult[],
  e: Elsewhere,
  costs: CostTable,
  rim: RimReport | null,
  details = false
): string {
  const first = rs[0]
  if (first === undefined) return ''
  const single = rs.length === 1
  const out: string[] = [
    ...wrap(guestText(first.spec), 80),
    '',
    ...planTables(rs),
    '',
    ...basis(costs).flatMap((t) => wrap(t, 80)),
    ''
  ]
  if (single) {
    const r = first
    out.push(...wrap(`${nameOf(r)}: ${counts(r.commands)}`, 80, '  '))
    if (r.faults > 0) out.push(`  ${thousands(r.faults)} ${r.faults === 1 ? 'touch' : 'touches'} of the guest fault`)
    if (r.conversion !== null)
      out.push(
        bullet('  share a page: ', counts(r.conversion.commandsToShared)),
        bullet('  take it back: ', counts(r.conversion.commandsToPrivate))
      )
    out.push('')
  }
  out.push(...elsewhereLines(e))
  if (details) out.push('', ...elsewhereText(e))
  if (!single)
    out.push(
      '',
      ...decidesLines(decides(first.spec, costs)),
      '',
      "--strategy NAME: one plan with its commands; --elsewhere: the other platforms'."
    )
  if (rim !== null) out.push('', rimText(rim))
  return `${out.join('\n')}\n`
}

function rimText(r: RimReport): string {
  const lines: string[] = []
  const what = r.withRec ? 'with the boot REC' : 'before the first REC_CREATE (--entry PC adds the boot REC)'
  for (const algo of ['sha256', 'sha384', 'sha512'] as const) {
    const v = r[algo]
    if (v === null) continue
    // Digests of more than 64 digits stand on a line of their own, in two where they must.
    lines.push(
      ...(v.length <= 64 ? [`RIM ${algo} ${v}`] : [`RIM ${algo}`, ...(v.match(/.{1,64}/g) ?? []).map((l) => `  ${l}`)])
    )
  }
  if (r.missing !== null) lines.push(...wrap(`RIM: ${r.missing}`, 80))
  lines.push(...wrap(`${plural(r.extensions, 'extension')}, ${what}; ${r.measured}`, 78).map((l) => `  ${l}`))
  if (r.note !== null) lines.push(...wrap(r.note, 78).map((l) => `  ${l}`))
  return lines.join('\n')
}

const costJson = (c: Cost) => ({ low: c.low, mid: c.mid, high: c.high })

function planObject(r: PlanResult): Record<string, unknown> {
  return {
    strategy: r.spec.strategy,
    rmi: r.spec.generation,
    firmware: r.spec.firmware,
    vmm: r.spec.vmm,
    commands: r.commands,
    total_commands: r.total,
    table_bytes: r.tableBytes,
    table_bytes_peak: r.peakTableBytes,
    tables: r.tableBytes / 4096,
    cost_units: r.cost.mid,
    cost_units_range: [r.cost.low, r.cost.high],
    granules: { protection: r.granules.protection, zeroed: r.granules.zeroed },
    time_ns_range: r.time.total,
    time_ns_by: r.time.kinds,
    blocks: r.blocks,
    faults: r.faults,
    rim_extensions: r.extensions,
    conversion:
      r.conversion === null
        ? null
        : {
            to_shared: { commands: r.conversion.commandsToShared, cost_units: costJson(r.conversion.toShared) },
            to_private: { commands: r.conversion.commandsToPrivate, cost_units: costJson(r.conversion.toPrivate) }
          },
    t1_dma: { faults: r.dma.steady, window_bytes: r.dma.window, windows_per_conversion: r.dma.windows },
    one_gig_blocks: r.oneGig
  }
}

const oneOrBoth = (r: Range | null): number | Range | null => (r !== null && r[0] === r[1] ? r[0] : r)

/** `--format json`: the chosen plan's fields on top, all plans side by side in `plans`. */
function planJson(
  chosen: PlanResult,
  rs: readonly PlanResult[],
  e: Elsewhere,
  costs: CostTable,
  rim: RimReport
): string {
  const s = chosen.spec
  const ns = costs.unitNs
  return `${JSON.stringify(
    {
      format: 1,
      ...planObject(chosen),
      rim: rim[rim.algo],
      rim_algorithm: rim.algo,
      rims: { sha256: rim.sha256, sha384: rim.sha384, sha512: rim.sha512 },
      rim_extensions: rim.extensions,
      rim_includes_rec: rim.withRec,
      rim_expected_seconds: rim.expectedSeconds,
      rim_missing: rim.missing,
      rim_note: rim.note,
      rim_parameters: s.measured,
      cost_scale: {
        unit: costs.unit,
        unit_ns: oneOrBoth(ns),
        zero_gb_s: oneOrBoth(costs.zeroGbs),
        machine_gb_s: costs.machineGbs,
        kind: costs.replaced.length > 0 ? 'relative units, partly replaced' : 'relative units, reconstruction',
        replaced: costs.replaced
      },
      ...(ns === null ? {} : { time_ns: (chosen.time.total[0] + chosen.time.total[1]) / 2 }),
      cpus: s.cpus,
      guest: {
        ram_base: s.ramBase,
        ram_size: s.ramSize,
        page: s.page,
        ipa_bits: s.geo.s2sz,
        start_level: s.geo.start,
        root_tables: s.geo.num,
        vcpus: s.vcpus,
        images: s.images.map((i) => ({ name: i.name, addr: i.addr, size: i.size }))
      },
      plans: rs.map(planObject),
      t0: e.t0,
      counterparts: e.counterparts,
      decides: decides(s, costs)
    },
    null,
    2
  )}\n`
}

/** `--coverage`: what is modelled, and how well its rules are known. */
export function coverageText(): string {
  const out: string[] = []
  for (const i of coverage) {
    const part = i.commands.filter((c) => c.modelled === 'part')
    const modelled = i.commands.filter((c) => c.modelled !== 'no')
    const names = (lead: string, of: readonly Handler[]): void => {
      if (of.length > 0)
        out.push(
          bullet(
            `  ${lead}: `,
            of
              .map((c) => c.name)
              .sort()
              .join(' ')
          )
        )
    }
    out.push(
      `${i.side} ${i.generation}: ${modelled.length} of ${i.commands.length} commands modelled` +
        `${part.length > 0 ? `, ${part.length} in part` : ''}`
    )
    if (i.side === 'RMI') out.push(`  firmware: ${heldAgainst[i.generation]}`)
    names(
      'recorded',
      modelled.filter((c) => c.held === 'recorded')
    )
    names(
      'read    ',
      modelled.filter((c) => c.held === 'read')
    )
    for (const c of part) out.push(bullet('  in part: ', `${c.name}: ${c.note ?? ''}`))
    const notes = new Map<string, Handler[]>()
    for (const c of i.commands)
      if (c.modelled === 'no') notes.set(c.note ?? '', [...(notes.get(c.note ?? '') ?? []), c])
    for (const [note, of] of notes)
      out.push(
        bullet(
          '  no: ',
          `${note}: ${of
            .map((c) => c.name)
            .sort()
            .join(' ')}`
        )
      )
  }
  out.push(
    'recorded: held against sequences recorded from the firmware; read: as its source',
    'has it, not seen running here'
  )
  return `${out.join('\n')}\n`
}

function coverageJson(): string {
  return `${JSON.stringify(
    {
      format: 1,
      coverage: coverage.map((i) => ({
        generation: i.generation,
        side: i.side,
        total: i.commands.length,
        modelled: i.commands.filter((c) => c.modelled !== 'no').length,
        ...(i.side === 'RMI' ? { firmware: heldAgainst[i.generation] } : {}),
        commands: i.commands.map((c) => ({
          name: c.name,
          modelled: c.modelled,
          held: c.held,
          ...(c.note === undefined ? {} : { note: c.note })
        }))
      }))
    },
    null,
    2
  )}\n`
}

/** The cost table with its reasons. */
function costTableText(): string {
  return (
    columns([
      ['key', 'units', 'why'],
      ...Object.entries(defaultCosts).map(([k, r]) => [
        k,
        r.cost[0] === r.cost[1] ? few(r.cost[0]) : `${few(r.cost[0])}-${few(r.cost[1])}`,
        r.why
      ])
    ]) + '\n'
  )
}

/** The same as json. */
function costTableJson(): string {
  return (
    JSON.stringify(
      {
        format: 1,
        unit: 'SMC round trip',
        costs: Object.entries(defaultCosts).map(([key, r]) => ({ key, low: r.cost[0], high: r.cost[1], why: r.why }))
      },
      null,
      2
    ) + '\n'
  )
}

/** What `plan` can write: a plan, what is modelled, the costs in force. */
export const planFormats = {
  text: {
    plan: (
      _chosen: PlanResult,
      rs: readonly PlanResult[],
      e: Elsewhere,
      costs: CostTable,
      rim: RimReport,
      details: boolean
    ): string => planText(rs, e, costs, rim, details),
    coverage: coverageText,
    costs: costTableText
  },
  json: { plan: planJson, coverage: coverageJson, costs: costTableJson }
} as const satisfies Record<
  string,
  {
    plan(
      chosen: PlanResult,
      rs: readonly PlanResult[],
      e: Elsewhere,
      costs: CostTable,
      rim: RimReport,
      details: boolean
    ): string
    coverage(): string
    costs(): string
  }
>
