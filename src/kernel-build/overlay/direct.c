/* dma-direct: the functions below the public API, one for one. */
#include "kernel/dma/direct.c"
#include "tbit-calls.h"
#include "tbit-tree.h"


EXPORT(tbit_dma_direct_map) double tbit_dma_direct_map(int d, int cpu, double p, double n, int dir, int a)
{
	struct device *dev = tbit_dev(d);
	phys_addr_t phys = (u64)p; size_t size = (u64)n; unsigned long attrs = (u32)a;

	TBIT_ENTER(cpu);
	return tbit_addr(TBIT_CALL_dma_direct_map);
}
EXPORT(tbit_dma_direct_unmap) void tbit_dma_direct_unmap(int d, double p, double n, int dir, int a)
{
	struct device *dev = tbit_dev(d);
	dma_addr_t addr = tbit_dma(p); size_t size = (u64)n; unsigned long attrs = (u32)a;

	TBIT_CALL_dma_direct_unmap;
}
EXPORT(tbit_dma_direct_sync_single_for_device) void tbit_dma_direct_sync_single_for_device(int d, double p, double n, int dir)
{
	struct device *dev = tbit_dev(d);
	dma_addr_t addr = tbit_dma(p); size_t size = (u64)n;

	TBIT_CALL_dma_direct_sync_single_for_device;
}
EXPORT(tbit_dma_direct_sync_single_for_cpu) void tbit_dma_direct_sync_single_for_cpu(int d, double p, double n, int dir)
{
	struct device *dev = tbit_dev(d);
	dma_addr_t addr = tbit_dma(p); size_t size = (u64)n;

	TBIT_CALL_dma_direct_sync_single_for_cpu;
}
EXPORT(tbit_dma_direct_alloc) double tbit_dma_direct_alloc(int d, int cpu, double n, int g, int a)
{
	struct device *dev = tbit_dev(d);
	size_t size = (u64)n; gfp_t gfp = TBIT_GFP(g); unsigned long attrs = (u32)a;
	dma_addr_t handle = ~0ULL;

	TBIT_ENTER(cpu);
	return tbit_cpu_result(TBIT_CALL_dma_direct_alloc, handle);
}
EXPORT(tbit_dma_direct_free) void tbit_dma_direct_free(int d, double n, double p, int kind, double h, int a)
{
	struct device *dev = tbit_dev(d);
	size_t size = (u64)n; void *cpu_addr = tbit_cpu_addr(p, kind); dma_addr_t addr = tbit_dma(h); unsigned long attrs = (u32)a;

	TBIT_CALL_dma_direct_free;
}
EXPORT(tbit_dma_direct_max_mapping_size) double tbit_dma_direct_max_mapping_size(int d) { return (double)dma_direct_max_mapping_size(tbit_dev(d)); }
EXPORT(tbit_dma_direct_get_required_mask) double tbit_dma_direct_get_required_mask(int d) { return (double)dma_direct_get_required_mask(tbit_dev(d)); }
EXPORT(tbit_dma_direct_supported) int tbit_dma_direct_supported(int d, int lo, int hi) { return dma_direct_supported(tbit_dev(d), (u64)(u32)hi << 32 | (u32)lo); }
EXPORT(tbit_force_dma_unencrypted) int tbit_force_dma_unencrypted(int d) { return force_dma_unencrypted(tbit_dev(d)); }
EXPORT(tbit_phys_to_dma) double tbit_phys_to_dma(int d, double p) { return tbit_addr(phys_to_dma(tbit_dev(d), (u64)p)); }
EXPORT(tbit_phys_to_dma_unencrypted) double tbit_phys_to_dma_unencrypted(int d, double p) { return tbit_addr(phys_to_dma_unencrypted(tbit_dev(d), (u64)p)); }
EXPORT(tbit_dma_to_phys) double tbit_dma_to_phys(int d, double a) { return tbit_addr(dma_to_phys(tbit_dev(d), tbit_dma(a))); }
