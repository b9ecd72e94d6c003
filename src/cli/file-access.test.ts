import { existsSync, lstatSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { followLinks, openWhole, readBytes, readPackedText, readText, writeWhole } from './file-access.ts'
import { makeDirectory } from '../kernel-build/directory.ts'
import { scratch } from '../../test/scratch.ts'

const dir = scratch('files')
const at = (name: string): string => join(dir, name)

describe('reading', () => {
  test('what there is, what is too large, what never ends, what is none', () => {
    writeFileSync(at('a'), 'abc')
    expect(readText(at('a'), 3)).toEqual({ text: 'abc' })
    expect(readText(at('a'), 2)).toMatchObject({ code: 'TB-002' })
    expect(readBytes('/dev/zero', 1 << 20)).toMatchObject({ message: 'cannot be read: it is larger than 1 MiB' })
    expect(readBytes(dir, 10)).toMatchObject({ message: 'cannot be read: it is a directory' })
    expect(readBytes(at('none'), 10)).toMatchObject({ message: 'cannot be read: there is no such file or directory' })
    expect(readBytes(at('a/b'), 10)).toMatchObject({ message: 'cannot be read: a part of the path is no directory' })
  })

  test('binary data is said once; a stray byte in a comment is none', () => {
    writeFileSync(
      at('bin'),
      Uint8Array.from({ length: 500 }, (_, i) => i)
    )
    expect(readText(at('bin'), 1000)).toMatchObject({ message: 'is not text' })
    writeFileSync(at('utf16'), Buffer.from('\ufefflitmus a', 'utf16le'))
    expect(readText(at('utf16'), 1000)).toMatchObject({ message: 'is UTF-16 text, and UTF-8 is read here' })
    writeFileSync(at('latin1'), Buffer.from(`litmus a "x" # G\xf6del\n${' '.repeat(100)}`, 'latin1'))
    expect(readText(at('latin1'), 1000)).toHaveProperty('text')
  })
})

test('packed logs are unpacked, within limits', async () => {
  writeFileSync(at('log.gz'), gzipSync('a log'))
  expect(await readPackedText(at('log.gz'), 1000)).toEqual({ text: 'a log' })
  writeFileSync(at('bomb.gz'), gzipSync(Buffer.alloc(5 << 20, 'a')))
  expect(await readPackedText(at('bomb.gz'), 1 << 20)).toMatchObject({
    message: 'cannot be read: it unpacks to more than 1 MiB'
  })
  writeFileSync(at('cut.gz'), gzipSync('a log').subarray(0, 12))
  expect(await readPackedText(at('cut.gz'), 1000)).toMatchObject({
    message: 'cannot be read: the gzip data is cut off, after 1 unpacked bytes'
  })
  writeFileSync(at('cut.zst'), Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 1))
  expect(await readPackedText(at('cut.zst'), 1000)).toMatchObject({ code: 'TB-002' })
})

describe('writing', () => {
  test('whole or not at all: what stood there stays until the new text is complete', () => {
    writeFileSync(at('out'), 'old')
    const w = openWhole(at('out'))
    if ('code' in w) throw new Error(w.message)
    writeFileSync(w.path, 'half')
    expect(readFileSync(at('out'), 'utf8')).toBe('old')
    w.discard()
    expect(readFileSync(at('out'), 'utf8')).toBe('old')
    expect(writeWhole(at('out'), 'new')).toBeNull()
    expect(readFileSync(at('out'), 'utf8')).toBe('new')
    expect(readdirSync(dir).filter((f) => f.includes('.part-'))).toEqual([])
  })

  test('devices are written as they are; a link only when it is forced', () => {
    expect(writeWhole('/dev/null', 'x')).toBeNull()
    expect(writeWhole('/dev/full', 'x')).toMatchObject({ message: 'cannot be written: no space left' })
    writeFileSync(at('meant'), 'old')
    symlinkSync(at('meant'), at('link'))
    expect(writeWhole(at('link'), 'new')).toMatchObject({
      message: `cannot be written: it is a symbolic link to ${at('meant')}`,
      hint: expect.stringContaining('--force')
    })
    expect(readFileSync(at('meant'), 'utf8')).toBe('old')
    followLinks()
    expect(writeWhole(at('link'), 'new \u001b[31m')).toBeNull()
    expect(readFileSync(at('meant'), 'utf8')).toBe('new \\u001b[31m')
    expect(lstatSync(at('link')).isSymbolicLink()).toBe(true)
  })

  test('what a dead run left beside a file is taken away by the next one that writes it', () => {
    writeFileSync(at('again.part-999999999'), 'half')
    writeFileSync(at(`again.part-${process.pid}0x`), 'not ours')
    expect(writeWhole(at('again'), 'whole')).toBeNull()
    expect(
      readdirSync(dir)
        .filter((f) => f.startsWith('again'))
        .sort()
    ).toEqual(['again', `again.part-${process.pid}0x`])
  })

  test('where there is no directory, or one of that name', () => {
    expect(writeWhole(at('no/where'), 'x')).toMatchObject({
      message: 'cannot be written: there is no such file or directory'
    })
    expect(writeWhole(dir, 'x')).toMatchObject({ message: 'cannot be written: it is a directory' })
  })
})

test('directories, with those above; a file in the way and a file system that makes none end with its error', () => {
  makeDirectory(at('x/y/z'))
  makeDirectory(at('x/y/z'))
  expect(existsSync(at('x/y/z'))).toBe(true)
  writeFileSync(at('file'), '')
  expect(() => makeDirectory(at('file'))).toThrow(/EEXIST/)
  expect(() => makeDirectory(at('file/x'))).toThrow(/ENOTDIR/)
  expect(() => makeDirectory('/proc/none/there')).toThrow(/ENOENT/)
})
