// `tbit conform rmm` as text and as JSON.
import { hex, plural } from '../base/index.ts'
import { type Defect, defectText, lookedAt, type RmmConformance, type RmmMismatch } from '../conform/rmm.ts'
import type { Answer } from '../conform/rmm-commands.ts'
import { wrap } from './wrap.ts'
import { type FirmwareHazard, type FirmwareHunt, HUNTED } from '../conform/rmm-hangs.ts'
import { heldAgainst } from '../machine/rmm/index.ts'

/** A profile of the model in words. */
const firmwareName = (f: string): string =>
  f === 'v0.8.0' ? heldAgainst['1.x'] : f === 'spec-2.0' ? 'the specification of RMI 2.0' : heldAgainst['2.0']

/** Commands of a defect that are shown; JSON has all. */
const SHOWN = 3

/** Where the recorded firmware stopped, by reason. */
function defectLines(defects: readonly Defect[]): string[] {
  const reasons = new Map<string, Defect[]>()
  for (const d of defects) {
    const reason = d.stop ?? 'the model knows no reason'
    reasons.set(reason, [...(reasons.get(reason) ?? []), d])
  }
  const out: string[] = []
  for (const [reason, all] of reasons) {
    out.push(
      `the recorded firmware stopped in ${plural(all.length, 'sequence')}:`,
      ...wrap(reason, 78).map((l) => `  ${l}`)
    )
    for (const d of all.slice(0, SHOWN))
      out.push(
        ...wrap(`${d.sequence}: ${d.cmd}; the model answers ${d.status}`, 74).map((l, i) =>
          i === 0 ? `    ${l}` : `      ${l}`
        )
      )
    if (all.length > SHOWN) out.push(`    ... and ${all.length - SHOWN} more (--format json has all)`)
  }
  return out
}

/** A difference; the command stands on a line of its own where the line would be too long. */
function mismatchLines(m: RmmMismatch): string[] {
  const where = `${m.file}: ${m.sequence}, step ${m.step}:`
  const first =
    where.length + 1 + m.cmd.length <= 80 ? [`${where} ${m.cmd}`] : [where, ...wrap(m.cmd, 76).map((l) => `    ${l}`)]
  return [...first, `  ${m.field}: recorded ${m.recorded}, model ${m.model}`]
}

/** A command with the model's answer, as the sequence language writes it; what has no place there stands behind `#`. */
export function answerLine(cmd: string, a: Answer): string {
  const looked = lookedAt(a)
  const words =
    looked ??
    (a.status === undefined
      ? []
      : [a.status, ...(a.index || a.out !== undefined ? [String(a.index ?? 0)] : []), ...(a.out ?? []).map(hex)])
  const numbers = (name: string, v: readonly number[] | undefined): string[] =>
    v === undefined ? [] : [`${name} ${v.map(hex).join(' ')}`]
  const more = [
    ...(a.exit === undefined ? [] : [`exit ${a.exit}`]),
    ...numbers('ripas', a.ripas),
    ...numbers('rsi', a.rsi),
    ...numbers('dev_mem', a.dev_mem),
    ...(a.vdev_id === undefined ? [] : [`vdev_id ${a.vdev_id}`]),
    ...(a.list === undefined ? [] : [`list ${a.list.join(',')}`]),
    ...(a.stop === undefined ? [] : [`the firmware does not answer: ${a.stop}`])
  ]
  return (
    `${cmd}${words.length === 0 ? '' : ` => ${words.join(' ')}`}` +
    `${more.length === 0 ? '' : `  # ${more.join('; ')}`}`
  )
}

/**
 * What was replayed, what disagreed, and what the comparison could not reach; the errors have gone to stderr, as with
 * every other text.
 */
function conformRmmText(files: number, c: RmmConformance, most: number): string {
  const out: string[] = []
  for (const m of c.mismatches.slice(0, most)) out.push(...mismatchLines(m))
  if (c.mismatches.length > most) out.push(`  ... and ${c.mismatches.length - most} more (--max shows more)`)
  out.push(...defectLines(c.defects))
  out.push(
    `${plural(files, 'file')}, ${plural(c.sequences, 'sequence')}, ${plural(c.operations, 'command')}: ` +
      `${plural(c.mismatches.length, 'mismatch', 'mismatches')}`
  )
  for (const [firmware, n] of c.firmwares) out.push(`held against ${firmwareName(firmware)}: ${plural(n, 'sequence')}`)
  out.push(`compared: ${plural(c.compared, 'recorded value')}; ${plural(c.rims, 'RIM')} recomputed`)
  if (c.rimsConstancy > 0)
    out.push(`${plural(c.rimsConstancy, 'RIM')} after a REC_CREATE: only their constancy is recorded`)
  if (c.unaligned > 0)
    out.push(`${plural(c.unaligned, 'sequence')} without BASE: recorded where g0 is not 1 GiB aligned`)
  return `${out.join('\n')}\n`
}

function conformRmmJson(files: number, c: RmmConformance): string {
  return `${JSON.stringify(
    {
      format: 1,
      conform: 'rmm',
      files,
      sequences: c.sequences,
      operations: c.operations,
      compared: c.compared,
      mismatches: c.mismatches.length,
      first: c.mismatches[0] ?? null,
      firmwares: Object.fromEntries(c.firmwares),
      rims: { recomputed: c.rims, constancy: c.rimsConstancy },
      unaligned: c.unaligned,
      defects: c.defects.map(defectText),
      list: c.mismatches,
      errors: c.errors
    },
    null,
    2
  )}\n`
}

