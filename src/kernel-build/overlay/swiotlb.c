/* The pool. Includes the tree's own file, so that its statics can be reached. */
#include "kernel/dma/swiotlb.c"
#include "tbit-calls.h"
#include "tbit-tree.h"


#ifdef TBIT_POOL_STRUCT
#define POOL(mem) (&(mem)->defpool)
#else
#define POOL(mem) (mem)
#endif

/* Boot: the command line, then swiotlb_init as the architecture calls it, then the conversion of the pool. */
EXPORT(tbit_swiotlb_cmdline) void tbit_swiotlb_cmdline(int length)
{
	char text[256];
	int i;

	/* parsing prints, and printing uses the buffer the text came in */
	for (i = 0; i < length && i < 255; i++)
		text[i] = tbit_text[i];
	text[i] = 0;
	setup_io_tlb_npages(text);
}
EXPORT(tbit_swiotlb_init) void tbit_swiotlb_init(int addressing_limit, int force, int update)
{
	swiotlb_init(addressing_limit, (force & 1 ? TBIT_SWIOTLB_FORCE : 0) | (force & 2 ? SWIOTLB_ANY : 0));
	if (update)
		swiotlb_update_mem_attributes();
}
/*
 * A pool of any size, as no boot would make it; boot converts it as any other, so that the tree's own answer to a failure is
 * its. force: 1 as an architecture asks (SWIOTLB_FORCE, where the tree has it), 2 as the command line does.
 */
EXPORT(tbit_swiotlb_raw) void tbit_swiotlb_raw(double start, int nslabs, int nareas, int force, int update)
{
	struct io_tlb_mem *mem = &io_tlb_default_mem;
	phys_addr_t tlb_start = (u64)start;
	void *tlb_vaddr = phys_to_virt(tlb_start);

	force = force > 1 || (force && TBIT_SWIOTLB_FORCE);
	/* releasing the last slots of a pool whose size is no multiple of 128 reads an entry beyond: 128 zeroed ones follow */
	POOL(mem)->slots = tbit_kzalloc(sizeof(struct io_tlb_slot) * (nslabs + 128), 64);
	POOL(mem)->areas = tbit_kzalloc(sizeof(struct io_tlb_area) * nareas, 64);
	mem->force_bounce = force;
	default_nareas = nareas;
	TBIT_INIT_POOL;
#ifdef TBIT_POOL_STRUCT
	add_mem_pool(mem, POOL(mem));
#endif
	mem->force_bounce = force;
#ifdef CONFIG_SWIOTLB_DYNAMIC
	mem->can_grow = true;
	mem->phys_limit = ARCH_LOW_ADDRESS_LIMIT;
	default_nslabs = nslabs;
#endif
#ifdef TBIT_POOL_CC_SHARED
	mem->cc_shared = cc_platform_has(CC_ATTR_MEM_ENCRYPT);
#endif
	(void)tlb_vaddr;
	if (update)
		swiotlb_update_mem_attributes();
}
/* Devices of one region share its pool. */
#ifdef CONFIG_DMA_RESTRICTED_POOL
static struct reserved_mem *tbit_region[8];
static int tbit_regions;
EXPORT(tbit_swiotlb_restricted) int tbit_swiotlb_restricted(int d, double base, double size)
{
	struct reserved_mem *r;
	int i;

	for (i = 0; i < tbit_regions && tbit_region[i]->base != (u64)base; i++)
		;
	if (i == tbit_regions) {
		if (i == 8)
			tbit_i_oops("more than 8 restricted pools", base);
		r = tbit_region[tbit_regions++] = tbit_kzalloc(sizeof(*r), 16);
		r->name = "restricted";
		r->base = (u64)base;
		r->size = (u64)size;
	}
	return rmem_swiotlb_device_init(tbit_region[i], tbit_dev(d));
}
#endif

