/* What the wrapped calls share. */
#ifndef TBIT_CALLS_H
#define TBIT_CALLS_H
#include "tbit.h"
#define TBIT_ENTER(c) (tbit_scratch.cpu = (c))
/* gfp of a call: 0 GFP_KERNEL, 1 GFP_ATOMIC, 2 GFP_NOWAIT */
#define TBIT_GFP(g) ((g) == 0 ? GFP_KERNEL : (g) == 1 ? GFP_ATOMIC : GFP_NOWAIT)
struct device *tbit_dev(int i);
int tbit_device_count(void);
int tbit_mmap_prot_taken(void);
static inline double tbit_addr(u64 a) { return a == ~0ULL ? -1 : (double)a; }
static inline u64 tbit_dma(double a) { return a < 0 ? ~0ULL : (u64)a; }
/*
 * What an allocation returns to its caller and takes back: the physical address, and the kind of pointer it was: 0 linear
 * map, 1 remapped, 2 a struct page used as a cookie. -1 stands for NULL. The handle goes to out[0], the kind to out[1], with
 * the turn of a remapped one above its two lowest bits.
 */
static inline double tbit_cpu_result(void *p, dma_addr_t handle)
{
	unsigned long a = (unsigned long)p;

	OUT[0] = handle == ~0ULL ? -1 : (double)handle;
	OUT[1] = a >= TBIT_PAGES ? 2 : a >= TBIT_REMAPPED ? 1 + 4 * (double)((a - TBIT_REMAPPED) >> TBIT_TURN_SHIFT) : 0;
	if (!p)
		return -1;
	if (a >= TBIT_PAGES)
		return (double)page_to_phys((struct page *)p);
	return (double)(a >= TBIT_REMAPPED ? (a - TBIT_REMAPPED) & TBIT_TURN_MASK : a - TBIT_LINEAR);
}
static inline void *tbit_cpu_addr(double phys, int kind)
{
	u64 p = (u64)phys;

	return kind == 2 ? (void *)phys_to_page(p) : (kind & 3) == 1 ? (void *)(TBIT_REMAPPED + ((unsigned long)(kind >> 2) << TBIT_TURN_SHIFT) + p) : phys_to_virt(p);
}
#endif