/** `--hangs`: what the recorded firmware does not answer. */
function hangsText(h: FirmwareHunt): string {
  const out: string[] = []
  for (const z of h.hazards) {
    const [kind = '', ...rest] = z.identity.split(': ')
    out.push(...wrap(`${kind}: ${rest.join(': ')}`, 80, '  '))
    out.push(...z.commands.map((c, i) => (z.commands.length === 1 ? `  ${c}` : `  CPU ${i + 1}: ${c}`)))
    if (z.schedule.length > 0) out.push(`  in turns: ${z.schedule.map((c) => c + 1).join(' ')}`)
    out.push(...wrap(z.recorded, 78).map((l) => `  ${l}`))
    if (z.answer !== null) out.push(`  the model answers ${z.answer}`)
  }
  out.push(
    `${plural(h.hazards.length, 'finding')}; ${plural(h.alone, 'command')} tried alone, ` +
      `${plural(h.pairs, 'pair')} (--format mail: in full)`
  )
  out.push(HANGS_COVER)
  return `${out.join('\n')}\n`
}

const HANGS_COVER = 'covered: tables, data and granules of RMI 2.0; not REC, PDEV and VDEV commands'

/** Columns of what is pasted into a mail. */
const MAIL = 78

/** What happens in words, what comes of it, and a way out of it, by kind. */
const words: Readonly<
  Record<
    FirmwareHazard['kind'],
    { readonly title: (names: string) => string; readonly harm: string; readonly out: string }
  >
> = {
  'self-deadlock': {
    title: (names) => `${names} waits for a lock that it holds`,
    harm:
      'One command of the host never returns: its CPU stays in the firmware, and the locks that the command holds ' +
      'are held for ever, so that every later command on them waits, too.',
    out:
      'The walk has locked the table in state RTT, so no second lock is needed to know that this granule is not ' +
      'DELEGATED.'
  },
  deadlock: {
    title: (names) => `${names} on two CPUs wait for each other`,
    harm: 'Two commands of the host never return, and what they hold stays locked.',
    out: 'One order of these locks in both commands, or a try-lock whose failure is answered.'
  },
  assertion: {
    title: (names) => `${names} stops at an assertion`,
    harm: 'One command of the host stops a build with assertions; what one without them does was not looked at.',
    out: 'A check of the level before the walk.'
  }
}

/** A finding as one reports it: the whole sequence, who holds what, what was recorded, what should be answered. */
function hangMail(z: FirmwareHazard): string[] {
  const two = z.commands.length > 1
  const names = z.commands.map((c) => c.split(' ')[0]).join(' and ')
  const out = [
    `Subject: [BUG] ${words[z.kind].title(names)}`,
    '',
    ...wrap(
      `Firmware: ${heldAgainst['2.0']}. ${words[z.kind].harm} (gN is the N-th granule of memory, gN/LEVEL*COUNT ` +
        'a descriptor of the list.)',
      MAIL
    ),
    ''
  ]
  out.push(
    two ? 'After these commands' : 'The last of these commands is not answered:',
    '',
    ...z.preparation.flatMap((l) => wrap(l, MAIL - 4).map((w) => `    ${w}`))
  )
  if (two) {
    out.push('', 'two CPUs run', '', ...z.commands.map((c, i) => `    CPU ${i + 1}: ${c}`), '')
    out.push(
      ...wrap(
        'and neither is answered when they take their steps in this order: CPU ' +
          `${z.schedule.map((c) => c + 1).join(', ')}.`,
        MAIL
      )
    )
  } else out.push(...z.commands.map((c) => `    ${c}`))
  out.push('', ...z.waits.flatMap((w) => wrap(`- ${w}`, MAIL, '  ')), ...wrap(`- ${z.recorded}`, MAIL, '  '))
  if (z.answer !== null) out.push(...wrap(`- should be answered: ${z.answer}`, MAIL, '  '))
  out.push('', ...wrap(`A way out: ${words[z.kind].out}`, MAIL))
  return out
}

/** `--hangs --format mail`: one text a finding, at most 78 columns wide. */
function hangsMail(h: FirmwareHunt): string {
  const out = h.hazards.flatMap((z) => [...hangMail(z), '', '-'.repeat(MAIL), ''])
  out.push('To see it all again:', '    tbit conform rmm --hangs', HANGS_COVER)
  return `${out.join('\n')}\n`
}

const hangsJson = (h: FirmwareHunt): string =>
  `${JSON.stringify({ format: 1, firmware: HUNTED, alone: h.alone, pairs: h.pairs, findings: h.hazards }, null, 2)}\n`

export const hangsFormats = { text: hangsText, mail: hangsMail, json: hangsJson } as const

/** Recordings as one reports them: where the firmware stopped and what disagreed, at most 78 columns wide. */
function conformRmmMail(files: number, c: RmmConformance, most: number): string {
  return `${conformRmmText(files, c, most)
    .trimEnd()
    .split('\n')
    .flatMap((l) => (l.length <= MAIL ? [l] : wrap(l, MAIL, '    ')))
    .join('\n')}\n`
}

/** What `conform rmm` can write; `most`: mismatches that a reader wants to see. */
export const conformRmmFormats = {
  text: conformRmmText,
  mail: conformRmmMail,
  json: conformRmmJson
} as const satisfies Record<string, (files: number, c: RmmConformance, most: number) => string>
