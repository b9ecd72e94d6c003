// What is thrown at what. A target makes one input of a seed, gives it to a reader and throws when something is
// promised that does not hold.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { printable } from '../../src/base/index.ts'
import { conformSequence, emptyConformance } from '../../src/conform/rmm.ts'
import { parseSequences } from '../../src/conform/rmm-sequence.ts'
import { SwiotlbConform } from '../../src/conform/swiotlb.ts'
import { CannotUnpack, packing, sectionUnpackers, unpack } from '../../src/cli/unpack.ts'
import { mailBody, parseDiff, touched } from '../../src/kernel-build/mail.ts'
import { Trace } from '../../src/kernel/trace-events.ts'
import { parse, print, vocabulary } from '../../src/litmus/index.ts'
import { parseCosts } from '../../src/plan/costs.ts'
import {
  type EventSink,
  KernelLog,
  Names,
  parseDebugfs,
  readKernelLog,
  Replay,
  replayResult,
  Skips,
  TextScanner,
  type TraceEvent,
  TraceDat
} from '../../src/replay/index.ts'
import { version6, version7 } from '../../src/replay/_trace-dat-maker.ts'
import { slowText } from '../../src/replay/scan-slow.ts'
import { explainLogFormats } from '../../src/report/explain-log.ts'
import { replayFormats } from '../../src/report/replay-formats.ts'
import { differential, workers } from './differential.ts'
import { mutateBytes, mutateText, Random } from './random.ts'
import { readTree } from './trees.ts'

/** Answers false when the seed made nothing that could be tried. */
export type Target = (seed: number) => void | boolean | Promise<void> | Promise<boolean>

// The checkout, from the sources or from a bundle in bench/out.
function checkout(): string {
  let dir = dirname(new URL(import.meta.url).pathname)
  while (!readdirSync(dir).includes('package.json')) dir = dirname(dir)
  return dir
}
const root = checkout()
const all = (dir: string, ending: string): string[] =>
  readdirSync(join(root, dir), { recursive: true })
    .map(String)
    .filter((f) => f.endsWith(ending))
    .sort()
    .map((f) => join(root, dir, f))
const text = (path: string): string =>
  (path.endsWith('.gz') ? gunzipSync(readFileSync(path)) : readFileSync(path)).toString('latin1')
const lazy = <T>(make: () => T): (() => T) => {
  let made: T | undefined
  return () => (made ??= make())
}

/** @throws Error */
export function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what)
}
// biome-ignore lint/suspicious/noControlCharactersInRegex: what must not come out
const ACTS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/

const tests = lazy(() => all('litmus', '.litmus').map((f) => readFileSync(f, 'utf8')))
const traces = lazy(() =>
  all('test/fixtures/replay', '.txt')
    .concat(all('test/fixtures/replay', '.txt.gz'))
    .map(text)
    .filter((t) => t.includes('dma_'))
    .flatMap((t) => [0, 1, 2].map((i) => t.slice((t.length * i) / 3, (t.length * i) / 3 + 5000)))
)
const dats = lazy(() => [
  version6(false),
  version6(true),
  version7(false, false),
  version7(true, false),
  version7(false, true)
])
const sections = lazy(sectionUnpackers)

function chunked(bytes: Uint8Array, size: number, sink: EventSink, names: Names, skips: Skips): TextScanner {
  const s = new TextScanner(sink, names, skips)
  for (let at = 0; at < bytes.length; at += size) s.push(bytes.slice(at, at + size))
  s.end()
  return s
}

function scan(seed: number): void {
  const r = new Random(seed)
  const bytes = new Uint8Array(Buffer.from(mutateText(r, r.pick(traces()).slice(0, 300 + r.below(1500))), 'latin1'))
  const run = (size: number): { events: string[]; lines: number; skipped: string } => {
    const events: string[] = []
    const names = new Names()
    const skips = new Skips()
    const s = chunked(
      bytes,
      size,
      {
        event: (e: TraceEvent) => {
          events.push(`${e.kind} ${e.time} ${e.cpu} ${e.pid} ${e.has} ${e.nents} ${e.attrs}`)
        }
      },
      names,
      skips
    )
    return { events, lines: s.lines, skipped: JSON.stringify(skips.list()) }
  }
  const whole = run(Math.max(1, bytes.length))
  must(JSON.stringify(whole) === JSON.stringify(run(1 + r.below(70))), 'the size of the chunks changes the result')
  const slow = slowText(bytes)
  // What a probe is, the scanner settles by the first line of its name, the twin line by line.
  const own = (events: readonly string[]): string =>
    events.filter((e) => Number.parseInt(e, 10) < Trace.blockIssue).join()
  must(
    own(slow.events.map((e) => `${e.kind} ${e.time} ${e.cpu} ${e.pid} ${e.has} ${e.nents} ${e.attrs}`)) ===
      own(whole.events),
    'the scanner and its twin disagree'
  )
  must(slow.lines === whole.lines, 'the scanner and its twin count other lines')
}

