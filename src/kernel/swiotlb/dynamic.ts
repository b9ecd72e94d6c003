// CONFIG_SWIOTLB_DYNAMIC: where it may be advised. It came with 6.6 (1aaa736815eb). In a guest with encrypted memory
// growing and freeing pools convert pages in atomic context, and a page of a remapped pool is not recognised at free:
// TDX guests on 6.18 panicked in production in September 2026 until the two commits below were backported. Both are in
// 7.3.
import { platformByName } from '../../machine/index.ts'
import { vendorOf } from '../vendor-kernels.ts'
import { type KernelVersion, kernelVersion } from './version.ts'

/** Without both of them an encrypted guest must not have pools that grow. */
export const DYNAMIC_FIXES = ['94a04ad732c9', '8a9dc4a028e7'] as const

export interface DynamicAdvice {
  /**
   * `yes`: worth building; `no`: it breaks this guest; `ask`: it breaks it if it is an encrypted guest, which is not
   * known; `none`: the kernel does not have it.
   */
  readonly advise: 'yes' | 'no' | 'ask' | 'none'
  /** One or two sentences; empty for `none`. */
  readonly text: string
}

/**
 * What to say of CONFIG_SWIOTLB_DYNAMIC. `platform` null: not known; `kernel`: the release string, for vendors'
 * kernels.
 */
export function dynamicAdvice(platform: string | null, version: KernelVersion | null, kernel = ''): DynamicAdvice {
  if (version === null || version < kernelVersion(6, 6)) return { advise: 'none', text: '' }
  const grow =
    'A kernel built with CONFIG_SWIOTLB_DYNAMIC=y lets the pool grow at run time (zgrep SWIOTLB_DYNAMIC ' +
    '/proc/config.gz).'
  const fixes = DYNAMIC_FIXES.join(' and ')
  if (version >= kernelVersion(7, 3) || (platform !== null && platformByName(platform)?.guest !== true))
    return { advise: 'yes', text: grow }
  const vendor = vendorOf(kernel) === null ? '' : " Ask this kernel's vendor whether both are in it."
  if (platform !== null) {
    return {
      advise: 'no',
      text:
        'Do not turn on CONFIG_SWIOTLB_DYNAMIC here: before 7.3 it makes guests with encrypted memory panic (TDX ' +
        `on 6.18, Sep 2026) unless ${fixes} are backported.${vendor}`
    }
  }
  return {
    advise: 'ask',
    text:
      'CONFIG_SWIOTLB_DYNAMIC lets the pool grow, but not if this is a guest with encrypted memory: before 7.3 ' +
      `such guests panic with it unless ${fixes} are backported.${vendor}`
  }
}
