// The steps of the system's own operations, each declared once (step/action.ts): what the CPU, a device and the host do
// to memory, what the beginning of a DMA call fixes, and what whoever watches is told.
import { PAGE_SIZE, type Phys } from '../base/index.ts'
import { aliasAccess, ATTR, DIR } from '../kernel/index.ts'
import {
  CIPHER_WORD,
  CLASS,
  label,
  MIXED_WORD,
  MMIO_BASE,
  SECRET_WORD,
  TDI,
  wordOf,
  ZERO_WORD
} from '../machine/index.ts'
import { action, aside, change, type PropertyName, type Store } from '../step/index.ts'
import type { DmaEnd, FailedRequest, Range, SystemState } from './state.ts'
import { type CoherentObject, errno, type MappingObject, type ResourceObject, type TbitObject } from './values.ts'

const hex = (n: number): string => `0x${n.toString(16)}`
const nameOf = (s: SystemState, dev: number): string => s.kernel.devices[dev]?.name ?? ''

// --- what whoever watches is told
// --------------------------------------------------------------------------------------------

export const told = {
  allocated: aside<[s: SystemState, addr: number, len: number, zeroed: boolean]>(
    'note allocated',
    (st, s, addr, len, zeroed) => {
      s.watcher.allocated?.(st, addr, len, zeroed)
    }
  ),
  forgotten: aside<[s: SystemState, addr: number, len: number]>('note forgotten', (st, s, addr, len) => {
    s.watcher.pageForgotten?.(st, addr, len)
  }),
  explicit: aside<[s: SystemState, addr: number, len: number, shared: boolean]>(
    'note explicit conversion',
    (st, s, addr, len, shared) => {
      s.watcher.explicitConversion?.(st, addr, len, shared)
    }
  ),
  mapped: aside<[s: SystemState, id: number]>('note mapped', (st, s, id) => {
    s.watcher.mapped?.(st, id, s.objects.byId(id) as MappingObject)
  }),
  // With what the unmap or sync itself was told.
  unmapped: aside<[s: SystemState, id: number, dir: number, attrs: number]>(
    'note unmapped',
    (st, s, id, dir, attrs) => {
      const m = s.objects.byId(id) as MappingObject
      s.watcher.unmapped?.(st, id, m, { ...m, dir, attrs })
    }
  ),
  synced: aside<[s: SystemState, id: number, forCpu: boolean, dir: number]>('note synced', (st, s, id, forCpu, dir) => {
    const m = s.objects.byId(id) as MappingObject
    s.watcher.synced?.(st, id, m, forCpu, { ...m, dir })
  }),
  freed: aside<[s: SystemState, id: number]>('note freed', (st, s, id) => {
    s.watcher.freed?.(st, id, s.objects.byId(id))
  }),
  failed: aside<[s: SystemState, r: FailedRequest]>('note failed', (st, s, r) => {
    s.request?.(st, r)
  })
}

export const found = aside<[property: PropertyName, site: string, decision: string, summary: string]>(
  'note finding',
  (st, property, site, decision, summary) => {
    st.finding({ property, site, decision, summary })
  },
  (_property, _site, _decision, summary) => summary
)

export const present = action<[s: SystemState, dev: number]>('present', {
  perform: (st, _outcome, s, dev) => s.kernel.f.present.get(st, dev),
  text: (r) => (r ? 'device present' : 'device is gone'),
  results: [0, 1],
  silent: true
})

// --- the CPU
// ---------------------------------------------------------------------------------------------------------------

/** The CPU's access to an object, through the mapping that this object has. */
function cpu(
  s: SystemState,
  st: Store,
  o: TbitObject,
  phys: Phys,
  size: number,
  write: boolean
): 'ok' | 'cipher' | 'abort' | 'invalid' {
  if (o.kind === 'vmap' && s.vmaps !== null && !s.vmaps.get(st).includes(s.objects.id(s.objects.value(o))))
    return 'invalid'
  if (o.kind === 'usermap' || o.kind === 'vmap') return aliasAccess(s.machine, st, phys, o.alias, write)
  if ((o.kind === 'coherent' || o.kind === 'pages') && o.buffer.cookie) return 'abort'
  if ((o.kind === 'coherent' || o.kind === 'pages') && o.buffer.alias !== null)
    return aliasAccess(s.machine, st, phys, o.buffer.alias, write)
  return s.machine.cpuAccess(st, phys, size, write)
}

