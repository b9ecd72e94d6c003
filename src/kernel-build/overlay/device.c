/* Devices, locks and work: what the machine must know the tree's structures for. */
#include <linux/device.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/swiotlb.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#include <linux/cc_platform.h>
#include "tbit-calls.h"

const unsigned long tbit_page_struct = sizeof(struct page);
const unsigned int tbit_gfp_dma = (unsigned int)GFP_DMA, tbit_gfp_dma32 = (unsigned int)GFP_DMA32, tbit_gfp_zero = (unsigned int)__GFP_ZERO, tbit_gfp_reclaim = (unsigned int)__GFP_DIRECT_RECLAIM;

/* ---- locks: a word says which thread has one; the machine keeps the list for the tree's own assertions ---- */
static __attribute__((__noinline__)) void tbit_take(void *lock, void *map, unsigned int *word, const char *name, int sleeps)
{
	if (sleeps)
		tbit_might_sleep(name, 0);
	while (tbit_i_lock((double)(unsigned long)lock, name))
		;
	if (*word)
		tbit_i_oops("a lock is taken by the thread that has it already", (double)(unsigned long)lock);
	*word = 1;
	if (tbit_nheld < TBIT_HELD_MAX)
		tbit_held[tbit_nheld] = (unsigned long)map;
	tbit_nheld++;
	if (!sleeps)
		tbit_preempt_count++;
}
static __attribute__((__noinline__)) void tbit_release(void *lock, void *map, unsigned int *word, int sleeps)
{
	int i, n = tbit_nheld;

	if (!*word)
		tbit_i_oops("a lock is released that nobody has", (double)(unsigned long)lock);
	*word = 0;
	for (i = n - 1; i >= 0 && tbit_held[i] != (unsigned long)map; i--)
		;
	for (; i >= 0 && i < n - 1; i++)
		tbit_held[i] = tbit_held[i + 1];
	if (n > 0) {
		tbit_nheld = n - 1;
		/* what is behind the last one is part of a stopped thread, and must not tell what it held before */
		if (n <= TBIT_HELD_MAX)
			tbit_held[n - 1] = 0;
	}
	if (!sleeps)
		tbit_preempt_count--;
	tbit_i_unlock((double)(unsigned long)lock);
}
#ifdef CONFIG_DEBUG_LOCK_ALLOC
#define MAP(l) ((void *)&(l)->dep_map)
#define NAME(l) ((l)->dep_map.name)
#else
#define MAP(l) ((void *)(l))
#define NAME(l) "lock"
#endif
#define SPIN_TAKE(l) tbit_take(l, MAP(l), &(l)->raw_lock.held, NAME(l), 0)
#define SPIN_RELEASE(l) tbit_release(l, MAP(l), &(l)->raw_lock.held, 0)
void __lockfunc _raw_spin_lock(raw_spinlock_t *l) { SPIN_TAKE(l); }
void __lockfunc _raw_spin_lock_nested(raw_spinlock_t *l, int subclass) { SPIN_TAKE(l); }
void __lockfunc _raw_spin_lock_bh(raw_spinlock_t *l) { SPIN_TAKE(l); }
void __lockfunc _raw_spin_lock_irq(raw_spinlock_t *l) { tbit_irqs_off = 1; SPIN_TAKE(l); }
unsigned long __lockfunc _raw_spin_lock_irqsave(raw_spinlock_t *l) { unsigned long f = tbit_irqs_off; tbit_irqs_off = 1; SPIN_TAKE(l); return f; }
unsigned long __lockfunc _raw_spin_lock_irqsave_nested(raw_spinlock_t *l, int subclass) { return _raw_spin_lock_irqsave(l); }
int __lockfunc _raw_spin_trylock(raw_spinlock_t *l) { if (l->raw_lock.held) return 0; SPIN_TAKE(l); return 1; }
void __lockfunc _raw_spin_unlock(raw_spinlock_t *l) { SPIN_RELEASE(l); }
void __lockfunc _raw_spin_unlock_bh(raw_spinlock_t *l) { SPIN_RELEASE(l); }
void __lockfunc _raw_spin_unlock_irq(raw_spinlock_t *l) { SPIN_RELEASE(l); tbit_irqs_off = 0; }
void __lockfunc _raw_spin_unlock_irqrestore(raw_spinlock_t *l, unsigned long f) { SPIN_RELEASE(l); tbit_irqs_off = f; }
/* the first word of a mutex and of a semaphore: its owner */
#ifdef CONFIG_DEBUG_LOCK_ALLOC
void mutex_lock_nested(struct mutex *l, unsigned int subclass) { tbit_take(l, MAP(l), (unsigned int *)l, NAME(l), 1); }
#else
void mutex_lock(struct mutex *l) { tbit_take(l, MAP(l), (unsigned int *)l, NAME(l), 1); }
#endif
void mutex_unlock(struct mutex *l) { tbit_release(l, MAP(l), (unsigned int *)l, 1); }
void down_read(struct rw_semaphore *l) { tbit_take(l, MAP(l), (unsigned int *)l, NAME(l), 1); }
void up_read(struct rw_semaphore *l) { tbit_release(l, MAP(l), (unsigned int *)l, 1); }
void down_write(struct rw_semaphore *l) { tbit_take(l, MAP(l), (unsigned int *)l, NAME(l), 1); }
void up_write(struct rw_semaphore *l) { tbit_release(l, MAP(l), (unsigned int *)l, 1); }
#ifdef CONFIG_LOCKDEP
static __attribute__((__noinline__)) int tbit_is_held(const void *map)
{
	int i;

	for (i = 0; i < tbit_nheld && i < TBIT_HELD_MAX; i++)
		if (tbit_held[i] == (unsigned long)map)
			return 1;
	return 0;
}
int lock_is_held_type(const struct lockdep_map *map, int read) { return tbit_is_held(map); }
void lockdep_init_map_type(struct lockdep_map *map, const char *name, struct lock_class_key *key, int subclass, u8 inner, u8 outer, u8 type)
{
	map->name = name;
}
#endif
/* what a thread brings along to a call, by the address of the lock: device_lock() and its kind are taken outside the C */
EXPORT(tbit_hold) void tbit_hold(int d, int on);

