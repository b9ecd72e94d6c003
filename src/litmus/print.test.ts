import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type Args,
  type At,
  type BinaryOp,
  explain,
  type Expr,
  type Name,
  parse,
  print,
  printExpr,
  resolveConfig,
  resolveDevices,
  spellOut,
  type Stmt,
  type Test,
  type Thread,
  type VarRef,
  vocabulary,
  withoutPlaces
} from './index.ts'
import { Bytes, ensure } from '../base/index.ts'
import { revisionByName } from '../kernel/index.ts'
import { runs } from '../../test/runs.ts'

const at: At = { line: 1, column: 1, length: 1 }
const name = <N extends string>(n: N): Name<N> => ({ name: n, at })
type Gen = fc.GeneratorValue

// Tests that make sense: a thread names only what it has set, every argument is of the right kind.

const def = (name: string, text: string): Test['revisions'][number] => ({
  name,
  at,
  text,
  revision: { ...ensure(revisionByName(text), text), name }
})

class Maker {
  readonly g: Gen
  readonly devices = ['nic', 'nvme-0']
  readonly labels = ['secret', 'data', 'reply']
  init = new Map<string, vocabulary.ValueKind>()
  own = new Map<string, vocabulary.ValueKind>()
  readonly threads = new Map<string, Map<string, vocabulary.ValueKind>>()
  thread: string | null = null
  private count = 0

  constructor(g: Gen) {
    this.g = g
  }

  pick<T>(list: readonly T[]): T {
    return list[this.g(fc.nat, list.length - 1)] as T
  }

  bool(): boolean {
    return this.g(fc.boolean)
  }

  upTo(most: number): number {
    return this.g(fc.nat, most)
  }

  refs(accepts: readonly vocabulary.ValueKind[] | null): VarRef[] {
    const fits = (k: vocabulary.ValueKind): boolean => accepts === null || accepts.includes(k)
    const out: VarRef[] = []
    const base = { kind: 'var', thread: null, index: null, at } as const
    for (const [n, k] of this.init) if (fits(k)) out.push({ ...base, scope: 'init', name: n })
    if (this.thread !== null) {
      for (const [n, k] of this.own) if (fits(k)) out.push({ ...base, scope: 'own', name: n })
      for (const [t, vars] of this.threads)
        for (const [n, k] of vars) if (fits(k)) out.push({ ...base, scope: 'thread', thread: t, name: n })
    }
    return out
  }

  target(kind: vocabulary.ValueKind): Name {
    const n = `v${this.count++}`
    if (this.thread === null) this.init.set(n, kind)
    else this.own.set(n, kind)
    return name(n)
  }

  call(): Stmt | null {
    const op: vocabulary.OpWord = this.pick<vocabulary.OpWord>(vocabulary.operations)
    const args: { -readonly [K in keyof Args]: Args[K] } = {
      attributes: [],
      atomic: false,
      high: false,
      decrypted: false
    }
    for (const p of op.params) {
      if (p.optional === true && this.bool()) continue
      const refs = this.refs(p.accepts ?? null)
      switch (p.kind) {
        case 'device':
          args.device = name(this.pick(this.devices))
          break
        case 'mmio':
          args.mmio = name('bar')
          break
        case 'label':
          args.label = name(this.pick(this.labels))
          break
        case 'direction':
          args.direction = name(this.pick(vocabulary.directions).name)
          break
        case 'size':
          args.size = { kind: 'number', value: this.pick([1, 64, 4096, 5000, 2 ** 21]), at }
          break
        case 'level':
          args.level = name(this.pick(vocabulary.trustWords))
          break
        case 'bits':
          args.bits = { kind: 'number', value: 1 + this.upTo(63), at }
          break
        case 'object': {
          if (refs.length === 0 && p.optional === true) break
          if (refs.length === 0) return null
          const r = this.pick(refs)
          const kind = this.kindOf(r)
          args.object = p.segment && kind === 'sg' && this.bool() ? { ...r, index: 0 } : r
          break
        }
        case 'objects':
          if (refs.length === 0) return null
          args.objects = Array.from({ length: 1 + this.upTo(2) }, () => this.pick(refs))
      }
    }
    const attributes: Name<vocabulary.Attribute>[] = []
    for (const o of op.options) {
      if (!this.bool()) continue
      if (vocabulary.directionNames.has(o)) args.direction = name(o as vocabulary.Direction)
      else if (o === 'ATOMIC') args.atomic = true
      else if (o === 'high') args.high = true
      else if (o === 'DECRYPTED') args.decrypted = true
      else attributes.push(name(o as vocabulary.Attribute))
    }
    args.attributes = attributes
    if (op.result === null && op.options.length > 0 && attributes.length === 0 && this.bool()) args.none = true
    const target = op.result !== null && this.bool() ? this.target(op.result) : null
    return { kind: 'call', at, op: op.name as vocabulary.OpName, try: op.try === true && this.bool(), target, args }
  }

