#ifndef TBIT_ASM_IO_H
#define TBIT_ASM_IO_H
#include <linux/types.h>
#include <asm/page.h>
void *ioremap(phys_addr_t p, size_t n);
#define ioremap ioremap
#define ioremap_wc ioremap
#define ioremap_cache ioremap
void iounmap(volatile void *p);
#define iounmap iounmap
#include <asm-generic/io.h>
#endif
