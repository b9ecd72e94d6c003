import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { decisionNames } from '../kernel/index.ts'
import { expect, test } from 'vitest'
import {
  type Call,
  type Expr,
  parse,
  printExpr,
  printStmt,
  statements,
  type Stmt,
  type Test,
  vocabulary,
  withoutPlaces
} from './index.ts'
import { runs } from '../../test/runs.ts'

const EXAMPLE = `litmus coherent-free-after-accept
  "A coherent buffer allocated at T=0 and freed after accept must not reach the page allocator shared."
source   "RFC PATCH v1 04/38"
platform arm-cca
kernel   rfc-v1, cc-v8
device   nic { tdisp }

thread os {
  tsm_lock(nic)
  buf = dma_alloc_coherent(nic, 4K)
  tsm_accept(nic)
  dma_free_coherent(nic, buf)
}

expect * : exposed
`

const good = (text: string): Test => {
  const { test: t, errors } = parse(text, 'f.litmus')
  expect(errors).toEqual([])
  if (!t) throw new Error('no test')
  return t
}
/** The statements of a single thread as the canonical text, one a line. */
const lines = (statements: string, head = 'device nic { tdisp }'): string[] =>
  good(`litmus t "x"\n${head}\nthread os {\n${statements}\n}\n`).threads[0]?.body.flatMap((s) =>
    printStmt(s).split('\n')
  ) ?? []
const body = (t: Test): readonly Stmt[] => t.threads[0]?.body ?? []

test('the example of the language', () => {
  const t = good(EXAMPLE)
  expect(t).toMatchObject({
    file: 'f.litmus',
    name: 'coherent-free-after-accept',
    sources: ['RFC PATCH v1 04/38'],
    platforms: [{ name: 'arm-cca', at: { line: 4, column: 10, length: 7 } }],
    kernels: [{ name: 'rfc-v1' }, { name: 'cc-v8' }],
    devices: [{ name: 'nic', entries: [{ key: 'tdisp', value: true }] }],
    expects: [
      { kernels: [{ name: '*' }], platforms: [{ name: '*' }], verdict: { kind: 'violated', properties: ['exposed'] } }
    ]
  })
  expect(t.text).toBe(
    'A coherent buffer allocated at T=0 and freed after accept must not reach the page allocator shared.'
  )
  const alloc = body(t)[1] as Call
  expect(alloc).toMatchObject({
    kind: 'call',
    op: 'dma_alloc_coherent',
    try: false,
    target: { name: 'buf', at: { line: 10, column: 3, length: 3 } },
    at: { line: 10, column: 9, length: 27 },
    args: {
      device: { name: 'nic', at: { line: 10, column: 28, length: 3 } },
      size: { value: 4096, at: { line: 10, column: 33, length: 2 } },
      attributes: [],
      atomic: false,
      high: false
    }
  })
  expect((body(t)[3] as Call).args.object).toMatchObject({ scope: 'own', name: 'buf', thread: null, index: null })
})

const reference = join('..', 'shared', 'litmus-language.md')
test.skipIf(!existsSync(reference))('the example in the reference document, and every word of its tables', () => {
  const text = readFileSync(reference, 'utf8')
  const indented = text
    .split('\n')
    .filter((l) => l.startsWith('    '))
    .map((l) => l.slice(4))
    .join('\n')
  expect(good(indented).name).toBe('coherent-free-after-accept')
  // Each operation of the reference is in the vocabulary, with as many arguments, and the other way round.
  const calls = new Map<string, string>()
  for (const row of text.split('\n').filter((l) => l.startsWith('| `'))) {
    for (const m of (row.split('|')[1] ?? '').matchAll(/`(?:\w+ = )?(\w+)\(([^`]*)\)`/g))
      if (!calls.has(m[1] as string)) calls.set(m[1] as string, m[2] as string)
  }
  const described = [...calls.keys()].filter((c) => c !== 'exists' && c !== 'never')
  expect(described.toSorted()).toEqual(vocabulary.operations.map((o) => o.name).toSorted())
  for (const name of described) {
    const required = (calls.get(name) ?? '')
      .replace(/\[x, y\]/, 'list')
      .replace(/\[[^\]]*\]/g, '')
      .split(',')
      .filter((a) => a.trim() !== '')
    expect(`${name} ${required.length}`).toBe(`${name} ${vocabulary.operationByName.get(name)?.params.length}`)
  }
  for (const key of vocabulary.configKeys) expect(text).toContain(`\`${key.name}`)
  for (const key of vocabulary.deviceKeys) expect(text).toContain(`\`${key.name}`)
  for (const a of [...vocabulary.attributes, ...vocabulary.directions]) expect(text).toContain(`\`${a.name}\``)
})

