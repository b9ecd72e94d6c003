// A small kernel for measuring the search on real functions: 8 pages, 2 devices, 4 bounce slots under a lock, coherent
// and streaming DMA with conversions that may fail, and a TSM that changes the hardware first and the flag by a
// read-modify-write second. Each access to shared state is one step.
import {
  type Field,
  isZero,
  Layout,
  read,
  spin_lock,
  spin_unlock,
  type Store,
  test,
  tryWrite,
  write
} from '../../src/step/index.ts'
import { act } from '../../test/engine/act.ts'

export const PAGES = 8
const DEVICES = 2
export const SLOTS = 4
const NOPG = PAGES
const [PRIVATE, SHARED, INVALID] = [0, 1, 2]
const [FREE, USED, LEAKED] = [0, 1, 2]
const [ZERO, DEVDATA] = [1, 2]
const [ACCEPTED, SKIP_SYNC] = [1, 2]
const [UNLOCKED, LOCKED, RUN] = [0, 1, 2]
/** Handles: 1.. private alias of page n-1, 17.. shared alias, 33.. bounce slot. */
const ALIAS = 16
const SLOT0 = 33

export interface SmallKernel {
  readonly layout: Layout
  readonly functions: Readonly<Record<string, (...args: number[]) => number>>
  init(st: Store, owned: readonly number[]): void
  /** A page is free while the host can reach it. */
  exposed(st: Store): boolean
  /** How often a device was refused so far (all transitions of the search). */
  faults(): number
}

// Long: one model, a function a transition.
export function smallKernel(): SmallKernel {
  const layout = new Layout()
  const pte = layout.field('pte', { count: PAGES, max: 2 })
  const rsi = layout.field('rsi', { count: PAGES, max: 1 })
  const own = layout.field('own', { count: PAGES, max: 2 })
  const content = layout.field('content', { count: PAGES, max: 2 })
  const bits = layout.field('dev.bits', { count: DEVICES, max: 3 })
  const tdi = layout.field('tdi', { count: DEVICES, max: 2 })
  const slot = layout.field('slot', { count: SLOTS, max: PAGES })
  const slotData = layout.field('slot.data', { count: SLOTS, max: 2 })
  const tsmLock = layout.field('tsm_lock', { max: 1 })
  const poolLock = layout.field('pool.lock', { max: 1 })
  let faults = 0

  const page_alloc = (): number =>
    act(
      'page_alloc',
      (r) => `page ${r}`,
      (st) => {
        for (let p = 0; p < PAGES; p++)
          if (own.get(st, p) === FREE) {
            own.set(st, USED, p)
            return p
          }
        return NOPG
      },
      { results: Array.from({ length: PAGES + 1 }, (_, p) => p) }
    )
  const copy = (to: Field, i: number, from: Field, j: number): void => {
    act(
      `copy:${to.base + i}:${from.base + j}`,
      () => `copy ${to.label(i)} <- ${from.label(j)}`,
      (st) => {
        to.set(st, from.get(st, j), i)
        return 0
      },
      { results: [0] }
    )
  }
  const device_write = (dev: number, h: number): void => {
    act(
      `dma:${dev}:${h}`,
      () => `device ${dev} writes to ${h}`,
      (st) => {
        if (h >= SLOT0) {
          slotData.set(st, DEVDATA, h - SLOT0)
          return 0
        }
        const page = (h - 1) & 15
        const mapped = rsi.get(st, page) === SHARED
        if (h > ALIAS ? mapped : !mapped && tdi.get(st, dev) === RUN) content.set(st, DEVDATA, page)
        else faults++
        return 0
      },
      { results: [0] }
    )
  }

  const force_dma_unencrypted = (dev: number): boolean => !test(bits, dev, ACCEPTED)

  function set_memory(page: number, to: number): boolean {
    write(pte, page, INVALID)
    if (!tryWrite(rsi, page, to)) return true
    write(pte, page, to)
    return false
  }

  function dma_direct_alloc(dev: number): number {
    const page = page_alloc()
    if (page === NOPG) return 0
    if (force_dma_unencrypted(dev) && set_memory(page, SHARED)) {
      write(own, page, LEAKED)
      return 0
    }
    write(content, page, ZERO)
    return 1 + page + (force_dma_unencrypted(dev) ? ALIAS : 0)
  }

  function dma_direct_free(dev: number, h: number): number {
    if (h === 0) return 0
    const page = (h - 1) & 15
    if (force_dma_unencrypted(dev) && set_memory(page, PRIVATE)) write(own, page, LEAKED)
    else write(own, page, FREE)
    return 0
  }

  function swiotlb_map(dev: number, page: number): number {
    spin_lock(poolLock)
    let i = 0
    while (i < SLOTS && !isZero(slot, i)) i++
    if (i === SLOTS) {
      spin_unlock(poolLock)
      return 0
    }
    write(slot, i, 1 + page)
    spin_unlock(poolLock)
    const b = read(bits, dev)
    if (b & SKIP_SYNC) write(bits, dev, b & ~SKIP_SYNC)
    copy(slotData, i, content, page)
    return SLOT0 + i
  }

  function dma_direct_map(dev: number, h: number): number {
    if (h === 0) return 0
    const page = (h - 1) & 15
    return force_dma_unencrypted(dev) ? swiotlb_map(dev, page) : 1 + page
  }

  function dma_direct_unmap(_dev: number, m: number): number {
    if (m < SLOT0) return 0
    const i = m - SLOT0
    const page = read(slot, i) - 1
    copy(content, page, slotData, i)
    spin_lock(poolLock)
    write(slot, i, 0)
    spin_unlock(poolLock)
    return 0
  }

  function dev_write(dev: number, m: number): number {
    if (m !== 0) device_write(dev, m)
    return 0
  }

  function tsm_lock(dev: number): number {
    let done = true
    spin_lock(tsmLock)
    if (read(tdi, dev) === UNLOCKED) done = tryWrite(tdi, dev, LOCKED)
    spin_unlock(tsmLock)
    return done ? 1 : 0
  }

  function tsm_accept(dev: number): number {
    let rc = 1
    spin_lock(tsmLock)
    if (read(tdi, dev) === LOCKED) {
      write(tdi, dev, RUN)
      write(bits, dev, read(bits, dev) | ACCEPTED)
      rc = 0
    }
    spin_unlock(tsmLock)
    return rc
  }

  function tsm_disconnect(dev: number): number {
    spin_lock(tsmLock)
    write(tdi, dev, UNLOCKED)
    write(bits, dev, read(bits, dev) & ~ACCEPTED)
    spin_unlock(tsmLock)
    return 0
  }

  return {
    layout,
    functions: {
      alloc: dma_direct_alloc,
      free: dma_direct_free,
      map: dma_direct_map,
      unmap: dma_direct_unmap,
      dma: dev_write,
      lock: tsm_lock,
      accept: tsm_accept,
      disc: tsm_disconnect
    },
    init(st, owned) {
      for (const p of owned) own.set(st, USED, p)
      for (let d = 0; d < DEVICES; d++) bits.set(st, SKIP_SYNC, d)
    },
    exposed(st) {
      for (let p = 0; p < PAGES; p++) if (own.get(st, p) === FREE && rsi.get(st, p) === SHARED) return true
      return false
    },
    faults: () => faults
  }
}
