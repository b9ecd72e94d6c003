import fc from 'fast-check'
import { expect, test } from 'vitest'
import { complete } from './index.ts'
import { runs } from '../../test/runs.ts'

const HEAD = `litmus t "x"
device nic { tdisp }
device nvme { }
mmio bar { of nvme, shared }
init { p = alloc_page() }
`
/** The words at `|`. */
function at(marked: string): string[] {
  const offset = marked.indexOf('|')
  return complete(marked.replace('|', ''), offset).words.map((w) => w.word)
}
const inThread = (s: string): string[] =>
  at(
    `${HEAD}thread host { e = 1 }\nthread os {\n  b = kmalloc(64)\n  h = dma_map_single(nic, b, TO_DEVICE)\n  ` +
      `fill(b, data)\n  v = read(b)\n  ${s}\n}\n`
  )

test('parts', () => {
  expect(at('|')).toEqual(['litmus'])
  expect(at('litmus t "x"\nplat|')).toEqual(['platform'])
  expect(at(`${HEAD}ex|`)).toEqual(['exists', 'expect'])
  expect(at(`${HEAD}exp|\nthread os { }\n`)).toEqual(['expect'])
})

test('names of kernels, platforms, properties', () => {
  expect(at('litmus t "x"\nkernel linux-7|')).toEqual(expect.arrayContaining(['linux-7.1', 'linux-7.3']))
  expect(at('litmus t "x"\nplatform arm-cca, a|')).toEqual(['arm-cca', 'amd-sev-snp', 'amd-sme-host', 'all'])
  expect(at('litmus t "x"\nforbid e|')).toEqual(['exposed'])
  expect(at('litmus t "x"\nexpect cc-v8 o|')).toEqual(['on'])
  expect(at('litmus t "x"\nexpect cc-v8 on no|')).toEqual(['none'])
  expect(at('litmus t "x"\nexpect * : o|')).toEqual(['ok'])
})

test('keys and values', () => {
  expect(at('litmus t "x"\nconfig { swiotlb 512\n  s| }')).toEqual(['swiotlb_dynamic', 'snp_p2p', 'snp_cbit_in_iova'])
  expect(at('litmus t "x"\nconfig { host_granule |')).toEqual(['4K', '16K', '64K'])
  expect(at('litmus t "x"\nconfig { locked_dma | }')).toEqual(['block', 't0'])
  expect(at('litmus t "x"\ndevice nic { tdisp, d| }')).toEqual(['dma_mask', 'driver'])
  expect(at(`${HEAD}mmio m { of n| }`)).toEqual(['nic', 'nvme'])
  expect(at(`${HEAD}mmio m { | }`)).toEqual(['of', 'private', 'shared'])
})

test('statements, right-hand sides, arguments', () => {
  expect(inThread('tsm_un|')).toEqual(['tsm_unlock', 'tsm_unregister'])
  expect(inThread('as|')).toEqual(['assert'])
  expect(inThread('w = host|')).toEqual([
    'host_stop',
    'host_reset',
    'host_relock',
    'host_error',
    'host_write',
    'host_read',
    'host_remap',
    'host_unmap'
  ])
  expect(inThread('w = try dev|')).toEqual(['dev_read', 'dev_write'])
  expect(inThread('tsm_lock(|)')).toEqual(['nic', 'nvme'])
  expect(inThread('dma_unmap_single(nic, |')).toEqual(['h', 'host'])
  expect(inThread('kfree(|)')).toEqual(['b', 'host'])
  expect(inThread('g = dma_map_single(nic, p, F|)')).toEqual(['FROM_DEVICE'])
  expect(inThread('g = dma_map_single(nic, p, TO_DEVICE, NO_WARN, |)')).toEqual([
    'CC_SHARED',
    'MMIO',
    'SKIP_CPU_SYNC',
    'REQUIRE_COHERENT',
    'NO_KERNEL_MAPPING'
  ])
  expect(inThread('g = dma_map_sg(nic, [p, |], TO_DEVICE)')).toEqual(['b', 'p', 'host'])
  expect(inThread('g = dma_map_resource(nic, |')).toEqual(['bar'])
  expect(inThread('fill(p, |)')).toEqual(['secret', 'data'])
  expect(inThread('q = alloc_page(h|)')).toEqual(['high'])
})

test('expressions: names, fields, the words the other side can be', () => {
  expect(inThread('wait (ni|)')).toEqual(['nic'])
  expect(inThread('wait (nic.|)')).toEqual(['accepted', 'tdi', 'ranges', 'trust', 'tsm'])
  expect(inThread('wait (host.|)')).toEqual(['e'])
  expect(inThread('wait (h.b|)')).toEqual(['bounced'])
  expect(inThread('wait (nic.tdi == |)').slice(0, 4)).toEqual(['unlocked', 'locked', 'run', 'error'])
  expect(inThread('wait (h.alias == p|)')).toEqual(['private', 'p'])
  expect(inThread('assert (v == da|)')).toEqual(['data'])
  expect(inThread('assert (errno(h) == EB|)')).toEqual(['EBUSY'])
  expect(inThread('if (ok(h)) { } el|')).toEqual(['else'])
  expect(inThread('choose { } o|')).toEqual(['or'])
})

test('nothing inside strings, comments, numbers; the text to replace begins at the word', () => {
  expect(at('litmus t "pla|t"\n')).toEqual([])
  expect(at('litmus t "x"\n# pla|\n')).toEqual([])
  expect(at('litmus t "x"\nconfig { ram 1|6M }')).toEqual([])
  expect(complete('litmus t "x"\n  platf', 20).from).toBe(15)
})

test('content assist never throws, wherever it is asked', () => {
  const text =
    `${HEAD}thread os cpu 1 { h = try dev_read(nic, p); if (ok(p) && nic.tdi == run) { } else { } choose { } or { ` +
    '} repeat 2 { wait (p.alias == shared) } }\nexists (os.h == ones)\nexpect cc-* on arm-cca : ok\n'
  fc.assert(
    fc.property(fc.nat(text.length), fc.nat(text.length), fc.nat(20), (offset, cut, n) => {
      for (const t of [text, text.slice(0, offset), text.slice(0, cut) + text.slice(cut + n)]) {
        const c = complete(t, offset)
        expect(c.from).toBeLessThanOrEqual(Math.min(offset, t.length))
        for (const w of c.words) expect(w.does).not.toContain('undefined')
      }
    }),
    { numRuns: runs(800) }
  )
})