static struct io_tlb_mem *tbit_mem(int d) { return d < 0 ? &io_tlb_default_mem : tbit_dev(d)->dma_io_tlb_mem; }
EXPORT(tbit_force_bounce_set) void tbit_force_bounce_set(int d, int on) { tbit_mem(d)->force_bounce = on; }
EXPORT(tbit_pool_stats) int tbit_pool_stats(int d)
{
	struct io_tlb_mem *mem = tbit_mem(d);
	unsigned int i;
	unsigned long used = 0;
#ifdef CONFIG_SWIOTLB_DYNAMIC
	struct io_tlb_pool *pool;
#endif

	if (!mem)
		return 0;
	/* As mem_used() where nothing is tracked: of all pools. */
#ifdef CONFIG_SWIOTLB_DYNAMIC
	list_for_each_entry(pool, &mem->pools, node)
		for (i = 0; i < pool->nareas; i++)
			used += pool->areas[i].used;
#else
	for (i = 0; i < POOL(mem)->nareas; i++)
		used += POOL(mem)->areas[i].used;
#endif
	OUT[0] = (double)POOL(mem)->start;
	OUT[1] = (double)POOL(mem)->nslabs;
	OUT[2] = (double)POOL(mem)->nareas;
	OUT[3] = (double)used;
#ifdef TBIT_TOTAL_USED
	OUT[4] = (double)atomic_long_read(&mem->total_used);
	OUT[5] = (double)atomic_long_read(&mem->used_hiwater);
#else
	OUT[4] = (double)used;
	OUT[5] = -1;
#endif
	OUT[6] = mem->force_bounce;
	OUT[7] = mem->for_alloc;
	OUT[8] = (double)(unsigned long)POOL(mem)->slots;
	OUT[9] = (double)(unsigned long)POOL(mem)->areas;
#ifdef TBIT_POOL_CC_SHARED
	OUT[10] = mem->cc_shared;
#else
	OUT[10] = -1;
#endif
	return 1;
}
/* The high-water mark only ever grows: a search that does not ask for it forgets it, so that states can meet. */
extern int tbit_heap_touched;
/* what two states differ in that no call could tell */
EXPORT(tbit_forget_hiwater) void tbit_forget_hiwater(void)
{
	tbit_heap_touched = 0;
#ifdef TBIT_TOTAL_USED
	atomic_long_set(&io_tlb_default_mem.used_hiwater, 0);
#endif
}
EXPORT(tbit_slot) int tbit_slot(int d, int i)
{
	struct io_tlb_mem *mem = tbit_mem(d);
	struct io_tlb_slot *s;

	if (!mem || i < 0 || i >= (int)POOL(mem)->nslabs)
		return 0;
	s = &POOL(mem)->slots[i];
	OUT[0] = (double)s->list;
	OUT[1] = s->orig_addr == INVALID_PHYS_ADDR ? -1 : (double)s->orig_addr;
	OUT[2] = (double)(s64)s->alloc_size;
#ifdef TBIT_PAD_SLOTS
	OUT[3] = (double)s->pad_slots;
#else
	OUT[3] = 0;
#endif
	return 1;
}
EXPORT(tbit_area) int tbit_area(int d, int i)
{
	struct io_tlb_mem *mem = tbit_mem(d);

	if (!mem || i < 0 || i >= (int)POOL(mem)->nareas)
		return 0;
	OUT[0] = (double)POOL(mem)->areas[i].index;
	OUT[1] = (double)POOL(mem)->areas[i].used;
	return 1;
}

/* FNV-1a over little-endian u64: per area (index, used), then per slot (list, orig_addr, alloc_size, pad_slots). */
static u32 tbit_fnv(u32 h, u64 v) { int i; for (i = 0; i < 8; i++) { h ^= (u8)v; h *= 16777619u; v >>= 8; } return h; }
#ifdef TBIT_POOL_STRUCT
static u32 tbit_hash(struct io_tlb_pool *pool)
#else
static u32 tbit_hash(struct io_tlb_mem *pool)
#endif
{
	u32 h = 2166136261u;
	unsigned long i;

	for (i = 0; i < pool->nareas; i++) {
		h = tbit_fnv(h, pool->areas[i].index);
		h = tbit_fnv(h, pool->areas[i].used);
	}
	for (i = 0; i < pool->nslabs; i++) {
		struct io_tlb_slot *s = &pool->slots[i];
		h = tbit_fnv(h, s->list);
		h = tbit_fnv(h, s->orig_addr);
		h = tbit_fnv(h, s->alloc_size);
#ifdef TBIT_PAD_SLOTS
		h = tbit_fnv(h, s->pad_slots);
#else
		h = tbit_fnv(h, 0);
#endif
	}
	return h;
}
EXPORT(tbit_pool_hash) int tbit_pool_hash(int d) { return tbit_hash(POOL(tbit_mem(d))); }
#ifdef CONFIG_SWIOTLB_DYNAMIC
/* Boot lets it grow; a test that does not ask for it says no. */
EXPORT(tbit_can_grow) void tbit_can_grow(int on) { io_tlb_default_mem.can_grow = on; }
/* The i-th pool of a device's memory in list order, then the device's transient ones. 0 when there are no more. */
EXPORT(tbit_pool_nth) int tbit_pool_nth(int d, int n)
{
	struct device *dev = tbit_dev(d);
	struct io_tlb_pool *p;

	list_for_each_entry(p, &dev->dma_io_tlb_mem->pools, node)
		if (!n--)
			goto found;
	list_for_each_entry(p, &dev->dma_io_tlb_pools, node)
		if (!n--)
			goto found;
	return 0;
found:
	OUT[0] = (double)p->start;
	OUT[1] = (double)p->nslabs;
	OUT[2] = (double)tbit_hash(p);
	OUT[3] = p->transient;
	return 1;
}
/*
 * The pool made at run time that has an address: listed, or a transient one of this device (d -1: of any). 0 none, 1 the slot
 * is free, 2 it is taken.
 */
