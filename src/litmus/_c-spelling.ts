// The kernel's own spellings, and what the language makes of them: DMA_TO_DEVICE, DMA_ATTR_*, gfp flags, `&handle`,
// DMA_BIT_MASK(32), and the prototypes of include/linux/dma-mapping.h with their sizes, offsets and counts. What the
// language leaves out on purpose is dropped where it says nothing new; where it would mean something else than the
// language does, the resolver names it.
import type { Token } from './_lex.ts'
import type { RawCall, RawExpr } from './_syntax.ts'
import { attributeNames, directionNames, functionNames, operationByName, type OpWord } from './vocabulary.ts'

// ---- words ---------------------------------------------------------------------------------------------------------

/**
 * Flags of an allocation that change nothing here: the model zeroes what the kernel zeroes, and memory is there or it
 * is not.
 */
const SILENT_GFP: ReadonlySet<string> = new Set([
  'GFP_KERNEL',
  'GFP_KERNEL_ACCOUNT',
  'GFP_USER',
  'GFP_NOIO',
  'GFP_NOFS',
  '__GFP_ZERO',
  '__GFP_COMP',
  '__GFP_NORETRY',
  '__GFP_RETRY_MAYFAIL',
  '__GFP_NOFAIL',
  '__GFP_MEMALLOC'
])
/** Flags that do not block. */
const ATOMIC_GFP: ReadonlySet<string> = new Set(['GFP_ATOMIC', 'GFP_NOWAIT'])
/**
 * Zones: dma_alloc_attrs() masks them out, since the coherent mask decides; dma_alloc_pages() warns of them and fails.
 */
const ZONE_GFP: ReadonlySet<string> = new Set(['GFP_DMA', 'GFP_DMA32', '__GFP_DMA', '__GFP_DMA32', '__GFP_HIGHMEM'])
/** Attributes of the kernel that change nothing that is modelled. */
const SILENT_ATTRIBUTES: ReadonlySet<string> = new Set([
  'WEAK_ORDERING',
  'WRITE_COMBINE',
  'FORCE_CONTIGUOUS',
  'ALLOC_SINGLE_PAGES',
  'PRIVILEGED'
])

/**
 * What a word of the kernel is in the language. `nothing`: it may stand there and changes nothing, with a reason where
 * one may think it does.
 */
export type Spelled =
  | { readonly kind: 'direction' | 'option'; readonly word: string }
  | { readonly kind: 'nothing'; readonly why?: string }
  | { readonly kind: 'refused'; readonly why: string }

/** The meaning of a kernel's word behind the arguments of `op`; null: it is none. */
export function spelled(word: string, op: OpWord): Spelled | null {
  if (SILENT_GFP.has(word)) return { kind: 'nothing' }
  if (ATOMIC_GFP.has(word))
    return op.options.includes('ATOMIC') ? { kind: 'option', word: 'ATOMIC' } : { kind: 'nothing' }
  if (word === '__GFP_NOWARN')
    return op.options.includes('NO_WARN') ? { kind: 'option', word: 'NO_WARN' } : { kind: 'nothing' }
  if (ZONE_GFP.has(word)) {
    return op.name === 'dma_alloc_pages'
      ? { kind: 'refused', why: `dma_alloc_pages() warns of ${word} and fails: the coherent mask chooses the zone` }
      : { kind: 'nothing', why: `${word} changes nothing: the coherent mask chooses the zone` }
  }
  const bare = /^(?:DMA_ATTR_|__DMA_ATTR_)(\w+)$/.exec(word)?.[1]
  if (bare !== undefined) {
    if (word.startsWith('__')) return { kind: 'refused', why: `${word} is the DMA API's own: no caller says it` }
    if (SILENT_ATTRIBUTES.has(bare)) return { kind: 'nothing', why: `${word} changes nothing that is modelled` }
    return attributeNames.has(bare) ? { kind: 'option', word: bare } : null
  }
  const direction = directionOf(word)
  return direction === null || direction === word ? null : { kind: 'direction', word: direction }
}

/** TO_DEVICE of DMA_TO_DEVICE and of itself; null for a word that is no direction. */
export function directionOf(word: string): string | null {
  const bare = word.startsWith('DMA_') ? word.slice(4) : word
  return directionNames.has(bare) ? bare : null
}

const isFlagWord = (word: string): boolean =>
  SILENT_GFP.has(word) || ATOMIC_GFP.has(word) || ZONE_GFP.has(word) || word === '__GFP_NOWARN'
const isAttributeWord = (word: string): boolean => attributeNames.has(word) || /^(__)?DMA_ATTR_/.test(word)

// ---- prototypes ----------------------------------------------------------------------------------------------------

