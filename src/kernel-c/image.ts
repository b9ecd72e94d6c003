// A built kernel is one wasm file; what the build knows about it travels in a section of its own.
import type { Decisions } from '../kernel/index.ts'
import { Wasm, type WasmModule } from '../base/wasm.ts'

/** Name of the custom section that holds a KernelMeta as JSON. */
export const IMAGE_SECTION = 'tbit.kernel'

export interface KernelMeta {
  readonly format: 1
  /** Version of the tree, `6.12.117`. */
  readonly version: string
  /** The tree as the user named it. */
  readonly tree: string
  readonly arch: string
  readonly profile: string
  /** Kconfig symbols in force, without CONFIG_. */
  readonly config: readonly string[]
  /** Files of the tree that went in, unmodified. */
  readonly files: readonly string[]
  /** How many headers of the tree it was compiled against. */
  readonly headers: number
  /** Fields of struct device by number. */
  readonly fields: readonly string[]
  /** Predicates of a device that the tree keeps outside struct device, by flag number. */
  readonly flagFunctions: readonly string[]
  /** Bits of DMA_ATTR_ by name without prefix. */
  readonly attributes: Readonly<Record<string, number>>
  /** What the tree's text decides of the facts in which kernels differ; absent in an image that is older than this. */
  readonly decisions?: Partial<Decisions>
  /** Functions the tree calls and nobody provides: calling one is a fault that names it. */
  readonly unresolved: readonly string[]
  readonly notes: readonly string[]
  /** Values that nobody told the build: a verdict that goes through such a call rests on them. */
  readonly assumptions: ReadonlyArray<{
    readonly call: string
    readonly parameter: string
    readonly value: string
    readonly file: string
  }>
  /** Hash of everything that went in. */
  readonly content: string
  readonly has: {
    readonly mapPhys: boolean
    readonly hiwater: boolean
    readonly padSlots: boolean
    readonly coherentPool: boolean
    readonly restricted: boolean
    /** dma-iommu, over the machine's vIOMMU. */
    readonly iommu: boolean
    readonly dynamic: boolean /** used and hiwater are counted only when the command line asks for it. */
    readonly trackHiwater: boolean /** The architecture knows realms (is_realm_world). */
    readonly realm: boolean
  }
}

/** Reads the section; null when the bytes are no kernel image of this format. */
export function kernelMeta(module: WasmModule): KernelMeta | null {
  const s = Wasm.Module.customSections(module, IMAGE_SECTION)[0]
  if (!s) return null
  try {
    const m = JSON.parse(new TextDecoder().decode(s)) as KernelMeta
    return m.format === 1 ? m : null
  } catch {
    return null
  }
}
