import { codes, formatDiagnostic } from '../base/index.ts'
import { expect, test } from 'vitest'
import { duplicateTests, parse, print, withoutPlaces } from './index.ts'

// The place and the word of each message are marked in the text: «word». Several marks: several messages, in order.
const MARK = /«([^»]*)»/

interface Case {
  readonly code: string
  readonly text: string
  readonly message: string
  readonly nearest?: string
  readonly expected?: string
  readonly hint?: string
  /** The word of the message when it is not the marked text (a string or a list is longer). */
  readonly word?: string
}

/** A whole test around statements of one thread. */
const body = (statements: string, head = 'device nic { tdisp }'): string =>
  `litmus t "x"\n${head}\nthread os {\n${statements}\n}\n`
const part = (line: string): string => `litmus t "x"\n${line}\nthread os { }\n`

const cases: readonly Case[] = [
  // characters, strings, comments, brackets
  { code: 'TB-200', text: body('  x = 3 «+» 4'), message: "does not use the character '+'", hint: 'no arithmetic' },
  { code: 'TB-200', text: body('  p = alloc_page()\n  q = «&»p'), message: "character '&'", hint: 'no pointers' },
  { code: 'TB-200', text: body('  x = 1\n  assert (x «|» 2)'), message: "character '|'", hint: "or is '||'" },
  { code: 'TB-200', text: 'litmus t «“»x”\nthread os { }', message: "character '“'", hint: 'straight quotes' },
  { code: 'TB-201', text: 'litmus t «"no end»\nthread os { }\n', message: 'the string is not closed on its line' },
  {
    code: 'TB-202',
    text: 'litmus t "x"\nthread os { }\n«/*» never closed\n',
    message: "the comment '/*' is not closed"
  },
  {
    code: 'TB-204',
    text: 'litmus t "x"\nthread os «{»\n  wait (1 == 1)\nexpect * : ok\n',
    message: "'{' is not closed"
  },
  { code: 'TB-204', text: 'litmus t "x"\ndevice nic «{» tdisp\nthread os { }\n', message: "'{' is not closed" },
  { code: 'TB-204', text: body('  tsm_lock«(»nic\n  tsm_accept(nic)'), message: "'(' is not closed" },
  {
    code: 'TB-204',
    text: body('  p = alloc_page()\n  if «(»ok(p) {\n    free_page(p)\n  }'),
    message: "'(' is not closed"
  },
  {
    code: 'TB-204',
    text: body('  p = alloc_page()\n  h = dma_map_sg(nic, «[»p\n  free_page(p)'),
    message: "'[' is not closed"
  },

  // shape
  { code: 'TB-205', text: '«»', message: 'the file holds no test', expected: 'litmus NAME "text"' },
  {
    code: 'TB-205',
    text: '«device» nic { }\nlitmus t "x"\nthread os { }\n',
    message: "a test begins with 'litmus', found 'device'"
  },
  {
    code: 'TB-205',
    text: '«litnus» t "x"\nthread os { }\n',
    message: "a test begins with 'litmus'",
    nearest: 'litmus'
  },
  {
    code: 'TB-206',
    text: 'litmus t "x"\n«platfrom» arm-cca\nthread os { }\n',
    message: "'platfrom' begins no part of a test",
    nearest: 'platform'
  },
  {
    code: 'TB-206',
    text: 'litmus t "x"\ndevice nic { tdisp }\n«tsm_lock»(nic)\nthread os { }\n',
    message: "'tsm_lock' begins no part",
    hint: 'statements stand in init'
  },
  { code: 'TB-206', text: body('  «alloc_pge»\n'), message: "'alloc_pge' begins no statement", nearest: 'alloc_page' },
  { code: 'TB-203', text: 'litmus «"no name"»\nthread os { }', message: "expected the test's name", word: 'no name' },
  { code: 'TB-203', text: 'litmus t\n«thread» os { }', message: "expected the test's text in quotes" },
  { code: 'TB-203', text: part('platform arm-cca «intel-tdx»'), message: "expected ',' or the line's end" },
  { code: 'TB-203', text: body('  tsm_lock(nic) «tsm_accept»(nic)'), message: "expected the line's end or ';'" },
  { code: 'TB-203', text: body('  «x» =\n  tsm_lock(nic)'), message: "'x =' is followed by nothing" },
  { code: 'TB-203', text: body('  x = 1\n  wait «x» == 1'), message: "expected '(' after 'wait'", hint: 'wait (EXPR)' },
  { code: 'TB-203', text: body('  x = 1\n  assert (x «=» 1)'), message: "compares with '=='" },
  { code: 'TB-203', text: body('  x «==» 1'), message: "a statement sets with '='" },
  {
    code: 'TB-203',
    text: body('  «choose» { tsm_lock(nic) }'),
    message: "'choose' has one branch",
    expected: "'or { }'"
  },
  { code: 'TB-203', text: body('  «else» { }'), message: "'else' has no 'if' before it" },
  { code: 'TB-203', text: body('  repeat «tsm_lock»(nic)'), message: "expected a number after 'repeat'" },
  {
    code: 'TB-203',
    text: body('  tsm_lock\n  «tsm_accept»(nic)'),
    message: "expected '(' after 'tsm_lock', found the line's end"
  },
  { code: 'TB-203', text: part('expect * «ok»'), message: "expected ':' before the expected verdict" },
  { code: 'TB-203', text: part('config { ram «=» 16M }'), message: "no '=' stands between a word and its value" },
  { code: 'TB-203', text: part('platform«:» arm-cca'), message: "no ':' stands between a word and its value" },
  { code: 'TB-203', text: part('kernel «=» rfc-v1'), message: "no '=' stands" },
  { code: 'TB-203', text: part('device «nic»'), message: "expected '{' after 'device nic', found the line's end" },
  {
    code: 'TB-203',
    text: part('expect «cc-v8»'),
    message: "expected ':' before the expected verdict, found the line's end"
  },
  {
    code: 'TB-203',
    text: body('  p = alloc_page()\n  if (ok(p)) «free_page»(p)'),
    message: "expected '{' after 'if (...)'"
  },
  { code: 'TB-203', text: 'litmus t "x"\nthread os { }\n«}»\n', message: "'}' closes nothing" },
  { code: 'TB-203', text: 'litmus t "x"\nthread os «on» 1 { }\n', message: "expected '{' or 'cpu N'" },
  { code: 'TB-203', text: body('  v = try «nic»'), message: "expected a call after 'try'" },

  {
    code: 'TB-206',
    text: body('  «while» (1 == 1; 2) { x = 1 }'),
    message: "'while' begins no statement",
    hint: 'repeat N'
  },
  { code: 'TB-206', text: body('  «int» x = 1;'), message: "'int' begins no statement", hint: 'not declared' },
  { code: 'TB-206', text: body('  «nic».tdi = run'), message: "'nic' begins no statement", hint: 'fields are asked' },
  { code: 'TB-200', text: body('  x = 1\n  x«+»+'), message: "character '+'", word: '+' },
  {
    code: 'TB-200',
    text: body("  p = alloc_page()\n  fill(p, «'»data')"),
    message: 'does not use the character',
    hint: 'without quotes'
  },
  { code: 'TB-200', text: 'litmus t "x"\n«\u0001»\nthread os { }', message: 'U+0001' },

  // operations and arguments
  { code: 'TB-207', text: body('  «tsm_lokc»(nic)'), message: "'tsm_lokc' is no operation", nearest: 'tsm_lock' },
  { code: 'TB-207', text: body('  «accept»(nic)'), message: 'is no operation', nearest: 'tsm_accept' },
  {
    code: 'TB-207',
    text: body('  p = alloc_page()\n  h = dma_map_single(nic, p, TO_DEVICE)\n  «dma_sync_single»(nic, h)'),
    message: 'is no operation',
    nearest: 'dma_map_single'
  },
  { code: 'TB-207', text: body('  «pci_tsm_lock»(nic)'), message: 'is no operation', nearest: 'tsm_lock' },
  {
    code: 'TB-207',
    text: body('  p = alloc_page()\n  assert («shared»(p) == 1)'),
    message: "'shared' is no operation",
    hint: 'x.shared'
  },
  {
    code: 'TB-208',
    text: body('  «tsm_lock»()'),
    message: "'tsm_lock' takes 1 argument, found 0",
    expected: 'tsm_lock(dev)'
  },
  {
    code: 'TB-208',
    text: body('  p = alloc_page()\n  h = «dma_map_single»(nic, p)'),
    message: "'dma_map_single' takes 3 arguments or more, found 2",
    hint: 'DIR is TO_DEVICE'
  },
  { code: 'TB-208', text: body('  tsm_lock(nic, «nic»)'), message: "'tsm_lock' takes 1 argument, found 2" },
  {
    code: 'TB-208',
    text: body('  p = alloc_page()\n  assert («ok»(p, p))'),
    message: "'ok' takes one argument, found 2"
  },
  {
    code: 'TB-208',
    text: body('  b = dma_alloc_coherent(nic, 4K)\n  dma_free_coherent(nic, b, «4K»)'),
    message: 'takes 2 arguments and CC_SHARED',
    hint: 'passed by themselves'
  },
  {
    code: 'TB-208',
    text: body('  p = alloc_page()\n  «dma_map_page»(nic, p)'),
    message: "'dma_map_single' takes 3 arguments or more, found 2",
    expected: 'dma_map_page(dev, x, offset, size, dir)',
    word: 'dma_map_single'
  },
  {
    code: 'TB-209',
    text: body('  p = alloc_page()\n  h = dma_map_page(nic, p, «512», 512, DMA_TO_DEVICE)'),
    message: 'takes all of its buffer, from its first byte',
    hint: 'kmalloc'
  },
  {
    code: 'TB-209',
    text: body('  b = kmalloc(64)\n  h = dma_map_single(nic, b, «128», DMA_TO_DEVICE)'),
    message: "takes all of 'b' (64), not 128",
    hint: 'the size is that of b'
  },
  {
    code: 'TB-209',
    text: body('  p = alloc_page()\n  h = dma_map_sg(nic, [p], «2», DMA_TO_DEVICE)'),
    message: 'the list has one entry, not 2'
  },
  {
    code: 'TB-211',
    text: body('  p = alloc_page()\n  h = dma_map_single(nic, p, TO_DEVICE)\n  assert (!dma_mapping_error(«h», h))'),
    message: "'dma_mapping_error' takes a device first"
  },
  {
    code: 'TB-215',
    text: body('  p = alloc_page()\n  h = dma_map_single(nic, p, TO_DEVICE)\n  if (h == «NULL») { }'),
    message: "'NULL' cannot stand here",
    hint: 'DMA_MAPPING_ERROR'
  },
  {
    code: 'TB-230',
    text: body('  p = alloc_page()\n  h = dma_map_single(nic, p, TO_DEVICE, «__DMA_ATTR_ALLOC_CC_SHARED»)'),
    message: "the DMA API's own"
  },
  {
    code: 'TB-230',
    text: body('  b = dma_alloc_pages(nic, 4K, &h, DMA_TO_DEVICE, GFP_KERNEL | «GFP_DMA32»)'),
    message: 'dma_alloc_pages() warns of GFP_DMA32'
  },
  { code: 'TB-209', text: body('  tsm_lock(«4K»)'), message: "'tsm_lock' takes a device as dev, found the number 4K" },
  { code: 'TB-209', text: body('  p = alloc_page()\n  tsm_lock(«p»)'), message: "found 'p', a page (alloc_page)" },
  {
    code: 'TB-209',
    text: body('  b = kmalloc(«nic»)'),
    message: "'kmalloc' takes a size as SIZE, found the device 'nic'"
  },
  {
    code: 'TB-209',
    text: body('  b = kmalloc(64)\n  free_page(«b»)'),
    message: "'free_page' takes a page (alloc_page), and 'b' is a buffer (kmalloc)"
  },
  { code: 'TB-209', text: body('  p = alloc_page()\n  v = dev_read(nic, «p»)'), message: "'p' is a page (alloc_page)" },
  {
    code: 'TB-209',
    text: body('  p = alloc_page()\n  fill(p, «"data"»)'),
    message: "'fill' takes a label",
    hint: 'write data without quotes',
    word: '"data"'
  },
  { code: 'TB-209', text: body('  free_page(«nic»)'), message: "'nic' is a device" },
  {
    code: 'TB-209',
    text: body('  p = alloc_page()\n  h = dma_map_sg(nic, «p», TO_DEVICE)'),
    message: 'takes a list of buffers',
    expected: '[x, y]'
  },
  {
    code: 'TB-209',
    text: body('  p = alloc_page()\n  h = dma_map_sg(nic, «[»], TO_DEVICE)'),
    message: 'at least one buffer'
  },
  {
    code: 'TB-209',
    text: body('  p = alloc_page()\n  h = dma_map_sg(nic, [p], TO_DEVICE)\n  dma_unmap_sg(nic, «h[0]»)'),
    message: 'takes a whole mapping, not one segment'
  },
  {
    code: 'TB-230',
    text: body('  p = alloc_page()\n  h = dma_map_single(nic, p, «DMA_TO_DEVIEC»)'),
    message: 'takes a direction here',
    nearest: 'TO_DEVICE'
  },
  {
    code: 'TB-230',
    text: body('  p = alloc_page()\n  h = dma_map_single(nic, p, «4K»)'),
    message: 'takes a direction here, found a size',
    hint: 'the size is that of x'
  },
  {
    code: 'TB-230',
    text: body('  p = alloc_page()\n  h = dma_map_single(nic, p, TO_DEVICE, «ATOMIC»)'),
    message: "'dma_map_single' does not take ATOMIC"
  },
  {
    code: 'TB-230',
    text: body('  p = alloc_page()\n  h = dma_map_single(nic, p, TO_DEVICE, «DMA_ATTR_CC_SHAERD»)'),
    message: 'is no attribute',
    nearest: 'CC_SHARED'
  },
  {
    code: 'TB-230',
    text: body('  b = dma_alloc_coherent(nic, 4K)\n  dma_free_coherent(nic, b, «TO_DEVICE»)'),
    message: 'takes no direction',
    hint: 'passed by themselves'
  },
  {
    code: 'TB-230',
    text: body(
      '  p = alloc_page()\n  h = dma_map_single(nic, p, TO_DEVICE)\n  dma_unmap_single(nic, h, TO_DEVICE, ' +
        '«FROM_DEVICE»)'
    ),
    message: 'takes one direction'
  },
  {
    code: 'TB-230',
    text: body('  p = alloc_page(«hihg»)'),
    message: "'hihg' is no option of 'alloc_page'",
    nearest: 'high'
  },

  // names
  { code: 'TB-210', text: body('  free_page(«p»)'), message: "nobody sets 'p'" },
  { code: 'TB-210', text: body('  buf = kmalloc(64)\n  kfree(«bfu»)'), message: "nobody sets 'bfu'", nearest: 'buf' },
  {
    code: 'TB-210',
    text: body('  free_page(«p»)\n  p = alloc_page()'),
    message: "'p' is used before anything sets it"
  },
  {
    code: 'TB-210',
    text: body('  repeat 1 {\n    free_page(«p»)\n    p = alloc_page()\n  }'),
    message: "'p' is used before anything sets it"
  },
  {
    code: 'TB-210',
    text: 'litmus t "x"\nthread a { x = 1 }\nthread b { wait (a.«y» == 1) }\n',
    message: "thread a never sets 'y'"
  },
  {
    code: 'TB-210',
    text: body('  p = alloc_page()\n  fill(p, data)\n  assert (read(p) == «dtaa»)'),
    message: "nobody sets 'dtaa'",
    nearest: 'data'
  },
  { code: 'TB-211', text: body('  tsm_lock(«nik»)'), message: "'nik' is no device of this test", nearest: 'nic' },
  { code: 'TB-211', text: part('mmio bar { of «nic», shared }'), message: "'nic' is no device of this test" },
  { code: 'TB-211', text: body('  assert («nik».tdi == run)'), message: "'nik' is no device", nearest: 'nic' },
  {
    code: 'TB-212',
    text: body('  h = dma_map_resource(nic, «bra», TO_DEVICE)', 'device nic { }\nmmio bar { of nic, shared }'),
    message: "'bra' is no mmio range",
    nearest: 'bar'
  },
  {
    code: 'TB-213',
    text: 'litmus t "x"\nthread host { x = 1 }\nthread b { wait («hots».x == 1) }\n',
    message: "'hots' is no thread",
    nearest: 'host'
  },
  {
    code: 'TB-214',
    text: body('  assert (nic.«tdii» == run)'),
    message: "a device has .accepted, .tdi, .ranges, .trust and .tsm, not 'tdii'",
    nearest: 'tdi'
  },
  {
    code: 'TB-214',
    text: body('  p = alloc_page()\n  assert (p.«share» == 1)'),
    message: "a variable has .shared, .alias and .bounced, not 'share'",
    nearest: 'shared'
  },
  {
    code: 'TB-216',
    text: 'litmus t "x"\ndevice nic { }\ndevice «nic» { }\nthread os { }\n',
    message: "a second 'nic': line 2 has a device of that name"
  },
  { code: 'TB-216', text: 'litmus t "x"\nthread os { }\nthread «os» { }\n', message: "a second 'os'" },
  {
    code: 'TB-218',
    text: 'litmus t "x"\ninit { p = alloc_page() }\nthread os { «p» = alloc_page() }\n',
    message: "'p' is set in init; a thread does not set it"
  },
  {
    code: 'TB-219',
    text: 'litmus t "x"\nthread a { x = 1 }\nthread b { wait («x» == 1) }\n',
    message: "'x' is a variable of thread a",
    hint: 'write a.x'
  },
  {
    code: 'TB-219',
    text: 'litmus t "x"\nthread a { x = 1 }\nexists («x» == 1)\n',
    message: "'x' is a variable of thread a",
    hint: 'write a.x'
  },

  // comparisons
  {
    code: 'TB-215',
    text: body('  assert (nic.tdi == «lokced»)'),
    message: "nic.tdi is unlocked, locked, run or error, not 'lokced'",
    nearest: 'locked'
  },
  {
    code: 'TB-215',
    text: body('  p = alloc_page()\n  assert (read(p) == «"data"»)'),
    message: 'a string cannot be compared',
    word: '"data"'
  },
  {
    code: 'TB-236',
    text: 'litmus t "x"\ninit { p = alloc_page() }\nthread a { x = 1 }\nexists («read»(p) == secret)\n',
    message: "'read' cannot run in a condition"
  },

  // config
  {
    code: 'TB-220',
    text: part('config { «swiotbl» 512 }'),
    message: "'swiotbl' is no key of config",
    nearest: 'swiotlb'
  },
  { code: 'TB-221', text: part('config { ram «lots» }'), message: "'ram' takes a size, found 'lots'" },
  {
    code: 'TB-221',
    text: part('config { conversions «may_fial» }'),
    message: "'conversions' takes succeed or may_fail",
    nearest: 'may_fail'
  },
  { code: 'TB-221', text: part('config { host_granule «8K» }'), message: "'host_granule' is 4K, 16K, 64K, not 8K" },
  { code: 'TB-221', text: part('config { «ram» }'), message: "'ram' has no value: it takes a size" },
  { code: 'TB-221', text: part('config { vtom «min» }'), message: "'vtom' takes 'max' or an address" },
  { code: 'TB-221', text: part('config { cmdline «swiotlb» }'), message: "'cmdline' takes a string in quotes" },
  { code: 'TB-222', text: part('config { ram «0» }'), message: "'ram' cannot be 0" },
  { code: 'TB-222', text: part('config { ram «8G» }'), message: "'ram' is at most 4G" },
  {
    code: 'TB-222',
    text: part('config { ram 4M, swiotlb «4096» }'),
    message: 'the bounce pool of 4096 slots (8M) does not fit into ram 4M'
  },
  {
    code: 'TB-222',
    text: part('config { ram «512K» }'),
    message: 'the bounce pool of 512 slots (1M) does not fit into ram 512K'
  },
  {
    code: 'TB-222',
    text: part('config { ram 4M, swiotlb 512, private_pool «2048» }'),
    message: 'private_pool and the pools before it'
  },
  {
    code: 'TB-222',
    text: part('config { guest_page 64K, ram «1000K», swiotlb 16 }'),
    message: 'is no multiple of 64K'
  },
  {
    code: 'TB-222',
    text: part('config { cma «8M» }'),
    message: 'the CMA area of 8M is larger than a quarter of ram 16M'
  },
  {
    code: 'TB-224',
    text: part('device d { range_map [0, 2G, «100»] }'),
    message: "a window of 'range_map' is made of whole pages"
  },
  {
    code: 'TB-223',
    text: part('device d { range_map [0, 2G«]» }'),
    message: "a window of 'range_map' is [CPU, BUS, SIZE], found ']'"
  },
  { code: 'TB-222', text: part('config { ram «5000000» }'), message: 'is no multiple of 4K' },
  { code: 'TB-222', text: part('config { ipa_bits «24» }'), message: 'does not fit below the shared alias at bit 23' },
  {
    code: 'TB-222',
    text: body('  p = alloc_page(high)', 'config { ipa_bits «33» }'),
    message: 'alloc_page(high) needs memory above 4G'
  },
  { code: 'TB-222', text: part('config { ipa_bits «60» }'), message: "'ipa_bits' is at most 52" },
  { code: 'TB-222', text: part('config { vtom «4097» }'), message: 'vtom is a multiple of the guest page' },
  { code: 'TB-222', text: part('config { cache_line «48» }'), message: 'cache_line is a power of two' },
  { code: 'TB-222', text: part('config { cpus «0» }'), message: "'cpus' cannot be 0" },
  { code: 'TB-222', text: part('config { xt on, «xt» off }'), message: "'xt' is set twice", hint: 'line 2' },
  {
    code: 'TB-232',
    text: 'litmus t "x"\nconfig { cpus 2 }\nthread os cpu «2» { }\n',
    message: 'cpu 2 does not exist: cpus is 2',
    expected: '0 to 1'
  },
  { code: 'TB-232', text: 'litmus t "x"\nthread os cpu «64» { }\n', message: 'cpu 64 is too high' },

  // devices, mmio
  { code: 'TB-223', text: part('device nic { «tdsip» }'), message: "'tdsip' is no key of a device", nearest: 'tdisp' },
  { code: 'TB-223', text: part('device nic { «dma_mask» }'), message: "'dma_mask' has no value" },
  { code: 'TB-223', text: part('device nic { tdisp «1» }'), message: "'tdisp' takes no value" },
  { code: 'TB-224', text: part('device nic { dma_mask «0» }'), message: "'dma_mask' of 0 bits reaches nothing" },
  {
    code: 'TB-224',
    text: part('device nic { coherent_mask «65» }'),
    message: "'coherent_mask' is 1 to 64 bits, not 65"
  },
  { code: 'TB-224', text: part('device nic { restricted_pool «0» }'), message: 'has at least one slot' },
  {
    code: 'TB-222',
    text: part('device nic { «restricted_pool» 8192 }'),
    message: 'the restricted pool of nic and the pools before it'
  },
  {
    code: 'TB-225',
    text: part('device nic { }\nmmio «bar» { of nic }'),
    message: 'mmio bar is neither private nor shared'
  },
  {
    code: 'TB-225',
    text: part('device nic { }\nmmio bar { of nic, private, «shared» }'),
    message: 'private or shared, not both'
  },
  { code: 'TB-225', text: part('mmio «bar» { shared }'), message: 'mmio bar names no device' },
  {
    code: 'TB-225',
    text: part('device nic { }\nmmio bar { of nic, shared, «sahred» }'),
    message: 'is no key of an mmio range',
    nearest: 'shared'
  },

  // kernels, platforms, properties
  { code: 'TB-226', text: part('kernel «rfc-v9»'), message: "'rfc-v9' is no kernel", nearest: 'rfc-v1' },
  {
    code: 'TB-226',
    text: part('kernel «linux-*»'),
    message: "'linux-*' is no kernel",
    hint: 'a prefix stands only for kernels, in expect'
  },
  { code: 'TB-226', text: part('expect «tx-*» : ok'), message: "no kernel's name begins with 'tx-'" },
  { code: 'TB-227', text: part('platform «arm-cac»'), message: "'arm-cac' is no platform", nearest: 'arm-cca' },
  {
    code: 'TB-227',
    text: part('expect * on «arm-*» : ok'),
    message: "'arm-*' is no platform",
    hint: 'only for kernels'
  },
  { code: 'TB-228', text: part('forbid «expose»'), message: "'expose' is no property", nearest: 'exposed' },
  {
    code: 'TB-228',
    text: part('expect * : «violated»'),
    message: 'is no verdict and no property',
    hint: 'name the properties'
  },
  { code: 'TB-229', text: part('expect * : exposed, «ok»'), message: 'not a mixture' },
  { code: 'TB-229', text: part('expect * : vacuous, «leak»'), message: 'not a mixture' },

  { code: 'TB-203', text: body('  dma_set_mask(nic,«,» 3)'), message: "an argument is missing before ','" },
  {
    code: 'TB-217',
    text: body('  «try» = alloc_page()'),
    message: "'try' begins a statement and cannot name a variable"
  },
  { code: 'TB-222', text: part('config { swiotlb «512,0» }'), message: 'a pool has at least one area' },
  {
    code: 'TB-224',
    text: part('device nic { dma_mask 32, «dma_mask» 24 }'),
    message: "'dma_mask' stands twice in device nic, with two values"
  },

  // numbers, repetition, bounds
  { code: 'TB-231', text: part('config { ram «16Q» }'), message: "'16Q' is no number", expected: '4K' },
  { code: 'TB-231', text: part('config { vtom «0xfffffffffffffffff» }'), message: 'is too large', hint: '2^53' },
  { code: 'TB-231', text: body('  b = kmalloc(«99999999999999999999»)'), message: 'is too large' },
  { code: 'TB-232', text: body('  b = kmalloc(«0»)'), message: 'a size is at least 1' },
  { code: 'TB-232', text: body('  dma_set_mask(nic, «0»)'), message: 'a mask of 0 bits reaches nothing' },
  { code: 'TB-232', text: body('  dma_set_mask(nic, «65»)'), message: 'a mask of 65 bits does not exist' },
  { code: 'TB-232', text: body('  repeat «1000000» { }'), message: 'is too often' },
  {
    code: 'TB-232',
    text: body('  p = alloc_page()\n  h = dma_map_sg(nic, [p], TO_DEVICE)\n  v = dev_read(nic, h[«1»])'),
    message: "'h' has one segment"
  },
  { code: 'TB-233', text: 'litmus «empty» "x"\n', message: "the test 'empty' has no thread" },
  { code: 'TB-238', text: 'litmus t "x"\n«litmus» u "y"\nthread os { }\n', message: 'a second test in the file' },
  {
    code: 'TB-241',
    text: body(`  x = 1\n  assert (${'('.repeat(99)}«(»x == 1${')'.repeat(100)})`),
    message: 'nested more than 100 deep'
  },
  {
    code: 'TB-241',
    text: body(`  p = alloc_page()\n  «repeat» 8192 { fill(p, data) }`),
    message: 'more than 8192 statements, with repeats written out'
  },
  {
    code: 'TB-241',
    text: body('  «repeat» 300 { repeat 300 { p = alloc_page() } }'),
    message: 'more than 8192 statements, with repeats written out'
  },
  {
    code: 'TB-241',
    text: `litmus t "x"\n${Array.from({ length: 64 }, (_, i) => `thread t${i} { }`).join('\n')}\nthread «last» { }\n`,
    message: 'more than 64 threads'
  },
  {
    code: 'TB-241',
    text:
      `litmus t "x"\n${Array.from({ length: 256 }, (_, i) => `device d${i} { }`).join('\n')}\ndevice «last» { }\n` +
      'thread os { }\n',
    message: 'more than 256 devices'
  },
  {
    code: 'TB-241',
    text: `litmus «${'n'.repeat(101)}» "x"\nthread os { }\n`,
    message: 'a word of 101 letters: at most 100'
  }
]

