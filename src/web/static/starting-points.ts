// Where somebody who has never seen a test may begin: here, on the first screen and in the playground.

/** A question, the finding that answers it, and the words for it. */
export interface StartingPoint {
  readonly name: string
  readonly test: string
  readonly kernel: string
  readonly platform: string
  readonly property: string
  readonly asks: string
}

/** What the first screen and the playground offer instead of a blank page. */
export const startingPoints: readonly StartingPoint[] = [
  {
    name: 'A race',
    test: 'alloc-while-accepted',
    kernel: 'rfc-v1-05',
    platform: 'arm-cca',
    property: 'fault',
    asks: 'One allocation asks four times whether the device is accepted, and is given two answers.'
  },
  {
    name: 'A free',
    test: 'coherent-free-with-driver-without-driver',
    kernel: 'cc-v8',
    platform: 'arm-cca',
    property: 'exposed',
    asks: 'A buffer is freed when the device is no longer what it was: in which state does its page go back?'
  },
  {
    name: 'A mapping',
    test: 'direct-unmapped-before-unlock-without-unmap',
    kernel: 'rfc-v1',
    platform: 'arm-cca',
    property: 'fault',
    asks: 'A mapping made at T=1 is still there when the device is unlocked: what does it reach at T=0?'
  }
]
