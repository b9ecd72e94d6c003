/*
 * The machine below the kernel's C, without any header of the tree: a symbol that a tree refers to is taken from here by name, whatever
 * the header that declares it looks like. What a tree calls by another name or with other parameters is reported by the linker.
 */
#include "tbit.h"
typedef __builtin_va_list va_list;
#define va_start __builtin_va_start
#define va_end __builtin_va_end
#define va_arg __builtin_va_arg
#define va_copy __builtin_va_copy
typedef unsigned long ulong;
typedef unsigned char u8;
typedef unsigned int u32;
typedef tbit_u64 u64;
typedef long long s64;
#define NULL ((void *)0)
#define PAGE 4096UL
#define GUEST(a) ((ulong)(a) >= TBIT_LINEAR)

/* ---- variables of the kernel that are told at boot, or that nobody reads ---- */
ulong max_pfn, max_low_pfn, min_low_pfn;
void *high_memory;
int nr_cpu_ids = 1;
/* CPU masks: as many as boot says */
ulong __cpu_possible_mask[64], __cpu_online_mask[64], __cpu_present_mask[64], __cpu_active_mask[64];
unsigned int __num_online_cpus, __num_possible_cpus;
ulong __per_cpu_offset[64];
void *system_wq, *system_percpu_wq, *system_unbound_wq, *system_dfl_wq, *system_highpri_wq;
/* [kinds][sizes] of pointers nobody follows */
void *kmalloc_caches[512];
u8 rcu_lock_map[256], rcu_bh_lock_map[256], rcu_sched_lock_map[256], rcu_callback_map[256];
ulong jiffies;
void __mutex_init(void *l, const char *name, void *key) { }
int debug_locks = 1, oops_in_progress, panic_timeout;
_Bool static_key_initialized = 1;
ulong prot_ns_shared;
/* pages of memory: atomic_long_t */
long _totalram_pages;
/* the running task: its fields are read by nothing that is compiled here, beyond flags at the start */
static u8 tbit_task[32768] __attribute__((aligned(64)));
void *tbit_current = tbit_task;

/* ---- heap: first fit over a list of blocks, all of it inside the snapshot ---- */
extern char __heap_base;
enum { KEPT = 1, FOUND = 2, READ = 4 }; /* asked for from outside, or lost and told; of the look for lost blocks */
struct tbit_block { struct tbit_block *next; ulong size, free, marks; };
static struct tbit_block *tbit_blocks, *tbit_last_block;
static ulong tbit_brk, tbit_end;
int tbit_heap_touched; /* since the last call; never set in a snapshot */

static ulong align_up(ulong x, ulong a) { return (x + a - 1) & ~(a - 1); }

static __attribute__((__noinline__)) void tbit_grow(ulong end)
{
	ulong have = __builtin_wasm_memory_size(0) << 16;

	if (end > have && __builtin_wasm_memory_grow(0, (end - have + 0xffff) >> 16) == (ulong)-1)
		tbit_i_oops("the instance's memory cannot grow", (double)end);
	if (end > tbit_end) {
		tbit_end = end;
		tbit_i_set_limit(end);
	}
}

static void zero(void *p, ulong n)
{
	ulong *q = p;

	for (n >>= 3; n; n--)
		*q++ = 0;
}

/* Freed memory is zeroed, so that states that differ in the past alone are one state. */
__attribute__((__noinline__)) void *tbit_kzalloc(ulong size, ulong align)
{
	struct tbit_block *b;
	ulong p;

	size = align_up(size ? size : 1, 16);
	tbit_heap_touched = 1;
	for (b = tbit_blocks; b; b = b->next)
		if (b->free && b->size >= size && !((ulong)(b + 1) & (align - 1))) {
			b->free = 0;
			return b + 1;
		}
	if (!tbit_brk)
		tbit_brk = align_up((ulong)&__heap_base, 256);
	p = align_up(tbit_brk + sizeof(*b), align > 16 ? align : 16);
	tbit_brk = p + size;
	tbit_grow(tbit_brk);
	b = (struct tbit_block *)p - 1;
	b->next = NULL;
	b->size = size;
	b->free = 0;
	b->marks = 0;
	if (tbit_last_block)
		tbit_last_block->next = b;
	else
		tbit_blocks = b;
	tbit_last_block = b;
	zero((void *)p, size);
	return (void *)p;
}

__attribute__((__noinline__)) void tbit_kfree(const void *p)
{
	struct tbit_block *b = (struct tbit_block *)p - 1;

	if (!p || (ulong)p == 16)
		return;
	if ((ulong)p < (ulong)&__heap_base || (ulong)p > tbit_brk || b->free)
		tbit_i_oops("kfree of an address that was not allocated", (double)(ulong)p);
	b->free = 1;
	b->marks = 0;
	tbit_heap_touched = 1;
	zero((void *)p, b->size);
}