// Allowed, and said: the test is read all the same.
const warned: readonly Case[] = [
  { code: 'TB-209', text: body('  p = alloc_page()\n  assert (p.«bounced» == 1)'), message: "'bounced' is asked of" },
  {
    code: 'TB-209',
    text: body('  p = alloc_page()\n  v = read(p)\n  assert (content(«v») == secret)'),
    message: "'content' is asked of memory",
    hint: 'compare v itself'
  },
  {
    code: 'TB-209',
    text: body('  p = alloc_page()\n  h = dma_map_single(nic, p, TO_DEVICE)\n  v = dev_read(nic, h«[»0])'),
    message: 'its only segment is all of it'
  },
  {
    code: 'TB-230',
    text: body('  b = dma_alloc_coherent(nic, 4K, NO_WARN, «NO_WARN»)'),
    message: "'NO_WARN' stands twice"
  },
  { code: 'TB-234', text: body('  p = alloc_page()\n  «ok(p)»'), message: 'nobody hears the answer', word: 'ok' },
  { code: 'TB-235', text: body('  «try» tsm_lock(nic)'), message: "'try' has no effect before 'tsm_lock'" },
  { code: 'TB-216', text: body('  «nic» = alloc_page()'), message: "'nic' is a device, too" },
  { code: 'TB-216', text: part('kernel cc-v8, «cc-v8»'), message: "'cc-v8' stands twice" },
  {
    code: 'TB-216',
    text: body('  p = alloc_page()\n  data = read(p)\n  fill(p, data)\n  v = read(p)\n  assert (v == «data»)'),
    message: "'data' is a variable and a label"
  },
  { code: 'TB-217', text: body('  «read» = alloc_page()'), message: "'read' is a word of the language, too" },
  { code: 'TB-217', text: body('  p = alloc_page()\n  fill(p, «ones»)'), message: "'ones' is what a read can yield" },
  {
    code: 'TB-219',
    text: 'litmus t "x"\ninit { wait («os».x == 1) }\nthread os { x = 1 }\n',
    message: 'init runs before the threads'
  },
  {
    code: 'TB-219',
    text: 'litmus t "x"\ninit { p = alloc_page() }\nthread a { x = 1 }\nnever (a.«p».shared)\n',
    message: 'known by its plain name',
    hint: 'write p'
  },
  { code: 'TB-215', text: body('  assert (nic.tdi == «1»)'), message: 'never a number' },
  {
    code: 'TB-215',
    text: body('  p = alloc_page()\n  assert (p.shared == «shared»)'),
    message: "p.shared is 0 or 1, never 'shared'"
  },
  { code: 'TB-215', text: body('  assert (nic.accepted == «2»)'), message: 'nic.accepted is 0 or 1, never 2' },
  {
    code: 'TB-215',
    text: body('  r = tsm_lock(nic)\n  assert (r == «locked»)'),
    message: "'r' is a status (0 or an errno), never 'locked'"
  },
  {
    code: 'TB-215',
    text: body('  p = alloc_page()\n  assert (p != «7»)'),
    message: "'p' is a page (alloc_page), never a number",
    expected: 'ok(p)'
  },
  {
    code: 'TB-215',
    text: body('  p = alloc_page()\n  h = dma_map_single(nic, p, TO_DEVICE)\n  assert (h != «0»)'),
    message: "'h' is a mapping (dma_map_single), never a number",
    expected: 'ok(h)'
  },
  {
    code: 'TB-230',
    text: body('  b = dma_alloc_coherent(nic, 4K, &h, GFP_KERNEL | «GFP_DMA32»)'),
    message: 'the coherent mask chooses the zone'
  },
  {
    code: 'TB-230',
    text: body('  p = alloc_page()\n  h = dma_map_phys(nic, p, PAGE_SIZE, DMA_TO_DEVICE, «DMA_ATTR_WRITE_COMBINE»)'),
    message: 'changes nothing that is modelled'
  },
  { code: 'TB-237', text: body('  assert (nic.tdi «<» locked)'), message: "'<' compares numbers" },
  { code: 'TB-237', text: body('  assert («nic.tdi»)'), message: "'nic.tdi' is a word", expected: 'nic.tdi == run' },
  {
    code: 'TB-237',
    text: body('  p = alloc_page()\n  assert (p != «ERR»)'),
    message: 'every comparison with ERR is false',
    expected: 'ok(x)'
  },
  {
    code: 'TB-237',
    text: body('  p = alloc_page()\n  h = dma_map_single(nic, p, TO_DEVICE)\n  if («h») { dma_unmap_single(nic, h) }'),
    message: 'true unless it is ERR',
    expected: 'ok(h)'
  },
  { code: 'TB-222', text: part('config { swiotlb «512,3» }'), message: '3 areas become 4' },
  { code: 'TB-224', text: part('device nic { tdisp, «tdisp» }'), message: "'tdisp' stands twice in device nic" },
  { code: 'TB-232', text: body('  repeat «0» { }'), message: "'repeat 0' repeats nothing" },
  { code: 'TB-238', text: 'litmus t "x"\ninit { }\n«init» { }\nthread os { }\n', message: 'a second init' },
  { code: 'TB-203', text: part('kernel rfc-v1«,»\ndevice nic { }'), message: "nothing follows this ','" },
  { code: 'TB-203', text: part('expect cc-*«,» : ok'), message: "nothing follows this ','" },
  { code: 'TB-203', text: part('expect * : ok«,»'), message: "nothing follows this ','" },
  { code: 'TB-203', text: body('  dma_set_mask(nic, 32«,»)'), message: "nothing follows this ','" },
  {
    code: 'TB-215',
    text: body('  assert (nic.tdi == «private»)'),
    message: "nic.tdi is unlocked, locked, run or error, never 'private'"
  },
  {
    code: 'TB-215',
    text: body('  p = alloc_page()\n  assert (content(p) != «evil»)'),
    message: "nobody writes 'evil'"
  },
  { code: 'TB-215', text: body('  p = alloc_page()\n  assert (content(p) != «7»)'), message: 'nobody writes 7' },
  { code: 'TB-216', text: part('forbid leak, «leak»'), message: "'leak' stands twice" },
  { code: 'TB-216', text: part('expect * : leak, «leak»'), message: "'leak' stands twice" },
  { code: 'TB-216', text: 'litmus t "x"\ndevice os { }\nthread «os» { }\n', message: "'os' is a device and a thread" },
  { code: 'TB-222', text: part('config { xt on, «xt» on }'), message: "'xt' is set twice, to the same" },
  { code: 'TB-222', text: part('config { swiotlb «512,8» }'), message: '8 areas become 4' },
  { code: 'TB-224', text: part('device nic { min_align_mask «4096» }'), message: 'is 2^n - 1 on real devices' },
  {
    code: 'TB-225',
    text: part('device nic { }\nmmio bar { of nic, shared, «shared» }'),
    message: "'shared' stands twice"
  },
  { code: 'TB-233', text: 'litmus «empty» "x"\ninit { p = alloc_page() }\n', message: 'init alone runs' }
]

