// The study's set of programs over the small kernel: threads that use pages through the DMA API against one that drives
// the TSM.
import type { Instr, Program } from '../../src/step/index.ts'
import type { Model } from '../../src/check/model.ts'
import { type SmallKernel, smallKernel } from './small-kernel.ts'

type Statement = readonly [fn: string, dev: number, arg?: string | number | undefined, dst?: string | undefined]

const work = (dev: number): Statement[] => [
  ['alloc', dev, undefined, 'h'],
  ['map', dev, 'h', 'm'],
  ['dma', dev, 'm'],
  ['unmap', dev, 'm'],
  ['free', dev, 'h']
]
const use: Statement[] = [
  ['alloc', 0, undefined, 'h'],
  ['free', 0, 'h']
]
const tsm = (...calls: string[]): Statement[] => calls.map((c) => [c, 0])

const SETS: Record<string, { owned: number[]; threads: Statement[][] }> = {
  s1: { owned: [], threads: [use, tsm('lock', 'accept')] },
  s2: {
    owned: [0],
    threads: [
      [
        ['map', 0, 1, 'm'],
        ['dma', 0, 'm'],
        ['unmap', 0, 'm']
      ],
      tsm('lock', 'accept', 'disc')
    ]
  },
  s3: {
    owned: [0],
    threads: [
      use,
      [
        ['map', 0, 1, 'm'],
        ['unmap', 0, 'm']
      ],
      tsm('lock', 'accept')
    ]
  },
  m: { owned: [], threads: [work(0), work(0), tsm('lock', 'accept')] },
  l: { owned: [], threads: [work(0), work(0), tsm('lock', 'accept', 'disc')] },
  xl: { owned: [], threads: [work(0), work(0), tsm('lock', 'accept', 'disc', 'lock', 'accept')] },
  xxl: {
    owned: [0],
    threads: [work(0), [...work(0), ['map', 0, 1, 'n'], ['unmap', 0, 'n']], tsm('lock', 'accept', 'disc')]
  }
}

/** States that hand-written step machines need (the study's variant B), and the least known. */
export const KNOWN: Readonly<Record<string, { hand: number; least: number }>> = {
  s1: { hand: 282, least: 282 },
  s2: { hand: 513, least: 505 },
  s3: { hand: 4783, least: 4783 },
  m: { hand: 71405, least: 71405 },
  xl: { hand: 951436, least: 943173 },
  xxl: { hand: 584454, least: 572317 }
}

function program(k: SmallKernel, name: string, statements: readonly Statement[]): Program {
  const variables = [...new Set(statements.map((s) => s[3]).filter((v) => v !== undefined))]
  const code = statements.map(
    ([fn, dev, arg, dst]): Instr => ({
      op: 'call',
      fn: k.functions[fn] as (...args: number[]) => number,
      args: [dev, typeof arg === 'string' ? { v: variables.indexOf(arg) } : (arg ?? 0)],
      dst: dst === undefined ? -1 : variables.indexOf(dst),
      text: `${dst === undefined ? '' : `${dst} = `}${fn}(${dev}${arg === undefined ? '' : `, ${arg}`})`
    })
  )
  return { name, variables, code }
}

export function xlModel(set: string): { model: Model; kernel: SmallKernel } {
  const kernel = smallKernel()
  const s = SETS[set]
  if (s === undefined) throw new Error(`no set ${set}`)
  return {
    kernel,
    model: {
      layout: kernel.layout,
      programs: s.threads.map((t, i) => program(kernel, `t${i}`, t)),
      starts: [{ init: (st) => kernel.init(st, s.owned) }]
    }
  }
}
