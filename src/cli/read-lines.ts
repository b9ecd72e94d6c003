// Lines of a file, of every recording in a directory, or of standard input ('-'); gzip and zstd are recognised by
// content, not by name.
import { createReadStream, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Diagnostic } from '../base/index.ts'
import { cannotRead } from './file-access.ts'
import { CannotUnpack, packing, unpack } from './unpack.ts'

const LONGEST = 1 << 20

/** The bytes of a file or of standard input, unpacked. */
export async function* chunks(path: string): AsyncGenerator<Uint8Array> {
  const raw = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: 1 << 18 })
  const source = raw[Symbol.asyncIterator]() as AsyncGenerator<Buffer>
  const first = await source.next()
  if (first.done) return
  const all = async function* (): AsyncGenerator<Uint8Array> {
    yield first.value
    yield* source
  }
  const kind = packing(first.value)
  yield* kind === null ? all() : unpack(kind, all())
}

/**
 * Each line as text; `whole` when it had its end. Answers what went wrong with the file itself, null when it was read
 * to its end. A line over `longest` bytes (1 MiB) ends the reading, unless `tooLong` is there to be told of it: then it
 * is left out.
 */
export async function readLines(
  path: string,
  each: (line: string, whole: boolean) => boolean,
  tooLong?: (line: number) => void,
  longest = LONGEST
): Promise<Diagnostic | null> {
  const bad = (message: string, hint?: string): Diagnostic => ({
    code: 'TB-002',
    file: path === '-' ? '(standard input)' : path,
    line: 0,
    column: 0,
    word: '',
    message,
    ...(hint ? { hint } : {})
  })
  let rest = ''
  let lines = 0
  let skipping = false
  const decoder = new TextDecoder('utf-8')
  try {
    for await (const chunk of chunks(path)) {
      rest += decoder.decode(chunk, { stream: true })
      let from = 0
      for (let nl = rest.indexOf('\n', from); nl >= 0; nl = rest.indexOf('\n', from)) {
        lines++
        if (skipping) skipping = false
        else if (nl - from > longest && tooLong) tooLong(lines)
        else if (!each(rest.slice(from, nl), true)) return null
        from = nl + 1
      }
      rest = rest.slice(from)
      if (rest.length > longest && tooLong) {
        if (!skipping) tooLong(lines + 1)
        skipping = true
        rest = ''
      }
      if (rest.length > longest)
        return {
          ...bad(`line ${lines + 1} is longer than ${longest >> 20} MiB; this is not a text of lines`),
          line: lines + 1,
          column: 1
        }
    }
  } catch (e) {
    if (e instanceof CannotUnpack)
      return bad(e.message, e.hint ?? (lines > 0 ? `the ${lines} lines before that were used` : undefined))
    return cannotRead(path === '-' ? '(standard input)' : path, e)
  }
  rest += decoder.decode()
  if (rest !== '' && !skipping) each(rest, false)
  return null
}

/**
 * The files that the arguments name: a directory stands for its files with one of the endings, in order of their names.
 */
export function filesOf(
  args: readonly string[],
  endings: readonly string[]
): { files: string[]; errors: Diagnostic[] } {
  const files: string[] = []
  const errors: Diagnostic[] = []
  for (const path of args) {
    const at = { file: path, line: 0, column: 0, word: '' }
    try {
      if (path === '-' || !statSync(path).isDirectory()) {
        files.push(path)
        continue
      }
      const found = readdirSync(path)
        .filter((f) => endings.some((e) => f.endsWith(e)))
        .sort()
      if (found.length === 0)
        errors.push({
          ...at,
          code: 'TB-002',
          message: `the directory holds no file that ends in ${endings.join(' or ')}`
        })
      // A pipe or a device in a directory is nobody's recording: opening it may wait for ever.
      for (const f of found) if (statSync(join(path, f)).isFile()) files.push(join(path, f))
    } catch (e) {
      errors.push(cannotRead(path, e))
    }
  }
  return { files, errors }
}