function unmark(marked: string): { text: string; line: number; column: number; word: string } {
  const m = MARK.exec(marked)
  if (!m) throw new Error(`no mark in ${marked}`)
  const before = marked.slice(0, m.index)
  return {
    text: before + m[1] + marked.slice(m.index + m[0].length),
    line: before.split('\n').length,
    column: m.index - before.lastIndexOf('\n'),
    word: m[1] ?? ''
  }
}

for (const c of cases) {
  const { text, line, column, word } = unmark(c.text)
  test(`${c.code} ${c.message}`, () => {
    const { test: parsed, errors } = parse(text, 'f.litmus')
    expect(parsed).toBeUndefined()
    expect(errors.map((e) => `${e.code} ${e.line}:${e.column} ${e.message}`)).toHaveLength(1)
    const e = errors[0]
    expect({ code: e?.code, file: e?.file, line: e?.line, column: e?.column, word: e?.word }).toEqual({
      code: c.code,
      file: 'f.litmus',
      line,
      column,
      word: c.word ?? word
    })
    expect(e?.message).toContain(c.message)
    if (c.nearest) expect(e?.nearest?.[0]).toBe(c.nearest)
    if (c.expected) expect(e?.expected?.join(' ')).toContain(c.expected)
    if (c.hint) expect(e?.hint).toContain(c.hint)
  })
}

