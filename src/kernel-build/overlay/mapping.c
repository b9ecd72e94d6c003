/* The public DMA API as drivers call it: dispatch, checks and all. */
#include "kernel/dma/mapping.c"
#include "tbit-calls.h"
#include "tbit-tree.h"


EXPORT(tbit_dma_map) double tbit_dma_map(int d, int cpu, double p, double n, int dir, int a)
{
	struct device *dev = tbit_dev(d);
	phys_addr_t phys = (u64)p; size_t size = (u64)n; unsigned long attrs = (u32)a;

	TBIT_ENTER(cpu);
	return tbit_addr(TBIT_CALL_dma_map);
}
EXPORT(tbit_dma_unmap) void tbit_dma_unmap(int d, double p, double n, int dir, int a)
{
	struct device *dev = tbit_dev(d);
	dma_addr_t addr = tbit_dma(p); size_t size = (u64)n; unsigned long attrs = (u32)a;

	TBIT_CALL_dma_unmap;
}
EXPORT(tbit_dma_map_resource) double tbit_dma_map_resource(int d, int cpu, double p, double n, int dir, int a)
{
	struct device *dev = tbit_dev(d);
	phys_addr_t phys = (u64)p; size_t size = (u64)n; unsigned long attrs = (u32)a;

	TBIT_ENTER(cpu);
	return tbit_addr(TBIT_CALL_dma_map_resource);
}
EXPORT(tbit_dma_unmap_resource) void tbit_dma_unmap_resource(int d, double p, double n, int dir, int a)
{
	struct device *dev = tbit_dev(d);
	dma_addr_t addr = tbit_dma(p); size_t size = (u64)n; unsigned long attrs = (u32)a;

	TBIT_CALL_dma_unmap_resource;
}
EXPORT(tbit_dma_sync_single_for_cpu) void tbit_dma_sync_single_for_cpu(int d, double p, double n, int dir) { dma_sync_single_for_cpu(tbit_dev(d), tbit_dma(p), (u64)n, dir); }
EXPORT(tbit_dma_sync_single_for_device) void tbit_dma_sync_single_for_device(int d, double p, double n, int dir) { dma_sync_single_for_device(tbit_dev(d), tbit_dma(p), (u64)n, dir); }

EXPORT(tbit_dma_alloc) double tbit_dma_alloc(int d, int cpu, double n, int g, int a)
{
	struct device *dev = tbit_dev(d);
	size_t size = (u64)n; gfp_t gfp = TBIT_GFP(g); unsigned long attrs = (u32)a;
	dma_addr_t handle = ~0ULL;

	TBIT_ENTER(cpu);
	return tbit_cpu_result(TBIT_CALL_dma_alloc, handle);
}
EXPORT(tbit_dma_free) void tbit_dma_free(int d, double n, double p, int kind, double h, int a)
{
	struct device *dev = tbit_dev(d);
	size_t size = (u64)n; void *cpu_addr = tbit_cpu_addr(p, kind); dma_addr_t addr = tbit_dma(h); unsigned long attrs = (u32)a;

	TBIT_CALL_dma_free;
}
EXPORT(tbit_dma_alloc_pages) double tbit_dma_alloc_pages(int d, int cpu, double n, int dir, int g)
{
	struct device *dev = tbit_dev(d);
	size_t size = (u64)n; gfp_t gfp = TBIT_GFP(g);
	dma_addr_t handle = ~0ULL;

	TBIT_ENTER(cpu);
	return tbit_cpu_result(TBIT_CALL_dma_alloc_pages, handle);
}
EXPORT(tbit_dma_free_pages) void tbit_dma_free_pages(int d, double n, double p, double h, int dir)
{
	struct device *dev = tbit_dev(d);
	size_t size = (u64)n; struct page *page = phys_to_page((u64)p); dma_addr_t addr = tbit_dma(h);

	TBIT_CALL_dma_free_pages;
}
/* The protection a user mapping of this buffer gets: 1 decrypted, 0 not, or a negative errno. */
EXPORT(tbit_dma_mmap) int tbit_dma_mmap(int d, double n, double p, int kind, double h, int a)
{
	struct device *dev = tbit_dev(d);
	size_t size = (u64)n; void *cpu_addr = tbit_cpu_addr(p, kind); dma_addr_t addr = tbit_dma(h); unsigned long attrs = (u32)a;
	struct vm_area_struct area = { .vm_start = 0x10000, .vm_end = 0x10000 + PAGE_ALIGN(size) }, *vma = &area;
	int e = TBIT_CALL_dma_mmap;

	(void)tbit_mmap_prot_taken();
	return e ? e : !!(pgprot_val(area.vm_page_prot) & TBIT_PROT_DECRYPTED);
}
EXPORT(tbit_dma_set_mask) int tbit_dma_set_mask(int d, int lo, int hi) { return dma_set_mask(tbit_dev(d), (u64)(u32)hi << 32 | (u32)lo); }
EXPORT(tbit_dma_set_coherent_mask) int tbit_dma_set_coherent_mask(int d, int lo, int hi) { return dma_set_coherent_mask(tbit_dev(d), (u64)(u32)hi << 32 | (u32)lo); }
EXPORT(tbit_dma_max_mapping_size) double tbit_dma_max_mapping_size(int d) { return (double)dma_max_mapping_size(tbit_dev(d)); }
EXPORT(tbit_dma_addressing_limited) int tbit_dma_addressing_limited(int d) { return dma_addressing_limited(tbit_dev(d)); }
EXPORT(tbit_dma_need_sync) int tbit_dma_need_sync(int d, double a) { return dma_need_sync(tbit_dev(d), tbit_dma(a)); }

