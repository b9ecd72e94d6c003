// `tbit lsp`: the connection to one editor. Messages come and go here; what they ask is answered by features.ts and
// verdicts.ts.
import { brokenInvariant } from '../base/index.ts'
import { outline, type Parsed } from '../litmus/index.ts'
import {
  codeActions,
  completion,
  definitionAt,
  diagnostics,
  folding,
  formatting,
  hoverAt,
  LONGEST,
  parseText,
  semanticTokens,
  symbols,
  tooLong,
  toLsp
} from './features.ts'
import {
  type CodeLens,
  type Connection,
  createConnection,
  type InitializeParams,
  type InitializeResult,
  StreamMessageReader,
  StreamMessageWriter,
  TextDocument,
  TextDocuments,
  TextDocumentSyncKind
} from './_protocol.ts'
import { tokenModifiers, tokenTypes } from './legend.ts'
import { type Budget, type RunAll, Verdicts } from './verdicts.ts'

export interface ServerOptions {
  readonly input: NodeJS.ReadableStream
  readonly output: NodeJS.WritableStream
  readonly version: string
  readonly runAll: RunAll
  /** What an editor sent that is no message of the protocol. */
  readonly onBadInput: (message: string) => void
  /** The streams ended. `asked`: the editor had said so before. */
  readonly onEnd: (asked: boolean) => void
}

/** Milliseconds after a change until its messages are made: keys that follow each other at once are one change. */
const PAUSE = 10
/** Milliseconds from the end of the input to the end of the server: what was asked before is answered. */
const GRACE = 200
/** Milliseconds between two pictures of a search that goes on. */
const EVERY = 300
const DEFAULT_BUDGET: Budget = { seconds: 20, maxStates: 200_000 }
const CHECK = 'tbit.check'

/** What an editor may set, in initializationOptions. */
interface Settings extends Budget {
  /** When verdicts are searched for: when a test is opened and saved, or only when the user asks. */
  readonly check: 'save' | 'ask'
}

function settingsOf(given: unknown): Settings {
  const o = (typeof given === 'object' && given !== null ? given : {}) as Record<string, unknown>
  const number = (v: unknown, otherwise: number, most: number): number =>
    typeof v === 'number' && v >= 1 && v <= most ? v : otherwise
  return {
    check: o['check'] === 'ask' ? 'ask' : 'save',
    seconds: number(o['seconds'], DEFAULT_BUDGET.seconds, 3600),
    maxStates: number(o['maxStates'], DEFAULT_BUDGET.maxStates, 1e9)
  }
}

const capabilities: InitializeResult['capabilities'] = {
  positionEncoding: 'utf-16',
  textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental, save: true },
  completionProvider: { triggerCharacters: ['.', '('] },
  hoverProvider: true,
  definitionProvider: true,
  documentFormattingProvider: true,
  documentSymbolProvider: true,
  foldingRangeProvider: true,
  codeActionProvider: { codeActionKinds: ['quickfix'] },
  codeLensProvider: { resolveProvider: false },
  semanticTokensProvider: { legend: { tokenTypes: [...tokenTypes], tokenModifiers: [...tokenModifiers] }, full: true },
  executeCommandProvider: { commands: [CHECK] }
}

class Server {
  private readonly connection: Connection
  private readonly documents = new TextDocuments(TextDocument)
  private readonly parsed = new Map<string, { readonly version: number; readonly parsed: Parsed }>()
  private readonly timers = new Map<string, NodeJS.Timeout>()
  private settings = settingsOf(null)
  private verdicts: Verdicts
  private refreshes = false
  private refreshing: NodeJS.Timeout | null = null

  constructor(private readonly o: ServerOptions) {
    const reader = new StreamMessageReader(o.input)
    let asked = false
    reader.onError((e) => {
      o.onBadInput(e.message)
    })
    const end = (): void => {
      setTimeout(() => {
        o.onEnd(asked)
      }, GRACE)
    }
    reader.onClose(end)
    o.input.on('end', end)
    this.connection = createConnection(reader, new StreamMessageWriter(o.output))
    this.verdicts = this.newVerdicts()
    this.connection.onInitialize((p) => this.initialize(p))
    this.connection.onShutdown(() => {
      asked = true
      this.verdicts.stop()
    })
    this.listenToDocuments()
    this.answerRequests()
  }

  listen(): void {
    this.documents.listen(this.connection)
    this.connection.listen()
  }

  private newVerdicts(): Verdicts {
    return new Verdicts(this.o.runAll, this.settings, (uri) => {
      this.verdictChanged(uri)
    })
  }

  private initialize(p: InitializeParams): InitializeResult {
    this.settings = settingsOf(p.initializationOptions)
    this.verdicts = this.newVerdicts()
    this.refreshes = p.capabilities?.workspace?.codeLens?.refreshSupport === true
    return { capabilities, serverInfo: { name: 'tbit', version: this.o.version } }
  }