for (const c of warned) {
  const { text, line, column, word } = unmark(c.text)
  test(`a warning, ${c.code} ${c.message}`, () => {
    const { test: parsed, errors, warnings } = parse(text, 'f.litmus')
    expect(errors).toEqual([])
    expect(parsed).toBeDefined()
    expect(warnings.map((e) => `${e.code} ${e.line}:${e.column} ${e.message}`)).toHaveLength(1)
    const e = warnings[0]
    expect({
      code: e?.code,
      file: e?.file,
      line: e?.line,
      column: e?.column,
      word: e?.word,
      severity: e?.severity
    }).toEqual({ code: c.code, file: 'f.litmus', line, column, word: c.word ?? word, severity: 'warning' })
    expect(e?.message).toContain(c.message)
    if (c.expected) expect(e?.expected?.join(' ')).toContain(c.expected)
    if (c.hint) expect(e?.hint).toContain(c.hint)
    // It is printed as it was written, so that the normal form means the same.
    expect(parsed && withoutPlaces(parse(print(parsed), 'f.litmus').test)).toEqual(parsed && withoutPlaces(parsed))
  })
}

test('every code of the language has a case', () => {
  const tested = new Set([...cases, ...warned].map((c) => c.code).concat('TB-239', 'TB-240'))
  expect(Object.keys(codes).filter((c) => c.startsWith('TB-2') && !tested.has(c))).toEqual([])
})

