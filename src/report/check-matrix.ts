// The verdict matrix: tests by kernel, a table a platform. A cell is the verdict: `ok`, the violated properties, `skipped`, ...
import { columns } from '../base/index.ts'
import type { CheckResult } from '../check/index.ts'
import { vocabulary } from '../litmus/index.ts'
import { byTest, type CheckRun, propertiesOf, standing } from './check-run.ts'
import { type Paint, plain } from './paint.ts'

/** Lines of one cell: a property a line. `!` before what is not as expected, `*` after a search that hit its limit. */
export function cell(r: CheckResult | undefined): string[] {
  if (r === undefined) return ['-']
  const mark = standing(r) === 'fail' && r.expected === 'mismatch' ? '!' : ''
  const words = r.verdict === 'violated' ? propertiesOf(r.violations) : [r.verdict]
  return words.map((w, i) => `${i === 0 ? mark : ''}${w}${i === words.length - 1 && r.verdict === 'violated' && !r.complete ? '*' : ''}`)
}

const topicOf = (file: string): string => file.split('/').slice(0, -1).join('/')

export function matrixText(run: CheckRun, width: number, paint: Paint = plain): string {
  const tests = byTest(run)
  const among = (names: ReadonlyArray<{ readonly name: string }>, pick: (r: CheckResult) => string): string[] => {
    const used = new Set(run.results.map(pick))
    return names.map((n) => n.name).filter((n) => used.has(n))
  }
  const kernels = among(vocabulary.kernels, (r) => r.kernel)
  const out: string[] = []
  for (const platform of among(vocabulary.platforms, (r) => r.platform)) {
    const here = tests.map((t) => ({ test: t.test, results: t.results.filter((r) => r.platform === platform) })).filter((t) => t.results.length > 0)
    const used = kernels.filter((k) => here.some((t) => t.results.some((r) => r.kernel === k)))
    const nameWidth = Math.max(...here.map((t) => t.test.name.length + 4), platform.length)
    // As many kernels side by side as the width allows.
    const widthOf = (k: string): number => Math.max(k.length, ...here.flatMap((t) => cell(t.results.find((r) => r.kernel === k)).map((l) => l.length)))
    const blocks: string[][] = [[]]
    let room = width - nameWidth
    for (const k of used) {
      const w = widthOf(k) + 2
      if (room < w && (blocks[blocks.length - 1] as string[]).length > 0) {
        blocks.push([])
        room = width - nameWidth
      }
      room -= w
      blocks[blocks.length - 1]?.push(k)
    }
    for (const block of blocks) {
      const shown = here.filter((t) => t.results.some((r) => block.includes(r.kernel)))
      const rows: string[][] = [[platform, ...block]]
      let topic: string | null = null
      for (const t of shown) {
        const dir = topicOf(t.test.file)
        if (dir !== topic) rows.push([`  ${dir === '' ? '.' : dir}`])
        topic = dir
        const cells = block.map((k) => cell(t.results.find((r) => r.kernel === k)))
        for (let i = 0; i < Math.max(...cells.map((c) => c.length)); i++) rows.push([i === 0 ? `    ${t.test.name}` : '', ...cells.map((c) => c[i] ?? '')])
      }
      const wide = columns([['x'.repeat(nameWidth), ...block.map((k) => 'x'.repeat(widthOf(k)))], ...rows.map((r) => (r.length === 1 ? [''] : r))]).split('\n').slice(1)
      rows.forEach((r, i) => { out.push(paintLine(r.length === 1 ? (r[0] as string) : (wide[i] as string), i === 0, paint)) })
      out.push('')
    }
  }
  return out.join('\n')
}

function paintLine(line: string, head: boolean, paint: Paint): string {
  if (head) return paint.strong(line)
  return line.replace(/ !\S+/g, (m) => paint.bad(m)).replace(/ ok(?= |$)/g, (m) => paint.good(m)).replace(/ (?:-|skipped)(?= |$)/g, (m) => paint.dim(m))
}