  kindOf(r: VarRef): vocabulary.ValueKind | undefined {
    return (r.scope === 'init' ? this.init : r.scope === 'own' ? this.own : this.threads.get(r.thread ?? ''))?.get(
      r.name
    )
  }

  list(depth: number, most = 5): Stmt[] {
    const out: Stmt[] = []
    for (let n = this.upTo(most); n > 0; n--) {
      const s = this.statement(depth)
      if (s) out.push(s)
    }
    return out
  }

  statement(depth: number): Stmt | null {
    switch (depth > 2 ? this.upTo(3) : this.upTo(8)) {
      case 4: {
        // The branches see what was set before them; what they set is known after.
        const cond = this.expr(3)
        const [then, otherwise] = this.branches(2, depth) as [Stmt[], Stmt[]]
        return { kind: 'if', at, cond, then, else: otherwise }
      }
      case 5:
        return { kind: 'choose', at, branches: this.branches(2 + this.upTo(1), depth) }
      case 6:
        return { kind: 'repeat', at, count: 1 + this.upTo(4), body: this.list(depth + 1) }
      case 7:
        return { kind: this.bool() ? 'wait' : 'assert', at, cond: this.expr(4) }
      case 8: {
        const value = this.upTo(5)
        return { kind: 'assign', at, target: this.target('number'), value }
      }
      default:
        return this.call()
    }
  }

  private branches(n: number, depth: number): Stmt[][] {
    const before = { init: this.init, own: this.own }
    const after = { init: new Map(this.init), own: new Map(this.own) }
    const out: Stmt[][] = []
    for (let i = 0; i < n; i++) {
      this.init = new Map(before.init)
      this.own = new Map(before.own)
      out.push(this.list(depth + 1))
      for (const [k, v] of this.init) after.init.set(k, v)
      for (const [k, v] of this.own) after.own.set(k, v)
    }
    this.init = after.init
    this.own = after.own
    return out
  }

  /** An expression that is 0 or 1. */
  expr(depth: number): Expr {
    if (depth > 0 && this.upTo(2) > 0) {
      if (this.upTo(3) === 0) return { kind: 'not', expr: this.expr(depth - 1), at }
      const op: BinaryOp = this.pick(['&&', '||', '==', '!=', '<', '<=', '>', '>='])
      return { kind: 'binary', op, left: this.expr(depth - 1), right: this.expr(depth - 1), at }
    }
    const options: (() => Expr)[] = [
      () => ({ kind: 'device', device: this.pick(this.devices), field: 'accepted', at }),
      () =>
        this.comparison({ kind: 'device', device: this.pick(this.devices), field: 'tdi', at }, [
          'unlocked',
          'locked',
          'run',
          'error'
        ]),
      () =>
        this.comparison({ kind: 'device', device: this.pick(this.devices), field: 'tsm', at }, [
          'none',
          'connected',
          'locked',
          'accepted'
        ])
    ]
    const any = this.refs(null)
    if (any.length > 0) {
      options.push(() => ({ kind: 'func', name: 'ok', arg: this.pick(any), at }))
      options.push(() => this.comparison({ kind: 'func', name: 'errno', arg: this.pick(any), at }, ['ENOMEM', 'EIO']))
    }
    const memory = this.refs(vocabulary.contentAccepts)
    if (memory.length > 0) {
      options.push(() =>
        this.comparison({ kind: 'func', name: 'content', arg: this.pick(memory), at }, ['secret', 'ones', 'mixed'])
      )
      options.push(() => ({ kind: 'field', of: this.pick(memory), field: 'shared', at }))
      options.push(() =>
        this.comparison({ kind: 'field', of: this.pick(memory), field: 'alias', at }, ['private', 'shared'])
      )
    }
    const values = this.refs(['value'])
    if (values.length > 0) options.push(() => this.comparison(this.pick(values), ['secret', 'ones', 'cipher']))
    const statuses = this.refs(['status', 'number'])
    if (statuses.length > 0)
      options.push(() => ({
        kind: 'binary',
        op: this.pick<BinaryOp>(['==', '!=', '<', '>=']),
        left: this.pick(statuses),
        right: { kind: 'number', value: this.upTo(9), at },
        at
      }))
    return this.pick(options)()
  }

