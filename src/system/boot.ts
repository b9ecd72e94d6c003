// The library's front door: a guest that boots and can be used. The same kernel functions as under the checker run here
// at once, on real bytes; devices move bytes through the IOMMU and the protection checks, and the host sees what the
// platform lets it see.
import { Bytes, MiB, nearest, PAGE_SIZE } from '../base/index.ts'
import { OneStore, runOn, type Action, type Finding } from '../step/index.ts'
import {
  type ByteContent,
  defaultConfig,
  defaultDevice,
  type DeviceConfig,
  type DmaResult,
  type MachineConfig,
  type MmioConfig,
  platformByName,
  platforms
} from '../machine/index.ts'
import {
  type AdminOp,
  adminOperations,
  ATTR,
  DIR,
  flagStorage,
  memoryEncryptReported,
  noMeaning,
  revisionByName,
  revisions,
  SLOT_SIZE
} from '../kernel/index.ts'
import { formatMessage } from '../kernel/messages.ts'
import { KernelLog } from './kernel-log.ts'
import { System } from './system.ts'
import { errnoName, isErr, type MappingObject } from './values.ts'

/** What a read gets that nothing answers. */
const ALL_ONES = 0xff

export interface BootOptions {
  /** `arm-cca`, `amd-sev-snp`, ... */
  readonly platform: string
  /** `linux-6.15`, `rfc-v1`, `cc-v8`, ... */
  readonly kernel: string
  /** Bytes or text such as `64M`. Default 16M. */
  readonly ram?: number | string
  /** Slots of 2 KiB in the default bounce pool. Default: that of a scene. */
  readonly swiotlb?: number
  readonly areas?: number
  readonly cmdline?: string
  readonly cpus?: number
  readonly devices: ReadonlyArray<Partial<DeviceConfig> & { readonly name: string }>
  readonly mmios?: readonly MmioConfig[]
  /** Switches of the machine by name. */
  readonly config?: Partial<MachineConfig>
}

/** The guest kernel went down in a call: what panicked and where. */
export class KernelCrash extends Error {
  constructor(readonly finding: Finding) {
    super(`${finding.site}: ${finding.summary}`)
  }
}

export type Direction = keyof typeof DIR
export type Attribute = keyof typeof ATTR

/** Something the guest holds: a page, a buffer, a mapping. `error` is the errno's name when the call failed. */
export interface Held {
  readonly value: number
  readonly error: string | null
}

/** What a device's or the host's access came to. */
export interface Access {
  readonly outcome: string
  readonly rule: string
  readonly note: string
  readonly bytes: Uint8Array
}

const bytesOf = (data: Uint8Array | string): Uint8Array =>
  typeof data === 'string' ? new TextEncoder().encode(data) : data

/** @throws RangeError for a name that is not known, with the nearest that are */
function unknown(what: string, name: string, known: readonly string[]): never {
  throw new RangeError(
    `unknown ${what} '${name}'` +
      `${nearest(name, known).length ? `: did you mean ${nearest(name, known).join(' or ')}?` : ''}`
  )
}

export class Guest {
  readonly log: KernelLog
  private readonly st: OneStore
  private readonly content: ByteContent
  /** Copies made by bouncing, in bytes, by device. */
  readonly bounced = new Map<string, number>()

  constructor(readonly system: System) {
    this.log = new KernelLog(system.kernel.rev.base, system.kernel.config.cpus)
    this.log.next = {
      event: (_st, e) => {
        if (e.kind === 'bounce') {
          const n = system.kernel.devices[e.dev]?.name ?? ''
          this.bounced.set(n, (this.bounced.get(n) ?? 0) + e.bytes)
        }
      }
    }
    system.kernel.observer = this.log
    system.kernel.logging = true
    this.content = system.content as ByteContent
    this.st = new OneStore(system.layout.totalWords)
    system.reset(this.st)
    const mem = system.kernel.default_mem
    this.log.printk(`tbit: ${system.kernel.rev.name} on ${system.machine.platform.name}`)
    this.call(() => system.boot())
    if (mem !== null)
      this.log.printk(
        formatMessage('mapped', { start: mem.start, end: mem.end, mb: Math.floor((mem.nslabs * SLOT_SIZE) / MiB) })
      )
  }

  private call<T>(fn: () => T): T {
    const before = this.st.findings.length
    try {
      return runOn(
        this.st,
        fn,
        () => 0,
        (_a: Action) => {
          this.log.time++
        }
      )
    } catch (e) {
      const fatal = this.st.findings.slice(before).find((f) => f.fatal)
      if (fatal) throw new KernelCrash(fatal)
      throw e
    }
  }

