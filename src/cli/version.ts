// `tbit --version`: what a report needs to name the program that printed something.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from './files.ts'

/** Set when the package is made; in a checkout git knows. */
declare const TBIT_COMMIT: string | undefined

/** The version of every machine-readable format, as each says in its field `format`. */
const FORMAT_VERSION = 1

function commit(): string {
  if (typeof TBIT_COMMIT === 'string') return TBIT_COMMIT
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', ['-C', packageRoot(), ...args], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore']
      }).trim()
    return (
      `${git('rev-parse', '--short=12', 'HEAD')}` +
      `${git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '+'}`
    )
  } catch {
    return ''
  }
}

export const packageVersion = (): string =>
  (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }).version

/** One line: version, commit (`+`: with changes of one's own), version of the formats. */
export function versionLine(): string {
  const at = commit()
  return `tbit ${packageVersion()}${at === '' ? '' : ` (${at})`}, formats ${FORMAT_VERSION}\n`
}
