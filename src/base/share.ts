// The state of a view as the fragment of an address: it reaches no server, and an old link means for ever what it
// meant. The first word is the version of the format; then names and values. A text is packed (deflate, base64url)
// behind a check sum: of a damaged link one is told, not shown half of it. What the library has is named and not
// packed.
import { joined } from './bytes.ts'
import { err, ok, type Result } from './result.ts'

/** What stands in a link: short values by name, and perhaps a text. */
export interface ShareState {
  readonly values: Readonly<Record<string, string>>
  readonly text?: string
}

export interface ShareError {
  /**
   * `future`: written by a newer version; `foreign`: no link of ours; `damaged`: ours, but cut or changed on its way;
   * `large`: more than a page takes.
   */
  readonly kind: 'future' | 'foreign' | 'damaged' | 'large'
  /** One sentence for whoever followed the link. */
  readonly message: string
}

/** The format that is written; every earlier one is read. */
const SHARE_VERSION = 1

/** Bytes of the longest text that a link may hold. A test is written by hand; a packed bomb is not. */
export const LONGEST_SHARED = 256 << 10

const NAME = /^[a-z]+$/

/**
 * A link's fragment without its `#`. @throws RangeError for a text longer than LONGEST_SHARED or a name that is no
 * small word
 */
export async function encodeShare(s: ShareState): Promise<string> {
  const parts = [`v${SHARE_VERSION}`]
  for (const [name, value] of Object.entries(s.values)) {
    if (!NAME.test(name) || name === 'text') throw new RangeError(`'${name}' is no name of a link's value`)
    // Slashes and colons are allowed in a fragment, and are easier to read as they are.
    parts.push(`${name}=${encodeURIComponent(value).replace(/%2F/g, '/').replace(/%3A/g, ':')}`)
  }
  if (s.text !== undefined) {
    const bytes = new TextEncoder().encode(s.text)
    if (bytes.length > LONGEST_SHARED) throw new RangeError(`a link holds at most ${LONGEST_SHARED} bytes of text`)
    parts.push(
      `text=${checkSum(bytes)}.` +
        `${base64url(await through(bytes, new CompressionStream('deflate-raw'), Number.POSITIVE_INFINITY))}`
    )
  }
  return parts.join('&')
}

/** What a fragment says, with or without its `#`. Never throws, whatever stands there. */
export async function decodeShare(fragment: string): Promise<Result<ShareState, ShareError>> {
  const [version = '', ...rest] = fragment.replace(/^#/, '').split('&')
  const number = /^v([1-9]\d{0,5})$/.exec(version)?.[1]
  if (number === undefined)
    return bad('foreign', 'This address carries something that is no link of tbit: it was not opened.')
  if (Number(number) > SHARE_VERSION)
    return bad(
      'future',
      `This link was written by a newer tbit (format ${number}; this page reads 1 to ${SHARE_VERSION}): a newer ` +
        'page opens it.'
    )
  const values: Record<string, string> = {}
  let packed: string | undefined
  for (const part of rest) {
    const [, name = '', value = ''] = /^([a-z]+)=(.*)$/s.exec(part) ?? []
    if (name === '') return bad('damaged', 'This link is damaged: a part of it is no name with a value.')
    if (name === 'text') packed = value
    else {
      const plain = decoded(value)
      if (plain === null) return bad('damaged', `This link is damaged: its '${name}' cannot be read.`)
      values[name] = plain
    }
  }
  if (packed === undefined) return ok({ values })
  const [, sum = '', body = ''] = /^([0-9a-f]{8})\.([\w-]*)$/.exec(packed) ?? []
  const compressed = sum === '' ? null : fromBase64url(body)
  if (compressed === null)
    return bad(
      'damaged',
      'This link is damaged: its text was cut or changed on the way. Ask for it again, as a file if need be.'
    )
  let bytes: Uint8Array
  try {
    bytes = await through(compressed, new DecompressionStream('deflate-raw'), LONGEST_SHARED)
  } catch (e) {
    return e instanceof RangeError
      ? bad('large', `This link holds a text of more than ${LONGEST_SHARED} bytes: it was not opened.`)
      : bad('damaged', 'This link is damaged: its text cannot be unpacked.')
  }
  if (checkSum(bytes) !== sum) return bad('damaged', 'This link is damaged: its text is not the one that was packed.')
  return ok({ values, text: new TextDecoder().decode(bytes) })
}

const bad = (kind: ShareError['kind'], message: string): Result<ShareState, ShareError> => err({ kind, message })

function decoded(value: string): string | null {
  try {
    return decodeURIComponent(value)
  } catch {
    return null
  }
}

/** FNV-1a, 32 bits, in hexadecimal: finds damage, not malice. */
function checkSum(bytes: Uint8Array): string {
  let h = 0x811c9dc5
  for (const b of bytes) h = Math.imul(h ^ b, 0x01000193)
  return (h >>> 0).toString(16).padStart(8, '0')
}

/** @throws RangeError when more than `most` bytes come out */
async function through(
  bytes: Uint8Array,
  stream: CompressionStream | DecompressionStream,
  most: number
): Promise<Uint8Array> {
  const writer = stream.writable.getWriter()
  // What is wrong with the input is told by the reading end, too.
  const written = writer
    .write(new Uint8Array(bytes))
    .then(() => writer.close())
    .catch(() => {})
  const reader = (stream.readable as ReadableStream<Uint8Array>).getReader()
  const parts: Uint8Array[] = []
  let size = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    size += value.length
    if (size > most) {
      await reader.cancel().catch(() => {})
      throw new RangeError('too long')
    }
    parts.push(value)
  }
  await written
  return joined(parts)
}

function base64url(bytes: Uint8Array): string {
  let s = ''
  for (const b of bytes) s += String.fromCharCode(b)
  return btoa(s).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}

function fromBase64url(s: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(s.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0))
  } catch {
    return null
  }
}
