// What changed in a component, in words: pages, content, pools, owners.
import { type Intervals, PAGE_SIZE, pieces } from '../base/index.ts'
import { hwNames, pteNames } from '../machine/index.ts'
import { tagNames } from '../kernel/index.ts'
import { isGhost } from '../properties/index.ts'
import type { System } from '../system/index.ts'
import type { Change } from './trace.ts'

function diff(
  before: Intervals,
  after: Intervals,
  each: (at: number, end: number, b: number, a: number) => Change
): Change[] {
  const out: Change[] = []
  const bounds = new Set<number>()
  for (const m of [before, after])
    for (let i = 0; i < m.length; i += 3) {
      bounds.add(m[i] as number)
      bounds.add(m[i + 1] as number)
    }
  const sorted = [...bounds].sort((x, y) => x - y)
  for (let i = 0; i + 1 < sorted.length; i++) {
    const s = sorted[i] as number
    const b = pieces(before, s, s + 1, 0)[0]?.[2] ?? 0
    const a = pieces(after, s, s + 1, 0)[0]?.[2] ?? 0
    if (a !== b) out.push(each(s, sorted[i + 1] as number, b, a))
  }
  return out
}

/** The describe hook of a trace for one system. */
export function describeChange(sys: System): (component: string, before: number, after: number) => readonly Change[] {
  const hex = (n: number): string => `0x${n.toString(16)}`
  return (component, before, after) => {
    // What only properties remember did not happen in the machine.
    if (isGhost(component)) return []
    switch (component) {
      case 'pages':
        return diff(sys.machine.pages.value(before), sys.machine.pages.value(after), (s, e, b, a) => {
          const words = (v: number): string => `${hwNames[v & 7]}, mapped ${pteNames[v >> 3]}`
          return {
            what: e - s === 1 ? `page ${hex(s)}` : `pages ${hex(s)}..${hex(e - 1)}`,
            before: words(b),
            after: words(a),
            of: 'protection',
            pfn: s,
            pages: e - s
          }
        })
      case 'content': {
        if (sys.labels === null) return []
        return diff(sys.labels.state.value(before), sys.labels.state.value(after), (s, e, b, a) => ({
          what: `content of ${hex(s)}+${e - s}`,
          before: sys.words.describe(b),
          after: sys.words.describe(a),
          of: 'content',
          pfn: Math.floor(s / PAGE_SIZE),
          pages: Math.ceil(((s % PAGE_SIZE) + e - s) / PAGE_SIZE)
        }))
      }
      case 'page_owner':
        return diff(
          sys.kernel.pages.state.value(before).owner,
          sys.kernel.pages.state.value(after).owner,
          (s, e, b, a) => ({
            what: e - s === 1 ? `owner of page ${hex(s)}` : `owner of pages ${hex(s)}..${hex(e - 1)}`,
            before: tagNames[b] ?? '',
            after: tagNames[a] ?? '',
            of: 'owner',
            pfn: s,
            pages: e - s
          })
        )
      case 'slab':
        return []
      case 'iopt':
        return diff(sys.machine.iopt.value(before), sys.machine.iopt.value(after), (s, _e, b, a) => ({
          what: `IOVA ${hex((s % 2 ** 40) * PAGE_SIZE)}`,
          before: b ? hex((b - 1) * PAGE_SIZE) : 'unmapped',
          after: a ? hex((a - 1) * PAGE_SIZE) : 'unmapped',
          of: 'iova'
        }))
      default: {
        const mem = sys.kernel.mems.find((m) => m.name === component)
        if (mem === undefined) return [{ what: component, before: 'state', after: 'changed' }]
        const [b, a] = [mem.usedText(before), mem.usedText(after)]
        return b === a ? [] : [{ what: `used slots of ${component}`, before: b, after: a, of: 'slots' }]
      }
    }
  }
}