  private held(value: number): Held {
    return { value, error: isErr(value) ? errnoName(value) : null }
  }
  private index(name: string): number {
    const i = this.system.kernel.devices.findIndex((d) => d.name === name)
    if (i < 0) throw new RangeError(`no device '${name}': ${this.system.kernel.devices.map((d) => d.name).join(', ')}`)
    return i
  }
  private bits(attrs: readonly Attribute[]): number {
    return attrs.reduce((m, a) => m | ATTR[a], 0)
  }

  /**
   * What the properties of design noticed on the way (faults, WARNs, crashes); a run is not a proof of their absence.
   */
  get findings(): readonly Finding[] {
    return this.st.findings
  }

  alloc_page(): Held {
    return this.held(this.call(() => this.system.alloc_page(false)))
  }
  free_page(p: Held): void {
    this.call(() => this.system.free_page(p.value))
  }
  kmalloc(size: number): Held {
    return this.held(this.call(() => this.system.kmalloc(size)))
  }
  kfree(b: Held): void {
    this.call(() => this.system.kfree(b.value))
  }

  /** The CPU writes through its own mapping. @throws KernelCrash when the access aborts */
  write(x: Held, data: Uint8Array | string, offset = 0): void {
    const { phys } = this.system.range(x.value)
    this.cpu(phys + offset, bytesOf(data).length, true)
    this.content.write(phys + offset, bytesOf(data))
  }
  /** The CPU reads. @throws KernelCrash when the access aborts */
  read(x: Held, length: number, offset = 0): Uint8Array {
    const { phys } = this.system.range(x.value)
    this.cpu(phys + offset, length, false)
    return this.content.bytes(phys + offset, length)
  }
  private cpu(at: number, n: number, write: boolean): void {
    const r = this.system.machine.cpuAccess(this.st, at, n, write)
    if (r === 'abort' || r === 'invalid')
      throw new KernelCrash({
        property: 'crash',
        site: 'cpu',
        decision: r,
        summary: `the CPU's access to 0x${at.toString(16)} aborts`,
        fatal: true
      })
  }

  dma_map_single(dev: string, x: Held, dir: Direction, ...attrs: Attribute[]): Held {
    return this.held(
      this.call(() => this.system.dma_map_single(0, this.index(dev), x.value, DIR[dir], this.bits(attrs)))
    )
  }
  dma_unmap_single(_dev: string, h: Held): void {
    this.call(() => this.system.dma_unmap_single(h.value))
  }
  dma_sync_for_cpu(h: Held): void {
    this.call(() => this.system.dma_sync(h.value, -1, true))
  }
  dma_sync_for_device(h: Held): void {
    this.call(() => this.system.dma_sync(h.value, -1, false))
  }
  dma_alloc_coherent(dev: string, size: number, ...attrs: Attribute[]): Held {
    return this.held(
      this.call(() => this.system.dma_alloc(0, this.index(dev), size, false, this.bits(attrs), false, 0))
    )
  }
  dma_free_coherent(_dev: string, b: Held): void {
    this.call(() => this.system.dma_free(b.value))
  }
  set_memory_decrypted(x: Held): number {
    return this.call(() => this.system.set_memory(x.value, true))
  }
  set_memory_encrypted(x: Held): number {
    return this.call(() => this.system.set_memory(x.value, false))
  }

  /**
   * `tsm_lock`, `tsm_accept`, `tsm_unlock`, `bind`, `unbind`, ...: 0 or the errno's name.
   * @throws RangeError for any other name
   */
  admin(op: AdminOp, dev: string): 0 | string {
    if (!Object.hasOwn(adminOperations, op)) unknown('operation', op, Object.keys(adminOperations))
    const rc = this.call(() => this.system.admin(op, this.index(dev)))
    this.log.printk(`${op} ${dev}: ${rc === 0 ? 'ok' : errnoName(rc)}`)
    return rc === 0 ? 0 : errnoName(rc)
  }

  /** DEV.tdi, DEV.accepted and DEV.tsm of the language. */
  state(dev: string): { tdi: string; accepted: boolean; tsm: string } {
    const i = this.index(dev)
    return {
      tdi: this.system.tdiName(this.st, i),
      accepted: this.system.believed(this.st, i),
      tsm: this.system.tsmName(this.st, i)
    }
  }

  isBounced(h: Held): boolean {
    return this.system.isBounced(h.value)
  }
  isShared(x: Held): boolean {
    return this.system.isShared(this.st, x.value)
  }
  /** The handle's bus address, alias bit included. */
  handle(h: Held): number {
    const o = this.system.objects.get(h.value)
    return o.kind === 'coherent' || o.kind === 'pages' ? o.buffer.handle : (o as MappingObject).handle
  }