function outputs(replay: Replay, skips: Skips, format: string, lines: number): void {
  const result = replayResult(replay, skips, {
    files: ['f'],
    format,
    bytes: 0,
    lines,
    kernel: null,
    interrupted: false,
    overwritten: 0,
    missedUnmaps: null,
    otherEvents: new Map(),
    drivers: new Map(),
    fullMessages: null,
    notes: [],
    terms: null,
    whatIf: [],
    needed: null,
    swiotlb: null
  })
  must(JSON.parse(replayFormats.json(result, [])).events === result.events, 'text and JSON count other events')
  const plain = printable(replayFormats.text(result))
  must(!ACTS.test(plain), 'something that acts on a terminal came out')
  must(
    !/\b(NaN|undefined|Infinity) (s|%)/.test(plain),
    `a figure that is none: ${/.*\b(?:NaN|undefined|Infinity) (?:s|%).*/.exec(plain)?.[0]}`
  )
}

function replayText(seed: number): void {
  const r = new Random(seed)
  const names = new Names()
  const skips = new Skips()
  const replay = new Replay(names, {
    pool: r.chance(1, 4)
      ? { start: null, nslabs: 128 << r.below(5), nareas: 1 }
      : { start: null, nslabs: null, nareas: null }
  })
  if (r.chance(1, 4)) for (const sample of parseDebugfs(mutateText(r, DEBUGFS)).samples) replay.measured.sample(sample)
  const s = chunked(
    new Uint8Array(Buffer.from(mutateText(r, r.pick(traces()), ['#P:99999999', '[99999999] ']), 'latin1')),
    1 << 20,
    replay,
    names,
    skips
  )
  if (s.header.cpus !== null) replay.headerCpus(s.header.cpus)
  replay.end()
  if (seed % 16 === 0) outputs(replay, skips, 'text', s.lines)
}

async function traceDat(seed: number): Promise<void> {
  const r = new Random(seed)
  const file = r.pick(dats())
  const b = mutateBytes(r, file, r.chance(1, 2) ? 4096 : file.length)
  const names = new Names()
  const skips = new Skips()
  const read = (at: number, n: number): Uint8Array => {
    must(at >= 0 && n >= 0 && Number.isSafeInteger(at) && n <= 1 << 28, `read(${at}, ${n})`)
    return b.subarray(at, at + n)
  }
  const opened = TraceDat.open({ name: 'f', size: b.length, read }, names, skips, await sections())
  if (!opened.ok) return
  const replay = new Replay(names, { pool: { start: null, nslabs: null, nareas: null } })
  while (opened.value.pump(replay, 4096));
  replay.end()
  if (seed % 16 === 0) outputs(replay, skips, 'trace.dat', 0)
}

const DEBUGFS = `20.1 20.2 0 64 32768
20.3 20.4 128 192 32768
/sys/kernel/debug/swiotlb/io_tlb_nslabs 32768
io_tlb_used: 12

io_tlb_used_hiwater = 200
`

const LOG = `[    0.000000] Linux version 6.12.117+deb12-amd64 (x) #1 SMP
[    0.000000] Command line: root=/dev/vda swiotlb=65536,4,force
[    0.090794] software IO TLB: area num 2.
[    1.832230] software IO TLB: mapped [mem 0x000000007b9f3000-0x000000007f9f3000] (64MB)
[    9.100000] nvme 0000:00:02.0: swiotlb buffer is full (sz: 262144 bytes), total 32768 (slots), used 32523 (slots)
[    9.200000] nvme nvme0: I/O Cmd(0x2) @ LBA 1, 8 blocks, I/O Error
<6>[   10.000000][  T1] e1000 0000:00:03.0: DMA addr 0x0000000123456000+4096 overflow (mask ffffffff, bus limit 0).
{"MESSAGE":"swiotlb_tbl_map_single: 5 callbacks suppressed","__REALTIME_TIMESTAMP":"1"}
`

function logs(seed: number): void {
  const r = new Random(seed)
  const t = mutateText(r, LOG)
  readKernelLog(t)
  const log = new KernelLog()
  for (const line of t.split('\n')) log.next(line)
  const explanation = log.explain({})
  JSON.parse(explainLogFormats.json(explanation, [], []))
  must(!ACTS.test(printable(explainLogFormats.text(explanation))), 'something that acts on a terminal came out')
}

