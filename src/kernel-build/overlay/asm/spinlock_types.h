/* A lock is held or not: who holds it, and who waits, is the machine's (machine.c). */
#ifndef TBIT_ASM_SPINLOCK_TYPES_H
#define TBIT_ASM_SPINLOCK_TYPES_H
typedef struct { unsigned int held; } arch_spinlock_t;
typedef struct { unsigned int held; } arch_rwlock_t;
#define __ARCH_SPIN_LOCK_UNLOCKED { 0 }
#define __ARCH_RW_LOCK_UNLOCKED { 0 }
#endif
