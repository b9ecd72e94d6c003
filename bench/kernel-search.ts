// Search over the real code: breadth first over all sequences of map, unmap and sync of a few buffers by two devices on
// a pool of 128 slots, each transition a call of the tree's C. A naive search (copy all memory, hash all of it) stands
// beside it as anchor. Five rounds, best of each. `--tree PATH` (default: Debian's linux-source-6.12). Goal: 400,000
// transitions/s on one core.
import {
  DMA_BIDIRECTIONAL,
  KernelC,
  KernelStates,
  RecordingHost,
  STATE_BASE,
  Wasm,
  type WasmModule
} from '../src/kernel-c/index.ts'
import { figure } from './figures.ts'
import { builtTree } from './trees.ts'

const GB = 2 ** 30
const BUFFERS = [
  [0, 0, 2048],
  [0, 8192, 5000],
  [1, 20480 + 100, 4096],
  [1, 65536, 9000],
  [0, 131072, 300],
  [1, 200000, 30000]
] as const

function boot(module: WasmModule): { k: KernelC; devs: number[] } {
  const k = new KernelC(
    module,
    new RecordingHost([
      [3 * GB, 64],
      [5 * GB, 64]
    ])
  )
  k.boot({ cpus: 2, ram: 8 * GB, swiotlb: { start: 2 * GB, cmdline: '128,1,force' } })
  const devs = [
    k.device({ fields: { dma_coherent: true } }),
    k.device({ min_align_mask: 4095, fields: { dma_coherent: true } })
  ]
  return { k, devs }
}

/** The states seen, by their rows [kernel state, per buffer its address or -1]: open addressing, no keys made. */
class Rows {
  private readonly at: Int32Array
  constructor(
    private readonly kernel: readonly number[],
    private readonly live: Float64Array,
    limit: number
  ) {
    this.at = new Int32Array(2 ** Math.ceil(Math.log2(4 * limit)))
  }

  /** Whether row `i` equals none of those asked before; it is seen from now on. */
  isNew(i: number): boolean {
    const n = BUFFERS.length
    let h = Math.imul(this.kernel[i] as number, 0x9e3779b1)
    for (let b = 0; b < n; b++) h = Math.imul(h ^ (h >>> 15) ^ (this.live[i * n + b] as number), 0x85ebca6b)
    for (let k = (h ^ (h >>> 13)) & (this.at.length - 1); ; k = (k + 1) & (this.at.length - 1)) {
      const other = (this.at[k] as number) - 1
      if (other < 0) {
        this.at[k] = i + 1
        return true
      }
      if (this.equal(i, other)) return false
    }
  }

  private equal(i: number, j: number): boolean {
    const n = BUFFERS.length
    if (this.kernel[i] !== this.kernel[j]) return false
    for (let b = 0; b < n; b++) if (this.live[i * n + b] !== this.live[j * n + b]) return false
    return true
  }
}

/** Breadth first; each transition one call. */
function search(
  k: KernelC,
  devs: readonly number[],
  take: () => number,
  load: (id: number) => void,
  limit: number
): { states: number; transitions: number } {
  const n = BUFFERS.length
  const kernel: number[] = [take()]
  const live = new Float64Array(n * (limit + 8)).fill(-1)
  const seen = new Rows(kernel, live, limit)
  seen.isNew(0)
  let states = 1
  let transitions = 0
  for (let head = 0; head < states && states < limit; head++) {
    for (let b = 0; b < n; b++) {
      const [d, at, size] = BUFFERS[b] as (typeof BUFFERS)[number]
      for (let what = 0; what < 2; what++) {
        load(kernel[head] as number)
        const addr = live[head * n + b] as number
        let now = addr
        if (what === 0) {
          if (addr < 0) now = k.dma_map(devs[d] as number, b % 2, 5 * GB + at, size, DMA_BIDIRECTIONAL, 0x100)
          else {
            k.dma_unmap(devs[d] as number, addr, size, DMA_BIDIRECTIONAL)
            now = -1
          }
        } else {
          if (addr < 0) continue
          k.dma_sync_single_for_cpu(devs[d] as number, addr, size, DMA_BIDIRECTIONAL)
        }
        k.forget_hiwater()
        transitions++
        const id = take()
        for (let i = 0; i < n; i++) live[states * n + i] = i === b ? now : (live[head * n + i] as number)
        kernel[states] = id
        if (!seen.isNew(states)) continue
        states++
        if (states >= limit) return { states, transitions }
      }
    }
  }
  return { states, transitions }
}

async function main(): Promise<void> {
  const built = await builtTree({ arch: 'arm64', profile: 'recorded' })
  if (built === null) return
  const module = new Wasm.Module(built.wasm)
  const best = { ours: 0, naive: 0, states: 0 }
  for (let round = 0; round < 5; round++) {
    const { k, devs } = boot(module)
    const s = new KernelStates(k)
    let t = performance.now()
    const r = search(
      k,
      devs,
      () => s.take(),
      (id) => s.load(id),
      60_000
    )
    const rate = (r.transitions / (performance.now() - t)) * 1000
    best.ours = Math.max(best.ours, rate)
    best.states = r.states

    // the naive way: the whole memory is the state
    const n = boot(module)
    const end = n.k.heapEnd() + 4096
    const copies: Uint8Array[] = []
    const ids = new Map<string, number>()
    const memory = new Uint8Array(n.k.memory.buffer)
    t = performance.now()
    const naive = search(
      n.k,
      n.devs,
      () => {
        const m = memory.slice(STATE_BASE, end)
        const key = Buffer.from(m.buffer).toString('latin1')
        const had = ids.get(key)
        if (had !== undefined) return had
        ids.set(key, copies.length)
        return copies.push(m) - 1
      },
      (id) => memory.set(copies[id] as Uint8Array, STATE_BASE),
      300
    )
    best.naive = Math.max(best.naive, (naive.transitions / (performance.now() - t)) * 1000)
  }
  figure('search over the C', best.ours, 'transitions/s')
  process.stdout.write(
    `search over the C of ${built.meta.version}: ${Math.round(best.ours)} transitions/s (${best.states} ` +
      `states); all memory copied and compared: ${Math.round(best.naive)}; need 400000\n`
  )
}

await main()
