// The verdict above each test, found in the background: one document after the other, within a budget, given up as soon
// as the text changes.
import type { Diagnostic as LspDiagnostic } from 'vscode-languageserver/node'
import type { TextDocument } from 'vscode-languageserver-textdocument'
import { messageOf } from '../base/index.ts'
import { type CheckResult, pairsOf } from '../check/index.ts'
import type { Test } from '../litmus/index.ts'
import { checkNotes } from '../report/check-notes.ts'
import { type CheckRun, outcomeWords } from '../report/check-run.ts'
import { toLsp } from './features.ts'

export interface Run {
  readonly test: Test
  readonly kernel: string
  readonly platform: string
}

/** Makes runs away from this thread. `results`: undefined where one was not begun or broke. */
export type RunAll = (
  runs: readonly Run[],
  o: { readonly maxStates: number; readonly signal: AbortSignal; readonly onProgress: (done: number) => void }
) => Promise<{
  readonly results: ReadonlyArray<CheckResult | undefined>
  readonly broken: ReadonlyArray<{ readonly message: string }>
}>

export interface Budget {
  /** Of one document, all its runs together. */
  readonly seconds: number
  /** Of one run. */
  readonly maxStates: number
}

/** What is known of a document. */
export type Standing =
  | { readonly state: 'none' }
  | { readonly state: 'running'; readonly done: number; readonly all: number }
  | {
      readonly state: 'done'
      readonly version: number
      readonly words: string
      readonly notes: readonly LspDiagnostic[]
    }

interface Task {
  readonly doc: TextDocument
  readonly test: Test
  readonly stop: AbortController
}

const NONE: Standing = { state: 'none' }

export class Verdicts {
  private readonly known = new Map<string, Standing>()
  private queue: Task[] = []
  private current: Task | null = null

  /** `changed`: called when there is something new to show of a document. */
  constructor(
    private readonly runAll: RunAll,
    private readonly budget: Budget,
    private readonly changed: (uri: string) => void
  ) {}

  of(uri: string): Standing {
    return this.known.get(uri) ?? NONE
  }

  /** Checks a document once its turn comes; what was asked for it before is given up. */
  ask(doc: TextDocument, test: Test): void {
    this.giveUp(doc.uri)
    this.queue.push({ doc, test, stop: new AbortController() })
    if (this.current === null) void this.work()
  }

  /** The text changed: a search for it is of no use any more; a verdict that is there stays until there is another. */
  giveUp(uri: string): void {
    this.queue = this.queue.filter((t) => t.doc.uri !== uri)
    if (this.current?.doc.uri !== uri) return
    this.current.stop.abort()
    this.known.delete(uri)
  }

  forget(uri: string): void {
    this.giveUp(uri)
    this.known.delete(uri)
  }

  stop(): void {
    this.queue = []
    this.current?.stop.abort()
  }

  private async work(): Promise<void> {
    for (let task = this.queue.shift(); task !== undefined; task = this.queue.shift()) {
      this.current = task
      const standing = await this.judge(task)
      this.current = null
      if (standing === null) continue
      this.known.set(task.doc.uri, standing)
      this.changed(task.doc.uri)
    }
  }

  /** null: nobody wants to know any more. */
  private async judge({ doc, test, stop }: Task): Promise<Standing | null> {
    const { version, uri } = doc
    const runs = pairsOf(test).map((p) => ({ test, ...p }))
    const show = (done: number): void => {
      if (stop.signal.aborted) return
      this.known.set(uri, { state: 'running', done, all: runs.length })
      this.changed(uri)
    }
    show(0)
    // The budget ends the search as a change does, but what it found is told.
    const end = new AbortController()
    const timer = setTimeout(() => {
      end.abort()
    }, this.budget.seconds * 1000)
    stop.signal.addEventListener('abort', () => {
      end.abort()
    })
    try {
      const { results, broken } = await this.runAll(runs, {
        maxStates: this.budget.maxStates,
        signal: end.signal,
        onProgress: show
      })
      if (stop.signal.aborted) return null
      return {
        state: 'done',
        version,
        ...told(
          doc,
          test,
          results.filter((r) => r !== undefined),
          runs.length,
          this.budget,
          broken.length
        )
      }
    } catch (e) {
      return stop.signal.aborted ? null : { state: 'done', version, words: `not checked: ${messageOf(e)}`, notes: [] }
    } finally {
      clearTimeout(timer)
    }
  }
}

/** The line above a test, and what of it is not as expected, each at the statement where it comes about. */
function told(
  doc: TextDocument,
  test: Test,
  results: readonly CheckResult[],
  wanted: number,
  budget: Budget,
  broken: number
): { words: string; notes: LspDiagnostic[] } {
  const run: CheckRun = { tests: [test], results, errors: [], texts: new Map(), interrupted: null }
  const left = wanted - results.length - broken
  const words = [
    outcomeWords(results),
    ...(broken > 0 ? [`${broken} broken: run tbit check`] : []),
    ...(left > 0 ? [`${left} of ${wanted} not begun in ${budget.seconds} s`] : [])
  ].join('; ')
  const notes = checkNotes(run).map((n): LspDiagnostic => {
    const line = n.line > 0 ? n.line : test.at.line
    const text = doc.getText().split('\n')[line - 1] ?? ''
    const column = text.length - text.trimStart().length + 1
    return {
      ...toLsp(doc, {
        code: n.rule,
        file: '',
        line,
        column,
        word: text.trim(),
        message: n.text,
        ...(n.level === 'error' ? {} : { severity: 'warning' as const })
      }),
      source: 'tbit check'
    }
  })
  return { words, notes }
}