  comparison(left: Expr, words: readonly string[]): Expr {
    const right: Expr = { kind: 'word', name: this.pick(words), at }
    return this.bool()
      ? { kind: 'binary', op: this.pick<BinaryOp>(['==', '!=']), left, right, at }
      : { kind: 'binary', op: '==', left: right, right: left, at }
  }

  some<T>(list: readonly T[]): T[] {
    return list.filter(() => this.bool())
  }

  test(): Test {
    const init = this.list(0)
    const threads: Thread[] = []
    for (const t of this.pick([['os'], ['os', 'host'], ['os', 'host', 'b-2']])) {
      this.thread = t
      this.own = new Map()
      threads.push({ name: t, at, cpu: this.upTo(2), body: this.list(0, 8) })
      this.threads.set(t, this.own)
    }
    const conditions: Test['conditions'] = Array.from({ length: this.upTo(2) }, () => {
      this.own = new Map()
      return { kind: this.pick(['exists', 'never'] as const), expr: this.expr(3), at }
    })
    const config: Test['config'][number][] = []
    for (const word of this.some<vocabulary.ConfigWord>(vocabulary.configKeys)) {
      const key = word.name as vocabulary.ConfigKey
      if (key === 'cpus') config.push({ key, value: 3 + this.upTo(5), at, valueAt: at })
      else if (word.kind === 'words') config.push({ key, value: this.pick(word.values ?? []), at, valueAt: at })
      else if (word.kind === 'list')
        config.push({
          key,
          value: this.pick([ensure(word.values?.[0], key), (word.values ?? []).slice(1, 3).join(' ')]),
          at,
          valueAt: at
        })
      else if (key === 'swiotlb')
        config.push({
          key,
          value: this.pick([
            { slots: 1024, areas: 4 },
            { slots: 3, areas: null },
            { slots: 0, areas: null }
          ]),
          at,
          valueAt: at
        })
      else if (key === 'cmdline')
        config.push({ key, value: this.pick(['', 'swiotlb=force', 'a "b" \\ c']), at, valueAt: at })
      else if (key === 'vtom') config.push({ key, value: this.pick(['max', 2 ** 30]), at, valueAt: at })
      else if (key === 'ram') config.push({ key, value: this.pick([8 * 2 ** 20, 2 ** 24 + 65536]), at, valueAt: at })
      else if (key === 'host_granule') config.push({ key, value: this.pick([4096, 65536]), at, valueAt: at })
      else if (key === 'ipa_bits') config.push({ key, value: this.pick([34, 48]), at, valueAt: at })
      else if (key === 'cache_line') config.push({ key, value: 128, at, valueAt: at })
      else if (key === 'private_pool') config.push({ key, value: this.upTo(128), at, valueAt: at })
    }
    const pattern = (): Name =>
      name(
        this.pick(['*', 'cc-*', 'linux-6.*', 'rfc-v1', 'rfc-v1*', 'linux-7.1 flagStorage.x86=atomic + decryptRemapped'])
      )
    const verdict = (): Test['expects'][number]['verdict'] =>
      this.pick<Test['expects'][number]['verdict']>([
        { kind: 'ok' },
        { kind: 'vacuous' },
        { kind: 'violated', properties: ['exposed', 'leak', 'unreached'] },
        { kind: 'as', kernel: 'cc-v7 + pkvmForces' }
      ])
    return {
      file: 'f',
      name: this.pick(['t', '04-a.b', 'x-y']),
      at,
      text: this.pick(['', 'a "quoted" \\ text', 'é']),
      sources: this.some(['one', 'two']),
      platforms: this.pick([[], [name('all')], [name('arm-cca'), name('none')]]),
      kernels: this.pick([
        [],
        [name('all')],
        [name('rfc-v1'), name('linux-6.12')],
        [name('cc-v8 - pkvmForces'), name('linux-7.1')]
      ]),
      revisions: this.pick([
        [],
        [def('fix-v1', 'cc-v7 + pkvmForces'), def('other', 'linux-6.12 reencryptOnFree=at_alloc')]
      ]),
      forbid: this.pick([[], [name('default'), name('refused')], [name('all')], [name('exposed')]]),
      config,
      devices: this.devices.map((d) => ({
        name: d,
        at,
        entries: this.some<vocabulary.DeviceWord>(vocabulary.deviceKeys)
          .filter((w) => w.name !== 'vf' || d !== this.devices[0])
          .map((w) => ({
            key: w.name as vocabulary.DeviceKey,
            at,
            value:
              w.kind === 'flag'
                ? (true as const)
                : w.kind === 'bits'
                  ? this.pick([24, 32, 64])
                  : w.kind === 'mask'
                    ? this.pick([0, 0xfff, 0xffff])
                    : w.kind === 'slots'
                      ? 64
                      : w.kind === 'size'
                        ? 65536
                        : w.kind === 'windows'
                          ? this.pick([
                              2 ** 31,
                              [
                                { cpu_start: 0, dma_start: 2 ** 31, size: 2 ** 24 },
                                { cpu_start: 2 ** 32, dma_start: 0, size: 2 ** 24 }
                              ]
                            ])
                          : 2 ** 32 - 1
          }))
      })),
      mmios: [{ name: 'bar', at, of: name('nic'), access: this.pick(['private', 'shared'] as const) }],
      init,
      threads,
      conditions,
      expects: Array.from({ length: this.upTo(2) }, () => ({
        kernels: [pattern()],
        platforms: this.pick([[name('*')], [name('arm-cca'), name('pkvm')]]),
        verdict: verdict(),
        at
      }))
    }
  }
}

