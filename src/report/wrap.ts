// Text in columns.

/**
 * Breaks `text` at blanks into lines of at most `width` (at least 8); words that are longer are cut, behind a `+`, `/`,
 * `_` or comma if they have one. Later lines begin with `indent`.
 */
export function wrap(text: string, width: number, indent = ''): string[] {
  const room = Math.max(8, width)
  const out: string[] = []
  const lead = (): string => (out.length === 0 ? '' : indent)
  let line = ''
  for (let word of text.trim().split(/\s+/)) {
    if (line !== '' && lead().length + line.length + 1 + word.length <= room) {
      line += ` ${word}`
      continue
    }
    if (line !== '') out.push(lead() + line)
    while (word.length > room - lead().length) {
      const most = room - lead().length
      const joint = 1 + Math.max(...['+', '/', '_', ','].map((c) => word.lastIndexOf(c, most - 1)))
      const take = joint > most / 2 ? joint : most
      out.push(lead() + word.slice(0, take))
      word = word.slice(take)
    }
    line = word
  }
  out.push(lead() + line)
  return out
}

/**
 * A paragraph behind `lead` ("  - "), its later lines below its first word. A word longer than the line stays whole:
 * commands and addresses are copied.
 */
export function bullet(lead: string, text: string, width = 80): string {
  const out: string[] = []
  let line = lead
  for (const word of text.trim().split(/\s+/)) {
    if (line.length > lead.length && line.length + 1 + word.length > width) {
      out.push(line)
      line = ' '.repeat(lead.length)
    }
    line += line.length === lead.length ? word : ` ${word}`
  }
  return [...out, line].join('\n')
}

/**
 * A shell command in lines of at most `width` that can be pasted: a long one goes on behind a backslash, broken before
 * its options, or between any words when one alone is too long.
 */
export function wrapCommand(text: string, width: number, indent = ''): string[] {
  const words = text.match(/(?:'[^']*'|\\.|[^ '\\])+/g) ?? []
  const more = `${indent}    `
  const parts: string[] = []
  for (const w of words) {
    const last = parts.at(-1)
    if (last !== undefined && !w.startsWith('--') && more.length + last.length + 1 + w.length + 2 <= width)
      parts[parts.length - 1] = `${last} ${w}`
    else parts.push(w)
  }
  const out: string[] = []
  for (const [i, part] of parts.entries()) {
    const last = out.at(-1)
    // Behind the last part stands no backslash.
    if (last !== undefined && last.length + 1 + part.length + (i === parts.length - 1 ? 0 : 2) <= width)
      out[out.length - 1] = `${last} ${part}`
    else out.push(`${out.length === 0 ? indent : more.slice(0, Math.max(0, width - part.length - 2))}${part}`)
  }
  return out.map((l, i) => (i < out.length - 1 ? `${l} \\` : l))
}

/** Text with lines of its own: those that are too long go on below their first word; a command behind a backslash. */
export function fold(text: string, width: number): string {
  return text
    .split('\n')
    .flatMap((line) => {
      if (line.length <= width) return [line]
      const [lead = ''] = /^ *(?:- |\* )?/.exec(line) ?? []
      // A word and its meaning in two columns stay two columns.
      const [columns = ''] = /^ *\S+(?: \S+)*? {2,}(?=\S)/.exec(line) ?? []
      if (/^ *tbit \w/.test(line)) return wrapCommand(line.trim(), width, lead)
      const at = columns.length > 0 && columns.length < width / 2 ? columns : lead
      return wrap(line.slice(at.length), width - at.length, '').map(
        (l, i) => `${i === 0 ? at : ' '.repeat(at.length)}${l}`
      )
    })
    .join('\n')
}

/**
 * A message about the user's input as a terminal shows it: the first line, which has paths to click on, whole; the
 * lines below it folded.
 */
export function foldMessage(text: string, width = 80): string {
  const [first = '', ...below] = text.split('\n')
  return [first, ...below.map((l) => fold(l, width))].join('\n')
}