test('several errors in one file are all reported, each once, in the order of the text', () => {
  const text = `litmus bad "x"
platfrom arm-cca
kernel rfc-v9
config { ram 0, foo 3, xt maybe }
device nic { tdsip, dma_mask 0 }
thread os {
  tsm_lokc(nic)
  fill(q, secret
  x =
  p = alloc_page()
  if (ok(zz) { y = read(p) }
  assert (y == secert)
}
expect rfc-* on arm-cc : expose
`
  expect(parse(text, 'f').errors.map((e) => `${e.line}:${e.column} ${e.code} ${e.word}`)).toEqual([
    '2:1 TB-206 platfrom',
    '3:8 TB-226 rfc-v9',
    '4:14 TB-222 0',
    '4:17 TB-220 foo',
    '4:27 TB-221 maybe',
    '5:14 TB-223 tdsip',
    '5:30 TB-224 0',
    '7:3 TB-207 tsm_lokc',
    '8:7 TB-204 (',
    '9:3 TB-203 x',
    '11:6 TB-204 (',
    '12:16 TB-210 secert',
    '14:17 TB-227 arm-cc',
    '14:26 TB-228 expose'
  ])
})

test('an error in a statement makes no second error of the name it would have set', () => {
  const text = body(
    '  p = alloc_pge()\n  fill(p, data)\n  if (ok(p) { q = kmalloc(64) }\n  kfree(q)\n  r = = 3\n  wait (r == 0)'
  )
  expect(parse(text, 'f').errors.map((e) => `${e.line} ${e.code}`)).toEqual(['4 TB-207', '6 TB-204', '8 TB-203'])
})