  /** A DMA read by the device at a handle: what it got, and the rule that decided. */
  dev_read(dev: string, h: Held, length: number): Access {
    return this.dma(dev, h, new Uint8Array(length), false)
  }
  /** A DMA write by the device. */
  dev_write(dev: string, h: Held, data: Uint8Array | string): Access {
    return this.dma(dev, h, bytesOf(data), true)
  }

  private dma(dev: string, h: Held, data: Uint8Array, write: boolean): Access {
    const m = this.system.machine
    const i = this.index(dev)
    const out = write ? data : new Uint8Array(data.length).fill(ALL_ONES)
    const r = m.dma(this.st, i, this.handle(h), data.length, write, 'tee', (q: DmaResult, at, n) => {
      if (write) {
        if (q.outcome === 'ok') this.content.write(q.phys, data.subarray(at, at + n))
      } else if (q.outcome === 'ok') out.set(this.content.bytes(q.phys, n), at)
      else if (q.outcome === 'cipher') out.set(ciphertext(this.content.bytes(q.phys, n), q.phys), at)
    })
    this.log.time++
    if (r.outcome.startsWith('fault:'))
      this.log.printk(
        `${dev}: DMA ${write ? 'write' : 'read'} at 0x${this.handle(h).toString(16)}: ${r.outcome.slice(6)} (${r.note})`
      )
    return { outcome: r.outcome, rule: r.rule, note: r.note, bytes: out }
  }

  /** The host looks at the memory under `x` (of a mapping: at the slot the device uses). */
  host_read(x: Held, length: number): Access {
    const { phys } = this.system.range(x.value)
    const m = this.system.machine
    if (m.hostReaches(this.st, Math.floor(phys / PAGE_SIZE)) || !m.platform.guest)
      return {
        outcome: 'ok',
        rule: 'host',
        note: 'the host reaches this page',
        bytes: this.content.bytes(phys, length)
      }
    const r = m.platform.hostReadPrivate(m.config)
    const bytes =
      r === 'cipher' ? ciphertext(this.content.bytes(phys, length), phys) : new Uint8Array(length).fill(ALL_ONES)
    return {
      outcome: r,
      rule: 'host',
      note: r === 'fault' ? 'the access faults' : r === 'cipher' ? 'ciphertext' : 'all ones',
      bytes
    }
  }
}

// What a reader without the key sees: a keyed scramble, the same for the same bytes at the same place.
function ciphertext(plain: Uint8Array, at: number): Uint8Array {
  return plain.map((b, i) => {
    let h = Math.imul((at + i) >>> 3, 0x9e3779b1) ^ Math.imul(b + 1, 0x85ebca6b)
    h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35)
    return (h >>> 17) & 255
  })
}

/**
 * Boots a guest.
 * @throws RangeError for a name or size that is not known; the message says the nearest
 *
 * @example
 * const guest = boot({ platform: 'arm-cca', kernel: 'cc-v8', devices: [{ name: 'nic' }] })
 * const page = guest.alloc_page()
 * guest.dma_map_single('nic', page, 'TO_DEVICE')
 */
export function boot(o: BootOptions): Guest {
  const platform =
    platformByName(o.platform) ??
    unknown(
      'platform',
      o.platform,
      platforms.map((p) => p.name)
    )
  const revision =
    revisionByName(o.kernel) ??
    unknown(
      'kernel',
      o.kernel,
      revisions.map((r) => r.name)
    )
  const reason = noMeaning(revision, platform)
  if (reason !== null) throw new RangeError(reason)
  const ram = typeof o.ram === 'string' ? Bytes.parse(o.ram) : (o.ram ?? defaultConfig.ram)
  if (ram === null || ram <= 0 || ram % PAGE_SIZE !== 0)
    throw new RangeError(`ram must be a size in whole pages, such as 64M`)
  const slots = o.swiotlb ?? defaultConfig.swiotlb_slots
  if (slots * SLOT_SIZE > ram / 2) throw new RangeError(`a bounce pool of ${slots} slots is larger than half of memory`)
  const config: MachineConfig = {
    ...defaultConfig,
    ram,
    swiotlb_slots: slots,
    swiotlb_areas: o.areas ?? 1,
    cmdline: o.cmdline ?? '',
    cpus: o.cpus ?? 1,
    flag_storage: flagStorage(revision, platform),
    memory_encrypt_reported: memoryEncryptReported(revision, platform),
    ...o.config
  }
  const devices = o.devices.map((d) => ({ ...defaultDevice, ...d }))
  return new Guest(new System({ platform, revision, config, devices, mmios: o.mmios ?? [], content: 'bytes' }))
}