  private listenToDocuments(): void {
    this.documents.onDidChangeContent(({ document: doc }) => {
      // Also told when a document is opened.
      if (doc.version !== this.parsed.get(doc.uri)?.version) this.verdicts.giveUp(doc.uri)
      clearTimeout(this.timers.get(doc.uri))
      this.timers.set(
        doc.uri,
        setTimeout(() => {
          this.publish(doc.uri)
        }, PAUSE)
      )
    })
    this.documents.onDidOpen(({ document: doc }) => {
      if (this.settings.check === 'save') this.check(doc)
    })
    this.documents.onDidSave(({ document: doc }) => {
      if (this.settings.check === 'save') this.check(doc)
    })
    this.documents.onDidClose(({ document: { uri } }) => {
      clearTimeout(this.timers.get(uri))
      this.timers.delete(uri)
      this.parsed.delete(uri)
      this.verdicts.forget(uri)
      void this.connection.sendDiagnostics({ uri, diagnostics: [] })
    })
  }

  private answerRequests(): void {
    const c = this.connection
    /** Answers about an open document of reasonable length; of any other there is nothing to say. */
    const about =
      <P extends { textDocument: { uri: string } }, R>(nothing: R, answer: (doc: TextDocument, p: P) => R) =>
      (p: P): R => {
        const doc = this.documents.get(p.textDocument.uri)
        return doc === undefined || tooLong(doc) ? nothing : answer(doc, p)
      }
    c.onCompletion(about([], (doc, p) => completion(doc, doc.offsetAt(p.position))))
    c.onHover(about(null, (doc, p) => hoverAt(doc, doc.offsetAt(p.position))))
    c.onDefinition(about(null, (doc, p) => definitionAt(doc, doc.offsetAt(p.position))))
    c.onDocumentFormatting(about([], formatting))
    c.onDocumentSymbol(about([], symbols))
    c.onFoldingRanges(about([], folding))
    c.onCodeAction(about([], (doc, p) => codeActions(doc, this.parsedOf(doc), p.range)))
    c.languages.semanticTokens.on(about({ data: [] }, semanticTokens))
    c.onCodeLens(about([], (doc) => this.lenses(doc)))
    c.onExecuteCommand((p) => {
      const doc =
        p.command === CHECK && typeof p.arguments?.[0] === 'string' ? this.documents.get(p.arguments[0]) : undefined
      if (doc !== undefined) this.check(doc)
      return null
    })
  }

  private parsedOf(doc: TextDocument): Parsed {
    const known = this.parsed.get(doc.uri)
    if (known?.version === doc.version) return known.parsed
    let parsed: Parsed
    try {
      parsed = tooLong(doc) ? { errors: [], warnings: [] } : parseText(doc)
    } catch (e) {
      parsed = { errors: [brokenInvariant(doc.uri, e)], warnings: [] }
    }
    this.parsed.set(doc.uri, { version: doc.version, parsed })
    return parsed
  }

  private check(doc: TextDocument): void {
    const { test, errors } = this.parsedOf(doc)
    if (test !== undefined && errors.length === 0) this.verdicts.ask(doc, test)
  }

  private publish(uri: string): void {
    const doc = this.documents.get(uri)
    if (doc === undefined) return
    const known = this.verdicts.of(uri)
    const own = tooLong(doc)
      ? [
          toLsp(doc, {
            code: 'TB-241',
            file: uri,
            line: 1,
            column: 1,
            word: '',
            message: `a text of more than ${LONGEST} characters is not looked into`,
            severity: 'warning'
          })
        ]
      : diagnostics(doc, this.parsedOf(doc))
    const found = known.state === 'done' && known.version === doc.version ? known.notes : []
    void this.connection.sendDiagnostics({ uri, version: doc.version, diagnostics: [...own, ...found] })
  }

  private verdictChanged(uri: string): void {
    if (this.verdicts.of(uri).state === 'done') this.publish(uri)
    if (!this.refreshes || this.refreshing !== null) return
    this.refreshing = setTimeout(() => {
      this.refreshing = null
      // An editor that goes away meanwhile answers nothing.
      this.connection.sendRequest('workspace/codeLens/refresh').catch(() => {})
    }, EVERY)
  }

  private lenses(doc: TextDocument): CodeLens[] {
    const part = outline(doc.getText()).find((p) => p.part === 'litmus')
    if (part === undefined) return []
    return [
      {
        range: { start: doc.positionAt(part.from), end: doc.positionAt(part.to) },
        command: { title: this.lensTitle(doc), command: CHECK, arguments: [doc.uri] }
      }
    ]
  }

  private lensTitle(doc: TextDocument): string {
    const { errors } = this.parsedOf(doc)
    if (errors.length > 0) return `not checked: ${errors[0]?.message ?? ''}`
    const known = this.verdicts.of(doc.uri)
    switch (known.state) {
      case 'none':
        return this.settings.check === 'save' ? 'checked when saved' : 'check'
      case 'running':
        return `checking: ${known.done} of ${known.all} runs`
      case 'done':
        return known.version === doc.version ? known.words : `before the last change: ${known.words}`
    }
  }
}

/** Serves one editor until its streams end. */
export function serve(o: ServerOptions): void {
  new Server(o).listen()
}
