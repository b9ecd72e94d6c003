import { MIXED_WORD } from '../machine/index.ts'
import { deviceAccess, dmaResult, found, handleOf, stopped } from './steps.ts'
import type { DmaEnd } from './state.ts'
import { errno, isErr, isObject, type MappingObject, wordValue } from './values.ts'
import { SystemCoherent } from './coherent.ts'

export class SystemDeviceDma extends SystemCoherent {
  /** The handles that a device uses of an object, by number: one, or the segments of a list. */
  protected targets(v: number, segment: number): number[] {
    const o = this.objects.get(v)
    switch (o.kind) {
      case 'mapping':
      case 'resource':
      case 'coherent':
      case 'pages':
        return [this.objects.id(v)]
      case 'sg':
        return (segment >= 0 ? o.segments.slice(segment, segment + 1) : o.segments).map((m) =>
          this.objects.id(this.objects.value(m))
        )
      default:
        return []
    }
  }

  /**
   * A DMA of the device over all of a handle's segments. Answers the word read, 0 for a write, or an errno after a
   * fault.
   */
  protected dma(devIndex: number, v: number, segment: number, write: boolean, word: number, tryIt: boolean): number {
    if (!isObject(v)) return isErr(v) ? v : errno.EINVAL
    const gone = this.absent(devIndex)
    if (gone) return gone
    const targets = this.targets(v, segment)
    if (targets.length === 0) return errno.EINVAL
    let read = -1
    for (const id of targets) {
      const { end, word: got } = dmaResult(this, deviceAccess(this, devIndex, id, write, word))
      // A read that is answered, with ones or ciphertext, is no fault: the reader has other data (wrong_data).
      if ((stopped(end) || end.outcome === 'drop' || end.outcome === 'poison') && !tryIt)
        this.dmaFault(devIndex, id, write, end)
      if (stopped(end)) return errno.EFAULT
      read = read === -1 || read === got ? got : MIXED_WORD
    }
    return write ? 0 : wordValue(read)
  }

  protected dmaFault(devIndex: number, id: number, write: boolean, { outcome, rule, note }: DmaEnd): void {
    const what = outcome === 'blocked' ? 'not sent' : outcome === 'drop' ? 'dropped' : 'aborted'
    const at = `0x${handleOf(this.objects.byId(id) as MappingObject).toString(16)}`
    found(
      'fault',
      `dev_${write ? 'write' : 'read'}`,
      rule,
      `${this.device(devIndex).name}'s DMA ${write ? 'write' : 'read'} at ${at} is ${what} ` +
        `(${outcome.replace('fault:', '')}): ${note}`
    )
  }

  dev_read(dev: number, v: number, segment: number, tryIt: boolean): number {
    return this.dma(dev, v, segment, false, 0, tryIt)
  }
  dev_write(dev: number, v: number, segment: number, word: number, tryIt: boolean): number {
    return this.dma(dev, v, segment, true, word, tryIt)
  }
}
