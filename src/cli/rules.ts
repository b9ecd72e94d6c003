// `tbit rules`: what goes where, per platform, under one revision.
import { Command } from 'commander'
import { type Diagnostic, formatDiagnostic } from '../base/index.ts'
import { platforms } from '../machine/index.ts'
import { noMeaning } from '../kernel/index.ts'
import { failuresOf, flagAudit, rulesOf } from '../rules/index.ts'
import { rulesFormats } from '../report/rules-formats.ts'
import type { SkippedRules } from '../report/rules-words.ts'
import { writeWhole } from './file-access.ts'
import { formatOption } from './formats.ts'
import type { Io } from './io.ts'
import { kernelList, nameList, revisionNamed, usage } from './names.ts'

interface Options {
  platform: string
  kernel: string
  flag?: boolean
  failures?: boolean
  verbose?: boolean
  format: keyof typeof rulesFormats
  out?: string
}

export function rulesVerb(io: Io): Command {
  return new Command('rules')
    .description(
      'The address and access rules: which handle the kernel gives, which path it takes, what the hardware does, ' +
        'what the platform allows and the revision cannot express.'
    )
    .option('--platform <names>', 'platforms, separated by commas, or all', 'all')
    .option('--kernel <names>', 'kernel revisions, separated by commas, or all; cc-* for several', 'cc-v8')
    .option('--flag', 'instead of the rules: who writes the storage of the accepted flag, under which locks')
    .option('--failures', 'instead of the rules: failed step of accept or unlock, what the device can still do')
    .option('-v, --verbose', 'the source of each row')
    .addOption(
      formatOption(rulesFormats, 'how to write the result; markdown is docs/rules.md, comment a kernel comment')
    )
    .option('--out <file>', 'write there instead of standard output')
    .addHelpText(
      'after',
      `
Exit code: 0, or 2 for wrong use or when none of the pairs has a meaning.

Examples:
  tbit rules --platform arm-cca --kernel rfc-v1
  tbit rules --platform arm-cca --kernel rfc-v1 --format comment
  tbit rules --flag --platform amd-sev-snp --kernel rfc-v1
  tbit rules --failures --platform arm-cca --kernel tio-v2
`
    )
    .action((o: Options) => {
      rules(io, o)
    })
}

const rules = (io: Io, o: Options) => {
  const errors: Diagnostic[] = []
  const names = {
    platforms: nameList(
      '--platform',
      o.platform,
      platforms.map((x) => x.name),
      'tbit rules',
      errors
    ),
    kernels: kernelList('--kernel', o.kernel, 'tbit rules', errors)
  }
  const pairs = names.kernels
    .map(revisionNamed)
    .flatMap((r) =>
      platforms.filter((p) => names.platforms.includes(p.name)).map((p) => ({ r, p, reason: noMeaning(r, p) }))
    )
  const skipped: SkippedRules[] = pairs.flatMap(({ r, p, reason }) =>
    reason === null ? [] : [{ kernel: r.name, platform: p.name, reason }]
  )
  if (errors.length === 0 && skipped.length === pairs.length) {
    for (const s of skipped)
      errors.push(usage('tbit rules', s.kernel, `${s.kernel} on ${s.platform} has no meaning: ${s.reason}`))
  }
  const fail = () => {
    if (o.format === 'json') io.out(`${JSON.stringify({ format: 1, errors })}\n`)
    for (const d of errors) io.err(`${formatDiagnostic(d)}\n`)
    io.exit(2)
  }
  if (errors.length > 0) return fail()
  const meant = pairs.filter((x) => x.reason === null)
  const look = { width: io.width ?? 80, verbose: o.verbose ?? false }
  const text = o.failures
    ? rulesFormats[o.format].failures({ list: meant.map(({ p, r }) => failuresOf(p, r)), skipped }, look)
    : o.flag
      ? rulesFormats[o.format].flag({ list: meant.map(({ p, r }) => flagAudit(p, r)), skipped }, look)
      : rulesFormats[o.format].rules({ list: meant.map(({ p, r }) => rulesOf(p, r)), skipped }, look)
  if (o.out === undefined) io.out(text)
  else {
    const broken = writeWhole(o.out, text)
    if (broken !== null) {
      errors.push(broken)
      return fail()
    }
  }
  io.exit(0)
}
