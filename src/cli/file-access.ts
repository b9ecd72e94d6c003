// Reading and writing the files that the user names: errors in words, nothing half-written, no text larger than it can
// be.
import {
  closeSync,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  readSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { type Diagnostic, printable } from '../base/index.ts'
import { decoderOf, encodingOf } from '../replay/log/index.ts'
import { own, partOf, release, remove } from './cleanup.ts'
import { CannotUnpack, packing, unpack } from './unpack.ts'

const words = new Map(
  Object.entries({
    ENOENT: 'there is no such file or directory',
    EACCES: 'permission denied',
    EPERM: 'not permitted',
    EISDIR: 'it is a directory',
    ENOTDIR: 'a part of the path is no directory',
    EEXIST: 'a file of that name is in the way',
    ELOOP: 'too many symbolic links',
    ENAMETOOLONG: 'the name is too long',
    ENOSPC: 'no space left',
    EROFS: 'the file system is read-only',
    EIO: 'input/output error',
    EMFILE: 'too many open files',
    EBUSY: 'it is in use',
    EDQUOT: 'the quota is used up',
    EFBIG: 'it is larger than the limit on files (ulimit -f), or than the file system takes'
  })
)

/** Why the file system said no. */
export function why(e: unknown): string {
  const { code, message } = e as NodeJS.ErrnoException
  return code === undefined ? message : (words.get(code) ?? code)
}

/** A message about a whole file. */
export const aboutFile = (file: string, message: string, hint?: string, code = 'TB-002'): Diagnostic => ({
  code,
  file,
  line: 0,
  column: 0,
  word: file,
  message,
  ...(hint ? { hint } : {})
})

export const cannotRead = (file: string, e: unknown): Diagnostic => aboutFile(file, `cannot be read: ${why(e)}`)
export const cannotWrite = (file: string, e: unknown): Diagnostic => aboutFile(file, `cannot be written: ${why(e)}`)

const CHUNK = 1 << 16

/** All of a file (`-`: standard input) that is at most `most` bytes. `shown` is its name in messages. */
export function readBytes(file: string, most: number, shown = file): Buffer | Diagnostic {
  let fd = 0
  const parts: Buffer[] = []
  let size = 0
  try {
    if (file !== '-') fd = openSync(file, 'r')
    if (fstatSync(fd).isDirectory()) return aboutFile(shown, `cannot be read: ${words.get('EISDIR')}`)
    for (;;) {
      const part = Buffer.allocUnsafe(CHUNK)
      const n = readSome(fd, part)
      if (n === 0) break
      size += n
      if (size > most) return aboutFile(shown, `cannot be read: it is larger than ${most >> 20} MiB`)
      parts.push(part.subarray(0, n))
    }
  } catch (e) {
    return cannotRead(shown, e)
  } finally {
    if (fd > 0) closeSync(fd)
  }
  return Buffer.concat(parts)
}

// A pipe that another program has made non-blocking may have nothing yet.
function readSome(fd: number, part: Buffer): number {
  for (;;) {
    try {
      return readSync(fd, part, 0, part.length, null)
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code !== 'EAGAIN') throw e
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
    }
  }
}

/** What gzip or zstd packed, told by content; anything else as it is. */
export async function unpacked(bytes: Buffer, most: number, shown: string): Promise<Buffer | Diagnostic> {
  const kind = packing(bytes)
  if (kind === null) return bytes
  const parts: Uint8Array[] = []
  let size = 0
  try {
    for await (const slice of unpack(
      kind,
      (async function* () {
        yield bytes
      })()
    )) {
      size += slice.length
      if (size > most) return aboutFile(shown, `cannot be read: it unpacks to more than ${most >> 20} MiB`)
      parts.push(slice)
    }
  } catch (e) {
    if (!(e instanceof CannotUnpack)) throw e
    return aboutFile(shown, `cannot be read: ${e.message}`, e.hint)
  }
  return Buffer.concat(parts)
}

/** A log or table that may be packed, as text; what is no text is said. */
export async function readPackedText(
  file: string,
  most: number,
  shown = file
): Promise<{ readonly text: string } | Diagnostic> {
  const bytes = readBytes(file, most, shown)
  if (!Buffer.isBuffer(bytes)) return bytes
  const whole = await unpacked(bytes, most, shown)
  return Buffer.isBuffer(whole) ? textOf(whole, shown) : whole
}

