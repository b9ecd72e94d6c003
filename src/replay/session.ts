// One replay from what the user has (files, a kernel log, questions) to its result, for the command line and the page:
// who says where the pool lies, what of the log cannot be believed, what is wrong with the input.
import type { Diagnostic } from '../base/index.ts'
import { contradictions } from './contradiction.ts'
import type { CostTerms } from './cost.ts'
import { Names } from './event.ts'
import type { ReadHooks, TraceInput } from './input.ts'
import { leavesOutUnmaps, minAlignMasks, type PoolFacts } from './pool-facts.ts'
import { parseDebugfs } from './measured.ts'
import type { PoolHint } from './pool-guess.ts'
import { missedUnmaps } from './recording.ts'
import { Replay } from './replay.ts'
import { replayResult, type ReplayResult } from './result.ts'
import type { Follower, SimulatedEvent } from './simulate.ts'
import { Sizing } from './sizing.ts'
import { Skips } from './skips.ts'
import { unsoundPool } from './sound-pool.ts'
import type { WhatIfSpec } from './what-if-spec.ts'
import { SharedLadders, WhatIf } from './what-if.ts'

export interface SessionOptions {
  /** The user's word on the pool; null: the log's, else it is found from the addresses. */
  readonly pool: PoolHint | null
  /** What the kernel log of the same boot says (readKernelLog), and its name in messages. */
  readonly log: { readonly name: string; readonly facts: PoolFacts } | null
  readonly debugfs: string | null
  /** The sections of a recording of `tbit record`. */
  readonly sections: ReadonlyMap<string, string> | null
  readonly questions: readonly WhatIfSpec[]
  /** Smaller pools than those asked for are followed only as long as they refuse nothing (ReplaySession.outgrown). */
  readonly quick?: boolean
  readonly fitCost: boolean
  /** Stretches of time that the timeline has at most. */
  readonly buckets?: number
  readonly recorder?: (ev: SimulatedEvent) => void
}

export class ReplaySession {
  readonly names = new Names()
  readonly skips = new Skips()
  readonly replay: Replay
  readonly facts: PoolFacts | null
  /** Of the log, not of the trace. */
  readonly warnings: Diagnostic[] = []
  private readonly sizing: Sizing
  private readonly whatIfs: readonly WhatIf[]
  private readonly missed: number | null
  private readonly followers: Follower[] = []

  constructor(private readonly o: SessionOptions) {
    this.facts = o.log?.facts ?? null
    const { facts } = this
    const { hint, source } = this.place()
    this.replay = new Replay(this.names, {
      pool: { ...hint, before_6_3: facts?.before_6_3 === true },
      poolSource: source,
      minAlignMask: facts ? minAlignMasks(facts) : new Map(),
      leavesOutUnmaps: facts ? leavesOutUnmaps(facts) : new Set(),
      followers: this.followers,
      fitCost: o.fitCost,
      ...(o.buckets === undefined ? {} : { buckets: o.buckets }),
      ...(o.recorder ? { recorder: o.recorder } : {})
    })
    this.sizing = new Sizing(() => this.replay)
    const ladders = new SharedLadders(o.questions, o.quick === true)
    this.whatIfs = o.questions.map((q) => new WhatIf(q, () => this.replay, null, null, ladders))
    this.followers.push(this.sizing, ...this.whatIfs)
    if (o.debugfs !== null) for (const s of parseDebugfs(o.debugfs).samples) this.replay.measured.sample(s)
    this.missed = missedUnmaps(o.sections)
    // What the probes missed is missing as what the ring buffer lost.
    if (this.missed !== null && this.missed > 0) this.replay.headerOverwrites()
  }

