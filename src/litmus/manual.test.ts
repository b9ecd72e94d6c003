import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { explain, parse } from './index.ts'
import { refresh, tables } from './manual.ts'

const page = readFileSync('docs/litmus-language.md', 'utf8')

test('the tables of docs/litmus-language.md are current (scripts/docs-litmus.mjs writes them)', () => {
  expect(refresh(page)).toBe(page)
  for (const name of Object.keys(tables)) expect(page).toContain(`<!-- table: ${name} -->`)
})

test('a mark that names no table is an error', () => {
  expect(() => refresh('<!-- table: nothing -->\n<!-- end -->')).toThrow('no table is called nothing')
})

test('the example of the manual parses, with its twin, and its sample lines are what the tool says', () => {
  const indented = page
    .split('\n')
    .reduce<string[]>((out, l) => {
      const inside = l.startsWith('    ') || l === ''
      if (inside && out.length > 0) out[out.length - 1] += `${l.slice(4)}\n`
      else if (!inside) out.push('')
      return out
    }, [])
    .map((b) => b.trim())
    .filter((b) => b !== '')
  const example = indented.find((b) => b.startsWith('litmus ')) ?? ''
  const twin = indented.find((b) => b.startsWith('thread os')) ?? ''
  const a = parse(example, 'a')
  expect(a.errors).toEqual([])
  const head = example.slice(0, example.indexOf('thread os'))
  const b = parse(head + twin, 'b')
  expect(b.errors).toEqual([])
  expect(b.test?.expects[0]?.verdict).toEqual({ kind: 'ok' })
  expect(a.test && explain(a.test, 'rfc-v1', 'arm-cca')).toContain('buf = dma_alloc_coherent(nic, 4K)')
  for (const line of [
    'config { ram 64M, swiotlb 4096,4  cmdline "swiotlb=force" }',
    'mmio bar { of nvme, shared }',
    'expect * : exposed\nexpect cc-*, linux-7.3 : ok\nexpect cc-v8 on s390-pv : vacuous'
  ]) {
    expect(page.replace(/\n {4}/g, '\n')).toContain(line)
    expect(parse(`litmus t "x"\ndevice nvme { }\n${line}\nthread os { }\n`, 'f').errors).toEqual([])
  }
  const e = parse('litmus t "x"\ndevice nic { }\nthread os {\n  tsm_lokc(nic)\n}\n', 'nic.litmus').errors[0]
  expect(page).toContain(`nic.litmus:${e?.line}:${e?.column}: error ${e?.code}: ${e?.message}`)
})
