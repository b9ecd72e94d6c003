import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeShare, encodeShare, LONGEST_SHARED } from './share.ts'
import { runs } from '../../test/runs.ts'

const TEXT = 'litmus shared\n  "A link holds this text."\ndevice nic { }\nthread os { p = alloc_page() }\n'
// Links as version 1 wrote them: they are read for ever. Never change one; a new version adds its own.
const LINKS_1 = {
  library:
    '#v1&test=alloc-while-accepted&kernel=rfc-v1-05&platform=arm-cca&finding=fault/dev-read/cca-t1-p-shr/47e7922f&step=38',
  text: '#v1&kernel=cc-v8%20-%20reencryptOnFree&platform=intel-tdx&text=7dee0881.BcFBCoAgEAXQvaf4tKpNN2jRSUJ0yKFJxZkiEO_ee8J2PwpNvlF0wLRDOF9IRaLCEiuMPlsnF-nlQMgc0DGcpUY-oig6KjZ4kRKO6k-aFwz3Aw'
}

describe('links of version 1', () => {
  test('a test of the library', async () => {
    expect(await decodeShare(LINKS_1.library)).toEqual({
      ok: true,
      value: {
        values: {
          test: 'alloc-while-accepted',
          kernel: 'rfc-v1-05',
          platform: 'arm-cca',
          finding: 'fault/dev-read/cca-t1-p-shr/47e7922f',
          step: '38'
        }
      }
    })
  })
  test('a text', async () => {
    expect(await decodeShare(LINKS_1.text)).toEqual({
      ok: true,
      value: { values: { kernel: 'cc-v8 - reencryptOnFree', platform: 'intel-tdx' }, text: TEXT }
    })
  })
})

test('what is written is read: any values, any text, with characters that addresses do not like', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(
        fc.stringMatching(/^[a-z]{1,8}$/).filter((n) => n !== 'text' && !(n in {})),
        fc.string({ unit: 'grapheme' })
      ),
      fc.option(fc.string({ unit: 'grapheme', maxLength: 2000 }), { nil: undefined }),
      async (values, text) => {
        const link = await encodeShare({ values, ...(text === undefined ? {} : { text }) })
        expect(link).toMatch(/^[\w.~:/%&=!'()*-]*$/)
        expect(await decodeShare(`#${link}`)).toEqual({
          ok: true,
          value: { values, ...(text === undefined ? {} : { text }) }
        })
      }
    ),
    { numRuns: runs(200) }
  )
})

test('a test of usual length takes a link of less than 700 characters', async () => {
  const text =
    `${TEXT}` +
    `${Array.from({ length: 12 }, (_, i) => `  # line ${i}: dma_map_single(nic, p${i}, TO_DEVICE)`).join('\n')}\n`
  expect(
    (await encodeShare({ values: { kernel: 'cc-v8', platform: 'arm-cca', step: '12' }, text })).length
  ).toBeLessThan(700)
})

describe('a link that is none is told, by its kind', () => {
  test('foreign', async () => {
    for (const f of ['', '#', '#section-2', '#v', '#v0', '#vx&test=a', '#/route?x=1', '#%00', '#v1x'])
      expect(await decodeShare(f), f).toMatchObject({ ok: false, error: { kind: 'foreign' } })
  })
  test('future', async () => {
    const r = await decodeShare('#v2&anything')
    expect(r).toMatchObject({ ok: false, error: { kind: 'future' } })
    expect(r.ok ? '' : r.error.message).toContain('format 2')
  })
  test('damaged: cut anywhere, or one character changed', async () => {
    const link = `#${await encodeShare({ values: { kernel: 'cc-v8' }, text: TEXT })}`
    for (let n = link.indexOf('text=') + 6; n < link.length; n++)
      expect(await decodeShare(link.slice(0, n)), link.slice(0, n)).toMatchObject({
        ok: false,
        error: { kind: 'damaged' }
      })
    for (let n = link.indexOf('text=') + 5; n < link.length; n++) {
      const other = `${link.slice(0, n)}${link[n] === 'A' ? 'B' : 'A'}${link.slice(n + 1)}`
      const r = await decodeShare(other)
      // Bits behind the end of the packed data say nothing: then the text is the one that was sent.
      if (r.ok) expect(r.value.text, other).toBe(TEXT)
    }
    for (const f of [
      '#v1&kernel',
      '#v1&=x',
      '#v1&kernel=%E0%A4%A',
      '#v1&text=',
      '#v1&text=00000000.!',
      '#v1&text=zz.AAAA'
    ])
      expect(await decodeShare(f), f).toMatchObject({ ok: false, error: { kind: 'damaged' } })
  })
  test('a packed text that unpacks to more than a page takes', async () => {
    const link = await encodeShare({ values: {}, text: 'a'.repeat(LONGEST_SHARED) })
    expect(await decodeShare(link)).toMatchObject({ ok: true })
    await expect(encodeShare({ values: {}, text: 'a'.repeat(LONGEST_SHARED + 1) })).rejects.toThrow(RangeError)
    const bytes = new Uint8Array(8 << 20)
    const packed = new Uint8Array(
      await new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate-raw'))).arrayBuffer()
    )
    expect(await decodeShare(`#v1&text=00000000.${Buffer.from(packed).toString('base64url')}`)).toMatchObject({
      ok: false,
      error: { kind: 'large' }
    })
  })
  test('whatever stands there, an answer comes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.string().map((s) => `#v1&text=${s}`),
          fc.string().map((s) => `#v1&${s}`)
        ),
        async (s) => {
          expect(typeof (await decodeShare(s)).ok).toBe('boolean')
        }
      )
    )
  })
})
