// What the CPU does: memory taken, written, read, converted and given back.
import { PAGE_SIZE, pagesOf } from '../base/index.ts'
import { phys_to_virt, set_memory_decrypted, set_memory_encrypted, TAG, virt_to_phys } from '../kernel/index.ts'
import { cpuRead, cpuWrite, found, told } from './steps.ts'
import type { Range } from './state.ts'
import { errno, isErr, isObject, type TbitObject, wordValue } from './values.ts'
import { SystemBooting } from './booting.ts'

/** What the kernel has an address of: what a map or a conversion is asked for. */
export const kernelMemory = (o: TbitObject): boolean =>
  o.kind === 'page' || o.kind === 'buffer' || o.kind === 'coherent' || o.kind === 'pages'
/** What the CPU reads and writes. */
const cpuMemory = (o: TbitObject): boolean => kernelMemory(o) || o.kind === 'usermap' || o.kind === 'vmap'

export class SystemMemory extends SystemBooting {
  alloc_page(high: boolean): number {
    const { page, pageOrder } = this.kernel
    const pfn = this.kernel.pages.alloc_pages(pageOrder, { high, tag: TAG.page, zero: true, why: 'the test' })
    if (pfn < 0) return errno.ENOMEM
    told.allocated(this, pfn * PAGE_SIZE, page, true)
    return this.objects.value({ kind: 'page', phys: pfn * PAGE_SIZE, size: page })
  }

  free_page(p: number): number {
    if (!isObject(p)) return 0
    const o = this.objects.get(p)
    if (o.kind !== 'page') return errno.EINVAL
    this.kernel.pages.free_pages(o.phys / PAGE_SIZE, this.kernel.pageOrder, 'free_page')
    told.forgotten(this, o.phys, o.size)
    told.freed(this, this.objects.id(p))
    return 0
  }

  kmalloc(size: number): number {
    const at = this.kernel.slab.kmalloc(size)
    if (at < 0) return errno.ENOMEM
    const phys = virt_to_phys(at)
    told.allocated(this, phys, size, false)
    return this.objects.value({ kind: 'buffer', phys, size })
  }

  kfree(b: number): number {
    if (!isObject(b)) return 0
    if (this.objects.get(b).kind !== 'buffer') return errno.EINVAL
    const { phys, size } = this.range(b)
    this.kernel.slab.kfree(phys_to_virt(phys), size)
    told.forgotten(this, phys, size)
    return 0
  }

  /** Whoever owned x has lost it: nobody will give it back. What the test merely still holds is not lost. */
  give_up(x: number): number {
    if (!isObject(x)) return 0
    const { pages } = this.kernel
    const o = this.objects.get(x)
    const lost = ({ phys, size }: Range): void => {
      const pfn = Math.floor(phys / PAGE_SIZE)
      const n = pagesOf(phys, size)
      // Pages of their own leave the allocator for ever; a slab object, a pool's slots and a mapped buffer keep what
      // they lie in.
      if (o.kind === 'page' || ((o.kind === 'coherent' || o.kind === 'pages') && o.buffer.from === 'buddy'))
        pages.leak(pfn, n, 'give_up', false)
      else this.kernel.emit({ kind: 'leak', pfn, n, site: 'give_up', onPurpose: false })
    }
    for (const r of o.kind === 'sg' ? o.segments : [o]) lost(r)
    return 0
  }

  fill(x: number, word: number, tryIt: boolean): number {
    if (!isObject(x)) return isErr(x) ? x : errno.EINVAL
    const o = this.objects.get(x)
    if (!cpuMemory(o)) return errno.EINVAL
    return cpuWrite(this, this.objects.id(x), word) === 1 ? this.cpuAbort(o, 'write', tryIt) : 0
  }

  read(x: number, tryIt: boolean): number {
    if (!isObject(x)) return isErr(x) ? x : errno.EINVAL
    const o = this.objects.get(x)
    if (!cpuMemory(o)) return errno.EINVAL
    const r = cpuRead(this, this.objects.id(x))
    return r < 0 ? this.cpuAbort(o, 'read', tryIt) : wordValue(r)
  }

  protected cpuAbort(o: TbitObject, what: string, tryIt: boolean): number {
    if (tryIt) return errno.EFAULT
    if (o.kind === 'usermap') {
      found(
        'fault',
        'dma_mmap',
        `user ${what} through the ${o.alias} alias`,
        `user space ${what}s through a mapping that the kernel made with the ${o.alias} alias, and the access is ` +
          'aborted'
      )
      return errno.EFAULT
    }
    this.kernel.crash(
      `cpu_${what}`,
      'cpu access aborted',
      `the kernel ${what}s memory whose mapping is invalid or of the wrong alias`
    )
  }

  set_memory(x: number, shared: boolean): number {
    if (!isObject(x)) return isErr(x) ? x : errno.EINVAL
    if (!kernelMemory(this.objects.get(x))) return errno.EINVAL
    const { phys, size } = this.range(x)
    const { page } = this.kernel
    const first = (Math.floor(phys / page) * page) / PAGE_SIZE
    const n = this.kernel.pageAlign(phys + size) / PAGE_SIZE - first
    // The test means the memory to be shared until it is private again: on the way back, and after a failure, that is
    // not yet so.
    told.explicit(this, phys, size, true)
    if (shared) return set_memory_decrypted(this.kernel, first * PAGE_SIZE, n)
    const rc = set_memory_encrypted(this.kernel, first * PAGE_SIZE, n)
    if (rc === 0) told.explicit(this, phys, size, false)
    return rc
  }
}
