#ifndef TBIT_ASM_ASM_H
#define TBIT_ASM_ASM_H
#define RIP_REL_REF(x) (x)
#endif
