// An event in tests: what it says, without what its record holds from those before it.
import { Trace } from '../kernel/trace-events.ts'
import { Has, type Names, type TraceEvent } from './event.ts'
import type { SlowEvent } from './scan-slow.ts'

/** An event as plainly as the twin gives it. */
export function plain(ev: TraceEvent, names: Names): SlowEvent {
  const has = (bit: number): boolean => (ev.has & bit) !== 0
  return {
    kind: ev.kind,
    has: ev.has,
    time: ev.time,
    cpu: ev.cpu,
    pid: ev.pid,
    irq: ev.irq,
    attrs: ev.attrs,
    force: ev.force,
    nents: ev.nents,
    ents: ev.ents,
    truncated: ev.truncated,
    count: ev.count,
    ...(has(Has.device) ? { device: names.name(ev.dev) } : {}),
    ...(has(Has.dir) ? { dir: ev.dir } : {}),
    ...(has(Has.dma) ? { dma: ev.dma } : {}),
    ...(has(Has.phys) ? { phys: ev.phys } : {}),
    ...(has(Has.size) ? { size: ev.size } : {}),
    ...(has(Has.mask) ? { mask: ev.mask } : {}),
    ...(has(Has.dmaList) ? { dmas: [...ev.dmas.subarray(0, ev.ndma)] } : {}),
    ...(has(Has.sizeList) ? { sizes: [...ev.sizes.subarray(0, ev.nsize)] } : {}),
    ...(has(Has.physList) ? { physs: [...ev.physs.subarray(0, ev.nphys)] } : {}),
    ...(ev.kind === Trace.mark ? { text: ev.text } : {}),
    ...(ev.failed ? { failed: true } : {})
  }
}