const VMAP = change((live: readonly number[], id: number) => [...live, id].sort((a, b) => a - b))
const VUNMAP = change((live: readonly number[], id: number) => live.filter((_, i) => i !== live.indexOf(id)))
export const vmapped = aside<[s: SystemState, id: number]>('vmap', (st, s, id) => {
  s.vmaps?.update(st, VMAP, id)
})
/** Answers 0 for a mapping that is not there. */
export const vunmapped = action<[s: SystemState, id: number]>('vunmap', {
  perform: (st, _outcome, s, id) => {
    if (s.vmaps?.get(st).includes(id) !== true) return 0
    s.vmaps.update(st, VUNMAP, id)
    return 1
  },
  text: (r, _outcome, s, id) => `vunmap(${hex(s.rangeOf(s.objects.byId(id)).phys)})${r ? '' : ': no such mapping'}`,
  results: [0, 1]
})

/**
 * Class of data written to an object by the CPU: a buffer made for an accepted device, or of a device that runs now,
 * takes that device's data.
 */
function writtenClass(s: SystemState, st: Store, o: TbitObject, word: number): number {
  if (o.kind === 'coherent' || o.kind === 'pages' || o.kind === 'usermap')
    return o.accepted || s.running(st, o.dev) ? CLASS.accepted : CLASS.plain
  return word === SECRET_WORD ? CLASS.secret : CLASS.plain
}

/** Answers 1 for an access that is aborted. */
export const cpuWrite = action<[s: SystemState, id: number, word: number]>('fill', {
  perform: (st, _outcome, s, id, word) => {
    const o = s.objects.byId(id)
    const { phys, size } = s.rangeOf(o)
    const a = cpu(s, st, o, phys, size, true)
    if (a === 'invalid' || a === 'abort') return 1
    s.content.fill(
      st,
      phys,
      size,
      a === 'cipher' ? label(MIXED_WORD, CLASS.plain) : label(word, writtenClass(s, st, o, word))
    )
    s.watcher.cpuWrite?.(st, phys, size, word)
    return 0
  },
  text: (r, _outcome, s, id, word) =>
    `CPU writes ${s.words.name(word)} to ${hex(s.rangeOf(s.objects.byId(id)).phys)}${r === 0 ? '' : ': aborted'}`,
  results: [0, 1]
})

/** Answers the word, or -1 for an access that is aborted. */
export const cpuRead = action<[s: SystemState, id: number]>('read', {
  perform: (st, _outcome, s, id) => {
    const o = s.objects.byId(id)
    const { phys, size } = s.rangeOf(o)
    const a = cpu(s, st, o, phys, size, false)
    if (a === 'invalid' || a === 'abort') return -1
    const got = a === 'cipher' ? label(CIPHER_WORD, CLASS.plain) : s.content.read(st, phys, size)
    s.watcher.cpuRead?.(st, phys, size, got, o.kind === 'usermap')
    return wordOf(got)
  },
  text: (r, _outcome, s, id) =>
    r < 0 ? 'CPU read aborted' : `CPU reads ${s.words.name(r)} from ${hex(s.rangeOf(s.objects.byId(id)).phys)}`
})

// --- DMA calls
// ---------------------------------------------------------------------------------------------------------------

function reclass(s: SystemState, st: Store, ranges: readonly Range[], cls: number): void {
  for (const r of ranges) s.content.reclass(st, r.phys, r.size, cls)
}

/**
 * A DMA API call begins: what the kernel believes of the device now fixes the class of the data (or lets the host see
 * it). Answers that belief.
 */
export const begin = action<
  [s: SystemState, dev: number, ranges: readonly Range[], dir: number, attrs: number, describe: string]
