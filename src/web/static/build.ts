// Runs the library once and writes the static pages of the site (Node; scripts/build-web.mjs bundles and calls it).
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pairsOf } from '../../check/pairs.ts'
import { allFindings, type CheckResult, type Violation } from '../../check/index.ts'
import { type Job, runJobs } from '../../cli/check-pool.ts'
import { litmusFiles, loadTests } from '../../cli/files.ts'
import { makeDirectory } from '../../kernel-build/directory.ts'
import { parse } from '../../litmus/index.ts'
import { distinctFindings } from '../../report/check-html.ts'
import { playerScript } from '../../report/finding-player.ts'
import { baseStyle } from '../../report/html.ts'
import { type FindingPage, findingStyle } from '../../report/html-finding.ts'
import { docsPages } from './docs.ts'
import {
  huntedName,
  huntedPath,
  huntPages,
  type HuntSite,
  readHunt,
  type SavedFinding,
  type SavedHunt
} from './hunts.ts'
import { ICON, type SitePage, siteStyle, sitePage } from './layout.ts'
import {
  type Cause,
  changeKey,
  differenceOf,
  familiesOf,
  kernelsIn,
  type Library,
  neighbours,
  platformsIn,
  witnessOf
} from './library.ts'
import { appPages, libraryPages } from './pages.ts'
import { recorded } from './record.ts'
import { planViewStyle, viewsStyle } from './views-style.ts'

export interface SiteOptions {
  /** The checkout, and the folder to write. */
  readonly root: string
  readonly out: string
  /** Tests or directories of them instead of the whole library. */
  readonly only: readonly string[]
  /** Files that `tbit hunt --format json` wrote, whose findings become pages. */
  readonly hunts: readonly string[]
  /** Says what has been done, a line each. */
  readonly say: (line: string) => void
}

const done = <T>(results: ReadonlyArray<T | undefined>): T[] => results.filter((r): r is T => r !== undefined)

/**
 * Findings by id, with what is drawn of them: the runs that show one first are run again, with the state after each
 * step.
 */
async function drawn(pages: readonly FindingPage[], jobOf: (r: CheckResult) => Job): Promise<FindingPage[]> {
  const runs = [
    ...new Map(pages.map((p) => [`${p.result.file} ${p.result.kernel} ${p.result.platform}`, p.result])).values()
  ]
  const { results } = await runJobs(runs.map(jobOf), { frames: true })
  const framed = new Map<string, Violation>()
  for (const r of done(results))
    for (const v of allFindings(r)) framed.set(`${v.id} ${r.file} ${r.kernel} ${r.platform}`, v)
  return pages.map((p) => ({
    ...p,
    violation: framed.get(`${p.violation.id} ${p.result.file} ${p.result.kernel} ${p.result.platform}`) ?? p.violation
  }))
}

/** Which decisions made the changes between revisions that follow each other, each asked of its smallest test. */
async function causesOf(lib: Library, jobOf: (r: CheckResult) => Job): Promise<Map<string, Cause>> {
  const wanted: Array<{ readonly key: string; readonly job: Job }> = []
  for (const [a, b] of neighbours(lib.kernels)) {
    for (const c of differenceOf(lib, a, b).changes) {
      const w = witnessOf(lib, a, b, c)
      if (w !== null)
        wanted.push({
          key: changeKey(a, b, c.kind, c.family.key),
          job: { ...jobOf(w.after), explain: { before: light(w.before), after: light(w.after) } }
        })
    }
  }
  // Several findings of one run have one explanation.
  const nameOf = (j: Job): string => `${j.test.file} ${j.explain?.before.kernel} ${j.kernel} ${j.platform}`
  const jobs = [...new Map(wanted.map((w) => [nameOf(w.job), w.job])).values()]
  const { explanations } = await runJobs(jobs)
  const by = new Map(jobs.map((j, i) => [nameOf(j), explanations[i] ?? null]))
  return new Map(
    wanted.map(({ key, job }) => [
      key,
      { explanation: by.get(nameOf(job)) ?? null, test: job.test.name, platform: job.platform }
    ])
  )
}

/** What the search for a cause asks of a result: what was found, not the way to it. */
const light = (r: CheckResult): CheckResult => ({
  ...r,
  violations: r.violations.map(bare),
  reported: r.reported.map(bare)
})
const bare = ({ frames: _, ...v }: Violation): Violation => ({ ...v, trace: [], initSteps: [] })

