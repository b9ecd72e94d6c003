// What `conform kernel` compares beside the functions of dma-direct and swiotlb: the whole DMA API of 6.12 and later
// on every platform, with atomic, restricted and growing pools, masks that change, devices that are accepted and no
// longer, and page allocations, conversions and mappings that fail, at boot too.
import { own } from '../base/index.ts'
import { formatAttrs } from '../kernel/trace-events.ts'
import { platformOf } from './_swiotlb-machine.ts'
import { type ApiDivergence, type ApiRun, runApi } from './api-both.ts'
import { type ApiKinds, type ApiProgram, type DrawnMachine, drawApi, shrinkApi } from './api-program.ts'
import { DIRECTIONS, type Divergence } from './kernel-program.ts'
import { apiLooks, apiOperations } from './swiotlb-api.ts'
import type { WasmModule } from '../kernel-c/index.ts'

/** A way of booting both, with what programs may contain. */
export interface ApiScenario {
  readonly name: string
  /** The model's revision and platform. */
  readonly kernel: string
  readonly platform: string
  readonly api: ApiKinds
}

/** What the tree must be built as. */
export interface ApiBuild {
  readonly arch: 'arm64' | 'x86'
  readonly profile: 'guest'
  readonly kconfig: Readonly<Record<string, string>>
  /** force_dma_unencrypted() asks whether a device is accepted (withAcceptance()). */
  readonly acceptance: boolean
}

const WAYS: ReadonlyArray<readonly [name: string, arch: 'arm64' | 'x86', word: string, bit: string, grows: boolean]> = [
  ['arm64 API', 'arm64', 'none', '0x0', false],
  ['realm API', 'arm64', 'realm', '0x800000000000', false],
  ['pKVM API', 'arm64', 'pkvm', '0x0', false],
  ['realm API, grows', 'arm64', 'realm', '0x8000000000', true],
  ['SEV-SNP API', 'x86', 'snp', '0x8000000000000', false],
  ['vTOM API', 'x86', 'snp-vtom', '0x8000000000000', false],
  ['SME host API', 'x86', 'sme', '0x800000000000', false],
  ['TDX API, grows', 'x86', 'tdx', '0x8000000000000', true]
]

/** Of a tree with this API. */
export interface ApiOfTree {
  /** Whether it runs in a realm: since 6.13. */
  readonly realm: boolean
}