test('the parts come in any order after litmus, on few lines or many', () => {
  const a = good(
    (
      'litmus t "x"\nexpect * : ok\nthread b { wait (a.x == 1) }\nforbid leak\nthread a { x = 1 }\nforbid refused, ' +
      'default\ndevice d { tdisp dma_mask 32; noncoherent\ncoherent_mask 24, }\nplatform all\nconfig { ram 8M ' +
      'swiotlb 1024,4 cmdline "swiotlb=force"; xt on, vtom 0x100000 }\nconfig { cpus 2 }\nmmio m { of d, shared }\n' +
      'source "one"\nsource "two"\nexists (a.x == 1)\nnever (b.r != 0 && m2 == 0)\ninit { m2 = 0 }\nkernel ' +
      'rfc-v1-05,\n  linux-6.12\n'
    ).replace('b { wait', 'b { r = 0; wait')
  )
  expect(a.forbid.map((f) => f.name)).toEqual(['leak', 'refused', 'default'])
  expect(a.config.map((e) => [e.key, e.value])).toEqual([
    ['ram', 8 << 20],
    ['swiotlb', { slots: 1024, areas: 4 }],
    ['cmdline', 'swiotlb=force'],
    ['xt', 'on'],
    ['vtom', 0x100000],
    ['cpus', 2]
  ])
  expect(a.devices[0]?.entries.map((e) => [e.key, e.value])).toEqual([
    ['tdisp', true],
    ['dma_mask', 32],
    ['noncoherent', true],
    ['coherent_mask', 24]
  ])
  expect(a.mmios).toMatchObject([{ name: 'm', of: { name: 'd' }, access: 'shared' }])
  expect(a.sources).toEqual(['one', 'two'])
  expect(a.kernels.map((k) => k.name)).toEqual(['rfc-v1-05', 'linux-6.12'])
  expect(a.conditions.map((c) => `${c.kind} ${printExpr(c.expr)}`)).toEqual([
    'exists a.x == 1',
    'never b.r != 0 && m2 == 0'
  ])
})

test(
  'statements end at the line or at a semicolon; comments, carriage returns and a byte ' + 'order mark are no obstacle',
  () => {
    const text =
      '\ufefflitmus t "x" // a\r\ndevice nic { tdisp } # b\r\n/* c\n thread no { } */ thread os { tsm_lock(nic); ' +
      'tsm_accept(nic) /* d */; ;\r\n p = alloc_page(\n high\n )\r\n}\r\n'
    expect(body(good(text)).map((s) => printStmt(s))).toEqual([
      'tsm_lock(nic)',
      'tsm_accept(nic)',
      'p = alloc_page(high)'
    ])
  }
)

test('names of tests, devices and threads may hold dashes, digits and dots where nothing is ambiguous', () => {
  const t = good(
    'litmus 04-accept.v2 "x"\ndevice nic-0 { tdisp }\nthread os-a { x = 1; assert (nic-0.tdi == unlocked) }\n' +
      'thread b { wait (os-a.x == 1) }\nexpect cc-*, linux-6.*, rfc-v1* on arm-cca, none: leak, exposed\n'
  )
  expect(t.name).toBe('04-accept.v2')
  expect(t.devices[0]?.name).toBe('nic-0')
  expect(t.expects[0]).toMatchObject({
    kernels: [{ name: 'cc-*' }, { name: 'linux-6.*' }, { name: 'rfc-v1*' }],
    platforms: [{ name: 'arm-cca' }, { name: 'none' }],
    verdict: { properties: ['exposed', 'leak'] }
  })
})