/* ---- lost blocks, looked for as kmemleak does: no word of the static data or of a block that is found points into them ---- */
extern char __global_base;
static struct tbit_block *found_by(ulong p)
{
	struct tbit_block *b;

	if (p <= (ulong)&__heap_base || p >= tbit_brk)
		return NULL;
	for (b = tbit_blocks; b; b = b->next)
		if (p >= (ulong)(b + 1) && p < (ulong)(b + 1) + b->size)
			return b->free || (b->marks & FOUND) ? NULL : b;
	return NULL;
}
static int find_in(const void *from, const void *to)
{
	const ulong *w;
	struct tbit_block *b;
	int n = 0;

	for (w = from; (const void *)(w + 1) <= to; w++)
		if ((b = found_by(*w))) {
			b->marks |= FOUND;
			n++;
		}
	return n;
}
/* Bytes of the blocks that were lost since the last look. The stack holds nothing between calls. */
EXPORT(tbit_heap_lost) int tbit_heap_lost(void)
{
	struct tbit_block *b;
	ulong lost = 0;
	int more;

	if (!tbit_heap_touched)
		return 0;
	tbit_heap_touched = 0;
	for (b = tbit_blocks; b; b = b->next)
		if (b->marks & KEPT)
			b->marks |= FOUND;
	find_in((void *)align_up((ulong)&__global_base, 8), &__heap_base);
	do {
		more = 0;
		for (b = tbit_blocks; b; b = b->next)
			if ((b->marks & (FOUND | READ)) == FOUND) {
				b->marks |= READ;
				more += find_in(b + 1, (char *)(b + 1) + b->size);
			}
	} while (more);
	for (b = tbit_blocks; b; b = b->next) {
		if (!b->free && !(b->marks & FOUND)) {
			lost += b->size;
			b->marks = KEPT;
		}
		b->marks &= KEPT;
	}
	return (int)lost;
}
EXPORT(tbit_heap_end) int tbit_heap_end(void) { return (int)tbit_brk; }

/* the tree's bits (device.c) */
extern const u32 tbit_gfp_dma, tbit_gfp_dma32, tbit_gfp_zero, tbit_gfp_reclaim;
#define GFP_DMA tbit_gfp_dma
#define GFP_DMA32 tbit_gfp_dma32
#define GFP_ZERO tbit_gfp_zero
#define GFP_DIRECT_RECLAIM tbit_gfp_reclaim

static void *slab(ulong n, u32 gfp)
{
	if (gfp & GFP_DIRECT_RECLAIM)
		tbit_might_sleep("kmalloc", 0);
	return tbit_kzalloc(n, 16);
}
void *__kmalloc_noprof(ulong n, u32 gfp) { return slab(n, gfp); }
void *__kmalloc(ulong n, u32 gfp) { return slab(n, gfp); }
void *__kmalloc_node_noprof(ulong n, u32 gfp, int node) { return slab(n, gfp); }
void *__kmalloc_node(ulong n, u32 gfp, int node) { return slab(n, gfp); }
void *__kmalloc_cache_noprof(void *s, u32 gfp, ulong n) { return slab(n, gfp); }
void *__kmalloc_cache_node_noprof(void *s, u32 gfp, int node, ulong n) { return slab(n, gfp); }
void *kmalloc_trace(void *s, u32 gfp, ulong n) { return slab(n, gfp); }
void *kmalloc_node_trace(void *s, u32 gfp, int node, ulong n) { return slab(n, gfp); }
void *kmalloc_trace_noprof(void *s, u32 gfp, ulong n) { return slab(n, gfp); }
#ifdef TBIT_KVMALLOC_ALIGN
void *__kvmalloc_node_noprof(ulong n, ulong align, u32 gfp, int node) { return slab(n, gfp); }
#else
void *__kvmalloc_node_noprof(ulong n, u32 gfp, int node) { return slab(n, gfp); }
#endif
void *kvmalloc_node(ulong n, u32 gfp, int node) { return slab(n, gfp); }
void *vzalloc_node_noprof(ulong n, int node) { return slab(n, GFP_DIRECT_RECLAIM); }
void *vzalloc_node(ulong n, int node) { return slab(n, GFP_DIRECT_RECLAIM); }
void *vzalloc_noprof(ulong n) { return slab(n, GFP_DIRECT_RECLAIM); }
void *vzalloc(ulong n) { return slab(n, GFP_DIRECT_RECLAIM); }
void kfree(const void *p) { tbit_kfree(p); }
void kvfree(const void *p) { tbit_kfree(p); }
void vfree(const void *p) { tbit_kfree(p); }
void kfree_const(const void *p) { }
const char *kstrdup_const(const char *s, u32 gfp) { return s; }
ulong kmalloc_size_roundup(ulong n)
{
	if (n <= 8)
		return 8;
	if (n > 64 && n <= 96)
		return 96;
	if (n > 128 && n <= 192)
		return 192;
	return n > 1 ? 1UL << (64 - __builtin_clzl(n - 1)) : 1;
}

