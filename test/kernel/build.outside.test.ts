// The kernel's own C, from Debian's source to a running instance: built, replayed against recordings, edited as patches
// would.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { profileFor, selfTest } from '../../src/conform/kernel-selftest.ts'
import { buildKernel, openTree } from '../../src/kernel-build/index.ts'
import {
  DMA_TO_DEVICE,
  GFP_ATOMIC,
  GFP_KERNEL,
  KernelC,
  KernelFault,
  RecordingHost,
  type WasmModule
} from '../../src/kernel-c/index.ts'
import { built, debian, edited, machine, moduleOf, recording, recordingFiles, tree, without } from './trees.ts'
import { scratch } from '../scratch.ts'

const cache = scratch('kernel')

const GB = 2 ** 30
const no612 = without("Debian's linux-source-6.12", debian('6.12') === null)
const noRecordings = without('../shared/data/swiotlb', recordingFiles().length === 0)

describe.skipIf(no612)('6.12', () => {
  test.skipIf(noRecordings)('replays every recording without a difference, on a build from cold', async () => {
    tree('6.12')
    const modules = new Map<string, WasmModule>()
    let operations = 0
    for (const f of recordingFiles()) {
      const lines = recording(f)
      const profile = profileFor(lines[0] ?? '') ?? 'recorded'
      let m = modules.get(profile)
      if (!m) {
        const begun = performance.now()
        const b = await built(tree('6.12'), 'arm64', profile, { fresh: true })
        process.stdout.write(`built from cold (${profile}) in ${((performance.now() - begun) / 1000).toFixed(1)} s\n`)
        expect(b.cached).toBe(false)
        expect(b.meta.unresolved).toEqual([])
        m = moduleOf(b)
        modules.set(profile, m)
      }
      const r = selfTest(m, f, lines)
      expect(r.ok && r.value.first).toBeNull()
      if (r.ok) operations += r.value.operations
    }
    expect(operations).toBe(138_098)
  })

  test('a recording that does not fit is noticed, and said to be ours when the version is the same', async () => {
    const b = await built(tree('6.12'), 'arm64', 'recorded')
    const header = JSON.stringify({
      kernel: 'linux-6.12.117',
      nslabs: 512,
      nareas: 2,
      raw: 0,
      pool_start: 2 * GB,
      buf_phys: 4 * GB,
      buf_size: 1 << 24,
      force_bounce: 0,
      devices: [
        {
          id: 0,
          min_align_mask: 0,
          segment_boundary_mask: '0x0',
          dma_mask: '0xffffffffffffffff',
          coherent_dma_mask: '0xffffffffffffffff',
          bus_dma_limit: '0x0',
          dma_coherent: 1
        }
      ]
    })
    const right = selfTest(moduleOf(b), 'f', [header, `["m",0,0,${4 * GB},100,0,1,0,${2 * GB},1,1,100]`])
    expect(right.ok && right.value.mismatches).toBe(0)
    const wrong = selfTest(moduleOf(b), 'f', [header, `["m",0,0,${4 * GB},100,0,1,0,${2 * GB + 2048},1,1,100]`])
    expect(wrong.ok && wrong.value.first).toMatchObject({
      line: 2,
      whose: 'recording',
      differences: [{ what: 'tlb_addr', recorded: 2 * GB + 2048, kernel: 2 * GB }]
    })
    expect(selfTest(moduleOf(b), 'f', ['{}'])).toMatchObject({ ok: false, error: { code: 'TB-610' } })
    expect(selfTest(moduleOf(b), 'f', [header, '["zz",0]'])).toMatchObject({
      ok: false,
      error: { code: 'TB-610', line: 2 }
    })
  })

  test('is built once and then taken from the cache; a change of any file is another kernel', async () => {
    const a = await built(tree('6.12'), 'arm64', 'recorded')
    expect(a.cached).toBe(true)
    const other = await built(
      edited(tree('6.12'), 'other', { 'kernel/dma/direct.c': (t) => `${t}\n/* nothing, ${Date.now()} */\n` }),
      'arm64',
      'recorded'
    )
    expect(other.cached).toBe(false)
    expect(other.meta.content).not.toBe(a.meta.content)
  })

  test('what an edit does not reach is not compiled again, and makes the same image; a damaged copy is', async () => {
    const before = process.env['TBIT_CACHE']
    const own = join(cache, 'objects-of-its-own')
    process.env['TBIT_CACHE'] = own
    let image: Uint8Array | null = null
    const compiled = async (text: string, fresh = false): Promise<string[]> => {
      const steps: string[] = []
      const t = edited(tree('6.12'), 'objects', { 'kernel/dma/direct.c': (was) => `${was}\n${text}\n` })
      const b = await buildKernel(t, { arch: 'arm64', profile: 'recorded', fresh, progress: (s) => steps.push(s) })
      image = b.ok ? b.value.wasm : null
      expect(b.ok).toBe(true)
      return steps.filter((s) => s.startsWith('compiling'))
    }
    try {
      const all = ['machine.c', 'swiotlb.c', 'gen/calls.c', 'gen/rest.c'].map((u) => `compiling ${u}`)
      const direct = ['compiling gen/calls.c']
      expect(await compiled('int one;')).toEqual(all)
      expect(await compiled('int two;')).toEqual(direct)
      const objects = join(own, 'objects')
      for (const f of readdirSync(objects)) writeFileSync(join(objects, f), 'damaged')
      expect(await compiled('int three;')).toEqual([...direct, ...all])
      expect(await compiled('int four;')).toEqual(direct)
      const ofKept = image
      expect(await compiled('int four;', true)).toEqual(all)
      expect(image).toEqual(ofKept)
      // the linked module, too, is looked at before it is woven
      const kernels = join(own, 'kernels')
      for (const f of readdirSync(kernels).map((f) => join(kernels, f)))
        if (f.includes('-linked-')) writeFileSync(f, readFileSync(f).fill(0xff, 2000, 2100))
        else rmSync(f)
      expect(await compiled('int four;')).toEqual([])
      expect(image).toEqual(ofKept)
    } finally {
      if (before === undefined) delete process.env['TBIT_CACHE']
      else process.env['TBIT_CACHE'] = before
    }
  })

  test('both architectures as a guest configures them: pools, remapping, restricted pools', async () => {
    const arm = await built(tree('6.12'), 'arm64', 'guest')
    expect(arm.meta.has).toMatchObject({ coherentPool: true, restricted: true })
    expect(arm.meta.config).toContain('DMA_DIRECT_REMAP')
    const x86 = await built(tree('6.12'), 'x86', 'guest')
    expect(x86.meta.config).toContain('ARCH_HAS_FORCE_DMA_UNENCRYPTED')
    const host = new RecordingHost([
      [3 * GB, 512],
      [5 * GB, 1024]
    ])
    const k = new KernelC(moduleOf(x86), host)
    // an SNP guest: the C-bit in private handles, bounce buffers forced, coherent memory shared
    k.boot({
      cpus: 1,
      ram: 8 * GB,
      platform: 'snp',
      bit: 51,
      conversions: true,
      swiotlb: { start: 2 * GB, cmdline: '512,1', force: true }
    })
    expect(host.events).toEqual([['dec', 2 * GB, 256]])
    host.events = []
    const d = k.device()
    expect(k.force_dma_unencrypted(d)).toBe(true)
    expect(k.phys_to_dma(d, 0x1000)).toBe(2 ** 51 + 0x1000)
    expect(k.dma_map(d, 0, 5 * GB, 100, DMA_TO_DEVICE)).toBe(2 * GB)
    const a = k.dma_alloc(d, 0, 4096, GFP_KERNEL)
    expect(a).toMatchObject({ phys: 5 * GB, handle: 5 * GB, kind: 0 })
    k.dma_free(d, 4096, a)
    expect(host.events).toEqual([
      ['ap', 5 * GB, 1],
      ['dec', 5 * GB, 1],
      ['enc', 5 * GB, 1],
      ['fp', 5 * GB, 1]
    ])
  })

  test(
    'a field that a patch adds to struct device, and a predicate that reads it, ' + 'need no change of the shim',
    async () => {
      const t = edited(tree('6.12'), 'with a field', {
        'include/linux/device.h': (s) => s.replace(/(\n\tbool\t\t\tcan_match:1;)/, '$1\n\tbool\t\t\ttdi_enabled:1;'),
        'include/linux/swiotlb.h': (s) =>
          s.replace(
            /(is_swiotlb_force_bounce\(struct device \*dev\)\n\{\n[^\n]*\n)/,
            '$1\n\tif (dev->tdi_enabled)\n\t\treturn false;\n'
          )
      })
      const b = await built(t, 'arm64', 'recorded')
      expect(b.meta.fields).toContain('tdi_enabled')
      const { k } = machine(moduleOf(b), '512,2,force')
      const d = k.device({ fields: { dma_coherent: true } })
      expect(k.hasField('tdi_enabled')).toBe(true)
      expect(k.hasField('tdi_disabled')).toBe(false)
      expect(() => k.setField(d, 'tdi_disabled', 1)).toThrow(RangeError)
      expect(k.dma_map(d, 0, 5 * GB, 100, DMA_TO_DEVICE)).toBe(2 * GB)
      k.setField(d, 'tdi_enabled', true)
      expect(k.getField(d, 'tdi_enabled')).toBe(1)
      expect(k.dma_map(d, 0, 5 * GB, 100, DMA_TO_DEVICE)).toBe(5 * GB)
      // the neighbour in the same byte is as it was
      expect(k.getField(d, 'dma_coherent')).toBe(1)
    }
  )

  test('a predicate outside struct device is answered by the embedder', async () => {
    const t = edited(tree('6.12'), 'with a predicate', {
      'include/linux/device.h': (s) =>
        s.replace(/(\nstatic inline bool device_iommu_mapped)/, '\nbool device_cc_accepted(struct device *dev);\n$1'),
      'include/linux/swiotlb.h': (s) =>
        s.replace(
          /(is_swiotlb_force_bounce\(struct device \*dev\)\n\{\n[^\n]*\n)/,
          '$1\n\tif (device_cc_accepted(dev))\n\t\treturn false;\n'
        )
    })
    const b = await built(t, 'arm64', 'recorded')
    expect(b.meta.flagFunctions).toEqual(['device_cc_accepted'])
    const { k } = machine(moduleOf(b), '512,2,force')
    const d = k.device({ fields: { dma_coherent: true } })
    expect(k.is_swiotlb_force_bounce(d)).toBe(true)
    k.setField(d, 'device_cc_accepted', true)
    expect(k.is_swiotlb_force_bounce(d)).toBe(false)
  })

  test.skipIf(noRecordings)(
    'map_page renamed to map_phys, with the parameters of 6.16, replays the recordings as before',
    async () => {
      const toPhys = (s: string): string =>
        s
          .replaceAll('dma_direct_map_page', 'dma_direct_map_phys')
          .replaceAll('dma_direct_unmap_page', 'dma_direct_unmap_phys')
          .replace(
            /(dma_direct_map_phys\(struct device \*dev,\s*)struct page \*page, unsigned long offset, size_t size/,
            '$1phys_addr_t phys, size_t size'
          )
          .replace(/\tphys_addr_t phys = page_to_phys\(page\) \+ offset;\n(\tdma_addr_t dma_addr = phys_to_dma)/, '$1')
          .replaceAll(/\t\tif \(is_pci_p2pdma_page\(page\)\)\n\t\t\treturn DMA_MAPPING_ERROR;\n/g, '')
      const t = edited(tree('6.12'), 'map_phys', {
        'kernel/dma/direct.h': toPhys,
        'kernel/dma/direct.c': (s) =>
          toPhys(s).replace(
            /dma_direct_map_phys\(dev, sg_page\(sg\),\s*sg->offset,/,
            'dma_direct_map_phys(dev, sg_phys(sg),'
          ),
        'kernel/dma/mapping.c': (s) =>
          toPhys(s).replace(
            'dma_direct_map_phys(dev, page, offset, size',
            'dma_direct_map_phys(dev, page_to_phys(page) + offset, size'
          )
      })
      const b = await built(t, 'arm64', 'recorded')
      expect(b.meta.notes.join()).toContain('dma-direct maps with dma_direct_map_phys')
      for (const f of recordingFiles().filter((x) => /direct-(force|lazy)-512/.test(x))) {
        const r = selfTest(moduleOf(b), f, recording(f))
        expect(r.ok && r.value.first).toBeNull()
      }
    }
  )

  test(
    'what does not compile names the identifier, the file and the way to teach the ' + 'shim; taught, it compiles',
    async () => {
      const t = edited(tree('6.12'), 'unknown', {
        'kernel/dma/direct.c': (s) =>
          s.replace(
            '\tsize = PAGE_ALIGN(size);\n',
            '\tsize = PAGE_ALIGN(size);\n\tif (mystery_predicate(dev) == MYSTERY)\n\t\treturn NULL;\n'
          )
      })
      const b = await buildKernel(t, { arch: 'arm64', profile: 'recorded' })
      expect(b.ok).toBe(false)
      if (b.ok) return
      const e = b.error.find((x) => x.word === 'mystery_predicate')
      expect(e).toMatchObject({ code: 'TB-607', file: 'unknown/kernel/dma/direct.c' })
      expect(e?.line).toBeGreaterThan(0)
      expect(e?.hint).toMatch(/extra\.h.*--shim DIR/)

      const dir = join(cache, 'teach')
      mkdirSync(dir, { recursive: true })
      writeFileSync(join(dir, 'extra.h'), '#define MYSTERY 7\n#define mystery_predicate(dev) 0\n')
      const taught = await built(t, 'arm64', 'recorded', { teach: dir })
      expect(taught.meta.fields).toContain('dma_coherent')
      expect(await buildKernel(t, { arch: 'arm64', profile: 'recorded', teach: join(cache, 'nowhere') })).toMatchObject(
        {
          ok: false,
          error: [{ code: 'TB-608' }]
        }
      )
    }
  )

  test('what a header of the tree defines is there', async () => {
    const t = edited(tree('6.12'), 'helper', {
      'include/linux/gfp.h': (s) =>
        s.replace(
          /\n#endif[^\n]*\n*$/,
          '\n#define MYSTERY_BASE 5\nstatic inline int mystery_helper(int x)\n{\n\treturn x + MYSTERY_BASE;\n}\n' +
            '#endif\n'
        ),
      'kernel/dma/swiotlb.c': (s) =>
        s.replace(
          /(size_t swiotlb_max_mapping_size\(struct device \*dev\)\n\{\n)/,
          '$1\tif (mystery_helper(1) == 6)\n\t\treturn 4711;\n'
        )
    })
    const b = await built(t, 'arm64', 'recorded')
    const { k } = machine(moduleOf(b))
    expect(k.swiotlb_max_mapping_size(k.device())).toBe(4711)
  })

  test('a parameter nobody knows is an assumption; taught, it is what was said', async () => {
    const t = edited(tree('6.12'), 'parameter', {
      'kernel/dma/swiotlb.c': (s) =>
        s
          .replace(
            /(dma_addr_t swiotlb_map\(struct device \*dev, phys_addr_t paddr, size_t size,)/,
            '$1 unsigned int mystery,'
          )
          .replace(
            /(\tphys_addr_t swiotlb_addr;\n\tdma_addr_t dma_addr;\n)/,
            '$1\n\tif (mystery == 7)\n\t\treturn 4711;\n'
          ),
      'include/linux/swiotlb.h': (s) =>
        s.replace(
          /dma_addr_t swiotlb_map\(struct device \*dev, phys_addr_t phys,\n?\s*size_t size,/,
          (m) => `${m} unsigned int mystery,`
        ),
      'kernel/dma/direct.h': (s) =>
        s.replaceAll('swiotlb_map(dev, phys, size, dir, attrs)', 'swiotlb_map(dev, phys, size, 0, dir, attrs)')
    })
    const b = await built(t, 'arm64', 'recorded')
    expect(b.meta.assumptions).toEqual([
      { call: 'swiotlb_map', parameter: 'unsigned int mystery', value: '0', file: 'kernel/dma/swiotlb.c' }
    ])
    const plain = machine(moduleOf(b))
    expect(plain.k.swiotlb_map(plain.k.device(), 0, 5 * GB, 100, DMA_TO_DEVICE)).toBe(2 * GB)
    const dir = join(cache, 'argument')
    mkdirSync(dir, { recursive: true })
    writeFileSync(join(dir, 'extra.h'), '#define TBIT_ARG_swiotlb_map_mystery 7\n')
    const taught = machine(moduleOf(await built(t, 'arm64', 'recorded', { teach: dir })))
    expect(taught.k.swiotlb_map(taught.k.device(), 0, 5 * GB, 100, DMA_TO_DEVICE)).toBe(4711)
  })

  test(
    'code that loops, follows a null pointer or calls what is not there ends with a fault, ' +
      'and the instance goes on',
    async () => {
      const cases: ReadonlyArray<readonly [string, KernelFault['kind'], RegExp]> = [
        ['for (;;)\n\t\t\tdev->bus_dma_limit++;', 'runaway', /has not returned after 16777216 turns/],
        ['return *(volatile int *)0;', 'oops', /null or wild pointer/],
        ['return ((struct io_tlb_mem *)0)->nslabs;', 'oops', /null or wild pointer/],
        ['return *(volatile int *)phys_to_virt(0x1000);', 'oops', /null or wild pointer/],
        ['((volatile char *)0x7fffffffffffUL)[0] = 1;', 'oops', /null or wild pointer/],
        ['BUG();', 'bug', /BUG/],
        ['return mystery(1);', 'unresolved', /mystery\(\) is called/],
        ['return swiotlb_max_mapping_size(dev) + 1 + dev->bus_dma_limit;', 'runaway', /endless recursion/]
      ]
      const arms = cases.map(([code], i) => `\tcase ${i + 1}:\n\t\t${code}\n\t\tbreak;\n`).join('')
      const t = edited(tree('6.12'), 'faults', {
        'kernel/dma/swiotlb.c': (s) =>
          s.replace(
            /(size_t swiotlb_max_mapping_size\(struct device \*dev\)\n\{\n)/,
            `int mystery(int);\n$1\tswitch (dev->id) {\n${arms}\t}\n`
          )
      })
      const b = await built(t, 'arm64', 'recorded')
      expect(b.meta.unresolved).toEqual(['mystery'])
      const { k } = machine(moduleOf(b))
      const d = k.device()
      for (const [i, [code, kind, text]] of cases.entries()) {
        expect(k.swiotlb_max_mapping_size(d)).toBe(262144)
        k.setField(d, 'id', i + 1)
        let fault: unknown = null
        try {
          k.swiotlb_max_mapping_size(d)
        } catch (e) {
          fault = e
        }
        expect(fault, code).toBeInstanceOf(KernelFault)
        expect((fault as KernelFault).kind, code).toBe(kind)
        expect((fault as KernelFault).message, code).toMatch(text)
        k.setField(d, 'id', 0)
        expect(k.swiotlb_max_mapping_size(d)).toBe(262144)
      }
    }
  )
})

// Trees built from their own headers for both architectures, with the pools that boot makes. A build takes a core for
// 15 s and more: the oldest that the model follows and the newest release on every push, the others when asked for.
const ALL = process.env['TBIT_KERNELS'] === 'all'
if (!ALL) process.stdout.write('skipped: builds of 6.1, 7.2 and the release candidate; TBIT_KERNELS=all makes them\n')
describe.each(['6.1', '6.12', '7.2', '7.3', 'rc'])('Debian %s', (version) => {
  test
    .skipIf(
      (!ALL && !['6.12', '7.3'].includes(version)) ||
        without(`Debian's linux-source-${version}`, debian(version) === null)
    )
    .each(['arm64', 'x86'] as const)('%s', async (arch) => {
    const b = await built(tree(version), arch, 'guest')
    expect(b.meta.assumptions).toEqual([])
    expect(b.meta.unresolved).toEqual([])
    expect(b.meta.headers).toBeGreaterThan(300)
    const host = new RecordingHost([
      [1 << 20, 256],
      [3 * GB, 512],
      [5 * GB, 1024]
    ])
    const k = new KernelC(moduleOf(b), host)
    k.boot({
      cpus: 2,
      ram: 8 * GB,
      platform: arch === 'x86' ? 'snp' : 'realm',
      bit: arch === 'x86' ? 51 : 47,
      conversions: true,
      swiotlb: { start: 2 * GB, cmdline: '512,2,force', force: true },
      atomic_pools: 1 << 17
    })
    const d = k.device({ fields: k.hasField('dma_coherent') ? { dma_coherent: true } : {} })
    const a = k.dma_map(d, 0, 5 * GB, 100, DMA_TO_DEVICE)
    expect(k.pool()?.used).toBe(1)
    k.dma_unmap(d, a, 100, DMA_TO_DEVICE)
    expect(k.pool()?.used).toBe(0)
    const c = k.dma_alloc(d, 0, 4096, GFP_ATOMIC)
    expect(c.phys).toBeGreaterThan(0)
    k.dma_free(d, 4096, c)
  })
})

describe.skipIf(!ALL || without("Debian's linux-source-6.1", debian('6.1') === null))('6.1', () => {
  test('is built, says what it lacks, and the pool search that never returns there is a fault', async () => {
    const b = await built(tree('6.1'), 'arm64', 'recorded')
    expect(b.meta.notes.join('\n')).toMatch(/no high-water mark[\s\S]*no pad_slots/)
    const { k } = machine(moduleOf(b), '128,1')
    const d = k.device({ min_align_mask: 0xfff })
    const plain = k.device()
    // every second slot free
    const slots = Array.from({ length: 128 }, (_, i) =>
      k.swiotlb_tbl_map_single(plain, 0, 5 * GB + i * 4096, 2048, 0, DMA_TO_DEVICE)
    )
    expect(slots.every((s) => s > 0)).toBe(true)
    for (let i = 0; i < 128; i += 2) k.swiotlb_tbl_unmap_single(plain, slots[i] as number, 2048, DMA_TO_DEVICE)
    // the search would begin at slot 4 and comes by 5, 9, ... 125, 1, 5, ... for ever
    expect(k.swiotlb_tbl_map_single(plain, 0, 5 * GB, 2048, 0, DMA_TO_DEVICE)).toBe(2 * GB)
    expect(() => k.swiotlb_tbl_map_single(d, 0, 5 * GB + 0x800, 4096, 0, DMA_TO_DEVICE)).toThrow(
      /runaway in swiotlb_\w+: has not returned/
    )
  })
})

test('trees that are none', () => {
  expect(openTree('/no/such/place')).toMatchObject({ ok: false, error: { code: 'TB-600' } })
  const d = join(cache, 'none')
  mkdirSync(join(d, 'kernel/dma'), { recursive: true })
  expect(openTree(d)).toMatchObject({ ok: false, error: { code: 'TB-600', message: /no Makefile/ } })
  writeFileSync(join(d, 'Makefile'), 'VERSION = 5\nPATCHLEVEL = 10\nSUBLEVEL = 1\nEXTRAVERSION =\nNAME = x\n')
  expect(openTree(d)).toMatchObject({ ok: false, error: { code: 'TB-601', word: '5.10.1' } })
  writeFileSync(join(d, 'Makefile'), 'VERSION = 6\nPATCHLEVEL = 20\nSUBLEVEL =\nEXTRAVERSION = -rc1\n')
  expect(openTree(d)).toMatchObject({ ok: false, error: { code: 'TB-602', word: 'kernel/dma/swiotlb.c' } })
  const f = join(cache, 'file.txt')
  writeFileSync(f, 'text')
  expect(openTree(f)).toMatchObject({ ok: false, error: { code: 'TB-600' } })
  const broken = join(cache, 'broken.tar.xz')
  writeFileSync(broken, Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 1, 2, 3]))
  expect(openTree(broken)).toMatchObject({ ok: false, error: { code: 'TB-600' } })
  const path = process.env['PATH']
  process.env['PATH'] = cache
  try {
    expect(openTree(broken)).toMatchObject({
      ok: false,
      error: { code: 'TB-603', message: 'cannot unpack: tar and xz not found' }
    })
  } finally {
    process.env['PATH'] = path
  }
})
