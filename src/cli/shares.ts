// `--shard I/N --out FILE` and `tbit merge`: a verb does the tasks of its share and writes each answer as it comes;
// merge runs the same command again on the answers, so that its report is the one that a single machine would have
// written.
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Command } from 'commander'
import type { Diagnostic } from '../base/index.ts'
import { hash } from '../check/index.ts'
import {
  assign,
  parseShare,
  type Share,
  type ShareAnswer,
  type ShareHeader,
  ShareJoin,
  shareText
} from '../report/shares.ts'
import { type Loaded, packageRoot } from './files.ts'
import { GrowingFile } from './growing-file.ts'
import { versionLine } from './version.ts'
import { usage } from './names.ts'

/** What a verb asks of the work around it. Items go to one share as a whole, a task is one key of an item. */
export interface Shares {
  /**
   * Before the first task: all items there are, and what else determines the answers. What is wrong with that, or null.
   */
  begin(items: readonly string[], inputs: Iterable<string>): Promise<Diagnostic | null>
  /** Whether this process does the item's tasks. */
  mine(item: string): boolean
  /** The answer that is known already, or undefined. */
  known(item: string, key: string): unknown
  done(item: string, key: string, value: unknown): void
  /** Merging: the report is for all. Else it is told what the share wrote. */
  readonly merging: boolean
}

export interface ShareOptions {
  readonly shard?: string
  readonly out?: string
}

export const withShares = (c: Command): Command =>
  c
    .option(
      '--shard <i/n>',
      'do the i-th of n shares of the work and write its answers to --out; tbit merge joins them'
    )
    .option('--out <file>', 'answers as they come, a line each (JSON); what stands there already is not done again')

/** Begins the shares of a run over test files; what is wrong with that, or null. */
export const beginTests = async (shares: Shares | null, { tests, texts }: Loaded): Promise<Diagnostic | null> =>
  (await shares?.begin(
    tests.map((t) => t.file),
    texts.values()
  )) ?? null

const COSTS = 'litmus/costs.json'
/** Transitions that each test of the library took when they were last measured (scripts/costs.mjs), by its name. */
function measuredCosts(): (item: string) => number | undefined {
  try {
    const { transitions } = JSON.parse(readFileSync(join(packageRoot(), COSTS), 'utf8')) as {
      transitions: Record<string, number>
    }
    const table = new Map(Object.entries(transitions))
    return (item) => table.get(basename(item, '.litmus'))
  } catch {
    return () => undefined
  }
}

/** Names the work: what must be equal for answers to be of one run. */
const runId = (verb: string, args: readonly string[], items: readonly string[], inputs: Iterable<string>): string =>
  [JSON.stringify([versionLine(), verb, args]), items.join('\n'), [...inputs].map(hash).join('\n')].map(hash).join('')

/** Arguments without --shard and --out, which differ from share to share. */
function sharedArguments(argv: readonly string[]): string[] {
  const out: string[] = []
  for (let i = 0; i < argv.length; i++) {
    const a = argv[i] as string
    if (a === '--shard' || a === '--out') i++
    else if (!/^--(shard|out)=/.test(a)) out.push(a)
  }
  return out
}

/**
 * The share that a command line asks for, null without --shard and --out; what is wrong goes to `errors`. `argv`: the
 * verb's arguments, which begin with the name of a sub-command where it has one; `sub`: that name.
 */
export function shareOf(
  verb: string,
  argv: readonly string[],
  o: ShareOptions,
  errors: Diagnostic[],
  sub = ''
): WritingShare | null {
  const command = `tbit ${verb}${sub === '' ? '' : ` ${sub}`}`
  if (o.shard === undefined && o.out === undefined) return null
  const bad = (word: string, message: string): null => {
    errors.push({ ...usage(command, word, message), hint: `${command} --help shows the options and an example` })
    return null
  }
  const share = parseShare(o.shard ?? '1/1')
  if (share === null) return bad(o.shard ?? '', `--shard: '${o.shard}' is no share, as 2/8 is the second of eight`)
  if (o.out === undefined) return bad(o.shard ?? '', '--shard needs --out FILE for its answers')
  return new WritingShare(verb, sharedArguments(argv), share, o.out)
}

