// An editor for tests: starts `tbit lsp` and speaks to it over its standard input and output, as bytes.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))

export interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: Record<string, unknown>
  readonly result?: unknown
  readonly error?: { readonly code: number; readonly message: string }
}

export class Client {
  readonly child: ChildProcessWithoutNullStreams
  readonly seen: Message[] = []
  stderr = ''
  readonly ended: Promise<number | null>
  private bytes = Buffer.alloc(0)
  private id = 0
  private waiting: Array<() => void> = []

  /** `checkout`: where `tbit` is. */
  constructor(checkout = root) {
    this.child = spawn(join(checkout, 'tbit'), ['lsp', '--stdio'], { cwd: checkout })
    this.child.stdout.on('data', (d: Buffer) => {
      this.read(d)
    })
    this.child.stderr.on('data', (d: Buffer) => {
      this.stderr += String(d)
    })
    // One that has ended reads nothing any more.
    this.child.stdin.on('error', () => {})
    this.ended = new Promise((resolve) => {
      this.child.on('exit', (code) => {
        resolve(code)
      })
    })
  }

  raw(text: string): void {
    this.child.stdin.write(text)
  }

  send(m: Message): void {
    const text = JSON.stringify({ jsonrpc: '2.0', ...m })
    this.raw(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`)
  }

  notify(method: string, params: Record<string, unknown> = {}): void {
    this.send({ method, params })
  }

  async request<R>(method: string, params: Record<string, unknown> = {}): Promise<R> {
    const answer = await this.ask(method, params)
    if (answer.error !== undefined) throw new Error(answer.error.message)
    return answer.result as R
  }

  /** A request whose answer may be an error. */
  async ask(method: string, params: Record<string, unknown> = {}): Promise<Message> {
    const id = ++this.id
    this.send({ id, method, params })
    return this.until((m) => m.id === id && m.method === undefined)
  }

  /** The first message like that, of those that came and those to come. */
  async until(like: (m: Message) => boolean): Promise<Message> {
    for (;;) {
      const m = this.seen.find(like)
      if (m !== undefined) return m
      await new Promise<void>((resolve) => {
        this.waiting.push(resolve)
      })
    }
  }

  async start(options: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const r = await this.request<{ capabilities: Record<string, unknown> }>('initialize', {
      processId: null,
      rootUri: null,
      capabilities: { workspace: { codeLens: { refreshSupport: true } } },
      initializationOptions: options
    })
    this.notify('initialized')
    return r.capabilities
  }

  open(uri: string, text: string): void {
    this.notify('textDocument/didOpen', { textDocument: { uri, languageId: 'litmus', version: 1, text } })
  }

  /** The whole text anew. */
  change(uri: string, version: number, text: string): void {
    this.notify('textDocument/didChange', { textDocument: { uri, version }, contentChanges: [{ text }] })
  }

  async diagnostics(uri: string, version: number): Promise<Array<Record<string, unknown>>> {
    const m = await this.until(
      (x) =>
        x.method === 'textDocument/publishDiagnostics' && x.params?.['uri'] === uri && x.params['version'] === version
    )
    return m.params?.['diagnostics'] as Array<Record<string, unknown>>
  }

  async stop(): Promise<number | null> {
    await this.request('shutdown')
    this.notify('exit')
    return this.ended
  }

  private read(d: Buffer): void {
    this.bytes = Buffer.concat([this.bytes, d])
    for (;;) {
      const head = /^Content-Length: (\d+)\r\n\r\n/.exec(this.bytes.subarray(0, 100).toString('latin1'))
      if (head === null) break
      const end = head[0].length + Number(head[1])
      if (this.bytes.length < end) break
      const m = JSON.parse(this.bytes.subarray(head[0].length, end).toString('utf8')) as Message
      this.bytes = this.bytes.subarray(end)
      this.seen.push(m)
      // Requests of the server want an answer.
      if (m.id !== undefined && m.method !== undefined) this.send({ id: m.id, result: null })
    }
    for (const w of this.waiting.splice(0)) w()
  }
}
