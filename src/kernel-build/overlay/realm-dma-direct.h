/*
 * The address encoding of an Arm realm for a tree that has none of its own: an address of shared memory carries the top
 * bit, an address of private memory is plain. Only the profile recorded-realm uses it.
 */
#ifndef TBIT_REALM_DMA_DIRECT_H
#define TBIT_REALM_DMA_DIRECT_H

extern unsigned long prot_ns_shared;
static inline dma_addr_t tbit_base(struct device *dev, phys_addr_t p) { return dev->dma_range_map ? translate_phys_to_dma(dev, p) : p; }
static inline dma_addr_t tbit_shared(struct device *dev, phys_addr_t p)
{
	dma_addr_t a = tbit_base(dev, p);

	return a == DMA_MAPPING_ERROR ? a : a | prot_ns_shared;
}
#define phys_to_dma_unencrypted tbit_shared
static inline dma_addr_t phys_to_dma(struct device *dev, phys_addr_t p) { return tbit_base(dev, p); }
static inline phys_addr_t dma_to_phys(struct device *dev, dma_addr_t a)
{
	a &= ~prot_ns_shared;
	return dev->dma_range_map ? translate_dma_to_phys(dev, a) : a;
}
#endif
