// A synthetic tracefs text of any size: an NVMe disk with scatter-gather requests, a virtio disk with a mapping a
// segment, and a network card, all bouncing through one pool that is simulated slot by slot, so that the addresses in
// it are what a kernel would have logged.
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

const BOUNCED = need('swiotlb_bounced')
const MAP = need('dma_map_page')
const UNMAP = need('dma_unmap_page')
const MAP_SG = need('dma_map_sg')
const UNMAP_SG = need('dma_unmap_sg')
/** Lines that are written at once. */
const BATCH = 4096

/** The machine under load: its pool, what is mapped, the clock, and the file that tells it. */
class Load {
  events = 0
  written = 0
  private readonly rnd: () => number
  private readonly pool: IoTlbPool
  private readonly plain: ReturnType<typeof slotParams>
  /** A device with a min_align_mask of a page. */
  private readonly nvme: ReturnType<typeof slotParams>
  private readonly live: Live[] = []
  private us = 8_000_000
  private out: string[]

  constructor(
    private readonly fd: number,
    private readonly shape: Shape
  ) {
    const { seed, start, nslabs, nareas } = shape
    this.rnd = random(seed)
    this.pool = new IoTlbPool(start, nslabs, nareas)
    this.plain = slotParams(0, 0, start)
    this.nvme = slotParams(4095, 0, start)
    this.out = [formatTraceHeader(0, nareas)]
  }

  flush(): void {
    this.written += writeSync(this.fd, this.out.join(''))
    this.out = []
  }
  private below(n: number): number {
    return Math.floor(this.rnd() * n)
  }
  private slots(kind: Live['kind']): ReturnType<typeof slotParams> {
    return kind === 'nvme' || kind === 'nvme-sg' ? this.nvme : this.plain
  }
  private line(task: string, cpu: number, flags: string, spec: TraceEventSpec, args: string): void {
    this.us += 1 + this.below(6)
    const stamp = `${Math.floor(this.us / 1e6)}.${String(this.us % 1e6).padStart(6, '0')}`
    this.out.push(`${task} [00${cpu}] ${flags} ${stamp.padStart(12)}: ${spec.name}: ${args}\n`)
    this.events++
    if (this.out.length >= BATCH) this.flush()
  }

  /** A request ends, or begins. */
  next(): void {
    const cpu = this.below(this.shape.nareas)
    const due = this.live.length > 0 && (this.pool.total_used > this.shape.nslabs * 0.2 || this.rnd() < 0.5)
    if (due) this.end(cpu)
    else this.begin(cpu)
  }

  private end(cpu: number): void {
    const { live } = this
    const i = this.below(Math.min(live.length, 64))
    const { kind, dir, dma, phys, size } = live[i] as Live
    live[i] = live[live.length - 1] as Live
    live.pop()
    for (const d of dma) swiotlb_release_slots(this.pool, this.slots(kind).min_align_mask, d)
    const task = this.rnd() < 0.5 ? '          <idle>-0      ' : '          ioload-394    '
    const device = DEV[kind]
    if (kind === 'nvme-sg')
      this.line(task, cpu, 'd.h1.', UNMAP_SG, formatTraceArgs(UNMAP_SG, { device, dir, phys_addrs: phys, attrs: 0 }))
    else {
      const [dma_addr = 0, bytes = 0] = [dma[0], size[0]]
      this.line(task, cpu, '..s1.', UNMAP, formatTraceArgs(UNMAP, { device, dir, dma_addr, size: bytes, attrs: 0 }))
    }
  }

  private begin(cpu: number): void {
    const r = this.rnd()
    const kind = r < 0.06 ? 'nvme-sg' : r < 0.25 ? 'nvme' : r < 0.7 ? 'virtio' : 'net'
    const n = kind === 'nvme-sg' ? 2 + this.below(62) : 1
    const l: Live = { kind, cpu, dir: this.rnd() < 0.5 ? 1 : 2, dma: [], phys: [], size: [] }
    const task = `          ioload-39${cpu}    `
    for (let k = 0; k < n; k++) this.bounce(task, l)
    const { dir, dma, phys, size } = l
    const device = DEV[kind]
    if (kind === 'nvme-sg') {
      const lists = { dma_addrs: dma, sizes: size, phys_addrs: phys }
      this.line(
        task,
        cpu,
        '.....',
        MAP_SG,
        formatTraceArgs(MAP_SG, { device, dir, nents: n, ents: n, ...lists, attrs: 256 })
      )
    } else {
      const one = { dma_addr: dma[0] as number, size: size[0] as number, phys_addr: phys[0] as number }
      this.line(task, cpu, '.....', MAP, formatTraceArgs(MAP, { device, dir, ...one, attrs: 0 }))
    }
    this.live.push(l)
  }

  /** One segment of a request: where it is, and the slots it takes. */
  private bounce(task: string, { kind, cpu, dma, phys, size }: Live): void {
    const bytes = kind === 'net' ? (this.rnd() < 0.5 ? 1522 : 66 + this.below(1400)) : 4096
    const page = 0x100000000 + this.below(0x7fffe) * 4096
    const within = kind === 'net' ? this.below(32) * 64 : kind === 'nvme' && this.rnd() < 0.2 ? 512 * this.below(8) : 0
    const addr = swiotlb_tbl_map_single(this.pool, cpu, this.slots(kind), page + within, bytes, 0)
    this.line(
      task,
      cpu,
      '.....',
      BOUNCED,
      `dev_name: ${DEV[kind]} dma_mask=ffffffffffffffff dev_addr=${(page + within).toString(16)} size=${bytes} FORCE`
    )
    if (addr < 0) throw new Error('the synthetic load fills its pool')
    dma.push(addr)
    phys.push(page + within)
    size.push(bytes)
  }
}

/** Writes the trace, unless a file of about this size is there. Events written. */
export function writeTrace(path: string, shape: Shape = SHAPE): number {
  try {
    if (statSync(path).size >= shape.bytes) return -1
  } catch {
    /* to be made */
  }
  mkdirSync(dirname(path), { recursive: true })
  const fd = openSync(path, 'w')
  const load = new Load(fd, shape)
  while (load.written < shape.bytes) load.next()
  load.flush()
  closeSync(fd)
  return load.events
}
