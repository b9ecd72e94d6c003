// Random choices that a seed decides, and the ways to damage an input. The same seed makes the same input for ever: it
// is all a report needs.

export class Random {
  private x: number
  constructor(seed: number) {
    this.x = (Math.imul(seed | 0, 0x9e3779b1) ^ 0x6d2b79f5) | 0 || 1
    for (let i = 0; i < 4; i++) this.next()
  }
  next(): number {
    this.x ^= this.x << 13
    this.x ^= this.x >>> 17
    this.x ^= this.x << 5
    return this.x >>> 0
  }
  below(n: number): number {
    return this.next() % n
  }
  chance(one: number, of: number): boolean {
    return this.below(of) < one
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }
}

/** Words that have broken readers: of JavaScript, of terminals, at the ends of number ranges. */
export const WORDS = [
  '__proto__',
  'constructor',
  'toString',
  'valueOf',
  '\u001b[31m',
  '\u001b]0;x\u0007',
  '\u202e',
  '\0',
  '\r',
  '\t',
  '',
  '0',
  '-1',
  '4294967296',
  '9007199254740993',
  '18446744073709551616',
  '0xffffffffffffffff',
  '1e309',
  'NaN',
  'Infinity',
  '[]',
  '{}',
  '"',
  "'",
  '{',
  '}',
  '(',
  ')',
  '=',
  ':',
  ',',
  '<script>',
  '\ufffd',
  '99999999999999999999999',
  '0x',
  '*',
  '#',
  '//',
  '/*',
  '\\'
]

/** A text with some of its words, lines and letters changed. `words` are those of its own language. */
export function mutateText(r: Random, text: string, words: readonly string[] = []): string {
  const lines = text.split('\n')
  for (let k = 1 + r.below(5); k > 0; k--) {
    const at = r.below(lines.length)
    const line = lines[at] as string
    switch (r.below(8)) {
      case 0:
        lines.splice(at, 1 + r.below(3))
        break
      case 1:
      case 2: {
        const parts = line.split(/(\W+)/)
        parts[r.below(parts.length)] = r.pick(words.length > 0 && r.chance(1, 2) ? words : WORDS)
        lines[at] = parts.join('')
        break
      }
      case 3:
        lines[at] = line.slice(0, r.below(line.length + 1))
        break
      case 4:
        lines.splice(at, 0, ...Array.from({ length: r.below(6) }, () => r.pick(lines)))
        break
      case 5:
        lines[at] = line.replace(/\d+/g, (d) =>
          r.chance(1, 4) ? r.pick(['0', '-1', '4294967295', '18446744073709551615', '99999999999999999999']) : d
        )
        break
      case 6:
        lines[at] = `${line.slice(0, r.below(line.length + 1))}${r.pick(WORDS)}${line.slice(r.below(line.length + 1))}`
        break
      default: {
        const other = r.below(lines.length)
        lines[at] = lines[other] as string
        lines[other] = line
      }
    }
    if (lines.length === 0) lines.push('')
  }
  return lines.join('\n')
}

/** Bytes with some of them changed, lengths and counts foremost; sometimes cut off. */
export function mutateBytes(r: Random, bytes: Uint8Array, head = bytes.length): Uint8Array {
  const out = Uint8Array.from(bytes)
  for (let k = 1 + r.below(10); k > 0; k--) {
    const at = r.below(Math.min(head, out.length))
    switch (r.below(5)) {
      case 0:
        out[at] = r.below(256)
        break
      case 1:
        out.fill(0xff, at, at + 8)
        break
      case 2:
        out.fill(0, at, at + 8)
        break
      case 3:
        if (at + 4 <= out.length)
          new DataView(out.buffer).setUint32(at, r.pick([0, 1, 0x7fffffff, 0xffffffff, 4096, out.length]), true)
        break
      default:
        out.copyWithin(at, r.below(out.length), r.below(out.length))
    }
  }
  return r.chance(1, 5) ? out.subarray(0, r.below(out.length)) : out
}