type Place =
  | 'dev'
  | 'x'
  | 'list'
  | 'size'
  | 'offset'
  | 'count'
  | 'dir'
  | 'gfp'
  | 'attrs'
  | '&handle'
  | 'handle'
  | 'mmio'
  | 'bits'

interface Prototype {
  readonly name: string
  /** The operation of the language that does it. */
  readonly op: string
  readonly places: readonly Place[]
}

const p = (name: string, op: string, ...places: Place[]): Prototype => ({ name, op, places })
/** A function, and its form with attributes. */
const withAttrs = (name: string, attrsName: string, op: string, ...places: Place[]): Prototype[] => [
  p(name, op, ...places),
  p(attrsName, op, ...places, 'attrs')
]

/** include/linux/dma-mapping.h, include/linux/set_memory.h, include/linux/gfp.h, include/linux/slab.h. */
export const prototypes: readonly Prototype[] = [
  ...withAttrs('dma_map_single', 'dma_map_single_attrs', 'dma_map_single', 'dev', 'x', 'size', 'dir'),
  ...withAttrs('dma_map_page', 'dma_map_page_attrs', 'dma_map_single', 'dev', 'x', 'offset', 'size', 'dir'),
  p('dma_map_phys', 'dma_map_single', 'dev', 'x', 'size', 'dir', 'attrs'),
  ...withAttrs('dma_unmap_single', 'dma_unmap_single_attrs', 'dma_unmap_single', 'dev', 'x', 'size', 'dir'),
  ...withAttrs('dma_unmap_page', 'dma_unmap_page_attrs', 'dma_unmap_single', 'dev', 'x', 'size', 'dir'),
  p('dma_unmap_phys', 'dma_unmap_single', 'dev', 'x', 'size', 'dir', 'attrs'),
  ...withAttrs('dma_map_sg', 'dma_map_sg_attrs', 'dma_map_sg', 'dev', 'list', 'count', 'dir'),
  ...withAttrs('dma_unmap_sg', 'dma_unmap_sg_attrs', 'dma_unmap_sg', 'dev', 'x', 'count', 'dir'),
  p('dma_unmap_sgtable', 'dma_unmap_sg', 'dev', 'x', 'dir', 'attrs'),
  p('dma_map_resource', 'dma_map_resource', 'dev', 'mmio', 'size', 'dir', 'attrs'),
  p('dma_unmap_resource', 'dma_unmap_resource', 'dev', 'x', 'size', 'dir', 'attrs'),
  ...(['cpu', 'device'] as const).flatMap((who) => [
    p(`dma_sync_single_for_${who}`, `dma_sync_for_${who}`, 'dev', 'x', 'size', 'dir'),
    p(`dma_sync_single_range_for_${who}`, `dma_sync_for_${who}`, 'dev', 'x', 'offset', 'size', 'dir'),
    p(`dma_sync_sg_for_${who}`, `dma_sync_for_${who}`, 'dev', 'x', 'count', 'dir'),
    p(`dma_sync_sgtable_for_${who}`, `dma_sync_for_${who}`, 'dev', 'x', 'dir')
  ]),
  p('dma_alloc_coherent', 'dma_alloc_coherent', 'dev', 'size', '&handle', 'gfp'),
  p('dma_alloc_attrs', 'dma_alloc_coherent', 'dev', 'size', '&handle', 'gfp', 'attrs'),
  p('dma_free_coherent', 'dma_free_coherent', 'dev', 'size', 'x', 'handle'),
  p('dma_free_attrs', 'dma_free_coherent', 'dev', 'size', 'x', 'handle', 'attrs'),
  p('dma_alloc_pages', 'dma_alloc_pages', 'dev', 'size', '&handle', 'dir', 'gfp'),
  p('dma_alloc_noncoherent', 'dma_alloc_pages', 'dev', 'size', '&handle', 'dir', 'gfp'),
  p('dma_free_pages', 'dma_free_pages', 'dev', 'size', 'x', 'handle', 'dir'),
  p('dma_free_noncoherent', 'dma_free_pages', 'dev', 'size', 'x', 'handle', 'dir'),
  p('set_memory_decrypted', 'set_memory_decrypted', 'x', 'count'),
  p('set_memory_encrypted', 'set_memory_encrypted', 'x', 'count'),
  p('__free_page', 'free_page', 'x'),
  p('alloc_page', 'alloc_page', 'gfp'),
  p('kmalloc', 'kmalloc', 'size', 'gfp')
]

const byName = new Map<string, Prototype[]>()
for (const f of prototypes) byName.set(f.name, [...(byName.get(f.name) ?? []), f])

/** The operation that a name of a call stands for, in the language or in the kernel. */
export function operationOf(name: string): OpWord | undefined {
  return operationByName.get(name) ?? operationByName.get(byName.get(name)?.[0]?.op ?? '')
}

