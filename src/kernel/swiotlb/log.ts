// A pasted kernel log: what it says about bouncing, which limit binds, what to do, what to record to know more. Reading is line by line and keeps
// counts only; the explanation is made at the end from what was read, from the pool's rules (sizing.ts) and from what the caller adds.
import { GiB, KiB } from '../../base/index.ts'
import { type MessageId, type ReadMessage, messageTable, readMessage } from '../messages.ts'
import { IO_TLB_SEGSIZE, IO_TLB_SIZE, nr_slots } from './pool.ts'
import { type Advice, LARGEST_MAPPING, type SizingArch, type SizingRequest, advise, kernelVersion, parseSizingKernel, parseSwiotlbParam, sizePool, sizeText } from './index.ts'

/** Why a request failed, as far as its message tells. */
export type LogCause =
  | 'pool_full' | 'fragmented' | 'too_large' | 'placement' | 'full_unknown' | 'no_pool' | 'mask' | 'alias' | 'unreachable' | 'bounce_overflow' | 'decrypt_failed' | 'atomic_pool'

/** The limit that each cause means. */
export const causeLimit: Readonly<Record<LogCause, string>> = {
  pool_full: 'pool size',
  fragmented: 'fragmentation of the pool',
  too_large: '256 KiB segment',
  placement: "the device's alignment or segment boundary",
  full_unknown: 'pool size, fragmentation or segment (this kernel does not print which)',
  no_pool: 'no pool',
  mask: "the device's address mask",
  alias: "the device's address mask against the shared alias",
  unreachable: "the device's address mask",
  bounce_overflow: 'a driver that syncs more than it mapped',
  decrypt_failed: 'the pool could not be made shared',
  atomic_pool: 'the atomic (coherent) pools'
}

/** Requests of one device that failed for one cause. */
export interface LogFailure {
  readonly cause: LogCause
  readonly limit: string
  /** Driver and device; empty when the message names none. */
  readonly device: string
  /** Lines that say so; what the kernel did not print is in `suppressed` of the explanation. */
  readonly count: number
  /** 1-based line of the first, and the time stamps of first and last in seconds (null: none). */
  readonly line: number
  readonly first: number | null
  readonly last: number | null
  readonly sizes: ReadonlyArray<{ readonly bytes: number; readonly count: number }>
  readonly total: number | null
  readonly used: readonly [number, number] | null
  readonly text: string
  readonly message: string
}

export interface LogExplanation {
  readonly lines: number
  readonly understood: number
  readonly boots: number
  readonly kernel: string | null
  readonly platform: string | null
  readonly cmdline: string | null
  /** Bytes. */
  readonly ram: number | null
  readonly cpus: number | null
  readonly pool: {
    readonly slots: number
    readonly bytes: number
    readonly areas: number | null
    readonly start: number | null
    readonly end: number | null
    /** Why it has this size, when the rules of this kernel give the same. */
    readonly limited_by: string | null
    readonly grown: boolean
  } | null
  readonly failures: readonly LogFailure[]
  /** "callbacks suppressed" of the mapping functions, summed. */
  readonly suppressed: number
  /** What the boot lines say happened, in order. */
  readonly boot: readonly string[]
  readonly limits: readonly string[]
  readonly advice: readonly string[]
  /** What to look at, with the commands that show it. */
  readonly record: ReadonlyArray<{ readonly what: string; readonly run: readonly string[] }>
  readonly notes: readonly string[]
}

/** What the user knows beyond the log. */
export interface LogFacts {
  readonly platform?: string
  readonly kernel?: string
  /** Bytes. */
  readonly ram?: number
  readonly cpus?: number
  readonly cmdline?: string
}

interface Group {
  readonly cause: LogCause
  readonly id: MessageId
  readonly device: string
  readonly message: string
  readonly line: number
  readonly args: ReadMessage['args']
  count: number
  first: number | null
  last: number | null
  sizes: Map<number, number>
  total: number | null
  used: [number, number] | null
}