export class WritingShare implements Shares {
  readonly merging = false
  private readonly verb: string
  private readonly args: readonly string[]
  private readonly share: Share
  readonly file: string
  private shareOfItem: ReadonlyMap<string, number> = new Map()
  private readonly before = new ShareJoin()
  private run = ''
  private out: GrowingFile | null = null

  constructor(verb: string, args: readonly string[], share: Share, file: string) {
    this.verb = verb
    this.args = args
    this.share = share
    this.file = file
  }

  async begin(items: readonly string[], inputs: Iterable<string>): Promise<Diagnostic | null> {
    this.run = runId(this.verb, this.args, items, inputs)
    this.shareOfItem = assign(items, this.share.of, measuredCosts())
    const opened = await GrowingFile.open(this.file, (line, n) => this.earlier(line, n))
    if ('code' in opened) return opened
    this.out = opened
    if (this.before.headers.length === 0)
      this.append({
        format: 1,
        kind: 'share',
        run: this.run,
        verb: this.verb,
        arguments: this.args,
        share: shareText(this.share)
      })
    return this.failed
  }

  /** A line that an earlier run of the share has written. */
  private earlier(line: string, n: number): Diagnostic | null {
    this.before.line(this.file, n, line)
    const hint = 'another --out, or removing the file, begins anew'
    const [first] = this.before.errors
    if (first !== undefined) return { ...first, hint }
    return this.before.id === this.run
      ? null
      : {
          code: 'TB-006',
          file: this.file,
          line: n,
          column: 1,
          word: this.before.id ?? '',
          message: 'is of another run: other arguments, other tests or another tbit',
          hint
        }
  }

  /** Why an answer could not be written. */
  get failed(): Diagnostic | null {
    return this.out?.failed ?? null
  }

  private append(line: ShareHeader | ShareAnswer): void {
    this.out?.append(line)
  }
  mine(item: string): boolean {
    return this.shareOfItem.get(item) === this.share.index
  }
  known(_: string, key: string): unknown {
    return this.before.value(key)
  }
  done(item: string, key: string, value: unknown): void {
    this.append({ format: 1, kind: 'answer', run: this.run, item, key, value })
  }

  /** `share 2/8: 53 of 424 items, answers in FILE`. */
  summary(): string {
    const mine = [...this.shareOfItem.values()].filter((s) => s === this.share.index).length
    return (
      `share ${shareText(this.share)}: ${mine} of ${this.shareOfItem.size} items, answers in ${this.file}; tbit ` +
      'merge joins the shares'
    )
  }
}

/** The answers of all shares; nothing is done anew. */
export class JoinedShares implements Shares {
  readonly merging = true
  private readonly verb: string
  private readonly args: readonly string[]
  private readonly joined: ShareJoin
  /** Items of which an answer was asked for that no share has, and all items. */
  readonly missing = new Set<string>()
  items: readonly string[] = []

  constructor(header: ShareHeader, joined: ShareJoin) {
    this.verb = header.verb
    this.args = header.arguments
    this.joined = joined
  }

  begin(items: readonly string[], inputs: Iterable<string>): Promise<Diagnostic | null> {
    this.items = items
    const id = runId(this.verb, this.args, items, inputs)
    return Promise.resolve(
      id === this.joined.id
        ? null
        : {
            code: 'TB-006',
            file: 'tbit merge',
            line: 0,
            column: 0,
            word: this.joined.id ?? '',
            message: 'the shares are not of what lies here: other tests, or another tbit',
            hint: 'merge where the shares ran, or where the same files lie under the same names'
          }
    )
  }

  mine(): boolean {
    return false
  }
  done(): void {
    /* nothing is done here */
  }
  known(item: string, key: string): unknown {
    const value = this.joined.value(key)
    if (value === undefined) this.missing.add(item)
    return value
  }
  /** The shares, of `of`, that have what is missing. */
  lacking(of: number): number[] {
    const shares = assign(this.items, of, measuredCosts())
    return [...new Set([...this.missing].map((item) => shares.get(item) as number))].sort((a, b) => a - b)
  }
}
