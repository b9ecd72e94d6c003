/* One instruction each, so that interleaving does not tear them. */
#ifndef TBIT_ASM_CMPXCHG_H
#define TBIT_ASM_CMPXCHG_H
#define arch_xchg(p, v) __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)
#define arch_cmpxchg(p, o, n) ({ __typeof__(*(p)) tbit_o = (o); (void)__atomic_compare_exchange_n((p), &tbit_o, (n), 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); tbit_o; })
#define arch_cmpxchg64 arch_cmpxchg
#define arch_cmpxchg_local arch_cmpxchg
#define arch_cmpxchg64_local arch_cmpxchg
#endif