/* ---- work: kept until the embedder runs it ---- */
#define TBIT_WORKS 16
struct tbit_pending { void (*fn)(void *); void *arg; int kind; int pad; };
static struct tbit_pending tbit_first_works[TBIT_WORKS];
static struct tbit_pending *tbit_work = tbit_first_works;
static int tbit_work_room = TBIT_WORKS;
static int tbit_works;
int tbit_swiotlb_work(void *fn);
int tbit_pool_work(void *fn);
/* 0 refill of an atomic pool, 1 a pool is made, 2 work behind a grace period, 3 RCU callback, 4 any other */
static int tbit_work_kind(void *fn)
{
	int kind = tbit_swiotlb_work(fn);

#ifdef CONFIG_DMA_COHERENT_POOL
	if (kind < 0)
		kind = tbit_pool_work(fn);
#endif
	return kind < 0 ? 4 : kind;
}
static __attribute__((__noinline__)) int tbit_defer(void (*fn)(void *), void *arg, int kind)
{
	int i;

	for (i = 0; i < tbit_works; i++)
		if (tbit_work[i].arg == arg)
			return 0;
	if (tbit_works == tbit_work_room) {
		struct tbit_pending *more = tbit_kzalloc(2 * tbit_work_room * sizeof(*more), 16);

		for (i = 0; i < tbit_works; i++)
			more[i] = tbit_work[i];
		if (tbit_work != tbit_first_works)
			tbit_kfree(tbit_work);
		tbit_work = more;
		tbit_work_room *= 2;
	}
	tbit_work[tbit_works].fn = fn;
	tbit_work[tbit_works].arg = arg;
	tbit_work[tbit_works++].kind = kind;
	tbit_i_work(kind);
	return 1;
}
bool queue_work_on(int cpu, struct workqueue_struct *wq, struct work_struct *w) { return tbit_defer((void (*)(void *))w->func, w, tbit_work_kind(w->func)); }
bool queue_rcu_work(struct workqueue_struct *wq, struct rcu_work *w) { return tbit_defer((void (*)(void *))w->work.func, &w->work, 2); }
bool queue_delayed_work_on(int cpu, struct workqueue_struct *wq, struct delayed_work *w, unsigned long delay) { return queue_work_on(cpu, wq, &w->work); }
void call_rcu(struct rcu_head *head, rcu_callback_t fn) { tbit_defer((void (*)(void *))fn, head, 3); }
bool flush_work(struct work_struct *w) { tbit_might_sleep("flush_work", 0); return false; }
bool cancel_work_sync(struct work_struct *w) { tbit_might_sleep("cancel_work_sync", 0); return false; }
#define TBIT_OF_KINDS(i, kinds) ((kinds) >> tbit_work[i].kind & 1)
/* How much is pending of these kinds, a bit each. */
EXPORT(tbit_works) int tbit_works_pending(int kinds)
{
	int i, n = 0;

	for (i = 0; i < tbit_works; i++)
		n += TBIT_OF_KINDS(i, kinds);
	return n;
}
/* Runs the oldest of these kinds; an RCU callback runs in softirq context, where nothing may sleep. Returns its kind + 1, 0 when there was none. */
EXPORT(tbit_run_work) int tbit_run_work(int kinds)
{
	struct tbit_pending w;
	int i = 0;

	while (i < tbit_works && !TBIT_OF_KINDS(i, kinds))
		i++;
	if (i == tbit_works)
		return 0;
	w = tbit_work[i];
	for (i++; i < tbit_works; i++)
		tbit_work[i - 1] = tbit_work[i];
	tbit_works--;
	tbit_work[tbit_works] = (struct tbit_pending) { };
	tbit_preempt_count = w.kind == 3 ? 0x100 : 0;
	w.fn(w.arg);
	tbit_preempt_count = 0;
	return w.kind + 1;
}
EXPORT(tbit_work_next) int tbit_work_next(void) { return tbit_works ? tbit_work[0].kind : -1; }

