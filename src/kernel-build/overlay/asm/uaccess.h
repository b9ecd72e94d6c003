/* There is no user space. */
#ifndef TBIT_ASM_UACCESS_H
#define TBIT_ASM_UACCESS_H
#ifndef __ASSEMBLY__
#include <linux/types.h>
static inline unsigned long raw_copy_from_user(void *to, const void *from, unsigned long n) { return n; }
static inline unsigned long raw_copy_to_user(void *to, const void *from, unsigned long n) { return n; }
#include <asm-generic/uaccess.h>
#endif
#endif
