/*
 * What the DMA code of a kernel tree expects around it, in our own words. This header is included before every unit
 * (-include), so the headers it replaces may be empty files. Nothing here is taken from a kernel: only names, and the
 * meaning of the names that the code relies on. Locks are no-ops, a call runs to its end, and guest memory is not
 * here: it belongs to the embedder and is reached through the imports below by physical address.
 */
#ifndef TBIT_KERNEL_H
#define TBIT_KERNEL_H

/* ---- compiler and types ---- */
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long long u64;
typedef signed char s8; typedef short s16; typedef int s32; typedef long long s64;
typedef u8 __u8; typedef u16 __u16; typedef u32 __u32; typedef u64 __u64; typedef s32 __s32; typedef s64 __s64;
typedef u8 uint8_t; typedef u16 uint16_t; typedef u32 uint32_t; typedef u64 uint64_t; typedef long intptr_t; typedef unsigned long uintptr_t;
typedef u32 __le32, __be32; typedef u64 __le64, __be64; typedef u16 __le16, __be16;
typedef unsigned int uint; typedef unsigned long ulong;
typedef _Bool bool;
enum { false = 0, true = 1 };
typedef unsigned long size_t; typedef long ssize_t; typedef long ptrdiff_t; typedef long long loff_t; typedef long off_t;
typedef u64 phys_addr_t; typedef u64 dma_addr_t; typedef phys_addr_t resource_size_t; typedef unsigned long pgoff_t;
typedef unsigned int gfp_t; typedef unsigned int slab_flags_t; typedef u32 dev_t; typedef unsigned short umode_t; typedef unsigned int fmode_t;
typedef __builtin_va_list va_list;
#define va_start __builtin_va_start
#define va_end __builtin_va_end
#define va_arg __builtin_va_arg
#define va_copy __builtin_va_copy
struct va_format { const char *fmt; va_list *va; };
#define NULL ((void *)0)
#define offsetof(t, m) __builtin_offsetof(t, m)
#define sizeof_field(t, m) sizeof(((t *)0)->m)
#define typeof __typeof__
#define asm __asm__
#define container_of(p, t, m) ((t *)((char *)(p) - offsetof(t, m)))
#define container_of_const(p, t, m) container_of(p, t, m)
#define __init
#define __initdata
#define __exit
#define __meminit
#define __iomem
#define __user
#define __force
#define __bitwise
#define __percpu
#define __rcu
#define __nonnull(...)
#define __ro_after_init
#define __read_mostly
#define __refdata
#define __section(x)
#define __used __attribute__((used))
#define __unused __attribute__((unused))
#define __maybe_unused __attribute__((unused))
#define __always_unused __attribute__((unused))
#define __always_inline inline __attribute__((always_inline))
#define noinline __attribute__((noinline))
#define noinline_for_stack noinline
#define __weak __attribute__((weak))
#define __packed __attribute__((packed))
#define __aligned(n) __attribute__((aligned(n)))
#define ____cacheline_aligned
#define ____cacheline_aligned_in_smp
#define __cacheline_aligned_in_smp
#define __randomize_layout
#define __must_check
#define __malloc
#define __alloc_size(...)
#define __realloc_size(...)
#define __printf(a, b)
#define __cold
#define __pure __attribute__((pure))
#define __attribute_const__
#define __deprecated
#define __noreturn __attribute__((noreturn))
#define __acquires(x)
#define __releases(x)
#define __must_hold(x)
#define __counted_by(x)
#define __no_sanitize_address
#define fallthrough __attribute__((fallthrough))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v) do { *(volatile typeof(x) *)&(x) = (v); } while (0)
#define data_race(x) (x)
#define barrier() __asm__ __volatile__("" ::: "memory")
#define smp_mb() barrier()
#define smp_rmb() barrier()
#define smp_wmb() barrier()
#define mb() barrier()
#define rmb() barrier()
#define wmb() barrier()
#define smp_store_release(p, v) WRITE_ONCE(*(p), v)
#define smp_load_acquire(p) READ_ONCE(*(p))
#define OPTIMIZER_HIDE_VAR(x) barrier()
#define BUILD_BUG_ON(c) _Static_assert(!(c), "BUILD_BUG_ON: " #c)
#define BUILD_BUG_ON_MSG(c, m) _Static_assert(!(c), m)
#define static_assert(...) _Static_assert(__VA_ARGS__, "")
#define __stringify_1(x...) #x
#define __stringify(x...) __stringify_1(x)
#define __PASTE_(a, b) a##b
#define __PASTE(a, b) __PASTE_(a, b)
#define __UNIQUE_ID(p) __PASTE(tbit_unique_##p, __COUNTER__)
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define __builtin_return_address(n) ((void *)0)
#define _RET_IP_ 0UL
#define _THIS_IP_ 0UL

/* what the tree's Kconfig would choose: generated */
#include <linux/kconfig.h>

/* ---- modules and init ---- */
struct module;
#define THIS_MODULE ((struct module *)0)
#define EXPORT_SYMBOL(x)
#define EXPORT_SYMBOL_GPL(x)
#define EXPORT_SYMBOL_NS(x, n)
#define EXPORT_SYMBOL_NS_GPL(x, n)
#define EXPORT_SYMBOL_FOR_MODULES(x, m)
#define MODULE_LICENSE(x)
#define MODULE_DESCRIPTION(x)
#define MODULE_IMPORT_NS(x)
#define TBIT_INITCALL(fn) static void *__PASTE(tbit_initcall_, fn) __attribute__((unused)) = (void *)fn;
#define early_param(n, fn) TBIT_INITCALL(fn)
#define __setup(n, fn) TBIT_INITCALL(fn)
#define core_initcall(fn) TBIT_INITCALL(fn)
#define postcore_initcall(fn) TBIT_INITCALL(fn)
#define arch_initcall(fn) TBIT_INITCALL(fn)
#define subsys_initcall(fn) TBIT_INITCALL(fn)
#define fs_initcall(fn) TBIT_INITCALL(fn)
#define device_initcall(fn) TBIT_INITCALL(fn)
#define late_initcall(fn) TBIT_INITCALL(fn)