/** A kernel log that may be packed, as text: UTF-8, or UTF-16 as PowerShell writes it. */
export async function readPackedLog(file: string, most: number): Promise<{ readonly text: string } | Diagnostic> {
  const bytes = readBytes(file, most, file)
  if (!Buffer.isBuffer(bytes)) return bytes
  const whole = await unpacked(bytes, most, file)
  if (!Buffer.isBuffer(whole)) return whole
  return encodingOf(whole) === 'utf-8' ? textOf(whole, file) : { text: decoderOf(whole).decode(whole) }
}

/** The same as text (UTF-8); what is no text is said once, not letter by letter. */
export function readText(file: string, most: number, shown = file): { readonly text: string } | Diagnostic {
  const bytes = readBytes(file, most, shown)
  return Buffer.isBuffer(bytes) ? textOf(bytes, shown) : bytes
}

function textOf(bytes: Buffer, shown: string): { readonly text: string } | Diagnostic {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
    return aboutFile(shown, 'is UTF-16 text, and UTF-8 is read here', 'iconv -f UTF-16 -t UTF-8 FILE')
  const text = bytes.toString('utf8')
  const head = text.slice(0, 8000)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: text has none of these
  const odd = head.match(/[\u0000-\u0008\u000e-\u001f\ufffd]/g)?.length ?? 0
  return odd > head.length / 20 ? aboutFile(shown, 'is not text') : { text }
}

/** Writes a file whole or not at all; text as it may also stand on a terminal. null: written. */
export function writeWhole(file: string, data: string | Uint8Array): Diagnostic | null {
  const out = openWhole(file)
  if ('code' in out) return out
  try {
    writeFileSync(out.path, typeof data === 'string' ? printable(data) : data)
    out.commit()
    return null
  } catch (e) {
    out.discard()
    return cannotWrite(file, e)
  }
}

/**
 * A file being written beside the one that is meant, which it becomes with `commit`. Devices and pipes are written
 * directly.
 */
export interface WholeFile {
  readonly path: string
  /** `as`: another place of the same file system than the one that was meant. @throws the file system's error */
  commit(as?: string): void
  discard(): void
}

let throughLinks = false
/** `--force`: a symbolic link at the place of an output is followed. */
export function followLinks(): void {
  throughLinks = true
}

/**
 * Where an output goes: the file itself, or with --force what a link at its place points to. `direct`: a device or a
 * pipe, which has nothing beside it.
 */
export function outputAt(file: string): { readonly path: string; readonly direct: boolean } | Diagnostic {
  try {
    const there = lstatSync(file)
    if (there.isDirectory()) return cannotWrite(file, { code: 'EISDIR' })
    if (!there.isSymbolicLink()) return { path: file, direct: !there.isFile() }
    const meant = statSync(file)
    if (meant.isDirectory()) return cannotWrite(file, { code: 'EISDIR' })
    // What a shell or a device gives, such as /dev/stdout, is meant. What somebody may have laid there is not.
    if (!meant.isFile() || /^\/(dev|proc)\//.test(file)) return { path: file, direct: true }
    if (!throughLinks)
      return aboutFile(
        file,
        `cannot be written: it is a symbolic link to ${readlinkSync(file)}`,
        '--force writes what it points to; another name, or removing the link, does without'
      )
    return outputAt(realpathSync(file))
  } catch (e) {
    return (e as NodeJS.ErrnoException).code === 'ENOENT' ? { path: file, direct: false } : cannotWrite(file, e)
  }
}

export function openWhole(name: string): WholeFile | Diagnostic {
  const at = outputAt(name)
  if ('code' in at) return at
  const file = at.path
  if (at.direct) return { path: file, commit: () => {}, discard: () => {} }
  const path = partOf(file)
  try {
    closeSync(openSync(path, 'wx'))
  } catch (e) {
    return cannotWrite(file, e)
  }
  own(path)
  const commit = (as = file): void => {
    try {
      renameSync(path, as)
      release(path)
    } catch (e) {
      remove(path)
      throw e
    }
  }
  return { path, commit, discard: () => remove(path) }
}
