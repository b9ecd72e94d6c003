// A small site for the tests: a few tests of the library built as the whole would be, once a run of the test file.
import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
// @ts-expect-error: a script without types
import { buildWeb } from '../../scripts/build-web.mjs'
import { discard, newFolder } from '../scratch.ts'

export const SOME = [
  'litmus/races',
  'litmus/coherent/coherent-free-with-driver-without-driver.litmus',
  'litmus/coherent/coherent-noncoherent-at-t1-without-accept.litmus',
  'litmus/streaming/direct-unmapped-before-unlock-without-unmap.litmus',
  'litmus/flag-races/flag-shares-byte-on-x86.litmus'
]

/** tbit hunt --kernel rfc-v1 --platform arm-cca --scene coherent+tdisp --interleave calls --format json */
export const HUNTED = 'test/fixtures/hunt/coherent-tdisp.json'

export interface Built {
  readonly dir: string
  readonly pages: number
  readonly said: readonly string[]
  remove(): void
}

export async function builtSite(only: readonly string[] = SOME): Promise<Built> {
  const base = newFolder('web')
  const dir = join(base, 'site')
  const said: string[] = []
  const { pages } = await buildWeb({
    out: dir,
    only: only.map((f) => join(process.cwd(), f)),
    hunts: [HUNTED],
    say: (line: string) => {
      said.push(line)
    }
  })
  return { dir, pages, said, remove: () => discard(base) }
}

export const filesOf = (dir: string, from = dir): string[] =>
  readdirSync(dir, { withFileTypes: true }).flatMap((e) =>
    e.isDirectory() ? filesOf(join(dir, e.name), from) : [relative(from, join(dir, e.name))]
  )