>('begin', {
  perform: (st, _outcome, s, dev, ranges, dir, attrs) => {
    // A device passed through to private memory alone is not the host's, whatever the kernel believes.
    const accepted = s.trusted(st, dev) || s.options.devices[dev]?.private_only === true
    const toDevice = dir !== DIR.FROM_DEVICE
    if (attrs & ATTR.CC_SHARED || (toDevice && !accepted)) reclass(s, st, ranges, CLASS.plain)
    else if (toDevice) reclass(s, st, ranges, CLASS.accepted)
    return accepted ? 1 : 0
  },
  text: (_r, _outcome, _s, _dev, _ranges, _dir, _attrs, describe) => describe,
  results: [0, 1]
})

export const denied = aside<[s: SystemState, dev: number, ranges: readonly Range[]]>(
  'denied',
  (st, s, _dev, ranges) => {
    reclass(s, st, ranges, CLASS.plain)
  },
  (s, dev) => `the call is one for ${nameOf(s, dev)} at T=0`
)

export const declassified = aside<[s: SystemState, ranges: readonly Range[]]>('note declassify', (st, s, ranges) => {
  reclass(s, st, ranges, CLASS.plain)
})

/** Handing a buffer to the device again: what the CPU has put in since has the class of the mapping. */
export const syncBegin = action<[s: SystemState, id: number]>('sync begin', {
  perform: (st, _outcome, s, id) => {
    const m = s.objects.byId(id) as MappingObject
    const accepted = (m.attrs & ATTR.CC_SHARED) === 0 && (m.accepted || s.running(st, m.dev))
    reclass(s, st, [m], accepted ? CLASS.accepted : CLASS.plain)
    return 0
  },
  text: () => 'dma_sync_single_for_device',
  results: [0]
})

// --- the device
// --------------------------------------------------------------------------------------------------------------

/** A DMA over one handle. Its result holds how it ended and the word read: `dmaResult` tells them apart. */
export const deviceAccess = action<[s: SystemState, dev: number, id: number, write: boolean, word: number]>('dma', {
  perform: (st, _outcome, s, dev, id, write, word) => {
    const m = s.machine
    const o = s.objects.byId(id) as MappingObject | ResourceObject | CoherentObject
    const cc = (o.attrs & ATTR.CC_SHARED) !== 0
    const cls = write && s.running(st, dev) && !cc ? CLASS.accepted : CLASS.plain
    let got = -1
    const last = m.dma(st, dev, handleOf(o), o.size, write, cc ? 'non_tee' : 'tee', (q, at, n) => {
      if (m.mmios.length > 0 && q.phys >= MMIO_BASE) {
        got = write ? 0 : ZERO_WORD
        return
      }
      if (write) {
        if (q.outcome === 'ok') m.content.fill(st, q.phys, n, label(word, cls))
        else if (q.outcome === 'poison') {
          if (!m.platform.guest) m.content.fill(st, q.phys, n, label(MIXED_WORD, CLASS.plain))
          else m.poison(st, Math.floor(q.phys / PAGE_SIZE))
        }
        s.watcher.deviceWrote?.(st, dev, id, o, q.phys, at, n, word, q.outcome)
      } else {
        const l = m.answered(st, q, n)
        s.watcher.deviceRead?.(st, dev, id, o, q.phys, at, n, l, q.outcome)
        got = got === -1 || got === wordOf(l) ? wordOf(l) : MIXED_WORD
      }
    })
    s.rowsMet.add(last.rule)
    return s.dmaEnds.number({ outcome: last.outcome, rule: last.rule, note: last.note }) * WORDS + Math.max(0, got)
  },
  text: (r, _outcome, s, dev, id, write, word) => {
    const { end, word: got } = dmaResult(s, r)
    const at = hex(handleOf(s.objects.byId(id) as MappingObject))
    return (
      `${nameOf(s, dev)} ` +
      `${write ? `writes ${s.words.name(word)} to` : stopped(end) ? 'reads' : `reads ${s.words.name(got)} from`} ` +
      `${at}: ${end.outcome.replace('fault:', 'fault ')} [${end.rule}]`
    )
  }
})
/** Words of labels in one scene: the result of an access holds the word below this, and the number of its end above. */
const WORDS = 4096

