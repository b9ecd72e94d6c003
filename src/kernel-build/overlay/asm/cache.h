#ifndef TBIT_ASM_CACHE_H
#define TBIT_ASM_CACHE_H
#define L1_CACHE_SHIFT 6
#define L1_CACHE_BYTES (1 << L1_CACHE_SHIFT)
#if defined(CONFIG_ARCH_HAS_BATCHED_DMA_SYNC) && !defined(__ASSEMBLY__)
/* the barrier behind batched cache maintenance */
void tbit_sync_dma_flush(void);
static inline void arch_sync_dma_flush(void) { tbit_sync_dma_flush(); }
#endif
#ifdef CONFIG_ARM64
#define ARCH_DMA_MINALIGN 128
#define ARCH_KMALLOC_MINALIGN 8
#define dma_get_cache_alignment cache_line_size
#endif
#endif