/* ---- bytes. Guest memory is not in this address space: whoever copies or fills may be told an address that stands for it ---- */
static double phys_of(ulong a)
{
	if (a >= TBIT_PAGES)
		tbit_i_oops("access to guest memory through a struct page pointer", (double)a);
	return (double)(a >= TBIT_REMAPPED ? (a - TBIT_REMAPPED) & TBIT_TURN_MASK : a - TBIT_LINEAR);
}
void *memcpy(void *d, const void *s, ulong n)
{
	char *x = d;
	const char *y = s;

	if (!n)
		return d;
	if (GUEST(d) && GUEST(s))
		tbit_i_copy(phys_of((ulong)d), phys_of((ulong)s), (double)n);
	else if (GUEST(d) || GUEST(s))
		tbit_i_oops("a copy between guest memory and the kernel's own structures", (double)(ulong)d);
	else
		while (n--)
			*x++ = *y++;
	return d;
}
/* 0: the linear map; 1 and 2: a mapping of its own, as private memory or as shared. */
static int tbit_alias(ulong a) { return a < TBIT_REMAPPED ? 0 : 1 + (int)((a - TBIT_REMAPPED) >> TBIT_TURN_SHIFT & 1); }
void *memset(void *d, int c, ulong n)
{
	char *x = d;

	if (n && GUEST(d))
		tbit_i_fill(phys_of((ulong)d), c, (double)n, tbit_alias((ulong)d));
	else
		while (n--)
			*x++ = c;
	return d;
}
void *memmove(void *d, const void *s, ulong n)
{
	char *x = d;
	const char *y = s;

	if (x < y)
		while (n--) *x++ = *y++;
	else
		while (n--) x[n] = y[n];
	return d;
}
int memcmp(const void *a, const void *b, ulong n) { const u8 *x = a, *y = b; for (; n; n--, x++, y++) if (*x != *y) return *x - *y; return 0; }
ulong strlen(const char *s) { ulong n = 0; while (s[n]) n++; return n; }
int strcmp(const char *a, const char *b) { while (*a && *a == *b) a++, b++; return (u8)*a - (u8)*b; }
int strncmp(const char *a, const char *b, ulong n) { for (; n; n--, a++, b++) { if (*a != *b) return (u8)*a - (u8)*b; if (!*a) break; } return 0; }
static int number_digit(int c) { return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'z' ? (c | 32) - 'a' + 10 : 99; }
u64 simple_strtoull(const char *s, char **end, u32 base)
{
	u64 v = 0;

	/* lib/kstrtox.c, _parse_integer_fixup_radix(): 0x and a digit is hexadecimal, another 0 in front octal */
	if ((base == 0 || base == 16) && s[0] == '0' && (s[1] | 32) == 'x' && number_digit(s[2]) < 16) { s += 2; base = 16; }
	else if (base == 0 && s[0] == '0') base = 8;
	for (base = base ? base : 10; number_digit(*s) < (int)base; s++)
		v = v * base + number_digit(*s);
	if (end)
		*end = (char *)s;
	return v;
}
ulong simple_strtoul(const char *s, char **end, u32 base) { return simple_strtoull(s, end, base); }
int kstrtouint(const char *s, u32 base, u32 *out) { char *e; *out = simple_strtoull(s, &e, base); return e == s ? -22 : 0; }
int kstrtoull(const char *s, u32 base, u64 *out) { char *e; *out = simple_strtoull(s, &e, base); return e == s ? -22 : 0; }
u64 memparse(const char *s, char **end)
{
	char *e;
	u64 v = simple_strtoull(s, &e, 0);

	switch (*e | 32) { case 't': v <<= 10; case 'g': v <<= 10; case 'm': v <<= 10; case 'k': v <<= 10; e++; }
	if (end)
		*end = e;
	return v;
}
typedef __int128 tbit_ti;
/* the compiler asks for it where it cannot rule out a 128 bit product */
tbit_ti __multi3(tbit_ti a, tbit_ti b)
{
	u64 al = a, bl = b, ah = (u64)(a >> 64), bh = (u64)(b >> 64);
	u64 l0 = (al & 0xffffffff) * (bl & 0xffffffff), m0 = (al >> 32) * (bl & 0xffffffff), m1 = (al & 0xffffffff) * (bl >> 32);
	u64 mid = (l0 >> 32) + (m0 & 0xffffffff) + (m1 & 0xffffffff);
	u64 hi = (al >> 32) * (bl >> 32) + (m0 >> 32) + (m1 >> 32) + (mid >> 32) + ah * bl + al * bh;

	return (tbit_ti)((unsigned __int128)hi << 64 | (mid << 32 | (l0 & 0xffffffff)));
}
ulong __sw_hweight64(u64 x) { return __builtin_popcountll(x); }
u32 __sw_hweight32(u32 x) { return __builtin_popcount(x); }

