/* Atomic operations: one instruction each. What is not here the tree's own fallbacks make of these. */
#ifndef TBIT_ASM_ATOMIC_H
#define TBIT_ASM_ATOMIC_H
#include <linux/types.h>
#include <asm/cmpxchg.h>
#include <asm/barrier.h>
#define arch_atomic_read(v) READ_ONCE((v)->counter)
#define arch_atomic_set(v, i) WRITE_ONCE((v)->counter, (i))
#define arch_atomic64_read(v) READ_ONCE((v)->counter)
#define arch_atomic64_set(v, i) WRITE_ONCE((v)->counter, (i))
#define ATOMIC64_INIT(i) { (i) }
#define TBIT_ATOMIC_OP(p, type, t, op, builtin) \
	static inline void arch_##p##_##op(t i, type *v) { (void)__atomic_fetch_##builtin(&v->counter, i, __ATOMIC_SEQ_CST); } \
	static inline t arch_##p##_fetch_##op(t i, type *v) { return __atomic_fetch_##builtin(&v->counter, i, __ATOMIC_SEQ_CST); }
#define TBIT_ATOMIC_RETURN(p, type, t, op) \
	static inline t arch_##p##_##op##_return(t i, type *v) { return __atomic_##op##_fetch(&v->counter, i, __ATOMIC_SEQ_CST); }
#define TBIT_ATOMIC(p, type, t) \
	TBIT_ATOMIC_OP(p, type, t, add, add) TBIT_ATOMIC_OP(p, type, t, sub, sub) TBIT_ATOMIC_OP(p, type, t, and, and) \
	TBIT_ATOMIC_OP(p, type, t, or, or) TBIT_ATOMIC_OP(p, type, t, xor, xor) \
	TBIT_ATOMIC_RETURN(p, type, t, add) TBIT_ATOMIC_RETURN(p, type, t, sub)
/* older trees have these made from the plain forms by the architecture */
#define TBIT_ATOMIC_CMPXCHG(p, type, t) \
	static inline t arch_##p##_cmpxchg(type *v, t o, t n) { return arch_cmpxchg(&v->counter, o, n); } \
	static inline t arch_##p##_xchg(type *v, t n) { return arch_xchg(&v->counter, n); }
TBIT_ATOMIC(atomic, atomic_t, int)
TBIT_ATOMIC(atomic64, atomic64_t, s64)
TBIT_ATOMIC_CMPXCHG(atomic, atomic_t, int)
TBIT_ATOMIC_CMPXCHG(atomic64, atomic64_t, s64)
#define arch_atomic_cmpxchg arch_atomic_cmpxchg
#define arch_atomic_xchg arch_atomic_xchg
#define arch_atomic64_cmpxchg arch_atomic64_cmpxchg
#define arch_atomic64_xchg arch_atomic64_xchg
#define arch_atomic_add_return arch_atomic_add_return
#define arch_atomic_sub_return arch_atomic_sub_return
#define arch_atomic_fetch_add arch_atomic_fetch_add
#define arch_atomic_fetch_sub arch_atomic_fetch_sub
#define arch_atomic_fetch_and arch_atomic_fetch_and
#define arch_atomic_fetch_or arch_atomic_fetch_or
#define arch_atomic_fetch_xor arch_atomic_fetch_xor
#define arch_atomic64_add_return arch_atomic64_add_return
#define arch_atomic64_sub_return arch_atomic64_sub_return
#define arch_atomic64_fetch_add arch_atomic64_fetch_add
#define arch_atomic64_fetch_sub arch_atomic64_fetch_sub
#define arch_atomic64_fetch_and arch_atomic64_fetch_and
#define arch_atomic64_fetch_or arch_atomic64_fetch_or
#define arch_atomic64_fetch_xor arch_atomic64_fetch_xor
#endif