/* Scatter-gather: a list belongs to its user, a handle of the embedder, and lives as long as the mapping. */
#define TBIT_TABLES 64
static struct sg_table *tbit_first_tables[2][TBIT_TABLES];
static struct sg_table **tbit_sg_tables = tbit_first_tables[0];
static int tbit_sg_room = TBIT_TABLES;
/* A free place in a list of tables, which is made longer where there is none. */
static int tbit_place(struct sg_table ***list, int *room, int which)
{
	struct sg_table **more;
	int h, i;

	for (h = 0; h < *room && (*list)[h]; h++)
		;
	if (h < *room)
		return h;
	more = tbit_kzalloc(2 * *room * sizeof(*more), 16);
	for (i = 0; i < *room; i++)
		more[i] = (*list)[i];
	if (*list != tbit_first_tables[which])
		tbit_kfree(*list);
	*list = more;
	*room *= 2;
	return h;
}
EXPORT(tbit_sg_new) int tbit_sg_new(int nents)
{
	struct sg_table *t;
	int i, h;

	h = tbit_place(&tbit_sg_tables, &tbit_sg_room, 0);
	t = tbit_kzalloc(sizeof(*t), 16);
	t->sgl = tbit_kzalloc(sizeof(struct scatterlist) * nents, 16);
	t->orig_nents = t->nents = nents;
	for (i = 0; i < nents; i++)
		t->sgl[i].page_link = i == nents - 1 ? 2 : 0;
	tbit_sg_tables[h] = t;
	return h;
}
EXPORT(tbit_sg_set) void tbit_sg_set(int h, int i, double p, double n) { sg_set_page(&tbit_sg_tables[h]->sgl[i], phys_to_page((u64)p), (unsigned int)n, (u64)p & 0xfff); }
EXPORT(tbit_sg_addr) double tbit_sg_addr(int h, int i) { return tbit_addr(sg_dma_address(&tbit_sg_tables[h]->sgl[i])); }
EXPORT(tbit_sg_len) double tbit_sg_len(int h, int i) { return (double)sg_dma_len(&tbit_sg_tables[h]->sgl[i]); }
EXPORT(tbit_sg_free) void tbit_sg_free(int h)
{
	tbit_kfree(tbit_sg_tables[h]->sgl);
	tbit_kfree(tbit_sg_tables[h]);
	tbit_sg_tables[h] = NULL;
}
/* what dma_map_sg_attrs answers: the number of DMA segments, 0 on failure; out[0] has the errno of dma_map_sgtable */
EXPORT(tbit_dma_map_sg) int tbit_dma_map_sg(int d, int cpu, int h, int dir, int a)
{
	struct sg_table *t = tbit_sg_tables[h];
	int e;

	TBIT_ENTER(cpu);
	e = dma_map_sgtable(tbit_dev(d), t, dir, (u32)a);
	OUT[0] = e;
	return e ? 0 : t->nents;
}
EXPORT(tbit_dma_unmap_sg) void tbit_dma_unmap_sg(int d, int h, int dir, int a) { dma_unmap_sg_attrs(tbit_dev(d), tbit_sg_tables[h]->sgl, tbit_sg_tables[h]->orig_nents, dir, (u32)a); }
EXPORT(tbit_dma_sync_sg_for_cpu) void tbit_dma_sync_sg_for_cpu(int d, int h, int dir) { dma_sync_sg_for_cpu(tbit_dev(d), tbit_sg_tables[h]->sgl, tbit_sg_tables[h]->orig_nents, dir); }
EXPORT(tbit_dma_sync_sg_for_device) void tbit_dma_sync_sg_for_device(int d, int h, int dir) { dma_sync_sg_for_device(tbit_dev(d), tbit_sg_tables[h]->sgl, tbit_sg_tables[h]->orig_nents, dir); }

