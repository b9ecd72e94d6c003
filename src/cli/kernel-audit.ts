// `tbit kernel audit`: who writes a field of struct device, under which locks.
import { Command } from 'commander'
import { audit } from '../kernel-build/index.ts'
import { auditJson, auditText } from '../report/kernel-audit.ts'
import { formatOption } from './formats.ts'
import type { Io } from './io.ts'
import { complain, progressOf } from './kernel-common.ts'
import { openAny } from './kernel-review.ts'

const auditFormats = { text: auditText, json: auditJson } as const

export function auditCommand(io: Io): Command {
  return new Command('audit')
    .summary('who writes a field of struct device, and under which locks')
    .description(
      'Reads all C files of a tree for writes to the storage unit of a field or flag of struct device: a ' +
        'bitfield is written together with its neighbours. Each writer comes with file and line, the locks held ' +
        'there ' +
        '(taken in the function, asserted or annotated, or held at all calls of it), and whether a test of the ' +
        'library reaches it. Exit code 0; 1 when an update can be lost: a shared unit is read, changed and ' +
        'written back, and no lock is common to all writers.'
    )
    .argument('<tree>', 'kernel source: a directory, a tarball, or REPO@REF')
    .requiredOption('--field <name>', 'a member of struct device, or a flag of its bitmap')
    .addOption(formatOption(auditFormats))
    .addHelpText('after', '\nExample:\n  tbit kernel audit ~/linux --field dma_skip_sync')
    .action(async (dir: string, o: { field: string; format: keyof typeof auditFormats }) => {
      const tree = openAny(dir)
      if (!tree.ok) return complain(io, [tree.error], o.format)
      const p = progressOf(io)
      p.say('reading the tree')
      const a = await audit(dir, tree.value, o.field)
      p.done()
      if (!a.ok) return complain(io, [a.error], o.format)
      io.out(auditFormats[o.format](a.value, io.width ?? 80))
      io.exit(a.value.open ? 1 : 0)
    })
}
