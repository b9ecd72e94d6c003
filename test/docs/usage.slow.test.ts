// Commands that a page mentions without showing their output: the verb exists, and so does each option of it.
import { readdirSync, readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { expect, test } from 'vitest'
import type { Io } from '../../src/cli/io.ts'
import { own } from '../../src/base/index.ts'
import { families, type Loader, verbs } from '../../src/cli/verbs.ts'

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'litmus/README.md',
  ...readdirSync('docs')
    .filter((f) => f.endsWith('.md'))
    .map((f) => `docs/${f}`)
]
const io = {
  out: () => {},
  err: () => {},
  draw: () => {},
  colour: false,
  progress: false,
  exit: () => {}
} as unknown as Io

/**
 * `tbit VERB ...` in backquotes, in indented lines and in blocks of code, a backslash at a line's end joined. Output of
 * a command is not looked at.
 */
function mentioned(text: string): string[] {
  const out: string[] = []
  const rest = text.replace(/^```console\n[\s\S]*?^```/gm, '').replace(/ *\\\n\s*/g, ' ')
  for (const m of rest.matchAll(/`(?:\.\/)?(tbit [^`\n]+)`/g)) out.push(m[1] as string)
  for (const m of rest.matchAll(/^(?: {4}|\t)?(?:\$ )?(?:\.\/)?(tbit [a-z].*)$/gm))
    if (/^(?: {4}|\t|\$|\.\/)/.test(m[0])) out.push(m[1] as string)
  return out
}

/** What is wrong with it, or null. The words after a pipe, `;`, `>` or a comment belong to others. */
async function wrong(line: string): Promise<string | null> {
  let words = (line.split(/ [|;>#&]|: |\s{2,}|\|/)[0] as string)
    .replace(/'[^']*'|"[^"]*"/g, 'X')
    .split(/\s+/)
    .slice(1)
  const family = own(families, words[0] ?? '')
  if (family !== undefined) words = words.slice(1)
  const name = words[0] ?? ''
  if (!/^[a-z]+$/.test(name)) return null
  const loader: Loader | undefined = own(family?.verbs ?? verbs, name)
  if (loader === undefined) return `no verb '${name}'`
  let command: Command = await (await loader.load())(io)
  for (const w of words.slice(1)) {
    const sub = command.commands.find((c) => c.name() === w)
    if (sub === undefined) break
    command = sub
  }
  for (const w of words.slice(1).filter((x) => /^--?[a-z]/.test(x))) {
    const flag = w.replace(/[=,.:)\]].*$/, '')
    if (flag !== '--help' && flag !== '--force' && !command.options.some((o) => o.long === flag || o.short === flag))
      return `'${name}' has no ${flag}`
  }
  return null
}

for (const page of pages) {
  test(page, async () => {
    for (const line of mentioned(readFileSync(page, 'utf8'))) expect(await wrong(line), line).toBeNull()
  })
}

test('what is wrong is found', async () => {
  expect(await wrong('tbit chekc x')).toBe("no verb 'chekc'")
  expect(await wrong('tbit check x --kernels cc-v8')).toBe("'check' has no --kernels")
  expect(mentioned('a `tbit rules -v` b\n\n    tbit size --ram 1T \\\n      --kernel 7.3\n')).toEqual([
    'tbit rules -v',
    'tbit size --ram 1T --kernel 7.3'
  ])
})
