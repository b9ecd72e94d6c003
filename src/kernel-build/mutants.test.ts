import { expect, test } from 'vitest'
import { mutantsOf, tellingEntries } from './mutants.ts'

const text = `static int find(struct pool *pool, int n)
{
	unsigned long flags;
	int i;

	/* if (comment) */
	spin_lock_irqsave(&pool->lock, flags);
	for (i = 0; i < nr_slots(n); i++)
		if (pool->list[index + i] >= n)
			goto found;
	spin_unlock_irqrestore(&pool->lock, flags);
	dev_warn(pool->dev, "if (full)");
	return -1;

found:
	take(pool,
	     i);
	return phys_to_dma_unencrypted(pool->dev, i);
}
`

test('each change is one, in its line, and leaves the rest as it is', () => {
  const all = mutantsOf('a.c', text)
  const told = all.map((m) => `${m.line} ${m.kind}: ${m.after}`)
  expect(told).toEqual(
    expect.arrayContaining([
      '9 condition negated: if (!(pool->list[index + i] >= n))',
      '16 call dropped: ',
      '18 address or attribute swapped: return phys_to_dma(pool->dev, i);',
      '9 off by one: if (pool->list[index + i] > n)',
      '9 off by one: if (pool->list[index + i + 1] >= n)',
      '8 off by one: for (i = 0; i < (nr_slots(n) + 1); i++)',
      '8 off by one: for (i = 0; i <= nr_slots(n); i++)',
      '7 lock removed: '
    ])
  )
  // nothing of a comment or a string is changed
  expect(all.some((m) => m.line === 6)).toBe(false)
  for (const m of all) expect(m.text, `${m.line} ${m.kind}`).not.toBe(text)
  const unlocked = all.find((m) => m.kind === 'lock removed')?.text ?? ''
  expect(unlocked).toContain('\tflags = 0;\n\tfor')
  expect(unlocked).not.toMatch(/spin_/)
  expect(new Set(all.map((m) => m.text)).size).toBe(all.length)
})

test('what no test can tell is listed apart', () => {
  expect(
    mutantsOf('a.c', text)
      .filter((m) => m.apart !== null)
      .map((m) => [m.line, m.kind, m.apart])
  ).toEqual([[12, 'call dropped', 'prints']])
  const warned = 'void f(int n)\n{\n\tdev_WARN_ONCE(dev, 1, "x");\n\tWARN(n, "y");\n}\n'
  expect(mutantsOf('a.c', warned).map((m) => m.apart)).toEqual(['prints', 'prints'])
  const barrier = 'void sync(bool flush)\n{\n\tif (flush)\n\t\tarch_sync_dma_flush();\n}\n'
  expect(new Set(mutantsOf('a.c', barrier).map((m) => m.apart))).toEqual(new Set(['barriers']))
  const asserts = 'void f(int n)\n{\n\tBUG_ON(n >= 4);\n\tspin_lock_init(&l);\n\tdec_used(mem, n);\n}\n'
  expect(mutantsOf('a.c', asserts).map((m) => [m.line, m.apart])).toEqual([
    [3, 'assertions'],
    [3, 'assertions'],
    [5, 'statistics'],
    [4, 'locks made']
  ])
  const guards = (then: string): unknown => mutantsOf('a.c', `void f(int n)\n{\n\tif (n)\n${then}}\n`)[0]?.apart
  expect(guards('\t\tpr_warn("x");\n')).toBe('prints')
  expect(guards('\t\tpr_warn("x");\n\telse\n\t\tmake();\n')).toBeNull()
  expect(guards('\t\tmake();\n')).toBeNull()
  expect(mutantsOf('a.c', text, new Set()).every((m) => m.apart !== null)).toBe(true)
  const init = 'static int __init up(void)\n{\n\tif (!pool)\n\t\tret = -ENOMEM;\n\tif (room)\n\t\tmake();\n}\n'
  const apart = (s: string): unknown => mutantsOf('a.c', s).map((m) => [m.line, m.apart])
  expect(apart(`${init}postcore_initcall(up);\n`)).toEqual([
    [3, 'initcall'],
    [5, null],
    [6, null]
  ])
  expect(apart(init)).toEqual([
    [3, null],
    [5, null],
    [6, null]
  ])
})

test('functions that tell when they are entered keep their lines', () => {
  const told = tellingEntries(`${text}\nstatic inline void two(void) { take(0, 0); }\n`)
  expect(told.split('\n').length).toBe(text.split('\n').length + 2)
  expect(told).toContain('{ tbit_i_entered("find");\n\tunsigned long flags;')
  expect(told).toContain('void two(void) { tbit_i_entered("two"); take(0, 0); }')
  expect(told.match(/tbit_i_entered\("/g)).toHaveLength(2)
})