/* ---- remapped memory ---- */
#ifdef CONFIG_IOMMU_DMA
/* a buffer gathered page by page keeps its pages with its mapping */
static struct vm_struct tbit_vm_areas[TBIT_MAPPINGS];
#define TBIT_VM_AREA(addr) (&tbit_vm_areas[tbit_mapping_of(addr)])
void tbit_unmapped(int i) { tbit_vm_areas[i] = (struct vm_struct) { }; }
#else
static struct vm_struct tbit_vm_area;
#define TBIT_VM_AREA(addr) (&tbit_vm_area)
void tbit_unmapped(int i) { }
#endif
int tbit_mapping_of(const void *addr);
struct vm_struct *find_vm_area(const void *addr)
{
	struct vm_struct *area;

	if (!((unsigned long)addr >= TBIT_REMAPPED && (unsigned long)addr < TBIT_PAGES))
		return NULL;
	area = TBIT_VM_AREA(addr);
	area->addr = (void *)addr;
	area->flags = VM_DMA_COHERENT;
	return area;
}

/* ---- platform ---- */
void tbit_convert_on(int on);
int tbit_encrypt(unsigned long addr, int numpages);
int tbit_decrypt(unsigned long addr, int numpages);
#ifdef CONFIG_ARM64
/* also where the tree knows no realm: a patch may ask */
DEFINE_STATIC_KEY_FALSE(rsi_present);
#ifdef TBIT_PKVM
DEFINE_STATIC_KEY_FALSE(pkvm_guest);
#endif
#ifdef TBIT_CRYPT_OPS
static const struct arm64_mem_crypt_ops tbit_crypt_ops = { .encrypt = tbit_encrypt, .decrypt = tbit_decrypt };
#endif
static void tbit_platform_arm64(int kind, int bit)
{
	if (kind == 1)
		static_branch_enable(&rsi_present);
#ifdef TBIT_PKVM
	if (kind == 2)
		static_branch_enable(&pkvm_guest);
#endif
	prot_ns_shared = bit < 0 || kind != 1 ? 0 : 1UL << bit;
}
#ifdef TBIT_ARM64_CC
TBIT_ARM64_CC
#endif
#endif
#ifdef CONFIG_X86
#include <asm/coco.h>
#include <asm/msr-index.h>
#include <asm/mem_encrypt.h>
u64 sme_me_mask, sev_status;
const struct dma_map_ops *dma_ops;
static void tbit_platform_x86(int kind, int bit)
{
	u64 mask = bit < 0 ? 0 : 1ULL << bit;

#ifdef TBIT_CC_SET_VENDOR
	cc_set_vendor(kind == 4 ? CC_VENDOR_INTEL : kind == 0 ? CC_VENDOR_NONE : CC_VENDOR_AMD);
#else
	cc_vendor = kind == 4 ? CC_VENDOR_INTEL : kind == 0 ? CC_VENDOR_NONE : CC_VENDOR_AMD;
#endif
	sme_me_mask = kind == 3 || kind == 6 ? mask : 0;
	sev_status = kind == 3 ? MSR_AMD64_SEV_ENABLED | MSR_AMD64_SEV_ES_ENABLED | MSR_AMD64_SEV_SNP_ENABLED
		: kind == 5 ? MSR_AMD64_SEV_ENABLED | MSR_AMD64_SEV_ES_ENABLED | MSR_AMD64_SEV_SNP_ENABLED | MSR_AMD64_SNP_VTOM : 0;
	cc_set_mask(kind == 4 ? mask : sme_me_mask);
}
#endif
/* kind: 0 none, 1 realm, 2 pKVM, 3 SNP, 4 TDX, 5 SNP with vTOM, 6 SME host. bit: number of the alias or encryption bit, -1 none */
EXPORT(tbit_platform) void tbit_platform(int kind, int bit)
{
#ifdef CONFIG_ARM64
	tbit_platform_arm64(kind, bit);
#else
	tbit_platform_x86(kind, bit);
#endif
}
EXPORT(tbit_conversions) void tbit_conversions(int on)
{
#ifdef TBIT_CRYPT_OPS
	if (on)
		arm64_mem_crypt_ops_register(&tbit_crypt_ops);
#else
	tbit_convert_on(on);
#endif
}
EXPORT(tbit_cc_platform_has) int tbit_cc_platform_has(int which)
{
	return cc_platform_has(which == 0 ? CC_ATTR_MEM_ENCRYPT : which == 1 ? CC_ATTR_HOST_MEM_ENCRYPT : CC_ATTR_GUEST_MEM_ENCRYPT);
}
#ifdef TBIT_FORCE_UNENCRYPTED
/* the configuration asks for it and the tree's architecture has none: a realm's answer */
bool force_dma_unencrypted(struct device *dev) { return prot_ns_shared != 0; }
#endif
extern unsigned long max_low_pfn;
EXPORT(tbit_ram) void tbit_ram(double end_pfn, double zone_limit)
{
	max_pfn = max_low_pfn = (unsigned long)end_pfn;
	atomic_long_set(&_totalram_pages, (long)end_pfn);
	high_memory = (void *)(TBIT_LINEAR + ((unsigned long)end_pfn << PAGE_SHIFT));
#ifdef TBIT_ZONE_LIMIT
	zone_dma_limit = (u64)zone_limit;
#else
	zone_dma_bits = fls64((u64)zone_limit);
#endif
}