export const dmaResult = (s: SystemState, r: number): { readonly end: DmaEnd; readonly word: number } => ({
  end: s.dmaEnds.get(Math.floor(r / WORDS)),
  word: r % WORDS
})
/** Nothing was sent, or the request faulted. */
export const stopped = (e: DmaEnd): boolean => e.outcome === 'blocked' || e.outcome.startsWith('fault:')

/** The bus address that the device is given. */
export const handleOf = (o: MappingObject | ResourceObject | CoherentObject): number =>
  'buffer' in o ? o.buffer.handle : o.handle

// --- the host
// ----------------------------------------------------------------------------------------------------------------

export type HostDeviceOp = 'host_stop' | 'host_reset' | 'host_error' | 'host_relock'
export type HostStage2Op = 'host_remap' | 'host_unmap'

export const hostDevice = action<[s: SystemState, op: HostDeviceOp, dev: number]>('host device', {
  perform: (st, _outcome, { machine: m }, op, dev) => {
    switch (op) {
      case 'host_stop':
        m.tdi.set(st, TDI.unlocked, dev)
        return 0
      case 'host_reset':
        for (const d of m.functionsOf(dev)) m.tdi.set(st, TDI.unlocked, d)
        m.session.set(st, 0, m.dsmOf(dev))
        return 0
      case 'host_relock':
        return m.relock(st, dev) ? 0 : errno.EIO
      case 'host_error':
        m.breakInterface(st, dev)
        return 0
    }
  },
  text: (r, _outcome, s, op, dev) => `host: ${op.slice(5)} ${nameOf(s, dev)}${r === 0 ? '' : ': refused'}`,
  results: (_s, op) => (op === 'host_relock' ? [0, errno.EIO] : [0])
})

export const hostWrite = action<[s: SystemState, id: number, word: number]>('host write', {
  perform: (st, _outcome, s, id, word) => {
    const o = s.objects.byId(id)
    const { phys, size } = s.rangeOf(o)
    if (!s.machine.hostWrite(st, phys, size, label(word, CLASS.plain))) return errno.EFAULT
    s.watcher.hostWrote?.(st, phys, size, word, o.kind === 'mapping' && o.bounce >= 0 ? id : null)
    return 0
  },
  text: (r, _outcome, s, id, word) =>
    `host writes ${s.words.name(word)} to ${hex(s.rangeOf(s.objects.byId(id)).phys)}${r < 0 ? ': blocked' : ''}`,
  results: [0, errno.EFAULT]
})

/** Answers the word, or -1 for an access that is blocked. */
export const hostRead = action<[s: SystemState, range: Range]>('host read', {
  perform: (st, _outcome, s, { phys, size }) => {
    const l = s.machine.hostRead(st, phys, size)
    return l === 'fault' ? -1 : wordOf(l)
  },
  text: (r, _outcome, s, { phys }) =>
    r < 0 ? `host reads ${hex(phys)}: blocked` : `host reads ${s.words.name(r)} from ${hex(phys)}`
})

export const hostStage2 = action<[s: SystemState, op: HostStage2Op, range: Range]>('host stage 2', {
  perform: (st, _outcome, s, op, { phys, size }) => {
    for (let p = Math.floor(phys / PAGE_SIZE); p * PAGE_SIZE < phys + size; p++) {
      if (op === 'host_unmap') s.machine.hostUnmap(st, p)
      else s.machine.hostRemap(st, p)
    }
    s.watcher.hostWrote?.(st, Math.floor(phys / PAGE_SIZE) * PAGE_SIZE, PAGE_SIZE, -1, null)
    return 0
  },
  text: (_r, _outcome, _s, op, { phys }) => `host: ${op.slice(5)} page ${hex(Math.floor(phys / PAGE_SIZE))}`,
  results: [0]
})
