/* Which CPU runs a call is told with the call. */
#ifndef TBIT_ASM_SMP_H
#define TBIT_ASM_SMP_H
#ifndef __ASSEMBLY__
struct cpumask;
#define raw_smp_processor_id() ((int)*(volatile int *)2176)
static inline void arch_send_call_function_single_ipi(int cpu) { }
static inline void arch_send_call_function_ipi_mask(const struct cpumask *mask) { }
static inline void arch_smp_send_reschedule(int cpu) { }
#define cpu_logical_map(cpu) (cpu)
#endif
#endif
