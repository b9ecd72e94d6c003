import {
  DIR,
  dma_alloc_attrs,
  dma_alloc_pages,
  dma_direct_mmap,
  dma_free_attrs,
  dma_free_pages,
  dma_get_required_mask,
  dma_max_mapping_size,
  dma_set_coherent_mask,
  dma_set_mask,
  dma_set_mask_and_coherent,
  mem_cc_shared_granule_size,
  unknownAttribute
} from '../kernel/index.ts'
import { begin, told, vmapped, vunmapped } from './steps.ts'
import { errno, isErr, isObject, SIZE_MAX } from './values.ts'
import { SystemStreaming } from './streaming.ts'
import { kernelMemory } from './memory.ts'
import { AS_MADE, type Ending } from './streaming.ts'

export class SystemCoherent extends SystemStreaming {
  dma_alloc(
    cpu: number,
    devIndex: number,
    size: number,
    atomic: boolean,
    attrs: number,
    pages: boolean,
    dir: number
  ): number {
    const gone = this.absent(devIndex)
    if (gone) return gone
    const dev = this.device(devIndex)
    if (unknownAttribute(dev, attrs)) return errno.EOPNOTSUPP
    const name = pages ? 'dma_alloc_pages' : 'dma_alloc_coherent'
    const accepted =
      begin(
        this,
        devIndex,
        [],
        DIR.BIDIRECTIONAL,
        attrs,
        `${name}(${dev.name}, ${size}${atomic ? ', ATOMIC' : ''})`
      ) === 1
    return this.deciding(dev, accepted, [], DIR.BIDIRECTIONAL, (call) => {
      const b = pages ? dma_alloc_pages(dev, cpu, size, !atomic) : dma_alloc_attrs(dev, cpu, size, !atomic, attrs)
      if (b === null) {
        told.failed(this, { dev: devIndex, phys: -1, size, attrs, alloc: true })
        return errno.ENOMEM
      }
      told.allocated(this, b.phys, b.size, !b.cookie)
      return this.objects.value({
        kind: pages ? 'pages' : 'coherent',
        dev: devIndex,
        buffer: b,
        attrs,
        dir,
        accepted: call.accepted,
        phys: b.phys,
        size
      })
    })
  }

  dma_free(v: number, devIndex?: number, end: Ending = AS_MADE): number {
    if (!isObject(v)) return 0
    const o = this.objects.get(v)
    if (o.kind !== 'coherent' && o.kind !== 'pages') return errno.EINVAL
    const dev = this.told(devIndex, o)
    if (o.kind === 'coherent') dma_free_attrs(dev, o.buffer, end.attrs ?? o.attrs)
    else dma_free_pages(dev, o.buffer)
    told.freed(this, this.objects.id(v))
    return 0
  }

  dma_mmap(v: number, dev?: number): number {
    if (!isObject(v)) return isErr(v) ? v : errno.EINVAL
    const o = this.objects.get(v)
    if (o.kind !== 'coherent' && o.kind !== 'pages') return errno.EINVAL
    const alias = dma_direct_mmap(this.told(dev, o))
    return this.objects.value({ kind: 'usermap', dev: o.dev, alias, phys: o.phys, size: o.size, accepted: o.accepted })
  }

  /** vmap(): PAGE_KERNEL, or pgprot_decrypted(PAGE_KERNEL). */
  vmap(x: number, decrypted: boolean): number {
    if (!isObject(x)) return isErr(x) ? x : errno.EINVAL
    const o = this.objects.get(x)
    if (!kernelMemory(o)) return errno.EINVAL
    const { phys, size } = this.range(x)
    const m = this.objects.value({ kind: 'vmap', alias: decrypted ? 'shared' : 'private', phys, size })
    if (this.vmaps !== null) vmapped(this, this.objects.id(m))
    return m
  }

  /** vunmap(): of a mapping that is not there a WARN and nothing else. */
  vunmap(m: number): number {
    if (!isObject(m)) return 0
    if (this.objects.get(m).kind !== 'vmap') return errno.EINVAL
    if (vunmapped(this, this.objects.id(m)) === 0) this.kernel.warn('vunmap', 'Trying to vunmap() nonexistent vm area')
    return 0
  }

  mem_cc_shared_granule_size(): number {
    return mem_cc_shared_granule_size(this.kernel)
  }

  /** Bytes; SIZE_MAX without a limit. */
  dma_max_mapping_size(dev: number): number {
    const gone = this.absent(dev)
    return gone ? gone : Math.min(SIZE_MAX, dma_max_mapping_size(this.device(dev)))
  }

  /** The bits of the mask. */
  dma_get_required_mask(dev: number): number {
    const gone = this.absent(dev)
    return gone ? gone : Math.round(Math.log2(dma_get_required_mask(this.device(dev)) + 1))
  }

  dma_set_mask(dev: number, bits: number): number {
    const gone = this.absent(dev)
    return gone ? gone : dma_set_mask(this.device(dev), bits)
  }

  dma_set_coherent_mask(dev: number, bits: number): number {
    const gone = this.absent(dev)
    return gone ? gone : dma_set_coherent_mask(this.device(dev), bits)
  }

  dma_set_mask_and_coherent(dev: number, bits: number): number {
    const gone = this.absent(dev)
    return gone ? gone : dma_set_mask_and_coherent(this.device(dev), bits)
  }
}
