// A message about the user's input: where, which word, what was expected, the nearest known words and the next step.
import { printable, printableLine } from './printable.ts'
import { nearest } from './text.ts'

/**
 * Every user-facing error has a code; `docs/errors.md` is made from this table. Numbers are given out in hundreds, one
 * hundred a room.
 */
export const codes = {
  'TB-001': 'wrong use of the command line',
  'TB-002': 'a file cannot be read or written',
  'TB-003': 'the thing asked for is not modelled yet',
  'TB-004': 'a directory without a litmus test',
  'TB-005': 'the model contradicts itself: a bug of tbit, not of the input',
  'TB-006': 'shares of work that do not fit together',
  'TB-200': 'a character that the litmus language does not use',
  'TB-201': 'a string is not closed on its line',
  'TB-202': 'a comment is not closed',
  'TB-203': 'something else was expected here',
  'TB-204': 'a brace, parenthesis or bracket is not closed',
  'TB-205': 'a file that does not begin with `litmus`',
  'TB-206': 'a word that begins no part and no statement',
  'TB-207': 'an unknown operation',
  'TB-208': 'a call with too few or too many arguments',
  'TB-209': 'an argument or operand of the wrong kind',
  'TB-210': 'a name that nobody sets, or not yet',
  'TB-211': 'an unknown device',
  'TB-212': 'an unknown mmio range',
  'TB-213': 'an unknown thread',
  'TB-214': 'an unknown field',
  'TB-215': 'a comparison with something that the other side can never be',
  'TB-216': 'a name that stands twice, or means two things',
  'TB-217': 'a word of the language used as a name',
  'TB-218': 'a thread that sets a variable of init',
  'TB-219': 'a variable that is not known at this place',
  'TB-220': 'an unknown key of config',
  'TB-221': 'a value that the key of config does not take',
  'TB-222': 'a configuration that contradicts itself',
  'TB-223': 'an unknown key of a device, or a value that it does not take',
  'TB-224': 'a device that contradicts itself',
  'TB-225': 'an mmio range that is incomplete or contradicts itself',
  'TB-226': 'an unknown kernel',
  'TB-227': 'an unknown platform',
  'TB-228': 'an unknown property or verdict',
  'TB-229': 'an expectation that mixes verdicts',
  'TB-230': 'a direction, attribute or option that the operation does not take',
  'TB-231': 'a number that is none, or is too large',
  'TB-232': 'a number out of its range',
  'TB-233': 'a test without a thread',
  'TB-234': 'a value where a statement is expected, or nothing where a value is',
  'TB-235': '`try` before something that cannot fault',
  'TB-236': 'an operation inside a condition on final states',
  'TB-237': 'a comparison that words do not have',
  'TB-238': 'a part that may stand once stands twice',
  'TB-239': 'two tests of one name',
  'TB-240': 'too many errors to show them all',
  'TB-241': 'an expression, block or word too deep or too long',
  'TB-350': 'a line of a trace that is not an event',
  'TB-351': 'binary bytes in a text trace',
  'TB-352': 'a line of a trace or log over 1 MiB',
  'TB-353': 'a known event without a field that it needs',
  'TB-354': 'a known event with a value that cannot be read',
  'TB-355': 'the last line of a trace is cut off',
  'TB-356': 'a trace.dat that is cut off, damaged or of an unknown version',
  'TB-357': 'compressed trace data that is cut off or damaged',
  'TB-358': 'a file format that is not read here',
  'TB-359': 'an empty trace file',
  'TB-360': 'a DMA event that no known kernel has',
  'TB-361': 'a what-if question with a wrong word or value',
  'TB-362': 'a wrong value of an option of replay',
  'TB-363': 'a kernel log that says nothing or too much about the pool',
  'TB-364': 'a recording from which the cost of copying cannot be measured',
  'TB-365': 'an input without a single event of a trace',
  'TB-366': 'a trace without any DMA event',
  'TB-367': 'a device after accepted= that the trace does not have',
  'TB-368': 'a kernel log of another boot than the trace',
  'TB-369': 'a recording of which nothing says the host or the day',
  'TB-501': 'two images of a plan occupy the same granule',
  'TB-502': 'the RAM of a plan does not fit into the protected half of the IPA space',
  'TB-503': 'an address or size of a plan is not a multiple of the granule',
  'TB-504': 'the firmware has no IPA space of this size',
  'TB-505': 'a stage 2 of this size cannot start at this level',
  'TB-506': 'a strategy or page size that this interface generation or geometry does not have',
  'TB-507': 'an image lies outside the RAM of the plan',
  'TB-508': 'a number of a plan is out of range',
  'TB-509': 'a cost file does not have the form of one, or names an unknown command',
  'TB-510': 'an option of tbit plan cannot be understood',
  'TB-511': 'a command sequence is too long to be written out',
  'TB-512': 'a measured parameter is out of its range',
  'TB-520': 'a recording of RMI commands does not have the form of one',
  'TB-521': 'a line of a recording is no RMI command, or its arguments are wrong',
  'TB-522': 'an RMI command that the model does not carry out',
  'TB-301': 'a recording of swiotlb operations does not have the form of one',
  'TB-302': 'a size, platform or kernel given to `size` is not one',
  'TB-303': 'what was given as a kernel log is empty or not text',
  'TB-304': 'a trace of events was given as a kernel log',
  'TB-305': 'something was given to `explain` that it has no words for',
  'TB-600': 'not a kernel source tree, or a tarball that cannot be unpacked',
  'TB-601': 'a kernel version that is not supported',
  'TB-602': 'a kernel source tree without a file that is needed',
  'TB-603': 'a tool to unpack a tarball is missing',
  'TB-604': 'a kernel function has a parameter that the shim cannot fill',
  'TB-605': 'a kernel function or structure that the shim needs is not in the tree',
  'TB-606': 'the compiler, or what calls that can stop need, is not installed',
  'TB-607': 'the tree does not compile with the shim',
  'TB-608': 'a directory of additions to the shim that cannot be used',
  'TB-609': 'the compiler did not finish',
  'TB-610': 'a recording that a built kernel cannot replay',
  'TB-611': 'a patch that does not apply to the tree',
  'TB-612': 'the code of a tree does not boot',
  'TB-613': 'a revision of a git repository that cannot be read, or a series that is none',
  'TB-614': 'a field that struct device has not'
} as const

