// Text in columns.

/** Breaks `text` at blanks into lines of at most `width` (at least 8); words that are longer are cut. Later lines begin with `indent`. */
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
    for (let take = room - lead().length; word.length > take; take = room - lead().length) {
      out.push(lead() + word.slice(0, take))
      word = word.slice(take)
    }
    line = word
  }
  out.push(lead() + line)
  return out
}

/** A paragraph behind `lead` ("  - "), its later lines below its first word. A word longer than the line stays whole: commands and addresses are copied. */
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
