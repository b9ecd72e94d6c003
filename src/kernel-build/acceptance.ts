// A tree whose force_dma_unencrypted() is the architecture's answer and not for an accepted device: the released core
// code under the decision that the accept series have. No released tree answers so.
import { blank, closing } from './c-text.ts'
import type { Tree } from './tree.ts'

const PLACES = ['arch/arm64/include/asm/mem_encrypt.h', 'arch/x86/mm/mem_encrypt.c']
const HOOK = '\n\t{ extern int tbit_accepted(const void *dev); if (tbit_accepted(dev)) return 0; }\n'

/** The tree with the hook in front of the architecture's answer; null when an architecture has no such function. */
export function withAcceptance(tree: Tree): Tree | null {
  const changed = new Map<string, string>()
  for (const p of PLACES) {
    const text = tree.read(p)
    const m = text === null ? null : /\bbool\s+force_dma_unencrypted\s*\(/.exec(blank(text))
    if (text === null || m === null) continue
    const open = text.indexOf('{', closing(blank(text), m.index + m[0].length - 1))
    if (open < 0) continue
    changed.set(p, `${text.slice(0, open + 1)}${HOOK}${text.slice(open + 1)}`)
  }
  return changed.size === 0
    ? null
    : { ...tree, name: `${tree.name} with acceptance`, read: (p) => changed.get(p) ?? tree.read(p) }
}