  private place(): { readonly hint: PoolHint; readonly source: 'log' | 'option' } {
    const { facts, o } = this
    const unknown = { start: null, nslabs: null, nareas: null }
    if (o.pool !== null) {
      const sound = facts !== null && unsoundPool(facts) === null
      return {
        hint: sound
          ? { start: o.pool.start ?? facts.start, nslabs: o.pool.nslabs, nareas: o.pool.nareas ?? facts.nareas }
          : o.pool,
        source: 'option'
      }
    }
    if (facts === null) return { hint: unknown, source: 'option' }
    const wrong = unsoundPool(facts)
    if (wrong !== null)
      this.warn(`the log has ${wrong}, which no kernel has; the pool is found from the addresses instead`)
    else if (facts.start === null)
      this.warn('the log has no "software IO TLB: mapped" line; the pool is found from the addresses instead')
    if (facts.boots > 1) this.warn(`the log has ${facts.boots} boots; the last is taken for the one that was traced`)
    if (facts.pools > 1) this.warn(`the log names ${facts.pools} pools; the first is replayed`)
    return {
      hint: wrong === null ? { start: facts.start, nslabs: facts.nslabs, nareas: facts.nareas } : unknown,
      source: 'log'
    }
  }

  private warn(message: string): void {
    this.warnings.push({
      code: 'TB-363',
      severity: 'warning',
      file: this.o.log?.name ?? '',
      line: 0,
      column: 0,
      word: '',
      message
    })
  }

  /** Follows what is replayed, as sizing and questions do. */
  follow(f: Follower): void {
    this.followers.push(f)
  }

  /** A quick session cannot answer all questions: the recording has to be read again, by one that is not. */
  get outgrown(): boolean {
    return this.whatIfs.some((w) => w.outgrown)
  }

  /** What reading tells the replay. */
  hooks(of: Pick<ReadHooks, 'stop' | 'progress'>): ReadHooks {
    return { ...of, cpus: (n) => this.replay.headerCpus(n), overwritten: () => this.replay.headerOverwrites() }
  }

  /**
   * Where the log and the trace contradict each other: they are of two boots, and every figure is wrong without a sign.
   */
  contradictions(kernel: string | null): readonly string[] {
    return this.facts === null ? [] : contradictions(this.facts, this.replay, kernel)
  }

  /** What is known so far, or at the end. `files`: their names as shown. */
  result(
    files: readonly string[],
    input: Omit<TraceInput, 'errors' | 'beginning' | 'events' | 'cpus'>,
    terms: CostTerms | null
  ): ReplayResult {
    const { facts } = this
    this.replay.settle()
    return replayResult(this.replay, this.skips, {
      files,
      format: input.format,
      bytes: input.bytes,
      lines: input.lines,
      kernel: input.kernel ?? facts?.kernel ?? null,
      interrupted: input.interrupted,
      overwritten: input.overwritten,
      missedUnmaps: this.missed,
      otherEvents: input.others,
      drivers: facts?.drivers ?? new Map(),
      fullMessages: facts ? facts.full + facts.suppressed : null,
      notes: input.notes,
      terms,
      needed: this.sizing.needed(),
      swiotlb: facts?.swiotlb ?? null,
      whatIf: this.whatIfs.map((w) => w.result(terms))
    })
  }
}

/**
 * What is wrong with an input that was read to its end and holds nothing to replay; null when there is something.
 * `log`: the file that looks like a kernel log, if one does.
 */
export function nothingToReplay(result: ReplayResult, input: TraceInput, log: string | null): Diagnostic | null {
  if (result.events > 0 || input.interrupted || (input.errors.length > 0 && input.lines === 0)) return null
  const at = { file: result.source.files.join(' '), line: 0, column: 0, word: '' }
  if (input.events > 0)
    return {
      ...at,
      code: 'TB-366',
      message: `a trace without any DMA event (${input.events} events of other classes)`,
      hint: 'record with the events dma and swiotlb enabled: trace-cmd record -e dma -e swiotlb (Linux 6.12 or later)'
    }
  return {
    ...at,
    code: 'TB-365',
    message: 'no line of this input is an event of a trace',
    hint:
      log !== null
        ? `it looks like a kernel log: tbit explain log ${log} reads those`
        : 'read are tracefs text (trace, trace_pipe), trace-cmd report, perf script, and trace.dat'
  }
}