export interface Diagnostic {
  readonly code: string
  readonly file: string
  /** 1-based; 0 when the message is about the whole file. */
  readonly line: number
  readonly column: number
  /** The offending word, as written; empty when there is none. */
  readonly word: string
  readonly message: string
  readonly expected?: readonly string[]
  readonly nearest?: readonly string[]
  readonly hint?: string
  /** Said, but the input is used all the same: no exit code depends on it. Absent: an error. */
  readonly severity?: 'warning'
}

/** What a thrown value says. */
export const messageOf = (e: unknown): string => (e instanceof Error ? e.message : String(e))

/**
 * A broken invariant of ours while this file was at hand: it costs this file, not the others. What to send stands in
 * the hint.
 */
export const brokenInvariant = (file: string, e: unknown, word = ''): Diagnostic => ({
  code: 'TB-005',
  file,
  line: 0,
  column: 0,
  word,
  message: messageOf(e),
  hint: 'a bug of tbit, worth a report with this input; TBIT_STACK=1 shows where'
})

/** Adds the nearest of `known` to a diagnostic about an unknown word. */
export function unknownWord(d: Omit<Diagnostic, 'nearest'>, known: Iterable<string>): Diagnostic {
  const near = nearest(d.word, known)
  return near.length > 0 ? { ...d, nearest: near } : d
}

/**
 * One diagnostic as text: `file:line:col: message` and, below it, the line with the word underlined when the source is
 * given.
 */
export function formatDiagnostic(d: Diagnostic, source?: string): string {
  const at = printableLine(d.line > 0 ? `${d.file}:${d.line}:${d.column}` : d.file)
  const out = [`${at}: ${d.severity ?? 'error'} ${d.code}: ${clip(printableLine(d.message), 600)}`]
  const text = d.line > 0 && source !== undefined ? lineOf(source, d.line) : undefined
  if (text !== undefined) out.push(...underlined(text, Math.max(0, d.column - 1), d.word.length))
  if (d.nearest && d.nearest.length > 0)
    out.push(`  did you mean ${d.nearest.map((n) => `'${printableLine(n)}'`).join(' or ')}?`)
  if (d.expected && d.expected.length > 0) out.push(`  expected: ${printableLine(d.expected.join(', '))}`)
  if (d.hint) out.push(`  ${printable(d.hint)}`)
  return out.join('\n')
}

// Columns of a source line that are shown, and how much of it stands before the word.
const SHOWN = 160
const BEFORE = 60

/** A line and carets below the word; of a long line only the part around the word. */
function underlined(text: string, column: number, length: number): [string, string] {
  const from = text.length > SHOWN && column > BEFORE ? column - BEFORE : 0
  const part = text.slice(from, from + SHOWN)
  const before = printableLine(text.slice(from, Math.min(column, from + SHOWN)))
  const word = printableLine(text.slice(column, Math.min(column + length, from + SHOWN)))
  const left = from > 0 ? '...' : ''
  const right = from + SHOWN < text.length ? '...' : ''
  return [
    `  ${left}${printableLine(part)}${right}`,
    `  ${' '.repeat(left.length + before.length)}${'^'.repeat(Math.max(1, word.length))}`
  ]
}

function lineOf(source: string, line: number): string | undefined {
  let from = 0
  for (let i = 1; i < line; i++) {
    from = source.indexOf('\n', from) + 1
    if (from === 0) return undefined
  }
  const end = source.indexOf('\n', from)
  return source.slice(from, end < 0 ? undefined : end).replace(/\r$/, '')
}

const clip = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most - 200)} ... ${text.slice(-150)}`
