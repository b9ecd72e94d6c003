#ifndef TBIT_ASM_SEV_H
#define TBIT_ASM_SEV_H
#include <asm/coco.h>
#include <asm/msr-index.h>
static inline void sev_show_status(void) { }
static inline void snp_secure_tsc_prepare(void) { }
static inline void snp_fixup_e820_tables(void) { }
#endif
