// `tbit kernel audit`: every writer of the storage unit of a field of struct device, in the whole tree.
import { type Diagnostic, err, nearest, ok, type Result } from '../base/index.ts'
import type { Audit, AuditedWriter, Reached, Writer } from '../report/kernel-audit.ts'
import { DMA_CODE } from './assemble.ts'
import { identifiers } from './c-text.ts'
import { overlayDir, readAll } from './overlay-dir.ts'
import { type Scanned, type SourceFile, sourcesWith } from './source-files.ts'
import { complain } from './complain.ts'
import { compiledFrom, type Tree } from './tree.ts'
import { callersOf, DEVICE_H, isStatic, reachable, unitOf, writersIn, wordsOf } from './writers.ts'

/** `given`: the tree as the user names it, `tree` the same, opened. */
export async function audit(given: string, tree: Tree, field: string): Promise<Result<Audit, Diagnostic>> {
  const header = tree.read(DEVICE_H) ?? ''
  const unit = unitOf(field, header)
  if ('known' in unit) {
    const near = nearest(field, [...unit.known])
    return err(
      complain('TB-614', `${tree.name}/${DEVICE_H}`, `struct device has no field or flag '${field}'`, {
        word: field,
        ...(near.length > 0 ? { nearest: near } : {})
      })
    )
  }
  const seen: Scanned = { files: 0 }
  const read = await readThrough(given, wordsOf(unit), seen)
  if (!read.ok) return read
  const files = read.value
  const others = { n: 0 }
  const found = files.flatMap((f) => writersIn(f, unit, others))
  // whoever takes no lock itself may be called under one
  const bare = found.filter((w) => w.locks.length === 0 && w.how !== 'atomic')
  const byPath = new Map(files.map((f) => [f.path, f]))
  const fileOf = (w: Writer): SourceFile => byPath.get(w.file) as SourceFile
  // those that only their own file calls
  const own = new Set(bare.filter((w) => w.file.endsWith('.c') && isStatic(fileOf(w), w.function)))
  const wide = [...new Set(bare.filter((w) => !own.has(w)).map((w) => w.function))]
  const callers =
    wide.length === 0
      ? read
      : await readThrough(
          given,
          wide.map((n) => `${n}(`),
          { files: 0 }
        )
  if (!callers.ok) return callers
  const reach = reached(tree, found)
  const writers = found.map(
    (w): AuditedWriter => ({
      ...w,
      callers: bare.includes(w) ? callersOf(w.function, own.has(w) ? [fileOf(w)] : callers.value) : null,
      reached: reach(w)
    })
  )
  const held = (w: Writer): readonly string[] => (w.locks.length > 0 ? w.locks : (w.callers?.locks ?? []))
  const common =
    writers.length === 0
      ? []
      : held(writers[0] as Writer).filter((l) => writers.every((w) => held(w).map(general).includes(general(l))))
  const rmw = writers.some((w) => w.how === 'read-modify-write')
  return ok({
    tree: tree.name,
    version: tree.version,
    unit,
    writers,
    common: [...new Set(common.map(general))],
    open: rmw && unit.members.length > 1 && writers.length > 1 && common.length === 0,
    files: seen.files,
    others: others.n
  })
}

async function readThrough(
  given: string,
  words: readonly string[],
  seen: Scanned
): Promise<Result<SourceFile[], Diagnostic>> {
  try {
    return ok(await sourcesWith(given, words, seen))
  } catch (e) {
    return err(complain('TB-603', given, `the tree cannot be read through: ${(e as Error).message}`))
  }
}

/** A lock whoever's variable holds the device: device_lock(dev) and device_lock(&pdev->dev) are one. */
const general = (l: string): string => l.replace(/^device_lock\(.*\)$/, 'device_lock')

const UNITS = [
  ...DMA_CODE,
  'lib/genalloc.c',
  'lib/scatterlist.c',
  'arch/arm64/mm/mem_encrypt.c',
  'arch/x86/mm/mem_encrypt.c',
  'arch/x86/coco/core.c'
]

/** Functions of the compiled files, and of these headers, that a call of the tests can come to. */
export function reachedFunctions(tree: Tree, headers: readonly string[] = []): ReadonlySet<string> {
  const mine = [...readAll(overlayDir())].filter(([p]) => p.endsWith('.c')).map(([, t]) => t)
  const files = [...UNITS, ...headers].flatMap((path) => {
    const text = tree.read(path)
    return text === null ? [] : [{ path, text }]
  })
  return reachable(files, new Set(mine.flatMap((t) => [...identifiers(t)])))
}

function reached(tree: Tree, writers: readonly Writer[]): (w: Writer) => Reached {
  const headers = [
    ...new Set(writers.map((w) => w.file).filter((f) => f.endsWith('.h') && compiledFrom(f) && !UNITS.includes(f)))
  ]
  const called = reachedFunctions(tree, headers)
  return (w) =>
    ![...UNITS, ...headers].includes(w.file) ? 'not compiled' : called.has(w.function) ? 'by calls' : 'not called'
}
