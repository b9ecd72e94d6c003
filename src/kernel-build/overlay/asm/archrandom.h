#ifndef TBIT_ASM_ARCHRANDOM_H
#define TBIT_ASM_ARCHRANDOM_H
static inline unsigned long arch_get_random_longs(unsigned long *v, unsigned long n) { return 0; }
static inline unsigned long arch_get_random_seed_longs(unsigned long *v, unsigned long n) { return 0; }
#define rdrand_long(v) false
#define rdseed_long(v) false
#endif
