// The language server as an editor has it: over the standard streams of `tbit lsp`.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { root } from '../_transcripts.ts'
import { Client } from './_client.ts'

const uri = 'file:///w/a.litmus'
const text = `litmus a "b"
platform arm-cca
kernel cc-v8
device nic { tdisp }
thread os {
  tsm_lock(nic)
  buf = dma_alloc_coherent(nic, 4K)
  tsm_accept(nic)
  dma_free_coherent(nic, buf)
}
expect * : exposed
`
const place = (word: string, t = text): { line: number; character: number } => {
  const before = t.slice(0, t.indexOf(word) + 1).split('\n')
  return { line: before.length - 1, character: (before.at(-1) ?? '').length }
}
const of = (u: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  textDocument: { uri: u },
  ...more
})

let open: Client[] = []
const start = async (options?: Record<string, unknown>): Promise<Client> => {
  const c = new Client()
  open.push(c)
  await c.start(options)
  return c
}
// Builds what is stale, once.
beforeAll(() => {
  execFileSync(join(root, 'tbit'), ['--version'], { stdio: 'ignore' })
}, 120_000)
afterEach(() => {
  for (const c of open) c.child.kill()
  open = []
})
afterAll(() => {
  for (const c of open) c.child.kill()
})

test('messages of what is wrong, each with its quick fix; none once it is mended', async () => {
  const c = await start({ check: 'ask' })
  c.open(uri, text.replace('tdisp', 'tdsip').replace('cc-v8', 'cc-v88').replace('tsm_lock', 'tsm_lokc'))
  const wrong = await c.diagnostics(uri, 1)
  expect(wrong.map((d) => [d['code'], d['severity']])).toEqual([
    ['TB-226', 1],
    ['TB-223', 1],
    ['TB-207', 1]
  ])
  const range = { start: { line: 5, character: 2 }, end: { line: 5, character: 2 } }
  const actions = await c.request<
    Array<{ title: string; edit: { changes: Record<string, Array<{ range: unknown; newText: string }>> } }>
  >('textDocument/codeAction', of(uri, { range, context: { diagnostics: [] } }))
  expect([actions[0]?.title, actions[0]?.edit.changes[uri]]).toEqual([
    "write 'tsm_lock'",
    [{ range: { start: { line: 5, character: 2 }, end: { line: 5, character: 10 } }, newText: 'tsm_lock' }]
  ])
  c.notify('textDocument/didChange', {
    textDocument: { uri, version: 2 },
    contentChanges: [{ range: { start: { line: 5, character: 2 }, end: { line: 5, character: 10 } }, text: 'tsm_lock' }]
  })
  expect((await c.diagnostics(uri, 2)).map((d) => d['code'])).toEqual(['TB-226', 'TB-223'])
  c.change(uri, 3, text)
  expect(await c.diagnostics(uri, 3)).toEqual([])
  expect(await c.stop()).toBe(0)
})

test('completion, hover, definition, layout, symbols, folds, colours', async () => {
  const c = await start({ check: 'ask' })
  c.open(uri, text)
  const items = await c.request<Array<{ label: string; detail: string; textEdit: unknown }>>(
    'textDocument/completion',
    of(uri, { position: { line: 5, character: 6 } })
  )
  expect(items.map((i) => i.label)).toContain('tsm_lock')
  expect(items.find((i) => i.label === 'tsm_lock')?.textEdit).toEqual({
    range: { start: { line: 5, character: 2 }, end: { line: 5, character: 6 } },
    newText: 'tsm_lock'
  })
  const hover = await c.request<{ contents: { value: string } }>(
    'textDocument/hover',
    of(uri, { position: place('exposed') })
  )
  expect(hover.contents.value).toMatch(/the host or an untrusted device can read[\s\S]*Violated when/)
  const definition = await c.request('textDocument/definition', of(uri, { position: place('buf)') }))
  expect(definition).toEqual({ uri, range: { start: { line: 6, character: 2 }, end: { line: 6, character: 5 } } })
  const symbols = await c.request<Array<{ name: string; detail: string }>>('textDocument/documentSymbol', of(uri))
  expect(symbols.map((s) => `${s.detail} ${s.name}`)).toEqual([
    'litmus a',
    'platform arm-cca',
    'kernel cc-v8',
    'device nic',
    'thread os',
    'expect *'
  ])
  expect(await c.request('textDocument/foldingRange', of(uri))).toEqual([{ startLine: 4, endLine: 9 }])
  const { data } = await c.request<{ data: number[] }>('textDocument/semanticTokens/full', of(uri))
  expect([data.length % 5, data.length > 100]).toEqual([0, true])
  c.change(uri, 2, text.replace('thread os {', 'thread   os{'))
  const edits = await c.request<Array<{ newText: string }>>(
    'textDocument/formatting',
    of(uri, { options: { tabSize: 8, insertSpaces: false } })
  )
  expect(edits).toHaveLength(1)
  expect(await c.stop()).toBe(0)
})

