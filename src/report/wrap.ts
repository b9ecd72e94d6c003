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
