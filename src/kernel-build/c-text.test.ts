import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  blank,
  closing,
  cutEnums,
  cutFunction,
  cutMacro,
  cutStruct,
  identifiers,
  includes,
  parameters
} from './c-text.ts'

const text = `/* a struct widget { in a comment */
#include <linux/one.h>
 #  include "two.h"
#define WIDE(a, b) \\
	((a) + \\
	 (b))
#define NARROW 1
struct widget {
	int a; /* } not the end */
	struct { char c; } inner;
	const char *s;
};
enum widget_state {
	WIDGET_OFF,
	WIDGET_ON
};
extern int widget_get(struct widget *w, int (*fn)(int, char), unsigned long attrs);
static inline int
widget_put(struct widget *w)
{
	const char *s = "}{";
	return widget_get(w, NULL, 0) + '{';
}
int widget_use(void)
{
	return widget_put(NULL);
}
`

test('comments and strings are blanked without moving anything', () => {
  const b = blank(text)
  expect(b.length).toBe(text.length)
  expect(b).not.toContain('in a comment')
  expect(b.split('\n').length).toBe(text.split('\n').length)
  expect(closing('a(b[c]{d})e', 1)).toBe(10)
  expect(closing('a(b', 1)).toBe(-1)
  expect(closing('a(b]', 1)).toBe(-1)
})

test('parameters come from declarations and definitions, never from calls; function pointers stay whole', () => {
  expect(parameters('widget_get', [text])).toEqual(['struct widget *w', 'int (*fn)(int, char)', 'unsigned long attrs'])
  expect(parameters('widget_put', [text])).toEqual(['struct widget *w'])
  expect(parameters('widget_use', [text])).toEqual([])
  expect(parameters('widget_lost', [text])).toBeNull()
})

test('definitions are cut out whole and verbatim', () => {
  expect(cutStruct('widget', text)).toBe(
    text.slice(text.indexOf('struct widget {\n\tint'), text.indexOf('enum widget_state')).trimEnd()
  )
  expect(cutStruct('gadget', text)).toBeNull()
  expect(cutEnums(['WIDGET_ON'], text)).toEqual(['enum widget_state {\n\tWIDGET_OFF,\n\tWIDGET_ON\n};'])
  expect(cutMacro('WIDE', text)).toBe('#define WIDE(a, b) \\\n\t((a) + \\\n\t (b))\n')
  expect(cutMacro('NARROW', text)).toBe('#define NARROW 1\n')
  expect(cutFunction('widget_put', text)).toMatch(
    /^static inline int\nwidget_put\(struct widget \*w\)\n\{[\s\S]*'\{';\n\}$/
  )
  expect(cutFunction('widget_get', text)).toBeNull()
  expect(cutFunction('widget_get', text, true)).toMatch(/^extern int widget_get\(.*\);$/)
})

test('includes and identifiers', () => {
  expect(includes(text)).toEqual([
    { path: 'linux/one.h', quoted: false },
    { path: 'two.h', quoted: true }
  ])
  expect(identifiers('a + b /* c */ "d"')).toEqual(new Set(['a', 'b']))
})

/** blank() character by character. */
function blankSlowly(text: string): string {
  const out = text.split('')
  const wipe = (a: number, b: number): void => {
    for (let k = a; k < b && k < out.length; k++) if (out[k] !== '\n') out[k] = ' '
  }
  const behind = (word: string, from: number, length: number): number => {
    const e = text.indexOf(word, from)
    return e < 0 ? text.length : e + length
  }
  let i = 0
  while (i < text.length) {
    const c = text[i]
    if (text.startsWith('/*', i) || text.startsWith('//', i)) {
      const end = text[i + 1] === '*' ? behind('*/', i + 2, 2) : behind('\n', i, 0)
      wipe(i, end)
      i = end
    } else if (c === '"' || c === "'") {
      let k = i + 1
      while (k < text.length && text[k] !== c && text[k] !== '\n') k += text[k] === '\\' ? 2 : 1
      wipe(i + 1, k)
      i = k + 1
    } else i++
  }
  return out.join('')
}

test('comments and literals are blanked as they are character by character', () => {
  const piece = fc.constantFrom('/*', '*/', '//', '/', '*', '"', "'", '\\', '\n', 'a', ' ', '\u2028', '\ud83d', '{')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      expect(blank(pieces.join(''))).toBe(blankSlowly(pieces.join('')))
    }),
    { numRuns: 2000 }
  )
})
