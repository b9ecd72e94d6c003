/* Below _raw_spin_lock() and its kind, which the machine has, nothing is ever called. */
#ifndef TBIT_ASM_SPINLOCK_H
#define TBIT_ASM_SPINLOCK_H
#include <asm/spinlock_types.h>
#define arch_spin_is_locked(l) ((l)->held != 0)
#define arch_spin_value_unlocked(l) ((l).held == 0)
#define arch_spin_is_contended(l) 0
static inline void arch_spin_lock(arch_spinlock_t *l) { l->held = 1; }
static inline void arch_spin_unlock(arch_spinlock_t *l) { l->held = 0; }
static inline int arch_spin_trylock(arch_spinlock_t *l) { return l->held ? 0 : (l->held = 1); }
static inline void arch_read_lock(arch_rwlock_t *l) { }
static inline void arch_read_unlock(arch_rwlock_t *l) { }
static inline int arch_read_trylock(arch_rwlock_t *l) { return 1; }
static inline void arch_write_lock(arch_rwlock_t *l) { }
static inline void arch_write_unlock(arch_rwlock_t *l) { }
static inline int arch_write_trylock(arch_rwlock_t *l) { return 1; }
#define arch_rwlock_is_contended(l) 0
#endif
