// A synthetic tracefs text of any size: an NVMe disk with scatter-gather requests, a virtio disk with a mapping a segment, and a network card,
// all bouncing through one pool that is simulated slot by slot, so that the addresses in it are what a kernel would have logged.
import { closeSync, mkdirSync, openSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { formatTraceArgs, formatTraceHeader, type TraceEventSpec, traceEvent } from '../src/kernel/trace-events.ts'
import { IoTlbPool, slotParams, swiotlb_release_slots, swiotlb_tbl_map_single } from '../src/kernel/swiotlb/pool.ts'

export interface Shape {
  /** Bytes of text to write, at least. */
  readonly bytes: number
  readonly seed: number
  readonly nslabs: number
  readonly nareas: number
  readonly start: number
}

export const SHAPE: Shape = { bytes: 1e9, seed: 1, nslabs: 32768, nareas: 4, start: 0x7b9f3000 }

// xorshift32: the same trace for the same seed.
function random(seed: number): () => number {
  let x = seed | 0 || 1
  return () => {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    return (x >>> 0) / 2 ** 32
  }
}

interface Live {
  readonly kind: 'nvme-sg' | 'nvme' | 'virtio' | 'net'
  readonly cpu: number
  readonly dir: number
  readonly dma: number[]
  readonly phys: number[]
  readonly size: number[]
}

const DEV = { 'nvme-sg': '0000:00:02.0', nvme: '0000:00:02.0', virtio: '0000:00:03.0', net: '0000:00:06.0' } as const
const need = (name: string): TraceEventSpec => {
  const e = traceEvent(name)
  if (!e) throw new Error(name)
  return e
}

/** Writes the trace, unless a file of about this size is there. Events written. */
export function writeTrace(path: string, shape: Shape = SHAPE): number {
  try {
    if (statSync(path).size >= shape.bytes) return -1
  } catch { /* to be made */ }
  mkdirSync(dirname(path), { recursive: true })
  const fd = openSync(path, 'w')
  const rnd = random(shape.seed)
  const pool = new IoTlbPool(shape.start, shape.nslabs, shape.nareas)
  const plain = slotParams(0, 0, shape.start)
  const nvme = slotParams(4095, 0, shape.start)
  const bounced = need('swiotlb_bounced')
  const map = need('dma_map_page')
  const unmap = need('dma_unmap_page')
  const mapSg = need('dma_map_sg')
  const unmapSg = need('dma_unmap_sg')
  const live: Live[] = []
  let us = 8_000_000
  let events = 0
  let written = 0
  let out: string[] = []
  const flush = (): void => { written += writeSync(fd, out.join('')); out = [] }
  const line = (task: string, cpu: number, flags: string, spec: TraceEventSpec, args: string): void => {
    us += 1 + Math.floor(rnd() * 6)
    const stamp = `${Math.floor(us / 1e6)}.${String(us % 1e6).padStart(6, '0')}`
    out.push(`${task} [00${cpu}] ${flags} ${stamp.padStart(12)}: ${spec.name}: ${args}\n`)
    events++
    if (out.length >= 4096) flush()
  }
  out.push(formatTraceHeader(0, shape.nareas))
  const page = (): number => 0x100000000 + Math.floor(rnd() * 0x7fffe) * 4096
  while (written < shape.bytes) {
    const cpu = Math.floor(rnd() * shape.nareas)
    const due = live.length > 0 && (pool.total_used > shape.nslabs * 0.2 || rnd() < 0.5)
    if (due) {
      const i = Math.floor(rnd() * Math.min(live.length, 64))
      const l = live[i] as Live
      live[i] = live[live.length - 1] as Live
      live.pop()
      const p = l.kind === 'nvme' || l.kind === 'nvme-sg' ? nvme : plain
      for (const d of l.dma) swiotlb_release_slots(pool, p.min_align_mask, d)
      const idle = rnd() < 0.5
      const task = idle ? '          <idle>-0      ' : '          ioload-394    '
      if (l.kind === 'nvme-sg') line(task, cpu, 'd.h1.', unmapSg, formatTraceArgs(unmapSg, { device: DEV[l.kind], dir: l.dir, phys_addrs: l.phys, attrs: 0 }))
      else line(task, cpu, '..s1.', unmap, formatTraceArgs(unmap, { device: DEV[l.kind], dir: l.dir, dma_addr: l.dma[0] as number, size: l.size[0] as number, attrs: 0 }))
      continue
    }
    const r = rnd()
    const kind = r < 0.06 ? 'nvme-sg' : r < 0.25 ? 'nvme' : r < 0.7 ? 'virtio' : 'net'
    const n = kind === 'nvme-sg' ? 2 + Math.floor(rnd() * 62) : 1
    const dir = rnd() < 0.5 ? 1 : 2
    const task = `          ioload-39${cpu}    `
    const l: Live = { kind, cpu, dir, dma: [], phys: [], size: [] }
    for (let k = 0; k < n; k++) {
      const size = kind === 'net' ? (rnd() < 0.5 ? 1522 : 66 + Math.floor(rnd() * 1400)) : 4096
      const phys = page() + (kind === 'net' ? Math.floor(rnd() * 32) * 64 : kind === 'nvme' && rnd() < 0.2 ? 512 * Math.floor(rnd() * 8) : 0)
      const addr = swiotlb_tbl_map_single(pool, cpu, kind === 'nvme' || kind === 'nvme-sg' ? nvme : plain, phys, size, 0)
      line(task, cpu, '.....', bounced, `dev_name: ${DEV[kind]} dma_mask=ffffffffffffffff dev_addr=${phys.toString(16)} size=${size} FORCE`)
      if (addr < 0) throw new Error('the synthetic load fills its pool')
      l.dma.push(addr)
      l.phys.push(phys)
      l.size.push(size)
    }
    if (kind === 'nvme-sg') line(task, cpu, '.....', mapSg, formatTraceArgs(mapSg, { device: DEV[kind], dir, nents: n, ents: n, dma_addrs: l.dma, sizes: l.size, phys_addrs: l.phys, attrs: 256 }))
    else line(task, cpu, '.....', map, formatTraceArgs(map, { device: DEV[kind], dir, dma_addr: l.dma[0] as number, size: l.size[0] as number, phys_addr: l.phys[0] as number, attrs: 0 }))
    live.push(l)
  }
  flush()
  closeSync(fd)
  return events
}
