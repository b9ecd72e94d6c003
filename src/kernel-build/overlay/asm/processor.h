#ifndef TBIT_ASM_PROCESSOR_H
#define TBIT_ASM_PROCESSOR_H
#ifndef __ASSEMBLY__
struct thread_struct { unsigned long opaque; };
struct task_struct;
struct mm_struct;
/* a wait in a loop costs fuel, as every turn does */
static inline void cpu_relax(void) { __asm__ __volatile__("" ::: "memory"); }
#define INIT_THREAD { 0 }
#define TASK_SIZE (1UL << 47)
#define TASK_SIZE_MAX TASK_SIZE
#define STACK_TOP TASK_SIZE
#define STACK_TOP_MAX TASK_SIZE
#define TASK_UNMAPPED_BASE 0
#define KSTK_EIP(t) 0UL
#define KSTK_ESP(t) 0UL
static inline unsigned long __get_wchan(struct task_struct *p) { return 0; }
static inline void start_thread(void *regs, unsigned long pc, unsigned long sp) { }
#define cache_line_size() 64
/* what the files of x86 ask of it */
#ifdef CONFIG_X86
#include <asm/msr-index.h>
#endif
#define cpu_feature_enabled(f) 0
#define boot_cpu_has(f) 0
#endif
#endif
