// Oopses, BUGs, KASAN reports, warnings and plain call traces: what happened, in which function, called by whom, on
// which kernel and machine. Frames are found wherever they stand in a record, in the forms of all architectures and of
// decode_stacktrace.sh.
import type { LogRecord } from './join.ts'

export type TraceKind = 'BUG' | 'KASAN' | 'oops' | 'panic' | 'warning' | 'lockup' | 'atomic' | 'page_alloc' | 'stack'

export interface Frame {
  readonly fn: string
  readonly module: string | null
  /** Without the question mark of a guess. */
  readonly sure: boolean
}

export interface CallTrace {
  kind: TraceKind
  /** The line that says what happened. */
  headline: string
  readonly line: number
  readonly mono: number | null
  /** file:line of a BUG or WARNING. */
  at: string | null
  frames: Frame[]
  comm: string | null
  kernel: string | null
  hardware: string | null
  /** Bytes at which address of a KASAN report. */
  access: string | null
  lastLine: number
}

interface Opening {
  readonly kind: TraceKind
  readonly pattern: RegExp
}

// In the order in which they are tried; a later opening of a stronger kind renames the block (an oops follows its
// "Unable to handle").
const openings: readonly Opening[] = [
  { kind: 'KASAN', pattern: /BUG: K[AFM]?[CS]?SAN: .*/ },
  { kind: 'KASAN', pattern: /UBSAN: .*/ },
  { kind: 'BUG', pattern: /kernel BUG at (\S+?)!/ },
  {
    kind: 'lockup',
    pattern: new RegExp(
      '(?:watchdog: BUG: soft lockup|BUG: soft lockup|NMI watchdog: .*LOCKUP|' +
        String.raw`rcu: INFO: rcu_\w+ (?:self-)?detected|INFO: rcu_\w+ (?:self-)?detected|` +
        String.raw`INFO: task \S+ blocked for more than|watchdog: CPU\d+: Watchdog detected hard LOCKUP).*`
    )
  },
  { kind: 'atomic', pattern: /BUG: (?:sleeping function called from invalid context|scheduling while atomic).*/ },
  {
    kind: 'oops',
    pattern: new RegExp(
      '(?:BUG: (?:unable to handle|kernel NULL pointer)|Unable to handle kernel|' +
        String.raw`Internal error: |general protection fault|invalid opcode: |Oops(?:: | - |\[#| \[#)|` +
        'Unable to handle kernel paging|Kernel panic: Oops|stack segment: ).*'
    )
  },
  { kind: 'panic', pattern: /Kernel panic - not syncing: .*/ },
  { kind: 'page_alloc', pattern: /\S+: page allocation failure: order:\d+.*/ },
  { kind: 'warning', pattern: /WARNING: (?:CPU: \d+ PID: \d+ at )?(\S+?:\d+)?.*/ }
]

