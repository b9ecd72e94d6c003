// Who writes a field of struct device: on a small tree of ours, in the three ways a tree can be given.
import { execFileSync } from 'node:child_process'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { audit, openTree } from './index.ts'
import { blank } from './c-text.ts'
import { functionsOf, locksAt, unitOf } from './writers.ts'
import { scratch } from '../../test/scratch.ts'

const fixture = join(import.meta.dirname, '../../test/fixtures/kernel-audit')
const made = scratch('audit')

async function audited(given: string, field: string) {
  const t = openTree(fixture)
  if (!t.ok) throw new Error(t.error.message)
  const a = await audit(given, t.value, field)
  if (!a.ok) throw new Error(a.error.message)
  return a.value
}

describe('kernel audit', () => {
  test(
    'the unit of a bitfield is the run of bitfields around it; all its writers, ' + 'with the locks held at each',
    async () => {
      const a = await audited(fixture, 'accepted')
      expect(a.unit).toMatchObject({ kind: 'bitfield', members: ['offline', 'dma_coherent', 'accepted'], line: 13 })
      const rows = a.writers.map(
        (w) =>
          `${w.file}:${w.line} ${w.function} ${w.member} [${w.locks.join(', ')}] ` +
          `${w.callers === null ? '' : `${w.callers.calls}/${w.callers.bare} [${w.callers.locks.join()}]`} ` +
          `${w.reached}`
      )
      expect(rows).toEqual([
        'drivers/locked.c:13 accept accepted [device_lock(dev)]  not compiled',
        'drivers/locked.c:21 accept_guarded accepted [device_lock(&p->dev)]  not compiled',
        'drivers/locked.c:23 accept_guarded accepted [device_lock(&p->dev), p->lock]  not compiled',
        'drivers/locked.c:32 asserted accepted [device_lock(dev)]  not compiled',
        'drivers/locked.c:38 helper accepted [] 2/0 [device_lock(dev)] not compiled',
        'drivers/locked.c:61 after offline [] 0/0 [] not compiled',
        'kernel/dma/direct.c:4 note_coherence dma_coherent [] 1/1 [] by calls',
        'kernel/dma/direct.c:15 never_called dma_coherent [] 0/0 [] not called'
      ])
      expect(a.writers[4]?.comment).toBe('Callers must hold the device lock.')
      // p->accepted is a port's
      expect(a).toMatchObject({ others: 1, open: true, common: [] })
    }
  )

  test('a member that shares its word with nobody cannot lose an update', async () => {
    expect(await audited(fixture, 'numa_node')).toMatchObject({
      unit: { kind: 'alone', members: ['numa_node'] },
      writers: [],
      open: false
    })
  })

  test('a tarball, a long name in it, and a commit are read like the directory', async () => {
    const deep = join(made, 'linux-7.0')
    cpSync(fixture, deep, { recursive: true })
    const long = `drivers/${'a-directory-with-a-long-name/'.repeat(6)}`
    cpSync(join(fixture, 'drivers'), join(deep, long), { recursive: true })
    const directory = await audited(deep, 'accepted')
    expect(directory.writers.filter((w) => w.file.startsWith(long))).toHaveLength(6)
    for (const format of ['gnu', 'pax']) {
      execFileSync('tar', ['-C', made, `--format=${format}`, '-czf', join(made, `${format}.tar.gz`), 'linux-7.0'])
      expect((await audited(join(made, `${format}.tar.gz`), 'accepted')).writers).toEqual(directory.writers)
    }
    const git = (...args: string[]) =>
      execFileSync('git', ['-C', deep, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { stdio: 'ignore' })
    git('init', '-q')
    git('add', '.')
    git('commit', '-qm', 'one')
    expect((await audited(`${deep}@HEAD`, 'accepted')).writers).toEqual(directory.writers)
    // a part of a repository is named from where it lies
    expect(
      (await audited(`${join(deep, 'drivers')}@HEAD`, 'accepted')).writers.filter((w) => !w.file.includes('/'))
    ).toHaveLength(6)
  })

  test('a bit of the bitmap is written by its accessors; a name that is not there has its neighbours', () => {
    const header =
      'enum struct_device_flags {\n\tDEV_FLAG_OFFLINE = 0,\n\tDEV_FLAG_DMA_COHERENT = 1,\n};\nstruct device {\n' +
      '\tint a;\n\tDECLARE_BITMAP(flags, 2);\n};\n'
    expect(unitOf('dma_coherent', header)).toMatchObject({
      kind: 'bitmap',
      line: 3,
      members: ['offline', 'dma_coherent']
    })
    expect(unitOf('dma_coherence', header)).toEqual({ known: ['a', 'flags', 'offline', 'dma_coherent'] })
  })

  test.each([
    ['mutex_lock(&x->lock); @', 'x->lock'],
    ['mutex_lock(&x->lock); mutex_unlock(&x->lock); @', ''],
    ['spin_lock_irqsave(&l, f); down_read(&s); @', 'l s'],
    ['spin_lock_irqsave(&l, f); spin_unlock_irqrestore(&l, f); @', ''],
    ['rcu_read_lock(); @', 'rcu_read_lock()'],
    ['if (a) { mutex_lock(&l); } @', 'l'],
    ['{ guard(mutex)(&l); } @', ''],
    ['{ guard(mutex)(&l); @ }', 'l'],
    ['mutex_lock(&l); if (a) { mutex_unlock(&l); return; } @', 'l'],
    ['mutex_lock(&l); if (a) { mutex_unlock(&l); } @', ''],
    ['lockdep_assert_held(&l); @', 'l'],
    ['lockdep_assert_not_held(&l); @', ''],
    ['mutex_trylock(&l); @', ''],
    ['clock(&l); @', '']
  ])('%s holds "%s"', (body, locks) => {
    const text = blank(`void f(struct x *x)\n{\n\t${body}\n}\n`)
    const [f] = functionsOf(text)
    expect(locksAt(text, f as never, text.indexOf('@')).join(' ')).toBe(locks)
  })
})
