// Streaming DMA: map, unmap and sync, of one buffer, a list or a BAR range.
import { PAGE_SIZE, type DmaAddr, type Phys } from '../base/index.ts'
import {
  ATTR,
  type Device,
  DIR,
  DMA_MAPPING_ERROR,
  dma_map_phys,
  dma_map_resource,
  dma_map_sg,
  dma_sync_sg,
  dma_sync_single,
  dma_unmap_phys,
  dma_unmap_resource,
  dma_unmap_sg,
  dma_to_phys,
  iommu_iova_to_phys,
  pci_p2pdma_bus_addr,
  type SgMapped,
  swiotlb_find_pool,
  takesList,
  unknownAttribute
} from '../kernel/index.ts'
import { begin, declassified, denied, syncBegin, told } from './steps.ts'
import type { Range } from './state.ts'
import { errno, isErr, isObject, type MappingObject } from './values.ts'
import { SystemMemory } from './memory.ts'
import { kernelMemory } from './memory.ts'

/** The direction and attributes that an unmap, sync or free is told; null: those of the making. */
export interface Ending {
  readonly dir: number | null
  readonly attrs: number | null
}
export const AS_MADE: Ending = { dir: null, attrs: null }

export class SystemStreaming extends SystemMemory {
  /**
   * The rest of a call that began with the belief `accepted`. When the kernel reads the flag as clear before it has
   * decided, the call is one for an unaccepted device from that step on, as if it had begun then; never the other way.
   * `body` is told by the box it gets.
   */
  protected deciding<T>(
    dev: Device,
    accepted: boolean,
    ranges: readonly Range[],
    dir: number,
    body: (call: { accepted: boolean }) => T
  ): T {
    const call = { accepted }
    const k = this.kernel
    // Of a device passed through to private memory alone the flag says nothing: its data stays its own.
    k.call =
      !accepted || dev.config.private_only
        ? null
        : {
            denied: () => {
              if (!call.accepted) return
              call.accepted = false
              if (dir === DIR.FROM_DEVICE || ranges.length === 0) return
              denied(this, dev.index, ranges)
            }
          }
    try {
      return body(call)
    } finally {
      k.call = null
    }
  }

  dma_map_single(cpu: number, devIndex: number, x: number, dir: number, attrs: number): number {
    if (!isObject(x)) return isErr(x) ? x : errno.EINVAL
    if (!kernelMemory(this.objects.get(x))) return errno.EINVAL
    const gone = this.absent(devIndex)
    if (gone) return gone
    const dev = this.device(devIndex)
    const { phys, size } = this.range(x)
    if (unknownAttribute(dev, attrs)) {
      this.declassify([{ phys, size }], attrs)
      return errno.EOPNOTSUPP
    }
    const accepted =
      begin(
        this,
        dev.index,
        [{ phys, size }],
        dir,
        attrs,
        `dma_map_single(${dev.name}, 0x${phys.toString(16)}, ${size})`
      ) === 1
    return this.deciding(dev, accepted, [{ phys, size }], dir, (call) => {
      const addr = dma_map_phys(dev, cpu, phys, size, dir, attrs)
      if (addr === DMA_MAPPING_ERROR) return this.mapFailed(dev, phys, size, attrs)
      return this.mapping(dev, addr, phys, size, dir, attrs, call.accepted)
    })
  }

  protected declassify(ranges: readonly Range[], attrs: number): void {
    if ((attrs & ATTR.CC_SHARED) !== 0) declassified(this, ranges)
  }

  protected makeMapping(
    dev: Device,
    addr: DmaAddr,
    phys: Phys,
    size: number,
    dir: number,
    attrs: number,
    accepted: boolean
  ): MappingObject {
    const back = dev.config.iommu ? iommu_iova_to_phys(dev, addr) : dma_to_phys(dev, addr)
    const bounce = swiotlb_find_pool(dev, back) !== null ? back : -1
    return { kind: 'mapping', dev: dev.index, handle: addr, phys, size, dir, attrs, bounce, accepted }
  }

  protected mapping(
    dev: Device,
    addr: DmaAddr,
    phys: Phys,
    size: number,
    dir: number,
    attrs: number,
    accepted: boolean
  ): number {
    const o = this.makeMapping(dev, addr, phys, size, dir, attrs, accepted)
    const v = this.objects.value(o)
    told.mapped(this, this.objects.id(v))
    return v
  }

