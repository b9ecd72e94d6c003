// `tbit hunt`: the hazards of a revision on a platform that nobody wrote a test for.
import { join } from 'node:path'
import { Command } from 'commander'
import { type Diagnostic, formatDiagnostic, unknownWord } from '../base/index.ts'
import { blame, candidates, exploreScene, type Explored, type Hazard, hazards, locate, type Located, type Scene, scenes } from '../hunt/index.ts'
import { noMeaning, revisions } from '../kernel/index.ts'
import { platforms } from '../machine/index.ts'
import { contractText, fileName, hazardLitmus, huntFormats, type HuntReport, isComplete, scenesText } from '../report/hunt.ts'
import { cannotWrite, makeDirectory, readText, writeWhole } from './file-access.ts'
import { formatOption } from './formats.ts'
import { interruptible } from './interrupt.ts'
import type { Io } from './io.ts'
import { kernelName, numberOption, oneName } from './names.ts'
import { RunProgress } from './progress.ts'

interface Options { verbose?: boolean; kernel?: string; platform?: string; scene?: string; scenes?: boolean; contract?: boolean; maxStates: string; expected?: string; save?: string; format: keyof typeof huntFormats }

const COMMAND = 'tbit hunt'

export function huntVerb(io: Io): Command {
  return new Command('hunt')
    .description('Explores every sequence of calls that a driver, an administrator and a host could make in many small scenes, and tells each distinct cause of harm once, with the shortest sequence, as a litmus test that check confirms.')
    .option('--kernel <name>', 'a kernel revision')
    .option('--platform <name>', 'a platform')
    .option('--scene <names>', 'only these scenes, separated by commas; stream* for those that begin so')
    .option('--scenes', 'list the scenes of the pair and hunt nothing')
    .option('--contract', 'print what the client keeps to and hunt nothing')
    .option('--max-states <n>', 'states at which one search gives up and its scene is named', '10000')
    .option('--expected <file>', 'ids of known findings, a line each, # begins a comment: they are only counted')
    .option('--save <dir>', 'write each finding to DIR as a .litmus file with what every revision makes of it')
    .option('-v, --verbose', 'all that has one cause, not only the first few')
    .addOption(formatOption(huntFormats))
    .addHelpText('after', `
Whole calls only: what happens when two calls overlap is not looked at here. A scene that is too large is named, and the answer is then not complete.

Exit code: 0 nothing but what was expected, 1 a finding, 2 wrong use or bad input, 125 none, but the hunt was not complete.

Example:
  tbit hunt --kernel rfc-v1 --platform arm-cca --scene coherent+tdisp
`)
    .action((o: Options) => hunt(io, o))
}