test('TB-239: two tests of one name', () => {
  const a = parse(part(''), 'a.litmus').test
  const b = parse(part(''), 'b.litmus').test
  expect(
    a && b && duplicateTests([a, b]).map((e) => `${e.code} ${e.file}:${e.line}:${e.column} ${e.word} ${e.message}`)
  ).toEqual(["TB-239 b.litmus:1:8 t a second test 't': a.litmus has that name"])
  expect(a && duplicateTests([a])).toEqual([])
})

test('TB-240: after many errors the rest is counted', () => {
  const { errors } = parse(`litmus t "x"\nthread os {\n${'  nonsense()\n'.repeat(80)}}\n`, 'f')
  expect(errors).toHaveLength(51)
  expect(errors.at(-1)).toMatchObject({ code: 'TB-240', message: '30 further errors are not shown' })
})

test('TB-003: a call of the kernel that has no machine is refused by name', () => {
  const { errors } = parse('litmus t "x"\ndevice nic { tdisp }\nthread a {\n  n = dma_opt_mapping_size(nic)\n}\n', 'f')
  expect(errors).toMatchObject([{ code: 'TB-003', line: 4, column: 7, word: 'dma_opt_mapping_size' }])
})

test('a message as the user reads it', () => {
  const { text } = unmark(body('  «tsm_lokc»(nic)'))
  const e = parse(text, 'nic.litmus').errors[0]
  expect(e && formatDiagnostic(e, text)).toBe(`nic.litmus:4:3: error TB-207: 'tsm_lokc' is no operation
    tsm_lokc(nic)
    ^^^^^^^^
  did you mean 'tsm_lock' or 'tsm_unlock'?`)
})
