// The pool of each tree at boot, whatever the command line says, is the one that our model computes.
import { describe, expect, test } from 'vitest'
import { conformBoots } from '../../src/conform/kernel-boots.ts'
import { built, debian, edited, moduleOf, tree, without } from './trees.ts'

const BOOTS = 400

describe.each(['6.1', '6.12', '7.2', '7.3'])('the pool that %s boots with', (version) => {
  test.skipIf(without(`Debian's linux-source-${version}`, debian(version) === null))(
    'has the slots and areas of the model, on random command lines',
    async () => {
      const b = await built(tree(version), 'arm64', 'recorded')
      expect(conformBoots(moduleOf(b), version, BOOTS, 1)).toBe(null)
    }
  )
})

test.skipIf(without("Debian's linux-source-6.12", debian('6.12') === null))(
  'a tree that rounds otherwise is told, with its command line',
  async () => {
    const rounds = edited(tree('6.12'), 'rounds', {
      'kernel/dma/swiotlb.c': (s) => s.replace('default_nslabs < IO_TLB_SEGSIZE * default_nareas', 'default_nslabs < 0')
    })
    const told = conformBoots(moduleOf(await built(rounds, 'arm64', 'recorded')), '6.12', BOOTS, 1)
    // Areas of less than a segment, and then of none.
    expect(told?.kernel).toBe('stops: oops in swiotlb_init_io_tlb_pool: a division by zero')
    expect(told?.model).toMatch(/^\d+ slots, \d+ areas/)
  }
)