/* ---- numbers ---- */
#define BITS_PER_LONG 64
#define BITS_PER_LONG_LONG 64
#define BITS_PER_BYTE 8
#define BITS_PER_TYPE(t) (sizeof(t) * 8)
#define BITS_TO_LONGS(n) (((n) + 63) / 64)
#define DECLARE_BITMAP(name, bits) unsigned long name[BITS_TO_LONGS(bits)]
#define U8_MAX 0xff
#define U16_MAX 0xffff
#define U32_MAX 0xffffffffU
#define U64_MAX 0xffffffffffffffffULL
#define S32_MAX 0x7fffffff
#define S64_MAX 0x7fffffffffffffffLL
#define INT_MAX 0x7fffffff
#define UINT_MAX 0xffffffffU
#define LONG_MAX 0x7fffffffffffffffL
#define ULONG_MAX 0xffffffffffffffffUL
#define SIZE_MAX ULONG_MAX
#define PHYS_ADDR_MAX U64_MAX
#define _AC(x, y) __PASTE(x, y)
#define _UL(x) __PASTE(x, UL)
#define UL(x) __PASTE(x, UL)
#define ULL(x) __PASTE(x, ULL)
#define BIT(n) (1UL << (n))
#define BIT_ULL(n) (1ULL << (n))
#define BIT_MASK(n) (1UL << ((n) % 64))
#define BIT_WORD(n) ((n) / 64)
#define GENMASK(h, l) ((~0UL << (l)) & (~0UL >> (63 - (h))))
#define GENMASK_ULL(h, l) ((~0ULL << (l)) & (~0ULL >> (63 - (h))))
#define SZ_2K 0x800
#define SZ_4K 0x1000
#define SZ_64K 0x10000
#define SZ_128K 0x20000
#define SZ_256K 0x40000
#define SZ_512K 0x80000
#define SZ_1M 0x100000
#define SZ_4M 0x400000
#define SZ_8M 0x800000
#define SZ_2M 0x200000
#define SZ_16M 0x1000000
#define SZ_64M 0x4000000
#define SZ_1G 0x40000000
#define SZ_2G 0x80000000ULL
#define SZ_4G 0x100000000ULL
#define __ALIGN_KERNEL(x, a) (((x) + ((typeof(x))(a) - 1)) & ~((typeof(x))(a) - 1))
#define ALIGN(x, a) __ALIGN_KERNEL(x, a)
#define ALIGN_DOWN(x, a) ((x) & ~((typeof(x))(a) - 1))
#define IS_ALIGNED(x, a) (((x) & ((typeof(x))(a) - 1)) == 0)
#define PTR_ALIGN(p, a) ((typeof(p))ALIGN((unsigned long)(p), (a)))
#define PTR_IS_ALIGNED(p, a) IS_ALIGNED((unsigned long)(p), (a))
#define round_up(x, y) ((((x) - 1) | ((typeof(x))((y) - 1))) + 1)
#define round_down(x, y) ((x) & ~((typeof(x))((y) - 1)))
#define roundup(x, y) ({ typeof(y) tbit_y = (y); (((x) + (tbit_y - 1)) / tbit_y) * tbit_y; })
#define rounddown(x, y) ({ typeof(x) tbit_x = (x); tbit_x - (tbit_x % (y)); })
#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))
#define DIV_ROUND_UP_ULL(n, d) DIV_ROUND_UP((u64)(n), d)
#define DIV_ROUND_DOWN_ULL(n, d) ((u64)(n) / (d))
#define min(a, b) ({ typeof(a) tbit_a = (a); typeof(b) tbit_b = (b); tbit_a < tbit_b ? tbit_a : tbit_b; })
#define max(a, b) ({ typeof(a) tbit_a = (a); typeof(b) tbit_b = (b); tbit_a > tbit_b ? tbit_a : tbit_b; })
#define umin(a, b) min_t(u64, a, b)
#define umax(a, b) max_t(u64, a, b)
#define min_t(t, a, b) ({ t tbit_a = (a); t tbit_b = (b); tbit_a < tbit_b ? tbit_a : tbit_b; })
#define max_t(t, a, b) ({ t tbit_a = (a); t tbit_b = (b); tbit_a > tbit_b ? tbit_a : tbit_b; })
#define min3(a, b, c) min(min(a, b), c)
#define max3(a, b, c) max(max(a, b), c)
#define min_not_zero(a, b) ({ typeof(a) tbit_m = (a); typeof(b) tbit_n = (b); tbit_m == 0 ? tbit_n : (tbit_n == 0 ? tbit_m : min(tbit_m, tbit_n)); })
#define clamp(v, lo, hi) min(max(v, lo), hi)
#define clamp_t(t, v, lo, hi) min_t(t, max_t(t, v, lo), hi)
#define clamp_val(v, lo, hi) clamp_t(typeof(v), v, lo, hi)
#define swap(a, b) do { typeof(a) tbit_s = (a); (a) = (b); (b) = tbit_s; } while (0)
#define is_power_of_2(n) ({ unsigned long tbit_p = (n); tbit_p != 0 && (tbit_p & (tbit_p - 1)) == 0; })
static inline int fls64(u64 x) { return x ? 64 - __builtin_clzll(x) : 0; }
static inline int fls(unsigned int x) { return x ? 32 - __builtin_clz(x) : 0; }
static inline int fls_long(unsigned long x) { return fls64(x); }
static inline unsigned long __ffs(unsigned long x) { return __builtin_ctzl(x); }
static inline unsigned long __ffs64(u64 x) { return __builtin_ctzll(x); }
static inline unsigned long __fls(unsigned long x) { return 63 - __builtin_clzl(x); }
static inline int ffs(int x) { return __builtin_ffs(x); }
#define ffz(x) __ffs(~(x))
#define ilog2(n) (fls64(n) - 1)
#define order_base_2(n) ({ u64 tbit_o = (n); tbit_o > 1 ? ilog2(tbit_o - 1) + 1 : 0; })
static inline unsigned long roundup_pow_of_two(unsigned long n) { return n <= 1 ? 1 : 1UL << fls64(n - 1); }
static inline unsigned long rounddown_pow_of_two(unsigned long n) { return 1UL << (fls64(n) - 1); }
#define size_add(a, b) ((size_t)(a) + (size_t)(b))
#define size_mul(a, b) ((size_t)(a) * (size_t)(b))
#define array_size(a, b) size_mul(a, b)
#define struct_size(p, m, n) (sizeof(*(p)) + sizeof((p)->m[0]) * (n))
#define check_add_overflow(a, b, d) __builtin_add_overflow(a, b, d)
#define check_sub_overflow(a, b, d) __builtin_sub_overflow(a, b, d)
#define check_mul_overflow(a, b, d) __builtin_mul_overflow(a, b, d)
#define do_div(n, b) ({ u32 tbit_r = (u64)(n) % (b); (n) = (u64)(n) / (b); tbit_r; })
#define upper_32_bits(n) ((u32)((u64)(n) >> 32))
#define lower_32_bits(n) ((u32)(n))
#define hash_long(v, b) ((unsigned long)(v) & ((1UL << (b)) - 1))