  /**
   * Why it failed has been said by the kernel function (event `failed`); here the request is added for whoever judges
   * it.
   */
  protected mapFailed(dev: Device, phys: Phys, size: number, attrs: number): number {
    told.failed(this, { dev: dev.index, phys, size, attrs, alloc: false })
    return errno.EIO
  }
  // An unmap, sync or free is told a device like the making; a test may give another one than that, and then the kernel
  // asks that one.
  protected told(dev: number | undefined, o: { readonly dev: number }): Device {
    return this.device(dev ?? o.dev)
  }

  dma_unmap_single(h: number, dev?: number, end: Ending = AS_MADE): number {
    if (!isObject(h)) return 0
    const o = this.objects.get(h)
    if (o.kind !== 'mapping') return errno.EINVAL
    this.unmapOne(o, this.objects.id(h), end, dev)
    return 0
  }

  /** `more`: attributes that the core adds by itself; whoever mapped is promised what the caller said. */
  protected unmapOne(o: MappingObject, id: number, end: Ending, dev?: number, more = 0): void {
    const as = { ...o, dir: end.dir ?? o.dir, attrs: end.attrs ?? o.attrs }
    if (o.busAddress !== true) dma_unmap_phys(this.told(dev, o), o.handle, o.size, as.dir, as.attrs | more)
    told.unmapped(this, id, as.dir, as.attrs)
  }

  /** A BAR range as a segment of a list. */
  bar(mmio: number): number {
    const m = this.machine.mmios[mmio]
    return m === undefined ? errno.EINVAL : this.objects.value({ kind: 'bar', mmio, phys: m.base, size: PAGE_SIZE })
  }

  dma_map_sg(cpu: number, devIndex: number, xs: readonly number[], dir: number, attrs: number): number {
    for (const x of xs) if (!isObject(x)) return isErr(x) ? x : errno.EINVAL
    for (const x of xs) {
      const o = this.objects.get(x)
      if (!kernelMemory(o) && o.kind !== 'bar') return errno.EINVAL
    }
    const gone = this.absent(devIndex)
    if (gone) return gone
    const dev = this.device(devIndex)
    const ranges = xs.map((x) => this.range(x))
    // What lies in a device is nobody's data.
    const ram = xs.flatMap((x, i) => (this.objects.get(x).kind === 'bar' ? [] : [ranges[i] as Range]))
    if (unknownAttribute(dev, attrs)) {
      this.declassify(ram, attrs)
      return errno.EOPNOTSUPP
    }
    const accepted = begin(this, devIndex, ram, dir, attrs, `dma_map_sg(${dev.name}, ${ranges.length} segments)`) === 1
    if (ram.length === ranges.length && takesList(dev, ranges.length) !== null)
      return this.mapList(dev, cpu, ranges, dir, attrs, accepted)
    return this.deciding(dev, accepted, ram, dir, (call) => {
      const done: MappingObject[] = []
      for (const r of ranges) {
        const peer = pci_p2pdma_bus_addr(dev, r.phys)
        const addr = peer ?? dma_map_phys(dev, cpu, r.phys, r.size, dir, attrs)
        if (addr === DMA_MAPPING_ERROR) {
          // On an error the entries before are unmapped with SKIP_CPU_SYNC.
          for (const m of done)
            this.unmapOne(m, this.objects.id(this.objects.value(m)), AS_MADE, undefined, ATTR.SKIP_CPU_SYNC)
          return this.mapFailed(dev, r.phys, r.size, attrs)
        }
        const o: MappingObject =
          peer === null
            ? this.makeMapping(dev, addr, r.phys, r.size, dir, attrs, call.accepted)
            : {
                kind: 'mapping',
                dev: dev.index,
                handle: peer,
                phys: r.phys,
                size: r.size,
                dir,
                attrs,
                bounce: -1,
                accepted: call.accepted,
                busAddress: true
              }
        done.push(o)
        const v = this.objects.value(o)
        told.mapped(this, this.objects.id(v))
      }
      return this.objects.value({ kind: 'sg', dev: devIndex, segments: done })
    })
  }

  /** dma_map_sg() of a kernel that takes the list as a whole. */
  private mapList(
    dev: Device,
    cpu: number,
    ranges: readonly Range[],
    dir: number,
    attrs: number,
    accepted: boolean
  ): number {
    return this.deciding(dev, accepted, ranges, dir, (call) => {
      const addrs = dma_map_sg(dev, cpu, ranges, dir, attrs)
      if (typeof addrs === 'number') {
        const [first] = ranges as readonly [Range]
        return this.mapFailed(dev, first.phys, first.size, attrs)
      }
      const segments = ranges.map(({ phys, size }, i) =>
        this.makeMapping(dev, addrs[i] as DmaAddr, phys, size, dir, attrs, call.accepted)
      )
      for (const m of segments) told.mapped(this, this.objects.id(this.objects.value(m)))
      return this.objects.value({ kind: 'sg', dev: dev.index, segments })
    })
  }

