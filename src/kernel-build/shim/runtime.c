/*
 * The rest of the machine as the DMA code sees it: heap, pages, printk, conversions, devices, and what the embedder
 * needs to look in. Compiled with the tree's struct device, so that a field a patch adds is here too.
 */
#include <linux/dma-direct.h>
#include <linux/cc_platform.h>
#include <asm/mem_encrypt.h>

#undef memcpy
#undef memset

#define EXPORT(name) __attribute__((export_name(#name), used))
#define GUEST(a) ((unsigned long)(a) >= PAGE_OFFSET)

u64 tbit_prot_ns_shared, tbit_cc_attrs;
int tbit_realm;
unsigned long max_pfn, max_low_pfn, min_low_pfn;
void *high_memory;
#ifdef CONFIG_AMD_MEM_ENCRYPT
u64 sme_me_mask;
u64 sev_status;
#endif

/* ---- heap: first fit over a list of blocks, all of it inside the snapshot ---- */
extern char __heap_base;
struct tbit_block { struct tbit_block *next; size_t size; size_t free; size_t pad; };
static struct tbit_block *tbit_blocks, *tbit_last_block;
static unsigned long tbit_brk, tbit_end;

static void tbit_grow(unsigned long end)
{
	unsigned long have = __builtin_wasm_memory_size(0) << 16;

	if (end > have && __builtin_wasm_memory_grow(0, (end - have + 0xffff) >> 16) == (unsigned long)-1)
		tbit_i_oops("the instance's memory cannot grow", (double)end);
	if (end > tbit_end) {
		tbit_end = end;
		tbit_i_set_limit(end);
	}
}

void *tbit_kzalloc(size_t size, size_t align)
{
	struct tbit_block *b;
	unsigned long p;

	size = ALIGN(size ? size : 1, 16);
	for (b = tbit_blocks; b; b = b->next)
		if (b->free && b->size >= size && IS_ALIGNED((unsigned long)(b + 1), align)) {
			b->free = 0;
			__builtin_memset(b + 1, 0, b->size);
			return b + 1;
		}
	if (!tbit_brk)
		tbit_brk = ALIGN((unsigned long)&__heap_base, 256);
	p = ALIGN(tbit_brk + sizeof(*b), max_t(size_t, align, 16));
	tbit_brk = p + size;
	tbit_grow(tbit_brk);
	b = (struct tbit_block *)p - 1;
	b->next = NULL;
	b->size = size;
	b->free = 0;
	if (tbit_last_block)
		tbit_last_block->next = b;
	else
		tbit_blocks = b;
	tbit_last_block = b;
	__builtin_memset((void *)p, 0, size);
	return (void *)p;
}

void tbit_kfree(const void *p)
{
	if (!p)
		return;
	if ((unsigned long)p < (unsigned long)&__heap_base || (unsigned long)p > tbit_brk || ((struct tbit_block *)p)[-1].free)
		tbit_i_oops("kfree of an address that was not allocated", (double)(unsigned long)p);
	((struct tbit_block *)p)[-1].free = 1;
}

size_t kmalloc_size_roundup(size_t size)
{
	if (size <= 8)
		return 8;
	if (size > 64 && size <= 96)
		return 96;
	if (size > 128 && size <= 192)
		return 192;
	return roundup_pow_of_two(size);
}

/* ---- bytes ---- */
void *memcpy(void *d, const void *s, size_t n) { char *x = d; const char *y = s; while (n--) *x++ = *y++; return d; }
void *memset(void *d, int c, size_t n) { char *x = d; while (n--) *x++ = c; return d; }
void *memmove(void *d, const void *s, size_t n)
{
	char *x = d; const char *y = s;
	if (x < y) while (n--) *x++ = *y++;
	else while (n--) x[n] = y[n];
	return d;
}
int memcmp(const void *a, const void *b, size_t n) { const u8 *x = a, *y = b; for (; n; n--, x++, y++) if (*x != *y) return *x - *y; return 0; }
size_t strlen(const char *s) { size_t n = 0; while (s[n]) n++; return n; }
int strcmp(const char *a, const char *b) { while (*a && *a == *b) a++, b++; return (u8)*a - (u8)*b; }
int strncmp(const char *a, const char *b, size_t n) { for (; n; n--, a++, b++) { if (*a != *b) return (u8)*a - (u8)*b; if (!*a) break; } return 0; }

