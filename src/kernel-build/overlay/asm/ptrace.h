#ifndef TBIT_ASM_PTRACE_H
#define TBIT_ASM_PTRACE_H
#ifndef __ASSEMBLY__
struct pt_regs { unsigned long pc, sp; };
#define user_mode(r) 0
#define instruction_pointer(r) ((r)->pc)
#define profile_pc(r) instruction_pointer(r)
#define user_stack_pointer(r) ((r)->sp)
#define kernel_stack_pointer(r) ((r)->sp)
#define frame_pointer(r) ((r)->sp)
static inline void instruction_pointer_set(struct pt_regs *r, unsigned long v) { r->pc = v; }
static inline unsigned long regs_return_value(struct pt_regs *r) { return 0; }
static inline unsigned long regs_get_kernel_argument(struct pt_regs *r, unsigned int n) { return 0; }
#define arch_has_single_step() 0
#endif
#endif
