/*
 * What an allocation returns to its caller and takes back: the physical address, and the kind of pointer it was: 0 linear
 * map, 1 remapped, 2 a struct page used as a cookie. -1 stands for NULL. The handle goes to out[0], the kind to out[1].
 */
static inline double tbit_cpu_result(void *p, dma_addr_t handle)
{
	unsigned long a = (unsigned long)p;

	tbit_scratch.out[0] = handle == ~0ULL ? -1 : (double)handle;
	tbit_scratch.out[1] = a >= TBIT_VMEMMAP ? 2 : a >= TBIT_VMALLOC ? 1 : 0;
	if (!p)
		return -1;
	if (a >= TBIT_VMEMMAP)
		return (double)page_to_phys((struct page *)p);
	return (double)(a >= TBIT_VMALLOC ? a - TBIT_VMALLOC : a - PAGE_OFFSET);
}
static inline void *tbit_cpu_addr(double phys, int kind)
{
	u64 p = (u64)phys;

	return kind == 2 ? (void *)phys_to_page(p) : kind == 1 ? (void *)(TBIT_VMALLOC + p) : phys_to_virt(p);
}