static double tbit_phys(unsigned long a)
{
	if (a >= TBIT_VMEMMAP)
		tbit_i_oops("access to guest memory through a struct page pointer", (double)a);
	return (double)(a >= TBIT_VMALLOC ? a - TBIT_VMALLOC : a - PAGE_OFFSET);
}

void *tbit_memcpy(void *d, const void *s, size_t n)
{
	if (!n)
		return d;
	if (GUEST(d) && GUEST(s))
		tbit_i_copy(tbit_phys((unsigned long)d), tbit_phys((unsigned long)s), (double)n);
	else if (GUEST(d) || GUEST(s))
		tbit_i_oops("a copy between guest memory and the kernel's own structures", (double)(unsigned long)d);
	else
		memcpy(d, s, n);
	return d;
}

void *tbit_memset(void *d, int c, size_t n)
{
	if (!n)
		return d;
	if (GUEST(d))
		tbit_i_fill(tbit_phys((unsigned long)d), c, (double)n, is_vmalloc_addr(d));
	else
		memset(d, c, n);
	return d;
}

unsigned long simple_strtoul(const char *s, char **end, unsigned int base)
{
	unsigned long v = 0;

	if ((base == 0 || base == 16) && s[0] == '0' && (s[1] | 32) == 'x') { s += 2; base = 16; }
	if (!base)
		base = 10;
	for (;; s++) {
		int c = *s >= '0' && *s <= '9' ? *s - '0' : (*s | 32) >= 'a' && (*s | 32) <= 'z' ? (*s | 32) - 'a' + 10 : 99;
		if (c >= (int)base)
			break;
		v = v * base + c;
	}
	if (end)
		*end = (char *)s;
	return v;
}
int kstrtouint(const char *s, unsigned int base, unsigned int *out) { char *e; *out = simple_strtoul(s, &e, base); return e == s ? -EINVAL : 0; }
int kstrtoul(const char *s, unsigned int base, unsigned long *out) { char *e; *out = simple_strtoul(s, &e, base); return e == s ? -EINVAL : 0; }
unsigned long long memparse(const char *s, char **end)
{
	char *e;
	unsigned long long v = simple_strtoul(s, &e, 0);
	switch (*e | 32) { case 't': v <<= 10; fallthrough; case 'g': v <<= 10; fallthrough; case 'm': v <<= 10; fallthrough; case 'k': v <<= 10; e++; }
	if (end)
		*end = e;
	return v;
}

/* ---- printk ---- */
struct tbit_out { char *p, *end; };
static void tbit_putc(struct tbit_out *o, char c) { if (o->p < o->end) *o->p++ = c; }
static void tbit_puts(struct tbit_out *o, const char *s) { for (s = s ? s : "(null)"; *s; s++) tbit_putc(o, *s); }
static void tbit_number(struct tbit_out *o, u64 v, unsigned int base, int width, int zero, int negative)
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

