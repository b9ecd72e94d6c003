// The language server as an editor has it: a process, spoken to over its streams. Milliseconds from a change (one
// character typed in a test of the library of average length, the whole text sent) to its diagnostics, and from a
// request to its completion; median and 95th percentile. Beside it the same work in this process, without the protocol.
// Wished: diagnostics within 50 ms, completion within 20. Run: npm run bench -- lsp
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { complete } from '../src/litmus/complete.ts'
import { parse } from '../src/litmus/index.ts'
import { Client } from '../test/lsp/_client.ts'

const CHANGES = 400
const dir = 'litmus'
const texts = readdirSync(dir, { recursive: true, encoding: 'utf8' })
  .filter((f) => f.endsWith('.litmus'))
  .map((f) => readFileSync(join(dir, f), 'utf8'))
  .sort((a, b) => a.length - b.length)

const at = (sorted: readonly number[], share: number): string =>
  (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN).toFixed(1)
function say(what: string, times: number[]): void {
  times.sort((a, b) => a - b)
  process.stdout.write(`${what.padEnd(44)} median ${at(times, 0.5)} ms, p95 ${at(times, 0.95)} ms\n`)
}

/** The text while a statement is typed at the end of its first thread, a character more each time. */
function typed(
  text: string,
  n: number
): { readonly text: string; readonly line: number; readonly character: number; readonly offset: number } {
  const statement = 'dma_unmap_single(nic, h)'.slice(0, n % 25)
  const lines = text.split('\n')
  const line = lines.findIndex((l) => l.startsWith('thread')) + 1
  lines.splice(line, 0, `  ${statement}`)
  const character = 2 + statement.length
  return { text: lines.join('\n'), line, character, offset: lines.slice(0, line).join('\n').length + 1 + character }
}

async function one(name: string, text: string): Promise<void> {
  const client = new Client(process.cwd())
  await client.start({ check: 'ask' })
  const uri = 'file:///bench/a.litmus'
  client.open(uri, text)
  await client.diagnostics(uri, 1)
  const times = { change: [] as number[], completion: [] as number[], parse: [] as number[], complete: [] as number[] }
  const timed = async (into: number[], work: () => unknown): Promise<void> => {
    const begun = performance.now()
    await work()
    into.push(performance.now() - begun)
  }
  for (let n = 2; n < 2 + CHANGES; n++) {
    const now = typed(text, n)
    await timed(times.change, async () => {
      client.change(uri, n, now.text)
      await client.diagnostics(uri, n)
    })
    await timed(times.completion, () =>
      client.request('textDocument/completion', {
        textDocument: { uri },
        position: { line: now.line, character: now.character }
      })
    )
    await timed(times.parse, () => parse(now.text, 'a.litmus'))
    await timed(times.complete, () => complete(now.text, now.offset))
    client.seen.length = 0
  }
  await client.stop()
  process.stdout.write(`${name}: ${text.length} characters, ${text.split('\n').length} lines\n`)
  say('  a change, to its diagnostics', times.change)
  say('  parse() alone', times.parse)
  say('  completion', times.completion)
  say('  complete() alone', times.complete)
}

await one('the median test', texts[Math.floor(texts.length / 2)] as string)
await one('the longest test', texts.at(-1) as string)