test('every operation, with every option, in one test', () => {
  const all = [
    'p = alloc_page()',
    'q = alloc_page(high)',
    'b = kmalloc(64)',
    'fill(p, secret)',
    'fill(b, data)',
    'v = read(p)',
    's = set_memory_decrypted(p)',
    'set_memory_encrypted(p)',
    'w = vmap(p)',
    'w = vmap(p, DECRYPTED)',
    'vunmap(w)',
    'h = dma_map_single(nic, b, TO_DEVICE, CC_SHARED, NO_WARN)',
    'dma_sync_for_cpu(nic, h)',
    'dma_sync_for_device(nic, h)',
    'v = try dev_read(nic, h)',
    'try dev_write(nic, h, reply)',
    'dma_unmap_single(nic, h)',
    'g = dma_map_sg(nic, [p, q], BIDIRECTIONAL, SKIP_CPU_SYNC)',
    'v = dev_read(nic, g[1])',
    'dma_unmap_sg(nic, g)',
    'r = dma_map_resource(nic, bar, FROM_DEVICE, MMIO)',
    'dma_unmap_resource(nic, r)',
    'c = dma_alloc_coherent(nic, 4K, ATOMIC, NO_KERNEL_MAPPING)',
    'm = dma_mmap(nic, c)',
    'fill(m, data)',
    'dma_free_coherent(nic, c)',
    'd = dma_alloc_pages(nic, 8K, TO_DEVICE, ATOMIC)',
    'dma_free_pages(nic, d)',
    'n = dma_max_mapping_size(nic)',
    'n = mem_cc_shared_granule_size()',
    'n = dma_get_required_mask(nic)',
    'l = dma_map_sg(nic, [p, bar], TO_DEVICE)',
    'dma_set_mask(nic, 32)',
    'dma_set_coherent_mask(nic, 32)',
    'dma_set_mask_and_coherent(nic, 64)',
    'bind(nic)',
    'unbind(nic)',
    'pci_set_master(nic)',
    'pci_clear_master(nic)',
    'pcie_flr(nic)',
    'pci_reset_function(nic)',
    'tsm_connect(nic)',
    'tsm_disconnect(nic)',
    'tsm_lock(nic)',
    'e = tsm_evidence(nic)',
    'tsm_accept(nic)',
    'tsm_accept(nic, e)',
    'tsm_dma_enable(nic)',
    'tsm_dma_disable(nic)',
    'device_set_trust(nic, tcb)',
    'tsm_unlock(nic)',
    'tsm_register()',
    'tsm_unregister()',
    'host_stop(nic)',
    'host_reset(nic)',
    'host_relock(nic)',
    'host_error(nic)',
    'host_write(p, evil)',
    'v = host_read(p)',
    'host_remap(p)',
    'host_unmap(p)',
    'kfree(b)',
    'free_page(p)',
    'give_up(q)',
    'remove(nic)'
  ]
  expect(lines(all.join('\n'), 'device nic { tdisp }\nmmio bar { of nic, private }')).toEqual(all)
  const used = new Set(all.map((l) => /(\w+)\(/.exec(l)?.[1]))
  expect(vocabulary.operations.filter((o) => !used.has(o.name))).toEqual([])
})

test(
  'options stand in any order; the canonical order is that of the vocabulary for flags, ' +
    'of the text for attributes',
  () => {
    expect(lines('b = dma_alloc_coherent(nic, 4096, NO_WARN, ATOMIC, CC_SHARED)')).toEqual([
      'b = dma_alloc_coherent(nic, 4K, ATOMIC, NO_WARN, CC_SHARED)'
    ])
  }
)

test('control: if, else if, choose, repeat, wait, assert', () => {
  expect(
    lines(`
    p = alloc_page()
    if (ok(p) && !(nic.tdi == run || nic.accepted)) { free_page(p) } else if (errno(p) == ENOMEM) { x = 1 }
    else { x = 2 }
    choose { tsm_lock(nic) } or { } or { bind(nic); unbind(nic) }
    repeat 3 {
      q = kmalloc(8)
    }
    wait (x >= 1); assert (x != 0)`)
  ).toEqual([
    'p = alloc_page()',
    'if (ok(p) && !(nic.tdi == run || nic.accepted)) {',
    '  free_page(p)',
    '} else {',
    '  if (errno(p) == ENOMEM) {',
    '    x = 1',
    '  } else {',
    '    x = 2',
    '  }',
    '}',
    'choose {',
    '  tsm_lock(nic)',
    '} or {',
    '} or {',
    '  bind(nic)',
    '  unbind(nic)',
    '}',
    'repeat 3 {',
    '  q = kmalloc(8)',
    '}',
    'wait (x >= 1)',
    'assert (x != 0)'
  ])
})

test('a call inside an expression or an argument is its own statement, done first, in order', () => {
  expect(lines('p = alloc_page()\nfill(p, data)\nassert (read(p) == data && tsm_lock(nic) == 0)')).toEqual([
    'p = alloc_page()',
    'fill(p, data)',
    'read_1 = read(p)',
    'tsm_lock_1 = tsm_lock(nic)',
    'assert (read_1 == data && tsm_lock_1 == 0)'
  ])
  expect(
    lines(
      'read_1 = 0\nif (read_1 == 1) { } else if (ok(dma_map_single(nic, alloc_page(), TO_DEVICE))) { }\nwait ' +
        '(content(alloc_page()) == secret)'
    )
  ).toEqual([
    'read_1 = 0',
    'if (read_1 == 1) {',
    '} else {',
    '  alloc_page_1 = alloc_page()',
    '  dma_map_single_1 = dma_map_single(nic, alloc_page_1, TO_DEVICE)',
    '  if (ok(dma_map_single_1)) {',
    '  }',
    '}',
    'alloc_page_2 = alloc_page()',
    'wait (content(alloc_page_2) == secret)'
  ])
  expect(
    lines('h = dma_map_sg(nic, [kmalloc(64), alloc_page()], TO_DEVICE)\nassert (try dev_read(nic, h[0]) == ones)')
  ).toEqual([
    'kmalloc_1 = kmalloc(64)',
    'alloc_page_1 = alloc_page()',
    'h = dma_map_sg(nic, [kmalloc_1, alloc_page_1], TO_DEVICE)',
    'dev_read_1 = try dev_read(nic, h[0])',
    'assert (dev_read_1 == ones)'
  ])
})

test('names: own, of init, of another thread; on some path; later in a body that is repeated', () => {
  const t = good(
    `litmus t "x"
device nic { tdisp }
init { p = alloc_page(); q = kmalloc(64) }
thread a {
  choose { h = dma_map_single(nic, p, TO_DEVICE) } or { }
  if (ok(h)) { v = dev_read(nic, h) }
  repeat 2 { if (ok(w)) { kfree(w) }; w = kmalloc(8) }
  wait (b.done && ok(b.u))
  dma_unmap_single(nic, h)
}
thread b { wait (ok(a.h)); host_write(p, evil); u = a.h.bounced == 1 }
`.replace('u = a.h.bounced == 1', 'if (a.h.bounced) { u = 1 }; done = 1')
  )
  const scopes: string[] = []
  const see = (e: Expr): void => {
    if (e.kind === 'var') scopes.push(`${e.scope}:${e.thread ?? ''}${e.name}`)
    else if (e.kind === 'func') see(e.arg)
    else if (e.kind === 'field') see(e.of)
    else if (e.kind === 'not') see(e.expr)
    else if (e.kind === 'binary') [e.left, e.right].forEach(see)
  }
  for (const th of t.threads)
    for (const s of statements(th.body)) {
      if (s.kind === 'call' && s.args.object) see(s.args.object)
      if (s.kind === 'if' || s.kind === 'wait' || s.kind === 'assert') see(s.cond)
    }
  expect(scopes).toEqual([
    'init:p',
    'own:h',
    'own:h',
    'own:w',
    'own:w',
    'thread:bdone',
    'thread:bu',
    'own:h',
    'thread:ah',
    'init:p',
    'thread:ah'
  ])
})

test('a label may be any word, a variable of that name wins only where no label could be meant', () => {
  expect(
    lines(
      'p = alloc_page()\nfill(p, private)\nv = read(p)\nassert (v == private || v == ones || v == cipher || v == mixed)'
    )
  ).toHaveLength(4)
  expect(lines('p = alloc_page()\nassert (read(p) == 0 && content(p) != 0 && errno(p) == 0)')).toContain(
    'assert (read_1 == zero && content(p) != zero && errno(p) == 0)'
  )
  expect(lines('p = alloc_page()\nfill(p, zero)')).toHaveLength(2)
  expect(lines('data = alloc_page()\nfill(data, data)\nassert (ok(data))')).toHaveLength(3)
})

test('strings hold quotes and backslashes', () => {
  const t = good('litmus t "a \\"b\\" c\\\\d \\n"\nsource "// # /* no comment */"\nthread os { }\n')
  expect([t.text, ...t.sources]).toEqual(['a "b" c\\d \\n', '// # /* no comment */'])
})

test('parse never throws and always ends, whatever the text', () => {
  const word = fc.constantFrom(
    ...vocabulary.reservedNames,
    ...vocabulary.configByName.keys(),
    ...vocabulary.deviceKeyByName.keys(),
    ...vocabulary.kernelNames,
    ...vocabulary.platformNames,
    '+',
    '-',
    'as',
    ...decisionNames,
    'nic',
    'x',
    'y',
    'os',
    'rfc-*',
    '*',
    '{',
    '}',
    '(',
    ')',
    '[',
    ']',
    ',',
    ';',
    ':',
    '.',
    '=',
    '==',
    '!=',
    '<',
    '>=',
    '&&',
    '||',
    '!',
    '\n',
    '\n',
    '4K',
    '0',
    '99999999999999999999',
    '0x',
    '"s"',
    '"',
    '/*',
    '*/',
    '//',
    '#',
    '&',
    '“',
    '\u{1F600}',
    '\t'
  )
  const check = (text: string): void => {
    const { test: t, errors } = parse(text, 'f')
    expect(t !== undefined || errors.length > 0).toBe(true)
    const rows = text.split('\n')
    for (const e of errors) {
      expect(e.line).toBeGreaterThan(0)
      expect(e.line).toBeLessThanOrEqual(rows.length)
      expect(e.column).toBeGreaterThan(0)
      expect(e.column).toBeLessThanOrEqual((rows[e.line - 1] ?? '').length + 1)
      expect(e.message).not.toMatch(/undefined|NaN|\[object/)
    }
  }
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), check), { numRuns: runs(500) })
  fc.assert(
    fc.property(fc.array(word, { maxLength: 80 }), (ws) => check(ws.join(' '))),
    { numRuns: runs(1500) }
  )
  // A dot counts only where it stands close, and may be the last that there is.
  fc.assert(
    fc.property(
      fc.array(word, { maxLength: 12 }),
      fc.constantFrom('kernel x.', 'kernel linux-7.3 + a.b.', 'forbid x.', 'expect x.', ''),
      (ws, close) => check(`${ws.join('')}\n${close}`)
    ),
    { numRuns: runs(1500) }
  )
  fc.assert(
    fc.property(fc.array(word, { maxLength: 60 }), (ws) =>
      check(`litmus t "x"\ndevice nic { tdisp }\nthread os {\n${ws.join(' ')}\n}\n`)
    ),
    { numRuns: runs(1500) }
  )
  // The example with a piece cut out, doubled or replaced.
  fc.assert(
    fc.property(fc.nat(EXAMPLE.length), fc.nat(40), fc.oneof(word, fc.string({ maxLength: 5 })), (at, n, s) =>
      check(EXAMPLE.slice(0, at) + s + EXAMPLE.slice(at + n))
    ),
    { numRuns: runs(1500) }
  )
})

