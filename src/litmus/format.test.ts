import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Errors } from './_errors.ts'
import { lex } from './_lex.ts'
import { format } from './format.ts'
import { parsed } from '../../test/_library.ts'
import { tokensOf } from './tokens.ts'
import { runs } from '../../test/runs.ts'

/** All that a layout must keep: tokens with their line ends, and comments. */
const kept = (text: string): unknown => [
  lex(text, new Errors('')).map((t) => [t.kind, t.text, t.kind === 'end' ? true : t.nl]),
  tokensOf(text)
    .filter((t) => t.kind === 'comment')
    .map((t) => text.slice(t.from, t.to).trimEnd())
]

const pieces = [
  'litmus',
  'a',
  '"text"',
  'platform',
  'arm-cca',
  'kernel',
  'cc-v8',
  '- pkvmForces',
  '+ x',
  'K=v',
  'expect',
  '*',
  ':',
  'ok',
  ',',
  '{',
  '}',
  '(',
  ')',
  '[',
  ']',
  '.',
  '=',
  '==',
  '!',
  '&',
  '|',
  '&&',
  '||',
  '<',
  '12',
  '4K',
  'thread',
  'os',
  'if',
  'dma_unmap',
  ';',
  '\n',
  '\n\n',
  '\n\n\n',
  ' ',
  '  ',
  '\t',
  '# c\n',
  '// d \n',
  '/* e */',
  '/* f\n g */',
  'é',
  '-EBUSY',
  '\r\n'
]
const soup = fc.array(fc.constantFrom(...pieces), { maxLength: 40 }).map((p) => p.join(''))

describe('format', () => {
  test('is the layout of the library', () => {
    expect(
      parsed.map((p) => p.file).filter((f) => format(readFileSync(f, 'utf8')) !== readFileSync(f, 'utf8'))
    ).toEqual([])
  })

  test('one layout, whatever came in', () => {
    expect(
      format(
        'litmus   a\n"b"\n\n\n\nplatform all # every\nkernel fix=cc-v7+pkvmForces\ndevice nic{tdisp,mask 32}\n' +
          'thread os{\n\n\n p=alloc_page( )\nif(p==ERR){x = dma_map(nic,p , FROM_DEVICE,A|B)}\n// why\n}\nexpect ' +
          '*:ok\nexpect cc-v8 on arm-cca:exposed\n'
      )
    ).toBe(`litmus a
  "b"

platform all  # every
kernel   fix=cc-v7 + pkvmForces
device   nic { tdisp, mask 32 }
thread os {
  p = alloc_page()
  if (p == ERR) { x = dma_map(nic, p, FROM_DEVICE, A | B) }
  // why
}
expect *     : ok
expect cc-v8 on arm-cca : exposed
`)
    // What was apart and would be read as one word stays apart.
    expect(format('a.  *\na .*\n')).toBe('a. *\na. *\n')
    expect(format('')).toBe('')
    expect(format('\n\n')).toBe('')
  })

  test('keeps tokens, ends of lines and comments, and does nothing twice', () => {
    fc.assert(
      fc.property(soup, (text) => {
        const once = format(text)
        expect(kept(once)).toEqual(kept(text))
        expect(format(once)).toBe(once)
      }),
      { numRuns: runs(2000) }
    )
  })
})

describe('tokens', () => {
  test('stand in their order, do not overlap, and name what they are', () => {
    fc.assert(
      fc.property(soup, (text) => {
        let end = 0
        for (const t of tokensOf(text)) {
          expect(t.from).toBeGreaterThanOrEqual(end)
          expect(t.to).toBeGreaterThan(t.from)
          end = t.to
        }
        expect(end).toBeLessThanOrEqual(text.length)
      })
    )
  })

  test('kinds', () => {
    const text =
      'litmus a "b" # c\nplatform arm-cca\nkernel cc-v8\nforbid default\ndevice nic { tdisp }\nthread os {\n  h ' +
      '= dma_map_single(nic, p, TO_DEVICE)\n  assert (nic.accepted == 1)\n}\nexpect cc-* on arm-cca : exposed\n'
    expect(
      tokensOf(text)
        .filter((t) => t.kind !== 'operator')
        .map((t) => `${text.slice(t.from, t.to)} ${t.kind}`)
    ).toEqual([
      'litmus part',
      'a name',
      '"b" string',
      '# c comment',
      'platform part',
      'arm-cca platform',
      'kernel part',
      'cc-v8 kernel',
      'forbid part',
      'default constant',
      'device part',
      'nic name',
      'tdisp key',
      'thread part',
      'os name',
      'h name',
      'dma_map_single operation',
      'nic name',
      'p name',
      'TO_DEVICE constant',
      'assert keyword',
      'nic name',
      'accepted field',
      '1 number',
      'expect part',
      'cc-* kernel',
      'on keyword',
      'arm-cca platform',
      'exposed property'
    ])
  })
})
