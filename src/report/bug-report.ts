// `tbit report`: what an issue needs, as one Markdown text that says what it holds.

export interface ReportedInput {
  readonly name: string
  readonly bytes: number
  /** null: no text, or too long to be put in. */
  readonly text: string | null
}

export interface BugReport {
  readonly version: string
  readonly node: string
  readonly machine: string
  readonly command: string
  readonly exit: string
  readonly stdout: string
  readonly stderr: string
  readonly inputs: readonly ReportedInput[]
}

/** Characters of an output that are kept, half of them from its end. */
const KEPT = 20_000

export function shortened(text: string): string {
  if (text.length <= KEPT) return text
  return `${text.slice(0, KEPT / 2)}\n[${text.length - KEPT} characters left out]\n${text.slice(-KEPT / 2)}`
}

// A fence longer than any in the text.
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`{3,}/g)].map((m) => m[0].length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}\n${text}${text.endsWith('\n') || text === '' ? '' : '\n'}${fence}`
}

export function bugReport(r: BugReport): string {
  const kept = r.inputs.filter((i) => i.text !== null)
  const input = (i: ReportedInput): string[] => [
    `\`${i.name}\`, ${i.bytes} bytes`,
    '',
    ...(i.text === null ? ['Not put in: no text, or too long. Attach it if it can be shown.'] : [fenced(i.text)]),
    ''
  ]
  return [
    '# Report',
    '',
    '<!-- Written by tbit report. It holds: versions and kind of machine, the command, what it printed, and ' +
      `${kept.length === 0 ? 'no input' : `the text of ${kept.map((i) => i.name).join(', ')}`}.`,
    'It holds no environment, no name of the user or the machine; the home directory is written ~. Read it ' +
      'before you send it: inputs are as they are. -->',
    '',
    '## What I expected',
    '',
    '',
    '',
    '## What happened',
    '',
    `- ${r.version}`,
    `- Node ${r.node}, ${r.machine}`,
    `- exit code ${r.exit}`,
    '',
    fenced(`$ ${r.command}\n${shortened(r.stdout)}`),
    '',
    ...(r.stderr === '' ? [] : ['On stderr:', '', fenced(shortened(r.stderr)), '']),
    ...(r.inputs.length === 0 ? [] : ['## Input', '', ...r.inputs.flatMap(input)])
  ].join('\n')
}