interface Boot {
  kernel: string | null
  arch: SizingArch | null
  platform: string | null
  cmdline: string | null
  ram: number | null
  cpus: number | null
  /** Usable memory ranges, [first, last] in bytes. */
  ranges: Array<readonly [number, number]>
  areas: number | null
  mapped: { start: number; end: number } | null
  halved: { from: number; to: number } | null
  allocFailed: boolean
  restricted: number
  boot: string[]
  groups: Map<string, Group>
  suppressed: number
  total: number | null
}

const newBoot = (): Boot => ({
  kernel: null, arch: null, platform: null, cmdline: null, ram: null, cpus: null, ranges: [], areas: null, mapped: null, halved: null, allocFailed: false, restricted: 0,
  boot: [], groups: new Map(), suppressed: 0, total: null
})

const MAPPERS = new Set(['swiotlb_tbl_map_single', 'swiotlb_map', 'dma_direct_map_page', 'dma_direct_map_phys', 'dma_direct_map_sg', '__dma_map_sg_attrs', 'dma_map_page_attrs'])

/** A message pasted without what stands before it: whose it was is not known. */
function nameless(line: string): ReadMessage | null {
  const at = line.search(/swiotlb buffer is full|DMA: Out of SW-IOMMU|Can not allocate SWIOTLB|swiotlb addr 0x|DMA addr 0x|Buffer overflow detected/)
  const m = at < 0 ? null : readMessage(`x: ${line.slice(at)}`)
  return m === null ? null : { ...m, args: { ...m.args, dev: 'a device that the line does not name' } }
}

/** "swiotlb buffer is full": the cause by what is free and where it can lie. */
export function fullCause(size: number, total: number, used: number): LogCause {
  if (size > LARGEST_MAPPING) return 'too_large'
  const n = nr_slots(size)
  if (n > total - used) return 'pool_full'
  // Each used slot can spoil one run. With fewer than this, some segment has n free slots in a row (one more for alignment to a page).
  const spoilers = Math.ceil(total / IO_TLB_SEGSIZE) * Math.max(1, Math.floor(IO_TLB_SEGSIZE / (n + 1)))
  return used < spoilers ? 'placement' : 'fragmented'
}

const hex = (n: number): string => `0x${n.toString(16)}`

/** Reads a log line by line. */
export class KernelLog {
  private readonly boots: Boot[] = [newBoot()]
  private lines = 0
  private understood = 0
  private held: string | null = null
  private binary = 0

  /** The next line. Lines that a mail program wrapped inside a "buffer is full" message are joined. */
  next(text: string): void {
    const raw = text.endsWith('\r') ? text.slice(0, -1) : text
    this.lines++
    let line = raw
    if (this.held !== null) {
      const joined = `${this.held.trimEnd()} ${raw.trim()}`
      if (/^[\s>]*(total|used|\d+ \(slots\))/.test(raw)) line = joined.replace(/\s>\s/g, ' ')
      else this.message(this.held, this.lines - 1)
      this.held = null
    }
    if (/swiotlb buffer is full \(sz: \d+ bytes\),(?!.*used \d+ \(slots\))\s*(total( \d+( \(slots\),?( used( \d+)?)?)?)?)?\s*$/.test(line)) {
      this.held = line
      return
    }
    this.message(line, this.lines)
  }

  private get boot(): Boot {
    return this.boots.at(-1) as Boot
  }

