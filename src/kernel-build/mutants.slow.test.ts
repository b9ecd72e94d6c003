// A mutant that is woken in the text of all does what its own text does (mutants-asleep.ts).
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { scratch } from '../../test/scratch.ts'
import { mutantsOf } from './mutants.ts'
import { asleep, SLEEPING } from './mutants-asleep.ts'

const compiler = spawnSync('cc', ['--version']).status === 0
if (!compiler) process.stdout.write('mutants.slow: no C compiler here\n')

const text = `// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#define nr_slots(n) ((n) / 2)
#define DMA_ATTR_MMIO 4
#define DMA_ATTR_NO_WARN 8
static long phys_to_dma(int dev, long a) { return a + dev; }
static long phys_to_dma_unencrypted(int dev, long a) { return a | 64; }
static int held;
static void spin_lock_irqsave(int *lock, int flags) { ++*lock; }
static void spin_unlock_irqrestore(int *lock, int flags) { --*lock; }
static void note(int a)
{
	printf("%d ", a + held);
}

static int find(int *list, int n, unsigned int attrs)
{
	int flags;
	int i, index = 0, all = 0;

	spin_lock_irqsave(&held, flags);
	for (i = 0; i < nr_slots(n) && i < 6; i++)
		if (list[index + i] >= n && (attrs & DMA_ATTR_MMIO || list[i + 1] <= 3))
			goto found;
		else if (list[i] > 2)
			note(i);
		else
			all = i < 2 ? 5 : all + (n <= 7);
	spin_unlock_irqrestore(&held, flags);
	return -1 - all;

found:
	if (attrs)
		note(
		     i);
	spin_unlock_irqrestore(&held, flags);
	return phys_to_dma_unencrypted(n, i);
}

int main(int argc, char **argv)
{
	int list[16] = { 3, 1, 4, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3 };
	SET
	for (int n = 0; n < 12; n++)
		for (unsigned int attrs = 0; attrs < 12; attrs += 4)
			printf("= %d\\n", find(list, n, attrs));
	return 0;
}
`

test.skipIf(!compiler)('each does what its own text does, and asleep all do what the original does', () => {
  const dir = scratch('mutants')
  const run = (name: string, c: string, ...args: string[]): string => {
    const [source, program] = [join(dir, `${name}.c`), join(dir, name)]
    writeFileSync(source, c)
    const compiled = spawnSync('cc', ['-w', '-O1', '-o', program, source], { encoding: 'utf8' })
    expect(compiled.stderr).toBe('')
    return spawnSync(program, args, { encoding: 'utf8' }).stdout
  }
  const mutants = mutantsOf('a.c', text).filter((m) => m.function === 'find')
  expect(new Set(mutants.map((m) => m.kind)).size).toBe(5)
  const { text: all, out } = asleep(
    text,
    mutants.map((m, i) => [i + 1, m]),
    true
  )
  expect(out).toEqual([])
  expect(all.split('\n').length).toBe(text.split('\n').length)
  const together = all.replace('SET', 'tbit_mutant = argc > 1 ? atoi(argv[1]) : tbit_mutant;')
  const original = run('original', text.replace('SET', ''))
  expect(run('asleep', together)).toBe(original)
  expect(all).toContain(`tbit_mutant = ${SLEEPING}u;`)
  const woken = mutants.map((_, i) => spawnSync(join(dir, 'asleep'), [String(i + 1)], { encoding: 'utf8' }).stdout)
  expect(woken).toEqual(mutants.map((m, i) => run(`m${i}`, m.text.replace('SET', ''))))
  expect(woken.filter((w) => w !== original).length).toBeGreaterThan(mutants.length / 2)
})

test('what cannot be asleep is said: a constant, a change across another', () => {
  const c =
    'int f(int d)\n{\n\tswitch (d) {\n\tcase DMA_TO_DEVICE:\n\t\treturn 1;\n\t}\n\treturn d == DMA_TO_DEVICE;\n}\n'
  const [constant, other] = mutantsOf('a.c', c)
  if (constant === undefined || other === undefined) throw new Error('two mutants')
  const { out, text: made } = asleep(
    c,
    [
      [1, constant],
      [2, other]
    ],
    false
  )
  expect(out).toEqual([constant])
  expect(made).toContain('d == ((tbit_mutant == 2) ? DMA_FROM_DEVICE : DMA_TO_DEVICE)')
  const crossing = { ...other, edits: other.edits.map((e) => ({ ...e, from: e.from - 3, to: e.to - 3 })) }
  expect(
    asleep(
      c,
      [
        [1, other],
        [2, crossing]
      ],
      false
    ).out
  ).toEqual([crossing])
})
