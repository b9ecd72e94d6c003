/*
 * The boundary of the machine: what the kernel's C asks of it (imports), and what is told with a call (scratch). Guest memory
 * lies outside the instance. Addresses and sizes travel as doubles: exact below 2^53, and JavaScript's own number.
 */
#ifndef TBIT_H
#define TBIT_H
#define TBIT_IMPORT(name) __attribute__((import_module("tbit"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name), used))
typedef unsigned long long tbit_u64;
TBIT_IMPORT(alloc_pages) double tbit_i_alloc_pages(int order, int zone, int flags);
TBIT_IMPORT(free_pages) void tbit_i_free_pages(double phys, int order);
TBIT_IMPORT(set_memory) int tbit_i_set_memory(int decrypted, double phys, int numpages);
TBIT_IMPORT(copy) void tbit_i_copy(double dst, double src, double len);
TBIT_IMPORT(fill) void tbit_i_fill(double dst, int byte, double len, int vmapped);
TBIT_IMPORT(cache) void tbit_i_cache(int op, double phys, double size, int dir);
TBIT_IMPORT(vmap) int tbit_i_vmap(double phys, double size, int prot);
TBIT_IMPORT(vunmap) void tbit_i_vunmap(double phys);
TBIT_IMPORT(iommu_map) int tbit_i_iommu_map(int dev, double iova, double phys, double size);
TBIT_IMPORT(iommu_unmap) void tbit_i_iommu_unmap(int dev, double iova, double size);
TBIT_IMPORT(iova_to_phys) double tbit_i_iova_to_phys(int dev, double iova);
TBIT_IMPORT(trace) void tbit_i_trace(int event, int dev, double addr, double size);
TBIT_IMPORT(log) void tbit_i_log(int level, int dev, const char *text, int length, int once);
TBIT_IMPORT(warn) void tbit_i_warn(int dev, const char *site, int line, const char *text, int length, int once);
TBIT_IMPORT(bug) void tbit_i_bug(const char *site, int line) __attribute__((noreturn));
TBIT_IMPORT(oops) void tbit_i_oops(const char *what, double addr) __attribute__((noreturn));
/* a function that may sleep is called where nothing may: what a kernel says as "sleeping function called from invalid context" */
TBIT_IMPORT(atomic) void tbit_i_atomic(const char *site, int line);
/* a lock is about to be taken, was released; the answer to the first: 0 taken, 1 another thread has it (only where threads interleave) */
TBIT_IMPORT(lock) int tbit_i_lock(double lock, const char *name);
TBIT_IMPORT(unlock) void tbit_i_unlock(double lock);
TBIT_IMPORT(work) void tbit_i_work(int kind);
/* ends the reach of loads and stores; the build turns it into a global */
TBIT_IMPORT(set_limit) void tbit_i_set_limit(tbit_u64 end);

/*
 * Per call, at fixed places below the data, hence outside the snapshot. asm/smp.h, asm/thread_info.h and asm/irqflags.h know where
 * cpu, the preempt count and the interrupt flag lie.
 */
struct tbit_scratch { double out[16]; int cpu, cpus, verbose, once; };
#define tbit_scratch (*(struct tbit_scratch *)2048)
#define OUT tbit_scratch.out
#define tbit_preempt_count (*(volatile int *)2320)
#define tbit_held ((unsigned long *)2432)
#define tbit_nheld (*(volatile int *)2424)
#define tbit_rcu_depth (*(volatile int *)2428)
#define TBIT_HELD_MAX 32
#define tbit_text ((char *)3072)
#define TBIT_TEXT_SIZE 1024
/* what an embedder hands over before a call, read before anything is printed */
#define IN ((double *)tbit_text)

void *tbit_kzalloc(unsigned long size, unsigned long align);
void tbit_kfree(const void *p);
void tbit_might_sleep(const char *site, int line);
int tbit_dev_index(const void *dev);
/* an alias of guest memory other than the linear map's own address */
#define TBIT_LINEAR 0xffff800000000000UL
#define TBIT_REMAPPED 0xffffc00000000000UL
#define TBIT_PAGES 0xffffe00000000000UL
/* several mappings of one page are told apart by their turn, above the physical address */
#define TBIT_TURN_SHIFT 40
/* live mappings at once */
#define TBIT_MAPPINGS 128
#define TBIT_TURN_MASK ((1UL << TBIT_TURN_SHIFT) - 1)
/* of asm/pgtable.h, for units without a header of the tree */
#define TBIT_PROT_DECRYPTED 1UL
#endif