static void tbit_format(struct tbit_out *o, const char *f, va_list ap)
{
	for (; *f; f++) {
		int width = 0, zero = 0, alt = 0, size = 4;
		u64 v;

		if (*f != '%') { tbit_putc(o, *f); continue; }
		for (f++; *f == '#' || *f == '0' || *f == '-' || *f == '+' || *f == ' '; f++) { if (*f == '0') zero = 1; if (*f == '#') alt = 1; }
		if (*f == '*') { width = va_arg(ap, int); f++; }
		while (isdigit(*f)) width = width * 10 + (*f++ - '0');
		if (*f == '.') for (f++; isdigit(*f); f++) ;
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
			v = size == 8 ? va_arg(ap, u64) : va_arg(ap, unsigned int);
			if (alt && *f != 'u') tbit_puts(o, "0x");
			tbit_number(o, v, *f == 'u' ? 10 : *f == 'o' ? 8 : 16, width, zero, 0);
			break;
		case 'p':
			v = va_arg(ap, unsigned long);
			if (f[1] == 'a') {
				f++;
				if (f[1] == 'd' || f[1] == 'p') f++;
				v = *(u64 *)v;
				tbit_puts(o, "0x");
				tbit_number(o, v, 16, 16, 1, 0);
			} else if (f[1] == 'V') {
				struct va_format *vf = (void *)v;
				va_list copy;
				f++;
				va_copy(copy, *vf->va);
				tbit_format(o, vf->fmt, copy);
				va_end(copy);
			} else {
				while ((f[1] | 32) >= 'a' && (f[1] | 32) <= 'z') f++;
				tbit_puts(o, "0x");
				tbit_number(o, v, 16, 16, 1, 0);
			}
			break;
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

void tbit_printk(int level, const struct device *dev, const char *fmt, ...)
{
	va_list ap;
	int n = 0;

	if (tbit_scratch.verbose) {
		va_start(ap, fmt);
		n = tbit_render(fmt, ap);
		va_end(ap);
		tbit_i_log(level, dev ? tbit_dev_index(dev) : -1, tbit_text, n);
	} else {
		while (fmt[n]) n++;
		tbit_i_log(level, dev ? tbit_dev_index(dev) : -1, fmt, n);
	}
}

void tbit_warn(const struct device *dev, const char *site, int line, const char *fmt, ...)
{
	va_list ap;
	int n = 0;

	if (fmt) {
		va_start(ap, fmt);
		n = tbit_render(fmt, ap);
		va_end(ap);
	}
	tbit_i_warn(dev ? tbit_dev_index(dev) : -1, site, line, tbit_text, n);
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	struct tbit_out o = { buf, buf + size - 1 };
	va_list ap;

	va_start(ap, fmt);
	tbit_format(&o, fmt, ap);
	va_end(ap);
	*o.p = 0;
	return o.p - buf;
}

/* ---- pages: the embedder's allocator ---- */
struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	int zone = gfp & __GFP_DMA ? 2 : gfp & __GFP_DMA32 ? 1 : 0;
	double phys = tbit_i_alloc_pages(order, zone, gfp);

	if (phys < 0)
		return NULL;
	if (gfp & __GFP_ZERO)
		tbit_i_fill(phys, 0, (double)(PAGE_SIZE << order), 0);
	return phys_to_page((u64)phys);
}
void __free_pages(struct page *page, unsigned int order) { tbit_i_free_pages((double)page_to_phys(page), order); }
unsigned long __get_free_pages(gfp_t gfp, unsigned int order)
{
	struct page *page = alloc_pages(gfp, order);
	return page ? (unsigned long)page_address(page) : 0;
}
void free_pages(unsigned long addr, unsigned int order) { if (addr) __free_pages(virt_to_page((void *)addr), order); }

static u64 tbit_pool_at;
static int tbit_pool_any;
EXPORT(tbit_pool_place) void tbit_pool_place(double phys, int any) { tbit_pool_at = (u64)phys; tbit_pool_any = any; }
void *memblock_alloc_low(phys_addr_t size, phys_addr_t align) { return phys_to_virt(tbit_pool_at); }
void *memblock_alloc(phys_addr_t size, phys_addr_t align)
{
	if (tbit_pool_any) {
		tbit_pool_any = 0;
		return phys_to_virt(tbit_pool_at);
	}
	return tbit_kzalloc(size, 64);
}
void memblock_free(void *p, size_t size) { if (!GUEST(p)) tbit_kfree(p); }
void memblock_free_late(phys_addr_t p, phys_addr_t size) { }

void *tbit_vmap_pages(struct page *page, size_t size, pgprot_t prot)
{
	double phys = (double)page_to_phys(page);
	if (!tbit_i_vmap(phys, (double)size, !!(pgprot_val(prot) & TBIT_PROT_DECRYPTED)))
		return NULL;
	return (void *)(TBIT_VMALLOC + page_to_phys(page));
}
void *vmap(struct page **pages, unsigned int count, unsigned long flags, pgprot_t prot) { return tbit_vmap_pages(pages[0], (size_t)count << PAGE_SHIFT, prot); }
void *dma_common_contiguous_remap(struct page *page, size_t size, pgprot_t prot, const void *caller) { return tbit_vmap_pages(page, size, prot); }
void dma_common_free_remap(void *addr, size_t size) { vunmap(addr); }
void vunmap(const void *addr) { tbit_i_vunmap((double)((unsigned long)addr - TBIT_VMALLOC)); }
int walk_system_ram_range(unsigned long start_pfn, unsigned long nr_pages, void *arg, int (*func)(unsigned long, unsigned long, void *))
{
	return func(min_low_pfn, max_pfn - min_low_pfn, arg);
}

int remap_pfn_range(struct vm_area_struct *vma, unsigned long addr, unsigned long pfn, unsigned long size, pgprot_t prot) { return 0; }
struct scatterlist *sg_next(struct scatterlist *sg)
{
	if (sg_is_last(sg))
		return NULL;
	sg++;
	return sg_is_chain(sg) ? sg_chain_ptr(sg) : sg;
}
int sg_alloc_table(struct sg_table *t, unsigned int n, gfp_t gfp)
{
	unsigned int i;

	t->sgl = tbit_kzalloc(sizeof(*t->sgl) * n, 16);
	t->nents = t->orig_nents = n;
	for (i = 0; i < n; i++)
		t->sgl[i].page_link = i == n - 1 ? SG_END : 0;
	return 0;
}
void sg_free_table(struct sg_table *t) { tbit_kfree(t->sgl); t->sgl = NULL; }

/* No architecture of ours allocates by itself: what 6.1 calls where later trees look at the configuration. */
void *arch_dma_alloc(struct device *dev, size_t n, dma_addr_t *h, gfp_t g, unsigned long a) { return NULL; }
void arch_dma_free(struct device *dev, size_t n, void *p, dma_addr_t h, unsigned long a) { }

/* ---- cache maintenance ---- */
void arch_sync_dma_for_device(phys_addr_t p, size_t n, enum dma_data_direction dir);
void arch_sync_dma_for_cpu(phys_addr_t p, size_t n, enum dma_data_direction dir);
#ifdef CONFIG_ARCH_HAS_SYNC_DMA_FOR_DEVICE
void arch_sync_dma_for_device(phys_addr_t p, size_t n, enum dma_data_direction dir) { tbit_i_cache(0, (double)p, (double)n, dir); }
#endif
#ifdef CONFIG_ARCH_HAS_SYNC_DMA_FOR_CPU
void arch_sync_dma_for_cpu(phys_addr_t p, size_t n, enum dma_data_direction dir) { tbit_i_cache(1, (double)p, (double)n, dir); }
#endif
#ifdef CONFIG_ARCH_HAS_DMA_PREP_COHERENT
void arch_dma_prep_coherent(struct page *page, size_t n) { tbit_i_cache(3, (double)page_to_phys(page), (double)n, 0); }
#endif

/* ---- platform ---- */
bool cc_platform_has(enum cc_attr attr) { return (tbit_cc_attrs >> attr) & 1; }
#ifdef TBIT_FORCE_UNENCRYPTED
/* the configuration asks for it and the tree's architecture has none: a realm's answer */
bool force_dma_unencrypted(struct device *dev) { return tbit_realm; }
#endif
/* which: 0 MEM_ENCRYPT, 1 HOST_MEM_ENCRYPT, 2 GUEST_MEM_ENCRYPT */
EXPORT(tbit_cc_attr) void tbit_cc_attr(int which, int on)
{
	int bit = which == 0 ? CC_ATTR_MEM_ENCRYPT : which == 1 ? CC_ATTR_HOST_MEM_ENCRYPT : CC_ATTR_GUEST_MEM_ENCRYPT;
	tbit_cc_attrs = on ? tbit_cc_attrs | 1ULL << bit : tbit_cc_attrs & ~(1ULL << bit);
}
/* bit numbers, -1 for none */
EXPORT(tbit_platform) void tbit_platform(int realm, int shared_bit, int c_bit)
{
	tbit_realm = realm;
	tbit_prot_ns_shared = shared_bit < 0 ? 0 : 1ULL << shared_bit;
#ifdef CONFIG_AMD_MEM_ENCRYPT
	sme_me_mask = c_bit < 0 ? 0 : 1ULL << c_bit;
#endif
}
EXPORT(tbit_ram) void tbit_ram(double end_pfn, double zone_limit)
{
	max_pfn = max_low_pfn = (unsigned long)end_pfn;
	high_memory = phys_to_virt((phys_addr_t)max_pfn << PAGE_SHIFT);
	TBIT_SET_ZONE_LIMIT((u64)zone_limit);
}

/* ---- conversions ---- */
static int tbit_set_memory(int decrypted, unsigned long addr, int numpages)
{
	/* what is no address of the linear map: the embedder knows what its platform makes of it */
	if (!GUEST(addr) || addr >= TBIT_VMALLOC)
		return tbit_i_set_memory(decrypted, -1, numpages);
	return tbit_i_set_memory(decrypted, (double)(addr - PAGE_OFFSET), numpages);
}
#ifdef TBIT_CRYPT_OPS
static int tbit_encrypt(unsigned long addr, int numpages) { return tbit_set_memory(0, addr, numpages); }
static int tbit_decrypt(unsigned long addr, int numpages) { return tbit_set_memory(1, addr, numpages); }
static const struct arm64_mem_crypt_ops tbit_crypt_ops = { .encrypt = tbit_encrypt, .decrypt = tbit_decrypt };
EXPORT(tbit_conversions) void tbit_conversions(int on) { if (on) arm64_mem_crypt_ops_register(&tbit_crypt_ops); }
#elif !defined(CONFIG_ARCH_HAS_MEM_ENCRYPT)
EXPORT(tbit_conversions) void tbit_conversions(int on) { }
#else
static int tbit_convert;
int set_memory_encrypted(unsigned long addr, int numpages) { return tbit_convert ? tbit_set_memory(0, addr, numpages) : 0; }
int set_memory_decrypted(unsigned long addr, int numpages) { return tbit_convert ? tbit_set_memory(1, addr, numpages) : 0; }
EXPORT(tbit_conversions) void tbit_conversions(int on) { tbit_convert = on; }
#endif

/* ---- work: kept until the embedder runs it ---- */
static struct work_struct *tbit_work[16];
static int tbit_works;
bool schedule_work(struct work_struct *work)
{
	int i;
	for (i = 0; i < tbit_works; i++)
		if (tbit_work[i] == work)
			return false;
	if (tbit_works == 16)
		tbit_i_oops("more than 16 pending works", 0);
	tbit_work[tbit_works++] = work;
	return true;
}
EXPORT(tbit_works) int tbit_works_pending(void) { return tbit_works; }
EXPORT(tbit_run_work) int tbit_run_work(void)
{
	struct work_struct *w = tbit_work[0];
	int i;
	if (!tbit_works)
		return 0;
	for (i = 1; i < tbit_works; i++)
		tbit_work[i - 1] = tbit_work[i];
	tbit_work[--tbit_works] = NULL;
	w->func(w);
	return 1;
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
int tbit_dev_index(const struct device *dev)
{
	int i;
	for (i = 0; i < tbit_ndevs; i++)
		if (&tbit_devs[i]->dev == dev)
			return i;
	return -1;
}
/* Flags that a tree keeps outside struct device (in device_private, say) and asks for by function. */
bool tbit_dev_flag(const struct device *dev, int which)
{
	int i = tbit_dev_index(dev);
	return i >= 0 && (tbit_devs[i]->flags >> which) & 1;
}
EXPORT(tbit_dev_set_flag) void tbit_dev_set_flag(int d, int which, int on)
{
	struct tbit_device *t = (struct tbit_device *)tbit_dev(d);
	t->flags = on ? t->flags | 1u << which : t->flags & ~(1u << which);
}

static inline u64 tbit_u64(int lo, int hi) { return (u64)(u32)hi << 32 | (u32)lo; }
EXPORT(tbit_device_new) int tbit_device_new(void)
{
	struct tbit_device *t;

	if (tbit_ndevs == 64)
		return -1;
	t = tbit_kzalloc(sizeof(*t), 64);
	t->index = tbit_ndevs;
	t->dev.dma_mask = &t->mask;
	t->dev.dma_parms = &t->parms;
	t->mask = t->dev.coherent_dma_mask = ~0ULL;
	tbit_devs[tbit_ndevs++] = t;
	TBIT_DEV_INIT(&t->dev);
	return t->index;
}
EXPORT(tbit_device_masks) void tbit_device_masks(int d, int lo, int hi, int clo, int chi, int blo, int bhi)
{
	struct tbit_device *t = (struct tbit_device *)tbit_dev(d);
	t->mask = tbit_u64(lo, hi);
	t->dev.coherent_dma_mask = tbit_u64(clo, chi);
	t->dev.bus_dma_limit = tbit_u64(blo, bhi);
}
EXPORT(tbit_dma_mask_bits) void tbit_dma_mask_bits(int d, int bits) { ((struct tbit_device *)tbit_dev(d))->mask = bits >= 64 ? ~0ULL : (1ULL << bits) - 1; }
EXPORT(tbit_device_parms) void tbit_device_parms(int d, int min_align, int blo, int bhi)
{
	struct tbit_device *t = (struct tbit_device *)tbit_dev(d);
	t->parms.min_align_mask = min_align;
	t->parms.segment_boundary_mask = tbit_u64(blo, bhi);
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
EXPORT(tbit_field_set) void tbit_field_set(int d, int f, int lo, int hi) { tbit_fields_set(tbit_dev(d), f, tbit_u64(lo, hi)); }
EXPORT(tbit_field_get) double tbit_field_get(int d, int f) { return tbit_fields_get(tbit_dev(d), f); }

/* ---- looking in ---- */
EXPORT(tbit_alloc) int tbit_alloc(int size) { return (int)(unsigned long)tbit_kzalloc(size, 64); }
EXPORT(tbit_heap_end) int tbit_heap_end(void) { return (int)tbit_brk; }
EXPORT(tbit_start) void tbit_start(int cpus, int verbose)
{
	tbit_scratch.cpus = cpus;
	tbit_scratch.verbose = verbose;
	tbit_grow((__builtin_wasm_memory_size(0) << 16));
}

typedef __int128 tbit_ti;
/* the compiler asks for it where it cannot rule out a 128 bit product */
__attribute__((used)) tbit_ti __multi3(tbit_ti a, tbit_ti b)
{
	u64 al = a, bl = b, ah = (u64)(a >> 64), bh = (u64)(b >> 64);
	u64 l0 = (al & 0xffffffff) * (bl & 0xffffffff), m0 = (al >> 32) * (bl & 0xffffffff), m1 = (al & 0xffffffff) * (bl >> 32);
	u64 mid = (l0 >> 32) + (m0 & 0xffffffff) + (m1 & 0xffffffff);
	u64 hi = (al >> 32) * (bl >> 32) + (m0 >> 32) + (m1 >> 32) + (mid >> 32) + ah * bl + al * bh;
	return (tbit_ti)((unsigned __int128)hi << 64 | (mid << 32 | (l0 & 0xffffffff)));
}
