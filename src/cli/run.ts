// `tbit run FILE`: one execution on real bytes, printed as a kernel would log it.
import { readFileSync, writeFileSync } from 'node:fs'
import { Command } from 'commander'
import { formatDiagnostic, nearest } from '../base/index.ts'
import { noMeaning } from '../kernel/index.ts'
import { kernelsOf, parse, platformsOf, runTest, vocabulary } from '../litmus/index.ts'
import { parseSchedule } from '../step/index.ts'
import { systemFor, watchRun } from '../check/check.ts'
import type { Io } from './io.ts'

interface Options { kernel?: string; platform?: string; schedule: string; trace?: string; format: string }

export function runVerb(io: Io): Command {
  const fail = (message: string): void => { io.err(`tbit run: error ${message}\n`); io.exit(2) }
  return new Command('run')
    .description('one execution of a litmus test on real bytes, printed as a kernel would log it')
    .argument('<file>', 'a litmus test')
    .option('--kernel <name>', 'kernel revision; default: the first that the test names')
    .option('--platform <name>', 'platform; default: the first that the test names')
    .option('--schedule <seed|list>', 'a seed, or threads in the order of their turns (os,admin:1,os); default: each thread as far as it gets', '')
    .option('--trace <out>', 'write the kernel\'s own trace events as tracefs text, for `tbit replay`')
    .option('--format <text|json>', 'output', 'text')
    .addHelpText('after', '\nExample:\n  tbit run litmus/coherent/coherent-free-with-driver-without-driver.litmus --kernel rfc-v1 --schedule 7 --trace /tmp/trace.txt')
    .action((file: string, o: Options) => {
      let text: string
      try { text = readFileSync(file, 'utf8') } catch (e) { return fail(`TB-002: ${file} cannot be read: ${(e as NodeJS.ErrnoException).code ?? String(e)}`) }
      const { test, errors, warnings } = parse(text, file)
      if (test === undefined || errors.length > 0) {
        for (const d of errors) io.err(`${formatDiagnostic(d, text)}\n`)
        return io.exit(2)
      }
      for (const d of warnings) io.err(`${formatDiagnostic(d, text)}\n`)
      const pick = (what: string, asked: string | undefined, known: readonly string[], first: string | undefined): string | null => {
        if (asked === undefined) return first ?? null
        if (known.includes(asked)) return asked
        const near = nearest(asked, known)
        fail(`TB-001: unknown ${what} '${asked}'${near.length ? `\n  did you mean ${near.map((n) => `'${n}'`).join(' or ')}?` : ''}\n  known: ${known.join(', ')}`)
        return null
      }
      const kernel = pick('kernel', o.kernel, vocabulary.kernels.map((k) => k.name), kernelsOf(test)[0])
      if (kernel === null) return
      const meaningful = platformsOf(test).find((p) => noMeaning(kernel, p) === null)
      const platform = pick('platform', o.platform, vocabulary.platforms.map((p) => p.name), meaningful)
      if (platform === null) return fail(`TB-001: ${kernel} makes no sense on any platform of the test`)
      if (o.format !== 'text' && o.format !== 'json') return fail(`TB-001: unknown format '${o.format}'\n  expected: text, json`)
      const reason = noMeaning(kernel, platform)
      if (reason !== null) return fail(`TB-001: ${kernel} on ${platform}: ${reason}`)
      const schedule = parseSchedule(o.schedule === '' ? test.threads.map(() => '').join(',') : o.schedule, test.threads.map((t) => t.name))
      if (!schedule.ok) return fail(`TB-001: --schedule: ${schedule.error.message}${schedule.error.nearest.length ? `\n  did you mean ${schedule.error.nearest.map((n) => `'${n}'`).join(' or ')}?` : ''}\n  threads: ${test.threads.map((t) => t.name).join(', ')}`)
      const sys = systemFor(test, kernel, platform, { content: 'both' })
      const onState = watchRun(sys)
      const r = runTest(test, sys, { schedule: schedule.value, onState, ...(o.format === 'text' ? { onLine: (l: string) => io.out(`${l}\n`) } : {}) })
      if (o.trace !== undefined) {
        try { writeFileSync(o.trace, r.trace) } catch (e) { return fail(`TB-002: ${o.trace} cannot be written: ${(e as NodeJS.ErrnoException).code ?? String(e)}`) }
      }
      if (o.format === 'json') io.out(`${JSON.stringify({ format: 1, file, test: test.name, kernel, platform, end: r.end, findings: r.findings, statements: r.passed, log: r.lines, schedule: r.schedule, skipped: r.skipped })}\n`)
      else {
        if (r.skipped.length > 0) io.err(`note: ${r.skipped.length} turns of the schedule could not be taken (the thread was blocked or had ended)\n`)
        io.out(`one run of many: ${r.end}${r.findings.length > 0 ? `; noticed: ${[...new Set(r.findings.map((f) => f.property))].join(', ')}` : ''}; tbit check looks at all of them\n`)
      }
      io.exit(r.findings.length > 0 || r.end === 'deadlock' ? 1 : r.end === 'limit' ? 125 : 0)
    })
}
