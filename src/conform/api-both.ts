// A tree's own C and our model on one program over the whole DMA API. The C answers each line as a recorder would have
// written it; the model replays that line as it replays a recording.
import { own } from '../base/index.ts'
import { KernelFault, type WasmModule } from '../kernel-c/index.ts'
import type { ApiMachine } from './_swiotlb-machine.ts'
import type { ApiOp, ApiProgram, Failure, Maker } from './api-program.ts'
import { RecordedKernel } from './kernel-recording.ts'
import { apiOperations, ApiReplay } from './swiotlb-api.ts'

export interface ApiDivergence {
  /** The operation's number; -1: the boot. */
  readonly at: number
  readonly what: string
  readonly model: unknown
  readonly kernel: unknown
}

/** How a program went: how far, and the first difference. */
export interface ApiRun {
  /** The lines with their answers, the machine first: a recording. */
  readonly lines: ReadonlyArray<readonly unknown[] | ApiMachine>
  /** Why no kernel goes on from here, as our model says (memory freed as what it is not); null: it ran to its end. */
  readonly ended: string | null
  readonly first: ApiDivergence | null
}

/** A line without its answers. */
function question(name: string, values: readonly unknown[]): unknown[] {
  const length = own(apiOperations, name)?.values ?? 1 + values.length
  const line: unknown[] = [name, ...values]
  while (line.length < length) line.push(0)
  return line
}

/** Where a maker's line has what its end and its syncs need. */
interface Places {
  /** What it made: a DMA address, a slot, or the physical address of an allocation. */
  readonly made: number
  readonly size: number
  readonly dir: number
  readonly attrs: number
  readonly end: string
  readonly sync: string
}
const MAPPED: Readonly<Record<'mp' | 'dm' | 'sm' | 'm', Places>> = {
  mp: { made: 7, size: 4, dir: 5, attrs: 6, end: 'up', sync: 'ss' },
  dm: { made: 7, size: 4, dir: 5, attrs: 6, end: 'du', sync: 'ds' },
  sm: { made: 7, size: 4, dir: 5, attrs: 6, end: 'du', sync: 'ds' },
  m: { made: 8, size: 4, dir: 6, attrs: 7, end: 'u', sync: 's' }
}
const ALLOCATED: Readonly<
  Record<'aa' | 'da' | 'pa' | 'na', { readonly end: string; readonly made: number; readonly last: number }>
> = {
  // The last value of the end is the attributes of these, the direction of those.
  aa: { end: 'fa', made: 6, last: 5 },
  da: { end: 'df', made: 6, last: 5 },
  pa: { end: 'pf', made: 6, last: 4 },
  na: { end: 'nf', made: 7, last: 4 }
}

/** The line that takes apart what a line made; null when that made nothing. */
function endOf(v: readonly unknown[], skip: number): unknown[] | null {
  const name = v[0] as Maker
  const n = v as readonly number[]
  if (name === 'mg') return n[6] === 0 ? ['ug', n[1], n[3], (n[4] as number) | skip, v[7]] : null
  if (name in ALLOCATED) {
    const { end, made, last } = ALLOCATED[name as keyof typeof ALLOCATED]
    return n[made] === 0 ? null : [end, n[1], n[3], n[made], n[made + 1], n[last]]
  }
  const p = MAPPED[name as keyof typeof MAPPED]
  return (n[p.made] as number) < 0 ? null : [p.end, n[1], n[p.made], n[p.size], n[p.dir], (n[p.attrs] as number) | skip]
}

function syncOf(v: readonly unknown[], [offset, size]: readonly [number, number], forCpu: number): unknown[] | null {
  const n = v as readonly number[]
  if (v[0] === 'mg') return n[6] === 0 ? ['sg', n[1], n[3], forCpu, v[7]] : null
  const p = MAPPED[v[0] as keyof typeof MAPPED]
  return (n[p.made] as number) < 0 ? null : [p.sync, n[1], (n[p.made] as number) + offset, size, n[p.dir], forCpu]
}

/** The line of an operation, without answers; null when there is nothing for it to work on. */
function lineOf(o: ApiOp, lines: ReadonlyMap<number, readonly unknown[]>): unknown[] | null {
  switch (o.op) {
    case 'end':
    case 'sync': {
      const of = lines.get(o.of)
      return of === undefined ? null : o.op === 'end' ? endOf(of, o.skip) : syncOf(of, o.part, o.forCpu)
    }
    case 'work':
      return ['w']
    case 'mask':
      return ['km', o.dev, o.which, o.mask, 0]
    case 'accepted':
      return ['t', o.dev, o.on]
    case 'look':
      return [...o.line]
    default:
      return question(o.op, [o.dev, ...o.values])
  }
}

const FATAL = 'the call'

/** Runs a program on both. `module`: built as the machine says (`guest`, with its options). */
export function runApi(module: WasmModule, p: ApiProgram): ApiRun {
  const machine = structuredClone(p.machine) as ApiMachine
  const lines: Array<readonly unknown[] | ApiMachine> = [machine]
  const c = new RecordedKernel(module, machine, true)
  const end = (first: ApiDivergence | null, ended: string | null = null): ApiRun => ({ lines, ended, first })
  try {
    c.boot()
  } catch (e) {
    if (!(e instanceof KernelFault)) throw e
    return end({ at: -1, what: 'the boot', model: 'came to its end', kernel: e.message })
  }
  const m = new ApiReplay(machine)
  const boot = m.take()[0]
  if (boot !== undefined) return end({ at: -1, what: boot.what, model: boot.model, kernel: boot.recorded })

  const made = new Map<number, readonly unknown[]>()
  for (const [i, o] of p.ops.entries()) {
    const v = lineOf(o, made)
    if (v === null) continue
    const fails = 'fails' in o ? o.fails : []
    const fault = answered(c, v, fails)
    for (const f of fails) m.line(['f', ...f])
    lines.push(...fails.map((f) => ['f', ...f]), v)
    if (o.op === 'end') made.delete(o.of)
    else if ('values' in o) made.set(i, v)
    m.line(v)
    const differences = m.take()
    const fatal = differences.find((d) => d.what === FATAL)
    // What our model does not survive need not show in the C at once.
    if (fatal !== undefined) return end(null, String(fatal.model))
    if (fault !== null) return end({ at: i, what: FATAL, model: 'returned', kernel: fault })
    const d = differences[0]
    if (d !== undefined) return end({ at: i, what: d.what, model: d.model, kernel: d.recorded })
  }
  return end(null)
}

/** Has the C answer a line; what it died of, or null. */
function answered(c: RecordedKernel, v: unknown[], fails: readonly Failure[]): string | null {
  try {
    if (c.look(v)) return null
    c.host.beginOp(fails.map(([kind, k, errno]) => ({ kind, k, errno })))
    c.counters(v, c.operation(v))
    return null
  } catch (e) {
    if (!(e instanceof KernelFault)) throw e
    return e.message
  }
}