export async function librarySite(o: SiteOptions): Promise<Library> {
  const wanted = o.only.length > 0 ? o.only : [join(o.root, 'litmus')]
  const loaded = loadTests(litmusFiles(wanted).files)
  if (loaded.errors.length > 0) throw new Error(`${loaded.errors[0]?.file}: ${loaded.errors[0]?.message}`)
  const short = (file: string): string => (file.startsWith(`${o.root}/`) ? file.slice(o.root.length + 1) : file)
  const tests = loaded.tests.map((t) => ({ ...t, file: short(t.file) }))
  const texts = new Map([...loaded.texts].map(([file, text]) => [short(file), text]))
  const jobs: Job[] = tests.flatMap((test) => pairsOf(test).map((p) => ({ test, ...p })))
  const began = performance.now()
  const { results, broken } = await runJobs(jobs)
  if (broken[0] !== undefined)
    throw new Error(
      `${broken[0].job.test.name}, ${broken[0].job.kernel} on ${broken[0].job.platform}: ${broken[0].message}`
    )
  const all = done(results)
  o.say(`${jobs.length} runs of ${tests.length} tests: ${seconds(began)}`)
  const byName = new Map(tests.map((t) => [t.file, t]))
  const jobOf = (r: CheckResult): Job => ({
    test: byName.get(r.file) as Job['test'],
    kernel: r.kernel as Job['kernel'],
    platform: r.platform as Job['platform']
  })
  const kernels = kernelsIn(all)
  // Of a revision that only one file names a finding is told where nothing else has it.
  const known = (r: CheckResult): number => (kernels.includes(r.kernel) ? 0 : 1)
  const then = performance.now()
  const pages = await drawn(
    distinctFindings({
      tests,
      results: [...all].sort((a, b) => known(a) - known(b)),
      errors: [],
      texts,
      interrupted: null
    }),
    jobOf
  )
  o.say(`${pages.length} findings drawn: ${seconds(then)}`)
  const lib: Library = {
    tests,
    texts,
    results: all,
    kernels,
    platforms: platformsIn(all),
    families: familiesOf(pages),
    causes: new Map(),
    part: o.only.length > 0 ? o.only.map(short).join(', ') : null
  }
  const asked = performance.now()
  const causes = await causesOf(lib, jobOf)
  o.say(`${causes.size} changes between neighbouring revisions explained: ${seconds(asked)}`)
  return { ...lib, causes }
}

/** What was hunted and saved: each finding's test is checked on its pair, and drawn. @throws Error for a bad file */
export async function huntSite(o: SiteOptions): Promise<HuntSite[]> {
  const out: HuntSite[] = []
  for (const file of o.hunts) {
    const hunt = readHunt(file, readFileSync(file, 'utf8'))
    const began = performance.now()
    const jobs = hunt.findings.map((f): Job | null => {
      const { test } = parse(f.litmus, `${huntedName(f)}.litmus`)
      const pair = test && pairsOf(test).find((x) => samePair(x, hunt))
      return test === undefined || pair === undefined ? null : { test, ...pair }
    })
    const { results } = await runJobs(
      jobs.filter((j) => j !== null),
      { frames: true }
    )
    const pages = hunt.findings.map((finding) => {
      const result = results.find((r) => r?.file === `${huntedName(finding)}.litmus`)
      const violation = result && allFindings(result).find((v) => sameFinding(v, finding))
      return {
        finding,
        page:
          result === undefined || violation === undefined
            ? null
            : { result, violation, text: finding.litmus, about: finding.summary, sources: [], where: [] }
      }
    })
    o.say(`${pages.length} findings of hunt (${file}): ${seconds(began)}`)
    out.push({ hunt, pages })
  }
  return out
}

const samePair = (a: { readonly kernel: string; readonly platform: string }, b: SavedHunt): boolean =>
  a.kernel === b.kernel && a.platform === b.platform
const sameFinding = (v: Violation, f: SavedFinding): boolean =>
  v.property === f.property && v.site === f.site && v.decision === f.decision

export const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`

/** Writes the static part; answers how many pages there are. */
export function writeSite(o: SiteOptions, lib: Library, hunts: readonly HuntSite[]): number {
  const write = (path: string, text: string): void => {
    const to = join(o.out, path)
    makeDirectory(dirname(to))
    writeFileSync(to, text)
  }
  let n = 0
  const put = (p: SitePage): void => {
    write(p.path, sitePage(p))
    n++
  }
  for (const p of libraryPages(lib, hunts.length > 0)) put(p)
  for (const p of huntPages(lib, hunts)) put(p)
  for (const { hunt, pages } of hunts)
    for (const { finding, page } of pages) if (page !== null) write(huntedPath(hunt, finding, 'litmus'), finding.litmus)
  for (const p of appPages()) put(p)
  for (const p of docsPages(...documents(o.root))) put(p)
  for (const f of documents(o.root)[1]) {
    makeDirectory(dirname(join(o.out, f)))
    copyFileSync(join(o.root, f), join(o.out, f))
  }
  write('site.css', `${baseStyle}${findingStyle}${siteStyle}`)
  write('app/views.css', viewsStyle)
  write('app/plan.css', planViewStyle)
  write('icon.svg', ICON)
  // Where there is none a crawler reads the host's page of a missing file for one.
  write('robots.txt', 'User-agent: *\nAllow: /\n')
  write('player.js', playerScript())
  write(
    'app/library.json',
    JSON.stringify({
      format: 1,
      tests: lib.tests.map((t) => ({ name: t.name, file: t.file, about: t.text, text: lib.texts.get(t.file) ?? '' }))
    })
  )
  write('app/verdicts.json', JSON.stringify(recorded(lib.results)))
  return n
}

/** The texts that become pages, and the files beside them. */
function documents(root: string): [Map<string, string>, Set<string>] {
  const files = (dir: string): string[] =>
    existsSync(join(root, dir)) ? readdirSync(join(root, dir)).map((f) => (dir === '.' ? f : `${dir}/${f}`)) : []
  const all = ['docs', 'docs/decisions', 'docs/pictures']
    .flatMap(files)
    .concat(
      ['CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'litmus/README.md'].filter((f) => existsSync(join(root, f)))
    )
  return [
    new Map(
      all
        .filter((f) => f.endsWith('.md'))
        .sort()
        .map((f) => [f, readFileSync(join(root, f), 'utf8')])
    ),
    new Set(all.filter((f) => /\.(?:svg|json)$/.test(f)))
  ]
}