  /** The segments of a list that a kernel takes as a whole, as it was told them; null: one by one. */
  private asList(dev: Device, segments: readonly MappingObject[]): SgMapped[] | null {
    return segments.some((m) => m.busAddress === true) || takesList(dev, segments.length) === null
      ? null
      : segments.map((m) => ({ addr: m.handle, size: m.size }))
  }

  dma_unmap_sg(h: number, dev?: number, end: Ending = AS_MADE): number {
    if (!isObject(h)) return 0
    const o = this.objects.get(h)
    if (o.kind !== 'sg') return errno.EINVAL
    const list = this.asList(this.told(dev, o), o.segments)
    const [first] = o.segments
    if (list !== null && first !== undefined) {
      const [dir, attrs] = [end.dir ?? first.dir, end.attrs ?? first.attrs]
      dma_unmap_sg(this.told(dev, o), list, dir, attrs)
      for (const m of o.segments) told.unmapped(this, this.objects.id(this.objects.value(m)), dir, attrs)
      return 0
    }
    for (const m of o.segments) this.unmapOne(m, this.objects.id(this.objects.value(m)), end, dev)
    return 0
  }

  dma_map_resource(cpu: number, devIndex: number, mmio: number, dir: number, attrs: number): number {
    const gone = this.absent(devIndex)
    if (gone) return gone
    const dev = this.device(devIndex)
    const m = this.machine.mmios[mmio]
    if (m === undefined) return errno.EINVAL
    if (unknownAttribute(dev, attrs)) return errno.EOPNOTSUPP
    const accepted = begin(this, devIndex, [], dir, attrs, `dma_map_resource(${dev.name}, ${m.config.name})`) === 1
    const addr = dma_map_resource(dev, cpu, m.base, PAGE_SIZE, dir, attrs)
    if (addr === DMA_MAPPING_ERROR) return this.mapFailed(dev, m.base, PAGE_SIZE, attrs | ATTR.MMIO)
    return this.objects.value({
      kind: 'resource',
      dev: devIndex,
      handle: addr,
      phys: m.base,
      size: PAGE_SIZE,
      dir,
      attrs,
      mmio,
      accepted
    })
  }

  dma_unmap_resource(h: number, dev?: number, end: Ending = AS_MADE): number {
    if (!isObject(h)) return 0
    const o = this.objects.get(h)
    if (o.kind !== 'resource') return errno.EINVAL
    dma_unmap_resource(this.told(dev, o), o.handle, o.size, end.dir ?? o.dir, end.attrs ?? o.attrs)
    return 0
  }

  dma_sync(h: number, segment: number, forCpu: boolean, devIndex?: number, end: Ending = AS_MADE): number {
    if (!isObject(h)) return 0
    const o = this.objects.get(h)
    const list =
      o.kind === 'mapping'
        ? [o]
        : o.kind === 'sg'
          ? segment >= 0
            ? o.segments.slice(segment, segment + 1)
            : o.segments
          : []
    const whole = o.kind === 'sg' && segment < 0 ? this.asList(this.told(devIndex, o), o.segments) : null
    if (whole !== null) return this.syncList(list, whole, forCpu, devIndex, end)
    for (const m of list) {
      const dev = this.told(devIndex, m)
      const id = this.objects.id(this.objects.value(m))
      const as = { ...m, dir: end.dir ?? m.dir }
      if (!forCpu && as.dir !== DIR.FROM_DEVICE) syncBegin(this, id)
      dma_sync_single(dev, m.handle, m.size, as.dir, forCpu)
      told.synced(this, id, forCpu, as.dir)
    }
    return 0
  }

  /** dma_sync_sg_for_cpu(), dma_sync_sg_for_device() of a kernel that takes the list as a whole. */
  private syncList(
    list: readonly MappingObject[],
    whole: readonly SgMapped[],
    forCpu: boolean,
    devIndex: number | undefined,
    end: Ending
  ): number {
    const [first] = list
    if (first === undefined) return 0
    const dir = end.dir ?? first.dir
    const ids = list.map((m) => this.objects.id(this.objects.value(m)))
    if (!forCpu && dir !== DIR.FROM_DEVICE) for (const id of ids) syncBegin(this, id)
    dma_sync_sg(this.told(devIndex, first), whole, dir, forCpu)
    for (const id of ids) told.synced(this, id, forCpu, dir)
    return 0
  }
}
