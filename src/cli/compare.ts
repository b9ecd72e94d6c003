// `tbit compare --kernel A,B`: which verdicts change between two revisions, and which decision caused it.
import { Command } from 'commander'
import { formatDiagnostic } from '../base/index.ts'
import { compareTest, type Comparison } from '../check/index.ts'
import { noMeaning, revisions } from '../kernel/index.ts'
import { platforms } from '../machine/index.ts'
import { platformsOf } from '../litmus/index.ts'
import { compareJson, compareText } from '../report/compare.ts'
import { libraryDirectory, litmusFiles, loadTests } from './files.ts'
import type { Io } from './io.ts'
import { nameList, unknownName } from './names.ts'

export function compareVerb(io: Io): Command {
  const fail = (m: string): void => { io.err(`tbit compare: error ${m}\n`); io.exit(2) }
  return new Command('compare')
    .description('which tests change verdict between two kernel revisions, and the decision that did it')
    .argument('[file...]', 'litmus tests or directories; default: the library')
    .requiredOption('--kernel <before,after>', 'two revisions')
    .option('--platform <names>', 'platforms, or all; default: those each test names')
    .option('--max-states <n>', 'states at which one search gives up')
    .option('--format <text|json>', 'output', 'text')
    .addHelpText('after', `
Exit code: 0 no verdict changed, 1 some changed, 2 wrong use or bad input, 125 nothing changed but a search was incomplete.

Example:
  tbit compare --kernel cc-v6,cc-v7 litmus/revisions`)
    .action((names: string[], o: { kernel: string; platform?: string; maxStates?: string; format: string }) => {
      const known = revisions.map((r) => r.name)
      const [before = '', after = '', ...more] = o.kernel.split(',').map((w) => w.trim())
      for (const k of [before, after]) if (!known.includes(k)) return fail(k === '' ? `TB-001: --kernel wants two revisions, as in --kernel cc-v6,cc-v7\n  known: ${known.join(', ')}` : unknownName('kernel', k, known))
      if (more.length > 0) return fail(`TB-001: --kernel wants two revisions, not ${more.length + 2}`)
      if (o.format !== 'text' && o.format !== 'json') return fail(unknownName('format', o.format, ['text', 'json']))
      let chosen: readonly string[] | null = null
      if (o.platform !== undefined) {
        const p = nameList('platform', o.platform, platforms.map((x) => x.name))
        if (!p.ok) return fail(p.error)
        chosen = p.value
      }
      if (o.maxStates !== undefined && !/^[1-9]\d{0,8}$/.test(o.maxStates)) return fail(`TB-001: --max-states: '${o.maxStates}' is no number of states`)
      const { files, errors } = litmusFiles(names.length > 0 ? names : [libraryDirectory()])
      const loaded = loadTests(files)
      for (const d of [...errors, ...loaded.errors]) io.err(`${formatDiagnostic(d, loaded.texts.get(d.file))}\n`)
      const out: Comparison[] = []
      const options = o.maxStates === undefined ? {} : { maxStates: Number(o.maxStates) }
      loaded.tests.forEach((test, i) => {
        if (io.progress) io.err(`\r${i + 1} of ${loaded.tests.length} tests\u001b[K`)
        for (const p of chosen ?? platformsOf(test)) {
          // A pair without meaning on either side is told once, by its reason.
          if (chosen === null && (noMeaning(before, p) !== null || noMeaning(after, p) !== null) && platformsOf(test).length > 1) continue
          out.push(compareTest(test, before, after, p, options))
        }
      })
      if (io.progress) io.err('\r\u001b[K')
      io.out(o.format === 'json' ? compareJson(out, before, after) : compareText(out, before, after))
      const bad = errors.length + loaded.errors.length > 0
      const changed = out.some((c) => c.changed)
      const undecided = out.some((c) => c.before.verdict !== 'skipped' && c.after.verdict !== 'skipped' && (!c.before.complete || !c.after.complete))
      io.exit(bad ? 2 : changed ? 1 : undecided ? 125 : 0)
    })
}
