// `tbit hunt`: the hazards of a revision on a platform that nobody wrote a test for.
import { join } from 'node:path'
import { Command } from 'commander'
import { type Diagnostic, formatDiagnostic, unknownWord } from '../base/index.ts'
import { candidates, type Hazard, hazards, type Scene, scenes } from '../hunt/index.ts'
import { noMeaning, revisions } from '../kernel/index.ts'
import { platforms } from '../machine/index.ts'
import { comparison, contractText, fileName, hazardLitmus, type HuntReport, isComplete, scenesText } from '../report/hunt.ts'
import { huntFormats } from '../report/hunt-mail.ts'
import { cannotWrite, makeDirectory, readText, writeWhole } from './file-access.ts'
import { formatOption } from './formats.ts'
import { exploreAll, locateAll } from './hunt-pool.ts'
import { interruptible } from './interrupt.ts'
import type { Io } from './io.ts'
import { kernelName, numberOption, oneName } from './names.ts'
import { RunProgress } from './progress.ts'

interface Options { verbose?: boolean; kernel?: string; compare?: string; platform?: string; scene?: string; scenes?: boolean; contract?: boolean; maxStates: string; expected?: string; save?: string; format: keyof typeof huntFormats }

const COMMAND = 'tbit hunt'

export function huntVerb(io: Io): Command {
  return new Command('hunt')
    .description('Explores every sequence of calls that a driver, an administrator and a host could make in many small scenes, and tells each distinct cause of harm once, with the shortest sequence, as a litmus test that check confirms.')
    .option('--kernel <name>', 'a kernel revision')
    .option('--platform <name>', 'a platform')
    .option('--compare <name>', 'a second revision: what it has that the first has not, what is gone, what both have')
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

Exit code: 0 nothing but what was expected, 1 a finding (with --compare: a new one), 2 wrong use or bad input, 125 none, but the hunt was not complete.

Example:
  tbit hunt --kernel rfc-v1 --platform arm-cca --scene coherent+tdisp
  tbit hunt --kernel cc-v7 --compare cc-v8 --platform arm-cca --format mail
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
  const named = [['--kernel', o.kernel], ['--compare', o.compare]].map(([option = '', name]) => (name === undefined ? null : kernelName(option, name, COMMAND, errors)))
  const platform = o.platform === undefined ? null : oneName('--platform', o.platform, platforms.map((p) => p.name), COMMAND, errors)
  const maxStates = numberOption('--max-states', o.maxStates, 1, 1e8, COMMAND, errors) ?? 1
  const expected = o.expected === undefined ? new Set<string>() : expectedIds(o.expected, errors)
  const side = (kernel: string | null): Side | null => {
    if (kernel === null || platform === null) return null
    const reason = noMeaning(kernel, platform)
    if (reason !== null) errors.push(usage(kernel, `nothing to hunt: ${reason}`))
    return { kernel, platform, scenes: reason === null ? scenes(kernel, platform).list : [] }
  }
  const sides = named.map(side).filter((s) => s !== null)
  const lists = errors.length > 0 ? [] : chosen(sides, o.scene, errors)
  if (o.scenes === true && errors.length === 0) return io.out(scenesText(lists[0] ?? [], width))

  const finish = (r: HuntReport): void => {
    for (const d of r.errors) io.err(`${formatDiagnostic(d)}\n`)
    io.out(huntFormats[o.format](r, { width }))
    io.exit(r.interrupted ? 130 : r.errors.length > 0 ? 2 : r.hazards.length > 0 ? 1 : isComplete(r) ? 0 : 125)
  }
  const [first] = sides
  if (errors.length > 0 || first === undefined) return finish({ ...empty(first, lists[0]?.length ?? 0, maxStates), errors })

  const stop = interruptible()
  const progress = new RunProgress(io)
  const reports: HuntReport[] = []
  for (const [i, s] of sides.entries()) reports.push(await huntSide(s, lists[i] ?? [], expected, maxStates, stop.signal, progress))
  progress.clear()
  stop.done()

  const [before, after] = reports as [HuntReport, HuntReport | undefined]
  const report = { ...(after === undefined ? before : comparison(before, after)), detailed: o.verbose === true }
  const litmus = o.save === undefined && o.format === 'text' ? new Map<string, string>() : new Map(report.hazards.map((h) => [h.id, hazardLitmus(h, report)]))
  finish({ ...report, litmus, saved: o.save === undefined ? new Map() : save(litmus, report.hazards, o.save, errors), errors })
}

/** One revision that is hunted on. */
interface Side { readonly kernel: string; readonly platform: string; readonly scenes: readonly Scene[] }

const empty = (s: Side | undefined, of: number, maxStates: number): HuntReport => ({
  kernel: s?.kernel ?? '', platform: s?.platform ?? '', hazards: [], expected: [], missed: [], scenes: 0, of, open: [], states: 0, transitions: 0, maxStates, unconfirmed: [], saved: new Map(), litmus: new Map(),
  detailed: false, interrupted: false, compared: null, errors: []
})

async function huntSide(s: Side, list: readonly Scene[], expected: ReadonlySet<string>, maxStates: number, signal: AbortSignal, progress: RunProgress): Promise<HuntReport> {
  const explored = await exploreAll(list, s, maxStates, { signal, onProgress: (done, states) => { progress.show(done, list.length, states) } })
  const asked = candidates(explored)
  const states = explored.reduce((n, e) => n + e.states, 0)
  // What is found is confirmed even when no further scene is to be looked at.
  const located = await locateAll(asked, s, { onProgress: () => { progress.show(list.length, list.length, states) } })
  const found = hazards(located.filter((l) => l !== null))
  const unconfirmed = asked.filter((_, i) => located[i] === null).map((c) => `${c.raw.key} in ${c.scene.name}`)
  return {
    ...empty(s, list.length, maxStates), hazards: found.filter((h) => !expected.has(h.id)), expected: found.filter((h) => expected.has(h.id)).map((h) => h.id),
    missed: [...expected].filter((id) => !found.some((h) => h.id === id)), scenes: explored.length, open: explored.filter((e) => !e.complete).map((e) => e.scene.name),
    states, transitions: explored.reduce((n, e) => n + e.transitions, 0), unconfirmed, interrupted: signal.aborted
  }
}

/** The scenes of `names` on each side: those that are called so, or begin so. What neither side has is an error. */
function chosen(sides: readonly Side[], names: string | undefined, errors: Diagnostic[]): ReadonlyArray<readonly Scene[]> {
  if (names === undefined) return sides.map((s) => s.scenes)
  const words = names.split(',').map((w) => w.trim()).filter((w) => w !== '')
  const all = sides.flatMap((s) => s.scenes)
  const fits = (word: string) => (s: Scene): boolean => s.name === word || (word.endsWith('*') && s.name.startsWith(word.slice(0, -1)))
  for (const word of words) if (!all.some(fits(word))) errors.push(unknownWord({ code: 'TB-001', file: COMMAND, line: 0, column: 0, word, message: `--scene: no scene '${word}' on this pair; tbit hunt --scenes lists them` }, [...new Set(all.map((s) => s.name))]))
  return sides.map((side) => side.scenes.filter((s) => words.some((w) => fits(w)(s))))
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
