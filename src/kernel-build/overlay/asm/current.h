#ifndef TBIT_ASM_CURRENT_H
#define TBIT_ASM_CURRENT_H
struct task_struct;
extern struct task_struct *tbit_current;
#define current tbit_current
#endif