/* ---- bitmaps ---- */
static int bit_of(const ulong *a, ulong i) { return (a[i >> 6] >> (i & 63)) & 1; }
static ulong next_bit(const ulong *a, ulong size, ulong i, int want)
{
	for (; i < size && bit_of(a, i) != want; i++)
		;
	return i < size ? i : size;
}
ulong _find_next_bit(const ulong *a, ulong size, ulong from) { return next_bit(a, size, from, 1); }
ulong _find_first_bit(const ulong *a, ulong size) { return next_bit(a, size, 0, 1); }
ulong _find_next_zero_bit(const ulong *a, ulong size, ulong from) { return next_bit(a, size, from, 0); }
ulong _find_first_zero_bit(const ulong *a, ulong size) { return next_bit(a, size, 0, 0); }
u32 __bitmap_weight(const ulong *a, u32 bits) { u32 n = 0, i; for (i = 0; i < bits; i++) n += bit_of(a, i); return n; }
void __bitmap_set(ulong *a, u32 from, int n) { for (; n > 0; n--, from++) a[from >> 6] |= 1UL << (from & 63); }
void __bitmap_clear(ulong *a, u32 from, int n) { for (; n > 0; n--, from++) a[from >> 6] &= ~(1UL << (from & 63)); }
ulong bitmap_find_next_zero_area_off(ulong *a, ulong size, ulong start, u32 nr, ulong align_mask, ulong align_offset)
{
	ulong i, end;

	for (;;) {
		start = ((next_bit(a, size, start, 0) + align_offset + align_mask) & ~align_mask) - align_offset;
		end = start + nr;
		if (end > size)
			return end;
		i = next_bit(a, end, start, 1);
		if (i >= end)
			return start;
		start = i + 1;
	}
}

/* ---- printk ---- */
struct va_format { const char *fmt; va_list *va; };
struct tbit_out { char *p, *end; };
static void tbit_putc(struct tbit_out *o, char c) { if (o->p < o->end) *o->p++ = c; }
static void tbit_puts(struct tbit_out *o, const char *s) { for (s = s ? s : "(null)"; *s; s++) tbit_putc(o, *s); }
static void tbit_number(struct tbit_out *o, u64 v, u32 base, int width, int zero, int negative)
{
	char b[24];
	int n = 0, w;

	do b[n++] = "0123456789abcdef"[v % base]; while (v /= base);
	w = width - n - negative;
	if (!zero)
		while (w-- > 0) tbit_putc(o, ' ');
	if (negative)
		tbit_putc(o, '-');
	if (zero)
		while (w-- > 0) tbit_putc(o, '0');
	while (n) tbit_putc(o, b[--n]);
}
static int letter(int c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; }
static int digit(int c) { return c >= '0' && c <= '9'; }

static void tbit_format(struct tbit_out *o, const char *f, va_list ap);
/* %pa, %pad and %pap: an address by pointer; %pV: a format inside; all else: the pointer */
static const char *tbit_pointer(struct tbit_out *o, const char *f, u64 v)
{
	if (f[1] == 'a') {
		f++;
		if (f[1] == 'd' || f[1] == 'p') f++;
		v = *(u64 *)v;
	} else if (f[1] == 'V') {
		struct va_format *vf = (void *)v;
		va_list copy;

		va_copy(copy, *vf->va);
		tbit_format(o, vf->fmt, copy);
		va_end(copy);
		return f + 1;
	} else {
		while (letter(f[1])) f++;
	}
	tbit_puts(o, "0x");
	tbit_number(o, v, 16, 16, 1, 0);
	return f;
}

