// What a run does not speak of: the mechanisms that it never met, beside those that it used; and words of the test that
// had no effect on this pair. A verdict `ok` says nothing about what was not there to go wrong.
import { acceptedCounts, statements, type Test, vocabulary } from '../litmus/index.ts'
import { PAGE_SIZE } from '../base/index.ts'
import { tsmDriver } from '../kernel/index.ts'
import type { System } from '../system/index.ts'

/** A run as the mechanisms see it: the test, the operations that stand in it, and the system after the search. */
interface Run {
  readonly test: Test
  readonly operations: ReadonlySet<string>
  readonly sys: System
}

/** Begins the note on a pair on which nothing can be accepted. */
export const ACCEPTED_IDLE = "'accepted' has no effect"

const groupOf = (name: string): string | undefined => vocabulary.operationByName.get(name)?.group
const some = (r: Run, is: (d: System['options']['devices'][number]) => boolean): boolean =>
  r.sys.options.devices.some(is)
const calls = (r: Run) =>
  [r.test.init, ...r.test.threads.map((t) => t.body)].flatMap((body) =>
    [...statements(body)].filter((s) => s.kind === 'call')
  )

/** Beside bounces: no slot of their pools was handed out a second time. */
export const SLOTS_TWICE = 'slots used twice'

/** In the order of how often one of them is what goes wrong. */
const mechanisms: ReadonlyArray<{ readonly name: string; readonly met: (r: Run) => boolean }> = [
  // What one bounce leaves for the next cannot show without; a pool of a few slots makes it.
  { name: SLOTS_TWICE, met: (r) => r.sys.kernel.mems.every((m) => !m.handedOut || m.handedAgain) },
  {
    name: 'failing conversions',
    met: (r) => r.sys.kernel.config.conversions === 'may_fail' && r.sys.kernel.platform.conversionsFail
  },
  { name: 'actions of the host', met: (r) => [...r.operations].some((o) => groupOf(o) === 'host') },
  { name: 'a second thread', met: (r) => r.test.threads.length > 1 },
  {
    name: 'accept or unlock',
    met: (r) => r.sys.kernel.accepts && (r.operations.has('tsm_accept') || r.operations.has('tsm_unlock'))
  },
  {
    name: 'devices in RUN',
    met: (r) => r.sys.kernel.accepts && (some(r, (d) => d.accepted) || r.operations.has('tsm_accept'))
  },
  { name: 'bounces', met: (r) => r.sys.kernel.calls !== null || r.sys.kernel.mems.some((m) => m.handedOut) },
  {
    name: 'pools that grow',
    met: (r) =>
      r.sys.kernel.dynamic !== null || r.sys.kernel.calls !== null || r.sys.kernel.mems.every((m) => !m.handedOut)
  },
  { name: 'allocations that cannot block', met: (r) => calls(r).some((c) => c.args.atomic) },
  // A part of accept and unlock: where these are absent it says nothing more.
  {
    name: 'failing TSM steps',
    met: (r) =>
      r.sys.kernel.config.tsm_fails.length > 0 ||
      !r.sys.kernel.accepts ||
      !(r.operations.has('tsm_accept') || r.operations.has('tsm_unlock'))
  },
  { name: 'restricted pools', met: (r) => some(r, (d) => d.restricted_pool > 0) },
  {
    name: 'non-coherent devices',
    met: (r) => r.sys.kernel.platform.noncoherentDevices && some(r, (d) => d.noncoherent)
  },
  {
    name: 'masks below 64 bits',
    met: (r) =>
      some(r, (d) => d.dma_mask < 64 || d.coherent_mask < 64 || d.bus_limit > 0) ||
      [...r.operations].some((o) => o.startsWith('dma_set_'))
  },
  { name: 'host granules above the page', met: (r) => r.sys.kernel.config.host_granule > PAGE_SIZE },
  { name: 'vIOMMUs', met: (r) => some(r, (d) => d.iommu) },
  { name: 'peer-to-peer', met: (r) => r.operations.has('dma_map_resource') }
]

/** The mechanisms that this run never met, in words. */
export function absent(test: Test, operations: readonly string[], sys: System): string[] {
  const run: Run = { test, operations: new Set(operations), sys }
  return mechanisms.filter((m) => !m.met(run)).map((m) => m.name)
}

/** What must be known beside the verdict: words without effect on this pair. */
export function notes(test: Test, operations: readonly string[], sys: System): string[] {
  const out: string[] = []
  const said = test.devices.filter((d) => d.entries.some((e) => e.key === 'accepted')).map((d) => d.name)
  const asks = said.length > 0 || operations.some((o) => o.startsWith('tsm_'))
  if (asks && !acceptedCounts(sys.kernel.rev, sys.kernel.platform.name)) {
    const ignored = sys.kernel.rev.accept === 'none' ? 'the kernel has no accept' : 'the platform has no T=1'
    if (said.length > 0)
      out.push(`${ACCEPTED_IDLE} (${ignored}): ${said.join(', ')} ${said.length === 1 ? 'is' : 'are'} T=0`)
    if (operations.some((o) => o.startsWith('tsm_'))) out.push(`tsm_* answer EOPNOTSUPP (${ignored})`)
  }
  const snoops = sys.kernel.platform.noncoherentDevices
    ? []
    : sys.kernel.devices.filter((d) => d.config.noncoherent).map((d) => d.name)
  if (snoops.length > 0)
    out.push(`'noncoherent' has no effect (every device of ${sys.kernel.platform.name} snoops): ${snoops.join(', ')}`)
  const { config, platform } = sys.kernel
  if (config.host_mirror !== 'exact' && sys.machine.mirror === null)
    out.push(
      `'host_mirror ${config.host_mirror}' has no effect: ` +
        `${platform.tdisp ? 'stage 2 is static' : `no VMM keeps IOMMU tables for ${platform.name}`}`
    )
  if (config.tdx_page_release !== 'off' && platform.conversion !== 'mapgpa')
    out.push(`'tdx_page_release ${config.tdx_page_release}' has no effect on ${platform.name}`)
  const driver = tsmDriver(sys.kernel.rev, platform)
  const without = sys.kernel.config.tsm_fails.filter((s) => driver?.steps.includes(s) !== true)
  if (without.length > 0)
    out.push(
      `'tsm_fails ${without.join(' ')}' has no effect: ` +
        (driver === null ? 'no device can be accepted' : `the TSM driver has no such step (${driver.steps.join(', ')})`)
    )
  return out
}