  private message(line: string, at: number): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: NUL bytes are what tells binary from text
    if (/[\u0000-\u0008\u000e-\u001a\ufffd]/.test(line)) this.binary++
    if (this.facts(line)) {
      this.understood++
      return
    }
    const m = readMessage(line) ?? nameless(line)
    if (!m) return
    this.understood++
    const stamp = /\[\s*(\d+\.\d+)\]/.exec(line)
    this.take(m, line.trim(), at, stamp ? Number(stamp[1]) : null)
  }

  private facts(line: string): boolean {
    const b = this.boot
    const version = /Linux version (\d+\.\d+\S*)/.exec(line)
    if (version) {
      // A second banner is a second boot.
      const boot = b.kernel === null ? b : newBoot()
      if (boot !== b) this.boots.push(boot)
      boot.kernel = version[1] ?? null
      boot.arch = /aarch64|arm64/.test(line) ? 'arm64' : /s390x/.test(line) ? 's390' : /x86_64|amd64/.test(line) ? 'x86' : null
      return true
    }
    const cmdline = /(?:Kernel c|C)ommand line: (.*)$/.exec(line)
    if (cmdline) {
      b.cmdline = (cmdline[1] ?? '').trim()
      return true
    }
    const memory = /Memory: \d+K\/(\d+)K available/.exec(line)
    if (memory) {
      b.ram = Number(memory[1]) * KiB
      return true
    }
    const range = /BIOS-e820: \[mem (0x[0-9a-f]+)-(0x[0-9a-f]+)\] usable/.exec(line) ?? (b.ranges.length === 0 || b.arch !== 'x86' ? /node\s+\d+: \[mem (0x[0-9a-f]+)-(0x[0-9a-f]+)\]/.exec(line) : null)
    if (range && !/Initmem setup/.test(line)) {
      b.ranges.push([Number(range[1]), Number(range[2])])
      return true
    }
    const cpus = /Allowing (\d+) present CPUs plus (\d+) hotplug CPUs/.exec(line)
    if (cpus) {
      b.cpus = Number(cpus[1]) + Number(cpus[2])
      return true
    }
    const ids = /nr_cpu_ids:(\d+)/.exec(line) ?? /Brought up \d+ nodes?, (\d+) CPUs?/.exec(line)
    if (ids) {
      b.cpus ??= Number(ids[1])
      return true
    }
    const platform = /Memory Encryption Features active:.*\bSEV\b|Secure Encrypted Virtualization \(SEV\) active/.test(line) ? 'amd-sev-snp'
      : /Memory Encryption Features active:.*Intel TDX|tdx: Guest detected/.test(line) ? 'intel-tdx'
        : /Memory Encryption Features active:.*\bSME\b/.test(line) ? 'amd-sme-host'
          : /RME: Using RSI version/.test(line) ? 'arm-cca' : null
    if (platform) {
      b.platform = platform
      return true
    }
    return false
  }

  private take(m: ReadMessage, line: string, at: number, time: number | null): void {
    const b = this.boot
    const num = (key: string): number => Number(m.args[key] ?? 0)
    switch (m.id) {
      case 'area_num':
        b.areas = num('areas')
        return
      case 'mapped':
        b.mapped = { start: num('start'), end: num('end') }
        b.boot.push(`the pool is at ${hex(num('start'))}-${hex(num('end'))}: ${sizeText(num('end') - num('start'))}`)
        return
      case 'size_adjusted':
        b.boot.push(`the platform asks for ${num('mb')} MiB`)
        return
      case 'size_roundup':
        b.boot.push(`rounded up to ${num('mb')} MiB (a power of two, at least 128 slots an area)`)
        return
      case 'size_halved':
        b.halved = { from: num('from'), to: num('to') }
        b.boot.push(`${sizeText(num('from') * IO_TLB_SIZE)} could not be had in one piece of low memory: halved to ${sizeText(num('to') * IO_TLB_SIZE)}`)
        return
      case 'alloc_failed':
      case 'alloc_failed_old':
      case 'cannot_allocate':
      case 'no_low_mem':
      case 'remap_failed':
      case 'slots_failed':
        b.allocFailed = true
        b.boot.push(`an allocation for the pool failed: ${line.replace(/^.*software IO TLB: /, '')}`)
        return
      case 'late_size':
        b.boot.push(`the pool was allocated late and is only ${num('mb')} MiB`)
        return
      case 'teardown':
        b.boot.push('the default pool was given back: nothing needs it')
        return
      case 'encrypted':
        b.boot.push('memory is encrypted and devices bounce')
        return
      case 'restricted':
        b.restricted++
        b.boot.push(`a restricted pool of ${num('mb')} MiB at ${hex(num('base'))}: its devices bounce always, through one area`)
        return
      case 'pci_dma':
        return
      case 'tio_disable':
        b.boot.push(`${m.args['dev']}: accepted by the guest, no longer bounced (RFC v1)`)
        return
      case 'suppressed':
        if (MAPPERS.has(String(m.args['fn']))) b.suppressed += num('count')
        return
      default:
        this.failure(m, line, at, time)
    }
  }

  private failure(m: ReadMessage, line: string, at: number, time: number | null): void {
    const b = this.boot
    const num = (key: string): number => Number(m.args[key] ?? 0)
    const cause = causeOf(m)
    const device = String(m.args['dev'] ?? '')
    const key = `${cause}\n${device}\n${m.id}`
    let g = b.groups.get(key)
    if (!g) {
      g = { cause, id: m.id, device, message: line, line: at, args: m.args, count: 0, first: time, last: time, sizes: new Map(), total: null, used: null }
      b.groups.set(key, g)
    }
    g.count++
    g.last = time ?? g.last
    if (m.args['size'] !== undefined) g.sizes.set(num('size'), (g.sizes.get(num('size')) ?? 0) + 1)
    if (m.id === 'full') {
      g.total = num('total')
      b.total = num('total')
      g.used = g.used ? [Math.min(g.used[0], num('used')), Math.max(g.used[1], num('used'))] : [num('used'), num('used')]
    }
  }

  /** Whether most of what was read is no text at all. */
  get looksBinary(): boolean {
    return this.binary > 0 && this.binary * 2 > this.lines
  }

  /** Lines read so far. */
  get count(): number {
    return this.lines
  }

  /** What it all means. */
  explain(facts: LogFacts = {}): LogExplanation {
    if (this.held !== null) this.message(this.held, this.lines)
    this.held = null
    const b = this.boots.findLast((x) => x.groups.size > 0) ?? (this.boots.at(-1) as Boot)
    return explainBoot(b, facts, { lines: this.lines, understood: this.understood, boots: this.boots.length })
  }
}

