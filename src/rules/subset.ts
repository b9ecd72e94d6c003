// The invariant that reviewers asked for: what a request reaches at T=0, the same request reaches at T=1 ("T=0 stage 2
// is a subset of the T=1 stage 2", J. Gunthorpe, 30 Jul 2025). Computed from a platform's rows under every setting of
// the switches that its rows look at, with its counterexamples.
import { defaultConfig, lookup, type MachineConfig, type PageClass, type Platform, type Row } from '../machine/index.ts'

export interface BeyondT1 {
  readonly page: PageClass
  /** The alias of the address; on a platform whose device table chooses it (SNP), what T=0 gets. */
  readonly alias: 'P' | 'S'
  readonly t0: Row
  /** What T=1 meets there; null: no row. */
  readonly t1: Row | null
  /**
   * The settings under which it is so, each a list of switches that differ from the default; an empty one is the
   * default.
   */
  readonly under: ReadonlyArray<readonly string[]>
}

/** The values of the switches that rows look at. `vtom`: one in the middle, beside the maximum. */
const SWITCHES = {
  host_stage2: ['shared_only', 'static_1g_plain', 'static_1g_shared', 'static_1g'],
  tdx_trusted_shared_dma: ['walk', 'fault'],
  tdx_host_read: ['ones', 'poison'],
  tdx_p2p: ['fault', 'ok'],
  snp_p2p: ['fault', 'ok'],
  vtom: [null, 2 ** 32]
} as const satisfies { readonly [K in keyof MachineConfig]?: ReadonlyArray<MachineConfig[K]> }

type SwitchName = keyof typeof SWITCHES
const PAGES: readonly PageClass[] = [
  'priv',
  'unas',
  'shr',
  'shr_unmapped',
  'shr_realm',
  'pmmio',
  'pmmio_empty',
  'pmmio_down',
  'smmio'
]

/** Every setting of the platform's switches: what differs from the default, in words, and the configuration. */
function settings(platform: Platform): Array<{ readonly words: readonly string[]; readonly config: MachineConfig }> {
  let all: Array<{ words: readonly string[]; config: MachineConfig }> = [{ words: [], config: defaultConfig }]
  for (const name of Object.keys(SWITCHES) as SwitchName[]) {
    if (!platform.switches.includes(name)) continue
    all = all.flatMap((s) =>
      SWITCHES[name].map((value) =>
        value === defaultConfig[name]
          ? s
          : {
              words: [...s.words, `${name} ${value === null ? 'max' : name === 'vtom' ? 'below the page' : value}`],
              config: { ...s.config, [name]: value }
            }
      )
    )
  }
  return all
}

/**
 * The alias with which T=1 meets what T=0 met with `alias`: the same address; where the device table chooses, private
 * below the vTOM.
 */
const atT1 = (platform: Platform, alias: 'P' | 'S', c: MachineConfig): 'P' | 'S' =>
  platform.deviceAlias === 'device_table' ? (c.vtom === null ? 'P' : 'S') : alias
const aliasesAtT0 = (platform: Platform): ReadonlyArray<'P' | 'S'> =>
  platform.deviceAlias === 'device_table' ? ['S'] : ['P', 'S']
const reached = (r: Row | null, access: 'read' | 'write'): boolean => r !== null && r[access] === 'ok'

/**
 * Where a platform breaks the invariant; empty where T=0 reaches a subset under every setting, or where there is no
 * T=1.
 */
export function beyondT1(platform: Platform): readonly BeyondT1[] {
  if (!platform.tdisp) return []
  const out = new Map<
    string,
    { page: PageClass; alias: 'P' | 'S'; t0: Row; t1: Row | null; under: Array<readonly string[]> }
  >()
  for (const { words, config } of settings(platform))
    for (const page of PAGES)
      for (const alias of aliasesAtT0(platform)) {
        const t0 = lookup(platform.rows, config, 0, alias, page)
        const t1 = lookup(platform.rows, config, 1, atT1(platform, alias, config), page)
        if (t0 === null || !(['read', 'write'] as const).some((a) => reached(t0, a) && !reached(t1, a))) continue
        const key = `${t0.id}|${t1?.id}|${alias}`
        const known = out.get(key)
        if (known === undefined) out.set(key, { page, alias, t0, t1, under: [words] })
        else known.under.push(words)
      }
  return [...out.values()].map((b) => ({ ...b, under: smallest(b.under) }))
}

// A setting says nothing new when a smaller one has shown it already.
const smallest = (all: ReadonlyArray<readonly string[]>): ReadonlyArray<readonly string[]> =>
  all.filter((u) => !all.some((v) => v !== u && v.length < u.length && v.every((w) => u.includes(w))))