function litmus(seed: number): void {
  const r = new Random(seed)
  const t = mutateText(r, r.pick(tests()), [...vocabulary.platformNames, ...vocabulary.kernels.map((k) => k.name)])
  const p = parse(t, 'f')
  for (const e of p.errors) must(e.code.startsWith('TB-') && e.code !== 'TB-005', `${e.code}: ${e.message}`)
  if (p.test === undefined || p.errors.length > 0) return
  const normal = print(p.test)
  const again = parse(normal, 'f')
  must(again.errors.length === 0 && again.test !== undefined, `the normal form is no test: ${again.errors[0]?.message}`)
  if (again.test !== undefined) must(print(again.test) === normal, 'the normal form has another normal form')
}

const RMM =
  '{"sequences":[{"name":"a","steps":[{"cmd":"RMI_GRANULE_DELEGATE","args":["0x88000000"],' +
  '"status":"RMI_SUCCESS"},{"cmd":"RMI_REALM_CREATE","args":[1,2],"status":[0,1]}]}]}'
const SWIOTLB = `{"format":1,"kernel":"linux-6.12","nslabs":1024,"nareas":4,"raw":0,"pool_start":4295008256,"page_shift":12,"buf_phys":4294967296,"buf_size":16777216,"force_bounce":0,"devices":[{"id":0,"name":"plain","min_align_mask":0,"segment_boundary_mask":"0x0","dma_mask":"0xffffffffffffffff","dma_coherent":1}]}
["m",0,1,4299112448,2048,0,1,0,4295008256,1,1,1]
["u",0,4295008256,2048,1,0,0,1,0]
`

function lines(seed: number): void {
  const r = new Random(seed)
  if (r.chance(1, 2)) {
    const parsed = parseSequences('f', mutateText(r, RMM))
    if (parsed.ok) for (const q of parsed.value) conformSequence('f', q, emptyConformance())
    return
  }
  const run = new SwiotlbConform('f')
  for (const line of mutateText(r, SWIOTLB).split('\n')) {
    try {
      if (!run.next(line).ok) break
    } catch (e) {
      // The kernel itself stops on some operations; the command line tells it, with the line.
      must(e instanceof Error && /^invariant broken|blocks for ever/.test(e.message), String(e))
      break
    }
  }
  run.end()
}

function costs(seed: number): void {
  const r = new Random(seed)
  const parsed = parseCosts(
    'f',
    mutateText(r, '{"costs": {"RTT_FOLD": 2.5,\n "REC_ENTER": [3, 5]},\n "unit_ns": 1500, "unit": "x"}', [
      'RTT_CREATE',
      'costs',
      '[1,2]',
      '-1'
    ])
  )
  if (parsed.ok)
    for (const [low, high] of Object.values(parsed.value.costs))
      must(low >= 0 && low <= high && Number.isFinite(high), 'a cost that is none was taken')
}

const PATCH = `From: A <a@b>
Subject: [PATCH] dma: a change
Content-Transfer-Encoding: 8bit

Words.
---
diff --git a/kernel/dma/direct.c b/kernel/dma/direct.c
--- a/kernel/dma/direct.c
+++ b/kernel/dma/direct.c
@@ -1,3 +1,4 @@
+#include <linux/x.h>
 // SPDX-License-Identifier: GPL-2.0
 /*
  * Copyright
`

function patches(seed: number): void {
  const r = new Random(seed)
  const mail = mutateText(r, PATCH, [
    '/dev/null',
    '../../../etc/passwd',
    'base64',
    'quoted-printable',
    '@@ -1,999999999 +1 @@',
    '@@ -0,0 +1,3 @@'
  ])
  parseDiff(mailBody(mail))
  touched(mail)
}

async function packed(seed: number): Promise<void> {
  const r = new Random(seed)
  const plain = Buffer.from(r.pick(traces()).slice(0, 2000))
  const raw = 1 | (plain.length << 3)
  const frame = Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x50, raw & 255, (raw >> 8) & 255, raw >> 16, ...plain])
  const bytes = mutateBytes(r, r.chance(1, 2) ? new Uint8Array(gzipSync(plain)) : frame)
  const kind = packing(bytes)
  if (kind === null) return
  let size = 0
  try {
    for await (const s of unpack(
      kind,
      (async function* () {
        for (let at = 0; at < bytes.length; at += 300) yield bytes.subarray(at, at + 300)
      })()
    ))
      size += s.length
  } catch (e) {
    if (!(e instanceof CannotUnpack)) throw e
  }
  must(size <= 16 << 20, `${size} bytes of ${bytes.length}`)
}

/** By name. WORDS and the corpora are in random.ts and test/fixtures. */
export const targets: Readonly<Record<string, Target>> = {
  litmus,
  scan,
  replay: replayText,
  'trace.dat': traceDat,
  logs,
  lines,
  costs,
  patches,
  packed,
  trees: (seed) => {
    readTree(new Random(seed))
  },
  differential,
  workers
}
