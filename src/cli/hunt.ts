// `tbit hunt`: the hazards of a revision on a platform that nobody wrote a test for.
import { join } from 'node:path'
import { Command, Option } from 'commander'
import { type Diagnostic, formatDiagnostic, unknownWord } from '../base/index.ts'
import {
  candidates,
  type Explored,
  type Hazard,
  hazards,
  type Interleave,
  overlaps,
  type Scene,
  scenes
} from '../hunt/index.ts'
import { noMeaning, revisions } from '../kernel/index.ts'
import { parse, printConfigValue } from '../litmus/index.ts'
import { platforms } from '../machine/index.ts'
import {
  comparison,
  contractJson,
  contractText,
  fileName,
  hazardLitmus,
  type HuntReport,
  isComplete,
  scenesJson,
  scenesText
} from '../report/hunt.ts'
import { huntFormats } from '../report/hunt-mail.ts'
import { Checkpoint } from './checkpoint.ts'
import { cannotWrite, readText, writeWhole } from './file-access.ts'
import { formatOption } from './formats.ts'
import { exploreAll, huntItem, type HuntPool, locateAll } from './hunt-pool.ts'
import { askTree, type HuntedTree, maySecond, openHuntedTree } from './hunt-tree.ts'
import { interruptible } from './interrupt.ts'
import type { Io } from './io.ts'
import { kernelName, numberOption, oneName, usage, wordsOf } from './names.ts'
import { RunProgress } from './progress.ts'
import { shareOf, type Shares, withShares } from './shares.ts'
import { versionLine } from './version.ts'
import { makeDirectory } from '../kernel-build/directory.ts'

interface Options {
  shard?: string
  out?: string
  verbose?: boolean
  kernel?: string
  compare?: string
  platform?: string
  interleave: Interleave
  maxSteps: string
  time?: string
  scene?: string
  scenes?: boolean
  contract?: boolean
  maxStates: string
  expected?: string
  save?: string
  checkpoint?: string
  tree?: string
  config?: string
  format: keyof typeof huntFormats
}

const COMMAND = 'tbit hunt'

export function huntVerb(io: Io): Command {
  return withShares(
    new Command('hunt')
      .description(
        'Explores every sequence of calls that a driver, an administrator and a host could make in many small ' +
          'scenes, and tells each distinct cause of harm once, with the shortest sequence, as a litmus test that ' +
          'check confirms.'
      )
      .option('--kernel <name>', 'a kernel revision')
      .option('--platform <name>', 'a platform')
      .option('--compare <name>', 'a second revision: what it has that the first has not, what is gone, what both have')
      .option('--scene <names>', 'only these scenes, separated by commas; stream* for those that begin so')
      .option('--scenes', 'list the scenes of the pair and hunt nothing')
      .option('--config <entries>', 'entries of config that every scene has, as in a test: "host_granule 64K, xt on"')
      .option('--contract', 'print what the client keeps to and hunt nothing')
      .option('--max-states <n>', 'states at which one search gives up and its scene is named', '10000')
      .addOption(
        new Option(
          '--interleave <what>',
          'steps: whole calls first, then every interleaving of the steps inside them; calls: whole calls only'
        )
          .choices(['steps', 'calls'])
          .default('steps')
      )
      .option('--max-steps <n>', 'the same for a search of single steps', '100000')
      .option('--time <seconds>', 'begin no further search of single steps after so long: the scenes left are named')
      .option(
        '--tree <dir>',
        'a kernel source: its own C beside the model of the revision that decides as it does (instead of --kernel)'
      )
      .option('--expected <file>', 'ids of known findings, a line each, # begins a comment: they are only counted')
      .option('--save <dir>', 'write each finding to DIR as a .litmus file with what every revision makes of it')
      .option('--checkpoint <file>', 'note there what is done, and go on from there')
      .option('-v, --verbose', 'all that has one cause, not only the first few')
      .addOption(formatOption(huntFormats))
  )
    .addHelpText(
      'after',
      `
Whole calls come first, then, where an administrator or a host has calls that
can overlap with the driver's, every interleaving of single steps.
A scene that is too large is named, and the answer is then not complete.

Exit code: 0 nothing but what was expected, 1 a finding (with --compare: a new
one), 2 wrong use or bad input, 125 none, but the hunt was not complete.

Example:
  tbit hunt --kernel rfc-v1 --platform arm-cca --scene coherent+tdisp
  tbit hunt --kernel cc-v7 --compare cc-v8 --platform arm-cca --format mail
`
    )
    .action((o: Options) => hunt(io, o))
}