/** A function with its offset, its module and its guess mark; bare or decoded. */
const FRAME = new RegExp(
  String.raw`(\?\s+)?\b([A-Za-z_][\w.]*?)(?:\.(?:isra|constprop|part|cold|` +
    String.raw`llvm)(?:\.\d+)*)*\+0x[0-9a-f]+\/0x[0-9a-f]+(?:\s+\[(\w+)[^\]]*\])?`,
  'g'
)
const DECODED = new RegExp(
  String.raw`(?:^|\s)(\?\s+)?([a-z_]\w+)(?:\.(?:isra|constprop|part|` +
    String.raw`cold)(?:\.\d+)*)*(?:\+0x[0-9a-f]+\/0x[0-9a-f]+)?\s+` +
    String.raw`\(?(?:[\w./-]+\.[chS]:\d+)(?:[^)]*\))?(?:\s+(?:\[)?(\w+)?\]?)?`,
  'g'
)
const MEMBERS = /CPU: \d+ (?:UID: \d+ )?PID: \d+ Comm: (\S+)(?:.*? (\d+\.\d+(?:\.\d+)?\S*)\s+#)?/
const HARDWARE =
  /Hardware name: (.+?)(?=\s+(?:Workqueue:|pstate:|pc :|epc :|Call [Tt]race|RIP:|Stack:|task:|Code:|Backtrace)|$)/

const MOST_FRAMES = 64
/** Lines without anything of a trace after which it is over. */
const SILENCE = 40

/** Frames of the tools that print a trace, of memory checkers and of exception entry: never the place that matters. */
const ENTRY = new RegExp(
  '^(?:' +
    [
      'dump_stack\\w*',
      'show_stack\\w*',
      'dump_backtrace\\w*',
      'unwind_backtrace',
      'walk_stackframe',
      'arch_stack_walk',
      'print_\\w*',
      '(?:__)?kasan_\\w+',
      '__asan_\\w+',
      'check_memory_region',
      'end_report\\w*',
      '(?:__)?warn\\w*',
      'report_bug',
      'bug_handler',
      'handle_bug',
      'exc_\\w+',
      'asm_\\w+',
      'do_(?:trap|error_trap|invalid_op|page_fault|mem_abort|translation_fault)\\w*',
      'do_(?:undefinstr|el0_svc|kernel_fault|bad_area)\\w*',
      '__do_kernel_fault',
      'die\\w*',
      'el[01]\\w*',
      'call_undef_hook',
      'brk_handler',
      'debug_exception_handler',
      'invalid_op',
      'page_fault\\w*',
      'no_context',
      'bad_area\\w*',
      'oops_\\w+',
      'panic',
      'Exc\\w+',
      'ret_\\w+',
      'entry_\\w+',
      '__might_\\w+',
      '___might_sleep',
      'warn_alloc\\w*',
      '__alloc_pages\\w*',
      'alloc_pages\\w*',
      '__get_free_pages',
      'alloc_page\\w*',
      '_?raw_spin\\w*',
      'queued_spin\\w*',
      'native_queued\\w*',
      'report_addr'
    ].join('|') +
    ')$'
)
/** Copy loops: they fault for the one that calls them. */
const COPY =
  /^(?:__(?:pi_)?)?(?:mem(?:cpy|set|move)\w*|arch_\w*mem\w+|copy_page\w*|clear_page\w*)$|^mem(?:cpy|set)_\w+$/
/** The DMA layer. */
const DMA_LAYER = new RegExp(
  String.raw`^(?:(?:x?en_)?swiotlb_\w+|__?dma_\w+|dma_(?!buf|fence|resv|heap)\w+|dmam_\w+|` +
    String.raw`debug_dma_\w+|check_(?:unmap|sync)|iommu_dma_\w+|arch_(?:sync_dma|dma)\w+|slot_addr|` +
    String.raw`set_memory_(?:en|de)crypted\w*|xen_swiotlb_\w+|pci_(?:alloc|free)_consistent|nommu_\w+)$`
)
/** Layers between a driver and the DMA API that serve many drivers. */
const BETWEEN = new RegExp(
  String.raw`^(?:dma_buf_\w+|drm_\w+|scsi_dma_\w+|usb_(?:hcd_)?\w+|blk_\w+|__blk_\w+|vring_\w+|` +
    String.raw`virtqueue_\w+|mmc_(?!\w*probe)\w+|sg_\w+|snd_(?:dma|pcm)_\w+|vb2_\w+|spi_(?:map|__)\w*|` +
    String.raw`__spi_\w+|page_pool_\w+|skb_\w+|regmap_\w+|_regmap_\w+)$`
)

/** The function that matters: the first that no tool, checker, entry code or copy loop has. */
export const culprit = (t: CallTrace): Frame | null =>
  t.frames.find((f) => f.sure && !ENTRY.test(f.fn) && !COPY.test(f.fn)) ??
  t.frames.find((f) => !ENTRY.test(f.fn) && !COPY.test(f.fn)) ??
  null

/** The DMA function nearest to the fault, and the driver above the DMA layer. */
export function inDma(
  t: CallTrace
): { readonly fn: string; readonly outer: string; readonly driver: Frame | null } | null {
  // Guesses count only where nothing is sure.
  const sure = t.frames.filter((f) => f.sure)
  const frames = sure.some((f) => DMA_LAYER.test(f.fn)) ? sure : t.frames
  const at = frames.findIndex((f) => DMA_LAYER.test(f.fn))
  if (at < 0) return null
  let end = at
  for (let i = at; i < frames.length && i <= end + 2; i++) if (DMA_LAYER.test((frames[i] as Frame).fn)) end = i
  const above = frames.slice(end + 1).filter((f) => !ENTRY.test(f.fn) && !COPY.test(f.fn))
  const driver = above.find((f) => f.sure && !BETWEEN.test(f.fn)) ?? above.find((f) => f.sure) ?? above[0] ?? null
  return { fn: (frames[at] as Frame).fn, outer: (frames[end] as Frame).fn, driver }
}

/** Whether it is about DMA at all. */
export const concernsDma = (t: CallTrace): boolean =>
  t.frames.some((f) => DMA_LAYER.test(f.fn)) ||
  /\bkernel\/dma\/|swiotlb|dma_direct|dma_map|dma_alloc|in dma_/.test(`${t.headline} ${t.at ?? ''}`)

/** Reads traces out of records. */
export class TraceReader {
  readonly traces: CallTrace[] = []
  private open: CallTrace | null = null
  /** Opened by "cut here": the next message belongs to it. */
  private cut = false

  /** Whether the record belongs to a trace. */
  record(r: LogRecord): boolean {
    const t = r.text
    if (t.includes('[ cut here ]')) {
      this.close()
      this.cut = true
      return true
    }
    const opened = this.opening(r)
    const frames = this.frames(r)
    const members = MEMBERS.exec(t)
    if (members && (this.open !== null || this.cut || frames || /Call [Tt]race|dump_stack/.test(t))) {
      const open = this.ensure(r)
      open.comm ??= members[1] ?? null
      open.kernel ??= members[2] ?? null
    } else if (members) {
      // A header without an opening before it: a dump_stack() that some message called for, or a report whose head is
      // cut off.
      const open = this.ensure(r)
      open.comm = members[1] ?? null
      open.kernel = members[2] ?? null
    }
    const hardware = HARDWARE.exec(t)
    if (hardware && this.open !== null) this.open.hardware ??= (hardware[1] ?? '').trim()
    if (/\[ end trace|---\[ end Kernel panic/.test(t)) {
      this.close()
      return true
    }
    const part = opened || frames || members !== null || hardware !== null
    if (part && this.open !== null) this.open.lastLine = r.line
    else if (this.open !== null && r.line - this.open.lastLine > SILENCE) this.close()
    return part
  }

  /** The trace that is being read. */
  get current(): CallTrace | null {
    return this.open
  }

  end(): void {
    this.close()
  }

  private ensure(r: LogRecord): CallTrace {
    if (this.open === null) {
      this.open = {
        kind: 'stack',
        headline: r.text,
        line: r.line,
        mono: r.mono,
        at: null,
        frames: [],
        comm: null,
        kernel: null,
        hardware: null,
        access: null,
        lastLine: r.line
      }
      this.traces.push(this.open)
    }
    this.cut = false
    return this.open
  }

  private opening(r: LogRecord): boolean {
    for (const o of openings) {
      const m = o.pattern.exec(r.text)
      if (m === null) continue
      // A panic or a second opening right after the first is the same event.
      const same =
        this.open !== null &&
        (o.kind === 'panic' ||
          (this.open.frames.length === 0 && r.line - this.open.line < 30) ||
          (o.kind === 'oops' && this.open.kind === 'BUG'))
      if (!same) this.close()
      const fresh = this.open === null
      const open = this.ensure(r)
      if (fresh || open.kind === 'stack' || open.kind === 'warning') {
        open.kind = o.kind
        open.headline = m[0]
      }
      open.at ??= m[1] ?? null
      return true
    }
    const access = /(?:Read|Write) of size \d+ at addr \S+ by task \S+/.exec(r.text)
    if (access && this.open !== null) this.open.access = access[0]
    return access !== null
  }

  private frames(r: LogRecord): boolean {
    const found = framesOf(r.text)
    if (found.length === 0) return false
    // Register lines (pc, lr, RIP) repeat the first frames: known ones are not entered twice in a row.
    const open = this.ensure(r)
    for (const f of found) {
      if (open.frames.length >= MOST_FRAMES) break
      if (!open.frames.some((g, i) => g.fn === f.fn && i >= open.frames.length - 3)) open.frames.push(f)
    }
    return true
  }

  private close(): void {
    this.open = null
    this.cut = false
  }
}

/** The functions that a line of a trace names. */
export function framesOf(text: string): Frame[] {
  if (!text.includes('+0x') && !/\.[chS]:\d+\)?/.test(text)) return []
  const out: Frame[] = []
  const take = (pattern: RegExp): void => {
    for (const m of text.matchAll(pattern))
      out.push({ fn: m[2] as string, module: m[3] ?? null, sure: m[1] === undefined })
  }
  if (text.includes('+0x')) take(FRAME)
  if (out.length === 0 && /^\s*(?:\?\s+)?[a-z_]\w+(?:\.\w+)*\s+\(?[\w./-]+\.[chS]:\d+/.test(text)) take(DECODED)
  return out
}