EXPORT(tbit_dynamic_pool) int tbit_dynamic_pool(int d, double phys)
{
	struct io_tlb_pool *p;
	phys_addr_t at = (u64)phys;
	int i;

	list_for_each_entry(p, &io_tlb_default_mem.pools, node)
		if (p != &io_tlb_default_mem.defpool && at >= p->start && at < p->end)
			goto found;
	for (i = d < 0 ? 0 : d; i < (d < 0 ? tbit_device_count() : d + 1); i++)
		list_for_each_entry(p, &tbit_dev(i)->dma_io_tlb_pools, node)
			if (at >= p->start && at < p->end)
				goto found;
	return 0;
found:
	OUT[0] = (double)p->start;
	return p->slots[(at - p->start) >> IO_TLB_SHIFT].list ? 1 : 2;
}
#endif
int tbit_swiotlb_work(void *fn)
{
#ifdef CONFIG_SWIOTLB_DYNAMIC
	return fn == (void *)swiotlb_dyn_alloc ? 1 : -1;
#else
	return -1;
#endif
}

/* The calls. What their parameters are called and in which order is the tree's matter: the build fills them in. */
EXPORT(tbit_swiotlb_tbl_map_single) double tbit_swiotlb_tbl_map_single(int d, int cpu, double p, double n, int align_mask, int dir, int a)
{
	struct device *dev = tbit_dev(d);
	phys_addr_t phys = (u64)p; size_t size = (u64)n; unsigned long attrs = (u32)a;

	double r;

	TBIT_ENTER(cpu);
	r = tbit_addr(TBIT_CALL_swiotlb_tbl_map_single);
	OUT[0] = (double)attrs;
	return r;
}
EXPORT(tbit_swiotlb_map) double tbit_swiotlb_map(int d, int cpu, double p, double n, int dir, int a)
{
	struct device *dev = tbit_dev(d);
	phys_addr_t phys = (u64)p; size_t size = (u64)n; unsigned long attrs = (u32)a;

	TBIT_ENTER(cpu);
	return tbit_addr(TBIT_CALL_swiotlb_map);
}
EXPORT(tbit_swiotlb_tbl_unmap_single) void tbit_swiotlb_tbl_unmap_single(int d, double p, double n, int dir, int a)
{
	struct device *dev = tbit_dev(d);
	phys_addr_t tlb_addr = (u64)p; size_t size = (u64)n; unsigned long attrs = (u32)a;

	(void)attrs;
	TBIT_CALL_swiotlb_tbl_unmap_single;
}
EXPORT(tbit_swiotlb_sync_single_for_device) void tbit_swiotlb_sync_single_for_device(int d, double p, double n, int dir)
{
	struct device *dev = tbit_dev(d);
	phys_addr_t tlb_addr = (u64)p; size_t size = (u64)n;

	TBIT_CALL_swiotlb_sync_single_for_device;
}
EXPORT(tbit_swiotlb_sync_single_for_cpu) void tbit_swiotlb_sync_single_for_cpu(int d, double p, double n, int dir)
{
	struct device *dev = tbit_dev(d);
	phys_addr_t tlb_addr = (u64)p; size_t size = (u64)n;

	TBIT_CALL_swiotlb_sync_single_for_cpu;
}
EXPORT(tbit_swiotlb_max_mapping_size) double tbit_swiotlb_max_mapping_size(int d) { return (double)swiotlb_max_mapping_size(tbit_dev(d)); }
/* -1 where the tree has no such predicate with a single device parameter */
EXPORT(tbit_is_swiotlb_active) int tbit_is_swiotlb_active(int d) { return is_swiotlb_active(tbit_dev(d)); }
EXPORT(tbit_is_swiotlb_force_bounce) int tbit_is_swiotlb_force_bounce(int d) { return is_swiotlb_force_bounce(tbit_dev(d)); }