/** What is hunted, by the options: the first side, or with --compare two, and the scenes of each. */
interface Asked {
  readonly sides: readonly Side[]
  readonly lists: ReadonlyArray<readonly Scene[]>
  readonly bounds: Bounds
  readonly expected: ReadonlySet<string>
}

/** What is missing without which nothing can be asked. */
function missing(o: Options): Diagnostic[] {
  const need = (option: string, known: readonly string[]): Diagnostic =>
    usage(COMMAND, '', `${option} is missing`, known)
  return [
    ...(o.kernel === undefined && o.tree === undefined ? [need('--kernel', kernelNames)] : []),
    ...(o.platform === undefined ? [need('--platform', platformNames)] : [])
  ]
}

const kernelNames = revisions.map((r) => r.name)
const platformNames = platforms.map((p) => p.name)

/** Reads the options; `kernel` is that of --kernel, or what a tree decides like. What is wrong goes to `errors`. */
function asked(o: Options, kernel: string | undefined, errors: Diagnostic[]): Asked {
  const named = [
    ['--kernel', kernel],
    ['--compare', o.compare]
  ].map(([option = '', name]) => (name === undefined ? null : kernelName(option, name, COMMAND, errors)))
  const platform = o.platform === undefined ? null : oneName('--platform', o.platform, platformNames, COMMAND, errors)
  const maxStates = numberOption('--max-states', o.maxStates, 1, 1e8, COMMAND, errors) ?? 1
  const maxSteps = numberOption('--max-steps', o.maxSteps, 1, 1e8, COMMAND, errors) ?? 1
  const time = o.time === undefined ? null : numberOption('--time', o.time, 1, 1e6, COMMAND, errors)
  const expected = o.expected === undefined ? new Set<string>() : expectedIds(o.expected, errors)
  const config = o.config === undefined ? [] : configEntries(o.config, errors)
  const side = (name: string | null): Side | null => {
    if (name === null || platform === null) return null
    const reason = noMeaning(name, platform)
    if (reason !== null) errors.push(usage(COMMAND, name, `nothing to hunt: ${reason}`))
    const list = reason === null && errors.length === 0 ? scenes(name, platform, config).list : []
    return { kernel: name, platform, config, scenes: list }
  }
  const sides = named.map(side).filter((s) => s !== null)
  const lists = errors.length > 0 ? [] : chosen(sides, o.scene, errors)
  return { sides, lists, bounds: { maxStates, maxSteps: o.interleave === 'calls' ? null : maxSteps, time }, expected }
}

function exitCode(r: HuntReport): number {
  if (r.interrupted) return 130
  if (r.errors.length > 0) return 2
  return r.hazards.length > 0 ? 1 : isComplete(r) ? 0 : 125
}

async function hunt(io: Io, o: Options): Promise<void> {
  const width = io.width ?? 80
  if (o.contract === true) return io.out(o.format === 'json' ? contractJson() : contractText(width))
  const errors = missing(o)
  const tree =
    o.tree === undefined || o.platform === undefined || errors.length > 0
      ? null
      : await openHuntedTree(io, o.tree, o.platform, { format: o.format, second: maySecond(o.scene) })
  if (o.tree !== undefined && tree === null && errors.length === 0) return
  const { sides, lists, bounds, expected } = asked(o, tree?.kernel ?? o.kernel, errors)
  if (o.scenes === true && errors.length === 0)
    return io.out(o.format === 'json' ? scenesJson(sides[0], lists[0] ?? []) : scenesText(lists[0] ?? [], width))

  const finish = (r: HuntReport): void => {
    for (const d of r.errors) io.err(`${formatDiagnostic(d)}\n`)
    io.out(huntFormats[o.format](r, { width }))
    io.exit(exitCode(r))
  }
  const share = shareOf('hunt', io.argv ?? [], o, errors)
  if (share !== null && o.tree !== undefined)
    errors.push(usage(COMMAND, '--tree', "--shard hunts on the model; a tree's own C is asked by one machine"))
  const nothing = (wrong: readonly Diagnostic[]): void => {
    finish({ ...empty(sides[0], lists[0]?.length ?? 0, bounds.maxStates), errors: wrong })
  }
  if (errors.length > 0 || sides[0] === undefined) return nothing(errors)

  const { format: _, save: __, verbose: ___, checkpoint: file, ...about } = o
  const checkpoint =
    file === undefined ? null : await Checkpoint.open(file, `${versionLine().trim()} ${JSON.stringify(about)}`)
  if (checkpoint !== null && !(checkpoint instanceof Checkpoint)) return nothing([checkpoint])
  const shares: Shares | null = io.shares ?? share
  const unfit = await beginScenes(shares, sides, lists)
  if (unfit !== null) return nothing([unfit])
  const stop = interruptible()
  const work: Work = { signal: stop.signal, progress: new RunProgress(io), checkpoint, shares }
  const reports: HuntReport[] = []
  for (const [i, s] of sides.entries())
    reports.push(await huntSide(s, lists[i] ?? [], expected, bounds, work, i === 0 ? tree : null))
  if (checkpoint?.error != null) errors.push(checkpoint.error)
  work.progress.clear()
  stop.done()

  if (share !== null) {
    for (const d of [...errors, ...(share.failed === null ? [] : [share.failed])]) io.err(`${formatDiagnostic(d)}\n`)
    io.out(`${share.summary()}\n`)
    return io.exit(stop.signal.aborted ? 130 : errors.length > 0 || share.failed !== null ? 2 : 0)
  }
  const [before, after] = reports as [HuntReport, HuntReport | undefined]
  const report = { ...(after === undefined ? before : comparison(before, after)), detailed: o.verbose === true }
  finish(withLitmus(report, o, errors))
}

