// What the sub-commands of `tbit kernel` share: progress, errors in the asked form, values of options.
import { InvalidArgumentError } from 'commander'
import { type Diagnostic, err, ok, own, printableLine, type Result, unknownWord } from '../base/index.ts'
import { vocabulary } from '../litmus/index.ts'
import { checkFormats } from '../report/check-formats.ts'
import { kernelErrorsJson, kernelErrorsText } from '../report/kernel.ts'
import { errorItems, errorsSarif, itemsJson } from '../report/kernel-changes.ts'
import { readText } from './file-access.ts'
import type { Io } from './io.ts'
import { usage, wordsOf } from './names.ts'

/** One line that says what is being done, where a terminal shows it. */
export function progressOf(io: Io): { say: (what: string) => void; done: () => void } {
  const begun = Date.now()
  let drawn = false
  return {
    say: (what) => {
      if (!io.progress || Date.now() - begun < 1000) return
      drawn = true
      io.draw?.(`\r\x1b[K${printableLine(what)}`)
    },
    done: () => {
      if (drawn) io.draw?.('\r\x1b[K')
    }
  }
}

/**
 * Bad input, in the form that was asked for: a list that a machine reads has an entry, as an empty one would be a
 * success.
 */
export function complain(io: Io, errors: readonly Diagnostic[], format: string): void {
  if (format === 'json') io.out(kernelErrorsJson(errors))
  else if (format === 'b4') io.out(itemsJson(errorItems(errors)))
  else if (format === 'sarif') io.out(errorsSarif(errors))
  else if (format !== 'text')
    io.out(
      own(checkFormats, format)?.render(
        { tests: [], results: [], errors, texts: new Map(), interrupted: null },
        { width: io.width ?? 80, level: 0, shape: 'tests' }
      ) ?? ''
    )
  if (format !== 'json') io.err(kernelErrorsText(errors))
  io.exit(2)
}

/** A positive whole number. */
export const count = (v: string): number => {
  if (!/^\d+$/.test(v) || Number(v) < 1) throw new InvalidArgumentError('a positive whole number is needed.')
  return Number(v)
}

const platformNames = vocabulary.platforms.map((p) => p.name as string)

export function platformsAsked(text: string | undefined): string[] | Diagnostic | null {
  if (text === undefined || text === 'all') return null
  const out = wordsOf(text)
  const bad = out.find((w) => !platformNames.includes(w))
  if (bad === undefined) return out
  return unknownWord(usage('tbit kernel', bad, `--platform: unknown platform '${bad}'`, platformNames), platformNames)
}

/** Bytes of the largest patch that is read: the largest series of the kernel's lists are smaller. */
const LARGEST_PATCH = 32 << 20

/** How a patch's source is called in messages. */
export const sourceName = (path: string): string => (path === '-' ? '(standard input)' : path)

/** A patch or a mailbox: a file, or (`-`) the mail on standard input. */
export function patchText(path: string): Result<string, Diagnostic> {
  const read = readText(path, LARGEST_PATCH, sourceName(path))
  return 'code' in read ? err(read) : ok(read.text)
}