/* ---- errors ---- */
#define EPERM 1
#define ENOENT 2
#define EIO 5
#define ENXIO 6
#define EAGAIN 11
#define ENOMEM 12
#define EACCES 13
#define EFAULT 14
#define EBUSY 16
#define EEXIST 17
#define ENODEV 19
#define EINVAL 22
#define ENOSPC 28
#define ERANGE 34
#define ENOSYS 38
#define EOVERFLOW 75
#define EOPNOTSUPP 95
#define EREMOTEIO 121
#define EPROBE_DEFER 517
#define ENOTSUPP 524
#define MAX_ERRNO 4095
#define IS_ERR_VALUE(x) ((unsigned long)(void *)(x) >= (unsigned long)-MAX_ERRNO)
static inline void *ERR_PTR(long e) { return (void *)e; }
static inline long PTR_ERR(const void *p) { return (long)p; }
static inline bool IS_ERR(const void *p) { return IS_ERR_VALUE(p); }
static inline bool IS_ERR_OR_NULL(const void *p) { return !p || IS_ERR_VALUE(p); }
#define ERR_CAST(p) ((void *)(p))
#define PTR_ERR_OR_ZERO(p) (IS_ERR(p) ? PTR_ERR(p) : 0)

/* ---- imports: the embedder's side. Addresses and sizes travel as doubles: exact below 2^53, and JavaScript's own number ---- */
#define TBIT_IMPORT(name) __attribute__((import_module("tbit"), import_name(#name)))
struct device;
TBIT_IMPORT(alloc_pages) double tbit_i_alloc_pages(int order, int zone, int flags);
TBIT_IMPORT(free_pages) void tbit_i_free_pages(double phys, int order);
TBIT_IMPORT(set_memory) int tbit_i_set_memory(int decrypted, double phys, int numpages);
TBIT_IMPORT(copy) void tbit_i_copy(double dst, double src, double len);
TBIT_IMPORT(fill) void tbit_i_fill(double dst, int byte, double len, int vmapped);
TBIT_IMPORT(cache) void tbit_i_cache(int op, double phys, double size, int dir);
TBIT_IMPORT(vmap) int tbit_i_vmap(double phys, double size, int decrypted);
TBIT_IMPORT(vunmap) void tbit_i_vunmap(double phys);
TBIT_IMPORT(trace) void tbit_i_trace(int event, int dev, double addr, double size);
TBIT_IMPORT(log) void tbit_i_log(int level, int dev, const char *text, int length);
TBIT_IMPORT(warn) void tbit_i_warn(int dev, const char *site, int line, const char *text, int length);
TBIT_IMPORT(bug) void tbit_i_bug(const char *site, int line) __noreturn;
TBIT_IMPORT(oops) void tbit_i_oops(const char *what, double addr) __noreturn;
/* ends the reach of loads and stores; the build turns it into a global */
TBIT_IMPORT(set_limit) void tbit_i_set_limit(u64 end);

/* Per call: which CPU runs it, what it hands back. At a fixed place below the data, hence outside the snapshot. */
struct tbit_scratch { double out[16]; int cpu, cpus, verbose, pad; };
#define tbit_scratch (*(struct tbit_scratch *)2048)
#define tbit_text ((char *)3072)
#define TBIT_TEXT_SIZE 1024
extern u64 tbit_prot_ns_shared;
extern u64 tbit_cc_attrs;
extern int tbit_realm;
int tbit_dev_index(const struct device *dev);
bool tbit_dev_flag(const struct device *dev, int which);

/* ---- printk: formatted only where the embedder asks for text ---- */
#define KERN_EMERG "\001" "0"
#define KERN_ERR "\001" "3"
#define KERN_WARNING "\001" "4"
#define KERN_NOTICE "\001" "5"
#define KERN_INFO "\001" "6"
#define KERN_DEBUG "\001" "7"
#define KERN_CONT "\001" "c"
void tbit_printk(int level, const struct device *dev, const char *fmt, ...);
void tbit_warn(const struct device *dev, const char *site, int line, const char *fmt, ...);
#ifndef pr_fmt
#define pr_fmt(fmt) fmt
#endif
#define dev_fmt(fmt) fmt
#define printk(fmt, ...) tbit_printk(4, NULL, fmt, ##__VA_ARGS__)
#define pr_emerg(fmt, ...) tbit_printk(0, NULL, pr_fmt(fmt), ##__VA_ARGS__)
#define pr_alert(fmt, ...) tbit_printk(1, NULL, pr_fmt(fmt), ##__VA_ARGS__)
#define pr_crit(fmt, ...) tbit_printk(2, NULL, pr_fmt(fmt), ##__VA_ARGS__)
#define pr_err(fmt, ...) tbit_printk(3, NULL, pr_fmt(fmt), ##__VA_ARGS__)
#define pr_warn(fmt, ...) tbit_printk(4, NULL, pr_fmt(fmt), ##__VA_ARGS__)
#define pr_notice(fmt, ...) tbit_printk(5, NULL, pr_fmt(fmt), ##__VA_ARGS__)
#define pr_info(fmt, ...) tbit_printk(6, NULL, pr_fmt(fmt), ##__VA_ARGS__)
#define pr_cont(fmt, ...) tbit_printk(6, NULL, fmt, ##__VA_ARGS__)
#define pr_debug(fmt, ...) do { if (0) tbit_printk(7, NULL, pr_fmt(fmt), ##__VA_ARGS__); } while (0)
#define pr_devel pr_debug
/* Once and rate-limited are judged by the embedder: the code here keeps no memory of what was said. */
#define pr_err_once pr_err
#define pr_warn_once pr_warn
#define pr_notice_once pr_notice
#define pr_info_once pr_info
#define pr_err_ratelimited pr_err
#define pr_warn_ratelimited pr_warn
#define pr_notice_ratelimited pr_notice
#define pr_info_ratelimited pr_info
#define printk_ratelimit() true
#define dev_emerg(d, fmt, ...) tbit_printk(0, d, fmt, ##__VA_ARGS__)
#define dev_crit(d, fmt, ...) tbit_printk(2, d, fmt, ##__VA_ARGS__)
#define dev_err(d, fmt, ...) tbit_printk(3, d, fmt, ##__VA_ARGS__)
#define dev_warn(d, fmt, ...) tbit_printk(4, d, fmt, ##__VA_ARGS__)
#define dev_notice(d, fmt, ...) tbit_printk(5, d, fmt, ##__VA_ARGS__)
#define dev_info(d, fmt, ...) tbit_printk(6, d, fmt, ##__VA_ARGS__)
#define dev_dbg(d, fmt, ...) do { if (0) tbit_printk(7, d, fmt, ##__VA_ARGS__); } while (0)
#define dev_err_once dev_err
#define dev_warn_once dev_warn
#define dev_info_once dev_info
#define dev_notice_once dev_notice
#define dev_err_ratelimited dev_err
#define dev_warn_ratelimited dev_warn
#define dev_info_ratelimited dev_info
#define dev_dbg_ratelimited dev_dbg
#define dump_stack() do { } while (0)
#define panic(fmt, ...) do { tbit_printk(0, NULL, fmt, ##__VA_ARGS__); tbit_i_bug(__FILE__, __LINE__); } while (0)

