// The command line as its users see it: each `console` block of Markdown files is run and compared. A line `...` stands
// for any lines. UPDATE_TRANSCRIPTS=1 writes what came out into the files (then read the diff).
//
// What needs no process is run without one (_cli.ts), and the first of those in each file by a process as well, which
// must print the same; TBIT_TRANSCRIPTS=process, as UPDATE_TRANSCRIPTS=1, has a process for each.
import { execFile, execFileSync } from 'node:child_process'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { printed, simple } from './_cli.ts'
import { discard, newFolder } from './scratch.ts'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
const update = process.env['UPDATE_TRANSCRIPTS'] === '1'
const processes = update || process.env['TBIT_TRANSCRIPTS'] === 'process'

export interface Step {
  readonly command: string
  readonly expected: readonly string[]
  readonly line: number
  got?: readonly string[]
}

/** Commands with their expected output; `line` is the one after the command. */
export function steps(markdown: string): Step[] {
  const out: Step[] = []
  let inside = false
  let current: { command: string; expected: string[]; line: number } | null = null
  for (const [i, text] of markdown.split('\n').entries()) {
    if (text.startsWith('```')) {
      inside = text === '```console'
      current = null
    } else if (inside && text.startsWith('$ '))
      out.push((current = { command: text.slice(2), expected: [], line: i + 1 }))
    else if (inside && current !== null) current.expected.push(text)
  }
  return out
}

// How many operations and rows there are grows with the model; that they are counted is tested elsewhere.
const counts = (l: string): string =>
  update ? l : l.replace(/\b\d+ of \d+\b/g, '# of #').replace(/("(?:operations|rows)Known": )\d+/, '$1#')

/** Lines against a pattern in which `...` stands for any number of lines. */
export function fits(got: readonly string[], pattern: readonly string[]): boolean {
  if (pattern.length === 0) return got.length === 0
  if (pattern[0] === '...') {
    for (let i = 0; i <= got.length; i++) if (fits(got.slice(i), pattern.slice(1))) return true
    return false
  }
  return (
    got.length > 0 && counts(got[0] as string) === counts(pattern[0] as string) && fits(got.slice(1), pattern.slice(1))
  )
}

const wordsOf = (l: string): Set<string> => new Set(l.split(/\W+/).filter((w) => w !== ''))
/** How much two lines have in common, 0 to 1: their words. */
function alike(a: string, b: string): number {
  const [x, y] = [wordsOf(a), wordsOf(b)]
  const both = [...x].filter((w) => y.has(w)).length
  return x.size + y.size === 0 ? 1 : (2 * both) / (x.size + y.size)
}

/**
 * What `update` writes: between the marks `...` as many lines as stood there, from the place of the output that is most
 * like them.
 */
function merged(got: readonly string[], expected: readonly string[]): readonly string[] {
  if (!expected.includes('...')) return got
  const out: string[] = []
  let from = 0
  for (let i = 0; i < expected.length; ) {
    if (expected[i] === '...') {
      out.push('...')
      i++
      continue
    }
    let n = 0
    while (i + n < expected.length && expected[i + n] !== '...') n++
    const old = expected.slice(i, i + n)
    const score = (at: number): number =>
      old.reduce((sum, l, k) => sum + (got[at + k] === undefined ? 0 : alike(l, got[at + k] as string)), 0)
    let best = from
    if (i > 0) for (let at = from; at + n <= got.length; at++) if (score(at) > score(best)) best = at
    out.push(...got.slice(best, best + n))
    from = best + n
    i += n
  }
  return out
}

/** Runs the console blocks of `files`, one after the other within a file. */
export function transcripts(files: readonly string[]): void {
  let bin = ''
  beforeAll(() => {
    bin = newFolder('cli')
    symlinkSync(join(root, 'tbit'), join(bin, 'tbit'))
    // Builds what is stale, once, before commands run side by side.
    execFileSync(join(root, 'tbit'), ['--version'], { stdio: 'ignore' })
  }, 120_000)
  afterAll(() => {
    discard(bin)
  })

  const env = (): NodeJS.ProcessEnv => ({
    ...process.env,
    PATH: `${bin}:${process.env['PATH'] ?? ''}`,
    TMP: bin,
    TBIT_CACHE: join(bin, 'cache'),
    NO_COLOR: '1'
  })
  const lines = (out: string): string[] => {
    const text = out.replace(/\n$/, '').replaceAll(bin, '$TMP')
    return text === '' ? [] : text.split('\n')
  }
  const started = (command: string): Promise<string> =>
    new Promise((resolve) => {
      execFile(
        'sh',
        ['-c', `exec 2>&1; ${command}`],
        { cwd: root, env: env(), encoding: 'utf8', maxBuffer: 64 << 20 },
        (_e, stdout) => {
          resolve(stdout)
        }
      )
    })
  /** Without a process, where that can be. */
  const alone = async (command: string): Promise<string | null> => {
    const c = processes || /'[^']*\$TMP[^']*'/.test(command) ? null : simple(command.replaceAll('$TMP', bin))
    return c === null ? null : await printed(c, env(), root)
  }

  for (const path of files) {
    const all = steps(readFileSync(path, 'utf8'))
    if (all.length === 0) continue
    describe(relative(root, path), () => {
      let compared = false
      for (const s of all) {
        test(`line ${s.line}: ${s.command}`, async () => {
          const fast = await alone(s.command)
          const outs = fast === null ? [] : [fast]
          if (fast === null || !compared) outs.push(await started(s.command))
          if (fast !== null) compared = true
          for (const got of outs.map(lines)) {
            if (fits(got, s.expected)) continue
            if (update) s.got = merged(got, s.expected)
            else expect(got.join('\n')).toBe(s.expected.join('\n'))
          }
        })
      }
      afterAll(() => {
        if (!all.some((s) => s.got)) return
        const lines = readFileSync(path, 'utf8').split('\n')
        for (const s of [...all].reverse()) if (s.got) lines.splice(s.line, s.expected.length, ...s.got)
        writeFileSync(path, lines.join('\n'))
      })
    })
  }
}