/** The tests that show the findings, where somebody reads them; --save writes them. */
function withLitmus(report: HuntReport, o: Options, errors: Diagnostic[]): HuntReport {
  const litmus =
    o.save === undefined && o.format === 'text'
      ? new Map<string, string>()
      : new Map(report.hazards.map((h) => [h.id, hazardLitmus(h, report)]))
  const saved = o.save === undefined ? new Map<string, string>() : save(litmus, report.hazards, o.save, errors)
  return { ...report, litmus, saved, errors }
}

/** Begins the shares of a hunt; what is wrong with that, or null. */
const beginScenes = async (
  shares: Shares | null,
  sides: readonly Side[],
  lists: ReadonlyArray<readonly Scene[]>
): Promise<Diagnostic | null> =>
  (await shares?.begin(
    [...new Set(sides.flatMap((s, i) => (lists[i] ?? []).map((x) => huntItem(s, x))))],
    lists.flatMap((l) => l.map((x) => x.name))
  )) ?? null

/** One revision that is hunted on. */
interface Side {
  readonly kernel: string
  readonly platform: string
  readonly config: readonly string[]
  readonly scenes: readonly Scene[]
}

const empty = (s: Side | undefined, of: number, maxStates: number): HuntReport => ({
  kernel: s?.kernel ?? '',
  platform: s?.platform ?? '',
  config: s?.config ?? [],
  hazards: [],
  expected: [],
  missed: [],
  scenes: 0,
  of,
  open: [],
  steps: null,
  states: 0,
  transitions: 0,
  maxStates,
  unconfirmed: [],
  saved: new Map(),
  litmus: new Map(),
  detailed: false,
  interrupted: false,
  tree: null,
  compared: null,
  errors: []
})

/** How far a hunt goes: states of a search in whole calls, in steps (null: no such search), and seconds. */
interface Bounds {
  readonly maxStates: number
  readonly maxSteps: number | null
  readonly time: number | null
}

/** What the searches of a hunt share. */
interface Work {
  readonly signal: AbortSignal
  readonly progress: RunProgress
  readonly checkpoint: Checkpoint | null
  readonly shares: Shares | null
}

/** The searches of a side: whole calls of every scene, then single steps of those where calls can overlap. */
interface Searched {
  readonly whole: readonly Explored[]
  readonly racing: readonly Scene[]
  readonly steps: readonly Explored[]
}

async function explore(s: Side, list: readonly Scene[], bounds: Bounds, work: Work): Promise<Searched> {
  const { maxStates, maxSteps, time } = bounds
  const { signal, progress, checkpoint, shares } = work
  const until = time === null ? signal : AbortSignal.any([signal, AbortSignal.timeout(time * 1000)])
  const watched = (of: number): HuntPool => ({
    signal,
    checkpoint,
    shares,
    onProgress: (done, states) => {
      progress.show(done, of, states)
    }
  })
  const whole = await exploreAll(list, s, { maxStates, interleave: 'calls', known: () => [] }, watched(list.length))
  if (maxSteps === null) return { whole, racing: [], steps: [] }
  const racing = list.filter((x) => overlaps(x, s.kernel, s.platform))
  // What whole calls show of a subject needs no race.
  const known = (x: Scene): string[] =>
    [...new Set(whole.filter((e) => e.scene.with[0] === x.with[0]).flatMap((e) => e.raw.map((r) => r.key)))].sort()
  const how = { maxStates: maxSteps, interleave: 'steps', known } as const
  const steps = await exploreAll(racing, s, how, { ...watched(racing.length), signal: until })
  return { whole, racing, steps }
}