static void tbit_format(struct tbit_out *o, const char *f, va_list ap)
{
	for (; *f; f++) {
		int width = 0, zero = 0, alt = 0, size = 4;
		u64 v;

		if (*f != '%') { tbit_putc(o, *f); continue; }
		for (f++; *f == '#' || *f == '0' || *f == '-' || *f == '+' || *f == ' '; f++) { if (*f == '0') zero = 1; if (*f == '#') alt = 1; }
		if (*f == '*') { width = va_arg(ap, int); f++; }
		while (digit(*f)) width = width * 10 + (*f++ - '0');
		if (*f == '.') for (f++; digit(*f); f++) ;
		for (;; f++) {
			if (*f == 'l' || *f == 'z' || *f == 't' || *f == 'j') size = 8;
			else if (*f == 'h') size = size == 2 ? 1 : 2;
			else break;
		}
		switch (*f) {
		case 'd': case 'i': {
			s64 d = size == 8 ? va_arg(ap, s64) : va_arg(ap, int);
			tbit_number(o, d < 0 ? -(u64)d : d, 10, width, zero, d < 0);
			break;
		}
		case 'u': case 'x': case 'X': case 'o':
			v = size == 8 ? va_arg(ap, u64) : va_arg(ap, u32);
			if (alt && *f != 'u') tbit_puts(o, "0x");
			tbit_number(o, v, *f == 'u' ? 10 : *f == 'o' ? 8 : 16, width, zero, 0);
			break;
		case 'p': f = tbit_pointer(o, f, va_arg(ap, ulong)); break;
		case 's': tbit_puts(o, va_arg(ap, const char *)); break;
		case 'c': tbit_putc(o, va_arg(ap, int)); break;
		case '%': tbit_putc(o, '%'); break;
		case 0: return;
		default: tbit_putc(o, '%'); tbit_putc(o, *f);
		}
	}
}
static int tbit_render(const char *fmt, va_list ap)
{
	struct tbit_out o = { tbit_text, tbit_text + TBIT_TEXT_SIZE };

	tbit_format(&o, fmt, ap);
	if (o.p > tbit_text && o.p[-1] == '\n')
		o.p--;
	return o.p - tbit_text;
}
/* the bare format costs no formatting, and is what a message is known by */
static void tbit_say(int level, const void *dev, const char *fmt, va_list ap)
{
	int once = tbit_scratch.once, n = 0;

	if (fmt[0] == 1 && fmt[1]) {
		if (level < 0 && digit(fmt[1])) level = fmt[1] - '0';
		fmt += 2;
	}
	if (level < 0)
		level = 4;
	if (tbit_scratch.verbose)
		n = tbit_render(fmt, ap);
	else
		while (fmt[n]) n++;
	tbit_i_log(level, dev ? tbit_dev_index(dev) : -1, tbit_scratch.verbose ? tbit_text : fmt, n, once);
}
int _printk(const char *fmt, ...) { va_list ap; va_start(ap, fmt); tbit_say(-1, NULL, fmt, ap); va_end(ap); return 0; }
#define TBIT_DEV_SAY(name, level) void name(const void *dev, const char *fmt, ...) { va_list ap; va_start(ap, fmt); tbit_say(level, dev, fmt, ap); va_end(ap); }
TBIT_DEV_SAY(_dev_emerg, 0) TBIT_DEV_SAY(_dev_alert, 1) TBIT_DEV_SAY(_dev_crit, 2) TBIT_DEV_SAY(_dev_err, 3)
TBIT_DEV_SAY(_dev_warn, 4) TBIT_DEV_SAY(_dev_notice, 5) TBIT_DEV_SAY(_dev_info, 6)
void dump_stack(void) { }
void _dev_printk(const char *level, const void *dev, const char *fmt, ...) { va_list ap; va_start(ap, fmt); tbit_say(level[1] - '0', dev, fmt, ap); va_end(ap); }
int ___ratelimit(void *rs, const char *func) { return 1; }
void warn_slowpath_fmt(const char *site, int line, u32 taint, const char *fmt, ...)
{
	va_list ap;
	int n = 0;

	if (fmt) {
		va_start(ap, fmt);
		n = tbit_render(fmt, ap);
		va_end(ap);
	}
	tbit_i_warn(-1, site, line, tbit_text, n, tbit_scratch.once);
}
/* Where a call sets its own site (overlay linux/once_lite.h) the memory of "once" is the embedder's. */
void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tbit_say(0, NULL, fmt, ap);
	va_end(ap);
	tbit_i_bug("panic", 0);
}
static void bounded(char *buf, ulong size, const char *fmt, va_list ap, int *n)
{
	struct tbit_out o = { buf, buf + (size ? size - 1 : 0) };

	tbit_format(&o, fmt, ap);
	if (size)
		*o.p = 0;
	*n = o.p - buf;
}
int snprintf(char *buf, ulong size, const char *fmt, ...) { va_list ap; int n; va_start(ap, fmt); bounded(buf, size, fmt, ap, &n); va_end(ap); return n; }
int scnprintf(char *buf, ulong size, const char *fmt, ...) { va_list ap; int n; va_start(ap, fmt); bounded(buf, size, fmt, ap, &n); va_end(ap); return n; }
int sprintf(char *buf, const char *fmt, ...) { va_list ap; int n; va_start(ap, fmt); bounded(buf, 256, fmt, ap, &n); va_end(ap); return n; }