/** How the kernel writes the call, for messages: `dma_map_page(dev, x, offset, size, dir)`. */
export const prototypeText = (name: string): string[] =>
  (byName.get(name) ?? []).map((f) => `${f.name}(${f.places.join(', ')})`)

/** `0`: no flags, no attributes. */
const isZero = (a: RawExpr): boolean => a.kind === 'number' && a.value === 0
const wordOf = (a: RawExpr): string | null => (a.kind === 'path' && a.rest.length === 0 ? a.head.text : null)
const all = (a: RawExpr, is: (word: string) => boolean): boolean => {
  if (a.kind === 'flags') return a.items.every((i) => all(i, is))
  const w = wordOf(a)
  return isZero(a) || (w !== null && is(w))
}

function fits(a: RawExpr, place: Place): boolean {
  switch (place) {
    case 'size':
    case 'offset':
    case 'count':
    case 'bits':
      return a.kind === 'number'
    case '&handle':
      return a.kind === 'address'
    case 'dir': {
      const w = wordOf(a)
      return w !== null && directionOf(w) !== null
    }
    case 'gfp':
      return all(a, isFlagWord)
    case 'attrs':
      return all(a, isAttributeWord)
    case 'list':
      return a.kind === 'list'
    default:
      return a.kind === 'path' || a.kind === 'address' || (a.kind === 'call' && !functionNames.has(a.op.text))
  }
}

/** A call in the language's order of arguments. */
export interface Spelling {
  readonly op: OpWord
  readonly args: readonly RawExpr[]
  /** `&handle`: another name of what the call yields. */
  readonly handle: Token | null
  /** What the kernel's prototype says and the language takes from the object: checked where it is known. */
  readonly said: ReadonlyArray<{
    readonly place: 'size' | 'offset' | 'count'
    readonly arg: Extract<RawExpr, { kind: 'number' }>
  }>
}

/** The call of a kernel's prototype; null when its arguments fit none of that name. */
function asPrototype(c: RawCall): Spelling | null {
  for (const f of byName.get(c.op.text) ?? []) {
    // Flags and attributes at the end may be left out.
    const least = f.places.findLastIndex((place) => place !== 'gfp' && place !== 'attrs') + 1
    if (c.args.length > f.places.length || c.args.length < Math.max(1, least)) continue
    if (!c.args.every((a, i) => fits(a, f.places[i] as Place))) continue
    const op = operationByName.get(f.op)
    if (op === undefined) continue
    const args: RawExpr[] = []
    const options: RawExpr[] = []
    const said: Array<Spelling['said'][number]> = []
    let handle: Token | null = null
    c.args.forEach((a, i) => {
      const place = f.places[i] as Place
      if (place === '&handle' && a.kind === 'address') handle = a.name
      else if (
        a.kind === 'number' &&
        (place === 'offset' || place === 'count' || (place === 'size' && op.params.every((x) => x.kind !== 'size')))
      )
        said.push({ place, arg: a })
      else if (place === 'gfp' || place === 'attrs') options.push(...flat(a))
      else if (place !== 'handle') args.push(a)
    })
    return { op, args: [...args, ...options], handle, said }
  }
  return null
}

/**
 * A call as the language has it: its own form stays as it is, under the kernel's name too; the kernel's is put in
 * order. Null: no operation of this name.
 */
export function spelling(c: RawCall): Spelling | null {
  const kernel = asPrototype(c)
  if (kernel !== null) return kernel
  const own = operationOf(c.op.text)
  if (own === undefined) return null
  // `&handle` may stand in the language's form too.
  const address = c.args.find((a, i) => a.kind === 'address' && i > 0)
  const handle =
    address?.kind === 'address' && (own.result === 'coherent' || own.result === 'pages') ? address.name : null
  return {
    op: own,
    args: c.args
      .filter((a) => handle === null || a !== address)
      .flatMap((a, i) => (i < own.params.length ? [a] : flat(a))),
    handle,
    said: []
  }
}

/** `A | B` as the list that the language writes. */
const flat = (a: RawExpr): RawExpr[] => (a.kind === 'flags' ? a.items.flatMap(flat) : [a])

/** DMA_BIT_MASK(32), and 0xffffffff, as a number of bits; null: neither. */
export function bitsOf(a: RawExpr): { readonly value: number } | null {
  if (a.kind === 'call' && a.op.text === 'DMA_BIT_MASK' && a.args.length === 1 && a.args[0]?.kind === 'number')
    return { value: a.args[0].value }
  if (a.kind === 'number' && a.value > 64 && Number.isInteger(Math.log2(a.value + 1)))
    return { value: Math.log2(a.value + 1) }
  return null
}
