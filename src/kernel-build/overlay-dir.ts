// The overlay is C text in files beside this one; the bundle in dist/ reads the same files from the checkout.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensure } from '../base/index.ts'

const here = dirname(fileURLToPath(import.meta.url))

/** @throws Error when the checkout is incomplete. */
export function overlayDir(): string {
  const places = [
    join(here, 'overlay'),
    join(here, '..', 'src', 'kernel-build', 'overlay'),
    join(here, '..', '..', 'src', 'kernel-build', 'overlay')
  ]
  return ensure(
    places.find((d) => existsSync(join(d, 'tbit.h'))),
    'src/kernel-build/overlay'
  )
}

/** All files below a directory by relative path. */
export function readAll(dir: string, below = ''): Map<string, string> {
  const out = new Map<string, string>()
  for (const e of readdirSync(join(dir, below)).sort()) {
    const p = below ? `${below}/${e}` : e
    if (statSync(join(dir, p)).isDirectory()) for (const [k, v] of readAll(dir, p)) out.set(k, v)
    else out.set(p, readFileSync(join(dir, p), 'utf8'))
  }
  return out
}
