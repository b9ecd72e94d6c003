/* Interrupts are off or on as the code says; nothing interrupts. The count stands beside the preempt count. */
#ifndef TBIT_ASM_IRQFLAGS_H
#define TBIT_ASM_IRQFLAGS_H
#ifndef __ASSEMBLY__
#define tbit_irqs_off (*(volatile unsigned long *)2336)
static inline unsigned long arch_local_save_flags(void) { return tbit_irqs_off; }
static inline void arch_local_irq_restore(unsigned long f) { tbit_irqs_off = f; }
static inline void arch_local_irq_disable(void) { tbit_irqs_off = 1; }
static inline void arch_local_irq_enable(void) { tbit_irqs_off = 0; }
static inline unsigned long arch_local_irq_save(void) { unsigned long f = tbit_irqs_off; tbit_irqs_off = 1; return f; }
static inline int arch_irqs_disabled_flags(unsigned long f) { return f != 0; }
static inline int arch_irqs_disabled(void) { return tbit_irqs_off != 0; }
#endif
#endif
