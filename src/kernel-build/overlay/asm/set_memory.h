#ifndef TBIT_ASM_SET_MEMORY_H
#define TBIT_ASM_SET_MEMORY_H
#include <linux/types.h>
#include <asm/page.h>
int set_memory_ro(unsigned long addr, int numpages);
int set_memory_rw(unsigned long addr, int numpages);
int set_memory_x(unsigned long addr, int numpages);
int set_memory_nx(unsigned long addr, int numpages);
#ifdef CONFIG_ARCH_HAS_MEM_ENCRYPT
int set_memory_encrypted(unsigned long addr, int numpages);
int set_memory_decrypted(unsigned long addr, int numpages);
#endif
#endif