const again = (text: string): Test => {
  const { test: t, errors } = parse(text, 'f')
  if (!t) throw new Error(`${errors.map((e) => `${e.line}:${e.column} ${e.message}`).join('\n')}\n${text}`)
  return t
}

const anyPair = fc.record({
  kernel: fc.constantFrom(...vocabulary.kernels.map((k) => k.name)),
  platform: fc.constantFrom(...vocabulary.platforms.map((p) => p.name))
})

test('a printed test parses to the same test', () => {
  fc.assert(
    fc.property(fc.gen(), (g) => {
      const t = new Maker(g).test()
      const text = print(t)
      const back = again(text)
      expect(withoutPlaces(back)).toEqual(withoutPlaces(t))
      expect(print(back)).toBe(text)
    }),
    { numRuns: runs(200), endOnFailure: true }
  )
})

test(
  'the normal form parses to the test with every default spelled out, which means the same and is its own normal ' +
    'form',
  () => {
    fc.assert(
      fc.property(fc.gen(), anyPair, (g, { kernel, platform }) => {
        const t = new Maker(g).test()
        const full = spellOut(t, kernel, platform)
        const text = explain(t, kernel, platform)
        expect(withoutPlaces(again(text))).toEqual(withoutPlaces(full))
        expect(explain(again(text), kernel, platform)).toBe(text)
        expect(resolveConfig(full, platform, kernel)).toEqual(resolveConfig(t, platform, kernel))
        expect(resolveDevices(full, platform, kernel)).toEqual(resolveDevices(t, platform, kernel))
        for (const word of vocabulary.configKeys) expect(text).toMatch(new RegExp(`^  ${word.name} `, 'm'))
      }),
      { numRuns: runs(100), endOnFailure: true }
    )
  }
)