function causeOf(m: ReadMessage): LogCause {
  const num = (key: string): number => Number(m.args[key] ?? 0)
  const id: MessageId = m.id
  switch (id) {
    case 'full':
      return fullCause(num('size'), num('total'), num('used'))
    case 'full_old':
    case 'out_of_space_old':
      return num('size') > LARGEST_MAPPING ? 'too_large' : 'full_unknown'
    case 'no_pool':
    case 'no_pool_panic':
      return 'no_pool'
    case 'swiotlb_overflow':
      return aliasBit(num('addr'), num('size'), limitOf(m)) === null ? 'mask' : 'alias'
    case 'dma_overflow':
    case 'overflow_old':
      return 'unreachable'
    case 'bounce_overflow':
      return 'bounce_overflow'
    case 'decrypt_failed':
      return 'decrypt_failed'
    default:
      return 'atomic_pool'
  }
}

const limitOf = (m: { args: ReadMessage['args'] }): number => {
  const mask = Number(m.args['mask'] ?? 0)
  const bus = Number(m.args['limit'] ?? 0)
  return bus === 0 ? mask : mask === 0 ? bus : Math.min(mask, bus)
}

/** The top bit of an address that fits the limit without it: the shared alias of a realm, or a C-bit. Null when it would not fit either. */
function aliasBit(addr: number, size: number, limit: number): number | null {
  const bit = Math.floor(Math.log2(Math.max(addr, 1)))
  const plain = addr - 2 ** bit
  return bit >= 32 && plain > 0 && plain + size - 1 <= limit ? bit : null
}

const list = (sizes: Map<number, number>): string => {
  const all = [...sizes].sort((a, b) => b[1] - a[1] || a[0] - b[0])
  return `${all.slice(0, 4).map(([s, n]) => `${s} bytes${n > 1 ? ` x${n}` : ''}`).join(', ')}${all.length > 4 ? ` and ${all.length - 4} other sizes` : ''}`
}

