// The C of 7.2 and 7.3 replays what another harness recorded from the same sources: boot, results, events, counters,
// state.
import { describe, expect, test } from 'vitest'
import { type RecordedBuild, recordedBuild, replayRecording } from '../../src/conform/kernel-recording.ts'
import { withAcceptance } from '../../src/kernel-build/index.ts'
import type { WasmModule } from '../../src/kernel-c/index.ts'
import { built, debian, moduleOf, recording, recordingFiles, recordings73, tree, without } from './trees.ts'

const files = recordingFiles(recordings73)
// Ten builds replay all of them; three replay most, and are what every push can afford.
const ALL = process.env['TBIT_RECORDINGS'] === 'all'
const plain = (b: RecordedBuild, version: string): boolean =>
  !b.acceptance &&
  b.kconfig['SWIOTLB_DYNAMIC'] === 'n' &&
  b.kconfig['DMA_BOUNCE_UNALIGNED_KMALLOC'] === 'n' &&
  (version === '7.3' || b.arch === 'arm64')
const modules = new Map<string, WasmModule>()
async function moduleFor(version: string, b: RecordedBuild): Promise<WasmModule> {
  const key = JSON.stringify([version, b])
  const had = modules.get(key)
  if (had) return had
  const t = b.acceptance ? withAcceptance(tree(version)) : tree(version)
  if (t === null) throw new Error('no force_dma_unencrypted')
  const m = moduleOf(await built(t, b.arch, 'guest', { kconfig: b.kconfig }))
  modules.set(key, m)
  return m
}

describe.each(['7.3', '7.2'])('%s', (version) => {
  const mine = files.filter((f) => f.startsWith('v72') === (version === '7.2'))
  test.skipIf(
    without('../shared/data/swiotlb-7.3', mine.length === 0) ||
      without(`Debian's linux-source-${version}`, debian(version) === null)
  )('replays recordings without a difference', async () => {
    const chosen = mine.filter(
      (f) => ALL || plain(recordedBuild(recording(f, recordings73)[0] ?? '') as RecordedBuild, version)
    )
    if (!ALL)
      process.stdout.write(
        `skipped: ${mine.length - chosen.length} of ${mine.length} recordings of ${version} need builds of their ` +
          'own; TBIT_RECORDINGS=all replays them\n'
      )
    let operations = 0
    for (const f of chosen) {
      const lines = recording(f, recordings73)
      const b = recordedBuild(lines[0] ?? '')
      if (b === null) throw new Error(f)
      const r = replayRecording(await moduleFor(version, b), f, lines)
      expect(r.ok && r.value.first, f).toBeNull()
      if (r.ok) operations += r.value.operations
    }
    expect(operations).toBeGreaterThan(version === '7.3' ? 100_000 : 9_000)
  })

  test.skipIf(mine.length === 0 || debian(version) === null)(
    'a recording that was changed is noticed, with the line',
    async () => {
      const f = mine[0] as string
      const lines = recording(f, recordings73)
      const b = recordedBuild(lines[0] ?? '') as RecordedBuild
      const at = lines.findIndex((l) => l.startsWith('["mp"') && !l.includes(',-1,['))
      const changed = lines.map((l, i) =>
        i === at ? l.replace(/,(\d+),\[/, (_, n: string) => `,${Number(n) + 2048},[`) : l
      )
      const r = replayRecording(await moduleFor(version, b), f, changed)
      expect(r.ok && r.value.first).toMatchObject({ line: at + 1, differences: [{ what: 'dma' }] })
      expect(replayRecording(await moduleFor(version, b), f, ['{}'])).toMatchObject({
        ok: false,
        error: { code: 'TB-610' }
      })
      expect(replayRecording(await moduleFor(version, b), f, [lines[0] as string, '["zz",0]'])).toMatchObject({
        ok: false,
        error: { code: 'TB-610', line: 2 }
      })
    }
  )
})
