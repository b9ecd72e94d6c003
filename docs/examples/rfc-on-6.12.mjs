// Applies the change of "[RFC PATCH v1 04/38] tsm: Support DMA Allocation from private memory" (28 July 2025) to a copy of a
// Linux 6.12 source, with what 6.12 lacks for it: a realm's force_dma_unencrypted() and address forms. The text that goes in is ours;
// places are found by name. Only what tbit compiles is copied.
//
//   node docs/examples/rfc-on-6.12.mjs linux-source-6.12 linux-6.12-rfc
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const [from, to] = process.argv.slice(2)
if (!from || !to) {
  process.stderr.write('usage: node rfc-on-6.12.mjs SOURCE COPY\n')
  process.exit(2)
}

for (const part of [
  'Makefile', 'kernel/dma', 'include', 'lib/genalloc.c', 'lib/scatterlist.c', 'arch/arm64/Kconfig', 'arch/arm64/mm', 'arch/arm64/include/asm', 'arch/x86/Kconfig', 'arch/x86/mm/mem_encrypt.c', 'arch/x86/coco',
  'arch/x86/include/asm', 'drivers/iommu/dma-iommu.c', 'drivers/iommu/dma-iommu.h', 'drivers/iommu/iommu-pages.h'
]) {
  // what this tree does not have
  if (!existsSync(join(from, part))) continue
  // links as what they point to: the copy stands alone, and a second run writes over the first
  cpSync(join(from, part), join(to, part), { recursive: true, dereference: true })
}

function edit(path, change) {
  const file = join(to, path)
  const before = readFileSync(file, 'utf8')
  const after = change(before)
  if (after === before) throw new Error(`${path}: the place to change was not found`)
  writeFileSync(file, after)
}
const create = (path, text) => {
  mkdirSync(dirname(join(to, path)), { recursive: true })
  writeFileSync(join(to, path), text)
}

// The bit in struct device that says: a TSM has accepted this device.
edit('include/linux/device.h', (text) => {
  const begin = text.search(/^struct device \{/m)
  let depth = 0
  for (let i = text.indexOf('{', begin); i < text.length; i++) {
    if (text[i] === '{') depth++
    if (text[i] === '}' && --depth === 0) return `${text.slice(0, i)}\n\tbool tdi_enabled:1;\n${text.slice(i)}`
  }
  return text
})

// An accepted device is not made to bounce, whatever the pool says.
edit('include/linux/swiotlb.h', (text) => text.replace(/(is_swiotlb_force_bounce\(struct device \*dev\)\s*\{\n)(?=[^}]*force_bounce)/, `$1\tif (dev->tdi_enabled) {
\t\tdev_warn_once(dev, "(TIO) Disable SWIOTLB");
\t\treturn false;
\t}

`))

// In a realm a device reaches shared memory only, unless it is accepted. The function moves out of line, as in the RFC.
edit('arch/arm64/mm/mem_encrypt.c', (text) => `${text}
#include <linux/dma-direct.h>
#include <asm/rsi.h>

bool force_dma_unencrypted(struct device *dev)
{
	if (dev->tdi_enabled)
		return false;

	return is_realm_world();
}
EXPORT_SYMBOL_GPL(force_dma_unencrypted);
`)
edit('arch/arm64/Kconfig', (text) => text.replace(/^config ARM64\n/m, 'config ARM64\n\tselect ARCH_HAS_FORCE_DMA_UNENCRYPTED\n\tselect ARCH_HAS_PHYS_TO_DMA\n'))

// The two forms of an address in a realm, as 6.15 has them: shared memory is reached with the top bit set.
create('arch/arm64/include/asm/dma-direct.h', `#ifndef ASM_ARM64_DMA_DIRECT_H
#define ASM_ARM64_DMA_DIRECT_H

static inline dma_addr_t phys_to_dma(struct device *dev, phys_addr_t phys)
{
	return dev->dma_range_map ? translate_phys_to_dma(dev, phys) : phys;
}

static inline dma_addr_t realm_phys_to_dma_shared(struct device *dev, phys_addr_t phys)
{
	dma_addr_t addr = phys_to_dma(dev, phys);

	return addr == DMA_MAPPING_ERROR ? addr : addr | PROT_NS_SHARED;
}
#define phys_to_dma_unencrypted realm_phys_to_dma_shared

static inline phys_addr_t dma_to_phys(struct device *dev, dma_addr_t addr)
{
	addr &= ~PROT_NS_SHARED;
	return dev->dma_range_map ? translate_dma_to_phys(dev, addr) : addr;
}
#endif
`)

process.stdout.write(`${to}: the RFC's decisions on ${from}\n`)