/** What a tree has of this API, as the programs call it; null: another API. `read`: its files. */
export const apiOfTree = (read: (path: string) => string | null): ApiOfTree | null =>
  /\bdma_map_phys\(|\bdma_setup_need_sync\(/.test(read('kernel/dma/mapping.c') ?? '')
    ? { realm: read('arch/arm64/kernel/rsi.c') !== null }
    : null

const waysOf = (arches: ReadonlyArray<'arm64' | 'x86'>, { realm }: ApiOfTree): typeof WAYS =>
  WAYS.filter(([, arch, platform]) => arches.includes(arch) && (realm || platform !== 'realm'))

/** How many scenarios there are for the architectures. */
export const apiScenarioCount = (arches: ReadonlyArray<'arm64' | 'x86'>, tree: ApiOfTree | null): number =>
  tree === null ? 0 : waysOf(arches, tree).length

/**
 * The scenarios. `revision`: the model's; `flips`: whether the tree can be built with acceptance; `tracksOnRequest`:
 * whether its high-water mark must be asked for on the command line.
 */
export function apiScenarios(
  arches: ReadonlyArray<'arm64' | 'x86'>,
  revision: string,
  tree: ApiOfTree & { readonly flips: boolean; readonly tracksOnRequest: boolean }
): ReadonlyArray<{ readonly scenario: ApiScenario; readonly build: ApiBuild }> {
  return waysOf(arches, tree).map(([name, arch, platform, bit, dynamic]) => {
    const acceptance = dynamic && tree.flips
    const build = acceptance ? (`${arch}+mixed` as const) : arch
    return {
      scenario: {
        name: acceptance ? `${name}, flips` : name,
        kernel: revision,
        platform: platformOf(platform),
        api: { kernel: revision, build, platform, bit, dynamic, tracksOnRequest: tree.tracksOnRequest }
      },
      build: {
        arch,
        profile: 'guest',
        kconfig: { SWIOTLB_DYNAMIC: dynamic ? 'y' : 'n', DMA_BOUNCE_UNALIGNED_KMALLOC: 'n' },
        acceptance
      }
    }
  })
}

const hex = (n: unknown): string => (typeof n === 'number' && n >= 4096 ? `0x${n.toString(16)}` : String(n))
/** The kernel that has a name for each attribute. */
const NAMES = 'linux-7.3'
const GFP = ['GFP_KERNEL', 'GFP_ATOMIC', 'GFP_NOWAIT'] as const

/** A value of a line as a kernel developer would write it; null: it goes without saying. */
function valueText(what: string, v: unknown): string | null {
  const n = v as number
  switch (what) {
    case 'dev':
      return `dev${n}`
    case 'cpu':
      return n === 0 ? null : `cpu ${n}`
    case 'dir':
      return DIRECTIONS[n] ?? String(n)
    case 'gfp':
      return GFP[n] ?? String(n)
    case 'attrs':
      return n === 0 ? null : formatAttrs(n, NAMES)
    case 'list':
      return `[${(v as Array<[number, number]>).map(([a, l]) => `${hex(a)}+${l}`).join(' ')}]`
    case 'for_cpu':
      return n ? 'for the CPU' : 'for the device'
    case 'coherent':
      return n ? 'coherent' : 'streaming'
    case 'size':
      return String(n)
    default:
      return hex(v)
  }
}

/** A line of a recording in words. */
export function apiLineText(v: readonly unknown[]): string {
  const op = own(apiOperations, String(v[0]))
  if (v[0] === 'f') return `# call ${v[2]} of ${v[1]} fails with ${v[3]}`
  if (op === undefined) return `${own(apiLooks, String(v[0]))?.name ?? v[0]}(${v[1] ?? ''})`
  const asks = op.asks === '' ? [] : op.asks.split(' ')
  const args = asks.map((what, i) => valueText(what, v[1 + i])).filter((x) => x !== null)
  const answers = v.slice(1 + asks.length, op.values).map((x) => (Array.isArray(x) ? JSON.stringify(x) : hex(x)))
  return `${op.name}(${args.join(', ')})${answers.length > 0 ? ` = ${answers.join(', ')}` : ''}`
}

const PLAIN: Readonly<Record<string, unknown>> = {
  min_align_mask: 0,
  segment_boundary_mask: '0x0',
  dma_mask: '0xffffffffffffffff',
  coherent_dma_mask: '0xffffffffffffffff',
  bus_dma_limit: '0x0',
  dma_coherent: 1,
  restricted: null
}

/** A machine in lines: what is not ordinary about it. */
function machineText(m: DrawnMachine): string[] {
  const fails = m['boot_inject'] as ReadonlyArray<readonly unknown[]>
  return [
    `swiotlb=${m['swiotlb_param']}${m['swiotlb_any'] ? ' SWIOTLB_ANY' : ''} coherent_pool=${m['coherent_pool']}` +
      `${m.restricted.length > 0 ? `, ${m.restricted.length} restricted pools` : ''}`,
    ...fails.map(([kind, k, errno]) => `# at boot call ${k} of ${kind} fails with ${errno}`),
    ...m.devices.map((d) => {
      const odd = Object.entries(PLAIN).filter(([k, v]) => own(d, k) !== v)
      const range = (d['range'] as unknown[]).length
      return [
        `dev${d['id']}:`,
        ...odd.map(([k]) => `${k} ${hex(own(d, k))}`),
        ...(range > 0 ? [`${range} range${range > 1 ? 's' : ''}`] : []),
        ...(d['accepted'] === 1 ? ['accepted'] : [])
      ].join(' ')
    })
  ]
}

function divergence(
  s: ApiScenario,
  seed: number,
  drawn: number,
  p: ApiProgram,
  r: ApiRun,
  d: ApiDivergence
): Divergence {
  const lines = r.lines.slice(1) as ReadonlyArray<readonly unknown[]>
  const text = lines.map(apiLineText)
  return {
    scenario: s.name,
    seed,
    drawn,
    program: [...machineText(p.machine), ...text],
    operation: text.at(-1) ?? 'boot',
    what: d.what,
    model: String(d.model),
    kernel: String(d.kernel)
  }
}

/** Operations of one program. */
const PROGRAM = 400

/** Runs programs until a scenario has seen `ops` operations or diverged. */
export function conformApi(
  module: WasmModule,
  s: ApiScenario,
  ops: number,
  seed: number
): { operations: number; programs: number; first: Divergence | null } {
  let [operations, programs] = [0, 0]
  while (operations < ops) {
    const n = Math.min(PROGRAM, ops - operations)
    const at = seed + programs++
    const p = drawApi(at, n, s.api)
    const { first } = runApi(module, p)
    operations += n
    if (first === null) continue
    const cut: ApiProgram = { ...p, ops: p.ops.slice(0, first.at + 1) }
    const small = shrinkApi(cut, (q) => runApi(module, q).first?.what === first.what)
    const r = runApi(module, small)
    return { operations, programs, first: divergence(s, at, cut.ops.length, small, r, r.first ?? first) }
  }
  return { operations, programs, first: null }
}