#define BUG() tbit_i_bug(__FILE__, __LINE__)
#define BUG_ON(c) do { if (unlikely(c)) tbit_i_bug(__FILE__, __LINE__); } while (0)
#define TBIT_WARN(d, c, ...) ({ bool tbit_w = !!(c); if (unlikely(tbit_w)) tbit_warn(d, __FILE__, __LINE__, ##__VA_ARGS__); unlikely(tbit_w); })
#define WARN(c, ...) TBIT_WARN(NULL, c, ##__VA_ARGS__)
#define WARN_ON(c) TBIT_WARN(NULL, c, NULL)
#define WARN_ONCE(c, ...) TBIT_WARN(NULL, c, ##__VA_ARGS__)
#define WARN_ON_ONCE(c) TBIT_WARN(NULL, c, NULL)
#define WARN_RATELIMIT(c, ...) TBIT_WARN(NULL, c, ##__VA_ARGS__)
#define WARN_TAINT(c, t, ...) TBIT_WARN(NULL, c, ##__VA_ARGS__)
#define dev_WARN(d, ...) TBIT_WARN(d, 1, ##__VA_ARGS__)
#define dev_WARN_ONCE(d, c, ...) TBIT_WARN(d, c, ##__VA_ARGS__)
#define VM_BUG_ON(c) BUG_ON(c)
#define VM_WARN_ON(c) WARN_ON(c)
#define lockdep_assert_held(l) do { } while (0)
#define lockdep_is_held(l) true
#define lockdep_assert(c) do { } while (0)
#define lockdep_assert_once(c) do { } while (0)
#define device_lock_assert(d) do { } while (0)
#define might_sleep() do { } while (0)
#define might_sleep_if(c) do { } while (0)
#define might_alloc(g) do { } while (0)
#define cond_resched() 0

/* ---- locks, RCU, work: calls are atomic here ---- */
typedef struct { } spinlock_t;
typedef struct { } raw_spinlock_t;
typedef struct { } rwlock_t;
typedef struct { } seqlock_t;
typedef struct { } seqcount_t;
typedef struct { u32 opaque; } wait_queue_head_t;
struct mutex { u32 opaque; };
struct rw_semaphore { u32 opaque; };
struct completion { u32 opaque; };
struct lock_class_key { };
#define __SPIN_LOCK_UNLOCKED(x) { }
#define DEFINE_SPINLOCK(x) spinlock_t x
#define DEFINE_RAW_SPINLOCK(x) raw_spinlock_t x
#define DEFINE_MUTEX(x) struct mutex x
#define DECLARE_RWSEM(x) struct rw_semaphore x
#define spin_lock_init(l) do { (void)(l); } while (0)
#define raw_spin_lock_init(l) spin_lock_init(l)
#define mutex_init(l) do { (void)(l); } while (0)
#define spin_lock(l) do { (void)(l); } while (0)
#define spin_unlock(l) do { (void)(l); } while (0)
#define spin_lock_irq(l) spin_lock(l)
#define spin_unlock_irq(l) spin_unlock(l)
#define spin_lock_bh(l) spin_lock(l)
#define spin_unlock_bh(l) spin_unlock(l)
#define spin_lock_irqsave(l, f) do { (void)(l); (f) = 0; } while (0)
#define spin_unlock_irqrestore(l, f) do { (void)(l); (void)(f); } while (0)
#define spin_trylock(l) ({ (void)(l); 1; })
#define raw_spin_lock_irqsave spin_lock_irqsave
#define raw_spin_unlock_irqrestore spin_unlock_irqrestore
#define mutex_lock(l) spin_lock(l)
#define mutex_unlock(l) spin_unlock(l)
#define mutex_is_locked(l) true
#define down_read(l) spin_lock(l)
#define up_read(l) spin_unlock(l)
#define down_read_trylock(l) 1
#define down_write(l) spin_lock(l)
#define up_write(l) spin_unlock(l)
#define guard(kind) TBIT_GUARD_##kind
#define TBIT_GUARD_spinlock(l) ((void)(l))
#define TBIT_GUARD_spinlock_irqsave(l) ((void)(l))
#define TBIT_GUARD_mutex(l) ((void)(l))
#define TBIT_GUARD_rcu() ((void)0)
#define scoped_guard(kind, l) (void)(l); if (1)
#define local_irq_save(f) do { (f) = 0; } while (0)
#define local_irq_restore(f) do { (void)(f); } while (0)
#define local_irq_disable() do { } while (0)
#define local_irq_enable() do { } while (0)
#define preempt_disable() do { } while (0)
#define preempt_enable() do { } while (0)
#define irqs_disabled() 0
#define in_interrupt() 0
#define in_atomic() 0
#define in_hardirq() 0
#define rcu_read_lock() do { } while (0)
#define rcu_read_unlock() do { } while (0)
#define rcu_dereference(p) (p)
#define rcu_dereference_protected(p, c) (p)
#define rcu_assign_pointer(p, v) ((p) = (v))
#define synchronize_rcu() do { } while (0)
struct callback_head { struct callback_head *next; void (*func)(struct callback_head *head); };
#define rcu_head callback_head
#define call_rcu(h, fn) fn(h)
#define kfree_rcu(p, f) kfree(p)
struct work_struct { void (*func)(struct work_struct *work); };
struct delayed_work { struct work_struct work; };
struct rcu_work { struct work_struct work; struct callback_head rcu; };
typedef void (*work_func_t)(struct work_struct *work);
#define __WORK_INITIALIZER(n, f) { .func = (f) }
#define DECLARE_WORK(n, f) struct work_struct n = { .func = (f) }
#define INIT_WORK(w, f) do { (w)->func = (f); } while (0)
#define INIT_RCU_WORK(w, f) do { (w)->work.func = (f); } while (0)
#define to_rcu_work(w) container_of(w, struct rcu_work, work)
struct workqueue_struct;
#define system_wq ((struct workqueue_struct *)0)
#define system_unbound_wq ((struct workqueue_struct *)0)
#define system_percpu_wq ((struct workqueue_struct *)0)
#define system_dfl_wq ((struct workqueue_struct *)0)
bool schedule_work(struct work_struct *work);
#define queue_work(q, w) schedule_work(w)
#define queue_rcu_work(q, w) ((w)->work.func(&(w)->work), true)
#define flush_work(w) true
#define cancel_work_sync(w) true

