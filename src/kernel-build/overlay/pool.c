/* The atomic pools. Boot makes them from the embedder's pages. */
#include "kernel/dma/pool.c"
#include "tbit.h"

EXPORT(tbit_atomic_pools) int tbit_atomic_pools(double size)
{
	if (size > 0)
		atomic_pool_size = (size_t)size;
	return dma_atomic_pool_init();
}
/* which: 0 kernel, 1 DMA32, 2 DMA */
#define TBIT_POOL_OF(which) ((which) == 0 ? TBIT_ATOMIC_POOL(atomic_pool_kernel) : (which) == 1 ? TBIT_ATOMIC_POOL(atomic_pool_dma32) : TBIT_ATOMIC_POOL(atomic_pool_dma))
#define TBIT_SHARED_OF(which) ((which) == 0 ? TBIT_ATOMIC_SHARED(atomic_pool_kernel) : (which) == 1 ? TBIT_ATOMIC_SHARED(atomic_pool_dma32) : TBIT_ATOMIC_SHARED(atomic_pool_dma))
EXPORT(tbit_atomic_pool) int tbit_atomic_pool(int which)
{
	struct gen_pool *p = TBIT_POOL_OF(which);

	if (!p)
		return 0;
	OUT[0] = (double)gen_pool_size(p);
	OUT[1] = (double)gen_pool_avail(p);
	OUT[2] = list_empty(&p->chunks) ? -1 : (double)list_first_entry(&p->chunks, struct gen_pool_chunk, next_chunk)->phys_addr;
	OUT[3] = TBIT_SHARED_OF(which);
	return 1;
}
/* Whether a page lies in a pool: 0 no, 1 free, 2 handed out. */
EXPORT(tbit_atomic_page) int tbit_atomic_page(double phys)
{
	u64 p = (u64)phys;
	int i;

	for (i = 0; i < 3; i++) {
		struct gen_pool *pool = TBIT_POOL_OF(i);
		struct gen_pool_chunk *c;

		if (!pool)
			continue;
		list_for_each_entry(c, &pool->chunks, next_chunk) {
			unsigned long bit = (p - c->phys_addr) >> pool->min_alloc_order;

			if (p >= c->phys_addr && p - c->phys_addr <= c->end_addr - c->start_addr)
				return 1 + ((c->bits[bit / 64] >> (bit % 64)) & 1);
		}
	}
	return 0;
}
int tbit_pool_work(void *fn) { return fn == (void *)atomic_pool_work_fn ? 0 : -1; }