function describe(g: Group): string {
  const who = g.device === '' ? 'a device' : g.device
  const sizes = list(g.sizes)
  const largest = Math.max(0, ...g.sizes.keys())
  const n = nr_slots(largest)
  const usedText = g.used && g.total !== null ? `${g.used[0] === g.used[1] ? g.used[0] : `${g.used[0]} to ${g.used[1]}`} of ${g.total} slots in use` : ''
  switch (g.cause) {
    case 'pool_full': return `${who} could not map ${sizes}: ${usedText}, fewer left than the request needs`
    case 'fragmented': return `${who} could not map ${sizes}: ${usedText}; enough are free, but not in one row inside a segment of 128 slots (a mapping of ${largest} bytes needs ${n} in a row${n === IO_TLB_SEGSIZE ? ', a whole free segment' : ''})`
    case 'too_large': return `${who} asked for ${sizes} in one mapping; ${largest} bytes can never bounce, 256 KiB (128 slots) is the most${usedText ? ` (${usedText})` : ''}`
    case 'placement': return `${who} could not map ${sizes} although with ${usedText} some segment must have had ${n} free in a row: either no position fits the device's min_align_mask and segment boundary, or many slots were given back between the search and the message`
    case 'full_unknown': return `${who} could not map ${sizes}; this kernel (before 5.1) does not print how full the pool was`
    case 'no_pool': return `${who} must bounce and there is no pool`
    case 'mask': return `${who}: the bounce at ${hex(Number(g.args['addr']))} (${sizes}) lies beyond what the device can address (mask ${hex(Number(g.args['mask']))}, bus limit ${hex(Number(g.args['limit']))}; 0: none)`
    case 'alias': {
      const bit = aliasBit(Number(g.args['addr']), Number(g.args['size']), limitOf(g)) ?? 0
      return `${who}: the bounce at ${hex(Number(g.args['addr']))} carries the address bit ${bit} (the shared alias or C-bit), which the device's mask ${hex(limitOf(g))} cannot express; without it the address would fit`
    }
    case 'unreachable': return `${who}: memory at ${hex(Number(g.args['addr']))} (${sizes}) cannot be given to the device (mask ${hex(Number(g.args['mask']))}, bus limit ${hex(Number(g.args['limit']))}; 0: none) and ${g.id === 'overflow_old' ? 'bouncing it failed, or there was no pool to bounce through' : 'there was no pool to bounce through'}`
    case 'bounce_overflow': return `${who} synced ${sizes} of a mapping of ${Number(g.args['alloc'])} bytes; the copy was clipped`
    case 'decrypt_failed': return 'the default pool could not be made shared with the host; all its slots are marked used, so that every bounce fails'
    case 'atomic_pool': return `${who}: an allocation that may not sleep found no atomic pool with room and the right address`
  }
}

