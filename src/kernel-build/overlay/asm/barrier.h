/* Steps of threads are interleaved in one order: the compiler alone must be held. */
#ifndef TBIT_ASM_BARRIER_H
#define TBIT_ASM_BARRIER_H
#define mb() __asm__ __volatile__("" ::: "memory")
#define rmb() mb()
#define wmb() mb()
#define dma_rmb() mb()
#define dma_wmb() mb()
#include <asm-generic/barrier.h>
#endif
