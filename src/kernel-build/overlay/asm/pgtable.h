/* The kernel's page tables are the machine's: only protections are told apart here. */
#ifndef TBIT_ASM_PGTABLE_H
#define TBIT_ASM_PGTABLE_H
#include <asm/page.h>
#define PTRS_PER_PTE 512
#define PTRS_PER_PMD 512
#define PTRS_PER_PUD 512
#define PTRS_PER_PGD 512
#define PMD_SHIFT 21
#define PMD_SIZE (1UL << PMD_SHIFT)
#define PMD_MASK (~(PMD_SIZE - 1))
#define PUD_SHIFT 30
#define PUD_SIZE (1UL << PUD_SHIFT)
#define PUD_MASK (~(PUD_SIZE - 1))
#define PGDIR_SHIFT 39
#define PGDIR_SIZE (1UL << PGDIR_SHIFT)
#define PGDIR_MASK (~(PGDIR_SIZE - 1))
#define TBIT_PROT_DECRYPTED 1UL
#define TBIT_PROT_DMACOHERENT 2UL
#define TBIT_PROT_WRITECOMBINE 4UL
#define TBIT_PROT_NONCACHED 8UL
#define PAGE_KERNEL __pgprot(0)
#define PAGE_KERNEL_EXEC __pgprot(0)
#define PAGE_KERNEL_RO __pgprot(0)
#define PAGE_NONE __pgprot(0)
#define PAGE_READONLY __pgprot(0)
#define PAGE_SHARED __pgprot(0)
#ifndef __ASSEMBLY__
#include <asm-generic/pgtable-nop4d.h>
#define VMALLOC_START TBIT_VMALLOC
#define VMALLOC_END (TBIT_VMEMMAP - 1)
#define MODULES_VADDR VMALLOC_START
#define MODULES_END VMALLOC_END
#define pgprot_decrypted(p) __pgprot(pgprot_val(p) | TBIT_PROT_DECRYPTED)
#define pgprot_encrypted(p) __pgprot(pgprot_val(p) & ~TBIT_PROT_DECRYPTED)
#define pgprot_dmacoherent(p) __pgprot(pgprot_val(p) | TBIT_PROT_DMACOHERENT)
#define pgprot_writecombine(p) __pgprot(pgprot_val(p) | TBIT_PROT_WRITECOMBINE)
#define pgprot_noncached(p) __pgprot(pgprot_val(p) | TBIT_PROT_NONCACHED)
#define pte_none(x) (!pte_val(x))
#define pte_present(x) (!!pte_val(x))
#define pmd_none(x) (!pmd_val(x))
#define pmd_bad(x) 0
#define pmd_present(x) (!!pmd_val(x))
#define pud_none(x) (!pud_val(x))
#define pud_bad(x) 0
#define pud_present(x) (!!pud_val(x))
#define p4d_none(x) (!p4d_val(x))
#define p4d_bad(x) 0
#define p4d_present(x) (!!p4d_val(x))
#define p4d_leaf(x) 0
#define p4d_page(x) pfn_to_page(p4d_val(x) >> PAGE_SHIFT)
#define p4d_pfn(x) (p4d_val(x) >> PAGE_SHIFT)
static inline void set_p4d(p4d_t *p, p4d_t v) { *p = v; }
#define p4d_clear(p) set_p4d(p, (p4d_t) { { 0 } })
#define pmd_leaf(x) 0
#define pud_leaf(x) 0
#define pte_write(x) 1
#define pte_dirty(x) 1
#define pte_young(x) 1
#define pmd_write(x) 1
#define pmd_dirty(x) 1
#define pmd_young(x) 1
static inline pte_t pte_wrprotect(pte_t p) { return p; }
static inline pte_t pte_mkold(pte_t p) { return p; }
static inline pte_t pte_mkclean(pte_t p) { return p; }
static inline pte_t pte_mkwrite_novma(pte_t p) { return p; }
#ifdef TBIT_PTE_MKWRITE
static inline pte_t pte_mkwrite(pte_t p) { return p; }
#endif
static inline pte_t pte_mkdirty(pte_t p) { return p; }
static inline pte_t pte_mkyoung(pte_t p) { return p; }
#define pmd_mkold(p) (p)
#define pmd_wrprotect(p) (p)
#define pte_pfn(x) (pte_val(x) >> PAGE_SHIFT)
#define pmd_pfn(x) (pmd_val(x) >> PAGE_SHIFT)
#define pud_pfn(x) (pud_val(x) >> PAGE_SHIFT)
#define pfn_pte(pfn, prot) __pte((pfn) << PAGE_SHIFT)
#define pfn_pmd(pfn, prot) __pmd((pfn) << PAGE_SHIFT)
#define pte_page(x) pfn_to_page(pte_pfn(x))
#define pmd_page(x) pfn_to_page(pmd_pfn(x))
#define pud_page(x) pfn_to_page(pud_pfn(x))
#define pmd_page_vaddr(x) ((unsigned long)__va(pmd_val(x) & PAGE_MASK))
#define p4d_pgtable(x) ((pud_t *)__va(p4d_val(x) & PAGE_MASK))
#define pud_pgtable(x) ((pmd_t *)__va(pud_val(x) & PAGE_MASK))
static inline void set_pte(pte_t *p, pte_t v) { *p = v; }
static inline void set_pmd(pmd_t *p, pmd_t v) { *p = v; }
static inline void set_pud(pud_t *p, pud_t v) { *p = v; }
#define set_pte_at(mm, a, p, v) set_pte(p, v)
#define pte_clear(mm, a, p) set_pte(p, __pte(0))
#define pmd_clear(p) set_pmd(p, __pmd(0))
#define pud_clear(p) set_pud(p, __pud(0))
#define PFN_PTE_SHIFT PAGE_SHIFT
#define pte_modify(p, prot) (p)
#define pte_ERROR(e) do { } while (0)
#define pmd_ERROR(e) do { } while (0)
#define pud_ERROR(e) do { } while (0)
#define pgd_ERROR(e) do { } while (0)
#define __HAVE_ARCH_PTE_SWP_EXCLUSIVE
#define __swp_type(x) ((x).val & 31)
#define __swp_offset(x) ((x).val >> 5)
#define __swp_entry(t, o) ((swp_entry_t) { (t) | ((o) << 5) })
#define __pte_to_swp_entry(p) ((swp_entry_t) { pte_val(p) })
#define __swp_entry_to_pte(x) __pte((x).val)
#define pte_swp_exclusive(p) false
#define pte_swp_mkexclusive(p) (p)
#define pte_swp_clear_exclusive(p) (p)
#define update_mmu_cache_range(...) do { } while (0)
#define update_mmu_cache(...) do { } while (0)
#define update_mmu_cache_pmd(...) do { } while (0)
#define ZERO_PAGE(v) pfn_to_page(0)
extern unsigned long prot_ns_shared;
/* cut from the architecture */
#include "tbit-prot.h"
extern pgd_t swapper_pg_dir[PTRS_PER_PGD];
#endif
#endif