/* ---- devices ---- */
#define TBIT_RANGES 4
struct tbit_device {
	struct device dev;
	u64 mask;
	struct device_dma_parameters parms;
	struct bus_dma_region ranges[TBIT_RANGES + 1];
	int index;
	u32 flags;
};
static struct tbit_device *tbit_devs[64];
static int tbit_ndevs;

struct device *tbit_dev(int i)
{
	if (i < 0 || i >= tbit_ndevs)
		tbit_i_oops("no such device", i);
	return &tbit_devs[i]->dev;
}
int tbit_device_count(void) { return tbit_ndevs; }
int tbit_dev_index(const void *dev)
{
	int i;

	for (i = 0; i < tbit_ndevs; i++)
		if (&tbit_devs[i]->dev == dev)
			return i;
	return -1;
}
const char *dev_driver_string(const struct device *dev) { return "driver"; }
struct device *get_device(struct device *dev) { return dev; }
void put_device(struct device *dev) { }
/* Flags that a tree keeps outside struct device (in device_private, say) and asks for by function. */
#define TBIT_FLAG(dev, which) ({ int tbit_n = tbit_dev_index(dev); tbit_n >= 0 && (tbit_devs[tbit_n]->flags >> (which)) & 1; })
#include "tbit-predicates.h"
/* for a tree that is told whom it accepts (acceptance.ts) */
int tbit_accepted(const void *dev) { return TBIT_FLAG(dev, 31); }
EXPORT(tbit_dev_set_flag) void tbit_dev_set_flag(int d, int which, int on)
{
	struct tbit_device *t = (struct tbit_device *)tbit_dev(d);

	t->flags = on ? t->flags | 1u << which : t->flags & ~(1u << which);
}
/* on an external port */
int tbit_untrusted(const void *dev) { return TBIT_FLAG(dev, 30); }
void tbit_hold(int d, int on)
{
	struct mutex *l = &tbit_dev(d)->mutex;

	if (on)
		tbit_take(l, MAP(l), (unsigned int *)l, "device", 1);
	else
		tbit_release(l, MAP(l), (unsigned int *)l, 1);
}
static inline u64 tbit_u64_of(int lo, int hi) { return (u64)(u32)hi << 32 | (u32)lo; }
EXPORT(tbit_device_new) int tbit_device_new(void)
{
	struct tbit_device *t;

	if (tbit_ndevs == 64)
		return -1;
	t = tbit_kzalloc(sizeof(*t), 64);
	t->index = tbit_ndevs;
	t->dev.dma_mask = &t->mask;
	t->dev.dma_parms = &t->parms;
	t->dev.init_name = "device";
	t->mask = t->dev.coherent_dma_mask = ~0ULL;
	tbit_devs[tbit_ndevs++] = t;
#ifdef TBIT_DEV_INIT
	swiotlb_dev_init(&t->dev);
#else
	t->dev.dma_io_tlb_mem = &io_tlb_default_mem;
#endif
	return t->index;
}
EXPORT(tbit_device_masks) void tbit_device_masks(int d, int lo, int hi, int clo, int chi, int blo, int bhi)
{
	struct tbit_device *t = (struct tbit_device *)tbit_dev(d);

	t->mask = tbit_u64_of(lo, hi);
	t->dev.coherent_dma_mask = tbit_u64_of(clo, chi);
	t->dev.bus_dma_limit = tbit_u64_of(blo, bhi);
}
EXPORT(tbit_dma_mask_bits) void tbit_dma_mask_bits(int d, int bits) { ((struct tbit_device *)tbit_dev(d))->mask = bits >= 64 ? ~0ULL : (1ULL << bits) - 1; }
EXPORT(tbit_device_parms) void tbit_device_parms(int d, int min_align, int blo, int bhi)
{
	struct tbit_device *t = (struct tbit_device *)tbit_dev(d);

	t->parms.min_align_mask = min_align;
	t->parms.segment_boundary_mask = tbit_u64_of(blo, bhi);
}
EXPORT(tbit_device_range) void tbit_device_range(int d, int i, double cpu, double dma, double size)
{
	struct tbit_device *t = (struct tbit_device *)tbit_dev(d);

	if (i >= TBIT_RANGES)
		tbit_i_oops("more than 4 address ranges for one device", i);
#ifdef TBIT_RANGE_OFFSET
	t->ranges[i].offset = (u64)cpu - (u64)dma;
#endif
	t->ranges[i].cpu_start = (u64)cpu;
	t->ranges[i].dma_start = (u64)dma;
	t->ranges[i].size = (u64)size;
	t->dev.dma_range_map = t->ranges;
}

/* Fields of struct device by the number the build gave their names. */
#include "tbit-fields.h"
EXPORT(tbit_field_has) int tbit_field_has(int f) { return tbit_fields_has(f); }
EXPORT(tbit_field_set) void tbit_field_set(int d, int f, int lo, int hi) { tbit_fields_set(tbit_dev(d), f, tbit_u64_of(lo, hi)); }
EXPORT(tbit_field_get) double tbit_field_get(int d, int f) { return tbit_fields_get(tbit_dev(d), f); }
