/* The atomic pools. Boot makes them from the embedder's pages. */
#include "genalloc.h"
#define has_managed_dma() true
#include "kernel/dma/pool.c"

#define EXPORT(name) __attribute__((export_name(#name), used))
#define OUT tbit_scratch.out
EXPORT(tbit_atomic_pools) int tbit_atomic_pools(double size)
{
	atomic_pool_size = (size_t)size;
	return dma_atomic_pool_init();
}
/* which: 0 kernel, 1 DMA32, 2 DMA */
EXPORT(tbit_atomic_pool) int tbit_atomic_pool(int which)
{
	struct gen_pool *p = TBIT_ATOMIC_POOL(which == 0 ? atomic_pool_kernel : which == 1 ? atomic_pool_dma32 : atomic_pool_dma);

	if (!p)
		return 0;
	OUT[0] = (double)gen_pool_size(p);
	OUT[1] = (double)gen_pool_avail(p);
	OUT[2] = p->chunks ? (double)p->chunks->phys_addr : -1;
	return 1;
}
EXPORT(tbit_atomic_page_used) int tbit_atomic_page_used(double phys)
{
	struct gen_pool *pools[3] = { TBIT_ATOMIC_POOL(atomic_pool_kernel), TBIT_ATOMIC_POOL(atomic_pool_dma32), TBIT_ATOMIC_POOL(atomic_pool_dma) };
	u64 p = (u64)phys;
	int i;

	for (i = 0; i < 3; i++) {
		struct gen_pool_chunk *c;

		for (c = pools[i] ? pools[i]->chunks : NULL; c; c = c->next)
			if (p >= c->phys_addr && p - c->phys_addr <= c->end_addr - c->start_addr)
				return c->used[(p - c->phys_addr) >> PAGE_SHIFT];
	}
	return 0;
}
