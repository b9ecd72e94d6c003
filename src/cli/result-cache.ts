// Results of `check` kept by content: what the same test gave with the same engine and bounds is not searched again. A
// file a test, whatever its name and place, in the user's cache; what is broken, or of another build, is as if it were
// not there. Only results without ways to findings are kept, those that were as expected (check-pool.ts, `lean`).
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { own } from '../base/index.ts'
import type { CheckResult } from '../check/index.ts'
import { cacheDir } from '../kernel-build/cache.ts'
import { isTold } from '../report/check-run.ts'
import type { Job } from './check-pool.ts'
import { keepNewest } from './cleanup.ts'
import { makeDirectory } from '../kernel-build/directory.ts'
import { writeWhole } from './file-access.ts'
import { versionLine } from './version.ts'

/** Tests kept: the library some ten times over. */
const KEPT = 8192

const sha = (text: string): string => createHash('sha256').update(text).digest('hex')

/**
 * What build of the engine this is; null where that is not known for sure, and nothing is kept. A bundle has its
 * content in its name; a package is that of a commit.
 */
export function engineName(url = import.meta.url, version = versionLine()): string | null {
  const file = basename(fileURLToPath(url))
  if (/^(?:main|check)-\w+\.cjs$/.test(file)) return file
  return /\.mjs$/.test(file) && /\([0-9a-f]{12}\)/.test(version) ? version : null
}

/** Results of one test, by kernel and platform. */
type Results = Record<string, CheckResult>
const keyOf = (job: Pick<Job, 'kernel' | 'platform'>): string => `${job.kernel} ${job.platform}`

export class ResultCache {
  private readonly read = new Map<string, Results>()
  private readonly changed = new Set<string>()
  private readonly dir = join(cacheDir(), 'results')

  /** `about`: bounds and whatever else a result depends on; `texts`: the tests by file. */
  constructor(
    private readonly engine: string,
    private readonly about: string,
    private readonly texts: ReadonlyMap<string, string>
  ) {}

  private path(file: string): string {
    return join(this.dir, sha(JSON.stringify([this.engine, this.about, this.texts.get(file) ?? ''])).slice(0, 40))
  }

  // A first line with the hash of the rest: what was cut, or written by somebody else, is none.
  private results(file: string): Results {
    const had = this.read.get(file)
    if (had !== undefined) return had
    let results: Results = {}
    try {
      const text = readFileSync(this.path(file), 'latin1')
      const body = text.slice(text.indexOf('\n') + 1)
      if (text.startsWith(`${sha(body)}\n`)) results = JSON.parse(Buffer.from(body, 'latin1').toString('utf8'))
    } catch {
      /* none is kept */
    }
    this.read.set(file, results)
    return results
  }

  /** The result of a job, as it would be now. */
  get(job: Job): CheckResult | undefined {
    const r = own(this.results(job.test.file), keyOf(job))
    return r === undefined ? undefined : { ...r, file: job.test.file }
  }

  put(job: Job, r: CheckResult): void {
    if (isTold(r)) return
    this.results(job.test.file)[keyOf(job)] = r
    this.changed.add(job.test.file)
  }

  /** Writes what is new. A cache that cannot be written is no error. */
  write(): void {
    if (this.changed.size === 0) return
    try {
      makeDirectory(this.dir)
    } catch {
      return
    }
    for (const file of this.changed) {
      const body = Buffer.from(JSON.stringify(this.read.get(file)), 'utf8').toString('latin1')
      if (writeWhole(this.path(file), Buffer.from(`${sha(body)}\n${body}`, 'latin1')) !== null) return
    }
    keepNewest(this.dir, KEPT)
  }
}