async function hunt(io: Io, o: Options): Promise<void> {
  const width = io.width ?? 80
  const errors: Diagnostic[] = []
  if (o.contract === true) return io.out(contractText(width))
  const usage = (word: string, message: string, expected?: readonly string[]): Diagnostic => ({ code: 'TB-001', file: COMMAND, line: 0, column: 0, word, message, ...(expected ? { expected } : {}) })
  if (o.kernel === undefined) errors.push(usage('', '--kernel is missing', revisions.map((r) => r.name)))
  if (o.platform === undefined) errors.push(usage('', '--platform is missing', platforms.map((p) => p.name)))
  const kernel = o.kernel === undefined ? null : kernelName('--kernel', o.kernel, COMMAND, errors)
  const platform = o.platform === undefined ? null : oneName('--platform', o.platform, platforms.map((p) => p.name), COMMAND, errors)
  const maxStates = numberOption('--max-states', o.maxStates, 1, 1e8, COMMAND, errors) ?? 1
  const reason = kernel === null || platform === null ? null : noMeaning(kernel, platform)
  if (reason !== null) errors.push(usage(kernel ?? '', `nothing to hunt: ${reason}`))
  const all = kernel === null || platform === null || reason !== null ? [] : scenes(kernel, platform).list
  const list = errors.length > 0 ? [] : chosen(all, o.scene, errors)
  const expected = o.expected === undefined ? new Set<string>() : expectedIds(o.expected, errors)
  if (o.scenes === true && errors.length === 0) return io.out(scenesText(list, width))

  const empty: HuntReport = { kernel: kernel ?? '', platform: platform ?? '', hazards: [], expected: [], missed: [], scenes: 0, of: list.length, open: [], states: 0, transitions: 0, maxStates, unconfirmed: [], saved: new Map(), litmus: new Map(), detailed: o.verbose === true, interrupted: false, errors }
  const finish = (r: HuntReport): void => {
    for (const d of r.errors) io.err(`${formatDiagnostic(d)}\n`)
    io.out(huntFormats[o.format](r, { width }))
    io.exit(r.interrupted ? 130 : r.errors.length > 0 ? 2 : r.hazards.length > 0 ? 1 : isComplete(r) ? 0 : 125)
  }
  if (errors.length > 0 || kernel === null || platform === null) return finish(empty)

  const stop = interruptible()
  const progress = new RunProgress(io)
  const explored = await exploreAll(list, kernel, platform, maxStates, stop.signal, progress)
  const { located, unconfirmed } = await locateAll(explored, kernel, platform)
  progress.clear()
  stop.done()

  const found = hazards(located)
  const fresh = found.filter((h) => !expected.has(h.id))
  const report: HuntReport = {
    ...empty, hazards: fresh, expected: found.filter((h) => expected.has(h.id)).map((h) => h.id), missed: [...expected].filter((id) => !found.some((h) => h.id === id)),
    scenes: explored.length, open: explored.filter((e) => !e.complete).map((e) => e.scene.name), states: explored.reduce((n, e) => n + e.states, 0), transitions: explored.reduce((n, e) => n + e.transitions, 0),
    unconfirmed, interrupted: stop.signal.aborted
  }
  const litmus = o.save === undefined && o.format === 'text' ? new Map<string, string>() : new Map(fresh.map((h) => [h.id, hazardLitmus(h, report)]))
  finish({ ...report, litmus, saved: o.save === undefined ? new Map() : save(litmus, fresh, o.save, errors), errors })
}

const breathe = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })

async function exploreAll(list: readonly Scene[], kernel: string, platform: string, maxStates: number, signal: AbortSignal, progress: RunProgress): Promise<Explored[]> {
  const out: Explored[] = []
  let states = 0
  for (const [i, scene] of list.entries()) {
    await breathe()
    if (signal.aborted) break
    out.push(exploreScene(scene, kernel, platform, { maxStates, onProgress: (n) => { progress.show(i, list.length, states + n); return true } }))
    states += out.at(-1)?.states ?? 0
    progress.show(i + 1, list.length, states)
  }
  return out
}

async function locateAll(explored: readonly Explored[], kernel: string, platform: string): Promise<{ located: Located[]; unconfirmed: string[] }> {
  const located: Located[] = []
  const unconfirmed: string[] = []
  const by = blame(kernel, platform)
  for (const c of candidates(explored)) {
    await breathe()
    const l = locate(c, by)
    if (l === null) unconfirmed.push(`${c.raw.key} in ${c.scene.name}`)
    else located.push(l)
  }
  return { located, unconfirmed }
}

/** The scenes of `names`: those that are called so, or begin so. */
function chosen(all: readonly Scene[], names: string | undefined, errors: Diagnostic[]): readonly Scene[] {
  if (names === undefined) return all
  const known = all.map((s) => s.name)
  const words = names.split(',').map((w) => w.trim()).filter((w) => w !== '')
  const fits = (word: string) => (s: Scene): boolean => s.name === word || (word.endsWith('*') && s.name.startsWith(word.slice(0, -1)))
  for (const word of words) if (!all.some(fits(word))) errors.push(unknownWord({ code: 'TB-001', file: COMMAND, line: 0, column: 0, word, message: `--scene: no scene '${word}' on this pair; tbit hunt --scenes lists them` }, known))
  return all.filter((s) => words.some((w) => fits(w)(s)))
}

/** The ids in a file. */
function expectedIds(file: string, errors: Diagnostic[]): Set<string> {
  const read = readText(file, MOST_EXPECTED)
  if ('text' in read) return new Set(read.text.split('\n').map((l) => l.replace(/#.*/, '').trim()).filter((l) => l !== ''))
  errors.push(read)
  return new Set()
}

const MOST_EXPECTED = 1 << 20

/** Writes each finding's test; the files by id. */
function save(litmus: ReadonlyMap<string, string>, list: readonly Hazard[], dir: string, errors: Diagnostic[]): Map<string, string> {
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
