/*
 * dma-iommu over a vIOMMU of the machine's: the tree's own code from dma_map_*() down to iommu_map(). What the IOMMU core, the
 * IOVA allocator and the PCI core answer is below; the tables themselves are the machine's.
 */
#include <linux/dma-map-ops.h>
#include <linux/iommu.h>
#include <linux/iova.h>
#include <linux/pci.h>
#include "tbit-calls.h"
#include "tbit-tree.h"

#ifdef CONFIG_X86
/* page tables of a real IOMMU */
static inline void clflush_cache_range(void *at, unsigned int size) { }
#endif
#ifndef CONFIG_NUMA
/* the only node: nobody looks into it */
struct pglist_data contig_page_data;
#endif
/* every device is a PCI device here; which is on an external port is told */
static struct pci_dev tbit_pci[2] = { { .untrusted = 0 }, { .untrusted = 1 } };
int tbit_untrusted(const void *dev);
#undef dev_is_pci
#define dev_is_pci(d) 1
#undef to_pci_dev
#define to_pci_dev(d) (&tbit_pci[tbit_untrusted(d)])
#include "drivers/iommu/dma-iommu.c"

/* ---- the IOMMU core: a domain a device, its tables outside ---- */
struct tbit_domain { struct iommu_domain domain; int dev; };
static struct tbit_domain *tbit_domains[64];
static int tbit_domain_dev(struct iommu_domain *domain) { return container_of(domain, struct tbit_domain, domain)->dev; }

static const struct iommu_domain_ops tbit_domain_ops;
struct iommu_domain *iommu_get_dma_domain(struct device *dev) { return &tbit_domains[tbit_dev_index(dev)]->domain; }
struct iommu_domain *iommu_get_domain_for_dev(struct device *dev) { return iommu_get_dma_domain(dev); }
int iommu_map(struct iommu_domain *domain, unsigned long iova, phys_addr_t paddr, size_t size, int prot, gfp_t gfp)
{
	might_sleep_if(gfpflags_allow_blocking(gfp));
	return tbit_i_iommu_map(tbit_domain_dev(domain), (double)iova, (double)paddr, (double)size);
}
ssize_t iommu_map_sg(struct iommu_domain *domain, unsigned long iova, struct scatterlist *sg, unsigned int nents, int prot, gfp_t gfp)
{
	struct scatterlist *s;
	size_t mapped = 0;
	unsigned int i;

	for_each_sg(sg, s, nents, i) {
		int r = iommu_map(domain, iova + mapped, sg_phys(s), s->length, prot, gfp);

		if (r)
			return r;
		mapped += s->length;
	}
	return mapped;
}
size_t iommu_unmap_fast(struct iommu_domain *domain, unsigned long iova, size_t size, struct iommu_iotlb_gather *gather)
{
	tbit_i_iommu_unmap(tbit_domain_dev(domain), (double)iova, (double)size);
	return size;
}
size_t iommu_unmap(struct iommu_domain *domain, unsigned long iova, size_t size) { return iommu_unmap_fast(domain, iova, size, NULL); }
/* 0: nothing is mapped there */
phys_addr_t iommu_iova_to_phys(struct iommu_domain *domain, dma_addr_t iova)
{
	double phys = tbit_i_iova_to_phys(tbit_domain_dev(domain), (double)iova);

	return phys < 0 ? 0 : (u64)phys;
}
void iommu_get_resv_regions(struct device *dev, struct list_head *list) { }
void iommu_put_resv_regions(struct device *dev, struct list_head *list) { }

/* ---- the PCI core: a bridge without windows ---- */
struct pci_host_bridge *pci_find_host_bridge(struct pci_bus *bus)
{
	static struct pci_host_bridge *bridge;

	if (!bridge) {
		bridge = tbit_kzalloc(sizeof(*bridge), 16);
		INIT_LIST_HEAD(&bridge->windows);
		INIT_LIST_HEAD(&bridge->dma_ranges);
	}
	return bridge;
}
void list_sort(void *priv, struct list_head *head, list_cmp_func_t cmp) { }

/* ---- IOVAs: the highest free range below the limit, ranges in the order of their places ---- */
#define TBIT_IOVAS 128
static struct { struct iova_domain *iovad; unsigned long pfn, size; } tbit_iovas[TBIT_IOVAS];
static int tbit_niovas;

void init_iova_domain(struct iova_domain *iovad, unsigned long granule, unsigned long start_pfn)
{
	spin_lock_init(&iovad->iova_rbtree_lock);
	iovad->granule = granule;
	iovad->start_pfn = start_pfn;
}
int iova_domain_init_rcaches(struct iova_domain *iovad) { return 0; }
unsigned long alloc_iova_fast(struct iova_domain *iovad, unsigned long size, unsigned long limit_pfn, bool flush_rcache)
{
	unsigned long flags, top = limit_pfn + 1, found = 0;
	int i;

	spin_lock_irqsave(&iovad->iova_rbtree_lock, flags);
	/* from the highest range down: the first gap that has room */
	for (i = 0; i < tbit_niovas; i++) {
		if (tbit_iovas[i].iovad != iovad)
			continue;
		if (top >= size && tbit_iovas[i].pfn + tbit_iovas[i].size <= top - size)
			break;
		if (tbit_iovas[i].pfn < top)
			top = tbit_iovas[i].pfn;
	}
	if (top >= size && top - size >= iovad->start_pfn) {
		found = top - size;
		if (tbit_niovas == TBIT_IOVAS)
			tbit_i_oops("more than 128 ranges of IOVAs", found);
		for (i = tbit_niovas++; i > 0 && tbit_iovas[i - 1].pfn < found; i--)
			tbit_iovas[i] = tbit_iovas[i - 1];
		tbit_iovas[i].iovad = iovad;
		tbit_iovas[i].pfn = found;
		tbit_iovas[i].size = size;
	}
	spin_unlock_irqrestore(&iovad->iova_rbtree_lock, flags);
	return found;
}
void free_iova_fast(struct iova_domain *iovad, unsigned long pfn, unsigned long size)
{
	unsigned long flags;
	int i;

	spin_lock_irqsave(&iovad->iova_rbtree_lock, flags);
	for (i = 0; i < tbit_niovas && !(tbit_iovas[i].iovad == iovad && tbit_iovas[i].pfn == pfn); i++)
		;
	if (i < tbit_niovas) {
		for (tbit_niovas--; i < tbit_niovas; i++)
			tbit_iovas[i] = tbit_iovas[i + 1];
		tbit_iovas[i].iovad = NULL;
		tbit_iovas[i].pfn = tbit_iovas[i].size = 0;
	}
	spin_unlock_irqrestore(&iovad->iova_rbtree_lock, flags);
}

/* A device is put behind the vIOMMU, as the core does it at probe; 0, or -1 where the tree refuses. */
EXPORT(tbit_iommu_attach) int tbit_iommu_attach(int d)
{
	struct device *dev = tbit_dev(d);
	struct tbit_domain *t = tbit_kzalloc(sizeof(*t), 16);
	struct iommu_domain *domain = &t->domain;

	t->dev = d;
	domain->type = IOMMU_DOMAIN_DMA;
	domain->ops = &tbit_domain_ops;
	domain->pgsize_bitmap = PAGE_SIZE;
	domain->geometry.aperture_end = ~0ULL;
	tbit_domains[d] = t;
	dev->iommu = tbit_kzalloc(sizeof(*dev->iommu), 16);
	if (iommu_get_dma_cookie(domain))
		return -1;
	TBIT_SETUP_DMA_OPS;
	return use_dma_iommu(dev) ? 0 : -1;
}
