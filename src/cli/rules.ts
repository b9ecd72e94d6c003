// `tbit rules`: what goes where, per platform, under one revision.
import { writeFileSync } from 'node:fs'
import { Command } from 'commander'
import { platforms } from '../machine/index.ts'
import { noMeaning, revisions } from '../kernel/index.ts'
import { rulesOf } from '../rules/index.ts'
import { rulesJson, rulesMarkdown, rulesText } from '../report/rules.ts'
import type { Io } from './io.ts'
import { nameList } from './names.ts'

export function rulesVerb(io: Io): Command {
  const fail = (m: string): void => { io.err(`tbit rules: error ${m}\n`); io.exit(2) }
  return new Command('rules')
    .description('the address and access rules: which handle the kernel gives, which path it takes, what the hardware does')
    .option('--platform <names>', 'platforms, or all', 'all')
    .option('--kernel <names>', 'kernel revisions, or all', 'cc-v8')
    .option('--format <text|json|markdown>', 'output; markdown is docs/rules.md', 'text')
    .option('--out <file>', 'write there instead of standard output')
    .addHelpText('after', '\nExample:\n  tbit rules --platform arm-cca --kernel rfc-v1')
    .action((o: { platform: string; kernel: string; format: string; out?: string }) => {
      const p = nameList('platform', o.platform, platforms.map((x) => x.name))
      if (!p.ok) return fail(p.error)
      const k = nameList('kernel', o.kernel, revisions.map((x) => x.name))
      if (!k.ok) return fail(k.error)
      const list = revisions.filter((r) => k.value.includes(r.name)).flatMap((r) => platforms.filter((x) => p.value.includes(x.name) && noMeaning(r.name, x.name) === null).map((x) => rulesOf(x, r)))
      const text = o.format === 'json' ? rulesJson(list) : o.format === 'markdown' ? rulesMarkdown(list) : o.format === 'text' ? rulesText(list) : null
      if (text === null) return fail(`TB-001: unknown format '${o.format}'\n  expected: text, json, markdown`)
      if (o.out === undefined) io.out(text)
      else {
        try { writeFileSync(o.out, text) } catch (e) { return fail(`TB-002: ${o.out} cannot be written: ${(e as NodeJS.ErrnoException).code ?? String(e)}`) }
      }
      io.exit(0)
    })
}