/*
 * A list that lives as long as one call, on its stack: IN has for each entry where it lies, its bytes and its address (-1: none
 * yet), OUT gets the addresses. A driver's own list is no part of the kernel's state.
 */
#define TBIT_SEGMENTS 16
static void tbit_segments(struct scatterlist *sgl, int n)
{
	for (int i = 0; i < n; i++) {
		u64 phys = (u64)IN[3 * i];
		unsigned int size = (unsigned int)IN[3 * i + 1];

		sgl[i] = (struct scatterlist){ .page_link = i == n - 1 ? 2 : 0 };
		sg_set_page(&sgl[i], phys_to_page(phys), size, phys & 0xfff);
		if (IN[3 * i + 2] >= 0) {
			sg_dma_address(&sgl[i]) = tbit_dma(IN[3 * i + 2]);
			sg_dma_len(&sgl[i]) = size;
		}
	}
}
/* 0 or the errno of dma_map_sgtable */
EXPORT(tbit_dma_map_segments) int tbit_dma_map_segments(int d, int cpu, int n, int dir, int a)
{
	struct scatterlist sgl[TBIT_SEGMENTS];
	struct sg_table t = { .sgl = sgl, .nents = n, .orig_nents = n };
	int e;

	tbit_segments(sgl, n);
	TBIT_ENTER(cpu);
	e = dma_map_sgtable(tbit_dev(d), &t, dir, (u32)a);
	for (int i = 0; i < n; i++)
		OUT[i] = e ? -1 : tbit_addr(sg_dma_address(&sgl[i]));
	return e;
}
EXPORT(tbit_dma_unmap_segments) void tbit_dma_unmap_segments(int d, int n, int dir, int a)
{
	struct scatterlist sgl[TBIT_SEGMENTS];

	tbit_segments(sgl, n);
	dma_unmap_sg_attrs(tbit_dev(d), sgl, n, dir, (u32)a);
}
EXPORT(tbit_dma_sync_segments) void tbit_dma_sync_segments(int d, int n, int dir, int for_cpu)
{
	struct scatterlist sgl[TBIT_SEGMENTS];

	tbit_segments(sgl, n);
	if (for_cpu)
		dma_sync_sg_for_cpu(tbit_dev(d), sgl, n, dir);
	else
		dma_sync_sg_for_device(tbit_dev(d), sgl, n, dir);
}

/* Non-contiguous buffers: out[0] the address, the physical address of the first page is returned, -1 for none. */
static struct sg_table **tbit_noncontiguous = tbit_first_tables[1];
static int tbit_noncontiguous_room = TBIT_TABLES;
EXPORT(tbit_dma_alloc_noncontiguous) double tbit_dma_alloc_noncontiguous(int d, int cpu, double n, int dir, int g, int a)
{
	struct sg_table *t;
	int i;

	TBIT_ENTER(cpu);
	t = dma_alloc_noncontiguous(tbit_dev(d), (u64)n, dir, TBIT_GFP(g), (u32)a);
	if (!t)
		return -1;
	i = tbit_place(&tbit_noncontiguous, &tbit_noncontiguous_room, 1);
	tbit_noncontiguous[i] = t;
	OUT[0] = tbit_addr(sg_dma_address(t->sgl));
	return (double)sg_phys(t->sgl);
}
EXPORT(tbit_dma_free_noncontiguous) void tbit_dma_free_noncontiguous(int d, double n, double p, int dir)
{
	int i;

	for (i = 0; i < tbit_noncontiguous_room; i++) {
		struct sg_table *t = tbit_noncontiguous[i];

		if (!t || sg_phys(t->sgl) != (u64)p)
			continue;
		tbit_noncontiguous[i] = NULL;
		dma_free_noncontiguous(tbit_dev(d), (u64)n, t, dir);
		return;
	}
	tbit_i_oops("no such non-contiguous buffer", p);
}
EXPORT(tbit_dma_get_required_mask) double tbit_dma_get_required_mask(int d)
{
	u64 m = dma_get_required_mask(tbit_dev(d));

	OUT[0] = (double)(m >> 32);
	OUT[1] = (double)(u32)m;
	return (double)m;
}
EXPORT(tbit_dma_need_unmap) int tbit_dma_need_unmap(int d)
{
#ifdef TBIT_NEED_UNMAP
	return dma_need_unmap(tbit_dev(d));
#else
	return -1;
#endif
}
EXPORT(tbit_dma_opt_mapping_size) double tbit_dma_opt_mapping_size(int d) { return (double)dma_opt_mapping_size(tbit_dev(d)); }
EXPORT(tbit_dma_pgprot) int tbit_dma_pgprot(int d, int a)
{
#ifdef CONFIG_MMU
	return (int)pgprot_val(dma_pgprot(tbit_dev(d), PAGE_KERNEL, (u32)a));
#else
	return 0;
#endif
}
