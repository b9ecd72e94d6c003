/*
 * 4 KiB pages; guest memory lies outside the instance. An address says what it is: the linear map, a remapped page, a struct page.
 */
#ifndef TBIT_ASM_PAGE_H
#define TBIT_ASM_PAGE_H
#define PAGE_SHIFT 12
#ifndef __ASSEMBLY__
#define PAGE_SIZE (1UL << PAGE_SHIFT)
#else
#define PAGE_SIZE 4096
#endif
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define PAGE_OFFSET 0xffff800000000000UL
#define TBIT_VMALLOC 0xffffc00000000000UL
#define TBIT_VMEMMAP 0xffffe00000000000UL
#ifndef __ASSEMBLY__
#include <linux/types.h>
typedef struct { unsigned long pte; } pte_t;
typedef struct { unsigned long pmd; } pmd_t;
typedef struct { unsigned long pud; } pud_t;
typedef struct { unsigned long pgd; } pgd_t;
typedef struct { unsigned long pgprot; } pgprot_t;
struct page;
typedef struct page *pgtable_t;
#define pte_val(x) ((x).pte)
#define pmd_val(x) ((x).pmd)
#define pud_val(x) ((x).pud)
#define pgd_val(x) ((x).pgd)
#define pgprot_val(x) ((x).pgprot)
#define __pte(x) ((pte_t) { (x) })
#define __pmd(x) ((pmd_t) { (x) })
#define __pud(x) ((pud_t) { (x) })
#define __pgd(x) ((pgd_t) { (x) })
#define __pgprot(x) ((pgprot_t) { (x) })
phys_addr_t tbit_virt_to_phys(const volatile void *v);
#define __pa(v) tbit_virt_to_phys((const volatile void *)(unsigned long)(v))
#define __pa_nodebug(v) __pa(v)
#define __pa_symbol(v) ((unsigned long)(v))
#define __va(p) ((void *)(PAGE_OFFSET + (unsigned long)(phys_addr_t)(p)))
/* what any architecture's phys_to_virt() is; asm-generic/io.h would add PAGE_OFFSET twice */
#define virt_to_phys virt_to_phys
#define phys_to_virt phys_to_virt
static inline phys_addr_t virt_to_phys(const volatile void *v) { return tbit_virt_to_phys(v); }
static inline void *phys_to_virt(phys_addr_t p) { return __va(p); }
#define virt_to_page(v) pfn_to_page(__pa(v) >> PAGE_SHIFT)
#define virt_to_pfn(v) (__pa(v) >> PAGE_SHIFT)
#define pfn_to_virt(pfn) __va((phys_addr_t)(pfn) << PAGE_SHIFT)
#define page_to_virt(p) __va(page_to_pfn(p) << PAGE_SHIFT)
#define virt_addr_valid(v) ((unsigned long)(v) >= PAGE_OFFSET && (unsigned long)(v) < TBIT_VMALLOC)
#define ARCH_PFN_OFFSET 0UL
extern unsigned long max_pfn;
#define pfn_valid pfn_valid
static inline int pfn_valid(unsigned long pfn) { return pfn < max_pfn; }
#define vmemmap ((struct page *)TBIT_VMEMMAP)
#define page_to_phys(p) ((phys_addr_t)page_to_pfn(p) << PAGE_SHIFT)
#define phys_to_page(p) pfn_to_page((p) >> PAGE_SHIFT)
#define clear_page(p) __builtin_memset((p), 0, PAGE_SIZE)
#define copy_page(d, s) __builtin_memcpy((d), (s), PAGE_SIZE)
#define clear_user_page(p, v, pg) clear_page(p)
#define copy_user_page(d, s, v, pg) copy_page(d, s)
#include <asm-generic/memory_model.h>
#include <asm-generic/getorder.h>
#endif
#endif