test('an expression is printed with no more parentheses than it needs, and groups as in C', () => {
  const shown = (e: string): string => {
    const c = again(`litmus t "x"\nthread os { x = 1; y = 2; assert (${e}) }\n`).threads[0]?.body[2]
    return c?.kind === 'assert' ? printExpr(c.cond) : ''
  }
  expect(shown('((x == 1)) && (((y != 2) || (x < y)))')).toBe('x == 1 && (y != 2 || x < y)')
  expect(shown('x == 1 || y == 2 && x < 1')).toBe('x == 1 || y == 2 && x < 1')
  expect(shown('(x == 1 || y == 2) && !(x < 1)')).toBe('(x == 1 || y == 2) && !(x < 1)')
  expect(shown('x == (y == 2)')).toBe('x == (y == 2)')
  expect(shown('(x == y) == 1')).toBe('x == y == 1')
  expect(shown('!!x && !ok(y)')).toBe('!!x && !ok(y)')
})

test('the normal form of a small test', () => {
  const t = again(
    'litmus t "x"\nkernel linux-6.15, rfc-v1\ndevice nic { accepted dma_mask 32 }\nthread os { tsm_lock(nic) }\n' +
      'expect * : ok\n'
  )
  expect(explain(t, 'linux-6.15', 'amd-sev-snp')).toBe(`# t for linux-6.15 on amd-sev-snp, every default spelled out
# tsm_* answer EOPNOTSUPP: linux-6.15 has no accept
litmus t
  "x"
platform all
kernel linux-6.15, rfc-v1
forbid exposed, tampered, fault, wrong_data, leak, stale_state, lost_update, warn, crash, deadlock
config {
  ram                     16M
  guest_page              4K
  host_granule            4K
  ipa_bits                40
  swiotlb                 512,1
  cmdline                 ""
  cpus                    1
  swiotlb_dynamic         off
  cma                     0
  zones                   off
  remap                   no
  conversions             succeed
  tsm_fails               none
  memory_encrypt_reported yes
  flag_storage            shared_byte  # without effect: linux-6.15 has no such flag
  private_pool            0
  host_stage2             shared_only
  host_mirror             exact
  tdx_page_release        off
  xt                      off
  vtom                    max
  misaligned_share        whole_granule
  cache_line              64
  locked_dma              block
  unlocked_stop           ok
  bme_zero_over_zero      ok
  tdx_trusted_shared_dma  walk
  tdx_host_read           ones
  tdx_p2p                 fault
  snp_p2p                 fault
  snp_cbit_in_iova        fault
}
device nic {
  tdisp
  accepted
  dma_mask 32
  coherent_mask 64
  min_align_mask 0x0
  boundary_mask 0xffffffff
  # accepted is ignored: linux-6.15 has no accept, so nic is T=0
  # without: bus_limit, noncoherent, restricted_pool, region, cma, iommu, untrusted, driver, private_only, switch, vf, range_map
}

thread os cpu 0 {
  tsm_lock(nic)
}

expect * on * : ok
`)
  expect(explain(t, 'rfc-v1', 'pkvm')).toContain('# accepted is ignored: pkvm has no T=1, so nic is T=0')
  expect(explain(t, 'rfc-v1', 'arm-cca')).not.toContain('ignored')
})

test('sizes are printed as one writes them', () => {
  for (const [n, text] of [
    [4096, '4K'],
    [5000, '5000'],
    [2 ** 21, '2M']
  ] as const)
    expect(Bytes.format(n)).toBe(text)
})

test('a name that the normal form gives is not taken for one that was misspelt', () => {
  const text =
    'litmus t "x"\nplatform none\nkernel all\ndevice nic { }\nthread os {\n  b = dma_alloc_pages(nic, 4K, ' +
    'BIDIRECTIONAL)\n  v = dev_r == dev_read(nic, b)\n  assert (!v)\n  dma_free_pages(nic, b)\n}\n'
  const p = parse(text, 'f')
  expect(p.errors).toEqual([])
  const normal = print(p.test as Test)
  expect(normal).toContain('dev_r == dev_read_1')
  expect(parse(normal, 'f').errors).toEqual([])
})