test('deep, long and endless texts end soon and do not exhaust the stack', () => {
  const open = 'litmus t "x"\nthread os {\n'
  for (const text of [
    '(',
    '[',
    '!',
    '{ ',
    'if (',
    'choose { ',
    'x = ',
    'if (1 == 1) { } else ',
    'ok(',
    'a.',
    'f(',
    '"',
    '/*',
    'x = 1 == ',
    'repeat 2 { ',
    '1 == 1 && '
  ].map((s) => open + s.repeat(runs(20_000)))) {
    expect(parse(text, 'f').errors.length).toBeGreaterThan(0)
  }
  expect(parse(`${open}  x = 1\n  assert (${'x == 1 && '.repeat(200)}x == 1)\n}\n`, 'f').errors).toEqual([])
  expect(parse(`${open}  x = 1\n  assert (${'x == 1 && '.repeat(600)}x == 1)\n}\n`, 'f').errors).toMatchObject([
    { code: 'TB-241', message: 'an expression of more than 500 operators' }
  ])
  expect(parse(`${open}${'  x = 1\n'.repeat(4000)}}\n`, 'f').errors).toEqual([])
  expect(parse(`${open}${'  x = 1\n'.repeat(20_000)}}\n`, 'f').errors).toMatchObject([
    { code: 'TB-241', message: 'more than 8192 statements, with repeats written out' }
  ])
})

test('withoutPlaces leaves only what a test says', () => {
  expect(withoutPlaces(good(EXAMPLE))).toEqual(
    withoutPlaces(good(EXAMPLE.replace(/\n {2}/g, '\n      ').replace('platform arm-cca', '\n\nplatform   arm-cca')))
  )
})