/** Names of the scenes whose search is not complete. */
const open = (done: readonly Explored[], of: readonly Scene[]): string[] =>
  of.filter((x) => done.find((e) => e.scene === x)?.complete !== true).map((x) => x.name)

async function huntSide(
  s: Side,
  list: readonly Scene[],
  expected: ReadonlySet<string>,
  bounds: Bounds,
  work: Work,
  tree: HuntedTree | null
): Promise<HuntReport> {
  const { signal, progress, checkpoint, shares } = work
  const { maxStates, maxSteps } = bounds
  const { whole, racing, steps } = await explore(s, list, bounds, work)
  const explored = [...whole, ...steps]
  const asked = candidates(explored)
  const sum = (f: (e: Explored) => number): number => explored.reduce((n, e) => n + f(e), 0)
  const states = sum((e) => e.states)
  // What is found is confirmed even when no further scene is to be looked at.
  const located = await locateAll(asked, s, {
    checkpoint,
    shares,
    onProgress: () => {
      progress.show(list.length, list.length, states)
    }
  })
  const found = hazards(located.filter((l) => l !== null))
  const looked = whole.map((e) => e.scene)
  const report: HuntReport = {
    ...empty(s, list.length, maxStates),
    hazards: found.filter((h) => !expected.has(h.id)),
    expected: found.filter((h) => expected.has(h.id)).map((h) => h.id),
    missed: [...expected].filter((id) => !found.some((h) => h.id === id)),
    scenes: whole.length,
    open: open(whole, looked),
    steps:
      maxSteps === null
        ? null
        : { scenes: steps.length, of: racing.length, open: open(steps, racing), maxStates: maxSteps },
    states,
    transitions: sum((e) => e.transitions),
    unconfirmed: asked.filter((_, i) => located[i] === null).map((c) => `${c.raw.key} in ${c.scene.name}`),
    interrupted: signal.aborted
  }
  if (tree === null) return report
  return {
    ...report,
    tree: askTree(tree, report, report.hazards, list, whole, (done) => {
      progress.show(done, list.length, report.states)
      return !signal.aborted
    })
  }
}

/** The scenes of `names` on each side: those that are called so, or begin so. What neither side has is an error. */
function chosen(
  sides: readonly Side[],
  names: string | undefined,
  errors: Diagnostic[]
): ReadonlyArray<readonly Scene[]> {
  if (names === undefined) return sides.map((s) => s.scenes)
  const words = wordsOf(names)
  const all = sides.flatMap((s) => s.scenes)
  const fits =
    (word: string) =>
    (s: Scene): boolean =>
      s.name === word || (word.endsWith('*') && s.name.startsWith(word.slice(0, -1)))
  for (const word of words)
    if (!all.some(fits(word)))
      errors.push(
        unknownWord(usage(COMMAND, word, `--scene: no scene '${word}' on this pair; tbit hunt --scenes lists them`), [
          ...new Set(all.map((s) => s.name))
        ])
      )
  return sides.map((side) => side.scenes.filter((s) => words.some((w) => fits(w)(s))))
}

/** Entries of a test's `config` as they stand there, one by one. */
function configEntries(text: string, errors: Diagnostic[]): string[] {
  const { test, errors: wrong } = parse(`litmus x ""\nconfig {\n${text}\n}\nthread os { x = 0 }\n`, '--config')
  errors.push(...wrong.map((d) => ({ ...d, line: 0, column: 0 })))
  return (test?.config ?? []).map((e) => `${e.key} ${printConfigValue(e)}`)
}

/** The ids in a file. */
function expectedIds(file: string, errors: Diagnostic[]): Set<string> {
  const read = readText(file, MOST_EXPECTED)
  if ('text' in read)
    return new Set(
      read.text
        .split('\n')
        .map((l) => l.replace(/#.*/, '').trim())
        .filter((l) => l !== '')
    )
  errors.push(read)
  return new Set()
}

const MOST_EXPECTED = 1 << 20

/** Writes each finding's test; the files by id. */
function save(
  litmus: ReadonlyMap<string, string>,
  list: readonly Hazard[],
  dir: string,
  errors: Diagnostic[]
): Map<string, string> {
  const out = new Map<string, string>()
  try {
    makeDirectory(dir)
  } catch (e) {
    errors.push(cannotWrite(dir, e))
    return out
  }
  for (const h of list) {
    const file = join(dir, `${fileName(h)}.litmus`)
    const failed = writeWhole(file, litmus.get(h.id) ?? '')
    if (failed === null) out.set(h.id, file)
    else errors.push(failed)
  }
  return out
}
