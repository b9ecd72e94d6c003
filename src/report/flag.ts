// `tbit rules --flag`: who writes the storage of the accepted flag, under which lock.
import { columns } from '../base/index.ts'
import type { FlagAudit, FlagWriter } from '../rules/index.ts'
import { limitsLine } from './check-run.ts'
import { comment } from './rules-comment.ts'
import type { FlagReport, RulesLook } from './rules-words.ts'
import { wrap } from './wrap.ts'

const STORAGE: Record<FlagAudit['storage'], string> = {
  shared_byte: 'a bit of a byte of struct device',
  own_byte: 'a bit alone in its byte',
  private_word: 'a bit of a word of struct device_private',
  atomic: 'an atomic bit'
}

const besides = (a: FlagAudit): string => (a.neighbours.length > 0 ? `, beside ${a.neighbours.join(', ')}` : '')

const how = (w: FlagWriter): string => (w.atomic ? 'atomic' : 'read-modify-write')
const bit = (w: FlagWriter): string => `${w.on ? '+' : '-'}${w.bit}${w.atomic ? ' (atomic)' : ''}`
const locks = (w: FlagWriter): string => w.locks.join(', ') || 'none'

/** What the audit comes to, in one sentence. */
function verdict(a: FlagAudit): string {
  if (a.writers.length > 0 && a.writers.every((w) => w.atomic) && a.outside.length === 0)
    return 'Atomic writes lose nothing.'
  if (a.common.length > 0)
    return `Every writer holds ${a.common.join(' and ')}: no update is lost, and lockdep_assert_held() can say so.`
  return a.neighbours.length === 0
    ? 'The flag is alone in its unit: a read-modify-write of it puts back nothing of others.'
    : 'No lock is held by every writer: a read-modify-write can put back what another one has changed.'
}

function auditText(a: FlagAudit, width: number): string[] {
  const at = `${a.revision.name} on ${a.platform.name}`
  if (a.none) return wrap(`${at}: no device can be accepted, there is no flag`, width, '  ')
  const out = [...wrap(`${at}: the accepted flag is ${STORAGE[a.storage]}${besides(a)}`, width, '  '), '']
  const rows = [['  writer', 'bit', 'locks held'], ...a.writers.map((w) => [`  ${w.by}`, bit(w), locks(w)])]
  out.push(...fold(rows, width), '')
  if (a.outside.length > 0)
    out.push(
      '  not run here, read in the source of 6.12:',
      ...fold(
        a.outside.map((w) => [`  ${w.bit}`, `${w.by}: ${w.lock}`]),
        width
      ),
      ''
    )
  return [...out, ...wrap(verdict(a), width, '  ')]
}

// Columns, with the last cell of a row below itself where it does not fit.
function fold(rows: ReadonlyArray<readonly string[]>, width: number): string[] {
  const lines = columns(rows).split('\n')
  const start = Math.max(...rows.map((r, i) => (lines[i] as string).length - (r[r.length - 1] ?? '').length))
  return rows.flatMap((r, i) => {
    const last = r[r.length - 1] ?? ''
    const head = (lines[i] as string).slice(0, (lines[i] as string).length - last.length)
    return wrap(last, width - start, '').map((l, n) => `${n === 0 ? head : ' '.repeat(start)}${l}`.trimEnd())
  })
}

export function flagText({ list, skipped }: FlagReport, look: Pick<RulesLook, 'width'> = { width: 80 }): string {
  const out = list.flatMap((a) => [...auditText(a, look.width), ''])
  for (const x of skipped) out.push(...wrap(`skipped: ${x.kernel} on ${x.platform}: ${x.reason}`, look.width, '  '))
  return `${[...out, limitsLine].join('\n')}\n`
}

export function flagComment({ list }: FlagReport): string {
  return `${list
    .map((a) =>
      comment(
        a.none
          ? [`${a.revision.name} on ${a.platform.name}: no device can be accepted.`]
          : [
              `The accepted flag, ${STORAGE[a.storage]} (${a.revision.name}, ${a.platform.name}). Who writes the ` +
                'unit, and under which locks:',
              '',
              ...a.writers.map((w) => `- ${w.by}, ${bit(w)}: ${locks(w)}`),
              ...a.outside.map((w) => `- ${w.by}, ${w.bit}: ${w.lock}`),
              '',
              verdict(a)
            ]
      )
    )
    .join('\n\n')}\n`
}

export function flagJson({ list, skipped }: FlagReport): string {
  return `${JSON.stringify({
    format: 1,
    flags: list.map((a) => ({
      kernel: a.revision.name,
      platform: a.platform.name,
      storage: a.none ? null : a.storage,
      bit: a.none ? null : a.bit,
      neighbours: a.neighbours,
      writers: a.writers,
      outside: a.outside,
      common: a.common,
      verdict: a.none ? null : verdict(a)
    })),
    skipped,
    errors: []
  })}\n`
}

export function flagMarkdown({ list }: FlagReport): string {
  return `${list
    .map((a) =>
      [
        `## The accepted flag: ${a.revision.name} on ${a.platform.name}`,
        '',
        ...(a.none
          ? ['No device can be accepted.']
          : [
              `${STORAGE[a.storage]}${besides(a)}.`,
              '',
              '| writer | bit | how | locks held |',
              '|---|---|---|---|',
              ...a.writers.map((w) => `| ${w.by} | ${w.on ? '+' : '-'}${w.bit} | ${how(w)} | ${locks(w)} |`),
              ...a.outside.map((w) => `| ${w.by} (source of 6.12) | ${w.bit} | - | ${w.lock} |`),
              '',
              verdict(a)
            ])
      ].join('\n')
    )
    .join('\n\n')}\n`
}