/* ---- contexts: who may sleep here ---- */
void tbit_might_sleep(const char *site, int line)
{
	if ((tbit_preempt_count & 0xffff) != 0 || *(volatile ulong *)2336 != 0 || tbit_rcu_depth != 0)
		tbit_i_atomic(site, line);
}
void __might_sleep(const char *site, int line) { tbit_might_sleep(site, line); }
void __might_resched(const char *site, int line, u32 offsets) { tbit_might_sleep(site, line); }
int __cond_resched(void) { return 0; }
void __cant_sleep(const char *site, int line, int offset) { }
void fs_reclaim_acquire(u32 gfp) { }
void fs_reclaim_release(u32 gfp) { }
void lock_acquire(void *map, u32 sub, int trylock, int read, int check, void *nest, ulong ip)
{
	if (map == rcu_lock_map || map == rcu_bh_lock_map || map == rcu_sched_lock_map)
		tbit_rcu_depth++;
}
void lock_release(void *map, ulong ip)
{
	if (map == rcu_lock_map || map == rcu_bh_lock_map || map == rcu_sched_lock_map)
		tbit_rcu_depth--;
}
int rcu_read_lock_held(void) { return tbit_rcu_depth > 0; }
int rcu_read_lock_bh_held(void) { return tbit_rcu_depth > 0; }
int rcu_read_lock_any_held(void) { return tbit_rcu_depth > 0 || tbit_preempt_count > 0; }
int debug_lockdep_rcu_enabled(void) { return 0; }
void lockdep_rcu_suspicious(const char *site, int line, const char *what) { tbit_i_warn(-1, site, line, what, (int)strlen(what), 1); }
void __rcu_read_lock(void) { }
void __rcu_read_unlock(void) { }
void synchronize_rcu(void) { tbit_might_sleep("synchronize_rcu", 0); }

/* ---- pages: the embedder's allocator ---- */
/* sizeof(struct page) of the tree */
extern const ulong tbit_page_struct;
static void *page_of(double phys) { return (void *)(TBIT_PAGES + ((u64)phys >> 12) * tbit_page_struct); }
static ulong pfn_of(const void *page) { return ((ulong)page - TBIT_PAGES) / tbit_page_struct; }
static void *pages(u32 gfp, u32 order)
{
	double phys;

	if (gfp & GFP_DIRECT_RECLAIM)
		tbit_might_sleep("alloc_pages", 0);
	phys = tbit_i_alloc_pages(order, gfp & GFP_DMA ? 2 : gfp & GFP_DMA32 ? 1 : 0, gfp);
	if (phys < 0)
		return NULL;
	if (gfp & GFP_ZERO)
		tbit_i_fill(phys, 0, (double)(PAGE << order), 0);
	return page_of(phys);
}
void *alloc_pages_noprof(u32 gfp, u32 order) { return pages(gfp, order); }
void *alloc_pages(u32 gfp, u32 order) { return pages(gfp, order); }
void *alloc_pages_node_noprof(int node, u32 gfp, u32 order) { return pages(gfp, order); }
void *__alloc_pages_noprof(u32 gfp, u32 order, int node, void *mask) { return pages(gfp, order); }
void *__alloc_pages(u32 gfp, u32 order, int node, void *mask) { return pages(gfp, order); }
void *alloc_frozen_pages_noprof(u32 gfp, u32 order) { return pages(gfp, order); }
void __free_pages(void *page, u32 order) { tbit_i_free_pages((double)(pfn_of(page) << 12), order); }
void free_frozen_pages(void *page, u32 order) { __free_pages(page, order); }
void split_page(void *page, u32 order) { }
/* what is wanted by address is bookkeeping (slot arrays): it lies in the instance */
ulong get_free_pages_noprof(u32 gfp, u32 order) { if (gfp & GFP_DIRECT_RECLAIM) tbit_might_sleep("__get_free_pages", 0); return (ulong)tbit_kzalloc(PAGE << order, 64); }
ulong __get_free_pages(u32 gfp, u32 order) { return get_free_pages_noprof(gfp, order); }
void free_pages(ulong addr, u32 order)
{
	if (GUEST(addr))
		tbit_i_free_pages(phys_of(addr), order);
	else
		tbit_kfree((void *)addr);
}

/* every zone has pages */
_Bool has_managed_zone(int zone) { return 1; }
_Bool has_managed_dma(void) { return 1; }

static u64 tbit_pool_at;
static int tbit_pool_any;
EXPORT(tbit_pool_place) void tbit_pool_place(double phys, int any) { tbit_pool_at = (u64)phys; tbit_pool_any = any; }
/* The bounce pool's memory is guest memory; every other early allocation is bookkeeping. The pool is asked for below 4G, or first. */
void *memblock_alloc_try_nid(u64 size, u64 align, u64 min, u64 max, int nid)
{
	if (max || tbit_pool_any) {
		tbit_pool_any = 0;
		return tbit_pool_at ? (void *)(TBIT_LINEAR + tbit_pool_at) : NULL;
	}
	return tbit_kzalloc(size, 64);
}
void *memblock_alloc_try_nid_raw(u64 size, u64 align, u64 min, u64 max, int nid) { return memblock_alloc_try_nid(size, align, min, max, nid); }
void memblock_free(void *p, ulong size) { if (!GUEST(p)) tbit_kfree(p); }
int memblock_phys_free(u64 base, u64 size) { return 0; }
void memblock_free_late(u64 base, u64 size) { }
u64 memblock_phys_mem_size(void) { return (u64)max_pfn << 12; }
u64 memblock_start_of_DRAM(void) { return 0; }
u64 memblock_end_of_DRAM(void) { return (u64)max_pfn << 12; }