test(
  'the verdict above the test, found when it is opened and saved; a surprise is a ' + 'message at its statement',
  async () => {
    const c = await start()
    const lens = async (): Promise<string> =>
      (await c.request<Array<{ command: { title: string } }>>('textDocument/codeLens', of(uri)))[0]?.command.title ?? ''
    const settled = async (): Promise<string> => {
      for (;;) {
        const t = await lens()
        if (!t.startsWith('checking') && !t.startsWith('checked when')) return t
        await new Promise((resolve) => {
          setTimeout(resolve, 50)
        })
      }
    }
    c.open(uri, text)
    expect(await settled()).toBe('1 hazard shown as expected; 0 surprises')
    await c.until((m) => m.method === 'workspace/codeLens/refresh')
    c.change(uri, 2, text.replace(': exposed', ': ok'))
    expect(await lens()).toBe('before the last change: 1 hazard shown as expected; 0 surprises')
    c.notify('textDocument/didSave', of(uri))
    expect(await settled()).toMatch(/1 surprise$/)
    const found = await c.until(
      (m) =>
        m.method === 'textDocument/publishDiagnostics' &&
        ((m.params?.['diagnostics'] ?? []) as Array<{ source: string }>).some((d) => d.source === 'tbit check')
    )
    expect(found.params).toMatchObject({
      version: 2,
      diagnostics: [{ code: 'exposed', range: { start: { line: 8, character: 2 } } }]
    })
    expect(await c.stop()).toBe(0)
  }
)

test('a change gives up a long search, and messages come while one goes on', async () => {
  const c = await start({ maxStates: 1e9, seconds: 3600 })
  const many = text.replace(
    /tsm_lock[\s\S]*coherent\(nic, buf\)\n/,
    Array.from({ length: 6 }, (_, i) => `p${i} = alloc_page()\n`).join('')
  )
  const allocations = Array.from({ length: 6 }, (_, i) => `q${i} = alloc_page()\n`).join('')
  const long = many
    .replace('expect', `${['b', 'c', 'd', 'e'].map((n) => `thread ${n} {\n${allocations}}`).join('\n')}\nexpect`)
    .replace('exposed', 'ok')
  c.open(uri, long)
  expect(await c.diagnostics(uri, 1)).toEqual([])
  const [first] = await c.request<Array<{ command: { title: string } }>>('textDocument/codeLens', of(uri))
  expect(first?.command.title).toBe('checking: 0 of 1 runs')
  c.change(uri, 2, long.replace('thread b', 'thraed b'))
  expect((await c.diagnostics(uri, 2))[0]?.['code']).toBe('TB-206')
  const [second] = await c.request<Array<{ command: { title: string } }>>('textDocument/codeLens', of(uri))
  expect(second?.command.title).toMatch(/^not checked: /)
  expect(await c.stop()).toBe(0)
})

test('unknown documents, places outside, requests without sense: an answer each, and the server lives', async () => {
  const c = await start({ check: 'ask' })
  c.open(uri, text)
  expect(
    await c.request('textDocument/hover', of('file:///nowhere', { position: { line: 0, character: 0 } }))
  ).toBeNull()
  expect(
    await c.request('textDocument/completion', of('file:///nowhere', { position: { line: 0, character: 0 } }))
  ).toEqual([])
  expect(await c.request('textDocument/hover', of(uri, { position: { line: 1e9, character: -3 } }))).toBeNull()
  expect((await c.ask('textDocument/hover', {})).error).toBeDefined()
  expect((await c.ask('nothing/known', {})).error?.code).toBe(-32601)
  expect(
    await c.request('workspace/executeCommand', { command: 'tbit.check', arguments: ['file:///nowhere'] })
  ).toBeNull()
  c.notify('textDocument/didChange', {
    textDocument: { uri: 'file:///nowhere', version: 2 },
    contentChanges: [{ text: 'x' }]
  })
  c.notify('textDocument/didClose', of('file:///nowhere'))
  c.raw('Content-Length: 5\r\n\r\n{"a":')
  expect(await c.request('textDocument/hover', of(uri, { position: place('thread') }))).not.toBeNull()
  expect(c.stderr).toMatch(/^tbit lsp: /)
  expect(await c.stop()).toBe(0)
})

test('a text that is too long is said to be, others go on', async () => {
  const c = await start({ check: 'ask' })
  c.open('file:///huge', `${text}${'# x\n'.repeat(100_000)}`)
  expect((await c.diagnostics('file:///huge', 1)).map((d) => [d['code'], d['severity']])).toEqual([['TB-241', 2]])
  expect(await c.request('textDocument/semanticTokens/full', of('file:///huge'))).toEqual({ data: [] })
  c.open(uri, text)
  expect(await c.diagnostics(uri, 1)).toEqual([])
  expect(await c.stop()).toBe(0)
})

test.each([
  ['no message', 'GET / HTTP/1.1\r\n\r\n'],
  ['a length that is none', 'Content-Length: abc\r\n\r\n{}'],
  ['the end of its input', '']
])('%s: it ends with its streams', async (_, bytes) => {
  const c = new Client()
  open.push(c)
  c.raw(bytes)
  c.child.stdin.end()
  expect(await c.ended).toBe(1)
  expect(c.stderr).not.toMatch(/\n\s+at /)
})
