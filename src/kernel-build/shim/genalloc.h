/* lib/genalloc as far as the atomic pools use it: first fit, blocks aligned to their order, one byte a page. */
#ifndef TBIT_GENALLOC_H
#define TBIT_GENALLOC_H
struct gen_pool;
struct gen_pool_chunk { struct gen_pool_chunk *next; phys_addr_t phys_addr; unsigned long start_addr, end_addr; u8 used[]; };
struct gen_pool { struct gen_pool_chunk *chunks; int min_alloc_order; };
typedef unsigned long (*genpool_algo_t)(void);
static inline unsigned long gen_pool_first_fit_order_align(void) { return 0; }
#define gen_pool_set_algo(p, a, d) do { } while (0)
static inline struct gen_pool *gen_pool_create(int order, int nid)
{
	struct gen_pool *p = tbit_kzalloc(sizeof(*p), 16);

	p->min_alloc_order = order;
	return p;
}
static inline void gen_pool_destroy(struct gen_pool *p) { tbit_kfree(p); }
static inline int gen_pool_add_virt(struct gen_pool *p, unsigned long virt, phys_addr_t phys, size_t size, int nid)
{
	struct gen_pool_chunk *c = tbit_kzalloc(sizeof(*c) + (size >> p->min_alloc_order), 16);

	c->phys_addr = phys;
	c->start_addr = virt;
	c->end_addr = virt + size - 1;
	c->next = p->chunks;
	p->chunks = c;
	return 0;
}
#define gen_pool_add(p, a, s, n) gen_pool_add_virt(p, a, -1, s, n)
static inline unsigned long gen_pool_alloc(struct gen_pool *p, size_t size)
{
	unsigned long n = DIV_ROUND_UP(size, 1UL << p->min_alloc_order), align = roundup_pow_of_two(n), i, k;
	struct gen_pool_chunk *c;

	for (c = p->chunks; c; c = c->next) {
		unsigned long total = (c->end_addr + 1 - c->start_addr) >> p->min_alloc_order;

		for (i = 0; i + n <= total; i += align) {
			for (k = 0; k < n && !c->used[i + k]; k++)
				;
			if (k < n)
				continue;
			for (k = 0; k < n; k++)
				c->used[i + k] = 1;
			return c->start_addr + (i << p->min_alloc_order);
		}
	}
	return 0;
}
static inline struct gen_pool_chunk *tbit_gen_chunk(struct gen_pool *p, unsigned long addr, size_t size)
{
	struct gen_pool_chunk *c;

	for (c = p->chunks; c; c = c->next)
		if (addr >= c->start_addr && addr + size - 1 <= c->end_addr)
			return c;
	return NULL;
}
static inline bool gen_pool_has_addr(struct gen_pool *p, unsigned long addr, size_t size) { return tbit_gen_chunk(p, addr, size) != NULL; }
static inline void gen_pool_free(struct gen_pool *p, unsigned long addr, size_t size)
{
	struct gen_pool_chunk *c = tbit_gen_chunk(p, addr, size);
	unsigned long n = DIV_ROUND_UP(size, 1UL << p->min_alloc_order), i;

	BUG_ON(!c);
	i = (addr - c->start_addr) >> p->min_alloc_order;
	for (; n; n--, i++) {
		BUG_ON(!c->used[i]);
		c->used[i] = 0;
	}
}
static inline phys_addr_t gen_pool_virt_to_phys(struct gen_pool *p, unsigned long addr)
{
	struct gen_pool_chunk *c = tbit_gen_chunk(p, addr, 1);

	return c ? c->phys_addr + (addr - c->start_addr) : (phys_addr_t)-1;
}
static inline size_t gen_pool_size(struct gen_pool *p)
{
	struct gen_pool_chunk *c;
	size_t n = 0;

	for (c = p->chunks; c; c = c->next)
		n += c->end_addr + 1 - c->start_addr;
	return n;
}
static inline size_t gen_pool_avail(struct gen_pool *p)
{
	struct gen_pool_chunk *c;
	size_t n = 0, i;

	for (c = p->chunks; c; c = c->next)
		for (i = 0; i < (c->end_addr + 1 - c->start_addr) >> p->min_alloc_order; i++)
			n += c->used[i] ? 0 : 1UL << p->min_alloc_order;
	return n;
}
static inline void gen_pool_for_each_chunk(struct gen_pool *p, void (*func)(struct gen_pool *, struct gen_pool_chunk *, void *), void *data)
{
	struct gen_pool_chunk *c;

	for (c = p->chunks; c; c = c->next)
		func(p, c, data);
}
#endif