u64 tbit_virt_to_phys(const volatile void *v)
{
	ulong a = (ulong)v;

	if (a < TBIT_LINEAR || a >= TBIT_REMAPPED)
		tbit_i_oops("virt_to_phys of an address outside the linear map", (double)a);
	return a - TBIT_LINEAR;
}
/*
 * Live mappings: pages from, to, and the turn that tells mappings of one page apart. Its lowest bit is the alias, so that
 * an address says what an access through it is.
 */
static struct { ulong from, to, turn; } tbit_mapped[TBIT_MAPPINGS];
/* device.c: forgets what the tree keeps with a mapping */
void tbit_unmapped(int i);
int tbit_mapping_of(const void *addr)
{
	ulong at = (ulong)addr - TBIT_REMAPPED, pfn = (at & TBIT_TURN_MASK) >> 12;
	int i;

	for (i = 0; i < TBIT_MAPPINGS; i++)
		if (tbit_mapped[i].turn == at >> TBIT_TURN_SHIFT && pfn >= tbit_mapped[i].from && pfn < tbit_mapped[i].to)
			return i;
	tbit_i_oops("an address that is not mapped", (double)(ulong)addr);
}
void *vmap(void **list, u32 count, ulong flags, ulong prot)
{
	ulong from = pfn_of(list[0]), turn = (prot & TBIT_PROT_DECRYPTED) != 0;
	int i, empty = -1;

	tbit_might_sleep("vmap", 0);
	if (!tbit_i_vmap((double)(from << 12), (double)((ulong)count << 12), (int)prot))
		return NULL;
	for (i = 0; i < TBIT_MAPPINGS; i++) {
		if (!tbit_mapped[i].to) {
			if (empty < 0)
				empty = i;
		} else if (tbit_mapped[i].turn == turn && from < tbit_mapped[i].to && from + count > tbit_mapped[i].from) {
			turn += 2;
			i = -1;
		}
	}
	if (empty < 0)
		tbit_i_oops("more than 128 mappings", count);
	if (turn >= (TBIT_PAGES - TBIT_REMAPPED) >> TBIT_TURN_SHIFT)
		tbit_i_oops("more than 16 mappings of one page", (double)from);
	tbit_mapped[empty].from = from;
	tbit_mapped[empty].to = from + count;
	tbit_mapped[empty].turn = turn;
	return (void *)(TBIT_REMAPPED + (turn << TBIT_TURN_SHIFT) + (from << 12));
}
void vunmap(const void *addr)
{
	ulong at = (ulong)addr - TBIT_REMAPPED;
	int i;

	tbit_might_sleep("vunmap", 0);
	for (i = 0; i < TBIT_MAPPINGS; i++)
		if (tbit_mapped[i].to && tbit_mapped[i].from == (at & TBIT_TURN_MASK) >> 12 && tbit_mapped[i].turn == at >> TBIT_TURN_SHIFT) {
			tbit_mapped[i].from = tbit_mapped[i].to = tbit_mapped[i].turn = 0;
			tbit_unmapped(i);
			tbit_i_vunmap((double)(at & TBIT_TURN_MASK));
			return;
		}
	tbit_i_oops("vunmap of an address that is not mapped", (double)(ulong)addr);
}
void *vmalloc_to_page(const void *addr) { return page_of((double)(((ulong)addr - TBIT_REMAPPED) & TBIT_TURN_MASK)); }
_Bool is_vmalloc_addr(const void *x) { return (ulong)x >= TBIT_REMAPPED && (ulong)x < TBIT_PAGES; }
int is_vmalloc_or_module_addr(const void *x) { return is_vmalloc_addr(x); }
void *memremap(u64 offset, ulong size, ulong flags) { return (void *)(TBIT_LINEAR + offset); }
/* memory as ranges of pages; none told: one from the first page to the last */
static ulong tbit_ranges[16];
static int tbit_nranges;
EXPORT(tbit_ram_range) void tbit_ram_range(double start, double end)
{
	if (tbit_nranges == 8)
		tbit_i_oops("more than 8 ranges of memory", start);
	tbit_ranges[2 * tbit_nranges] = (ulong)start >> 12;
	tbit_ranges[2 * tbit_nranges++ + 1] = (ulong)end >> 12;
}
int walk_system_ram_range(ulong start_pfn, ulong nr_pages, void *arg, int (*func)(ulong, ulong, void *))
{
	int i, r = -22;

	if (!tbit_nranges)
		return func(min_low_pfn, max_pfn - min_low_pfn, arg);
	for (i = 0; i < tbit_nranges; i++) {
		ulong from = tbit_ranges[2 * i], to = tbit_ranges[2 * i + 1];

		if (from < start_pfn)
			from = start_pfn;
		if (to > start_pfn + nr_pages)
			to = start_pfn + nr_pages;
		if (from >= to)
			continue;
		r = func(from, to - from, arg);
		if (r)
			break;
	}
	return r;
}
static ulong tbit_mmap_prot;
/* what a user mapping of a buffer was made with */
EXPORT(tbit_mmap_prot_taken) int tbit_mmap_prot_taken(void) { int p = (int)tbit_mmap_prot; tbit_mmap_prot = 0; return p; }
int remap_pfn_range(void *vma, ulong addr, ulong pfn, ulong size, ulong prot) { tbit_mmap_prot = prot; return 0; }