/* ---- atomics, bits ---- */
typedef struct { int counter; } atomic_t;
typedef struct { long counter; } atomic_long_t;
typedef struct { s64 counter; } atomic64_t;
typedef struct { atomic_t refs; } refcount_t;
struct kref { refcount_t refcount; };
#define ATOMIC_INIT(i) { (i) }
#define ATOMIC_LONG_INIT(i) { (i) }
#define TBIT_ATOMIC(p, type, t) \
	static inline t p##_read(const type *v) { return v->counter; } \
	static inline void p##_set(type *v, t i) { v->counter = i; } \
	static inline void p##_add(t i, type *v) { v->counter += i; } \
	static inline void p##_sub(t i, type *v) { v->counter -= i; } \
	static inline void p##_inc(type *v) { v->counter++; } \
	static inline void p##_dec(type *v) { v->counter--; } \
	static inline t p##_add_return(t i, type *v) { return v->counter += i; } \
	static inline t p##_sub_return(t i, type *v) { return v->counter -= i; } \
	static inline t p##_inc_return(type *v) { return ++v->counter; } \
	static inline t p##_dec_return(type *v) { return --v->counter; } \
	static inline t p##_fetch_add(t i, type *v) { t o = v->counter; v->counter += i; return o; } \
	static inline bool p##_dec_and_test(type *v) { return --v->counter == 0; } \
	static inline t p##_xchg(type *v, t n) { t o = v->counter; v->counter = n; return o; } \
	static inline t p##_cmpxchg(type *v, t o, t n) { t c = v->counter; if (c == o) v->counter = n; return c; } \
	static inline bool p##_try_cmpxchg(type *v, t *o, t n) { if (v->counter == *o) { v->counter = n; return true; } *o = v->counter; return false; }
TBIT_ATOMIC(atomic, atomic_t, int)
TBIT_ATOMIC(atomic_long, atomic_long_t, long)
TBIT_ATOMIC(atomic64, atomic64_t, s64)
#define cmpxchg(p, o, n) ({ typeof(*(p)) tbit_c = *(p); if (tbit_c == (o)) *(p) = (n); tbit_c; })
#define try_cmpxchg(p, o, n) ({ bool tbit_c = *(p) == *(o); if (tbit_c) *(p) = (n); else *(o) = *(p); tbit_c; })
#define xchg(p, n) ({ typeof(*(p)) tbit_c = *(p); *(p) = (n); tbit_c; })
#define cmpxchg_relaxed cmpxchg
static inline bool test_bit(long n, const volatile unsigned long *a) { return (a[n >> 6] >> (n & 63)) & 1; }
static inline void set_bit(long n, volatile unsigned long *a) { a[n >> 6] |= 1UL << (n & 63); }
static inline void clear_bit(long n, volatile unsigned long *a) { a[n >> 6] &= ~(1UL << (n & 63)); }
static inline void assign_bit(long n, volatile unsigned long *a, bool v) { if (v) set_bit(n, a); else clear_bit(n, a); }
static inline bool test_and_set_bit(long n, volatile unsigned long *a) { bool o = test_bit(n, a); set_bit(n, a); return o; }
static inline bool test_and_clear_bit(long n, volatile unsigned long *a) { bool o = test_bit(n, a); clear_bit(n, a); return o; }
#define __set_bit set_bit
#define __clear_bit clear_bit
#define __test_and_set_bit test_and_set_bit