function explainBoot(b: Boot, facts: LogFacts, read: { lines: number; understood: number; boots: number }): LogExplanation {
  const groups = [...b.groups.values()]
  const notes: string[] = []
  const advice: string[] = []
  const record: Array<{ what: string; run: readonly string[] }> = []
  const has = (...causes: LogCause[]): boolean => groups.some((g) => causes.includes(g.cause))
  if (read.boots > 1) notes.push(`the log holds ${read.boots} boots; this is about the last one${groups.length > 0 ? ' with failures' : ''}`)

  const kernelText = facts.kernel ?? b.kernel
  const kernel = kernelText === null ? null : parseSizingKernel(kernelText)
  const cmdline = facts.cmdline ?? b.cmdline
  const platform = facts.platform ?? b.platform
  const ram = facts.ram ?? b.ram
  const cpus = facts.cpus ?? b.cpus ?? b.areas

  // The pool as it is, and why: the rules must give what the log shows, else they are not used.
  const mappedBytes = b.mapped ? b.mapped.end - b.mapped.start : null
  const slots = mappedBytes !== null ? mappedBytes / IO_TLB_SIZE : b.total
  const grown = b.total !== null && mappedBytes !== null && b.total * IO_TLB_SIZE > mappedBytes
  const areas = b.areas !== null && slots !== null ? Math.max(1, Math.min(b.areas, Math.floor(slots / IO_TLB_SEGSIZE))) : null
  const low_ram = b.ranges.length > 0 ? b.ranges.reduce((n, [from, to]) => n + Math.max(0, Math.min(to + 1, 4 * GiB) - from), 0) : undefined
  const request: SizingRequest | null = kernel && ram !== null ? {
    ram, platform: platform ?? 'none', ...(b.arch ? { arch: b.arch } : {}), kernel: kernel.name, cpus: cpus ?? 1, cmdline: cmdline ?? '', ...(low_ram === undefined ? {} : { low_ram })
  } : null
  const sized = request ? sizePool(request) : null
  let limited_by: string | null = null
  if (b.halved) limited_by = `low memory: ${sizeText(b.halved.from * IO_TLB_SIZE)} could not be had in one piece`
  else if (sized?.ok && slots !== null && sized.value.slots === slots) limited_by = sized.value.limited_by
  else if (slots !== null && cmdline !== null && kernel) {
    const p = parseSwiotlbParam(cmdline, kernel.version)
    if (p.nslabs !== null && p.nslabs <= slots && slots < 2 * p.nslabs) limited_by = 'command line'
  }
  if (limited_by === null && slots === 524288 && (platform === 'amd-sev-snp' || platform === 'intel-tdx')) limited_by = '1 GiB clamp or 6% of RAM'
  if (cmdline !== null && kernel) notes.push(...parseSwiotlbParam(cmdline, kernel.version).notes)

  // What to do.
  if (has('too_large')) {
    advice.push('No pool size helps against requests above 256 KiB: make the driver ask for less at once (it should respect dma_max_mapping_size(), which it reads at probe). For a block device lower /sys/block/DEV/queue/max_sectors_kb to 256 or less (252 for nvme); for others look for a parameter of the largest transfer or segment.')
  }
  if (has('pool_full', 'fragmented', 'full_unknown', 'decrypt_failed')) {
    const full = groups.filter((g) => g.cause === 'pool_full' || g.cause === 'fragmented')
    const least = Math.max(0, ...full.map((g) => (g.used?.[1] ?? 0) + nr_slots(Math.max(0, ...g.sizes.keys()))))
    if (!has('decrypt_failed')) advice.push(bigger(slots, least, request, sized?.ok === true ? sized.value.slots : null))
  }
  if (has('fragmented')) {
    const large = Math.max(0, ...groups.filter((g) => g.cause === 'fragmented').flatMap((g) => [...g.sizes.keys()]))
    if (nr_slots(large) > 32) advice.push(`Requests of ${nr_slots(large)} slots in a row are the hardest to place: making them smaller (block devices: queue/max_sectors_kb) needs less pool than making room for them.`)
    if (areas !== null && areas > 1) advice.push(`The pool is split into ${areas} areas; all are searched before a request fails, so fewer areas do not help against fragmentation.`)
  }
  if (has('pool_full', 'fragmented') && kernel !== null && kernel.version >= kernelVersion(6, 6)) advice.push('A kernel built with CONFIG_SWIOTLB_DYNAMIC=y lets the pool grow at run time (zgrep SWIOTLB_DYNAMIC /proc/config.gz).')
  if (has('placement')) advice.push("Compare the device's limits with the request: a segment boundary (dma_get_seg_boundary) smaller than the mapping, or a min_align_mask that no free position meets, refuses it at any fill level. If several devices were busy, the pool may have been full for an instant: see what to record.")
  if (has('no_pool')) {
    const p = cmdline !== null && kernel ? parseSwiotlbParam(cmdline, kernel.version) : null
    if (p?.noforce) advice.push('Remove swiotlb=noforce from the command line: this machine needs a pool.')
    else if (b.allocFailed || b.halved) advice.push(`The pool could not be allocated at boot: ask for less, for example swiotlb=131072 (256 MiB)${kernel && kernel.version < kernelVersion(6, 2) ? '; kernels from 6.2 on try less by themselves' : ''}.`)
    else advice.push('Look at the boot lines beginning with "software IO TLB": either the allocation failed (ask for less with swiotlb=SLOTS) or nothing enabled the pool (swiotlb=force does, and makes every device bounce).')
  }
  if (has('mask')) advice.push('The pool lies too high for this device. The default pool is placed below 4 GiB; a device with a smaller mask needs a restricted pool of its own in memory it can reach (firmware: restricted-dma-pool), or a driver that sets a larger mask.')
  if (has('alias')) advice.push('The shared alias of memory has the top address bit set. Either the device takes a larger mask, or the virtual machine is given a smaller address width (the VMM decides it), so that the bit lies within the mask.')
  if (has('unreachable')) {
    const cc = platform !== null && ['arm-cca', 'amd-sev-snp', 'intel-tdx', 's390-pv'].includes(platform)
    if (cc && kernel?.noForce) advice.push('On this kernel the same message also means a state mismatch: the device reaches only shared memory and the mapping is not shared (for example plain MMIO). tbit explain dma shows which.')
    advice.push('If the device cannot address all RAM it needs a pool: remove swiotlb=noforce and iommu=off, or set its driver to a larger DMA mask.')
  }
  if (has('bounce_overflow')) advice.push('This is a bug of the driver: it syncs or unmaps more than it mapped. Report it with the stack trace below the message.')
  if (has('decrypt_failed')) advice.push('The host refused to share the pool\'s memory. Look for errors of the hypervisor or firmware at boot; a smaller pool (swiotlb=SLOTS) may be shared where a large one is not.')
  if (has('atomic_pool')) advice.push('Enlarge the atomic pools with coherent_pool=SIZE, or let the driver allocate where it may sleep.')

  // Signs of a leak: always (nearly) full over a long time.
  const steady = groups.filter((g) => g.cause === 'pool_full' && g.used && g.total !== null && g.used[0] >= 0.98 * g.total && g.first !== null && g.last !== null && g.last - g.first >= 60)
  if (steady.length > 0) advice.push('The pool stays full for a minute or more. If io_tlb_used does not fall when the load stops, mappings are leaked by a driver; then a larger pool only delays the failure.')

  // What to record.
  const saw = (what: string, ...run: string[]): void => { record.push({ what, run }) }
  if (groups.length > 0) {
    if (has('pool_full', 'fragmented', 'placement', 'full_unknown')) {
      saw('how full the pool is and was at most', 'grep . /sys/kernel/debug/swiotlb/io_tlb_nslabs /sys/kernel/debug/swiotlb/io_tlb_used /sys/kernel/debug/swiotlb/io_tlb_used_hiwater')
      if (kernel !== null && kernel.version >= kernelVersion(7, 3)) saw('this kernel counts the high-water mark only with swiotlb=...,track_hiwater on the command line')
    }
    if (has('pool_full', 'fragmented', 'placement', 'full_unknown', 'mask', 'alias', 'too_large')) {
      if (kernel === null || kernel.version >= kernelVersion(6, 12)) {
        saw(`who maps what, how much bounces, and how large the pool must be${kernel === null ? ' (events/dma came with 6.12)' : ''}`,
          'echo 1 > /sys/kernel/tracing/events/swiotlb/enable; echo 1 > /sys/kernel/tracing/events/dma/enable',
          'cat /sys/kernel/tracing/trace_pipe > trace.txt     (during the load)',
          'tbit replay trace.txt --dmesg dmesg.txt --what-if pool=SLOTS')
      } else saw('which devices bounce (the events of the DMA API itself came with 6.12)', 'echo 1 > /sys/kernel/tracing/events/swiotlb/enable', 'cat /sys/kernel/tracing/trace_pipe > trace.txt     (during the load)')
    }
    if (has('placement', 'alias', 'mask')) saw("the device's limits: its driver's calls of dma_set_mask, dma_set_min_align_mask and dma_set_seg_boundary")
  }
  if (b.boot.length === 0 && b.mapped === null) saw('the boot lines, from the start: at least those with "software IO TLB", "Command line" and "Memory:"', 'journalctl -k -b > dmesg.txt')
  if (b.ram === null && facts.ram === undefined && groups.length > 0) notes.push('the log has no memory line: give --ram, --platform and --kernel for advice about sizes')

  const limits = [...new Set(groups.map((g) => causeLimit[g.cause]))]
  if (b.halved || b.allocFailed) limits.push(`low memory: ${b.halved ? `${sizeText(b.halved.from * IO_TLB_SIZE)} could not be had in one piece, the pool is ${sizeText(b.halved.to * IO_TLB_SIZE)}` : 'the pool could not be allocated at boot'}`)
  else if (limited_by !== null && has('pool_full', 'fragmented')) limits.push(`the pool has its size from: ${limited_by}`)
  if (platform === null && limited_by === null && slots === 524288 && has('pool_full', 'fragmented')) limits.push('1 GiB clamp, if this is a SEV or TDX guest: a pool of exactly 1 GiB is the most such a guest gives itself; a larger one must be asked for and fit below 4 GiB')
  const ratelimited = groups.filter((g) => messageTable[g.id].rate === 'ratelimited').reduce((n, g) => n + g.count, 0)
  if (b.suppressed > 0) limits.push(`rate-limited messages: ${b.suppressed} more were not printed`)
  if (ratelimited > 0) {
    notes.push(`${ratelimited < 10 && b.suppressed === 0 ? 'fewer than ten messages: none was dropped by rate limiting' : 'the counts are lower bounds: the kernel prints 10 such messages in 5 seconds and drops the rest, and tells how many only when messages come again'}; mappings with DMA_ATTR_NO_WARN (nvme's scatter-gather lists) never print`)
  }
  if (grown) notes.push(`the pool has grown since boot: ${b.total} slots, ${(mappedBytes ?? 0) / IO_TLB_SIZE} at boot (CONFIG_SWIOTLB_DYNAMIC)`)
  if (sized?.ok === false && platform !== null) notes.push(sized.error)
  else if (sized?.ok && slots !== null && sized.value.slots !== slots && !grown && !b.halved) notes.push(`by the rules of ${kernel?.name} this machine${platform === null ? ' (taken for one without encrypted memory; give --platform)' : ''} would have ${sized.value.slots} slots (${sized.value.limited_by}); the log shows ${slots}`)

  const failures = groups.map((g): LogFailure => ({
    cause: g.cause, limit: causeLimit[g.cause], device: g.device, count: g.count, line: g.line, first: g.first, last: g.last,
    sizes: [...g.sizes].map(([bytes, count]) => ({ bytes, count })).sort((x, y) => y.count - x.count || x.bytes - y.bytes),
    total: g.total, used: g.used, text: describe(g), message: g.message
  }))
  return {
    lines: read.lines, understood: read.understood, boots: read.boots, kernel: kernelText, platform, cmdline, ram, cpus,
    pool: slots === null ? null : { slots, bytes: slots * IO_TLB_SIZE, areas, start: b.mapped?.start ?? null, end: b.mapped?.end ?? null, limited_by, grown },
    failures, suppressed: b.suppressed, boot: b.boot, limits, advice, record, notes
  }
}

// How to get a larger pool: by the rules when they explain the present one, else the plain doubling.
function bigger(slots: number | null, least: number, request: SizingRequest | null, byRules: number | null): string {
  if (slots === null) return 'Ask for a larger pool: swiotlb=SLOTS (2 KiB each) on the command line; the pool has 32768 when nothing is said.'
  const need = least > slots ? `more than ${slots} slots (at least ${least} at the failed request)` : `more room than ${slots} slots have`
  const want = slots * IO_TLB_SIZE * 2
  const plain = `The load needs ${need}; the log cannot tell how much. Double it and watch io_tlb_used_hiwater`
  if (request === null || byRules !== slots) return `${plain}: swiotlb=${slots * 2} (${sizeText(want)}) on the command line, if that much is free in one piece below 4 GiB.`
  const a = advise(request, want)
  if (!a.ok) return `${plain}: swiotlb=${slots * 2} (${sizeText(want)}).`
  const v: Advice = a.value
  return v.reachable ? `${plain}: ${v.setting} on the command line gives ${sizeText(v.gives.bytes)}.` : `The load needs ${need}, and no setting gives ${sizeText(want)}: ${v.why}`
}