/* ---- conversions ---- */
static int tbit_convert;
static int set_memory(int decrypted, ulong addr, int numpages)
{
	tbit_might_sleep(decrypted ? "set_memory_decrypted" : "set_memory_encrypted", 0);
	/* what is no address of the linear map: the embedder knows what its platform makes of it */
	if (addr < TBIT_LINEAR || addr >= TBIT_REMAPPED)
		return tbit_i_set_memory(decrypted, -1, numpages);
	return tbit_i_set_memory(decrypted, (double)(addr - TBIT_LINEAR), numpages);
}
int tbit_encrypt(ulong addr, int numpages) { return set_memory(0, addr, numpages); }
int tbit_decrypt(ulong addr, int numpages) { return set_memory(1, addr, numpages); }
/* an architecture that registers its conversions has these itself */
#ifdef TBIT_OWN_CONVERSIONS
int set_memory_encrypted(ulong addr, int numpages) { return tbit_convert ? set_memory(0, addr, numpages) : 0; }
int set_memory_decrypted(ulong addr, int numpages) { return tbit_convert ? set_memory(1, addr, numpages) : 0; }
#endif
void tbit_convert_on(int on) { tbit_convert = on; }

/* ---- debugfs: nobody reads it ---- */
void *debugfs_create_dir(const char *name, void *parent) { return NULL; }
void *debugfs_create_file(const char *name, unsigned short mode, void *parent, void *data, const void *fops) { return NULL; }
void *debugfs_create_file_full(const char *name, unsigned short mode, void *parent, void *data, const void *aux, const void *fops) { return NULL; }
void debugfs_create_ulong(const char *name, unsigned short mode, void *parent, ulong *value) { }
void debugfs_create_u64(const char *name, unsigned short mode, void *parent, u64 *value) { }
long debugfs_attr_read(void *file, char *buf, ulong len, s64 *pos) { return 0; }
long debugfs_attr_write(void *file, const char *buf, ulong len, s64 *pos) { return 0; }
int simple_attr_open(void *inode, void *file, int (*get)(void *, u64 *), int (*set)(void *, u64), const char *fmt) { return 0; }
int simple_attr_release(void *inode, void *file) { return 0; }

/* ---- the flat device tree: a restricted pool is told by its node, which has none of the properties that exclude it ---- */
const void *of_get_flat_dt_prop(ulong node, const char *name, int *size) { return NULL; }

/* ---- cache maintenance ---- */
void arch_sync_dma_for_device(u64 p, ulong n, int dir) { tbit_i_cache(0, (double)p, (double)n, dir); }
void arch_sync_dma_for_cpu(u64 p, ulong n, int dir) { tbit_i_cache(1, (double)p, (double)n, dir); }
void arch_dma_prep_coherent(void *page, ulong n) { tbit_i_cache(3, (double)(pfn_of(page) << 12), (double)n, 0); }
void tbit_sync_dma_flush(void) { tbit_i_cache(4, 0, 0, 0); }
void *arch_dma_alloc(void *dev, ulong n, u64 *h, u32 gfp, ulong attrs) { return NULL; }
void arch_dma_free(void *dev, ulong n, void *p, u64 h, ulong attrs) { }

EXPORT(tbit_alloc) int tbit_alloc(int size)
{
	struct tbit_block *b = tbit_kzalloc(size, 64);

	b[-1].marks = KEPT;
	return (int)(ulong)b;
}
EXPORT(tbit_start) void tbit_start(int cpus, int verbose)
{
	int i;

	tbit_scratch.cpus = cpus;
	tbit_scratch.verbose = verbose;
	nr_cpu_ids = cpus;
	__num_online_cpus = __num_possible_cpus = cpus;
	for (i = 0; i < cpus && i < 64; i++) {
		__cpu_possible_mask[0] |= 1UL << i;
		__cpu_online_mask[0] |= 1UL << i;
	}
	tbit_grow(__builtin_wasm_memory_size(0) << 16);
}