/* ---- lists ---- */
struct list_head { struct list_head *next, *prev; };
struct hlist_node { struct hlist_node *next, **pprev; };
struct hlist_head { struct hlist_node *first; };
struct llist_node { struct llist_node *next; };
struct llist_head { struct llist_node *first; };
struct rb_node { unsigned long opaque[3]; };
struct rb_root { struct rb_node *rb_node; };
#define LIST_HEAD_INIT(n) { &(n), &(n) }
#define LIST_HEAD(n) struct list_head n = LIST_HEAD_INIT(n)
static inline void INIT_LIST_HEAD(struct list_head *l) { l->next = l; l->prev = l; }
static inline void tbit_list_insert(struct list_head *n, struct list_head *a, struct list_head *b) { n->prev = a; n->next = b; a->next = n; b->prev = n; }
static inline void list_add(struct list_head *n, struct list_head *h) { tbit_list_insert(n, h, h->next); }
static inline void list_add_tail(struct list_head *n, struct list_head *h) { tbit_list_insert(n, h->prev, h); }
static inline void list_del(struct list_head *n) { n->next->prev = n->prev; n->prev->next = n->next; n->next = n->prev = NULL; }
static inline void list_del_init(struct list_head *n) { list_del(n); INIT_LIST_HEAD(n); }
static inline int list_empty(const struct list_head *h) { return h->next == h; }
#define INIT_LIST_HEAD_RCU INIT_LIST_HEAD
#define list_add_rcu list_add
#define list_add_tail_rcu list_add_tail
#define list_del_rcu(n) do { struct list_head *tbit_l = (n); tbit_l->next->prev = tbit_l->prev; tbit_l->prev->next = tbit_l->next; } while (0)
#define list_entry(p, t, m) container_of(p, t, m)
#define list_first_entry(h, t, m) list_entry((h)->next, t, m)
#define list_first_entry_or_null(h, t, m) (list_empty(h) ? NULL : list_first_entry(h, t, m))
#define list_next_entry(p, m) list_entry((p)->m.next, typeof(*(p)), m)
#define list_for_each_entry(p, h, m) for (p = list_first_entry(h, typeof(*p), m); &p->m != (h); p = list_next_entry(p, m))
#define list_for_each_entry_safe(p, n, h, m) for (p = list_first_entry(h, typeof(*p), m), n = list_next_entry(p, m); &p->m != (h); p = n, n = list_next_entry(n, m))
#define list_for_each_entry_rcu(p, h, m, ...) list_for_each_entry(p, h, m)

