// The door of the front end: text in, a checked test or messages out. Never throws.
import type { Expect, Test, Thread } from './ast.ts'
import { withinSize } from './_size.ts'
import { Errors } from './_errors.ts'
import { collectScopes, Resolver } from './_resolve.ts'
import {
  checkConfig,
  numberOf,
  resolveConfigEntries,
  resolveDeviceParts,
  resolveExpects,
  resolveForbid,
  resolveKernels,
  resolveMmios,
  resolvePlatforms,
  resolveRevisions
} from './_settings.ts'
import { type RawTest, Syntax } from './_syntax.ts'
import type { Diagnostic } from '../base/index.ts'

export interface Parsed {
  /** There when nothing is wrong. A test with a word that has no machine yet is there too, together with its TB-003. */
  readonly test?: Test
  readonly errors: readonly Diagnostic[]
  /** What is odd but allowed: nothing depends on them. */
  readonly warnings: readonly Diagnostic[]
}

/**
 * Reads one litmus test. `file` is only repeated in messages.
 * @example parse('litmus empty "no thread"', 'empty.litmus').errors[0]?.code // 'TB-233'
 */
export function parse(text: string, file: string): Parsed {
  const errors = new Errors(file)
  const raw = new Syntax(text, errors).test
  const test = withinSize(raw, errors) ? resolve(raw, errors, errors.count > 0) : null
  return errors.count === 0 && test
    ? { test, errors: errors.all(), warnings: errors.warnings() }
    : { errors: errors.all(), warnings: errors.warnings() }
}

function resolve(raw: RawTest, errors: Errors, broken: boolean): Test | null {
  uniqueNames(raw, errors)
  const revisions = resolveRevisions(raw, errors)
  const kernels = resolveKernels(raw, revisions, errors)
  const platforms = resolvePlatforms(raw, errors)
  const forbid = resolveForbid(raw, errors)
  const expects: Expect[] = resolveExpects(raw, revisions, errors)
  const config = resolveConfigEntries(raw, errors)
  const devices = resolveDeviceParts(raw, errors)
  const mmios = resolveMmios(raw, errors)
  const scopes = collectScopes(raw)
  const resolver = new Resolver(raw, scopes, errors, broken)
  const init = resolver.init(raw.init ?? [])
  const cpus: { cpu: number; cpuAt: RawTest['threads'][number]['cpu'] }[] = []
  const threads: Thread[] = raw.threads.map((t) => {
    const cpu = t.cpu ? (numberOf(t.cpu, errors) ?? 0) : 0
    cpus.push({ cpu, cpuAt: t.cpu })
    return { name: t.name.text, at: place(t.name), cpu, body: resolver.thread(t.name.text, t.body) }
  })
  const conditions = raw.conditions.flatMap((c) => {
    const expr = resolver.condition(c.expr)
    return expr ? [{ kind: c.kind, expr, at: place(c.at) }] : []
  })
  checkConfig(raw, config, devices, cpus, resolver.highPages, errors)
  if (raw.threads.length === 0 && raw.name !== null && !raw.tokens.some((t) => t.nl && t.text === 'thread')) {
    if (raw.init === null)
      errors.add('TB-233', raw.name.at, raw.name.text, `the test '${raw.name.text}' has no thread`, {
        expected: ['thread NAME { ... }']
      })
    else {
      errors.warn('TB-233', raw.name.at, raw.name.text, `the test '${raw.name.text}' has no thread: init alone runs`)
      threads.push({ name: 'main', at: place(raw.name.at), cpu: 0, body: [] })
    }
  }
  if (raw.name === null) return null
  return {
    file: errors.file,
    name: raw.name.text,
    at: raw.name.at,
    text: raw.text,
    sources: raw.sources,
    platforms,
    kernels,
    revisions,
    forbid,
    config,
    devices,
    mmios,
    init,
    threads,
    conditions,
    expects
  }
}

const place = (t: {
  line: number
  column: number
  length: number
}): { line: number; column: number; length: number } => ({ line: t.line, column: t.column, length: t.length })

/** Two devices, mmio ranges or threads of one name; of different kinds they are told apart by where the name stands. */
function uniqueNames(raw: RawTest, errors: Errors): void {
  const all = new Map<string, string>()
  const add = (
    list: readonly {
      readonly name: { readonly text: string; readonly line: number; readonly column: number; readonly length: number }
    }[],
    what: string
  ): void => {
    const seen = new Map<string, number>()
    for (const { name } of list) {
      const line = seen.get(name.text)
      const other = all.get(name.text)
      if (line !== undefined)
        errors.add('TB-216', name, name.text, `a second '${name.text}': line ${line} has a ${what} of that name`)
      else if (other !== undefined)
        errors.warn(
          'TB-216',
          name,
          name.text,
          `'${name.text}' is a ${other} and a ${what}: which one is meant follows from where the name stands`
        )
      seen.set(name.text, name.line)
    }
    for (const name of seen.keys()) if (!all.has(name)) all.set(name, what)
  }
  add(raw.devices, 'device')
  add(raw.mmios, 'mmio range')
  add(raw.threads, 'thread')
}

/** Two tests of one name: a message for each but the first. */
export function duplicateTests(tests: readonly Test[]): Diagnostic[] {
  const seen = new Map<string, Test>()
  const out: Diagnostic[] = []
  for (const t of tests) {
    const other = seen.get(t.name)
    if (other)
      out.push({
        code: 'TB-239',
        file: t.file,
        line: t.at.line,
        column: t.at.column,
        word: t.name,
        message: `a second test '${t.name}': ${other.file} has that name`
      })
    else seen.set(t.name, t)
  }
  return out
}
