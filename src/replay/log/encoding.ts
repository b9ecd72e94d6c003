// Bytes of a log as text: UTF-8, or UTF-16 as PowerShell's redirection writes it, with or without its mark.

/** How much of the beginning tells. */
export const PROBE = 4096

export type LogEncoding = 'utf-8' | 'utf-16le' | 'utf-16be'

/** By the byte order mark, else by where the zero bytes are: text in UTF-16 has one in nearly every second place. */
export function encodingOf(bytes: Uint8Array): LogEncoding {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be'
  const n = Math.min(bytes.length, PROBE) & ~1
  if (n < 8) return 'utf-8'
  let even = 0
  let odd = 0
  for (let i = 0; i < n; i += 2) {
    if (bytes[i] === 0) even++
    if (bytes[i + 1] === 0) odd++
  }
  const half = n / 2
  if (odd > 0.7 * half && even < 0.1 * half) return 'utf-16le'
  if (even > 0.7 * half && odd < 0.1 * half) return 'utf-16be'
  return 'utf-8'
}

/** As much of TextDecoder as is used: its type is not in every environment this runs in. */
export interface TextDecoding {
  decode(bytes?: Uint8Array, options?: { stream?: boolean }): string
}

/** A decoder for text that begins with these bytes. */
export const decoderOf = (bytes: Uint8Array): TextDecoding => new TextDecoder(encodingOf(bytes))

/** For whole lines. A byte order mark stays: the front end takes it off. */
export const utf8 = (): TextDecoding => new TextDecoder('utf-8', { ignoreBOM: true })