/* ---- strings ---- */
void *tbit_memcpy(void *d, const void *s, size_t n);
void *tbit_memset(void *d, int c, size_t n);
void *memcpy(void *d, const void *s, size_t n);
void *memset(void *d, int c, size_t n);
void *memmove(void *d, const void *s, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
unsigned long simple_strtoul(const char *s, char **end, unsigned int base);
int kstrtouint(const char *s, unsigned int base, unsigned int *out);
int kstrtoul(const char *s, unsigned int base, unsigned long *out);
unsigned long long memparse(const char *s, char **end);
int snprintf(char *buf, size_t size, const char *fmt, ...);
int scnprintf(char *buf, size_t size, const char *fmt, ...);
/* Guest memory is not in this address space: whoever copies or fills may be told an address that stands for it. */
#define memcpy(d, s, n) tbit_memcpy(d, s, n)
#define memset(d, c, n) tbit_memset(d, c, n)
#define memzero_explicit(d, n) tbit_memset(d, 0, n)
static inline int isdigit(int c) { return c >= '0' && c <= '9'; }
static inline int isspace(int c) { return c == ' ' || (c >= 9 && c <= 13); }

/* ---- pages: a struct page pointer is the page's number, there is no mem_map ---- */
#define PAGE_SHIFT 12
#define PAGE_SIZE (1UL << PAGE_SHIFT)
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define PMD_SHIFT 21
#define MAX_ORDER 10
#define MAX_PAGE_ORDER 10
#define MAX_ORDER_NR_PAGES 1024
#define __phys_to_pfn(p) ((unsigned long)((p) >> PAGE_SHIFT))
#define __pfn_to_phys(p) ((phys_addr_t)(p) << PAGE_SHIFT)
#define SMP_CACHE_BYTES 64
#define L1_CACHE_BYTES 64
#define L1_CACHE_SHIFT 6
#define cache_line_size() 64
#define NUMA_NO_NODE (-1)
#define numa_node_id() 0
#define PAGE_OFFSET 0xffff800000000000UL
#define TBIT_VMALLOC 0xffffc00000000000UL
#define TBIT_VMEMMAP 0xffffe00000000000UL
struct page { unsigned long opaque[8]; };
struct folio { struct page page; };
#define pfn_to_page(pfn) ((struct page *)TBIT_VMEMMAP + (pfn))
#define page_to_pfn(p) ((unsigned long)((struct page *)(p) - (struct page *)TBIT_VMEMMAP))
#define page_to_phys(p) ((phys_addr_t)page_to_pfn(p) << PAGE_SHIFT)
#define phys_to_page(p) pfn_to_page((phys_addr_t)(p) >> PAGE_SHIFT)
#define nth_page(p, n) ((p) + (n))
static inline void *phys_to_virt(phys_addr_t p) { return (void *)(PAGE_OFFSET + p); }
static inline phys_addr_t virt_to_phys(const volatile void *v)
{
	unsigned long a = (unsigned long)v;
	if (a < PAGE_OFFSET || a >= TBIT_VMALLOC) tbit_i_oops("virt_to_phys of an address outside the linear map", (double)a);
	return a - PAGE_OFFSET;
}
#define __pa(v) virt_to_phys((const void *)(v))
#define __va(p) phys_to_virt((phys_addr_t)(p))
#define __pa_nodebug __pa
#define __pa_symbol(x) ((unsigned long)(x))
#define lm_alias(x) (x)
#define virt_to_page(v) pfn_to_page(virt_to_phys(v) >> PAGE_SHIFT)
#define virt_to_pfn(v) (virt_to_phys(v) >> PAGE_SHIFT)
#define page_address(p) phys_to_virt(page_to_phys(p))
#define page_to_virt(p) page_address(p)
#define page_to_nid(p) 0
#define virt_addr_valid(v) ((unsigned long)(v) >= PAGE_OFFSET && (unsigned long)(v) < TBIT_VMALLOC)
#define pfn_valid(pfn) ((pfn) < max_pfn)
#define PageHighMem(p) 0
#define PageReserved(p) 0
#define PageCompound(p) 0
#define compound_order(p) 0
#define compound_head(p) (p)
#define page_ref_count(p) 1
#define page_pgmap(p) NULL
#define PAGE_ALIGN(a) ALIGN(a, PAGE_SIZE)
#define PAGE_ALIGN_DOWN(a) ALIGN_DOWN(a, PAGE_SIZE)
#define PAGE_ALIGNED(a) IS_ALIGNED((unsigned long)(a), PAGE_SIZE)
#define offset_in_page(p) ((unsigned long)(p) & ~PAGE_MASK)
extern unsigned long max_pfn, max_low_pfn, min_low_pfn;
extern void *high_memory;
static inline int get_order(unsigned long size) { return size <= PAGE_SIZE ? 0 : fls64((size - 1) >> PAGE_SHIFT); }
#define is_vmalloc_addr(v) ((unsigned long)(v) >= TBIT_VMALLOC && (unsigned long)(v) < TBIT_VMEMMAP)
#define is_vmalloc_or_module_addr is_vmalloc_addr
#define vmalloc_to_page(v) pfn_to_page(((unsigned long)(v) - TBIT_VMALLOC) >> PAGE_SHIFT)
#define is_zone_device_page(p) false
#define is_pci_p2pdma_page(p) false
#define is_pci_p2pdma_phys(p) false
#define memcpy_from_page(to, page, off, len) tbit_memcpy(to, (char *)page_address(page) + (off), len)
#define memcpy_to_page(page, off, from, len) tbit_memcpy((char *)page_address(page) + (off), from, len)
#define kmap_local_page(p) page_address(p)
#define kunmap_local(v) do { (void)(v); } while (0)
#define kmap_atomic(p) page_address(p)
#define kunmap_atomic(v) do { (void)(v); } while (0)
#define phys_to_pfn(p) ((unsigned long)((p) >> PAGE_SHIFT))
#define kmsan_unpoison_memory(p, n) do { } while (0)
#define kmsan_check_memory(p, n) do { } while (0)
#define kmsan_handle_dma(...) do { } while (0)
#define kmsan_handle_dma_sg(...) do { } while (0)
#define kmemleak_alloc_phys(...) do { } while (0)
#define kmemleak_ignore(...) do { } while (0)

typedef struct { u64 pgprot; } pgprot_t;
#define __pgprot(x) ((pgprot_t) { (x) })
#define pgprot_val(p) ((p).pgprot)
#define TBIT_PROT_DECRYPTED 1ULL
#define PAGE_KERNEL __pgprot(0)
#define pgprot_decrypted(p) __pgprot((p).pgprot | TBIT_PROT_DECRYPTED)
#define pgprot_encrypted(p) __pgprot((p).pgprot & ~TBIT_PROT_DECRYPTED)
#define pgprot_noncached(p) (p)
#define pgprot_writecombine(p) (p)
#define pgprot_dmacoherent(p) (p)
#define PROT_NS_SHARED tbit_prot_ns_shared
struct mm_struct; struct dev_pagemap; struct file; struct inode; struct seq_file; struct dentry;
struct vm_area_struct { unsigned long vm_start, vm_end, vm_pgoff, vm_flags; pgprot_t vm_page_prot; struct mm_struct *vm_mm; };
#define vma_pages(v) (((v)->vm_end - (v)->vm_start) >> PAGE_SHIFT)
#define VM_DMA_COHERENT 0
#define VM_MAP 0
#define VM_FLUSH_RESET_PERMS 0
int remap_pfn_range(struct vm_area_struct *vma, unsigned long addr, unsigned long pfn, unsigned long size, pgprot_t prot);
int vm_map_pages(struct vm_area_struct *vma, struct page **pages, unsigned long num);
void vunmap(const void *addr);
void *vmap(struct page **pages, unsigned int count, unsigned long flags, pgprot_t prot);
void *tbit_vmap_pages(struct page *page, size_t size, pgprot_t prot);
int walk_system_ram_range(unsigned long start_pfn, unsigned long nr_pages, void *arg, int (*func)(unsigned long, unsigned long, void *));
static inline bool region_intersects(resource_size_t s, size_t n, unsigned long f, unsigned long d) { return false; }

/* ---- page allocator and slab ---- */
#define ___GFP_DMA 0x01u
#define __GFP_DMA 0x01u
#define __GFP_HIGHMEM 0x02u
#define __GFP_DMA32 0x04u
#define __GFP_MOVABLE 0x08u
#define __GFP_HIGH 0x20u
#define __GFP_IO 0x40u
#define __GFP_FS 0x80u
#define __GFP_ZERO 0x100u
#define __GFP_DIRECT_RECLAIM 0x400u
#define __GFP_KSWAPD_RECLAIM 0x800u
#define __GFP_RECLAIM (__GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM)
#define __GFP_NOWARN 0x2000u
#define __GFP_RETRY_MAYFAIL 0x4000u
#define __GFP_NOFAIL 0x8000u
#define __GFP_NORETRY 0x10000u
#define __GFP_COMP 0x40000u
#define __GFP_THISNODE 0x200000u
#define __GFP_ACCOUNT 0x400000u
#define GFP_ZONEMASK (__GFP_DMA | __GFP_HIGHMEM | __GFP_DMA32 | __GFP_MOVABLE)
#define GFP_ATOMIC (__GFP_HIGH | __GFP_KSWAPD_RECLAIM)
#define GFP_KERNEL (__GFP_RECLAIM | __GFP_IO | __GFP_FS)
#define GFP_KERNEL_ACCOUNT (GFP_KERNEL | __GFP_ACCOUNT)
#define GFP_NOWAIT (__GFP_KSWAPD_RECLAIM | __GFP_NOWARN)
#define GFP_NOIO __GFP_RECLAIM
#define GFP_USER GFP_KERNEL
#define GFP_DMA __GFP_DMA
#define GFP_DMA32 __GFP_DMA32
static inline bool gfpflags_allow_blocking(gfp_t g) { return !!(g & __GFP_DIRECT_RECLAIM); }
struct page *alloc_pages(gfp_t gfp, unsigned int order);
#define alloc_pages_node(n, g, o) ((void)(n), alloc_pages(g, o))
#define alloc_page(g) alloc_pages(g, 0)
void __free_pages(struct page *page, unsigned int order);
#define __free_page(p) __free_pages(p, 0)
unsigned long __get_free_pages(gfp_t gfp, unsigned int order);
void free_pages(unsigned long addr, unsigned int order);
#define split_page(p, o) do { } while (0)
void *tbit_kzalloc(size_t size, size_t align);
void tbit_kfree(const void *p);
#define kmalloc(n, g) tbit_kzalloc(n, 16)
#define kzalloc(n, g) tbit_kzalloc(n, 16)
#define kmalloc_node(n, g, d) tbit_kzalloc(n, 16)
#define kzalloc_node(n, g, d) tbit_kzalloc(n, 16)
#define kcalloc(n, s, g) tbit_kzalloc((size_t)(n) * (s), 16)
#define kmalloc_array(n, s, g) tbit_kzalloc((size_t)(n) * (s), 16)
#define kvcalloc(n, s, g) kcalloc(n, s, g)
#define kvmalloc_array(n, s, g) kcalloc(n, s, g)
#define kvzalloc(n, g) kzalloc(n, g)
#define kzalloc_obj(p, ...) kzalloc(sizeof(p), 0)
#define kmalloc_obj(p, ...) kzalloc(sizeof(p), 0)
#define kzalloc_objs(p, n, ...) kcalloc(n, sizeof(p), 0)
#define kmalloc_objs(p, n, ...) kcalloc(n, sizeof(p), 0)
#define vzalloc(n) tbit_kzalloc(n, 16)
#define vzalloc_node(n, d) tbit_kzalloc(n, 16)
#define vfree(p) tbit_kfree(p)
#define kfree(p) tbit_kfree(p)
#define kvfree(p) tbit_kfree(p)
size_t kmalloc_size_roundup(size_t size);
#define ARCH_KMALLOC_MINALIGN 8
#define ARCH_DMA_MINALIGN 128
#define dma_get_cache_alignment() 64
#define ARCH_LOW_ADDRESS_LIMIT 0xffffffffULL
/* The bounce pool's memory is guest memory; every other early allocation is bookkeeping and lives here. */
void *memblock_alloc_low(phys_addr_t size, phys_addr_t align);
void *memblock_alloc(phys_addr_t size, phys_addr_t align);
#define memblock_alloc_raw memblock_alloc
void memblock_free(void *p, size_t size);
void memblock_free_late(phys_addr_t p, phys_addr_t size);
#define cma_get_size(c) 0UL
#define cma_get_base(c) 0ULL
#define memblock_phys_mem_size() ((phys_addr_t)max_pfn << PAGE_SHIFT)
#define memblock_start_of_DRAM() 0ULL
#define memblock_end_of_DRAM() ((phys_addr_t)max_pfn << PAGE_SHIFT)
#define totalram_pages() max_pfn
#define nr_node_ids 1

/* ---- CPUs, platform ---- */
#define raw_smp_processor_id() (tbit_scratch.cpu)
#define smp_processor_id() (tbit_scratch.cpu)
#define num_possible_cpus() ((unsigned int)tbit_scratch.cpus)
#define num_online_cpus() ((unsigned int)tbit_scratch.cpus)
#define get_cpu() (tbit_scratch.cpu)
#define put_cpu() do { } while (0)
static inline bool is_realm_world(void) { return tbit_realm; }
#define prot_ns_shared tbit_prot_ns_shared
#define dma_alloc_from_contiguous_enabled 0

/* ---- devices ---- */
struct kobject { const char *name; };
struct kset; struct bus_type; struct device_driver; struct class; struct attribute_group; struct device_type; struct iommu_group;
struct dev_iommu; struct device_node; struct fwnode_handle; struct iommu_domain; struct cma; struct gen_pool; struct driver_private; struct device_private;
struct attribute { const char *name; umode_t mode; };
#define dev_name(d) "device"
#define dev_driver_string(d) "driver"
#define dev_to_node(d) NUMA_NO_NODE
#define set_dev_node(d, n) do { } while (0)
#define dev_is_pci(d) true
#define device_lock(d) do { } while (0)
#define device_unlock(d) do { } while (0)
#define get_device(d) (d)
#define put_device(d) do { } while (0)
#define acpi_disabled 1
static inline int acpi_dma_configure(void *a, int b) { return 0; }
#define devres_alloc(r, n, g) tbit_kzalloc((n), 16)
#define devres_free(p) tbit_kfree(p)
#define devres_add(d, p) do { } while (0)
#define devres_destroy(...) 0
#define devres_release(...) 0
#define dev_get_platdata(d) NULL

/* ---- debugfs, tracing ---- */
#define DEFINE_DEBUGFS_ATTRIBUTE(n, g, s, f) static void *n##_get __attribute__((unused)) = (void *)g
#define DEFINE_SHOW_ATTRIBUTE(n)
#define debugfs_create_dir(n, p) ((struct dentry *)0)
#define debugfs_create_ulong(...) do { } while (0)
#define debugfs_create_u64(...) do { } while (0)
#define debugfs_create_u32(...) do { } while (0)
#define debugfs_create_file(...) do { } while (0)
#define debugfs_create_bool(...) do { } while (0)

/* ---- device tree, as far as restricted pools go ---- */
struct reserved_mem_ops;
struct reserved_mem { const char *name; unsigned long fdt_node; const struct reserved_mem_ops *ops; phys_addr_t base, size; void *priv; };
struct reserved_mem_ops {
	int (*node_validate)(unsigned long, phys_addr_t *); int (*node_fixup)(unsigned long, phys_addr_t, phys_addr_t);
	int (*node_init)(unsigned long, struct reserved_mem *);
	int (*device_init)(struct reserved_mem *rmem, struct device *dev); void (*device_release)(struct reserved_mem *rmem, struct device *dev);
};
#define of_get_flat_dt_prop(...) ((const void *)0)
#define RESERVEDMEM_OF_DECLARE(n, c, fn) static void *tbit_rmem_##n __attribute__((unused)) = (void *)fn

/* ---- confidential computing ---- */
#ifdef CONFIG_ARCH_HAS_MEM_ENCRYPT
int set_memory_encrypted(unsigned long addr, int numpages);
int set_memory_decrypted(unsigned long addr, int numpages);
#endif
#define RIP_REL_REF(x) (x)
#define cc_vendor 0
#define CC_VENDOR_NONE 0
#define CC_VENDOR_AMD 1
#define CC_VENDOR_INTEL 2
#define cpu_feature_enabled(f) 0
#define boot_cpu_has(f) 0
#define sev_show_status() do { } while (0)
#define snp_fixup_e820_tables() do { } while (0)
#define virtio_set_mem_acc_cb(x) do { } while (0)

#include <linux/pfn.h>
#include "tbit-extra.h"
#endif
